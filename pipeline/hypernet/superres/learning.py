"""The trainings: small images in, pixels of the large ones out, mean squared error down."""

from __future__ import annotations

from typing import cast

import lightning.pytorch as pl
import numpy as np
import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import Dataset

from hypernet.lab.randomness import numpy_generator
from hypernet.lab.runs.record import TrainingRun
from hypernet.lab.training import StepData, adam_with_cosine_decay, fit
from hypernet.superres.config import Training
from hypernet.superres.core.functions import ImageFunction
from hypernet.superres.core.grids import as_points, axes
from hypernet.superres.core.metrics import psnr
from hypernet.superres.dataset import DigitData, Split

Batch = dict[str, Tensor]
# Pixels of each held-out image on which weights are chosen, and images looked at at once.
VALIDATION_POINTS = 256
IMAGES_AT_ONCE = 100
# The real root of x³ = x + 1: its powers give the two-dimensional sequence of least gaps (Roberts 2018).
PLASTIC = 1.3247179572447460


class TrainingImages(Dataset[Batch]):
    """Batch i of a training, made from the number i alone; every image has pixels of its own.

    Args:
        split: the images.
        settings: of the training.
        seed: of the training.
        whole: whether the network makes whole images.
    """

    def __init__(self, split: Split, settings: Training, seed: int, whole: bool):
        self.split, self.settings, self.seed = split, settings, seed
        self.points = 0 if whole else settings.points

    def __getitem__(self, index: int) -> Batch:
        """``low`` ``[B, h, w]``, and ``high`` ``[B, H, W]`` or ``places`` and ``values`` ``[B, P]`` of its pixels."""
        random = numpy_generator(self.seed, "superres", "train", index)
        rows = random.integers(len(self.split), size=self.settings.batch)
        chosen = torch.from_numpy(rows)
        batch = {"low": self.split.low[chosen]}
        high = self.split.high[chosen]
        if not self.points:
            return batch | {"high": high}
        places = torch.from_numpy(spread_places(random, len(rows), self.points, high.shape[1], high.shape[2]))
        return batch | {"places": places, "values": high.flatten(1).gather(1, places)}


def spread_places(random: np.random.Generator, images: int, points: int, rows: int, columns: int) -> np.ndarray:
    """Pixels spread evenly over each image: the R2 sequence, moved by a random step of its own for every image.

    As the mean over an image is nearer to the mean over its spread pixels than over as many drawn one by one, the
    gradient has less noise.

    Args:
        random: where the steps are drawn from.
        images: number of images.
        points: pixels of each.
        rows: of an image.
        columns: of an image.

    Returns:
        places, row by row, int64 ``[images, points]``.
    """
    steps = random.random((images, 1, 2))
    spread = (np.arange(points)[:, None] / np.array([PLASTIC, PLASTIC**2]) + steps) % 1
    places = np.minimum((spread * (rows, columns)).astype(np.int64), (rows - 1, columns - 1))
    return places[..., 0] * columns + places[..., 1]


class ValidationImages(Dataset[Batch]):
    """The held-out images, ``low`` and ``high``."""

    def __init__(self, split: Split):
        self.split = split

    def __len__(self) -> int:
        return -(-len(self.split) // IMAGES_AT_ONCE)

    def __getitem__(self, index: int) -> Batch:
        """At most ``IMAGES_AT_ONCE`` images."""
        rows = slice(index * IMAGES_AT_ONCE, (index + 1) * IMAGES_AT_ONCE)
        return {"low": self.split.low[rows], "high": self.split.high[rows]}


class EnlargeTraining(pl.LightningModule):
    """Adam on the mean squared error of pixels.

    Validation logs ``validation_error``: the mean PSNR of the held-out images with its sign turned, in dB, of functions
    at the same pixels for all.

    Args:
        network: what is trained, an ``ImageFunction`` or an ``Upscaler``.
        settings: of the training.
        size: rows and columns of a large image.
    """

    points: Tensor
    held_out: Tensor
    _sums: Tensor

    def __init__(self, network: nn.Module, settings: Training, size: tuple[int, int]):
        super().__init__()
        self.network, self.settings = network, settings
        points = as_points(*axes(*size))
        chosen = numpy_generator(0, "superres", "validation points").permutation(len(points))[:VALIDATION_POINTS]
        self.register_buffer("points", points, persistent=False)
        self.register_buffer("held_out", torch.from_numpy(np.sort(chosen)), persistent=False)
        self.register_buffer("_sums", torch.zeros(2, dtype=torch.float64), persistent=False)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The loss."""
        network, low = self.network, batch["low"]
        if not isinstance(network, ImageFunction):
            loss = F.mse_loss(network(low), batch["high"])
        else:
            state, whole = network.encode(low), "high" in batch
            points = self.points.expand(len(low), -1, -1) if whole else self.points[batch["places"]]
            loss = F.mse_loss(network.at(state, points), batch["high"].flatten(1) if whole else batch["values"])
        self.log("training_loss", loss.detach(), on_step=False, on_epoch=True, batch_size=1)
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Sum the errors."""
        network, low, high = self.network, batch["low"], batch["high"]
        if isinstance(network, ImageFunction):
            points = self.points[self.held_out].expand(len(low), -1, -1)
            state = network.encode(low)
            # Of the hypernetwork the norm of θ, which grows before a training is lost.
            self.log("state_norm", state.flatten(1).norm(dim=1).mean(), batch_size=1)
            made, true = network.at(state, points), high.flatten(1)[:, self.held_out]
        else:
            made, true = network(low), high
        errors = -psnr(made.float(), true)
        self._sums += torch.stack([errors.sum(), torch.ones_like(errors).sum()])

    def on_validation_epoch_end(self) -> None:
        """Log the number by which the weights are chosen."""
        self.log("validation_error", float(self._sums[0] / self._sums[1]))
        self._sums.zero_()

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
        )
        return cast(OptimizerLRScheduler, optimizer)


def learn(
    network: nn.Module, data: DigitData, settings: Training, run: TrainingRun, threads: int, stage: str = ""
) -> None:
    """Train ``network`` in place.

    Args:
        network: what is trained.
        data: the data set.
        settings: of the training.
        run: the run it belongs to.
        threads: number of CPU threads.
        stage: name of a training beside the run's first.
    """
    training = data.splits["train"]
    module = EnlargeTraining(network, settings, (training.high.shape[1], training.high.shape[2]))
    batches = TrainingImages(training, settings, run.identity["seed"], not isinstance(network, ImageFunction))
    validation = ValidationImages(data.splits["validation"])
    fit(module, StepData(batches, validation, settings), settings, run, "validation_error", threads, stage)
