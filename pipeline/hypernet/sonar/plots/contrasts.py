"""Sight beside sound: IoU against IoU, and what each recovers of flat, curved and corner surface."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from hypernet.shapes.names import CLASSES
from hypernet.shapes.plots.latent import draw_classes
from hypernet.sonar.core.regions import REGIONS

METRICS = {"recall": "Surface recovered within a voxel (%)", "normal_error": "Error of the normal (degrees)"}


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
    return figure


def draw_surfaces(
    tables: Mapping[str, pd.DataFrame], titles: Mapping[str, str], styles: Mapping[str, Mapping[str, Any]]
) -> Figure:
    """Recall and error of the normals on each sort of surface, a row of panels for each data set.

    Args:
        tables: by the data set's name: ``method``, ``group``, ``metric``, ``value``, ``ci95_low``, ``ci95_high``.
        titles: names of the methods for people, in the order of the legend.
        styles: of the methods' points.
    """
    figure, grid = plt.subplots(len(tables), 2, figsize=(11.5, 4.2 * len(tables)), squeeze=False)
    for (name, table), row in zip(tables.items(), grid, strict=True):
        methods = [method for method in titles if (table.method == method).any()]
        for axes, (metric, label) in zip(row, METRICS.items(), strict=True):
            for number, method in enumerate(methods):
                rows = table[(table.method == method) & (table.metric == metric)].set_index("group").reindex(REGIONS)
                across = np.arange(len(REGIONS)) + ((number + 0.5) / len(methods) - 0.5) * 0.75
                ends = np.abs(np.stack([rows.value - rows.ci95_low, rows.ci95_high - rows.value]))
                axes.errorbar(
                    across, rows.value, np.nan_to_num(ends), ls="", ms=6, lw=1.1, label=titles[method], **styles[method]
                )
            axes.set_xticks(range(len(REGIONS)), REGIONS)
            axes.set_ylim(bottom=0)
            axes.set_ylabel(label)
            axes.set_title(name, fontsize=10)
    # A method may be in one of the data sets alone.
    entries = {
        label: handle for axes in grid.flat for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(entries.values(), entries.keys(), loc="outside lower center", ncols=2, fontsize=9)
    return figure
