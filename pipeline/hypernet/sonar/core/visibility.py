"""What is seen of a surface from a point or a direction, by casting rays at the triangles themselves.

Rays start at the surface and go to where it is looked at from, so that their single precision is that of the object's
size, not of its distance. They are cast by Embree where embreex is installed, else against every triangle in turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.libraries import library
from hypernet.shapes.core.solids import Mesh
from hypernet.sonar.core.facets import Samples

# How far from its facet a ray starts, of the longest side of the scene; what stands nearer hides nothing.
START = 1e-5
# Parts along each edge of a cell that a shadow cuts; facets of fewer cells than this may be cut without a sign of it.
PARTS, SMALL = 8, 4
# Pairs of rays and triangles that are worked on at a time without Embree.
_CHUNK = 1 << 19


class Occluder:
    """All triangles of a scene.

    Args:
        meshes: their triangles are numbered through, mesh by mesh.
        embree: whether Embree is used where it is installed.
    """

    def __init__(self, meshes: Sequence[Mesh], embree: bool = True) -> None:
        corners = np.concatenate([mesh.vertices[mesh.triangles] for mesh in meshes])
        lowest, highest = corners.min(axis=(0, 1)), corners.max(axis=(0, 1))
        self._middle = (lowest + highest) / 2
        self._step = START * float((highest - lowest).max())
        self._corners = corners - self._middle
        self._scene = None
        if embree and (modules := _embree()) is not None:
            scenes, constructions = modules
            self._scene = scenes.EmbreeScene()
            constructions.TriangleMesh(self._scene, self._corners.astype(np.float32))

    def first_hit(self, origins: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The first triangle on each ray, its front or its back.

        Args:
            origins: ``[n, 3]`` in the world.
            directions: unit vectors, ``[n, 3]``.

        Returns:
            Numbers of triangles, int64 ``[n]``, -1 for none; distances from the origins, float64 ``[n]``, infinite for
            none. The plane of the triangle gives the distance, in double precision.
        """
        origins = np.asarray(origins, dtype=np.float64) - self._middle
        triangles = self._cast(origins + self._step * directions, directions)
        distances = np.full(len(origins), np.inf)
        hit = np.flatnonzero(triangles >= 0)
        a, b, c = np.moveaxis(self._corners[triangles[hit]], 1, 0)
        normals = np.cross(b - a, c - a)
        along = np.einsum("nc,nc->n", normals, directions[hit])
        above = np.einsum("nc,nc->n", normals, a - origins[hit])
        # A ray within the triangle's plane meets it where it starts.
        distances[hit] = np.divide(above, along, out=np.full(len(hit), self._step), where=along != 0)
        return triangles, np.maximum(distances, self._step)

    def visible(self, points: np.ndarray, eye: np.ndarray, facets: np.ndarray | None = None) -> np.ndarray:
        """Whether nothing stands between points of the surface and an eye.

        Args:
            points: ``[n, 3]``.
            eye: ``[3]``.
            facets: triangles that the points lie on, which hide nothing of themselves, ``[n]``.

        Returns:
            bool ``[n]``.
        """
        starts = self._near(points)
        ways = self._near(eye) - starts
        lengths = np.sqrt(np.einsum("nc,nc->n", ways, ways))
        directions = ways / np.maximum(lengths, 1e-30)[:, None]
        return self._clear(starts, directions, facets, lengths - np.float32(self._step))

    def visible_along(self, points: np.ndarray, direction: np.ndarray, facets: np.ndarray | None = None) -> np.ndarray:
        """Whether nothing stands between points of the surface and infinity, in a direction ``[3]``; bool ``[n]``."""
        directions = np.broadcast_to(np.asarray(direction, dtype=np.float32), points.shape)
        return self._clear(self._near(points), directions, facets, None)

    def _near(self, points: np.ndarray) -> np.ndarray:
        """Places from the middle of the scene, float32."""
        return (np.asarray(points, dtype=np.float64) - self._middle).astype(np.float32)

    def _clear(
        self, starts: np.ndarray, directions: np.ndarray, facets: np.ndarray | None, lengths: np.ndarray | None
    ) -> np.ndarray:
        first = self._cast(starts + np.float32(self._step) * directions, directions, lengths)
        return (first < 0) if facets is None else (first < 0) | (first == facets)

    def _cast(self, origins: np.ndarray, directions: np.ndarray, lengths: np.ndarray | None = None) -> np.ndarray:
        """First triangles on rays of some length, int64 ``[n]``; -1 for none."""
        if not len(origins):
            return np.zeros(0, dtype=np.int64)
        if self._scene is None:
            return _first_triangles(self._corners, origins, directions, lengths)
        limits = None if lengths is None else lengths.astype(np.float32)
        first = self._scene.run(
            np.ascontiguousarray(origins, dtype=np.float32),
            np.ascontiguousarray(directions, dtype=np.float32),
            limits,
        )
        return np.asarray(first, dtype=np.int64)


def seen(samples: Samples, occluder: Occluder, eye: np.ndarray | None, direction: np.ndarray | None = None) -> Samples:
    """What of cells is not hidden from an eye, or from infinity in a direction.

    The edge of a shadow runs through cells, and whole cells on either side of it would sound like the teeth of a saw.
    Such cells are looked at in 8 x 8 parts, and what of them is seen stands for them.

    Args:
        samples: cells that face the eye or the direction.
        occluder: all triangles.
        eye: ``[3]``; None for a direction.
        direction: unit vector to where it is looked at from, ``[3]``.
    """

    def clear(points: np.ndarray, facets: np.ndarray) -> np.ndarray:
        if eye is None:
            return occluder.visible_along(points, np.asarray(direction), facets)
        return occluder.visible(points, eye, facets)

    middle = clear(samples.points, samples.facet)
    count = np.bincount(samples.facet)
    mixed = (np.bincount(samples.facet, middle) % np.maximum(count, 1) != 0) | (count < SMALL)
    some = np.flatnonzero(mixed[samples.facet])
    corners = _parts_of(samples.at(some), 2, spread=0.96)
    looked = clear(corners.reshape(-1, 3), np.repeat(samples.facet[some], 4)).reshape(-1, 4).sum(axis=1)
    cut = some[(looked + middle[some]) % 5 != 0]
    parts = _parts_of(samples.at(cut), PARTS)
    covered = clear(parts.reshape(-1, 3), np.repeat(samples.facet[cut], PARTS**2)).reshape(-1, PARTS, PARTS)
    lit = covered.any(axis=(1, 2))
    middle[cut] = False
    return samples.at(middle).joined(samples.at(cut[lit]).part(covered[lit]))


def _parts_of(samples: Samples, p: int, spread: float = 0.0) -> np.ndarray:
    """Middles of p x p parts along both edges of each cell, ``[n, p p, 3]``, or places ``spread`` apart."""
    steps = (np.arange(p) + 0.5) / p - 0.5 if not spread else np.array([-spread / 2, spread / 2])
    places = np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1).reshape(-1, 2)
    return samples.points[:, None] + np.einsum("pe,nec->npc", places, samples.edges)


def _embree() -> tuple[ModuleType, ModuleType] | None:
    """Embree's scenes and meshes; None where embreex is not installed."""
    try:
        scenes = library("embreex.rtcore_scene", "embreex", "shapes")
        return scenes, library("embreex.mesh_construction", "embreex", "shapes")
    except UserError:
        return None


def _first_triangles(
    corners: np.ndarray, origins: np.ndarray, directions: np.ndarray, lengths: np.ndarray | None
) -> np.ndarray:
    """As :meth:`Occluder._cast`, every ray against every triangle (Möller and Trumbore 1997)."""
    a = corners[:, 0]
    first, second = corners[:, 1] - a, corners[:, 2] - a
    limits = np.full(len(origins), np.inf) if lengths is None else lengths
    nearest = np.full(len(origins), -1, dtype=np.int64)
    width = max(1, _CHUNK // len(corners))
    for start in range(0, len(origins), width):
        part = slice(start, start + width)
        direction, origin = directions[part, None], origins[part, None]
        across = np.cross(direction, second)
        size = (across * first).sum(axis=-1)
        with np.errstate(divide="ignore", invalid="ignore"):
            offset = origin - a
            u = (offset * across).sum(axis=-1) / size
            turned = np.cross(offset, first)
            v = (direction * turned).sum(axis=-1) / size
            distance = (second * turned).sum(axis=-1) / size
            met = (u >= 0) & (v >= 0) & (u + v <= 1) & (distance > 0) & (distance < limits[part, None])
        distance = np.where(met, distance, np.inf)
        best = distance.argmin(axis=1)
        nearest[part] = np.where(np.isfinite(distance[np.arange(len(best)), best]), best, -1)
    return nearest
