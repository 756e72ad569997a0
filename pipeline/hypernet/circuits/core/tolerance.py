"""What real parts do to a design: Monte Carlo of tolerances, yield against a mask, worst corners, sensitivity.

All gains are 20 log10 |1 / V| in dB, see :mod:`hypernet.circuits.core.goals`.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import torch
from scipy.special import ndtr, ndtri

from hypernet.circuits.core.goals import decibels
from hypernet.circuits.core.ladder import propagate, respond
from hypernet.lab.errors import UserError
from hypernet.lab.results.statistics import Interval, wilson

# A tolerance is three standard deviations of the normal distribution, beyond which parts are sorted out.
SIGMAS = 3.0
QUANTILES = (0.025, 0.5, 0.975)
# Circuits times frequencies simulated at once: 16 MB of complex numbers for V and I.
BLOCK = 2**19
# 2^n corners.
LONGEST_FOR_CORNERS = 16


@dataclass(frozen=True)
class Band:
    """What the gain is with parts as they come.

    Attributes:
        low: 2.5 % quantile of the gain over draws, dB, ``[d]``.
        median: its median.
        high: its 97.5 % quantile.
        nominal: the gain with exact parts.
        gain: of every draw, dB, ``[draws, d]``.
    """

    low: np.ndarray
    median: np.ndarray
    high: np.ndarray
    nominal: np.ndarray
    gain: np.ndarray


def factors(
    tolerance: float | np.ndarray, parts: int, draws: int, generator: np.random.Generator, distribution: str
) -> np.ndarray:
    """By what real parts differ from their nominal values, ``[draws, parts]``, in 1 ± tolerance.

    Args:
        tolerance: share, such as 0.05, for all parts or one for each ``[parts]``.
        parts: n.
        draws: number of draws.
        generator: source of randomness.
        distribution: "uniform", or "normal" with the tolerance at three standard deviations, cut off there.

    Raises:
        UserError: a tolerance outside [0, 1), no draws, or another distribution.
    """
    tolerance = np.broadcast_to(np.asarray(tolerance, dtype=np.float64), (parts,))
    if not ((tolerance >= 0) & (tolerance < 1)).all():
        raise UserError(f"tolerance: {tolerance.tolist()} must be shares from 0 to below 1, such as 0.05")
    if draws < 1:
        raise UserError(f"draws: {draws} must be at least 1")
    share = generator.random((draws, parts))
    if distribution == "uniform":
        deviation = 2.0 * share - 1.0
    elif distribution == "normal":
        tail = ndtr(-SIGMAS)
        deviation = ndtri(tail + share * (1.0 - 2.0 * tail)) / SIGMAS
    else:
        raise UserError(f"distribution: {distribution!r} is neither uniform nor normal")
    return 1.0 + tolerance * deviation


def spread(
    types: np.ndarray,
    values: np.ndarray,
    tolerance: float | np.ndarray,
    draws: int,
    generator: np.random.Generator,
    frequency: np.ndarray,
    distribution: str = "uniform",
) -> Band:
    """Monte Carlo of one ladder's gain with independent parts.

    Beside the result, ``draws * d`` doubles, memory does not grow with the number of draws.

    Args:
        types: ``[n]``, padding behind the last part.
        values: ``[n]``, normalised.
        tolerance: share, such as 0.05, for all parts or one for each.
        draws: number of circuits.
        generator: source of randomness.
        frequency: w, ``[d]``, normalised.
        distribution: as for :func:`factors`.

    Raises:
        UserError: as :func:`factors`.
    """
    types, values = _parts(types, values)
    gain = _gain(types, values * factors(tolerance, len(types), draws, generator, distribution), frequency)
    nominal = _gain(types, values[None], frequency)[0]
    low, median, high = np.quantile(gain, QUANTILES, axis=0)
    return Band(low, median, high, nominal, gain)


def _parts(types: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    types = np.asarray(types)
    return types[types >= 0], np.asarray(values, dtype=np.float64)[types >= 0]


def _gain(types: np.ndarray, values: np.ndarray, frequency: np.ndarray) -> np.ndarray:
    """Gain ``[B, d]`` of circuits with the same types ``[n]`` and values ``[B, n]``, block by block."""
    gain = np.empty((len(values), len(frequency)))
    block = max(1, BLOCK // len(frequency))
    for first in range(0, len(values), block):
        some = values[first : first + block]
        gain[first : first + block] = decibels(respond(np.tile(types, (len(some), 1)), some, frequency)[0])
    return gain


def yield_share(gain: np.ndarray, lowest: np.ndarray, highest: np.ndarray) -> Interval:
    """Share of circuits whose gain stays inside a mask at every frequency, with its Wilson interval.

    Args:
        gain: dB, ``[draws, d]``.
        lowest: smallest gain allowed, dB, ``[d]``; minus infinity where there is no limit.
        highest: largest gain allowed.
    """
    inside = np.all((gain >= lowest) & (gain <= highest), axis=1)
    return wilson(int(inside.sum()), len(gain))


def sensitivity(types: np.ndarray, values: np.ndarray, frequency: np.ndarray) -> np.ndarray:
    """d(gain) / d(ln value) of each part, dB, ``[n, d]``: 1 % more of a part adds about a hundredth of it.

    Args:
        types: ``[n]``, padding behind the last part.
        values: ``[n]``, normalised.
        frequency: w, ``[d]``, normalised.
    """
    types, values = _parts(types, values)
    codes, points = torch.from_numpy(types.astype(np.int64))[None], torch.from_numpy(np.asarray(frequency, np.float64))

    def gain(logarithm: torch.Tensor) -> torch.Tensor:
        v_re, _, v_im, _ = propagate(codes, torch.exp(logarithm)[None], points)
        return -20.0 * torch.log10(torch.hypot(v_re, v_im))[0]

    # Forward mode: a ladder has fewer parts than frequencies.
    slopes: np.ndarray = torch.func.jacfwd(gain)(torch.from_numpy(np.log(values))).numpy()
    return slopes.T


def worst_case(
    types: np.ndarray, values: np.ndarray, tolerance: float | np.ndarray, frequency: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Smallest and largest gain, dB ``[d]`` each, over the corners, in which every part is at an end of its tolerance.

    For small tolerances the gain is monotonic in each part and no draw lies outside; near a resonance it may.

    Raises:
        UserError: more than :data:`LONGEST_FOR_CORNERS` parts.
    """
    types, values = _parts(types, values)
    if len(types) > LONGEST_FOR_CORNERS:
        raise UserError(f"worst case: {len(types)} parts have too many corners; at most {LONGEST_FOR_CORNERS} parts")
    signs = np.array(list(itertools.product((-1.0, 1.0), repeat=len(types))))
    gain = _gain(types, values * (1.0 + signs * tolerance), frequency)
    return gain.min(axis=0), gain.max(axis=0)
