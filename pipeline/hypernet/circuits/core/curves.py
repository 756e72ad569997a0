"""Complex curves over frequency."""

from __future__ import annotations

import numpy as np


def interpolate(known: np.ndarray, curve: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """A complex curve at other frequencies: log magnitude and unwrapped phase, linear over log w.

    Args:
        known: frequencies of the curve, ``[n]``, rising, in any unit.
        curve: complex ``[n]``.
        wanted: frequencies inside their range, ``[d]``.

    Returns:
        complex ``[d]``.
    """
    at, new = np.log(known), np.log(wanted)
    magnitude = np.interp(new, at, np.log(np.abs(curve)))
    phase = np.interp(new, at, np.unwrap(np.angle(curve)))
    interpolated: np.ndarray = np.exp(magnitude + 1j * phase)
    return interpolated
