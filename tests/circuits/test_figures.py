"""The pictures are drawn from made-up runs; what they look like is for a person to judge."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

import hypernet.circuits.trained
from hypernet.circuits.captions import FIGURES
from hypernet.circuits.core.features import Probe, grid
from hypernet.circuits.core.ladder import respond
from hypernet.circuits.core.parts import PAD, PART_TYPES, hertz, lengths_of, parse
from hypernet.circuits.core.scoring import score
from hypernet.circuits.figures import draw, principal_plane
from hypernet.circuits.methods import TITLES
from hypernet.circuits.plots.bode import Curve, bode_panels, curve_of, impedance_ohm, phase_degrees
from hypernet.circuits.sources.sampler import draw as draw_circuits
from hypernet.lab.errors import UserError
from hypernet.lab.files import write_json, write_table
from hypernet.lab.results import figures
from hypernet.lab.results.statistics import wilson
from hypernet.lab.results.summary import COLUMNS

VALUES = np.array([1.0, 2.2, 4.7])
PROBE = Probe(grid(64, 0.01, 100.0), [(1.0, -1.0)], "logmag")
# The share of parts that each method gets wrong.
MISTAKES = {"ga": 0.18, "gru": 0.3, "gru_only_hypernet": 0.12, "ours": 0.05, "ours_rank64": 0.01}


@pytest.fixture(autouse=True)
def _no_tracking(without_mlflow):
    """These tests are not about tracking."""


def make_runs(root: Path, circuits: int, lengths: tuple[int, ...] = (4, 5, 6), methods=tuple(MISTAKES)) -> list[Path]:
    """Run folders in which every method answers the same random circuits with mistakes of its own."""
    generator = np.random.default_rng(5)
    types, classes = draw_circuits(generator, np.sort(generator.choice(lengths, circuits)), len(VALUES))
    values = np.where(types >= 0, VALUES[classes], 0.0)
    target, runs, rows = PROBE.measure(types, np.where(types >= 0, values, 1.0)), [], []
    for method in methods:
        share = MISTAKES[method]
        answered, sizes = types.copy(), values.copy()
        wrong = (generator.random(types.shape) < share) & (types >= 0)
        sizes[wrong] = generator.choice(VALUES, wrong.sum())
        wrong = (generator.random(types.shape) < share / 2) & (types >= 0)
        answered[wrong] = generator.integers(0, len(PART_TYPES), wrong.sum())
        short = generator.random(circuits) < share / 3
        answered[short, lengths_of(types)[short] - 1] = PAD
        sizes[answered < 0] = 0.0
        run = root / "lengths4to6" / method / "seed0"
        run.mkdir(parents=True)
        items = score(PROBE, answered, sizes, np.ones(circuits), types, values, target)
        write_table(run / "items.csv", items)
        steps = np.linspace(5, 60, 12)
        history = [{"step": int(t), "seconds": t, "validation_error": share + (1 - share) / t} for t in steps]
        record = {"dataset": "lengths4to6", "method": method, "seed": 0, "seconds": 60.0}
        write_json(run / "run.json", record | {"history": [] if method in ("ga", "ours_rank64") else history})
        more = {}
        if method == "ours_rank64":
            counts = np.array([1, 2, 4, 8, 16, 32, 64, 65])
            exact = generator.random((circuits, 1)) < 1 - 0.6 / counts**0.4
            more = {"candidate_counts": counts, "candidate_exact": exact}
            more["candidate_errors"] = np.where(exact, 1e-16, generator.lognormal(-3, 1, (circuits, 1)))
        np.savez(
            run / "predictions.npz",
            kinds=answered,
            values=sizes,
            target_kinds=types,
            target_values=values,
            frequency=PROBE.frequency,
            **more,
        )
        runs.append(run)
        for group, some in items.groupby("group"):
            for metric in ("exact", "topology"):
                interval = wilson(int(some[metric].sum()), len(some))
                known = {"dataset": "lengths4to6", "method": method, "group": group, "metric": metric, "n": interval.n}
                ends = {"value": interval.value, "ci95_low": interval.low, "ci95_high": interval.high}
                quoted = {"published": 0.4 + 0.01 * len(rows)} if method in ("ours", "ga") else {}
                rows.append(known | ends | quoted)
    write_table(root / "summary.csv", pd.DataFrame(rows, columns=COLUMNS))
    write_table(root / "comparisons.csv", pd.DataFrame({"dataset": []}))
    return runs


@pytest.fixture
def _opened(monkeypatch):
    """A network whose weights tell the first type and the length of a circuit."""

    def weights(response):
        generator = np.random.default_rng(0)
        base = response.reshape(len(response), -1)[:, ::16]
        return np.tanh(base) + 0.1 * generator.normal(size=base.shape)

    monkeypatch.setattr(
        hypernet.circuits.trained, "open_model", lambda path: SimpleNamespace(probe=PROBE, weights=weights)
    )


def texts(svg: Path) -> str:
    """What stands in a picture: matplotlib writes each text as a comment before its shapes."""
    return svg.read_text(encoding="utf-8")


@pytest.mark.usefixtures("_opened")
def test_every_promised_picture_is_drawn(tmp_path):
    runs = make_runs(tmp_path, 90)
    draw(runs, tmp_path, tmp_path / "figures")
    for name in FIGURES:
        assert (tmp_path / "figures" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        ElementTree.parse(tmp_path / "figures" / f"{name}.svg")
    lengths = texts(tmp_path / "figures" / "lengths.svg")
    for label in (*(TITLES[method] for method in MISTAKES), "Published (dashed)", "Topology"):
        assert f"<!-- {label} -->" in lengths
    response = texts(tmp_path / "figures" / "response.svg")
    for label in ("Target", TITLES["ours"], TITLES["ga"], "Frequency (Hz)"):
        assert f"<!-- {label} -->" in response


@pytest.mark.usefixtures("_opened")
def test_what_cannot_be_drawn_says_why(tmp_path, render):
    render(".svg")
    runs = make_runs(tmp_path, 30, methods=("ga",))
    draw(runs, tmp_path, tmp_path / "figures")
    assert {path.stem for path in (tmp_path / "figures").glob("*.svg")} == set(FIGURES)
    for name in ("response", "schematic", "confusion", "weights", "tolerance"):
        assert "<!-- No run of `ours` among the runs -->" in texts(tmp_path / "figures" / f"{name}.svg")
    assert "No run of `ours_rank64`" in texts(tmp_path / "figures" / "candidates.svg")
    assert "No method among the runs was trained" in texts(tmp_path / "figures" / "learning.svg")


@pytest.mark.usefixtures("_opened")
def test_a_network_that_is_always_right_and_one_that_writes_nothing_are_drawn(tmp_path, monkeypatch, render):
    render(".svg")
    monkeypatch.setitem(MISTAKES, "ours", 0.0)
    draw(make_runs(tmp_path / "right", 30, methods=("ours",)), tmp_path / "right", tmp_path / "a")
    assert "`ours` wrote every test circuit as it is" in texts(tmp_path / "a" / "schematic.svg")
    runs = make_runs(tmp_path / "empty", 30, methods=("ours",))
    with np.load(runs[0] / "predictions.npz") as stored:
        content = dict(stored)
    content["kinds"] = np.full_like(content["kinds"], PAD)
    content["values"] = np.zeros_like(content["values"])
    np.savez(runs[0] / "predictions.npz", **content)
    items = pd.read_csv(runs[0] / "items.csv")
    write_table(runs[0] / "items.csv", items.assign(exact=0, topology=0, response_error=1.0))
    draw(runs, tmp_path / "empty", tmp_path / "b")
    assert "`ours` wrote no part" in texts(tmp_path / "b" / "tolerance.svg")


def test_without_a_summary_the_message_names_the_step(tmp_path):
    with pytest.raises(UserError, match="hypernet circuits summarise"):
        draw([], tmp_path, tmp_path / "figures")


def test_the_principal_plane_is_that_of_the_singular_value_decomposition():
    rows = np.random.default_rng(1).normal(size=(20, 30)) * np.geomspace(1, 0.01, 30)
    points, explained = principal_plane(rows)
    u, s, _ = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)
    np.testing.assert_allclose(np.abs(points), np.abs(u[:, :2] * s[:2]), atol=1e-9)
    np.testing.assert_allclose(explained, s[:2] ** 2 / (s**2).sum(), rtol=1e-9)


def test_phase_and_impedance_are_the_closed_forms_of_a_low_pass():
    # One capacitor across the load: V = 1, so no phase, and Z = R0 / (1 + i w).
    frequency = PROBE.frequency
    voltage, current = (curve[0] for curve in respond(*(array[None] for array in parse("PC:1.0")), frequency))
    np.testing.assert_allclose(phase_degrees(voltage), 0.0, atol=1e-12)
    np.testing.assert_allclose(impedance_ohm(voltage, current, 50.0), 50.0 / np.abs(1 + 1j * frequency), rtol=1e-12)
    # An inductor before the load: V = 1 + i w.
    voltage, _ = respond(*(array[None] for array in parse("SL:1.0")), frequency)
    np.testing.assert_allclose(phase_degrees(voltage[0]), -np.degrees(np.arctan(frequency)), atol=1e-9)
    # Whole turns that set curves apart are taken off.
    np.testing.assert_allclose(
        phase_degrees(voltage[0], phase_degrees(voltage[0]) + 720.0), 720 + phase_degrees(voltage[0])
    )


def test_a_mask_stays_in_sight_and_unknown_parts_of_a_target_are_left_out(tmp_path):
    figures.use_style()
    frequency = PROBE.frequency
    design = curve_of("Design", *parse("SL:1.0|PC:1.0|SL:1.0"), frequency, {"color": "C0"})
    wanted = Curve("Wanted", np.abs(design.voltage), None, has_phase=False)
    lowest = np.where(frequency < 0.5, -3.0, -np.inf)
    highest = np.where(frequency > 5, -200.0, 1.0)
    seen = {}

    def watched(draw_one):
        def draw_and_look(axes):
            draw_one(axes)
            seen[axes.get_ylabel()] = (axes.get_ylim(), len(axes.lines), len(axes.collections))

        return draw_and_look

    panels = bode_panels(
        hertz(frequency), [wanted, design], (lowest, highest), (design.voltage.real, design.voltage.real)
    )
    figures.save_panels(tmp_path, "bode", {name: watched(panel) for name, panel in panels.items()}, ["Wanted"])
    limits, lines, shaded = seen["Gain $V_1/V_2$ (dB)"]
    assert limits[0] < -200 < 1 < limits[1]
    # A band and two forbidden regions.
    assert (lines, shaded) == (2, 3)
    assert "<!-- Outside the mask -->" in texts(tmp_path / "bode.svg")
    assert seen["Phase of $V_1/V_2$ (degrees)"][1] == 1
    assert seen["$|Z|$ at port 2 (Ω)"][1] == 1
