"""Composites of the Dutch weather service KNMI in its own HDF5 form: rain of some minutes, or reflectivity.

Roozekrans and Holleman, "KNMI HDF5 data format specification", 2003.
"""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.radar.core.frames import dbz_of_rain_rate
from hypernet.radar.sources.readers.common import (
    Frame,
    checked_dbz,
    checked_projection,
    checked_rate,
    in_metres,
    middles,
)
from hypernet.radar.sources.readers.hdf5 import opened, pixels, plain

FORMULA = re.compile(r"GEO\s*=\s*([-+.\deE]+)\s*\*\s*PV\s*([-+][.\deE]+)?")
METRES = 1000.0
LICENCE = "CC BY 4.0 by the terms of KNMI's open data; the files state none"


def read(path: Path) -> Frame:
    """Read one composite: ``image1``, of reflectivity in dBZ or of rain in mm since ``product_datetime_start``.

    Raises:
        UserError: it is no such file, is cut off, or holds something else.
    """
    path = Path(path)
    with opened(path, "KNMI HDF5") as file:
        image, calibration, overview = file["image1"], file["image1/calibration"], file["overview"]
        start, end = (_time(path, plain(overview.attrs[f"product_datetime_{side}"])) for side in ("start", "end"))
        value = pixels(path, image["image_data"])
        nothing = [plain(calibration.attrs[f"calibration_{mark}"]) for mark in ("missing_data", "out_of_image")]
        missing = np.isin(value, nothing)
        measured = _calibrated(path, value, plain(calibration.attrs["calibration_formulas"]))
        quantity = plain(image.attrs["image_geo_parameter"])
        if "[DBZ]" in quantity.upper():
            dbz = checked_dbz(path, measured, missing)
        elif "[MM]" in quantity.upper() and end > start:
            hours = (end - start) / np.timedelta64(3600, "s")
            dbz = dbz_of_rain_rate(checked_rate(path, measured / hours, missing))
        else:
            raise UserError(
                f"{path}: holds {quantity} from {start} to {end}; accepted: [DBZ], or [MM] over a positive duration"
            )
        x, y, projection = _place(path, file["geographic"], value.shape)
        product = plain(image.attrs["image_product_name"])
    source = "Royal Netherlands Meteorological Institute, radar composite"
    attributes = {"source": source, "licence": LICENCE, "product": product}
    return Frame(dbz, end, missing, x, y, projection, attributes)


def _time(path: Path, text: str) -> np.datetime64:
    """Such as ``26-AUG-2010;00:05:00.000``."""
    try:
        return np.datetime64(datetime.strptime(text, "%d-%b-%Y;%H:%M:%S.%f"), "s")
    except ValueError:
        raise UserError(f"{path}: {text!r} is not a time; accepted: such as 26-AUG-2010;00:05:00.000") from None


def _calibrated(path: Path, value: np.ndarray, formula: str) -> np.ndarray:
    """Pixel values by a formula such as ``GEO=0.01*PV+0.0``."""
    matched = FORMULA.fullmatch(formula.strip())
    if not matched:
        raise UserError(f"{path}: calibration {formula!r}; accepted: such as GEO=0.01*PV+0.0")
    return value * float(matched[1]) + float(matched[2] or 0)


def _place(path: Path, geographic: Any, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, str]:
    """x, y in metres and the projection: the files count in kilometres, from the pole, rows downwards."""
    facts = {name: plain(value) for name, value in geographic.attrs.items()}
    step_x, step_y = facts["geo_pixel_size_x"] * METRES, facts["geo_pixel_size_y"] * METRES
    x = middles(facts["geo_column_offset"] * step_x, step_x, shape[1])
    y = middles(facts["geo_row_offset"] * step_y, step_y, shape[0])
    in_kilometres = checked_projection(path, plain(geographic["map_projection"].attrs["projection_proj4_params"]))
    return x, y, in_metres(in_kilometres) + " +units=m +no_defs"
