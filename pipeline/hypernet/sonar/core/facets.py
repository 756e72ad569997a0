"""Regular samples of the facets that face a point: the cells over which the echo's integral is summed.

Each facet is cut at its height into two right-angled triangles, each of these into slices across its longer leg, and
each slice into cells of equal area, so that a long thin facet has as many cells as it is long. Cells are placed
regularly: random ones would add noise of 1/√N, above the weak echoes off the glint. A cell carries two edge vectors,
those of the parallelogram with its covariance: with them the phase over a cell is integrated, not only taken at its
middle.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.shapes.core.solids import Mesh

# More cells are an input error (a mesh in millimetres, say), not a wait of minutes and a GB of memory.
MOST_SAMPLES = 4_000_000
# Lengths that differ by less count as equal: which edge is the base then follows from the vertices' numbers.
_ALIKE = 1e-9


@dataclass(frozen=True, eq=False)
class Samples:
    """Cells of a surface, facet by facet.

    Attributes:
        points: their centroids, float64 ``[n, 3]``.
        areas: square metres, ``[n]``.
        normals: outward unit normals, ``[n, 3]``.
        facet: number of the triangle, int64 ``[n]``.
        edges: two edge vectors of the parallelogram with the covariance of the cell, ``[n, 2, 3]``.
        place: number of the cell within its facet, int64 ``[n]``.
    """

    points: np.ndarray
    areas: np.ndarray
    normals: np.ndarray
    facet: np.ndarray
    edges: np.ndarray
    place: np.ndarray

    def __len__(self) -> int:
        return len(self.points)

    def at(self, which: np.ndarray) -> Samples:
        """Those of a mask or of indices."""
        return Samples(*(getattr(self, name)[which] for name in self.__dataclass_fields__))

    def joined(self, other: Samples) -> Samples:
        """These and others."""
        return Samples(
            *(np.concatenate([getattr(self, name), getattr(other, name)]) for name in self.__dataclass_fields__)
        )

    def split(self, parts: np.ndarray) -> Samples:
        """Every cell cut along both of its edges into ``parts``, int ``[n, 2]``; area and covariance stay."""
        of_cell, number = _spread(parts.prod(axis=1))
        counts = parts[of_cell]
        steps = np.stack([number // counts[:, 1], number % counts[:, 1]], axis=1)
        offsets = (steps + 0.5) / counts - 0.5
        edges = self.edges[of_cell]
        return Samples(
            self.points[of_cell] + np.einsum("ne,nec->nc", offsets, edges),
            (self.areas / parts.prod(axis=1))[of_cell],
            self.normals[of_cell],
            self.facet[of_cell],
            edges / counts[..., None],
            self.place[of_cell],
        )

    def part(self, covered: np.ndarray) -> Samples:
        """Cells of which only some parts count, as what those parts are together: area, centroid and covariance.

        Args:
            covered: which of p x p equal parts along both edges, bool ``[n, p, p]``, at least one of each cell.
        """
        p = covered.shape[1]
        steps = (np.arange(p) + 0.5) / p - 0.5
        weights = covered / covered.sum(axis=(1, 2), keepdims=True)
        along, across = weights.sum(axis=2), weights.sum(axis=1)
        mean = np.stack([along @ steps, across @ steps], axis=1)
        first = along @ steps**2 - mean[:, 0] ** 2 + 1 / (12 * p**2)
        second = across @ steps**2 - mean[:, 1] ** 2 + 1 / (12 * p**2)
        both = np.einsum("nij,i,j->n", weights, steps, steps) - mean.prod(axis=1)
        # Cholesky's factor of the covariance in units of the edges: the new edges have it.
        factor = np.zeros((len(covered), 2, 2))
        factor[:, 0, 0] = np.sqrt(first)
        factor[:, 1, 0] = both / factor[:, 0, 0]
        factor[:, 1, 1] = np.sqrt(np.maximum(second - factor[:, 1, 0] ** 2, 0))
        return Samples(
            self.points + np.einsum("ne,nec->nc", mean, self.edges),
            self.areas * covered.mean(axis=(1, 2)),
            self.normals,
            self.facet,
            np.sqrt(12) * np.einsum("ned,nec->ndc", factor, self.edges),
            self.place,
        )


def sampled(
    mesh: Mesh,
    spacing_m: float,
    towards: np.ndarray | None = None,
    direction: np.ndarray | None = None,
) -> Samples:
    """Cells of the facets that face a point or a direction; of all facets without both.

    The cells of a facet do not depend on where it is looked at from. Mirrored meshes have mirrored cells.

    Args:
        mesh: in metres.
        spacing_m: longest side of a cell.
        towards: point that the facets face, ``[3]``.
        direction: direction that they face, ``[3]``.

    Returns:
        Samples whose areas sum to those of their facets.

    Raises:
        UserError: a spacing that is not above 0, or one so fine that there are more than 4 million cells.
    """
    if not 0 < spacing_m < np.inf:
        raise UserError(f"spacing of samples: {spacing_m:g} m is not above 0")
    facing = mesh.areas > 0
    if towards is not None:
        facing &= np.einsum("tc,tc->t", mesh.normals, np.asarray(towards) - mesh.vertices[mesh.triangles[:, 0]]) > 0
    if direction is not None:
        facing &= mesh.normals @ np.asarray(direction, dtype=np.float64) > 0
    facet = np.flatnonzero(facing)
    halves = _halves(mesh, facet)
    long, short = np.linalg.norm(halves.long, axis=1), np.linalg.norm(halves.short, axis=1)

    total = float(mesh.areas[facet].sum())
    least = max(total / spacing_m**2, float(np.maximum(long / spacing_m, 1).sum()))
    if least <= MOST_SAMPLES:
        slices = _parts(long, spacing_m)
        of_slice, number = _spread(slices)
        # Where a slice begins and ends, of the long leg from its sharp corner.
        low, high = number / slices[of_slice], (number + 1) / slices[of_slice]
        parts = _parts(short[of_slice] * high, spacing_m)
        least = parts.sum()
    if least > MOST_SAMPLES:
        raise UserError(
            f"{least:,.0f} samples {spacing_m * 1e3:.3g} mm apart on {total:.3g} m²; at most {MOST_SAMPLES:,} are "
            "accepted: is the mesh in metres?"
        )
    # The height grows with the place x from the corner: mean of x, of its square, and its variance over the area.
    mean = 2 / 3 * (low**2 + low * high + high**2) / (low + high)
    square = (low**2 + high**2) / 2
    area = (long * short)[of_slice] * (high**2 - low**2) / (2 * parts)

    of_cell, part = _spread(parts)
    half = of_slice[of_cell]
    upwards = halves.short[half]
    line = halves.long[half] + ((part + 0.5) / parts[of_cell])[:, None] * upwards
    edges = np.stack(
        [
            line * np.sqrt(12 * np.maximum(square - mean**2, 0))[of_cell][:, None],
            upwards * (np.sqrt(square) / parts)[of_cell][:, None],
        ],
        axis=1,
    )
    owner = half // 2
    cells = np.bincount(of_slice // 2, parts, minlength=len(facet)).astype(np.int64)
    return Samples(
        halves.corner[half] + mean[of_cell][:, None] * line,
        area[of_cell],
        mesh.normals[facet][owner],
        facet[owner],
        edges,
        _spread(cells)[1],
    )


@dataclass(frozen=True, eq=False)
class _Halves:
    """Right-angled triangles, two for each facet: the sharpest corner, the long leg from there, the short one after it.

    Each ``[2 t, 3]``.
    """

    corner: np.ndarray
    long: np.ndarray
    short: np.ndarray


def _halves(mesh: Mesh, facet: np.ndarray) -> _Halves:
    """Facets cut at the height above their longest edge."""
    triangles = mesh.triangles[facet]
    corners = mesh.vertices[triangles]
    opposite = ((corners[:, [1, 2, 0]] - corners[:, [2, 0, 1]]) ** 2).sum(axis=2)
    longest = opposite >= opposite.max(axis=1, keepdims=True) * (1 - _ALIKE)
    apex = np.where(longest, triangles, np.iinfo(np.int64).max).argmin(axis=1)
    every = np.arange(len(facet))
    first, second = (apex + 1) % 3, (apex + 2) % 3
    start, end, top = corners[every, first], corners[every, second], corners[every, apex]
    base = end - start
    share = np.einsum("tc,tc->t", top - start, base) / np.einsum("tc,tc->t", base, base)
    # From the end that is further from the foot; a mirrored triangle has the same.
    turn = np.where(np.abs(share - 0.5) > _ALIKE, share < 0.5, triangles[every, first] > triangles[every, second])[
        :, None
    ]
    start, end, share = np.where(turn, end, start), np.where(turn, start, end), np.where(turn[:, 0], 1 - share, share)
    foot = start + np.clip(share, 0, 1)[:, None] * (end - start)
    at = np.stack([start, end], axis=1).reshape(-1, 3)
    foot, top = np.repeat(foot, 2, axis=0), np.repeat(top, 2, axis=0)
    along, height = foot - at, top - foot
    flat = ((along**2).sum(axis=1) >= (height**2).sum(axis=1) * (1 - _ALIKE))[:, None]
    # From the end of the base to the foot and up, or from the top down to the foot and along.
    return _Halves(np.where(flat, at, top), np.where(flat, along, -height), np.where(flat, height, -along))


def _parts(lengths: np.ndarray, spacing_m: float) -> np.ndarray:
    """Into how many parts lengths are cut, none longer than the spacing."""
    return np.maximum(np.ceil(lengths / spacing_m * (1 - 1e-12)), 1).clip(max=1e12).astype(np.int64)


def _spread(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For counts ``[m]``: the index of each and its number among those of one index, ``[sum of counts]``."""
    index = np.repeat(np.arange(len(counts)), counts)
    ends = np.cumsum(counts)
    return index, np.arange(len(index)) - (ends - counts)[index]
