"""Solids that are unions of convex polytopes: whether a point is inside is known exactly, without a mesh.

A point is in a polytope where n·p <= d for all its facets, and in the union where it is in any part. Nothing depends on
how well a surface closes, so labels have no error at any resolution.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.optimize import linprog
from scipy.spatial import ConvexHull, QhullError

from hypernet.lab.errors import UserError
from hypernet.lab.libraries import library
from hypernet.shapes.core.frames import normalised
from hypernet.shapes.core.solids import Mesh

# Two parts are joined where a ball of this radius (of a shape 64/36 long) fits into both: a face touched is no joint.
JOINT = 1e-3
# A tenth of a pixel at most, of twenty parts in an image of 137 pixels; far more than single precision loses.
LAYER = 1e-4
# Points tested at once: their coordinates stay in the cache.
BLOCK = 2**16
MIRROR = np.array([-1.0, 1.0, 1.0])
# Of a file: more is no shape of a few parts.
MOST_PARTS, MOST_VERTICES = 10_000, 1_000_000


@dataclass(frozen=True)
class _Hull:
    """Facets, each once, and triangles of a convex hull."""

    normals: np.ndarray
    offsets: np.ndarray
    triangles: np.ndarray


@dataclass(frozen=True, eq=False)
class Part:
    """A convex polytope: the hull of its vertices.

    Attributes:
        vertices: ``[n, 3]``, not all in one plane; those inside of the hull do no harm.
        colour: red, green and blue in 0..1, float32 ``[3]``.
    """

    vertices: np.ndarray
    colour: np.ndarray

    def __post_init__(self) -> None:
        vertices = np.ascontiguousarray(self.vertices, dtype=np.float64)
        colour = np.ascontiguousarray(self.colour, dtype=np.float32)
        if vertices.ndim != 2 or vertices.shape[1] != 3 or len(vertices) < 4 or not np.isfinite(vertices).all():
            raise ValueError(
                f"a part's vertices must be at least four points of three finite numbers, {vertices.shape}"
            )
        if colour.shape != (3,) or not ((colour >= 0) & (colour <= 1)).all():
            raise ValueError("a part's colour must be three numbers in 0..1")
        object.__setattr__(self, "vertices", vertices)
        object.__setattr__(self, "colour", colour)

    def __repr__(self) -> str:
        return f"Part({len(self.vertices)} vertices)"

    @cached_property
    def bounds(self) -> np.ndarray:
        """Lowest and highest corner of the box around it, ``[2, 3]``."""
        return np.stack([self.vertices.min(axis=0), self.vertices.max(axis=0)])

    @cached_property
    def _hull(self) -> _Hull:
        try:
            hull = ConvexHull(self.vertices)
        except QhullError:
            raise ValueError("the hull of a part's vertices has no volume") from None
        if not np.isfinite(hull.equations).all():
            raise ValueError("a part's vertices are too large or too near each other for double precision")
        # Triangles of one facet have the same plane to the last bit.
        planes = np.unique(hull.equations, axis=0)
        corners = self.vertices[hull.simplices]
        across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        inwards = (across * hull.equations[:, :3]).sum(axis=1) < 0
        triangles = np.where(inwards[:, None], hull.simplices[:, ::-1], hull.simplices)
        return _Hull(np.ascontiguousarray(planes[:, :3]), -planes[:, 3], triangles.astype(np.int64))

    @property
    def facets(self) -> tuple[np.ndarray, np.ndarray]:
        """Outward unit normals ``[f, 3]`` and offsets ``[f]``: inside is where normals · p <= offsets, for all."""
        return self._hull.normals, self._hull.offsets

    def surface(self) -> tuple[np.ndarray, np.ndarray]:
        """Vertices ``[n, 3]`` and the triangles of the hull, facing outwards, int64 ``[t, 3]``."""
        return self.vertices, self._hull.triangles

    def mirrored(self) -> Part:
        """The image in the plane x = 0."""
        part = Part(self.vertices * MIRROR, self.colour)
        hull = self._hull
        # Computed anew, the planes could round differently: so a mirrored point has the very label of the point.
        part.__dict__["_hull"] = _Hull(hull.normals * MIRROR, hull.offsets, hull.triangles[:, ::-1])
        return part

    def depth(self, points: np.ndarray) -> np.ndarray:
        """Distance of points ``[n, 3]`` to the nearest of the facets' planes, negative outside, ``[n]``."""
        normals, offsets = self.facets
        depth: np.ndarray = (offsets - points @ normals.T).min(axis=1)
        return depth


def _surely_joined(first: Part, second: Part) -> bool:
    """Whether one of a few likely points is deep enough in both; ``False`` says nothing."""
    middle = 0.5 * (np.maximum(first.bounds[0], second.bounds[0]) + np.minimum(first.bounds[1], second.bounds[1]))
    likely = np.vstack([middle, first.bounds.mean(axis=0), second.bounds.mean(axis=0), first.vertices, second.vertices])
    # A vertex has no depth in its own part: a little way towards the middle of the overlap.
    likely += 0.1 * (middle - likely)
    return bool((np.minimum(first.depth(likely), second.depth(likely)) > JOINT).any())


def _joined(first: Part, second: Part) -> bool:
    """Whether a ball of radius ``JOINT`` fits into both: the largest that does, by linear programming."""
    normals, offsets = (np.concatenate(both) for both in zip(first.facets, second.facets, strict=True))
    # Variables x, y, z, radius; of unit normals, so that n·p + radius <= d keeps the ball inside.
    rows = np.column_stack([normals, np.ones(len(normals))])
    bounds = [(None, None)] * 3 + [(None, 10 * JOINT)]
    answer = linprog([0, 0, 0, -1], A_ub=rows, b_ub=offsets, bounds=bounds, method="highs")
    return bool(answer.status == 0 and answer.x[3] > JOINT)


@dataclass(frozen=True, eq=False)
class Solid:
    """A union of convex parts.

    Attributes:
        parts: at least one; they may overlap.
    """

    parts: tuple[Part, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", tuple(self.parts))
        if not self.parts:
            raise ValueError("a solid needs at least one part")

    def __repr__(self) -> str:
        return f"Solid({len(self.parts)} parts)"

    @property
    def bounds(self) -> np.ndarray:
        """Lowest and highest corner of the box around all parts, ``[2, 3]``."""
        bounds = np.stack([part.bounds for part in self.parts])
        return np.stack([bounds[:, 0].min(axis=0), bounds[:, 1].max(axis=0)])

    def inside(self, points: np.ndarray) -> np.ndarray:
        """Which points are in the solid, its surface included.

        Args:
            points: ``[..., 3]``.

        Returns:
            ``[...]``, bool.
        """
        points = np.asarray(points, dtype=np.float64)
        flat = points.reshape(-1, 3)
        inside = np.zeros(len(flat), dtype=bool)
        for start in range(0, len(flat), BLOCK):
            block = np.ascontiguousarray(flat[start : start + BLOCK].T)
            lowest, highest = block.min(axis=1), block.max(axis=1)
            answer = inside[start : start + BLOCK]
            for part in self.parts:
                low, high = part.bounds
                # Written so that a NaN among the points takes no part away.
                if (low > highest).any() or (high < lowest).any():
                    continue
                candidates = ~answer
                for axis in range(3):
                    candidates &= block[axis] >= low[axis]
                    candidates &= block[axis] <= high[axis]
                near = np.flatnonzero(candidates)
                normals, offsets = part.facets
                answer[near] = (normals @ block[:, near] <= offsets[:, None]).all(axis=0)
        return inside.reshape(points.shape[:-1])

    def normalised(self) -> Solid:
        """The solid in the canonical cube: centre of the bounding box at 0, longest side 64/36."""
        vertices, _ = normalised(np.concatenate([part.vertices for part in self.parts]))
        ends = np.cumsum([len(part.vertices) for part in self.parts])[:-1]
        pieces = np.split(vertices, ends)
        return Solid(tuple(Part(piece, part.colour) for piece, part in zip(pieces, self.parts, strict=True)))

    def mirrored(self) -> Solid:
        """The image in the plane x = 0: ``inside`` of a mirrored point is that of the point here, to the last bit."""
        return Solid(tuple(part.mirrored() for part in self.parts))

    def connected(self) -> bool:
        """Whether all parts hang together; where they only touch (less than ``JOINT`` of the cube) they do not."""
        low, high = (np.stack([part.bounds[end] for part in self.parts]) for end in (0, 1))
        near = ((low[:, None] <= high[None]) & (low[None] <= high[:, None])).all(axis=2)
        pairs = np.argwhere(np.triu(near, 1))
        component = np.arange(len(self.parts))
        # The cheap test joins nearly all; a linear programme decides what it leaves open.
        for joined in (_surely_joined, _joined):
            for first, second in pairs:
                if component[first] != component[second] and joined(self.parts[first], self.parts[second]):
                    component[component == component[second]] = component[first]
        return bool((component == component[0]).all())

    def union(self) -> Mesh:
        """Surface of the union: closed, facing outwards, without the faces between parts.

        By manifold3d, whose result is a manifold whatever the input.

        Raises:
            UserError: manifold3d is not installed.
        """
        manifold3d = library("manifold3d", "manifold3d", "shapes")
        hulls = [manifold3d.Manifold.hull_points(part.vertices) for part in self.parts]
        mesh = manifold3d.Manifold.batch_boolean(hulls, manifold3d.OpType.Add).to_mesh64()
        # Copies: what manifold3d gives is read-only and its own.
        return Mesh(np.array(mesh.vert_properties)[:, :3], np.array(mesh.tri_verts, dtype=np.int64))

    def painted(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The hulls of all parts one after another, for rendering; faces inside of other parts are among them.

        Each part is grown by ``LAYER`` more than the one before it, so that of two faces in one plane one is in front;
        pictures would be speckled otherwise.

        Returns:
            vertices ``[v, 3]``, triangles int64 ``[t, 3]`` and their colours float32 ``[t, 3]``.
        """
        vertices, triangles, colours, start = [], [], [], 0
        for place, part in enumerate(self.parts):
            points, corners = part.surface()
            middle, extent = part.bounds.mean(axis=0), part.bounds[1] - part.bounds[0]
            vertices.append(middle + (points - middle) * (1 + 2 * LAYER * place / extent))
            triangles.append(corners + start)
            colours.append(np.tile(part.colour, (len(corners), 1)))
            start += len(points)
        return np.concatenate(vertices), np.concatenate(triangles), np.concatenate(colours)

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, for JSON: ``parts``, the vertices of each, and ``rgb``, the colours."""
        return {
            "parts": [part.vertices.tolist() for part in self.parts],
            "rgb": [[round(float(value), 6) for value in part.colour] for part in self.parts],
        }

    @staticmethod
    def from_dict(fields: Mapping[str, Any], where: str = "a solid") -> Solid:
        """Read what ``to_dict`` gives; other keys are left alone.

        Args:
            fields: ``parts`` and ``rgb``.
            where: name of the file, for messages.

        Raises:
            UserError: something is missing, of another form, too large, flat or not finite.
        """
        parts, colours = (fields.get(key) if isinstance(fields, Mapping) else None for key in ("parts", "rgb"))
        if not isinstance(parts, Sequence) or not isinstance(colours, Sequence) or len(parts) != len(colours):
            raise UserError(f"{where}: needs parts, lists of points [x, y, z], and rgb, as many colours")
        if len(parts) > MOST_PARTS or sum(len(part) for part in parts if isinstance(part, Sequence)) > MOST_VERTICES:
            raise UserError(f"{where}: more than {MOST_PARTS} parts or {MOST_VERTICES} points")
        try:
            solid = Solid(tuple(Part(part, colour) for part, colour in zip(parts, colours, strict=True)))
            for part in solid.parts:
                part.facets  # noqa: B018 - flat parts are refused here, with the file's name
        except (ValueError, TypeError) as error:
            raise UserError(f"{where}: {' '.join(str(error).split())[:160]}") from None
        return solid
