"""A gated recurrent unit that owns no weights: every sample runs the unit that another network wrote for it."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from hypernet.layers.layout import Layout
from hypernet.layers.module import GeneratedModule, uniform


class GRUWeights(NamedTuple):
    """The weights of B units, as :class:`GeneratedGRU` uses them; gates stand in the order r, z, n.

    Attributes:
        input: W_i, [B, in, 3 H].
        hidden: W_h, [B, H, 3 H].
        input_bias: b_i, [B, 1, 3 H].
        hidden_bias: b_h, [B, 1, 3 H].
    """

    input: Tensor
    hidden: Tensor
    input_bias: Tensor
    hidden_bias: Tensor


class GeneratedGRU(GeneratedModule):
    """A gated recurrent unit (Cho et al. 2014, in torch's form) with weights of its own for every sample.

        r = σ(x W_ir + b_ir + h W_hr + b_hr)        z = σ(x W_iz + b_iz + h W_hz + b_hz)
        n = tanh(x W_in + b_in + r (h W_hn + b_hn))        h' = (1 - z) n + z h

    θ holds W_i [in, 3 H] (`input`), W_h [H, 3 H] (`hidden`), b_i [3 H] and b_h [3 H], row-major. Written whole by the
    heads, or as a shared unit whose matrices deviate by a low rank: `WeightHeads(F, unit, rank=4)`.

    A sample may run several sequences at once, with the same weights: S of them cost one matrix product.

    Args:
        input_size: entries of x.
        hidden_size: H, entries of the state.

    Raises:
        ValueError: if a size is not positive.

    >>> unit = GeneratedGRU(3, 4)
    >>> unit(torch.zeros(2, 5, 3), unit.ordinary().expand(2, -1)).shape
    torch.Size([2, 5, 4])
    """

    def __init__(self, input_size: int, hidden_size: int):
        super().__init__()
        if min(input_size, hidden_size) < 1:
            raise ValueError(f"sizes must be positive, got {input_size} inputs and {hidden_size} hidden")
        self.input_size, self.hidden_size = input_size, hidden_size
        gates = 3 * hidden_size
        # U(-1/√H, 1/√H) has the variance 1 / (3 H).
        variance = 1 / (3 * hidden_size)
        self.layout = Layout(
            [
                ("input", "weight", (input_size, gates), input_size, variance),
                ("hidden", "weight", (hidden_size, gates), hidden_size, variance),
                ("input_bias", "bias", (gates,), 0, variance),
                ("hidden_bias", "bias", (gates,), 0, variance),
            ]
        )

    def forward(self, inputs: Tensor, parameters: Tensor, state: Tensor | None = None) -> Tensor:
        """All states of one sequence per sample: x [B, T, in], θ [B, N] and h_0 [B, H] (zero) to h [B, T, H].

        Raises:
            ValueError: if `parameters` is not [B, N].
        """
        return self.run(inputs, self.unpack(parameters), state)

    def ordinary(self) -> Tensor:
        """θ as `torch.nn.GRU` would start: U(-1/√H, 1/√H), [N]."""
        bound = self.hidden_size**-0.5
        return uniform(self.parts, {part.name: bound for part in self.parts})

    @torch.no_grad()
    def export(self, parameters: Tensor) -> nn.GRU:
        """One sample's unit, [N], as a `torch.nn.GRU` with the batch first.

        Raises:
            ValueError: if `parameters` is not [N].
        """
        tensors = self.named(parameters)
        unit = nn.GRU(self.input_size, self.hidden_size, batch_first=True).to(parameters)
        unit.load_state_dict(
            {
                "weight_ih_l0": tensors["input"].T,
                "weight_hh_l0": tensors["hidden"].T,
                "bias_ih_l0": tensors["input_bias"],
                "bias_hh_l0": tensors["hidden_bias"],
            }
        )
        return unit

    def unpack(self, parameters: Tensor) -> GRUWeights:
        """Views of the flat vectors as the unit's weights.

        Args:
            parameters: [B, N].

        Raises:
            ValueError: if `parameters` is not [B, N].
        """
        tensors = self.layout.split(parameters)
        return GRUWeights(
            tensors["input"],
            tensors["hidden"],
            tensors["input_bias"].unsqueeze(1),
            tensors["hidden_bias"].unsqueeze(1),
        )

    def step(self, inputs: Tensor, weights: GRUWeights, state: Tensor) -> Tensor:
        """One step of S sequences of every sample.

        Args:
            inputs: x, [B, S, in].
            weights: what :meth:`unpack` returned.
            state: h, [B, S, H].

        Returns:
            h', [B, S, H].
        """
        from_input = torch.baddbmm(weights.input_bias, inputs, weights.input)
        return self._gates(from_input, torch.baddbmm(weights.hidden_bias, state, weights.hidden), state)

    def run(self, inputs: Tensor, weights: GRUWeights, state: Tensor | None = None) -> Tensor:
        """All steps of one sequence per sample; what does not depend on the state is one matrix product.

        Args:
            inputs: x_1..x_T, [B, T, in].
            weights: what :meth:`unpack` returned.
            state: h_0, [B, H]; zero by default.

        Returns:
            h_1..h_T, [B, T, H].
        """
        from_input = torch.baddbmm(weights.input_bias, inputs, weights.input)
        state = inputs.new_zeros(len(inputs), 1, self.hidden_size) if state is None else state.unsqueeze(1)
        states = []
        for at_step in from_input.split(1, dim=1):
            state = self._gates(at_step, torch.baddbmm(weights.hidden_bias, state, weights.hidden), state)
            states.append(state)
        return torch.cat(states, dim=1)

    def _gates(self, from_input: Tensor, from_state: Tensor, state: Tensor) -> Tensor:
        size = self.hidden_size
        reset, update = torch.sigmoid(from_input[..., : 2 * size] + from_state[..., : 2 * size]).chunk(2, dim=-1)
        new = torch.tanh(from_input[..., 2 * size :] + reset * from_state[..., 2 * size :])
        return new + update * (state - new)
