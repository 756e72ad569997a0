"""The items that can be rated and recommended: looked up by identifier or title, and more of them from a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.ratings.core.tables import Feature
from hypernet.ratings.growing import MetaTreePredictor
from hypernet.ratings.sources.attributes import LIST_SEPARATOR, OTHER_SEPARATORS
from hypernet.ratings.sources.lookup import LONGEST_NAME, MOST_LETTERS, Lookup
from hypernet.ratings.sources.numerals import is_missing
from hypernet.ratings.sources.titles import plain, year_of
from hypernet.ratings.tools.given import Given, Table, number, read_table

YEAR = "year"
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
        unknown: which features of an item are not known, bool ``[M, D]``; None: all are known.
    """

    ids: np.ndarray
    titles: np.ndarray
    x: np.ndarray
    notes: tuple[str, ...] = ()
    unknown: np.ndarray | None = None

    @classmethod
    def of(cls, model: MetaTreePredictor) -> Self:
        """The items that a model was trained on."""
        known = model.catalogue
        return cls(known.items, known.titles, model.item_x, unknown=known.unknown)

    def __len__(self) -> int:
        return len(self.ids)

    def not_known(self, number: int) -> list[int]:
        """Numbers of the features that are not known of an item."""
        return [] if self.unknown is None else np.flatnonzero(self.unknown[number]).tolist()


def add_items(table: Table, items: Items, model: MetaTreePredictor) -> Items:
    """Add items from a table: ``item`` (id), ``title`` if it has one, and columns named as the items' features.

    A feature without a column, and an empty field, are not known: the mean over the training data stands in. Where
    features are named ``genre: action``, ``genre: drama``, there may be a column ``genre`` with ``action|drama`` in
    place of theirs; where they are named ``action``, ``drama``, any column whose values are such names. Values that the
    model does not know are left out, and noted.

    Args:
        table: a path to a CSV file, or a pandas table.
        items: those that are there already; they come first.
        model: the hypernetwork, which knows the features and what its trees read.

    Raises:
        UserError: no such file, no CSV, a column missing or unknown, an item that is there already, a field that is no
            number, or neither 0 nor 1 where it must be, no items at all.
    """
    known = model.catalogue
    given = read_table(table, "items").named(["item", "title", "id"])
    given.require(["item"])
    names = given.columns.pop("item")
    titles = given.columns.pop("title", [""] * len(names))
    titles = [title or name for title, name in zip(titles, names, strict=True)]
    _check_new(given, names, titles, Lookup(items.ids, items.titles))
    if not names:
        raise UserError(f"{given.name}: no items in here; write one a line")
    values = np.full((len(names), len(known.features)), np.nan)
    numbers = {feature.name: place for place, feature in enumerate(known.features) if feature.of == "item"}
    strange: dict[str, int] = {}
    for column, texts in given.columns.items():
        named = _matching(column, numbers)
        if named is not None:
            for row, text in enumerate(texts):
                if not is_missing(text):
                    values[row, named] = _value(text, known.features[named], given.at(row))
            continue
        parts = _parts(column, texts, known.features)
        if not parts:
            accepted = ", ".join(("item", "title", *numbers))[:400]
            raise UserError(
                f"{given.header}: no feature of items is called {column[:MOST_LETTERS]!r}; accepted: {accepted}"
            )
        for row, text in enumerate(texts):
            has = _listed(text, set(parts))
            if has:
                values[row, list(parts.values())] = [float(part in has) for part in parts]
            for part in has - set(parts):
                strange[part] = strange.get(part, 0) + 1
    years = np.array([year_of(title) or np.nan for title in titles])
    if YEAR in numbers and not any(_matching(column, numbers) == numbers[YEAR] for column in given.columns):
        # Where a model has it from the titles, new items have it there too.
        values[:, numbers[YEAR]] = np.where(np.isnan(years), values[:, numbers[YEAR]], years)
    missing = np.isnan(values)
    x = ((np.where(missing, known.mean, values) - known.mean) / known.deviation).astype(np.float32)
    joined = np.concatenate([items.x, model.reads(x)])
    notes = (*items.notes, *given.notes, *_notes(given.name, strange))
    before = np.zeros((len(items), len(known.features)), dtype=bool) if items.unknown is None else items.unknown
    unknown = np.concatenate([before, missing])
    return Items(np.append(items.ids, names), np.append(items.titles, titles), joined, notes, unknown)


def _matching(column: str, numbers: dict[str, int]) -> int | None:
    """The feature that a column is named as; case counts only where it tells two features apart."""
    if column in numbers:
        return numbers[column]
    alike = [place for name, place in numbers.items() if plain(name) == plain(column)]
    return alike[0] if len(alike) == 1 else None


def _parts(column: str, texts: list[str], features: tuple[Feature, ...]) -> dict[str, int]:
    """The 0/1 features that the values of a column may name, by value in lower case; none where it names no feature."""
    flags = {plain(feature.name): place for place, feature in enumerate(features) if feature.kind == "binary"}
    prefix = f"{plain(column)}: "
    # A model's column may be "genres" where the table has "genre".
    prefixes = (prefix, f"{plain(column).removesuffix('s')}: ", f"{plain(column)}s: ")
    for start in prefixes:
        parts = {name.removeprefix(start): place for name, place in flags.items() if name.startswith(start)}
        if parts:
            return parts
    return flags if any(_listed(text, set(flags)) & set(flags) for text in texts) else {}


def _listed(text: str, known: set[str]) -> set[str]:
    """The values in a cell, parted by a bar, or by what else gives values that are known."""
    for separator in (LIST_SEPARATOR, *OTHER_SEPARATORS):
        parts = {plain(part) for part in text.split(separator) if not is_missing(part.strip())}
        if separator in text and (separator == LIST_SEPARATOR or parts & known) and plain(text) not in known:
            return parts
    return {plain(text)} if not is_missing(text.strip()) else set()


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
            if seen.setdefault(plain(name), row) != row:
                raise UserError(f"{given.at(row)}: {name!r} stands in {given.rows[seen[plain(name)]]} already")


def _value(text: str, feature: Feature, where: str) -> float:
    value = number(text, f"{where}: {feature.name}")
    if feature.kind == "binary" and value not in (0, 1):
        raise UserError(f"{where}: {feature.name} is {text}; accepted: 0 and 1")
    return value
