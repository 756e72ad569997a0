"""What a method is: an image and its thumbnail in, a retouched image out."""

from __future__ import annotations

import abc

from torch import Tensor, nn

from hypernet.layers import colour_transform


class Retouching(nn.Module, abc.ABC):
    """A method: float images in [0, 1], ``[B, 3, H, W]``, and their thumbnails ``[B, 3, S, S]``, to images.

    Images of a batch are retouched each by itself. The result is not clamped, so that gradients reach what lies
    outside [0, 1].
    """

    @abc.abstractmethod
    def forward(self, images: Tensor, thumbnails: Tensor) -> Tensor:
        """Retouched images, ``[B, 3, H, W]``."""

    def regulariser(self) -> Tensor | float:
        """What a training adds to the error of its images; most methods have nothing to add."""
        return 0.0


class GlobalMap(Retouching):
    """A method whose answer is a colour map of each image, M ``[B, 3, F]``, the same for all its pixels.

    Args:
        basis: ``affine``, ``quadratic`` or ``cubic``.
    """

    def __init__(self, basis: str = "quadratic"):
        super().__init__()
        self.basis = basis
        self.map = colour_transform(basis)

    @abc.abstractmethod
    def matrix(self, thumbnails: Tensor) -> Tensor:
        """M of each image, ``[B, 3, F]``."""

    def forward(self, images: Tensor, thumbnails: Tensor) -> Tensor:
        """See ``Retouching``."""
        return self.mapped(images, self.matrix(thumbnails))

    def mapped(self, images: Tensor, matrix: Tensor) -> Tensor:
        """M φ(x) at every pixel."""
        pixels = images.flatten(2).mT
        return self.map(pixels, matrix.flatten(1)).mT.reshape(images.shape)
