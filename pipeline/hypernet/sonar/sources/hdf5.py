"""HDF5 files of strangers (netCDF-4, SOFA), looked over before anything of them is read."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.libraries import library

SIGNATURE = b"\x89HDF\r\n\x1a\n"
# Numbers of all arrays together, bytes of a piece that is unpacked whole, and objects of a file.
MOST_NUMBERS, LARGEST_CHUNK, MOST_OBJECTS = 2**26, 2**28, 1000
_OWN_DATA = "accepted are files that hold their data themselves"


@contextlib.contextmanager
def opened(path: Path, form: str) -> Iterator[Any]:
    """The file as an ``h5py.File`` whose arrays are all in it and fit into memory.

    Args:
        path: of the file.
        form: for people, e.g. "netCDF".

    Raises:
        UserError: no such file, not of HDF5, damaged, lacks something, reaches for other files, or claims too much.
    """
    h5py = library("h5py", "h5py", "sonar")
    try:
        with path.open("rb") as start:
            first = start.read(len(SIGNATURE))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from None
    if first != SIGNATURE:
        raise UserError(f"{path}: {'empty' if not first else f'not a {form} file (no HDF5)'}")
    try:
        with h5py.File(path, "r") as file:
            if trouble := _trouble(h5py, file):
                raise UserError(f"{path}: {trouble}")
            yield file
    except (KeyError, OSError, RuntimeError, SystemError) as error:
        raise UserError(f"{path}: not a whole {form} file ({_brief(error)})") from None


def numbers(path: Path, file: Any, name: str) -> np.ndarray | None:
    """An array of numbers by its name, float64; None if there is none.

    Raises:
        UserError: it is not of numbers, or not all are finite.
    """
    if name not in file:
        return None
    dataset = file[name]
    if getattr(dataset, "dtype", np.dtype(object)).kind not in "iuf":
        raise UserError(f"{path}: {name} is not of numbers")
    array = np.asarray(dataset[...], dtype=np.float64)
    if not np.isfinite(array).all():
        raise UserError(f"{path}: {name} holds numbers that are not finite")
    return array


def attribute(file: Any, name: str) -> Any:
    """An attribute of a file as text, number or list; None if there is none."""
    value = file.attrs.get(name)
    value = np.asarray(value).ravel()[0] if np.size(value) == 1 else value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace").strip("\0 ")
    if isinstance(value, np.ndarray):
        return value.tolist()
    return value.item() if isinstance(value, np.generic) else value


def _trouble(h5py: Any, file: Any) -> str | None:
    """A sentence if the file should not be read; no data are."""
    total, objects = 0, 0
    try:
        for name in file:
            objects += 1
            if objects > MOST_OBJECTS:
                return f"more than {MOST_OBJECTS} objects"
            if isinstance(file.get(name, getlink=True), h5py.ExternalLink):
                return f"{name} is a link into another file; {_OWN_DATA}"
            stored = file.get(name)
            if not isinstance(stored, h5py.Dataset):
                continue
            if stored.is_virtual or stored.external:
                return f"the data of {name} are in other files; {_OWN_DATA}"
            total += int(stored.size or 0)
            if total > MOST_NUMBERS or math.prod(stored.chunks or ()) * stored.dtype.itemsize > LARGEST_CHUNK:
                return f"its arrays claim more than {MOST_NUMBERS:,} numbers"
    except Exception as error:  # h5py raises many over damaged headers
        return f"damaged ({_brief(error)})"
    return None


def _brief(error: BaseException) -> str:
    return " ".join(str(error).split())[:160]
