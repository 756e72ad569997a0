"""Radar pictures as weather services publish them: drawn for the simulated archive, and read from folders of files.

A drawn picture has the map, the rain in the palette's colours over it, echoes of the ground (clutter), and coast and
range rings over everything: all that a reader of pictures has to undo.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.randomness import numpy_generator
from hypernet.radar.sources.palette import Palette

REFERENCE_SIZE = 100
SEA, LAND, COAST, RING = range(4)
# Radii of the range rings, as shares of the image's side.
RINGS = (0.2, 0.4)
# Clutter: chance of a pixel at the radar, length in which it falls by e (share of the side), strongest class, and the
# share of pictures in which a pixel of clutter shows.
CLUTTER_CHANCE = 0.03
CLUTTER_LENGTH = 0.25
CLUTTER_CLASSES = 7
CLUTTER_ON = 0.95
SUFFIXES = (".gif", ".png")
FORMATS = ("GIF", "PNG")
# Bytes and pixels of a picture, pixels of all that are read together.
LARGEST_FILE, LARGEST_PICTURE, MOST_PIXELS = 2**22, 2**24, 2**30
NAME = "radar_%Y%m%d%H%M.gif"
# Where the time stands in a file's name, and how it is written there.
TIME_PATTERN = r"(\d{12})"
TIME_FORMAT = "%Y%m%d%H%M"
# Channels go to 255: more would take any colour for any other.
MOST_TOLERANCE = 64


@dataclass(frozen=True)
class PictureSettings:
    """What the colours and the names of a service's pictures mean.

    Attributes:
        palette: the path of a palette's CSV (see ``hypernet.radar.sources.palette``), or the name of one that comes
            with the package.
        time_pattern: regular expression that finds the UTC time in a file's name; its groups are joined.
        time_format: of ``datetime.datetime.strptime`` for the text found.
        tolerance: by how much a channel may be off the palette: 0 for GIF and PNG as drawn, 8 for lossy pictures.
        pixel_km: width of a pixel; None where it is not known, then 1 km is taken, and said.
        projection: a PROJ string with its origin in the middle of the pictures, or "".

    Raises:
        UserError: a tolerance or a width that is none.
    """

    palette: str | Path
    time_pattern: str = TIME_PATTERN
    time_format: str = TIME_FORMAT
    tolerance: int = 0
    pixel_km: float | None = None
    projection: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.tolerance <= MOST_TOLERANCE:
            raise UserError(f"tolerance {self.tolerance}; accepted: 0 to {MOST_TOLERANCE}")
        if self.pixel_km is not None and not 0 < self.pixel_km < math.inf:
            raise UserError(f"pixel_km {self.pixel_km}; accepted: more than 0")


@dataclass(frozen=True)
class Scene:
    """What is in every picture of a simulated radar.

    Attributes:
        ground: uint8 ``[N, N]``: SEA or LAND.
        lines: uint8 ``[N, N]``: COAST or RING where a line is drawn, else 0.
        clutter: uint8 ``[N, N]``: class of the ground's echo, 0 where there is none.
    """

    ground: np.ndarray
    lines: np.ndarray
    clutter: np.ndarray


def scene(seed: int, size: int) -> Scene:
    """The radar's map of ``size`` pixels; only the clutter depends on the seed."""
    scale, place = size / REFERENCE_SIZE, np.arange(size)
    coast = scale * (40 + 6 * np.sin(place / (11 * scale)) + 4 * np.sin(place / (4.7 * scale) + 1))
    sea = place < coast[:, None]
    # Land that has sea beside, above or below it: a line without gaps.
    beside = np.pad(sea, 1, mode="edge")
    shore = ~sea & (beside[1:-1, :-2] | beside[1:-1, 2:] | beside[:-2, 1:-1] | beside[2:, 1:-1])
    radius = np.hypot(place[:, None] - (size - 1) / 2, place - (size - 1) / 2)
    lines = np.where(shore, COAST, 0)
    for share in RINGS:
        lines[np.abs(radius - share * size) < 0.5] = RING
    generator = numpy_generator(seed, "radar", "clutter")
    chance = CLUTTER_CHANCE * np.exp(-radius / (CLUTTER_LENGTH * size))
    echo = generator.integers(1, CLUTTER_CLASSES + 1, (size, size))
    clutter = np.where(generator.random((size, size)) < chance, echo, 0)
    return Scene(np.where(sea, SEA, LAND).astype(np.uint8), lines.astype(np.uint8), clutter.astype(np.uint8))


def draw(classes: np.ndarray, where: Scene, seed: int, index: int) -> np.ndarray:
    """Pictures of rain as numbers of colours, uint8 ``[T, N, N]``; ``colour_list`` has the colours.

    Args:
        classes: uint8 ``[T, N, N]``, 0 dry, i the palette's i-th class.
        where: the map.
        seed: of the archive.
        index: number of the event; with the seed it decides when a pixel of clutter shows.
    """
    generator = numpy_generator(seed, "radar", "clutter shows", index)
    shows = generator.random(classes.shape, dtype=np.float32) < CLUTTER_ON
    echo = np.maximum(classes, np.where(shows, where.clutter, 0))
    picture = np.where(echo > 0, RING + echo, where.ground)
    return np.where(where.lines > 0, where.lines, picture).astype(np.uint8)


def colour_list(palette: Palette) -> np.ndarray:
    """Colours by number, uint8 ``[n, 3]``: sea, land, coast, ring, then the palette's classes of rain.

    Raises:
        UserError: the palette does not have two areas and two lines.
    """
    areas, lines = palette.rgb("area"), palette.rgb("line")
    if len(areas) != 2 or len(lines) != 2:
        raise UserError(f"palette {palette.name}: drawing needs two areas (sea, land) and two lines (coast, rings)")
    return np.concatenate([areas, lines, palette.rgb("rain")])


def write_pictures(
    folder: Path, numbers: np.ndarray, colours: np.ndarray, start: np.datetime64, step_seconds: int = 600
) -> list[Path]:
    """Write one palette GIF for each picture; the UTC time is in the name. Equal input, equal bytes.

    Thousands of small files: each is written plainly. That the folder is whole, its manifest says in the end.

    Args:
        folder: is made where it is absent.
        numbers: uint8 ``[T, H, W]`` of ``draw``.
        colours: uint8 ``[n, 3]`` of ``colour_list``.
        start: UTC time of the first picture.
        step_seconds: from one picture to the next.

    Returns:
        The files, in the order of time.
    """
    paths, folder = [], Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for step, picture in enumerate(numbers):
        time = (start + np.timedelta64(step * step_seconds, "s")).astype("datetime64[s]").item()
        paths.append(folder / time.strftime(NAME))
        paths[-1].write_bytes(encode(picture, colours))
    return paths


def encode(numbers: np.ndarray, colours: np.ndarray) -> bytes:
    """The bytes of a palette GIF of one picture ``[H, W]``."""
    from PIL import Image

    image = Image.fromarray(numbers)
    image.putpalette(np.ascontiguousarray(colours).tobytes())
    buffer = io.BytesIO()
    image.save(buffer, format="GIF", optimize=False)
    return buffer.getvalue()


def find_pictures(
    source: Path | Iterable[Path], pattern: str = TIME_PATTERN, time_format: str = TIME_FORMAT
) -> tuple[list[Path], np.ndarray]:
    """The GIF and PNG files of a folder (or those given) and their times, in the order of time.

    Args:
        source: a folder, or paths of files.
        pattern: regular expression that finds the time in a file's name, without the suffix; its groups are joined.
        time_format: of ``datetime.datetime.strptime`` for the text found, UTC. MeteoSwiss' names have
            ``r"AQC(\\d{9})"`` and ``"%y%j%H%M"``.

    Returns:
        Paths, and times datetime64[s] ``[T]``.

    Raises:
        UserError: no picture; a name without a time; a time that two files have; a pattern that is none.
    """
    try:
        search = re.compile(pattern).search
    except re.error as error:
        raise UserError(f"the pattern of times {pattern!r} is not a regular expression ({error})") from None
    if isinstance(source, (str, Path)):
        if not Path(source).is_dir():
            raise UserError(f"{source}: no such folder of pictures")
        paths = [path for path in sorted(Path(source).iterdir()) if path.suffix.lower() in SUFFIXES]
    else:
        paths = [Path(path) for path in source]
    if not paths:
        raise UserError(f"{source}: no pictures ({', '.join(SUFFIXES)})")
    by_time: dict[datetime, Path] = {}
    for path in paths:
        matched = search(path.stem)
        text = "".join(matched.groups() or (matched.group(),)) if matched else ""
        try:
            time = datetime.strptime(text, time_format)
        except ValueError:
            message = f"{path}: no time in the name; searched {pattern!r} in the form {time_format!r}"
            raise UserError(message) from None
        if time in by_time:
            raise UserError(f"{path}: the time {time:%Y-%m-%d %H:%M} is that of {by_time[time].name} already")
        by_time[time] = path
    times = sorted(by_time)
    return [by_time[time] for time in times], np.array(times, dtype="datetime64[s]")


def read_pictures(paths: list[Path]) -> np.ndarray:
    """Read pictures of one size as RGB, uint8 ``[T, H, W, 3]``.

    Raises:
        UserError: a file that is no whole picture, has several frames or transparent pixels, or has another size than
            the first; names the file.
    """
    rgb, clear = read_layers(paths)
    transparent = np.flatnonzero(clear.any(axis=(1, 2)))
    if len(transparent):
        path = paths[transparent[0]]
        raise UserError(f"{path}: transparent pixels have no colour; put the picture on its map first")
    return rgb


def read_layers(paths: list[Path]) -> tuple[np.ndarray, np.ndarray]:
    """Read pictures of one size that may be transparent where they show nothing, such as layers for a map.

    Returns:
        RGB uint8 ``[T, H, W, 3]``, and where they are wholly transparent, bool ``[T, H, W]``.

    Raises:
        UserError: a file that is no whole picture, has several frames, or has another size than the first; names it.
    """
    if not paths:
        raise UserError("no pictures to read")
    first, first_clear = _read(paths[0])
    pixels = len(paths) * first.shape[0] * first.shape[1]
    if pixels > MOST_PIXELS:
        raise UserError(f"{paths[0].parent}: {pixels:,} pixels in {len(paths)} pictures; accepted: {MOST_PIXELS:,}")
    rgb = np.empty((len(paths), *first.shape), dtype=np.uint8)
    clear = np.empty(rgb.shape[:3], dtype=bool)
    rgb[0], clear[0] = first, first_clear
    for place, path in enumerate(paths[1:], start=1):
        picture, transparent = _read(path)
        if picture.shape != first.shape:
            sizes = " and ".join(f"{shape[1]}x{shape[0]}" for shape in (picture.shape, first.shape))
            raise UserError(f"{path}: pictures of one size are needed; this one and {paths[0].name} have {sizes}")
        rgb[place], clear[place] = picture, transparent
    return rgb, clear


def _read(path: Path) -> tuple[np.ndarray, np.ndarray | bool]:
    """One picture, uint8 ``[H, W, 3]``, and where it is transparent."""
    from PIL import Image

    try:
        if path.stat().st_size > LARGEST_FILE:
            raise UserError(f"{path}: a picture of more than {LARGEST_FILE:,} bytes")
        # Other formats run programs (EPS) or unpack without a limit.
        with Image.open(path, formats=FORMATS) as image:
            if image.width * image.height > LARGEST_PICTURE:
                size = f"{image.width} x {image.height} pixels"
                raise UserError(f"{path}: a picture of {size}; accepted: {LARGEST_PICTURE:,} pixels at most")
            if (frames := getattr(image, "n_frames", 1)) > 1:
                raise UserError(f"{path}: {frames} frames in one file; one picture in each file is needed")
            if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
                layers = np.asarray(image.convert("RGBA"))
                return layers[..., :3], layers[..., 3] == 0
            return np.asarray(image.convert("RGB")), False
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError, Image.DecompressionBombError) as error:
        raise UserError(f"{path}: not a picture that can be read ({error})") from None
