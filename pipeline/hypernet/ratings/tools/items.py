"""The items that can be rated and recommended: looked up by identifier or title, and more of them from a table."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Self

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.ratings.core.tables import Feature
from hypernet.ratings.sources.csv_tables import LIST_SEPARATOR, LONGEST_NAME
from hypernet.ratings.tools.given import MOST_LETTERS, Given, Table, number, read_table
from hypernet.ratings.trained import Catalogue

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

    @classmethod
    def of(cls, catalogue: Catalogue) -> Self:
        """The items that a model was trained on."""
        return cls(catalogue.items, catalogue.titles, catalogue.item_x)

    def __len__(self) -> int:
        return len(self.ids)


class Lookup:
    """Finds items by identifier or by title; case and spaces of a title do not count.

    Args:
        items: the items.
    """

    def __init__(self, items: Items):
        self.items = items
        self.by_id = {str(identifier): place for place, identifier in enumerate(items.ids)}
        self.by_title: dict[str, list[int]] = {}
        for place, title in enumerate(items.titles):
            self.by_title.setdefault(_plain(str(title)), []).append(place)

    def __contains__(self, name: str) -> bool:
        return name in self.by_id or _plain(name) in self.by_title

    def find(self, name: str, where: str) -> int:
        """The number of an item.

        Args:
            name: its identifier or title.
            where: the place in a table, for the message.

        Raises:
            UserError: there is no such item, and which are like it; or the title is that of several.
        """
        if name in self.by_id:
            return self.by_id[name]
        places = self.by_title.get(_plain(name), [])
        if len(places) == 1:
            return places[0]
        quoted = repr(name[:MOST_LETTERS])
        if places:
            ids = ", ".join(str(self.items.ids[place]) for place in places)
            raise UserError(f"{where}: {quoted} is the title of several items; give the id of one: {ids[:200]}")
        alike = self._alike(name)
        hint = f"like it: {'; '.join(alike)}" if alike else f"an id or title of the {len(self.items)} items is accepted"
        raise UserError(f"{where}: no item {quoted}; {hint}")

    def _alike(self, name: str) -> list[str]:
        """Titles, and identifiers that are words, which contain the name or are spelled nearly like it."""
        if len(name) > LONGEST_NAME:
            return []
        names = {key: str(self.items.titles[places[0]]) for key, places in self.by_title.items()}
        names |= {_plain(identifier): identifier for identifier in self.by_id if not identifier.isdigit()}
        wanted = _plain(name)
        within = sorted((key for key in names if len(wanted) >= SHORTEST_PART and wanted in key), key=len)
        near = difflib.get_close_matches(wanted, names, SUGGESTIONS, ALIKE)
        return [names[key] for key in list(dict.fromkeys([*within, *near]))[:SUGGESTIONS]]


def _plain(title: str) -> str:
    return " ".join(title.casefold().split())


def add_items(
    table: Table, items: Items, features: tuple[Feature, ...], mean: np.ndarray, deviation: np.ndarray
) -> Items:
    """Add items from a table: ``item`` (id), ``title`` if it has one, and columns named as the items' features.

    A feature without a column, and an empty field, take the mean over the training data. Where features are named
    ``genre: action``, ``genre: drama``, there may be a column ``genre`` with ``action|drama`` in place of theirs.

    Args:
        table: a path to a CSV file, or a pandas table.
        items: those that are there already; they come first.
        features: D features.
        mean: of the features, ``[D]``.
        deviation: of the features, ``[D]``.

    Raises:
        UserError: no such file, no CSV, a column missing or unknown, an item that is there already, a field that is no
            number, or neither 0 nor 1 where it must be, no items at all.
    """
    given = read_table(table, "items")
    given.require(["item"])
    names = given.columns.pop("item")
    titles = given.columns.pop("title", [""] * len(names))
    titles = [title or name for title, name in zip(titles, names, strict=True)]
    _check_new(given, names, titles, Lookup(items))
    if not names:
        raise UserError(f"{given.name}: no items in here; write one a line")
    values = np.tile(np.asarray(mean, dtype=np.float64), (len(names), 1))
    numbers = {feature.name: place for place, feature in enumerate(features) if feature.of == "item"}
    for column, texts in given.columns.items():
        parts = {name.removeprefix(f"{column}: "): numbers[name] for name in numbers if name.startswith(f"{column}: ")}
        if column not in numbers and not parts:
            accepted = ", ".join(("item", "title", *numbers))[:400]
            raise UserError(
                f"{given.header}: no feature of items is called {column[:MOST_LETTERS]!r}; accepted: {accepted}"
            )
        for row, text in enumerate(texts):
            if text and column in numbers:
                values[row, numbers[column]] = _value(text, features[numbers[column]], given.at(row))
            elif text:
                has = {part.strip() for part in text.split(LIST_SEPARATOR)}
                values[row, list(parts.values())] = [float(part in has) for part in parts]
    x = ((values - mean) / deviation).astype(np.float32)
    return Items(np.append(items.ids, names), np.append(items.titles, titles), np.concatenate([items.x, x]))


def _check_new(given: Given, names: list[str], titles: list[str], lookup: Lookup) -> None:
    """Refuse an item that is there already, twice in the table, or has too long a name."""
    seen: dict[str, int] = {}
    for row, pair in enumerate(zip(names, titles, strict=True)):
        for name in pair:
            if len(name) > LONGEST_NAME:
                raise UserError(f"{given.at(row)}: an id or title of {len(name)} characters; accepted: {LONGEST_NAME}")
            if name in lookup:
                raise UserError(f"{given.at(row)}: there is an item {name!r} already; give another id and title")
            if seen.setdefault(_plain(name), row) != row:
                raise UserError(f"{given.at(row)}: {name!r} stands in {given.rows[seen[_plain(name)]]} already")


def _value(text: str, feature: Feature, where: str) -> float:
    value = number(text, f"{where}: {feature.name}")
    if feature.kind == "binary" and value not in (0, 1):
        raise UserError(f"{where}: {feature.name} is {text}; accepted: 0 and 1")
    return value
