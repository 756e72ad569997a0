"""Values with their units as people write them, and the parts of a ladder in words."""

from __future__ import annotations

import numpy as np

from hypernet.circuits.core.parts import ELEMENTS, PART_TYPES, UNITS, arms_of, is_series
from hypernet.circuits.plots.schematic import si_text
from hypernet.circuits.sources.netlist import Ladder


def quantity(value: float, digits: int = 4) -> str:
    """A value with its prefix, such as ``2.2 n``; the unit goes behind it."""
    return si_text(value, "", digits)


def in_words(ladder: Ladder) -> list[str]:
    """Its arms from the source to the load, such as ``C 180 pF to ground`` or ``L 1.2 µH parallel to C 47 pF``."""
    sizes = np.array([ladder.r0, ladder.r0 / ladder.omega0, 1.0 / (ladder.r0 * ladder.omega0)])
    texts = []
    for arm in reversed(arms_of(ladder.types)):
        series = bool(is_series(ladder.types[arm[0][0]]))
        branches = []
        for branch in arm:
            parts = [_part(int(ladder.types[place]), ladder.values[place], sizes) for place in branch]
            inside = (" in series with " if series else " parallel to ").join(parts)
            branches.append(f"({inside})" if len(parts) > 1 and len(arm) > 1 else inside)
        texts.append(
            (" parallel to " if series else " in series with ").join(branches) + ("" if series else " to ground")
        )
    return texts


def _part(part_type: int, value: float, sizes: np.ndarray) -> str:
    element = part_type % ELEMENTS
    return f"{PART_TYPES[element][1]} {quantity(float(value * sizes[element]))}{UNITS[element]}"
