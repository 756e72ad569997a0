"""What users' trees ask about, counted over the rules that decide something."""

from __future__ import annotations

import numpy as np

from hypernet.ratings.core.trees import LEAF, Forest

# Rows that go down their trees at once.
ROWS_AT_ONCE = 500_000


def deciding(forest: Forest, item_x: np.ndarray) -> np.ndarray:
    """The rules on both sides of which items of the catalogue come out; others say nothing to the tree's user.

    Args:
        forest: one tree per user; no two share a node.
        item_x: what trees read of every item, ``[M, D]``.

    Returns:
        bool ``[nodes]``.
    """
    trees, items = len(forest), len(item_x)
    reached = np.zeros(len(forest.feature), dtype=bool)
    step = max(1, ROWS_AT_ONCE // max(items, 1))
    for begin in range(0, trees, step):
        tree = np.arange(begin, min(begin + step, trees))
        reached[forest.leaves(np.repeat(tree, items), np.tile(item_x, (len(tree), 1)))] = True
    inner = np.flatnonzero(forest.feature != LEAF)
    while True:
        # A rule is reached where a node below it is; from the leaves upwards, a level at a time.
        new = reached[forest.left[inner]] | reached[forest.right[inner]]
        if np.array_equal(new, reached[inner]):
            break
        reached[inner] = new
    rules = np.zeros(len(reached), dtype=bool)
    rules[inner] = reached[forest.left[inner]] & reached[forest.right[inner]]
    return rules


def asked_counts(forest: Forest, item_x: np.ndarray, features: int) -> np.ndarray:
    """How many deciding rules of each tree ask about each attribute, int64 ``[trees, D]``."""
    rules = deciding(forest, item_x)
    counts = np.zeros((len(forest), features), dtype=np.int64)
    tree, node = np.arange(len(forest)), forest.root
    while len(node):
        np.add.at(counts, (tree[rules[node]], forest.feature[node[rules[node]]]), 1)
        inner = forest.feature[node] != LEAF
        tree = np.concatenate([tree[inner], tree[inner]])
        node = np.concatenate([forest.left[node[inner]], forest.right[node[inner]]])
    return counts
