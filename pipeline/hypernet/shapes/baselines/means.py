"""The mean of the training shapes: of all of them, or of the class (which nobody would know: an oracle)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from hypernet.shapes.core.metrics import iou

# Shares of training shapes that fill a voxel, above which it counts as inside: the validation shapes choose one.
LEVELS = tuple(round(0.05 * step, 2) for step in range(1, 20))


class MeanShape(nn.Module):
    """The share of training shapes that fill each voxel, above a level.

    Args:
        groups: number of means: 1, or one per class.
    """

    mean: Tensor
    level: Tensor

    def __init__(self, groups: int):
        super().__init__()
        self.groups = groups
        self.register_buffer("mean", torch.zeros(groups, 32, 32, 32))
        self.register_buffer("level", torch.zeros(()))

    def fit(self, voxels: Tensor, classes: Tensor, held_out: Tensor, held_out_classes: Tensor) -> None:
        """Take the means of training voxels, and the level with the best mean IoU on held-out ones.

        Args:
            voxels: bool ``[n, 32, 32, 32]``.
            classes: of the training shapes, ``[n]``.
            held_out: bool ``[m, 32, 32, 32]``.
            held_out_classes: ``[m]``.
        """
        for group in range(self.groups):
            members = voxels if self.groups == 1 else voxels[classes == group]
            if len(members):
                self.mean[group] = members.float().mean(dim=0)
        rows = torch.zeros_like(held_out_classes) if self.groups == 1 else held_out_classes
        scores = []
        for level in LEVELS:
            predicted = (self.mean > level)[rows]
            scores.append(float(np.mean(iou(predicted.numpy(), held_out.numpy()))))
        self.level.fill_(LEVELS[max(range(len(LEVELS)), key=scores.__getitem__)])

    def forward(self, classes: Tensor) -> Tensor:
        """Logits of shapes of these classes, ``[B]`` to ``[B, 32, 32, 32]``; positive inside."""
        rows = torch.zeros_like(classes) if self.groups == 1 else classes
        return (self.mean - self.level)[rows]
