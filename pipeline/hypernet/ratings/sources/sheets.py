"""A table in a text file, as people's programs write it: separator, header, rows, and where each row stands."""

from __future__ import annotations

import csv
import io
import re
from array import array
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.ratings.core.wording import counted
from hypernet.ratings.sources.decoding import decoded_table
from hypernet.ratings.sources.delimited import LARGEST_FILE, is_finite, read_bytes
from hypernet.ratings.sources.headers import is_usual, row_numbers

MOST_COLUMNS = 10_000
# What stands between the cells: a comma where nothing tells. A bar also parts the genres within a cell.
SEPARATORS = ("\t", "::", ";", ",")
BAR, SPACES = "|", " "
# Characters and lines from which the separator and the header are told.
SAMPLE, SAMPLE_LINES, MOST_BEFORE = 2**16, 50, 20
DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
POINTS_AND_COMMA = re.compile(r"\D{0,4}\d{1,3}(\.\d{3})+,\d+\D{0,4}")
# Under the header of a table in Markdown.
RULE = re.compile(r":?-+:?")


class Sheet(NamedTuple):
    """A table of texts.

    Attributes:
        columns: texts by name.
        lines: the line where each row ends, int64 ``[N]``.
        notes: what was read otherwise than it stands there.
    """

    columns: dict[str, list[str]]
    lines: np.ndarray
    notes: list[str]


class _Form(NamedTuple):
    separator: str
    # Where the header begins, in characters and in lines.
    start: int
    line: int
    # Whether the lines above it are those of a program.
    declared: bool = False


def read_sheet(path: Path, largest: int = LARGEST_FILE, nameless: Mapping[int, tuple[str, ...]] | None = None) -> Sheet:
    """Read a table.

    Cells are parted by commas, semicolons, tabs, ``::``, bars or spaces; where it is not commas, a number may have a
    decimal comma. Lines of comments and titles above the header, empty rows, numbers of rows, and empty columns
    without a name are left out.

    Args:
        path: the file.
        largest: bytes that it may have at most.
        nameless: the names of the columns, by how many there are, where the first line holds data and no names.

    Raises:
        UserError: no header, too many columns, a column named twice or not at all, or a row of another length; one
            line names the place.
    """
    text, notes = decoded_table(path, read_bytes(path, largest))
    form = _form(text)
    if form.line and not form.declared:
        notes.append(f"{path}: left out above the names of the columns: {counted(form.line, 'line')}")
    columns, lines = _read(path, text, form, nameless or {}, notes)
    numbers = row_numbers(columns)
    if numbers is not None:
        notes.append(f"{path}: the first column, {numbers.strip(chr(0))!r}, numbers the rows and is left out")
        del columns[numbers]
    for name in [name for name in columns if not name.strip("\0")]:
        filled = next((row for row, cell in enumerate(columns[name]) if cell), None)
        if filled is not None:
            cell = columns[name][filled][:20]
            raise UserError(f"{path}, line {lines[filled]}: {cell!r} stands in a column without a name")
        del columns[name]
    if form.separator != ",":
        for name, column in columns.items():
            columns[name] = _with_points(column)
    return Sheet(columns, np.array(lines, dtype=np.int64), list(dict.fromkeys(notes)))


def _read(
    path: Path, text: str, form: _Form, nameless: Mapping[int, tuple[str, ...]], notes: list[str]
) -> tuple[dict[str, list[str]], array[int]]:
    """The columns and the line of each row, with the quotes of CSV, else as other programs write them."""
    dialects: list[dict[str, Any]] = [{"strict": True}]
    if '\\"' in text:
        # MySQL and its kin write a quote in a cell as \".
        dialects.append({"strict": True, "escapechar": "\\"})
    if form.separator in ("\t", BAR):
        # Where no cell can hold the separator, many programs do without quotes.
        dialects.append({"quoting": csv.QUOTE_NONE})
    faults = []
    for dialect in dialects:
        try:
            return _columns(path, text, form, nameless, notes, dialect)
        except csv.Error as error:
            faults.append(str(error))
    raise UserError(faults[0])


def _columns(
    path: Path,
    text: str,
    form: _Form,
    nameless: Mapping[int, tuple[str, ...]],
    notes: list[str],
    dialect: dict[str, Any],
) -> tuple[dict[str, list[str]], array[int]]:
    header: list[str] = []
    columns: list[list[str]] = []
    # An array: a list of as many numbers takes several times the memory.
    lines = array("q")
    for line, row in _rows(path, text, form, dialect):
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        if not header:
            cells[0] = cells[0].removeprefix("#").strip()
            given = _without_header(path, cells, line, nameless)
            if given is None:
                header = _header(path, cells, line)
                columns = [[] for _ in header]
                continue
            notes.append(f"{path}: no names of columns in line {line}; taken for {', '.join(given)}")
            header, columns = given, [[] for _ in given]
        if form.separator == BAR and not lines and all(RULE.fullmatch(cell) for cell in cells if cell):
            continue
        if len(cells) != len(header):
            if len(cells) < len(header) or any(cells[len(header) :]):
                raise UserError(f"{path}, line {line}: {_misfit(cells, header, form.separator)}")
            del cells[len(header) :]
        for column, cell in zip(columns, cells, strict=True):
            column.append(cell)
        lines.append(line)
    if not header:
        raise UserError(f"{path}: the file is empty; accepted: CSV with a header")
    return dict(zip(header, columns, strict=True)), lines


def _rows(path: Path, text: str, form: _Form, dialect: dict[str, Any]) -> Iterator[tuple[int, list[str]]]:
    """The rows from the header on, each with the line where it ends."""
    body = text[form.start :] if form.start else text
    if form.separator in ("::", SPACES):
        separator = None if form.separator == SPACES else form.separator
        for number, line in enumerate(body.replace("\r\n", "\n").replace("\r", "\n").split("\n"), start=1):
            yield form.line + number, line.split(separator)
        return
    source = io.StringIO(body, newline="")
    reader = csv.reader(source, delimiter=form.separator, **dialect)
    begins = 1
    try:
        for row in reader:
            yield form.line + reader.line_num, row
            begins = reader.line_num + 1
    except csv.Error as error:
        where = f"{path}, line {form.line + begins}"
        if "field limit" in str(error):
            raise UserError(f"{where}: a cell of more than {csv.field_size_limit()} characters") from None
        if "unexpected end" in str(error):
            raise csv.Error(f"{where}: not CSV (a quote opens here that none closes)") from None
        raise csv.Error(f"{where}: not CSV ({error})") from None


def _form(text: str) -> _Form:
    """The separator, and where the header stands: the first line with two usual names of columns, else the first."""
    sample = text[:SAMPLE]
    # Quoted cells have no separators, and no ends of lines; as many characters stay.
    bare = re.sub(r'"[^"]*"', lambda match: re.sub(r"[\t:;,| \r\n]", "x", match[0]), sample)
    lines: list[tuple[int, int, str]] = []
    start = 0
    for number, line in enumerate(re.split(r"(?<=\n)|(?<=\r)(?!\n)", bare)):
        if line.strip():
            lines.append((start, number, line.strip("\r\n")))
        start += len(line)
    if len(text) > SAMPLE and len(lines) > 1:
        lines.pop()
    lines = lines[:SAMPLE_LINES]
    if not lines:
        return _Form(",", 0, 0)
    first = lines[0][2]
    if first.lower().startswith("sep=") and len(first) == len("sep=") + 1:
        # Excel's own word for the separator; the header comes next.
        return _Form(first[-1], *(lines[1][:2] if len(lines) > 1 else (len(text), 1)), declared=True)
    for place, (start, number, line) in enumerate(lines[:MOST_BEFORE]):
        for separator in (*SEPARATORS, BAR, SPACES):
            names = _split(line.removeprefix("#"), separator)
            before = [above for _, _, above in lines[:place] if above[0] != "#"]
            shorter = all(len(_split(above, separator)) < len(names) for above in before)
            if shorter and sum(is_usual(name) for name in names) > 1:
                return _Form(separator, start, number) if place else _Form(separator, 0, 0)
    place = next((place for place, (_, _, line) in enumerate(lines) if line[0] != "#"), 0)
    start, number, _ = lines[place]
    return _Form(_separator([line for _, _, line in lines[place:]]), *((start, number) if place else (0, 0)))


def _split(line: str, separator: str) -> list[str]:
    return [cell.strip(' "') for cell in (line.split() if separator == SPACES else line.split(separator))]


def _separator(lines: list[str]) -> str:
    """What every line has as many of as the first; else what the first has most of."""
    first = lines[0]
    present = [separator for separator in SEPARATORS if separator in first]
    regular = [
        separator for separator in present if all(line.count(separator) == first.count(separator) for line in lines)
    ]
    if regular or (present and not (BAR in first and all(line.count(BAR) == first.count(BAR) for line in lines))):
        return max(regular or present, key=first.count)
    if BAR in first:
        return BAR
    words = first.split()
    numbers = len(words) > 1 and all(is_finite(word) for word in words)
    return SPACES if numbers and all(len(line.split()) == len(words) for line in lines) else ","


def _misfit(cells: list[str], header: list[str], separator: str) -> str:
    """What is wrong with a row of another length than the header."""
    hint = ""
    if separator == "," and len(cells) == len(header) + 1 and all(cell.isdigit() for cell in cells[-2:]):
        hint = "; a decimal comma needs quotes or semicolons between the cells"
    elif len(cells) > len(header) == 1:
        hint = f"; the header is taken to be {header[0][:40]!r}"
    elif len(cells) > len(header):
        hint = f"; a cell with {separator!r} in it needs quotes"
    return f"{len(cells)} fields, the header has {len(header)}{hint}"


def _without_header(
    path: Path, cells: list[str], line: int, nameless: Mapping[int, tuple[str, ...]]
) -> list[str] | None:
    """The names of the columns where the first row has none but data: a number, and no usual name."""
    if not nameless or any(map(is_usual, cells)) or not any(map(is_finite, cells)):
        return None
    if len(cells) not in nameless:
        forms = " or ".join(", ".join(names) for names in nameless.values() if len(names) < 6)
        raise UserError(f"{path}, line {line}: {len(cells)} fields and no names of columns; write them above: {forms}")
    return list(nameless[len(cells)])


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


def _with_points(column: list[str]) -> list[str]:
    """Numbers with a decimal point where they have a decimal comma, perhaps with points between thousands."""
    if any(POINTS_AND_COMMA.fullmatch(cell) for cell in column):
        swap = str.maketrans(",.", ".,")
        return [cell.translate(swap) if re.fullmatch(r"\D{0,4}\d[\d.,]*\D{0,4}", cell) else cell for cell in column]
    return [cell.replace(",", ".") if DECIMAL_COMMA.fullmatch(cell) else cell for cell in column]
