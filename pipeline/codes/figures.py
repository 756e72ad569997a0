"""Pictures of the decoders' error rates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from scipy.special import erfc

from pipeline.codes.captions import dataset_title
from pipeline.codes.evaluate import ebn0_of
from pipeline.codes.methods import TITLES
from pipeline.lab import figures
from pipeline.lab.files import read_json
from pipeline.lab.tracking import Tracker

STYLE = {
    method: {"color": colour, "marker": marker}
    for method, colour, marker in zip(TITLES, figures.COLOURS, figures.MARKERS, strict=False)
}


def uncoded_ber(ebn0_db: np.ndarray) -> np.ndarray:
    """Bit error rate without a code: Q(sqrt(2 Eb/N0)) = erfc(sqrt(Eb/N0)) / 2."""
    return 0.5 * erfc(np.sqrt(10.0 ** (np.asarray(ebn0_db) / 10.0)))


def draw(runs: Sequence[Path], results: Path, out: Path) -> None:
    """Draw all pictures of :mod:`pipeline.codes.captions` and keep them in MLflow's run "summary".

    Args:
        runs: folders of the runs.
        results: folder with ``summary.csv`` and ``comparisons.csv``.
        out: folder for the pictures.
    """
    figures.use_style()
    summary = pd.read_csv(results / "summary.csv", dtype={"group": str})
    summary["ebn0_db"] = summary["group"].map(ebn0_of)
    comparisons = pd.read_csv(results / "comparisons.csv", dtype={"group": str})
    comparisons["ebn0_db"] = comparisons["group"].map(ebn0_of)
    datasets = list(dict.fromkeys(summary["dataset"]))
    _panels(out, "waterfall", datasets, lambda axes, name: _waterfall(axes, summary[summary.dataset == name]))
    _panels(out, "published", datasets, lambda axes, name: _published(axes, summary[summary.dataset == name]))
    _panels(out, "gain", datasets, lambda axes, name: _gain(axes, comparisons[comparisons.dataset == name]))
    records = [read_json(run / "run.json") for run in runs]
    _panels(
        out,
        "learning",
        datasets,
        lambda axes, name: _learning(axes, [one for one in records if one["dataset"] == name]),
    )
    tracker = Tracker("codes", "summary", tags={"rule": "figures"})
    for path in [*sorted(out.glob("*.png")), results / "summary.csv", results / "comparisons.csv"]:
        tracker.artifact(path)
    tracker.close()


def _panels(out: Path, name: str, datasets: Sequence[str], panel) -> None:
    columns = min(len(datasets), 3)
    rows = math.ceil(len(datasets) / columns)
    figure, axes = plt.subplots(rows, columns, figsize=(4.9 * columns, 4.2 * rows + 0.6), squeeze=False)
    for one, dataset in zip(axes.flat, datasets, strict=False):
        panel(one, dataset)
        one.set_title(dataset_title(dataset))
    for unused in axes.flat[len(datasets) :]:
        unused.remove()
    labelled: dict = {}
    for one in axes.flat[: len(datasets)]:
        for handle, label in zip(*one.get_legend_handles_labels(), strict=True):
            labelled.setdefault(label, handle)
    # Methods first, in the order of every other picture.
    order = {name: place for place, name in enumerate(TITLES.values())}
    labelled = dict(sorted(labelled.items(), key=lambda one: order.get(one[0], len(order))))
    figure.legend(labelled.values(), labelled.keys(), loc="outside lower center", ncols=min(len(labelled), 3))
    figures.save(figure, out, name)


def _waterfall(axes: Axes, table: pd.DataFrame) -> None:
    for method, rows in table[table.metric == "ber"].groupby("method", sort=False):
        rows = rows.sort_values("ebn0_db")
        known = rows.dropna(subset=["value"])
        axes.semilogy(known.ebn0_db, known.value, label=TITLES[method], markersize=5, **STYLE[method])
        axes.fill_between(
            known.ebn0_db, known.ci95_low, known.ci95_high, color=STYLE[method]["color"], alpha=0.2, lw=0
        )
        bounds = rows[rows.value.isna()]
        if len(bounds):
            # An upper bound from a point with hardly any errors: an arrow, never a value.
            axes.semilogy(
                bounds.ebn0_db,
                bounds.ci95_high,
                ls="",
                marker=r"$\downarrow$",
                ms=9,
                c=STYLE[method]["color"],
            )
    points = np.linspace(table.ebn0_db.min(), table.ebn0_db.max(), 60)
    axes.semilogy(points, uncoded_ber(points), "--", color="0.5", label="Uncoded", zorder=1)
    axes.set_xlabel("Eb/N0 (dB)")
    axes.set_ylabel("Bit error rate")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _published(axes: Axes, table: pd.DataFrame) -> None:
    table = table[table.metric == "neg_ln_ber"]
    groups = sorted(table.ebn0_db.unique())
    methods = list(dict.fromkeys(table.method))
    width = 0.8 / len(methods)
    for number, method in enumerate(methods):
        rows = table[(table.method == method)].set_index("ebn0_db").reindex(groups)
        place = np.arange(len(groups)) + (number - (len(methods) - 1) / 2) * width
        axes.bar(
            place,
            rows.value,
            width * 0.92,
            yerr=rows.ci95,
            error_kw={"lw": 0.9},
            label=TITLES[method],
            color=STYLE[method]["color"],
        )
        for column, face, label in (
            ("published", "black", "Published"),
            ("unverified", "white", "Recalled, unverified"),
        ):
            known = rows[column].notna().to_numpy()
            if known.any():
                axes.plot(
                    place[known],
                    rows[column][known],
                    ls="",
                    marker="D",
                    ms=6,
                    mfc=face,
                    mec="black",
                    label=label,
                    zorder=5,
                )
    axes.set_xticks(range(len(groups)), [f"{group:g}" for group in groups])
    axes.set_xlabel("Eb/N0 (dB)")
    axes.set_ylabel("−ln(bit error rate), higher is better")
    axes.grid(False, axis="x")


def _gain(axes: Axes, table: pd.DataFrame) -> None:
    table = table[table.reference == "bp"]
    for method, rows in table.groupby("method", sort=False):
        for number, (_, seeded) in enumerate(rows.sort_values("ebn0_db").groupby("seed")):
            offset = (list(TITLES).index(method) - 2) * 0.05
            errors = [seeded.difference - seeded.ci95_low, seeded.ci95_high - seeded.difference]
            axes.errorbar(
                seeded.ebn0_db + offset,
                seeded.difference,
                yerr=errors,
                capsize=2,
                lw=1.2,
                ms=5,
                label=None if number else TITLES[method],
                **STYLE[method],
            )
    axes.axhline(0.0, color="0.3", lw=1)
    axes.set_xlabel("Eb/N0 (dB)")
    axes.set_ylabel("ln(BER of belief propagation / BER)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _learning(axes: Axes, records: Sequence[dict]) -> None:
    for record in records:
        history = pd.DataFrame(record.get("history", []))
        if not history.empty:
            method = record["method"]
            label = TITLES[method] if record["seed"] == records[0]["seed"] else None
            axes.plot(history.seconds, history.validation_ln_ber, ms=4, label=label, **STYLE[method])
    axes.set_xlabel("Seconds of training")
    axes.set_ylabel("Validation: mean ln(bit error rate)")
