"""Rain of the Australian Bureau of Meteorology (Rainfields): netCDF, accumulated over some minutes, 0.5 km pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.radar.core.frames import dbz_of_rain_rate
from hypernet.radar.sources.readers.common import Frame, checked_rate, north_first, refuse_enormous
from hypernet.radar.sources.readers.grids import grid_of
from hypernet.radar.sources.readers.netcdf import opened

PIXEL_METRES = 1000
NAME = "precipitation"
NEEDED = (NAME, "start_time", "valid_time")


def read(path: Path) -> Frame:
    """Read one accumulation; finer pixels become 1 km by the mean rain of those that make one up.

    The mean is taken of the rain, not of its logarithm, so that no rain is lost. A pixel of which a part is missing
    is missing.

    Raises:
        UserError: it is no such file, or is cut off.
    """
    path = Path(path)
    with opened(path) as dataset:
        if any(name not in dataset.variables for name in NEEDED) or dataset[NAME].ndim != 2:
            raise UserError(f"{path}: not of Rainfields; accepted: the variables {', '.join(NEEDED)}")
        variable = dataset[NAME]
        if variable.dtype.kind not in "iuf":
            raise UserError(f"{path}: {NAME} is {variable.dtype}; accepted: numbers")
        refuse_enormous(path, variable.size)
        grid = grid_of(path, dataset, variable)
        x, y = grid.x, grid.y
        start, end = (np.datetime64(dataset[name].values, "s") for name in NEEDED[1:])
        if not end > start or variable.attrs.get("units") != "kg m-2":
            units = variable.attrs.get("units")
            raise UserError(f"{path}: {units} from {start} to {end}; accepted: kg m-2 over a positive duration")
        rain = variable.transpose(grid.along, grid.across).values.astype(np.float64)
        licence = dataset.attrs.get("licence", "")
    # Beside the fill value -1 the files hold -2 in a few pixels; no rain is negative.
    missing = ~(rain >= 0)
    rate = checked_rate(path, rain / ((end - start) / np.timedelta64(3600, "s")), missing)
    rate, missing, y = north_first(rate, missing, y=y)
    times = max(1, round(PIXEL_METRES / (x[1] - x[0])))
    height, width = (length // times * times for length in rate.shape)
    blocks = (height // times, times, width // times, times)
    coarse = rate[:height, :width].reshape(blocks).mean(axis=(1, 3))
    some_missing = np.asarray(missing[:height, :width].reshape(blocks).any(axis=(1, 3)))
    return Frame(
        np.where(some_missing, 0, dbz_of_rain_rate(coarse)).astype(np.float32),
        end,
        some_missing,
        x[:width].reshape(-1, times).mean(axis=1),
        y[:height].reshape(-1, times).mean(axis=1),
        grid.projection,
        {"source": "Bureau of Meteorology, Rainfields", "licence": licence},
    )
