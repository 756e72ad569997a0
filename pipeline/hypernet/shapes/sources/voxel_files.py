"""Voxels in files: .binvox, and NumPy's .npy and .npz, as what people compare and train with; nothing is unpickled."""

from __future__ import annotations

import io
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
    if values.dtype != bool:
        levels = np.unique(values)
        if not np.isin(levels, (0, 1)).all():
            notes.append(f"values from {levels[0]:.3g} to {levels[-1]:.3g}: above {THRESHOLD} counts as occupied")
    occupied = (values if values.dtype == bool else values > THRESHOLD).transpose(ORDERS[order])
    return np.ascontiguousarray(occupied), notes


def _cube(shape: tuple[int, ...]) -> bool:
    return len(shape) >= 3 and 1 <= shape[-1] <= MOST_A_SIDE and shape == (1,) * (len(shape) - 3) + shape[-1:] * 3


def _read_array(file: IO[bytes], size: int) -> np.ndarray:
    """One array, whose shape is looked at before memory is taken."""
    version = np.lib.format.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"version {version[0]}.{version[1]} of the format .npy; accepted: 1.0 and 2.0")
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, kind = read_header(file)
    if not _cube(shape) or kind.kind not in "buif" or kind.itemsize > 8:
        raise ValueError(
            f"an array {list(shape)} of {kind}; accepted is a cube of booleans or numbers, up to 512 a side"
        )
    length = int(np.prod(shape)) * kind.itemsize
    if length > size:
        raise ValueError(f"an array {list(shape)} of {kind}; the file is too short to hold it")
    content = file.read(length)
    if len(content) < length:
        raise ValueError("breaks off in the middle of the array")
    return np.frombuffer(content, kind).reshape(shape[-3:], order="F" if fortran else "C")


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
                    cubes.append(_read_array(file, min(member.file_size, MOST_A_SIDE**3 * 8)))
                except ValueError:
                    if named:
                        raise
        if len(cubes) != 1:
            raise ValueError(f"{len(cubes)} cubic arrays; accepted: one, or one that is called {NAME}")
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
    with atomic_path(path) as temporary:
        if path.suffix.lower() == ".npy":
            np.save(temporary, occupied)
        else:
            np.savez_compressed(temporary, occupied=occupied, translate=translate, scale=np.float64(scale))
