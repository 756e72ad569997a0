"""Files of the European exchange format ODIM_H5: composites, images and other Cartesian products, and what all share.

Michelson et al., "EUMETNET OPERA weather radar information model for implementation with the HDF5 file format",
version 2.2: physical value = gain x pixel + offset; ``nodata`` was not looked at, ``undetect`` has no echo. Scans and
volumes of one radar are read in ``scans``.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.libraries import library
from hypernet.radar.core.frames import dbz_of_rain_rate
from hypernet.radar.sources.readers.common import (
    Frame,
    checked_dbz,
    checked_projection,
    checked_rate,
    in_metres,
    middles,
)
from hypernet.radar.sources.readers.grids import plane_of_degrees
from hypernet.radar.sources.readers.hdf5 import opened, pixels, plain

CARTESIAN = ("COMP", "IMAGE", "CVOL", "PIC")
# In the order in which they are looked for.
QUANTITIES = ("DBZH", "DBZ", "TH", "DBZV", "RATE", "ACRR")
# Widths of pixels below this are degrees where the projection is: the format says metres.
MOST_DEGREES = 10.0


def is_odim(file: Any) -> bool:
    """Whether an open HDF5 file is ODIM_H5: it says so, or has the groups of it (some programs do not say it)."""
    if str(plain(file.attrs.get("Conventions", ""))).startswith("ODIM_H5"):
        return True
    what = file.get("what")
    return "dataset1" in file and what is not None and "object" in what.attrs


def product_of(path: Path) -> str:
    """What kind of product a file holds, such as COMP or PVOL.

    Raises:
        UserError: it cannot be read, or does not say it.
    """
    with opened(path, "ODIM_H5") as file:
        return str(plain(file["what"].attrs["object"]))


def read(path: Path) -> Frame:
    """Read the first reflectivity of one file, or rain rate, or accumulated rain.

    Raises:
        UserError: it is no such file, is cut off, or holds polar data or other quantities.
    """
    path = Path(path)
    with opened(path, "ODIM_H5") as file:
        product = plain(file["what"].attrs["object"])
        if product not in CARTESIAN:
            raise UserError(
                f"{path}: an ODIM_H5 file of {product}; accepted: {', '.join(CARTESIAN)} (Cartesian images), or a "
                "volume or scan (PVOL, SCAN)"
            )
        what, quantity, place, notes = _chosen(path, file)
        value = pixels(path, file[f"{place}/data"])
        measured, missing = unpacked(what, value)
        time = time_of(path, f"{what['date']}{what['time']}")
        if quantity == "ACRR":
            start, time = (time_of(path, f"{what[side + 'date']}{what[side + 'time']}") for side in ("start", "end"))
            if not time > start:
                raise UserError(f"{path}: rain accumulated from {start} to {time}; accepted: a positive duration")
            measured = measured / ((time - start) / np.timedelta64(3600, "s"))
        if quantity in ("RATE", "ACRR"):
            dbz = dbz_of_rain_rate(checked_rate(path, measured, missing))
        else:
            dbz = checked_dbz(path, measured, missing)
        x, y, projection, of_place = _place(path, attributes_of(file, place, "where"), value.shape)
    attributes = {"source": str(what.get("source", "")), "product": f"{product} {what.get('product', '')}".strip()}
    return Frame(dbz, time, missing, x, y, projection, attributes, (*notes, *of_place))


def unpacked(what: dict[str, Any], value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Measured values of pixels, 0 where there is no echo, and where there are no data."""
    # The scale is the identity and all pixels are data where the file says nothing.
    what = {"gain": 1.0, "offset": 0.0, "nodata": np.nan, "undetect": np.nan} | what
    missing = (value == what["nodata"]) | np.isnan(value)
    return np.where(value == what["undetect"], 0, value * what["gain"] + what["offset"]), missing


def attributes_of(file: Any, place: str, name: str) -> dict[str, Any]:
    """Attributes ``what``, ``where`` or ``how`` of a group such as ``dataset1/data1``, over those further up."""
    parts, attributes = place.split("/"), dict[str, Any]()
    for depth in range(len(parts) + 1):
        group = "/".join([*parts[:depth], name])
        if group in file:
            attributes |= {key: plain(value) for key, value in file[group].attrs.items()}
    return attributes


def numbered(group: Any, name: str) -> list[str]:
    """Names such as ``dataset1`` in a group, in the order of their numbers."""
    return sorted((key for key in group if re.fullmatch(rf"{name}\d+", key)), key=lambda key: int(key[len(name) :]))


def quantities_of(file: Any) -> dict[str, list[tuple[dict[str, Any], str]]]:
    """Of each quantity of a file the attributes ``what`` and the groups that hold it, in order."""
    quantities: dict[str, list[tuple[dict[str, Any], str]]] = {}
    for dataset in numbered(file, "dataset"):
        for data in numbered(file[dataset], "data"):
            what = attributes_of(file, f"{dataset}/{data}", "what")
            quantities.setdefault(str(what["quantity"]), []).append((what, f"{dataset}/{data}"))
    return quantities


def _chosen(path: Path, file: Any) -> tuple[dict[str, Any], str, str, tuple[str, ...]]:
    """Attributes, quantity and group of what is read, and what was left out."""
    quantities = quantities_of(file)
    for quantity in QUANTITIES:
        if quantity in quantities:
            (what, place), *others = quantities[quantity]
            others_of = f"{place} of {len(others) + 1} images of {quantity} was read"
            return what, quantity, place, (others_of,) if others else ()
    raise UserError(f"{path}: holds {', '.join(quantities) or 'no data'}; accepted: {', '.join(QUANTITIES)}")


def time_of(path: Path, text: str) -> np.datetime64:
    """The time of 14 digits.

    Raises:
        UserError: it is none.
    """
    if not re.fullmatch(r"\d{14}", text):
        raise UserError(f"{path}: date and time are {text!r}; accepted: 8 and 6 digits")
    try:
        return np.datetime64(f"{text[:4]}-{text[4:6]}-{text[6:8]}T{text[8:10]}:{text[10:12]}:{text[12:]}", "s")
    except ValueError:
        raise UserError(f"{path}: date and time {text} do not exist") from None


def _place(
    path: Path, where: dict[str, Any], shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray, str, tuple[str, ...]]:
    """x and y in metres from the outer corners, the projection, and what was taken for granted."""
    pyproj = library("pyproj", "pyproj", "radar")
    projection = in_metres(checked_projection(path, where["projdef"]))
    if (where["ysize"], where["xsize"]) != shape:
        raise UserError(f"{path}: pixels {shape}, the header says {(where['ysize'], where['xsize'])}")
    try:
        crs = pyproj.CRS(projection)
    except pyproj.exceptions.CRSError:
        raise UserError(f"{path}: projdef {projection!r} is no projection") from None
    if crs.is_geographic:
        return _place_in_degrees(path, where, shape)
    if not crs.is_projected or crs.axis_info[0].unit_name != "metre":
        raise UserError(f"{path}: projdef {projection!r}; accepted: a projection in metres, or degrees")
    to_plane = pyproj.Proj(projection)
    if "UL_lon" in where and "UL_lat" in where:
        left, top = to_plane(where["UL_lon"], where["UL_lat"])
    else:
        left, bottom = to_plane(where["LL_lon"], where["LL_lat"])
        top = bottom + shape[0] * where["yscale"]
    return middles(left, where["xscale"], shape[1]), middles(top, -where["yscale"], shape[0]), projection, ()


def _place_in_degrees(
    path: Path, where: dict[str, Any], shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray, str, tuple[str, ...]]:
    """As ``_place``, of columns and rows that are evenly spaced in degrees: the corners say how far apart.

    The scale of the header counts only where a corner is not there, for some programs give it in metres.

    Raises:
        UserError: neither corners nor a scale in degrees.
    """
    left = float(where["UL_lon"] if "UL_lon" in where else where["LL_lon"])
    rights = [where[corner] for corner in ("UR_lon", "LR_lon") if corner in where]
    heights = {side: [float(where[f"{side}{end}_lat"]) for end in "LR" if f"{side}{end}_lat" in where] for side in "UL"}
    width = (float(rights[0]) - left) % 360 or 360.0 if rights else shape[1] * _degrees(path, where, "xscale")
    if heights["U"] and heights["L"]:
        top, height = heights["U"][0], heights["U"][0] - heights["L"][0]
    else:
        height = shape[0] * _degrees(path, where, "yscale")
        top = heights["U"][0] if heights["U"] else heights["L"][0] + height
    longitude, latitude = middles(left, width / shape[1], shape[1]), middles(top, -height / shape[0], shape[0])
    x, y, projection, note = plane_of_degrees(path, longitude, latitude)
    return x, y, projection, (note,)


def _degrees(path: Path, where: dict[str, Any], name: str) -> float:
    scale = float(where[name])
    if not 0 < scale < MOST_DEGREES:
        raise UserError(f"{path}: {name} {scale:g} of a grid of degrees, and a corner is missing; accepted: corners")
    return scale
