"""What people give the tools: small images and whole digits, as pictures, arrays or IDX files."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.inputs.arrays import ENDINGS, arrays_of
from hypernet.superres.names import DIGIT_SIZE, SIZE
from hypernet.superres.sources.drawings import (
    LEAST_CONTRAST,
    POLARITIES,
    border_level,
    check,
    digit_of,
    is_inverted,
    read_grey,
)
from hypernet.superres.sources.folders import IDX
from hypernet.superres.sources.idx import read_images

Image = str | Path | np.ndarray
IMAGES = "images"
# What a picture that is larger than a small image may be: a digit of the data sets' own sizes, or any that is brought
# to them as a person's own data set is.
LARGE = ("auto", "as_is", "mass")
INVERTED = "dark ink on a light ground: inverted for the network, and the result inverted back"
# A ground that is lighter than this is said.
BLACK = 0.02


@dataclass(frozen=True, eq=False)
class SmallImage:
    """A small image as a network sees it.

    Attributes:
        name: of its file, and its number where there are several.
        pixels: light ink on a dark ground, float32 ``[h, w]`` in [0, 1].
        inverted: whether the given one has dark ink on a light ground.
        notes: what was done to it, a sentence each.
    """

    name: str
    pixels: np.ndarray
    inverted: bool
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Given:
    """The images of a file, all of one size and one polarity.

    Attributes:
        name: of the file.
        levels: numbers ``[B, h, w]``, from 0, black, to ``white``.
        white: the level of white.
        inverted: whether they have dark ink on a light ground.
        notes: what was done to them, a sentence each.
    """

    name: str
    levels: np.ndarray
    white: float
    inverted: bool
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.levels)

    def small(self, number: int, low: tuple[int, int], large: str = "auto") -> SmallImage:
        """One of them as a network sees it.

        Args:
            number: which, from 0.
            low: rows and columns of the network's small images.
            large: see ``enlarge``.

        Raises:
            UserError: no image of this number, or one of another size.
        """
        check("from large", large, LARGE)
        if not 0 <= number < len(self):
            raise UserError(f"{self.name}: no image {number}; accepted: 0 to {len(self) - 1}")
        name = self.name if len(self) == 1 else f"{self.name} {number}"
        grey = (self.levels[number] / self.white).astype(np.float32)
        if self.inverted:
            grey = 1 - grey
        try:
            pixels, notes = _brought_to(low, grey, large)
        except UserError as error:
            raise UserError(f"{name}: {error}") from None
        return SmallImage(name, pixels, self.inverted, (*self.notes, *notes))


def given_images(image: Image, polarity: str = "auto", largest_level: float | None = None) -> Given:
    """The images of a file or of an array.

    Args:
        image: a picture (PNG, JPEG, WebP, GIF, BMP, TIFF), grey and opaque; an array float in [0, 1] or uint8,
            ``[h, w]`` or ``[B, h, w]``, or its file: .npy, or .npz with ``images``; or an IDX file.
        polarity: ``light_on_dark``, ``dark_on_light``, or ``auto``: the median of the border says which.
        largest_level: white in an array of other numbers, such as 16.

    Raises:
        UserError: the file cannot be read, or its numbers are no grey levels.
    """
    check("polarity", polarity, POLARITIES)
    notes: list[str] = []
    if not isinstance(image, str | Path):
        # An array, or what numpy makes one of: a tensor, a picture of Pillow.
        name, levels = "image", np.asarray(image)
    else:
        name, path = str(image), Path(image)
        if path.suffix in ENDINGS:
            levels = arrays_of(path, (IMAGES,), "uibf")[IMAGES]
        elif IDX.fullmatch(path.name) and not path.is_dir():
            levels = read_images(path)
        elif largest_level is not None:
            raise UserError(f"{name}: the largest level is of arrays, a picture says its own; leave it out")
        else:
            grey, notes = read_grey(path)
            levels = grey[None]
    levels, white = as_levels(name, levels, largest_level)
    try:
        inverted = polarity == "dark_on_light"
        if polarity == "auto":
            inverted = is_inverted(float(np.median(border_level(levels))) / white, polarity)
    except UserError as error:
        raise UserError(f"{name}: {error}") from None
    if inverted:
        notes.append(INVERTED)
    return Given(name, levels, white, inverted, tuple(notes))


def as_levels(name: str, levels: np.ndarray, largest_level: float | None = None) -> tuple[np.ndarray, float]:
    """Grey levels ``[B, h, w]``, and which of them is white.

    Args:
        name: of them, for messages.
        levels: numbers, ``[B, h, w]`` or ``[h, w]``.
        largest_level: white; None: 1 of floats, 255 of uint8.

    Raises:
        UserError: another shape or type, or levels out of range or all nearly the same.
    """
    accepted = "accepted: float in [0, 1] or uint8, [B, rows, columns] or [rows, columns]"
    if levels.ndim == 2:
        levels = levels[None]
    if levels.ndim != 3 or not levels.size or levels.dtype.kind not in "uibf":
        raise UserError(f"{name}: {levels.dtype} {list(levels.shape)}; {accepted}")
    if largest_level is None:
        if levels.dtype.kind in "ui" and levels.dtype != np.uint8:
            raise UserError(
                f"{name}: {levels.dtype}, whole numbers: divide by the level of white (or `enlarge --largest-level 16`)"
            )
        largest_level = 255.0 if levels.dtype == np.uint8 else 1.0
    elif not (math.isfinite(largest_level) and largest_level > 0):
        raise UserError(f"largest level: {largest_level:g}; accepted: a number above 0")
    least, most = float(levels.min()), float(levels.max())
    if not (math.isfinite(least) and math.isfinite(most)):
        raise UserError(f"{name}: a grey level is not a finite number; accepted: 0, black, to {largest_level:g}, white")
    if not (least >= 0 and most <= largest_level):
        raise UserError(
            f"{name}: grey levels from {least:g} to {most:g}; accepted: 0, black, to {largest_level:g}, white (divide "
            "by the level of white or say it, `enlarge --largest-level 16`; clip what an interpolation left beyond)"
        )
    if most - least < LEAST_CONTRAST * largest_level:
        raise UserError(
            f"{name}: blank, or nearly so: levels from {least:g} to {most:g} where {largest_level:g} is white (if "
            "another level is, divide by it or say it, `enlarge --largest-level 16`)"
        )
    return levels, largest_level


def _brought_to(low: tuple[int, int], grey: np.ndarray, large: str) -> tuple[np.ndarray, list[str]]:
    """Light ink on a dark ground at the size of small images, and what was done."""
    notes: list[str] = []
    if large != "mass" and (ground := float(border_level(grey))) > BLACK:
        notes.append(f"its ground is not black ({ground:.0%} of white), as that of the training's digits is")
    if grey.shape == low and large != "mass":
        return grey, notes
    if large == "mass" or (large == "as_is" and grey.shape != (SIZE, SIZE)):
        digit, more = digit_of(grey, False, large, DIGIT_SIZE)
        grey = (digit / 255).astype(np.float32)
        # Of the ground it is said above, with its level.
        notes += [note for note in more if large == "mass" or "ground" not in note]
    elif grey.shape not in ((DIGIT_SIZE, DIGIT_SIZE), (SIZE, SIZE)):
        raise UserError(
            f"{_size(grey)} (rows x columns); accepted: a small image of {low[0]} x {low[1]}, or a digit of "
            f"{DIGIT_SIZE} x {DIGIT_SIZE} or {SIZE} x {SIZE}, which is made small; other digits with "
            "--from-large as_is or mass"
        )
    from torch import from_numpy

    from hypernet.superres.core.grids import area_mean

    margin = (SIZE - grey.shape[0]) // 2
    framed = f", with {margin} black ones on each side" if margin else ""
    shape = f"{low[0]} x {low[1]}"
    notes.append(
        f"a digit of {_size(grey)}: made small first, {shape} exact means over areas{framed}; this is enlarged"
    )
    return area_mean(from_numpy(np.pad(grey, margin)), *low).numpy(), notes


def _size(grey: np.ndarray) -> str:
    return f"{grey.shape[0]} x {grey.shape[1]} pixels"
