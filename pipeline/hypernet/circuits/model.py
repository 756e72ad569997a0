"""The hypernetwork: f reads the response and writes the weights of the GRU g that writes the circuit.

    e = f(response)        theta = W e + theta_0        h_j = g_theta(type_{j-1}, h_{j-1})

(Rotman and Wolf 2020: f encodes the spectrum directly into the decoder's weight space.) `ours` generates the recurrent
unit and both heads; `gru_only_hypernet` the unit alone, with heads that all responses share.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from hypernet.circuits.core.cells import TOKENS, ChainDecoder
from hypernet.layers.gru import GeneratedGRU, GRUWeights
from hypernet.layers.linear import generated_linear


class Written(NamedTuple):
    """One network g per response: the unit's weights and, where they are generated, those of its heads."""

    unit: GRUWeights
    type_weight: Tensor | None = None
    type_bias: Tensor | None = None
    value_weight: Tensor | None = None
    value_bias: Tensor | None = None


class CircuitHypernetwork(ChainDecoder):
    """See the module.

    theta_0 starts as an ordinary GRU with ordinary heads and W small, so that at first all responses share one usable
    network with small differences: W ~ N(0, (spread / sqrt(E H))^2) with spread 0.3.

    Args:
        encoder: f, ``[B, C, d] -> [B, E]``.
        size: E.
        embedding: entries of the embedding of a type.
        hidden: H, entries of the state.
        values: K, number of values per type.
        generated_heads: whether the heads are generated too.
    """

    SPREAD = 0.3

    def __init__(self, encoder: nn.Module, size: int, embedding: int, hidden: int, values: int, generated_heads: bool):
        super().__init__(encoder, embedding, values)
        self.unit = GeneratedGRU(embedding, hidden)
        self.hidden, self.generated_heads = hidden, generated_heads
        outputs = (TOKENS, values)
        heads = [(hidden + 1) * count for count in outputs] if generated_heads else []
        self._sizes = [self.unit.parameter_count, *heads]
        if not generated_heads:
            self.kind_head, self.value_head = (nn.Linear(hidden, count) for count in outputs)
        self.writer = nn.Linear(size, sum(self._sizes))
        bound = hidden**-0.5
        with torch.no_grad():
            self.writer.weight.normal_(std=self.SPREAD / (size * hidden) ** 0.5)
            start = [self.unit.ordinary(), *(torch.empty(count).uniform_(-bound, bound) for count in heads)]
            self.writer.bias.copy_(torch.cat(start))

    def write(self, response: Tensor) -> Tensor:
        """theta, the flat weights of g for every response, ``[B, N]``."""
        weights: Tensor = self.writer(self.encoder(response))
        return weights

    def read(self, response: Tensor) -> Written:
        """See :class:`ChainDecoder`."""
        unit, *heads = self.write(response).split(self._sizes, dim=1)
        written = Written(self.unit.unpack(unit))
        if not heads:
            return written
        (type_weight, type_bias), (value_weight, value_bias) = (self._head(flat) for flat in heads)
        return written._replace(
            type_weight=type_weight, type_bias=type_bias, value_weight=value_weight, value_bias=value_bias
        )

    def _head(self, flat: Tensor) -> tuple[Tensor, Tensor]:
        matrix = flat.unflatten(1, (self.hidden + 1, -1))
        return matrix[:, :-1], matrix[:, -1]

    def states(self, context: Written, inputs: Tensor) -> Tensor:
        """See :class:`ChainDecoder`."""
        return self.unit.run(inputs, context.unit)

    def begin(self, context: Written, sequences: int) -> Tensor:
        """See :class:`ChainDecoder`: zero."""
        weight = context.unit.hidden
        return weight.new_zeros(len(weight), sequences, self.hidden)

    def step(self, context: Written, inputs: Tensor, state: Tensor) -> Tensor:
        """See :class:`ChainDecoder`."""
        return self.unit.step(inputs, context.unit, state)

    def type_logits(self, context: Written, states: Tensor) -> Tensor:
        """See :class:`ChainDecoder`."""
        if context.type_weight is None:
            logits: Tensor = self.kind_head(states)
            return logits
        return generated_linear(states, context.type_weight, context.type_bias)

    def value_logits(self, context: Written, states: Tensor) -> Tensor:
        """See :class:`ChainDecoder`."""
        if context.value_weight is None:
            logits: Tensor = self.value_head(states)
            return logits
        return generated_linear(states, context.value_weight, context.value_bias)
