"""A tree for each user, grown from the user's ratings alone, or from those of the users most like this one as well.

The talk's table names the second row "KNN Trees" and says no more. Here users are alike by the cosine of their ratings
less their means, and the user counts as the first of the neighbours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from hypernet.lab.progress import Progress
from hypernet.lab.randomness import numpy_generator
from hypernet.ratings.baselines.base import Fitted, clipped_rmse
from hypernet.ratings.baselines.forests import at_depths, parameter_count
from hypernet.ratings.baselines.levels import LEVELS, NoLevel, UserLevel
from hypernet.ratings.baselines.scikit import pack, regression_tree, unchecked, version
from hypernet.ratings.baselines.similarity import nearest, profiles
from hypernet.ratings.config import NeighbourTreeSettings, TreeSettings
from hypernet.ratings.core.tables import RatingData, Rows
from hypernet.ratings.core.trees import Forest

if TYPE_CHECKING:
    from sklearn.tree import DecisionTreeRegressor


@dataclass(frozen=True, kw_only=True)
class UserTrees(Fitted):
    """One tree for each user, with ratings in its leaves.

    Attributes:
        forest: the trees.
    """

    forest: Forest

    def predict(self, rows: Rows) -> np.ndarray:
        """See :class:`Fitted`."""
        return self.forest.predict(rows.user, rows.x)

    def user_trees(self, users: np.ndarray | None = None) -> Forest | None:
        """See :class:`Fitted`."""
        return self.forest if users is None else replace(self.forest, root=self.forest.root[users])


@dataclass(frozen=True)
class Sample:
    """What trees are grown from, sorted by user.

    Attributes:
        x: features, float32 ``[N, D']``.
        y: targets, float64 ``[N]``.
        offsets: where each user's rows begin, and the end, int64 ``[U + 1]``.
    """

    x: np.ndarray
    y: np.ndarray
    offsets: np.ndarray

    @classmethod
    def of(cls, rows: Rows, level: UserLevel) -> Self:
        """The rows that a level was made of, as a tree sees them."""
        return cls(level.training_inputs(rows), level.targets(rows), rows.offsets(len(level.mean)))

    def gather(self, users: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Features and targets of these users in this order, and where each one's end: int64 ``[len(users)]``."""
        begin, count = self.offsets[users], self.offsets[users + 1] - self.offsets[users]
        ends = np.cumsum(count)
        rows = np.arange(count.sum()) + np.repeat(begin - (ends - count), count)
        return self.x[rows], self.y[rows], ends


def _local(sample: Sample, depth: int, seed: int, label: str) -> Iterator[DecisionTreeRegressor]:
    """One tree for each user, of that user's rows."""
    users = len(sample.offsets) - 1
    progress = Progress(label, users, "trees")
    with unchecked():
        for begin, end in zip(sample.offsets[:-1], sample.offsets[1:], strict=True):
            yield regression_tree(depth, seed).fit(sample.x[begin:end], sample.y[begin:end])
            progress.advance(1)
    progress.close()


def _of_neighbours(
    askers: Sample, asking: np.ndarray, others: Sample, near: np.ndarray, sizes: Sequence[int], depth: int, seed: int
) -> Iterator[DecisionTreeRegressor]:
    """For each asking user and each size a tree of the rows of that many users, the asking one first.

    Args:
        own: rows of the asking users.
        asking: their numbers there, ``[A]``.
        others: rows of the neighbours.
        near: numbers of the neighbours there, nearest first, ``[A, K]``.
        sizes: numbers of users, the asking one included; more than there are means all.
        depth: of the trees.
        seed: decides between equally good rules.

    Yields:
        trees by user, then by size.
    """
    progress = Progress(f"trees of neighbours, depth {depth}", len(asking) * len(sizes), "trees")
    with unchecked():
        for user, neighbours in zip(asking, near, strict=True):
            user_x, user_y, first = askers.gather(np.array([user]))
            their_x, their_y, ends = others.gather(neighbours)
            x, y = np.concatenate([user_x, their_x]), np.concatenate([user_y, their_y])
            ends = np.concatenate([first, first + ends])
            for size in sizes:
                end = ends[min(size, len(ends)) - 1]
                yield regression_tree(depth, seed).fit(x[:end], y[:end])
            progress.advance(len(sizes))
    progress.close()


def fit_local_trees(data: RatingData, settings: TreeSettings, seed: int) -> tuple[UserTrees, dict[str, Any]]:
    """One tree for each user, of that user's ratings alone; all of the depth that is best on ``data.validation``.

    A user's level is the same for all rows of the tree, so it makes no difference in which form it is known.
    Newcomers' trees are grown from their own ratings. See :func:`hypernet.ratings.baselines.fit.fit`.
    """
    depths, users, held_out = settings.method.depths, len(data.users), data.validation

    def grow(rows: Rows, users: int, depth: int, label: str) -> tuple[Forest, np.ndarray]:
        return pack(_local(Sample.of(rows, NoLevel.of(rows, users)), depth, seed, label))

    deepest = grow(data.fit, users, depths[-1], "local trees to choose the depth")
    predicted = at_depths(*deepest, depths, held_out.user, held_out.x)
    errors = clipped_rmse(predicted, held_out.rating, data.low, data.high)
    depth = depths[int(errors.argmin())]
    forest, _ = grow(data.train, users, depth, "local trees")
    unseen = None
    if data.newcomers is not None:
        theirs, _ = grow(data.newcomers.support, data.newcomers.count, depth, "local trees of newcomers")
        unseen = theirs.predict(data.newcomers.query.user, data.newcomers.query.x)
    return UserTrees(forest=forest, newcomers=unseen), {
        "depth": depth,
        "validation_rmse": float(errors.min()),
        "parameter_count": parameter_count(forest),
        "library": version(),
    }


def _choose(data: RatingData, settings: NeighbourTreeSettings, seed: int) -> tuple[int, int, float]:
    """Number of neighbours and depth that are best on ``data.validation``, and the error there."""
    sizes, depths = settings.method.neighbours, settings.method.depths
    level = LEVELS[settings.user_level].of(data.fit, len(data.users))
    sample = Sample.of(data.fit, level)
    chosen = np.unique(data.validation.user)
    if settings.method.selection_users is not None and settings.method.selection_users < len(chosen):
        generator = numpy_generator(seed, "ratings", "users to choose neighbours by")
        chosen = np.sort(generator.choice(chosen, settings.method.selection_users, replace=False))
    profile = profiles(data.fit, len(data.users), len(data.items))
    near = nearest(profile[chosen], profile, sizes[-1] - 1, chosen)
    forest, mean = pack(_of_neighbours(sample, chosen, sample, near, sizes, depths[-1], seed))
    kept = np.isin(data.validation.user, chosen)
    held_out = Rows(*(getattr(data.validation, name)[kept] for name in ("user", "item", "rating", "x")))
    first = np.searchsorted(chosen, held_out.user) * len(sizes)
    x = level.inputs(held_out)
    predicted = np.array([at_depths(forest, mean, depths, first + place, x) for place in range(len(sizes))])
    errors = clipped_rmse(level.ratings(held_out, predicted), held_out.rating, data.low, data.high)
    size, depth = np.unravel_index(errors.argmin(), errors.shape)
    return sizes[size], depths[depth], float(errors.min())


def fit_neighbour_trees(
    data: RatingData, settings: NeighbourTreeSettings, seed: int
) -> tuple[UserTrees, dict[str, Any]]:
    """One tree for each user, of the ratings of the user and the most similar users.

    A newcomer's tree is grown from the newcomer's ratings and those of the most similar users of the training.
    See :func:`hypernet.ratings.baselines.fit.fit`.
    """
    users, items = len(data.users), len(data.items)
    size, depth, error = _choose(data, settings, seed)
    level = LEVELS[settings.user_level].of(data.train, users)
    sample, everybody = Sample.of(data.train, level), np.arange(users)
    profile = profiles(data.train, users, items)

    def grow(askers: Sample, their_level: UserLevel, near: np.ndarray) -> Forest:
        forest, _ = pack(_of_neighbours(askers, np.arange(len(near)), sample, near, [size], depth, seed))
        return their_level.rating_trees(forest, len(data.features))

    forest = grow(sample, level, nearest(profile, profile, size - 1, everybody))
    unseen = None
    if data.newcomers is not None:
        support, query, count = data.newcomers.support, data.newcomers.query, data.newcomers.count
        theirs = LEVELS[settings.user_level].of(support, count)
        near = nearest(profiles(support, count, items), profile, size - 1, None)
        unseen = grow(Sample.of(support, theirs), theirs, near).predict(query.user, query.x)
    return UserTrees(forest=forest, newcomers=unseen), {
        "neighbours": size,
        "depth": depth,
        "user_level": settings.user_level,
        "validation_rmse": error,
        "parameter_count": parameter_count(forest),
        "library": version(),
    }
