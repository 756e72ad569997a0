"""Convolutional networks of one scale: sub-pixel convolution (ESPCN) and interpolation first (SRCNN)."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from hypernet.superres.core.functions import Upscaler


class SubPixel(Upscaler):
    """ESPCN (Shi et al. 2016): conv 5x5 (64), conv 3x3 (32), conv 3x3 to r_y r_x channels, which become pixels; tanh.

    Args:
        scale: r_y and r_x, how many rows and columns a pixel becomes.
    """

    def __init__(self, scale: tuple[int, int]):
        super().__init__()
        self.scale = scale
        self.layers = nn.Sequential(
            nn.Conv2d(1, 64, 5, padding=2),
            nn.Tanh(),
            nn.Conv2d(64, 32, 3, padding=1),
            nn.Tanh(),
            nn.Conv2d(32, scale[0] * scale[1], 3, padding=1),
        )

    def forward(self, low: Tensor) -> Tensor:
        """See ``Upscaler``."""
        count, height, width = low.shape
        channels = self.layers(low.unsqueeze(1)).reshape(count, *self.scale, height, width)
        return channels.permute(0, 3, 1, 4, 2).reshape(count, height * self.scale[0], width * self.scale[1])


class InterpolatedFirst(Upscaler):
    """SRCNN (Dong et al. 2014): bicubic interpolation, then conv 9x9 (64), 1x1 (32), 5x5 with ReLU between.

    Args:
        scale: how many rows and columns a pixel becomes.
    """

    def __init__(self, scale: tuple[int, int]):
        super().__init__()
        self.scale = scale
        self.layers = nn.Sequential(
            nn.Conv2d(1, 64, 9, padding=4),
            nn.ReLU(),
            nn.Conv2d(64, 32, 1),
            nn.ReLU(),
            nn.Conv2d(32, 1, 5, padding=2),
        )

    def forward(self, low: Tensor) -> Tensor:
        """See ``Upscaler``."""
        size = (low.shape[1] * self.scale[0], low.shape[2] * self.scale[1])
        blurred = F.interpolate(low.unsqueeze(1), size, mode="bicubic", align_corners=False)
        return self.layers(blurred).squeeze(1)
