"""People's ratings, and what to predict for them, from tables as people hold them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.ratings.core.tables import Rows
from hypernet.ratings.tools.given import (
    MOST_LETTERS,
    Given,
    Table,
    is_series,
    number,
    read_list,
    read_mapping,
    read_table,
)
from hypernet.ratings.tools.items import Items, Lookup

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd


# What else than a table ratings and pairs may be, for messages.
RATINGS_OF_ONE = "a dictionary or Series {item: rating}, a list of (item, rating)"
RATINGS_OF_MANY = "a dictionary {user: {item: rating}}"
PAIRS = "a list of (user, item)"
# What may be done with a second rating of an item.
KEEP = (None, "last")
KEEP_HINT = "; accepted: each item once (keep last: the last rating counts)"


def read_ratings(
    table: Table | Mapping[str, float] | pd.Series[float] | Sequence[tuple[str, float]],
    items: Items,
    low: float,
    high: float,
    keep: str | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """One person's ratings.

    Args:
        table: a path to a CSV file or a pandas table with the columns ``item`` (id or title) and ``rating``; a column
            ``user`` may name one person, others do not matter; or a dictionary or pandas Series ``{item: rating}``,
            or a list of ``(item, rating)``.
        items: the items that may be rated.
        low: smallest rating of the scale.
        high: largest one.
        keep: ``"last"`` where an item may be rated twice and the last rating in the table counts.

    Returns:
        numbers of the items, int64 ``[n]``, and ratings, float64 ``[n]``, in the order of the table.

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
        given = read_table(table, "ratings", RATINGS_OF_ONE)
    given = given.named(["user", "title", *columns])
    if "item" not in given.columns and "title" in given.columns:
        given.columns["item"] = given.columns["title"]
    given.require(columns)
    check_keep(keep)
    people = set(given.columns.get("user", []))
    if len(people) > 1:
        raise UserError(
            f"{given.name}: ratings of {len(people)} people (column user); accepted: one person's. "
            "`predict` takes the ratings of several"
        )
    lookup = Lookup(items)
    ratings: dict[int, float] = {}
    rated: dict[int, int] = {}
    for row, (name, text) in enumerate(zip(*(given.columns[column] for column in columns), strict=True)):
        item = lookup.find(name, given.at(row))
        if item in rated and keep is None:
            raise UserError(f"{given.at(row)}: {name!r} is rated in {given.rows[rated[item]]} already{KEEP_HINT}")
        ratings[item], rated[item] = _rating(text, low, high, given.at(row)), row
    if not ratings:
        raise UserError(f"{given.name}: no ratings in here; rate at least one item, a line each")
    return np.array(list(ratings), dtype=np.int64), np.array(list(ratings.values()), dtype=np.float64)


def read_people(
    table: str | Path | pd.DataFrame | Mapping[str, Mapping[str, float]],
    items: Items,
    low: float,
    high: float,
    keep: str | None = None,
) -> tuple[np.ndarray, Rows]:
    """The ratings of many people.

    Args:
        table: a path to a CSV file or a pandas table with the columns ``user``, ``item`` (id or title) and ``rating``;
            or a dictionary ``{user: {item: rating}}``.
        items: the items that may be rated.
        low: smallest rating of the scale.
        high: largest one.
        keep: ``"last"`` where a user may rate an item twice and the last rating in the table counts.

    Returns:
        the users in the order of their first rating, text ``[U]``, and their ratings, sorted by user.

    Raises:
        UserError: no such file, no CSV, a column missing, an item unknown, or rated twice by a user, a rating that is
            no number or outside the scale, no ratings at all.
    """
    columns = ["user", "item", "rating"]
    given = _people(table, columns) if isinstance(table, Mapping) else read_table(table, "ratings", RATINGS_OF_MANY)
    given = given.named(columns)
    given.require(columns)
    check_keep(keep)
    lookup = Lookup(items)
    people: dict[str, int] = {}
    rated: dict[tuple[int, int], tuple[float, int]] = {}
    for row, (name, title, text) in enumerate(zip(*(given.columns[column] for column in columns), strict=True)):
        where = given.at(row)
        pair = people.setdefault(name, len(people)), lookup.find(title, where)
        if pair in rated and keep is None:
            before = f"in {given.rows[rated[pair][1]]} already{KEEP_HINT}"
            raise UserError(f"{where}: {name[:MOST_LETTERS]} rated {title!r} {before}")
        rated[pair] = _rating(text, low, high, where), row
    if not rated:
        raise UserError(f"{given.name}: no ratings in here; write one a line")
    user, item = np.array(list(rated), dtype=np.int64).T
    rating = np.array([rating for rating, _ in rated.values()], dtype=np.float32)
    order = np.argsort(user, kind="stable")
    user, item, rating = user[order], item[order], rating[order]
    return np.array(list(people), dtype=object), Rows(user, item, rating, items.x[item])


def _people(table: Mapping[str, object], columns: list[str]) -> Given:
    rows: list[tuple[object, ...]] = []
    for user, ratings in table.items():
        if not isinstance(ratings, Mapping):
            name = str(user)[:MOST_LETTERS]
            raise UserError(f"ratings: a {type(ratings).__name__} for {name!r}; accepted: {{user: {{item: rating}}}}")
        rows += [(user, item, rating) for item, rating in ratings.items()]
    return read_mapping(rows, columns, "ratings")


def read_pairs(
    table: Table | Sequence[tuple[str, str]], people: np.ndarray, items: Items
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Whose rating of what to predict.

    Args:
        table: a path to a CSV file or a pandas table with the columns ``user`` and ``item`` (id or title); or a list of
            ``(user, item)``.
        people: users who have ratings, text ``[U]``.
        items: the items.

    Returns:
        names of the users, text ``[N]``, their numbers, -1 of one without ratings, and numbers of the items, int64
        ``[N]`` each, in the order of the table.

    Raises:
        UserError: no such file, no CSV, a column missing, an unknown item, no pairs at all.
    """
    columns = ["user", "item"]
    given = read_list(table, columns, "pairs") if isinstance(table, list | tuple) else read_table(table, "pairs", PAIRS)
    given = given.named(columns)
    given.require(columns)
    lookup, numbers = Lookup(items), {name: place for place, name in enumerate(people)}
    names = given.columns["user"]
    if not names:
        raise UserError(f"{given.name}: no pairs in here; write a user and an item a line")
    item = [lookup.find(title, given.at(row)) for row, title in enumerate(given.columns["item"])]
    user = [numbers.get(name, -1) for name in names]
    return np.array(names, dtype=object), np.array(user, dtype=np.int64), np.array(item, dtype=np.int64)


def check_keep(keep: object) -> None:
    """Refuse what is no way to treat a second rating of an item.

    Raises:
        UserError: it is not in :data:`KEEP`.
    """
    if keep not in KEEP:
        raise UserError(f"keep: {' '.join(repr(keep).split())[:MOST_LETTERS]}; accepted: None, 'last'")


def _rating(text: str, low: float, high: float, where: str) -> float:
    rating = number(text, f"{where}: the rating")
    if not low <= rating <= high:
        raise UserError(f"{where}: the rating {text[:20]} is not on the scale from {low:g} to {high:g}")
    return rating
