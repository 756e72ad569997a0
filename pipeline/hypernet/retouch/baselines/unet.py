"""A small U-Net that redraws the image: what is learned is not bound to be a map of colours."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hypernet.retouch.core.functions import Retouching


class UNet(Retouching):
    """Image plus what a U-Net (Ronneberger et al. 2015) makes of it, at every pixel; the thumbnail is not looked at.

    Two 3x3 convolutions with ReLU at each resolution, halved by maxima and doubled by repetition, with the features of
    the same resolution beside them on the way up; no normalisation. The last layer is zero: it starts at the identity.

    Args:
        widths: channels at the full resolution, half, and so on; below the last come as many again.
    """

    def __init__(self, widths: Sequence[int] = (12, 24, 48)):
        super().__init__()
        self.down = nn.ModuleList(_block(*channels) for channels in pairwise((3, *widths)))
        self.bottom = _block(widths[-1], widths[-1])
        narrower = (widths[0], *widths)
        self.up = nn.ModuleList(_block(2 * wide, narrow) for narrow, wide in pairwise(narrower))
        self.out = nn.Conv2d(widths[0], 3, 1)
        for tensor in self.out.parameters():
            nn.init.zeros_(tensor)

    def forward(self, images: Tensor, thumbnails: Tensor) -> Tensor:
        """See ``Retouching``."""
        features = reflected(images, 2 ** len(self.down)) * 2 - 1
        beside = []
        for block in self.down:
            features = block(features)
            beside.append(features)
            features = F.max_pool2d(features, 2)
        features = self.bottom(features)
        for block in reversed(self.up):
            doubled = F.interpolate(features, scale_factor=2, mode="nearest")
            features = block(torch.cat([doubled, beside.pop()], dim=1))
        height, width = images.shape[2:]
        return images + self.out(features)[..., :height, :width]


def reflected(images: Tensor, multiple: int) -> Tensor:
    """Images continued to the right and below by their mirror image, to sides that are multiples of a number.

    Unlike ``pad``'s, the mirror image may be longer than the image: it is mirrored again.
    """
    for dim in (2, 3):
        length = images.shape[dim]
        if length % multiple:
            place = torch.arange(-(-length // multiple) * multiple, device=images.device) % (2 * (length - 1))
            images = images.index_select(dim, torch.minimum(place, 2 * (length - 1) - place))
    return images


def _block(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(outputs, outputs, 3, padding=1),
        nn.ReLU(),
    )
