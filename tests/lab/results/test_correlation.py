"""Means of classes, correlations and the jackknife against SciPy and closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hypernet.lab.results.statistics import correlation, jackknife, mean_of_classes, mean_t


def pairs_with(share: float, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Normal numbers with a correlation of ``share``."""
    random = np.random.default_rng(seed)
    x, noise = random.normal(size=(2, n))
    return x, share * x + math.sqrt(1 - share**2) * noise


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(-6, 6), st.integers(-6, 6)), min_size=3, max_size=30))
def test_both_are_those_of_scipy(pairs):
    x, y = np.array(pairs, dtype=float).T
    assume(np.ptp(x) > 0 and np.ptp(y) > 0)
    measured = correlation(x, y, np.random.default_rng(0), resamples=10)
    assert measured.pearson.value == pytest.approx(scipy.stats.pearsonr(x, y).statistic, abs=1e-12)
    assert measured.spearman.value == pytest.approx(scipy.stats.spearmanr(x, y).statistic, abs=1e-12)
    line = scipy.stats.linregress(x, y)
    assert measured.slope == pytest.approx(line.slope, abs=1e-12)
    assert measured.intercept == pytest.approx(line.intercept, abs=1e-11)


def test_the_interval_is_that_of_scipys_bootstrap():
    x, y = pairs_with(0.7, 80, 1)
    measured = correlation(x, y, np.random.default_rng(0), resamples=4000)
    for interval, statistic in ((measured.pearson, scipy.stats.pearsonr), (measured.spearman, scipy.stats.spearmanr)):
        expected = scipy.stats.bootstrap(
            (x, y),
            lambda a, b, statistic=statistic: statistic(a, b).statistic,
            paired=True,
            vectorized=False,
            n_resamples=2000,
            method="percentile",
            rng=np.random.default_rng(1),
        ).confidence_interval
        assert interval.low == pytest.approx(expected.low, abs=0.02)
        assert interval.high == pytest.approx(expected.high, abs=0.02)
        assert interval.n == 80


def test_the_interval_holds_the_true_correlation_about_as_often_as_it_says():
    random = np.random.default_rng(2)
    covered = 0
    for seed in range(200):
        interval = correlation(*pairs_with(0.6, 60, seed), random, resamples=300).pearson
        covered += interval.low <= 0.6 <= interval.high
    # A percentile bootstrap of 60 pairs covers a little less than it says.
    assert 0.87 <= covered / 200 <= 0.99


def test_of_classes_the_means_are_correlated():
    """Within a class x and y are opposed, the means of the classes are on a line."""
    random = np.random.default_rng(3)
    classes = np.repeat(["a", "b", "c", "d"], 25)
    noise = random.normal(size=100)
    for name in "abcd":
        noise[classes == name] -= noise[classes == name].mean()
    place = np.repeat([1.0, 2.0, 3.0, 4.0], 25)
    x, y = place + noise, 3 * place - 2 - 5 * noise
    measured = correlation(x, y, np.random.default_rng(0), classes=classes)
    assert measured.pearson.value == pytest.approx(1.0)
    assert measured.spearman.value == pytest.approx(1.0)
    assert measured.pearson.n == 4
    assert (measured.slope, measured.intercept) == (pytest.approx(3.0), pytest.approx(-2.0))
    assert correlation(x, y, np.random.default_rng(0)).pearson.value < 0
    # The order of the items is nothing.
    order = random.permutation(100)
    mixed = correlation(x[order], y[order], np.random.default_rng(0), classes=classes[order])
    assert mixed.pearson.value == pytest.approx(1.0)
    assert mixed.pearson.low == pytest.approx(measured.pearson.low, abs=0.02)


def test_classes_of_equal_items_have_no_spread():
    classes, place = np.repeat([0, 1, 2], 10), np.repeat([1.0, 5.0, 2.0], 10)
    measured = correlation(place, place**2, np.random.default_rng(0), classes=classes)
    expected = scipy.stats.pearsonr([1, 5, 2], [1, 25, 4]).statistic
    for end in ("low", "value", "high"):
        assert getattr(measured.pearson, end) == pytest.approx(expected)
        assert getattr(measured.spearman, end) == pytest.approx(1.0)


def test_blocks_change_nothing_of_the_level(monkeypatch):
    x, y = pairs_with(0.5, 50, 4)
    whole = correlation(x, y, np.random.default_rng(0), resamples=999)
    monkeypatch.setattr("hypernet.lab.results.statistics.BLOCK", 50 * 7)
    assert correlation(x, y, np.random.default_rng(0), resamples=999) == whole
    narrow = correlation(x, y, np.random.default_rng(0), resamples=999, level=0.5)
    assert narrow.pearson.half_width / whole.pearson.half_width == pytest.approx(0.6745 / 1.96, rel=0.2)


def test_what_cannot_be_given_is_not_a_number():
    x = np.arange(6.0)
    constant = correlation(x, np.full(6, 0.1), np.random.default_rng(0))
    assert math.isnan(constant.pearson.value)
    assert math.isnan(constant.spearman.value)
    assert (constant.slope, constant.intercept) == (0.0, pytest.approx(0.1))
    assert math.isnan(correlation(np.full(6, 0.1), x, np.random.default_rng(0)).slope)
    single = correlation(x, x, np.random.default_rng(0), classes=np.array([0, 0, 1, 1, 2, 3])).pearson
    assert single.value == pytest.approx(1.0)
    assert math.isnan(single.low)
    assert math.isnan(single.high)


@pytest.mark.parametrize(
    ("x", "y", "classes", "message"),
    [
        ([1.0, 2.0], [1.0, 2.0], [0], "two numbers of each"),
        ([1.0], [1.0], None, "at least two items"),
        ([1.0, 2.0], [1.0, 2.0], [0, 0], "at least two items or classes, got 1"),
        ([[1.0], [2.0]], [[1.0], [2.0]], None, "two numbers of each"),
    ],
)
def test_too_little_is_refused(x, y, classes, message):
    with pytest.raises(ValueError, match=message):
        correlation(np.array(x), np.array(y), np.random.default_rng(0), classes=classes and np.array(classes))


# --- the mean of classes and the jackknife ----------------------------------------------------------------------


def test_every_class_counts_as_much_as_the_others():
    interval = mean_of_classes([np.array([1.0, 3.0]), np.full(98, 10.0)], np.random.default_rng(0), 500)
    assert (interval.value, interval.n) == (6.0, 100)
    # Of two objects the mean is 1, 2 or 3.
    assert (interval.low, interval.high) == (5.5, 6.5)


def test_the_interval_of_classes_is_that_of_independent_means():
    random = np.random.default_rng(5)
    classes = [random.normal(5 * place, 1 + place, 60) for place in range(4)]
    interval = mean_of_classes(classes, np.random.default_rng(0), 4000)
    variance = sum(objects.var(ddof=1) / len(objects) for objects in classes) / 4**2
    assert interval.half_width == pytest.approx(1.96 * math.sqrt(variance), rel=0.06)
    narrow = mean_of_classes(classes, np.random.default_rng(0), 4000, level=0.5)
    assert narrow.half_width / interval.half_width == pytest.approx(0.6745 / 1.96, rel=0.08)


def test_a_class_of_a_single_object_leaves_no_interval():
    interval = mean_of_classes([np.array([1.0, 3.0]), np.array([4.0])], np.random.default_rng(0), 100)
    assert (interval.value, interval.n) == (3.0, 3)
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)


@given(st.lists(st.integers(-100, 100), min_size=2, max_size=50))
def test_the_jackknife_of_a_mean_is_students_interval(samples):
    n, total = len(samples), sum(samples)
    values, counts = np.unique(samples, return_counts=True)
    measured = jackknife(total / n, (total - values) / (n - 1), counts)
    expected = mean_t(samples)
    assert measured.n == n
    assert measured.low == pytest.approx(expected.low, abs=1e-9)
    assert measured.high == pytest.approx(expected.high, abs=1e-9)


def test_the_jackknife_of_one_item_is_refused():
    with pytest.raises(ValueError, match="others beside it"):
        jackknife(1.0, np.array([1.0]), np.array([1]))
