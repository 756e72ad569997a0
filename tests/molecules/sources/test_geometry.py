"""Structures from SMILES against lengths of bonds that were measured, and SMILES from QM9's positions."""

from __future__ import annotations

import numpy as np
import pytest

from hypernet.molecules.sources.geometry import LONGEST, smiles_of, structure_of
from hypernet.molecules.sources.qm9 import read_csv

chem = pytest.importorskip("rdkit.Chem")


def distances(structure) -> np.ndarray:
    return np.linalg.norm(structure.positions[:, None] - structure.positions[None], axis=-1)


@pytest.mark.parametrize(
    ("smiles", "elements", "atoms", "length"),
    [
        # CRC Handbook of Chemistry and Physics, in Å.
        ("C", [6, 1, 1, 1, 1], (0, 1), 1.087),
        ("O", [8, 1, 1], (0, 1), 0.958),
        ("N", [7, 1, 1, 1], (0, 1), 1.012),
        ("CC", [6, 6, *[1] * 6], (0, 1), 1.535),
        ("C=C", [6, 6, 1, 1, 1, 1], (0, 1), 1.339),
        ("C#C", [6, 6, 1, 1], (0, 1), 1.203),
        ("c1ccccc1", [*[6] * 6, *[1] * 6], (0, 1), 1.397),
        ("C=O", [6, 8, 1, 1], (0, 1), 1.208),
        ("CF", [6, 9, 1, 1, 1], (0, 1), 1.383),
        ("InChI=1S/CH4/h1H4", [6, 1, 1, 1, 1], (0, 1), 1.087),
    ],
)
def test_lengths_of_bonds(smiles, elements, atoms, length):
    structure = structure_of(smiles, "", "input 1")
    assert structure.numbers.tolist() == elements
    assert distances(structure)[atoms] == pytest.approx(length, abs=0.035)
    assert (structure.problem, structure.charge, structure.radicals) == ("", 0, 0)
    assert "ETKDGv3 and MMFF94" in structure.made


def test_the_same_every_time():
    first, second = (structure_of("CC(O)C(N)=O", "", "x", conformers=3) for _ in range(2))
    np.testing.assert_array_equal(first.positions, second.positions)


def test_more_conformers_are_no_worse():
    fields = pytest.importorskip("rdkit.Chem.rdForceFieldHelpers")

    def energy(conformers: int) -> float:
        structure = structure_of("OCCCN", "", "x", conformers=conformers)
        whole = chem.AddHs(chem.MolFromSmiles("OCCCN"))
        conformer = chem.Conformer(whole.GetNumAtoms())
        for atom, place in enumerate(structure.positions):
            conformer.SetAtomPosition(atom, place.tolist())
        whole.AddConformer(conformer)
        return fields.MMFFGetMoleculeForceField(whole, fields.MMFFGetMoleculeProperties(whole)).CalcEnergy()

    energies = [energy(conformers) for conformers in (1, 5, 10)]
    assert energies[0] >= energies[1] - 1e-3 >= energies[2] - 2e-3


@pytest.mark.parametrize("smiles", ["C[C@H](O)F", "C[C@@H](O)F", "F/C=C/F", "F/C=C\\F"])
def test_stereochemistry_is_kept(smiles):
    structure = structure_of(smiles, "", "x", conformers=2)
    assert "not given" not in structure.made
    assert smiles_of(structure.numbers, structure.positions) == chem.CanonSmiles(smiles)
    assert "1 stereo centre not given" in structure_of(smiles.translate({ord(c): None for c in "@/\\"}), "", "x").made


@pytest.mark.parametrize(
    ("smiles", "made"),
    [
        ("CB(O)O", "UFF (MMFF94 has no parameters for it)"),
        ("[He]", "alone (neither"),
        ("[2H]C", "isotopes are not looked at"),
        ("C" * 17, "the lowest of 9 conformers"),
    ],
)
def test_what_was_done_is_said(smiles, made):
    structure = structure_of(smiles, "", "x")
    assert structure.problem == ""
    assert made in structure.made


@pytest.mark.parametrize(
    ("smiles", "problem"),
    [
        ("", "no SMILES"),
        ("   ", "no SMILES"),
        ("C1CC", "unclosed ring"),
        ("C(C)(C)(C)(C)C", "valence"),
        ("c1cccc1", "kekulize"),
        ("aspirin", "cannot read the SMILES 'aspirin'"),
        ("InChI=1S/nothing", "cannot read the InChI"),
        ("CCO ethanol", "has a blank in it"),
        ("[Na+].[Cl-]", "2 molecules"),
        ("O.O.O", "3 molecules"),
        ("C[NH3+]", "net charge +1"),
        ("CC(=O)[O-]", "net charge -1"),
        ("[CH3]", "1 unpaired electron;"),
        ("[CH2]C |^1:0|", "1 unpaired electron;"),
        ("[O][O]", "2 unpaired electrons"),
        ("C*", "stands for any"),
        ("C[R1]", "cannot read"),
        ("C1#CC1", "no 3-D structure"),
        ("C" * 300, "902 atoms; accepted: 500"),
        ("C" * (LONGEST + 1), "5,001 characters"),
        ("C\n", ""),
        ("C\0C", "letters in it that are none"),
        ("C\u200b", "letters in it that are none"),
        ("C(" * 2_000, "cannot read"),
        ("é", "cannot read"),
    ],
)
def test_what_cannot_be_used_says_why(smiles, problem, capfd):
    structure = structure_of(smiles, "its name", "list.smi, line 3")
    assert (structure.name, structure.where) == ("its name", "list.smi, line 3")
    assert problem in structure.problem
    assert bool(structure.problem) == bool(problem)
    assert "\n" not in structure.problem
    # RDKit's own log is silent.
    assert capfd.readouterr() == ("", "")


def test_names():
    assert structure_of("C", "", "x").name == "C"
    assert structure_of("", "", "input 2").name == "input 2"
    assert structure_of("C1", "", "x", facts={"U0": "1"}).facts == {"U0": "1"}


def test_smiles_from_the_positions_of_qm9(first_rows):
    molecules = read_csv(first_rows).molecules
    for row, (numbers, positions) in enumerate(molecules):
        parsed = chem.MolFromSmiles(smiles_of(numbers, positions))
        # QM9's SMILES have no stereochemistry, and then no hydrogens that tell it.
        chem.RemoveStereochemistry(parsed)
        assert chem.MolToSmiles(chem.RemoveHs(parsed)) == chem.CanonSmiles(molecules.smiles[row])


@pytest.mark.parametrize(
    "smiles",
    [
        "CSSC",
        "C[Si](C)(C)C",
        "OP(O)(O)=O",
        "FC(F)(F)C(F)(F)F",
        "OO",
        "N#N",
        "[O-][N+]#N",
        "FF",
        "CC(C)(C)C(C)(C)C",
        "C12CC(C1)C2",
    ],
)
def test_smiles_from_positions_that_were_made(smiles):
    structure = structure_of(smiles, "", "x", conformers=2)
    assert smiles_of(structure.numbers, structure.positions) == chem.CanonSmiles(smiles)


@pytest.mark.parametrize(
    ("numbers", "positions"),
    [
        ([], np.zeros((0, 3))),
        ([1, 1], [[0, 0, 0], [0, 0, np.nan]]),
        ([1, 1], [[0, 0, 0], [0, 0, 0]]),
        ([0, 1], [[0, 0, 0], [0, 0, 1]]),
        ([6], [[0, 0, 0]]),
        ([6] * 501, np.arange(1503).reshape(-1, 3)),
        ([6] * 60, np.random.RandomState(0).rand(60, 3) * 4),
    ],
)
def test_positions_that_have_no_smiles(numbers, positions, capfd):
    assert smiles_of(np.array(numbers, dtype=np.uint8), np.asarray(positions, dtype=float)) == ""
    assert capfd.readouterr() == ("", "")
