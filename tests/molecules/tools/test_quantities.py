"""Units against ASE's, and total energies against the table of free atoms."""

from __future__ import annotations

import ase.units
import numpy as np
import pytest

from hypernet.lab.errors import UserError
from hypernet.molecules.core.targets import TARGETS, Target, free_atoms
from hypernet.molecules.tools.quantities import wanted

TITLE = "QM9, at most 7 heavy atoms"


def quantity(name, *units, energy="atomization"):
    return wanted([TARGETS[name]], [TITLE], units, energy)[0]


@pytest.mark.parametrize(
    ("unit", "in_ev"),
    [
        ("eV", 1.0),
        ("meV", 1e-3),
        ("Hartree", ase.units.Hartree),
        ("kcal/mol", ase.units.kcal / ase.units.mol),
        ("kJ/mol", ase.units.kJ / ase.units.mol),
    ],
)
def test_units_of_energy_are_those_of_ase(unit, in_ev, water):
    value = quantity("U0", unit).of(np.array([-9.24]), water)
    # CODATA of other years.
    assert value[0] == pytest.approx(-9.24 / in_ev, rel=1e-7)


def test_total_energies_are_those_of_the_files(rows):
    """What is taken off for training comes back: total energies of QM9 in Hartree, to a millionth."""
    for name in ("U0", "U", "H", "G"):
        total = quantity(name, "Hartree", energy="total")
        molecules = rows.molecules
        atomization = (rows.values[name] * ase.units.Hartree) - molecules.per_molecule(total.of_free_atoms(molecules))
        np.testing.assert_allclose(total.of(atomization, molecules), rows.values[name], atol=1e-5)


def test_water_in_total_is_its_atoms_and_their_binding(water):
    # atomref.txt of QM9; the energy of atomization of gdb 3.
    total = quantity("U0", "Ha", energy="total").of(np.array([-9.24036]), water)[0]
    assert total == pytest.approx(-75.064579 - 2 * 0.500273 - 9.24036 / 27.211386246, abs=1e-9)
    assert total == pytest.approx(-76.404702, abs=1e-5)


def test_names_say_which_energy_and_which_unit():
    assert quantity("U0").column() == "U0 atomization (eV)"
    assert quantity("U0", "hartree", energy="total").column("low") == "U0 total low (Hartree)"
    assert quantity("gap").column("spread") == "gap spread (eV)"
    assert "sign turned, below zero for a bound molecule" in quantity("H").sentence()
    assert "of electrons and nuclei" in quantity("H", energy="total").sentence()
    assert "B3LYP/6-31G(2df,p)" in quantity("mu").sentence()


def test_a_unit_is_for_the_properties_of_its_dimension():
    targets = [TARGETS[name] for name in ("U0", "gap", "mu")]
    columns = [entry.column() for entry in wanted(targets, [TITLE] * 3, ["kcal/mol", "e*Angstrom"], "total")]
    assert columns == ["U0 total (kcal/mol)", "gap (kcal/mol)", "mu (e*Angstrom)"]


@pytest.mark.parametrize(
    ("names", "units", "energy", "reason"),
    [
        (["U0"], ["D"], "total", "--unit D: none of U0; accepted: Hartree, eV"),
        (["U0"], ["furlong"], "total", "--unit furlong"),
        (["U0"], ["eV", "meV"], "total", "eV and meV, both of energy"),
        (["gap"], [], "total", "--energy total: of U0, U, H, G; the models predict gap"),
        (["U0"], [], "potential", "energy: 'potential'; accepted: atomization, total"),
    ],
)
def test_what_fits_nothing_is_one_line(names, units, energy, reason):
    with pytest.raises(UserError, match=reason) as caught:
        wanted([TARGETS[name] for name in names], [TITLE] * len(names), units, energy)
    assert str(caught.value).count("\n") == 0


def test_a_persons_own_property_keeps_its_unit(water):
    solubility = Target("logS", "logS", "", "mol/L", "mol/L", "mol/L", "sum")
    (entry,) = wanted([solubility], ["mine"], ["mol/L"])
    assert entry.column() == "logS (mol/L)"
    assert entry.of(np.array([-1.5]), water)[0] == -1.5
    with pytest.raises(UserError, match="accepted: mol/L"):
        wanted([solubility], ["mine"], ["g/L"])


def test_a_persons_own_total_energies_come_back_with_their_free_atoms(water):
    bound = Target("energy", "energy", "energy", "Hartree", "eV", "meV", "sum", reference="G")
    (entry,) = wanted([bound], ["mine"], ["eV"], "total")
    assert entry.of(np.array([-9.0]), water)[0] == pytest.approx(-9.0 + free_atoms("G", water.numbers).sum())
