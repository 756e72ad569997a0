"""Sight beside sound: IoU against IoU, and what each recovers of flat, curved and corner surface."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hypernet.shapes.names import CLASSES
from hypernet.shapes.plots.latent import draw_classes
from hypernet.sonar.core.regions import REGIONS

METRICS = {"recall": "Surface recovered within a voxel (%)", "normal_error": "Error of the normal (degrees)"}
LEAD = "More surface by sight (percentage points)"


@dataclass(frozen=True, eq=False)
class Paired:
    """IoU in % of the same objects by sight and by sound.

    Attributes:
        title: data set and method of the sound.
        objects: ``class``, ``sight``, ``sound``; a row per object.
        correlations: by ``class_correlation`` and ``object_correlation``: value, lower and upper end.
    """

    title: str
    objects: pd.DataFrame
    correlations: Mapping[str, tuple[float, float, float]]


def draw_sight_and_sound(pairs: Sequence[Paired]) -> Figure:
    """For each pair of methods the means of the classes, and beside them the objects; two pairs a row."""
    rows = -(-len(pairs) // 2)
    figure, grid = plt.subplots(rows, 4, figsize=(16.5, 4.9 * rows), squeeze=False)
    for unused in grid.reshape(-1, 2)[len(pairs) :].flat:
        unused.remove()
    for (means, single), pair in zip(grid.reshape(-1, 2), pairs, strict=False):
        objects = pair.objects
        by_class = objects.groupby("class")[["sight", "sound"]].mean().reindex(CLASSES).dropna()
        places = np.array([CLASSES.index(name) for name in by_class.index])
        draw_classes(means, by_class.to_numpy(), places, CLASSES, 60)
        classes = np.array([CLASSES.index(name) for name in objects["class"]])
        draw_classes(single, objects[["sight", "sound"]].to_numpy(), classes, CLASSES, 22)
        for axes, name, what in (
            (means, "class_correlation", "Means of the classes"),
            (single, "object_correlation", "Objects"),
        ):
            high = 100 if axes is single else 1.12 * float(by_class.max().max())
            axes.plot([0, high], [0, high], color="0.6", lw=0.9, ls="--", zorder=0)
            axes.set_xlim(0, high)
            axes.set_ylim(0, high)
            axes.set_aspect("equal")
            axes.set_xlabel("IoU by sight (%)")
            axes.set_ylabel("IoU by sound (%)")
            value, low, top = pair.correlations.get(name, (float("nan"),) * 3)
            numbers = f"\nr = {value:.2f} [{low:.2f}, {top:.2f}]" if np.isfinite(value) else ""
            axes.set_title(f"{what}\n{pair.title}{numbers}", fontsize=10)
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=7, fontsize=9)
    figure.suptitle(
        "Intersection over union (IoU) by sound and by sight. Dashed: equal. r: correlation [95 % interval]"
    )
    return figure


def draw_surfaces(
    tables: Mapping[str, pd.DataFrame],
    titles: Mapping[str, str],
    styles: Mapping[str, Mapping[str, Any]],
    gains: Mapping[str, pd.DataFrame] | None = None,
) -> Figure:
    """Recall and error of the normals on each sort of surface, a row of panels for each data set.

    Where they are given, a third column has the lead of sight over sound, object by object.

    Args:
        tables: by the data set's name: ``method``, ``group``, ``metric``, ``value``, ``ci95_low``, ``ci95_high``.
        titles: names of the methods for people, in the order of the legend.
        styles: of the methods' points.
        gains: by the data set's name, of sight over the method ``reference``: ``group``, ``difference``, ``ci95_low``,
            ``ci95_high``.
    """
    columns = 2 + bool(gains)
    figure, grid = plt.subplots(len(tables), columns, figsize=(5.4 * columns, 4.2 * len(tables)), squeeze=False)
    for (name, table), row in zip(tables.items(), grid, strict=True):
        methods = [method for method in titles if (table.method == method).any()]
        for axes, (metric, label) in zip(row[:2], METRICS.items(), strict=True):
            for number, method in enumerate(methods):
                rows = table[(table.method == method) & (table.metric == metric)].set_index("group").reindex(REGIONS)
                place = (number + 0.5) / len(methods) - 0.5
                _points(axes, place, rows, "value", label=titles[method], **styles[method])
            axes.set_ylim(bottom=0)
            axes.set_ylabel(label)
        if gains and name in gains:
            _lead(row[-1], gains[name], titles, styles)
        elif gains:
            row[-1].remove()
        for axes in row[: 2 + bool(gains and name in gains)]:
            axes.set_title(name, fontsize=10)
            axes.set_xticks(range(len(REGIONS)), REGIONS)
            axes.set_xlabel("sort of the true surface")
            axes.grid(visible=False, axis="x")
            axes.set_xlim(-0.5, len(REGIONS) - 0.5)
            axes.axvspan(0.5, 1.5, color="0.95", zorder=0)
    if gains:
        # As high as each other: the lead with one reflection and with two are to be compared.
        leads = [axes for name, axes in zip(tables, grid[:, -1], strict=True) if name in gains]
        limits = np.array([axes.get_ylim() for axes in leads])
        for axes in leads:
            # With room for the legend.
            axes.set_ylim(limits.min(), limits.max() + 0.25 * np.ptp(limits))
    # A method may be in one of the data sets alone.
    entries = {
        label: handle
        for axes in grid[:, :2].flat
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(entries.values(), entries.keys(), loc="outside lower center", ncols=columns, fontsize=9)
    figure.suptitle("Which surface is recovered; bars: 95 % intervals over objects")
    return figure


def _lead(axes: Axes, gains: pd.DataFrame, titles: Mapping[str, str], styles: Mapping[str, Mapping[str, Any]]) -> None:
    methods = [method for method in titles if (gains.reference == method).any()]
    for number, method in enumerate(methods):
        rows = gains[gains.reference == method].set_index("group").reindex(REGIONS)
        place = 0.6 * ((number + 0.5) / len(methods) - 0.5)
        _points(axes, place, rows, "difference", label=f"sight over {titles[method]}", mfc="none", **styles[method])
    axes.axhline(0, color="0.3", lw=1)
    axes.set_ylabel(LEAD)
    axes.legend(loc="upper center", fontsize=8)


def _points(axes: Axes, place: float, rows: pd.DataFrame, column: str, **style: Any) -> None:
    """A point and its interval on each sort of surface, ``place`` (-0.5 to 0.5) beside the middle."""
    across = np.arange(len(REGIONS)) + 0.75 * place
    ends = np.abs(np.stack([rows[column] - rows.ci95_low, rows.ci95_high - rows[column]]))
    axes.errorbar(across, rows[column], np.nan_to_num(ends), ls="", ms=6, lw=1.1, **style)
