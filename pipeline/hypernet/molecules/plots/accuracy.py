"""How near predictions are: molecule by molecule, by size and functional group, and beside the property's spread."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PolyCollection
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hypernet.lab.results.statistics import mean_t
from hypernet.molecules.plots.curves import ticks
from hypernet.molecules.plots.style import STYLE, intervals_over, plain, unit_for_people

# Points of which a panel has no more before it shows how many lie in each cell.
MOST_POINTS = 2_000
CELLS = 45
# Molecules of a functional group without which its mean says nothing.
FEWEST = 5
ACROSS = 3
# Letters in a line above a panel.
LETTERS = 34


@dataclass(frozen=True, eq=False)
class Predicted:
    """What a method says of the tested molecules.

    Attributes:
        method: its id.
        title: its name for people.
        true: in the unit of predictions, ``[M]``.
        predicted: likewise.
    """

    method: str
    title: str
    true: np.ndarray
    predicted: np.ndarray


def draw_parity(
    methods: Sequence[Predicted], name: str, unit: str, shown_unit: str, factor: float, where: str
) -> Figure:
    """Predicted against true, and below the error against true on a scale of its own, a column for each method.

    Args:
        methods: from left to right.
        name: of the property.
        unit: of predictions.
        shown_unit: of errors.
        factor: errors in ``shown_unit`` for one in ``unit``.
        where: the data set's name.
    """
    count = len(methods)
    width = max(2.9 * count + 0.8, 5.6)
    figure, axes = plt.subplots(2, count, figsize=(width, 5.4), sharex=True, squeeze=False, height_ratios=(1.25, 1))
    errors = [(entry.predicted - entry.true) * factor for entry in methods]
    ends = _ends(np.concatenate([values for entry in methods for values in (entry.true, entry.predicted)]))
    cells = []
    for column, (entry, error) in enumerate(zip(methods, errors, strict=True)):
        above, below = axes[:, column]
        most = 1.08 * float(np.abs(error).max()) or 1.0
        above.plot(ends, ends, color="0.3", lw=1, ls="--", zorder=3)
        below.axhline(0, color="0.3", lw=1, ls="--", zorder=3)
        cells += _points(above, entry.true, entry.predicted, STYLE[entry.method]["color"], (*ends, *ends))
        cells += _points(below, entry.true, error, STYLE[entry.method]["color"], (*ends, -most, most))
        above.set_title(textwrap.fill(entry.title, round(LETTERS * 0.7)), fontsize=10)
        words = f"MAE {_rounded(float(np.abs(error).mean()))} {unit_for_people(shown_unit)}"
        above.text(0.04, 0.96, words, transform=above.transAxes, va="top", fontsize=9)
        below.set_xlabel(f"True {plain(name)} ({unit_for_people(unit)})")
        above.set(xlim=ends, ylim=ends)
        above.tick_params(labelleft=column == 0)
        below.set_ylim(-most, most)
    axes[0, 0].set_ylabel(f"Predicted {plain(name)} ({unit_for_people(unit)})")
    axes[1, 0].set_ylabel(f"Predicted less true ({unit_for_people(shown_unit)})")
    if cells:
        norm = LogNorm(1, max(2.0, max(float(np.max(np.asarray(cell.get_array()))) for cell in cells)))
        for cell in cells:
            cell.set_norm(norm)
        bar = figure.colorbar(
            ScalarMappable(norm, "viridis"), ax=axes, label="Molecules in a cell", pad=0.01, aspect=40
        )
        bar.ax.grid(visible=False)
    figure.suptitle(f"{plain(where)}. {len(methods[0].true):,} tested molecules")
    return figure


def _points(
    axes: Axes, x: np.ndarray, y: np.ndarray, colour: str, extent: tuple[float, float, float, float]
) -> list[PolyCollection]:
    """All molecules as marks, or how many lie in each cell where there are too many; the cells."""
    if len(x) <= MOST_POINTS:
        # As an image in vector files: thousands of marks would make them large.
        axes.plot(x, y, ls="", marker="o", ms=3, mew=0, alpha=0.45, color=colour, rasterized=True)
        return []
    return [axes.hexbin(x, y, gridsize=CELLS, mincnt=1, extent=extent, cmap="viridis", linewidths=0.1)]


def _ends(values: np.ndarray) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    edge = 0.05 * (high - low) or 1.0
    return low - edge, high + edge


def _rounded(value: float) -> str:
    """Three digits, and no more of a large number."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    return f"{value:,.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"


def draw_errors(
    summary: pd.DataFrame,
    by_group: Mapping[str, Mapping[str, np.ndarray]],
    titles: Mapping[str, str],
    where: str,
) -> Figure | None:
    """Mean absolute error by the number of heavy atoms, and by functional group.

    Args:
        summary: rows of ``summary.csv`` of one data set.
        by_group: absolute errors of the molecules that have a functional group, by group, by method; none where no
            bonds are known.
        titles: names of the methods for people.
        where: the data set's name.

    Returns:
        None where neither is known.
    """
    rows = summary[(summary.metric == "mae") & summary.group.str.endswith(" heavy atoms") & summary.value.notna()]
    rows = rows.assign(heavy=pd.to_numeric(rows.group.str.removesuffix(" heavy atoms")))
    groups = {name: len(errors) for name, errors in next(iter(by_group.values()), {}).items() if len(errors) >= FEWEST}
    if rows.empty and not groups:
        return None
    methods = [method for method in STYLE if method in set(rows.method) | set(by_group)]
    panels = [bool(len(rows)), bool(groups)]
    figure, axes = plt.subplots(
        1, sum(panels), figsize=(6.6 * sum(panels), 5.6), squeeze=False, width_ratios=[1] * sum(panels)
    )
    unit = unit_for_people(str(summary[summary.metric == "mae"].unit.iloc[0]))
    if len(rows):
        _by_size(axes[0, 0], rows, methods, unit)
    if groups:
        _by_group(axes[0, -1], by_group, groups, unit)
    handles = [Line2D([], [], ms=6, lw=1.2, **STYLE[method]) for method in methods]
    names = [titles[method] for method in methods]
    figure.legend(handles, names, loc="outside lower center", ncols=min(len(names), 3 if sum(panels) > 1 else 2))
    figure.suptitle(f"{plain(where)}. Where errors are large")
    return figure


def _by_size(axes: Axes, rows: pd.DataFrame, methods: Sequence[str], unit: str) -> None:
    """Side by side, so that intervals can be told apart."""
    present = [method for method in methods if method in set(rows.method)]
    for number, method in enumerate(present):
        of_method = rows[rows.method == method].sort_values("heavy")
        shift = 0.5 * ((number + 0.5) / len(present) - 0.5)
        spread = [of_method.value - of_method.ci95_low, of_method.ci95_high - of_method.value]
        axes.errorbar(
            of_method.heavy + shift,
            of_method.value,
            yerr=np.maximum(spread, 0),
            ms=5,
            lw=1.0,
            capsize=2,
            **STYLE[method],
        )
    axes.set_yscale("log")
    ticks(axes, "y")
    counted = rows.drop_duplicates("heavy").sort_values("heavy")
    seeds = counted.seeds.astype(str).str.split().str.len().clip(lower=1)
    labels = [
        f"{heavy}\n({round(n / times):,})" for heavy, n, times in zip(counted.heavy, counted.n, seeds, strict=True)
    ]
    axes.set_xticks(counted.heavy, labels)
    axes.grid(visible=False, axis="x")
    axes.set_xlabel("Heavy atoms (tested molecules)")
    axes.set_ylabel(f"Mean absolute error ({unit}), logarithmic,\n{intervals_over(rows)}")
    axes.set_title("By size")


def _by_group(
    axes: Axes, by_group: Mapping[str, Mapping[str, np.ndarray]], groups: Mapping[str, int], unit: str
) -> None:
    """Functional groups as rows, the worst of the last method below."""
    *_, last = by_group.values()
    order = sorted(groups, key=lambda name: -float(last[name].mean()))
    for number, (method, errors) in enumerate(by_group.items()):
        shift = 0.5 * ((number + 0.5) / len(by_group) - 0.5)
        for row, name in enumerate(order):
            interval = mean_t(errors[name])
            axes.hlines(row + shift, max(interval.low, 0), interval.high, color=STYLE[method]["color"], lw=1.4)
            axes.plot(interval.value, row + shift, ls="", ms=6, **STYLE[method])
    for row in range(1, len(order), 2):
        axes.axhspan(row - 0.5, row + 0.5, color="0.95", lw=0, zorder=0)
    axes.set_yticks(range(len(order)), [f"{name} ({groups[name]:,})" for name in order])
    axes.set_ylim(-0.6, len(order) - 0.4)
    axes.set_xlim(left=0)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(f"Mean absolute error ({unit}), 95 % interval over molecules")
    axes.set_title("By functional group (tested molecules with it)")


def draw_relative(summary: pd.DataFrame, titles: Mapping[str, str], names: Mapping[str, str]) -> Figure | None:
    """Mean absolute error over the standard deviation of the property: bars by method, a panel for each data set.

    Args:
        summary: rows of ``summary.csv``.
        titles: names of the methods for people.
        names: of the data sets, in the order of the panels.

    Returns:
        None where there is no such number.
    """
    rows = summary[(summary.metric == "mae_std") & (summary.group == "") & summary.value.notna()]
    shown = [dataset for dataset in names if dataset in set(rows.dataset)]
    if not shown:
        return None
    methods = [method for method in STYLE if method in set(rows.method)]
    across = min(len(shown), ACROSS)
    down = math.ceil(len(shown) / across)
    figure, axes = plt.subplots(
        down,
        across,
        figsize=(2.4 + 4.0 * across if across > 1 else 8.4, down * (0.38 * len(methods) + 1.3) + 0.4),
        squeeze=False,
        sharey=True,
    )
    for panel, dataset in zip(axes.flat, shown, strict=False):
        of_data = rows[rows.dataset == dataset].set_index("method").reindex(methods)
        places = np.arange(len(methods))[::-1]
        panel.barh(places, of_data.value, height=0.7, color=[STYLE[method]["color"] for method in methods])
        spread = [of_data.value - of_data.ci95_low, of_data.ci95_high - of_data.value]
        panel.errorbar(
            of_data.value, places, xerr=np.maximum(spread, 0), ls="", color="black", lw=1.2, capsize=2.5, zorder=3
        )
        for place, row in zip(places, of_data.itertuples(), strict=True):
            if math.isfinite(row.value):
                words = f"  {row.value:.3f} ({row.ci95_low:.3f} to {row.ci95_high:.3f})"
                panel.text(max(row.value, row.ci95_high), place, words, va="center", fontsize=8)
        panel.set_xlim(0, (1.8 if across > 1 else 1.4) * float(of_data.ci95_high.max()))
        panel.set_yticks(places, [titles[method] for method in methods])
        panel.tick_params(axis="y", length=0)
        panel.grid(visible=False, axis="y")
        panel.set_title(textwrap.fill(plain(names[dataset]), LETTERS if across > 1 else 70), fontsize=10)
        panel.set_xlabel("MAE / standard deviation of the property")
    for panel in axes.flat[len(shown) :]:
        panel.remove()
    figure.suptitle(f"Errors in units of the property's spread; lines: {intervals_over(rows)}", fontsize=11)
    return figure
