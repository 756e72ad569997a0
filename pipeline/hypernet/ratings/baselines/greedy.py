"""A tree for each user, fitted to the user's ratings by damped gains; the trees of all users are grown level by level.

A node whose n ratings sum to S predicts S / (n + kappa). A rule is the question with the largest damped gain

    S_left^2 / (n_left + kappa) + S_right^2 / (n_right + kappa) - S^2 / (n + kappa)

and a node without a question of positive gain is a leaf. That is the ridge form of a regression tree (as in Chen &
Guestrin, KDD 2016, eq. 7): a side with few ratings can gain little. What is summed is what a simpler prediction leaves
of the ratings, so damping draws towards that prediction.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np

from hypernet.ratings.baselines.base import clipped_rmse
from hypernet.ratings.baselines.forests import at_depths
from hypernet.ratings.config import ShrunkTreeGrid
from hypernet.ratings.core.tables import Rows
from hypernet.ratings.core.trees import LEAF, Forest

# Questions about a number, at most.
THRESHOLDS = 15


class Questions(NamedTuple):
    """Rules to choose from: whether an attribute is above a threshold.

    Attributes:
        feature: number of the attribute, int64 ``[K]``.
        threshold: between two values that occur, float64 ``[K]``.
    """

    feature: np.ndarray
    threshold: np.ndarray

    @classmethod
    def about(cls, x: np.ndarray, asked: np.ndarray) -> Questions:
        """Thresholds between all values of an attribute, or at its quantiles where it has many.

        Args:
            x: attributes of the training rows, float32 ``[N, D]``.
            asked: numbers of the attributes that may be asked about.
        """
        features, thresholds = [], []
        for feature in asked:
            values, count = np.unique(x[:, feature].astype(np.float64), return_counts=True)
            gaps = np.arange(len(values) - 1)
            if len(gaps) > THRESHOLDS:
                below = np.cumsum(count)[:-1] / len(x)
                gaps = np.unique(
                    np.searchsorted(below, np.arange(1, THRESHOLDS + 1) / (THRESHOLDS + 1)).clip(0, gaps[-1])
                )
            features.append(np.full(len(gaps), feature))
            thresholds.append((values[gaps] + values[gaps + 1]) / 2)
        return cls(np.concatenate(features), np.concatenate(thresholds))


class Sample(NamedTuple):
    """What trees are grown from.

    Attributes:
        user: number of the user, int64 ``[N]``.
        x: attributes, float32 ``[N, D]``.
        left: what is left of each rating by a simpler prediction, float64 ``[N]``.
        users: how many there are; one without ratings has a single leaf of 0.
    """

    user: np.ndarray
    x: np.ndarray
    left: np.ndarray
    users: int


class Shape(NamedTuple):
    """What is chosen: most questions on a path, fewest ratings of a leaf below one, and kappa, at least 0."""

    depth: int
    smallest_leaf: int
    shrinkage: float


def choose(
    sample: Sample,
    questions: Questions,
    held_out: Rows,
    before: np.ndarray,
    grid: ShrunkTreeGrid,
    scale: tuple[float, float],
) -> tuple[Shape, float]:
    """The shape whose trees predict ratings that are held out best, and their RMSE.

    Args:
        sample: what the trees are grown from.
        questions: what may be asked.
        held_out: the ratings to predict.
        before: the simpler prediction of them, to which a tree adds, float64 ``[V]``.
        grid: what there is to choose from.
        scale: smallest and largest rating.
    """
    errors: dict[Shape, float] = {}
    for smallest, shrinkage in itertools.product(grid.smallest_leaves, grid.shrinkages):
        grown = grow(sample, questions, Shape(grid.depths[-1], smallest, shrinkage))
        # A tree grown less deep is the tree cut there: no rule depends on those below it.
        added = at_depths(*grown, grid.depths, held_out.user, held_out.x)
        rmse = clipped_rmse(before + added, held_out.rating, *scale)
        errors |= {Shape(depth, smallest, shrinkage): float(rmse[k]) for k, depth in enumerate(grid.depths)}
    best = min(errors, key=lambda shape: errors[shape])
    return best, errors[best]


def grow(sample: Sample, questions: Questions, shape: Shape) -> tuple[Forest, np.ndarray]:
    """One tree for each user.

    Args:
        sample: the ratings.
        questions: what may be asked.
        shape: of the trees.

    Returns:
        the trees, numbered like the users, nodes in heap order; and what each node would predict as a leaf, inner ones
        too, float64 ``[nodes]``.
    """
    depth, smallest, kappa = shape
    heap = 2 ** (depth + 1) - 1
    nodes = sample.users * heap
    feature, threshold = np.full(nodes, LEAF, np.int32), np.zeros(nodes)
    support, prediction = np.zeros(nodes, np.int64), np.zeros(nodes)
    place = sample.user * heap
    going, left = np.arange(len(place)), sample.left
    for level in range(depth + 1):
        width = 2**level
        first = width - 1
        # Numbers of the nodes of this level, counted from 0, and of the node of every row that is not in a leaf yet.
        number = place[going] // heap * width + place[going] % heap - first
        count = np.bincount(number, minlength=sample.users * width)
        total = np.bincount(number, left[going], sample.users * width)
        slots = (np.arange(sample.users)[:, None] * heap + first + np.arange(width)).ravel()
        support[slots], prediction[slots] = count, _shrunk(total, count, kappa)
        if level == depth or not len(going):
            break
        gain, chosen = _best(sample, going, number, total, count, questions, kappa, smallest)
        inner = gain > 0
        feature[slots[inner]] = questions.feature[chosen[inner]]
        threshold[slots[inner]] = questions.threshold[chosen[inner]]
        going = going[inner[number]]
        at = place[going]
        ahead = sample.x[going, feature[at]] > threshold[at]
        place[going] = at - at % heap + 2 * (at % heap) + 1 + ahead
    index = np.arange(nodes)
    base, slot, inner = index - index % heap, index % heap, feature != LEAF
    forest = Forest(
        root=np.arange(sample.users) * heap,
        feature=feature,
        threshold=threshold,
        sign=inner.astype(np.int8),
        left=np.where(inner, base + 2 * slot + 1, index),
        right=np.where(inner, base + 2 * slot + 2, index),
        value=np.where(inner, np.nan, prediction),
        support=support.astype(np.int32),
    )
    return forest, prediction


def _shrunk(total: np.ndarray, count: np.ndarray, kappa: float) -> np.ndarray:
    return total / np.maximum(count + kappa, np.finfo(np.float64).tiny)


def _best(
    sample: Sample,
    going: np.ndarray,
    number: np.ndarray,
    total: np.ndarray,
    count: np.ndarray,
    questions: Questions,
    kappa: float,
    smallest: int,
) -> tuple[np.ndarray, np.ndarray]:
    """The largest gain of a question at each node of a level, and the question; of equal ones the first."""
    best, chosen = np.zeros(len(total)), np.zeros(len(total), np.int64)
    whole = total * _shrunk(total, count, kappa)
    # A gain within rounding of none is none: twins of a question must not be asked for it.
    least = 1e-9 * (1 + whole)
    left, x = sample.left[going], sample.x[going]
    for place, (feature, threshold) in enumerate(zip(*questions, strict=True)):
        ahead = x[:, feature] > threshold
        n = np.bincount(number[ahead], minlength=len(total))
        part = np.bincount(number[ahead], left[ahead], len(total))
        rest = total - part
        gain = part * _shrunk(part, n, kappa) + rest * _shrunk(rest, count - n, kappa) - whole
        better = (gain > best + least) & (n >= smallest) & (count - n >= smallest)
        best[better], chosen[better] = gain[better], place
    return best, chosen
