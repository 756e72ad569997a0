"""Bit and word error rates with their intervals, and paired comparisons between decoders."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd

from hypernet.codes.config import EvaluationSettings
from hypernet.codes.dataset import load_code
from hypernet.codes.montecarlo import Decode, simulate
from hypernet.codes.trained import open_model
from hypernet.lab.errors import UserError
from hypernet.lab.files import digest_of, sha256
from hypernet.lab.job import Job
from hypernet.lab.machine import use_threads
from hypernet.lab.manifest import read_manifest
from hypernet.lab.randomness import numpy_generator
from hypernet.lab.results.statistics import mean_from_sums, paired_bootstrap_log_ratio, poisson_upper, wilson
from hypernet.lab.results.summary import Comparison, Measurement, summarise_runs, write_results

# With fewer wrong words than this an error rate is only bounded from above.
FEWEST_FRAME_ERRORS = 10
GAIN = "ln_ber_gain"
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
    """Eb/N0 in dB and number of iterations (None: the trained one) of a point's name."""
    point, _, more = group.partition(", ")
    return float(point.removesuffix(" dB")), int(more.removesuffix(" iterations")) if more else None


def measure(counts: pd.DataFrame, length: int, usual: int) -> list[Measurement]:
    """Error rates from the counts of one run.

    Args:
        counts: columns :data:`hypernet.codes.montecarlo.COUNTS`.
        length: n, bits per word.
        usual: number of iterations that was trained.

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
                Measurement(group, "ber", "1", None, None, bound, words),
                Measurement(group, "fer", "1", None, None, bound, words),
                Measurement(group, "neg_ln_ber", "nat", None, -math.log(bound), None, words),
            ]
            continue
        ber = mean_from_sums(bit_errors / length, squared / length**2, words)
        fer = wilson(frame_errors, words)
        spread = ber.half_width / ber.value
        value = -math.log(ber.value)
        measurements += [
            Measurement(group, "ber", "1", ber.value, max(ber.low, 0.0), ber.high, words),
            Measurement(group, "fer", "1", fer.value, fer.low, fer.high, words),
            Measurement(group, "neg_ln_ber", "nat", value, value - spread, value + spread, words),
        ]
    return measurements


def evaluate(job: Job[EvaluationSettings]) -> None:
    """Simulate a trained decoder on held-out noise and write ``items.csv`` and ``metrics.json`` to the run's folder.

    Parts that were simulated before (:func:`evaluate_part`) are taken as they are, the others simulated here.
    """
    parts = [_simulate_part(job, part) for part in range(job.settings.monte_carlo.parts)]
    order = ["iterations", "ebn0_db", "chunk"]
    counts = pd.concat(parts).sort_values(order, ignore_index=True)
    code = load_code(job.data)
    write_results(job, counts, measure(counts, code.length, open_model(job.model).iterations))
    (job.folder / ".counts.json").unlink(missing_ok=True)


def evaluate_part(job: Job[EvaluationSettings], part: int) -> None:
    """Simulate part number ``part`` (from 0) of the evaluation, and leave its counts in the run's folder ``parts``.

    Raises:
        UserError: there are fewer parts.
    """
    if part >= job.settings.monte_carlo.parts:
        raise UserError(f"--part {part}: there are {job.settings.monte_carlo.parts} parts, counted from 0")
    _simulate_part(job, part)


def _simulate_part(job: Job[EvaluationSettings], part: int) -> pd.DataFrame:
    use_threads(job.threads)
    settings = job.settings
    decoder = open_model(job.model)
    data_digest = read_manifest(job.data)["digest"]
    plain = settings.model_dump(mode="json")
    fingerprint = digest_of([sha256(job.model), data_digest, plain, job.seed, part, job.program])

    def decode(iterations: int) -> Decode:
        decoder.use_iterations(iterations)
        return decoder.decode_columns

    # The counts of an undivided evaluation go into items.csv; Snakemake need not know this file.
    counts = job.folder / (f"parts/{part}.json" if settings.monte_carlo.parts > 1 else ".counts.json")
    return simulate(decode, load_code(job.data), settings, job.seed, part, counts, fingerprint)


def compare(runs: dict[tuple[str, str, int], Path]) -> list[Comparison]:
    """Paired differences of ln(bit error rate) between decoders that saw the same words and noise.

    Args:
        runs: folder of each run by (data set, method, seed).

    Returns:
        For each data set, seed and Eb/N0: every method against belief propagation, and the hypernetwork against
        the other trained decoders. The difference is ln(BER of the reference / BER of the method), its interval
        a bootstrap over the chunks that both have.
    """
    counts = {key: pd.read_csv(folder / "items.csv") for key, folder in runs.items()}
    methods = list(dict.fromkeys(method for _, method, _ in runs))
    pairs = [(method, REFERENCE) for method in methods if method != REFERENCE] + SHOWN
    comparisons = []
    for dataset, seed in dict.fromkeys((dataset, seed) for dataset, _, seed in runs):
        for method, reference in pairs:
            if (dataset, method, seed) in counts and (dataset, reference, seed) in counts:
                ours, theirs = counts[dataset, method, seed], counts[dataset, reference, seed]
                comparisons += _compare(dataset, seed, method, reference, ours, theirs)
    return comparisons


def _compare(
    dataset: str, seed: int, method: str, reference: str, ours: pd.DataFrame, theirs: pd.DataFrame
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
            generator=numpy_generator(seed, "codes", "bootstrap", dataset, method, reference, group),
        )
        comparisons.append(
            Comparison.of(
                gain,
                dataset=dataset,
                group=group,
                seed=seed,
                method=method,
                reference=reference,
                metric=GAIN,
                n=int(rows["words"].sum()),
                claimed=group in CLAIMS.get((method, reference), ()),
            )
        )
    return comparisons


def _position(group: str) -> float | None:
    ebn0_db, iterations = point_of(group)
    return ebn0_db if iterations is None else None


def summarise(runs: Sequence[Path], published: Path, out: Path, scale: str) -> None:
    """Join the runs of this domain into its tables; see :func:`hypernet.lab.results.summary.summarise_runs`."""
    summarise_runs("codes", scale, runs, published, out, compare, headline="neg_ln_ber", position=_position)
