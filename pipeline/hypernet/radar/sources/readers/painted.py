"""Pictures of any service, with a palette that says what their colours mean: read as a set, for the map behind the rain
is found in many of them."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.libraries import library
from hypernet.radar.core.frames import Sequence, quantised
from hypernet.radar.sources.background import FEWEST_FRAMES, Background, fit_background
from hypernet.radar.sources.grey_levels import recover
from hypernet.radar.sources.palette import Palette, find_palette
from hypernet.radar.sources.pictures import SUFFIXES, PictureSettings, find_pictures, read_layers
from hypernet.radar.sources.readers.common import checked_projection

PIXEL_KM = 1.0
# The map is found in the first of the pictures in time: those that a training may see, never in its test part.
TRAINING_SHARE = 0.7
MOST_FOR_BACKGROUND = 240
# Pixels that are looked at together: some 20 bytes each.
AT_ONCE = 2**23


def read_all(paths: list[Path], settings: PictureSettings) -> tuple[Sequence, tuple[str, ...]]:
    """Read pictures into grey levels, in the order of the times in their names.

    The map behind the rain is found in them where there are 24 at least and the palette has a map; else the palette's
    colours for dry and for the map's areas count as dry, and so does what is transparent.

    Args:
        paths: of pictures, or of one folder of them.
        settings: what colours and names mean.

    Returns:
        The sequence, and what was taken for granted, for people.

    Raises:
        UserError: a picture, a name or the palette cannot be read; too many colours that the palette lacks.
    """
    palette = find_palette(str(settings.palette))
    notes = list[str]()
    if len(paths) == 1 and paths[0].is_dir():
        paths = sorted(paths[0].iterdir())
    named = [path for path in paths if path.suffix.lower() in SUFFIXES] or paths
    if len(named) < len(paths):
        notes.append(f"{len(paths) - len(named)} files are no pictures ({', '.join(SUFFIXES)}) and were left out")
    files, time = find_pictures(named, settings.time_pattern, settings.time_format)
    projection = _projection(files[0], settings.projection)
    background = _background(files, palette, settings.tolerance, notes)
    palette = palette if background else palette.with_areas_dry()
    grey, missing, first = list[np.ndarray](), list[np.ndarray](), files[0]
    height, width = read_layers(files[:1])[0].shape[1:3]
    at_once = max(1, AT_ONCE // (height * width))
    transparent = False
    for start in range(0, len(files), at_once):
        # The first again, so that all have its size.
        some = files[start : start + at_once]
        rgb, clear = read_layers([first, *some])
        transparent = transparent or bool(clear.any())
        try:
            recovery = recover(rgb[1:], background, palette, settings.tolerance, clear[1:])
        except UserError as error:
            raise UserError(f"{some[0]}: {error}") from None
        grey.append(quantised(recovery.grey))
        missing.append(recovery.missing)
    if transparent:
        notes.append("transparent pixels count as dry")
    if settings.pixel_km is None:
        notes.append(f"the width of a pixel is not said: {PIXEL_KM:g} km was taken")
    step = 1000 * (PIXEL_KM if settings.pixel_km is None else settings.pixel_km)
    mask = np.concatenate(missing)
    sequence = Sequence(
        grey=np.concatenate(grey),
        time=time,
        missing=mask[0] if (mask == mask[0]).all() else mask,
        x=step * (np.arange(width) - (width - 1) / 2),
        y=-step * (np.arange(height) - (height - 1) / 2),
        projection=projection,
        attributes={"source": "pictures", "palette": palette.name}
        | ({"background_sha256": background.digest} if background else {}),
    )
    return sequence, tuple(notes)


def _background(files: list[Path], palette: Palette, tolerance: int, notes: list[str]) -> Background | None:
    """The map behind the rain, None where the palette alone says what is dry.

    Raises:
        UserError: too few pictures to find a map in, and nothing else says what is dry.
    """
    clear = read_layers(files[:1])[1].any()
    has_map = bool(len(palette.rgb("area")) or len(palette.rgb("line")))
    is_dry = bool(len(palette.rgb("dry")))
    if clear or (is_dry and not has_map):
        return None
    if len(files) < FEWEST_FRAMES:
        if not is_dry and not len(palette.rgb("area")):
            raise UserError(
                f"{files[0]}: {len(files)} pictures, too few to find their map in, and palette {palette.name} has no "
                f"dry or area colour; accepted: {FEWEST_FRAMES} pictures, or a palette with such colours"
            )
        notes.append(
            f"{len(files)} pictures are too few to find the map behind the rain ({FEWEST_FRAMES}): the palette's dry "
            "and area colours count as dry, and what always shows an echo as rain"
        )
        return None
    count = max(FEWEST_FRAMES, int(TRAINING_SHARE * len(files)))
    some = files[: count : -(-count // MOST_FOR_BACKGROUND)]
    rgb, _ = read_layers(some)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        background = fit_background(rgb, palette, tolerance)
    notes.append(f"the map behind the rain was found in {len(some)} of the first {count} pictures")
    notes.extend(str(warning.message) for warning in caught)
    return background


def _projection(path: Path, text: str) -> str:
    """The projection of settings.

    Raises:
        UserError: it is none.
    """
    pyproj = library("pyproj", "pyproj", "radar")
    try:
        return checked_projection(path, text) if not text or pyproj.CRS(checked_projection(path, text)) else ""
    except pyproj.exceptions.CRSError:
        raise UserError(f"projection {text!r} is none; accepted: a PROJ string") from None
