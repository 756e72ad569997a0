"""Discriminators and what they are trained by: hinge losses and the gradient penalty of WGAN-GP."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

SLOPE = 0.2


class PatchDiscriminator(nn.Module):
    """PatchGAN (Isola et al. 2017): whether each patch of 70 x 70 pixels is real; 4x4 convolutions 64-128-256-512.

    Args:
        channels: 3, or 6 for images beside the images that they were made of.
        width: of the first convolution; the others have 2, 4 and 8 times as many channels.
        normalised: instance normalisation behind all but the first convolution and the last.
    """

    def __init__(self, channels: int = 3, width: int = 64, normalised: bool = True):
        super().__init__()
        widths = [width << level for level in range(4)]
        layers: list[nn.Module] = [nn.Conv2d(channels, width, 4, stride=2, padding=1), nn.LeakyReLU(SLOPE)]
        for (inputs, outputs), stride in zip(pairwise(widths), (2, 2, 1), strict=True):
            layers.append(nn.Conv2d(inputs, outputs, 4, stride=stride, padding=1))
            if normalised:
                layers.append(nn.InstanceNorm2d(outputs))
            layers.append(nn.LeakyReLU(SLOPE))
        self.layers = nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 4, padding=1))

    def forward(self, images: Tensor) -> Tensor:
        """Images in [0, 1], ``[B, channels, H, W]`` from 24 pixels on, to ``[B, 1, H/8 - 2, W/8 - 2]``."""
        return self.layers(images * 2 - 1)


class SmallDiscriminator(nn.Module):
    """3x3 convolutions that halve, without normalisation, and a last to a single map: for 64 to 128 pixels.

    Args:
        widths: channels of the convolutions.
    """

    def __init__(self, widths: Sequence[int] = (16, 32, 64, 128)):
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise((3, *widths)):
            layers += [nn.Conv2d(inputs, outputs, 3, stride=2, padding=1), nn.LeakyReLU(SLOPE)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 3, padding=1))

    def forward(self, images: Tensor) -> Tensor:
        """Images in [0, 1], ``[B, 3, H, W]``, to ``[B, 1, H/16, W/16]``, rounded up."""
        return self.layers(images * 2 - 1)


def discriminator_hinge(real: Tensor, made: Tensor) -> Tensor:
    """What the discriminator minimises: answers for real images below 1 and for made ones above -1."""
    return (1 - real).relu().mean() + (1 + made).relu().mean()


def generator_hinge(made: Tensor) -> Tensor:
    """What the generator minimises, with hinge losses as with Wasserstein's distance."""
    return -made.mean()


def gradient_penalty(discriminator: Callable[[Tensor], Tensor], real: Tensor, made: Tensor) -> Tensor:
    """Mean of (|∇D| - 1)² between real and made images (Gulrajani et al. 2017); its weight there is 10.

    Args:
        discriminator: D, images to answers ``[B, ...]``; the mean answer for an image is its value.
        real: ``[B, 3, H, W]``.
        made: as many, not necessarily of the same photographs.

    Returns:
        a number with a gradient in D's weights.
    """
    share = torch.rand(len(real), 1, 1, 1, dtype=real.dtype, device=real.device)
    between = torch.lerp(real.detach(), made.detach(), share).requires_grad_()
    values = discriminator(between).reshape(len(between), -1).mean(dim=1)
    (gradient,) = torch.autograd.grad(values.sum(), between, create_graph=True)
    return (torch.linalg.vector_norm(gradient.flatten(1), dim=1) - 1).square().mean()
