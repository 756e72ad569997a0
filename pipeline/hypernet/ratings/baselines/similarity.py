"""Which users are alike: similarities in blocks, and the nearest of them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import sparse

from hypernet.ratings.baselines.means import group_means
from hypernet.ratings.core.tables import Rows

# Similarities held at once, 8 bytes each.
SIMILARITIES_AT_ONCE = 4_000_000
# From this share of rated pairs on, a full matrix multiplies faster than a sparse one.
DENSE_SHARE = 0.2
# Similarities that differ by less are ties: sums in another order differ by about 1e-16.
DIGITS = 12


def rating_matrix(rows: Rows, values: np.ndarray, users: int, items: int) -> sparse.csr_array:
    """One value for each rated pair, float64 ``[users, items]``."""
    return sparse.csr_array((values.astype(np.float64), (rows.user, rows.item)), shape=(users, items))


def profiles(rows: Rows, users: int, items: int) -> sparse.csr_array:
    """Every user's ratings without the user's mean, as a vector of length 1 (or of zeros), ``[users, items]``."""
    mean, _ = group_means(rows.user, rows.rating, users)
    matrix = rating_matrix(rows, rows.rating - mean[rows.user], users, items)
    length = np.sqrt(matrix.multiply(matrix).sum(axis=1))
    return sparse.csr_array(sparse.diags_array(1.0 / np.where(length > 0, length, 1.0)) @ matrix)


def multiplicand(matrix: sparse.csr_array) -> sparse.csr_array | np.ndarray:
    """The matrix in the form in which it multiplies fastest."""
    return matrix.toarray() if matrix.nnz > DENSE_SHARE * matrix.shape[0] * matrix.shape[1] else matrix


def blocks(count: int, width: int) -> Iterator[slice]:
    """Cut ``count`` rows of ``width`` similarities into pieces that fit in memory."""
    size = max(1, SIMILARITIES_AT_ONCE // max(width, 1))
    for begin in range(0, count, size):
        yield slice(begin, min(begin + size, count))


def largest(values: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k largest values of each row, of equal ones those further left.

    Args:
        values: ``[rows, n]``.
        k: at most n are taken.

    Returns:
        their columns and the values, ``[rows, min(k, n)]``, falling; of equal ones the further left comes first.
    """
    rows, n = values.shape
    k = min(k, n)
    if k == n:
        column = np.broadcast_to(np.arange(n), values.shape)
    elif k == 0:
        column = np.zeros((rows, 0), dtype=np.int64)
    else:
        last = np.partition(values, n - k, axis=1)[:, n - k, None]
        taken = values >= last
        tied = np.flatnonzero(np.count_nonzero(taken, axis=1) > k)
        if len(tied):
            equal = values[tied] == last[tied]
            spare = np.count_nonzero(taken[tied], axis=1, keepdims=True) - k
            kept = np.count_nonzero(equal, axis=1, keepdims=True) - spare
            taken[tied] &= ~equal | (np.cumsum(equal, axis=1) <= kept)
        column = np.nonzero(taken)[1].reshape(rows, k)
    chosen = np.take_along_axis(values, column, axis=1)
    order = np.argsort(-chosen, axis=1, kind="stable")
    return np.take_along_axis(column, order, axis=1), np.take_along_axis(chosen, order, axis=1)


def nearest(asking: sparse.csr_array, others: sparse.csr_array, k: int, themselves: np.ndarray | None) -> np.ndarray:
    """The k users most like each asking one by the cosine of their :func:`profiles`; ties go to the lower number.

    Args:
        asking: ``[A, M]``.
        others: ``[B, M]``.
        k: at most all others.
        themselves: the number among the others of each asking user, who is not a neighbour; None where they are no
            part of the others.

    Returns:
        numbers of the others, nearest first, int64 ``[A, min(k, B or B - 1)]``.
    """
    k = min(k, others.shape[0] - (themselves is not None))
    neighbours = np.empty((asking.shape[0], k), dtype=np.int64)
    fast = multiplicand(others)
    for part in blocks(asking.shape[0], others.shape[0]):
        similarity = np.round((fast @ asking[part].toarray().T).T, DIGITS)
        if themselves is not None:
            similarity[np.arange(len(similarity)), themselves[part]] = -np.inf
        neighbours[part] = largest(similarity, k)[0]
    return neighbours
