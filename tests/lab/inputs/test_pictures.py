"""Pictures: every common format is read alike, and what is none is refused in one line."""

from __future__ import annotations

import functools
import os
import struct
import sys
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from hypernet.lab.errors import UserError
from hypernet.lab.inputs import pictures
from hypernet.lab.inputs.pictures import read_picture

RED = (200, 30, 40)
read = functools.partial(read_picture, extra="shapes")


def scene(height: int = 40, width: int = 60, colour=RED) -> np.ndarray:
    """A picture of a box, rows 10..29, columns 15..34; RGB."""
    picture = np.full((height, width, 3), 250, dtype=np.uint8)
    picture[10:30, 15:35] = colour
    return picture


def saved(path, image, **options):
    image.save(path, **options)
    return path


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tiff", "a.gif", "a.webp", "a.jpg"])
def test_common_formats_are_read_as_rgb_and_opacity(tmp_path, name):
    picture = scene()
    options = (
        {"lossless": True} if name.endswith("webp") else {"quality": 95, "subsampling": 0} if "jpg" in name else {}
    )
    rgba, notes = read(saved(tmp_path / name, Image.fromarray(picture), **options))
    assert (rgba.dtype, rgba.shape, notes) == (np.uint8, (40, 60, 4), [])
    assert np.abs(rgba[..., :3].astype(int) - picture).max() <= (12 if "jpg" in name else 0)
    assert (rgba[..., 3] == 255).all()


def test_grey_two_level_and_sixteen_bit_pictures(tmp_path):
    grey = scene()[..., 0]
    for image in (Image.fromarray(grey), Image.fromarray(grey).convert("LA")):
        rgba, notes = read(saved(tmp_path / "a.png", image))
        assert notes == []
        np.testing.assert_array_equal(rgba[..., :3], np.dstack([grey] * 3))
    deep = np.array([[0, 128, 129, 32896, 65535]], dtype=np.uint16)
    for name in ("a.png", "a.tiff"):
        rgba, notes = read(saved(tmp_path / name, Image.fromarray(deep)))
        assert rgba[0, :, 0].tolist() == [0, 0, 1, 128, 255]
        assert "16-bit" in notes[0]
    black = read(saved(tmp_path / "a.png", Image.fromarray(grey > 200)))[0]
    assert black[0, 0].tolist() == [255] * 4
    assert black[20, 20].tolist() == [0, 0, 0, 255]


def test_palettes_with_transparency_and_cmyk(tmp_path):
    palette = Image.fromarray(scene()).quantize(4)
    ground = palette.getpixel((0, 0))
    rgba, _ = read(saved(tmp_path / "a.png", palette, transparency=ground))
    np.testing.assert_array_equal(rgba[..., 3] == 255, (scene() == RED).all(axis=-1))
    rgba, notes = read(saved(tmp_path / "a.jpg", Image.fromarray(scene()).convert("CMYK"), quality=98))
    assert "CMYK" in notes[0]
    assert np.abs(rgba[20, 20, :3].astype(int) - RED).max() < 8
    with pytest.raises(UserError, match=r"of the kind F"):
        read(saved(tmp_path / "a.tiff", Image.fromarray(np.zeros((4, 4), np.float32))))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_turned_as_their_camera_says(tmp_path, orientation):
    image = Image.fromarray(np.arange(6 * 4 * 3, dtype=np.uint8).reshape(4, 6, 3))
    exif = image.getexif()
    exif[0x0112] = orientation
    path = saved(tmp_path / "a.png", image, exif=exif)
    rgba, notes = read(path)
    with Image.open(path) as again:
        np.testing.assert_array_equal(rgba[..., :3], np.asarray(ImageOps.exif_transpose(again)))
    assert ("EXIF" in "".join(notes)) == (orientation > 1)


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.png", "a.tiff"])
def test_of_several_frames_the_first_is_used_and_it_is_said(tmp_path, name):
    frames = [Image.fromarray(scene(colour=colour)) for colour in (RED, (0, 0, 255), (0, 200, 0))]
    options = {"lossless": True} if name == "a.webp" else {}
    path = saved(tmp_path / name, frames[0], save_all=True, append_images=frames[1:], **options)
    rgba, notes = read(path)
    assert "3 frames: the first is used" in notes
    assert rgba[20, 20].tolist() == [*RED, 255]


def declared_png(width: int, height: int) -> bytes:
    """A PNG that declares a size and holds next to nothing."""

    def chunk(tag: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + tag + body + struct.pack(">I", zlib.crc32(tag + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def test_what_is_no_picture_is_refused_in_one_line(tmp_path, monkeypatch):
    path = tmp_path / "photo"
    png = saved(tmp_path / "a.png", Image.fromarray(scene())).read_bytes()
    cases = {
        "12000 x 12000 pixels": declared_png(12000, 12000),
        "at most": declared_png(90000, 90000),
        "HEIC": b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic",
        "known format": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        "not a picture": b"",
        "can be read": png[: len(png) // 2],
    }
    for words, content in cases.items():
        path.write_bytes(content)
        with pytest.raises(UserError, match=words if words != "not a picture" else "not a picture of") as caught:
            read(path)
        assert str(caught.value).startswith(str(path))
        assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match=r"absent\.png: no such file$"):
        read(tmp_path / "absent.png")
    saved(tmp_path / "a.png", Image.fromarray(np.zeros((3, 3, 4), np.uint8)))
    with pytest.raises(UserError, match=r"a\.png: every pixel is transparent"):
        read(tmp_path / "a.png")
    monkeypatch.setattr(pictures, "LARGEST_FILE", 10)
    with pytest.raises(UserError, match="10 bytes"):
        read(tmp_path / "a.png")


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_damaged_files_are_read_or_refused(tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp()
    ending = data.draw(st.sampled_from(["png", "jpeg", "gif", "webp", "tiff", "bmp"]))
    whole = folder / f"whole.{ending}"
    if not whole.exists():
        Image.fromarray(scene(8, 9)[:, :, :]).save(whole)
    content = bytearray(whole.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    damaged = folder / "damaged"
    damaged.write_bytes(content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content)
    try:
        rgba, _ = read(damaged)
    except UserError as error:
        message = str(error)
    else:
        assert (rgba.dtype, rgba.ndim, rgba.shape[2]) == (np.uint8, 3, 4)
        message = ""
    assert "\n" not in message


def test_a_pipe_is_no_picture(tmp_path):
    os.mkfifo(tmp_path / "photo.png")
    with pytest.raises(UserError, match="not a file but a folder, a pipe or a device"):
        read(tmp_path / "photo.png")


def test_the_missing_library_is_named_with_its_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(UserError, match=r'Pillow cannot be used .*pip install "hypernet\[superres\]"'):
        read_picture(tmp_path / "a.png", "superres")
