"""From fields to meshes: volumes and Euler numbers of closed forms, and the dense grid as the coarse one's judge."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hypernet.lab.errors import UserError
from hypernet.shapes.core.extraction import EmptyFieldError, extract


def ball(radius=0.5, centre=(0.0, 0.0, 0.0)):
    return lambda points: (radius - np.linalg.norm(points - np.float32(centre), axis=1)).astype(np.float32)


def torus(points):
    ring = np.hypot(points[:, 0], points[:, 2]) - 0.5
    return (0.2 - np.hypot(ring, points[:, 1])).astype(np.float32)


def two_balls(points):
    return np.maximum(ball(0.3, (0.4, 0, 0))(points), ball(0.2, (-0.4, 0.1, 0))(points))


def box(points):
    """Corner to corner from -0.5 to 0.5, with values that are 0 exactly on a plane of centres."""
    return (0.5 - np.abs(points).max(axis=1)).astype(np.float32)


class Counted:
    """A field that counts what it is asked."""

    def __init__(self, field):
        self.field, self.points, self.largest, self.asked = field, 0, 0, []

    def __call__(self, points):
        assert points.dtype == np.float32
        self.points += len(points)
        self.largest = max(self.largest, len(points))
        self.asked.append(points)
        return self.field(points)


def same(mesh, other):
    return np.array_equal(mesh.vertices, other.vertices) and np.array_equal(mesh.triangles, other.triangles)


def test_a_ball_has_the_volume_of_a_ball():
    """Outside test 6 of the domain: 0.5236 within 1 % at 64³, closed, Euler number 2."""
    mesh = extract(ball(), 64)
    assert mesh.volume == pytest.approx(np.pi / 6, rel=0.01)
    assert mesh.area == pytest.approx(np.pi, rel=0.01)
    assert mesh.watertight
    assert mesh.euler == 2
    assert np.abs(np.linalg.norm(mesh.vertices, axis=1) - 0.5).max() < 2e-3


def test_a_finer_grid_is_nearer_to_the_ball():
    errors = [abs(extract(ball(), resolution).volume - np.pi / 6) for resolution in (16, 32, 64)]
    # Linear interpolation: the error falls with the square of the cell.
    assert errors[1] < errors[0] / 3
    assert errors[2] < errors[1] / 3


@pytest.mark.parametrize(
    ("field", "euler", "volume"),
    [
        (torus, 0, 2 * np.pi**2 * 0.5 * 0.2**2),
        (two_balls, 4, 4 / 3 * np.pi * (0.3**3 + 0.2**3)),
        (box, 2, 1.0),
    ],
)
@pytest.mark.parametrize("resolution", [64, 75, 101])
def test_coarse_to_fine_is_the_dense_grid(field, euler, volume, resolution):
    counted = Counted(field)
    mesh = extract(counted, resolution, start=16)
    assert same(mesh, extract(field, resolution, start=resolution))
    assert counted.points < 0.3 * resolution**3
    assert (mesh.watertight, mesh.euler) == (True, euler)
    assert mesh.volume == pytest.approx(volume, rel=0.02)
    assert mesh.areas.min() > 0


def test_no_point_is_asked_twice_and_blocks_are_bounded():
    counted = Counted(ball(0.8))
    extract(counted, 96, start=48)
    points = np.concatenate(counted.asked)
    assert len(np.unique(points, axis=0)) == len(points)
    assert counted.largest == 65_536


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_any_smooth_field_that_the_start_grid_sees(data):
    """Sums of wide Gaussians: nothing in them is thinner than a cell of the start grid."""
    number = data.draw(st.integers(1, 5))
    draw = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    centres = draw.uniform(-0.8, 0.8, (number, 3))

    def field(points):
        squares = ((points[:, None].astype(np.float64) - centres) ** 2).sum(axis=-1)
        return (np.exp(-squares / 0.18).sum(axis=1) - 0.5).astype(np.float32)

    resolution = data.draw(st.integers(20, 48))
    mesh = extract(field, resolution, start=data.draw(st.integers(10, 14)))
    assert same(mesh, extract(field, resolution, start=resolution))
    assert mesh.watertight
    assert mesh.volume > 0
    assert np.abs(mesh.vertices).max() <= 1 + 1e-6


def test_a_surface_is_followed_out_of_the_cells_where_it_was_seen():
    """A rod thinner than a cell grows out of a ball: the start grid sees the ball alone."""

    def field(points):
        rod = 0.045 - np.maximum(np.hypot(points[:, 0] - 0.06, points[:, 2] - 0.06), np.abs(points[:, 1]) - 0.8)
        return np.maximum(ball(0.3)(points), rod).astype(np.float32)

    mesh = extract(field, 64, start=8)
    assert same(mesh, extract(field, 64, start=64))
    assert mesh.bounds[1, 1] > 0.8


def test_it_is_closed_at_the_border_of_the_cube():
    mesh = extract(ball(1.2), 64)
    assert (mesh.watertight, mesh.euler) == (True, 2)
    np.testing.assert_allclose(mesh.bounds, [[-1, -1, -1], [1, 1, 1]], atol=1e-6)
    # The cube without what is outside of the ball: caps at six faces less than a ball.
    cap = np.pi * 0.2**2 * (3 * 1.2 - 0.2) / 3
    assert mesh.volume == pytest.approx(4 / 3 * np.pi * 1.2**3 - 6 * cap, rel=0.01)


def test_a_ball_around_the_whole_cube_but_one_corner_is_closed():
    mesh = extract(ball(3.2, (-1, -1, -1)), 24)
    assert (mesh.watertight, mesh.euler) == (True, 2)
    assert mesh.areas.min() > 0


def test_another_level_and_another_cube():
    mesh = extract(ball(), 64, level=0.2)
    assert mesh.volume == pytest.approx(4 / 3 * np.pi * 0.3**3, rel=0.01)
    mesh = extract(ball(0.5), 64, half=0.6)
    assert mesh.volume == pytest.approx(np.pi / 6, rel=0.01)


def test_the_surface_lies_between_inside_and_outside():
    from hypernet.shapes.core.solids import inside

    points = np.random.default_rng(5).uniform(-1, 1, (2000, 3))
    clear = np.abs(torus(points)) > 0.01
    assert np.array_equal(inside(extract(torus, 64), points)[clear], (torus(points) > 0)[clear])


def test_a_field_of_yes_and_no_is_a_mesh_too():
    mesh = extract(lambda points: np.where(ball()(points) > 0, 7.0, -7.0), 64)
    assert (mesh.watertight, mesh.euler) == (True, 2)
    assert mesh.volume == pytest.approx(np.pi / 6, rel=0.02)


def test_what_the_start_grid_does_not_see_is_looked_for():
    mesh = extract(ball(0.04, (0.03, 0.02, 0.01)), 128, start=8)
    assert mesh.volume == pytest.approx(4 / 3 * np.pi * 0.04**3, rel=0.15)


@pytest.mark.parametrize(
    ("value", "where"), [(-3.25, r"outside at all of .* \(nearest to the level 0: -3.25\)"), (2.0, "inside at all of")]
)
def test_no_surface_is_one_message(value, where):
    counted = Counted(lambda points: np.full(len(points), value))
    with pytest.raises(EmptyFieldError, match=where) as caught:
        extract(counted, 256)
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, UserError)
    # Not the 16 million points of the whole grid.
    assert counted.points < 3_000_000


def test_what_is_refused():
    with pytest.raises(UserError, match=r"resolution: 3; accepted: 4 to 512"):
        extract(ball(), 3)
    with pytest.raises(UserError, match=r"resolution: 1024"):
        extract(ball(), 1024)
    with pytest.raises(UserError, match="start: 1"):
        extract(ball(), 64, start=1)
    with pytest.raises(UserError, match="the field is nan at"):
        extract(lambda points: np.where(points[:, 0] > 0.5, np.nan, ball()(points)), 32)
    with pytest.raises(UserError, match="the field is -inf at"):
        extract(lambda points: np.where(points[:, 0] > 0.5, -np.inf, ball()(points)), 32)


def test_without_the_library_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage.measure", None)
    with pytest.raises(UserError, match=r'pip install "hypernet\[shapes\]"'):
        extract(ball(), 16)


def test_values_at_the_end_of_single_precision_give_a_mesh_of_finite_numbers():
    mesh = extract(lambda points: np.where(np.linalg.norm(points, axis=-1) < 0.5, 3e38, -3e38), 32)
    assert np.isfinite(mesh.vertices).all()
    assert mesh.volume == pytest.approx(4 / 3 * np.pi * 0.5**3, rel=0.1)
