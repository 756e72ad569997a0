"""A person's photograph of an object: cut out of its ground, and framed as the training images are.

The networks see an object without ground, RGB and opacity, in the middle of a square picture. A photograph has another
ground, another shape and another place of the object; every step that changes it says what it did.
"""

from __future__ import annotations

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.inputs.pictures import refuse_empty
from hypernet.lab.libraries import library
from hypernet.shapes.core.cameras import SHARE

# Opacity from which a pixel belongs to the object.
OPAQUE = 128
# Share of transparent pixels from which a picture counts as cut out already.
_CUT_OUT = 0.01
# The ground's colour may differ from the border's median by this, in levels of 255 (noise of JPEG), and by this many
# standard deviations of the border, but never by more than the second number.
_NOISE, _DEVIATIONS, _MOST_DIFFERENT = 10.0, 4.0, 60.0
# Share of the border that must be ground; of the picture that a cut-out must take away, and leave; and a speck's size
# as a share of the largest piece.
_PLAIN_BORDER, _LEAST_REMOVED, _LEAST_LEFT, _SPECK = 0.6, 0.01, 0.001, 0.002
# Size of a piece that may be an object of its own, as a share of the largest.
_ANOTHER = 0.25


def cut_out(rgba: np.ndarray, mask: np.ndarray | None = None, enclosed: bool = False) -> tuple[np.ndarray, list[str]]:
    """Make the ground transparent.

    A picture with at least 1 % transparent pixels is taken as cut out, and left. Else the ground is what hangs together
    with the picture's border and is of its colour: no channel further from the border's median than 10 levels, or 4
    standard deviations of the border where that is more (60 at most). What is left without connection to the largest
    piece and smaller than 0.2 % of it is removed too. A shadow on the ground stays, as do edges that are mixed with it
    and ground that the object encloses (between the legs of a chair).

    Args:
        rgba: uint8 ``[h, w, 4]``.
        mask: where the object is, ``[h, w]``, bool, or numbers that count from half of their type's range; instead of
            the rule.
        enclosed: also take away what has the ground's colour and is enclosed: right for a chair's legs, wrong for a
            white screen before a white wall.

    Returns:
        uint8 ``[h, w, 4]`` (RGB 0 where it is transparent), and what was done, a sentence each.

    Raises:
        UserError: the mask has another size or takes nothing or everything; the border is not of one colour; nothing
            or everything is ground.
    """
    if mask is not None:
        return _masked(rgba, mask)
    transparent = float((rgba[..., 3] < OPAQUE).mean())
    if transparent >= _CUT_OUT:
        refuse_empty(rgba)
        return _emptied(rgba), [f"the picture's own opacity is used ({transparent:.0%} transparent)"]
    from scipy import ndimage

    colours = rgba[..., :3].astype(np.int16)
    border = np.concatenate([colours[0], colours[-1], colours[1:-1, 0], colours[1:-1, -1]])
    middle = np.median(border, axis=0)
    # 1.4826 times the median deviation is the standard deviation of a normal law: the object at the border counts less.
    spread = 1.4826 * float(np.median(np.abs(border - middle).max(axis=1)))
    tolerance = min(max(_NOISE, _DEVIATIONS * spread), _MOST_DIFFERENT)
    plain = float((np.abs(border - middle).max(axis=1) <= tolerance).mean())
    if plain < _PLAIN_BORDER:
        raise UserError(
            f"the picture's border is not of one colour ({plain:.0%} is near its median): cut the object out by hand "
            "(a PNG with transparent ground), or give a mask"
        )
    near = (np.abs(colours - middle.astype(np.int16)) <= tolerance).all(axis=-1)
    ground, inner = _reached(near)
    if enclosed:
        ground, inner = near, np.zeros_like(near)
    pieces, count = ndimage.label(~ground, structure=np.ones((3, 3)))
    sizes = np.bincount(pieces.ravel(), minlength=count + 1)
    sizes[0] = 0
    keep = (sizes >= _SPECK * sizes.max()) & (sizes > 0)
    kept = keep[pieces]
    removed = 1 - float(kept.mean())
    if kept.mean() < _LEAST_LEFT:
        raise UserError("nothing is left after the ground is removed: the object has the colour of its ground")
    if removed < _LEAST_REMOVED:
        raise UserError(
            "no ground was found: the object fills the picture to its border; cut it out by hand or give a mask"
        )
    notes = [f"ground removed: {removed:.0%} of the picture, the colour rgb{tuple(int(value) for value in middle)}"]
    if (specks := int(count - keep.sum())) > 0:
        notes.append(f"{specks} speck{'s' if specks > 1 else ''} removed")
    if (large := int((sizes >= _ANOTHER * sizes.max()).sum())) > 1:
        notes.append(f"{large} large pieces are left: one object is expected (crop the picture, or give a mask)")
    if (share := float((inner & kept).sum() / kept.sum())) >= _CUT_OUT:
        notes.append(
            f"{share:.0%} of what is left has the ground's colour but is enclosed by the object: kept "
            "(the option enclosed removes it)"
        )
    result = rgba.copy()
    result[..., 3] = np.where(kept, 255, 0)
    return _emptied(result), notes


def framed(rgba: np.ndarray, size: int, recentre: bool = False, share: float = SHARE) -> np.ndarray:
    """A square picture of the training size: each new pixel is the mean over its area, weighted by opacity.

    A picture that is not square is padded with transparent pixels, never cropped.

    Args:
        rgba: uint8 ``[h, w, 4]``.
        size: pixels on a side of the result.
        recentre: bring the object's box to the middle of the picture, and its longest side to ``share`` of it, instead
            of keeping its place.
        share: see there.

    Returns:
        uint8 ``[size, size, 4]``.

    Raises:
        UserError: every pixel is transparent.
    """
    image_module = library("PIL.Image", "Pillow", "shapes")
    refuse_empty(rgba)
    if recentre:
        # An object of glass may have no pixel that is opaque by half.
        opaque = rgba[..., 3] >= min(OPAQUE, int(rgba[..., 3].max()))
        rows, columns = np.flatnonzero(opaque.any(axis=1)), np.flatnonzero(opaque.any(axis=0))
        rgba = rgba[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    else:
        share = 1.0
    height, width = rgba.shape[:2]
    factor = share * size / max(height, width)
    new = (max(round(width * factor), 1), max(round(height * factor), 1))
    kernel = image_module.Resampling.BOX if factor <= 1 else image_module.Resampling.BILINEAR
    small = image_module.fromarray(rgba).convert("RGBa").resize(new, kernel).convert("RGBA")
    left = (size - new[0]) // 2
    top = (size - new[1]) // 2
    picture = np.zeros((size, size, 4), dtype=np.uint8)
    picture[top : top + new[1], left : left + new[0]] = np.asarray(small)
    return _emptied(picture)


def _reached(near: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pixels of the ground's colour that hang together with the border, and those that do not; bool ``[h, w]`` each."""
    from scipy import ndimage

    pieces, _ = ndimage.label(near)
    numbers = np.unique(np.concatenate([pieces[0], pieces[-1], pieces[:, 0], pieces[:, -1]]))
    ground = np.isin(pieces, numbers[numbers > 0])
    return ground, near & ~ground


def _masked(rgba: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """The picture with a person's mask as its opacity."""
    mask = np.asarray(mask)
    if mask.shape != rgba.shape[:2]:
        raise UserError(
            f"the mask has {' x '.join(map(str, mask.shape[::-1]))} pixels, the picture "
            f"{rgba.shape[1]} x {rgba.shape[0]}; one mask value for each pixel is needed"
        )
    half = np.iinfo(mask.dtype).max / 2 if mask.dtype.kind in "iu" else 0.5
    kept = mask > half
    if kept.all() or not kept.any():
        raise UserError(f"the mask takes {'everything' if kept.all() else 'nothing'}; white (255) is the object")
    result = rgba.copy()
    result[..., 3] = np.where(kept, rgba[..., 3], 0)
    return _emptied(result), [f"ground removed by the mask: {1 - kept.mean():.0%} of the picture"]


def _emptied(rgba: np.ndarray) -> np.ndarray:
    """The picture with RGB 0 where it is transparent, as generated and official images have it."""
    return np.where(rgba[..., 3:] > 0, rgba, np.uint8(0))
