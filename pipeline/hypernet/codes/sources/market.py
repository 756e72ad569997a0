"""Matrix Market files (Boisvert et al. 1996): coordinates of the entries, or all entries column by column.

Not read by scipy, whose reader a damaged file can make write outside its memory.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hypernet.codes.core.sparse import LARGEST_ONES, ParityCheck, check_entries, check_shape, of_positions
from hypernet.codes.sources.lines import Lines
from hypernet.lab.errors import UserError

MARK = "%%matrixmarket"
FIELDS, SYMMETRIES = ("pattern", "integer", "unsigned-integer", "real"), ("general", "symmetric")
# Of a file that lists zeros too.
LARGEST_ARRAY = 2**26


def read_market(lines: Lines) -> ParityCheck:
    """Read H, ``[m, n]``: coordinates or an array; pattern, integer or real; general or symmetric.

    Args:
        lines: the file, at its start.

    Returns:
        The matrix.

    Raises:
        UserError: one line that names the file, the line and what is wrong.
    """
    words = lines.raw().lower().split()
    if len(words) != 5 or words[1] != "matrix" or words[2] not in ("coordinate", "array"):
        raise UserError(f"{lines.here}: accepted: %%MatrixMarket matrix, coordinate or array, field and symmetry")
    _, _, layout, field, symmetry = words
    if field not in FIELDS or symmetry not in SYMMETRIES:
        raise UserError(
            f"{lines.here}: a matrix that is {field} and {symmetry}; accepted: {', '.join(FIELDS)}; "
            f"{' or '.join(SYMMETRIES)}"
        )
    if layout == "array":
        rows, columns, values, shape = _array(lines, symmetry == "symmetric")
    else:
        rows, columns, values, shape = _coordinates(lines, pattern=field == "pattern")
    check_entries(rows, columns, values, lines.where)
    rows, columns = rows[values == 1], columns[values == 1]
    if symmetry == "symmetric":
        # Only the lower triangle is in the file.
        beside = rows != columns
        rows, columns = np.concatenate([rows, columns[beside]]), np.concatenate([columns, rows[beside]])
    return of_positions(rows, columns, shape, lines.where)


Entries = tuple[np.ndarray, np.ndarray, np.ndarray, tuple[int, int]]


def _coordinates(lines: Lines, pattern: bool) -> Entries:
    m, n, count = lines.exactly(3, "rows, columns and the number of entries")
    check_shape((m, n), lines.here)
    if count > LARGEST_ONES:
        raise UserError(f"{lines.here}: {count} entries; accepted: at most {LARGEST_ONES}")
    positions, values = np.empty((2, count), dtype=np.int64), np.ones(count)
    for index, line in enumerate(_lines(lines, count)):
        fields = line.split(maxsplit=3)
        if len(fields) != (2 if pattern else 3) or not (fields[0].isdecimal() and fields[1].isdecimal()):
            raise UserError(f"{lines.here}: accepted: row and column from 1{'' if pattern else ', and the value'}")
        for axis, side, name in ((0, m, "row"), (1, n, "column")):
            place = int(fields[axis]) if len(fields[axis]) < 10 else side + 1
            if not 1 <= place <= side:
                raise UserError(f"{lines.here}: {name} {fields[axis][:20]}; accepted: 1 to {side}")
            positions[axis, index] = place - 1
        if not pattern:
            values[index] = _value(fields[2], lines)
    return positions[0], positions[1], values, (m, n)


def _array(lines: Lines, symmetric: bool) -> Entries:
    m, n = lines.exactly(2, "rows and columns")
    check_shape((m, n), lines.here)
    if symmetric and m != n:
        raise UserError(f"{lines.here}: {m} rows, {n} columns; a symmetric matrix has as many of both")
    count = n * (n + 1) // 2 if symmetric else m * n
    if count > LARGEST_ARRAY:
        raise UserError(f"{lines.here}: {count} entries; accepted: at most {LARGEST_ARRAY}")
    first = (column if symmetric else 0 for column in range(n))
    places = ((row, column) for column, start in enumerate(first) for row in range(start, m))
    entries = [
        (row, column, value)
        for (row, column), line in zip(places, _lines(lines, count), strict=True)
        if (value := _value(line, lines))
    ]
    rows, columns, values = np.array(entries, dtype=np.float64).reshape(-1, 3).T
    return rows.astype(np.int64), columns.astype(np.int64), values, (m, n)


def _lines(lines: Lines, count: int) -> Iterator[str]:
    """So many lines, and no more."""
    for index in range(count):
        line = lines.take()
        if line is None:
            raise UserError(f"{lines.where}: the file ends after {index} entries; it announces {count}")
        yield line
    if lines.take() is not None:
        raise UserError(f"{lines.here}: more lines than the {count} entries that are announced")


def _value(text: str, lines: Lines) -> float:
    try:
        return float(text)
    except ValueError:
        raise UserError(f"{lines.here}: {text.strip()[:20]!r} is neither 0 nor 1") from None
