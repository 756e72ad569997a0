"""What every network that writes circuits can do: read a response, then write a chain of types with values.

Step j reads the previous type (a token for the beginning at first) and gives logits of the next type, or of the end.
The state after a type has been read gives logits of that part's value: first a chain of parts, then its values, in one
pass of the recurrent unit.
"""

from __future__ import annotations

import abc
from typing import Any

import torch
from torch import Tensor, nn

from hypernet.circuits.core.parts import PART_TYPES

END = len(PART_TYPES)
BEGIN = len(PART_TYPES)
TOKENS = len(PART_TYPES) + 1


def gates(from_input: Tensor, from_state: Tensor, state: Tensor) -> Tensor:
    """The next state of a gated recurrent unit, as in :class:`torch.nn.GRUCell`.

    Args:
        from_input: x W_i + b_i, ``[..., 3 H]``, the gates in the order r, z, n.
        from_state: h W_h + b_h, the same shape.
        state: h, ``[..., H]``.

    Returns:
        h' = (1 - z) n + z h, ``[..., H]``.
    """
    size = state.shape[-1]
    # Split, not sliced: the gradient is joined once instead of being added to zeros for every slice.
    (input_both, input_new), (state_both, state_new) = (
        part.split([2 * size, size], dim=-1) for part in (from_input, from_state)
    )
    reset, update = torch.sigmoid(input_both + state_both).chunk(2, dim=-1)
    new = torch.tanh(torch.addcmul(input_new, reset, state_new))
    return torch.lerp(new, state, update)


class ChainDecoder(nn.Module, abc.ABC):
    """A network that writes circuits.

    Args:
        encoder: maps compressed responses ``[B, C, d]`` to e ``[B, E]``.
        embedding: entries of the embedding of a type.
        values: K, number of values per type.
    """

    def __init__(self, encoder: nn.Module, embedding: int, values: int):
        super().__init__()
        self.encoder = encoder
        self.embedding = nn.Embedding(TOKENS, embedding)
        self.values = values

    def forward(self, response: Tensor, types: Tensor) -> tuple[Tensor, Tensor]:
        """Logits along given chains.

        Args:
            response: compressed, ``[B, C, d]``.
            types: ``[B, n]`` integers; what follows the last part is not looked at, whatever stands there.

        Returns:
            logits of the type or end at every step ``[B, n + 1, 7]``, and of every part's value ``[B, n, K]``.
        """
        tokens = torch.cat([types.new_full((len(types), 1), BEGIN), types.clamp_min(0)], dim=1)
        context = self.read(response)
        states = self.states(context, self.embedding(tokens))
        return self.type_logits(context, states), self.value_logits(context, states[:, 1:])

    def for_length(self, length: int | None) -> ChainDecoder:
        """The network that writes circuits of ``length`` parts; only a family of networks has several."""
        del length
        return self

    @abc.abstractmethod
    def read(self, response: Tensor) -> Any:
        """What the writing needs to know of each response."""

    @abc.abstractmethod
    def states(self, context: Any, inputs: Tensor) -> Tensor:
        """States of the unit along given inputs: ``[B, T, embedding] -> [B, T, H]``."""

    @abc.abstractmethod
    def begin(self, context: Any, sequences: int) -> Tensor:
        """State before the first step of ``sequences`` chains per response, ``[B, S, H]``."""

    @abc.abstractmethod
    def step(self, context: Any, inputs: Tensor, state: Tensor) -> Tensor:
        """One step: inputs ``[B, S, embedding]`` and states ``[B, S, H]`` -> states ``[B, S, H]``."""

    @abc.abstractmethod
    def type_logits(self, context: Any, states: Tensor) -> Tensor:
        """``[B, S, H] -> [B, S, 7]``."""

    @abc.abstractmethod
    def value_logits(self, context: Any, states: Tensor) -> Tensor:
        """``[B, S, H] -> [B, S, K]``."""
