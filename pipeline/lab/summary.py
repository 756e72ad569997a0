"""Every domain's table of results: what was measured, how sure it is, and what was published."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from pipeline.lab.errors import UserError
from pipeline.lab.files import read_json, write_json, write_table
from pipeline.lab.statistics import Interval, combine_seeds

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
STATUSES = ("published", "unverified")
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

    @property
    def holds(self) -> bool:
        """Whether the interval lies above zero."""
        return self.ci95_low > 0


def write_measurements(
    path: Path, dataset: str, method: str, seed: int, measurements: Sequence[Measurement]
) -> None:
    """Write ``metrics.json`` of one run."""
    content = {"dataset": dataset, "method": method, "seed": seed}
    write_json(path, {**content, "measurements": [asdict(one) for one in measurements]})


def mlflow_metrics(measurements: Iterable[Measurement]) -> dict[str, float]:
    """The measurements under the names they have in MLflow: ``metric`` or ``metric/group``."""
    return {
        f"{one.metric}/{one.group}" if one.group else one.metric: one.value
        for one in measurements
        if one.value is not None
    }


def read_published(path: Path) -> pd.DataFrame:
    """Read a domain's ``published.csv``.

    ``status`` is "published" for a number read in its source, "unverified" for one that is only remembered.

    Raises:
        UserError: wrong columns, an unknown status, a value that is no number, or a row that stands twice.
    """
    table = pd.read_csv(path, dtype={"group": str}, keep_default_na=False)
    if list(table.columns) != PUBLISHED_COLUMNS:
        raise UserError(f"{path}: the columns are {list(table.columns)}, not {PUBLISHED_COLUMNS}")
    for column, wrong in {
        "status": ~table["status"].isin(STATUSES),
        "value": pd.to_numeric(table["value"], errors="coerce").isna(),
    }.items():
        if wrong.any():
            row = int(wrong.to_numpy().argmax())
            raise UserError(f"{path}, line {row + 2}: {column} is {table[column].iloc[row]!r}")
    doubled = table.duplicated(KEY)
    if doubled.any():
        raise UserError(f"{path}, line {int(doubled.to_numpy().argmax()) + 2}: this row stands here twice")
    return table.astype({"value": float})


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
        one end of the interval is the bound. A remembered number stands under ``unverified``, never under
        ``published``.
    """
    rows: dict[tuple[str, ...], list[tuple[int, Measurement]]] = {}
    for path in metrics:
        run = read_json(path)
        for entry in run["measurements"]:
            one = Measurement(**entry)
            key = (run["dataset"], run["method"], one.group, one.metric)
            rows.setdefault(key, []).append((run["seed"], one))
    known = read_published(published).set_index(KEY)
    table = []
    for key, seeded in rows.items():
        joined = _join(seeded)
        row = dict(zip(KEY, key, strict=True)) | joined | {"domain": domain, "scale": scale}
        row |= {"published": None, "unverified": None, "source": ""}
        if key in known.index:
            entry = known.loc[key]
            row[entry["status"]] = entry["value"]
            row["source"] = entry["source"]
        table.append(row)
    frame = pd.DataFrame(table, columns=COLUMNS)
    assert not frame.duplicated(KEY).any()
    return frame


def _join(seeded: list[tuple[int, Measurement]]) -> dict:
    """One number from those of several seeds."""
    seeds = [seed for seed, _ in seeded]
    measurements = [one for _, one in seeded]
    first = measurements[0]
    row = {
        "unit": first.unit,
        "n": sum(one.n for one in measurements),
        "seeds": " ".join(str(seed) for seed in seeds),
    }
    if any(one.value is None for one in measurements):
        # A bound from one seed says nothing narrower about the mean: keep the widest.
        lows = [one.low for one in measurements if one.low is not None]
        highs = [one.high for one in measurements if one.high is not None]
        return row | {
            "value": None,
            "ci95": None,
            "ci95_low": min(lows) if len(lows) == len(measurements) else None,
            "ci95_high": max(highs) if len(highs) == len(measurements) else None,
        }
    intervals = [_interval(one) for one in measurements]
    joined = intervals[0] if len(intervals) == 1 else combine_seeds(intervals)
    return row | {
        "value": joined.value,
        "ci95": None if math.isnan(joined.low) else joined.half_width,
        "ci95_low": None if math.isnan(joined.low) else joined.low,
        "ci95_high": None if math.isnan(joined.high) else joined.high,
    }


def _interval(one: Measurement) -> Interval:
    low = math.nan if one.low is None else one.low
    high = math.nan if one.high is None else one.high
    return Interval(one.value, low, high, one.n)


def comparison_table(domain: str, comparisons: Sequence[Comparison]) -> pd.DataFrame:
    """The comparisons as a table with the columns :data:`COMPARISON_COLUMNS`."""
    rows = [{"domain": domain, **asdict(one), "holds": one.holds} for one in comparisons]
    return pd.DataFrame(rows, columns=COMPARISON_COLUMNS)


def write_summary(
    out: Path,
    table: pd.DataFrame,
    comparisons: pd.DataFrame,
    headline: str,
    position: Callable[[str], float],
) -> None:
    """Write what a domain's runs come to.

    Args:
        out: the domain's folder of results. It gets ``summary.csv``, ``comparisons.csv``, the nested
            ``metrics.json`` that ``dvc metrics diff`` compares, and a table per data set in ``curves``, one
            column per method, for ``dvc plots diff``.
        table: what :func:`summarise` returned.
        comparisons: what :func:`comparison_table` returned.
        headline: the metric that the curves show.
        position: where a group stands on the horizontal axis of the curves.
    """
    write_table(out / "summary.csv", table)
    write_table(out / "comparisons.csv", comparisons)
    shutil.rmtree(out / "curves", ignore_errors=True)
    for dataset, rows in table[table["metric"] == headline].groupby("dataset", sort=False):
        placed = rows.assign(position=rows["group"].map(position))
        curves = placed.pivot(index="position", columns="method", values="value").reset_index()
        write_table(out / "curves" / f"{dataset}.csv", curves)
    nested: dict = {}
    for row in table.dropna(subset=["value"]).itertuples():
        place = nested.setdefault(row.dataset, {}).setdefault(row.method, {}).setdefault(row.metric, {})
        place[row.group or "all"] = float(f"{row.value:.6g}")
    write_json(out / "metrics.json", nested)
