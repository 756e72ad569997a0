"""Matrices in numpy's and scipy's own files: .npy, and .npz of ``numpy.savez`` or ``scipy.sparse.save_npz``."""

from __future__ import annotations

import math
import tokenize
import zipfile
from typing import IO

import numpy as np
import scipy.sparse

from hypernet.codes.core.sparse import LARGEST_ONES, ParityCheck, check_entries, check_shape, of_positions, sparse
from hypernet.lab.errors import UserError

NPY_MARK = np.lib.format.MAGIC_PREFIX
# A dense matrix of 64,800 columns and 32,400 rows has half as many entries.
LARGEST_DENSE = 2**32
ENTRIES_AT_ONCE = 2**24
# Of all arrays of a sparse matrix together: row, column and value of each entry, eight bytes each.
LARGEST_SPARSE_BYTES = 3 * 8 * LARGEST_ONES
# Which of several arrays is H.
NAMES = ("h", "pcm", "parity_check", "parity_check_matrix")


def read_npy(where: str, file: IO[bytes]) -> ParityCheck:
    """Read H, ``[m, n]``, from an array of 0 and 1, some rows (or columns) at a time.

    Args:
        where: what to call the file in a message.
        file: the file, at its start.

    Returns:
        The matrix.

    Raises:
        UserError: one line that names the file and what is wrong.
    """
    shape, by_column, dtype = _header(where, file)
    check_shape(shape, where)
    if dtype.kind not in "biuf":
        raise UserError(f"{where}: entries of type {dtype}; accepted: 0 and 1")
    if math.prod(shape) > LARGEST_DENSE:
        raise UserError(f"{where}: {shape[0]} x {shape[1]} entries; accepted: at most {LARGEST_DENSE}")
    # Lines are rows of the matrix, or its columns where these stand one after another.
    count, length = shape[::-1] if by_column else shape
    step = max(1, ENTRIES_AT_ONCE // length)
    positions, total = [], 0
    for first in range(0, count, step):
        size = min(step, count - first) * length
        content = file.read(size * dtype.itemsize)
        if len(content) < size * dtype.itemsize:
            raise UserError(f"{where}: the file ends before {shape[0]} x {shape[1]} entries")
        part = np.frombuffer(content, dtype).reshape(-1, length)
        lines, places = np.nonzero(part)
        rows, columns = (places, lines + first) if by_column else (lines + first, places)
        check_entries(rows, columns, part[lines, places], where)
        positions.append((rows.astype(np.int32), columns.astype(np.int32)))
        total += len(rows)
        if total > LARGEST_ONES:
            raise UserError(f"{where}: more than {LARGEST_ONES} ones, the most that are accepted")
    rows, columns = (np.concatenate(axis) for axis in zip(*positions, strict=True))
    return of_positions(rows, columns, shape, where)


def _header(where: str, file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    try:
        version = np.lib.format.read_magic(file)
        if version == (1, 0):
            return np.lib.format.read_array_header_1_0(file)
        if version == (2, 0):
            return np.lib.format.read_array_header_2_0(file)
    except (SyntaxError, TypeError, ValueError, tokenize.TokenError) as error:
        raise UserError(f"{where}: not a whole .npy file ({' '.join(str(error).split())[:160]})") from None
    raise UserError(f"{where}: a .npy file of version {version}; accepted: 1.0 and 2.0")


def read_npz(where: str, file: IO[bytes]) -> ParityCheck:
    """Read H, ``[m, n]``: a sparse matrix of scipy, or the one matrix, or the one called H, among arrays.

    Args:
        where: what to call the file in a message.
        file: the file, which must be one that can be read at any place.

    Returns:
        The matrix.

    Raises:
        UserError: one line that names the file and what is wrong.
    """
    with zipfile.ZipFile(file) as archive:
        # What is packed small may unpack to any size.
        sizes = {
            member.filename.removesuffix(".npy"): member.file_size
            for member in archive.infolist()
            if member.filename.endswith(".npy")
        }
        if {"format", "shape", "data"} <= set(sizes):
            if sum(sizes.values()) > LARGEST_SPARSE_BYTES:
                raise UserError(f"{where}: more than {LARGEST_SPARSE_BYTES} bytes when unpacked")
            return _read_sparse(where, archive)
        name = chosen_name(where, _matrices(where, archive, list(sizes)))
        with archive.open(f"{name}.npy") as member:
            return read_npy(f"{where}, array {name}", member)


def _read_sparse(where: str, archive: zipfile.ZipFile) -> ParityCheck:
    with archive.open("shape.npy") as member:
        shape = np.lib.format.read_array(member, allow_pickle=False)
    check_shape(tuple(shape.ravel().tolist()), where)
    assert archive.fp is not None
    archive.fp.seek(0)
    return sparse(scipy.sparse.load_npz(archive.fp), where)


def _matrices(where: str, archive: zipfile.ZipFile, names: list[str]) -> list[str]:
    """The names of the arrays that are matrices of numbers."""
    matrices = []
    for name in names:
        with archive.open(f"{name}.npy") as member:
            shape, _, dtype = _header(f"{where}, array {name}", member)
        if len(shape) == 2 and dtype.kind in "biuf":
            matrices.append(name)
    return matrices


def chosen_name(where: str, names: list[str]) -> str:
    """Which of the matrices of a file is H.

    Args:
        where: what to call the file in a message.
        names: those of its matrices.

    Returns:
        The only name, or the only one of :data:`NAMES`, in whatever case.

    Raises:
        UserError: there is none, or more than one.
    """
    for choice in (names, [name for name in names if name.lower() in NAMES]):
        if len(choice) == 1:
            return choice[0]
    held = ", ".join(names)[:160] or "no matrix of numbers"
    raise UserError(f"{where}: holds {held}; accepted: one matrix, or one of them called H")
