"""Pictures of error rates: over Eb/N0, beside published numbers, against belief propagation, and during training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from scipy.special import erfc

from hypernet.codes.config import REFERENCES
from hypernet.lab.results import figures

_LEARNERS = ["bp", "min_sum", "weighted_bp", "static_g", "hyper", "weighted_bp_recurrent", "concat"]
STYLE: dict[str, dict[str, Any]] = {
    method: {"color": colour, "marker": marker}
    for method, colour, marker in zip(_LEARNERS, figures.COLOURS, figures.MARKERS, strict=False)
} | {
    "hard_decision": {"color": "0.55", "marker": "x", "ls": ":"},
    "maximum_likelihood": {"color": "black", "marker": "*", "ls": "-"},
    "untrained": {"color": "#882255", "marker": "<"},
    "ar_bp": {"color": "0.75", "marker": ">"},
    "ecct": {"color": "0.6", "marker": "h"},
}
# Far from all others, and in the table; it would squeeze the curves together.
OFF_SCALE = "untrained"
SECOND_TRAINING: dict[str, Any] = {"ls": ":", "mfc": "white"}
EQUAL_TIME = "Dotted: steps for equal time"
_DOWN: dict[str, Any] = {"ls": "", "marker": r"$\downarrow$", "ms": 9}


def uncoded_ber(ebn0_db: np.ndarray) -> np.ndarray:
    """Bit error rate without a code: Q(sqrt(2 Eb/N0)) = erfc(sqrt(Eb/N0)) / 2."""
    rate: np.ndarray = 0.5 * erfc(np.sqrt(10.0 ** (np.asarray(ebn0_db) / 10.0)))
    return rate


def draw_waterfall(axes: Axes, table: pd.DataFrame, titles: Mapping[str, str]) -> None:
    """Bit error rates over Eb/N0 with their intervals, and that of uncoded transmission.

    Args:
        axes: where to draw.
        table: rows of one data set with the columns of ``summary.csv``, ``ebn0_db`` and ``iterations`` (0: the
            trained number).
        titles: names of the methods for people.
    """
    table = table[(table.metric == "ber") & (table.method != OFF_SCALE) & (table.n > 0)]
    for key, rows in table.groupby(["method", "iterations"], sort=False):
        method, iterations = cast("tuple[str, int]", key)
        rows = rows.sort_values("ebn0_db")
        style, label = STYLE[method], titles[method]
        if iterations:
            style, label = style | {"ls": "--", "mfc": "white"}, f"{label}, {iterations} iterations"
        values = rows.dropna(subset=["value"])
        axes.semilogy(values.ebn0_db, values.value, label=label, markersize=5, **style)
        axes.fill_between(values.ebn0_db, values.ci95_low, values.ci95_high, color=style["color"], alpha=0.2, lw=0)
        bounds = rows[rows.value.isna()]
        if len(bounds):
            # An upper bound from a point with hardly any errors: an arrow, never a value.
            axes.semilogy(bounds.ebn0_db, bounds.ci95_high, color=style["color"], **_DOWN)
    points = np.linspace(table.ebn0_db.min(), table.ebn0_db.max(), 60)
    axes.semilogy(points, uncoded_ber(points), "--", color="0.5", label="Uncoded", zorder=1)
    axes.set_xlabel("Eb/N0 (dB)")
    axes.set_ylabel("Bit error rate")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def draw_published(axes: Axes, table: pd.DataFrame, titles: Mapping[str, str]) -> None:
    """Bars of −ln(bit error rate) with published numbers on them; arguments as of :func:`draw_waterfall`."""
    table = table[(table.metric == "neg_ln_ber") & (table.iterations == 0)]
    table = table[~table.method.isin([*REFERENCES, OFF_SCALE])]
    has_published = table.groupby("ebn0_db")[["published", "unverified"]].count().sum(axis=1)
    groups = sorted(has_published[has_published > 0].index) or sorted(table.ebn0_db.unique())
    methods = list(dict.fromkeys(table.method))
    width = 0.84 / len(methods)
    for number, method in enumerate(methods):
        rows = table[table.method == method].set_index("ebn0_db").reindex(groups)
        place = np.arange(len(groups)) + (number - (len(methods) - 1) / 2) * width
        bar: dict[str, Any] = {"label": titles[method], "color": STYLE[method]["color"]}
        if rows.value.isna().all():
            # A method that is quoted, not run.
            axes.bar(place, rows.published.fillna(rows.unverified), width * 0.92, **bar, hatch="///", ec="white")
            continue
        axes.bar(place, rows.value, width * 0.92, yerr=rows.ci95, error_kw={"lw": 0.9}, **bar)
        for column, face, label in (
            ("published", "black", "Published"),
            ("unverified", "white", "Published, unverified"),
        ):
            given = rows[column].notna().to_numpy()
            if given.any():
                diamond: dict[str, Any] = {"ls": "", "marker": "D", "ms": 5, "mfc": face, "mec": "black", "zorder": 5}
                axes.plot(place[given], rows[column][given], label=label, **diamond)
    axes.set_xticks(range(len(groups)), [f"{group:g}" for group in groups])
    axes.set_xlabel("Eb/N0 (dB)")
    axes.set_ylabel("−ln(bit error rate), higher is better")
    axes.grid(False, axis="x")


def draw_gain(axes: Axes, table: pd.DataFrame, titles: Mapping[str, str]) -> None:
    """ln(bit error rate of belief propagation / bit error rate) of every method and seed over Eb/N0.

    Args:
        axes: where to draw.
        table: rows of one data set with the columns of ``comparisons.csv``, ``ebn0_db`` and ``iterations``.
        titles: names of the methods for people.
    """
    table = table[(table.reference == "bp") & (table.iterations == 0)]
    table = table[~table.method.isin([*REFERENCES, OFF_SCALE])]
    methods = list(dict.fromkeys(table.method))
    for place, method in enumerate(methods):
        rows = table[table.method == method].sort_values("ebn0_db")
        for number, ((later, _), seeded) in enumerate(rows.groupby([rows.metric.str.contains("equal_time"), "seed"])):
            style = STYLE[method] | (SECOND_TRAINING if later else {})
            axes.errorbar(
                seeded.ebn0_db + (place - (len(methods) - 1) / 2) * 0.05,
                seeded.difference,
                yerr=[seeded.difference - seeded.ci95_low, seeded.ci95_high - seeded.difference],
                capsize=2,
                lw=1.2,
                ms=5,
                label=None if number else titles[method],
                **style,
            )
    if table.metric.str.contains("equal_time").any():
        axes.plot([], [], color="0.3", label=EQUAL_TIME, **SECOND_TRAINING)
    axes.axhline(0.0, color="0.3", lw=1)
    axes.set_xlabel("Eb/N0 (dB)")
    axes.set_ylabel("ln(BER of belief propagation / BER)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def draw_learning(axes: Axes, records: Sequence[Mapping[str, Any]], titles: Mapping[str, str]) -> None:
    """Gain over belief propagation on the validation words against seconds of training.

    Args:
        axes: where to draw.
        records: ``run.json`` of the runs of one data set.
        titles: names of the methods for people.
    """
    for record in records:
        method = record["method"]
        label = titles[method] if record["seed"] == records[0]["seed"] else None
        for training, style, name in ((record, {}, label), (record.get("equal_time", {}), SECOND_TRAINING, None)):
            history = pd.DataFrame(training.get("history", []))
            if not history.empty:
                gain = record["validation_ln_ber_of_bp"] - history.validation_ln_ber
                axes.plot(history.seconds, gain, ms=4, label=name, **(STYLE[method] | style))
    if any("equal_time" in record for record in records):
        axes.plot([], [], color="0.3", label=EQUAL_TIME, **SECOND_TRAINING)
    axes.axhline(0.0, color="0.3", lw=1)
    axes.set_xlabel("Training time (s)")
    axes.set_ylabel("Validation: mean ln(BER of belief propagation / BER)")


def draw_curve(table: pd.DataFrame, title: str, dimension: int, counted: str) -> Figure:
    """Bit and word error rates of some decoders on one code, beside transmission without a code.

    Args:
        table: columns ``decoder``, ``ebn0_db``, and ``ber`` and ``fer`` with their ``_low`` and ``_high``; a rate is
            missing where only the bound ``_high`` is known.
        title: what stands above the picture, literally.
        dimension: k, the bits of an uncoded word.
        counted: which bits' errors count, for the axes.
    """
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, 2, figsize=(9.6, 4.9), sharex=True, layout="constrained")
    points = table.ebn0_db
    room = 0.5 if points.nunique() == 1 else 0.0
    line = np.linspace(points.min() - room, points.max() + room, 200)
    uncoded = uncoded_ber(line)
    # 1 - (1 - p)^k, exact for the smallest p too.
    rates = {"ber": uncoded, "fer": -np.expm1(dimension * np.log1p(-uncoded))}
    labels = {"ber": f"Bit error rate ({counted})", "fer": f"Word error rate ({counted})"}
    for axes, (name, label) in zip(panels, labels.items(), strict=True):
        low, high = f"{name}_low", f"{name}_high"
        for (decoder, rows), colour, marker in zip(
            table.groupby("decoder", sort=False), figures.COLOURS, figures.MARKERS, strict=False
        ):
            values, bounds = rows.dropna(subset=[name]), rows[rows[name].isna()]
            axes.semilogy(values.ebn0_db, values[name], color=colour, marker=marker, ms=5, label=decoder)
            axes.fill_between(values.ebn0_db, values[low], values[high], color=colour, alpha=0.2, lw=0)
            axes.semilogy(bounds.ebn0_db, bounds[high], color=colour, **_DOWN)
        axes.semilogy(line, rates[name], "--", color="0.5", label="Uncoded BPSK", zorder=1)
        # The line without a code goes on below what can be measured.
        shown = table[[name, high]].bfill(axis=1)[name]
        axes.set_ylim(shown[shown > 0].min() / 4, min(1.5, 3 * max(shown.max(), rates[name].max())))
        axes.set_xlabel("Eb/N0 (dB)")
        axes.set_ylabel(label)
    # A file may be called "$x$": its name is no formula.
    figure.suptitle(title, parse_math=False)
    handles, texts = panels[0].get_legend_handles_labels()
    figure.legend(handles, texts, loc="outside lower center", ncols=2)
    return figure
