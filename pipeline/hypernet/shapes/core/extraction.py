"""From a field to a mesh: marching cubes on a fine grid of which only the cells near the surface are evaluated."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.libraries import library
from hypernet.shapes.core.frames import centres
from hypernet.shapes.core.solids import Mesh

Field = Callable[[np.ndarray], np.ndarray]
# Points that a field is asked for at once.
BLOCK = 65_536
# Fewest and most cells along a side: 512³ takes two gigabytes.
SMALLEST, LARGEST = 4, 512
# Where the start grid sees no surface, finer ones are tried up to this one (two million points).
FINEST_SEARCH = 128
# No value is nearer to the level than this share of the median distance of those beside the surface: where a value
# is on the level itself, marching cubes makes triangles of no area.
NEAREST = 1e-3
# Differences of values stay in single precision.
LARGEST_VALUE = np.float32(1e38)


class EmptyFieldError(UserError):
    """A field without a surface: it is outside everywhere, or inside everywhere."""


def extract(field: Field, resolution: int = 128, level: float = 0.0, start: int = 32, half: float = 1.0) -> Mesh:
    """The surface where a field crosses ``level``, as a closed mesh in the field's own coordinates.

    The field is sampled at the cell centres of ``grid(resolution, half)``. First only every so many of them are
    evaluated, about ``start`` along a side; then, at every halving of the distance, those of the cells whose corners
    lie on both sides of the level, and of the cells around them (as in the multiresolution extraction of Mescheder et
    al., "Occupancy Networks", CVPR 2019). At each distance the surface is followed to where it leaves these cells:
    the mesh is that of the whole grid for every piece of the surface that the start grid sees a part of. A field that
    is inside at the border of the cube is closed there.

    Args:
        field: values float32 ``[n]`` at points float32 ``[n, 3]``, larger inside; asked for 65,536 points at once.
        resolution: cells along a side of the cube, 4 to 512.
        level: inside is where the field is larger.
        start: cells along a side of the first grid; parts thinner than one of them may be missed.
        half: half the side of the cube, whose centre is the origin.

    Returns:
        The mesh, triangles anticlockwise from outside.

    Raises:
        EmptyFieldError: no surface in the cube.
        UserError: the resolution or the start is out of range, the field has values that are no finite numbers, or
            scikit-image is missing.
    """
    if not SMALLEST <= resolution <= LARGEST:
        raise UserError(f"resolution: {resolution}; accepted: {SMALLEST} to {LARGEST} cells along a side")
    if start < SMALLEST:
        raise UserError(f"start: {start}; accepted: {SMALLEST} cells along a side or more")
    measure = library("skimage.measure", "scikit-image", "shapes")
    # One layer more on each side, as far outside as its neighbour is inside: where the object reaches the border of
    # the cube, the surface lies half a cell beyond the last centres, on the border.
    values = np.pad(_off_the_level(_sampled(field, resolution, level, start, half)), 1, mode="edge")
    for axis in range(3):
        for end in (0, -1):
            layer = np.moveaxis(values, axis, 0)[end]
            np.negative(np.abs(layer), out=layer)
    # Marching cubes looks at every cell: only the box around the object.
    box = _box(values > 0)
    vertices, triangles, _, _ = measure.marching_cubes(values[box], level=0.0, gradient_direction="ascent")
    corner = np.array([side.start - 1 for side in box])
    first, second = centres(resolution, half)[:2]
    return Mesh(first + (vertices.astype(np.float64) + corner) * (second - first), triangles.astype(np.int64))


def _sampled(field: Field, resolution: int, level: float, start: int, half: float) -> np.ndarray:
    """Field minus level at the cell centres, ``[r, r, r]``: evaluated around the surface, elsewhere right in sign."""
    axis = centres(resolution, half).astype(np.float32)
    stride = 1
    while resolution // (2 * stride) >= start:
        stride *= 2
    while True:
        rows = _rows(resolution, stride)
        known = np.zeros((len(rows),) * 3, dtype=bool)
        values = np.zeros(known.shape, dtype=np.float32)
        _evaluate(field, level, axis[rows], ~known, values, known)
        inside = values > 0
        if inside.any() and not inside.all():
            break
        stride //= 2
        if not stride or resolution // stride > FINEST_SEARCH:
            where, nearest = ("inside", float(values.min())) if inside.all() else ("outside", float(values.max()))
            raise EmptyFieldError(
                f"there is no surface: the field is {where} at all of {len(rows)}³ points"
                f" (nearest to the level {level:g}: {nearest + level:.3g})"
            )
    while True:
        # Follow the surface: the corners of a cell that it passes may not all have been asked for.
        while (ask := _corners(_passed(values > 0)) & ~known).any():
            _evaluate(field, level, axis[rows], ask, values, known)
        if stride == 1:
            return values
        stride //= 2
        cells = _with_neighbours(_passed(values > 0))
        coarse, rows = rows, _rows(resolution, stride)
        # A new point takes the value of the old one below it: the cells that are not refined have one sign.
        below = np.searchsorted(coarse, rows, side="right") - 1
        old = coarse[below] == rows
        values, known = values[np.ix_(below, below, below)], known[np.ix_(below, below, below)]
        known &= old[:, None, None] & old[:, None] & old
        _evaluate(field, level, axis[rows], _touched(cells, below, old) & ~known, values, known)


def _evaluate(
    field: Field, level: float, axis: np.ndarray, ask: np.ndarray, values: np.ndarray, known: np.ndarray
) -> None:
    """Ask the field at the marked points of a grid, in blocks, and note the answers."""
    places = np.flatnonzero(ask)
    flat = values.reshape(-1)
    for begin in range(0, len(places), BLOCK):
        block = places[begin : begin + BLOCK]
        points = axis[np.stack(np.unravel_index(block, ask.shape), axis=-1)]
        answers = np.asarray(field(points), dtype=np.float32).reshape(len(block)) - np.float32(level)
        if not np.isfinite(answers).all():
            bad = int(np.argmax(~np.isfinite(answers)))
            raise UserError(
                f"the field is {answers[bad]} at {points[bad].round(3).tolist()}: finite numbers are needed"
            )
        flat[block] = answers.clip(-LARGEST_VALUE, LARGEST_VALUE)
    known |= ask


def _off_the_level(values: np.ndarray) -> np.ndarray:
    """The values with those on the level, or next to it, moved a little away from it."""
    beside = np.abs(values[_corners(_passed(values > 0))])
    least = np.float32(max(NEAREST * float(np.median(beside)), float(np.finfo(np.float32).tiny)))
    return np.where(np.abs(values) < least, np.where(values > 0, least, -least), values)


def _rows(resolution: int, stride: int) -> np.ndarray:
    """Which centres along an axis a grid of this stride has: the last one always."""
    rows = np.arange(0, resolution, stride)
    return rows if rows[-1] == resolution - 1 else np.append(rows, resolution - 1)


def _passed(inside: np.ndarray) -> np.ndarray:
    """Cells between the points ``[r, r, r]`` that the surface passes, ``[r-1, r-1, r-1]``."""
    some = every = inside
    for axis in range(3):
        low, high = _ends(some, axis)
        some = low | high
        low, high = _ends(every, axis)
        every = low & high
    return some & ~every


def _corners(cells: np.ndarray) -> np.ndarray:
    """Points that are corners of marked cells."""
    points = np.pad(cells, ((0, 1),) * 3)
    for axis in range(3):
        low, high = _ends(points, axis)
        high |= low.copy()
    return points


def _with_neighbours(cells: np.ndarray) -> np.ndarray:
    """Marked cells and those that share a corner with them."""
    cells = cells.copy()
    for axis in range(3):
        before = cells.copy()
        low, high = _ends(cells, axis)
        old_low, old_high = _ends(before, axis)
        low |= old_high
        high |= old_low
    return cells


def _touched(cells: np.ndarray, below: np.ndarray, old: np.ndarray) -> np.ndarray:
    """Points of the finer grid in or on marked cells of the coarser one."""
    cells = np.pad(cells, 1)
    for axis in range(3):
        # The cell that begins at the old point below, and for an old point also the one that ends there.
        cells = cells.take(below + 1, axis) | cells.take(np.where(old, below, below + 1), axis)
    return cells


def _ends(array: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """All but the last and all but the first along an axis, as views."""
    array = np.moveaxis(array, axis, 0)
    return np.moveaxis(array[:-1], 0, axis), np.moveaxis(array[1:], 0, axis)


def _box(inside: np.ndarray) -> tuple[slice, ...]:
    """The smallest box with all points inside and one more on each side."""
    sides = []
    for axis in range(3):
        filled = np.flatnonzero(inside.any(axis=tuple(other for other in range(3) if other != axis)))
        sides.append(slice(int(filled[0]) - 1, int(filled[-1]) + 2))
    return tuple(sides)
