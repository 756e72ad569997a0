"""What looks at the small image: three convolutions and two dense layers, the same for every network that embeds it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

CHANNELS = (32, 64, 64)
# Cells of a side that the last convolution is brought to; of 8x8 images it has these already.
CELLS = 4


class Encoder(nn.Module):
    """e(L): conv 3x3 (1 to 32), conv 3x3 stride 2 (to 64), conv 3x3 (to 64), two dense layers, ReLU after each.

    No normalisation over a batch: an image has the same embedding alone and among others. Starts after He et al.
    (2015): as torch starts its layers, e would be so small (E[e²] = 8e-4, here 3e-2) that every image begins with the
    same function, and a training of the default's length ends 0.7 dB lower.

    Args:
        size: d, entries of e.
    """

    def __init__(self, size: int):
        super().__init__()
        first, second, third = CHANNELS
        self.size = size
        self.convolutions = nn.Sequential(
            nn.Conv2d(1, first, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(first, second, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(second, third, 3, padding=1),
            nn.ReLU(),
        )
        self.dense = nn.Sequential(nn.Linear(third * CELLS * CELLS, size), nn.ReLU(), nn.Linear(size, size), nn.ReLU())
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                assert module.bias is not None
                nn.init.zeros_(module.bias)

    def forward(self, low: Tensor) -> Tensor:
        """Small images ``[B, h, w]`` in [0, 1] to e, ``[B, d]``."""
        seen = self.convolutions(low.unsqueeze(1))
        if seen.shape[-2:] != (CELLS, CELLS):
            seen = torch.nn.functional.adaptive_avg_pool2d(seen, CELLS)
        return self.dense(seen.flatten(1))
