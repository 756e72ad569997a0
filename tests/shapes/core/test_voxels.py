"""Voxels against closed forms, exact clipping, and the mirror's reference files."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from hypernet.lab.errors import UserError
from hypernet.shapes.core import voxels
from hypernet.shapes.core.frames import INNER, grid, normalised
from hypernet.shapes.core.metrics import iou
from hypernet.shapes.core.solids import Mesh, oriented, surface_samples, winding
from hypernet.shapes.core.voxels import (
    filled,
    lost_share,
    nearest_label,
    occupancy,
    on_grid,
    pad,
    surface_voxels,
    unreachable,
    voxelise,
    winding_on_grid,
)
from hypernet.shapes.names import CLASSES
from hypernet.shapes.sources.mesh_files import read_mesh
from hypernet.shapes.sources.procedural import generate


def of(shape) -> Mesh:
    return Mesh(shape.vertices, shape.faces)


BALL = of(trimesh.creation.icosphere(5, 0.5))


def test_a_ball_has_the_voxels_of_its_equation():
    expected = np.linalg.norm(grid(32), axis=-1) < 0.5
    # Two voxels' centres may lie between the ball and its triangles.
    assert (occupancy(BALL, 32) != expected).sum() <= 2
    np.testing.assert_array_equal(occupancy(lambda points: np.linalg.norm(points, axis=-1) < 0.5, 32), expected)

    class Ball:
        def inside(self, points):
            return np.linalg.norm(points, axis=-1) < 0.5

    np.testing.assert_array_equal(occupancy(Ball(), 32), expected)


def test_a_ball_in_a_ball():
    inner, outer = (np.linalg.norm(grid(64, 1.0), axis=-1) < radius for radius in (0.5, 0.6))
    assert iou(inner, outer) == pytest.approx(0.5857, abs=5e-5)
    meshes = [of(trimesh.creation.icosphere(5, radius)) for radius in (0.5, 0.6)]
    assert iou(*(occupancy(mesh, 64, 1.0) for mesh in meshes)) == pytest.approx(0.5857, abs=2e-3)


def test_blocks_of_a_large_grid_join():
    box = of(trimesh.creation.box((0.7, 1.1, 0.3)))
    expected = (np.abs(grid(80, 1.0)) < [0.35, 0.55, 0.15]).all(axis=-1)
    np.testing.assert_array_equal(occupancy(box, 80, 1.0), expected)
    np.testing.assert_array_equal(on_grid(lambda points: points[:, 1], 80), grid(80)[..., 1])


def test_regions_of_a_closed_surface_share_a_winding_number():
    torus = of(trimesh.creation.torus(0.5, 0.2))
    other = of(trimesh.creation.box((0.3, 1.2, 0.3)))
    both = Mesh(np.concatenate([torus.vertices, other.vertices]),
                np.concatenate([torus.triangles, other.triangles + len(torus.vertices)]))  # fmt: skip
    np.testing.assert_allclose(winding_on_grid(both, 24), winding(both, grid(24)), atol=0.02)


@pytest.mark.parametrize("copies", [1, 3])
def test_around_an_open_mesh_nothing_is_missed(copies):
    # Of three shells in one place the winding number is above 1/2 in front of the opening too.
    ball = of(trimesh.creation.icosphere(3, 0.3))
    bowl = ball.triangles[ball.vertices[ball.triangles].mean(axis=1)[:, 1] < 0.1]
    mesh = Mesh(ball.vertices + np.array([0.2, 0.1, 0]), np.concatenate([bowl] * copies))
    expected = winding(mesh, grid(32))
    actual = winding_on_grid(mesh, 32)
    np.testing.assert_array_equal(actual > 0.5, expected > 0.5)
    np.testing.assert_array_equal(actual < -0.5, expected < -0.5)


def clip(polygon, axis, border, sign):
    """Part of a convex polygon on one side of a plane: Sutherland and Hodgman's algorithm."""
    kept = []
    for start, end in zip(polygon, polygon[1:] + polygon[:1], strict=True):
        a, b = sign * (start[axis] - border), sign * (end[axis] - border)
        if a >= 0:
            kept.append(start)
        if (a > 0 > b) or (a < 0 < b):
            kept.append(start + a / (a - b) * (end - start))
    return kept


def touches(triangle, voxel, grown):
    """Whether a triangle meets the voxel [i, i + 1], made larger by so much on each side."""
    polygon = list(triangle)
    for axis in range(3):
        for border, sign in ((voxel[axis] - grown, 1), (voxel[axis] + 1 + grown, -1)):
            polygon = clip(polygon, axis, border, sign) if polygon else []
    return bool(polygon)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(["free", "half", "whole", "needle", "point"]))
def test_the_voxels_of_a_triangle_are_those_that_clipping_leaves(seed, form):
    random = np.random.default_rng(seed)
    triangle = random.uniform(-1, 6, (3, 3))
    if form in ("half", "whole"):
        # Corners on borders and centres of voxels, as those of symmetrical objects.
        triangle = np.round(triangle * 2) / 2 if form == "half" else np.round(triangle)
    elif form == "needle":
        triangle[2] = 0.5 * triangle[0] + 0.5 * triangle[1]
    elif form == "point":
        triangle[:] = triangle[0]
    taken = surface_voxels(Mesh(triangle / 5 * 2 - 1, [[0, 1, 2]]), 5, 1.0)
    for voxel in np.ndindex(5, 5, 5):
        # Between voxels a millionth smaller and larger.
        assert touches(triangle, voxel, -1e-6) <= taken[voxel] <= touches(triangle, voxel, 1e-6)


def test_a_sheet_between_voxels_touches_both():
    sheet = Mesh([[-0.8, -0.8, 0], [0.8, -0.8, 0], [0.8, 0.8, 0], [-0.8, 0.8, 0]], [[0, 1, 2], [0, 2, 3]])
    taken = surface_voxels(sheet, 8)
    assert np.flatnonzero(taken.any(axis=(0, 1))).tolist() == [3, 4]
    assert taken[:, :, 3].all()


def test_filling_a_shell_with_cracks():
    ball = of(trimesh.creation.icosphere(3, 0.7))
    solid = np.linalg.norm(grid(32), axis=-1) < 0.7
    corners = ball.vertices[ball.triangles]
    middles = corners.mean(axis=1, keepdims=True)
    cracked = Mesh((middles + 0.98 * (corners - middles)).reshape(-1, 3), np.arange(corners.size // 3).reshape(-1, 3))
    assert not cracked.watertight
    assert iou(filled(cracked, 32), solid) > 0.9
    # Through a hole wider than a fine voxel all runs out.
    assert filled(Mesh(ball.vertices, ball.triangles[6:]), 32).sum() < 0.1 * solid.sum()
    # A sheet of two sides holds nothing for the winding number, all for filling.
    double = Mesh(ball.vertices, np.concatenate([ball.triangles, ball.triangles[:, ::-1]]))
    taken = voxelise(double, 32)
    assert (taken.solid, taken.fill_ratio) == ("fill", float("inf"))
    assert ["thin sheets" in note for note in taken.notes] == [True]
    assert iou(taken.occupied, solid) > 0.9
    assert not voxelise(double, 32, solid="winding").occupied.any()
    assert voxelise(ball, 32).solid == "winding"


def test_what_the_exterior_cannot_reach():
    walls = np.zeros((5, 5, 5), dtype=bool)
    walls[1:4, 1:4, 1:4] = True
    walls[2, 2, 2] = False
    assert unreachable(walls).sum() == 27
    walls[2, 2, 1] = False
    assert unreachable(walls).sum() == 25


def test_the_rule_touch_is_fatter():
    centre, touch = occupancy(BALL, 32), voxelise(BALL, 32, "touch", "winding").occupied
    assert (touch & centre).sum() == centre.sum()
    np.testing.assert_array_equal(touch, centre | surface_voxels(BALL, 32))
    np.testing.assert_array_equal(voxelise(BALL, 32, "touch", "winding").occupied, touch)
    np.testing.assert_array_equal(voxelise(BALL, 32, "touch", "fill").occupied, touch)
    # About half a voxel all around: every voxel that has a part in common with the ball.
    nearest = np.linalg.norm(np.maximum(np.abs(grid(32)) - INNER / 32, 0), axis=-1)
    assert touch[nearest < 0.4998].all()
    assert not touch[nearest > 0.5].any()


def test_notes_on_what_is_lost():
    rod = of(trimesh.creation.box((0.01, 2 * INNER, 0.01)))
    taken = voxelise(Mesh(rod.vertices + np.array([0.004, 0, 0.004]), rod.triangles), 32)
    assert not taken.occupied.any()
    assert any("thinner than a voxel are missing: 100%" in note for note in taken.notes)
    assert lost_share(np.ones((3, 3, 3), bool), np.zeros((3, 3, 3), bool)) == 1.0
    ball, hole = of(trimesh.creation.icosphere(3, 0.3)), of(trimesh.creation.icosphere(3, 0.2))
    bodies = Mesh(np.concatenate([ball.vertices - 0.5, hole.vertices + 0.5]),
                  np.concatenate([ball.triangles, hole.triangles[:, ::-1] + len(ball.vertices)]))  # fmt: skip
    assert any("some bodies face inwards" in note for note in voxelise(bodies, 32).notes)
    outside = Mesh(ball.vertices * 10, ball.triangles)
    assert any("3.38 times as far as the grid" in note for note in voxelise(outside, 32).notes)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rule": "corner"}, "rule: 'corner' is none; accepted: centre, touch"),
        ({"solid": "parity"}, "solid: 'parity' is none; accepted: winding, fill, auto"),
        ({"resolution": 257}, "resolution: 257 is not from 1 to 256"),
        ({"resolution": 0}, "resolution: 0 is not from 1 to 256"),
    ],
)
def test_refusals(options, message):
    with pytest.raises(UserError, match=message):
        voxelise(BALL, **{"resolution": 8, **options})


def test_padding_and_labels():
    occupied = np.random.default_rng(0).random((2, 32, 32, 32)) < 0.3
    padded = pad(occupied)
    assert padded.shape == (2, 36, 36, 36)
    assert padded.sum() == occupied.sum()
    np.testing.assert_array_equal(nearest_label(padded[0], grid(36, 1.0)), padded[0])
    np.testing.assert_array_equal(nearest_label(padded[0], grid(32)), occupied[0])
    # Anywhere in a voxel its own label, and the same as the nearest centre's by distance.
    points = np.random.default_rng(1).uniform(-1, 1, (2000, 3))
    _, place = cKDTree(grid(36, 1.0).reshape(-1, 3)).query(points)
    np.testing.assert_array_equal(nearest_label(padded[0], points), padded[0].ravel()[place])
    assert not nearest_label(padded[0], np.array([[1.0, 1.0, 1.0], [-5.0, 0.0, 9.0]])).any()


# Counts of the exact winding number; concave polygons of the car are cut into other triangles here than there.
COUNTS = {
    "chair/BlendSwap-CC-0__chair2": 550,
    "table/BlendSwap-CC-BY__table": 1108,
    "cellphone/BlendSwap-CC-0__iphone": 1016,
    "bench/KatorLegaz__painted-bench": 550,
    "car/Scopia__smart-car": 4475,
    "cabinet/KatorLegaz__filing-cabinet": 4,
    "lamp/KatorLegaz__classic-lamppost": 40,
    "table/KatorLegaz__folding-table": 52,
    "chair/KatorLegaz__dining-chair": 218,
    "table/Scopia__round-table": 932,
    "lamp/BlendSwap-CC-0__desklamp": 980,
}


@pytest.fixture(scope="module")
def references(mirror):
    archive = np.load(mirror / "reference" / "meshes_occ32.npz")
    occupied = np.unpackbits(archive["occ32"], axis=1)[:, : 32**3].reshape(-1, 32, 32, 32).astype(bool)
    return dict(zip(map(str, archive["order"]), occupied, strict=True))


def canonical(path):
    mesh = read_mesh(path)
    return Mesh(normalised(mesh.vertices)[0], mesh.triangles)


@pytest.mark.parametrize("name", COUNTS)
def test_real_meshes_have_the_voxels_of_the_exact_winding_number(mirror, references, name):
    (reference,) = (key for key in references if key.startswith(f"{name}/"))
    actual = occupancy(canonical(mirror / "meshes" / reference), 32)
    assert iou(actual, references[reference]) >= 0.99
    assert actual.sum() == pytest.approx(COUNTS[name], abs=2 if "car" in name else 0)


def test_thin_shells(mirror):
    for name, ratio in {"cabinet/KatorLegaz__filing-cabinet": 1000, "table/KatorLegaz__folding-table": 10}.items():
        (path,) = (mirror / "meshes" / name).glob("*.obj")
        taken = voxelise(canonical(path), 32)
        assert taken.solid == "fill"
        assert taken.fill_ratio > ratio
        assert any(f"filling gives {int(taken.occupied.sum())} voxels" in note for note in taken.notes)


def test_a_post_thinner_than_a_voxel(mirror):
    # It is no shell: filling does not bring it back, touching does.
    post = canonical(mirror / "meshes" / "lamp" / "KatorLegaz__classic-lamppost" / "classic-lamppost.obj")
    taken = voxelise(post, 32)
    assert taken.solid == "winding"
    assert 1 < taken.fill_ratio < 3
    assert any("thinner than a voxel" in note for note in taken.notes)
    assert voxelise(post, 32, "touch", "winding").occupied.any(axis=(0, 2)).all()
    assert oriented(post).notes == ()


@pytest.mark.parametrize("class_name", CLASSES)
def test_every_point_of_a_surface_lies_in_a_touched_voxel(class_name):
    """Generated shapes are full of faces along the axes, whose projections are lines and points."""
    half = 0.9  # beyond the shape, whose sides else lie on the border of the grid
    for seed in range(4):
        mesh = generate(class_name, seed).union()
        points, _ = surface_samples(mesh, 20_000, np.random.default_rng(seed))
        place = np.floor((points + half) / (2 * half) * 96).astype(int)
        assert surface_voxels(mesh, 96, half)[tuple(place.T)].all()
        assert (occupancy(mesh, 32) == generate(class_name, seed).inside(grid(32))).mean() > 0.9999


def test_a_heap_of_large_triangles_is_refused_before_the_work(monkeypatch):
    monkeypatch.setattr(voxels, "MOST_COLUMNS", 10_000)
    corners = np.random.default_rng(0).uniform(-0.88, 0.88, (600, 3))
    with pytest.raises(UserError, match=r"so many large triangles that they pass [0-9,]+ columns of voxels"):
        voxelise(Mesh(corners, np.arange(600).reshape(-1, 3)), 32)
