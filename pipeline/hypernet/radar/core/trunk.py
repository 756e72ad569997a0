"""The convolutions that the filter networks and the patch CNN have in common: images to features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor, nn

from hypernet.radar.core.frames import INPUTS, Geometry
from hypernet.radar.core.tiles import in_a_row, windows


class Layer(NamedTuple):
    """One convolution without padding, ReLU, and max pooling where ``pool`` is above 1.

    Attributes:
        channels: feature maps it puts out.
        kernel: its width and height.
        stride: of the convolution.
        pool: width, height and stride of the pooling.
    """

    channels: int
    kernel: int
    stride: int = 1
    pool: int = 1


class Trunk(nn.Module):
    """Convolutions and one fully connected layer: ``[B, 4, n, n] -> [B, hidden]``.

    Args:
        size: n.
        layers: the convolutions, first to last.
        hidden: F, features that come out, after ReLU.

    Raises:
        ValueError: the images are too small for the layers.
    """

    def __init__(self, size: int, layers: Sequence[Layer], hidden: int):
        super().__init__()
        self.convolutions = nn.Sequential()
        # Width and stride of the window that each of them looks through.
        self._looks: list[tuple[int, int]] = []
        channels, left = INPUTS, size
        for layer in layers:
            steps = [nn.Conv2d(channels, layer.channels, layer.kernel, layer.stride), nn.ReLU()]
            looks = [(layer.kernel, layer.stride), (1, 1)]
            if layer.pool > 1:
                steps.append(nn.MaxPool2d(layer.pool))
                looks.append((layer.pool, layer.pool))
            self.convolutions.extend(steps)
            self._looks += looks
            for look in looks:
                left = _seen(left, look)
            if left < 1:
                raise ValueError(f"images of {size} x {size} pixels are too small for the layers {list(layers)}")
            channels = layer.channels
        self.features = nn.Sequential(nn.Flatten(), nn.Linear(channels * left**2, hidden), nn.ReLU())

    def forward(self, frames: Tensor) -> Tensor:
        """The features of images or patches, ``[B, F]``."""
        return self.features(self.convolutions(frames))

    def of_image(self, frames: Tensor, geometry: Geometry) -> Tensor:
        """The features of all patches of images ``[B, 4, N, N]``, ``[B, P, F]``; what patches share is made once.

        Nothing is padded, so a patch's feature map is a part of the image's, as long as patches stand a whole number
        of strides apart. Where they do not, the maps are cut into those of the patches.
        """
        left, step, shared = geometry.patch_input, geometry.patch, 0
        for look in self._looks:
            if step % look[1]:
                break
            left, step, shared = _seen(left, look), step // look[1], shared + 1
        maps = in_a_row(windows(self.convolutions[:shared](frames), left, step))
        return self.features(self.convolutions[shared:](maps.flatten(0, 1))).unflatten(0, maps.shape[:2])


def _seen(size: int, look: tuple[int, int]) -> int:
    """Width of what comes out, through windows of some width and stride."""
    width, stride = look
    return (size - width) // stride + 1
