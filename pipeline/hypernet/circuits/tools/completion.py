"""A response on a network's own frequencies, where the goal says something about others, or not everything."""

from __future__ import annotations

import numpy as np

from hypernet.circuits.core.features import Probe
from hypernet.circuits.core.goals import Goal
from hypernet.circuits.core.ladder import respond


def covers(goal: Goal, probe: Probe) -> bool:
    """Whether the goal's frequencies reach from the first to the last of the network's."""
    # A grid that was written as text and read again ends a hair inside.
    lowest, highest = goal.frequency[0] * (1 - 1e-6), goal.frequency[-1] * (1 + 1e-6)
    return bool(lowest <= probe.frequency[0] and probe.frequency[-1] <= highest)


def completed(goal: Goal, probe: Probe, types: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Responses of circuits with what the goal knows put in, as the network reads them: ``[B, C, d]``.

    At the goal's frequencies each circuit's V and I are multiplied by what they lack; these factors are smooth, so
    they are interpolated between (logarithm of the magnitude and phase over log w), and held outside, where the
    response goes on as the circuit's.

    Args:
        goal: what is known.
        probe: how the network's circuits are measured.
        types: of circuits near the goal, ``[B, n]``.
        values: ``[B, n]``.
    """
    measured = goal.respond(types, values)
    pairs = zip(measured, goal.complete(*measured), respond(types, values, probe.frequency), strict=True)
    places = np.log(goal.frequency), np.log(probe.frequency)
    return probe.compress(*(_scaled(curve, wanted, on_grid, *places) for curve, wanted, on_grid in pairs))


def _scaled(
    curve: np.ndarray, wanted: np.ndarray, on_grid: np.ndarray, known: np.ndarray, asked: np.ndarray
) -> np.ndarray:
    """``on_grid`` times the factors ``wanted / curve``, interpolated from log w ``known`` to log w ``asked``."""
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.where(curve != 0, wanted / curve, 1.0)
    size, phase = np.log(np.maximum(np.abs(factor), 1e-300)), np.unwrap(np.angle(factor), axis=1)
    rows = [
        np.exp(np.interp(asked, known, row_size) + 1j * np.interp(asked, known, row_phase))
        for row_size, row_phase in zip(size, phase, strict=True)
    ]
    scaled: np.ndarray = on_grid * np.array(rows)
    return scaled
