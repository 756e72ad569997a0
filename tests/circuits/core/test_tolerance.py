from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from scipy.stats import kstest, truncnorm

from hypernet.circuits.core.features import grid
from hypernet.circuits.core.goals import decibels
from hypernet.circuits.core.ladder import respond
from hypernet.circuits.core.parts import PAD, parse
from hypernet.circuits.core.terminations import Terminations
from hypernet.circuits.core.tolerance import Band, factors, sensitivity, spread, worst_case, yield_share
from hypernet.lab.errors import UserError
from hypernet.lab.randomness import numpy_generator

FREQUENCY = grid(24, 0.1, 10.0)
SIX = parse("SR:1.0|PC:1.0|SL:1.0|PR:2.2|SC:2.2|PL:4.7")


def generator(name: str = "draws") -> np.random.Generator:
    return numpy_generator(0, "circuits", "test", name)


def divider(resistor: float | np.ndarray) -> np.ndarray:
    """Gain of a series resistor before the load of 1: V1 / V2 = 1 / (1 + r)."""
    return -20.0 * np.log10(1.0 + resistor)


@pytest.mark.parametrize("distribution", ["uniform", "normal"])
def test_the_band_of_a_voltage_divider_is_its_closed_form(distribution):
    band = spread(*parse("SR:2.2"), 0.1, 40_000, generator(), FREQUENCY, distribution)
    # The gain falls as the resistor grows, so its quantiles are those of the resistor, upside down.
    inside = truncnorm(-3, 3, scale=1 / 3)
    deviation = inside.ppf([0.975, 0.5, 0.025]) if distribution == "normal" else np.array([0.95, 0.0, -0.95])
    expected = divider(2.2 * (1 + 0.1 * deviation))
    for edge, value in zip((band.low, band.median, band.high), expected, strict=True):
        np.testing.assert_allclose(edge, value, atol=0.01)
    np.testing.assert_allclose(band.nominal, divider(2.2), rtol=1e-12)
    assert band.gain.shape == (40_000, 24)


def test_draws_have_the_distribution_that_was_asked_for():
    uniform = factors(0.05, 1, 20_000, generator(), "uniform")[:, 0]
    assert kstest((uniform - 0.95) / 0.1, "uniform").pvalue > 1e-3
    normal = factors(0.06, 1, 20_000, generator("normal"), "normal")[:, 0]
    assert kstest((normal - 1) / 0.02, truncnorm(-3, 3).cdf).pvalue > 1e-3
    assert np.abs(normal - 1).max() <= 0.06
    both = factors(np.array([0.0, 0.5]), 2, 1000, generator(), "uniform")
    assert (both[:, 0] == 1).all()
    assert np.ptp(both[:, 1]) > 0.9


def test_for_small_tolerances_the_variance_is_that_of_the_linear_model():
    types, values = SIX
    band = spread(types, values, 0.002, 50_000, generator(), FREQUENCY)
    # Independent uniform deviations have the variance tolerance² / 3.
    expected = np.sqrt((sensitivity(types, values, FREQUENCY) ** 2).sum(axis=0) * 0.002**2 / 3)
    np.testing.assert_allclose(band.gain.std(axis=0), expected, rtol=0.02)


def test_sensitivities_are_those_of_finite_differences():
    types, values = SIX
    step = 1e-5
    for place, slope in enumerate(sensitivity(types, values, FREQUENCY)):
        changed = np.stack([values, values])
        changed[:, place] *= np.exp([step, -step])
        up, down = decibels(respond(np.stack([types, types]), changed, FREQUENCY)[0])
        np.testing.assert_allclose(slope, (up - down) / (2 * step), atol=1e-6)
    # d(-20 log10(1 + r)) / d(ln r) = -20 / ln(10) * r / (1 + r).
    divided = sensitivity(*parse("SR:2.2"), FREQUENCY)
    np.testing.assert_allclose(divided, -20 / np.log(10) * 2.2 / 3.2, rtol=1e-12)


def test_padding_is_no_part():
    types, values = np.append(SIX[0], [PAD, PAD]), np.append(SIX[1], [0.0, 0.0])
    assert sensitivity(types, values, FREQUENCY).shape == (6, 24)
    padded, plain = (spread(*circuit, 0.05, 50, generator(), FREQUENCY) for circuit in ((types, values), SIX))
    np.testing.assert_array_equal(padded.gain, plain.gain)


def test_the_worst_corners_of_a_divider_are_its_ends():
    # r1 in series next to the load, r2 across both: V = 1 + r1 whatever r2.
    low, high = worst_case(*parse("SR:2.2|PR:1.0"), 0.05, FREQUENCY)
    np.testing.assert_allclose(low, divider(2.2 * 1.05), rtol=1e-12)
    np.testing.assert_allclose(high, divider(2.2 * 0.95), rtol=1e-12)


def test_no_draw_lies_beyond_the_worst_corners():
    low, high = worst_case(*SIX, 0.01, FREQUENCY)
    gain = spread(*SIX, 0.01, 5000, generator(), FREQUENCY).gain
    assert (gain >= low - 1e-9).all()
    assert (gain <= high + 1e-9).all()
    with pytest.raises(UserError, match="at most 16 parts"):
        worst_case(np.tile([0, 5], 9), np.ones(18), 0.05, FREQUENCY)


def test_the_yield_is_the_share_inside_the_mask():
    gain = np.array([[0.0, -3.0], [0.5, -3.0], [-1.0, -9.0], [0.0, -4.0]])
    open_above = np.array([np.inf, np.inf])
    band = Band(gain[0], gain[0], gain[0], gain[0], gain)
    share = yield_share(band, np.array([-0.5, -np.inf]), open_above)
    assert (share.value, share.n) == (0.75, 4)
    assert share.low < 0.75 < share.high
    assert yield_share(band, np.array([-0.5, -3.5]), np.array([0.2, np.inf])).value == 0.25
    # A divider's gain is above that of its nominal value in half of the draws.
    band = spread(*parse("SR:1.0"), 0.1, 10_000, generator(), FREQUENCY)
    half = yield_share(band, band.nominal, np.full(24, np.inf))
    assert abs(half.value - 0.5) < 0.02


def test_memory_grows_with_the_result_only():
    def peak(draws: int) -> int:
        tracemalloc.start()
        spread(*SIX, 0.05, draws, generator(), FREQUENCY)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    # The gain and what its quantiles need; voltages and currents alone would be four times the gain.
    assert peak(120_000) - peak(60_000) < 3.5 * 60_000 * 24 * 8


MATCHED = Terminations(1.0, 1.0)


def test_the_bands_of_a_resistor_between_source_and_load_are_closed_forms():
    band = spread(*parse("SR:2.2"), 0.1, 40_000, generator(), FREQUENCY, terminations=MATCHED)
    sizes = 2.2 * (1 + 0.1 * np.array([0.95, 0.0, -0.95]))
    # S21 = 2 / (2 + r), S11 = r / (2 + r): the one falls as the other rises.
    for edge, size in zip((band.low, band.median, band.high), sizes, strict=True):
        np.testing.assert_allclose(edge, 20 * np.log10(2 / (2 + size)), atol=0.01)
    for edge, size in zip(
        (band.reflection.low, band.reflection.median, band.reflection.high), sizes[::-1], strict=True
    ):
        np.testing.assert_allclose(edge, 20 * np.log10(size / (2 + size)), atol=0.01)
    np.testing.assert_allclose(band.reflection.nominal, 20 * np.log10(2.2 / 4.2), rtol=1e-12)
    assert band.reflection.gain.shape == band.gain.shape
    assert spread(*parse("SR:2.2"), 0.1, 10, generator(), FREQUENCY).reflection is None


def test_the_yield_counts_s11_too():
    band = spread(*parse("SR:2.2"), 0.1, 10_000, generator(), FREQUENCY, terminations=MATCHED)
    free, none = np.full(24, np.inf), np.full(24, -np.inf)
    assert yield_share(band, none, free).value == 1
    # S11 is below that of the nominal value in half of the draws, and so is S21 above its own: in the same half.
    half = yield_share(band, none, free, band.reflection.nominal)
    assert abs(half.value - 0.5) < 0.02
    assert yield_share(band, band.nominal, free, band.reflection.nominal).value == pytest.approx(half.value, abs=1e-3)
    assert yield_share(band, none, band.nominal, band.reflection.nominal - 1e-6).value == 0
    with pytest.raises(ValueError, match="no S11"):
        yield_share(spread(*SIX, 0.1, 10, generator(), FREQUENCY), none, free, free)


def test_a_lossless_circuit_stays_inside_a_mask_that_ends_at_0_db():
    # Far below the edge of a Butterworth low-pass, whatever its parts: S21 is 0 dB but for rounding.
    frequency = np.geomspace(1e-6, 1e-4, 24)
    band = spread(*parse("PC:1|SL:2|PC:1"), 0.1, 1000, generator(), frequency, terminations=MATCHED)
    assert yield_share(band, np.full(24, -1e-6), np.zeros(24)).value == 1


def test_sensitivities_and_corners_of_s21():
    # d(20 log10(2 / (2 + r))) / d(ln r) = -20 / ln(10) * r / (2 + r).
    slope = sensitivity(*parse("SR:2.2"), FREQUENCY, MATCHED)
    np.testing.assert_allclose(slope, -20 / np.log(10) * 2.2 / 4.2, rtol=1e-12)
    low, high = worst_case(*parse("SR:2.2"), 0.05, FREQUENCY, MATCHED)
    np.testing.assert_allclose(low, 20 * np.log10(2 / (2 + 2.2 * 1.05)), rtol=1e-12)
    np.testing.assert_allclose(high, 20 * np.log10(2 / (2 + 2.2 * 0.95)), rtol=1e-12)


def test_the_band_of_an_open_port_is_that_of_the_voltage():
    # 1 of the source and 2 of the ladder before 4 to ground.
    band = spread(*parse("PR:4|SR:2"), 0.0, 3, generator(), FREQUENCY, terminations=Terminations(1.0, np.inf))
    np.testing.assert_allclose(band.gain, 20 * np.log10(4 / 7), rtol=1e-12)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tolerance": 1.0}, "shares from 0 to below 1"),
        ({"tolerance": -0.1}, "shares from 0 to below 1"),
        ({"tolerance": float("nan")}, "shares from 0 to below 1"),
        ({"draws": 0}, "at least 1"),
        ({"distribution": "cauchy"}, "neither uniform nor normal"),
    ],
)
def test_what_cannot_be_drawn_is_said(change, message):
    asked = {"tolerance": 0.05, "draws": 10, "distribution": "uniform"} | change
    with pytest.raises(UserError, match=message):
        spread(*SIX, generator=generator(), frequency=FREQUENCY, **asked)
