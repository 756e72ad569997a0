"""Photographs as files: read upright with their colours understood, and written again with nothing else changed."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.inputs.pictures import upright
from hypernet.retouch.sources.formats.camera_files import HEIC_BRANDS, RAW_ENDINGS, read_heic, read_raw
from hypernet.retouch.sources.formats.contents import Contents, check_size, to_8_bits
from hypernet.retouch.sources.formats.metadata import Metadata
from hypernet.retouch.sources.formats.pillow_files import read_with_pillow, write_jpeg, write_webp
from hypernet.retouch.sources.formats.png_files import COLOUR_CHUNKS, SIGNATURE, read_png, write_png
from hypernet.retouch.sources.formats.profiles import Profile, ProfileError, read_profile
from hypernet.retouch.sources.formats.tiff_files import read_tiff, write_tiff
from hypernet.retouch.sources.formats.tiff_tags import TagError, first_directory
from hypernet.retouch.sources.formats.wide_colours import (
    from_extended,
    grey_to_srgb,
    srgb_profile,
    tables_to_srgb,
    to_extended,
)

ACCEPTED = "JPEG, PNG, TIFF, WebP, BMP, GIF, and HEIC, DNG and other raw files where their readers are installed"
# Endings that a folder is searched for, and those that can be written.
READ_ENDINGS = (
    ".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp", ".gif", ".heic", ".heif", ".hif", ".mpo", *RAW_ENDINGS,
)  # fmt: skip
WRITTEN_ENDINGS = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp")
LARGEST_FILE = 2**31
QUALITY = 95
_WRITERS = {
    ".jpg": write_jpeg, ".jpeg": write_jpeg, ".png": write_png, ".tif": write_tiff, ".tiff": write_tiff,
    ".webp": write_webp,
}  # fmt: skip
_EIGHT_BITS = {".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WebP"}
_DNG_VERSION = 50706


@dataclass(frozen=True, eq=False)
class Photograph:
    """A photograph in memory, with all that its file says.

    Attributes:
        pixels: ``[H, W, 3]``, sRGB-encoded, upright: uint8 or uint16, as deep as the file, where its colours are those
            of sRGB; float32 of *extended* sRGB, with values outside [0, 1], where its profile is another.
        opacity: uint8 or uint16 ``[H, W]``; None: the file has none.
        profile: the file's ICC profile, which is embedded again; None: it has none and is sRGB.
        metadata: EXIF, XMP and all else that is kept.
        notes: what a person should know of the reading, a sentence each.
        bits: 8 or 16, of a channel of the file: how deep float pixels are written.
        format: the format of the file, for people.
        original: of a file of another profile, its levels before the conversion, uint8 or uint16 ``[H, W, 3]``: pixels
            that are written as they were read get them again to the last level.
    """

    pixels: np.ndarray
    opacity: np.ndarray | None = None
    profile: Profile | None = None
    metadata: Metadata = field(default_factory=Metadata)
    notes: tuple[str, ...] = ()
    bits: int = 8
    format: str = "array"
    original: np.ndarray | None = None

    def __repr__(self) -> str:
        rows, columns = self.pixels.shape[:2]
        profile = "sRGB" if self.profile is None else self.profile.name
        return f"Photograph({self.format}, {columns} x {rows}, {self.pixels.dtype}, {profile})"

    def with_pixels(self, pixels: np.ndarray) -> Photograph:
        """The same photograph with other pixels of the same size, uint8, uint16 or float ``[H, W, 3]``.

        Raises:
            ValueError: another size.
        """
        if pixels.shape != self.pixels.shape:
            raise ValueError(f"pixels of the shape {pixels.shape} in a photograph of {self.pixels.shape}")
        return replace(self, pixels=pixels)

    @property
    def is_wide(self) -> bool:
        """Whether the file's profile is another than sRGB."""
        return self.profile is not None and not self.profile.is_srgb


def read_photograph(path: Path | str) -> Photograph:
    """Read a photograph upright, its colours converted to sRGB-encoded ones.

    Nothing is lost on the way where the file's profile is of a matrix and curves (cameras, displays, Adobe RGB,
    ProPhoto RGB); a profile by tables (scanners, printers) is converted to sRGB of 8 bits by LittleCMS. Of several
    pictures in a file the first is read.

    Args:
        path: a file of one of ``ACCEPTED``, known by its content (raw files other than DNG by their ending).

    Raises:
        UserError: no such file, another format, a damaged file, one too large by what it declares or smaller than 8 x
            8, CMYK, other colours than those of photographs, or pixels that are not numbers.
    """
    path = Path(path)
    try:
        with warnings.catch_warnings():
            # What Pillow warns of is refused here, or noted.
            warnings.simplefilter("ignore")
            contents = _read(path)
        return _photograph(contents)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    # Readers of strangers' files fail in as many ways as there are damages.
    except Exception as error:
        reason = " ".join(str(error).split())[:160]
        # Some say the number of a tag, and some nothing.
        reason = reason if any(letter.isalpha() for letter in reason) else "damaged"
        raise UserError(f"{path}: not a picture that can be read ({reason})") from error


def write_photograph(
    path: Path | str, photograph: Photograph, *, strip_location: bool = False, quality: int = QUALITY
) -> tuple[str, ...]:
    """Write a photograph, whole or not at all, with its own profile, opacity, EXIF, XMP and the rest.

    The thumbnail in EXIF, which shows the old picture, is left out. A makers' note stays as it is, bit for bit.

    Args:
        path: of ``WRITTEN_ENDINGS``; JPEG and WebP hold 8 bits, PNG and TIFF those of the pixels. Integers are written
            as deep as they are, floats as deep as the file that was read (``bits``).
        photograph: to write.
        strip_location: leave out GPS, of EXIF, of XMP and of PNG's texts, names of places, of XMP and of IPTC, and
            nothing else.
        quality: of JPEG and WebP, 1 to 100. The colour of a JPEG is subsampled as the JPEG it came from, or not at
            all; a WebP that came from a lossless one is lossless.

    Returns:
        What a person should know of the writing, a sentence each.

    Raises:
        UserError: another ending, a JPEG of a photograph with opacity, or more than the format holds.
    """
    path = Path(path)
    ending = path.suffix.lower()
    if ending not in _WRITERS:
        raise UserError(f"{path}: the name must end in {', '.join(WRITTEN_ENDINGS[:-1])} or {WRITTEN_ENDINGS[-1]}")
    if path.is_dir():
        raise UserError(f"{path}: this is a folder; name a file")
    if not 1 <= quality <= 100:
        raise UserError(f"{path}: quality {quality}; accepted: 1 to 100")
    height, width = photograph.pixels.shape[:2]
    metadata = photograph.metadata.upright(width, height)
    if strip_location:
        metadata = metadata.without_location()
    writer: Callable = _WRITERS[ending]
    try:
        levels, notes = _levels_of(photograph, _EIGHT_BITS.get(ending, ""))
        icc = photograph.profile.data if photograph.profile else b""
        notes += writer(path, levels, icc, metadata, quality)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    if writer is not write_png and any(name not in COLOUR_CHUNKS for name, _ in metadata.chunks):
        notes.append(f"texts of the PNG are left out: {ending[1:]} has no place for them")
    if writer is not write_jpeg and metadata.comment:
        notes.append(f"its comment is left out: {ending[1:]} has no place for it")
    return tuple(notes)


def _read(path: Path) -> Contents:
    if path.exists() and not path.is_file():
        raise UserError("not a file but a folder, a pipe or a device; name a picture")
    if (size := path.stat().st_size) > LARGEST_FILE:
        raise UserError(f"a file of {size:,} bytes; accepted: {LARGEST_FILE:,} at most")
    data = path.read_bytes()
    if data[4:8] == b"ftyp" and data[8:12] in HEIC_BRANDS:
        return read_heic(data)
    if path.suffix.lower() in RAW_ENDINGS or _is_dng(data):
        return read_raw(data)
    if data.startswith(SIGNATURE):
        return read_png(data)
    if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return read_tiff(data)
    if data.startswith(b"\xff\xd8\xff"):
        return read_with_pillow(data, "JPEG")
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return read_with_pillow(data, "WebP")
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return read_with_pillow(data, "GIF")
    if data[:2] == b"BM":
        return read_with_pillow(data, "BMP")
    raise UserError(f"not a picture of a known format; accepted: {ACCEPTED}")


def _is_dng(data: bytes) -> bool:
    if data[:4] not in (b"II*\0", b"MM\0*"):
        return False
    try:
        return _DNG_VERSION in first_directory(data)
    except TagError:
        return False


def _photograph(contents: Contents) -> Photograph:
    """A photograph of what stands in a file: turned, opacity apart, colours converted."""
    levels, metadata, notes = contents.levels, contents.metadata, list(contents.notes)
    if not contents.is_upright:
        levels = upright(levels, metadata.orientation)
    height, width = levels.shape[:2]
    check_size(width, height)
    metadata = metadata.upright(width, height)
    opacity = None
    if levels.ndim == 3 and levels.shape[2] in (2, 4):
        opacity = np.ascontiguousarray(levels[..., -1])
        levels = levels[..., 0] if levels.shape[2] == 2 else levels[..., :3]
    bits, is_grey = 8 * levels.dtype.itemsize, levels.ndim == 2
    if is_grey:
        notes.append("grey: written as RGB")
    profile = _profile(contents, is_grey, notes)
    pixels, original = levels, None
    if profile is None:
        pass
    elif not profile.curves:
        try:
            pixels = tables_to_srgb(to_8_bits(levels), profile)
        except ValueError as error:
            notes.append(f"its colour profile is left out ({error}): taken as sRGB")
            profile = None
        else:
            bits, opacity = 8, None if opacity is None else to_8_bits(opacity)
            notes.append(f"its profile ({profile.name}) is of tables: converted to sRGB of 8 bits, and written as that")
    elif profile.channels == 1:
        pixels = grey_to_srgb(levels, profile)
        notes.append(f"its grey profile ({profile.name}) is converted to sRGB, and written as that")
    elif not profile.is_srgb:
        original = np.ascontiguousarray(levels)
        pixels = to_extended(original, profile)
    if profile is not None and profile.matrix is None:
        profile = read_profile(srgb_profile())
        metadata = replace(metadata, chunks=tuple(pair for pair in metadata.chunks if pair[0] not in COLOUR_CHUNKS))
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[..., None], 3, axis=2)
    pixels = np.ascontiguousarray(pixels)
    return Photograph(pixels, opacity, profile, metadata, tuple(notes), bits, contents.format, original)


def _profile(contents: Contents, is_grey: bool, notes: list[str]) -> Profile | None:
    """The profile that holds for the levels; None: sRGB."""
    if not contents.icc:
        if contents.profile is None and contents.metadata.claims_other_colours:
            notes.append("EXIF says Adobe RGB or uncalibrated colours, but no profile is embedded: taken as sRGB")
        if is_grey and contents.profile is not None:
            return Profile(b"", contents.profile.name, 1, contents.profile.curves[:1])
        return contents.profile
    try:
        profile = read_profile(contents.icc)
    except ProfileError as error:
        notes.append(f"its colour profile is left out ({error}): taken as sRGB")
        return None
    if is_grey != (profile.channels == 1):
        if is_grey and profile.is_srgb:
            return profile
        notes.append(f"its colour profile ({profile.name}) is of other channels and left out: taken as sRGB")
        return None
    return profile


def _levels_of(photograph: Photograph, eight_bits_of: str) -> tuple[np.ndarray, list[str]]:
    """Levels of the file's own colours, with its opacity, uint8 or uint16 ``[H, W, 3 or 4]``; and notes.

    Args:
        photograph: to write.
        eight_bits_of: name of a format that holds 8 bits; empty: one that holds 16.
    """
    pixels, opacity, notes = photograph.pixels, photograph.opacity, []
    if opacity is not None and eight_bits_of == "JPEG":
        if (opacity != np.iinfo(opacity.dtype).max).any():
            raise UserError("JPEG has no opacity, and this photograph has; accepted: .png, .tif, .webp")
        notes.append("opacity is full everywhere: left out, since JPEG has none")
        opacity = None
    if pixels.dtype.kind == "f" and not np.isfinite(pixels).all():
        raise UserError("pixels that are not numbers (NaN or infinity) cannot be written")
    levels = _levels_in_profile(photograph)
    if eight_bits_of and levels.dtype == np.uint16:
        levels = to_8_bits(levels)
        notes.append(f"16 bits are rounded to 8, which {eight_bits_of} holds")
    if opacity is not None:
        levels = np.dstack([levels, _as_deep(opacity, levels.dtype)])
    return np.ascontiguousarray(levels), notes


def _levels_in_profile(photograph: Photograph) -> np.ndarray:
    """Levels in the file's own profile, of the pixels' depth, or the file's where they are floats."""
    pixels, profile = photograph.pixels, photograph.profile
    is_float = pixels.dtype.kind == "f"
    depth = np.dtype(f"u{photograph.bits // 8}") if is_float else pixels.dtype
    if profile is not None and photograph.is_wide:
        extended = (
            pixels.astype(np.float32, copy=False) if is_float else pixels / np.float32(np.iinfo(pixels.dtype).max)
        )
        original = photograph.original
        usable = original is not None and original.shape == pixels.shape and original.dtype == depth
        return from_extended(extended, profile, depth, original if usable else None)
    if not is_float:
        return pixels
    levels, white = np.empty(pixels.shape, dtype=depth), np.iinfo(depth).max
    for row, values in enumerate(pixels):
        levels[row] = np.rint(np.clip(values, 0, 1) * white)
    return levels


def _as_deep(opacity: np.ndarray, dtype: np.dtype) -> np.ndarray:
    if opacity.dtype == dtype:
        return opacity
    return to_8_bits(opacity) if dtype == np.uint8 else opacity.astype(np.uint16) * np.uint16(257)
