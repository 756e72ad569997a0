"""A gated recurrent unit that owns no weights: every sample runs the unit that another network wrote for it.

Its matrices are written whole, or are shared ones that deviate by a low rank and are never multiplied out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from hypernet.layers.layout import Layout
from hypernet.layers.low_rank import LowRankMatrix
from hypernet.layers.module import GeneratedModule, uniform


def gates(from_input: Tensor, from_state: Tensor, state: Tensor) -> Tensor:
    """The next state of a gated recurrent unit, as in :class:`torch.nn.GRUCell`.

    Args:
        from_input: x W_i + b_i, [..., 3 H], the gates in the order r, z, n.
        from_state: h W_h + b_h, the same shape.
        state: h, [..., H].

    Returns:
        h' = (1 - z) n + z h, [..., H].
    """
    size = state.shape[-1]
    # Split, not sliced: the gradient is joined once instead of being added to zeros for every slice.
    (input_both, input_new), (state_both, state_new) = (
        part.split([2 * size, size], dim=-1) for part in (from_input, from_state)
    )
    reset, update = torch.sigmoid(input_both + state_both).chunk(2, dim=-1)
    new = torch.tanh(torch.addcmul(input_new, reset, state_new))
    # Not by lerp, which takes no two precisions where some are mixed.
    return torch.addcmul(new, update, state - new)


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
        outputs = 3 * hidden_size
        # U(-1/√H, 1/√H) has the variance 1 / (3 H).
        variance = 1 / (3 * hidden_size)
        self.layout = Layout(
            [
                ("input", "weight", (input_size, outputs), input_size, variance),
                ("hidden", "weight", (hidden_size, outputs), hidden_size, variance),
                ("input_bias", "bias", (outputs,), 0, variance),
                ("hidden_bias", "bias", (outputs,), 0, variance),
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
        return gates(from_input, torch.baddbmm(weights.hidden_bias, state, weights.hidden), state)

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
            state = gates(at_step, torch.baddbmm(weights.hidden_bias, state, weights.hidden), state)
            states.append(state)
        return torch.cat(states, dim=1)


class LowRankGRU(NamedTuple):
    """The unit of every sample whose matrices are shared ones and a deviation of low rank, never multiplied out.

        W_i(e) = W_i + P(e) Q(e)        W_h(e) = W_h + U(e) V(e)

    Equations as in :class:`GeneratedGRU`; matrices and biases are what `WeightHeads(F, unit, rank=r).factors` gives.
    With a state of some 60 numbers a training step takes a third of the time of matrices written out.

    Attributes:
        input: W_i(e), [B, in, 3 H]; gates stand in the order r, z, n.
        hidden: W_h(e), [B, H, 3 H].
        input_bias: b_i, [B, 1, 3 H].
        hidden_bias: b_h, [B, 1, 3 H].
    """

    input: LowRankMatrix
    hidden: LowRankMatrix
    input_bias: Tensor
    hidden_bias: Tensor

    @classmethod
    def of(cls, factors: Mapping[str, Any], name: str = "") -> LowRankGRU:
        """The unit from what the heads wrote.

        Args:
            factors: of `WeightHeads.factors`; the matrices `input` and `hidden` have a rank.
            name: of the unit among several networks under one θ (`Joined`).

        Raises:
            KeyError: no such unit among the parts.
        """
        start = f"{name}." if name else ""
        biases = (factors[f"{start}{which}_bias"].unsqueeze(1) for which in ("input", "hidden"))
        return cls(factors[f"{start}input"], factors[f"{start}hidden"], *biases)

    def run(self, inputs: Tensor, state: Tensor) -> Tensor:
        """All steps of one sequence per sample: inputs [B, T, in] and h_0 [B, H] to h_1..h_T [B, T, H]."""
        state, states = state.unsqueeze(1), []
        for at_step in self.input.of(inputs, self.input_bias).split(1, dim=1):
            state = gates(at_step, self.hidden.of(state, self.hidden_bias), state)
            states.append(state)
        return torch.cat(states, dim=1)

    def step(self, inputs: Tensor, state: Tensor) -> Tensor:
        """One step of S sequences of every sample: inputs [B, S, in] and states [B, S, H] to [B, S, H]."""
        return gates(self.input.of(inputs, self.input_bias), self.hidden.of(state, self.hidden_bias), state)
