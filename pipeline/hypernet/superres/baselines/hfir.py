"""Hypernetwork functional image representation (Klocek et al. 2019): the published hypernetwork of images.

The target network T_θ(y, x) of the paper has the hidden widths 32, 64, 256 and 64, cosines between its layers and a
sigmoid behind them; it sees coordinates alone. The hypernetwork is convolutional: an inception block, residual
convolutions, strided ones, and a dense layer that writes θ. Sizes of its layers are not in the paper: these are ours.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hypernet.layers import FunctionalMLP, WeightHeads
from hypernet.superres.core.encoder import CELLS
from hypernet.superres.core.functions import ImageFunction
from hypernet.superres.core.grids import as_points


class Cosine(nn.Module):
    """cos(x)."""

    def forward(self, values: Tensor) -> Tensor:
        """Of any shape."""
        return values.cos()


class Inception(nn.Module):
    """Convolutions 1x1, 3x3 and 5x5 and a pooled 1x1, side by side, each of a quarter of the channels."""

    def __init__(self, channels: int):
        super().__init__()
        each = channels // 4
        self.branches = nn.ModuleList(nn.Conv2d(1, each, size, padding=size // 2) for size in (1, 3, 5))
        self.pooled = nn.Conv2d(1, channels - 3 * each, 1)

    def forward(self, low: Tensor) -> Tensor:
        """``[B, 1, h, w]`` to ``[B, channels, h, w]``."""
        pooled = self.pooled(F.max_pool2d(low, 3, stride=1, padding=1))
        return torch.cat([*(branch(low) for branch in self.branches), pooled], dim=1).relu()


class FunctionalRepresentation(ImageFunction):
    """Image to the weights of T, a perceptron of coordinates; the state of an image is θ, ``[B, N]``.

    Args:
        channels: of the convolutions.
        embedding: entries of what the dense layer before the heads gives.
        widths: hidden widths of T.
    """

    def __init__(self, channels: int, embedding: int, widths: Sequence[int]):
        super().__init__()
        self.network = FunctionalMLP((2, *widths, 1), Cosine(), output_activation=nn.Sigmoid(), input_mean_square=1 / 3)
        self.inception = Inception(channels)
        self.residual = nn.ModuleList(nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2))
        self.strided = nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1)
        self.dense = nn.Linear(2 * channels * CELLS * CELLS, embedding)
        # Like our own network: a usable T that all images share, and a deviation of each.
        self.heads = WeightHeads(embedding, self.network, start="ordinary", generated_share=1.0)

    @property
    def multiply_adds(self) -> int:
        """See ``ImageFunction``."""
        return self.network.multiply_adds

    def encode(self, low: Tensor) -> Tensor:
        """See ``ImageFunction``: θ, ``[B, N]``."""
        seen = self.inception(low.unsqueeze(1))
        for convolution in self.residual:
            seen = seen + convolution(seen.relu())
        seen = self.strided(seen.relu()).relu()
        if seen.shape[-2:] != (CELLS, CELLS):
            seen = F.adaptive_avg_pool2d(seen, CELLS)
        return self.heads(self.dense(seen.flatten(1)).relu())

    def at(self, state: Tensor, points: Tensor) -> Tensor:
        """See ``ImageFunction``."""
        return self.network(points, state).squeeze(-1)

    def on_grid(self, state: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        """See ``ImageFunction``."""
        points = as_points(rows, columns).expand(len(state), -1, -1)
        return self.at(state, points).reshape(len(state), len(rows), len(columns))
