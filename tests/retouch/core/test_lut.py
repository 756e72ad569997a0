"""Lattices beside the maps that they stand for, and beside other programs' interpolation."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter
from scipy.interpolate import RegularGridInterpolator

from hypernet.retouch.core.colour_map import ColourMap
from hypernet.retouch.core.lut import INTERPOLATIONS, error_of, largest_error, lattice, sampled
from hypernet.retouch.core.pixels import apply_maps

COLOURS = np.random.default_rng(0).random((5000, 3))


def drawn_map(seed=0, scale=0.1, size=10):
    basis = {4: "affine", 10: "quadratic"}[size]
    return ColourMap(ColourMap.identity(basis).matrix + scale * np.random.default_rng(seed).normal(size=(3, size)))


def square(gain=1.0, offset=0.0):
    """Red becomes gain R² + offset, the others stay."""
    matrix = ColourMap.identity().matrix.copy()
    matrix[0] = 0
    matrix[0, 0], matrix[0, 9] = gain, offset
    return ColourMap(matrix)


def test_a_lattice_is_indexed_by_red_green_and_blue():
    nodes = lattice([ColourMap.identity()], 5)
    assert nodes.shape == (5, 5, 5, 3)
    assert nodes.dtype == np.float32
    np.testing.assert_array_equal(nodes[1, 2, 4], [0.25, 0.5, 1.0])


def test_nodes_outside_are_kept_unless_clamped_and_maps_before_the_last_are_clamped():
    bright = ColourMap(np.hstack([3 * np.eye(3), np.zeros((3, 1))]))
    assert lattice([bright], 5).max() == 3
    assert lattice([bright], 5, clamp=True).max() == 1
    assert lattice([bright, bright], 5).max() == 3
    maps = [drawn_map(scale=0.4), drawn_map(seed=1)]
    np.testing.assert_array_equal(lattice(maps, 5, clamp=True), np.clip(lattice(maps, 5), 0, 1))


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
def test_affine_maps_and_nodes_are_exact(interpolation):
    affine = drawn_map(size=4)
    np.testing.assert_allclose(sampled(lattice([affine], 9), COLOURS, interpolation), affine(COLOURS), atol=1e-6)
    nodes = lattice([drawn_map()], 9)
    grid = np.stack(np.meshgrid(*[np.linspace(0, 1, 9)] * 3, indexing="ij"), axis=-1)
    np.testing.assert_allclose(sampled(nodes, grid, interpolation), nodes, atol=1e-7)
    np.testing.assert_allclose(sampled(nodes, [2.0, -1.0, 0.5], interpolation), nodes[8, 0, 4], atol=1e-7)


def test_trilinear_is_that_of_scipy():
    nodes = np.random.default_rng(1).random((6, 6, 6, 3))
    expected = RegularGridInterpolator([np.linspace(0, 1, 6)] * 3, nodes)(COLOURS)
    np.testing.assert_allclose(sampled(nodes, COLOURS), expected, atol=1e-12)


def test_tetrahedral_is_that_of_colour_science():
    algebra = pytest.importorskip("colour.algebra")
    nodes = np.random.default_rng(1).random((6, 6, 6, 3))
    expected = algebra.table_interpolation_tetrahedral(COLOURS, nodes)
    np.testing.assert_allclose(sampled(nodes, COLOURS, "tetrahedral"), expected, atol=1e-6)


def test_another_interpolation_is_refused():
    with pytest.raises(ValueError, match="must be trilinear or tetrahedral"):
        sampled(lattice([], 3), COLOURS, "cubic")


@pytest.mark.parametrize("size", [5, 17])
def test_the_error_of_a_square_is_a_quarter_of_the_step_squared(size):
    step = 1 / (size - 1)
    errors = error_of([square()], lattice([square()], size))
    assert errors.largest == pytest.approx(255 * step**2 / 4, rel=1e-3)
    # In a cell the mean of t (1 - t) is 1/6 of the step's square; of three channels a single one is curved.
    assert errors.mean == pytest.approx(255 * step**2 / 6 / 3, rel=0.01)
    assert largest_error([square()], lattice([square()], size)) == errors.largest


def test_the_crease_of_clamped_nodes_is_in_the_error_and_without_them_it_is_gone():
    # Red is 2 R, white from 1/2 on: with an even number of nodes the crease lies in the middle of a cell.
    double = ColourMap(np.diag([2.0, 1.0, 1.0]) @ np.eye(3, 4))
    clamped, free = lattice([double], 18, clamp=True), lattice([double], 18)
    assert error_of([double], clamped).largest == pytest.approx(255 * 2 / 17 / 4, rel=1e-3)
    assert error_of([double], free).largest < 1e-3
    colour_map = drawn_map()
    assert error_of([colour_map], lattice([colour_map], 17)).largest < 0.2
    assert error_of([colour_map], lattice([colour_map], 17, clamp=True)).largest > 2


def test_the_error_tells_of_a_lattice_of_another_map():
    assert largest_error([square(offset=0.1)], lattice([square()], 9)) == pytest.approx(25.5, abs=1)


@pytest.mark.parametrize("clamp", [False, True])
@pytest.mark.parametrize("maps", [[drawn_map()], [drawn_map(), drawn_map(seed=1)]], ids=len)
def test_pillow_makes_the_same_colours_within_the_stated_error(maps, clamp):
    nodes = lattice(maps, 17, clamp=clamp)
    image = np.random.default_rng(2).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    table = ImageFilter.Color3DLUT(17, nodes.transpose(2, 1, 0, 3).reshape(-1).tolist())
    by_pillow = np.asarray(Image.fromarray(image).filter(table)).astype(int)
    apart = np.abs(by_pillow - apply_maps(image, maps).astype(int)).max()
    stated = largest_error(maps, nodes)
    assert apart <= 1 + np.floor(stated)
    assert (stated < 1) == (len(maps) == 1 and not clamp)
