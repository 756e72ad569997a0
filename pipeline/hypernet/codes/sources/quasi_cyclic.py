"""Quasi-cyclic matrices as text: blocks of shifted identities, as AFF3CT and the standards' tables write them.

``columns rows Z`` of the base matrix, then its rows: shift s is the Z x Z identity rotated right by s, -1 a block of
zeros.
"""

from __future__ import annotations

import sys

import numpy as np

from hypernet.codes.core.sparse import LARGEST_ONES, ParityCheck, check_shape, of_positions
from hypernet.codes.sources.lines import Lines
from hypernet.lab.errors import UserError


def read_quasi_cyclic(lines: Lines) -> ParityCheck:
    """Read H, ``[rows * Z, columns * Z]``.

    A line of 0 and 1 after the base matrix, AFF3CT's pattern of sent block columns, is named on standard error and has
    no part in H.

    Args:
        lines: the file, at its first line.

    Returns:
        The matrix.

    Raises:
        UserError: one line that names the file, the line and what is wrong.
    """
    width, height, size = lines.exactly(3, "columns, rows and Z of a quasi-cyclic matrix")
    shape = (height * size, width * size)
    check_shape(shape, lines.here)
    base = np.empty((height, width), dtype=np.int64)
    for index in range(height):
        base[index] = lines.exactly(width, f"shifts of block row {index + 1}", smallest=-1)
        if base[index].max() >= size:
            raise UserError(
                f"{lines.here}: a shift of {base[index].max()}; accepted: 0 to Z - 1 = {size - 1}, -1 for zeros"
            )
    _read_pattern(lines, width)
    row, column = np.nonzero(base >= 0)
    if len(row) * size > LARGEST_ONES:
        raise UserError(f"{lines.where}: {len(row) * size} ones; accepted: at most {LARGEST_ONES}")
    within = np.arange(size)
    rows = row[:, None] * size + within
    columns = column[:, None] * size + (within + base[row, column][:, None]) % size
    return of_positions(rows.ravel(), columns.ravel(), shape, lines.where)


def _read_pattern(lines: Lines, width: int) -> None:
    """What may follow the base matrix: which block columns are sent."""
    if lines.peek() is None:
        return
    pattern = lines.exactly(width, "which block columns are sent: 0 or 1")
    if max(pattern) > 1 or lines.take() is not None:
        raise UserError(f"{lines.here}: more lines than the header announces")
    unsent = [str(index) for index, sent in enumerate(pattern) if not sent]
    if unsent:
        print(
            f"warning: {lines.where}: the block columns {', '.join(unsent)} (from 0) are marked as not sent; H has "
            "them, so name their bits as punctured",
            file=sys.stderr,
        )
