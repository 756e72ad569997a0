"""An order in which the checks of a sparse matrix give the bits one after another.

Richardson & Urbanke, "Efficient encoding of low-density parity-check codes", 2001; the choice of the bits that are set
aside is that of Raptor codes (RFC 5053, "inactivation").
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from hypernet.codes.core.sparse import ParityCheck


@dataclass(frozen=True)
class Triangulation:
    """Which check gives which of the unknown bits, and when.

    A check gives its bit as the sum of the check's other bits. The bits set aside must be known before; the checks
    left over say what they must be.

    Attributes:
        forward: ``(checks, bits)``: each check has, among the unknown bits, its own, those before it in this order and
            some of those set aside.
        backward: ``(checks, bits)`` for after that: each check has its own, those before it in this order, and any
            that are known by then. None of these bits is in a check of ``forward`` or ``left``.
        aside: the bits set aside, rising.
        left: the checks left over, rising.
    """

    forward: tuple[np.ndarray, np.ndarray]
    backward: tuple[np.ndarray, np.ndarray]
    aside: np.ndarray
    left: np.ndarray


def triangulate(matrix: ParityCheck, unknown: np.ndarray) -> Triangulation:
    """Find such an order, with few bits set aside.

    Args:
        matrix: H, ``[m, n]``.
        unknown: positions of the unknown bits, rising; the others are known.

    Returns:
        The order; every unknown bit is in exactly one of its parts, and so is every check.
    """
    return _Peeling(matrix, unknown).result()


class _Peeling:
    """Checks and unknown bits are taken out of the graph one by one; what is in it still is "open"."""

    def __init__(self, matrix: ParityCheck, unknown: np.ndarray):
        self.unknown = unknown
        # The graph of the unknown bits alone, numbered from 0.
        part = matrix[:, unknown]
        by_column = part.tocsc()
        self.bits_of = _lists(part.indptr, part.indices)
        self.checks_of = _lists(by_column.indptr, by_column.indices)
        self.open_check = [True] * part.shape[0]
        self.open_bit = [True] * part.shape[1]

    def result(self) -> Triangulation:
        backward = self._peel_bits()
        forward = self._peel_checks()
        taken = {bit for _, bit in forward}.union(bit for _, bit in backward)
        aside = [bit for bit in range(len(self.open_bit)) if bit not in taken]
        left = [check for check, is_open in enumerate(self.open_check) if is_open]
        return Triangulation(
            forward=self._arrays(forward),
            # What was taken out first is in no other check, so it is computed last.
            backward=self._arrays(reversed(backward)),
            aside=self.unknown[np.array(aside, dtype=np.int64)],
            left=np.array(left, dtype=np.int64),
        )

    def _arrays(self, pairs: Iterable[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
        checks, bits = np.array([*pairs], dtype=np.int64).reshape(-1, 2).T
        return checks, self.unknown[bits]

    def _peel_bits(self) -> list[tuple[int, int]]:
        """Take out bits that are in one check only, with the check, until there are none."""
        degree = [len(checks) for checks in self.checks_of]
        waiting = [bit for bit, checks in enumerate(degree) if checks == 1]
        taken = []
        while waiting:
            bit = waiting.pop()
            # Another bit may have taken its check.
            if degree[bit] != 1:
                continue
            check = next(check for check in self.checks_of[bit] if self.open_check[check])
            taken.append((check, bit))
            self.open_check[check] = self.open_bit[bit] = False
            for other in self.bits_of[check]:
                degree[other] -= 1
                if degree[other] == 1:
                    waiting.append(other)
        return taken

    def _peel_checks(self) -> list[tuple[int, int]]:
        """Take out checks with one open bit, and the bit; where there are none, set bits of a smallest check aside."""
        degree = [sum(map(self.open_bit.__getitem__, bits)) for bits in self.bits_of]
        smallest = [(count, check) for check, count in enumerate(degree) if count and self.open_check[check]]
        heapq.heapify(smallest)
        taken = []
        while smallest:
            count, check = heapq.heappop(smallest)
            # An entry of the past: the check came back with fewer open bits, or has none.
            if not self.open_check[check] or degree[check] != count:
                continue
            bits = [bit for bit in self.bits_of[check] if self.open_bit[bit]]
            # All but one, the last, are set aside.
            taken.append((check, bits[-1]))
            self.open_check[check] = False
            for bit in bits:
                self.open_bit[bit] = False
                for other in self.checks_of[bit]:
                    degree[other] -= 1
                    if degree[other] and self.open_check[other]:
                        heapq.heappush(smallest, (degree[other], other))
        return taken


def _lists(starts: np.ndarray, indices: np.ndarray) -> list[list[int]]:
    flat = indices.tolist()
    return [flat[first:last] for first, last in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True)]
