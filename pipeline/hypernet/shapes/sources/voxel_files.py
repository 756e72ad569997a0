"""Voxels in files: .binvox, and NumPy's .npy and .npz, as what people compare and train with; nothing is unpickled."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from pathlib import Path
from typing import IO

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.files import atomic_path
from hypernet.shapes.sources.binvox import ORDERS, read_binvox, write_binvox
from hypernet.shapes.sources.mesh_files import read_bytes

ENDINGS = (".binvox", ".npz", ".npy")
# The name of the array in an .npz file that is written here; of others, their only cubic array is taken.
NAME = "occupied"
MOST_A_SIDE = 512
LARGEST = 256 << 20
MOST_ARRAYS = 64
LONGEST_HEADER = 10_000
# The entries of an .npy file's header that are needed; NumPy hands the whole to Python's parser.
HEADER = (
    re.compile(r"'descr': *'([<>|=]?(?:b1|[iu][1248]|f[248]))'"),
    re.compile(r"'fortran_order': *(True|False)"),
    re.compile(r"'shape': *\(((?:[0-9]{1,9}, *)*[0-9]{0,9})\)"),
)
# Above it a number, such as a probability, counts as occupied.
THRESHOLD = 0.5


def read_voxels(path: Path | str, order: str | None = None) -> tuple[np.ndarray, list[str]]:
    """Occupied voxels, bool ``[side, side, side]`` indexed by x, y, z, and notes on what was assumed.

    Args:
        path: .binvox, .npy or .npz; leading axes of length 1 are dropped.
        order: of the axes in the file, ``xzy`` or ``xyz``; None: that of the format, ``xzy`` for .binvox.

    Raises:
        UserError: another ending or order, a damaged file, no cube, or numbers of no known kind.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    order = order or ("xzy" if suffix == ".binvox" else "xyz")
    if order not in ORDERS:
        raise UserError(f"order: {order!r} is none; accepted: {', '.join(ORDERS)}")
    notes = [f"axes in the file in the order {', '.join(order)}"]
    if suffix == ".binvox":
        return read_binvox(path, order)[0], notes
    if suffix not in ENDINGS:
        raise UserError(f"{path}: not a file of voxels; accepted are {', '.join(ENDINGS)}")
    content = read_bytes(path, LARGEST, "a file of voxels")
    try:
        values = _read_array(io.BytesIO(content), len(content)) if suffix == ".npy" else _read_archive(content)
    except (
        ValueError,
        OSError,
        EOFError,
        KeyError,
        NotImplementedError,
        RuntimeError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise UserError(f"{path}: {' '.join(str(error).split())[:200]}") from None
    occupied, more = occupied_of(values, path)
    return np.ascontiguousarray(occupied.transpose(ORDERS[order])), [*notes, *more]


def occupied_of(values: np.ndarray, where: object) -> tuple[np.ndarray, list[str]]:
    """Which voxels of an array are occupied, bool, and a note where that was a choice.

    Raises:
        UserError: the array does not hold booleans or real numbers.
    """
    if values.dtype == bool:
        return values, []
    if values.dtype.kind not in "iuf" or np.isnan(values).any():
        raise UserError(f"{where}: values that are not numbers; accepted are 0 and 1, or probabilities")
    lowest, highest = values.min(), values.max()
    whole = values.dtype.kind in "iu" and 0 <= lowest <= highest <= 1
    if whole or np.isin(values, (0, 1)).all():
        return values > THRESHOLD, []
    return values > THRESHOLD, [f"values from {lowest:.3g} to {highest:.3g}: above {THRESHOLD} counts as occupied"]


def _cube(shape: tuple[int, ...]) -> bool:
    return len(shape) >= 3 and 1 <= shape[-1] <= MOST_A_SIDE and shape == (1,) * (len(shape) - 3) + shape[-1:] * 3


def _read_array(file: IO[bytes], available: int) -> np.ndarray:
    """One array, whose shape is looked at before memory is taken."""
    magic = file.read(8)
    if magic[:6] != b"\x93NUMPY" or magic[6:7] not in (b"\1", b"\2"):
        raise ValueError("not a file of NumPy's format .npy 1 or 2")
    size_of_head = int.from_bytes(file.read(2 if magic[6] == 1 else 4), "little")
    head = file.read(min(size_of_head, LONGEST_HEADER)).decode("latin-1")
    entries = [pattern.search(head) for pattern in HEADER]
    if None in entries:
        raise ValueError(f"its header {head[:80].strip()!r} is not that of an array of booleans or numbers")
    number, order, sides = (entry[1] for entry in entries if entry)
    shape = tuple(int(side) for side in sides.split(",") if side.strip())
    number, fortran = np.dtype(number), order == "True"
    if not _cube(shape):
        raise ValueError(f"an array {list(shape)}; accepted is a cube, up to {MOST_A_SIDE} a side")
    length = shape[-1] ** 3 * number.itemsize
    if length > available:
        raise ValueError(f"an array {list(shape)} of {number}; the file is too short to hold it")
    content = file.read(length)
    if len(content) < length:
        raise ValueError("breaks off in the middle of the array")
    return np.frombuffer(content, number).reshape(shape[-3:], order="F" if fortran else "C")


def _read_archive(content: bytes) -> np.ndarray:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = archive.infolist()
        if len(members) > MOST_ARRAYS:
            raise ValueError(f"{len(members)} arrays; accepted: up to {MOST_ARRAYS}")
        named = [member for member in members if member.filename == f"{NAME}.npy"]
        cubes = []
        for member in named or members:
            with archive.open(member) as file:
                try:
                    cubes.append(_read_array(file, min(member.file_size, LARGEST)))
                except ValueError:
                    if named:
                        raise
            if len(cubes) > 1:
                break
        if len(cubes) != 1:
            raise ValueError(f"{len(cubes) or 'no'} cubic arrays; accepted: one, or one that is called {NAME}")
        return cubes[0]


def check_voxel_output(path: Path) -> Path:
    """The path, if voxels can be written there.

    Raises:
        UserError: another ending, or a folder.
    """
    if path.suffix.lower() not in ENDINGS:
        raise UserError(f"{path}: the name must end in {', '.join(ENDINGS)}")
    if path.is_dir():
        raise UserError(f"{path}: this is a folder; name a file")
    return path


def write_voxels(path: Path | str, occupied: np.ndarray, translate: np.ndarray, scale: float) -> None:
    """Write voxels, whole or not at all: .binvox with axes x, z, y; .npz and .npy bool ``[x, y, z]``.

    Args:
        path: .binvox; .npz, with ``translate`` and ``scale`` beside ``occupied``; or .npy, with the voxels alone.
        occupied: bool ``[side, side, side]``.
        translate: place of the grid's lowest corner in the mesh's units, ``[3]``.
        scale: length of the grid's side in the mesh's units.
    """
    path = check_voxel_output(Path(path))
    if path.suffix.lower() == ".binvox":
        write_binvox(path, occupied, translate, scale)
        return
    # Into an open file: to a name that ends in capitals NumPy would add its own ending.
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        if path.suffix.lower() == ".npy":
            np.save(file, occupied)
        else:
            np.savez_compressed(file, occupied=occupied, translate=translate, scale=np.float64(scale))
