"""`hypernet circuits simulate`, from a netlist to the table and the files that others read."""

from __future__ import annotations

import argparse

import numpy as np
import pytest

from hypernet import circuits
from hypernet.circuits.core.backends import BACKENDS, by_real_blocks
from hypernet.circuits.core.ladder import respond
from hypernet.circuits.core.parts import parse
from hypernet.circuits.sources.netlist import read_netlist, write_netlist
from hypernet.circuits.sources.ngspice import find_ngspice
from hypernet.circuits.sources.targets import Scale, read_target
from hypernet.circuits.tools import simulate
from hypernet.lab.errors import UserError

CIRCUIT = "SR:1.0|PC:1.0|SL:1.0|PR:2.2|SC:2.2|PL:4.7"


@pytest.fixture
def netlist(tmp_path):
    path = tmp_path / "ladder.cir"
    path.write_text(write_netlist(*parse(CIRCUIT), "six parts"))
    return path


def command(*arguments):
    parser = argparse.ArgumentParser()
    simulate.add_arguments(parser)
    simulate.run(parser.parse_args([str(argument) for argument in arguments]))


def test_the_table_of_a_divider(tmp_path, capsys):
    # 1 kOhm in series into a load of 1 kOhm: half the voltage, and 2 kOhm at port 2.
    path = tmp_path / "divider.cir"
    path.write_text("a divider\nV1 a 0 AC 1\nR1 a b 1k\nRL b 0 1k\n.end\n")
    command(path, "--points", 3)
    out = capsys.readouterr().out
    assert out.startswith("a divider: 1 parts from the load to the source\nSR 1 kOhm\nSR:1.0, where 1.0 is 1 kOhm")
    rows = [line.split() for line in out.splitlines() if "Hz" in line]
    assert len(rows) == 3
    assert all(row[2:4] == ["-6.02", "dB"] and row[6:8] == ["2", "kOhm"] for row in rows)


def test_the_range_follows_the_parts(tmp_path, capsys):
    # 1 kOhm and 159.155 nF: a corner at 1 kHz.
    path = tmp_path / "low.cir"
    path.write_text("low pass\nV1 a 0 AC 1\nC1 a 0 159.155n\nRL a 0 1k\n.end\n")
    command(path)
    rows = [line.split() for line in capsys.readouterr().out.splitlines() if "Hz" in line]
    assert (rows[0][:2], rows[-1][:2]) == (["100", "Hz"], ["10", "kHz"])


def test_a_table_that_is_a_target(netlist, tmp_path):
    command(netlist, "--from", 1591.5, "--to", 1.5915e7, "--points", 64, "--out", tmp_path / "r.csv")
    target = read_target(tmp_path / "r.csv")
    scale = Scale(1e3, 1e6)
    types, values = parse(CIRCUIT)
    voltage, current = respond(types[None], values[None], scale.omega(target.frequency_hz))
    np.testing.assert_allclose(target.voltage, voltage[0], rtol=1e-14)
    np.testing.assert_allclose(target.current, current[0], rtol=1e-14)


def test_a_touchstone_file_for_scikit_rf(netlist, tmp_path):
    skrf = pytest.importorskip("skrf")
    command(netlist, "--out", tmp_path / "r.s2p", "--out", tmp_path / "r.csv")
    network = skrf.Network(str(tmp_path / "r.s2p"))
    frequency = Scale(1e3, 1e6).omega(network.f)
    s = 1j * frequency
    # The matrices of six parts, multiplied out by numpy.
    parts = [
        (1.0, 0), (0, s), (s, 0), (0, 1 / 2.2), (1 / (2.2 * s), 0), (0, 1 / (4.7 * s)),
    ]  # fmt: skip
    total = np.eye(2)
    for z, y in parts:
        part = np.zeros((len(s), 2, 2), complex)
        part[:, 0, 0] = part[:, 1, 1] = 1
        part[:, 0, 1], part[:, 1, 0] = z, y
        total = total @ part
    np.testing.assert_allclose(network.a * [[1, 1e-3], [1e3, 1]], total, rtol=1e-9, atol=1e-9)
    target, written = read_target(tmp_path / "r.s2p"), read_target(tmp_path / "r.csv")
    np.testing.assert_allclose(target.voltage, written.voltage, rtol=1e-9)


def test_another_load(netlist, tmp_path):
    command(netlist, "--load", 50, "--points", 5, "--out", tmp_path / "r.csv")
    ladder = read_netlist(netlist, r0=50.0)
    target = read_target(tmp_path / "r.csv")
    voltage, _ = respond(ladder.types[None], ladder.values[None], Scale(50.0, 1e6).omega(target.frequency_hz))
    np.testing.assert_allclose(target.voltage, voltage[0], rtol=1e-14)


def test_a_picture(netlist, tmp_path):
    command(netlist, "--out", tmp_path / "bode.png")
    assert (tmp_path / "bode.png").read_bytes().startswith(b"\x89PNG")
    drawn = (tmp_path / "bode.svg").read_text()
    for label in ("Gain (dB)", "Phase (degrees)", "|Impedance| at port 2 (Ohm)", "Frequency (Hz)"):
        assert f"<!-- {label} -->" in drawn


@pytest.mark.skipif(find_ngspice() is None, reason="ngspice: not on the PATH")
def test_beside_ngspice(netlist, capsys):
    command(netlist, "--ngspice")
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("ngspice"))
    assert float(line.split()[4]) < 1e-10


def test_the_netlist_of_a_person_with_its_ports(tmp_path, capsys):
    path = tmp_path / "bare.cir"
    path.write_text("bare\nR1 1 2 1k\nC1 2 0 1n\n")
    command(path, "--ports", 1, 2)
    assert "SR 1 kOhm  PC 1 nF" in capsys.readouterr().out
    with pytest.raises(UserError, match="no load"):
        command(path)


def test_from_python_the_files_are_those_of_the_command(netlist, tmp_path, capsys):
    simulation = circuits.simulate(netlist, lowest=1e4, highest=1e6, points=30)
    assert capsys.readouterr().out == ""
    command(
        netlist, "--from", 1e4, "--to", 1e6, "--points", 30, "--out", tmp_path / "c.csv", "--out", tmp_path / "c.s2p"
    )
    assert capsys.readouterr().out.startswith(simulation.summary() + "\n")
    for name in ("csv", "s2p"):
        simulation.write(tmp_path / f"python.{name}")
        assert (tmp_path / f"python.{name}").read_bytes() == (tmp_path / f"c.{name}").read_bytes()
    voltage, current = circuits.respond(
        *(array[None] for array in parse(CIRCUIT)), Scale(1e3, 1e6).omega(np.geomspace(1e4, 1e6, 30))
    )
    np.testing.assert_array_equal(simulation.voltage, voltage[0])
    np.testing.assert_allclose(simulation.gain_db, -20 * np.log10(np.abs(voltage[0])))
    np.testing.assert_allclose(simulation.impedance_ohm, -1e3 * voltage[0] / current[0])
    target = circuits.read_target(tmp_path / "python.csv")
    np.testing.assert_allclose(simulation.response.current, target.current, rtol=1e-14)


@pytest.mark.parametrize("form", BACKENDS)
def test_every_form_of_the_simulator_can_be_selected_and_agrees_with_the_default(form, netlist):
    default, selected = circuits.simulate(netlist), circuits.simulate(netlist, form=form)
    assert selected.form == form
    for ours, theirs in ((default.voltage, selected.voltage), (default.current, selected.current)):
        assert (np.abs(ours - theirs) / np.abs(ours)).max() < 1e-12


def test_the_clifford_form_is_one_of_them(netlist, monkeypatch):
    seen = []
    monkeypatch.setitem(BACKENDS, "clifford", lambda *given: seen.append(given) or by_real_blocks(*given))
    circuits.simulate(netlist, form="clifford", frequency_hz=[1e4, 1e5])
    assert len(seen) == 1


def test_text_ladders_and_frequencies_of_ones_own(netlist):
    hertz = np.array([1e4, 3e4, 1e5])
    from_file = circuits.simulate(netlist, frequency_hz=hertz)
    from_text = circuits.simulate(netlist.read_text(), frequency_hz=hertz)
    from_ladder = circuits.simulate(circuits.read_netlist(netlist), frequency_hz=list(hertz))
    for simulation in (from_text, from_ladder):
        np.testing.assert_array_equal(simulation.voltage, from_file.voltage)
    np.testing.assert_array_equal(from_file.frequency_hz, hertz)
    # S of a reciprocal lossy two-port.
    s = from_file.s_parameters
    np.testing.assert_array_equal(s[:, 0, 1], s[:, 1, 0])
    assert (np.linalg.norm(s, 2, axis=(1, 2)) <= 1 + 1e-12).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"form": "abcd"}, "accepted: recurrence, complex, clifford"),
        ({"load": -50.0}, "load: -50.0 is not a resistance"),
        ({"points": 1}, "points: 1 is not a whole number from 2"),
        ({"lowest": 0.0}, "lowest: 0.0 is not a frequency"),
        ({"lowest": 1e6, "highest": 1e3}, "must rise"),
        ({"frequency_hz": [2.0, 1.0]}, "rising frequencies"),
        ({"frequency_hz": np.ones((2, 2))}, "rising frequencies"),
        ({"frequency_hz": [1.0], "lowest": 1.0}, "either the frequencies"),
    ],
)
def test_from_python_options_that_are_none(netlist, options, message):
    with pytest.raises(UserError, match=message):
        circuits.simulate(netlist, **options)


def test_an_ending_that_is_none(netlist, tmp_path):
    with pytest.raises(UserError, match=r"must end in \.csv"):
        circuits.simulate(netlist).write(tmp_path / "r.txt")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out", "r.txt"], r"r.txt: the name must end in .csv, .s2p, .png, .svg"),
        (["--from", "1e6", "--to", "1e3"], r"from 1e\+06 to 1000 Hz: the range of frequencies must rise"),
    ],
)
def test_what_is_not_accepted(netlist, arguments, message):
    with pytest.raises(UserError, match=message):
        command(netlist, *arguments)


def test_a_response_beyond_double_precision_is_one_line(tmp_path):
    path = tmp_path / "large.cir"
    path.write_text("* t\nRT p0 0 1000\nL1 p0 p1 1e200\nC2 p1 0 1e150\nI1 0 p1 AC 1m\n.end\n")
    with pytest.raises(UserError, match=r"large\.cir: at 1 Hz the response leaves the range of double precision"):
        command(path, "--from", "1", "--to", "1e6")


@pytest.mark.parametrize("arguments", [["--from", "0"], ["--to", "nan"], ["--points", "1"], ["--load", "-5"]])
def test_options_that_are_none(netlist, arguments, capsys):
    with pytest.raises(SystemExit):
        command(netlist, *arguments)
    assert arguments[1] in capsys.readouterr().err


def test_a_folder_is_no_file(netlist, tmp_path):
    (tmp_path / "r.csv").mkdir()
    with pytest.raises(UserError, match="this is a folder"):
        command(netlist, "--out", tmp_path / "r.csv")


@pytest.mark.parametrize(
    ("value", "text"), [(1e3, "1 k"), (999.0, "999 "), (2.2e-9, "2.2 n"), (4.7e-6, "4.7 µ"), (1e-21, "1e-06 f")]
)
def test_quantities(value, text):
    assert simulate.quantity(value) == text


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("SL:1.8|PC:1.8", r"SL:1\.8\|PC:1\.8: this is a circuit's text; give its netlist, such as design\.netlist"),
        ("SR:1.0", "this is a circuit's text"),
        ("", "netlist: the text is empty; accepted: a file, or the text of a netlist"),
        (7, "netlist: a int; accepted: a file, the text of a netlist, or a Ladder"),
    ],
)
def test_what_is_no_netlist(given, message):
    with pytest.raises(UserError, match=message):
        circuits.simulate(given)


def test_a_simulation_is_one_line(netlist):
    simulation = circuits.simulate(netlist, lowest=1e3, highest=1e6, points=5)
    assert repr(simulation) == (
        f"Simulation({simulation.name}, {CIRCUIT}, load 1 kOhm, 5 frequencies from 1 kHz to 1 MHz)"
    )
    assert str(simulation) == simulation.summary()
    with pytest.raises(UserError, match=r"points: 2\.5 is not a whole number"):
        circuits.simulate(netlist, points=2.5)


def test_a_table_does_not_hold_the_load(netlist, tmp_path, capsys):
    circuits.simulate(netlist).write(tmp_path / "usual.csv")
    assert capsys.readouterr().err == ""
    ladder = write_netlist(*parse(CIRCUIT), "fifty ohms", r0=50.0)
    circuits.simulate(ladder).write(tmp_path / "fifty.csv")
    error = capsys.readouterr().err
    assert "fifty.csv: V and I belong to a load of 50 Ohm, which a table does not hold" in error
    assert error.count("\n") == 1
