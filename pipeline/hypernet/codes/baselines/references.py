"""The best that a decoder of a small code can do: the nearest code word, by hard decisions or by soft values."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from hypernet.codes.config import LARGEST_SYNDROME_BITS, LARGEST_WORD_BITS
from hypernet.codes.core.gf2 import generator_matrix, row_reduce
from hypernet.lab.errors import UserError

# Numbers that building a table of syndromes holds at once, and most numbers in a table of code words.
NUMBERS_AT_ONCE = 2**22
LARGEST_TABLE = 2**26
# Words whose scores are held at once: with 2^16 code words 16 MB.
WORDS_AT_ONCE = 64


class HardDecision(nn.Module):
    """The code word nearest to the received bits: maximum likelihood for a decoder that sees hard decisions only.

    Every syndrome has its lightest error pattern in a table, built breadth first: the patterns of weight w + 1 add
    one bit to those of weight w (standard array; MacWilliams & Sloane 1977, chapter 1).

    Args:
        parity_check: H, ``[m, n]``, of rank at most 20.

    Raises:
        UserError: the rank is larger; the table would be too.
    """

    def __init__(self, parity_check: np.ndarray):
        super().__init__()
        rows, _ = row_reduce(parity_check)
        if len(rows) > LARGEST_SYNDROME_BITS:
            raise UserError(
                f"hard_decision: a table of 2^{len(rows)} syndromes; n - k may be at most {LARGEST_SYNDROME_BITS}"
            )
        place = 1 << np.arange(len(rows), dtype=np.int64)
        columns = place @ rows.astype(np.int64)
        syndromes = 1 << len(rows)
        self.flipped = np.full(syndromes, -1)
        frontier, seen = np.zeros(1, dtype=np.int64), np.zeros(syndromes, dtype=bool)
        seen[0] = True
        # Some patterns at a time: all of one weight with every bit added can be more than the memory holds.
        at_once = max(1, NUMBERS_AT_ONCE // len(columns))
        while not seen.all():
            heavier = []
            for start in range(0, len(frontier), at_once):
                reached = frontier[start : start + at_once, None] ^ columns[None, :]
                new, first = np.unique(reached, return_index=True)
                fresh = ~seen[new]
                new, first = new[fresh], first[fresh]
                self.flipped[new] = first % len(columns)
                seen[new] = True
                heavier.append(new)
                if seen.all():
                    break
            frontier = np.sort(np.concatenate(heavier))
        self.rows, self.place, self.columns = rows.astype(np.int64), place, columns

    def forward(self, llr: Tensor) -> Tensor:
        """The nearest word's bits as +1 (0) and -1 (1), ``[n, B] -> [n, B]``."""
        bits = (llr < 0).cpu().numpy().astype(np.int64)
        syndrome = self.place @ (self.rows @ bits % 2)
        while (wrong := np.flatnonzero(syndrome)).size:
            bit = self.flipped[syndrome[wrong]]
            bits[bit, wrong] ^= 1
            syndrome[wrong] ^= self.columns[bit]
        return torch.from_numpy(1.0 - 2.0 * bits).to(llr)


class MaximumLikelihood(nn.Module):
    """The code word that correlates best with the channel values: no decoder makes fewer wrong words.

    Args:
        parity_check: H, ``[m, n]``, with k = n - rank(H) at most 16.

    Raises:
        UserError: k is larger; the table would be too.
    """

    words: Tensor
    parity_check: Tensor

    def __init__(self, parity_check: np.ndarray):
        super().__init__()
        generator = generator_matrix(parity_check).astype(np.int64)
        if len(generator) > LARGEST_WORD_BITS:
            raise UserError(
                f"maximum_likelihood: a table of 2^{len(generator)} code words; k may be at most {LARGEST_WORD_BITS}"
            )
        if generator.shape[1] << len(generator) > LARGEST_TABLE:
            raise UserError(
                f"maximum_likelihood: a table of 2^{len(generator)} code words of {generator.shape[1]} bits; at most "
                f"{LARGEST_TABLE} numbers are accepted"
            )
        numbers = np.arange(1 << len(generator))
        messages = (numbers[:, None] >> np.arange(len(generator))) & 1
        signs = 1.0 - 2.0 * (messages @ generator % 2)
        for name, matrix in {"words": signs, "parity_check": parity_check}.items():
            self.register_buffer(name, torch.from_numpy(matrix.astype(np.float32)), persistent=False)

    def forward(self, llr: Tensor) -> Tensor:
        """The most likely word's bits as +1 (0) and -1 (1), ``[n, B] -> [n, B]``."""
        # Where the signs are a code word, no other correlates better.
        decided = 1.0 - 2.0 * (llr < 0).to(llr)
        unsure = (self.parity_check @ (llr < 0).to(llr) % 2).any(dim=0).nonzero()[:, 0]
        for some in unsure.split(WORDS_AT_ONCE):
            # The scores of a word stand in a row: looking for the largest along columns takes twice as long.
            chosen = (llr[:, some].T @ self.words.T).argmax(dim=1)
            decided[:, some] = self.words[chosen].T
        return decided
