"""Simulated rain: fields that are carried by a flow, grow and decay, with convective cells in them.

A Gaussian random field in coordinates that move with the air (Lagrangian) changes in time as an AR(1) process per
Fourier mode: large shapes live long, small ones vanish within two frames, as in real rain (the cascade of pysteps'
STEPS rests on the same fact). Where the field is above a threshold it rains; short-lived Gaussian cells add showers.
Every frame is looked up in the field at once, through the inverse flow: frames warped one from another would blur.

What is missing: mountains, the radar's beam, attenuation. Orders of methods can be compared with real data, values
cannot. The constants are our own choice; lengths hold at 100 pixels and are scaled with the image.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
import scipy.fft

from hypernet.lab.randomness import numpy_generator
from hypernet.radar.core.frames import LARGEST_DBZ

REFERENCE_SIZE = 100
# The flow, in pixels and frames. Rain comes from the west most of the time: the mean is not zero, as in any climate.
MEAN_VELOCITY = (0.8, 4.0)
VELOCITY_SPREAD = 1.6
# Spread of the velocity's gradient (shear, rotation), per frame.
DEFORMATION = 0.018
# The field: amplitude |k|^-1.5 (power -3), nothing longer than a third of the periodic square's side (2 N).
AMPLITUDE_EXPONENT = -1.5
LONGEST_WAVES = 3
# A shape of 64 pixels lives 14 frames, one of 8 pixels an eighth of that.
LIFETIME_FRAMES = 14.0
LIFETIME_SCALE = 64.0
# It rains where the field, of variance 1, is above a threshold: 8 dBZ there, and 12 dBZ more for each unit above.
THRESHOLD = (0.2, 1.4)
EDGE_DBZ = 8.0
DBZ_PER_UNIT = 12.0
# Cells: mean number in an event of 12 frames that are born up to 12 frames before it begins.
CELLS = 40.0
CELL_FRAMES = 12
CELL_LIFE = (4.0, 16.0)
CELL_PEAK_DBZ = (20.0, 55.0)
CELL_AXIS = (2.0, 7.0)
# Cells are evaluated in boxes of +- 3.5 standard deviations; at the edge 55 dBZ have become 0.1 dBZ.
CELL_REACH = 3.5

DECIBEL = math.log(10.0) / 10.0


@dataclass(frozen=True)
class Flow:
    """Motion of the air around the centre of the image: v + A (x - c), constant in time.

    Attributes:
        size: N, pixels.
        velocity: v, (rows, columns) per frame at the image's centre.
        gradient: A, ``[2, 2]`` per frame, without trace: areas are kept.
    """

    size: int
    velocity: np.ndarray
    gradient: np.ndarray

    def carried(self, points: np.ndarray, frames: np.ndarray) -> np.ndarray:
        """Where the air at ``points`` is ``frames`` later: x(t) = c + e^(A t) (x - c) + (int_0^t e^(A s) ds) v.

        Args:
            points: rows and columns, ``[..., 2]``.
            frames: t, broadcast against the leading axes of ``points``; negative for the past.
        """
        # A has no trace, so A A = q I with q = -det A, and with s^2 = q the two are
        # e^(A t) = cosh(s t) I + sinh(s t) / s A and (sinh(s t) / s) v + (cosh(s t) - 1) / q A v.
        time, root = np.asarray(frames, dtype=np.float64), np.emath.sqrt(-np.linalg.det(self.gradient))
        sine, half = (np.real(np.sinh(root * t) / root) if root else t for t in (time, time / 2))
        turned = np.real(np.cosh(root * time))[..., None, None] * np.eye(2) + sine[..., None, None] * self.gradient
        blown = sine[..., None] * self.velocity + 2 * half[..., None] ** 2 * (self.gradient @ self.velocity)
        centre = (self.size - 1) / 2
        return centre + np.einsum("...ij,...j->...i", turned, points - centre) + blown


def flow(seed: int, index: int, size: int, deformation: float = DEFORMATION) -> Flow:
    """The flow of one event; ``deformation`` 0 makes it the same motion everywhere."""
    generator = numpy_generator(seed, "radar", "storm flow", index)
    velocity = np.array(MEAN_VELOCITY) + VELOCITY_SPREAD * generator.standard_normal(2)
    gradient = deformation * generator.standard_normal((2, 2))
    gradient -= np.eye(2) * np.trace(gradient) / 2
    return Flow(size, velocity * size / REFERENCE_SIZE, gradient)


def texture(seed: int, index: int, size: int, frames: int, lifetime: float = LIFETIME_FRAMES) -> np.ndarray:
    """The field that moves with the air, float32 ``[T, 2 N, 2 N]``, periodic, variance 1 at every time.

    Args:
        seed: of the archive.
        index: number of the event.
        size: N.
        frames: T.
        lifetime: frames that a shape of 64 pixels (at N = 100) lives; ``math.inf`` freezes the field.
    """
    generator = numpy_generator(seed, "radar", "storm texture", index)
    side = 2 * size
    amplitude, memory, fresh = _spectrum(size, lifetime)
    modes = scipy.fft.rfft2(generator.standard_normal((frames, side, side), dtype=np.float32)) * amplitude
    for frame in range(1, frames):
        modes[frame] = memory * modes[frame - 1] + fresh * modes[frame]
    return scipy.fft.irfft2(modes, s=(side, side))


@functools.lru_cache(maxsize=4)
def _spectrum(size: int, lifetime: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each Fourier mode of the field its amplitude, what it keeps from frame to frame and what comes new."""
    side = 2 * size
    # Moduli of the wave vectors in cycles per pixel: all of them for the variance, half of them for a real transform.
    wave = np.hypot(scipy.fft.fftfreq(side)[:, None], scipy.fft.fftfreq(side))
    kept = wave >= (LONGEST_WAVES - 1e-9) / side
    amplitude = np.where(kept, np.where(kept, wave, 1.0) ** AMPLITUDE_EXPONENT, 0.0)
    amplitude /= math.sqrt(np.mean(amplitude**2))
    half = side // 2 + 1
    memory = np.exp(-LIFETIME_SCALE * size / REFERENCE_SIZE * wave[:, :half] / lifetime).astype(np.float32)
    return amplitude[:, :half].astype(np.float32), memory, np.sqrt(1 - memory**2)


def looked_up(field: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Values of periodic fields between pixels, bilinear, float32 ``[T, ...]``.

    Args:
        field: ``[T, S, S]``.
        points: rows and columns, ``[T, ..., 2]``; they wrap around.
    """
    side = field.shape[-1]
    whole = np.floor(points)
    down, along = np.moveaxis((points - whole).astype(np.float32), -1, 0)
    top, left = np.moveaxis(whole.astype(np.int32) % side, -1, 0)
    bottom, right = (np.where(place == side - 1, 0, place + 1) for place in (top, left))
    frame = np.arange(len(field), dtype=np.int32).reshape(-1, *[1] * (top.ndim - 1)) * side
    values = np.ascontiguousarray(field).ravel()
    above, below = (frame + top) * side, (frame + bottom) * side
    upper = values[above + left] * (1 - along) + values[above + right] * along
    lower = values[below + left] * (1 - along) + values[below + right] * along
    return upper * (1 - down) + lower * down


def cell_echo(seed: int, index: int, air: Flow, frames: int, cells: float = CELLS) -> np.ndarray:
    """What convective cells add to the reflectivity factor Z (linear, not dB), ``[T, N, N]``.

    A cell is born, reaches its peak in the middle of its life and vanishes: sin(pi t / L). It keeps its shape and
    moves with the air. Places are uniform in the middle of each life, in a square of twice the image's side, so that
    showers are as frequent late in an event as early.

    Args:
        seed: of the archive.
        index: number of the event.
        air: its flow.
        frames: T.
        cells: mean number of cells of an event of 12 frames.
    """
    generator, size = numpy_generator(seed, "radar", "storm cells", index), air.size
    count = generator.poisson(cells * (frames + CELL_FRAMES) / (2 * CELL_FRAMES))
    place = generator.uniform(-0.5 * size, 1.5 * size, (count, 2))
    birth = generator.uniform(-CELL_FRAMES, frames, count)
    life = generator.uniform(*CELL_LIFE, count)
    peak = generator.uniform(*CELL_PEAK_DBZ, count)
    axes = generator.uniform(*CELL_AXIS, (count, 2)) * size / REFERENCE_SIZE
    angle = generator.uniform(0.0, math.pi, count)

    # Every pair of a cell and a frame in which it lives and its box touches the image.
    age = (np.arange(frames) - birth[:, None]) / life[:, None]
    reach = math.ceil(CELL_REACH * CELL_AXIS[1] * size / REFERENCE_SIZE)
    cell, frame = np.nonzero((age > 0) & (age < 1))
    centre = air.carried(place[cell], frame - (birth + life / 2)[cell])
    corner = np.rint(centre).astype(np.int64) - reach
    seen = ((corner > -2 * reach - 1) & (corner < size)).all(axis=1)
    cell, frame, centre, corner = cell[seen], frame[seen], centre[seen], corner[seen]

    # Squared distance in standard deviations, in boxes [pairs, 2 reach + 1, 2 reach + 1].
    cosine, sine = np.cos(angle[cell]), np.sin(angle[cell])
    first, second = 1 / axes[cell].T ** 2
    inside = np.arange(2 * reach + 1)
    down, along = np.moveaxis(corner - centre, -1, 0)[:, :, None] + inside
    per_box = (slice(None), None, None)
    distance = (2 * (first - second) * cosine * sine)[per_box] * down[:, :, None] * along[:, None, :]
    distance += ((first * cosine**2 + second * sine**2)[:, None] * down**2)[:, :, None]
    distance += ((first * sine**2 + second * cosine**2)[:, None] * along**2)[:, None, :]
    rows, columns = np.moveaxis(corner, -1, 0)[:, :, None] + inside
    near = distance <= CELL_REACH**2
    near &= ((rows >= 0) & (rows < size))[:, :, None] & ((columns >= 0) & (columns < size))[:, None, :]
    box, row, column = np.nonzero(near)
    strength = peak[cell] * np.sin(math.pi * age[cell, frame])
    echo = np.expm1(DECIBEL * strength[box] * np.exp(-distance[near] / 2))
    at = (frame[box] * size + rows[box, row]) * size + columns[box, column]
    return np.bincount(at, weights=echo, minlength=frames * size * size).reshape(frames, size, size)


def event(
    seed: int,
    index: int,
    size: int,
    frames: int,
    lifetime: float = LIFETIME_FRAMES,
    deformation: float = DEFORMATION,
    cells: float = CELLS,
) -> np.ndarray:
    """The reflectivity of one rainy event in dBZ, float32 ``[T, N, N]`` in 0..70, row 0 in the north.

    Every event has random streams of its own: it is the same whatever else is made, in any order and process.
    ``lifetime=math.inf, deformation=0, cells=0`` is rain that only moves.

    Args:
        seed: of the archive.
        index: number of the event.
        size: N.
        frames: T, ten minutes apart.
        lifetime: see ``texture``.
        deformation: see ``flow``.
        cells: see ``cell_echo``.
    """
    air = flow(seed, index, size, deformation)
    field = texture(seed, index, size, frames, lifetime)
    pixels = np.stack(np.meshgrid(np.arange(size), np.arange(size), indexing="ij"), axis=-1)
    # Frame by frame: the matrices of the flow are then one per frame, not one per pixel.
    origins = np.stack([air.carried(pixels, np.array(-frame)) for frame in range(frames)])
    above = looked_up(field, origins) - numpy_generator(seed, "radar", "storm threshold", index).uniform(*THRESHOLD)
    # A dry pixel has Z = 1 (0 dBZ), so that a lone cell has exactly its own dBZ.
    echo = np.where(above > 0, np.exp(DECIBEL * (EDGE_DBZ + DBZ_PER_UNIT * above)), 1.0)
    echo += cell_echo(seed, index, air, frames, cells)
    return (np.log(np.maximum(echo, 1.0)) / DECIBEL).clip(0.0, LARGEST_DBZ).astype(np.float32)
