"""Arrays of numbers from .mat files of MATLAB 5 to 7, and nothing else of them.

The reader of scipy ends the process on some damaged files (a segmentation fault), and cells, structures and objects
are not wanted; arrays of numbers are the small part of the format: a header of 128 bytes, then elements, each a type,
a length and content; an array is an element (packed by zlib or not) of elements: flags, sizes, name, numbers
("MAT-File Format", The MathWorks).
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.shapes.sources.mesh_files import read_bytes

# Bytes of a file, and of what it unpacks to: blocks of 256³ numbers of eight bytes fit.
LARGEST_FILE, LARGEST_UNPACKED = 2**26, 2**28
_HEADER, _MATRIX, _PACKED = 128, 14, 15
_TYPES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
# Classes of arrays by number: 1 to 5 hold no numbers.
_CLASSES = {1: "cells", 2: "a structure", 3: "an object", 4: "text", 5: "sparse", 16: "a function", 17: "an object"}
_NUMBERS = range(6, 16)
_COMPLEX = 0x0800
_LONGEST_NAME, _MOST_AXES = 63, 8


def read_arrays(path: Path, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """The named arrays of a file, with the axes of MATLAB.

    Args:
        path: a file of ``save -v6`` or ``-v7``.
        names: of the arrays that are needed; others are passed over.

    Raises:
        UserError: the file is of another kind (MATLAB 7.3 is HDF5), damaged or too large, packed or unpacked; an array
            is not there, empty, or not of real numbers.
    """
    path = Path(path)
    content = read_bytes(path, LARGEST_FILE, "a .mat file")
    if content[124:128] == b"\x00\x02IM" or content[512:520] == b"\x89HDF\r\n\x1a\n":
        raise UserError(f"{path}: a file of MATLAB 7.3 (HDF5); save it with -v7")
    orders = {b"\x00\x01IM": "<", b"\x01\x00MI": ">"}
    if (order := orders.get(content[124:128])) is None:
        raise UserError(f"{path}: not a .mat file of MATLAB 5 to 7")
    arrays: dict[str, np.ndarray] = {}
    seen = []
    try:
        for matrix in _matrices(content, order):
            name, array = _array(matrix, order, names)
            seen.append(name)
            if array is not None:
                arrays[name] = array
    except (ValueError, struct.error, zlib.error) as error:
        raise UserError(f"{path}: {error}") from None
    for name in names:
        if name not in arrays:
            raise UserError(f"{path}: no array {name} (it holds {', '.join(sorted(seen))[:80] or 'nothing'})")
    return arrays


def _matrices(content: bytes, order: str) -> Iterator[bytes]:
    """The content of every array of a file, unpacked one after the other."""
    place, left = _HEADER, LARGEST_UNPACKED
    while place + 8 <= len(content):
        number, length = struct.unpack_from(f"{order}II", content, place)
        body = content[place + 8 : place + 8 + length]
        if len(body) < length:
            raise ValueError("the file ends early")
        place += 8 + length
        if number == _PACKED:
            engine = zlib.decompressobj()
            body = engine.decompress(body, left + 1)
            if (left := left - len(body)) < 0:
                raise ValueError(f"unpacks to more than {LARGEST_UNPACKED:,} bytes")
            if not engine.eof or len(body) < 8:
                raise ValueError("a packed array ends early")
            number, length = struct.unpack_from(f"{order}II", body)
            body = body[8:]
            if len(body) < length:
                raise ValueError("a packed array ends early")
        if number == _MATRIX:
            yield body


def _array(matrix: bytes, order: str, names: tuple[str, ...]) -> tuple[str, np.ndarray | None]:
    """Name of an array and, where it is one of those asked for, its numbers."""
    parts = _parts(matrix, order)
    flags, sizes, text = (content for _, content in (next(parts), next(parts), next(parts)))
    word, *_ = struct.unpack(f"{order}II", flags)
    name = text.decode("latin-1")
    if len(name) > _LONGEST_NAME or not name.isprintable():
        raise ValueError("an array without a proper name")
    if name not in names:
        return name, None
    if word & 0xFF not in _NUMBERS:
        raise ValueError(f"{name} is {_CLASSES.get(word & 0xFF, 'unknown')}; an array of numbers is needed")
    if word & _COMPLEX:
        raise ValueError(f"{name} is complex; an array of real numbers is needed")
    axes = [int(axis) for axis in np.frombuffer(sizes, f"{order}i4")]
    number, numbers = next(parts)
    if number not in _TYPES:
        raise ValueError(f"{name} holds numbers of an unknown type ({number})")
    values = np.frombuffer(numbers, f"{order}{_TYPES[number]}")
    if not 2 <= len(axes) <= _MOST_AXES or min(axes) < 0 or math.prod(axes) != len(values):
        raise ValueError(f"{name} has the sizes {axes[:_MOST_AXES]} and {len(values)} numbers")
    if not len(values):
        raise ValueError(f"{name} is empty")
    return name, values.reshape(axes, order="F")


def _parts(matrix: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """Type and content of the elements of an array; short ones stand in their own tag."""
    place = 0
    while place + 8 <= len(matrix):
        number, length = struct.unpack_from(f"{order}II", matrix, place)
        start = place + 8
        if number >> 16:
            number, length, start = number & 0xFFFF, number >> 16, place + 4
            place += 8
        else:
            place += 8 + -(-length // 8) * 8
        if start + length > len(matrix) or (start % 8 and length > 4):
            raise ValueError("an array ends early")
        yield number, matrix[start : start + length]
    raise ValueError("an array ends early")
