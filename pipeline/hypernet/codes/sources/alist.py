"""MacKay's alist format of sparse matrices ("Encyclopedia of Sparse Graph Codes").

``n m``; the largest column and row degree; the n column degrees; the m row degrees; a line per column with the numbers
(from 1) of its rows; a line per row with those of its columns. Zeros fill short lines up.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np

from hypernet.codes.core.sparse import LARGEST_ONES, ParityCheck, check_shape, of_positions, sparse
from hypernet.codes.sources.lines import Lines
from hypernet.lab.errors import UserError
from hypernet.lab.files import write_text


def read_alist(lines: Lines) -> ParityCheck:
    """Read H, ``[m, n]``.

    The degrees in the second line may be larger than all others; the row part may be missing.

    Args:
        lines: the file, at its first line.

    Returns:
        The matrix.

    Raises:
        UserError: one line that names the file, the line and what is wrong.
    """
    n, m = lines.exactly(2, "n and m")
    check_shape((m, n), lines.here)
    largest_column, largest_row = lines.exactly(2, "largest column and row degree")
    column_degrees = _degrees(lines, "column", n, m, largest_column)
    row_degrees = _degrees(lines, "row", m, n, largest_row)
    column, row = _lists(lines, "column", column_degrees, "row", m)
    matrix = of_positions(row, column, (m, n), lines.where)
    if lines.peek() is None:
        wrong = np.flatnonzero(np.diff(matrix.indptr) != row_degrees)
        if wrong.size:
            raise UserError(
                f"{lines.where}: row {wrong[0] + 1} has degree {row_degrees[wrong[0]]}, but is in "
                f"{np.diff(matrix.indptr)[wrong[0]]} columns"
            )
        return matrix
    row, column = _lists(lines, "row", row_degrees, "column", n)
    if lines.take() is not None:
        raise UserError(f"{lines.here}: more lines than the header announces")
    different = (matrix != of_positions(row, column, (m, n), lines.where)).tocoo()
    if different.nnz:
        row, column = different.row[0], different.col[0]
        part = "column" if matrix[row, column] else "row"
        raise UserError(f"{lines.where}: row {row + 1}, column {column + 1} is a one only in the {part} part")
    return matrix


def _degrees(lines: Lines, axis: str, count: int, other: int, limit: int) -> list[int]:
    """The degrees of all columns or rows, in one line or several."""
    degrees: list[int] = []
    swapped = False
    while len(degrees) < count:
        values = lines.numbers(f"{axis} degrees")
        if values is None:
            raise UserError(f"{lines.where}: the file ends before {axis} degrees")
        # The first of these lines has as many numbers as belong to the other axis.
        swapped = swapped or (not degrees and len(values) == other != count)
        if len(degrees) + len(values) > count:
            hint = "; is the first line 'm n'? accepted: 'n m'" if swapped else ""
            raise UserError(
                f"{lines.here}: {len(degrees) + len(values)} numbers where {count} belong ({axis} degrees){hint}"
            )
        if max(values) > limit:
            raise UserError(f"{lines.here}: a {axis} degree of {max(values)}; line 2 says at most {limit}")
        degrees += values
    if sum(degrees) > LARGEST_ONES:
        raise UserError(f"{lines.here}: {sum(degrees)} ones; accepted: at most {LARGEST_ONES}")
    return degrees


def _lists(lines: Lines, axis: str, degrees: list[int], other: str, limit: int) -> tuple[np.ndarray, np.ndarray]:
    """The positions of all ones, from 0: the numbers of the lists, and what the lists name."""
    named: list[int] = []
    for index, degree in enumerate(degrees, start=1):
        if not degree and not _is_filled(lines.peek()):
            # Nothing, or an empty line, stands for an empty list.
            continue
        values = lines.numbers(f"{other}s of {axis} {index}")
        if values is None:
            raise UserError(f"{lines.where}: the file ends before {other}s of {axis} {index}")
        entries = [value for value in values if value]
        here = f"{lines.here}: {axis} {index}"
        if len(entries) != degree:
            hint = f"; are {other}s counted from 0? accepted: from 1" if len(values) == degree else ""
            raise UserError(f"{here} lists {len(entries)} {other}s; its degree is {degree}{hint}")
        if entries and max(entries) > limit:
            raise UserError(f"{here} names {other} {max(entries)}; there are {limit}")
        if len(set(entries)) != degree:
            raise UserError(f"{here} names a {other} twice")
        named += entries
    return np.repeat(np.arange(len(degrees)), degrees), np.array(named, dtype=np.int64) - 1


def _is_filled(line: str | None) -> bool:
    """Whether a line holds zeros only, which fill a list up."""
    return line is not None and not line.strip("0 \t\r\n")


def write_alist(path: Path, parity_check: Any) -> None:
    """Write a parity-check matrix as an alist file, whole or not at all.

    Args:
        path: the file.
        parity_check: H, ``[m, n]`` of 0 and 1: an array, nested lists or a matrix of ``scipy.sparse``.

    Raises:
        UserError: it is no matrix of 0 and 1.
    """
    rows = sparse(parity_check)
    columns = rows.T.tocsr()
    columns.sort_indices()
    degrees = [np.diff(matrix.indptr) for matrix in (columns, rows)]
    lines = [f"{rows.shape[1]} {rows.shape[0]}", f"{degrees[0].max()} {degrees[1].max()}"]
    lines += [" ".join(map(str, counts.tolist())) for counts in degrees]
    for matrix in (columns, rows):
        named, starts = (matrix.indices + 1).tolist(), matrix.indptr.tolist()
        # A column without a one still needs its line, which a lone zero fills.
        lines += [" ".join(map(str, named[first:last])) or "0" for first, last in itertools.pairwise(starts)]
    write_text(path, "\n".join(lines) + "\n")
