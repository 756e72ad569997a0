"""Views: what is covered is what an inside test says, colours follow the formula, and both ways draw the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import ConvexHull

from hypernet.lab.errors import UserError
from hypernet.shapes.core import rendering
from hypernet.shapes.core.cameras import Camera
from hypernet.shapes.core.rendering import Scene, render, silhouette
from hypernet.shapes.core.solids import Mesh
from hypernet.shapes.sources.procedural import generate

BOX = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.4, 0.4) for z in (-0.3, 0.3)])
VIEW = Camera.orbit(35, 28)


def hull(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and outward triangles of a convex hull."""
    shape = ConvexHull(points)
    triangles = shape.simplices.copy()
    corners = points[triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    inward = np.einsum("nc,nc->n", normals, shape.equations[:, :3]) < 0
    triangles[inward] = triangles[inward][:, ::-1]
    return points, triangles


def covered(inside, camera: Camera, size: int, samples: int = 512) -> np.ndarray:
    """Which pixels' rays have one of evenly spaced samples inside."""
    origins, directions = camera.rays(size, size)
    distance = np.linalg.norm(camera.eye)
    along = np.linspace(distance - 1.8, distance + 1.8, samples)
    points = origins[:, None].astype(np.float32) + along[:, None].astype(np.float32) * directions[:, None]
    return inside(points).any(axis=1).reshape(size, size)


@pytest.fixture(params=["embree", "numpy"])
def way(request, monkeypatch):
    if request.param == "embree":
        pytest.importorskip("embreex")
    else:
        monkeypatch.setattr(rendering, "_embree", lambda: None)
    return request.param


def test_a_box_covers_the_pixels_whose_rays_go_through_it(way):
    for camera in (VIEW, Camera.orbit(200, -40), Camera.orbit(0, 90)):
        seen = silhouette(Mesh(*hull(BOX)), camera, 48)
        expected = covered(lambda points: (np.abs(points) <= [0.5, 0.4, 0.3]).all(axis=-1), camera, 48)
        assert (seen == expected).mean() > 0.995
        assert 0.05 < seen.mean() < 0.5


def test_a_ball_is_seen_as_its_tangent_cone(way):
    random = np.random.default_rng(0)
    points = random.normal(size=(4000, 3))
    mesh = Mesh(*hull(0.6 * points / np.linalg.norm(points, axis=1, keepdims=True)))
    seen = silhouette(mesh, VIEW, 64)
    # Rays within asin(r / distance) of the axis meet a ball at the origin.
    _, directions = VIEW.rays(64, 64)
    towards = -directions @ np.array(VIEW.eye) / np.linalg.norm(VIEW.eye)
    expected = (towards >= np.sqrt(1 - (0.6 / 3.4) ** 2)).reshape(64, 64)
    assert (seen == expected).mean() > 0.995
    # Shrinking covers less: this test can fail.
    assert (silhouette(Mesh(0.9 * mesh.vertices, mesh.triangles), VIEW, 64) == expected).mean() < 0.97


@pytest.mark.parametrize(("name", "seed"), [("chair", 1), ("airplane", 2), ("firearm", 1), ("watercraft", 2)])
def test_generated_shapes_cover_the_pixels_whose_rays_are_inside(name, seed):
    solid = generate(name, seed)
    vertices, triangles, _ = solid.painted()
    seen = silhouette(Mesh(vertices, triangles), VIEW, 40)
    assert (seen == covered(solid.inside, VIEW, 40)).mean() > 0.995


def test_colours_follow_the_formula(way):
    """From +z at a square that faces it: n.l and n.d are known for each pixel."""
    square = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], dtype=float)
    colour, light = np.array([0.2, 0.5, 0.9]), np.array([0.4, 0.8, 0.45])
    camera = Camera.orbit(0, 0)
    for triangles in ([[0, 1, 2], [0, 2, 3]], [[0, 2, 1], [0, 3, 2]]):
        picture = render(square, np.array(triangles), colour, camera, 9, supersampling=1)
        _, directions = camera.rays(9, 9)
        shade = 0.35 + 0.5 * light[2] / np.linalg.norm(light) - 0.2 * directions[:, 2].reshape(9, 9)
        inside = picture[..., 3] == 255
        assert inside[1:-1, 1:-1].all()
        np.testing.assert_allclose(picture[inside][:, :3], (255 * colour * shade[..., None])[inside], atol=0.51)
        # From behind the light does not reach it.
        dark = render(square, np.array(triangles), colour, Camera.orbit(180, 0), 9, supersampling=1)
        expected = 255 * colour * (0.35 - 0.2 * directions[:, 2].reshape(9, 9, 1))
        np.testing.assert_allclose(dark[inside][:, :3], expected[inside], atol=0.51)


def test_opacity_is_the_share_of_a_pixels_parts_and_does_not_darken(way):
    vertices, triangles = hull(BOX)
    camera = Camera((0.0, 0.0, 3.4), (0.03, 0.02, 0.0))
    picture = render(vertices, triangles, np.ones(3), camera, 21, supersampling=2)
    fine = silhouette(Mesh(vertices, triangles), camera, 42).reshape(21, 2, 21, 2).sum(axis=(1, 3))
    np.testing.assert_array_equal(picture[..., 3], (fine * 63.75 + 0.5).astype(int))
    edge = (picture[..., 3] > 0) & (picture[..., 3] < 255)
    assert edge.any()
    # One face is seen, so that the edge's colour is that of the middle but for the direction of the ray.
    assert np.abs(picture[edge][:, 0].astype(int) - picture[10, 10, 0]).max() < 5
    assert (picture[picture[..., 3] == 0] == 0).all()


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.floats(0, 360), st.floats(-80, 80))
def test_both_ways_draw_the_same(seed, azimuth, elevation):
    pytest.importorskip("embreex")
    random = np.random.default_rng(seed)
    vertices = random.uniform(-0.9, 0.9, (30, 3))
    # Of two equal faces either may be seen.
    triangles = np.unique(np.sort(random.integers(0, 30, (25, 3)), axis=1), axis=0)
    scene = Scene(vertices, triangles, random.random(triangles.shape))
    camera = Camera.orbit(azimuth, elevation)
    fast, covers = scene.render(camera, 24), scene.silhouette(camera, 24)
    scene._tree = None
    assert (scene.render(camera, 24) != fast).any(axis=-1).mean() < 0.01
    assert (scene.silhouette(camera, 24) == covers).mean() > 0.995


def test_a_face_behind_and_beside_the_eye_is_drawn_alike(monkeypatch):
    pytest.importorskip("embreex")
    floor = np.array([[-50, -0.5, -50], [50, -0.5, -50], [0, -0.5, 80]], dtype=float)
    fast = silhouette(Mesh(floor, np.array([[0, 1, 2]])), Camera.orbit(0, 5), 32)
    monkeypatch.setattr(rendering, "_embree", lambda: None)
    np.testing.assert_array_equal(silhouette(Mesh(floor, np.array([[0, 1, 2]])), Camera.orbit(0, 5), 32), fast)
    assert fast[-1].all()
    assert not fast[0].any()


def test_the_mirrored_camera_draws_the_mirrored_mesh_mirrored(way):
    random = np.random.default_rng(4)
    vertices, triangles = hull(random.uniform(-0.8, 0.8, (20, 3)))
    colours = random.random((len(triangles), 3))
    camera = Camera(VIEW.eye, (0.1, 0.05, 0.0), VIEW.focal, 12.0)
    # A light from the mirror plane is its own mirror image.
    picture = render(vertices, triangles, colours, camera, 32, light=(0, 1, 1))
    mirrored = render(vertices * [-1, 1, 1], triangles, colours, camera.mirrored(), 32, light=(0, 1, 1))
    assert (picture[:, ::-1] != mirrored).any(axis=-1).mean() < 0.01


def test_views_have_the_same_bytes_every_time(way):
    vertices, triangles = hull(BOX)
    pictures = [render(vertices, triangles, np.full(3, 0.7), VIEW, 48).tobytes() for _ in range(2)]
    assert pictures[0] == pictures[1]


def test_many_faces_are_compared_in_groups(monkeypatch):
    vertices, triangles = hull(np.random.default_rng(2).normal(size=(60, 3)) * 0.3)
    monkeypatch.setattr(rendering, "_embree", lambda: None)
    whole = render(vertices, triangles, np.ones(3), VIEW, 32)
    monkeypatch.setattr(rendering, "_CHUNK", 300)
    np.testing.assert_array_equal(render(vertices, triangles, np.ones(3), VIEW, 32), whole)


def test_no_faces_are_an_empty_view_and_what_is_no_mesh_is_refused(way):
    nothing = np.zeros((0, 3))
    assert not render(nothing, nothing.astype(int), np.ones(3), VIEW, 8).any()
    for vertices, triangles in ((BOX, [[0, 1, 8]]), (BOX, [[0, -1, 2]]), (BOX * np.nan, [[0, 1, 2]]), (BOX, [[0, 1]])):
        with pytest.raises(ValueError, match="vertices"):
            Scene(vertices, np.array(triangles), np.ones(3))
    with pytest.raises(ValueError, match="at most"):
        Scene(BOX, np.array([[0, 1, 2]]), np.ones(3)).render(VIEW, 10**5)
    with pytest.raises(ValueError, match="light"):
        Scene(BOX, np.array([[0, 1, 2]]), np.ones(3)).render(VIEW, 8, light=(0, 0, 0))


def test_without_embree_it_is_said_once(monkeypatch, capsys):
    def missing(module, package, extra):
        raise UserError(f"{package} cannot be used")

    monkeypatch.setattr(rendering, "library", missing)
    rendering._embree.cache_clear()
    try:
        for _ in range(2):
            assert silhouette(Mesh(*hull(BOX)), VIEW, 8).any()
    finally:
        rendering._embree.cache_clear()
    assert capsys.readouterr().err.count("embreex cannot be used") == 1
