"""Parity-check matrices as sparse matrices: what is stored are the ones of each row, in rising order."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import scipy.sparse
from scipy.sparse import csr_array

from hypernet.lab.errors import UserError

# H, [m, n] of 0 and 1 as uint8, in canonical form: indices sorted, no stored zero, nothing stored twice.
ParityCheck: TypeAlias = csr_array

# Several times those of any code in use; a header cannot make this program reserve more than these.
LARGEST_SIDE = 2**20
LARGEST_ONES = 2**22


def sparse(matrix: Any, where: str = "the matrix") -> ParityCheck:
    """A matrix of 0 and 1 in the form that the whole package works with.

    Args:
        matrix: ``[m, n]``, an array, nested lists, or a matrix of ``scipy.sparse``; entries of the latter that are
            stored more than once are refused, as nobody can know whether their sum or their sum mod 2 is meant.
        where: what to call it in a message, e.g. the file.

    Returns:
        The same matrix, ``[m, n]`` uint8, with sorted indices and only ones stored.

    Raises:
        UserError: it has not two dimensions of 1 to :data:`LARGEST_SIDE`, an entry is neither 0 nor 1, or there are
            more than :data:`LARGEST_ONES` ones; rows and columns are counted from 1.
    """
    if not scipy.sparse.issparse(matrix):
        try:
            matrix = np.asarray(matrix)
        except ValueError:
            raise UserError(f"{where}: rows of different lengths; accepted: a matrix [m, n] of 0 and 1") from None
    check_shape(matrix.shape, where)
    if matrix.dtype.kind not in "biuf":
        raise UserError(f"{where}: entries of type {matrix.dtype}; accepted: 0 and 1")
    if scipy.sparse.issparse(matrix):
        if hasattr(matrix, "check_format"):
            # Indices from a damaged file may point anywhere.
            try:
                matrix.check_format(full_check=True)
            except ValueError as error:
                raise UserError(f"{where}: not a sparse matrix ({error})") from None
        entries = matrix.tocoo()
        rows, columns, values = entries.row, entries.col, entries.data
    else:
        rows, columns = np.nonzero(matrix)
        values = matrix[rows, columns]
    check_entries(rows, columns, values, where)
    ones = np.flatnonzero(values)
    return of_positions(rows[ones], columns[ones], matrix.shape, where)


def check_shape(shape: tuple[int, ...], where: str) -> None:
    """Refuse what cannot be the shape of a parity-check matrix, before memory of that size is taken.

    Raises:
        UserError: not two sides from 1 to :data:`LARGEST_SIDE`.
    """
    if len(shape) != 2 or min(shape) < 1:
        raise UserError(f"{where}: a parity-check matrix is [m, n] with m and n from 1; got {list(shape)}")
    if max(shape) > LARGEST_SIDE:
        raise UserError(f"{where}: {shape[0]} rows, {shape[1]} columns; accepted: at most {LARGEST_SIDE} each")


def check_entries(rows: np.ndarray, columns: np.ndarray, values: np.ndarray, where: str) -> None:
    """Refuse entries that are neither 0 nor 1; positions are from 0, and from 1 in the message.

    Raises:
        UserError: names the first wrong entry.
    """
    wrong = np.flatnonzero((values != 0) & (values != 1))
    if wrong.size:
        row, column, value = rows[wrong[0]] + 1, columns[wrong[0]] + 1, values[wrong[0]]
        raise UserError(f"{where}: row {row}, column {column} is {value:g}; accepted: 0 and 1")


def of_positions(rows: np.ndarray, columns: np.ndarray, shape: tuple[int, ...], where: str) -> ParityCheck:
    """The matrix with ones at the given positions.

    Args:
        rows: the row of each one, from 0.
        columns: the column of each one, from 0.
        shape: ``(m, n)``.
        where: what to call it in a message.

    Returns:
        The matrix, ``[m, n]`` uint8.

    Raises:
        UserError: a position is named twice, or there are more than :data:`LARGEST_ONES`.
    """
    if len(rows) > LARGEST_ONES:
        raise UserError(f"{where}: {len(rows)} ones; accepted: at most {LARGEST_ONES}")
    order = np.lexsort((columns, rows))
    rows, columns = rows[order], columns[order]
    same = np.flatnonzero((rows[1:] == rows[:-1]) & (columns[1:] == columns[:-1]))
    if same.size:
        row, column = rows[same[0]] + 1, columns[same[0]] + 1
        raise UserError(f"{where}: row {row}, column {column} is given more than once")
    starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=shape[0]))])
    ones = np.ones(len(rows), dtype=np.uint8)
    return csr_array((ones, columns.astype(np.int32), starts.astype(np.int32)), shape=shape)
