"""Photographs: the ground goes by the stated rule, and framing keeps what is there."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hypernet.lab.errors import UserError
from hypernet.lab.inputs.pictures import read_picture
from hypernet.shapes.sources.photos import SHARE, cut_out, framed

RED = (200, 30, 40)


def scene(height: int = 40, width: int = 60, ground=(250, 250, 250), colour=RED) -> np.ndarray:
    """A picture of a box, rows 10..29, columns 15..34; RGB."""
    picture = np.full((height, width, 3), ground, dtype=np.uint8)
    picture[10:30, 15:35] = colour
    return picture


def box_of(rgba: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.where(rgba[..., 3] >= 128)
    return rows.min(), rows.max(), columns.min(), columns.max()


def opaque(rgb: np.ndarray) -> np.ndarray:
    return np.dstack([rgb, np.full(rgb.shape[:2], 255, dtype=np.uint8)])


def test_a_plain_ground_is_removed(tmp_path):
    random = np.random.default_rng(0)
    for ground, noise in (((250, 250, 250), 0), ((90, 120, 60), 4), ((0, 0, 0), 2)):
        picture = scene(ground=ground).astype(int)
        picture = np.clip(picture + np.rint(random.normal(0, noise, picture.shape)), 0, 255).astype(np.uint8)
        result, notes = cut_out(opaque(picture))
        expected = np.zeros((40, 60), dtype=bool)
        expected[10:30, 15:35] = True
        np.testing.assert_array_equal(result[..., 3] == 255, expected)
        np.testing.assert_array_equal(result[expected], opaque(picture)[expected])
        assert not result[~expected].any()
        assert notes[0].startswith("ground removed: 83%")


def test_enclosed_ground_stays_unless_it_is_asked_for_and_specks_go():
    picture = scene(80, 90)
    picture[15:25, 20:30] = 250
    picture[5, 50] = (0, 0, 255)
    result, notes = cut_out(opaque(picture))
    assert result[20, 25, 3] == 255
    assert result[5, 50, 3] == 255, "a pixel of 0.25 % of the object is not a speck"
    assert "25% of what is left" in notes[-1]
    result, _ = cut_out(opaque(picture), enclosed=True)
    assert result[20, 25, 3] == 0
    picture[12:72, 12:72] = RED
    result, notes = cut_out(opaque(picture))
    assert result[5, 50, 3] == 0
    assert "1 speck removed" in notes


def test_two_objects_in_one_picture_are_noticed():
    picture = opaque(scene(60, 80))
    assert not any("large pieces" in note for note in cut_out(picture)[1])
    picture[35:55, 50:60, :3] = RED
    assert any(note.startswith("2 large pieces are left: one object is expected") for note in cut_out(picture)[1])


def test_what_cannot_be_cut_out_is_refused():
    random = np.random.default_rng(0)
    with pytest.raises(UserError, match="nothing is left"):
        cut_out(opaque(np.full((20, 20, 3), 7, np.uint8)))
    with pytest.raises(UserError, match="not of one colour"):
        cut_out(opaque(random.integers(0, 256, (20, 20, 3)).astype(np.uint8)))
    # A border of one colour all around a picture that has it nowhere else.
    frame = np.full((300, 300, 3), RED, np.uint8)
    frame[0] = 250
    frame[:, 0] = frame[:, -1] = 250
    with pytest.raises(UserError, match="no ground was found"):
        cut_out(opaque(frame))
    with pytest.raises(UserError, match="transparent"):
        cut_out(np.zeros((4, 4, 4), np.uint8))


def test_a_pictures_own_opacity_and_a_mask_come_first():
    picture = opaque(scene())
    picture[:5, :, 3] = 0
    result, notes = cut_out(picture)
    np.testing.assert_array_equal(result[..., 3], picture[..., 3])
    assert not result[:5].any()
    assert "own opacity" in notes[0]
    mask = np.zeros((40, 60), dtype=np.uint8)
    mask[8:20, 8:20] = 255
    for form in (mask, mask > 0, mask / 255):
        result, notes = cut_out(opaque(scene()), form)
        np.testing.assert_array_equal(result[..., 3], mask)
    for wrong, words in ((mask[:5], "60 x 5 pixels"), (mask * 0, "nothing"), (mask * 0 + 255, "everything")):
        with pytest.raises(UserError, match=words):
            cut_out(opaque(scene()), wrong)


def test_framing_pads_to_a_square_and_never_crops():
    picture = opaque(scene(20, 80)[:20])
    picture[..., 3] = 255
    result = framed(picture, 40)
    assert result.shape == (40, 40, 4)
    assert box_of(result) == (15, 24, 0, 39)
    assert not result[:15].any()
    tall = framed(picture.transpose(1, 0, 2).copy(), 40)
    np.testing.assert_array_equal(tall, result.transpose(1, 0, 2))


def test_small_pixels_are_means_weighted_by_opacity():
    """Transparent pixels have no colour, whatever stands in them: the oracle is the weighted mean of blocks."""
    random = np.random.default_rng(1)
    picture = random.integers(0, 256, (24, 24, 4)).astype(np.uint8)
    picture[..., 3] = np.where(random.random((24, 24)) < 0.4, 0, 255)
    blocks = picture.reshape(6, 4, 6, 4, 4).transpose(0, 2, 1, 3, 4).reshape(6, 6, 16, 4).astype(float)
    weight = blocks[..., 3:] / 255
    colour = (blocks[..., :3] * weight).sum(axis=2) / weight.sum(axis=2)
    result = framed(picture, 6)
    np.testing.assert_allclose(result[..., 3], blocks[..., 3].mean(axis=2), atol=1)
    np.testing.assert_allclose(result[..., :3], colour, atol=4)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 30), st.integers(0, 30), st.integers(16, 96))
def test_recentring_brings_the_box_to_its_share_and_place(height, width, top, left, size):
    picture = np.zeros((height + top + 3, width + left + 5, 4), dtype=np.uint8)
    picture[top : top + height, left : left + width] = (9, 8, 7, 255)
    result = framed(picture, size, recentre=True)
    first, last, left, right = box_of(result)
    assert max(last - first, right - left) + 1 == pytest.approx(SHARE * size, abs=1)
    assert (left + right + 1) / 2 == pytest.approx(size / 2, abs=1)
    assert (first + last + 1) / 2 == pytest.approx(size / 2, abs=1)
    with pytest.raises(UserError, match="transparent"):
        framed(picture * 0, size)


def test_real_pictures_are_cut_out(mirror):
    """Shares of ground as they were found right by eye."""
    expected = {
        "hsp_demo/2a6edb9c179ffe4788e82c4bb71ec6f6_input.png": 0.81,
        "onet_demo/03.jpg": 0.74,
        "onet_demo/05.jpg": 0.91,
        "r2n2_demo/0.png": 0.65,
    }
    for name, share in expected.items():
        rgba, notes = read_picture(mirror / "images" / name, "shapes")
        assert notes == []
        result, _ = cut_out(rgba)
        assert (result[..., 3] == 0).mean() == pytest.approx(share, abs=0.01)
    rendering, _ = read_picture(mirror / "choy_samples" / "02958343_car" / "00.png", "shapes")
    assert cut_out(rendering)[1][0].startswith("the picture's own")
