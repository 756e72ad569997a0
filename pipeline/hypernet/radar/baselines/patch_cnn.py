"""A CNN that puts out the pixels of a patch; its trunk is that of the patch dynamic convolution's filter network."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from hypernet.radar.core.frames import Geometry
from hypernet.radar.core.tiles import PatchNetwork
from hypernet.radar.core.trunk import Layer, Trunk


class PatchCNN(PatchNetwork):
    """Convolutions, a hidden layer and a linear one: ``[B, 4, c + 2 m, c + 2 m] -> [B, c, c]``.

    The talk names the row; its layers are inferred, the same as those of
    ``hypernet.radar.model.PatchDynamicConvolution``, so that the two differ in their heads only.

    Args:
        geometry: sizes.
        layers: see ``hypernet.radar.core.trunk.Trunk``.
        hidden: likewise.
    """

    def __init__(self, geometry: Geometry, layers: Sequence[Layer], hidden: int):
        super().__init__()
        self.patch = geometry.patch
        self.trunk = Trunk(geometry.patch_input, layers, hidden)
        self.head = nn.Linear(hidden, self.patch**2)

    def forward(self, patches: Tensor) -> Tensor:
        """The next centres of patches ``[B, 4, c + 2 m, c + 2 m]``, ``[B, c, c]``."""
        return self.head(self.trunk(patches)).unflatten(-1, (self.patch, self.patch))

    def of_image(self, frames: Tensor, geometry: Geometry) -> Tensor:
        """See ``hypernet.radar.core.tiles.PatchNetwork``."""
        return self.head(self.trunk.of_image(frames, geometry)).unflatten(-1, (self.patch, self.patch))
