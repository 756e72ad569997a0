"""Where a bat is and how it holds its head; from the frame of `shapes` to that of sound and back.

The world's frame: metres, x to the object's front, y to its left, z up; the object stands at the origin. At a distance
D with azimuth a and elevation e the bat is at D (cos e cos a, cos e sin a, sin e) and looks at the origin; to its left
is the level direction (sin a, -cos a, 0). The frame of its head is (forward, left, up).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.shapes.core.frames import INNER
from hypernet.sonar.core.directivity import Cardioid, Directivity, Omni, bat_ear, direction_of

# Between the ears of a bat of the size of Phyllostomus discolor, metres.
BASELINE_M = 0.015
FARTHEST_M = 1000.0
# Degrees and metres by which a place in the mirror may differ from another.
_NEAR = 1e-6
EARS = ("bat", "omni", "cardioid")
# Degrees to the side that a cardioid ear looks.
CARDIOID_DEG = 30.0
# World axes in the order of the canonical frame's, and the other way round.
_TO_WORLD, _TO_CANONICAL = [2, 0, 1], [1, 2, 0]


def to_world(points: np.ndarray, size_m: float) -> np.ndarray:
    """Points ``[..., 3]`` of the canonical frame of `shapes` in metres: (x, y, z) becomes (z, x, y).

    Args:
        points: x lateral, y up, z to the front; the longest side of an object is 64/36.
        size_m: what the longest side becomes.
    """
    return points[..., _TO_WORLD] * (size_m / (2 * INNER))


def to_canonical(points: np.ndarray, size_m: float) -> np.ndarray:
    """Points ``[..., 3]`` of the world in the canonical frame of `shapes`: the inverse of :func:`to_world`."""
    return points[..., _TO_CANONICAL] * (2 * INNER / size_m)


def camera_azimuth(azimuth_deg: float) -> float:
    """Azimuth of the camera (`hypernet.shapes.core.cameras.Camera.orbit`) on the same side as the bat: the same."""
    return azimuth_deg


@dataclass(frozen=True, eq=False)
class Head:
    """A head: where its mouth is and where it looks.

    Attributes:
        position: of the mouth in the world, metres, ``[3]``.
        forward: unit vector, ``[3]``.
        left: unit vector, ``[3]``.
        up: unit vector, ``[3]``.

    Raises:
        ValueError: the axes are not those of a right-handed frame.
    """

    position: np.ndarray
    forward: np.ndarray
    left: np.ndarray
    up: np.ndarray

    def __post_init__(self) -> None:
        for name in ("position", "forward", "left", "up"):
            object.__setattr__(self, name, np.array(getattr(self, name), dtype=np.float64).reshape(3))
        turned = self.axes @ self.axes.T
        if not (np.isfinite(self.position).all() and np.allclose(turned, np.eye(3), atol=1e-6)):
            raise ValueError("a head needs a finite position and three unit vectors at right angles")
        if np.linalg.det(self.axes) < 0:
            raise ValueError("a head's forward, left and up must be right-handed")

    @property
    def axes(self) -> np.ndarray:
        """Forward, left and up as rows, ``[3, 3]``."""
        return np.stack([self.forward, self.left, self.up])

    def to_head(self, vectors: np.ndarray) -> np.ndarray:
        """Vectors ``[..., 3]`` of the world in the head's frame."""
        return vectors @ self.axes.T

    def to_world(self, vectors: np.ndarray) -> np.ndarray:
        """Vectors ``[..., 3]`` of the head's frame in the world."""
        return vectors @ self.axes

    def place(self, offset_m: np.ndarray | Sequence[float]) -> np.ndarray:
        """Where in the world an offset ``[..., 3]`` from the mouth is, given forward, left and up."""
        return self.position + self.to_world(np.asarray(offset_m, dtype=np.float64))


def head_at(
    range_m: float,
    azimuth_deg: float,
    elevation_deg: float,
    yaw_deg: float = 0.0,
    pitch_deg: float = 0.0,
    roll_deg: float = 0.0,
) -> Head:
    """The head of a bat that looks at the origin, then turns its head, not its place.

    Args:
        range_m: from the origin to the mouth.
        azimuth_deg: of the place; 0 is before the object's front (+x), 90 at its left (+y).
        elevation_deg: of the place above the horizon, -90 to 90.
        yaw_deg: to the bat's left.
        pitch_deg: upwards, after the yaw.
        roll_deg: about where it looks, after both; the left ear rises.

    Raises:
        UserError: a number outside of its range.
    """
    angles = np.array([azimuth_deg, elevation_deg, yaw_deg, pitch_deg, roll_deg], dtype=np.float64)
    if not 0 < range_m <= FARTHEST_M:
        raise UserError(f"range: {range_m:g} m is not above 0 and up to {FARTHEST_M:g} m")
    if not np.isfinite(angles).all() or abs(elevation_deg) > 90:
        raise UserError(
            f"elevation {elevation_deg:g}: accepted are finite angles, the elevation from -90 to 90 degrees"
        )
    azimuth, elevation, yaw, pitch, roll = np.radians(angles)
    outwards = np.array([np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)])
    # That is z x w brought to length 1, and its limit straight above and below.
    left = np.array([np.sin(azimuth), -np.cos(azimuth), 0.0])
    forward, up = -outwards, np.cross(-outwards, left)
    forward, left = np.cos(yaw) * forward + np.sin(yaw) * left, np.cos(yaw) * left - np.sin(yaw) * forward
    forward, up = np.cos(pitch) * forward + np.sin(pitch) * up, np.cos(pitch) * up - np.sin(pitch) * forward
    left, up = np.cos(roll) * left + np.sin(roll) * up, np.cos(roll) * up - np.sin(roll) * left
    return Head(range_m * outwards, forward, left, up)


@dataclass(frozen=True, eq=False)
class Microphone:
    """An ear or a microphone.

    Attributes:
        offset_m: from the mouth, given forward, left and up, ``[3]``.
        directivity: in the head's frame.
    """

    offset_m: np.ndarray
    directivity: Directivity

    def __post_init__(self) -> None:
        offset = np.array(self.offset_m, dtype=np.float64)
        if offset.shape != (3,) or not np.isfinite(offset).all():
            raise UserError("a microphone's place is three numbers: metres forward, left and up of the mouth")
        object.__setattr__(self, "offset_m", offset)


def ears(
    baseline_m: float = BASELINE_M, directivity: str | tuple[Directivity, Directivity] = "bat"
) -> tuple[Microphone, Microphone]:
    """The left and the right ear, half of the baseline to either side of the mouth.

    Args:
        baseline_m: between the ears.
        directivity: ``bat`` (see :func:`hypernet.sonar.core.directivity.bat_ear`), ``omni``, ``cardioid`` (30 degrees
            to the sides), or those of the left and right ear.

    Raises:
        UserError: another name, or a baseline below 0.
    """
    if not 0 <= baseline_m <= FARTHEST_M:
        raise UserError(f"baseline: {baseline_m:g} m between the ears is not 0 or more")
    if isinstance(directivity, str):
        directivity = _named_ears(directivity)
    left, right = directivity
    side = np.array([0.0, baseline_m / 2, 0.0])
    return Microphone(side, left), Microphone(-side, right)


def _named_ears(name: str) -> tuple[Directivity, Directivity]:
    if name == "bat":
        return bat_ear("left"), bat_ear("right")
    if name == "omni":
        return Omni(), Omni()
    if name == "cardioid":
        return Cardioid(direction_of(CARDIOID_DEG, 0.0)), Cardioid(direction_of(-CARDIOID_DEG, 0.0))
    raise UserError(f"ears: {name!r} is no directivity; accepted: {', '.join(EARS)}")


def mirrored_ears(angles: Sequence[Sequence[float]]) -> list[int] | None:
    """For every ear of every head, the ear whose echo of the object it has of the mirrored object.

    In the mirror (left for right) a head of yaw, pitch and roll (y, p, r) is one of (-y, p, -r) with its ears
    exchanged; and a head turned by half a turn about its axis is the same head with its ears exchanged.

    Args:
        angles: yaw, pitch and roll of each head in degrees, ``[P, 3]``; ear 0 is the left one.

    Returns:
        places among the 2 P ears, head by head; None where a head has no mirror image among the others.
    """
    places = []
    for yaw, pitch, roll in angles:
        for ear in (0, 1):
            chosen = None
            for head, (other_yaw, other_pitch, other_roll) in enumerate(angles):
                if _apart(other_yaw, -yaw) > _NEAR or _apart(other_pitch, pitch) > _NEAR:
                    continue
                if _apart(other_roll, -roll) <= _NEAR:
                    chosen = 2 * head + 1 - ear
                elif _apart(other_roll, 180 - roll) <= _NEAR:
                    chosen = 2 * head + ear
            if chosen is None:
                return None
            places.append(chosen)
    return places


def mirrored_microphones(offsets: Sequence[Sequence[float]]) -> list[int] | None:
    """The same for microphones at offsets forward, left and up of the mouth, ``[M, 3]``."""
    array = np.asarray(offsets, dtype=np.float64).reshape(-1, 3)
    places = []
    for forward, left, up in array:
        distances = np.abs(array - (forward, -left, up)).max(axis=1)
        if distances.min() > _NEAR:
            return None
        places.append(int(distances.argmin()))
    return places


def _apart(first: float, second: float) -> float:
    """Degrees between two angles."""
    return abs((first - second + 180) % 360 - 180)
