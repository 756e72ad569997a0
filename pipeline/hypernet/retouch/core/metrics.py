"""How near a retouched image is to the wanted one."""

from __future__ import annotations

import numpy as np


def rounded(colours: np.ndarray) -> np.ndarray:
    """Colours as a file of 8 bits has them: clamped and rounded, uint8."""
    return np.floor(np.clip(colours, 0, 1) * 255 + 0.5).astype(np.uint8)


def psnr(made: np.ndarray, wanted: np.ndarray) -> float:
    """Peak signal-to-noise ratio of 8-bit images, dB; 100 where they are the same."""
    error = np.square(made.astype(np.float64) - wanted).mean() / 255**2
    return float(-10 * np.log10(max(error, 1e-10)))


def ssim(made: np.ndarray, wanted: np.ndarray) -> float:
    """Structural similarity of 8-bit images after Wang et al. (2004): Gaussian windows, sigma 1.5."""
    from skimage.metrics import structural_similarity

    return float(
        structural_similarity(
            made, wanted, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255
        )
    )


def colour_differences(made: np.ndarray, wanted: np.ndarray) -> tuple[float, float]:
    """Mean difference between 8-bit images in CIE Lab (D65): Delta E of 1976 (Euclidean) and of 2000."""
    from skimage.color import deltaE_ciede2000, rgb2lab

    ours, theirs = (rgb2lab(image) for image in (made, wanted))
    euclidean = np.sqrt(np.square(ours - theirs).sum(axis=-1)).mean()
    return float(euclidean), float(deltaE_ciede2000(ours, theirs).mean())


def clipped_share(colours: np.ndarray) -> float:
    """Share of the channel values that lie outside [0, 1] by more than half an 8-bit level."""
    margin = 0.5 / 255
    return float(((colours < -margin) | (colours > 1 + margin)).mean())
