"""One linear layer with a weight of its own for every sample."""

import torch
from torch import Tensor, nn

from hypernet.layers.layout import ParameterLayout


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


class GeneratedLinear(nn.Module):
    """A linear layer that reads its weights, per sample, from another network's output.

        y = x · γ (W₀ + W) + s b

    W and b are sample b's generated weight and bias. W₀ is an ordinary parameter shared by all samples: the
    generated part is then a sample's deviation from it, and should start small. γ and s are two learned
    numbers of this layer. Without a shared base W₀ is zero, without learned scales γ = s = 1, and the layer
    owns no parameters.

    Args:
        in_features: entries of x.
        out_features: entries of y.
        bias: whether a bias is generated.
        shared_base: whether to learn W₀, which starts as N(0, 1 / in_features).
        learned_scale: whether to learn γ and, with a bias, s; both start at 1.

    Attributes:
        parameter_count: how many numbers per sample the layer consumes.

    Raises:
        ValueError: if a size is not positive.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        bias: bool = True,
        shared_base: bool = False,
        learned_scale: bool = False,
    ):
        super().__init__()
        self.layout = ParameterLayout((in_features, out_features), bias=bias)
        self.parameter_count = self.layout.size
        base = torch.randn(in_features, out_features) / in_features**0.5 if shared_base else None
        self.base = None if base is None else nn.Parameter(base)
        self.weight_scale = nn.Parameter(torch.ones(())) if learned_scale else None
        self.bias_scale = nn.Parameter(torch.ones(())) if learned_scale and bias else None

    def forward(self, points: Tensor, parameters: Tensor) -> Tensor:
        """Apply every sample's layer to its points.

        Args:
            points: [B, P, in].
            parameters: [B, parameter_count], the weight [in, out] row-major and then the bias [out].

        Returns:
            [B, P, out].

        Raises:
            ValueError: if the shapes do not fit the layer or each other.
        """
        (layer,) = self.layout.split(parameters)
        weight, bias = layer["weight"], layer.get("bias")
        # Scales go into the weight: in × out numbers per sample, against P × out of the result.
        if self.base is not None:
            weight = self.base + weight
        if self.weight_scale is not None:
            weight = self.weight_scale * weight
        if self.bias_scale is not None and bias is not None:
            bias = self.bias_scale * bias
        return generated_linear(points, weight, bias)
