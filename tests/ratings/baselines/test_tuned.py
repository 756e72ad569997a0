"""Rows whose settings are chosen on the validation ratings: the choice is the best, and the model is that of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hypernet.lab.errors import UserError
from hypernet.ratings.baselines.fit import fit

pytest.importorskip("sklearn", reason="the extra `ratings` is not installed")
pytest.importorskip("surprise", reason="the extra `ratings` is not installed")

USERS, SEED = 80, 0
CANDIDATES = (
    "{factors: 4, epochs: 3, learning_rate: 0.005, regularisation: 0.02}",
    "{factors: 3, epochs: 12, learning_rate: 0.02, regularisation: 0.1}",
)


@pytest.fixture(scope="module")
def data(few_users):
    """Generated ratings of 80 users, without newcomers."""
    return few_users(USERS)


@pytest.fixture(scope="module")
def settings_of(config):
    return lambda method, *assignments: config(*assignments).settings("train", "preftrees", method)


def rmse(predicted, rows, data):
    return float(np.sqrt(np.mean((np.clip(predicted, data.low, data.high) - rows.rating) ** 2)))


@pytest.mark.parametrize("method", ["svd", "svdpp"])
def test_a_factorisation_is_that_of_the_best_candidate(method, data, settings_of):
    tuned, facts = fit(
        f"{method}_tuned",
        data,
        settings_of(f"{method}_tuned", f"{method}_tuned.candidates=[{', '.join(CANDIDATES)}]"),
        SEED,
    )
    choosing, errors, models = replace(data, train=data.fit), [], []
    for candidate in CANDIDATES:
        settings = settings_of(method, f"{method}={candidate}")
        errors.append(rmse(fit(method, choosing, settings, SEED)[0].predict(data.validation), data.validation, data))
        models.append(fit(method, data, settings, SEED)[0])
    best = models[int(np.argmin(errors))]
    assert np.array_equal(tuned.predict(data.test), best.predict(data.test))
    assert facts["validation_rmse"] == pytest.approx(min(errors))
    assert facts["candidates"] == 2
    assert {"factors", "epochs", "learning_rate", "regularisation"} <= facts.keys()


def test_candidates_that_diverge_are_not_chosen(data, settings_of):
    wild = "{factors: 3, epochs: 40, learning_rate: 5.0, regularisation: 0.0}"
    settings = settings_of("svd_tuned", f"svd_tuned.candidates=[{wild}, {CANDIDATES[0]}]")
    with np.errstate(all="ignore"):
        _, facts = fit("svd_tuned", data, settings, SEED)
        assert facts["learning_rate"] == 0.005
        with pytest.raises(UserError, match="none of the learning rates suits this scale"):
            fit("svd_tuned", data, settings_of("svd_tuned", f"svd_tuned.candidates=[{wild}]"), SEED)


def test_leaves_of_local_trees_are_shrunk_to_the_users_mean(data, settings_of):
    from sklearn.tree import DecisionTreeRegressor

    grid = "local_trees_tuned={depths: [2], smallest_leaves: [3], shrinkages: [4]}"
    fitted, facts = fit("local_trees_tuned", data, settings_of("local_trees_tuned", grid), SEED)
    assert (facts["depth"], facts["smallest_leaf"], facts["shrinkage"]) == (2, 3, 4)
    predicted, train, test = fitted.predict(data.test), data.train, data.test
    for user in range(0, USERS, 9):
        mine, asked = train.user == user, test.user == user
        rating = train.rating[mine].astype(float)
        tree = DecisionTreeRegressor(max_depth=2, min_samples_leaf=3, random_state=SEED)
        tree.fit(train.x[mine], rating - rating.mean())
        leaf, there = tree.apply(train.x[mine]), tree.apply(test.x[asked])
        for row, node in zip(np.flatnonzero(asked), there, strict=True):
            together = rating[leaf == node] - rating.mean()
            expected = rating.mean() + together.sum() / (len(together) + 4)
            assert predicted[row] == pytest.approx(expected, abs=1e-9)


def test_local_trees_have_the_best_of_all_shapes(data, settings_of):
    def error(depths, leaves, shrinkages):
        grid = f"local_trees_tuned={{depths: {depths}, smallest_leaves: {leaves}, shrinkages: {shrinkages}}}"
        return fit("local_trees_tuned", data, settings_of("local_trees_tuned", grid), SEED)[1]["validation_rmse"]

    alone = [error([depth], [leaf], [kappa]) for depth in (1, 2) for leaf in (1, 4) for kappa in (0, 3)]
    assert error([1, 2], [1, 4], [0, 3]) == pytest.approx(min(alone))


@pytest.mark.parametrize("user_level", ["none", "residual", "feature"])
def test_boosted_trees_are_scikit_learns(user_level, data, settings_of):
    """All of them, with the number of trees that is best on the validation ratings."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    from hypernet.ratings.baselines.levels import LEVELS

    grid = f"gbrt_tuned={{most_trees: 30, depths: [3], learning_rates: [0.2], user_levels: [{user_level}]}}"
    fitted, facts = fit("gbrt_tuned", data, settings_of("gbrt_tuned", grid), SEED)
    make = {"max_depth": 3, "learning_rate": 0.2, "early_stopping": False, "random_state": SEED}
    errors = []
    for trees in range(1, 31):
        level = LEVELS[user_level].of(data.fit, USERS)
        model = HistGradientBoostingRegressor(max_iter=trees, **make)
        model.fit(level.training_inputs(data.fit), level.targets(data.fit))
        predicted = level.ratings(data.validation, model.predict(level.inputs(data.validation)))
        errors.append(rmse(predicted, data.validation, data))
    assert facts["validation_rmse"] == pytest.approx(min(errors))
    assert facts["trees"] == 1 + int(np.argmin(errors))
    level = LEVELS[user_level].of(data.train, USERS)
    model = HistGradientBoostingRegressor(max_iter=facts["trees"], **make)
    model.fit(level.training_inputs(data.train), level.targets(data.train))
    expected = level.ratings(data.test, model.predict(level.inputs(data.test)))
    assert fitted.predict(data.test) == pytest.approx(expected, abs=1e-9)
