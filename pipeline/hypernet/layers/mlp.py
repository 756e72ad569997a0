"""A multilayer perceptron that owns no weights: every sample of a batch brings its own."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from hypernet.layers.initialisation import activation_gain, require_positive
from hypernet.layers.layout import Layout, Role
from hypernet.layers.linear import as_linear, generated_linear
from hypernet.layers.module import GeneratedModule


class FunctionalMLP(GeneratedModule):
    """The network g(x; θ) of a hypernetwork: layer l of a sample's network is

        h ← activation( (h W_l) ∘ (1 + s_l) + b_l )

    with W_l, b_l and s_l read from that sample's flat vector θ, and no activation after the last layer unless one is
    given. The elementwise gain 1 + s_l is the scale of Littwin and Wolf, "Deep Meta Functionals for Shape
    Representation" (ICCV 2019); without it the factor is 1. θ holds, layer after layer, the weight [in, out]
    row-major, then its bias [out], then its gain [out].

    Args:
        widths: inputs, hidden widths and outputs: two or more positive numbers.
        activation: an elementwise module without parameters, such as `torch.nn.ReLU()`.
        bias: whether every layer has a bias b_l.
        gain: whether every layer has a gain s_l.
        output_activation: after the last layer; None for none.
        input_mean_square: E[x²] of the inputs, for the start; 1/3 for coordinates uniform in [-1, 1].

    Raises:
        ValueError: if the widths are not two or more positive numbers, an activation has parameters of
            its own, or the mean square is not positive.

    >>> network = FunctionalMLP((2, 16, 1), nn.ReLU())
    >>> [part.name for part in network.parts], network.parameter_count
    (['0.weight', '0.bias', '1.weight', '1.bias'], 65)
    >>> network(torch.rand(8, 100, 2), torch.randn(8, 65)).shape
    torch.Size([8, 100, 1])
    """

    def __init__(
        self,
        widths: Sequence[int],
        activation: nn.Module,
        *,
        bias: bool = True,
        gain: bool = False,
        output_activation: nn.Module | None = None,
        input_mean_square: float = 1.0,
    ):
        super().__init__()
        self.widths = tuple(widths)
        if len(self.widths) < 2 or min(self.widths) < 1:
            raise ValueError(f"widths must be two or more positive numbers, got {list(self.widths)}")
        require_positive(input_mean_square=input_mean_square)
        for module in (activation, output_activation):
            if module is not None and any(True for _ in module.parameters()):
                raise ValueError(f"the activation {module} has parameters of its own, which the heads would not write")
        self.activation, self.output_activation = activation, output_activation
        parts: list[tuple[str, Role, tuple[int, ...], int, float]] = []
        # The gain undoes what the inputs' size did to the first layer, the activation to the others. A generated bias
        # takes half of a layer's variance (hyperfan-in).
        gains = [input_mean_square**-0.5] + [activation_gain(activation)] * (len(self.widths) - 2)
        for layer, ((fan_in, fan_out), factor) in enumerate(zip(pairwise(self.widths), gains, strict=True)):
            variance = factor**2 / ((2 if bias else 1) * fan_in)
            parts.append((f"{layer}.weight", "weight", (fan_in, fan_out), fan_in, variance))
            if bias:
                parts.append((f"{layer}.bias", "bias", (fan_out,), 0, 0.5))
            if gain:
                parts.append((f"{layer}.gain", "gain", (fan_out,), 0, 0.0))
        self.layout = Layout(parts)
        self._bias = bias

    @property
    def multiply_adds(self) -> int:
        """Multiplications with additions for one point."""
        return sum(part.size for part in self.parts if part.role == "weight")

    def forward(self, inputs: Tensor, parameters: Tensor) -> Tensor:
        """Apply every sample's network to that sample's points: [B, P, widths[0]], [B, N] to [B, P, widths[-1]].

        Raises:
            ValueError: if the shapes do not fit the network or each other.
        """
        hidden = inputs
        for layer, (weight, bias) in enumerate(self._weights_and_biases(parameters)):
            if layer > 0:
                hidden = self.activation(hidden)
            hidden = generated_linear(hidden, weight, bias)
        return hidden if self.output_activation is None else self.output_activation(hidden)

    def ordinary(self) -> Tensor:
        """θ after He et al. (2015), with biases and gains of zero, [N]."""
        pieces = []
        for part in self.parts:
            if part.role == "weight":
                # A bias that is not drawn leaves all of the variance to the weight.
                variance = part.variance * (2 if self._bias else 1)
                pieces.append(torch.randn(part.size) * variance**0.5)
            else:
                pieces.append(torch.zeros(part.size))
        return torch.cat(pieces)

    @torch.no_grad()
    def export(self, parameters: Tensor) -> nn.Sequential:
        """One sample's network, [N], as `torch.nn.Linear` layers with the activation between them.

        The gains are multiplied into the weights. The result maps [..., widths[0]] to [..., widths[-1]].

        Raises:
            ValueError: if `parameters` is not [N].
        """
        self.named(parameters)  # checks the shape
        modules: list[nn.Module] = []
        for weight, bias in self._weights_and_biases(parameters.unsqueeze(0)):
            if modules:
                modules.append(copy.deepcopy(self.activation))
            modules.append(as_linear(weight[0], None if bias is None else bias[0]))
        if self.output_activation is not None:
            modules.append(copy.deepcopy(self.output_activation))
        return nn.Sequential(*modules)

    def _weights_and_biases(self, parameters: Tensor) -> list[tuple[Tensor, Tensor | None]]:
        tensors = self.layout.split(parameters)
        pairs = []
        for layer in range(len(self.widths) - 1):
            weight, gain = tensors[f"{layer}.weight"], tensors.get(f"{layer}.gain")
            if gain is not None:
                # Scaling the weight takes in × out products per sample, scaling its result P × out.
                weight = weight * (1 + gain).unsqueeze(1)
            pairs.append((weight, tensors.get(f"{layer}.bias")))
        return pairs
