"""What the formats in HDF5 share: opening, attributes as plain values, and one error for all that is broken."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.libraries import library
from hypernet.radar.sources.readers.common import refuse_enormous
from hypernet.radar.sources.readers.packing import openable

# Bytes of one piece of a dataset, which is unpacked whole; entries of a coordinate, and of a table of texts.
LARGEST_CHUNK, LONGEST_SERIES, MOST_TEXTS = 2**29, 2**22, 2**16
# Radar files have some tens of objects, four levels deep.
MOST_OBJECTS, DEEPEST_GROUP = 10_000, 16


@contextlib.contextmanager
def opened(path: Path, format_name: str) -> Iterator[Any]:
    """The file as an ``h5py.File``; what the block does not find in it is one error that names it.

    Args:
        path: the file, packed by gzip or not.
        format_name: for people, e.g. "KNMI HDF5".

    Raises:
        UserError: the file cannot be read, is cut off, lacks something, reaches for other files, or claims more than
            fits into memory.
    """
    h5py = library("h5py", "h5py", "radar")
    try:
        with h5py.File(openable(path), "r") as file:
            refuse_hostile(path, file)
            yield file
    except (OSError, RuntimeError, SystemError) as error:
        raise UserError(f"{path}: not a whole HDF5 file ({' '.join(str(error).split())[:160]})") from None
    except KeyError as error:
        raise UserError(f"{path}: not a whole {format_name} file ({' '.join(str(error).split())[:160]})") from None


def refuse_hostile(path: Path, file: Any) -> None:
    """Refuse what reaches out of a file or takes memory beyond it; no data are read.

    Raises:
        UserError: a link into another file, or a dataset whose parts alone would not fit into memory.
    """
    h5py = library("h5py", "h5py", "radar")
    accepted = "accepted: files that hold their own data"

    def trouble_of_object(name: str, stored: Any) -> str | None:
        try:
            return trouble_of_data(name, stored) if isinstance(stored, h5py.Dataset) else None
        except Exception as error:  # h5py raises many over damaged headers
            return f"{name} is damaged ({' '.join(str(error).split())[:120]})"

    visited = 0

    # A walk of our own: the library's takes quadratic time in deep groups.
    def trouble_below(group: Any, prefix: str, depth: int) -> str | None:
        nonlocal visited
        for name in group:
            visited += 1
            path_inside = f"{prefix}{name}"
            if visited > MOST_OBJECTS or depth > DEEPEST_GROUP:
                return f"more than {MOST_OBJECTS} objects, or groups nested deeper than {DEEPEST_GROUP}"
            if isinstance(group.get(name, getlink=True), h5py.ExternalLink):
                return f"{path_inside} is a link into another file; {accepted}"
            stored = group.get(name)
            trouble = trouble_of_object(path_inside, stored)
            if trouble is None and isinstance(stored, h5py.Group):
                trouble = trouble_below(stored, f"{path_inside}/", depth + 1)
            if trouble:
                return trouble
        return None

    def trouble_of_data(name: str, stored: Any) -> str | None:
        if stored.is_virtual or stored.external:
            return f"the data of {name} are in other files; {accepted}"
        entries, chunk = stored.size or 0, math.prod(stored.chunks or ()) * stored.dtype.itemsize
        if stored.ndim < 2 and entries > LONGEST_SERIES:
            return f"{name} has {entries:,} entries; accepted: {LONGEST_SERIES:,} at most"
        if stored.dtype.hasobject and entries > MOST_TEXTS:
            return f"{name} has {entries:,} texts; accepted: {MOST_TEXTS:,} at most"
        if chunk > LARGEST_CHUNK:
            return f"{name} is in pieces of {chunk:,} bytes; accepted: {LARGEST_CHUNK:,} at most"
        return None

    try:
        trouble = trouble_below(file, "", 1)
    except Exception as error:  # as above, of the links themselves
        trouble = f"its groups are damaged ({' '.join(str(error).split())[:120]})"
    if trouble:
        raise UserError(f"{path}: {trouble}")


def pixels(path: Path, dataset: Any) -> np.ndarray:
    """The numbers of one image, ``[H, W]``.

    Raises:
        UserError: it is no plane of numbers, or too large.
    """
    if dataset.dtype.kind not in "iuf" or dataset.ndim != 2:
        raise UserError(
            f"{path}: {dataset.name} is {dataset.dtype} {list(dataset.shape)}; accepted: a plane of numbers"
        )
    refuse_enormous(path, dataset.size)
    return dataset[...]


def plain(value: Any) -> Any:
    """An attribute as str, int or float: some programs write arrays of one entry, some bytes."""
    value = np.asarray(value).ravel()[0] if np.size(value) == 1 else value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace").strip("\x00 ")
    return value.item() if isinstance(value, np.generic) else value
