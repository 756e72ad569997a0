"""Every domain's table of results: what was measured, how sure it is, and what was published."""

from __future__ import annotations

import csv
import math
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import pandas as pd

from hypernet.lab.config import Section
from hypernet.lab.errors import UserError
from hypernet.lab.files import read_json, write_json, write_table
from hypernet.lab.job import Job
from hypernet.lab.results.statistics import Interval, combine_seeds

COLUMNS = [
    "domain",
    "dataset",
    "method",
    "group",
    "metric",
    "unit",
    "value",
    "ci95",
    "n",
    "seeds",
    "published",
    "source",
    "scale",
    "ci95_low",
    "ci95_high",
    "unverified",
]
KEY = ["dataset", "method", "group", "metric"]
PUBLISHED_COLUMNS = [*KEY, "value", "status", "source"]
# The last: sought and not there, so that the page says so; it has no value.
STATUSES = ("published", "unverified", "not available")
COMPARISON_COLUMNS = [
    "domain",
    "dataset",
    "group",
    "seed",
    "method",
    "reference",
    "metric",
    "difference",
    "ci95_low",
    "ci95_high",
    "n",
    "claimed",
    "margin",
    "holds",
]


@dataclass(frozen=True)
class Measurement:
    """One number of one run.

    Attributes:
        group: the class, length or condition it belongs to, "" where there is none.
        metric: its name; with ``group`` it is the name in MLflow too.
        unit: its unit.
        value: the number, or None where it cannot be given (no errors seen: only a bound).
        low: lower end of the 95 % interval, or None.
        high: upper end, or None.
        n: number of items behind it.
    """

    group: str
    metric: str
    unit: str
    value: float | None
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True)
class Comparison:
    """A paired difference between two methods of one run of each, on the same items.

    Attributes:
        difference: method less reference, in the direction in which larger is better.
        claimed: whether the domain claims that ``method`` is the better one here.
        margin: by how much it is claimed to be better.
    """

    dataset: str
    group: str
    seed: int
    method: str
    reference: str
    metric: str
    difference: float
    ci95_low: float
    ci95_high: float
    n: int
    claimed: bool
    margin: float = 0.0

    @classmethod
    def of(cls, interval: Interval, **facts: Any) -> Self:
        """A comparison whose difference is ``interval``'s; ``facts`` are the other fields, ``n`` if it is another."""
        measured = {"difference": interval.value, "ci95_low": interval.low, "ci95_high": interval.high, "n": interval.n}
        return cls(**(measured | facts))

    @property
    def holds(self) -> bool:
        """Whether the interval lies above zero and the difference is no less than the margin."""
        return self.ci95_low > 0 and self.difference >= self.margin


def write_results(job: Job[Section], items: pd.DataFrame, measurements: Sequence[Measurement]) -> None:
    """What every evaluation ends with: ``items.csv``, then ``metrics.json``, in the run's folder.

    Args:
        job: the evaluation.
        items: one row per item that was measured.
        measurements: the run's numbers.
    """
    write_table(job.folder / "items.csv", items)
    content = {"dataset": job.dataset, "method": job.method, "seed": job.seed}
    write_json(
        job.folder / "metrics.json",
        {**content, "measurements": [asdict(measurement) for measurement in measurements]},
    )


def mlflow_metrics(measurements: Iterable[Measurement]) -> dict[str, float]:
    """The measurements under the names they have in MLflow: ``metric`` or ``metric/group``."""
    return {
        f"{measurement.metric}/{measurement.group}" if measurement.group else measurement.metric: measurement.value
        for measurement in measurements
        if measurement.value is not None
    }


def read_published(path: Path) -> pd.DataFrame:
    """Read a domain's ``published.csv``.

    ``status`` is "published" for a number read in its source, "unverified" for one that is only remembered, and "not
    available", without a value, where one was looked for and could not be had.

    Raises:
        UserError: wrong columns, an unknown status, a value that is no number, or a row that stands twice.
    """
    try:
        with Path(path).open(encoding="utf-8", newline="") as file:
            reader = csv.reader(file, strict=True)
            lines = [(reader.line_num, cells) for cells in reader if cells]
    except FileNotFoundError:
        raise UserError(f"{path}: no such file of published numbers") from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not a table of published numbers ({error})") from None
    columns = lines[0][1] if lines else []
    if columns != PUBLISHED_COLUMNS:
        raise UserError(f"{path}: the columns are {columns}, not {PUBLISHED_COLUMNS}")
    seen: set[tuple[str, ...]] = set()
    for number, cells in lines[1:]:
        if len(cells) != len(PUBLISHED_COLUMNS):
            raise UserError(
                f"{path}, line {number}: {len(cells)} cells where {', '.join(PUBLISHED_COLUMNS)} belong: {cells[-1]!r}"
            )
        row = dict(zip(PUBLISHED_COLUMNS, cells, strict=True))
        if row["status"] not in STATUSES:
            raise UserError(f"{path}, line {number}: status is {row['status']!r}; accepted: {', '.join(STATUSES)}")
        if row["status"] == "not available":
            if row["value"]:
                raise UserError(f"{path}, line {number}: value is {row['value']!r}, of a number that is not available")
        elif not _is_finite(row["value"]):
            raise UserError(f"{path}, line {number}: value is {row['value']!r}")
        key = tuple(row[name] for name in KEY)
        if key in seen:
            raise UserError(f"{path}, line {number}: this row stands here twice")
        seen.add(key)
    table = pd.DataFrame([cells for _, cells in lines[1:]], columns=PUBLISHED_COLUMNS)
    return table.assign(value=pd.to_numeric(table["value"]))


def _is_finite(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def summarise(domain: str, scale: str, metrics: Sequence[Path], published: Path) -> pd.DataFrame:
    """Join the runs' measurements over seeds and lay the published numbers beside them.

    Args:
        domain: name of the domain.
        scale: label of the run: smoke, real or paper.
        metrics: ``metrics.json`` of every run.
        published: the domain's ``published.csv``.

    Returns:
        One row per data set, method, group and metric, with the columns :data:`COLUMNS`. ``ci95`` is half the
        width of the interval from ``ci95_low`` to ``ci95_high``. Where no error was seen ``value`` is empty and
        one end of the interval is the bound. A method that is only quoted has a published number, an empty value and
        n = 0. A remembered number stands under ``unverified``, never under
        ``published``.
    """
    rows: dict[tuple[str, str, str, str], list[tuple[int, Measurement]]] = {}
    seen: set[tuple[str, str, int]] = set()
    for path in metrics:
        run = read_json(path)
        identity = (run["dataset"], run["method"], run["seed"])
        if identity in seen:
            raise UserError(f"{path}: the run {' '.join(map(str, identity))} is given twice")
        seen.add(identity)
        for entry in run["measurements"]:
            measurement = Measurement(**entry)
            key = (run["dataset"], run["method"], measurement.group, measurement.metric)
            rows.setdefault(key, []).append((run["seed"], measurement))
    known = read_published(published).set_index(KEY)
    table = []
    for key, seeded in rows.items():
        joined = _join(seeded)
        row = dict(zip(KEY, key, strict=True)) | joined | {"domain": domain, "scale": scale}
        row |= {"published": None, "unverified": None, "source": ""}
        if key in known.index:
            entry = known.loc[key]
            row["source"] = entry["source"]
            if entry["status"] == "not available":
                row["source"] = f"not available: {entry['source']}"
            else:
                row[entry["status"]] = entry["value"]
        table.append(row)
    table += _quoted(domain, scale, known, table)
    frame = pd.DataFrame(table, columns=COLUMNS)
    assert not frame.duplicated(KEY).any()
    return frame


def _quoted(domain: str, scale: str, known: pd.DataFrame, measured: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Published rows of methods that are not run here, for the data sets, groups and metrics that are."""
    methods = {(row["dataset"], row["method"]) for row in measured}
    units = {(row["dataset"], row["group"], row["metric"]): row["unit"] for row in measured}
    quoted = []
    for key, entry in zip(known.index, known.itertuples(), strict=True):
        dataset, method, group, metric = key
        quotable = entry.status != "not available" and (dataset, method) not in methods
        if quotable and (dataset, group, metric) in units:
            row = dict(zip(KEY, key, strict=True)) | {"domain": domain, "scale": scale, "n": 0, "seeds": ""}
            row |= {"unit": units[dataset, group, metric], "source": entry.source, entry.status: entry.value}
            quoted.append(row)
    return quoted


def _join(seeded: list[tuple[int, Measurement]]) -> dict[str, Any]:
    """One number from those of several seeds."""
    seeds = [seed for seed, _ in seeded]
    measurements = [measurement for _, measurement in seeded]
    first = measurements[0]
    row = {
        "unit": first.unit,
        "n": sum(measurement.n for measurement in measurements),
        "seeds": " ".join(str(seed) for seed in seeds),
    }
    if any(measurement.value is None for measurement in measurements):
        # A bound from one seed says nothing narrower about the mean: keep the widest.
        lows = [measurement.low for measurement in measurements if measurement.low is not None]
        highs = [measurement.high for measurement in measurements if measurement.high is not None]
        return row | {
            "value": None,
            "ci95": None,
            "ci95_low": min(lows) if len(lows) == len(measurements) else None,
            "ci95_high": max(highs) if len(highs) == len(measurements) else None,
        }
    intervals = [_interval(measurement) for measurement in measurements]
    joined = intervals[0] if len(intervals) == 1 else combine_seeds(intervals)
    return row | {
        "value": joined.value,
        "ci95": None if math.isnan(joined.low) else joined.half_width,
        "ci95_low": None if math.isnan(joined.low) else joined.low,
        "ci95_high": None if math.isnan(joined.high) else joined.high,
    }


def _interval(measurement: Measurement) -> Interval:
    assert measurement.value is not None
    low = math.nan if measurement.low is None else measurement.low
    high = math.nan if measurement.high is None else measurement.high
    return Interval(measurement.value, low, high, measurement.n)


def comparison_table(domain: str, comparisons: Sequence[Comparison]) -> pd.DataFrame:
    """The comparisons as a table with the columns :data:`COMPARISON_COLUMNS`."""
    rows = [{"domain": domain, **asdict(comparison), "holds": comparison.holds} for comparison in comparisons]
    return pd.DataFrame(rows, columns=COMPARISON_COLUMNS)


def write_summary(
    out: Path,
    table: pd.DataFrame,
    comparisons: pd.DataFrame,
    headline: str,
    position: Callable[[str], float | None],
) -> None:
    """Write what a domain's runs come to.

    Args:
        out: the domain's folder of results. It gets ``summary.csv``, ``comparisons.csv``, the nested
            ``metrics.json`` that ``dvc metrics diff`` compares, and a table per data set in ``curves``, one
            column per method, for ``dvc plots diff``; none where no group has a place on the axis.
        table: what :func:`summarise` returned.
        comparisons: what :func:`comparison_table` returned.
        headline: the metric that the curves show.
        position: where a group stands on the horizontal axis of the curves; None leaves it out.
    """
    write_table(out / "summary.csv", table)
    write_table(out / "comparisons.csv", comparisons)
    shutil.rmtree(out / "curves", ignore_errors=True)
    (out / "curves").mkdir(parents=True)
    for dataset, rows in table[table["metric"] == headline].groupby("dataset", sort=False):
        placed = rows.assign(position=rows["group"].map(position)).dropna(subset=["position"])
        if placed.empty:
            continue
        curves = placed.pivot(index="position", columns="method", values="value").reset_index()
        write_table(out / "curves" / f"{dataset}.csv", curves)
    nested: dict[str, Any] = {}
    for row in table.dropna(subset=["value"]).itertuples():
        place = nested.setdefault(row.dataset, {}).setdefault(row.method, {}).setdefault(row.metric, {})
        place[row.group or "all"] = float(f"{row.value:.6g}")
    write_json(out / "metrics.json", nested)


def summarise_runs(
    domain: str,
    scale: str,
    runs: Sequence[Path],
    published: Path,
    out: Path,
    compare: Callable[[dict[tuple[str, str, int], Path]], list[Comparison]],
    headline: str,
    position: Callable[[str], float | None],
) -> None:
    """Join a domain's runs into its tables: :func:`summarise`, paired comparisons, :func:`write_summary`.

    Args:
        domain: name of the domain.
        scale: label of the run: smoke, real or paper.
        runs: folders of the runs, each with ``metrics.json``.
        published: the domain's ``published.csv``.
        out: the domain's folder of results.
        compare: gives the comparisons of runs that are given by (data set, method, seed).
        headline: see :func:`write_summary`.
        position: see :func:`write_summary`.
    """
    metrics = [run / "metrics.json" for run in runs]
    table = summarise(domain, scale, metrics, published)
    identities = [read_json(path) for path in metrics]
    by_run = {
        (identity["dataset"], identity["method"], identity["seed"]): run
        for identity, run in zip(identities, runs, strict=True)
    }
    write_summary(out, table, comparison_table(domain, compare(by_run)), headline, position)
