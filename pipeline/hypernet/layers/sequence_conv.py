"""Lightweight and dynamic convolutions over a sequence (Wu, Fan, Baevski, Dauphin and Auli 2019)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def light_conv(sequence: Tensor, weight: Tensor, *, causal: bool = False) -> Tensor:
    """Mix every step with its neighbours by weights that add to 1 and are shared by the channels of a head.

        y[b, t, c] = Σ_j softmax_j(w[b, t, h(c), j]) x[b, t + j - l, c],        h(c) = ⌊c H / C⌋

    Steps outside the sequence are zero. l is (K - 1) / 2 rounded up, or K - 1 with `causal`: then no step sees a
    later one.

    Args:
        sequence: x, [B, T, C].
        weight: w, [B, T, H, K], or any shape that broadcasts to it: [H, K] is the lightweight convolution, with
            weights that all steps share.
        causal: see above.

    Returns:
        y, [B, T, C].

    Raises:
        ValueError: if C is not a multiple of H.
    """
    steps, channels = sequence.shape[1:]
    heads, taps = weight.shape[-2:]
    if channels % heads:
        raise ValueError(f"{channels} channels must be a multiple of {heads} heads")
    left = taps - 1 if causal else taps // 2
    windows = F.pad(sequence, (0, 0, left, taps - 1 - left)).unfold(1, taps, 1)  # [B, T, C, K]
    windows = windows.unflatten(2, (heads, channels // heads))
    shares = weight.softmax(dim=-1).expand(len(sequence), steps, heads, taps)
    return torch.einsum("bthck,bthk->bthc", windows, shares).flatten(2)


class LightConv1d(nn.Module):
    """The lightweight convolution: one set of weights for all steps (Wu et al. 2019, section 3).

    Args:
        channels: C.
        heads: H; the channels of a head share their weights.
        taps: K.
        causal: see :func:`light_conv`.

    >>> LightConv1d(8, heads=2, taps=3)(torch.rand(4, 10, 8)).shape
    torch.Size([4, 10, 8])
    """

    def __init__(self, channels: int, heads: int, taps: int, *, causal: bool = False):
        super().__init__()
        if min(channels, heads, taps) < 1 or channels % heads:
            raise ValueError(f"{channels} channels must be a positive multiple of {heads} heads, and taps positive")
        self.causal = causal
        self.weight = nn.Parameter(torch.empty(heads, taps))
        nn.init.xavier_uniform_(self.weight)

    def forward(self, sequence: Tensor) -> Tensor:
        """[B, T, C] to [B, T, C]."""
        return light_conv(sequence, self.weight, causal=self.causal)


class DynamicConv1d(nn.Module):
    """The dynamic convolution: every step writes the weights with which it reads its neighbours.

    w[b, t] = W^Q x[b, t] (Wu et al. 2019, "Pay Less Attention with Lightweight and Dynamic Convolutions", ICLR,
    arXiv 1901.10430, section 4): a hypernetwork of one layer, in place of self-attention.

    Args:
        channels: C.
        heads: H.
        taps: K.
        causal: see :func:`light_conv`.

    >>> DynamicConv1d(8, heads=2, taps=3, causal=True)(torch.rand(4, 10, 8)).shape
    torch.Size([4, 10, 8])
    """

    def __init__(self, channels: int, heads: int, taps: int, *, causal: bool = False):
        super().__init__()
        if min(channels, heads, taps) < 1 or channels % heads:
            raise ValueError(f"{channels} channels must be a positive multiple of {heads} heads, and taps positive")
        self.heads, self.taps, self.causal = heads, taps, causal
        self.query = nn.Linear(channels, heads * taps, bias=False)

    def forward(self, sequence: Tensor) -> Tensor:
        """[B, T, C] to [B, T, C]."""
        weight = self.query(sequence).unflatten(-1, (self.heads, self.taps))
        return light_conv(sequence, weight, causal=self.causal)
