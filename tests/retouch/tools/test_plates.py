"""`hypernet retouch plates`: from a scan's file to a colour photograph's, what is said of it, and what is refused."""

from __future__ import annotations

import argparse
import functools
import itertools

import numpy as np
import pytest
from PIL import Image
from skimage import data

from hypernet.lab.errors import UserError
from hypernet.retouch.core.colour_map import ColourMap
from hypernet.retouch.core.pixels import apply_maps
from hypernet.retouch.core.separations import REACH
from hypernet.retouch.tools.plates import ORDERS, add_arguments, plates, run

SHIFTS, RIM = {"G": (4, -7), "R": (11, 6)}, 14
# What all three plates cover, of the photograph without its rim.
COVERED = (slice(11, None), slice(6, -7))


@functools.cache
def photograph(dtype=np.uint8):
    """A photograph, ``[200, 300, 3]`` of the plates, and a rim around them."""
    small = Image.fromarray(data.coffee()).resize((300 + 2 * RIM, 200 + 2 * RIM), Image.Resampling.LANCZOS)
    levels = np.asarray(small)
    # Of 16 bits the lower ones are in use too.
    return levels if dtype == np.uint8 else levels * np.uint16(256) + levels[::-1]


def plate(image, channel):
    down, right = SHIFTS.get(channel, (0, 0))
    rows, columns = (
        slice(RIM + move, side - RIM + move) for move, side in zip((down, right), image.shape[:2], strict=True)
    )
    return image[rows, columns, "RGB".index(channel)]


def scan(dtype=np.uint8, order="BGR"):
    image = photograph(dtype)
    return np.concatenate([plate(image, channel) for channel in order])


def answer(dtype=np.uint8):
    return photograph(dtype)[RIM:-RIM, RIM:-RIM]


def save(path, levels):
    Image.fromarray(levels).save(path)
    return path


def command(*arguments):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    run(parser.parse_args([str(argument) for argument in arguments]))


class Model:
    """A method that answers every picture with one map."""

    method, title, is_map, size = "hyper", "eight photographs", True, 64

    def __init__(self, matrix):
        self.answer, self.asked = ColourMap(matrix), []

    def colour_map(self, pixels):
        self.asked.append(pixels)
        return self.answer


def warm():
    matrix = ColourMap.identity().matrix.copy()
    matrix[0, [0, 6]], matrix[2, 8], matrix[1, 9] = (-0.2, 1.2), 0.8, 0.03
    return matrix


# --- files ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ending", "dtype"), [(".png", np.uint8), (".png", np.uint16), (".tif", np.uint8), (".tif", np.uint16)]
)
def test_the_file_holds_the_photograph_as_deep_as_the_scan(tmp_path, capsys, ending, dtype):
    source = save(tmp_path / f"scan{ending}", scan(dtype))
    command(source, "--out", tmp_path / "colour.png")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("G: moved 4 down, 7 left; its edges agree with B's to ")
    assert lines[1].startswith("R: moved 11 down, 6 right; ")
    assert lines[2] == "cropped: 11 rows at the top, 0 at the foot; 6 columns left, 7 right"
    assert lines[3] == f"{tmp_path / 'colour.png'}: 287 x 189 pixels"
    assert not any(line.startswith("warning") for line in lines)
    made = plates(source)
    assert made.pixels.dtype == dtype
    np.testing.assert_array_equal(made.pixels, answer(dtype)[COVERED])
    assert made.shifts == SHIFTS
    assert all(after > before for before, after in made.agreement.values())
    with Image.open(tmp_path / "colour.png") as image:
        assert image.size == (287, 189)
        # Pillow reads 8 of 16 bits: the higher byte.
        upper = made.pixels if dtype == np.uint8 else (made.pixels >> 8).astype(np.uint8)
        np.testing.assert_array_equal(np.asarray(image), upper)


def test_a_tiff_of_16_bits_is_written_without_loss(tmp_path):
    tifffile = pytest.importorskip("tifffile")
    source = tmp_path / "scan.tif"
    tifffile.imwrite(source, scan(np.uint16), photometric="minisblack")
    plates(source, out=tmp_path / "colour.tif")
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "colour.tif"), answer(np.uint16)[COVERED])
    made = plates(source, out=tmp_path / "colour.jpg")
    assert made.notes == ("16 bits are rounded to 8, which JPEG holds",)
    with Image.open(tmp_path / "colour.jpg") as image:
        assert image.size == (287, 189)
        assert np.abs(np.asarray(image).astype(int) - (answer(np.uint16)[COVERED] >> 8)).mean() < 3


def test_an_array_is_as_good_as_its_file(tmp_path):
    made = plates(scan(), out=tmp_path / "colour.png")
    assert made.notes == ()
    with Image.open(tmp_path / "colour.png") as image:
        np.testing.assert_array_equal(np.asarray(image), answer()[COVERED])
    assert made.aligned is made.pixels


@pytest.mark.parametrize("name", ["cathedral", "monastery", "nativity"])
def test_real_plates(mirror, tmp_path, capsys, name):
    command(mirror / "prokudin" / f"{name}.jpg", "--out", tmp_path / "colour.png")
    printed = capsys.readouterr().out
    assert "R: moved " in printed
    assert "warning" not in printed
    assert "1024 rows do not make three equal plates: the last row is left out" in printed
    with Image.open(tmp_path / "colour.png") as image:
        colours = np.asarray(image).astype(float)
    # Channels of a photograph go together; those of plates that lie apart do not.
    pairs = [
        np.corrcoef(colours[..., first].ravel(), colours[..., other].ravel())[0, 1] for first, other in ((0, 1), (1, 2))
    ]
    assert min(pairs) > 0.85


# --- options ----------------------------------------------------------------------------------------------------


def test_plates_may_lie_in_any_order():
    assert sorted(ORDERS) == sorted("".join(order) for order in itertools.permutations("RGB"))
    for order in ("RGB", "GRB"):
        np.testing.assert_array_equal(plates(scan(order=order), order=order).pixels, answer()[COVERED])


def test_without_crop_the_plate_keeps_its_size(tmp_path, capsys):
    source = save(tmp_path / "scan.png", scan())
    command(source, "--out", tmp_path / "colour.png", "--no-crop", "--before-after", tmp_path / "both.png")
    lines = capsys.readouterr().out.splitlines()
    assert lines[2:] == [f"{tmp_path / 'colour.png'}: 300 x 200 pixels", f"{tmp_path / 'both.png'}: before and after"]
    assert (tmp_path / "both.png").is_file()
    made = plates(source, crop=False)
    assert made.pixels.shape == (200, 300, 3)
    np.testing.assert_array_equal(made.pixels[COVERED], answer()[COVERED])
    np.testing.assert_array_equal(made.pixels[..., 2], answer()[..., 2])
    assert not made.pixels[:11, :, 0].any()


def test_the_help_says_the_reach_of_the_search(capsys):
    with pytest.raises(SystemExit):
        command("--help")
    assert f"a plate's sides; default: {REACH:g}" in " ".join(capsys.readouterr().out.split())


def test_a_shift_at_the_edge_of_the_search_is_a_warning(tmp_path, capsys):
    source = save(tmp_path / "scan.png", scan())
    command(source, "--out", tmp_path / "colour.png", "--reach", "0.05")
    assert "warning: the best shift of R lies on the edge of the search" in capsys.readouterr().out
    assert plates(source, reach=0.06).shifts == SHIFTS


# --- retouching -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("strength", [0.0, 0.6, 1.0])
def test_a_model_sees_the_aligned_picture_and_its_map_is_applied(dtype, strength):
    model = Model(warm())
    made = plates(scan(dtype), model=model, strength=strength)
    (seen,) = model.asked
    np.testing.assert_array_equal(seen, answer(dtype)[COVERED])
    np.testing.assert_array_equal(made.aligned, answer(dtype)[COVERED])
    np.testing.assert_array_equal(made.pixels, apply_maps(made.aligned, [ColourMap(warm()).at_strength(strength)]))
    assert (made.pixels == made.aligned).all() == (strength == 0)
    assert made.notes == (f"retouched: hyper, eight photographs, strength {strength:g}",)


def test_a_map_that_folds_is_used_as_far_as_it_does_not():
    matrix = ColourMap.identity().matrix.copy()
    matrix[:, [0, 1, 2]] -= 0.5
    made = plates(scan(), model=Model(matrix))
    assert ColourMap(matrix).folds
    assert made.colour_map is not None
    assert not made.colour_map.folds
    assert "warning: the colour map would make a brighter grey darker" in made.notes[-1]
    # Grey x - 1.5 a x² rises up to 1 as long as a is no more than 1/3.
    assert "at 0.33" in made.notes[-1]
    np.testing.assert_array_equal(made.pixels, apply_maps(made.aligned, [made.colour_map]))


def test_pictures_before_and_after_lie_side_by_side(tmp_path):
    aligned, retouched = plates(scan()), plates(scan(np.uint16), model=Model(warm()))
    sizes = []
    for made in (aligned, retouched):
        made.save_comparison(tmp_path / "both.png")
        with Image.open(tmp_path / "both.png") as image:
            sizes.append(image.size)
            colours = np.asarray(image.convert("RGB")).astype(int)
        # The unaligned plates on the left have the stronger fringes: differences of channels from place to place.
        fringes = np.abs(np.diff(colours[..., 0] - colours[..., 2], axis=0)).mean(axis=0)
        part = colours.shape[1] // (2 if made is aligned else 3)
        assert fringes[:part].mean() > 1.5 * fringes[part : 2 * part].mean()
    assert sizes[1][0] == pytest.approx(1.5 * sizes[0][0], abs=2)
    with pytest.raises(UserError, match=r"both.gif: the name must end in .png"):
        aligned.save_comparison(tmp_path / "both.gif")


# --- what a scan may be, and what is refused ---------------------------------------------------------------------


def test_grey_that_is_written_as_rgb_is_grey(tmp_path):
    source = save(tmp_path / "scan.png", np.repeat(scan()[..., None], 3, axis=2))
    made = plates(source)
    np.testing.assert_array_equal(made.pixels, answer()[COVERED])
    assert made.notes == ()


def test_a_tint_is_said_and_a_colour_photograph_refused(tmp_path):
    tinted = np.repeat(scan()[..., None], 3, axis=2)
    tinted[..., 2] -= np.minimum(tinted[..., 2], 7)
    made = plates(save(tmp_path / "tinted.png", tinted))
    np.testing.assert_array_equal(made.pixels, answer()[COVERED])
    assert made.notes == ("nearly grey: its green channel is used",)
    colour = save(tmp_path / "colour.png", np.concatenate([answer()] * 3))
    with pytest.raises(
        UserError, match=r"colour.png: already in colour \(\d+% of its pixels are not grey\); accepted: a"
    ):
        plates(colour)


def test_opacity_is_left_out(tmp_path):
    levels = scan()
    source = save(tmp_path / "scan.png", np.dstack([levels, np.full_like(levels, 255)]))
    made = plates(source, out=tmp_path / "colour.png")
    assert made.notes == ("opacity is left out",)
    with Image.open(tmp_path / "colour.png") as image:
        assert image.mode == "RGB"


@pytest.mark.parametrize(("rows", "words"), [(1, "the last row is"), (2, "the last two rows are")])
def test_rows_that_are_left_over_are_said(rows, words):
    levels = np.pad(scan(), ((0, rows), (0, 0)))
    made = plates(levels)
    np.testing.assert_array_equal(made.pixels, answer()[COVERED])
    assert made.notes == (f"{600 + rows} rows do not make three equal plates: {words} left out",)


@pytest.mark.parametrize(
    ("levels", "message"),
    [
        (scan().T, r"scan: 600 x 300 pixels, wider than high; accepted: three plates one above the other"),
        (scan()[:150, :40], r"scan: plates of 40 x 50 pixels; accepted: 64 x 64 and more"),
        (data.camera(), r"scan: its upper, middle and lower third show no common scene \(edges agree to 0.\d+ at best"),
        (np.full((600, 200), 77, np.uint8), r"scan: its upper, .* agree to 0.00 at best"),
        (scan().astype(float), r"scan: float64 \[600, 300\]; accepted: uint8 or uint16 \[H, W\]"),
        (photograph(), r"scan: uint8 \[228, 328, 3\]; accepted"),
        (np.zeros((0, 0), np.uint8), r"scan: uint8 \[0, 0\]; accepted"),
    ],
    ids=["side by side", "tiny", "a single photograph", "flat", "floats", "colour", "empty"],
)
def test_what_is_no_scan_of_three_plates_is_refused_in_a_line(levels, message):
    with pytest.raises(UserError, match=message) as error:
        plates(levels)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"order": "BGB"}, "order: 'BGB'; accepted: BGR, RGB"),
        ({"strength": 2.0}, "strength: 2.0; accepted: 0 to 1.5"),
        ({"strength": float("nan")}, "strength: nan; accepted"),
        ({"reach": 0.0}, "reach: 0.0; accepted: above 0, up to 0.25"),
        ({"reach": 0.3}, "reach: 0.3; accepted"),
        ({"out": "colour.gif"}, "colour.gif: the name must end in .jpg or .jpeg or .png or .tif or .tiff or .webp"),
    ],
)
def test_other_options_are_refused_before_anything_is_read(options, message):
    with pytest.raises(UserError, match=message):
        plates("no-such-file.png", **options)


def test_files_that_are_not_there_or_not_pictures_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"none.png: no such file"):
        plates(tmp_path / "none.png")
    (tmp_path / "text.png").write_text("plates")
    with pytest.raises(UserError, match=r"text.png: not a picture of a known format"):
        plates(tmp_path / "text.png")


def test_a_scan_is_never_written_over(tmp_path):
    source = save(tmp_path / "scan.png", scan())
    before = source.read_bytes()
    for arguments in (["--out", source], ["--out", tmp_path / "colour.png", "--before-after", source]):
        with pytest.raises(UserError, match=r"scan.png: this file is read by the same command"):
            command(source, *arguments)
    with pytest.raises(UserError, match="this file is read by the same command"):
        plates(source, out=source)
    with pytest.raises(UserError, match=r"--strength: is of a model's retouching; --model names none"):
        command(source, "--out", tmp_path / "colour.png", "--strength", "0.5")
    assert source.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["scan.png"]
