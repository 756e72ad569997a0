"""Scores by method and photograph, against seconds of training, and beside the controls."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from hypernet.lab.results.figures import COLOURS, MARKERS
from hypernet.lab.results.statistics import mean_t

# Of the methods that are trained in steps.
STYLE: dict[str, dict[str, Any]] = {
    "pixel_mlp": {"color": COLOURS[1], "marker": "s"},
    "unet": {"color": COLOURS[3], "marker": "^"},
    "lut3d": {"color": COLOURS[4], "marker": "X"},
    "hdrnet": {"color": COLOURS[2], "marker": "D"},
    "pix2pix": {"color": "#882255", "marker": "P"},
    "cyclegan": {"color": "#882255", "marker": "h"},
    "affine": {"color": COLOURS[0], "marker": "v"},
    "cubic": {"color": COLOURS[0], "marker": "^"},
    "hyper_plain": {"color": COLOURS[0], "marker": "s"},
    "hyper": {"color": COLOURS[0], "marker": "o"},
    "hyper_unpaired": {"color": COLOURS[5], "marker": "o"},
}
BOUNDS = ("oracle_affine", "oracle_quadratic")
EQUAL_TIME = "dotted: steps for equal time"
KEPT = "ring: the weights that are kept"
# Photographs that have a mark and a line of their own.
MOST_MARKED = 10
SCORES = {"psnr": "PSNR (dB), higher is better", "delta_e76": "ΔE (CIE 1976), lower is better"}


def draw_scores(tables: Mapping[str, pd.DataFrame], reference: str, titles: Mapping[str, str]) -> Figure:
    """PSNR, its paired difference to a method, and Delta E, of every method and photograph.

    Args:
        tables: by the data set's name, a row for each method and photograph: ``method``, ``photograph``, ``psnr`` and
            ``delta_e76``.
        reference: the method that others are compared with.
        titles: names of the methods for people.
    """
    counts = [table.method.nunique() for table in tables.values()]
    heights = [0.36 * count + 1.5 for count in counts]
    figure = plt.figure(figsize=(13.6, sum(heights) + 0.3))
    for part, (name, table) in zip(
        figure.subfigures(len(tables), 1, height_ratios=heights, squeeze=False)[:, 0], tables.items(), strict=True
    ):
        wide = {metric: table.pivot(index="method", columns="photograph", values=metric) for metric in SCORES}
        order = wide["psnr"].mean(axis=1).sort_values(kind="stable").index
        wide = {metric: values.loc[order] for metric, values in wide.items()}
        panels = part.subplots(1, 3, sharey=True, width_ratios=(1.1, 0.9, 1))
        shown = {"psnr": wide["psnr"], "gain": None, "delta_e76": wide["delta_e76"]}
        if reference in order:
            shown["gain"] = wide["psnr"] - wide["psnr"].loc[reference]
        words = {**SCORES, "gain": f"PSNR minus that of\n{titles[reference]} (dB)"}
        for panel, (metric, values) in zip(panels, shown.items(), strict=True):
            if values is None:
                panel.set_visible(False)
                continue
            _by_photograph(panel, values)
            panel.set_xlabel(words[metric])
            panel.tick_params(axis="y", length=0)
        if reference in order:
            panels[1].axvline(0, color="0.3", lw=1, ls="--")
        panels[0].set_yticks(range(len(order)), [titles[method] for method in order])
        part.suptitle(f"{name}: mean of each held-out photograph, and of all with 95 % interval over photographs")
        part.legend(*_legend(wide["psnr"]), loc="outside lower center", ncols=7)
    return figure


def _by_photograph(panel: Axes, values: pd.DataFrame) -> None:
    """Methods as rows: the photographs' marks, joined from row to row, and the means with their intervals."""
    rows = np.arange(len(values))
    few = len(values.columns) <= MOST_MARKED
    for number, photograph in enumerate(values.columns):
        style = _mark(number) if few else {"color": "0.6", "marker": "."}
        panel.plot(values[photograph], rows, lw=0.7 if few else 0, alpha=0.75, ms=5, **style)
    for row, method in enumerate(values.index):
        _mean(panel, values.loc[method].dropna().to_numpy(), row, color="black", marker="D", ms=6)
        if method in BOUNDS:
            panel.axhspan(row - 0.5, row + 0.5, color="0.94", lw=0, zorder=0)
    panel.set_ylim(-0.6, len(values) - 0.4)
    panel.grid(visible=False, axis="y")


def _mean(panel: Axes, samples: np.ndarray, row: float, **style: Any) -> None:
    """A mean with its interval, which a single photograph does not have."""
    if len(samples) > 1:
        interval = mean_t(samples)
        panel.hlines(row, interval.low, interval.high, color=style["color"], lw=1.4, zorder=2)
    panel.plot(samples.mean(), row, ls="", zorder=3, **style)


def _mark(number: int) -> dict[str, Any]:
    return {"color": COLOURS[number % 6], "marker": MARKERS[number % len(MARKERS)]}


def _legend(values: pd.DataFrame) -> tuple[list[Line2D | Patch], list[str]]:
    handles: list[Line2D | Patch] = [Line2D([], [], color="black", marker="D", ms=6, lw=1.6)]
    names = ["mean"]
    if len(values.columns) <= MOST_MARKED:
        handles += [Line2D([], [], lw=0.7, ms=5, **_mark(number)) for number in range(len(values.columns))]
        names += [str(name) for name in values.columns]
    else:
        handles.append(Line2D([], [], ls="", color="0.6", marker="."))
        names.append("a photograph")
    if set(BOUNDS) & set(values.index):
        handles.append(Patch(color="0.9"))
        names.append("knows the answer: a bound")
    return handles, names


def draw_learning(records: Sequence[dict[str, Any]], titles: Mapping[str, str], axes: Axes) -> None:
    """Validation PSNR against seconds, of the runs of one data set, into ``axes``."""
    for record in records:
        method = record["method"]
        # Of several seeds one stands in the legend.
        label = titles[method] if record["seed"] == records[0]["seed"] else None
        again = record.get("equal_time", {})
        for history, best, style, name in (
            (record["history"], record.get("best_step"), {"ls": "-", "ms": 5}, label),
            (again.get("history", []), again.get("best_step"), {"ls": ":", "ms": 4, "mfc": "white"}, None),
        ):
            if not history:
                continue
            table = pd.DataFrame(history)
            axes.plot(table.seconds, -table.validation_error, lw=1.4, label=name, **{**STYLE[method], **style})
            kept = table[table.step == best]
            colour = STYLE[method]["color"]
            axes.plot(kept.seconds, -kept.validation_error, ls="", marker="o", ms=11, mfc="none", color=colour)
    axes.plot([], [], ls="", marker="o", ms=11, mfc="none", color="0.3", label=KEPT)
    if any("equal_time" in record for record in records):
        axes.plot([], [], ls=":", lw=1.4, color="0.3", label=EQUAL_TIME)
    axes.set_xlim(left=0)
    axes.set_xlabel("Seconds of training on this machine")
    axes.set_ylabel("Validation PSNR (dB), of thumbnails")


def draw_controls(
    table: pd.DataFrame,
    seconds: Mapping[str, tuple[float, float | None]],
    reference: str,
    titles: Mapping[str, str],
    where: str,
) -> Figure:
    """PSNR against seconds of training, and the paired differences behind it.

    Args:
        table: a row for each method and photograph: ``method``, ``photograph``, ``psnr`` and, where there was a second
            training, ``psnr_equal_time``.
        seconds: of the training of equal steps, and of that of equal time where there was a second, by method.
        reference: the hypernetwork.
        titles: names of the methods for people.
        where: the data set's name.
    """
    wide = table.pivot(index="method", columns="photograph", values="psnr").loc[list(seconds)]
    again = table.pivot(index="method", columns="photograph", values="psnr_equal_time").loc[list(seconds)]
    figure, (left, right) = plt.subplots(1, 2, figsize=(13.2, 5.0), width_ratios=(1, 1.15))
    for method, (first, second) in seconds.items():
        left.plot(first, wide.loc[method].mean(), ls="", ms=9, **STYLE[method])
        if second is not None:
            means = [wide.loc[method].mean(), again.loc[method].mean()]
            left.plot([first, second], means, ls=":", lw=1.2, color=STYLE[method]["color"], zorder=1)
            left.plot(second, means[1], ls="", ms=9, mfc="white", **STYLE[method])
    left.axvline(seconds[reference][0], color="0.3", ls="--", lw=1)
    left.margins(0.12)
    left.set_xlim(0, 1.1 * max(value for both in seconds.values() for value in both if value is not None))
    left.set_xlabel("Seconds of training on this machine")
    left.set_ylabel("PSNR of held-out photographs (dB)")
    left.set_title("PSNR against the time of training")
    others = [method for method in seconds if method != reference]
    for row, method in enumerate(others):
        for values, offset, filled in ((wide, 0.16, True), (again, -0.16, False)):
            gains = (wide.loc[reference] - values.loc[method]).dropna().to_numpy()
            if not len(gains):
                continue
            colour = STYLE[method]["color"]
            right.plot(gains, np.full(len(gains), row + offset), ls="", marker="|", ms=8, color="0.6", zorder=1)
            _mean(right, gains, row + offset, **STYLE[method], ms=8, mfc=colour if filled else "white")
    right.axvline(0, color="0.3", lw=1, ls="--")
    right.set_yticks(range(len(others)), [textwrap.fill(titles[method], 20) for method in others])
    right.tick_params(axis="y", length=0)
    right.set_ylim(-0.6, len(others) - 0.4)
    right.grid(visible=False, axis="y")
    right.set_xlabel(f"PSNR of {titles[reference]} minus that of the control (dB)")
    right.set_title("Paired by photograph: right of 0, the hypernetwork is better")
    handles = [Line2D([], [], ls="", ms=8, **STYLE[method]) for method in seconds]
    handles += [Line2D([], [], ls="", marker="o", ms=8, color="0.3", mfc=colour) for colour in ("0.3", "white")]
    handles.append(Line2D([], [], ls="", marker="|", ms=8, color="0.6"))
    names = [titles[method] for method in seconds]
    names += ["filled: equal steps", "hollow: steps for equal time", "a photograph; bars: 95 % intervals over them"]
    figure.legend(handles, names, loc="outside lower center", ncols=4)
    figure.suptitle(f"{where}: the hypernetwork and its controls")
    return figure
