"""The calculator against finite differences, turned molecules and what ASE does with it."""

from __future__ import annotations

import sys
import warnings

import ase
import numpy as np
import pytest
from ase.calculators.fd import calculate_numerical_forces
from ase.optimize import BFGS
from scipy.spatial.transform import Rotation

import hypernet
from hypernet.lab.errors import UserError
from hypernet.molecules.tools import calculator as module
from hypernet.molecules.tools.calculator import Calculator
from hypernet.molecules.trained import open_model

pytestmark = pytest.mark.filterwarnings("ignore:the energy of .* jumps:UserWarning")


@pytest.fixture
def methanol(rows):
    """Methanol (gdb 8) as QM9 has it, moved off its minimum."""
    molecules = rows.molecules
    row = next(row for row, text in enumerate(molecules.smiles) if text == "CO")
    numbers, positions = next(iter(molecules.take([row])))
    shifted = positions + np.random.default_rng(0).normal(scale=0.03, size=positions.shape)
    return ase.Atoms(numbers=numbers, positions=shifted)


@pytest.mark.parametrize("name", ["hyper", "schnet", "smooth"])
def test_forces_are_minus_the_slope(models, methanol, name):
    methanol.calc = Calculator(models[name])
    forces = methanol.get_forces()
    assert np.abs(forces).max() > 1e-3
    np.testing.assert_allclose(calculate_numerical_forces(methanol, eps=1e-4), forces, atol=2e-5)
    # Nobody pushes a molecule from outside, and nothing turns it.
    np.testing.assert_allclose(forces.sum(axis=0), 0, atol=1e-8)
    np.testing.assert_allclose(np.cross(methanol.positions, forces).sum(axis=0), 0, atol=1e-8)


def test_a_turned_molecule_has_turned_forces(models, methanol):
    methanol.calc = Calculator(models["smooth"])
    energy, forces = methanol.get_potential_energy(), methanol.get_forces()
    turn = Rotation.random(random_state=1).as_matrix()
    methanol.positions = methanol.positions @ turn.T + [1.0, -2.0, 3.0]
    assert methanol.get_potential_energy() == pytest.approx(energy, abs=1e-6)
    np.testing.assert_allclose(methanol.get_forces(), forces @ turn.T, atol=1e-6)


def test_an_optimisation_goes_down(models, methanol):
    methanol.calc = Calculator(models["smooth"])
    before = methanol.get_potential_energy()
    # Not trained, it has no minimum near by.
    steps = BFGS(methanol, logfile=None, maxstep=0.01)
    steps.run(fmax=1e-4, steps=5)
    assert methanol.get_potential_energy() < before


def test_energies_are_those_of_the_model_in_electronvolts(models, tiny):
    numbers, positions = next(iter(tiny))
    water = ase.Atoms(numbers=numbers, positions=positions, calculator=Calculator(open_model(models["hyper"])))
    predicted = open_model(models["hyper"]).predict(tiny.take([0]))[0]
    assert water.get_potential_energy() == pytest.approx(predicted, abs=1e-5)
    forces = water.get_forces()
    water.calc = Calculator(models["hyper"], energy="total")
    atoms = (-75.064579 - 2 * 0.500273) * 27.211386246
    assert water.get_potential_energy() == pytest.approx(predicted + atoms, abs=1e-4)
    np.testing.assert_allclose(water.get_forces(), forces)
    assert water.get_potential_energy(force_consistent=True) == water.get_potential_energy()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"pbc": True, "cell": [9, 9, 9]}, "periodic"),
        ({"info": {"charge": 1}}, "net charge"),
        ({"charges": [1, 0, 0]}, "net charge"),
        ({"numbers": [16, 1, 1]}, "S.*accepted: H, C, N, O, F"),
        ({"numbers": [7, 1, 1]}, "9 electrons, an odd number"),
        ({"positions": [[0, 0, 0], [0, 0, 0.01], [0, 1, 0]]}, "0.01 Å apart"),
        ({"positions": [[0, 0, 0], [0, 0, 9], [0, 1, 0]]}, "parts that no bond joins"),
    ],
)
def test_what_the_network_cannot_know_is_refused(models, tiny, change, reason):
    numbers, positions = next(iter(tiny))
    water = ase.Atoms(**({"numbers": numbers, "positions": positions} | change))
    water.calc = Calculator(models["smooth"])
    with pytest.raises(UserError, match=reason) as caught:
        water.get_potential_energy()
    assert str(caught.value).count("\n") == 0


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("gap", "forces are the slope of an energy"),
        ("mu", "forces are the slope of an energy"),
        ("composition", "composition: it has no gradient"),
    ],
)
def test_models_without_forces_are_refused_at_once(models, name, reason):
    with pytest.raises(UserError, match=reason):
        Calculator(models[name])


def test_zero_point_energies_have_a_slope_and_no_total(models, tiny):
    numbers, positions = next(iter(tiny))
    water = ase.Atoms(numbers=numbers, positions=positions, calculator=Calculator(models["zpve"]))
    assert np.isfinite(water.get_forces()).all()
    with pytest.raises(UserError, match="--energy total: of U0, U, H, G; the models predict zpve"):
        Calculator(models["zpve"], energy="total")


def test_jumps_and_sizes_are_warned_of(models, rows):
    with pytest.warns(UserWarning, match=r"jumps where two atoms pass 4 Å"):
        Calculator(models["hyper"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = Calculator(models["smooth"])
        Calculator(models["schnet"])
    numbers, positions = next(iter(rows.molecules.take([299])))
    large = ase.Atoms(numbers=numbers, positions=positions, calculator=made)
    made.predictor.most_heavy = 2
    with pytest.warns(UserWarning, match="heavy atoms; no molecule for training of .* has more than 2"):
        large.get_potential_energy()


def test_the_first_forces_come_with_a_warning(models, methanol):
    methanol.calc = Calculator(models["smooth"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        methanol.get_potential_energy()
    methanol.rattle(0.01)
    with pytest.warns(UserWarning, match="no force has trained nmp_edge"):
        methanol.get_forces()
    methanol.rattle(0.01, seed=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        methanol.get_forces()


def test_without_ase_it_is_one_line(models, monkeypatch):
    module._calculator_class.cache_clear()
    monkeypatch.setitem(sys.modules, "ase.calculators.calculator", None)
    assert callable(hypernet.molecules.Calculator)
    with pytest.raises(UserError, match=r'ASE cannot be used .*: pip install "hypernet\[ase\]"'):
        hypernet.molecules.Calculator(models["hyper"])
    module._calculator_class.cache_clear()
