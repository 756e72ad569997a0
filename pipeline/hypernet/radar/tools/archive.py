"""Fetch NEXRAD Level II volumes of one radar, keep the grey levels of its lowest sweep, a file for each day."""

from __future__ import annotations

import argparse
import datetime
import os
import re
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.libraries import library
from hypernet.lab.progress import Progress
from hypernet.radar.core.frames import quantised, to_grey
from hypernet.radar.sources import cf
from hypernet.radar.sources.days import KEPT, MARK_SECONDS, MARK_TOLERANCE_SECONDS, day_file, day_files, folder_of
from hypernet.radar.sources.rainy import same_place, wettest_share
from hypernet.radar.sources.sequences import nearest_to_marks, stacked
from hypernet.radar.sources.volumes import ADDRESS, Bucket, RefusedError, UnreachableError, Volume

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
    time = np.array([volume.time for volume in volumes], dtype="datetime64[s]")
    chosen = nearest_to_marks(time, MARK_SECONDS, MARK_TOLERANCE_SECONDS)
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


@dataclass(frozen=True)
class Survey:
    """What would be fetched.

    Attributes:
        station: four capital letters.
        first: first day (UTC).
        last: last day, itself included.
        folder: where the days are kept.
        wanted: days that are not there yet.
        plans: the volumes to fetch, of those days that have any.
        bucket: where they are.
    """

    station: str
    first: datetime.date
    last: datetime.date
    folder: Path
    wanted: list[datetime.date]
    plans: list[Plan]
    bucket: Bucket

    def __repr__(self) -> str:
        return f"Survey({self.station}, {self.first} to {self.last}, {len(self.wanted)} days to fetch)"

    def __str__(self) -> str:
        return self.summary()

    @property
    def most(self) -> list[Volume]:
        """The volumes to fetch if all days are rainy."""
        return [volume for day_plan in self.plans for volume in day_plan.every]

    @property
    def least(self) -> list[Volume]:
        """The volumes to fetch if no day is rainy: one an hour."""
        return [volume for day_plan in self.plans for volume in day_plan.hourly]

    def summary(self) -> str:
        """Days and volumes with their sizes as the listing has them, a line each."""
        days = (self.last - self.first).days + 1
        present = days - len(self.wanted)
        lines = [
            f"{self.station}, {self.first} to {self.last}: {days} days, {present} of them in {self.folder} already"
        ]
        if len(self.plans) < len(self.wanted):
            lines.append(f"Without any volume in the archive: {len(self.wanted) - len(self.plans)} days")
        if self.plans:
            most, least = (sum(volume.bytes for volume in volumes) for volumes in (self.most, self.least))
            each = f"{most / len(self.most) / 1e6:.1f} MB each"
            lines += [
                f"To fetch at most: {len(self.most):,} volumes, {most / GIGABYTE:.2f} GB ({each})",
                f"To fetch at least, if no day is rainy: one volume an hour, {len(self.least):,}, "
                f"{least / GIGABYTE:.2f} GB",
            ]
        return "\n".join(lines)


@dataclass(frozen=True)
class Archive:
    """The days of a radar after ``archive``.

    Attributes:
        survey: what was to be fetched.
        written: files of the days that were fetched now (CF netCDF, grey levels); empty after a dry run.
        dry_days: number of them with little rain, of which one image an hour is kept.
        skipped: name and reason of each volume that was left out.
        unreadable: days of which no volume could be read; the next call tries them again.
    """

    survey: Survey
    written: tuple[Path, ...] = ()
    dry_days: int = 0
    skipped: tuple[tuple[str, str], ...] = ()
    unreadable: tuple[datetime.date, ...] = ()

    def __repr__(self) -> str:
        surveyed = self.survey
        return f"Archive({surveyed.station}, {surveyed.first} to {surveyed.last}, {len(self.written)} days fetched)"

    @property
    def files(self) -> list[Path]:
        """All days of the radar in the folder, in the order of time."""
        return day_files(self.survey.folder, self.survey.station)


def archive(
    station: str,
    first: str | datetime.date,
    last: str | datetime.date,
    *,
    out: str | Path | None = None,
    address: str = ADDRESS,
    dry_run: bool = False,
) -> Archive:
    """Fetch the NEXRAD Level II volumes of a radar and keep the grey levels of the lowest sweep, a file for each day.

    Days that are there are left as they are, so a call that was interrupted goes on. Of days with little rain one
    volume an hour is fetched. Volumes that are skipped are named on stderr.

    Args:
        station: the radar's four letters, such as KDVN.
        first: first day (UTC), a date or such as 2013-04-01.
        last: last day, itself included; it must be over.
        out: folder for the days; by default data/archive/radar/ and the station in small letters.
        address: of the bucket, http or https.
        dry_run: only list what would be fetched.

    Returns:
        the survey and, unless ``dry_run``, the files.

    Raises:
        UserError: station, dates, folder or address do not fit, the server cannot be reached, or there is no volume
            that can be read.

    Example:
        >>> plan = hypernet.radar.archive("KDVN", "2013-04-01", "2013-04-30", dry_run=True)
        >>> print(plan.survey.summary())
    """
    surveyed = survey(station, first, last, out=out, address=address, dry_run=dry_run)
    return Archive(surveyed) if dry_run else fetch(surveyed)


def survey(
    station: str,
    first: str | datetime.date,
    last: str | datetime.date,
    *,
    out: str | Path | None = None,
    address: str = ADDRESS,
    dry_run: bool = False,
) -> Survey:
    """List the volumes to fetch; arguments and errors are those of ``archive``."""
    station, begin, end = _checked_station(station), _checked_day(first), _checked_day(last)
    if begin > end:
        raise UserError(f"the first day, {begin}, is after the last, {end}")
    today = datetime.datetime.now(datetime.UTC).date()
    if end >= today:
        yesterday = today - datetime.timedelta(days=1)
        raise UserError(f"the last day is {end}; accepted: days that are over (UTC), up to {yesterday}")
    folder = folder_of(station) if out is None else Path(out)
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: this is a file; name a folder")
    bucket = Bucket(address)
    if not dry_run:
        # Found out now, not volume by volume.
        for name in NEEDED:
            library(name, name, "radar")
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise UserError(f"{folder}: nothing can be written there")
    days = [begin + datetime.timedelta(days=number) for number in range((end - begin).days + 1)]
    wanted = [day for day in days if not day_file(folder, station, day).is_file()]
    return Survey(station, begin, end, folder, wanted, _plans(bucket, station, wanted) if wanted else [], bucket)


def fetch(surveyed: Survey) -> Archive:
    """Fetch what was surveyed, day by day; see ``archive``.

    Raises:
        UserError: there is no volume, or none that can be read; the server cannot be reached.
    """
    station, plans, folder = surveyed.station, surveyed.plans, surveyed.folder
    if not surveyed.wanted:
        return Archive(surveyed)
    if not plans:
        address = surveyed.bucket.address
        raise UserError(f"{address}: no volume of {station} from {surveyed.first} to {surveyed.last}")
    progress = Progress(f"{station} volumes", sum(len(day_plan.every) for day_plan in plans), "volumes")
    report, written, unreadable = Report(), [], []
    try:
        for day_plan in plans:
            frames = _day_of(surveyed.bucket, day_plan, report, progress)
            if not frames:
                unreadable.append(day_plan.day)
                continue
            path = day_file(folder, station, day_plan.day)
            cf.write(path, stacked(frames.items()))
            written.append(path)
    finally:
        progress.close()
    if unreadable and not written:
        raise UserError(f"{_unreadable(station, unreadable, len(plans))}; the lines above say why")
    return Archive(surveyed, tuple(written), report.dry, tuple(report.skipped), tuple(unreadable))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``hypernet radar archive``."""
    parser.add_argument("--station", required=True, help="four letters of the radar, such as KDVN")
    parser.add_argument("--from", dest="first", required=True, metavar="DATE", help="first day (UTC), 2013-04-01")
    parser.add_argument("--to", dest="last", required=True, metavar="DATE", help="last day, itself included")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help=f"default: {KEPT}/ and the station in small letters")
    parser.add_argument("--address", default=ADDRESS, metavar="URL", help=f"of the bucket; default: {ADDRESS}")
    parser.add_argument("--dry-run", action="store_true", help="say what would be fetched, fetch nothing")


def run(arguments: argparse.Namespace) -> None:
    """List the days, say how much it is, then fetch day by day."""
    surveyed = survey(
        arguments.station,
        arguments.first,
        arguments.last,
        out=arguments.out,
        address=arguments.address,
        dry_run=arguments.dry_run,
    )
    print(surveyed.summary(), flush=True)
    if arguments.dry_run or not surveyed.wanted:
        return
    try:
        done = fetch(surveyed)
    except UnreachableError as error:
        raise UserError(f"{error}; the same command goes on from here") from None
    print(
        f"Written: {len(done.written)} days in {surveyed.folder}, {done.dry_days} of them with little rain and one "
        f"image an hour; {len(done.skipped)} volumes skipped"
    )
    if done.unreadable:
        message = _unreadable(surveyed.station, done.unreadable, len(surveyed.plans))
        print(f"{message}; the same command tries them again", file=sys.stderr)


def _checked_station(text: str) -> str:
    if re.fullmatch(r"[A-Za-z][A-Za-z0-9]{3}", text, re.ASCII):
        return text.upper()
    raise UserError(f"station {text!r} is not the four letters of a radar, such as KDVN")


def _checked_day(day: str | datetime.date) -> datetime.date:
    if isinstance(day, datetime.date):
        return day.date() if isinstance(day, datetime.datetime) else day
    try:
        return datetime.datetime.strptime(day, "%Y-%m-%d").date()
    except ValueError:
        raise UserError(f"{day!r} is not a date such as 2013-04-01") from None


def _unreadable(station: str, days: Sequence[datetime.date], of: int) -> str:
    named = ", ".join(map(str, days[:3])) + (", ..." if len(days) > 3 else "")
    return f"{station}: no volume could be read of {len(days)} of {of} days ({named})"


@dataclass
class Report:
    """What became of the volumes so far."""

    dry: int = 0
    skipped: list[tuple[str, str]] = field(default_factory=list)

    def skip(self, name: str, reason: object) -> None:
        """Note a volume that is left out, and say why."""
        self.skipped.append((name, str(reason)))
        print(f"Skipped {name}: {reason}", file=sys.stderr, flush=True)


def _day_of(bucket: Bucket, day_plan: Plan, report: Report, progress: Progress) -> dict[str, Frame]:
    """The images of a day by their volumes' names; of a day with little rain one an hour."""
    frames: dict[str, Frame] = {}
    _add(bucket, day_plan.hourly, frames, report, progress, str(day_plan.day))
    grey = np.array([quantised(to_grey(frame.dbz)) for frame in frames.values()])
    # Where no hourly volume could be read, nothing is known of the rain.
    if frames and wettest_share(grey) < PROBE_WET_SHARE:
        report.dry += 1
        progress.advance(len(day_plan.others), str(day_plan.day))
    else:
        _add(bucket, day_plan.others, frames, report, progress, str(day_plan.day))
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
    if any(other.time == frame.time for other in known):
        raise UnusableError(f"another volume has the same time, {frame.time}")
    if not known:
        return frame
    if not same_place(known[0].projection, frame.projection):
        raise UnusableError(f"the radar stands elsewhere than an hour ago: {frame.projection}")
    return replace(frame, projection=known[0].projection)
