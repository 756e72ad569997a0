"""What looks at the image: residual convolutions, then the fully connected trunk that ends in the embedding e."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

CHANNELS = 4
LEAK = 0.2


class Unit(NamedTuple):
    """One residual unit: its output channels, and the stride of its first convolution."""

    channels: int
    stride: int


def tiled_skip(images: Tensor, channels: int, stride: int) -> Tensor:
    """The shortcut past a unit that changes shape: a fixed map, not trained.

    Every ``stride``-th pixel, ``[B, M, h, w]`` to ``[B, channels, ceil(h / stride), ceil(w / stride)]``; output channel
    o copies input channel o mod M.
    """
    thinned = images[:, :, ::stride, ::stride]
    given = images.shape[1]
    if channels == given:
        return thinned
    return thinned.repeat(1, -(-channels // given), 1, 1)[:, :channels]


class ResidualUnit(nn.Module):
    """Pre-activation unit: ReLU, conv 3x3 (stride), ReLU, conv 3x3, plus the shortcut."""

    def __init__(self, given: int, unit: Unit):
        super().__init__()
        self.unit = unit
        self.first = nn.Conv2d(given, unit.channels, 3, unit.stride, padding=1)
        self.second = nn.Conv2d(unit.channels, unit.channels, 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        """``[B, given, h, w]`` to ``[B, channels, ceil(h / stride), ceil(w / stride)]``."""
        change = self.second(F.relu(self.first(F.relu(images))))
        return tiled_skip(images, self.unit.channels, self.unit.stride) + change


class ResidualEncoder(nn.Module):
    """RGBA images to one feature vector each: conv 5x5, residual units, mean over the pixels.

    As in the authors' code (github.com/gidilittwin/Deep-Meta): no batch normalisation, and no ReLU after the last unit.

    Args:
        channels: of the first convolution.
        stride: of the first convolution.
        units: the residual units, in order.
    """

    def __init__(self, channels: int, stride: int, units: Sequence[Unit]):
        super().__init__()
        widths = [channels, *(unit.channels for unit in units)]
        self.first = nn.Conv2d(CHANNELS, channels, 5, stride, padding=2)
        self.units = nn.Sequential(*(ResidualUnit(given, unit) for given, unit in zip(widths, units, strict=False)))
        self.feature_count = widths[-1]
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                assert module.bias is not None
                nn.init.zeros_(module.bias)

    def forward(self, images: Tensor) -> Tensor:
        """RGBA in [0, 1], ``[B, 4, S, S]``, to ``[B, feature_count]``."""
        return self.units(self.first(images)).mean(dim=(2, 3))


class ImageEmbedding(nn.Module):
    """f without its heads: the image's embedding e.

    Two fully connected layers stand on the residual encoder: FC, leaky ReLU (0.2), FC.

    Args:
        encoder: the convolutions.
        hidden: width of the first fully connected layer.
        size: E, entries of e.
    """

    def __init__(self, encoder: ResidualEncoder, hidden: int, size: int):
        super().__init__()
        self.encoder, self.size = encoder, size
        self.trunk = nn.Sequential(
            nn.Linear(encoder.feature_count, hidden), nn.LeakyReLU(LEAK), nn.Linear(hidden, size)
        )

    def forward(self, images: Tensor) -> Tensor:
        """uint8 RGBA ``[B, S, S, 4]`` to e, ``[B, E]``."""
        return self.trunk(self.encoder(as_channels(images)))


def as_channels(images: Tensor) -> Tensor:
    """uint8 RGBA ``[B, S, S, 4]`` as float32 in [0, 1], ``[B, 4, S, S]``."""
    return images.permute(0, 3, 1, 2).to(torch.float32) / 255
