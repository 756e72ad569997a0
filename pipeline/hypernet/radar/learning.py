"""The training of a network that forecasts the next image: windows or patches in, the squared error down."""

from __future__ import annotations

from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from hypernet.lab.errors import CollapsedError
from hypernet.lab.randomness import numpy_generator
from hypernet.lab.runs.record import TrainingRun
from hypernet.lab.training import StepData, adam_with_cosine_decay, fit
from hypernet.radar.config import ConstantFilterSettings, PatchMatchingSettings, TrainedSettings, Training
from hypernet.radar.core.frames import INPUTS, LEVELS, Geometry, RadarData
from hypernet.radar.core.tiles import windows
from hypernet.radar.core.trunk import Trunk
from hypernet.radar.methods import on_patches
from hypernet.radar.model import PatchMatching
from hypernet.radar.sources.patches import PatchPlaces

# What the network is given, and last what it is to give.
Batch = tuple[Tensor, ...]
# Windows of a validation batch.
WINDOWS_AT_ONCE = 8
# Windows whose grey levels stand for all, and those whose filters are compared at the end.
MOST_STANDARD_WINDOWS, MOST_JUDGED_WINDOWS = 512, 64
# Of images that are all dry.
LEAST_DEVIATION = 1e-3
# Shares of a tap that differ by less over all images are the same.
LEAST_SPREAD = 1e-4


class TrainingWindows(Dataset[Batch]):
    """Batch i of a training on whole images: windows drawn from the number i alone.

    Args:
        data: the data set.
        settings: of the training; ``turned`` windows are turned by quarters and mirrored, all of a batch alike.
        seed: of the run.
    """

    def __init__(self, data: RadarData, settings: Training, seed: int):
        self.data, self.settings, self.seed = data, settings, seed

    def __getitem__(self, index: int) -> Batch:
        """Inputs ``[B, 4, N, N]`` and targets ``[B, N - 2 m, N - 2 m]``."""
        generator = numpy_generator(self.seed, "radar", "train", index)
        rows = generator.integers(len(self.data.windows["train"]), size=self.settings.batch)
        inputs, targets = self.data.inputs("train", rows), self.data.targets("train", rows)
        for sample in range(round(self.settings.only_moving * len(rows))):
            inputs[sample], targets[sample] = moving(inputs[sample, -1], self.data.geometry, generator)
        if self.settings.turned:
            quarters, mirrored = int(generator.integers(4)), bool(generator.integers(2))
            inputs, targets = (turned(images, quarters, mirrored) for images in (inputs, targets))
        return torch.from_numpy(inputs), torch.from_numpy(targets)


class TrainingPlaces(TrainingWindows):
    """Windows of which some patches are looked at.

    Args:
        data: see ``TrainingWindows``.
        settings: likewise.
        seed: likewise.
        patches: how many of each window's.
    """

    def __init__(self, data: RadarData, settings: Training, seed: int, patches: int):
        super().__init__(data, settings, seed)
        self.patches = min(patches, data.geometry.patches)

    def __getitem__(self, index: int) -> Batch:
        """Inputs ``[B, 4, N, N]``, numbers of patches ``[n]`` and their targets ``[B, n, c, c]``."""
        inputs, targets = super().__getitem__(index)
        geometry = self.data.geometry
        generator = numpy_generator(self.seed, "radar", "places", index)
        places = torch.from_numpy(generator.choice(geometry.patches, self.patches, replace=False))
        return inputs, places, windows(targets, geometry.patch, geometry.patch).flatten(1, 2)[:, places]


def moving(image: np.ndarray, geometry: Geometry, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Rain that only moves, by a whole displacement within the filters' reach.

    What leaves the image comes in again at the other side; no pair of images shows it within their overlap.

    Args:
        image: the last one, ``[N, N]``.
        geometry: sizes.
        generator: draws the displacement.

    Returns:
        four images ``[4, N, N]`` and the centre of the next one ``[N - 2 m, N - 2 m]``.
    """
    reach, inner = geometry.taps // 2, slice(geometry.margin, geometry.size - geometry.margin)
    step = generator.integers(-reach, reach + 1, size=2)
    frames = [np.roll(image, step * (place - INPUTS + 1), axis=(0, 1)) for place in range(INPUTS + 1)]
    return np.stack(frames[:-1]), frames[-1][inner, inner]


def turned(images: np.ndarray, quarters: int, mirrored: bool) -> np.ndarray:
    """Images ``[..., H, W]`` turned against the clock by quarters, and mirrored."""
    images = np.rot90(images, quarters, axes=(-2, -1))
    return np.ascontiguousarray(images[..., ::-1] if mirrored else images)


class TrainingPatches(Dataset[Batch]):
    """Batch i of a training on patches: wet patches are drawn more often, dry ones now and then."""

    def __init__(self, data: RadarData, settings: Training, seed: int):
        self.places, self.size, self.seed = PatchPlaces(data, "train"), settings.batch, seed

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
        self._training_forecast = network.some if isinstance(network, PatchMatching) else network
        self.register_buffer("_sums", torch.zeros(2, dtype=torch.float64), persistent=False)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The loss."""
        *inputs, targets = batch
        loss = 0.5 * (self._training_forecast(*inputs) - targets).square().mean()
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
        """Adam; its rate rises, then falls as a cosine."""
        settings = self.settings
        return adam_with_cosine_decay(
            self.parameters(),
            settings.learning_rate,
            settings.final_learning_rate_share,
            settings.max_steps,
            warm_up_steps=settings.warm_up_steps,
        )


def learn(
    network: nn.Module,
    forecast: nn.Module,
    data: RadarData,
    settings: TrainedSettings,
    run: TrainingRun,
    threads: int,
) -> None:
    """Train ``network`` in place.

    Args:
        network: what is trained.
        forecast: see ``ForecastTraining``.
        data: the data set.
        settings: of the method.
        run: the run it belongs to.
        threads: number of CPU threads.

    Raises:
        CollapsedError: the filters have become the same for all images, and the settings do not allow it.
    """
    train, seed = settings.train, run.identity["seed"]
    for part in network.modules():
        if isinstance(part, Trunk):
            part.standardise(*_mean_and_deviation(data))
    batches: Dataset[Batch]
    if isinstance(settings, PatchMatchingSettings):
        batches = TrainingPlaces(data, train, seed, settings.method.patches)
    elif on_patches(settings):
        batches = TrainingPatches(data, train, seed)
    else:
        batches = TrainingWindows(data, train, seed)
    module = ForecastTraining(network, forecast, train)
    fit(module, StepData(batches, ValidationWindows(data), train), train, run, "validation_loss", threads)
    if hasattr(network, "filters") and not isinstance(settings, ConstantFilterSettings):
        _refuse_collapsed(forecast, data, train.allow_collapsed, run)


def _mean_and_deviation(data: RadarData) -> tuple[float, float]:
    """Of the grey levels of training images, from every window's last input or as many as are enough."""
    grey = (
        data.crops("train", data.some("train", MOST_STANDARD_WINDOWS), np.array([INPUTS - 1])).astype(np.float64)
        / LEVELS
    )
    return float(grey.mean()), max(float(grey.std()), LEAST_DEVIATION)


def _refuse_collapsed(forecast: nn.Module, data: RadarData, allowed: bool, run: TrainingRun) -> None:
    """Refuse filters that do not depend on the images, which the loss does not show."""
    write: Any = forecast.filters
    inputs = torch.from_numpy(data.inputs("validation", data.some("validation", MOST_JUDGED_WINDOWS)))
    with torch.inference_mode():
        filters = [write(some) for some in inputs.split(WINDOWS_AT_ONCE)]
    spread = max(float(torch.cat(parts).flatten(0, -2).std(dim=0).max()) for parts in zip(*filters, strict=True))
    run.facts["filter_spread"] = spread
    if spread >= LEAST_SPREAD:
        return
    run.facts["collapsed"] = True
    if not allowed:
        raise CollapsedError(
            f"{run.identity['method']} on {run.identity['dataset']}: the filters are the same for all images (their "
            f"shares differ by {spread:.1e}): nothing was learned of the motion; lower the learning rate, or keep it "
            "by train.allow_collapsed: true"
        )
