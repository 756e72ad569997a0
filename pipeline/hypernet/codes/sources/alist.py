"""Parity-check matrices in files: MacKay's alist format and plain rows of 0 and 1.

alist (MacKay, "Encyclopedia of Sparse Graph Codes"): ``n m``; the largest column and row degree; the n column
degrees; the m row degrees; a line per column with the numbers (from 1) of its rows; a line per row with those of
its columns. Zeros fill short lines up.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.files import write_text

# Larger than any code in use; a header cannot make this program reserve more than the product of these.
LARGEST_SIDE = 20_000
LARGEST_AREA = 2**28
LARGEST_FILE = 32 * 2**20


def read_parity_check(path: Path) -> np.ndarray:
    """Read H, ``[m, n]`` uint8, from an alist file or a text file of rows of 0 and 1.

    A file whose first line has exactly two numbers, not both 0 or 1, is an alist.

    Args:
        path: the file.

    Returns:
        H, ``[m, n]`` uint8 of 0 and 1.

    Raises:
        UserError: one line that names the file, the line, what is wrong and what is accepted.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            # Bounded, because what is no regular file may have no end.
            content = file.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        raise UserError(f"{path}: no such parity-check file") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    if len(content) > LARGEST_FILE:
        raise UserError(f"{path}: more than {LARGEST_FILE} bytes, the most that a parity-check file may have")
    if not content.isascii():
        raise UserError(f"{path}: not a text file; accepted: alist, or rows of 0 and 1")
    content = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    first = next(_content_lines(content), None)
    if first is None:
        raise UserError(f"{path}: the file is empty; accepted: alist, or rows of 0 and 1")
    header = first[1].split(maxsplit=2)
    if len(header) == 2 and not set(header) <= {"0", "1"}:
        return _read_alist(path, _content_lines(content))
    return _read_dense(path, _content_lines(content))


def _content_lines(content: bytes) -> Iterator[tuple[int, str]]:
    """The lines that are not blank, with their numbers from 1; one at a time, as there may be very many."""
    for number, line in enumerate(io.BytesIO(content), start=1):
        if not line.isspace():
            yield number, line.decode("ascii")


def _read_dense(path: Path, lines: Iterator[tuple[int, str]]) -> np.ndarray:
    rows: list[str] = []
    for number, line in lines:
        digits = "".join(line.split())
        wrong = digits.strip("01")
        if wrong:
            raise UserError(f"{path}, line {number}: {wrong[:20]!r} is neither 0 nor 1")
        if len(digits) > LARGEST_SIDE:
            raise UserError(f"{path}, line {number}: {len(digits)} columns; accepted: at most {LARGEST_SIDE}")
        if rows and len(digits) != len(rows[0]):
            raise UserError(f"{path}, line {number}: {len(digits)} columns; the rows before have {len(rows[0])}")
        if len(rows) == LARGEST_SIDE:
            raise UserError(f"{path}, line {number}: more than {LARGEST_SIDE} rows, the most that are accepted")
        rows.append(digits)
    matrix = np.frombuffer("".join(rows).encode(), dtype=np.uint8) - ord("0")
    return matrix.reshape(len(rows), -1)


class _Lines:
    """The lines of an alist file, read in order."""

    def __init__(self, path: Path, lines: Iterator[tuple[int, str]]):
        self.path, self._lines = path, lines

    def take(self, what: str) -> tuple[int, list[int]]:
        """The next line as whole numbers, with its number in the file."""
        number, line = next(self._lines, (0, ""))
        if not line:
            raise UserError(f"{self.path}: the file ends before {what}")
        fields = line.split(maxsplit=LARGEST_SIDE)
        if len(fields) > LARGEST_SIDE:
            raise UserError(f"{self.path}, line {number}: more than {LARGEST_SIDE} numbers ({what})")
        for field in fields:
            if not field.isdigit():
                raise UserError(f"{self.path}, line {number}: {field[:20]!r} is not a number from 0 ({what})")
            if len(field) > 9:
                raise UserError(f"{self.path}, line {number}: {field[:20]} is too large a number ({what})")
        return number, [int(field) for field in fields]

    def take_exactly(self, count: int, what: str) -> tuple[int, list[int]]:
        """The next ``count`` numbers of one line."""
        number, values = self.take(what)
        if len(values) != count:
            raise UserError(f"{self.path}, line {number}: {len(values)} numbers where {count} belong ({what})")
        return number, values

    def finish(self) -> None:
        """There must be nothing left."""
        for number, _ in self._lines:
            raise UserError(f"{self.path}, line {number}: more lines than the header announces")


def _read_alist(path: Path, content: Iterator[tuple[int, str]]) -> np.ndarray:
    lines = _Lines(path, content)
    number, (n, m) = lines.take_exactly(2, "n and m")
    if not (1 <= n <= LARGEST_SIDE and 1 <= m <= LARGEST_SIDE and n * m <= LARGEST_AREA):
        raise UserError(
            f"{path}, line {number}: n = {n}, m = {m}; accepted: 1 to {LARGEST_SIDE} each, "
            f"and a product of at most {LARGEST_AREA}"
        )
    number, (column_limit, row_limit) = lines.take_exactly(2, "largest column and row degree")
    degrees = {}
    for axis, count, limit in (("column", n, column_limit), ("row", m, row_limit)):
        number, degrees[axis] = lines.take_exactly(count, f"{axis} degrees")
        if max(degrees[axis]) != limit:
            raise UserError(
                f"{path}, line {number}: the largest {axis} degree is {max(degrees[axis])}; line 2 says {limit}"
            )
    by_column = _read_lists(lines, "column", degrees["column"], "row", m)
    by_row = _read_lists(lines, "row", degrees["row"], "column", n).T
    lines.finish()
    if (by_column != by_row).any():
        row, column = np.argwhere(by_column.T != by_row.T)[0] + 1
        part = "column" if by_column[column - 1, row - 1] else "row"
        raise UserError(f"{path}: row {row}, column {column} is a one only in the {part} part of the file")
    return np.ascontiguousarray(by_column.T)


def _read_lists(lines: _Lines, axis: str, degrees: list[int], other: str, limit: int) -> np.ndarray:
    """The incidence matrix ``[len(degrees), limit]`` from one line of numbers each."""
    matrix = np.zeros((len(degrees), limit), dtype=np.uint8)
    for index, degree in enumerate(degrees):
        number, values = lines.take(f"{other}s of {axis} {index + 1}")
        entries = [value for value in values if value]
        where = f"{lines.path}, line {number}: {axis} {index + 1}"
        if len(entries) != degree:
            raise UserError(f"{where} lists {len(entries)} {other}s; its degree is {degree}")
        if entries and max(entries) > limit:
            raise UserError(f"{where} names {other} {max(entries)}; there are {limit}")
        if len(set(entries)) != len(entries):
            raise UserError(f"{where} names a {other} twice")
        matrix[index, np.array(entries, dtype=np.int64) - 1] = 1
    return matrix


def write_alist(path: Path, parity_check: np.ndarray) -> None:
    """Write a parity-check matrix as an alist file, whole or not at all.

    Args:
        path: the file.
        parity_check: H, ``[m, n]`` of 0 and 1.
    """
    parity_check = np.asarray(parity_check)
    checks, length = parity_check.shape
    by_column = [np.flatnonzero(column) + 1 for column in parity_check.T]
    by_row = [np.flatnonzero(row) + 1 for row in parity_check]
    lines = [f"{length} {checks}", f"{max(map(len, by_column))} {max(map(len, by_row))}"]
    lines += [" ".join(str(len(entries)) for entries in lists) for lists in (by_column, by_row)]
    # A column without a one still needs its line, which a lone zero fills.
    lines += [" ".join(map(str, entries)) or "0" for lists in (by_column, by_row) for entries in lists]
    write_text(path, "\n".join(lines) + "\n")
