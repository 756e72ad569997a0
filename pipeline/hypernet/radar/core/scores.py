"""How good a forecast is: the talk's loss, what forecasters use beside it, and intervals of the numbers.

All functions take grey levels in [0, 1] (70 dBZ is 1) and work on many images at once. Scores that are ratios of sums
(CSI, POD, FAR, FSS) come as the sums of every image, so that images and events can be pooled before dividing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hypernet.lab.results.statistics import Interval, bootstrap
from hypernet.radar.core.frames import LARGEST_DBZ, LEVELS

# dBZ: rain (grey 0.3) and heavy rain (grey 0.5).
THRESHOLDS = (21, 35)
# Width in pixels of the squares in which the fractions skill score compares shares of rain.
SCALES = (3, 9, 27)
# Resamples of fewer events are only a handful of different ones.
FEWEST_EVENTS = 5
# The talk's "+-" is read as a 95 % interval of a mean.
NORMAL_95 = 1.96


def half_squared_error(forecast: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """The loss of every image: half the squared error, summed over its pixels.

    That the talk's table has this unit is not provable (inferred from Caffe's EuclideanLoss); ratios do not depend on
    it.

    Args:
        forecast: ``[..., H, W]``.
        truth: the same shape.

    Returns:
        float64 ``[...]``.
    """
    return 0.5 * _summed(np.square(_difference(forecast, truth)))


def mean_square_255(loss: np.ndarray, pixels: int) -> np.ndarray:
    """Mean square error per pixel in units of 0..255, another reading of the talk's numbers, from losses."""
    return np.asarray(loss) * (2.0 * LEVELS**2 / pixels)


def absolute_error_dbz(forecast: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Mean absolute error of every image in dBZ, ``[...]``; arguments as in ``half_squared_error``."""
    difference = _difference(forecast, truth)
    return LARGEST_DBZ * _summed(np.abs(difference)) / _pixels(difference)


def root_mean_square_dbz(forecast: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Root of the mean square error of every image in dBZ, ``[...]``."""
    difference = _difference(forecast, truth)
    return LARGEST_DBZ * np.sqrt(_summed(np.square(difference)) / _pixels(difference))


def wet_share(images: np.ndarray, threshold: float = THRESHOLDS[0]) -> np.ndarray:
    """Share of pixels at or above ``threshold`` dBZ, ``[...]`` of ``[..., H, W]``."""
    return _wet(images, threshold).mean(axis=(-2, -1))


@dataclass(frozen=True)
class Contingency:
    """Pixels at or above a threshold: in both images, in the truth alone, in the forecast alone; any shapes alike."""

    hits: np.ndarray
    misses: np.ndarray
    false_alarms: np.ndarray

    def csi(self) -> np.ndarray:
        """Critical success index, hits / (hits + misses + false alarms); not a number where there is no rain."""
        return ratio(self.hits, self.hits + self.misses + self.false_alarms)

    def pod(self) -> np.ndarray:
        """Probability of detection, hits / (hits + misses)."""
        return ratio(self.hits, self.hits + self.misses)

    def far(self) -> np.ndarray:
        """False alarm ratio, false alarms / (hits + false alarms)."""
        return ratio(self.false_alarms, self.hits + self.false_alarms)


def contingency(forecast: np.ndarray, truth: np.ndarray, threshold: float) -> Contingency:
    """Counts of every image.

    Args:
        forecast: ``[..., H, W]``.
        truth: the same shape.
        threshold: dBZ.

    Returns:
        integers ``[...]``.
    """
    _check(forecast, truth)
    forecast_wet, true_wet = _wet(forecast, threshold), _wet(truth, threshold)
    hits, forecasts, events = (wet.sum(axis=(-2, -1)) for wet in (forecast_wet & true_wet, forecast_wet, true_wet))
    return Contingency(hits, events - hits, forecasts - hits)


def fraction_sums(
    forecast: np.ndarray, truth: np.ndarray, threshold: float, scale: int
) -> tuple[np.ndarray, np.ndarray]:
    """The two sums of which the fractions skill score is made (Roberts and Lean 2008, equations 5 to 7).

    Every pixel gets the share of wet pixels in the square of ``scale`` pixels around it; outside the image it is dry.

    Args:
        forecast: ``[..., H, W]``.
        truth: the same shape.
        threshold: dBZ from which a pixel is wet.
        scale: width of the square in pixels, odd.

    Returns:
        sums over pixels of (F - O)^2 and of F^2 + O^2, float64 ``[...]``. The score is 1 less their ratio.
    """
    from scipy.ndimage import uniform_filter

    _check(forecast, truth)
    if scale < 1 or scale % 2 == 0:
        raise ValueError(f"scale is {scale}; accepted: an odd number of pixels")
    size = (1,) * (np.ndim(forecast) - 2) + (scale, scale)
    forecast_share, true_share = (
        uniform_filter(_wet(images, threshold).astype(np.float64), size=size, mode="constant")
        for images in (forecast, truth)
    )
    difference = _summed(np.square(forecast_share - true_share))
    return difference, _summed(np.square(forecast_share)) + _summed(np.square(true_share))


def fractions_skill(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Fractions skill score from (pooled) sums: 1 is perfect, 0 is none; not a number where both images are dry."""
    return 1.0 - ratio(numerator, denominator)


def window_scores(
    forecast: np.ndarray,
    truth: np.ndarray,
    last_frame: np.ndarray,
    thresholds: Sequence[int] = THRESHOLDS,
    scales: Sequence[int] = SCALES,
) -> dict[str, np.ndarray]:
    """The columns of a run's ``items.csv`` that come from pixels, each ``[n]``.

    Args:
        forecast: ``[n, H, W]``.
        truth: the same shape.
        last_frame: the last image seen, the same part of it.
        thresholds: dBZ.
        scales: pixels.

    Returns:
        ``loss``, ``last_frame_loss``, ``mae_dbz``, ``rmse_dbz``, ``wet_share`` (of the truth), and for every threshold
        ``hits_21``, ``misses_21``, ``false_21``, and for every scale ``fss_21_9_numerator`` and
        ``fss_21_9_denominator``.
    """
    columns = {
        "loss": half_squared_error(forecast, truth),
        "last_frame_loss": half_squared_error(last_frame, truth),
        "mae_dbz": absolute_error_dbz(forecast, truth),
        "rmse_dbz": root_mean_square_dbz(forecast, truth),
        "wet_share": wet_share(truth),
    }
    for threshold in thresholds:
        counts = contingency(forecast, truth, threshold)
        columns |= {
            f"hits_{threshold}": counts.hits,
            f"misses_{threshold}": counts.misses,
            f"false_{threshold}": counts.false_alarms,
        }
        for scale in scales:
            above, below = fraction_sums(forecast, truth, threshold, scale)
            columns |= {
                f"fss_{threshold}_{scale}_numerator": above,
                f"fss_{threshold}_{scale}_denominator": below,
            }
    return columns


def normal_interval(values: np.ndarray) -> Interval:
    """Mean +- 1.96 s / sqrt(n), the reading of the talk's "+-"; too narrow where items overlap.

    Args:
        values: ``[n]``, n at least 2.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1 or len(values) < 2:
        raise ValueError(f"an interval needs at least two values in one dimension, got shape {values.shape}")
    mean, half = values.mean(), NORMAL_95 * values.std(ddof=1) / math.sqrt(len(values))
    return Interval(float(mean), float(mean - half), float(mean + half), len(values))


def ratio_interval(
    numerator: np.ndarray,
    denominator: np.ndarray,
    events: np.ndarray,
    generator: np.random.Generator,
    resamples: int = 1000,
) -> Interval:
    """Sum of ``numerator`` / sum of ``denominator`` with a bootstrap interval over whole events.

    Windows of one event share images, so it is events that are drawn again, with all their windows. With ones as the
    denominator it is a mean; with the difference of two methods' losses on the same windows, a paired difference.

    Args:
        numerator: ``[n]``.
        denominator: ``[n]``.
        events: the event of every window, ``[n]``.
        generator: source of the resampling.
        resamples: number of draws.

    Returns:
        value, the ends of its 95 % interval, and n. With fewer than five events too little is known of how events
        differ: the ends are not numbers.
    """
    above, below = (by_event(values, events) for values in (numerator, denominator))
    if len(above) < FEWEST_EVENTS:
        return Interval(float(ratio(above.sum(), below.sum())), math.nan, math.nan, len(numerator))

    def pooled(above: np.ndarray, below: np.ndarray) -> np.ndarray:
        return ratio(above.sum(axis=1), below.sum(axis=1))

    interval = bootstrap(pooled, above, below, generator=generator, resamples=resamples)
    return Interval(interval.value, interval.low, interval.high, len(numerator))


def by_event(values: np.ndarray, events: np.ndarray) -> np.ndarray:
    """Sums of ``values`` ``[n]`` over the windows of every event, in the order of the events' numbers."""
    _, place = np.unique(events, return_inverse=True)
    return np.bincount(place, weights=np.asarray(values, dtype=np.float64))


def ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """``above`` / ``below``; not a number where ``below`` is 0."""
    above, below = np.asarray(above, dtype=np.float64), np.asarray(below, dtype=np.float64)
    return np.where(below != 0, above / np.where(below != 0, below, 1.0), np.nan)


def _wet(images: np.ndarray, threshold: float) -> np.ndarray:
    return np.asarray(images) >= threshold / LARGEST_DBZ


def _check(forecast: np.ndarray, truth: np.ndarray) -> None:
    if np.shape(forecast) != np.shape(truth) or np.ndim(truth) < 2:
        raise ValueError(f"images of shapes {np.shape(forecast)} and {np.shape(truth)}; accepted: [..., H, W] alike")


def _difference(forecast: np.ndarray, truth: np.ndarray) -> np.ndarray:
    _check(forecast, truth)
    return np.asarray(forecast, dtype=np.float32) - np.asarray(truth, dtype=np.float32)


def _summed(images: np.ndarray) -> np.ndarray:
    return images.sum(axis=(-2, -1), dtype=np.float64)


def _pixels(images: np.ndarray) -> int:
    return images.shape[-2] * images.shape[-1]
