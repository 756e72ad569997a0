"""Names of columns as people and programs write them: ``userId``, ``Item``, ``movie_id``, ``Your Rating``."""

from __future__ import annotations

import re

from hypernet.lab.errors import UserError

_THINGS = ("item", "movie", "film", "book", "product", "joke", "song", "track", "game", "article", "artist", "anime")
# Each column by what it may be called, in lower case and without anything between the letters: the best names first.
# Of two columns with equally good names neither is taken.
NAMES: dict[str, tuple[tuple[str, ...], ...]] = {
    "user": (
        ("user",),
        ("userid", "uid", "usernum", "useridx"),
        ("customer", "customerid", "reviewer", "reviewerid", "member", "memberid", "client", "clientid"),
        ("username", "benutzer", "benutzerid", "nutzer", "kunde", "utilisateur", "usuario"),
    ),
    "item": (
        ("item",),
        (*(f"{thing}id" for thing in _THINGS), "iid", "itemnum", "itemidx"),
        ("parentasin",),
        ("asin", "isbn", "sku"),
        (*_THINGS[1:], "artikel", "artikelnr", "artikelnummer", "produkt"),
    ),
    "rating": (
        ("rating",),
        ("myrating", "yourrating"),
        ("userrating", "personalrating", "rui", *(f"{thing}rating" for thing in _THINGS)),
        ("score", "stars", "overall", "reviewscore", "reviewrating", "starrating", "userscore", "myscore"),
        ("bewertung", "wertung", "evaluation", "valoracion", "valutazione"),
    ),
    "title": (
        ("title",),
        tuple(f"{thing}title" for thing in _THINGS),
        ("name", *(f"{thing}name" for thing in _THINGS)),
        ("titel", "titre", "titulo", "titolo", "bezeichnung", "artikelbezeichnung", "artikelname", "produktname"),
    ),
    "year": (("year",), ("releaseyear", "yearofrelease", "movieyear"), ("jahr", "erscheinungsjahr")),
    "split": (("split",),),
    # Whichever comes first: several of them say when, in several ways.
    "timestamp": tuple(
        (name,)
        for name in ("timestamp", "time", "unixreviewtime", "date", "datetime", "ratedat", "daterated", "created")
    )
    + tuple((name,) for name in ("createdat", "reviewtime", "reviewdate", "orderdate", "datum")),
}
_USUAL = frozenset(name for tiers in NAMES.values() for tier in tiers for name in tier) | {"id"}
# RecBole says of each column what it holds.
_HOLDS = re.compile(r":(token|float)(_seq)?$")
# Goodreads writes 0 here for books that are on a shelf and have no rating.
ZERO_IS_NONE = "myrating"
_UNNAMED = re.compile(r"unnamed: ?\d+", re.IGNORECASE)


def is_usual(name: str) -> bool:
    """Whether a text is what a column of a table of ratings or items may be called."""
    return plain_name(name) in _USUAL


def plain_name(name: str) -> str:
    """A name in lower case, without anything between the letters, or what is added: ``Rating (1-5)`` is ``rating``."""
    return re.sub(r"[\W_]", "", re.sub(r"(?<=\w)\s*[(\[].*[)\]]$", "", _HOLDS.sub("", name)).casefold())


def usual_names(
    columns: dict[str, list[str]], where: str, wanted: tuple[str, ...], notes: list[str] | None = None
) -> dict[str, list[str]]:
    """The same columns, those that are wanted under their usual names; the others keep theirs.

    Args:
        columns: texts by name.
        where: the place of the header, for the message.
        wanted: keys of :data:`NAMES`, and ``id`` where that may be the item.
        notes: names that are far from the usual ones are noted here.

    Raises:
        UserError: two columns could be one that is wanted, and neither has a better name than the other.
    """
    names = {name: name for name in columns}
    far = []
    for usual in wanted:
        if usual in columns or usual == "id":
            continue
        tiers = NAMES[usual]
        if usual == "item" and "id" in wanted:
            tiers = (*tiers, ("id",))
        if usual == "title" and "item" in names.values() and "rating" in wanted:
            # Beside the column of the item, "movie" is its title.
            tiers = (*tiers, _THINGS[1:])
        for place, tier in enumerate(tiers):
            alike = [name for name, taken in names.items() if name == taken and plain_name(name) in tier]
            if len(alike) > 1:
                listed = " and ".join(map(repr, alike))
                raise UserError(f"{where}: {listed} could both be the column {usual}; rename one")
            if alike:
                names[alike[0]] = usual
                if place > 1:
                    far.append(f"{alike[0]!r} for {usual}")
                break
    if far and notes is not None:
        notes.append(f"{where}: columns taken: {', '.join(far)}")
    return {names[name]: texts for name, texts in columns.items()}


def row_numbers(columns: dict[str, list[str]]) -> str | None:
    """The name of the first column where it has none, or pandas' for none, and whole numbers that differ."""
    name = next(iter(columns), None)
    if name is None or (name.strip("\0") and not _UNNAMED.fullmatch(name)):
        return None
    cells = columns[name]
    whole = bool(cells) and all(cell.isascii() and cell.isdigit() for cell in cells)
    return name if whole and len(set(cells)) == len(cells) else None


def whole_ids(texts: list[str]) -> list[str]:
    """Identifiers without the ``.0`` that programs add to whole numbers of a column in which some are missing."""
    if not any(text.endswith(".0") for text in texts) or not all(re.fullmatch(r"\d+(\.0)?|", text) for text in texts):
        return texts
    return [text.removesuffix(".0") for text in texts]
