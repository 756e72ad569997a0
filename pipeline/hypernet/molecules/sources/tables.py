"""Lists and tables of SMILES: ``.smi``, and CSV with whatever columns, separators and encodings."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from hypernet.lab.errors import UserError
from hypernet.lab.progress import Progress
from hypernet.molecules.core.structures import Structure
from hypernet.molecules.sources.geometry import CONFORMERS, structure_of
from hypernet.molecules.sources.text import check_count, shown, text_of

SEPARATORS = (",", ";", "\t", "|")
# Names of columns in small letters without anything but letters, in the order in which they are looked for.
SMILES_COLUMNS = ("smiles", "canonicalsmiles", "isomericsmiles", "rdkitsmiles", "smilesstring", "smi", "structure")
INCHI_COLUMNS = ("inchi", "standardinchi")
NAME_COLUMNS = (
    "name",
    "moleculename",
    "compoundname",
    "title",
    "molecule",
    "compound",
    "id",
    "moleculeid",
    "compoundid",
)
MOST_COLUMNS = 10_000


def read_list(path: Path, conformers: int = CONFORMERS) -> list[Structure]:
    """Molecules of a list: on each line a SMILES or InChI, and behind a blank its name.

    Lines that begin with ``#`` and a first line that names the columns are passed over.

    Raises:
        UserError: the file cannot be read, or has no molecules.
    """
    entries: list[tuple[str, str, int]] = []
    for place, line in enumerate(text_of(path).split("\n"), start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        smiles, rest = (*text.split(None, 1), "")[:2]
        if not entries and _letters(smiles) in (*SMILES_COLUMNS, *INCHI_COLUMNS):
            continue
        if rest.startswith("|"):
            # CXSMILES: what stands between the bars belongs to the formula.
            extension, _, rest = rest[1:].partition("|")
            smiles = f"{smiles} |{extension}|"
        entries.append((smiles, rest.strip(), place))
        check_count(path, len(entries))
    if not entries:
        raise UserError(f"{path}: no molecules in it")
    progress = Progress(f"3-D structures of {path.name}", len(entries), "molecules")
    structures = []
    for smiles, name, place in entries:
        structures.append(structure_of(smiles, name, f"{path}, line {place}", conformers))
        progress.advance(1)
    progress.close()
    return structures


def read_table(path: Path, column: str | None = None, conformers: int = CONFORMERS) -> list[Structure]:
    """Molecules of a CSV or TSV file with a header, a row each; its other columns are their facts.

    Args:
        path: the file.
        column: that of SMILES or InChI; None: the one that is called so.
        conformers: see ``structure_of``.

    Raises:
        UserError: the file cannot be read, is no table, or has no such column.
    """
    text = text_of(path)
    rows = _rows(path, text)
    named = [name.strip() for name in next(rows, (1, []))[1]]
    if len(named) > MOST_COLUMNS:
        raise UserError(f"{path}: {len(named):,} columns; accepted: {MOST_COLUMNS:,} at most")
    header = _distinct(named)
    if not header:
        raise UserError(f"{path}: no header in it; accepted: a first line that names the columns")
    of_smiles = _column(path, header, column)
    of_name = next((place for place in _named(header, NAME_COLUMNS) if place != of_smiles), None)
    entries = []
    for line, cells in rows:
        if any(cell.strip() for cell in cells):
            entries.append((line, [cell.strip() for cell in cells]))
            check_count(path, len(entries))
    if not entries:
        raise UserError(f"{path}: no molecules in it")
    progress = Progress(f"3-D structures of {path.name}", len(entries), "molecules")
    structures = []
    for line, cells in entries:
        where = f"{path}, line {line}"
        smiles = cells[of_smiles] if of_smiles < len(cells) else ""
        name = cells[of_name] if of_name is not None and of_name < len(cells) else ""
        facts = dict(zip(header, cells, strict=False))
        del facts[header[of_smiles]]
        if any(cells[len(header) :]):
            trouble = f"{len(cells)} cells where the header has {len(header)}"
            structures.append(Structure(name or smiles or where, where, smiles=smiles, problem=trouble, facts=facts))
        else:
            structures.append(structure_of(smiles, name, where, conformers, facts))
        progress.advance(1)
    progress.close()
    return structures


def _rows(path: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    """Rows and the lines on which they begin."""
    first = next((line for line in text.split("\n") if line.strip()), "")
    # The header has no decimal commas: what parts it most often is the separator.
    separator = max(SEPARATORS, key=lambda mark: (_parts(first, mark), -SEPARATORS.index(mark)))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    started, line = False, 1
    try:
        for cells in reader:
            # Blank lines before the header.
            if started or any(cell.strip() for cell in cells):
                started = True
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise UserError(f"{path}, line {line}: not a row of a table ({error})") from None


def _parts(line: str, separator: str) -> int:
    try:
        return len(next(csv.reader([line], delimiter=separator, strict=True), []))
    except csv.Error:
        return 0


def _column(path: Path, header: Sequence[str], column: str | None) -> int:
    """The place of the column of SMILES."""
    if column is not None:
        for same in (str, str.lower):
            if same(column.strip()) in (names := [same(name) for name in header]):
                return names.index(same(column.strip()))
        raise UserError(f"{path}: no column {shown(column)}; it has {_listed(header)}")
    places = _named(header, SMILES_COLUMNS) or _named(header, INCHI_COLUMNS)
    if not places:
        raise UserError(
            f"{path}: no column of SMILES (smiles, canonical_smiles, structure, InChI); it has {_listed(header)}: "
            "name the right one (--column), and give a header where there is none"
        )
    return places[0]


def _named(header: Sequence[str], names: Sequence[str]) -> list[int]:
    """Places of columns that are called one of these, in the order of the names."""
    return [place for name in names for place, column in enumerate(header) if _letters(column) == name]


def _distinct(header: Sequence[str]) -> list[str]:
    """Columns of the same name, or of none, get their place for one."""
    return [
        name if name and name not in header[:place] else f"{name} (column {place + 1})".strip()
        for place, name in enumerate(header)
    ]


def _letters(text: str) -> str:
    return "".join(letter for letter in text.lower() if letter.isalpha())


def _listed(header: Sequence[str]) -> str:
    some = ", ".join(shown(name, 30) for name in header[:8])
    return f"{some} and {len(header) - 8} more" if len(header) > 8 else some
