"""How near an image is to the true one, and to the small image that it was made of."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from hypernet.lab.libraries import library
from hypernet.superres.core.grids import area_mean

# Of two equal images: an infinite number would spoil every mean.
LARGEST_PSNR = 120.0
# Wang et al. (2004).
SIGMA = 1.5


def psnr(images: Tensor, truth: Tensor) -> Tensor:
    """Peak signal-to-noise ratio of each image, 10 log10(1 / MSE) in dB, over all pixels; at most 120.

    Args:
        images: ``[B, n, m]``, brought to [0, 1] first.
        truth: in [0, 1], likewise.

    Returns:
        ``[B]``.

    Raises:
        ValueError: images of unequal sizes.
    """
    if images.shape != truth.shape:
        raise ValueError(f"images {list(images.shape)} and truth {list(truth.shape)} must have the same shape")
    error = (images.clamp(0, 1) - truth).double().square().flatten(1).mean(dim=1)
    return (-10 * error.clamp_min(1e-300).log10()).clamp_max(LARGEST_PSNR)


def consistency(images: Tensor, low: Tensor) -> Tensor:
    """PSNR in dB between the area means of images and the small images that they were made of, ``[B]``."""
    return psnr(area_mean(images.clamp(0, 1), *low.shape[1:]), low)


def ssim(images: Tensor, truth: Tensor) -> np.ndarray:
    """Structural similarity of each image in [0, 1] (Wang et al. 2004), scikit-image's, Gaussian windows: ``[B]``.

    Raises:
        UserError: scikit-image is missing.
    """
    structural_similarity = library("skimage.metrics", "scikit-image", "superres").structural_similarity
    pairs = zip(images.clamp(0, 1).double().cpu().numpy(), truth.double().cpu().numpy(), strict=True)
    return np.array(
        [
            structural_similarity(
                made, true, data_range=1.0, gaussian_weights=True, sigma=SIGMA, use_sample_covariance=False
            )
            for made, true in pairs
        ]
    )
