"""Images that say it is dry because the radar, or a part of it, was not heard.

Rain does not vanish and come back within a step: a shower lives half an hour, and what moves away shows elsewhere. Only
wet and dry are looked at, so that the unit and the scale of the grey levels do not matter. An image, or up to three in
a row, is an outage where

- nearly all of the wet area before and after it is gone;
- a region of it is dry that is wet before and after, and the wet area of the whole falls and rises with it.

With an image on one side alone it is one where

- nearly all is dry beside an image so wet, far from its edges, that the rain cannot have left or come within a step;
- it is the first or the last, and a large part of the rain of both images beside it is gone from far and wide.

Within ten minutes rain stays at least twice below each threshold on two days of Finland, a night of the Netherlands, a
day of Brisbane, an evening of Switzerland, in squares of them from 80 km on, and in simulated rain. At 20 minutes
nothing is found in these as a whole, but one in a hundred images of squares below 140 km, a third of which the rain
crosses in a step.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import minimum_filter

# Regions are looked at in blocks of 3 x 3 pixels; one is wholly wet, or dry, where it is so with the blocks around it.
BLOCK = 3
LONGEST_RUN = 3
# What is left of a wet area where it is nearly gone: of that before and after, and of that on one side.
LEFT, LEFT_OF_ONE = 0.05, 0.02
# Least wet area of which something is said: so many pixels, or a share of small images.
LEAST_PIXELS, LEAST_SHARE = 400, 0.02
# Within a step rain does not go further than this share of an image's sides; so much of what lies inside is wet.
FAR, LEAST_SHARE_FAR = 0.25, 0.2
# Least number of blocks in the rain that is there before and after, number and share (for each image of a run: there
# is more time for rain to go and come) of those lost, and share of
# what is lost by which the wet area as a whole falls.
LEAST_BLOCKS, LEAST_LOST, LOST, DEFICIT = 30, 9, 0.08, 0.5
# At the ends: share of the sides within which there is no rain around what is lost.
LEAST_BLOCKS_AT_END, WIDE, LOST_AT_END = 50, 0.125, 0.25


def outages(grey: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """Which images of a sequence say that it is dry, everywhere or in a region, where it rained.

    Args:
        grey: ``[T, H, W]``, one step apart and without a gap; 0 where it is dry, any scale above.
        missing: bool ``[H, W]`` or ``[T, H, W]``: pixels without data, which are no outage.

    Returns:
        bool ``[T]``.
    """
    measured = ~missing
    images = [_Image(image, measured if measured.ndim == 2 else measured[place]) for place, image in enumerate(grey)]
    last, out = len(images) - 1, np.zeros(len(images), dtype=bool)
    for length in range(1, LONGEST_RUN + 1):
        for first in range(1, last - length + 1):
            before, run, after = images[first - 1], images[first : first + length], images[first + length]
            out[first : first + length] |= _all_gone(before, run, after) or _region_gone(before, run, after)
    for place, image in enumerate(images):
        for step in (-1, 1):
            beside = place + step
            while 0 <= beside <= last and _blank_beside(image, images[beside]):
                out[beside] = True
                beside += step
    if last >= 2:
        out[0] |= _gone_at_end(images[2], images[1], images[0])
        out[last] |= _gone_at_end(images[last - 2], images[last - 1], images[last])
    return out


class _Image:
    """Where one image is wet and dry.

    Args:
        grey: ``[H, W]``.
        measured: bool ``[H, W]``.
    """

    def __init__(self, grey: np.ndarray, measured: np.ndarray):
        self.measured, self.wet = measured, (grey > 0) & measured
        if self.wet.any() and np.array_equal(self.wet, measured) and np.ptp(grey[measured]) == 0:
            # One level everywhere is no rain, whatever it is.
            self.wet = np.zeros_like(self.wet)
        self.area = int(np.count_nonzero(self.wet))
        self.dry_blocks, wet_blocks = _whole_blocks(measured & ~self.wet), _whole_blocks(self.wet)
        self.dry, self.core = _with_neighbours(self.dry_blocks), _with_neighbours(wet_blocks)
        # Whether so much is wet that its going is worth a word; and where rain neither leaves nor comes within a step.
        self.is_clear = self.area >= min(LEAST_PIXELS, LEAST_SHARE * self.wet.size) > 0
        rows, columns = (int(FAR * side) for side in self.wet.shape)
        inside = self.wet[rows : self.wet.shape[0] - rows, columns : self.wet.shape[1] - columns]
        self.is_clear_inside = np.count_nonzero(inside) >= min(LEAST_PIXELS, LEAST_SHARE_FAR * inside.size) > 0

    def area_in(self, other: _Image) -> int:
        """Wet pixels that the other image has measured."""
        if self.measured is other.measured:
            return self.area
        return int(np.count_nonzero(self.wet & other.measured))


def _whole_blocks(mask: np.ndarray) -> np.ndarray:
    """Whether all pixels of each block are set, bool ``[H // 3, W // 3]``."""
    rows, columns = (side // BLOCK * BLOCK for side in mask.shape)
    whole = np.logical_and.reduce([mask[place:rows:BLOCK] for place in range(BLOCK)])
    return np.logical_and.reduce([whole[:, place:columns:BLOCK] for place in range(BLOCK)])


def _with_neighbours(mask: np.ndarray) -> np.ndarray:
    """Whether each entry and the eight around it are set; those at the edges are not."""
    out = np.zeros_like(mask)
    whole = mask[:-2] & mask[1:-1] & mask[2:]
    out[1:-1, 1:-1] = whole[:, :-2] & whole[:, 1:-1] & whole[:, 2:]
    return out


def _all_gone(before: _Image, run: Sequence[_Image], after: _Image) -> bool:
    """Whether nearly all of the wet area is gone between two images."""
    if not (before.is_clear and after.is_clear):
        return False
    kept = [min(before.area_in(image), after.area_in(image)) for image in run]
    return all(area > 0 and image.area <= LEFT * area for area, image in zip(kept, run, strict=True))


def _region_gone(before: _Image, run: Sequence[_Image], after: _Image) -> bool:
    """Whether a region is dry that is wet before and after, and the wet area falls by it."""
    deficit = min(min(before.area_in(image), after.area_in(image)) - image.area for image in run)
    if deficit < DEFICIT * LEAST_LOST * BLOCK**2:
        return False
    core = before.core & after.core
    lost = core & np.logical_and.reduce([image.dry for image in run])
    blocks, gone = int(core.sum()), int(lost.sum())
    if blocks < LEAST_BLOCKS or gone < max(LEAST_LOST, LOST * len(run) * blocks):
        return False
    return deficit >= DEFICIT * gone * BLOCK**2


def _blank_beside(wet: _Image, image: _Image) -> bool:
    """Whether an image is as good as dry beside one whose rain cannot have left."""
    return wet.is_clear_inside and image.area <= LEFT_OF_ONE * wet.area_in(image) > 0


def _gone_at_end(earlier: _Image, beside: _Image, image: _Image) -> bool:
    """Whether rain of two images is gone from the one after (or before) them, and from all around."""
    core = earlier.core & beside.core
    rows, columns = (max(1, round(WIDE * side)) for side in core.shape)
    inside = core[rows : core.shape[0] - rows, columns : core.shape[1] - columns]
    blocks = int(inside.sum())
    if blocks < LEAST_BLOCKS_AT_END:
        return False
    far_and_wide = minimum_filter(image.dry_blocks, (2 * rows + 1, 2 * columns + 1), mode="constant")
    return int((core & far_and_wide).sum()) >= LOST_AT_END * blocks
