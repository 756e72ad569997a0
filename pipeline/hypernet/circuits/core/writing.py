"""Writing circuits with a trained network: the most probable type and value at every step, or drawn from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hypernet.circuits.core.cells import BEGIN, END, ChainDecoder, possible, types_of
from hypernet.circuits.core.parts import PAD

# Chains written at once: bounds the memory of the generated weights and states.
CHAINS_AT_ONCE = 2**14


@dataclass(frozen=True)
class Chains:
    """Written circuits.

    Attributes:
        types: int8 ``[T, S, longest]``, :data:`PAD` behind the end; a chain can be empty.
        classes: number of each part's value in the catalogue, int8, the same shape.
        ended: bool ``[T, S]``; others were cut at the longest length.
    """

    types: np.ndarray
    classes: np.ndarray
    ended: np.ndarray


def write(
    network: ChainDecoder,
    response: Tensor,
    longest: int,
    samples: int = 0,
    generator: torch.Generator | None = None,
    temperature: float = 1.0,
) -> Chains:
    """Write circuits for responses: first the greedy answer, then ``samples`` drawn ones.

    Args:
        network: a trained network, in evaluation mode.
        response: compressed, ``[T, C, d]``.
        longest: a chain that has not ended after so many parts is cut.
        samples: number of chains drawn for each response.
        generator: source of the draws.
        temperature: logits are divided by it before drawing.

    Returns:
        ``1 + samples`` chains per response.
    """
    block = max(1, CHAINS_AT_ONCE // (1 + samples))
    pieces = []
    with torch.inference_mode():
        for first in range(0, len(response), block):
            pieces.append(_write(network, response[first : first + block], longest, samples, generator, temperature))
    return Chains(
        types=np.concatenate([piece.types for piece in pieces]),
        classes=np.concatenate([piece.classes for piece in pieces]),
        ended=np.concatenate([piece.ended for piece in pieces]),
    )


def _write(
    network: ChainDecoder,
    response: Tensor,
    longest: int,
    samples: int,
    generator: torch.Generator | None,
    temperature: float,
) -> Chains:
    context = network.read(response)
    sequences = 1 + samples

    def choose(logits: Tensor) -> Tensor:
        """The largest logit of the first chain, drawn ones (Gumbel-max) of the others."""
        if samples:
            uniform = torch.rand(logits[:, 1:].shape, generator=generator, device=logits.device)
            noise = -torch.log(-torch.log(uniform.clamp(1e-20, 1 - 1e-7)))
            logits = torch.cat([logits[:, :1], logits[:, 1:] / temperature + noise], dim=1)
        return logits.argmax(dim=-1)

    state = network.begin(context, sequences)
    token = torch.full((len(response), sequences), BEGIN, device=response.device)
    ended = torch.zeros_like(token, dtype=torch.bool)
    types, classes = [], []
    for place in range(longest + 1):
        state = network.step(context, network.embedding(token), state)
        if place:
            classes.append(choose(network.value_logits(context, state)).masked_fill(ended, PAD))
        token = choose(possible(network.type_logits(context, state), token))
        ended = ended | (token == END)
        if ended.all():
            break
        if place < longest:
            types.append(types_of(token).masked_fill(ended, PAD))
            token = token.masked_fill(ended, 0)
    shape = (len(response), sequences, longest)
    out_types, out_classes = (np.full(shape, PAD, dtype=np.int8) for _ in range(2))
    if classes:
        out_types[..., : len(types)] = torch.stack(types, dim=-1).cpu().numpy()
        out_classes[..., : len(classes)] = torch.stack(classes, dim=-1).cpu().numpy()
    return Chains(out_types, out_classes, ended.cpu().numpy())
