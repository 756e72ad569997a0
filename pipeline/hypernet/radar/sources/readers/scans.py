"""Volumes and scans of one radar in ODIM_H5: the lowest sweep with reflectivity, gridded around the radar by wradlib.

Rays stand in the order of their azimuths, clockwise from the north; gates from ``rstart`` km on, ``rscale`` m apart.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.libraries import library
from hypernet.radar.sources.readers.common import Frame, checked_dbz, refuse_enormous
from hypernet.radar.sources.readers.hdf5 import opened, pixels, plain
from hypernet.radar.sources.readers.odim import attributes_of, quantities_of, time_of, unpacked
from hypernet.radar.sources.readers.polar import Gridding, Square, is_clutter, projection_around, widest_gap

POLAR = ("PVOL", "SCAN")
# In the order in which they are looked for; those that are corrected of the ground's echo first.
CORRECTED, RAW = ("DBZH", "DBZ", "DBZV"), ("TH", "TV")
# Steeper sweeps show rain above the radar, and little of what falls around it.
HIGHEST_DEGREES = 10.0
WIDEST_GAP_DEGREES = 5.0
# Beyond, beams are kilometres above the ground.
REACH_METRES = 250_000.0
MOST_GATES = 2**23
# Reach from which on pixels have this width, so that an image has 200 pixels at least.
PIXELS = ((100_000.0, 1000.0), (50_000.0, 500.0), (0.0, 250.0))
GRIDDING = Gridding()


def read(path: Path) -> Frame:
    """Read the lowest sweep of one volume or scan; of several at one angle the one that reaches furthest.

    Raises:
        UserError: it is no such file, is cut off, or its lowest sweep is steep or has gaps.
    """
    path = Path(path)
    with opened(path, "ODIM_H5") as file:
        product = plain(file["what"].attrs["object"])
        if product not in POLAR:
            raise UserError(f"{path}: an ODIM_H5 file of {product}; accepted: {', '.join(POLAR)}")
        quantity, what, where, place = _lowest(path, file)
        how = attributes_of(file, place.rpartition("/")[0], "how")
        value = pixels(path, file[f"{place}/data"])
        measured, missing = unpacked(what, value)
        dbz = checked_dbz(path, measured, missing)
        time = time_of(path, f"{what['date']}{what['time']}")
    sweep = _sweep(path, np.where(missing, np.nan, dbz), where, how)
    values = sweep["DBZH"].values
    if quantity in RAW:
        values = np.where(is_clutter(sweep["DBZH"]) & ~np.isnan(values), 0.0, values)
    # To the outer end of the last gate.
    reach = float(sweep["range"].values[-1]) + float(where["rscale"]) / 2
    width = next(width for least, width in PIXELS if reach >= least)
    square = Square(2 * int(reach // width), width)
    x, y = square.places()
    if not square.size:
        raise UserError(f"{path}: gates up to {reach:g} m; accepted: farther than {width:g} m")
    try:
        image = values.ravel()[GRIDDING.gates(sweep, square)]
    except (ValueError, KeyError, IndexError) as error:
        raise UserError(f"{path}: the sweep cannot be gridded ({' '.join(str(error).split())[:160]})") from None
    outside = np.isnan(image) | (np.hypot(x[None], y[:, None]) > reach)
    angle = float(where["elangle"])
    return Frame(
        np.where(outside, 0.0, image).astype(np.float32),
        time,
        outside,
        x,
        y,
        projection_around(float(where["lat"]), float(where["lon"])),
        {"source": str(what.get("source", "")), "product": f"{product} {quantity} at {angle:g} degrees"},
        (f"{quantity} of the sweep at {angle:g} degrees, on {square.size} x {square.size} pixels of {width:g} m",),
    )


def _lowest(path: Path, file: Any) -> tuple[str, dict[str, Any], dict[str, Any], str]:
    """Quantity, attributes ``what`` and ``where``, and group of the sweep that is read."""
    quantities = quantities_of(file)
    for quantity in (*CORRECTED, *RAW):
        if quantity not in quantities:
            continue
        sweeps = [(what, attributes_of(file, place, "where"), place) for what, place in quantities[quantity]]
        lowest = min(sweeps, key=lambda sweep: (sweep[1]["elangle"], -sweep[1]["nbins"] * sweep[1]["rscale"]))
        if not lowest[1]["elangle"] <= HIGHEST_DEGREES:
            angle = lowest[1]["elangle"]
            raise UserError(f"{path}: the lowest sweep is at {angle:g} degrees; accepted: up to {HIGHEST_DEGREES:g}")
        return quantity, *lowest
    wanted = ", ".join((*CORRECTED, *RAW))
    raise UserError(f"{path}: holds {', '.join(quantities) or 'no data'}; accepted: {wanted}")


def _sweep(path: Path, dbz: np.ndarray, where: dict[str, Any], how: dict[str, Any]) -> Any:
    """An xarray dataset as wradlib wants it, sorted by azimuth, up to where beams are low enough."""
    xarray = library("xarray", "xarray", "radar")
    rays, gates = dbz.shape
    refuse_enormous(path, dbz.size, MOST_GATES)
    if (where["nrays"], where["nbins"]) != dbz.shape or min(dbz.shape) < 2:
        raise UserError(f"{path}: a sweep of {dbz.shape} gates, the header says {(where['nrays'], where['nbins'])}")
    distance = 1000.0 * where["rstart"] + where["rscale"] * (np.arange(gates) + 0.5)
    if not (where["rscale"] > 0 and where["rstart"] >= 0):
        raise UserError(f"{path}: gates from {where['rstart']} km on, {where['rscale']} m apart; accepted: positive")
    sweep = xarray.Dataset(
        {"DBZH": (("azimuth", "range"), dbz), "sweep_mode": ((), "azimuth_surveillance"), "sweep_number": ((), 0)},
        coords={
            "azimuth": ("azimuth", _azimuths(rays, how)),
            "elevation": ("azimuth", np.full(rays, float(where["elangle"]))),
            "range": ("range", distance),
            "latitude": float(where["lat"]),
            "longitude": float(where["lon"]),
            "altitude": float(where["height"]),
        },
    )
    sweep = sweep.sel(range=slice(0, REACH_METRES)).sortby("azimuth")
    gap = widest_gap(sweep.azimuth.values)
    if gap > WIDEST_GAP_DEGREES or sweep.sizes["range"] < 2:
        raise UserError(f"{path}: the widest gap between rays is {gap:.1f} degrees; accepted: {WIDEST_GAP_DEGREES:g}")
    return sweep


def _azimuths(rays: int, how: dict[str, Any]) -> np.ndarray:
    """Degrees of the middles of the rays: as measured where the file says so, else evenly from the first on."""
    start, stop = (np.asarray(how.get(f"{side}azA", ())) for side in ("start", "stop"))
    if start.shape == stop.shape == (rays,) and start.dtype.kind in "iuf" and stop.dtype.kind in "iuf":
        return (start + (stop - start) % 360 / 2) % 360
    first = how.get("astart", 0.0)
    return (float(first) + (np.arange(rays) + 0.5) * 360 / rays) % 360
