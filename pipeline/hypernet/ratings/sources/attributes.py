"""What trees may ask about of a column of the items: numbers, yes and no, frequent values, years of dates."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.ratings.core.tables import MOST_DIGITS, Feature
from hypernet.ratings.core.wording import AFTER, BEFORE, THRESHOLD, counted
from hypernet.ratings.sources.delimited import LARGEST_NUMBER
from hypernet.ratings.sources.features import number, with_medians
from hypernet.ratings.sources.numerals import (
    UNKNOWN,
    YEARS,
    Numbers,
    answers,
    high_mark,
    is_missing,
    past_years,
    plain_numbers,
    with_units,
    without_marks,
    years_of_dates,
)

LIST_SEPARATOR = "|"
# What else may part the values in a cell, where the parts recur.
OTHER_SEPARATORS = (";", ",", "/")
MOST_VALUES = 20
# Letters of a cell that is read as a list of Python or JSON.
LONGEST_LIST = 10_000
# Of such an entry, what names it.
NAMES = ("name", "title", "label")
# A column that ends so holds codes, which are no quantities.
CODES = re.compile(r"(.*[a-z0-9])?(ID|Id)|(.*[\W_])?(id|code)|codes?|category|cluster|zip", re.ASCII)
# The year that an item is said to be from; others are named, as in "date read year after 2015".
RELEASED = re.compile(r"((release|movie|film|publication)[ _-]?)?((date|Date)[ _-]?)?year", re.IGNORECASE)
YEAR = re.compile(r"(?<![^\W_])(year|jahr|jahrgang|erscheinungsjahr|ann[ée]e|año|anno)(?![^\W_])", re.IGNORECASE)
SPACED = ":token_seq"


@dataclass
class Attributes:
    """The attributes of the items of a table.

    Attributes:
        features: in the order of the columns.
        values: of each, float64 ``[M]``, NaN where it is not known.
        notes: what columns were read as, where that is not what stands there.
    """

    features: list[Feature] = field(default_factory=list)
    values: list[np.ndarray] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, path: Path, name: str, texts: list[str], lines: np.ndarray) -> None:
        """Add what a column becomes.

        Args:
            path: the table, for messages.
            name: of the column.
            texts: its cells, ``[M]``.
            lines: where they stand, ``[M]``.

        Raises:
            UserError: a text among numbers, a number that is too large, or one among years that is none.
        """
        spaced = name.endswith(SPACED)
        name = without_braces(re.sub(r":(token|float)(_seq)?$", "", name))
        where = f"{path}: {name}"
        if all(map(is_missing, texts)):
            self.notes.append(f"{where} is empty, and left out")
        elif (given := answers(texts)) is not None:
            self._yes_or_no(where, name, given)
        elif CODES.fullmatch(name) and (plain_numbers(texts) % 1 == 0).any():
            self.notes.append(f"{where} is taken for codes, no quantity")
            self._values(where, name, [set() if is_missing(text) else {text} for text in texts])
        elif (dates := years_of_dates(texts)) is not None:
            years, strange = dates
            if strange is not None:
                cell = f"line {lines[strange]}: {name} is {texts[strange][:20]!r}"
                raise UserError(f"{path}, {cell} and most cells are dates; accepted: a date, or nothing or NA")
            years, mark = without_marks(years)
            mark = f", {mark} for what is not known" if mark else ""
            self.notes.append(f"{where} is read as dates, of which the year counts{mark}")
            self.number(name if "year" in name.casefold() else f"{name} year", years)
        elif (numbers := _numbers(path, name, texts, lines)) is not None:
            told, (values, mark) = numbers.told, without_marks(numbers.values)
            if YEAR.search(name) and (late := past_years(values)).size:
                cell = f"line {lines[late[0]]}: {name} is {texts[late[0]][:20]!r}"
                raise UserError(
                    f"{path}, {cell}, the others are years up to {YEARS[1]}; accepted: a year, or nothing or NA"
                )
            told = ", ".join(filter(None, (told, mark and f"{mark} for what is not known")))
            if told:
                self.notes.append(f"{where} is read as {told}")
            if high := high_mark(values):
                self.notes.append(f"{where} has {high}; if it stands for what is not known, leave these cells empty")
            if np.isnan(values).any():
                unknown = counted(int(np.isnan(values).sum()), "item")
                self.notes.append(f"{where} is not known of {unknown}: taken is the median of the others")
            self.number(name, values)
        else:
            parted, told = _parted(texts, spaced)
            if told:
                self.notes.append(f"{where} is read as lists{told}")
            self._values(where, name, parted)

    def number(self, name: str, values: np.ndarray) -> None:
        """Add a number of every item, NaN where it is not known, ``[M]``: for a tree the median stands in there."""
        filled = with_medians(values)
        if set(np.unique(filled)) <= {0.0, 1.0}:
            self._flag(name, values)
            return
        above, below = _words(name)
        self.features.append(number(name, above, below, name, digits=_digits(filled)))
        self.values.append(values)

    def _flag(self, name: str, values: np.ndarray) -> None:
        attribute, colon, value = name.partition(": ")
        opposite = f"{attribute}: not {value}" if colon else f"not {name}"
        self.features.append(Feature(name, "binary", "item", name, opposite, name))
        self.values.append(values)

    def _yes_or_no(self, where: str, name: str, values: np.ndarray) -> None:
        if not np.isnan(values).any():
            self._flag(name, values)
            return
        # So that "not" is said of no item of which it is not known.
        unknown = counted(int(np.isnan(values).sum()), "item")
        self.notes.append(f"{where} is not known of {unknown}: neither yes nor no is said there")
        for answer, value in (("yes", 1.0), ("no", 0.0)):
            self._flag(f"{name}: {answer}", (values == value).astype(float))

    def _values(self, where: str, name: str, values: list[set[str]]) -> None:
        """A yes or no for each of the most frequent values; of one item, or of all, a value tells nothing apart."""
        counts = Counter(value for parts in values for value in parts)
        telling = [value for value, count in counts.items() if 1 < count < len(values)]
        # The most frequent first; of equally frequent ones the first in the alphabet.
        chosen = sorted(telling, key=lambda value: (-counts[value], value))[:MOST_VALUES]
        if not chosen:
            self.notes.append(f"{where} is left out: each of its values is that of one item, or of all")
        elif len(chosen) < len(counts):
            self.notes.append(f"{where} has {len(counts)} values; the most frequent are taken: {len(chosen)}")
        for value in chosen:
            self._flag(f"{name}: {without_braces(value)}", np.array([float(value in parts) for parts in values]))


def without_braces(text: str) -> str:
    """Braces mark the place of a threshold in a feature's words."""
    return text.replace("{", "(").replace("}", ")")


def _numbers(path: Path, name: str, texts: list[str], lines: np.ndarray) -> Numbers | None:
    """The numbers of a column, NaN where they are missing; None where it holds texts."""
    united = with_units(texts)
    values, told = united or (plain_numbers(texts), "")
    too_large = np.abs(values) > LARGEST_NUMBER
    if too_large.any():
        row = int(np.argmax(too_large))
        accepted = f"numbers up to {LARGEST_NUMBER:g}, texts"
        raise UserError(f"{path}, line {lines[row]}: {name} is {texts[row][:20]!r}; accepted: {accepted}")
    is_number = ~np.isnan(values)
    is_text = ~is_number & np.array([text.casefold() not in UNKNOWN for text in texts])
    if 0 < is_text.sum() < is_number.sum():
        row = int(np.argmax(is_text))
        raise UserError(
            f"{path}, line {lines[row]}: {name} is {texts[row][:20]!r} and {is_number.sum()} other cells are numbers; "
            "accepted: a number, nothing or NA where it is not known, or texts in most cells"
        )
    return Numbers(values, told) if is_number.any() and not is_text.any() else None


def _parted(texts: list[str], spaced: bool) -> tuple[list[set[str]], str]:
    """The values in each cell, and how they are parted where it is not by a bar."""
    if spaced:
        return [set(text.split()) for text in texts], " parted by spaces"
    given = [text for text in texts if not is_missing(text)]
    if given and all(text[0] in "[{" and text[-1] in "]}" for text in given):
        lists = [[] if is_missing(text) else _listed(text) for text in texts]
        if all(values is not None for values in lists):
            return [set(values or ()) for values in lists], " of Python or JSON"
    if not any(LIST_SEPARATOR in text for text in given):
        for separator in OTHER_SEPARATORS:
            if _recur(given, separator):
                return [_parts(text, separator) for text in texts], f" parted by {separator!r}"
    return [_parts(text, LIST_SEPARATOR) for text in texts], ""


def _parts(text: str, separator: str) -> set[str]:
    return {part.strip() for part in text.split(separator) if not is_missing(part.strip())}


def _recur(texts: list[str], separator: str) -> bool:
    """Whether the parts of the cells are fewer than the cells that differ, and most stand in several of these."""
    whole = set(texts)
    counts = Counter(part for text in whole for part in _parts(text, separator))
    several = [part for text in whole if separator in text for part in _parts(text, separator)]
    recurring = sum(counts[part] > 1 for part in several)
    return bool(several) and len(counts) < len(whole) and recurring > 0.9 * len(several)


def _listed(text: str) -> list[str] | None:
    """The values of a list as Python or JSON writes it; None where it is none."""
    if len(text) > LONGEST_LIST:
        return None
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        try:
            content = ast.literal_eval(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            return None
    values = []
    for entry in content if isinstance(content, list | tuple | set) else [content]:
        if isinstance(entry, dict):
            entry = next((entry[name] for name in NAMES if name in entry), None)
        if not isinstance(entry, str | int | float):
            return None
        values.append(" ".join(str(entry).split()))
    return [value for value in values if not is_missing(value)]


def _words(name: str) -> tuple[str, str]:
    """What is said of an item whose number is above a threshold, and below it."""
    if RELEASED.fullmatch(name):
        return AFTER, BEFORE
    if YEAR.search(name):
        return f"{name} {AFTER}", f"{name} {BEFORE}"
    return f"{name} above {THRESHOLD}", f"{name} below {THRESHOLD}"


def _digits(values: np.ndarray) -> int:
    """Digits after the point with which thresholds between the values are told apart."""
    if (values == np.round(values)).all():
        return 0
    spread = values.std()
    return int(np.clip(1 - np.floor(np.log10(spread)), 1, MOST_DIGITS)) if spread > 0 else 1
