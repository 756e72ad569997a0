"""Trees on a base, against a transcription one node at a time, and against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hypernet.lab.errors import UserError
from hypernet.lab.runs.models import count_parameters
from hypernet.ratings.core.base import ItemBiases, user_lines
from hypernet.ratings.core.questions import Questions, questions
from hypernet.ratings.core.tables import Feature, Rows
from hypernet.ratings.encoder import PersonalBase
from hypernet.ratings.growing import join, pack
from hypernet.ratings.methods import build_on_base
from hypernet.ratings.model import Ratings
from hypernet.ratings.network import ExplainedMetaTree

FEATURES, ITEMS, DEPTH = 4, 9, 3
# Attribute 3 is the user's, of which no rule may ask; 0 and 1 are asked with several thresholds.
ASKED = Questions(np.array([0, 0, 1, 1, 2]), np.array([-0.5, 0.5, -0.3, 0.4, 0.1], dtype=np.float32))


def network(seed):
    torch.manual_seed(seed)
    base = PersonalBase(ITEMS, level_damping=5.0, slope_damping=10.0)
    base.overall.fill_(3.4)
    base.spread.fill_(0.9)
    tree = ExplainedMetaTree(FEATURES, ASKED, base, DEPTH, 8, 7, 6, temperature=1.5, reach=2.0, gain_damping=20.0)
    with torch.no_grad():
        # The default start gives nearly the same rule everywhere; these differ.
        for parameter in tree.parameters():
            parameter.copy_(2.5 * parameter + 0.3 * torch.randn_like(parameter))
        tree.alpha.fill_(0.7)
        tree.log_kappa.fill_(3.0)
    return tree.double()


def ratings(counts, seed):
    generator = torch.Generator().manual_seed(seed)
    owner = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    x = torch.randn(len(owner), FEATURES + 1, generator=generator, dtype=torch.float64)
    x[:, -1] *= 0.4
    return Ratings(owner, x, torch.randint(1, 6, (len(owner),), generator=generator).double())


def line_by_algebra(bias, left):
    """a and c of one user: the ridge regression written with matrices."""
    design = np.column_stack([np.ones(len(bias)), bias])
    return np.linalg.solve(design.T @ design + np.diag([5.0, 10.0]), design.T @ left)


def grown_by_hand(tree, x, bias, y):
    """One user's prediction function, node by node, from the formulas of the module."""
    base, kappa = tree.base, tree.log_kappa.exp()
    spread = float(base.spread)
    level, tilt = line_by_algebra(bias.numpy(), (y - base.overall - bias).numpy())
    rest = (y - base.overall - bias - level - tilt * bias) / spread
    embedded = tree.h.last(tree.h.layers(torch.cat([x, bias[:, None], rest[:, None], x * rest[:, None]], dim=1)))
    everybody = torch.log1p(torch.tensor(float(len(y)), dtype=torch.float64))

    def node(here, asked, depth):
        n = torch.tensor(float(len(here)), dtype=torch.float64)
        mean = embedded[here].mean(dim=0) if len(here) else torch.zeros(8, dtype=torch.float64)
        state = torch.cat([mean, embedded.mean(dim=0), torch.log1p(n)[None], everybody[None]])
        if depth == DEPTH:
            return 2.0 * torch.tanh(tree.g(state))[0] + spread * rest[here].sum() / (n + kappa)
        out = tree.f(state)
        best, most = None, -np.inf
        for number, (column, threshold) in enumerate(zip(ASKED.column, ASKED.threshold, strict=True)):
            yes = [i for i in here if x[i, column] > threshold]
            no = [i for i in here if i not in yes]
            squares = [float(rest[part].sum()) ** 2 / (len(part) + 20.0) for part in (yes, no, here)]
            score = float(out[number]) + 0.7 * (squares[0] + squares[1] - squares[2])
            if column not in asked and score > most:
                best, most = (int(column), float(threshold), no, yes), score
        column, threshold, no, yes = best
        slope = 3.0 + torch.nn.functional.softplus(out[-1])
        children = [node(part, asked | {column}, depth + 1) for part in (no, yes)]
        return column, threshold, slope, children

    root = node(list(range(len(y))), frozenset(), 0)

    def predict(row, hard):
        def down(place):
            if not isinstance(place, tuple):
                return place
            column, threshold, slope, (no, yes) = place
            q = torch.sigmoid(slope * (row[column] - threshold))
            q = q.round() if hard else q
            return (1 - q) * down(no) + q * down(yes)

        return base.overall + row[-1] + level + tilt * row[-1] + down(root)

    return predict


@pytest.mark.parametrize("seed", range(4))
@torch.no_grad()
def test_level_by_level_equals_node_by_node(seed):
    tree, support, query = network(seed), ratings([2, 30, 11], seed), ratings([5, 5, 5], seed + 50)
    trees = tree.grow(support, 3, one_attribute=True)
    for hard in (False, True):
        got = trees.rate(query.owner, query.x, torch.round if hard else lambda right: right)
        for user in range(3):
            theirs = support.owner == user
            by_hand = grown_by_hand(tree, support.x[theirs, :-1], support.x[theirs, -1], support.y[theirs])
            expected = torch.stack([by_hand(row, hard) for row in query.x[query.owner == user]])
            torch.testing.assert_close(got[query.owner == user], expected, rtol=0, atol=1e-6)


@torch.no_grad()
def test_no_attribute_is_asked_twice_on_a_path_and_the_users_never():
    trees = network(1).grow(ratings([40] * 30, 2), 30, one_attribute=True)
    column = trees.direction.argmax(dim=2)
    assert int(column.max()) < 3
    for leaf in range(7, 15):
        above = []
        while leaf:
            leaf = (leaf - 1) // 2
            above.append(column[:, leaf])
        assert all(len(set(path)) == DEPTH for path in torch.stack(above, dim=1).tolist())


def test_there_are_no_more_levels_than_attributes():
    few = Questions(np.array([0, 0]), np.array([0.0, 1.0], dtype=np.float32))
    assert ExplainedMetaTree(2, few, PersonalBase(1, 5.0, 10.0), 3, 4, 4, 4, 1.0, 2.0, 20.0).depth == 1


def test_before_training_a_leaf_is_the_damped_mean_of_its_remainders():
    torch.manual_seed(0)
    base = PersonalBase(ITEMS, 5.0, 10.0)
    tree = ExplainedMetaTree(FEATURES, ASKED, base, 1, 8, 7, 6, 1.0, 2.0, 20.0)
    support = Ratings(*(part.float() if part.is_floating_point() else part for part in ratings([25], 3)))
    with torch.no_grad():
        trees = tree.grow(support, 1, one_attribute=True)
    rest = base.remainder(support, trees.level, trees.tilt)
    yes = trees.right(support.owner, support.x)[:, 0] > 0.5
    expected = [float(rest[part].sum()) / (int(part.sum()) + 30.0) for part in (~yes, yes)]
    assert trees.value[0, 1:].tolist() == pytest.approx(expected, abs=1e-5)


@torch.no_grad()
def test_packed_trees_carry_the_base_and_predict_the_same():
    tree = network(4).float()
    support, query = (
        Ratings(*(part.float() if part.is_floating_point() else part for part in ratings(counts, seed)))
        for counts, seed in (([3, 40, 12], 5), ([50] * 3, 6))
    )
    trees = tree.grow(support, 3, one_attribute=True)
    expected = trees.rate(query.owner, query.x, torch.round).numpy()
    forest = join([pack(trees), pack(trees)])
    owner, x = query.owner.numpy(), query.x.numpy()
    assert forest.has_base
    assert forest.checked(FEATURES) is forest
    assert np.allclose(forest.predict(owner + 3, x), expected, atol=1e-5)
    others, person = forest.base(owner, x[:, -1])
    assert np.allclose(others, 3.4 + x[:, -1], atol=1e-6)
    assert np.allclose(others + person + forest.value[forest.leaves(owner, x)], expected, atol=1e-5)


def test_the_line_is_the_ridge_regression_of_the_baselines():
    support = ratings([1, 8, 30], 7)
    base = PersonalBase(ITEMS, 5.0, 10.0).double()
    base.overall.fill_(3.1)
    level, tilt = base.line(support, 3)
    bias = support.x[:, -1].numpy()
    left = support.y.numpy() - 3.1 - bias
    expected = user_lines(support.owner.numpy(), bias, left, 3, level_damping=5.0, slope_damping=10.0)
    assert np.allclose(level, expected[0], atol=1e-6)
    assert np.allclose(tilt, expected[1], atol=1e-6)
    theirs = support.owner.numpy() == 2
    assert np.allclose([level[2], tilt[2]], line_by_algebra(bias[theirs], left[theirs]), atol=1e-6)


def test_the_spread_is_what_the_base_leaves_or_one():
    support = ratings([6, 9], 8)
    rows = Rows(support.owner.numpy(), np.zeros(15, np.int64), support.y.numpy(), support.x.numpy())
    biases = ItemBiases(3.0, np.linspace(-1, 1, ITEMS), np.ones(ITEMS, np.int64), np.zeros(2), 2.0)
    base = PersonalBase(ITEMS, 5.0, 10.0).double()
    base.begin(rows, 2, biases)
    left = rows.rating - 3.0 - rows.x[:, -1]
    level, tilt = user_lines(rows.user, rows.x[:, -1], left, 2, level_damping=5.0, slope_damping=10.0)
    rest = left - level[rows.user] - tilt[rows.user] * rows.x[:, -1]
    assert float(base.spread) == pytest.approx(np.sqrt(np.mean(rest**2)), abs=1e-6)
    assert np.allclose(base.item_bias, biases.bias)
    flat = Rows(rows.user, rows.item, np.full(15, 3.0), np.zeros_like(rows.x))
    base.begin(flat, 2, biases)
    assert float(base.spread) == 1.0


def feature(name, values, of="item"):
    return Feature(name, values, of, name, f"not {name}", name)


def test_questions_lie_between_values_and_split_the_rows():
    generator = np.random.default_rng(0)
    features = [
        feature("age", "number", "user"),
        feature("action", "binary"),
        feature("year", "number"),
        feature("stars", "number"),
        feature("mean_rating", "number"),
        feature("same", "binary"),
    ]
    x = generator.standard_normal((500, 6)).astype(np.float32)
    x[:, 1] = np.where(generator.random(500) < 0.2, 2.0, -0.5)
    x[:, 3] = generator.integers(0, 3, 500)
    x[:, 5] = 1.0
    asked = questions(x, features, most=4)
    assert asked.column.tolist() == [1, 2, 2, 2, 2, 3, 3]
    assert asked.threshold[0] == pytest.approx(0.75)
    assert asked.threshold[5:].tolist() == [0.5, 1.5]
    shares = [(x[:, 2] > threshold).mean() for threshold in asked.threshold[1:5]]
    assert np.allclose(shares, [0.8, 0.6, 0.4, 0.2], atol=0.01)
    with pytest.raises(UserError, match="no attribute, beside the mean of their ratings"):
        questions(x[:, [0, 4, 5]], [features[0], features[4], features[5]], most=4)


def test_the_control_has_as_many_numbers_and_reads_the_same(config):
    tree_settings = config().settings("train", "preftrees", "meta_explained_soft")
    control_settings = config().settings("train", "preftrees", "deep_set")
    tree = build_on_base("meta_explained_soft", tree_settings, FEATURES, ITEMS, ASKED, 1.0, 5.0)
    control = build_on_base("deep_set", control_settings, FEATURES, ITEMS, ASKED, 1.0, 5.0)
    assert abs(count_parameters(control) / count_parameters(tree) - 1) < 0.02
    support, query = (
        Ratings(*(part.float() if part.is_floating_point() else part for part in ratings(counts, seed)))
        for counts, seed in (([3, 9], 1), ([4, 4], 2))
    )
    with torch.no_grad():
        together = control.grow(support, 2, one_attribute=True).rate(query.owner, query.x, torch.round)
        order = torch.randperm(12, generator=torch.Generator().manual_seed(0))
        shuffled = Ratings(*(part[order] for part in support))
        again = control.grow(shuffled, 2, one_attribute=True).rate(query.owner, query.x, torch.round)
    torch.testing.assert_close(together, again)
