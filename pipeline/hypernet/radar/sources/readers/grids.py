"""Where the pixels of a netCDF file lie: x and y in metres of a projection, or latitudes and longitudes in degrees."""

from __future__ import annotations

import functools
import json
import re
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.libraries import library
from hypernet.radar.sources.readers.common import checked_projection, in_metres, refuse_enormous
from hypernet.radar.sources.readers.units import metres_of

ACCEPTED = "x and y of a projection in m or km, or latitude and longitude in degrees, evenly spaced"
# How programs call them where no attribute says it.
EAST = re.compile(r"x[0c]?|nx|lon|long|longitude|nav_lon|xlong|easting|west_east|projection_x_coordinate|xgeo", re.I)
NORTH = re.compile(r"y[0c]?|ny|lat|latitude|nav_lat|xlat|northing|south_north|projection_y_coordinate|ygeo", re.I)
DEGREES = re.compile(r"(?:deg|degrees?|°)(?:[ _]?(?:e|n|east|north))?", re.I)
ANGLES = {
    "x": ("longitude", re.compile(r"(?:nav_)?lon(?:g|gitude)?|xlong", re.I)),
    "y": ("latitude", re.compile(r"(?:nav_)?lat(?:itude)?|xlat", re.I)),
}
NO_UNITS = ("", "1", "count", "counts", "pixel", "pixels")
ROTATED = ("grid_longitude", "grid_latitude")
# Places are written with few digits: by this share of a pixel they may be off.
UNEVEN = 0.05
# A sphere of the Earth's mean radius, on which a grid of degrees is taken as a plane.
RADIUS_METRES = 6_371_000
# By this share distances east may be off at the edge of a grid of degrees.
MOST_STRETCHED = 0.5
PROJ_STRINGS = ("proj_string", "proj4", "proj4_params", "proj4_string", "proj4string", "proj4text", "proj_params")
# Attributes by which a variable is known for a projection, also where none names it.
PROJECTING = frozenset(("grid_mapping_name", "crs_wkt", "spatial_ref", *PROJ_STRINGS))
# Py-ART grids without a library's help: azimuthal equidistant on a sphere of this radius.
PYART, PYART_RADIUS = "pyart_aeqd", 6_370_997


class Grid(NamedTuple):
    """The grid of a variable.

    Attributes:
        across: name of the dimension along which x grows.
        along: name of that of y.
        x: metres to the east, ``[W]``, rising or falling as in the file.
        y: metres to the north, ``[H]``, rising or falling.
        projection: a PROJ string, or "" where the file says none.
        notes: what was taken for granted, for people.
    """

    across: str
    along: str
    x: np.ndarray
    y: np.ndarray
    projection: str
    notes: tuple[str, ...] = ()


def grid_of(path: Path, dataset: Any, variable: Any) -> Grid:
    """The grid of a variable of an xarray dataset.

    Raises:
        UserError: there are no coordinates, or in another unit, or not evenly spaced.
    """
    x, y = (_coordinate(dataset, variable, letter) for letter in "xy")
    if x is None or y is None or x.dims == y.dims:
        plane = _from_planes(path, dataset, variable)
        if plane is None:
            raise UserError(f"{path}: {variable.name} has no coordinates of its pixels; accepted: {ACCEPTED}")
        return _of_degrees(path, *plane)
    mapping, mapping_notes = _mapping(dataset, variable)
    if "rotated" in str(mapping.get("grid_mapping_name", "")) or x.attrs.get("standard_name") in ROTATED:
        raise UserError(f"{path}: {variable.name} lies on a grid of a rotated pole; accepted: {ACCEPTED}")
    for coordinate in (x, y):
        if coordinate.dtype.kind not in "iuf":
            raise UserError(f"{path}: {coordinate.name} is {coordinate.dtype}; accepted: numbers")
    geographic = mapping.get("grid_mapping_name") == "latitude_longitude"
    in_degrees = [_in_degrees(coordinate, letter, geographic) for letter, coordinate in (("x", x), ("y", y))]
    values = [coordinate.values.astype(np.float64) for coordinate in (x, y)]
    if in_degrees[0]:
        # Longitudes may cross 180 degrees.
        values[0] = np.unwrap(values[0], period=360.0)
    if not all(in_degrees) and any(_counts_pixels(coordinate) for coordinate in (x, y)):
        plane = _from_planes(path, dataset, variable)
        if plane is None:
            raise UserError(f"{path}: {x.name} and {y.name} count pixels and have no unit; accepted: {ACCEPTED}")
        return _of_degrees(path, *plane)
    for coordinate, places in zip((x, y), values, strict=True):
        _refuse_uneven(path, coordinate.name, places)
    across, along = x.dims[0], y.dims[0]
    if all(in_degrees):
        return _of_degrees(path, across, along, *values)
    notes, metres = list(mapping_notes), []
    for coordinate, places in zip((x, y), values, strict=True):
        units = str(coordinate.attrs.get("units", ""))
        factor = metres_of(units) if units else 1.0
        if factor is None:
            raise UserError(f"{path}: {coordinate.name} is in {units!r}; accepted: {ACCEPTED}")
        metres.append(places * factor)
    unnamed = [str(coordinate.name) for coordinate in (x, y) if not coordinate.attrs.get("units")]
    if unnamed:
        notes.append(f"{' and '.join(unnamed)} without a unit: taken as metres")
    projection = _projection(path, mapping)
    if mapping and not projection:
        notes.append("the projection is not understood: the pixels have no place on the Earth")
    return Grid(across, along, metres[0], metres[1], projection, tuple(notes))


def plane_of_degrees(
    path: Path, longitude: np.ndarray, latitude: np.ndarray
) -> tuple[np.ndarray, np.ndarray, str, str]:
    """A grid of degrees as a plane: x and y in metres, the projection that leads back, and what it is, for people.

    Equidistant cylindrical on a sphere, true along the middle latitude: what is evenly spaced in degrees is so in
    metres, and the way back is exact. Distances east are too long towards the pole and too short towards the equator.

    Args:
        path: for messages.
        longitude: degrees east of the columns, ``[W]``, without a jump where they cross 180.
        latitude: degrees north of the rows, ``[H]``.

    Raises:
        UserError: they are no places on the Earth, or distances would be off by more than a half.
    """
    if not (np.abs(latitude).max() <= 90 and np.ptp(longitude) <= 360 and np.abs(longitude).max() <= 720):
        raise UserError(
            f"{path}: latitudes {latitude[0]:g} to {latitude[-1]:g}, longitudes {longitude[0]:g} to "
            f"{longitude[-1]:g}; accepted: degrees on the Earth"
        )
    middle, true = (round(float(degrees.min() + degrees.max()) / 2, 6) for degrees in (longitude, latitude))
    stretch = np.cos(np.radians(true)) / np.maximum(np.cos(np.radians(latitude[[0, -1]])), 1e-9)
    off = float(np.abs(stretch - 1).max())
    if off > MOST_STRETCHED:
        raise UserError(
            f"{path}: latitudes {latitude.min():g} to {latitude.max():g}: on a plane distances would be off by "
            f"{100 * off:.0f} %; accepted: up to {100 * MOST_STRETCHED:.0f} %, as of a smaller part of the grid"
        )
    x = RADIUS_METRES * np.cos(np.radians(true)) * np.radians(longitude - middle)
    y = RADIUS_METRES * np.radians(latitude - true)
    middle = (middle + 180) % 360 - 180
    projection = f"+proj=eqc +lat_ts={true:g} +lat_0={true:g} +lon_0={middle:g} +R={RADIUS_METRES} +units=m +no_defs"
    note = (
        f"a grid of degrees, taken as a plane that is true at {true:g} degrees north: pixels of "
        f"{abs(x[1] - x[0]) / 1000:.3g} x {abs(y[1] - y[0]) / 1000:.3g} km, distances east off by up to "
        f"{100 * off:.2g} % at the edge"
    )
    return x, y, projection, note


def _of_degrees(path: Path, across: str, along: str, longitude: np.ndarray, latitude: np.ndarray) -> Grid:
    x, y, projection, note = plane_of_degrees(path, longitude, latitude)
    return Grid(across, along, x, y, projection, (note,))


def _coordinate(dataset: Any, variable: Any, letter: str) -> Any:
    """The series of places along one of a variable's dimensions; None where there is none."""
    names = EAST if letter == "x" else NORTH
    angle = ANGLES[letter][0]
    ranked = []
    for order, (name, candidate) in enumerate(dataset.variables.items()):
        if candidate.ndim != 1 or candidate.dims[0] not in variable.dims:
            continue
        standard_name = candidate.attrs.get("standard_name")
        signs = (
            standard_name == f"projection_{letter}_coordinate",
            standard_name in (angle, f"grid_{angle}"),
            candidate.attrs.get("axis") == letter.upper(),
            # A dimension's own series before any other along it.
            name == candidate.dims[0] and names.fullmatch(name) is not None,
            names.fullmatch(name) is not None,
        )
        if any(signs):
            ranked.append((signs.index(True), order, name))
    return dataset[min(ranked)[2]] if ranked else None


def _in_degrees(coordinate: Any, letter: str, geographic: bool) -> bool:
    units = str(coordinate.attrs.get("units", "")).strip()
    if units:
        return DEGREES.fullmatch(units) is not None
    standard_name, names = ANGLES[letter]
    return (
        geographic
        or coordinate.attrs.get("standard_name") == standard_name
        or names.fullmatch(str(coordinate.name)) is not None
    )


def _counts_pixels(coordinate: Any) -> bool:
    """Whether numbers are those of rows or columns: one by one, and in no unit of length or angle."""
    if str(coordinate.attrs.get("units", "")).lower() not in NO_UNITS:
        return False
    return bool((np.abs(np.diff(coordinate.values.astype(np.float64))) == 1).all())


def _refuse_uneven(path: Path, name: str, values: np.ndarray) -> None:
    even = np.linspace(values[0], values[-1], len(values)) if len(values) > 1 else values
    step = abs(even[1] - even[0]) if len(values) > 1 else 0.0
    # Turned around, so that what is not a number is refused too.
    if not (step > 0 and np.abs(values - even).max() <= UNEVEN * step):
        raise UserError(f"{path}: {name} is not evenly spaced")


def _from_planes(path: Path, dataset: Any, variable: Any) -> tuple[str, str, np.ndarray, np.ndarray] | None:
    """Dimensions, longitudes and latitudes of planes ``[H, W]`` of them, where those are rows and columns.

    Raises:
        UserError: they are there, but no rows and columns of one latitude and longitude each.
    """
    planes: dict[str, Any] = {}
    for letter, (standard_name, names) in ANGLES.items():
        for name, candidate in dataset.variables.items():
            is_angle = candidate.attrs.get("standard_name") == standard_name or names.fullmatch(name)
            if is_angle and candidate.ndim == 2 and set(candidate.dims) <= set(variable.dims):
                planes.setdefault(letter, dataset[name])
    if len(planes) < 2 or set(planes["x"].dims) != set(planes["y"].dims):
        return None
    refuse_enormous(path, planes["x"].size)
    for along, across in (planes["y"].dims, planes["y"].dims[::-1]):
        latitude, longitude = (planes[letter].transpose(along, across).values.astype(np.float64) for letter in "yx")
        if min(latitude.shape) < 2:
            continue
        steps = abs(latitude[1, 0] - latitude[0, 0]), abs(longitude[0, 1] - longitude[0, 0])
        if (np.ptp(latitude, axis=1) <= UNEVEN * steps[0]).all() and (
            np.ptp(longitude, axis=0) <= UNEVEN * steps[1]
        ).all():
            columns, rows = np.unwrap(longitude[0], period=360.0), latitude[:, 0]
            _refuse_uneven(path, planes["x"].name, columns)
            _refuse_uneven(path, planes["y"].name, rows)
            return across, along, columns, rows
    raise UserError(
        f"{path}: {variable.name} lies on a curved grid ({planes['y'].name} and {planes['x'].name} of each pixel); "
        f"accepted: {ACCEPTED}"
    )


def _mapping(dataset: Any, variable: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Attributes of a variable's grid mapping, empty where it has none; and what was taken for granted."""
    # Such as "crs", or "crs: x y".
    words = str(variable.attrs.get("grid_mapping", variable.encoding.get("grid_mapping", ""))).split()
    if words and words[0].rstrip(":") in dataset.variables:
        return dict(dataset[words[0].rstrip(":")].attrs), ()
    if dataset.variables.get("projection") is not None and dataset["projection"].attrs.get("proj") == PYART:
        origin = [dataset.variables.get(f"origin_{name}") for name in ("latitude", "longitude")]
        if all(place is not None and place.size and place.dtype.kind in "iuf" for place in origin):
            latitude, longitude = (float(place.values.ravel()[0]) for place in origin)
            text = f"+proj=aeqd +lat_0={latitude:.8g} +lon_0={longitude:.8g} +R={PYART_RADIUS} +units=m +no_defs"
            return {"proj_string": text}, ()
    unnamed = [name for name, other in dataset.variables.items() if not PROJECTING.isdisjoint(other.attrs)]
    # A projection that CF cannot name stands beside the time, as a coordinate.
    beside = [name for name in unnamed if name in variable.coords]
    if len(beside) == 1:
        return dict(dataset[beside[0]].attrs), ()
    if len(unnamed) == 1:
        note = f"{variable.name} names no projection: that of {unnamed[0]}, the only one of the file, was taken"
        return dict(dataset[unnamed[0]].attrs), (note,)
    return {}, ()


def _projection(path: Path, facts: dict[str, Any]) -> str:
    """PROJ string of a grid mapping's attributes, "" where there are none or they are no projection.

    Raises:
        UserError: it needs another file.
    """
    for key in PROJ_STRINGS:
        if key in facts:
            text = checked_projection(path, str(facts[key]))
            return in_metres(text) if "+" in text else text
    for key in ("crs_wkt", "spatial_ref"):
        if key in facts:
            checked_projection(path, str(facts[key]))
    if not facts:
        return ""
    return _proj_string(json.dumps(facts, sort_keys=True, default=lambda value: np.asarray(value).tolist()))


@functools.lru_cache
def _proj_string(facts: str) -> str:
    """PROJ string of a grid mapping's attributes (JSON); kept, because pyproj takes half a second."""
    pyproj = library("pyproj", "pyproj", "radar")
    try:
        with warnings.catch_warnings():
            # A PROJ string cannot hold names of datums and the like; the numbers are kept.
            warnings.simplefilter("ignore", UserWarning)
            crs = pyproj.CRS.from_cf(json.loads(facts))
            return in_metres(crs.to_proj4()) if crs.is_projected else ""
    except (pyproj.exceptions.CRSError, AttributeError, KeyError, TypeError, ValueError):
        return ""
