"""Errors against what a prediction costs."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hypernet.molecules.plots.curves import ticks
from hypernet.molecules.plots.style import STYLE, intervals_over, plain, unit_for_people

# What costs next to nothing: its error alone is drawn.
FREE = {"mean": ":", "composition": "--"}
MARKS = {"after equal steps": "0.3", "after the hypernetwork's seconds of training": "white"}


def draw_costs(summary: pd.DataFrame, titles: Mapping[str, str], where: str) -> Figure | None:
    """Mean absolute error against molecules per second, after equal steps and after equal time.

    Args:
        summary: rows of ``summary.csv`` of one data set.
        titles: names of the methods for people.
        where: the data set's name.

    Returns:
        None where no method takes time worth speaking of.
    """
    rows = summary[(summary.group == "") & summary.value.notna()]
    wide = rows.pivot(index="method", columns="metric", values="value")
    if "molecules_per_second" not in wide or "mae" not in wide:
        return None
    timed = [method for method in STYLE if method in wide.index and wide.molecules_per_second.notna()[method]]
    if set(timed) <= set(FREE):
        return None
    figure, axes = plt.subplots(figsize=(8.8, 6.2))
    handles: list[Line2D] = []
    for method in timed:
        count = wide.parameters[method] if "parameters" in wide else np.nan
        words = f"{titles[method]}: {count:,.0f}" if np.isfinite(count) else titles[method]
        rate, style = wide.molecules_per_second[method], STYLE[method]
        if method in FREE:
            handles.append(axes.axhline(wide.mae[method], color=style["color"], ls=FREE[method], label=words))
            continue
        means = []
        for metric, fill in (("mae", style["color"]), ("mae_equal_time", "white")):
            row = rows[(rows.method == method) & (rows.metric == metric)]
            if row.empty:
                continue
            value, low, high = (float(row[name].iloc[0]) for name in ("value", "ci95_low", "ci95_high"))
            spread = np.maximum([[value - low], [high - value]], 0)
            axes.errorbar(rate, value, yerr=spread, ls="", ms=8, lw=1.3, capsize=2, mfc=fill, zorder=3, **style)
            means.append(value)
        if len(means) > 1:
            axes.plot([rate] * 2, means, ls=":", lw=1.3, color=style["color"])
        handles.append(Line2D([], [], ls="", ms=7, label=words, **style))
    axes.set(xscale="log", yscale="log")
    axes.margins(0.1)
    for along in "xy":
        ticks(axes, along)
    axes.set_xlabel("Molecules per second of this machine's processor (logarithmic)")
    unit = unit_for_people(str(rows[rows.metric == "mae"].unit.iloc[0]))
    axes.set_ylabel(f"Mean absolute error ({unit}), logarithmic,\n{intervals_over(rows[rows.metric == 'mae'])}")
    if "mae_equal_time" in wide:
        handles += [
            Line2D([], [], ls="", marker="o", ms=7, color="0.3", mfc=fill, label=name) for name, fill in MARKS.items()
        ]
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=2,
        title="Method: trained numbers",
    )
    figure.suptitle(f"{plain(where)}. Accuracy and speed")
    return figure
