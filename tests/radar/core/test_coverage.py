"""Where a forecast has no data: closed forms for straight motion, and trajectories one by one for a vortex."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hypernet.radar.core.coverage import mended, unseen


@settings(max_examples=30, deadline=None)
@given(st.integers(-4, 4), st.integers(-4, 4), st.integers(1, 4))
def test_a_straight_motion_carries_the_mask_along(down, right, steps):
    height, width = 13, 17
    known = np.random.default_rng(0).random((height, width)) < 0.8
    missing = unseen(known, np.full((height, width), float(down)), np.full((height, width), float(right)), steps)
    wide = np.zeros((height + 40, width + 40), dtype=bool)
    wide[20:-20, 20:-20] = known
    for step in range(1, steps + 1):
        expected = np.roll(wide, (step * down, step * right), axis=(0, 1))[20:-20, 20:-20]
        np.testing.assert_array_equal(missing[step - 1], ~expected)


def test_a_vortex_is_followed_pixel_by_pixel():
    rows, columns = np.indices((21, 21)) - 10.0
    known = np.ones((21, 21), dtype=bool)
    known[2:6, 3:9] = False
    missing = unseen(known, 0.4 * columns, -0.4 * rows, 5)
    for start in ((0, 0), (10, 10), (4, 12), (15, 5), (7, 3), (18, 18)):
        row, column, lost = *map(float, start), False
        for step in range(5):
            at = np.clip(np.rint([row, column]), 0, 20).astype(int)
            row, column = row - 0.4 * (at[1] - 10), column + 0.4 * (at[0] - 10)
            lost |= not (-0.5 <= row <= 20.5 and -0.5 <= column <= 20.5)
            at = np.clip(np.rint([row, column]), 0, 20).astype(int)
            assert missing[step][start] == (lost or not known[tuple(at)])


def test_still_air_is_missing_where_the_last_image_is():
    known = np.random.default_rng(1).random((5, 6)) < 0.5
    assert (unseen(known, np.zeros((5, 6)), np.zeros((5, 6)), 3) == ~known).all()


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_a_lost_image_is_mended_by_its_neighbours(lost):
    field = np.random.default_rng(2).random((40, 40))
    frames = np.stack([np.roll(field, (2 * step, -step), axis=(0, 1))[10:30, 10:30] for step in range(4)])
    known = np.ones(frames.shape, dtype=bool)
    known[lost] = False
    whole = mended(frames * known, known, (2.1, -0.9))
    np.testing.assert_allclose(whole[lost][2:-2, 2:-2], frames[lost][2:-2, 2:-2])
    np.testing.assert_array_equal(np.delete(whole, lost, axis=0), np.delete(frames, lost, axis=0))
