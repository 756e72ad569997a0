"""netCDF files after the CF conventions: reflectivity in dBZ, rain rate, or this project's own grey levels."""

from __future__ import annotations

import contextlib
import functools
import json
import math
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.libraries import library
from hypernet.radar.core.frames import dbz_of_rain_rate, to_dbz
from hypernet.radar.sources.readers import hdf5
from hypernet.radar.sources.readers.common import (
    HDF5,
    LARGEST_IMAGE,
    LARGEST_STACK,
    Frame,
    checked_dbz,
    checked_projection,
    checked_rate,
    head,
    north_first,
    openable,
    refuse_enormous,
)

GREY = "gray"
REFLECTIVITY = ("equivalent_reflectivity_factor",)
RATES = ("rainfall_rate", "lwe_precipitation_rate", "rainfall_flux", "precipitation_flux")
# By what a number has to be multiplied to be mm/h; a kilogram of water on a square metre stands 1 mm high.
TO_MM_PER_HOUR = {
    "mm/h": 1.0,
    "mm h-1": 1.0,
    "mm hr-1": 1.0,
    "mm/hr": 1.0,
    "kg m-2 h-1": 1.0,
    "kg m-2 s-1": 3600.0,
    "mm s-1": 3600.0,
    "m s-1": 3.6e6,
}
TO_METRES = {"m": 1.0, "metre": 1.0, "meter": 1.0, "metres": 1.0, "meters": 1.0, "km": 1000.0, "kilometre": 1000.0}
ACCEPTED = "a variable gray, one in dBZ, or a rain rate such as in mm h-1, over (time,) y, x"


def read_all(path: Path) -> list[Frame]:
    """Read the images of a file, one for each of its times.

    Raises:
        UserError: it cannot be read, or has no such variable, times or places.
    """
    path = Path(path)
    with opened(path) as dataset:
        variable, quantity = _chosen(path, dataset)
        if variable.dtype.kind not in "iuf":
            raise UserError(f"{path}: {variable.name} is {variable.dtype}; accepted: numbers")
        refuse_enormous(path, variable.size, LARGEST_STACK)
        across, along, x, y = axes(path, dataset, variable)
        refuse_enormous(path, len(x) * len(y))
        times = _times(path, dataset, variable)
        leading = [name for name in variable.dims if name not in (along, across)]
        if len(leading) > 1 or (variable.sizes[leading[0]] if leading else 1) != len(times):
            raise UserError(f"{path}: {variable.name} has the dimensions {variable.dims}; accepted: {ACCEPTED}")
        place = projection(path, dataset, variable)
        masked = _mask(path, dataset, (len(times), len(y), len(x)))
        attributes = {name: value for name, value in dataset.attrs.items() if isinstance(value, str | int | float)}
        stack, frames = variable.transpose(*leading, along, across), []
        # Some images at a time: as numbers they are up to eight times as large as in the file.
        at_once = max(1, LARGEST_IMAGE // (len(x) * len(y)))
        for start in range(0, len(times), at_once):
            some = slice(start, start + at_once)
            values = stack.isel(dict.fromkeys(leading, some)).values.reshape(-1, len(y), len(x))
            frames += [
                _frame(path, quantity, variable, image, outside, time, (x, y), place, attributes)
                for image, outside, time in zip(values, masked[some], times[some], strict=True)
            ]
        return frames


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Any]:
    """The file as an xarray dataset, unpacked by its scale and with its fill values as NaN.

    Raises:
        UserError: it cannot be read.
    """
    xarray = library("xarray", "xarray", "radar")
    engine = "h5netcdf" if head(path).startswith(HDF5) else "scipy"
    library(engine, engine, "radar")
    if engine == "h5netcdf":
        # xarray reads all coordinates when it opens a file.
        with hdf5.opened(path, "netCDF"):
            pass
    try:
        with warnings.catch_warnings():
            # Of dimensions without a name: what is needed is checked by who reads.
            warnings.simplefilter("ignore", UserWarning)
            dataset = xarray.open_dataset(openable(path), engine=engine, decode_timedelta=False)
    except (OSError, ValueError, TypeError, KeyError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:160]
        raise UserError(f"{path}: not a whole netCDF file ({reason})") from None
    with dataset:
        yield dataset


def _chosen(path: Path, dataset: Any) -> tuple[Any, str]:
    """The variable to read and what it is: ``grey``, ``dbz`` or ``rate``; the first of the first kind that is there."""
    planes = {name: variable for name, variable in dataset.data_vars.items() if variable.ndim >= 2}
    if GREY in planes:
        return planes[GREY], "grey"
    for variable in planes.values():
        if variable.attrs.get("units", "").lower() == "dbz" or variable.attrs.get("standard_name") in REFLECTIVITY:
            return variable, "dbz"
    for variable in planes.values():
        units = variable.attrs.get("units", "")
        if variable.attrs.get("standard_name") in RATES and units not in TO_MM_PER_HOUR:
            raise UserError(f"{path}: {variable.name} is in {units!r}; accepted: {', '.join(TO_MM_PER_HOUR)}")
        if units in TO_MM_PER_HOUR:
            return variable, "rate"
    raise UserError(f"{path}: nothing to read among {', '.join(dataset.data_vars) or 'no variables'}; {ACCEPTED}")


def _frame(
    path: Path,
    quantity: str,
    variable: Any,
    values: np.ndarray,
    outside: np.ndarray,
    time: np.datetime64,
    place: tuple[np.ndarray, np.ndarray],
    projection_text: str,
    attributes: dict[str, Any],
) -> Frame:
    """One image of a file; ``outside`` has no data, ``place`` are x and y."""
    missing = np.isnan(values) | outside
    if quantity == "grey":
        dbz = checked_dbz(path, to_dbz(values), missing)
    elif quantity == "dbz":
        dbz = checked_dbz(path, values, missing)
    else:
        factor = TO_MM_PER_HOUR[variable.attrs["units"]]
        dbz = dbz_of_rain_rate(checked_rate(path, values * factor, missing))
    dbz, missing, y = north_first(dbz, missing, y=place[1])
    return Frame(dbz, time, missing, place[0], y, projection_text, attributes)


def axes(path: Path, dataset: Any, variable: Any) -> tuple[str, str, np.ndarray, np.ndarray]:
    """Names of the dimensions across and along, and x and y in metres as the file has them.

    Raises:
        UserError: there are none, they are not in metres or km, or not evenly spaced.
    """
    dimensions = {}
    for letter in "xy":
        for name in variable.dims:
            facts = dataset[name].attrs if name in dataset.variables else {}
            if facts.get("standard_name") == f"projection_{letter}_coordinate" or name.lower() == letter:
                dimensions[letter] = name
    if len(dimensions) < 2 or any(name not in dataset.variables for name in dimensions.values()):
        raise UserError(f"{path}: {variable.name} has no coordinates x and y of a projection; accepted: {ACCEPTED}")
    metres = []
    for name in (dimensions["x"], dimensions["y"]):
        units = dataset[name].attrs.get("units", "m")
        if units not in TO_METRES:
            raise UserError(f"{path}: {name} is in {units!r}; accepted: {', '.join(TO_METRES)}")
        values = dataset[name].values.astype(np.float64) * TO_METRES[units]
        steps = np.diff(values)
        if len(values) < 2 or not steps[0] or not np.allclose(steps, steps[0], rtol=1e-3):
            raise UserError(f"{path}: {name} is not evenly spaced")
        metres.append(values)
    if metres[0][0] > metres[0][-1]:
        raise UserError(f"{path}: {dimensions['x']} falls; accepted: rising to the east")
    return dimensions["x"], dimensions["y"], *metres


def projection(path: Path, dataset: Any, variable: Any) -> str:
    """PROJ string of a variable's grid mapping, "" where it has none.

    Raises:
        UserError: it needs another file.
    """
    name = variable.attrs.get("grid_mapping", variable.encoding.get("grid_mapping", ""))
    if name not in dataset.variables:
        return ""
    facts = dataset[name].attrs
    if "proj_string" in facts:
        return checked_projection(path, str(facts["proj_string"]))
    for key in ("crs_wkt", "spatial_ref"):
        if key in facts:
            checked_projection(path, str(facts[key]))
    return _proj_string(json.dumps(dict(facts), sort_keys=True, default=lambda value: np.asarray(value).tolist()))


@functools.lru_cache
def _proj_string(facts: str) -> str:
    """PROJ string of a grid mapping's attributes (JSON); kept, because pyproj takes half a second."""
    pyproj = library("pyproj", "pyproj", "radar")
    try:
        with warnings.catch_warnings():
            # A PROJ string cannot hold names of datums and the like; the numbers are kept.
            warnings.simplefilter("ignore", UserWarning)
            return pyproj.CRS.from_cf(json.loads(facts)).to_proj4()
    except (pyproj.exceptions.CRSError, KeyError, TypeError, ValueError):
        return ""


def _times(path: Path, dataset: Any, variable: Any) -> np.ndarray:
    """Times of the images, datetime64[s] ``[T]``."""
    candidates = [dataset[name] for name in dataset.variables if dataset[name].attrs.get("standard_name") == "time"]
    candidates += [dataset[name] for name in ("time", "valid_time") if name in dataset.variables]
    for candidate in candidates:
        if np.issubdtype(candidate.dtype, np.datetime64) and (
            candidate.ndim == 0 or candidate.dims[0] in variable.dims
        ):
            return np.atleast_1d(candidate.values).astype("datetime64[s]")
    raise UserError(f'{path}: no time that belongs to {variable.name}; accepted: a coordinate "time" after CF')


def _mask(path: Path, dataset: Any, shape: tuple[int, ...]) -> np.ndarray:
    """The variable ``missing`` of this project's own files, bool ``[T, H, W]``; nothing where there is none."""
    if "missing" not in dataset.variables:
        return np.broadcast_to(np.False_, shape)
    refuse_enormous(path, dataset["missing"].size, math.prod(shape))
    return np.broadcast_to(dataset["missing"].values != 0, shape)
