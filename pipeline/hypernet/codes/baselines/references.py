"""The best that a decoder of a small code can do: the nearest code word, by hard decisions or by soft values."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hypernet.codes.config import (
    LARGEST_SEARCH,
    LARGEST_SYNDROME_BITS,
    LARGEST_TABLE,
    LARGEST_WORD_BITS,
    LONGEST_WORDS,
    REFERENCES,
)
from hypernet.codes.core.channel import Code
from hypernet.codes.core.gf2 import generator_matrix
from hypernet.codes.core.reduction import independent_rows
from hypernet.codes.core.sparse import ParityCheck, sparse
from hypernet.lab.errors import UserError

# Words whose scores are held at once: with 2^16 code words 16 MB.
WORDS_AT_ONCE = 64


class HardDecision(nn.Module):
    """The code word nearest to the received bits: maximum likelihood for a decoder that sees hard decisions only.

    Every syndrome has its lightest error pattern in a table, built breadth first: the patterns of weight w + 1 add
    one bit to those of weight w (standard array; MacWilliams & Sloane 1977, chapter 1).

    Args:
        code: a ``Code``, or H ``[m, n]`` as an array or a ``scipy.sparse`` matrix.

    Raises:
        UserError: there are too many syndromes; nothing of their size was made before.
    """

    def __init__(self, code: Any):
        super().__init__()
        parity_check = _parity_check(code)
        length = parity_check.shape[1]
        rows = independent_rows(parity_check, LARGEST_SYNDROME_BITS)
        if rows is None or not REFERENCES["hard_decision"](length, length - len(rows)):
            syndromes = f"2^{len(rows)}" if rows is not None else f"more than 2^{LARGEST_SYNDROME_BITS}"
            raise UserError(
                f"hard_decision: a table of {syndromes} syndromes for words of {length} bits; n - k may be at most "
                f"{LARGEST_SYNDROME_BITS}, and n 2^(n - k) at most {LARGEST_SEARCH:,}"
            )
        self.place = 1 << np.arange(len(rows), dtype=np.int64)
        self.columns = self.place @ rows.astype(np.int64)
        self.flipped = _lightest(self.columns, len(rows))
        # Sums of up to n ones are exact in single precision, whose products are many times faster.
        self.rows = rows.astype(np.float32)

    def forward(self, llr: Tensor) -> Tensor:
        """The nearest word's bits as +1 (0) and -1 (1), ``[n, B] -> [n, B]``; a word with a NaN becomes NaN."""
        bits = (llr < 0).cpu().numpy()
        syndrome = self.place @ (self.rows @ bits.astype(np.float32) % 2).astype(np.int64)
        while (wrong := np.flatnonzero(syndrome)).size:
            bit = self.flipped[syndrome[wrong]]
            bits[bit, wrong] ^= True
            syndrome[wrong] ^= self.columns[bit]
        return _without_unknown(torch.from_numpy(1.0 - 2.0 * bits).to(llr), llr)


def _lightest(columns: np.ndarray, rank: int) -> np.ndarray:
    """Of each syndrome a bit of a lightest error pattern that has it, ``[2^rank]`` int32.

    Args:
        columns: the syndrome of each bit, ``[n]``.
        rank: number of independent checks; the columns span all syndromes.
    """
    flipped = np.full(1 << rank, -1, dtype=np.int32)
    # Of bits that no word tells apart one is enough.
    syndromes, bits = np.unique(columns, return_index=True)
    syndromes, bits = syndromes[syndromes > 0], bits[syndromes > 0]
    flipped[0], flipped[syndromes] = 0, bits
    frontier, left = syndromes, len(flipped) - 1 - len(syndromes)
    while left:
        heavier = []
        for syndrome, bit in zip(syndromes, bits, strict=True):
            reached = frontier ^ syndrome
            new = reached[flipped[reached] < 0]
            flipped[new] = bit
            heavier.append(new)
            left -= new.size
            if not left:
                break
        frontier = np.concatenate(heavier)
    return flipped


class MaximumLikelihood(nn.Module):
    """The code word that correlates best with the channel values: no decoder makes fewer wrong words.

    Args:
        code: a ``Code``, or H ``[m, n]`` as an array or a ``scipy.sparse`` matrix.

    Raises:
        UserError: there are too many code words; nothing of their size was made before.
    """

    words: Tensor
    checks: Tensor

    def __init__(self, code: Any):
        super().__init__()
        parity_check = _parity_check(code)
        checks, length = parity_check.shape
        # k is n - m or more: that alone refuses most codes, without looking for dependent checks.
        at_least = length - checks
        rows = None
        if length <= LONGEST_WORDS and at_least <= LARGEST_WORD_BITS:
            rows = independent_rows(parity_check)
        if rows is None or not REFERENCES["maximum_likelihood"](length, length - len(rows)):
            count = f"2^{length - len(rows)}" if rows is not None else f"2^{max(at_least, 0)} or more"
            raise UserError(
                f"maximum_likelihood: a table of {count} code words of {length} bits; k may be at most "
                f"{LARGEST_WORD_BITS}, n at most {LONGEST_WORDS:,} and n 2^k at most {LARGEST_TABLE:,}"
            )
        table = np.zeros((1, length), dtype=np.uint8)
        for row in generator_matrix(rows):
            table = np.concatenate([table, table ^ row])
        signs = table.astype(np.float32)
        signs *= -2
        signs += 1
        for name, matrix in {"words": signs, "checks": rows.astype(np.float32)}.items():
            self.register_buffer(name, torch.from_numpy(matrix), persistent=False)

    def forward(self, llr: Tensor) -> Tensor:
        """The most likely word's bits as +1 (0) and -1 (1), ``[n, B] -> [n, B]``.

        An infinite value is a bit known for certain; a word with a NaN becomes NaN.
        """
        # Where the signs are a code word, no other correlates better.
        decided = 1.0 - 2.0 * (llr < 0).to(llr)
        unsure = (self.checks @ (llr < 0).to(self.checks) % 2).any(dim=0).nonzero()[:, 0]
        for some in unsure.split(WORDS_AT_ONCE):
            # The scores of a word stand in a row: looking for the largest along columns takes twice as long.
            chosen = (_comparable(llr[:, some]).T.to(self.words) @ self.words.T).argmax(dim=1)
            decided[:, some] = self.words[chosen].T.to(decided)
        return _without_unknown(decided, llr)


def _parity_check(code: Any) -> ParityCheck:
    return code.parity_check if isinstance(code, Code) else sparse(code)


def _comparable(llr: Tensor) -> Tensor:
    """Channel values whose sums are finite: the scale of a word changes no order among its scores.

    Certain bits weigh more than all others together.
    """
    certain = llr.isinf()
    scaled = llr.masked_fill(certain, 0.0)
    scaled = scaled / scaled.abs().amax(dim=0).clamp(min=torch.finfo(llr.dtype).tiny)
    return torch.where(certain, llr.sign() * (2 * scaled.abs().sum(dim=0) + 1), scaled)


def _without_unknown(decided: Tensor, llr: Tensor) -> Tensor:
    return decided.masked_fill(llr.isnan().any(dim=0), torch.nan)
