"""What a decoder of a small code can reach at most: the nearest code word, from hard decisions or from soft values."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from hypernet.codes.core.gf2 import generator_matrix, row_reduce

# Words whose scores are held at once: with 2^16 code words 16 MB.
WORDS_AT_ONCE = 64


class HardDecision(nn.Module):
    """The code word nearest to the received bits: maximum likelihood for one who sees hard decisions only.

    Every syndrome has its lightest error pattern in a table, built breadth first: the patterns of weight w + 1 add
    one bit to those of weight w (standard array; MacWilliams & Sloane 1977, chapter 1).

    Args:
        parity_check: H, ``[m, n]``, of rank at most 20.
    """

    def __init__(self, parity_check: np.ndarray):
        super().__init__()
        rows, _ = row_reduce(parity_check)
        place = 1 << np.arange(len(rows), dtype=np.int64)
        columns = place @ rows.astype(np.int64)
        syndromes = 1 << len(rows)
        self.flipped = np.full(syndromes, -1)
        frontier, seen = np.zeros(1, dtype=np.int64), np.zeros(syndromes, dtype=bool)
        seen[0] = True
        while len(frontier):
            reached = frontier[:, None] ^ columns[None, :]
            new, first = np.unique(reached, return_index=True)
            fresh = ~seen[new]
            frontier = new[fresh]
            self.flipped[frontier] = first[fresh] % len(columns)
            seen[frontier] = True
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
    """

    def __init__(self, parity_check: np.ndarray):
        super().__init__()
        generator = generator_matrix(parity_check).astype(np.int64)
        numbers = np.arange(1 << len(generator))
        messages = (numbers[:, None] >> np.arange(len(generator))) & 1
        signs = 1.0 - 2.0 * (messages @ generator % 2)
        self.register_buffer("words", torch.from_numpy(signs.astype(np.float32)), persistent=False)

    def forward(self, llr: Tensor) -> Tensor:
        """The most likely word's bits as +1 (0) and -1 (1), ``[n, B] -> [n, B]``."""
        chosen = [(self.words @ part).argmax(dim=0) for part in llr.split(WORDS_AT_ONCE, dim=1)]
        return self.words[torch.cat(chosen)].T
