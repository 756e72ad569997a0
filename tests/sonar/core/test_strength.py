"""Target strength against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from hypernet.lab.errors import UserError
from hypernet.shapes.core.solids import Mesh
from hypernet.sonar.core.air import Air
from hypernet.sonar.core.strength import SILENCE_DB, target_strength

SPEED = Air().speed_of_sound


def box(x: float, y: float, z: float) -> Mesh:
    shape = trimesh.creation.box((x, y, z))
    return Mesh(shape.vertices, shape.faces)


def corner(side: float, height: float) -> Mesh:
    low, high = -height / 2, height / 2
    points = [[0, 0, low], [0, 0, high], [side, 0, low], [side, 0, high], [0, side, low], [0, side, high]]
    return Mesh(np.array(points), np.array([[0, 1, 3], [0, 3, 2], [0, 4, 5], [0, 5, 1]]))


def test_a_plate():
    frequencies = np.array([20e3, 40e3, 80e3])
    level = target_strength(box(0.001, 0.1, 0.06), frequencies, [0.0, 180.0])
    expected = 20 * np.log10(0.1 * 0.06 * frequencies / SPEED)
    assert level == pytest.approx(np.stack([expected, expected]), abs=0.01)
    assert target_strength(box(0.1, 0.06, 0.001), 40e3, 0.0, elevation_deg=90.0) == pytest.approx(expected[1], abs=0.01)


def test_a_tilted_plate_and_its_null():
    """20 log10 |A f / c · sinc(2 a sin φ f / c) cos φ|, down to the null at 2.46 degrees."""
    side, frequency = 0.1, 40e3
    tilts = np.array([0.0, 1.0, 2.0, 3.5, 6.1, 20.0, 47.0])
    square = np.array([[0, -1, -1], [0, 1, -1], [0, 1, 1], [0, -1, 1]]) * side / 2
    mesh = Mesh(square, np.array([[0, 1, 2], [0, 2, 3]]))
    phase = 2 * side * np.sin(np.radians(tilts)) * frequency / SPEED
    expected = side**2 * frequency / SPEED * np.abs(np.sinc(phase)) * np.cos(np.radians(tilts))
    level = target_strength(mesh, frequency, tilts)[:, 0]
    assert 10 ** (level / 20) == pytest.approx(expected, abs=5e-4 * expected[0])
    null = np.degrees(np.arcsin(SPEED / (2 * side * frequency)))
    assert target_strength(mesh, frequency, null)[0, 0] < level[0] - 55


def test_a_sphere_in_the_mean_over_frequencies():
    """20 log10 (a / 2); the edge of what is lit adds a ripple, which the mean of the energy over a band levels."""
    ball = trimesh.creation.icosphere(5, 0.05)
    frequencies = np.linspace(30e3, 60e3, 61)
    level = target_strength(Mesh(ball.vertices, ball.faces), frequencies, [10.0])
    mean = 10 * np.log10((10 ** (level / 10)).mean())
    assert mean == pytest.approx(20 * np.log10(0.025), abs=0.5)


@pytest.mark.parametrize("angle", [20.0, 45.0, 65.0])
def test_a_corner_against_a_plate(angle):
    """Two bounces make it a plate of 2 min(a sin ψ, a cos ψ) b at every angle; single bounces are weak there."""
    side, height, frequency = 0.12, 0.1, 57.3e3
    once, twice = (target_strength(corner(side, height), frequency, angle, bounces=bounces)[0, 0] for bounces in (1, 2))
    area = 2 * side * min(np.sin(np.radians(angle)), np.cos(np.radians(angle))) * height
    expected = 20 * np.log10(area * frequency / SPEED)
    assert twice == pytest.approx(expected, abs=0.5)
    assert once < expected - 12
    flat = target_strength(box(0.001, side, height), frequency, angle)[0, 0]
    assert flat < twice - 10


def test_it_does_not_depend_on_where_the_body_stands():
    mesh = box(0.05, 0.08, 0.03)
    moved = Mesh(mesh.vertices + np.array([0.4, -0.3, 0.2]), mesh.triangles)
    arguments = (np.array([20e3, 45e3]), np.array([5.0, 100.0]), 20.0, 2)
    assert target_strength(mesh, *arguments) == pytest.approx(target_strength(moved, *arguments), abs=0.02)


def test_silence_has_a_number():
    square = np.array([[0, -1, -1], [0, 1, -1], [0, 1, 1], [0, -1, 1]]) * 0.1
    away = target_strength(Mesh(square, np.array([[0, 1, 2], [0, 2, 3]])), [40e3], [180.0])
    assert away.tolist() == [[SILENCE_DB]]


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ((0.0, 0.0), "frequency"),
        ((np.nan, 0.0), "frequency"),
        (([], 0.0), "frequency"),
        ((4e4, np.inf), "azimuth"),
        ((4e4, 0.0, 91.0), "elevation"),
        ((4e4, 0.0, 0.0, 3), "bounces"),
    ],
)
def test_bad_numbers(arguments, match):
    with pytest.raises(UserError, match=match):
        target_strength(box(0.1, 0.1, 0.1), *arguments)
