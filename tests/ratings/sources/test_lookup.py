"""Finding items: the title that a person means, and never another item."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hypernet.lab.errors import UserError
from hypernet.ratings.sources.lookup import Lookup, Names
from hypernet.ratings.sources.titles import taken_apart

TITLES = [
    "Matrix, The (1999)",
    "Amélie (Fabuleux destin d'Amélie Poulain, Le) (2001)",
    "Seven (a.k.a. Se7en) (1995)",
    "Heat (1995)",
    "Heat (1986)",
    "Babylon 5",
    '"Great" One, The (1985)',
    "300 (2007)",
    "1917 (2019)",
]
FILMS = Lookup(np.arange(1, 10).astype(str), np.array(TITLES))


def names(ids=None, titles=None, years=None):
    count = len(ids if ids is not None else titles)
    return Names(ids, titles, years, [f"line {row + 2}" for row in range(count)], "mine.csv")


def located(ids=None, titles=None, years=None, **options):
    return FILMS.find_all(names(ids, titles, years), **options).number.tolist()


def refusal(ids=None, titles=None, years=None, **options):
    with pytest.raises(UserError) as caught:
        FILMS.find_all(names(ids, titles, years), **options)
    return str(caught.value)


@pytest.mark.parametrize(
    ("title", "place"),
    [
        ("Matrix, The (1999)", 0),
        ("the  matrix (1999)", 0),
        ("The Matrix", 0),
        ("Matrix, The", 0),
        ("Amelie (2001)", 1),
        ("AMÉLIE", 1),
        ("Le Fabuleux destin d’Amélie Poulain (2001)", 1),
        ("Se7en", 2),
        ("Seven (1995)", 2),
        ("Heat (1986)", 4),
        ("The “Great” One (1985)", 6),
        ("300", 7),
    ],
)
def test_a_title_as_people_write_it(title, place):
    assert located(titles=[title]) == [place]


@pytest.mark.parametrize("title", ["The Matrix (2021)", "Matri", "Amelie (2002)", "9", "The", ""])
def test_another_film_is_none(title):
    assert located(titles=[title], unknown="skip") == [-1]


def test_a_year_beside_the_title_tells_films_apart():
    assert located(titles=["Heat", "Heat", "Babylon 5"], years=["1986", "1995.0", "1994"]) == [4, 3, 5]
    assert "'Heat' is the title of several items; give the id of one: 4, 5" in refusal(titles=["Heat"])


def test_what_is_not_as_it_is_written_is_noted():
    places = FILMS.find_all(names(titles=["The Matrix", "Heat (1995)"]))
    assert places.notes == ["mine.csv: written otherwise: 1 title: The Matrix is Matrix, The (1999)"]


def test_numbers_are_ids_among_ids_and_titles_among_titles():
    films = Lookup(np.array(["300", "5", "9"]), np.array(["Heat (1995)", "300 (2007)", "9"]))
    assert films.find_all(names(["300", "9"])).number.tolist() == [0, 2]
    assert films.find_all(names(["300", "Heat"])).number.tolist() == [1, 0]
    assert films.find_all(names(titles=["300"])).number.tolist() == [1]
    for texts, message in (
        (["300"], "'300' is the id of 'Heat (1995)' and may be the title of 5; call the column title"),
        (["5", "Heat"], "line 2: '5' is the id of '300 (2007)' and may be a title, as 'Heat' is"),
        (["5", "Zardoz"], "line 2: '5' is the id of '300 (2007)' and may be a title, as 'Zardoz' is"),
    ):
        with pytest.raises(UserError) as caught:
            films.find_all(names(texts))
        assert message in str(caught.value)


def test_an_id_and_a_title_that_disagree():
    assert located(["1", "4"], ["Matrix, The (1999)", "Heat (1995)"]) == [0, 3]
    # The id alone, and the title alone.
    assert located(["1", "4"], ["The Matrix", ""]) == [0, 3]
    assert located(["1", "x"], ["The Matrix", "Heat (1986)"]) == [0, 4]
    # Another catalogue's ids: none of them fits its title.
    places = FILMS.find_all(names(["1", "2"], ["Babylon 5", "The Matrix"]))
    assert places.number.tolist() == [5, 0]
    assert "mine.csv: no id fits its title here; items are told by title" in places.notes
    message = refusal(["1", "4"], ["The Matrix", "Babylon 5"])
    assert "line 3: item 4 is 'Heat (1995)', the title is 'Babylon 5'; accepted: an id and its title" in message
    message = refusal(["1"], ["Zardoz"])
    assert "mine.csv, line 2: no item 'Zardoz'; item 1 is 'Matrix, The (1999)'" in message


def test_titles_of_something_else_leave_the_ids_of_ones_own_tables():
    places = FILMS.find_all(names(["1", "2"], ["Great!", "Not for me"]), trust_ids=True)
    assert places.number.tolist() == [0, 1]
    assert "the column of titles holds no title of an item" in places.notes[0]


def test_unknown_items_are_counted_or_left_out():
    ids = ["1", "77", "78", "4", "79"]
    assert refusal(ids) == (
        "mine.csv, line 3: no item '77'; an id or title of the 9 items is accepted (3 of 5 rows have such items, as "
        "'78', '79'; unknown: skip leaves them out)"
    )
    places = FILMS.find_all(names(ids), unknown="skip")
    assert (places.number.tolist(), places.unknown) == ([0, -1, -1, 3, -1], [1, 2, 4])
    assert places.notes == ["mine.csv: 3 of 5 rows are of unknown items and left out: '77'; '78'; '79'"]
    assert "like it: 4 (one of the tables has lost its leading zeros)" in refusal(["0004"])


ENDS = st.sampled_from(["", " (1999)", " (a.k.a. X)", " (2001)"])
WORDS = st.text(alphabet="abcé ',.()-19", min_size=1, max_size=8)


@given(st.lists(st.builds("{}{}".format, WORDS, ENDS), min_size=1, max_size=6), st.integers(0, 5))
@settings(max_examples=200, deadline=None)
def test_a_title_as_it_stands_finds_its_item_or_is_that_of_several(titles, place):
    place %= len(titles)
    lookup = Lookup(np.array([f"i{number}" for number in range(len(titles))]), np.array(titles))
    places = lookup.of_title(titles[place])
    # An array drops nothing but zeros at the end of a text; there are none here.
    assert place in places
    if len(places) == 1:
        assert places == [place]


@given(st.text(max_size=30))
@settings(max_examples=200, deadline=None)
def test_any_title_can_be_taken_apart(title):
    parts = taken_apart(title)
    assert parts.name == taken_apart(title.upper()).name or not title.isascii()
    assert parts.year is None or 0 <= parts.year <= 9999
