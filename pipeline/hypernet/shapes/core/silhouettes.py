"""Differentiable rendering of an occupancy function: is anything inside along a pixel's ray?

The silhouette's logit is the largest logit on the ray, Z = max_k z(o + t_k d) (Yan et al. 2016, "Perspective
Transformer Nets"), over samples of the segment that crosses the cube [-1, 1]³.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

# Logit of a ray that misses the cube.
OUTSIDE = -12.0
# A direction's component is at least this: rays parallel to a face divide by it.
SMALLEST = 1e-9


def pixel_rays(cameras: np.ndarray, pixels: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Rays through the centres of pixels.

    Args:
        cameras: rows of ``Camera.as_row`` (eye, target, focal length in image heights, roll), ``[B, 8]``.
        pixels: row and column of each pixel, ``[B, R, 2]``.
        size: pixels of the square image.

    Returns:
        origins ``[B, 1, 3]`` and unit directions ``[B, R, 3]``, float32.
    """
    rows = np.asarray(cameras, dtype=np.float64)
    eye, target, focal, roll = rows[:, :3], rows[:, 3:6], rows[:, 6:7], np.radians(rows[:, 7:8])
    forward = target - eye
    forward /= np.linalg.norm(forward, axis=1, keepdims=True)
    level = np.cross(forward, [0.0, 1.0, 0.0])
    level /= np.linalg.norm(level, axis=1, keepdims=True)
    upright = np.cross(level, forward)
    right = np.cos(roll) * level + np.sin(roll) * upright
    up = np.cos(roll) * upright - np.sin(roll) * level
    offset = ((pixels + 0.5) / size - 0.5) / focal[:, None]
    # The image's y points down.
    directions = forward[:, None] + offset[..., 1:] * right[:, None] - offset[..., :1] * up[:, None]
    directions /= np.linalg.norm(directions, axis=-1, keepdims=True)
    return eye[:, None].astype(np.float32), directions.astype(np.float32)


def crossing(origins: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
    """Where rays enter and leave the cube: distances ``[B, R]``; the exit lies before the entry for a miss."""
    safe = torch.where(directions.abs() < SMALLEST, torch.full_like(directions, SMALLEST), directions)
    first, second = (-1 - origins) / safe, (1 - origins) / safe
    enter = torch.minimum(first, second).amax(dim=-1).clamp_min(0)
    leave = torch.maximum(first, second).amin(dim=-1)
    return enter, leave


def silhouette_logits(
    decode: Callable[[Tensor], Tensor], origins: Tensor, directions: Tensor, offsets: Tensor
) -> Tensor:
    """The silhouette's logit on every ray, ``[B, R]``.

    The gradient of a maximum reaches one sample alone. All samples are therefore looked at without one, and only the
    largest of each ray goes through the network again.

    Args:
        decode: points ``[B, P, 3]`` to logits ``[B, P]``.
        origins: ``[B, 1, 3]`` or ``[B, R, 3]``.
        directions: unit vectors, ``[B, R, 3]``.
        offsets: where in its own S-th of the segment a sample lies, in [0, 1], ``[B, R, S]`` (stratified samples).
    """
    enter, leave = crossing(origins, directions)
    hit = leave > enter
    samples = offsets.shape[-1]
    share = (torch.arange(samples, device=offsets.device) + offsets) / samples
    with torch.no_grad():
        length = torch.where(hit, leave - enter, torch.zeros_like(enter))
        distance = enter[..., None] + length[..., None] * share
        points = (origins[..., None, :] + distance[..., None] * directions[..., None, :]).clamp(-1, 1)
        largest = decode(points.flatten(1, 2)).unflatten(1, share.shape[1:]).argmax(dim=-1)
        chosen = points.gather(2, largest[..., None, None].expand(-1, -1, 1, 3)).squeeze(2)
    return torch.where(hit, decode(chosen), torch.full_like(enter, OUTSIDE))


def silhouette_loss(logits: Tensor, alpha: Tensor) -> Tensor:
    """Binary cross-entropy of the silhouette's logits with the image's opacity in [0, 1], both ``[B, R]``."""
    return F.binary_cross_entropy_with_logits(logits, alpha)
