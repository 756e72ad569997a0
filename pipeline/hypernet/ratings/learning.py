"""The training of networks that read ratings: users in, the error on ratings that they did not read down."""

from __future__ import annotations

import copy
import math
import sys
from typing import Any

import lightning.pytorch as pl
import torch
from torch import Tensor

from hypernet.lab.config import TrainerSettings
from hypernet.lab.runs.record import TrainingRun
from hypernet.lab.training import StepData, adam_with_cosine_decay, fit
from hypernet.ratings.batches import HeldOutUsers, UserBatches
from hypernet.ratings.config import ExplainedSettings, MetaTreeSettings, Stage
from hypernet.ratings.core.tables import RatingData
from hypernet.ratings.methods import is_hard
from hypernet.ratings.model import Ratings, Reader, Route, TreeNetwork, off_diagonal_sum, round_through


class SetTraining(pl.LightningModule):
    """Mean squared error of the predictions.

    Validation reads every user's ratings and logs ``validation_rmse`` of the held-out ones; trees are then grown with
    one attribute a rule.
    """

    def __init__(self, network: Reader, stage: Stage):
        super().__init__()
        self.network, self.stage = network, stage
        self._squares: Tensor
        self.register_buffer("_squares", torch.zeros(2, dtype=torch.float64), persistent=False)
        self._noted: list[dict[str, Tensor]] = []

    def judge(self, right: Tensor) -> Tensor:
        """q as validation sees it."""
        return right

    def note(self, **numbers: Tensor) -> None:
        """Keep numbers of a step; the next check logs their means (logging every step costs a quarter of a step)."""
        self._noted.append({name: number.detach() for name, number in numbers.items()})

    def training_step(self, batch: tuple[Ratings, Ratings], batch_idx: int) -> Tensor:
        """The loss of one batch of users."""
        support, query = batch
        rater = self.network.grow(support, int(query.owner[-1]) + 1, one_attribute=False)
        error = (rater.rate(query.owner, query.x, self.judge) - query.y).square().mean()
        self.note(training_error=error)
        return error

    def validation_step(self, batch: tuple[Ratings, Ratings, int], batch_idx: int) -> None:
        """Count the squared errors of one group of users."""
        self._squares += squared_errors(self.network, batch, self.judge)

    def on_validation_epoch_end(self) -> None:
        """Log the root of the mean squared error over all users, and the means of what the steps before noted."""
        for name in self._noted[0]:
            self.log(name, torch.stack([numbers[name] for numbers in self._noted]).mean())
        self._noted.clear()
        total, count = self._squares.tolist()
        self.log("validation_rmse", math.sqrt(total / max(count, 1.0)))
        self._squares.zero_()

    def configure_optimizers(self) -> dict[str, Any]:  # type: ignore[override]  # one of the forms Lightning accepts
        """Adam with a cosine decay to ``final_learning_rate_share``."""
        stage = self.stage
        return adam_with_cosine_decay(
            self.network.parameters(), stage.learning_rate, stage.final_learning_rate_share, stage.steps, fused=True
        )


class TreeTraining(SetTraining):
    """The same plus ``sparsity`` times R; subclasses say how rows are routed."""

    network: TreeNetwork

    def softness(self, step: int) -> tuple[float, bool]:
        """T at a step, and whether rules then ask about one attribute only."""
        share, first, last = step / self.stage.steps, self.stage.temperature, self.stage.final_temperature
        return first + (last - first) * share, share >= self.stage.soft_share

    def route(self, right: Tensor) -> Tensor:
        """q as the loss sees it."""
        return right

    def training_step(self, batch: tuple[Ratings, Ratings], batch_idx: int) -> Tensor:
        """The loss of one batch of users."""
        support, query = batch
        users = int(query.owner[-1]) + 1
        self.network.temperature, one_attribute = self.softness(self.global_step)
        trees = self.network.grow(support, users, one_attribute)
        error = (trees.rate(query.owner, query.x, self.route) - query.y).square().mean()
        with torch.set_grad_enabled(self.stage.sparsity > 0):
            sparsity = off_diagonal_sum(trees.raw).mean()
        with torch.no_grad():
            share = torch.softmax(self.network.temperature * trees.raw, dim=-1).amax(dim=-1).mean()
        self.note(training_error=error, off_diagonal=sparsity, largest_weight=share)
        return error + self.stage.sparsity * sparsity


class SoftTraining(TreeTraining):
    """Soft routing."""


class HardTraining(TreeTraining):
    """Hard routing with a straight-through gradient: what is trained is the tree that a person can read."""

    def route(self, right: Tensor) -> Tensor:
        """See :class:`TreeTraining`."""
        return round_through(right)

    def judge(self, right: Tensor) -> Tensor:
        """See :class:`TreeTraining`."""
        return right.round()


def squared_errors(network: Reader, batch: tuple[Ratings, Ratings, int], judge: Route) -> Tensor:
    """Sum of the squared errors and number of the ratings predicted, float64 ``[2]``."""
    support, query, users = batch
    rater = network.grow(support, users, one_attribute=True)
    predicted = rater.rate(query.owner, query.x, judge)
    errors = (predicted - query.y).double().square()
    return torch.stack([errors.sum(), errors.new_tensor(len(errors))])


def held_out_rmse(network: Reader, checks: HeldOutUsers, judge: Route) -> float:
    """The number that validation logs, for a network as it is."""
    with torch.inference_mode():
        parts = [squared_errors(network, checks[index], judge) for index in range(len(checks))]
    total, count = sum(parts, torch.zeros(2, dtype=torch.float64)).tolist()
    return math.sqrt(total / max(count, 1.0))


def learn(
    network: Reader, data: RatingData, settings: MetaTreeSettings | ExplainedSettings, run: TrainingRun, threads: int
) -> None:
    """Train ``network`` in place on ``data.fit``, its weights chosen on ``data.validation``.

    Args:
        network: with the weights that the training goes on from where it does. A method whose name ends in ``_hard``
            is trained with hard routing.
        data: the ratings.
        settings: the training and its sizes. Where no check does better on the validation ratings than the weights
            at the start, those are kept.
        run: the run it belongs to.
        threads: CPU threads for torch.
    """
    stage, users, seed = settings.stage, len(data.users), run.identity["seed"]
    checks = HeldOutUsers(data.fit, data.validation, users)
    batches = UserBatches(data.fit, users, settings.train, seed, stage.fewest_ratings)
    if batches.left_out:
        print(
            f"users with a single rating, of which nothing can be predicted, are not trained on: {batches.left_out}",
            file=sys.stderr,
        )
    if batches.batch_users < settings.train.users_per_batch:
        print(f"users_per_batch: only {batches.batch_users} users; a batch has all of them", file=sys.stderr)
    if isinstance(network, TreeNetwork):
        training: SetTraining = (HardTraining if is_hard(run.job.method) else SoftTraining)(network, stage)
    else:
        training = SetTraining(network, stage)
    before, weights = held_out_rmse(network, checks, training.judge), copy.deepcopy(network.state_dict())
    trainer = TrainerSettings(
        max_steps=stage.steps,
        gradient_clip=stage.gradient_clip,
        **{
            name: getattr(settings.train, name)
            for name in TrainerSettings.model_fields
            if hasattr(settings.train, name)
        },
    )
    fit(training, StepData(batches, checks, trainer), trainer, run, monitor="validation_rmse", threads=threads)
    after = held_out_rmse(network, checks, training.judge)
    run.facts |= {"validation_rmse": min(before, after), "validation_rmse_at_start": before}
    if before < after:
        network.load_state_dict(weights)
        run.facts["best_step"] = 0
    if isinstance(network, TreeNetwork):
        _warn(run.facts["history"][-1]["largest_weight"], len(data.features))


def _warn(largest_weight: float, features: int) -> None:
    """Say so when the rules' weights say nothing, or cannot change any more."""
    if largest_weight < 2.0 / features:
        print(
            f"warning: the largest weight of a rule is {largest_weight:.3f} on average, hardly above 1/D",
            file=sys.stderr,
        )
    if largest_weight > 0.999:
        print("warning: the softmax of the rules is saturated (largest weight above 0.999 on average)", file=sys.stderr)
