"""What a filter designer reads off a circuit's curves: pass and stop band, return loss, the room to the limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hypernet.circuits.core.scale import Scale
from hypernet.circuits.plots.bode import within
from hypernet.circuits.sources.targets import Mask, ScatteringMask, Target

# How far below its top a curve passes, where no mask says what is to pass.
DOWN_DB = 3.0


@dataclass(frozen=True)
class Place:
    """A level at a frequency.

    Attributes:
        decibel: dB.
        hertz: Hz.
    """

    decibel: float
    hertz: float


@dataclass(frozen=True)
class Merits:
    """See the module.

    Attributes:
        passbands: first and last frequency of each band that a mask has pass (a notch has one on either side), or else
            of what is within 3 dB of the curve's top, Hz.
        lowest_passing: of S21 or the gain in the passband.
        highest_stopped: of S21 or the gain from row to row of a mask that have an upper limit below all lower ones and
            below 0 dB, and no lower one (next to a row with a lower one it may pass still); None where there are none.
        highest_reflection: of S11 in the passband; None where the source has no resistance.
        nearest: the place nearest to a limit, or furthest beyond one: by how many dB it keeps it (negative: misses it);
            None without limits.
        nearest_limit: which limit that is, for people.
    """

    passbands: tuple[tuple[float, float], ...]
    lowest_passing: Place
    highest_stopped: Place | None
    highest_reflection: Place | None
    nearest: Place | None
    nearest_limit: str

    def passing(self, hertz: np.ndarray) -> np.ndarray:
        """Which frequencies are in a passband, boolean ``[d]``."""
        return within(hertz, self.passbands)

    def content(self, through: str) -> dict[str, Any]:
        """As plain types with units; ``through`` names what comes through: s21 or gain."""
        places = {
            f"lowest_passband_{through}": self.lowest_passing,
            f"highest_stopband_{through}": self.highest_stopped,
            "highest_passband_s11": self.highest_reflection,
            "nearest_to_limit": self.nearest,
        }
        content: dict[str, Any] = {"passbands_hz": [list(band) for band in self.passbands]}
        return content | {
            name: {"db": place.decibel, "frequency_hz": place.hertz}
            for name, place in places.items()
            if place is not None
        }


def merits_of(
    target: Target,
    scale: Scale,
    hertz: np.ndarray,
    through: np.ndarray,
    reflection: np.ndarray | None,
    passes: np.ndarray | None = None,
) -> Merits:
    """The merits of curves.

    Args:
        target: what was wanted.
        scale: of its frequencies.
        hertz: frequencies, ``[d]``, a mask's rows among them.
        through: S21 or gain, dB, ``[d]``.
        reflection: S11, dB, ``[d]``; None where there is none.
        passes: where it passes, boolean ``[d]``; None: where the mask says, or around the curve's top.
    """
    given, stops = passes is not None, np.zeros(len(hertz), dtype=bool)
    passes = passes if passes is not None else _around_top(through)
    nearest, name = None, ""
    if isinstance(target, Mask | ScatteringMask):
        lowest, highest, *others = target.at(scale.omega(hertz), scale)
        if not given and np.isfinite(lowest).any():
            passes = np.isfinite(lowest)
        stops = _stopped(target, hertz)
        # No circuit of R, L and C comes beyond 0 dB of S21.
        highest = np.where((reflection is not None) & (highest >= 0), np.inf, highest)
        rooms = {"lower": through - lowest, "upper": highest - through}
        if others and reflection is not None:
            rooms["S11"] = others[0] - reflection
        name = min(rooms, key=lambda each: rooms[each].min())
        room = rooms[name]
        nearest = Place(float(room.min()), float(hertz[room.argmin()])) if np.isfinite(room.min()) else None

    def extreme(curve: np.ndarray, where: np.ndarray, sign: int) -> Place:
        rows = np.flatnonzero(where)
        row = rows[(sign * curve[rows]).argmax()]
        return Place(float(curve[row]), float(hertz[row]))

    return Merits(
        passbands=_runs(passes, hertz),
        lowest_passing=extreme(through, passes, -1),
        highest_stopped=extreme(through, stops, 1) if stops.any() else None,
        highest_reflection=None if reflection is None else extreme(reflection, passes, 1),
        nearest=nearest,
        nearest_limit=name,
    )


def _stopped(mask: Mask | ScatteringMask, hertz: np.ndarray) -> np.ndarray:
    rows, (lowest, highest, *_) = mask.frequency_hz, mask.limits()
    # A limit as high as what has to pass stops nothing: 0 dB of S21 between two bands is often written so.
    passed = lowest[np.isfinite(lowest)].min(initial=0.0)
    row_stops = (highest < passed) & np.isfinite(highest) & ~np.isfinite(lowest)
    stops = np.isin(hertz, rows[row_stops]) & ~np.isin(hertz, rows[~row_stops])
    for first in np.flatnonzero(row_stops[:-1] & row_stops[1:]):
        stops |= (hertz >= rows[first]) & (hertz <= rows[first + 1])
    return stops


def _runs(inside: np.ndarray, hertz: np.ndarray) -> tuple[tuple[float, float], ...]:
    """First and last frequency of each run of neighbours."""
    edges = np.diff(np.pad(inside, 1).astype(int))
    firsts, lasts = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1
    return tuple((float(hertz[first]), float(hertz[last])) for first, last in zip(firsts, lasts, strict=True))


def _around_top(level: np.ndarray) -> np.ndarray:
    """The points beside the top of a curve that are not further below it."""
    top = int(np.argmax(level))
    low = np.flatnonzero(level < level[top] - DOWN_DB)
    first, last = low[low < top].max(initial=-1) + 1, low[low > top].min(initial=len(level)) - 1
    inside: np.ndarray = (np.arange(len(level)) >= first) & (np.arange(len(level)) <= last)
    return inside
