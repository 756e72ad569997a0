"""Sequences and nowcasts as netCDF-4 files after the CF conventions 1.8, written and read through xarray."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hypernet import __version__
from hypernet.lab.errors import UserError
from hypernet.lab.files import atomic_path
from hypernet.lab.libraries import library
from hypernet.radar.core.frames import LARGEST_DBZ, LEVELS, Sequence, rain_rate_of_dbz
from hypernet.radar.sources.grid_mapping import EAST, NAMED, NORTH, UNNAMED, grid_of
from hypernet.radar.sources.readers.common import BROKEN, LARGEST_STACK, checked_projection, refuse_enormous
from hypernet.radar.sources.readers.hdf5 import refuse_hostile

READER = "h5netcdf"
# It writes texts as characters, which old programs read, not as the strings of netCDF-4.
WRITER = "netCDF4"
CONVENTIONS = "CF-1.8"
EPOCH = "seconds since 1970-01-01"
TITLES = {"sequence": "Radar images", "forecast": "Nowcast of radar images"}
# Written by this module, and so not the sequence's own.
OWN_ATTRIBUTES = ("Conventions", "history")
# What another file said of its own arrangement, extent and program; it is not true of this one.
FOREIGN = re.compile(r"_.*|Conventions|featureType|cdm_data_type|external_variables|(geospatial|time_coverage)_.*")
# What CF takes as text only.
TEXTS = ("title", "institution", "source", "history", "references", "comment")
# CF 1.8 knows no unsigned numbers. All values of a byte are grey levels, so no data needs a wider number anyway.
NO_DATA = np.int16(-1)
# Of netCDF, for floats; xarray's not a number is none that CDO and NCO compare with.
NO_NUMBER = np.float32(9.969209968386869e36)
AXES = (("time", "y", "x"), ("time", "latitude", "longitude"))
ANGLES = {"latitude": NORTH, "longitude": EAST}
PACKED = {"zlib": True, "complevel": 4, "shuffle": True}


def write(path: Path, sequence: Sequence) -> None:
    """Write a sequence, whole or not at all; ``read`` gives the same one back, and the bytes depend on it alone.

    ``gray (time, y, x)`` are the levels with ``scale_factor`` 1/255, ``missing`` says where no data are, ``crs`` holds
    the projection (``spatial_ref`` one that CF does not name), ``latitude`` and ``longitude`` the places of the pixels.
    On a grid of latitudes and longitudes these are the axes.

    Raises:
        UserError: the projection is none, or a library is missing.
    """
    _write(path, _dataset(sequence, TITLES["sequence"]), "grey levels of radar images")


def write_forecast(
    path: Path,
    forecast: Sequence,
    reference_time: np.datetime64,
    fields: Mapping[str, tuple[tuple[str, ...], np.ndarray, Mapping[str, Any]]] | None = None,
) -> None:
    """Write a nowcast, whole or not at all: grey levels, reflectivity in dBZ, rain rate in mm/h, and when it was made.

    Where no data are, none of them has a value. The rain rate is that of Marshall and Palmer.

    Args:
        path: of the file.
        forecast: its ``time`` are the times that it is valid at.
        reference_time: of the last image that was known.
        fields: more variables by name: their dimensions (``("y", "x")`` on any grid), values and attributes, e.g. the
            motion.

    Raises:
        UserError: the projection is none, or a library is missing.
    """
    title = forecast.attributes.get("title")
    dataset = _dataset(forecast, TITLES["forecast"])
    dataset.attrs["title"] = TITLES["forecast"] + (f": {title}" if title else "")
    over, place = dataset["gray"].dims, _placed(dataset)
    reference_time = reference_time.astype("datetime64[s]")
    lead = (forecast.time - reference_time) / np.timedelta64(60, "s")
    reference = {
        "standard_name": "forecast_reference_time",
        "long_name": "time of the last image that was known",
    }
    period = {"standard_name": "forecast_period", "long_name": "time after the last image", "units": "minutes"}
    dataset = dataset.assign_coords(
        forecast_reference_time=((), reference_time.astype("datetime64[ns]"), reference),
        lead_time=("time", lead, period),
    )
    reflectivity = {
        "standard_name": "equivalent_reflectivity_factor",
        "long_name": "reflectivity of the nowcast",
        "units": "dBZ",
        "scale_factor": np.float32(LARGEST_DBZ / LEVELS),
        "_FillValue": NO_DATA,
        "ancillary_variables": "missing",
    }
    rate = {
        "standard_name": "rainfall_rate",
        "long_name": "rain rate of the nowcast",
        "comment": "of the reflectivity Z in mm6 m-3 by Z = 200 R^1.6 (Marshall and Palmer 1948)",
        "units": "mm h-1",
        "_FillValue": NO_NUMBER,
        "ancillary_variables": "missing",
    }
    rates = rain_rate_of_dbz(np.arange(LEVELS + 1) * (LARGEST_DBZ / LEVELS))
    dataset["reflectivity"] = (over, dataset["gray"].values, reflectivity | place)
    dataset["rainfall_rate"] = (over, np.where(forecast.missing, NO_NUMBER, rates[forecast.grey]), rate | place)
    dataset["reflectivity"].encoding = _pieces(forecast.grey.shape)
    # Of few different numbers: whole they repeat, byte by byte they do not.
    dataset["rainfall_rate"].encoding = _pieces(forecast.grey.shape) | {"shuffle": False}
    names = dict(zip(AXES[0], over, strict=True))
    for name, (dimensions, values, attributes) in (fields or {}).items():
        given = tuple(names.get(dimension, dimension) for dimension in dimensions)
        values = np.asarray(values)
        if values.dtype.kind == "f":
            values = np.where(np.isfinite(values), values, NO_NUMBER).astype(values.dtype)
            attributes = {"_FillValue": values.dtype.type(NO_NUMBER)} | dict(attributes)
        dataset[name] = (given, values, dict(attributes) | (place if set(over[1:]) <= set(given) else {}))
        dataset[name].encoding = dict(PACKED)
    _write(path, dataset, "nowcast of radar images")


def read(path: Path, largest: int = LARGEST_STACK) -> Sequence:
    """Read a sequence that ``write`` has written.

    Args:
        path: of the file.
        largest: most pixels of all images together.

    Raises:
        UserError: it cannot be read, or is not such a file.
    """
    path, xarray = Path(path), library("xarray", "xarray", "radar")
    library(READER, READER, "radar")
    try:
        with library("h5py", "h5py", "radar").File(path, "r") as file:
            refuse_hostile(path, file)
        with xarray.open_dataset(path, engine=READER, mask_and_scale=False) as dataset:
            grey, missing = dataset["gray"], dataset["missing"]
            refuse_enormous(path, grey.size, largest)
            refuse_enormous(path, missing.size, grey.size)
            # Files of earlier versions have bytes.
            if grey.dtype not in (np.uint8, np.int16) or grey.dims not in AXES:
                raise UserError(f"{path}: gray is {grey.dtype} over {grey.dims}; accepted: int16 over time, y, x")
            _, along, across = grey.dims
            projections = [dataset[name].attrs["proj_string"] for name in (NAMED, UNNAMED) if name in dataset]
            return Sequence(
                grey=_levels(path, grey.values),
                time=dataset["time"].values.astype("datetime64[s]"),
                missing=missing.values.astype(bool),
                x=dataset["x" if "x" in dataset else across].values,
                y=dataset["y" if "y" in dataset else along].values,
                projection=checked_projection(path, projections[0]) if projections else "",
                attributes={
                    name: _plain(value)
                    for name, value in dataset.attrs.items()
                    if name not in OWN_ATTRIBUTES and (name != "title" or value not in TITLES.values())
                },
            )
    except BROKEN as error:
        reason = " ".join(str(error).split())[:160]
        raise UserError(f"{path}: not a whole file of grey levels ({reason})") from None


def read_levels(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Grey levels and times alone of a file that this program made on this machine: without xarray, in half the time.

    Returns:
        uint8 ``[T, H, W]``, 0 where no data are, and datetime64[s] ``[T]``.

    Raises:
        UserError: it cannot be read, or is not such a file.
    """
    try:
        with library("h5py", "h5py", "radar").File(path, "r") as file:
            refuse_hostile(path, file)
            grey, seconds, units = file["gray"][()], file["time"][()], file["time"].attrs["units"]
    except BROKEN as error:
        raise UserError(f"{path}: not a whole file of grey levels ({' '.join(str(error).split())[:160]})") from None
    units = units.decode() if isinstance(units, bytes) else str(units)
    if not units.startswith(EPOCH) or grey.dtype not in (np.uint8, np.int16) or grey.ndim != 3:
        raise UserError(f"{path}: gray is {grey.dtype}, time {units}; accepted: int16 and {EPOCH}, as written here")
    return _levels(path, grey), np.rint(seconds).astype("datetime64[s]")


def _levels(path: Path, values: np.ndarray) -> np.ndarray:
    """Grey levels as bytes, 0 where no data are."""
    if values.dtype == np.uint8:
        return values
    if values.size and not NO_DATA <= values.min() <= values.max() <= LEVELS:
        raise UserError(f"{path}: gray is {values.min()} to {values.max()}; accepted: 0 to {LEVELS}, {NO_DATA} no data")
    # In place: of long archives these are passes through gigabytes.
    return np.maximum(values, 0, out=values).astype(np.uint8)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _dataset(sequence: Sequence, title: str) -> Any:
    """The sequence with coordinates, units and standard names; ``gray`` as whole numbers, packed by attributes only."""
    xarray = library("xarray", "xarray", "radar")
    grid = grid_of(sequence.x, sequence.y, sequence.projection)
    along, across = grid.axes
    over = ("time", along, across)
    dataset = xarray.Dataset(
        coords={"time": ("time", sequence.time.astype("datetime64[ns]"), {"standard_name": "time", "axis": "T"})},
        attrs={"title": title} | _accepted(sequence.attributes),
    )
    for name, axis, letter, places, facts in (
        (along, grid.latitude, "y", sequence.y, grid.y),
        (across, grid.longitude, "x", sequence.x, grid.x),
    ):
        if axis is not None and axis.ndim == 1:
            dataset.coords[name] = (name, axis, {**ANGLES[name], "axis": letter.upper()})
            dataset.coords[letter] = (name, places, facts)
        else:
            dataset.coords[name] = (name, places, {**facts, "axis": letter.upper()})
    if grid.mapping:
        dataset[grid.variable] = ((), np.int32(0), dict(grid.mapping))
        # It belongs to no time and no place.
        dataset[grid.variable].encoding = {"coordinates": None}
        if grid.variable == UNNAMED:
            dataset = dataset.set_coords(UNNAMED)
    for name, degrees in (("latitude", grid.latitude), ("longitude", grid.longitude)):
        if degrees is not None and degrees.ndim == 2:
            known = np.isfinite(degrees)
            fill = {} if known.all() else {"_FillValue": NO_NUMBER}
            dataset.coords[name] = (over[1:], np.where(known, degrees, NO_NUMBER), ANGLES[name] | fill)
            dataset[name].encoding = dict(PACKED)
    grey = {
        "long_name": "reflectivity from 0 to 70 dBZ as grey level",
        "comment": f"reflectivity in dBZ is {LARGEST_DBZ:g} times gray",
        "units": "1",
        "scale_factor": np.float32(1 / LEVELS),
        "_FillValue": NO_DATA,
        "ancillary_variables": "missing",
    }
    missing = {
        "long_name": "where the radars give no data",
        "standard_name": "status_flag",
        "flag_values": np.array([0, 1], np.int8),
        "flag_meanings": "measured missing",
    }
    place = _placed(dataset)
    levels = np.where(sequence.missing, NO_DATA, sequence.grey.astype(np.int16))
    dataset["gray"] = (over, levels, grey | place)
    dataset["missing"] = (over[-sequence.missing.ndim :], sequence.missing.astype(np.int8), missing | place)
    dataset["gray"].encoding = _pieces(sequence.grey.shape)
    dataset["missing"].encoding = dict(PACKED)
    return dataset


def _accepted(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes of a sequence as CF and netCDF take them: texts as text, whole numbers of 32 bits."""
    accepted = {}
    for name, value in attributes.items():
        if FOREIGN.fullmatch(name) or value is None:
            continue
        if name in TEXTS:
            value = str(value)
        elif isinstance(value, bool | np.bool_ | int | np.integer):
            value = np.int32(value) if -(2**31) <= value < 2**31 else float(value)
        accepted[re.sub(r"\W", "_", name, flags=re.ASCII)] = value
    return {name: value for name, value in accepted.items() if not (name == "title" and not value)}


def _pieces(shape: tuple[int, ...]) -> dict[str, Any]:
    """Packed, one image to a piece of the file."""
    return PACKED | {"chunksizes": (1, *shape[1:])}


def _placed(dataset: Any) -> dict[str, str]:
    return {"grid_mapping": NAMED} if NAMED in dataset else {}


def _write(path: Path, dataset: Any, what: str) -> None:
    """The file, without the moment of writing: the same sequence gives the same bytes."""
    library(WRITER, WRITER, "radar")
    history = [str(dataset.attrs.get("history", "")), f"hypernet {__version__}: {what}"]
    dataset.attrs |= {"Conventions": CONVENTIONS, "history": "\n".join(filter(None, history))}
    for variable in dataset.variables.values():
        if variable.dtype.kind == "M":
            # CF 1.8 knows no whole numbers of 64 bits, and those of 32 end in 2038.
            variable.encoding |= {"units": EPOCH, "calendar": "standard", "dtype": "float64", "_FillValue": None}
        elif variable.dtype.kind == "f" and "_FillValue" not in variable.attrs:
            variable.encoding.setdefault("_FillValue", None)
    with atomic_path(path) as temporary:
        dataset.to_netcdf(temporary, engine=WRITER.lower())
