"""Generators of image-to-image translation: pix2pix (Isola et al. 2017) and CycleGAN (Zhu et al. 2017).

Layer by layer those of github.com/junyanz/pytorch-CycleGAN-and-pix2pix with instance normalisation, which is what
batch normalisation is at pix2pix' batch of a single image. They draw the whole image through a tanh, and so do not
start at the identity; neither looks at the thumbnail.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hypernet.retouch.baselines.unet import reflected
from hypernet.retouch.core.functions import Retouching

# Of the normal distribution that all convolutions start from.
START_SD = 0.02


class Pix2PixGenerator(Retouching):
    """The U-Net of pix2pix: 4x4 convolutions that halve, down to a bottleneck, and back with skips.

    Args:
        width: channels after the first halving; they double up to 8 times as many.
        depth: halvings; 8 in the paper, for 256 pixels. Sides are continued to multiples of 2 to this power.
        dropout: share that is dropped in the middle layers while training; the paper's only noise, there at test too.
    """

    def __init__(self, width: int = 64, depth: int = 8, dropout: float = 0.5):
        super().__init__()
        channels = [width * min(1 << level, 8) for level in range(depth)]
        self.down = nn.ModuleList()
        self.up = nn.ModuleList()
        for level, outputs in enumerate(channels):
            first, innermost = level == 0, level == depth - 1
            above = 3 if first else channels[level - 1]
            down: list[nn.Module] = [nn.Conv2d(above, outputs, 4, stride=2, padding=1)]
            joined = outputs if innermost else 2 * outputs
            up: list[nn.Module] = [nn.ReLU(), nn.ConvTranspose2d(joined, above, 4, stride=2, padding=1)]
            if not first:
                down = [nn.LeakyReLU(0.2), *down]
                up.append(nn.InstanceNorm2d(above))
                if not innermost:
                    down.append(nn.InstanceNorm2d(outputs))
            if 4 <= level < depth - 1:
                up.append(nn.Dropout(dropout))
            self.down.append(nn.Sequential(*down))
            self.up.append(nn.Sequential(*up))
        self.apply(_start)

    def forward(self, images: Tensor, thumbnails: Tensor) -> Tensor:
        """See ``Retouching``."""
        features = reflected(images, 2 ** len(self.down)) * 2 - 1
        beside = []
        for down in self.down:
            features = down(features)
            beside.append(features)
        features = beside.pop()
        for up in reversed(self.up):
            drawn = up(features)
            features = torch.cat([beside.pop(), drawn], dim=1) if beside else drawn
        height, width = images.shape[2:]
        return (features.tanh()[..., :height, :width] + 1) / 2


class CycleGanGenerator(Retouching):
    """The residual network of CycleGAN: two halvings, residual blocks, two doublings; reflection padding.

    Args:
        width: channels at the full resolution.
        blocks: residual blocks; 9 in the paper for 256 pixels and 6 for 128.
    """

    def __init__(self, width: int = 64, blocks: int = 9):
        super().__init__()
        self.layers = nn.Sequential(
            nn.ReflectionPad2d(3),
            nn.Conv2d(3, width, 7),
            *_normalised(width),
            nn.Conv2d(width, 2 * width, 3, stride=2, padding=1),
            *_normalised(2 * width),
            nn.Conv2d(2 * width, 4 * width, 3, stride=2, padding=1),
            *_normalised(4 * width),
            *(Residual(4 * width) for _ in range(blocks)),
            nn.ConvTranspose2d(4 * width, 2 * width, 3, stride=2, padding=1, output_padding=1),
            *_normalised(2 * width),
            nn.ConvTranspose2d(2 * width, width, 3, stride=2, padding=1, output_padding=1),
            *_normalised(width),
            nn.ReflectionPad2d(3),
            nn.Conv2d(width, 3, 7),
            nn.Tanh(),
        )
        self.apply(_start)

    def forward(self, images: Tensor, thumbnails: Tensor) -> Tensor:
        """See ``Retouching``."""
        height, width = images.shape[2:]
        return (self.layers(reflected(images, 4) * 2 - 1)[..., :height, :width] + 1) / 2


class Residual(nn.Module):
    """x plus two convolutions of it."""

    def __init__(self, channels: int):
        super().__init__()
        self.layers = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            *_normalised(channels),
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            nn.InstanceNorm2d(channels),
        )

    def forward(self, features: Tensor) -> Tensor:
        """``[B, channels, h, w]``."""
        return features + self.layers(features)


def _normalised(channels: int) -> tuple[nn.Module, nn.Module]:
    return nn.InstanceNorm2d(channels), nn.ReLU()


def _start(layer: nn.Module) -> None:
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(layer.weight, 0.0, START_SD)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
