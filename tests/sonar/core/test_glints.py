"""Which parts of a surface are heard: closed forms of depths, areas and where a glint is."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from hypernet.shapes.core.solids import Mesh
from hypernet.sonar.core.glints import glints
from hypernet.sonar.core.poses import head_at


def test_half_of_a_sphere_is_seen_and_its_middle_glints():
    sphere = trimesh.creation.icosphere(4, 0.1)
    head = head_at(1.0, 30, 20)
    seen = glints([Mesh(sphere.vertices, sphere.faces)], head.position, 60e3, 343.2)
    # The cap that is seen from a distance d has the share (1 - a / d) / 2 of the sphere.
    assert seen.areas.sum() == pytest.approx(4 * np.pi * 0.01 * (1 - 0.1) / 2, rel=0.02)
    assert seen.depths_m.min() == pytest.approx(0.9, abs=1e-3)
    assert seen.levels_db.max() == 0
    loud = seen.levels_db > -3
    away = np.linalg.norm(seen.points[loud] - 0.1 * head.position, axis=1)
    assert away.max() < 0.04
    assert seen.levels_db[seen.depths_m > 0.95].max() < -10


def test_what_stands_behind_is_not_seen():
    near, far = (trimesh.creation.box((0.01, 0.2, 0.2)) for _ in range(2))
    far.apply_translation((-0.3, 0, 0))
    meshes = [Mesh(shape.vertices, shape.faces) for shape in (near, far)]
    seen = glints(meshes, np.array([1.0, 0, 0]), 40e3, 343.2)
    assert (seen.points[:, 0] > 0).all()
    assert seen.areas.sum() == pytest.approx(0.04, rel=1e-6)


def test_nothing_faces_the_mouth():
    sheet = Mesh(np.array([[0.0, -0.1, -0.1], [0, 0.1, -0.1], [0, 0, 0.1]]), np.array([[0, 2, 1]]))
    seen = glints([sheet], np.array([1.0, 0, 0]), 40e3, 343.2)
    assert len(seen.points) == len(seen.levels_db) == 0
