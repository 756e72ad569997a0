"""The pixels of a TIFF, of 8 and 16 bits and of floating point, in strips or tiles, compressed or not.

What is compressed is inflated by Pillow's libtiff, which sees the same bytes declared as a grey picture of 8 bits, a
band of rows at a time: Pillow knows no 16-bit colour, and tifffile inflates without a limit and not LZW.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.libraries import library
from hypernet.retouch.sources.formats.contents import MOST_PIXELS, unmultiplied
from hypernet.retouch.sources.formats.pillow_files import NEEDS
from hypernet.retouch.sources.formats.tiff_tags import LONG, SHORT, Directory, Tree, header, packed, whole

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, _FILL_ORDER = 256, 257, 258, 259, 262, 266
STRIPS, SAMPLES, ROWS_PER_STRIP, STRIP_BYTES, PLANAR, PREDICTOR = 273, 277, 278, 279, 284, 317
_TILE_WIDTH, _TILE_HEIGHT, _TILES, _TILE_BYTES, EXTRA, _FORMAT = 322, 323, 324, 325, 338, 339
GREY_FROM_WHITE, GREY, RGB = 0, 1, 2
NONE, DEFLATE = 1, 8
DIFFERENCES, _FLOAT_DIFFERENCES = 2, 3
_UNSIGNED, _FLOAT = 1, 3
_PREMULTIPLIED, OPACITY = 1, 2
# none, LZW, deflate and its older number, PackBits, LZMA, Zstandard; others (CCITT, JPEG) are Pillow's whole.
_LOSSLESS = (NONE, 5, DEFLATE, 32946, 32773, 34925, 50000)
# Bytes that are inflated at once, unless a strip has more; and what Pillow takes of a picture at most.
_BAND, _LARGEST_BAND = 2**26, 170_000_000
# Bytes of a pixel of the largest picture: four channels of 16 bits.
_LARGEST_PIXEL = 8


@dataclass(frozen=True)
class _Layout:
    """How the pixels of a directory stand in the file.

    Attributes:
        width: of the picture, in pixels.
        height: likewise.
        samples: channels.
        dtype: of a channel, in the file's order of bytes.
        is_planar: every channel by itself.
        predictor: 1: none.
        cell: width and height of a tile, or of a strip, in pixels.
        places: where tiles or strips begin.
        sizes: their bytes.
        is_tiled: tiles, and not strips.
    """

    width: int
    height: int
    samples: int
    dtype: np.dtype
    is_planar: bool
    predictor: int
    cell: tuple[int, int]
    places: tuple[int, ...]
    sizes: tuple[int, ...]
    is_tiled: bool

    @property
    def across(self) -> int:
        """Tiles beside each other."""
        return -(-self.width // self.cell[0])

    @property
    def down(self) -> int:
        """Tiles or strips one below the other."""
        return -(-self.height // self.cell[1])


def is_deep_readable(directory: Directory) -> bool:
    """Whether ``deep_levels`` reads the pixels of a directory, or refuses them; others are Pillow's."""
    is_plain = directory.number(PHOTOMETRIC, -1) in (GREY_FROM_WHITE, GREY, RGB)
    bits = set(directory.numbers(BITS) or (1,))
    return is_plain and directory.number(COMPRESSION, NONE) in _LOSSLESS and bits <= {8, 16, 32, 64}


def deep_levels(directory: Directory, notes: list[str]) -> np.ndarray:
    """Grey or RGB, with opacity where there is any, uint8 or uint16 as ``Contents.levels`` holds them.

    Args:
        directory: of the picture; its size is checked.
        notes: gets what is said of them.

    Raises:
        UserError: pixels that are not taken.
        ValueError: damaged ones.
    """
    photometric, bits = directory.number(PHOTOMETRIC), directory.numbers(BITS)
    base, samples = 3 if photometric == RGB else 1, directory.number(SAMPLES, 1)
    formats, size = set(directory.numbers(_FORMAT) or (_UNSIGNED,)), bits[0]
    is_float = formats == {_FLOAT}
    if len(set(bits)) > 1 or (size < 16 if is_float else formats != {_UNSIGNED} or size > 16):
        raise UserError(f"channels of {', '.join(map(str, bits))} bits; accepted: whole numbers of 8 and 16, floats")
    if not base <= samples <= 16 or len(bits) not in (1, samples):
        raise UserError(f"{samples} channels; accepted: grey and RGB, with or without opacity")
    dtype = np.dtype(f"{directory.order}{'f' if is_float else 'u'}{size // 8}")
    layout = _layout(directory, samples, dtype)
    planes = [_plane(directory, layout, number) for number in range(samples if layout.is_planar else 1)]
    pixels = np.concatenate(planes, axis=2) if layout.is_planar else planes[0]
    extra = (*directory.numbers(EXTRA), *(0,) * (samples - base))[: samples - base]
    opacity = extra[0] if extra and extra[0] in (_PREMULTIPLIED, OPACITY) else 0
    if len(extra) > bool(opacity):
        notes.append(f"further channels are left out: {len(extra) - bool(opacity)}")
    pixels = pixels[..., : base + bool(opacity)]
    levels = _whole_levels(pixels, notes) if is_float else pixels
    if photometric == GREY_FROM_WHITE:
        levels = np.concatenate([np.iinfo(levels.dtype).max - levels[..., :1], levels[..., 1:]], axis=2)
    if opacity == _PREMULTIPLIED:
        notes.append("opacity was multiplied into the colours: taken out")
        levels = unmultiplied(levels)
    return levels[..., 0] if levels.shape[2] == 1 else levels


def _layout(directory: Directory, samples: int, dtype: np.dtype) -> _Layout:
    width, height, is_tiled = directory.number(WIDTH), directory.number(HEIGHT), _TILES in directory
    if is_tiled:
        cell = directory.number(_TILE_WIDTH), directory.number(_TILE_HEIGHT)
    else:
        cell = width, min(directory.number(ROWS_PER_STRIP, height), height)
    if not (0 < cell[0] <= 2**20 + width and 0 < cell[1] <= 2**20 + height):
        raise ValueError("tiles or strips without a size")
    places = directory.numbers(_TILES if is_tiled else STRIPS)
    sizes = directory.numbers(_TILE_BYTES if is_tiled else STRIP_BYTES)
    if len(places) == 1 and not sizes:
        sizes = (len(directory.data) - places[0],)
    is_planar = directory.number(PLANAR, 1) == 2 and samples > 1
    predictor = directory.number(PREDICTOR, 1)
    layout = _Layout(width, height, samples, dtype, is_planar, predictor, cell, places, sizes, is_tiled)
    if layout.across * cell[0] * height * samples * dtype.itemsize > _LARGEST_PIXEL * MOST_PIXELS:
        raise UserError(
            f"{samples} channels of {dtype.itemsize} bytes, in cells of {cell[0]:,} x {cell[1]:,}: too large"
        )
    if min(len(places), len(sizes)) < layout.across * layout.down * (samples if is_planar else 1):
        raise ValueError("fewer tiles or strips than its size needs")
    return layout


def _plane(directory: Directory, layout: _Layout, number: int) -> np.ndarray:
    """The pixels of the file, or of one channel where each is held by itself, ``[H, W, samples]``, native order."""
    samples, size = 1 if layout.is_planar else layout.samples, layout.dtype.itemsize
    raw = _inflated(directory, layout, samples * size, number)
    step = layout.cell[0]
    if layout.predictor == _FLOAT_DIFFERENCES and layout.dtype.kind == "f":
        # Of every row of a tile first the highest bytes of all numbers, then the next, as differences.
        rows = raw.reshape(layout.height, -1, step * size, samples)
        bytes_of = np.cumsum(rows, axis=2, dtype=np.uint8).reshape(layout.height, -1, size, step * samples)
        values = np.ascontiguousarray(bytes_of.swapaxes(2, 3)).view(f">f{size}")
    else:
        values = raw.view(layout.dtype)
        if layout.predictor == DIFFERENCES:
            unsigned = values.view(f"{directory.order}u{size}").reshape(layout.height, -1, step, samples)
            values = np.cumsum(unsigned, axis=2, dtype=f"u{size}").view(f"{layout.dtype.kind}{size}")
        elif layout.predictor != 1:
            raise UserError(f"a TIFF of predictor {layout.predictor}; accepted: 1, 2, and 3 of floating point")
    values = values.reshape(layout.height, -1, samples)[:, : layout.width]
    return np.ascontiguousarray(values, dtype=layout.dtype.newbyteorder("="))


def _inflated(directory: Directory, layout: _Layout, pixel_bytes: int, plane: int) -> np.ndarray:
    """The bytes of all rows, with what fills their last tile, uint8 ``[H, bytes of a row]``."""
    cell_height, row_bytes = layout.cell[1], layout.cell[0] * pixel_bytes
    raw = np.empty((layout.height, layout.across * row_bytes), dtype=np.uint8)
    is_compressed = directory.number(COMPRESSION, NONE) != NONE
    strips = max(1, _BAND // (cell_height * raw.shape[1]))
    first_cell = plane * layout.across * layout.down
    for first in range(0, layout.down, strips):
        rows = slice(first * cell_height, min((first + strips) * cell_height, layout.height))
        cells = slice(first_cell + first * layout.across, first_cell + min(first + strips, layout.down) * layout.across)
        pieces = [
            directory.data[place : place + size]
            for place, size in zip(layout.places[cells], layout.sizes[cells], strict=True)
        ]
        if is_compressed:
            raw[rows] = _by_libtiff(directory, layout, pieces, rows.stop - rows.start, row_bytes)
            continue
        for number, piece in enumerate(pieces):
            top, left = rows.start + number // layout.across * cell_height, number % layout.across * row_bytes
            bottom = min(top + cell_height, layout.height)
            if len(piece) < (bottom - top) * row_bytes:
                raise ValueError("its pixels are cut off")
            lines = np.frombuffer(piece, np.uint8, (bottom - top) * row_bytes).reshape(-1, row_bytes)
            raw[top:bottom, left : left + row_bytes] = lines
    return raw


def _by_libtiff(directory: Directory, layout: _Layout, pieces: list, height: int, row_bytes: int) -> np.ndarray:
    """Inflated strips or tiles of a band of rows, uint8 ``[height, bytes of a row]``."""
    order, width = directory.order, layout.across * row_bytes
    if width * height > _LARGEST_BAND:
        raise UserError(f"{width * height:,} bytes compressed in one piece; accepted: {_LARGEST_BAND:,} at most")
    places = np.cumsum([8, *map(len, pieces)]).tolist()
    tree = Tree()
    tree.values = {
        WIDTH: whole(order, LONG, [width]),
        HEIGHT: whole(order, LONG, [height]),
        BITS: whole(order, SHORT, [8]),
        COMPRESSION: whole(order, SHORT, [directory.number(COMPRESSION)]),
        PHOTOMETRIC: whole(order, SHORT, [GREY]),
        _FILL_ORDER: whole(order, SHORT, [directory.number(_FILL_ORDER, 1)]),
        SAMPLES: whole(order, SHORT, [1]),
        PLANAR: whole(order, SHORT, [1]),
        _TILES if layout.is_tiled else STRIPS: whole(order, LONG, places[:-1]),
        _TILE_BYTES if layout.is_tiled else STRIP_BYTES: whole(order, LONG, [len(piece) for piece in pieces]),
    }
    if layout.is_tiled:
        tree.values[_TILE_WIDTH] = whole(order, LONG, [row_bytes])
        tree.values[_TILE_HEIGHT] = whole(order, LONG, [layout.cell[1]])
    else:
        tree.values[ROWS_PER_STRIP] = whole(order, LONG, [layout.cell[1]])
    start = places[-1] + places[-1] % 2
    data = b"".join([header(order, start), *pieces, bytes(start - places[-1]), packed(tree, order, start)])
    image = library("PIL.TiffImagePlugin", "Pillow", NEEDS).TiffImageFile(io.BytesIO(data))
    if image.mode != "L" or image.size != (width, height):
        raise ValueError("its pixels are damaged")
    with warnings.catch_warnings():
        # Its size is checked here.
        warnings.simplefilter("ignore")
        return np.asarray(image)


def _whole_levels(pixels: np.ndarray, notes: list[str]) -> np.ndarray:
    """Floating point in [0, 1] as levels of 16 bits."""
    levels, outside = np.empty(pixels.shape, dtype=np.uint16), 0
    for row, values in enumerate(pixels):
        if not np.isfinite(values).all():
            raise UserError(f"pixels that are not numbers (NaN or infinity, row {row}); accepted: finite ones")
        outside += int(((values < 0) | (values > 1)).any(axis=-1).sum())
        levels[row] = np.rint(np.clip(values, 0, 1).astype(np.float64) * 65535)
    notes.append("floating point: written with 16 bits")
    if outside:
        notes.append(f"{outside:,} pixels outside [0, 1] are clipped")
    return levels
