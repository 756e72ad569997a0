"""From rays and gates around a radar to pixels: clutter removed and gridded with wradlib."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hypernet.lab.libraries import library

# What stands for "no echo" in the clutter filter, which wants numbers everywhere.
NO_ECHO_DBZ = -33.0
# wsize, tr1, n_p, tr2 of Gabella and Notarpietro, ERAD 2002, as wradlib's documentation sets them.
GABELLA = {"wsize": 5, "thrsnorain": 0.0, "tr1": 6.0, "n_p": 6, "tr2": 1.3, "rm_nans": False}
# Rays of two volumes that point within this many degrees of each other are the same scan: at 125 km, 220 m.
SAME_DEGREES = 0.1


@dataclass(frozen=True)
class Square:
    """Pixels around a radar.

    Attributes:
        size: pixels across, even or odd.
        pixel_metres: width and height of a pixel.
    """

    size: int = 250
    pixel_metres: float = 1000.0

    def places(self) -> tuple[np.ndarray, np.ndarray]:
        """x rising and y falling, metres from the radar to the middles of the pixels, ``[size]`` each."""
        x = (np.arange(self.size) - (self.size - 1) / 2) * self.pixel_metres
        return x, -x


def projection_around(latitude: float, longitude: float) -> str:
    """PROJ string of the plane in which distances and directions from the radar are true."""
    return f"+proj=aeqd +lat_0={latitude:.6f} +lon_0={longitude:.6f} +datum=WGS84 +units=m +no_defs"


def widest_gap(azimuth: np.ndarray) -> float:
    """Degrees between neighbouring rays where they are furthest apart; ``azimuth`` rises."""
    return float(np.diff(azimuth, append=azimuth[0] + 360).max())


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

    def gates(self, sweep: Any, square: Square) -> np.ndarray:
        """Numbers of gates in the flattened sweep, int ``[size, size]``.

        Args:
            sweep: dataset with azimuth, elevation, range and the site, sorted by azimuth.
            square: the pixels.
        """
        pixels = [square.size, square.pixel_metres]
        geometry = np.concatenate([sweep.azimuth.values, sweep.elevation.values, sweep["range"].values / 1000, pixels])
        for known, gates in self.known:
            if known.shape == geometry.shape and np.abs(known - geometry).max() <= SAME_DEGREES:
                return gates
        gates = nearest_gates(sweep, square)
        self.known = [*self.known[1 - self.most :], (geometry, gates)]
        return gates


def nearest_gates(sweep: Any, square: Square) -> np.ndarray:
    """The gate nearest to each pixel, int ``[size, size]``, by wradlib's georeference and ``togrid``."""
    wradlib, xarray = library("wradlib", "wradlib", "radar"), library("xarray", "xarray", "radar")
    x, y = square.places()
    shape = (sweep.sizes["azimuth"], sweep.sizes["range"])
    numbers = np.arange(shape[0] * shape[1], dtype=np.float64).reshape(shape)
    placed = sweep.assign(gate=(("azimuth", "range"), numbers)).wrl.georef.georeference()
    grid = xarray.Dataset(coords={"x": ("x", x), "y": ("y", y)})
    # The corners too: who reads leaves out what lies beyond the last gate.
    radius = float(square.size * square.pixel_metres)
    reached = placed.gate.wrl.comp.togrid(grid, radius=radius, center=(0, 0), interpol=wradlib.ipol.Nearest)
    return reached.transpose("y", "x").values.astype(np.int64)
