"""Fetch NEXRAD Level II volumes of one radar, keep the grey levels of its lowest sweep, a file for each day."""

from __future__ import annotations

import argparse
import datetime
import os
import re
import sys
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.libraries import library
from hypernet.lab.progress import Progress
from hypernet.radar.core.frames import quantised, to_gray
from hypernet.radar.sources import cf
from hypernet.radar.sources.days import KEPT, day_file, folder_of
from hypernet.radar.sources.rainy import same_place, wettest_share
from hypernet.radar.sources.sequences import nearest_to_marks, stacked
from hypernet.radar.sources.volumes import ADDRESS, Bucket, RefusedError, Volume

if TYPE_CHECKING:
    from hypernet.radar.sources.readers.common import Frame

# Of each day one volume an hour is fetched first. A day on which none of them is wet on a twentieth of the pixels has
# hardly an image that is wet on a tenth, which the protocol asks for; the rest of such a day is not fetched.
HOUR_SECONDS = 3600
PROBE_WET_SHARE = 0.05
# A volume whose data are of another time than its name says is damaged.
MOST_SECONDS_OFF = 900
GIGABYTE = 1e9
NEEDED = ("xradar", "wradlib", "xarray", "h5netcdf", "pyproj")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``hypernet radar archive``."""
    parser.add_argument("--station", type=_station, required=True, help="four letters of the radar, such as KDVN")
    parser.add_argument("--from", dest="first", type=_day, required=True, metavar="DATE", help="first day, 2013-04-01")
    parser.add_argument("--to", dest="last", type=_day, required=True, metavar="DATE", help="last day, itself included")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help=f"default: {KEPT}/ and the station in small letters")
    parser.add_argument("--address", default=ADDRESS, metavar="URL", help=f"of the bucket; default: {ADDRESS}")
    parser.add_argument("--dry-run", action="store_true", help="say what would be fetched, fetch nothing")


def _station(text: str) -> str:
    if re.fullmatch(r"[A-Za-z][A-Za-z0-9]{3}", text, re.ASCII):
        return text.upper()
    raise argparse.ArgumentTypeError(f"{text!r} is not the four letters of a radar, such as KDVN")


def _day(text: str) -> datetime.date:
    try:
        return datetime.datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date such as 2013-04-01") from None


def run(arguments: argparse.Namespace) -> None:
    """List the days, say how much it is, then fetch day by day; days that stand are left as they are.

    Raises:
        UserError: dates or folder do not fit, the server cannot be reached, or there is no volume that can be read.
    """
    first, last, station = arguments.first, arguments.last, arguments.station
    if first > last:
        raise UserError(f"--from {first} is after --to {last}")
    today = datetime.datetime.now(datetime.UTC).date()
    if last >= today:
        raise UserError(f"--to {last}: accepted: days that are over (UTC), up to {today - datetime.timedelta(days=1)}")
    out = arguments.out or folder_of(station)
    if out.exists() and not out.is_dir():
        raise UserError(f"--out {out}: this is a file; name a folder")
    bucket = Bucket(arguments.address)
    if not arguments.dry_run:
        # Found out now, not volume by volume.
        for name in NEEDED:
            library(name, name, "radar")
        out.mkdir(parents=True, exist_ok=True)
        if not os.access(out, os.W_OK | os.X_OK):
            raise UserError(f"--out {out}: nothing can be written there")
    days = [first + datetime.timedelta(days=number) for number in range((last - first).days + 1)]
    wanted = [day for day in days if not day_file(out, station, day).is_file()]
    print(f"{station}, {first} to {last}: {len(days)} days, {len(days) - len(wanted)} of them in {out} already")
    if not wanted:
        return
    plans = _plans(bucket, station, wanted)
    for line in _estimate(plans, len(wanted)):
        print(line, flush=True)
    if arguments.dry_run:
        return
    if not plans:
        raise UserError(f"{bucket.address}: no volume of {station} from {first} to {last}")
    _fetch(bucket, station, plans, out)


@dataclass(frozen=True)
class Plan:
    """Volumes of a day: one an hour, which say whether it rains, and the others nearest to each full ten minutes."""

    day: datetime.date
    hourly: list[Volume]
    others: list[Volume]

    @property
    def every(self) -> list[Volume]:
        """All of them, hourly ones first."""
        return self.hourly + self.others


def plan(day: datetime.date, volumes: list[Volume]) -> Plan:
    """Choose volumes of a day by the times in their names."""
    time = np.array([one.time for one in volumes], dtype="datetime64[s]")
    chosen = nearest_to_marks(time)
    hourly = set(nearest_to_marks(time[chosen], HOUR_SECONDS, HOUR_SECONDS // 2).tolist())
    parted: tuple[list[Volume], list[Volume]] = ([], [])
    for place, number in enumerate(chosen.tolist()):
        parted[place not in hourly].append(volumes[number])
    return Plan(day, *parted)


def _plans(bucket: Bucket, station: str, days: list[datetime.date]) -> list[Plan]:
    progress, plans = Progress("listing", len(days), "days"), []
    for day in days:
        volumes = bucket.volumes(station, day)
        if volumes:
            plans.append(plan(day, volumes))
        progress.advance(1)
    progress.close()
    return plans


def _estimate(plans: list[Plan], days: int) -> list[str]:
    """What is to come, in words: the sizes are those of the listing."""
    every = [one for own in plans for one in own.every]
    hourly = [one for own in plans for one in own.hourly]
    most, least = (sum(one.bytes for one in part) for part in (every, hourly))
    lines = [f"Without any volume in the archive: {days - len(plans)} days"] if len(plans) < days else []
    if every:
        each = f"{most / len(every) / 1e6:.1f} MB each"
        lines += [
            f"To fetch at most: {len(every):,} volumes, {most / GIGABYTE:.2f} GB ({each})",
            f"To fetch at least, if no day is rainy: one volume an hour, {len(hourly):,}, {least / GIGABYTE:.2f} GB",
        ]
    return lines


@dataclass
class Report:
    """What became of the volumes."""

    written: int = 0
    dry: int = 0
    unreadable: list[datetime.date] = field(default_factory=list)
    skipped: int = 0

    def skip(self, name: str, reason: object) -> None:
        """Note a volume that is left out, and say why."""
        self.skipped += 1
        print(f"Skipped {name}: {reason}", file=sys.stderr, flush=True)


def _fetch(bucket: Bucket, station: str, plans: list[Plan], out: Path) -> None:
    progress = Progress(f"{station} volumes", sum(len(own.every) for own in plans), "volumes")
    report = Report()
    try:
        for own in plans:
            frames = _day_of(bucket, own, report, progress)
            if not frames:
                report.unreadable.append(own.day)
                continue
            cf.write(day_file(out, station, own.day), stacked(frames.items()))
            report.written += 1
    finally:
        progress.close()
    print(
        f"Written: {report.written} days in {out}, {report.dry} of them with little rain and one image an hour; "
        f"{report.skipped} volumes skipped"
    )
    if report.unreadable:
        named = ", ".join(str(one) for one in report.unreadable[:3]) + (", ..." if len(report.unreadable) > 3 else "")
        said = f"{station}: no volume could be read of {len(report.unreadable)} of {len(plans)} days ({named})"
        if not report.written:
            raise UserError(f"{said}; the lines above say why")
        print(f"{said}; the same command tries them again", file=sys.stderr)


def _day_of(bucket: Bucket, own: Plan, report: Report, progress: Progress) -> dict[str, Frame]:
    """The images of a day by their volumes' names; of a day with little rain one an hour."""
    frames: dict[str, Frame] = {}
    _add(bucket, own.hourly, frames, report, progress, str(own.day))
    gray = np.array([quantised(to_gray(one.dbz)) for one in frames.values()])
    # Where no hourly volume could be read, nothing is known of the rain.
    if frames and wettest_share(gray) < PROBE_WET_SHARE:
        report.dry += 1
        progress.advance(len(own.others), str(own.day))
    else:
        _add(bucket, own.others, frames, report, progress, str(own.day))
    return frames


def _add(
    bucket: Bucket, volumes: list[Volume], frames: dict[str, Frame], report: Report, progress: Progress, note: str
) -> None:
    """Fetch and read volumes one after the other; each is deleted as soon as it is read."""
    with tempfile.TemporaryDirectory(prefix="hypernet-radar-") as folder:
        for volume in volumes:
            path = Path(folder) / volume.name
            try:
                bucket.fetch(volume, path)
                frames[volume.name] = _fitting(read_volume(path), volume, list(frames.values()))
            except (RefusedError, UnusableError) as error:
                report.skip(volume.name, error)
            path.unlink(missing_ok=True)
            progress.advance(1, note)


class UnusableError(Exception):
    """One volume that is left out."""


def read_volume(path: Path) -> Frame:
    """The lowest sweep of a volume on the grid.

    Raises:
        UnusableError: it is damaged in any way.
    """
    from hypernet.radar.sources.readers import nexrad

    try:
        return nexrad.read(path)
    except UserError as error:
        raise UnusableError(str(error).removeprefix(f"{path}: ")) from None


def _fitting(frame: Frame, volume: Volume, known: list[Frame]) -> Frame:
    """The image, on the grid of those before it.

    Raises:
        UnusableError: it is of another time, or the radar stands elsewhere.
    """
    if abs(frame.time - volume.time) > np.timedelta64(MOST_SECONDS_OFF, "s"):
        raise UnusableError(f"its data are of {frame.time}")
    if any(one.time == frame.time for one in known):
        raise UnusableError(f"another volume has the same time, {frame.time}")
    if not known:
        return frame
    if not same_place(known[0].projection, frame.projection):
        raise UnusableError(f"the radar stands elsewhere than an hour ago: {frame.projection}")
    return replace(frame, projection=known[0].projection)
