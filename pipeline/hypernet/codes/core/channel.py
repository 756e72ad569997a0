"""A binary linear code, its words, and the Gaussian channel they are sent over."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import numpy as np

from hypernet.codes.core.gf2 import generator_matrix

ROWS_AT_ONCE = 1024


@dataclass(frozen=True)
class Code:
    """A binary linear code.

    Attributes:
        title: its name for people, e.g. ``LDPC(49,24)``.
        parity_check: H, ``[m, n]`` of 0 and 1; its rows may depend on each other.
        generator: G, ``[k, n]`` of 0 and 1, with G H^T = 0 mod 2.
    """

    title: str
    parity_check: np.ndarray
    generator: np.ndarray

    @classmethod
    def of(cls, title: str, parity_check: np.ndarray) -> Self:
        """The code that a parity-check matrix defines.

        Args:
            title: its name for people.
            parity_check: H, ``[m, n]`` of 0 and 1.

        Returns:
            The code, with a generator matrix made from H.
        """
        return cls(title, parity_check, generator_matrix(parity_check))

    @property
    def length(self) -> int:
        """n, the number of code bits."""
        return int(self.parity_check.shape[1])

    @property
    def rate(self) -> float:
        """R = k / n with k = n - rank(H). Not 1 - m/n: the array codes have dependent rows."""
        return len(self.generator) / self.length


def noise_deviation(ebn0_db: float, rate: float) -> float:
    """Standard deviation of the channel noise: sigma^2 = 1 / (2 R 10^(Eb/N0 / 10)), for symbols of +-1."""
    ratio: float = 10.0 ** (ebn0_db / 10.0)
    return math.sqrt(1.0 / (2.0 * rate * ratio))


def random_words(code: Code, words: int, generator: np.random.Generator) -> np.ndarray:
    """Code words drawn uniformly, ``[n, words]`` of 0 and 1, uint8."""
    information = generator.integers(0, 2, size=(code.generator.shape[0], words), dtype=np.uint8)
    bits = np.zeros((code.length, words), dtype=np.uint8)
    # Some rows of G at a time: those of a code of thousands of bits are not all made floating-point numbers at once.
    for first in range(0, len(information), ROWS_AT_ONCE):
        rows = slice(first, first + ROWS_AT_ONCE)
        sums = code.generator[rows].T.astype(np.float32) @ information[rows].astype(np.float32)
        bits ^= sums.astype(np.int32).astype(np.uint8) & 1
    return bits


def channel_llr(bits: np.ndarray, deviation: np.ndarray | float, generator: np.random.Generator) -> np.ndarray:
    """Send bits over the Gaussian channel as 0 -> +1, 1 -> -1 and return l = 2 y / sigma^2.

    Args:
        bits: code words ``[n, B]``.
        deviation: sigma, one for all or one per word ``[B]``.
        generator: source of the noise.

    Returns:
        ln P(bit = 0 | y) / P(bit = 1 | y), float32 ``[n, B]``.
    """
    deviation = np.asarray(deviation, dtype=np.float32)
    received = 1.0 - 2.0 * bits + deviation * generator.standard_normal(bits.shape, dtype=np.float32)
    return (2.0 / deviation**2 * received).astype(np.float32)
