"""The training of a network that writes circuits: fresh circuits at every step, whole circuits right at every check."""

from __future__ import annotations

from typing import cast

import lightning.pytorch as pl
import numpy as np
import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor
from torch.utils.data import Dataset

from hypernet.circuits.baselines.networks import PerLength
from hypernet.circuits.config import NetworkSettings, SimulatorLoss, Training
from hypernet.circuits.core.cells import ChainDecoder
from hypernet.circuits.core.losses import ResponseLoss, chain_loss
from hypernet.circuits.core.parts import PAD, lengths_of
from hypernet.circuits.core.scoring import exact_circuits
from hypernet.circuits.core.writing import write
from hypernet.circuits.dataset import CircuitData
from hypernet.lab.randomness import numpy_generator
from hypernet.lab.runs.record import TrainingRun
from hypernet.lab.training import StepData, adam_with_cosine_decay, fit

Batch = tuple[Tensor, Tensor, Tensor]


class TrainingCircuits(Dataset[Batch]):
    """Batch i of a training, made from the number i alone: responses, types and value classes.

    Args:
        data: the data set.
        size: circuits in a batch.
        seed: of the training.
        one_length: whether a batch has circuits of one length, the lengths in turn.
    """

    def __init__(self, data: CircuitData, size: int, seed: int, one_length: bool):
        self.data, self.size, self.seed, self.one_length = data, size, seed, one_length

    def __getitem__(self, index: int) -> Batch:
        """Responses float32 ``[B, C, d]``, types and classes int64 ``[B, n]``."""
        generator = numpy_generator(self.seed, "circuits", "train", index)
        lengths = self.data.sampler.lengths
        length = int(lengths[index % len(lengths)]) if self.one_length else None
        return as_batch(self.data, *self.data.sampler.draw(generator, self.size, "train", length))


class ValidationCircuits(Dataset[Batch]):
    """The held-out validation circuits, one batch per length."""

    def __init__(self, data: CircuitData):
        self.data = data
        lengths = lengths_of(data.validation_types)
        self.rows = [np.flatnonzero(lengths == length) for length in np.unique(lengths)]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Batch:
        """As :class:`TrainingCircuits`."""
        rows = self.rows[index]
        return as_batch(self.data, self.data.validation_types[rows], self.data.validation_classes[rows])


def as_batch(data: CircuitData, types: np.ndarray, classes: np.ndarray) -> Batch:
    """Circuits with their responses, as tensors."""
    response = torch.from_numpy(data.measure(types, classes))
    return response, torch.from_numpy(types.astype(np.int64)), torch.from_numpy(classes.astype(np.int64))


class CircuitTraining(pl.LightningModule):
    """Cross-entropy of types and values, and lambda times the loss on the simulated response.

    Validation logs ``validation_error``, the share of circuits that the greedy answer does not get exactly right, and
    the mean losses of the steps since the validation before.

    Args:
        network: what is trained.
        data: the data set.
        settings: of the training.
        simulator_loss: of the loss on the response; None for the networks that are trained without it.
    """

    _counts: Tensor
    _losses: Tensor

    def __init__(
        self,
        network: ChainDecoder | PerLength,
        data: CircuitData,
        settings: Training,
        simulator_loss: SimulatorLoss | None,
    ):
        super().__init__()
        self.network, self.settings, self.longest = network, settings, data.longest
        self.weight = simulator_loss.weight if simulator_loss else 0.0
        if simulator_loss is not None and self.weight:
            self.response_loss = ResponseLoss(data.probe, torch.from_numpy(data.values), simulator_loss)
        self.register_buffer("_counts", torch.zeros(2, dtype=torch.float64), persistent=False)
        # Of the steps, the loss and that on the response. Lightning's own mean takes milliseconds a step.
        self.register_buffer("_losses", torch.zeros(3, dtype=torch.float64), persistent=False)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The loss."""
        response, types, classes = batch
        network = self.network.for_length(types.shape[1])
        type_logits, value_logits = network(response, types)
        loss = chain_loss(type_logits, value_logits, types, classes)
        self._losses[0] += 1
        self._losses[1] += loss.detach()
        if not self.weight:
            return loss
        of_response = self.response_loss(type_logits, value_logits, types, classes, response)
        self._losses[2] += of_response.detach()
        return loss + self.weight * of_response.to(loss.dtype)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Count circuits that are exactly right."""
        response, types, classes = batch
        length = int((types[0] != PAD).sum())
        written = write(self.network.for_length(length), response, self.longest)
        target_types, target_classes = types.cpu().numpy(), classes.cpu().numpy()
        exact = exact_circuits(written.types[:, 0], written.classes[:, 0], target_types, target_classes)
        exact &= written.ended[:, 0]
        self._counts += torch.tensor([exact.sum(), len(exact)], dtype=torch.float64, device=self._counts.device)

    def on_validation_epoch_end(self) -> None:
        """Log the number by which the weights are chosen, and the losses."""
        right, seen = self._counts
        self.log("validation_error", float(1.0 - right / seen))
        steps, loss, of_response = self._losses
        if steps:
            self.log("training_loss", float(loss / steps))
            if self.weight:
                self.log("response_loss", float(of_response / steps))
        self._counts.zero_()
        self._losses.zero_()

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
    network: ChainDecoder | PerLength,
    data: CircuitData,
    settings: NetworkSettings,
    one_length: bool,
    run: TrainingRun,
    threads: int,
    stage: str = "",
) -> None:
    """Train ``network`` in place.

    Args:
        network: what is trained.
        data: the data set.
        settings: of the method.
        one_length: see :class:`TrainingCircuits`.
        run: the run it belongs to.
        threads: number of CPU threads.
        stage: name of a training beside the run's first.
    """
    training = settings.train
    module = CircuitTraining(network, data, training, getattr(settings, "simulator_loss", None))
    batches = TrainingCircuits(data, training.batch_circuits, run.identity["seed"], one_length)
    numbered = StepData(batches, ValidationCircuits(data), training)
    fit(module, numbered, training, run, "validation_error", threads, stage)
