"""The trainings: molecules in, a normalised property out."""

from __future__ import annotations

from typing import NamedTuple, cast

import lightning.pytorch as pl
import numpy as np
import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import Dataset

from hypernet.lab.randomness import numpy_generator
from hypernet.lab.runs.record import TrainingRun
from hypernet.lab.training import StepData, adam_with_cosine_decay, fit
from hypernet.molecules.baselines.schnet import SchNet
from hypernet.molecules.config import Training
from hypernet.molecules.core.graphs import Batch
from hypernet.molecules.core.network import MessagePassing
from hypernet.molecules.dataset import PropertyData
from hypernet.molecules.model import WrittenChange


class Example(NamedTuple):
    """Some molecules, and their normalised property ``[M]``."""

    batch: Batch
    wanted: Tensor


class TrainingMolecules(Dataset[Example]):
    """Batch i of a training, made from the number i alone: the molecules in one random order after the other.

    Args:
        data: the data set.
        wanted: normalised property of all molecules, ``[M]``.
        batch: molecules of a batch.
        seed: of the training.
    """

    def __init__(self, data: PropertyData, wanted: np.ndarray, batch: int, seed: int):
        self.data, self.size, self.seed = data, batch, seed
        self.wanted = torch.from_numpy(wanted.astype(np.float32))
        self.rows = data.splits["train"]
        self._orders: dict[int, np.ndarray] = {}

    def __getitem__(self, index: int) -> Example:
        """The molecules ``index * batch`` and on."""
        places = np.arange(index * self.size, (index + 1) * self.size)
        rounds, within = np.divmod(places, len(self.rows))
        rows = np.array([self._order(int(number))[place] for number, place in zip(rounds, within, strict=True)])
        return Example(self.data.graphs.batch(rows), self.wanted[rows])

    def _order(self, number: int) -> np.ndarray:
        """One order of all molecules."""
        if number not in self._orders:
            if len(self._orders) > 2:
                self._orders.clear()
            random = numpy_generator(self.seed, "molecules", "order", number)
            self._orders[number] = random.permutation(self.rows)
        return self._orders[number]


class HeldOutMolecules(Dataset[Example]):
    """The molecules for validation, as many at once as have so many edges together."""

    def __init__(self, data: PropertyData, wanted: np.ndarray):
        self.graphs, self.parts = data.graphs, data.graphs.parts(data.splits["validation"])
        self.wanted = torch.from_numpy(wanted.astype(np.float32))

    def __len__(self) -> int:
        return len(self.parts)

    def __getitem__(self, index: int) -> Example:
        """One part of them."""
        return Example(self.graphs.batch(self.parts[index]), self.wanted[self.parts[index]])


class PropertyTraining(pl.LightningModule):
    """Adam on the error of the normalised property.

    Validation logs ``validation_error``: the mean absolute error of the held-out molecules in the target's shown unit.

    Args:
        network: what is trained.
        settings: of the training.
        shown: of the shown unit, for a normalised property of 1.
    """

    _sums: Tensor

    def __init__(self, network: MessagePassing | SchNet, settings: Training, shown: float):
        super().__init__()
        self.network, self.settings, self.shown = network, settings, shown
        self.register_buffer("_sums", torch.zeros(2, dtype=torch.float64), persistent=False)

    def training_step(self, batch: Example, batch_idx: int) -> Tensor:
        """The loss."""
        made = self.network(batch.batch)
        loss = F.mse_loss(made, batch.wanted) if self.settings.loss == "mse" else F.l1_loss(made, batch.wanted)
        self.log("training_loss", loss.detach(), on_step=False, on_epoch=True, batch_size=1)
        return loss

    def on_train_batch_end(self, outputs: object, batch: Example, batch_idx: int) -> None:
        """Bring c back into [0, 1]."""
        if isinstance(self.network, MessagePassing):
            self.network.change.project()

    def validation_step(self, batch: Example, batch_idx: int) -> None:
        """Sum the errors."""
        errors = (self.network(batch.batch) - batch.wanted).abs().double()
        self._sums += torch.stack([errors.sum(), torch.ones_like(errors).sum()])

    def on_validation_epoch_end(self) -> None:
        """Log the number by which the weights are chosen, and c."""
        self.log("validation_error", float(self.shown * self._sums[0] / self._sums[1]))
        self._sums.zero_()
        if isinstance(self.network, MessagePassing) and isinstance(self.network.change, WrittenChange):
            self.log("mix", float(self.network.change.mix.detach()))

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Adam; its rate falls as a cosine."""
        settings = self.settings
        optimizer = adam_with_cosine_decay(
            [parameter for parameter in self.parameters() if parameter.requires_grad],
            settings.learning_rate,
            settings.final_learning_rate_share,
            settings.max_steps,
        )
        return cast(OptimizerLRScheduler, optimizer)


def learn(
    network: MessagePassing | SchNet,
    data: PropertyData,
    wanted: np.ndarray,
    shown: float,
    settings: Training,
    run: TrainingRun,
    threads: int,
    stage: str = "",
) -> None:
    """Train ``network`` in place.

    Args:
        network: what is trained.
        data: the data set.
        wanted: normalised property of all molecules, ``[M]``.
        shown: of the target's shown unit, for a normalised property of 1.
        settings: of the training.
        run: the run it belongs to.
        threads: number of CPU threads.
        stage: name of a training beside the run's first.
    """
    module = PropertyTraining(network, settings, shown)
    batches = TrainingMolecules(data, wanted, settings.batch, run.identity["seed"])
    stepped = StepData(batches, HeldOutMolecules(data, wanted), settings)
    fit(module, stepped, settings, run, "validation_error", threads, stage)
