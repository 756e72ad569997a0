"""The motion of whole fields, for files and pictures: velocities, and arrows that can be told apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hypernet.radar.core.motion import Arrows, FieldMotion, kilometres_per_hour

# Below this mean grey level there is no rain to see moving.
LEAST_RAIN = 0.02


def velocities(
    motion: FieldMotion, pixel_km: tuple[float, float], step_seconds: float
) -> Mapping[str, tuple[tuple[str, ...], np.ndarray, Mapping[str, Any]]]:
    """For the netCDF file, of the first field: velocities along x and y in km/h, and the entropy where there is one.

    Args:
        motion: of fields.
        pixel_km: height and width of a pixel.
        step_seconds: from one image to the next.
    """
    down, across = pixel_km
    speeds = {
        "motion_x": (kilometres_per_hour(motion.columns[0], across, step_seconds), "motion of the rain along x"),
        # y grows northwards, rows southwards. Plus 0.0 turns -0.0 into 0.0.
        "motion_y": (-kilometres_per_hour(motion.rows[0], down, step_seconds) + 0.0, "motion of the rain along y"),
    }
    variables: dict[str, tuple[tuple[str, ...], np.ndarray, Mapping[str, Any]]] = {
        name: (("y", "x"), values.astype(np.float32), {"long_name": what, "units": "km h-1"})
        for name, (values, what) in speeds.items()
    }
    if motion.largest_entropy > 0:
        what = "entropy of the displacement filters in bits: how unsure the motion is"
        variables["motion_entropy"] = (("y", "x"), motion.entropy[0], {"long_name": what, "units": "1"})
    return variables


def thinned(motion: FieldMotion, last: np.ndarray, width: int) -> tuple[Arrows, np.ndarray]:
    """One arrow for every square of ``width`` pixels: the mean motion of its rain.

    Args:
        motion: of every pixel of a field.
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
        blocks(last * values[0]) / np.where(rain > 0, rain, 1.0)
        for values in (motion.columns, motion.rows, motion.entropy)
    )
    middle = width * (np.arange(max(rows, columns)) + 0.5) - 0.5
    x, y = (places.ravel() for places in np.meshgrid(middle[:columns], middle[:rows]))
    return Arrows(x, y, right, down, entropy), rain >= LEAST_RAIN
