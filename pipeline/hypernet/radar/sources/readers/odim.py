"""Images of the European exchange format ODIM_H5: composites, images and other Cartesian products.

Michelson et al., "EUMETNET OPERA weather radar information model for implementation with the HDF5 file format",
version 2.2: physical value = gain x pixel + offset; ``nodata`` was not looked at, ``undetect`` has no echo.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.libraries import library
from hypernet.radar.core.frames import dbz_of_rain_rate
from hypernet.radar.sources.readers.common import Frame, checked_dbz, checked_projection, checked_rate, middles
from hypernet.radar.sources.readers.hdf5 import opened, pixels, plain

CARTESIAN = ("COMP", "IMAGE", "CVOL", "PIC")
# In the order in which they are looked for.
QUANTITIES = ("DBZH", "DBZ", "TH", "DBZV", "RATE", "ACRR")


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
                f"{path}: an ODIM_H5 file of {product}; accepted: {', '.join(CARTESIAN)} (Cartesian images)"
            )
        what, quantity, value = _chosen(path, file)
        missing, dry = value == what["nodata"], value == what["undetect"]
        measured = value * what["gain"] + what["offset"]
        time = _time(path, f"{what['date']}{what['time']}")
        if quantity == "ACRR":
            start, time = (_time(path, f"{what[side + 'date']}{what[side + 'time']}") for side in ("start", "end"))
            if not time > start:
                raise UserError(f"{path}: rain accumulated from {start} to {time}; accepted: a positive duration")
            measured = measured / ((time - start) / np.timedelta64(3600, "s"))
        measured = np.where(dry, 0, measured)
        if quantity in ("RATE", "ACRR"):
            dbz = dbz_of_rain_rate(checked_rate(path, measured, missing))
        else:
            dbz = checked_dbz(path, measured, missing)
        x, y, projection = _place(path, _attributes(file, "dataset1", "where"), value.shape)
    attributes = {"source": str(what.get("source", "")), "product": f"{product} {what.get('product', '')}".strip()}
    return Frame(dbz, time, missing, x, y, projection, attributes)


def _attributes(file: Any, place: str, name: str) -> dict[str, Any]:
    """Attributes ``what`` or ``where`` of a group such as ``dataset1/data1``, over those of the groups further up."""
    parts, attributes = place.split("/"), dict[str, Any]()
    for depth in range(len(parts) + 1):
        group = "/".join([*parts[:depth], name])
        if group in file:
            attributes |= {key: plain(value) for key, value in file[group].attrs.items()}
    return attributes


def _chosen(path: Path, file: Any) -> tuple[dict[str, Any], str, np.ndarray]:
    """Attributes, quantity and pixels of what is read."""
    quantities: dict[str, tuple[dict[str, Any], str]] = {}
    for dataset in sorted(name for name in file if re.fullmatch(r"dataset\d+", name)):
        for data in sorted(name for name in file[dataset] if re.fullmatch(r"data\d+", name)):
            what = _attributes(file, f"{dataset}/{data}", "what")
            quantities.setdefault(what["quantity"], (what, f"{dataset}/{data}/data"))
    for quantity in QUANTITIES:
        if quantity in quantities:
            what, place = quantities[quantity]
            # The scale is the identity and all pixels are data where the file says nothing.
            return (
                {"gain": 1.0, "offset": 0.0, "nodata": np.nan, "undetect": np.nan} | what,
                quantity,
                pixels(path, file[place]),
            )
    raise UserError(f"{path}: holds {', '.join(quantities) or 'no data'}; accepted: {', '.join(QUANTITIES)}")


def _time(path: Path, text: str) -> np.datetime64:
    if not re.fullmatch(r"\d{14}", text):
        raise UserError(f"{path}: date and time are {text!r}; accepted: 8 and 6 digits")
    try:
        return np.datetime64(f"{text[:4]}-{text[4:6]}-{text[6:8]}T{text[8:10]}:{text[10:12]}:{text[12:]}", "s")
    except ValueError:
        raise UserError(f"{path}: date and time {text} do not exist") from None


def _place(path: Path, where: dict[str, Any], shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, str]:
    """x and y in metres from the outer corner in the upper left, and the projection."""
    pyproj = library("pyproj", "pyproj", "radar")
    projection = checked_projection(path, where["projdef"])
    if (where["ysize"], where["xsize"]) != shape:
        raise UserError(f"{path}: pixels {shape}, the header says {(where['ysize'], where['xsize'])}")
    try:
        crs = pyproj.CRS(projection)
    except pyproj.exceptions.CRSError:
        raise UserError(f"{path}: projdef {projection!r} is no projection") from None
    if not crs.is_projected or crs.axis_info[0].unit_name != "metre":
        raise UserError(f"{path}: projdef {projection!r}; accepted: a projection in metres")
    left, top = pyproj.Proj(projection)(where["UL_lon"], where["UL_lat"])
    return middles(left, where["xscale"], shape[1]), middles(top, -where["yscale"], shape[0]), projection
