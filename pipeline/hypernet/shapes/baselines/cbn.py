"""The decoder of Occupancy Networks: residual blocks whose batch normalisation is conditional on the image."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hypernet.shapes.core.networks import Decoder

BLOCKS = 5


class ConditionalNorm(nn.Module):
    """Batch normalisation whose gain and bias are linear in the embedding; they start as 1 and 0."""

    def __init__(self, size: int, width: int):
        super().__init__()
        self.norm = nn.BatchNorm1d(width, affine=False)
        self.gain, self.bias = nn.Linear(size, width), nn.Linear(size, width)
        for linear, start in ((self.gain, 1.0), (self.bias, 0.0)):
            nn.init.zeros_(linear.weight)
            nn.init.constant_(linear.bias, start)

    def forward(self, hidden: Tensor, embedding: Tensor) -> Tensor:
        """``[B, W, P]`` and ``[B, E]`` to ``[B, W, P]``."""
        return torch.addcmul(self.bias(embedding)[..., None], self.norm(hidden), self.gain(embedding)[..., None])


class ConditionalBlock(nn.Module):
    """x + conv(ReLU(norm(conv(ReLU(norm(x)))))); the last convolution starts at zero."""

    def __init__(self, size: int, width: int):
        super().__init__()
        self.norms = nn.ModuleList(ConditionalNorm(size, width) for _ in range(2))
        self.convolutions = nn.ModuleList(nn.Conv1d(width, width, 1) for _ in range(2))
        last = self.convolutions[1]
        assert isinstance(last, nn.Conv1d)
        nn.init.zeros_(last.weight)

    def forward(self, hidden: Tensor, embedding: Tensor) -> Tensor:
        """``[B, W, P]`` and ``[B, E]`` to ``[B, W, P]``."""
        change = hidden
        for norm, convolution in zip(self.norms, self.convolutions, strict=True):
            change = convolution(F.relu(norm(change, embedding)))
        return hidden + change


class ConditionalNormDecoder(Decoder):
    """The decoder of Mescheder et al., "Occupancy Networks" (CVPR 2019): five blocks of width 256.

    Args:
        size: E, entries of e.
        width: of the blocks.
    """

    def __init__(self, size: int, width: int):
        super().__init__()
        self.first = nn.Conv1d(3, width, 1)
        self.blocks = nn.ModuleList(ConditionalBlock(size, width) for _ in range(BLOCKS))
        self.norm = ConditionalNorm(size, width)
        self.last = nn.Conv1d(width, 1, 1)

    @property
    def multiply_adds(self) -> int:
        """See ``Decoder``."""
        return sum(module.weight.numel() for module in self.modules() if isinstance(module, nn.Conv1d))

    def forward(self, embedding: Tensor, points: Tensor) -> Tensor:
        """See ``Decoder``."""
        hidden = self.first(points.mT)
        for block in self.blocks:
            hidden = block(hidden, embedding)
        return self.last(F.relu(self.norm(hidden, embedding))).squeeze(1)
