"""What the formats in HDF5 share: opening, attributes as plain values, and one error for all that is broken."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.libraries import library
from hypernet.radar.sources.readers.common import openable


@contextlib.contextmanager
def opened(path: Path, format_name: str) -> Iterator[Any]:
    """The file as an ``h5py.File``; what the block does not find in it is one error that names it.

    Args:
        path: the file, packed by gzip or not.
        format_name: for people, e.g. "KNMI HDF5".

    Raises:
        UserError: the file cannot be read, is cut off, or lacks something.
    """
    h5py = library("h5py", "h5py", "radar")
    try:
        with h5py.File(openable(path), "r") as file:
            yield file
    except OSError as error:
        raise UserError(f"{path}: not a whole HDF5 file ({' '.join(str(error).split())[:160]})") from None
    except KeyError as error:
        raise UserError(f"{path}: not a whole {format_name} file ({' '.join(str(error).split())[:160]})") from None


def plain(value: Any) -> Any:
    """An attribute as str, int or float: some programs write arrays of one entry, some bytes."""
    value = np.asarray(value).ravel()[0] if np.size(value) == 1 else value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace").strip("\x00 ")
    return value.item() if isinstance(value, np.generic) else value
