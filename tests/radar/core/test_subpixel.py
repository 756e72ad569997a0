"""Displacements between pixels: paraboloids, and filters whose mean is where the images fit best."""

from __future__ import annotations

import pytest
import torch

from hypernet.radar.core.matching import filters_of
from hypernet.radar.core.subpixel import between_pixels, lowest_point

REACH = 4
OFFSET = torch.arange(-REACH, REACH + 1, dtype=torch.float64)
# Round, and of rain along a slope.
SHAPES = [((1.0, 0.0), (0.0, 1.0)), ((1.0, 0.6), (0.6, 0.8)), ((0.5, -0.4), (-0.4, 1.2))]


def paraboloid(lowest, shape, floor=1e-3):
    """Misfit of each whole displacement, ``[1, D, D]``."""
    away = torch.stack(torch.meshgrid(OFFSET - lowest[0], OFFSET - lowest[1], indexing="ij"), dim=-1)
    return floor + 0.01 * torch.einsum("abi,ij,abj->ab", away, torch.tensor(shape, dtype=torch.float64), away)[None]


def mean(filters):
    """Content moves against the taps."""
    return [-float(shares[0] @ OFFSET) for shares in filters]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("lowest", [(0, 0), (1.3, -2.4), (-1.8, 2.7), (0.45, 0.05)])
def test_the_lowest_point_of_a_paraboloid(lowest, shape):
    sums = paraboloid(lowest, shape)
    place = torch.tensor([[round(part) + REACH for part in lowest]])
    expected = torch.tensor([[part - round(part) for part in lowest]], dtype=torch.float64)
    torch.testing.assert_close(lowest_point(sums, place), expected)


def test_at_the_edge_and_on_a_plain_there_is_no_lowest_point():
    sums = paraboloid((-4.4, 1.2), SHAPES[0])
    torch.testing.assert_close(lowest_point(sums, torch.tensor([[0, REACH + 1]])), torch.tensor([[0.0, 0.2]]).double())
    assert lowest_point(torch.ones(1, 9, 9), torch.tensor([[3, 3]])).tolist() == [[0.0, 0.0]]


def test_along_a_band_of_rain_nothing_is_made_up():
    # What moves along itself fits everywhere on a line.
    sums = paraboloid((0.2, 0.0), ((1.0, 1.0), (1.0, 1.0)))
    assert lowest_point(sums, torch.tensor([[REACH, REACH]])).abs().max() <= 0.2 + 1e-6


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("lowest", [(0, 0), (1.3, -2.4), (-1.8, 2.7), (0.45, 0.05)])
def test_filters_that_are_sure_of_a_pixel_say_where_between_pixels_it_is(lowest, shape):
    maps = (-2 * paraboloid(lowest, shape).log())[:, None]
    maps = maps - maps.amax(dim=(2, 3), keepdim=True)
    logits = 20 * maps[:, 0]
    plain = filters_of(logits)
    filters = between_pixels(plain, logits, maps)
    torch.testing.assert_close(
        torch.tensor(mean(filters)), torch.tensor([float(part) for part in lowest]), atol=0.01, rtol=0
    )
    for shares, before in zip(filters, plain, strict=True):
        assert shares.min() >= 0
        torch.testing.assert_close(shares.sum(), before.sum())


def test_wide_filters_and_those_without_a_map_of_their_own_stay_as_they_are():
    maps = (-2 * paraboloid((0.4, -0.3), SHAPES[0]).log())[:, None]
    maps = maps - maps.amax(dim=(2, 3), keepdim=True)
    wide = 0.3 * maps[:, 0]
    assert all(map(torch.equal, between_pixels(filters_of(wide), wide, maps), filters_of(wide)))
    # Sure of a displacement at which no map has its best.
    other = torch.zeros(1, 9, 9, dtype=torch.float64)
    other[0, 1, 7] = 50.0
    assert all(map(torch.equal, between_pixels(filters_of(other), other, maps), filters_of(other)))
    # Without rain all displacements are alike.
    dry = torch.zeros(1, 1, 9, 9, dtype=torch.float64)
    assert all(map(torch.equal, between_pixels(filters_of(dry[:, 0]), dry[:, 0], dry), filters_of(dry[:, 0])))


def test_one_tap_has_no_neighbours():
    logits = torch.zeros(2, 1, 1)
    assert between_pixels(filters_of(logits), logits, logits[:, None])[0].tolist() == [[1.0], [1.0]]


def test_gradients_pass():
    logits = (-20 * paraboloid((0.3, 0.1), SHAPES[0]).sqrt()).requires_grad_()
    maps = (-2 * paraboloid((0.3, 0.1), SHAPES[0]).log())[:, None]
    vertical, _ = between_pixels(filters_of(logits), logits, maps - maps.amax())
    vertical[0, REACH].backward()
    assert logits.grad is not None
    assert logits.grad.abs().sum() > 0
