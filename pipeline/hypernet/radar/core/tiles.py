"""Images cut into the patches that patch methods predict, and their predictions put together.

The centre of an image is a raster of c x c patches, numbered from left to right and from the top down. Each is
predicted from the square of c + 2 m pixels around it; these squares overlap.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from hypernet.radar.core.frames import Geometry

# Patches that go through a network at once, or those of one image: bounds the memory, whatever the batch.
PATCHES_AT_ONCE = 512


def windows(images: Tensor, size: int, step: int) -> Tensor:
    """All squares of ``size`` pixels, ``step`` apart, of images ``[..., H, W]``: a view ``[..., R, Q, size, size]``."""
    return images.unfold(-2, size, step).unfold(-2, size, step)


def tile_views(frames: Tensor, geometry: Geometry) -> Tensor:
    """The squares around all patches as a view: nothing is copied, numbers of any type stay what they are.

    Args:
        frames: ``[..., H, W]``; ``torch.from_numpy`` of the uint8 frames, say.
        geometry: sizes of the patches; the frames may be larger or smaller than N.

    Returns:
        ``[..., R, Q, c + 2 m, c + 2 m]``, R = (H - 2 m) / c rows of Q = (W - 2 m) / c patches.

    Raises:
        ValueError: the patches do not fill the centre of the frames.
    """
    _sides(frames, geometry)
    return windows(frames, geometry.patch_input, geometry.patch)


def cut(frames: Tensor, geometry: Geometry) -> Tensor:
    """The squares around all P patches, ``[B, P, C, c + 2 m, c + 2 m]``, of frames ``[B, C, H, W]``.

    A copy, (c + 2 m)^2 / c^2 times as large: overlapping squares in one row of P are no view. ``tile_views`` is.

    Raises:
        ValueError: as ``tile_views``.
    """
    return in_a_row(tile_views(frames, geometry))


def in_a_row(views: Tensor) -> Tensor:
    """Squares ``[B, C, R, Q, size, size]``, as ``windows`` gives them, as ``[B, R Q, C, size, size]``."""
    return views.permute(0, 2, 3, 1, 4, 5).flatten(1, 2)


def join(tiles: Tensor, geometry: Geometry, rows: int | None = None) -> Tensor:
    """Predicted patches ``[B, P, c, c]`` put together, ``[B, N - 2 m, N - 2 m]``.

    Args:
        tiles: the patches, from left to right and from the top down.
        geometry: sizes.
        rows: R, where they are no square image's: P / R patches stand in a row, the result is ``[B, R c, P c / R]``.

    Raises:
        ValueError: the tiles are not P patches of c x c pixels.
    """
    side = geometry.centre // geometry.patch
    rows, columns = (side, side) if rows is None else (rows, tiles.shape[1] // rows)
    if tiles.dim() != 4 or tiles.shape[1:] != (rows * columns, geometry.patch, geometry.patch):
        raise ValueError(f"tiles {list(tiles.shape)} must be [B, {rows * columns}, {geometry.patch}, {geometry.patch}]")
    return tiles.unflatten(1, (rows, columns)).transpose(2, 3).flatten(3).flatten(1, 2)


class PatchNetwork(nn.Module):
    """A forecast of patches, ``[B, 4, c + 2 m, c + 2 m] -> [B, c, c]``."""

    def of_image(self, frames: Tensor, geometry: Geometry) -> Tensor:
        """The forecasts of all patches of images ``[B, 4, H, W]``, ``[B, P, c, c]``.

        Networks that can do better than to go patch by patch, for patches overlap, do so here.
        """
        patches = cut(frames, geometry)
        return self(patches.flatten(0, 1)).unflatten(0, patches.shape[:2])


class OnTiles(nn.Module):
    """A forecast of whole images, or of rectangles of patches, by a network on patches.

    Args:
        network: on patches.
        geometry: sizes.
    """

    def __init__(self, network: PatchNetwork, geometry: Geometry):
        super().__init__()
        self.network, self.geometry = network, geometry

    def forward(self, frames: Tensor) -> Tensor:
        """The next image's centre, ``[B, H - 2 m, W - 2 m]``, of frames ``[B, 4, H, W]``; see ``tile_views``."""
        done = [self.network.of_image(some, self.geometry) for some in self._in_turns(frames)]
        return join(torch.cat(done), self.geometry, _sides(frames, self.geometry)[0])

    def filters(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Vertical and horizontal filters of all patches, ``[B, P, K]`` each; of a network that has filters."""
        written: Any = self.network.filters
        done = [written.of_image(some, self.geometry) for some in self._in_turns(frames)]
        vertical, horizontal = (torch.cat(parts) for parts in zip(*done, strict=True))
        return vertical, horizontal

    def _in_turns(self, frames: Tensor) -> tuple[Tensor, ...]:
        rows, columns = _sides(frames, self.geometry)
        return frames.split(max(1, PATCHES_AT_ONCE // (rows * columns)))


def _sides(frames: Tensor, geometry: Geometry) -> tuple[int, int]:
    """Rows of patches, and patches in a row, of frames ``[..., H, W]``."""
    high, wide = (length - 2 * geometry.margin for length in frames.shape[-2:])
    if min(high, wide) < geometry.patch or high % geometry.patch or wide % geometry.patch:
        raise ValueError(
            f"frames {list(frames.shape)}: patches of {geometry.patch} pixels do not fill a centre of {high} x {wide}"
        )
    return high // geometry.patch, wide // geometry.patch
