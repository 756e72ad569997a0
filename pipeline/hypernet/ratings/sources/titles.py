"""Titles as people and programs write them: "The Matrix", "Matrix, The (1999)", "Amelie", "Se7en"."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

# Articles that catalogues put at the end; with an apostrophe they are one word with the next.
ARTICLES = (
    *("the", "a", "an", "le", "la", "les", "un", "une", "der", "die", "das", "ein", "eine", "el", "los", "las"),
    *("il", "lo", "gli", "i", "o", "os", "as", "den", "det", "de", "het", "l'", "l"),
)
YEAR = re.compile(r"\s*\((\d{4})(?:[-–]\d{0,4})?\)\s*$")
INNER = re.compile(r"\s*\(([^()]*)\)")
AKA = re.compile(r"^a\.?k\.?a\.?\s+", re.IGNORECASE)
MOVED = re.compile(r"^(.*), ?([^ ,]+)$")
_QUOTES = str.maketrans({"‘": "'", "’": "'", "ʼ": "'", "`": "'", "“": '"', "”": '"', "„": '"', "–": "-", "—": "-"})


class Title(NamedTuple):
    """A title taken apart.

    Attributes:
        name: in small letters, without accents, year or anything in parentheses, the article in front.
        year: None where there is none.
        others: further names that stand in parentheses.
    """

    name: str
    year: int | None
    others: tuple[str, ...]


def plain(title: str) -> str:
    """A title without case, and with single spaces."""
    return " ".join(unicodedata.normalize("NFC", title.casefold()).split())


def taken_apart(title: str, year: int | None = None) -> Title:
    """The parts of a title.

    Args:
        title: as it is written.
        year: where it stands beside the title; one in the title comes first.
    """
    match = YEAR.search(title)
    if match:
        title, year = title[: match.start()], int(match[1])
    inner = tuple(filter(None, (folded(AKA.sub("", part)) for part in INNER.findall(title))))
    outer = folded(INNER.sub("", title))
    return Title(outer or folded(title), year, inner if outer else ())


def year_of(title: str) -> int | None:
    """The year in parentheses at the end of a title."""
    match = YEAR.search(title)
    return int(match[1]) if match else None


def folded(name: str) -> str:
    """A name in small letters, without accents or marks, its article in front."""
    name = plain(name.translate(_QUOTES))
    match = MOVED.match(name)
    if match and match[2] in ARTICLES:
        name = f"{match[2]}{'' if match[2].endswith(chr(39)) else ' '}{match[1]}"
    letters = unicodedata.normalize("NFKD", name)
    letters = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return " ".join(re.sub(r"[^\w&+#$%!?.'-]", " ", letters).split()) or name
