"""The xyz format: plain, extended with ``key=value`` comments, and as QM9 was published in."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.molecules.core.elements import NUMBERS, SYMBOLS
from hypernet.molecules.core.molecules import problem
from hypernet.molecules.core.structures import Structure
from hypernet.molecules.names import TARGET_TITLES
from hypernet.molecules.sources.geometry import unusual_state
from hypernet.molecules.sources.text import MOST_ATOMS, check_count, shown, stem_of, text_of

# Numbers of QM9's second line behind the id.
QM9_COLUMNS = ("A", "B", "C", *TARGET_TITLES)
# Lines of QM9's form behind the atoms: frequencies, SMILES, InChI.
QM9_TAIL = 3
LONGEST_NAME = 60
_COUNT = re.compile(r"\s*(\d{1,9})\s*", re.ASCII)
_NUMBER = re.compile(
    r"[-+]?(?:\d++\.?\d*+|\.\d++)(?:(?:[eEdD]|\*\^)[-+]?\d++)?|[-+]?(?:nan|inf|infinity)", re.ASCII | re.IGNORECASE
)
# A key begins where a word does: a long comment is then gone through once, and not from each of its letters.
_PAIR = re.compile(r"""(?<![^\s=,"'{}])([^\s=,"'{}]++)\s*+=\s*+("[^"]*"|'[^']*'|\{[^{}]*\}|[^\s"']+)""")
_DECIMALS = re.compile(r"\d\.\d{3}", re.ASCII)
_CHARGE_KEYS = ("charge", "total_charge", "net_charge")
_SPIN_KEYS = ("spin", "multiplicity", "spin_multiplicity", "mult")
_NAME_KEYS = ("name", "molecule", "title", "id", "label")


class Columns(NamedTuple):
    """Where the columns of an atom's line are.

    Attributes:
        element: of the symbol or atomic number.
        position: of x; y and z follow.
        least: of all columns.
    """

    element: int = 0
    position: int = 1
    least: int = 4


PLAIN = Columns()


class Qm9Record(NamedTuple):
    """A molecule in QM9's own form.

    Attributes:
        number: its id.
        elements: atomic numbers.
        positions: in Å, three for each atom.
        row: A, B, C in GHz and the twelve properties in QM9's units.
        smiles: that of GDB-17, as qm9pack has it.
        inchi: likewise.
    """

    number: int
    elements: list[int]
    positions: list[float]
    row: list[float]
    smiles: str
    inchi: str


def number_of(text: str) -> float:
    """A number, also with the exponents of Mathematica (``2.1*^-6``) and Fortran (``2.1D-06``).

    Raises:
        ValueError: it is none.
    """
    if _NUMBER.fullmatch(text) is None:
        raise ValueError(f"{shown(text)} where a number is expected")
    try:
        return float(text)
    except ValueError:
        return float(text.replace("*^", "e").replace("D", "e").replace("d", "e"))


def element_of(text: str) -> int:
    """Atomic number of a symbol in any case, or of its number.

    Raises:
        ValueError: no element.
    """
    if text.isascii() and text.isdigit():
        number = int(text[:4])
        if 1 <= number <= len(SYMBOLS):
            return number
    elif (symbol := text.capitalize()) in NUMBERS:
        return NUMBERS[symbol]
    raise ValueError(f"{shown(text)} is no element; accepted: symbols and atomic numbers")


def qm9_record(lines: Sequence[str]) -> Qm9Record:
    """The molecule of a file in QM9's own form.

    Args:
        lines: of the whole file.

    Raises:
        ValueError: another form.
    """
    count = _COUNT.fullmatch(lines[0]) if lines else None
    if count is None:
        raise ValueError("its first line is not a number of atoms")
    atoms = int(count[1])
    if not 0 < atoms <= MOST_ATOMS or len(lines) < 2 + atoms + QM9_TAIL:
        raise ValueError(f"{len(lines)} lines for {atoms} atoms")
    fields = lines[1].split()
    if len(fields) != 2 + len(QM9_COLUMNS) or fields[0] != "gdb" or not (fields[1].isascii() and fields[1].isdigit()):
        raise ValueError(f"its second line is not gdb, an id and {len(QM9_COLUMNS)} numbers")
    row = [number_of(field) for field in fields[2:]]
    elements, positions = _atoms(lines[2 : 2 + atoms], PLAIN, 3)
    smiles, inchi = (lines[place].split() for place in (3 + atoms, 4 + atoms))
    if not smiles or not inchi or not inchi[0].startswith("InChI="):
        raise ValueError("SMILES and InChI do not follow its frequencies")
    return Qm9Record(int(fields[1][:9]), elements, positions, row, smiles[0], inchi[0])


def read_xyz(path: Path) -> list[Structure]:
    """All frames of a file, packed by gzip or not.

    A frame that cannot be used says why, and reading goes on behind it; periodic frames are such.

    Raises:
        UserError: the file cannot be read, or holds something else where a frame's number of atoms is expected.
    """
    lines = text_of(path).rstrip().split("\n")
    structures: list[Structure] = []
    start = 0
    while start < len(lines):
        if not lines[start].strip():
            start += 1
            continue
        match = _COUNT.fullmatch(lines[start])
        if match is None:
            raise UserError(
                f"{path}, line {start + 1}: {shown(lines[start])} where the number of atoms of frame "
                f"{len(structures) + 1} is expected"
            )
        fallback = f"{stem_of(path)} {len(structures) + 1}"
        structure, start = _frame(path, lines, start, int(match[1]), fallback)
        structures.append(structure)
        check_count(path, len(structures))
    if not structures:
        raise UserError(f"{path}: no molecules in it")
    if len(structures) == 1 and structures[0].name == f"{stem_of(path)} 1":
        return [dataclasses.replace(structures[0], name=stem_of(path))]
    return structures


def _frame(path: Path, lines: Sequence[str], start: int, count: int, fallback: str) -> tuple[Structure, int]:
    """The frame that begins at a line, and the line behind it."""
    where, first = f"{path}, line {start + 1}", start + 2
    comment = lines[start + 1].strip() if start + 1 < len(lines) else ""
    end = first + count
    if comment.startswith("gdb") and end + 2 < len(lines) and lines[end + 2].startswith("InChI="):
        end += QM9_TAIL
        try:
            return _of_qm9(qm9_record(lines[start:end]), where), end
        except ValueError as error:
            return Structure(" ".join(comment.split()[:2]), where, problem=str(error)), end
    facts = _facts(comment)
    keys = {key.lower(): value for key, value in facts.items()}
    name = next((keys[key] for key in _NAME_KEYS if keys.get(key)), _title(comment) or fallback)
    smiles = keys.get("smiles", "")
    try:
        _refuse_sizes(count, len(lines) - first)
        _refuse_periodic(keys)
        elements, flat = _atoms(lines[first:end], _columns(facts.get("Properties", "")), first + 1)
        charge = _whole(keys, _CHARGE_KEYS)
        radicals = _unpaired(_whole(keys, _SPIN_KEYS), sum(elements) - (charge or 0))
    except ValueError as error:
        return Structure(name, where, smiles=smiles, problem=str(error), facts=facts), end
    numbers = np.array(elements, dtype=np.uint8)
    positions = np.array(flat, dtype=np.float64).reshape(-1, 3)
    trouble = unusual_state(charge, radicals) or problem(numbers, positions)
    return Structure(name, where, numbers, positions, smiles, "", trouble, charge, radicals, facts), end


def _of_qm9(record: Qm9Record, where: str) -> Structure:
    numbers = np.array(record.elements, dtype=np.uint8)
    positions = np.array(record.positions, dtype=np.float64).reshape(-1, 3)
    values = {name: repr(value) for name, value in zip(QM9_COLUMNS, record.row, strict=True)}
    facts = {"gdb": str(record.number), "InChI": record.inchi} | values
    trouble = problem(numbers, positions)
    return Structure(f"gdb {record.number}", where, numbers, positions, record.smiles, "", trouble, 0, 0, facts)


def _atoms(lines: Sequence[str], columns: Columns, number: int) -> tuple[list[int], list[float]]:
    """Atomic numbers and coordinates of lines, the first of which has a number in its file."""
    elements, positions = [], []
    for place, line in enumerate(lines, start=number):
        fields = line.split()
        if len(fields) < columns.least:
            raise ValueError(f"line {place}: {shown(line)} where an element and x, y, z are expected")
        try:
            elements.append(element_of(fields[columns.element]))
            positions += [number_of(field) for field in fields[columns.position : columns.position + 3]]
        except ValueError as error:
            raise ValueError(f"line {place}: {error}") from None
    return elements, positions


def _facts(comment: str) -> dict[str, str]:
    """The pairs of a comment, or the comment itself where it has none."""
    pairs = {key: value.strip("\"'{}").strip() for key, value in _PAIR.findall(comment)}
    return pairs or ({"comment": comment} if comment else {})


def _title(comment: str) -> str:
    """The comment where it reads like a name: no pairs, and no energy (ORCA: ``... ORCA-job x E -154.98832``)."""
    plain = len(comment) <= LONGEST_NAME and not any(letter in comment for letter in "=:")
    plain = plain and _DECIMALS.search(comment) is None
    return comment if plain and any(letter.isalpha() for letter in comment) else ""


def _refuse_sizes(count: int, left: int) -> None:
    """More atoms than are accepted, or than there are lines."""
    if count > MOST_ATOMS:
        raise ValueError(f"{count:,} atoms; accepted: {MOST_ATOMS} at most")
    if count > left:
        raise ValueError(f"the file ends after {max(0, left)} of its {count} atoms")


def _refuse_periodic(keys: Mapping[str, str]) -> None:
    """Without pbc a Lattice means periodic, as the format has it."""
    directions = keys.get("pbc", "T T T" if "lattice" in keys else "F").upper().split()
    if any(direction.strip("[],") not in ("F", "FALSE", "0") for direction in directions):
        named = "Lattice" if "lattice" in keys else f"pbc={keys['pbc']}"
        raise ValueError(f'periodic ({named}); accepted: single molecules, with pbc="F F F" where a Lattice stands')


def _columns(properties: str) -> Columns:
    """Of ``species:S:1:pos:R:3:forces:R:3``; of nothing, the plain format's."""
    if not properties:
        return PLAIN
    fields = properties.split(":")
    places: dict[str, int] = {}
    column = 0
    for name, width in zip(fields[::3], fields[2::3], strict=False):
        if not (width.isascii() and width.isdigit() and len(width) < 6):
            raise ValueError(f"Properties={shown(properties)}: not name:type:columns, again and again")
        places[name.lower()] = column
        if name.lower() == "pos" and width != "3":
            raise ValueError(f"Properties={shown(properties)}: pos has {width} columns; accepted: 3")
        column += int(width)
    element = next((places[name] for name in ("species", "element", "z", "numbers") if name in places), None)
    if element is None or "pos" not in places or len(fields) % 3:
        raise ValueError(f"Properties={shown(properties)}: accepted: species:S:1 and pos:R:3 among them")
    return Columns(element, places["pos"], column)


def _whole(keys: Mapping[str, str], names: Sequence[str]) -> int | None:
    """A whole number of a comment under one of several keys."""
    for name in names:
        if name in keys:
            try:
                value = number_of(keys[name])
                if value == round(value):
                    return round(value)
            except (ValueError, OverflowError):
                pass
            raise ValueError(f"{name}={shown(keys[name])}: accepted: a whole number")
    return None


def _unpaired(spin: int | None, electrons: int) -> int | None:
    """Unpaired electrons: some programs write their number, others one more; how many electrons there are tells."""
    if spin is None or spin < 0:
        return None
    return spin if (spin - electrons) % 2 == 0 else spin - 1
