"""From polygons to triangles."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from hypernet.shapes.core.solids import MOST_TRIANGLES
from hypernet.shapes.core.unrolling import unrolled
from hypernet.shapes.sources.formats.reading import DamagedError

# Ears are cut in Python, at a cost that grows with the square of the corners: of one polygon, and of all of a file
# (a corner that is looked at takes 5 to 100 microseconds).
MOST_CORNERS = 2000
MOST_LOOKS = 1_000_000


def triangulate(vertices: np.ndarray, corners: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Triangles of polygons: a fan from the first corner, or ears where a polygon is not convex.

    Faces of one or two corners, which some programs write, become triangles without area at the end.

    Args:
        vertices: float64 ``[v, 3]``.
        corners: indices of vertices, all polygons' one after another, int64 ``[sum of counts]``.
        counts: corners of each polygon, int64 ``[p]``.

    Returns:
        int64 ``[t, 3]``, in the order of the polygons, each facing as its polygon does.

    Raises:
        DamagedError: a polygon names a vertex that is not there, or there is too much to cut.
    """
    if len(corners) and (corners.min() < 0 or corners.max() >= len(vertices)):
        bad = int(np.argmax((corners < 0) | (corners >= len(vertices))))
        face = int(np.searchsorted(np.cumsum(counts), bad, side="right")) + 1
        raise DamagedError(f"face {face} names a vertex that is not there; there are {len(vertices):,}")
    short = counts < 3
    if short.any():
        points = np.repeat(corners[(np.cumsum(counts) - counts)[short & (counts > 0)], None], 3, axis=1)
        return np.concatenate([triangulate(vertices, corners[np.repeat(~short, counts)], counts[~short]), points])
    fans = counts - 2
    if fans.sum() > MOST_TRIANGLES:
        raise DamagedError(f"{int(fans.sum()):,} triangles; at most {MOST_TRIANGLES:,} are accepted, simplify it first")
    first = np.cumsum(counts) - counts
    polygon, step = unrolled(fans)
    base = first[polygon]
    triangles = np.stack([corners[base], corners[base + step + 1], corners[base + step + 2]], axis=1)
    if len(counts) == 0 or counts.max() == 3:
        return triangles
    with np.errstate(all="ignore"):  # numbers that are none are refused later
        a, b, c = (vertices[triangles[:, corner]] for corner in range(3))
        normals = np.cross(b - a, c - a)
        whole = np.zeros((len(counts), 3))
        np.add.at(whole, polygon, normals)
        turned = (normals * whole[polygon]).sum(axis=1) < 0
    ends = np.cumsum(fans)
    looks = 0
    for index in np.unique(polygon[turned]):
        if counts[index] <= MOST_CORNERS:
            outline = corners[first[index] : first[index] + counts[index]]
            ears, looked = _ears(vertices[outline], whole[index])
            triangles[ends[index] - fans[index] : ends[index]] = outline[ears]
            looks += looked
            if looks > MOST_LOOKS:
                raise DamagedError("its polygons take too long to cut into triangles; save it as triangles")
    return triangles


def _ears(points: np.ndarray, normal: np.ndarray) -> tuple[np.ndarray, int]:
    """Triangles of one polygon ``[n, 3]`` by cutting ears, as places in it, ``[n - 2, 3]``; and corners looked at."""
    dropped = int(np.abs(normal).argmax())
    u, v = [axis for axis in range(3) if axis != dropped]
    flat = points[:, [u, v]]
    # Seen so that the polygon runs anticlockwise.
    turn = 1.0 if (normal[dropped] > 0) == (dropped != 1) else -1.0
    left = list(range(len(points)))
    triangles = []
    looks = 0
    while len(left) > 3:
        for place in range(len(left)):
            looks += 1
            before, here, after = left[place - 1], left[place], left[(place + 1) % len(left)]
            if _is_ear(flat, turn, before, here, after, left):
                break
        else:
            break  # crosses itself: any triangles will do
        triangles.append((before, here, after))
        del left[place]
    triangles += [(left[0], second, third) for second, third in pairwise(left[1:])]
    return np.array(triangles), looks


def _is_ear(flat: np.ndarray, turn: float, before: int, here: int, after: int, left: list[int]) -> bool:
    a, b, c = flat[before], flat[here], flat[after]
    if turn * _cross(a, b, c) <= 0:
        return False
    others = flat[[corner for corner in left if corner not in (before, here, after)]]
    sides = [turn * _cross(p, q, others) for p, q in ((a, b), (b, c), (c, a))]
    within = (sides[0] >= 0) & (sides[1] >= 0) & (sides[2] >= 0)
    # A corner at the same place as one of the ear's is no obstacle: holes are cut in with a doubled edge.
    same = [(others == corner).all(axis=1) for corner in (a, b, c)]
    return not (within & ~same[0] & ~same[1] & ~same[2]).any()


def _cross(p: np.ndarray, q: np.ndarray, r: np.ndarray) -> np.ndarray:
    return (q[0] - p[0]) * (r[..., 1] - p[1]) - (q[1] - p[1]) * (r[..., 0] - p[0])
