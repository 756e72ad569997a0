"""Which atoms of a geometry are bonded, and what that makes of each of them, by RDKit."""

from __future__ import annotations

from typing import Any

import numpy as np

from hypernet.lab.libraries import library
from hypernet.molecules.core.elements import HYDROGEN
from hypernet.molecules.core.molecules import OTHER_RADIUS, RADII

# A bond is no longer than this many times the sum of its atoms' covalent radii.
STRETCHED = 1.3
# Of the search for orders of bonds.
MOST_TRIES = 10_000


def bonded(numbers: np.ndarray, positions: np.ndarray, smiles: str) -> Any | None:
    """RDKit's molecule of a geometry, its atoms in the order of the arrays; None where no bonds can be told.

    The SMILES is followed where its atoms, hydrogens after them, are those of the arrays and none of its bonds is too
    long, as in nearly all of QM9; otherwise the bonds are guessed from the distances.

    Args:
        numbers: atomic numbers, ``[n]``.
        positions: in Å, ``[n, 3]``.
        smiles: "" where none is known.
    """
    chem = library("rdkit.Chem", "RDKit", "molecules")
    base = library("rdkit.rdBase", "RDKit", "molecules")
    with base.BlockLogs():
        parsed = chem.MolFromSmiles(smiles) if smiles else None
        if parsed is not None:
            whole = chem.AddHs(parsed)
            if _fits(whole, numbers, positions):
                return whole
        return _guessed(chem, numbers, positions)


def _fits(whole: Any, numbers: np.ndarray, positions: np.ndarray) -> bool:
    """Whether a molecule's atoms are those of a geometry, in the same order."""
    if [atom.GetAtomicNum() for atom in whole.GetAtoms()] != [int(number) for number in numbers]:
        return False
    pairs = [(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in whole.GetBonds()]
    for first, second in pairs:
        reach = sum(RADII.get(int(numbers[atom]), OTHER_RADIUS) for atom in (first, second))
        if np.linalg.norm(positions[first] - positions[second]) > STRETCHED * reach:
            return False
    return True


def _guessed(chem: Any, numbers: np.ndarray, positions: np.ndarray) -> Any | None:
    bonds = library("rdkit.Chem.rdDetermineBonds", "RDKit", "molecules")
    editable = chem.RWMol()
    conformer = chem.Conformer(len(numbers))
    for place, (number, position) in enumerate(zip(numbers, positions, strict=True)):
        atom = chem.Atom(int(number))
        atom.SetNoImplicit(True)
        editable.AddAtom(atom)
        conformer.SetAtomPosition(place, [float(value) for value in position])
    editable.AddConformer(conformer)
    try:
        bonds.DetermineBonds(editable, charge=0, maxIterations=MOST_TRIES)
    # What RDKit raises where orders of bonds cannot be told.
    except (ValueError, RuntimeError):
        return None
    return editable.GetMol()


def heavy_neighbours(molecule: Any) -> np.ndarray:
    """For each atom the heavy one that its part is counted with: a hydrogen's neighbour, else itself; ``[n]``."""
    places = []
    for atom in molecule.GetAtoms():
        others = [other.GetIdx() for other in atom.GetNeighbors() if other.GetAtomicNum() != HYDROGEN]
        places.append(others[0] if atom.GetAtomicNum() == HYDROGEN and others else atom.GetIdx())
    return np.array(places, dtype=np.int64)


def surroundings(molecule: Any) -> list[str]:
    """What each atom's bonds make of it: ``sp``, ``sp2``, ``sp3`` or ``other``; of a hydrogen, ``on C`` and so on."""
    chem = library("rdkit.Chem", "RDKit", "molecules")
    names = {getattr(chem.HybridizationType, name.upper()): name for name in ("sp", "sp2", "sp3")}
    words = []
    for atom in molecule.GetAtoms():
        if atom.GetAtomicNum() == HYDROGEN and atom.GetDegree():
            words.append(f"on {atom.GetNeighbors()[0].GetSymbol()}")
        else:
            words.append(names.get(atom.GetHybridization(), "other"))
    return words
