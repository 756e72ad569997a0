"""Directivities from files: tables of amplitudes (.npz), and head-related transfer functions (.sofa).

An .npz file has ``freq_hz`` [F], ``azimuth_deg`` [A] (positive to the bat's left), ``elevation_deg`` [E] and the linear
amplitudes ``left``, ``right`` and perhaps ``nose``, each [F, E, A]. A .sofa file has impulse responses of two receivers
(AES69-2022, conventions FreeFieldHRIR and SimpleFreeFieldHRIR) for directions of the source; their azimuths run to the
left as ours do. The directions need not lie on a grid: amplitudes are interpolated onto one, in decibels. They are
those over the file's largest, since files differ in what 1 is; times of arrival are not taken, the ears' places give
them.
"""

from __future__ import annotations

import warnings
import zipfile
from pathlib import Path

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.libraries import library
from hypernet.sonar.core.directivity import Table
from hypernet.sonar.sources.hdf5 import opened

FORMATS = (".npz", ".sofa")
LARGEST = 256 << 20
# Grid onto which scattered directions are brought, degrees, and frequencies of an impulse response that are kept.
STEP_DEG, MOST_FREQUENCIES = 5.0, 256
# Below the largest amplitude, dB: zeros have no logarithm.
FLOOR_DB = -80.0
_AXES = ("freq_hz", "azimuth_deg", "elevation_deg")


def read_directivity(path: Path | str) -> dict[str, Table]:
    """The tables of a file: ``left`` and ``right`` ear, and ``nose`` where there is one.

    Args:
        path: .npz or .sofa.

    Raises:
        UserError: another format, damaged, or without what is needed.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise UserError(f"{path}: not a table of directivities; accepted are {', '.join(FORMATS)}")
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    return _of_npz(path) if suffix == ".npz" else _of_sofa(path)


def _of_npz(path: Path) -> dict[str, Table]:
    arrays = _arrays(path)
    missing = [name for name in (*_AXES, "left", "right") if name not in arrays]
    if missing:
        raise UserError(
            f"{path}: no array {', '.join(missing)} (it holds {', '.join(sorted(arrays))[:80] or 'nothing'})"
        )
    frequencies, azimuths, elevations = (arrays[name] for name in _AXES)
    return {
        name: Table(frequencies, azimuths, elevations, arrays[name], title=f"{path.name} ({name})")
        for name in ("left", "right", "nose")
        if name in arrays
    }


def _arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an .npz file; nothing in it is run, and what it unpacks to is limited."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if sum(member.file_size for member in members) > LARGEST:
                raise UserError(f"{path}: unpacks to more than {LARGEST >> 20} MiB, the most that a table may have")
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise UserError(f"{path}: not a whole .npz file of numbers ({' '.join(str(error).split())[:120]})") from None
    for name, array in arrays.items():
        if array.dtype.kind not in "iuf":
            raise UserError(f"{path}: {name} is not of numbers")
    return arrays


def _of_sofa(path: Path) -> dict[str, Table]:
    # The library reads all that a file claims to hold.
    with opened(path, "SOFA") as file:
        if "Data.IR" not in file:
            raise UserError(f"{path}: no impulse responses (Data.IR); accepted is the convention FreeFieldHRIR")
    sofar = library("sofar", "sofar", "sonar")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            head = sofar.read_sofa(str(path), verify=False, verbose=False)
        responses = np.asarray(head.Data_IR, dtype=np.float64)
        rate = float(np.ravel(head.Data_SamplingRate)[0])
        sources = np.atleast_2d(np.asarray(head.SourcePosition, dtype=np.float64))
        spherical = str(head.SourcePosition_Type).lower().startswith("spherical")
        sides = np.asarray(head.ReceiverPosition, dtype=np.float64).reshape(len(head.ReceiverPosition), 3, -1)[:, 1, 0]
    except Exception as error:  # the library raises many over files of other forms
        raise UserError(f"{path}: cannot be read as SOFA ({' '.join(str(error).split())[:120]})") from None
    if responses.ndim == 4:
        responses = responses[..., 0]
    if responses.ndim != 3 or responses.shape[1] != 2 or len(responses) != len(sources) or len(sources) < 4:
        raise UserError(
            f"{path}: impulse responses {list(responses.shape)} of {len(sources)} directions; accepted are those of "
            "two receivers for four directions or more"
        )
    if not (np.isfinite(responses).all() and np.isfinite(sources).all() and 1000 <= rate <= 1e8):
        raise UserError(f"{path}: numbers that are not finite, or {rate:g} samples a second")
    if not spherical:
        level = np.hypot(sources[:, 0], sources[:, 1])
        azimuths = np.degrees(np.arctan2(sources[:, 1], sources[:, 0]))
        elevations = np.degrees(np.arctan2(sources[:, 2], level))
    else:
        azimuths, elevations = sources[:, 0], sources[:, 1]
    frequencies, amplitudes = _spectra(responses, rate)
    # The receiver with the larger y is the left one; files that say nothing have it first.
    order = (0, 1) if sides[0] >= sides[-1] else (1, 0)
    grid_azimuths, grid_elevations, planes = _on_a_grid(azimuths, elevations, amplitudes)
    return {
        name: Table(frequencies, grid_azimuths, grid_elevations, planes[ear], title=f"{path.name} ({name})")
        for name, ear in zip(("left", "right"), order, strict=True)
    }


def _spectra(responses: np.ndarray, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies ``[F]`` and amplitudes ``[direction, ear, F]`` over the largest of all."""
    length = responses.shape[-1]
    size = np.abs(np.fft.rfft(responses, axis=-1))
    frequencies = np.fft.rfftfreq(length, 1 / rate)
    if not size.max() > 0:
        raise UserError("the impulse responses are all 0")
    keep = np.unique(np.linspace(0, len(frequencies) - 1, min(len(frequencies), MOST_FREQUENCIES)).round().astype(int))
    return frequencies[keep], size[..., keep] / size[..., keep].max()


def _on_a_grid(
    azimuths: np.ndarray, elevations: np.ndarray, amplitudes: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Amplitudes on a grid all around, ``[ear, F, E, A]``, from directions anywhere, ``[direction, ear, F]``.

    Between measured directions they are interpolated over the triangles of a sphere, in decibels; where nothing was
    measured (mostly below the head) the nearest direction holds.
    """
    from scipy.interpolate import LinearNDInterpolator, NearestNDInterpolator

    wrapped = (azimuths + 180) % 360 - 180
    levels = 20 * np.log10(np.maximum(amplitudes, 10 ** (FLOOR_DB / 20))).reshape(len(azimuths), -1)
    # Three copies side by side, so that the interpolation passes over the seam at 180 degrees.
    around = np.concatenate([np.stack([wrapped + turn, elevations], 1) for turn in (-360, 0, 360)])
    values = np.tile(levels, (3, 1))
    grid_azimuths = np.arange(-180, 180, STEP_DEG)
    lowest, highest = max(-90.0, float(elevations.min())), min(90.0, float(elevations.max()))
    count = max(2, round((highest - lowest) / STEP_DEG) + 1) if highest > lowest else 1
    grid_elevations = np.linspace(lowest, highest, count)
    wanted = np.stack(np.meshgrid(grid_azimuths, grid_elevations), axis=-1).reshape(-1, 2)
    grid = np.full((len(wanted), levels.shape[1]), np.nan)
    if count > 1:
        grid = LinearNDInterpolator(around, values)(wanted)
    empty = np.isnan(grid).any(axis=1)
    if empty.any():
        unit = _unit(np.radians(wrapped), np.radians(elevations))
        grid[empty] = NearestNDInterpolator(unit, levels)(_unit(*np.radians(wanted[empty]).T))
    shape = (count, len(grid_azimuths), amplitudes.shape[1], amplitudes.shape[2])
    return grid_azimuths, grid_elevations, 10 ** (grid.reshape(shape).transpose(2, 3, 0, 1) / 20)


def _unit(azimuths: np.ndarray, elevations: np.ndarray) -> np.ndarray:
    level = np.cos(elevations)
    return np.stack([level * np.cos(azimuths), level * np.sin(azimuths), np.sin(elevations)], axis=1)
