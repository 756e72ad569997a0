"""The hypernetwork: f reads the response and writes the weights of the GRU g that writes the circuit.

    e = f(response)        theta = W e + theta_0        h_j = g_theta(type_{j-1}, h_{j-1})

(Rotman and Wolf 2020: f encodes the spectrum directly into the decoder's weight space.) `ours` generates the recurrent
unit and both heads; `gru_only_hypernet` the unit alone, with heads that all responses share. `ours_lowrank` has a
larger state, since of its two matrices only a deviation of low rank from shared ones is generated:

    W_h(e) = W_h + U(e) V(e)        W_i(e) = W_i + P(e) Q(e)        h_0 = tanh(A e + a)
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from hypernet.circuits.core.cells import TOKENS, ChainDecoder
from hypernet.layers.gru import GeneratedGRU, GRUWeights, LowRankGRU
from hypernet.layers.heads import WeightHeads
from hypernet.layers.joined import Joined
from hypernet.layers.linear import GeneratedLinear, generated_linear

UNIT, TYPE_HEAD, VALUE_HEAD = "unit", "type_head", "value_head"
# At first all responses share one usable network with small differences. An ordinary start has the variance 1 / (3 H),
# so this share of it is W ~ N(0, (0.3 / sqrt(E H))^2).
GENERATED_SHARE = 0.27


class Written(NamedTuple):
    """One network g per response.

    Attributes:
        unit: the recurrent unit: `GRUWeights`, or a `LowRankGRU`.
        state: h_0, ``[B, H]``.
        heads: weight ``[B, H, outputs]`` and bias ``[B, outputs]`` of each head that is generated, by name.
    """

    unit: Any
    state: Tensor
    heads: dict[str, tuple[Tensor, Tensor]]


class CircuitHypernetwork(ChainDecoder):
    """See the module: matrices written whole, h_0 = 0.

    Args:
        encoder: f, ``[B, C, d] -> [B, E]``.
        size: E.
        embedding: entries of the embedding of a type.
        hidden: H, entries of the state.
        values: K, number of values per type.
        generated_heads: whether the heads are generated too.
        rank: of the parts that deviate by a low rank, by name; see :class:`WeightHeads`.
        tokens: see :class:`ChainDecoder`.

    Attributes:
        generated: g without the heads that all responses share.
        writer: the last layer of f, which writes it.
    """

    def __init__(
        self,
        encoder: nn.Module,
        size: int,
        embedding: int,
        hidden: int,
        values: int,
        generated_heads: bool,
        rank: dict[str, int] | None = None,
        tokens: int = TOKENS,
    ):
        super().__init__(encoder, embedding, values, tokens)
        self.unit, self.hidden = GeneratedGRU(embedding, hidden), hidden
        outputs = {TYPE_HEAD: tokens, VALUE_HEAD: values}
        if generated_heads:
            heads = {name: GeneratedLinear(hidden, count) for name, count in outputs.items()}
            self.generated = Joined({UNIT: self.unit, **heads})
        else:
            self.generated = Joined({UNIT: self.unit})
            self.heads = nn.ModuleDict({name: nn.Linear(hidden, count) for name, count in outputs.items()})
        self.writer = WeightHeads(size, self.generated, start="ordinary", generated_share=GENERATED_SHARE, rank=rank)

    def write(self, response: Tensor) -> Tensor:
        """theta, the flat weights of g for every response, ``[B, N]``."""
        weights: Tensor = self.writer(self.encoder(response))
        return weights

    def read(self, response: Tensor) -> Written:
        """See :class:`ChainDecoder`."""
        theta = self.write(response)
        parts = self.generated.layout.split(theta)
        biases = (parts[f"{UNIT}.{which}_bias"].unsqueeze(1) for which in ("input", "hidden"))
        unit = GRUWeights(parts[f"{UNIT}.input"], parts[f"{UNIT}.hidden"], *biases)
        return Written(unit, theta.new_zeros(len(theta), self.hidden), _heads(parts))

    def states(self, context: Written, inputs: Tensor) -> Tensor:
        """See :class:`ChainDecoder`."""
        return self.unit.run(inputs, context.unit, context.state)

    def begin(self, context: Written, sequences: int) -> Tensor:
        """See :class:`ChainDecoder`."""
        return context.state[:, None].expand(-1, sequences, -1)

    def step(self, context: Written, inputs: Tensor, state: Tensor) -> Tensor:
        """See :class:`ChainDecoder`."""
        return self.unit.step(inputs, context.unit, state)

    def type_logits(self, context: Written, states: Tensor) -> Tensor:
        """See :class:`ChainDecoder`."""
        return self._logits(TYPE_HEAD, context, states)

    def value_logits(self, context: Written, states: Tensor) -> Tensor:
        """See :class:`ChainDecoder`."""
        return self._logits(VALUE_HEAD, context, states)

    def _logits(self, name: str, context: Written, states: Tensor) -> Tensor:
        if name in context.heads:
            return generated_linear(states, *context.heads[name])
        logits: Tensor = self.heads[name](states)
        return logits


def _heads(parts: dict[str, Any]) -> dict[str, tuple[Tensor, Tensor]]:
    """Weight and bias of the heads among the parts that were written."""
    return {
        name: (parts[f"{name}.weight"], parts[f"{name}.bias"])
        for name in (TYPE_HEAD, VALUE_HEAD)
        if f"{name}.weight" in parts
    }


class LowRankHypernetwork(CircuitHypernetwork):
    """See the module: low-rank deviations, which are never multiplied out in training; biases and heads written whole.

    Args:
        encoder: f, ``[B, C, d] -> [B, E]``.
        size: E.
        embedding: entries of the embedding of a type.
        hidden: H, entries of the state.
        values: K, number of values per type.
        rank: r, at most the smaller of the embedding and H.
        tokens: see :class:`ChainDecoder`.
    """

    def __init__(
        self, encoder: nn.Module, size: int, embedding: int, hidden: int, values: int, rank: int, tokens: int = TOKENS
    ):
        ranks = {f"{UNIT}.input": rank, f"{UNIT}.hidden": rank}
        super().__init__(encoder, size, embedding, hidden, values, generated_heads=True, rank=ranks, tokens=tokens)
        self.first_state = nn.Linear(size, hidden)

    def read(self, response: Tensor) -> Written:
        """See :class:`ChainDecoder`."""
        features = self.encoder(response)
        parts: dict[str, Any] = self.writer.factors(features)
        return Written(LowRankGRU.of(parts, UNIT), torch.tanh(self.first_state(features)), _heads(parts))

    def states(self, context: Written, inputs: Tensor) -> Tensor:
        """See :class:`ChainDecoder`."""
        states: Tensor = context.unit.run(inputs, context.state)
        return states

    def step(self, context: Written, inputs: Tensor, state: Tensor) -> Tensor:
        """See :class:`ChainDecoder`."""
        after: Tensor = context.unit.step(inputs, state)
        return after
