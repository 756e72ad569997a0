"""Filters on a lattice against the sum over the four cells around each pixel, written out."""

from __future__ import annotations

import pytest
import torch

from hypernet.layers.dynamic_conv import separable_dynamic_conv
from hypernet.radar.core.lattice import Lattice


def shares(place, count, start, cell):
    """The cells whose middles lie around a pixel, and what each counts."""
    place = min(max((place - start - (cell - 1) / 2) / cell, 0), count - 1)
    before = int(place)
    return [(before, 1 - (place - before)), (min(before + 1, count - 1), place - before)]


def lattice_of(cell, start, height, width, taps=5, seed=0):
    torch.manual_seed(seed)
    rows, columns = -(-(height - start[0]) // cell), -(-(width - start[1]) // cell)
    vertical, horizontal = (torch.randn(2, rows, columns, taps).softmax(dim=-1) for _ in range(2))
    return Lattice(vertical, horizontal, cell, start)


@pytest.mark.parametrize(("cell", "start"), [(4, (0, 0)), (5, (-2, -3)), (8, (-4, 0)), (30, (0, -7))])
def test_fields_move_by_the_mean_of_the_cells_around(cell, start):
    height, width = 19, 25
    lattice = lattice_of(cell, start, height, width)
    fields = torch.rand(2, height, width)
    wide = torch.nn.functional.pad(fields, (2,) * 4)
    rows, columns = lattice.vertical.shape[1:3]
    moved = lattice.moved(fields)
    for i in range(height):
        for j in range(width):
            expected = sum(
                down
                * right
                * torch.einsum(
                    "bij,bi,bj->b",
                    wide[:, i : i + 5, j : j + 5],
                    lattice.vertical[:, r, q],
                    lattice.horizontal[:, r, q],
                )
                for r, down in shares(i, rows, start[0], cell)
                for q, right in shares(j, columns, start[1], cell)
            )
            torch.testing.assert_close(moved[:, i, j], expected, rtol=1e-4, atol=1e-5)


def test_equal_filters_move_a_field_as_one_pair_does():
    fields = torch.rand(2, 20, 24)
    vertical, horizontal = (torch.randn(2, 1, 1, 7).softmax(dim=-1) for _ in range(2))
    expected = separable_dynamic_conv(torch.nn.functional.pad(fields, (3,) * 4), vertical[:, 0, 0], horizontal[:, 0, 0])
    single = Lattice(vertical, horizontal, 24).moved(fields)
    many = Lattice(vertical.expand(-1, 5, 6, -1), horizontal.expand(-1, 5, 6, -1), 4).moved(fields)
    torch.testing.assert_close(single, expected)
    torch.testing.assert_close(many, expected, rtol=1e-5, atol=1e-6)


def test_values_of_cells_change_evenly_between_their_middles():
    lattice = lattice_of(4, (-2, 0), 12, 16)
    values = torch.rand(2, *lattice.vertical.shape[1:3])
    spread = lattice.spread(values, 12, 16)
    for i, j in ((0, 0), (5, 7), (11, 15)):
        expected = sum(
            down * right * values[:, r, q]
            for r, down in shares(i, values.shape[1], -2, 4)
            for q, right in shares(j, values.shape[2], 0, 4)
        )
        torch.testing.assert_close(spread[:, i, j], expected)


def test_sums_over_cells():
    lattice = lattice_of(4, (-2, -1), 11, 14)
    fields = torch.rand(2, 11, 14)
    sums = lattice.of_cells(fields)
    torch.testing.assert_close(sums.sum(dim=(1, 2)), fields.sum(dim=(1, 2)))
    torch.testing.assert_close(sums[:, 1, 1], fields[:, 2:6, 3:7].sum(dim=(1, 2)))
