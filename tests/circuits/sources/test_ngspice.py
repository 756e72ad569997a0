"""The wrapper of ngspice: its numbers are the simulator's, and what it cannot do is an error in spite of its status."""

from __future__ import annotations

import numpy as np
import pytest

from hypernet.circuits.core.ladder import respond
from hypernet.circuits.core.parts import parse
from hypernet.circuits.sources import ngspice
from hypernet.circuits.sources.netlist import read_netlist, write_netlist
from hypernet.lab.errors import UserError

needs_ngspice = pytest.mark.skipif(ngspice.find_ngspice() is None, reason="ngspice: not on the PATH")
# Its response at w = 1 was computed by hand beside this project's simulator.
REFERENCE = "SR:1|PC:1|SL:1|PR:2.2|SC:2.2|PL:4.7"


@needs_ngspice
def test_the_reference_circuit():
    types, values = parse(REFERENCE)
    voltage, current = ngspice.respond_ngspice(types, values, np.array([1.0]))
    np.testing.assert_allclose(voltage, [1.115702479338843 + 0.5454545454545454j], rtol=1e-12)
    np.testing.assert_allclose(current, [-1.11605415860735 - 2.2171619483031475j], rtol=1e-12)


@needs_ngspice
@pytest.mark.parametrize(("r0", "omega0"), [(1e3, 1e6), (50.0, 3e9)])
@pytest.mark.parametrize("text", [REFERENCE, "|".join(["SC:0.1|PL:0.1"] * 5), "PL:1|PL:2|SC:1|SC:1|PR:1"])
def test_a_whole_response_in_one_process(text, r0, omega0):
    types, values = parse(text)
    frequency = np.geomspace(0.01, 100, 45)
    theirs = ngspice.respond_ngspice(types, values, frequency, r0, omega0)
    for mine, other in zip(respond(types[None], values[None], frequency), theirs, strict=True):
        np.testing.assert_allclose(mine[0], other, rtol=1e-10)


@needs_ngspice
def test_a_failure_with_exit_status_0():
    # Without noopac the operating point of a loop of inductors is singular; an element twice is a fault of the text.
    types, values = parse("PL:1|PL:1|SR:1")
    text = write_netlist(types, values, "x")
    with pytest.raises(UserError, match="ngspice: no response of this circuit"):
        ngspice._run(text.replace("RT p0 0", "Q9 p0 0"), np.array([1e3]))
    shorted = text.replace("RT p0 0 1000.0", "V8 p0 0 AC 1\nV9 p0 0 AC 1")
    with pytest.raises(UserError, match="ngspice: no response of this circuit"):
        ngspice._run(shorted, np.array([1e3]))


def test_no_text_of_a_netlist_reaches_ngspice(monkeypatch, tmp_path):
    kept = tmp_path / "kept.cir"
    program = tmp_path / "ngspice"
    program.write_text(f"#!/bin/sh\n/bin/cp ladder.cir {kept}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    ladder = read_netlist("* ; shell touch owned\nV1 owned 0 AC 1\nRowned owned b 1k\nRL b 0 1k\n.end\n")
    with pytest.raises(UserError, match="no response of this circuit"):
        ngspice.respond_ngspice(ladder.types, ladder.values, np.array([1.0]))
    assert "owned" not in kept.read_text()


def test_a_machine_without_it(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    types, values = parse("SR:1")
    with pytest.raises(UserError, match="ngspice: not on the PATH"):
        ngspice.respond_ngspice(types, values, np.array([1.0]))


def test_a_program_that_says_nothing(monkeypatch, tmp_path):
    program = tmp_path / "ngspice"
    program.write_text("#!/bin/sh\nexit 0\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    types, values = parse("SR:1")
    with pytest.raises(UserError, match=r"no response of this circuit \(no output\)"):
        ngspice.respond_ngspice(types, values, np.array([1.0]))
