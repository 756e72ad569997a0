"""A recurrent unit for every response whose matrices are shared ones and a deviation of low rank, never multiplied out.

    W_i(e) = W_i + P(e) Q(e)        W_h(e) = W_h + U(e) V(e)

x W + (x P) Q needs r (in + out) numbers of every response where W(e) itself has in x out: with a state of some 60
numbers a training step takes a third of the time.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from hypernet.circuits.core.cells import gates
from hypernet.layers.heads import WeightHeads


class LowRankMatrix(NamedTuple):
    """One matrix per response.

    Attributes:
        base: the shared matrix, ``[in, out]``.
        left: ``[B, in, r]``.
        right: ``[B, r, out]``.
    """

    base: Tensor
    left: Tensor
    right: Tensor

    def of(self, x: Tensor, bias: Tensor) -> Tensor:
        """x W + b: ``[B, S, in]`` and ``[B, 1, out]`` -> ``[B, S, out]``."""
        shared = functional.linear(x, self.base.mT) + bias
        return torch.baddbmm(shared, torch.bmm(x, self.left), self.right)


class LowRankUnit(NamedTuple):
    """The unit of every response; gates stand in the order r, z, n.

    Attributes:
        input: W_i(e), ``[B, in, 3 H]``.
        hidden: W_h(e), ``[B, H, 3 H]``.
        input_bias: b_i, ``[B, 1, 3 H]``.
        hidden_bias: b_h, ``[B, 1, 3 H]``.
    """

    input: LowRankMatrix
    hidden: LowRankMatrix
    input_bias: Tensor
    hidden_bias: Tensor

    def run(self, inputs: Tensor, state: Tensor) -> Tensor:
        """All steps of one sequence per response: inputs ``[B, T, in]`` and h_0 ``[B, H]`` -> ``[B, T, H]``."""
        state, states = state[:, None], []
        for at_step in self.input.of(inputs, self.input_bias).split(1, dim=1):
            state = gates(at_step, self.hidden.of(state, self.hidden_bias), state)
            states.append(state)
        return torch.cat(states, dim=1)

    def step(self, inputs: Tensor, state: Tensor) -> Tensor:
        """One step of S sequences: inputs ``[B, S, in]`` and states ``[B, S, H]`` -> ``[B, S, H]``."""
        return gates(self.input.of(inputs, self.input_bias), self.hidden.of(state, self.hidden_bias), state)


def pieces(writer: WeightHeads, features: Tensor) -> dict[str, Tensor | LowRankMatrix]:
    """What heads write, with the parts of low rank as their factors.

    Args:
        writer: the heads, with the samples first.
        features: e, ``[B, E]``.

    Returns:
        every part by name: ``[B, *shape]``, or its factors.
    """
    ranks, parts = writer.ranks, writer.layout.parts
    sizes = [sum(part.shape) * ranks[part.name] if part.name in ranks else part.size for part in parts]
    written = functional.linear(features, writer.weight, writer.bias).split(sizes, dim=1)
    result: dict[str, Tensor | LowRankMatrix] = {}
    base_at = 0
    for part, piece in zip(parts, written, strict=True):
        if part.name not in ranks:
            result[part.name] = piece.unflatten(1, part.shape)
            continue
        assert writer.base is not None
        (inputs, outputs), rank = part.shape, ranks[part.name]
        left, right = piece.split([inputs * rank, rank * outputs], dim=1)
        base = writer.base[base_at : base_at + part.size].view(part.shape)
        base_at += part.size
        result[part.name] = LowRankMatrix(base, left.unflatten(1, (inputs, rank)), right.unflatten(1, (rank, outputs)))
    return result
