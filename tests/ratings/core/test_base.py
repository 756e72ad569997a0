"""What others give and how a user rates: the damped closed forms, solved once more as one linear system."""

from __future__ import annotations

import numpy as np
import pytest

from hypernet.ratings.core.base import ItemBiases, askable, user_lines
from hypernet.ratings.sources.features import STATISTICS, genre, number

USERS, ITEMS, RATINGS = 9, 7, 40
ITEM_DAMPING, USER_DAMPING = 2.0, 5.0


@pytest.fixture(scope="module")
def ratings():
    """Ratings of 9 users; item 6 has none and item 5 one."""
    generator = np.random.default_rng(0)
    pairs = np.sort(generator.choice(USERS * 5, RATINGS - 1, replace=False))
    user, item = np.append(pairs // 5, USERS - 1), np.append(pairs % 5, 5)
    return user, item, generator.integers(1, 6, RATINGS).astype(np.float32)


@pytest.fixture(scope="module")
def biases(ratings):
    return ItemBiases.fit(*ratings, USERS, ITEMS, item_damping=ITEM_DAMPING, user_damping=USER_DAMPING)


def test_biases_are_those_of_the_normal_equations(ratings, biases):
    user, item, rating = ratings
    design = np.concatenate([np.eye(ITEMS)[item], np.eye(USERS)[user]], axis=1)
    damping = np.diag([ITEM_DAMPING] * ITEMS + [USER_DAMPING] * USERS)
    exact = np.linalg.solve(design.T @ design + damping, design.T @ (rating - rating.astype(float).mean()))
    assert biases.overall == pytest.approx(rating.astype(float).mean())
    assert biases.bias == pytest.approx(exact[:ITEMS], abs=1e-5)
    assert biases.level == pytest.approx(exact[ITEMS:], abs=1e-4)
    assert biases.bias[6] == 0.0


def test_a_rating_left_out_is_out(ratings, biases):
    user, item, rating = ratings
    without = biases.without_own(user, item, rating)
    for row in range(RATINGS):
        others = (item == item[row]) & (np.arange(RATINGS) != row)
        left = rating[others] - biases.overall - biases.level[user[others]]
        assert without[row] == pytest.approx(left.sum() / (others.sum() + ITEM_DAMPING), abs=1e-9)
    assert without[item == 5] == 0.0


def test_lines_are_those_of_a_damped_least_squares_problem():
    generator = np.random.default_rng(1)
    user = np.repeat(np.arange(5), [1, 2, 8, 30, 0])
    bias, left = generator.normal(0, 0.5, len(user)), generator.normal(0, 1, len(user))
    level, slope = user_lines(user, bias, left, 5, level_damping=5.0, slope_damping=10.0)
    for person in range(4):
        mine = user == person
        # Damping as further rows of the design that ask for zero.
        design = np.vstack([np.column_stack([np.ones(mine.sum()), bias[mine]]), np.diag(np.sqrt([5.0, 10.0]))])
        exact = np.linalg.lstsq(design, np.append(left[mine], [0, 0]), rcond=None)[0]
        assert (level[person], slope[person]) == pytest.approx(tuple(exact), abs=1e-12)
    assert (level[4], slope[4]) == (0.0, 0.0)


def test_without_a_slope_a_level_is_a_damped_mean():
    level, slope = user_lines(
        np.zeros(3, int), np.ones(3), np.array([1.0, 2.0, 3.0]), 1, level_damping=1, slope_damping=np.inf
    )
    assert (level[0], slope[0]) == (1.5, 0.0)


def test_rules_on_a_base_ask_neither_about_the_user_nor_about_the_mean_rating():
    features = (
        number("age", "older than {t}", "up to {t}", "age", of="user"),
        genre("action"),
        STATISTICS["mean_rating"],
        STATISTICS["rating_count"],
    )
    assert askable(features).tolist() == [1, 3]
