"""The echoes of a data set as a netCDF file that xarray opens: echo (object, view, pair, ear, time), in Pa."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hypernet.lab.libraries import library

PAIRS, MICROPHONES = ("object", "view", "pair", "ear", "time"), ("object", "view", "microphone", "time")


class EchoArchive:
    """Writes echoes object by object; never more than one object's in memory.

    Args:
        path: of the file.
        names: class and id of every object.
        pairs: shape of an object's echoes at the ears of all heads, ``(V, P, 2, T)``.
        microphones: number of further microphones.
        attributes: what the file says of its scene: numbers and text.
        head_angles: yaw, pitch and roll of every head in degrees, ``[P, 3]``.
    """

    def __init__(
        self,
        path: Path,
        names: Sequence[tuple[str, str]],
        pairs: tuple[int, int, int, int],
        microphones: int,
        attributes: Mapping[str, Any],
        head_angles: Sequence[Sequence[float]],
    ):
        netcdf = library("h5netcdf", "h5netcdf", "sonar")
        views, heads, ears, samples = pairs
        self.file = netcdf.File(path, "w")
        self.file.dimensions = {
            "object": len(names),
            "view": views,
            "pair": heads,
            "ear": ears,
            "time": samples,
            "angle": 3,
            **({"microphone": microphones} if microphones else {}),
        }
        for place, (column, unit) in enumerate((("class", "name of the class"), ("identity", "name of the object"))):
            texts = np.array([name[place] for name in names], dtype=object)
            self._variable(column, ("object",), texts, long_name=unit)
        angles = np.asarray(head_angles, dtype=np.float64)
        self._variable("head_angles", ("pair", "angle"), angles, units="degree", long_name="yaw, pitch, roll")
        self.azimuths = self.file.create_variable("azimuth", ("object", "view"), "f4")
        self.azimuths.attrs["units"] = "degree"
        self.echoes = self.file.create_variable("echo", PAIRS, "f4")
        self.echoes.attrs["units"] = "Pa"
        self.aside = None
        if microphones:
            self.aside = self.file.create_variable("microphone_echo", MICROPHONES, "f4")
            self.aside.attrs["units"] = "Pa"
        self.file.attrs.update(dict(attributes))
        self.place = 0

    def _variable(self, name: str, dimensions: tuple[str, ...], values: np.ndarray, **attributes: str) -> None:
        h5py = library("h5py", "h5py", "sonar")
        stored_as = h5py.string_dtype() if values.dtype == object else values.dtype
        variable = self.file.create_variable(name, dimensions, stored_as, data=values)
        variable.attrs.update(attributes)

    def add(self, azimuths: np.ndarray, echoes: np.ndarray, aside: np.ndarray) -> None:
        """Write the next object's: azimuths ``[V]``, echoes ``[V, P, 2, T]``, microphones ``[V, M, T]``."""
        self.azimuths[self.place] = azimuths
        self.echoes[self.place] = echoes
        if self.aside is not None:
            self.aside[self.place] = aside
        self.place += 1

    def close(self) -> None:
        """Bring everything to the disk."""
        self.file.close()


def stored(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a file of :class:`EchoArchive`, float32: ``echo``, ``azimuth`` and perhaps ``microphone_echo``.

    They are stored as they are in memory, so they stay on the disk until they are looked at.
    """
    h5py = library("h5py", "h5py", "sonar")
    arrays: dict[str, np.ndarray] = {}
    with h5py.File(path, "r") as file:
        for name in ("echo", "azimuth", "microphone_echo"):
            if name in file:
                variable = file[name]
                place = variable.id.get_offset()
                assert place is not None, f"{path}: {name} is not stored as one block"
                arrays[name] = np.memmap(path, variable.dtype, "r", place, variable.shape)
    return arrays
