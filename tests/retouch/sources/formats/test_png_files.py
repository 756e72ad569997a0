"""PNG of 16 bits, its opacity and what it says of its colours; cut off and damaged files."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from hypernet.lab.errors import UserError
from hypernet.retouch.sources.formats.profiles import SRGB_CURVE
from hypernet.retouch.sources.image_files import Photograph, read_photograph, write_photograph
from tests.retouch.icc import WIDE

DEEP = np.random.default_rng(0).integers(0, 65536, (19, 29, 4)).astype(np.uint16)
SHALLOW = (DEEP[..., :3] // 257).astype(np.uint8)
PASSES = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}


def chunk(name, content):
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def rows_of(levels):
    return b"".join(b"\0" + row.astype(f">u{levels.dtype.itemsize}").tobytes() for row in levels)


def png(levels, *chunks, interlaced=False, stream=None):
    """A PNG put together byte by byte, without filters."""
    height, width, channels = levels.shape
    header = struct.pack(
        ">IIBBBBB", width, height, 8 * levels.dtype.itemsize, COLOUR_TYPES[channels], 0, 0, int(interlaced)
    )
    parts = [levels[r::down, c::across] for r, c, down, across in PASSES] if interlaced else [levels]
    raw = b"".join(rows_of(part) for part in parts if part.size)
    content = zlib.compress(raw) if stream is None else stream(raw)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(chunks) + chunk(b"IDAT", content) + chunk(b"IEND", b"")
    )


def read(tmp_path, content):
    (tmp_path / "in.png").write_bytes(content)
    return read_photograph(tmp_path / "in.png")


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_sixteen_bits_come_in(tmp_path, channels, interlaced):
    photograph = read(tmp_path, png(DEEP[..., :channels], interlaced=interlaced))
    colours = np.repeat(DEEP[..., :1], 3, axis=2) if channels < 3 else DEEP[..., :3]
    assert photograph.pixels.dtype == np.uint16
    assert np.array_equal(photograph.pixels, colours)
    assert photograph.notes == (("grey: written as RGB",) if channels < 3 else ())
    if channels in (2, 4):
        assert np.array_equal(photograph.opacity, DEEP[..., channels - 1])
    else:
        assert photograph.opacity is None


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [3, 4])
def test_pixels_go_out_as_other_readers_see_them(tmp_path, channels, dtype):
    cv2 = pytest.importorskip("cv2")
    levels = DEEP[..., :channels].astype(dtype)
    photograph = Photograph(levels[..., :3], levels[..., 3] if channels == 4 else None)
    assert write_photograph(tmp_path / "out.png", photograph) == ()
    seen = cv2.imread(str(tmp_path / "out.png"), cv2.IMREAD_UNCHANGED)
    assert seen.dtype == dtype
    assert np.array_equal(seen[..., [2, 1, 0, *range(3, channels)]], levels)
    again = read_photograph(tmp_path / "out.png")
    assert np.array_equal(again.pixels, photograph.pixels)
    assert again.opacity is None or np.array_equal(again.opacity, photograph.opacity)


def test_a_colour_that_is_transparent_becomes_opacity(tmp_path):
    for levels in (DEEP[..., :3], SHALLOW):
        clear = chunk(b"tRNS", struct.pack(">3H", *map(int, levels[3, 5])))
        photograph = read(tmp_path, png(levels, clear))
        expected = np.where((levels == levels[3, 5]).all(axis=-1), 0, np.iinfo(levels.dtype).max)
        assert np.array_equal(photograph.pixels, levels)
        assert np.array_equal(photograph.opacity, expected)


def test_palettes_become_colours(tmp_path):
    palette = Image.fromarray(SHALLOW).quantize(16)
    expected = np.asarray(palette.convert("RGB"))
    palette.save(tmp_path / "in.png")
    photograph = read_photograph(tmp_path / "in.png")
    assert photograph.notes == ("a palette: written as RGB",)
    assert np.array_equal(photograph.pixels, expected)
    palette.save(tmp_path / "in.png", transparency=3)
    photograph = read_photograph(tmp_path / "in.png")
    assert np.array_equal(photograph.opacity == 0, np.asarray(palette) == 3)


@pytest.mark.parametrize(
    "stream",
    [
        lambda raw: zlib.compress(raw)[:-1],
        lambda raw: zlib.compress(raw)[:-300],
        lambda raw: zlib.compress(raw[:-1]),
        lambda raw: zlib.compress(raw)[:-1] + b"\0",
        lambda raw: b"nonsense",
    ],
)
@pytest.mark.parametrize("levels", [DEEP, SHALLOW], ids=["16 bits", "8 bits"])
def test_pixels_that_are_cut_off_are_refused(tmp_path, levels, stream):
    with pytest.raises(UserError, match=r"in\.png: not a picture that can be read"):
        read(tmp_path, png(levels, stream=stream))


def test_bytes_behind_the_pixels_are_passed_over(tmp_path):
    for levels in (DEEP[..., :3], SHALLOW):
        longer = png(levels, stream=lambda raw: zlib.compress(raw + bytes(10_000_000), 9))
        assert np.array_equal(read(tmp_path, longer).pixels, levels)


def test_a_small_file_that_declares_many_pixels_takes_no_memory(tmp_path):
    small = bytearray(png(SHALLOW))
    small[16:24] = struct.pack(">II", 20_000, 19_999)
    small[29:33] = struct.pack(">I", zlib.crc32(small[12:29]))
    with pytest.raises(UserError, match="its pixels are cut off"):
        read(tmp_path, bytes(small))


def test_a_damaged_text_is_left_out(tmp_path):
    text = bytearray(chunk(b"tEXt", b"Title\0a title"))
    text[-1] ^= 1
    photograph = read(tmp_path, png(SHALLOW, bytes(text)))
    assert photograph.notes == ("its part 'tEXt' is damaged: left out",)
    assert photograph.metadata.chunks == ()


def test_every_cut_and_every_changed_byte_is_found(tmp_path):
    whole = png(DEEP[:8, :8, :3])
    for cut in range(0, len(whole) - 1, 7):
        with pytest.raises(UserError):
            read(tmp_path, whole[:cut])
    for place in range(8, len(whole), 7):
        with pytest.raises(UserError):
            read(tmp_path, whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])


def test_a_large_profile_is_kept(tmp_path):
    # Pillow inflates one megabyte of a profile, and takes a larger one as none.
    large = WIDE["ProPhoto"] + bytes(3_000_000)
    photograph = read(tmp_path, png(SHALLOW, chunk(b"iCCP", b"x\0\0" + zlib.compress(large))))
    assert photograph.is_wide
    write_photograph(tmp_path / "out.png", photograph)
    again = read_photograph(tmp_path / "out.png")
    assert again.profile.data == large
    assert np.array_equal(again.original, SHALLOW)


def test_a_profile_that_cannot_be_read_is_noted(tmp_path):
    for content in (
        b"x\0\0nonsense",
        b"x\0\0" + zlib.compress(b"no profile"),
        b"x\0\0" + zlib.compress(WIDE["ProPhoto"])[:-9],
    ):
        photograph = read(tmp_path, png(SHALLOW, chunk(b"iCCP", content)))
        assert photograph.profile is None
        assert any("taken as sRGB" in note for note in photograph.notes)
        assert np.array_equal(photograph.pixels, SHALLOW)


SRGB_PRIMARIES = struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
P3_PRIMARIES = struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)


@pytest.mark.parametrize(
    "chunks",
    [
        [chunk(b"sRGB", b"\0")],
        [chunk(b"gAMA", struct.pack(">I", 45455))],
        [chunk(b"gAMA", struct.pack(">I", 45455)), chunk(b"cHRM", SRGB_PRIMARIES)],
        [chunk(b"gAMA", struct.pack(">I", 100000)), chunk(b"sRGB", b"\0")],
        [chunk(b"cICP", bytes([1, 13, 0, 1])), chunk(b"gAMA", struct.pack(">I", 100000))],
    ],
)
def test_colours_that_are_srgb_stay_as_they_are(tmp_path, chunks):
    photograph = read(tmp_path, png(SHALLOW, *chunks))
    assert photograph.profile is None
    assert photograph.notes == ()
    write_photograph(tmp_path / "out.png", photograph)
    content = (tmp_path / "out.png").read_bytes()
    assert all(part in content for part in chunks)


def test_linear_colours_are_encoded_and_go_back(tmp_path):
    photograph = read(tmp_path, png(DEEP[..., :3], chunk(b"gAMA", struct.pack(">I", 100000))))
    expected = SRGB_CURVE.inverse(DEEP[..., :3] / 65535)
    np.testing.assert_allclose(photograph.pixels, expected, atol=2e-5)
    assert any("one is embedded" in note for note in photograph.notes)
    write_photograph(tmp_path / "out.png", photograph)
    again = read_photograph(tmp_path / "out.png")
    assert np.array_equal(again.original, DEEP[..., :3])
    np.testing.assert_allclose(again.pixels, photograph.pixels, atol=1e-6)


@pytest.mark.parametrize(
    "colours",
    [
        chunk(b"cICP", bytes([12, 13, 0, 1])),
        chunk(b"gAMA", struct.pack(">I", 45455)) + chunk(b"cHRM", P3_PRIMARIES),
    ],
)
def test_stated_display_p3_is_the_profile_of_that_name(tmp_path, colours):
    photograph = read(tmp_path, png(SHALLOW, colours))
    by_profile = read(tmp_path, png(SHALLOW, chunk(b"iCCP", b"x\0\0" + zlib.compress(WIDE["Display P3"]))))
    np.testing.assert_allclose(photograph.pixels, by_profile.pixels, atol=3e-3)
    write_photograph(tmp_path / "out.jpg", photograph)
    assert read_photograph(tmp_path / "out.jpg").is_wide


@pytest.mark.parametrize(
    ("code", "reason"),
    [([9, 16, 0, 1], "PQ"), ([9, 18, 0, 1], "HLG"), ([1, 13, 1, 1], "luma"), ([1, 13, 0, 0], "narrow")],
)
def test_colours_of_films_are_refused(tmp_path, code, reason):
    with pytest.raises(UserError, match=reason):
        read(tmp_path, png(SHALLOW, chunk(b"cICP", bytes(code))))


@pytest.mark.parametrize(
    ("colours", "reason"),
    [
        (chunk(b"gAMA", struct.pack(">I", 0)), "gAMA 0"),
        (chunk(b"gAMA", struct.pack(">I", 4_000_000_000)), "gAMA 40000"),
        (chunk(b"cHRM", P3_PRIMARIES), "cHRM"),
    ],
)
def test_colours_that_say_nothing_are_noted(tmp_path, colours, reason):
    photograph = read(tmp_path, png(SHALLOW, colours))
    assert photograph.profile is None
    assert reason in photograph.notes[0]
