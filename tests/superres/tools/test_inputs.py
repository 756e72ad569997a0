"""What people hold: small pictures, whole digits, scans, arrays of several kinds, IDX files."""

from __future__ import annotations

import gzip
import os
import re
import struct

import numpy as np
import pytest
import torch
from PIL import Image

from hypernet.lab.errors import UserError
from hypernet.superres.config import LowResolution
from hypernet.superres.dataset import shrink
from hypernet.superres.tools.inputs import as_levels, given_images

from .conftest import digit, small, write

LOW = (8, 8)


def seen(image, **options):
    large = options.pop("large", "auto")
    return given_images(image, **options).small(options.pop("number", 0), LOW, large)


def test_a_digit_is_made_small_as_those_of_the_training_are(tmp_path):
    high = torch.from_numpy(np.pad(digit(), 2)[None]).float() / 255
    expected = shrink(high, LowResolution(rows=8, columns=8, bits=None))[0].numpy()
    whole = write(tmp_path / "28.png", digit()), write(tmp_path / "32.png", np.pad(digit(), 2))
    for path, words in zip(whole, ("28 x 28 pixels: made small first, 8 x 8 exact means over areas, with 2", "32 x 32"),
                           strict=True):  # fmt: skip
        image = seen(path)
        assert np.array_equal(image.pixels, expected)
        assert image.pixels.dtype == np.float32
        assert words in image.notes[0]
        assert not image.inverted
    assert "black ones" not in image.notes[0]
    # Dark on light: the frame is black for the network.
    dark = seen(write(tmp_path / "dark.png", 255 - digit()))
    np.testing.assert_allclose(dark.pixels, expected, atol=1e-6)
    assert dark.inverted
    # Of a model for images of another shape.
    assert given_images(whole[0]).small(0, (16, 4)).pixels.shape == (16, 4)


def test_a_scan_is_brought_to_a_digit_where_that_is_asked_for(tmp_path):
    page = np.full((300, 200), 240, np.uint8)
    page[60:172, 40:152] -= np.kron(np.minimum(digit(), 230), np.ones((4, 4), np.uint8))
    path = write(tmp_path / "scan.jpg", page, quality=70)
    with pytest.raises(UserError, match=r"300 x 200 pixels .* other digits with --from-large as_is or mass"):
        seen(path)
    mass = seen(path, large="mass")
    assert any("ink cut out, 20 pixels on its longer side" in note for note in mass.notes)
    assert mass.notes[-1].startswith("a digit of 28 x 28 pixels: made small first")
    assert mass.inverted
    assert mass.pixels.max() > 0.5
    assert mass.pixels[0].max() < 0.05
    with pytest.raises(UserError, match="accepted: 20 or more on the longer side"):
        seen(small(), large="mass")
    with pytest.raises(UserError, match="accepted: square pictures"):
        seen(path, large="as_is")
    # Square and on its own ground.
    square = seen(write(tmp_path / "square.png", np.kron(digit(), np.ones((3, 3), np.uint8))), large="as_is")
    np.testing.assert_allclose(square.pixels, small(), atol=1e-6)
    assert "made smaller, from 84 x 84 pixels: means over areas" in square.notes
    for large in ("as_is", "auto"):
        assert np.array_equal(seen(write(tmp_path / "32.png", np.pad(digit(), 2)), large=large).pixels, small())


def test_a_ground_that_is_not_black_is_said(tmp_path):
    grey = np.clip(255 * small() + 20, 0, 255).astype(np.uint8)
    for large in ("auto", "as_is"):
        image = seen(write(tmp_path / "grey.png", grey), large=large)
        assert image.notes == ("its ground is not black (8% of white), as that of the training's digits is",)
    image = seen(write(tmp_path / "large.png", np.clip(digit() + 20.0, 0, 255).astype(np.uint8)), large="as_is")
    assert sum("ground" in note for note in image.notes) == 1


@pytest.mark.parametrize(
    "pixels", [np.round(255 * small()).astype(np.uint8), np.round(65535 * small()).astype(np.uint16)]
)
def test_pictures_of_8_and_16_bits_and_rgb_that_is_grey(tmp_path, pixels):
    expected = np.round(255 * small()) / 255
    assert np.allclose(seen(write(tmp_path / "p.png", pixels)).pixels, expected, atol=1e-6)
    if pixels.dtype == np.uint8:
        assert np.allclose(seen(write(tmp_path / "p.tiff", np.dstack([pixels] * 3))).pixels, expected, atol=1e-6)
        Image.fromarray(pixels).convert("P").save(tmp_path / "p.gif")
        assert np.allclose(seen(tmp_path / "p.gif").pixels, expected, atol=1e-6)


def test_arrays_of_several_kinds(tmp_path):
    stack = np.stack([small(number) for number in range(3)])
    for array, options in (
        (stack, {}),
        (stack.astype(np.float64), {}),
        (np.round(255 * stack).astype(np.uint8), {}),
        (16 * stack, {"largest_level": 16}),
        (np.round(1000 * stack).astype(np.int64), {"largest_level": 1000}),
    ):
        np.save(tmp_path / "a.npy", array)
        np.savez(tmp_path / "a.npz", images=array)
        for given in (array, tmp_path / "a.npy", str(tmp_path / "a.npz")):
            images = given_images(given, **options)
            assert len(images) == 3
            for number in range(3):
                image = images.small(number, LOW)
                np.testing.assert_allclose(image.pixels, stack[number], atol=2e-3)
                assert image.name.endswith(f" {number}")
    assert given_images(stack[1]).small(0, LOW).name == "image"
    assert np.array_equal(seen(stack[1] > 0.3).pixels, (stack[1] > 0.3).astype(np.float32))
    # The polarity is that of all together: one of them has ink at its border.
    stack[1, [0, -1]] = stack[1, :, [0, -1]] = 1
    assert not given_images(stack).inverted
    assert given_images(1 - stack).inverted


def test_idx_files(tmp_path):
    images = np.stack([digit(number) for number in range(4)])
    content = struct.pack(">4i", 2051, 4, 28, 28) + images.tobytes()
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(content)
    (tmp_path / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(content))
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(struct.pack(">2i", 2049, 4) + b"\1\2\3\4")
    for name in ("t10k-images-idx3-ubyte", "t10k-images-idx3-ubyte.gz"):
        given = given_images(tmp_path / name)
        assert len(given) == 4
        assert np.array_equal(given.small(3, LOW).pixels, small(3))
    with pytest.raises(UserError, match="labels-idx1-ubyte: holds labels; expected images"):
        given_images(tmp_path / "t10k-labels-idx1-ubyte")


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (16 * small(), r"a.npy: grey levels from 0 to [\d.]+; accepted: 0, black, to 1, white \(divide by"),
        (255 * small(), r"grey levels from 0 to [\d.]+; accepted: 0, black, to 1, white"),
        (-small(), "grey levels from -"),
        (np.where(small() > 0.3, np.nan, small()), "a grey level is not a finite number"),
        (np.round(16 * small()).astype(np.uint8), "blank, or nearly so: levels from 0 to .* where 255 is white .*"
         "--largest-level 16"),
        (np.round(16 * small()).astype(np.int64), "int64, whole numbers: divide by the level of white"),
        (np.full((2, 8, 8), 0.5), "blank, or nearly so"),
        (np.zeros((0, 8, 8)), r"float64 \[0, 8, 8\]; accepted: float in \[0, 1\] or uint8, \[B, rows, columns\]"),
        (np.zeros((2, 8, 8, 1)), r"float64 \[2, 8, 8, 1\]; accepted"),
        (np.zeros(64), r"float64 \[64\]; accepted"),
        (small().astype(complex), "complex128"),
        (np.array([{}]), "Python objects"),
        (np.stack([np.eye(9)] * 2), r"a.npy 0: 9 x 9 pixels \(rows x columns\); accepted: a small image of 8 x 8"),
    ],
)  # fmt: skip
def test_bad_arrays_are_one_line(tmp_path, array, reason):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(UserError) as caught:
        given_images(tmp_path / "a.npy").small(0, LOW)
    assert "\n" not in str(caught.value)
    assert re.search(reason, str(caught.value)), str(caught.value)


def test_hostile_files_are_one_line(tmp_path):
    claims = b"\x93NUMPY\x01\x00v\x00" + b"{'descr': '<f4', 'fortran_order': False, 'shape': (100000, 100000), }".ljust(
        117
    )
    (tmp_path / "claims.npy").write_bytes(claims + b"\n")
    write(tmp_path / "bomb.png", np.zeros((9000, 9000), bool))
    (tmp_path / "claims-images-idx3-ubyte").write_bytes(struct.pack(">4i", 2051, 2**31 - 1, 2**15, 2**15))
    (tmp_path / "cut-images-idx3-ubyte.gz").write_bytes(gzip.compress(bytes(99))[:30])
    (tmp_path / "folder.npy").mkdir()
    os.mkfifo(tmp_path / "pipe.png")
    for name, reason in {
        "claims.npy": "bytes at most",
        "bomb.png": "accepted: 67,108,864 pixels at most",
        "claims-images-idx3-ubyte": "accepted: 1 to",
        "cut-images-idx3-ubyte.gz": "breaks off|cannot be read|not an IDX file",
        "folder.npy": "no such file",
        "pipe.png": "a pipe or a device",
        "absent.npz": "no such file of images",
    }.items():
        with pytest.raises(UserError) as caught:
            given_images(tmp_path / name)
        assert "\n" not in str(caught.value)
        assert re.search(rf"{name}: .*({reason})", str(caught.value)), str(caught.value)


def test_a_largest_level_that_is_none_is_refused():
    for level in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(UserError, match=r"largest level: .*; accepted: a number above 0"):
            as_levels("a", small(), level)
    levels, white = as_levels("a", small())
    assert levels.shape == (1, 8, 8)
    assert white == 1
