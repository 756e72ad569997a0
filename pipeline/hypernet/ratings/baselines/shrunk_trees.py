"""Trees of a user's ratings with shrunk leaves: a leaf with n ratings predicts their sum over n + kappa.

The sum is of what is left of the ratings when the user's mean is taken from them, so a leaf with few ratings says
little more than the mean. Depth, smallest leaf and kappa are common to all users and chosen on ratings held out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from hypernet.lab.progress import Progress
from hypernet.ratings.baselines.base import clipped_rmse
from hypernet.ratings.baselines.forests import at_depths, owners, parameter_count
from hypernet.ratings.baselines.greedy import Shape
from hypernet.ratings.baselines.means import group_means
from hypernet.ratings.baselines.scikit import pack, regression_tree, unchecked, version
from hypernet.ratings.baselines.user_trees import UserTrees
from hypernet.ratings.config import ShrunkTreeGrid, ShrunkTreeSettings
from hypernet.ratings.core.tables import RatingData, Rows
from hypernet.ratings.core.trees import LEAF, Forest

if TYPE_CHECKING:
    from sklearn.tree import DecisionTreeRegressor


class Task(NamedTuple):
    """Trees to be grown from some ratings, and what they are to predict.

    Attributes:
        x: attributes, float32 ``[N, D]``, sorted by user.
        left: ratings less the user's mean, float64 ``[N]``.
        offsets: where each user's rows begin, and the end, int64 ``[U + 1]``.
    """

    x: np.ndarray
    left: np.ndarray
    offsets: np.ndarray


def _trees(task: Task, depth: int, smallest_leaf: int, seed: int) -> Iterator[DecisionTreeRegressor]:
    progress = Progress(f"trees with leaves of {smallest_leaf} or more", len(task.offsets) - 1, "trees")
    tree = regression_tree(depth, seed).set_params(min_samples_leaf=smallest_leaf)
    with unchecked():
        for begin, end in zip(task.offsets[:-1], task.offsets[1:], strict=True):
            yield tree.fit(task.x[begin:end], task.left[begin:end])
            progress.advance(1)
    progress.close()


def _grow(task: Task, shape: Shape, seed: int) -> Forest:
    """The users' trees, what they add to the user's mean in their leaves."""
    forest, mean = pack(_trees(task, shape.depth, shape.smallest_leaf, seed))
    value = np.where(forest.feature == LEAF, _shrunk(forest, mean, shape.shrinkage), np.nan)
    return replace(forest, value=value)


def _shrunk(forest: Forest, mean: np.ndarray, shrinkage: float) -> np.ndarray:
    values: np.ndarray = mean * forest.support / (forest.support + shrinkage)
    return values


def _choose(data: RatingData, task: Task, mean: np.ndarray, grid: ShrunkTreeGrid, seed: int) -> tuple[Shape, float]:
    """The shape whose trees, grown from ``data.fit``, predict ``data.validation`` best, and their RMSE."""
    held_out = data.validation
    errors: dict[Shape, float] = {}
    for smallest in grid.smallest_leaves:
        forest, inner_mean = pack(_trees(task, grid.depths[-1], smallest, seed))
        for shrinkage in grid.shrinkages:
            shrunk = _shrunk(forest, inner_mean, shrinkage)
            added = at_depths(forest, shrunk, grid.depths, held_out.user, held_out.x)
            rmse = clipped_rmse(mean[held_out.user] + added, held_out.rating, data.low, data.high)
            errors |= {Shape(depth, smallest, shrinkage): float(rmse[k]) for k, depth in enumerate(grid.depths)}
    best = min(errors, key=lambda shape: errors[shape])
    return best, errors[best]


def fit_shrunk_local_trees(
    data: RatingData, settings: ShrunkTreeSettings, seed: int
) -> tuple[UserTrees, dict[str, Any]]:
    """A tree for each user of that user's ratings alone, its leaves shrunk to the user's mean.

    See :func:`hypernet.ratings.baselines.fit.fit`.
    """

    def task_of(rows: Rows, users: int) -> tuple[Task, np.ndarray]:
        mean, _ = group_means(rows.user, rows.rating, users)
        return Task(rows.x, rows.rating - mean[rows.user], rows.offsets(users)), mean

    users = len(data.users)
    shape, error = _choose(data, *task_of(data.fit, users), settings.method, seed)

    def rating_trees(rows: Rows, users: int) -> Forest:
        task, mean = task_of(rows, users)
        forest = _grow(task, shape, seed)
        return replace(forest, value=forest.value + mean[owners(forest)])

    forest, unseen = rating_trees(data.train, users), None
    if data.newcomers is not None:
        theirs = rating_trees(data.newcomers.support, data.newcomers.count)
        unseen = theirs.predict(data.newcomers.query.user, data.newcomers.query.x)
    return UserTrees(forest=forest, newcomers=unseen), {
        **shape._asdict(),
        "validation_rmse": error,
        "parameter_count": parameter_count(forest),
        "library": version(),
    }
