"""What the tools of this domain take: a model, photographs, and names of files to write."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.inputs.pictures import read_picture
from hypernet.shapes.sources.photos import OPAQUE, cut_out, framed

if TYPE_CHECKING:
    from hypernet.shapes.trained import Reconstructor

FRAMINGS = ("auto", "keep", "recentre")
# Longest side of the object's box as a share of the picture, in training images: a picture that was cut out already
# keeps its framing within these.
SMALLEST_SHARE, LARGEST_SHARE = 0.5, 0.97


@runtime_checkable
class Picture(Protocol):
    """A picture of Pillow."""

    def convert(self, mode: str) -> Any:
        """The same in another mode."""
        ...


Photo = str | Path | np.ndarray | Picture


@dataclass(frozen=True, eq=False)
class View:
    """A photograph as a network sees it.

    Attributes:
        name: of its file.
        pixels: uint8 RGBA ``[S, S, 4]``, transparent around the object.
        notes: what was done to it, a sentence each.
    """

    name: str
    pixels: np.ndarray
    notes: tuple[str, ...]


def opened(model: Reconstructor | str | Path) -> Reconstructor:
    """A model from its file, or as it is."""
    from hypernet.shapes.trained import open_model

    return open_model(model) if isinstance(model, str | os.PathLike) else model


def view_of(
    photo: Photo,
    model: Reconstructor,
    mask: Photo | None = None,
    *,
    framing: str = "auto",
    enclosed: bool = False,
    name: str = "image",
) -> View:
    """A photograph, cut out of its ground and framed as the training images are.

    Args:
        photo: a file, pixels uint8 RGBA ``[h, w, 4]``, or a picture of Pillow.
        model: the size of its training images, and whether these were framed, decide.
        mask: a picture of the same size, white where the object is, instead of the rule by colour; or numbers
            ``[h, w]``.
        framing: ``keep`` leaves the object where it is in the picture, ``recentre`` brings it to the middle and to the
            size of a model's training images; ``auto`` recentres. For a model whose training images were not framed,
            it keeps a square picture that was cut out already and whose object is as large as in those.
        enclosed: whether ground that the object encloses is removed too.
        name: of pixels without a file.

    Raises:
        UserError: the photograph or the mask cannot be read, or no object can be told from its ground.
    """
    if framing not in FRAMINGS:
        raise UserError(f"framing: {framing!r}; accepted: {', '.join(FRAMINGS)}")
    notes: list[str] = []
    if not isinstance(photo, str | Path):
        rgba = _pixels(photo)
        if rgba.dtype != np.uint8 or rgba.ndim != 3 or rgba.shape[2] != 4 or not rgba.size:
            raise UserError(f"{name}: {rgba.dtype} {list(rgba.shape)}; accepted: uint8 RGBA [h, w, 4]")
    else:
        name = str(photo)
        rgba, notes = read_picture(photo, "shapes")
    values = _mask(mask) if mask is not None else None
    try:
        cut, more = cut_out(rgba, values, enclosed)
        kept = framing == "keep" or (framing == "auto" and not model.framed and _framed_already(rgba, cut))
        pixels = framed(cut, model.image_size, recentre=not kept)
    except UserError as error:
        raise UserError(f"{name}: {error}") from None
    place = "framing kept" if kept else "object brought to the middle and to the size that it has in training images"
    if kept and cut.shape[0] != cut.shape[1]:
        place += ", padded to a square"
    return View(name, pixels, (*notes, *more, place))


def views_of(
    photos: Iterable[Photo],
    model: Reconstructor,
    masks: Iterable[Photo] = (),
    *,
    framing: str = "auto",
    enclosed: bool = False,
) -> list[View]:
    """Several photographs, each with its mask or all without; see ``view_of``."""
    photos = list(photos)
    given: list[Photo | None] = list(masks)
    if not photos:
        raise UserError("no photograph was given")
    if given and len(given) != len(photos):
        raise UserError(f"{len(given)} masks for {len(photos)} photographs; accepted: one for each, in their order")
    return [
        view_of(photo, model, mask, framing=framing, enclosed=enclosed, name=f"image {number}")
        for number, (photo, mask) in enumerate(zip(photos, given or [None] * len(photos), strict=True), 1)
    ]


def _pixels(photo: np.ndarray | Picture) -> np.ndarray:
    """Pixels that are an array already, or a picture of Pillow."""
    return np.asarray(photo.convert("RGBA") if isinstance(photo, Picture) else photo)


def _mask(mask: Photo) -> np.ndarray:
    """A mask's values ``[h, w]``: of a picture its opacity where it has some, else how white it is."""
    if isinstance(mask, np.ndarray):
        return mask
    pixels = _pixels(mask) if isinstance(mask, Picture) else read_picture(mask, "shapes")[0]
    opacity = pixels[..., 3]
    white = pixels[..., :3].mean(axis=-1).round().astype(np.uint8)
    return white if (opacity == opacity.max()).all() else opacity


def _framed_already(rgba: np.ndarray, cut: np.ndarray) -> bool:
    """Whether a picture came cut out, square, and with its object as large as in training images."""
    height, width = rgba.shape[:2]
    if height != width or not np.array_equal(rgba[..., 3], cut[..., 3]):
        return False
    opaque = cut[..., 3] >= OPAQUE
    sides = [np.flatnonzero(opaque.any(axis=axis)) for axis in (0, 1)]
    if not len(sides[0]):
        return False
    share = max(int(side[-1] - side[0]) + 1 for side in sides) / width
    return SMALLEST_SHARE <= share <= LARGEST_SHARE
