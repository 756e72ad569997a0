"""What needs no training: grey world, auto-contrast, equalisation. Each looks at the whole image and no other."""

from __future__ import annotations

import abc

import numpy as np
import torch
from torch import Tensor

from hypernet.lab.libraries import library
from hypernet.retouch.core.degradation import to_encoded, to_linear
from hypernet.retouch.core.functions import Retouching

# Means and brightness below this are black: there is nothing to divide by.
BLACK = 1e-6


class GreyWorld(Retouching):
    """Each channel scaled so that all three means become their mean (Buchsbaum 1980).

    Args:
        linear: scale linear light (IEC 61966-2-1) and not the encoded values.
    """

    def __init__(self, linear: bool = False):
        super().__init__()
        self.linear = linear

    def forward(self, images: Tensor, thumbnails: Tensor) -> Tensor:
        """See ``Retouching``. A black channel stays black."""
        light = to_linear(images) if self.linear else images
        means = light.mean(dim=(2, 3), keepdim=True)
        light = light * (means.mean(dim=1, keepdim=True) / means.clamp(min=BLACK))
        return to_encoded(light) if self.linear else light


class AutoContrast(Retouching):
    """Per channel, a low and a high quantile brought to 0 and 1.

    Args:
        cutoff: share of the pixels below the low quantile, and of those above the high, in [0, 0.5).
        least_span: the quantiles are taken to be as far apart at least, so that flat images are not torn apart.
    """

    def __init__(self, cutoff: float = 0.005, least_span: float = 0.05):
        super().__init__()
        self.cutoff = cutoff
        self.least_span = least_span

    def forward(self, images: Tensor, thumbnails: Tensor) -> Tensor:
        """See ``Retouching``."""
        # numpy's: torch.quantile refuses more than 16 million numbers, and a photograph has them.
        values = images.detach().flatten(2).cpu().numpy()
        quantiles = np.quantile(values, (self.cutoff, 1 - self.cutoff), axis=2).astype(values.dtype)
        low, high = torch.from_numpy(quantiles).to(images)[..., None, None]
        return (images - low) / (high - low).clamp(min=self.least_span)


class Brightness(Retouching):
    """Methods that change V of HSV (the largest of the three channels) and keep hue and saturation."""

    @abc.abstractmethod
    def brightened(self, brightness: np.ndarray) -> np.ndarray:
        """V of an image that is not flat, ``[H, W]`` in [0, 1], to V."""

    def forward(self, images: Tensor, thumbnails: Tensor) -> Tensor:
        """See ``Retouching``. With hue and saturation kept, colours are proportional to V; black becomes grey."""
        before = images.detach().amax(dim=1).cpu().numpy()
        # An image of a single V has no histogram to speak of.
        after = [self.brightened(each) if np.ptp(each) > BLACK else each for each in before]
        target = torch.from_numpy(np.stack(after)).to(images)[:, None]
        source = images.amax(dim=1, keepdim=True)
        return torch.where(source > BLACK, images * (target / source.clamp(min=BLACK)), target)


class Equalize(Brightness):
    """The histogram of V made flat: scikit-image's ``equalize_hist``.

    Args:
        bins: of the histogram, between the smallest and the largest V of the image.
    """

    def __init__(self, bins: int = 256):
        super().__init__()
        self.bins = bins

    def brightened(self, brightness: np.ndarray) -> np.ndarray:
        """See ``Brightness``."""
        exposure = library("skimage.exposure", "scikit-image", "retouch")
        return exposure.equalize_hist(brightness, nbins=self.bins)


class Clahe(Brightness):
    """Contrast-limited adaptive equalisation of V (Zuiderveld 1994): scikit-image's ``equalize_adapthist``.

    Args:
        clip_limit: share of a tile's pixels at which a bin of its histogram is cut; higher is more contrast.
        tiles: along each side of the image.
    """

    def __init__(self, clip_limit: float = 0.01, tiles: int = 8):
        super().__init__()
        self.clip_limit = clip_limit
        self.tiles = tiles

    def brightened(self, brightness: np.ndarray) -> np.ndarray:
        """See ``Brightness``."""
        exposure = library("skimage.exposure", "scikit-image", "retouch")
        tile = [max(side // self.tiles, 1) for side in brightness.shape]
        return exposure.equalize_adapthist(brightness, kernel_size=tile, clip_limit=self.clip_limit)
