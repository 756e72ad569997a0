"""People's ratings, and what to predict for them, from tables as people hold them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.ratings.core.tables import Rows
from hypernet.ratings.sources.headers import ZERO_IS_NONE, plain_name
from hypernet.ratings.sources.lookup import MOST_LETTERS, Lookup, Names
from hypernet.ratings.sources.moments import LATER_ROW, moments, not_a_time
from hypernet.ratings.sources.numerals import is_missing, plain_number
from hypernet.ratings.tools.given import (
    Given,
    Table,
    is_series,
    number,
    read_list,
    read_mapping,
    read_table,
)
from hypernet.ratings.tools.items import Items

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd


# What else than a table ratings and pairs may be, for messages.
RATINGS_OF_ONE = "a dictionary or Series {item: rating}, a list of (item, rating)"
RATINGS_OF_MANY = "a dictionary {user: {item: rating}}"
PAIRS = "a list of (user, item)"
# What may be done with a second rating of an item.
KEEP = (None, "last")
# What may be done with an item that the model does not know.
UNKNOWN = (None, "skip")
# Names of the columns of files that have none, by how many there are.
NAMELESS_RATINGS = {
    2: ("item", "rating"),
    3: ("user", "item", "rating"),
    4: ("user", "item", "rating", "timestamp"),
}
NAMELESS_PAIRS = {2: ("user", "item")}
KEEP_HINT = "; accepted: each item once (keep last: the last rating counts)"


class Profile(NamedTuple):
    """One person's ratings.

    Attributes:
        item: numbers of the items, int64 ``[n]``.
        rating: float64 ``[n]``.
        notes: how the table was read.
    """

    item: np.ndarray
    rating: np.ndarray
    notes: tuple[str, ...]


def read_ratings(
    table: Table | Mapping[str, float] | pd.Series[float] | Sequence[tuple[str, float]],
    items: Items,
    low: float,
    high: float,
    keep: str | None = None,
    unknown: str | None = None,
) -> Profile:
    """One person's ratings.

    Args:
        table: a path to a CSV file or a pandas table with the columns ``item`` (id or title) and ``rating``; a column
            ``user`` may name one person, others do not matter; or a dictionary or pandas Series ``{item: rating}``,
            or a list of ``(item, rating)``.
        items: the items that may be rated.
        low: smallest rating of the scale.
        high: largest one.
        keep: ``"last"`` where an item may be rated twice and the last rating counts: the latest where there is a
            column ``timestamp``, else the later in the table.
        unknown: ``"skip"`` where items that the model does not know are left out.

    Returns:
        the ratings in the order of the table.

    Raises:
        UserError: no such file, no CSV, a column missing, ratings of several people, an item unknown or rated twice, a
            rating that is no number or outside the scale, no ratings at all.
    """
    columns = ["item", "rating"]
    if isinstance(table, Mapping) or is_series(table):
        given = read_mapping(list(table.items()), columns, "ratings")
    elif isinstance(table, list | tuple):
        given = read_list(table, columns, "ratings")
    else:
        given = read_table(table, "ratings", RATINGS_OF_ONE, NAMELESS_RATINGS)
    check_keep(keep)
    given = _rated(given, ["user", *columns], columns, low, keep)
    people = set(given.columns.get("user", []))
    if len(people) > 1:
        raise UserError(
            f"{given.name}: ratings of {len(people)} people (column user); accepted: one person's. "
            "`predict` takes the ratings of several"
        )
    given, numbers = _places(given, items, unknown)
    given, time = _times(given, keep)
    values = _ratings(given, low, high)
    names = given.columns.get("item", given.columns.get("title", []))
    ratings: dict[int, float] = {}
    rated: dict[int, int] = {}
    for row, item in enumerate(numbers.tolist()):
        if item in rated and keep is None:
            raise UserError(f"{given.at(row)}: {names[row]!r} is rated in {given.rows[rated[item]]} already{KEEP_HINT}")
        if item not in rated or time[row] >= time[rated[item]]:
            ratings[item], rated[item] = values[row], row
    if not ratings:
        raise UserError(f"{given.name}: no ratings in here; rate at least one item, a line each{_left_out(given)}")
    return Profile(
        np.array(list(ratings), dtype=np.int64), np.array(list(ratings.values()), dtype=np.float64), given.notes
    )


def read_people(
    table: str | Path | pd.DataFrame | Mapping[str, Mapping[str, float]],
    items: Items,
    low: float,
    high: float,
    keep: str | None = None,
    unknown: str | None = None,
) -> tuple[np.ndarray, Rows, tuple[str, ...]]:
    """The ratings of many people.

    Args:
        table: a path to a CSV file or a pandas table with the columns ``user``, ``item`` (id or title) and ``rating``;
            or a dictionary ``{user: {item: rating}}``.
        items: the items that may be rated.
        low: smallest rating of the scale.
        high: largest one.
        keep: ``"last"`` where a user may rate an item twice and the last rating counts: the latest where there is a
            column ``timestamp``, else the later in the table.
        unknown: ``"skip"`` where items that the model does not know are left out.

    Returns:
        the users in the order of their first rating, text ``[U]``, their ratings, sorted by user, and how the table was
        read.

    Raises:
        UserError: no such file, no CSV, a column missing, an item unknown, or rated twice by a user, a rating that is
            no number or outside the scale, no ratings at all.
    """
    columns = ["user", "item", "rating"]
    if isinstance(table, Mapping):
        given = _people(table, columns)
    else:
        given = read_table(table, "ratings", RATINGS_OF_MANY, NAMELESS_RATINGS)
    check_keep(keep)
    given = _rated(given, columns, columns, low, keep)
    given, numbers = _places(given, items, unknown)
    given, time = _times(given, keep)
    values = _ratings(given, low, high)
    titles = given.columns.get("item", given.columns.get("title", []))
    people: dict[str, int] = {}
    rated: dict[tuple[int, int], tuple[float, int]] = {}
    for row, (name, number_of) in enumerate(zip(given.columns["user"], numbers.tolist(), strict=True)):
        pair = people.setdefault(name, len(people)), number_of
        if pair in rated and keep is None:
            before = f"in {given.rows[rated[pair][1]]} already{KEEP_HINT}"
            raise UserError(f"{given.at(row)}: {name[:MOST_LETTERS]} rated {titles[row]!r} {before}")
        if pair not in rated or time[row] >= time[rated[pair][1]]:
            rated[pair] = values[row], row
    if not rated:
        raise UserError(f"{given.name}: no ratings in here; write one a line{_left_out(given)}")
    user, item = np.array(list(rated), dtype=np.int64).T
    rating = np.array([rating for rating, _ in rated.values()], dtype=np.float32)
    order = np.argsort(user, kind="stable")
    user, item, rating = user[order], item[order], rating[order]
    return np.array(list(people), dtype=object), Rows(user, item, rating, items.x[item]), given.notes


def _people(table: Mapping[str, object], columns: list[str]) -> Given:
    rows: list[tuple[object, ...]] = []
    for user, ratings in table.items():
        if not isinstance(ratings, Mapping):
            name = str(user)[:MOST_LETTERS]
            raise UserError(f"ratings: a {type(ratings).__name__} for {name!r}; accepted: {{user: {{item: rating}}}}")
        rows += [(user, item, rating) for item, rating in ratings.items()]
    return read_mapping(rows, columns, "ratings")


def read_pairs(
    table: Table | Sequence[tuple[str, str]], people: np.ndarray, items: Items, unknown: str | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[str, ...]]:
    """Whose rating of what to predict.

    Args:
        table: a path to a CSV file or a pandas table with the columns ``user`` and ``item`` (id or title); or a list of
            ``(user, item)``.
        people: users who have ratings, text ``[U]``.
        items: the items.
        unknown: ``"skip"`` where items that the model does not know are left out.

    Returns:
        names of the users, text ``[N]``, their numbers, -1 of one without ratings, and numbers of the items, int64
        ``[N]`` each, in the order of the table, and how that was read.

    Raises:
        UserError: no such file, no CSV, a column missing, an unknown item, no pairs at all.
    """
    columns = ["user", "item"]
    if isinstance(table, list | tuple):
        given = read_list(table, columns, "pairs")
    else:
        given = read_table(table, "pairs", PAIRS, NAMELESS_PAIRS)
    given = given.named([*columns, "title", "year"])
    given.require(["user"] if "title" in given.columns else columns)
    if not given.rows:
        raise UserError(f"{given.name}: no pairs in here; write a user and an item a line")
    given, item = _places(given, items, unknown)
    names, numbers = given.columns["user"], {name: place for place, name in enumerate(people)}
    user = [numbers.get(name, -1) for name in names]
    return np.array(names, dtype=object), np.array(user, dtype=np.int64), item, given.notes


def _left_out(given: Given) -> str:
    """What was left out of a table that has no ratings, for the message."""
    told = [note.removeprefix(f"{given.name}: ") for note in given.notes if "left out" in note]
    return f" ({'; '.join(told)})" if told else ""


def _rated(given: Given, wanted: list[str], needed: list[str], low: float, keep: str | None) -> Given:
    """The columns of a table of ratings, and the rows that have one."""
    zero_is_none = low > 0 and any(plain_name(name) == ZERO_IS_NONE for name in given.columns)
    # Elsewhere two columns of times are no fault.
    given = given.named([*wanted, "title", "year", *(["timestamp"] if keep else [])])
    titled = "title" in given.columns
    given.require([name for name in needed if name != "rating" and not (name == "item" and titled)], ["rating"])
    texts = given.columns["rating"]
    given = given.without([row for row, text in enumerate(texts) if is_missing(text)], "without a rating")
    if zero_is_none:
        zeros = [row for row, text in enumerate(given.columns["rating"]) if plain_number(text) == 0]
        given = given.without(zeros, "of which the rating is 0, that is none (My Rating)")
    return given


def _times(given: Given, keep: str | None) -> tuple[Given, np.ndarray]:
    """When each rating was given, ``[N]``: what the column ``timestamp`` says, else the order of the table."""
    rows = np.arange(len(given.rows), dtype=np.float64)
    texts = given.columns.get("timestamp") if keep else None
    if texts is None:
        return given, rows
    times = moments(texts)
    strange = np.isnan(times)
    if not strange.any():
        return given, times
    row = int(np.argmax(strange))
    note = f"{given.at(row)}: {not_a_time(texts[row])}; {LATER_ROW}"
    return replace(given, notes=(*given.notes, note)), rows


def _places(given: Given, items: Items, unknown: str | None) -> tuple[Given, np.ndarray]:
    """The rows of known items, and the numbers of these items, int64 ``[N]``."""
    if unknown not in UNKNOWN:
        raise UserError(f"unknown: {' '.join(repr(unknown).split())[:MOST_LETTERS]}; accepted: None, 'skip'")
    columns = given.columns
    names = Names(columns.get("item"), columns.get("title"), columns.get("year"), given.rows, given.name)
    places = Lookup(items.ids, items.titles).find_all(names, unknown=unknown)
    given = given.without(places.unknown)
    return replace(given, notes=(*given.notes, *places.notes)), places.number[places.number >= 0]


def check_keep(keep: object) -> None:
    """Refuse what is no way to treat a second rating of an item.

    Raises:
        UserError: it is not in :data:`KEEP`.
    """
    if keep not in KEEP:
        raise UserError(f"keep: {' '.join(repr(keep).split())[:MOST_LETTERS]}; accepted: None, 'last'")


def _ratings(given: Given, low: float, high: float) -> list[float]:
    """The numbers in the column of ratings, which must be on the scale."""
    texts = given.columns["rating"]
    values = [number(text, f"{given.at(row)}: the rating") for row, text in enumerate(texts)]
    off = [row for row, value in enumerate(values) if not low <= value <= high]
    if not off:
        return values
    hint = ""
    if all(values[row] == 0 for row in off):
        hint = "; where it means not rated, leave the rating empty"
    elif len(off) > 1:
        yours = f"yours go from {min(values):g} to {max(values):g}"
        hint = f" ({len(off)} of {len(values)} are not; {yours}: convert them first)"
    raise UserError(
        f"{given.at(off[0])}: the rating {texts[off[0]][:20]} is not on the scale from {low:g} to {high:g}{hint}"
    )
