"""The training: echoes (or images) and labelled points in, binary cross-entropy down."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from hypernet.lab.randomness import numpy_generator
from hypernet.lab.runs.record import TrainingRun
from hypernet.lab.training import StepData, fit
from hypernet.shapes.core.networks import ConditionalShape
from hypernet.shapes.learning import OBJECTS_AT_ONCE, Batch, OccupancyTraining
from hypernet.sonar.baselines.sight import side_by_side
from hypernet.sonar.config import EchoTrainingSettings, NetworkSettings, Senses
from hypernet.sonar.dataset import EchoData


class EchoBatches(Dataset[Batch]):
    """Batch i of a training, made from the number i alone: what is given of objects, points and their labels.

    The second half of every batch is mirrored where the ears allow it: what each ear heard goes to its mirror image,
    images left to right, everything in space x to -x. Noise is drawn anew, and all ears are shifted together.

    Args:
        data: the data set.
        settings: of the method.
        seed: of the training.
    """

    def __init__(self, data: EchoData, settings: NetworkSettings, seed: int):
        self.data, self.settings, self.seed = data, settings, seed
        self.mirror = data.mirror(settings.senses) if settings.augmentation.mirror else None

    def __getitem__(self, index: int) -> Batch:
        """Tensors by name."""
        random = numpy_generator(self.seed, "sonar", "train", index)
        training, senses = self.settings.train, self.settings.senses
        split, size = self.data.split("train"), training.batch
        rows = random.integers(len(split), size=size)
        view = random.integers(split.echoes.shape[1], size=size)
        turned = (np.arange(size) >= size // 2) & (self.mirror is not None)
        points, inside = self.data.labelled_points("train", rows, training.uniform, training.boundary, random)
        points[turned, :, 0] *= -1
        if senses == "image":
            given = self._images(rows, view, turned, random)
        else:
            given = self._echoes(rows, view, turned, random)
        if senses == "both":
            given = side_by_side(given, self._images(rows, view, turned, random))
        batch = {"given": given, "points": points, "labels": inside.astype(np.float32)}
        return {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in batch.items()}

    def _images(
        self, rows: np.ndarray, view: np.ndarray, turned: np.ndarray, random: np.random.Generator
    ) -> np.ndarray:
        images = self.data.splits["train"].images[rows, view][..., [*random.permutation(3), 3]]
        images[turned] = images[turned][:, :, ::-1]
        return images

    def _echoes(
        self, rows: np.ndarray, view: np.ndarray, turned: np.ndarray, random: np.random.Generator
    ) -> np.ndarray:
        echoes = np.array(self.data.clean("train", rows, view, self.settings.senses))
        if turned.any():
            echoes[turned] = echoes[turned][:, self.mirror]
        if most := self.settings.augmentation.shift_samples:
            for place, shift in enumerate(random.integers(-most, most + 1, size=len(rows))):
                # Echoes begin and end in silence, so what is rolled around is silence.
                echoes[place] = np.roll(echoes[place], shift, axis=-1)
        return echoes + self.data.noise_pa * random.standard_normal(echoes.shape, dtype=np.float32)


class HeldOutObjects(Dataset[Batch]):
    """The held-out objects, one view each, with the same noise at every check."""

    def __init__(self, data: EchoData, senses: Senses):
        self.data, self.senses = data, senses
        self.split = data.split("validation")

    def __len__(self) -> int:
        return -(-len(self.split) // OBJECTS_AT_ONCE)

    def __getitem__(self, index: int) -> Batch:
        """Tensors by name, of at most ``OBJECTS_AT_ONCE`` objects."""
        rows = np.arange(index * OBJECTS_AT_ONCE, min((index + 1) * OBJECTS_AT_ONCE, len(self.split)))
        return {
            "given": torch.from_numpy(self.data.given("validation", rows, 0, self.senses)),
            "classes": torch.from_numpy(np.asarray(self.split.classes[rows])),
            "voxels": torch.from_numpy(self.split.voxels(rows)),
        }


class EchoTraining(OccupancyTraining):
    """Binary cross-entropy of labelled points, given what is heard, seen, or both; the learning rate rises at first."""

    settings: EchoTrainingSettings

    @property
    def warm_up_steps(self) -> int:
        """See ``ShapeTraining``."""
        return self.settings.warm_up_steps

    def logits(self, batch: Batch, points: Tensor) -> Tensor:
        """See ``OccupancyTraining``."""
        logits: Tensor = self.network(batch["given"], points)
        return logits


def learn(network: ConditionalShape, data: EchoData, settings: NetworkSettings, run: TrainingRun, threads: int) -> None:
    """Train ``network`` in place.

    Args:
        network: what is trained; its spectrogram's constants are those of the training echoes already.
        data: the data set.
        settings: of the method.
        run: the run it belongs to.
        threads: number of CPU threads.
    """
    batches = EchoBatches(data, settings, run.identity["seed"])
    held_out = HeldOutObjects(data, settings.senses)
    module = EchoTraining(network, settings.train)
    fit(module, StepData(batches, held_out, settings.train), settings.train, run, "validation_error", threads)
