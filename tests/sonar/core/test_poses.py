"""Where bats are, against the formulas, cameras and drawings."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from hypernet.lab.errors import UserError
from hypernet.shapes.core.cameras import Camera
from hypernet.shapes.core.frames import INNER
from hypernet.sonar.core.directivity import Omni
from hypernet.sonar.core.poses import (
    Head,
    Microphone,
    camera_azimuth,
    ears,
    head_at,
    to_canonical,
    to_world,
)

ANGLES = st.floats(-180, 180)


def test_frames_are_turned_not_mirrored():
    axes = to_world(np.eye(3), 2 * INNER)
    assert np.linalg.det(axes) == pytest.approx(1)
    # The front, z there, is x here; up, y there, is z here.
    np.testing.assert_array_equal(axes, [[0, 1, 0], [0, 0, 1], [1, 0, 0]])
    points = np.random.default_rng(0).normal(size=(5, 3))
    np.testing.assert_allclose(to_canonical(to_world(points, 0.2), 0.2), points)
    longest = to_world(np.array([[0, 0, -INNER], [0, 0, INNER]]), 0.2)
    assert np.ptp(longest[:, 0]) == pytest.approx(0.2)


@settings(deadline=None)
@given(ANGLES, st.floats(-90, 90), st.floats(0.1, 10))
def test_the_place_of_the_bat_is_that_of_the_camera(azimuth, elevation, distance):
    head = head_at(distance, azimuth, elevation)
    eye = to_world(np.array(Camera.orbit(camera_azimuth(azimuth), elevation, distance).eye), 2 * INNER)
    np.testing.assert_allclose(head.position, eye, atol=1e-9)
    np.testing.assert_allclose(head.forward, -head.position / distance, atol=1e-9)


@settings(deadline=None)
@given(ANGLES, st.floats(-89, 89))
def test_left_is_level_and_right_handed(azimuth, elevation):
    head = head_at(1.0, azimuth, elevation)
    left = np.cross([0, 0, 1], head.forward)
    np.testing.assert_allclose(head.left, left / np.linalg.norm(left), atol=1e-9)
    np.testing.assert_allclose(head.up, np.cross(head.forward, head.left), atol=1e-9)
    assert head.up[2] > 0


@settings(deadline=None)
@given(ANGLES, st.floats(-90, 90), ANGLES, ANGLES, ANGLES)
def test_turns_are_those_of_scipy(azimuth, elevation, yaw, pitch, roll):
    still, head = head_at(1, azimuth, elevation), head_at(1, azimuth, elevation, yaw, pitch, roll)
    # Intrinsic turns about up, then left (downwards is positive there), then forward.
    turn = Rotation.from_euler("ZYX", [yaw, -pitch, roll], degrees=True)
    np.testing.assert_allclose(head.axes, turn.as_matrix().T @ still.axes, atol=1e-9)
    np.testing.assert_array_equal(head.position, still.position)


def test_turns_have_the_sense_that_is_stated():
    # The bat is in front of the object and looks along -x; its left is -y.
    assert head_at(1, 0, 0).left == pytest.approx([0, -1, 0])
    assert head_at(1, 0, 0, yaw_deg=90).forward == pytest.approx([0, -1, 0])
    assert head_at(1, 0, 0, pitch_deg=90).forward == pytest.approx([0, 0, 1])
    assert head_at(1, 0, 0, roll_deg=90).left == pytest.approx([0, 0, 1])
    # Straight above, the azimuth still says where left is.
    assert head_at(1, 0, 90).left == pytest.approx([0, -1, 0])


def test_ears_and_their_time_difference():
    left, right = ears(0.014, "omni")
    head = head_at(1.0, 0, 0)
    source = head.place([np.cos(np.radians(40)), np.sin(np.radians(40)), 0])
    near, far = (np.linalg.norm(head.place(ear.offset_m) - source) for ear in (left, right))
    assert (far - near) / 343.0 * 1e6 == pytest.approx(26.236, abs=5e-4)
    assert head.to_head(source - head.position) == pytest.approx([np.cos(np.radians(40)), np.sin(np.radians(40)), 0])
    bat_left, bat_right = ears()
    assert bat_left.directivity.axis_azimuth_deg == -bat_right.directivity.axis_azimuth_deg == 38
    assert ears(directivity="cardioid")[0].directivity.axis[1] > 0
    mine = (Omni(), Omni())
    assert ears(directivity=mine)[1].directivity is mine[1]


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda: head_at(0, 0, 0), "range: 0 m is not above 0"),
        (lambda: head_at(float("nan"), 0, 0), "range: nan m"),
        (lambda: head_at(1, 0, 91), "elevation 91: .* from -90 to 90"),
        (lambda: head_at(1, float("inf"), 0), "finite angles"),
        (lambda: ears(-1), "baseline: -1 m"),
        (lambda: ears(directivity="owl"), "'owl' is no directivity; accepted: bat, omni, cardioid"),
        (lambda: Microphone([0, 1], Omni()), "three numbers"),
    ],
)
def test_refused(make, line):
    with pytest.raises(UserError, match=line):
        make()


def test_a_head_is_a_right_handed_frame():
    with pytest.raises(ValueError, match="right angles"):
        Head(np.zeros(3), np.ones(3), np.ones(3), np.ones(3))
    with pytest.raises(ValueError, match="right-handed"):
        Head(np.zeros(3), *np.eye(3)[[1, 0, 2]])
