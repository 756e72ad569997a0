"""Symbols and formulas against ASE's and RDKit's tables."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hypernet.molecules.core.elements import (
    FREE_ATOMS,
    NUMBERS,
    QM9_ELEMENTS,
    SYMBOLS,
    TABLE_SIZE,
    formula_of,
    symbol_of,
    symbols_of,
)


def test_symbols_are_those_of_ase():
    data = pytest.importorskip("ase.data")
    assert data.chemical_symbols[1:] == [*SYMBOLS]
    assert {symbol: number for symbol, number in data.atomic_numbers.items() if number} == dict(NUMBERS)


def test_symbols_are_those_of_rdkit():
    table = pytest.importorskip("rdkit.Chem").GetPeriodicTable()
    assert [table.GetElementSymbol(number) for number in range(1, TABLE_SIZE)] == [*SYMBOLS]


@given(st.lists(st.integers(1, 118), min_size=1, max_size=30))
def test_formulas_are_those_of_rdkit(numbers):
    # Where there is no carbon RDKit leaves hydrogen in front; in Hill's order it then stands in the alphabet.
    assume(6 in numbers or 1 not in numbers)
    chem = pytest.importorskip("rdkit.Chem")
    descriptors = pytest.importorskip("rdkit.Chem.rdMolDescriptors")
    atoms = chem.RWMol()
    for number in numbers:
        atom = chem.Atom(number)
        atom.SetNoImplicit(True)
        atoms.AddAtom(atom)
    atoms.UpdatePropertyCache()
    assert formula_of(numbers) == descriptors.CalcMolFormula(atoms)


@pytest.mark.parametrize(
    ("numbers", "formula"),
    [
        ([8, 1, 6, 1, 6, 1, 1, 1, 1], "C2H6O"),
        ([1, 8, 1], "H2O"),
        ([17, 11], "ClNa"),
        ([1, 17], "ClH"),
        ([1, 5, 1, 1], "BH3"),
        ([], ""),
    ],
)
def test_formulas_in_hills_order(numbers, formula):
    assert formula_of(numbers) == formula


def test_symbols_for_people():
    assert symbols_of([8, 1, 1, 6]) == "H, C, O"
    assert symbol_of(0) == "element 0"
    assert symbol_of(119) == "element 119"


def test_free_atoms_are_those_of_the_published_file(mirror):
    """Lines of atomref.txt: symbol, zero-point energy, U0, U, H, G, heat capacity."""
    published = {}
    for line in (mirror / "atomref.txt").read_text(encoding="utf-8").splitlines():
        words = line.split()
        if words and words[0] in NUMBERS and len(words) >= 6:
            published[NUMBERS[words[0]]] = [float(word) for word in words[2:6]]
    assert tuple(published) == QM9_ELEMENTS
    for place, name in enumerate(("U0", "U", "H", "G")):
        assert {number: row[place] for number, row in published.items()} == dict(FREE_ATOMS[name])
