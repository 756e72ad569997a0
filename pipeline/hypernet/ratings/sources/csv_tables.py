"""A data set of one's own in two CSV tables.

``ratings`` has the columns ``user``, ``item`` and ``rating``, and may have ``split`` with ``train`` or ``test`` in
each row, or ``timestamp``; other columns are not looked at. ``items`` has ``item``, may have ``title``, and every other
column is an attribute: numbers as they are (an empty cell, or NA, is the median), 0 and 1 as yes and no, and texts as
one yes or no for each of the most frequent values, where ``a|b`` counts as both a and b. Names of columns may be
written otherwise (``userId``); see :mod:`hypernet.ratings.sources.headers`.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.ratings.core.tables import MOST_DIGITS, Feature
from hypernet.ratings.sources.delimited import LARGEST_NUMBER, decimal, read_csv
from hypernet.ratings.sources.features import number
from hypernet.ratings.sources.headers import usual_names
from hypernet.ratings.sources.interactions import RawRatings, check_alone, check_ratings, last_of_pairs

RATINGS, ITEMS = "ratings.csv", "items.csv"
STATISTICS = ("mean_rating", "rating_count")
RATING_COLUMNS, SPLITS = ("user", "item", "rating"), ("train", "test")
SCALE = (-LARGEST_NUMBER, LARGEST_NUMBER)
LIST_SEPARATOR = "|"
# The tag genome of MovieLens has 1,128 attributes; each takes 8 bytes of every item and 4 of every rating.
MOST_FEATURES = 5_000
LARGEST_ITEMS = 64 * 2**20
# Identifiers and titles lie in arrays in which the longest sets the width of all.
LONGEST_NAME = 500
# What programs write in a column of numbers where there is none, in lower case.
MISSING = ("", "na", "n/a", "nan", "null", "none")
MOST_VALUES = 20


def read(
    ratings: Path,
    items: Path,
    title: str,
    keep: str | None,
    scale: tuple[float, float] | None = None,
    split: str = "random",
) -> RawRatings:
    """Read both tables.

    Args:
        ratings: table of ratings.
        items: table of items.
        title: name for people.
        keep: ``"last"`` where a user may have rated an item twice and the last rating counts: the latest where there is
            a column ``timestamp``.
        scale: lowest and highest rating that there can be; None: those that are there, none far from all others.
        split: ``"time"`` where each user's latest ratings are to be held out.

    Raises:
        UserError: one line that names the file, the line and what is accepted.
    """
    item_ids, titles, features, values = _items(items)
    columns, lines = read_csv(ratings)
    columns = usual_names(columns, f"{ratings}, line 1", (*RATING_COLUMNS, "split", "timestamp"))
    _need(ratings, columns, RATING_COLUMNS)
    if not len(lines):
        raise UserError(f"{ratings}: no ratings under the header")
    for name in ("user", "item"):
        _check_names(ratings, name, columns[name], lines)
    rating = _ratings(ratings, columns["rating"], lines, scale)
    users = _natural_order(columns["user"])
    user = _numbers(ratings, "user", columns["user"], users, lines)
    item = _numbers(ratings, "item", columns["item"], item_ids, lines)
    time = _times(ratings, columns, lines, split == "time")
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
        item_features=features,
        item_values=values,
        statistics=STATISTICS,
        time=time[rows] if time is not None and split == "time" else None,
        facts={"ratings_replaced": len(lines) - len(rows)},
    )


def _ratings(path: Path, texts: list[str], lines: np.ndarray, scale: tuple[float, float] | None) -> np.ndarray:
    rating = np.array([_number(text) for text in texts])
    strange = np.isnan(rating)
    if strange.any():
        row = int(np.argmax(strange))
        raise UserError(f"{path}, line {lines[row]}: {texts[row][:20]!r} is not a rating; accepted: a number")
    check_ratings(str(path), rating, lines, scale or SCALE)
    if scale is None:
        check_alone(str(path), rating, lines, "with scale: [{low}, {high}] in the settings (tables)")
    return rating


def _times(path: Path, columns: dict[str, list[str]], lines: np.ndarray, needed: bool) -> np.ndarray | None:
    """When each rating was given, ``[N]``; None where that is not needed and no column says it of all."""
    texts = columns.get("timestamp")
    if texts is None:
        if needed:
            raise UserError(f"{path}, line 1: split: time needs a column timestamp; found: {', '.join(columns)[:160]}")
        return None
    times = np.array([_time(text) for text in texts])
    strange = np.isnan(times)
    if not strange.any():
        return times
    if needed:
        row = int(np.argmax(strange))
        accepted = "accepted: a number, or a date as 2026-01-31 or 2026-01-31T12:00:00"
        raise UserError(f"{path}, line {lines[row]}: {texts[row][:30]!r} is not a time; {accepted}")
    return None


def _time(text: str) -> float:
    """Seconds of a date, or the number that stands there; NaN where it is neither."""
    number = _number(text)
    if not np.isnan(number):
        return number
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return np.nan
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _test(path: Path, texts: list[str], lines: np.ndarray) -> np.ndarray:
    row = next((row for row, text in enumerate(texts) if text not in SPLITS), None)
    if row is not None:
        raise UserError(f"{path}, line {lines[row]}: split {texts[row][:20]!r}; accepted: {', '.join(SPLITS)}")
    return np.array([text == "test" for text in texts])


def _items(path: Path) -> tuple[np.ndarray, np.ndarray, tuple[Feature, ...], np.ndarray]:
    """Identifiers, titles, attributes, and their values ``[M, columns]``."""
    columns, lines = read_csv(path, LARGEST_ITEMS)
    columns = usual_names(columns, f"{path}, line 1", ("item", "title"))
    _need(path, columns, ("item",))
    if not len(lines):
        raise UserError(f"{path}: no items under the header")
    items = columns.pop("item")
    _check_names(path, "item", items, lines)
    doubled = [item for item, count in Counter(items).items() if count > 1]
    if doubled:
        line = lines[len(items) - 1 - items[::-1].index(doubled[0])]
        raise UserError(f"{path}, line {line}: item {doubled[0]} is listed more than once")
    titles = [given or item for given, item in zip(columns.pop("title", items), items, strict=True)]
    _check_names(path, "title", titles, lines)
    features, values = [], []
    for name, texts in columns.items():
        for feature, column in _attributes(path, _without_braces(name), texts, lines):
            features.append(feature)
            values.append(column)
        if len(features) > MOST_FEATURES:
            raise UserError(f"{path}: more than {MOST_FEATURES} attributes; accepted: up to {MOST_FEATURES}")
    names = Counter(feature.name for feature in features)
    names.update(STATISTICS)
    clash = next((name for name, count in names.items() if count > 1), None)
    if clash:
        raise UserError(f"{path}, line 1: {clash} would be the name of two attributes; rename a column")
    table = np.column_stack(values) if values else np.zeros((len(items), 0))
    return np.array(items), np.array(titles), tuple(features), table


def _attributes(path: Path, name: str, texts: list[str], lines: np.ndarray) -> list[tuple[Feature, np.ndarray]]:
    """The attributes that a column of the items becomes, with their values ``[M]``."""
    if not any(texts):
        raise UserError(f"{path}: the column {name} is empty")
    numbers = np.array([_number(text) for text in texts])
    is_number = ~np.isnan(numbers)
    too_large = np.abs(numbers) > LARGEST_NUMBER
    if too_large.any():
        row = int(np.argmax(too_large))
        accepted = f"numbers up to {LARGEST_NUMBER:g}, texts"
        raise UserError(f"{path}, line {lines[row]}: {name} is {texts[row][:20]!r}; accepted: {accepted}")
    missing = np.array([text.casefold() in MISSING for text in texts])
    is_text = ~(is_number | missing)
    if 0 < is_text.sum() < is_number.sum():
        row = int(np.argmax(is_text))
        raise UserError(
            f"{path}, line {lines[row]}: {name} is {texts[row][:20]!r} and {is_number.sum()} other cells are numbers; "
            "accepted: a number, nothing or NA where it is not known, or texts in most cells"
        )
    if is_number.any() and not is_text.any():
        numbers[~is_number] = np.median(numbers[is_number])
        if set(np.unique(numbers)) <= {0.0, 1.0}:
            return [(Feature(name, "binary", "item", name, f"not {name}", name), numbers)]
        above, below = f"{name} above {{t}}", f"{name} below {{t}}"
        return [(number(name, above, below, name, digits=_digits(numbers)), numbers)]
    values = [{part.strip() for part in text.split(LIST_SEPARATOR)} - {""} for text in texts]
    counts = Counter(value for parts in values for value in parts)
    # The most frequent first; of equally frequent ones the first in the alphabet.
    chosen = sorted(counts, key=lambda value: (-counts[value], value))[:MOST_VALUES]
    return [
        (
            Feature(label, "binary", "item", label, f"not {label}", label),
            np.array([float(value in parts) for parts in values]),
        )
        for value in chosen
        for label in [f"{name}: {_without_braces(value)}"]
    ]


def _number(text: str) -> float:
    """The number that a text is; NaN where it is none."""
    try:
        return np.nan if "_" in text else float(decimal(text))
    except ValueError:
        return np.nan


def _digits(values: np.ndarray) -> int:
    """Digits after the point with which thresholds between the values are told apart."""
    if (values == np.round(values)).all():
        return 0
    spread = values.std()
    return int(np.clip(1 - np.floor(np.log10(spread)), 1, MOST_DIGITS)) if spread > 0 else 1


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


def _without_braces(text: str) -> str:
    """Braces mark the place of a threshold in a feature's words."""
    return text.replace("{", "(").replace("}", ")")


def _need(path: Path, columns: dict[str, list[str]], names: tuple[str, ...]) -> None:
    for name in names:
        if name not in columns:
            header = ", ".join(columns)[:160]
            raise UserError(f"{path}, line 1: no column {name}; found: {header}; needed: {', '.join(names)}")


def _check_names(path: Path, column: str, texts: list[str], lines: np.ndarray) -> None:
    """Refuse identifiers and titles that are empty or too long."""
    for text, line in zip(texts, lines, strict=True):
        if not text:
            raise UserError(f"{path}, line {line}: {column} is empty")
        if len(text) > LONGEST_NAME:
            raise UserError(f"{path}, line {line}: {column} has {len(text)} characters; accepted: up to {LONGEST_NAME}")


def _numbers(path: Path, what: str, texts: list[str], known: np.ndarray, lines: np.ndarray) -> np.ndarray:
    """The number of each identifier among the known ones, int64 ``[N]``."""
    places = {identifier: number for number, identifier in enumerate(known.tolist())}
    numbers = np.array([places.get(text, -1) for text in texts], dtype=np.int64)
    if (numbers < 0).any():
        row = int(np.argmax(numbers < 0))
        raise UserError(f"{path}, line {lines[row]}: {what} {texts[row][:80]} is not in the table of {what}s")
    return numbers
