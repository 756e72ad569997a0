"""A binary linear code, its words, and the Gaussian channel they are sent over."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from hypernet.codes.core.sparse import ParityCheck, sparse
from hypernet.codes.core.systematic import Encoder
from hypernet.lab.errors import UserError

# A dense generator matrix of more bytes is refused; the encoder needs none.
LARGEST_GENERATOR = 2**28


@dataclass(frozen=True)
class Code:
    """A binary linear code.

    Attributes:
        title: its name for people, e.g. ``LDPC(49,24)``.
        parity_check: H, ``[m, n]`` of 0 and 1, sparse; its rows may depend on each other.
        encoder: solves H word = 0 for the parity bits.
    """

    title: str
    parity_check: ParityCheck
    encoder: Encoder

    @classmethod
    def of(cls, title: str, parity_check: Any) -> Self:
        """The code that a parity-check matrix defines.

        Args:
            title: its name for people.
            parity_check: H, ``[m, n]`` of 0 and 1: an array, nested lists or a matrix of ``scipy.sparse``.

        Returns:
            The code, with an encoder made from H.

        Raises:
            UserError: H has entries other than 0 and 1, or its encoder would not fit into memory.
        """
        matrix = sparse(parity_check)
        return cls(title, matrix, Encoder(matrix))

    @property
    def length(self) -> int:
        """n, the number of code bits."""
        return int(self.parity_check.shape[1])

    @property
    def dimension(self) -> int:
        """k = n - rank(H), the number of information bits. Not n - m: the array codes have dependent rows."""
        return self.length - self.encoder.rank

    @property
    def rate(self) -> float:
        """R = k / n."""
        return self.dimension / self.length

    @property
    def information(self) -> np.ndarray:
        """Where the information bits stand in a word: ``[k]`` positions from 0, rising, int64."""
        return self.encoder.information

    def encode(self, information: np.ndarray) -> np.ndarray:
        """The words with these information bits.

        Args:
            information: ``[k, B]`` of 0 and 1.

        Returns:
            ``[n, B]`` uint8 of 0 and 1; row ``self.information[i]`` is row i of ``information``.
        """
        return self.encoder.encode(information)

    @property
    def generator(self) -> np.ndarray:
        """A generator matrix G, ``[k, n]`` uint8, with G H^T = 0 mod 2 and an identity at ``information``.

        Raises:
            UserError: it would take more than :data:`LARGEST_GENERATOR` bytes.
        """
        if self.dimension * self.length > LARGEST_GENERATOR:
            raise UserError(
                f"{self.title}: a dense generator matrix [{self.dimension}, {self.length}] takes more than "
                f"{LARGEST_GENERATOR} bytes; Code.encode needs none"
            )
        return np.ascontiguousarray(self.encode(np.eye(self.dimension, dtype=np.uint8)).T)


def noise_deviation(ebn0_db: float, rate: float) -> float:
    """Standard deviation of the channel noise: sigma^2 = 1 / (2 R 10^(Eb/N0 / 10)), for symbols of +-1."""
    ratio: float = 10.0 ** (ebn0_db / 10.0)
    return math.sqrt(1.0 / (2.0 * rate * ratio))


def random_words(code: Code, words: int, generator: np.random.Generator) -> np.ndarray:
    """Code words drawn uniformly, ``[n, words]`` of 0 and 1, uint8."""
    return code.encode(generator.integers(0, 2, size=(code.dimension, words), dtype=np.uint8))


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
