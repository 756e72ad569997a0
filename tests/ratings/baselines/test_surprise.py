"""Factorisations and neighbours give what Surprise's own ``predict`` gives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from hypernet.ratings.baselines.factorisation import fit_biases, newcomers_bias, numbered
from hypernet.ratings.baselines.fit import fit
from hypernet.ratings.core.tables import RatingData, Rows

surprise = pytest.importorskip("surprise", reason="the extra `ratings` is not installed")

ASKED = 400
SEED = 3


def some(rows: Rows, kept: np.ndarray) -> Rows:
    return Rows(*(getattr(rows, name)[kept] for name in ("user", "item", "rating", "x")))


@pytest.fixture(scope="module", params=["whole stars", "halves of every size"])
def data(request, prepared):
    """Generated ratings; one item asked about has no training ratings."""
    whole = RatingData.load(prepared("preftrees"))
    unseen = whole.test.item[0]
    train = some(whole.train, (whole.train.item != unseen) & (whole.train.user < 300))
    test = some(whole.test, whole.test.user < 300)
    if request.param != "whole stars":
        # Few ties between similar users, and ratings of zero.
        shift = np.random.default_rng(0).integers(-3, 4, len(train))
        train = replace(train, rating=(train.rating - 3 + shift / 4).astype(np.float32))
    low, high = float(train.rating.min()), float(train.rating.max())
    few = {"users": whole.users[:300], "user_x": whole.user_x[:300], "low": low, "high": high}
    return replace(whole, train=train, test=test, **few)


@pytest.fixture(scope="module")
def trainset(data):
    """The training ratings as Surprise reads a table, row by row."""
    table = pd.DataFrame(
        {"user": data.train.user.astype(str), "item": data.train.item.astype(str), "rating": data.train.rating}
    )
    reader = surprise.Reader(rating_scale=(data.low, data.high))
    return surprise.Dataset.load_from_df(table, reader).build_full_trainset()


def theirs(algorithm, rows: Rows) -> np.ndarray:
    return np.array(
        [
            algorithm.predict(str(user), str(item), clip=False).est
            for user, item in zip(rows.user[:ASKED], rows.item[:ASKED], strict=True)
        ]
    )


ALGORITHMS = {
    "baseline_only": (lambda: surprise.BaselineOnly(verbose=False), ()),
    "svd": (
        lambda: surprise.SVD(n_factors=8, n_epochs=4, lr_all=0.01, reg_all=0.03, random_state=SEED),
        ("svd={factors: 8, epochs: 4, learning_rate: 0.01, regularisation: 0.03}",),
    ),
    "svdpp": (
        lambda: surprise.SVDpp(n_factors=5, n_epochs=2, lr_all=0.01, reg_all=0.03, random_state=SEED),
        ("svdpp={factors: 5, epochs: 2, learning_rate: 0.01, regularisation: 0.03}",),
    ),
    "knn_baseline": (lambda: surprise.KNNBaseline(k=9, verbose=False), ("knn_baseline.neighbours=9",)),
}


@pytest.mark.parametrize("method", ALGORITHMS)
def test_predictions_are_those_of_surprise(method, data, trainset, config):
    make, assignments = ALGORITHMS[method]
    algorithm = make().fit(trainset)
    baseline, facts = fit(method, data, config(*assignments).settings("train", "preftrees", method), SEED)
    assert baseline.predict(data.test)[:ASKED] == pytest.approx(theirs(algorithm, data.test), abs=1e-9)
    # What was rated in training too: then a user is the nearest neighbour of itself.
    assert baseline.predict(data.train)[:ASKED] == pytest.approx(theirs(algorithm, data.train), abs=1e-9)
    assert facts["library"] == f"scikit-surprise {surprise.__version__}"


def test_ratings_are_numbered_as_surprise_numbers_them(data, trainset):
    ours, users, items = numbered(data.train, data.low, data.high)
    assert list(ours.all_ratings()) == list(trainset.all_ratings())
    assert (ours.ir, ours.n_items, ours.global_mean) == (trainset.ir, trainset.n_items, trainset.global_mean)
    assert [str(user) for user in users] == [trainset.to_raw_uid(place) for place in range(ours.n_users)]
    assert [str(item) for item in items] == [trainset.to_raw_iid(place) for place in range(ours.n_items)]


def test_more_blocks_than_one_change_nothing(data, config, monkeypatch):
    baseline, _ = fit("knn_baseline", data, config().settings("train", "preftrees", "knn_baseline"), SEED)
    expected = baseline.predict(data.test)
    monkeypatch.setattr("hypernet.ratings.baselines.similarity.SIMILARITIES_AT_ONCE", 7 * len(data.users))
    assert baseline.predict(data.test) == pytest.approx(expected, abs=1e-12)


def test_a_full_matrix_of_ratings_changes_nothing(data, config, monkeypatch):
    baseline, _ = fit("knn_baseline", data, config().settings("train", "preftrees", "knn_baseline"), SEED)
    expected = baseline.predict(data.test)
    monkeypatch.setattr("hypernet.ratings.baselines.similarity.DENSE_SHARE", 0.0)
    assert baseline.predict(data.test) == pytest.approx(expected, abs=1e-9)


def test_a_newcomers_bias_is_the_one_that_training_would_give(data):
    """The last half of a step of alternating least squares is this bias, so known users have it already."""
    biases = fit_biases(data)
    assert newcomers_bias(biases, data.train, len(data.users)) == pytest.approx(biases.user_bias, abs=1e-12)


def test_a_newcomers_neighbours_are_users_of_the_training(data, config):
    """Formula 3 written out for some ratings of newcomers."""
    baseline, _ = fit(
        "knn_baseline", data, config("knn_baseline.neighbours=5").settings("train", "preftrees", "knn_baseline"), 0
    )
    support, query = data.newcomers.support, data.newcomers.query
    bias = newcomers_bias(baseline, support, data.newcomers.count)
    known = [
        dict(
            zip(
                *(array[data.train.user == user] for array in (data.train.item, data.train.rating.astype(float))),
                strict=True,
            )
        )
        for user in range(len(data.users))
    ]
    for row in range(0, 60, 3):
        newcomer, item = query.user[row], query.item[row]
        mine = dict(
            zip(
                *(array[support.user == newcomer] for array in (support.item, support.rating.astype(float))),
                strict=True,
            )
        )
        candidates = []
        for user, ratings in enumerate(known):
            both = mine.keys() & ratings.keys()
            if item in ratings and both:
                mean = np.mean([(mine[rated] - ratings[rated]) ** 2 for rated in sorted(both)])
                candidates.append(
                    (
                        1 / (1 + mean),
                        -user,
                        ratings[item] - baseline.overall - baseline.user_bias[user] - baseline.item_bias[item],
                    )
                )
        near = sorted(candidates, key=lambda neighbour: (round(neighbour[0], 9), neighbour[1]), reverse=True)[:5]
        expected = baseline.overall + bias[newcomer] + baseline.item_bias[item]
        if near:
            expected += sum(weight * left for weight, _, left in near) / sum(weight for weight, _, _ in near)
        assert baseline.predict_newcomers()[row] == pytest.approx(expected, abs=1e-9)
