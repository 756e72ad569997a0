"""Voxels by transposed convolutions: the plain decoder of the years before implicit functions."""

from __future__ import annotations

from torch import Tensor, nn

from hypernet.shapes.core.frames import RESOLUTION
from hypernet.shapes.core.networks import VoxelDecoder

SMALLEST = 4


class DeconvolutionDecoder(VoxelDecoder):
    """e to 4³ cells, then three transposed convolutions that double the side: 4, 8, 16, 32.

    Args:
        size: E, entries of e.
        channels: of the 4³ cells; half of them after each doubling.
    """

    def __init__(self, size: int, channels: int):
        super().__init__()
        self.first = nn.Linear(size, channels * SMALLEST**3)
        modules: list[nn.Module] = []
        side, width = SMALLEST, channels
        while side < RESOLUTION:
            side *= 2
            out = 1 if side == RESOLUTION else width // 2
            modules += [nn.ReLU(), nn.ConvTranspose3d(width, out, 4, stride=2, padding=1)]
            width = out
        self.deconvolve = nn.Sequential(nn.Unflatten(1, (channels, SMALLEST, SMALLEST, SMALLEST)), *modules)

    def forward(self, embedding: Tensor) -> Tensor:
        """See ``VoxelDecoder``."""
        return self.deconvolve(self.first(embedding)).squeeze(1)
