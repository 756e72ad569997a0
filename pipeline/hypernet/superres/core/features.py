"""Fourier features of a point of the image plane, and of a grid of points by its rows and columns."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class FourierFeatures(nn.Module):
    """γ(y, x) = [y, x, sin(ω_k y), sin(ω_k x), cos(ω_k y), cos(ω_k x)] with ω_k = π 2^(k/2), k = 0 ... K-1.

    All of one function stand together: the K sines of y, then those of x, then the cosines.

    Args:
        frequencies: K.

    Attributes:
        size: entries of γ, 2 + 4 K.
        of_rows: the entries that depend on y alone, ``[1 + 2 K]``.
        of_columns: the entries that depend on x alone, likewise.

    >>> FourierFeatures(4)(torch.zeros(5, 2)).shape
    torch.Size([5, 18])
    """

    def __init__(self, frequencies: int):
        super().__init__()
        # No buffer: a model file is opened on a device that keeps no numbers.
        self.omega = [math.pi * 2 ** (k / 2) for k in range(frequencies)]
        self.size = 2 + 4 * frequencies
        each = range(frequencies)
        self.of_rows = [0, *(2 + k for k in each), *(2 + 2 * frequencies + k for k in each)]
        self.of_columns = [1, *(2 + frequencies + k for k in each), *(2 + 3 * frequencies + k for k in each)]

    def forward(self, points: Tensor) -> Tensor:
        """γ of points (y, x), ``[..., 2]`` to ``[..., 2 + 4 K]``."""
        angles = (points[..., None] * points.new_tensor(self.omega)).flatten(-2)
        return torch.cat([points, angles.sin(), angles.cos()], dim=-1)

    def along(self, coordinates: Tensor) -> Tensor:
        """What γ holds of one coordinate, in the order of ``of_rows``: ``[n]`` to ``[n, 1 + 2 K]``."""
        angles = coordinates[:, None] * coordinates.new_tensor(self.omega)
        return torch.cat([coordinates[:, None], angles.sin(), angles.cos()], dim=-1)
