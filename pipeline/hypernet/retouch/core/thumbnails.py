"""Thumbnails: what the networks look at of a photograph of any size, exact means over areas."""

from __future__ import annotations

from itertools import pairwise

import numpy as np


def thumbnail(pixels: np.ndarray, size: int) -> np.ndarray:
    """A photograph brought to a square by exact means over areas; its sides need not be alike.

    Args:
        pixels: ``[H, W, 3]``, uint8, uint16, or float in [0, 1].
        size: S, pixels of a side.

    Returns:
        float32 ``[S, S, 3]`` in [0, 1].
    """
    white = np.iinfo(pixels.dtype).max if pixels.dtype.kind == "u" else 1
    return np.ascontiguousarray(area_means(pixels, size, size)) / np.float32(white)


def area_means(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """A photograph brought to a size by exact means over areas.

    Args:
        pixels: ``[H, W, 3]``.
        height: rows of the result.
        width: columns of the result.

    Returns:
        float32 ``[height, width, 3]`` in the units of the pixels.
    """
    return _means_of_rows(_means_of_rows(pixels, height).swapaxes(0, 1), width).swapaxes(0, 1)


def _means_of_rows(values: np.ndarray, size: int) -> np.ndarray:
    """``[n, m, 3]`` to float32 ``[size, m, 3]``."""
    count = len(values)
    out = np.empty((size, *values.shape[1:]), dtype=np.float32)
    for cell, (top, bottom) in enumerate(pairwise(np.linspace(0, count, size + 1))):
        first, last = int(top), min(int(np.ceil(bottom)), count)
        row = np.arange(first, last)
        weights = (np.minimum(bottom, row + 1) - np.maximum(top, row)) * (size / count)
        # A cell's rows at once, never the whole photograph as floats.
        np.einsum("h,hwc->wc", weights.astype(np.float32), values[first:last], out=out[cell], casting="unsafe")
    return out
