"""What every method is that turns a small image into an image function, or into one larger image."""

from __future__ import annotations

import abc

from torch import Tensor, nn


class ImageFunction(nn.Module, abc.ABC):
    """A function of the image plane for every small image: g(y, x; L), sampled at any points.

    The small image is looked at once; what it leaves behind, its state, is all that sampling needs.
    """

    @property
    @abc.abstractmethod
    def multiply_adds(self) -> int:
        """Multiplications with additions for one point, what is done once per image left out."""

    @abc.abstractmethod
    def encode(self, low: Tensor) -> Tensor:
        """Small images ``[B, h, w]`` in [0, 1] to their states, ``[B, ...]``."""

    @abc.abstractmethod
    def at(self, state: Tensor, points: Tensor) -> Tensor:
        """Values at points (y, x) of each image: states ``[B, ...]`` and ``[B, P, 2]`` to ``[B, P]``."""

    @abc.abstractmethod
    def on_grid(self, state: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        """Values on a grid, as ``at`` but faster: coordinates ``[n]`` of its rows and ``[m]`` of its columns.

        Returns:
            ``[B, n, m]``.
        """


class Upscaler(nn.Module, abc.ABC):
    """One larger image for every small one, of one fixed size: it cannot be asked for another."""

    @abc.abstractmethod
    def forward(self, low: Tensor) -> Tensor:
        """Small images ``[B, h, w]`` in [0, 1] to large ones, ``[B, H, W]``."""
