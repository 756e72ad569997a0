"""The pictures are drawn from made-up runs; what they look like is for a person to judge."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import hypernet.circuits.trained
from hypernet.circuits.captions import FIGURES
from hypernet.circuits.core.features import Probe, grid
from hypernet.circuits.core.ladder import respond
from hypernet.circuits.core.parts import PAD, PART_TYPES, lengths_of, parse
from hypernet.circuits.core.scoring import score
from hypernet.circuits.figures import Answers, _confusion, draw, principal_plane
from hypernet.circuits.methods import TITLES
from hypernet.circuits.plots.bode import impedance_ohm, phase_degrees
from hypernet.circuits.plots.shares import draw_equal_time
from hypernet.circuits.sources.sampler import draw as draw_circuits
from hypernet.lab.errors import UserError
from hypernet.lab.files import write_json, write_table
from hypernet.lab.results.statistics import wilson
from hypernet.lab.results.summary import COLUMNS

VALUES = np.array([1.0, 2.2, 4.7])
PROBE = Probe(grid(64, 0.01, 100.0), [(1.0, -1.0)], "logmag")
# The share of parts that each method gets wrong.
MISTAKES = {"ga": 0.18, "gru": 0.3, "gru_only_hypernet": 0.12, "ours": 0.05, "ours_rank64": 0.01}
# Seconds of the first training and of the second, and what is added to the share of exact circuits by it.
TRAININGS = {"gru": (10.0, 30.0, 0.1), "gru_only_hypernet": (25.0, 30.0, 0.02), "ours": (30.0, 30.0, 0.0)}


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
        for metric in ("exact", "topology") if method in TRAININGS else ():
            first, second, more_right = TRAININGS[method]
            known = {"dataset": "lengths4to6", "method": method, "group": ""}
            value = float(items[metric].mean())
            for name, number in ((metric, value), (f"{metric}_equal_time", value + more_right)):
                rows.append(
                    known | {"metric": name, "value": number, "ci95_low": number - 0.02, "ci95_high": number + 0.02}
                )
            if metric == "exact":
                seconds = (("training_seconds", first), ("equal_time_seconds", second))
                rows += [
                    known | {"metric": name, "value": number, "ci95_low": number, "ci95_high": number}
                    for name, number in seconds
                ]
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
    equal_time = texts(tmp_path / "figures" / "equal_time.svg")
    for label in (*(TITLES[method] for method in TRAININGS), "After equal steps", "In equal time", "Exact circuit"):
        assert f"<!-- {label} -->" in equal_time
    response = texts(tmp_path / "figures" / "response.svg")
    for label in ("Target", TITLES["ours"], TITLES["ga"], "Frequency (Hz)"):
        assert f"<!-- {label} -->" in response


def test_equal_time_has_a_filled_mark_and_a_hollow_one_at_its_seconds(tmp_path):
    make_runs(tmp_path, 60)
    table = pd.read_csv(tmp_path / "summary.csv", dtype={"group": str}, keep_default_na=False, na_values={"value": ""})
    axes = plt.figure().subplots()
    draw_equal_time(axes, table[table.group == ""], "exact")
    marks = [line for line in axes.lines if line.get_marker() not in ("None", "_", "|") and len(line.get_xdata()) == 1]
    hollow = [line for line in marks if line.get_markerfacecolor() == "white"]
    assert sorted(float(line.get_xdata()[0]) for line in hollow) == [30.0, 30.0, 30.0]
    filled = {float(line.get_xdata()[0]): float(line.get_ydata()[0]) for line in marks if line not in hollow}
    assert set(filled) == {10.0, 25.0, 30.0}
    higher = {float(line.get_ydata()[0]) for line in hollow}
    assert any(value == pytest.approx(filled[10.0] + 0.1) for value in higher)
    plt.close("all")


def test_resonators_have_rows_of_their_own_in_the_confusion_matrix():
    types, values = np.array([[1, 8, 3], [4, 11, PAD]]), np.array([[1.0, 2.2, 1.0], [1.0, 1.0, 0.0]])
    items = pd.DataFrame({"ended": [1, 1]})
    draw_types = _confusion(Answers(items, types, values, types, values, PROBE.frequency))["Types of parts"]
    axes = plt.figure().subplots()
    draw_types(axes)
    names = [label.get_text() for label in axes.get_xticklabels()]
    assert names == [*PART_TYPES, "&SC", "&PC", "end"]
    assert [text.get_text() for text in axes.texts] == ["100 %\n1"] * 5 + ["100 %\n2"]
    plt.close("all")


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
