"""`hypernet circuits design`: targets from files in, netlist, pictures, tables and a summary out."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from hypernet import circuits
from hypernet.circuits.baselines.genetic import Plan
from hypernet.circuits.sources.ngspice import find_ngspice, run_text
from hypernet.circuits.tools import deliverables as design_files
from hypernet.circuits.tools import search, solution
from hypernet.circuits.tools.deliverables import FILES
from hypernet.circuits.tools.search import Effort
from hypernet.cli import main
from hypernet.lab.errors import UserError
from hypernet.lab.results import figures

SMALL = Effort(
    rounds=1, draws=6000, starts=50, templates=2, first_steps=40, finalists=8, last_steps=40, prunings=1,
    evolution=Plan(30, 5, 3, 0.7, 0.1, 2), centred=4, copies=8,
)  # fmt: skip
LOW_PASS = "frequency_hz,lowest_gain_db,highest_gain_db\n1e4,-3,1\n1e5,-3,1\n1.1e5,,1\n5e5,,-30\n2e6,,-30\n"
BAND_PASS = "frequency_hz,lowest_gain_db,highest_gain_db\n2e4,,-10\n5e4,,-10\n4e5,-6,0\n6e5,-6,0\n4e6,,-10\n1e7,,-10\n"
HERTZ = np.geomspace(1e5, 1e8, 41)


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """A search of a second or two."""
    monkeypatch.setattr(search, "FOR_CURVE", SMALL)
    monkeypatch.setattr(search, "FOR_MASK", SMALL)
    # Yields and bands of fewer circuits with real parts.
    for module in (solution, design_files):
        monkeypatch.setattr(module, "DRAWS", 1000)


@pytest.fixture
def _thorough(monkeypatch):
    """A few seconds: limits on both sides leave random circuits little."""
    monkeypatch.setattr(search, "FOR_MASK", replace(SMALL, draws=30_000, starts=200, finalists=16, prunings=2))


@pytest.fixture
def _undrawn(monkeypatch):
    """The curves, which a test does not look at, are empty files: to draw them takes half of a design's time."""

    def touch(folder, name, *others, **options):
        for suffix in (".png", ".svg"):
            (folder / f"{name}{suffix}").touch()

    monkeypatch.setattr(figures, "save_panels", touch)


@pytest.fixture
def design(tmp_path, monkeypatch):
    """Run the command in a folder of its own; returns its exit code, its content of design.json and the folder."""
    monkeypatch.chdir(tmp_path)

    def run(target, *options, model="none"):
        if isinstance(target, str) and "\n" in target:
            (tmp_path / "target.csv").write_text(target)
            target = "target.csv"
        code = main(["circuits", "design", str(target), "--model", str(model), "--out", "out", *options])
        path = tmp_path / "out" / "design.json"
        return code, json.loads(path.read_text()) if path.exists() else None, tmp_path / "out"

    return run


def two_port(skrf, hertz, parts, ohm=50.0):
    """A scikit-rf ladder from port 1 to port 2: ("series" or "shunt", letter, SI value) each."""
    media = skrf.media.DefinedGammaZ0(skrf.Frequency.from_f(hertz, unit="hz"), z0=ohm)
    names = {"R": "resistor", "L": "inductor", "C": "capacitor"}
    networks = [
        getattr(media, ("shunt_" if side == "shunt" else "") + names[part_type])(size)
        for side, part_type, size in parts
    ]
    total = networks[0]
    for network in networks[1:]:
        total = total**network
    return total


def drawn_network(skrf, hertz, content):
    """A written design as a two-port of scikit-rf, from the source to the load; tanks and traps by their impedance."""
    arms = []
    for part in content["parts"]:
        w = 2j * np.pi * hertz
        size = {"resistor": part["value"] + 0 * w, "inductor": w * part["value"], "capacitor": 1 / (w * part["value"])}
        z = size[part["kind"]]
        if "joined_to" in part:
            before = arms[-1][1]
            arms[-1] = (part["place"], 1 / (1 / before + 1 / z) if part["place"] == "series" else before + z)
        else:
            arms.append((part["place"], z))
    total = None
    for place, z in arms:
        chain = np.zeros((len(hertz), 2, 2), complex)
        chain[:, 0, 0] = chain[:, 1, 1] = 1
        chain[:, 0, 1] = z if place == "series" else 0
        chain[:, 1, 0] = 0 if place == "series" else 1 / z
        network = skrf.Network(f=hertz, f_unit="hz", a=chain, z0=50)
        total = network if total is None else total**network
    return total


def gain_of(skrf, hertz, content):
    """Voltage gain in dB of a written design, by scikit-rf: driven at port 1, the load at port 2."""
    chain = drawn_network(skrf, hertz, content).a
    return -20 * np.log10(np.abs(chain[:, 0, 0] + chain[:, 0, 1] / content["load_ohm"]))


def scattering_of(skrf, hertz, content):
    """S parameters of a written design between its source and its load, by scikit-rf."""
    network = drawn_network(skrf, hertz, content)
    # Real references: all definitions of waves agree.
    network.renormalize([[content["source_ohm"], content["load_ohm"]]] * len(hertz))
    return network.s


def element_letter(name):
    return {"resistor": "R", "inductor": "L", "capacitor": "C"}[name]


@pytest.mark.parametrize("load", [1000.0, 50.0])
def test_a_low_pass_keeps_its_mask_by_the_judgement_of_scikit_rf(design, load, capsys):
    skrf = pytest.importorskip("skrf")
    code, content, folder = design(LOW_PASS, "--load", str(load), "--max-parts", "5", "--tolerance", "0.02")
    assert code == 0
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
    assert content["inside_mask"]
    assert content["load_ohm"] == load
    gain = gain_of(skrf, np.array([1e4, 3e4, 1e5, 5e5, 1e6, 2e6]), content)
    assert (gain[:3] >= -3 - 1e-6).all()
    assert (gain <= np.array([1, 1, 1, -30, -30, -30]) + 1e-6).all()
    mantissas = [float(f"{part['value']:.12e}".split("e")[0]) for part in content["parts"]]
    assert set(mantissas) <= {1.0, 1.2, 1.5, 1.8, 2.2, 2.7, 3.3, 3.9, 4.7, 5.6, 6.8, 8.2}
    printed = capsys.readouterr().out
    assert "The gain is inside the mask, nearest to a limit: " in printed
    assert f"Yield: {100 * content['yield']['share']:.1f} of 100" in printed


@pytest.mark.usefixtures("_undrawn")
def test_from_python_the_files_are_those_of_the_command(design, tmp_path, capsys):
    _, content, folder = design(LOW_PASS, "--max-parts", "2", "--seed", "5")
    printed = capsys.readouterr().out
    result = circuits.design("target.csv", model=None, max_parts=2, seed=5)
    assert capsys.readouterr().out == ""
    result.write("python")
    for name in ("circuit.cir", "schematic.svg", "circuits.csv"):
        assert (tmp_path / "python" / name).read_bytes() == (folder / name).read_bytes(), name
    written = json.loads((tmp_path / "python" / "design.json").read_text())
    assert written | {"seconds": 0} == content | {"seconds": 0}
    assert result.summary().split("\n")[:-1] == printed.split("\n")[: len(result.summary().split("\n")) - 1]
    assert result.parts == content["parts"]
    assert result.text == content["text"]
    assert result.mask_yield.value == content["yield"]["share"]
    assert len(result.candidates) == len(pd.read_csv(folder / "circuits.csv"))
    np.testing.assert_allclose(-20 * np.log10(np.abs(result.response.voltage)), content["response"]["gain_db"])
    np.testing.assert_array_equal(result.band.low, content["response"]["gain_low_db"])
    simulation = circuits.simulate(result.netlist, frequency_hz=result.response.frequency_hz)
    np.testing.assert_allclose(simulation.voltage, result.response.voltage, rtol=1e-9)


@pytest.mark.usefixtures("_undrawn")
def test_a_mask_of_arrays_and_a_network_that_is_open(design, trained, tmp_path):
    model = circuits.open_model(trained("ours") / "model.ckpt")
    (tmp_path / "target.csv").write_text(LOW_PASS)
    mask = circuits.read_target(tmp_path / "target.csv")
    result = circuits.design(mask, model=model, max_parts=2)
    assert result.longest_written == 3
    content = result.content()
    assert content["target"]["file"] is None
    assert content["model"] == f"ours, {model.title}"
    assert result.netlist.startswith("* designed for a target")
    assert result.write(tmp_path / "out") is None
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(FILES)


def test_a_two_port_of_scikit_rf_is_its_touchstone_file(design, tmp_path):
    skrf = pytest.importorskip("skrf")
    network = two_port(skrf, HERTZ, [("shunt", "C", 330e-12), ("series", "L", 1.5e-6)])
    result = circuits.design(network, model=None, max_parts=3)
    assert result.load_ohm == 50
    assert [part["value"] for part in result.parts] == [pytest.approx(330e-12), pytest.approx(1.5e-6)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"parts": "E7"}, "parts: 'E7' is not a series; accepted: E3, E6, E12, E24, E48, E96"),
        ({"max_parts": 99}, "max_parts: 99 is not a whole number from 1 to 16"),
        ({"candidates": 8.5}, "candidates: 8.5 is not a whole number"),
        ({"tolerance": 1.5}, "tolerance: 1.5 is not a share"),
        ({"load": float("nan")}, "load: nan is not a resistance"),
        ({"load_port": 0}, "load_port: 0"),
        ({"model": "nowhere.ckpt"}, "nowhere.ckpt: no such model file"),
        ({"source": 0.0}, "source: 0.0 is not a resistance"),
        ({"source": 50.0}, "source: target.csv is a voltage gain or a response, whose source has no resistance"),
    ],
)
def test_from_python_mistakes_are_errors_of_the_user(design, tmp_path, options, message):
    (tmp_path / "target.csv").write_text(LOW_PASS)
    with pytest.raises(UserError, match=message):
        circuits.design("target.csv", **{"model": None} | options)


@pytest.mark.usefixtures("_undrawn")
def test_a_band_pass_is_drawn_as_a_mask(design):
    skrf = pytest.importorskip("skrf")
    code, content, _ = design(BAND_PASS, "--parts", "E24", "--max-parts", "4")
    assert code == 0
    assert content["inside_mask"]
    gain = gain_of(skrf, np.array([2e4, 5e4, 4e5, 5e5, 6e5, 4e6, 1e7]), content)
    assert (gain[[0, 1, 5, 6]] <= -10 + 1e-6).all()
    assert ((gain[2:5] >= -6 - 1e-6) & (gain[2:5] <= 1e-6)).all()


@pytest.mark.usefixtures("_undrawn")
def test_a_ladder_of_scikit_rf_is_found_from_its_touchstone_file(design, tmp_path):
    skrf = pytest.importorskip("skrf")
    wanted = [("shunt", "C", 330e-12), ("series", "L", 1.5e-6), ("shunt", "C", 470e-12)]
    two_port(skrf, HERTZ, wanted).write_touchstone(str(tmp_path / "ladder.s2p"))
    code, content, folder = design(tmp_path / "ladder.s2p", "--max-parts", "4")
    assert code == 0
    assert content["two_port_error"] < 1e-6
    assert content["load_ohm"] == 50
    parts = [
        (part["place"].replace("parallel", "shunt"), element_letter(part["kind"]), part["value"])
        for part in content["parts"]
    ]
    assert parts == [(side, part_type, pytest.approx(size)) for side, part_type, size in wanted]
    table = pd.read_csv(folder / "circuits.csv")
    assert table.parts[0] == 3
    assert table.circuit[0] == "C 330 pF to ground | L 1.5 µH | C 470 pF to ground"
    assert table["two_port_error"][0] == pytest.approx(content["two_port_error"], abs=1e-12)


@pytest.mark.usefixtures("_undrawn")
def test_the_port_of_the_load_turns_the_circuit_round(design, tmp_path):
    skrf = pytest.importorskip("skrf")
    two_port(skrf, HERTZ, [("shunt", "C", 330e-12), ("series", "L", 1.5e-6)]).write_touchstone(str(tmp_path / "a.s2p"))
    for options, letters in (((), "CL"), (("--load-port", "1"), "LC")):
        _, content, _ = design(tmp_path / "a.s2p", "--max-parts", "3", *options)
        assert "".join(part["name"][0] for part in content["parts"]) == letters


@pytest.mark.usefixtures("_undrawn")
def test_a_two_port_is_designed_after_between_other_resistances_than_its_own(design, tmp_path):
    # S21 between 75 and 100 Ohm of the same circuit, by scikit-rf.
    skrf = pytest.importorskip("skrf")
    wanted = [("shunt", "C", 330e-12), ("series", "L", 1.5e-6), ("shunt", "C", 470e-12)]
    two_port(skrf, HERTZ, wanted).write_touchstone(str(tmp_path / "a.s2p"))
    _, content, _ = design(tmp_path / "a.s2p", "--max-parts", "3", "--source", "75", "--load", "100")
    assert (content["source_ohm"], content["load_ohm"]) == (75, 100)
    assert content["two_port_error"] < 1e-6
    hertz = np.array(content["response"]["frequency_hz"])
    s = scattering_of(skrf, hertz, content)
    for (row, column), name in {(1, 0): "s21_db", (0, 0): "s11_db", (1, 1): "s22_db"}.items():
        np.testing.assert_allclose(20 * np.log10(np.abs(s[:, row, column])), content["response"][name], atol=1e-7)


@pytest.mark.usefixtures("_undrawn")
@pytest.mark.parametrize("phase", [True, False])
def test_a_gain_is_found_with_and_without_its_phase(design, phase):
    hertz = np.geomspace(1e4, 1e7, 31)
    # R from the source, C at the load of 1 kOhm: 1 / (1 + R / load + i w R C).
    gain = 1 / (1 + 1 + 2j * np.pi * hertz * 1e3 * 1e-9)
    columns = {"frequency_hz": hertz, "gain_db": 20 * np.log10(abs(gain))}
    if phase:
        columns["phase_deg"] = np.degrees(np.angle(gain))
    code, content, _ = design(pd.DataFrame(columns).to_csv(index=False), "--max-parts", "3")
    assert code == 0
    assert content["gain_error_before_rounding"] < 2e-3
    assert content["largest_deviation_db"] < 0.5


@pytest.mark.usefixtures("_undrawn")
def test_ngspice_computes_from_the_netlist_what_is_claimed(design):
    if find_ngspice() is None:
        pytest.skip("ngspice is not installed")
    _, content, folder = design(LOW_PASS, "--load", "75", "--max-parts", "3")
    assert (content["source_ohm"], content["load_ohm"]) == (None, 75)
    hertz, gain = (np.array(content["response"][name])[::50] for name in ("frequency_hz", "gain_db"))
    out = run_text((folder / "circuit.cir").read_text(), hertz)
    np.testing.assert_allclose(20 * np.log10(np.abs(out)), gain, atol=1e-9)


S21_LOW_PASS = "# 50 Ohm\nfrequency_mhz,lowest_s21_db,highest_s21_db\n0.1,-1,0\n8,-1,0\n10,-4,0\n20,,-20\n100,,-60\n"
S21_BAND_PASS = "frequency_mhz,lowest_s21_db,highest_s21_db\n1,,-15\n3,,-15\n8,-1,0\n12,-1,0\n30,,-15\n100,,-15\n"
STEEP = "frequency_hz,lowest_s21_db,highest_s21_db\n5e5,-1,0\n1e7,-1,0\n1.3e7,,-15\n2e8,,-15\n"


def lossless(content):
    return all(part["kind"] != "resistor" for part in content["parts"])


def claimed_by_ngspice(content, folder, source="50"):
    """The claimed S21, and 20 log10 |v(out)| of the written netlist by ngspice, dB."""
    if find_ngspice() is None:
        pytest.skip("ngspice is not installed")
    hertz = np.array(content["response"]["frequency_hz"])
    text = (folder / "circuit.cir").read_text()
    assert f"RS src in {source}" in text
    return np.array(content["response"]["s21_db"]), 20 * np.log10(np.abs(run_text(text, hertz)))


@pytest.mark.usefixtures("_undrawn")
def test_a_low_pass_of_s21_is_a_lossless_ladder_inside_its_mask(design, capsys):
    _, content, folder = design(S21_LOW_PASS, "--max-parts", "5", "--tolerance", "0.02")
    assert (content["source_ohm"], content["load_ohm"]) == (50, 50)
    assert content["inside_mask"]
    assert lossless(content)
    hertz, s21 = (np.array(content["response"][name]) for name in ("frequency_hz", "s21_db"))
    assert (s21[hertz <= 8e6] >= -1).all()
    assert (s21[hertz >= 2e7] <= -20).all()
    assert (s21 <= 1e-9).all()
    assert content["highest_stopband_s21"]["db"] == s21[hertz >= 2e7].max()
    assert content["passbands_hz"] == [[1e5, 1e7]]
    lossy = content["with_losses"]
    assert lossy["coil_q"] == 100
    assert -4 < lossy["lowest_passband_s21"]["db"] < content["lowest_passband_s21"]["db"] < 0
    printed = capsys.readouterr().out
    assert f"With coils of a Q of 100: S21 {lossy['lowest_passband_s21']['db']:.2f} dB (at " in printed
    assert "from the source (50 Ω, port 1) to the load (50 Ω, port 2):" in printed
    assert "S21 is inside the mask, nearest to a limit: " in printed
    assert "return loss" in printed
    # Without losses what does not come through comes back.
    np.testing.assert_allclose(10 ** (s21 / 10) + 10 ** (np.array(content["response"]["s11_db"]) / 10), 1.0, atol=1e-9)
    claim, simulated = claimed_by_ngspice(content, folder)
    np.testing.assert_allclose(simulated, claim, atol=1e-9)


@pytest.mark.usefixtures("_undrawn", "_thorough")
def test_a_band_pass_of_s21_is_four_lossless_parts(design):
    skrf = pytest.importorskip("skrf")
    _, content, folder = design(S21_BAND_PASS, "--max-parts", "4", "--tolerance", "0.02")
    assert content["inside_mask"]
    assert len(content["parts"]) == 4
    assert lossless(content)
    hertz = np.array(content["response"]["frequency_hz"])
    s21 = 20 * np.log10(np.abs(scattering_of(skrf, hertz, content)[:, 1, 0]))
    np.testing.assert_allclose(s21, content["response"]["s21_db"], atol=1e-9)
    claim, simulated = claimed_by_ngspice(content, folder)
    np.testing.assert_allclose(simulated, claim, atol=1e-9)


@pytest.mark.usefixtures("_undrawn")
def test_a_steep_edge_is_met_with_a_tank_or_a_trap_and_run_by_ngspice(design, capsys):
    options = ("--parts", "E96", "--max-parts", "4", "--tolerance", "0.01")
    _, content, folder = design(STEEP, *options)
    assert content["inside_mask"]
    assert [part["joined_to"] for part in content["parts"] if "joined_to" in part]
    # The notch is between the points of the curve: where it is deep, decibels lose digits.
    claim, simulated = claimed_by_ngspice(content, folder)
    np.testing.assert_allclose(10 ** (simulated / 20), 10 ** (claim / 20), atol=1e-10)
    _, without, _ = design(STEEP, "--no-resonators", *options)
    assert not without["inside_mask"]
    assert without["resonators"] is False
    assert "S21 leaves the mask, by " in capsys.readouterr().out


@pytest.mark.usefixtures("_undrawn", "_thorough")
def test_a_limit_of_s11_is_kept(design, capsys):
    rows = ["0.1,-1,0,-15", "8,-1,0,-15", "12,,0,", "30,,-20,", "100,,-30,"]
    mask = "\n".join(["frequency_mhz,lowest_s21_db,highest_s21_db,highest_s11_db", *rows, ""])
    _, content, _ = design(mask, "--max-parts", "4", "--tolerance", "0.01", "--source", "75", "--load", "75")
    assert content["inside_mask"]
    hertz, s11 = (np.array(content["response"][name]) for name in ("frequency_hz", "s11_db"))
    assert s11[hertz <= 8e6].max() <= -15
    assert "S21 and S11 are inside the mask, nearest to a limit: " in capsys.readouterr().out
    assert content["highest_passband_s11"]["db"] == s11[hertz <= 8e6].max()
    assert content["yield"]["share"] > 0.5


@pytest.mark.usefixtures("_undrawn")
@pytest.mark.parametrize("phase", [True, False])
def test_s21_is_found_with_and_without_its_phase(design, phase):
    # L in the line, C to ground at the load, between 50 and 100 Ohm.
    hertz, source, load = np.geomspace(1e5, 1e8, 31), 50.0, 100.0
    w = 2j * np.pi * hertz
    before = source + w * 1e-6
    shunt = 1 / (1 / load + w * 220e-12)
    s21 = 2 * np.sqrt(source / load) * shunt / (shunt + before)
    columns = {"frequency_hz": hertz, "s21_db": 20 * np.log10(abs(s21))}
    if phase:
        columns["s21_phase_deg"] = np.degrees(np.angle(s21))
    table = pd.DataFrame(columns).to_csv(index=False)
    _, content, _ = design(table, "--max-parts", "3", "--source", "50", "--load", "100")
    assert content["s21_error"] < 1e-6
    found_values = sorted(part["value"] for part in content["parts"])
    assert found_values == [pytest.approx(220e-12), pytest.approx(1e-6)]
    np.testing.assert_allclose(np.array(content["response"]["s21_db"])[[0, -1]], columns["s21_db"][[0, -1]], atol=1e-6)


@pytest.mark.usefixtures("_undrawn")
def test_the_band_of_tolerances_holds_the_design(design):
    _, content, _ = design(LOW_PASS, "--max-parts", "3")
    low, gain, high = (np.array(content["response"][name]) for name in ("gain_low_db", "gain_db", "gain_high_db"))
    assert ((low <= gain + 1e-9) & (gain <= high + 1e-9)).mean() > 0.9
    assert (high - low).max() > 0.1


@pytest.mark.usefixtures("_undrawn")
def test_a_trained_network_is_asked_and_its_longest_circuit_is_said(design, trained, prepared, capsys):
    hertz = np.geomspace(1.5e3, 2e7, 60)
    gain = 1 / (2 + 2j * np.pi * hertz * 1e-6)
    table = pd.DataFrame({"frequency_hz": hertz, "gain_db": 20 * np.log10(abs(gain))}).to_csv(index=False)
    code, content, _ = design(table, "--max-parts", "4", model=trained("ours") / "model.ckpt")
    assert code == 0
    assert content["network_longest_parts"] == 3
    assert next(step for step in content["steps"] if step["step"] == "network")["circuits"] > 0
    assert "The network writes circuits of at most 3 parts" in capsys.readouterr().out


@pytest.mark.usefixtures("_undrawn")
def test_other_files_stay_and_own_ones_are_replaced(design, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("mine")
    (tmp_path / "out" / "design.json").write_text("old")
    code, content, folder = design(LOW_PASS, "--max-parts", "2")
    assert code == 0
    assert content["max_parts"] == 2
    assert (folder / "notes.txt").read_text() == "mine"
    assert sorted(path.name for path in folder.iterdir()) == sorted([*FILES, "notes.txt"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "target.csv"]


@pytest.mark.usefixtures("_undrawn")
def test_a_failure_leaves_the_folder_as_it_was(design, tmp_path, monkeypatch):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "circuit.cir").write_text("old")

    def fails(*arguments):
        raise OSError(28, "No space left on device", "design.json")

    monkeypatch.setattr(design_files, "write_json", fails)
    assert design(LOW_PASS, "--max-parts", "2")[0] == 2
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["circuit.cir"]
    assert (tmp_path / "out" / "circuit.cir").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "target.csv"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--max-parts", "0"], "from 1 to 16"),
        (["--max-parts", "99"], "from 1 to 16"),
        (["--tolerance", "1.5"], "share from 0"),
        (["--tolerance", "nan"], "share from 0"),
        (["--load", "-50"], "resistance in ohms"),
        (["--candidates", "1"], "from 8 to"),
        (["--parts", "E7"], "E12"),
        (["--seed", "x"], "whole number"),
        (["--out", "target.csv"], "this is a file"),
        (["--out", "target.csv/deeper/design"], "target.csv is a file; name a folder"),
    ],
)
def test_bad_options_are_one_line_and_nothing_is_written(design, tmp_path, capsys, options, says):
    code, content, _ = design(LOW_PASS, *options)
    error = capsys.readouterr().err
    assert (code, content) == (2, None)
    assert error.count("\n") == 1
    assert says in error
    assert sorted(path.name for path in tmp_path.iterdir()) == ["target.csv"]


@pytest.mark.parametrize(
    "target",
    [
        "missing.csv",
        "missing.s2p",
        "frequency_hz,gain_db\n1e3,0\n",
        "a,b\n1,2\n",
        LOW_PASS.replace("1e5,-3", "1e5,x"),
    ],
)
def test_bad_targets_are_one_line_and_nothing_is_written(design, tmp_path, capsys, target):
    code, content, folder = design(target)
    assert (code, content) == (2, None)
    assert capsys.readouterr().err.count("\n") == 1
    assert not folder.exists()


@pytest.mark.usefixtures("_undrawn")
def test_without_the_default_model_the_search_goes_on_and_says_so(design, capsys):
    from hypernet.circuits.tools.design import MODEL

    code, content, _ = design(LOW_PASS, "--max-parts", "2", model=MODEL)
    assert (code, content["model"]) == (0, "none")
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert error.startswith(f"note: {MODEL}: no such file, so the search goes without a network")
    # A model that is named has to be there.
    assert design(LOW_PASS, model="nowhere.ckpt")[0] == 2
    assert "nowhere.ckpt" in capsys.readouterr().err


@pytest.mark.usefixtures("_undrawn")
def test_a_foreign_two_port_is_designed_after(design, reference_file):
    pytest.importorskip("skrf")
    code, content, _ = design(reference_file("ind.s2p"), "--max-parts", "5")
    assert code == 0
    # An inductor of about 1 nH in the line, as its 6.28 Ohm at 1 GHz say.
    coils = [part for part in content["parts"] if (part["kind"], part["place"]) == ("inductor", "series")]
    assert sum(part["value"] for part in coils) == pytest.approx(1e-9, rel=0.3)
    assert content["two_port_error"] < 0.05


def test_a_simulation_is_a_target_with_its_source_and_load(capsys):
    netlist = "a filter\nV1 s 0 AC 1\nRS s a 75\nC1 a 0 1n\nL1 a b 4.7u\nRL b 0 50\n.end\n"
    simulation = circuits.simulate(netlist, points=21)
    # "none" as on the command line.
    design = circuits.design(simulation, model="none", max_parts=2)
    assert (design.source_ohm, design.load_ohm, design.request.model) == (75.0, 50.0, "none")
    assert [(part["name"], part["value"]) for part in design.parts] == [("C1", 1e-9), ("L2", pytest.approx(4.7e-6))]
    assert capsys.readouterr().err == ""
    assert repr(design).startswith(f"Design({design.text}, 2 parts, E12, 1.0 is 100 Ω and ")
    assert ", source 75 Ω, load 50 Ω, two-port error: " in repr(design)
    assert "\n" not in repr(design)
    assert str(design) == design.summary()


def test_a_simulation_without_source_resistance_is_a_response_with_its_load(capsys):
    netlist = "a divider\nV1 a 0 AC 1\nL1 a b 4.7u\nC1 b 0 1n\nRL b 0 50\n.end\n"
    simulation = circuits.simulate(netlist, points=21)
    design = circuits.design(simulation, model=None, max_parts=2)
    assert (design.source_ohm, design.load_ohm, design.response.load_ohm) == (None, 50.0, 50.0)
    assert [part["name"] for part in design.parts] == ["L1", "C2"]
    assert ", no source resistance, load 50 Ω, response error: " in repr(design)
    assert capsys.readouterr().err == ""
    again = circuits.design(simulation.response, model=None, max_parts=2, load=75.0)
    assert again.load_ohm == 75.0
    error = capsys.readouterr().err
    assert error == "warning: target: a response with a load of 50 Ohm is read as one with 75 Ohm\n"
