"""Targets as tables (.csv): the columns say what is wanted.

The frequency is one of :data:`FREQUENCY_COLUMNS`; beside it there are

* ``s21_db`` or ``s21_db,s21_phase_deg``: S21 between a source and a load;
* any of ``lowest_s21_db,highest_s21_db,highest_s11_db``: a mask of S21 and of S11; an empty cell is no limit;
* ``gain_db`` or ``gain_db,phase_deg``: the voltage gain, load over the source's port;
* any of ``lowest_gain_db,highest_gain_db``: a mask of that;
* ``v_re,v_im,i_re,i_im``: V at the source's port over the voltage at the load, and the load in ohms times the current
  that leaves there over the same (a circuit takes current in, so at low loss I is near -1); any other columns beside.

Between two rows of a mask a limit is a straight line over log f where both have it. A frequency that stands twice is a
vertical edge. What follows a ``#`` is a comment. Columns are separated by commas, or by semicolons or tabs, and then a
decimal comma is read too.
"""

from __future__ import annotations

import csv
import io
import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hypernet.circuits.sources import checks
from hypernet.circuits.sources.reading import printable, read_text
from hypernet.circuits.sources.targets import Gain, Mask, ScatteringMask, Target, Transmission
from hypernet.lab.errors import UserError

FREQUENCY_COLUMNS = {"frequency_hz": 1.0, "frequency_khz": 1e3, "frequency_mhz": 1e6, "frequency_ghz": 1e9}
RESPONSE_COLUMNS = ("frequency_hz", "v_re", "v_im", "i_re", "i_im")
CURVES: dict[type[Gain | Transmission], tuple[str, str]] = {
    Transmission: ("s21_db", "s21_phase_deg"),
    Gain: ("gain_db", "phase_deg"),
}
LIMITS: dict[type[Mask | ScatteringMask], tuple[str, ...]] = {
    ScatteringMask: ("lowest_s21_db", "highest_s21_db", "highest_s11_db"),
    Mask: ("lowest_gain_db", "highest_gain_db"),
}
ACCEPTED = (
    "frequency_hz (or _khz, _mhz, _ghz) with s21_db[,s21_phase_deg]; lowest_s21_db,highest_s21_db,highest_s11_db (any "
    "of them); gain_db[,phase_deg]; lowest_gain_db,highest_gain_db; or v_re,v_im,i_re,i_im"
)
# No form has more columns, and no instrument's sweep more points.
LARGEST_BYTES, MOST_LINES, MOST_ROWS, MOST_COLUMNS = 50_000_000, 2_000_000, 200_000, 32
LONGEST_LINE, FORMAT = 2000, "a CSV file"
# What Excel writes first where the separator is not that of the reader's country.
SEPARATOR_LINE = re.compile(r'"?sep=([;,\t])"?')
# #N/A, #DIV/0!, #NV: else they would begin a comment, and an empty cell is no limit.
SPREADSHEET_ERROR = re.compile(r'[,;\t]\s{0,9}"?(#(?:N/A|NV|[A-Z]{2,9}(?:/0)?[!?]))')
# 1.000 or 1,000.
GROUPED = {".": re.compile(r"[+-]?\d{1,3}(?:\.\d{3})+"), ",": re.compile(r"[+-]?\d{1,3}(?:,\d{3})+")}


@dataclass(frozen=True)
class _Table:
    """Cells by column, and the place of each row."""

    path: Path
    cells: dict[str, list[str]]
    places: list[str]
    decimal_comma: bool

    def numbers(self, name: str, blank: float | None = None) -> np.ndarray:
        """A column; ``blank`` stands for empty cells.

        Raises:
            UserError: a cell that is no finite number.
        """
        return np.array([self._number(cell, name, row, blank) for row, cell in enumerate(self.cells[name])])

    def _number(self, cell: str, name: str, row: int, blank: float | None) -> float:
        if not cell and blank is not None:
            return blank
        text = cell.replace(",", ".") if self.decimal_comma and cell.count(",") == 1 and "." not in cell else cell
        try:
            number = math.nan if "_" in text else float(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise UserError(f"{self.places[row]}: {name} is {printable(cell, 20)!r}; accepted: a finite number")
        return number


def read_table(path: Path) -> tuple[Target, list[str]]:
    """A target from a table, and what is to be told of it, a sentence each.

    Raises:
        UserError: one line that names the file, the line and what is accepted.
    """
    table = _parsed(path, read_text(path, LARGEST_BYTES, FORMAT, ("utf-8-sig",)))
    names = set(table.cells)
    frequency = names & set(FREQUENCY_COLUMNS)
    rest = names - frequency
    columns = printable(",".join(table.cells), 80)
    if len(frequency) != 1:
        raise UserError(f"{path}: the columns are {columns}; accepted: {ACCEPTED}")
    unit = frequency.pop()
    if rest >= set(RESPONSE_COLUMNS[1:]):
        return _response(table, unit)
    for curve, (size, phase) in CURVES.items():
        if size in rest and rest <= {size, phase}:
            return _curve(table, unit, curve, size, phase)
    for form, limits in LIMITS.items():
        if rest and rest <= set(limits):
            hertz = table.numbers(unit) * FREQUENCY_COLUMNS[unit]
            given = {name: table.numbers(name, math.nan) for name in limits if name in rest}
            return checks.mask(form, str(path), table.places, {"frequency_hz": hertz} | given)
    raise UserError(f"{path}: the columns are {columns}; accepted: {ACCEPTED}")


def _response(table: _Table, unit: str) -> tuple[Target, list[str]]:
    path = str(table.path)
    hertz, *planes = (table.numbers(name) for name in (unit, *RESPONSE_COLUMNS[1:]))
    hertz = hertz * FREQUENCY_COLUMNS[unit]
    order, notes = checks.arranged(path, hertz, table.places, checks.FEWEST_POINTS)
    v_re, v_im, i_re, i_im = (plane[order] for plane in planes)
    others = [name for name in table.cells if name not in (unit, *RESPONSE_COLUMNS)]
    if others:
        notes.append(f"V and I are read; passed over: {printable(', '.join(others), 80)}")
    return checks.response(path, hertz[order], v_re + 1j * v_im, i_re + 1j * i_im), notes


def _curve(
    table: _Table, unit: str, form: type[Gain | Transmission], size: str, phase: str
) -> tuple[Target, list[str]]:
    path, hertz = str(table.path), table.numbers(unit) * FREQUENCY_COLUMNS[unit]
    order, notes = checks.arranged(path, hertz, table.places, checks.FEWEST_POINTS)
    decibel = table.numbers(size)
    checks.decibels(path, table.places, size, decibel)
    degree = table.numbers(phase)[order] if phase in table.cells else None
    return form(hertz[order], decibel[order], degree), notes


def _parsed(path: Path, text: str) -> _Table:
    lines, comments = _lines(path, text)
    first = next((at for at, line in enumerate(lines) if line.strip()), 0)
    named = SEPARATOR_LINE.fullmatch(lines[first].strip().lower()) if lines else None
    if named:
        lines[first] = "\n"
    delimiter = named[1] if named else next((mark for mark in ";\t" if mark in "".join(lines[first : first + 1])), ",")
    reader = csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=True)
    rows: list[list[str]] = []
    places: list[str] = []
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                if len(row) > MOST_COLUMNS:
                    raise UserError(f"{path}, line {reader.line_num}: {len(row)} columns; accepted: {ACCEPTED}")
                if len(rows) > MOST_ROWS:
                    raise UserError(f"{path}: more than {MOST_ROWS:,} rows, the most that a target may have")
                rows.append([cell.strip() for cell in row])
                places.append(f"{path}, line {reader.line_num}")
    except csv.Error as error:
        raise UserError(f"{path}, line {reader.line_num}: not CSV ({error})") from None
    if not rows:
        raise UserError(f"{path}: the file is empty; accepted: CSV with a header")
    # numpy.savetxt writes the header as a comment.
    commented = next((comment for comment in comments if comment.lower().startswith(tuple(FREQUENCY_COLUMNS))), "")
    if commented and rows[0][0][:1].isdigit():
        rows.insert(0, [cell.strip() for cell in commented.split(delimiter)])
        places.insert(0, str(path))
    while rows[0] and all(len(row) == len(rows[0]) and not row[-1] for row in rows):
        # Spreadsheets write columns that are empty.
        rows = [row[:-1] for row in rows]
    header = [name.lower() for name in rows.pop(0)]
    if len(set(header)) < len(header):
        raise UserError(f"{places[0]}: two columns have one name")
    for row, place in zip(rows, places[1:], strict=True):
        if len(row) != len(header):
            raise UserError(f"{place}: {len(row)} fields, the header has {len(header)}")
    if delimiter != ",":
        _refuse_thousands(rows, places[1:])
    cells = {name: [row[column] for row in rows] for column, name in enumerate(header)}
    return _Table(path, cells, places[1:], decimal_comma=delimiter != ",")


def _refuse_thousands(rows: list[list[str]], places: list[str]) -> None:
    """Refuse 1.000 beside numbers with a decimal comma, and 1,000 beside those with a point: a thousand, or one?"""
    for mark, other in ((".", ","), (",", ".")):
        cells = (cell for row in rows for cell in row if other in cell and not GROUPED[other].fullmatch(cell))
        decimal = next(cells, None)
        if decimal is None:
            continue
        for row, place in zip(rows, places, strict=True):
            cell = next((cell for cell in row if GROUPED[mark].fullmatch(cell)), None)
            if cell is not None:
                raise UserError(
                    f"{place}: {cell} beside {printable(decimal, 20)!r}: a mark of thousands or of decimals? "
                    "accepted: numbers without marks of thousands"
                )


def _lines(path: Path, text: str) -> tuple[list[str], list[str]]:
    """Lines without their comments, and the first comments.

    Raises:
        UserError: too many lines, or one that is too long.
    """
    lines: list[str] = []
    comments: list[str] = []
    for number, line in enumerate(io.StringIO(text), start=1):
        if number > MOST_LINES:
            raise UserError(f"{path}: more than {MOST_LINES:,} lines, the most that {FORMAT} may have")
        if len(line) > LONGEST_LINE:
            raise UserError(f"{path}, line {number}: more than {LONGEST_LINE} characters; not {FORMAT}")
        wrong = SPREADSHEET_ERROR.search(line)
        if wrong:
            raise UserError(f"{path}, line {number}: the cell {wrong[1]} is an error of a spreadsheet; not a number")
        content, mark, comment = line.partition("#")
        lines.append(content + "\n" if mark else line)
        if mark and len(comments) < MOST_COLUMNS:
            comments.append(comment.strip())
    return lines, comments
