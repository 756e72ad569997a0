"""Packed trees: routing, ties, counts, and trees of different shapes side by side."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hypernet.ratings.core.trees import LEAF, Forest
from hypernet.ratings.growing import join

FEATURES = 3


def forest(nodes):
    """A forest of one tree from (feature, threshold, sign, left, right, value) tuples; node 0 is the root."""
    columns = [np.array(column) for column in zip(*nodes, strict=True)]
    feature, threshold, sign, left, right, value = columns
    return Forest(
        root=np.array([0]),
        feature=feature.astype(np.int32),
        threshold=threshold.astype(np.float64),
        sign=sign.astype(np.int8),
        left=left.astype(np.int64),
        right=right.astype(np.int64),
        value=value.astype(np.float64),
        support=np.zeros(len(nodes), np.int32),
    )


def leaf(number, value):
    return (LEAF, 0.0, 0, number, number, value)


@st.composite
def random_trees(draw, deepest=4):
    """A tree of random shape, and the same as nested tuples."""
    nodes: list = []

    def grow(depth):
        number = len(nodes)
        nodes.append(None)
        if depth == 0 or draw(st.booleans()):
            value = draw(st.integers(-9, 9))
            nodes[number] = leaf(number, value)
            return number, ("leaf", value)
        feature, sign = draw(st.integers(0, FEATURES - 1)), draw(st.sampled_from([-1, 0, 1]))
        threshold = draw(st.integers(-3, 3)) / 2
        left, left_nested = grow(depth - 1)
        right, right_nested = grow(depth - 1)
        nodes[number] = (feature, threshold, sign, left, right, np.nan)
        return number, (feature, threshold, sign, left_nested, right_nested)

    _, nested = grow(deepest)
    return forest(nodes), nested


def walk(nested, x):
    while nested[0] != "leaf":
        feature, threshold, sign, left, right = nested
        # Right where the value lies on the side that the sign names; a tie is left.
        goes_right = (sign > 0 and x[feature] > threshold) or (sign < 0 and x[feature] < threshold)
        nested = right if goes_right else left
    return nested[1]


rows = st.lists(st.lists(st.integers(-4, 4).map(lambda v: v / 2), min_size=FEATURES, max_size=FEATURES), min_size=1)


@settings(max_examples=60, deadline=None)
@given(st.lists(random_trees(), min_size=1, max_size=4), rows, st.randoms(use_true_random=False))
def test_every_row_goes_the_way_of_its_own_tree(trees, x, random):
    together = join([forest for forest, _ in trees])
    x = np.array(x, dtype=np.float32)
    tree = np.array([random.randrange(len(trees)) for _ in x])
    expected = [walk(trees[number][1], row) for number, row in zip(tree, x, strict=True)]
    assert together.predict(tree, x).tolist() == expected


@settings(max_examples=40, deadline=None)
@given(random_trees(), rows)
def test_counts_are_of_the_rows_that_pass(tree, x):
    packed, _ = tree
    x = np.array(x, dtype=np.float32)
    counted = packed.counting(0, x)
    leaves = np.bincount(packed.leaves(np.zeros(len(x), int), x), minlength=len(packed.feature))
    is_leaf = packed.feature == LEAF
    assert counted.support[is_leaf].tolist() == leaves[is_leaf].tolist()
    assert counted.support[0] == len(x)
    for node in np.flatnonzero(~is_leaf):
        below = counted.support[packed.left[node]] + counted.support[packed.right[node]]
        assert counted.support[node] == below


def test_nodes_come_before_their_children_and_attributes_are_those_in_reach():
    packed = forest([(1, 0.0, 1, 1, 2, np.nan), leaf(1, 1.0), (2, 0.0, 1, 3, 4, np.nan), leaf(3, 2.0), leaf(4, 3.0)])
    assert packed.nodes(0) == [0, 1, 2, 3, 4]
    assert packed.features_used(0) == {1, 2}
