"""A field between voxels: what was predicted on the grid becomes a function of any point."""

from __future__ import annotations

import numpy as np

from hypernet.shapes.core.decoder import Field
from hypernet.shapes.core.frames import INNER, PADDING


def trilinear(scores: np.ndarray) -> Field:
    """Scores on the evaluation grid, interpolated linearly between the centres of voxels.

    Args:
        scores: positive inside, ``[32, 32, 32]``.

    Returns:
        a function of points ``[n, 3]``; outside of the grid as negative as the voxels at most are positive.
    """
    from scipy import ndimage

    outside = -max(float(np.abs(scores).max()), 1e-6)
    padded = np.pad(np.asarray(scores, dtype=np.float32), PADDING, constant_values=outside)
    resolution = len(scores)

    def field(points: np.ndarray) -> np.ndarray:
        index = (np.asarray(points, dtype=np.float64) / INNER + 1) / 2 * resolution - 0.5 + PADDING
        values: np.ndarray = ndimage.map_coordinates(
            padded, index.reshape(-1, 3).T, order=1, mode="constant", cval=outside
        )
        return values.reshape(points.shape[:-1])

    return field
