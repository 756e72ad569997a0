"""Whatever a person gives as molecules: files by their endings, folders of them, SMILES and InChI."""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from hypernet.lab.errors import UserError
from hypernet.molecules.core.structures import Structure
from hypernet.molecules.sources import qm9
from hypernet.molecules.sources.geometry import CONFORMERS, INCHI, parsed_smiles, structure_of
from hypernet.molecules.sources.records import FORMS, read_records
from hypernet.molecules.sources.tables import read_list, read_table
from hypernet.molecules.sources.text import MOST_MOLECULES, check_count, first_line, shown
from hypernet.molecules.sources.xyz import read_xyz

LISTS, TABLES, XYZ = ("smi", "smiles", "txt"), ("csv", "tsv"), ("xyz", "extxyz")
ENDINGS = (*LISTS, *TABLES, *FORMS, *XYZ)
ACCEPTED = f"accepted: {', '.join(f'.{ending}' for ending in ENDINGS)}, each also .gz"


def read_structures(
    inputs: Sequence[str], *, column: str | None = None, conformers: int = CONFORMERS
) -> list[Structure]:
    """All molecules of the inputs, in their order; one that cannot be used says why.

    Args:
        inputs: files by their endings, folders, SMILES or InChI. Of a folder all but ``.txt`` is read; one that is
            called like a SMILES is written with a separator: ``./CC``.
        column: of a table's SMILES; None: the one that is called so.
        conformers: see ``geometry.structure_of``.

    Raises:
        UserError: a file that is not there, cannot be read, or of an unknown ending; more molecules than are accepted.
    """
    structures: list[Structure] = []
    for place, text in enumerate(inputs, start=1):
        structures += _read(text, place, column, conformers)
        check_count("all inputs", len(structures))
    return structures


def _read(text: str, place: int, column: str | None, conformers: int) -> list[Structure]:
    """Molecules of an input."""
    path = Path(text)
    ending = ending_of(path)
    if ending:
        return read_file(path, column=column, conformers=conformers)
    if text.strip() and _there(path):
        if path.is_dir() and not (_bare(text) and _is_smiles(text)):
            return _of_folder(path, column, conformers)
        if path.is_file() and not _is_smiles(text):
            raise UserError(f"{text}: a file of an ending that is not read; {ACCEPTED}")
    smiles, name = (*text.split(None, 1), "", "")[:2] if not text.startswith(INCHI) else (text, "")
    structure = structure_of(smiles, name, f"input {place}", conformers)
    if structure.problem.startswith("RDKit cannot read"):
        if not _bare(text) or "." in text:
            raise UserError(f"{shown(text, 200)}: no such file, and {structure.problem}; {ACCEPTED}")
        if text.replace("-", "").isalpha():
            hint = "names and InChIKeys are not looked up; accepted: a SMILES, an InChI or a file"
            structure = replace(structure, problem=f"{structure.problem}; {hint}")
    return [structure]


def read_file(path: Path, *, column: str | None = None, conformers: int = CONFORMERS) -> list[Structure]:
    """All molecules of a file, by its ending.

    Args:
        path: the file.
        column: see ``read_structures``.
        conformers: likewise.

    Raises:
        UserError: see ``read_structures``.
    """
    ending = ending_of(path)
    if not ending:
        raise UserError(f"{path}: an ending that is not read; {ACCEPTED}")
    if not path.is_file():
        raise UserError(f"{path}: {'a folder' if path.is_dir() else 'no such file'}")
    if ending in LISTS:
        return read_list(path, conformers)
    if ending in TABLES:
        return _of_qm9(path) if first_line(path) == qm9.HEADER else read_table(path, column, conformers)
    return read_xyz(path) if ending in XYZ else read_records(path, conformers)


def ending_of(path: Path) -> str:
    """The ending by which a file is read, in small letters and without ``.gz``; "" where it is none that is read."""
    name = path.name.lower().removesuffix(".gz")
    ending = name.rpartition(".")[2] if "." in name else ""
    return ending if ending in ENDINGS else ""


def _of_folder(folder: Path, column: str | None, conformers: int) -> list[Structure]:
    some = itertools.islice(folder.iterdir(), MOST_MOLECULES + 1)
    # A text in a folder of molecules is a note as often as a list.
    paths = sorted(
        path for path in some if ending_of(path) not in ("", "txt") and path.is_file() and not path.name.startswith(".")
    )
    check_count(folder, len(paths))
    if not paths:
        raise UserError(f"{folder}: no file of molecules in this folder; {ACCEPTED}")
    structures: list[Structure] = []
    for path in paths:
        structures += read_file(path, column=column, conformers=conformers)
        check_count(folder, len(structures))
    return structures


def _of_qm9(path: Path) -> list[Structure]:
    """Those of QM9's own table keep their geometry."""
    data = qm9.read_csv(path)
    molecules = data.molecules
    return [
        Structure(
            molecules.names[row],
            f"{path}, {molecules.names[row]}",
            numbers.copy(),
            positions.astype("float64"),
            molecules.smiles[row],
            charge=0,
            radicals=0,
            facts={name: repr(float(values[row])) for name, values in data.values.items()},
        )
        for row, (numbers, positions) in enumerate(molecules)
    ]


def _there(path: Path) -> bool:
    try:
        return path.exists()
    # A SMILES may be longer than names of files are.
    except (OSError, ValueError):
        return False


def _bare(text: str) -> bool:
    """Whether a name has nothing by which it could only be a path's."""
    return os.sep not in text and not text.startswith((".", "~"))


def _is_smiles(text: str) -> bool:
    try:
        parsed_smiles(text.strip())
    except ValueError:
        return False
    return True
