"""Triangle meshes as solids: which points are inside, by the generalised winding number; area, volume, samples.

The winding number of a point is the sum of the signed solid angles of all triangles over 4π (Jacobson et al., "Robust
inside-outside segmentation using generalized winding numbers", SIGGRAPH 2013): 1 inside and 0 outside of a closed
surface that faces outwards, the number of bodies where bodies overlap, a fraction near holes. Counting crossings along
a ray agrees for one closed body only, and the meshes of this field are mostly several open ones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.libraries import library

MOST_TRIANGLES = 2_000_000
# Points of an open surface where its orientation is looked at, how far before and behind it (of the longest side),
# and the mean winding number below which it faces inwards.
PROBES, STEP, INWARDS = 1000, 1e-4, -0.25
# Of the volume, in areas times the longest side.
ROUNDING = 1e-9
# Beyond this the square of an area leaves double precision.
LARGEST = 1e75


@dataclass(frozen=True, eq=False)
class Mesh:
    """A surface of triangles; seen from outside of the solid, their corners run anticlockwise.

    Attributes:
        vertices: float64 ``[v, 3]``.
        triangles: indices of vertices, int64 ``[t, 3]``.
        notes: what was done to the mesh on its way here that a person should know, a sentence each.
    """

    vertices: np.ndarray
    triangles: np.ndarray
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "vertices", np.ascontiguousarray(self.vertices, dtype=np.float64).reshape(-1, 3))
        object.__setattr__(self, "triangles", np.ascontiguousarray(self.triangles, dtype=np.int64).reshape(-1, 3))

    def __repr__(self) -> str:
        return f"Mesh({len(self.vertices)} vertices, {len(self.triangles)} triangles)"

    @cached_property
    def _crosses(self) -> np.ndarray:
        """Normal of each triangle times twice its area, ``[t, 3]``."""
        a, b, c = (self.vertices[self.triangles[:, corner]] for corner in range(3))
        return np.cross(b - a, c - a)

    @cached_property
    def areas(self) -> np.ndarray:
        """Area of each triangle, ``[t]``."""
        areas: np.ndarray = 0.5 * np.linalg.norm(self._crosses, axis=1)
        return areas

    @cached_property
    def normals(self) -> np.ndarray:
        """Outward unit normal of each triangle, ``[t, 3]``; zero for one without area."""
        twice = 2 * self.areas[:, None]
        return np.divide(self._crosses, twice, out=np.zeros_like(self._crosses), where=twice > 0)

    @property
    def area(self) -> float:
        """Area of the surface."""
        return float(self.areas.sum())

    @property
    def volume(self) -> float:
        """Signed volume, by the divergence theorem; negative where the surface faces inwards.

        Of a surface with holes it depends on the origin, which is taken at the middle of the bounding box.
        """
        if not len(self.triangles):
            return 0.0
        middle = self.bounds.mean(axis=0)
        return float(((self.vertices[self.triangles[:, 0]] - middle) * self._crosses).sum() / 6)

    @cached_property
    def bounds(self) -> np.ndarray:
        """Lowest and highest corner of the box around the triangles, ``[2, 3]``."""
        points = self.vertices[np.unique(self.triangles)]
        return np.stack([points.min(axis=0), points.max(axis=0)])

    @cached_property
    def watertight(self) -> bool:
        """Whether every edge is passed as often one way as the other: then all winding numbers are whole numbers."""
        if not len(self.triangles):
            return False
        start, end = self._directed
        key = np.minimum(start, end) * len(self.vertices) + np.maximum(start, end)
        _, place = np.unique(key, return_inverse=True)
        return not np.bincount(place.ravel(), np.where(start < end, 1, -1)).any()

    @property
    def euler(self) -> int:
        """Euler number: vertices - edges + triangles; 2 for a ball, 0 for a ring, added over bodies."""
        start, end = self._directed
        edges = np.unique(np.minimum(start, end) * len(self.vertices) + np.maximum(start, end))
        return len(np.unique(self.triangles)) - len(edges) + len(self.triangles)

    @property
    def _directed(self) -> tuple[np.ndarray, np.ndarray]:
        return self.triangles.ravel(), np.roll(self.triangles, -1, axis=1).ravel()

    def flipped(self) -> Mesh:
        """The same surface, facing the other way."""
        return Mesh(self.vertices, self.triangles[:, ::-1], self.notes)

    def noted(self, *notes: str) -> Mesh:
        """The same mesh with further notes."""
        return replace(self, notes=(*self.notes, *notes))


def joined(mesh: Mesh) -> Mesh:
    """The mesh with vertices at the same place made one, and those that no triangle has left out.

    Formats such as STL write each triangle's corners anew, and then nothing of the surface is connected.
    """
    used, triangles = np.unique(mesh.triangles, return_inverse=True)
    points = mesh.vertices[used] + 0.0  # -0.0 and 0.0 are one place
    order = np.lexsort(points.T)
    new = np.ones(len(points), dtype=bool)
    new[1:] = (np.diff(points[order], axis=0) != 0).any(axis=1)
    name = np.empty(len(points), dtype=np.int64)
    name[order] = np.cumsum(new) - 1
    return Mesh(points[order][new], name[triangles.reshape(-1, 3)], mesh.notes)


def bodies_of(mesh: Mesh) -> np.ndarray:
    """Number of the connected body that each triangle belongs to, ``[t]``: bodies share no vertex."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    first, second = mesh.triangles[:, [0, 0]].ravel(), mesh.triangles[:, [1, 2]].ravel()
    edges = coo_array((np.ones(len(first), dtype=bool), (first, second)), shape=(len(mesh.vertices),) * 2)
    _, labels = connected_components(edges, directed=False)
    return np.unique(labels[mesh.triangles[:, 0]], return_inverse=True)[1]


def check(mesh: Mesh, where: object) -> Mesh:
    """The mesh, joined, if it is one that can be worked with; triangles with two corners in one place are dropped.

    Triangles that are only thin stay: they close the surface.

    Args:
        mesh: what was read or made.
        where: the file's name, for the message.

    Raises:
        UserError: no triangles, too many, a coordinate that is no finite number, an index of no vertex, no extent.
    """
    count = len(mesh.triangles)
    if not count:
        raise UserError(f"{where}: no faces; accepted are meshes of triangles or polygons")
    if count > MOST_TRIANGLES:
        raise UserError(f"{where}: {count:,} triangles; at most {MOST_TRIANGLES:,} are accepted, simplify it first")
    if mesh.triangles.min() < 0 or mesh.triangles.max() >= len(mesh.vertices):
        raise UserError(f"{where}: a face names a vertex that is not there; there are {len(mesh.vertices):,}")
    # The negation also finds what is not a number.
    bad = ~(np.abs(mesh.vertices) <= LARGEST).all(axis=1)
    if bad[mesh.triangles].any():
        raise UserError(f"{where}: vertex {int(np.argmax(bad)) + 1} is not three finite numbers below {LARGEST:g}")
    mesh = joined(mesh)
    a, b, c = mesh.triangles.T
    whole = (a != b) & (b != c) & (c != a)
    if not whole.all():
        dropped = count - int(whole.sum())
        mesh = joined(Mesh(mesh.vertices, mesh.triangles[whole], mesh.notes)) if whole.any() else mesh
        mesh = mesh.noted(f"{dropped} of {count} triangles have two corners in one place and were left out")
    with np.errstate(under="ignore"):
        flat = not whole.any() or not mesh.area > 0
    if flat:
        raise UserError(f"{where}: all faces lie on a line or a point; a surface is needed")
    return mesh


def surface_samples(mesh: Mesh, count: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Points spread evenly over the surface, and the outward unit normals there.

    Args:
        mesh: with an area.
        count: how many points.
        random: where they are drawn from.

    Returns:
        Points and normals, each ``[count, 3]``.
    """
    reach = np.cumsum(mesh.areas)
    which = np.minimum(np.searchsorted(reach, random.random(count) * reach[-1], side="right"), len(reach) - 1)
    u, v = random.random((2, count, 1))
    # Beyond the diagonal of the parallelogram: the same place in its other half.
    beyond = u + v > 1
    u, v = np.where(beyond, 1 - u, u), np.where(beyond, 1 - v, v)
    a, b, c = (mesh.vertices[mesh.triangles[which, corner]] for corner in range(3))
    return a + u * (b - a) + v * (c - a), mesh.normals[which]


def winding(mesh: Mesh, points: np.ndarray, exact: bool = False) -> np.ndarray:
    """Winding number of the surface around each point.

    Args:
        mesh: any surface, closed or not.
        points: ``[..., 3]``.
        exact: sum over all triangles; otherwise far ones are taken together (Barill et al., "Fast winding numbers for
            soups and clouds", SIGGRAPH 2018), which differs by less than about 0.01.

    Returns:
        float64 ``[...]``; 0 for a point that is no finite number.
    """
    points = np.asarray(points, dtype=np.float64)
    if not len(mesh.triangles):
        return np.zeros(points.shape[:-1])
    igl = library("igl", "libigl", "shapes")
    # The library's tree has single precision: a small shape far from the origin would lose its form.
    lowest, highest = mesh.bounds
    middle, side = 0.5 * lowest + 0.5 * highest, float((highest - lowest).max())
    side = side if side > 0 else 1.0
    near = np.clip((points.reshape(-1, 3) - middle) / side, -1e6, 1e6)
    finite = np.isfinite(near).all(axis=1)
    near[~finite] = 1e6
    compute = igl.winding_number if exact else igl.fast_winding_number
    numbers = np.asarray(compute((mesh.vertices - middle) / side, mesh.triangles, near))
    return np.where(finite, numbers, 0.0).reshape(points.shape[:-1])


def oriented(mesh: Mesh) -> Mesh:
    """The mesh facing outwards: turned over, with a note, where winding numbers inside are below -1/2.

    A closed surface that faces inwards has a negative volume. Of an open one the winding number just before and behind
    points of the surface is averaged: 1/2 where all faces outwards, -1/2 where all faces inwards, about 0 for a sheet.
    Bodies that face different ways are left: :func:`hypernet.shapes.core.voxels.voxelise` says what they cost.
    """
    side = float(np.ptp(mesh.bounds, axis=0).max()) if len(mesh.triangles) else 0.0
    if mesh.watertight:
        # A sheet with two sides is closed too, and its volume is 0 but for rounding.
        inverted = mesh.volume < -ROUNDING * mesh.area * side
    elif not mesh.area > 0:
        inverted = False
    else:
        points, normals = surface_samples(mesh, PROBES, np.random.default_rng(0))
        step = STEP * side * normals
        inverted = float(winding(mesh, np.stack([points - step, points + step])).mean()) < INWARDS
    if not inverted:
        return mesh
    return mesh.flipped().noted("its faces point inwards (negative winding number): turned over")


def inside(mesh: Mesh, points: np.ndarray, exact: bool = False) -> np.ndarray:
    """Whether points are inside: winding number above 1/2, of the mesh turned to face outwards.

    Args:
        mesh: any surface; see :func:`oriented`.
        points: ``[..., 3]``.
        exact: as in :func:`winding`.

    Returns:
        bool ``[...]``.
    """
    return winding(oriented(mesh), points, exact) > 0.5
