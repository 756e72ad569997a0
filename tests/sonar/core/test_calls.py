"""Calls against their formulas and scipy's sweeps."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from scipy.signal import chirp, hilbert

from hypernet.lab.errors import UserError
from hypernet.sonar.core.calls import Call, matched_filter


def test_linear_sweep_is_the_formula():
    rate, duration = 500_000, 2e-3
    times = np.arange(1001) / rate
    tone = chirp(times, 60e3, duration, 20e3, phi=-90) * np.sin(np.pi * times / duration) ** 2
    call = Call.sweep(60e3, 20e3, duration)
    np.testing.assert_allclose(call.samples(rate), tone, atol=2e-3)
    assert np.abs(call.wave).max() == 1


def test_hyperbolic_sweep_passes_the_frequencies_of_its_formula():
    call = Call.sweep(100e3, 25e3, 2e-3, shape="hyperbolic", window="tukey")
    times = np.arange(len(call.wave)) / call.wave_rate_hz
    # The phase of the analytic signal, away from the ends.
    frequency = np.gradient(np.unwrap(np.angle(hilbert(call.wave))), times) / (2 * np.pi)
    middle = slice(len(times) // 4, -len(times) // 4)
    expected = 100e3 * 25e3 * 2e-3 / (25e3 * 2e-3 + 75e3 * times)
    assert expected[len(times) // 2] == pytest.approx(40e3, rel=1e-3)
    np.testing.assert_allclose(frequency[middle], expected[middle], rtol=0.01)


def test_a_stretched_hyperbolic_sweep_is_the_same_a_little_later():
    call = Call.sweep(100e3, 25e3, 4e-3, shape="hyperbolic")
    linear = Call.sweep(100e3, 25e3, 4e-3)
    rate = 1_000_000

    def likeness(sweep: Call) -> float:
        still, stretched = sweep.samples(rate), sweep.samples(rate, 1.04)
        return float(np.correlate(stretched, still, "full").max() / (np.linalg.norm(still) * np.linalg.norm(stretched)))

    assert likeness(call) > 0.95
    assert likeness(linear) < 0.6


@pytest.mark.parametrize("stretch", [1.0, 0.97, 1.05])
def test_spectrum_is_the_transform_of_the_wave(stretch):
    call = Call.sweep(80e3, 30e3, 1.5e-3, harmonics=(0.4,))
    times = np.arange(len(call.wave)) / call.wave_rate_hz * stretch
    frequencies = np.array([20e3, 47_123.4, 61e3, 119e3])
    expected = [np.trapezoid(call.wave * np.exp(-2j * np.pi * frequency * times), times) for frequency in frequencies]
    np.testing.assert_allclose(call.spectrum(frequencies, stretch), expected, rtol=1e-6, atol=1e-12)
    even = np.linspace(1e3, 150e3, 401)
    shuffled = np.append(even, 3.0)
    np.testing.assert_allclose(call.spectrum(even, stretch), call.spectrum(shuffled, stretch)[:-1], atol=1e-13)


def test_samples_keep_the_energy_and_the_band():
    call = Call.sweep(60e3, 20e3, 2e-3)
    samples = call.samples(250_000)
    assert len(samples) == 501
    energy = np.square(call.wave).sum() / call.wave_rate_hz
    assert np.square(samples).sum() / 250_000 == pytest.approx(energy, rel=1e-6)
    low, high = call.band_hz
    assert 18e3 < low < 24e3
    assert 56e3 < high < 63e3


def test_constant_frequency_and_doppler():
    call = Call.constant(80e3, 20e-3)
    low, high = call.band_hz
    assert low < 80e3 < high
    assert high - low < 1000
    frequencies = np.linspace(75e3, 85e3, 20_001)
    # A stretch of 1 / 1.01: one per cent higher.
    peak = frequencies[np.abs(call.spectrum(frequencies, 1 / 1.01)).argmax()]
    assert peak == pytest.approx(80.8e3, abs=2)


def test_a_recorded_call_is_resampled_with_a_peak_of_1():
    rate = 384_000
    times = np.arange(1500) / rate
    wave = 300 * np.sin(2 * np.pi * 45e3 * times) * np.hanning(1500)
    call = Call.recorded(wave, rate, "mine")
    assert np.abs(call.wave).max() == 1
    samples = call.samples(250_000)
    again = np.arange(len(samples)) / 250_000
    expected = np.sin(2 * np.pi * 45e3 * again) * np.interp(again, times, np.hanning(1500))
    np.testing.assert_allclose(samples, expected, atol=2e-3)


def test_a_call_goes_to_another_process():
    call = pickle.loads(pickle.dumps(Call.sweep(60e3, 20e3, 2e-3)))
    assert call.duration_s == pytest.approx(2e-3)


def test_matched_filter_gives_amplitude_and_place():
    call = Call.sweep(60e3, 20e3, 2e-3).samples(250_000)
    echoes = np.zeros((2, 1500))
    echoes[0, 300 : 300 + len(call)] += 0.2 * call
    echoes[0, 340 : 340 + len(call)] -= 0.1 * call
    echoes[1, 900 : 900 + len(call)] += 3 * call
    envelope = matched_filter(echoes, call)
    assert envelope.shape == echoes.shape
    assert envelope[0].argmax() == 300
    assert envelope[0, [300, 340]] == pytest.approx([0.2, 0.1], rel=0.15)
    assert envelope[1].argmax() == 900
    assert envelope[1, 900] == pytest.approx(3)


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda: Call.sweep(60, 20e3, 2e-3), "60 Hz is not a frequency from 100 to 1,000,000 Hz; 60 kHz is 60000"),
        (lambda: Call.sweep(60e3, 20e3, 2), "2 s is no duration .* 2 ms is 0.002"),
        (lambda: Call.sweep(60e3, 20e3, float("nan")), "nan s is no duration"),
        (lambda: Call.sweep(60e3, 20e3, 2e-3, shape="round"), "'round' is no shape .* linear, hyperbolic"),
        (lambda: Call.sweep(60e3, 20e3, 2e-3, window="box"), "'box' is no window; accepted: hann, tukey"),
        (lambda: Call.sweep(60e3, 20e3, 2e-3, harmonics=(-1,)), "harmonics"),
        (lambda: Call.constant(900e3, 0.5), "450,000 periods"),
        (lambda: Call.recorded(np.zeros(9), 1e5), "not all 0"),
        (lambda: Call.recorded(np.array([0.0, np.inf]), 1e5), "finite"),
        (lambda: Call.recorded(np.ones(400_000), 2e5), "2 s is no single call"),
        (lambda: Call.recorded(np.ones(400), 0), "0 samples a second"),
    ],
)
def test_refused(make, line):
    with pytest.raises(UserError, match=line):
        make()
