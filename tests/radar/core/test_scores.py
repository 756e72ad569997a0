"""Scores against other libraries, closed forms and a number that was computed apart from this program."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import confusion_matrix, mean_absolute_error, mean_squared_error

from hypernet.radar.core import scores

RAIN = arrays(np.float32, (2, 9, 11), elements=st.floats(0, 1, width=32))


def rain(count: int, height: int = 40, width: int = 32, seed: int = 0) -> np.ndarray:
    """Smooth made-up rain, float32 ``[count, height, width]`` in [0, 1], about a third of it above 21 dBZ."""
    from scipy.ndimage import gaussian_filter

    field = gaussian_filter(np.random.default_rng(seed).standard_normal((count, height, width)), (0, 3, 3))
    return (0.25 + 1.5 * field).clip(0, 1).astype(np.float32)


@pytest.fixture
def generator() -> np.random.Generator:
    return np.random.default_rng(3)


def test_errors_equal_those_of_scikit_learn():
    forecast, truth = rain(5, seed=1), rain(5, seed=2)
    rows = [images.reshape(5, -1).T.astype(np.float64) for images in (truth, forecast)]
    square = mean_squared_error(*rows, multioutput="raw_values")
    pixels = rows[0].shape[0]
    loss = scores.half_squared_error(forecast, truth)
    np.testing.assert_allclose(loss, square * pixels / 2, rtol=1e-6)
    np.testing.assert_allclose(scores.root_mean_square_dbz(forecast, truth), 70 * np.sqrt(square), rtol=1e-6)
    np.testing.assert_allclose(scores.mean_square_255(loss, pixels), 255**2 * square, rtol=1e-6)
    absolute = mean_absolute_error(*rows, multioutput="raw_values")
    np.testing.assert_allclose(scores.absolute_error_dbz(forecast, truth), 70 * absolute, rtol=1e-6)


def test_half_squared_error_in_the_units_of_the_specification():
    # 1/2 sum on [0,1] of 40,000 pixels, times 3.2513, is the mean square in units of 0..255.
    assert scores.mean_square_255(np.array(1.0), 200 * 200) == pytest.approx(2 / 40_000 * 65_025)


@pytest.mark.parametrize("threshold", scores.THRESHOLDS)
def test_counts_equal_those_of_scikit_learn(threshold):
    forecast, truth = rain(3, seed=4), rain(3, seed=5)
    counts = scores.contingency(forecast, truth, threshold)
    for row in range(3):
        wet = [(70 * images[row].ravel() >= threshold) for images in (truth, forecast)]
        (_, false_alarms), (misses, hits) = confusion_matrix(*wet, labels=[False, True])
        assert (counts.hits[row], counts.misses[row], counts.false_alarms[row]) == (hits, misses, false_alarms)


@pytest.mark.parametrize("threshold", scores.THRESHOLDS)
def test_categorical_scores_equal_those_of_pysteps(threshold):
    detcatscores = pytest.importorskip("pysteps.verification.detcatscores")
    forecast, truth = rain(4, seed=6), rain(4, seed=7)
    counts = scores.contingency(forecast, truth, threshold)
    for row in range(4):
        peer = detcatscores.det_cat_fct(70.0 * forecast[row], 70.0 * truth[row], threshold, ["CSI", "POD", "FAR"])
        ours = counts.csi()[row], counts.pod()[row], counts.far()[row]
        np.testing.assert_allclose(ours, [peer["CSI"], peer["POD"], peer["FAR"]], rtol=1e-12)


@pytest.mark.parametrize("scale", [1, 3, 9, 27])
def test_fractions_skill_equals_that_of_pysteps_alone_and_pooled(scale):
    spatial = pytest.importorskip("pysteps.verification.spatialscores")
    forecast, truth = rain(4, seed=8), rain(4, seed=9)
    above, below = scores.fraction_sums(forecast, truth, 21, scale)
    pooled = spatial.fss_init(21, scale)
    for row in range(4):
        pair = 70.0 * forecast[row].astype(np.float64), 70.0 * truth[row].astype(np.float64)
        spatial.fss_accum(pooled, *pair)
        assert scores.fractions_skill(above, below)[row] == pytest.approx(spatial.fss(*pair, 21, scale), rel=1e-9)
    assert float(scores.fractions_skill(above.sum(), below.sum())) == pytest.approx(
        spatial.fss_compute(pooled), rel=1e-9
    )


def test_fractions_skill_forgives_a_shift_that_is_small_beside_the_square():
    truth = np.zeros((1, 60, 60), np.float32)
    truth[:, 25:35, 25:30] = 0.6
    shifted = np.roll(truth, 5, axis=2)
    skill = [
        float(scores.fractions_skill(*scores.fraction_sums(shifted, truth, 21, scale))[0]) for scale in (1, 5, 11, 25)
    ]
    # Side by side without a common pixel: no skill pixel by pixel.
    assert skill[0] == 0
    assert skill == sorted(skill)
    assert skill[-1] > 0.8


@given(RAIN, RAIN, st.sampled_from(scores.THRESHOLDS))
def test_properties_of_the_scores(forecast, truth, threshold):
    counts = scores.contingency(forecast, truth, threshold)
    swapped = scores.contingency(truth, forecast, threshold)
    assert (counts.misses == swapped.false_alarms).all()
    assert (counts.hits == swapped.hits).all()
    assert (counts.hits + counts.misses == (truth * 70.0 >= threshold).sum(axis=(1, 2))).all()
    above, below = scores.fraction_sums(forecast, truth, threshold, 3)
    assert (above >= 0).all()
    assert (above <= below + 1e-12).all()
    assert (scores.fraction_sums(truth, truth, threshold, 3)[0] == 0).all()
    assert (scores.half_squared_error(truth, truth) == 0).all()


def test_dry_images_have_no_score_and_no_warning():
    dry = np.zeros((2, 6, 6))
    counts = scores.contingency(dry, dry, 21)
    for value in (
        counts.csi(),
        counts.pod(),
        counts.far(),
        scores.fractions_skill(*scores.fraction_sums(dry, dry, 21, 3)),
    ):
        assert np.isnan(value).all()


def test_columns_of_the_items():
    forecast, truth, last = rain(3, seed=1), rain(3, seed=2), rain(3, seed=3)
    columns = scores.window_scores(forecast, truth, last, thresholds=(21,), scales=(9,))
    assert list(columns) == [
        "loss",
        "last_frame_loss",
        "mae_dbz",
        "rmse_dbz",
        "wet_share",
        "hits_21",
        "misses_21",
        "false_21",
        "fss_21_9_numerator",
        "fss_21_9_denominator",
    ]
    assert all(column.shape == (3,) for column in columns.values())
    np.testing.assert_array_equal(columns["last_frame_loss"], scores.half_squared_error(last, truth))
    np.testing.assert_allclose(columns["wet_share"], (70 * truth >= 21).mean(axis=(1, 2)))


def test_normal_interval_is_that_of_the_specification():
    interval = scores.normal_interval(np.array([1.0, 2.0, 3.0, 4.0]))
    assert (interval.value, interval.n) == (2.5, 4)
    assert interval.half_width == pytest.approx(1.2652, abs=5e-5)


def test_interval_over_events_is_the_wider_the_more_alike_windows_of_an_event_are(generator):
    events = np.repeat(np.arange(40), 10)
    level = generator.normal(5, 1, 40)
    alike = level[events] + 0.01 * generator.standard_normal(400)
    interval = scores.ratio_interval(alike, np.ones(400), events, generator, 1000)
    assert interval.value == pytest.approx(alike.mean())
    # As if there were 40 items: s / sqrt(40), not s / sqrt(400).
    assert interval.half_width == pytest.approx(1.96 * level.std(ddof=1) / math.sqrt(40), rel=0.15)
    assert interval.half_width > 2.5 * scores.normal_interval(alike).half_width


def test_a_ratio_that_is_the_same_in_every_event_is_certain(generator):
    events = np.repeat([7, 3, 5, 1, 9], [2, 5, 3, 1, 1])
    below = generator.uniform(1, 2, 12)
    interval = scores.ratio_interval(0.25 * below, below, events, generator, 200)
    assert (interval.low, interval.value, interval.high) == pytest.approx((0.25, 0.25, 0.25))


def test_one_event_has_a_value_but_no_interval(generator):
    interval = scores.ratio_interval(np.array([1.0, 2.0]), np.array([4.0, 4.0]), np.array([1, 1]), generator)
    assert interval.value == pytest.approx(3 / 8)
    assert math.isnan(interval.low)


def test_sums_by_event_follow_the_events_numbers():
    np.testing.assert_array_equal(scores.by_event([1, 2, 3, 4], np.array([9, 2, 9, 2])), [6, 4])


@pytest.mark.parametrize(
    "call",
    [
        lambda: scores.half_squared_error(np.zeros((2, 3, 3)), np.zeros((1, 3, 3))),
        lambda: scores.contingency(np.zeros((2, 3, 3)), np.zeros((2, 3, 4)), 21),
        lambda: scores.fraction_sums(np.zeros((3, 3)), np.zeros((3, 3)), 21, 4),
        lambda: scores.normal_interval(np.ones(1)),
    ],
)
def test_wrong_shapes_are_refused(call):
    with pytest.raises(ValueError, match=r"accepted|at least two"):
        call()
