"""Grey levels in [0, 1] as files: pictures of 8 or 16 bits, arrays, and animations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.files import atomic_path
from hypernet.lab.libraries import library

ARRAY = ".npy"
ENDINGS = (".png", ".tif", ".tiff", ARRAY)
MOVING = {".gif": "GIF", ".webp": "WEBP", ".png": "PNG"}
BITS = (8, 16)
# Pixels that are rounded at once: a large picture is never in memory twice as floats.
PIXELS_AT_ONCE = 2**18


def write_image(path: Path, pixels: np.ndarray, bits: int = 8, white: float = 1.0) -> str:
    """Write an image, whole or not at all.

    Args:
        path: ``.png``, ``.tif``, ``.tiff``: rounded to so many bits; ``.npy``: float32 as it is.
        pixels: in [0, 1], float32 ``[n, m]``, or ``[B, n, m]`` to ``.npy``.
        bits: 8 or 16.
        white: what becomes white in a picture, and what is above it.

    Returns:
        What is in the file, for people.

    Raises:
        UserError: another number of bits.
    """
    size = " x ".join(str(side) for side in pixels.shape)
    if path.suffix == ARRAY:
        with atomic_path(path) as temporary:
            np.save(temporary, pixels)
        return f"float32 [{size.replace(' x', ',')}], {_bytes(path)}"
    image = library("PIL.Image", "Pillow", "superres")
    levels = as_whole_levels(pixels, bits, white)
    with atomic_path(path) as temporary:
        image.fromarray(levels).save(temporary, format="PNG" if path.suffix == ".png" else "TIFF")
    return f"{size} pixels, {bits} bits, {_bytes(path)}"


def as_whole_levels(pixels: np.ndarray, bits: int = 8, white: float = 1.0) -> np.ndarray:
    """Grey levels from 0 to ``white`` rounded to whole numbers, uint8 or uint16 ``[n, m]``.

    Raises:
        UserError: another number of bits.
    """
    if bits not in BITS:
        raise UserError(f"bits: {bits}; accepted: 8 or 16")
    levels = np.empty(pixels.shape, dtype=np.uint8 if bits == 8 else np.uint16)
    at_once = max(1, PIXELS_AT_ONCE // pixels.shape[1])
    for first in range(0, len(pixels), at_once):
        block = slice(first, first + at_once)
        levels[block] = np.rint(np.minimum(pixels[block] / np.float32(white), 1) * np.float32(2**bits - 1))
    return levels


def write_animation(path: Path, frames: Iterable[np.ndarray], milliseconds: Sequence[int]) -> str:
    """Write pictures that follow each other for ever, whole or not at all.

    Args:
        path: ``.gif``, ``.webp``, or ``.png``, which becomes an animated PNG.
        frames: in [0, 1], ``[n, m]``, all of one size; two or more.
        milliseconds: how long each is shown.

    Returns:
        What is in the file, for people.
    """
    image = library("PIL.Image", "Pillow", "superres")
    first, *others = [image.fromarray(as_whole_levels(frame)) for frame in frames]
    options = {"lossless": True} if path.suffix == ".webp" else {}
    with atomic_path(path) as temporary:
        first.save(
            temporary,
            format=MOVING[path.suffix],
            save_all=True,
            append_images=others,
            duration=list(milliseconds),
            loop=0,
            **options,
        )
    return f"{1 + len(others)} frames of {first.height} x {first.width} pixels, {_bytes(path)}"


def _bytes(path: Path) -> str:
    size = path.stat().st_size
    return f"{size / 1e6:,.1f} MB" if size >= 1e6 else f"{size / 1e3:,.1f} kB"
