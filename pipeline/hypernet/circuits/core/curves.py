"""Complex curves over frequency."""

from __future__ import annotations

import numpy as np


def interpolate(place: np.ndarray, curve: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """A complex curve at other frequencies: log magnitude and unwrapped phase, linear over log w.

    Args:
        place: frequencies of the curve, ``[n]``, rising, in any unit.
        curve: complex ``[n]``.
        wanted: frequencies inside their range, ``[d]``.

    Returns:
        complex ``[d]``.
    """
    at, new = np.log(place), np.log(wanted)
    magnitude = np.interp(new, at, np.log(np.abs(curve)))
    phase = np.interp(new, at, np.unwrap(np.angle(curve)))
    return np.exp(magnitude + 1j * phase)
