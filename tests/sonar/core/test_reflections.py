"""Second-order echoes against the closed form of a right-angled corner."""

from __future__ import annotations

import numpy as np
import pytest

from hypernet.shapes.core.solids import Mesh
from hypernet.sonar.core.calls import Call
from hypernet.sonar.core.directivity import Omni
from hypernet.sonar.core.echoes import Acoustics, Body, echo_of
from hypernet.sonar.core.facets import sampled
from hypernet.sonar.core.poses import Microphone, head_at
from hypernet.sonar.core.reflections import reflected, reflected_plane
from hypernet.sonar.core.visibility import Occluder

# A narrow band: far above it all is the same for both walls.
CALL = Call.sweep(58e3, 42e3, 2e-3)
HERE = [Microphone(np.zeros(3), Omni())]


def corner(side: float, height: float) -> Mesh:
    """Walls along x and y from the origin, both facing the quadrant where x and y are above 0."""
    low, high = -height / 2, height / 2
    points = [[0, 0, low], [0, 0, high], [side, 0, low], [side, 0, high], [0, side, low], [0, side, high]]
    # On the wall along x the normal is +y, on that along y it is +x.
    return Mesh(np.array(points), np.array([[0, 1, 3], [0, 3, 2], [0, 4, 5], [0, 5, 1]]))


def test_the_corner_faces_its_quadrant():
    assert corner(1, 1).normals.tolist() == [[0, 1, 0], [0, 1, 0], [1, 0, 0], [1, 0, 0]]


def second_order(mesh: Mesh, angle: float, distance: float, samples: int = 1400) -> tuple[np.ndarray, float]:
    """What two bounces add to one, and the time of the first sample."""
    head = head_at(distance, angle, 0.0)
    start = 2 * (distance - 0.4) / Acoustics().air.speed_of_sound
    sounds = [
        echo_of(
            [Body(mesh)],
            [head],
            HERE,
            CALL,
            Acoustics(bounces=bounces, absorption=False, samples=samples),
            start_s=start,
        ).samples[0, 0]
        for bounces in (1, 2)
    ]
    return sounds[1] - sounds[0], start


@pytest.mark.parametrize("angle", [20.0, 45.0, 58.0])
def test_a_corner_sends_sound_back_at_every_angle(angle):
    """As a plate of 2 min(a sin ψ, a cos ψ) b at the place of the edge, held at right angles to the sound."""
    side, height, distance = 0.06, 0.05, 6.0
    speed = Acoustics().air.speed_of_sound
    sound, start = second_order(corner(side, height), angle, distance)
    spectrum = np.fft.rfft(sound, 4096)
    frequencies = np.fft.rfftfreq(4096, 4e-6)
    inside = (frequencies > 47e3) & (frequencies < 53e3)
    transfer = (spectrum / 250e3 / CALL.spectrum(frequencies))[inside]
    area = 2 * side * min(np.sin(np.radians(angle)), np.cos(np.radians(angle))) * height
    expected = area * frequencies[inside] / speed / distance**2
    assert np.abs(transfer) == pytest.approx(expected, rel=0.04)
    # The phase falls with the way to the edge and back; a quarter turn is the factor j.
    slope = np.polyfit(2 * np.pi * frequencies[inside], np.unwrap(np.angle(transfer)), 1)[0]
    assert start - slope == pytest.approx(2 * distance / speed, abs=0.4e-6)
    turn = np.angle(transfer * np.exp(2j * np.pi * frequencies[inside] * (2 * distance / speed - start)))
    assert turn == pytest.approx(np.full(len(turn), np.pi / 2), abs=0.15)


def test_tubes_cover_the_walls_that_they_light():
    """A plane wave at 30 degrees: all of one wall lights a part of the other, and nothing is lost."""
    side, height, angle = 0.2, 0.1, 30.0
    mesh, direction = corner(side, height), -np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle)), 0])
    samples = sampled(mesh, 0.003, direction=-direction)
    tubes = reflected_plane(samples, 0.003, Occluder([mesh]), mesh.normals, direction)
    for first, second, expected in (
        # From the wall along y (normal x) down to the wall along x, up to where its top is mirrored to.
        (2, 0, min(side, side / np.tan(np.radians(angle))) * height),
        (0, 2, min(side, side * np.tan(np.radians(angle))) * height),
    ):
        which = (tubes.first // 2 == first // 2) & (tubes.facet // 2 == second // 2)
        assert tubes.strength[which].sum() == pytest.approx(expected, rel=0.02)
    areas = np.linalg.norm(np.cross(tubes.edges[:, 0], tubes.edges[:, 1]), axis=1)
    assert areas == pytest.approx(tubes.strength, rel=0.16)


def test_tubes_widen_from_the_image_of_the_mouth():
    mesh, mouth = corner(0.3, 0.3), np.array([0.8, 0.5, 0.1])
    samples = sampled(mesh, 0.01, mouth)
    tubes = reflected(samples, 0.01, Occluder([mesh]), mesh.normals, mouth)
    image = np.where(mesh.normals[tubes.first] != 0, -mouth, mouth)
    ways = tubes.points - image
    assert tubes.travelled == pytest.approx(np.linalg.norm(ways, axis=1), rel=1e-9)
    assert tubes.incoming == pytest.approx(ways / tubes.travelled[:, None], abs=1e-9)
    assert np.abs(np.einsum("nec,nc->ne", tubes.edges, mesh.normals[tubes.facet])).max() < 1e-12


def test_flat_and_convex_bodies_have_no_second_order():
    import trimesh

    square = np.array([[0, -1, -1], [0, 1, -1], [0, 1, 1], [0, -1, 1]]) * 0.1
    ball = trimesh.creation.icosphere(3, 0.05)
    for mesh in (Mesh(square, np.array([[0, 1, 2], [0, 2, 3]])), Mesh(ball.vertices, ball.faces)):
        sound, _ = second_order(mesh, 7.0, 1.0)
        assert not sound.any()


def test_rough_surfaces_have_no_second_order():
    mesh, head = corner(0.1, 0.1), head_at(1.0, 30.0, 0.0)
    sounds = [
        echo_of([Body(mesh)], [head], HERE, CALL, Acoustics(scattering="lambert", bounces=bounces)).samples
        for bounces in (1, 2)
    ]
    assert np.array_equal(*sounds)


def test_what_stands_between_hides_the_second_place():
    """A screen before the wall along x hides from the mouth where the other wall sends sound to."""
    mesh = corner(0.1, 0.05)
    screen = Mesh(
        np.array([[0.12, -0.01, -0.1], [0.12, 0.035, -0.1], [0.12, 0.035, 0.1], [0.12, -0.01, 0.1]]),
        np.array([[0, 1, 2], [0, 2, 3]]),
    )
    head = head_at(2.0, 15.0, 0.0)
    acoustics = Acoustics(bounces=2, absorption=False, samples=1400)
    start = 2 * 1.6 / acoustics.air.speed_of_sound
    open_, hidden = (
        echo_of(bodies, [head], HERE, CALL, acoustics, start_s=start).samples
        for bodies in ([Body(mesh)], [Body(mesh), Body(Mesh(screen.vertices, screen.triangles[:, ::-1]))])
    )
    assert np.abs(hidden).max() < 0.7 * np.abs(open_).max()
