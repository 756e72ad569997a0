"""Sums over the bits of checks, for many words at once: words are columns ``[n, W]``, eight to a byte."""

from __future__ import annotations

import itertools

import numpy as np

from hypernet.codes.core.sparse import ParityCheck

# Sums of up to so many checks are made from a copy of all their bits; those of more, one bit of each at a time.
FEW = 8


class Sums:
    """The sum mod 2 over the bits of each of some checks.

    Args:
        matrix: H, ``[m, n]``.
        checks: which rows of H, ``[r]``.
    """

    def __init__(self, matrix: ParityCheck, checks: np.ndarray):
        self.count = len(checks)
        rows = matrix[checks]
        self._groups = _by_degree(rows.indptr, rows.indices, 0, self.count)

    def of(self, words: np.ndarray) -> np.ndarray:
        """The sums, ``[r, W]``, of words ``[n, W]``."""
        totals = np.zeros((self.count, words.shape[1]), dtype=np.uint8)
        for checks, bits in self._groups:
            totals[checks] = _sum(words, bits)
        return totals


class Substitution:
    """Each of some checks gives one bit, as the sum of its others, one after another.

    Args:
        matrix: H, ``[m, n]``.
        checks: which rows of H, ``[r]``, in an order in which they can be solved.
        bits: the bit that each of them gives, ``[r]``; a check has none of the bits that come after its own.
    """

    def __init__(self, matrix: ParityCheck, checks: np.ndarray, bits: np.ndarray):
        rows = matrix[checks]
        level = _levels(rows.indptr, rows.indices, bits, matrix.shape[1])
        order = np.argsort(level, kind="stable")
        rows, bits = rows[order], bits[order]
        degrees = np.diff(rows.indptr) - 1
        others = rows.indices[rows.indices != np.repeat(bits, degrees + 1)]
        starts = np.concatenate([[0], np.cumsum(degrees)])
        edges = np.concatenate([[0], np.flatnonzero(np.diff(level[order])) + 1, [len(order)]]).tolist()
        # Checks of one level do not wait for each other: those of equally many bits are solved together.
        self._steps = [
            (bits[part], group)
            for first, last in itertools.pairwise(edges)
            for part, group in _by_degree(starts, others, first, last)
        ]

    def solve(self, words: np.ndarray) -> None:
        """Fill the bits in, in place, in words ``[n, W]``; a bit whose check has no other stays as it is, 0."""
        for bits, others in self._steps:
            words[bits] = _sum(words, others)


def _by_degree(starts: np.ndarray, indices: np.ndarray, first: int, last: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Rows ``first`` to ``last`` in groups of equal length: their numbers ``[r]`` and their indices ``[r, d]``."""
    if last == first + 1:
        row = indices[starts[first] : starts[last]]
        return [(np.array([first]), row[None])] if row.size else []
    degrees = np.diff(starts[first : last + 1])
    groups = []
    for degree in np.unique(degrees[degrees > 0]):
        rows = first + np.flatnonzero(degrees == degree)
        groups.append((rows, indices[starts[rows][:, None] + np.arange(degree)]))
    return groups


def _sum(words: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """The sums ``[r, W]`` of the words' rows that ``[r, d]`` names."""
    if len(indices) <= FEW:
        total: np.ndarray = np.bitwise_xor.reduce(words[indices], axis=1)
        return total
    total = words[indices[:, 0]]
    for column in indices.T[1:]:
        total ^= words[column]
    return total


def _levels(starts: np.ndarray, indices: np.ndarray, bits: np.ndarray, length: int) -> np.ndarray:
    """How many checks must be solved before each, in the longest chain that leads to it, ``[r]``."""
    level_of_bit = [-1] * length
    flat, bounds = indices.tolist(), starts.tolist()
    for number, bit in enumerate(bits.tolist()):
        level_of_bit[bit] = 1 + max(map(level_of_bit.__getitem__, flat[bounds[number] : bounds[number + 1]]))
    return np.array(level_of_bit, dtype=np.int64)[bits]
