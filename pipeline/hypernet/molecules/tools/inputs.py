"""What people give: SMILES, files of molecules, arrays, and what notebooks hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.inputs.arrays import ENDINGS as ARRAYS
from hypernet.lab.inputs.arrays import arrays_of
from hypernet.molecules.core.elements import SYMBOLS
from hypernet.molecules.core.molecules import Molecules, problem
from hypernet.molecules.core.structures import Structure
from hypernet.molecules.sources.geometry import CONFORMERS, smiles_of, unusual_state
from hypernet.molecules.sources.readers import read_file, read_structures
from hypernet.molecules.sources.text import MOST_ATOMS, MOST_MOLECULES

MOLECULES = "molecules"
MOST_CONFORMERS = 1_000
# Where `read_structures` says that the only SMILES of a call stood.
ALONE = "input 1"
ACCEPTED = "accepted: numbers [B, n, 4]: atomic number, x, y, z in Å of every atom, rows of zeros for none"


@runtime_checkable
class Atoms(Protocol):
    """``ase.Atoms``, as far as it is looked at."""

    numbers: np.ndarray
    positions: np.ndarray
    pbc: np.ndarray
    info: dict[str, Any]


Given: TypeAlias = str | Path | np.ndarray | Structure | Molecules | Atoms


def gathered(
    inputs: Given | Iterable[Given], column: str | None = None, conformers: int = CONFORMERS
) -> list[Structure]:
    """All molecules of what was given, in its order; those that cannot be used say why.

    Args:
        inputs: one or more of: a SMILES or InChI; a path of a file (``readers.ENDINGS``, .npy or .npz with
            ``molecules``) or, as text, of a folder; an array ``[B, n, 4]`` or ``[n, 4]`` (atomic number, x, y, z in Å
            of every atom; rows of zeros for none); ``Molecules``; a ``Structure``; ``ase.Atoms``.
        column: of the SMILES in tables; None: by its name.
        conformers: that are made of a molecule without a geometry; that of the lowest energy is taken.

    Raises:
        UserError: nothing, a file that cannot be read, another array, or too many molecules.
    """
    if not 1 <= conformers <= MOST_CONFORMERS:
        raise UserError(f"conformers: {conformers}; accepted: 1 to {MOST_CONFORMERS:,}")
    single = isinstance(inputs, str | Path | np.ndarray | Structure | Molecules | Atoms)
    listed: list[Any] = [inputs] if single or not isinstance(inputs, Iterable) else [*inputs]
    structures: list[Structure] = []
    for place, given in enumerate(listed, start=1):
        structures += _of(given, place, column, conformers)
        if len(structures) > MOST_MOLECULES:
            raise UserError(f"more than {MOST_MOLECULES:,} molecules; accepted: that many at once")
    if not structures:
        raise UserError("no molecules were given; accepted: SMILES, files, arrays")
    return [_completed(structure) for structure in structures]


def _of(given: Given, place: int, column: str | None, conformers: int) -> Sequence[Structure]:
    """The molecules of one of the things that were given, with its place among them."""
    match given:
        case Structure():
            return [given]
        case Molecules():
            return [
                _placed(numbers, positions, name, name, smiles)
                for (numbers, positions), name, smiles in zip(given, given.names, given.smiles, strict=True)
            ]
        case np.ndarray():
            return _of_array(MOLECULES, given)
        case str() | Path():
            return _of_text(given, place, column, conformers)
        case Atoms():
            return [_of_atoms(given, f"Atoms, number {place}")]
    raise UserError(f"{type(given).__name__}: no molecule; accepted: SMILES, paths, arrays, Molecules, ase.Atoms")


def _of_text(given: str | Path, place: int, column: str | None, conformers: int) -> Sequence[Structure]:
    """A file, a folder, or a SMILES."""
    path = Path(given)
    if path.suffix in ARRAYS:
        return _of_array(str(path), arrays_of(path, (MOLECULES,), "uibf")[MOLECULES])
    if isinstance(given, Path):
        return read_file(given, column=column, conformers=conformers)
    structures = read_structures([given], column=column, conformers=conformers)
    return [replace(entry, where=f"input {place}") if entry.where == ALONE else entry for entry in structures]


def _of_array(name: str, array: np.ndarray) -> list[Structure]:
    """The molecules of an array, see ``gathered``."""
    if array.ndim == 2:
        array = array[None]
    if array.ndim != 3 or array.shape[2] != 4 or array.dtype.kind not in "fiu":
        raise UserError(f"{name}: {array.dtype} {list(array.shape)}; {ACCEPTED}")
    if len(array) > MOST_MOLECULES or array.shape[1] > MOST_ATOMS:
        raise UserError(
            f"{name}: {len(array):,} molecules of {array.shape[1]:,} atoms; accepted: {MOST_MOLECULES:,} of "
            f"{MOST_ATOMS:,} at most"
        )
    return [_of_rows(rows, f"{name} {place}") for place, rows in enumerate(array.astype(np.float64), start=1)]


def _of_rows(rows: np.ndarray, name: str) -> Structure:
    """A molecule of an array's rows ``[n, 4]``."""
    rows = rows[rows[:, 0] != 0]
    strange = ~np.isin(rows[:, 0], range(1, len(SYMBOLS) + 1))
    if strange.any():
        atom = int(np.flatnonzero(strange)[0])
        return Structure(name, name, problem=f"atomic number {rows[atom, 0]:g} of atom {atom + 1}; accepted: elements")
    return _placed(rows[:, 0].astype(np.uint8), rows[:, 1:], name, name)


def _of_atoms(atoms: Atoms, where: str) -> Structure:
    """A molecule of ASE's."""
    name = str(atoms.info.get("name", "")) or where
    if np.any(atoms.pbc):
        return Structure(name, where, problem="periodic (pbc); accepted: single molecules")
    charge = atoms.info.get("charge")
    structure = _placed(np.asarray(atoms.numbers), np.asarray(atoms.positions), name, where)
    if isinstance(charge, int | float | np.number) and charge:
        return replace(structure, charge=round(float(charge)), problem=unusual_state(round(float(charge)), None))
    return structure


def _placed(numbers: np.ndarray, positions: np.ndarray, name: str, where: str, smiles: str = "") -> Structure:
    """A molecule with a geometry of its own."""
    numbers, positions = np.asarray(numbers, dtype=np.uint8), np.asarray(positions, dtype=np.float64)
    return Structure(name, where, numbers, positions, smiles, problem=problem(numbers, positions))


def _completed(structure: Structure) -> Structure:
    """With what follows from its atoms: a neutral molecule of an odd number of electrons is a radical; its SMILES."""
    if structure.problem:
        return structure
    electrons = int(structure.numbers.astype(np.int64).sum()) - (structure.charge or 0)
    if electrons % 2:
        reason = f"{electrons} electrons, an odd number: a radical, or an ion whose charge is not given; accepted: "
        return replace(structure, problem=f"{reason}neutral molecules with closed shells")
    if not structure.smiles:
        return replace(structure, smiles=smiles_of(structure.numbers, structure.positions))
    return structure
