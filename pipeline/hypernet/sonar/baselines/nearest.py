"""The training object whose echo is nearest: no reconstruction at all (Tatarchenko et al., CVPR 2019)."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hypernet.sonar.core.spectrograms import Spectrogram

Representation = Literal["magnitude", "envelope"]


class NearestEcho(nn.Module):
    """Gives the voxels of the training echo that is nearest in Euclidean distance.

    Args:
        spectrogram: the transform, with the constants of the training echoes.
        representation: ``magnitude``: log magnitudes over frequency and time; ``envelope``: the logarithm of their
            power over all frequencies, the range profile alone.
        frames: windows of time that are averaged before comparing.
        length: numbers that are compared.
        echoes: number of training echoes.
        objects: number of training objects.
    """

    known: Tensor
    owner: Tensor
    voxels: Tensor

    def __init__(
        self,
        spectrogram: Spectrogram,
        representation: Representation,
        frames: int,
        length: int,
        echoes: int,
        objects: int,
    ):
        super().__init__()
        self.spectrogram, self.representation, self.frames = spectrogram, representation, frames
        self.register_buffer("known", torch.zeros(echoes, length))
        self.register_buffer("owner", torch.zeros(echoes, dtype=torch.int64))
        self.register_buffer("voxels", torch.zeros(objects, 32**3 // 8, dtype=torch.uint8))

    @property
    def size(self) -> int:
        """How many numbers are compared."""
        return self.known.shape[1]

    def listen(self, echoes: Tensor) -> Tensor:
        """What is compared of echoes ``[B, C, T]``, ``[B, length]``."""
        return compared(self.spectrogram, self.representation, self.frames, echoes)

    def nearest(self, echoes: Tensor) -> Tensor:
        """The training object of every echo, ``[B]``."""
        return self.owner[torch.cdist(self.listen(echoes), self.known).argmin(dim=1)]

    def forward(self, echoes: Tensor) -> Tensor:
        """Echoes in Pa ``[B, C, T]`` to voxels, +1/2 inside and -1/2 outside, ``[B, 32, 32, 32]``."""
        packed = self.voxels[self.nearest(echoes)]
        bits = (packed[..., None] >> torch.arange(7, -1, -1, device=packed.device)) & 1
        return bits.flatten(1).view(-1, 32, 32, 32).to(torch.float32) - 0.5


@torch.no_grad()
def compared(spectrogram: Spectrogram, representation: Representation, frames: int, echoes: Tensor) -> Tensor:
    """What :class:`NearestEcho` compares of echoes ``[B, C, T]``, ``[B, length]``."""
    spectrum = spectrogram(echoes)
    if representation == "envelope":
        pictures = 0.5 * torch.log(spectrum.abs().square().mean(dim=2) + 1e-6)
    else:
        pictures = spectrogram.magnitude(spectrum).flatten(1, 2)
    return F.avg_pool1d(pictures, frames, ceil_mode=True).flatten(1)
