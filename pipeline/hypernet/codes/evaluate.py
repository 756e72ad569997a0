"""Bit and word error rates with their intervals, and paired comparisons between decoders."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd

from hypernet.codes.config import EvaluationSettings
from hypernet.codes.core.transmission import Transmission
from hypernet.codes.dataset import load_code
from hypernet.codes.montecarlo import Decode, simulate
from hypernet.codes.trained import open_model
from hypernet.lab.errors import UserError
from hypernet.lab.files import digest_of, read_json, sha256
from hypernet.lab.job import Job
from hypernet.lab.machine import use_threads
from hypernet.lab.manifest import read_manifest
from hypernet.lab.randomness import numpy_generator
from hypernet.lab.results.statistics import mean_from_sums, paired_bootstrap_log_ratio, poisson_upper, wilson
from hypernet.lab.results.summary import Comparison, Measurement, summarise_runs, write_results

# With fewer wrong words than this an error rate is only bounded from above.
FEWEST_FRAME_ERRORS = 10
GAIN, EQUAL_TIME_GAIN = "ln_ber_gain", "ln_ber_equal_time_gain"
# After a metric's name: of the second training of a run, which takes the hypernetwork's seconds.
EQUAL_TIME = "_equal_time"
REFERENCE = "bp"
# The orders this domain claims, at every seed: (method, reference, points).
CLAIMS = {("hyper", "bp"): ("4 dB", "5 dB")}
SHOWN = [
    ("hyper", "weighted_bp"),
    ("hyper", "weighted_bp_recurrent"),
    ("hyper", "static_g"),
    ("hyper", "concat"),
    ("hyper", "untrained"),
]


def point_name(ebn0_db: float, iterations: int, usual: int) -> str:
    """The ``group`` of an Eb/N0 point: "4 dB", or "4 dB, 50 iterations" where that is not the trained number."""
    return f"{ebn0_db:g} dB" + (f", {iterations} iterations" if iterations != usual else "")


def point_of(group: str) -> tuple[float, int | None]:
    """Eb/N0 in dB and number of iterations (None: the trained one) of a point's name; no number for no point."""
    if not group:
        return math.nan, None
    point, _, more = group.partition(", ")
    return float(point.removesuffix(" dB")), int(more.removesuffix(" iterations")) if more else None


def measure(counts: pd.DataFrame, length: int, usual: int, later: str = "") -> list[Measurement]:
    """Error rates from the counts of one training.

    Args:
        counts: columns :data:`hypernet.codes.montecarlo.COUNTS`.
        length: n, bits per word.
        usual: number of iterations that was trained.
        later: what follows the names of metrics, of a second training.

    Returns:
        ``ber``, ``fer`` and ``neg_ln_ber`` per number of iterations and Eb/N0. The interval of the bit error rate
        comes from the spread between words, because the errors within one word are correlated; that of the word
        error rate is Wilson's. Below 10 wrong words only the bound is given.
    """
    measurements = []
    for point, rows in counts.groupby(["iterations", "ebn0_db"]):
        iterations, ebn0_db = cast("tuple[int, float]", point)
        words, bit_errors, squared, frame_errors = (
            int(rows[name].sum()) for name in ("words", "bit_errors", "squared_bit_errors", "frame_errors")
        )
        group = point_name(float(ebn0_db), int(iterations), usual)
        if frame_errors < FEWEST_FRAME_ERRORS:
            # Every wrong word may have all its bits wrong, so the bound on words bounds the bits too.
            bound = min(1.0, poisson_upper(frame_errors, words))
            measurements += [
                Measurement(group, f"ber{later}", "1", None, None, bound, words),
                Measurement(group, f"fer{later}", "1", None, None, bound, words),
                Measurement(group, f"neg_ln_ber{later}", "nat", None, -math.log(bound), None, words),
            ]
            continue
        ber = mean_from_sums(bit_errors / length, squared / length**2, words)
        fer = wilson(frame_errors, words)
        spread = ber.half_width / ber.value
        value = -math.log(ber.value)
        measurements += [
            Measurement(group, f"ber{later}", "1", ber.value, max(ber.low, 0.0), ber.high, words),
            Measurement(group, f"fer{later}", "1", fer.value, fer.low, fer.high, words),
            Measurement(group, f"neg_ln_ber{later}", "nat", value, value - spread, value + spread, words),
        ]
    return measurements


def evaluate(job: Job[EvaluationSettings]) -> None:
    """Simulate a trained decoder on held-out noise and write ``items.csv`` and ``metrics.json`` to the run's folder.

    Parts that were simulated before (:func:`evaluate_part`) are taken as they are, the others simulated here. Of a run
    with a second training both are measured; ``items.csv`` then has a column ``equal_time``, 1 for the second.
    """
    decoder = open_model(job.model)
    trainings = [""] if decoder.equal_time is None else ["", EQUAL_TIME]
    items, measurements = [], []
    for number, later in enumerate(trainings):
        parts = [_simulate_part(job, part, later) for part in range(job.settings.monte_carlo.parts)]
        counts = pd.concat(parts).sort_values(["iterations", "ebn0_db", "chunk"], ignore_index=True)
        items.append(counts if len(trainings) == 1 else counts.assign(equal_time=number))
        measurements += measure(counts, decoder.length, decoder.iterations, later)
    write_results(job, pd.concat(items, ignore_index=True), measurements + _costs(job.folder))
    for later in trainings:
        (job.folder / f".counts{later}.json").unlink(missing_ok=True)


def _costs(folder: Path) -> list[Measurement]:
    """What a method takes: no intervals, it is counted, or was timed once."""
    record = read_json(folder / "run.json")
    costs = [("parameters", "1", float(record["parameter_count"])), ("training_seconds", "s", record["seconds"])]
    if "equal_time" in record:
        costs.append(("equal_time_seconds", "s", record["equal_time"]["seconds"]))
    return [Measurement("", metric, unit, value, value, value, 1) for metric, unit, value in costs]


def evaluate_part(job: Job[EvaluationSettings], part: int) -> None:
    """Simulate part number ``part`` (from 0) of the evaluation, and leave its counts in the run's folder ``parts``.

    Raises:
        UserError: there are fewer parts.
    """
    if part >= job.settings.monte_carlo.parts:
        raise UserError(f"--part {part}: there are {job.settings.monte_carlo.parts} parts, counted from 0")
    _simulate_part(job, part)
    if open_model(job.model).equal_time is not None:
        _simulate_part(job, part, EQUAL_TIME)


def _simulate_part(job: Job[EvaluationSettings], part: int, later: str = "") -> pd.DataFrame:
    use_threads(job.threads)
    settings = job.settings
    model = open_model(job.model)
    decoder = model.equal_time if later else model
    assert decoder is not None, "only what was trained a second time is measured a second time"
    data_digest = read_manifest(job.data)["digest"]
    plain = settings.model_dump(mode="json")
    fingerprint = digest_of([sha256(job.model), data_digest, plain, job.seed, part, job.program, later])

    def decode(iterations: int) -> Decode:
        decoder.use_iterations(iterations)
        return decoder.decode_columns

    # The counts of an undivided evaluation go into items.csv; Snakemake need not know this file.
    counts = job.folder / (f"parts/{part}{later}.json" if settings.monte_carlo.parts > 1 else f".counts{later}.json")
    transmission = Transmission(load_code(job.data))
    return simulate(decode, transmission, settings, job.seed, part, counts, fingerprint)


def compare(runs: dict[tuple[str, str, int], Path]) -> list[Comparison]:
    """Paired differences of ln(bit error rate) between decoders that saw the same words and noise.

    Args:
        runs: folder of each run by (data set, method, seed).

    Returns:
        For each data set, seed and Eb/N0: every method against belief propagation, and the hypernetwork against
        the other trained decoders, at equal time too where one of the two was trained a second time: the other counts
        there with its first training. The difference is ln(BER of the reference / BER of the method), its interval
        a bootstrap over the chunks that both have.
    """
    counts = {key: _trainings(pd.read_csv(folder / "items.csv")) for key, folder in runs.items()}
    methods = list(dict.fromkeys(method for _, method, _ in runs))
    pairs = [(method, REFERENCE) for method in methods if method != REFERENCE] + SHOWN
    comparisons = []
    for dataset, seed in dict.fromkeys((dataset, seed) for dataset, _, seed in runs):
        for method, reference in pairs:
            if (dataset, method, seed) in counts and (dataset, reference, seed) in counts:
                ours, theirs = counts[dataset, method, seed], counts[dataset, reference, seed]
                comparisons += _compare(dataset, seed, method, reference, ours[0], theirs[0])
                if len(ours) + len(theirs) > 2:
                    comparisons += _compare(dataset, seed, method, reference, ours[-1], theirs[-1], EQUAL_TIME)
    return comparisons


def _trainings(items: pd.DataFrame) -> list[pd.DataFrame]:
    """The counts of each training of a run."""
    if "equal_time" not in items:
        return [items]
    return [rows.drop(columns="equal_time") for _, rows in items.groupby("equal_time")]


def _compare(
    dataset: str,
    seed: int,
    method: str,
    reference: str,
    ours: pd.DataFrame,
    theirs: pd.DataFrame,
    later: str = "",
) -> list[Comparison]:
    keys = ["iterations", "ebn0_db", "chunk", "words"]
    both = ours.merge(theirs, on=keys, suffixes=("", "_reference"))
    usual = int(ours["iterations"].min())
    comparisons = []
    for point, rows in both.groupby(["iterations", "ebn0_db"]):
        iterations, ebn0_db = cast("tuple[int, float]", point)
        group = point_name(float(ebn0_db), int(iterations), usual)
        wrong, wrong_reference = (rows[f"frame_errors{suffix}"].sum() for suffix in ("", "_reference"))
        if min(wrong, wrong_reference) < FEWEST_FRAME_ERRORS or len(rows) < 2:
            continue
        gain = paired_bootstrap_log_ratio(
            rows["bit_errors_reference"].to_numpy(np.float64),
            rows["bit_errors"].to_numpy(np.float64),
            generator=numpy_generator(seed, "codes", "bootstrap", dataset, method, reference, group + later),
        )
        comparisons.append(
            Comparison.of(
                gain,
                dataset=dataset,
                group=group,
                seed=seed,
                method=method,
                reference=reference,
                metric=EQUAL_TIME_GAIN if later else GAIN,
                n=int(rows["words"].sum()),
                claimed=not later and group in CLAIMS.get((method, reference), ()),
            )
        )
    return comparisons


def _position(group: str) -> float | None:
    ebn0_db, iterations = point_of(group)
    return ebn0_db if group and iterations is None else None


def summarise(runs: Sequence[Path], published: Path, out: Path, scale: str) -> None:
    """Join the runs of this domain into its tables; see :func:`hypernet.lab.results.summary.summarise_runs`."""
    summarise_runs("codes", scale, runs, published, out, compare, headline="neg_ln_ber", position=_position)
