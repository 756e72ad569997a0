"""Cameras that circle the object: rays through pixels, projection of points, and the camera of Choy's renderings.

A pinhole camera with square pixels and its axis through the middle of the picture. Image x to the right, y down; pixel
(i, j) covers [i, i+1] x [j, j+1], so its centre is (i + 1/2, j + 1/2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.shapes.core.frames import INNER

# Generated views: distance from the centre of the cube, and the vertical angle of view in degrees.
DISTANCE, FIELD_OF_VIEW = 3.4, 40.0
# Choy's renderings: a lens of 35 mm before a sensor of 32 mm, and the farthest distance in units of the model. The
# field of view of 25 degrees in the metadata describes another camera than the pictures.
CHOY_FOCAL, CHOY_DISTANCE = 35 / 32, 1.75
# Longest side of the object's box as a share of the picture, where pictures are framed by their object.
SHARE = 0.875
# Times that a camera is aimed and zoomed: to turn it moves the box a little.
_AIMINGS = 4
# Numbers of a camera in a table.
ROW = 8
_SMALLEST = 1e-9
# How far a camera's axis may miss the middle of the picture (share of its size), and a rotation be from one.
_OFF_CENTRE, _OFF_ROTATION = 0.01, 1e-3

Vector = tuple[float, float, float]


@dataclass(frozen=True)
class Camera:
    """A camera of the canonical frame, y up.

    Attributes:
        eye: centre of projection.
        target: the point in the middle of the picture.
        focal: focal length in units of the picture's height.
        roll: turn of the camera about its axis in degrees, anticlockwise as seen from behind it.
    """

    eye: Vector
    target: Vector = (0.0, 0.0, 0.0)
    focal: float = 0.5 / np.tan(np.radians(FIELD_OF_VIEW) / 2)
    roll: float = 0.0

    def __post_init__(self) -> None:
        numbers = np.array([*self.eye, *self.target, self.focal, self.roll], dtype=np.float64)
        if numbers.shape != (ROW,) or not np.isfinite(numbers).all():
            raise ValueError("a camera needs finite numbers: eye [3], target [3], focal, roll")
        if self.focal <= 0 or np.linalg.norm(numbers[:3] - numbers[3:6]) < _SMALLEST:
            raise ValueError("a camera needs a focal length above 0 and an eye away from its target")

    @staticmethod
    def orbit(
        azimuth_deg: float, elevation_deg: float, distance: float = DISTANCE, fov_deg: float = FIELD_OF_VIEW
    ) -> Camera:
        """A camera on a circle about the object that looks at the origin.

        Args:
            azimuth_deg: 0 looks at the front (from +z), 90 from +x.
            elevation_deg: above the horizon.
            distance: of the eye from the origin.
            fov_deg: vertical angle of view.
        """
        azimuth, elevation = np.radians([azimuth_deg, elevation_deg])
        direction = (np.cos(elevation) * np.sin(azimuth), np.sin(elevation), np.cos(elevation) * np.cos(azimuth))
        eye = (float(distance * direction[0]), float(distance * direction[1]), float(distance * direction[2]))
        return Camera(eye, focal=float(0.5 / np.tan(np.radians(fov_deg) / 2)))

    @staticmethod
    def choy(azimuth_deg: float, elevation_deg: float, distance_ratio: float, scale: float) -> Camera:
        """The camera of one rendering of Choy et al. (2016), in the canonical frame.

        In the model's frame (y up, front +x, mirror plane z = 0) the eye is at 1.75 ratio (cos el cos az, sin el,
        cos el sin az), the focal length 35/32 of the picture. The turn about y that brings the model's front to ours
        is (x, y, z) -> (-z, y, x): their azimuth runs the other way round.

        Args:
            azimuth_deg: of the metadata.
            elevation_deg: of the metadata.
            distance_ratio: of the metadata, in units of 1.75.
            scale: side of the voxel cube in units of the model (``scale`` of the binvox header): the cube is 2 INNER
                wide in the canonical frame.
        """
        distance = CHOY_DISTANCE * distance_ratio * 2 * INNER / scale
        eye = Camera.orbit(-azimuth_deg, elevation_deg, distance).eye
        return Camera(eye, focal=CHOY_FOCAL)

    @staticmethod
    def from_matrices(intrinsic: np.ndarray, extrinsic: np.ndarray, width: int, height: int) -> Camera:
        """The camera of a matrix pair of computer vision, pixel ~ K (R X + t), camera axes x right, y down, z ahead.

        Args:
            intrinsic: K ``[3, 3]`` in pixels.
            extrinsic: [R | t] ``[3, 4]`` for points of the canonical frame.
            width: of the picture, pixels.
            height: of the picture, pixels.

        Raises:
            UserError: R is not a rotation, pixels are not square, or the axis is not in the middle of the picture.
        """
        k, rotation, shift = np.asarray(intrinsic, float), np.asarray(extrinsic, float)[:, :3], extrinsic[:, 3]
        if not np.allclose(rotation @ rotation.T, np.eye(3), atol=_OFF_ROTATION) or np.linalg.det(rotation) < 0:
            raise UserError("a camera's extrinsic matrix is not a rotation and a shift")
        if (
            min(k[0, 0], k[1, 1]) <= 0
            or abs(k[0, 0] / k[1, 1] - 1) > _OFF_CENTRE
            or abs(k[0, 1]) > _OFF_CENTRE * k[0, 0]
        ):
            raise UserError("a camera's intrinsic matrix has pixels that are not square")
        if abs(k[0, 2] / width - 0.5) > _OFF_CENTRE or abs(k[1, 2] / height - 0.5) > _OFF_CENTRE:
            raise UserError(
                f"a camera's axis meets its picture at ({k[0, 2]:.1f}, {k[1, 2]:.1f}); accepted: the middle of "
                f"{width} x {height} pixels"
            )
        eye = -rotation.T @ shift
        # The point of the axis that is nearest to the origin: the origin itself for a camera that looks at it.
        ahead = max(float(-eye @ rotation[2]), _SMALLEST * 10)
        target = eye + ahead * rotation[2]
        upright = Camera(_vector(eye), _vector(target), float(k[1, 1] / height))
        right, up, _ = upright.axes()
        roll = np.degrees(np.arctan2(rotation[0] @ up, rotation[0] @ right))
        return Camera(upright.eye, upright.target, upright.focal, float(roll))

    def axes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Unit vectors to the right of the picture, up in it, and ahead, each ``[3]``."""
        ahead = np.subtract(self.target, self.eye).astype(np.float64)
        ahead /= np.linalg.norm(ahead)
        right = np.array([-ahead[2], 0.0, ahead[0]])
        if (length := np.linalg.norm(right)) > _SMALLEST:
            right /= length
        else:
            # Straight down or up: as a camera of azimuth 0 that comes there.
            right = np.array([1.0, 0.0, 0.0])
        up = np.cross(right, ahead)
        cosine, sine = np.cos(np.radians(self.roll)), np.sin(np.radians(self.roll))
        return cosine * right + sine * up, cosine * up - sine * right, ahead

    def rays(self, width: int, height: int, supersampling: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Rays through the centres of pixels, or of s x s equal parts of each pixel.

        Args:
            width: of the picture, pixels.
            height: of the picture, pixels.
            supersampling: s.

        Returns:
            Origins and unit directions, float64 ``[s * height * s * width, 3]``, row by row from the top left; the
            origins are one point seen many times (read only).
        """
        right, up, ahead = self.axes()
        length = self.focal * height
        across = ((np.arange(width * supersampling) + 0.5) / supersampling - width / 2) / length
        down = ((np.arange(height * supersampling) + 0.5) / supersampling - height / 2) / length
        directions = ahead + down[:, None, None] * -up + across[:, None] * right
        directions /= np.sqrt(1 + down[:, None] ** 2 + across**2)[..., None]
        directions = directions.reshape(-1, 3)
        return np.broadcast_to(np.array(self.eye, dtype=np.float64), directions.shape), directions

    def project(self, points: np.ndarray, width: int, height: int) -> np.ndarray:
        """Pixel coordinates (x, y) ``[..., 2]`` of points ``[..., 3]``; NaN for points that are not before the eye."""
        right, up, ahead = self.axes()
        seen = np.asarray(points, dtype=np.float64) - self.eye
        depth = seen @ ahead
        with np.errstate(divide="ignore", invalid="ignore"):
            length = np.where(depth > _SMALLEST, self.focal * height / depth, np.nan)
        return np.stack([width / 2 + (seen @ right) * length, height / 2 - (seen @ up) * length], axis=-1)

    def framing(self, points: np.ndarray, share: float = SHARE) -> Camera:
        """The camera from the same place that has an object in the middle of a square picture.

        What a photographer does, and what cutting the object out of a picture comes to: the camera is turned to the
        middle of the object's box in the picture, and zoomed until the longest side of the box is ``share`` of it.

        Args:
            points: of the object, before the eye, ``[n, 3]``.
            share: of the picture.

        Raises:
            ValueError: a point is not before the eye, or all are seen in one place.
        """
        camera = self
        for _ in range(_AIMINGS):
            seen = camera.project(points, 1, 1)
            lowest, highest = seen.min(axis=0), seen.max(axis=0)
            side = float((highest - lowest).max())
            if not side > 0:
                raise ValueError("the object must be before the eye and larger than a point")
            right, up, ahead = camera.axes()
            x, y = (lowest + highest) / 2 - 0.5
            direction = ahead + (x * right - y * up) / camera.focal
            target = np.add(camera.eye, direction / np.linalg.norm(direction) * np.linalg.norm(camera.eye))
            camera = Camera(camera.eye, _vector(target), camera.focal * share / side, camera.roll)
        return camera

    def overview(self) -> Camera:
        """The camera from the same place that looks at the middle of the cube and holds all of it, as views begin."""
        distance = float(np.linalg.norm(self.eye))
        begin = Camera.orbit(0.0, 0.0).focal * distance / DISTANCE
        return Camera(self.eye, focal=min(self.focal, begin), roll=self.roll)

    def mirrored(self) -> Camera:
        """The camera x -> -x: what it sees of the mirrored object is the mirrored picture."""
        (x, y, z), (tx, ty, tz) = self.eye, self.target
        return Camera((-x, y, z), (-tx, ty, tz), self.focal, -self.roll)

    def as_row(self) -> np.ndarray:
        """The camera as 8 numbers of a table, float32: eye, target, focal, roll."""
        return np.array([*self.eye, *self.target, self.focal, self.roll], dtype=np.float32)

    @staticmethod
    def from_row(row: np.ndarray) -> Camera:
        """The camera of ``as_row``.

        Raises:
            ValueError: not 8 finite numbers of a camera.
        """
        numbers = [float(number) for number in np.asarray(row).ravel()]
        if len(numbers) != ROW:
            raise ValueError(f"a camera has {ROW} numbers, got {len(numbers)}")
        return Camera(_vector(numbers[:3]), _vector(numbers[3:6]), numbers[6], numbers[7])


def _vector(numbers: np.ndarray | list[float]) -> Vector:
    x, y, z = (float(number) for number in numbers)
    return x, y, z
