"""Image-adaptive 3-D look-up tables (Zeng et al., TPAMI 2022; github.com/HuiZeng/Image-Adaptive-3DLUT)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hypernet.retouch.core.functions import Retouching


class ImageAdaptiveLut(Retouching):
    """A few learned tables of colours, mixed for each image as a network says of its thumbnail, read trilinearly.

    The first table starts as the identity and the others as zero. All weights start at 1, as in the authors' code, and
    that of the first at 1 exactly: the method starts at the identity.

    Args:
        encoder: thumbnails ``[B, 3, S, S]`` to features ``[B, size]``, with the attribute ``size``.
        count: tables, K.
        side: entries along each axis of a table, D.
        lambda_smooth: weight of the tables' roughness and of the squared mixing weights.
        lambda_monotonicity: weight of what falls in the tables.
    """

    def __init__(
        self,
        encoder: nn.Module,
        count: int = 3,
        side: int = 33,
        lambda_smooth: float = 1e-4,
        lambda_monotonicity: float = 10.0,
    ):
        super().__init__()
        self.encoder = encoder
        assert isinstance(encoder.size, int)
        self.head = nn.Linear(encoder.size, count)
        nn.init.ones_(self.head.bias)
        with torch.no_grad():
            # Not those of the others: tables and weights that are both zero would never leave it.
            self.head.weight[0].zero_()
        tables = torch.zeros(count, 3, side, side, side)
        tables[0] = identity_table(side)
        # [K, 3, D, D, D]: table, channel, then blue, green and red of the colour that is looked up.
        self.tables = nn.Parameter(tables)
        self.lambda_smooth = lambda_smooth
        self.lambda_monotonicity = lambda_monotonicity

    def weights(self, thumbnails: Tensor) -> Tensor:
        """How the tables are mixed for each image, ``[B, K]``."""
        return self.head(self.encoder(thumbnails))

    def table(self, weights: Tensor) -> Tensor:
        """The table of each image, ``[B, 3, D, D, D]``: channel, then blue, green and red."""
        return torch.einsum("bk,kcxyz->bcxyz", weights, self.tables)

    def forward(self, images: Tensor, thumbnails: Tensor) -> Tensor:
        """See ``Retouching``."""
        return self.mapped(images, self.weights(thumbnails))

    def mapped(self, images: Tensor, weights: Tensor) -> Tensor:
        """Images through their tables; colours outside [0, 1] are those of the nearest inside."""
        return looked_up(self.table(weights), images)

    def regulariser(self, weights: Tensor | None = None) -> Tensor:
        """What the authors add to the loss; its share of the mixing weights ``[B, K]`` only where they are given."""
        rough = falling = self.tables.new_zeros(())
        for axis in (2, 3, 4):
            steps = self.tables.diff(dim=axis)
            # Steps at both ends of an axis count twice. Means are of a table, sums over tables.
            ends = steps.index_select(axis, torch.tensor([0, steps.shape[axis] - 1], device=steps.device))
            rough = rough + (steps.square().sum() + ends.square().sum()) / steps[0].numel()
            falling = falling + (-steps).relu().sum() / steps[0].numel()
        if weights is not None:
            rough = rough + weights.square().mean()
        return self.lambda_smooth * rough + self.lambda_monotonicity * falling


def identity_table(side: int) -> Tensor:
    """The table that changes nothing, ``[3, D, D, D]``: channel, then blue, green and red."""
    levels = torch.linspace(0, 1, side)
    blue, green, red = torch.meshgrid(levels, levels, levels, indexing="ij")
    return torch.stack([red, green, blue])


def looked_up(tables: Tensor, images: Tensor) -> Tensor:
    """Trilinear: tables ``[B, 3, D, D, D]`` (channel, blue, green, red) at the colours of images ``[B, 3, H, W]``."""
    # The last axis of a table is the first coordinate: red, green, blue, as the channels of an image are.
    places = images.clamp(0, 1).permute(0, 2, 3, 1)[:, None] * 2 - 1
    return F.grid_sample(tables, places, mode="bilinear", padding_mode="border", align_corners=True)[:, :, 0]
