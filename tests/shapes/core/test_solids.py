"""Meshes as solids against closed forms, trimesh and half-spaces."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from hypernet.lab.errors import UserError
from hypernet.shapes.core.solids import Mesh, check, inside, joined, oriented, surface_samples, winding


def of(shape) -> Mesh:
    return Mesh(shape.vertices, shape.faces)


BALL = of(trimesh.creation.icosphere(4, 0.5))
BOX = of(trimesh.creation.box((1.0, 0.5, 0.25)))
TORUS = of(trimesh.creation.torus(0.6, 0.2, major_sections=96, minor_sections=48))
POINTS = np.random.default_rng(1).uniform(-1, 1, (4000, 3))


def ball_depth(points):
    return 0.5 - np.linalg.norm(points, axis=-1)


def box_depth(points):
    return (np.array([0.5, 0.25, 0.125]) - np.abs(points)).min(axis=-1)


def torus_depth(points):
    return 0.2 - np.hypot(np.hypot(points[:, 0], points[:, 1]) - 0.6, points[:, 2])


CLOSED_FORMS = [
    (BALL, ball_depth, 4 / 3 * np.pi * 0.5**3, np.pi, 2),
    (BOX, box_depth, 0.125, 2 * (0.5 + 0.25 + 0.125), 2),
    (TORUS, torus_depth, 2 * np.pi**2 * 0.6 * 0.2**2, 4 * np.pi**2 * 0.6 * 0.2, 0),
]


@pytest.mark.parametrize(("mesh", "depth", "volume", "area", "euler"), CLOSED_FORMS)
def test_closed_forms(mesh, depth, volume, area, euler):
    assert mesh.volume == pytest.approx(volume, rel=0.01)
    assert mesh.area == pytest.approx(area, rel=0.01)
    assert (mesh.watertight, mesh.euler) == (True, euler)
    clear = np.abs(depth(POINTS)) > 0.003  # the surface is of triangles
    for exact in (False, True):
        np.testing.assert_array_equal(inside(mesh, POINTS[clear], exact), depth(POINTS[clear]) > 0)


@pytest.mark.parametrize("mesh", [BALL, BOX, TORUS])
def test_trimesh_agrees(mesh):
    other = trimesh.Trimesh(mesh.vertices, mesh.triangles)
    assert mesh.volume == pytest.approx(other.volume, rel=1e-12)
    assert mesh.area == pytest.approx(other.area, rel=1e-12)
    assert (mesh.watertight, mesh.euler) == (other.is_watertight, other.euler_number)
    np.testing.assert_allclose(mesh.normals, other.face_normals, atol=1e-12)
    np.testing.assert_allclose(mesh.bounds, other.bounds)


def test_faces_that_point_inwards_are_turned_over_and_it_is_said():
    for mesh in (TORUS, Mesh(BOX.vertices, BOX.triangles[2:])):  # closed, and a box without one of its sides
        wrong = mesh.flipped()
        right = oriented(wrong)
        assert winding(wrong, np.array([[0.6, 0, 0], [0.0, 0, 0]])).min() < -0.5
        assert ["inwards" in note for note in right.notes] == [True]
        np.testing.assert_array_equal(inside(wrong, POINTS), inside(mesh, POINTS))
        assert oriented(mesh) is mesh


def test_a_sheet_with_two_sides_has_no_inside():
    sheet = np.array([[0, 1, 2], [0, 2, 3]])
    mesh = Mesh([[0, 0, 0], [1, 0, 0], [1, 1, 0.1], [0, 1, 0]], np.concatenate([sheet, sheet[:, ::-1]]))
    assert mesh.watertight
    assert oriented(mesh) is mesh
    assert not inside(mesh, POINTS).any()


def test_bodies_that_overlap_count_twice():
    vertices = np.concatenate([BALL.vertices, BALL.vertices + np.array([0.3, 0, 0])])
    both = Mesh(vertices, np.concatenate([BALL.triangles, BALL.triangles + len(BALL.vertices)]))
    points = np.array([[0.15, 0, 0], [-0.4, 0, 0], [1.0, 0, 0]])
    np.testing.assert_allclose(winding(both, points, exact=True), [2, 1, 0], atol=1e-9)
    assert inside(both, points).tolist() == [True, True, False]


def test_far_from_the_origin_nothing_is_lost():
    # The tree has single precision: of a shape of 1 mm at 10 km the form would be gone.
    scale, shift = 1e-3, np.array([1e4, -1e4, 1e4])
    far = Mesh(TORUS.vertices * scale + shift, TORUS.triangles)
    clear = np.abs(torus_depth(POINTS)) > 0.005
    np.testing.assert_array_equal(inside(far, POINTS[clear] * scale + shift), torus_depth(POINTS[clear]) > 0)


def test_points_that_are_none_are_outside():
    assert inside(BALL, np.array([[np.nan, 0, 0], [np.inf, 0, 0], [0, 0, 0]])).tolist() == [False, False, True]


@settings(max_examples=25, deadline=None)
@given(
    turn=st.tuples(*[st.floats(-3, 3)] * 3),
    shift=st.tuples(*[st.floats(-10, 10)] * 3),
    scale=st.floats(1e-3, 1e3),
    flip=st.booleans(),
)
def test_inside_moves_with_the_mesh(turn, shift, scale, flip):
    def move(points):
        return Rotation.from_rotvec(turn).apply(points) * scale + np.array(shift)

    box = Mesh(move(BOX.vertices), BOX.triangles[:, ::-1] if flip else BOX.triangles)
    points = POINTS[:300][np.abs(box_depth(POINTS[:300])) > 1e-3]
    np.testing.assert_array_equal(inside(box, move(points)), box_depth(points) > 0)


def test_samples_are_spread_by_area():
    points, normals = surface_samples(TORUS, 20_000, np.random.default_rng(0))
    assert np.abs(torus_depth(points)).max() < 0.002
    # Pappus: of the torus, the half beyond the ring's middle line has the share 1/2 + r / (pi R) of the area.
    outer = np.hypot(points[:, 0], points[:, 1]) > 0.6
    assert outer.mean() == pytest.approx(0.5 + 0.2 / (np.pi * 0.6), abs=0.012)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1)
    assert (torus_depth(points + 0.01 * normals) < torus_depth(points)).all()
    again = surface_samples(TORUS, 20_000, np.random.default_rng(0))
    np.testing.assert_array_equal(points, again[0])


def test_samples_are_even_within_a_triangle():
    mesh = Mesh([[0, 0, 0], [2, 0, 0], [0, 2, 0], [9, 9, 9]], [[0, 1, 2], [3, 3, 3]])
    points, normals = surface_samples(mesh, 20_000, np.random.default_rng(0))
    assert (points.min() >= 0, points.sum(axis=1).max() <= 2 + 1e-12) == (True, True)
    np.testing.assert_allclose(points.mean(axis=0), [2 / 3, 2 / 3, 0], atol=0.015)
    assert (normals == [0, 0, 1]).all()


def test_joined_corners_close_the_surface():
    soup = Mesh(TORUS.vertices[TORUS.triangles].reshape(-1, 3), np.arange(TORUS.triangles.size).reshape(-1, 3))
    assert not soup.watertight
    whole = joined(soup)
    assert (whole.watertight, whole.euler, len(whole.vertices)) == (True, 0, len(TORUS.vertices))
    np.testing.assert_allclose(whole.vertices[whole.triangles], TORUS.vertices[TORUS.triangles])


def test_check_drops_what_is_no_triangle_and_says_so():
    triangles = np.concatenate([BOX.triangles, [[0, 0, 1], [2, 3, 2]]])
    mesh = check(Mesh(np.concatenate([BOX.vertices, [[np.nan] * 3]]), triangles), "box.obj")
    assert len(mesh.triangles) == len(BOX.triangles)
    assert mesh.notes == ("2 of 14 triangles have two corners in one place and were left out",)
    assert check(BOX, "box.obj").notes == ()


@pytest.mark.parametrize(
    ("vertices", "triangles", "message"),
    [
        (BOX.vertices, np.zeros((0, 3)), "a.obj: no faces"),
        (BOX.vertices, [[0, 1, 8]], "a.obj: a face names a vertex that is not there; there are 8"),
        (BOX.vertices, [[0, 1, -1]], "a.obj: a face names a vertex that is not there"),
        ([[0, 0, 0], [1, np.nan, 0], [0, 1, 0]], [[0, 1, 2]], "a.obj: vertex 2 is not three finite numbers"),
        ([[0, 0, 0], [1, 0, 0], [0, 1e200, 0]], [[0, 1, 2]], "a.obj: vertex 3 is not three finite numbers"),
        ([[0, 0, 0], [1, 0, 0], [2, 0, 0]], [[0, 1, 2]], "a.obj: all faces lie on a line or a point"),
        ([[0, 0, 0]], [[0, 0, 0]], "a.obj: all faces lie on a line or a point"),
        (np.zeros((3, 3)), np.broadcast_to([0, 1, 2], (2_000_001, 3)), "a.obj: 2,000,001 triangles; at most"),
    ],
)
def test_check_refuses(vertices, triangles, message):
    with pytest.raises(UserError, match="^" + message):
        check(Mesh(vertices, triangles), "a.obj")
