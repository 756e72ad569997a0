"""The model that comes with the package, on rain whose motion is known."""

from __future__ import annotations

import numpy as np
import pytest

from hypernet.radar.trained import bundled

SIZE = 80


def blobs(step, count=4, threshold=5.0):
    """Three showers that only move, by ``step`` (rows, columns), grey levels ``[1, count, 80, 80]``."""
    rows, columns = np.mgrid[:SIZE, :SIZE]
    images = []
    for number in range(count):
        dbz = np.zeros((SIZE, SIZE))
        for row, column, peak, width in ((40, 30, 40, 7), (30, 45, 30, 5), (55, 20, 28, 5)):
            squared = (rows - row - step[0] * number) ** 2 + (columns - column - step[1] * number) ** 2
            dbz = np.maximum(dbz, peak * np.exp(-squared / 2 / width**2))
        images.append(np.where(dbz < threshold, 0, dbz) / 70)
    return np.stack(images)[None].astype(np.float32)


@pytest.mark.parametrize("step", [(0, 0), (-2, 3), (0, 9), (-1.8, 2.7), (0.4, -5.5), (-3.25, 0.6)])
def test_rain_that_only_moves_is_moved_on(step):
    forecaster, images = bundled().at(25), blobs(step, 7)
    motion, last = forecaster.motion(images[:, :4]), images[0, 3]
    rows, columns = (np.average(field[0], weights=last) for field in (motion.rows, motion.columns))
    assert (rows, columns) == (pytest.approx(step[0], abs=0.1), pytest.approx(step[1], abs=0.1))
    assert not motion.at_edge.any()
    forecast = forecaster.roll_out(images[:, :4], 3)
    # Where the showers are still whole: what is outside is dry. Their rim is a step of 5 dBZ: 0.07.
    inner = slice(12, -12)
    np.testing.assert_allclose(forecast[..., inner, inner], images[:, 4:, inner, inner], atol=0.08)


def test_the_reach_and_the_scale_of_the_pixels_do_not_matter():
    for reach in (10, 20):
        motion = bundled().at(reach).motion(blobs((-2, 3)))
        weights = blobs((-2, 3))[0, 3]
        assert np.average(motion.rows[0], weights=weights) == pytest.approx(-2, abs=0.1)
        assert np.average(motion.columns[0], weights=weights) == pytest.approx(3, abs=0.1)


def test_dry_images_stay_dry_and_say_nothing_of_the_motion():
    forecaster, dry = bundled().at(12), np.zeros((1, 4, SIZE, SIZE), np.float32)
    assert not forecaster.roll_out(dry, 2).any()
    motion = forecaster.motion(dry)
    assert motion.entropy.min() == pytest.approx(motion.largest_entropy, rel=1e-4)
    assert not motion.at_edge.any()
