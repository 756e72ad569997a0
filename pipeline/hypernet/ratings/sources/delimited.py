"""Text files of fields: read fast where they are right, and exact about the place where they are not."""

from __future__ import annotations

import csv
import io
import math
import re
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from hypernet.lab.errors import UserError

# pandas reads one character between fields many times faster than several.
UNUSED = "\x1f"
LARGEST_ID = 2**53
# Numbers beyond it are mistakes, and their squares are too large to be summed in single precision.
LARGEST_NUMBER = 1e15
# More than the ratings of MovieLens 25M take as CSV.
LARGEST_FILE = 2**30
# With three digits behind the comma it may stand between thousands.
SHORT_DECIMAL = re.compile(r"[+-]?\d+,\d{1,2}")


def read_bytes(path: Path, largest: int = LARGEST_FILE) -> bytes:
    """The content of a file.

    Args:
        path: the file.
        largest: bytes that are read at most: a device or a pipe may have no end.

    Raises:
        UserError: it cannot be read, or is larger.
    """
    try:
        with path.open("rb") as file:
            content = file.read(largest + 1)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    if len(content) > largest:
        raise UserError(f"{path}: larger than {largest // 2**20} MiB; accepted: files up to that size")
    return content


def read_ratings(path: Path, separator: str, fields: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Users, items and ratings of a file whose lines begin with these three numbers.

    Args:
        path: the file.
        separator: between fields.
        fields: how many of them a line has, at least three.

    Returns:
        identifiers of users and items, int64 ``[N]``, and ratings, float64 ``[N]``, in the order of the file.

    Raises:
        UserError: one line that names the file, the line and what is accepted.
    """
    import pandas

    content = read_bytes(path)
    separators = content.count(separator.encode())
    if len(separator) > 1:
        content = content.replace(separator.encode(), UNUSED.encode())
    try:
        table = pandas.read_csv(
            io.BytesIO(content),
            sep=separator if len(separator) == 1 else UNUSED,
            header=None,
            names=list(range(fields)),
            usecols=[0, 1, 2],
            dtype=np.float64,
            quoting=csv.QUOTE_NONE,
            skip_blank_lines=False,
            encoding="latin-1",
        ).to_numpy()
    except (ValueError, OverflowError):
        table = np.full((1, 3), np.nan)
    ids = table[:, :2]
    # As many separators as belong there, and no value missing, is the right number of fields on every line.
    whole = np.isfinite(table).all() and (ids == np.floor(ids)).all() and (ids >= 0).all() and (ids < LARGEST_ID).all()
    if not len(table) or not whole or separators != len(table) * (fields - 1):
        raise _fault(path, separator, fields)
    return ids[:, 0].astype(np.int64), ids[:, 1].astype(np.int64), table[:, 2]


def _fault(path: Path, separator: str, fields: int) -> UserError:
    """What is wrong with a file of ratings, found line by line."""
    lines = _decoded(path, read_bytes(path), "latin-1").split("\n")
    if lines[-1] == "":
        lines.pop()
    for number, line in enumerate(lines, start=1):
        values = line.rstrip("\r").split(separator)
        where = f"{path}, line {number}"
        if len(values) != fields:
            return UserError(f"{where}: {len(values)} fields where {fields} belong, separated by {separator!r}")
        for name, value in zip(("a user", "an item"), values, strict=False):
            if not value.isascii() or not value.isdigit() or len(value) > 16 or int(value) >= LARGEST_ID:
                return UserError(f"{where}: {value[:20]!r} is not the number of {name}")
        if not is_finite(values[2]):
            return UserError(f"{where}: {values[2][:20]!r} is not a rating; accepted: a finite number")
    return UserError(f"{path}: no ratings can be read from {len(lines)} lines of {fields} fields")


def decimal(text: str) -> str:
    """A number in quotes between commas, with a decimal comma and one or two digits behind it, with its point."""
    return text.replace(",", ".") if SHORT_DECIMAL.fullmatch(text) else text


def is_finite(text: str) -> bool:
    """Whether a text is a finite number as written by people and programs: ``-1.5``, ``3``, ``2e3``; not ``1_000``."""
    try:
        return "_" not in text and math.isfinite(float(text))
    except ValueError:
        return False


def read_lines(path: Path, separator: str, fields: int, encoding: str) -> list[list[str]]:
    """The fields of every line of a small file; blank lines at the end do not count.

    Raises:
        UserError: one line that names the file, the line and what is accepted.
    """
    lines = _decoded(path, read_bytes(path), encoding).rstrip("\r\n").split("\n")
    rows = [line.rstrip("\r").split(separator) for line in lines]
    for number, row in enumerate(rows, start=1):
        if len(row) != fields:
            raise UserError(f"{path}, line {number}: {len(row)} fields where {fields} belong")
    return rows


def _decoded(path: Path, content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise UserError(f"{path}, line {line}: not a text in {encoding.removesuffix('-sig').upper()}") from None


def numbered(path: Path, what: str, wanted: ArrayLike, known: np.ndarray, lines: np.ndarray) -> np.ndarray:
    """The number of each identifier among the known ones, int64.

    Args:
        path: the file of the identifiers, for the message.
        what: the word for one of them, for the message.
        wanted: identifiers, ``[N]``.
        known: distinct identifiers in any order, of the same type.
        lines: number of each row's line in the file, ``[N]``.

    Raises:
        UserError: an identifier that is not known.
    """
    wanted = np.asarray(wanted)
    order = np.argsort(known, kind="stable")
    places = np.minimum(np.searchsorted(known, wanted, sorter=order), len(known) - 1)
    numbers = order[places]
    strange = known[numbers] != wanted
    if strange.any():
        row = int(np.argmax(strange))
        name = str(wanted[row])[:80]
        raise UserError(f"{path}, line {lines[row]}: {what} {name} is not in the table of {what}s")
    return numbers
