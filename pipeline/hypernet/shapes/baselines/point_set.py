"""A set of points instead of a solid: Fan et al., "A Point Set Generation Network" (CVPR 2017), its plain decoder."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hypernet.shapes.core.encoder import ImageEmbedding


class PointSet(nn.Module):
    """Points on the surface of the object in an image.

    Args:
        embed: images to embeddings.
        hidden: width of the layer between the embedding and the coordinates.
        count: number of points.
    """

    def __init__(self, embed: ImageEmbedding, hidden: int, count: int):
        super().__init__()
        self.embed, self.count = embed, count
        self.decode = nn.Sequential(nn.ReLU(), nn.Linear(embed.size, hidden), nn.ReLU(), nn.Linear(hidden, 3 * count))

    def forward(self, images: Tensor) -> Tensor:
        """uint8 RGBA ``[B, S, S, 4]`` to points in the cube, ``[B, count, 3]``."""
        return torch.tanh(self.decode(self.embed(images))).unflatten(1, (self.count, 3))


def chamfer_loss(predicted: Tensor, truth: Tensor) -> Tensor:
    """Mean squared distance to the nearest point, both ways, summed: ``[B, P, 3]``, ``[B, Q, 3]`` to ``[]``."""
    distances = torch.cdist(predicted, truth, compute_mode="use_mm_for_euclid_dist")
    # The gradient of a root is infinite at zero: only the nearest pairs are looked at again, as squares.
    to_truth, to_predicted = distances.argmin(dim=2), distances.argmin(dim=1)
    nearest = truth.gather(1, to_truth[..., None].expand(-1, -1, 3))
    back = predicted.gather(1, to_predicted[..., None].expand(-1, -1, 3))
    return F.mse_loss(predicted, nearest) * 3 + F.mse_loss(back, truth) * 3
