"""Radar images as numbers: grey levels, sequences in time, and the windows that networks are trained on.

Grey is reflectivity in dBZ, clipped to 0..70 and divided by 70. Rows grow southwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

if TYPE_CHECKING:
    from hypernet.radar.config import Sizes

# Four images one step apart go in, the one a step after the last comes out.
INPUTS = 4
LARGEST_DBZ = 70.0
LEVELS = 255
SPLITS = ("train", "validation", "test")


def to_grey(dbz: np.ndarray) -> np.ndarray:
    """Grey levels float32 in [0, 1] of reflectivities in dBZ; what is not a number is 0."""
    return (np.nan_to_num(np.asarray(dbz, dtype=np.float32)).clip(0.0, LARGEST_DBZ) / LARGEST_DBZ).astype(np.float32)


def to_dbz(grey: np.ndarray) -> np.ndarray:
    """The inverse of ``to_grey`` between 0 and 70 dBZ."""
    return np.asarray(grey, dtype=np.float32) * LARGEST_DBZ


def dbz_of_rain_rate(rate: np.ndarray) -> np.ndarray:
    """Reflectivity in dBZ of rain rates in mm/h: 10 log10(200 R^1.6) (Marshall and Palmer 1948), 0 where it is dry."""
    rate = np.asarray(rate, dtype=np.float32)
    wet = rate > 0
    return np.where(wet, 10.0 * np.log10(200.0 * np.where(wet, rate, 1.0) ** 1.6), 0.0).astype(np.float32)


def rain_rate_of_dbz(dbz: np.ndarray) -> np.ndarray:
    """Rain rates in mm/h, float32, of reflectivities in dBZ: the inverse of ``dbz_of_rain_rate``.

    0 at 0 dBZ and below, where it is dry; not a number where the reflectivity is none.
    """
    dbz = np.asarray(dbz, dtype=np.float32)
    return np.where(dbz <= 0, 0.0, (10.0 ** (dbz / 10.0) / 200.0) ** (1 / 1.6)).astype(np.float32)


def quantised(grey: np.ndarray) -> np.ndarray:
    """Grey levels as whole numbers 0..255."""
    return np.rint(np.asarray(grey) * LEVELS).astype(np.uint8)


@dataclass(frozen=True)
class Sequence:
    """Radar images of one place in the order of time.

    Attributes:
        grey: uint8 ``[T, H, W]``, grey times 255, row 0 in the north.
        time: datetime64[s] ``[T]``, rising, UTC.
        missing: bool ``[H, W]`` or ``[T, H, W]``: no data here; grey is 0 there.
        x: metres to the east in the projection, ``[W]``, rising.
        y: metres to the north, ``[H]``, falling.
        projection: a PROJ string, or "" where it is not known.
        attributes: source, licence and the like.
    """

    grey: np.ndarray
    time: np.ndarray
    missing: np.ndarray
    x: np.ndarray
    y: np.ndarray
    projection: str
    attributes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def pixel_km(self) -> tuple[float, float]:
        """Height and width of a pixel in the projection, km; 0 along an axis of one pixel."""
        height, width = (abs(float(axis[-1] - axis[0])) / max(1, len(axis) - 1) / 1000 for axis in (self.y, self.x))
        return height, width

    def __repr__(self) -> str:
        return f"Sequence({span(self.time)}, {' x '.join(map(str, self.grey.shape))})"


def span(times: np.ndarray) -> str:
    """The first and the last of some times, to the minute; the day once where they share it."""
    if not len(times):
        return "no images"
    first, last = (str(time).replace("T", " ") for time in np.asarray(times)[[0, -1]].astype("datetime64[m]"))
    if first == last:
        return f"{first} UTC"
    return f"{first} to {last[11:] if first[:10] == last[:10] else last} UTC"


@dataclass(frozen=True)
class Geometry:
    """Sizes in pixels.

    Attributes:
        size: N, width and height of an input image.
        margin: m, by how much the prediction is narrower on each side; motion up to m pixels a step can be followed.
        patch: c, width and height of the patches that patch methods predict.
        taps: K, entries of a displacement filter; odd, at most 2 m + 1.
    """

    size: int
    margin: int
    patch: int
    taps: int

    @classmethod
    def of(cls, sizes: Sizes) -> Geometry:
        """The sizes of a configuration, which has checked them."""
        return cls(sizes.size, sizes.margin, sizes.patch, sizes.taps)

    @property
    def centre(self) -> int:
        """Width and height of the prediction, N - 2 m."""
        return self.size - 2 * self.margin

    @property
    def patch_input(self) -> int:
        """Width and height of a patch with what surrounds it, c + 2 m."""
        return self.patch + 2 * self.margin

    @property
    def patches(self) -> int:
        """Number of patches of an image."""
        return (self.centre // self.patch) ** 2


@dataclass(frozen=True)
class Windows:
    """Five images in a row, and a square in them; arrays ``[n]``.

    Attributes:
        first: number of the first of five frames.
        row: upper row of the N x N square.
        column: its left column.
        event: number of the event (a rainy spell, a day) that it belongs to: statistics resample events.
    """

    first: np.ndarray
    row: np.ndarray
    column: np.ndarray
    event: np.ndarray

    def __len__(self) -> int:
        """Number of windows."""
        return len(self.first)


@dataclass(frozen=True)
class RadarData:
    """A prepared data set.

    Attributes:
        title: its name for people.
        simulated: whether the images are simulated.
        geometry: sizes.
        grey: uint8 ``[F, H, W]``, all frames, events one after the other.
        time: datetime64[s] ``[F]``.
        windows: by split: train, validation, test. No event is in two splits.
        step_seconds: from one image to the next, as measured.
    """

    title: str
    simulated: bool
    geometry: Geometry
    grey: np.ndarray
    time: np.ndarray
    windows: Mapping[str, Windows]
    step_seconds: float

    def some(self, split: str, most: int) -> np.ndarray:
        """Numbers of windows that stand for all of a split, evenly among them; all where there are no more."""
        count = len(self.windows[split])
        return np.linspace(0, count - 1, min(count, most)).astype(np.int64)

    def crops(self, split: str, rows: np.ndarray, frames: np.ndarray) -> np.ndarray:
        """Squares of windows at some of their frames, uint8 ``[B, len(frames), N, N]``.

        Args:
            split: train, validation or test.
            rows: numbers of windows, ``[B]``.
            frames: 0..4, which of a window's frames.
        """
        windows, size = self.windows[split], self.geometry.size
        squares = sliding_window_view(self.grey, (size, size), axis=(1, 2))
        first = windows.first[rows][:, None] + np.asarray(frames)
        return squares[first, windows.row[rows][:, None], windows.column[rows][:, None]]

    def inputs(self, split: str, rows: np.ndarray) -> np.ndarray:
        """The four images of windows, float32 ``[B, 4, N, N]`` in [0, 1]."""
        return self.crops(split, rows, np.arange(INPUTS)).astype(np.float32) / LEVELS

    def targets(self, split: str, rows: np.ndarray) -> np.ndarray:
        """The centre of the image to predict, float32 ``[B, N - 2 m, N - 2 m]``."""
        margin, size = self.geometry.margin, self.geometry.size
        whole = self.crops(split, rows, np.array([INPUTS]))[:, 0]
        return whole[:, margin : size - margin, margin : size - margin].astype(np.float32) / LEVELS
