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
    height, width = pixels.shape[:2]
    edges = np.linspace(0, height, size + 1)
    bands = np.empty((size, width, 3), dtype=np.float32)
    for cell, (top, bottom) in enumerate(pairwise(edges)):
        first, last = int(top), min(int(np.ceil(bottom)), height)
        row = np.arange(first, last)
        weights = np.minimum(bottom, row + 1) - np.maximum(top, row)
        # A cell's rows at once, never the whole photograph as floats.
        np.einsum("h,hwc->wc", weights.astype(np.float32), pixels[first:last], out=bands[cell], casting="unsafe")
    columns = _area_weights(width, size) * np.float32(size / height / white)
    return np.ascontiguousarray(
        (columns @ bands.transpose(1, 0, 2).reshape(width, -1)).reshape(size, size, 3).transpose(1, 0, 2)
    )


def _area_weights(length: int, size: int) -> np.ndarray:
    """Share of every pixel in every cell, float32 ``[size, length]``; rows have the sum 1."""
    edges = np.linspace(0, length, size + 1)
    pixel = np.arange(length)
    overlap = np.minimum(edges[1:, None], pixel + 1) - np.maximum(edges[:-1, None], pixel)
    return (np.clip(overlap, 0, None) * (size / length)).astype(np.float32)
