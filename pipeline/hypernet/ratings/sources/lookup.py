"""Finding the items that a table speaks of, by identifier or by title, and never another one."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.ratings.core.wording import counted
from hypernet.ratings.sources.titles import plain, taken_apart, year_of

# Letters of a name that a message repeats.
MOST_LETTERS = 80
# Identifiers and titles are compared up to this length.
LONGEST_NAME = 500
SUGGESTIONS, MOST_NAMED = 3, 3
# What is less alike is no help, and fewer letters are part of too much.
ALIKE, SHORTEST_PART = 0.5, 3


@dataclass(frozen=True)
class Names:
    """What a table says of the items in its rows.

    Attributes:
        ids: texts of the column ``item``, identifiers or titles, ``[N]``; None without one.
        titles: of the column ``title``, ``[N]``; None without one.
        years: of the column ``year``, ``[N]``, ``""`` where there is none; None without one.
        rows: where each row stands, for messages: "line 3".
        name: of the table.
    """

    ids: Sequence[str] | None
    titles: Sequence[str] | None
    years: Sequence[str] | None
    rows: Sequence[str]
    name: str

    def at(self, row: int) -> str:
        """Where a row stands, with the name of the table."""
        return f"{self.name}, {self.rows[row]}"


@dataclass
class Places:
    """Where the items of a table's rows stand in the catalogue.

    Attributes:
        number: of the item of each row, int64 ``[N]``; -1 where it is left out.
        unknown: numbers of the rows whose item is not known.
        notes: how they were found, where that is not as they are written.
    """

    number: np.ndarray
    unknown: list[int] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Lookup:
    """Finds items by identifier or by title.

    An identifier is the same to the letter. Of a title case, spaces, accents and the place of the article do not count,
    nor a year or a further name in parentheses, as long as that is the title of one item only.

    Args:
        ids: identifiers of the M items.
        titles: their titles.
    """

    def __init__(self, ids: np.ndarray, titles: np.ndarray):
        self.ids = [str(identifier) for identifier in ids]
        self.titles = [str(title) for title in titles]
        self.by_id = {identifier: place for place, identifier in enumerate(self.ids)}
        self.digits = all(identifier.isdigit() for identifier in self.ids)
        self.by_title: dict[str, list[int]] = {}
        self.by_name: dict[str, list[int]] = {}
        self.years: list[int | None] = []
        for place, title in enumerate(self.titles):
            self.by_title.setdefault(plain(title), []).append(place)
            parts = taken_apart(title)
            self.years.append(parts.year)
            for name in dict.fromkeys((parts.name, *parts.others)):
                self.by_name.setdefault(name, []).append(place)

    def __contains__(self, name: str) -> bool:
        return name in self.by_id or plain(name) in self.by_title

    def of_title(self, title: str, year: int | None = None) -> list[int]:
        """Numbers of the items that a title may mean: exactly, else without what does not count."""
        places = self.by_title.get(plain(title), [])
        if places and (len(places) == 1 or year is None):
            return [place for place in places if year in (None, self.years[place]) or self.years[place] is None]
        if len(title) > LONGEST_NAME:
            return []
        parts = taken_apart(title, year)
        for name in (parts.name, *parts.others):
            places = self.by_name.get(name, [])
            if parts.year is not None:
                dated = [place for place in places if self.years[place] == parts.year]
                places = dated or [place for place in places if self.years[place] is None]
            # The main name of one item may be a further name of another.
            main = [place for place in places if taken_apart(self.titles[place]).name == name]
            if main or places:
                return main or places
        return []

    def find_all(self, names: Names, *, trust_ids: bool = False, unknown: str | None = None) -> Places:
        """The items of all rows of a table.

        Args:
            names: what the table says of them.
            trust_ids: whether the identifiers are this catalogue's where no title is known to it.
            unknown: ``"skip"`` where rows of unknown items are left out.

        Raises:
            UserError: an unknown item; a title of several; an identifier and a title that speak of two items, or a
                text that is the identifier of one item and may be the title of another.
        """
        into = Places(np.full(len(names.rows), -1, dtype=np.int64))
        titles = names.titles
        if titles is not None and all(map(str.__eq__, self.ids, self.titles)):
            titles = None if names.ids is not None else titles
        if names.ids is None:
            self._by_titles(names, titles or [], into)
        elif titles is None or not any(titles):
            self._by_texts(names, into)
        else:
            self._by_both(names, titles, into, trust_ids)
        into.unknown = np.flatnonzero(into.number < 0).tolist()
        if into.unknown and unknown is None:
            raise self._refusal(names, into.unknown)
        if into.unknown:
            listed = "; ".join(self._spoken(names, row) for row in into.unknown[:MOST_NAMED])
            more = ", …" if len(into.unknown) > MOST_NAMED else ""
            left = f"{len(into.unknown)} of {len(names.rows)} rows are of unknown items and left out: {listed}{more}"
            into.notes.append(f"{names.name}: {left}")
        return into

    def _by_titles(self, names: Names, titles: Sequence[str], into: Places) -> None:
        known: dict[tuple[str, str], int] = {}
        years = names.years or [""] * len(titles)
        loosely: dict[str, str] = {}
        for row, pair in enumerate(zip(titles, years, strict=True)):
            if pair not in known:
                known[pair] = self._of_one(pair[0], _year(pair[1]), names.at(row), names.ids is None)
                place = known[pair]
                if place >= 0 and plain(self.titles[place]) != plain(pair[0]):
                    loosely[pair[0]] = self.titles[place]
            into.number[row] = known[pair]
        self._note(names, loosely, into)

    def _note(self, names: Names, loosely: dict[str, str], into: Places) -> None:
        if loosely:
            listed = "; ".join(f"{given[:40]} is {title[:60]}" for given, title in list(loosely.items())[:MOST_NAMED])
            more = ", …" if len(loosely) > MOST_NAMED else ""
            into.notes.append(f"{names.name}: written otherwise: {counted(len(loosely), 'title')}: {listed}{more}")

    def _of_one(self, title: str, year: int | None, where: str, or_id: bool) -> int:
        places = self.of_title(title, year)
        if len(places) > 1:
            raise self._several(title, places, where)
        if not places and or_id and not self.digits:
            # Identifiers of letters are no titles of other catalogues.
            return self.by_id.get(title, -1)
        return places[0] if places else -1

    def _several(self, title: str, places: list[int], where: str) -> UserError:
        ids = ", ".join(self.ids[place] for place in places)
        return UserError(
            f"{where}: {title[:MOST_LETTERS]!r} is the title of several items; give the id of one: {ids[:200]}"
        )

    def _by_texts(self, names: Names, into: Places) -> None:
        """Rows with one text, an identifier or a title: what could be either is not guessed."""
        texts = names.ids or []
        distinct = list(dict.fromkeys(texts))
        years = dict(zip(texts, names.years, strict=True)) if names.years else {}
        as_id = {text: self.by_id[text] for text in distinct if text in self.by_id}
        as_title: dict[str, int] = {}
        for text in distinct:
            places = self.of_title(text, _year(years.get(text, "")))
            if len(places) == 1:
                as_title[text] = places[0]
            elif places and text not in as_id:
                raise self._several(text, places, names.at(texts.index(text)))
        # Where identifiers are numbers, one among titles may be the title of something that is not known.
        words = (text for text in distinct if text not in as_id and (text in as_title or not text.isdigit()))
        titles = next(words, "") if self.digits else ""
        only_ids = any(as_title.get(text, place) == place for text, place in as_id.items())
        chosen: dict[str, int] = {}
        for text in distinct:
            place = as_id.get(text, -1)
            other = as_title.get(text, place)
            if text not in as_id or (titles and text in as_title):
                chosen[text] = other
            elif titles or (other != place and not only_ids):
                meant = f"the title of {self.ids[other]}" if other != place else f"a title, as {titles[:40]!r} is"
                cell = f"{names.at(texts.index(text))}: {text[:MOST_LETTERS]!r} is the id of {self._title(place)}"
                raise UserError(f"{cell} and may be {meant}; call the column title, or write ids alone")
            else:
                chosen[text] = place
        into.number[:] = [chosen[text] for text in texts]
        self._note(
            names,
            {
                text: self.titles[place]
                for text, place in chosen.items()
                if place >= 0 and text not in as_id and plain(text) != plain(self.titles[place])
            },
            into,
        )

    def _by_both(self, names: Names, titles: Sequence[str], into: Places, trust_ids: bool) -> None:
        """Rows with an identifier and a title, which may be those of another catalogue."""
        ids, years = names.ids or [], names.years or [""] * len(titles)
        pairs = list(zip(ids, titles, years, strict=True))
        meant: dict[tuple[str, str, str], tuple[int, list[int]]] = {
            pair: (self.by_id.get(pair[0], -1), self.of_title(pair[1], _year(pair[2])) if pair[1] else [])
            for pair in dict.fromkeys(pairs)
        }
        agree = sum(place in places for place, places in meant.values())
        if not agree and trust_ids and not any(places for _, places in meant.values()):
            into.notes.append(f"{names.name}: the column of titles holds no title of an item; items are told by id")
            into.number[:] = [meant[pair][0] for pair in pairs]
            return
        if not agree:
            # Identifiers that never fit their titles are those of another catalogue.
            if any(place >= 0 for place, _ in meant.values()):
                into.notes.append(f"{names.name}: no id fits its title here; items are told by title")
            self._by_titles(names, titles, into)
            return
        for row, pair in enumerate(pairs):
            place, places = meant[pair]
            if place < 0 or not pair[1] or place in places or self.titles[place] == self.ids[place]:
                into.number[row] = place if place >= 0 or len(places) != 1 else places[0]
                continue
            raise UserError(
                f"{names.at(row)}: item {pair[0][:MOST_LETTERS]} is {self._title(place)}, the title is "
                f"{pair[1][:MOST_LETTERS]!r}; accepted: an id and its title, or one of the two columns"
            )

    def _spoken(self, names: Names, row: int) -> str:
        text = names.titles[row] if names.titles is not None else ""
        if not text and names.ids is not None:
            text = names.ids[row]
        year = names.years[row] if names.years is not None and year_of(text) is None else ""
        return f"{text[:MOST_LETTERS]!r}{f' ({year})' if year else ''}"

    def _title(self, place: int) -> str:
        return repr(self.titles[place][:MOST_LETTERS])

    def _refusal(self, names: Names, rows: list[int]) -> UserError:
        """An unknown item: which, what is like it, and how many more there are."""
        text = (names.ids or names.titles or [""])[rows[0]]
        title = names.titles[rows[0]] if names.titles is not None else ""
        alike = self._alike(title or text)
        zeros = [identifier for identifier in self.ids if text.isdigit() and identifier.lstrip("0") == text.lstrip("0")]
        if title and text in self.by_id and names.ids is not None:
            hint = "; ".join(
                [f"item {text} is {self._title(self.by_id[text])}", *(f"like it: {name}" for name in alike[:1])]
            )
        elif zeros and self.digits:
            hint = f"like it: {zeros[0]} (one of the tables has lost its leading zeros)"
        elif alike and not (self.digits and text.isdigit() and not title):
            hint = f"like it: {'; '.join(alike)}"
        else:
            hint = f"an id or title of the {len(self.ids)} items is accepted"
        more = ""
        if len(rows) > 1:
            others = ", ".join(self._spoken(names, row) for row in rows[1:MOST_NAMED])
            more = (
                f" ({len(rows)} of {len(names.rows)} rows have such items, as {others}; unknown: skip leaves them out)"
            )
        return UserError(f"{names.at(rows[0])}: no item {self._spoken(names, rows[0])}; {hint}{more}")

    def _alike(self, name: str) -> list[str]:
        """Titles, and identifiers that are words, which contain the name or are spelled nearly like it."""
        if len(name) > LONGEST_NAME:
            return []
        shown = {key: self.titles[places[0]] for key, places in self.by_title.items()}
        shown |= {plain(identifier): identifier for identifier in self.by_id if not identifier.isdigit()}
        wanted, bare = plain(name), taken_apart(name).name
        parts = [part for part in (wanted, bare) if len(part) >= SHORTEST_PART]
        within = sorted((key for key in shown if any(part in key for part in parts)), key=len)
        near = difflib.get_close_matches(wanted, shown, SUGGESTIONS, ALIKE)
        return [shown[key] for key in list(dict.fromkeys([*within, *near]))[:SUGGESTIONS]]


def _year(text: str) -> int | None:
    text = text.removesuffix(".0")
    return int(text) if text.isascii() and text.isdigit() and len(text) == 4 else None
