"""Errors, intervals over users, recovery of known trees and paired differences."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from hypernet.lab.files import read_json
from hypernet.lab.job import Job
from hypernet.ratings.config import EvaluationSettings
from hypernet.ratings.core.tables import RatingData, Rows
from hypernet.ratings.core.trees import LEAF, Forest
from hypernet.ratings.evaluate import (
    NEW_USERS,
    SELECTED_ON_TEST,
    compare,
    errors_by_user,
    evaluate,
    measure,
    question_measurements,
    truth_measurements,
)
from hypernet.ratings.methods import TITLES
from hypernet.ratings.train import train

GENERATOR = np.random.default_rng(0)


def held_out(users=40, most=9):
    user = np.repeat(np.arange(users), GENERATOR.integers(1, most, users))
    return Rows(
        user,
        np.arange(len(user)),
        GENERATOR.integers(1, 6, len(user)).astype(np.float32),
        np.zeros((len(user), 1), np.float32),
    )


class Scale:
    low, high = 1.0, 5.0


def test_errors_are_pooled_over_ratings_and_clipped_to_the_scale():
    rows = held_out()
    predicted = GENERATOR.normal(3, 3, len(rows))
    items = errors_by_user("", rows, np.full(40, 7), predicted, Scale)
    rmse, mae = measure(items, "stars", resamples=200, seed=0)
    error = np.clip(predicted, 1, 5) - rows.rating
    assert rmse.value == pytest.approx(np.sqrt((error**2).mean()))
    assert mae.value == pytest.approx(np.abs(error).mean())
    assert (rmse.n, rmse.unit, rmse.metric, mae.metric) == (len(rows), "stars", "rmse", "mae")
    assert rmse.low < rmse.value < rmse.high


def test_the_interval_is_as_wide_as_users_differ():
    """Users who all err alike but inside whom errors are equal: the spread is that between users."""
    users, each = 400, 25
    user = np.repeat(np.arange(users), each)
    size = GENERATOR.normal(0, 1, users)
    rows = Rows(user, np.arange(len(user)), np.full(len(user), 3, np.float32), np.zeros((len(user), 1), np.float32))
    items = errors_by_user("", rows, np.zeros(users, int), 3 + np.clip(size, -2, 2)[user], Scale)
    (mae,) = (measurement for measurement in measure(items, "stars", 2000, 0) if measurement.metric == "mae")
    expected = 1.96 * np.abs(np.clip(size, -2, 2)).std() / np.sqrt(users)
    assert (mae.high - mae.low) / 2 == pytest.approx(expected, rel=0.15)


def leaves_alone(users):
    """Trees without a rule."""
    return Forest(
        root=np.arange(users),
        feature=np.full(users, LEAF, np.int32),
        threshold=np.zeros(users),
        sign=np.zeros(users, np.int8),
        left=np.arange(users),
        right=np.arange(users),
        value=np.full(users, 3.0),
        support=np.zeros(users, np.int32),
    )


def test_what_trees_ask_is_counted_over_users():
    """Trees with one rule: three quarters of them ask about attribute 1, a tenth about what no item has."""
    users = 400
    feature = np.where(np.arange(users) % 4 == 0, 0, 1)
    threshold = np.where(np.arange(users) % 10 == 0, 5.0, 0.5)
    forest = Forest(
        root=3 * np.arange(users),
        feature=np.stack([feature, *[np.full(users, LEAF)] * 2], axis=1).ravel().astype(np.int32),
        threshold=np.stack([threshold, np.zeros(users), np.zeros(users)], axis=1).ravel(),
        sign=np.tile([1, 0, 0], users).astype(np.int8),
        left=np.add.outer(3 * np.arange(users), [1, 1, 2]).ravel(),
        right=np.add.outer(3 * np.arange(users), [2, 1, 2]).ravel(),
        value=np.tile([np.nan, 2.0, 4.0], users),
        support=np.zeros(3 * users, np.int32),
    )
    items = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], np.float32)
    number, commonest = question_measurements("", forest, items, 2, 200, 0)
    decided = threshold < 1
    assert (number.metric, number.value, number.n) == ("asked_attributes", pytest.approx(decided.mean()), users)
    assert commonest.metric == "commonest_attribute"
    assert commonest.value == pytest.approx((decided & (feature == 1)).sum() / decided.sum())
    assert number.low < number.value < number.high
    assert commonest.low < commonest.value < commonest.high
    # Without a rule there is no commonest.
    (number,) = question_measurements("", leaves_alone(users), items, 2, 200, 0)
    assert number.value == 0.0


def test_a_truth_that_is_found_is_found_whole(prepared):
    data = RatingData.load(prepared("preftrees"))
    root, overlap, error = truth_measurements("", data.truth.forest, data.item_x, data, 100, 0)
    assert (root.value, overlap.value) == (1.0, 1.0)
    assert error.value == pytest.approx(0.0, abs=1e-6)
    stump = leaves_alone(len(data.users))
    root, overlap, error = truth_measurements("", stump, data.item_x, data, 100, 0)
    assert (root.value, overlap.value) == (0.0, 0.0)
    assert error.value == pytest.approx(np.sqrt(((data.truth.expected - 3.0) ** 2).mean()), rel=1e-5)


@pytest.fixture(scope="module")
def runs(prepared, config, tmp_path_factory):
    """Evaluated runs of the truth and of two means."""
    root = tmp_path_factory.mktemp("runs")
    folders = {}
    for method in ("oracle", "user_mean", "item_mean"):
        folder = root / "preftrees" / method / "seed0"
        settings = config().settings("train", "preftrees", method)
        job = Job("ratings", "preftrees", method, 0, prepared("preftrees"), folder, settings)
        train(job)
        evaluate(replace(job, settings=EvaluationSettings(resamples=200)))
        folders["preftrees", method, 0] = folder
    return folders


def metrics_of(folder):
    return {
        (measurement["metric"], measurement["group"]): measurement
        for measurement in read_json(folder / "metrics.json")["measurements"]
    }


def test_the_oracle_reaches_the_noise(runs):
    oracle = metrics_of(runs["preftrees", "oracle", 0])
    # Measured apart from this program, on the same generated data.
    assert oracle["rmse", ""]["value"] == pytest.approx(0.647, abs=0.003)
    assert oracle["mae", ""]["value"] == pytest.approx(0.517, abs=0.003)
    assert oracle["rmse", ""]["n"] == 9087
    assert metrics_of(runs["preftrees", "user_mean", 0])["rmse", ""]["value"] == pytest.approx(1.050, abs=0.003)


def test_users_whom_no_training_saw_are_a_group_of_their_own(runs):
    mean = metrics_of(runs["preftrees", "user_mean", 0])["rmse", NEW_USERS]
    assert 0.9 < mean["value"] < 1.2
    assert mean["n"] > 1000


def test_differences_are_those_of_the_errors_on_the_same_ratings(runs, monkeypatch):
    monkeypatch.setattr(
        "hypernet.ratings.evaluate.AMONG_NETWORKS", [("oracle", "user_mean"), ("item_mean", "user_mean")]
    )
    comparisons = {(comparison.method, comparison.group): comparison for comparison in compare(runs)}
    rmse = {method: metrics_of(folder)["rmse", ""]["value"] for (_, method, _), folder in runs.items()}
    oracle = comparisons["oracle", ""]
    assert oracle.difference == pytest.approx(rmse["user_mean"] - rmse["oracle"])
    assert 0 < oracle.ci95_low < oracle.difference < oracle.ci95_high
    # Pairing narrows: the same users make both errors.
    table = pd.read_csv(runs["preftrees", "user_mean", 0] / "items.csv", keep_default_na=False)
    alone = measure(table[table.group == ""], "stars", 1000, 0)[0]
    assert oracle.ci95_high - oracle.ci95_low < 2 * (alone.high - alone.low)
    assert not oracle.claimed


def test_choices_made_on_the_test_ratings_are_labelled(prepared, config, tmp_path):
    settings = config().settings("train", "preftrees", "user_mean")
    data = prepared("preftrees", select="test")
    job = Job("ratings", "preftrees", "user_mean", 0, data, tmp_path, settings)
    train(job)
    evaluate(replace(job, settings=EvaluationSettings(resamples=100)))
    assert ("rmse", SELECTED_ON_TEST) in metrics_of(tmp_path)
    assert ("rmse", "") not in metrics_of(tmp_path)


def test_every_claimed_order_is_between_methods_of_the_evidence():
    from hypernet.ratings.evaluate import CLAIMS

    overlay = yaml.safe_load((Path(__file__).parents[2] / "config" / "evidence.yaml").read_text(encoding="utf-8"))
    assert {method for pair in CLAIMS for method in pair} <= set(overlay["ratings"]["methods"])


def test_claims_are_against_tuned_rows():
    """An order against a row that has a tuned one beside it is claimed against that one."""
    from hypernet.ratings.evaluate import CLAIMS, REFERENCES

    with_tuned = {method.removesuffix("_tuned") for method in TITLES if method.endswith("_tuned")}
    assert not {reference for _, reference in CLAIMS} & with_tuned
    # What no tree is needed for, and what is fitted to the same residual, stands in every comparison.
    assert {"item_bias", "ridge_mean", "ridge_residual", "greedy_residual"} <= set(REFERENCES)
    assert {f"{method}_tuned" for method in with_tuned} <= set(REFERENCES)


def test_trees_on_a_base_are_held_against_the_truth(prepared, config, tmp_path):
    """They predict with the item's bias, which their rows have beside the attributes."""
    settings = config().settings("train", "preftrees", "greedy_residual")
    job = Job("ratings", "preftrees", "greedy_residual", 0, prepared("preftrees"), tmp_path, settings)
    train(job)
    evaluate(replace(job, settings=EvaluationSettings(resamples=100)))
    metrics = metrics_of(tmp_path)
    assert {metric for metric, _ in metrics} == {
        *("rmse", "mae", "root_recovery", "attribute_overlap", "rmse_truth"),
        *("asked_attributes", "commonest_attribute"),
    }
    # Noise adds to the error against the truth, on items drawn by popularity here and on all of them there.
    noise = 0.647
    assert metrics["rmse_truth", ""]["value"] == pytest.approx(
        np.sqrt(metrics["rmse", ""]["value"] ** 2 - noise**2), abs=0.06
    )
