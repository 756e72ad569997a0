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

from hypernet.circuits.core.parts import BRANCH, PART_TYPES, PC, PL, SC, SL, joined

END = len(PART_TYPES)
BEGIN = len(PART_TYPES)
TOKENS = len(PART_TYPES) + 1
# Where circuits have resonators two tokens more stand behind the end: a capacitor over the series coil before it (a
# tank), and one in series with the coil to ground before it (a trap). Of each, the coil, and the token.
COIL_OF = {joined(SC, BRANCH): SL, joined(PC, BRANCH): PL}
TOKEN_OF = {part_type: TOKENS + place for place, part_type in enumerate(COIL_OF)}
RESONATOR_TOKENS = TOKENS + len(COIL_OF)


def tokens_of(types: Tensor) -> Tensor:
    """The tokens of types of parts; those of parts on their own are the same numbers, and so is padding."""
    tokens = types
    for part_type, token in TOKEN_OF.items():
        tokens = torch.where(types == part_type, token, tokens)
    return tokens


def types_of(tokens: Tensor) -> Tensor:
    """The inverse of :func:`tokens_of`."""
    types = tokens
    for part_type, token in TOKEN_OF.items():
        types = torch.where(tokens == token, part_type, types)
    return types


def possible(logits: Tensor, before: Tensor) -> Tensor:
    """Logits of types without capacitors of resonators where the part before is not their coil.

    Args:
        logits: ``[..., T]``; with :data:`TOKENS` of them nothing is taken out.
        before: token of the part before, ``[...]``.
    """
    fits = [(before == coil).unsqueeze(-1) for coil in COIL_OF.values()]
    capacitors = logits[..., TOKENS:]
    if not capacitors.shape[-1]:
        return logits
    return torch.cat([logits[..., :TOKENS], capacitors.masked_fill(~torch.cat(fits, dim=-1), -torch.inf)], dim=-1)


class ChainDecoder(nn.Module, abc.ABC):
    """A network that writes circuits.

    Args:
        encoder: maps compressed responses ``[B, C, d]`` to e ``[B, E]``.
        embedding: entries of the embedding of a type.
        values: K, number of values per type.
        tokens: T, the types of parts and the end: :data:`TOKENS`, with resonators :data:`RESONATOR_TOKENS`.
    """

    def __init__(self, encoder: nn.Module, embedding: int, values: int, tokens: int = TOKENS):
        super().__init__()
        self.encoder = encoder
        self.embedding = nn.Embedding(tokens, embedding)
        self.values, self.tokens = values, tokens

    def forward(self, response: Tensor, types: Tensor) -> tuple[Tensor, Tensor]:
        """Logits along given chains.

        Args:
            response: compressed, ``[B, C, d]``.
            types: ``[B, n]`` integers; what follows the last part is not looked at, whatever stands there.

        Returns:
            logits of the type or end at every step ``[B, n + 1, T]``, and of every part's value ``[B, n, K]``.
        """
        tokens = torch.cat([types.new_full((len(types), 1), BEGIN), tokens_of(types.clamp_min(0))], dim=1)
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
        """``[B, S, H] -> [B, S, T]``."""

    @abc.abstractmethod
    def value_logits(self, context: Any, states: Tensor) -> Tensor:
        """``[B, S, H] -> [B, S, K]``."""
