"""Spectrograms against scipy and against what is known of tones."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import signal

from hypernet.sonar.core.spectrograms import COMPRESSION, FLOOR, Channels, Spectrogram, band_bins

RATE = 250_000


def transform() -> Spectrogram:
    return Spectrogram(128, 16, band_bins(128, RATE, 15e3, 75e3))


def echoes(count: int = 3, ears: int = 2, samples: int = 1024) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).normal(size=(count, ears, samples)).astype(np.float32))


def test_bins_lie_within_the_band():
    low, high = band_bins(128, RATE, 15e3, 75e3)
    frequencies = np.arange(low, high) * RATE / 128
    assert abs(frequencies[0] - 15e3) <= RATE / 256
    assert abs(frequencies[-1] - 75e3) <= RATE / 256


def test_against_scipy():
    spectrogram, given = transform(), echoes()
    window = signal.windows.hann(128, sym=False)
    peer = signal.ShortTimeFFT(window, hop=16, fs=RATE, fft_mode="onesided", phase_shift=-64)
    expected = peer.stft(given.numpy().astype(np.float64), p0=0, p1=1024 // 16 + 1, padding="zeros")
    mine = spectrogram(given).numpy() * 128**0.5
    assert mine.shape == (3, 2, spectrogram.bins, spectrogram.frames(1024))
    low, high = spectrogram.band
    assert np.abs(mine) == pytest.approx(np.abs(expected[:, :, low:high]), abs=1e-3)


def test_constants_are_those_of_the_training_echoes():
    spectrogram, given = transform(), 7e-3 * echoes(8)
    spectrogram.fit(given)
    magnitude = spectrogram.magnitude(spectrogram(given))
    assert float(magnitude.mean()) == pytest.approx(0, abs=1e-4)
    assert float(magnitude.std()) == pytest.approx(1, abs=1e-4)
    assert float(spectrogram.scale) == pytest.approx(7e-3, rel=0.02)


def test_a_later_and_fainter_ear_shows_in_the_binaural_channels():
    """A tone of 40 kHz that the right ear hears half as loud and a quarter of a turn later."""
    times = np.arange(1024) / RATE
    turn = 2 * np.pi * 40e3 * times
    pair = np.stack([np.sin(turn), 0.5 * np.sin(turn - np.pi / 2)]).astype(np.float32)[None]
    channels = Channels(transform(), 2, binaural=True)
    given = channels(torch.from_numpy(pair))
    assert given.shape[1] == channels.count == 9
    column = round(40e3 * 128 / RATE) - channels.spectrogram.band[0]
    level, cosine, sine = given[0, 6:, column, 30].tolist()
    assert level == pytest.approx(np.log(2), abs=0.01)
    assert (cosine, sine) == pytest.approx((0.0, 1.0), abs=0.02)


def test_the_phase_has_no_jump_and_silence_is_finite():
    channels = Channels(transform(), 2, phase=True)
    given = channels(torch.zeros(1, 2, 1024))
    assert torch.isfinite(given).all()
    assert float(given[:, :2].max()) == pytest.approx(np.log(FLOOR))
    phases = channels(echoes(1))[:, 2:]
    assert float((phases[:, :2] ** 2 + phases[:, 2:] ** 2 - 1).abs().max()) < 1e-4
    loud = Channels(transform(), 2, binaural=True)(torch.zeros(1, 2, 1024))
    assert torch.isfinite(loud).all()


def test_the_compressed_spectrum_has_the_size_and_phase_it_should_have():
    spectrogram, given = transform(), echoes(1)
    spectrum = spectrogram(given)
    channels = Channels(spectrogram, 2, binaural=True)(given)
    compressed = torch.complex(channels[:, 2:4], channels[:, 4:6])
    assert torch.allclose(compressed.abs(), torch.log1p(COMPRESSION * spectrum.abs()), rtol=1e-3, atol=1e-4)
    assert torch.allclose(compressed / compressed.abs(), spectrum / spectrum.abs(), atol=1e-3)
