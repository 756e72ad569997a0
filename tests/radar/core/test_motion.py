"""Motion from filters: closed forms, and content that is really moved by such filters."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import center_of_mass
from scipy.signal import correlate2d
from scipy.stats import entropy

from hypernet.radar.core.frames import Geometry
from hypernet.radar.core.motion import (
    FieldMotion,
    arrows,
    in_words,
    kilometres_per_hour,
    motion_of,
    pixels_per_step,
    uniform_field,
)

TAPS = 21
GEOMETRY = Geometry(100, 10, 8, TAPS)


def random_filters(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.full(TAPS, 0.3), size=shape)


def one_hot(place: int) -> np.ndarray:
    return np.eye(TAPS)[place]


def test_motion_is_that_of_content_moved_by_the_filters():
    """A blob in the middle, correlated with the filters as the network does, lies where the motion says."""
    vertical, horizontal = random_filters(2)
    image = np.zeros((61, 61))
    image[28:33, 29:32] = [[1, 2, 1], [2, 4, 2], [3, 5, 1], [1, 1, 1], [0, 1, 0]]
    moved = correlate2d(image, np.outer(vertical, horizontal), mode="same")
    before, after = center_of_mass(image), center_of_mass(moved)
    motion = motion_of(vertical, horizontal)
    np.testing.assert_allclose(np.subtract(after, before), [motion.rows, motion.columns], atol=1e-9)

    def spread(field: np.ndarray) -> np.ndarray:
        places = np.indices(field.shape).reshape(2, -1)
        return np.cov(places, aweights=field.ravel(), ddof=0)

    np.testing.assert_allclose(spread(moved) - spread(image), motion.covariance, atol=1e-8)


@given(st.integers(0, TAPS - 1), st.integers(0, TAPS - 1))
def test_a_single_tap_is_an_exact_shift_against_its_offset(row, column):
    motion = motion_of(one_hot(row), one_hot(column))
    assert (motion.rows, motion.columns) == (TAPS // 2 - row, TAPS // 2 - column)
    assert (motion.row_variance, motion.column_variance, motion.entropy) == (0, 0, 0)
    assert math.copysign(1, motion.entropy) == 1


def test_entropy_is_that_of_all_displacements_together():
    vertical, horizontal = random_filters(7, seed=1), random_filters(7, seed=2)
    together = (vertical[:, :, None] * horizontal[:, None, :]).reshape(7, -1)
    np.testing.assert_allclose(motion_of(vertical, horizontal).entropy, entropy(together, base=2, axis=1), atol=1e-9)
    uniform = np.full(TAPS, 1 / TAPS)
    assert motion_of(uniform, uniform).entropy == pytest.approx(2 * math.log2(TAPS))


def test_average_over_patches_is_the_mixture():
    vertical, horizontal = random_filters(5, seed=3), random_filters(5, seed=4)
    weights = np.array([1.0, 0.0, 2.0, 5.0, 0.5])
    mixture = np.einsum("p,pa,pb->ab", weights / weights.sum(), vertical, horizontal)
    offset = -(np.arange(TAPS) - TAPS // 2)
    motion = motion_of(vertical, horizontal).average(weights)
    for side, mean, variance in (
        (mixture.sum(axis=1), motion.rows, motion.row_variance),
        (mixture.sum(axis=0), motion.columns, motion.column_variance),
    ):
        assert mean == pytest.approx(side @ offset)
        assert variance == pytest.approx(side @ (offset - side @ offset) ** 2)


def test_average_without_any_rain_counts_all_alike():
    motion = motion_of(random_filters(4, seed=5), random_filters(4, seed=6))
    assert motion.average(np.zeros(4)).rows == pytest.approx(motion.rows.mean())


@pytest.mark.parametrize(
    ("rows", "columns", "words"),
    [
        (-4, 0, "24 km/h to the north"),
        (-3, 3, "25 km/h to the north-east"),
        (0, 4, "24 km/h to the east"),
        (3, 3, "25 km/h to the south-east"),
        (4, 0, "24 km/h to the south"),
        (3, -3, "25 km/h to the south-west"),
        (0, -4, "24 km/h to the west"),
        (-3, -3, "25 km/h to the north-west"),
        (0.01, 0.0, "still"),
    ],
)
def test_words(rows, columns, words):
    # Pixels of 1 km, in ten minutes.
    assert in_words(*kilometres_per_hour(np.array([rows, columns]), 1.0, 600)) == words


def test_speed_in_kilometres_per_hour():
    # Ten pixels of 500 m in ten minutes: 5 km in a sixth of an hour.
    assert kilometres_per_hour(10.0, 0.5, 600) == pytest.approx(30.0)
    # The same in five minutes is twice as fast.
    assert kilometres_per_hour(10.0, 0.5, 300) == pytest.approx(60.0)


def test_a_search_reaches_the_speed_it_is_to_reach():
    assert pixels_per_step(150, 1.0, 600) == 25
    assert pixels_per_step(150, 0.5, 600) == 50
    # 22.5 km in nine minutes: not less.
    assert pixels_per_step(150, 1.0, 540) == 23
    assert pixels_per_step(1, 2.0, 300) == 1


def test_the_mean_motion_of_a_field_is_that_of_its_rain():
    rows = np.array([[[1.0, 3.0], [5.0, 100.0]]])
    field = FieldMotion(rows, -rows, rows / 10, 8.0, np.array([False]))
    weights = np.array([[1.0, 1.0], [2.0, 0.0]])
    assert field.mean(weights) == pytest.approx((3.5, -3.5, 0.35))
    assert field.mean(np.zeros((2, 2)))[0] == pytest.approx(27.25)
    assert not field.is_uniform
    assert uniform_field(np.array([[2.0, -1.0]]), (3, 4), np.array([True])).is_uniform


def test_arrows_stand_in_the_middle_of_their_patches():
    motion = motion_of(random_filters(100, seed=7), random_filters(100, seed=8))
    drawn = arrows(motion, GEOMETRY)
    # The first patch covers pixels 10 to 17 of the input, the last 82 to 89.
    assert (drawn.x[0], drawn.y[0], drawn.x[-1], drawn.y[-1]) == (13.5, 13.5, 85.5, 85.5)
    assert (drawn.x[1], drawn.y[1]) == (21.5, 13.5)
    np.testing.assert_array_equal(drawn.down, motion.rows)
    whole = arrows(motion_of(one_hot(3), one_hot(4)), GEOMETRY)
    assert (whole.x, whole.y, whole.down, whole.right) == (49.5, 49.5, 7, 6)


@pytest.mark.parametrize(
    "vertical", [np.full(TAPS, 0.1), np.full(20, 1 / 20), np.r_[1.5, -0.5, np.zeros(TAPS - 2)]], ids=str
)
def test_what_is_no_distribution_is_refused(vertical):
    with pytest.raises(ValueError, match="odd number of shares that add to 1"):
        motion_of(vertical, one_hot(0))


def test_a_wrong_number_of_patches_is_refused():
    with pytest.raises(ValueError, match="accepted: 1 or 100"):
        arrows(motion_of(random_filters(9), random_filters(9)), GEOMETRY)
