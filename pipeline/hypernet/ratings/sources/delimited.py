"""Text files of fields: read fast where they are right, and exact about the place where they are not."""

from __future__ import annotations

import codecs
import csv
import io
import math
import re
import unicodedata
from array import array
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
MOST_COLUMNS = 10_000
# What stands between the cells of tables as people's programs write them; a comma where nothing tells.
SEPARATORS = (",", ";", "\t")
DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
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


def read_csv(path: Path, largest: int = LARGEST_FILE) -> tuple[dict[str, list[str]], np.ndarray]:
    """A table with a header, as people's programs write it: columns by name, and the line of each row, ``[N]``.

    Cells are parted by commas, semicolons or tabs, whichever the header has most of; where it is not commas, a number
    may have a decimal comma. Empty rows, and empty columns without a name, are left out. Letters with accents written
    as two characters (NFD) become one (NFC).

    Args:
        path: the file.
        largest: bytes that it may have at most.

    Raises:
        UserError: no header, too many columns, a column named twice or not at all, or a row of another length; one
            line names the place.
    """
    content = read_bytes(path, largest)
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    text = unicodedata.normalize("NFC", _decoded(path, content, "utf-16" if wide else "utf-8-sig"))
    if "\0" in text:
        raise UserError(f"{path}: not a text; accepted: CSV with a header")
    separator = _separator(text)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=separator)
    header: list[str] = []
    columns: list[list[str]] = []
    # An array: a list of as many numbers takes several times the memory.
    lines = array("q")
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if not any(cells) or (not header and cells[0].lower().startswith("sep=") and not any(cells[1:])):
                continue
            if not header:
                header = _header(path, cells, reader.line_num)
                columns = [[] for _ in header]
                continue
            if len(cells) != len(header):
                if len(cells) < len(header) or any(cells[len(header) :]):
                    raise UserError(f"{path}, line {reader.line_num}: {_misfit(cells, header, separator)}")
                del cells[len(header) :]
            for column, cell in zip(columns, cells, strict=True):
                column.append(cell)
            lines.append(reader.line_num)
    except csv.Error as error:
        raise UserError(f"{path}, line {reader.line_num}: not CSV ({error})") from None
    if not header:
        raise UserError(f"{path}: the file is empty; accepted: CSV with a header")
    table = dict(zip(header, columns, strict=True))
    for name in [name for name in table if not name.strip("\0")]:
        filled = next((row for row, cell in enumerate(table[name]) if cell), None)
        if filled is not None:
            cell = table[name][filled][:20]
            raise UserError(f"{path}, line {lines[filled]}: {cell!r} stands in a column without a name")
        del table[name]
    if separator != ",":
        for name, column in table.items():
            table[name] = [cell.replace(",", ".") if DECIMAL_COMMA.fullmatch(cell) else cell for cell in column]
    return table, np.array(lines, dtype=np.int64)


def _separator(text: str) -> str:
    """What the header has most of, outside quotes."""
    lines = (line for line in text.splitlines() if line.strip())
    first = next(lines, "")
    if first.lower().startswith("sep=") and len(first.strip("\r\n")) == len("sep=") + 1:
        return first[len("sep=")]
    bare = re.sub(r'"[^"]*"', "", first)
    return max(SEPARATORS, key=bare.count)


def _misfit(cells: list[str], header: list[str], separator: str) -> str:
    """What is wrong with a row of another length than the header."""
    hint = ""
    if separator == "," and len(cells) == len(header) + 1 and all(cell.isdigit() for cell in cells[-2:]):
        hint = "; a decimal comma needs quotes or semicolons between the cells"
    return f"{len(cells)} fields, the header has {len(header)}{hint}"


def _header(path: Path, cells: list[str], line: int) -> list[str]:
    """The names of the columns; one without a name, which must be empty, gets zeros that no name has."""
    if len(cells) > MOST_COLUMNS:
        raise UserError(f"{path}, line {line}: {len(cells)} columns; accepted: at most {MOST_COLUMNS}")
    header: dict[str, None] = {}
    for place, cell in enumerate(cells):
        name = cell or "\0" * (place + 1)
        if name in header:
            accepted = "accepted: a name that no other column has"
            raise UserError(f"{path}, line {line}: column {place + 1} is called {name[:80]!r}; {accepted}")
        header[name] = None
    return list(header)


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
