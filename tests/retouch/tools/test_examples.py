"""Pairs as examples: edits of colours are told from crops, turns, other pictures and edits in places."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from hypernet.retouch.core.colour_map import ColourMap
from hypernet.retouch.core.thumbnails import thumbnail
from hypernet.retouch.sources.pairs import Pair
from hypernet.retouch.tools.examples import PART, SIDE, Example, read_examples, repeated, sums


def scene(seed: int, rows: int = 240, columns: int = 320) -> np.ndarray:
    """Surfaces with edges, shades and a little texture, uint8."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:rows, :columns] / columns
    picture = np.full((rows, columns, 3), random.uniform(0.2, 0.8, 3))
    for _ in range(25):
        top, left, radius = random.uniform(0, 1, 3) * (rows / columns, 1, 0.2)
        surface = np.hypot(y - top, x - left) < radius + 0.02
        picture[surface] = random.uniform(0, 1, 3)
    shade = 0.75 + 0.25 * np.sin(6 * x + 5 * y + random.uniform(0, 6))
    return np.rint(255 * np.clip(picture * shade[..., None] + random.normal(0, 0.01, picture.shape), 0, 1)).astype(
        np.uint8
    )


def edited(pixels: np.ndarray) -> np.ndarray:
    """Warmer, with more contrast: clipped here and there, and no quadratic map."""
    colours = pixels / 255
    colours = colours - 0.05 * np.sin(2 * np.pi * colours)
    return np.rint(255 * np.clip(colours * (1.1, 1.0, 0.85), 0, 1)).astype(np.uint8)


def turned(pixels, degrees):
    return np.array(Image.fromarray(pixels).rotate(degrees, Image.BILINEAR))


def cropped(pixels, share):
    rows, columns = (round(side * share / 2) for side in pixels.shape[:2])
    return pixels[rows:-rows, columns:-columns]


def in_places(pixels, share):
    """The left part of a picture nearly black."""
    out = pixels.copy()
    part = round(pixels.shape[1] * share)
    out[:, :part] = np.rint(out[:, :part] * 0.2)
    return out


@pytest.mark.parametrize("seed", range(3))
def test_an_edit_of_colours_is_an_example(seed):
    before = scene(seed)
    for after in (edited(before), before, before // 2, 255 - before, np.broadcast_to(before[..., 1:2], before.shape)):
        example = Example.of("name", before, after)
        assert (example.objection(), example.doubt()) == ("", "")
        assert example.agreement > 0.97
    small = thumbnail(before, SIDE)
    np.testing.assert_array_equal(example.before, small)


def test_the_best_map_is_that_of_the_pair():
    before = scene(0)
    edit = ColourMap.identity().then_affine(np.hstack([np.diag([0.8, 0.7, 0.9]), np.full((3, 1), 0.05)]))
    after = np.rint(255 * edit(before / 255)).astype(np.uint8)
    assert Example.of("name", before, after).best > 50


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "spoil",
    [
        lambda pixels: cropped(pixels, 0.05),
        lambda pixels: cropped(pixels, 0.2),
        lambda pixels: turned(pixels, 3),
        lambda pixels: pixels[:, ::-1],
        lambda pixels: np.ascontiguousarray(pixels[::-1, ::-1]),
        lambda pixels: edited(scene(99)),
    ],
    ids=["crop 5 %", "crop 20 %", "turn 3 degrees", "mirror", "upside down", "another"],
)
def test_what_is_not_the_same_picture_is_refused(seed, spoil):
    before = scene(seed)
    assert (
        "not the same picture, or cropped, turned or" in Example.of("name", before, spoil(edited(before))).objection()
    )


def test_edits_in_places_are_seen():
    before = scene(0)
    assert "edited in places" in Example.of("name", before, in_places(before, 0.5)).objection()
    example = Example.of("name", before, in_places(before, 0.05))
    assert not example.objection()
    assert "edited in places" in example.doubt()
    # All of it as dark as its part: an edit of colours.
    assert not Example.of("name", before, np.rint(before * 0.2).astype(np.uint8)).doubt()


def test_a_slight_move_is_a_doubt():
    before = scene(1, 512, 512)
    example = Example.of("name", before, np.roll(edited(before), 1, axis=1))
    assert not example.objection()
    assert "slightly moved" in example.doubt()


def test_pictures_of_one_colour_say_nothing():
    flat, before = np.full((50, 60, 3), 90, np.uint8), scene(0)
    for pair in ((flat, flat), (before, flat), (flat, before)):
        assert "nearly one colour" in Example.of("name", *pair).objection()


def test_a_repeated_photograph_is_known():
    first, second = scene(0), scene(1)
    examples = [
        Example.of("a", first, edited(first)),
        Example.of("b", second, edited(second)),
        Example.of("a again, smaller", np.array(Image.fromarray(first).resize((200, 150), Image.BOX)), scene(5)),
        Example.of("c", edited(first), first),
        Example.of("b again", second, second),
    ]
    assert repeated(examples).tolist() == [0, 1, 0, 3, 1]


def test_parts_are_where_they_should_be():
    before = scene(2)
    example = Example.of("name", before, edited(before))
    side = round(PART * SIDE)
    parts = example.parts()
    assert len(parts) == 5
    for part in parts:
        assert [half.shape for half in part] == [(side, side, 3)] * 2
    np.testing.assert_array_equal(parts[0][0], example.before[:side, :side])
    np.testing.assert_array_equal(parts[3][1], example.after[-side:, -side:])


def test_sums_are_means_over_pixels():
    random = np.random.default_rng(0)
    before, after = random.random((2, 4, 5, 3)).astype(np.float32)
    gram, cross = sums(before, after)
    red = before[..., 0].astype(float)
    assert gram[6, 9] == pytest.approx(red.mean())
    assert gram[0, 6] == pytest.approx((red**3).mean())
    assert cross[2, 9] == pytest.approx(after[..., 2].astype(float).mean())


def test_pairs_that_cannot_be_read_are_left_out_with_the_reason(tmp_path):
    def pair(name, before, after):
        paths = [tmp_path / f"{name}{side}.png" for side in "ab"]
        for path, pixels in zip(paths, (before, after), strict=True):
            Image.fromarray(pixels).save(path)
        return Pair(name, *paths)

    before = scene(0)
    good, other = pair("good", before, edited(before)), pair("other", before, edited(scene(3)))
    smaller = pair("smaller", before, edited(before)[::2, ::2])
    broken = pair("broken", before, before)
    broken.target.write_bytes(broken.target.read_bytes()[:500])
    examples, left_out = read_examples([good, other, smaller, broken], resize=False)
    assert [example.name for example in examples] == ["good"]
    assert list(left_out) == ["other", "smaller", "broken"]
    assert "not the same picture" in left_out["other"]
    assert "the option resize" in left_out["smaller"]
    assert str(broken.target) in left_out["broken"]
    examples, left_out = read_examples([good, smaller], resize=True)
    assert [example.name for example in examples] == ["good", "smaller"]
    assert left_out == {}
