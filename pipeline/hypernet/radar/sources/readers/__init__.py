"""Files of weather services: which format a file has is seen from its content, not from its name.

A new format is a module with ``read(path) -> Frame``, its row in ``FORMATS``, the first bytes that tell it in
``format_of``, and its name for people in ``ACCEPTED``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from hypernet.lab.errors import UserError
from hypernet.radar.core.frames import Sequence
from hypernet.radar.sources.readers import bom, fmi, knmi, mch, netcdf, nexrad, odim
from hypernet.radar.sources.readers.common import BROKEN, HDF5, Frame, head
from hypernet.radar.sources.readers.hdf5 import opened, plain
from hypernet.radar.sources.sequences import stacked

GIF, NETCDF3 = b"GIF8", b"CDF"
FORMATS: dict[str, Callable[[Path], list[Frame]]] = {
    "fmi": lambda path: [fmi.read(path)],
    "knmi": lambda path: [knmi.read(path)],
    "bom": lambda path: [bom.read(path)],
    "mch": lambda path: [mch.read(path)],
    "nexrad": lambda path: [nexrad.read(path)],
    "odim": lambda path: [odim.read(path)],
    "netcdf": netcdf.read_all,
}
ACCEPTED = "FMI PGM, KNMI HDF5, ODIM_H5 images, netCDF, BoM Rainfields, MeteoSwiss GIF, NEXRAD Level II; also gzip"


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
    raise UserError(f"{path}: {'empty' if not first else 'not a radar file known here'}; accepted: {ACCEPTED}")


def _kind_of_hdf5(path: Path) -> str:
    with opened(path, "HDF5") as file:
        if str(plain(file.attrs.get("Conventions", ""))).startswith("ODIM_H5"):
            return "odim"
        if "image1" in file and "overview" in file:
            return "knmi"
        return "bom" if all(name in file for name in bom.NEEDED) else "netcdf"


def read_frames(path: Path) -> list[Frame]:
    """The images of one file; all formats but netCDF hold one.

    Raises:
        UserError: it cannot be read, or is damaged.
    """
    form = format_of(path)
    try:
        return FORMATS[form](Path(path))
    except BROKEN as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:160]
        # The cause stays: `--debug` shows it.
        raise UserError(f"{path}: damaged, or of another form than {form} files have ({reason})") from error


def read_files(paths: str | Path | Iterable[str | Path]) -> Sequence:
    """Read files of any formats into one sequence, in the order of the times in the data.

    Args:
        paths: of a file, or of several.

    Raises:
        UserError: a file cannot be read; two images have one time; images lie on different grids; there is none.
    """
    return stacked((str(path), frame) for path in paths_of(paths) for frame in read_frames(path))


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
