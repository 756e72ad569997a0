"""Circuits for held-out responses: how many are exactly right, and how near the others come."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from hypernet.circuits.config import GeneticPlan, GeneticSettings, RankedSettings
from hypernet.circuits.core.parts import lengths_of
from hypernet.circuits.core.scoring import score
from hypernet.circuits.core.writing import Chains
from hypernet.circuits.dataset import CircuitData
from hypernet.circuits.trained import Designer, open_model
from hypernet.lab.config import Section
from hypernet.lab.files import atomic_path, read_json
from hypernet.lab.job import Job
from hypernet.lab.machine import use_threads
from hypernet.lab.randomness import derived_seed, numpy_generator
from hypernet.lab.results.statistics import Interval, bootstrap, wilson
from hypernet.lab.results.summary import Comparison, Measurement, summarise_runs, write_results
from hypernet.lab.runs.models import load_model
from hypernet.lab.runs.record import EQUAL_TIME

# Bounds the memory of the gradients.
POLISHED_AT_ONCE = 500
DROP = "exact_drop"
MATCHES = {"response_match_1": 0.01, "response_match_5": 0.05}
# Trainings of as many steps, and of as many seconds as that of ours_lowrank.
AT_STEPS, AT_TIME = "exact", f"exact_{EQUAL_TIME}"
# (method, reference, what is compared): by how much the method's share of exact circuits is claimed to be larger.
CLAIMS = {
    ("ours", "gru", AT_STEPS): 0.03,
    ("ours", "gru_only_hypernet", AT_STEPS): 0.03,
    ("ours", "gru_wide", AT_TIME): 0.02,
    ("ours_no_sim", "gru_wide", AT_TIME): 0.03,
    ("ours_lowrank", "gru_wide", AT_TIME): 0.03,
    ("ours_rank64", "ours", AT_STEPS): 0.25,
    ("ours_lowrank_rank64", "ours_rank64", AT_STEPS): 0.02,
}
SHOWN = [
    *CLAIMS,
    ("gru_only_hypernet", "gru", AT_STEPS),
    *(
        (method, reference, compared)
        for method, reference in (
            ("ours", "gru_wide"),
            ("ours_no_sim", "gru_wide"),
            ("ours_lowrank", "gru_wide"),
            ("ours_lowrank", "ours"),
            ("ours", "gru"),
            ("ours", "gru_per_length"),
            ("ours", "ours_no_sim"),
        )
        for compared in (AT_STEPS, AT_TIME)
    ),
    ("ours", "ga", AT_STEPS),
    ("ours_rank64", "ga", AT_STEPS),
]
# What is measured of the second training too.
LATER = ["exact", "topology", "response_error"]


def evaluate(job: Job[Section]) -> None:
    """Design a circuit for every held-out response and write ``items.csv`` and ``metrics.json`` to the run's folder.

    ``predictions.npz`` holds the circuits beside the targets; its ``kinds`` are what the program calls types.
    """
    use_threads(job.threads)
    circuits = CircuitData.load(job.data)
    content = load_model(job.model)
    designer = None if content["method"] == "ga" else open_model(job.model)
    types, values, ended, extra = _design(designer, content["settings"], circuits, job.seed)
    target_values = circuits.values[circuits.test_classes]
    items = _scored(circuits, types, values, ended)
    if designer is not None and designer.equal_time is not None:
        later = _scored(circuits, *_greedy(designer.equal_time, circuits))
        items = items.join(later[LATER].add_suffix(f"_{EQUAL_TIME}"))
    measurements = measure(items, job.seed) + _costs(job.folder)
    with atomic_path(job.folder / "predictions.npz") as temporary:
        np.savez_compressed(
            temporary,
            target_kinds=circuits.test_types,
            target_values=np.where(circuits.test_types >= 0, target_values, 0.0),
            kinds=types,
            values=np.where(types >= 0, values, 0.0),
            frequency=circuits.probe.frequency,
            allow_pickle=False,
            **extra,
        )
    write_results(job, items, measurements)


def _scored(data: CircuitData, types: np.ndarray, values: np.ndarray, ended: np.ndarray) -> pd.DataFrame:
    target_values = data.values[data.test_classes]
    return score(data.probe, types, values, ended, data.test_types, target_values, data.test_response.astype(float))


def _design(
    designer: Designer | None, settings: object, data: CircuitData, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Types, values and whether each circuit was ended, and more to keep with the predictions.

    Without a network the genetic algorithm of these settings.
    """
    if designer is None:
        return *_evolve(GeneticSettings.model_validate(settings).method, data, seed), {}
    if isinstance(designer.settings, RankedSettings):
        return _rank(designer, data, seed)
    return *_greedy(designer, data), {}


def _greedy(designer: Designer, data: CircuitData) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The most probable circuits; a family of networks is given the length."""
    if designer.knows_the_end:
        return _first(designer, designer.write(data.test_response))
    shape = (len(data.test_types), designer.longest)
    types, values, ended = np.empty(shape, np.int8), np.empty(shape), np.empty(len(data.test_types), bool)
    for length, rows in _by_length(data):
        written = _first(designer, designer.write(data.test_response[rows], length=length))
        types[rows], values[rows], ended[rows] = written
    return types, values, ended


def _by_length(data: CircuitData) -> list[tuple[int, np.ndarray]]:
    lengths = lengths_of(data.test_types)
    return [(length, np.flatnonzero(lengths == length)) for length in np.unique(lengths).tolist()]


def _first(designer: Designer, chains: Chains) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The greedy answers."""
    return chains.types[:, 0], designer.sizes(chains)[:, 0], chains.ended[:, 0]


def _evolve(plan: GeneticPlan, data: CircuitData, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    from hypernet.circuits.baselines.genetic import RESONANT, SINGLE, Plan, evolve, response_errors
    from hypernet.lab.progress import Progress

    types = np.full(data.test_types.shape, -1, dtype=np.int8)
    values = np.ones(types.shape)
    progress = Progress("genetic algorithm", len(types), "targets")
    for length, rows in _by_length(data):
        generator = numpy_generator(seed, "circuits", "genetic", length)
        fitness = response_errors(data.probe, data.test_response[rows])
        lengths = np.full(len(rows), length)
        genes = RESONANT if data.sampler.resonators else SINGLE
        best_types, best_values, _ = evolve(
            fitness, lengths, data.values, generator, Plan(**plan.model_dump()), genes=genes
        )
        types[rows, :length], values[rows, :length] = best_types, best_values
        progress.advance(len(rows))
    progress.close()
    return types, values, np.ones(len(types), dtype=bool)


def _rank(
    designer: Designer, data: CircuitData, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    import torch

    from hypernet.circuits.core.ranking import candidate_errors, polish, snap, squared_error
    from hypernet.circuits.core.scoring import exact_circuits

    assert isinstance(designer.settings, RankedSettings)
    ranking = designer.settings.method
    target = data.test_response.astype(np.float64)
    chains = designer.write(
        data.test_response,
        ranking.candidates,
        derived_seed(seed, "circuits", "candidates"),
        temperature=ranking.temperature,
    )
    sizes = designer.sizes(chains)
    errors = candidate_errors(data.probe, target, chains.types, sizes)
    rows = np.arange(len(errors))
    # After so many candidates, the greedy one first: which is the best so far.
    total = errors.shape[1]
    counts = np.array([2**power for power in range(total.bit_length()) if 2**power < total] + [total])
    leaders = np.stack([errors[:, :number].argmin(axis=1) for number in counts], axis=1)
    target_values = data.values[data.test_classes]
    exact = np.stack(
        [
            exact_circuits(chains.types[rows, leader], sizes[rows, leader], data.test_types, target_values)
            & chains.ended[rows, leader]
            for leader in leaders.T
        ],
        axis=1,
    )
    best = leaders[:, -1]
    types, values, ended = chains.types[rows, best], sizes[rows, best], chains.ended[rows, best]
    some = np.flatnonzero(types[:, 0] >= 0)
    for first in range(0, len(some), POLISHED_AT_ONCE):
        here = some[first : first + POLISHED_AT_ONCE]
        error = squared_error(data.probe, torch.from_numpy(target[here]))
        plan = (ranking.polish_steps, ranking.polish_learning_rate, data.values[0], data.values[-1])
        snapped = snap(types[here], polish(types[here], values[here], error, *plan), data.values, error)
        after = candidate_errors(data.probe, target[here], types[here][:, None], snapped[:, None])[:, 0]
        better = after < errors[here, best[here]]
        values[here[better]] = snapped[better]
    curve = {"candidate_counts": counts, "candidate_errors": errors[rows[:, None], leaders], "candidate_exact": exact}
    return types, values, ended, curve


def measure(items: pd.DataFrame, seed: int) -> list[Measurement]:
    """The numbers of one run, over all circuits (group "") and for each length.

    Shares have Wilson intervals; shares of parts, whose items are circuits, and the median have a bootstrap over
    circuits.
    """
    measurements: list[Measurement] = []
    for name, rows in [("", items), *items.groupby("group", sort=False)]:
        group, known = str(name), rows[rows.topology == 1]
        shares = {"exact": rows.exact == 1, "topology": rows.topology == 1}
        shares |= {metric: rows.response_error < limit for metric, limit in MATCHES.items()}
        shares |= {"no_end": rows.ended == 0}
        if AT_TIME in rows:
            later = f"response_match_5_{EQUAL_TIME}"
            shares |= {f"{name}_{EQUAL_TIME}": rows[f"{name}_{EQUAL_TIME}"] == 1 for name in ("exact", "topology")}
            shares |= {later: rows[f"response_error_{EQUAL_TIME}"] < MATCHES["response_match_5"]}
        measurements += [_share(group, metric, holds) for metric, holds in shares.items()]
        measurements += _resampled(group, "token", "1", _ratio, seed, rows.right_kinds, rows.parts)
        measurements += _resampled(group, "value_given_topology", "1", _ratio, seed, known.right_values, known.parts)
        measurements += _resampled(group, "max_db", "dB", _median, seed, rows.max_db)
    return measurements


def _ratio(right: np.ndarray, parts: np.ndarray) -> np.ndarray:
    share: np.ndarray = right.sum(axis=1) / parts.sum(axis=1)
    return share


def _median(values: np.ndarray) -> np.ndarray:
    median: np.ndarray = np.median(values, axis=1)
    return median


def _costs(folder: Path) -> list[Measurement]:
    """What a network took: no intervals, it is counted, or timed once."""
    record = read_json(folder / "run.json")
    costs = [("parameters", "1", float(record["parameter_count"]))] if record["parameter_count"] else []
    if record.get("history"):
        costs.append(("training_seconds", "s", record["processor_seconds"]))
    if EQUAL_TIME in record:
        costs.append((f"{EQUAL_TIME}_seconds", "s", record[EQUAL_TIME]["processor_seconds"]))
    return [Measurement("", metric, unit, value, value, value, 1) for metric, unit, value in costs]


def _share(group: str, metric: str, holds: pd.Series) -> Measurement:
    interval = wilson(int(holds.sum()), len(holds))
    return Measurement(group, metric, "1", interval.value, interval.low, interval.high, interval.n)


def _resampled(
    group: str, metric: str, unit: str, statistic: Callable[..., np.ndarray], seed: int, *columns: pd.Series
) -> list[Measurement]:
    """A statistic with its bootstrap; nothing where there are no two circuits."""
    arrays = [column.to_numpy(np.float64) for column in columns]
    if len(arrays[0]) < 2:
        return []
    generator = numpy_generator(seed, "circuits", "bootstrap", metric, group)
    interval = bootstrap(statistic, *arrays, generator=generator, resamples=1000)
    return [Measurement(group, metric, unit, interval.value, interval.low, interval.high, interval.n)]


def compare(runs: dict[tuple[str, str, int], Path]) -> list[Comparison]:
    """Paired differences of the share of exact circuits between methods that had the same targets.

    After equal steps, and in equal time where both have a training of it.

    Args:
        runs: folder of each run by (data set, method, seed).

    Returns:
        for each data set, seed and group, the pairs of :data:`SHOWN`, with a bootstrap over the circuits; and for the
        genetic algorithm how much its share falls from one length to the next, from independent circuits.
    """
    items = {key: pd.read_csv(folder / "items.csv", keep_default_na=False) for key, folder in runs.items()}
    comparisons = []
    for dataset, seed in dict.fromkeys((dataset, seed) for dataset, _, seed in runs):
        for method, reference, compared in dict.fromkeys(SHOWN):
            ours, theirs = items.get((dataset, method, seed)), items.get((dataset, reference, seed))
            if ours is not None and theirs is not None and compared in ours and compared in theirs:
                comparisons += _compare(dataset, seed, method, reference, compared, ours, theirs)
        if (dataset, "ga", seed) in items:
            comparisons += _collapse(dataset, seed, items[dataset, "ga", seed])
    return comparisons


def _compare(
    dataset: str, seed: int, method: str, reference: str, compared: str, ours: pd.DataFrame, theirs: pd.DataFrame
) -> list[Comparison]:
    both = ours.merge(theirs, on=["group", "circuit"], suffixes=("", "_reference"))
    comparisons = []
    for group, rows in [("", both), *both.groupby("group", sort=False)]:
        if len(rows) < 2:
            continue
        interval = bootstrap(
            lambda exact, reference_exact: exact.mean(axis=1) - reference_exact.mean(axis=1),
            rows[compared].to_numpy(np.float64),
            rows[f"{compared}_reference"].to_numpy(np.float64),
            generator=numpy_generator(seed, "circuits", "bootstrap", dataset, method, reference, str(group)),
        )
        claimed = (method, reference, compared) in CLAIMS and group == "" and dataset != "ngspice"
        margin = CLAIMS[method, reference, compared] if claimed else 0.0
        comparisons.append(
            Comparison.of(
                interval,
                dataset=dataset,
                group=str(group),
                seed=seed,
                method=method,
                reference=reference,
                metric=f"{compared}_gain",
                claimed=claimed,
                margin=margin,
            )
        )
    return comparisons


def _collapse(dataset: str, seed: int, items: pd.DataFrame) -> list[Comparison]:
    shares = {str(group): rows.exact.to_numpy(np.float64) for group, rows in items.groupby("group", sort=False)}
    # Reference circuits stand in no order.
    names = sorted((name for name, rows in shares.items() if len(rows) > 1), key=lambda name: _position(name) or 0.0)
    comparisons = []
    for shorter, longer in pairwise(names):
        generator = numpy_generator(seed, "circuits", "bootstrap", dataset, "ga", longer)
        drawn = [
            generator.choice(shares[name], size=(2000, len(shares[name]))).mean(axis=1) for name in (shorter, longer)
        ]
        low, high = np.quantile(drawn[0] - drawn[1], [0.025, 0.975])
        value = shares[shorter].mean() - shares[longer].mean()
        interval = Interval(float(value), float(low), float(high), len(shares[shorter]) + len(shares[longer]))
        group = f"{longer} after {shorter.removeprefix('length ')}"
        claimed = dataset != "ngspice" and shares[shorter].mean() > 0.02
        facts = {"dataset": dataset, "group": group, "seed": seed, "method": "ga", "reference": "ga", "metric": DROP}
        comparisons.append(Comparison.of(interval, **facts, claimed=claimed))
    return comparisons


def _position(group: str) -> float | None:
    return float(group.removeprefix("length ")) if group.startswith("length ") else None


def summarise(runs: Sequence[Path], published: Path, out: Path, scale: str) -> None:
    """Join the runs of this domain into its tables; see :func:`hypernet.lab.results.summary.summarise_runs`."""
    summarise_runs("circuits", scale, runs, published, out, compare, headline="exact", position=_position)
