"""What every network of this domain is: an embedding of the image, and what a decoder makes of it."""

from __future__ import annotations

import abc
from typing import Any

import torch
from torch import Tensor, nn


class Decoder(nn.Module, abc.ABC):
    """A function of a point and of an image's embedding."""

    @abc.abstractmethod
    def forward(self, embedding: Tensor, points: Tensor) -> Tensor:
        """Logits of the points of each image: ``[B, E]``, ``[B, P, 3]`` to ``[B, P]``; inside where positive."""

    @property
    @abc.abstractmethod
    def multiply_adds(self) -> int:
        """Multiplications with additions for one point, what is done once per image left out."""


class ConditionalShape(nn.Module):
    """The occupancy function of what is seen (or heard): an embedding, and a decoder that reads it.

    Args:
        embed: images to embeddings.
        decode: of points, given embeddings.
    """

    def __init__(self, embed: nn.Module, decode: Decoder):
        super().__init__()
        self.embed, self.decode = embed, decode

    def forward(self, images: Any, points: Tensor) -> Tensor:
        """uint8 RGBA ``[B, S, S, 4]`` and points ``[B, P, 3]`` to logits ``[B, P]``.

        In mixed precision only the embedding is computed in half: a decoder with rounded weights loses thin parts.
        """
        embedding = self.embed(images)
        with torch.autocast(embedding.device.type, enabled=False):
            return self.decode(embedding.float(), points)


class VoxelDecoder(nn.Module, abc.ABC):
    """A grid of voxels from an image's embedding."""

    @abc.abstractmethod
    def forward(self, embedding: Tensor) -> Tensor:
        """``[B, E]`` to logits on the evaluation grid, ``[B, 32, 32, 32]``; inside where positive."""


class VoxelShape(nn.Module):
    """An image's voxels.

    Args:
        embed: images to embeddings.
        decode: embeddings to voxels.
    """

    def __init__(self, embed: nn.Module, decode: VoxelDecoder):
        super().__init__()
        self.embed, self.decode = embed, decode

    def forward(self, images: Tensor) -> Tensor:
        """uint8 RGBA ``[B, S, S, 4]`` to logits ``[B, 32, 32, 32]``."""
        return self.decode(self.embed(images))
