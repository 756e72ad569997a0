"""What columns of the items become: numbers with units, lists of values, yes and no, and what is left out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hypernet.lab.errors import UserError
from hypernet.ratings.sources.attributes import Attributes

PATH = Path("i.csv")


def become(name, *texts):
    """The attributes by name, with their values, None where unknown, and the notes without the name of the table."""
    attributes = Attributes()
    attributes.add(PATH, name, list(texts), np.arange(2, len(texts) + 2))
    names = [feature.name for feature in attributes.features]
    values = [[None if np.isnan(value) else value for value in column] for column in attributes.values]
    return dict(zip(names, values, strict=True)), [note.removeprefix("i.csv: ") for note in attributes.notes]


GENRES = [["Drama", "Action"], ["Drama"], ["Action"], ["Action", "Drama", "War"], ["War"], ["War", "Drama"]]


@pytest.mark.parametrize(
    "write",
    [
        "|".join,
        ", ".join,
        "; ".join,
        "/".join,
        str,
        lambda genres: str(genres).replace("'", '"'),
        lambda genres: "[" + ", ".join(f'{{"id": 3, "name": "{genre}"}}' for genre in genres) + "]",
    ],
)
def test_lists_however_they_are_parted(write):
    columns, _ = become("genres", *map(write, GENRES))
    assert columns == {
        f"genres: {genre}": [float(genre in listed) for listed in GENRES] for genre in ("Action", "Drama", "War")
    }


def test_lists_of_recbole_are_parted_by_spaces():
    columns, notes = become("class:token_seq", *map(" ".join, GENRES))
    assert set(columns) == {"class: Drama", "class: Action", "class: War"}
    assert notes == ["class is read as lists parted by spaces"]


@pytest.mark.parametrize("texts", [("Paris, France", "Rome, Italy") * 2, ("AC/DC", "Abba") * 2, ("a; b", "a; b")])
def test_a_text_that_holds_a_separator_is_no_list(texts):
    columns, _ = become("place", *texts, "x")
    assert set(columns) == {f"place: {text}" for text in texts}


def test_values_of_one_item_or_of_all_are_left_out():
    assert become("about", "long text", "another", "third") == (
        {},
        ["about is left out: each of its values is that of one item, or of all"],
    )
    assert become("shop", "main", "main")[0] == {}
    columns, notes = become("maker", "A", "A", "B", "C")
    assert columns == {"maker: A": [1, 1, 0, 0]}
    assert notes == ["maker has 3 values; the most frequent are taken: 1"]
    assert become("notes", "", "NA", "-") == ({}, ["notes is empty, and left out"])


@pytest.mark.parametrize(
    ("texts", "values", "told"),
    [
        (("10.99 €", "5 €"), [10.99, 5], "numbers, without '€'"),
        (("$1,036.99", "$5.00"), [1036.99, 5], "numbers, commas between thousands, without '$'"),
        (("EUR 12", "EUR 3"), [12, 3], "numbers, without 'EUR'"),
        (("1,012.50", "12"), [1012.5, 12], "numbers, commas between thousands"),
        (("120 min", "95 min"), [120, 95], "numbers, without 'min'"),
        (("20%", "5 %"), [20, 5], "numbers, without '%'"),
    ],
)
def test_numbers_with_units_and_thousands(texts, values, told):
    assert become("price", *texts) == ({"price": values}, [f"price is read as {told}"])


@pytest.mark.parametrize("texts", [("A12", "A15"), ("10 €", "$10"), ("1,012", "2,500"), ("v1.2.3", "v1.2.4")])
def test_what_may_be_no_number_is_none(texts):
    columns, _ = become("code of it", *texts, *texts)
    assert set(columns) == {f"code of it: {text}" for text in texts}


@pytest.mark.parametrize(("yes", "no"), [("True", "False"), ("yes", "no"), ("Y", "N"), ("1", "0"), ("1.0", "0.0")])
def test_yes_and_no(yes, no):
    assert become("new", yes, no, yes) == ({"new": [1, 0, 1]}, [])
    columns, notes = become("new", yes, no, "", "NA")
    # Of an item of which it is not known, "not new: yes" and "not new: no" are both true.
    assert columns == {"new: yes": [1, 0, 0, 0], "new: no": [0, 1, 0, 0]}
    assert notes == ["new is not known of 2 items: neither yes nor no is said there"]


@pytest.mark.parametrize("word", ["-", "?", "<NA>", "unknown", "NaT", "#N/A"])
def test_what_programs_write_where_there_is_no_number(word):
    columns, notes = become("year", "1990", word, "2000", "1980")
    assert columns == {"year": [1990, None, 2000, 1980]}
    assert notes == ["year is not known of 1 item: taken is the median of the others"]


def test_a_mark_for_what_is_not_known_is_no_number():
    columns, notes = become("year", "1990", "-999", "2000", "1980")
    assert columns == {"year": [1990, None, 2000, 1980]}
    assert notes[0] == "year is read as -999 for what is not known"
    # Among other negative numbers it may be meant.
    assert become("height", "-999", "-500", "20")[0] == {"height": [-999, -500, 20]}
    assert become("height", "-1", "-5", "20")[0] == {"height": [-1, -5, 20]}


@pytest.mark.parametrize("marks", [("9999",), ("0",), ("-1",), ("0", "9999")])
def test_a_year_that_no_item_can_have_is_not_known(marks):
    columns, notes = become("year", *marks, "1990", "2000", "1980")
    assert columns == {"year": [*[None] * len(marks), 1990, 2000, 1980]}
    assert notes[0] == f"year is read as {' and '.join(marks)} for what is not known"
    dates, notes = become("release", "9999-12-31", "1990-01-02", "2000-03-04", "1980-05-06")
    assert dates == {"release year": [None, 1990, 2000, 1980]}
    assert notes == ["release is read as dates, of which the year counts, 9999 for what is not known"]


def test_a_year_with_a_digit_too_many_is_refused_with_its_line():
    years = [str(year) for year in range(1981, 2001)]
    with pytest.raises(UserError, match=r"line \d+: year is '19855', the others are years up to 2200"):
        become("year", *years, "19855")
    assert become("votes", *years, "19855")[0] == {"votes": [*map(int, years), 19855]}


def test_a_number_far_above_all_others_is_told():
    columns, notes = become("runtime", "9999", "90", "120", "9999")
    assert columns == {"runtime": [9999, 90, 120, 9999]}
    assert notes == [
        "runtime has 9999 in 2 of 4 cells, the others go up to 120; if it stands for what is not known, leave these "
        "cells empty"
    ]
    assert become("votes", "9999", "8000", "120")[1] == []


@pytest.mark.parametrize(
    "dates",
    [
        ("1999-05-03", "2001-12-24"),
        ("1999-05-03 12:00:00", "2001-12-24T08:30:00Z"),
        ("03-May-1999", "24-Dec-2001"),
        ("3.5.1999", "24.12.2001"),
        ("5/3/1999", "12/24/2001"),
        ("May 3, 1999", "December 24, 2001"),
    ],
)
def test_of_dates_the_year_counts(dates):
    assert become("release", *dates)[0] == {"release year": [1999, 2001]}
    with pytest.raises(UserError, match=r"i\.csv, line 4: release is '1x' and most cells are dates; accepted: a date"):
        become("release", *dates, "1x")


def test_codes_are_no_quantities():
    assert become("imdbId", "12", "13", "14")[0] == {}
    assert become("category", "12", "13", "12", "13", "5")[0] == {
        "category: 12": [1, 0, 1, 0, 0],
        "category: 13": [0, 1, 0, 1, 0],
    }
    assert become("width", "12", "13", "12", "13", "5")[0] == {"width": [12, 13, 12, 13, 5]}


def test_a_list_of_a_stranger_runs_nothing_and_ends():
    deep = "[" * 3000 + "]" * 3000
    columns, _ = become("genres", "[__import__('os')]", deep, "[" + "9" * 20_000 + "]", deep)
    assert set(columns) == {f"genres: {deep}"}
