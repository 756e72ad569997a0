"""The rows without a hypernetwork: a GRU conditioned on the encoded response, one for all lengths or one per length."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from hypernet.circuits.core.cells import TOKENS, ChainDecoder
from hypernet.layers.gru import gates


class Conditions(NamedTuple):
    """What the GRU knows of each response.

    Attributes:
        state: h_0, ``[B, H]``.
        from_features: what e adds to the gates at every step, ``[B, 3 H]``, b_i with it.
    """

    state: Tensor
    from_features: Tensor


class ConditionedGRU(ChainDecoder):
    """A GRU with weights that all responses share: e is its first state (through a layer) and part of every input.

    The equations are those of :class:`torch.nn.GRUCell` on inputs (embedding, e). As e is the same at every step, its
    product with the weights is computed once per response.

    Args:
        encoder: f, ``[B, C, d] -> [B, E]``.
        size: E.
        embedding: entries of the embedding of a type.
        hidden: H, entries of the state.
        values: K, number of values per type.
        tokens: see :class:`ChainDecoder`.
    """

    def __init__(self, encoder: nn.Module, size: int, embedding: int, hidden: int, values: int, tokens: int = TOKENS):
        super().__init__(encoder, embedding, values, tokens)
        self.first_state = nn.Linear(size, hidden)
        self.unit = nn.GRUCell(embedding + size, hidden)
        self.kind_head, self.value_head = nn.Linear(hidden, tokens), nn.Linear(hidden, values)

    def read(self, response: Tensor) -> Conditions:
        """See :class:`Conditions`."""
        features = self.encoder(response)
        of_features = self.unit.weight_ih[:, self.embedding.embedding_dim :]
        first = torch.tanh(self.first_state(features))
        return Conditions(first, functional.linear(features, of_features, self.unit.bias_ih))

    def states(self, context: Conditions, inputs: Tensor) -> Tensor:
        """See :class:`ChainDecoder`."""
        state, states = context.state, []
        for at_step in self._from_input(context, inputs).unbind(dim=1):
            state = self._after(at_step, state)
            states.append(state)
        return torch.stack(states, dim=1)

    def begin(self, context: Conditions, sequences: int) -> Tensor:
        """See :class:`ChainDecoder`."""
        return context.state[:, None].expand(-1, sequences, -1)

    def step(self, context: Conditions, inputs: Tensor, state: Tensor) -> Tensor:
        """See :class:`ChainDecoder`."""
        return self._after(self._from_input(context, inputs), state)

    def _from_input(self, context: Conditions, inputs: Tensor) -> Tensor:
        of_types = self.unit.weight_ih[:, : self.embedding.embedding_dim]
        return functional.linear(inputs, of_types) + context.from_features[:, None]

    def _after(self, from_input: Tensor, state: Tensor) -> Tensor:
        return gates(from_input, functional.linear(state, self.unit.weight_hh, self.unit.bias_hh), state)

    def type_logits(self, context: Conditions, states: Tensor) -> Tensor:
        """See :class:`ChainDecoder`."""
        del context
        logits: Tensor = self.kind_head(states)
        return logits

    def value_logits(self, context: Conditions, states: Tensor) -> Tensor:
        """See :class:`ChainDecoder`."""
        del context
        logits: Tensor = self.value_head(states)
        return logits


class PerLength(nn.Module):
    """One network for each number of parts; the circuit's true length chooses which one writes.

    Args:
        lengths: the numbers of parts.
        make: makes one network.
    """

    def __init__(self, lengths: list[int], make: Callable[[], ChainDecoder]):
        super().__init__()
        self.family = nn.ModuleDict({str(length): make() for length in lengths})

    def for_length(self, length: int | None) -> ChainDecoder:
        """The network that writes circuits of ``length`` parts."""
        network = self.family[str(length)]
        assert isinstance(network, ChainDecoder)
        return network
