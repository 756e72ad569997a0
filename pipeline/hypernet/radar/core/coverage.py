"""Where a forecast knows anything: rain comes from somewhere, and that must have been seen.

A pixel's air is followed backwards through a motion that stays as it is, step by step. Where it comes from outside the
images, or from a pixel of the last one that has no data, nothing is known, which is something else than dry.
"""

from __future__ import annotations

import numpy as np


def unseen(known: np.ndarray, rows: np.ndarray, columns: np.ndarray, steps: int) -> np.ndarray:
    """Where forecasts have no data.

    Args:
        known: pixels of the last image with data, bool ``[H, W]``.
        rows: displacement in one step, pixels southwards, ``[H, W]``.
        columns: pixels eastwards, ``[H, W]``.
        steps: how many.

    Returns:
        bool ``[steps, H, W]``.
    """
    height, width = known.shape
    row, column = (places.astype(np.float64) for places in np.indices(known.shape))
    lost = np.zeros(known.shape, dtype=bool)
    missing = np.empty((steps, height, width), dtype=bool)
    down, right = np.indices(known.shape)
    for step in range(steps):
        row, column = row - rows[down, right], column - columns[down, right]
        # Air that was outside once is not known, even if the motion would bring it from inside.
        lost = lost | (np.abs(row - (height - 1) / 2) > height / 2) | (np.abs(column - (width - 1) / 2) > width / 2)
        down = np.rint(row).astype(np.int64).clip(0, height - 1)
        right = np.rint(column).astype(np.int64).clip(0, width - 1)
        missing[step] = lost | ~known[down, right]
    return missing


def mended(frames: np.ndarray, known: np.ndarray, displacement: tuple[float, float]) -> np.ndarray:
    """Images whose pixels without data are taken from the image before or behind, moved; the last stays as it is.

    For methods that cannot be told that there are no data. What neither image knows is dry.

    Args:
        frames: ``[T, H, W]``.
        known: bool, the same shape.
        displacement: pixels southwards and eastwards in one step.
    """
    down, right = (round(part) for part in displacement)
    mended, filled = frames * known, known.copy()
    for number in range(len(frames) - 1):
        for other, steps in ((number - 1, 1), (number + 1, -1)):
            if other < 0:
                continue
            moved, there = (_moved(values[other], steps * down, steps * right) for values in (mended, filled))
            taken = there & ~filled[number]
            mended[number][taken] = moved[taken]
            filled[number] |= taken
    return mended


def _moved(image: np.ndarray, down: int, right: int) -> np.ndarray:
    """The content of an image moved; nothing comes in from outside."""
    moved = np.zeros_like(image)
    height, width = image.shape
    if abs(down) < height and abs(right) < width:
        target = (slice(max(down, 0), height + min(down, 0)), slice(max(right, 0), width + min(right, 0)))
        source = (slice(max(-down, 0), height - max(down, 0)), slice(max(-right, 0), width - max(right, 0)))
        moved[target] = image[source]
    return moved
