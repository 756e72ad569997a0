"""Belief propagation, min-sum and weighted belief propagation: what the hypernetwork decoder is compared with."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hypernet.codes.core.checks import minimum, signed, sum_product, sum_product_of_any_size
from hypernet.codes.core.graph import PairSum, TannerGraph
from hypernet.codes.core.message_passing import Decoder, check_update, half_tanh

# Sums of as many of them as a check has bits are finite numbers of single precision.
LARGEST_FINITE = 1e30
# Words of channel values up to this, as channels give them, are decoded by the faster form of the check update.
LARGEST_ORDINARY = 40.0
# Messages of min-sum may grow to this many times the largest channel value of their word.
LARGEST_GROWTH = 2.0**80


class BeliefPropagation(Decoder):
    """Flooding sum-product decoding (Gallager 1962; Pearl 1988).

    q_e = l_v + sum over e' != e at v of r_e';   r_e = 2 arctanh(prod over e' != e at c of tanh(q_e' / 2)).

    Args:
        graph: the Tanner graph.
        iterations: number of check updates.
    """

    def __init__(self, graph: TannerGraph, iterations: int):
        super().__init__(graph, iterations, LARGEST_FINITE)

    def update(self, llr: Tensor, messages: Tensor | None, iteration: int) -> Tensor:
        """R ``[E, B]``; see :class:`Decoder`."""
        graph = self.graph
        incoming = sum_of_others(graph, llr, messages)
        if torch.compiler.is_exporting():
            # A graph for words of any size has one form of the check update.
            return self._of_any_size(incoming)
        magnitude = llr.abs()
        if not (magnitude.amax(dim=0) > LARGEST_ORDINARY).any():
            return self._ordinary(incoming)
        large = magnitude.masked_fill(magnitude.isinf(), 0.0).amax(dim=0) > LARGEST_ORDINARY
        result = torch.empty_like(incoming)
        for chosen, rule in ((large, self._of_any_size), (~large, self._ordinary)):
            words = chosen.nonzero()[:, 0]
            if len(words):
                result.index_copy_(1, words, rule(incoming.index_select(1, words)))
        return result

    def _ordinary(self, incoming: Tensor) -> Tensor:
        return self.graph.at_checks(signed(sum_product), incoming)

    def _of_any_size(self, incoming: Tensor) -> Tensor:
        incoming = incoming.clamp(-self.largest_value, self.largest_value)
        messages = self.graph.at_checks(signed(sum_product_of_any_size), incoming)
        # A check on a single bit has no others: its infinite certainty is kept finite.
        return messages.clamp(-self.largest_value, self.largest_value)


class MinSum(Decoder):
    """Normalised min-sum (Chen & Fossorier 2002): r_e = scale * prod of the others' signs * min of their |q|.

    The scale of the channel values does not matter: theirs is that of the result.

    Args:
        graph: the Tanner graph.
        iterations: number of check updates.
        scale: the normalisation; 1 is plain min-sum.
    """

    def __init__(self, graph: TannerGraph, iterations: int, scale: float):
        super().__init__(graph, iterations, 2.0**40)
        self.scale = scale

    def update(self, llr: Tensor, messages: Tensor | None, iteration: int) -> Tensor:
        """R ``[E, B]``; see :class:`Decoder`."""
        largest = llr.abs().masked_fill(llr.isinf(), 0.0).amax(dim=0, keepdim=True)
        largest = LARGEST_GROWTH * torch.where(largest == 0, torch.ones_like(largest), largest)
        incoming = torch.clamp(sum_of_others(self.graph, llr, messages), -largest, largest)
        # A check on a single bit has no others: its infinite certainty is kept finite.
        return self.scale * torch.clamp(self.graph.at_checks(signed(minimum), incoming), -largest, largest)


def sum_of_others(graph: TannerGraph, llr: Tensor, messages: Tensor | None) -> Tensor:
    """The variable update q_e = l_v + sum of the messages on the other edges of v, ``[E, B]``.

    Args:
        graph: the Tanner graph.
        llr: channel values ``[n, B]``.
        messages: r, ``[E, B]``; None before the first iteration.
    """
    if messages is None:
        return graph.to_edges(llr)
    return graph.to_edges(llr + graph.sum_at_variables(messages)).sub_(messages)


class WeightedBeliefPropagation(Decoder):
    """Belief propagation with trained weights on the graph (Nachmani, Be'ery & Burshtein 2016, arXiv 1607.04793).

    q_e = w_l[e] l_v + sum over e' != e at v of w[e, e'] r_e';   o_v = l_v + sum over e at v of w_o[e] r_e.
    All weights start at 1, which is belief propagation. In the feed-forward form every iteration has its own; in the
    recurrent form (Nachmani et al. 2017, arXiv 1702.07560) all share one set, and more iterations can be run than
    were trained.

    Args:
        graph: the Tanner graph.
        iterations: number of check updates.
        largest_message: channel values and q are clipped to plus and minus this, 10 in the paper's code.
        shared: the recurrent form.
    """

    def __init__(self, graph: TannerGraph, iterations: int, largest_message: float, shared: bool):
        super().__init__(graph, iterations, largest_message)
        self.shared = shared
        sets = 1 if shared else iterations
        self.pair_sum = PairSum(graph)
        pairs = len(self.pair_sum.receiving)
        self.channel_weight = nn.Parameter(torch.ones(sets, graph.edges, 1))
        self.pair_weight = nn.Parameter(torch.ones(1 if shared else iterations - 1, pairs))
        self.output_weight = nn.Parameter(torch.ones(sets, graph.edges, 1))

    def update(self, llr: Tensor, messages: Tensor | None, iteration: int) -> Tensor:
        """R ``[E, B]``; see :class:`Decoder`."""
        channel = self.graph.to_edges(self.finite(llr))
        incoming = self._of(self.channel_weight, iteration) * channel
        if messages is not None:
            # The first iteration has no messages to weigh: its set would be number -1.
            incoming = incoming + self.pair_sum(self._of(self.pair_weight, iteration - 1), messages)
        return check_update(self.graph, half_tanh(self.graph, llr, incoming, self.largest_value), self.largest_value)

    def output(self, llr: Tensor, messages: Tensor, iteration: int) -> Tensor:
        """Bit values ``[n, B]`` with the output weights of this iteration."""
        return llr + self.graph.sum_at_variables(self._of(self.output_weight, iteration) * messages)

    def _of(self, weights: Tensor, iteration: int) -> Tensor:
        return weights[0 if self.shared else iteration]
