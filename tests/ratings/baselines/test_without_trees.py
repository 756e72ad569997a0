"""What two numbers for a user reach, and a user's own ridge or tree on what the base leaves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hypernet.ratings.baselines.fit import fit
from hypernet.ratings.core.base import ItemBiases, askable, user_lines
from hypernet.ratings.core.tables import RatingData

USERS, SEED = 60, 0
BASE = {"item": 2.0, "level": 5.0, "slope": 10.0}


@pytest.fixture(scope="module")
def data(few_users, prepared):
    """Generated ratings of 60 users and the newcomers."""
    return replace(few_users(USERS), newcomers=RatingData.load(prepared("preftrees")).newcomers)


@pytest.fixture(scope="module")
def settings_of(config):
    base = "base={item: 2, level: 5, slope: 10}"
    return lambda method, *assignments: config(base, *assignments).settings("train", "preftrees", method)


def rmse(predicted, rows, data):
    return float(np.sqrt(np.mean((np.clip(predicted, data.low, data.high) - rows.rating) ** 2)))


def test_biases_are_damped_sums(data, settings_of):
    fitted, facts = fit(
        "item_bias", data, settings_of("item_bias", "item_bias={item_dampings: [3], user_dampings: [6]}"), SEED
    )
    train, rating = data.train, data.train.rating.astype(float)
    overall = rating.mean()
    assert (facts["item_damping"], facts["user_damping"]) == (3, 6)
    for user in range(0, USERS, 7):
        mine = train.user == user
        left = rating[mine] - overall - fitted.item_bias[train.item[mine]]
        assert fitted.user_bias[user] == pytest.approx(left.sum() / (mine.sum() + 6))
    unseen = data.newcomers
    first = unseen.support.user == unseen.query.user[0]
    left = unseen.support.rating[first] - overall - fitted.item_bias[unseen.support.item[first]]
    expected = overall + fitted.item_bias[unseen.query.item[0]] + left.sum() / (first.sum() + 6)
    assert fitted.predict_newcomers()[0] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("method", "name", "values"),
    [
        ("item_bias", "user_dampings", [1, 5, 20]),
        ("ridge_mean", "dampings", [1, 10, 80]),
        ("ridge_residual", "dampings", [2, 20, 200]),
    ],
)
def test_a_damping_is_the_best_on_the_validation_ratings(method, name, values, data, settings_of):
    def choose(chosen):
        rest = ", item_dampings: [2]" if method == "item_bias" else ""
        return fit(method, data, settings_of(method, f"{method}={{{name}: {chosen}{rest}}}"), SEED)[1]

    alone = [choose([value])["validation_rmse"] for value in values]
    together = choose(values)
    assert together["validation_rmse"] == pytest.approx(min(alone))
    assert together[name.removesuffix("s")] == values[int(np.argmin(alone))]


def test_a_line_on_the_items_mean_is_a_ridge_line(data, settings_of):
    fitted, _ = fit("ridge_mean", data, settings_of("ridge_mean", "ridge_mean.dampings=[7]"), SEED)
    train, rating = data.train, data.train.rating.astype(float)
    count, total = np.bincount(train.item, minlength=300), np.bincount(train.item, rating, 300)
    mean = np.where(count > 0, total / np.maximum(count, 1), rating.mean())
    assert fitted.mean == pytest.approx(mean)
    middle = mean[train.item].mean()
    slope = np.polyfit(mean[train.item], rating, 1)[0]
    spread = mean[train.item].var()
    others = np.where(
        count[train.item] > 1, (total[train.item] - rating) / np.maximum(count[train.item] - 1, 1), rating.mean()
    )
    z = others - middle
    for user in range(0, USERS, 11):
        mine = train.user == user
        design = np.vstack([np.column_stack([np.ones(mine.sum()), z[mine]]), np.diag(np.sqrt([7, 7 * spread]))])
        left = np.append((rating - rating.mean() - slope * z)[mine], [0, 0])
        level, tilt = np.linalg.lstsq(design, left, rcond=None)[0]
        asked = data.test.user == user
        expected = rating.mean() + level + (slope + tilt) * (mean[data.test.item[asked]] - middle)
        assert fitted.predict(data.test)[asked] == pytest.approx(expected, abs=1e-9)


def left_by_base(data):
    """What the base leaves of the training ratings, and the base of the test ratings, written once more."""
    train, test = data.train, data.test
    biases = ItemBiases.fit(train.user, train.item, train.rating, USERS, 300, item_damping=2, user_damping=5)
    b = biases.without_own(train.user, train.item, train.rating)
    left = train.rating - biases.overall - b
    level, slope = user_lines(train.user, b, left, USERS, level_damping=5, slope_damping=10)
    there = biases.bias[test.item]
    base = biases.overall + there + level[test.user] + slope[test.user] * there
    return left - level[train.user] - slope[train.user] * b, base


def test_a_ridge_of_the_user_predicts_what_the_base_leaves(data, settings_of):
    fitted, facts = fit("ridge_residual", data, settings_of("ridge_residual", "ridge_residual.dampings=[20]"), SEED)
    left, base = left_by_base(data)
    asked = askable(data.features)
    assert facts["base"] == BASE
    for user in range(0, USERS, 13):
        mine, there = data.train.user == user, data.test.user == user
        x = data.train.x[mine][:, asked].astype(float)
        weight = np.linalg.lstsq(
            np.vstack([x, np.sqrt(20) * np.eye(len(asked))]), np.append(left[mine], np.zeros(len(asked))), rcond=None
        )[0]
        expected = base[there] + data.test.x[there][:, asked] @ weight
        assert fitted.predict(data.test)[there] == pytest.approx(expected, abs=1e-6)


def test_a_tree_of_the_user_adds_to_the_base(data, settings_of):
    grid = "greedy_residual={depths: [2], smallest_leaves: [1], shrinkages: [10]}"
    fitted, facts = fit("greedy_residual", data, settings_of("greedy_residual", grid), SEED)
    left, base = left_by_base(data)
    assert facts["base"] == BASE
    added = fitted.predict(data.test) - base
    train, test, forest = data.train, data.test, fitted.forest
    for user in range(0, USERS, 13):
        mine, there = train.user == user, test.user == user
        leaf = forest.leaves(train.user[mine], train.x[mine])
        for row, node in zip(np.flatnonzero(there), forest.leaves(test.user[there], test.x[there]), strict=True):
            together = left[mine][leaf == node]
            assert added[row] == pytest.approx(together.sum() / (len(together) + 10), abs=1e-6)
    # As trees on a base, which read the item's bias beside the attributes.
    trees, wide = fitted.user_trees(), fitted.reads(data.item_x)
    rows = np.column_stack([test.x, wide[test.item, -1]])
    assert trees.predict(test.user, rows) == pytest.approx(fitted.predict(test), abs=1e-6)
    few = fitted.user_trees(np.array([5, 2]))
    assert few.predict(np.zeros(300, int), wide) == pytest.approx(trees.predict(np.full(300, 5), wide))


def test_no_rule_asks_about_the_item_mean_that_the_base_has(data, settings_of):
    mean = replace(data.features[9], name="mean_rating")
    told = replace(data, features=(*data.features[:9], mean))
    grid = "greedy_residual={depths: [3], smallest_leaves: [1], shrinkages: [1]}"
    asked = {
        name: set(fit("greedy_residual", rows, settings_of("greedy_residual", grid), SEED)[0].forest.feature)
        for name, rows in {"told": told, "free": data}.items()
    }
    assert 9 in asked["free"]
    assert 9 not in asked["told"]
