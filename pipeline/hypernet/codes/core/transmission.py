"""Which bits of a word are sent: puncturing and shortening."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from hypernet.codes.core.channel import Code
from hypernet.codes.core.systematic import Encoder
from hypernet.lab.errors import UserError

Positions: TypeAlias = Sequence[int] | np.ndarray


class Transmission:
    """A code of which some bits are not sent.

    A punctured bit is not sent and the receiver knows nothing of it; a shortened bit is 0 in every word, which the
    receiver knows.

    Args:
        code: the code.
        punctured: positions of the punctured bits, from 0.
        shortened: positions of the shortened bits, from 0.

    Attributes:
        code: the code.
        sent: ``[t]`` int64, the positions of the bits that are sent, rising.
        information: ``[k']`` int64, the positions of the information bits that shortening leaves, rising; some may
            be punctured.
        counted: positions of the bits whose errors count in a simulation: all but the shortened ones.

    Raises:
        UserError: a position outside the code, named twice, or both punctured and shortened; no bit is sent, no
            information bit is left, or fewer bits are sent than there are information bits.
    """

    code: Code
    sent: np.ndarray
    information: np.ndarray
    counted: np.ndarray

    def __init__(self, code: Code, punctured: Positions = (), shortened: Positions = ()):
        n = code.length
        self.code = code
        self.punctured = _positions(punctured, "punctured", code)
        self.shortened = _positions(shortened, "shortened", code)
        both = np.intersect1d(self.punctured, self.shortened)
        if both.size:
            raise UserError(f"{code.title}: bit {both[0]} is both punctured and shortened")
        self.sent = np.setdiff1d(np.arange(n), np.concatenate([self.punctured, self.shortened]))
        if not self.sent.size:
            raise UserError(f"{code.title}: all {n} bits are punctured or shortened; none is left to be sent")
        # The words that are 0 in the shortened bits are those of H without these columns.
        self._kept = np.setdiff1d(np.arange(n), self.shortened)
        self._encoder = Encoder(code.parity_check[:, self._kept]) if self.shortened.size else code.encoder
        self.information = self._kept[self._encoder.information]
        self.counted = self._kept
        k, t = len(self.information), len(self.sent)
        if k == 0:
            raise UserError(f"{code.title}: {len(self.shortened)} shortened bits leave no information bits")
        if t < k:
            raise UserError(f"{code.title}: {t} bits are sent for {k} information bits, which is too few")

    @property
    def rate(self) -> float:
        """R = k' / t: information bits left by shortening, over the bits that are sent."""
        return len(self.information) / len(self.sent)

    def encode(self, information: np.ndarray) -> np.ndarray:
        """The words with these information bits and zeros at the shortened positions.

        Args:
            information: ``[k', B]`` of 0 and 1.

        Returns:
            Whole words, ``[n, B]`` uint8; those of :attr:`sent` go over the channel.
        """
        words = np.zeros((self.code.length, information.shape[1]), dtype=np.uint8)
        words[self._kept] = self._encoder.encode(information)
        return words

    def random_words(self, count: int, generator: np.random.Generator) -> np.ndarray:
        """Words drawn uniformly from those with zeros at the shortened positions, ``[n, count]`` uint8."""
        return self.encode(generator.integers(0, 2, size=(len(self.information), count), dtype=np.uint8))

    def received(self, llr: np.ndarray) -> np.ndarray:
        """The values of all code bits: those that were sent, 0 where punctured, plus infinity where shortened.

        Args:
            llr: ln P(0) / P(1) of the sent bits, ``[t, B]`` floating-point numbers.

        Returns:
            ``[n, B]`` of the same type.

        Raises:
            UserError: there are not t rows.
        """
        if llr.ndim != 2 or len(llr) != len(self.sent):
            raise UserError(f"{self.code.title}: {len(self.sent)} bits are sent; got values of shape {list(llr.shape)}")
        values = np.zeros((self.code.length, llr.shape[1]), dtype=llr.dtype)
        values[self.sent] = llr
        values[self.shortened] = np.inf
        return values


def _positions(values: Positions, what: str, code: Code) -> np.ndarray:
    positions = np.asarray(values)
    if positions.size == 0:
        return np.zeros(0, dtype=np.int64)
    if positions.ndim != 1 or positions.dtype.kind not in "iu":
        raise UserError(f"{code.title}: {what} positions must be a list of whole numbers from 0")
    outside = positions[(positions < 0) | (positions >= code.length)]
    if outside.size:
        raise UserError(f"{code.title}: {what} bit {outside[0]} does not exist; accepted: 0 to {code.length - 1}")
    positions, counts = np.unique(positions.astype(np.int64), return_counts=True)
    if (counts > 1).any():
        raise UserError(f"{code.title}: {what} bit {positions[counts > 1][0]} is named more than once")
    return positions
