"""Names of columns as people and programs write them: ``userId``, ``Item``, ``movie_id``."""

from __future__ import annotations

import re

from hypernet.lab.errors import UserError

# Each column by what it may be called, in lower case and without anything between the letters.
_THINGS = ("item", "movie", "film", "book", "product", "joke", "song", "track", "game", "article")
NAMES = {
    "user": ("user", "userid"),
    "item": (*_THINGS, *(f"{thing}id" for thing in _THINGS)),
    "rating": ("rating", "score", "stars"),
    "title": ("title",),
    "split": ("split",),
    "timestamp": ("timestamp", "time", "date", "datetime"),
}


def usual_names(columns: dict[str, list[str]], where: str, wanted: tuple[str, ...]) -> dict[str, list[str]]:
    """The same columns, those that are wanted under their usual names; the others keep theirs.

    Args:
        columns: texts by name.
        where: the place of the header, for the message.
        wanted: keys of :data:`NAMES`.

    Raises:
        UserError: two columns could be one that is wanted, and neither has its name.
    """
    names = {name: name for name in columns}
    for usual in wanted:
        if usual in columns:
            continue
        alike = [name for name in columns if _plain(name) in NAMES[usual]]
        # "Item" before "movie".
        exact = [name for name in alike if _plain(name) == usual]
        alike = exact or alike
        if len(alike) > 1:
            raise UserError(f"{where}: {' and '.join(map(repr, alike))} could both be the column {usual}; rename one")
        if alike:
            names[alike[0]] = usual
    return {names[name]: texts for name, texts in columns.items()}


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name.casefold())
