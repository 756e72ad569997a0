"""TIFF (TIFF 6.0) of 8 and 16 bits and of floating point, read and written with its tags."""

from __future__ import annotations

import os
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.files import atomic_path
from hypernet.retouch.sources.formats.contents import Contents, check_size
from hypernet.retouch.sources.formats.metadata import (
    LARGEST_EXIF,
    Metadata,
    iptc_block,
    iptc_of,
    readable_exif,
)
from hypernet.retouch.sources.formats.pillow_files import CMYK_REFUSED, levels_of, opened
from hypernet.retouch.sources.formats.tiff_pixels import (
    BITS,
    COMPRESSION,
    DEFLATE,
    DIFFERENCES,
    EXTRA,
    HEIGHT,
    NONE,
    OPACITY,
    PHOTOMETRIC,
    PLANAR,
    PREDICTOR,
    RGB,
    ROWS_PER_STRIP,
    SAMPLES,
    STRIP_BYTES,
    STRIPS,
    WIDTH,
    deep_levels,
    is_deep_readable,
)
from hypernet.retouch.sources.formats.tiff_tags import (
    BYTE,
    LONG,
    RATIONAL,
    SHORT,
    UNDEFINED,
    Directory,
    Tree,
    first_directory,
    header,
    packed,
    structure,
    tree_of,
    whole,
)

_ACROSS, _DOWN, _UNIT, _REDUCED = 282, 283, 296, 254
_XMP, _IPTC, _PHOTOSHOP, _ICC = 700, 33723, 34377, 34675
_CMYK, _LAB = 5, (8, 9, 10)
# Tags that say how the pixels stand in the file, or are held elsewhere; of private ones those are kept that are known.
_STRUCTURAL = {
    *range(254, 267), STRIPS, *range(277, 282), *range(284, 296), 297, 300, 301, PREDICTOR, *range(318, 344), 347,
    *range(512, 533), 559, _XMP,
}  # fmt: skip
_PRIVATE = {33432, 33434, 33437, 34850, 34855, 36867, 37386, *range(40091, 40096), 50341}
_MOST_DIRECTORIES, _STRIP = 64, 2**20


def read_tiff(data: bytes) -> Contents:
    """Read a TIFF file; of several pages the first that is not a small version of another."""
    page, count = _page(data)
    directory = page[1]
    width, height = directory.number(WIDTH), directory.number(HEIGHT)
    check_size(width, height)
    photometric = directory.number(PHOTOMETRIC, -1)
    if photometric == _CMYK:
        raise UserError(CMYK_REFUSED)
    if photometric in _LAB:
        raise UserError("Lab colours; accepted: RGB and grey")
    notes = [f"{count} pages: page {page[0] + 1} is used"] if count > 1 else []
    metadata = _metadata(directory, notes)
    if is_deep_readable(directory):
        levels = deep_levels(directory, notes)
    else:
        image = opened(data, "TIFF")
        image.seek(page[0])
        check_size(*image.size)
        levels = levels_of(image, notes)
    return Contents("TIFF", levels, directory.value(_ICC), None, metadata, notes)


def write_tiff(path: Path, levels: np.ndarray, icc: bytes, metadata: Metadata, quality: int) -> list[str]:
    """Write a TIFF of the levels' depth, deflated unless it comes from one that was not; see ``write_photograph``."""
    del quality  # nothing is lost
    tree, order = Tree(), "<"
    if metadata.exif:
        directory = first_directory(metadata.exif)
        tree, order = tree_of(directory), directory.order
        tree.values = {tag: value for tag, value in tree.values.items() if tag not in _STRUCTURAL}
    height, width, channels = levels.shape
    rows = max(1, _STRIP // (width * channels * levels.dtype.itemsize))
    strips = _strips(levels, rows, order, metadata.is_compressed)
    places = np.cumsum([8, *(len(strip) + len(strip) % 2 for strip in strips)]).tolist()
    if places[-1] > 2**32 - 2**24:
        raise UserError("more than 4 GB, which TIFF does not hold; accepted: PNG")
    tree.values |= {
        WIDTH: whole(order, LONG, [width]),
        HEIGHT: whole(order, LONG, [height]),
        BITS: whole(order, SHORT, [8 * levels.dtype.itemsize] * channels),
        COMPRESSION: whole(order, SHORT, [DEFLATE if metadata.is_compressed else NONE]),
        PHOTOMETRIC: whole(order, SHORT, [RGB]),
        STRIPS: whole(order, LONG, places[:-1]),
        SAMPLES: whole(order, SHORT, [channels]),
        ROWS_PER_STRIP: whole(order, LONG, [rows]),
        STRIP_BYTES: whole(order, LONG, [len(strip) for strip in strips]),
        PLANAR: whole(order, SHORT, [1]),
    }
    if metadata.is_compressed:
        tree.values[PREDICTOR] = whole(order, SHORT, [DIFFERENCES])
    if channels == 4:
        tree.values[EXTRA] = whole(order, SHORT, [OPACITY])
    if metadata.dpi and _ACROSS not in tree.values:
        across, down = (struct.pack(f"{order}II", round(1000 * dpi), 1000) for dpi in metadata.dpi)
        tree.values |= {_ACROSS: (RATIONAL, 1, across), _DOWN: (RATIONAL, 1, down), _UNIT: whole(order, SHORT, [2])}
    blocks = {_ICC: icc, _PHOTOSHOP: metadata.photoshop, _IPTC: iptc_of(metadata.photoshop)}
    tree.values |= {tag: (UNDEFINED, len(block), block) for tag, block in blocks.items() if block}
    if metadata.xmp:
        tree.values[_XMP] = (BYTE, len(metadata.xmp), metadata.xmp)
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        file.write(header(order, places[-1]))
        for strip in strips:
            file.write(strip + bytes(len(strip) % 2))
        file.write(packed(tree, order, places[-1]))
    return []


def exif_of(directory: Directory, notes: list[str]) -> bytes:
    """The facts of a TIFF's directory as an EXIF block, without what says how its pixels stand in the file."""
    try:
        tree = tree_of(directory, most_bytes=LARGEST_EXIF, but=lambda tag: tag in _STRUCTURAL or _is_private(tag))
    except ValueError:
        notes.append("its EXIF data are too large: left out")
        return b""
    if not tree.values and not tree.inner:
        return b""
    exif, exif_notes = readable_exif(structure(tree, directory.order))
    notes += exif_notes
    return exif


def _is_private(tag: int) -> bool:
    return tag >= 32768 and tag not in _PRIVATE


def _page(data: bytes) -> tuple[tuple[int, Directory], int]:
    """Number and directory of the page to read, and how many pages there are."""
    directories = [first_directory(data)]
    while (start := directories[-1].next_start) and len(directories) < _MOST_DIRECTORIES:
        try:
            directories.append(Directory(data, start, directories[0].order))
        except ValueError:
            break
    pages = [page for page in enumerate(directories) if not page[1].number(_REDUCED) & 1]
    return (pages or [(0, directories[0])])[0], len(pages)


def _metadata(directory: Directory, notes: list[str]) -> Metadata:
    photoshop, iptc = directory.value(_PHOTOSHOP), directory.value(_IPTC)
    if iptc and not iptc_of(photoshop):
        photoshop = iptc_block(iptc) + photoshop
    return Metadata(
        exif=exif_of(directory, notes),
        xmp=directory.value(_XMP).rstrip(b"\0"),
        photoshop=photoshop,
        dpi=_dpi(directory),
        is_compressed=directory.number(COMPRESSION, NONE) != NONE,
    )


def _dpi(directory: Directory) -> tuple[float, float] | None:
    numbers = []
    for tag in (_ACROSS, _DOWN):
        value = directory.value(tag)
        top, bottom = struct.unpack(f"{directory.order}II", value) if len(value) == 8 else (0, 1)
        numbers.append(top / bottom if bottom else 0.0)
    scale = {2: 1.0, 3: 2.54}.get(directory.number(_UNIT, 2), 0.0)
    return (numbers[0] * scale, numbers[1] * scale) if min(numbers) * scale > 0 else None


def _strips(levels: np.ndarray, rows: int, order: str, is_compressed: bool) -> list[bytes]:
    """Bytes of every strip of so many rows."""

    def strip(first: int) -> bytes:
        block = levels[first : first + rows]
        if is_compressed:
            block = np.concatenate([block[:, :1], np.diff(block, axis=1)], axis=1)
        content = block.astype(f"{order}u{block.dtype.itemsize}").tobytes()
        return zlib.compress(content, 5) if is_compressed else content

    # zlib works beside Python's own lock.
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        return list(pool.map(strip, range(0, len(levels), rows)))
