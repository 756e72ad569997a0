"""What can be told of a rating without asking what the item is like: mu + b_i + a_u + c_u b_i.

    b_i        how much better the item is rated than others: damped alternating least squares (Koren, TKDD 2010, 2.1)
    a_u, c_u   how much more this user gives, and how much further apart good and bad items are for this user: a damped
               ridge line through the user's ratings, y - mu - b_i against b_i

Damping counts as ratings of zero: a bias from n ratings is their sum over n + damping. A rating that is to be explained
or learned from is left out of its item's bias; a_u and c_u come from the ratings that a tree is grown from, so a user
whom no training saw has them too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from hypernet.ratings.core.tables import Feature

ROUNDS = 10
# The attribute that the base tells already.
TOLD = "mean_rating"


def askable(features: Sequence[Feature]) -> np.ndarray:
    """Numbers of the attributes that what the base leaves over may depend on, int64, rising.

    A user's attributes are the same for all the user's ratings, and an item's mean rating is in its bias.
    """
    return np.array([j for j, feature in enumerate(features) if feature.of == "item" and feature.name != TOLD], int)


@dataclass(frozen=True)
class ItemBiases:
    """mu and b_i, with what is needed to leave a rating out of its item's bias.

    Attributes:
        overall: mu, the mean rating.
        bias: b of every item, 0 for one that nobody rated, float64 ``[M]``.
        count: ratings of every item, int64 ``[M]``.
        level: a_u of the users that they were fitted to, for the fit alone, float64 ``[U]``.
        damping: of an item's bias, in ratings.
    """

    overall: float
    bias: np.ndarray
    count: np.ndarray
    level: np.ndarray
    damping: float

    @classmethod
    def fit(
        cls,
        user: np.ndarray,
        item: np.ndarray,
        rating: np.ndarray,
        users: int,
        items: int,
        *,
        item_damping: float,
        user_damping: float,
    ) -> Self:
        """Minimise sum (y - mu - b_i - a_u)^2 + item_damping sum b_i^2 + user_damping sum a_u^2 in turn for b and a.

        Args:
            user: number of the user of each rating, int ``[N]``.
            item: number of its item, int ``[N]``.
            rating: ``[N]``, at least one.
            users: U.
            items: M.
            item_damping: above 0.
            user_damping: above 0.
        """
        overall = float(rating.mean(dtype=np.float64))
        left = rating.astype(np.float64) - overall
        by_item, by_user = (np.bincount(key, minlength=count) for key, count in ((item, items), (user, users)))
        level = np.zeros(users)
        for _ in range(ROUNDS):
            bias = np.bincount(item, left - level[user], items) / (by_item + item_damping)
            level = np.bincount(user, left - bias[item], users) / (by_user + user_damping)
        # The items have the last word, so that leaving a rating out is exact for these levels.
        bias = np.bincount(item, left - level[user], items) / (by_item + item_damping)
        return cls(overall, bias, by_item, level, float(item_damping))

    def without_own(self, user: np.ndarray, item: np.ndarray, rating: np.ndarray) -> np.ndarray:
        """b_i for each of the ratings that it was fitted to, from the item's other ratings alone, float64 ``[N]``."""
        left = rating - self.overall - self.level[user]
        total = self.bias[item] * (self.count[item] + self.damping)
        without: np.ndarray = (total - left) / (self.count[item] - 1 + self.damping)
        # What is left of a sum of equal numbers may be rounding.
        return np.where(self.count[item] > 1, without, 0.0)


def user_lines(
    user: np.ndarray, bias: np.ndarray, left: np.ndarray, users: int, *, level_damping: float, slope_damping: float
) -> tuple[np.ndarray, np.ndarray]:
    """The level a_u and the slope c_u of every user: minimise sum (left - a - c b)^2 + l a^2 + s c^2.

    Args:
        user: number of the user of each rating, int ``[N]``.
        bias: b_i of its item, ``[N]``.
        left: y - mu - b_i, ``[N]``.
        users: how many there are; without ratings both are 0.
        level_damping: l, above 0.
        slope_damping: s, above 0; infinity for c = 0.

    Returns:
        a and c, float64 ``[users]``.
    """
    count, first, second, total, product = (
        np.bincount(user, weights, users) for weights in (None, bias, bias * bias, left, left * bias)
    )
    if np.isinf(slope_damping):
        return total / (count + level_damping), np.zeros(users)
    across, along = count + level_damping, second + slope_damping
    determinant = across * along - first * first
    return (total * along - product * first) / determinant, (product * across - total * first) / determinant
