"""What is told of all decoded words at the end."""

from __future__ import annotations

import functools

import numpy as np

from hypernet.codes.tools.diagnosis import (
    FEWEST_DECODED,
    LOW_SHARE,
    Finding,
    calibration,
    diagnose,
    has_all_ones,
    words_kept,
)
from hypernet.codes.tools.front_end import Decoded, Receiver


class Account:
    """What is said of all decoded words at the end: how many satisfy H, and what it means where few do."""

    def __init__(self, receiver: Receiver):
        self.receiver = receiver
        self.words = self.successes = self.undecided = 0
        self.negative = False
        self._sent: list[np.ndarray] = []
        self._decided: list[Decoded] = []

    def add(self, sent: np.ndarray, decoded: Decoded) -> None:
        """Count some words; the first are kept."""
        room = max(0, words_kept(self.receiver.decoder.length) - self.words)
        self.words += len(sent)
        self.successes += int(decoded.success.sum())
        self.undecided += int((decoded.soft == 0).any(axis=1).sum())
        self.negative = self.negative or bool((sent < 0).any())
        if room:
            self._sent.append(sent[:room])
            self._decided.append(decoded)

    @functools.cached_property
    def sign_shows(self) -> bool:
        """Whether a word with all signs wrong violates H."""
        return not has_all_ones(self.receiver.decoder.parity_check, self.receiver.shortened)

    @property
    def share(self) -> float:
        """Of the words, those that are decided and satisfy H."""
        return self.successes / max(1, self.words)

    def summary(self) -> str:
        """The line that stands below every decoding."""
        decoder = self.receiver.decoder
        iterations = f"{decoder.iterations} iterations"
        mean = self.receiver.mean_iterations
        if self.receiver.stop_early and mean is not None:
            iterations = f"{mean:.1f} of at most {decoder.iterations} iterations on average"
        text = f"{self.words:,} words of {decoder.title}, {decoder.method}, {iterations}: {self.share:.1%} satisfy H"
        if self.undecided:
            text += f", {self.undecided:,} have bits of which nothing is known (0)"
        if not self.sign_shows:
            text += " (a wrong sign of all values would not show: the word of ones is a code word)"
        return text

    def findings(self) -> list[Finding]:
        """What the words say of their values."""
        sent = np.concatenate(self._sent)
        soft = np.concatenate([part.soft for part in self._decided])[: len(sent)]
        success = np.concatenate([part.success for part in self._decided])[: len(sent)]
        receiver, findings = self.receiver, []
        hard = receiver.hard_bits is not None
        if self.share < LOW_SHARE:
            findings += diagnose(receiver.decoder, receiver.values, sent, receiver.stop_early, self.sign_shows, hard)
        elif not self.negative and self.words > 1:
            text = "no value is negative, so every word is the zero word even before it is decoded: right?"
            return [Finding(text, mistake=False)]
        if success.mean() > FEWEST_DECODED and receiver.decoder.method != "min_sum":
            values = receiver.values(sent[success])
            if receiver.transmission is not None:
                values[:, receiver.shortened] = 0
            findings += calibration(values, soft[success] < 0, hard)
        return findings
