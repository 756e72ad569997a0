"""How well images fit each other when the content of the first is displaced: what motion is seen in.

For two images a and b in a row and a displacement d,

    s(d) = 2 sum of a(p) b(p + d) / (sum of a(p)^2 + sum of b(p + d)^2 + floor)

over the pixels p of a cell, or of a window of cells, for which both are known. s is 1 where b is a moved by d, and it
does not depend on the unit. With noise of unknown strength -log(1 - s) is the logarithm of the likelihood of d. Rain
that would leave the image has no say: a sum of squared differences would take it for a good fit.

Images are cut into a lattice of square cells. The products of each are made once and added up for all windows that hold
the cell, those of the whole image among them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import scipy.fft
import torch
from torch import Tensor
from torch.nn import functional as F

# Of the mean square of a pixel's grey level: where there is less rain than this, nothing is said of the motion.
FLOOR = 1e-6
# The most that -log counts: a perfect fit is worth 6.9.
CLOSEST = 1.001
# A factor of two makes the likelihood of normal noise of the half logarithm.
SCALE = 2.0
# Numbers of the neighbourhoods of cells that are copied at once: bounds the memory, whatever the size of the images.
NUMBERS_AT_ONCE = 2**25


@dataclass(frozen=True)
class Sums:
    """Sums over cells, or windows of cells, for each pair of images and displacement.

    Attributes:
        products: of a(p) b(p + d), ``[B, pairs, R, Q, D, D]``, D = 2 reach + 1; entry (reach + dy, reach + dx) is that
            of content moving dy southwards and dx eastwards.
        energies: of a(p)^2 and b(p + d)^2 together, the same shape.
        pixels: number of pixels of a cell or window.
    """

    products: Tensor
    energies: Tensor
    pixels: int

    def around(self, cells: int) -> Sums:
        """Those of the windows of 2 ``cells`` + 1 cells in each direction around every cell, cut off at the edge."""
        if not cells:
            return self
        products, energies = (_window_sums(sums, cells) for sums in (self.products, self.energies))
        return Sums(products, energies, self.pixels * (2 * cells + 1) ** 2)

    def whole(self) -> Sums:
        """Those of the whole image: one window, ``[B, pairs, 1, 1, D, D]``."""
        products, energies = (sums.sum(dim=(2, 3), keepdim=True) for sums in (self.products, self.energies))
        return Sums(products, energies, self.pixels * self.products.shape[2] * self.products.shape[3])

    def similarity(self) -> Tensor:
        """s, in 0..1."""
        return (2 * self.products).div_(self.energies + FLOOR * self.pixels).clamp_(0, 1)

    def likelihood(self) -> Tensor:
        """Logarithm of the likelihood of each displacement, 0 for the best of its pair, below 0 for others."""
        # In place: at full size these are passes through tens of megabytes.
        evidence = self.similarity().neg_().add_(CLOSEST).log_().neg_()
        return evidence.sub_(evidence.amax(dim=(-2, -1), keepdim=True)).mul_(SCALE)


@torch.no_grad()
def matched(
    frames: Tensor, cell: int, reach: int, known: Tensor | None = None, start: tuple[int, int] = (0, 0)
) -> Sums:
    """Sums over the cells of images for the pairs of images in a row.

    Args:
        frames: grey levels ``[B, T, H, W]``.
        cell: width and height of a cell in pixels.
        reach: the largest displacement in either direction, pixels.
        known: bool ``[B, T, H, W]``; all of them where it is not given. Other pixels, and those outside, have no say.
        start: row and column of the upper left corner of a cell; cells at the edges reach over them.

    Returns:
        for T - 1 pairs and the R x Q cells that touch the images.
    """
    height, width = frames.shape[-2:]
    (top, bottom), (left, right) = (
        _edges(first, cell, length) for first, length in zip(start, (height, width), strict=True)
    )
    mask = torch.ones_like(frames) if known is None else known.to(frames)
    around = (left + reach, right + reach, top + reach, bottom + reach)
    frames, mask = F.pad(frames * mask, around), F.pad(mask, around)
    rows, columns = ((length - 2 * reach) // cell for length in frames.shape[2:])
    pairs = [
        _pair(frames[sample, time : time + 2], mask[sample, time : time + 2], cell, reach, (rows, columns))
        for sample in range(len(frames))
        for time in range(frames.shape[1] - 1)
    ]
    products, energies = (torch.stack(sums).unflatten(0, (len(frames), -1)) for sums in zip(*pairs, strict=True))
    return Sums(products, energies, cell**2)


def _pair(images: Tensor, mask: Tensor, cell: int, reach: int, lattice: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Sums of products and of energies of one pair of images ``[2, H, W]``, ``[R, Q, D, D]`` each."""
    wide, side = cell + 2 * reach, 2 * reach + 1
    inner = slice(reach, -reach)
    cells = [values[0, inner, inner].unfold(0, cell, cell).unfold(1, cell, cell) for values in (images, mask)]
    reached = [values[1].unfold(0, wide, cell).unfold(1, wide, cell) for values in (images, mask)]
    products = images.new_empty(*lattice, side, side)
    at_once = max(1, NUMBERS_AT_ONCE // (lattice[1] * wide**2))
    for row in range(0, lattice[0], at_once):
        some = slice(row, row + at_once)
        products[some] = _correlation(cells[0][some].flatten(0, 1), reached[0][some].flatten(0, 1)).view_as(
            products[some]
        )
    # Where all is known, energies are those of the cell and of each displaced cell.
    energy = F.avg_pool2d(images[1].square()[None], cell, 1, divisor_override=1)[0]
    here = cells[0].square().sum(dim=(-2, -1))
    energies = here[..., None, None] + energy.unfold(0, side, cell).unfold(1, side, cell)
    # Elsewhere only what has a partner counts.
    for at in _places(reached[1].amin(dim=(-2, -1)) < 1, wide):
        energies[at] += _correlation(cells[0][at].square(), reached[1][at]) - here[at][:, None, None]
    for at in _places(cells[1].amin(dim=(-2, -1)) < 1, wide):
        behind = energy.unfold(0, side, cell).unfold(1, side, cell)[at]
        energies[at] += _correlation(cells[1][at], reached[0][at].square()) - behind
    return products, energies


def _places(chosen: Tensor, wide: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Rows and columns of the chosen cells, as many at a time as memory holds neighbourhoods of ``wide`` pixels."""
    places = chosen.nonzero()
    at_once = max(1, NUMBERS_AT_ONCE // wide**2)
    for first in range(0, len(places), at_once):
        some = places[first : first + at_once]
        yield some[:, 0], some[:, 1]


def _correlation(kernels: Tensor, images: Tensor) -> Tensor:
    """Sums of kernels ``[n, c, c]`` times displaced images ``[n, w, w]``, ``[n, D, D]``."""
    return F.conv2d(images[None], kernels[:, None], groups=len(kernels))[0]


@torch.no_grad()
def matched_whole(frames: Tensor, reach: int, known: Tensor | None = None) -> Sums:
    """``matched(...).whole()`` for who needs no cells, by Fourier transforms: the same numbers, but for rounding.

    Args:
        frames: see ``matched``.
        reach: likewise.
        known: likewise.

    Returns:
        one window: ``[B, T - 1, 1, 1, D, D]``.
    """
    size = [scipy.fft.next_fast_len(length + reach, real=True) for length in frames.shape[-2:]]
    mask = torch.ones_like(frames[:1, :1]) if known is None else known.to(frames)
    seen = frames.double() * mask
    images, squares, masks = (torch.fft.rfft2(values.double(), s=size) for values in (seen, seen.square(), mask))
    before, after = slice(None, -1), slice(1, None)
    masks = masks.expand_as(images)
    products = images[:, before].conj() * images[:, after]
    energies = squares[:, before].conj() * masks[:, after] + masks[:, before].conj() * squares[:, after]
    # Displacements northwards and westwards stand at the end.
    place = torch.arange(-reach, reach + 1, device=frames.device)
    places = (place[:, None] % size[0], place % size[1])
    sums = (torch.fft.irfft2(values, s=size)[..., places[0], places[1]] for values in (products, energies))
    products, energies = (values.clamp(min=0).to(frames)[:, :, None, None] for values in sums)
    return Sums(products, energies, frames.shape[-2] * frames.shape[-1])


def _edges(first: int, cell: int, length: int) -> tuple[int, int]:
    """Pixels to add before and behind a side, so that whole cells fill it and one of them begins at ``first``."""
    before = -first % cell
    return before, -(before + length) % cell


def _window_sums(sums: Tensor, cells: int) -> Tensor:
    """Sums over the cells around each, ``[B, pairs, R, Q, D, D]``: products with bands of ones."""
    rows, columns = (
        (torch.arange(length)[:, None] - torch.arange(length)).abs() <= cells for length in sums.shape[2:4]
    )
    down = torch.matmul(rows.to(sums), sums.flatten(3)).view_as(sums)
    return torch.matmul(columns.to(sums), down.flatten(4)).view_as(sums)


def filters_of(logits: Tensor) -> tuple[Tensor, Tensor]:
    """Vertical and horizontal filters, ``[..., D]`` each, of logits of displacements ``[..., D, D]``.

    The softmax over all displacements is one distribution; the filters are its two marginals, turned round, for content
    moves against a tap's offset.
    """
    shares = logits.flatten(-2).softmax(dim=-1).view_as(logits)
    return shares.sum(dim=-1).flip(-1), shares.sum(dim=-2).flip(-1)
