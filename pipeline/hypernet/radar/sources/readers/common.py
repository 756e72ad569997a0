"""One radar image as a file gives it, and what all readers share."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from hypernet.lab.errors import UserError

HDF5 = b"\x89HDF\r\n\x1a\n"
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
# Packed zeros of any size fit into some kilobytes: pixels of one image, and of all images of a file.
LARGEST_IMAGE, LARGEST_STACK = 2**26, 2**30
# Projections that make PROJ open a file: of grid shifts, or of definitions. EPSG's come with it.
FILES_OF_PROJ = re.compile(
    r"grids\s*=\s*(?!@null\b)|\+?\binit\s*=\s*(?!epsg:\d+\b)|\b(?:file|model)\s*=", re.IGNORECASE
)
LONGEST_PROJECTION = 10_000
LENGTHS_OF_PROJ = re.compile(r"(\+(?:a|b|R|x_0|y_0)=)([-+.\deE]+)")
RADIUS_OF_PROJ = re.compile(r"\+(?:a|R)=([.\deE+]+)")
# The Earth's radius has more metres, and fewer kilometres.
FEWEST_METRES = 100_000
# Beyond these a number is no measurement but, most often, a fill value that nobody declared.
DBZ_RANGE = (-100.0, 100.0)
LARGEST_RATE = 1000.0
# Packing and interpolation leave dry pixels this little below zero, in mm/h or mm6 m-3; a fill value lies further.
ROUNDING = 1e-3


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
        notes: what the reader took for granted or left out, each a line for people.
    """

    dbz: np.ndarray
    time: np.datetime64
    missing: np.ndarray
    x: np.ndarray
    y: np.ndarray
    projection: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


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


def in_metres(text: str) -> str:
    """A PROJ string that counts in metres, of one that counts in kilometres (by its units, or by the Earth's radius).

    Raises:
        ValueError: a length in it is no number.
    """
    radius = RADIUS_OF_PROJ.search(text)
    if radius and float(radius[1]) < FEWEST_METRES:
        text = LENGTHS_OF_PROJ.sub(lambda matched: f"{matched[1]}{round(float(matched[2]) * 1000, 3):.12g}", text)
    return text.replace("+units=km", "+units=m")


def checked_dbz(path: Path, dbz: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """Reflectivities float32, 0 where data are missing; minus infinity, no power at all, is dry: 0 as well.

    Raises:
        UserError: a value is none that a radar can measure; most often the file's fill value was not declared.
    """
    dbz = np.where(missing | np.isneginf(dbz), 0.0, dbz).astype(np.float32)
    _refuse_outside(path, dbz, *DBZ_RANGE, "dBZ", "a fill value that the file does not declare?")
    return dbz


def dbz_of_linear(path: Path, reflectivity: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """Reflectivities in dBZ, float32, of linear ones in mm6 m-3: 10 log10 Z; 0 where nothing came back or is missing.

    Raises:
        UserError: a value is negative, or larger than any radar can measure.
    """
    reflectivity = _without_rounding(np.where(missing, 0.0, reflectivity))
    _refuse_outside(path, reflectivity, 0.0, np.inf, "mm6 m-3", "is this in dBZ, or a fill value not declared?")
    echo = reflectivity > 0
    dbz = np.where(echo, 10 * np.log10(np.where(echo, reflectivity, 1.0)), 0.0)
    return checked_dbz(path, dbz.clip(min=DBZ_RANGE[0]), missing)


def checked_rate(path: Path, rate: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """Rain rates in mm/h, 0 where data are missing.

    Raises:
        UserError: a rate is negative (then they may be dBZ) or larger than any rain.
    """
    rate = _without_rounding(np.where(missing, 0.0, rate))
    _refuse_outside(path, rate, 0.0, np.inf, "mm/h", "is this reflectivity in dBZ, or a fill value not declared?")
    _refuse_outside(path, rate, 0.0, LARGEST_RATE, "mm/h", "a fill value that the file does not declare?")
    return rate


def _without_rounding(values: np.ndarray) -> np.ndarray:
    return np.where((values < 0) & (values >= -ROUNDING), 0.0, values)


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


def west_first(*columns_of: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, ...]:
    """Arrays ``[H, W]`` and then x, turned over where x falls, so that column 0 is in the west."""
    if x[0] > x[-1]:
        return (*(np.ascontiguousarray(array[:, ::-1]) for array in columns_of), x[::-1].copy())
    return (*columns_of, x)
