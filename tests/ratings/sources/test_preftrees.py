"""Generated ratings: the data set is always the same, and its truth is the truth."""

from __future__ import annotations

import numpy as np
import pytest

from hypernet.ratings.config import RawSettings
from hypernet.ratings.core.tables import RatingData
from hypernet.ratings.core.trees import LEAF
from hypernet.ratings.raw import make
from hypernet.ratings.sources.preftrees import COLUMNS, FEATURES, GENRES, TEMPLATES, draw_items, draw_users, files, read


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    folder = tmp_path_factory.mktemp("raw")
    make("preftrees", folder, RawSettings(table=None, allow_modified=False))
    return read(folder, "Generated preferences")


@pytest.fixture(scope="module")
def data(prepared):
    return RatingData.load(prepared("preftrees"))


def test_the_counts_and_the_oracle_are_those_measured_elsewhere(data):
    assert (len(data.train), len(data.test)) == (28_965, 9_087)
    assert (len(data.users), len(data.items), len(data.features)) == (1200, 300, 10)
    error = data.truth.expected[data.test.user, data.test.item] - data.test.rating
    assert np.sqrt(np.mean(error**2)) == pytest.approx(0.647, abs=0.0005)
    assert np.abs(error).mean() == pytest.approx(0.517, abs=0.0005)


def test_the_catalogue(raw):
    genres, year, average = raw.item_values[:, :8], raw.item_values[:, 8], raw.item_values[:, 9]
    assert [feature.name for feature in raw.item_features] == list(COLUMNS)
    assert set(np.unique(genres)) == {0, 1}
    assert genres.sum(axis=1).min() == 1
    assert genres.sum(axis=1).max() == 3
    # 1 + 0.5 + 0.15 genres an item on average.
    assert genres.sum() / 300 == pytest.approx(1.65, abs=0.15)
    # Earlier genres are more frequent: p ~ 1 / sqrt(1 + g).
    assert genres[:, 0].sum() > genres[:, 7].sum() * 1.5
    assert (year.min(), year.max()) == (1960, 1999)
    assert np.array_equal(average, average.round(2))
    assert (average >= 1).all()
    assert (average <= 5).all()


def test_every_rating_follows_the_users_tree(raw):
    noise = raw.rating - raw.trees.expected(raw.item_values)[raw.user, raw.item]
    assert set(np.unique(raw.rating)) == {1, 2, 3, 4, 5}
    # N(0, 0.6) and rounding (variance 1/12), less what the ends of the scale cut off.
    assert noise.std() == pytest.approx(np.sqrt(0.36 + 1 / 12), abs=0.05)


def test_the_tree_of_a_user_written_out_by_hand(raw):
    # Users with the first template: average rating, then comedy on the left and action on the right.
    of_template = [user for user in range(1200) if tuple(raw.trees.column[user]) == (9, 1, 0)]
    assert 100 < len(of_template) < 300
    user = of_template[0]
    threshold, value = raw.trees.threshold[user], raw.trees.value[user]
    assert threshold[0] == pytest.approx(3.4, abs=0.5)
    assert threshold[1:].tolist() == [0.5, 0.5]
    expected = raw.trees.expected(raw.item_values)
    for item in range(300):
        attributes = dict(zip(COLUMNS, raw.item_values[item], strict=True))
        if attributes["avg"] >= threshold[0]:
            written = value[3] if attributes["action"] else value[2]
        else:
            written = value[1] if attributes["comedy"] else value[0]
        assert expected[user, item] == written


def test_trees_keep_the_attributes_and_about_the_values_of_their_templates(raw):
    by_columns = {tuple(COLUMNS.index(name) for name in template.attributes): template for template in TEMPLATES}
    assert len(by_columns) == len(TEMPLATES)
    for user in range(1200):
        template = by_columns[tuple(raw.trees.column[user])]
        for name, threshold, usual in zip(
            template.attributes, raw.trees.threshold[user], template.thresholds, strict=True
        ):
            if name == "year":
                assert threshold - usual in range(-3, 4)
            elif name == "avg":
                assert abs(threshold - usual) < 0.5
            else:
                assert threshold == 0.5
        assert np.abs(raw.trees.value[user] - template.values).max() < 1.5


def test_the_last_quarter_of_a_users_ratings_is_the_test(raw):
    counts = np.bincount(raw.user)
    assert (counts.min(), counts.max()) == (16, 48)
    start = 0
    for count in counts:
        held_out = max(4, count // 4)
        test = raw.test[start : start + count]
        assert test[-held_out:].all()
        assert not test[:-held_out].any()
        assert len(set(raw.item[start : start + count])) == count
        start += count


def test_the_true_trees_in_standardised_units_are_the_same_trees(data):
    users, items = len(data.users), len(data.items)
    for truth, count in ((data.truth, users), (data.newcomers.truth, data.newcomers.count)):
        predicted = truth.forest.predict(np.repeat(np.arange(count), items), np.tile(data.item_x, (count, 1)))
        assert np.array_equal(predicted.astype(np.float32), truth.expected.ravel())
    assert len(data.truth.forest) == users
    names = {data.features[feature].name for feature in data.truth.forest.features_used(0)}
    assert names in [set(template.attributes) for template in TEMPLATES]


def test_a_year_that_an_item_has_goes_right(raw):
    rule = raw.trees.forest(raw.item_values, np.zeros(10), np.ones(10))
    years = np.unique(raw.item_values[:, 8])
    about_years = (rule.feature == 8) & (rule.feature != LEAF)
    assert about_years.any()
    # Half way between two years of the catalogue: never one of them.
    assert not np.isin(rule.threshold[about_years], years).any()


def test_the_statistics_are_attributes_of_the_catalogue_and_not_of_the_ratings(data):
    assert [feature.name for feature in data.features] == [*GENRES, "year", "avg"]
    assert np.array_equal(data.train.x, data.item_x[data.train.item])
    assert np.array_equal(data.fit.x, data.item_x[data.fit.item])
    assert data.user_x.shape == (1200, 10)
    assert not data.user_x.any()


def test_newcomers_rate_the_same_items_and_nobody_trains_on_them(data):
    people = data.newcomers
    assert people.count == 200
    support, query = people.support.offsets(200), people.query.offsets(200)
    counts = np.diff(support) + np.diff(query)
    assert np.array_equal(np.diff(query), np.maximum(4, counts // 4))
    assert np.array_equal(people.query.x, data.item_x[people.query.item])
    error = people.truth.expected[people.query.user, people.query.item] - people.query.rating
    assert np.sqrt(np.mean(error**2)) == pytest.approx(0.647, abs=0.03)


def test_a_seed_names_its_data_whatever_is_drawn_beside():
    first = files("preftrees")
    np.random.default_rng().random(10)
    assert files("preftrees") == first
    assert files("preftrees_seed0") == first
    other = files("preftrees_seed5")
    assert all(other[name] != first[name] for name in first)


def test_newcomers_are_a_second_call_with_the_next_seed():
    items, popularity = draw_items(np.random.default_rng(0))
    people = draw_users(np.random.default_rng(1), 200, items, popularity)
    again = draw_users(np.random.default_rng(1), 3, items, popularity)
    assert np.array_equal(again.rating, people.rating[: len(again.rating)])
    assert popularity.sum() == pytest.approx(1)
    # The most popular item, 1 / sqrt(1 + 0), is asked for most often.
    assert np.bincount(people.item, minlength=300)[popularity.argmax()] > np.bincount(people.item).mean() * 2


def test_features_speak_as_the_catalogue_does():
    by_name = {feature.name: feature for feature in FEATURES}
    assert (by_name["avg"].above, by_name["avg"].below) == ("high critics' score", "low critics' score")
    assert (by_name["action"].above, by_name["action"].below) == ("action", "not action")
    assert by_name["year"].above == "after {t}"
