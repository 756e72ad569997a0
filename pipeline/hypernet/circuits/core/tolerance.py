"""What real parts do to a design: Monte Carlo of tolerances, yield against a mask, worst corners, sensitivity.

A gain is S21 in dB where source and load have resistances, and the voltage gain in dB else, see
:mod:`hypernet.circuits.core.terminations`.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.special import ndtr, ndtri

from hypernet.circuits.core.goals import ROUNDING, UNIT_LOAD, decibels
from hypernet.circuits.core.ladder import propagate, respond
from hypernet.circuits.core.terminations import Terminations
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
    """What a curve is with parts as they come: the gain, and with it S11.

    Attributes:
        low: 2.5 % quantile over draws, dB, ``[d]``.
        median: their median.
        high: their 97.5 % quantile.
        nominal: the curve with exact parts.
        gain: the curve of every draw, dB, ``[draws, d]``.
        reflection: the same of S11 in dB; None where the source has no resistance.
    """

    low: np.ndarray
    median: np.ndarray
    high: np.ndarray
    nominal: np.ndarray
    gain: np.ndarray
    reflection: Band | None = None


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
    terminations: Terminations = UNIT_LOAD,
) -> Band:
    """Monte Carlo of one ladder's gain, and of S11 where there is one, with independent parts.

    Beside the result, ``draws * d`` doubles for each curve, memory does not grow with the number of draws.

    Args:
        types: ``[n]``, padding behind the last part.
        values: ``[n]``, normalised.
        tolerance: share, such as 0.05, for all parts or one for each.
        draws: number of circuits.
        generator: source of randomness.
        frequency: w, ``[d]``, normalised.
        distribution: as for :func:`factors`.
        terminations: source and load, in the units of the values.

    Raises:
        UserError: as :func:`factors`.
    """
    types, values = _parts(types, values)
    drawn = values * factors(tolerance, len(types), draws, generator, distribution)
    curves = _curves(types, drawn, frequency, terminations)
    exact = _curves(types, values[None], frequency, terminations)
    gain, *reflection = (_band(*pair) for pair in zip(curves, exact, strict=True))
    return replace(gain, reflection=reflection[0]) if reflection else gain


def _band(curve: np.ndarray, exact: np.ndarray) -> Band:
    low, median, high = np.quantile(curve, QUANTILES, axis=0)
    return Band(low, median, high, exact[0], curve)


def _parts(types: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    types = np.asarray(types)
    return types[types >= 0], np.asarray(values, dtype=np.float64)[types >= 0]


def _curves(
    types: np.ndarray, values: np.ndarray, frequency: np.ndarray, terminations: Terminations
) -> list[np.ndarray]:
    """Gain, and S11 where there is one, in dB ``[B, d]``, of circuits with types ``[n]`` and values ``[B, n]``.

    Block by block, so that voltages and currents of a block only are held.
    """
    curves = [np.empty((len(values), len(frequency))) for _ in range(1 if terminations.source is None else 2)]
    block = max(1, BLOCK // len(frequency))
    for first in range(0, len(values), block):
        rows = slice(first, first + block)
        some = values[rows]
        state = respond(np.tile(types, (len(some), 1)), some, frequency, terminations.excitation)
        curves[0][rows] = decibels(terminations.inverse_transmission(*state))
        for curve in curves[1:]:
            curve[rows] = -decibels(terminations.input_reflection(*state))
    return curves


def yield_share(
    band: Band, lowest: np.ndarray, highest: np.ndarray, highest_reflection: np.ndarray | None = None
) -> Interval:
    """Share of circuits that stay inside a mask at every frequency, with its Wilson interval.

    Args:
        band: what :func:`spread` returned.
        lowest: smallest gain allowed, dB, ``[d]``; minus infinity where there is no limit.
        highest: largest gain allowed.
        highest_reflection: largest S11 allowed, dB, ``[d]``, infinity where there is no limit; None for none at all.

    Raises:
        ValueError: a limit of S11, and the band has none.
    """
    inside = np.all((band.gain >= lowest - ROUNDING) & (band.gain <= highest + ROUNDING), axis=1)
    if highest_reflection is not None:
        if band.reflection is None:
            raise ValueError("a source without resistance has no S11 to limit")
        inside &= np.all(band.reflection.gain <= highest_reflection + ROUNDING, axis=1)
    return wilson(int(inside.sum()), len(inside))


def sensitivity(
    types: np.ndarray, values: np.ndarray, frequency: np.ndarray, terminations: Terminations = UNIT_LOAD
) -> np.ndarray:
    """d(gain) / d(ln value) of each part, dB, ``[n, d]``: 1 % more of a part adds about a hundredth of it.

    Args:
        types: ``[n]``, padding behind the last part.
        values: ``[n]``, normalised.
        frequency: w, ``[d]``, normalised.
        terminations: source and load, in the units of the values.
    """
    types, values = _parts(types, values)
    codes, points = torch.from_numpy(types.astype(np.int64))[None], torch.from_numpy(np.asarray(frequency, np.float64))
    through = terminations.inverse_transmission

    def gain(logarithm: torch.Tensor) -> torch.Tensor:
        v_re, i_re, v_im, i_im = propagate(codes, torch.exp(logarithm)[None], points, terminations.excitation)
        # Linear in V and I with real factors.
        return -20.0 * torch.log10(torch.hypot(through(v_re, i_re), through(v_im, i_im)))[0]

    # Forward mode: a ladder has fewer parts than frequencies.
    slopes: np.ndarray = torch.func.jacfwd(gain)(torch.from_numpy(np.log(values))).numpy()
    return slopes.T


def worst_case(
    types: np.ndarray,
    values: np.ndarray,
    tolerance: float | np.ndarray,
    frequency: np.ndarray,
    terminations: Terminations = UNIT_LOAD,
) -> tuple[np.ndarray, np.ndarray]:
    """Smallest and largest gain, dB ``[d]`` each, over the corners, in which every part is at an end of its tolerance.

    For small tolerances the gain is monotonic in each part and no draw lies outside; near a resonance it may, and where
    source and load are matched, at the largest S21 there is.

    Raises:
        UserError: more than :data:`LONGEST_FOR_CORNERS` parts.
    """
    types, values = _parts(types, values)
    if len(types) > LONGEST_FOR_CORNERS:
        raise UserError(f"worst case: {len(types)} parts have too many corners; at most {LONGEST_FOR_CORNERS} parts")
    signs = np.array(list(itertools.product((-1.0, 1.0), repeat=len(types))))
    gain = _curves(types, values * (1.0 + signs * tolerance), frequency, terminations)[0]
    return gain.min(axis=0), gain.max(axis=0)
