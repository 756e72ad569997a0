"""Target strength: how strong the echo of a body is far away, whatever the distance.

    TS = 20 log10 lim r |p_echo(r)| / |p_call|     dB re 1 m

for a plane wave that comes from where the echo is heard, without loss in air, of rigid surfaces in physical optics:
20 log10(a / 2) of a sphere of radius a, 20 log10(A f / c) of a plate of area A held at right angles to the wave.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import ArrayLike

from hypernet.lab.errors import UserError
from hypernet.shapes.core.solids import Mesh
from hypernet.sonar.core.air import Air
from hypernet.sonar.core.directivity import Omni, direction_of
from hypernet.sonar.core.echoes import Body, Scene
from hypernet.sonar.core.facets import Samples, sampled
from hypernet.sonar.core.reflections import reflected_plane
from hypernet.sonar.core.scattering import Paths, Receivers, plane_paths
from hypernet.sonar.core.synthesis import Bands, Impulses
from hypernet.sonar.core.visibility import seen

# What of silence is given as, dB: no logarithm of 0.
SILENCE_DB = -200.0
HIGHEST_HZ = 10_000_000.0
# Rate of the impulse response over the highest frequency, and its samples around the body: at right angles to a plate
# all delays are one, and no errors of the deposit level out.
_RATE, _MARGIN = 12, 64


@torch.no_grad()
def target_strength(
    mesh: Mesh,
    frequency_hz: ArrayLike,
    azimuth_deg: ArrayLike,
    elevation_deg: float = 0.0,
    bounces: int = 1,
    air: Air | None = None,
    spacing_m: float | None = None,
) -> np.ndarray:
    """Target strength against angle and frequency.

    Args:
        mesh: in metres, its front along x, z up.
        frequency_hz: frequencies, ``[F]``.
        azimuth_deg: where the wave comes from, 0 for the front, 90 for the body's left, ``[A]``.
        elevation_deg: of where it comes from.
        bounces: 1, or 2 with echoes by way of a second surface.
        air: for its speed of sound; None for air of 20 degrees Celsius.
        spacing_m: longest side of a cell of the surface; None for half the shortest wavelength.

    Returns:
        dB re 1 m, float64 ``[A, F]``; -200 for silence.

    Raises:
        UserError: a mesh that cannot be used, or numbers outside of their ranges.
    """
    frequencies, azimuths = _numbers(frequency_hz, "frequency"), _numbers(azimuth_deg, "azimuth")
    if not (frequencies.min() > 0 and frequencies.max() <= HIGHEST_HZ):
        raise UserError(f"frequency: accepted are numbers above 0 and up to {HIGHEST_HZ:,.0f} Hz")
    if not abs(elevation_deg) <= 90:
        raise UserError(f"elevation: {elevation_deg:g} is not from -90 to 90 degrees")
    if bounces not in (1, 2):
        raise UserError(f"bounces: {bounces} is not 1 or 2")
    air = air or Air()
    scene = Scene([Body(mesh, title="mesh")])
    spacing = air.speed_of_sound / frequencies.max() / 2 if spacing_m is None else spacing_m
    rows = [
        _spectrum(scene, -np.array(direction_of(azimuth, elevation_deg)), frequencies, bounces, air, spacing)
        for azimuth in azimuths
    ]
    size = np.abs(np.array(rows))
    level: np.ndarray = 20 * np.log10(np.maximum(size, 10 ** (SILENCE_DB / 20)))
    return level


def _spectrum(
    scene: Scene, direction: np.ndarray, frequencies: np.ndarray, bounces: int, air: Air, spacing: float
) -> np.ndarray:
    """Pressure times distance of the echo of a plane wave, complex128 ``[F]``."""
    facing = sampled(scene.mesh, spacing, direction=-direction)
    samples = seen(facing, scene.occluder, None, -direction)
    if not len(samples):
        return np.zeros(len(frequencies), dtype=np.complex128)
    parts = [_once(samples, direction)]
    if bounces == 2:
        parts.append(_twice(scene, samples, spacing, direction))
    parts = [paths for paths in parts if paths.lengths.numel()]
    rate = _RATE * frequencies.max()
    speed = air.speed_of_sound
    first = min(float(paths.lengths.min()) for paths in parts) / speed - _MARGIN / 2 / rate
    last = max(float(paths.lengths.max()) for paths in parts) / speed
    impulses = Impulses(
        _receivers(), Bands.over(frequencies.min(), frequencies.max()), air, False, rate,
        math.ceil((last - first) * rate) + _MARGIN, first,
    )  # fmt: skip
    for paths in parts:
        impulses.add(paths)
    response: np.ndarray = impulses.transfer(frequencies)[0].numpy()
    return response


def _once(samples: Samples, direction: np.ndarray) -> Paths:
    """Way to the cells and back."""
    return plane_paths(
        direction, samples.points, samples.normals, direction, samples.points @ direction, samples.areas, samples.edges
    )


def _twice(scene: Scene, samples: Samples, spacing: float, direction: np.ndarray) -> Paths:
    """Way by a second surface, where that is seen from where the wave comes."""
    tubes = reflected_plane(samples, spacing, scene.occluder, scene.mesh.normals, direction)
    heard = scene.occluder.visible_along(tubes.points, -direction, tubes.facet)
    return plane_paths(
        direction, tubes.points[heard], scene.mesh.normals[tubes.facet[heard]], tubes.incoming[heard],
        tubes.travelled[heard], tubes.strength[heard], tubes.edges[heard],
    )  # fmt: skip


def _receivers() -> Receivers:
    """A microphone in all directions; in a plane wave it has no place."""
    return Receivers(
        torch.zeros(3, dtype=torch.float64),
        torch.zeros(1, 3, dtype=torch.float64),
        torch.eye(3, dtype=torch.float64)[None],
        (Omni(),),
        Omni(),
    )


def _numbers(values: ArrayLike, name: str) -> np.ndarray:
    array = np.atleast_1d(np.asarray(values, dtype=np.float64))
    if array.ndim != 1 or not len(array) or not np.isfinite(array).all():
        raise UserError(f"{name}: accepted is a row of finite numbers")
    return array
