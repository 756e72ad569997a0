"""What the baselines do with a :class:`~hypernet.ratings.core.trees.Forest`: cut, copy and shorten its trees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hypernet.ratings.core.trees import LEAF, Forest


def at_depths(forest: Forest, mean: np.ndarray, depths: Sequence[int], tree: np.ndarray, x: np.ndarray) -> np.ndarray:
    """What the trees would predict if they had been grown less deep.

    scikit-learn grows every branch by itself, so a tree cut at a depth is the tree that is grown to that depth, up to
    which of several equally good rules is drawn.

    Args:
        forest: trees grown to the greatest of the depths.
        mean: of every node, see :func:`hypernet.ratings.baselines.scikit.pack`.
        depths: rising.
        tree: number of the tree of each row, int ``[N]``.
        x: features ``[N, D]``.

    Returns:
        float64 ``[len(depths), N]``.
    """
    node, rows, predicted = forest.root[tree], np.arange(len(x)), []
    for depth in range(1, depths[-1] + 1):
        # A leaf is its own child, and no row is ahead of its threshold: sign 0.
        ahead = forest.sign[node] * (x[rows, np.maximum(forest.feature[node], 0)] - forest.threshold[node]) > 0
        node = np.where(ahead, forest.right[node], forest.left[node])
        if depth in depths:
            predicted.append(mean[node])
    return np.array(predicted)


def owners(forest: Forest) -> np.ndarray:
    """The tree that each node belongs to, int64 ``[nodes]``, where the trees lie one after the other."""
    return np.searchsorted(forest.root, np.arange(len(forest.feature)), side="right") - 1


def repeated(forest: Forest, times: int) -> Forest:
    """The only tree of ``forest``, ``times`` times over."""
    nodes = len(forest.feature)
    first = np.arange(times) * nodes
    moved = {name: (getattr(forest, name) + first[:, None]).ravel() for name in ("root", "left", "right")}
    same = {name: np.tile(array, times) for name, array in forest.arrays().items() if name not in moved}
    return Forest(**moved, **same)


def settled(forest: Forest, known: np.ndarray, goes_right: np.ndarray) -> Forest:
    """The forest without the rules whose answer is known: each gives way to the child that it leads to.

    Args:
        forest: trees one after the other.
        known: the rules to take out, bool ``[nodes]``.
        goes_right: their answers, bool ``[nodes]``.
    """
    instead = np.where(known, np.where(goes_right, forest.right, forest.left), np.arange(len(known)))
    while True:
        further = instead[instead]
        if np.array_equal(further, instead):
            break
        instead = further
    forest = replace(forest, root=instead[forest.root], left=instead[forest.left], right=instead[forest.right])
    return reachable(forest)


def reachable(forest: Forest) -> Forest:
    """Only the nodes that a row can come to."""
    kept = np.zeros(len(forest.feature), dtype=bool)
    level = forest.root
    while len(level):
        kept[level] = True
        level = level[forest.feature[level] != LEAF]
        level = np.concatenate([forest.left[level], forest.right[level]])
    number = np.cumsum(kept) - 1
    moved = {name: number[getattr(forest, name)[kept]] for name in ("left", "right")}
    same = {name: getattr(forest, name)[kept] for name in ("feature", "threshold", "sign", "value", "support")}
    return Forest(root=number[forest.root], **moved, **same)


def parameter_count(forest: Forest) -> int:
    """Numbers that make up the trees: a feature and a threshold for every rule, a value for every leaf."""
    leaves = int((forest.feature == LEAF).sum())
    return 2 * (len(forest.feature) - leaves) + leaves
