"""Dense matrices as text: a line for each row, entries 0 and 1 with or without separators."""

from __future__ import annotations

import re

import numpy as np

from hypernet.codes.core.sparse import LARGEST_ONES, LARGEST_SIDE, ParityCheck, of_positions
from hypernet.codes.sources.lines import Lines
from hypernet.lab.errors import UserError

BLANKS = " \t\r\n"
# Brackets of Python, numpy and MATLAB, which may stand around a row.
OPENING, CLOSING = "[({", "])},;"
_QUOTES = str.maketrans("", "", "\"'")
_SEPARATORS = str.maketrans("", "", BLANKS + ",;")
# An empty cell, or two entries in one cell: perhaps the end of a row, perhaps a decimal comma.
_UNCLEAR = re.compile(r"^[,;]|[,;]\s*[,;]|[^\s,;]\s+[^\s,;]")
_WORDS = {"true": 1.0, "false": 0.0}


def read_rows(lines: Lines) -> ParityCheck:
    """Read H, ``[m, n]``.

    Entries may be separated by blanks, tabs, commas or semicolons, and written as 1, 1.0, 1e0 or True; digits without
    separators are an entry each. A first line that numbers or names the columns is passed over, and so is a first
    column of row numbers below an empty first cell, as pandas writes them, and so are brackets around rows.

    Args:
        lines: the file, at its first line.

    Returns:
        The matrix.

    Raises:
        UserError: one line that names the file, the line and what is wrong.
    """
    header = _header(lines.peek() or "")
    if header is not None:
        lines.take()
    numbered = header is not None and header[0] == ""
    width = None if header is None else len(header) - numbered
    columns: list[np.ndarray] = []
    total = 0
    for line in lines:
        values = _entries(line, lines, numbered)
        if not len(values):
            continue
        if len(values) > LARGEST_SIDE:
            raise UserError(f"{lines.here}: {len(values)} columns; accepted: at most {LARGEST_SIDE}")
        if width is not None and len(values) != width:
            before = "the rows before have" if columns else "the line of column names has"
            raise UserError(f"{lines.here}: {len(values)} columns; {before} {width}")
        if len(columns) == LARGEST_SIDE:
            raise UserError(f"{lines.here}: more than {LARGEST_SIDE} rows, the most that are accepted")
        width = len(values)
        columns.append(np.flatnonzero(values).astype(np.int32))
        total += len(columns[-1])
        if total > LARGEST_ONES:
            raise UserError(f"{lines.here}: more than {LARGEST_ONES} ones, the most that are accepted")
    if not columns or width is None:
        raise UserError(f"{lines.where}: no rows of 0 and 1")
    rows = np.repeat(np.arange(len(columns)), [len(row) for row in columns])
    return of_positions(rows, np.concatenate(columns), (len(columns), width), lines.where)


def _header(line: str) -> list[str] | None:
    """The cells of a line that numbers the columns, from 0 or 1, or names them; None for a row of the matrix."""
    line = line.translate(_QUOTES)
    cells = [cell.strip() for cell in re.split(r"[,;\t]", line, maxsplit=LARGEST_SIDE)]
    if len(cells) == 1:
        cells = line.split(maxsplit=LARGEST_SIDE)
    named = cells[1:] if cells[:1] == [""] else cells
    if len(named) < 2:
        return None
    for first in (0, 1):
        # "0 1" alone may as well be a row.
        if named == [str(number) for number in range(first, first + len(named))] and named != ["0", "1"]:
            return cells
    if all(re.fullmatch(r"[^\W\d]\w*", cell) and cell.lower() not in _WORDS for cell in named):
        return cells
    return None


def _entries(line: str, lines: Lines, numbered: bool) -> np.ndarray:
    """The entries of a row as 0 and 1; none of a line of brackets."""
    line = line.translate(_QUOTES).lstrip(BLANKS + OPENING).rstrip(BLANKS + CLOSING)
    if numbered:
        line = re.split(r"[,;\t]", line, maxsplit=1)[-1]
    cells = "," in line or ";" in line
    if cells and (("," in line and ";" in line) or _UNCLEAR.search(line)):
        raise UserError(
            f"{lines.here}: a cell is empty or holds more than one number; accepted: a line for each row, entries "
            "separated by commas, by semicolons, or by blanks"
        )
    digits = line.translate(_SEPARATORS)
    if not digits.strip("01") and not (cells and re.search(r"[01]{2}", line)):
        return np.frombuffer(digits.encode("ascii"), dtype=np.uint8) - ord("0")
    fields = re.split(r"[\s,;]+", line, maxsplit=LARGEST_SIDE)
    known: dict[str, float] = {}
    for field in set(fields):
        try:
            known[field] = _WORDS[field.lower()] if field.lower() in _WORDS else float(field)
        except ValueError:
            known[field] = np.nan
    values = np.array([known[field] for field in fields])
    wrong = np.flatnonzero((values != 0) & (values != 1))
    if wrong.size:
        text = f"{lines.here}: column {wrong[0] + 1} is {fields[wrong[0]][:20]!r}; accepted: 0 and 1"
        if all(re.fullmatch(r"-?\d+", field) for field in fields):
            text += ", or a first line of positive sizes: 'n m' of an alist, 'columns rows Z' of a table of shifts"
        raise UserError(text)
    return values
