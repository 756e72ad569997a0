"""PSNR against what is asked at a point, against time, and digit by digit."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import LogLocator, NullFormatter
from matplotlib.transforms import Bbox

from hypernet.lab.results import figures

_CONCAT, _HYPER = figures.COLOURS[1], figures.COLOURS[0]
_WIDTH_MARKERS = {4: "v", 8: "<", 16: "o", 32: ">", 64: "p"}
STYLE: dict[str, dict[str, Any]] = {
    "nearest": {"color": "0.65", "marker": "x"},
    "bilinear": {"color": "0.65", "marker": "+"},
    "bicubic": {"color": "0.35", "marker": "x"},
    "lanczos": {"color": "0.35", "marker": "+"},
    **{f"concat_h{width}": {"color": _CONCAT, "marker": marker} for width, marker in _WIDTH_MARKERS.items()},
    "concat_big": {"color": _CONCAT, "marker": "d"},
    "concat_matched": {"color": _CONCAT, "marker": "s"},
    "film": {"color": figures.COLOURS[2], "marker": "D"},
    "espcn": {"color": figures.COLOURS[3], "marker": "^"},
    "srcnn": {"color": figures.COLOURS[3], "marker": "P"},
    "liif": {"color": figures.COLOURS[4], "marker": "X"},
    "hfir": {"color": "#882255", "marker": "h"},
    **{f"hyper_h{width}": {"color": _HYPER, "marker": marker} for width, marker in _WIDTH_MARKERS.items()},
    "oracle_fit": {"color": "black", "marker": "*"},
}
# Methods whose network is asked at every point, by whose weights it has.
FAMILIES = {
    "hyper_": ("Hypernetwork: weights written for each image", _HYPER),
    "concat_": ("Concatenation: weights shared, the embedding is an input", _CONCAT),
}
SIZES = {
    "multiply_adds": "Multiplications with additions for one point",
    "parameters": "Trained numbers, encoder and heads included",
}
# Methods that make whole images, of which a cost per point says nothing.
WITHOUT_POINTS = ("bicubic", "espcn", "srcnn")
EQUAL_TIME = "dotted: steps for equal time"
# Inches of a picture of many classes.
WIDEST = 24.0
# Share of the images beyond each end of a box's whiskers, in %.
TAIL = 5
# Points around a mark and beside a line that belong to it.
MARK = 5
# Points from a mark to the nearest of its label, the nearest places first, and where labels may stand.
REACHES = (10, 16, 24, 36, 50)
DIRECTIONS = ((0, 1), (0, -1), (1, 0), (-1, 0), (0.8, 0.8), (-0.8, 0.8), (0.8, -0.8), (-0.8, -0.8))
# Most letters in a line of a label.
LETTERS = 24
# Words at one of these places need no line to their mark.
NEAR = 2 * len(DIRECTIONS)
Label = tuple[float, float, str]


def _wide(summary: pd.DataFrame) -> pd.DataFrame:
    """PSNR with its interval, and sizes and costs: a row for each method."""
    table = summary[(summary.group == "") & summary.value.notna()]
    wide: pd.DataFrame = table.pivot(index="method", columns="metric", values="value")
    for name in ("psnr", "psnr_equal_time"):
        rows = table[table.metric == name].set_index("method")
        wide[f"{name}_low"], wide[f"{name}_high"] = rows.ci95_low, rows.ci95_high
    return wide.reindex([method for method in STYLE if method in wide.index])


def draw_width(summary: pd.DataFrame, titles: Mapping[str, str], where: str) -> Figure | None:
    """PSNR against the size of the network that is asked at every point, and against all trained numbers.

    Args:
        summary: rows of ``summary.csv`` of one data set.
        titles: names of the methods for people.
        where: the data set's name.

    Returns:
        None where no method is a function of the image plane.
    """
    wide = _wide(summary)
    if "multiply_adds" not in wide:
        return None
    asked = wide[wide.multiply_adds.notna()]
    figure, (left, right) = plt.subplots(1, 2, figsize=(12.4, 6.0), sharey=True)
    for (metric, name), axes in zip(SIZES.items(), (left, right), strict=True):
        for start, (family, colour) in FAMILIES.items():
            rows = asked[asked.index.str.startswith(start)].sort_values(["multiply_adds", metric])
            if len(rows):
                axes.plot(rows[metric], rows.psnr, color=colour, lw=1.4)
                axes.plot([], [], color=colour, lw=1.4, marker="o", label=family)
        for method in asked.index:
            alone = not method.startswith(tuple(FAMILIES))
            label = titles[method] if alone else None
            _bars(axes, asked.loc[[method]], metric, "psnr", STYLE[method], ls="", label=label)
        if "bicubic" in wide.index:
            axes.axhline(wide.psnr["bicubic"], color="0.35", ls="--", lw=1, label=titles["bicubic"])
        axes.margins(0.16)
        _logarithmic(axes, name)
    left.set_ylabel(_psnr_label(summary))
    left.set_title("What is asked at every point")
    right.set_title("What is trained in all: the same marks")
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    figure.suptitle(f"{where}: PSNR against sizes of networks, after equal steps of training")
    of_families = asked[asked.index.str.startswith(tuple(FAMILIES))]
    # Without the family's name, which the colour says.
    words = [titles[method].partition(", ")[2] for method in of_families.index]
    _place(left, list(zip(of_families.multiply_adds, of_families.psnr, words, strict=True)))
    return figure


def draw_costs(summary: pd.DataFrame, titles: Mapping[str, str], where: str) -> Figure | None:
    """PSNR against the nanoseconds of a point, after equal steps and after equal time.

    Args:
        summary: rows of ``summary.csv`` of one data set.
        titles: names of the methods for people.
        where: the data set's name.

    Returns:
        None where no method is a function of the image plane.
    """
    wide = _wide(summary)
    if "ns_per_point" not in wide:
        return None
    timed = wide[wide.ns_per_point.notna()]
    figure, axes = plt.subplots(figsize=(9.6, 6.2))
    labels = []
    for method, row in timed.iterrows():
        name, style = str(method), STYLE[str(method)]
        _bars(axes, timed.loc[[name]], "ns_per_point", "psnr", style, ls="")
        labels.append((row.ns_per_point, row.psnr, textwrap.fill(titles[name], LETTERS, break_on_hyphens=False)))
        if pd.notna(row.get("psnr_equal_time")):
            axes.plot([row.ns_per_point] * 2, [row.psnr, row.psnr_equal_time], color=style["color"], ls=":", lw=1.4)
            _bars(axes, timed.loc[[name]], "ns_per_point", "psnr_equal_time", style, ls="", mfc="white")
    lines = [method for method in WITHOUT_POINTS if method in wide.index]
    for method in lines:
        axes.axhline(wide.psnr[method], color=STYLE[method]["color"], ls="--", lw=1)
    axes.margins(0.14)
    _logarithmic(axes, "Nanoseconds for a point, of one image of 256 × 256 on this machine")
    axes.set_ylabel(_psnr_label(summary))
    # Words of a line stand at its right end.
    labels = [(axes.get_xlim()[1], wide.psnr[method], titles[method]) for method in lines] + labels
    marks = {"after equal steps": "0.3", "after the hypernetwork's seconds of training": "white"}
    handles = [Line2D([], [], ls="", marker="o", ms=7, color="0.3", mfc=colour) for colour in marks.values()]
    handles.append(Line2D([], [], ls="--", lw=1, color="0.3"))
    words = [*marks, "no function of points: its PSNR alone"]
    figure.legend(handles, words, loc="outside lower center", ncols=3)
    figure.suptitle(f"{where}: what a point costs")
    _place(axes, labels)
    return figure


def draw_learning(records: Sequence[dict[str, Any]], titles: Mapping[str, str], axes: Axes) -> None:
    """Validation PSNR against seconds, of the runs of one data set, into ``axes``."""
    for record in records:
        method = record["method"]
        # Of several seeds one stands in the legend.
        label = titles[method] if record["seed"] == records[0]["seed"] else None
        for history, style, name in (
            (record["history"], {"ls": "-", "ms": 5}, label),
            (record.get("equal_time", {}).get("history", []), {"ls": ":", "ms": 4, "mfc": "white"}, None),
        ):
            if history:
                table = pd.DataFrame(history)
                axes.plot(table.seconds, -table.validation_error, lw=1.4, label=name, **{**STYLE[method], **style})
    if any("equal_time" in record for record in records):
        axes.plot([], [], ls=":", lw=1.4, color="0.3", label=EQUAL_TIME)
    axes.set_xlim(left=0)
    axes.set_xlabel("Seconds of training on this machine")
    axes.set_ylabel("Validation PSNR (dB)")


def draw_by_class(
    items: Mapping[str, pd.DataFrame], classes: Sequence[str], titles: Mapping[str, str], where: str
) -> Figure:
    """How the PSNR of single images is spread in each class, and over all: a box for each method.

    Args:
        items: columns ``label`` and ``psnr``, by method.
        classes: names of the classes; none where images have no labels.
        titles: names of the methods for people.
        where: the data set's name.
    """
    groups = [*range(len(classes)), None]
    figure, axes = plt.subplots(figsize=(min(2.2 + 0.95 * len(groups), WIDEST), 5.2))
    width = 0.8 / len(items)
    for number, (method, table) in enumerate(items.items()):
        values = [table.psnr[table.label == group] if group is not None else table.psnr for group in groups]
        places = np.arange(len(groups)) + (number + 0.5) * width - 0.4
        axes.boxplot(
            [group.to_numpy() for group in values],
            positions=places,
            widths=0.86 * width,
            whis=(TAIL, 100 - TAIL),
            showfliers=False,
            patch_artist=True,
            manage_ticks=False,
            boxprops={"facecolor": STYLE[method]["color"], "edgecolor": "black", "lw": 0.8},
            medianprops={"color": "white", "lw": 1.8},
        )
    for place in range(1, len(groups), 2):
        axes.axvspan(place - 0.5, place + 0.5, color="0.95", zorder=0)
    axes.set_xticks(range(len(groups)), [*classes, "all"])
    axes.set_xlim(-0.5, len(groups) - 0.5)
    axes.set_xlabel("Class")
    axes.set_ylabel("PSNR of a held-out image (dB)")
    axes.grid(visible=False, axis="x")
    handles = [Patch(facecolor=STYLE[method]["color"], edgecolor="black", lw=0.8) for method in items]
    names = [titles[method] for method in items]
    figure.legend(handles, names, loc="outside lower center", ncols=min(3, len(items)))
    tail = f"{TAIL} % of the images lie beyond each end of a line"
    figure.suptitle(f"{where}: PSNR of single images\nBoxes: middle half; white: median; {tail}", fontsize=11)
    return figure


def _bars(axes: Axes, rows: pd.DataFrame, x: str, metric: str, style: Mapping[str, Any], **options: Any) -> None:
    """Means with their intervals, which are none where only a bound is known."""
    value = rows[metric]
    spread = [(value - rows[f"{metric}_low"]).clip(lower=0), (rows[f"{metric}_high"] - value).clip(lower=0)]
    axes.errorbar(rows[x], value, yerr=spread, ms=7, lw=1.4, capsize=2, **{**style, **options})


def _psnr_label(summary: pd.DataFrame) -> str:
    several = summary.seeds.astype(str).str.contains(" ").any()
    return f"PSNR at 32 × 32 (dB), 95 % interval over {'trainings and images' if several else 'images'}"


def _logarithmic(axes: Axes, name: str) -> None:
    axes.set_xscale("log")
    axes.set_xlabel(f"{name} (logarithmic)")
    first, last = axes.get_xlim()
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if last < 200 * first else (1,), numticks=12))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.xaxis.set_minor_formatter(NullFormatter())


def _place(axes: Axes, labels: Sequence[Label]) -> None:
    """Write words beside points where neither other words nor lines are: the nearest free place, or the freest.

    Args:
        axes: drawn in before; it is laid out here, and keeps its place.
        labels: x, y and words.
    """
    assert isinstance(axes.figure, Figure)
    axes.figure.draw_without_rendering()
    axes.set_autoscale_on(False)
    point = axes.figure.dpi / 72
    inside, inked = axes.get_window_extent(), _inked(axes)
    taken: list[Bbox] = []
    for x, y, words in labels:
        text = axes.annotate(
            words, (x, y), (0, 0), textcoords="offset points", ha="center", va="center", fontsize=8.5, color="0.1"
        )
        text.set_in_layout(False)
        box = text.get_window_extent()
        offsets = [
            (right * (reach + 0.5 * box.width / point), up * (reach + 0.4 * box.height / point))
            for reach in REACHES
            for right, up in DIRECTIONS
        ]
        covered = []
        for right, up in offsets:
            moved = box.translated(right * point, up * point)
            outside = box.width * box.height - _shared(moved, inside)
            margin = moved.padded(MARK * point)
            within = ((inked > margin.min) & (inked < margin.max)).all(axis=1).sum()
            shared = [_shared(moved, other) for other in taken]
            covered.append(round(outside + within + sum(shared)))
        best = int(np.argmin(covered))
        text.set_position(offsets[best])
        placed = text.get_window_extent()
        taken.append(placed.padded(2 * point))
        if best >= NEAR:
            # From the mark to the nearest place of the words.
            ends = np.array([axes.transData.transform((x, y)), np.zeros(2)])
            ends[1] = np.clip(ends[0], placed.min, placed.max)
            axes.plot(*axes.transData.inverted().transform(ends).T, color="0.5", lw=0.7, zorder=0.5)


def _inked(axes: Axes) -> np.ndarray:
    """Places on lines and marks, close to each other, in pixels: ``[n, 2]``."""
    paths = [line.get_transform().transform(line.get_xydata()) for line in axes.lines]
    for bars in axes.collections:
        if isinstance(bars, LineCollection):
            paths += [bars.get_transform().transform(path) for path in bars.get_segments()]
    between = np.linspace(0, 1, 200)[:, None, None]
    return np.concatenate([(path[:-1] * (1 - between) + path[1:] * between).reshape(-1, 2) for path in paths] + paths)


def _shared(first: Bbox, second: Bbox) -> float:
    """Area of what two boxes share."""
    box = Bbox.intersection(first, second)
    return 0.0 if box is None else float(box.width * box.height)
