"""Trees by damped gains: against a tree grown by trying everything, and against scikit-learn without damping."""

from __future__ import annotations

import numpy as np
import pytest

from hypernet.ratings.baselines.greedy import Questions, Sample, Shape, choose, grow
from hypernet.ratings.config import ShrunkTreeGrid
from hypernet.ratings.core.tables import Rows
from hypernet.ratings.core.trees import LEAF

COUNTS = (12, 0, 1, 25)


@pytest.fixture(scope="module")
def sample():
    generator = np.random.default_rng(3)
    user = np.repeat(np.arange(len(COUNTS)), COUNTS)
    x = np.column_stack([generator.integers(0, 2, len(user)), generator.normal(size=(len(user), 2))])
    return Sample(user, x.astype(np.float32), generator.normal(size=len(user)), len(COUNTS))


@pytest.fixture(scope="module")
def questions(sample):
    return Questions.about(sample.x, np.arange(3))


def predicted(x, left, asked, questions, depth, kappa, smallest):
    """What a tree on these rows predicts for ``asked``, by trying every question at every node."""
    best, chosen = 1e-9, None
    whole = left.sum() ** 2 / (len(left) + kappa) if len(left) else 0.0
    for feature, threshold in zip(*questions, strict=True):
        ahead = x[:, feature] > threshold
        sides = [left[ahead], left[~ahead]]
        if depth == 0 or min(map(len, sides)) < smallest:
            continue
        gain = sum(side.sum() ** 2 / (len(side) + kappa) for side in sides) - whole
        if gain > best + 1e-9 * (1 + whole):
            best, chosen = gain, (feature, threshold)
    if chosen is None:
        return np.full(len(asked), left.sum() / (len(left) + kappa) if len(left) else 0.0)
    ahead, there = x[:, chosen[0]] > chosen[1], asked[:, chosen[0]] > chosen[1]
    values = np.empty(len(asked))
    for side, at in ((ahead, there), (~ahead, ~there)):
        values[at] = predicted(x[side], left[side], asked[at], questions, depth - 1, kappa, smallest)
    return values


@pytest.mark.parametrize(("depth", "smallest", "kappa"), [(1, 1, 0.5), (3, 1, 2.0), (3, 4, 2.0), (4, 1, 20.0)])
def test_trees_are_those_of_trying_everything(sample, questions, depth, smallest, kappa):
    forest, _ = grow(sample, questions, Shape(depth, smallest, kappa))
    asked = np.random.default_rng(4).normal(size=(50, 3)).astype(np.float32)
    for user in range(sample.users):
        mine = sample.user == user
        expected = predicted(sample.x[mine], sample.left[mine], asked, questions, depth, kappa, smallest)
        assert forest.predict(np.full(50, user), asked) == pytest.approx(expected, abs=1e-12)


def test_without_damping_a_rule_is_scikit_learns():
    sklearn = pytest.importorskip("sklearn.tree", reason="the extra `ratings` is not installed")
    generator = np.random.default_rng(5)
    x, y = generator.integers(0, 8, (60, 3)).astype(np.float32), generator.normal(size=60)
    left = y - y.mean()
    forest, _ = grow(Sample(np.zeros(60, int), x, left, 1), Questions.about(x, np.arange(3)), Shape(2, 1, 0.0))
    theirs = sklearn.DecisionTreeRegressor(max_depth=2, random_state=0).fit(x, left)
    assert forest.predict(np.zeros(60, int), x) == pytest.approx(theirs.predict(x), abs=1e-9)


def test_supports_are_the_ratings_that_come_to_a_node(sample, questions):
    forest, _ = grow(sample, questions, Shape(3, 1, 2.0))
    for user, count in enumerate(COUNTS):
        again = forest.counting(user, sample.x[sample.user == user])
        nodes = forest.nodes(user)
        assert forest.support[nodes].tolist() == again.support[nodes].tolist()
        assert forest.support[forest.root[user]] == count
    # Nothing is known of user 1, whose only leaf adds nothing.
    assert forest.feature[forest.root[1]] == LEAF
    assert forest.value[forest.root[1]] == 0.0


def test_many_values_are_asked_about_at_their_quantiles():
    x = np.sort(np.random.default_rng(6).normal(size=(1000, 1)), axis=0).astype(np.float32)
    questions = Questions.about(x, np.array([0]))
    shares = [(x > threshold).mean() for threshold in questions.threshold]
    assert shares == pytest.approx(1 - np.arange(1, 16) / 16, abs=2e-3)
    # A constant attribute has no question.
    assert len(Questions.about(np.ones((5, 1), np.float32), np.array([0])).feature) == 0


def test_the_chosen_shape_has_the_smallest_error(sample, questions):
    generator = np.random.default_rng(7)
    user = np.repeat([0, 3], 20)
    held_out = Rows(
        user, np.zeros(40, int), generator.integers(1, 6, 40), generator.normal(size=(40, 3)).astype(np.float32)
    )
    grid = ShrunkTreeGrid(depths=[1, 3], smallest_leaves=[1, 3], shrinkages=[1, 8])
    before = np.full(40, 3.0)
    shape, error = choose(sample, questions, held_out, before, grid, (1.0, 5.0))
    errors = {}
    for depth in grid.depths:
        for smallest in grid.smallest_leaves:
            for kappa in grid.shrinkages:
                forest, _ = grow(sample, questions, Shape(depth, smallest, kappa))
                rating = (before + forest.predict(held_out.user, held_out.x)).clip(1, 5)
                errors[depth, smallest, kappa] = np.sqrt(((rating - held_out.rating) ** 2).mean())
    assert shape == min(errors, key=lambda key: errors[key])
    assert error == pytest.approx(min(errors.values()))
