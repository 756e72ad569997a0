"""A data set of one's own in two CSV tables.

``ratings`` has the columns ``user``, ``item`` (or ``title``) and ``rating``, and may have ``split`` with ``train`` or
``test`` in each row, or ``timestamp``; other columns are not looked at. ``items`` has ``item``, may have ``title``, and
every other column becomes attributes; see :mod:`hypernet.ratings.sources.attributes`. Names of columns may be written
otherwise (``userId``); see :mod:`hypernet.ratings.sources.headers`. What was read otherwise than it stands in the
tables is noted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import overload

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.ratings.core.wording import counted
from hypernet.ratings.sources.attributes import Attributes
from hypernet.ratings.sources.delimited import LARGEST_NUMBER
from hypernet.ratings.sources.headers import ZERO_IS_NONE, plain_name, usual_names, whole_ids
from hypernet.ratings.sources.interactions import RawRatings, check_ratings, last_of_pairs
from hypernet.ratings.sources.lookup import LONGEST_NAME, Lookup, Names
from hypernet.ratings.sources.moments import LATER_ROW, moments, not_a_time
from hypernet.ratings.sources.movielens import GENRES
from hypernet.ratings.sources.numerals import is_missing, plain_number, plain_numbers
from hypernet.ratings.sources.scales import check_scale, zeros
from hypernet.ratings.sources.sheets import read_sheet
from hypernet.ratings.sources.titles import year_of

RATINGS, ITEMS = "ratings.csv", "items.csv"
STATISTICS = ("mean_rating", "rating_count")
RATING_COLUMNS, SPLITS = ("user", "item", "rating"), ("train", "test")
SCALE = (-LARGEST_NUMBER, LARGEST_NUMBER)
# Tables without names of columns, as MovieLens has them, by the number of columns.
NAMELESS_RATINGS = {3: RATING_COLUMNS, 4: (*RATING_COLUMNS, "timestamp")}
NAMELESS_ITEMS = {
    2: ("item", "title"),
    3: ("item", "title", "genres"),
    6 + len(GENRES): ("item", "title", "year", "video", "url", "unknown", *GENRES),
}
# The tag genome of MovieLens has 1,128 attributes; each takes 8 bytes of every item and 4 of every rating.
MOST_FEATURES = 5_000
LARGEST_ITEMS = 64 * 2**20
# Of titles that end in a year, so many make it an attribute.
DATED_SHARE = 0.9
# More columns than any table of ratings has: one for every item.
WIDE = 30


def read(
    ratings: Path,
    items: Path,
    title: str,
    keep: str | None,
    scale: tuple[float, float] | None = None,
    split: str = "random",
    unknown: str | None = None,
) -> RawRatings:
    """Read both tables.

    Args:
        ratings: table of ratings.
        items: table of items.
        title: name for people.
        keep: ``"last"`` where a user may have rated an item twice and the last rating counts: the latest where there is
            a column ``timestamp``.
        scale: lowest and highest rating that there can be; None: those that are there, none of them a stray.
        split: ``"time"`` where each user's latest ratings are to be held out.
        unknown: ``"skip"`` where ratings of items that the table of items lacks are left out.

    Raises:
        UserError: one line that names the file, the line and what is accepted.
    """
    item_ids, titles, attributes = _items(items)
    sheet = read_sheet(ratings, nameless=NAMELESS_RATINGS)
    notes = [*attributes.notes, *sheet.notes]
    wanted = (*RATING_COLUMNS, "title", "year", "split", "timestamp")
    columns = usual_names(sheet.columns, f"{ratings}, line 1", wanted, notes)
    _need(ratings, columns, ("user", "rating") if "title" in columns else RATING_COLUMNS)
    if not len(sheet.lines):
        raise UserError(f"{ratings}: no ratings under the header")
    rated = np.array([not is_missing(text) for text in columns["rating"]])
    if not rated.all():
        notes.append(f"{ratings}: left out: {counted(int((~rated).sum()), 'row')} without a rating")
    if any(plain_name(name) == ZERO_IS_NONE for name in sheet.columns) and (scale is None or scale[0] > 0):
        zero = np.array([plain_number(text) == 0 for text in columns["rating"]])
        if zero.any():
            none = "of which the rating is 0, that is none (My Rating)"
            notes.append(f"{ratings}: left out: {counted(int(zero.sum()), 'row')} {none}")
        rated &= ~zero
    columns, lines = _some(columns, sheet.lines, rated)
    if not len(lines):
        raise UserError(f"{ratings}: no row has a rating")
    for name in ("user", "item"):
        if name in columns:
            _check_names(ratings, name, columns[name], lines)
            columns[name] = whole_ids(columns[name])
    names = Names(columns.get("item"), columns.get("title"), columns.get("year"), _Lines(lines), str(ratings))
    places = Lookup(item_ids, titles).find_all(names, trust_ids=True, unknown=unknown)
    notes += places.notes
    known = places.number >= 0
    columns, lines = _some(columns, lines, known)
    if not len(lines):
        raise UserError(f"{ratings}: no row is of an item of {items}")
    item = places.number[known]
    rating = _ratings(ratings, columns["rating"], lines, scale, notes)
    users = _natural_order(columns["user"])
    numbers = {identifier: number for number, identifier in enumerate(users.tolist())}
    user = np.array([numbers[text] for text in columns["user"]], dtype=np.int64)
    time = _times(ratings, columns, lines, split == "time", notes if keep else None)
    rows = last_of_pairs(str(ratings), user, item, (users, item_ids), lines, keep, time)
    test = _test(ratings, columns["split"], lines)[rows] if "split" in columns else None
    if test is not None and split == "time":
        raise UserError(f"{ratings}, line 1: a column split, and split: time in the settings; accepted: one of them")
    return RawRatings(
        title=title,
        unit="points",
        users=users,
        items=item_ids,
        titles=titles,
        user=user[rows],
        item=item[rows],
        rating=rating[rows],
        test=test,
        user_features=(),
        user_values=np.zeros((len(users), 0)),
        item_features=tuple(attributes.features),
        item_values=np.column_stack([np.zeros((len(item_ids), 0)), *attributes.values]),
        statistics=STATISTICS,
        time=time[rows] if time is not None and split == "time" else None,
        facts={"ratings_replaced": len(lines) - len(rows)},
        notes=tuple(notes),
    )


class _Lines(Sequence[str]):
    """What a message calls each row."""

    def __init__(self, lines: np.ndarray):
        self.lines = lines

    def __len__(self) -> int:
        return len(self.lines)

    @overload
    def __getitem__(self, row: int) -> str: ...
    @overload
    def __getitem__(self, row: slice) -> _Lines: ...
    def __getitem__(self, row: int | slice) -> str | _Lines:
        return _Lines(self.lines[row]) if isinstance(row, slice) else f"line {self.lines[row]}"


def _some(
    columns: dict[str, list[str]], lines: np.ndarray, wanted: np.ndarray
) -> tuple[dict[str, list[str]], np.ndarray]:
    """The wanted rows of a table."""
    if wanted.all():
        return columns, lines
    rows = np.flatnonzero(wanted).tolist()
    return {name: [texts[row] for row in rows] for name, texts in columns.items()}, lines[wanted]


def _ratings(
    path: Path, texts: list[str], lines: np.ndarray, scale: tuple[float, float] | None, notes: list[str]
) -> np.ndarray:
    rating = plain_numbers(texts)
    strange = np.isnan(rating)
    if strange.any():
        row = int(np.argmax(strange))
        cell = f"{path}, line {lines[row]}: {texts[row][:20]!r}"
        raise UserError(f"{cell} is not a rating; accepted: a number, or nothing where there is none")
    check_ratings(str(path), rating, lines, scale or SCALE)
    if scale is None:
        check_scale(str(path), rating, lines, "with scale: [{low}, {high}] in the settings (tables)")
        if told := zeros(rating):
            notes.append(f"{path}: {told}")
    return rating


def _times(
    path: Path, columns: dict[str, list[str]], lines: np.ndarray, needed: bool, notes: list[str] | None
) -> np.ndarray | None:
    """When each rating was given, ``[N]``; None where that is not needed and no column says it of all.

    Args:
        path: the table.
        columns: its texts by name.
        lines: where each row stands.
        needed: whether ratings are to be divided by it.
        notes: of two ratings the latest is to count: where times cannot be read, that is noted here.
    """
    texts = columns.get("timestamp")
    if texts is None:
        if needed:
            raise UserError(f"{path}, line 1: split: time needs a column timestamp; found: {', '.join(columns)[:160]}")
        return None
    if not needed and notes is None:
        return None
    times = moments(texts)
    strange = np.isnan(times)
    if not strange.any():
        return times
    row = int(np.argmax(strange))
    told = f"{path}, line {lines[row]}: {not_a_time(texts[row])}"
    if needed:
        raise UserError(told)
    if notes is not None:
        notes.append(f"{told}; {LATER_ROW}")
    return None


def _test(path: Path, texts: list[str], lines: np.ndarray) -> np.ndarray:
    texts = [text.casefold() for text in texts]
    row = next((row for row, text in enumerate(texts) if text not in SPLITS), None)
    if row is not None:
        raise UserError(f"{path}, line {lines[row]}: split {texts[row][:20]!r}; accepted: {', '.join(SPLITS)}")
    return np.array([text == "test" for text in texts])


def _items(path: Path) -> tuple[np.ndarray, np.ndarray, Attributes]:
    """Identifiers, titles and attributes."""
    sheet = read_sheet(path, LARGEST_ITEMS, NAMELESS_ITEMS)
    attributes = Attributes(notes=list(sheet.notes))
    lines = sheet.lines
    columns = usual_names(sheet.columns, f"{path}, line 1", ("item", "title", "id"), attributes.notes)
    if "item" not in columns and "title" in columns:
        # Letterboxd, say, names films by title and year.
        dated = usual_names(columns, f"{path}, line 1", ("year",)).get("year", [""] * len(lines))
        columns["item"] = [
            f"{title} ({year})" if title and year and year_of(title) is None else title
            for title, year in zip(columns["title"], dated, strict=True)
        ]
        columns["title"] = columns["item"]
        attributes.notes.append(f"{path}, line 1: no column item; the titles, with their years, stand for it")
    _need(path, columns, ("item",))
    if not len(lines):
        raise UserError(f"{path}: no items under the header")
    items = whole_ids(columns.pop("item"))
    _check_names(path, "item", items, lines)
    doubled = [item for item, count in Counter(items).items() if count > 1]
    if doubled:
        line = lines[len(items) - 1 - items[::-1].index(doubled[0])]
        raise UserError(f"{path}, line {line}: item {doubled[0]} is listed more than once")
    titles = [given or item for given, item in zip(columns.pop("title", items), items, strict=True)]
    _check_names(path, "title", titles, lines)
    for name, texts in columns.items():
        attributes.add(path, name, texts, lines)
        if len(attributes.features) > MOST_FEATURES:
            raise UserError(f"{path}: more than {MOST_FEATURES} attributes; accepted: up to {MOST_FEATURES}")
    years = np.array([year_of(title) or np.nan for title in titles], dtype=np.float64)
    told = any("year" in feature.name.casefold() for feature in attributes.features)
    if not told and (~np.isnan(years)).sum() >= DATED_SHARE * len(titles):
        attributes.notes.append(f"{path}: the year at the end of the titles is an attribute")
        attributes.number("year", years)
    names = Counter(feature.name for feature in attributes.features)
    names.update(STATISTICS)
    clash = next((name for name, count in names.items() if count > 1), None)
    if clash:
        counted = " (the program makes this one from the ratings itself)" if clash in STATISTICS else ""
        raise UserError(f"{path}, line 1: {clash} would be the name of two attributes{counted}; rename a column")
    return np.array(items), np.array(titles), attributes


def _natural_order(ids: list[str]) -> np.ndarray:
    """The distinct identifiers: by value where all are whole numbers, else by alphabet."""
    distinct = set(ids)
    if all(identifier.isascii() and identifier.isdigit() for identifier in distinct):
        # By length without leading zeros, then by alphabet: by value, however many digits there are.
        return np.array(sorted(distinct, key=lambda identifier: (*_by_value(identifier), identifier)))
    return np.array(sorted(distinct))


def _by_value(digits: str) -> tuple[int, str]:
    significant = digits.lstrip("0")
    return len(significant), significant


def _need(path: Path, columns: dict[str, list[str]], names: tuple[str, ...]) -> None:
    for name in names:
        if name not in columns:
            header = ", ".join(columns)[:160]
            wide = "; a column for every item? write a rating a row (pandas: melt)" if len(columns) > WIDE else ""
            raise UserError(f"{path}, line 1: no column {name}; found: {header}; needed: {', '.join(names)}{wide}")


def _check_names(path: Path, column: str, texts: list[str], lines: np.ndarray) -> None:
    """Refuse identifiers and titles that are empty or too long."""
    for text, line in zip(texts, lines, strict=True):
        if not text:
            raise UserError(f"{path}, line {line}: {column} is empty; accepted: a name in every row, no row of totals")
        if len(text) > LONGEST_NAME:
            raise UserError(f"{path}, line {line}: {column} has {len(text)} characters; accepted: up to {LONGEST_NAME}")
