"""Three plates on one scan: where they are, how they lie on each other, and what of them is picture."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage
from skimage import data
from skimage.feature import match_template
from skimage.filters import sobel

from hypernet.retouch.core.separations import ORDER, Box, align, picture, split, stack

# Shifts (rows, columns) of green and red on the scans of the mirror, which exercises on these plates give.
KNOWN = {
    "cathedral": {"G": (5, 2), "R": (12, 3)},
    "monastery": {"G": (-3, 2), "R": (3, 2)},
    "nativity": {"G": (3, 1), "R": (7, 0)},
}


def photograph(name, rows=None, columns=None):
    image = Image.fromarray(getattr(data, name)())
    return np.asarray(image if rows is None else image.resize((columns, rows), Image.Resampling.LANCZOS))


def separated(image, shifts, rim, *, tones=None, noise=0.0, dtype=np.uint8, frame=0):
    """Plates that the shifts bring onto each other: windows of one photograph, of other brightness and contrast each.

    Args:
        rim: pixels of the photograph around a plate that is not shifted.
        tones: gain and power of each plate.
        frame: black lines around each plate.
    """
    rng, plates = np.random.default_rng(5), {}
    for channel, name in enumerate("RGB"):
        moves = shifts.get(name, (0, 0))
        gain, power = (tones or {}).get(name, (1.0, 1.0))
        rows, columns = (slice(rim + move, image.shape[axis] - rim + move) for axis, move in enumerate(moves))
        levels = gain * (image[rows, columns, channel] / 255.0) ** power
        levels += rng.normal(0, noise, levels.shape) if noise else 0
        if frame:
            framed = np.full(levels.shape, 0.02)
            framed[frame:-frame, frame:-frame] = levels[frame:-frame, frame:-frame]
            levels = framed
        white = np.iinfo(dtype).max
        plates[name] = np.rint(levels.clip(0, 1) * white).astype(dtype)
    return plates


def found_shifts(plates, **options):
    return {name: alignment.shift for name, alignment in align(plates, **options).items()}


# --- plates -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("height", "left_over"), [(30, 0), (31, 1), (32, 2)])
def test_a_scan_is_three_plates_of_equal_height(height, left_over):
    scan = np.arange(height * 4, dtype=np.uint16).reshape(height, 4)
    plates = split(scan)
    assert ORDER == "BGR"
    assert list(plates) == ["B", "G", "R"]
    np.testing.assert_array_equal(np.concatenate(list(plates.values())), scan[: height - left_over])
    assert all(np.shares_memory(plate, scan) for plate in plates.values())
    np.testing.assert_array_equal(split(scan, "RGB")["R"], plates["B"])


def test_a_stack_is_the_photograph_where_all_cover_it():
    image, rim, shifts = photograph("coffee"), 20, {"G": (7, -12), "R": (-20, 3)}
    plates = separated(image, shifts, rim)
    stacked = stack(plates, shifts)
    box = picture(plates, shifts)
    assert box == Box(7, 3, 360 - 20, 560 - 12)
    original = image[rim:-rim, rim:-rim]
    np.testing.assert_array_equal(stacked[box.slices], original[box.slices])
    # Blue is whole; of green and red the uncovered rows and columns are black.
    np.testing.assert_array_equal(stacked[..., 2], original[..., 2])
    assert not stacked[:7, :, 1].any()
    assert not stacked[:, -12:, 1].any()
    assert not stacked[-20:, :, 0].any()
    np.testing.assert_array_equal(stacked[:-20, 3:, 0], original[:-20, 3:, 0])


# --- shifts -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", KNOWN)
def test_real_plates_are_aligned_as_is_known(mirror, name):
    with Image.open(mirror / "prokudin" / f"{name}.jpg") as image:
        plates = split(np.asarray(image))
    alignments = align(plates)
    assert {channel: alignment.shift for channel, alignment in alignments.items()} == KNOWN[name]
    for alignment in alignments.values():
        assert alignment.after > max(0.6, alignment.before + 0.25)
        assert not alignment.on_edge
        assert alignment.residual < 1.5
    box = picture(plates, KNOWN[name])
    rows, columns = plates["B"].shape
    # The frames of these scans are 8 to 30 pixels wide.
    assert 8 <= box.top <= 30
    assert 8 <= box.left <= 30
    assert 8 <= rows - box.bottom <= 35
    assert 8 <= columns - box.right <= 30


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(
    "shifts", [{"G": (0, 0), "R": (0, 0)}, {"G": (9, -4), "R": (21, 17)}, {"G": (-25, 30), "R": (-11, -29)}]
)
def test_shifts_are_recovered_exactly_from_plates_of_other_brightness(shifts, dtype):
    tones = {"R": (0.9, 0.6), "G": (0.7, 1.2), "B": (0.4, 1.5)}
    plates = separated(photograph("astronaut"), shifts, 40, tones=tones, noise=0.03, dtype=dtype, frame=9)
    assert found_shifts(plates) == shifts


def test_the_search_grows_with_the_scan():
    """A shift of 75 pixels on plates of 1,000 rows, from coarse to fine."""
    shifts = {"G": (-38, 21), "R": (75, -67)}
    image = photograph("coffee", 1160, 1400)
    tones = {"R": (0.8, 0.7), "G": (0.9, 1.0), "B": (0.5, 1.4)}
    plates = separated(image, shifts, 80, tones=tones, noise=0.02, dtype=np.uint16, frame=40)
    alignments = align(plates)
    assert {name: alignment.shift for name, alignment in alignments.items()} == shifts
    assert not any(alignment.on_edge for alignment in alignments.values())
    box = picture(plates, shifts)
    # What all three cover inside their frames, and little less.
    inside = Box(40 + 75, 40 + 21, 1000 - 40 - 38, 1240 - 40 - 67)
    assert box.within(inside) == box
    assert min(box.bottom - box.top, box.right - box.left) > 0
    assert box.top - inside.top <= 50
    assert inside.bottom - box.bottom <= 50
    assert box.left - inside.left <= 50
    assert inside.right - box.right <= 50


def test_a_robe_that_is_light_on_a_plate_and_black_on_another_does_not_mislead():
    """Levels then correlate best at a wrong shift, edges at the right one."""
    image, shifts = photograph("coffee"), {"G": (4, 3), "R": (13, -6)}
    plates = separated(image, shifts, 40)
    robe = np.zeros(plates["R"].shape, dtype=bool)
    robe[60 - 13 : 300 - 13, 130 + 6 : 420 + 6] = True
    plates["R"] = np.where(robe, 255 - plates["R"], plates["R"] // 2).astype(np.uint8)
    reach = (26, 39)
    levels = match_template(plates["B"], plates["R"][reach[0] : -reach[0], reach[1] : -reach[1]])
    wrong = np.unravel_index(levels.argmax(), levels.shape)
    assert max(abs(place - far - move) for place, far, move in zip(wrong, reach, shifts["R"], strict=True)) > 2
    assert found_shifts(plates) == shifts


def test_a_negative_plate_is_aligned_as_its_positive():
    plates = separated(photograph("astronaut"), {"G": (3, 8), "R": (-9, 2)}, 40)
    positive = align(plates)
    negative = align({**plates, "R": 255 - plates["R"]})["R"]
    assert negative.shift == positive["R"].shift == (-9, 2)
    assert negative.after == pytest.approx(positive["R"].after, abs=1e-6)


def test_agreement_is_the_correlation_of_edges_of_a_library():
    plates = separated(photograph("astronaut"), {"R": (6, -11)}, 100)
    rows, columns = plates["B"].shape
    far = (math.ceil(0.08 * rows), math.ceil(0.08 * columns))
    blue, red = (sobel(plates[name] / 255.0)[1:-1, 1:-1] for name in "BR")
    # Without the outermost pixels, at which the libraries differ.
    scores = match_template(red, blue[far[0] - 1 : 1 - far[0], far[1] - 1 : 1 - far[1]])[::-1, ::-1]
    alignment = align(plates)["R"]
    assert alignment.shift == (6, -11)
    assert alignment.after == pytest.approx(scores.max(), abs=1e-5)
    assert alignment.before == pytest.approx(scores[scores.shape[0] // 2, scores.shape[1] // 2], abs=1e-5)
    assert alignment.after > alignment.before


def test_a_shift_beyond_the_search_is_said_and_a_wider_search_finds_it():
    shifts = {"G": (0, 5), "R": (50, 0)}
    plates = separated(photograph("astronaut"), shifts, 55)
    near = align(plates)
    assert near["R"].on_edge
    assert not near["G"].on_edge
    assert found_shifts(plates, reach=0.15) == shifts


@pytest.mark.parametrize("degrees", [0.0, 0.4])
def test_what_a_turned_plate_leaves_is_measured(degrees):
    plates = separated(photograph("astronaut", 1024, 1024), {}, 60)
    plates["R"] = ndimage.rotate(plates["R"], degrees, reshape=False, order=3, mode="nearest")
    alignments = align(plates)
    # The parts' middles: a square of 3 x 3 inside 8 % and 4 pixels on each side.
    side = plates["B"].shape[0]
    apart = (side - 2 * (math.ceil(0.08 * side / 2) * 2 + 8)) / 3
    distances = np.hypot(*np.meshgrid([-apart, 0, apart], [-apart, 0, apart]))
    assert alignments["R"].residual == pytest.approx(np.radians(degrees) * np.median(distances), abs=0.35)
    assert alignments["G"].residual < 0.35


def test_parts_without_edges_say_nothing():
    scan = np.full((300, 100), 128, dtype=np.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        alignments = align(split(scan))
        box = picture(split(scan), {})
    for alignment in alignments.values():
        assert (alignment.before, alignment.after) == (0, 0)
        assert math.isnan(alignment.residual)
    assert box == Box(0, 0, 100, 100)


# --- frames -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dark", [True, False], ids=["black", "white"])
def test_frames_are_left_out_on_the_sides_that_have_them(dark):
    plates = separated(photograph("coffee"), {}, 0)
    widths = {"B": (12, 0, 5, 0), "G": (9, 20, 0, 0), "R": (0, 17, 30, 0)}
    for name, (top, left, bottom, right) in widths.items():
        rows, columns = plates[name].shape
        framed = np.full((rows, columns), 3 if dark else 252, dtype=np.uint8)
        inside = Box(top, left, rows - bottom, columns - right).slices
        framed[inside] = (40 + plates[name] * 0.7)[inside]
        plates[name] = framed
    box = picture(plates, {})
    rows, columns = plates["B"].shape
    assert 12 <= box.top <= 12 + 4
    assert 20 <= box.left <= 20 + 4
    assert 30 <= rows - box.bottom <= 30 + 4
    assert box.right == columns


def test_a_photograph_without_frames_is_not_cropped():
    for name in ("astronaut", "coffee", "chelsea", "rocket"):
        plates = separated(photograph(name), {}, 0)
        rows, columns = plates["B"].shape
        assert picture(plates, {}) == Box(0, 0, rows, columns), name
