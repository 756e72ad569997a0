"""Deep bilateral learning (Gharbi et al., SIGGRAPH 2017): affine maps of places and shades, sliced from a small grid.

Sizes are those of the authors' code (github.com/google/hdrnet, ``HDRNetCurves``), where the thumbnail has 256 pixels a
side; from a smaller one the splatting convolutions are fewer. No batch normalisation, as in the authors' runs on
MIT-Adobe FiveK.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hypernet.retouch.core.functions import Retouching

KNOTS = 16


class Guide(nn.Module):
    """Which shade a pixel has: a 3x3 matrix, a piecewise linear curve of each channel, their mean; in [0, 1]."""

    def __init__(self) -> None:
        super().__init__()
        self.colours = nn.Conv2d(3, 3, 1)
        self.mix = nn.Conv2d(3, 1, 1)
        with torch.no_grad():
            self.colours.weight.copy_(torch.eye(3)[..., None, None])
            self.mix.weight.fill_(1 / 3)
            self.colours.bias.zero_()  # type: ignore[union-attr]  # there by default
            self.mix.bias.zero_()  # type: ignore[union-attr]
        # Curves start as straight lines.
        self.shifts = nn.Parameter((torch.arange(KNOTS) / KNOTS)[:, None].repeat(1, 3))
        slopes = torch.zeros(KNOTS, 3)
        slopes[0] = 1
        self.slopes = nn.Parameter(slopes)

    def forward(self, images: Tensor) -> Tensor:
        """``[B, 3, H, W]`` to ``[B, H, W]``."""
        colours = self.colours(images)
        curved = torch.zeros_like(colours)
        for shift, slope in zip(self.shifts[..., None, None], self.slopes[..., None, None], strict=True):
            curved = curved + slope * (colours - shift).relu()
        return self.mix(curved)[:, 0].clamp(0, 1)


class BilateralGrid(nn.Module):
    """Thumbnails ``[B, 3, S, S]`` to grids of affine maps, ``[B, 12, depth, cells, cells]``; starts at the identity.

    Args:
        thumbnail: S, ``cells`` times a power of 2 from 2 on.
        cells: rows and columns of the grid.
        depth: shades of the grid.
        multiplier: of all channels.

    Raises:
        ValueError: the thumbnail cannot be halved to the grid.
    """

    def __init__(self, thumbnail: int, cells: int, depth: int, multiplier: int):
        super().__init__()
        halvings = (thumbnail // cells).bit_length() - 1
        if halvings < 1 or thumbnail != cells << halvings or cells % 4:
            raise ValueError(f"a grid of {cells} x {cells} cells cannot be made from {thumbnail} x {thumbnail} pixels")
        unit = multiplier * depth
        self.depth = depth
        splat: list[nn.Module] = []
        channels = 3
        for halving in range(halvings):
            splat += [_convolution(channels, unit << halving, stride=2), nn.ReLU()]
            channels = unit << halving
        self.splat = nn.Sequential(*splat)
        self.whole = nn.Sequential(
            _convolution(channels, 8 * unit, stride=2),
            nn.ReLU(),
            _convolution(8 * unit, 8 * unit, stride=2),
            nn.ReLU(),
            nn.Flatten(),
            _linear(8 * unit * (cells // 4) ** 2, 32 * unit),
            nn.ReLU(),
            _linear(32 * unit, 16 * unit),
            nn.ReLU(),
            _linear(16 * unit, 8 * unit),
        )
        self.local = nn.Sequential(
            _convolution(channels, 8 * unit),
            nn.ReLU(),
            _convolution(8 * unit, 8 * unit, bias=False),
        )
        self.out = nn.Conv2d(8 * unit, 12 * depth, 1)
        nn.init.zeros_(self.out.weight)
        with torch.no_grad():
            identity = torch.eye(3, 4).flatten()
            self.out.bias.copy_(identity.repeat_interleave(depth))  # type: ignore[union-attr]  # there by default

    def forward(self, thumbnails: Tensor) -> Tensor:
        """Entries of the 3x4 maps row by row."""
        splat = self.splat(thumbnails)
        fused = (self.local(splat) + self.whole(splat)[..., None, None]).relu()
        return self.out(fused).unflatten(1, (12, self.depth))


class HdrNet(Retouching):
    """An affine map of each pixel, read from the grid of its thumbnail at its place and its shade.

    Args:
        thumbnail: S, pixels of a thumbnail's side.
        cells: rows and columns of the grid.
        depth: shades of the grid.
        multiplier: of the channels of the grid's network.
    """

    def __init__(self, thumbnail: int = 256, cells: int = 16, depth: int = 8, multiplier: int = 1):
        super().__init__()
        self.grid = BilateralGrid(thumbnail, cells, depth, multiplier)
        self.guide = Guide()

    def forward(self, images: Tensor, thumbnails: Tensor) -> Tensor:
        """See ``Retouching``."""
        affine = sliced(self.grid(thumbnails), self.guide(images)).unflatten(1, (3, 4))
        return (affine[:, :, :3] * images[:, None]).sum(dim=2) + affine[:, :, 3]


def sliced(grid: Tensor, guide: Tensor) -> Tensor:
    """A grid read trilinearly; its cells' values are at their centres and go on beyond the outermost.

    Args:
        grid: ``[B, C, depth, rows, columns]``.
        guide: shades in [0, 1], ``[B, H, W]``.

    Returns:
        ``[B, C, H, W]``.
    """
    vertical, horizontal = ((2 * torch.arange(side).to(guide) + 1) / side - 1 for side in guide.shape[1:])
    places = [horizontal.expand_as(guide), vertical[:, None].expand_as(guide), 2 * guide - 1]
    where = torch.stack(places, dim=-1)[:, None]
    return F.grid_sample(grid, where, mode="bilinear", padding_mode="border", align_corners=False)[:, :, 0]


def _convolution(inputs: int, outputs: int, stride: int = 1, bias: bool = True) -> nn.Module:
    return _started(nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=bias))


def _linear(inputs: int, outputs: int) -> nn.Module:
    return _started(nn.Linear(inputs, outputs))


def _started(layer: nn.Conv2d | nn.Linear) -> nn.Module:
    """He's start, as the authors'."""
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer
