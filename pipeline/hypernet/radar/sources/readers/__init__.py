"""Files of weather services: which format a file has is seen from its content, not from its name.

A new format is a module with ``read(path) -> Frame``, its row in ``FORMATS``, the first bytes that tell it in
``format_of``, and its name for people in ``ACCEPTED``. Pictures say neither what their colours mean nor where they are:
they are read as a set, with ``PictureSettings``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.radar.core.frames import Sequence
from hypernet.radar.sources.pictures import PictureSettings
from hypernet.radar.sources.readers import bom, fmi, knmi, mch, netcdf, nexrad, odim, painted, scans
from hypernet.radar.sources.readers.common import BROKEN, HDF5, Frame
from hypernet.radar.sources.readers.hdf5 import opened
from hypernet.radar.sources.readers.packing import head
from hypernet.radar.sources.sequences import cadence_seconds, stacked

GIF, PNG, NETCDF3 = b"GIF8", b"\x89PNG\r\n\x1a\n", b"CDF"
FORMATS: dict[str, Callable[[Path], list[Frame]]] = {
    "fmi": lambda path: [fmi.read(path)],
    "knmi": lambda path: [knmi.read(path)],
    "bom": lambda path: [bom.read(path)],
    "mch": lambda path: [mch.read(path)],
    "nexrad": lambda path: [nexrad.read(path)],
    "odim": lambda path: [scans.read(path) if odim.product_of(path) in scans.POLAR else odim.read(path)],
    "netcdf": netcdf.read_all,
}
AUTO, PICTURES = "auto", "pictures"
ACCEPTED = (
    "FMI PGM, KNMI HDF5, ODIM_H5, netCDF, BoM Rainfields, MeteoSwiss GIF, NEXRAD Level II; also packed by gzip, bzip2 "
    "or zip; GIF and PNG with a palette"
)


def format_of(path: Path) -> str:
    """The format of a file, a key of ``FORMATS``.

    Raises:
        UserError: it cannot be read, or is none of them.
    """
    path = Path(path)
    first = head(path)
    if first.startswith(b"P5"):
        return "fmi"
    if first.startswith(GIF):
        return "mch"
    if first.startswith(nexrad.MAGIC):
        return "nexrad"
    if first.startswith(NETCDF3):
        return "netcdf"
    if first.startswith(HDF5):
        return _kind_of_hdf5(path)
    if first.startswith(PNG):
        raise UserError(f"{path}: a picture does not say what its colours mean; accepted: pictures with a palette")
    raise UserError(f"{path}: {'empty' if not first else 'not a radar file known here'}; accepted: {ACCEPTED}")


def _kind_of_hdf5(path: Path) -> str:
    with opened(path, "HDF5") as file:
        if odim.is_odim(file):
            return "odim"
        if "image1" in file and "overview" in file:
            return "knmi"
        return "bom" if all(name in file for name in bom.NEEDED) else "netcdf"


def read_frames(path: Path, form: str = AUTO) -> list[Frame]:
    """The images of one file; all formats but netCDF hold one.

    Raises:
        UserError: it cannot be read, or is damaged.
    """
    path = Path(path)
    form = format_of(path) if form == AUTO else form
    return _whole(path, form, FORMATS[form])


def _whole(path: Path, form: str, read: Callable[[Path], list[Frame]]) -> list[Frame]:
    try:
        return read(path)
    except BROKEN as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:160]
        # The cause stays: `--debug` shows it.
        raise UserError(f"{path}: damaged, or of another form than {form} files have ({reason})") from error


def read_files(
    paths: str | Path | Iterable[str | Path], *, form: str = AUTO, pictures: PictureSettings | None = None
) -> Sequence:
    """Read files of any formats into one sequence, in the order of the times in the data.

    What a reader takes for granted (a level, a duration, a plane for degrees) is printed once, and stands in the
    sequence's attribute ``comment``.

    Args:
        paths: of a file, or of several; for pictures also of a folder of them.
        form: ``auto``, the content says it; a key of ``FORMATS``; or ``pictures``.
        pictures: what colours and names of pictures mean; given, ``auto`` takes all files for pictures.

    Raises:
        UserError: a file cannot be read; two images have one time; images lie on different grids; there is none.

    Example:
        >>> settings = PictureSettings(palette="palette.csv", time_pattern=r"(\\d{8})_(\\d{4})", pixel_km=2.0)
        >>> read_files("pictures", form="pictures", pictures=settings)
    """
    if form not in (AUTO, *FORMATS, PICTURES):
        raise UserError(f"form {form!r}; accepted: {', '.join((AUTO, *FORMATS, PICTURES))}")
    files, notes = paths_of(paths), dict[str, str]()
    if form == PICTURES or (form == AUTO and pictures is not None):
        if pictures is None:
            raise UserError("pictures do not say what their colours mean; accepted: with PictureSettings(palette=...)")
        sequence, of_all = painted.read_all(files, pictures)
        notes = dict.fromkeys(of_all, str(files[0]))
    else:
        sequence = stacked(_noted(_frames(files, form), notes))
    if not notes:
        return sequence
    for note, name in notes.items():
        print(f"{name}: {note}", file=sys.stderr)
    comment = "; ".join(filter(None, [str(sequence.attributes.get("comment", "")), *notes]))
    return replace(sequence, attributes={**sequence.attributes, "comment": comment})


def _frames(paths: list[Path], form: str) -> Iterator[tuple[str, Frame]]:
    """All images of files, each with its file's name."""
    seconds: float | None = None
    for path in paths:
        chosen = format_of(path) if form == AUTO else form
        try:
            frames = read_frames(path, chosen)
        except netcdf.NoDurationError:
            if len(paths) < 2:
                raise
            # Rain in mm, one image to a file: as long as the images are apart.
            if seconds is None:
                seconds = cadence_seconds(np.unique(np.concatenate([netcdf.times_of(other) for other in paths])))
            frames = _whole(path, chosen, partial(netcdf.read_all, seconds=seconds))
        yield from ((str(path), frame) for frame in frames)


def _noted(frames: Iterable[tuple[str, Frame]], notes: dict[str, str]) -> Iterator[tuple[str, Frame]]:
    """The same; of each note the first file's name is kept in ``notes``."""
    for name, frame in frames:
        for note in frame.notes:
            notes.setdefault(note, name)
        yield name, frame


def paths_of(files: object) -> list[Path]:
    """The paths of a file or of several.

    Raises:
        UserError: there is something else among them, such as an array.
    """
    several = files if isinstance(files, Iterable) and not isinstance(files, str) else [files]
    paths = []
    for path in several:
        if not isinstance(path, str | Path):
            # An array is iterable too: name it, and not its rows.
            given = type(files if hasattr(files, "shape") else path).__name__
            raise UserError(f"files: {given} is no path; accepted: paths of radar files")
        paths.append(Path(path))
    return paths
