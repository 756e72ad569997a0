"""A grey picture as one of MNIST's: light ink on a dark ground, square.

What is done to a picture is said, and nothing is invented: a picture that is too small is refused, never blown up.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.inputs.pictures import read_picture
from hypernet.superres.names import DIGIT_SIZE

POLARITIES = ("auto", "light_on_dark", "dark_on_light")
CENTRINGS = ("as_is", "mass")
INVERTED = "inverted: it has dark ink on a light ground"

# Levels of 255 by which red, green and blue of a grey picture may differ: what JPEG does to grey.
MOST_COLOUR = 4
# Up to the first a border's median is dark, from the second on light.
DARK, LIGHT = 1 / 3, 2 / 3
# Difference between the lightest and the darkest pixel below which a picture counts as blank: 12 bits that were stored
# as 16 have 0.06.
LEAST_CONTRAST = 0.1
# Share of the way from the ground to white from which a pixel is ink. For any share up to 0.15, 99.95 % of MNIST's
# test digits have a box of ink with 20 pixels on its longer side.
INK = 0.1
# A ground whose level differs by more from place to place is levelled.
UNEVEN = 0.03
# Ink whose box is longer than so many times its width is a line, of which nothing would be left.
THINNEST = 100
# MNIST's: the longer side of the box of ink as a share of the image.
BOX = 20 / 28
LEAST_SIZE = 8
# It is said where the ground is lighter than the first, or no ink lighter than the second.
_BLACK, _BRIGHT = 0.02, 0.5


def read_grey(path: Path | str) -> tuple[np.ndarray, list[str]]:
    """A grey picture.

    Args:
        path: a PNG, JPEG, WebP, GIF, BMP or TIFF file of 8 or 16 bits; the latter are rounded to 8.

    Returns:
        Black 0 to white 1, float32 ``[h, w]``, and what was done to it, a sentence each.

    Raises:
        UserError: it cannot be read, is in colour, blank, or not opaque everywhere.
    """
    rgba, notes = read_picture(path, "superres")
    if transparent := int((rgba[..., 3] < 255).sum()):
        raise UserError(
            f"{path}: {transparent:,} of its pixels are transparent; accepted: opaque pictures (save it with its "
            "ground, black or white)"
        )
    rgb = rgba[..., :3]
    colour = int((rgb.max(axis=-1) - rgb.min(axis=-1)).max())
    if colour > MOST_COLOUR:
        raise UserError(
            f"{path}: a colour picture (red, green and blue differ by up to {colour} levels of 255); accepted: grey "
            f"ones, where they differ by {MOST_COLOUR} at most; make it grey first (convert('L') of Pillow)"
        )
    if colour:
        notes.append("red, green and blue differ by a few levels: their mean is taken")
    grey = ((rgb.mean(axis=-1) if colour else rgb[..., 0]) / 255).astype(np.float32)
    try:
        _refuse_blank(grey)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    return grey, notes


def as_digit(
    grey: np.ndarray, polarity: str = "auto", centring: str = "as_is", size: int = DIGIT_SIZE
) -> tuple[np.ndarray, list[str]]:
    """A picture in the form of MNIST's: light ink on a dark ground.

    ``mass`` does what was done to make MNIST. The ground (the border's median) becomes black. The ink is cut out and
    brought to 20 of 28 pixels on its longer side; each new pixel is the mean over its area. Its centre of mass is
    brought to the pixel at half the side: 14 of 0 to 27, where MNIST has it, half a pixel beside the middle.

    Args:
        grey: black 0 to white 1, ``[h, w]``.
        polarity: ``light_on_dark``, ``dark_on_light``, which is inverted, or ``auto``: the border's median says which.
        centring: ``as_is``: the picture is square and has ``size`` pixels on a side, or more, over which means are
            taken; or ``mass``.
        size: pixels on a side of the result, 8 or more.

    Returns:
        uint8 ``[size, size]``, and what was done, a sentence each.

    Raises:
        UserError: no picture of grey levels from 0 to 1, a blank one, a polarity that the border contradicts or does
            not show, a picture that is not square or too small.
    """
    check("polarity", polarity, POLARITIES)
    check("centring", centring, CENTRINGS)
    grey = np.asarray(grey)
    if grey.ndim != 2 or not grey.size or grey.dtype.kind != "f":
        raise UserError(f"{grey.dtype} {list(grey.shape)}; accepted: a grey picture, numbers from 0 to 1 [h, w]")
    low, high = float(grey.min()), float(grey.max())
    # So that NaN is refused too.
    if not (low >= 0 and high <= 1):
        raise UserError(f"grey levels from {low:g} to {high:g}; accepted: from 0, black, to 1, white")
    _refuse_blank(grey)
    return digit_of(grey, is_inverted(float(border_level(grey)), polarity), centring, size)


def read_digit(
    path: Path | str, polarity: str = "auto", centring: str = "as_is", size: int = DIGIT_SIZE
) -> tuple[np.ndarray, list[str]]:
    """A picture's file in the form of MNIST's digits: ``read_grey`` and ``as_digit``.

    Raises:
        UserError: see there; the path comes first.
    """
    grey, notes = read_grey(path)
    try:
        digit, more = as_digit(grey, polarity, centring, size)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    return digit, notes + more


def check(name: str, value: str, accepted: Sequence[str]) -> None:
    """Raise UserError where an option's value is none of those."""
    if value not in accepted:
        raise UserError(f"{name}: {value!r}; accepted: {', '.join(accepted)}")


def border_level(images: np.ndarray) -> np.ndarray:
    """Median of the outermost pixels of each image, ``[..., h, w]`` to ``[...]``."""
    ring = [images[..., 0, :], images[..., -1, :], images[..., 1:-1, 0], images[..., 1:-1, -1]]
    return np.asarray(np.median(np.concatenate(ring, axis=-1), axis=-1))


def is_inverted(level: float, polarity: str) -> bool:
    """Whether a picture has to be inverted for its ink to be light on a dark ground.

    Args:
        level: of its border, black 0 to white 1.
        polarity: see ``as_digit``.

    Raises:
        UserError: the border contradicts the polarity, or does not show it.
    """
    if polarity == "auto":
        if DARK < level < LIGHT:
            raise UserError(
                f"its border is of a middle grey ({level:.0%} of white), neither a dark ground nor a light one: say "
                "which (polarity: light_on_dark or dark_on_light)"
            )
        return level >= LIGHT
    inverted = polarity == "dark_on_light"
    if level <= DARK if inverted else level >= LIGHT:
        ground = "dark" if inverted else "light"
        raise UserError(f"polarity: {polarity}, but its border is {ground} ({level:.0%} of white)")
    return inverted


def digit_of(grey: np.ndarray, inverted: bool, centring: str, size: int) -> tuple[np.ndarray, list[str]]:
    """A picture whose polarity is known, in the form of MNIST's: see ``as_digit``."""
    if size < LEAST_SIZE:
        raise UserError(f"size: {size} pixels; accepted: {LEAST_SIZE} or more")
    notes = []
    if inverted:
        grey = 1 - grey
        notes.append(INVERTED)
    if grey.max() < _BRIGHT:
        notes.append(f"dim: no ink of it has more than {_BRIGHT:.0%} of the brightest level")
    if centring == "mass":
        return _centred(grey, size, notes)
    if border_level(grey) > _BLACK:
        notes.append("its ground is not black, and stays so")
    height, width = grey.shape
    if height != width:
        raise UserError(
            f"{width} x {height} pixels; accepted: square pictures (or centring: mass, which cuts the ink out)"
        )
    if height < size:
        raise UserError(f"{width} x {height} pixels; accepted: {size} x {size} or more (nothing is invented)")
    if height > size:
        notes.append(f"made smaller, from {width} x {height} pixels: means over areas")
    return _shrunk(grey, size, size), notes


def _refuse_blank(grey: np.ndarray) -> None:
    low, high = float(grey.min()), float(grey.max())
    if high - low < LEAST_CONTRAST:
        raise UserError(
            f"blank, or nearly so: levels from {low:.0%} to {high:.0%} of white; accepted: levels that differ by "
            f"{LEAST_CONTRAST:.0%} or more"
        )


def _centred(grey: np.ndarray, size: int, notes: list[str]) -> tuple[np.ndarray, list[str]]:
    """What ``as_digit`` says of ``mass``; light ink on a dark ground."""
    ground = np.asarray(border_level(grey))
    if grey.max() - ground <= INK * (1 - ground):
        raise UserError("no ink: nothing stands out from the level of its border")
    surface = _fitted_ground(grey)
    if float(np.ptp(surface)) > UNEVEN:
        ground = surface
        notes.append("its ground is lit unevenly: a smooth surface through its border was taken from it")
    elif ground > _BLACK:
        notes.append("its ground was not black: the level of its border was taken from it")
    ink = np.clip((grey - ground) / (1 - ground), 0, 1)
    if ink.max() <= INK:
        raise UserError("no ink: nothing stands out from its ground")
    box = _box(ink >= INK)
    if any(side.start == 0 or side.stop == whole for side, whole in zip(box, ink.shape, strict=True)):
        notes.append("warning: its ink touches the border: a part may be missing, or shade is taken for ink")
    sides = [side.stop - side.start for side in box]
    longer, target = max(sides), round(BOX * size)
    if longer < target:
        raise UserError(
            f"its ink has {sides[1]} x {sides[0]} pixels; accepted: {target} or more on the longer side (nothing is "
            "invented)"
        )
    if longer > THINNEST * min(sides):
        raise UserError(
            f"its ink has {sides[1]} x {sides[0]} pixels: on {size} x {size} pixels nothing would be left of the "
            "narrower side"
        )
    # Fainter ink beside the shorter side stays: up to a pixel of the result.
    fringe = [longer // target if side < longer else 0 for side in sides]
    ink = np.pad(ink, [(more, more) for more in fringe])
    ink = ink[tuple(slice(side.start, side.stop + 2 * more) for side, more in zip(box, fringe, strict=True))]
    height, width = (max(1, math.floor(side * target / longer + 0.5)) for side in ink.shape)
    patch = _shrunk(ink, height, width)
    patch = patch[_box(patch > 0)]
    wanted = [_start(patch.sum(axis=axis), size) for axis in (1, 0)]
    top, left = (min(max(start, 0), size - side) for start, side in zip(wanted, patch.shape, strict=True))
    notes.append(f"ink cut out, {target} pixels on its longer side, centre of mass in the middle")
    if [top, left] != wanted:
        notes.append("its centre of mass is beside the middle: ink would be cut off")
    picture = np.zeros((size, size), dtype=np.uint8)
    picture[top : top + patch.shape[0], left : left + patch.shape[1]] = patch
    return picture, notes


def _fitted_ground(grey: np.ndarray) -> np.ndarray:
    """The ground as a quadratic surface through the border, without what stands out from it, ``[h, w]``."""
    y, x = (np.linspace(-1, 1, side) for side in grey.shape)
    edge = np.ones(grey.shape, dtype=bool)
    edge[1:-1, 1:-1] = False
    rows, columns = np.nonzero(edge)
    levels, kept = grey[edge].astype(np.float64), np.ones(len(rows), dtype=bool)
    sides = np.stack([y[rows] ** 0, y[rows], x[columns], y[rows] ** 2, x[columns] ** 2, y[rows] * x[columns]], axis=-1)
    for _ in range(3):
        constant, down, right, down2, right2, both = np.linalg.lstsq(sides[kept], levels[kept], rcond=None)[0]
        stands_out = levels - sides @ (constant, down, right, down2, right2, both) > INK / 2
        if stands_out.mean() > 0.5:
            break
        kept = ~stands_out
    surface = constant + (down * y + down2 * y**2)[:, None] + right * x + right2 * x**2 + both * y[:, None] * x
    return np.clip(surface, 0, 1 - LEAST_CONTRAST)


def _box(mask: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns of the smallest rectangle that holds all of a mask, of which something is true."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _start(sums: np.ndarray, size: int) -> int:
    """Where a patch begins on an axis for its centre of mass to be at size / 2, from its sums over the other axis."""
    centre = float((sums * np.arange(len(sums))).sum() / sums.sum())
    return math.floor(size / 2 - centre + 0.5)


def _shrunk(grey: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Means over areas of 0 to 1, as levels uint8 ``[rows, columns]``."""
    if grey.shape != (rows, columns):
        # Only here: torch takes longer to import than the digits of the default source take to read.
        import torch

        from hypernet.superres.core.grids import area_mean

        grey = area_mean(torch.from_numpy(grey.astype(np.float64)), rows, columns).numpy()
    # Halves go up, also those that a level / 255 misses by a rounding.
    levels = np.floor(255 * grey + 0.5 + 1e-4).astype(np.uint8)
    if not levels.any():
        raise UserError(f"its ink is too thin: nothing is left of it on {columns} x {rows} pixels")
    return levels
