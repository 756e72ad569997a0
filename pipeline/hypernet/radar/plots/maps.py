"""One radar image over a map: coasts, borders, degrees, a scale in km, the place, the time and who measured it.

``coastlines.npz`` holds coasts and land borders of the whole world after Natural Earth (naturalearthdata.com), version
4.1.0, 1:10 million, and borders of the states of the USA and its shores of the Great Lakes after the US Census Bureau
(cartographic boundaries of 2017); both are in the public domain. Borders are drawn as they are held, as Natural Earth
does. It was made of the packages ``world-atlas`` 2.0.2 and ``us-atlas`` 3.0.1: lines that bound one country are coasts,
those between two are borders, and likewise for states. They are simplified (Douglas and Peucker) to a hundredth of a
degree of latitude, with steps of half a degree at most, and rounded to a two-hundredth, half a kilometre.
``coast_steps``, ``border_steps`` and ``state_steps``, int32 ``[2, n]``, are steps of longitude and latitude from point
to point, the first from 0 east 0 north, in units of ``degrees``; ``coast_lengths`` and so on count the points of each
line.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from hypernet.lab.libraries import library
from hypernet.radar.core.frames import Sequence
from hypernet.radar.plots.animation import BAR, EDGE, INK, LINE, PAPER, TEXT, colour_bar, font, resized
from hypernet.radar.plots.colours import rgb

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont

COASTLINES = Path(__file__).with_name("coastlines.npz")
BUNDLED = ("coast", "border", "state")
# Attributes that say who measured, and on what terms, the first that is there.
SOURCES, LICENCES = ("source", "institution", "title"), ("licence", "license", "rights")
CREDIT = "Coasts and borders: Natural Earth, US Census Bureau (public domain)"
# Pixels of the map's longer side, and the narrowest picture: room for the title.
LONGEST, NARROWEST = 640, 620
TITLE, SWATCH, ROOM = 17, 76, 36
FRAME = (120, 120, 120)
EARTH_KM, KM_PER_DEGREE = 6371.0, 111.2
# A map that spans so many degrees of longitude has the pole in it.
ALL_ROUND = 340
# Degrees between two lines, and km where there is no place; and lengths of the scale in km.
DEGREES = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30)
KILOMETRES = tuple(digit * 10.0**power for power in range(-1, 5) for digit in (1, 2, 5))
# About as many lines along the longer side.
LINES = 5
# Places of a grid that are looked at for its range of degrees, along each side.
PLACES = 33
# Points this many images away are not drawn.
FAR = 50
# Lines are drawn this much larger and made smaller again: smooth, and the same everywhere.
FINER = 3
# Width in pixels, colour and weight of what lies over the rain.
STROKES = {
    "graticule": (1.0, (120, 120, 120), 0.25),
    "states": (1.2, (60, 60, 60), 0.65),
    "borders": (1.3, (60, 60, 60), 0.75),
    "coast": (1.5, (40, 40, 40), 0.85),
}
# No data: two greys, and how many pixels its lines are apart. No colour of rain is hatched.
HATCH, NO_DATA, NO_DATA_LINES = 7, (218, 218, 218), (180, 180, 180)


class Label(NamedTuple):
    """The name of a line of the graticule, where it leaves the map.

    Attributes:
        side: "left" or "bottom".
        place: row or column of the image, pixels.
        text: such as "60° N".
    """

    side: str
    place: float
    text: str


@dataclass(frozen=True, eq=False)
class Basemap:
    """What lies over every image of a sequence; lines are ``[n, 2]``: columns and rows of the image, pixel 0 at 0.

    Attributes:
        shape: H and W of the images.
        pixel_km: width and height of a pixel in the projection.
        coast: lines.
        borders: lines between countries.
        states: lines between states of the USA.
        graticule: lines of whole degrees; of whole km where no place is known.
        labels: of the graticule.
        bar_km: length of the scale; true on the ground in the middle of the map.
        bar_pixels: the same in pixels of the image.
        place: latitudes and longitudes covered, or that there is no place, for people.
    """

    shape: tuple[int, int]
    pixel_km: tuple[float, float]
    coast: tuple[np.ndarray, ...]
    borders: tuple[np.ndarray, ...]
    states: tuple[np.ndarray, ...]
    graticule: tuple[np.ndarray, ...]
    labels: tuple[Label, ...]
    bar_km: float
    bar_pixels: float
    place: str

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the map in a picture."""
        height, width = self.shape
        across, along = width * self.pixel_km[0], height * self.pixel_km[1]
        longest = max(across, along)
        return max(1, round(LONGEST * across / longest)), max(1, round(LONGEST * along / longest))

    @functools.cached_property
    def overlay(self) -> Image:
        """All lines, as large as the map in a picture, RGBA."""
        from PIL import Image, ImageDraw

        width, height = self.size
        across, along = FINER * width / self.shape[1], FINER * height / self.shape[0]
        overlay = Image.new("RGBA", self.size)
        for name, (thick, colour, weight) in STROKES.items():
            mask = Image.new("L", (FINER * width, FINER * height))
            draw = ImageDraw.Draw(mask)
            for line in getattr(self, name):
                points = (line + 0.5) * (across, along)
                draw.line(points.ravel().tolist(), fill=round(255 * weight), width=round(FINER * thick), joint="curve")
            layer = Image.new("RGBA", self.size, colour)
            layer.putalpha(mask.reduce(FINER))
            overlay = Image.alpha_composite(overlay, layer)
        return overlay

    @functools.cached_property
    def hatch(self) -> Image:
        """How a map without any data looks."""
        return hatched(*self.size)


def hatched(width: int, height: int) -> Image:
    """The pattern of no data: rising lines."""
    from PIL import Image

    lines = np.add(*np.indices((height, width))) % HATCH < 2
    return Image.fromarray(np.where(lines[..., None], NO_DATA_LINES, NO_DATA).astype(np.uint8))


def basemap(sequence: Sequence) -> Basemap:
    """The map under the images of a sequence.

    Args:
        sequence: of any size; only its coordinates and its projection are read.

    Raises:
        UserError: pyproj is missing.
    """
    plane = _Plane.of(sequence)
    return _without_place(sequence) if plane is None else _with_place(sequence, plane)


@dataclass(frozen=True)
class _Plane:
    """From degrees to the pixels of an image and back; longitudes count from that of its middle, -180 to 180."""

    proj: Any
    x: np.ndarray
    y: np.ndarray
    middle: float

    @classmethod
    def of(cls, sequence: Sequence) -> _Plane | None:
        """That of a sequence, or None where the projection is not known or has no place for its middle."""
        if not sequence.projection or min(sequence.grey.shape[1:]) < 2:
            return None
        pyproj = library("pyproj", "pyproj", "radar")
        try:
            proj = pyproj.Proj(sequence.projection)
        except pyproj.exceptions.ProjError:
            return None
        if proj.crs.is_geographic:
            # Metres are no degrees.
            return None
        x, y = sequence.x.astype(np.float64), sequence.y.astype(np.float64)
        longitude, latitude = proj((x[0] + x[-1]) / 2, (y[0] + y[-1]) / 2, inverse=True)
        return cls(proj, x, y, longitude) if math.isfinite(longitude + latitude) else None

    def degrees(self, column: np.ndarray, row: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Longitudes and latitudes of pixels; not a number where there is no place."""
        places = []
        for axis, pixel in ((self.x, column), (self.y, row)):
            places.append(axis[0] + (axis[-1] - axis[0]) / (len(axis) - 1) * np.asarray(pixel, dtype=np.float64))
        longitude, latitude = self.proj(*places, inverse=True)
        known = np.isfinite(longitude) & np.isfinite(latitude)
        return self.relative(np.where(known, longitude, np.nan)), np.where(known, latitude, np.nan)

    def relative(self, longitude: np.ndarray) -> np.ndarray:
        """Longitudes from the Earth's zero as longitudes from the middle's."""
        return (longitude - self.middle + 180) % 360 - 180

    def pixels(self, longitude: np.ndarray, latitude: np.ndarray) -> np.ndarray:
        """Columns and rows, ``[n, 2]``; inf where the projection has no place."""
        pixels = []
        for axis, metres in zip((self.x, self.y), self.proj(longitude + self.middle, latitude), strict=True):
            pixels.append((np.asarray(metres) - axis[0]) / (axis[-1] - axis[0]) * (len(axis) - 1))
        return np.stack(pixels, axis=-1)


def _with_place(sequence: Sequence, plane: _Plane) -> Basemap:
    height, width = shape = sequence.grey.shape[1:]
    columns, rows = np.linspace(-0.5, width - 0.5, PLACES), np.linspace(-0.5, height - 0.5, PLACES)
    longitude, latitude = (degrees.ravel() for degrees in plane.degrees(*np.meshgrid(columns, rows)))
    # The middle has a place, so that there is one at least.
    west, east, south, north = (
        float(edge) for degrees in (longitude, latitude) for edge in (np.nanmin(degrees), np.nanmax(degrees))
    )
    middle = plane.degrees(np.array([0.0, 1.0]) + (width - 2) / 2, np.full(2, (height - 1) / 2))
    (ground_km,) = _ground_km(*middle)
    bar_km = _nice(width * ground_km / 4, KILOMETRES)
    widest = max(shape) * ground_km / KM_PER_DEGREE
    graticule, labels = _graticule(plane, shape, (west, east, south, north), widest)
    lines = {name: tuple(_bundled(name, plane, shape, (west, east, south, north))) for name in BUNDLED}
    latitudes = _span(south, north, ("S", "N"))
    longitudes = _span(_wrapped(west + plane.middle), _wrapped(east + plane.middle), ("W", "E"))
    longitudes = f"longitude {longitudes}" if east - west < ALL_ROUND else "all longitudes"
    return Basemap(
        shape,
        _pixel_km(sequence),
        lines["coast"],
        lines["border"],
        lines["state"],
        graticule,
        labels,
        bar_km,
        bar_km / ground_km,
        f"Latitude {latitudes}, {longitudes}",
    )


def _without_place(sequence: Sequence) -> Basemap:
    height, width = shape = sequence.grey.shape[1:]
    across, along = pixel_km = _pixel_km(sequence)
    step = _nice(max(width * across, height * along) / LINES, KILOMETRES)
    lines, labels = [], []
    for number in range(int(width * across / step) + 1):
        column = number * step / across - 0.5
        lines.append(np.array([[column, -0.5], [column, height - 0.5]]))
        labels.append(Label("bottom", column, f"{number * step:g} km"))
    for number in range(int(height * along / step) + 1):
        row = height - 0.5 - number * step / along
        lines.append(np.array([[-0.5, row], [width - 0.5, row]]))
        labels.append(Label("left", row, f"{number * step:g} km"))
    bar_km = _nice(width * across / 4, KILOMETRES)
    place = "Place not known; km from the lower left corner"
    return Basemap(shape, pixel_km, (), (), (), tuple(lines), tuple(labels), bar_km, bar_km / across, place)


def _pixel_km(sequence: Sequence) -> tuple[float, float]:
    along, across = sequence.pixel_km
    return across or along or 1.0, along or across or 1.0


def _nice(length: float, lengths: Iterable[float]) -> float:
    """The longest of some lengths, in rising order, that is no longer than what is given; the shortest if none is."""
    first, *rest = lengths
    return max([first, *(other for other in rest if other <= length)])


def _ground_km(longitude: np.ndarray, latitude: np.ndarray) -> np.ndarray:
    """Distances on a sphere between places in a row, ``[n - 1]``, by the haversine formula."""
    longitude, latitude = np.radians(longitude), np.radians(latitude)
    half = (
        np.sin(np.diff(latitude) / 2) ** 2
        + np.cos(latitude[1:]) * np.cos(latitude[:-1]) * np.sin(np.diff(longitude) / 2) ** 2
    )
    return 2 * EARTH_KM * np.arcsin(np.sqrt(half))


def _graticule(
    plane: _Plane, shape: tuple[int, int], bounds: tuple[float, float, float, float], widest: float
) -> tuple[tuple[np.ndarray, ...], tuple[Label, ...]]:
    """Parallels and meridians over an image, and where they leave it on the left and below.

    ``widest`` is the image's longer side in degrees of latitude.
    """
    height, width = shape
    west, east, south, north = bounds
    # Degrees of longitude are shorter: about as many km between lines both ways.
    squeeze = max(0.05, math.cos(math.radians((south + north) / 2)))
    step, step_east = _nice(widest / (LINES - 1), DEGREES), _nice(widest / (LINES - 1) / squeeze, DEGREES)
    parallels = [latitude for latitude in _multiples(south, north, step) if abs(latitude) < 90]
    meridians = _multiples(west + plane.middle, east + plane.middle, step_east)
    along, across = np.linspace(west, east, 8 * PLACES), np.linspace(max(south, -89.9), min(north, 89.9), 8 * PLACES)
    lines = [plane.pixels(along, np.full_like(along, latitude)) for latitude in parallels]
    lines += [plane.pixels(np.full_like(across, longitude - plane.middle), across) for longitude in meridians]
    columns, rows = np.arange(-0.5, width), np.arange(-0.5, height)
    # Latitudes of the left edge, and longitudes of the lower one.
    edge_latitude = plane.degrees(np.full_like(rows, -0.5), rows)[1]
    edge_longitude = plane.degrees(columns, np.full_like(columns, height - 0.5))[0]
    labels = [
        Label("left", place, _degrees_text(latitude, ("S", "N")))
        for latitude in parallels
        for place in _crossings(edge_latitude - latitude, rows)
    ]
    labels += [
        Label("bottom", place, _degrees_text(_wrapped(longitude), ("W", "E")))
        for longitude in meridians
        for place in _crossings(edge_longitude - (longitude - plane.middle), columns)
    ]
    return tuple(piece for line in lines for piece in _inside(line, shape)), tuple(labels)


def _multiples(first: float, last: float, step: float) -> list[float]:
    return [round(number * step, 6) for number in range(math.ceil(first / step), math.floor(last / step) + 1)]


def _crossings(values: np.ndarray, places: np.ndarray) -> list[float]:
    """Where a series passes 0, but not where it jumps around the Earth."""
    before, after = values[:-1], values[1:]
    passes = np.flatnonzero((np.sign(before) != np.sign(after)) & (np.abs(after - before) < 90) & (after != 0))
    share = before[passes] / (before[passes] - after[passes])
    return (places[passes] + share * (places[passes + 1] - places[passes])).tolist()


def _bundled(
    name: str, plane: _Plane, shape: tuple[int, int], bounds: tuple[float, float, float, float]
) -> Iterator[np.ndarray]:
    """The lines of the bundled file that cross an image."""
    points, lengths = _coastlines(name)
    west, east, south, north = bounds
    # What has its ends outside may cross the image: look farther than its edge, by more than the longest step.
    spare = 0.6
    spare_east = spare / max(0.05, math.cos(math.radians(max(abs(south), abs(north)))))
    longitude, latitude = plane.relative(points[0]), points[1]
    near = (longitude >= west - spare_east) & (longitude <= east + spare_east)
    near &= (latitude >= south - spare) & (latitude <= north + spare)
    line = np.repeat(np.arange(len(lengths)), lengths)
    chosen = np.flatnonzero(near)
    # A line ends where its points are not near, and where it jumps around the Earth.
    jumps = np.abs(np.diff(longitude[chosen])) > 180
    ends = np.flatnonzero((np.diff(chosen) > 1) | (np.diff(line[chosen]) != 0) | jumps) + 1
    pixels = plane.pixels(longitude[chosen], latitude[chosen])
    for piece in np.split(pixels, ends):
        yield from _inside(piece, shape)


@functools.cache
def _coastlines(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Longitudes and latitudes of one of ``BUNDLED``, ``[2, n]``, and the number of points of each line."""
    with np.load(COASTLINES) as stored:
        points = np.cumsum(stored[f"{name}_steps"], axis=1) * float(stored["degrees"])
        return points, stored[f"{name}_lengths"]


def _inside(line: np.ndarray, shape: tuple[int, int]) -> Iterator[np.ndarray]:
    """The pieces of a line that may cross an image, without points that have no place in it or are out of all reach."""
    height, width = shape
    near = (np.abs(np.nan_to_num(line, nan=np.inf)) < FAR * max(shape)).all(axis=1)
    for piece in np.split(np.flatnonzero(near), np.flatnonzero(np.diff(np.flatnonzero(near)) > 1) + 1):
        points = line[piece]
        low, high = points.min(axis=0, initial=np.inf), points.max(axis=0, initial=-np.inf)
        if len(piece) > 1 and (high >= -0.5).all() and (low <= (width - 0.5, height - 0.5)).all():
            yield points


def _wrapped(longitude: float) -> float:
    return (longitude + 180) % 360 - 180


def _degrees_text(degrees: float, signs: tuple[str, str], form: str = "g") -> str:
    """Such as 60° N; signs are those of negative and positive numbers."""
    return f"{abs(degrees):{form}}°" + ("" if degrees in (0, 180, -180) else f" {signs[degrees > 0]}")


def _span(first: float, last: float, signs: tuple[str, str]) -> str:
    """Such as 59.6–70.1° N."""
    first, last = round(first, 1), round(last, 1)
    texts = [_degrees_text(degrees, signs, ".1f") for degrees in (first, last)]
    if first * last > 0:
        texts[0] = texts[0].partition("°")[0]
    return "–".join(texts)


def observed_title(time: np.datetime64) -> str:
    """The title of an image that was measured."""
    return f"Observed {_minute(time)} UTC"


def forecast_title(time: np.datetime64, last: np.datetime64) -> str:
    """The title of an image that was forecast: when it is valid, and after which image."""
    minutes = (time - last) / np.timedelta64(60, "s")
    return f"Forecast, valid {_minute(time)} UTC ({minutes:+.4g} min after {_minute(last)[11:]})"


def _minute(time: np.datetime64) -> str:
    return str(time.astype("datetime64[m]")).replace("T", " ")


def picture_notes(sequence: Sequence, method: str, step_seconds: float) -> tuple[str, ...]:
    """What stands below every picture of a forecast: the method, the step, the images, and who measured them.

    Args:
        sequence: of the images.
        method: its name for people.
        step_seconds: from image to image.
    """
    across, along = _pixel_km(sequence)
    pixel = f"{across:.3g} km" if math.isclose(across, along, rel_tol=0.01) else f"{across:.3g} x {along:.3g} km"
    source, licence = (
        next((text for name in names if (text := str(sequence.attributes.get(name, "")).strip())), "")
        for names in (SOURCES, LICENCES)
    )
    return (
        f"Method: {method}; steps of {step_seconds / 60:.3g} min, pixels of {pixel}.",
        f"Data: {source or 'the files name no source'}. Licence: {licence or 'not stated in the files'}.",
    )


def compose_map(grey: np.ndarray, over: Basemap, title: str, notes: Iterable[str] = ()) -> Image:
    """One image over its map, with a title, a scale in km, colours in dBZ and mm/h, and notes.

    Args:
        grey: grey levels in [0, 1], ``[H, W]``; not a number is no data, which is hatched.
        over: ``basemap`` of the sequence the image belongs to.
        title: one line.
        notes: below; broken into lines as wide as the picture.

    Returns:
        an RGB picture; its size depends on the map and the notes only.
    """
    from PIL import Image, ImageDraw

    page, corner = _page(over, tuple(notes))
    picture = page.copy()
    ImageDraw.Draw(picture).text((EDGE, EDGE), title, fill=INK, font=font(TITLE, bold=True))
    shown = resized(grey, over.size)
    rain = Image.fromarray(rgb(shown))
    rain.paste(over.hatch, mask=Image.fromarray(np.isnan(shown)))
    rain.paste(over.overlay, mask=over.overlay)
    picture.paste(rain, corner)
    return picture


@functools.lru_cache(maxsize=4)
def _page(over: Basemap, notes: tuple[str, ...]) -> tuple[Image, tuple[int, int]]:
    """All that does not change from picture to picture, and the upper left corner of the map in it."""
    from PIL import Image, ImageDraw

    width, height = over.size
    small = font(TEXT)
    gutter = math.ceil(max((small.getlength(text) for side, _, text in over.labels if side == "left"), default=0)) + 8
    # Half of a label may stand out on the right; a narrow map stands in the middle.
    whole = max(NARROWEST, EDGE + gutter + width + ROOM)
    left, top = gutter + (whole - gutter - width - ROOM + EDGE) // 2, EDGE + 2 * LINE + 12
    notes = (*notes, *([CREDIT] if over.coast or over.borders or over.states else []))
    lines = [line for note in notes for line in _broken(note, small, whole - 2 * EDGE)]
    legend = top + height + LINE + EDGE
    page = Image.new("RGB", (whole, legend + BAR + 2 * LINE + EDGE + len(lines) * LINE + EDGE), PAPER)
    draw = ImageDraw.Draw(page)
    draw.text((EDGE, EDGE + LINE + 4), over.place, fill=INK, font=small)
    draw.rectangle((left - 1, top - 1, left + width, top + height), outline=FRAME)
    _labels(draw, over, left, top)
    _scale(draw, over, left + width, top - 7)
    colour_bar(page, EDGE + SWATCH, legend, whole - 2 * EDGE - SWATCH)
    page.paste(hatched(2 * BAR, BAR), (EDGE, legend))
    draw.rectangle((EDGE, legend, EDGE + 2 * BAR, legend + BAR), outline=FRAME)
    draw.text((EDGE, legend + BAR + 3), "no data", fill=INK, font=small)
    for number, line in enumerate(lines):
        draw.text((EDGE, legend + BAR + 2 * LINE + EDGE + number * LINE), line, fill=INK, font=small)
    return page, (left, top)


def _labels(draw: ImageDraw, over: Basemap, left: int, top: int) -> None:
    """The names of the lines beside and below the map, without those that would lie on another."""
    width, height = over.size
    small, taken = font(TEXT), dict[str, list[float]](left=[], bottom=[])
    for side, place, text in over.labels:
        if side == "left":
            middle, room = top + (place + 0.5) * height / over.shape[0], float(LINE)
            where, anchor = (left - 5.0, middle), "rm"
        else:
            middle, room = left + (place + 0.5) * width / over.shape[1], small.getlength(text) + 12
            where, anchor = (middle, top + height + 4.0), "ma"
        if all(abs(middle - other) >= room for other in taken[side]):
            draw.text(where, text, fill=INK, font=small, anchor=anchor)
            taken[side].append(middle)


def _scale(draw: ImageDraw, over: Basemap, right: int, bottom: int) -> None:
    """A bar of whole km above the map, at its right end: it hides no rain."""
    length = max(2, round(over.bar_pixels * over.size[0] / over.shape[1]))
    left = right - length
    draw.line((left, bottom - 8, left, bottom, right, bottom, right, bottom - 8), fill=INK, width=2)
    draw.text((left - 6, bottom + 2), f"{over.bar_km:g} km", fill=INK, font=font(TEXT), anchor="rd")


def _broken(text: str, letters: FreeTypeFont, width: int) -> list[str]:
    """Lines no wider than ``width`` pixels, broken at spaces; a longer word is cut."""
    lines = [""]
    for word in text.split():
        if lines[-1] and letters.getlength(f"{lines[-1]} {word}") > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
        while letters.getlength(lines[-1]) > width:
            cut = next(n for n in range(len(lines[-1]), 0, -1) if letters.getlength(lines[-1][:n]) <= width)
            lines[-1:] = [lines[-1][:cut], lines[-1][cut:]]
    return lines
