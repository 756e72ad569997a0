"""The scale of a table's ratings: taken from them, but for the few that are no end of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hypernet.lab.errors import UserError
from hypernet.ratings.sources.csv_tables import read
from hypernet.ratings.sources.scales import told_scale

CASES = Path(__file__).parents[1] / "cases"
SHOP = "item,price\n" + "".join(f"{number},{number}\n" for number in range(1, 13))


def tables(folder, ratings):
    """A table of ratings, each by a user of its own, and one of items."""
    rows = "".join(f"u{row},{row % 12 + 1},{value:g}\n" for row, value in enumerate(ratings))
    (folder / "r.csv").write_text(f"user,item,rating\n{rows}")
    (folder / "i.csv").write_text(SHOP)
    return folder / "r.csv", folder / "i.csv"


def test_a_rating_far_from_all_others_is_no_end_of_the_scale(tmp_path):
    (tmp_path / "i.csv").write_text(SHOP)
    with pytest.raises(
        UserError, match=r"range_r\.csv, line 50: rating 99 lies far from the others, .* from 1 to 5; "
    ) as caught:
        read(CASES / "range_r.csv", tmp_path / "i.csv", "mine", None)
    assert "ratings without such ones, or with scale: [1, 99] in the settings" in str(caught.value)
    with pytest.raises(UserError, match=r"line 50: rating 99; accepted: 1 to 5"):
        read(CASES / "range_r.csv", tmp_path / "i.csv", "mine", None, scale=(1, 5))
    assert read(CASES / "range_r.csv", tmp_path / "i.csv", "mine", None, scale=(1, 99)).rating.max() == 99


@pytest.mark.parametrize(
    ("ratings", "line"),
    [
        ((1, 2, 3, 4, 5), None),
        ((1, 5), None),
        ((0, 1, 1, 0), None),
        ((0.5, 1, 2.5, 5, 10), None),
        ((-9.5, 3, 10, 99, 99), 5),
        ((-99, 1, 2, 3, 4), 2),
        ((1, 2, 3, 50, 5, 999), 7),
        ((*[1, 2, 3, 4, 5] * 8, 10), 42),
        ((*[1, 2, 3, 4, 5] * 8, 7), None),
    ],
)
def test_which_ratings_are_alone(tmp_path, ratings, line):
    paths = tables(tmp_path, ratings)
    if line is None:
        assert read(*paths, "mine", None).rating.tolist() == list(ratings)
    else:
        with pytest.raises(UserError, match=rf"r\.csv, line {line}: rating .* lies far from the others"):
            read(*paths, "mine", None)


STARS, HALVES = tuple([1, 2, 3, 4, 5, 4, 5, 3] * 125), tuple(np.arange(1, 11) / 2) * 100
TENTHS = tuple(range(11)) * 60


@pytest.mark.parametrize(
    ("ratings", "told"),
    [
        ((*STARS, 6), "line 1002: rating 6 is beyond the scale of the others, which go from 1 to 5; accepted: "),
        ((*STARS, 7), "line 1002: rating 7 is beyond the scale of the others, which go from 1 to 5"),
        ((*STARS, 0), "line 1002: rating 0 is beyond the scale of the others, which go from 1 to 5"),
        ((*STARS, 6, 6, 6), r"line 1002: rating 6 \(and 2 more like it\) is beyond"),
        ((*STARS, 0, 6), r"line 1002: rating 0 \(and 1 more like it\) is beyond .* with scale: \[0, 6\] in"),
        ((*STARS, -1), "line 1002: rating -1 seems to mean not rated: the others go from 1 to 5"),
        ((*STARS, 9999), "line 1002: rating 9999 lies far from the others, which go from 1 to 5"),
        ((*HALVES, 5.5), "line 1002: rating 5.5 is beyond the scale of the others, which go from 0.5 to 5"),
        ((*HALVES, 0), "line 1002: rating 0 is beyond the scale of the others, which go from 0.5 to 5"),
        ((*STARS, 0.5), "line 1002: rating 0.5 is beyond the scale of the others, which go from 1 to 5"),
        ((*TENTHS, 11), "line 662: rating 11 is beyond the scale of the others, which go from 0 to 10"),
        ((*[0] * 600, *TENTHS[:500]), r"line 2: rating 0 \(and 645 more like it\) seems to mean not rated: "),
        (STARS * 2, None),
        (HALVES, None),
        # Some give the ends of a scale hardly ever.
        ((*HALVES[1:], *tuple(np.arange(2, 11) / 2) * 60), None),
        ((*list(range(10)) * 60, 10, 10), None),
        ((*list(range(1, 11)) * 60, 0), None),
        ((*list(range(1, 6)) * 9, *range(1, 8)), None),
        (tuple(range(101)) * 3, None),
        ((*range(1, 101), 0), None),
        ((0, 1) * 300, None),
        ((-1, 0, 1, 1) * 200, None),
        ((-2, -1, 0, 1, 2) * 200, None),
    ],
)
def test_a_few_ratings_beyond_the_scale_are_no_end_of_it(tmp_path, ratings, told):
    paths = tables(tmp_path, ratings)
    if told is None:
        assert len(read(*paths, "mine", None).rating) == len(ratings)
        return
    with pytest.raises(UserError, match=told):
        read(*paths, "mine", None)
    ends = min(ratings), max(ratings)
    assert len(read(*paths, "mine", None, scale=ends).rating) == len(ratings)


def test_the_line_on_the_scale_says_what_it_rests_on():
    assert told_scale(np.array([1.0, 2, 3, 6, 6])) == (
        "the ratings go from 1 to 6, which is taken for the scale (1 of 5 are 1, 2 are 6; tables: scale)"
    )


@pytest.mark.parametrize(("value", "noted"), [(0, True), (1, False)])
def test_a_value_that_may_mean_not_rated_is_noted(tmp_path, value, noted):
    raw = read(*tables(tmp_path, (2, 3, 4, 5, value) * 8), "mine", None)
    told = f"8 of 40 ratings are {value}, the others 2 to 5; if {value} means not rated, leave these rows out"
    assert (told in [note.split(".csv: ")[-1] for note in raw.notes]) == noted
    assert len(raw.rating) == 40


@pytest.mark.parametrize("low", [0, -1])
def test_likes_and_dislikes_are_not_taken_for_missing(tmp_path, low):
    raw = read(*tables(tmp_path, (low, 1) * 20), "mine", None)
    assert not [note for note in raw.notes if "not rated" in note]
