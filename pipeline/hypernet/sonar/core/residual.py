"""The residual network that listens: that of `hypernet.shapes`, and batch normalisation; without it it learns slowly.

Spectrograms of echoes are alike in most of their pixels, so what tells objects apart is small beside what all share.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from hypernet.shapes.core.encoder import Unit, tiled_skip


class NormalisedUnit(nn.Module):
    """Pre-activation unit: BN, ReLU, conv 3x3 (stride), BN, ReLU, conv 3x3, plus the shortcut."""

    def __init__(self, given: int, unit: Unit):
        super().__init__()
        self.unit = unit
        self.norms = nn.ModuleList([nn.BatchNorm2d(given), nn.BatchNorm2d(unit.channels)])
        self.first = nn.Conv2d(given, unit.channels, 3, unit.stride, padding=1, bias=False)
        self.second = nn.Conv2d(unit.channels, unit.channels, 3, padding=1, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        """``[B, given, h, w]`` to ``[B, channels, ceil(h / stride), ceil(w / stride)]``."""
        change = self.second(F.relu(self.norms[1](self.first(F.relu(self.norms[0](maps))))))
        return tiled_skip(maps, self.unit.channels, self.unit.stride) + change


class SpectrogramEncoder(nn.Module):
    """Spectrograms to maps: conv 5x5, residual units, BN, ReLU.

    Args:
        channels: of the first convolution.
        stride: of the first convolution.
        units: the residual units, in order.
        given: M, channels of a spectrogram.
    """

    def __init__(self, channels: int, stride: int, units: Sequence[Unit], given: int):
        super().__init__()
        widths = [channels, *(unit.channels for unit in units)]
        self.first = nn.Conv2d(given, channels, 5, stride, padding=2)
        self.units = nn.Sequential(*(NormalisedUnit(before, unit) for before, unit in zip(widths, units, strict=False)))
        self.last = nn.BatchNorm2d(widths[-1])
        self.feature_count, self.strides = widths[-1], [stride, *(unit.stride for unit in units)]

    def extent(self, side: int) -> int:
        """Pixels along a side of the maps, of a spectrogram with ``side`` of them."""
        for stride in self.strides:
            side = -(-side // stride)
        return side

    def forward(self, pictures: Tensor) -> Tensor:
        """``[B, M, F, T]`` to ``[B, feature_count, extent(F), extent(T)]``."""
        return F.relu(self.last(self.units(self.first(pictures))))
