"""IoU class by class beside the published numbers, and against the seconds of the training."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hypernet.lab.results import figures
from hypernet.shapes.names import CLASSES

STYLE: dict[str, dict[str, Any]] = {
    "mean_shape": {"color": "0.6", "marker": "x"},
    "class_mean_oracle": {"color": "0.35", "marker": "+"},
    "retrieval": {"color": "black", "marker": "*"},
    "voxel_deconv": {"color": figures.COLOURS[5], "marker": "v"},
    "voxel_r2n2": {"color": figures.COLOURS[5], "marker": "<"},
    "points": {"color": figures.COLOURS[6], "marker": "."},
    "concat": {"color": figures.COLOURS[1], "marker": "^"},
    "concat_wide": {"color": figures.COLOURS[1], "marker": ">"},
    "concat_matched": {"color": figures.COLOURS[1], "marker": "s"},
    "film": {"color": figures.COLOURS[2], "marker": "D"},
    "cbn": {"color": figures.COLOURS[2], "marker": "P"},
    "hyper": {"color": figures.COLOURS[0], "marker": "o"},
    "hyper_uniform": {"color": "#882255", "marker": "h"},
    "hyper_single": {"color": "#882255", "marker": "p"},
    "hyper_silhouettes": {"color": figures.COLOURS[4], "marker": "X"},
}
QUOTED_STYLE = dict(
    zip(
        ("r2n2", "ogn", "psgn", "vtn", "mtn", "pcdi", "lsm", "vp3d", "hyper"),
        zip(("0.55", *figures.COLOURS[1:6], "0.35", "#882255", figures.COLOURS[0]), "sv^DP<>*o", strict=True),
        strict=True,
    )
)
MEAN = "mean"
# What is quoted under the name of a method of this project.
QUOTED_TITLES = {"hyper": "Hypernetwork (Littwin & Wolf 2019)"}


def draw_iou_by_class(
    summary: pd.DataFrame,
    where: str,
    titles: Mapping[str, str],
    quoted_methods: Sequence[str],
    styles: Mapping[str, Mapping[str, Any]] = STYLE,
    quoted_styles: Mapping[str, tuple[str, str]] = QUOTED_STYLE,
    quoted_titles: Mapping[str, str] = QUOTED_TITLES,
    published_by: str | None = None,
) -> Figure | None:
    """Measured IoU, a panel for each collection of objects, and the published numbers, a panel for each table.

    Args:
        summary: rows of ``summary.csv`` of one data set.
        where: the data set's name for people.
        titles: names of the methods for people, in the order of the legend.
        quoted_methods: those of them that are only quoted.
        styles: of the methods' points.
        quoted_styles: colour and marker of those that are quoted.
        quoted_titles: names of quoted methods where they are not those of the project's.
        published_by: whose published table it is, where the table has no parts; the data set's name unless given.

    Returns:
        None where no method gives solids.
    """
    table = summary[summary.metric.isin(["iou", "published_iou"])]
    measured = by_collection(table[(table.metric == "iou") & table.value.notna()], "value")
    published = by_collection(table[table.published.notna()], "published")
    if not measured:
        return None
    panels = {f"Measured here: {where}" + (f", {name}" if name else ""): rows for name, rows in measured.items()}
    quoted = {
        f"Published, data of {name} et al." if name else f"Published, {published_by or where}": rows
        for name, rows in published.items()
    }
    count = max(rows.method.nunique() for rows in (*panels.values(), *quoted.values()))
    names = [*CLASSES, MEAN]
    height, columns = len(names) * max(0.42, 0.075 * count), len(panels) + len(quoted)
    figure, grid_of_axes = plt.subplots(
        1,
        columns,
        figsize=(1.4 + 4.6 * columns, 1.2 + height + 0.19 * count),
        sharey=True,
        squeeze=False,
    )
    for axes, (title, rows) in zip(grid_of_axes[0], (panels | quoted).items(), strict=True):
        quotes = title in quoted
        # What is quoted comes after the project's own methods in the list: here the hypernetwork is last.
        order = (
            [*quoted_methods, *(method for method in titles if method not in quoted_methods)]
            if quotes
            else list(titles)
        )
        methods = [method for method in order if method in set(rows.method)]
        for number, method in enumerate(methods):
            some = rows[rows.method == method].set_index("class").reindex(names)
            heights = np.arange(len(names)) + ((number + 0.5) / len(methods) - 0.5) * 0.8
            style = dict(styles.get(method, {}))
            if quotes:
                colour, marker = quoted_styles.get(method, ("0.3", "o"))
                style = {"color": colour, "marker": marker, "mfc": "none"}
            label = textwrap.fill(quoted_titles.get(method, titles[method]) if quotes else titles[method], 44)
            if quotes:
                axes.plot(some.published, heights, ls="", ms=5.5, label=label, **style)
            else:
                spread = [(some.value - some.ci95_low).clip(lower=0), (some.ci95_high - some.value).clip(lower=0)]
                axes.errorbar(some.value, heights, xerr=spread, ls="", ms=5, lw=1, label=label, **style)
        for place in range(1, len(names), 2):
            axes.axhspan(place - 0.5, place + 0.5, color="0.95", zorder=0)
        axes.axhline(len(CLASSES) - 0.5, color="0.3", lw=1)
        axes.set_yticks(range(len(names)), [*CLASSES, "mean of classes"])
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_xlim(0, 100)
        axes.grid(visible=False, axis="y")
        axes.set_xlabel("IoU (%), other objects and labels" if quotes else "IoU (%), 95 % interval over objects")
        axes.set_title(textwrap.fill(title, 44), fontsize=10)
        if quotes or axes is grid_of_axes[0, 0]:
            # Two thirds of an inch below: under the axis and what stands there.
            axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.65 / height), fontsize=8.5)
    figure.suptitle("Intersection over union with the true shape, 32³ voxels; higher is better")
    return figure


def by_collection(table: pd.DataFrame, column: str) -> dict[str, pd.DataFrame]:
    """Rows of the classes and of their mean, by what stands before the class in the group (`Choy, chair`)."""
    if table.empty:
        return {}
    parts = table.group.str.rpartition(", ")
    # The mean of a collection has the collection's name alone.
    alone = (parts[0] == "") & ~parts[2].isin([*CLASSES, MEAN, ""])
    table = table.assign(
        collection=parts[0].where(~alone, parts[2]), **{"class": parts[2].where(~alone & (parts[2] != ""), MEAN)}
    )
    return {
        str(name): table[(table.collection == name) & table[column].notna()] for name in dict.fromkeys(table.collection)
    }


def draw_learning(
    records: Sequence[dict[str, Any]],
    titles: Mapping[str, str],
    axes: Axes,
    styles: Mapping[str, Mapping[str, Any]] = STYLE,
) -> None:
    """Validation IoU against seconds, of the runs of one data set, into ``axes``."""
    for record in records:
        history, method = pd.DataFrame(record["history"]), record["method"]
        # Of several seeds one stands in the legend.
        label = titles[method] if record["seed"] == records[0]["seed"] else None
        axes.plot(history.seconds, 100 * (1 - history.validation_error), ms=5, lw=1.4, label=label, **styles[method])
    axes.set_ylim(bottom=0)
    axes.set_xlim(left=0)
    axes.set_xlabel("Seconds of training on this machine")
    axes.set_ylabel("Validation IoU, mean of the classes (%)")
