"""Cuts, smoothing in time and its measures, against closed forms and scipy's filters."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from hypernet.retouch.core import sequences


def film_of(*shots):
    """Histograms of uniform shots: (level, frames) each."""
    frames = [np.full((4, 6, 3), level) for level, count in shots for _ in range(count)]
    return np.stack([sequences.histogram(frame) for frame in frames])


def steps(count, basis=10, seed=0):
    return np.random.default_rng(seed).normal(size=(count, 3, basis))


# --- cuts -------------------------------------------------------------------------------------------------------


def test_a_histogram_is_a_third_of_the_pixels_in_each_channel():
    frame = np.zeros((2, 2, 3))
    frame[0, 0] = (1.0, 16 / 255, 15 / 255)
    counts = sequences.histogram(frame)
    assert counts.shape == (3, 16)
    np.testing.assert_allclose(counts.sum(axis=1), 1 / 3)
    np.testing.assert_allclose(counts[0, [0, 15]], [0.25, 1 / 12])
    np.testing.assert_allclose(counts[1, [0, 1]], [0.25, 1 / 12])
    np.testing.assert_allclose(counts[2, 0], 1 / 3)


def test_histograms_are_as_far_apart_as_the_pixels_that_changed():
    dark, light, half = np.zeros((4, 6, 3)), np.ones((4, 6, 3)), np.zeros((4, 6, 3))
    half[:2] = 1
    first, second, between = map(sequences.histogram, (dark, light, half))
    assert sequences.distance(first, first) == 0
    assert sequences.distance(first, second) == pytest.approx(1)
    assert sequences.distance(first, between) == pytest.approx(0.5)


def test_a_cut_is_the_first_frame_of_the_new_shot():
    assert sequences.cuts(film_of((0.2, 5), (0.8, 7), (0.5, 4))) == [5, 12]
    assert sequences.cuts(film_of((0.2, 5))) == []
    assert sequences.cuts(film_of((0.2, 1))) == []


def test_a_fade_is_no_cut():
    # Of a picture that holds all levels, a thirtieth of the pixels changes its bin with every frame.
    ramp = np.linspace(0, 1, 480).reshape(16, 30, 1).repeat(3, axis=2)
    faded = np.stack([sequences.histogram(ramp * share) for share in np.linspace(1, 0.2, 30)])
    assert sequences.cuts(faded) == []


@pytest.mark.parametrize("length", [1, 2, 3])
def test_a_flash_is_no_cut(length):
    histograms = film_of((0.2, 5), (1.0, length), (0.2, 6))
    assert sequences.cuts(histograms) == []
    assert sequences.flashes(histograms) == list(range(5, 5 + length))


def test_what_stays_or_leads_elsewhere_is_no_flash():
    longer = film_of((0.2, 5), (1.0, 4), (0.2, 6))
    assert (sequences.cuts(longer), sequences.flashes(longer)) == ([5, 9], [])
    elsewhere = film_of((0.2, 5), (1.0, 1), (0.6, 6))
    assert (sequences.cuts(elsewhere), sequences.flashes(elsewhere)) == ([5, 6], [])
    # A flash that rises and falls, and a cut soon after the next one.
    several = film_of((0.2, 5), (0.6, 1), (1.0, 1), (0.2, 3), (1.0, 1), (0.2, 2), (0.7, 3))
    assert (sequences.cuts(several), sequences.flashes(several)) == ([13], [5, 6, 10])


def test_flashes_and_black_frames_take_their_neighbour_s_map():
    matrices = np.arange(10.0).reshape(10, 1, 1)
    uninformative = np.isin(np.arange(10), [0, 1, 4, 6, 9])
    assert sequences.held(matrices, uninformative, [6]).ravel().tolist() == [2, 2, 2, 3, 3, 5, 7, 7, 8, 8]
    # A shot that is black throughout keeps what it has.
    assert sequences.held(matrices, np.ones(10, dtype=bool), [5]).ravel().tolist() == list(range(10))


# --- smoothing --------------------------------------------------------------------------------------------------


def test_smoothing_is_scipy_s_filter_where_the_rate_is_constant():
    matrices, rate, tau = steps(40), 25.0, 0.5
    smooth = sequences.smoothed(matrices, np.arange(40) / rate, [], tau)
    share = 1 - np.exp(-1 / (tau * rate))
    filtered, _ = signal.lfilter([share], [1, share - 1], matrices, axis=0, zi=(1 - share) * matrices[:1])
    np.testing.assert_allclose(smooth, filtered, atol=1e-12)


def test_both_ways_is_the_filter_and_the_filter_of_the_reversed():
    matrices, seconds = steps(30), np.arange(30) / 25
    both = sequences.smoothed(matrices, seconds, [], 0.2, zero_phase=True)
    forwards = sequences.smoothed(matrices, seconds, [], 0.2)
    np.testing.assert_allclose(both, sequences.smoothed(forwards[::-1], seconds, [], 0.2)[::-1], atol=1e-12)


def test_the_real_time_between_frames_counts():
    """The same step, seen at 10, 25 and at uneven moments: e^(-t / tau) of it is left at the same time."""
    for seconds in (np.arange(0, 2, 0.1), np.arange(0, 2, 0.04), np.array([0, 0.01, 0.3, 0.31, 1.0, 1.9])):
        matrices = np.ones((len(seconds), 3, 10))
        matrices[0] = 0
        smooth = sequences.smoothed(matrices, seconds, [], 0.5)
        np.testing.assert_allclose(smooth[:, 0, 0], 1 - np.exp(-seconds / 0.5), atol=1e-12)


def test_it_begins_anew_at_every_cut():
    matrices, seconds, cuts = steps(30), np.arange(30) / 25, [7, 8, 20]
    smooth = sequences.smoothed(matrices, seconds, cuts, 0.5)
    for first, last in ((0, 7), (7, 8), (8, 20), (20, 30)):
        assert np.array_equal(smooth[first], matrices[first])
        alone = sequences.smoothed(matrices[first:last], seconds[first:last], [], 0.5)
        assert np.array_equal(smooth[first:last], alone)


def test_both_ways_a_step_does_not_come_late():
    matrices = np.zeros((101, 3, 10))
    matrices[51:] = 1
    seconds = np.arange(101) / 25
    late = sequences.smoothed(matrices, seconds, [], 0.2)[:, 0, 0]
    centred = sequences.smoothed(matrices, seconds, [], 0.2, zero_phase=True)[:, 0, 0]
    assert late[50] == 0
    assert late[51] < 0.2
    assert (centred[50] + centred[51]) / 2 == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("zero_phase", [False, True])
def test_what_does_not_change_stays_exactly(zero_phase):
    same = np.repeat(steps(1), 20, axis=0)
    assert np.array_equal(sequences.smoothed(same, np.arange(20) / 25, [], 0.5, zero_phase), same)
    assert np.array_equal(sequences.smoothed(steps(9), np.arange(9) / 25, [4], 0, zero_phase), steps(9))


@pytest.mark.parametrize("tau", [-0.1, float("nan")])
def test_a_time_constant_below_0_is_refused(tau):
    with pytest.raises(ValueError, match="0 or more seconds"):
        sequences.smoothed(steps(3), np.arange(3), [], tau)


# --- measures ---------------------------------------------------------------------------------------------------


def test_jitter_is_the_mean_step_within_shots():
    matrices = np.zeros((5, 3, 10))
    # Steps of 3, 4, across the cut 100, and 5.
    matrices[1:, 0, 0] = 3
    matrices[2:, 1, 1] = 4
    matrices[3:, 2, 2] = 100
    matrices[4, 0, 1] = 5
    assert sequences.jitter(matrices, [3]) == pytest.approx((3 + 4 + 5) / 3)
    assert sequences.jitter(matrices[:1], []) == 0
    assert sequences.jitter(matrices[:2], [1]) == 0


def test_flicker_is_the_spread_of_the_second_difference_within_shots():
    assert sequences.luma_flicker(np.linspace(0, 1, 20), []) == pytest.approx(0, abs=1e-10)
    blinking = np.array([0.5, 0.51] * 10)
    # Second differences are +-0.02, and none crosses the cut.
    assert sequences.luma_flicker(blinking, []) == pytest.approx(255 * 0.02)
    assert sequences.luma_flicker(np.concatenate([blinking, blinking + 0.4]), [20]) == pytest.approx(255 * 0.02)
    assert sequences.luma_flicker(np.array([0.1, 0.9]), []) == 0


def test_lag_is_none_with_cuts_and_seen_without():
    matrices = np.zeros((60, 3, 10))
    matrices[30:] = 1
    seconds = np.arange(60) / 25
    assert sequences.lag_after_cuts(matrices, sequences.smoothed(matrices, seconds, [30], 0.5), [30]) == 0
    # A filter that does not know of the cut: half of the step is left after tau ln 2 = 0.347 s, 8.7 frames.
    assert sequences.lag_after_cuts(matrices, sequences.smoothed(matrices, seconds, [], 0.5), [30]) == 8


def test_eased_numbers_stay_below_their_limits_and_change_slowly():
    limits = np.ones(80)
    limits[30], limits[60] = 0.2, 0.5
    seconds, cuts = np.arange(80) / 25, [50]
    eased = sequences.eased(limits, seconds, cuts, 0.4)
    assert (eased <= limits).all()
    assert eased[30] == pytest.approx(0.2)
    # The least of 10 frames around, and their mean: a ramp of 21 steps on each side, and none across the cut.
    assert np.flatnonzero(eased[:50] < 1 - 1e-9).tolist() == list(range(10, 50))
    assert np.abs(np.diff(eased[:50])).max() == pytest.approx(0.8 / 21)
    assert np.abs(np.diff(eased[50:])).max() == pytest.approx(0.5 / 21)
    np.testing.assert_array_equal(sequences.eased(limits, seconds, cuts, 0), limits)
    np.testing.assert_array_equal(sequences.eased(limits[:1], seconds[:1], [], 0.4), limits[:1])


@settings(max_examples=50)
@given(st.lists(st.floats(0, 1), min_size=2, max_size=30), st.floats(0, 3))
def test_no_eased_number_is_above_its_limit(limits, span):
    limits = np.array(limits)
    assert (sequences.eased(limits, np.arange(len(limits)) / 10, [len(limits) // 2], span) <= limits).all()
