"""Views of a mesh with flat colours: RGBA pictures on a transparent ground, and silhouettes.

A ray through the middle of every pixel (or of each of s x s parts of it) finds the first face. Its colour is

    albedo (0.35 + 0.5 max(0, n.l) + 0.2 max(0, -n.d)),

n the face's normal towards the eye, l the direction of the light, d that of the ray. A pixel's opacity is the share of
its parts that meet the mesh, its colour the mean of those. Rays are cast by Embree where embreex is installed, else
every face is compared with the rays through its box in the picture (slower, the same faces).
"""

from __future__ import annotations

import sys
from functools import cache
from types import ModuleType

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.libraries import library
from hypernet.shapes.core.cameras import Camera
from hypernet.shapes.core.solids import Mesh
from hypernet.shapes.core.unrolling import unrolled

LIGHT = (0.4, 0.8, 0.45)
AMBIENT, DIFFUSE, HEADLIGHT = 0.35, 0.5, 0.2
SUPERSAMPLING = 2
# Largest picture, in rays: one view holds about 100 bytes for each.
MOST_RAYS = 2**24
# Pairs of a face and a ray that the way without Embree compares at once.
_CHUNK = 2**20
# A ray this close to an edge of a face (as a share of the face) is on it, so that no ray slips between two faces.
_EDGE = 1e-7
_NEAR = 1e-9


class Scene:
    """A mesh whose search tree is made once and used for several views; without faces its views are empty.

    Args:
        vertices: float ``[v, 3]``.
        triangles: int ``[t, 3]``, outward or not: the side that is seen is lit.
        face_colours: RGB in [0, 1], ``[t, 3]`` or one ``[3]`` for all.
    """

    def __init__(self, vertices: np.ndarray, triangles: np.ndarray, face_colours: np.ndarray) -> None:
        self.vertices = np.ascontiguousarray(vertices, dtype=np.float32)
        self.triangles = np.ascontiguousarray(triangles, dtype=np.int32)
        if self.vertices.ndim != 2 or self.vertices.shape[1:] != (3,) or self.triangles.shape[1:] != (3,):
            raise ValueError("vertices [v, 3] and triangles [t, 3] are needed")
        if len(self.triangles) and (self.triangles.min() < 0 or self.triangles.max() >= len(self.vertices)):
            raise ValueError(f"triangles number the vertices from 0 to {len(self.vertices) - 1}")
        if not np.isfinite(self.vertices).all():
            raise ValueError("vertices must be finite")
        self.colours = np.broadcast_to(np.asarray(face_colours, dtype=np.float32), self.triangles.shape)
        corners = self.vertices[self.triangles]
        normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        lengths = np.linalg.norm(normals, axis=1, keepdims=True)
        self.normals = np.divide(normals, lengths, out=np.zeros_like(normals), where=lengths > 0)
        self._tree = None
        if len(self.triangles) and (embreex := _embree()) is not None:
            scenes, meshes = embreex
            self._tree = scenes.EmbreeScene()
            meshes.TriangleMesh(self._tree, self.vertices, self.triangles)

    def render(
        self,
        camera: Camera,
        size: int,
        light: tuple[float, float, float] = LIGHT,
        supersampling: int = SUPERSAMPLING,
    ) -> np.ndarray:
        """One view, uint8 ``[size, size, 4]``: RGB (0 where nothing is) and opacity, not premultiplied.

        Args:
            camera: where the mesh is seen from.
            size: pixels on a side.
            light: direction towards the light, of any length.
            supersampling: s: rays on a pixel's side.
        """
        faces, directions = self._seen(camera, size, supersampling)
        rays = np.flatnonzero(faces >= 0)
        faces = faces[rays]
        facing = np.einsum("nc,nc->n", self.normals[faces], directions[rays])
        # n.l of the side that is seen: its normal is turned against the ray.
        towards = (self.normals @ _unit(light))[faces] * np.where(facing < 0, np.float32(1), np.float32(-1))
        shade = AMBIENT + DIFFUSE * np.maximum(towards, 0) + HEADLIGHT * np.abs(facing)
        parts = np.zeros((size * supersampling * size * supersampling, 4), dtype=np.float32)
        parts[rays, :3] = np.clip(self.colours[faces] * shade[:, None], 0, 1)
        parts[rays, 3] = 1
        total = parts.reshape(size, supersampling, size, supersampling, 4).sum(axis=(1, 3))
        opaque = total[..., 3:]
        colour = np.divide(total[..., :3], opaque, out=np.zeros_like(total[..., :3]), where=opaque > 0)
        picture = np.concatenate([colour, opaque / supersampling**2], axis=-1)
        return (picture * 255 + 0.5).astype(np.uint8)

    def silhouette(self, camera: Camera, size: int) -> np.ndarray:
        """Which pixels' centres the mesh covers, bool ``[size, size]``."""
        return (self._seen(camera, size, 1)[0] >= 0).reshape(size, size)

    def _seen(self, camera: Camera, size: int, supersampling: int) -> tuple[np.ndarray, np.ndarray]:
        """First faces (-1: none) and directions of all rays of a view."""
        if size < 1 or supersampling < 1 or (size * supersampling) ** 2 > MOST_RAYS:
            raise ValueError(f"a view of {size} pixels with {supersampling} rays on a side; at most {MOST_RAYS:,} rays")
        origins, directions = camera.rays(size, size, supersampling)
        directions = directions.astype(np.float32)
        if self._tree is not None:
            return self._tree.run(origins.astype(np.float32), directions), directions
        return _first_faces(self.vertices, self.triangles, camera, directions, size * supersampling), directions


def render(
    vertices: np.ndarray,
    triangles: np.ndarray,
    face_colours: np.ndarray,
    camera: Camera,
    size: int,
    light: tuple[float, float, float] = LIGHT,
    supersampling: int = SUPERSAMPLING,
) -> np.ndarray:
    """One view of a mesh, uint8 ``[size, size, 4]``; ``Scene.render`` describes the arguments."""
    return Scene(vertices, triangles, face_colours).render(camera, size, light, supersampling)


def silhouette(mesh: Mesh, camera: Camera, size: int) -> np.ndarray:
    """Which pixels' centres a mesh covers, bool ``[size, size]``."""
    return Scene(mesh.vertices, mesh.triangles, np.ones(3)).silhouette(camera, size)


def _unit(vector: tuple[float, float, float]) -> np.ndarray:
    """The vector at length 1, float32 ``[3]``."""
    values = np.asarray(vector, dtype=np.float64)
    if values.shape != (3,) or not np.isfinite(values).all() or not np.linalg.norm(values) > 0:
        raise ValueError("the light needs a direction [3] of some length")
    return (values / np.linalg.norm(values)).astype(np.float32)


@cache
def _embree() -> tuple[ModuleType, ModuleType] | None:
    """Embree's scenes and meshes; None where embreex is not installed, which is said once."""
    try:
        scenes = library("embreex.rtcore_scene", "embreex", "shapes")
        return scenes, library("embreex.mesh_construction", "embreex", "shapes")
    except UserError as error:
        print(f"{error}; without it views are drawn more slowly", file=sys.stderr, flush=True)
        return None


def _first_faces(
    vertices: np.ndarray, triangles: np.ndarray, camera: Camera, directions: np.ndarray, side: int
) -> np.ndarray:
    """First face on each ray of a square view of ``side`` x ``side`` rays, int ``[side * side]``; -1 for none.

    Each face is intersected (Möller and Trumbore 1997) with the rays of its box in the picture.
    """
    corners = vertices.astype(np.float64)[triangles]
    pixels = camera.project(corners, side, side)
    behind = np.isnan(pixels).any(axis=(1, 2))
    lowest = np.where(behind[:, None], 0, np.nan_to_num(pixels.min(axis=1)))
    highest = np.where(behind[:, None], side, np.nan_to_num(pixels.max(axis=1)))
    first = np.clip(np.floor(lowest - 0.5), 0, side).astype(np.int64)
    counts = np.clip(np.ceil(highest + 0.5), 0, side).astype(np.int64) - first
    pairs = counts.prod(axis=1).clip(min=0) * (counts > 0).all(axis=1)
    start = np.subtract(corners[:, 0], camera.eye)
    edges = corners[:, 1:] - corners[:, :1]
    nearest = np.full(side * side, np.inf)
    first_face = np.full(side * side, -1, dtype=np.int32)
    for faces in _chunks(pairs):
        group, place = unrolled(pairs[faces])
        face = faces[group]
        column = first[face, 0] + place % counts[face, 0]
        ray = (first[face, 1] + place // counts[face, 0]) * side + column
        distance = _distances(-start[face], edges[face, 0], edges[face, 1], directions[ray].astype(np.float64))
        # Nearest first, then the lower number: the first entry of each ray is its face.
        order = np.lexsort((face, distance, ray))
        ray, face, distance = ray[order], face[order], distance[order]
        leads = np.r_[True, ray[1:] != ray[:-1]] if len(ray) else np.zeros(0, dtype=bool)
        ray, face, distance = ray[leads], face[leads], distance[leads]
        closer = distance < nearest[ray]
        nearest[ray[closer]], first_face[ray[closer]] = distance[closer], face[closer]
    return first_face


def _chunks(pairs: np.ndarray) -> list[np.ndarray]:
    """Numbers of the faces that have pairs, in groups of about ``_CHUNK`` pairs."""
    faces = np.flatnonzero(pairs)
    group = np.cumsum(pairs[faces]) // _CHUNK
    return np.split(faces, np.flatnonzero(np.diff(group)) + 1)


def _distances(origin: np.ndarray, edge: np.ndarray, other_edge: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Distance along each ray ``[n]`` to its triangle (a corner at 0, two edges from there); infinite for a miss."""
    across = np.cross(direction, other_edge)
    determinant = np.einsum("nc,nc->n", edge, across)
    turned = np.cross(origin, edge)
    with np.errstate(divide="ignore", invalid="ignore"):
        u = np.einsum("nc,nc->n", origin, across) / determinant
        v = np.einsum("nc,nc->n", direction, turned) / determinant
        distance = np.einsum("nc,nc->n", other_edge, turned) / determinant
        hit = (u >= -_EDGE) & (v >= -_EDGE) & (u + v <= 1 + _EDGE) & (distance > _NEAR)
    return np.where(hit, distance, np.inf)
