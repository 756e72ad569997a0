"""A matrix for every sample that deviates from a shared one by a low rank, kept as its factors."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional


class LowRankMatrix(NamedTuple):
    """W(e) = W₀ + U(e) V(e).

    x W₀ + (x U) V needs r (in + out) numbers of every sample where W(e) itself has in × out.

    Attributes:
        base: W₀, [in, out].
        left: U, [B, in, r].
        right: V, [B, r, out].
    """

    base: Tensor
    left: Tensor
    right: Tensor

    def of(self, x: Tensor, bias: Tensor) -> Tensor:
        """x W + b, never multiplied out: [B, S, in] and [B, 1, out] to [B, S, out]."""
        shared = functional.linear(x, self.base.mT) + bias
        return torch.baddbmm(shared, torch.bmm(x, self.left), self.right)

    def whole(self) -> Tensor:
        """W(e), [B, in, out]."""
        return torch.baddbmm(self.base.expand(len(self.left), -1, -1), self.left, self.right)
