"""The product of inputs and features with a tensor of weights: a generated linear layer without its weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

# Numbers of a product with a row of features that are in memory together: what a processor's cache holds, or what
# keeps an accelerator busy.
IN_CACHE, ON_DEVICE = 2**20, 2**26
# Numbers that one product may keep for the backward pass.
KEPT = 2**24


class _ThroughInputs(torch.autograd.Function):
    """(x ⊗ e) H, for as many outputs as inputs or more. Of x ⊗ e nothing is kept: the backward pass makes it again."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, features: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(inputs, features, weight)
        matrix = _as_matrix(weight, inputs.shape[2])
        result = inputs.new_empty(*inputs.shape[:2], matrix.shape[1])
        for piece in _pieces(inputs, features):
            torch.matmul(_outer(inputs[piece], features[piece]), matrix, out=result[piece])
        return result

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        inputs, features, weight = ctx.saved_tensors
        points, width = inputs.shape[1:]
        matrix = _as_matrix(weight, width)
        of_inputs, of_features, of_matrix = (
            torch.empty_like(inputs),
            torch.empty_like(features),
            torch.zeros_like(matrix),
        )
        for piece in _pieces(inputs, features):
            x, e, of_result = inputs[piece], features[piece], gradient[piece].flatten(0, 1)
            of_matrix.addmm_(_outer(x, e).flatten(0, 1).mT, of_result)
            of_outer = (of_result @ matrix.mT).view(len(x), points * width, -1)
            torch.bmm(x.reshape(len(x), 1, -1), of_outer, out=of_features[piece].unsqueeze(1))
            # For products of a matrix with a vector the elementwise way is the faster.
            of_inputs[piece] = of_outer.mul_(e.unsqueeze(1)).sum(dim=2).view_as(x)
        of_weight = of_matrix.view(width, features.shape[1], -1).transpose(1, 2).reshape(weight.shape)
        return of_inputs, of_features, of_weight


class _ThroughOutputs(torch.autograd.Function):
    """(x H) e, for fewer outputs than inputs. x H is kept where it is small; else the backward pass makes it again."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, features: Tensor, weight: Tensor) -> Tensor:
        matrix = weight.view(inputs.shape[2], -1)
        result = inputs.new_empty(*inputs.shape[:2], matrix.shape[1] // features.shape[1])
        keep, kept = result.numel() * features.shape[1] <= KEPT, []
        for piece in _pieces(result, features):
            product = inputs[piece] @ matrix
            if keep:
                kept.append(product)
            torch.sum(product.unflatten(2, (-1, features.shape[1])) * features[piece, None, None], 3, out=result[piece])
        ctx.save_for_backward(inputs, features, weight, *kept)
        return result

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        inputs, features, weight, *kept = ctx.saved_tensors
        matrix = weight.view(inputs.shape[2], -1)
        of_inputs, of_features = torch.empty_like(inputs), torch.empty_like(features)
        of_matrix = torch.zeros_like(matrix)
        for number, piece in enumerate(_pieces(gradient, features)):
            x, of_result = inputs[piece], gradient[piece]
            product = kept[number] if kept else x @ matrix
            of_product = _outer(of_result, features[piece])
            torch.matmul(of_product, matrix.mT, out=of_inputs[piece])
            of_matrix.addmm_(x.flatten(0, 1).mT, of_product.flatten(0, 1))
            rows = product.view(len(x), -1, features.shape[1])
            torch.bmm(of_result.reshape(len(x), 1, -1), rows, out=of_features[piece].unsqueeze(1))
        return of_inputs, of_features, of_matrix.view_as(weight)


def bilinear(inputs: Tensor, features: Tensor, weight: Tensor) -> Tensor:
    """y[b, p, o] = Σ_i Σ_k x[b, p, i] e[b, k] H[i, o, k]: what a linear layer whose weights are H e makes of x.

    The smaller of x ⊗ e and x H stands between. A second derivative is not supported.

    Args:
        inputs: x, [B, P, in].
        features: e, [B, F].
        weight: H, [in · out, F].

    Returns:
        y, [B, P, out].

    >>> x, e, weight = torch.rand(5, 2, 3), torch.rand(5, 4), torch.rand(3 * 6, 4)
    >>> theta = (e @ weight.mT).view(5, 3, 6)
    >>> torch.allclose(bilinear(x, e, weight), x @ theta)
    True
    """
    device = inputs.device.type
    if torch.is_autocast_enabled(device):
        dtype = torch.get_autocast_dtype(device)
        inputs, features, weight = inputs.to(dtype), features.to(dtype), weight.to(dtype)
    fewer_outputs = len(weight) < inputs.shape[2] ** 2
    result: Tensor = (_ThroughOutputs if fewer_outputs else _ThroughInputs).apply(inputs, features, weight)  # type: ignore[no-untyped-call]
    return result


def _as_matrix(weight: Tensor, width: int) -> Tensor:
    """H as what multiplies x ⊗ e from the right, [in · F, out]."""
    count = weight.shape[1]
    return weight.view(width, -1, count).transpose(1, 2).reshape(width * count, -1)


def _outer(left: Tensor, features: Tensor) -> Tensor:
    """[B, P, n] and [B, F] to [B, P, n · F]."""
    return (left.unsqueeze(3) * features[:, None, None, :]).flatten(2)


def _pieces(left: Tensor, features: Tensor) -> Iterator[slice]:
    """Slices of samples, so that the outer product of each has so many numbers."""
    samples, points, width = left.shape
    most = IN_CACHE if left.device.type == "cpu" else ON_DEVICE
    step = max(1, most // max(1, points * width * features.shape[1]))
    return (slice(first, min(first + step, samples)) for first in range(0, samples, step))
