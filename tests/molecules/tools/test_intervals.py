"""Intervals hold as many as they say, of items like those that they were made from."""

from __future__ import annotations

import numpy as np
import pytest

from hypernet.molecules.tools.intervals import Interval, conformal

TRIALS = 3000


def coverage(draw):
    """Share of trials in which a further item lies in the interval of 99 others: exchangeable, so 90 of 100."""
    random = np.random.default_rng(0)
    covered, narrower = 0, 0
    for _ in range(TRIALS):
        errors, spread = draw(random, 100)
        interval = conformal(errors[1:], spread[1:])
        covered += errors[0] <= interval.half(spread[:1])[0]
        narrower += interval.slope > 0
    return covered / TRIALS, narrower / TRIALS


def test_of_one_method_they_hold_nine_in_ten():
    share, scaled = coverage(lambda random, n: (np.abs(random.standard_cauchy(n)), np.full(n, np.nan)))
    assert share == pytest.approx(0.9, abs=0.02)
    assert scaled == 0


def test_an_ensembles_spread_makes_them_narrower_where_it_tells_errors():
    def draw(random, n):
        spread = random.exponential(size=n)
        return np.abs(random.normal(size=n)) * spread, spread

    share, scaled = coverage(draw)
    assert scaled > 0.95
    assert share == pytest.approx(0.9, abs=0.03)


def test_a_spread_that_tells_nothing_is_left_alone():
    # Of one that tells nothing the smaller of two widths is taken, which costs little.
    share, scaled = coverage(lambda random, n: (np.abs(random.normal(size=n)), random.exponential(size=n)))
    assert scaled < 0.3
    assert share == pytest.approx(0.9, abs=0.03)


def test_widths_follow_the_spread():
    np.testing.assert_allclose(Interval(2.0, 3.0).half(np.array([0.0, 1.0])), [2.0, 5.0])
    np.testing.assert_allclose(Interval(2.0, 0.0).half(np.array([np.nan, 1.0])), [2.0, 2.0])
    # Methods that agree everywhere say nothing of errors.
    assert conformal(np.arange(1.0, 100.0), np.zeros(99)) == Interval(90.0, 0.0)
