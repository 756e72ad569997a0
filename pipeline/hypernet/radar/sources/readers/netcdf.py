"""netCDF files after the CF conventions: reflectivity, rain rate, rain of some time, or this project's own grey levels.

What a variable holds is seen from its unit; names say so only where a unit does not (mm, dB). A file holds
images of one level and one member; of several levels the lowest is read, and that is noted.
"""

from __future__ import annotations

import contextlib
import math
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

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
    checked_rate,
    dbz_of_linear,
    north_first,
    refuse_enormous,
    west_first,
)
from hypernet.radar.sources.readers.grids import Grid, grid_of
from hypernet.radar.sources.readers.packing import head, openable
from hypernet.radar.sources.readers.units import AMOUNT, DBZ, LINEAR, RATE, Unit, seconds_of, unit_of
from hypernet.radar.sources.sequences import cadence_seconds

GREY = "gray"
GREY_LEVELS = Unit("grey", 1.0, plain=True)
# Standard names, and other names and titles, of what is looked for.
STANDARD_NAMES = (
    re.compile(r"(\w+_)?equivalent_reflectivity_factor(_[hv]+)?"),
    re.compile(r"(\w+_)?(rainfall|precipitation)_(rate|flux|amount)"),
)
ECHO_NAMES = re.compile(r"dbz|reflectivity|cappi|\bz[hv]?\b|\bt[hv]\b", re.IGNORECASE)
RAIN_NAMES = re.compile(
    r"rain|prec|prcp|pcp|lwe|qpe|qpf|acrr|\b(?:tp|rr\d*|pr|r|rate|ac|acc|accum|rf)\b|^accum", re.IGNORECASE
)
# Of the same unit, and something else; of a variable in dBZ only its name counts, and against no other.
NO_ECHO = re.compile(r"differential|\bzdr\b|error|uncertainty|quality|attenuation|noise|texture|width", re.IGNORECASE)
# Read only where no other reflectivity is there: not corrected, or of the other polarisation.
SECOND_CHOICE = re.compile(r"th|tv|uh|dbzv|zv|total_power\w*", re.IGNORECASE)
TIMES = ("time", "valid_time", "times", "datetime", "date", "t")
REFERENCE_TIMES = ("forecast_reference_time", "forecast_period")
LEVELS = re.compile(r"z\d?|nz|alt\w*|height\w*|lev(?:el)?s?|plev|elevation\w*|depth|bottom_top", re.IGNORECASE)
INTERVAL = re.compile(r"interval:\s*(\d[\d.]*\s*[a-zA-Z]+)")
ACCEPTED = (
    "a variable gray, a reflectivity in dBZ or mm6 m-3, a rain rate such as in mm h-1 or kg m-2 s-1, or rain in mm or "
    "kg m-2 of a known time, over (time,) y, x"
)


class NoDurationError(UserError):
    """Rain in mm, and the file does not say of how long: the times of other files may."""


class _Times(NamedTuple):
    """Times of the images, seconds that each counts rain of (None where it says nothing), and who says that."""

    time: np.ndarray
    seconds: np.ndarray | None
    source: str


def read_all(path: Path, seconds: float | None = None) -> list[Frame]:
    """Read the images of a file, one for each of its times.

    Args:
        path: of the file, packed or not.
        seconds: of how long an image's rain in mm is, where the file does not say it.

    Raises:
        NoDurationError: rain in mm of one time only, and nothing says of how long.
        UserError: it cannot be read, or has no such variable, times or places.
    """
    path = Path(path)
    with opened(path) as dataset:
        variable, unit, notes = _chosen(path, dataset)
        if variable.dtype.kind not in "iuf":
            raise UserError(f"{path}: {variable.name} is {variable.dtype}; accepted: numbers")
        refuse_enormous(path, variable.size, LARGEST_STACK)
        grid = grid_of(path, dataset, variable)
        refuse_enormous(path, len(grid.x) * len(grid.y))
        variable, level = _lowest(dataset, variable, (grid.along, grid.across))
        times = _times(path, dataset, variable, (grid.along, grid.across))
        leading = [name for name in variable.dims if name not in (grid.along, grid.across)]
        single = [name for name in leading if variable.sizes[name] == 1 and len(leading) > 1]
        variable, leading = variable.squeeze(single), [name for name in leading if name not in single]
        if len(leading) > 1:
            sizes = ", ".join(f"{name} {variable.sizes[name]}" for name in variable.dims)
            raise UserError(f"{path}: {variable.name} has the dimensions {sizes}; accepted: {ACCEPTED}")
        if (variable.sizes[leading[0]] if leading else 1) != len(times.time):
            raise UserError(f"{path}: {variable.name} over {variable.dims} has {len(times.time)} times; {ACCEPTED}")
        hours = None
        if unit.measure == AMOUNT:
            hours, duration = _hours(path, variable, times, seconds)
            notes += (duration,)
        masked = _mask(path, dataset, unit, (len(times.time), len(grid.y), len(grid.x)))
        attributes = {name: value for name, value in dataset.attrs.items() if isinstance(value, str | int | float)}
        stack, frames = variable.transpose(*leading, grid.along, grid.across), []
        notes = (*notes, *level, *grid.notes)
        low, high = _valid(variable)
        # Some images at a time: as numbers they are up to eight times as large as in the file.
        at_once = max(1, LARGEST_IMAGE // (len(grid.x) * len(grid.y)))
        for start in range(0, len(times.time), at_once):
            some = slice(start, start + at_once)
            values = stack.isel(dict.fromkeys(leading, some)).values.reshape(-1, len(grid.y), len(grid.x))
            if hours is not None:
                _refuse_totals(path, variable.name, values, times)
            for place, image in enumerate(values, start=start):
                outside = masked[place] | (((image < low) | (image > high)) & ~np.isneginf(image))
                factor = unit.factor if hours is None else unit.factor / hours[place]
                dbz, missing = _dbz(path, unit.measure, factor, image, outside)
                frames.append(_frame(dbz, missing, times.time[place], grid, attributes, notes))
        return frames


def times_of(path: Path) -> np.ndarray:
    """The times of a file's images, datetime64[s] ``[T]``.

    Raises:
        UserError: as for ``read_all``.
    """
    path = Path(path)
    with opened(path) as dataset:
        variable, _, _ = _chosen(path, dataset)
        grid = grid_of(path, dataset, variable)
        return _times(path, dataset, variable, (grid.along, grid.across)).time


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


def _chosen(path: Path, dataset: Any) -> tuple[Any, Unit, tuple[str, ...]]:
    """The variable to read, what it measures, and what was left out.

    Reflectivity before rain rate before rain of some time; of several the first in the file.

    Raises:
        UserError: there is none; names a variable of rain or reflectivity whose unit is not known.
    """
    planes = {str(name): variable for name, variable in dataset.data_vars.items() if variable.ndim >= 2}
    if GREY in planes:
        return planes[GREY], GREY_LEVELS, ()
    by_rank: dict[int, list[tuple[Any, Unit]]] = {}
    unknown: list[str] = []
    for name, variable in planes.items():
        unit, is_rain = _measured(name, variable)
        if unit is not None:
            rank = {DBZ: 0, LINEAR: 1, RATE: 2, AMOUNT: 3}[unit.measure]
            second = SECOND_CHOICE.fullmatch(name) is not None or NO_ECHO.search(name) is not None
            by_rank.setdefault(2 * rank + second, []).append((variable, unit))
        elif is_rain:
            units = variable.attrs.get("units")
            unknown.append(f"{name} is in {units!r}" if units is not None else f"{name} has no unit")
    if not by_rank:
        reason = "; ".join(unknown) or f"nothing to read among {', '.join(planes) or 'no variables'}"
        raise UserError(f"{path}: {reason}; accepted: {ACCEPTED}")
    (variable, unit), *others = by_rank[min(by_rank)]
    if not others:
        return variable, unit, ()
    names = ", ".join(str(other.name) for other, _ in others)
    return variable, unit, (f"{variable.name} was read; {names} could be as well",)


def _measured(name: str, variable: Any) -> tuple[Unit | None, bool]:
    """What a variable measures, None where it is no rain; and whether its name or unit says that it is rain."""
    facts = {key: str(variable.attrs.get(key, "")) for key in ("units", "standard_name", "long_name")}
    unit = unit_of(facts["units"])
    # Names are words that programs join by lines or hyphens.
    words = re.sub(r"[_\-.]+", " ", f"{name} {facts['long_name']}")
    standard = any(names.fullmatch(facts["standard_name"]) for names in STANDARD_NAMES)
    if unit is None:
        named = not facts["units"] and (ECHO_NAMES.search(words) or RAIN_NAMES.search(words)) is not None
        return None, standard or named
    if standard or unit.plain:
        # The unit says what is there, also where the standard name means another measure of rain.
        return unit, True
    named = (ECHO_NAMES if unit.measure in (DBZ, LINEAR) else RAIN_NAMES).search(words) is not None
    # Another standard name, such as of wind or of a height, says that it is neither.
    return (unit if named and not facts["standard_name"] and not NO_ECHO.search(words) else None), False


def _dbz(path: Path, measure: str, factor: float, values: np.ndarray, outside: np.ndarray) -> tuple[np.ndarray, ...]:
    """One image in dBZ, and where it has no data; ``outside`` has none."""
    missing = np.isnan(values) | outside
    if measure == GREY_LEVELS.measure:
        return checked_dbz(path, to_dbz(values), missing), missing
    if measure == DBZ:
        return checked_dbz(path, values, missing), missing
    scaled = values.astype(np.float64) * factor
    if measure == LINEAR:
        return dbz_of_linear(path, scaled, missing), missing
    return dbz_of_rain_rate(checked_rate(path, scaled, missing)), missing


def _frame(
    dbz: np.ndarray,
    missing: np.ndarray,
    time: np.datetime64,
    grid: Grid,
    attributes: dict[str, Any],
    notes: tuple[str, ...],
) -> Frame:
    dbz, missing, y = north_first(dbz, missing, y=grid.y)
    dbz, missing, x = west_first(dbz, missing, x=grid.x)
    return Frame(dbz, time, missing, x, y, grid.projection, attributes, notes)


def _lowest(dataset: Any, variable: Any, plane: tuple[str, str]) -> tuple[Any, tuple[str, ...]]:
    """A variable without its levels: the lowest of them, and a note where there are several."""
    for name in variable.dims:
        facts = dataset[name].attrs if name in dataset.variables else {}
        vertical = facts.get("axis") == "Z" or "positive" in facts or LEVELS.fullmatch(str(name))
        if name in plane or not vertical or facts.get("standard_name") == "time":
            continue
        place, words = 0, "the first level"
        if name in dataset.variables and dataset[name].dtype.kind in "iuf":
            values, units = dataset[name].values.astype(np.float64), str(facts.get("units", ""))
            # Pressure and depth grow downwards.
            downwards = facts.get("positive") == "down" or units.lower() in ("pa", "hpa", "mbar", "millibar")
            place = int(np.nanargmax(values) if downwards else np.nanargmin(values))
            words = f"the lowest, {name} {values[place]:g} {units}".strip()
        notes = (f"{variable.name} has {variable.sizes[name]} levels: {words}, was read",)
        return variable.isel({name: place}), notes if variable.sizes[name] > 1 else ()
    return variable, ()


def _times(path: Path, dataset: Any, variable: Any, plane: tuple[str, str]) -> _Times:
    """Times of the images, and of how long each counts the rain where bounds or cell methods say it.

    With bounds the time of an image of rain is the end of what it counts.
    """
    of_name = {str(name): dataset[name] for name in dataset.variables}
    candidates = [other for other in of_name.values() if other.attrs.get("standard_name") == "time"]
    candidates += [other for name, other in of_name.items() if name.lower() in TIMES]
    candidates += [other for other in of_name.values() if other.ndim == 1 and other.dims[0] in variable.dims]
    # A time for each image before the one of a whole forecast.
    for candidate in sorted(candidates, key=lambda other: not set(other.dims) & set(variable.dims)):
        if not np.issubdtype(candidate.dtype, np.datetime64) or candidate.ndim > 1:
            continue
        if candidate.attrs.get("standard_name") in REFERENCE_TIMES or set(candidate.dims) & set(plane):
            continue
        if candidate.size != 1 and candidate.dims[0] not in variable.dims:
            continue
        time = np.atleast_1d(candidate.values).astype("datetime64[s]")
        bounds = of_name.get(str(candidate.attrs.get("bounds", candidate.encoding.get("bounds", ""))))
        if bounds is not None and bounds.size == 2 * len(time) and np.issubdtype(bounds.dtype, np.datetime64):
            ends = bounds.values.reshape(len(time), 2).astype("datetime64[s]")
            seconds = np.ptp(ends.astype(np.int64), axis=1).astype(np.float64)
            return _Times(ends.max(axis=1) if _is_amount(variable) else time, seconds, f"the bounds {bounds.name}")
        interval = INTERVAL.search(str(variable.attrs.get("cell_methods", "")))
        length = seconds_of(interval[1]) if interval else None
        if length:
            return _Times(time, np.full(len(time), length), "its cell_methods")
        return _Times(time, None, "")
    raise UserError(f'{path}: no time that belongs to {variable.name}; accepted: a coordinate "time" after CF')


def _is_amount(variable: Any) -> bool:
    unit, _ = _measured(str(variable.name), variable)
    return unit is not None and unit.measure == AMOUNT


def _hours(path: Path, variable: Any, times: _Times, seconds: float | None) -> tuple[np.ndarray, str]:
    """Of how many hours the rain of each image is, ``[T]``, and who says so.

    Raises:
        NoDurationError: nobody does.
        UserError: a duration is not positive.
    """
    length, source = times.seconds, times.source
    if length is None and seconds is None and len(times.time) < 2:
        raise NoDurationError(
            f"{path}: {variable.name} is rain of a time that the file does not say; accepted: bounds of the time, "
            "cell_methods with an interval, or several images"
        )
    if length is None:
        if seconds is None:
            seconds = cadence_seconds(np.unique(times.time))
        length, source = np.full(len(times.time), seconds), "the step from image to image, for the file does not say it"
    if not (length > 0).all():
        raise UserError(
            f"{path}: {variable.name} is rain of {length.min():g} seconds by {source}; accepted: more than 0"
        )
    words = "different times" if np.ptp(length) else f"{length[0] / 60:.4g} minutes"
    return length / 3600, f"{variable.name} is rain of {words} by {source}"


def _refuse_totals(path: Path, name: str, values: np.ndarray, times: _Times) -> None:
    """Refuse sums since a beginning, which no pixel's rain makes smaller, where nothing says of how long each is.

    Raises:
        UserError: three images or more, and no pixel ever falls.
    """
    if times.seconds is not None or len(values) < 3:
        return
    growth = np.nan_to_num(np.diff(values[np.argsort(times.time[: len(values)], kind="stable")], axis=0))
    if growth.max() > 0 and not (growth < 0).any():
        raise UserError(
            f"{path}: {name} falls nowhere from image to image: rain since a beginning; accepted: the rain of each "
            "image, or bounds of the time"
        )


def _valid(variable: Any) -> tuple[float, float]:
    """The smallest and the largest number that is data, as ``valid_range`` or ``valid_min`` and ``valid_max`` say."""
    bounds = [variable.attrs.get("valid_min", -np.inf), variable.attrs.get("valid_max", np.inf)]
    if np.size(variable.attrs.get("valid_range", ())) == 2:
        bounds = list(variable.attrs["valid_range"])
    packed = variable.encoding.get("dtype", variable.dtype)
    scale, offset = (
        float(variable.encoding.get(key, value)) for key, value in (("scale_factor", 1), ("add_offset", 0))
    )
    numbers = []
    for bound, nothing in zip(bounds, (-np.inf, np.inf), strict=True):
        bound = np.asarray(bound)
        if bound.dtype.kind not in "iuf" or bound.size != 1 or not np.isfinite(bound):
            numbers.append(nothing)
            continue
        number = float(bound)
        if np.dtype(packed).kind == "i" and str(variable.encoding.get("_Unsigned", "")) == "true" and number < 0:
            number += 256.0 ** np.dtype(packed).itemsize
        # Whole numbers are those of the packed data, half a step around them is rounding.
        is_packed = bound.dtype.kind in "iu" and "scale_factor" in variable.encoding
        numbers.append(number * scale + offset if is_packed else number)
    slack = abs(scale) / 2 if "scale_factor" in variable.encoding else 0.0
    return min(numbers) - slack, max(numbers) + slack


def _mask(path: Path, dataset: Any, unit: Unit, shape: tuple[int, ...]) -> np.ndarray:
    """The variable ``missing`` of this project's own files, bool ``[T, H, W]``; nothing where there is none."""
    if unit is not GREY_LEVELS or "missing" not in dataset.variables:
        return np.broadcast_to(np.False_, shape)
    refuse_enormous(path, dataset["missing"].size, math.prod(shape))
    return np.broadcast_to(dataset["missing"].values != 0, shape)
