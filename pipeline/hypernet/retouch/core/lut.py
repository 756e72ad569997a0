"""Colour maps as a lattice, the three-dimensional look-up table that editors read, and what is lost by it.

Between its nodes a lattice is linear: along the edges of a cell (trilinear), or in each of six tetrahedra that a cell
is cut into. A map is curved, and the error that comes of this is small, hundredths of a level of 8 bits. Where it is
clamped at 0 or 1 it has a crease, and where a crease crosses a cell of clamped nodes the error is levels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from hypernet.retouch.core.colour_map import ColourMap
from hypernet.retouch.core.pixels import apply_maps

SIZE = 33
INTERPOLATIONS = ("trilinear", "tetrahedral")
# Colours drawn at which a lattice is compared with its maps, beside those of a lattice twice as fine.
DRAWN, SEED = 100_000, 0


class LatticeError(NamedTuple):
    """Differences between a lattice and its maps, in levels of 8 bits, over all channels.

    Attributes:
        largest: of all colours looked at.
        mean: of colours drawn evenly from the cube.
    """

    largest: float
    mean: float


def lattice(maps: Sequence[ColourMap], size: int = SIZE, *, clamp: bool = False) -> np.ndarray:
    """What the maps in sequence make of a regular grid of colours.

    Without ``clamp`` nodes lie outside [0, 1] where the last map does. The format .cube allows it, and a program that
    interpolates before it clamps, as Pillow and ffmpeg do, meets no crease inside a cell: the error is some hundred
    times smaller; the creases of maps before the last stay. A program that clamps the nodes when it reads them has the
    error of ``clamp=True``.

    Args:
        maps: applied one after the other; between them colours are clamped to [0, 1] as ``apply_maps`` does.
        size: S, nodes along an axis from 0 to 1, at least 2.
        clamp: to [0, 1], after the last map too.

    Returns:
        float32 ``[S, S, S, 3]``, indexed by red, green and blue.
    """
    colours = apply_maps(_grid(size), maps[:-1])
    return apply_maps(colours, maps[-1:], clamp=clamp).reshape(size, size, size, 3)


def sampled(lattice: np.ndarray, colours: np.ndarray, interpolation: str = "trilinear") -> np.ndarray:
    """Colours through a lattice, as a program that reads it would.

    Args:
        lattice: ``[S, S, S, 3]``, indexed by red, green and blue.
        colours: ``[..., 3]``, clamped to [0, 1].
        interpolation: ``trilinear`` or ``tetrahedral``.

    Returns:
        float64 ``[..., 3]``.

    Raises:
        ValueError: another interpolation.
    """
    if interpolation not in INTERPOLATIONS:
        raise ValueError(f"interpolation {interpolation!r} must be {' or '.join(INTERPOLATIONS)}")
    size = len(lattice)
    places = np.clip(np.asarray(colours, dtype=np.float64), 0, 1) * (size - 1)
    cell = np.minimum(places.astype(np.int64), size - 2)
    share = places - cell
    nodes = lattice.reshape(-1, 3)
    steps = np.array([size * size, size, 1])
    first = cell @ steps
    if interpolation == "tetrahedral":
        return _along_a_path(nodes, first, steps, share)
    values = np.zeros(share.shape)
    for corner in np.ndindex(2, 2, 2):
        weight = np.where(corner, share, 1 - share).prod(axis=-1)
        values += weight[..., None] * nodes[first + int(np.dot(corner, steps))]
    return values


def _along_a_path(nodes: np.ndarray, first: np.ndarray, steps: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Tetrahedral: from a cell's first node to its last along the axes in the order of their shares, largest first."""
    order = np.argsort(-share, axis=-1, kind="stable")
    falling = np.take_along_axis(share, order, axis=-1)
    values = (1 - falling[..., :1]) * nodes[first]
    at = first
    for number in range(3):
        at = at + steps[order[..., number]]
        following = falling[..., number + 1] if number < 2 else 0.0
        values = values + (falling[..., number] - following)[..., None] * nodes[at]
    return values


def error_of(maps: Sequence[ColourMap], lattice: np.ndarray) -> LatticeError:
    """How far a lattice is from its maps, by either interpolation, whichever is further.

    Looked at are 100 000 colours drawn evenly from the cube and those of a lattice twice as fine, the middles of all
    cells among them: between these the error may be a little larger than the largest. What the lattice gives is
    clamped to [0, 1], as a picture is. Of a program that clamps the nodes when it reads them, the error is that of
    ``lattice.clip(0, 1)``.

    Args:
        maps: applied one after the other, clamped to [0, 1].
        lattice: ``[S, S, S, 3]``, indexed by red, green and blue.
    """
    drawn = np.random.default_rng(SEED).random((DRAWN, 3), dtype=np.float32)
    of_drawn, of_fine = _apart(maps, lattice, drawn), _apart(maps, lattice, _grid(2 * len(lattice) - 1))
    return LatticeError(float(max(of_drawn.max(), of_fine.max())), float(of_drawn.mean(axis=(1, 2)).max()))


def largest_error(maps: Sequence[ColourMap], lattice: np.ndarray) -> float:
    """The largest of the errors of ``error_of``, in levels of 8 bits."""
    return error_of(maps, lattice).largest


def _apart(maps: Sequence[ColourMap], lattice: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Distances in levels of 8 bits by each interpolation, ``[2, N, 3]``."""
    exact = apply_maps(colours, maps)
    return np.stack([255 * np.abs(np.clip(sampled(lattice, colours, way), 0, 1) - exact) for way in INTERPOLATIONS])


def _grid(size: int) -> np.ndarray:
    """Colours of a regular grid, blue fastest, float32 ``[size³, 3]``."""
    axis = np.linspace(0, 1, size, dtype=np.float32)
    return np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
