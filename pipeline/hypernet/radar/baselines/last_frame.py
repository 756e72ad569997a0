"""Nothing changes: the talk's first row."""

from torch import Tensor, nn

from hypernet.radar.core.frames import Geometry


class LastFrame(nn.Module):
    """The centre of the last image, ``[B, 4, N, N] -> [B, N - 2 m, N - 2 m]``."""

    def __init__(self, geometry: Geometry):
        super().__init__()
        self.margin = geometry.margin

    def forward(self, frames: Tensor) -> Tensor:
        """The centre of the last image."""
        inner = slice(self.margin, frames.shape[-1] - self.margin)
        return frames[:, -1, inner, inner]
