"""From ratings to arrays: who is held out, who is cold, and that nothing held out is known to what chooses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hypernet.lab.errors import UserError
from hypernet.lab.manifest import read_manifest
from hypernet.ratings.config import PrepareSettings
from hypernet.ratings.core.tables import RatingData
from hypernet.ratings.dataset import assemble, prepare
from hypernet.ratings.sources.features import genre, number
from hypernet.ratings.sources.interactions import RawRatings, check_ratings, last_of_pairs

STATISTICS = ("mean_rating", "rating_count", "rating_deviation")


def table(pairs, test=None, users=6, items=5, statistics=STATISTICS):
    """Ratings of users and items by number; an item has a genre and a size, a user an age."""
    user, item, rating = (np.array(column) for column in zip(*pairs, strict=True))
    return RawRatings(
        title="Table",
        unit="stars",
        users=np.array([f"u{number}" for number in range(users)]),
        items=np.array([f"i{number}" for number in range(items)]),
        titles=np.array([f"Item {number}" for number in range(items)]),
        user=user,
        item=item,
        rating=rating.astype(float),
        test=None if test is None else np.array(test, dtype=bool),
        user_features=(number("age", "older", "younger", "age", of="user"),),
        user_values=np.arange(20.0, 20.0 + users)[:, None],
        item_features=(genre("war"), number("size", "large", "small", "size")),
        item_values=np.column_stack([np.arange(items) % 2, np.arange(items) * 10.0]),
        statistics=statistics,
    )


def settings_of(**changes):
    usual = {"select": "validation", "validation_share": 0.1, "item_mean": "loo", "keep": None}
    return PrepareSettings(**(usual | changes))


def all_pairs(users=6, items=5, seed=0):
    generator = np.random.default_rng(seed)
    return [(user, item, int(generator.integers(1, 6))) for user in range(users) for item in range(items)]


def natural(data, rows):
    """Features in their own units."""
    return rows.x * data.deviation + data.mean


def as_set(rows):
    return set(zip(rows.user.tolist(), rows.item.tolist(), rows.rating.tolist(), strict=True))


def test_every_rating_is_in_its_part_once():
    pairs = all_pairs()
    data, facts = assemble("t", table(pairs), settings_of(validation_share=0.2))
    assert (facts["ratings"], facts["train"], facts["test"]) == (30, 27, 3)
    assert (len(data.fit), len(data.validation)) == (22, 5)
    assert as_set(data.train) | as_set(data.test) == {(user, item, float(rating)) for user, item, rating in pairs}
    assert not as_set(data.train) & as_set(data.test)
    assert as_set(data.fit) | as_set(data.validation) == as_set(data.train)
    assert not as_set(data.fit) & as_set(data.validation)
    for rows in (data.fit, data.validation, data.train, data.test):
        assert (np.diff(rows.user) >= 0).all()
        assert (rows.user.dtype, rows.item.dtype) == (np.int64, np.int64)
        assert (rows.rating.dtype, rows.x.dtype) == (np.float32, np.float32)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4)), min_size=4, max_size=30, unique=True), st.data())
@settings(max_examples=80, deadline=None)
def test_a_users_only_rating_is_never_held_out(pairs, data):
    pairs = [(user, item, data.draw(st.integers(1, 5))) for user, item in pairs]
    try:
        made, _ = assemble("t", table(pairs), settings_of(validation_share=0.4))
    except UserError as error:
        made, message = None, str(error)
    if made is None:
        assert any(part in message for part in ("too few", "all training ratings"))
        return
    assert set(made.fit.user) == set(made.train.user) == set(range(len(made.users)))
    assert len(made.users) == len({user for user, _, _ in pairs})
    assert set(made.test.user) <= set(made.train.user)


def test_the_order_of_a_users_rows_stays():
    pairs = [(user, item, 1 + (user + item) % 5) for item in (3, 1, 4, 0, 2) for user in (5, 0, 3)]
    data, _ = assemble("t", table(pairs, test=[item == 2 for _, item, _ in pairs]), settings_of())
    assert data.users.tolist() == ["u0", "u3", "u5"]
    assert data.train.item.reshape(3, 4).tolist() == [[3, 1, 4, 0]] * 3


def test_cold_users_are_left_out_of_the_test_and_counted():
    pairs = [*all_pairs(users=4), (4, 0, 5), (4, 1, 1), (5, 2, 3)]
    test = [item == 4 or user >= 4 for user, item, _ in pairs]
    data, facts = assemble("t", table(pairs, test), settings_of())
    assert (facts["cold_users"], facts["cold_test_ratings"]) == (2, 3)
    assert data.users.tolist() == ["u0", "u1", "u2", "u3"]
    assert (len(data.train), len(data.test)) == (16, 4)
    assert facts["test_items_unseen"] == 1
    # An item that no training row has: the mean of all training ratings, none of its own.
    assert natural(data, data.test)[:, 3] == pytest.approx(data.train.rating.mean(), abs=1e-5)
    assert natural(data, data.test)[:, 4] == pytest.approx(0, abs=1e-5)


def test_statistics_of_fit_know_nothing_of_validation_and_those_of_train_nothing_of_test():
    source = table(all_pairs(users=40, seed=1), users=40)
    data, _ = assemble("t", source, settings_of())

    def expected(rows, seen, leave_out):
        columns = []
        for row in range(len(rows)):
            seen_rows = seen.item == rows.item[row]
            if leave_out:
                seen_rows &= seen.user != rows.user[row]
            columns.append([seen.rating[seen_rows].mean(), seen_rows.sum(), seen.rating[seen_rows].std()])
        return np.array(columns)

    for rows, seen, leave_out in (
        (data.fit, data.fit, True),
        (data.validation, data.fit, False),
        (data.train, data.train, True),
        (data.test, data.train, False),
    ):
        assert natural(data, rows)[:, 3:] == pytest.approx(expected(rows, seen, leave_out), abs=1e-4)


def test_a_held_out_rating_changes_nothing_that_chooses():
    source = table(all_pairs(users=40, seed=1), users=40)
    data, _ = assemble("t", source, settings_of())
    held_out = np.zeros((40, 5), dtype=bool)
    for rows in (data.validation, data.test):
        held_out[rows.user, rows.item] = True
    changed = np.where(held_out[source.user, source.item], 6 - source.rating, source.rating)
    other, _ = assemble("t", replace(source, rating=changed), settings_of())
    assert np.array_equal(other.fit.rating, data.fit.rating)
    assert natural(other, other.fit) == pytest.approx(natural(data, data.fit), abs=1e-4)
    assert not np.array_equal(other.train.rating, data.train.rating)


def test_the_mean_and_deviation_are_those_of_the_training_rows():
    data, _ = assemble("t", table(all_pairs(users=40), users=40), settings_of())
    x = natural(data, data.train)
    assert data.mean == pytest.approx(x.mean(axis=0, dtype=float), abs=1e-4)
    assert data.deviation[:4] == pytest.approx(x.std(axis=0, dtype=float)[:4], abs=1e-4)
    assert data.train.x.std(axis=0)[:4] == pytest.approx(np.ones(4), abs=1e-4)


def test_a_constant_feature_has_deviation_one():
    source = table(all_pairs())
    constant = source.item_values.copy()
    constant[:, 1] = 0.1
    data, _ = assemble("t", replace(source, item_values=constant), settings_of())
    assert data.deviation[2] == 1
    assert not data.train.x[:, 2].any()
    assert not data.item_x[:, 2].any()


def test_a_test_row_is_its_item_and_its_user():
    data, _ = assemble("t", table(all_pairs(users=40), users=40), settings_of())
    assert np.array_equal(data.test.x, data.item_x[data.test.item] + data.user_x[data.test.user])
    assert not data.item_x[:, 0].any()
    assert not data.user_x[:, 1:].any()
    assert (data.user_x[:, 0] * data.deviation[0] + data.mean[0])[7] == pytest.approx(27, abs=1e-4)


def test_with_select_test_the_test_rows_choose():
    data, facts = assemble("t", table(all_pairs()), settings_of(select="test"))
    assert data.fit is data.train
    assert data.validation is data.test
    assert data.select == "test"
    assert facts["fit"] == facts["train"]


def test_means_by_folds():
    source = table(all_pairs(users=60), users=60)
    alone, _ = assemble("t", source, settings_of())
    folds, _ = assemble("t", source, settings_of(item_mean="kfold"))
    assert as_set(alone.train) == as_set(folds.train)
    by_row, by_fold = natural(alone, alone.train)[:, 3], natural(folds, folds.train)[:, 3]
    # Leaving one out gives an item as many means as ratings (five); five folds give it five at most.
    of_item = folds.train.item == 0
    assert len(np.unique(by_fold[of_item].round(4))) == 5
    assert np.corrcoef(by_row[of_item], alone.train.rating[of_item])[0, 1] == pytest.approx(-1, abs=1e-3)
    assert abs(np.corrcoef(by_fold[of_item], alone.train.rating[of_item])[0, 1]) < 0.6
    # Rows that are held out see all ratings in both cases.
    assert natural(folds, folds.test) == pytest.approx(natural(alone, alone.test), abs=1e-4)


def test_another_data_set_holds_others_out_and_the_same_one_the_same():
    source = table(all_pairs(users=40), users=40)
    first, again, other = (assemble(name, source, settings_of())[0] for name in ("a", "a", "b"))
    assert np.array_equal(first.validation.x, again.validation.x)
    assert as_set(first.test) != as_set(other.test)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (table([(0, 0, 3), (0, 1, 3), (1, 0, 3), (1, 1, 3)], [0, 0, 0, 1]), "all training ratings are 3"),
        (table([(0, 0, 3), (0, 1, 2)], [1, 1]), "no training ratings"),
        (table([(0, 0, 3), (1, 1, 2)]), "too few to hold some out for test"),
        (table([(0, 0, 3), (1, 1, 2), (1, 2, 4)], [0, 0, 1]), "too few to hold some out for validation"),
        (table([(0, 0, 3), (1, 1, 2), (2, 2, 4)], [0, 0, 1]), "no test rating of a user who has training ratings"),
        (table(all_pairs(), [0] * 30), "no test rating of a user who has training ratings"),
        (
            replace(
                table(all_pairs(), statistics=()),
                user_features=(),
                user_values=np.zeros((6, 0)),
                item_features=(),
                item_values=np.zeros((5, 0)),
            ),
            "the items have no attributes",
        ),
    ],
)
def test_nothing_to_learn_from_is_one_line(source, message):
    with pytest.raises(UserError, match=message) as caught:
        assemble("mine", source, settings_of())
    assert str(caught.value).startswith("mine: ")
    assert "\n" not in str(caught.value)


def test_ratings_outside_the_scale():
    lines = np.array([4, 5, 7])
    check_ratings("f", np.array([1.0, 5.0, 3.5]), lines, (1, 5))
    check_ratings("f", np.array([-1e9, 0.0, 1e9]), lines, (-1e9, 1e9))
    with pytest.raises(UserError, match=r"f, line 5: rating 5\.5 \(and 1 more\); accepted: 1 to 5"):
        check_ratings("f", np.array([1.0, 5.5, np.nan]), lines, (1, 5))


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=20))
@settings(max_examples=60, deadline=None)
def test_of_the_same_pair_the_last_stays(pairs):
    user, item = np.array(pairs).T
    kept = last_of_pairs("f", user, item, (user, item), np.arange(len(user)), "last")
    assert kept.tolist() == sorted({pair: row for row, pair in enumerate(pairs)}.values())


# --- folders ------------------------------------------------------------------------------------------------


def test_what_is_saved_is_read_back(prepared):
    data = RatingData.load(prepared("preftrees"))
    assert data.title == "Generated preferences"
    facts = read_manifest(prepared("preftrees"))["facts"]
    assert facts["origin"] == "generated"
    assert facts["feature_count"] == 10
    assert facts["users_with_one_rating"] == 0
    assert RatingData.load(prepared("preftrees", select="test")).select == "test"


def test_a_folder_without_raw_data_says_what_to_run(tmp_path):
    with pytest.raises(UserError, match="run the steps before this one first"):
        prepare("preftrees", tmp_path, tmp_path / "data", settings_of())
    assert not (tmp_path / "data").exists()


def test_an_unknown_attribute_has_the_median_and_is_kept_as_unknown(tmp_path):
    values = np.column_stack([np.arange(5) % 2, [0.0, 10.0, np.nan, 30.0, 70.0]])
    filled = np.where(np.isnan(values), 20.0, values)
    pairs = all_pairs()
    unknown, _ = assemble("t", replace(table(pairs), item_values=values), settings_of())
    known, _ = assemble("t", replace(table(pairs), item_values=filled), settings_of())
    assert np.array_equal(unknown.item_x, known.item_x)
    assert np.array_equal(unknown.train.x, known.train.x)
    assert known.unknown is None
    names = [feature.name for feature in unknown.features]
    assert np.argwhere(unknown.unknown).tolist() == [[2, names.index("size")]]
    for name, data in (("unknown", unknown), ("known", known)):
        data.save(tmp_path / name)
        again = RatingData.load(tmp_path / name).unknown
        assert again is None if data.unknown is None else np.array_equal(again, data.unknown)
