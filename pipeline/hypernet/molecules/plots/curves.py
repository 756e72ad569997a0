"""How errors and c change: with seconds of training, with molecules for training, and from step to step."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from hypernet.molecules.plots.style import STYLE, intervals_over, plain, unit_for_people

EQUAL_TIME = "dotted: steps for equal time"
KEPT = "ring: the weights that are kept"
# In a line above a panel, and panels in a row.
LETTERS, ACROSS = 44, 3


def draw_learning(records: Sequence[dict[str, Any]], titles: Mapping[str, str], axes: Axes) -> None:
    """Validation error against seconds, of the runs of one data set, into ``axes``.

    Args:
        records: of runs, each with the ``unit`` of its errors.
        titles: names of the methods for people.
        axes: to draw into.
    """
    for record in records:
        method = record["method"]
        # Of several seeds one stands in the legend.
        label = titles[method] if record["seed"] == records[0]["seed"] else None
        again = record.get("equal_time", {})
        for history, best, style, name in (
            (record["history"], record.get("best_step"), {"ls": "-", "ms": 4}, label),
            (again.get("history", []), again.get("best_step"), {"ls": ":", "ms": 3, "mfc": "white"}, None),
        ):
            if not history:
                continue
            table = pd.DataFrame(history)
            axes.plot(table.seconds, table.validation_error, lw=1.3, label=name, **{**STYLE[method], **style})
            kept = table[table.step == best]
            colour = STYLE[method]["color"]
            axes.plot(kept.seconds, kept.validation_error, ls="", marker="o", ms=10, mfc="none", color=colour)
    axes.plot([], [], ls="", marker="o", ms=10, mfc="none", color="0.3", label=KEPT)
    if any("equal_time" in record for record in records):
        axes.plot([], [], ls=":", lw=1.4, color="0.3", label=EQUAL_TIME)
    axes.set_xlim(left=0)
    axes.set_yscale("log")
    ticks(axes, "y")
    axes.set_xlabel("Seconds of training on this machine")
    axes.set_ylabel(f"Validation error ({unit_for_people(records[0]['unit'])}), logarithmic")


def ticks(axes: Axes, along: str) -> None:
    """Plain numbers at a logarithmic axis, as many as it has room for."""
    axis = axes.yaxis if along == "y" else axes.xaxis
    first, last = axes.get_ylim() if along == "y" else axes.get_xlim()
    subs = (1, 2, 3, 4, 6, 8) if last < 15 * first else (1, 2, 5) if last < 300 * first else (1,)
    axis.set_major_locator(LogLocator(subs=subs, numticks=12))
    axis.set_major_formatter(lambda value, _: f"{value:,.0f}" if value >= 1 else f"{value:g}")
    axis.set_minor_formatter(NullFormatter())


def draw_sizes(families: Mapping[str, pd.DataFrame], titles: Mapping[str, str]) -> Figure:
    """Mean absolute error against the number of molecules for training, a panel for each property.

    Args:
        families: by a panel's title, rows of ``summary.csv`` with the ``train`` molecules of their data set.
        titles: names of the methods for people.
    """
    figure, axes = plt.subplots(1, len(families), figsize=(max(8.2, 5.4 * len(families)), 5.8), squeeze=False)
    names: dict[str, Any] = {}
    for panel, (name, rows) in zip(axes[0], families.items(), strict=True):
        for method in STYLE:
            of_method = rows[rows.method == method].sort_values("train")
            if of_method.empty:
                continue
            spread = [of_method.value - of_method.ci95_low, of_method.ci95_high - of_method.value]
            names[titles[method]] = panel.errorbar(
                of_method.train,
                of_method.value,
                yerr=np.maximum(spread, 0),
                ms=6,
                lw=1.3,
                capsize=2,
                **STYLE[method],
            )
        panel.set(xscale="log", yscale="log")
        panel.margins(0.08)
        for along in "xy":
            ticks(panel, along)
        counts = sorted(set(rows.train))
        panel.set_xticks(counts, [f"{count:,}" for count in counts])
        panel.set_xlabel("Molecules for training (logarithmic)")
        panel.set_title(textwrap.fill(plain(name), LETTERS), fontsize=10)
        unit = unit_for_people(str(rows.unit.iloc[0]))
        panel.set_ylabel(f"Mean absolute error ({unit}), logarithmic,\n{intervals_over(rows)}")
    figure.legend(names.values(), names.keys(), loc="outside lower center", ncols=2)
    figure.suptitle("The same tested molecules, more and more molecules for training")
    return figure


@dataclass(frozen=True, eq=False)
class Trace:
    """c during a training.

    Attributes:
        method: its id.
        title: its name for people.
        steps: of the training.
        mix: c after each.
    """

    method: str
    title: str
    steps: np.ndarray
    mix: np.ndarray


def draw_mix(traces: Mapping[str, Sequence[Trace]]) -> Figure:
    """c against steps, a panel for each data set.

    Args:
        traces: by the data set's name.
    """
    across = min(len(traces), ACROSS)
    down = math.ceil(len(traces) / across)
    figure, axes = plt.subplots(
        down, across, figsize=(max(7.6, 4.6 * across), 3.8 * down + 0.9), squeeze=False, sharey=True
    )
    names: dict[str, Any] = {}
    for panel, (where, of_data) in zip(axes.flat, traces.items(), strict=False):
        for trace in of_data:
            (line,) = panel.plot(trace.steps, trace.mix, lw=1.4, ms=4, **STYLE[trace.method])
            names.setdefault(trace.title, line)
        panel.set_xlabel("Steps of training")
        panel.set_title(textwrap.fill(plain(where), LETTERS), fontsize=10)
        panel.set(ylim=(-0.03, 1.03), xlim=(0, None))
    for panel in axes.flat[len(traces) :]:
        panel.remove()
    for panel in axes[:, 0]:
        panel.set_ylabel("c (1: the first state alone)")
    figure.legend(names.values(), names.keys(), loc="outside lower center", ncols=min(3, len(names)))
    figure.suptitle("The share c of the first state in what writes the weights; a line for each training")
    return figure
