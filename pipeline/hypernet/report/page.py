"""One self-contained page: every domain's table beside the published numbers, its comparisons and pictures."""

from __future__ import annotations

import base64
import importlib
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from hypernet.domains import DOMAINS, available
from hypernet.lab.errors import UserError
from hypernet.lab.files import read_json, write_text
from hypernet.lab.results.summary import COLUMNS, COMPARISON_COLUMNS


def write_page(results: Path, out: Path, domains: Sequence[str] | None = None) -> None:
    """Write the page of all domains that have a ``summary.csv`` below ``results``, or of these ``domains``.

    Pictures are embedded: the file can be sent on by itself and opens without a server.

    Raises:
        UserError: there are no results.
    """
    asked = available() if domains is None else [name for name in available() if name in domains]
    with_results = [name for name in asked if (results / name / "summary.csv").is_file()]
    if not with_results:
        raise UserError(f"{results}: no domain has a summary.csv here; run `make run` first")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    content = {
        "overview": [
            {"name": name, "title": title, "built": name in available(), "results": name in with_results}
            for name, title in DOMAINS.items()
        ],
        "domains": [_domain(name, results / name) for name in with_results],
        "style": (Path(__file__).parent / "style.css").read_text(encoding="utf-8"),
    }
    write_text(out, environment.get_template("page.html.j2").render(content))


def runs_shown(folder: Path) -> list[Path]:
    """The folders of the runs that a domain's ``summary.csv`` joins."""
    summary = _read(folder / "summary.csv", COLUMNS)
    runs = {
        folder / row.dataset / row.method / f"seed{seed}"
        for row in summary.itertuples()
        for seed in str(row.seeds).split()
        if seed.isdigit()
    }
    return sorted(run for run in runs if (run / "run.json").is_file())


def _domain(name: str, folder: Path) -> dict[str, Any]:
    summary, comparisons = _read(folder / "summary.csv", COLUMNS), _read(folder / "comparisons.csv", COMPARISON_COLUMNS)
    titles = importlib.import_module(f"hypernet.{name}.methods").TITLES
    captions = importlib.import_module(f"hypernet.{name}.captions")
    runs = [read_json(run / "run.json") for run in runs_shown(folder)]
    return {
        "name": name,
        "title": DOMAINS[name],
        "scale": ", ".join(sorted(summary["scale"].unique())),
        "tables": [
            table
            for (dataset, metric, condition), rows in _divided(summary, ["dataset", "metric"])
            if (table := _table(dataset, metric, condition, rows, titles, captions))
        ],
        "comparisons": _comparisons(comparisons, titles, captions),
        "figures": [
            {"name": figure, "caption": caption, "image": _embedded(folder / "figures" / f"{figure}.png")}
            for figure, caption in captions.FIGURES.items()
            if (folder / "figures" / f"{figure}.png").is_file()
        ],
        "costs": _costs(runs, titles, captions),
        "sources": sorted(set(summary["source"].dropna()) - {""}),
    }


def _read(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    if not path.is_file():
        raise UserError(f"{path}: no such file; run `hypernet {path.parent.name} summarise` first")
    table = pd.read_csv(path, dtype=dict.fromkeys(("dataset", "method", "group", "seeds"), str))
    missing = [name for name in columns if name not in table]
    if missing:
        raise UserError(f"{path}: not written by this version, the column {missing[0]} is missing; summarise again")
    table["group"] = table["group"].fillna("")
    return table


def _divided(table: pd.DataFrame, by: list[str]) -> Iterator[tuple[tuple[str, ...], pd.DataFrame]]:
    """The rows by ``by`` and by what stands behind a comma in their group, as in "4 dB, 50 iterations"."""
    if table.empty:
        return iter(())
    parts = table["group"].str.partition(", ")
    return iter(table.assign(group=parts[0], condition=parts[2]).groupby([*by, "condition"], sort=False))


def _table(
    dataset: str, metric: str, condition: str, rows: pd.DataFrame, titles: dict[str, str], captions: Any
) -> dict[str, Any]:
    groups = list(dict.fromkeys(rows["group"]))
    better = captions.BETTER.get(metric, "")
    cells = {(row.method, row.group): _cell(row) for row in rows.itertuples()}
    return {
        "dataset": captions.dataset_title(dataset),
        "condition": condition,
        "metric": captions.METRICS.get(metric, metric),
        "better": better,
        "unit": "" if rows["unit"].iloc[0] == "1" else rows["unit"].iloc[0],
        "n": _range(rows["n"]),
        "groups": groups,
        "rows": [
            {"method": titles.get(method, method), "cells": [cells.get((method, group)) for group in groups]}
            for method in dict.fromkeys(rows["method"])
        ],
    }


def _range(numbers: pd.Series) -> str:
    measured = numbers[numbers > 0]
    low, high = f"{int(measured.min()):,}", f"{int(measured.max()):,}"
    return low if low == high else f"{low} to {high}"


def _cell(row: Any) -> dict[str, str]:
    if math.isnan(row.value) and math.isnan(row.ci95_high) and math.isnan(row.ci95_low):
        value, interval = "", "quoted"
    elif math.isnan(row.value):
        bound = f"< {_number(row.ci95_high)}" if not math.isnan(row.ci95_high) else f"> {_number(row.ci95_low)}"
        value, interval = bound, "too few errors"
    elif math.isnan(row.ci95) or row.ci95 <= 0:
        value, interval = _number(row.value), ""
    else:
        value, interval = _with_interval(row.value, row.ci95)
    return {
        "value": value,
        "interval": interval,
        "published": "" if math.isnan(row.published) else f"{row.published:g}",
        "unverified": "" if math.isnan(row.unverified) else f"{row.unverified:g}",
        # A source without a number: it was looked for.
        "absent": row.source
        if isinstance(row.source, str) and math.isnan(row.published) and math.isnan(row.unverified)
        else "",
    }


def _number(value: float) -> str:
    """A number with three digits."""
    exponent = _exponent(value)
    if exponent is None:
        return f"{value:.3g}"
    return f"{value / 10.0**exponent:.2f}{_power(exponent)}"


def _with_interval(value: float, half_width: float) -> tuple[str, str]:
    """A number and half its interval, with two digits of the second; they share a power of ten."""
    exponent = _exponent(value)
    scale = 1.0 if exponent is None else 10.0**exponent
    digits = max(0, 1 - math.floor(math.log10(half_width / scale)))
    texts = f"{value / scale:.{digits}f}", f"± {half_width / scale:.{digits}f}"
    return texts if exponent is None else (f"({texts[0]}", f"{texts[1]}){_power(exponent)}")


def _exponent(value: float) -> int | None:
    """The power of ten to write a very small or large number with, or None."""
    if value == 0 or math.isinf(value) or 1e-2 <= abs(value) < 1e5:
        return None
    return math.floor(math.log10(abs(value)))


def _power(exponent: int) -> str:
    return "×10" + str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _comparisons(comparisons: pd.DataFrame, titles: dict[str, str], captions: Any) -> list[dict[str, Any]]:
    """A table per data set and metric: a row per pair of methods and seed, a column per group."""
    tables = []
    for (dataset, metric, condition), rows in _divided(comparisons, ["dataset", "metric"]):
        groups = list(dict.fromkeys(rows["group"]))
        several = rows["seed"].nunique() > 1
        table_rows = []
        for (method, reference, seed), pair in rows.groupby(["method", "reference", "seed"], sort=False):
            cells = {row.group: _difference(row) for row in pair.itertuples()}
            table_rows.append(
                {
                    "method": titles.get(method, method),
                    "reference": titles.get(reference, reference),
                    "seed": seed if several else None,
                    "cells": [cells.get(group) for group in groups],
                }
            )
        tables.append(
            {
                "dataset": captions.dataset_title(dataset),
                "condition": condition,
                "metric": captions.METRICS.get(metric, metric),
                "groups": groups,
                "rows": table_rows,
            }
        )
    return tables


def _difference(row: Any) -> dict[str, Any]:
    return {
        "value": f"{row.difference:+.3f}".replace("-", "−"),
        "interval": f"[{row.ci95_low:+.3f}, {row.ci95_high:+.3f}]".replace("-", "−"),
        "claimed": bool(row.claimed),
        "verdict": "better" if row.ci95_low > 0 else "worse" if row.ci95_high < 0 else "level",
    }


def _costs(runs: list[dict[str, Any]], titles: dict[str, str], captions: Any) -> list[dict[str, Any]]:
    return [
        {
            "dataset": captions.dataset_title(run["dataset"]),
            "method": titles.get(run["method"], run["method"]),
            "seed": run["seed"],
            "parameters": f"{run['parameter_count']:,}",
            "seconds": f"{run['seconds']:.0f}",
            "memory": f"{run['peak_memory_mb']:.0f}",
            "device": run["device"],
            "commit": run["commit"][:10] + ("+" if run["commit"].endswith("+") else ""),
        }
        for run in runs
    ]


def _embedded(path: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()
