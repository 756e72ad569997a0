"""What all message-passing decoders share: channel values in, messages along edges, a value per code bit out."""

from __future__ import annotations

import abc
import functools
import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from hypernet.codes.core.checks import LARGEST_PRODUCT, twice_arctanh
from hypernet.codes.core.graph import TannerGraph
from hypernet.layers.activations import tanh

# A decoder holds this many numbers at a time: they stay in a processor's cache.
NUMBERS_AT_ONCE = 2**20
FEWEST_WORDS_AT_ONCE = 16


class Decoder(nn.Module, abc.ABC):
    """A decoder of L iterations on a Tanner graph; a subclass says how messages change from one iteration to the next.

    Every log-likelihood ratio is ln P(bit = 0) / P(bit = 1); a negative one is decided as a 1. An infinite channel
    value is a bit known for certain, zero one of which nothing is known. What is not a number stays within its word.

    One rule limits both sides: channel values are clipped to plus and minus ``largest_value``, infinite ones excepted,
    where they come in, and no message is larger. Else a wrong bit with a large channel value could never be corrected.

    Args:
        graph: the Tanner graph of the parity-check matrix.
        iterations: L, the number of check updates.
        largest_value: what channel values and messages are clipped to.
        width: numbers it holds for an edge and a word.

    Attributes:
        word_updates: check updates of single words so far, in calls without a gradient.
    """

    def __init__(self, graph: TannerGraph, iterations: int, largest_value: float, width: int = 1):
        super().__init__()
        if iterations < 1:
            raise ValueError(f"a decoder needs at least one iteration, got {iterations}")
        self.graph = graph
        self.iterations = iterations
        self.largest_value = largest_value
        self.word_updates = 0
        self.words_at_once = max(FEWEST_WORDS_AT_ONCE, NUMBERS_AT_ONCE // max(1, graph.edges * width))

    @abc.abstractmethod
    def update(self, llr: Tensor, messages: Tensor | None, iteration: int) -> Tensor:
        """The check-to-variable messages after one more iteration; depends on nothing but what it is given.

        Args:
            llr: channel values ``[n, B]``, clipped.
            messages: those after the iteration before, ``[E, B]``; None before the first.
            iteration: number of this iteration, from 0.

        Returns:
            Messages ``[E, B]``.
        """

    def output(self, llr: Tensor, messages: Tensor, iteration: int) -> Tensor:
        """Bit values ``[n, B]``: o_v = l_v + sum of the messages that arrive at v."""
        del iteration
        return llr + self.graph.sum_at_variables(messages)

    def clipped(self, llr: Tensor) -> Tensor:
        """Channel values as the decoder takes them, ``[n, B]``; see the class."""
        return torch.where(llr.isinf(), llr, llr.clamp(-self.largest_value, self.largest_value)).contiguous()

    def finite(self, llr: Tensor) -> Tensor:
        """Clipped channel values with those that are infinite at the limit too, ``[n, B]``."""
        return torch.where(llr.isinf(), self.largest_value * llr.sign(), llr)

    def messages(self, llr: Tensor) -> Iterator[Tensor]:
        """Yield the check-to-variable messages ``[E, B]`` after each check update.

        Args:
            llr: channel values ``[n, B]``.
        """
        yield from self._updates(self.clipped(llr))

    def _updates(self, llr: Tensor) -> Iterator[Tensor]:
        """The messages after each check update, from channel values that are clipped."""
        messages = None
        for iteration in range(self.iterations):
            messages = self.update(llr, messages, iteration)
            yield messages

    def every_iteration(self, llr: Tensor) -> Tensor:
        """Bit values after each iteration, ``[n, B] -> [iterations, n, B]``; the multiloss needs them all."""
        llr = self.clipped(llr)
        return torch.stack([self.output(llr, messages, i) for i, messages in enumerate(self._updates(llr))])

    def decode(self, llr: Tensor) -> Tensor:
        """Bit values after the last iteration of all words at once, ``[n, B] -> [n, B]``."""
        llr = self.clipped(llr)
        for messages in self._updates(llr):  # noqa: B007 (the last ones are used below)
            pass
        return self.output(llr, messages, self.iterations - 1)

    def forward(self, llr: Tensor, stop_early: bool = True) -> Tensor:
        """Bit values, ``[n, B] -> [n, B]``, some words at a time where that is faster.

        Where no gradient is wanted, a word is done as soon as its decisions satisfy all checks and none is a draw.

        Args:
            llr: channel values ``[n, B]``.
            stop_early: False iterates to the end.
        """
        if torch.is_grad_enabled():
            return self.decode(llr)
        if not llr.is_cuda:
            _keep_freed_memory()
        decode = self._decode_until_satisfied if stop_early else self.decode
        if not stop_early:
            self.word_updates += self.iterations * llr.shape[1]
        if llr.is_cuda or llr.shape[1] <= self.words_at_once:
            return decode(llr)
        return torch.cat([decode(words) for words in llr.split(self.words_at_once, dim=1)], dim=1)

    def _decode_until_satisfied(self, llr: Tensor) -> Tensor:
        """As :meth:`decode`, but a word leaves the batch when it is done."""
        llr = self.clipped(llr)
        decoded, messages = torch.empty_like(llr), None
        # Which words of the whole batch are still in it.
        words = torch.arange(llr.shape[1], device=llr.device)
        for iteration in range(self.iterations):
            messages = self.update(llr, messages, iteration)
            self.word_updates += len(words)
            values = self.output(llr, messages, iteration)
            if iteration + 1 == self.iterations:
                decoded.index_copy_(1, words, values)
                break
            # With every undecided bit taken for 0 a word may look satisfied before its erasures are filled in.
            done = self.graph.settled(values)
            leaving = done.nonzero()[:, 0]
            if len(leaving):
                decoded.index_copy_(1, words[leaving], values.index_select(1, leaving))
                staying = (~done).nonzero()[:, 0]
                if not len(staying):
                    break
                words = words[staying]
                llr, messages = llr.index_select(1, staying), messages.index_select(1, staying)
        return decoded


@functools.cache
def _keep_freed_memory() -> None:
    """Let the C library keep up to 62 MiB of freed memory for what comes next, where it is glibc.

    It does so once a block of 31 MiB was freed. Until then it gives the memory of every larger tensor back to the
    system, and fresh memory costs several times what is computed in it.
    """
    torch.empty(31 * 2**20, dtype=torch.uint8)


def check_update(graph: TannerGraph, half_tanh: Tensor, largest_value: float) -> Tensor:
    """The sum-product check update: r_e = 2 arctanh(product of the others' tanh(q/2)), ``[E, B] -> [E, B]``.

    Args:
        graph: the Tanner graph.
        half_tanh: tanh(q/2), ``[E, B]``.
        largest_value: what r is clipped to; 15.2, more than which an arctanh of single precision cannot give, at most.
    """
    return twice_arctanh(graph.product_of_others(half_tanh), min(math.tanh(0.5 * largest_value), LARGEST_PRODUCT))


def half_tanh(graph: TannerGraph, llr: Tensor, incoming: Tensor, largest_value: float) -> Tensor:
    """tanh(q/2) of variable-to-check messages clipped to ``largest_value``, and certainty where a bit is known.

    Args:
        graph: the Tanner graph.
        llr: channel values ``[n, B]``, some infinite.
        incoming: q, ``[E, B]``.
        largest_value: what q is clipped to.

    Returns:
        ``[E, B]``.
    """
    return known(graph, llr, tanh(0.5 * incoming.clamp(-largest_value, largest_value)))


def known(graph: TannerGraph, llr: Tensor, half_tanh: Tensor) -> Tensor:
    """tanh(q/2) ``[E, B]`` with 1 or -1 on the edges of bits that are known: those of an infinite channel value."""
    return torch.where(graph.to_edges(llr.isinf()), graph.to_edges(llr.sign()), half_tanh)
