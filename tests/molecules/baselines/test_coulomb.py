"""Coulomb matrices by hand, and scikit-learn's kernel ridge regression."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from sklearn.kernel_ridge import KernelRidge

from hypernet.lab.errors import UserError
from hypernet.molecules.baselines import coulomb
from hypernet.molecules.baselines.composition import fit_composition
from hypernet.molecules.baselines.coulomb import Coulomb, coulomb_matrices, fit_coulomb
from hypernet.molecules.core.molecules import joined, molecule

from .samples import random_molecules

BOHR = 0.529177210903
WIDTHS, RIDGES = (40.0, 400.0), (1e-8, 1e-3, 1.0)


def by_hand(numbers, positions):
    """The sorted matrix of one molecule, entry by entry."""
    count = len(numbers)
    matrix = np.zeros((count, count))
    for first in range(count):
        for second in range(count):
            if first == second:
                matrix[first, first] = 0.5 * float(numbers[first]) ** 2.4
            else:
                apart = np.sqrt(((positions[first].astype(float) - positions[second].astype(float)) ** 2).sum()) / BOHR
                matrix[first, second] = float(numbers[first]) * float(numbers[second]) / apart
    order = sorted(range(count), key=lambda row: -np.sqrt((matrix[row] ** 2).sum()))
    return [matrix[order[row], order[column]] for row in range(count) for column in range(row + 1)]


def test_two_hydrogens_one_bohr_apart():
    apart = molecule([1, 1], np.array([[0, 0, 0], [0, 0, BOHR]]))
    # Lower triangle by rows: C11, C21, C22; then what a third atom would have.
    np.testing.assert_allclose(coulomb_matrices(apart, 3), [[0.5, 1, 0.5, 0, 0, 0]], rtol=1e-6)


def test_the_heavier_atom_comes_first():
    fluoride = molecule([1, 9], np.array([[0, 0, 0], [0, 0, 2 * BOHR]]))
    np.testing.assert_allclose(coulomb_matrices(fluoride, 2), [[0.5 * 9**2.4, 4.5, 0.5]], rtol=1e-6)


@pytest.mark.parametrize("at_once", [1, coulomb.AT_ONCE])
def test_they_are_those_by_hand(at_once, monkeypatch):
    monkeypatch.setattr(coulomb, "AT_ONCE", at_once)
    some = random_molecules(3, [5, 1, 9, 5, 2, 9, 9])
    matrices = coulomb_matrices(some, 10)
    assert matrices.shape == (7, 55)
    for row, (numbers, positions) in enumerate(some):
        expected = by_hand(numbers, positions)
        np.testing.assert_allclose(matrices[row, : len(expected)], expected, rtol=1e-12)
        assert (matrices[row, len(expected) :] == 0).all()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 14))
def test_turning_shifting_and_another_order_of_atoms_change_nothing(seed, size):
    generator = np.random.default_rng(seed)
    some = random_molecules(seed, [size])
    matrix = coulomb_matrices(some, size)
    rows = np.zeros((size, size))
    rows[np.tril_indices(size)] = matrix[0]
    norms = np.sort(np.linalg.norm(rows + np.tril(rows, -1).T, axis=1))
    # Rounding may change the order of rows that are as long as each other.
    assume((np.diff(norms) > 1e-4).all())
    order = generator.permutation(size)
    moved = some.positions @ Rotation.random(random_state=seed).as_matrix().T + generator.normal(size=3)
    other = molecule(some.numbers[order], moved[order])
    np.testing.assert_allclose(coulomb_matrices(other, size), matrix, rtol=1e-4)


def problem(seed=0, count=60, average=False):
    """Molecules with a property that their geometry decides, for training and validation."""
    sizes = np.random.default_rng(seed).integers(2, 8, count + 20)
    some = random_molecules(seed, [int(size) for size in sizes])
    energies = np.array([np.sqrt(np.sum(by_hand(*atoms))) for atoms in some])
    values = energies + some.composition((1, 6, 7, 8)) @ np.array([1.0, 5.0, 3.0, -2.0]) + 4.0 * average
    rows = np.arange(len(some))
    return some.take(rows[:count]), values[:count], some.take(rows[count:]), values[count:]


def fit(training, values, judges, truth, average=False, widths=WIDTHS, ridges=RIDGES, most=1000):
    return fit_coulomb(training, values, judges, truth, average, widths, ridges, most, 1e-6)


@pytest.mark.parametrize("average", [False, True])
def test_it_is_the_kernel_ridge_regression_of_scikit_learn_and_validation_chooses(average):
    training, values, judges, truth = problem(average=average)
    fitted = fit(training, values, judges, truth, average)
    base = fit_composition(training, values, average, (1, 6, 7, 8), 1e-6)
    described = [coulomb_matrices(some, 7) for some in (training, judges)]
    errors = {}
    for width in WIDTHS:
        for ridge in RIDGES:
            peer = KernelRidge(alpha=ridge, kernel="laplacian", gamma=1 / width)
            peer.fit(described[0], values - base.predict(training))
            predicted = peer.predict(described[1]) + base.predict(judges)
            errors[width, ridge] = np.abs(predicted - truth).mean()
            if (width, ridge) == (fitted.width, fitted.ridge):
                np.testing.assert_allclose(fitted.predict(judges), predicted, rtol=1e-7, atol=1e-7)
    assert min(errors, key=errors.__getitem__) == (fitted.width, fitted.ridge)
    assert fitted.parameter_count == len(training) + base.parameter_count


def test_with_next_to_no_ridge_training_is_met():
    training, values, judges, truth = problem()
    fitted = fit(training, values, judges, truth, ridges=(1e-10,))
    np.testing.assert_allclose(fitted.predict(training), values, atol=1e-5)


def test_the_first_molecules_are_taken_where_there_are_too_many():
    training, values, judges, truth = problem()
    fitted = fit(training, values, judges, truth, ridges=(1e-10,), most=25)
    assert len(fitted.coefficients) == 25
    np.testing.assert_allclose(fitted.predict(training.take(range(25))), values[:25], atol=1e-5)
    # The formula is learned of all.
    base = fit_composition(training, values, False, (1, 6, 7, 8), 1e-6)
    np.testing.assert_array_equal(fitted.composition.weights, base.weights)


def test_a_molecule_that_stands_twice_is_no_trouble():
    training, values, judges, truth = problem(count=20)
    twice = joined([training, training])
    fitted = fit(twice, np.tile(values, 2), judges, truth, ridges=(1e-300, 1e-6))
    assert fitted.ridge == 1e-6
    with pytest.raises(UserError, match="name larger ones"):
        fit(twice, np.tile(values, 2), judges, truth, ridges=(1e-300,))


def test_blocks_change_nothing(monkeypatch):
    training, values, judges, truth = problem()
    fitted = fit(training, values, judges, truth)
    whole = fitted.predict(judges)
    monkeypatch.setattr(coulomb, "AT_ONCE", 3 * len(training))
    np.testing.assert_allclose(fitted.predict(judges), whole, rtol=1e-12)
    assert len(fitted.predict(judges.take([]))) == 0


def test_what_it_has_no_answer_for_is_refused():
    training, values, judges, truth = problem()
    fitted = fit(training, values, judges, truth)
    large = random_molecules(1, [3, 8])
    with pytest.raises(UserError, match=r"molecule 1: 8 atoms, more than any .* accepted: at most 7"):
        fitted.predict(large)
    with pytest.raises(UserError, match="molecule 0: F was not in training"):
        fitted.predict(random_molecules(1, [3], (9,)))


def test_validation_that_cannot_be_described_does_not_choose():
    training, values, judges, truth = problem()
    strange = joined([judges, random_molecules(2, [8]), random_molecules(2, [3], (9,))])
    fitted = fit(training, values, strange, np.append(truth, [1e9, 1e9]))
    expected = fit(training, values, judges, truth)
    assert (fitted.width, fitted.ridge) == (expected.width, expected.ridge)
    with pytest.raises(UserError, match="no molecule of validation has at most 7 atoms"):
        fit(training, values, random_molecules(2, [8, 9]), np.zeros(2))


def test_memory_is_looked_at_before_it_is_taken(monkeypatch):
    training, values, judges, truth = problem()
    state = fit(training, values, judges, truth).state()
    monkeypatch.setattr(coulomb, "MOST_BYTES", 60 * 28 * 8 - 1)
    with pytest.raises(UserError, match=r"lower `krr\.most`"):
        fit(training, values, judges, truth)
    with pytest.raises(ValueError, match="more than any model has"):
        Coulomb.restored(state)


def test_it_comes_back_from_its_tensors_bit_for_bit():
    training, values, judges, truth = problem()
    fitted = fit(training, values, judges, truth)
    again = Coulomb.restored(fitted.state())
    np.testing.assert_array_equal(again.predict(judges), fitted.predict(judges))
    assert again.parameter_count == fitted.parameter_count
    assert (again.width, again.ridge) == (fitted.width, fitted.ridge)


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("numbers", lambda tensor: tensor[1:].clone()),
        ("positions", lambda tensor: tensor * float("nan")),
        ("counts", lambda tensor: tensor + 1),
        ("counts", lambda tensor: tensor - tensor),
        ("counts", lambda tensor: tensor[:0].clone()),
        ("coefficients", lambda tensor: tensor[1:].clone()),
        ("coefficients", lambda tensor: tensor.float()),
        ("width", lambda tensor: -tensor),
        ("ridge", lambda tensor: tensor * 0),
        ("composition.weights", lambda tensor: tensor[1:].clone()),
    ],
)
def test_damaged_tensors_are_refused(name, damage):
    training, values, judges, truth = problem(count=20)
    state = fit(training, values, judges, truth).state()
    with pytest.raises(ValueError, match=r"\w"):
        Coulomb.restored(state | {name: damage(state[name])})
    with pytest.raises(ValueError, match=name.removeprefix("composition.")):
        Coulomb.restored({key: tensor for key, tensor in state.items() if key != name})


def test_a_molecule_that_no_reader_lets_in_is_refused_before_its_matrix_is_made():
    state = fit(*problem(count=20)).state()
    atoms = 501
    huge = {
        "numbers": torch.ones(atoms, dtype=torch.uint8),
        "positions": torch.rand(atoms, 3),
        "counts": torch.tensor([atoms]),
        "coefficients": torch.zeros(1, dtype=torch.float64),
    }
    with pytest.raises(ValueError, match="501 atoms"):
        Coulomb.restored(state | huge)


def test_all_of_it_is_finite_numbers():
    state = fit(*problem(count=20)).state()
    assert all(isinstance(tensor, torch.Tensor) for tensor in state.values())
    assert state["positions"].dtype == torch.float32
