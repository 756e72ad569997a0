"""Pixel centres in [-1, 1], windows of an image, and area averages onto any grid."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F


class Window(NamedTuple):
    """A part of the image plane, in fractions of the image's height and width; the whole by default."""

    top: float = 0.0
    left: float = 0.0
    bottom: float = 1.0
    right: float = 1.0


WHOLE = Window()


def pixel_centres(count: int, first: float = 0.0, last: float = 1.0) -> Tensor:
    """Centres of ``count`` pixels that fill the part from ``first`` to ``last`` of an axis, float64 ``[count]``.

    Of the whole axis c_i = 2 (i + 0.5) / n - 1: the convention of ``align_corners=False``.

    >>> pixel_centres(4)
    tensor([-0.7500, -0.2500,  0.2500,  0.7500], dtype=torch.float64)
    """
    share = (torch.arange(count, dtype=torch.float64) + 0.5) / count
    return 2 * (first + (last - first) * share) - 1


def axes(rows: int, columns: int, window: Window = WHOLE) -> tuple[Tensor, Tensor]:
    """Coordinates of a grid's rows and of its columns, float32 ``[rows]`` and ``[columns]``."""
    vertical = pixel_centres(rows, window.top, window.bottom)
    horizontal = pixel_centres(columns, window.left, window.right)
    return vertical.float(), horizontal.float()


def as_points(rows: Tensor, columns: Tensor) -> Tensor:
    """All points (y, x) of a grid, row by row: ``[n]`` and ``[m]`` to ``[n * m, 2]``."""
    return torch.cartesian_prod(rows, columns)


def area_mean(images: Tensor, rows: int, columns: int) -> Tensor:
    """Every pixel of the new grid is the mean of the old image over its area: exact for any two sizes.

    Args:
        images: ``[..., n, m]``.
        rows: of the new grid.
        columns: of the new grid.

    Returns:
        ``[..., rows, columns]``; where old sizes are multiples of new ones that is average pooling.
    """
    height, width = images.shape[-2:]
    if height % rows == 0 and width % columns == 0:
        pooled = F.avg_pool2d(images.reshape(-1, 1, height, width), (height // rows, width // columns))
        return pooled.reshape(*images.shape[:-2], rows, columns)
    return _overlaps(height, rows).to(images) @ images @ _overlaps(width, columns).to(images).mT


def _overlaps(old: int, new: int) -> Tensor:
    """The share of each old pixel in the mean over a new one, float64 ``[new, old]``."""
    ends = torch.arange(max(old, new) + 1, dtype=torch.float64)
    old_ends, new_ends = ends[: old + 1] / old, ends[: new + 1] / new
    low = torch.maximum(old_ends[:-1], new_ends[:-1, None])
    high = torch.minimum(old_ends[1:], new_ends[1:, None])
    return (high - low).clamp_min(0) * new
