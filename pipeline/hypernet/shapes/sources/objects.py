"""An object of a data set, wherever it comes from: what is inside, where its surface is, what it looks like."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from functools import cached_property

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.randomness import numpy_generator
from hypernet.shapes.core.cameras import Camera
from hypernet.shapes.core.extraction import EmptyFieldError, extract
from hypernet.shapes.core.frames import RESOLUTION, normalised
from hypernet.shapes.core.polytopes import Solid
from hypernet.shapes.core.rendering import Scene
from hypernet.shapes.core.solids import Mesh, bodies_of, oriented, surface_samples, winding
from hypernet.shapes.core.voxel_field import trilinear
from hypernet.shapes.core.voxels import Voxels, nearest_label, occupancy, pad, voxelise
from hypernet.shapes.sources import photos

# Views are drawn as those of Choy et al. (2016): all around, slightly from above.
LOWEST, HIGHEST = 25.0, 30.0
# Colours of parts say nothing of the shape.
DARKEST, BRIGHTEST = 0.25, 0.95
# Of the surface between voxels.
SURFACE_RESOLUTION = 72


class ShapeObject(abc.ABC):
    """One object in the canonical frame.

    Attributes:
        class_name: one of ``hypernet.shapes.names.CLASSES``.
        identity: unique in its class.
        collection: where it comes from: ``generated``, ``meshes`` or ``official``.
    """

    def __init__(self, class_name: str, identity: str, collection: str):
        self.class_name, self.identity, self.collection = class_name, identity, collection

    def random(self, purpose: str) -> np.random.Generator:
        """The stream of this object for a purpose: the same in any order and process."""
        return numpy_generator(0, "shapes", purpose, self.collection, self.class_name, self.identity)

    @abc.abstractmethod
    def inside(self, points: np.ndarray) -> np.ndarray:
        """Whether points ``[n, 3]`` are inside, bool ``[n]``."""

    @abc.abstractmethod
    def voxels(self) -> np.ndarray:
        """Occupancy of the evaluation grid, bool ``[32, 32, 32]``."""

    @abc.abstractmethod
    def surface(self, count: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Points on the surface, by area, and outward normals there, ``[count, 3]`` each."""

    @abc.abstractmethod
    def views(self, count: int, size: int, framed: bool) -> tuple[np.ndarray, np.ndarray]:
        """Images uint8 ``[count, size, size, 4]`` and rows of their cameras ``[count, 8]``.

        Args:
            count: how many.
            size: pixels of a side.
            framed: whether the object is brought to the middle of each image and to the same share of it.
        """

    @property
    def notes(self) -> Sequence[str]:
        """What a person should know of it."""
        return ()


class GeneratedObject(ShapeObject):
    """A union of convex parts: everything about it is exact."""

    def __init__(self, class_name: str, identity: str, solid: Solid):
        super().__init__(class_name, identity, "generated")
        self.solid = solid

    def inside(self, points: np.ndarray) -> np.ndarray:
        """See ``ShapeObject``."""
        return self.solid.inside(points)

    def voxels(self) -> np.ndarray:
        """See ``ShapeObject``."""
        return occupancy(self.solid, RESOLUTION)

    @cached_property
    def mesh(self) -> Mesh:
        """Its surface: that of the union, not of parts that lie inside of others."""
        return self.solid.union()

    def surface(self, count: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """See ``ShapeObject``."""
        return surface_samples(self.mesh, count, random)

    def painted(self, random: np.random.Generator) -> Scene:
        """What is to be seen of it: its parts have colours already."""
        del random
        return Scene(*self.solid.painted())

    def views(self, count: int, size: int, framed: bool) -> tuple[np.ndarray, np.ndarray]:
        """See ``ShapeObject``."""
        random = self.random("views")
        return rendered(self.painted(random), count, size, framed, random)


class MeshObject(ShapeObject):
    """A mesh in the canonical frame, labelled by winding number, or by filled voxels where it is thin sheets."""

    def __init__(self, class_name: str, identity: str, mesh: Mesh, rule: str, solid: str):
        super().__init__(class_name, identity, "meshes")
        vertices, _ = normalised(mesh.vertices)
        self.mesh = oriented(Mesh(vertices, mesh.triangles, mesh.notes))
        self.rule, self.solid = rule, solid

    @cached_property
    def _voxels(self) -> Voxels:
        return voxelise(self.mesh, RESOLUTION, self.rule, self.solid)

    def inside(self, points: np.ndarray) -> np.ndarray:
        """See ``ShapeObject``: filled voxels know nothing between them, and neither do touched ones."""
        if self._voxels.solid == "fill" or self._voxels.rule == "touch":
            return nearest_label(pad(self._voxels.occupied), points)
        return winding(self.mesh, points) > 0.5

    def voxels(self) -> np.ndarray:
        """See ``ShapeObject``."""
        return self._voxels.occupied

    def surface(self, count: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """See ``ShapeObject``."""
        return surface_samples(self.mesh, count, random)

    def painted(self, random: np.random.Generator) -> Scene:
        """What is to be seen of it: every body of the mesh has a colour of its own, drawn here."""
        bodies = bodies_of(self.mesh)
        colours = random.uniform(DARKEST, BRIGHTEST, (int(bodies.max()) + 1, 3))
        return Scene(self.mesh.vertices, self.mesh.triangles, colours[bodies])

    def views(self, count: int, size: int, framed: bool) -> tuple[np.ndarray, np.ndarray]:
        """See ``ShapeObject``."""
        random = self.random("views")
        return rendered(self.painted(random), count, size, framed, random)

    @property
    def notes(self) -> Sequence[str]:
        """See ``ShapeObject``."""
        return self._voxels.notes


class VoxelObject(ShapeObject):
    """An object that is known by its voxels and by images that others rendered."""

    def __init__(self, class_name: str, identity: str, occupied: np.ndarray, images: np.ndarray, cameras: np.ndarray):
        super().__init__(class_name, identity, "official")
        self.occupied, self.images, self.cameras = occupied, images, cameras

    def inside(self, points: np.ndarray) -> np.ndarray:
        """See ``ShapeObject``: as the voxel that the point lies in."""
        return nearest_label(pad(self.occupied), points)

    def voxels(self) -> np.ndarray:
        """See ``ShapeObject``."""
        return self.occupied

    @cached_property
    def _surface(self) -> Mesh:
        try:
            return extract(trilinear(self.occupied - np.float32(0.5)), SURFACE_RESOLUTION)
        except EmptyFieldError:
            raise UserError(f"{self.class_name}/{self.identity}: its voxels have no surface between them") from None

    def surface(self, count: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """See ``ShapeObject``: of the surface between full and empty voxels."""
        return surface_samples(self._surface, count, random)

    def views(self, count: int, size: int, framed: bool) -> tuple[np.ndarray, np.ndarray]:
        """See ``ShapeObject``: the first ``count`` of the images that there are, framed as a photograph is."""
        if not framed and self.images.shape[1] != size:
            raise ValueError(f"the images have {self.images.shape[1]} pixels, not {size}")
        if len(self.images) < count:
            raise UserError(
                f"{self.class_name}/{self.identity}: {len(self.images)} images; shapes.views asks for {count} of each "
                "object"
            )
        images, cameras = self.images[:count], self.cameras[:count]
        if not framed:
            return images, cameras
        points = self._surface.vertices
        aimed = [Camera.from_row(row).framing(points).as_row() if np.isfinite(row).all() else row for row in cameras]
        return np.stack([photos.framed(image, size, recentre=True) for image in images]), np.stack(aimed)


def rendered(
    scene: Scene, count: int, size: int, framed: bool, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Views from random sides: images uint8 ``[count, size, size, 4]`` and rows of cameras ``[count, 8]``."""
    images, cameras = [], []
    for _ in range(count):
        camera = Camera.orbit(random.uniform(0, 360), random.uniform(LOWEST, HIGHEST))
        if framed:
            camera = camera.framing(scene.vertices)
        images.append(scene.render(camera, size))
        cameras.append(camera.as_row())
    return np.stack(images), np.stack(cameras)
