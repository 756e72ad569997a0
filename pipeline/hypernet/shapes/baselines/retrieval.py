"""The training shape whose silhouette is nearest: no reconstruction at all (Tatarchenko et al., CVPR 2019)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Retrieval(nn.Module):
    """Gives the voxels of the training view whose opacity fits best.

    Args:
        shapes: number of training shapes.
        views: number of training views, of all shapes together.
        size: pixels of a thumbnail's side.
        framed: whether silhouettes are first cut to their own box, which gives up where they stand and how large they
            are.
    """

    thumbnails: Tensor
    owner: Tensor
    voxels: Tensor

    def __init__(self, shapes: int, views: int, size: int, framed: bool):
        super().__init__()
        self.size, self.framed = size, framed
        self.register_buffer("thumbnails", torch.zeros(views, size * size))
        self.register_buffer("owner", torch.zeros(views, dtype=torch.int64))
        self.register_buffer("voxels", torch.zeros(shapes, 32**3 // 8, dtype=torch.uint8))

    def look(self, images: Tensor) -> Tensor:
        """Thumbnails of the opacity, ``[B, size * size]`` in [0, 1]."""
        alpha = images[..., 3].to(torch.float32)[:, None] / 255
        if self.framed:
            alpha = torch.cat([_cut(picture) for picture in alpha])
        return F.interpolate(alpha, (self.size, self.size), mode="area").flatten(1)

    def nearest(self, images: Tensor) -> Tensor:
        """The training shape of every image, ``[B]``: of the largest soft IoU between silhouettes."""
        seen = self.look(images)
        both = seen @ self.thumbnails.T
        either = seen.sum(dim=1, keepdim=True) + self.thumbnails.sum(dim=1) - both
        return self.owner[(both / either.clamp_min(1e-6)).argmax(dim=1)]

    def forward(self, images: Tensor) -> Tensor:
        """uint8 RGBA ``[B, S, S, 4]`` to voxels, +1/2 inside and -1/2 outside, ``[B, 32, 32, 32]``."""
        packed = self.voxels[self.nearest(images)]
        bits = (packed[..., None] >> torch.arange(7, -1, -1, device=packed.device)) & 1
        return bits.flatten(1).view(-1, 32, 32, 32).to(torch.float32) - 0.5


def _cut(picture: Tensor) -> Tensor:
    """A silhouette ``[1, S, S]`` in the smallest square around it, ``[1, 1, S, S]``."""
    rows, columns = (picture[0] > 0.5).any(dim=1).nonzero()[:, 0], (picture[0] > 0.5).any(dim=0).nonzero()[:, 0]
    if not len(rows):
        return picture[None]
    top, left = int(rows[0]), int(columns[0])
    height, width = int(rows[-1]) + 1 - top, int(columns[-1]) + 1 - left
    side = max(height, width)
    before, above = (side - width) // 2, (side - height) // 2
    around = (before, side - width - before, above, side - height - above)
    square = F.pad(picture[:, top : top + height, left : left + width], around)
    return F.interpolate(square[None], picture.shape[1:], mode="area")
