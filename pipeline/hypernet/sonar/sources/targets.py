"""What is heard and seen of one object of a data set, from the places of a bat around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hypernet.lab.randomness import derived_seed, numpy_generator
from hypernet.shapes.core.cameras import Camera
from hypernet.shapes.core.solids import Mesh
from hypernet.shapes.sources.objects import GeneratedObject, MeshObject
from hypernet.sonar.config import EmittedCall, Hearing, Scene
from hypernet.sonar.core.air import Air
from hypernet.sonar.core.calls import Call
from hypernet.sonar.core.directivity import Omni
from hypernet.sonar.core.echoes import Acoustics, Body, echo_of
from hypernet.sonar.core.poses import Head, Microphone, ears, head_at, to_world

# Half of the window of distances around the middle of an object, in sizes: the corner of a cube is at 0.87.
REACH = 0.9

Solid = GeneratedObject | MeshObject


@dataclass(frozen=True)
class Heard:
    """One object from its views.

    Attributes:
        azimuths: of the bat in degrees, float32 ``[V]``.
        echoes: of the pairs of ears, Pa, float32 ``[V, P, 2, T]``.
        microphones: of further microphones with the first head, Pa, float32 ``[V, M, T]``.
        images: from the same places, uint8 RGBA ``[V, S, S, 4]``.
        cameras: rows of their cameras, float32 ``[V, 8]``.
        notes: what a person should know.
        silent: number of views of which nothing is heard.
    """

    azimuths: np.ndarray
    echoes: np.ndarray
    microphones: np.ndarray
    images: np.ndarray
    cameras: np.ndarray
    notes: tuple[str, ...]
    silent: int


def air_of(hearing: Hearing) -> Air:
    """The air of the settings."""
    return Air(hearing.temperature_c, hearing.humidity_percent)


def acoustics_of(hearing: Hearing) -> Acoustics:
    """The simulator's settings."""
    return Acoustics(
        rate_hz=hearing.rate_hz,
        samples=hearing.samples,
        scattering=hearing.scattering,
        share=hearing.diffuse_share,
        bounces=hearing.bounces,
        air=air_of(hearing),
        absorption=hearing.absorption,
    )


def start_s(scene: Scene, hearing: Hearing) -> float:
    """Time of the first sample of all echoes of a data set, after the call began."""
    return 2 * (scene.range_m - REACH * scene.size_m) / air_of(hearing).speed_of_sound


def head_of(scene: Scene, azimuth_deg: float, angles: list[float]) -> Head:
    """A head at a place around the object, turned by yaw, pitch and roll in degrees."""
    yaw, pitch, roll = angles
    return head_at(scene.range_m, azimuth_deg, scene.elevation_deg, yaw, pitch, roll)


def world_mesh(shape: Solid, size_m: float) -> Mesh:
    """The surface of an object in metres around the origin, z up and its front along x."""
    return Mesh(to_world(shape.mesh.vertices, size_m), shape.mesh.triangles)


def listen(shape: Solid, scene: Scene, call: Call, hearing: Hearing, image_size: int) -> Heard:
    """Echoes and images of one object from ``scene.views`` places, the same in any order and process."""
    identity = (shape.collection, shape.class_name, shape.identity)
    random = numpy_generator(0, "sonar", "views", *identity)
    azimuths = random.uniform(-scene.azimuth_range_deg, scene.azimuth_range_deg, scene.views)
    heads = [head_of(scene, azimuth, angles) for azimuth in azimuths for angles in scene.heads]
    body, start = Body(world_mesh(shape, scene.size_m)), start_s(scene, hearing)
    further = [Microphone(np.array(offset), Omni()) for offset in scene.microphones]
    acoustics, seed = acoustics_of(hearing), derived_seed(0, "sonar", "roughness", *identity) % 2**31
    common: dict[str, Any] = {"call": call, "acoustics": acoustics, "seed": seed, "start_s": start}
    pair = ears(hearing.baseline_m, hearing.ears)
    echo = echo_of([body], heads, pair, **common)
    echoes = echo.samples.reshape(scene.views, len(scene.heads), 2, hearing.samples)
    aside = np.zeros((scene.views, 0, hearing.samples))
    if further:
        aside = echo_of([body], heads[:: len(scene.heads)], further, **common).samples
    picture = shape.painted(random)
    cameras = [Camera.orbit(azimuth, scene.elevation_deg).framing(picture.vertices) for azimuth in azimuths]
    return Heard(
        azimuths.astype(np.float32),
        echoes.astype(np.float32),
        aside.astype(np.float32),
        np.stack([picture.render(camera, image_size) for camera in cameras]),
        np.stack([camera.as_row() for camera in cameras]),
        echo.notes,
        int((np.abs(echoes).max(axis=(1, 2, 3)) == 0).sum()),
    )


def sweep(call: EmittedCall) -> Call:
    """The sweep of the settings."""
    return Call.sweep(call.start_hz, call.end_hz, call.duration_s, shape=call.shape, window=call.window)
