"""Item statistics: each row without its own rating, against the formula written out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hypernet.ratings.sources.features import STATISTICS, ItemStatistics, genre, training_statistics

ratings_of_items = st.lists(
    st.tuples(st.integers(0, 4), st.floats(-10, 10, allow_nan=False).map(lambda value: round(value, 2))),
    min_size=1,
    max_size=40,
)


def split(pairs):
    return np.array([item for item, _ in pairs]), np.array([rating for _, rating in pairs])


@given(ratings_of_items)
@settings(max_examples=100, deadline=None)
def test_leaving_one_out_is_leaving_one_out(pairs):
    item, rating = split(pairs)
    statistics = training_statistics(item, rating, 5, folds=None)
    for row in range(len(item)):
        others = np.delete(rating, row)[np.delete(item, row) == item[row]]
        assert statistics["rating_count"][row] == len(others)
        mean = others.mean() if len(others) else rating.mean()
        deviation = others.std() if len(others) else rating.std()
        assert statistics["mean_rating"][row] == pytest.approx(mean, abs=1e-9)
        # A square root: rounding in the 16th digit of the variance is the 8th of the deviation.
        assert statistics["rating_deviation"][row] == pytest.approx(deviation, abs=1e-6)


@given(ratings_of_items)
@settings(max_examples=50, deadline=None)
def test_all_ratings_of_an_item(pairs):
    item, rating = split(pairs)
    statistics = ItemStatistics.of(item, rating, 6).all_ratings()
    for number in range(6):
        ratings = rating[item == number]
        assert statistics["rating_count"][number] == len(ratings)
        assert statistics["mean_rating"][number] == pytest.approx(
            ratings.mean() if len(ratings) else rating.mean(), abs=1e-9
        )
        assert statistics["rating_deviation"][number] == pytest.approx(
            ratings.std() if len(ratings) else rating.std(), abs=1e-6
        )


def test_the_formula_of_the_authors_code():
    # (mean * count - y) / (count - 1), count - 1; one rating alone: the mean of all ratings.
    item, rating = np.array([0, 0, 0, 1]), np.array([5.0, 3.0, 1.0, 2.0])
    statistics = training_statistics(item, rating, 3, folds=None)
    assert statistics["mean_rating"].tolist() == [(3 * 3 - 5) / 2, (3 * 3 - 3) / 2, (3 * 3 - 1) / 2, 11 / 4]
    assert statistics["rating_count"].tolist() == [2, 2, 2, 0]


def test_by_folds_a_row_sees_the_other_folds_only():
    generator = np.random.default_rng(0)
    item, rating = generator.integers(7, size=200), generator.integers(1, 6, size=200).astype(float)
    folds = generator.integers(5, size=200)
    statistics = training_statistics(item, rating, 7, folds)
    alone = training_statistics(item, rating, 7, folds=None)
    for row in range(200):
        others = rating[(item == item[row]) & (folds != folds[row])]
        assert statistics["mean_rating"][row] == pytest.approx(others.mean())
        assert statistics["rating_deviation"][row] == pytest.approx(others.std())
    assert np.array_equal(statistics["rating_count"], alone["rating_count"])


def test_within_an_item_leaving_one_out_gives_the_rating_away_and_folds_hardly_do():
    generator = np.random.default_rng(1)
    item, rating = np.repeat(np.arange(20), 100), generator.integers(1, 6, size=2000).astype(float)
    folds = generator.integers(5, size=2000)

    def correlation(columns):
        return np.mean(
            [np.corrcoef(columns["mean_rating"][item == number], rating[item == number])[0, 1] for number in range(20)]
        )

    assert correlation(training_statistics(item, rating, 20, None)) == pytest.approx(-1)
    assert abs(correlation(training_statistics(item, rating, 20, folds))) < 0.3


def test_one_fold_alone_leaves_each_row_out():
    item, rating = np.array([0, 0, 1]), np.array([1.0, 2.0, 3.0])
    same = training_statistics(item, rating, 2, np.zeros(3, dtype=int))
    alone = training_statistics(item, rating, 2, None)
    assert all(np.array_equal(same[name], alone[name]) for name in STATISTICS)


def test_names():
    assert (genre("film-noir").above, genre("film-noir").below) == ("film-noir", "not film-noir")
    assert (STATISTICS["mean_rating"].above, STATISTICS["mean_rating"].below) == ("high ratings", "low ratings")
    assert (STATISTICS["rating_count"].above, STATISTICS["rating_count"].below) == ("popular", "rarely rated")
    assert all(feature.of == "item" for feature in STATISTICS.values())
