"""People's own tables, as the sites where they rate export them."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from hypernet.lab.errors import UserError
from hypernet.ratings.core.tables import Feature
from hypernet.ratings.tools.items import Items, add_items
from hypernet.ratings.tools.profiles import read_pairs, read_people, read_ratings

FILMS = Items(
    np.array(["1", "2", "3"]),
    np.array(["Matrix, The (1999)", "Seven (a.k.a. Se7en) (1995)", "Amélie (2001)"]),
    np.zeros((3, 2), np.float32),
)


def profile(tmp_path, text, low=0.5, high=10, **options):
    path = tmp_path / "mine.csv"
    path.write_text(text, encoding="utf-8")
    read = read_ratings(path, FILMS, low, high, **options)
    return dict(zip(read.item.tolist(), read.rating.tolist(), strict=True)), read.notes


EXPORTS = {
    "letterboxd": (
        "Date,Name,Year,Letterboxd URI,Rating\n"
        "2020-01-01,The Matrix,1999,https://boxd.it/1,4.5\n2020-01-02,Amelie,2001,https://boxd.it/2,4\n"
    ),
    "imdb": (
        "Const,Your Rating,Date Rated,Title,Original Title,URL,Title Type,IMDb Rating,Year,Genres\n"
        'tt1,4.5,2020-01-01,The Matrix,The Matrix,http://x,Movie,8.7,1999,"Action, Sci-Fi"\n'
        "tt2,4,2020-01-01,Amélie,Le fabuleux destin,http://x,Movie,8.3,2001,Comedy\n"
    ),
    "trakt": (
        "rated_at,type,title,year,trakt_rating,trakt_id,imdb_id,rating\n"
        "2020,movie,The Matrix,1999,1,1,tt1,4.5\n2020,movie,Amelie,2001,1,2,tt2,4\n"
    ),
    # The identifiers are those of the site, and some of them exist here.
    "goodreads": (
        "Book Id,Title,Author,My Rating,Average Rating\n3,The Matrix,X,4.5,3.9\n1,Amélie,Y,4,3.1\n2,Se7en,Z,0,4.5\n"
    ),
    "numbered by pandas": ",movieId,rating\n0,1.0,4.5\n1,3.0,4\n2,2.0,\n",
    "without names": "7\t1\t4.5\t881250949\n7\t3\t4\t881250949\n",
}


@pytest.mark.parametrize("site", EXPORTS)
def test_exports_of_the_sites_where_people_rate(tmp_path, site):
    ratings, notes = profile(tmp_path, EXPORTS[site])
    assert ratings == {0: 4.5, 2: 4.0}
    assert notes or site == "trakt"
    if site == "goodreads":
        assert any("left out: 1 row of which the rating is 0" in note for note in notes)
        assert any("no id fits its title here" in note for note in notes)


def test_films_that_the_model_does_not_know_are_left_out_where_that_is_asked_for(tmp_path):
    text = (
        EXPORTS["letterboxd"]
        + "2020-01-03,Zardoz,1974,https://boxd.it/3,1\n2020-01-03,Alien,1979,https://boxd.it/4,5\n"
    )
    with pytest.raises(UserError, match=r"line 4: no item 'Zardoz' \(1974\); .* \(2 of 4 rows .*, as 'Alien' \(1979\)"):
        profile(tmp_path, text)
    ratings, notes = profile(tmp_path, text, unknown="skip")
    assert ratings == {0: 4.5, 2: 4.0}
    assert any(
        "2 of 4 rows are of unknown items and left out: 'Zardoz' (1974); 'Alien' (1979)" in note for note in notes
    )
    with pytest.raises(UserError, match="unknown: 'drop'; accepted: None, 'skip'"):
        profile(tmp_path, text, unknown="drop")
    with pytest.raises(
        UserError, match=r"no ratings in here; .*\(1 of 1 rows are of unknown items and left out: 'Zardoz'"
    ):
        profile(tmp_path, "title,rating\nZardoz,1\n", unknown="skip")


def test_a_table_on_another_scale_is_told_what_it_is_on(tmp_path):
    with pytest.raises(
        UserError, match=r"the rating 9 is not on the scale from 0\.5 to 5 \(2 of 2 are not; yours go from 7 to 9"
    ):
        profile(tmp_path, "item,rating\n1,9\n2,7\n", high=5)
    with pytest.raises(
        UserError, match=r"the rating 0 is not on the scale from 0\.5 to 5; where it means not rated, leave"
    ):
        profile(tmp_path, "item,rating\n1,5\n2,0\n", high=5)


def test_many_people_and_pairs_with_unknown_items(tmp_path):
    table = pd.DataFrame(
        {"user": ["a", "a", "b", "c"], "title": ["The Matrix", "Zardoz", "Se7en", "Alien"], "rating": [5, 1, 3, 2]}
    )
    people, rows, notes = read_people(table, FILMS, 1, 5, unknown="skip")
    assert (people.tolist(), rows.item.tolist(), rows.rating.tolist()) == (["a", "b"], [0, 1], [5, 3])
    assert any("2 of 4 rows are of unknown items" in note for note in notes)
    with pytest.raises(UserError, match="ratings, row 1: no item 'Zardoz'"):
        read_people(table, FILMS, 1, 5)


def test_pairs_by_id_with_unknown_items():
    people = np.array(["a", "b"], dtype=object)
    names, user, item, notes = read_pairs([("b", "3"), ("b", "77"), ("z", "1")], people, FILMS, "skip")
    assert (names.tolist(), user.tolist(), item.tolist()) == (["b", "z"], [1, -1], [2, 0])
    assert notes == ("pairs: 1 of 3 rows are of unknown items and left out: '77'",)


@pytest.mark.parametrize(
    "times", [("2000", "1000"), ("2026-02-01", "2026-01-31"), ("01.02.2026", "31.01.2026"), ("1000", "1000")]
)
def test_the_last_of_two_ratings_is_the_latest_wherever_it_stands(tmp_path, times):
    """Exports have the newest first."""
    newer, older = times
    last = 5.0 if newer != older else 1.0
    ratings, notes = profile(tmp_path, f"item,rating,timestamp\n1,5,{newer}\n1,1,{older}\n", keep="last")
    assert (ratings, notes) == ({0: last}, ())
    people = pd.DataFrame(
        {"user": ["a"] * 3, "item": ["1", "2", "1"], "rating": [5, 2, 1], "time": [newer, newer, older]}
    )
    names, rows, _ = read_people(people, FILMS, 0.5, 10, keep="last")
    assert (names.tolist(), rows.item.tolist(), rows.rating.tolist()) == (["a"], [0, 1], [last, 2.0])


def test_times_that_cannot_be_read_are_noted(tmp_path):
    text = "item,rating,timestamp\n1,5,soon\n1,1,later\n"
    ratings, (note,) = profile(tmp_path, text, keep="last")
    assert ratings == {0: 1.0}
    assert "line 2: 'soon' is not a time" in note
    assert note.endswith("the later in the table counts")
    # Where no rating is replaced, times do not matter.
    assert profile(tmp_path, "item,rating,timestamp\n1,5,soon\n")[1] == ()


def test_numbers_of_rows_of_a_pandas_table_are_no_column():
    table = pd.DataFrame({"Unnamed: 0": [0, 1], "item": [1.0, 2.0], "rating": [3, np.nan]})
    read = read_ratings(table, FILMS, 1, 5)
    assert (read.item.tolist(), read.rating.tolist()) == ([0], [3])
    assert read.notes == ("ratings: left out: 1 row without a rating",)


def test_new_items_have_their_year_from_the_title(tmp_path):
    feature = Feature("year", "number", "item", "year above {t}", "year below {t}", "year")
    known = SimpleNamespace(features=(feature,), mean=np.array([1980.0]), deviation=np.array([10.0]))
    films = Items(FILMS.ids, FILMS.titles, np.zeros((3, 1), np.float32))
    path = tmp_path / "new.csv"
    path.write_text("item,title,year\n7,New (2000),-\n8,Newer,1990\n")
    model = SimpleNamespace(catalogue=known, reads=np.array)
    assert add_items(path, films, model).x[3:, 0].tolist() == [0, 1]
    path.write_text("item,title\n7,New (2000)\n8,Newer\n")
    assert add_items(path, films, model).x[3:, 0].tolist() == [2, 0]
