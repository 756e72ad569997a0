"""The training of a network that forecasts the next image: windows or patches in, the squared error down."""

from __future__ import annotations

from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from hypernet.lab.randomness import numpy_generator
from hypernet.lab.runs.record import TrainingRun
from hypernet.lab.training import StepData, adam_with_cosine_decay, fit
from hypernet.radar.config import Training
from hypernet.radar.core.frames import LEVELS, RadarData
from hypernet.radar.sources.patches import PatchPlaces

Batch = tuple[Tensor, Tensor]
# Windows of a validation batch.
WINDOWS_AT_ONCE = 8


class TrainingWindows(Dataset[Batch]):
    """Batch i of a training on whole images: windows drawn from the number i alone."""

    def __init__(self, data: RadarData, size: int, seed: int):
        self.data, self.size, self.seed = data, size, seed

    def __getitem__(self, index: int) -> Batch:
        """Inputs ``[B, 4, N, N]`` and targets ``[B, N - 2 m, N - 2 m]``."""
        generator = numpy_generator(self.seed, "radar", "train", index)
        rows = generator.integers(len(self.data.windows["train"]), size=self.size)
        return torch.from_numpy(self.data.inputs("train", rows)), torch.from_numpy(self.data.targets("train", rows))


class TrainingPatches(Dataset[Batch]):
    """Batch i of a training on patches: wet patches are drawn more often, dry ones now and then."""

    def __init__(self, data: RadarData, size: int, seed: int):
        self.places, self.size, self.seed = PatchPlaces(data, "train"), size, seed

    def __getitem__(self, index: int) -> Batch:
        """Inputs ``[B, 4, c + 2 m, c + 2 m]`` and targets ``[B, c, c]``."""
        chosen = self.places.draw(numpy_generator(self.seed, "radar", "train", index), self.size)
        inputs, targets = (torch.from_numpy(array.astype(np.float32) / LEVELS) for array in self.places.cut(chosen))
        return inputs, targets


class ValidationWindows(Dataset[Batch]):
    """All validation windows, some at a time."""

    def __init__(self, data: RadarData):
        self.data = data
        self.count = len(data.windows["validation"])

    def __len__(self) -> int:
        return -(-self.count // WINDOWS_AT_ONCE)

    def __getitem__(self, index: int) -> Batch:
        """As ``TrainingWindows``."""
        rows = np.arange(index * WINDOWS_AT_ONCE, min((index + 1) * WINDOWS_AT_ONCE, self.count))
        inputs, targets = self.data.inputs("validation", rows), self.data.targets("validation", rows)
        return torch.from_numpy(inputs), torch.from_numpy(targets)


class ForecastTraining(pl.LightningModule):
    """Half the squared error, as a mean over pixels inside the optimiser.

    Validation logs ``validation_loss``: the mean over windows of half the squared error summed over the predicted
    square, the number of the talk's table.

    Args:
        network: forecasts from images or patches.
        forecast: the network's forecast of whole images, ``[B, 4, N, N] -> [B, N - 2 m, N - 2 m]``.
        settings: of the training.
    """

    _sums: Tensor

    def __init__(self, network: nn.Module, forecast: nn.Module, settings: Training):
        super().__init__()
        self.network, self.settings = network, settings
        # Not registered a second time: it is the network with its patches cut and joined.
        self._forecast = [forecast]
        self.register_buffer("_sums", torch.zeros(2, dtype=torch.float64), persistent=False)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The loss."""
        inputs, targets = batch
        loss = 0.5 * (self.network(inputs) - targets).square().mean()
        self.log("training_loss", loss.detach(), on_step=False, on_epoch=True, batch_size=1)
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Sum the errors."""
        inputs, targets = batch
        error = 0.5 * (self._forecast[0](inputs) - targets).double().square().sum()
        self._sums += torch.stack([error, torch.tensor(float(len(inputs)), dtype=torch.float64, device=error.device)])

    def on_validation_epoch_end(self) -> None:
        """Log the number by which the weights are chosen."""
        self.log("validation_loss", float(self._sums[0] / self._sums[1]))
        self._sums.zero_()

    def configure_optimizers(self) -> Any:
        """Adam; its rate falls as a cosine."""
        settings = self.settings
        return adam_with_cosine_decay(
            self.parameters(), settings.learning_rate, settings.final_learning_rate_share, settings.max_steps
        )


def learn(
    network: nn.Module,
    forecast: nn.Module,
    on_patches: bool,
    data: RadarData,
    settings: Training,
    run: TrainingRun,
    threads: int,
) -> None:
    """Train ``network`` in place.

    Args:
        network: what is trained.
        forecast: see ``ForecastTraining``.
        on_patches: whether it is trained on patches.
        data: the data set.
        settings: of the method.
        run: the run it belongs to.
        threads: number of CPU threads.
    """
    module = ForecastTraining(network, forecast, settings)
    batches_type = TrainingPatches if on_patches else TrainingWindows
    batches = batches_type(data, settings.batch, run.identity["seed"])
    fit(module, StepData(batches, ValidationWindows(data), settings), settings, run, "validation_loss", threads)
