"""How often circuits are right: by number of parts, against seconds of training, and while a network is trained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from hypernet.circuits.config import METHODS
from hypernet.lab.results import figures
from hypernet.lab.runs.record import EQUAL_TIME

TITLES = {name: method.title for name, method in METHODS.items()}
STYLE: dict[str, dict[str, Any]] = {
    "ga": {"color": figures.COLOURS[4], "marker": "s"},
    "gru": {"color": figures.COLOURS[1], "marker": "v"},
    "gru_per_length": {"color": figures.COLOURS[2], "marker": "^"},
    "gru_wide": {"color": "0.55", "marker": "X"},
    "gru_only_hypernet": {"color": figures.COLOURS[3], "marker": "D"},
    "ours_no_sim": {"color": figures.COLOURS[5], "marker": "P"},
    "ours": {"color": figures.COLOURS[0], "marker": "o"},
    "ours_lowrank": {"color": "#882255", "marker": "h"},
    "ours_rank64": {"color": "black", "marker": "*"},
    "ours_lowrank_rank64": {"color": "#882255", "marker": "*"},
}


def draw_lengths(axes: Axes, table: pd.DataFrame) -> None:
    """Shares against the number of parts, and the published ones: rows of a summary of one metric."""
    table = table.dropna(subset=["length"])
    methods = [method for method in TITLES if method in set(table.method)]
    quoted = False
    for number, method in enumerate(methods):
        rows, style = table[table.method == method].sort_values("length"), STYLE[method]
        # Beside each other: intervals of methods that are alike stay apart.
        place = rows.length + (number - (len(methods) - 1) / 2) * 0.05
        spread_of = [(rows.value - rows.ci95_low).clip(lower=0), (rows.ci95_high - rows.value).clip(lower=0)]
        measured = rows.value.notna().any()
        if measured:
            axes.errorbar(place, rows.value, yerr=spread_of, capsize=2, ms=5, lw=1.4, label=TITLES[method], **style)
        if rows.published.notna().any():
            quoted = True
            hollow: dict[str, Any] = style | {"ls": "--", "lw": 1.0, "ms": 5, "mfc": "white", "alpha": 0.8}
            # A method that is quoted, not run, has no other line.
            axes.plot(place, rows.published, label=None if measured else TITLES[method], **hollow)
    if quoted:
        axes.plot([], [], ls="--", lw=1.0, marker="o", ms=5, mfc="white", color="0.3", label="Published (dashed)")
    axes.set_ylim(-0.03, 1.03)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("Parts of the target circuit")
    axes.set_ylabel("Share of test circuits")


def draw_equal_time(axes: Axes, table: pd.DataFrame, metric: str) -> None:
    """Shares against seconds of training, after equal steps and in equal time, of a summary's rows of all circuits."""
    rows = table[table.value.notna()].set_index(["method", "metric"])[["value", "ci95_low", "ci95_high"]]
    for method in TITLES:
        marks = []
        for cost, name in (("training_seconds", metric), (f"{EQUAL_TIME}_seconds", f"{metric}_{EQUAL_TIME}")):
            if (method, cost) not in rows.index or (method, name) not in rows.index:
                continue
            seconds, (share, low, high) = rows.value[method, cost], rows.loc[(method, name)]
            bars = [[max(share - low, 0)], [max(high - share, 0)]]
            filling: dict[str, Any] = {"mfc": "white", "zorder": 3} if name != metric else {"label": TITLES[method]}
            axes.errorbar([seconds], [share], yerr=bars, capsize=2, ms=6, ls="", **STYLE[method] | filling)
            marks.append((seconds, share))
        if len(marks) == 2:
            axes.plot(*zip(*marks, strict=True), ls=":", lw=1.2, color=STYLE[method]["color"])
    axes.plot([], [], ls="", marker="o", ms=6, color="0.3", label="After equal steps")
    axes.plot([], [], ls="", marker="o", ms=6, color="0.3", mfc="white", label="In equal time")
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("Seconds of training on this machine (processor time)")
    axes.set_ylabel("Share of test circuits")


def draw_learning(axes: Axes, records: Sequence[dict[str, Any]]) -> None:
    """Share of exact validation circuits against seconds, of the runs of one data set."""
    for record in records:
        method = record["method"]
        label = TITLES[method] if record["seed"] == records[0]["seed"] else None
        for history, style, name in (
            (record["history"], {"ls": "-"}, label),
            (record.get(EQUAL_TIME, {}).get("history", []), {"ls": ":", "mfc": "white"}, None),
        ):
            if history:
                table, look = pd.DataFrame(history), STYLE[method] | style
                axes.plot(table.seconds, 1 - table.validation_error, ms=4, label=name, **look)
    if any(EQUAL_TIME in record for record in records):
        axes.plot([], [], ls=":", color="0.3", label="Dotted: steps for equal time")
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("Training time (s)")
    axes.set_ylabel("Share of exact validation circuits")
