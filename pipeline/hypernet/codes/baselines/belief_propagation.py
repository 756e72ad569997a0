"""Belief propagation, min-sum and weighted belief propagation: what the hypernetwork decoder is compared with."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from hypernet.codes.core.graph import PairSum, TannerGraph
from hypernet.codes.core.message_passing import Decoder, check_update
from hypernet.layers.activations import tanh

# tanh(10) is 1 - 4e-9: beyond this a float32 hyperbolic tangent is 1 and carries no more information.
LARGEST_MESSAGE = 20.0


class BeliefPropagation(Decoder):
    """Flooding sum-product decoding (Gallager 1962; Pearl 1988).

    q_e = l_v + sum over e' != e at v of r_e';   r_e = 2 arctanh(prod over e' != e at c of tanh(q_e' / 2)).
    """

    def messages(self, llr: Tensor) -> Iterator[Tensor]:
        """Yield r ``[E, B]`` after each check update; see :class:`Decoder`."""
        graph = self.graph
        incoming = graph.to_edges(llr)
        for iteration in range(self.iterations):
            messages = check_update(graph, tanh(0.5 * incoming.clamp(-LARGEST_MESSAGE, LARGEST_MESSAGE)))
            yield messages
            if iteration + 1 < self.iterations:
                incoming = graph.to_edges(llr + graph.sum_at_variables(messages)) - messages


class MinSum(Decoder):
    """Normalised min-sum (Chen & Fossorier 2002): r_e = scale * prod of the others' signs * min of their |q|.

    Args:
        graph: the Tanner graph.
        iterations: number of check updates.
        scale: the normalisation; 1 is plain min-sum.
    """

    def __init__(self, graph: TannerGraph, iterations: int, scale: float):
        super().__init__(graph, iterations)
        self.scale = scale

    def messages(self, llr: Tensor) -> Iterator[Tensor]:
        """Yield r ``[E, B]`` after each check update; see :class:`Decoder`."""
        graph = self.graph
        incoming = graph.to_edges(llr)
        for iteration in range(self.iterations):
            messages = graph.at_checks(self._check_update, incoming)
            yield messages
            if iteration + 1 < self.iterations:
                incoming = graph.to_edges(llr + graph.sum_at_variables(messages)) - messages

    def _check_update(self, by_check: Tensor) -> Tensor:
        """``[m, d, B] -> [m, d, B]``, for the checks of one degree."""
        magnitude = by_check.abs()
        smallest = magnitude.amin(dim=1, keepdim=True)
        is_smallest = magnitude == smallest
        second = magnitude.masked_fill(is_smallest, float("inf")).amin(dim=1, keepdim=True)
        # With two equal smallest values each of them still sees the other.
        second = torch.where(is_smallest.sum(dim=1, keepdim=True) > 1, smallest, second)
        others = torch.where(is_smallest, second, smallest)
        # An exact zero counts as positive; torch.sign would make it wipe out the whole check.
        sign = torch.where(by_check < 0, -1.0, 1.0).to(by_check.dtype)
        sign = sign.prod(dim=1, keepdim=True) * sign
        # A check on a single bit has no others to take the minimum of; keep its infinite certainty finite.
        return self.scale * sign * others.clamp(max=LARGEST_MESSAGE)


class WeightedBeliefPropagation(Decoder):
    """Belief propagation with trained weights on the graph (Nachmani, Be'ery & Burshtein 2016, arXiv 1607.04793).

    q_e = w_l[e] l_v + sum over e' != e at v of w[e, e'] r_e';   o_v = l_v + sum over e at v of w_o[e] r_e.
    All weights start at 1, which is belief propagation. In the feed-forward form every iteration has its own; in the
    recurrent form (Nachmani et al. 2017, arXiv 1702.07560) all share one set, and more iterations can be run than
    were trained.

    Args:
        graph: the Tanner graph.
        iterations: number of check updates.
        largest_message: q is clipped to plus and minus this, 10 in the paper's code.
        shared: the recurrent form.
    """

    def __init__(self, graph: TannerGraph, iterations: int, largest_message: float, shared: bool):
        super().__init__(graph, iterations)
        self.largest_message = largest_message
        self.shared = shared
        sets = 1 if shared else iterations
        self.pair_sum = PairSum(graph)
        pairs = len(self.pair_sum.receiving)
        self.channel_weight = nn.Parameter(torch.ones(sets, graph.edges, 1))
        self.pair_weight = nn.Parameter(torch.ones(1 if shared else iterations - 1, pairs))
        self.output_weight = nn.Parameter(torch.ones(sets, graph.edges, 1))

    def messages(self, llr: Tensor) -> Iterator[Tensor]:
        """Yield r ``[E, B]`` after each check update; see :class:`Decoder`."""
        graph = self.graph
        channel = graph.to_edges(llr)
        messages = None
        for iteration in range(self.iterations):
            incoming = self._of(self.channel_weight, iteration) * channel
            if messages is not None:
                # The first iteration has no messages to weigh: its set would be number -1.
                incoming = incoming + self.pair_sum(self._of(self.pair_weight, iteration - 1), messages)
            messages = check_update(graph, tanh(0.5 * incoming.clamp(-self.largest_message, self.largest_message)))
            yield messages

    def output(self, llr: Tensor, messages: Tensor, iteration: int) -> Tensor:
        """Bit values ``[n, B]`` with the output weights of this iteration."""
        return llr + self.graph.sum_at_variables(self._of(self.output_weight, iteration) * messages)

    def _of(self, weights: Tensor, iteration: int) -> Tensor:
        return weights[0 if self.shared else iteration]
