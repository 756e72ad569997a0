"""Pictures become digits by what is stated, each change is said, and nothing is invented."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hypernet.lab.errors import UserError
from hypernet.superres.sources.drawings import as_digit, digit_of, read_digit, read_grey
from hypernet.superres.sources.idx import read_images


def saved(path, image, **options):
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(path, **options)
    return path


def drawn(height: int = 28, width: int = 28, ground: int = 0, ink: int = 255) -> np.ndarray:
    """A bar with a foot: ink over the middle half of the rows, and more to the right than to the left; uint8."""
    picture = np.full((height, width), ground, dtype=np.uint8)
    picture[height // 4 : 3 * height // 4, width // 3 : width // 2] = ink
    picture[height // 2 : 3 * height // 4, width // 3 : 3 * width // 4] = ink
    return picture


def half_up(blocks: np.ndarray, count: int) -> np.ndarray:
    """Means of whole numbers, halves upwards, from their sums."""
    return (2 * blocks + count) // (2 * count)


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif", "a.gif", "a.webp"])
def test_grey_pictures_are_read_as_they_are(tmp_path, name):
    picture = np.arange(30 * 20, dtype=np.uint8).reshape(30, 20)
    grey, notes = read_grey(saved(tmp_path / name, picture, **({"lossless": True} if "webp" in name else {})))
    assert (grey.dtype, grey.shape, notes) == (np.float32, (30, 20), [])
    np.testing.assert_allclose(255 * grey, picture, atol=1e-4)


def test_other_grey_pictures_are_read_too(tmp_path):
    picture = drawn()
    for mode in ("RGB", "RGBA", "LA", "P"):
        grey, notes = read_grey(saved(tmp_path / "a.png", Image.fromarray(picture).convert(mode)))
        np.testing.assert_allclose(255 * grey, picture, atol=1e-4)
        assert notes == []
    for mode in ("L", "RGB", "CMYK"):
        grey, _ = read_grey(saved(tmp_path / "a.jpg", Image.fromarray(picture).convert(mode)))
        assert np.abs(255 * grey - picture).mean() < 3
    grey, _ = read_grey(saved(tmp_path / "a.png", picture > 0))
    np.testing.assert_array_equal(grey, picture / 255)
    grey, notes = read_grey(saved(tmp_path / "a.png", picture.astype(np.uint16) * 257))
    np.testing.assert_allclose(255 * grey, picture, atol=1e-4)
    assert "16-bit" in notes[0]


def test_a_trace_of_colour_is_averaged_and_more_is_refused(tmp_path):
    rgb = np.dstack([drawn(ground=40, ink=200)] * 3)
    rgb[3, 4] = (40, 43, 44)
    grey, notes = read_grey(saved(tmp_path / "a.png", rgb))
    assert grey[3, 4] * 255 == pytest.approx(127 / 3)
    assert notes == ["red, green and blue differ by a few levels: their mean is taken"]
    rgb[3, 4] = (40, 43, 45)
    with pytest.raises(
        UserError, match=r"a\.png: a colour picture \(.* differ by up to 5 levels of 255\); accepted: grey"
    ):
        read_grey(saved(tmp_path / "a.png", rgb))


def test_transparent_and_blank_pictures_are_refused_with_their_paths(tmp_path):
    rgba = np.dstack([*[drawn()] * 3, np.full((28, 28), 255, dtype=np.uint8)])
    rgba[0, 0, 3] = 254
    with pytest.raises(UserError, match=r"a\.png: 1 of its pixels are transparent; accepted: opaque"):
        read_grey(saved(tmp_path / "a.png", rgba))
    with pytest.raises(UserError, match=r"b\.png: blank, or nearly so: levels from 100% to 100% of white"):
        read_grey(saved(tmp_path / "b.png", drawn(ground=255)))
    # 12 bits that were stored as 16.
    with pytest.raises(UserError, match=r"c\.png: blank, or nearly so: levels from 0% to 6% of white"):
        read_grey(saved(tmp_path / "c.png", drawn().astype(np.uint16) * 16))
    (tmp_path / "d.png").write_bytes(b"no picture")
    with pytest.raises(UserError, match=r"d\.png: not a picture"):
        read_grey(tmp_path / "d.png")


@pytest.mark.parametrize("polarity", ["auto", "light_on_dark"])
def test_a_digit_of_mnists_size_is_taken_as_it_is(polarity):
    picture = np.random.default_rng(0).integers(0, 256, (28, 28)).astype(np.uint8)
    picture[[0, -1]] = picture[:, [0, -1]] = 0
    for precision in (np.float32, np.float64):
        digit, notes = as_digit((picture / 255).astype(precision), polarity)
        assert (digit.dtype, notes) == (np.uint8, [])
        np.testing.assert_array_equal(digit, picture)


def test_dark_ink_on_a_light_ground_is_inverted_and_it_is_said(tmp_path):
    picture = drawn(ground=255, ink=13)
    for polarity in ("auto", "dark_on_light"):
        digit, notes = read_digit(saved(tmp_path / "a.png", picture), polarity)
        np.testing.assert_array_equal(digit, 255 - picture)
        assert notes == ["inverted: it has dark ink on a light ground"]


def test_a_polarity_that_the_border_contradicts_or_does_not_show(tmp_path):
    for ground, polarity, words in (
        (255, "light_on_dark", "polarity: light_on_dark, but its border is light (100% of white)"),
        (0, "dark_on_light", "polarity: dark_on_light, but its border is dark (0% of white)"),
        (
            128,
            "auto",
            "its border is of a middle grey (50% of white), neither a dark ground nor a light one: say which",
        ),
    ):
        path = saved(tmp_path / "a.png", drawn(ground=ground, ink=255 - ground if ground != 128 else 255))
        with pytest.raises(UserError) as caught:
            read_digit(path, polarity)
        assert str(caught.value).startswith(f"{path}: {words}")
    digit, notes = as_digit(drawn(ground=128) / 255, "light_on_dark")
    np.testing.assert_array_equal(digit, drawn(ground=128))
    assert notes == ["its ground is not black, and stays so"]


@pytest.mark.parametrize(("side", "size"), [(56, 28), (140, 28), (64, 32), (28, 14)])
def test_larger_pictures_are_averaged_over_areas(side, size):
    picture = np.random.default_rng(side).integers(0, 256, (side, side)).astype(np.uint8)
    picture[[0, -1]] = picture[:, [0, -1]] = 0
    factor = side // size
    expected = half_up(picture.reshape(size, factor, size, factor).sum(axis=(1, 3), dtype=int), factor**2)
    for grey in (picture / 255, (picture / 255).astype(np.float32)):
        digit, notes = as_digit(grey, size=size)
        np.testing.assert_array_equal(digit, expected)
        assert notes == [f"made smaller, from {side} x {side} pixels: means over areas"]


def test_sizes_that_are_no_multiples_keep_the_mean(tmp_path):
    digit, _ = as_digit(drawn(45, 45) / 255)
    assert digit.mean() == pytest.approx(drawn(45, 45).mean(), abs=0.3)


def test_pictures_that_are_not_square_or_too_small_are_refused():
    with pytest.raises(UserError, match=r"30 x 28 pixels; accepted: square pictures \(or centring: mass"):
        as_digit(drawn(28, 30) / 255)
    with pytest.raises(UserError, match=r"20 x 20 pixels; accepted: 28 x 28 or more \(nothing is invented\)"):
        as_digit(drawn(20, 20) / 255)
    with pytest.raises(UserError, match=r"its ink has 12 x 14 pixels; accepted: 20 or more on the longer side"):
        as_digit(drawn() / 255, centring="mass")


@pytest.mark.parametrize(
    ("grey", "words"),
    [
        (np.full((28, 28), np.nan), "grey levels from nan to nan; accepted: from 0, black, to 1, white"),
        (np.where(drawn() > 0, np.nan, 0.0), "grey levels from nan"),
        (np.where(drawn() > 0, np.inf, 0.0), "grey levels from 0 to inf"),
        (drawn() * 1.0, "grey levels from 0 to 255; accepted: from 0, black, to 1"),
        (drawn() / 255 * 16, "grey levels from 0 to 16"),
        (drawn() / 255 - 0.5, "grey levels from -0.5 to 0.5"),
        (drawn(), r"uint8 \[28, 28\]; accepted: a grey picture, numbers from 0 to 1"),
        (np.dstack([drawn() / 255] * 3), r"float64 \[28, 28, 3\]; accepted: a grey picture"),
        (np.zeros((0, 28)), r"float64 \[0, 28\]"),
        (np.zeros((28, 28)), "blank, or nearly so: levels from 0% to 0% of white"),
        (np.ones((1, 1)), "blank"),
    ],
)
def test_arrays_that_are_no_grey_pictures(grey, words):
    with pytest.raises(UserError, match=words) as caught:
        as_digit(grey)
    assert "\n" not in str(caught.value)


def test_options_that_are_none():
    for options, words in (
        ({"polarity": "dark"}, "polarity: 'dark'; accepted: auto, light_on_dark, dark_on_light"),
        ({"centring": "box"}, "centring: 'box'; accepted: as_is, mass"),
        ({"size": 7}, "size: 7 pixels; accepted: 8 or more"),
    ):
        with pytest.raises(UserError, match=words):
            as_digit(drawn() / 255, **options)


def test_mnists_own_digits_come_out_of_its_own_procedure_unchanged(mirror):
    """Of all 10,000 it is 99.9 %: the others have faint edges that are cut off, or a box of less than 20 pixels."""
    images = read_images(mirror / "t10k-images-idx3-ubyte.gz")[:1000]
    for image in images:
        digit, notes = as_digit(image / 255, "auto", "mass")
        np.testing.assert_array_equal(digit, image)
        assert notes[-1] == "ink cut out, 20 pixels on its longer side, centre of mass in the middle"


@settings(max_examples=60, deadline=None)
@given(
    factor=st.integers(1, 5),
    wide=st.integers(1, 20),
    margins=st.tuples(*[st.integers(1, 90)] * 4),
    turned=st.booleans(),
    dark=st.booleans(),
    seed=st.integers(0, 10**6),
)
def test_ink_anywhere_becomes_20_pixels_with_its_mass_in_the_middle(factor, wide, margins, turned, dark, seed):
    """Ink that was blown up by a whole number and put anywhere comes back as it was, at its place."""
    small = np.random.default_rng(seed).integers(128, 256, (20, wide)).astype(np.uint8)
    small = small.T if turned else small
    picture = np.pad(np.kron(small, np.ones((factor, factor), dtype=np.uint8)), (margins[:2], margins[2:]))
    digit, notes = as_digit((255 - picture if dark else picture) / 255, "auto", "mass")
    rows, columns = np.flatnonzero(digit.any(axis=1)), np.flatnonzero(digit.any(axis=0))
    np.testing.assert_array_equal(digit[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], small)
    for axis in (0, 1):
        mass = digit.sum(axis=1 - axis, dtype=float)
        assert (mass * np.arange(28)).sum() / mass.sum() == pytest.approx(14, abs=0.5 + 1e-9)
    assert notes[-1].startswith("ink cut out, 20 pixels")


def test_paper_is_no_ink():
    """A ground that is not white and not even becomes black but for its noise, wherever it lies beside the ink."""
    random = np.random.default_rng(3)
    paper = np.clip(drawn(120, 90, ground=215, ink=30) + random.normal(0, 4, (120, 90)), 0, 255) / 255
    digit, notes = as_digit(paper, "dark_on_light", "mass")
    clean, _ = as_digit(drawn(120, 90, ground=255, ink=0) / 255, "auto", "mass")
    assert np.abs(digit.astype(int) - clean).max() < 45
    assert (digit[clean == 0] < 13).all()
    assert "its ground was not black: the level of its border was taken from it" in notes


def test_what_is_doubtful_is_said():
    def notes_of(picture, centring="mass"):
        return " ".join(as_digit(picture / 255, "light_on_dark", centring)[1])

    assert "touches the border" in notes_of(drawn(60, 60)[15:, :])
    assert "dim" in notes_of(drawn(60, 60, ink=100))
    assert "dim" in notes_of(drawn(ink=100), "as_is")
    lopsided = np.zeros((60, 60), dtype=np.uint8)
    lopsided[10:50, 10] = lopsided[10, 10:50] = 60
    lopsided[10:20, 10:20] = 255
    assert "beside the middle: ink would be cut off" in notes_of(lopsided)
    digit, _ = as_digit(lopsided / 255, "light_on_dark", "mass")
    # 20 pixels that end where the image does.
    assert np.flatnonzero(digit.any(axis=1))[[0, -1]].tolist() == [8, 27]


def test_ink_that_is_none_or_vanishes_is_refused():
    dots = np.zeros((3000, 3000), dtype=np.float32)
    dots[5, 5] = dots[2990, 2990] = 1
    for centring in ("mass", "as_is"):
        with pytest.raises(UserError, match=r"its ink is too thin: nothing is left of it on .* pixels"):
            as_digit(dots, "auto", centring)
    with pytest.raises(UserError, match="no ink: nothing stands out from the level of its border"):
        as_digit(drawn(ground=120, ink=0) / 255, "light_on_dark", "mass")
    # A border of white, whatever the polarity of all the images beside it is.
    with pytest.raises(UserError, match="no ink"):
        digit_of(drawn(ground=255, ink=0) / 255, inverted=False, centring="mass", size=28)


def test_an_uneven_light_is_levelled():
    """A digit on shaded paper is that on even paper, nearly; without levelling the shade would be ink."""
    y, x = np.mgrid[-1:1:160j, -1:1:120j]
    paper = 0.88 - 0.1 * x - 0.06 * y - 0.08 * (x**2 + y**2)
    stroke = (np.abs(x - 0.3 * y) < 0.12) & (np.abs(y) < 0.6)
    shaded = np.where(stroke, 0.15, paper).astype(np.float32)
    even = np.where(stroke, 0.15, 0.88).astype(np.float32)
    made, notes = as_digit(shaded, "dark_on_light", "mass")
    expected, _ = as_digit(even, "dark_on_light", "mass")
    assert any("lit unevenly" in note for note in notes)
    assert not any("touches the border" in note for note in notes)
    assert np.abs(made.astype(int) - expected.astype(int)).max() < 40


def test_a_line_is_refused_before_memory_is_taken():
    grey = np.zeros((9, 200_000), dtype=np.float32)
    grey[4, 10:-10] = 1
    with pytest.raises(UserError, match="199980 x 1 pixels: on 28 x 28 pixels nothing would be left"):
        as_digit(grey, "light_on_dark", "mass")
