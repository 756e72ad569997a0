"""The way from a whole image into a part of it: windows that shrink by the same factor from frame to frame."""

from __future__ import annotations

import numpy as np

from hypernet.superres.core.grids import Window

# Of the window that is zoomed into where none is named, a share of the image's sides.
EDGE_SIDE = 1 / 16


def windows(last: Window, count: int) -> list[Window]:
    """Windows from the whole image to ``last``, each as much smaller than the one before; the first is the whole.

    On each axis with ends a and b of the last window all of them hold the point a / (1 - (b - a)) at the same place of
    the frame: the picture grows around it.

    Args:
        last: the window that is zoomed into.
        count: of windows, 2 or more.
    """
    shares = np.linspace(0, 1, count)
    rows, columns = (_axis(*ends, shares) for ends in ((last.top, last.bottom), (last.left, last.right)))
    # Top, left, bottom, right.
    ends = np.stack([rows, columns], axis=2).reshape(count, 4)
    return [*(Window(*map(float, four)) for four in ends[:-1]), last]


def edge(picture: np.ndarray) -> Window:
    """A small window around the steepest place of a picture ``[n, m]``: a stroke's edge."""
    steepness = np.hypot(*np.gradient(picture.astype(np.float64)))
    places = np.unravel_index(int(steepness.argmax()), steepness.shape)
    starts = [
        min(max((place + 0.5) / side - EDGE_SIDE / 2, 0.0), 1 - EDGE_SIDE)
        for place, side in zip(places, picture.shape, strict=True)
    ]
    top, left = starts
    return Window(float(top), float(left), float(top + EDGE_SIDE), float(left + EDGE_SIDE))


def _axis(first: float, last: float, shares: np.ndarray) -> np.ndarray:
    """Ends of the windows on one axis, ``[count, 2]``."""
    side = last - first
    sides = side**shares
    starts = first * (1 - sides) / (1 - side) if side < 1 else np.zeros_like(shares)
    return np.clip(np.stack([starts, starts + sides], axis=1), 0, 1)
