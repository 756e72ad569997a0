"""Photographs in and out: depth, opacity, colours and formats kept, and what is no photograph refused in a line."""

from __future__ import annotations

import io
import os
import struct
import warnings
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from hypernet.lab.errors import UserError
from hypernet.retouch.sources.image_files import Photograph, read_photograph, write_photograph
from tests.retouch.icc import WIDE, gamma, icc, matrix_icc, tables_icc

DEEP = np.random.default_rng(0).integers(0, 65536, (24, 32, 4)).astype(np.uint16)
DEEP[:6] //= 300
SHALLOW = (DEEP // 257).astype(np.uint8)
RGB = np.ascontiguousarray(SHALLOW[..., :3])
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def saved(path, pixels=RGB, **options):
    Image.fromarray(pixels).save(path, **options)
    return path


@pytest.mark.parametrize("name", WIDE)
@pytest.mark.parametrize(
    ("levels", "ending"), [(SHALLOW, ".png"), (SHALLOW, ".tif"), (SHALLOW, ".webp"), (DEEP, ".png"), (DEEP, ".tif")]
)
def test_levels_of_wide_profiles_come_back(tmp_path, name, levels, ending):
    if levels is SHALLOW:
        options = {"lossless": True, "exact": True} if ending == ".webp" else {}
        first = saved(tmp_path / f"in{ending}", levels, icc_profile=WIDE[name], **options)
    else:
        tifffile = pytest.importorskip("tifffile")
        first = tmp_path / "in.tif"
        tags = [(34675, 7, len(WIDE[name]), WIDE[name], True)]
        tifffile.imwrite(first, levels, photometric="rgb", extrasamples=[2], extratags=tags)
    photograph = read_photograph(first)
    assert photograph.is_wide
    assert photograph.pixels.dtype == np.float32
    assert photograph.bits == 8 * levels.dtype.itemsize
    write_photograph(tmp_path / f"out{ending}", photograph.with_pixels(photograph.pixels.copy()))
    again = read_photograph(tmp_path / f"out{ending}")
    assert again.profile.data == WIDE[name]
    assert again.original.dtype == levels.dtype
    assert np.array_equal(again.original, levels[..., :3])
    assert np.array_equal(again.opacity, levels[..., 3])


def test_a_wide_file_shows_what_littlecms_shows_after_a_change(tmp_path):
    photograph = read_photograph(saved(tmp_path / "in.png", icc_profile=WIDE["Display P3"]))
    darker = photograph.with_pixels(0.8 * photograph.pixels)
    write_photograph(tmp_path / "out.png", darker)
    with Image.open(tmp_path / "out.png") as image:
        source = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
        target = ImageCms.createProfile("sRGB")
        seen = np.asarray(ImageCms.profileToProfile(image, source, target, ImageCms.Intent.RELATIVE_COLORIMETRIC))
    # Dark beside bright, a level of Display P3 is several of sRGB.
    inside = (darker.pixels > 0.2).all(axis=-1) & (darker.pixels < 1).all(axis=-1)
    assert inside.sum() > 100
    assert np.abs(seen / 255 - darker.pixels)[inside].max() < 2 / 255


@pytest.mark.parametrize("ending", [".jpg", ".png", ".tif", ".webp"])
def test_srgb_is_left_alone_and_kept(tmp_path, ending):
    path = saved(tmp_path / f"in{ending}", icc_profile=SRGB)
    with Image.open(path) as image:
        expected = np.asarray(image.convert("RGB"))
    photograph = read_photograph(path)
    assert photograph.pixels.dtype == np.uint8
    assert np.array_equal(photograph.pixels, expected)
    assert (photograph.notes, photograph.original, photograph.is_wide) == ((), None, False)
    write_photograph(tmp_path / f"out{ending}", photograph)
    with Image.open(tmp_path / f"out{ending}") as image:
        assert image.info["icc_profile"] == SRGB


def test_profiles_by_tables_and_of_grey_become_srgb(tmp_path):
    photograph = read_photograph(saved(tmp_path / "in.png", icc_profile=tables_icc()))
    assert photograph.pixels.dtype == np.uint8
    assert "of tables: converted to sRGB" in photograph.notes[0]
    assert photograph.profile.is_srgb
    grey = read_photograph(
        saved(tmp_path / "in.png", RGB[..., 0], icc_profile=icc({b"kTRC": gamma(1.0)}, space=b"GRAY"))
    )
    assert grey.notes[0] == "grey: written as RGB"
    assert "grey profile (a test) is converted" in grey.notes[1]
    assert grey.profile.is_srgb
    assert (grey.pixels >= RGB[..., :1]).all()
    assert grey.pixels.shape == RGB.shape


@pytest.mark.parametrize(
    ("pixels", "profile", "reason"),
    [
        (RGB, b"nonsense" * 30, "not an ICC profile"),
        (RGB, icc({}, space=b"CMYK"), "'CMYK' colours"),
        (RGB, icc({b"kTRC": gamma(2)}, space=b"GRAY"), "of other channels"),
        (RGB[..., 0], WIDE["Display P3"], "of other channels"),
        (RGB, matrix_icc("sRGB", gamma(0)), "does not rise"),
    ],
)
def test_a_profile_that_cannot_hold_is_noted(tmp_path, pixels, profile, reason):
    photograph = read_photograph(saved(tmp_path / "in.tif", pixels, icc_profile=profile))
    assert any(reason in note and "taken as sRGB" in note for note in photograph.notes)
    assert photograph.profile is None
    assert np.array_equal(photograph.pixels[..., 0], pixels if pixels.ndim == 2 else pixels[..., 0])


def test_tables_that_littlecms_does_not_take_are_noted(tmp_path):
    broken = tables_icc().replace(b"mft1", b"mft9")
    photograph = read_photograph(saved(tmp_path / "in.png", icc_profile=broken))
    assert photograph.notes[0].endswith("taken as sRGB")
    assert np.array_equal(photograph.pixels, RGB)


def test_resolutions_of_damaged_files_are_left_out(tmp_path):
    photograph = read_photograph(saved(tmp_path / "in.bmp", dpi=(1e7, 72)))
    assert photograph.metadata.dpi is None
    write_photograph(tmp_path / "out.tif", photograph)


def test_formats_of_every_day_come_in(tmp_path):
    saved(tmp_path / "in.bmp")
    assert np.array_equal(read_photograph(tmp_path / "in.bmp").pixels, RGB)
    frames = [Image.fromarray(RGB), Image.fromarray(255 - RGB)]
    frames[0].save(tmp_path / "in.gif", save_all=True, append_images=frames[1:])
    photograph = read_photograph(tmp_path / "in.gif")
    assert photograph.notes == ("2 frames: the first is used", "a palette: written as RGB")
    with Image.open(tmp_path / "in.gif") as image:
        assert np.array_equal(photograph.pixels, np.asarray(image.convert("RGB")))
    frames[0].save(tmp_path / "in.mpo", save_all=True, append_images=frames[1:])
    photograph = read_photograph(tmp_path / "in.mpo")
    assert photograph.notes == ("further pictures in the file (MPO) are left out",)
    assert photograph.pixels.shape == RGB.shape
    saved(tmp_path / "JPEG in the name of.PNG", RGB, format="JPEG")
    assert read_photograph(tmp_path / "JPEG in the name of.PNG").format == "JPEG"


def test_depth_goes_where_the_format_holds_it(tmp_path):
    photograph = Photograph(np.ascontiguousarray(DEEP[..., :3]), bits=16)
    for ending in (".png", ".TIFF"):
        assert write_photograph(tmp_path / f"out{ending}", photograph) == ()
        assert np.array_equal(read_photograph(tmp_path / f"out{ending}").pixels, photograph.pixels)
    for ending, name in ((".JPEG", "JPEG"), (".webp", "WebP")):
        notes = write_photograph(tmp_path / f"out{ending}", photograph)
        assert notes == (f"16 bits are rounded to 8, which {name} holds",)
        assert read_photograph(tmp_path / f"out{ending}").pixels.dtype == np.uint8


@pytest.mark.parametrize("bits", [8, 16])
def test_floats_are_written_as_deep_as_the_file(tmp_path, bits):
    pixels = np.random.default_rng(1).uniform(-0.1, 1.1, (16, 16, 3)).astype(np.float32)
    write_photograph(tmp_path / "out.png", Photograph(pixels, bits=bits))
    levels = read_photograph(tmp_path / "out.png").pixels
    assert levels.dtype.itemsize * 8 == bits
    assert np.array_equal(levels, np.rint(np.clip(pixels, 0, 1) * (2**bits - 1)))
    pixels[3, 3, 0] = np.nan
    with pytest.raises(UserError, match="not numbers"):
        write_photograph(tmp_path / "nan.png", Photograph(pixels))


def test_opacity_is_kept_bit_for_bit_or_refused(tmp_path):
    photograph = Photograph(RGB, SHALLOW[..., 3])
    for ending in (".png", ".tif", ".webp"):
        write_photograph(tmp_path / f"out{ending}", photograph)
        assert np.array_equal(read_photograph(tmp_path / f"out{ending}").opacity, SHALLOW[..., 3])
    with pytest.raises(UserError, match=r"out\.jpg: JPEG has no opacity.*accepted: \.png, \.tif, \.webp"):
        write_photograph(tmp_path / "out.jpg", photograph)
    assert not (tmp_path / "out.jpg").exists()
    full = Photograph(RGB, np.full(RGB.shape[:2], 255, np.uint8))
    assert "full everywhere" in write_photograph(tmp_path / "out.jpg", full)[0]


def test_jpeg_is_as_fine_as_its_source(tmp_path):
    smooth = np.repeat(np.repeat(RGB[:4, :4], 16, axis=0), 16, axis=1)
    for subsampling in (0, 1, 2):
        photograph = read_photograph(saved(tmp_path / "in.jpg", smooth, quality=98, subsampling=subsampling))
        write_photograph(tmp_path / "out.jpg", photograph)
        again = read_photograph(tmp_path / "out.jpg")
        assert again.metadata.subsampling == subsampling
        assert np.abs(again.pixels.astype(int) - photograph.pixels).mean() < 2
    write_photograph(tmp_path / "out.jpg", Photograph(smooth))
    assert read_photograph(tmp_path / "out.jpg").metadata.subsampling == 0
    write_photograph(tmp_path / "coarse.jpg", Photograph(smooth), quality=20)
    assert (tmp_path / "coarse.jpg").stat().st_size < (tmp_path / "out.jpg").stat().st_size
    with pytest.raises(UserError, match="quality 101"):
        write_photograph(tmp_path / "out.jpg", Photograph(smooth), quality=101)


def test_pixels_of_another_size_are_refused():
    with pytest.raises(ValueError, match="shape"):
        Photograph(RGB).with_pixels(RGB[1:])


@pytest.mark.parametrize("name", ["out.bmp", "out", "out.heic", "out.dng", "out.npy"])
def test_other_endings_are_refused(tmp_path, name):
    with pytest.raises(UserError, match=rf"{name}: the name must end in .jpg, .*or .webp"):
        write_photograph(tmp_path / name, Photograph(RGB))
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(UserError, match=r"folder\.png: this is a folder"):
        write_photograph(tmp_path / "folder.png", Photograph(RGB))


def test_what_is_no_photograph_is_refused(tmp_path):
    Image.fromarray(RGB).convert("CMYK").save(tmp_path / "cmyk.jpg")
    saved(tmp_path / "small.png", RGB[:7])
    (tmp_path / "text.jpg").write_text("hello")
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "huge.bmp").write_bytes(
        b"BM" + struct.pack("<IIIIiiHHI", 99, 0, 54, 40, 30_000, 30_000, 1, 24, 0) + bytes(60)
    )
    (tmp_path / "script.eps").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    reasons = {
        "cmyk.jpg": "CMYK",
        "small.png": "32 x 7 pixels; accepted: 8 x 8 or larger",
        "text.jpg": "not a picture of a known format",
        "empty.jpg": "not a picture of a known format",
        "huge.bmp": "30,000 x 30,000 pixels; accepted: 400,000,000 pixels at most",
        "script.eps": "not a picture of a known format",
        "missing.jpg": "no such file",
        ".": "a folder",
    }
    os.mkfifo(tmp_path / "pipe.jpg")
    reasons["pipe.jpg"] = "a pipe"
    for name, reason in reasons.items():
        with pytest.raises(UserError, match=reason) as refusal:
            read_photograph(tmp_path / name)
        assert str(refusal.value).startswith(str(tmp_path / name))
        assert "\n" not in str(refusal.value)


def test_a_jpeg_that_declares_more_than_it_holds_is_refused(tmp_path):
    Image.fromarray(RGB).save(tmp_path / "in.jpg")
    data = bytearray((tmp_path / "in.jpg").read_bytes())
    start = data.index(b"\xff\xc0")
    data[start + 5 : start + 9] = struct.pack(">HH", 19_000, 19_000)
    (tmp_path / "in.jpg").write_bytes(data)
    with pytest.raises(UserError, match="its pixels are cut off"):
        read_photograph(tmp_path / "in.jpg")


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_of_one_colour_holds_all_of_itself(tmp_path, progressive):
    Image.new("L", (2000, 2000), 128).save(tmp_path / "in.jpg", quality=1, optimize=True, progressive=progressive)
    assert read_photograph(tmp_path / "in.jpg").pixels.shape == (2000, 2000, 3)


def test_a_jpeg_of_endless_exif_is_refused_at_once(tmp_path):
    Image.fromarray(RGB).save(tmp_path / "in.jpg")
    data = (tmp_path / "in.jpg").read_bytes()
    part = b"\xff\xe1" + struct.pack(">H", 65008) + b"Exif\0\0" + bytes(65000)
    (tmp_path / "in.jpg").write_bytes(data[:2] + 200 * part + data[2:])
    with pytest.raises(UserError, match="more than 8,388,608 bytes of EXIF"):
        read_photograph(tmp_path / "in.jpg")


def test_readers_warn_of_nothing(tmp_path):
    # Pillow warns of a tag that is cut off before it refuses the file.
    entries = {256: (4, 1, 64), 257: (4, 1, 48), 258: (3, 2**24, 0), 259: (3, 1, 1), 262: (3, 1, 2), 273: (4, 1, 8)}
    tags = b"".join(struct.pack("<HHII", tag, *entry) for tag, entry in entries.items())
    (tmp_path / "in.tif").write_bytes(b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + tags + bytes(4))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserError, match="unknown data organization"):
            read_photograph(tmp_path / "in.tif")


def test_a_failed_write_leaves_what_stood_there(tmp_path, monkeypatch):
    write_photograph(tmp_path / "out.png", Photograph(RGB))
    before = (tmp_path / "out.png").read_bytes()
    monkeypatch.setattr(os, "fsync", lambda handle: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_photograph(tmp_path / "out.png", Photograph(255 - RGB))
    assert (tmp_path / "out.png").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["out.png"]


def test_the_experts_photographs_come_back(mirror, tmp_path):
    """ProPhoto JPEGs and sRGB PNGs as people keep them: levels unchanged, and the colours that LittleCMS sees."""
    path = sorted((mirror / "fivek_experts").glob("*.jpg"))[0]
    photograph = read_photograph(path)
    assert photograph.is_wide
    write_photograph(tmp_path / "out.png", photograph)
    with Image.open(path) as image:
        levels = np.asarray(image)
        source = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
        intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
        seen = np.asarray(ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), intent))
    assert np.array_equal(np.asarray(Image.open(tmp_path / "out.png")), levels)
    assert np.abs(np.rint(255 * np.clip(photograph.pixels, 0, 1)) - seen).max() <= 1
    kodak = read_photograph(mirror / "kodak" / "kodim01.png")
    assert np.array_equal(kodak.pixels, np.asarray(Image.open(mirror / "kodak" / "kodim01.png")))


def bytes_of(format_name, **options):
    file = io.BytesIO()
    Image.fromarray(RGB[:16, :16]).save(file, format_name, **options)
    return file.getvalue()


EXIF = Image.Exif()
EXIF[0x0110], EXIF[0x0112] = "Model", 6
SAMPLES = {
    "jpeg": bytes_of("JPEG", exif=EXIF, icc_profile=WIDE["ProPhoto"], xmp=b"<x:xmpmeta/>"),
    "png": bytes_of("PNG", icc_profile=WIDE["Display P3"], dpi=(72, 72)),
    "tiff": bytes_of("TIFF", exif=EXIF, icc_profile=SRGB),
    "lzw": bytes_of("TIFF", compression="tiff_lzw"),
    "webp": bytes_of("WEBP", exif=EXIF, lossless=True),
    "gif": bytes_of("GIF"),
    "bmp": bytes_of("BMP"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("damaged")


@pytest.mark.filterwarnings("ignore::UserWarning")
@settings(max_examples=250, deadline=2000)
@given(
    name=st.sampled_from(sorted(SAMPLES)),
    places=st.lists(st.tuples(st.integers(0, 2**14), st.integers(0, 255)), max_size=5),
    cut=st.integers(0, 2**12),
    seals=st.booleans(),
)
def test_damaged_files_give_a_photograph_or_a_line(folder, name, places, cut, seals):
    data = bytearray(SAMPLES[name])
    for place, value in places:
        data[place % len(data)] = value
    if name == "png" and seals:
        data = sealed(bytes(data))
    path = folder / f"damaged.{name}"
    path.write_bytes(data[: len(data) - (cut % len(data) if cut % 3 == 0 else 0)])
    try:
        photograph = read_photograph(path)
    except UserError:
        return
    write_photograph(folder / "out.png", photograph, strip_location=True)
    again = read_photograph(folder / "out.png")
    assert again.pixels.shape == photograph.pixels.shape
    assert photograph.original is None or np.array_equal(again.original, photograph.original)


def sealed(data):
    """With the checksums of a PNG made right again, so that what is damaged reaches the readers."""
    place, parts = 8, [data[:8]]
    while place + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, place)
        part = data[place + 4 : place + 8 + length]
        parts.append(data[place : place + 4] + part + struct.pack(">I", zlib.crc32(part)))
        place += 12 + length
    return b"".join(parts)
