"""Bonds of geometries whose formula is known, with the SMILES and without."""

from __future__ import annotations

import numpy as np
import pytest

from hypernet.molecules.core.molecules import Molecules
from hypernet.molecules.plots.bonds import bonded, heavy_neighbours, surroundings

chem = pytest.importorskip("rdkit.Chem")


def bare(molecule) -> str:
    """SMILES without hydrogens."""
    return chem.MolToSmiles(chem.RemoveHs(molecule), isomericSmiles=False)


def test_geometries_of_qm9_have_the_bonds_of_their_smiles(rows):
    molecules = rows.molecules.take(np.arange(0, len(rows.molecules), 5))
    guessed = 0
    for (numbers, positions), smiles in zip(molecules, molecules.smiles, strict=True):
        wanted = chem.MolToSmiles(chem.MolFromSmiles(smiles), isomericSmiles=False)
        named, unnamed = bonded(numbers, positions, smiles), bonded(numbers, positions, "")
        for molecule in (named, unnamed):
            if molecule is not None:
                assert [atom.GetAtomicNum() for atom in molecule.GetAtoms()] == numbers.tolist()
        assert bare(named) == wanted
        guessed += unnamed is not None and bare(unnamed) == wanted
    # Of strained cages the distances do not tell.
    assert guessed >= 0.9 * len(molecules)


def test_a_smiles_of_another_order_or_molecule_is_not_followed(tiny: Molecules):
    (numbers, positions), *_ = tiny
    turned = bonded(numbers[::-1], positions[::-1], "O")
    assert [atom.GetSymbol() for atom in turned.GetAtoms()] == ["H", "H", "O"]
    assert bonded(numbers, positions, "C").GetNumAtoms() == 3
    # Atoms that fit, and a bond that is none.
    far = positions.copy()
    far[1] += 3.0
    assert bonded(numbers, far, "O") is None or bonded(numbers, far, "O").GetNumBonds() < 2
    assert bare(bonded(numbers, positions, "no SMILES")) == "O"


def test_hydrogens_belong_to_their_neighbours(tiny: Molecules):
    water, methane, hydrogen, helium = (
        bonded(numbers, positions, smiles) for (numbers, positions), smiles in zip(tiny, tiny.smiles, strict=True)
    )
    assert heavy_neighbours(water).tolist() == [0, 0, 0]
    assert heavy_neighbours(methane).tolist() == [0] * 5
    # Without a heavy atom each stands for itself.
    assert heavy_neighbours(hydrogen).tolist() == [0, 1]
    assert heavy_neighbours(helium).tolist() == [0]


def test_hybridisation_is_that_of_the_textbook():
    def words(smiles: str) -> list[str]:
        return surroundings(chem.AddHs(chem.MolFromSmiles(smiles)))

    assert words("CC#N")[:3] == ["sp3", "sp", "sp"]
    assert words("C=O") == ["sp2", "sp2", "on C", "on C"]
    assert words("CO") == ["sp3", "sp3", "on C", "on C", "on C", "on O"]
    assert words("N") == ["sp3", "on N", "on N", "on N"]
    assert set(words("c1ccccc1")) == {"sp2", "on C"}
    assert surroundings(chem.MolFromSmiles("[He]")) == ["other"]
