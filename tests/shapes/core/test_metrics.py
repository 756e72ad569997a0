"""Scores against counts by hand, concentric spheres and distances of all pairs."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from hypernet.shapes.core.metrics import (
    NEAR,
    chamfer_l1,
    f_score,
    iou,
    mesh_scores,
    normal_consistency,
    surface_scores,
)
from hypernet.shapes.core.solids import Mesh, surface_samples


def test_iou_counts():
    a = np.zeros((2, 2, 2), bool)
    b = a.copy()
    assert iou(a, b) == 1.0  # both empty
    b[0, 0, 0] = True
    assert iou(a, b) == 0.0
    a[0, 0] = True
    assert iou(a, b) == 0.5
    batch = iou(np.stack([a, b, a & ~a]), b)
    assert batch.tolist() == [0.5, 1.0, 0.0]
    assert iou(np.stack([a, b])[:, None], np.stack([a, b])[None]).tolist() == [[1.0, 0.5], [0.5, 1.0]]
    with pytest.raises(ValueError, match=r"\[2, 2, 2\] and \[3, 3, 3\]"):
        iou(a, np.zeros((3, 3, 3), bool))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.floats(0, 1), st.floats(0, 1))
def test_iou_is_that_of_sets(seed, p, q):
    random = np.random.default_rng(seed)
    a, b = random.random((4, 4, 4)) < p, random.random((4, 4, 4)) < q
    sets = [{tuple(place) for place in np.argwhere(grid)} for grid in (a, b)]
    union = len(sets[0] | sets[1])
    assert iou(a, b) == (len(sets[0] & sets[1]) / union if union else 1.0)
    assert iou(a, b) == iou(b, a)


def test_all_pairs():
    random = np.random.default_rng(0)
    samples = []
    for count in (150, 200):
        normals = random.normal(size=(count, 3))
        samples.append((random.uniform(-1, 1, (count, 3)), normals / np.linalg.norm(normals, axis=1, keepdims=True)))
    (p, n), (q, m) = samples
    distance = np.linalg.norm(p[:, None] - q[None], axis=-1)
    there, back = distance.min(axis=1), distance.min(axis=0)
    cosine = np.abs(n @ m.T)
    expected = 0.5 * (
        cosine[np.arange(150), distance.argmin(1)].mean() + cosine[distance.argmin(0), np.arange(200)].mean()
    )
    assert chamfer_l1(*samples) == pytest.approx(0.5 * (there.mean() + back.mean()), rel=1e-12)
    assert normal_consistency(*samples) == pytest.approx(expected, rel=1e-12)
    precision, recall = (there <= 0.2).mean(), (back <= 0.2).mean()
    assert f_score(*samples, threshold=0.2) == pytest.approx(2 * precision * recall / (precision + recall), rel=1e-12)
    scores = surface_scores(*samples)
    assert (scores["accuracy"], scores["completeness"]) == pytest.approx((there.mean(), back.mean()))


def sphere(radius):
    ball = trimesh.creation.icosphere(4, radius)
    return Mesh(ball.vertices, ball.faces)


def test_concentric_spheres():
    scores = mesh_scores(sphere(0.6), sphere(0.5), 2000)
    assert scores["chamfer_l1"] == pytest.approx(0.1, abs=1e-3)
    assert scores["normal_consistency"] > 0.998
    assert (scores["f_score"], scores["precision"], scores["recall"]) == (0.0, 0.0, 0.0)
    assert NEAR == 0.02
    near = mesh_scores(sphere(0.51), sphere(0.5), 2000)
    assert (near["f_score"], near["chamfer_l1"]) == (1.0, pytest.approx(0.01, abs=2e-4))
    assert mesh_scores(sphere(0.51), sphere(0.5), 2000) == near


def test_a_mesh_against_itself():
    scores = mesh_scores(sphere(0.5), sphere(0.5), 2000)
    assert scores["chamfer_l1"] < 1e-9
    assert (scores["f_score"], scores["normal_consistency"]) == (1.0, pytest.approx(1.0))


def test_large_samples_come_to_the_distances_of_meshes():
    meshes = sphere(0.6), Mesh(sphere(0.5).vertices * np.array([1, 0.8, 0.7]), sphere(0.5).triangles)
    exact = mesh_scores(*meshes, count=1000)
    random = np.random.default_rng(1)
    sampled = surface_scores(*(surface_samples(mesh, 10_000, random) for mesh in meshes))
    for name in ("chamfer_l1", "accuracy", "completeness", "normal_consistency"):
        assert sampled[name] == pytest.approx(exact[name], rel=0.05)


def test_facing_the_other_way_makes_no_difference():
    points = np.random.default_rng(0).uniform(size=(50, 3))
    normals = np.broadcast_to([0.0, 0.0, 1.0], (50, 3))
    assert normal_consistency((points, normals), (points, -normals)) == 1.0
    assert chamfer_l1((points, normals), (points, -normals)) == 0.0
    assert f_score((points, normals), (points, normals)) == 1.0
