"""The paired trainings: views of inputs and of what is wanted, squared error down."""

from __future__ import annotations

from typing import cast

import lightning.pytorch as pl
import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import Dataset

from hypernet.lab.randomness import numpy_generator
from hypernet.lab.runs.record import TrainingRun
from hypernet.lab.training import StepData, adam_with_cosine_decay, fit
from hypernet.retouch.config import NetworkSettings, Training
from hypernet.retouch.core.functions import GlobalMap, Retouching
from hypernet.retouch.core.lab import lab
from hypernet.retouch.dataset import RetouchData, paired_views, thumbnails

Batch = dict[str, Tensor]
IMAGES_AT_ONCE = 64


class TrainingViews(Dataset[Batch]):
    """Batch i of a training, made from the number i alone.

    Args:
        data: the data set.
        settings: of the training, the views and the thumbnails.
        seed: of the training.
    """

    def __init__(self, data: RetouchData, settings: NetworkSettings, seed: int):
        self.data, self.settings, self.seed = data, settings, seed

    def __getitem__(self, index: int) -> Batch:
        """``input`` and ``target``, ``[B, 3, S, S]`` in [0, 1]."""
        random = numpy_generator(self.seed, "retouch", "train", index)
        settings = self.settings
        size = settings.network.thumbnail
        given, wanted = paired_views(self.data, random, settings.train.batch, size, settings.views)
        return {"input": given, "target": wanted}


class ValidationThumbnails(Dataset[Batch]):
    """The held-out pairs as thumbnails, ``input`` and ``target``."""

    def __init__(self, data: RetouchData, size: int):
        self.input, self.target = thumbnails(data.pairs["validation"], size)

    def __len__(self) -> int:
        return -(-len(self.input) // IMAGES_AT_ONCE)

    def __getitem__(self, index: int) -> Batch:
        """At most ``IMAGES_AT_ONCE`` pairs."""
        rows = slice(index * IMAGES_AT_ONCE, (index + 1) * IMAGES_AT_ONCE)
        return {"input": self.input[rows], "target": self.target[rows]}


class ValidatedTraining(pl.LightningModule):
    """What all trainings check: ``validation_error``, the mean PSNR of the held-out thumbnails, its sign turned, in dB.

    Args:
        network: what is trained to retouch.
    """

    _sums: Tensor

    def __init__(self, network: Retouching):
        super().__init__()
        self.network = network
        self.register_buffer("_sums", torch.zeros(2, dtype=torch.float64), persistent=False)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Sum the errors."""
        made = self.network(batch["input"], batch["input"]).float().clamp(0, 1)
        errors = 10 * (made - batch["target"]).square().flatten(1).mean(dim=1).clamp(min=1e-10).log10()
        self._sums += torch.stack([errors.sum(), torch.ones_like(errors).sum()])
        if isinstance(self.network, GlobalMap):
            # A map that is the same for all images has not learned to look.
            spread = self.network.matrix(batch["input"]).std(dim=0, correction=0).norm()
            self.log("matrix_spread", spread, batch_size=len(batch["input"]))

    def on_validation_epoch_end(self) -> None:
        """Log the number by which the weights are chosen."""
        self.log("validation_error", float(self._sums[0] / self._sums[1]))
        self._sums.zero_()


class PairedTraining(ValidatedTraining):
    """Adam on the squared error in RGB, not clamped, and, where asked for, in L*a*b*.

    Args:
        network: what is trained.
        settings: of the training.
    """

    def __init__(self, network: Retouching, settings: Training):
        super().__init__(network)
        self.settings = settings

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The loss."""
        given, wanted, settings = batch["input"], batch["target"], self.settings
        made = self.network(given, given)
        loss = F.mse_loss(made, wanted) + self.network.regulariser()
        if settings.lab_weight:
            difference = lab(made.movedim(1, -1)) - lab(wanted.movedim(1, -1))
            loss = loss + settings.lab_weight * difference.square().sum(dim=-1).mean() / 100**2
        self.log("training_loss", loss.detach(), on_step=False, on_epoch=True, batch_size=1)
        return loss

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """AdamW; its rate falls as a cosine."""
        settings = self.settings
        optimizer = adam_with_cosine_decay(
            self.parameters(),
            settings.learning_rate,
            settings.final_learning_rate_share,
            settings.max_steps,
            weight_decay=settings.weight_decay,
        )
        return cast(OptimizerLRScheduler, optimizer)


def learn(
    network: Retouching, data: RetouchData, settings: NetworkSettings, run: TrainingRun, threads: int, stage: str = ""
) -> None:
    """Train ``network`` in place.

    Args:
        network: what is trained.
        data: the data set.
        settings: of the training, the views and the thumbnails.
        run: the run it belongs to.
        threads: number of CPU threads.
        stage: name of a training beside the run's first.
    """
    module = PairedTraining(network, settings.train)
    batches = TrainingViews(data, settings, run.identity["seed"])
    held_out = ValidationThumbnails(data, settings.network.thumbnail)
    batched = StepData(batches, held_out, settings.train)
    fit(module, batched, settings.train, run, "validation_error", threads, stage)
