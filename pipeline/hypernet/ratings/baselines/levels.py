"""How a tree over many users' ratings knows a user's level.

The features describe the item (and hardly the user), so a tree over many users cannot know that one of them is
stricter than another. The published results of such trees are out of reach without that; in which form their authors
gave it is not known.
"""

from __future__ import annotations

import abc
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from hypernet.ratings.baselines.forests import owners, settled
from hypernet.ratings.baselines.means import group_means
from hypernet.ratings.core.tables import Rows
from hypernet.ratings.core.trees import Forest


@dataclass(frozen=True)
class UserLevel(abc.ABC):
    """Users' mean ratings, and what a tree makes of them.

    Attributes:
        mean: of every user's ratings, float64 ``[U]``.
        count: number of every user's ratings, int64 ``[U]``.
        overall: mean of all ratings.
    """

    mean: np.ndarray
    count: np.ndarray
    overall: float

    @classmethod
    def of(cls, rows: Rows, users: int) -> Self:
        """The levels of ``users`` users by their ratings."""
        mean, count = group_means(rows.user, rows.rating, users)
        return cls(mean, count, float(rows.rating.mean(dtype=np.float64)))

    def targets(self, rows: Rows) -> np.ndarray:
        """What the tree is to predict, float64 ``[N]``."""
        return rows.rating.astype(np.float64)

    def training_inputs(self, rows: Rows) -> np.ndarray:
        """Features of the rows that the levels were made of, float32 ``[N, D']``."""
        return rows.x

    def inputs(self, rows: Rows) -> np.ndarray:
        """Features of other rows of these users, float32 ``[N, D']``."""
        return rows.x

    def ratings(self, rows: Rows, predicted: np.ndarray) -> np.ndarray:
        """Ratings from what the tree predicted, float64 ``[N]``."""
        del rows
        return predicted

    @abc.abstractmethod
    def rating_trees(self, forest: Forest, features: int) -> Forest:
        """Trees that say the same about plain features.

        Args:
            forest: one tree per user, one after the other.
            features: D.

        Returns:
            trees on the D features, with ratings in their leaves.
        """


class NoLevel(UserLevel):
    """The tree knows nothing of the user."""

    def rating_trees(self, forest: Forest, features: int) -> Forest:
        """See :class:`UserLevel`."""
        del features
        return forest


class Residual(UserLevel):
    """The tree predicts what is left of a rating when the user's mean is taken from it."""

    def targets(self, rows: Rows) -> np.ndarray:
        """See :class:`UserLevel`."""
        left: np.ndarray = rows.rating - self.mean[rows.user]
        return left

    def ratings(self, rows: Rows, predicted: np.ndarray) -> np.ndarray:
        """See :class:`UserLevel`."""
        ratings: np.ndarray = predicted + self.mean[rows.user]
        return ratings

    def rating_trees(self, forest: Forest, features: int) -> Forest:
        """See :class:`UserLevel`."""
        del features
        return replace(forest, value=forest.value + self.mean[owners(forest)])


class LevelFeatures(UserLevel):
    """The tree may ask about the user's mean and number of ratings; a training row's are without that row."""

    def training_inputs(self, rows: Rows) -> np.ndarray:
        """See :class:`UserLevel`."""
        count = self.count[rows.user] - 1
        total = self.mean[rows.user] * self.count[rows.user] - rows.rating
        return _joined(rows.x, np.where(count > 0, total / np.maximum(count, 1), self.overall), count)

    def inputs(self, rows: Rows) -> np.ndarray:
        """See :class:`UserLevel`."""
        return _joined(rows.x, self.mean[rows.user], self.count[rows.user])

    def rating_trees(self, forest: Forest, features: int) -> Forest:
        """See :class:`UserLevel`. All rules about the user have one answer for that user, and are left out."""
        user = owners(forest)
        # In single precision, as the tree sees them.
        level = np.column_stack([self.mean, self.count]).astype(np.float32)
        asked = forest.feature >= features
        value = level[user, np.where(asked, forest.feature - features, 0)]
        return settled(forest, asked, value > forest.threshold)


def _joined(x: np.ndarray, mean: np.ndarray, count: np.ndarray) -> np.ndarray:
    return np.column_stack([x, mean, count]).astype(np.float32)


LEVELS: dict[str, type[UserLevel]] = {"none": NoLevel, "residual": Residual, "feature": LevelFeatures}
