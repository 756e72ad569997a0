"""The trainings: labelled points, silhouettes, voxels or surface points in; cross-entropy or Chamfer loss down."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import cast

import lightning.pytorch as pl
import numpy as np
import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import Dataset

from hypernet.lab.errors import UserError
from hypernet.lab.randomness import numpy_generator
from hypernet.lab.runs.record import TrainingRun
from hypernet.lab.training import StepData, adam_with_cosine_decay, fit
from hypernet.shapes.baselines.per_class import PerClass
from hypernet.shapes.baselines.point_set import PointSet, chamfer_loss
from hypernet.shapes.config import NetworkSettings, SilhouetteSettings, Training
from hypernet.shapes.core.frames import RESOLUTION, grid
from hypernet.shapes.core.networks import ConditionalShape, VoxelShape
from hypernet.shapes.core.silhouettes import pixel_rays, silhouette_logits, silhouette_loss
from hypernet.shapes.dataset import ShapeData, Split
from hypernet.shapes.names import CLASSES

Batch = dict[str, Tensor]
# Points of the evaluation grid on which weights are chosen, the same for all shapes; and objects looked at at once.
VALIDATION_POINTS = 8192
OBJECTS_AT_ONCE = 13
SURFACE = 512


@dataclass(frozen=True)
class Drawn:
    """What was drawn for a batch.

    Attributes:
        rows: the objects, ``[B]``.
        view: which of its images each is seen in, ``[B]``.
        sign: -1 where image and space are mirrored, float32 ``[B, 1]``.
        random: where everything further is drawn from.
    """

    rows: np.ndarray
    view: np.ndarray
    sign: np.ndarray
    random: np.random.Generator


class TrainingShapes(Dataset[Batch], abc.ABC):
    """Batch i of a training, made from the number i alone: images, classes and what they are trained on.

    Every batch has its own order of the colour channels, and its second half is mirrored: images left to right, and
    everything in space x to -x, which is exact since cameras circle the y axis.

    Args:
        data: the data set.
        settings: of the training.
        seed: of the training.
        by_class: whether a batch has objects of one class, the classes in turn.
    """

    def __init__(self, data: ShapeData, settings: Training, seed: int, by_class: bool = False):
        self.data, self.settings, self.seed = data, settings, seed
        self.split = data.splits["train"]
        present = np.unique(self.split.classes)
        self.members = [np.flatnonzero(self.split.classes == place) for place in present] if by_class else []

    @abc.abstractmethod
    def targets(self, drawn: Drawn) -> dict[str, np.ndarray]:
        """What a batch holds beside images and classes, by name."""

    def __getitem__(self, index: int) -> Batch:
        """Tensors by name."""
        random = numpy_generator(self.seed, "shapes", "train", index)
        split, size = self.split, self.settings.batch
        rows = random.integers(len(split), size=size)
        if self.members:
            members = self.members[index % len(self.members)]
            rows = members[random.integers(len(members), size=size)]
        view = random.integers(split.images.shape[1], size=size)
        mirrored = np.arange(size) >= size // 2
        images = split.images[rows, view][..., [*random.permutation(3), 3]]
        images[mirrored] = images[mirrored][:, :, ::-1]
        sign = np.where(mirrored, -1, 1).astype(np.float32)[:, None]
        batch = {"images": images, "classes": np.asarray(split.classes[rows])}
        batch |= self.targets(Drawn(rows, view, sign, random))
        return {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in batch.items()}


class PointBatches(TrainingShapes):
    """Stored points, uniform ones and those near the boundary, and their labels."""

    def targets(self, drawn: Drawn) -> dict[str, np.ndarray]:
        """``points`` ``[B, P, 3]``, ``labels`` ``[B, P]``."""
        settings = self.settings
        points, inside = self.data.labelled_points(
            "train", drawn.rows, settings.uniform, settings.boundary, drawn.random
        )
        points[..., 0] *= drawn.sign
        return {"points": points, "labels": inside.astype(np.float32)}


class SilhouetteBatches(TrainingShapes):
    """Rays of another view of the same objects, and the opacity of its pixels.

    Args:
        data: the data set.
        settings: of the training.
        seed: of the training.
        rays: rays of each object.
        samples: samples on each ray.
    """

    def __init__(self, data: ShapeData, settings: Training, seed: int, rays: int, samples: int):
        super().__init__(data, settings, seed)
        self.rays, self.samples = rays, samples

    def targets(self, drawn: Drawn) -> dict[str, np.ndarray]:
        """``origins`` ``[B, 1, 3]``, ``directions`` ``[B, R, 3]``, ``offsets`` ``[B, R, S]``, ``alpha`` ``[B, R]``."""
        rows, random = drawn.rows, drawn.random
        views, size = self.split.images.shape[1], self.data.image_size
        other = (drawn.view + random.integers(1, views, size=len(rows))) % views
        pixels = random.integers(size, size=(len(rows), self.rays, 2))
        origins, directions = pixel_rays(self.split.cameras[rows, other], pixels, size)
        origins[..., 0] *= drawn.sign
        directions[..., 0] *= drawn.sign
        alpha = self.split.images[rows[:, None], other[:, None], pixels[..., 0], pixels[..., 1], 3]
        return {
            "origins": origins,
            "directions": directions,
            "offsets": random.random((len(rows), self.rays, self.samples), dtype=np.float32),
            "alpha": alpha.astype(np.float32) / 255,
        }


class VoxelBatches(TrainingShapes):
    """Voxels of the evaluation grid."""

    def targets(self, drawn: Drawn) -> dict[str, np.ndarray]:
        """``voxels`` ``[B, 32, 32, 32]``."""
        voxels = self.split.voxels(drawn.rows)
        mirrored = drawn.sign[:, 0] < 0
        voxels[mirrored] = voxels[mirrored][:, ::-1]
        return {"voxels": voxels.astype(np.float32)}


class SurfaceBatches(TrainingShapes):
    """Points of the surface."""

    def targets(self, drawn: Drawn) -> dict[str, np.ndarray]:
        """``surface`` ``[B, 512, 3]``."""
        chosen = drawn.random.integers(self.split.surface.shape[1], size=(len(drawn.rows), SURFACE))
        surface = self.split.surface[drawn.rows[:, None], chosen][..., :3].astype(np.float32)
        surface[..., 0] *= drawn.sign
        return {"surface": surface}


class ValidationShapes(Dataset[Batch]):
    """The held-out objects, one view each: images, classes, voxels and points of the surface."""

    def __init__(self, split: Split):
        self.split = split

    def __len__(self) -> int:
        return -(-len(self.split) // OBJECTS_AT_ONCE)

    def __getitem__(self, index: int) -> Batch:
        """Tensors by name, of at most ``OBJECTS_AT_ONCE`` objects."""
        rows = np.arange(index * OBJECTS_AT_ONCE, min((index + 1) * OBJECTS_AT_ONCE, len(self.split)))
        return {
            "images": torch.from_numpy(self.split.images[rows, 0]),
            "classes": torch.from_numpy(np.asarray(self.split.classes[rows])),
            "voxels": torch.from_numpy(self.split.voxels(rows)),
            "surface": torch.from_numpy(self.split.surface[rows, :SURFACE, :3].astype(np.float32)),
        }


class ShapeTraining(pl.LightningModule, abc.ABC):
    """What all trainings share: Adam, and the number by which weights are chosen.

    Validation logs ``validation_error``: 1 less the IoU, the mean over classes of the mean over held-out objects.

    Args:
        network: what is trained.
        settings: of the training.
    """

    _sums: Tensor

    def __init__(self, network: nn.Module, settings: Training):
        super().__init__()
        self.network, self.settings = network, settings
        self.register_buffer("_sums", torch.zeros(len(CLASSES), 2, dtype=torch.float64), persistent=False)

    @abc.abstractmethod
    def loss(self, batch: Batch) -> Tensor:
        """What the training lowers."""

    @abc.abstractmethod
    def errors(self, batch: Batch) -> Tensor:
        """The error of every held-out object, ``[B]``."""

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The loss."""
        loss = self.loss(batch)
        self.log("training_loss", loss.detach(), on_step=False, on_epoch=True, batch_size=1)
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Sum the errors by class."""
        errors = self.errors(batch).double()
        counted = torch.stack([errors, torch.ones_like(errors)], dim=1)
        self._sums.index_add_(0, batch["classes"], counted)

    def on_validation_epoch_end(self) -> None:
        """Log the number by which the weights are chosen."""
        seen = self._sums[self._sums[:, 1] > 0]
        self.log("validation_error", float((seen[:, 0] / seen[:, 1]).mean()))
        self._sums.zero_()

    @property
    def warm_up_steps(self) -> int:
        """Steps over which the learning rate first rises."""
        return 0

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Adam; its rate falls as a cosine."""
        settings = self.settings
        optimizer = adam_with_cosine_decay(
            self.parameters(),
            settings.learning_rate,
            settings.final_learning_rate_share,
            settings.max_steps,
            # In mixed precision a fused Adam scales gradients by itself, and they cannot be clipped.
            fused=settings.precision == "32-true",
            warm_up_steps=self.warm_up_steps,
        )
        return cast(OptimizerLRScheduler, optimizer)


class OccupancyTraining(ShapeTraining):
    """Binary cross-entropy of labelled points."""

    def __init__(self, network: ConditionalShape | PerClass, settings: Training):
        super().__init__(network, settings)
        chosen = numpy_generator(0, "shapes", "validation points").permutation(RESOLUTION**3)[:VALIDATION_POINTS]
        self._chosen = torch.from_numpy(np.sort(chosen))
        self._grid = torch.from_numpy(grid(RESOLUTION).reshape(-1, 3).astype(np.float32))[self._chosen]

    def logits(self, batch: Batch, points: Tensor) -> Tensor:
        """``[B, P]`` of points ``[B, P, 3]``."""
        if isinstance(self.network, PerClass):
            return self.network(batch["images"], points, batch["classes"])
        return self.network(batch["images"], points)

    def loss(self, batch: Batch) -> Tensor:
        """See ``ShapeTraining``: the mean over all points, uniform and boundary ones alike."""
        return F.binary_cross_entropy_with_logits(self.logits(batch, batch["points"]), batch["labels"])

    def errors(self, batch: Batch) -> Tensor:
        """See ``ShapeTraining``."""
        points = self._grid.to(batch["voxels"].device).expand(len(batch["voxels"]), -1, -1)
        truth = batch["voxels"].flatten(1)[:, self._chosen.to(points.device)]
        return 1 - overlap(self.logits(batch, points) > 0, truth)


class SilhouetteTraining(OccupancyTraining):
    """Binary cross-entropy of rays of another view: no label in three dimensions is seen, except to choose weights."""

    def loss(self, batch: Batch) -> Tensor:
        """See ``ShapeTraining``."""
        network = self.network
        assert isinstance(network, ConditionalShape)
        embedding = network.embed(batch["images"])
        logits = silhouette_logits(
            lambda points: network.decode(embedding, points), batch["origins"], batch["directions"], batch["offsets"]
        )
        return silhouette_loss(logits, batch["alpha"])


class VoxelTraining(ShapeTraining):
    """Binary cross-entropy of all voxels of the evaluation grid."""

    def loss(self, batch: Batch) -> Tensor:
        """See ``ShapeTraining``."""
        return F.binary_cross_entropy_with_logits(self.network(batch["images"]), batch["voxels"])

    def errors(self, batch: Batch) -> Tensor:
        """See ``ShapeTraining``."""
        return 1 - overlap((self.network(batch["images"]) > 0).flatten(1), batch["voxels"].flatten(1))


class PointSetTraining(ShapeTraining):
    """Chamfer distance to points of the surface; here ``validation_error`` is that distance, not an IoU."""

    def loss(self, batch: Batch) -> Tensor:
        """See ``ShapeTraining``."""
        return chamfer_loss(self.network(batch["images"]), batch["surface"])

    def errors(self, batch: Batch) -> Tensor:
        """See ``ShapeTraining``."""
        predicted = self.network(batch["images"])
        pairs = zip(predicted[:, None], batch["surface"][:, None], strict=True)
        return torch.stack([chamfer_loss(points, surface) for points, surface in pairs])


def overlap(predicted: Tensor, truth: Tensor) -> Tensor:
    """Intersection over union of bool ``[B, P]``, ``[B]``; 1 where both are empty."""
    both, either = (predicted & truth).sum(dim=1), (predicted | truth).sum(dim=1)
    return torch.where(either > 0, both / either.clamp_min(1), torch.ones_like(both, dtype=torch.float32))


def learn(network: nn.Module, data: ShapeData, settings: NetworkSettings, run: TrainingRun, threads: int) -> None:
    """Train ``network`` in place.

    Args:
        network: what is trained.
        data: the data set.
        settings: of the method.
        run: the run it belongs to.
        threads: number of CPU threads.
    """
    training, seed = settings.train, run.identity["seed"]
    module: ShapeTraining
    batches: TrainingShapes
    if isinstance(settings, SilhouetteSettings):
        assert isinstance(network, ConditionalShape)
        if not np.isfinite(data.splits["train"].cameras).all():
            raise UserError(f"{run.identity['dataset']}: silhouettes need cameras, and some images have none")
        module = SilhouetteTraining(network, training)
        batches = SilhouetteBatches(data, training, seed, settings.method.rays, settings.method.samples)
    elif isinstance(network, PointSet):
        module, batches = PointSetTraining(network, training), SurfaceBatches(data, training, seed)
    elif isinstance(network, VoxelShape):
        module, batches = VoxelTraining(network, training), VoxelBatches(data, training, seed)
    else:
        assert isinstance(network, ConditionalShape | PerClass)
        module = OccupancyTraining(network, training)
        batches = PointBatches(data, training, seed, by_class=isinstance(network, PerClass))
    validation = ValidationShapes(data.splits["validation"])
    fit(module, StepData(batches, validation, training), training, run, "validation_error", threads)
