"""What looks at the thumbnail: the same for every network that answers with numbers for the whole image."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from hypernet.retouch.core.statistics import STATISTICS, statistics

CHANNELS = (3, 16, 32, 64, 64)


class Encoder(nn.Module):
    """e(x): four convolutions 3x3 of stride 2, their mean and maximum over the image, global statistics, a dense layer.

    Args:
        size: entries of e.
        use_statistics: whether the 27 statistics are given too.
        dropout: share of e's entries that a training step leaves out.
    """

    def __init__(self, size: int, use_statistics: bool = True, dropout: float = 0.1):
        super().__init__()
        self.size, self.use_statistics = size, use_statistics
        layers: list[nn.Module] = []
        for given, out in pairwise(CHANNELS):
            layers += [nn.Conv2d(given, out, 3, stride=2, padding=1), nn.ReLU()]
        self.convolutions = nn.Sequential(*layers)
        features = 2 * CHANNELS[-1] + (STATISTICS if use_statistics else 0)
        self.dense = nn.Sequential(nn.Linear(features, size), nn.Dropout(dropout), nn.ReLU())

    def features(self, thumbnails: Tensor) -> Tensor:
        """What the dense layer is given."""
        maps = self.convolutions((thumbnails - 0.5) / 0.25).flatten(2)
        features = [maps.mean(dim=2), maps.amax(dim=2)]
        if self.use_statistics:
            features.append(statistics(thumbnails))
        return torch.cat(features, dim=1)

    def forward(self, thumbnails: Tensor) -> Tensor:
        """Thumbnails in [0, 1], ``[B, 3, S, S]``, to e, ``[B, size]``."""
        return self.dense(self.features(thumbnails))


class DeepEncoder(nn.Module):
    """The larger one, for thumbnails of 256: the classifier of Zeng et al. (TPAMI 2022) up to its last layer.

    Five convolutions 3x3 of stride 2 with LeakyReLU and, but for the last, InstanceNorm; dropout; a convolution over
    all that is left.

    Args:
        size: entries of e.
        dropout: share of the last features that a training step leaves out.
        side: of the thumbnails, a multiple of 32.
    """

    def __init__(self, size: int, dropout: float = 0.5, side: int = 256):
        super().__init__()
        self.size = size
        channels = (3, 16, 32, 64, 128, 128)
        layers: list[nn.Module] = []
        for given, out in pairwise(channels):
            layers += [nn.Conv2d(given, out, 3, stride=2, padding=1), nn.LeakyReLU(0.2)]
            layers.append(nn.InstanceNorm2d(out, affine=True))
        cells = side // 32
        self.layers = nn.Sequential(*layers[:-1], nn.Dropout(dropout), nn.Conv2d(channels[-1], size, cells), nn.ReLU())

    def forward(self, thumbnails: Tensor) -> Tensor:
        """Thumbnails in [0, 1], ``[B, 3, side, side]``, to e, ``[B, size]``."""
        return self.layers((thumbnails - 0.5) / 0.25).flatten(1)
