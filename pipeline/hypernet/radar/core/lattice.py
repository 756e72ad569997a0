"""Displacement filters on a lattice of square cells, and the fields that they move.

Between the middles of cells filters change evenly: every pixel is the mean of what the filters of the four cells around
it make of it, weighted by how near they are. So a field has no seams.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from hypernet.layers.dynamic_conv import separable_dynamic_conv

# Numbers of the tiles that are copied at once: bounds the memory, whatever the size of the field.
NUMBERS_AT_ONCE = 2**25


@dataclass(frozen=True)
class Lattice:
    """Filters of R x Q cells that cover a field.

    Attributes:
        vertical: shares that add to 1, ``[B, R, Q, K]``; entry 0 is the northernmost tap.
        horizontal: the same; entry 0 is the westernmost.
        cell: width and height of a cell, pixels.
        start: row and column of the upper left corner of the first cell, 0 or below.
    """

    vertical: Tensor
    horizontal: Tensor
    cell: int
    start: tuple[int, int] = (0, 0)

    def moved(self, fields: Tensor) -> Tensor:
        """The fields of the next step, ``[B, H, W]``; outside the fields there is nothing."""
        count, rows, columns, taps = self.vertical.shape
        reach = taps // 2
        if rows == columns == 1:
            wide = F.pad(fields, (reach,) * 4)
            return separable_dynamic_conv(wide, self.vertical[:, 0, 0], self.horizontal[:, 0, 0])
        # Tiles of twice the width around every cell; those of a ring around the lattice have the filters of its edge.
        vertical, horizontal = (_ringed(filters) for filters in (self.vertical, self.horizontal))
        cell, first = self.cell, tuple(_first(start, self.cell) for start in self.start)
        ends = (rows + 1) * cell + 2 * cell, (columns + 1) * cell + 2 * cell
        height, width = fields.shape[1:]
        around = (
            reach - first[1],
            reach + first[1] + ends[1] - width,
            reach - first[0],
            reach + first[0] + ends[0] - height,
        )
        size = 2 * cell + 2 * reach
        tiles = F.pad(fields, around).unfold(1, size, cell).unfold(2, size, cell)
        weights = _tent(cell).to(fields)
        total = fields.new_zeros(count, ends[0] // cell, ends[1] // cell, cell, cell)
        at_once = max(1, NUMBERS_AT_ONCE // (count * (columns + 2) * size**2))
        for row in range(0, rows + 2, at_once):
            some = slice(row, min(row + at_once, rows + 2))
            parts = separable_dynamic_conv(
                tiles[:, some].flatten(0, 2), vertical[:, some].flatten(0, 2), horizontal[:, some].flatten(0, 2)
            )
            parts = (weights * parts).unflatten(0, (count, -1, columns + 2))
            for down in range(2):
                for right in range(2):
                    of_cell = parts[..., down * cell : (down + 1) * cell, right * cell : (right + 1) * cell]
                    target = total[:, some.start + down : some.stop + down, right : right + columns + 2]
                    target += of_cell
        whole = total.transpose(2, 3).flatten(3).flatten(1, 2)
        return whole[:, -first[0] : height - first[0], -first[1] : width - first[1]]

    def spread(self, values: Tensor, height: int, width: int) -> Tensor:
        """Values of cells ``[B, R, Q]`` at every pixel, ``[B, H, W]``: even between the middles of cells."""
        for dim, (start, length) in enumerate(zip(self.start, (height, width), strict=True), start=1):
            place = (torch.arange(length, device=values.device) - start - (self.cell - 1) / 2) / self.cell
            place = place.clamp(0, values.shape[dim] - 1)
            before = place.floor().long()
            behind = (before + 1).clamp(max=values.shape[dim] - 1)
            share = (place - before).to(values).reshape(-1, *[1] * (2 - dim))
            values = values.index_select(dim, before) * (1 - share) + values.index_select(dim, behind) * share
        return values

    def of_cells(self, fields: Tensor) -> Tensor:
        """Sums of fields ``[B, H, W]`` over each cell, ``[B, R, Q]``."""
        rows, columns = self.vertical.shape[1:3]
        around = (
            -self.start[1],
            columns * self.cell + self.start[1] - fields.shape[2],
            -self.start[0],
            rows * self.cell + self.start[0] - fields.shape[1],
        )
        return F.avg_pool2d(F.pad(fields, around)[:, None], self.cell, divisor_override=1)[:, 0]


def _ringed(filters: Tensor) -> Tensor:
    """A ring of cells more, with the filters of the edge: ``[B, R + 2, Q + 2, K]``."""
    for dim in (1, 2):
        ends = filters.narrow(dim, 0, 1), filters.narrow(dim, filters.shape[dim] - 1, 1)
        filters = torch.cat([ends[0], filters, ends[1]], dim=dim)
    return filters


def _first(start: int, cell: int) -> int:
    """First pixel of the first tile: half a cell before the ring's cell."""
    return start - cell - cell // 2


def _tent(cell: int) -> Tensor:
    """Weights of a tile, ``[2 cell, 2 cell]``: 1 in the middle of its cell, 0 in those of its neighbours."""
    middle = cell // 2 + (cell - 1) / 2
    line = (1 - (torch.arange(2 * cell) - middle).abs() / cell).clamp(min=0)
    return line[:, None] * line
