"""The hyperbolic tangent as a sigmoid: on a CPU several times as fast as ``torch.tanh``."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class _Tanh(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        # Of the magnitude, with the sign put back: exactly odd, which a sigmoid of both signs is not.
        y = torch.copysign(x.abs().mul_(-2.0).sigmoid_().mul_(-2.0).add_(1.0), x)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        return torch.addcmul(gradient, gradient * y, y, value=-1.0)


def tanh(x: Tensor) -> Tensor:
    """tanh(x) = sign(x) (1 - 2 sigmoid(-2 |x|)), in any shape; exactly odd.

    The absolute error is that of rounding at 1 (6e-8 in float32), so a result near zero has fewer exact digits
    than that of ``torch.tanh``. The gradient is (1 - y^2); a second derivative is not supported.
    """
    result: Tensor = _Tanh.apply(x)  # type: ignore[no-untyped-call]  # torch leaves it without types
    return result
