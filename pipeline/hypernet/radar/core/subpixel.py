"""Displacements between pixels: where the best fit of images lies, and filters that say so.

Around its best displacement the misfit of smooth images is a paraboloid, whose lowest point is rarely at a pixel. A
distribution over whole displacements that is sure of one of them says that the rain moves by whole pixels, be it 20 %
too fast: softmax of a likelihood is as sure, for the next displacement fits less well, however little that matters to
the forecast's error. Filters that are narrower than linear interpolation are therefore moved to the lowest point; a
wider distribution has its mean there by itself, and is left alone.
"""

from __future__ import annotations

import torch
from torch import Tensor

# Variance in pixels squared up to which a filter is moved wholly, that of linear interpolation in the middle between
# two pixels; and from which it stays, for then its mean is right.
NARROW, WIDE = 0.25, 0.5
# Determinant of the paraboloid's curvature, as a share of that of its two axes, below which it is a valley: rain like a
# band, whose motion along itself is not seen. The axes are then taken for themselves.
VALLEY = 0.05


def lowest_point(sums: Tensor, place: Tensor) -> Tensor:
    """How far the lowest point of a paraboloid through a minimum and its eight neighbours is off.

    Args:
        sums: misfits by displacement, ``[n, D, D]``, D at least 3.
        place: row and column of the minimum of each, ``[n, 2]``.

    Returns:
        rows and columns, ``[n, 2]``, up to half a pixel, or a whole one where the bowl lies aslant; 0 along a direction
        in which the minimum is at the edge, or its neighbours are no higher.
    """
    return _lowest(_neighbours(sums[:, None], place)[:, 0], _inner(place, sums.shape[-1]))


@torch.no_grad()
def _corrections(filters: tuple[Tensor, Tensor], logits: Tensor, maps: Tensor) -> Tensor:
    """Pixels by which the means of filters are off, and are to be moved: southwards and eastwards, ``[n, 2]``."""
    side = logits.shape[-1]
    best = logits.flatten(1).argmax(dim=1)
    place = torch.stack([best // side, best % side], dim=1)
    # Misfits over that of the best displacement; a map whose best is another one says nothing of this one.
    near = _neighbours(maps, place)
    misfits = torch.exp(-near / 2)
    heard = (near[:, :, 4] >= near.amax(dim=2)) & (near.amin(dim=2) < 0)
    misfits = (misfits * heard[:, :, None]).sum(dim=1)
    wanted = place - side // 2 + _lowest(misfits, _inner(place, side))
    offset = torch.arange(side, device=logits.device) - side // 2
    moments = []
    for shares in filters:
        mean = shares @ offset.to(shares)
        moments.append((-mean, (shares * (offset - mean[:, None]).square()).sum(dim=1)))
    means, variances = (torch.stack(values, dim=1) for values in zip(*moments, strict=True))
    share = ((WIDE - variances) / (WIDE - NARROW)).clamp(0, 1)
    corrections = (wanted - means).clamp(-1, 1) * share * (heard.any(dim=1)[:, None] & _inner(place, side))
    return corrections.to(logits)


def between_pixels(filters: tuple[Tensor, Tensor], logits: Tensor, maps: Tensor) -> tuple[Tensor, Tensor]:
    """Filters whose mean is the displacement at which the images fit best, where they are sure of it.

    Args:
        filters: vertical and horizontal, ``[n, D]`` each, the marginals of the softmax of the logits.
        logits: of displacements, ``[n, D, D]``.
        maps: log-likelihoods of displacements, 0 for the best of a map, ``[n, C, D, D]``.

    Returns:
        the two filters, moved by linear interpolation, by a pixel at most.
    """
    if logits.shape[-1] < 3:
        return filters
    vertical, horizontal = (
        _moved(shares, by) for shares, by in zip(filters, _corrections(filters, logits, maps).unbind(1), strict=True)
    )
    return vertical, horizontal


def _moved(shares: Tensor, by: Tensor) -> Tensor:
    """Filters ``[n, D]`` for content that moves by so much more, ``[n]``; taps lie against it."""
    fewer, more = shares * by.clamp(min=0)[:, None], shares * (-by).clamp(min=0)[:, None]
    nothing = shares.new_zeros(len(shares), 1)
    fewer, more = torch.cat([nothing, fewer[:, 1:]], dim=1), torch.cat([more[:, :-1], nothing], dim=1)
    return shares - fewer - more + fewer.roll(-1, dims=1) + more.roll(1, dims=1)


def _neighbours(maps: Tensor, place: Tensor) -> Tensor:
    """The nine values at a place and around it, ``[n, C, 9]`` of ``[n, C, D, D]``; beyond the edge those on it."""
    side = maps.shape[-1]
    step = torch.arange(-1, 2, device=maps.device)
    rows, columns = ((place[:, axis, None] + step).clamp(0, side - 1) for axis in (0, 1))
    flat = (rows[:, :, None] * side + columns[:, None, :]).flatten(1)
    return maps.flatten(2).gather(2, flat[:, None].expand(-1, maps.shape[1], -1))


def _inner(place: Tensor, side: int) -> Tensor:
    """Whether a place has neighbours on both sides, ``[n, 2]``."""
    return (place > 0) & (place < side - 1)


def _lowest(near: Tensor, inner: Tensor) -> Tensor:
    """See ``lowest_point``; ``near`` has a minimum in the middle of its nine values, ``[n, 9]``."""
    near = near.unflatten(1, (3, 3)).double()
    low, middle, high = near[:, (0, 1), (1, 0)], near[:, 1, 1, None], near[:, (2, 1), (1, 2)]
    slope, bend = (high - low) / 2, low - 2 * middle + high
    usable = inner & (bend > 0)
    bend = torch.where(usable, bend, 1.0)
    alone = torch.where(usable, -slope / bend, 0.0)
    cross = (near[:, 0, 0] + near[:, 2, 2] - near[:, 0, 2] - near[:, 2, 0])[:, None] / 4
    determinant = bend.prod(dim=1, keepdim=True) - cross.square()
    together = (cross * slope.flip(1) - bend.flip(1) * slope) / determinant
    is_bowl = usable.all(dim=1, keepdim=True) & (determinant > VALLEY * bend.prod(dim=1, keepdim=True))
    return torch.where(is_bowl, together, alone).clamp(-1, 1)
