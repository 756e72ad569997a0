"""Pictures of how often the methods write the right circuit, and of what they write."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hypernet.circuits.core.goals import decibels
from hypernet.circuits.core.parts import JOINTS, PART_TYPES, canonical, hertz, lengths_of
from hypernet.circuits.core.tolerance import sensitivity, spread, worst_case
from hypernet.circuits.methods import TITLES
from hypernet.circuits.names import dataset_title
from hypernet.circuits.plots.bode import TARGET_STYLE, bode_panels, curve_of, draw_gain
from hypernet.circuits.plots.schematic import draw_schematic, part_labels, picture
from hypernet.circuits.plots.shares import STYLE, draw_equal_time, draw_learning, draw_lengths
from hypernet.lab.errors import UserError
from hypernet.lab.files import read_json
from hypernet.lab.randomness import numpy_generator
from hypernet.lab.results import figures
from hypernet.lab.results.statistics import wilson

TYPE_TITLES = ("Series R", "Series L", "Series C", "Parallel R", "Parallel L", "Parallel C")
TOLERANCE, DRAWS = 0.05, 10_000
# Enough to see clusters; more would make the decomposition slow.
MOST_POINTS = 1000
# Below this relative error the axis is linear: an exact circuit has none.
SMALLEST_ERROR = 1e-3
NO_OURS = "No run of `ours` among the runs"


@dataclass(frozen=True)
class Answers:
    """The circuits that a method wrote, in canonical order: a row of ``items`` and of each array per test circuit."""

    items: pd.DataFrame
    types: np.ndarray
    values: np.ndarray
    target_types: np.ndarray
    target_values: np.ndarray
    frequency: np.ndarray


def draw(runs: Sequence[Path], results: Path, out: Path) -> None:
    """Draw all pictures of :mod:`hypernet.circuits.captions`.

    Pictures of single circuits show the first run of the first data set.

    Args:
        runs: folders of the runs.
        results: folder with ``summary.csv`` and ``comparisons.csv``.
        out: folder for the pictures.
    """
    figures.use_style()
    if not (results / "summary.csv").is_file():
        raise UserError(f"{results / 'summary.csv'}: no such file; run `hypernet circuits summarise` first")
    summary = pd.read_csv(results / "summary.csv", dtype={"group": str}).fillna({"group": ""})
    summary["length"] = pd.to_numeric(summary["group"].str.removeprefix("length "), errors="coerce")
    records = [read_json(run / "run.json") | {"folder": run} for run in runs]
    datasets = list(dict.fromkeys(summary["dataset"]))

    def panels(name: str, by_title: dict[str, Callable[[Axes], None]], columns: int = 3) -> None:
        figures.save_panels(out, name, by_title, legend_order=["Target", *TITLES.values()], columns=columns)

    def titled(what: str, dataset: str) -> str:
        return what if len(datasets) == 1 else f"{what}: {dataset_title(dataset)}"

    shares = [
        (name, metric, what)
        for name in datasets
        for metric, what in (("exact", "Exact circuit"), ("topology", "Topology"))
    ]
    by_length: dict[str, Callable[[Axes], None]] = {
        titled(what, name): partial(draw_lengths, table=summary[(summary.dataset == name) & (summary.metric == metric)])
        for name, metric, what in shares
    }
    panels("lengths", by_length, columns=2)
    timed: dict[str, Callable[[Axes], None]] = {
        titled(what, name): partial(draw_equal_time, table=rows, metric=metric)
        for name, metric, what in shares
        if "training_seconds" in set((rows := summary[(summary.dataset == name) & (summary.group == "")]).metric)
    }
    if timed:
        panels("equal_time", timed, columns=2)
    else:
        figures.save(figures.nothing_to_show("No method among the runs was trained"), out, "equal_time")
    of_method = figures.first_runs(records, records[0]["dataset"], TITLES)
    ours = _answers(of_method["ours"]) if "ours" in of_method else None
    genetic = _answers(of_method["ga"]) if "ga" in of_method else None
    if ours is None:
        for name in ("response", "schematic", "confusion", "weights", "tolerance"):
            figures.save(figures.nothing_to_show(NO_OURS), out, name)
    else:
        chosen = _telling(ours, genetic)
        panels("response", _response(ours, genetic, chosen))
        figures.save(_schematic(ours), out, "schematic")
        panels("confusion", _confusion(ours))
        figures.save(_weights(ours, of_method["ours"]["folder"]), out, "weights")
        if (ours.types[chosen] >= 0).any():
            panels("tolerance", _tolerance(ours, chosen))
        else:
            figures.save(figures.nothing_to_show("`ours` wrote no part"), out, "tolerance")
    ranked = of_method.get("ours_rank64")
    if ranked is None:
        figures.save(figures.nothing_to_show("No run of `ours_rank64` among the runs"), out, "candidates")
    else:
        panels("candidates", _candidates(ranked["folder"]))
    learned = [record for record in records if record.get("history")]
    if learned:
        by_dataset = {name: [record for record in learned if record["dataset"] == name] for name in datasets}
        panels("learning", {dataset_title(name): partial(draw_learning, records=by_dataset[name]) for name in datasets})
    else:
        figures.save(figures.nothing_to_show("No method among the runs was trained"), out, "learning")


def _answers(record: dict[str, Any]) -> Answers:
    with np.load(record["folder"] / "predictions.npz") as stored:
        answer, target = (canonical(stored[f"{whose}kinds"], stored[f"{whose}values"]) for whose in ("", "target_"))
        frequency = stored["frequency"]
    items = pd.read_csv(record["folder"] / "items.csv", dtype={"circuit": str, "group": str})
    return Answers(items, *answer, *target, frequency)


def _telling(ours: Answers, genetic: Answers | None) -> int:
    """The first of the longest test circuits that `ours` gets right and the genetic algorithm does not, or the first.

    Without the genetic algorithm, the first that `ours` gets right.
    """
    longest = ours.items.parts == ours.items.parts.max()
    chosen = longest & (ours.items.exact == 1)
    if genetic is not None:
        missed = genetic.items.circuit[genetic.items.exact == 0]
        chosen &= ours.items.circuit.isin(missed)
    return int(np.flatnonzero(chosen if chosen.any() else longest)[0])


def _response(ours: Answers, genetic: Answers | None, row: int) -> dict[str, Callable[[Axes], None]]:
    frequency = ours.frequency
    curves = [curve_of("Target", ours.target_types[row], ours.target_values[row], frequency, TARGET_STYLE)]
    if genetic is not None:
        other = np.flatnonzero(genetic.items.circuit == ours.items.circuit[row])
        style = {"color": STYLE["ga"]["color"], "lw": 1.6}
        curves += [
            curve_of(TITLES["ga"], genetic.types[place], genetic.values[place], frequency, style) for place in other[:1]
        ]
    style = {"color": STYLE["ours"]["color"], "lw": 1.8, "ls": "--"}
    curves.append(curve_of(TITLES["ours"], ours.types[row], ours.values[row], frequency, style))
    return bode_panels(hertz(frequency), curves)


def _schematic(ours: Answers) -> Figure:
    wrong = ours.items[(ours.items.exact == 0) & (ours.items.response_error > 0)].response_error
    if wrong.empty:
        return figures.nothing_to_show("`ours` wrote every test circuit as it is")
    row = int(wrong.idxmin())
    target = ours.target_types[row], ours.target_values[row]
    answer = ours.types[row], ours.values[row]
    return picture(
        {
            "Target": draw_schematic(*target, compare=answer),
            f"{TITLES['ours']}: response error {100 * wrong[row]:.2g} %": draw_schematic(*answer, compare=target),
        }
    )


def _confusion(ours: Answers) -> dict[str, Callable[[Axes], None]]:
    true, written = ours.target_types, ours.types
    # One column more than the longest: there the end belongs. A circuit that never ended has none.
    width = max(true.shape[1], written.shape[1]) + 1
    true, written, true_values, written_values = (
        np.pad(array, ((0, 0), (0, width - array.shape[1])), constant_values=-1)
        for array in (true, written, ours.target_values, ours.values)
    )
    # Beside parts on their own the capacitors of resonators, where there are some; behind them the end.
    seen = np.unique([true, written])
    shown = [*range(len(PART_TYPES)), *seen[seen >= len(PART_TYPES)].tolist()]
    names = [
        f"{JOINTS[part_type // len(PART_TYPES)]}{PART_TYPES[part_type % len(PART_TYPES)]}".lstrip("|")
        for part_type in shown
    ]
    end = len(shown)
    counted = np.arange(width) <= lengths_of(true)[:, None]
    unended = (ours.items.ended.to_numpy() == 0)[:, None] & (written < 0)
    counted &= ~unended
    types = np.zeros((end + 1, end + 1), dtype=int)
    of_type = (np.where(array < 0, end, np.searchsorted(shown, array))[counted] for array in (true, written))
    np.add.at(types, tuple(of_type), 1)
    same = (true == written) & (true >= 0)
    catalogue = np.unique(np.concatenate([true_values[true >= 0], written_values[written >= 0]]).round(9))
    values = np.zeros((len(catalogue), len(catalogue)), dtype=int)
    rows, columns = (np.searchsorted(catalogue, array[same].round(9)) for array in (true_values, written_values))
    np.add.at(values, (rows, columns), 1)
    return {
        "Types of parts": partial(_matrix, counts=types, names=[*names, "end"], what="type"),
        "Values, where the type is right": partial(
            _matrix, counts=values, names=[f"{value:g}" for value in catalogue], what="value (1 = 1 kΩ, 1 mH, 1 nF)"
        ),
    }


def _matrix(axes: Axes, counts: np.ndarray, names: Sequence[str], what: str) -> None:
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    # Counts have room beside the shares in a small matrix only.
    small = len(names) <= 9
    for row, column in zip(*np.nonzero(counts), strict=True):
        text = f"{100 * share[row, column]:.0f} %" if small else f"{100 * share[row, column]:.0f}"
        text += f"\n{counts[row, column]}" if small else ""
        colour = "white" if share[row, column] > 0.6 else "black"
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=7 if small else 6)
    axes.set_xticks(range(len(names)), names, rotation=0 if small else 60)
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel(f"Written {what}" if small else f"Written {what} (cells in %)")
    axes.set_ylabel(f"True {what}")
    axes.grid(visible=False)


def _weights(ours: Answers, folder: Path) -> Figure:
    import matplotlib.pyplot as plt

    from hypernet.circuits.trained import open_model

    designer = open_model(folder / "model.ckpt")
    count = len(ours.target_types)
    chosen = np.unique(np.linspace(0, count - 1, min(count, MOST_POINTS)).round().astype(int))
    types, values = ours.target_types[chosen], ours.target_values[chosen]
    weights = designer.weights(designer.probe.measure(types, values).astype(np.float32))
    if weights is None:
        return figures.nothing_to_show("The network of `ours` has no generated weights")
    points, explained = principal_plane(np.asarray(weights, dtype=np.float64))
    lengths = lengths_of(types)
    shades = plt.get_cmap("viridis")(np.linspace(0, 0.92, len(np.unique(lengths))))
    figure, (by_type, by_length) = plt.subplots(1, 2, figsize=(9.8, 5.2), sharex=True, sharey=True)
    groups = [
        (
            by_type,
            types[:, 0] == part_type,
            TYPE_TITLES[part_type],
            figures.COLOURS[part_type],
            figures.MARKERS[part_type],
        )
        for part_type in np.unique(types[:, 0])
    ] + [
        (by_length, lengths == length, f"{length} parts", shade, figures.MARKERS[place % len(figures.MARKERS)])
        for place, (length, shade) in enumerate(zip(np.unique(lengths), shades, strict=True))
    ]
    for axes, inside, label, colour, marker in groups:
        style = {"color": colour, "marker": marker, "s": 14, "alpha": 0.7, "lw": 0, "rasterized": True}
        axes.scatter(*points[inside].T, label=label, **style)
    for axes, title in ((by_type, "By the first part"), (by_length, "By the number of parts")):
        axes.set_title(title)
        axes.set_xlabel(f"First component ({100 * explained[0]:.0f} % of the variance)")
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=3, markerscale=1.6, handletextpad=0.2)
    by_type.set_ylabel(f"Second component ({100 * explained[1]:.0f} % of the variance)")
    return figure


def principal_plane(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows in the plane of their two largest principal components.

    Args:
        rows: ``[T, N]``, T at least 2.

    Returns:
        coordinates ``[T, 2]`` and the shares of the variance that both explain ``[2]``.
    """
    centred = rows - rows.mean(axis=0)
    # There are far fewer circuits than weights: T by T is the small side.
    variance, vectors = np.linalg.eigh(centred @ centred.T)
    variance = np.maximum(variance, 0.0)
    return vectors[:, :-3:-1] * np.sqrt(variance[:-3:-1]), variance[:-3:-1] / max(variance.sum(), 1e-300)


def _tolerance(ours: Answers, row: int) -> dict[str, Callable[[Axes], None]]:
    frequency, types, values = ours.frequency, ours.types[row], ours.values[row]
    inside = types >= 0
    types, values = types[inside], values[inside]
    generator = numpy_generator(0, "circuits", "figures", "tolerance")
    band = spread(types, values, TOLERANCE, DRAWS, generator, frequency)
    target = curve_of("Target", ours.target_types[row], ours.target_values[row], frequency, TARGET_STYLE)
    design = curve_of(
        TITLES["ours"], types, values, frequency, {"color": STYLE["ours"]["color"], "ls": "--", "lw": 1.8}
    )
    corners = worst_case(types, values, TOLERANCE, frequency)
    label = f"{100 * TOLERANCE:g} % parts: 95 % of {DRAWS:,} draws"
    wanted, points = decibels(target.voltage), hertz(frequency)

    def difference(axes: Axes) -> None:
        axes.fill_between(points, band.low - wanted, band.high - wanted, color=design.style["color"], alpha=0.3, lw=0)
        axes.plot(points, band.nominal - wanted, **design.style)
        for number, edge in enumerate(corners):
            axes.plot(points, edge - wanted, ":", color="0.3", lw=1.2, label=None if number else "Worst corners")
        axes.set_xscale("log")
        axes.set_xlim(points[0], points[-1])
        axes.set_xlabel("Frequency (Hz)")
        axes.set_ylabel("Gain minus target gain (dB)")

    def parts(axes: Axes) -> None:
        largest = 0.01 * np.abs(sensitivity(types, values, frequency)).max(axis=1)
        axes.barh(np.arange(len(types)), largest, color=design.style["color"], height=0.65)
        axes.set_yticks(range(len(types)), part_labels(types, values))
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.set_xlabel("Largest change of the gain over frequency (dB)")

    edges = band.low, band.high
    return {
        "Gain": partial(draw_gain, hertz=points, curves=[target, design], band=edges, band_label=label),
        "Difference from the target": difference,
        "Sensitivity to 1 % of each part": parts,
    }


def _candidates(folder: Path) -> dict[str, Callable[[Axes], None]]:
    with np.load(folder / "predictions.npz") as stored:
        counts, errors, exact = (stored[f"candidate_{name}"] for name in ("counts", "errors", "exact"))
    colour = STYLE["ours"]["color"]

    def finish(axes: Axes) -> None:
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter("{x:g}")
        axes.set_xlabel("Candidates simulated for each target")

    def error(axes: Axes) -> None:
        low, middle, high = np.quantile(errors, (0.25, 0.5, 0.75), axis=0, method="inverted_cdf")
        axes.fill_between(counts, low, high, color=colour, alpha=0.25, lw=0, label="Interquartile range")
        axes.plot(counts, middle, "o-", ms=5, color=colour, label="Median circuit")
        axes.set_yscale("symlog", linthresh=SMALLEST_ERROR)
        axes.set_ylim(bottom=0)
        axes.set_ylabel("Relative response error of the best candidate")
        finish(axes)

    def share(axes: Axes) -> None:
        intervals = [wilson(int(hits.sum()), len(hits)) for hits in exact.astype(bool).T]
        low, value, high = ([getattr(interval, name) for interval in intervals] for name in ("low", "value", "high"))
        axes.fill_between(counts, low, high, color=figures.COLOURS[4], alpha=0.25, lw=0, label="95 % interval")
        axes.plot(counts, value, "s-", ms=5, color=figures.COLOURS[4], label="Exact circuits")
        axes.set_ylim(0, 1.03)
        axes.set_ylabel("Share of test circuits exactly right")
        finish(axes)

    return {"Response error": error, "Exact circuits": share}
