"""A multilayer perceptron that owns no weights: every sample of a batch brings its own."""

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from hypernet.layers.layout import ParameterLayout
from hypernet.layers.linear import generated_linear


class FunctionalMLP(nn.Module):
    """The network g(x; θ) of a hypernetwork: layer l of a sample's network is

        h ← activation( (h W_l) ∘ (1 + s_l) + b_l )

    with W_l, b_l and s_l read from that sample's flat vector θ, and no activation after the last layer. The
    elementwise gain 1 + s_l is the scale of Littwin and Wolf, "Deep Meta Functionals for Shape
    Representation" (ICCV 2019); without it the factor is 1. The order of θ is `ParameterLayout`'s.

    Args:
        widths: inputs, hidden widths and outputs: two or more positive numbers.
        activation: an elementwise module without parameters, such as `torch.nn.ReLU()`.
        bias: whether every layer has a bias b_l.
        gain: whether every layer has a gain s_l.

    Attributes:
        layout: the `ParameterLayout` of θ; `layout.chunks(n)` cuts it into pieces to be emitted one by one.
        parameter_count: N, the length of θ.

    Raises:
        ValueError: if the widths are not two or more positive numbers, or the activation has parameters of
            its own.
    """

    def __init__(self, widths: Sequence[int], activation: nn.Module, *, bias: bool = True, gain: bool = False):
        super().__init__()
        if any(True for _ in activation.parameters()):
            raise ValueError(f"the activation {activation} has parameters of its own, which the heads would not write")
        self.layout = ParameterLayout(widths, bias=bias, gain=gain)
        self.parameter_count = self.layout.size
        self.activation = activation

    def forward(self, points: Tensor, parameters: Tensor) -> Tensor:
        """Apply every sample's network to that sample's points.

        Args:
            points: x, [B, P, widths[0]].
            parameters: θ, [B, N].

        Returns:
            [B, P, widths[-1]].

        Raises:
            ValueError: if the shapes do not fit the network or each other.
        """
        hidden = points
        for number, (weight, bias) in enumerate(self._weights_and_biases(parameters)):
            if number > 0:
                hidden = self.activation(hidden)
            hidden = generated_linear(hidden, weight, bias)
        return hidden

    @torch.no_grad()
    def export(self, parameters: Tensor) -> nn.Sequential:
        """Return one sample's network as an ordinary module that no longer needs this package.

        The gains are multiplied into the weights. The result owns copies and can be saved, trained or run
        anywhere.

        Args:
            parameters: θ of one sample, [N].

        Returns:
            `torch.nn.Linear` layers with the activation between them: [..., widths[0]] to [..., widths[-1]].

        Raises:
            ValueError: if `parameters` is not [N].
        """
        if parameters.shape != (self.parameter_count,):
            raise ValueError(
                f"one sample's parameters must have the shape [{self.parameter_count}], got {list(parameters.shape)}"
            )
        modules: list[nn.Module] = []
        for weight, bias in self._weights_and_biases(parameters.unsqueeze(0)):
            if modules:
                modules.append(copy.deepcopy(self.activation))
            linear = nn.utils.skip_init(
                nn.Linear,
                weight.shape[1],
                weight.shape[2],
                bias=bias is not None,
                device=weight.device,
                dtype=weight.dtype,
            )
            linear.weight.copy_(weight[0].T)
            if bias is not None:
                linear.bias.copy_(bias[0])
            modules.append(linear)
        return nn.Sequential(*modules)

    def _weights_and_biases(self, parameters: Tensor) -> list[tuple[Tensor, Tensor | None]]:
        pairs = []
        for layer in self.layout.split(parameters):
            weight = layer["weight"]
            if "gain" in layer:
                # Scaling the weight takes in × out products per sample, scaling its result P × out.
                weight = weight * (1 + layer["gain"]).unsqueeze(1)
            pairs.append((weight, layer.get("bias")))
        return pairs
