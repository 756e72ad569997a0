"""A user's own model of what the base leaves over, fitted to the user's ratings: what a generated tree competes with.

    r = mu + b_i + a_u + c_u b_i + (tree or ridge of the user on the item's attributes)

The base is that of the trees that explain (:mod:`hypernet.ratings.core.base`); they predict the same residual from the
same attributes, but their network is taught by all users.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, NamedTuple, Self

import numpy as np

from hypernet.ratings.baselines.base import Fitted, clipped_rmse
from hypernet.ratings.baselines.forests import parameter_count, reachable
from hypernet.ratings.baselines.greedy import Questions, Sample, choose, grow
from hypernet.ratings.config import Damping, ResidualRidgeSettings, ResidualTreeSettings
from hypernet.ratings.core.base import ItemBiases, askable, user_lines
from hypernet.ratings.core.tables import RatingData, Rows
from hypernet.ratings.core.trees import Forest


@dataclass(frozen=True, kw_only=True)
class OnBase(Fitted):
    """mu + b_i + a_u + c_u b_i.

    Attributes:
        overall: mu.
        item_bias: b, float64 ``[M]``.
        level: a, float64 ``[U]``.
        slope: c, float64 ``[U]``.
    """

    overall: float
    item_bias: np.ndarray
    level: np.ndarray
    slope: np.ndarray

    def predict(self, rows: Rows) -> np.ndarray:
        """See :class:`Fitted`."""
        bias = self.item_bias[rows.item]
        predicted: np.ndarray = self.overall + bias + self.level[rows.user] + self.slope[rows.user] * bias
        return predicted


@dataclass(frozen=True, kw_only=True)
class ResidualTrees(OnBase):
    """The base, and a tree for each user.

    Attributes:
        forest: the trees, with what they add in their leaves.
    """

    forest: Forest

    def predict(self, rows: Rows) -> np.ndarray:
        """See :class:`Fitted`."""
        return super().predict(rows) + self.forest.predict(rows.user, rows.x)

    def user_trees(self, users: np.ndarray | None = None) -> Forest | None:
        """See :class:`Fitted`. Rows have one column more than the features: the item's bias."""
        chosen = np.arange(len(self.level)) if users is None else users
        return replace(
            self.forest,
            root=self.forest.root[chosen],
            overall=np.full(len(chosen), self.overall),
            level=self.level[chosen],
            tilt=self.slope[chosen],
        )

    def reads(self, item_x: np.ndarray) -> np.ndarray:
        """See :class:`Fitted`."""
        return np.column_stack([item_x, self.item_bias])


@dataclass(frozen=True, kw_only=True)
class ResidualRidge(OnBase):
    """The base, and a linear function of the item's attributes for each user.

    Attributes:
        weight: of every attribute, zeros for those that are not asked, float64 ``[U, D]``.
    """

    weight: np.ndarray

    def predict(self, rows: Rows) -> np.ndarray:
        """See :class:`Fitted`."""
        added: np.ndarray = np.einsum("nd,nd->n", self.weight[rows.user], rows.x.astype(np.float64))
        return super().predict(rows) + added


class Residual(NamedTuple):
    """Ratings and what the base leaves of them.

    Attributes:
        biases: of the items.
        rows: ratings, sorted by user.
        users: U.
        level: a_u, ``[U]``.
        slope: c_u, ``[U]``.
        left: y less the base, ``[N]``.
    """

    biases: ItemBiases
    rows: Rows
    users: int
    level: np.ndarray
    slope: np.ndarray
    left: np.ndarray

    @classmethod
    def of_training(cls, rows: Rows, users: int, items: int, damping: Damping) -> Self:
        """Of the ratings that the biases are made of: each is left out of its item's."""
        biases = ItemBiases.fit(
            rows.user, rows.item, rows.rating, users, items, item_damping=damping.item, user_damping=damping.level
        )
        return cls._of(biases, rows, users, biases.without_own(rows.user, rows.item, rows.rating), damping)

    @classmethod
    def of_others(cls, biases: ItemBiases, rows: Rows, users: int, damping: Damping) -> Self:
        """Of the ratings of users whom the biases do not know."""
        return cls._of(biases, rows, users, biases.bias[rows.item], damping)

    @classmethod
    def _of(cls, biases: ItemBiases, rows: Rows, users: int, bias: np.ndarray, damping: Damping) -> Self:
        left = rows.rating - biases.overall - bias
        level, slope = user_lines(
            rows.user, bias, left, users, level_damping=damping.level, slope_damping=damping.slope
        )
        return cls(biases, rows, users, level, slope, left - level[rows.user] - slope[rows.user] * bias)

    def base(self) -> OnBase:
        """What predicts by the base alone."""
        return OnBase(newcomers=None, **self.fields())

    def fields(self) -> dict[str, Any]:
        """The fields of :class:`OnBase`."""
        return {
            "overall": self.biases.overall,
            "item_bias": self.biases.bias,
            "level": self.level,
            "slope": self.slope,
        }

    def sample(self) -> Sample:
        """What trees that predict what is left are grown from."""
        return Sample(self.rows.user, self.rows.x, self.left, self.users)

    def ridge(self, asked: np.ndarray, damping: float, width: int) -> np.ndarray:
        """Weights of every user, float64 ``[U, width]``: minimise sum (left - w x)^2 + damping |w|^2."""
        x, weight = self.rows.x[:, asked].astype(np.float64), np.zeros((self.users, width))
        ends = self.rows.offsets(self.users)
        for user, (begin, end) in enumerate(pairwise(ends)):
            mine = x[begin:end]
            square = mine.T @ mine
            square[np.diag_indices_from(square)] += damping
            weight[user, asked] = np.linalg.solve(square, mine.T @ self.left[begin:end])
        return weight


def fit_greedy_residual(
    data: RatingData, settings: ResidualTreeSettings, seed: int
) -> tuple[ResidualTrees, dict[str, Any]]:
    """A tree for each user, fitted to what the base leaves. See :func:`hypernet.ratings.baselines.fit.fit`."""
    del seed
    users, items, held_out, asked = len(data.users), len(data.items), data.validation, askable(data.features)
    choosing = Residual.of_training(data.fit, users, items, settings.base)
    before = choosing.base().predict(held_out)
    questions = Questions.about(data.fit.x, asked)
    shape, error = choose(choosing.sample(), questions, held_out, before, settings.method, (data.low, data.high))
    questions = Questions.about(data.train.x, asked)

    def fitted_to(residual: Residual) -> ResidualTrees:
        forest, _ = grow(residual.sample(), questions, shape)
        return ResidualTrees(newcomers=None, forest=reachable(forest), **residual.fields())

    residual = Residual.of_training(data.train, users, items, settings.base)
    fitted, unseen = fitted_to(residual), None
    if data.newcomers is not None:
        support, count = data.newcomers.support, data.newcomers.count
        theirs = fitted_to(Residual.of_others(residual.biases, support, count, settings.base))
        unseen = theirs.predict(data.newcomers.query)
    return replace(fitted, newcomers=unseen), {
        **shape._asdict(),
        "base": settings.base.model_dump(),
        "base_validation_rmse": float(clipped_rmse(before, held_out.rating, data.low, data.high)),
        "validation_rmse": error,
        "parameter_count": 1 + items + 2 * users + parameter_count(fitted.forest),
    }


def fit_ridge_residual(
    data: RatingData, settings: ResidualRidgeSettings, seed: int
) -> tuple[ResidualRidge, dict[str, Any]]:
    """A ridge regression for each user on what the base leaves. See :func:`hypernet.ratings.baselines.fit.fit`."""
    del seed
    users, items, held_out, asked = len(data.users), len(data.items), data.validation, askable(data.features)
    width = len(data.features)

    def fitted_to(residual: Residual, damping: float) -> ResidualRidge:
        return ResidualRidge(newcomers=None, weight=residual.ridge(asked, damping, width), **residual.fields())

    choosing, errors = Residual.of_training(data.fit, users, items, settings.base), {}
    for damping in settings.method.dampings:
        predicted = fitted_to(choosing, damping).predict(held_out)
        errors[damping] = float(clipped_rmse(predicted, held_out.rating, data.low, data.high))
    damping = min(errors, key=lambda value: errors[value])
    residual = Residual.of_training(data.train, users, items, settings.base)
    fitted, unseen = fitted_to(residual, damping), None
    if data.newcomers is not None:
        support, count = data.newcomers.support, data.newcomers.count
        theirs = fitted_to(Residual.of_others(residual.biases, support, count, settings.base), damping)
        unseen = theirs.predict(data.newcomers.query)
    before = choosing.base().predict(held_out)
    return replace(fitted, newcomers=unseen), {
        "damping": damping,
        "base": settings.base.model_dump(),
        "base_validation_rmse": float(clipped_rmse(before, held_out.rating, data.low, data.high)),
        "validation_rmse": errors[damping],
        "parameter_count": 1 + items + 2 * users + users * len(asked),
    }
