"""Pictures of how well the methods forecast the next image, and of what the networks see moving."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hypernet.lab.results import figures
from hypernet.radar.methods import TITLES
from hypernet.radar.names import dataset_title
from hypernet.radar.plots.scenes import (
    draw_filters,
    draw_forecasts,
    draw_motion,
    draw_preprocessing,
    read_predictions,
    write_comparison,
)

Drawing = Callable[[Axes], None]
# Families share a hue: green sees whole images, blue patches, orange searches one motion, grey and purple see none.
STYLE: dict[str, dict[str, Any]] = {
    "last_frame": {"color": "0.6", "marker": "x"},
    "constant_filter": {"color": "0.35", "marker": "+", "ls": ":"},
    "global_motion": {"color": figures.COLOURS[1], "marker": "s"},
    "soft_motion": {"color": "#A65E00", "marker": "P", "ls": "--"},
    "pysteps": {"color": "black", "marker": "*"},
    "patch_linear": {"color": figures.COLOURS[3], "marker": "D"},
    "patch_cnn": {"color": figures.COLOURS[4], "marker": "v"},
    "pixel_cnn": {"color": "#882255", "marker": "X"},
    "whole_dynamic": {"color": "#66C2A5", "marker": "^", "ls": "--"},
    "whole_matching": {"color": "#00664B", "marker": "^"},
    "patch_dynamic": {"color": figures.COLOURS[5], "marker": "o", "ls": "--"},
    "patch_matching": {"color": figures.COLOURS[0], "marker": "o"},
}
# Methods whose filters are drawn, and whose forecasts move, the first that was run.
WHOLE, PATCH = ("whole_matching", "whole_dynamic"), ("patch_matching", "patch_dynamic")
# The talk's data sets, and marks that do not look like a measurement.
PUBLISHED = {"Tel Aviv": "o", "Davenport": "s", "Kansas City": "D"}
SHADES = (figures.COLOURS[0], figures.COLOURS[4], figures.COLOURS[2], figures.COLOURS[3])
SKILLS = {
    "csi": "Critical success index",
    "pod": "Probability of detection",
    "far": "False alarm ratio",
    "fss": "Fractions skill score",
}
LEADS = {
    "csi_21": "CSI at 21 dBZ",
    "csi_35": "CSI at 35 dBZ",
    "fss_21_9": "FSS at 21 dBZ, 9 x 9 pixels",
}


def draw(runs: Sequence[Path], results: Path, out: Path) -> None:
    """Draw all pictures of ``hypernet.radar.captions`` and ``animation.gif``.

    Pictures of single images show the first run of each method on the first data set.

    Args:
        runs: folders of the runs.
        results: folder with ``summary.csv`` and ``comparisons.csv``.
        out: folder for the pictures.
    """
    figures.use_style()
    summary, records = figures.read_runs("radar", runs, results)
    datasets = list(dict.fromkeys(record["dataset"] for record in records))
    by_dataset = {name: [record for record in records if record["dataset"] == name] for name in datasets}

    def panels(name: str, by_title: dict[str, Drawing], columns: int) -> None:
        figures.save_panels(out, name, by_title, legend_order=list(TITLES.values()), columns=columns)

    def rows(name: str, drawings: Mapping[str, Callable[[pd.DataFrame, Axes], None]]) -> None:
        """Panels of a row per method, beside each other, and below each other for the data sets."""
        figures.save(_by_rows(summary, datasets, drawings), out, name)

    def each(drawings: Mapping[str, Callable[..., None]], tables: Callable[[str], Any]) -> dict[str, Drawing]:
        return {
            f"{what}\n{dataset_title(name)}": partial(drawing, tables(name))
            for name in datasets
            for what, drawing in drawings.items()
        }

    def save(figure: Figure | None, name: str, absent: str, dataset: str = datasets[0], method: str = "") -> None:
        """A picture under the names of the data set and the method, or one that says why there is none."""
        if figure is not None:
            figure.suptitle(": ".join(filter(None, [dataset_title(dataset), TITLES.get(method)])))
        figures.save(figure or figures.nothing_to_show(absent), out, name)

    rows("comparison", {"Loss": _losses, "Loss over that of the last frame": _ratios})
    if "rotated_ratio" in set(summary.metric):
        rows("rotated", {"Loss over that of the last frame": _rotated})
    else:
        save(None, "rotated", "No run was scored on turned images")
    first = {record["method"]: record["folder"] for record in by_dataset[datasets[0]][::-1]}
    # In the order of the table of results, not of the command line.
    shown = {method: read_predictions(first[method], TITLES[method]) for method in TITLES if method in first}
    no_run = "No run of `{}` among the runs"
    save(draw_forecasts(list(shown.values())), "forecasts", "")
    for name, methods, drawing in (("filters", WHOLE, draw_filters), ("motion", PATCH, draw_motion)):
        method = next((method for method in methods if method in shown), "")
        absent = no_run.format("` or `".join(methods))
        save(drawing(shown[method]) if method else None, name, absent, method=method)
    leads = {name: _lead_tables(by_dataset[name]) for name in datasets}
    if any(len(table) for table in leads.values()):
        drawings = {"Loss over that of the last frame": partial(_lead, column="ratio")}
        drawings |= {
            what: partial(_lead, column=column)
            for column, what in LEADS.items()
            if any(column in table.columns for table in leads.values())
        }
        panels("lead_times", each(drawings, lambda name: leads[name]), columns=2 if len(drawings) % 2 == 0 else 3)
    else:
        save(None, "lead_times", "No run has forecasts at longer lead times")
    dataset, stored = _preprocessing(records)
    stages = draw_preprocessing(stored) if stored else None
    save(stages, "preprocessing", "These images came as numbers, not as pictures", dataset)
    drawings = {
        what: partial(_skill, metric=metric) for metric, what in SKILLS.items() if metric in set(summary.metric)
    }
    if drawings:
        rows("skill", drawings)
    else:
        save(None, "skill", "No run was scored at thresholds")
    learned = {name: [record for record in by_dataset[name] if record.get("history")] for name in datasets}
    if any(learned.values()):
        panels("learning", each({"Learning": _learning}, lambda name: learned[name]), columns=2)
    else:
        save(None, "learning", "No method among the runs was trained")
    animated = next((method for method in (*PATCH, *WHOLE) if method in shown), next(iter(shown)))
    write_comparison(out / "animation.gif", shown[animated], dataset_title(datasets[0]))


def _preprocessing(records: Sequence[dict[str, Any]]) -> tuple[str, Path | None]:
    """The first data set that came as pictures, and the file that has the stages of one of them."""
    for record in records:
        stored = Path(record.get("data", "")) / "preprocessing.npz"
        if stored.is_file():
            return record["dataset"], stored
    return records[0]["dataset"], None


def _by_rows(
    summary: pd.DataFrame, datasets: Sequence[str], drawings: Mapping[str, Callable[[pd.DataFrame, Axes], None]]
) -> Figure:
    """A figure as tall as it has methods; those have one row each, named at the left of the first panel."""
    import matplotlib.pyplot as plt

    count = max(summary[summary.dataset == name].method.nunique() for name in datasets)
    height = 0.34 * max(count, 5) + 1.7
    figure = plt.figure(figsize=(2.8 + 3.3 * max(2, len(drawings)), height * len(datasets)))
    parts = figure.subfigures(len(datasets), 1, squeeze=False)
    for part, dataset in zip(parts[:, 0], datasets, strict=True):
        part.suptitle(dataset_title(dataset))
        grid = part.subplots(1, len(drawings), sharey=True, squeeze=False)
        for axes, (what, drawing) in zip(grid[0], drawings.items(), strict=True):
            drawing(summary[summary.dataset == dataset], axes)
            axes.set_title(what)
        labelled: dict[str, Any] = {}
        for axes in grid[0]:
            for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
                labelled.setdefault(label, handle)
        if labelled:
            columns = max(4, 2 * len(drawings) - 1)
            part.legend(
                labelled.values(),
                labelled.keys(),
                loc="outside lower center",
                ncols=columns,
                fontsize=8,
                columnspacing=1.2,
            )
    return figure


def _rows(axes: Axes, table: pd.DataFrame) -> list[str]:
    """Give every method a row, the first on top."""
    methods = [method for method in TITLES if method in set(table.method)]
    # Panels beside each other have the same rows.
    axes.set_yticks(range(len(methods)), [TITLES[method] for method in methods], fontsize=9)
    axes.set_ylim(len(methods) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    for place in range(0, len(methods), 2):
        axes.axhspan(place - 0.5, place + 0.5, color="0.96", lw=0, zorder=0)
    return methods


def _spread(rows: pd.DataFrame) -> list[pd.Series]:
    return [(rows.value - rows.ci95_low).clip(lower=0), (rows.ci95_high - rows.value).clip(lower=0)]


def _losses(table: pd.DataFrame, axes: Axes) -> None:
    table = table[(table.metric == "loss") & (table.group == "")]
    methods = _rows(axes, table)
    for place, method in enumerate(methods):
        row = table[table.method == method]
        style: dict[str, Any] = {"color": STYLE[method]["color"], "ecolor": "0.35"}
        axes.barh(place, row.value, xerr=_spread(row), height=0.65, capsize=3, **style)
        end = row[["value", "ci95_high"]].max(axis=1)
        axes.annotate(f"{row.value.iloc[0]:.3g}", (end.iloc[0], place), (5, 0), textcoords="offset points", va="center")
    # Room for the numbers.
    axes.set_xlim(0, 1.15 * table[["value", "ci95_high"]].max(axis=None))
    axes.set_xlabel("Half squared error (95 % interval)")


def _ratios(table: pd.DataFrame, axes: Axes) -> None:
    ratios = table[(table.metric == "ratio") & (table.group == "")]
    methods = _rows(axes, ratios)
    axes.plot([], [], "o", color="0.3", ms=7, label="Measured here (95 %)")
    quoted = table[(table.metric == "published_ratio") & table.method.isin(methods)].dropna(subset=["published"])
    for place, method in enumerate(methods):
        row = ratios[ratios.method == method]
        style: dict[str, Any] = {"color": STYLE[method]["color"], "ms": 7, "capsize": 3, "lw": 2}
        # In the middle of its row, or above what is quoted.
        height = place - 0.18 if method in set(quoted.method) else place
        axes.errorbar(row.value, [height], xerr=_spread(row), fmt="o", **style)
    for city, marker in PUBLISHED.items():
        rows = quoted[quoted.group == city]
        if len(rows):
            heights = [methods.index(method) + 0.2 for method in rows.method]
            hollow: dict[str, Any] = {"ls": "", "marker": marker, "mfc": "none", "color": "0.3", "ms": 6}
            axes.plot(rows.published, heights, **hollow, label=f"Talk, {city}")
    axes.axvline(1, color="0.5", lw=0.8)
    axes.set_xlim(0, 1.05 * max(1, ratios[["value", "ci95_high"]].max(axis=None)))
    axes.set_xlabel("Ratio to the last frame (1: no better)")


def _rotated(table: pd.DataFrame, axes: Axes) -> None:
    """The ratio as it is, and on the same images turned: a method that knows only the day's wind is worse there."""
    table = table[((table.metric == "ratio") & (table.group == "")) | (table.metric == "rotated_ratio")]
    methods = _rows(axes, table)
    groups = ["", *sorted(set(table.group) - {""}, key=lambda group: int(group.split()[0]))]
    for number, group in enumerate(groups):
        rows = table[table.group == group].set_index("method").reindex(methods)
        height = np.arange(len(methods)) + 0.22 * (number - (len(groups) - 1) / 2)
        style: dict[str, Any] = {"color": SHADES[number % len(SHADES)], "marker": figures.MARKERS[number]}
        label = f"Turned by {group}" if group else "As they are"
        axes.errorbar(rows.value, height, xerr=_spread(rows), ls="", ms=5, capsize=2, label=label, **style)
    axes.axvline(1, color="0.5", lw=0.8)
    axes.set_xlim(left=0)
    axes.set_xlabel("Ratio to the last frame (1: no better)")


def _skill(table: pd.DataFrame, axes: Axes, metric: str) -> None:
    table = table[table.metric == metric]
    methods = _rows(axes, table)
    groups = sorted(set(table.group), key=lambda group: [int(digits) for digits in re.findall(r"\d+", group)])
    if metric == "fss":
        # Of scales it is enough to see those at the lowest threshold; the table has all.
        groups = [group for group in groups if group.split(",")[0] == groups[0].split(",")[0]]
    numbers = [re.findall(r"\d+", group) for group in groups]
    thresholds, scales = (
        list(dict.fromkeys(parts[place] for parts in numbers if len(parts) > place)) for place in (0, 1)
    )
    for number, (group, (threshold, *scale)) in enumerate(zip(groups, numbers, strict=True)):
        rows = table[table.group == group].set_index("method").reindex(methods)
        height = np.arange(len(methods)) + (number - (len(groups) - 1) / 2) * min(0.2, 0.8 / len(groups))
        # Colours tell thresholds, marks tell scales; without a scale it is the first mark.
        mark = figures.MARKERS[1 + scales.index(scale[0]) if scale else 0]
        style: dict[str, Any] = {"color": SHADES[thresholds.index(threshold) % len(SHADES)], "marker": mark}
        axes.errorbar(rows.value, height, xerr=_spread(rows), ls="", ms=5, capsize=2, label=group, **style)
    axes.set_xlim(0, 1)
    axes.set_xlabel("Lower is better" if metric == "far" else "Higher is better")


def _lead_tables(records: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Per method and lead time, the mean over seeds."""
    tables = [
        pd.read_csv(record["folder"] / "lead_times.csv").assign(method=record["method"])
        for record in records
        # A blank file: no window is long enough.
        if (record["folder"] / "lead_times.csv").is_file() and (record["folder"] / "lead_times.csv").read_text().strip()
    ]
    if not tables:
        return pd.DataFrame(columns=["method", "lead_minutes", "ratio"])
    table = pd.concat(tables).groupby(["method", "lead_minutes"], as_index=False).mean(numeric_only=True)
    return table.assign(ratio=table.loss / table.last_frame_loss)


def _lead(table: pd.DataFrame, axes: Axes, column: str) -> None:
    for method in TITLES:
        rows = table[table.method == method] if column in table.columns else table[:0]
        if len(rows):
            axes.plot(rows.lead_minutes, rows[column], ms=5, lw=1.5, label=TITLES[method], **STYLE[method])
    if table.empty:
        why = "No test window\nis long enough"
        axes.text(0.5, 0.5, why, ha="center", va="center", transform=axes.transAxes)
    axes.set_xlabel("Lead time (minutes)")
    axes.set_ylabel("Ratio of losses" if column == "ratio" else "Score (1 is perfect)")
    axes.set_xticks(sorted(set(table.lead_minutes)))


def _learning(records: Sequence[dict[str, Any]], axes: Axes) -> None:
    for record in records:
        history, method = pd.DataFrame(record["history"]), record["method"]
        label = TITLES[method] if record["seed"] == records[0]["seed"] else None
        axes.plot(history.seconds, history.validation_loss, ms=4, label=label, **STYLE[method])
    axes.set_xlabel("Seconds of training")
    axes.set_ylabel("Validation loss (half squared error)")
