"""The items that can be rated and recommended: looked up by identifier or title, and more of them from a table."""

from __future__ import annotations

import difflib
import unicodedata
from dataclasses import dataclass
from typing import Self

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.ratings.core.tables import Feature
from hypernet.ratings.growing import MetaTreePredictor
from hypernet.ratings.sources.csv_tables import LIST_SEPARATOR, LONGEST_NAME
from hypernet.ratings.tools.given import MOST_LETTERS, Given, Table, number, read_table

SUGGESTIONS = 3
# What is less alike is no help, and fewer letters are part of too much.
ALIKE, SHORTEST_PART = 0.5, 3
# Values that a note names.
MOST_NOTED = 10


@dataclass(frozen=True)
class Items:
    """The items that can be rated and recommended.

    Attributes:
        ids: identifiers, text ``[M]``.
        titles: text ``[M]``.
        x: what a tree reads of them: standardised features, float32 ``[M, D]``, one with a base a column more.
        notes: what a person should know of how a table was read.
    """

    ids: np.ndarray
    titles: np.ndarray
    x: np.ndarray
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, model: MetaTreePredictor) -> Self:
        """The items that a model was trained on."""
        return cls(model.catalogue.items, model.catalogue.titles, model.item_x)

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
    return " ".join(unicodedata.normalize("NFC", title.casefold()).split())


def add_items(table: Table, items: Items, model: MetaTreePredictor) -> Items:
    """Add items from a table: ``item`` (id), ``title`` if it has one, and columns named as the items' features.

    A feature without a column, and an empty field, take the mean over the training data. Where features are named
    ``genre: action``, ``genre: drama``, there may be a column ``genre`` with ``action|drama`` in place of theirs; where
    they are named ``action``, ``drama``, any column whose values are such names. Values that the model does not know
    are left out, and noted.

    Args:
        table: a path to a CSV file, or a pandas table.
        items: those that are there already; they come first.
        model: the hypernetwork, which knows the features and what its trees read.

    Raises:
        UserError: no such file, no CSV, a column missing or unknown, an item that is there already, a field that is no
            number, or neither 0 nor 1 where it must be, no items at all.
    """
    known = model.catalogue
    given = read_table(table, "items").named(["item", "title"])
    given.require(["item"])
    names = given.columns.pop("item")
    titles = given.columns.pop("title", [""] * len(names))
    titles = [title or name for title, name in zip(titles, names, strict=True)]
    _check_new(given, names, titles, Lookup(items))
    if not names:
        raise UserError(f"{given.name}: no items in here; write one a line")
    values = np.tile(np.asarray(known.mean, dtype=np.float64), (len(names), 1))
    numbers = {feature.name: place for place, feature in enumerate(known.features) if feature.of == "item"}
    unknown: dict[str, int] = {}
    for column, texts in given.columns.items():
        named = _matching(column, numbers)
        if named is not None:
            for row, text in enumerate(texts):
                if text:
                    values[row, named] = _value(text, known.features[named], given.at(row))
            continue
        parts = _parts(column, texts, known.features)
        if not parts:
            accepted = ", ".join(("item", "title", *numbers))[:400]
            raise UserError(
                f"{given.header}: no feature of items is called {column[:MOST_LETTERS]!r}; accepted: {accepted}"
            )
        for row, text in enumerate(texts):
            has = _listed(text)
            if has:
                values[row, list(parts.values())] = [float(part in has) for part in parts]
            for part in has - set(parts):
                unknown[part] = unknown.get(part, 0) + 1
    x = ((values - known.mean) / known.deviation).astype(np.float32)
    joined = np.concatenate([items.x, model.reads(x)])
    notes = (*items.notes, *_notes(given.name, unknown))
    return Items(np.append(items.ids, names), np.append(items.titles, titles), joined, notes)


def _matching(column: str, numbers: dict[str, int]) -> int | None:
    """The feature that a column is named as; case counts only where it tells two features apart."""
    if column in numbers:
        return numbers[column]
    alike = [place for name, place in numbers.items() if _plain(name) == _plain(column)]
    return alike[0] if len(alike) == 1 else None


def _parts(column: str, texts: list[str], features: tuple[Feature, ...]) -> dict[str, int]:
    """The 0/1 features that the values of a column may name, by value in lower case; none where it names no feature."""
    flags = {_plain(feature.name): place for place, feature in enumerate(features) if feature.kind == "binary"}
    prefix = f"{_plain(column)}: "
    # A model's column may be "genres" where the table has "genre".
    prefixes = (prefix, f"{_plain(column).removesuffix('s')}: ", f"{_plain(column)}s: ")
    for start in prefixes:
        parts = {name.removeprefix(start): place for name, place in flags.items() if name.startswith(start)}
        if parts:
            return parts
    return flags if any(_listed(text) & set(flags) for text in texts) else {}


def _listed(text: str) -> set[str]:
    return {_plain(part) for part in text.split(LIST_SEPARATOR)} - {""}


def _notes(name: str, unknown: dict[str, int]) -> list[str]:
    """What is said of values that the model does not know."""
    if not unknown:
        return []
    listed = ", ".join(f"{part[:MOST_LETTERS]} ({count})" for part, count in sorted(unknown.items())[:MOST_NOTED])
    more = f" and {len(unknown) - MOST_NOTED} more" if len(unknown) > MOST_NOTED else ""
    return [f"{name}: not known to the model, and left out: {listed}{more}"]


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
