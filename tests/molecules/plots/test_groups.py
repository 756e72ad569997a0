"""Functional groups of molecules that everybody knows."""

from __future__ import annotations

import numpy as np
import pytest

from hypernet.molecules.plots.groups import FUNCTIONAL_GROUPS, membership

chem = pytest.importorskip("rdkit.Chem")

KNOWN = {
    "CCO": {"alcohol"},
    "COC": {"ether"},
    "C1CO1": {"ether", "three-membered ring"},
    "CN": {"amine"},
    "CN(C)C": {"amine"},
    "N": {"amine"},
    "CC=N": {"imine"},
    "CC(N)=O": {"amide", "carbonyl"},
    "COC=O": {"ester", "carbonyl"},
    "CC(C)=O": {"carbonyl"},
    "CC=O": {"carbonyl"},
    "CC#N": {"nitrile"},
    "C=C": {"alkene"},
    "CC#C": {"alkyne"},
    "c1ccccc1": {"aromatic ring"},
    "c1cc[nH]c1": {"aromatic ring"},
    "C1CC1": {"three-membered ring"},
    "CF": {"fluorine"},
    "C[N+](C)(C)CC(=O)[O-]": {"carbonyl", "zwitterion"},
    "C": set(),
    "CCC": set(),
    "O": set(),
}


@pytest.mark.parametrize("hydrogens", [True, False])
@pytest.mark.parametrize("smiles", KNOWN)
def test_known_molecules_have_their_groups(smiles, hydrogens):
    molecule = chem.MolFromSmiles(smiles)
    members = membership([chem.AddHs(molecule) if hydrogens else molecule])
    assert {name for name, has in members.items() if has[0]} == KNOWN[smiles]


def test_every_group_has_a_known_molecule():
    assert set.union(*KNOWN.values()) == set(FUNCTIONAL_GROUPS)


def test_a_molecule_without_bonds_has_no_group():
    members = membership([None, chem.MolFromSmiles("CF")])
    np.testing.assert_array_equal(members["fluorine"], [False, True])
    assert not any(has[0] for has in members.values())
