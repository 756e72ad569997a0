"""JPEG, WebP, GIF and BMP, and the 8-bit pixels of PNG and TIFF, by Pillow."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.files import atomic_path
from hypernet.lab.libraries import library
from hypernet.retouch.sources.formats.contents import Contents, check_size, unmultiplied
from hypernet.retouch.sources.formats.metadata import (
    EXIF_PREFIX,
    LARGEST_EXIF,
    PHOTOSHOP_PREFIX,
    Metadata,
    iptc_of,
    readable_exif,
)

NEEDS = "retouch"
CMYK_REFUSED = "CMYK, whose colours depend on a printer; convert it to RGB first, accepted: RGB and grey"
_PLUGINS = {
    "JPEG": ("PIL.JpegImagePlugin", "JpegImageFile"),
    "WebP": ("PIL.WebPImagePlugin", "WebPImageFile"),
    "GIF": ("PIL.GifImagePlugin", "GifImageFile"),
    "BMP": ("PIL.BmpImagePlugin", "BmpImageFile"),
    "PNG": ("PIL.PngImagePlugin", "PngImageFile"),
    "TIFF": ("PIL.TiffImagePlugin", "TiffImageFile"),
}
# Content of a JPEG segment at most, and what stands before XMP in it.
_SEGMENT, _XMP_PREFIX, _START_OF_SCAN = 65533, 29, 0xDA
_EXTENDED_XMP = b"http://ns.adobe.com/xmp/extension/"
# Pixels that a byte of JPEG holds at most: a block of 64 takes a bit.
_MOST_OF_A_BYTE = 512
_LARGEST_SIDE = {"JPEG": 65500, "WebP": 16383}


def opened(data: bytes, format_name: str) -> Any:
    """A picture that Pillow has opened by the reader of this format alone; its size is checked, no pixel is read yet.

    The reader is called itself, since Pillow's own limit on sizes is lower than photographs need and holds for the
    whole process.
    """
    module, reader = _PLUGINS[format_name]
    image = getattr(library(module, "Pillow", NEEDS), reader)(io.BytesIO(data))
    check_size(*image.size)
    return image


def read_with_pillow(data: bytes, format_name: str) -> Contents:
    """Read a JPEG, WebP, GIF or BMP file; of several pictures the first."""
    if format_name == "JPEG":
        _check_exif_length(data)
    image = opened(data, format_name)
    if format_name == "JPEG" and image.width * image.height > _MOST_OF_A_BYTE * len(data):
        # libjpeg would make up the rest of the picture.
        raise ValueError("its pixels are cut off")
    notes: list[str] = []
    if getattr(image, "n_frames", 1) > 1:
        notes.append(f"{image.n_frames} frames: the first is used")
    if "mp" in image.info:
        notes.append("further pictures in the file (MPO) are left out")
    if any(name == "APP1" and part.startswith(_EXTENDED_XMP) for name, part in getattr(image, "applist", [])):
        notes.append("the second part of its XMP data (depth, older versions) is left out")
    exif, exif_notes = readable_exif(image.info.get("exif", b""))
    metadata = Metadata(
        exif=exif,
        xmp=image.info.get("xmp", b""),
        photoshop=_photoshop(image),
        dpi=image.info.get("dpi"),
        comment=image.info.get("comment", b"") if format_name == "JPEG" else b"",
        subsampling=_subsampling(image) if format_name == "JPEG" else None,
        is_lossless=format_name == "WebP" and _is_lossless(data),
    )
    icc = image.info.get("icc_profile") or b""
    return Contents(format_name, levels_of(image, notes), icc=icc, metadata=metadata, notes=[*notes, *exif_notes])


def levels_of(image: Any, notes: list[str]) -> np.ndarray:
    """The pixels of an opened picture as ``Contents.levels`` holds them.

    Args:
        image: of Pillow.
        notes: gets what is said of them.

    Raises:
        UserError: pixels that are not taken.
    """
    if image.mode == "CMYK":
        raise UserError(CMYK_REFUSED)
    if image.mode == "RGBa":
        notes.append("opacity was multiplied into the colours: taken out")
        return unmultiplied(np.asarray(image))
    if image.mode in ("P", "PA"):
        notes.append("a palette: written as RGB")
        has_opacity = image.mode == "PA" or "transparency" in image.info
        return np.asarray(image.convert("RGBA" if has_opacity else "RGB"))
    if "transparency" in image.info and image.mode in ("1", "L", "RGB"):
        return np.asarray(image.convert("RGBA" if image.mode == "RGB" else "LA"))
    if image.mode == "RGBX":
        notes.append("a fourth channel of no stated meaning is left out")
    plain = {"1": "L", "L": "L", "LA": "LA", "RGB": "RGB", "RGBA": "RGBA", "RGBX": "RGB", "YCbCr": "RGB"}
    if image.mode not in plain:
        raise UserError(f"pixels of the type {image.mode}; accepted: grey and RGB of 8 or 16 bits")
    return np.asarray(image if image.mode == plain[image.mode] else image.convert(plain[image.mode]))


def write_jpeg(path: Path, levels: np.ndarray, icc: bytes, metadata: Metadata, quality: int) -> list[str]:
    """Write a JPEG of the source's subsampling, or of none (4:4:4); see ``write_photograph``."""
    _check_sides("JPEG", levels)
    notes = []
    if len(metadata.exif) + len(EXIF_PREFIX) > _SEGMENT:
        metadata = metadata.without_maker_note()
        notes.append("the makers' note of its EXIF data is left out: JPEG holds 64 kB of EXIF")
    if len(metadata.exif) + len(EXIF_PREFIX) > _SEGMENT:
        raise UserError("its EXIF data are too long for JPEG, even without the makers' note; accepted: PNG, TIFF, WebP")
    xmp = metadata.xmp
    if len(xmp) + _XMP_PREFIX > _SEGMENT:
        xmp = b""
        notes.append("its XMP data are left out: JPEG holds 64 kB of XMP")
    blocks = [metadata.photoshop[at : at + 65000] for at in range(0, len(metadata.photoshop), 65000)]
    options = {
        "quality": quality,
        "subsampling": 0 if metadata.subsampling is None else metadata.subsampling,
        "exif": EXIF_PREFIX + metadata.exif if metadata.exif else b"",
        "icc_profile": icc,
        "xmp": xmp,
        "comment": metadata.comment[:_SEGMENT],
        "extra": b"".join(_segment(0xED, PHOTOSHOP_PREFIX + block) for block in blocks),
    }
    if metadata.dpi:
        options["dpi"] = metadata.dpi
    _save(path, levels, "JPEG", options)
    return notes


def write_webp(path: Path, levels: np.ndarray, icc: bytes, metadata: Metadata, quality: int) -> list[str]:
    """Write a WebP, lossless if the source was; opacity is kept bit for bit; see ``write_photograph``."""
    _check_sides("WebP", levels)
    options = {
        "quality": quality,
        "lossless": metadata.is_lossless,
        "alpha_quality": 100,
        "exact": True,
        "exif": metadata.exif,
        "icc_profile": icc,
        "xmp": metadata.xmp,
    }
    _save(path, levels, "WEBP", options)
    return ["its IPTC data are left out: WebP has no place for them"] if iptc_of(metadata.photoshop) else []


def _save(path: Path, levels: np.ndarray, format_name: str, options: dict[str, Any]) -> None:
    image = library("PIL.Image", "Pillow", NEEDS).fromarray(levels)
    with atomic_path(path) as temporary:
        image.save(temporary, format=format_name, **options)


def _check_sides(format_name: str, levels: np.ndarray) -> None:
    height, width = levels.shape[:2]
    if max(height, width) > (most := _LARGEST_SIDE[format_name]):
        raise UserError(f"{width:,} x {height:,} pixels; {format_name} holds {most:,} a side; accepted: PNG, TIFF")


def _segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def _check_exif_length(data: bytes) -> None:
    """Refuse more EXIF than any file has, which Pillow would put together in quadratic time."""
    place, length = 2, 0
    while data[place : place + 1] == b"\xff" and place + 4 <= len(data) and data[place + 1] != _START_OF_SCAN:
        stop = place + 2 + struct.unpack_from(">H", data, place + 2)[0]
        length += stop - place if data.startswith(EXIF_PREFIX, place + 4) else 0
        place = stop
    if length > LARGEST_EXIF:
        raise UserError(f"more than {LARGEST_EXIF:,} bytes of EXIF")


def _photoshop(image: Any) -> bytes:
    segments = (content for name, content in getattr(image, "applist", []) if name == "APP13")
    parts = (content.removeprefix(PHOTOSHOP_PREFIX) for content in segments if content.startswith(PHOTOSHOP_PREFIX))
    return b"".join(parts)


def _subsampling(image: Any) -> int | None:
    sampling = library("PIL.JpegImagePlugin", "Pillow", NEEDS).get_sampling(image)
    return None if sampling < 0 else sampling


def _is_lossless(data: bytes) -> bool:
    """Whether the first picture of a WebP is of its lossless variant."""
    place = 12
    while place + 8 <= len(data):
        name, length = struct.unpack_from("<4sI", data, place)
        if name in (b"VP8L", b"VP8 "):
            return name == b"VP8L"
        # A frame's own pictures stand inside it, behind its sixteen bytes.
        place += 8 + 16 if name == b"ANMF" else 8 + length + length % 2
    return False
