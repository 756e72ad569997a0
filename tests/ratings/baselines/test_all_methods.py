"""The baselines: means, trees of scikit-learn, and what holds for every one of them."""

from __future__ import annotations

import io
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from hypernet.lab.errors import UserError
from hypernet.ratings.baselines.fit import BASELINES, fit, open_fitted
from hypernet.ratings.baselines.levels import LEVELS
from hypernet.ratings.config import METHODS
from hypernet.ratings.core.tables import RatingData, Rows

pytest.importorskip("sklearn", reason="the extra `ratings` is not installed")
pytest.importorskip("surprise", reason="the extra `ratings` is not installed")

USERS, NEWCOMERS = 60, 12
WITHOUT_NEWCOMERS = {"svd", "svdpp", "svd_tuned", "svdpp_tuned"}
SEED = 0


def of_users(rows: Rows, users: int) -> Rows:
    kept = rows.user < users
    return Rows(rows.user[kept], rows.item[kept], rows.rating[kept], rows.x[kept])


@pytest.fixture(scope="session")
def data(prepared):
    """Generated ratings of 60 users and 12 newcomers."""
    whole = RatingData.load(prepared("preftrees"))
    unseen, truth = whole.newcomers, whole.truth
    return replace(
        whole,
        users=whole.users[:USERS],
        user_x=whole.user_x[:USERS],
        **{split: of_users(getattr(whole, split), USERS) for split in ("fit", "validation", "train", "test")},
        truth=replace(
            truth, forest=replace(truth.forest, root=truth.forest.root[:USERS]), expected=truth.expected[:USERS]
        ),
        newcomers=replace(
            unseen,
            count=NEWCOMERS,
            support=of_users(unseen.support, NEWCOMERS),
            query=of_users(unseen.query, NEWCOMERS),
        ),
    )


@pytest.fixture(scope="session")
def settings_of(config):
    """Settings of a method: small ones, with ``assignments`` over them."""
    small = (
        "global_tree.depths=[1,2,3,4]",
        "local_trees.depths=[1,2,3]",
        "knn_trees={neighbours: [1, 4, 200], depths: [1, 3], selection_users: null}",
        "gbrt.trees=20",
        "svd={factors: 4, epochs: 3, learning_rate: 0.005, regularisation: 0.02}",
        "svdpp={factors: 3, epochs: 2, learning_rate: 0.007, regularisation: 0.02}",
        "knn_baseline.neighbours=7",
        "local_trees_tuned={depths: [1, 2], smallest_leaves: [1, 4], shrinkages: [0, 3]}",
        "gbrt_tuned={most_trees: 12, depths: [2, 3], learning_rates: [0.1, 0.3], user_levels: [residual, feature]}",
        "svd_tuned.candidates=[{factors: 4, epochs: 3, learning_rate: 0.005, regularisation: 0.02}, "
        "{factors: 3, epochs: 9, learning_rate: 0.02, regularisation: 0.1}]",
        "svdpp_tuned.candidates=[{factors: 3, epochs: 2, learning_rate: 0.007, regularisation: 0.02}]",
        "item_bias={item_dampings: [1, 4], user_dampings: [2, 8]}",
        "ridge_mean.dampings=[1, 16]",
        "ridge_residual.dampings=[5, 40]",
        "greedy_residual={depths: [1, 2], smallest_leaves: [1, 3], shrinkages: [5, 20]}",
    )
    return lambda method, *assignments: config(*small, *assignments).settings("train", "preftrees", method)


@pytest.fixture(scope="session")
def fitted(data, settings_of):
    """A method fitted to ``data``, and its facts; each once."""
    known = {}

    def fit_once(method, level="residual"):
        if (method, level) not in known:
            known[method, level] = fit(method, data, settings_of(method, f"user_level={level}"), SEED)
        return known[method, level]

    return fit_once


# --- every baseline -----------------------------------------------------------------------------------------


def test_all_methods_without_a_hypernetwork_are_here():
    assert set(BASELINES) == {method for method in METHODS if not method.startswith("meta_")} - {"deep_set"}


@pytest.mark.parametrize("method", BASELINES)
def test_a_saved_baseline_predicts_the_same_and_holds_no_code(method, fitted, data):
    baseline, facts = fitted(method)
    file = io.BytesIO()
    torch.save(baseline.state(), file)
    file.seek(0)
    again = open_fitted(method, torch.load(file, weights_only=True), len(data.features))
    predicted = baseline.predict(data.test)
    assert (predicted.dtype, predicted.shape) == (np.float64, (len(data.test),))
    assert np.isfinite(predicted).all()
    assert np.array_equal(again.predict(data.test), predicted)
    assert np.array_equal(again.predict_newcomers(), baseline.predict_newcomers())
    assert facts["parameter_count"] >= (method != "oracle")


@pytest.mark.parametrize("method", BASELINES)
def test_newcomers_are_served_where_it_is_possible(method, fitted, data):
    unseen = fitted(method)[0].predict_newcomers()
    assert (unseen is None) == (method in WITHOUT_NEWCOMERS)
    if unseen is not None:
        assert unseen.shape == (len(data.newcomers.query),)
        assert np.isfinite(unseen).all()


@pytest.mark.parametrize("method", BASELINES)
def test_what_is_predicted_does_not_depend_on_the_order_of_the_questions(method, fitted, data):
    order = np.random.default_rng(1).permutation(len(data.test))
    shuffled = Rows(*(getattr(data.test, name)[order] for name in ("user", "item", "rating", "x")))
    baseline, _ = fitted(method)
    assert baseline.predict(shuffled) == pytest.approx(baseline.predict(data.test)[order], abs=1e-12)


@pytest.mark.parametrize("method", ["global_tree", "local_trees", "knn_trees", "gbrt", "gbrt_tuned", "svd", "svdpp"])
def test_the_same_seed_gives_the_same_predictions(method, fitted, data, settings_of):
    again, _ = fit(method, data, settings_of(method), SEED)
    assert np.array_equal(again.predict(data.test), fitted(method)[0].predict(data.test))


def test_data_without_newcomers_are_as_good(data, settings_of):
    without = replace(data, newcomers=None)
    for method in BASELINES:
        baseline, _ = fit(method, without, settings_of(method), SEED)
        assert baseline.predict_newcomers() is None
        assert np.isfinite(baseline.predict(data.test)).all()


@pytest.mark.parametrize(("method", "module"), [("global_tree", "sklearn"), ("gbrt", "sklearn"), ("svd", "surprise")])
def test_a_missing_library_is_one_line(method, module, data, settings_of, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == module]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UserError, match=r'scikit-\w+ cannot be used .*: pip install "hypernet\[ratings\]"$'):
        fit(method, data, settings_of(method), SEED)


def test_the_truth_of_real_ratings_is_not_known(data, settings_of):
    with pytest.raises(UserError, match=r"oracle: the true mean ratings of .* are not known"):
        fit("oracle", replace(data, truth=None), settings_of("oracle"), SEED)


# --- means --------------------------------------------------------------------------------------------------


def test_means_are_those_of_a_table(fitted, data):
    def table(rows):
        return pd.DataFrame({"user": rows.user, "item": rows.item, "rating": rows.rating.astype(float)})

    train, unseen = table(data.train), data.newcomers
    overall, by_item = train["rating"].mean(), train.groupby("item")["rating"].mean()
    by_newcomer = table(unseen.support).groupby("user")["rating"].mean()

    def item_mean(rows):
        return [by_item.get(item, overall) for item in rows.item]

    assert len(np.setdiff1d(data.test.item, data.train.item)), "some items should have no training ratings"
    expected = {
        "global_mean": ([overall] * len(data.test), [overall] * len(unseen.query)),
        "item_mean": (item_mean(data.test), item_mean(unseen.query)),
        "user_mean": (
            train.groupby("user")["rating"].mean()[data.test.user],
            by_newcomer[unseen.query.user],
        ),
    }
    for method, (known, new) in expected.items():
        baseline, _ = fitted(method)
        assert baseline.predict(data.test) == pytest.approx(np.array(known))
        assert baseline.predict_newcomers() == pytest.approx(np.array(new))


# --- trees: the same as scikit-learn's -----------------------------------------------------------------------


class Level:
    """What a tree is grown from and asked, written once more and row by row."""

    def __init__(self, user_level: str, rows: Rows):
        self.user_level, self.rows = user_level, rows
        by_user = [rows.rating[rows.user == user].astype(float) for user in range(rows.user.max() + 1)]
        self.by_user, self.overall = by_user, rows.rating.astype(float).mean()

    def training(self):
        x, y = [], []
        for user, features, rating in zip(self.rows.user, self.rows.x, self.rows.rating.astype(float), strict=True):
            mean, count = self.by_user[user].mean(), len(self.by_user[user])
            if self.user_level == "feature":
                left = (self.by_user[user].sum() - rating) / (count - 1) if count > 1 else self.overall
                features = [*features, left, count - 1]
            x.append(features)
            y.append(rating - mean if self.user_level == "residual" else rating)
        return np.array(x, np.float32), np.array(y)

    def predict(self, model, rows: Rows):
        x = rows.x
        means = np.array([self.by_user[user].mean() for user in rows.user])
        if self.user_level == "feature":
            x = np.column_stack([x, means, [len(self.by_user[user]) for user in rows.user]])
        return model.predict(x.astype(np.float32)) + (means if self.user_level == "residual" else 0.0)


def rmse(predicted, rows, data):
    return float(np.sqrt(np.mean((np.clip(predicted, data.low, data.high) - rows.rating) ** 2)))


@pytest.mark.parametrize("user_level", LEVELS)
def test_the_global_tree_is_scikit_learns_of_the_best_depth(user_level, fitted, data):
    from sklearn.tree import DecisionTreeRegressor

    baseline, facts = fitted("global_tree", user_level)
    choosing, level, theirs = (Level(user_level, rows) for rows in (data.fit, data.train, data.newcomers.support))
    errors = {}
    for depth in (1, 2, 3, 4):
        model = DecisionTreeRegressor(max_depth=depth, random_state=SEED).fit(*choosing.training())
        errors[depth] = rmse(choosing.predict(model, data.validation), data.validation, data)
    assert facts["depth"] == min(errors, key=errors.get)
    assert facts["validation_rmse"] == pytest.approx(min(errors.values()))
    model = DecisionTreeRegressor(max_depth=facts["depth"], random_state=SEED).fit(*level.training())
    assert baseline.predict(data.test) == pytest.approx(level.predict(model, data.test), abs=1e-12)
    assert baseline.predict_newcomers() == pytest.approx(theirs.predict(model, data.newcomers.query), abs=1e-12)
    tree = model.tree_
    assert facts["parameter_count"] == 2 * (tree.node_count - tree.n_leaves) + tree.n_leaves


@pytest.mark.parametrize("user_level", LEVELS)
def test_boosted_trees_are_scikit_learns(user_level, fitted, data):
    from sklearn.ensemble import GradientBoostingRegressor

    baseline, _ = fitted("gbrt", user_level)
    level = Level(user_level, data.train)
    model = GradientBoostingRegressor(n_estimators=20, max_depth=3, learning_rate=0.1, random_state=SEED)
    model.fit(*level.training())
    assert baseline.predict(data.test) == pytest.approx(level.predict(model, data.test), abs=1e-10)
    assert baseline.user_trees() is None


def test_local_trees_are_scikit_learns_of_one_depth(fitted, data):
    from sklearn.tree import DecisionTreeRegressor

    def grow(support, query, depth):
        predicted = np.empty(len(query))
        for user in np.unique(query.user):
            rated, asked = support.user == user, query.user == user
            model = DecisionTreeRegressor(max_depth=depth, random_state=SEED).fit(
                support.x[rated], support.rating[rated]
            )
            predicted[asked] = model.predict(query.x[asked])
        return predicted

    baseline, facts = fitted("local_trees")
    errors = {depth: rmse(grow(data.fit, data.validation, depth), data.validation, data) for depth in (1, 2, 3)}
    assert facts["depth"] == min(errors, key=errors.get)
    assert facts["validation_rmse"] == pytest.approx(min(errors.values()))
    assert baseline.predict(data.test) == pytest.approx(grow(data.train, data.test, facts["depth"]), abs=1e-12)
    expected = grow(data.newcomers.support, data.newcomers.query, facts["depth"])
    assert baseline.predict_newcomers() == pytest.approx(expected, abs=1e-12)


def test_a_local_tree_of_depth_one_is_the_best_single_threshold(data, settings_of):
    baseline, _ = fit("local_trees", data, settings_of("local_trees", "local_trees.depths=[1]"), SEED)
    trees = baseline.user_trees()
    offsets = data.train.offsets(USERS)
    for user in range(USERS):
        x, y = (array[offsets[user] : offsets[user + 1]] for array in (data.train.x, data.train.rating.astype(float)))
        squares = []
        for feature in range(x.shape[1]):
            for threshold in np.unique(x[:, feature])[:-1]:
                right = x[:, feature] > threshold
                squares.append(sum(((y[side] - y[side].mean()) ** 2).sum() for side in (right, ~right)))
        error = ((trees.predict(np.full(len(y), user), x) - y) ** 2).sum()
        assert error == pytest.approx(min(squares))


def brute_neighbours(support, train, user, k, items, themselves):
    """The k - 1 users nearest by cosine of what is left of ratings without their mean, ties to the lower number."""

    def vector(rows, number):
        rated = rows.user == number
        values = np.zeros(items)
        values[rows.item[rated]] = rows.rating[rated] - rows.rating[rated].astype(float).mean()
        return values / max(np.linalg.norm(values), 1e-300)

    asking = vector(support, user)
    others = [other for other in range(USERS) if not (themselves and other == user)]
    return sorted(others, key=lambda other: (-round(asking @ vector(train, other), 9), other))[: k - 1]


@pytest.mark.parametrize("user_level", LEVELS)
def test_trees_of_neighbours_are_grown_from_the_nearest_users(user_level, data, settings_of):
    from sklearn.tree import DecisionTreeRegressor

    size, depth = 6, 3
    only = f"knn_trees={{neighbours: [{size}], depths: [{depth}], selection_users: null}}"
    baseline, facts = fit("knn_trees", data, settings_of("knn_trees", only, f"user_level={user_level}"), SEED)
    assert (facts["neighbours"], facts["depth"]) == (size, depth)
    level, theirs = Level(user_level, data.train), Level(user_level, data.newcomers.support)
    x, y = level.training()
    new_x, new_y = theirs.training()
    for support, query, predicted, themselves in (
        (data.train, data.test, baseline.predict(data.test), True),
        (data.newcomers.support, data.newcomers.query, baseline.predict_newcomers(), False),
    ):
        for user in np.unique(query.user)[:15]:
            near = brute_neighbours(support, data.train, user, size, len(data.items), themselves)
            user_rows = (x, y) if themselves else (new_x, new_y)
            rows = [np.flatnonzero(data.train.user == other) for other in near]
            pooled = [
                np.concatenate([mine[support.user == user], *(of_all[part] for part in rows)])
                for mine, of_all in zip(user_rows, (x, y), strict=True)
            ]
            model = DecisionTreeRegressor(max_depth=depth, random_state=SEED).fit(*pooled)
            asked = query.user == user
            some = Rows(*(getattr(query, name)[asked] for name in ("user", "item", "rating", "x")))
            expected = (level if themselves else theirs).predict(model, some)
            assert predicted[asked] == pytest.approx(expected, abs=1e-12)


def test_neighbours_and_depth_are_the_best_of_the_grid(data, settings_of):
    """Each pair by itself, judged on the ratings held out; 200 neighbours are more than there are users."""
    held_out = replace(data, train=data.fit, test=data.validation, newcomers=None)
    errors = {}
    for size in (1, 4, 200):
        for depth in (1, 3):
            only = f"knn_trees={{neighbours: [{size}], depths: [{depth}], selection_users: null}}"
            baseline, _ = fit("knn_trees", held_out, settings_of("knn_trees", only), SEED)
            errors[size, depth] = rmse(baseline.predict(data.validation), data.validation, data)
    _, facts = fit("knn_trees", data, settings_of("knn_trees"), SEED)
    assert (facts["neighbours"], facts["depth"]) == min(errors, key=errors.get)
    assert facts["validation_rmse"] == pytest.approx(min(errors.values()))


def test_one_neighbour_is_the_user_alone(data, settings_of):
    alone = "knn_trees={neighbours: [1], depths: [2], selection_users: 10}"
    neighbours, _ = fit("knn_trees", data, settings_of("knn_trees", alone, "user_level=none"), SEED)
    local, _ = fit("local_trees", data, settings_of("local_trees", "local_trees.depths=[2]"), SEED)
    assert np.array_equal(neighbours.predict(data.test), local.predict(data.test))
    assert np.array_equal(neighbours.predict_newcomers(), local.predict_newcomers())


# --- trees by user ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("user_level", LEVELS)
@pytest.mark.parametrize("method", ["global_tree", "local_trees", "knn_trees"])
def test_the_tree_of_a_user_says_what_is_predicted(method, user_level, fitted, data):
    baseline, _ = fitted(method, user_level)
    expected = baseline.predict(data.test)
    trees = baseline.user_trees()
    assert len(trees) == USERS
    assert trees.predict(data.test.user, data.test.x) == pytest.approx(expected, abs=1e-12)
    assert max(trees.feature) < len(data.features)
    some = np.array([7, 3, 31])
    few = baseline.user_trees(some)
    assert len(few) == 3
    for place, user in enumerate(some):
        asked = data.test.user == user
        predicted = few.predict(np.full(asked.sum(), place), data.test.x[asked])
        assert predicted == pytest.approx(expected[asked], abs=1e-12)


def test_the_oracle_shows_the_true_trees(fitted, data):
    baseline, _ = fitted("oracle")
    assert baseline.predict(data.test) == pytest.approx(data.truth.expected[data.test.user, data.test.item], abs=1e-6)
    assert np.array_equal(baseline.user_trees().root, data.truth.forest.root)
    assert baseline.user_trees(np.array([5])).root.tolist() == [data.truth.forest.root[5]]
