"""The motion that a network's filters stand for, over a field of any size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hypernet.radar.core.frames import Sequence
from hypernet.radar.core.motion import Arrows, kilometres_per_hour, motion_of
from hypernet.radar.core.rollout import Tiled

if TYPE_CHECKING:
    from hypernet.radar.trained import Forecaster

# Below this mean grey level there is no rain to see moving.
LEAST_RAIN = 0.02


@dataclass(frozen=True)
class MotionField:
    """The motion that a network's filters stand for, at every pixel: that of its patch, or of its square.

    Attributes:
        rows: pixels south in ten minutes, float32 ``[H, W]``.
        columns: pixels east in ten minutes, float32 ``[H, W]``.
        entropy: bits.
        largest_entropy: that of uniform filters, bits.
    """

    rows: np.ndarray
    columns: np.ndarray
    entropy: np.ndarray
    largest_entropy: float

    def mean(self, weights: np.ndarray) -> tuple[float, float, float]:
        """Mean of ``rows``, ``columns`` and ``entropy``, weighted by rain ``[H, W]``; plain without any."""
        weights = weights if weights.sum() > 0 else np.ones_like(weights)
        rows, columns, entropy = (
            float(np.average(field, weights=weights)) for field in (self.rows, self.columns, self.entropy)
        )
        return rows, columns, entropy

    def variables(self, inputs: Sequence) -> Mapping[str, tuple[tuple[str, ...], np.ndarray, Mapping[str, Any]]]:
        """For the netCDF file: velocities along x and y, and the entropy."""
        across, down = pixel_km(inputs)
        speeds = {
            "motion_x": (self.columns * across, "motion of the rain along x"),
            # y grows northwards, rows southwards.
            "motion_y": (-self.rows * down, "motion of the rain along y"),
        }
        variables = {
            name: (
                ("y", "x"),
                kilometres_per_hour(values, 1.0).astype(np.float32),
                {"long_name": what, "units": "km h-1"},
            )
            for name, (values, what) in speeds.items()
        }
        what = "entropy of the displacement filters in bits: how unsure the motion is"
        return variables | {"motion_entropy": (("y", "x"), self.entropy, {"long_name": what, "units": "1"})}


def motion_field(forecaster: Forecaster, frames: np.ndarray) -> MotionField | None:
    """The motion in a field, or None for methods without filters.

    Args:
        forecaster: a method.
        frames: float32 ``[1, 4, H, W]``, H and W at least N.
    """
    geometry = forecaster.geometry
    corner = frames[:, :, : geometry.size, : geometry.size]
    filters = forecaster.filters(corner)
    if filters is None:
        return None

    def of_squares(squares: np.ndarray) -> np.ndarray:
        filters = forecaster.filters(squares)
        assert filters is not None
        motion = motion_of(*filters)
        values = np.stack([motion.rows, motion.columns, motion.entropy], axis=1)
        side = round(values[0, 0].size ** 0.5)
        width = geometry.centre // side
        return values.reshape(len(squares), 3, side, side).repeat(width, axis=2).repeat(width, axis=3)

    field = Tiled(of_squares, geometry.size, geometry.margin, channels=(3,))(frames)[0]
    largest = 2 * np.log2(filters[0].shape[-1])
    rows, columns, entropy = (np.ascontiguousarray(values) for values in np.moveaxis(field, -1, 0))
    return MotionField(rows, columns, entropy, largest)


def pixel_km(sequence: Sequence) -> tuple[float, float]:
    """Width and height of a pixel in km."""
    width, height = (float(abs(np.diff(axis).mean())) / 1000 for axis in (sequence.x, sequence.y))
    return width, height


def thinned(motion: MotionField, last: np.ndarray, width: int) -> tuple[Arrows, np.ndarray]:
    """One arrow for every square of ``width`` pixels: the mean motion of its rain.

    Args:
        motion: of every pixel.
        last: the last image, ``[H, W]`` in [0, 1].
        width: pixels.

    Returns:
        the arrows, and which of them have rain, bool ``[P]``.
    """
    rows, columns = (length // width for length in last.shape)

    def blocks(values: np.ndarray) -> np.ndarray:
        inside = values[: rows * width, : columns * width]
        return inside.reshape(rows, width, columns, width).mean(axis=(1, 3)).ravel()

    rain = blocks(last)
    right, down, entropy = (
        blocks(last * values) / np.where(rain > 0, rain, 1.0)
        for values in (motion.columns, motion.rows, motion.entropy)
    )
    middle = width * (np.arange(max(rows, columns)) + 0.5) - 0.5
    x, y = (places.ravel() for places in np.meshgrid(middle[:columns], middle[:rows]))
    return Arrows(x, y, right, down, entropy), rain >= LEAST_RAIN
