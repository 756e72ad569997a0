"""From rays and gates around a radar to pixels: clutter removed and gridded with wradlib."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hypernet.lab.libraries import library

REACH_METRES = 180_000
PIXEL_METRES = 1000
SIZE = 250
# What stands for "no echo" in the clutter filter, which wants numbers everywhere.
NO_ECHO_DBZ = -33.0
# wsize, tr1, n_p, tr2 of Gabella and Notarpietro, ERAD 2002, as wradlib's documentation sets them.
GABELLA = {"wsize": 5, "thrsnorain": 0.0, "tr1": 6.0, "n_p": 6, "tr2": 1.3, "rm_nans": False}
# Rays of two volumes that point within this many degrees of each other are the same scan: at 125 km, 220 m.
SAME_DEGREES = 0.1


def pixel_places() -> tuple[np.ndarray, np.ndarray]:
    """x rising and y falling, metres from the radar, ``[250]`` each."""
    x = (np.arange(SIZE) - (SIZE - 1) / 2) * PIXEL_METRES
    return x, -x


def is_clutter(reflectivity: Any) -> np.ndarray:
    """Which gates show something that is no rain, bool ``[azimuth, range]`` (filter of Gabella and Notarpietro)."""
    library("wradlib", "wradlib", "radar")
    return reflectivity.fillna(NO_ECHO_DBZ).wrl.classify.filter_gabella(**GABELLA).values.astype(bool)


@dataclass
class Gridding:
    """Which gate is nearest to each pixel; found by wradlib once for each scan geometry, then used again.

    Building it takes as long as reading a sweep does. A radar repeats a few scans for years, its rays never at
    exactly the same azimuths; so a geometry counts as known when the elevation and all azimuths agree within 0.1
    degrees.
    """

    known: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)
    most: int = 8

    def gates(self, sweep: Any) -> np.ndarray:
        """Numbers of gates in the flattened sweep, int ``[250, 250]``.

        Args:
            sweep: dataset with azimuth, elevation, range and the site, sorted by azimuth.
        """
        geometry = np.concatenate([sweep.azimuth.values, sweep.elevation.values, sweep["range"].values / 1000])
        for known, gates in self.known:
            if known.shape == geometry.shape and np.abs(known - geometry).max() <= SAME_DEGREES:
                return gates
        gates = nearest_gates(sweep)
        self.known = [*self.known[1 - self.most :], (geometry, gates)]
        return gates


def nearest_gates(sweep: Any) -> np.ndarray:
    """The gate nearest to each pixel, int ``[250, 250]``, by wradlib's georeference and ``togrid``."""
    wradlib, xarray = library("wradlib", "wradlib", "radar"), library("xarray", "xarray", "radar")
    x, y = pixel_places()
    shape = (sweep.sizes["azimuth"], sweep.sizes["range"])
    numbers = np.arange(shape[0] * shape[1], dtype=np.float64).reshape(shape)
    placed = sweep.assign(gate=(("azimuth", "range"), numbers)).wrl.georef.georeference()
    grid = xarray.Dataset(coords={"x": ("x", x), "y": ("y", y)})
    reached = placed.gate.wrl.comp.togrid(
        grid, radius=float(REACH_METRES), center=(0, 0), interpol=wradlib.ipol.Nearest
    )
    return reached.transpose("y", "x").values.astype(np.int64)
