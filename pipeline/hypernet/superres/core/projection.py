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
        rate = learning_rate * float(start.square().mean().sqrt())
    state = start.clone().requires_grad_()
    optimizer = torch.optim.Adam([state], lr=rate)
    for _ in range(steps):
        means = area_mean(network.on_grid(state, rows, columns), *low.shape[1:])
        # The sum over images: no image's step depends on another.
        loss = F.mse_loss(means, low) * len(low)
        (state.grad,) = torch.autograd.grad(loss, state)
        optimizer.step()
    return state.detach()


def back_projected(images: Tensor, low: Tensor) -> Tensor:
    """Images plus what their area means lack, the same for all pixels of an area (Irani and Peleg 1991): then exact.

    Args:
        images: ``[B, n, m]``.
        low: small images, ``[B, h, w]``; h divides n and w divides m.
    """
    missing = low - area_mean(images, *low.shape[1:])
    rows, columns = images.shape[1] // low.shape[1], images.shape[2] // low.shape[2]
    return images + missing.repeat_interleave(rows, dim=1).repeat_interleave(columns, dim=2)
