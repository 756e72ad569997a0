"""Consistency at test time: an output is brought towards the small image that it was made of."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from hypernet.superres.core.functions import ImageFunction
from hypernet.superres.core.grids import area_mean, axes


def projected_state(
    network: ImageFunction, low: Tensor, size: tuple[int, int], steps: int, learning_rate: float
) -> Tensor:
    """States of images after some steps of Adam on (area mean of g - L)², each image by itself.

    The weights of the method stay as they are; of the hypernetwork it is θ that moves.

    Args:
        network: the trained method.
        low: small images, ``[B, h, w]``.
        size: rows and columns of the grid that is averaged.
        steps: of Adam.
        learning_rate: of Adam, as a share of the root of the mean square of the states' entries.

    Returns:
        states ``[B, ...]``.
    """
    rows, columns = (axis.to(low) for axis in axes(*size))
    with torch.no_grad():
        start = network.encode(low)
        size_of_entries = start.square().flatten(1).mean(dim=1).sqrt().reshape(-1, *[1] * (start.dim() - 1))
    # Steps are taken in units of an image's own entries, so that none depends on another image.
    moved = torch.zeros_like(start, requires_grad=True)
    optimizer = torch.optim.Adam([moved], lr=learning_rate)
    for _ in range(steps):
        state = start + size_of_entries * moved
        means = area_mean(network.on_grid(state, rows, columns), *low.shape[1:])
        loss = F.mse_loss(means, low) * len(low)
        (moved.grad,) = torch.autograd.grad(loss, moved)
        optimizer.step()
    return (start + size_of_entries * moved).detach()


def back_projected(images: Tensor, low: Tensor) -> Tensor:
    """Images plus what their area means lack, the same for all pixels of an area (Irani and Peleg 1991): then exact.

    Args:
        images: ``[B, n, m]``.
        low: small images, ``[B, h, w]``; h divides n and w divides m.
    """
    missing = low - area_mean(images, *low.shape[1:])
    rows, columns = images.shape[1] // low.shape[1], images.shape[2] // low.shape[2]
    return images + missing.repeat_interleave(rows, dim=1).repeat_interleave(columns, dim=2)
