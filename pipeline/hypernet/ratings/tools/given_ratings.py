"""A person's own ratings and items, read from CSV files."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.ratings.core.tables import Feature, Rows
from hypernet.ratings.sources.delimited import LARGEST_NUMBER, is_finite, read_csv
from hypernet.ratings.sources.user_tables import LIST_SEPARATOR

SUGGESTIONS = 3
# What is less alike is no help, and fewer letters are part of too much.
ALIKE, SHORTEST_PART = 0.5, 3


@dataclass(frozen=True)
class Items:
    """The items that can be rated and recommended.

    Attributes:
        ids: identifiers, text ``[M]``.
        titles: text ``[M]``.
        x: standardised features, float32 ``[M, D]``.
    """

    ids: np.ndarray
    titles: np.ndarray
    x: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)


class Lookup:
    """Finds items by identifier or by title; case and spaces of a title do not count."""

    def __init__(self, items: Items):
        self.items = items
        self.by_id = {str(one): number for number, one in enumerate(items.ids)}
        self.by_title: dict[str, list[int]] = {}
        for number, title in enumerate(items.titles):
            self.by_title.setdefault(_plain(str(title)), []).append(number)

    def __contains__(self, name: str) -> bool:
        return name in self.by_id or _plain(name) in self.by_title

    def find(self, name: str, where: str) -> int:
        """The number of an item.

        Raises:
            UserError: there is no such item, and which are like it; or the title is that of several.
        """
        if name in self.by_id:
            return self.by_id[name]
        found = self.by_title.get(_plain(name), [])
        if len(found) == 1:
            return found[0]
        if found:
            ids = ", ".join(str(self.items.ids[one]) for one in found)
            raise UserError(f"{where}: {name!r} is the title of several items; give the id of one: {ids}")
        alike = self._alike(name)
        hint = f"like it: {'; '.join(alike)}" if alike else f"an id or title of the {len(self.items)} items is accepted"
        raise UserError(f"{where}: no item {name!r}; {hint}")

    def _alike(self, name: str) -> list[str]:
        """Titles, and identifiers that are words, which contain the name or are spelled nearly like it."""
        names = {key: str(self.items.titles[numbers[0]]) for key, numbers in self.by_title.items()}
        names |= {_plain(one): one for one in self.by_id if not one.isdigit()}
        wanted = _plain(name)
        within = sorted((key for key in names if len(wanted) >= SHORTEST_PART and wanted in key), key=len)
        near = difflib.get_close_matches(wanted, names, SUGGESTIONS, ALIKE)
        return [names[key] for key in list(dict.fromkeys([*within, *near]))[:SUGGESTIONS]]


def _plain(title: str) -> str:
    return " ".join(title.casefold().split())


def read_ratings(path: Path, items: Items, low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    """Read ratings from a CSV file with the columns ``item`` (id or title) and ``rating``; others do not matter.

    Args:
        path: the file.
        items: the items that may be rated.
        low: smallest rating of the scale.
        high: largest one.

    Returns:
        numbers of the items, int64 ``[n]``, and ratings, float64 ``[n]``, in the order of the file.

    Raises:
        UserError: no such file, no CSV, a column missing, an item unknown or rated twice, a rating that is no number or
            outside the scale, no ratings at all.
    """
    columns, lines = _read(path, ("item", "rating"))
    lookup, ratings, rated = Lookup(items), {}, {}
    for name, text, line in zip(columns["item"], columns["rating"], lines, strict=True):
        where = f"{path}, line {line}"
        item = lookup.find(name, where)
        if item in rated:
            raise UserError(f"{where}: {name!r} is rated in line {rated[item]} already")
        ratings[item], rated[item] = _rating(text, low, high, where), line
    if not ratings:
        raise UserError(f"{path}: no ratings in here; rate at least one item, a line each")
    return np.array(list(ratings), dtype=np.int64), np.array(list(ratings.values()), dtype=np.float64)


def read_people(path: Path, items: Items, low: float, high: float) -> tuple[np.ndarray, Rows]:
    """Read the ratings of many people from a CSV file with the columns ``user``, ``item`` (id or title) and ``rating``.

    Args:
        path: the file.
        items: the items that may be rated.
        low: smallest rating of the scale.
        high: largest one.

    Returns:
        the users in the order of their first rating, text ``[U]``, and their ratings, sorted by user.

    Raises:
        UserError: see :func:`read_ratings`; a user may rate an item once.
    """
    columns, lines = _read(path, ("user", "item", "rating"))
    lookup, people = Lookup(items), {}
    rated: dict[tuple[int, int], tuple[float, int]] = {}
    for name, title, text, line in zip(columns["user"], columns["item"], columns["rating"], lines, strict=True):
        where = f"{path}, line {line}"
        pair = people.setdefault(name, len(people)), lookup.find(title, where)
        if pair in rated:
            raise UserError(f"{where}: {name} rated {title!r} in line {rated[pair][1]} already")
        rated[pair] = _rating(text, low, high, where), line
    if not rated:
        raise UserError(f"{path}: no ratings in here; write one a line")
    user, item = np.array(list(rated), dtype=np.int64).T
    rating = np.array([rating for rating, _ in rated.values()], dtype=np.float32)
    order = np.argsort(user, kind="stable")
    user, item, rating = user[order], item[order], rating[order]
    return np.array(list(people)), Rows(user, item, rating, items.x[item])


def read_pairs(path: Path, people: np.ndarray, items: Items) -> tuple[np.ndarray, np.ndarray]:
    """Read whose rating of what to predict from a CSV file with the columns ``user`` and ``item`` (id or title).

    Args:
        path: the file.
        people: users who have ratings, text ``[U]``.
        items: the items.

    Returns:
        numbers of users and of items, int64 ``[N]`` each, in the order of the file.

    Raises:
        UserError: no such file, no CSV, a column missing, a user without ratings, an unknown item, no pairs at all.
    """
    columns, lines = _read(path, ("user", "item"))
    lookup, numbers = Lookup(items), {name: number for number, name in enumerate(people)}
    pairs = []
    for name, title, line in zip(columns["user"], columns["item"], lines, strict=True):
        if name not in numbers:
            raise UserError(f"{path}, line {line}: user {name} has no ratings to grow a tree from")
        pairs.append((numbers[name], lookup.find(title, f"{path}, line {line}")))
    if not pairs:
        raise UserError(f"{path}: no pairs in here; write a user and an item a line")
    user, item = np.array(pairs, dtype=np.int64).T
    return user, item


def read_items(
    path: Path, items: Items, features: tuple[Feature, ...], mean: np.ndarray, deviation: np.ndarray
) -> Items:
    """Add items from a CSV file: ``item`` (id), ``title`` if it has one, and columns named as the items' features.

    A feature without a column, and an empty field, take the mean over the training data. Where features are named
    ``genre: action``, ``genre: drama``, there may be a column ``genre`` with ``action|drama`` in place of theirs.

    Args:
        path: the file.
        items: those that are there already; they come first.
        features: D features.
        mean: of the features, ``[D]``.
        deviation: of the features, ``[D]``.

    Raises:
        UserError: no such file, no CSV, a column missing or unknown, an item that is there already, a field that is no
            number, or neither 0 nor 1 where it must be, no items at all.
    """
    columns, lines = _read(path, ("item",))
    names, titles = columns.pop("item"), columns.pop("title", [""] * len(lines))
    titles = [title or name for title, name in zip(titles, names, strict=True)]
    lookup, seen = Lookup(items), {}
    for own, line in zip(zip(names, titles, strict=True), lines, strict=True):
        for one in own:
            if one in lookup:
                raise UserError(f"{path}, line {line}: there is an item {one!r} already; give another id and title")
            if seen.setdefault(_plain(one), line) != line:
                raise UserError(f"{path}, line {line}: {one!r} stands in line {seen[_plain(one)]} already")
    if not names:
        raise UserError(f"{path}: no items in here; write one a line")
    values = np.tile(np.asarray(mean, dtype=np.float64), (len(names), 1))
    numbers = {one.name: number for number, one in enumerate(features) if one.of == "item"}
    for column, texts in columns.items():
        parts = {name.removeprefix(f"{column}: "): numbers[name] for name in numbers if name.startswith(f"{column}: ")}
        if column not in numbers and not parts:
            accepted = ", ".join(("item", "title", *numbers))
            raise UserError(f"{path}, line 1: no feature of items is called {column!r}; accepted: {accepted}")
        for row, text, line in zip(values, texts, lines, strict=True):
            if text and column in numbers:
                row[numbers[column]] = _value(text, features[numbers[column]], f"{path}, line {line}")
            elif text:
                has = {part.strip() for part in text.split(LIST_SEPARATOR)}
                row[list(parts.values())] = [float(part in has) for part in parts]
    x = ((values - mean) / deviation).astype(np.float32)
    return Items(np.append(items.ids, names), np.append(items.titles, titles), np.concatenate([items.x, x]))


def _read(path: Path, required: tuple[str, ...]) -> tuple[dict[str, list[str]], list[int]]:
    columns, lines = read_csv(path)
    for name in required:
        if name not in columns:
            found = ", ".join(map(repr, columns))[:120]
            raise UserError(f"{path}, line 1: no column {name}; found: {found}; needed: {', '.join(required)}")
        if "" in columns[name]:
            raise UserError(f"{path}, line {lines[columns[name].index('')]}: the {name} is empty")
    return columns, lines.tolist()


def _value(text: str, feature: Feature, where: str) -> float:
    value = _number(text, f"{where}: {feature.name}")
    if feature.kind == "binary" and value not in (0, 1):
        raise UserError(f"{where}: {feature.name} is {text}; accepted: 0 and 1")
    return value


def _rating(text: str, low: float, high: float, where: str) -> float:
    rating = _number(text, f"{where}: the rating")
    if not low <= rating <= high:
        raise UserError(f"{where}: the rating {text} is not on the scale from {low:g} to {high:g}")
    return rating


def _number(text: str, what: str) -> float:
    if not is_finite(text):
        raise UserError(f"{what} {text[:20]!r} is not a finite number")
    value = float(text)
    if abs(value) > LARGEST_NUMBER:
        raise UserError(f"{what} {text[:20]!r} is too large; accepted: up to {LARGEST_NUMBER:g}")
    return value
