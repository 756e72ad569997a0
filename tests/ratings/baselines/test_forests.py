"""Cutting, copying and shortening packed trees, and finding the nearest users."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import sparse

from hypernet.ratings.baselines.forests import at_depths, repeated, settled
from hypernet.ratings.baselines.scikit import pack
from hypernet.ratings.baselines.similarity import largest, nearest
from hypernet.ratings.core.trees import LEAF, Forest

pytest.importorskip("sklearn", reason="the extra `ratings` is not installed")


def random_forest(trees: int, depth: int, features: int, generator: np.random.Generator) -> Forest:
    from sklearn.tree import DecisionTreeRegressor

    def grow():
        x, y = generator.normal(size=(60, features)), generator.normal(size=60)
        return DecisionTreeRegressor(max_depth=depth, random_state=0).fit(x, y)

    return pack(grow() for _ in range(trees))[0]


def test_rules_with_a_known_answer_can_be_left_out():
    generator = np.random.default_rng(3)
    forest = random_forest(20, 5, 4, generator)
    tree, x = generator.integers(20, size=3000), generator.normal(size=(3000, 4)).astype(np.float32)
    known = generator.normal(size=(20, 2)).astype(np.float32)
    x[:, 2:] = known[tree]
    owner = np.searchsorted(forest.root, np.arange(len(forest.feature)), side="right") - 1
    value = known[owner, np.maximum(forest.feature - 2, 0)]
    shorter = settled(forest, forest.feature >= 2, value > forest.threshold)
    assert np.array_equal(shorter.predict(tree, x), forest.predict(tree, x))
    assert set(np.unique(shorter.feature)) <= {LEAF, 0, 1}
    assert sorted(node for tree in range(20) for node in shorter.nodes(tree)) == list(range(len(shorter.feature)))


def test_copies_of_a_tree_are_trees_of_their_own():
    generator = np.random.default_rng(4)
    forest = random_forest(1, 4, 3, generator)
    copies = repeated(forest, 5)
    x = generator.normal(size=(100, 3))
    tree = generator.integers(5, size=100)
    assert np.array_equal(copies.predict(tree, x), forest.predict(np.zeros(100, int), x))
    nodes = [node for tree in range(5) for node in copies.nodes(tree)]
    assert sorted(nodes) == list(range(5 * len(forest.feature)))


# --- nearest users ------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    values=arrays.arrays(
        np.float64, st.tuples(st.integers(1, 5), st.integers(1, 12)), elements=st.sampled_from([-1.0, 0.0, 0.5, 2.0])
    ),
    k=st.integers(0, 15),
)
def test_the_largest_are_those_of_a_stable_sort(values, k):
    column, chosen = largest(values, k)
    expected = np.array(
        [sorted(range(len(row)), key=lambda place, row=row: (-row[place], place))[:k] for row in values]
    )
    assert np.array_equal(column, expected.reshape(column.shape))
    assert np.array_equal(chosen, np.take_along_axis(values, column, axis=1))


def test_a_tree_cut_at_a_depth_is_the_tree_grown_to_that_depth():
    from sklearn.tree import DecisionTreeRegressor

    generator = np.random.default_rng(5)
    x = generator.normal(size=(500, 4)).astype(np.float32)
    targets = generator.normal(size=(3, 500))
    deepest = pack(DecisionTreeRegressor(max_depth=6, random_state=0).fit(x, y) for y in targets)
    tree, asked = generator.integers(3, size=400), generator.normal(size=(400, 4)).astype(np.float32)
    at_depth = at_depths(*deepest, [1, 2, 4, 6], tree, asked)
    for predicted, depth in zip(at_depth, (1, 2, 4, 6), strict=True):
        models = [DecisionTreeRegressor(max_depth=depth, random_state=0).fit(x, y) for y in targets]
        each = np.array([model.predict(asked) for model in models])
        assert predicted == pytest.approx(each[tree, np.arange(400)], abs=1e-12)


@pytest.mark.parametrize("share", [0.0, 2.0], ids=["full", "sparse"])
def test_the_nearest_are_those_of_the_whole_matrix_of_similarities(share, monkeypatch):
    """Also where they do not fit in memory at once; many similarities are equal, zero for most."""
    generator = np.random.default_rng(6)
    profile = generator.integers(-1, 2, (40, 12)) * (generator.random((40, 12)) < 0.3)
    profile = profile / np.maximum(np.linalg.norm(profile, axis=1, keepdims=True), 1e-300)
    monkeypatch.setattr("hypernet.ratings.baselines.similarity.SIMILARITIES_AT_ONCE", 3 * 40)
    monkeypatch.setattr("hypernet.ratings.baselines.similarity.DENSE_SHARE", share)
    asking = np.array([3, 8, 9, 20, 39])
    neighbours = nearest(sparse.csr_array(profile[asking]), sparse.csr_array(profile), 7, asking)
    for user, near in zip(asking, neighbours, strict=True):
        similarity = np.round(profile @ profile[user], 9)
        others = [other for other in range(40) if other != user]
        assert near.tolist() == sorted(others, key=lambda other, values=similarity: (-values[other], other))[:7]
    assert nearest(sparse.csr_array(profile[asking]), sparse.csr_array(profile), 100, asking).shape == (5, 39)
    assert nearest(sparse.csr_array(profile[asking]), sparse.csr_array(profile), 100, None).shape == (5, 40)
