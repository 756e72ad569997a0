"""What the CF conventions 1.8 say of a projection: axes, a grid mapping, latitudes and longitudes.

CF names few projections, and some of those only in part. What it cannot say is not said by half: then the projection
stands as WKT alone, and latitudes and longitudes of all pixels place them in any program.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.libraries import library

# CF knows no names but those of its own lists; the numbers beside them, and the WKT, say the same.
NAMES = (
    "geographic_crs_name",
    "geoid_name",
    "geopotential_datum_name",
    "horizontal_datum_name",
    "prime_meridian_name",
    "projected_crs_name",
    "reference_ellipsoid_name",
)
# The variable of the projection: where CF has a name for it, and where not, as GDAL's users look for it.
NAMED, UNNAMED = "crs", "spatial_ref"
ANGLES = ("latitude", "longitude")
# Degrees are computed to a hundredth of a millimetre.
DIGITS, PRECISION = 9, 1e-8
# How far the pixels may lie from where CF's numbers put them: some metres.
DEGREES = 5e-5
PROJECTED = (
    {"standard_name": "projection_x_coordinate", "units": "m"},
    {"standard_name": "projection_y_coordinate", "units": "m"},
)
ROTATED = (
    {"standard_name": "grid_longitude", "units": "degrees"},
    {"standard_name": "grid_latitude", "units": "degrees"},
)
EAST = {"standard_name": "longitude", "long_name": "longitude", "units": "degrees_east"}
NORTH = {"standard_name": "latitude", "long_name": "latitude", "units": "degrees_north"}


@dataclass(frozen=True)
class Grid:
    """A grid in the words of CF.

    Attributes:
        axes: names of the dimensions from north to south and from west to east.
        x: attributes of the coordinate along x.
        y: attributes of the coordinate along y.
        mapping: attributes of the variable of the projection; none where no projection is known.
        variable: its name: ``NAMED`` where it is a grid mapping of CF, else ``UNNAMED``.
        latitude: degrees, float32 ``[H, W]``; of the rows alone, float64 ``[H]``, where those are the axes; None where
            x and y are in degrees themselves, or no projection is known.
        longitude: degrees, float32 ``[H, W]``, or of the columns alone, float64 ``[W]``, or None.
    """

    axes: tuple[str, str] = ("y", "x")
    x: Mapping[str, str] = field(default_factory=lambda: PROJECTED[0])
    y: Mapping[str, str] = field(default_factory=lambda: PROJECTED[1])
    mapping: Mapping[str, Any] = field(default_factory=dict)
    variable: str = UNNAMED
    latitude: np.ndarray | None = None
    longitude: np.ndarray | None = None


def grid_of(x: np.ndarray, y: np.ndarray, projection: str) -> Grid:
    """Describe a grid.

    Args:
        x: metres to the east in the projection, ``[W]``; degrees where it is one of latitudes and longitudes.
        y: metres to the north, ``[H]``; degrees.
        projection: PROJ string, WKT or code of an authority; "" where none is known.

    Raises:
        UserError: the projection is none.
    """
    if not projection:
        return Grid()
    crs = _horizontal(projection)
    texts = _texts(crs) | {"proj_string": projection}
    if crs.is_bound:
        crs = crs.source_crs
    named, axes = _named(crs), PROJECTED if crs.is_projected else ROTATED
    if named.get("grid_mapping_name") == "latitude_longitude":
        return Grid(ANGLES, EAST, NORTH, named | texts, NAMED)
    across, along = np.meshgrid(np.asarray(x, np.float64), np.asarray(y, np.float64))
    longitude, latitude = _degrees(crs, crs, across, along)
    if _places(named, crs, across, along, longitude, latitude):
        mapping, variable = named | texts, NAMED
    elif np.ptp(latitude, axis=1).max() < PRECISION and np.ptp(longitude, axis=0).max() < PRECISION:
        # A plane of latitudes and longitudes: they can be the axes.
        figure = _figure(crs)
        rows, columns = latitude[:, 0].round(DIGITS), np.unwrap(longitude[0], period=360.0).round(DIGITS)
        return Grid(ANGLES, *axes, _named(figure) | texts | _texts(figure), NAMED, rows, columns)
    else:
        long_name = "projection of x and y, of which the CF conventions have no name"
        mapping, variable = {"long_name": long_name} | texts, UNNAMED
    return Grid(("y", "x"), *axes, mapping, variable, latitude.astype(np.float32), longitude.astype(np.float32))


def _texts(crs: Any) -> dict[str, str]:
    return dict.fromkeys(("crs_wkt", "spatial_ref"), crs.to_wkt())


def _horizontal(text: str) -> Any:
    """The projection as pyproj has it: without heights, and in metres as x and y are."""
    pyproj = library("pyproj", "pyproj", "radar")
    try:
        with warnings.catch_warnings():
            # Of names that a PROJ string cannot hold.
            warnings.simplefilter("ignore")
            crs = pyproj.CRS(text)
            if crs.is_compound:
                crs = crs.sub_crs_list[0]
            if crs.is_projected and crs.axis_info[0].unit_conversion_factor != 1:
                facts = {name: value for name, value in crs.to_dict().items() if name not in ("units", "to_meter")}
                crs = pyproj.CRS.from_dict(facts | {"units": "m"})
    except pyproj.exceptions.CRSError:
        raise UserError(f"{text!r} is no projection; accepted: a PROJ string") from None
    if not (crs.is_projected or crs.is_geographic):
        raise UserError(f"{text!r} is no projection; accepted: a PROJ string")
    return crs


def _named(crs: Any) -> dict[str, Any]:
    """The attributes of the grid mapping by pyproj, completed after appendix F of CF; none where CF has no name."""
    pyproj = library("pyproj", "pyproj", "radar")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        facts = crs.to_cf()
        if "grid_mapping_name" not in facts:
            # Of the Mercator projection of web maps CF knows the numbers, not the name.
            plain = {name: value for name, value in crs.to_dict().items() if name not in ("nadgrids", "wktext")}
            facts = pyproj.CRS.from_dict(plain).to_cf()
    facts = {name: value for name, value in facts.items() if name not in (*NAMES, "crs_wkt")}
    mapping = facts.get("grid_mapping_name")
    if mapping is None:
        return {}
    if facts["semi_major_axis"] == facts["semi_minor_axis"]:
        facts["earth_radius"] = facts["semi_major_axis"]
        for name in ("semi_major_axis", "semi_minor_axis", "inverse_flattening"):
            del facts[name]
    if "latitude_of_projection_origin" not in facts:
        if mapping == "polar_stereographic":
            facts["latitude_of_projection_origin"] = math.copysign(90.0, facts["standard_parallel"])
        elif mapping == "lambert_conformal_conic":
            facts["latitude_of_projection_origin"] = facts["standard_parallel"]
    if mapping == "mercator":
        # One of the two, and both would say the same here.
        if "standard_parallel" not in facts:
            facts.setdefault("scale_factor_at_projection_origin", 1.0)
        elif facts.get("scale_factor_at_projection_origin") == 1:
            del facts["scale_factor_at_projection_origin"]
    if mapping == "oblique_mercator":
        # So the checkers of CF call it; CF itself has the name that is there.
        facts["azimuth"] = facts["azimuth_of_central_line"]
    for name, value in facts.items():
        if "longitude" in name and abs(value) > 180:
            facts[name] = (value + 180.0) % 360.0 - 180.0
    return facts


def _figure(crs: Any) -> Any:
    """Latitudes, and longitudes from Greenwich, on the figure of the earth of a CRS."""
    earth = crs.ellipsoid
    facts = {"proj": "longlat", "a": earth.semi_major_metre, "b": earth.semi_minor_metre, "no_defs": True}
    return library("pyproj", "pyproj", "radar").CRS.from_dict(facts)


def _degrees(crs: Any, figure: Any, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Longitudes and latitudes on the figure of the earth of another CRS; inf where there is no place."""
    pyproj = library("pyproj", "pyproj", "radar")
    longitude, latitude = pyproj.Transformer.from_crs(crs, _figure(figure), always_xy=True).transform(x, y)
    return longitude, latitude


def _places(named: Mapping[str, Any], crs: Any, x: np.ndarray, y: np.ndarray, *expected: np.ndarray) -> bool:
    """Whether the numbers of a grid mapping alone put the pixels where the projection puts them."""
    if not named:
        return False
    pyproj = library("pyproj", "pyproj", "radar")
    some = np.ix_(*(np.unique(np.linspace(0, length - 1, 5).astype(int)) for length in x.shape))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            told = _degrees(_by_name(named), crs, x[some], y[some])
    except (pyproj.exceptions.ProjError, KeyError, TypeError, ValueError):
        return False
    return all(np.allclose(a, b[some], rtol=0, atol=DEGREES) for a, b in zip(told, expected, strict=True))


def _by_name(named: Mapping[str, Any]) -> Any:
    """The projection that the numbers of a grid mapping alone stand for."""
    pyproj = library("pyproj", "pyproj", "radar")
    if named["grid_mapping_name"] != "oblique_mercator":
        return pyproj.CRS.from_cf(dict(named))
    # pyproj leaves the axes along the central line; CF's x and y are to the east and to the north.
    axis = named.get("earth_radius")
    return pyproj.CRS.from_dict(
        {
            "proj": "omerc",
            "lat_0": named["latitude_of_projection_origin"],
            "lonc": named["longitude_of_projection_origin"],
            "alpha": named["azimuth_of_central_line"],
            "gamma": named["azimuth_of_central_line"],
            "k": named["scale_factor_at_projection_origin"],
            "x_0": named["false_easting"],
            "y_0": named["false_northing"],
            "a": axis or named["semi_major_axis"],
            "b": axis or named["semi_minor_axis"],
        }
    )
