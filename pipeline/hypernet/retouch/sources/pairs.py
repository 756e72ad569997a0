"""A photograph before and after an edit: two files, and their colours at one size."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.retouch.core.metrics import rounded
from hypernet.retouch.core.thumbnails import area_means
from hypernet.retouch.sources.formats.contents import to_8_bits
from hypernet.retouch.sources.image_files import Photograph, read_photograph

NAMED_AT_MOST = 5


@dataclass(frozen=True)
class Pair:
    """A photograph before and after, and its name."""

    name: str
    input: Path
    target: Path


def read_pair(pair: Pair, resize: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """The colours of a pair, as ``as_srgb8`` gives them.

    Args:
        pair: where it is.
        resize: bring the larger picture to the size of the smaller by exact means over areas, where they have the same
            proportions within a pixel.

    Returns:
        Before and after, uint8 ``[H, W, 3]`` of one size.

    Raises:
        UserError: a file cannot be read, or the sizes differ and may not be made the same.
    """
    before, after = (as_srgb8(read_photograph(path)) for path in (pair.input, pair.target))
    sizes = before.shape[:2], after.shape[:2]
    if reason := size_mismatch(*sizes, resize=resize):
        raise UserError(f"{pair.input}, {pair.target}: {reason}")
    height, width = min(sizes, key=_area)
    return reduced_by_area(before, height, width), reduced_by_area(after, height, width)


def size_mismatch(before: tuple[int, int], after: tuple[int, int], resize: bool) -> str:
    """Why pictures of these sizes (height, width) make no pair; empty where they do."""
    if before == after:
        return ""
    (height, width), (large_height, large_width) = sorted([before, after], key=_area)
    # Programs round one side, or both, when they export a smaller picture.
    across = abs(large_width * height / large_height - width)
    down = abs(large_height * width / large_width - height)
    sizes = f"{before[1]} x {before[0]} pixels before, {after[1]} x {after[0]} after"
    if min(across, down) <= 1:
        return "" if resize else f"{sizes}; the option resize brings the larger to the size of the smaller"
    is_turned = (before[0] - before[1]) * (after[0] - after[1]) < 0
    turned = " (is a picture turned?)" if is_turned else ""
    return f"{sizes}: other proportions{turned}; accepted: pairs that show the same part of a picture"


def as_srgb8(photograph: Photograph) -> np.ndarray:
    """The colours of a photograph, sRGB, uint8 ``[H, W, 3]``.

    Those outside the gamut of sRGB are clipped; opacity is left out.
    """
    pixels = photograph.pixels
    if pixels.dtype == np.uint8:
        return pixels
    return to_8_bits(pixels) if pixels.dtype == np.uint16 else rounded(pixels)


def reduced_by_area(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """Pixels, uint8 ``[H, W, 3]``, brought to a size by exact means over areas, uint8."""
    if pixels.shape[:2] == (height, width):
        return pixels
    return np.floor(area_means(pixels, height, width) + 0.5).astype(np.uint8)


def named(names: Iterable[str], most: int = NAMED_AT_MOST) -> str:
    """The first few of a list of names, and how many there are."""
    names = list(names)
    more = f" ... ({len(names):,} in all)" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _area(size: tuple[int, int]) -> int:
    return size[0] * size[1]
