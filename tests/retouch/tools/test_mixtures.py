"""The mean of candidates: weighted by what each does on the pair that it has not seen."""

from __future__ import annotations

import numpy as np
import pytest

from hypernet.retouch.core.colour_map import ColourMap, monomials
from hypernet.retouch.core.fitting import fit_map
from hypernet.retouch.core.shrinkage import Form, Views
from hypernet.retouch.tools.mixtures import ROUNDING, Fitting, Sample, mixed, votes

IDENTITY = ColourMap.identity().matrix
PAIRS = 4


@pytest.fixture(scope="module")
def problem():
    """Four pairs whose edit is one map, with noise."""
    random = np.random.default_rng(0)
    edit = ColourMap(0.8 * IDENTITY + 0.1 * np.eye(3, 10))
    before = random.random((PAIRS, 80, 3))
    after = np.clip(edit(before) + random.normal(0, 0.02, before.shape), 0, 1)
    phi = monomials(before)
    views = Views(phi.mT @ phi / 80, after.mT @ phi / 80, np.arange(PAIRS))
    samples = [Sample(phi[pair], after[pair], pair, pair) for pair in range(PAIRS)]
    return before, after, views, samples


def form(numbers):
    identity = np.broadcast_to(IDENTITY, (PAIRS, 3, 10))
    return Form(numbers, np.broadcast_to(np.eye(10), (PAIRS, 10, 10)), identity)


def psnr(colours, wanted):
    return -10 * np.log10(np.square(np.clip(colours, 0, 1) - wanted).mean() + ROUNDING)


def test_votes_are_products_of_one_over_the_error():
    errors = np.random.default_rng(1).uniform(0.01, 0.2, (6, 5))
    products = np.prod(1 / errors, axis=1)
    np.testing.assert_allclose(votes(-20 * np.log10(errors)), products / products.sum())


def test_pairs_are_measured_without_their_help(problem):
    """Two candidates, the identity and one map for all: everything by hand, with fit_map."""
    before, after, views, samples = problem
    fixed = {"identity": np.broadcast_to(IDENTITY, (PAIRS, 3, 10))}
    mixture = mixed(views, {"all": [Fitting(form(np.zeros((PAIRS, 0))), np.ones(PAIRS))]}, fixed, samples)
    maps, errors = [], []
    for pair in range(PAIRS):
        rest = [other for other in range(PAIRS) if other != pair]
        maps.append(fit_map(before[rest], after[rest]))
        errors.append([psnr(before[pair], after[pair]), psnr(maps[pair](before[pair]), after[pair])])
    errors = np.array(errors).T
    np.testing.assert_allclose(mixture.constant, errors[1], atol=1e-6)
    for pair in range(PAIRS):
        share = votes(errors[:, np.arange(PAIRS) != pair])
        made = share[0] * before[pair] + share[1] * maps[pair](before[pair])
        assert mixture.psnr[pair] == pytest.approx(psnr(made, after[pair]), abs=1e-6)
    assert mixture.shares == pytest.approx(dict(zip(["identity", "all"], votes(errors), strict=True)))
    expected = mixture.shares["all"] * (fit_map(before, after).matrix - IDENTITY)
    np.testing.assert_allclose(mixture.dependences["all"].bias, expected, atol=1e-8)


def test_a_form_that_fits_wins(problem):
    _, _, views, samples = problem
    numbers = np.random.default_rng(3).normal(size=(PAIRS, 2))
    fixed = {"black": np.zeros((PAIRS, 3, 10))}
    mixture = mixed(views, {"all": [Fitting(form(numbers), np.ones(PAIRS))]}, fixed, samples)
    assert mixture.shares["black"] < 1e-4
    assert sum(mixture.shares.values()) == pytest.approx(1)
    assert mixture.psnr.mean() > 30
    assert mixture.dependences["all"].weight.shape == (3, 10, 2)


def test_pairs_of_a_fold_have_not_seen_each_other(problem):
    before, after, views, samples = problem
    folds = [0, 0, 1, 2]
    together = [Sample(s.monomials, s.wanted, s.view, fold) for s, fold in zip(samples, folds, strict=True)]
    views = Views(views.grams, views.crosses, np.array(folds))
    mixture = mixed(views, {"all": [Fitting(form(np.zeros((PAIRS, 0))), np.ones(PAIRS))]}, {}, together)
    expected = [psnr(fit_map(before[2:], after[2:])(before[pair]), after[pair]) for pair in (0, 1)]
    np.testing.assert_allclose(mixture.constant[:2], expected, atol=1e-6)
    np.testing.assert_allclose(mixture.psnr[:2], expected, atol=1e-6)
