"""Two numbers for a user and no question asked: a level, or a level and a slope.

    item_bias     r = mu + b_i + a_u             damped biases of items and users
    ridge_mean    r = a + c z + a_u + c_u z      z: the item's mean rating; a + c z is the line of all users together

They show how much of an error is explained without a tree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hypernet.ratings.baselines.base import Fitted, clipped_rmse
from hypernet.ratings.baselines.factorisation import Biases
from hypernet.ratings.config import BiasGridSettings, RidgeSettings
from hypernet.ratings.core.base import ItemBiases, user_lines
from hypernet.ratings.core.tables import RatingData, Rows


@dataclass(frozen=True, kw_only=True)
class Lines(Fitted):
    """A line for each user through the ratings of items with the mean rating z.

    Attributes:
        middle: the mean of z, from which it is counted.
        common: level and slope of the line of all users together, float64 ``[2]``.
        level: what a user's level adds, float64 ``[U]``.
        slope: what a user's slope adds, float64 ``[U]``.
        mean: z of every item, without ratings that of all, float64 ``[M]``.
    """

    middle: float
    common: np.ndarray
    level: np.ndarray
    slope: np.ndarray
    mean: np.ndarray

    def predict(self, rows: Rows) -> np.ndarray:
        """See :class:`Fitted`."""
        z = self.mean[rows.item] - self.middle
        return self.common[0] + self.level[rows.user] + (self.common[1] + self.slope[rows.user]) * z


def fit_item_bias(data: RatingData, settings: BiasGridSettings, seed: int) -> tuple[Biases, dict[str, Any]]:
    """Damped biases; a newcomer's is that of the newcomer's ratings. See :func:`hypernet.ratings.baselines.fit.fit`."""
    del seed
    users, grid, errors = len(data.users), settings.method, {}
    for item_damping in grid.item_dampings:
        for user_damping in grid.user_dampings:
            biases = _biases(data.fit, users, data, item_damping, user_damping)
            predicted = biases.predict(data.validation)
            rmse = clipped_rmse(predicted, data.validation.rating, data.low, data.high)
            errors[item_damping, user_damping] = float(rmse)
    item_damping, user_damping = best = min(errors, key=lambda pair: errors[pair])
    biases = _biases(data.train, users, data, item_damping, user_damping)
    unseen = None
    if data.newcomers is not None:
        support, query = data.newcomers.support, data.newcomers.query
        left = support.rating - biases.overall - biases.item_bias[support.item]
        total, count = (np.bincount(support.user, weights, data.newcomers.count) for weights in (left, None))
        unseen = biases.overall + biases.item_bias[query.item] + (total / (count + user_damping))[query.user]
    fitted = Biases(overall=biases.overall, user_bias=biases.user_bias, item_bias=biases.item_bias, newcomers=unseen)
    return fitted, {
        "item_damping": item_damping,
        "user_damping": user_damping,
        "validation_rmse": errors[best],
        "parameter_count": 1 + users + len(data.items),
    }


def _biases(rows: Rows, users: int, data: RatingData, item_damping: float, user_damping: float) -> Biases:
    fitted = ItemBiases.fit(
        rows.user,
        rows.item,
        rows.rating,
        users,
        len(data.items),
        item_damping=item_damping,
        user_damping=user_damping,
    )
    left = rows.rating - fitted.overall - fitted.bias[rows.item]
    level = np.bincount(rows.user, left, users) / (np.bincount(rows.user, minlength=users) + user_damping)
    return Biases(overall=fitted.overall, user_bias=level, item_bias=fitted.bias, newcomers=None)


def fit_ridge_mean(data: RatingData, settings: RidgeSettings, seed: int) -> tuple[Lines, dict[str, Any]]:
    """A ridge line for each user on the item's mean rating, damped towards the line of all users together.

    The mean of a training row's item leaves the row's own rating out. See
    :func:`hypernet.ratings.baselines.fit.fit`.
    """
    del seed
    errors = {}
    for damping in settings.method.dampings:
        predicted = _lines(data.fit, len(data.users), data, damping).predict(data.validation)
        errors[damping] = float(clipped_rmse(predicted, data.validation.rating, data.low, data.high))
    damping = min(errors, key=lambda value: errors[value])
    lines = _lines(data.train, len(data.users), data, damping)
    unseen = None
    if data.newcomers is not None:
        support, query = data.newcomers.support, data.newcomers.query
        z = lines.mean - lines.middle
        left = support.rating - lines.common[0] - lines.common[1] * z[support.item]
        level, slope = user_lines(
            support.user,
            z[support.item],
            left,
            data.newcomers.count,
            level_damping=damping,
            slope_damping=damping * _spread(z, data.train),
        )
        line = lines.common[0] + level[query.user]
        unseen = line + (lines.common[1] + slope[query.user]) * z[query.item]
    fitted = Lines(
        middle=lines.middle,
        common=lines.common,
        level=lines.level,
        slope=lines.slope,
        mean=lines.mean,
        newcomers=unseen,
    )
    return fitted, {
        "damping": damping,
        "validation_rmse": errors[damping],
        "parameter_count": 2 + 2 * len(data.users) + len(data.items),
    }


def _spread(z: np.ndarray, rows: Rows) -> float:
    """Variance of z over the rows: in its units a damping is a number of ratings."""
    return max(float(np.var(z[rows.item])), np.finfo(np.float64).tiny)


def _lines(rows: Rows, users: int, data: RatingData, damping: float) -> Lines:
    rating = rows.rating.astype(np.float64)
    overall, items = float(rating.mean()), len(data.items)
    count, total = np.bincount(rows.item, minlength=items), np.bincount(rows.item, rating, items)
    mean = np.where(count > 0, total / np.maximum(count, 1), overall)
    others = count[rows.item] - 1
    without = np.where(others > 0, (total[rows.item] - rating) / np.maximum(others, 1), overall)
    middle = float(mean[rows.item].mean())
    z = without - middle
    variance = _spread(mean - middle, rows)
    # The common slope is that of whole means: within an item a mean without a rating falls as the rating rises.
    whole = mean[rows.item] - middle
    slope = float((whole * (rating - overall)).sum() / max((whole**2).sum(), np.finfo(np.float64).tiny))
    common = np.array([overall, slope])
    left = rating - overall - slope * z
    level, own_slope = user_lines(rows.user, z, left, users, level_damping=damping, slope_damping=damping * variance)
    return Lines(middle=middle, common=common, level=level, slope=own_slope, mean=mean, newcomers=None)
