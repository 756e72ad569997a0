"""Sorts of surface: where it is flat, where it is curved and where it has a corner, and how well each is recovered.

What a sort is depends on scale; here it is that of the voxels by which shapes are compared. Around a sample of the
surface the normals of all samples within two voxels are looked at:

- ``corner``: the normal turns by more than 45 degrees from the sample's to that of another sample;
- ``flat``: no two normals are more than 10 degrees apart (looked for in two sweeps: the normal that is farthest from
  the sample's, then the one that is farthest from that), so that no sphere within the cube is flat;
- ``curved``: everything else.

The far side of a thin plate has normals that turn by 180 degrees, and the plate is flat all the same: a normal that
turns by more than 135 degrees belongs to another sheet and does not count. The plate's rim is a corner by its edge,
whose normals turn by 90 degrees. Where the edge is sharper than that, or too thin for samples, the sheet just ends:
both of its sides lie to one side of the sample. Such a sample is a corner too; at a blade the band of corner is
narrower (half a voxel) than at a right angle (two voxels), since the sheet has to end near the sample to be seen to.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hypernet.shapes.core.frames import PADDING, RESOLUTION
from hypernet.shapes.core.metrics import Samples
from hypernet.shapes.core.solids import Mesh

REGIONS = ("flat", "curved", "corner")
FLAT, CURVED, CORNER = range(len(REGIONS))
# Side of a voxel in the canonical cube, and the radius of the ball in which normals are compared.
VOXEL = 2.0 / (RESOLUTION + 2 * PADDING)
BALL = 2 * VOXEL
FLAT_DEG, CORNER_DEG, OPPOSITE_DEG = 10.0, 45.0, 135.0
# Bevels of 45 degrees are common: stored normals (half precision) must not decide what they are.
ROUNDING_DEG = 0.1
# A sheet ends where the middle of all its samples in the ball is off by so much of the ball's radius: on the border of
# a half-plane it is 4 / (3 pi) = 0.42. Among m samples chance moves it by 0.5 / sqrt(m); four times that is no chance.
ENDS, CHANCE = 0.3, 2.0


def _cosine(degrees: float) -> float:
    return float(np.cos(np.deg2rad(degrees + ROUNDING_DEG)))


def _units(normals: np.ndarray) -> np.ndarray:
    """Normals of length 1; those without a length stay 0."""
    normals = np.asarray(normals, dtype=np.float64)
    lengths = np.linalg.norm(normals, axis=-1, keepdims=True)
    return np.divide(normals, lengths, out=np.zeros_like(normals), where=lengths > 0)


def _dot(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Products of vectors ``[n, 3]`` row by row, ``[n]``."""
    return np.einsum("ij,ij->i", first, second)


def surface_regions(points: np.ndarray, normals: np.ndarray, radius: float = BALL) -> np.ndarray:
    """The sort of each sample of a surface; see the module.

    Args:
        points: on the surface, canonical frame, ``[n, 3]``.
        normals: outward there, ``[n, 3]``.
        radius: of the ball in which normals are compared; two voxels unless given.

    Returns:
        places in :data:`REGIONS`, uint8 ``[n]``.

    Raises:
        ValueError: shapes that do not belong together.
    """
    from scipy.sparse import coo_array
    from scipy.spatial import cKDTree

    points = np.asarray(points, dtype=np.float64)
    if points.ndim != 2 or points.shape[1:] != (3,) or points.shape != np.shape(normals):
        raise ValueError(f"points and normals of one shape [n, 3] are needed, got {points.shape}, {np.shape(normals)}")
    count = len(points)
    if not count:
        return np.zeros(0, dtype=np.uint8)
    units = _units(normals)
    pairs = cKDTree(points).query_pairs(radius, output_type="ndarray")
    both, everyone = np.concatenate([pairs, pairs[:, ::-1]]), np.arange(count)
    rows, columns = np.concatenate([both, np.stack([everyone, everyone], axis=1)]).T
    # Sorted by sample: each with its neighbours and itself.
    near = coo_array((np.ones(len(rows), dtype=bool), (rows, columns)), shape=(count, count)).tocsr()
    starts, columns = near.indptr[:-1], near.indices
    sizes = np.diff(near.indptr)
    rows = np.repeat(everyone, sizes)

    turn = _dot(units[rows], units[columns])
    opposite = turn < _cosine(OPPOSITE_DEG)
    turn[opposite] = 1.0
    farthest = np.minimum.reduceat(turn, starts)
    # The neighbour whose normal is farthest from the sample's, then the one farthest from that.
    at = np.flatnonzero(turn == farthest[rows])
    outermost = np.empty(count, dtype=np.int64)
    outermost[rows[at[::-1]]] = columns[at[::-1]]
    across = _dot(units[outermost][rows], units[columns])
    across[opposite | (across < _cosine(OPPOSITE_DEG))] = 1.0
    widest = np.minimum.reduceat(across, starts)

    labels = np.full(count, CURVED, dtype=np.uint8)
    labels[widest >= _cosine(FLAT_DEG)] = FLAT
    labels[farthest < _cosine(CORNER_DEG)] = CORNER
    thin = np.logical_or.reduceat(opposite, starts)
    labels[thin & _ends(points, units, near.indptr, columns, radius)] = CORNER
    return labels


def _ends(
    points: np.ndarray, units: np.ndarray, pointers: np.ndarray, columns: np.ndarray, radius: float
) -> np.ndarray:
    """Whether all samples around each lie to one side of it, in its tangent plane; bool ``[n]``."""
    sizes = np.diff(pointers)
    offset = np.add.reduceat(points[columns], pointers[:-1]) / sizes[:, None] - points
    offset -= _dot(offset, units)[:, None] * units
    return np.linalg.norm(offset, axis=1) > radius * np.maximum(ENDS, CHANCE / np.sqrt(sizes))


@dataclass(frozen=True)
class RegionScores:
    """How well the surface of one sort is recovered.

    Attributes:
        recall: share of the true samples that have a predicted point within a voxel; None where there are none.
        precision: share of the predicted points nearest to them that are within a voxel; None where there are none.
        normal_error: mean angle in degrees, 0 to 90, between the true normal and that of the nearest predicted point,
            over true samples that have one within two voxels; facing in or out makes no difference; None where there
            are none.
        count: true samples of this sort.
    """

    recall: float | None
    precision: float | None
    normal_error: float | None
    count: int


def region_scores(
    predicted: Samples, truth: Samples, labels: np.ndarray, near: float = VOXEL
) -> dict[str, RegionScores]:
    """Recall, precision and error of the normals on each sort of the true surface.

    Between two samples of one surface there is a distance too: recall of a perfect surface of area A by n samples is
    1 - exp(-pi near² n / A), 0.98 for 4000 samples of an area of 10.

    Args:
        predicted: points and normals on the predicted surface, ``[m, 3]`` each; none where nothing was predicted.
        truth: on the true surface, ``[n, 3]`` each.
        labels: sort of each true sample, as from :func:`surface_regions`, ``[n]``.
        near: what is near; a voxel unless given. Normals are compared within twice that.

    Returns:
        by the names of :data:`REGIONS`.
    """
    from scipy.spatial import cKDTree

    (points, normals), (true_points, true_normals) = predicted, truth
    labels = np.asarray(labels)
    if labels.shape != (len(true_points),):
        raise ValueError(f"{len(true_points)} true samples need as many labels, got the shape {labels.shape}")
    if not len(points) or not len(true_points):
        missed = {place: 0.0 if (labels == place).any() else None for place in range(len(REGIONS))}
        return {
            name: RegionScores(missed[place], None, None, int((labels == place).sum()))
            for place, name in enumerate(REGIONS)
        }
    back, which = cKDTree(points).query(true_points)
    there, nearest = cKDTree(true_points).query(points)
    cosines = np.abs(_dot(_units(true_normals), _units(normals)[which]))
    angles = np.rad2deg(np.arccos(np.minimum(cosines, 1.0)))
    scores = {}
    for place, name in enumerate(REGIONS):
        true, given = labels == place, labels[nearest] == place
        scores[name] = RegionScores(
            _mean(back[true] <= near),
            _mean(there[given] <= near),
            _mean(angles[true & (back <= 2 * near)]),
            int(true.sum()),
        )
    return scores


def _mean(values: np.ndarray) -> float | None:
    return float(values.mean()) if len(values) else None


def sphericity(mesh: Mesh) -> float | None:
    """Area of the ball of a mesh's volume over the mesh's area, pi^(1/3) (6 V)^(2/3) / A (Wadell 1935): 1 for a ball.

    Args:
        mesh: closed, facing outwards, without parts that overlap (as a union is).

    Returns:
        In (0, 1]; None for a mesh without a volume.
    """
    if not (mesh.area > 0 and mesh.volume > 0):
        return None
    return float(np.pi ** (1 / 3) * (6 * mesh.volume) ** (2 / 3) / mesh.area)
