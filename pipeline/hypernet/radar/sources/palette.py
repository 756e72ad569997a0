"""Palette files: which colour of a radar picture means how much rain, and which colours are the map.

A palette is a CSV with the columns kind, red, green, blue, lower, upper, unit. A row is of one kind:

- ``rain``: bounds of the class in ``dBZ`` or ``mm/h`` (one unit in a file), rising from row to row; an empty upper
  bound means that there is none;
- ``dry``: a colour by which the picture says that it does not rain; ``missing``: a colour for no data;
- ``area``: a colour of the map's land or sea; ``line``: of what is drawn over the rain (coast, rings, text).

Classes are numbers: 0 where it is dry, i for the i-th row of rain, and ``MISSING``, ``UNKNOWN``.
"""

from __future__ import annotations

import csv
import functools
import math
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.radar.core.frames import dbz_of_rain_rate, to_grey

KINDS = ("rain", "dry", "missing", "area", "line")
COLUMNS = ("kind", "red", "green", "blue", "lower", "upper", "unit")
UNITS = ("dBZ", "mm/h")
# Classes are stored in a byte.
MISSING, UNKNOWN = 254, 255
MOST_CLASSES = 253
# Bytes: below the longest cell that the csv module takes.
LARGEST_FILE = 2**16
FOLDER = Path(__file__).with_name("colour_tables")


class Colour(NamedTuple):
    """One row: a colour, its kind, and the bounds of a rain class in the palette's unit (0 for all other kinds)."""

    kind: str
    rgb: tuple[int, int, int]
    lower: float = 0.0
    upper: float = 0.0


class Palette(NamedTuple):
    """The rows of a palette file; hashable, because tables are kept by it.

    Attributes:
        name: for messages.
        unit: of the rain classes' bounds, dBZ or mm/h.
        colours: all rows.
    """

    name: str
    unit: str
    colours: tuple[Colour, ...]

    def rgb(self, row_type: str) -> np.ndarray:
        """Colours of one kind in the order of the file, uint8 ``[n, 3]``."""
        return np.array([colour.rgb for colour in self.colours if colour.kind == row_type], dtype=np.uint8).reshape(
            -1, 3
        )

    def with_areas_dry(self) -> Palette:
        """The same, and colours of the map's land and sea say that it does not rain: for pictures without a background
        of their own."""
        rows = (colour._replace(kind="dry") if colour.kind == "area" else colour for colour in self.colours)
        return self._replace(colours=tuple(rows))

    def bounds_dbz(self) -> np.ndarray:
        """Lower and upper bound of each rain class in dBZ, ``[n, 2]``; an open upper bound is the lower one again."""
        rain = [(colour.lower, colour.upper) for colour in self.colours if colour.kind == "rain"]
        bounds = np.array(rain, dtype=np.float64).reshape(-1, 2)
        bounds = np.where(np.isinf(bounds), bounds[:, :1], bounds)
        return bounds if self.unit == "dBZ" else dbz_of_rain_rate(bounds).astype(np.float64)

    def grey_of_class(self) -> np.ndarray:
        """Grey level of every possible class, float32 ``[256]``: its centre in dBZ; 0 where dry, missing or unknown."""
        centres = self.bounds_dbz().mean(axis=1)
        grey = np.zeros(256, dtype=np.float32)
        grey[1 : len(centres) + 1] = to_grey(centres)
        return grey

    def classes_of_dbz(self, dbz: np.ndarray) -> np.ndarray:
        """Class of each reflectivity, uint8 of the same shape: the last class whose lower bound is reached."""
        return np.searchsorted(self.bounds_dbz()[:, 0], dbz, side="right").astype(np.uint8)


def codes(rgb: np.ndarray) -> np.ndarray:
    """Colours ``[..., 3]`` uint8 as whole numbers of 24 bits, uint32 ``[...]``."""
    red, green, blue = (rgb[..., channel].astype(np.uint32) for channel in range(3))
    return red << 16 | green << 8 | blue


def colours_of(code: np.ndarray) -> np.ndarray:
    """The inverse of ``codes``."""
    return np.stack([code >> 16, code >> 8 & 255, code & 255], axis=-1).astype(np.uint8)


@functools.lru_cache(maxsize=2)
def class_table(palette: Palette, tolerance: int) -> np.ndarray:
    """Class of every possible colour by its code, uint8 ``[2^24]``; ``UNKNOWN`` where the palette has none.

    A colour belongs to the palette's nearest colour by the largest difference of a channel, where that is at most
    ``tolerance``; the earlier row wins a tie. Only rain, dry and missing colours are meant: areas and lines are the
    background's. One table of 16 MB answers a picture in one look-up a pixel, whatever the number of colours.
    """
    table = np.full((256, 256, 256), UNKNOWN, dtype=np.uint8)
    nearest = np.full(table.shape, 255, dtype=np.uint8) if tolerance else None
    rain = 0
    for colour in palette.colours:
        rain += colour.kind == "rain"
        number = {"rain": rain, "dry": 0, "missing": MISSING}.get(colour.kind)
        if number is None:
            continue
        if nearest is None:
            table[colour.rgb] = number
            continue
        cube = tuple(slice(max(value - tolerance, 0), value + tolerance + 1) for value in colour.rgb)
        near = [abs(np.arange(256)[part] - value) for part, value in zip(cube, colour.rgb, strict=True)]
        distance = functools.reduce(np.maximum, np.ix_(*near))
        closer = distance < nearest[cube]
        table[cube][closer], nearest[cube][closer] = number, distance[closer]
    return table.ravel()


def find_palette(name: str) -> Palette:
    """A palette that comes with the package, by name, or one of your own by the path of its CSV.

    Raises:
        UserError: there is none of the name, or see ``read_palette``.
    """
    known = sorted(path.stem for path in FOLDER.glob("*.csv"))
    if name in known:
        return read_palette(FOLDER / f"{name}.csv")
    if not Path(name).is_file():
        raise UserError(f"palette {name}: no such file; accepted: {', '.join(known)}, or the path of a CSV")
    return read_palette(Path(name))


def read_palette(path: Path) -> Palette:
    """Read a palette file; see the module.

    Raises:
        UserError: names the line, what is wrong and what is accepted.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
        lines = content.decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not a text file that can be read ({error})") from None
    if len(content) > LARGEST_FILE:
        raise UserError(f"{path}: more than {LARGEST_FILE:,} bytes; a palette has 256 lines at most")
    table = csv.DictReader(lines)
    if table.fieldnames is None or set(table.fieldnames) != set(COLUMNS):
        raise UserError(f"{path}, line 1: the columns must be {', '.join(COLUMNS)}; found {table.fieldnames}")
    colours: list[Colour] = []
    unit, seen = "", dict[tuple[int, int, int], int]()
    for row in table:
        where = f"{path}, line {table.line_num}"
        if None in row or None in row.values():
            raise UserError(f"{where}: {len(COLUMNS)} cells are needed: {', '.join(COLUMNS)}")
        colour = _colour(row, where)
        if colour.rgb in seen:
            raise UserError(f"{where}: the colour {colour.rgb} stands in line {seen[colour.rgb]} already")
        seen[colour.rgb] = table.line_num
        if colour.kind == "rain":
            rain = [known for known in colours if known.kind == "rain"]
            row_unit = row["unit"].strip()
            if row_unit not in UNITS or (unit and row_unit != unit):
                raise UserError(
                    f"{where}: the unit {row_unit!r} is not {unit or ' or '.join(UNITS)}; one unit in a file"
                )
            if rain and colour.lower < rain[-1].upper:
                raise UserError(f"{where}: classes must rise: {colour.lower} is below {rain[-1].upper}, the end before")
            unit = row_unit
        colours.append(colour)
    count = sum(colour.kind == "rain" for colour in colours)
    if not 1 <= count <= MOST_CLASSES:
        raise UserError(f"{path}: {count} rain classes; accepted: 1 to {MOST_CLASSES}")
    return Palette(path.stem, unit, tuple(colours))


def _colour(row: dict[str, str], where: str) -> Colour:
    """One row of the table; the unit is the caller's."""
    row_type = row["kind"].strip()
    if row_type not in KINDS:
        raise UserError(f"{where}: the kind {row_type!r} is none of {', '.join(KINDS)}")
    channels = []
    for name in ("red", "green", "blue"):
        text = row[name].strip()
        if not (text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= 255):
            raise UserError(f"{where}: {name} is {text!r}; accepted: a whole number 0..255")
        channels.append(int(text))
    red, green, blue = channels
    if row_type != "rain":
        if any(row[name].strip() for name in ("lower", "upper", "unit")):
            raise UserError(f"{where}: only rain has bounds and a unit, {row_type} has none")
        return Colour(row_type, (red, green, blue))
    lower, upper = _number(row["lower"], where), _number(row["upper"].strip() or "inf", where)
    if math.isinf(lower) or not lower < upper:
        raise UserError(f"{where}: the bounds {row['lower']} and {row['upper']} must be finite and rising")
    if row["unit"].strip() == "mm/h" and lower < 0:
        raise UserError(f"{where}: a rain rate of {lower} mm/h; is the unit dBZ?")
    return Colour(row_type, (red, green, blue), lower, upper)


def _number(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if math.isnan(value):
        raise UserError(f"{where}: the bound {text!r} is not a number")
    return value
