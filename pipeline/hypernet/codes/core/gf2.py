"""Linear algebra over the field of two elements."""

from __future__ import annotations

import numpy as np


def row_reduce(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Reduced row echelon form over GF(2).

    Args:
        matrix: ``[m, n]`` of 0 and 1.

    Returns:
        The reduced matrix without its zero rows, ``[rank, n]`` uint8, and the pivot columns ``[rank]``.
    """
    matrix = np.asarray(matrix, dtype=np.uint8)
    rows, columns = matrix.shape
    # Eight columns to a byte: adding a row to many others is one exclusive or over an eighth of the data.
    packed = np.packbits(matrix, axis=1)
    pivots: list[int] = []
    for column in range(columns):
        rank = len(pivots)
        if rank == rows:
            break
        byte, mask = column >> 3, np.uint8(0x80 >> (column & 7))
        ones = np.flatnonzero(packed[:, byte] & mask)
        below = ones[ones >= rank]
        if not below.size:
            continue
        first = below[0]
        if first != rank:
            packed[[rank, first]] = packed[[first, rank]]
            # The row that was here moved down; whether it has a one decides if it needs the addition below.
            ones = np.flatnonzero(packed[:, byte] & mask)
        packed[ones[ones != rank]] ^= packed[rank]
        pivots.append(column)
    reduced = np.unpackbits(packed[: len(pivots)], axis=1, count=columns)
    return reduced, np.array(pivots, dtype=np.int64)


def rank(matrix: np.ndarray) -> int:
    """Rank over GF(2) of a matrix ``[m, n]`` of 0 and 1."""
    return len(row_reduce(matrix)[1])


def generator_matrix(parity_check: np.ndarray) -> np.ndarray:
    """A generator matrix G with G H^T = 0 mod 2, systematic in the columns that are not pivots of H.

    Args:
        parity_check: H, ``[m, n]`` of 0 and 1, of any rank.

    Returns:
        G, ``[k, n]`` uint8 with k = n - rank(H).
    """
    reduced, pivots = row_reduce(parity_check)
    columns = reduced.shape[1]
    free = np.setdiff1d(np.arange(columns), pivots)
    generator = np.zeros((len(free), columns), dtype=np.uint8)
    generator[np.arange(len(free)), free] = 1
    # Row i of the reduced H says: pivot bit i is the sum of the free bits where the row has ones.
    generator[:, pivots] = reduced[:, free].T
    return generator
