"""Volumes of the US weather radars (NEXRAD Level II), read by xradar, gridded to 250 x 250 pixels of 1 km by wradlib.

The lowest sweep with reflectivity is taken. A gate without a value has no echo; pixels beyond the last gate are
missing.
"""

from __future__ import annotations

import bz2
import csv
import itertools
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.libraries import library
from hypernet.radar.sources.readers.common import Frame, refuse_enormous
from hypernet.radar.sources.readers.packing import content
from hypernet.radar.sources.readers.polar import Gridding, Square, is_clutter, projection_around, widest_gap

MAGIC = (b"AR2V", b"ARCHIVE2")
MOMENT = "DBZH"
SITE = ("latitude", "longitude", "altitude")
# The lowest sweep of all scan strategies lies below; a higher one is not what the others of a sequence are.
HIGHEST_DEGREES = 1.0
WIDEST_GAP_DEGREES = 5.0
# Gates up to here reach the corners of the square.
REACH_METRES = 180_000
SQUARE = Square(250, 1000.0)
HEADER_BYTES = 24
# The radar's own data, six of a sweep of 720 rays, and some more.
LEADING_RECORDS = 9
# Bytes of a volume as it comes, of one of its records unpacked, and of all of them: several times the largest known.
LARGEST_VOLUME, LARGEST_RECORD, LARGEST_UNPACKED = 2**27, 2**25, 2**29
# A volume has some 100 records.
MOST_RECORDS = 2_000
# Gates of a sweep up to 180 km: 720 rays of 720.
MOST_GATES = 2**21
RECORD = re.compile(rb"BZh.1AY&SY", re.DOTALL)
GRIDDING = Gridding()


def read(path: Path, filter_clutter: bool = True) -> Frame:
    """Read one volume, packed by gzip or not.

    Args:
        path: the volume.
        filter_clutter: set gates to no echo that the filter of Gabella and Notarpietro takes for clutter.

    Raises:
        UserError: the volume is cut off or broken in any way, or its radar's place is not known. One error for all,
            so that who reads a year of volumes can leave one out.
    """
    path = Path(path)
    sweep, station, place = lowest_sweep(path)
    reflectivity = sweep[MOMENT]
    values = np.nan_to_num(reflectivity.values, nan=0.0)
    if filter_clutter:
        values = np.where(is_clutter(reflectivity), 0.0, values)
    try:
        gates = GRIDDING.gates(sweep, SQUARE)
    except (ValueError, KeyError, IndexError) as error:
        raise UserError(f"{path}: the sweep cannot be gridded ({' '.join(str(error).split())[:160]})") from None
    x, y = SQUARE.places()
    missing = np.hypot(x[None], y[:, None]) > float(sweep["range"].values[-1])
    dbz = np.where(missing, 0.0, values.ravel()[gates]).astype(np.float32)
    projection = projection_around(place["latitude"], place["longitude"])
    attributes = {"source": f"NEXRAD {station}, Level II", "licence": "public domain", "station": station}
    return Frame(dbz, sweep["time"].values.min().astype("datetime64[s]"), missing, x, y, projection, attributes)


def lowest_sweep(path: Path) -> tuple[Any, str, dict[str, float]]:
    """The lowest sweep with reflectivity, up to 180 km and sorted by azimuth; the station and its place.

    Of two sweeps at one angle (split cuts) the first is taken, which reaches further. Radars scan upwards, so the
    whole volume is unpacked only where its beginning does not hold a whole low sweep.

    Raises:
        UserError: as for ``read``.
    """
    volume = content(path, LARGEST_VOLUME)
    if not volume.startswith(MAGIC):
        raise UserError(f"{path}: not a NEXRAD Level II volume; accepted: files that begin with AR2V or ARCHIVE2")
    beginning = leading_records(volume, LEADING_RECORDS)
    refuse_bombs(path, beginning)
    try:
        sweep, attributes = _lowest(path, beginning)
    except UserError:
        if len(beginning) == len(volume):
            raise
        refuse_bombs(path, volume)
        sweep, attributes = _lowest(path, volume)
    station = str(attributes.get("instrument_name", "")).strip()
    place = {name: float(sweep[name]) for name in SITE}
    if not place["latitude"] and not place["longitude"]:
        place = _from_table(path, station)
    return sweep.assign_coords(place), station, place


def leading_records(volume: bytes, count: int) -> bytes:
    """The first records of a volume of compressed records, all of one that is not compressed so.

    After 24 bytes of header each record is its size (4 bytes, of either sign) and a bzip2 stream; the first holds what
    the radar says of itself, each further one 120 rays (Interface Control Document 2620010).
    """
    if volume[HEADER_BYTES + 4 :][:3] != b"BZh":
        return volume
    end = HEADER_BYTES
    for _ in range(count):
        end += 4 + abs(int.from_bytes(volume[end : end + 4], "big", signed=True))
    return volume[:end]


def refuse_bombs(path: Path, volume: bytes) -> None:
    """Refuse records that unpack to more than any radar sends, before the library unpacks them whole.

    Raises:
        UserError: a record or all of them together are too large.
    """
    total = 0
    starts = [record.start() for record in itertools.islice(RECORD.finditer(volume), MOST_RECORDS + 1)]
    if len(starts) > MOST_RECORDS:
        raise UserError(f"{path}: more than {MOST_RECORDS} compressed records; accepted: volumes as radars send them")
    # A record ends where the next one begins, or later where its content looks like a beginning; copied once in all.
    for start, end in itertools.pairwise([*starts, len(volume)]):
        unpacked = 0
        try:
            unpacked = len(bz2.BZ2Decompressor().decompress(volume[start:end], LARGEST_RECORD + 1))
        except (OSError, ValueError):
            # Damaged: for the library to say.
            continue
        total += unpacked
        if unpacked > LARGEST_RECORD or total > LARGEST_UNPACKED:
            raise UserError(
                f"{path}: records of more than {LARGEST_RECORD:,} bytes unpacked, or {LARGEST_UNPACKED:,} together; "
                "accepted: volumes as radars send them"
            )


def _lowest(path: Path, volume: bytes) -> tuple[Any, dict[str, Any]]:
    """The sweep, with the site as the volume has it, and the volume's attributes."""
    xradar = library("xradar", "xradar", "radar")
    try:
        with warnings.catch_warnings():
            # It warns of sweeps that are not whole; whether what is needed is there is checked below.
            warnings.simplefilter("ignore")
            tree = xradar.io.open_nexradlevel2_datatree(volume)
            sweeps = _sweeps(tree)
            angles = [float(sweep["sweep_fixed_angle"]) for sweep in sweeps]
            # The first of the smallest.
            sweep = sweeps[int(np.argmin(angles))].sel(range=slice(0, REACH_METRES)).sortby("azimuth")
            refuse_enormous(path, sweep.sizes["azimuth"] * sweep.sizes["range"], MOST_GATES)
            sweep = sweep.load()
            sweep = sweep.assign_coords({name: float(tree[name]) for name in SITE})
            attributes = dict(tree.attrs)
    except Exception as error:
        reason = " ".join(f"{type(error).__name__} {error}".split())[:160]
        raise UserError(f"{path}: not a whole NEXRAD Level II volume ({reason})") from None
    gap = widest_gap(sweep.azimuth.values)
    if min(angles) > HIGHEST_DEGREES or gap > WIDEST_GAP_DEGREES:
        raise UserError(
            f"{path}: the lowest whole sweep is at {min(angles):.2f} degrees, its widest gap {gap:.1f} degrees; "
            f"accepted: up to {HIGHEST_DEGREES:g} and {WIDEST_GAP_DEGREES:g}"
        )
    return sweep, attributes


def _sweeps(tree: Any) -> list[Any]:
    """The sweeps of a volume that have reflectivity.

    Raises:
        EOFError: none has.
    """
    sweeps = [tree[name].to_dataset() for name in tree.children if name.startswith("sweep_")]
    sweeps = [sweep for sweep in sweeps if MOMENT in sweep and sweep.sizes["azimuth"] > 1]
    if not sweeps:
        raise EOFError(f"no sweep with {MOMENT}: the file is cut off or damaged")
    return sweeps


def _from_table(path: Path, station: str) -> dict[str, float]:
    """Place of a radar that old volumes (message 1) do not tell."""
    with Path(__file__).with_name("stations.csv").open(encoding="utf-8", newline="") as table:
        rows = {row["station"]: row for row in csv.DictReader(table)}
    if station not in rows:
        raise UserError(f"{path}: does not say where {station or 'its radar'} is; known: {', '.join(rows)}")
    return {name: float(rows[station][name]) for name in SITE}
