"""From the values that came over a channel to decided words: what was sent, its sign, hard bits, the decoder."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from hypernet.codes.core.channel import Code
from hypernet.codes.core.systematic import Encoder
from hypernet.codes.core.transmission import Transmission
from hypernet.codes.tools import inputs
from hypernet.codes.tools.bits import save_array, save_bits
from hypernet.codes.tools.inputs import Positions
from hypernet.codes.tools.received import Received
from hypernet.codes.trained import BlockDecoder
from hypernet.lab.errors import UserError
from hypernet.lab.files import check_outputs, output_file


@dataclass(frozen=True)
class Decoded:
    """Words after decoding.

    Attributes:
        soft: log-likelihood ratios ln P(bit = 0) / P(bit = 1), ``[words, n]`` float32.
        success: whether all bits of a word are decided, none of them a draw, and satisfy all checks of H, ``[words]``
            bool.
        title: name of the code.
        method: method id of the decoder.
        mean_iterations: iterations that a word took, on average; None of a decoder that has none.
    """

    soft: np.ndarray
    success: np.ndarray
    title: str
    method: str
    mean_iterations: float | None
    _positions: Callable[[], np.ndarray] = field(repr=False, compare=False)

    def __repr__(self) -> str:
        share = f", {self.success.mean():.1%} satisfy H" if len(self.soft) else ""
        return f"Decoded({self.title}, {self.method}, {len(self.soft)} words{share})"

    @property
    def bits(self) -> np.ndarray:
        """The decided bits, ``[words, n]`` int8 of 0 and 1: 1 where the log-likelihood ratio is negative."""
        return (self.soft < 0).astype(np.int8)

    @property
    def positions(self) -> np.ndarray:
        """Where the information bits stand in a word, ``[k]`` from 0: those that ``encode`` takes."""
        return self._positions()

    @property
    def information(self) -> np.ndarray:
        """The decided information bits, ``[words, k]`` int8 of 0 and 1."""
        return self.bits[:, self.positions]

    def save(
        self,
        bits: str | Path | None = None,
        soft: str | Path | None = None,
        success: str | Path | None = None,
        information: str | Path | None = None,
    ) -> None:
        """Write bits, success or information bits (.npy, or .txt with a word a line), and log-likelihood ratios (.npy).

        Each file is written whole or not at all.

        Raises:
            UserError: another ending, a folder, or one file for two.
        """
        files = [("bits", bits), ("success", success), ("information", information)]
        outputs = [(name, None if path is None else output_file(path, ".npy", ".txt")) for name, path in files]
        soft = None if soft is None else output_file(soft, ".npy")
        check_outputs([*outputs, ("soft", soft)], [])
        for name, path in outputs:
            if path is not None:
                save_bits(path, getattr(self, name))
        if soft is not None:
            save_array(soft, self.soft)


class Receiver:
    """Everything between the values that came and decided words: what was sent, sign, hard bits, the decoder.

    Args:
        decoder: the decoder.
        puncture: positions of bits that were not sent.
        shorten: positions of bits that are 0 in every word and were not sent.
        hard_bits: the values are bits, of which the channel flips this share; None: they are log-likelihood ratios.
        opposite_sign: they are ln P(1) / P(0).
        all_iterations: do not stop at words that satisfy H.

    Raises:
        UserError: impossible positions or an impossible share.
    """

    def __init__(
        self,
        decoder: BlockDecoder,
        puncture: Positions | None = None,
        shorten: Positions | None = None,
        hard_bits: float | None = None,
        opposite_sign: bool = False,
        all_iterations: bool = False,
    ):
        if hard_bits is not None and not (isinstance(hard_bits, int | float) and 0 < hard_bits < 0.5):
            raise UserError(f"hard_bits: {hard_bits!r} is not a share of flipped bits above 0 and below 0.5")
        if hard_bits is not None and opposite_sign:
            raise UserError("opposite_sign: hard bits are 0 and 1 and have no sign")
        self.decoder, self.hard_bits, self.stop_early = decoder, hard_bits, not all_iterations
        self.opposite_sign = opposite_sign
        self._words = self._updates = 0
        self.transmission: Transmission | None = None
        if puncture is not None or shorten is not None:
            code = Code.of(decoder.title, decoder.parity_check)
            self.transmission = inputs.transmission_of(code, puncture, shorten)
        self.length = decoder.length if self.transmission is None else len(self.transmission.sent)

    @property
    def mean_iterations(self) -> float | None:
        """Iterations of a word so far, on average; None of a decoder that has none."""
        return self._updates / self._words if self._updates else None

    @functools.cached_property
    def positions(self) -> np.ndarray:
        """Where the information bits stand in a word, ``[k]`` from 0."""
        if self.transmission is not None:
            return self.transmission.information
        return Encoder(self.decoder.parity_check).information

    @property
    def shortened(self) -> np.ndarray:
        """Positions of the shortened bits."""
        return np.zeros(0, dtype=np.int64) if self.transmission is None else self.transmission.shortened

    def sent_values(self, part: np.ndarray) -> np.ndarray:
        """ln P(0) / P(1) of what came, ``[B, t]``."""
        if self.hard_bits is not None:
            size = np.float32(math.log1p(-self.hard_bits) - math.log(self.hard_bits))
            return np.where(part > 0, -size, size)
        return -part if self.opposite_sign else part

    def values(self, sent: np.ndarray) -> np.ndarray:
        """The values of all bits, ``[B, n]``, of those that were sent, ``[B, t]``."""
        if self.transmission is None:
            return sent
        return np.ascontiguousarray(self.transmission.received(np.ascontiguousarray(sent.T)).T)

    def decoded(self, values: np.ndarray) -> Decoded:
        """Words ``[B, n]`` after decoding."""
        before = self.decoder.word_updates
        soft = self.decoder(values, self.stop_early)
        updates = self.decoder.word_updates - before
        self._words, self._updates = self._words + len(soft), self._updates + updates
        success = self.decoder.satisfied(soft < 0) & (soft != 0).all(axis=1)
        mean = updates / len(soft) if updates else None
        return Decoded(soft, success, self.decoder.title, self.decoder.method, mean, lambda: self.positions)

    def stream(self, llr: ArrayLike | str | Path, words: int) -> Iterator[tuple[np.ndarray, Decoded]]:
        """The values that were sent, ``[B, t]``, and the decoded words, as they come."""
        source = Received(llr, self.length, self.decoder.title, self.hard_bits is not None)
        for part in source.batches(words):
            sent = self.sent_values(part)
            yield sent, self.decoded(self.values(sent))
