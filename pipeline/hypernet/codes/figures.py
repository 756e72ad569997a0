"""Pictures of the decoders' error rates and of how they learned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from scipy.special import erfc

from hypernet.codes.captions import dataset_title
from hypernet.codes.config import REFERENCES
from hypernet.codes.evaluate import point_of
from hypernet.codes.methods import TITLES
from hypernet.codes.plots.anatomy import draw_messages, draw_weights
from hypernet.lab.errors import UserError
from hypernet.lab.files import read_json
from hypernet.lab.results import figures
from hypernet.lab.runs.tracking import keep_in_summary_run

_LEARNERS = ["bp", "min_sum", "weighted_bp", "static_g", "hyper", "weighted_bp_recurrent"]
STYLE = {
    method: {"color": colour, "marker": marker}
    for method, colour, marker in zip(_LEARNERS, figures.COLOURS, figures.MARKERS, strict=False)
} | {
    "hard_decision": {"color": "0.55", "marker": "x", "ls": ":"},
    "maximum_likelihood": {"color": "black", "marker": "*", "ls": "-"},
    "untrained": {"color": "#882255", "marker": "<"},
    "ar_bp": {"color": "0.75", "marker": ">"},
    "ecct": {"color": "0.6", "marker": "h"},
}
# Far from all others and told by the table; it would squeeze the curves together.
OFF_SCALE = "untrained"


def uncoded_ber(ebn0_db: np.ndarray) -> np.ndarray:
    """Bit error rate without a code: Q(sqrt(2 Eb/N0)) = erfc(sqrt(Eb/N0)) / 2."""
    return 0.5 * erfc(np.sqrt(10.0 ** (np.asarray(ebn0_db) / 10.0)))


def draw(runs: Sequence[Path], results: Path, out: Path) -> None:
    """Draw all pictures of :mod:`hypernet.codes.captions` and keep them in MLflow's run "summary".

    Args:
        runs: folders of the runs.
        results: folder with ``summary.csv`` and ``comparisons.csv``.
        out: folder for the pictures.
    """
    figures.use_style()
    summary, comparisons = (_read(results / name) for name in ("summary.csv", "comparisons.csv"))
    records = [read_json(run / "run.json") | {"folder": run} for run in runs]
    datasets = list(dict.fromkeys(summary["dataset"]))
    seed = records[0]["seed"]

    def of(table: pd.DataFrame, name: str) -> pd.DataFrame:
        return table[table.dataset == name]

    def panels(picture: str, draw_one: Callable[[Axes, str], None]) -> None:
        by_title = {dataset_title(name): partial(draw_one, name=name) for name in datasets}
        figures.save_panels(out, picture, by_title, legend_order=list(TITLES.values()))

    panels("waterfall", lambda axes, name: _waterfall(axes, of(summary, name)))
    panels("published", lambda axes, name: _published(axes, of(summary, name)))
    panels("gain", lambda axes, name: _gain(axes, of(comparisons, name)))
    panels("learning", lambda axes, name: _learning(axes, [one for one in records if one["dataset"] == name]))
    hyper = [one for one in records if one["method"] == "hyper" and one["seed"] == seed]
    for name, one_picture in (("weights", draw_weights), ("messages", draw_messages)):
        # Without a hypernetwork among the runs there is nothing to look into; the page expects the picture.
        missing = "No hypernetwork decoder among the runs"
        figure = one_picture(hyper[0]["folder"] / "model.ckpt") if hyper else figures.nothing_to_show(missing)
        figures.save(figure, out, name)
    keep_in_summary_run(
        "codes", out, [*sorted(out.glob("*.png")), results / "summary.csv", results / "comparisons.csv"]
    )


def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise UserError(f"{path}: no such file; run `hypernet codes summarise` first")
    table = pd.read_csv(path, dtype={"group": str})
    points = [point_of(group) for group in table["group"]]
    table["ebn0_db"] = [ebn0_db for ebn0_db, _ in points]
    # 0 stands for the trained number.
    table["iterations"] = [iterations or 0 for _, iterations in points]
    return table


def _waterfall(axes: Axes, table: pd.DataFrame) -> None:
    table = table[(table.metric == "ber") & (table.method != OFF_SCALE) & (table.n > 0)]
    for (method, iterations), rows in table.groupby(["method", "iterations"], sort=False):
        rows = rows.sort_values("ebn0_db")
        known = rows.dropna(subset=["value"])
        style, label = STYLE[method], TITLES[method]
        if iterations:
            style, label = style | {"ls": "--", "mfc": "white"}, f"{label}, {iterations} iterations"
        axes.semilogy(known.ebn0_db, known.value, label=label, markersize=5, **style)
        axes.fill_between(known.ebn0_db, known.ci95_low, known.ci95_high, color=style["color"], alpha=0.2, lw=0)
        bounds = rows[rows.value.isna()]
        if len(bounds):
            # An upper bound from a point with hardly any errors: an arrow, never a value.
            arrow = {"ls": "", "marker": r"$\downarrow$", "ms": 9, "c": style["color"]}
            axes.semilogy(bounds.ebn0_db, bounds.ci95_high, **arrow)
    points = np.linspace(table.ebn0_db.min(), table.ebn0_db.max(), 60)
    axes.semilogy(points, uncoded_ber(points), "--", color="0.5", label="Uncoded", zorder=1)
    axes.set_xlabel("Eb/N0 (dB)")
    axes.set_ylabel("Bit error rate")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _published(axes: Axes, table: pd.DataFrame) -> None:
    table = table[(table.metric == "neg_ln_ber") & (table.iterations == 0)]
    table = table[~table.method.isin([*REFERENCES, OFF_SCALE])]
    has_published = table.groupby("ebn0_db")[["published", "unverified"]].count().sum(axis=1)
    groups = sorted(has_published[has_published > 0].index) or sorted(table.ebn0_db.unique())
    methods = list(dict.fromkeys(table.method))
    width = 0.84 / len(methods)
    for number, method in enumerate(methods):
        rows = table[table.method == method].set_index("ebn0_db").reindex(groups)
        place = np.arange(len(groups)) + (number - (len(methods) - 1) / 2) * width
        bar = {"label": TITLES[method], "color": STYLE[method]["color"]}
        if rows.value.isna().all():
            # A method that is quoted, not run.
            axes.bar(place, rows.published.fillna(rows.unverified), width * 0.92, **bar, hatch="///", ec="white")
            continue
        axes.bar(place, rows.value, width * 0.92, yerr=rows.ci95, error_kw={"lw": 0.9}, **bar)
        for column, face, label in (
            ("published", "black", "Published"),
            ("unverified", "white", "Recalled, unverified"),
        ):
            known = rows[column].notna().to_numpy()
            if known.any():
                diamond = {"ls": "", "marker": "D", "ms": 5, "mfc": face, "mec": "black", "zorder": 5}
                axes.plot(place[known], rows[column][known], label=label, **diamond)
    axes.set_xticks(range(len(groups)), [f"{group:g}" for group in groups])
    axes.set_xlabel("Eb/N0 (dB)")
    axes.set_ylabel("−ln(bit error rate), higher is better")
    axes.grid(False, axis="x")


def _gain(axes: Axes, table: pd.DataFrame) -> None:
    table = table[(table.reference == "bp") & (table.iterations == 0)]
    table = table[~table.method.isin([*REFERENCES, OFF_SCALE])]
    methods = list(dict.fromkeys(table.method))
    for place, method in enumerate(methods):
        rows = table[table.method == method].sort_values("ebn0_db")
        for number, (_, seeded) in enumerate(rows.groupby("seed")):
            errors = [seeded.difference - seeded.ci95_low, seeded.ci95_high - seeded.difference]
            axes.errorbar(
                seeded.ebn0_db + (place - (len(methods) - 1) / 2) * 0.05,
                seeded.difference,
                yerr=errors,
                capsize=2,
                lw=1.2,
                ms=5,
                label=None if number else TITLES[method],
                **STYLE[method],
            )
    axes.axhline(0.0, color="0.3", lw=1)
    axes.set_xlabel("Eb/N0 (dB)")
    axes.set_ylabel("ln(BER of belief propagation / BER)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _learning(axes: Axes, records: Sequence[dict]) -> None:
    for record in records:
        history = pd.DataFrame(record.get("history", []))
        if not history.empty:
            method = record["method"]
            label = TITLES[method] if record["seed"] == records[0]["seed"] else None
            gain = record["validation_ln_ber_of_bp"] - history.validation_ln_ber
            axes.plot(history.seconds, gain, ms=4, label=label, **STYLE[method])
    axes.axhline(0.0, color="0.3", lw=1)
    axes.set_xlabel("Seconds of training")
    axes.set_ylabel("Validation: mean ln(BER of BP / BER)")
