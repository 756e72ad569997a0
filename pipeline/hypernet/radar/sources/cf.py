"""Sequences and nowcasts as netCDF-4 files after the CF conventions 1.8, written and read through xarray."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hypernet import __version__
from hypernet.lab.errors import UserError
from hypernet.lab.files import atomic_path
from hypernet.lab.libraries import library
from hypernet.radar.core.frames import LARGEST_DBZ, LEVELS, Sequence
from hypernet.radar.sources.readers.common import BROKEN, LARGEST_STACK, checked_projection, refuse_enormous
from hypernet.radar.sources.readers.hdf5 import refuse_hostile

ENGINE = "h5netcdf"
CONVENTIONS = "CF-1.8"
EPOCH = "seconds since 1970-01-01"
# Written by this module, and so not the sequence's own.
OWN_ATTRIBUTES = ("Conventions", "history")
NO_DATA = np.int16(-1)
PACKED = {"zlib": True, "complevel": 4, "shuffle": False}


def write(path: Path, sequence: Sequence) -> None:
    """Write a sequence, whole or not at all; ``read`` gives the same one back, and the bytes depend on it alone.

    ``gray (time, y, x)`` are the bytes with ``scale_factor`` 1/255, ``missing`` says where no data are, ``crs`` holds
    the projection.

    Raises:
        UserError: the projection is none, or a library is missing.
    """
    _write(path, _dataset(sequence), "grey levels of radar images")


def write_forecast(
    path: Path,
    forecast: Sequence,
    reference_time: np.datetime64,
    fields: Mapping[str, tuple[tuple[str, ...], np.ndarray, Mapping[str, Any]]] | None = None,
) -> None:
    """Write a nowcast, whole or not at all: the grey levels, the same in dBZ, and when it was made.

    Where no data are, grey is 0 as in all sequences, and the reflectivity has no value.

    Args:
        path: of the file.
        forecast: its ``time`` are the times that it is valid at.
        reference_time: of the last image that was known.
        fields: more variables by name: their dimensions (such as ``("y", "x")``), values and attributes, e.g. the
            motion.

    Raises:
        UserError: the projection is none, or a library is missing.
    """
    dataset = _dataset(forecast)
    reference_time = reference_time.astype("datetime64[s]")
    lead = (forecast.time - reference_time) / np.timedelta64(60, "s")
    reference = reference_time.astype("datetime64[ns]")
    dataset = dataset.assign_coords(
        forecast_reference_time=((), reference, {"standard_name": "forecast_reference_time"}),
        lead_time=("time", lead, {"standard_name": "forecast_period", "units": "minutes"}),
    )
    facts = {
        "standard_name": "equivalent_reflectivity_factor",
        "long_name": "reflectivity of the nowcast",
        "units": "dBZ",
        "scale_factor": LARGEST_DBZ / LEVELS,
        # All values of a byte are grey levels: a wider number tells no data from dry.
        "_FillValue": NO_DATA,
        "ancillary_variables": "missing",
    }
    levels = np.where(forecast.missing, NO_DATA, forecast.grey.astype(np.int16))
    dataset["reflectivity"] = (("time", "y", "x"), levels, facts | _mapping(dataset))
    dataset["reflectivity"].encoding = _pieces(forecast.grey.shape)
    for name, (dimensions, values, attributes) in (fields or {}).items():
        dataset[name] = (dimensions, values, dict(attributes))
        dataset[name].encoding = dict(PACKED)
    _write(path, dataset, "nowcast of radar images")


def read(path: Path, largest: int | None = LARGEST_STACK) -> Sequence:
    """Read a sequence that ``write`` has written.

    Args:
        path: of the file.
        largest: most pixels of all images together; None for files that this program made on this machine.

    Raises:
        UserError: it cannot be read, or is not such a file.
    """
    path, xarray = Path(path), library("xarray", "xarray", "radar")
    library(ENGINE, ENGINE, "radar")
    try:
        with library("h5py", "h5py", "radar").File(path, "r") as file:
            refuse_hostile(path, file)
        with xarray.open_dataset(path, engine=ENGINE, mask_and_scale=False) as dataset:
            grey, missing = dataset["gray"], dataset["missing"]
            if largest is not None:
                refuse_enormous(path, grey.size, largest)
            refuse_enormous(path, missing.size, grey.size)
            if grey.dtype != np.uint8 or grey.dims != ("time", "y", "x"):
                raise UserError(f"{path}: gray is {grey.dtype} over {grey.dims}; accepted: uint8 over time, y, x")
            return Sequence(
                grey=grey.values,
                time=dataset["time"].values.astype("datetime64[s]"),
                missing=missing.values.astype(bool),
                x=dataset["x"].values,
                y=dataset["y"].values,
                projection=checked_projection(path, dataset["crs"].attrs["proj_string"]) if "crs" in dataset else "",
                attributes={name: _plain(value) for name, value in dataset.attrs.items() if name not in OWN_ATTRIBUTES},
            )
    except BROKEN as error:
        reason = " ".join(str(error).split())[:160]
        raise UserError(f"{path}: not a whole file of grey levels ({reason})") from None


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _dataset(sequence: Sequence) -> Any:
    """The sequence with coordinates, units and standard names; ``gray`` as bytes, packed by its encoding only."""
    xarray = library("xarray", "xarray", "radar")
    axis = {
        letter: {"standard_name": f"projection_{letter}_coordinate", "units": "m", "axis": letter.upper()}
        for letter in "xy"
    }
    over = ("time", "y", "x")
    dataset = xarray.Dataset(
        coords={
            "time": ("time", sequence.time.astype("datetime64[ns]"), {"standard_name": "time", "axis": "T"}),
            "y": ("y", sequence.y, axis["y"]),
            "x": ("x", sequence.x, axis["x"]),
        },
        attrs=dict(sequence.attributes),
    )
    if sequence.projection:
        dataset["crs"] = ((), np.int32(0), _projection(sequence.projection))
    grey = {
        "long_name": "reflectivity from 0 to 70 dBZ as grey level",
        "comment": f"reflectivity in dBZ is {LARGEST_DBZ:g} times gray",
        "units": "1",
        "scale_factor": 1 / LEVELS,
        "ancillary_variables": "missing",
    }
    missing = {
        "long_name": "where the radars give no data",
        "standard_name": "status_flag",
        "flag_values": np.array([0, 1], np.int8),
        "flag_meanings": "measured missing",
    }
    dataset["gray"] = (over, sequence.grey, grey | _mapping(dataset))
    dataset["missing"] = (over[-sequence.missing.ndim :], sequence.missing.astype(np.int8), missing | _mapping(dataset))
    dataset["gray"].encoding = _pieces(sequence.grey.shape)
    dataset["missing"].encoding = dict(PACKED)
    return dataset


def _pieces(shape: tuple[int, ...]) -> dict[str, Any]:
    """Packed, one image to a piece of the file."""
    return PACKED | {"chunksizes": (1, *shape[1:])}


def _mapping(dataset: Any) -> dict[str, str]:
    return {"grid_mapping": "crs"} if "crs" in dataset else {}


def _projection(text: str) -> dict[str, Any]:
    """Attributes of the variable ``crs``; the PROJ string stands there too, because CF names lose some of it."""
    pyproj = library("pyproj", "pyproj", "radar")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            return pyproj.CRS(text).to_cf() | {"proj_string": text}
    except pyproj.exceptions.CRSError:
        raise UserError(f"{text!r} is no projection; accepted: a PROJ string") from None


def _write(path: Path, dataset: Any, what: str) -> None:
    """The file, without the moment of writing: the same sequence gives the same bytes."""
    library(ENGINE, ENGINE, "radar")
    history = [str(dataset.attrs.get("history", "")), f"hypernet {__version__}: {what}"]
    dataset.attrs |= {"Conventions": CONVENTIONS, "history": "\n".join(filter(None, history))}
    for variable in dataset.variables.values():
        if variable.dtype.kind == "M":
            variable.encoding |= {"units": EPOCH, "calendar": "standard", "dtype": "int64"}
        elif variable.dtype.kind == "f":
            variable.encoding.setdefault("_FillValue", None)
    with atomic_path(path) as temporary:
        dataset.to_netcdf(temporary, engine=ENGINE)
