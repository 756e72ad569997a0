"""The wrapper of ngspice: its numbers are the simulator's, and what it cannot do is an error in spite of its status."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest

from hypernet.circuits.core.ladder import respond
from hypernet.circuits.core.parts import parse
from hypernet.circuits.core.terminations import Terminations
from hypernet.circuits.sources import ngspice
from hypernet.circuits.sources.netlist import read_netlist, write_netlist
from hypernet.lab.errors import UserError

CASES = Path(__file__).resolve().parents[1] / "cases"
needs_ngspice = pytest.mark.skipif(ngspice.find_ngspice() is None, reason="ngspice: not on the PATH")
# Its response at w = 1 was computed by hand beside this project's simulator.
REFERENCE = "SR:1|PC:1|SL:1|PR:2.2|SC:2.2|PL:4.7"
ARMS = (
    "PL:1+PR:22&PC:3|SL:1+SR:0.2&SC:3&SR:47|PC:2.2",
    "SL:1&SC:2.2|PC:1|SL:2.2&SC:0.47|PC:1",
    "SL:1|PL:1&PC:2.2|SL:1",
    "PC:1+PR:10&PL:2+PC:3&PR:0.1",
    "PC:1",
)
FREQUENCY_HZ = np.geomspace(1e3, 1e8, 26)


def transmission(ladder, frequency_hz):
    """S21, or the gain, of a ladder by this project's simulator."""
    ends, frequency = ladder.terminations, 2 * np.pi * frequency_hz / ladder.omega0
    voltage, current = respond(ladder.types[None], ladder.values[None], frequency, ends.excitation)
    return 1 / ends.inverse_transmission(voltage[0], current[0])


@needs_ngspice
def test_the_reference_circuit():
    types, values = parse(REFERENCE)
    voltage, current = ngspice.respond_ngspice(types, values, np.array([1.0]))
    np.testing.assert_allclose(voltage, [1.115702479338843 + 0.5454545454545454j], rtol=1e-12)
    np.testing.assert_allclose(current, [-1.11605415860735 - 2.2171619483031475j], rtol=1e-12)


@needs_ngspice
@pytest.mark.parametrize(("r0", "omega0"), [(1e3, 1e6), (50.0, 3e9)])
@pytest.mark.parametrize("text", [REFERENCE, "|".join(["SC:0.1|PL:0.1"] * 5), "PL:1|PL:2|SC:1|SC:1|PR:1", *ARMS])
def test_a_whole_response_in_one_process(text, r0, omega0):
    types, values = parse(text)
    frequency = np.geomspace(0.01, 100, 45)
    theirs = ngspice.respond_ngspice(types, values, frequency, r0, omega0)
    for mine, other in zip(respond(types[None], values[None], frequency), theirs, strict=True):
        np.testing.assert_allclose(mine[0], other, rtol=1e-10)


@needs_ngspice
@pytest.mark.parametrize(
    "ends", [Terminations(1.0, 1.0), Terminations(0.05, 2.2), Terminations(None, 1.0), Terminations(1.0, math.inf)]
)
@pytest.mark.parametrize("text", [REFERENCE, *ARMS])
def test_the_obvious_node_of_an_export_shows_the_claim(text, ends):
    types, values = parse(text)
    frequency = np.geomspace(0.01, 100, 26)
    voltage, current = respond(types[None], values[None], frequency, ends.excitation)
    claimed = 1 / ends.inverse_transmission(voltage[0], current[0])
    written = write_netlist(types, values, "claimed", 1e3, 1e6, ends, analysis=(10, 1e3, 1e6))
    shown = ngspice.run_text(written, frequency * 1e6 / (2 * np.pi))
    np.testing.assert_allclose(shown, claimed, rtol=1e-9)


@needs_ngspice
def test_the_butterworth_filter_is_3_db_down_at_its_corner():
    ladder = read_netlist(CASES / "02_numbered_load.cir")
    written = write_netlist(ladder.types, ladder.values, "x", ladder.r0, ladder.omega0, ladder.terminations)
    passed, corner = 20 * np.log10(np.abs(ngspice.run_text(written, np.array([3.2e6, 1e7]))))
    assert passed == pytest.approx(0.0, abs=1e-3)
    assert corner == pytest.approx(-10 * math.log10(2), abs=0.01)


DRIVEN = "t\nV1 in 0 AC 1\nR1 in a 50\n"
LOW_PASS = "L1 a b 1u\nC1 b 0 1n\nR2 b 0 75\n"


@needs_ngspice
@pytest.mark.parametrize(
    "text",
    [
        *(pytest.param(path, id=path.stem) for path in sorted(CASES.glob("[0-2]*.cir"))),
        pytest.param(CASES / "utf16.cir", id="utf16"),
        "t\nV1 in 0 DC 5 AC 2 45 SIN(0 1 1k)\nR1 in a 50\n" + LOW_PASS,
        "t\nV1 0 in AC 2 45\nR1 in a 50\n" + LOW_PASS,
        "t\nV1 in 0 SIN(0 1 1k)\nR1 in a 50\n" + LOW_PASS,
        "t\nV1 a 0 AC 1 Rser=50\n" + LOW_PASS,
        "t\nV1 0 a AC 1 Rser=50\n" + LOW_PASS,
        "t\nV1 a 0 dc 0 ac 1 portnum 1 z0 75\nL1 a b 1u\nC1 b 0 1n\nV2 0 b dc 0 portnum 2\n",
        "t\nI1 0 a AC 2m 45\nR1 a 0 50\n" + LOW_PASS,
        "t\nI1 a 0 AC 2m 45\nR1 a 0 50\n" + LOW_PASS,
        "t\nI1 0 a AC 1m\n" + LOW_PASS,
        "t\nV1 a 0 AC 3\n" + LOW_PASS,
        "t\nV1 in gnd AC 1\nVCC x gnd 5\nI2 a 0 1m\nR1 in a 50\nL1 a b 1u\nC1 b x 1n\nR2 b GND! 75\n",
        DRIVEN + "L1 a b 10 uH Rser=1 Rpar=10k Cpar=1p m=2\nC1 b 0 4n7 Rser=0.1 Lser=1n V=50 mfg=\"A B\"\nR2 b 0 4k7\n",
        DRIVEN + "L1 a N$1 1µ m=2\nVM N$1 out+ 0\nC1 out+ 0 1n m=3\nR2 out+ 0 75Ω\n",
        DRIVEN + ".param k=2 l={2*k**2*pi*1u} c='sqrt(k)*1n'\nL1 a b {l}\nC1 b 0 C={c}\nR2 b 0 R=75\n",
        DRIVEN + ".subckt cell p q params: l=1u\n.param c={l*1m}\n.subckt shunt p\nC1 p 0 {c}\n.ends\nL1 p x {l}\n"
        "Rx x q 1\nX1 q shunt\n.ends cell\nX1 a m cell\nX2 m b cell params: l={2*2u}\nR2 b 0 75\n",
        DRIVEN + ".global v\nV2 v 0 0\n.subckt f p q\nL1 p q 1u\nC1 q v 1n\n.ends\nX1 a b f\nR2 b 0 75\n",
        DRIVEN + "L1 a b 1u\nC1 b 0 1n\n.control\nplot vdb(b)\n.endc\n",
        DRIVEN + ".param k=2\nL1 a b {k*4u7/2**2}\nC1 b 0 {2*1n5/(1+.5)} Rser={0}\nR2 b 0 {4k7*1e-2*k}\n",
        "t\nI1 0 a DC 0Adc AC 2Aac\nR1 a 0 50\n" + LOW_PASS,
    ],
)  # fmt: skip
def test_the_users_file_is_run(text):
    ladder = read_netlist(text)
    theirs = ngspice.run_file(ladder, FREQUENCY_HZ)
    np.testing.assert_allclose(theirs, transmission(ladder, FREQUENCY_HZ), rtol=1e-9)


@needs_ngspice
@pytest.mark.parametrize(
    "options",
    [
        {"load": 50.0},
        {"source_ohm": 75.0},
        {"load": 50.0, "source_ohm": 75.0},
        {"load": math.inf},
        {"ports": ("b", "in"), "load": 10.0},
        {"ports": ("b", "a"), "load": 10.0},
        {"ports": ("b", "in"), "source_ohm": 75.0},
    ],
)
@pytest.mark.parametrize("source", ["V1 in 0 AC 2 45\nR1 in a 50\n", "V1 0 in AC 2 45\nR1 in a 50\n"])
def test_the_users_file_with_other_resistances(source, options):
    ladder = read_netlist("t\n" + source + LOW_PASS, **options)
    theirs = ngspice.run_file(ladder, FREQUENCY_HZ)
    np.testing.assert_allclose(theirs, transmission(ladder, FREQUENCY_HZ), rtol=1e-9)


@needs_ngspice
def test_the_resistance_of_ports_with_other_ones():
    text = "t\nV1 a 0 ac 1 portnum 1\nL1 a b 1u\nC1 b 0 1n\nV2 b 0 portnum 2 z0 75\n"
    ladder = read_netlist(text, load=10.0, source_ohm=20.0)
    assert ladder.notes[1].startswith("load: the resistance of V2 (75 Ohm)")
    theirs = ngspice.run_file(ladder, FREQUENCY_HZ)
    np.testing.assert_allclose(theirs, transmission(ladder, FREQUENCY_HZ), rtol=1e-9)


@needs_ngspice
@pytest.mark.parametrize("options", [{}, {"load": 50.0}, {"source_ohm": 50.0}, {"load": 50.0, "source_ohm": 75.0}])
def test_a_file_without_source_and_load(options):
    ladder = read_netlist("t\nL1 a b 1u\nC1 b 0 1n\nL2 b c 1u\n", ports=("c", "a"), **options)
    theirs = ngspice.run_file(ladder, FREQUENCY_HZ)
    np.testing.assert_allclose(theirs, transmission(ladder, FREQUENCY_HZ), rtol=1e-9)


@needs_ngspice
def test_a_misreading_shows():
    ladder = read_netlist(DRIVEN + LOW_PASS)
    wrong = dataclasses.replace(ladder, values=ladder.values * 1.001)
    difference = np.abs(ngspice.run_file(wrong, FREQUENCY_HZ) / transmission(wrong, FREQUENCY_HZ) - 1)
    assert difference.max() > 1e-4


HOSTILE = """* ; shell touch owned
V1 in 0 AC 1 PWL file="owned.txt"
R`touch_owned` in a 50
L1 a b$owned 1u
C1 b$owned 0 1n mfg="`touch owned`" pn='$(touch owned)'
RL b$owned 0 50
.control
shell touch owned
.endc
.exec touch owned
.end
.control
shell touch owned
.endc
"""


@needs_ngspice
def test_a_hostile_file_runs_nothing(monkeypatch, tmp_path):
    monkeypatch.setattr(ngspice.tempfile, "TemporaryDirectory", lambda: _Kept(tmp_path / "inside"))
    with pytest.raises(UserError, match=r"line 10: \.EXEC is not understood"):
        read_netlist(HOSTILE)
    ladder = read_netlist(HOSTILE.replace(".exec", "*"))
    theirs = ngspice.run_file(ladder, FREQUENCY_HZ)
    np.testing.assert_allclose(theirs, transmission(ladder, FREQUENCY_HZ), rtol=1e-9)
    assert not [path for path in tmp_path.rglob("*") if "owned" in path.name]
    given = (tmp_path / "inside" / "ladder.cir").read_text()
    assert "shell" not in given.split(".control")[0]
    assert not set("`$;\"'=") & set(given.split(".control")[0].replace("pi=3.14", ""))


class _Kept:
    """A folder that stays."""

    def __init__(self, folder):
        self.folder = folder

    def __enter__(self):
        self.folder.mkdir()
        return str(self.folder)

    def __exit__(self, *_):
        return None


@pytest.mark.parametrize(
    "line",
    [
        "B1 b 0 V={system(1)}",
        "A1 b c model",
        ".csparam x=1",
        ".hdl x.va",
        ".func f(x) {x}",
        ".if (1)",
        "C1 b 0 {file(1)}",
        "C1 b 0 'x`touch owned`'",
        ".include /dev/zero",
    ],
)
def test_statements_that_are_not_read_reach_nobody(line):
    with pytest.raises(UserError) as caught:
        read_netlist(DRIVEN + f"{line}\n" + LOW_PASS.replace("C1", "C2"))
    assert "\n" not in str(caught.value)


def test_expressions_are_left_to_ngspice():
    """What this reader computed itself would be no comparison; numbers that it reads in another way are written."""
    text = read_netlist(DRIVEN + "L1 a b {2*4u7/3}\nC1 b 0 {1n}\nR2 b 0 75\n").listing.text
    assert "l1 a b {2*4.7e-06/3}\nc1 b 0 {1n}\n" in text


def test_what_cannot_be_given():
    inside = ".subckt all p\nV1 p 0 AC 1\n.ends\nX1 in all\nR1 in a 50\n"
    for ladder in (
        read_netlist("t\n" + inside + LOW_PASS),
        dataclasses.replace(read_netlist(DRIVEN + LOW_PASS), listing=None),
    ):
        with pytest.raises(UserError, match="ngspice: this circuit is of no file that can be given to it"):
            ngspice.run_file(ladder, FREQUENCY_HZ)


@needs_ngspice
def test_a_failure_with_exit_status_0():
    # Without noopac the operating point of a loop of inductors is singular; an element twice is a fault of the text.
    text = write_netlist(*parse("PL:1|PL:1|SR:1"), "x")
    for old, new in (("RL out 0", "Q9 out 0"), ("RL out 0 1000.0", "V8 out 0 AC 1\nV9 out 0 AC 1")):
        with pytest.raises(UserError, match="ngspice: no response of this circuit"):
            ngspice.run_text(text.replace(old, new), np.array([1e3]))


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
