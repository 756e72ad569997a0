"""Maps at every pixel: right to rounding, the same however the image lies or is cut, in bounded memory."""

from __future__ import annotations

import sys
import tracemalloc

import numpy as np
import pytest
import torch

from hypernet.lab.errors import UserError
from hypernet.retouch.core import pixels as module
from hypernet.retouch.core.colour_map import ColourMap
from hypernet.retouch.core.pixels import apply_maps

SIZES = {"affine": 4, "quadratic": 10, "cubic": 20}
TYPES = (np.uint8, np.uint16, np.float32)


def drawn_map(basis="quadratic", seed=0, scale=0.1):
    rng = np.random.default_rng(seed)
    return ColourMap(ColourMap.identity(basis).matrix + scale * rng.normal(size=(3, SIZES[basis])))


def drawn_image(dtype, shape=(31, 43, 3), seed=0):
    rng = np.random.default_rng(seed)
    if dtype == np.float32:
        return rng.random(shape, dtype=np.float32)
    return rng.integers(0, np.iinfo(dtype).max + 1, shape, dtype=dtype)


def white_of(image):
    return 1 if image.dtype == np.float32 else np.iinfo(image.dtype).max


def by_definition(image, maps):
    """In float64, one monomial after the other as the paper writes them."""
    colours = image / np.float64(white_of(image))
    for colour_map in maps:
        R, G, B = np.moveaxis(colours, -1, 0)
        terms = [R * R, G * G, B * B, R * G, R * B, G * B, R, G, B, 1 + 0 * R]
        cubes = [(a, b, c) for a in range(3) for b in range(a, 3) for c in range(b, 3)]
        terms += [colours[..., a] * colours[..., b] * colours[..., c] for a, b, c in cubes]
        terms = {"affine": terms[6:10], "quadratic": terms[:10], "cubic": terms}[colour_map.basis]
        colours = np.clip(np.stack(terms, axis=-1) @ colour_map.matrix.T, 0, 1)
    return colours


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("maps", [[], [ColourMap.identity()], [ColourMap.identity("cubic")] * 3])
def test_the_identity_gives_back_every_level(dtype, maps):
    levels = np.arange(np.iinfo(dtype).max + 1, dtype=dtype)
    image = np.stack([levels, levels[::-1], np.roll(levels, 77)], axis=-1)
    np.testing.assert_array_equal(apply_maps(image, maps), image)


@pytest.mark.parametrize("basis", SIZES)
def test_bytes_are_those_of_float64_but_for_ties(basis):
    image, maps = drawn_image(np.uint8, (400, 500, 3)), [drawn_map(basis)]
    exact = np.floor(255 * by_definition(image, maps) + 0.5)
    apart = np.abs(apply_maps(image, maps).astype(int) - exact)
    assert apart.max() <= 1
    assert (apart > 0).mean() < 1e-3
    assert 0.02 < (exact % 255 == 0).mean() < 0.5  # clamped in part


@pytest.mark.parametrize("basis", SIZES)
def test_sixteen_bits_and_floats_are_those_of_float64_to_rounding(basis):
    maps = [drawn_map(basis), drawn_map("quadratic", seed=1)]
    deep = drawn_image(np.uint16)
    assert np.abs(apply_maps(deep, maps) - np.floor(65535 * by_definition(deep, maps) + 0.5)).max() <= 1
    light = drawn_image(np.float32)
    np.testing.assert_allclose(apply_maps(light, maps), by_definition(light, maps), rtol=0, atol=2e-6)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("basis", SIZES)
def test_no_pixel_depends_on_the_tile_the_crop_or_the_place_in_memory(dtype, basis):
    image, maps = drawn_image(dtype), [drawn_map(basis), drawn_map(basis, seed=1)]
    whole = apply_maps(image, maps)
    for tile in (1, 7, 43, 100, 1000, 10**9):
        np.testing.assert_array_equal(apply_maps(image, maps, tile=tile), whole)
    for rows in (1, 2, 5, 13, 19):
        np.testing.assert_array_equal(apply_maps(image[rows:, 3 : 3 + rows], maps, tile=64), whole[rows:, 3 : 3 + rows])
    planar = np.ascontiguousarray(image.transpose(2, 0, 1)).transpose(1, 2, 0)
    for laid in (planar, np.asfortranarray(image)):
        np.testing.assert_array_equal(apply_maps(laid, maps, tile=50), whole)
    np.testing.assert_array_equal(apply_maps(image[::-1, ::-2], maps), whole[::-1, ::-2])
    np.testing.assert_array_equal(apply_maps(image.transpose(1, 0, 2), maps), whole.transpose(1, 0, 2))
    np.testing.assert_array_equal(apply_maps(image[..., ::-1], maps)[0, 0], apply_maps(image[0, :1, ::-1], maps)[0])


def test_no_pixel_depends_on_the_number_of_threads():
    image, maps, threads = drawn_image(np.uint8), [drawn_map()], torch.get_num_threads()
    results = []
    try:
        for count in (1, 2, 5):
            torch.set_num_threads(count)
            results.append(apply_maps(image, maps, tile=97))
    finally:
        torch.set_num_threads(threads)
    assert all((result == results[0]).all() for result in results)


def test_a_sequence_is_each_map_on_the_result_of_the_last():
    image, maps = drawn_image(np.float32), [drawn_map(seed=seed, scale=0.3) for seed in range(3)]
    step = image
    for colour_map in maps:
        step = apply_maps(step, [colour_map])
    np.testing.assert_array_equal(apply_maps(image, maps), step)
    # Integers are not rounded between: twice half as bright is not twice rounded.
    dark, bright = (ColourMap(np.hstack([gain * np.eye(3), np.zeros((3, 1))])) for gain in (1 / 16, 16.0))
    levels = np.arange(256, dtype=np.uint8).repeat(3).reshape(-1, 3)
    np.testing.assert_array_equal(apply_maps(levels, [dark, bright]), levels)
    # A clamp lies between them: what became white does not come back.
    np.testing.assert_array_equal(apply_maps(levels, [bright, dark]), np.minimum(levels, 16))


def test_floats_keep_what_lies_outside_only_if_asked():
    image = np.array([[[-0.5, 0.5, 1.5]]], dtype=np.float32)
    np.testing.assert_array_equal(apply_maps(image, [ColourMap.identity()]), np.clip(image, 0, 1))
    np.testing.assert_array_equal(apply_maps(image, [ColourMap.identity()], clamp=False), image)
    brighter = ColourMap(np.hstack([2 * np.eye(3), np.full((3, 1), -0.25)]))
    np.testing.assert_array_equal(apply_maps(image, [brighter] * 2, clamp=False), 4 * image - 0.75)
    bright = np.array([[[0, 100, 200]]], dtype=np.uint8)
    np.testing.assert_array_equal(apply_maps(bright, [brighter], clamp=False), [[[0, 136, 255]]])


def test_a_map_of_constants_paints_all_pixels():
    image, grey = drawn_image(np.uint8), ColourMap(np.hstack([np.zeros((3, 3)), [[0.2], [0.4], [0.6]]]))
    assert (apply_maps(image, [grey]) == [51, 102, 153]).all()
    assert (apply_maps(image, [ColourMap(np.zeros((3, 10)))]) == 0).all()


def test_the_result_may_be_written_over_the_pixels_or_into_a_part_of_an_image():
    image, maps = drawn_image(np.uint8), [drawn_map()]
    expected = apply_maps(image, maps)
    with_opacity = np.zeros((*image.shape[:2], 4), dtype=np.uint8)
    assert apply_maps(image, maps, out=with_opacity[..., :3], tile=50).base is with_opacity
    np.testing.assert_array_equal(with_opacity[..., :3], expected)
    assert not with_opacity[..., 3].any()
    assert apply_maps(image, maps, out=image, tile=50) is image
    np.testing.assert_array_equal(image, expected)


def test_what_fits_not_is_refused():
    image, maps = drawn_image(np.uint8), [drawn_map()]
    for wrong in (image.astype(np.float64), image[..., :2], image[0, 0], image[None]):
        with pytest.raises(ValueError, match="pixels must be"):
            apply_maps(wrong, maps)
    for out in (image[1:], np.empty(image.shape, dtype=np.uint16)):
        with pytest.raises(ValueError, match="out must be uint8"):
            apply_maps(image, maps, out=out)
    with pytest.raises(ValueError, match="overlaps"):
        apply_maps(image[1:], maps, out=image[:-1])
    with pytest.raises(ValueError, match="tile"):
        apply_maps(image, maps, tile=0)
    assert apply_maps(image[:0], maps).shape == (0, 43, 3)


def test_memory_is_that_of_the_tiles():
    image, maps = drawn_image(np.uint8, (2000, 2000, 3)), [drawn_map()]
    out = np.empty_like(image)
    tracemalloc.start()
    try:
        apply_maps(image, maps, out=out, tile=4096)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # Four arrays of three float32 planes for each thread, and the list of the pieces.
    assert peak < torch.get_num_threads() * 4 * 3 * 4 * 4096 + 500_000


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_compiled_loops_give_the_same_bits(dtype):
    pytest.importorskip("numba")
    image = drawn_image(dtype, (300, 311, 3))
    for maps in ([drawn_map()], [drawn_map("affine"), drawn_map(seed=1)], [ColourMap.identity()], [drawn_map("cubic")]):
        expected = apply_maps(image, maps)
        np.testing.assert_array_equal(apply_maps(image, maps, fused=True, tile=5000), expected)
        part = apply_maps(image[5:200, 7:100], maps, fused=True, tile=999)
        np.testing.assert_array_equal(part, expected[5:200, 7:100])
    if dtype == np.float32:
        out = np.empty((311, 300, 3), dtype=dtype).transpose(1, 0, 2)
        free = apply_maps(2 * image - 0.5, [drawn_map()], fused=True, clamp=False, out=out)
        np.testing.assert_array_equal(free, apply_maps(2 * image - 0.5, [drawn_map()], clamp=False))


def test_without_numba_compiled_loops_are_missed_in_a_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    module._compiled.cache_clear()
    with pytest.raises(UserError, match="numba cannot be used"):
        apply_maps(drawn_image(np.uint8), [drawn_map()], fused=True)
