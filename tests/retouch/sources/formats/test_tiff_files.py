"""TIFF of 16 bits and of floating point, as tifffile and OpenCV write and read it."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from PIL import Image

from hypernet.lab.errors import UserError
from hypernet.retouch.sources.formats.tiff_tags import TagError, first_directory
from hypernet.retouch.sources.image_files import Photograph, read_photograph, write_photograph

tifffile = pytest.importorskip("tifffile")

DEEP = np.random.default_rng(0).integers(0, 65536, (53, 47, 4)).astype(np.uint16)
RGB, ALPHA = np.ascontiguousarray(DEEP[..., :3]), np.ascontiguousarray(DEEP[..., 3])
FLOATS = (RGB / 65535).astype(np.float32)


def read(tmp_path, pixels, **options):
    tifffile.imwrite(tmp_path / "in.tif", pixels, **{"photometric": "rgb", **options})
    return read_photograph(tmp_path / "in.tif")


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"rowsperstrip": 7},
        {"tile": (32, 16)},
        {"compression": "zlib"},
        {"compression": "zlib", "predictor": True},
        {"compression": "zlib", "predictor": True, "tile": (32, 16)},
        {"compression": "lzma"},
    ],
    ids=str,
)
def test_every_layout_comes_in(tmp_path, options, byteorder):
    photograph = read(tmp_path, RGB, byteorder=byteorder, **options)
    assert photograph.pixels.dtype == np.uint16
    assert np.array_equal(photograph.pixels, RGB)
    assert photograph.notes == ()
    planes = read(tmp_path, np.moveaxis(DEEP, 2, 0), planarconfig="separate", extrasamples=[2], **options)
    assert np.array_equal(planes.pixels, RGB)
    assert np.array_equal(planes.opacity, ALPHA)


@pytest.mark.parametrize("predictor", [1, 2])
@pytest.mark.parametrize("compression", [1, 5, 8, 32773])
def test_what_opencv_writes_comes_in(tmp_path, compression, predictor):
    cv2 = pytest.importorskip("cv2")
    for pixels in (RGB, (RGB // 257).astype(np.uint8)):
        options = [cv2.IMWRITE_TIFF_COMPRESSION, compression, cv2.IMWRITE_TIFF_PREDICTOR, predictor]
        cv2.imwrite(str(tmp_path / "in.tif"), pixels[..., ::-1], options)
        photograph = read_photograph(tmp_path / "in.tif")
        assert photograph.pixels.dtype == pixels.dtype
        assert np.array_equal(photograph.pixels, pixels)


@pytest.mark.parametrize("predictor", [1, 2, 3])
def test_floating_point_becomes_sixteen_bits(tmp_path, predictor):
    cv2 = pytest.importorskip("cv2")
    options = [cv2.IMWRITE_TIFF_COMPRESSION, 8, cv2.IMWRITE_TIFF_PREDICTOR, predictor]
    cv2.imwrite(str(tmp_path / "in.tif"), FLOATS[..., ::-1], options)
    photograph = read_photograph(tmp_path / "in.tif")
    assert np.array_equal(photograph.pixels, RGB)
    assert photograph.notes == ("floating point: written with 16 bits",)


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_other_floats_come_in_and_are_clipped(tmp_path, dtype):
    pixels = np.linspace(-0.1, 1.2, 12 * 12 * 3).reshape(12, 12, 3).astype(dtype)
    photograph = read(tmp_path, pixels, byteorder=">")
    expected = np.rint(65535 * np.clip(pixels.astype(np.float64), 0, 1))
    assert np.array_equal(photograph.pixels, expected)
    outside = ((pixels < 0) | (pixels > 1)).any(axis=-1).sum()
    assert photograph.notes[1] == f"{outside} pixels outside [0, 1] are clipped"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_pixels_that_are_not_numbers_are_refused(tmp_path, value):
    pixels = FLOATS.copy()
    pixels[7, 3, 1] = value
    with pytest.raises(UserError, match=r"in\.tif: pixels that are not numbers \(NaN or infinity, row 7\)"):
        read(tmp_path, pixels)


def test_opacity_is_taken_out_of_the_colours_it_was_multiplied_into(tmp_path):
    opacity = np.tile(np.array([0, 1, 300, 40_000, 65_535], np.uint16), (10, 2))
    colours = np.full((10, 10, 3), 30_000, np.uint16)
    multiplied = np.rint(colours * (opacity[..., None] / 65535)).astype(np.uint16)
    photograph = read(tmp_path, np.dstack([multiplied, opacity]), extrasamples=[1])
    assert np.array_equal(photograph.opacity, opacity)
    assert (photograph.pixels[opacity == 0] == 0).all()
    error = np.abs(photograph.pixels.astype(int) - 30_000).max(axis=-1)
    assert error[opacity == 300].max() <= 65535 / 300
    assert error[opacity >= 40_000].max() <= 1
    assert photograph.notes == ("opacity was multiplied into the colours: taken out",)


def test_what_is_no_opacity_is_left_out(tmp_path):
    photograph = read(tmp_path, np.dstack([RGB, ALPHA, ALPHA]), extrasamples=[0, 0])
    assert photograph.opacity is None
    assert photograph.notes == ("further channels are left out: 2",)
    photograph = read(tmp_path, np.dstack([RGB, ALPHA, ALPHA]), extrasamples=[2, 0])
    assert np.array_equal(photograph.opacity, ALPHA)
    assert photograph.notes == ("further channels are left out: 1",)


def test_grey_pages_and_small_versions(tmp_path):
    inverted = read(tmp_path, ALPHA, photometric="miniswhite")
    assert np.array_equal(inverted.pixels, np.repeat(65535 - ALPHA[..., None], 3, axis=2))
    pages = read(tmp_path, np.stack([RGB, RGB[::-1]]))
    assert np.array_equal(pages.pixels, RGB)
    assert pages.notes == ("2 pages: page 1 is used",)
    with tifffile.TiffWriter(tmp_path / "in.tif") as file:
        file.write(RGB[::2, ::2], photometric="rgb", subfiletype=1)
        file.write(RGB, photometric="rgb")
    assert np.array_equal(read_photograph(tmp_path / "in.tif").pixels, RGB)


def test_what_pillow_alone_reads_comes_in(tmp_path):
    image = Image.fromarray((RGB // 257).astype(np.uint8))
    image.save(tmp_path / "jpeg.tif", compression="jpeg")
    with Image.open(tmp_path / "jpeg.tif") as opened:
        assert np.array_equal(read_photograph(tmp_path / "jpeg.tif").pixels, np.asarray(opened.convert("RGB")))
    image.convert("1").save(tmp_path / "fax.tif", compression="group4")
    assert np.array_equal(read_photograph(tmp_path / "fax.tif").pixels[..., 0], np.asarray(image.convert("1")) * 255)
    image.quantize(8).save(tmp_path / "palette.tif")
    assert np.array_equal(
        read_photograph(tmp_path / "palette.tif").pixels, np.asarray(image.quantize(8).convert("RGB"))
    )


def test_pixels_go_out_as_tifffile_sees_them(tmp_path):
    for dtype in (np.uint8, np.uint16):
        photograph = Photograph(RGB.astype(dtype), ALPHA.astype(dtype))
        assert write_photograph(tmp_path / "out.tif", photograph) == ()
        with tifffile.TiffFile(tmp_path / "out.tif") as file:
            page = file.pages[0]
            assert page.dtype == dtype
            assert page.extrasamples == (2,)
            assert (page.compression, page.predictor) == (8, 2)
            assert np.array_equal(page.asarray(), DEEP.astype(dtype))


def test_a_file_that_is_not_compressed_stays_so(tmp_path):
    photograph = read(tmp_path, RGB, byteorder=">", resolution=(300, 200), description="a scan", software="a scanner")
    write_photograph(tmp_path / "out.tif", photograph)
    with tifffile.TiffFile(tmp_path / "out.tif") as file:
        page = file.pages[0]
        assert file.byteorder == ">"
        assert page.compression == 1
        assert np.array_equal(page.asarray(), RGB)
        assert page.tags["ImageDescription"].value == "a scan"
        assert page.tags["Software"].value == "a scanner"
        assert page.tags["XResolution"].value == (300, 1)
    write_photograph(tmp_path / "out.png", photograph)
    assert [round(dpi) for dpi in read_photograph(tmp_path / "out.png").metadata.dpi] == [300, 200]


@pytest.mark.parametrize(
    ("options", "pixels", "reason"),
    [
        ({"photometric": "separated"}, DEEP, "CMYK"),
        ({"photometric": "cielab"}, RGB, "Lab"),
        ({}, RGB.astype(np.uint32), "32, 32, 32 bits"),
        ({}, RGB.astype(np.int16), "16, 16, 16 bits"),
        ({"bigtiff": True}, RGB, "BigTIFF"),
        ({}, RGB[:7], "47 x 7 pixels; accepted: 8 x 8 or larger"),
    ],
)
def test_other_pixels_are_refused(tmp_path, options, pixels, reason):
    with pytest.raises(UserError, match=reason) as refusal:
        read(tmp_path, pixels, **options)
    assert "\n" not in str(refusal.value)


def test_a_small_file_that_declares_large_tiles_takes_no_memory(tmp_path):
    tifffile.imwrite(tmp_path / "in.tif", RGB, photometric="rgb", tile=(32, 16), compression="zlib")
    content = (tmp_path / "in.tif").read_bytes()
    for tag, size, large in ((322, 16, 2**20), (257, 53, 8_000_000), (277, 3, 16)):
        entry = struct.pack("<HHI", tag, 3, 1) + struct.pack("<HH", size, 0)
        if entry not in content:
            entry = struct.pack("<HHI", tag, 4, 1) + struct.pack("<I", size)
        assert entry in content
        (tmp_path / "in.tif").write_bytes(content.replace(entry, struct.pack("<HHII", tag, 4, 1, large)))
        with pytest.raises(UserError):
            read_photograph(tmp_path / "in.tif")


def test_a_strip_larger_than_a_band_and_many_bands(tmp_path, monkeypatch):
    module = "hypernet.retouch.sources.formats.tiff_pixels"
    for options in ({"tile": (16, 16)}, {"rowsperstrip": 5}, {}):
        monkeypatch.setattr(f"{module}._BAND", 3000)
        assert np.array_equal(read(tmp_path, RGB, compression="zlib", predictor=True, **options).pixels, RGB)
    monkeypatch.setattr(f"{module}._LARGEST_BAND", 3000)
    with pytest.raises(UserError, match="compressed in one piece"):
        read(tmp_path, RGB, compression="zlib", rowsperstrip=53)


def test_directories_are_read_within_bounds():
    for data in (b"", b"II", b"XX*\0" + bytes(8), b"II*\0\xff\xff\xff\x7f" + bytes(9), b"II*\0\x08\0\0\0\xff\xff"):
        with pytest.raises(TagError):
            first_directory(data)
    # A value that reaches over the end is no tag; numbers of another type are none.
    entries = struct.pack("<HHIIHHII", 300, 4, 100, 8, 301, 5, 1, 8)
    directory = first_directory(b"II*\0\x08\0\0\0" + struct.pack("<H", 2) + entries + bytes(4))
    assert 300 not in directory
    assert directory.numbers(301) == ()
    assert directory.number(300, 5) == 5
