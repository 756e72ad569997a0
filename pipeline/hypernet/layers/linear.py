"""One linear layer with a weight of its own for every sample."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hypernet.layers.layout import Layout
from hypernet.layers.module import GeneratedModule, uniform


def generated_linear(points: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Apply sample b's layer to all points of sample b: y[b, p] = x[b, p] W[b] + β[b].

    All samples and points go through one batched matrix product. It can be differentiated as often as needed.
    Points that all samples share are passed as `points.expand(B, -1, -1)`, which copies nothing.

    Args:
        points: x, [B, P, in].
        weight: W, [B, in, out].
        bias: β, [B, out], or None.

    Returns:
        y, [B, P, out].

    Raises:
        ValueError: if the shapes do not fit each other.
    """
    if points.dim() != 3 or weight.dim() != 3 or (points.shape[0], points.shape[2]) != weight.shape[:2]:
        raise ValueError(
            f"points {list(points.shape)} must be [B, P, in] and weight {list(weight.shape)} must be "
            "[B, in, out] with the same B and in"
        )
    if bias is None:
        return torch.bmm(points, weight)
    if bias.shape != (weight.shape[0], weight.shape[2]):
        raise ValueError(
            f"bias {list(bias.shape)} must be [B, out] and weight {list(weight.shape)} must be "
            "[B, in, out] with the same B and out"
        )
    return torch.baddbmm(bias.unsqueeze(1), points, weight)


class GeneratedLinear(GeneratedModule):
    """A linear layer that reads its weights, per sample, from another network's output: y = x W + b.

    θ holds the weight [in, out] row-major and then the bias [out].

    Args:
        in_features: entries of x.
        out_features: entries of y.
        bias: whether a bias is generated.

    Raises:
        ValueError: if a size is not positive.

    >>> layer = GeneratedLinear(3, 2)
    >>> layer.parameter_count
    8
    >>> layer(torch.ones(4, 5, 3), torch.zeros(4, 8)).shape
    torch.Size([4, 5, 2])
    """

    def __init__(self, in_features: int, out_features: int, *, bias: bool = True):
        super().__init__()
        # As torch starts its linear layers: U(-1/√in, 1/√in), whose variance is 1 / (3 in).
        variance = 1 / (3 * in_features) if in_features > 0 else 0.0
        self.layout = Layout(
            [
                ("weight", "weight", (in_features, out_features), in_features, variance),
                *([("bias", "bias", (out_features,), 0, variance)] if bias else []),  # type: ignore[list-item]
            ]
        )

    def forward(self, inputs: Tensor, parameters: Tensor) -> Tensor:
        """Apply every sample's layer to its points: [B, P, in], [B, N] to [B, P, out].

        Raises:
            ValueError: if the shapes do not fit the layer or each other.
        """
        tensors = self.layout.split(parameters)
        return generated_linear(inputs, tensors["weight"], tensors.get("bias"))

    def ordinary(self) -> Tensor:
        """θ as `torch.nn.Linear` would start, [N]."""
        bound = self.parts[0].shape[0] ** -0.5
        return uniform(self.parts, dict.fromkeys(("weight", "bias"), bound))

    @torch.no_grad()
    def export(self, parameters: Tensor) -> nn.Linear:
        """One sample's layer, [N], as a `torch.nn.Linear`.

        Raises:
            ValueError: if `parameters` is not [N].
        """
        tensors = self.named(parameters)
        return as_linear(tensors["weight"], tensors.get("bias"))


@torch.no_grad()
def as_linear(weight: Tensor, bias: Tensor | None) -> nn.Linear:
    """A `torch.nn.Linear` with the weight [in, out] and the bias [out], copied."""
    linear = nn.utils.skip_init(
        nn.Linear, weight.shape[0], weight.shape[1], bias=bias is not None, device=weight.device, dtype=weight.dtype
    )
    assert isinstance(linear, nn.Linear)
    linear.weight.copy_(weight.T)
    if bias is not None:
        linear.bias.copy_(bias)
    return linear
