"""The 27 global statistics of a thumbnail: where its levels lie, how far they spread, how colourful it is."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

# Shares of the pixels below the quantiles of a channel, and below those of the chroma.
CHANNEL_SHARES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
CHROMA_SHARES = (0.25, 0.75, 0.95)
STATISTICS = 3 * len(CHANNEL_SHARES) + 3 + len(CHROMA_SHARES)


def statistics(thumbnails: Tensor) -> Tensor:
    """Quantiles and standard deviations of the channels and quantiles of the chroma, each brought to about [-1, 1].

    Args:
        thumbnails: in [0, 1], ``[B, 3, H, W]``.

    Returns:
        ``[B, 27]``: 2q - 1 of seven quantiles of each channel, 4s - 1 of the three standard deviations, 2q - 1 of
        three quantiles of max - min.
    """
    pixels = thumbnails.flatten(2)
    channels = _quantiles(pixels, CHANNEL_SHARES).flatten(1)
    spread = pixels.std(dim=2, correction=0)
    chroma = _quantiles(pixels.amax(dim=1) - pixels.amin(dim=1), CHROMA_SHARES)
    return torch.cat([2 * channels - 1, 4 * spread - 1, 2 * chroma - 1], dim=1)


def _quantiles(values: Tensor, shares: tuple[float, ...]) -> Tensor:
    """Of the last dimension, between the two nearest values: ``[..., n]`` to ``[..., len(shares)]``."""
    count = values.shape[-1]
    ordered = _sorted(values)
    places = torch.tensor(shares, dtype=torch.float64) * (count - 1)
    below = places.floor().long().clamp_(max=max(count - 2, 0))
    rest = (places - below).to(values)
    return torch.lerp(ordered[..., below], ordered[..., (below + 1).clamp_(max=count - 1)], rest)


def _sorted(values: Tensor) -> Tensor:
    """Along the last dimension. numpy's sort is several times as fast as torch's, where no gradient is asked for."""
    if values.requires_grad or values.device.type != "cpu":
        return values.sort(dim=-1).values
    return torch.from_numpy(np.sort(values.numpy(), axis=-1))
