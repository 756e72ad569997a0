"""Which parts of a surface add to an echo, and how far away they are: for pictures of scenes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hypernet.shapes.core.solids import Mesh
from hypernet.sonar.core.facets import sampled
from hypernet.sonar.core.visibility import Occluder

# Cells along the longest side of the scene, and patches of them that are heard as a whole.
CELLS, PATCHES = 96, 32


@dataclass(frozen=True, eq=False)
class Glints:
    """Cells of the surface that a mouth reaches.

    Attributes:
        points: their middles, ``[n, 3]``.
        depths_m: distances from the mouth, ``[n]``.
        areas: square metres, ``[n]``.
        levels_db: what the patch around each adds to the echo, over the largest, ``[n]``.
    """

    points: np.ndarray
    depths_m: np.ndarray
    areas: np.ndarray
    levels_db: np.ndarray


def glints(
    meshes: Sequence[Mesh], position: np.ndarray, frequency_hz: float, speed_of_sound: float, cells: int = CELLS
) -> Glints:
    """Cells of meshes with the pressure that their surroundings send back to the mouth, by the Kirchhoff integral.

    Over a patch the phase turns with the way there and back: one that is tilted by more than half a wavelength sends
    little back, which leaves the glints.

    Args:
        meshes: in the world, metres.
        position: of the mouth, ``[3]``.
        frequency_hz: at which the phase is taken.
        speed_of_sound: metres a second.
        cells: along the longest side of the scene.
    """
    occluder = Occluder(meshes)
    corners = np.concatenate([mesh.bounds for mesh in meshes])
    spacing = float(np.ptp(corners, axis=0).max()) / cells
    rows, first = [], 0
    for mesh in meshes:
        samples = sampled(mesh, spacing, towards=position)
        seen = occluder.visible(samples.points, position, samples.facet + first)
        first += len(mesh.triangles)
        samples = samples.at(seen)
        ways = position - samples.points
        depths = np.linalg.norm(ways, axis=1)
        directions = ways / depths[:, None]
        cosines = (directions * samples.normals).sum(axis=1)
        turns = 2 * frequency_hz / speed_of_sound * np.einsum("nec,nc->ne", samples.edges, directions)
        sizes = samples.areas * cosines / depths**2 * np.sinc(turns).prod(axis=1)
        waves = sizes * np.exp(-4j * np.pi * frequency_hz / speed_of_sound * depths)
        rows.append(np.column_stack([samples.points, depths, samples.areas, waves.real, waves.imag]))
    table = np.concatenate(rows)
    points = table[:, :3]
    places = np.floor((points - corners.min(axis=0)) / (spacing * cells / PATCHES)).astype(np.int64)
    patch = np.unique(places, axis=0, return_inverse=True)[1].ravel()
    total = np.hypot(np.bincount(patch, table[:, 5]), np.bincount(patch, table[:, 6]))
    levels = 20 * np.log10(np.maximum(total, 1e-30))[patch] if len(table) else np.zeros(0)
    return Glints(points, table[:, 3], table[:, 4], levels - (levels.max() if len(levels) else 0.0))
