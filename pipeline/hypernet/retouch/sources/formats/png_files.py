"""PNG (W3C, third edition) of 8 and 16 bits, with everything that it says beside its pixels.

Its chunks are read and written here: Pillow would turn 16 bits of colour into 8, and loses a profile that is large.
Pixels of 16 bits are decoded and encoded by FFmpeg (PyAV), those of 8 bits decoded by Pillow.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.files import atomic_path
from hypernet.lab.libraries import library
from hypernet.retouch.sources.formats.contents import Contents, check_size
from hypernet.retouch.sources.formats.metadata import Metadata, iptc_of, readable_exif
from hypernet.retouch.sources.formats.pillow_files import NEEDS, levels_of, opened
from hypernet.retouch.sources.formats.profiles import (
    LARGEST_PROFILE,
    SRGB_CURVE,
    SRGB_PRIMARIES,
    PowerCurve,
    Profile,
    made_profile,
    stated_profile,
)

SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLOUR_CHUNKS = (b"gAMA", b"cHRM", b"sRGB", b"cICP")
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_XMP = b"XML:com.adobe.xmp"
_MOST_CHUNKS, _LARGEST_TEXT = 2**20, 2**24
# Channels by colour type, of a palette its indices; and how many bytes deflate makes of one at most.
_SAMPLES, _MOST_DEFLATED = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}, 1032
# FFmpeg's names of the pixels, for reading and writing, by channels.
_CHANNELS = {"gray16be": 1, "ya16be": 2, "rgb48be": 3, "rgba64be": 4}
_ENCODED = {(8, 3): "rgb24", (8, 4): "rgba", (16, 3): "rgb48be", (16, 4): "rgba64be"}
# Of photographs of 12 megapixels level 1 takes half the time of level 3, and makes files 2 % larger.
_ENCODER = {"pred": "mixed", "compression_level": "1"}
# First row and column, and steps, of the seven passes of an interlaced picture.
_PASSES = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
# How far gAMA and cHRM may be from sRGB's, in their own units of 1/100000.
_SRGB_GAMMA, _SAME_GAMMA, _SAME_CHROMATICITY = 45455, 1000, 200
_INCH = 0.0254


def read_png(data: bytes) -> Contents:
    """Read a PNG file; of an animated one the picture that readers without animation show."""
    notes: list[str] = []
    chunks = list(_chunks(data, notes))
    (width, height, bits, colour_type, interlaced) = _declared(chunks)
    check_size(width, height)
    if any(name == b"acTL" for name, _ in chunks):
        notes.append("an animation: one picture of it is used")
    essential = [(name, part) for name, part in chunks if name in (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")]
    bare = _file(essential)
    wanted = _stream_length(width, height, bits * _SAMPLES[colour_type], interlaced)
    if wanted > _MOST_DEFLATED * sum(len(part) for name, part in essential if name == b"IDAT"):
        raise ValueError("its pixels are cut off")
    # Both work beside Python's own lock.
    with ThreadPoolExecutor(1) as pool:
        check = pool.submit(_check_stream, essential, wanted)
        levels = _decoded(bare, width, height) if bits == 16 else levels_of(opened(bare, "PNG"), notes)
        check.result()
    metadata, raw_profile = _metadata(chunks, notes)
    icc, profile = _colours(chunks, notes)
    return Contents("PNG", levels, icc or raw_profile, profile, metadata, notes)


def write_png(path: Path, levels: np.ndarray, icc: bytes, metadata: Metadata, quality: int) -> list[str]:
    """Write a PNG of the levels' depth, with texts and colours as they stood; see ``write_photograph``."""
    del quality  # nothing is lost
    encoded = _encoded(levels)
    first = [(name, part) for name, part in encoded if name == b"IHDR"]
    chunks = [*first, *((name, part) for name, part in metadata.chunks if name in COLOUR_CHUNKS)]
    if icc:
        chunks = [chunk for chunk in chunks if chunk[0] != b"sRGB"]
        chunks.append((b"iCCP", b"ICC profile\0\0" + zlib.compress(icc)))
    if metadata.dpi:
        across, down = (min(max(round(dpi / _INCH), 1), 2**31 - 1) for dpi in metadata.dpi)
        chunks.append((b"pHYs", struct.pack(">IIB", across, down, 1)))
    if metadata.exif:
        chunks.append((b"eXIf", metadata.exif))
    if metadata.xmp:
        chunks.append((b"iTXt", _XMP + bytes(5) + metadata.xmp))
    chunks += [(name, part) for name, part in metadata.chunks if name in _TEXTS]
    chunks += [(name, part) for name, part in encoded if name == b"IDAT"]
    with atomic_path(path) as temporary:
        temporary.write_bytes(_file([*chunks, (b"IEND", b"")]))
    return ["its IPTC data are left out: PNG has no place for them"] if iptc_of(metadata.photoshop) else []


def _chunks(data: bytes, notes: list[str]) -> Iterator[tuple[bytes, bytes]]:
    """Type and content of every chunk up to the last; their checksums are compared.

    Args:
        data: the file.
        notes: gets what is left out, of chunks that no picture needs.
    """
    place, count = len(SIGNATURE), 0
    while True:
        if place + 12 > len(data):
            raise ValueError("the file is cut off")
        length, name = struct.unpack_from(">I4s", data, place)
        stop = place + 8 + length
        if stop + 4 > len(data):
            raise ValueError("the file is cut off")
        part = data[place + 8 : stop]
        place, count = stop + 4, count + 1
        if zlib.crc32(part, zlib.crc32(name)) == struct.unpack_from(">I", data, stop)[0]:
            yield name, part
        elif name[:1].isupper():
            raise ValueError(f"its part {name.decode('latin-1')!r} is damaged")
        else:
            notes.append(f"its part {name.decode('latin-1')!r} is damaged: left out")
        if name == b"IEND":
            return
        if count > _MOST_CHUNKS:
            raise ValueError(f"more than {_MOST_CHUNKS:,} chunks")


def _declared(chunks: list[tuple[bytes, bytes]]) -> tuple[int, int, int, int, int]:
    """Width, height, bits, colour type and whether it is interlaced."""
    name, part = chunks[0]
    if name != b"IHDR" or len(part) != 13:
        raise ValueError("its header is damaged")
    width, height, bits, colour_type, _, _, interlaced = struct.unpack(">IIBBBBB", part)
    if colour_type not in _SAMPLES or interlaced > 1 or bits not in (1, 2, 4, 8, 16) or (bits, colour_type) == (16, 3):
        raise ValueError("its header is damaged")
    return width, height, bits, colour_type, interlaced


def _stream_length(width: int, height: int, pixel_bits: int, interlaced: int) -> int:
    """Bytes of all rows with the numbers of their filters."""
    length = 0
    for row, column, down, across in _PASSES if interlaced else ((0, 0, 1, 1),):
        rows, columns = -(-(height - row) // down), -(-(width - column) // across)
        length += rows * (1 + -(-columns * pixel_bits // 8)) if min(rows, columns) > 0 else 0
    return length


def _check_stream(chunks: list[tuple[bytes, bytes]], wanted: int) -> None:
    """Refuse pixels that end too early or whose checksum is wrong: readers show what there is of them."""
    stream, length = zlib.decompressobj(), 0
    for name, part in chunks:
        piece = part if name == b"IDAT" else b""
        while piece and not stream.eof and length <= wanted:
            length += len(stream.decompress(piece, 2**20))
            piece = stream.unconsumed_tail
    while not stream.eof and length <= wanted and (more := stream.decompress(b"", 2**20)):
        length += len(more)
    # Some writers add bytes, which say nothing.
    if length < wanted or (length == wanted and not stream.eof):
        raise ValueError("its pixels are cut off")


def _decoded(bare: bytes, width: int, height: int) -> np.ndarray:
    """Levels of 16 bits by FFmpeg, uint16 ``[H, W]`` or ``[H, W, 2 to 4]``."""
    av = library("av", "PyAV", NEEDS)
    codec = av.CodecContext.create("png", "r")
    frames = [*codec.decode(av.Packet(bare)), *codec.decode(None)]
    if len(frames) != 1 or (frames[0].width, frames[0].height) != (width, height):
        raise ValueError("its pixels are damaged")
    frame = frames[0]
    channels, plane = _CHANNELS[frame.format.name], frame.planes[0]
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[:height, : 2 * channels * width]
    levels = rows.view(">u2").astype(np.uint16)
    return levels if channels == 1 else levels.reshape(height, width, channels)


def _encoded(levels: np.ndarray) -> list[tuple[bytes, bytes]]:
    """The chunks that FFmpeg makes of levels ``[H, W, 3 or 4]``."""
    av = library("av", "PyAV", NEEDS)
    height, width, channels = levels.shape
    name = _ENCODED[8 * levels.dtype.itemsize, channels]
    codec = av.CodecContext.create("png", "w")
    codec.width, codec.height, codec.pix_fmt, codec.time_base = width, height, name, Fraction(1)
    codec.options = _ENCODER
    try:
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(levels), format=name)
        packets = [*codec.encode(frame), *codec.encode(None)]
    except (av.FFmpegError, MemoryError) as error:
        raise UserError(f"a PNG of {width:,} x {height:,} pixels cannot be made ({error}); accepted: TIFF") from None
    return list(_chunks(b"".join(bytes(packet) for packet in packets), []))


def _file(chunks: list[tuple[bytes, bytes]]) -> bytes:
    parts = [SIGNATURE]
    for name, part in chunks:
        parts += [struct.pack(">I4s", len(part), name), part, struct.pack(">I", zlib.crc32(part, zlib.crc32(name)))]
    return b"".join(parts)


def _metadata(chunks: list[tuple[bytes, bytes]], notes: list[str]) -> tuple[Metadata, bytes]:
    """What the chunks say beside the colours, and a profile that an old program wrote as a text."""
    exif, xmp, icc, dpi, kept = b"", b"", b"", None, []
    for name, part in chunks:
        key = part.split(b"\0", 1)[0] if name in _TEXTS else b""
        if name == b"eXIf":
            exif = part
        elif name == b"pHYs" and len(part) == 9 and part[8] == 1:
            across, down = struct.unpack_from(">II", part)
            dpi = (across * _INCH, down * _INCH) if across and down else None
        elif key == _XMP:
            xmp = xmp or _text(name, part)
        elif key in (b"Raw profile type exif", b"Raw profile type APP1"):
            block = _raw_profile(_text(name, part))
            exif = exif or (block if not block.startswith(b"http") else b"")
        elif key == b"Raw profile type xmp":
            xmp = xmp or _raw_profile(_text(name, part))
        elif key in (b"Raw profile type icc", b"Raw profile type icm"):
            icc = _raw_profile(_text(name, part))
        elif name in (*_TEXTS, *COLOUR_CHUNKS):
            kept.append((name, part))
    exif, exif_notes = readable_exif(exif)
    notes += exif_notes
    return Metadata(exif=exif, xmp=xmp, dpi=dpi, chunks=tuple(kept)), icc


def _colours(chunks: list[tuple[bytes, bytes]], notes: list[str]) -> tuple[bytes, Profile | None]:
    """The ICC profile, or one of what the chunks state instead; in the order of precedence of PNG's third edition."""
    stated = {name: part for name, part in reversed(chunks) if name in (*COLOUR_CHUNKS, b"iCCP")}
    if len(code := stated.get(b"cICP", b"")) == 4:
        if code[2] or not code[3]:
            raise UserError("colours as luma and chroma, or of a narrow range (cICP); accepted: RGB of the full range")
        return b"", stated_profile(code[0], code[1])
    if b"iCCP" in stated:
        content = stated[b"iCCP"].partition(b"\0")[2][1:]
        try:
            return _inflated(content, LARGEST_PROFILE), None
        except (ValueError, zlib.error):
            notes.append("its colour profile cannot be read: taken as sRGB")
            return b"", None
    if b"sRGB" in stated or len(stated.get(b"gAMA", b"")) != 4:
        if b"sRGB" not in stated and b"cHRM" in stated:
            notes.append("its primaries are stated without a tone curve (cHRM): taken as sRGB")
        return b"", None
    return b"", _gamma_profile(stated[b"gAMA"], stated.get(b"cHRM", b""), notes)


def _gamma_profile(gamma_part: bytes, primaries_part: bytes, notes: list[str]) -> Profile | None:
    """The profile of gAMA and cHRM; None where they are sRGB's."""
    (gamma,) = struct.unpack(">I", gamma_part)
    srgb = [round(1e5 * number) for point in SRGB_PRIMARIES for number in point]
    numbers = struct.unpack(">8I", primaries_part) if len(primaries_part) == 32 else tuple(srgb)
    is_srgb_curve = abs(gamma - _SRGB_GAMMA) <= _SAME_GAMMA
    if is_srgb_curve and all(abs(a - b) <= _SAME_CHROMATICITY for a, b in zip(numbers, srgb, strict=True)):
        return None
    if not 10_000 <= gamma <= 1_000_000:
        notes.append(f"a tone curve that no photograph has (gAMA {gamma / 1e5:g}): taken as sRGB")
        return None
    white, *primaries = zip(*[iter(number / 1e5 for number in numbers)] * 2, strict=True)
    curve = SRGB_CURVE if is_srgb_curve else PowerCurve(1e5 / gamma)
    notes.append(f"its colours are stated without a profile (gAMA {gamma / 1e5:g}): one is embedded")
    return made_profile(f"PNG gamma {gamma / 1e5:g}", primaries, white, curve)


def _text(name: bytes, part: bytes) -> bytes:
    """The text of a chunk, inflated; empty where it is damaged or too long."""
    content = part.partition(b"\0")[2]
    is_compressed = name == b"zTXt"
    if name == b"iTXt":
        is_compressed, content = content[:1] == b"\1", content[2:]
        # A language, the key in that language, and the text.
        content = content.partition(b"\0")[2].partition(b"\0")[2]
    elif is_compressed:
        content = content[1:]
    try:
        return _inflated(content, _LARGEST_TEXT) if is_compressed else content
    except (ValueError, zlib.error):
        return b""


def _raw_profile(text: bytes) -> bytes:
    """What ImageMagick hides in a text: a name, a length, and hexadecimal digits."""
    match = re.fullmatch(rb"\s*\w+\s+\d+\s+([0-9a-fA-F\s]*)", text)
    try:
        return bytes.fromhex(match[1].decode()) if match else b""
    except ValueError:
        return b""


def _inflated(content: bytes, most: int) -> bytes:
    stream = zlib.decompressobj()
    inflated = stream.decompress(content, most)
    if not stream.eof:
        raise ValueError("cut off, or too long")
    return inflated
