"""Tested molecules predicted: how far off, how sure, and what a geometry made from SMILES costs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from hypernet.lab.files import read_json
from hypernet.lab.job import Job
from hypernet.lab.machine import use_threads
from hypernet.lab.randomness import numpy_generator
from hypernet.lab.results.statistics import Interval, bootstrap, wilson
from hypernet.lab.results.summary import Comparison, Measurement, summarise_runs, write_results
from hypernet.molecules.config import EvaluationSettings
from hypernet.molecules.core.targets import Target
from hypernet.molecules.dataset import PropertyData, load
from hypernet.molecules.names import qm9_set
from hypernet.molecules.trained import Predictor, open_model

EQUAL_STEPS, EQUAL_TIME = "mae", "mae_equal_time"
# Times that the tested molecules are predicted for their speed; the least counts.
REPEATS = 3
# What networks are claimed to be better than, and by how much of its mean absolute error in %, property by property.
CLAIMED = [
    (method, reference) for method in ("nmp_edge", "hyper", "hyper_base") for reference in ("mean", "composition")
]
MARGINS = {"U0": 50.0, "gap": 23.0, "mu": 23.0}
SHOWN: list[tuple[str, str, str]] = [
    *((method, reference, EQUAL_STEPS) for method, reference in CLAIMED),
    *(
        (method, reference, compared)
        for method in ("hyper_base", "hyper")
        for reference in ("nmp_edge", "nmp_wide", "schnet")
        for compared in (EQUAL_STEPS, EQUAL_TIME)
    ),
    *(
        (method, reference, EQUAL_STEPS)
        for method in ("hyper_base", "hyper")
        for reference in ("krr", "fingerprint_gbt")
    ),
    ("hyper_base", "hyper", EQUAL_STEPS),
    *(("hyper", f"hyper_{variant}", EQUAL_STEPS) for variant in ("xavier", "linear", "per_step", "c0", "c1")),
    ("nmp_edge", "nmp_no_edge", EQUAL_STEPS),
    ("nmp_edge", "schnet", EQUAL_STEPS),
]


def evaluate(job: Job[EvaluationSettings]) -> None:
    """Predict every tested molecule and write ``items.csv`` and ``metrics.json`` to the run's folder."""
    use_threads(job.threads)
    data, model = load(job.data), open_model(job.model)
    items, rate = measured_items(model, data)
    measurements = measure(items, data.target, job.settings.resamples)
    write_results(job, items, measurements + _costs(model, rate, job.folder))


def measured_items(model: Predictor, data: PropertyData) -> tuple[pd.DataFrame, float]:
    """One row per tested molecule, and molecules predicted in a second of this machine's processor.

    Args:
        model: the trained method.
        data: the data set.
    """
    rows = data.splits["test"]
    molecules, true = data.part("test")
    shown = data.target.shown_factor
    seconds = []
    for _ in range(REPEATS):
        started = time.process_time()
        predicted = model.predict(molecules)
        seconds.append(time.process_time() - started)
    error = (predicted - true) * shown
    columns = {
        "molecule": np.array(molecules.names),
        "smiles": np.array(molecules.smiles),
        "atoms": molecules.counts,
        "heavy_atoms": molecules.heavy_atoms,
        "true": true,
        "predicted": predicted,
        "error": error,
        "abs_error": np.abs(error),
        "covered": (np.abs(predicted - true) <= model.margin).astype(np.int64),
    }
    if model.equal_time is not None:
        columns["predicted_equal_time"] = model.equal_time.predict(molecules)
    rebuilt_rows, rebuilt = data.rebuilt
    if len(rebuilt_rows):
        place = {int(row): place for place, row in enumerate(rows)}
        again = np.full(len(rows), np.nan)
        again[[place[int(row)] for row in rebuilt_rows]] = model.predict(rebuilt)
        columns["predicted_rebuilt"] = again
    return pd.DataFrame(columns), len(molecules) / max(min(seconds), 1e-9)


def measure(items: pd.DataFrame, target: Target, resamples: int) -> list[Measurement]:
    """The numbers of one run, of all molecules and by their number of heavy atoms; intervals over molecules.

    Args:
        items: what :func:`measured_items` returned.
        target: the property.
        resamples: of the bootstrap.
    """
    unit, shown = target.shown_unit, target.shown_factor
    true = items.true.to_numpy()
    measurements = [_mean("", "mae", unit, items.abs_error.to_numpy(), resamples)]
    spread = float(np.std(true)) * shown
    if spread > 0:
        measurements.append(_mean("", "mae_std", "1", items.abs_error.to_numpy() / spread, resamples))
    if "predicted_equal_time" in items:
        errors = np.abs(items.predicted_equal_time.to_numpy() - true) * shown
        measurements.append(_mean("", "mae_equal_time", unit, errors, resamples))
    for count, rows in items.groupby("heavy_atoms"):
        if len(rows) > 1:
            measurements.append(_mean(f"{count} heavy atoms", "mae", unit, rows.abs_error.to_numpy(), resamples))
    if "predicted_rebuilt" in items:
        there = items[items.predicted_rebuilt.notna()]
        if len(there) > 1:
            errors = np.abs(there.predicted_rebuilt - there.true).to_numpy() * shown
            measurements.append(_mean("", "mae_rebuilt", unit, errors, resamples))
            measurements.append(_mean("", "mae_same", unit, there.abs_error.to_numpy(), resamples))
    covered = wilson(int(items.covered.sum()), len(items))
    measurements.append(_measurement("", "coverage", "%", covered, 100.0))
    return measurements


def _mean(group: str, metric: str, unit: str, values: np.ndarray, resamples: int) -> Measurement:
    random = numpy_generator(0, "molecules", "bootstrap", metric, group)
    interval = bootstrap(lambda drawn: drawn.mean(axis=1), values, generator=random, resamples=resamples)
    return _measurement(group, metric, unit, interval, 1.0)


def _measurement(group: str, metric: str, unit: str, interval: Interval, scale: float) -> Measurement:
    value, low, high = (scale * number for number in (interval.value, interval.low, interval.high))
    return Measurement(group, metric, unit, value, low, high, interval.n)


def _costs(model: Predictor, rate: float, folder: Path) -> list[Measurement]:
    """What a method takes: no intervals, it is counted, or the best of some times."""
    record = read_json(folder / "run.json")
    costs = [
        ("parameters", "1", float(record["parameter_count"])),
        ("training_seconds", "s", record["seconds"]),
        ("molecules_per_second", "1/s", rate),
    ]
    if "equal_time" in record:
        costs.append(("equal_time_seconds", "s", record["equal_time"]["seconds"]))
    if model.generated:
        costs.append(("mix", "1", model.mix))
    return [Measurement("", metric, unit, value, value, value, 1) for metric, unit, value in costs]


def compare(runs: dict[tuple[str, str, int], Path]) -> list[Comparison]:
    """Paired differences of absolute errors between methods on the same molecules, in % of the reference's mean.

    Positive where the method is nearer to the truth. A method without a second training counts at equal time with its
    first.

    Args:
        runs: folder of each run by (data set, method, seed).
    """
    items = {key: pd.read_csv(folder / "items.csv").set_index("molecule") for key, folder in runs.items()}
    comparisons = []
    for dataset, seed in dict.fromkeys((dataset, seed) for dataset, _, seed in runs):
        named = qm9_set(dataset)
        for method, reference, compared in dict.fromkeys(SHOWN):
            ours, theirs = items.get((dataset, method, seed)), items.get((dataset, reference, seed))
            if ours is None or theirs is None:
                continue
            interval = _gain(_errors(ours, compared), _errors(theirs, compared), (dataset, method, reference, compared))
            claimed = named is not None and named.target in MARGINS and (method, reference) in CLAIMED
            comparisons.append(
                Comparison.of(
                    interval,
                    dataset=dataset,
                    group="",
                    seed=seed,
                    method=method,
                    reference=reference,
                    metric=f"{compared}_gain",
                    claimed=claimed,
                    margin=MARGINS[named.target] if named is not None and claimed else 0.0,
                )
            )
    return comparisons


def _errors(items: pd.DataFrame, compared: str) -> pd.Series:
    """Absolute errors of a method in the target's unit."""
    later = compared == EQUAL_TIME and "predicted_equal_time" in items
    return (items["predicted_equal_time" if later else "predicted"] - items.true).abs()


def _gain(ours: pd.Series, theirs: pd.Series, names: tuple[str, ...]) -> Interval:
    """By how much smaller our errors are than theirs, in % of the mean of theirs."""
    ours, theirs = ours.align(theirs, join="inner")
    random = numpy_generator(0, "molecules", "comparison", *names)

    def gain(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        share: np.ndarray = 100 * (1 - first.mean(axis=1) / np.maximum(second.mean(axis=1), 1e-300))
        return share

    return bootstrap(gain, ours.to_numpy(), theirs.to_numpy(), generator=random)


def position(group: str) -> float | None:
    """Where a group stands on the axis of curves: its number of heavy atoms."""
    count = group.partition(" heavy")[0]
    return float(count) if count.isdecimal() else None


def summarise(runs: Sequence[Path], published: Path, out: Path, scale: str) -> None:
    """Join the runs of this domain into its tables; see ``hypernet.lab.results.summary.summarise_runs``."""
    summarise_runs("molecules", scale, runs, published, out, compare, headline="mae", position=position)
