"""Encoding: from information bits to the words of a code that is given by its parity-check matrix.

Most parity bits follow from the others by one check each; the few that remain (3,000 of 64,800 in a random code) are
the solution of a small dense system. Neither H nor a generator matrix is ever dense.
"""

from __future__ import annotations

import numpy as np

from hypernet.codes.core.gf2 import generator_matrix, product, row_reduce
from hypernet.codes.core.sparse import ParityCheck
from hypernet.codes.core.substitution import Substitution, Sums
from hypernet.codes.core.triangulation import triangulate
from hypernet.lab.errors import UserError

# So many bytes of dense matrices at most, each. A random code of 200,000 bits needs as many.
LARGEST_DENSE = 2**29
WORDS_AT_ONCE = 1024


class Encoder:
    """Solves H word = 0 for the parity bits.

    A position holds a parity bit where its column of H is independent of the columns to its right, and an information
    bit elsewhere: information bits stand as far left as they can. Where the last m columns of H are independent, as in
    DVB-S2 and 5G, they are the first k of a word.

    Args:
        parity_check: H, ``[m, n]``, of any rank.

    Attributes:
        rank: the rank of H over GF(2); the code has k = n - rank information bits.
        information: ``[k]`` int64, the positions (from 0, rising) where the information bits stand in a word.

    Raises:
        UserError: the dense part of the system would take more than :data:`LARGEST_DENSE` bytes.
    """

    rank: int
    information: np.ndarray

    def __init__(self, parity_check: ParityCheck):
        system = _parity_system(parity_check)
        self._length = parity_check.shape[1]
        self.rank = len(system.unknown)
        self.information = np.setdiff1d(np.arange(self._length), system.unknown)
        self._forward, self._backward, self._aside = system.forward, system.backward, system.aside
        # As many independent checks as there are bits set aside, and what turns the checks' sums into these bits.
        _, independent = row_reduce(system.dense.T)
        self._left = Sums(parity_check, system.left[independent])
        count = len(system.aside)
        inverse, _ = row_reduce(np.hstack([system.dense[independent], np.eye(count, dtype=np.uint8)]))
        self._inverse = inverse[:, count:].copy()

    def encode(self, information: np.ndarray) -> np.ndarray:
        """The words with these information bits.

        Args:
            information: ``[k, B]`` of 0 and 1.

        Returns:
            ``[n, B]`` uint8 of 0 and 1, with ``words[self.information] == information``.

        Raises:
            UserError: there are not k rows, or values other than 0 and 1.
        """
        information, k = np.asarray(information), len(self.information)
        if information.ndim != 2 or len(information) != k:
            raise UserError(f"information bits: accepted is [{k}, words]; got {list(information.shape)}")
        neither = (information != 0) & (information != 1)
        if neither.any():
            raise UserError(f"information bits: {information[neither][0]:g} is neither 0 nor 1")
        words = np.empty((self._length, information.shape[1]), dtype=np.uint8)
        for first in range(0, words.shape[1], WORDS_AT_ONCE):
            part = information[:, first : first + WORDS_AT_ONCE]
            packed = self._encode(np.packbits(part != 0, axis=1))
            words[:, first : first + WORDS_AT_ONCE] = np.unpackbits(packed, axis=1, count=part.shape[1])
        return words

    def _encode(self, information: np.ndarray) -> np.ndarray:
        """Packed, eight words to a byte: ``[k, W] -> [n, W]``."""
        words = np.zeros((self._length, information.shape[1]), dtype=np.uint8)
        words[self.information] = information
        self._forward.solve(words)
        if len(self._aside):
            # With 0 for the bits set aside; what the checks then lack is what these bits must bring.
            words[self._aside] = product(self._inverse, self._left.of(words))
            self._forward.solve(words)
        self._backward.solve(words)
        return words


class _System:
    """The equations for some bits of a word, all others being known.

    Attributes:
        unknown: positions of the unknown bits, rising.
        aside: positions of those that are set aside.
        left: the checks that say what these must be.
        dense: what these checks say when all known bits are 0: ``[left, aside]`` of 0 and 1.
    """

    def __init__(self, parity_check: ParityCheck, unknown: np.ndarray):
        self.matrix, self.unknown = parity_check, unknown
        self.order = triangulate(parity_check, unknown)
        self.aside, self.left = self.order.aside, self.order.left
        self.forward = Substitution(parity_check, *self.order.forward)
        self.backward = Substitution(parity_check, *self.order.backward)
        _refuse_above_limit(parity_check.shape[1] * len(self.aside) // 8, parity_check)
        _refuse_above_limit(len(self.left) * len(self.aside), parity_check)
        words = self._with_aside(np.eye(len(self.aside), dtype=np.uint8))
        self.forward.solve(words)
        self.dense = np.unpackbits(Sums(parity_check, self.left).of(words), axis=1, count=len(self.aside))

    def _with_aside(self, values: np.ndarray) -> np.ndarray:
        """Packed words ``[n, W]`` that are 0 but for these values ``[aside, count]`` of the bits set aside."""
        packed = np.packbits(values, axis=1)
        words = np.zeros((self.matrix.shape[1], packed.shape[1]), dtype=np.uint8)
        words[self.aside] = packed
        return words

    def dependent(self) -> np.ndarray:
        """The unknown bits whose columns are sums of columns of unknown bits to their right."""
        solutions = generator_matrix(self.dense)
        _refuse_above_limit(len(self.unknown) * len(solutions), self.matrix)
        words = self._with_aside(solutions.T)
        self.forward.solve(words)
        self.backward.solve(words)
        # Words of the unknown bits alone: whichever begins with a bit makes that bit's column a sum of later ones.
        bits = np.unpackbits(words[self.unknown], axis=1, count=len(solutions))
        return self.unknown[row_reduce(bits.T)[1]]

    def independent_before(self, end: int) -> np.ndarray:
        """The columns before ``end`` that are independent of those of the unknown bits and those between."""
        # Sums of checks in which no unknown bit is left: first among the checks left over, then among all. The others'
        # share follows by substitution from the last to the first; those of the backward part have none.
        combinations = generator_matrix(self.dense.T)
        checks = self.matrix.shape[0]
        _refuse_above_limit(checks * len(combinations) // 8, self.matrix)
        _refuse_above_limit(end * len(combinations), self.matrix)
        packed = np.packbits(combinations.T, axis=1)
        shares = np.zeros((checks, packed.shape[1]), dtype=np.uint8)
        shares[self.left] = packed
        transposed = self.matrix.T.tocsr()
        used, bits = self.order.forward
        Substitution(transposed, bits[::-1], used[::-1]).solve(shares)
        columns = Sums(transposed, np.arange(end)).of(shares)
        _, pivots = row_reduce(np.unpackbits(columns, axis=1, count=len(combinations)).T[:, ::-1])
        return end - 1 - pivots


def _parity_system(parity_check: ParityCheck) -> _System:
    """The equations for the bits whose columns of H are independent of those to their right."""
    checks, length = parity_check.shape
    end = max(0, length - checks)
    # Most often the last m columns are independent, or nearly.
    system = _System(parity_check, np.arange(end, length))
    parity = np.setdiff1d(system.unknown, system.dependent())
    if len(parity) < checks:
        parity = np.union1d(system.independent_before(end), parity)
    return system if np.array_equal(parity, system.unknown) else _System(parity_check, parity)


def _refuse_above_limit(size: int, parity_check: ParityCheck) -> None:
    if size > LARGEST_DENSE:
        checks, length = parity_check.shape
        raise UserError(
            f"the matrix [{checks}, {length}]: its ones are so many, or so spread, that finding its code words would "
            f"take a dense matrix of {size} bytes; accepted: at most {LARGEST_DENSE}"
        )
