"""A trained method opened again: images in, occupancy, fields and networks out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hypernet.lab.config import Method, TrainSettings
from hypernet.lab.errors import UserError
from hypernet.lab.runs.models import fill, load_model, printable, restored, usable, without_weights
from hypernet.shapes.baselines.means import MeanShape
from hypernet.shapes.baselines.per_class import PerClass
from hypernet.shapes.baselines.point_set import PointSet
from hypernet.shapes.baselines.retrieval import Retrieval
from hypernet.shapes.config import METHODS, ClassMeanSettings, MeanSettings, MethodSettings, NetworkSettings
from hypernet.shapes.core.decoder import Field, logits_on
from hypernet.shapes.core.frames import RESOLUTION, grid
from hypernet.shapes.core.networks import ConditionalShape, VoxelShape
from hypernet.shapes.core.voxel_field import trilinear
from hypernet.shapes.methods import build
from hypernet.shapes.model import GeneratedDecoder
from hypernet.shapes.names import CLASSES

# Of the form of model files: it rises when names or shapes in them change.
VERSION = 1
IMAGES_AT_ONCE = 64


class Reconstructor:
    """One method, ready to reconstruct.

    Calling it with images uint8 RGBA ``[B, S, S, 4]`` gives the occupancy of the evaluation grid, bool
    ``[B, 32, 32, 32]`` indexed by x, y, z (x lateral, y up, z to the front; see ``hypernet.shapes.grid``).

    Args:
        method: method id.
        title: name of the data set for people.
        image_size: S, pixels of a side.
        framed: whether it was trained on images in which the object fills the same share, in their middle.
        network: the trained module.
        gallery: embeddings of training images, ``[m, E]``; None for methods without.
        gallery_classes: their classes, ``[m]``.
        familiar_distance: how far from the gallery a familiar image lies at most.

    Attributes:
        classes: names of the classes.
        complete: a method that has all there is to have.
        latent: whether images have an embedding.
        generated: whether a network is written for each image.
        solid: whether points have an inside; a set of points has none.
        needs_class: whether the class of each image must be given.
    """

    classes = CLASSES
    complete = "hyper"

    def __init__(
        self,
        method: str,
        title: str,
        image_size: int,
        framed: bool,
        network: nn.Module,
        gallery: Tensor | None = None,
        gallery_classes: Tensor | None = None,
        familiar_distance: float = 0.0,
    ):
        self.method, self.title, self.image_size, self.framed = method, title, image_size, framed
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.network = network.to(self.device).eval()
        self.latent = isinstance(network, ConditionalShape | VoxelShape)
        self.generated = isinstance(network, ConditionalShape) and isinstance(network.decode, GeneratedDecoder)
        self.solid = not isinstance(network, PointSet)
        self.needs_class = isinstance(network, PerClass) or (isinstance(network, MeanShape) and network.groups > 1)
        self._gallery, self._gallery_classes = gallery, gallery_classes
        self._familiar_distance = familiar_distance

    def __repr__(self) -> str:
        return f"Reconstructor({self.method}, {self.title or 'untrained'}, images of {self.image_size} pixels)"

    def __call__(self, images: np.ndarray, classes: np.ndarray | None = None) -> np.ndarray:
        """Occupancy of the evaluation grid.

        Args:
            images: uint8 RGBA ``[B, S, S, 4]``, transparent where the object is not.
            classes: places in ``classes``, ``[B]``: for the methods that are told the class, and only for them.

        Returns:
            bool ``[B, 32, 32, 32]``.

        Raises:
            UserError: images of another shape, a missing class, or a method without an inside.
        """
        return self.scores(images, classes) > 0

    def scores(self, images: np.ndarray, classes: np.ndarray | None = None) -> np.ndarray:
        """As a call, but how much inside: logits (or shares less their level), float32; positive inside."""
        images = self._checked(images)
        if not self.solid:
            raise UserError(f"{self.method}: a set of points has no inside; use points()")
        chosen = self._checked_classes(images, classes)
        network = self.network
        if isinstance(network, ConditionalShape | PerClass):
            points = grid(RESOLUTION)
            return np.stack([field(points) for field in self._fields_of_points(images, chosen)])
        with torch.inference_mode():
            given = torch.from_numpy(images)
            if isinstance(network, MeanShape):
                # The mean of all shapes does not look at the class either.
                given = torch.zeros(len(images), dtype=torch.int64) if chosen is None else chosen
            pieces = [network(piece.to(self.device)).cpu() for piece in given.split(IMAGES_AT_ONCE)]
        return torch.cat(pieces).numpy()

    def fields(self, images: np.ndarray, classes: np.ndarray | None = None) -> list[Field]:
        """A function of points for each image: float32 ``[n, 3]`` to scores ``[n]``, positive inside.

        Between voxels, of methods that know voxels only, it is linear.
        """
        images = self._checked(images)
        if isinstance(self.network, ConditionalShape | PerClass):
            return self._fields_of_points(images, self._checked_classes(images, classes))
        return [trilinear(scores) for scores in self.scores(images, classes)]

    def points(self, images: np.ndarray) -> np.ndarray:
        """Points of the surface, float32 ``[B, n, 3]``, of a method that gives points."""
        images = self._checked(images)
        if not isinstance(self.network, PointSet):
            raise UserError(f"{self.method}: gives solids, not points")
        with torch.inference_mode():
            pieces = [
                self.network(piece.to(self.device)).cpu() for piece in torch.from_numpy(images).split(IMAGES_AT_ONCE)
            ]
        return torch.cat(pieces).numpy()

    def embedding(self, images: np.ndarray) -> np.ndarray:
        """The embedding e of each image, float32 ``[B, E]``.

        Raises:
            UserError: images of another shape, or a method without embeddings.
        """
        images = self._checked(images)
        self._require(self.latent, "an embedding")
        return embeddings(self.network, images).numpy()

    def field_of(self, embedding: np.ndarray) -> Field:
        """The function of points of one embedding ``[E]``, which need not come from an image."""
        self._require(self.latent, "an embedding")
        given = torch.from_numpy(np.asarray(embedding, dtype=np.float32))[None].to(self.device)
        if isinstance(self.network, VoxelShape):
            with torch.inference_mode():
                return trilinear(self.network.decode(given)[0].cpu().numpy())
        assert isinstance(self.network, ConditionalShape)
        return self._field(self.network, given)

    def theta(self, embedding: np.ndarray) -> np.ndarray:
        """All weights of the networks of some embeddings, ``[B, E]`` to float32 ``[B, N]``.

        Raises:
            UserError: a method that writes no networks.
        """
        with torch.inference_mode():
            given = torch.from_numpy(np.asarray(embedding, dtype=np.float32)).to(self.device)
            return self._decoder().theta(given).cpu().numpy()

    def network_of(self, theta: np.ndarray) -> nn.Module:
        """The network of one object, an ordinary module of points ``[n, 3]`` to logits ``[n, 1]``.

        Args:
            theta: its weights, ``[N]``.

        Raises:
            UserError: a method that writes no networks.
        """
        return self._decoder().network.export(torch.from_numpy(np.asarray(theta, dtype=np.float32)))

    def familiarity(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How far images lie from those of the training, and the class of the nearest one.

        Returns:
            distances over the one that 99 % of held-out images stay below (above 1: unlike anything known), ``[B]``;
            and places in ``classes``, ``[B]``.
        """
        self._require(self._gallery is not None, "training images to compare with")
        assert self._gallery is not None
        assert self._gallery_classes is not None
        distances = torch.cdist(torch.from_numpy(self.embedding(images)), self._gallery)
        nearest, which = distances.min(dim=1)
        share = nearest / max(self._familiar_distance, 1e-12)
        return share.numpy(), self._gallery_classes[which].numpy()

    def _decoder(self) -> GeneratedDecoder:
        self._require(self.generated, "a network of its own for each object")
        assert isinstance(self.network, ConditionalShape)
        assert isinstance(self.network.decode, GeneratedDecoder)
        return self.network.decode

    def _require(self, there: bool, what: str) -> None:
        if not there:
            raise UserError(f"{self.method}: this method has not got {what}; {self.complete} has")

    def _fields_of_points(self, images: np.ndarray, classes: Tensor | None) -> list[Field]:
        fields = []
        for place, image in enumerate(images):
            network = self.network
            if isinstance(network, PerClass):
                assert classes is not None
                network = network.of_class(int(classes[place]))
            assert isinstance(network, ConditionalShape)
            embedding = embeddings(network, image[None]).to(self.device)
            fields.append(self._field(network, embedding))
        return fields

    def _field(self, network: ConditionalShape, embedding: Tensor) -> Field:
        decode: Callable[[Tensor], Tensor]
        if isinstance(network.decode, GeneratedDecoder):
            # The weights are written once, not with every block of points.
            with torch.inference_mode():
                theta = network.decode.theta(embedding)
            generated = network.decode.network

            def decode(points: Tensor) -> Tensor:
                return generated(points.to(self.device), theta).squeeze(-1)
        else:
            fixed = network.decode

            def decode(points: Tensor) -> Tensor:
                return fixed(embedding, points.to(self.device))

        return lambda points: logits_on(decode, points)

    def _checked(self, images: np.ndarray) -> np.ndarray:
        images, size = np.asarray(images), self.image_size
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:] != (size, size, 4) or not len(images):
            raise UserError(
                f"images: {images.dtype} {list(images.shape)}; accepted: uint8 RGBA [B, {size}, {size}, 4], "
                "transparent around the object; hypernet.shapes.reconstruct takes photographs"
            )
        return np.ascontiguousarray(images)

    def _checked_classes(self, images: np.ndarray, classes: np.ndarray | None) -> Tensor | None:
        if classes is None:
            if self.needs_class:
                raise UserError(f"{self.method}: is told the class of each image; give classes [B]")
            return None
        given = np.asarray(classes)
        fits = given.dtype.kind in "iu" and given.shape == (len(images),)
        if not fits or not np.isin(given, range(len(CLASSES))).all():
            raise UserError(
                f"classes: {given.dtype} {list(given.shape)}; accepted: {len(images)} whole numbers from 0 to "
                f"{len(CLASSES) - 1}, places in {', '.join(CLASSES)}"
            )
        return torch.from_numpy(given.astype(np.int64))


@torch.inference_mode()
def embeddings(network: nn.Module, images: np.ndarray) -> Tensor:
    """Embeddings of images uint8 ``[B, S, S, 4]`` on the CPU, ``[B, E]``."""
    assert isinstance(network, ConditionalShape | VoxelShape)
    device = next(network.parameters()).device
    pieces = torch.from_numpy(np.ascontiguousarray(images)).split(IMAGES_AT_ONCE)
    return torch.cat([network.embed(piece.to(device)).cpu() for piece in pieces])


def baseline(settings: MethodSettings) -> nn.Module:
    """The untrained module of a method without a network whose sizes do not depend on the data."""
    match settings:
        case MeanSettings():
            return MeanShape(1)
        case ClassMeanSettings():
            return MeanShape(len(CLASSES))
    raise ValueError(f"no method takes settings of type {type(settings).__name__}")


def describe(title: str, image_size: int, framed: bool) -> dict[str, Any]:
    """What a model file of this domain says beside its weights, in plain types."""
    return {"title": title, "image_size": image_size, "framed": framed}


def restore(content: dict[str, Any]) -> Reconstructor:
    """A method from the content of its file.

    Raises:
        ValueError: the method is not known here, or a weight is not a finite number.
    """
    method, settings = method_of(content, METHODS)
    assert isinstance(settings, MethodSettings)
    state = content["state"]
    network: nn.Module
    if isinstance(settings, NetworkSettings):
        # Without memory for the weights until their shapes are known to be those in the file.
        with without_weights():
            network = build(settings)
    elif method == "retrieval":
        size = round(state["thumbnails"].shape[1] ** 0.5)
        network = Retrieval(len(state["voxels"]), len(state["thumbnails"]), size, bool(content["thumbnails_framed"]))
    else:
        network = baseline(settings)
    fill(network, state)
    if isinstance(network, Retrieval):
        check_places(network.owner, len(network.voxels), "owner")
    facts = known_of(content, network)
    framed = content["framed"]
    if type(framed) is not bool:
        raise ValueError(f"framed is {framed!r}")
    return Reconstructor(
        method, facts.title, facts.image_size, framed, network, facts.gallery, facts.classes, facts.distance
    )


def method_of(content: Mapping[str, Any], methods: Mapping[str, Method]) -> tuple[str, TrainSettings]:
    """The method of a model file and its settings.

    Raises:
        ValueError: the method is not known here, or a weight is not a finite number.
    """
    method = content["method"]
    if method not in methods:
        raise ValueError(f"the method {method!r} is not known here")
    settings = methods[method].settings.model_validate(content["settings"])
    state = content["state"]
    if not isinstance(state, Mapping) or not all(usable(weights) for weights in state.values()):
        raise ValueError("a weight is not a finite number")
    return method, settings


@dataclass(frozen=True)
class Known:
    """What a model file says beside weights: see ``Reconstructor``."""

    title: str
    image_size: int
    gallery: Tensor | None
    classes: Tensor | None
    distance: float


def known_of(content: Mapping[str, Any], network: nn.Module) -> Known:
    """What a model file says beside weights, checked.

    Raises:
        ValueError: embeddings that are not the network's, or numbers that cannot be.
    """
    gallery, classes = content.get("gallery"), content.get("gallery_classes")
    if gallery is not None or classes is not None:
        check_gallery(gallery, classes)
        assert gallery is not None
        if isinstance(network, ConditionalShape | VoxelShape) and gallery.shape[1] != network.embed.size:
            raise ValueError("the embeddings of the training data are not those of this network")
    image_size = content["image_size"]
    if type(image_size) is not int or not 1 <= image_size <= 4096:
        raise ValueError(f"image_size is {image_size!r}")
    distance = float(content.get("familiar_distance", 0.0))
    if not 0 <= distance < float("inf"):
        raise ValueError(f"familiar_distance is {distance}")
    return Known(printable(content["title"]), image_size, gallery, classes, distance)


def open_model(path: str | Path) -> Reconstructor:
    """Open a model that `hypernet shapes train` wrote.

    Raises:
        UserError: no such file, not a model of this domain, of another version, or damaged.
    """
    return restored(path, load_model(path), "shapes", VERSION, restore)


def check_gallery(known: object, classes: object) -> None:
    """Whether these are embeddings of training data ``[m, E]`` and their classes ``[m]``.

    Raises:
        ValueError: they are not.
    """
    if not isinstance(known, Tensor) or not usable(known) or known.dtype != torch.float32 or known.ndim != 2:
        raise ValueError("the embeddings of the training data are not finite numbers [m, E]")
    if not isinstance(classes, Tensor) or not usable(classes) or classes.shape != known.shape[:1]:
        raise ValueError("the classes of the training data are not one for each embedding")
    check_places(classes, len(CLASSES), "gallery_classes")


def check_places(places: Tensor, count: int, name: str) -> None:
    """Whether these are places in a list of so many entries, and at least one.

    Raises:
        ValueError: they are not.
    """
    if places.dtype != torch.int64 or not len(places) or not 0 <= int(places.min()) <= int(places.max()) < count:
        raise ValueError(f"{name}: not whole numbers from 0 to {count - 1}")
