"""`hypernet circuits simulate`, from a netlist to the table and the files that others read."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hypernet import circuits
from hypernet.circuits.core.backends import BACKENDS, by_real_blocks
from hypernet.circuits.core.ladder import respond
from hypernet.circuits.core.parts import parse
from hypernet.circuits.core.scale import Scale
from hypernet.circuits.core.terminations import Terminations
from hypernet.circuits.sources.ngspice import find_ngspice
from hypernet.circuits.tools import simulate
from hypernet.lab.errors import UserError

CASES = Path(__file__).parents[1] / "cases"
CIRCUIT = "SR:1.0|PC:1.0|SL:1.0|PR:2.2|SC:2.2|PL:4.7"
LOWPASS = "low-pass\nV1 in 0 AC 1\nRS in 1 50\nC1 1 0 196.7p\nL1 1 2 1.288u\nC2 2 0 196.7p\nRL 2 0 50\n.end\n"
# 10 kOhm and 1 nF: a corner at 15.9 kHz; the source has no resistance, for the capacitor comes first.
HIGHPASS = "high-pass\nV1 a 0 AC 1\nC1 a b 1n\nRL b 0 10k\n.end\n"


@pytest.fixture
def netlist(tmp_path):
    """Between 1 kOhm and 1 kOhm."""
    path = tmp_path / "ladder.cir"
    path.write_text(circuits.write_netlist(*parse(CIRCUIT), "six parts", terminations=Terminations(1.0, 1.0)))
    return path


def command(*arguments):
    parser = argparse.ArgumentParser()
    simulate.add_arguments(parser)
    simulate.run(parser.parse_args([str(argument) for argument in arguments]))


def rows_of(capsys):
    out = capsys.readouterr().out
    table = out[out.index("frequency ") :].splitlines()
    return out, table[0], [line.split() for line in table[1:] if "Hz" in line]


def scattering(hertz, arms, source, load):
    """S of arms from the source to the load, by numpy: z in series, or y to ground, as functions of s."""
    s = 2j * np.pi * np.asarray(hertz, dtype=float)
    total = np.tile(np.eye(2, dtype=complex), (len(s), 1, 1))
    for is_series, immittance in arms:
        arm = np.tile(np.eye(2, dtype=complex), (len(s), 1, 1))
        arm[:, 0 if is_series else 1, 1 if is_series else 0] = immittance(s)
        total = total @ arm
    a, b, c, d = total.reshape(-1, 4).T
    whole = a * load + b + c * source * load + d * source
    s11 = (a * load + b - c * source * load - d * source) / whole
    s22 = (-a * load + b - c * source * load + d * source) / whole
    s21 = 2 * math.sqrt(source * load) / whole
    return np.moveaxis(np.array([[s11, s21], [s21, s22]]), 2, 0)


def to_ground(farad):
    return False, lambda s: s * farad


def in_line(henry):
    return True, lambda s: s * henry


BUTTERWORTH = [to_ground(196.7e-12), in_line(1.288e-6), to_ground(636.6e-12), in_line(1.288e-6), to_ground(196.7e-12)]


@pytest.mark.parametrize(
    ("name", "arms"),
    [
        ("01_basic_vs", BUTTERWORTH),
        ("02_numbered_load", BUTTERWORTH),
        ("06_subckt", [to_ground(196.7e-12), in_line(1.288e-6), to_ground(196.7e-12)]),
        (
            "07_series_parallel_tank",
            [to_ground(180e-12), (True, lambda s: 1 / (1 / (s * 1.2e-6) + s * 47e-12)), to_ground(180e-12)],
        ),
        ("12_param", [to_ground(196.7e-12), in_line(1.288e-6)]),
        ("21_control", [to_ground(1e-9)]),
    ],
)
def test_s_parameters_of_textbook_netlists(name, arms):
    hertz = np.geomspace(1e5, 1e9, 301)
    simulation = circuits.simulate(CASES / f"{name}.cir", frequency_hz=hertz)
    assert simulation.terminations.matched
    np.testing.assert_allclose(simulation.s_parameters, scattering(hertz, arms, 50.0, 50.0), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ["01_basic_vs", "02_numbered_load"])
def test_a_butterworth_low_pass_of_50_ohms(name, capsys):
    command(CASES / f"{name}.cir", "--from", "100kHz", "--to", "10MHz", "--points", 2)
    _, head, rows = rows_of(capsys)
    assert head.split()[:5] == ["frequency", "S21", "phase", "of", "S21"]
    assert "S11" in head
    assert [row[:4] for row in rows] == [["100", "kHz", "0.00", "dB"], ["10", "MHz", "-3.01", "dB"]]
    # Without losses, what does not come through comes back: 1 - 10^-0.301 is -3.01 dB too.
    assert rows[1][6:8] == ["-3.01", "dB"]


def test_a_capacitor_between_source_and_load():
    # 21: S21 = 1 / (1 + i w C 25 Ohm), S11 = S21 - 1.
    hertz = np.array([1e5, 1 / (2 * np.pi * 25e-9), 1e9])
    simulation = circuits.simulate(CASES / "21_control.cir", frequency_hz=hertz)
    s21 = 1 / (1 + 2j * np.pi * hertz * 25e-9)
    np.testing.assert_allclose(simulation.s_parameters[:, 1, 0], s21, rtol=1e-12)
    np.testing.assert_allclose(simulation.s_parameters[:, 0, 0], s21 - 1, rtol=1e-10)
    assert simulation.s21_db[1] == pytest.approx(-20 * math.log10(math.sqrt(2)), abs=1e-9)
    np.testing.assert_allclose(simulation.gain_db, simulation.s21_db - 20 * math.log10(2), rtol=1e-12)


@pytest.mark.parametrize("options", [[], ["--ports", "out", "in"]])
def test_an_open_port_stays_open_and_the_output_says_so(options, capsys):
    command(CASES / "20_rc_no_load_port.cir", *options, "--from", "10", "--to", 159.15494309, "--points", 2)
    out, head, rows = rows_of(capsys)
    assert "open load" in out.splitlines()[0]
    assert sum("open" in line for line in out.splitlines() if line.startswith("note: ")) == 1
    assert "voltage gain" in head
    assert "S21" not in out
    assert [float(row[2]) for row in rows] == pytest.approx([-0.02, -3.01])
    simulation = circuits.simulate(CASES / "20_rc_no_load_port.cir", frequency_hz=[10.0, 1e3])
    expected = 1 / (1 + 2j * np.pi * np.array([10.0, 1e3]) * 1e-3)
    np.testing.assert_allclose(simulation.gain, expected, rtol=1e-12)
    with pytest.raises(UserError, match=r"so there are no S parameters; give both \(source=50, load=50\)"):
        _ = simulation.s21_db
    with pytest.raises(UserError, match="the port of the load is open, a response needs a load"):
        _ = simulation.response


def test_the_zero_of_a_tank_in_the_line():
    zero = 1 / (2 * np.pi * math.sqrt(1.2e-6 * 47e-12))
    assert zero == pytest.approx(21.19e6, rel=1e-3)
    simulation = circuits.simulate(CASES / "07_series_parallel_tank.cir", frequency_hz=[zero / 2, zero, zero * 2])
    assert simulation.s21_db[1] < -150
    assert (simulation.s21_db[[0, 2]] > -40).all()


def test_a_source_without_resistance_has_a_voltage_gain(capsys):
    simulation = circuits.simulate(HIGHPASS, frequency_hz=[1e3, 1 / (2 * np.pi * 1e-5)])
    s = 2j * np.pi * simulation.frequency_hz * 1e-5
    np.testing.assert_allclose(simulation.gain, s / (1 + s), rtol=1e-12)
    np.testing.assert_allclose(simulation.impedance_ohm, 1e4 * (1 + 1 / s), rtol=1e-12)
    assert "voltage gain" in simulation.summary()
    with pytest.raises(UserError, match="the source has no resistance"):
        _ = simulation.s11_db


@pytest.mark.parametrize("by_ladder", [False, True])
def test_another_source_and_load_replace_those_of_the_file(by_ladder):
    given = circuits.read_netlist(LOWPASS) if by_ladder else LOWPASS
    hertz = np.geomspace(1e6, 1e8, 20)
    arms = [to_ground(196.7e-12), in_line(1.288e-6), to_ground(196.7e-12)]
    simulation = circuits.simulate(given, source=25.0, load=75.0, frequency_hz=hertz)
    np.testing.assert_allclose(simulation.s_parameters, scattering(hertz, arms, 25.0, 75.0), rtol=1e-9, atol=1e-12)
    ideal = circuits.simulate(given, source=0, frequency_hz=hertz)
    assert ideal.ladder.source_ohm is None
    s = 2j * np.pi * hertz
    np.testing.assert_allclose(1 / ideal.gain, 1 + s * 1.288e-6 * (1 / 50 + s * 196.7e-12), rtol=1e-9)
    opened = circuits.simulate(given, load=math.inf, frequency_hz=hertz)
    to_source = 50 * s * 196.7e-12
    behind = 1 + s * 1.288e-6 * s * 196.7e-12
    np.testing.assert_allclose(1 / opened.gain, behind * (1 + to_source) + to_source, rtol=1e-9)


def test_the_command_takes_them_too(tmp_path, capsys):
    path = tmp_path / "low.cir"
    path.write_text(LOWPASS)
    command(path, "--source", "75Ohm", "--load", "1k")
    assert capsys.readouterr().out.startswith("low-pass: 3 parts between source 75 Ohm and load 1 kOhm\n")
    command(path, "--source", "none", "--load", "open")
    out = capsys.readouterr().out
    assert "between source without resistance and open load\n" in out
    assert "note: source: without resistance as asked for\n" in out


def test_the_summary_says_what_was_taken_once_and_where_the_passband_ends(capsys):
    simulation = circuits.simulate(LOWPASS.replace("RS", "R7").replace("RL", "R9"))
    command_like = simulation.summary()
    for note in simulation.notes:
        assert command_like.count(note) == 1
    assert "C 196.7 pF to ground, L 1.288 µH, C 196.7 pF to ground" in command_like
    edge = next(line for line in command_like.splitlines() if line.startswith("S21: at most 0.00 dB"))
    number, unit = edge.split()[-2:]
    assert unit == "MHz"
    hertz = np.array([float(number) * 1e6])
    arms = [to_ground(196.7e-12), in_line(1.288e-6), to_ground(196.7e-12)]
    level = 20 * np.log10(np.abs(scattering(hertz, arms, 50.0, 50.0)[0, 1, 0]))
    assert level == pytest.approx(-3.0, abs=0.01)
    assert str(simulation) == command_like
    assert capsys.readouterr().out == ""


def test_the_range_follows_the_parts(tmp_path, capsys):
    # 500 Ohm and 318.31 nF: a corner at 1 kHz; with 1 kOhm each it is at 500 Hz.
    path = tmp_path / "low.cir"
    path.write_text("low pass\nV1 s 0 AC 1\nRS s a 1k\nC1 a 0 318.31n\nRL a 0 1k\n.end\n")
    command(path)
    _, _, rows = rows_of(capsys)
    assert (rows[0][:2], rows[-1][:2]) == (["50", "Hz"], ["5", "kHz"])


def test_a_narrow_band_pass_is_in_the_range_the_table_and_the_line_above_it():
    netlist = (
        "band\nV1 s 0 AC 1\nRS s a 50\nL1 a b 10u\nC1 b c 1p\nL2 c 0 1n\nC2 c 0 10n\n"
        "L3 c d 10u\nC3 d e 1p\nRL e 0 50\n.end\n"
    )
    simulation = circuits.simulate(netlist)
    hertz = simulation.frequency_hz
    assert 5e6 < hertz[0] < 50.3e6 < hertz[-1] < 500e6
    lines = simulation.summary().splitlines()
    # At 1 / (2 pi sqrt(L C)) all arms are out of the way; the edges lie around it evenly in log f.
    middle = 1 / (2 * np.pi * math.sqrt(10e-6 * 1e-12))
    line = next(line for line in lines if line.startswith("S21: at most 0.00 dB, at 50.33 MHz; 3 dB less at "))
    low, high = (float(edge.split()[0]) * 1e6 for edge in line.split("less at ")[1].split(" and "))
    assert math.sqrt(low * high) == pytest.approx(middle, rel=1e-4)
    arms = [
        (True, lambda s: s * 10e-6 + 1 / (s * 1e-12)),
        (False, lambda s: s * 10e-9 + 1 / (s * 1e-9)),
        (True, lambda s: s * 10e-6 + 1 / (s * 1e-12)),
    ]
    level = 20 * np.log10(np.abs(scattering([low, high], arms, 50.0, 50.0)[:, 1, 0]))
    np.testing.assert_allclose(level, -3.0, atol=0.05)
    assert sum(" -0." in line or " 0.0" in line.split("dB")[0] for line in lines[lines.index("") + 3 :]) == 1


def test_the_losses_of_a_coil_do_not_stretch_the_range():
    netlist = "lossy\nV1 s 0 AC 1\nRS s a 50\nL1 a b 1u\nR1 b c 0.01\nC1 c 0 1n\nRL c 0 50\n.end\n"
    hertz = circuits.simulate(netlist).frequency_hz
    # R / L is at 1.6 kHz, what matters at some MHz.
    assert hertz[0] >= 5e4


@pytest.mark.parametrize(
    ("options", "ends"),
    [({}, (50.0, 5e3)), ({"lowest": 7.0}, (7.0, 5e3)), ({"highest": 7e3}, (50.0, 7e3)), ({"load": 10.0}, (500.0, 5e5))],
)
def test_a_range_ends_at_round_numbers(options, ends):
    netlist = "low pass\nV1 s 0 AC 1\nRS s a 1k\nC1 a 0 318.31n\nRL a 0 1k\n.end\n"
    hertz = circuits.simulate(netlist, **options).frequency_hz
    assert (hertz[0], hertz[-1]) == pytest.approx(ends, rel=1e-12)


def test_nothing_goes_into_a_resistor_with_an_open_end(capsys):
    simulation = circuits.simulate("open\nV1 in 0 AC 1\nR1 in out 1k\n.print ac v(out)\n.end\n", points=3)
    np.testing.assert_array_equal(simulation.gain_db, 0.0)
    assert np.isinf(np.abs(simulation.impedance_ohm)).all()
    assert simulation.summary().count("infinite") == 3


def test_a_table_that_is_a_target_with_s21_beside(netlist, tmp_path):
    command(netlist, "--from", 1591.5, "--to", "15.915MHz", "--points", 64, "--out", tmp_path / "r.csv")
    target = circuits.read_target(tmp_path / "r.csv")
    types, values = parse(CIRCUIT)
    voltage, current = respond(types[None], values[None], Scale(1e3, 1e6).omega(target.frequency_hz))
    np.testing.assert_allclose(target.voltage, voltage[0], rtol=1e-14)
    np.testing.assert_allclose(target.current, current[0], rtol=1e-14)
    table = pd.read_csv(tmp_path / "r.csv")
    s21 = 2 / (voltage[0] - current[0])
    np.testing.assert_allclose(table.s21_db, 20 * np.log10(np.abs(s21)), rtol=1e-9)
    turns = (table.s21_phase_deg - np.degrees(np.angle(s21))) / 360
    np.testing.assert_allclose(turns, turns.round(), atol=1e-9)
    s11 = (voltage[0] + current[0]) / (voltage[0] - current[0])
    np.testing.assert_allclose(table.s11_db, 20 * np.log10(np.abs(s11)), rtol=1e-9)


def test_the_table_of_a_source_without_resistance_and_of_an_open_port(tmp_path, capsys):
    circuits.simulate(HIGHPASS).write(tmp_path / "ideal.csv")
    assert list(pd.read_csv(tmp_path / "ideal.csv")) == ["frequency_hz", "v_re", "v_im", "i_re", "i_im"]
    capsys.readouterr()
    opened = circuits.simulate(CASES / "20_rc_no_load_port.cir")
    opened.write(tmp_path / "open.csv")
    assert "with an open load" in capsys.readouterr().err
    target = circuits.read_target(tmp_path / "open.csv")
    assert isinstance(target, circuits.Gain)
    np.testing.assert_allclose(target.gain_db, opened.gain_db)


@pytest.mark.parametrize(("source", "load"), [(50.0, 50.0), (50.0, 75.0), (1e3, 50.0)])
def test_a_touchstone_file_for_scikit_rf(source, load, tmp_path):
    skrf = pytest.importorskip("skrf")
    simulation = circuits.simulate(LOWPASS, source=source, load=load, points=30)
    simulation.write(tmp_path / "r.s2p")
    network = skrf.Network(str(tmp_path / "r.s2p"))
    arms = [to_ground(196.7e-12), in_line(1.288e-6), to_ground(196.7e-12)]
    np.testing.assert_allclose(network.s, scattering(network.f, arms, source, load), rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(network.z0.real, np.tile([source, load], (30, 1)))
    written = (tmp_path / "r.s2p").read_text()
    assert "port 1: source, port 2: load" in written.splitlines()[0]
    assert ("[Reference]" in written) == (source != load)
    target = circuits.read_target(tmp_path / "r.s2p")
    assert (target.source_ohm, target.load_ohm) == (source, load)
    np.testing.assert_allclose(target.s, simulation.s_parameters, rtol=1e-12)


@pytest.mark.parametrize(("options", "reference"), [({}, 1e4), ({"load": math.inf}, 50.0)])
def test_a_touchstone_file_without_a_source_resistance_names_its_reference(options, reference, tmp_path, capsys):
    skrf = pytest.importorskip("skrf")
    circuits.simulate(HIGHPASS, points=30, **options).write(tmp_path / "r.s2p")
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "the source has no resistance" in error
    network = skrf.Network(str(tmp_path / "r.s2p"))
    capacitor = [(True, lambda s: 1 / (s * 1e-9))]
    np.testing.assert_allclose(network.s, scattering(network.f, capacitor, reference, reference), rtol=1e-9)


@pytest.mark.parametrize(
    ("netlist", "labels"),
    [
        (LOWPASS, ("S21 (dB)", "S11 and S22 (dB)", "Phase (degrees)")),
        (HIGHPASS, ("Voltage gain (dB)", "Phase (degrees)")),
    ],
)
def test_a_picture(netlist, labels, tmp_path):
    circuits.simulate(netlist).write(tmp_path / "bode.png")
    assert (tmp_path / "bode.png").read_bytes().startswith(b"\x89PNG")
    drawn = (tmp_path / "bode.svg").read_text()
    for label in (*labels, "Frequency"):
        assert f"<!-- {label} -->" in drawn


@pytest.mark.skipif(find_ngspice() is None, reason="ngspice: not on the PATH")
@pytest.mark.parametrize(
    ("name", "compared"),
    [
        ("01_basic_vs", "S21 from node 3"),
        ("20_rc_no_load_port", "voltage gain from node out"),
        ("06_subckt", "S21 from node b"),
        ("07_series_parallel_tank", "S21 from node b"),
    ],
)
def test_beside_ngspice_on_the_file_itself(name, compared, capsys):
    command(CASES / f"{name}.cir", "--points", 21, "--ngspice")
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("ngspice"))
    assert f"{name}.cir as it is, {compared}:" in line
    assert float(line.split("difference ")[1].split()[0]) < 1e-9


@pytest.mark.skipif(find_ngspice() is None, reason="ngspice: not on the PATH")
def test_a_resonance_without_losses_is_no_difference_from_ngspice():
    netlist = "resonance\nV1 in 0 AC 1\nL1 in a 10u\nC1 a 0 100p\n.print ac v(a)\n.end\n"
    middle = 1 / (2 * np.pi * math.sqrt(1e-15))
    simulation = circuits.simulate(netlist, frequency_hz=middle * np.array([0.1, 0.9, 1.0, 1.1]))
    assert simulation.gain_db[2] > 200
    assert simulation.difference_from_ngspice() < 1e-8


@pytest.mark.skipif(find_ngspice() is None, reason="ngspice: not on the PATH")
@pytest.mark.parametrize("options", [["--load", "75"], ["--source", "10", "--load", "open"], ["--source", "none"]])
def test_beside_ngspice_with_another_source_and_load(options, capsys):
    command(CASES / "01_basic_vs.cir", *options, "--points", 20, "--ngspice")
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("ngspice"))
    assert float(line.split("difference ")[1].split()[0]) < 1e-10


def test_from_python_the_files_are_those_of_the_command(netlist, tmp_path, capsys):
    simulation = circuits.simulate(netlist, lowest=1e4, highest=1e6, points=30)
    assert capsys.readouterr().out == ""
    command(
        netlist,
        "--from",
        "10k",
        "--to",
        "1meg",
        "--points",
        30,
        "--out",
        tmp_path / "c.csv",
        "--out",
        tmp_path / "c.s2p",
    )
    assert capsys.readouterr().out.startswith(simulation.summary() + "\n")
    for name in ("csv", "s2p"):
        simulation.write(tmp_path / f"python.{name}")
        assert (tmp_path / f"python.{name}").read_bytes() == (tmp_path / f"c.{name}").read_bytes()
    voltage, current = circuits.respond(
        *(array[None] for array in parse(CIRCUIT)), Scale(1e3, 1e6).omega(np.geomspace(1e4, 1e6, 30))
    )
    np.testing.assert_array_equal(simulation.voltage, voltage[0])
    np.testing.assert_allclose(simulation.gain_db, -20 * np.log10(np.abs(voltage[0] - current[0])))
    np.testing.assert_allclose(simulation.impedance_ohm, -1e3 * voltage[0] / current[0])
    target = circuits.read_target(tmp_path / "python.csv")
    np.testing.assert_allclose(simulation.response.current, target.current, rtol=1e-14)


@pytest.mark.parametrize("form", BACKENDS)
def test_every_form_of_the_simulator_can_be_selected_and_agrees_with_the_default(form, netlist):
    default, selected = circuits.simulate(netlist), circuits.simulate(netlist, form=form)
    assert selected.form == form
    pairs = [(getattr(default, name), getattr(selected, name)) for name in ("voltage", "current", "s_parameters")]
    for ours, theirs in pairs:
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
        ({"source": -50.0}, "source: -50.0 is not 0 or a resistance"),
        ({"source": math.inf}, "source: inf is not 0 or a resistance"),
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
    path.write_text("* t\nV1 s 0 AC 1\nRS s p0 50\nL1 p0 p1 1e200\nC2 p1 0 1e150\nRL p1 0 1k\n.end\n")
    with pytest.raises(UserError, match=r"large\.cir: at 1 Hz the response leaves the range of double precision"):
        command(path, "--from", "1", "--to", "1e6")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--from", "0"], "'0' is not a frequency in Hz, from 1e-09 to 1e+18"),
        (["--to", "nan"], "'nan' is not a frequency"),
        (["--to", "1M"], "accepted: 1meg or 1MHz, and 1mHz"),
        (["--points", "1"], "'1' is not a whole number"),
        (["--load", "-5"], "'-5' is not a resistance from 1e-12 to 1e+12 ohms, or open"),
        (["--source", "open"], "'open' is not a resistance from 1e-12 to 1e+12 ohms, or none"),
    ],
)
def test_options_that_are_none(netlist, arguments, reason, capsys):
    with pytest.raises(SystemExit):
        command(netlist, *arguments)
    assert reason in capsys.readouterr().err


def test_a_folder_is_no_file(netlist, tmp_path):
    (tmp_path / "r.csv").mkdir()
    with pytest.raises(UserError, match="this is a folder"):
        command(netlist, "--out", tmp_path / "r.csv")


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
        f"Simulation({simulation.name}, {CIRCUIT}, source 1 kOhm, load 1 kOhm, 5 frequencies from 1 kHz to 1 MHz)"
    )
    assert str(simulation) == simulation.summary()
    with pytest.raises(UserError, match=r"points: 2\.5 is not a whole number"):
        circuits.simulate(netlist, points=2.5)


def test_a_table_does_not_hold_the_load(netlist, tmp_path, capsys):
    circuits.simulate(netlist).write(tmp_path / "usual.csv")
    assert capsys.readouterr().err == ""
    circuits.simulate(LOWPASS).write(tmp_path / "fifty.csv")
    error = capsys.readouterr().err
    assert "fifty.csv: V and I belong to a load of 50 Ohm, which a table does not hold" in error
    assert error.count("\n") == 1
