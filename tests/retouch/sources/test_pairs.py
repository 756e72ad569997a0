"""Pairs become colours of one size: exact areas, sizes refused by name, and never more than 8 bits."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypernet.lab.errors import UserError
from hypernet.retouch.core.thumbnails import thumbnail
from hypernet.retouch.sources.pairs import Pair, as_srgb8, named, read_pair, reduced_by_area, size_mismatch


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.fixture
def write(tmp_path):
    image = pytest.importorskip("PIL.Image")

    def written(name, pixels):
        image.fromarray(pixels).save(tmp_path / name)
        return tmp_path / name

    return written


def test_levels_of_all_depths_become_8_bits():
    levels = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)
    assert as_srgb8(SimpleNamespace(pixels=levels)) is levels
    deep = levels.astype(np.uint16) * 257
    assert (as_srgb8(SimpleNamespace(pixels=deep)) == levels).all()
    for offset in (-128, 128):
        near = np.clip(deep.astype(int) + offset, 0, 65535).astype(np.uint16)
        assert (as_srgb8(SimpleNamespace(pixels=near)) == levels).all()
    assert as_srgb8(SimpleNamespace(pixels=np.array([[[129, 128, 0]]], np.uint16))).tolist() == [[[1, 0, 0]]]
    wide = np.array([[[-0.2, 0.5, 1.3], [0.0, 1.0, 100.4 / 255]]], np.float32)
    assert as_srgb8(SimpleNamespace(pixels=wide)).tolist() == [[[0, 128, 255], [0, 255, 100]]]


def test_areas_are_means():
    pixels = noise(12, 20)
    blocks = pixels.reshape(4, 3, 5, 4, 3).mean(axis=(1, 3))
    assert (reduced_by_area(pixels, 4, 5) == np.floor(blocks + 0.5)).all()
    assert reduced_by_area(pixels, 12, 20) is pixels


@given(st.tuples(*4 * [st.integers(1, 90)]))
def test_areas_are_weighted_by_what_they_hold(sizes):
    height, width, new_height, new_width = sizes
    pixels = noise(height, width)
    # Every pixel cut into as many parts as there are cells: then all areas are whole.
    fine = pixels.repeat(new_height, axis=0)
    rows = fine.reshape(new_height, height, width, 3).mean(axis=1)
    fine = rows.repeat(new_width, axis=1)
    expected = fine.reshape(new_height, new_width, width, 3).mean(axis=2)
    assert np.abs(reduced_by_area(pixels, new_height, new_width) - expected).max() <= 0.5 + 1e-3


def test_areas_are_those_of_thumbnails():
    pixels = noise(201, 333)
    assert (reduced_by_area(pixels, 77, 77) == np.floor(255 * thumbnail(pixels, 77) + 0.5)).mean() > 0.9999


def test_areas_are_those_of_opencv():
    cv2 = pytest.importorskip("cv2")
    pixels = noise(400, 600)
    theirs = cv2.resize(pixels, (205, 137), interpolation=cv2.INTER_AREA)
    assert np.abs(reduced_by_area(pixels, 137, 205).astype(int) - theirs).max() <= 1


@pytest.mark.parametrize(
    ("before", "after", "asked", "anyway"),
    [
        ((512, 512), (512, 512), "", ""),
        # An export of 2048 pixels, rounded in any way; and an input that is smaller than what was made of it.
        ((4000, 6000), (1365, 2048), "resize", ""),
        ((4000, 6000), (1366, 2048), "resize", ""),
        ((600, 902), (1000, 1504), "resize", ""),
        ((512, 768), (512, 769), "resize", ""),
        ((512, 768), (511, 767), "resize", ""),
        ((4000, 6000), (1360, 2048), "other proportions", "other proportions"),
        ((512, 768), (512, 700), "other proportions", "other proportions"),
        ((512, 768), (768, 512), "is a picture turned", "is a picture turned"),
    ],
)
def test_sizes_that_make_a_pair(before, after, asked, anyway):
    for pair in ((before, after), (after, before)):
        for resize, expected in ((False, asked), (True, anyway)):
            reason = size_mismatch(*pair, resize=resize)
            assert bool(reason) == bool(expected)
            assert expected in reason


def test_a_pair_is_read_as_it_is(write):
    pair = Pair("p", write("before.png", noise(30, 40, 1)), write("after.png", noise(30, 40, 2)))
    before, after = read_pair(pair)
    assert (before == noise(30, 40, 1)).all()
    assert (after == noise(30, 40, 2)).all()


def test_the_larger_is_reduced_to_the_smaller(write):
    large, small = noise(90, 120, 1), noise(30, 40, 2)
    pair = Pair("p", write("before.png", large), write("after.png", small))
    with pytest.raises(UserError, match=r"before.png, .*after.png: 120 x 90 pixels before, 40 x 30 after; .* resize"):
        read_pair(pair)
    before, after = read_pair(pair, resize=True)
    assert (before == reduced_by_area(large, 30, 40)).all()
    assert (after == small).all()
    before, after = read_pair(Pair("p", pair.target, pair.input), resize=True)
    assert (before == small).all()
    assert after.shape == small.shape


def test_a_crop_is_no_pair(write):
    pair = Pair("p", write("before.png", noise(30, 40)), write("after.png", noise(30, 30)))
    for resize in (False, True):
        with pytest.raises(UserError, match=r"before.png, .*after.png: .*other proportions"):
            read_pair(pair, resize)


def test_a_file_that_is_no_picture_is_named(write, tmp_path):
    (tmp_path / "after.png").write_text("no picture")
    with pytest.raises(UserError, match=r"after\.png"):
        read_pair(Pair("p", write("before.png", noise(30, 40)), tmp_path / "after.png"))


def test_long_lists_are_cut():
    assert named(["a", "b"]) == "a, b"
    assert named(map(str, range(9))) == "0, 1, 2, 3, 4 ... (9 in all)"
