"""Composites of the Finnish Meteorological Institute: grey PGM files whose comments say when and where.

A pixel v is (v - 64) / 2 dBZ; 0 is no echo, 255 lies outside of all radars' reach.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.libraries import library
from hypernet.radar.sources.readers.common import Frame, middles, refuse_enormous
from hypernet.radar.sources.readers.packing import content

OUTSIDE = 255
# The sphere of these composites; the files do not say it (pysteps has the same).
RADIUS_METRES = 6371288
# Magic number, comments, width, height, largest value, and one white space before the pixels.
LONGEST_HEADER = 2**16
HEADER = re.compile(rb"P5\s+((?:#[^\n]*\n\s*)*)(\d{1,6})\s+(\d{1,6})\s+(\d{1,5})\s")


def read(path: Path) -> Frame:
    """Read one composite, packed by gzip or not.

    Raises:
        UserError: it is no such file, or is cut off.
    """
    path = Path(path)
    data = content(path)
    header = HEADER.match(data, 0, LONGEST_HEADER)
    if not header:
        raise UserError(f"{path}: not a binary PGM file (P5, comments, width, height, 255)")
    width, height, largest = (int(number) for number in header.groups()[1:])
    facts = _comments(path, header[1])
    refuse_enormous(path, width * height)
    if largest != 255 or facts["param"] != "CorrectedReflectivity":
        raise UserError(
            f"{path}: {facts['param']} in values up to {largest}; accepted: CorrectedReflectivity up to 255"
        )
    if len(data) - header.end() != width * height:
        raise UserError(
            f"{path}: {len(data) - header.end()} pixels, the header says {width} x {height}; the file is cut off"
        )
    value = np.frombuffer(data, np.uint8, offset=header.end()).reshape(height, width)
    missing = value == OUTSIDE
    dbz = np.where(missing, 0, (value.astype(np.float32) - 64) / 2).astype(np.float32)
    x, y, projection = _place(path, facts, width, height)
    attributes = {
        "source": "Finnish Meteorological Institute, radar composite",
        "licence": "CC BY 4.0",
        "product": f"{facts.get('producttype', '')} {facts.get('productname', '')}".strip(),
    }
    return Frame(dbz, _time(path, facts["obstime"]), missing, x, y, projection, attributes)


def _comments(path: Path, comments: bytes) -> dict[str, str]:
    """The words of the header by their first."""
    lines = (line.lstrip("# ").split(maxsplit=1) for line in comments.decode("latin-1").splitlines())
    facts = {line[0]: line[1].strip() for line in lines if len(line) == 2}
    for name in ("obstime", "param", "metersperpixel_x", "metersperpixel_y", "type", "bottomleft"):
        if name not in facts:
            raise UserError(f'{path}: no comment "{name}" in the header; accepted: composites as FMI publishes them')
    return facts


def _time(path: Path, text: str) -> np.datetime64:
    if not re.fullmatch(r"\d{12}", text):
        raise UserError(f"{path}: obstime is {text!r}; accepted: year, month, day, hour, minute (12 digits)")
    try:
        return np.datetime64(f"{text[:4]}-{text[4:6]}-{text[6:8]}T{text[8:10]}:{text[10:]}", "s")
    except ValueError:
        raise UserError(f"{path}: obstime {text} is not a time") from None


def _place(path: Path, facts: dict[str, str], width: int, height: int) -> tuple[np.ndarray, np.ndarray, str]:
    """x, y and projection: stereographic, from the lower left corner and the size of a pixel."""
    if facts["type"] != "stereographic":
        raise UserError(f"{path}: projection {facts['type']}; accepted: stereographic")
    try:
        longitude, latitude, true_latitude = (
            float(facts[name]) for name in ("centrallongitude", "centrallatitude", "truelatitude")
        )
        corner = [float(number) for number in facts["bottomleft"].split()]
        steps = float(facts["metersperpixel_x"]), float(facts["metersperpixel_y"])
    except (KeyError, ValueError) as error:
        raise UserError(f"{path}: the projection in the header is not whole ({error})") from None
    projection = (
        f"+proj=stere +lat_0={latitude:g} +lon_0={longitude:g} +lat_ts={true_latitude:g} "
        f"+R={RADIUS_METRES} +units=m +no_defs"
    )
    left, bottom = library("pyproj", "pyproj", "radar").Proj(projection)(*corner)
    return middles(left, steps[0], width), middles(bottom + height * steps[1], -steps[1], height), projection
