"""Maps shrunk towards one map: against least squares on the pixels themselves."""

from __future__ import annotations

import numpy as np
import pytest

from hypernet.retouch.core.colour_map import ColourMap, monomials
from hypernet.retouch.core.fitting import NormalEquations
from hypernet.retouch.core.shrinkage import Form, Shrinkage, Views

IDENTITY = ColourMap.identity().matrix
PAIRS, PIXELS, NUMBERS = 5, 60, 3


@pytest.fixture(scope="module")
def pixels():
    """Colours of five pairs before and after, ``[5, 60, 3]`` each, and numbers of each, ``[5, 3]``."""
    random = np.random.default_rng(0)
    before = random.random((PAIRS, PIXELS, 3)) * random.uniform(0.5, 1, (PAIRS, 1, 3))
    after = before ** random.uniform(0.6, 1.4, (PAIRS, 1, 3)) + random.normal(0, 0.01, before.shape)
    return before, after, random.normal(size=(PAIRS, NUMBERS))


def views_of(before, after, folds=None):
    phi = monomials(before)
    grams, crosses = phi.mT @ phi / PIXELS, after.mT @ phi / PIXELS
    return Views(grams, crosses, np.arange(len(before)) if folds is None else np.array(folds))


def plain(numbers):
    count = len(numbers)
    return Form(numbers, np.broadcast_to(np.eye(10), (count, 10, 10)), np.broadcast_to(IDENTITY, (count, 3, 10)))


def shared(before, after):
    equations = NormalEquations()
    for given, wanted in zip(before, after, strict=True):
        equations.add(given, wanted)
    return equations.solve().matrix


@pytest.mark.parametrize("without", [None, 0, 3])
def test_an_infinite_penalty_gives_one_least_squares_map(pixels, without):
    before, after, numbers = pixels
    used = [pair for pair in range(PAIRS) if pair != without]
    shrinkage = Shrinkage(views_of(before, after), plain(numbers), np.ones(PAIRS))
    (fit,) = shrinkage.fitted(np.array([np.inf]), without=without)
    expected = shared(before[used], after[used])
    for matrix in fit.matrices(plain(numbers), np.arange(PAIRS)):
        np.testing.assert_allclose(matrix, expected, atol=1e-8)


@pytest.mark.parametrize("penalty", [1.0, 0.01])
@pytest.mark.parametrize("without", [None, 1])
def test_a_penalty_is_ridge_regression_on_the_pixels(pixels, penalty, without):
    before, after, numbers = pixels
    weights = np.array([1.0, 0.5, 2.0, 1.0, 1.0])
    shrinkage = Shrinkage(views_of(before, after), plain(numbers), weights)
    (fit,) = shrinkage.fitted(np.array([penalty]), without=without)

    # Every pixel a row of a least-squares problem, and a row more for each penalized number.
    used = [pair for pair in range(PAIRS) if pair != without]
    centre = np.average(numbers, axis=0, weights=weights)
    phi = monomials(before) @ shrinkage.scale
    slopes = (numbers - centre) / np.sqrt(NUMBERS)
    rows = np.concatenate(
        [
            np.sqrt(weights[pair] / PIXELS)
            * np.hstack([phi[pair], np.einsum("d,pf->pdf", slopes[pair], phi[pair]).reshape(PIXELS, -1)])
            for pair in used
        ]
    )
    wanted = np.concatenate([np.sqrt(weights[pair] / PIXELS) * (after[pair] - before[pair]) for pair in used])
    total = np.square(rows[:, :10]).sum() / 10
    ridge = np.hstack([np.zeros((10 * NUMBERS, 10)), np.sqrt(penalty * total) * np.eye(10 * NUMBERS)])
    solved = np.linalg.lstsq(np.vstack([rows, ridge]), np.vstack([wanted, np.zeros((len(ridge), 3))]), rcond=None)[0]
    coefficients = solved.reshape(1 + NUMBERS, 10, 3)
    for pair, matrix in enumerate(fit.matrices(plain(numbers), np.arange(PAIRS))):
        written = np.tensordot(np.r_[1, slopes[pair]], coefficients, 1)
        np.testing.assert_allclose(matrix, IDENTITY + (shrinkage.scale @ written).T, atol=1e-6)


def test_a_dependence_on_the_numbers_is_found(pixels):
    before, _, _ = pixels
    random = np.random.default_rng(1)
    numbers = random.normal(size=(PAIRS, 2))
    constant, slopes = IDENTITY + random.normal(0, 0.1, (3, 10)), random.normal(0, 0.1, (2, 3, 10))
    matrices = constant + np.tensordot(numbers, slopes, 1)
    after = monomials(before) @ matrices.mT
    (fit,) = Shrinkage(views_of(before, after), plain(numbers), np.ones(PAIRS)).fitted(np.array([1e-12]))
    new = np.array([[0.3, -0.7]])
    np.testing.assert_allclose(
        fit.matrices(plain(new), np.array([0]))[0], constant + np.tensordot(new[0], slopes, 1), atol=1e-4
    )


def test_transforms_and_starts_are_part_of_the_map(pixels):
    """An affine map after a map of each pair: found exactly, though each pair's map is another."""
    before, _, _ = pixels
    random = np.random.default_rng(2)
    maps = IDENTITY + random.normal(0, 0.1, (PAIRS, 3, 10))
    transforms = np.concatenate([maps, np.broadcast_to(np.eye(10)[9:], (PAIRS, 1, 10))], axis=1)
    affine = np.eye(3, 4) + random.normal(0, 0.1, (3, 4))
    after = monomials(before) @ (affine @ transforms).mT
    form = Form(np.zeros((PAIRS, 0)), transforms, np.broadcast_to(np.eye(3, 4), (PAIRS, 3, 4)))
    (fit,) = Shrinkage(views_of(before, after), form, np.ones(PAIRS)).fitted(np.array([np.inf]))
    np.testing.assert_allclose(fit.matrices(form, np.arange(PAIRS)), affine @ transforms, atol=1e-8)
    np.testing.assert_allclose(np.eye(3, 4) + fit.bias, affine, atol=1e-8)


def test_what_the_colours_do_not_tell_stays_as_it_was():
    """Pictures of one grey: a map of it is known there, and is the identity as far as it can be."""
    before = np.full((2, PIXELS, 3), 0.5)
    numbers = np.zeros((2, 1))
    shrinkage = Shrinkage(views_of(before, before + 0.1), plain(numbers), np.ones(2))
    (fit,) = shrinkage.fitted(np.array([np.inf]))
    matrix = fit.matrices(plain(numbers), np.array([0]))[0]
    grey = np.full((1, 3), 0.5)
    np.testing.assert_allclose(ColourMap(matrix)(grey), grey + 0.1, atol=1e-9)
    assert np.abs(matrix - IDENTITY).max() < 0.2


def test_views_of_a_fold_are_left_out_together(pixels):
    before, after, numbers = pixels
    shrinkage = Shrinkage(views_of(before, after, [0, 1, 1, 2, 0]), plain(numbers), np.ones(PAIRS))
    (fit,) = shrinkage.fitted(np.array([np.inf]), without=1)
    expected = shared(before[[0, 3, 4]], after[[0, 3, 4]])
    np.testing.assert_allclose(fit.matrices(plain(numbers), np.array([2]))[0], expected, atol=1e-8)
