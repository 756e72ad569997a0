"""f: from a response to the vector from which the weights are written (in the baselines: an input of the GRU)."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn


class MLPEncoder(nn.Sequential):
    """All channels of all frequencies at once through fully connected layers.

    Args:
        channels: channels of the response, the position included.
        points: d, number of frequencies.
        widths: hidden widths.
        size: E, entries of the result.
    """

    def __init__(self, channels: int, points: int, widths: list[int], size: int):
        layers: list[nn.Module] = [nn.Flatten()]
        before = channels * points
        for width in widths:
            layers += [nn.Linear(before, width), nn.ReLU()]
            before = width
        super().__init__(*layers, nn.Linear(before, size))


class ResidualBlock(nn.Module):
    """Two convolutions and a shortcut that halve the length (He et al. 2016), here in one dimension."""

    def __init__(self, before: int, after: int, kernel: int):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(before, after, kernel, stride=2, padding=kernel // 2, bias=False),
            nn.BatchNorm1d(after),
            nn.ReLU(),
            nn.Conv1d(after, after, kernel, padding=kernel // 2, bias=False),
            nn.BatchNorm1d(after),
        )
        self.shortcut = nn.Sequential(nn.Conv1d(before, after, 1, stride=2, bias=False), nn.BatchNorm1d(after))

    def forward(self, x: Tensor) -> Tensor:
        """``[B, before, L] -> [B, after, ceil(L / 2)]``."""
        return torch.relu(self.body(x) + self.shortcut(x))


class MultiScaleResNet(nn.Module):
    """Multi-scale one-dimensional ResNet: three branches with kernels of 3, 5 and 7 points.

    The talk gives the name; sizes follow the public Multi-Scale-1D-ResNet (F. Wang et al.), with padding that keeps
    lengths, so that any number of frequencies goes in. What is left of the axis is flattened: an average over it would
    lose where on the frequency axis something is.

    Args:
        channels: channels of the response, the position included.
        points: d, number of frequencies.
        widths: channels after the stem and after each block of a branch.
        hidden: width of the layer before the last.
        size: E, entries of the result.
        pool: ``flatten`` or ``average``.
    """

    KERNELS = (3, 5, 7)

    def __init__(self, channels: int, points: int, widths: list[int], hidden: int, size: int, pool: str):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv1d(channels, widths[0], 7, stride=2, padding=3, bias=False),
            nn.BatchNorm1d(widths[0]),
            nn.ReLU(),
            nn.MaxPool1d(3, stride=2, padding=1),
        )
        last: nn.Module = nn.Flatten() if pool == "flatten" else nn.Sequential(nn.AdaptiveAvgPool1d(1), nn.Flatten())
        pairs = list(pairwise(widths))
        self.branches = nn.ModuleList(
            nn.Sequential(*(ResidualBlock(*pair, kernel) for pair in pairs)) for kernel in self.KERNELS
        )
        self.pool = last
        left = points
        for _ in range(2 + len(pairs)):
            left = (left + 1) // 2
        joined = len(self.KERNELS) * widths[-1] * (left if pool == "flatten" else 1)
        self.head = nn.Sequential(nn.Linear(joined, hidden), nn.ReLU(), nn.Linear(hidden, size))

    def forward(self, x: Tensor) -> Tensor:
        """``[B, channels, d] -> [B, E]``."""
        x = self.stem(x)
        joined = torch.cat([self.pool(branch(x)) for branch in self.branches], dim=1)
        features: Tensor = self.head(joined)
        return features


class ResponseEncoder(nn.Module):
    """A standardised response with the position on the frequency axis beside it, through one of the encoders.

    Args:
        body: maps ``[B, C + 1, d]`` to ``[B, E]``.
        mean: mean compressed response of the training circuits, ``[C, d]``.
        deviation: their standard deviation, ``[C, d]``.
        position: log w scaled to [-1, 1], ``[d]``.
    """

    mean: Tensor
    deviation: Tensor
    position: Tensor

    def __init__(self, body: nn.Module, mean: Tensor, deviation: Tensor, position: Tensor):
        super().__init__()
        self.body = body
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)
        self.register_buffer("position", position)

    def forward(self, response: Tensor) -> Tensor:
        """e: compressed responses ``[B, C, d]`` -> ``[B, E]``."""
        position = self.position.expand(len(response), 1, -1)
        features: Tensor = self.body(torch.cat([(response - self.mean) / self.deviation, position], dim=1))
        return features
