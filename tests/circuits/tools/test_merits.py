"""What is read off the curves of a filter: by hand."""

from __future__ import annotations

import numpy as np
import pytest

from hypernet.circuits.core.scale import Scale
from hypernet.circuits.sources.targets import Mask, ScatteringMask, Transmission
from hypernet.circuits.tools.merits import Place, merits_of

SCALE = Scale(100.0, 1e7)
HERTZ = np.array([1e6, 2e6, 4e6, 8e6, 1.6e7, 3.2e7])
THROUGH = np.array([-0.5, 0.0, -0.2, -3.0, -21.0, -30.0])
REFLECTION = np.array([-9.0, -40.0, -13.0, -3.0, -0.1, 0.0])
NAN = np.nan
MASK = ScatteringMask(
    np.array([1e6, 4e6, 8e6, 1.6e7, 3.2e7]),
    np.array([-1.0, -1.0, NAN, NAN, NAN]),
    np.array([0.0, 0.0, NAN, -20.0, -20.0]),
    np.array([-8.0, -8.0, NAN, NAN, NAN]),
)


def test_pass_band_stop_band_and_return_loss_of_a_mask():
    merits = merits_of(MASK, SCALE, HERTZ, THROUGH, REFLECTION)
    assert merits.passbands == ((1e6, 4e6),)
    assert merits.lowest_passing == Place(-0.5, 1e6)
    # At 8 MHz there is no limit.
    assert merits.highest_stopped == Place(-21.0, 1.6e7)
    assert merits.highest_reflection == Place(-9.0, 1e6)
    # No circuit comes beyond 0 dB, so that limit is none: the lower one is nearest.
    assert (merits.nearest, merits.nearest_limit) == (Place(0.5, 1e6), "lower")


def test_the_limit_of_s11_may_be_the_nearest():
    tight = ScatteringMask(
        MASK.frequency_hz, MASK.lowest_s21_db, MASK.highest_s21_db, np.array([-8.9, -8.9, NAN, NAN, NAN])
    )
    merits = merits_of(tight, SCALE, HERTZ, THROUGH, REFLECTION)
    assert merits.nearest_limit == "S11"
    assert merits.nearest is not None
    assert merits.nearest.decibel == pytest.approx(0.1)


def test_of_a_voltage_gain_an_upper_limit_of_0_db_counts():
    mask = Mask(MASK.frequency_hz, MASK.lowest_s21_db, np.array([0.1, 0.1, NAN, -20.0, -20.0]))
    merits = merits_of(mask, SCALE, HERTZ, THROUGH, None)
    assert merits.highest_reflection is None
    assert merits.nearest_limit == "upper"
    assert merits.nearest == Place(pytest.approx(0.1), 2e6)


def test_without_a_mask_what_is_within_3_db_of_the_top_passes():
    target = Transmission(HERTZ, THROUGH)
    merits = merits_of(target, SCALE, HERTZ, THROUGH, REFLECTION)
    assert merits.passbands == ((1e6, 8e6),)
    assert (merits.highest_stopped, merits.nearest) == (None, None)
    assert merits.content("s21") == {
        "passbands_hz": [[1e6, 8e6]],
        "lowest_passband_s21": {"db": -3.0, "frequency_hz": 8e6},
        "highest_passband_s11": {"db": -3.0, "frequency_hz": 8e6},
    }


def test_a_mask_without_lower_limits_passes_around_the_top():
    mask = ScatteringMask(np.array([1.6e7, 3.2e7]), None, np.array([-20.0, -20.0]))
    merits = merits_of(mask, SCALE, HERTZ, THROUGH, REFLECTION)
    assert merits.passbands == ((1e6, 8e6),)
    assert merits.nearest == Place(pytest.approx(1.0), 1.6e7)


def test_a_notch_passes_on_both_sides():
    hertz, through = np.array([1.0, 2, 4, 8, 16]), np.array([-0.1, -0.8, -60.0, -0.4, 0.0])
    mask = ScatteringMask(hertz, np.array([-1, -1, NAN, -1, -1]), np.array([NAN, NAN, -25, NAN, NAN]))
    merits = merits_of(mask, SCALE, hertz, through, np.full(5, -10.0))
    assert merits.passbands == ((1, 2), (8, 16))
    assert merits.passing(hertz).tolist() == [True, True, False, True, True]
    assert merits.lowest_passing == Place(-0.8, 2)
    assert merits.highest_stopped == Place(-60, 4)
    assert merits.content("s21")["passbands_hz"] == [[1, 2], [8, 16]]


def test_an_upper_limit_of_0_db_between_the_bands_stops_nothing():
    mask = ScatteringMask(
        np.array([1e6, 4e6, 4e6, 1.6e7, 1.6e7, 3.2e7]),
        np.array([-1.0, -1.0, NAN, NAN, NAN, NAN]),
        np.array([0.0, 0.0, 0.0, 0.0, -20.0, -20.0]),
    )
    merits = merits_of(mask, SCALE, HERTZ, np.array([-0.5, 0.0, -0.2, -3.0, -25.0, -21.0]), REFLECTION)
    assert merits.highest_stopped == Place(-21.0, 3.2e7)
