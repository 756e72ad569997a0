"""A retouched photograph and all that can be written of it: the photograph, its colour map, a LUT, a page."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.files import output_file
from hypernet.lab.inputs.pictures import told
from hypernet.retouch.core.colour_map import ColourMap
from hypernet.retouch.core.metrics import clipped_share
from hypernet.retouch.core.pixels import WHITES, apply_maps, brightest
from hypernet.retouch.core.thumbnails import thumbnail
from hypernet.retouch.sources.formats.wide_colours import beyond_srgb
from hypernet.retouch.tools.looks import Look, Recipe, require_map

if TYPE_CHECKING:
    from hypernet.retouch.sources.image_files import Photograph

MATRICES, LUTS = (".json",), (".cube",)
# Channel values of a large photograph that are looked at for clipping, and the share of them that is worth a word.
LOOKED_AT, WORTH_A_WORD = 250_000, 0.01
# Between the darkest and the brightest place of a thumbnail, in any channel: five levels of 8 bits.
LEAST_CONTRAST = 0.02


@dataclass(frozen=True, eq=False)
class Retouched:
    """A retouched photograph, as ``apply`` makes it; ``save`` and its like write it.

    Attributes:
        name: of the file.
        pixels: ``[H, W, 3]`` of the type of the photograph's, sRGB-encoded.
        colour_map: what made it, strength and sliders included; None where the look makes no colour map.
        strength: of the look; less than was asked for where its map folds.
        clipped: share of channel values that the map carried out of [0, 1]; None without a map.
        notes: what was seen and done, a sentence each.
        photograph: the photograph before, with what its file says of itself.
        look: what made it.
        recipe: what was asked for.
        predicted: the look's map at strength 1, without sliders; None where it makes none.
    """

    name: str
    pixels: np.ndarray
    colour_map: ColourMap | None
    strength: float
    clipped: float | None
    notes: tuple[str, ...]
    photograph: Photograph = dataclasses.field(repr=False)
    look: Look = dataclasses.field(repr=False)
    recipe: Recipe = dataclasses.field(repr=False)
    predicted: ColourMap | None = dataclasses.field(repr=False)

    @classmethod
    def of(cls, name: str, photograph: Photograph, look: Look, recipe: Recipe) -> Retouched:
        """What a look makes of a photograph.

        Raises:
            UserError: a look that cannot work on it.
        """
        pixels, notes = photograph.pixels, list(photograph.notes)
        # A wider profile's colours outside sRGB are no input of a network.
        small = np.clip(thumbnail(pixels, look.size), 0, 1)
        if not np.isfinite(small).all():
            raise UserError(f"{name}: a value is not a finite number; accepted: 0, black, to 1, white")
        if float(np.ptp(small, axis=(0, 1)).max()) < LEAST_CONTRAST:
            notes.append("warning: all of it has nearly one colour; a look has little to go by")
        if not look.is_map:
            if pixels.dtype.kind == "f":
                notes.append(f"{look.method}: colours outside sRGB are brought into it")
                pixels = np.clip(pixels, 0, 1)
            made = recipe.of_image(pixels, look.retouch(pixels))
            return cls(name, made, None, recipe.strength, None, tuple(notes), photograph, look, recipe, None)
        predicted = look.colour_maps(small[None])[0]
        colour_map, strength, words = recipe.composed(predicted, brightest(pixels))
        clipped = clipped_share(colour_map(_some_colours(pixels)))
        if clipped > WORTH_A_WORD:
            kept = "; those that the file's profile holds are kept" if pixels.dtype.kind == "f" else " and are clipped"
            words.append(f"{clipped:.1%} of the channel values fall outside [0, 1]{kept}")
        if pixels.dtype.kind == "u":
            made = apply_maps(pixels, [colour_map])
        else:
            made = beyond_srgb(pixels, apply_maps(np.clip(pixels, 0, 1), [colour_map], clamp=False))
        notes += words
        return cls(name, made, colour_map, strength, clipped, tuple(notes), photograph, look, recipe, predicted)

    def __repr__(self) -> str:
        rows, columns = self.pixels.shape[:2]
        name, method = Path(self.name).name, self.look.method
        return f"Retouched({name}, {columns} x {rows}, {method}, strength {self.strength:g})"

    def __str__(self) -> str:
        return "\n".join([repr(self), *told(self.name, self.notes)])

    def save(self, path: str | Path, *, strip_location: bool = False, quality: int = 95) -> str:
        """Write the photograph, with the profile, depth, opacity and metadata of its file.

        Args:
            path: ``.jpg``, ``.png``, ``.tif``, ``.webp``; see ``image_files.write_photograph``.
            strip_location: leave out where it was taken.
            quality: of JPEG and its like, 1 to 100.

        Returns:
            What is in the file, for people.

        Raises:
            UserError: another ending, a folder, or a library is missing.
        """
        from hypernet.retouch.sources.image_files import write_photograph

        made = self.photograph.with_pixels(self.pixels)
        notes = write_photograph(path, made, strip_location=strip_location, quality=quality)
        rows, columns = self.pixels.shape[:2]
        return "; ".join([f"{columns} x {rows} pixels", *notes])

    def save_matrix(self, path: str | Path) -> str:
        """Write the colour map, strength and sliders included, as JSON that can be edited and applied again.

        Raises:
            UserError: another ending, a folder, or the look makes no colour map.
        """
        from hypernet.retouch.sources.map_files import write_map

        path, colour_map = output_file(path, *MATRICES), self._map()
        write_map(path, colour_map, self._facts())
        words = f"the {colour_map.basis} colour map, 3 x {colour_map.matrix.shape[1]} numbers"
        return "; ".join([words, *self._elsewhere()])

    def save_lut(self, path: str | Path) -> str:
        """Write the colour map as a ``.cube`` file for Resolve, Premiere, Photoshop and ffmpeg.

        Raises:
            UserError: another ending, a folder, or the look makes no colour map.
        """
        from hypernet.retouch.core.lut import error_of, lattice
        from hypernet.retouch.sources.cube_files import write_cube

        path, maps = output_file(path, *LUTS), [self._map()]
        nodes = lattice(maps)
        largest, of_clamped = (error_of(maps, given).largest for given in (nodes, nodes.clip(0, 1)))
        words = f"within {_stated(largest)} levels of 255 of the colour map"
        if of_clamped > 2 * largest:
            words += f" ({_stated(of_clamped)} in programs that clamp the nodes before they interpolate)"
        write_cube(path, nodes, Path(self.name).name, [f"of sRGB-encoded colours; {words}"])
        words = f"a LUT of {len(nodes)} x {len(nodes)} x {len(nodes)} nodes of sRGB-encoded colours, {words}"
        return "; ".join([words, *self._elsewhere()])

    def save_page(self, path: str | Path) -> str:
        """Write a page before and after with sliders, one file that needs no network.

        Raises:
            UserError: another ending, a folder, or the look makes no colour map.
        """
        from hypernet.retouch.tools.page import write_page

        self._map()
        assert self.predicted is not None
        return write_page(
            path,
            self.photograph.pixels,
            self.predicted,
            opacity=self.photograph.opacity,
            title=Path(self.name).name,
            strength=self.strength,
            adjustments=self.recipe.adjustments,
            facts=self._facts(),
        )

    def summary(self) -> str:
        """What was seen and done, a line each."""
        return "\n".join(told(self.name, self.notes))

    def _map(self) -> ColourMap:
        require_map(self.look)
        assert self.colour_map is not None
        return self.colour_map

    def _elsewhere(self) -> list[str]:
        """What the map does to photographs that are brighter than this one, where it folds there."""
        most = brightest(self.photograph.pixels)
        if not self._map().folds or self._map().folds_up_to(most):
            return []
        return [f"for this photograph: greys brighter than its brightest, {most:.2f} of white, may become darker ones"]

    def _facts(self) -> dict[str, Any]:
        """What the written map comes from."""
        return {
            "made_from": Path(self.name).name,
            "method": self.look.method,
            "learned_from": self.look.title,
            "strength": self.strength,
            **dataclasses.asdict(self.recipe.adjustments),
        }


def _stated(error: float) -> str:
    """An error that is not said smaller than it is."""
    return f"{math.ceil(100 * error) / 100:.2f}"


def _some_colours(pixels: np.ndarray) -> np.ndarray:
    """Colours of pixels at equal steps, float64 ``[n, m, 3]`` in [0, 1]."""
    step = max(1, round((pixels.size / LOOKED_AT) ** 0.5))
    return np.clip(pixels[::step, ::step] / WHITES[pixels.dtype], 0, 1)
