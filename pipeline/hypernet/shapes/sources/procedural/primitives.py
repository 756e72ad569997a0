"""Convex pieces that shapes are put together of: each is an array of points ``[n, 3]``, whose hull is meant."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from hypernet.shapes.core.polytopes import MIRROR

Points = np.ndarray
Triple = Sequence[float] | np.ndarray

SIGNS = np.array(list(itertools.product((-0.5, 0.5), repeat=3)))


def chance(random: np.random.Generator, probability: float) -> bool:
    """Heads of a coin."""
    return bool(random.random() < probability)


def both(points: Points) -> list[Points]:
    """A piece and its mirror image in x = 0."""
    return [points, points * MIRROR]


def box(centre: Triple, size: Triple) -> Points:
    """A box along the axes."""
    return np.asarray(centre) + SIGNS * np.asarray(size)


def hull(*points: Triple) -> Points:
    """The points themselves."""
    return np.array(points, dtype=np.float64)


def frustum(start: Triple, end: Triple, start_radius: float, end_radius: float, sides: int = 20) -> Points:
    """A regular frustum around the segment from ``start`` to ``end``; with four sides, its faces look along the axes.

    The first vertex stands at half a step from the x direction (from y, for a segment along x), so that an even number
    of sides has x = 0 for a plane of symmetry.
    """
    a, b = np.asarray(start, dtype=np.float64), np.asarray(end, dtype=np.float64)
    axis = (b - a) / np.linalg.norm(b - a)
    aside = np.eye(3)[1 if abs(axis[0]) > 0.9 else 0]
    first = aside - (aside @ axis) * axis
    first /= np.linalg.norm(first)
    angles = (np.arange(sides) + 0.5) * 2 * np.pi / sides
    ring = np.outer(np.cos(angles), first) + np.outer(np.sin(angles), np.cross(axis, first))
    return np.concatenate([a + start_radius * ring, b + end_radius * ring])


def _icosphere() -> Points:
    """Vertices of the icosahedron divided twice, on the unit sphere, ``[162, 3]``."""
    golden = (1 + 5**0.5) / 2
    corners = [(0, a, b * golden) for a in (-1, 1) for b in (-1, 1)]
    points = np.array([np.roll(corner, turn) for corner in corners for turn in range(3)], dtype=np.float64)
    points /= np.linalg.norm(points[0])
    for _ in range(2):
        distances = np.linalg.norm(points[:, None] - points[None], axis=2)
        # Edges: between nearest neighbours, which differ by a fifth at most.
        nearest = np.min(distances + 9 * np.eye(len(points)))
        first, second = np.nonzero(np.triu(distances < 1.3 * nearest, 1))
        middles = points[first] + points[second]
        points = np.concatenate([points, middles / np.linalg.norm(middles, axis=1, keepdims=True)])
    return points


ICOSPHERE = _icosphere()


def ellipsoid(centre: Triple, radii: Triple) -> Points:
    """Hull of an icosphere: 162 points."""
    return np.asarray(centre) + ICOSPHERE * np.asarray(radii)


def prism(axis: int, polygon: Sequence[tuple[float, float]], low: float, high: float) -> Points:
    """A polygon extruded along an axis; its coordinates are the two other axes', in the order x, y, z."""
    flat = np.asarray(polygon, dtype=np.float64)
    return np.concatenate([np.insert(flat, axis, level, axis=1) for level in (low, high)])


def legs(
    x: float, z: float, bottom: float, top: float, thickness: float, splay: float = 0.0, rounded: bool = False
) -> list[Points]:
    """Four posts: at (±x, top, ±z), and ``splay`` further out at the bottom.

    A rounded one has twelve sides and a radius of 0.6 thickness.
    """
    posts = []
    for side, front in itertools.product((-1, 1), repeat=2):
        foot = np.array([side * (x + splay), bottom, front * (z + splay)])
        head = np.array([side * x, top, front * z])
        if rounded:
            # Level rings, whatever the splay: the feet stand on the floor.
            ring = frustum((0, 0, 0), (0, 1, 0), 0.6 * thickness, 0.6 * thickness, 12)[:12]
        else:
            ring = prism(1, [(-0.5, -0.5), (-0.5, 0.5), (0.5, 0.5), (0.5, -0.5)], 0, 0)[:4] * thickness
        posts.append(np.concatenate([foot + ring, head + ring]))
    return posts


def leaning(width: float, bottom: float, top: float, back: float, slope: float, thickness: float) -> Points:
    """A board of a back rest that leans backwards, its middle at x = 0.

    Args:
        width: along x.
        bottom: y of the lower edge.
        top: y of the upper edge.
        back: z of the rear at y = 0.
        slope: how far the rear moves towards -z per y.
        thickness: along z.
    """
    polygon = [(y, back - slope * y + depth) for y in (bottom, top) for depth in (0, thickness)]
    return prism(0, polygon, -width / 2, width / 2)
