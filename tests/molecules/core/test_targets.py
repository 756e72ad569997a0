"""Energies of atomization against published ones, and how properties are made up."""

from __future__ import annotations

import numpy as np
import pytest

from hypernet.lab.errors import UserError
from hypernet.molecules.core.elements import FREE_ATOMS
from hypernet.molecules.core.targets import TARGETS, free_atoms
from hypernet.molecules.core.units import HARTREE_EV
from hypernet.molecules.names import TARGET_TITLES

# eV: PyTorch Geometric's columns 12 to 15 of QM9.
METHANE = {"U0": -17.17218, "U": -17.28682, "H": -17.38965, "G": -16.15192}


@pytest.mark.parametrize(("name", "energy"), METHANE.items())
def test_methane_comes_apart_with_the_published_energies(rows, name, energy):
    numbers, _ = next(iter(rows.molecules))
    total = rows.values[name][0] * HARTREE_EV
    assert total - free_atoms(name, numbers).sum() == pytest.approx(energy, abs=1e-4)


@pytest.mark.parametrize(("row", "energy"), [(1, -12.00585), (2, -9.24036)])
def test_ammonia_and_water_too(rows, row, energy):
    numbers, _ = next(iter(rows.molecules.take([row])))
    total = rows.values["U0"][row] * HARTREE_EV
    assert total - free_atoms("U0", numbers).sum() == pytest.approx(energy, abs=1e-4)


def test_the_gap_lies_between_the_orbitals(rows):
    assert np.abs(rows.values["gap"] - (rows.values["lumo"] - rows.values["homo"])).max() <= 1.01e-4


def test_every_property_is_there_once():
    assert [*TARGETS] == [*TARGET_TITLES]
    assert {name for name, target in TARGETS.items() if target.atomization} == set(FREE_ATOMS)
    assert {name for name, target in TARGETS.items() if target.readout == "mean"} == {"mu", "homo", "lumo", "gap"}


def test_errors_of_energies_are_shown_in_thousandths():
    assert TARGETS["U0"].shown_factor == pytest.approx(1000, rel=1e-14)
    assert TARGETS["mu"].shown_factor == 1


def test_an_element_without_reference_is_refused():
    with pytest.raises(UserError, match="Si, Cl: no free atom's U0 is known; accepted: H, C, N, O, F"):
        free_atoms("U0", np.array([6, 17, 14, 17]))
