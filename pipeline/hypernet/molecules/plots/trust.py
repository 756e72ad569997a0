"""How far predictions can be trusted: intervals against what they promise, and geometries made from SMILES."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hypernet.lab.results.statistics import wilson
from hypernet.molecules.plots.curves import ticks
from hypernet.molecules.plots.style import STYLE, intervals_over, plain, unit_for_people

LEVELS = tuple(percent / 100 for percent in (*range(10, 100, 10), 95, 99))
GEOMETRIES = {"mae_same": "at the data's geometry", "mae_rebuilt": "at a geometry made from SMILES"}


@dataclass(frozen=True)
class Coverage:
    """Intervals of a nominal level around predictions, and how many true values lie inside.

    Attributes:
        level: nominal, a share.
        inside: tested items whose true value lies in their interval.
        count: tested items.
    """

    level: float
    inside: int
    count: int


def coverage(held_out: np.ndarray, tested: np.ndarray, levels: Sequence[float] = LEVELS) -> list[Coverage]:
    """How often intervals hold the truth whose width comes from held-out errors, by their nominal level.

    Split conformal prediction (Vovk et al. 2005): of n held-out errors the ceil(level (n + 1))-th smallest is half the
    width. Levels for which n is too small are left out.

    Args:
        held_out: absolute errors of the items that set the widths, ``[n]``.
        tested: those of the items that are counted, ``[m]``.
        levels: shares below 1.
    """
    ordered = np.sort(held_out)
    covered = []
    for level in levels:
        # A level times n + 1 that is whole but for rounding is that whole number.
        place = math.ceil(round(level * (len(ordered) + 1), 9))
        if place <= len(ordered):
            covered.append(Coverage(level, int((tested <= ordered[place - 1]).sum()), len(tested)))
    return covered


def draw_trust(
    covered: Mapping[str, Sequence[Coverage]], summary: pd.DataFrame, titles: Mapping[str, str], where: str
) -> Figure:
    """Shares of true values inside intervals against the nominal level, and errors at two geometries by method.

    Args:
        covered: by method.
        summary: rows of ``summary.csv`` of one data set.
        titles: names of the methods for people.
        where: the data set's name.
    """
    rows = summary[summary.metric.isin([*GEOMETRIES]) & (summary.group == "") & summary.value.notna()]
    methods = [method for method in STYLE if method in set(rows.method)]
    panels = 1 + bool(methods)
    figure, axes = plt.subplots(1, panels, figsize=(5.4 + 7.2 * bool(methods), 5.4), squeeze=False)
    _shares(axes[0, 0], covered, titles)
    if methods:
        _geometries(axes[0, 1], rows, methods, titles)
    figure.suptitle(f"{plain(where)}. How far predictions can be trusted")
    return figure


def _shares(axes: Axes, covered: Mapping[str, Sequence[Coverage]], titles: Mapping[str, str]) -> None:
    axes.plot([0, 100], [0, 100], color="0.3", ls="--", lw=1, label="as promised")
    for number, (method, levels) in enumerate(covered.items()):
        shares = [wilson(level.inside, level.count) for level in levels]
        value = 100 * np.array([share.value for share in shares])
        spread = [
            value - 100 * np.array([share.low for share in shares]),
            100 * np.array([share.high for share in shares]) - value,
        ]
        # Side by side, so that intervals can be told apart.
        nominal = 100 * np.array([level.level for level in levels]) + 0.8 * (number - (len(covered) - 1) / 2)
        axes.errorbar(
            nominal, value, yerr=np.maximum(spread, 0), ms=5, lw=1.2, capsize=2, label=titles[method], **STYLE[method]
        )
    axes.set(xlim=(0, 101), ylim=(0, 101), aspect="equal")
    axes.set_xlabel("Nominal level of the interval (%)")
    axes.set_ylabel("True values inside (%), 95 % interval (Wilson)")
    axes.set_title("Intervals whose width is set by held-out molecules", fontsize=10)
    axes.legend(loc="upper left")


def _geometries(axes: Axes, rows: pd.DataFrame, methods: Sequence[str], titles: Mapping[str, str]) -> None:
    """Methods as rows: a filled mark at the data's geometry, a hollow one at that made from SMILES."""
    wide = {metric: rows[rows.metric == metric].set_index("method") for metric in GEOMETRIES}
    for place, method in enumerate(reversed(methods)):
        style, values = STYLE[method], []
        for metric, shift in zip(GEOMETRIES, (0.12, -0.12), strict=True):
            if method not in wide[metric].index:
                continue
            row = wide[metric].loc[method]
            fill = style["color"] if metric == "mae_same" else "white"
            axes.hlines(place + shift, row.ci95_low, row.ci95_high, color=style["color"], lw=1.4)
            axes.plot(row.value, place + shift, ls="", ms=7, mfc=fill, **style)
            values.append(row.value)
    for metric, fill in zip(GEOMETRIES, ("0.3", "white"), strict=True):
        axes.plot([], [], ls="", marker="o", ms=7, color="0.3", mfc=fill, label=GEOMETRIES[metric])
    axes.set_yticks(range(len(methods)), [titles[method] for method in reversed(methods)])
    axes.set_ylim(-0.6, len(methods) - 0.4)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.set_xscale("log")
    ticks(axes, "x")
    unit = unit_for_people(str(rows.unit.iloc[0]))
    axes.set_xlabel(f"Mean absolute error ({unit}), logarithmic,\n{intervals_over(rows)}")
    several = rows.seeds.astype(str).str.split().str.len().clip(lower=1)
    axes.set_title(f"The same {round(rows.n.iloc[0] / several.iloc[0]):,} molecules at two geometries", fontsize=10)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2)
