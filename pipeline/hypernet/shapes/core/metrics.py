"""How like two shapes are: intersection over union of voxels, distances and normals of points on their surfaces.

Distances are of the canonical frame, whose cube [-1, 1]³ has the side 2.
"""

from __future__ import annotations

import numpy as np

from hypernet.lab.libraries import library
from hypernet.shapes.core.solids import Mesh, surface_samples

POINTS = 10_000
# Distance that counts as near for the F-score: 1 % of the cube's side (Tatarchenko et al., CVPR 2019).
NEAR = 0.01 * 2.0


def iou(a: np.ndarray, b: np.ndarray) -> np.ndarray | float:
    """Intersection over union of voxels: |A and B| / |A or B|, in [0, 1]; 1 where both are empty.

    Args:
        a: bool ``[..., r, r, r]``.
        b: the same; leading axes are broadcast.

    Returns:
        A number for one pair, else float64 ``[...]``.
    """
    a, b = np.asarray(a, dtype=bool), np.asarray(b, dtype=bool)
    if a.shape[-3:] != b.shape[-3:]:
        raise ValueError(f"voxels of {list(a.shape[-3:])} and {list(b.shape[-3:])} cannot be compared")
    axes = (-3, -2, -1)
    both = (a & b).sum(axis=axes)
    either = (a | b).sum(axis=axes)
    ratio = np.where(either == 0, 1.0, both / np.maximum(either, 1))
    return ratio if ratio.ndim else float(ratio)


Samples = tuple[np.ndarray, np.ndarray]


def _nearest(samples: Samples, others: Samples) -> tuple[np.ndarray, np.ndarray]:
    """Distance of each point to the nearest of the others, and |cosine| between the normals there, ``[n]`` each."""
    from scipy.spatial import cKDTree

    (points, normals), (other_points, other_normals) = samples, others
    distance, which = cKDTree(other_points).query(points)
    return distance, np.abs((normals * other_normals[which]).sum(axis=-1))


def chamfer_l1(predicted: Samples, truth: Samples) -> float:
    """Mean distance to the nearest point of the other sample, the mean of both ways (Mescheder et al., CVPR 2019).

    Args:
        predicted: points and normals on a surface, ``[n, 3]`` each, as from
            :func:`hypernet.shapes.core.solids.surface_samples`.
        truth: likewise.
    """
    return surface_scores(predicted, truth)["chamfer_l1"]


def f_score(predicted: Samples, truth: Samples, threshold: float = NEAR) -> float:
    """Harmonic mean of precision (predicted points near the truth) and recall (true points near the prediction).

    Args:
        predicted: points and normals, ``[n, 3]`` each.
        truth: likewise.
        threshold: what is near; 1 % of the side of the cube [-1, 1]³ unless given.
    """
    return surface_scores(predicted, truth, threshold)["f_score"]


def normal_consistency(predicted: Samples, truth: Samples) -> float:
    """Mean |cosine| between normals at nearest points, the mean of both ways; facing in or out makes no difference."""
    return surface_scores(predicted, truth)["normal_consistency"]


def surface_scores(predicted: Samples, truth: Samples, threshold: float = NEAR) -> dict[str, float]:
    """All scores of two samples of points and normals: each way's nearest points are looked for once.

    Returns:
        ``chamfer_l1``, its two ways ``accuracy`` (predicted to true) and ``completeness`` (true to predicted),
        ``f_score``, its ``precision`` and ``recall``, and ``normal_consistency``.
    """
    return _scores(_nearest(predicted, truth), _nearest(truth, predicted), threshold)


def mesh_scores(
    predicted: Mesh, truth: Mesh, count: int = POINTS, random: np.random.Generator | None = None
) -> dict[str, float]:
    """The scores of :func:`surface_scores` for two meshes of one frame: points of each against the other's surface.

    Between two samples even of one surface there is a distance, half the spacing of their points: at 10,000 points it
    is as large as what counts as near. So the nearest point is looked for on the other mesh itself, which is what
    samples come to as they grow.

    Args:
        predicted: a mesh.
        truth: a mesh.
        count: points on each.
        random: where they are drawn from; a fixed stream unless given.
    """
    random = random or np.random.default_rng(0)
    there = _nearest_on(surface_samples(predicted, count, random), truth)
    return _scores(there, _nearest_on(surface_samples(truth, count, random), predicted), NEAR)


def _nearest_on(samples: Samples, mesh: Mesh) -> Samples:
    """Distance of each point to a mesh, and |cosine| between the normals there, ``[n]`` each."""
    points, normals = samples
    igl = library("igl", "libigl", "shapes")
    squared, which, _ = igl.point_mesh_squared_distance(points, mesh.vertices, mesh.triangles)
    return np.sqrt(squared), np.abs((normals * mesh.normals[which]).sum(axis=-1))


def _scores(there: Samples, back: Samples, threshold: float) -> dict[str, float]:
    """Scores from distances and cosines of both ways: from the prediction to the truth, and back."""
    precision, recall = float((there[0] <= threshold).mean()), float((back[0] <= threshold).mean())
    accuracy, completeness = float(there[0].mean()), float(back[0].mean())
    return {
        "chamfer_l1": 0.5 * (accuracy + completeness),
        "accuracy": accuracy,
        "completeness": completeness,
        "f_score": 2 * precision * recall / (precision + recall) if precision + recall else 0.0,
        "precision": precision,
        "recall": recall,
        "normal_consistency": 0.5 * float(there[1].mean() + back[1].mean()),
    }
