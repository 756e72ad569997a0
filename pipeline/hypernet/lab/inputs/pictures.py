"""Pictures: what programs, cameras and telephones write every day, as RGB and opacity."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.libraries import library

# JPEG includes the files of several pictures (MPO) that telephones write.
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
ACCEPTED = "PNG, JPEG, WebP, GIF, BMP, TIFF"
LARGEST_FILE, LARGEST_PICTURE = 2**28, 2**26
# Modes of Pillow that are converted as they are; the rest is refused or treated by itself.
_PLAIN = ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBX", "RGBa", "CMYK", "YCbCr")
_DEEP = ("I;16", "I;16B", "I;16L", "I;16N", "I")
_ORIENTATION = 0x0112
# Rows and columns turned round, by orientation.
_FLIPS = {1: (0, 0), 2: (0, 1), 3: (1, 1), 4: (1, 0), 5: (0, 0), 6: (0, 1), 7: (1, 1), 8: (1, 0)}
# Signatures of the formats of telephones that are not read, at byte 4 of the file.
_TELEPHONE = (b"ftypheic", b"ftypheix", b"ftyphevc", b"ftypmif1", b"ftypmsf1", b"ftypavif")


def read_picture(path: Path | str, extra: str) -> tuple[np.ndarray, list[str]]:
    """Read a picture as RGB and opacity.

    It is turned as its camera says (EXIF); grey, palette, CMYK and 16-bit pictures become 8-bit RGB; of several frames
    the first is taken.

    Args:
        path: a PNG, JPEG, WebP, GIF, BMP or TIFF file, known by its content.
        extra: of this project, that installs Pillow: named where it is missing.

    Returns:
        uint8 ``[h, w, 4]``, and what a person should know of it, a sentence each.

    Raises:
        UserError: no such file, another format, a picture too large (by its declared size), a broken one, or one
            without a pixel that is not transparent.
    """
    path = Path(path)
    image_module = library("PIL.Image", "Pillow", extra)
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
    except (
        OSError,
        SyntaxError,
        struct.error,
        ValueError,
        EOFError,
        MemoryError,
        IndexError,
        KeyError,
        TypeError,
    ) as error:
        raise UserError(f"{path}: not a picture that can be read ({_line(error)})") from None
    try:
        refuse_empty(rgba)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    return rgba, notes


def refuse_empty(rgba: np.ndarray) -> None:
    """Raise UserError where every pixel is transparent."""
    if not rgba[..., 3].any():
        raise UserError("every pixel is transparent; the fourth channel is opacity (255: the object, 0: the ground)")


def told(name: str, notes: Sequence[str]) -> Iterator[str]:
    """What a person should know of a picture as lines: all notes in one, and each that begins with ``warning: ``."""
    warnings = [note for note in notes if note.startswith("warning: ")]
    if others := [note for note in notes if note not in warnings]:
        yield f"{name}: {'; '.join(others)}"
    for warning in warnings:
        yield f"warning: {name}: {warning.removeprefix('warning: ')}"


def upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Pixels ``[h, w, ...]`` as the camera was held: the eight cases of the EXIF orientation."""
    # 5 to 8 have rows and columns exchanged; then 2 to 4 and 6 to 8 are flips of these.
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    flip_rows, flip_columns = _FLIPS[orientation]
    return np.ascontiguousarray(pixels[:: -1 if flip_rows else 1, :: -1 if flip_columns else 1])


def _rgba(path: Path, image: Any, notes: list[str]) -> np.ndarray:
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


def _turned(rgba: np.ndarray, image: Any, notes: list[str]) -> np.ndarray:
    """The pixels as the camera was held, and a note of it."""
    try:
        orientation = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # a parser of many failures, of what only turns the picture
        notes.append("its EXIF data cannot be read: not turned")
        return rgba
    if orientation not in range(2, 9):
        return rgba
    notes.append("turned as its camera says (EXIF)")
    return upright(rgba, orientation)


def _line(error: Exception) -> str:
    """An error's text in one short line."""
    return " ".join(str(error).split())[:160] or type(error).__name__
