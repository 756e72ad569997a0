"""One network per class, for images whose class is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from torch import Tensor, nn

from hypernet.shapes.core.networks import ConditionalShape


class PerClass(nn.Module):
    """As many networks as classes, each of which sees the images of its own class only.

    Args:
        networks: by class.
    """

    def __init__(self, networks: Sequence[ConditionalShape]):
        super().__init__()
        self.networks = nn.ModuleList(networks)

    def of_class(self, place: int) -> ConditionalShape:
        """The network of one class."""
        return cast(ConditionalShape, self.networks[place])

    def forward(self, images: Tensor, points: Tensor, classes: Tensor) -> Tensor:
        """uint8 RGBA ``[B, S, S, 4]``, points ``[B, P, 3]``, classes ``[B]`` to logits ``[B, P]``."""
        logits = points.new_empty(points.shape[:2])
        for place in classes.unique().tolist():
            rows = (classes == place).nonzero()[:, 0]
            logits = logits.index_copy(0, rows, self.of_class(place)(images[rows], points[rows]))
        return logits
