"""The control of the whole-image dynamic convolution: the same network reads the images, fixed weights put out pixels.

Where the hypernetwork writes filters from the features of the trunk, here the features are further channels of the four
images, and ordinary convolutions make the forecast of them. They reach as far as the filters, and both have the same
number of parameters within 2 %.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hypernet.lab.runs.models import count_parameters
from hypernet.radar.core.frames import INPUTS, Geometry
from hypernet.radar.core.trunk import Layer, Trunk

# Most hidden channels, and most maps that the features are laid out to.
MOST_CHANNELS, MOST_MAPS = 512, 16


class PixelCNN(nn.Module):
    """Images and their features through convolutions to pixels: ``[B, 4, N, N] -> [B, N - 2 m, N - 2 m]``.

    Squares of f x f pixels become channels, so that two convolutions of the given kernel reach as far as the
    displacement filters do; at the end the channels become pixels again. What is put out is added to the last image.

    Args:
        geometry: sizes.
        layers: see ``hypernet.radar.core.trunk.Trunk``.
        hidden: likewise.
        kernel: width and height of the convolutions, odd, 3 or more.
        parameters: how many the network it is the control of has; channels are chosen by it.
    """

    def __init__(self, geometry: Geometry, layers: Sequence[Layer], hidden: int, kernel: int, parameters: int):
        super().__init__()
        self.trunk = Trunk(geometry.size, layers, hidden)
        self.normalisation = nn.LayerNorm(hidden)
        self.margin = geometry.margin
        self.square = max(1, -(-(geometry.taps // 2) // (2 * (kernel // 2))))
        channels, maps = _sizes(parameters - count_parameters(self), self.square, kernel, hidden)
        self.embedding = nn.Linear(hidden, maps)
        self.first = nn.Conv2d(INPUTS * self.square**2 + maps, channels, kernel, padding=kernel // 2)
        self.second = nn.Conv2d(channels, self.square**2, kernel, padding=kernel // 2)
        assert self.second.bias is not None
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)

    def forward(self, frames: Tensor) -> Tensor:
        """The centre of the next image, ``[B, N - 2 m, N - 2 m]``."""
        size = frames.shape[-1]
        features = self.embedding(self.normalisation(self.trunk(frames)))[..., None, None]
        missing = -size % self.square
        squares = F.pixel_unshuffle(F.pad(frames, (0, missing, 0, missing)), self.square)
        maps = torch.cat([squares, features.expand(-1, -1, *squares.shape[-2:])], dim=1)
        if maps.device.type == "cpu":
            maps = maps.contiguous(memory_format=torch.channels_last)
        change = F.pixel_shuffle(self.second(self.first(maps).relu()), self.square)[:, 0]
        inner = slice(self.margin, size - self.margin)
        return frames[:, -1, inner, inner] + change[:, inner, inner]


def _sizes(parameters: int, square: int, kernel: int, hidden: int) -> tuple[int, int]:
    """Hidden channels and maps of features with which the convolutions have nearest to ``parameters``."""
    best, choice = float("inf"), (1, 1)
    for maps in range(1, MOST_MAPS + 1):
        fixed = maps * (hidden + 1) + square**2
        each = (INPUTS * square**2 + maps) * kernel**2 + 1 + square**2 * kernel**2
        channels = min(MOST_CHANNELS, max(1, round((parameters - fixed) / each)))
        off = abs(fixed + channels * each - parameters)
        if off < best:
            best, choice = off, (channels, maps)
    return choice
