"""From radar pictures to grey levels: what differs from the map is looked up in the colour scale.

Grey is the intensity that a colour stands for. The luminance of a picture is something else: colour scales do not rise
in luminance, and the map shines through.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.radar.sources.background import CLUTTER, STILL, Background
from hypernet.radar.sources.palette import MISSING, UNKNOWN, Palette, class_table, codes, colours_of

# Hidden pixels are filled from the square of 5 x 5 around them.
REACH = 2
# More of the rain in colours that the palette lacks than this: it is the wrong palette.
MOST_UNKNOWN = 0.05
# Pixels that are filled at a time: 25 bytes each, and what the sorting needs.
BLOCK = 2**18


@dataclass(frozen=True)
class Report:
    """What happened to the pixels.

    Attributes:
        frames: number of pictures.
        holes: share of pixels that the map or clutter hides, in every picture.
        rain: share of pixels that show a colour of rain, of those that are not hidden.
        unknown: share of pixels whose colour is neither the background's nor the palette's, of those not hidden.
        unknown_of_rain: the same as a share of all that differ from the background.
    """

    frames: int
    holes: float
    rain: float
    unknown: float
    unknown_of_rain: float


@dataclass(frozen=True)
class Recovery:
    """Classes of pictures.

    Attributes:
        classes: uint8 ``[T, H, W]``: 0 dry, i for the palette's i-th class of rain; holes are filled.
        missing: bool ``[T, H, W]``: the picture says that there are no data; the class is 0.
        levels: float32 ``[256]``, the grey level of each class.
        report: what happened to the pixels.
    """

    classes: np.ndarray
    missing: np.ndarray
    levels: np.ndarray
    report: Report

    @property
    def grey(self) -> np.ndarray:
        """Grey levels in [0, 1], float32 ``[T, H, W]``: the classes' centres in dBZ, clipped to 0..70, over 70."""
        return self.levels[self.classes]


def recover(
    rgb: np.ndarray,
    background: Background | None,
    palette: Palette,
    tolerance: int = 0,
    clear: np.ndarray | None = None,
) -> Recovery:
    """Classes and grey levels of radar pictures.

    A pixel of the background's colour is dry, one of the palette's colours has its class. All others, and those that
    the map or clutter hides, get the median class of the pixels around them that are known, 0 where none is. Some 20
    bytes of memory a pixel: give a long archive in parts.

    Args:
        rgb: uint8 ``[T, H, W, 3]``, as ``hypernet.radar.sources.pictures.read_pictures`` gives it.
        background: found in training pictures of the same place; None for pictures without a map, whose palette has
            a colour for dry: what its lines cover is hidden.
        palette: of the pictures.
        tolerance: by how much a channel may be off the palette or the background; 0 for GIF and PNG, 8 for lossy.
        clear: bool ``[T, H, W]``, where pictures are transparent: dry there, whatever their colour.

    Raises:
        UserError: another size than the background's; more than 5 % of the rain is in colours that the palette lacks.
    """
    code, table = codes(rgb), class_table(palette, tolerance)
    classes = table[code]
    if background is None:
        hidden = _lines(rgb, palette, tolerance)
    else:
        is_map = _shows_map(rgb, code, background, tolerance)
        # A colour for missing data may well be the background: it stays missing.
        classes[is_map & (classes != MISSING)] = 0
        # A pixel that never changed in the training pictures hides rain only as long as it does not change.
        hidden = (background.holes >= CLUTTER) | ((background.holes == STILL) & is_map)
    if clear is not None:
        classes[clear] = 0
        hidden &= ~clear
    missing = (classes == MISSING) & ~hidden
    report = _report(code, classes, hidden, palette)
    unseen = hidden | (classes == UNKNOWN)
    classes[unseen | missing] = UNKNOWN
    _fill(classes, np.flatnonzero(unseen))
    classes[missing] = 0
    return Recovery(classes, missing, palette.grey_of_class(), report)


def _shows_map(rgb: np.ndarray, code: np.ndarray, background: Background, tolerance: int) -> np.ndarray:
    """Whether each pixel has its background's colour, bool ``[T, H, W]``.

    Raises:
        UserError: the pictures have another size than the background.
    """
    if rgb.shape[1:] != background.rgb.shape:
        given, wanted = (f"{shape[1]}x{shape[0]}" for shape in (rgb.shape[1:], background.rgb.shape))
        raise UserError(f"pictures of {given} pixels, but the background has {wanted}")
    if not tolerance:
        return code == codes(background.rgb)
    off = np.maximum(rgb, background.rgb) - np.minimum(rgb, background.rgb)
    return (off <= tolerance).all(axis=-1)


def _lines(rgb: np.ndarray, palette: Palette, tolerance: int) -> np.ndarray:
    """Where pictures show what the palette says is drawn over the rain, bool ``[T, H, W]``."""
    shown = np.zeros(rgb.shape[:3], dtype=bool)
    for line in palette.rgb("line"):
        off = np.maximum(rgb, line) - np.minimum(rgb, line)
        shown |= (off <= tolerance).all(axis=-1)
    return shown


def _report(code: np.ndarray, classes: np.ndarray, hidden: np.ndarray, palette: Palette) -> Report:
    """Count; see ``Report``.

    Raises:
        UserError: the palette lacks too many of the colours.
    """
    seen = code.size - hidden.sum()
    unknown = (classes == UNKNOWN) & ~hidden
    rain = ((classes > 0) & (classes < MISSING) & ~hidden).sum()
    lost = unknown.sum()
    share = lost / max(lost + rain, 1)
    if share > MOST_UNKNOWN:
        codes_of_unknown, count = np.unique(code[unknown], return_counts=True)
        most = codes_of_unknown[np.argsort(-count, kind="stable")[:3]]
        names = ", ".join(str(tuple(colour)) for colour in colours_of(most).tolist())
        raise UserError(
            f"{100 * share:.0f} % of the rain has colours that palette {palette.name} lacks, most of all {names}; "
            f"is it the palette of these pictures?"
        )
    return Report(len(code), float(hidden.mean()), float(rain / max(seen, 1)), float(lost / max(seen, 1)), float(share))


def _fill(classes: np.ndarray, places: np.ndarray) -> None:
    """Put the median of the known pixels around them into the flat ``places`` of ``[T, H, W]``, in place.

    Of an even number of pixels the lower middle one counts, so that a class comes out. UNKNOWN is the largest byte:
    sorted, known neighbours come first.
    """
    height, width = classes.shape[1:]
    padded = np.pad(classes, ((0, 0), (REACH, REACH), (REACH, REACH)), constant_values=UNKNOWN).ravel()
    wide = width + 2 * REACH
    around = np.arange(2 * REACH + 1)
    steps = (around[:, None] * wide + around).ravel()
    for first in range(0, len(places), BLOCK):
        part = places[first : first + BLOCK]
        frame, row, column = np.unravel_index(part, classes.shape)
        corner = (frame * (height + 2 * REACH) + row) * wide + column
        neighbours = np.sort(padded[corner[:, None] + steps], axis=1)
        known = (neighbours != UNKNOWN).sum(axis=1)
        middle = np.take_along_axis(neighbours, (np.maximum(known, 1) - 1)[:, None] // 2, axis=1)[:, 0]
        classes.reshape(-1)[part] = np.where(known > 0, middle, 0)
