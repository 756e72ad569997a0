"""Patches of training windows, drawn by how wet they are."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from hypernet.radar.core.frames import INPUTS, RadarData
from hypernet.radar.sources.windows import WET_LEVEL

# Weight of a dry patch beside one that is wet all over.
DRY_WEIGHT = 0.1
# Windows whose wet pixels are counted together.
WINDOWS_AT_ONCE = 64


class PatchPlaces:
    """All patches of the windows of one split.

    Args:
        data: the data set.
        split: train, validation or test.

    Attributes:
        row: upper row of every patch's input in its frames, ``[M]``.
        column: its left column.
        first: number of the first of its five frames.
        share: cumulative probability of each patch, ``[M]``: its weight is 0.1 plus its share of wet pixels in the
            last input, so that dry batches, which teach nothing, are rare.
    """

    def __init__(self, data: RadarData, split: str):
        self.data, windows = data, data.windows[split]
        geometry = data.geometry
        side = geometry.centre // geometry.patch
        offset = np.arange(side) * geometry.patch
        rows, columns = (places.ravel() for places in np.meshgrid(offset, offset, indexing="ij"))
        self.row = (windows.row[:, None] + rows).ravel()
        self.column = (windows.column[:, None] + columns).ravel()
        self.first = np.repeat(windows.first, len(rows))
        # Some windows at a time: two years of a radar would take gigabytes at once.
        count, inner = np.empty((len(windows), side, side), dtype=np.int64), slice(geometry.margin, -geometry.margin)
        for start in range(0, len(windows), WINDOWS_AT_ONCE):
            some = np.arange(start, min(start + WINDOWS_AT_ONCE, len(windows)))
            wet = data.crops(split, some, np.array([INPUTS - 1]))[:, 0, inner, inner] >= WET_LEVEL
            count[some] = wet.reshape(-1, side, geometry.patch, side, geometry.patch).sum(axis=(2, 4))
        weight = DRY_WEIGHT + count.ravel() / geometry.patch**2
        self.share = np.cumsum(weight) / weight.sum()

    def __len__(self) -> int:
        """M, the number of patches."""
        return len(self.row)

    def draw(self, generator: np.random.Generator, size: int) -> np.ndarray:
        """Numbers of ``size`` patches, with repetition."""
        return np.searchsorted(self.share, generator.random(size), side="right").clip(max=len(self) - 1)

    def cut(self, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Inputs uint8 ``[B, 4, c + 2 m, c + 2 m]`` and targets uint8 ``[B, c, c]`` of some patches."""
        geometry = self.data.geometry
        wide = sliding_window_view(self.data.grey, (geometry.patch_input,) * 2, axis=(1, 2))
        narrow = sliding_window_view(self.data.grey, (geometry.patch,) * 2, axis=(1, 2))
        first, row, column = self.first[chosen], self.row[chosen], self.column[chosen]
        frames = first[:, None] + np.arange(INPUTS)
        margin = geometry.margin
        return wide[frames, row[:, None], column[:, None]], narrow[first + INPUTS, row + margin, column + margin]
