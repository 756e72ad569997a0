"""Trees that are the same for all users: one, or many added up by gradient boosting."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from hypernet.lab.libraries import library
from hypernet.ratings.baselines.base import Fitted, clipped_rmse
from hypernet.ratings.baselines.forests import at_depths, parameter_count, repeated
from hypernet.ratings.baselines.levels import LEVELS, UserLevel
from hypernet.ratings.baselines.scikit import PACKAGE, pack, pack_boosted, regression_tree, version
from hypernet.ratings.config import BoostingGridSettings, BoostingSettings, TreeSettings
from hypernet.ratings.core.tables import RatingData, Rows
from hypernet.ratings.core.trees import Forest

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingRegressor

# Fits trees to features and targets; gives the trees, the prediction before the first, and the learning rate.
Grow = Callable[[np.ndarray, np.ndarray], tuple[Forest, float, float]]


@dataclass(frozen=True, kw_only=True)
class SharedTrees(Fitted):
    """prediction = start + rate * sum of the trees, at the user's level.

    Attributes:
        forest: the trees.
        start: the prediction before the first.
        rate: the learning rate; 1 for a tree by itself.
        user_level: how the trees know the user's level, see :data:`~hypernet.ratings.baselines.levels.LEVELS`.
        user_mean: of every user, float64 ``[U]``.
        user_count: ratings of every user, int64 ``[U]``.
        overall: mean of all ratings.
        features: D.
    """

    forest: Forest
    start: float
    rate: float
    user_level: str
    user_mean: np.ndarray
    user_count: np.ndarray
    overall: float
    features: int

    def __post_init__(self) -> None:
        if self.user_level not in LEVELS:
            raise ValueError(f"user_level {self.user_level!r}; accepted: {', '.join(LEVELS)}")

    def predict(self, rows: Rows) -> np.ndarray:
        """See :class:`Fitted`."""
        return self.predict_at(LEVELS[self.user_level](self.user_mean, self.user_count, self.overall), rows)

    def predict_at(self, level: UserLevel, rows: Rows) -> np.ndarray:
        """Ratings of users whose levels are given, float64 ``[N]``."""
        x = level.inputs(rows)
        total = np.full(len(rows), self.start)
        for tree in range(len(self.forest)):
            total += self.rate * self.forest.predict(np.full(len(rows), tree), x)
        return level.ratings(rows, total)

    def user_trees(self, users: np.ndarray | None = None) -> Forest | None:
        """See :class:`Fitted`; a sum of several trees is no tree. Every user has a copy, at the user's level."""
        if len(self.forest) != 1:
            return None
        chosen = slice(None) if users is None else users
        level = LEVELS[self.user_level](self.user_mean[chosen], self.user_count[chosen], self.overall)
        return level.rating_trees(repeated(self.forest, len(level.mean)), self.features)


def _fit_shared(grow: Grow, data: RatingData, user_level: str) -> SharedTrees:
    """The trees that ``grow`` makes of ``data.train``."""
    level = LEVELS[user_level].of(data.train, len(data.users))
    forest, start, rate = grow(level.training_inputs(data.train), level.targets(data.train))
    fitted = SharedTrees(
        forest=forest,
        start=start,
        rate=rate,
        user_level=user_level,
        user_mean=level.mean,
        user_count=level.count,
        overall=level.overall,
        features=len(data.features),
        newcomers=None,
    )
    if data.newcomers is None:
        return fitted
    theirs = LEVELS[user_level].of(data.newcomers.support, data.newcomers.count)
    return replace(fitted, newcomers=fitted.predict_at(theirs, data.newcomers.query))


def fit_global_tree(data: RatingData, settings: TreeSettings, seed: int) -> tuple[SharedTrees, dict[str, Any]]:
    """One tree over all ratings, of the depth that is best on ``data.validation``.

    See :func:`hypernet.ratings.baselines.fit.fit`.
    """
    depths, held_out = settings.method.depths, data.validation
    level = LEVELS[settings.user_level].of(data.fit, len(data.users))
    deepest = regression_tree(depths[-1], seed).fit(level.training_inputs(data.fit), level.targets(data.fit))
    predicted = at_depths(*pack([deepest]), depths, np.zeros(len(held_out), np.int64), level.inputs(held_out))
    errors = clipped_rmse(level.ratings(held_out, predicted), held_out.rating, data.low, data.high)
    depth = depths[int(errors.argmin())]

    def grow(x: np.ndarray, y: np.ndarray) -> tuple[Forest, float, float]:
        return pack([regression_tree(depth, seed).fit(x, y)])[0], 0.0, 1.0

    fitted = _fit_shared(grow, data, settings.user_level)
    return fitted, {
        "depth": depth,
        "user_level": settings.user_level,
        "validation_rmse": float(errors.min()),
        "parameter_count": parameter_count(fitted.forest),
        "library": version(),
    }


def fit_boosted_trees(data: RatingData, settings: BoostingSettings, seed: int) -> tuple[SharedTrees, dict[str, Any]]:
    """Gradient boosting for squared error (Friedman 2001); see :func:`hypernet.ratings.baselines.fit.fit`."""
    sizes = settings.method

    def grow(x: np.ndarray, y: np.ndarray) -> tuple[Forest, float, float]:
        model = library("sklearn.ensemble", PACKAGE, "ratings").GradientBoostingRegressor(
            n_estimators=sizes.trees, max_depth=sizes.depth, learning_rate=sizes.learning_rate, random_state=seed
        )
        model.fit(x, y)
        return pack(model.estimators_[:, 0])[0], float(model.init_.constant_[0, 0]), sizes.learning_rate

    fitted = _fit_shared(grow, data, settings.user_level)
    return fitted, {
        "user_level": settings.user_level,
        "parameter_count": parameter_count(fitted.forest),
        "library": version(),
    }


def fit_tuned_boosted_trees(
    data: RatingData, settings: BoostingGridSettings, seed: int
) -> tuple[SharedTrees, dict[str, Any]]:
    """Gradient boosting on histograms of the features (Ke et al. 2017), of which every setting is chosen.

    Depth, learning rate, the form of the user's level and the number of trees are those that are best on
    ``data.validation``. See :func:`hypernet.ratings.baselines.fit.fit`.
    """
    grid, held_out, errors = settings.method, data.validation, {}
    for user_level, depth, rate in itertools.product(grid.user_levels, grid.depths, grid.learning_rates):
        level = LEVELS[user_level].of(data.fit, len(data.users))
        model = _boosted(grid.most_trees, depth, rate, seed)
        model.fit(level.training_inputs(data.fit), level.targets(data.fit))
        stages = np.array(list(model.staged_predict(level.inputs(held_out))))
        rmse = clipped_rmse(level.ratings(held_out, stages), held_out.rating, data.low, data.high)
        errors[user_level, depth, rate, int(rmse.argmin()) + 1] = float(rmse.min())
    best = min(errors, key=lambda choice: errors[choice])
    user_level, depth, rate, trees = best

    def grow(x: np.ndarray, y: np.ndarray) -> tuple[Forest, float, float]:
        # The learning rate is in the leaves already.
        return *pack_boosted(_boosted(trees, depth, rate, seed).fit(x, y), trees), 1.0

    fitted = _fit_shared(grow, data, user_level)
    return fitted, {
        "user_level": user_level,
        "depth": depth,
        "learning_rate": rate,
        "trees": trees,
        "validation_rmse": errors[best],
        "parameter_count": parameter_count(fitted.forest),
        "library": version(),
    }


def _boosted(trees: int, depth: int, rate: float, seed: int) -> HistGradientBoostingRegressor:
    return library("sklearn.ensemble", PACKAGE, "ratings").HistGradientBoostingRegressor(
        max_iter=trees, max_depth=depth, learning_rate=rate, early_stopping=False, random_state=seed
    )
