"""What 1.0 is: units for the values of parts and for frequencies, chosen for a target."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import overload

import numpy as np


@dataclass(frozen=True)
class Scale:
    """What 1.0 is: ``r0`` ohms, ``omega0`` rad/s, and with them r0 / omega0 henries and 1 / (r0 omega0) farads."""

    r0: float
    omega0: float

    def omega(self, frequency_hz: np.ndarray) -> np.ndarray:
        """Normalised angular frequency w of a frequency in Hz."""
        frequency: np.ndarray = 2.0 * math.pi * np.asarray(frequency_hz, dtype=np.float64) / self.omega0
        return frequency

    @overload
    def hertz(self, frequency: float) -> float: ...

    @overload
    def hertz(self, frequency: np.ndarray) -> np.ndarray: ...

    def hertz(self, frequency: float | np.ndarray) -> float | np.ndarray:
        """The inverse of :meth:`omega`."""
        return frequency * self.omega0 / (2.0 * math.pi)


def choose_scale(frequency_hz: np.ndarray, reference_ohm: float, grid_lowest: float, grid_highest: float) -> Scale:
    """Powers of ten for r0 and omega0 that bring a target to a grid of normalised frequencies.

    Powers of ten, so that catalogue values keep their digits. As much of the band as can be lies on the grid, and of
    several such the one nearest to its middle.

    Args:
        frequency_hz: the target's frequencies, rising.
        reference_ohm: about the resistance that 1.0 should be.
        grid_lowest: w of the grid's first point.
        grid_highest: w of its last point.
    """
    low, high = math.log10(2 * math.pi * frequency_hz[0]), math.log10(2 * math.pi * frequency_hz[-1])
    grid_low, grid_high = math.log10(grid_lowest), math.log10(grid_highest)
    shift = (low + high - grid_low - grid_high) / 2

    def rank(power: int) -> tuple[float, float]:
        overlap = min(high - power, grid_high) - max(low - power, grid_low)
        return -round(overlap, 6), abs(power - shift)

    power = min(range(math.floor(shift) - 1, math.ceil(shift) + 2), key=rank)
    return Scale(10.0 ** round(math.log10(reference_ohm)), 10.0**power)
