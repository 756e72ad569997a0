"""Echoes of the walls of a room: clutter around an object.

The mirror images of the mouth come from pyroomacoustics (image source model: Allen and Berkley 1979; Scheibler et al.
2018); pressure, directivity and the absorption of air are those of the simulator, since the library's air ends at 8 kHz
and its speed of sound differs by 0.24 %. The way straight from the mouth to the ears is left out, and so are sounds
that meet both the object and a wall.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from hypernet.lab.errors import UserError
from hypernet.lab.libraries import library
from hypernet.sonar.core.air import Air
from hypernet.sonar.core.calls import Call
from hypernet.sonar.core.directivity import Directivity
from hypernet.sonar.core.poses import Head, Microphone

# Reflections of a sound; those beyond are missing from late echoes of small rooms.
MOST_REFLECTIONS = 12
# Frequencies at which directivities are looked up; between them they are interpolated.
_LOOKED_UP = 24
_CHUNK = 1 << 21


@dataclass(frozen=True)
class Room:
    """A room of six walls with the world's origin in its middle.

    Attributes:
        size_m: lengths along x, y and z.
        absorption: share of the energy that a wall takes, 0 to 1.

    Raises:
        UserError: a number outside of these.
    """

    size_m: tuple[float, float, float]
    absorption: float

    def __post_init__(self) -> None:
        if len(self.size_m) != 3 or not all(0 < length <= 1000 for length in self.size_m):
            raise UserError(f"room: {self.size_m} is no size; accepted: three lengths in metres, up to 1000")
        if not 0 <= self.absorption <= 1:
            raise UserError(f"room: its walls take {self.absorption:g} of the energy; accepted: 0 to 1")

    def check(self, points: np.ndarray, what: str) -> None:
        """Raise a UserError if one of points ``[n, 3]`` of the world is not inside."""
        beyond = np.abs(points) >= np.array(self.size_m) / 2
        if beyond.any():
            axis = int(beyond.any(axis=0).argmax())
            raise UserError(
                f"room: {what} reaches {'xyz'[axis]} = {points[np.abs(points[:, axis]).argmax(), axis]:.3g} m, beyond "
                f"the wall at {self.size_m[axis] / 2:g} m; the object stands in the middle of the room"
            )


def clutter(
    room: Room,
    heads: Sequence[Head],
    microphones: Sequence[Microphone],
    call: Call,
    mouth: Directivity,
    air: Air,
    rate_hz: float,
    samples: int,
    start_s: float,
    absorbing: bool = True,
) -> np.ndarray:
    """Echoes of the walls at every microphone of every head, in Pa.

    Args:
        room: around the world's origin.
        heads: of the poses.
        microphones: of each head.
        call: emitted.
        mouth: its directivity.
        air: for its speed of sound and absorption.
        rate_hz: samples a second.
        samples: T.
        start_s: time of the first sample after the call began.
        absorbing: whether air absorbs sound.

    Returns:
        float64 ``[pose, microphone, T]``.

    Raises:
        UserError: a bat outside of the room.
    """
    room.check(np.array([head.position for head in heads]), "the bat")
    speed, duration = air.speed_of_sound, call.duration_s
    end_s = start_s + samples / rate_hz
    # Begin a call's length earlier: an echo may have begun before the first sample.
    early = math.ceil(duration * rate_hz)
    length = 2 ** math.ceil(math.log2(samples + 2 * early + 1))
    frequencies = np.fft.rfftfreq(length, 1 / rate_hz)
    emitted = call.spectrum(frequencies) * rate_hz
    loss = air.absorption(frequencies) if absorbing else np.zeros_like(frequencies)
    begin = start_s - early / rate_hz
    echoes = np.zeros((len(heads), len(microphones), samples))
    for row, head in enumerate(heads):
        images, damping, orders = _images(room, head.position, end_s * speed, speed)
        for column, microphone in enumerate(microphones):
            ways = head.place(microphone.offset_m) - images
            distances = np.linalg.norm(ways, axis=1)
            times = distances / speed
            kept = (times < end_s) & (times > begin)
            arriving = head.to_head(-ways[kept] / distances[kept, None])
            # Unfolded by the walls that it met, the way leaves the mouth in this direction.
            leaving = head.to_head(np.where(orders[kept] % 2 == 1, -1, 1) * ways[kept] / distances[kept, None])
            spectrum = _sum(
                frequencies,
                loss,
                damping[kept] / distances[kept],
                times[kept] - begin,
                distances[kept],
                ((mouth, leaving), (microphone.directivity, arriving)),
            )
            echoes[row, column] = np.fft.irfft(spectrum * emitted, length)[early : early + samples]
    return echoes


def _images(
    room: Room, position: np.ndarray, reach_m: float, speed: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mirror images of a place ``[n, 3]``, what the walls leave of the pressure ``[n]``, and reflections by axis."""
    acoustics = library("pyroomacoustics", "pyroomacoustics", "sonar")
    middle = np.array(room.size_m) / 2
    order = min(MOST_REFLECTIONS, math.ceil(reach_m / min(room.size_m)) + 1)
    walls = acoustics.ShoeBox(
        list(room.size_m), fs=16_000, materials=acoustics.Material(room.absorption), max_order=order
    )
    walls.set_sound_speed(speed)
    walls.add_source(list(position + middle))
    walls.add_microphone(list(position + middle))
    walls.image_source_model()
    (source,) = walls.sources
    orders = np.asarray(source.orders_xyz, dtype=np.int64).T
    mirrored = np.abs(orders).sum(axis=1) > 0
    images = np.asarray(source.images, dtype=np.float64).T - middle
    return images[mirrored], np.asarray(source.damping, dtype=np.float64)[0][mirrored], orders[mirrored]


def _sum(
    frequencies: np.ndarray,
    loss: np.ndarray,
    sizes: np.ndarray,
    times: np.ndarray,
    distances: np.ndarray,
    beams: Sequence[tuple[Directivity, np.ndarray]],
) -> np.ndarray:
    """Sum over images of size · gains · absorption · e^{-j2πft}, ``[F]``."""
    total = np.zeros(len(frequencies), dtype=np.complex128)
    if not len(sizes):
        return total
    looked_up = np.linspace(frequencies[1], frequencies[-1], _LOOKED_UP)
    gains = np.ones((_LOOKED_UP, len(sizes)))
    for beam, directions in beams:
        tensor = torch.as_tensor(directions, dtype=torch.float64)
        gains *= np.stack([beam.gain(tensor, float(frequency)).numpy() for frequency in looked_up])
    place = np.interp(frequencies, looked_up, np.arange(_LOOKED_UP))
    lower = np.minimum(place.astype(int), _LOOKED_UP - 2)
    share = place - lower
    width = max(1, _CHUNK // len(sizes))
    for start in range(0, len(frequencies), width):
        part = slice(start, start + width)
        gain = gains[lower[part]] * (1 - share[part, None]) + gains[lower[part] + 1] * share[part, None]
        size = sizes * gain * 10 ** (-np.outer(loss[part], distances) / 20)
        total[part] = (size * np.exp(-2j * np.pi * np.outer(frequencies[part], times))).sum(axis=1)
    return total
