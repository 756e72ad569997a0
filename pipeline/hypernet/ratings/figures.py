"""Pictures of how well the trees predict, what they ask, and how they were trained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from hypernet.lab.results import figures
from hypernet.ratings.core.tables import RatingData
from hypernet.ratings.evaluate import NEW_USERS
from hypernet.ratings.methods import TITLES, is_meta
from hypernet.ratings.names import dataset_title
from hypernet.ratings.plots.portraits import PORTRAYED, SHOWN, Sitter, draw_portraits
from hypernet.ratings.trained import open_model

STYLE: dict[str, dict[str, Any]] = {
    "meta_fixed_soft": {"color": figures.COLOURS[0], "marker": "o"},
    "meta_fixed_hard": {"color": figures.COLOURS[4], "marker": "s"},
    "meta_dynamic_soft": {"color": figures.COLOURS[5], "marker": "^"},
    "meta_dynamic_hard": {"color": figures.COLOURS[1], "marker": "D"},
    "meta_explained_soft": {"color": "black", "marker": "<"},
    "meta_explained_hard": {"color": "#882255", "marker": ">"},
    "local_trees_tuned": {"color": figures.COLOURS[2], "marker": "v"},
    "svd_tuned": {"color": figures.COLOURS[3], "marker": "P"},
    "user_mean": {"color": "0.5", "marker": "x"},
}
# Bins of the number of ratings given, with about as many users in each.
SUPPORT_BINS = 6
# What run.json says of a run, and its folder.
Record = dict[str, Any]


def draw(runs: Sequence[Path], results: Path, out: Path) -> None:
    """Draw all pictures of :mod:`hypernet.ratings.captions`.

    Args:
        runs: folders of the runs.
        results: folder with ``summary.csv`` and ``comparisons.csv``.
        out: folder for the pictures.
    """
    figures.use_style()
    summary, records = figures.read_runs("ratings", runs, results)
    datasets = list(dict.fromkeys(summary["dataset"]))

    def panels(picture: str, draw_panel: Callable[[str, Axes], None]) -> None:
        by_title = {dataset_title(name): partial(draw_panel, name) for name in datasets}
        figures.save_panels(out, picture, by_title, legend_order=list(TITLES.values()))

    panels("errors", lambda name, axes: _errors(axes, summary[summary.dataset == name]))
    panels("support", lambda name, axes: _support(axes, _of(records, name)))
    panels("learning", lambda name, axes: _learning(axes, _of(records, name)))
    draw_portraits(_sitter(records), out)


def _sitter(records: Sequence[Record]) -> Sitter | None:
    """The first data set and seed that have a meta tree with hard routing, and the models trained there."""
    first = next((record for record in records if record["method"] == PORTRAYED), None)
    if first is None:
        return None
    beside = [record for record in records if (record["dataset"], record["seed"]) == (first["dataset"], first["seed"])]
    models = {
        record["method"]: open_model(record["folder"] / "model.ckpt") for record in beside if record["method"] in SHOWN
    }
    return Sitter(RatingData.load(Path(first["data"])), models, TITLES)


def _of(records: Sequence[Record], dataset: str) -> list[Record]:
    return [record for record in records if record["dataset"] == dataset]


def _errors(axes: Axes, table: pd.DataFrame) -> None:
    table = table[(table.metric == "rmse") & (table.group != NEW_USERS)]
    methods = [method for method in TITLES if method in set(table.method)][::-1]
    for place, method in enumerate(methods):
        row = table[table.method == method].iloc[0]
        if row.n == 0:
            quoted = row.published if not np.isnan(row.published) else row.unverified
            axes.plot(quoted, place, "x", ms=7, color="0.4", label="Quoted, not run")
            continue
        colour, marker, label = (
            (figures.COLOURS[0], "o", "Hypernetwork") if is_meta(method) else ("0.35", "s", "Other rows")
        )
        spread = [[row.value - row.ci95_low], [row.ci95_high - row.value]]
        style: dict[str, Any] = {"color": colour, "marker": marker, "ms": 6, "lw": 1.5, "capsize": 3, "ls": ""}
        axes.errorbar(row.value, place, xerr=spread, label=label, **style)
        if not np.isnan(row.published):
            axes.plot(row.published, place, "D", ms=6, mfc="white", mec="black", label="Published")
    axes.set_yticks(range(len(methods)), [TITLES[method] for method in methods], fontsize=8)
    axes.set_ylim(-0.7, len(methods) - 0.3)
    axes.set_xlabel(f"RMSE ({table.unit.iloc[0]}), lower is better")


def _support(axes: Axes, records: Sequence[Record]) -> None:
    first = records[0]["seed"]
    shown = [record for record in records if record["method"] in STYLE and record["seed"] == first]
    edges: np.ndarray | None = None
    for record in shown:
        items = pd.read_csv(record["folder"] / "items.csv", keep_default_na=False)
        items = items[items.group != NEW_USERS]
        if edges is None:
            edges = np.unique(np.quantile(items.support, np.linspace(0, 1, SUPPORT_BINS + 1)))
        bins = np.clip(np.searchsorted(edges, items.support, side="right") - 1, 0, max(len(edges) - 2, 0))
        sums = items.assign(bin=bins).groupby("bin")[["support", "n", "squared_error"]]
        middle = sums.mean().support
        error = np.sqrt(sums.sum().squared_error / sums.sum().n)
        axes.plot(middle, error, ms=5, label=TITLES[record["method"]], **STYLE[record["method"]])
    axes.set_xlabel("Training ratings of the user (mean of each bin)")
    axes.set_ylabel("RMSE on test ratings")


def _learning(axes: Axes, records: Sequence[Record]) -> None:
    ended: dict[tuple[str, int], float] = {}
    for record in records:
        history = pd.DataFrame(record.get("history", []))
        method = record["method"]
        if history.empty or method not in STYLE:
            continue
        # A training that goes on from another begins where that one ended.
        before = ended.get((record["parameters"]["stage"]["start"], record["seed"]), 0.0)
        ended[method, record["seed"]] = before + float(history.seconds.iloc[-1])
        label = TITLES[method] if record["seed"] == records[0]["seed"] else None
        axes.plot(before + history.seconds, history.validation_rmse, ms=3, label=label, **STYLE[method])
    axes.set_xlabel("Training time (s)")
    axes.set_ylabel("RMSE on validation ratings")
