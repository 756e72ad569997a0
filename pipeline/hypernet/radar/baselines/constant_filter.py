"""The same filters for all images: what is left of dynamic convolution when they do not depend on the input.

A network that has learned nothing but the prevailing wind does no better.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hypernet.layers.dynamic_conv import separable_dynamic_conv
from hypernet.radar.core.frames import Geometry


class ConstantFilter(nn.Module):
    """One trained vertical and one horizontal filter: ``[B, 4, N, N] -> [B, N - 2 m, N - 2 m]``."""

    def __init__(self, geometry: Geometry):
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(2, geometry.taps))
        self._beyond = geometry.margin - geometry.taps // 2

    def forward(self, frames: Tensor) -> Tensor:
        """The centre of the next image."""
        reach = slice(self._beyond, frames.shape[-1] - self._beyond)
        return separable_dynamic_conv(frames[:, -1, reach, reach], *self.filters(frames))

    def filters(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """The filters, for each of the images: ``[B, K]`` both."""
        vertical, horizontal = self.logits.softmax(dim=-1).expand(len(frames), -1, -1).unbind(1)
        return vertical, horizontal
