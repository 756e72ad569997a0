"""What retouches: a trained method, a saved colour map or a lattice, at a strength and with sliders."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.retouch.core.adjustments import MOST_STRENGTH, Adjustments, adjusted
from hypernet.retouch.core.colour_map import ColourMap
from hypernet.retouch.core.pixels import WHITES, apply_maps

# Pixels of a lattice, and of a mixture of two images, that are turned into floats at once.
PIXELS_AT_ONCE = 2**18


class Look(Protocol):
    """What a photograph is retouched with; a ``Retoucher`` is one.

    Attributes:
        method: its name.
        title: what it was learned from, or its file.
        size: side of the thumbnails that it looks at.
        is_map: whether its answer is a colour map; if not, it answers with a whole image.
    """

    method: str
    title: str
    size: int
    is_map: bool

    def colour_maps(self, thumbnails: np.ndarray) -> list[ColourMap]:
        """The map of each image, of its thumbnail, float32 ``[B, S, S, 3]`` in [0, 1]."""

    def retouch(self, pixels: np.ndarray) -> np.ndarray:
        """A whole image, uint8, uint16 or float32 in [0, 1], ``[H, W, 3]``: the same type and shape."""


class SavedMap:
    """A colour map from a file, the same for every photograph."""

    method, size, is_map = "a saved map", 64, True

    def __init__(self, colour_map: ColourMap, title: str):
        self.colour_map, self.title = colour_map, title

    def colour_maps(self, thumbnails: np.ndarray) -> list[ColourMap]:
        """See ``Look``."""
        return [self.colour_map] * len(thumbnails)

    def retouch(self, pixels: np.ndarray) -> np.ndarray:
        """See ``Look``."""
        return apply_maps(pixels, [self.colour_map])


class SavedLattice:
    """A look-up table from a ``.cube`` file, the same for every photograph; linear between its nodes."""

    method, size, is_map = "a look-up table", 64, False

    def __init__(self, lattice: np.ndarray, title: str):
        nodes = np.asarray(lattice)
        size = len(nodes) if nodes.ndim else 0
        if nodes.dtype.kind != "f" or nodes.shape != (size, size, size, 3) or size < 2 or not np.isfinite(nodes).all():
            accepted = "accepted: finite floats [S, S, S, 3], S from 2, white at 1"
            raise UserError(f"the look-up table: {nodes.dtype} {list(nodes.shape)}; {accepted}")
        self.lattice, self.title = nodes, title

    def colour_maps(self, thumbnails: np.ndarray) -> list[ColourMap]:
        """Raises UserError: a table is no colour map."""
        raise UserError(f"{self.title}: a look-up table is no colour map; accepted: a model or a map (look.json)")

    def retouch(self, pixels: np.ndarray) -> np.ndarray:
        """See ``Look``."""
        from hypernet.retouch.core.lut import sampled

        out, white = np.empty_like(pixels), WHITES[pixels.dtype]
        for block in _blocks(pixels):
            colours = np.clip(sampled(self.lattice, pixels[block] / white), 0, 1)
            out[block] = _as_levels(colours, white) if pixels.dtype.kind == "u" else colours
        return out


def open_look(model: Look | str | Path | None, colour_map: ColourMap | None) -> Look:
    """The look of a function's arguments, of which exactly one must be given.

    Raises:
        UserError: none or both are given, or the model cannot be opened.
    """
    if (model is None) == (colour_map is None):
        raise UserError("give either a model or a colour map")
    if colour_map is not None:
        if not hasattr(colour_map, "at_strength"):
            accepted = "accepted: a ColourMap, such as ColourMap(matrix), or the path of look.json"
            raise UserError(f"the colour map: a {type(colour_map).__name__}; {accepted}")
        return SavedMap(colour_map, "given")
    assert model is not None
    if not isinstance(model, str | Path):
        return model
    from hypernet.retouch.trained import open_model

    return open_model(model)


def require_map(look: Look) -> None:
    """Refuse a look without a colour map, of which a matrix, a LUT or a page are asked.

    Raises:
        UserError: it makes whole images.
    """
    if not look.is_map:
        raise UserError(
            f"{look.method}: makes whole images and no colour map; a matrix, a LUT and a page are of methods that do"
        )


@dataclass(frozen=True)
class Recipe:
    """How much of a look, and what comes after it.

    Attributes:
        strength: 0: the photograph as it is, 1: the look, up to 1.5: beyond it.
        adjustments: sliders.
        allow_fold: leave a map as it is that makes a brighter grey of the image darker than a darker one; otherwise
            its strength is reduced until it does not.

    Raises:
        UserError: a strength out of range.
    """

    strength: float = 1.0
    adjustments: Adjustments = field(default_factory=Adjustments)
    allow_fold: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.strength <= MOST_STRENGTH:
            raise UserError(f"strength: {self.strength:g}; accepted: 0 to {MOST_STRENGTH:g}")

    def composed(self, colour_map: ColourMap, brightest: float = 1.0) -> tuple[ColourMap, float, list[str]]:
        """A look's map with strength and sliders in it, the strength it has, and what was done, a sentence each.

        Args:
            colour_map: the look's.
            brightest: channel value of the image, in [0, 1]. A map that makes much of a dark photograph often folds,
                but among greys that are not in it.
        """
        strength, notes = self.strength, []
        if not self.allow_fold:
            _, kept = colour_map.at_strength(strength).unfolded(brightest)
            if kept < 1:
                strength *= kept
                notes.append(
                    f"the colour map made some brighter greys darker: its strength is reduced from {self.strength:g} "
                    f"to {strength:.3g} (--allow-fold leaves it)"
                )
        final = adjusted(colour_map, self.adjustments, strength)
        if final.folds_up_to(brightest):
            notes.append("warning: some brighter greys become darker ones")
        return final, strength, notes

    def of_image(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """What a look made of a whole image, at this strength and with the sliders; ``after`` is written over."""
        white = WHITES[before.dtype]
        if self.strength != 1:
            for block in _blocks(before):
                share = np.float32(self.strength)
                mixed = (1 - share) * before[block].astype(np.float32) + share * after[block].astype(np.float32)
                mixed = np.clip(mixed / np.float32(white), 0, 1)
                after[block] = _as_levels(mixed, white) if before.dtype.kind == "u" else mixed
        if self.adjustments != Adjustments():
            apply_maps(after, [adjusted(ColourMap.identity(), self.adjustments)], out=after)
        return after


def _blocks(pixels: np.ndarray) -> list[slice]:
    """Rows of an image, a few at once."""
    rows = max(1, PIXELS_AT_ONCE // pixels.shape[1])
    return [slice(first, first + rows) for first in range(0, len(pixels), rows)]


def _as_levels(colours: np.ndarray, white: float) -> np.ndarray:
    """Colours in [0, 1] as whole levels, rounded as ``apply_maps`` does."""
    return np.floor(colours * white + 0.5)
