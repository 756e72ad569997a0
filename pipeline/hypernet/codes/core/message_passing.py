"""What all message-passing decoders share: channel values in, messages along edges, a value per code bit out."""

from __future__ import annotations

import abc
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from hypernet.codes.core.graph import TannerGraph

# A decoder holds this many numbers at a time: they stay in a processor's cache.
NUMBERS_AT_ONCE = 2**20
FEWEST_WORDS_AT_ONCE = 16
# Below 1 by a few float32 steps: arctanh of it is 7.6, so a message is at most 15.2.
LARGEST_PRODUCT = 1.0 - 1e-6


class Decoder(nn.Module, abc.ABC):
    """A decoder of L iterations on a Tanner graph; a subclass says how messages change from one iteration to the next.

    Every log-likelihood ratio is ln P(bit = 0) / P(bit = 1); a negative one is decided as a 1.

    Args:
        graph: the Tanner graph of the parity-check matrix.
        iterations: L, the number of check updates.
        width: numbers it holds for an edge and a word.
    """

    def __init__(self, graph: TannerGraph, iterations: int, width: int = 1):
        super().__init__()
        if iterations < 1:
            raise ValueError(f"a decoder needs at least one iteration, got {iterations}")
        self.graph = graph
        self.iterations = iterations
        self.words_at_once = max(FEWEST_WORDS_AT_ONCE, NUMBERS_AT_ONCE // (graph.edges * width))

    @abc.abstractmethod
    def messages(self, llr: Tensor) -> Iterator[Tensor]:
        """Yield the check-to-variable messages ``[E, B]`` after each check update.

        Args:
            llr: channel values ``[n, B]``.
        """

    def output(self, llr: Tensor, messages: Tensor, iteration: int) -> Tensor:
        """Bit values ``[n, B]``: o_v = l_v + sum of the messages that arrive at v."""
        del iteration
        return llr + self.graph.sum_at_variables(messages)

    def every_iteration(self, llr: Tensor) -> Tensor:
        """Bit values after each iteration, ``[n, B] -> [iterations, n, B]``; the multiloss needs them all."""
        outputs = [self.output(llr, messages, i) for i, messages in enumerate(self.messages(llr))]
        return torch.stack(outputs)

    def forward(self, llr: Tensor) -> Tensor:
        """Bit values after the last iteration, ``[n, B] -> [n, B]``, some words at a time where that is faster."""
        if torch.is_grad_enabled() or llr.is_cuda or llr.shape[1] <= self.words_at_once:
            return self.decode(llr)
        return torch.cat([self.decode(words) for words in llr.split(self.words_at_once, dim=1)], dim=1)

    def decode(self, llr: Tensor) -> Tensor:
        """Bit values after the last iteration of all words at once, ``[n, B] -> [n, B]``."""
        iteration = -1
        for iteration, messages in enumerate(self.messages(llr)):  # noqa: B007 (the last one is used below)
            pass
        return self.output(llr, messages, iteration)


def check_update(graph: TannerGraph, half_tanh: Tensor) -> Tensor:
    """The sum-product check update: r_e = 2 arctanh(product of the others' tanh(q/2)), ``[E, B] -> [E, B]``."""
    return twice_arctanh(graph.product_of_others(half_tanh))


def twice_arctanh(product: Tensor) -> Tensor:
    """2 arctanh(p) for ``|p| <= 1``, in any shape; p stops short of 1, where it would be infinite."""
    # 2 arctanh(p) = ln((1 + p) / (1 - p)), which torch computes faster; of the magnitude, so that it is exactly odd.
    magnitude = product.abs().clamp(max=LARGEST_PRODUCT)
    return torch.copysign(torch.log((1.0 + magnitude) / (1.0 - magnitude)), product)
