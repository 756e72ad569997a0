"""The row of the formula: closed forms, and scikit-learn's ridge regression."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from hypernet.lab.errors import UserError
from hypernet.molecules.baselines.composition import Composition, fit_composition
from hypernet.molecules.core.molecules import joined, molecule

from .samples import random_molecules

QM9 = (1, 6, 7, 8, 9)


def molecules(seed=0, count=40):
    sizes = np.random.default_rng(seed).integers(1, 12, count)
    return random_molecules(seed, [int(size) for size in sizes])


@pytest.mark.parametrize("average", [False, True])
@pytest.mark.parametrize("alpha", [1e-6, 0.3, 20.0])
def test_it_is_the_ridge_regression_of_scikit_learn(average, alpha):
    given = molecules()
    values = np.random.default_rng(1).normal(2.0, 3.0, len(given))
    fitted = fit_composition(given, values, average, (1, 6, 7, 8), alpha)
    counts = given.composition((1, 6, 7, 8))
    peer = Ridge(alpha=alpha, fit_intercept=average).fit(counts, values)
    others = molecules(5)
    expected = peer.predict(others.composition((1, 6, 7, 8)))
    np.testing.assert_allclose(fitted.predict(others), expected, rtol=1e-9, atol=1e-9)
    assert fitted.parameter_count == 4 + average


@pytest.mark.parametrize("constant", [0.0, -3.0])
def test_a_property_of_the_formula_is_learned_whole(constant):
    given, weights = molecules(), np.array([0.5, -38.0, -54.5, -75.0])
    values = given.composition((1, 6, 7, 8)) @ weights + constant
    fitted = fit_composition(given, values, constant != 0, QM9, 1e-9)
    assert fitted.elements.tolist() == [1, 6, 7, 8]
    np.testing.assert_allclose(fitted.weights, weights, rtol=1e-6)
    np.testing.assert_allclose(fitted.constant, constant, atol=1e-6)


def test_without_elements_it_is_the_mean():
    given = joined([molecule([6], np.zeros((1, 3))), molecule([1, 1], np.array([[0, 0, 0], [0, 0, 0.7]]))])
    values = np.array([4.0, 2.0])
    # Per atom 4 and 1, of which 2.5 is the mean; their sum over all three atoms would be 2.
    added = fit_composition(given, values, False, (), 1e-6)
    np.testing.assert_array_equal(added.predict(given), [2.5, 5.0])
    averaged = fit_composition(given, values, True, (), 1e-6)
    np.testing.assert_array_equal(averaged.predict(given), [3.0, 3.0])
    assert added.parameter_count == averaged.parameter_count == 1
    # The formula is not looked at.
    assert added.predict(molecule([92], np.zeros((1, 3)))) == 2.5


def test_an_element_that_was_not_in_training_is_named():
    given = molecules()
    # Fluorine is asked for, but no molecule of training has it.
    fitted = fit_composition(given, np.zeros(len(given)), False, QM9, 1e-6)
    strange = molecule([6, 9], np.array([[0, 0, 0], [0, 0, 1.4]]), "carbon monofluoride")
    with pytest.raises(UserError, match="carbon monofluoride: F was not in training; accepted: H, C, N, O"):
        fitted.predict(joined([given.take([0]), strange]))


@pytest.mark.parametrize("average", [False, True])
@pytest.mark.parametrize("elements", [(), QM9])
def test_it_comes_back_from_its_tensors(average, elements):
    given = molecules()
    fitted = fit_composition(given, np.random.default_rng(0).normal(size=len(given)), average, elements, 1e-3)
    again = Composition.restored(fitted.state())
    np.testing.assert_array_equal(again.predict(given), fitted.predict(given))
    assert again.parameter_count == fitted.parameter_count


@pytest.mark.parametrize(
    ("name", "tensor"),
    [
        ("elements", torch.tensor([6, 1, 7, 8])),
        ("elements", torch.tensor([0, 1, 6, 7])),
        ("weights", torch.zeros(3, dtype=torch.float64)),
        ("weights", torch.full((4,), float("inf"), dtype=torch.float64)),
        ("constant", torch.zeros(1, dtype=torch.float64)),
        ("per_atom", torch.zeros(())),
    ],
)
def test_damaged_tensors_are_refused(name, tensor):
    given = molecules()
    state = fit_composition(given, np.ones(len(given)), True, QM9, 1e-3).state()
    with pytest.raises(ValueError, match=name):
        Composition.restored(state | {name: tensor})
    with pytest.raises(ValueError, match=name):
        Composition.restored({key: state[key] for key in state if key != name})
