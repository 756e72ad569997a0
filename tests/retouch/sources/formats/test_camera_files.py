"""HEIC and raw files, where their readers are installed."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from PIL import Image

from hypernet.lab.errors import UserError
from hypernet.retouch.sources.formats.profiles import SRGB_CURVE
from hypernet.retouch.sources.image_files import read_photograph, write_photograph
from tests.retouch.icc import WIDE

SMOOTH = np.stack(np.meshgrid(np.arange(0, 192, 2), np.arange(64), indexing="ij"), axis=-1)
SMOOTH = np.dstack([SMOOTH, SMOOTH[..., :1] // 2 + 60]).astype(np.uint8)
LOSSLESS = {"quality": -1, "matrix_coefficients": 0, "chroma": 444}


def heic(path, mode, pixels, **options):
    pillow_heif = pytest.importorskip("pillow_heif")
    file = pillow_heif.from_bytes(mode, pixels.shape[1::-1], np.ascontiguousarray(pixels).tobytes())
    file.save(path, **{**LOSSLESS, **options})
    return path


def test_heic_comes_upright_with_its_facts(tmp_path):
    exif = Image.Exif()
    exif[0x0112], exif[0x0110] = 6, "Model"
    path = heic(tmp_path / "in.heic", "RGB", SMOOTH, exif=exif.tobytes())
    photograph = read_photograph(path)
    assert photograph.format == "HEIC"
    assert np.array_equal(photograph.pixels, np.rot90(SMOOTH, -1))
    for ending in (".jpg", ".png", ".tif"):
        write_photograph(tmp_path / f"out{ending}", photograph)
        with Image.open(tmp_path / f"out{ending}") as image:
            assert (image.getexif()[0x0112], image.getexif()[0x0110]) == (1, "Model")
            assert image.size == (96, 64)
    assert np.array_equal(read_photograph(tmp_path / "out.png").pixels, photograph.pixels)


def test_heic_of_ten_bits_has_all_of_sixteen(tmp_path):
    deep = SMOOTH.astype(np.uint16) * 257
    deep[0, 0], deep[0, 1] = 65535, 0
    photograph = read_photograph(heic(tmp_path / "in.heic", "RGB;16", deep))
    assert photograph.pixels.dtype == np.uint16
    assert (photograph.pixels[0, 0] == 65535).all()
    assert (photograph.pixels[0, 1] == 0).all()
    assert np.abs(photograph.pixels.astype(int) - deep).max() <= 65535 / 1023


def test_heic_of_a_wide_profile_keeps_it(tmp_path):
    pillow_heif = pytest.importorskip("pillow_heif")
    file = pillow_heif.from_bytes("RGB", SMOOTH.shape[1::-1], SMOOTH.tobytes())
    file[0].info["icc_profile"], file[0].info["icc_profile_type"] = WIDE["Display P3"], "prof"
    file.save(tmp_path / "in.heic", **LOSSLESS)
    photograph = read_photograph(tmp_path / "in.heic")
    assert photograph.is_wide
    write_photograph(tmp_path / "out.tif", photograph)
    again = read_photograph(tmp_path / "out.tif")
    assert again.profile.data == WIDE["Display P3"]
    assert np.array_equal(again.original, SMOOTH)


def test_heic_that_is_cut_off_is_refused(tmp_path):
    content = heic(tmp_path / "in.heic", "RGB", SMOOTH).read_bytes()
    for cut in (20, 100, 300, len(content) - 40):
        (tmp_path / "cut.heic").write_bytes(content[:cut])
        with pytest.raises(UserError, match=r"cut\.heic"):
            read_photograph(tmp_path / "cut.heic")


# Linear sRGB as the camera's own colours, under D65.
XYZ_TO_CAMERA = np.linalg.inv([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def dng(path, colour, orientation=1, neutral=(1.0, 1.0, 1.0)):
    """A DNG of one colour, as a sensor behind red, green and blue filters sees it."""
    tifffile = pytest.importorskip("tifffile")
    mosaic = np.tile(np.array([[colour[0], colour[1]], [colour[1], colour[2]]], np.uint16), (32, 48))
    matrix = [part for value in XYZ_TO_CAMERA.flat for part in (round(1e4 * value), 10_000)]
    white = [part for value in neutral for part in (round(1e6 * value), 1_000_000)]
    tags = [
        (271, 2, 0, "Maker", True),
        (272, 2, 0, "Model", True),
        (274, 3, 1, orientation, True),
        (33421, 3, 2, (2, 2), True),
        (33422, 1, 4, (0, 1, 1, 2), True),
        (33432, 2, 0, "me", True),
        (50706, 1, 4, (1, 4, 0, 0), True),
        (50708, 2, 0, "Maker Model", True),
        (50717, 4, 1, 65535, True),
        (50721, 10, 9, tuple(matrix), True),
        (50728, 5, 3, tuple(white), True),
        (50778, 3, 1, 21, True),
    ]
    tifffile.imwrite(path, mosaic, photometric="cfa", extratags=tags, metadata=None)
    return path


@pytest.mark.parametrize("name", ["in.dng", "in.tif"])
def test_a_raw_file_is_developed_with_the_cameras_white(tmp_path, name):
    pytest.importorskip("rawpy")
    photograph = read_photograph(dng(tmp_path / name, (20_000, 30_000, 10_000), 6, neutral=(0.5, 1.0, 0.4)))
    assert photograph.pixels.shape == (96, 64, 3)
    assert photograph.pixels.dtype == np.uint16
    inner = photograph.pixels[8:-8, 8:-8].reshape(-1, 3)
    expected = SRGB_CURVE.inverse(np.array([40_000, 30_000, 25_000]) / 65535)
    np.testing.assert_allclose(np.median(inner, axis=0) / 65535, expected, atol=1e-3)
    assert "white balance" in photograph.notes[0]
    assert photograph.profile.is_srgb
    write_photograph(tmp_path / "out.tif", photograph)
    with Image.open(tmp_path / "out.tif") as image:
        exif = image.getexif()
        assert (exif[0x010F], exif[0x0112], exif[0x8298]) == ("Maker", 1, "me")
        assert not any(tag >= 50000 for tag in exif)


def test_a_raw_file_of_one_channel_is_grey(tmp_path):
    pytest.importorskip("rawpy")
    tifffile = pytest.importorskip("tifffile")
    levels = np.linspace(0, 255, 64 * 48).reshape(48, 64).astype(np.uint8)
    version = [(50706, 1, 4, (1, 4, 0, 0), True)]
    tifffile.imwrite(tmp_path / "in.dng", levels, photometric="cfa", extratags=version, metadata=None)
    photograph = read_photograph(tmp_path / "in.dng")
    assert photograph.pixels.shape == (48, 64, 3)
    assert (photograph.pixels == photograph.pixels[..., :1]).all()
    assert "grey: written as RGB" in photograph.notes


def test_a_raw_file_that_is_broken_is_refused(tmp_path):
    pytest.importorskip("rawpy")
    content = dng(tmp_path / "in.dng", (1, 2, 3)).read_bytes()
    for name, data in (("cut.dng", content[:2000]), ("no.nef", b"hello" * 99), ("none.cr2", b"")):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(UserError, match=f"{name}: not a"):
            read_photograph(tmp_path / name)


@pytest.mark.parametrize(
    ("module", "name", "content"),
    [("pillow_heif", "in.heic", b"\0\0\0\x18ftypheic" + bytes(50)), ("rawpy", "in.arw", b"II*\0" + bytes(50))],
)
def test_a_reader_that_is_missing_is_named(tmp_path, monkeypatch, module, name, content):
    monkeypatch.setitem(sys.modules, module, None)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=rf'{name}: .* cannot be used .*pip install "hypernet\[cameras\]"'):
        read_photograph(tmp_path / name)
