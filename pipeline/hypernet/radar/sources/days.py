"""Days of one radar, a file of grey levels each, as ``hypernet radar archive`` keeps them: where they are."""

from __future__ import annotations

import datetime
from pathlib import Path

from hypernet.lab.acquire import MIRROR_VARIABLE, mirrors
from hypernet.lab.errors import UserError
from hypernet.radar.names import STATION

# Radars begin a volume every four to ten minutes. Of each full ten minutes the archive keeps the volume nearest to it.
MARK_SECONDS = 600
MARK_TOLERANCE_SECONDS = 180
KEPT = Path("data/archive/radar")


def station_of(dataset: str) -> str | None:
    """The radar of a data set such as ``nexrad_kdvn``: KDVN; None for other data sets."""
    matched = STATION.fullmatch(dataset)
    return matched.group(1).upper() if matched else None


def folder_of(station: str) -> Path:
    """Where the days of a radar are kept, in the project."""
    return KEPT / station.lower()


def day_file(folder: Path, station: str, day: datetime.date) -> Path:
    """The file of a day (UTC)."""
    return folder / f"{station}_{day:%Y%m%d}.nc"


def day_files(folder: Path, station: str) -> list[Path]:
    """The days of a radar in a folder, in the order of time."""
    return sorted(path for path in folder.glob(f"{station}_{'[0-9]' * 8}.nc") if path.is_file())


def find_days(dataset: str) -> list[Path]:
    """The days of a data set: of the project's own folder, else of the first mirror that has some.

    Raises:
        UserError: there are none; says how to get them.
    """
    station = station_of(dataset)
    assert station is not None, dataset
    project_folder = folder_of(station)
    folders = [
        project_folder,
        *(mirror / below / project_folder.name for mirror in mirrors() for below in (".", "radar")),
    ]
    for folder in folders:
        if files := day_files(folder, station):
            return files
    raise UserError(
        f"{dataset}: no day in {project_folder} nor in a folder {project_folder.name} of {MIRROR_VARIABLE}; the "
        f"archive is too large to fetch whole: `hypernet radar archive --station {station} --from 2013-04-01 "
        "--to 2013-10-31` fetches it volume by volume, about 60 GB a year (--dry-run says how much), of which 0.2 GB "
        "are kept"
    )
