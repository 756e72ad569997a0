"""The rows without a hypernetwork: a GRU conditioned on the encoded response, one for all lengths or one per length."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from hypernet.circuits.core.cells import TOKENS, ChainDecoder


class ConditionedGRU(ChainDecoder):
    """A GRU with weights that all responses share: e is its first state (through a layer) and part of every input.

    Args:
        encoder: f, ``[B, C, d] -> [B, E]``.
        size: E.
        embedding: entries of the embedding of a type.
        hidden: H, entries of the state.
        values: K, number of values per type.
    """

    def __init__(self, encoder: nn.Module, size: int, embedding: int, hidden: int, values: int):
        super().__init__(encoder, embedding, values)
        self.first_state = nn.Linear(size, hidden)
        self.unit = nn.GRU(embedding + size, hidden, batch_first=True)
        self.kind_head, self.value_head = nn.Linear(hidden, TOKENS), nn.Linear(hidden, values)

    def read(self, response: Tensor) -> Tensor:
        """e, ``[B, E]``."""
        features: Tensor = self.encoder(response)
        return features

    def states(self, context: Tensor, inputs: Tensor) -> Tensor:
        """See :class:`ChainDecoder`."""
        features = context[:, None].expand(-1, inputs.shape[1], -1)
        first = torch.tanh(self.first_state(context))[None]
        states: Tensor = self.unit(torch.cat([inputs, features], dim=2), first)[0]
        return states

    def begin(self, context: Tensor, sequences: int) -> Tensor:
        """See :class:`ChainDecoder`."""
        return torch.tanh(self.first_state(context))[:, None].expand(-1, sequences, -1)

    def step(self, context: Tensor, inputs: Tensor, state: Tensor) -> Tensor:
        """See :class:`ChainDecoder`."""
        features = context[:, None].expand(-1, inputs.shape[1], -1)
        flat = torch.cat([inputs, features], dim=2).flatten(0, 1)[:, None]
        flat_state = self.unit(flat, state.flatten(0, 1)[None].contiguous())[1][0]
        after: Tensor = flat_state.unflatten(0, state.shape[:2])
        return after

    def type_logits(self, context: Tensor, states: Tensor) -> Tensor:
        """See :class:`ChainDecoder`."""
        del context
        logits: Tensor = self.kind_head(states)
        return logits

    def value_logits(self, context: Tensor, states: Tensor) -> Tensor:
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
