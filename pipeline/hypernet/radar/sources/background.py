"""What a radar picture shows where it does not rain: the map, and the places at which the map or clutter hides rain.

The background of a pixel is the most frequent colour (mode) that it has in the pictures that are given. Give training
pictures only, dry ones among them: where it rains most of the time, rain would become the background.
"""

from __future__ import annotations

import hashlib
import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.files import atomic_path
from hypernet.radar.sources.palette import MISSING, UNKNOWN, Palette, class_table, codes, colours_of

# Why a pixel is a hole: it never changed, it shows an echo most of the time (clutter), or a line of the map covers it.
SEEN, STILL, CLUTTER, LINE = range(4)
FEWEST_FRAMES = 24
# A picture counts as dry when fewer pixels than this show a colour of rain.
DRY_SHARE = 0.05
# Without areas in the palette file: a background colour of at least this share of the pixels is an area, others lines.
AREA_SHARE = 0.02
# Entries that are sorted at a time: 4 bytes each, a few arrays of them.
BLOCK = 2**22
# Bytes of a background, unpacked: four for each pixel.
LARGEST_FILE = 2**28


@dataclass(frozen=True)
class Background:
    """The background of one place's pictures.

    Attributes:
        rgb: uint8 ``[H, W, 3]``.
        holes: uint8 ``[H, W]``: SEEN, STILL, CLUTTER or LINE.
        frames: number of pictures that it was found in.
    """

    rgb: np.ndarray
    holes: np.ndarray
    frames: int

    @property
    def digest(self) -> str:
        """Hexadecimal SHA-256 of the contents: prepared data name the background that they were made with."""
        head = repr((self.rgb.shape, self.holes.shape, self.frames)).encode()
        return hashlib.sha256(head + self.rgb.tobytes() + self.holes.tobytes()).hexdigest()

    def save(self, path: Path) -> None:
        """Write as a compressed npz with its digest; the same background gives the same bytes."""
        with atomic_path(path) as temporary:
            np.savez_compressed(temporary, rgb=self.rgb, holes=self.holes, frames=self.frames, digest=self.digest)

    @classmethod
    def load(cls, path: Path) -> Background:
        """Read what ``save`` wrote.

        Raises:
            UserError: the file is missing, is something else, or does not have its digest.
        """
        try:
            _refuse_bomb(path)
            with np.load(path, allow_pickle=False) as file:
                background, digest = cls(file["rgb"], file["holes"], int(file["frames"])), str(file["digest"])
        except Exception as error:  # numpy and zipfile raise many kinds for a broken file
            raise UserError(f"{path}: not a background that was saved here ({error})") from None
        if background.digest != digest:
            raise UserError(f"{path}: the contents do not have the digest {digest[:12]}...; make the background again")
        return background


def _refuse_bomb(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        # What is unpacked is never more than a member's entry says.
        unpacked = sum(member.file_size for member in archive.infolist())
    if unpacked > LARGEST_FILE:
        raise ValueError(f"{unpacked:,} bytes unpacked, {LARGEST_FILE:,} at most")


def fit_background(rgb: np.ndarray, palette: Palette, tolerance: int = 0) -> Background:
    """Find the background of pictures.

    A pixel is a hole when its background is a colour of rain (permanent clutter), is not one of the map's areas (a
    drawn line), or when the pixel never changed, unless that is a colour for dry or missing.

    Args:
        rgb: uint8 ``[T, H, W, 3]``, training pictures only, at least 24.
        palette: of the pictures.
        tolerance: by how much a channel may be off the palette; 0 for GIF and PNG, 8 for lossy pictures.

    Raises:
        UserError: fewer than 24 pictures.

    Warns:
        UserWarning: no picture is dry.
    """
    if len(rgb) < FEWEST_FRAMES:
        raise UserError(f"{len(rgb)} pictures are too few for a background; at least {FEWEST_FRAMES} are needed")
    height, width = rgb.shape[1:3]
    table = class_table(palette, tolerance)
    background = np.empty(height * width, dtype=np.uint32)
    still = np.empty(height * width, dtype=bool)
    wet = np.zeros(len(rgb))
    flat = rgb.reshape(len(rgb), -1, 3)
    step = max(1, BLOCK // len(rgb))
    for first in range(0, height * width, step):
        part = slice(first, first + step)
        code = codes(flat[:, part])
        shown = table[code]
        wet += ((shown > 0) & (shown < MISSING)).sum(axis=1)
        background[part], still[part] = _modes(code)
    if wet.min() >= DRY_SHARE * height * width:
        share = 100 * wet.min() / (height * width)
        warnings.warn(f"no picture is dry (rain on {share:.0f} % or more): rain may be in the background", stacklevel=2)
    holes = _holes(background, still, palette, tolerance)
    return Background(colours_of(background).reshape(height, width, 3), holes.reshape(height, width), frames=len(rgb))


def _modes(code: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Most frequent value of each column of ``[T, P]``, the smallest of equals, and whether it is the only one."""
    ordered = np.sort(np.ascontiguousarray(code.T), axis=1)
    place = np.arange(ordered.shape[1], dtype=np.int32)
    begins = np.zeros(ordered.shape, dtype=np.int32)
    begins[:, 1:] = np.where(ordered[:, 1:] != ordered[:, :-1], place[1:], 0)
    # A run's length so far is where one stands, less where the run began.
    length = place - np.maximum.accumulate(begins, axis=1)
    longest = length.argmax(axis=1)
    return np.take_along_axis(ordered, longest[:, None], axis=1)[:, 0], ordered[:, 0] == ordered[:, -1]


def _holes(background: np.ndarray, still: np.ndarray, palette: Palette, tolerance: int) -> np.ndarray:
    """Kind of each pixel, uint8 ``[P]``."""
    shown = class_table(palette, tolerance)[background]
    colours, which, count = np.unique(background, return_inverse=True, return_counts=True)
    areas = palette.rgb("area")
    if len(areas):
        off = np.abs(colours_of(colours)[:, None].astype(np.int16) - areas.astype(np.int16)).max(axis=2)
        is_area = (off <= tolerance).any(axis=1)
    else:
        is_area = count >= AREA_SHARE * len(background)
    holes = np.where(still, STILL, SEEN).astype(np.uint8)
    holes[(shown == UNKNOWN) & ~is_area[which]] = LINE
    holes[(shown > 0) & (shown < MISSING)] = CLUTTER
    holes[(shown == 0) | (shown == MISSING)] = SEEN
    return holes
