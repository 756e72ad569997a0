"""Cameras: rays and projection agree, rows are read back, and Choy's camera is that of the real renderings."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.ndimage import binary_closing

from hypernet.lab.errors import UserError
from hypernet.shapes.core.cameras import Camera
from hypernet.shapes.core.frames import INNER, grid

angles = st.floats(-360, 360)
heights = st.floats(-90, 90)
places = st.tuples(*[st.floats(-1, 1)] * 3)


@st.composite
def cameras(draw) -> Camera:
    orbit = Camera.orbit(draw(angles), draw(heights), draw(st.floats(2, 9)), draw(st.floats(10, 90)))
    return Camera(orbit.eye, draw(places), orbit.focal, draw(angles))


@settings(max_examples=60, deadline=None)
@given(cameras(), st.integers(1, 9), st.integers(1, 9), st.integers(1, 3), st.floats(0.1, 20))
def test_a_point_of_a_ray_is_seen_at_the_rays_pixel(camera, width, height, parts, distance):
    origins, directions = camera.rays(width, height, parts)
    assert origins.shape == directions.shape == (width * height * parts**2, 3)
    np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1, atol=1e-12)
    seen = camera.project(origins + distance * directions, width, height)
    rows, columns = np.meshgrid(np.arange(height * parts), np.arange(width * parts), indexing="ij")
    centres = (np.stack([columns.ravel(), rows.ravel()], axis=1) + 0.5) / parts
    np.testing.assert_allclose(seen, centres, atol=1e-7)


@settings(max_examples=60, deadline=None)
@given(cameras(), places)
def test_a_mirrored_camera_sees_the_mirrored_point_at_the_mirrored_place(camera, point):
    point = np.array(point)
    x, y = camera.project(point, 20, 10)
    mirrored = camera.mirrored()
    np.testing.assert_allclose(mirrored.project(point * [-1, 1, 1], 20, 10), [20 - x, y], atol=1e-8)
    assert mirrored.mirrored() == camera


@settings(max_examples=60, deadline=None)
@given(cameras(), places)
def test_the_axes_are_a_right_handed_frame_and_the_target_is_in_the_middle(camera, point):
    axes = np.stack(camera.axes())
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-9)
    np.testing.assert_allclose(np.cross(axes[0], axes[1]), -axes[2], atol=1e-9)
    np.testing.assert_allclose(camera.project(np.array(camera.target), 30, 40), [15, 20], atol=1e-6)
    again = Camera.from_row(camera.as_row())
    assert again.as_row().dtype == np.float32
    np.testing.assert_array_equal(again.as_row(), camera.as_row())


@settings(max_examples=60, deadline=None)
@given(cameras(), places)
def test_a_camera_is_the_one_of_its_matrices(camera, point):
    """The oracle is the pinhole equation with matrices: pixel ~ K (R X + t)."""
    right, up, ahead = camera.axes()
    rotation = np.stack([right, -up, ahead])
    extrinsic = np.concatenate([rotation, -(rotation @ camera.eye)[:, None]], axis=1)
    intrinsic = np.array([[camera.focal * 30, 0, 20], [0, camera.focal * 30, 15], [0, 0, 1]])
    x, y, z = intrinsic @ (extrinsic @ [*point, 1])
    if z > 1e-3:
        np.testing.assert_allclose(camera.project(np.array(point), 40, 30), [x / z, y / z], rtol=1e-6, atol=1e-6)
    if camera.eye @ -ahead > 1e-3:
        read = Camera.from_matrices(intrinsic, extrinsic, 40, 30)
        np.testing.assert_allclose(
            read.project(np.array(point), 40, 30), camera.project(np.array(point), 40, 30), rtol=1e-5, atol=1e-5
        )


def test_matrices_that_are_no_camera_are_refused():
    intrinsic = np.array([[30.0, 0, 20], [0, 30, 15], [0, 0, 1]])
    extrinsic = np.concatenate([np.eye(3), [[0], [0], [3.0]]], axis=1)
    assert Camera.from_matrices(intrinsic, extrinsic, 40, 30).eye == (0, 0, -3)
    for change, word in (((0, 0, 60.0), "square"), ((0, 2, 5.0), "middle")):
        wrong = intrinsic.copy()
        wrong[change[:2]] = change[2]
        with pytest.raises(UserError, match=word):
            Camera.from_matrices(wrong, extrinsic, 40, 30)
    with pytest.raises(UserError, match="rotation"):
        Camera.from_matrices(intrinsic, extrinsic * [[-1], [1], [1]], 40, 30)


def test_generated_views_are_as_the_page_says():
    camera = Camera.orbit(90, 0)
    np.testing.assert_allclose(camera.eye, [3.4, 0, 0], atol=1e-12)
    # Half of 40 degrees from the axis is the picture's upper edge.
    np.testing.assert_allclose(
        camera.project(np.array([0, 3.4 * np.tan(np.radians(20)), 0]), 48, 48), [24, 0], atol=1e-9
    )
    # From the front, the object's right (+x) is on the picture's right, and up is up.
    x, y = Camera.orbit(0, 0).project(np.array([0.1, 0.1, 0]), 48, 48)
    assert (x > 24, y < 24) == (True, True)
    assert np.isnan(Camera.orbit(0, 0).project(np.array([0, 0, 5.0]), 48, 48)).all()


def test_a_camera_may_look_straight_down_and_is_the_limit_of_those_beside_it():
    for elevation in (90, -90):
        near, at = Camera.orbit(0, elevation * (1 - 1e-9)), Camera.orbit(0, elevation)
        np.testing.assert_allclose(np.stack(near.axes()), np.stack(Camera((0, at.eye[1], 0)).axes()), atol=1e-7)


def test_what_is_no_camera_is_refused():
    for numbers in ([0, 0, 0, 0, 0, 0, 1, 0], [0, 0, 3, 0, 0, 0, 0, 0], [0, 0, np.nan, 0, 0, 0, 1, 0], [0, 0, 3]):
        with pytest.raises(ValueError, match="camera"):
            Camera.from_row(np.array(numbers))


def test_choys_camera_in_our_frame_is_theirs_turned():
    """The oracle is the formula in the model's own frame, with its front at +x."""
    camera = Camera.choy(30, 20, 0.8, scale=0.7)
    azimuth, elevation = np.radians([30, 20])
    theirs = (
        1.75
        * 0.8
        * np.array([np.cos(elevation) * np.cos(azimuth), np.sin(elevation), np.cos(elevation) * np.sin(azimuth)])
    )
    turned = np.array([-theirs[2], theirs[1], theirs[0]]) * 2 * INNER / 0.7
    np.testing.assert_allclose(camera.eye, turned, atol=1e-12)
    assert camera.focal * 137 == pytest.approx(149.84, abs=0.005)


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("02691156_airplane", 0.778),
        ("02828884_bench", 0.881),
        ("02958343_car", 0.927),
        ("03001627_chair", 0.912),
        ("03636649_lamp", 0.727),
    ],
)
def test_real_silhouettes_lie_where_choys_camera_puts_the_voxels(mirror, folder, expected):
    folder = mirror / "choy_samples" / folder
    header, body = (folder / "model.binvox").read_bytes().split(b"data\n", 1)
    runs = np.frombuffer(body, np.uint8).reshape(-1, 2)
    occupied = np.repeat(runs[:, 0], runs[:, 1]).reshape(32, 32, 32).transpose(0, 2, 1) > 0
    # (x, y, z) -> (-z, y, x).
    points = grid(32)[occupied.transpose(2, 1, 0)[::-1]]
    scores = []
    for view, row in list(enumerate(np.loadtxt(folder / "rendering_metadata.txt")))[::4]:
        camera = Camera.choy(row[0], row[1], row[3], float(header.split(b"scale ")[1].split()[0]))
        opaque = np.asarray(Image.open(folder / f"{view:02d}.png"))[..., 3] > 127
        covered = np.zeros((137 + 16, 137 + 16), dtype=bool)
        column, row = camera.project(points, 137, 137).astype(int).T + 8
        covered[row, column] = True
        covered = binary_closing(covered, iterations=3)[8:-8, 8:-8]
        scores.append((covered & opaque).sum() / (covered | opaque).sum())
    assert np.mean(scores) == pytest.approx(expected, abs=0.002)


@settings(max_examples=30)
@given(st.floats(-180, 180), st.floats(-60, 60), st.integers(0, 10**6), st.floats(0.3, 1.0))
def test_framing_puts_the_object_in_the_middle_at_its_share(azimuth, elevation, seed, share):
    points = np.random.default_rng(seed).uniform(-0.8, 0.8, (20, 3)) * [1.0, 0.4, 0.7]
    camera = Camera.orbit(azimuth, elevation).framing(points, share)
    seen = camera.project(points, 100, 100)
    box = np.stack([seen.min(axis=0), seen.max(axis=0)])
    assert np.ptp(box, axis=0).max() == pytest.approx(100 * share, rel=2e-3)
    np.testing.assert_allclose(box.mean(axis=0), 50, atol=0.2)
    # From where it stood: only turned and zoomed.
    np.testing.assert_array_equal(camera.eye, Camera.orbit(azimuth, elevation).eye)


def test_an_object_without_extent_cannot_be_framed():
    with pytest.raises(ValueError, match="before the eye"):
        Camera.orbit(0, 0).framing(np.zeros((3, 3)))


def test_the_overview_begins_where_the_views_do():
    begin = Camera.orbit(33, 27)
    near = begin.framing(np.array([[0.4, 0.1, 0.2], [0.5, 0.2, 0.3]]))
    assert near.focal > begin.focal
    assert near.overview() == begin
    # An official camera, nearer and with a wider lens, keeps its lens.
    official = Camera(tuple(0.5 * number for number in begin.eye), focal=0.6)
    assert official.overview() == official
