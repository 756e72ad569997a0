"""The bilateral grid, against loops over pixels and the sizes of the paper's network."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from torch import nn

from hypernet.retouch.baselines.hdrnet import KNOTS, BilateralGrid, Guide, HdrNet, sliced


@pytest.fixture
def method() -> HdrNet:
    """With maps that differ between places, shades and images, and a bent guide."""
    torch.manual_seed(0)
    method = HdrNet(16, cells=4, depth=3).double()
    nn.init.normal_(method.grid.out.weight, 0, 0.1)
    nn.init.normal_(method.guide.slopes, 0.1, 0.1)
    return method


def sliced_pixel_by_pixel(grid: np.ndarray, guide: np.ndarray) -> np.ndarray:
    """``[C, depth, rows, columns]`` and ``[H, W]`` to ``[C, H, W]``: the sum over the eight nearest cells' centres."""
    _, depth, rows, columns = grid.shape
    height, width = guide.shape
    out = np.zeros((len(grid), height, width))
    for row, column in product(range(height), range(width)):
        at = (guide[row, column] * depth, (row + 0.5) * rows / height, (column + 0.5) * columns / width)
        corner = [int(np.floor(place - 0.5)) for place in at]
        for step in product((0, 1), repeat=3):
            cell = [first + more for first, more in zip(corner, step, strict=True)]
            weight = np.prod([1 - abs(each + 0.5 - place) for each, place in zip(cell, at, strict=True)])
            inside = [min(max(each, 0), count - 1) for each, count in zip(cell, (depth, rows, columns), strict=True)]
            out[:, row, column] += weight * grid[:, inside[0], inside[1], inside[2]]
    return out


@pytest.mark.parametrize("size", [(8, 8), (17, 23), (3, 40)])
def test_slicing_is_the_loop_over_pixels(size):
    generator = np.random.default_rng(0)
    grid, guide = generator.normal(size=(2, 5, 4, 6, 7)), generator.uniform(size=(2, *size))
    guide[:, 0, :2] = 0, 1
    expected = np.stack([sliced_pixel_by_pixel(*pair) for pair in zip(grid, guide, strict=True)])
    np.testing.assert_allclose(sliced(torch.from_numpy(grid), torch.from_numpy(guide)), expected, atol=1e-12)


def test_slicing_has_the_right_gradients():
    torch.manual_seed(0)
    grid = torch.rand(2, 3, 4, 2, 3, dtype=torch.float64, requires_grad=True)
    # Between the centres of two shades: there the slope jumps.
    level = torch.randint(0, 3, (2, 4, 5))
    guide = ((level + 0.6 + 0.8 * torch.rand(2, 4, 5, dtype=torch.float64)) / 4).requires_grad_()
    assert torch.autograd.gradcheck(sliced, (grid, guide))


def test_a_constant_grid_is_an_affine_map(method):
    affine = torch.randn(3, 4, dtype=torch.float64)
    with torch.no_grad():
        method.grid.out.weight.zero_()
        method.grid.out.bias.copy_(affine.flatten().repeat_interleave(method.grid.depth))
    images = torch.rand(2, 3, 13, 18, dtype=torch.float64)
    expected = torch.einsum("oi,bihw->bohw", affine[:, :3], images) + affine[:, 3, None, None]
    torch.testing.assert_close(method(images, torch.rand(2, 3, 16, 16, dtype=torch.float64)), expected)


def test_the_map_of_a_pixel_is_of_its_shade_and_place(method):
    images, thumbnails = torch.rand(2, 3, 9, 14, dtype=torch.float64), torch.rand(2, 3, 16, 16, dtype=torch.float64)
    made = method(images, thumbnails)
    maps = [
        sliced_pixel_by_pixel(grid, guide).reshape(3, 4, 9, 14)
        for grid, guide in zip(
            method.grid(thumbnails).detach().numpy(), method.guide(images).detach().numpy(), strict=True
        )
    ]
    for image, pixels, affine in zip(images.numpy(), made.detach().numpy(), maps, strict=True):
        expected = np.einsum("oihw,ihw->ohw", affine[:, :3], image) + affine[:, 3]
        np.testing.assert_allclose(pixels, expected, atol=1e-12)


@pytest.mark.parametrize(("side", "size"), [(64, (8, 8)), (64, (37, 51)), (256, (16, 16)), (32, (16, 9))])
def test_it_starts_at_the_identity(side, size):
    images = torch.rand(2, 3, *size)
    torch.testing.assert_close(HdrNet(side)(images, torch.rand(2, 3, side, side)), images, atol=1e-6, rtol=0)


def test_its_size_is_the_paper_s():
    """482,080 parameters, as He et al. (ECCV 2020, CSRNet) count them."""
    count = sum(parameter.numel() for parameter in HdrNet().parameters())
    splat, whole = 224 + 1168 + 4640 + 18_496, 2 * 36_928 + 1025 * 256 + 257 * 128 + 129 * 64
    assert count == splat + whole + 36_928 + 36_864 + 65 * 96 + 12 + 4 + 96 == 482_080


def test_images_of_a_batch_do_not_see_each_other(method):
    images, thumbnails = torch.rand(3, 3, 9, 11, dtype=torch.float64), torch.rand(3, 3, 16, 16, dtype=torch.float64)
    together = method(images, thumbnails)
    assert not torch.allclose(together, images, atol=0.01)
    for place in range(3):
        alone = method(images[place : place + 1], thumbnails[place : place + 1])
        torch.testing.assert_close(together[place : place + 1], alone)


def test_gradients_reach_all_layers(method):
    images, thumbnails = torch.rand(2, 3, 9, 11, dtype=torch.float64), torch.rand(2, 3, 16, 16, dtype=torch.float64)
    method(images, thumbnails).square().mean().backward()
    assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in method.parameters())


def test_the_guide_starts_as_the_mean_of_channels():
    images = torch.rand(2, 3, 5, 6)
    torch.testing.assert_close(Guide()(images), images.mean(dim=1))


def test_the_guide_written_out():
    torch.manual_seed(0)
    guide = Guide().double()
    for parameter in guide.parameters():
        nn.init.normal_(parameter, 0, 0.3)
    image = torch.rand(3, 4, 5, dtype=torch.float64)
    matrix, bias = guide.colours.weight[..., 0, 0], guide.colours.bias
    for row, column in product(range(4), range(5)):
        colour = matrix @ image[:, row, column] + bias
        curved = [
            sum(
                guide.slopes[knot, channel] * max(colour[channel] - guide.shifts[knot, channel], 0)
                for knot in range(KNOTS)
            )
            for channel in range(3)
        ]
        mixed = guide.mix.bias[0] + sum(guide.mix.weight[0, channel, 0, 0] * curved[channel] for channel in range(3))
        torch.testing.assert_close(guide(image[None])[0, row, column], mixed.clamp(0, 1))


@pytest.mark.parametrize(("side", "cells"), [(48, 16), (16, 16), (100, 16), (64, 6), (8, 16)])
def test_a_thumbnail_that_cannot_be_halved_to_the_grid_is_refused(side, cells):
    with pytest.raises(ValueError, match=f"{cells} x {cells} cells cannot be made from {side} x {side}"):
        BilateralGrid(side, cells, 8, 1)
