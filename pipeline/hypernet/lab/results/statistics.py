"""How sure a number is: 95 % intervals for shares, rates, means and paired differences."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv, gammaincinv, ndtri, stdtrit

LEVEL = 0.95
# Elements of one block of resampled rows: bounds the memory of a bootstrap.
BLOCK = 2**22


@dataclass(frozen=True)
class Interval:
    """A measured value, the ends of its interval, and the number of items behind it."""

    value: float
    low: float
    high: float
    n: int

    @property
    def half_width(self) -> float:
        """Half the width of the interval."""
        return 0.5 * (self.high - self.low)


def _check_counts(successes: int, n: int) -> None:
    if n < 1 or not 0 <= successes <= n:
        raise ValueError(f"a share needs 0 <= successes <= n and n >= 1, got {successes} of {n}")


def wilson(successes: int, n: int, level: float = LEVEL) -> Interval:
    """Score interval of a share (Wilson 1927)."""
    _check_counts(successes, n)
    z = float(ndtri(0.5 + level / 2))
    share = successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # The exact ends at no and at all successes, free of rounding.
    low = 0.0 if successes == 0 else centre - half
    high = 1.0 if successes == n else centre + half
    return Interval(share, low, high, n)


def clopper_pearson(successes: int, n: int, level: float = LEVEL) -> Interval:
    """Exact interval of a share (Clopper & Pearson 1934)."""
    _check_counts(successes, n)
    tail = (1 - level) / 2
    low = float(betaincinv(successes, n - successes + 1, tail)) if successes else 0.0
    high = float(betaincinv(successes + 1, n - successes, 1 - tail)) if successes < n else 1.0
    return Interval(successes / n, low, high, n)


def poisson_upper(events: int, exposure: float, level: float = LEVEL) -> float:
    """One-sided upper bound of a rate; 3.0 / exposure after no events (the rule of three)."""
    if events < 0 or exposure <= 0:
        raise ValueError(f"a rate needs events >= 0 and exposure > 0, got {events} in {exposure}")
    return float(gammaincinv(events + 1, level)) / exposure


def mean_t(samples: Sequence[float] | np.ndarray, level: float = LEVEL) -> Interval:
    """Mean with Student's t interval; at least two samples."""
    samples = np.asarray(samples, dtype=np.float64)
    n = samples.size
    if samples.ndim != 1 or n < 2:
        raise ValueError(
            f"a mean with an interval needs at least two samples in one dimension, got shape {samples.shape}"
        )
    mean = float(samples.mean())
    half = float(stdtrit(n - 1, 0.5 + level / 2)) * float(samples.std(ddof=1)) / math.sqrt(n)
    return Interval(mean, mean - half, mean + half, n)


def mean_from_sums(total: float, total_of_squares: float, n: int, level: float = LEVEL) -> Interval:
    """Mean of n items from their sum and the sum of their squares, normal interval.

    For bit error rates an item is a word: its share of wrong bits. Bits within a word fail together, so an
    interval that counted bits as independent would be far too narrow.
    """
    if n < 2:
        raise ValueError(f"a mean with an interval needs at least two items, got {n}")
    mean = total / n
    variance = max(total_of_squares - n * mean * mean, 0.0) / (n - 1)
    half = float(ndtri(0.5 + level / 2)) * math.sqrt(variance / n)
    return Interval(mean, mean - half, mean + half, n)


def bootstrap(
    statistic: Callable[..., np.ndarray],
    *arrays: np.ndarray,
    generator: np.random.Generator,
    resamples: int = 2000,
    level: float = LEVEL,
) -> Interval:
    """Percentile bootstrap over the first axis, the same rows for all arrays (Efron & Tibshirani 1993).

    Args:
        statistic: takes each array resampled, ``[resamples, n, ...]``, and returns ``[resamples]``.
        arrays: data with one row per item, ``[n, ...]`` each.
        generator: source of the resampling.
        resamples: number of resamples.
        level: level of the interval.
    """
    n = len(arrays[0])
    if n < 2 or any(len(array) != n for array in arrays):
        raise ValueError(f"a bootstrap needs arrays of one length of at least 2, got {[len(a) for a in arrays]}")
    row = max(array[0].size for array in arrays)
    block = max(1, BLOCK // (n * row))
    values = []
    for start in range(0, resamples, block):
        chosen = generator.integers(0, n, size=(min(block, resamples - start), n))
        values.append(statistic(*(array[chosen] for array in arrays)))
    low, high = np.quantile(np.concatenate(values), [(1 - level) / 2, (1 + level) / 2])
    value = float(statistic(*(array[None] for array in arrays))[0])
    return Interval(value, float(low), float(high), n)


def paired_bootstrap_log_ratio(
    numerator: np.ndarray, denominator: np.ndarray, generator: np.random.Generator, resamples: int = 2000
) -> Interval:
    """ln(sum of ``numerator`` / sum of ``denominator``) over paired chunks ``[n]``, bootstrapped over chunks."""

    def log_ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
        # Half a count where a resample holds none: the logarithm stays finite.
        ratio: np.ndarray = np.maximum(above.sum(axis=1), 0.5) / np.maximum(below.sum(axis=1), 0.5)
        logarithm: np.ndarray = np.log(ratio)
        return logarithm

    return bootstrap(log_ratio, numerator, denominator, generator=generator, resamples=resamples)


def combine_seeds(intervals: Sequence[Interval]) -> Interval:
    """The mean over seeds. Its interval is Student's t over seeds, but never narrower than the pooled one.

    The pooled interval averages the seeds' own; it holds what the seeds cannot show, such as the noise of a
    method that does not depend on the seed.
    """
    if len(intervals) < 2:
        raise ValueError("combining needs the intervals of at least two seeds")
    between = mean_t([interval.value for interval in intervals])
    pooled = math.sqrt(sum(interval.half_width**2 for interval in intervals)) / len(intervals)
    half = between.half_width if math.isnan(pooled) else max(between.half_width, pooled)
    return Interval(
        between.value, between.value - half, between.value + half, sum(interval.n for interval in intervals)
    )
