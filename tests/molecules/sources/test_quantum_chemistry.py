"""QM9's numbers against the quantum chemistry they come from, where PySCF is installed: geometries, signs and units."""

from __future__ import annotations

import numpy as np
import pytest

from hypernet.molecules.core.elements import symbol_of

pyscf = pytest.importorskip("pyscf", reason="PySCF is not installed")
# Hartree: B3LYP differs between programs by its local correlation, and a little by grids.
AGREE = 0.003


@pytest.mark.parametrize(("row", "formula"), [(0, "CH4"), (1, "H3N"), (2, "H2O")])
def test_orbital_energies_at_the_geometries_of_qm9(rows, row, formula):
    from pyscf import dft, gto

    molecules = rows.molecules.take([row])
    assert molecules.formula(0) == formula
    atoms = [
        (symbol_of(int(number)), tuple(float(x) for x in place))
        for number, place in zip(molecules.numbers, molecules.positions, strict=True)
    ]
    field = dft.RKS(gto.M(atom=atoms, basis="6-31g(2df,p)", unit="Angstrom", verbose=0))
    field.xc = "b3lypg"
    field.kernel()
    occupied = int((field.mo_occ > 0).sum())
    homo, lumo = np.sort(field.mo_energy)[[occupied - 1, occupied]]
    assert homo == pytest.approx(rows.values["homo"][row], abs=AGREE)
    assert lumo == pytest.approx(rows.values["lumo"][row], abs=AGREE)
    assert rows.values["U0"][row] == pytest.approx(field.e_tot + rows.values["zpve"][row], abs=0.01)
