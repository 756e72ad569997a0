"""Numbers in the cells of tables: with units, thousands, dates, and what programs write where there is none."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np

from hypernet.ratings.sources.delimited import decimal

# What programs write where there is nothing, in lower case.
MISSING = frozenset(("", "na", "n/a", "nan", "null", "none", "<na>", "nat", "-", "--", "?", "#n/a", "\\n"))
# Words for it in a column of numbers.
UNKNOWN = MISSING | {"unknown", "unbekannt", "missing", "tba", "n.a.", "."}
# Whole numbers that stand for nothing: below zero where no other is, and among years.
MARKS = (-1.0, -99.0, -999.0, -9999.0, -99999.0)
YEAR_MARKS, YEARS = (-1.0, 0.0, 1.0, 9999.0), (1000, 2200)
# This share of a column being years, the rest are mistakes.
MOSTLY = 0.8
# These may stand for nothing where all others are less than a fifth of them.
HIGH_MARKS, FAR = (999.0, 9999.0, 99999.0, 999999.0), 5
ANSWERS = (("true", "false"), ("yes", "no"), ("y", "n"), ("t", "f"), ("ja", "nein"), ("oui", "non"), ("1", "0"))
_DATES = tuple(
    map(
        re.compile,
        (
            r"(?P<year>\d{4})[-/.]\d{1,2}[-/.]\d{1,2}([T ].*)?",
            r"\d{1,2}[-/. ]+(\d{1,2}|[^\W\d]{3,9}\.?)[-/., ]+(?P<year>\d{4})( \d.*)?",
            r"[^\W\d]{3,9}\.? \d{1,2},? (?P<year>\d{4})",
        ),
    )
)
_CURRENCY = r"[$€£¥₹₽]|[A-Z]{1,2}\$|USD|EUR|GBP|JPY|CHF|INR|Rs\.?"
_WITH_UNIT = re.compile(
    rf"(?P<before>{_CURRENCY})?\s?(?P<number>[+-]?\d[\d.,]*(?:[eE][+-]?\d+)?)(?P<after>\s?(?:{_CURRENCY}|%)|\s[^\W\d]{{1,8}}\.?)?"
)
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?")
# These cannot be decimal commas.
_SURELY_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})*(,\d{3}\.\d+|,\d{3},\d{3})")


class Numbers(NamedTuple):
    """A column of numbers.

    Attributes:
        values: float64 ``[N]``, NaN where there is none.
        told: how the cells were read, for a note; ``""`` where they are plain numbers.
    """

    values: np.ndarray
    told: str


def plain_number(text: str) -> float:
    """The number that a text is; NaN where it is none."""
    try:
        return np.nan if "_" in text else float(decimal(text))
    except ValueError:
        return np.nan


def is_missing(text: str) -> bool:
    """Whether a program writes this where there is nothing."""
    return text.casefold() in MISSING or text.casefold() == "(no genres listed)"


def plain_numbers(texts: list[str]) -> np.ndarray:
    """The number of each cell, NaN where there is none, float64 ``[N]``."""
    return np.array([plain_number(text) for text in texts])


def with_units(texts: list[str]) -> Numbers | None:
    """Numbers with thousands, or one unit or currency throughout; None where the cells are something else."""
    given = [text for text in texts if text.casefold() not in UNKNOWN]
    matches = [_WITH_UNIT.fullmatch(text) for text in given]
    units = {((match["before"] or "").strip(), (match["after"] or "").strip()) for match in matches if match}
    if not given or not all(matches) or len(units) != 1:
        return None
    numbers = {text: match["number"] for text, match in zip(given, matches, strict=True) if match}
    told = []
    if any(_SURELY_THOUSANDS.fullmatch(number) for number in numbers.values()):
        if not all(_THOUSANDS.fullmatch(number) or "," not in number for number in numbers.values()):
            return None
        numbers = {text: number.replace(",", "") for text, number in numbers.items()}
        told.append("commas between thousands")
    unit = " ".join(filter(None, next(iter(units))))
    if unit:
        told.append(f"without {unit!r}")
    values = np.array([plain_number(numbers[text]) if text in numbers else np.nan for text in texts])
    if not told or np.isnan([value for text, value in zip(texts, values, strict=True) if text in numbers]).any():
        return None
    return Numbers(values, f"numbers, {', '.join(told)}")


def years_of_dates(texts: list[str]) -> tuple[np.ndarray, int | None] | None:
    """The years of a column of dates.

    Args:
        texts: its cells, ``[N]``.

    Returns:
        the year of each, NaN where there is none, float64 ``[N]``, and the first row that is no date, None without one;
        None in place of both where most cells are no dates.
    """
    given = [row for row, text in enumerate(texts) if text.casefold() not in UNKNOWN]
    matches = {row: next(filter(None, (form.fullmatch(texts[row]) for form in _DATES)), None) for row in given}
    years = np.full(len(texts), np.nan)
    for row, match in matches.items():
        if match:
            years[row] = float(match["year"])
    dated = int((~np.isnan(years)).sum())
    if 2 * dated <= len(given):
        return None
    return years, next((row for row in given if matches[row] is None), None)


def answers(texts: list[str]) -> np.ndarray | None:
    """1 for yes, 0 for no, NaN where nothing is said, ``[N]``; None where a cell is neither."""
    words = [text.casefold().removesuffix(".0") for text in texts]
    given = set(words) - UNKNOWN
    for yes, no in ANSWERS:
        if given == {yes, no}:
            values = {yes: 1.0, no: 0.0}
            return np.array([values.get(word, np.nan) for word in words])
    return None


def without_marks(values: np.ndarray) -> tuple[np.ndarray, str]:
    """Values with NaN for marks of what is not known, as -999 or the year 9999, and the marks; ``""`` without one."""
    known = values[~np.isnan(values)]
    for marks, (low, high) in ((YEAR_MARKS, YEARS), (MARKS, (0, np.inf))):
        is_mark = np.isin(known, marks)
        others = known[~is_mark]
        if is_mark.any() and len(others) > 1 and low <= others.min() and others.max() <= high:
            told = " and ".join(f"{mark:g}" for mark in np.unique(known[is_mark]))
            return np.where(np.isin(values, marks), np.nan, values), told
    return values, ""


def past_years(values: np.ndarray) -> np.ndarray:
    """Numbers of the few values that are too large for a year where the others are years."""
    known = values[~np.isnan(values)]
    years = (known >= YEARS[0]) & (known <= YEARS[1])
    return np.flatnonzero(values > YEARS[1]) if years.mean() > MOSTLY else np.zeros(0, dtype=np.int64)


def high_mark(values: np.ndarray) -> str:
    """What is said of a 9999 far above all others, which may stand for what is not known; ``""`` without one."""
    known = values[~np.isnan(values)]
    for mark in HIGH_MARKS:
        others = known[known != mark]
        if 1 < len(others) < len(known) and others.max() * FAR < mark:
            return f"{mark:g} in {len(known) - len(others)} of {len(known)} cells, the others go up to {others.max():g}"
    return ""
