"""The cube that every shape lives in, its grids, and how a mesh gets there.

Canonical frame: x lateral (the plane of symmetry is x = 0), y up, z to the front. The bounding box is centred at the
origin and its longest side is 64/36, so that it fills the inner 32 of 36 cells of the cube [-1, 1]³ along that side.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Cells of the evaluation grid, and the empty ones around it on each side.
RESOLUTION = 32
PADDING = 2
# Half the side of the evaluation grid's cube; the whole cube's is 1.
INNER = RESOLUTION / (RESOLUTION + 2 * PADDING)


def centres(resolution: int, half: float = INNER) -> np.ndarray:
    """Centres of the cells along one axis, ``[resolution]``: ((i + 1/2) / resolution * 2 - 1) * half."""
    return ((np.arange(resolution) + 0.5) / resolution * 2 - 1) * half


def grid(resolution: int, half: float = INNER) -> np.ndarray:
    """Centres of all cells, ``[resolution, resolution, resolution, 3]``, indexed by x, y, z.

    ``grid(32)`` is the evaluation grid: the inner cells of ``grid(36, half=1.0)``.
    """
    axis = centres(resolution, half)
    return np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1)


@dataclass(frozen=True)
class Placement:
    """How a mesh came into the canonical cube: canonical = (original - centre) * scale.

    Attributes:
        centre: of the bounding box, ``[3]``, in the mesh's own units.
        scale: canonical units per unit of the mesh.
    """

    centre: np.ndarray
    scale: float

    def to_canonical(self, points: np.ndarray) -> np.ndarray:
        """Points ``[..., 3]`` of the mesh's own frame in the cube."""
        return (np.asarray(points, dtype=np.float64) - self.centre) * self.scale

    def to_original(self, points: np.ndarray) -> np.ndarray:
        """Points ``[..., 3]`` of the cube in the mesh's own frame and units."""
        return np.asarray(points, dtype=np.float64) / self.scale + self.centre


def normalised(vertices: np.ndarray) -> tuple[np.ndarray, Placement]:
    """Vertices ``[n, 3]`` moved and scaled into the canonical cube, not turned.

    Raises:
        ValueError: there is no extent to scale: fewer than two different vertices, or one that is not finite.
    """
    vertices = np.asarray(vertices, dtype=np.float64)
    if vertices.ndim != 2 or vertices.shape[1] != 3 or not len(vertices) or not np.isfinite(vertices).all():
        raise ValueError(f"vertices must be finite numbers [n, 3], got {list(vertices.shape)}")
    lowest, highest = vertices.min(axis=0), vertices.max(axis=0)
    side = float((highest - lowest).max())
    if not side > 0:
        raise ValueError("the vertices are all one point")
    # Halves first: the sum of two large coordinates may overflow.
    placement = Placement(0.5 * lowest + 0.5 * highest, 2 * INNER / side)
    return placement.to_canonical(vertices), placement
