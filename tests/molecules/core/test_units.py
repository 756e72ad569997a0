"""Factors between units against ase.units and scipy.constants."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import constants

from hypernet.lab.errors import UserError
from hypernet.molecules.core.units import FACTORS, SPELLINGS, factor, unit_named

HARTREE_JOULES = constants.physical_constants["Hartree energy"][0]
BOHR_METRES = constants.physical_constants["Bohr radius"][0]
# 1 D = 10^-21 / c C m, by its definition of 10^-18 statC cm.
DEBYE = 1e-21 / constants.c


@pytest.mark.parametrize(
    ("given_unit", "wanted", "dimension", "expected"),
    [
        ("Hartree", "eV", "energy", HARTREE_JOULES / constants.e),
        ("Hartree", "meV", "energy", 1000 * HARTREE_JOULES / constants.e),
        ("Hartree", "kJ/mol", "energy", HARTREE_JOULES * constants.N_A / 1000),
        ("Hartree", "kcal/mol", "energy", HARTREE_JOULES * constants.N_A / (1000 * constants.calorie)),
        ("eV", "kcal/mol", "energy", constants.e * constants.N_A / (1000 * constants.calorie)),
        ("D", "e*Angstrom", "dipole moment", DEBYE / (constants.e * constants.angstrom)),
        ("a0^3", "Angstrom^3", "polarizability", (BOHR_METRES / constants.angstrom) ** 3),
        ("a0^2", "Angstrom^2", "area", (BOHR_METRES / constants.angstrom) ** 2),
        ("cal/(mol K)", "J/(mol K)", "heat capacity", constants.calorie),
    ],
)
def test_factors_are_those_of_scipy(given_unit, wanted, dimension, expected):
    assert factor(given_unit, wanted, dimension) == pytest.approx(expected, rel=2e-8)


def test_factors_are_those_of_ase():
    units = pytest.importorskip("ase.units")
    assert factor("Hartree", "eV", "energy") == pytest.approx(units.Hartree, rel=1e-7)
    assert factor("kcal/mol", "eV", "energy") == pytest.approx(units.kcal / units.mol, rel=1e-7)
    assert factor("kJ/mol", "eV", "energy") == pytest.approx(units.kJ / units.mol, rel=1e-7)
    assert factor("D", "e*Angstrom", "dipole moment") == pytest.approx(units.Debye, rel=1e-7)
    assert factor("a0^3", "Angstrom^3", "polarizability") == pytest.approx(units.Bohr**3, rel=1e-7)


@given(st.data())
def test_there_and_back_is_the_same(data):
    dimension = data.draw(st.sampled_from([*FACTORS]))
    first, second, third = (data.draw(st.sampled_from([*FACTORS[dimension]])) for _ in range(3))
    assert factor(first, second, dimension) * factor(second, first, dimension) == pytest.approx(1, rel=1e-14)
    by_way = factor(first, second, dimension) * factor(second, third, dimension)
    assert by_way == pytest.approx(factor(first, third, dimension), rel=1e-14)


@given(st.data())
def test_capitals_and_spaces_do_not_matter(data):
    dimension = data.draw(st.sampled_from([*FACTORS]))
    unit = data.draw(st.sampled_from([*FACTORS[dimension]]))
    written = "".join(data.draw(st.sampled_from([letter.lower(), letter.upper()])) for letter in unit)
    assert unit_named(f"  {written.replace(' ', '   ')} ", dimension) == unit


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_other_spelling_is_of_one_unit(spelling):
    meant = [dimension for dimension in FACTORS if SPELLINGS[spelling] in FACTORS[dimension]]
    assert len(meant) == 1
    assert unit_named(spelling, meant[0]) == SPELLINGS[spelling]


@given(st.text(max_size=12), st.sampled_from([*FACTORS]))
def test_what_is_no_unit_is_refused(text, dimension):
    known = {unit.lower() for unit in FACTORS[dimension]} | {
        spelling for spelling, unit in SPELLINGS.items() if unit in FACTORS[dimension]
    }
    if " ".join(text.split()).lower() in known:
        return
    with pytest.raises(UserError) as caught:
        unit_named(text, dimension)
    assert "accepted: " in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_unit_of_another_dimension_is_refused():
    with pytest.raises(UserError, match="unit 'eV': not one of dipole moment; accepted: D, e"):
        factor("eV", "D", "dipole moment")
    with pytest.raises(UserError, match="not one of energy"):
        factor("eV", "kelvin", "energy")
