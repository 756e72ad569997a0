"""The trainings against discriminators: unpaired (two maps and a cycle), and pix2pix."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import torch
from lightning.pytorch.core.optimizer import LightningOptimizer
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import Dataset

from hypernet.lab.randomness import numpy_generator
from hypernet.lab.runs.record import TrainingRun
from hypernet.lab.training import StepData, adam_with_cosine_decay, fit
from hypernet.retouch.config import (
    CycleTranslationSettings,
    NetworkSettings,
    PairedTranslationSettings,
    Training,
    TranslationMethod,
    UnpairedMethod,
    UnpairedSettings,
)
from hypernet.retouch.core.discriminator import (
    PatchDiscriminator,
    SmallDiscriminator,
    discriminator_hinge,
    generator_hinge,
)
from hypernet.retouch.core.functions import Retouching
from hypernet.retouch.dataset import RetouchData, unpaired_views
from hypernet.retouch.learning import Batch, TrainingViews, ValidatedTraining, ValidationThumbnails

# Of Adam against a moving opponent (Radford et al. 2016).
BETAS = (0.5, 0.9)


class UnpairedViews(Dataset[Batch]):
    """Batch i of an unpaired training: for each step of the discriminators, and one of the maps, views of its own.

    Args:
        data: the data set.
        settings: of the training, the views and the thumbnails.
        seed: of the training.
        rounds: steps of the discriminators and of the maps together.
    """

    def __init__(self, data: RetouchData, settings: NetworkSettings, seed: int, rounds: int):
        self.data, self.settings, self.seed, self.rounds = data, settings, seed, rounds

    def __getitem__(self, index: int) -> Batch:
        """``input`` and ``target``, unrelated, ``[rounds * B, 3, S, S]`` in [0, 1]."""
        random = numpy_generator(self.seed, "retouch", "unpaired", index)
        settings = self.settings
        count, size = self.rounds * settings.train.batch, settings.network.thumbnail
        given, wanted = unpaired_views(self.data, random, count, size, settings.views)
        return {"input": given, "target": wanted}


class AdversarialTraining(ValidatedTraining):
    """What both have: Adam for those that draw, counted as the training's steps, and Adam for those that judge.

    Args:
        network: what is trained to retouch.
        settings: of the training.
        discriminator_learning_rate: of those that judge.
    """

    def __init__(self, network: Retouching, settings: Training, discriminator_learning_rate: float):
        super().__init__(network)
        self.automatic_optimization = False
        self.settings, self.discriminator_learning_rate = settings, discriminator_learning_rate

    def generators(self) -> Iterable[nn.Parameter]:
        """What draws."""
        return self.network.parameters()

    def discriminators(self) -> Iterable[nn.Parameter]:
        """What judges."""
        raise NotImplementedError

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Adam for both; the rates fall as a cosine."""
        settings = self.settings
        optimizers = [
            adam_with_cosine_decay(
                parameters, rate, settings.final_learning_rate_share, settings.max_steps, betas=BETAS
            )
            for parameters, rate in (
                (self.generators(), settings.learning_rate),
                (self.discriminators(), self.discriminator_learning_rate),
            )
        ]
        return cast(OptimizerLRScheduler, optimizers)

    def judge(self, loss: Tensor) -> None:
        """A step of the discriminators. Not counted: the length of a training is in steps of what is trained for."""
        optimizer = cast(list[LightningOptimizer], self.optimizers())[1].optimizer
        optimizer.zero_grad()
        self.manual_backward(loss)
        optimizer.step()

    def draw(self, loss: Tensor) -> None:
        """A step of the generators, and of both rates."""
        optimizer = cast(list[LightningOptimizer], self.optimizers())[0]
        optimizer.zero_grad()
        self.manual_backward(loss)
        if self.settings.gradient_clip is not None:
            torch.nn.utils.clip_grad_norm_(self.generators(), self.settings.gradient_clip)
        optimizer.step()
        for schedule in cast(list[torch.optim.lr_scheduler.LRScheduler], self.lr_schedulers()):
            schedule.step()
        self.log("training_loss", loss.detach(), on_step=False, on_epoch=True, batch_size=1)

    def on_validation_epoch_end(self) -> None:
        """Log how much is to come, too: where there are no pairs to choose weights by, the last are taken."""
        super().on_validation_epoch_end()
        self.log("steps_left", float(self.settings.max_steps - self.global_step))


class UnpairedTraining(AdversarialTraining):
    """F: X to Y and G: Y to X, a discriminator for each side, the cycle, and each side's own images left as they are.

    After the abstract of Chai, Giryes and Wolf (2020) and CycleGAN (Zhu et al. 2017). The inverse of a quadratic map
    is not quadratic: the cycle's error has a floor above 0, logged as ``cycle_error``.

    Args:
        network: F.
        back: G.
        judges: the discriminators of Y and of X.
        settings: of the training.
        method: weights of the losses.
    """

    def __init__(
        self,
        network: Retouching,
        back: Retouching,
        judges: tuple[nn.Module, nn.Module],
        settings: Training,
        method: UnpairedMethod,
    ):
        super().__init__(network, settings, method.discriminator_learning_rate)
        self.back, self.method = back, method
        self.of_targets, self.of_inputs = judges

    def generators(self) -> Iterable[nn.Parameter]:
        """See ``AdversarialTraining``."""
        return [*self.network.parameters(), *self.back.parameters()]

    def discriminators(self) -> Iterable[nn.Parameter]:
        """See ``AdversarialTraining``."""
        return [*self.of_targets.parameters(), *self.of_inputs.parameters()]

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Steps of the discriminators, then one of the maps."""
        method, size = self.method, self.settings.batch
        rounds = list(zip(batch["input"].split(size), batch["target"].split(size), strict=True))
        for given, wanted in rounds[:-1]:
            with torch.no_grad():
                made, unmade = self.network(given, given), self.back(wanted, wanted)
            of_targets = discriminator_hinge(self.of_targets(wanted), self.of_targets(made))
            self.judge(of_targets + discriminator_hinge(self.of_inputs(given), self.of_inputs(unmade)))
        given, wanted = rounds[-1]
        made, unmade = self.network(given, given), self.back(wanted, wanted)
        loss = method.adversarial * (generator_hinge(self.of_targets(made)) + generator_hinge(self.of_inputs(unmade)))
        # What a thumbnail shows of a made image is what a file of it would: colours in [0, 1]. Gradients go by way of
        # the pixels, not of what is seen of them.
        again = self.back(made, made.detach().clamp(0, 1))
        there = self.network(unmade, unmade.detach().clamp(0, 1))
        loss = loss + method.cycle * (F.l1_loss(again, given) + F.l1_loss(there, wanted))
        loss = loss + method.content * (F.mse_loss(made, given) + F.mse_loss(unmade, wanted))
        if method.identity:
            kept = F.l1_loss(self.network(wanted, wanted), wanted) + F.l1_loss(self.back(given, given), given)
            loss = loss + method.identity * kept
        self.log("cycle_error", F.l1_loss(again, given).detach(), on_step=False, on_epoch=True, batch_size=1)
        self.draw(loss)
        return loss.detach()


class PairedAdversarialTraining(AdversarialTraining):
    """pix2pix (Isola et al. 2017): the absolute error, and a discriminator of patches that sees input and output.

    Args:
        network: the generator.
        judge: the discriminator, of six channels.
        settings: of the training.
        weight: of the absolute error.
    """

    def __init__(self, network: Retouching, judge: nn.Module, settings: Training, weight: float):
        super().__init__(network, settings, settings.learning_rate)
        self.of_pairs, self.weight = judge, weight

    def discriminators(self) -> Iterable[nn.Parameter]:
        """See ``AdversarialTraining``."""
        return self.of_pairs.parameters()

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """A step of the discriminator, then one of the generator."""
        given, wanted = batch["input"], batch["target"]
        made = self.network(given, given)
        real, false = (torch.cat([given, image], dim=1) for image in (wanted, made.detach()))
        self.judge(discriminator_hinge(self.of_pairs(real), self.of_pairs(false)))
        verdict = generator_hinge(self.of_pairs(torch.cat([given, made], dim=1)))
        loss = verdict + self.weight * F.l1_loss(made, wanted)
        self.draw(loss)
        return loss.detach()


def learn_unpaired(
    network: Retouching, back: Retouching, data: RetouchData, settings: UnpairedSettings, run: TrainingRun, threads: int
) -> None:
    """Train F and G in place, with small discriminators.

    Args:
        network: F.
        back: G.
        data: the data set. Its held-out pairs give a curve; the weights are the last, since without pairs there is
            nothing to choose by.
        settings: of the training, the losses, the views and the thumbnails.
        run: the run it belongs to.
        threads: number of CPU threads.
    """
    method = settings.method
    module = UnpairedTraining(network, back, (SmallDiscriminator(), SmallDiscriminator()), settings.train, method)
    batches = UnpairedViews(data, settings, run.identity["seed"], method.discriminator_steps + 1)
    _fit(module, batches, data, settings, run, "steps_left", threads)


def learn_cycle(
    network: Retouching,
    back: Retouching,
    data: RetouchData,
    settings: CycleTranslationSettings,
    run: TrainingRun,
    threads: int,
) -> None:
    """Train CycleGAN's generators in place; see ``learn_unpaired``."""
    method = settings.method
    weights = UnpairedMethod(
        cycle=method.weight,
        identity=method.weight / 2,
        content=0.0,
        adversarial=1.0,
        discriminator_steps=1,
        discriminator_learning_rate=settings.train.learning_rate,
        train=method.train,
    )
    judges = (_patches(3, method), _patches(3, method))
    module = UnpairedTraining(network, back, judges, settings.train, weights)
    batches = UnpairedViews(data, settings, run.identity["seed"], 2)
    _fit(module, batches, data, settings, run, "steps_left", threads)


def learn_translation(
    network: Retouching, data: RetouchData, settings: PairedTranslationSettings, run: TrainingRun, threads: int
) -> None:
    """Train pix2pix' generator in place; see ``learn_unpaired``."""
    module = PairedAdversarialTraining(network, _patches(6, settings.method), settings.train, settings.method.weight)
    batches = TrainingViews(data, settings, run.identity["seed"])
    _fit(module, batches, data, settings, run, "validation_error", threads)


def _fit(
    module: AdversarialTraining,
    batches: Dataset[Batch],
    data: RetouchData,
    settings: NetworkSettings,
    run: TrainingRun,
    monitor: str,
    threads: int,
) -> None:
    # Lightning clips no gradients of steps that are made by hand: `draw` does.
    training = settings.train.model_copy(update={"gradient_clip": None})
    held_out = ValidationThumbnails(data, settings.network.thumbnail)
    fit(module, StepData(batches, held_out, training), training, run, monitor, threads)


def _patches(channels: int, method: TranslationMethod) -> PatchDiscriminator:
    return PatchDiscriminator(channels, method.discriminator_channels)
