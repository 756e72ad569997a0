"""The convolutions that the filter networks and the patch CNN have in common: images to features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hypernet.radar.core.frames import INPUTS, Geometry
from hypernet.radar.core.tiles import in_a_row, windows


class Layer(NamedTuple):
    """One convolution without padding, max pooling where ``pool`` is above 1, and ReLU.

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


class MaxPooling(nn.Module):
    """``torch.nn.MaxPool2d``, bit by bit, in a seventh of its time on a CPU.

    Torch's own pooling is written for maps whose channels come last in memory. A first convolution puts them out so
    if it gets its images so; later ones round otherwise then, so they get theirs with the channels first.

    Args:
        width: width, height and stride of the squares, without padding.
    """

    def __init__(self, width: int):
        super().__init__()
        self.width = width

    def forward(self, maps: Tensor) -> Tensor:
        """The largest number of every square, ``[B, C, H, W] -> [B, C, H // width, W // width]``."""
        pooled = F.max_pool2d(_channels_last(maps), self.width)
        if pooled.requires_grad:
            # In another order than the maps, torch would copy the whole gradient there and back.
            pooled.register_hook(lambda gradient: None if gradient is None else _channels_last(gradient))
        return pooled.contiguous()


class Trunk(nn.Module):
    """Convolutions and one fully connected layer: ``[B, 4, n, n] -> [B, hidden]``.

    Grey levels are near 0 and small; the first layer gets them with mean 0 and deviation 1 over the training images,
    which ``standardise`` is told. Without that, large features saturate what follows.

    Args:
        size: n.
        layers: the convolutions, first to last.
        hidden: F, features that come out, after ReLU.

    Raises:
        ValueError: the images are too small for the layers.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, size: int, layers: Sequence[Layer], hidden: int):
        super().__init__()
        self.convolutions = nn.Sequential()
        # Width and stride of the window that each of them looks through.
        self._looks: list[tuple[int, int]] = []
        channels, left = INPUTS, size
        for layer in layers:
            steps: list[nn.Module] = [nn.Conv2d(channels, layer.channels, layer.kernel, layer.stride)]
            looks = [(layer.kernel, layer.stride)]
            if layer.pool > 1:
                # Before the ReLU, which rises: the same numbers and gradients, a fourth of them to go through it.
                steps.append(MaxPooling(layer.pool))
                looks.append((layer.pool, layer.pool))
            self.convolutions.extend([*steps, nn.ReLU()])
            looks.append((1, 1))
            self._looks += looks
            for look in looks:
                left = _seen(left, look)
            if left < 1:
                raise ValueError(f"images of {size} x {size} pixels are too small for the layers {list(layers)}")
            channels = layer.channels
        self.features = nn.Sequential(nn.Flatten(), nn.Linear(channels * left**2, hidden), nn.ReLU())
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("deviation", torch.ones(()))

    def standardise(self, mean: float, deviation: float) -> None:
        """Set the mean and the standard deviation of the training images' grey levels."""
        self.mean.fill_(mean)
        self.deviation.fill_(deviation)

    def forward(self, frames: Tensor) -> Tensor:
        """The features of images or patches, ``[B, F]``."""
        return self.features(self.convolutions(self._standardised(frames)))

    def _standardised(self, frames: Tensor) -> Tensor:
        return _channels_last((frames - self.mean) / self.deviation)

    def of_image(self, frames: Tensor, geometry: Geometry) -> Tensor:
        """The features of all patches of images ``[B, 4, H, W]``, ``[B, P, F]``; what patches share is made once.

        Nothing is padded, so a patch's feature map is a part of the image's, as long as patches stand a whole number
        of strides apart. Where they do not, the maps are cut into those of the patches.
        """
        left, step, shared = geometry.patch_input, geometry.patch, 0
        for look in self._looks:
            if step % look[1]:
                break
            left, step, shared = _seen(left, look), step // look[1], shared + 1
        maps = in_a_row(windows(self.convolutions[:shared](self._standardised(frames)), left, step))
        return self.features(self.convolutions[shared:](maps.flatten(0, 1))).unflatten(0, maps.shape[:2])


def _channels_last(maps: Tensor) -> Tensor:
    """The same maps ``[B, C, H, W]``; on a CPU the numbers of one pixel lie side by side in memory."""
    return maps.contiguous(memory_format=torch.channels_last) if maps.device.type == "cpu" else maps


def _seen(size: int, look: tuple[int, int]) -> int:
    """Width of what comes out, through windows of some width and stride."""
    width, stride = look
    return (size - width) // stride + 1
