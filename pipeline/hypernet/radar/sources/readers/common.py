"""One radar image as a file gives it, and what all readers share."""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from hypernet.lab.errors import UserError

GZIP, HDF5 = b"\x1f\x8b", b"\x89HDF\r\n\x1a\n"
# What libraries and arithmetic raise over attributes of a strange type, damaged pieces and sizes beyond all memory.
BROKEN = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SystemError,
    TypeError,
    ValueError,
)
# No file of a weather service comes near; a small packed file cannot make this program reserve more.
LARGEST_FILE = 2**30
HEAD = 64
# Packed zeros of any size fit into some kilobytes: pixels of one image, and of all images of a file.
LARGEST_IMAGE, LARGEST_STACK = 2**26, 2**30
# Projections that make PROJ open a file: of grid shifts, or of definitions. EPSG's come with it.
FILES_OF_PROJ = re.compile(
    r"grids\s*=\s*(?!@null\b)|\+?\binit\s*=\s*(?!epsg:\d+\b)|\b(?:file|model)\s*=", re.IGNORECASE
)
LONGEST_PROJECTION = 10_000
# Beyond these a number is no measurement but, most often, a fill value that nobody declared.
DBZ_RANGE = (-100.0, 100.0)
LARGEST_RATE = 1000.0


@dataclass(frozen=True)
class Frame:
    """A radar image.

    Attributes:
        dbz: reflectivity in dBZ, float32 ``[H, W]``, row 0 in the north; not clipped; 0 where data are missing.
        time: UTC, datetime64[s]; of an accumulation its end.
        missing: bool ``[H, W]``: no data here.
        x: metres to the east in the projection, ``[W]``, rising, of the middles of the pixels.
        y: metres to the north, ``[H]``, falling.
        projection: a PROJ string, or "" where the file says none.
        attributes: source, product and the like.
    """

    dbz: np.ndarray
    time: np.datetime64
    missing: np.ndarray
    x: np.ndarray
    y: np.ndarray
    projection: str
    attributes: Mapping[str, Any] = field(default_factory=dict)


def content(path: Path, limit: int = LARGEST_FILE) -> bytes:
    """The bytes of a file, unpacked where it is gzip.

    Raises:
        UserError: it cannot be read, is cut off or has more than ``limit`` bytes.
    """
    start = _start(path, limit + 1)
    if len(start) > limit:
        raise UserError(f"{path}: more than {limit} bytes, the most that a radar file may have")
    return start


def head(path: Path) -> bytes:
    """The first bytes of a file, unpacked where it is gzip: enough to know its format.

    Raises:
        UserError: it cannot be read.
    """
    return _start(path, HEAD)


def openable(path: Path) -> Path | io.BytesIO:
    """What libraries for HDF5 and netCDF can open: the path itself, or the unpacked bytes of a gzip file.

    Raises:
        UserError: it cannot be read, or is cut off.
    """
    return io.BytesIO(content(path)) if _packed(path) else path


def _packed(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(GZIP)) == GZIP


def _start(path: Path, count: int) -> bytes:
    try:
        with gzip.open(path) if _packed(path) else path.open("rb") as file:
            return file.read(count)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(f"{path}: the gzip file is cut off or damaged ({error})") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from None


def refuse_enormous(path: Path, pixels: int, most: int = LARGEST_IMAGE) -> None:
    """Refuse what would not fit into memory, before anything is unpacked.

    Raises:
        UserError: there are more than ``most`` pixels.
    """
    if pixels > most:
        raise UserError(f"{path}: {pixels:,} pixels; accepted: {most:,} at most")


def checked_projection(path: Path, text: str) -> str:
    """A projection (PROJ string, WKT) that a file names.

    Raises:
        UserError: PROJ would open another file for it, or it is no text of a projection's length.
    """
    if not isinstance(text, str) or len(text) > LONGEST_PROJECTION or FILES_OF_PROJ.search(text):
        raise UserError(f"{path}: the projection {str(text)[:80]!r}; accepted: one that needs no other file")
    return text


def checked_dbz(path: Path, dbz: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """Reflectivities float32, 0 where data are missing.

    Raises:
        UserError: a value is none that a radar can measure; most often the file's fill value was not declared.
    """
    dbz = np.where(missing, 0.0, dbz).astype(np.float32)
    _refuse_outside(path, dbz, *DBZ_RANGE, "dBZ", "a fill value that the file does not declare?")
    return dbz


def checked_rate(path: Path, rate: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """Rain rates in mm/h, 0 where data are missing.

    Raises:
        UserError: a rate is negative (then they may be dBZ) or larger than any rain.
    """
    rate = np.where(missing, 0.0, rate)
    _refuse_outside(path, rate, 0.0, np.inf, "mm/h", "is this reflectivity in dBZ, or a fill value not declared?")
    _refuse_outside(path, rate, 0.0, LARGEST_RATE, "mm/h", "a fill value that the file does not declare?")
    return rate


def _refuse_outside(path: Path, values: np.ndarray, low: float, high: float, unit: str, guess: str) -> None:
    outside = ~((values >= low) & (values <= high))
    if outside.any():
        row, column = np.argwhere(outside)[0]
        raise UserError(
            f"{path}: {values[row, column]:.6g} {unit} at row {row}, column {column} ({guess}); "
            f"accepted: {low:g} to {high:g}"
        )


def middles(first_edge: float, step: float, count: int) -> np.ndarray:
    """Where the middles of ``count`` pixels are, from the outer edge of the first on."""
    return first_edge + step * (np.arange(count) + 0.5)


def north_first(*rows_of: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, ...]:
    """Arrays ``[H, W]`` and then y, turned over where y rises, so that row 0 is in the north."""
    if y[0] < y[-1]:
        return (*(np.ascontiguousarray(array[::-1]) for array in rows_of), y[::-1].copy())
    return (*rows_of, y)
