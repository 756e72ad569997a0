"""Mirrored ears against echoes of mirrored objects."""

from __future__ import annotations

import numpy as np
import pytest

from hypernet.shapes.core.solids import Mesh
from hypernet.shapes.sources.procedural import generate
from hypernet.sonar.core.calls import Call
from hypernet.sonar.core.directivity import Omni
from hypernet.sonar.core.echoes import Acoustics, Body, echo_of
from hypernet.sonar.core.poses import Microphone, ears, head_at, mirrored_ears, mirrored_microphones, to_world

HEADS = [[0, 0, 0], [0, 0, 90], [20, 5, 45], [-20, 5, 135], [10, 0, 0], [-10, 0, 0]]


def test_the_ears_of_a_level_head_are_exchanged_and_those_of_one_on_its_side_are_not():
    assert mirrored_ears([[0, 0, 0], [0, 0, 90]]) == [1, 0, 2, 3]
    assert mirrored_ears([[0, 0, 45], [0, 0, 135]]) == [2, 3, 0, 1]


def test_a_head_turned_to_one_side_alone_has_no_mirror_image():
    assert mirrored_ears([[0, 0, 0], [15, 0, 0]]) is None
    assert mirrored_ears([[0, 0, 30]]) is None


def test_microphones_are_exchanged_with_those_at_the_mirrored_places():
    assert mirrored_microphones([[0, 0.01, 0], [0, -0.01, 0], [0, 0, 0.02]]) == [1, 0, 2]
    assert mirrored_microphones([]) == []
    assert mirrored_microphones([[0, 0.01, 0]]) is None


@pytest.mark.parametrize("azimuth", [0.0, 17.0])
def test_a_mirrored_object_sounds_as_said(azimuth):
    """The simulator itself is the oracle: the couch with a chaise is not its own mirror image."""
    solid = generate("couch", 4)
    call, acoustics = Call.sweep(60e3, 20e3, 0.001), Acoustics(samples=800)
    start = 2 * (1 - 0.18) / acoustics.air.speed_of_sound

    def heard(mirrored: bool) -> np.ndarray:
        mesh = (solid.mirrored() if mirrored else solid).union()
        body = Body(Mesh(to_world(mesh.vertices, 0.2), mesh.triangles))
        side = -azimuth if mirrored else azimuth
        heads = [head_at(1.0, side, 25, *angles) for angles in HEADS]
        echo = echo_of([body], heads, ears(0.03, "bat"), call, acoustics, start_s=start)
        return echo.samples.reshape(2 * len(HEADS), -1)

    there = heard(False)
    places = mirrored_ears(HEADS)
    assert places is not None
    # The union of a mirrored solid has other triangles, so its samples lie elsewhere.
    error = np.linalg.norm(heard(True) - there[places], axis=1) / np.linalg.norm(there[places], axis=1)
    assert error.max() < 0.05
    assert np.linalg.norm(there[0] - there[1]) > 0.1 * np.linalg.norm(there[0])


def test_further_microphones_sound_as_said():
    mesh = generate("chair", 5).union()
    offsets = [[0.0, 0.03, 0.01], [0.0, -0.03, 0.01], [0.01, 0.0, -0.02]]
    places = mirrored_microphones(offsets)
    flip = np.array([1.0, -1.0, 1.0])
    vertices = to_world(mesh.vertices, 0.2)
    bodies = [Body(Mesh(vertices, mesh.triangles)), Body(Mesh(vertices * flip, mesh.triangles[:, ::-1]))]
    heard = [
        echo_of(
            [body],
            [head_at(1.0, side, 25)],
            [Microphone(np.array(offset), Omni()) for offset in offsets],
            Call.sweep(60e3, 20e3, 0.001),
            Acoustics(samples=800),
            start_s=0.0045,
        ).samples[0]
        for body, side in zip(bodies, (12.0, -12.0), strict=True)
    ]
    assert np.allclose(heard[1], heard[0][places], atol=1e-3 * np.abs(heard[0]).max())
