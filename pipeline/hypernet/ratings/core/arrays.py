"""Arrays from an npz file that a stranger may have made: no pickles, and no more memory than the file has bytes."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import numpy as np

from hypernet.lab.errors import UserError

HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def read_arrays(path: Path, required: Sequence[str] = ()) -> dict[str, np.ndarray]:
    """Read what ``np.savez`` wrote.

    Members must be stored as they are, as ``np.savez`` does, and each must be as long as its header says: both are
    checked before anything is read.

    Args:
        path: the file.
        required: names of arrays that must be there.

    Returns:
        the arrays by name.

    Raises:
        UserError: no such file, not an npz file, compressed, an array of objects, or an array is missing.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            _check_size(members, path.stat().st_size)
            for member in members:
                with archive.open(member) as file:
                    _check(file, member)
        with np.load(path, allow_pickle=False) as arrays:
            content = {name: arrays[name] for name in arrays.files}
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (zipfile.BadZipFile, EOFError, NotImplementedError, OSError, RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())[:160]
        raise UserError(f"{path}: not a file of arrays (npz) of this project ({reason})") from None
    missing = sorted(set(required) - set(content))
    if missing:
        raise UserError(f"{path}: no array {missing[0]} in it; make it again with this version")
    return content


def _check_size(members: list[zipfile.ZipInfo], file_size: int) -> None:
    """Raise ValueError where the members unpacked are larger than the file, as compressed ones are."""
    if sum(member.file_size for member in members) > file_size:
        raise ValueError("its arrays are larger than the file")


def _check(file: IO[bytes], member: zipfile.ZipInfo) -> None:
    """Raise ValueError where an array's header claims another length than the array has, or objects."""
    read_header = HEADERS.get(np.lib.format.read_magic(file))
    if read_header is None:
        raise ValueError(f"{member.filename} has a format of a version that is not read here")
    shape, _, dtype = read_header(file)
    if dtype.hasobject:
        raise ValueError(f"{member.filename} holds Python objects")
    # An item without bytes, an empty text, would make any number of them fit.
    count = math.prod(shape)
    if file.tell() + count * dtype.itemsize != member.file_size or count > member.file_size:
        raise ValueError(f"{member.filename} is not as long as its header says")
