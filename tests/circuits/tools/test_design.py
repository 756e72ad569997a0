"""`hypernet circuits design`: targets from files in, netlist, pictures, tables and a summary out."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from hypernet import circuits
from hypernet.circuits.baselines.genetic import Plan
from hypernet.circuits.sources.netlist import read_netlist
from hypernet.circuits.sources.ngspice import find_ngspice, respond_ngspice
from hypernet.circuits.tools import deliverables as design_files
from hypernet.circuits.tools import search
from hypernet.circuits.tools.deliverables import FILES
from hypernet.circuits.tools.search import Effort
from hypernet.cli import main
from hypernet.lab.errors import UserError
from hypernet.lab.results import figures

SMALL = Effort(
    rounds=1, draws=6000, starts=50, templates=2, first_steps=50, finalists=8, last_steps=60, prunings=1,
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


def gain_of(skrf, hertz, content):
    """Gain in dB of a written design, by scikit-rf: load at port 1, driven at port 2."""
    parts = [
        ("series" if part["place"] == "series" else "shunt", element_letter(part["kind"]), part["value"])
        for part in content["parts"]
    ]
    # Turned round, the load is behind the last part: V_in / V_load = A + B / R.
    a, b = (two_port(skrf, hertz, parts[::-1]).a[:, 0, place] for place in (0, 1))
    return -20 * np.log10(np.abs(a + b / content["load_ohm"]))


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
    assert "The gain is inside the mask." in printed
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
    assert result.netlist.startswith("* designed for a target (port 1")
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
        ({"parts": "E7"}, "parts: 'E7' is not a series; accepted: E3, E6, E12, E24"),
        ({"max_parts": 99}, "max_parts: 99 is not a whole number from 1 to 16"),
        ({"candidates": 8.5}, "candidates: 8.5 is not a whole number"),
        ({"tolerance": 1.5}, "tolerance: 1.5 is not a share"),
        ({"load": float("nan")}, "load: nan is not a resistance"),
        ({"load_port": 0}, "load_port: 0"),
        ({"model": "nowhere.ckpt"}, "nowhere.ckpt: no such model file"),
        ({}, "model=None"),
    ],
)
def test_from_python_mistakes_are_errors_of_the_user(design, tmp_path, options, message):
    (tmp_path / "target.csv").write_text(LOW_PASS)
    chosen = {"model": None} | options if options else {}
    with pytest.raises(UserError, match=message):
        circuits.design("target.csv", **chosen)


@pytest.mark.usefixtures("_undrawn")
def test_a_band_pass_is_drawn_as_a_mask(design):
    skrf = pytest.importorskip("skrf")
    code, content, _ = design(BAND_PASS, "--parts", "E24", "--max-parts", "4")
    assert code == 0
    assert content["inside_mask"]
    gain = gain_of(skrf, np.array([2e4, 5e4, 4e5, 5e5, 6e5, 4e6, 1e7]), content)
    assert (gain[[0, 1, 5, 6]] <= -10 + 1e-6).all()
    assert ((gain[2:5] >= -6 - 1e-6) & (gain[2:5] <= 1e-6)).all()


def test_a_ladder_of_scikit_rf_is_found_from_its_touchstone_file(design, tmp_path):
    skrf = pytest.importorskip("skrf")
    wanted = [("shunt", "C", 330e-12), ("series", "L", 1.5e-6), ("shunt", "C", 470e-12)]
    two_port(skrf, HERTZ, wanted).write_touchstone(str(tmp_path / "ladder.s2p"))
    code, content, folder = design(tmp_path / "ladder.s2p", "--max-parts", "4")
    assert code == 0
    assert content["response_error"] < 1e-6
    assert content["load_ohm"] == 50
    parts = [
        (part["place"].replace("parallel", "shunt"), element_letter(part["kind"]), part["value"])
        for part in content["parts"]
    ]
    assert parts == [(side, part_type, pytest.approx(size)) for side, part_type, size in wanted]
    table = pd.read_csv(folder / "circuits.csv")
    assert table.parts[0] == 3
    assert table.response_error[0] == pytest.approx(content["response_error"], abs=1e-12)


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
    _, content, folder = design(LOW_PASS, "--load", "50", "--max-parts", "3")
    ladder = read_netlist(folder / "circuit.cir")
    assert ladder.r0 == 50
    # The netlist and the response are in units of the load, the parts of the report are not.
    types, sizes = ladder.types % 3, np.array([50.0, 50.0 / ladder.omega0, 1.0 / (50.0 * ladder.omega0)])
    np.testing.assert_allclose(ladder.values * sizes[types], [part["value"] for part in content["parts"]], rtol=1e-9)
    hertz, gain, impedance = (
        np.array(content["response"][name])[::50] for name in ("frequency_hz", "gain_db", "impedance_ohm")
    )
    voltage, current = respond_ngspice(
        ladder.types, ladder.values, 2 * np.pi * hertz / ladder.omega0, 50, ladder.omega0
    )
    np.testing.assert_allclose(-20 * np.log10(np.abs(voltage)), gain, atol=1e-8)
    np.testing.assert_allclose(50 * np.abs(voltage / current), impedance, rtol=1e-9)


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
    ["missing.csv", "missing.s2p", "frequency_hz,gain_db\n1e3,0\n", "a,b\n1,2\n", LOW_PASS.replace("1e5,-3", "1e3,-3")],
)
def test_bad_targets_are_one_line_and_nothing_is_written(design, tmp_path, capsys, target):
    code, content, folder = design(target)
    assert (code, content) == (2, None)
    assert capsys.readouterr().err.count("\n") == 1
    assert not folder.exists()


def test_a_missing_default_model_says_how_to_get_one_and_how_to_do_without(design, capsys):
    from hypernet.circuits.tools.design import MODEL

    assert design(LOW_PASS, model=MODEL)[0] == 2
    error = capsys.readouterr().err
    assert "make run DOMAIN=circuits" in error
    assert "--model none" in error
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
    assert content["response_error"] < 0.05


def test_a_simulation_is_a_target_with_its_load(capsys):
    netlist = "a divider\nV1 a 0 AC 1\nR1 a b 47\nC1 b 0 1n\nRL b 0 50\n.end\n"
    simulation = circuits.simulate(netlist, points=21)
    # "none" as on the command line.
    design = circuits.design(simulation, model="none", max_parts=2)
    assert (design.load_ohm, design.request.model, design.response.load_ohm) == (50.0, "none", 50.0)
    assert [(part["name"][0], part["value"]) for part in design.parts] == [("C", 1e-9), ("R", 47.0)]
    assert capsys.readouterr().err == ""
    assert repr(design).startswith(f"Design({design.text}, 2 parts, E12, 1.0 is 100 Ω and ")
    assert ", load 50 Ω, response error: " in repr(design)
    assert "\n" not in repr(design)
    assert str(design) == design.summary()
    again = circuits.design(simulation.response, model=None, max_parts=2, load=75.0)
    assert again.load_ohm == 75.0
    error = capsys.readouterr().err
    assert error == "warning: target: a response with a load of 50 Ohm is read as one with 75 Ohm\n"
