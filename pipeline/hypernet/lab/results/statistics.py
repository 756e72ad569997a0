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


def mean_of_classes(
    classes: Sequence[np.ndarray], random: np.random.Generator, resamples: int, level: float = LEVEL
) -> Interval:
    """The mean over classes of the mean over their objects; objects are resampled within their class.

    Args:
        classes: one value per object, ``[n_c]`` for each class.
        random: source of the resampling.
        resamples: number of resamples.
        level: level of the interval.

    Returns:
        its interval has no ends where a class has a single object.
    """
    value = float(np.mean([objects.mean() for objects in classes]))
    count = sum(len(objects) for objects in classes)
    if min(len(objects) for objects in classes) < 2:
        return Interval(value, float("nan"), float("nan"), count)
    drawn = [objects[random.integers(len(objects), size=(resamples, len(objects)))].mean(axis=1) for objects in classes]
    low, high = np.quantile(np.mean(drawn, axis=0), [(1 - level) / 2, (1 + level) / 2])
    return Interval(value, float(low), float(high), count)


@dataclass(frozen=True)
class Correlation:
    """How two numbers of the same items go together.

    Attributes:
        pearson: linear correlation.
        spearman: that of the ranks, equal values sharing the mean of theirs.
        slope: of the line y = slope x + intercept with the least squares.
        intercept: its value at x = 0.
    """

    pearson: Interval
    spearman: Interval
    slope: float
    intercept: float


def correlation(
    x: np.ndarray,
    y: np.ndarray,
    random: np.random.Generator,
    resamples: int = 2000,
    classes: np.ndarray | None = None,
    level: float = LEVEL,
) -> Correlation:
    """Correlation of two numbers over items, or over the means of the items' classes, with bootstrap intervals.

    Args:
        x: of each item, ``[n]``.
        y: of the same items, ``[n]``.
        random: source of the resampling.
        resamples: number of resamples.
        classes: of the items, ``[n]``: the means of the classes are correlated, and items resampled within their
            class; without classes items are resampled.
        level: level of the intervals.

    Returns:
        ``n`` counts the items, or the classes where there are some. A correlation is not a number where x or y is
        constant; an interval has no ends where that happened to a resample, or where a class has a single item.

    Raises:
        ValueError: x, y and classes of unequal lengths, or fewer than two items or classes.
    """
    values = np.stack([np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)])
    if values.ndim != 2 or (classes is not None and np.shape(classes) != values.shape[1:]):
        raise ValueError(f"a correlation needs two numbers of each item, got shapes {np.shape(x)} and {np.shape(y)}")
    places = np.arange(values.shape[1])
    groups = None if classes is None else [places[np.asarray(classes) == name] for name in np.unique(classes)]
    at = values if groups is None else np.stack([values[:, group].mean(axis=1) for group in groups], axis=1)
    if at.shape[1] < 2:
        raise ValueError(f"a correlation needs at least two items or classes, got {at.shape[1]}")

    def drawn(count: int) -> np.ndarray:
        if groups is None:
            return values[:, random.integers(len(places), size=(count, len(places)))]
        chosen = [group[random.integers(len(group), size=(count, len(group)))] for group in groups]
        return np.stack([values[:, rows].mean(axis=2) for rows in chosen], axis=2)

    whole, ends = _correlations(at[:, None])[:, 0], np.full((2, 2), math.nan)
    if groups is None or min(len(group) for group in groups) > 1:
        block = max(1, BLOCK // len(places))
        sizes = [min(block, resamples - start) for start in range(0, resamples, block)]
        samples = np.concatenate([_correlations(drawn(size)) for size in sizes], axis=1)
        ends = np.quantile(samples, [(1 - level) / 2, (1 + level) / 2], axis=1).T
    pearson, spearman = (
        Interval(float(value), float(low), float(high), at.shape[1])
        for value, (low, high) in zip(whole, ends, strict=True)
    )
    across, along = at - at.mean(axis=1, keepdims=True)
    slope = float(across @ along / (across @ across)) if np.ptp(at[0]) > 0 else math.nan
    return Correlation(pearson, spearman, slope, float(at[1].mean() - slope * at[0].mean()))


def _correlations(rows: np.ndarray) -> np.ndarray:
    """Pearson's and Spearman's of two numbers of items, ``[2, resamples, n]``: ``[2, resamples]``."""
    from scipy.stats import rankdata

    return np.stack([_pearson(*rows), _pearson(*rankdata(rows, axis=-1))])


def _pearson(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Along the last axis; not a number where one of the two is constant."""
    # The mean of equal numbers may differ from them by rounding: they are compared as they are.
    constant = (np.ptp(x, axis=-1) == 0) | (np.ptp(y, axis=-1) == 0)
    x, y = x - x.mean(axis=-1, keepdims=True), y - y.mean(axis=-1, keepdims=True)
    norms = np.sqrt((x * x).sum(axis=-1) * (y * y).sum(axis=-1))
    ratio = np.divide((x * y).sum(axis=-1), norms, out=np.full(norms.shape, math.nan), where=~constant & (norms > 0))
    clipped: np.ndarray = np.clip(ratio, -1.0, 1.0)
    return clipped


def jackknife(value: float, without: np.ndarray, weights: np.ndarray, level: float = LEVEL) -> Interval:
    """Interval from leaving out each of n items once (Tukey 1958): Student's t around ``value``.

    For statistics of pairs of items, which a bootstrap would count with their copies.

    Args:
        value: of all items.
        without: without an item of each sort of equal items, ``[k]``.
        weights: how many items each sort has, ``[k]``; n is their sum.
        level: level of the interval.
    """
    n = int(weights.sum())
    if n < 2:
        raise ValueError(f"an item to leave out needs others beside it, got {n} items")
    mean = float((weights * without).sum()) / n
    half = float(stdtrit(n - 1, 0.5 + level / 2)) * math.sqrt(
        (n - 1) / n * float((weights * (without - mean) ** 2).sum())
    )
    return Interval(value, value - half, value + half, n)


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
