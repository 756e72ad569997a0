"""Ranking by the simulator, polishing by gradient, snapping to a catalogue."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from hypernet.circuits.core.features import Probe, grid, response_error
from hypernet.circuits.core.parts import parse
from hypernet.circuits.core.ranking import candidate_errors, descend, polish, snap, squared_error
from hypernet.circuits.names import series_values

PROBE = Probe(grid(20, 0.01, 100), [(1.0, -1.0)], "logmag")
TRUTH = parse("SR:1.3|PC:2.9|SL:0.7|PR:3.1")


def response(types, values):
    return PROBE.measure(np.atleast_2d(types), np.atleast_2d(values))


def test_errors_of_candidates_are_those_of_each_alone():
    generator = np.random.default_rng(0)
    types = generator.integers(0, 6, size=(5, 7, 4)).astype(np.int8)
    values = generator.uniform(0.3, 5, size=(5, 7, 4))
    target = PROBE.measure(types[:, 3], values[:, 3])
    errors = candidate_errors(PROBE, target, types, values)
    for row, column in itertools.product(range(5), range(7)):
        expected = response_error(response(types[row, column], values[row, column])[0], target[row])
        assert errors[row, column] == pytest.approx(float(expected), rel=1e-9, abs=1e-12)
    assert (errors.argmin(axis=1) == 3).all()


def test_a_circuit_without_parts_is_never_the_best():
    types = np.array([[[-1, -1], [0, 5]]], dtype=np.int8)
    errors = candidate_errors(PROBE, response([0, 5], [2.0, 1.0]), types, np.ones((1, 2, 2)))
    assert errors.tolist() == [[np.inf, pytest.approx(errors[0, 1])]]


def test_the_squared_error_is_the_square():
    types, values = np.array([TRUTH[0]]), np.array([[1.0, 1.0, 1.0, 1.0]])
    target = response(*TRUTH)
    squared = squared_error(PROBE, torch.from_numpy(target))(torch.from_numpy(types).long(), torch.from_numpy(values))
    assert float(squared[0]) == pytest.approx(float(response_error(response(types, values), target)[0] ** 2))


def test_polishing_finds_the_values_of_the_truth():
    types = np.stack([TRUTH[0]] * 2)
    start = np.array([[1.0, 2.2, 1.0, 2.2], [2.2, 4.7, 0.47, 4.7]])
    error = squared_error(PROBE, torch.from_numpy(response(*TRUTH)[0]))
    polished = polish(types, start, error, steps=400, learning_rate=0.05, lowest=0.1, highest=10.0)
    np.testing.assert_allclose(polished, np.stack([TRUTH[1]] * 2), rtol=1e-3)


def test_polishing_leaves_what_cannot_be_better():
    types, values = TRUTH
    error = squared_error(PROBE, torch.from_numpy(response(*TRUTH)[0]))
    polished = polish(types[None], values[None], error, steps=1, learning_rate=3.0, lowest=0.01, highest=100.0)
    np.testing.assert_allclose(polished, values[None], rtol=1e-12)
    # One step of this size from a little beside it goes far beyond.
    beside = values[None] * 1.01
    far = polish(types[None], beside, error, steps=1, learning_rate=3.0, lowest=0.01, highest=100.0)
    np.testing.assert_allclose(far, beside, rtol=1e-12)


def test_polishing_never_does_harm_and_stays_inside_its_bounds():
    generator = np.random.default_rng(1)
    types = generator.integers(0, 6, size=(30, 5)).astype(np.int8)
    types[3, 2:] = -1
    start = generator.uniform(0.5, 4, size=(30, 5))
    error = squared_error(PROBE, torch.from_numpy(response(*TRUTH)[0]))
    for learning_rate in (0.05, 3.0):
        polished = polish(types, start, error, steps=15, learning_rate=learning_rate, lowest=0.4, highest=5.0)
        before, after = (
            error(torch.from_numpy(types).long(), torch.from_numpy(np.where(types >= 0, sizes, 1.0)))
            for sizes in (start, polished)
        )
        assert (after <= before * (1 + 1e-9)).all()
        inside = types >= 0
        assert (polished[inside] >= 0.4 - 1e-9).all()
        assert (polished[inside] <= 5.0 + 1e-9).all()
        np.testing.assert_array_equal(polished[~inside], start[~inside])


def test_the_quasi_newton_method_ends_in_the_truth_to_many_digits():
    types = np.stack([TRUTH[0]] * 2)
    start = np.array([[1.0, 2.2, 1.0, 2.2], [2.2, 2.2, 0.47, 4.7]])
    error = squared_error(PROBE, torch.from_numpy(response(*TRUTH)[0]))
    there = descend(types, start, error, steps=60, lowest=0.1, highest=10.0)
    np.testing.assert_allclose(there, np.stack([TRUTH[1]] * 2), rtol=1e-6)


def test_the_quasi_newton_method_finds_the_minimum_of_a_narrow_valley():
    # Rosenbrock's function of the logarithms: its minimum is at (1, 1), and steepest descent takes thousands of steps.
    def error(types, values):
        x, y = values.log().unbind(dim=1)
        return (1 - x) ** 2 + 100 * (y - x**2) ** 2

    there = descend(np.array([[0, 1]]), np.exp([[-1.2, 1.0]]), error, steps=80, lowest=1e-3, highest=1e3)
    np.testing.assert_allclose(np.log(there), 1.0, atol=1e-5)


def test_the_quasi_newton_method_never_does_harm_and_stays_inside_its_bounds():
    generator = np.random.default_rng(1)
    types = generator.integers(0, 6, size=(30, 5)).astype(np.int8)
    types[3, 2:] = -1
    start = generator.uniform(0.5, 4, size=(30, 5))
    error = squared_error(PROBE, torch.from_numpy(response(*TRUTH)[0]))
    there = descend(types, start, error, steps=15, lowest=0.4, highest=5.0)
    before, after = (
        error(torch.from_numpy(types).long(), torch.from_numpy(np.where(types >= 0, sizes, 1.0)))
        for sizes in (start, there)
    )
    assert (after <= before * (1 + 1e-9)).all()
    assert ((there >= 0.4 - 1e-9) & (there <= 5.0 + 1e-9))[types >= 0].all()
    np.testing.assert_array_equal(there[types < 0], start[types < 0])


def test_no_steps_leave_the_values():
    types, start = np.array([TRUTH[0]]), np.array([[1.0, 2.2, 1.0, 2.2]])
    error = squared_error(PROBE, torch.from_numpy(response(*TRUTH)[0]))
    np.testing.assert_allclose(polish(types, start, error, 0, 0.1, 0.1, 10.0), start, rtol=1e-12)


def test_snapping_finds_the_best_of_all_combinations_near_the_polished_values():
    catalogue = series_values("E6", 0.1, 10.0)
    error = squared_error(PROBE, torch.from_numpy(response(*TRUTH)[0]))
    types = np.array([TRUTH[0]])
    snapped = snap(types, TRUTH[1][None], catalogue, error)
    assert np.isin(snapped, catalogue).all()
    places = [np.argsort(np.abs(np.log(catalogue / value)))[:3] for value in TRUTH[1]]
    every = np.array([[catalogue[place] for place in choice] for choice in itertools.product(*places)])
    with torch.inference_mode():
        errors = error(torch.from_numpy(np.repeat(types, len(every), axis=0)).long(), torch.from_numpy(every)).numpy()
        reached = float(error(torch.from_numpy(types).long(), torch.from_numpy(snapped))[0])
        nearest = np.array([[catalogue[place[0]] for place in places]])
        plain = float(error(torch.from_numpy(types).long(), torch.from_numpy(nearest))[0])
    assert reached <= plain
    # One value after the other need not find the best of all; it comes near.
    assert reached <= 1.5 * errors.min()


def test_values_of_the_catalogue_stay():
    catalogue = series_values("E12", 0.1, 10.0)
    values = np.array([[1.2, 2.7, 0.68, 3.3]])
    error = squared_error(PROBE, torch.from_numpy(response(TRUTH[0], values)[0]))
    np.testing.assert_array_equal(snap(np.array([TRUTH[0]]), values, catalogue, error), values)


def test_polish_and_snap_recover_circuits_whose_values_were_wrong():
    catalogue = np.array([1.0, 2.2, 4.7])
    generator = np.random.default_rng(2)
    types = np.tile(np.array([0, 5, 1, 3], dtype=np.int8), (20, 1))
    truth = catalogue[generator.integers(0, 3, size=(20, 4))]
    start = catalogue[generator.integers(0, 3, size=(20, 4))]
    error = squared_error(PROBE, torch.from_numpy(PROBE.measure(types, truth)))
    recovered = snap(types, polish(types, start, error, 200, 0.1, 1.0, 4.7), catalogue, error)
    wrong = (start != truth).any(axis=1)
    assert wrong.sum() > 15
    assert (recovered == truth).all(axis=1).mean() > 0.8
