from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import assume, given
from hypothesis import strategies as st

from hypernet.lab.results.statistics import (
    Interval,
    bootstrap,
    clopper_pearson,
    combine_seeds,
    mean_from_sums,
    mean_t,
    paired_bootstrap_log_ratio,
    poisson_upper,
    wilson,
)

levels = st.sampled_from([0.5, 0.9, 0.95, 0.999])
numbers = st.floats(-1e6, 1e6)


@st.composite
def shares(draw) -> tuple[int, int]:
    n = draw(st.integers(1, 10**7))
    return draw(st.integers(0, n) | st.sampled_from([0, n])), n


@pytest.mark.parametrize(("ours", "method"), [(wilson, "wilson"), (clopper_pearson, "exact")])
@given(counts=shares(), level=levels)
def test_shares_agree_with_scipy(ours, method, counts, level):
    successes, n = counts
    expected = scipy.stats.binomtest(successes, n).proportion_ci(level, method)
    measured = ours(successes, n, level)
    assert (measured.value, measured.n) == (successes / n, n)
    # SciPy finds the ends of the exact interval by root finding, to an absolute 1e-12 or so.
    assert measured.low == pytest.approx(expected.low, rel=1e-9, abs=1e-10)
    assert measured.high == pytest.approx(expected.high, rel=1e-9, abs=1e-10)
    assert 0 <= measured.low <= measured.value <= measured.high <= 1


@given(n=st.integers(1, 10**9), level=levels)
def test_the_exact_interval_of_none_and_of_all_has_a_closed_form(n, level):
    # No successes in n have the probability (1 - p)^n.
    bound = -math.expm1(math.log((1 - level) / 2) / n)
    none, all_of_them = clopper_pearson(0, n, level), clopper_pearson(n, n, level)
    assert (none.low, none.high) == (0.0, pytest.approx(bound, rel=1e-9))
    assert (1 - all_of_them.low, all_of_them.high) == (pytest.approx(bound, abs=1e-12), 1.0)


@pytest.mark.parametrize("ours", [wilson, clopper_pearson])
@pytest.mark.parametrize(("successes", "n"), [(0, 0), (-1, 5), (6, 5)])
def test_impossible_counts_are_refused(ours, successes, n):
    with pytest.raises(ValueError, match="share"):
        ours(successes, n)


@pytest.mark.parametrize("share", [0.02, 0.5])
def test_the_exact_interval_covers_at_least_as_often_as_it_says(share):
    n = 60
    intervals = [clopper_pearson(k, n) for k in range(n + 1)]
    inside = np.array([interval.low <= share <= interval.high for interval in intervals])
    assert scipy.stats.binom.pmf(np.arange(n + 1), n, share) @ inside >= 0.95


@given(events=st.integers(0, 10**6), exposure=st.floats(1e-3, 1e9), level=levels)
def test_the_poisson_bound_is_that_of_chi_squared(events, exposure, level):
    expected = scipy.stats.chi2.ppf(level, 2 * (events + 1)) / 2 / exposure
    assert poisson_upper(events, exposure, level) == pytest.approx(expected, rel=1e-9)


def test_the_rule_of_three():
    assert poisson_upper(0, 1000) == pytest.approx(-math.log(0.05) / 1000)
    for events, exposure in ((-1, 1.0), (0, 0.0), (0, -1.0)):
        with pytest.raises(ValueError, match="rate"):
            poisson_upper(events, exposure)


@given(samples=st.lists(numbers, min_size=2, max_size=40), level=levels)
def test_the_t_interval_agrees_with_scipy(samples, level):
    interval = mean_t(samples, level)
    mean, error = np.mean(samples), scipy.stats.sem(samples)
    half = scipy.stats.t.ppf((1 + level) / 2, len(samples) - 1) * error
    assert (interval.value, interval.n) == (pytest.approx(mean), len(samples))
    assert interval.high - interval.value == pytest.approx(half, rel=1e-6, abs=1e-6)
    assert interval.value - interval.low == pytest.approx(half, rel=1e-6, abs=1e-6)
    assert interval.half_width == pytest.approx(half, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("samples", [[], [1.0], [[1.0, 2.0]]])
def test_a_mean_of_too_few_is_refused(samples):
    with pytest.raises(ValueError, match="two samples"):
        mean_t(samples)


@given(samples=st.lists(st.integers(0, 1000), min_size=2, max_size=200), level=levels)
def test_sums_give_the_interval_of_the_items(samples, level):
    interval = mean_from_sums(sum(samples), sum(x * x for x in samples), len(samples), level)
    half = scipy.stats.norm.ppf((1 + level) / 2) * np.std(samples, ddof=1) / math.sqrt(len(samples))
    assert (interval.value, interval.n) == (pytest.approx(np.mean(samples)), len(samples))
    assert interval.high - interval.value == pytest.approx(half, abs=1e-4)
    assert interval.value - interval.low == pytest.approx(half, abs=1e-4)


@given(value=st.floats(0, 1e3), n=st.integers(2, 10**6))
def test_sums_of_equal_items_never_have_a_negative_variance(value, n):
    interval = mean_from_sums(n * value, n * value * value, n)
    assert 0 <= interval.half_width <= 1e-5 * (1 + value)


def test_sums_of_one_item_are_refused():
    with pytest.raises(ValueError, match="two items"):
        mean_from_sums(1.0, 1.0, 1)


def resampled_mean(samples: np.ndarray) -> np.ndarray:
    return samples.mean(axis=1)


def test_the_bootstrap_covers_the_true_mean_about_as_often_as_it_says():
    generator = np.random.default_rng(11)
    trials, true_mean = 300, 2.0
    covered = 0
    for _ in range(trials):
        interval = bootstrap(resampled_mean, generator.exponential(true_mean, 80), generator=generator, resamples=400)
        covered += interval.low <= true_mean <= interval.high
    # A percentile bootstrap of 80 skewed items covers a little less than it says: 0.93 or so.
    assert 0.88 <= covered / trials <= 0.985


def test_the_bootstrap_of_a_mean_is_as_wide_as_the_normal_interval():
    samples = np.random.default_rng(12).normal(3.0, 2.0, 500)
    interval = bootstrap(resampled_mean, samples, generator=np.random.default_rng(1), resamples=4000)
    expected = 1.96 * samples.std(ddof=1) / math.sqrt(500)
    assert interval.value == pytest.approx(samples.mean())
    assert interval.n == 500
    assert interval.half_width == pytest.approx(expected, rel=0.08)


def test_the_bootstrap_keeps_rows_of_several_arrays_together():
    rows = np.random.default_rng(13).normal(size=(50, 3))

    def difference(left, right):
        return (left[..., 0] - right).mean(axis=1)

    interval = bootstrap(difference, rows, rows[:, 0], generator=np.random.default_rng(1))
    assert (interval.value, interval.low, interval.high) == (0.0, 0.0, 0.0)


def test_the_bootstrap_draws_every_row_equally_often():
    counts = np.zeros(5)

    def count(rows):
        counts[:] += np.bincount(rows.ravel(), minlength=5)
        return rows.mean(axis=1)

    bootstrap(count, np.arange(5), generator=np.random.default_rng(1), resamples=4000)
    # 20000 rows were drawn, and each of the five once more for the value itself.
    assert counts.sum() == 20_005
    assert scipy.stats.chisquare(counts - 1).pvalue > 1e-4


def test_the_bootstrap_in_blocks_gives_the_level_asked_for(monkeypatch):
    samples = np.random.default_rng(14).normal(size=200)
    wide, narrow, blocks = (
        bootstrap(resampled_mean, samples, generator=np.random.default_rng(1), resamples=999, level=level)
        for level in (0.95, 0.5, 0.95)
    )
    assert narrow.half_width / wide.half_width == pytest.approx(0.6745 / 1.96, rel=0.15)
    monkeypatch.setattr("hypernet.lab.results.statistics.BLOCK", 200 * 7)
    in_blocks = bootstrap(resampled_mean, samples, generator=np.random.default_rng(1), resamples=999)
    assert in_blocks == blocks


@pytest.mark.parametrize("lengths", [(1,), (5, 4)])
def test_a_bootstrap_of_unequal_or_too_short_arrays_is_refused(lengths):
    with pytest.raises(ValueError, match="length"):
        bootstrap(resampled_mean, *map(np.ones, lengths), generator=np.random.default_rng(1))


def errors_of_two_methods(above: float, below: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Errors per chunk of two methods on the same noise: common rough luck, then their own."""
    generator = np.random.default_rng(seed)
    luck = generator.gamma(20.0, 1 / 20.0, 400)
    return generator.poisson(above * luck), generator.poisson(below * luck)


def test_the_log_ratio_has_the_sign_and_the_width_of_the_delta_method():
    above, below = errors_of_two_methods(60.0, 20.0, 15)
    interval = paired_bootstrap_log_ratio(above, below, np.random.default_rng(1), resamples=4000)
    n, (mean_above, mean_below) = len(above), (above.mean(), below.mean())
    covariance = np.cov(above, below)
    variance = (
        covariance[0, 0] / mean_above**2
        + covariance[1, 1] / mean_below**2
        - 2 * covariance[0, 1] / (mean_above * mean_below)
    ) / n
    assert interval.value == pytest.approx(math.log(mean_above / mean_below))
    assert interval.n == n
    assert interval.half_width == pytest.approx(1.96 * math.sqrt(variance), rel=0.08)
    assert 0 < interval.low < math.log(3) < interval.high
    mirrored = paired_bootstrap_log_ratio(below, above, np.random.default_rng(1), resamples=4000)
    assert mirrored.value == pytest.approx(-interval.value)
    assert mirrored.high == pytest.approx(-interval.low)


def test_pairing_narrows_the_interval():
    above, below = errors_of_two_methods(600.0, 500.0, 16)
    paired = paired_bootstrap_log_ratio(above, below, np.random.default_rng(1))
    shuffled = np.random.default_rng(2).permutation(below)
    unpaired = paired_bootstrap_log_ratio(above, shuffled, np.random.default_rng(1))
    assert paired.value == pytest.approx(unpaired.value)
    assert paired.half_width < 0.7 * unpaired.half_width


def test_the_log_ratio_stays_finite_without_errors():
    none, some = np.zeros(20, dtype=int), np.ones(20, dtype=int)
    for above, below in ((none, some), (some, none), (none, none)):
        interval = paired_bootstrap_log_ratio(above, below, np.random.default_rng(1))
        assert np.isfinite([interval.value, interval.low, interval.high]).all()
    assert paired_bootstrap_log_ratio(none, some, np.random.default_rng(1)).high < 0


@given(st.lists(numbers, min_size=2, max_size=8), st.floats(0, 1e3))
def test_seeds_join_to_their_mean_and_never_narrower_than_the_pooled_interval(values, half):
    ones = [Interval(value, value - half, value + half, 10 + i) for i, value in enumerate(values)]
    joined, between = combine_seeds(ones), mean_t(values)
    pooled = half / math.sqrt(len(values))
    assert joined.value == pytest.approx(np.mean(values), abs=1e-9)
    assert joined.n == sum(interval.n for interval in ones)
    expected = max(between.half_width, pooled)
    assert joined.high - joined.value == pytest.approx(expected, rel=1e-6, abs=1e-6)
    assert joined.value - joined.low == pytest.approx(expected, rel=1e-6, abs=1e-6)


@given(st.lists(numbers, min_size=2, max_size=8))
def test_seeds_without_intervals_of_their_own_join_by_t(values):
    assume(len(set(values)) > 1)
    joined = combine_seeds([Interval(value, math.nan, math.nan, 1) for value in values])
    assert joined.half_width == pytest.approx(mean_t(values).half_width, rel=1e-6)


def test_one_seed_is_not_combined():
    with pytest.raises(ValueError, match="two seeds"):
        combine_seeds([Interval(1.0, 0.0, 2.0, 5)])
