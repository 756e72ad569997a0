"""Global motion without a choice: every displacement counts by how likely it is, and one number says how sharply.

    p(d) = softmax over d of k times the sum over pairs of images of their log-likelihood

What a network on the same maps earns beyond this one learned number k is what its weights are for.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Sharpness(nn.Module):
    """The sum of maps times one learned number: ``[n, C, D, D] -> [n, D, D]``."""

    def __init__(self) -> None:
        super().__init__()
        self.sharpness = nn.Parameter(torch.ones(()))

    def forward(self, maps: Tensor) -> Tensor:
        """The logits of displacements, ``[n, D, D]``."""
        return self.sharpness * maps.sum(dim=1)
