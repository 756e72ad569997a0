"""Tables as people hold them: a CSV file, a pandas table or a dictionary, all read as columns of text."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeAlias, TypeGuard

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.ratings.core.wording import counted
from hypernet.ratings.sources.delimited import LARGEST_NUMBER, decimal, is_finite
from hypernet.ratings.sources.headers import row_numbers, usual_names, whole_ids
from hypernet.ratings.sources.lookup import MOST_LETTERS
from hypernet.ratings.sources.sheets import read_sheet

if TYPE_CHECKING:
    import pandas as pd

# A path to a CSV file, or a table.
Table: TypeAlias = "str | Path | pd.DataFrame"
# Bytes of a CSV file: several million ratings.
LARGEST_TABLE = 2**28


@dataclass(frozen=True)
class Given:
    """A table that a person hands over.

    Attributes:
        name: the file, or the name of the argument.
        header: where the names of the columns stand, for messages.
        columns: texts by name, ``""`` where there is nothing.
        rows: where each row stands, for messages: "line 3" of a file, "row 3" of a table.
        notes: what was read otherwise than it stands there.
    """

    name: str
    header: str
    columns: dict[str, list[str]]
    rows: list[str]
    notes: tuple[str, ...] = ()

    def at(self, row: int) -> str:
        """Where a row stands, with the name of the table."""
        return f"{self.name}, {self.rows[row]}"

    def named(self, wanted: Sequence[str]) -> Self:
        """The same table, these columns under their usual names: ``userId`` is ``user``.

        Raises:
            UserError: two columns could be one of them.
        """
        notes = list(self.notes)
        columns = usual_names(self.columns, self.header, tuple(wanted), notes)
        columns = {name: whole_ids(texts) if name in ("user", "item") else texts for name, texts in columns.items()}
        return replace(self, columns=columns, notes=tuple(notes))

    def without(self, left_out: Sequence[int], why: str = "") -> Self:
        """The same table without some rows.

        Args:
            left_out: their numbers.
            why: what is noted of them; ``""`` where nothing is.
        """
        if not left_out:
            return self
        gone = set(left_out)
        rows = [row for row in range(len(self.rows)) if row not in gone]
        columns = {name: [texts[row] for row in rows] for name, texts in self.columns.items()}
        notes = (*self.notes, f"{self.name}: left out: {counted(len(gone), 'row')} {why}") if why else self.notes
        return replace(self, columns=columns, rows=[self.rows[row] for row in rows], notes=notes)

    def require(self, names: Sequence[str], may_be_empty: Sequence[str] = ()) -> None:
        """Refuse a table without these columns, or with an empty cell in one of them.

        Args:
            names: columns without an empty cell.
            may_be_empty: other columns.

        Raises:
            UserError: one line that names the place.
        """
        for name in (*names, *may_be_empty):
            if name not in self.columns:
                header = ", ".join(map(repr, self.columns))[:120]
                needed = ", ".join((*names, *may_be_empty))
                raise UserError(f"{self.header}: no column {name}; found: {header}; needed: {needed}")
            if name in names and "" in self.columns[name]:
                raise UserError(f"{self.at(self.columns[name].index(''))}: the {name} is empty")


def read_table(
    table: Table, argument: str, forms: str = "", nameless: Mapping[int, tuple[str, ...]] | None = None
) -> Given:
    """Read a CSV file or a pandas table.

    Args:
        table: the table, or the path of a file.
        argument: name of the argument, for messages about a table.
        forms: what else the argument may be, for the message.
        nameless: names of the columns of a file, by how many there are, where its first line has none.

    Raises:
        UserError: no such file, no CSV, or a column whose name is empty or that of another.
    """
    if isinstance(table, str | Path):
        sheet = read_sheet(Path(table), LARGEST_TABLE, nameless)
        rows = [f"line {line}" for line in sheet.lines]
        return Given(str(table), f"{table}, line 1", sheet.columns, rows, tuple(sheet.notes))
    # Whoever has a table has imported pandas; nobody else waits for it.
    pandas = sys.modules.get("pandas")
    if pandas is None or not isinstance(table, pandas.DataFrame):
        accepted = ", ".join(filter(None, ["a path to a CSV file", "a pandas table", forms]))
        raise UserError(f"{argument}: a {type(table).__name__}; accepted: {accepted}")
    names = [str(name).strip() for name in table.columns]
    for place, name in enumerate(names):
        if not name or name in names[:place]:
            raise UserError(
                f"{argument}: column {place + 1} is called {name[:MOST_LETTERS]!r}; each needs its own name"
            )
    columns = {}
    for place, name in enumerate(names):
        series = table.iloc[:, place]
        columns[name] = [
            "" if missing else as_text(value) for value, missing in zip(series, series.isna(), strict=True)
        ]
    columns.pop(row_numbers(columns) or "", None)
    return Given(argument, argument, columns, [f"row {label}" for label in table.index])


def read_mapping(rows: Sequence[tuple[Any, ...]], names: Sequence[str], argument: str) -> Given:
    """Rows of a dictionary as a table.

    Args:
        rows: the values, in the order of ``names``.
        names: of the columns.
        argument: name of the argument, for messages.
    """
    cells = [["" if value is None else as_text(value) for value in row] for row in rows]
    columns = {name: [row[place] for row in cells] for place, name in enumerate(names)}
    return Given(argument, argument, columns, [f"entry {number}" for number in range(1, len(rows) + 1)])


def read_list(pairs: Sequence[object], names: Sequence[str], argument: str) -> Given:
    """A list of tuples as a table.

    Args:
        pairs: the tuples, or lists, with the values in the order of ``names``.
        names: of the columns.
        argument: name of the argument, for messages.

    Raises:
        UserError: an entry that is none.
    """
    rows = []
    for number, pair in enumerate(pairs, start=1):
        if not isinstance(pair, tuple | list) or len(pair) != len(names):
            shown = " ".join(repr(pair).split())[:MOST_LETTERS]
            raise UserError(f"{argument}, entry {number}: {shown}; accepted: ({', '.join(names)})")
        rows.append(tuple(pair))
    return read_mapping(rows, names, argument)


def is_series(value: object) -> TypeGuard[pd.Series[Any]]:
    """Whether it is a pandas Series."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(value, pandas.Series)


def as_text(value: object) -> str:
    """What a person would write in a CSV file for a value; a whole number has no point."""
    if isinstance(value, bool | np.bool_):
        return str(int(value))
    if isinstance(value, float | np.floating) and float(value).is_integer() and abs(float(value)) <= LARGEST_NUMBER:
        return str(int(value))
    if isinstance(value, np.generic):
        value = value.item()
    return unicodedata.normalize("NFC", str(value).strip())


def number(text: str, what: str) -> float:
    """The finite number that a text is.

    Args:
        text: the text.
        what: the place and what it is, for the message.

    Raises:
        UserError: it is none, or too large.
    """
    plain = decimal(text)
    if not is_finite(plain):
        raise UserError(f"{what} {text[:20]!r} is not a finite number")
    value = float(plain)
    if abs(value) > LARGEST_NUMBER:
        raise UserError(f"{what} {text[:20]!r} is too large; accepted: up to {LARGEST_NUMBER:g}")
    return value
