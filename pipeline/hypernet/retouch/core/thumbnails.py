"""Thumbnails: what the networks look at of a photograph of any size, exact means over areas."""

from __future__ import annotations

import numpy as np

# Rows of a large photograph that are turned into numbers at once.
ROWS_AT_ONCE = 256


def thumbnail(pixels: np.ndarray, size: int) -> np.ndarray:
    """A photograph brought to a square by exact means over areas; its sides need not be alike.

    Args:
        pixels: ``[H, W, 3]``, uint8, uint16, or float in [0, 1].
        size: S, pixels of a side.

    Returns:
        float32 ``[S, S, 3]`` in [0, 1].
    """
    rows, columns = (_area_weights(length, size) for length in pixels.shape[:2])
    white = np.iinfo(pixels.dtype).max if pixels.dtype.kind == "u" else 1
    out = np.zeros((size, 3, size), dtype=np.float32)
    for first in range(0, pixels.shape[0], ROWS_AT_ONCE):
        piece = pixels[first : first + ROWS_AT_ONCE]
        used = np.flatnonzero(rows[:, first : first + len(piece)].any(axis=1))
        weights = rows[used[0] : used[-1] + 1, first : first + len(piece)]
        bands = (weights @ piece.reshape(len(piece), -1).astype(np.float32)).reshape(len(weights), -1, 3)
        out[used[0] : used[-1] + 1] += bands.transpose(0, 2, 1) @ columns.T
    return np.ascontiguousarray(out.transpose(0, 2, 1)) / np.float32(white)


def _area_weights(length: int, size: int) -> np.ndarray:
    """Share of every pixel in every cell, float32 ``[size, length]``; rows have the sum 1."""
    edges = np.linspace(0, length, size + 1)
    pixel = np.arange(length)
    overlap = np.minimum(edges[1:, None], pixel + 1) - np.maximum(edges[:-1, None], pixel)
    return (np.clip(overlap, 0, None) * (size / length)).astype(np.float32)
