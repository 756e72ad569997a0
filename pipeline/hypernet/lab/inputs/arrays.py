"""Arrays of numpy, .npy and .npz: never unpickled, and no larger than they say."""

from __future__ import annotations

import math
import tokenize
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import numpy as np

from hypernet.lab.errors import UserError

ENDINGS = (".npy", ".npz")
KINDS = {"uib": "whole numbers", "uibf": "numbers"}
# Bytes of an array: a header of a few bytes may claim any size.
MOST_BYTES = 2**28
# Of a header, which is a line that names type, order and shape.
LONGEST_HEADER = 10_000
HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
# LZMA may claim any memory to unpack with, and fails in its own way.
PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def arrays_of(path: Path, names: Sequence[str], types: str = "uib") -> dict[str, np.ndarray]:
    """The arrays of a file, after their sizes were checked.

    Args:
        path: .npy, which holds the first of them, or .npz.
        names: of the arrays; the first must be there.
        types: kinds of numpy's types that are accepted.

    Raises:
        UserError: no such file, damaged, or without the first array.
    """
    if path.suffix not in ENDINGS:
        raise UserError(f"{path}: the name must end in {' or '.join(ENDINGS)}")
    if not path.is_file():
        raise UserError(f"{path}: no such file of {names[0]}")
    try:
        if path.suffix == ".npy":
            with path.open("rb") as file:
                return {names[0]: _array(file, path.name, types)}
        with zipfile.ZipFile(path) as archive:
            arrays = {}
            for name in names:
                if f"{name}.npy" in archive.namelist():
                    arrays[name] = _member(archive, name, types)
    except (zipfile.BadZipFile, ValueError, OSError, EOFError, NotImplementedError, RuntimeError) as error:
        raise UserError(f"{path}: not an array of numpy ({' '.join(str(error).split())[:120]})") from None
    except (SyntaxError, tokenize.TokenError, TypeError, OverflowError, MemoryError, RecursionError, zlib.error):
        raise UserError(f"{path}: not an array of numpy (its header is damaged)") from None
    if names[0] not in arrays:
        raise UserError(f"{path}: no array {names[0]} in it")
    return arrays


def _member(archive: zipfile.ZipFile, name: str, types: str) -> np.ndarray:
    """One array of an .npz file."""
    if archive.getinfo(f"{name}.npy").compress_type not in PACKINGS:
        raise ValueError(f"{name} is packed in a way that numpy does not write")
    with archive.open(f"{name}.npy") as member:
        return _array(member, name, types)


def _array(file: IO[bytes], name: str, types: str) -> np.ndarray:
    """One array; the size that its header claims is checked first, packed or not."""
    version = np.lib.format.read_magic(file)
    if version not in HEADERS:
        raise ValueError(f"{name} has a format of a version that is not read here")
    start = file.tell()
    length = int.from_bytes(file.read(2 if version == (1, 0) else 4), "little")
    if length > LONGEST_HEADER:
        raise ValueError(f"{name} has a header of {length:,} bytes; accepted: {LONGEST_HEADER:,} at most")
    file.seek(start)
    shape, fortran, dtype = HEADERS[version](file)
    if min(shape, default=0) < 0:
        raise ValueError(f"{name} has a side of {min(shape)}")
    if dtype.hasobject:
        raise ValueError(f"{name} holds Python objects")
    if dtype.kind not in types or (count := math.prod(shape)) * dtype.itemsize > MOST_BYTES:
        raise ValueError(f"{name} is {dtype} {list(shape)}; accepted: {KINDS[types]}, {MOST_BYTES:,} bytes at most")
    content = file.read(count * dtype.itemsize)
    if len(content) < count * dtype.itemsize:
        raise ValueError(f"{name} is shorter than its header says")
    # A copy: torch wants memory that can be written to.
    return np.frombuffer(content, dtype=dtype).reshape(shape, order="F" if fortran else "C").copy()
