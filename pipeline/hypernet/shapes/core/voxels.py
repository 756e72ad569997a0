"""From solids to voxels: two rules for which voxels belong to a solid, and two for what is solid.

Rules: ``centre`` takes a voxel whose centre is inside; ``touch`` also one that the surface touches, as binvox and with
it the labels of Choy et al. (2016) do: such objects are about half a voxel fatter all around. What is inside:
``winding``, a generalised winding number above 1/2; ``fill``, what the exterior cannot reach, for sheets without
thickness.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.shapes.core.frames import INNER, PADDING, centres
from hypernet.shapes.core.solids import Mesh, oriented, winding
from hypernet.shapes.core.unrolling import unrolled

RULES = {
    "centre": "a voxel is taken if its centre is inside",
    "touch": "a voxel is taken if the surface touches it too",
}
SOLIDS = {
    "winding": "inside is where the winding number is above 1/2",
    "fill": "inside is what the exterior cannot reach",
    "auto": "winding, or fill where that gives more than 3 times as many voxels",
}
MOST_VOXELS_A_SIDE = 256
# Finer voxels along a voxel's side that `fill` sees the surface in, unless the grid would have more than so many.
FINER, MOST_FINE = 4, 512
# Filled over winding: beyond it, the mesh is sheets rather than walls.
THIN = 3.0
# Share of the touched voxels with no occupied one beside them from which parts are missing.
LOST = 0.05
# Share of the occupied voxels from which faces that point inwards are worth a word.
INVERTED = 0.01
# Winding number on a box around an open mesh below which all beyond is outside, and the share of the grid within the
# box from which looking at the box does not pay.
SMALL, MOST_NEAR = 0.4, 0.6
# Triangles for each voxel from which it is cheaper to look at all voxels than to look for the surface's.
FINE = 0.3
# Points that are looked at together, and pairs of a triangle and a column; and the most of these, two minutes' work.
BLOCK, MOST_COLUMNS = 1 << 18, 100_000_000
# Surfaces of symmetrical objects lie on the border of two voxels: both are touched, whatever the rounding.
CLOSED = 1e-9
# Voxels that a triangle has to be wide for its plane to be looked at.
NEEDLE = 1e-6


class Inside(Protocol):
    """A solid that knows of points ``[..., 3]`` whether they are inside, such as a union of convex parts."""

    def inside(self, points: np.ndarray) -> np.ndarray:
        """Whether points are inside, bool ``[...]``."""
        ...


@dataclass(frozen=True)
class Voxels:
    """Occupied voxels, and how they were chosen.

    Attributes:
        occupied: bool ``[r, r, r]``, indexed by x, y, z.
        rule: ``centre`` or ``touch``.
        solid: ``winding`` or ``fill``, never ``auto``.
        notes: what a person should know, a sentence each.
        fill_ratio: voxels by ``fill`` over voxels by ``winding``; infinite where winding finds none, and not a number
            where it was not asked for.
    """

    occupied: np.ndarray
    rule: str
    solid: str
    notes: list[str] = field(default_factory=list)
    fill_ratio: float = float("nan")


def occupancy(
    shape: Mesh | Inside | Callable[[np.ndarray], np.ndarray], resolution: int, half: float = INNER
) -> np.ndarray:
    """Which voxels have their centre inside a shape of the canonical frame.

    Args:
        shape: a mesh (winding number), something with a method ``inside``, or a function of points ``[n, 3]``.
        resolution: voxels along a side.
        half: half the side of the grid's cube.

    Returns:
        bool ``[r, r, r]``, indexed by x, y, z.
    """
    if isinstance(shape, Mesh):
        return winding_on_grid(oriented(shape), resolution, half) > 0.5
    test: Callable[[np.ndarray], np.ndarray] = getattr(shape, "inside", shape)  # type: ignore[arg-type]
    return on_grid(test, resolution, half).astype(bool)


def on_grid(function: Callable[[np.ndarray], Any], resolution: int, half: float = INNER) -> np.ndarray:
    """Values of a function of points ``[n, 3]`` at the centres of a grid, ``[r, r, r]``, a block at a time."""
    axis = centres(resolution, half)
    slabs = max(1, BLOCK // resolution**2)
    blocks = []
    for first in range(0, resolution, slabs):
        block = np.meshgrid(axis[first : first + slabs], axis, axis, indexing="ij")
        points = np.stack(block, axis=-1)
        blocks.append(np.asarray(function(points.reshape(-1, 3))).reshape(points.shape[:3]))
    return np.concatenate(blocks)


def winding_on_grid(mesh: Mesh, resolution: int, half: float = INNER) -> np.ndarray:
    """Winding numbers at the centres of a grid, float64 ``[r, r, r]``; 0 far from an open mesh, where they are small.

    Around a closed surface they change at the surface only: then each voxel that it touches is looked at, and of each
    region between them one. Off any surface they are harmonic and fall to 0 far away, so that outside of a box around
    the mesh none is larger than the largest on the box: if those are small, the voxels beyond are not looked at.
    """
    if len(mesh.triangles) > FINE * resolution**3:
        return on_grid(lambda points: winding(mesh, points), resolution, half)
    if not mesh.watertight:
        return _open_winding(mesh, resolution, half)
    from scipy import ndimage

    walls = surface_voxels(mesh, resolution, half)
    regions, count = ndimage.label(~walls)
    last = np.zeros(count + 1, dtype=np.int64)
    last[regions.ravel()] = np.arange(regions.size)
    looked_at = np.concatenate([last[1:], np.flatnonzero(walls)])
    axis = centres(resolution, half)
    values = winding(mesh, axis[np.stack(np.unravel_index(looked_at, walls.shape), axis=-1)])
    numbers = np.concatenate([[0.0], values[:count]])[regions]
    numbers[walls] = values[count:]
    return numbers


def _open_winding(mesh: Mesh, resolution: int, half: float) -> np.ndarray:
    axis, cell = centres(resolution, half), 2 * half / resolution
    lowest, highest = mesh.bounds[0] - cell, mesh.bounds[1] + cell
    first, last = np.searchsorted(axis, lowest), np.searchsorted(axis, highest, side="right")
    if (last - first).prod() < MOST_NEAR * resolution**3:
        sides = [
            np.linspace(low, high, max(2, 1 + int((high - low) / cell)))
            for low, high in zip(lowest, highest, strict=True)
        ]
        box = np.stack(np.meshgrid(*sides, indexing="ij"), axis=-1)
        faces = [np.moveaxis(box, side, 0)[[0, -1]].reshape(-1, 3) for side in range(3)]
        if np.abs(winding(mesh, np.concatenate(faces))).max() < SMALL:
            near = np.meshgrid(*(axis[a:b] for a, b in zip(first, last, strict=True)), indexing="ij")
            numbers = np.zeros((resolution,) * 3)
            numbers[tuple(slice(a, b) for a, b in zip(first, last, strict=True))] = winding(
                mesh, np.stack(near, axis=-1)
            )
            return numbers
    return on_grid(lambda points: winding(mesh, points), resolution, half)


def surface_voxels(mesh: Mesh, resolution: int, half: float = INNER) -> np.ndarray:
    """Which voxels the surface touches, borders included.

    The test of Schwarz and Seidel, "Fast parallel surface and solid voxelization on GPUs", SIGGRAPH Asia 2010: a
    triangle and a voxel overlap if they do in all three projections and the triangle's plane crosses the voxel.

    Args:
        mesh: in the frame of the grid; what lies outside of the grid is left out.
        resolution: voxels along a side.
        half: half the side of the grid's cube.

    Returns:
        bool ``[r, r, r]``.
    """
    touched = np.zeros((resolution,) * 3, dtype=bool)
    # From here on a voxel is [i, i + 1] on each axis.
    corners = (mesh.vertices[mesh.triangles] + half) / (2 * half) * resolution
    main = np.abs(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])).argmax(axis=1)
    for axis in range(3):
        # The axis that the triangles face most comes last: over a column the plane crosses few voxels.
        order = [(axis + 1) % 3, (axis + 2) % 3, axis]
        view = touched.transpose(order)
        _touch(view, corners[main == axis][:, :, order])
    return touched


def _touch(touched: np.ndarray, corners: np.ndarray) -> None:
    """Mark the voxels that triangles ``[t, 3, 3]`` touch, which face the third axis more than the others."""
    size = len(touched)
    # A corner on the border of two voxels touches both.
    lowest = np.ceil(corners.min(axis=1) - CLOSED).clip(-1, size + 1).astype(np.int64) - 1
    highest = np.floor(corners.max(axis=1) + CLOSED).clip(-1, size).astype(np.int64)
    seen = ((highest >= 0) & (lowest < size)).all(axis=1)
    # A triangle whose box is one row of voxels touches all of them; of a fine mesh most are such.
    row = ((highest > lowest).sum(axis=1) <= 1)[seen]
    corners, lowest, highest = corners[seen], lowest[seen].clip(0), highest[seen].clip(None, size - 1)
    first, step = lowest[row], (highest > lowest)[row]
    counts = (highest[row] - first).max(axis=1, initial=0) + 1
    which, place = unrolled(counts)
    touched[tuple((first[which] + place[:, None] * step[which]).T)] = True
    corners, lowest, highest = corners[~row], lowest[~row], highest[~row]
    columns = (highest - lowest + 1)[:, :2].prod(axis=1)
    ends = np.cumsum(columns)
    if len(ends) and ends[-1] > MOST_COLUMNS:
        raise UserError(
            f"the mesh: so many large triangles that they pass {int(ends[-1]):,} columns of voxels; accepted: "
            f"{MOST_COLUMNS:,}, simplify it first"
        )
    first = 0
    while first < len(corners):
        start = ends[first] - columns[first]
        last = max(first + 1, int(np.searchsorted(ends, start + BLOCK, side="right")))
        _touch_block(touched, corners[first:last], lowest[first:last], highest[first:last])
        first = last


def _touch_block(touched: np.ndarray, corners: np.ndarray, lowest: np.ndarray, highest: np.ndarray) -> None:
    sides = highest[:, :2] - lowest[:, :2] + 1
    which, place = unrolled(sides.prod(axis=1))
    u, v = lowest[which, 0] + place // sides[which, 1], lowest[which, 1] + place % sides[which, 1]
    kept = _overlaps(corners[:, :, [0, 1]], which, u, v)
    which, u, v = which[kept], u[kept], v[kept]
    # Heights of the plane over the column: w = w0 + slope · (p - p0), over the square [u, u + 1] x [v, v + 1].
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    # A needle's plane is lost in rounding: all of its box is looked at, and the projections decide.
    flat = np.abs(normal[:, 2]) <= NEEDLE * np.ptp(corners, axis=1).max(axis=1)
    slope = np.divide(-normal[:, :2], normal[:, 2:], out=np.zeros((len(corners), 2)), where=~flat[:, None])
    middle = np.stack([u, v], axis=1) + 0.5 - corners[which, 0, :2]
    height = corners[which, 0, 2] + (slope[which] * middle).sum(axis=1)
    reach = 0.5 * np.abs(slope[which]).sum(axis=1) + CLOSED
    bottom = np.where(flat[which], lowest[which, 2], np.ceil(height - reach) - 1)
    top = np.where(flat[which], highest[which, 2], np.floor(height + reach))
    bottom = bottom.clip(lowest[which, 2], None).astype(np.int64)
    top = top.clip(None, highest[which, 2]).astype(np.int64)
    column, above = unrolled((top - bottom + 1).clip(0))
    w = bottom[column] + above
    which, u, v = which[column], u[column], v[column]
    kept = _overlaps(corners[:, :, [1, 2]], which, v, w) & _overlaps(corners[:, :, [2, 0]], which, w, u)
    touched[u[kept], v[kept], w[kept]] = True


def _overlaps(corners: np.ndarray, which: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Whether triangles ``[t, 3, 2]`` of a plane overlap squares [u, u + 1] x [v, v + 1], given their boxes do."""
    edges = np.roll(corners, -1, axis=1) - corners
    turn = edges[:, 0, 0] * edges[:, 1, 1] - edges[:, 0, 1] * edges[:, 1, 0]
    # Normals of the edges into the triangle; of one seen from its edge both sides are looked at, below.
    normals = np.stack([-edges[:, :, 1], edges[:, :, 0]], axis=-1) * np.where(turn < 0, -1.0, 1.0)[:, None, None]
    length = np.abs(normals).sum(axis=-1)
    # The direction of an edge that is a point in this projection is rounding alone: it must not decide anything.
    slack = CLOSED * (1 + length)
    offsets = -(normals * corners).sum(axis=-1) + normals.clip(0).sum(axis=-1) + slack
    kept = np.ones(len(which), dtype=bool)
    thin = np.abs(turn) <= CLOSED * length.max(axis=1)
    # Of a triangle seen from its edge, a side that is a point in this view has no direction: rounding gives it one.
    point = thin[:, None] & (length <= NEEDLE * length.max(axis=1, keepdims=True))
    normals, offsets = np.where(point[..., None], 0.0, normals), np.where(point, slack, offsets)
    length = np.where(point, 0.0, length)
    for edge in range(3):
        n, d = normals[which, edge], offsets[which, edge]
        value = n[:, 0] * u + n[:, 1] * v
        kept &= value + d >= 0
        # The other side of a line: -n, with the square's other corner.
        other = 2 * slack[which, edge] - d + length[which, edge]
        kept &= ~thin[which] | (-value + other >= 0)
    return kept


def unreachable(walls: np.ndarray) -> np.ndarray:
    """Voxels that cannot be reached from outside of the grid over faces of voxels that are no walls, bool."""
    from scipy import ndimage

    regions, _ = ndimage.label(np.pad(~walls, 1, constant_values=True))
    inner = regions[1:-1, 1:-1, 1:-1]
    return inner != regions[0, 0, 0]


def filled(mesh: Mesh, resolution: int, half: float = INNER) -> np.ndarray:
    """Solid ``fill``: voxels at least half of which the exterior cannot reach, on a grid 4 times as fine.

    (Twice as fine beyond 128 voxels along a side.)

    Args:
        mesh: in the frame of the grid; it may be open where the gap is narrower than a fine voxel.
        resolution: voxels along a side.
        half: half the side of the grid's cube.

    Returns:
        bool ``[r, r, r]``.
    """
    finer = min(FINER, MOST_FINE // resolution)
    counts = unreachable(surface_voxels(mesh, resolution * finer, half)).view(np.uint8)
    for axis in range(3):
        # One fine voxel after another: several times as fast as a mean over three axes.
        counts = np.moveaxis(counts, axis, 0)
        counts = np.moveaxis(np.add.reduce([counts[first::finer] for first in range(finer)], dtype=np.uint8), 0, axis)
    return counts >= 0.5 * finer**3


def voxelise(mesh: Mesh, resolution: int, rule: str = "centre", solid: str = "auto", half: float = INNER) -> Voxels:
    """Voxels of a mesh in the canonical frame (`hypernet.shapes.core.frames.normalised`), and what to know of them.

    Args:
        mesh: in the frame of the grid.
        resolution: voxels along a side.
        rule: one of :data:`RULES`.
        solid: one of :data:`SOLIDS`.
        half: half the side of the grid's cube.

    Raises:
        UserError: another rule, a resolution outside of 1 to 256, or far too many large triangles.
    """
    if rule not in RULES:
        raise UserError(f"rule: {rule!r} is none; accepted: {', '.join(RULES)}")
    if solid not in SOLIDS:
        raise UserError(f"solid: {solid!r} is none; accepted: {', '.join(SOLIDS)}")
    if not 1 <= resolution <= MOST_VOXELS_A_SIDE:
        raise UserError(f"resolution: {resolution} is not from 1 to {MOST_VOXELS_A_SIDE} voxels along a side")
    facing = oriented(mesh)
    notes = list(facing.notes)
    outside = float(np.abs(mesh.bounds).max()) / half
    if outside > 1 + 1e-6:
        notes.append(f"the mesh reaches {outside:.3g} times as far as the grid: what is outside of it is left out")
    ratio = float("nan")
    if solid == "fill":
        occupied = filled(facing, resolution, half)
    else:
        numbers = winding_on_grid(facing, resolution, half)
        occupied = numbers > 0.5
        count, inwards = int(occupied.sum()), int((numbers < -0.5).sum())
        if inwards > INVERTED * count:
            notes.append(f"some bodies face inwards: {inwards} voxels inside of them are not counted ({count} are)")
    if solid == "auto":
        by_fill = filled(facing, resolution, half)
        more = int(by_fill.sum())
        ratio = _ratio(more, count)
        solid = "fill" if ratio > THIN else "winding"
        if solid == "fill":
            occupied = by_fill
            times = (
                f"{ratio:.3g} times as many as the {count} of the winding number" if count else "winding number none"
            )
            notes.append(f"thin sheets: filling gives {more} voxels, {times}; filled was taken")
    walls = surface_voxels(facing, resolution, half)
    if rule == "touch":
        occupied = unreachable(walls) if solid == "fill" else walls | occupied
    lost = lost_share(walls, occupied)
    if lost > LOST:
        notes.append(
            f"parts thinner than a voxel are missing: {lost:.0%} of the voxels that the surface touches have no "
            "occupied one beside them; the rule touch keeps them, a finer grid may"
        )
    return Voxels(occupied, rule, solid, notes, ratio)


def lost_share(walls: np.ndarray, occupied: np.ndarray) -> float:
    """Share of the voxels that the surface touches that are neither occupied nor beside an occupied one."""
    from scipy import ndimage

    near = ndimage.binary_dilation(occupied, np.ones((3, 3, 3)))
    return float((walls & ~near).sum() / max(1, walls.sum()))


def _ratio(more: int, fewer: int) -> float:
    if not more:
        return 1.0 if not fewer else 0.0
    return more / fewer if fewer else float("inf")


def pad(occupied: np.ndarray, cells: int = PADDING) -> np.ndarray:
    """Voxels with empty ones around them: of the evaluation grid, those of the cube [-1, 1]³; last three axes."""
    return np.pad(occupied, [(0, 0)] * (occupied.ndim - 3) + [(cells, cells)] * 3)


def nearest_label(occupied: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Value of the voxel that each point of the cube [-1, 1]³ lies in, whose centre is the nearest one.

    The index is floor((p + 1) / 2 · G). The authors' program takes round((p + 1) / 2 · (G - 1)), as if the first and
    last centres lay on the faces of the cube: its labels are those of a shape larger by G / (G - 1), half a voxel at
    the border.

    Args:
        occupied: padded to the whole cube, ``[G, G, G]``, indexed by x, y, z.
        points: ``[..., 3]``; outside of the cube the nearest voxel counts.

    Returns:
        of the type of ``occupied``, ``[...]``.
    """
    size = len(occupied)
    index = np.floor((np.asarray(points, dtype=np.float64) + 1) / 2 * size).clip(0, size - 1).astype(np.int64)
    return occupied[index[..., 0], index[..., 1], index[..., 2]]
