"""Predictions without a model: means, and the known truth of generated data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hypernet.lab.config import Section
from hypernet.lab.errors import UserError
from hypernet.ratings.baselines.base import Fitted
from hypernet.ratings.core.tables import RatingData, Rows
from hypernet.ratings.core.trees import Forest


@dataclass(frozen=True, kw_only=True)
class GlobalMean(Fitted):
    """Everybody gives everything the mean rating.

    Attributes:
        mean: of all training ratings.
    """

    mean: float

    def predict(self, rows: Rows) -> np.ndarray:
        """See :class:`Fitted`."""
        return np.full(len(rows), self.mean)


@dataclass(frozen=True, kw_only=True)
class ItemMean(Fitted):
    """Everybody gives an item its mean rating.

    Attributes:
        mean: of every item's training ratings; of all ratings for an item without any, float64 ``[M]``.
    """

    mean: np.ndarray

    def predict(self, rows: Rows) -> np.ndarray:
        """See :class:`Fitted`."""
        predicted: np.ndarray = self.mean[rows.item]
        return predicted


@dataclass(frozen=True, kw_only=True)
class UserMean(Fitted):
    """A user gives everything the user's mean rating.

    Attributes:
        mean: of every user's training ratings, float64 ``[U]``.
    """

    mean: np.ndarray

    def predict(self, rows: Rows) -> np.ndarray:
        """See :class:`Fitted`."""
        predicted: np.ndarray = self.mean[rows.user]
        return predicted


@dataclass(frozen=True, kw_only=True)
class Oracle(Fitted):
    """The mean ratings that generated ratings were drawn around: no method can do better but by luck.

    Attributes:
        expected: of every user for every item, float32 ``[U, M]``.
        forest: the true trees.
    """

    expected: np.ndarray
    forest: Forest

    def predict(self, rows: Rows) -> np.ndarray:
        """See :class:`Fitted`."""
        predicted: np.ndarray = self.expected[rows.user, rows.item].astype(np.float64)
        return predicted

    def user_trees(self, users: np.ndarray | None = None) -> Forest | None:
        """See :class:`Fitted`."""
        return self.forest if users is None else replace(self.forest, root=self.forest.root[users])


def group_means(group: np.ndarray, rating: np.ndarray, groups: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean rating and number of ratings of each group; the mean of all where a group has none.

    Args:
        group: of each rating, int ``[N]``.
        rating: ``[N]``.
        groups: how many there are.

    Returns:
        float64 and int64 ``[groups]``.
    """
    count = np.bincount(group, minlength=groups)
    total = np.bincount(group, rating, minlength=groups)
    overall = rating.mean(dtype=np.float64)
    return np.where(count > 0, total / np.maximum(count, 1), overall), count


def fit_global_mean(data: RatingData, settings: Section, seed: int) -> tuple[GlobalMean, dict[str, Any]]:
    """See :func:`hypernet.ratings.baselines.fit.fit`."""
    del settings, seed
    mean = float(data.train.rating.mean(dtype=np.float64))
    unseen = None if data.newcomers is None else np.full(len(data.newcomers.query), mean)
    return GlobalMean(mean=mean, newcomers=unseen), {"parameter_count": 1}


def fit_item_mean(data: RatingData, settings: Section, seed: int) -> tuple[ItemMean, dict[str, Any]]:
    """See :func:`hypernet.ratings.baselines.fit.fit`."""
    del settings, seed
    mean, _ = group_means(data.train.item, data.train.rating, len(data.items))
    unseen = None if data.newcomers is None else mean[data.newcomers.query.item]
    return ItemMean(mean=mean, newcomers=unseen), {"parameter_count": len(mean)}


def fit_user_mean(data: RatingData, settings: Section, seed: int) -> tuple[UserMean, dict[str, Any]]:
    """See :func:`hypernet.ratings.baselines.fit.fit`. A newcomer's mean is that of the newcomer's own ratings."""
    del settings, seed
    mean, _ = group_means(data.train.user, data.train.rating, len(data.users))
    unseen = None
    if data.newcomers is not None:
        support, query = data.newcomers.support, data.newcomers.query
        unseen = group_means(support.user, support.rating, data.newcomers.count)[0][query.user]
    return UserMean(mean=mean, newcomers=unseen), {"parameter_count": len(mean)}


def fit_oracle(data: RatingData, settings: Section, seed: int) -> tuple[Oracle, dict[str, Any]]:
    """See :func:`hypernet.ratings.baselines.fit.fit`.

    Raises:
        UserError: nobody knows the truth.
    """
    del settings, seed
    if data.truth is None:
        raise UserError(
            f"oracle: the true mean ratings of {data.title} are not known, only those of generated data are"
        )
    unseen = None
    if data.newcomers is not None and data.newcomers.truth is not None:
        query = data.newcomers.query
        unseen = data.newcomers.truth.expected[query.user, query.item].astype(np.float64)
    return Oracle(expected=data.truth.expected, forest=data.truth.forest, newcomers=unseen), {"parameter_count": 0}
