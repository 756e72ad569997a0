"""Arrays in MATLAB's files of versions 5 to 7 ("MAT-File Format", MathWorks).

Not read by scipy, whose reader a damaged file can make write outside its memory.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from hypernet.codes.core.sparse import ParityCheck, check_entries, check_shape, of_positions, sparse
from hypernet.codes.sources.arrays import chosen_name
from hypernet.lab.errors import UserError

MARKS = (b"MATLAB 5.0", b"MATLAB 7.3", b"\x89HDF")
LARGEST_FILE = 2**28
HEADER = 128
# Types of elements; those of numbers with their numpy names.
NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
MATRIX, COMPRESSED = 14, 15
# Classes of arrays: sparse, and those of numbers.
SPARSE, NUMERIC = 5, range(6, 16)
COMPLEX = 0x0800


@dataclass
class _Variable:
    """An array: its name, its class, its sides, and what follows in the file."""

    name: str
    array_class: int
    shape: tuple[int, ...]
    rest: list[np.ndarray]


def read_mat(where: str, file: BinaryIO) -> ParityCheck:
    """Read H, ``[m, n]``: the one matrix of the file, dense or sparse, or the one called H.

    Args:
        where: what to call the file in a message.
        file: the file, at its start.

    Returns:
        The matrix.

    Raises:
        UserError: one line that names the file and what is wrong.
    """
    # A single number or a vector is a setting, not H.
    variables = {variable.name: variable for variable in _all(where, file) if min(variable.shape) > 1}
    variable = variables[chosen_name(where, list(variables))]
    check_shape(variable.shape, where)
    where = f"{where}, variable {variable.name}"
    if variable.array_class == SPARSE:
        return _sparse(where, variable)
    if not variable.rest or variable.rest[0].size != variable.shape[0] * variable.shape[1]:
        raise UserError(f"{where}: the file has not its {variable.shape[0]} x {variable.shape[1]} entries")
    return sparse(variable.rest[0].reshape(variable.shape, order="F"), where)


def read_values(where: str, file: BinaryIO) -> np.ndarray:
    """Read the one dense array of the file that is not a single number, a setting.

    Args:
        where: what to call the file in a message.
        file: the file, at its start.

    Returns:
        Its numbers, ``[rows, columns]``.

    Raises:
        UserError: one line that names the file and what is wrong.
    """
    variables = [variable for variable in _all(where, file) if math.prod(variable.shape) > 1]
    if len(variables) != 1 or variables[0].array_class == SPARSE:
        held = ", ".join(variable.name for variable in variables)[:160] or "no array of real numbers"
        raise UserError(f"{where}: holds {held}; accepted: one array of real numbers")
    (variable,) = variables
    if not variable.rest or variable.rest[0].size != math.prod(variable.shape):
        raise UserError(f"{where}: the file has not all {list(variable.shape)} numbers of {variable.name}")
    return variable.rest[0].reshape(variable.shape, order="F")


def _all(where: str, file: BinaryIO) -> list[_Variable]:
    """The arrays of the file that are made of real numbers."""
    content = file.read(LARGEST_FILE + 1)
    if not content.startswith(MARKS[0]):
        raise UserError(f"{where}: a MATLAB file of version 7.3; accepted: those that save(..., '-v7') writes")
    if len(content) > LARGEST_FILE:
        raise UserError(f"{where}: more than {LARGEST_FILE} bytes, the most that a MATLAB file may have")
    try:
        return list(_variables(where, content))
    except (IndexError, ValueError, struct.error, zlib.error) as error:
        raise UserError(f"{where}: a damaged MATLAB file ({' '.join(str(error).split())[:160]})") from None


def _sparse(where: str, variable: _Variable) -> ParityCheck:
    """Compressed columns: the row of each entry, where each column begins, and the values."""
    m, n = variable.shape
    if len(variable.rest) == 3:
        rows, starts, values = variable.rest
        count = int(starts[-1]) if len(starts) == n + 1 else -1
        starts = starts.astype(np.int64)
        degrees: np.ndarray = starts[1:] - starts[:-1]
        whole = 0 <= count <= min(len(rows), len(values)) and starts[0] == 0 and (degrees >= 0).all()
        if whole and (rows[:count] >= 0).all() and (rows[:count] < m).all():
            rows, values, columns = rows[:count].astype(np.int64), values[:count], np.repeat(np.arange(n), degrees)
            check_entries(rows, columns, values, where)
            return of_positions(rows[values == 1], columns[values == 1], (m, n), where)
    raise UserError(f"{where}: a damaged sparse matrix")


def _variables(where: str, content: bytes) -> Iterator[_Variable]:
    """As :func:`_all`, of the file's content."""
    order = "<" if content[HEADER - 2 : HEADER] == b"IM" else ">"
    for mark, data in _elements(content[HEADER:], order):
        if mark == COMPRESSED:
            unpacker = zlib.decompressobj()
            # What is packed small may unpack to any size.
            unpacked = unpacker.decompress(data, LARGEST_FILE)
            if unpacker.unconsumed_tail:
                raise UserError(f"{where}: more than {LARGEST_FILE} bytes when unpacked")
            parts = list(_elements(unpacked, order))
        else:
            parts = [(mark, data)]
        for inner, body in parts:
            variable = _variable(body, order) if inner == MATRIX else None
            if variable is not None:
                yield variable


def _variable(body: bytes, order: str) -> _Variable | None:
    flags, shape, name, *rest = _elements(body, order)
    (word,) = struct.unpack_from(f"{order}I", flags[1])
    sides = tuple(np.frombuffer(shape[1], f"{order}i4").tolist())
    array_class = word & 0xFF
    if array_class not in (SPARSE, *NUMERIC) or word & COMPLEX or len(sides) != 2 or min(sides) < 1:
        return None
    numbers = [np.frombuffer(data, f"{order}{NUMBERS[mark]}") for mark, data in rest if mark in NUMBERS]
    return _Variable(name[1].decode("ascii", errors="replace"), array_class, sides, numbers)


def _elements(content: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """Type and data of each element; a short one has its size in the upper half of its type."""
    place = 0
    while place < len(content):
        (mark,) = struct.unpack_from(f"{order}I", content, place)
        short = mark >> 16
        size = short or struct.unpack_from(f"{order}I", content, place + 4)[0]
        start = place + (4 if short else 8)
        if start + size > len(content):
            raise ValueError("an element is longer than the file")
        yield mark & 0xFFFF, content[start : start + size]
        # All but compressed ones end at a multiple of eight bytes.
        place = place + 8 if short else start + size + (0 if mark == COMPRESSED else -size % 8)
