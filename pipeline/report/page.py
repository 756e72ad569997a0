"""One self-contained page: every domain's table beside the published numbers, its comparisons and pictures."""

from __future__ import annotations

import base64
import importlib
import math
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from pipeline.domains import DOMAINS, available
from pipeline.lab.errors import UserError
from pipeline.lab.files import read_json, write_text


def write_page(results: Path, out: Path) -> None:
    """Write the page of all domains that have a ``summary.csv`` below ``results``.

    Pictures are embedded: the file can be sent on by itself and opens without a server.

    Raises:
        UserError: there are no results.
    """
    with_results = [name for name in DOMAINS if (results / name / "summary.csv").is_file()]
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


def _domain(name: str, folder: Path) -> dict[str, Any]:
    summary = pd.read_csv(folder / "summary.csv", dtype={"group": str}, keep_default_na=True)
    summary["group"] = summary["group"].fillna("")
    comparisons = pd.read_csv(folder / "comparisons.csv", dtype={"group": str})
    titles = importlib.import_module(f"pipeline.{name}.methods").TITLES
    captions = importlib.import_module(f"pipeline.{name}.captions")
    runs = [read_json(path) for path in sorted(folder.glob("*/*/seed*/run.json"))]
    return {
        "name": name,
        "title": DOMAINS[name],
        "scale": ", ".join(sorted(summary["scale"].unique())),
        "tables": [
            table
            for (dataset, metric), rows in summary.groupby(["dataset", "metric"], sort=False)
            if (table := _table(dataset, metric, rows, titles, captions))
        ],
        "claims": _claims(comparisons, titles),
        "figures": [
            {"name": figure, "caption": caption, "image": _embedded(folder / "figures" / f"{figure}.png")}
            for figure, caption in captions.FIGURES.items()
            if (folder / "figures" / f"{figure}.png").is_file()
        ],
        "costs": _costs(runs, titles),
        "sources": sorted(set(summary["source"].dropna()) - {""}),
    }


def _table(dataset: str, metric: str, rows: pd.DataFrame, titles: dict[str, str], captions: Any) -> dict[str, Any]:
    groups = list(dict.fromkeys(rows["group"]))
    better = captions.BETTER.get(metric, "")
    cells = {(row.method, row.group): _cell(row) for row in rows.itertuples()}
    return {
        "dataset": captions.dataset_title(dataset),
        "metric": captions.METRICS.get(metric, metric),
        "better": better,
        "unit": "" if rows["unit"].iloc[0] == "1" else rows["unit"].iloc[0],
        "n": f"{int(rows['n'].min()):,} to {int(rows['n'].max()):,}",
        "groups": groups,
        "rows": [
            {"method": titles.get(method, method), "cells": [cells.get((method, group)) for group in groups]}
            for method in dict.fromkeys(rows["method"])
        ],
    }


def _cell(row: Any) -> dict[str, str]:
    if math.isnan(row.value):
        bound = f"< {_number(row.ci95_high)}" if not math.isnan(row.ci95_high) else f"> {_number(row.ci95_low)}"
        value, interval = bound, "too few errors"
    else:
        value = _number(row.value, row.ci95)
        interval = "" if math.isnan(row.ci95) else f"± {_number(row.ci95)}"
    return {
        "value": value,
        "interval": interval,
        "published": "" if math.isnan(row.published) else f"{row.published:g}",
        "unverified": "" if math.isnan(row.unverified) else f"{row.unverified:g}",
    }


def _number(value: float, uncertainty: float = math.nan) -> str:
    """A number with two digits of its uncertainty, or three digits."""
    if value == 0 or math.isinf(value):
        return f"{value:g}"
    if abs(value) < 1e-3 or abs(value) >= 1e5:
        mantissa, exponent = f"{value:.2e}".split("e")
        superscript = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
        return f"{mantissa}×10{superscript}"
    if math.isnan(uncertainty) or uncertainty <= 0:
        return f"{value:.3g}"
    digits = max(0, 1 - math.floor(math.log10(uncertainty)))
    return f"{value:.{digits}f}"


def _claims(comparisons: pd.DataFrame, titles: dict[str, str]) -> list[dict[str, Any]]:
    return [
        {
            "dataset": row.dataset,
            "group": row.group,
            "seed": row.seed,
            "method": titles.get(row.method, row.method),
            "reference": titles.get(row.reference, row.reference),
            "difference": f"{row.difference:+.3f}",
            "interval": f"[{row.ci95_low:+.3f}, {row.ci95_high:+.3f}]",
            "claimed": bool(row.claimed),
            "verdict": "better" if row.ci95_low > 0 else "worse" if row.ci95_high < 0 else "not told apart",
        }
        for row in comparisons.itertuples()
    ]


def _costs(runs: list[dict[str, Any]], titles: dict[str, str]) -> list[dict[str, Any]]:
    return [
        {
            "dataset": run["dataset"],
            "method": titles.get(run["method"], run["method"]),
            "seed": run["seed"],
            "parameters": f"{run['parameter_count']:,}",
            "seconds": f"{run['seconds']:.0f}",
            "memory": f"{run['peak_memory_mb']:.0f}",
            "device": run["device"],
            "commit": run["commit"][:10],
        }
        for run in runs
    ]


def _embedded(path: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()
