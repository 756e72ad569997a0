"""A person's photograph of an object: read, cut out of its ground, and framed as the training images are.

The networks see an object without ground, RGB and opacity, in the middle of a square picture. A photograph has another
ground, another shape and another place of the object; every step that changes it says what it did.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.libraries import library
from hypernet.shapes.core.cameras import SHARE

# JPEG includes the files of several pictures (MPO) that telephones write.
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
ACCEPTED = "PNG, JPEG, WebP, GIF, BMP, TIFF"
LARGEST_FILE, LARGEST_PICTURE = 2**28, 2**26
# Modes of Pillow that are converted as they are; the rest is refused or treated by itself.
_PLAIN = ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBX", "RGBa", "CMYK", "YCbCr")
_DEEP = ("I;16", "I;16B", "I;16L", "I;16N", "I")
_ORIENTATION = 0x0112
# Signatures of the formats of telephones that are not read, at byte 4 of the file.
_TELEPHONE = (b"ftypheic", b"ftypheix", b"ftyphevc", b"ftypmif1", b"ftypmsf1", b"ftypavif")

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


def read_photo(path: Path | str) -> tuple[np.ndarray, list[str]]:
    """Read a picture as RGB and opacity.

    It is turned as its camera says (EXIF); grey, palette, CMYK and 16-bit pictures become 8-bit RGB; of several frames
    the first is taken.

    Args:
        path: a PNG, JPEG, WebP, GIF, BMP or TIFF file, known by its content.

    Returns:
        uint8 ``[h, w, 4]``, and what a person should know of it, a sentence each.

    Raises:
        UserError: no such file, another format, a picture too large (by its declared size), a broken one, or one
            without a pixel that is not transparent.
    """
    path = Path(path)
    image_module = library("PIL.Image", "Pillow", "shapes")
    notes: list[str] = []
    try:
        if path.exists() and not path.is_file():
            raise UserError(f"{path}: not a file but a folder, a pipe or a device; name a picture")
        if path.stat().st_size > LARGEST_FILE:
            raise UserError(f"{path}: a picture of more than {LARGEST_FILE:,} bytes")
        with path.open("rb") as file:
            if file.read(16)[4:12] in _TELEPHONE:
                raise UserError(f"{path}: HEIC and AVIF are not read; save it as one of {ACCEPTED}")
        with warnings.catch_warnings():
            # Sizes are checked here, before a pixel is read.
            warnings.simplefilter("ignore")
            # Other formats run programs (EPS) or unpack without a limit.
            with image_module.open(path, formats=FORMATS) as image:
                if image.width * image.height > LARGEST_PICTURE:
                    size = f"{image.width} x {image.height} pixels"
                    raise UserError(f"{path}: a picture of {size}; accepted: {LARGEST_PICTURE:,} pixels at most")
                if (frames := getattr(image, "n_frames", 1)) > 1:
                    image.seek(0)
                    notes.append(f"{frames} frames: the first is used")
                rgba = _rgba(path, image, notes)
                rgba = _turned(rgba, image, notes)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except image_module.UnidentifiedImageError:
        raise UserError(f"{path}: not a picture of a known format; accepted: {ACCEPTED}") from None
    except image_module.DecompressionBombError as error:
        raise UserError(f"{path}: {_line(error)}; accepted: {LARGEST_PICTURE:,} pixels at most") from None
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError, IndexError, KeyError, TypeError) as error:
        raise UserError(f"{path}: not a picture that can be read ({_line(error)})") from None
    try:
        _refuse_empty(rgba)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    return rgba, notes


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
        _refuse_empty(rgba)
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
    _refuse_empty(rgba)
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


def _rgba(path: Path, image, notes: list[str]) -> np.ndarray:
    """The pixels of an opened picture, uint8 ``[h, w, 4]``, as they stand in the file."""
    if image.mode in _DEEP:
        levels = np.asarray(image).astype(np.int64)
        if levels.min() < 0 or levels.max() > 65535:
            raise UserError(f"{path}: grey levels from {levels.min()} to {levels.max()}; accepted: 8 or 16 bits")
        notes.append("16-bit grey: 65535 is white")
        # round(level / 257), so that 65535 becomes 255.
        grey = ((levels + 128) // 257).astype(np.uint8)
        opacity = np.where(levels == image.info.get("transparency", -1), 0, 255).astype(np.uint8)
        return np.dstack([grey, grey, grey, opacity])
    if image.mode not in _PLAIN:
        raise UserError(f"{path}: pixels of the kind {image.mode}; accepted: grey, RGB, CMYK, of 8 or 16 bits")
    if image.mode == "CMYK":
        notes.append("CMYK: converted to RGB without its colour profile")
    if image.mode in ("CMYK", "YCbCr", "RGBX"):
        image = image.convert("RGB")
    return np.array(image.convert("RGBA"))


def _turned(rgba: np.ndarray, image, notes: list[str]) -> np.ndarray:
    """The pixels as the camera was held: the eight cases of the EXIF orientation."""
    try:
        orientation = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # a parser of many failures, of what only turns the picture
        notes.append("its EXIF data cannot be read: not turned")
        return rgba
    if orientation not in range(2, 9):
        return rgba
    notes.append("turned as its camera says (EXIF)")
    # 5 to 8 have rows and columns exchanged; then 2 to 4 and 6 to 8 are flips of these.
    if orientation >= 5:
        rgba = rgba.transpose(1, 0, 2)
    flip_rows, flip_columns = {2: (0, 1), 3: (1, 1), 4: (1, 0), 5: (0, 0), 6: (0, 1), 7: (1, 1), 8: (1, 0)}[orientation]
    return np.ascontiguousarray(rgba[:: -1 if flip_rows else 1, :: -1 if flip_columns else 1])


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


def _refuse_empty(rgba: np.ndarray) -> None:
    """Raise UserError where every pixel is transparent."""
    if not rgba[..., 3].any():
        raise UserError("every pixel is transparent; the fourth channel is opacity (255: the object, 0: the ground)")


def _emptied(rgba: np.ndarray) -> np.ndarray:
    """The picture with RGB 0 where it is transparent, as generated and official images have it."""
    return np.where(rgba[..., 3:] > 0, rgba, np.uint8(0))


def _line(error: Exception) -> str:
    """An error's text in one short line."""
    return " ".join(str(error).split())[:160] or type(error).__name__
