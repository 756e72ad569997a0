"""What the reader of a format hands over: levels as they stand in the file, and everything beside them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.retouch.sources.formats.metadata import Metadata
from hypernet.retouch.sources.formats.profiles import Profile

MOST_PIXELS, SMALLEST_SIDE = 400_000_000, 8


@dataclass
class Contents:
    """A photograph as it stands in its file.

    Attributes:
        format: name of the format for people.
        levels: uint8 or uint16: grey ``[H, W]``, grey and opacity ``[H, W, 2]``, RGB ``[H, W, 3]``, or RGB and opacity
            ``[H, W, 4]``; opacity is not multiplied into the colours.
        icc: the embedded ICC profile; empty: none.
        profile: of files that state their colours without ICC; None: sRGB, or as ``icc`` says.
        metadata: everything else.
        notes: what a person should know, a sentence each.
        is_upright: the reader has turned the pixels already.
    """

    format: str
    levels: np.ndarray
    icc: bytes = b""
    profile: Profile | None = None
    metadata: Metadata = field(default_factory=Metadata)
    notes: list[str] = field(default_factory=list)
    is_upright: bool = False


def check_size(width: int, height: int) -> None:
    """Refuse a size by what the file declares, before memory is taken.

    Raises:
        UserError: too large, or too small to be a photograph.
    """
    if width * height > MOST_PIXELS:
        raise UserError(f"a picture of {width:,} x {height:,} pixels; accepted: {MOST_PIXELS:,} pixels at most")
    if min(width, height) < SMALLEST_SIDE:
        raise UserError(
            f"a picture of {width} x {height} pixels; accepted: {SMALLEST_SIDE} x {SMALLEST_SIDE} or larger"
        )


def unmultiplied(levels: np.ndarray) -> np.ndarray:
    """Colours that opacity is multiplied into, ``[H, W, 2 or 4]``, as they were before, to the nearest level."""
    white = np.iinfo(levels.dtype).max
    free = levels.copy()
    for rows in np.array_split(np.arange(len(levels)), max(1, len(levels) // 64)):
        opacity = levels[rows, :, -1:].astype(np.uint64)
        doubled = 2 * white * levels[rows, :, :-1].astype(np.uint64) + opacity
        free[rows, :, :-1] = np.minimum(doubled // np.maximum(2 * opacity, 1), white) * (opacity > 0)
    return free


def to_8_bits(levels: np.ndarray) -> np.ndarray:
    """uint16 levels rounded to uint8, so that 65535 becomes 255; uint8 as they are."""
    if levels.dtype == np.uint8:
        return levels
    return ((levels.astype(np.uint32) + 128) // 257).astype(np.uint8)
