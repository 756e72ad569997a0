"""Pixel centres and area averages against closed forms and other libraries."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from hypernet.superres.core.grids import Window, area_mean, as_points, axes, pixel_centres

sides = st.integers(1, 40)


@given(sides)
def test_pixel_centres_are_those_of_torch_without_aligned_corners(count):
    grid = F.affine_grid(torch.eye(2, 3, dtype=torch.float64)[None], [1, 1, 1, count], align_corners=False)
    torch.testing.assert_close(pixel_centres(count), grid[0, 0, :, 0])


def test_points_go_row_by_row_and_y_comes_first():
    points = as_points(*axes(2, 3))
    assert points.tolist() == [
        pytest.approx(point)
        for point in [[-0.5, -2 / 3], [-0.5, 0], [-0.5, 2 / 3], [0.5, -2 / 3], [0.5, 0], [0.5, 2 / 3]]
    ]


def test_a_window_holds_the_same_points_as_the_part_of_a_finer_grid():
    rows, columns = axes(8, 4, Window(0.25, 0.5, 0.75, 1.0))
    torch.testing.assert_close(rows, axes(16, 1)[0][4:12])
    torch.testing.assert_close(columns, axes(1, 8)[1][4:])


@given(sides, sides, st.integers(0, 2**32 - 1))
def test_an_area_mean_keeps_the_mean_and_a_constant(old, new, seed):
    image = torch.rand(2, old, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    made = area_mean(image, new, 5)
    assert made.shape == (2, new, 5)
    torch.testing.assert_close(made.mean(dim=(1, 2)), image.mean(dim=(1, 2)))
    torch.testing.assert_close(area_mean(torch.ones_like(image), new, 5), torch.ones_like(made))


@given(sides, sides)
def test_an_area_mean_is_the_integral_of_steps(old, new):
    """Between any two sizes: the means of a piecewise constant function, by its integral at the new pixels' ends."""
    values = torch.arange(old, dtype=torch.float64).square()
    integral = np.concatenate([[0.0], np.cumsum(values.numpy()) / old])
    ends = np.interp(np.linspace(0, 1, new + 1), np.linspace(0, 1, old + 1), integral)
    made = area_mean(values[None, :, None], new, 1)[0, :, 0]
    np.testing.assert_allclose(made.numpy(), np.diff(ends) * new, atol=1e-9)


def test_an_area_mean_of_whole_multiples_is_average_pooling():
    image = torch.rand(3, 32, 32)
    torch.testing.assert_close(area_mean(image, 8, 16), F.avg_pool2d(image[:, None], (4, 2))[:, 0])


def test_means_of_blocks_of_a_linear_function_are_its_values_at_their_middles():
    rows, columns = axes(64, 64)
    fine = 0.3 + 0.2 * rows[:, None] - 0.5 * columns
    rows, columns = axes(32, 32)
    torch.testing.assert_close(area_mean(fine[None], 32, 32)[0], 0.3 + 0.2 * rows[:, None] - 0.5 * columns)
