"""Colours of other profiles as sRGB-encoded ones and back, a few rows at a time.

Between a profile by a matrix and sRGB nothing is clipped: *extended* sRGB-encoded values lie outside [0, 1] where a
colour lies outside sRGB's, and the encoding goes on beyond white and, with its sign turned, below black (as scRGB and
CSS Color 4 have it). They are float32, exact to 1e-7 of white.
"""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np

from hypernet.lab.libraries import library
from hypernet.retouch.sources.formats.profiles import SRGB_CURVE, Profile

# Pixels that are converted at once: they stay in the processor's caches.
PIXELS_AT_ONCE = 2**15
# What float32 and the way through linear light lose at most of an encoded value in [0, 1] that nobody changed, and of
# linear light, times the condition of the matrix.
UNCHANGED, LIGHT_LOST = 2e-6, 1e-6


def to_extended(levels: np.ndarray, profile: Profile) -> np.ndarray:
    """Levels of a file to extended sRGB-encoded colours.

    Args:
        levels: uint8 or uint16 ``[H, W, 3]``, as its profile, which has a matrix, means them.
        profile: of the file.

    Returns:
        float32 ``[H, W, 3]``.
    """
    white = np.iinfo(levels.dtype).max
    linear = [curve(np.arange(white + 1) / white).astype(np.float32) for curve in profile.curves]
    extended = np.empty(levels.shape, dtype=np.float32)
    for rows in _blocks(levels.shape):
        extended[rows] = _extended(levels[rows], linear, profile)
    return extended


def from_extended(
    pixels: np.ndarray, profile: Profile, dtype: np.dtype | type, original: np.ndarray | None = None
) -> np.ndarray:
    """Extended sRGB-encoded colours to levels of a file, clipped to what its profile holds.

    Args:
        pixels: float32 ``[H, W, 3]``.
        profile: of the file, with a matrix.
        dtype: uint8 or uint16.
        original: levels ``[H, W, 3]`` that pixels which nobody changed came from: they get these again, to the last
            level.

    Returns:
        Levels of that type, ``[H, W, 3]``.
    """
    white = np.iinfo(dtype).max
    back = np.linalg.inv(profile.to_srgb).T.astype(np.float32)
    linear = [curve(np.arange(white + 1) / white).astype(np.float32) for curve in profile.curves]
    levels, lost = np.empty(pixels.shape, dtype=dtype), _levels_lost(profile, white)
    for rows in _blocks(pixels.shape):
        block = pixels[rows]
        light = np.clip(_decoded(block) @ back, 0, 1)
        for channel, curve in enumerate(profile.curves):
            levels[rows, :, channel] = np.rint(curve.inverse(light[..., channel]) * np.float32(white))
        if original is not None:
            before = original[rows]
            near = np.abs(levels[rows].astype(np.int32) - before).max(axis=-1)
            suspects = (near > 0) & (near <= lost)
            if suspects.any():
                again = _extended(before[suspects], linear, profile)
                scale = np.maximum(np.abs(again).max(axis=-1, keepdims=True), 1)
                same = (np.abs(again - block[suspects]) <= UNCHANGED * scale).all(axis=-1)
                levels[rows][suspects] = np.where(same[:, None], before[suspects], levels[rows][suspects])
    return levels


def beyond_srgb(before: np.ndarray, made: np.ndarray) -> np.ndarray:
    """What was made of the colours inside sRGB, and with it the light that the photograph has outside.

    A colour map knows what lies inside. Below black the encoding has its steepest slope, and a map of such values would
    tear a smooth gradient where it leaves sRGB; so they are left out of it, and come back as linear light.

    Args:
        before: extended sRGB-encoded colours, float32 ``[H, W, 3]``.
        made: of these, clipped to [0, 1]; written over.

    Returns:
        ``made``: unchanged colours are those of ``before``, to the last bit.
    """
    for rows in _blocks(before.shape):
        inside = np.clip(before[rows], 0, 1)
        light = _decoded(before[rows]) - _decoded(inside)
        carried = np.where(made[rows] == inside, before[rows], _encoded(_decoded(made[rows]) + light))
        made[rows] = np.where(before[rows] == inside, made[rows], carried)
    return made


def _levels_lost(profile: Profile, white: int) -> float:
    """By how many levels a pixel that nobody changed may come back wrong from a profile's colours alone.

    A channel that is dark beside bright ones has what float32 leaves of it, and a curve may be flat for many levels.
    """
    light = LIGHT_LOST * np.linalg.cond(profile.to_srgb)
    levels = np.arange(white + 1)
    lost = 0.0
    for curve in profile.curves:
        linear = curve(levels / white)
        for shifted in (linear - light, linear, linear + light):
            lost = max(lost, np.abs(curve.inverse(np.clip(shifted, 0, 1)) * white - levels).max())
    return lost + 1


def grey_to_srgb(levels: np.ndarray, profile: Profile) -> np.ndarray:
    """Grey levels of a profile by a curve to sRGB's, of the same depth, ``[H, W]``."""
    white = np.iinfo(levels.dtype).max
    (curve,) = profile.curves
    encoded = SRGB_CURVE.inverse(curve(np.arange(white + 1) / white))
    return np.rint(encoded * white).astype(levels.dtype)[levels]


def tables_to_srgb(levels: np.ndarray, profile: Profile) -> np.ndarray:
    """Levels of a profile by tables to sRGB's, by LittleCMS: relative colorimetric, black to black.

    Args:
        levels: uint8 ``[H, W]`` or ``[H, W, 3]``.
        profile: of grey or RGB.

    Returns:
        uint8 ``[H, W, 3]``.

    Raises:
        ValueError: LittleCMS does not take the profile.
    """
    image, cms = library("PIL.Image", "Pillow", "retouch"), library("PIL.ImageCms", "Pillow", "retouch")
    try:
        transform = cms.buildTransform(
            cms.ImageCmsProfile(io.BytesIO(profile.data)),
            cms.createProfile("sRGB"),
            "L" if profile.channels == 1 else "RGB",
            "RGB",
            cms.Intent.RELATIVE_COLORIMETRIC,
            cms.Flags.BLACKPOINTCOMPENSATION,
        )
        return np.array(cms.applyTransform(image.fromarray(levels), transform))
    except (cms.PyCMSError, OSError) as error:
        raise ValueError(f"LittleCMS does not take its profile ({error})") from None


def srgb_profile() -> bytes:
    """An ICC profile of sRGB, to be embedded."""
    cms = library("PIL.ImageCms", "Pillow", "retouch")
    return cms.ImageCmsProfile(cms.createProfile("sRGB")).tobytes()


def _extended(levels: np.ndarray, linear: list[np.ndarray], profile: Profile) -> np.ndarray:
    """Levels ``[..., 3]`` through the curves' tables, the matrix and sRGB's encoding."""
    light = np.stack([table[levels[..., channel]] for channel, table in enumerate(linear)], axis=-1)
    return _encoded(light @ profile.to_srgb.T.astype(np.float32))


def _encoded(light: np.ndarray) -> np.ndarray:
    """Linear light to extended sRGB-encoded values, float32."""
    size = np.abs(light)
    encoded = np.float32(1.055) * size ** np.float32(1 / 2.4) - np.float32(0.055)
    return np.copysign(np.where(size <= 0.0031308, np.float32(12.92) * size, encoded), light)


def _decoded(encoded: np.ndarray) -> np.ndarray:
    """Extended sRGB-encoded values to linear light, float32."""
    size = np.abs(encoded)
    light = ((size + np.float32(0.055)) / np.float32(1.055)) ** np.float32(2.4)
    return np.copysign(np.where(size <= 0.04045, size / np.float32(12.92), light), encoded)


def _blocks(shape: tuple[int, ...]) -> Iterator[slice]:
    rows = max(1, PIXELS_AT_ONCE // shape[1])
    for first in range(0, shape[0], rows):
        yield slice(first, first + rows)
