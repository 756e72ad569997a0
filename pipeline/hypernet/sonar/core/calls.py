"""The emitted call: its pressure over time and its spectrum.

A call is the sound pressure 1 m in front of the mouth, with a peak of 1 Pa. With the window w(t) over the duration T,

    linear:      s(t) = w(t) sin 2π (f0 t + (f1 - f0) t² / (2 T))
    hyperbolic:  s(t) = w(t) sin (2π f0 f1 T / (f0 - f1) · ln(1 + (f0 - f1) t / (f1 T)))

The period of a hyperbolic sweep changes evenly, and a stretched one is the same sweep a little later (tolerant of
Doppler shifts; nearer to the FM bats' calls). It passes f0 f1 T / (f1 T + (f0 - f1) t) at the time t.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hypernet.lab.errors import UserError

SHAPES = ("linear", "hyperbolic")
# Share of the duration in which a window of each name rises and falls.
WINDOWS = {"hann": 1.0, "tukey": 0.25}
LOWEST_HZ, HIGHEST_HZ = 100.0, 1_000_000.0
LONGEST_S = 1.0
# Samples of the highest frequency's period, and periods that a call may have.
_OVERSAMPLING, _MOST_PERIODS = 16, 100_000
# Edges of the band lie where the spectrum is last this far below its peak.
BAND_DB = -40.0
# Frequencies times samples that are summed at a time.
_CHUNK = 1 << 21


@dataclass(frozen=True, eq=False)
class Call:
    """A call that was made or recorded, as samples from which its continuous spectrum follows.

    Attributes:
        wave: pressure in Pa, float64 ``[n]``, band-limited to half of ``wave_rate_hz``; the first sample is at time 0.
        wave_rate_hz: samples a second of ``wave``.
        title: for people.

    Example:
        >>> call = Call.sweep(60_000, 20_000, 2e-3)
        >>> call.title
        'FM 60 to 20 kHz, 2 ms'
        >>> len(call.samples(250_000))
        501
    """

    wave: np.ndarray
    wave_rate_hz: float
    title: str

    @staticmethod
    def sweep(
        start_hz: float,
        end_hz: float,
        duration_s: float,
        shape: str = "linear",
        window: str = "hann",
        harmonics: Sequence[float] = (),
    ) -> Call:
        """A frequency-modulated (FM) call.

        Args:
            start_hz: first frequency.
            end_hz: last one.
            duration_s: of the whole call.
            shape: ``linear`` or ``hyperbolic``.
            window: ``hann``, or ``tukey`` which rises and falls in a quarter of the duration.
            harmonics: amplitudes of the second, third... harmonic; the first has 1.

        Raises:
            UserError: a name or number that is not accepted.
        """
        _check_frequencies(start_hz, end_hz)
        if shape not in SHAPES:
            raise UserError(f"call: {shape!r} is no shape of a sweep; accepted: {', '.join(SHAPES)}")
        harmonics = [float(amplitude) for amplitude in harmonics]
        if not all(0 <= amplitude <= 10 for amplitude in harmonics):
            raise UserError(f"call: harmonics {harmonics}; accepted: amplitudes from 0 to 10 of the second, third...")
        rate, times = _times(max(start_hz, end_hz) * (1 + len(harmonics)), duration_s)
        if shape == "linear" or start_hz == end_hz:
            periods = start_hz * times + (end_hz - start_hz) * times**2 / (2 * duration_s)
        else:
            fall = (start_hz - end_hz) / (end_hz * duration_s)
            periods = start_hz / fall * np.log1p(fall * times)
        tones = sum(
            amplitude * np.sin(2 * np.pi * number * periods)
            for number, amplitude in enumerate([1.0, *harmonics], start=1)
        )
        title = f"FM {start_hz / 1e3:g} to {end_hz / 1e3:g} kHz, {duration_s * 1e3:g} ms"
        title += ", hyperbolic" * (shape == "hyperbolic") + f", {1 + len(harmonics)} harmonics" * bool(harmonics)
        return Call(_window(window, times, duration_s) * tones, rate, title)._of_peak()

    @staticmethod
    def constant(frequency_hz: float, duration_s: float, window: str = "tukey") -> Call:
        """A call of constant frequency (CF).

        Args:
            frequency_hz: of the tone.
            duration_s: of the whole call.
            window: as for :meth:`sweep`.

        Raises:
            UserError: a name or number that is not accepted.
        """
        _check_frequencies(frequency_hz)
        rate, times = _times(frequency_hz, duration_s)
        tone = np.sin(2 * np.pi * frequency_hz * times)
        title = f"CF {frequency_hz / 1e3:g} kHz, {duration_s * 1e3:g} ms"
        return Call(_window(window, times, duration_s) * tone, rate, title)._of_peak()

    @staticmethod
    def recorded(samples: np.ndarray, rate_hz: float, title: str = "recorded call") -> Call:
        """A call from a recording; the peak becomes 1 Pa.

        Args:
            samples: of the call alone, ``[n]``, faded in and out.
            rate_hz: samples a second, in true time.
            title: for people.

        Raises:
            UserError: not finite numbers, silent, too long, or a rate of another sort.
        """
        wave = np.asarray(samples, dtype=np.float64)
        if wave.ndim != 1 or len(wave) < 2 or not np.isfinite(wave).all() or not np.abs(wave).max() > 0:
            raise UserError(f"{title}: a call is a row of finite numbers that are not all 0")
        if not LOWEST_HZ <= rate_hz <= 100 * HIGHEST_HZ:
            raise UserError(f"{title}: {rate_hz:g} samples a second; accepted: {LOWEST_HZ:g} or more")
        if len(wave) > LONGEST_S * rate_hz + 1:
            raise UserError(f"{title}: {len(wave) / rate_hz:.3g} s is no single call; at most {LONGEST_S:g} s")
        return Call(wave, float(rate_hz), title)._of_peak()

    @property
    def duration_s(self) -> float:
        """From the first to the last sample."""
        return (len(self.wave) - 1) / self.wave_rate_hz

    @cached_property
    def band_hz(self) -> tuple[float, float]:
        """The lowest and highest frequency where the spectrum is 40 dB below its peak."""
        size = np.abs(np.fft.rfft(self.wave, 4 * len(self.wave)))
        size[0] = 0.0
        strong = np.flatnonzero(size >= size.max() * 10 ** (BAND_DB / 20))
        step = self.wave_rate_hz / (4 * len(self.wave))
        return float(strong[0] * step), float(strong[-1] * step)

    def spectrum(self, frequencies_hz: np.ndarray, stretch: float = 1.0) -> np.ndarray:
        """Spectrum S(f) = ∫ s(t / stretch) e^{-j2πft} dt of continuous time, Pa/Hz.

        Args:
            frequencies_hz: any, ``[F]``; evenly spaced ones are quick.
            stretch: 1 / (1 + Doppler shift): above 1 the call is longer and lower.

        Returns:
            complex128 ``[F]``; 0 above half of the rate at which the call is held.
        """
        wanted = np.asarray(frequencies_hz, dtype=np.float64) * stretch
        turns = wanted / self.wave_rate_hz
        steps = np.diff(turns)
        if len(turns) > 2 and steps[0] != 0 and np.allclose(steps, steps[0], rtol=1e-9, atol=0):
            from scipy.signal import czt

            total = czt(
                self.wave, len(turns), np.exp(-2j * np.pi * (turns[-1] - turns[0]) / (len(turns) - 1)),
                np.exp(2j * np.pi * turns[0]),
            )  # fmt: skip
        else:
            total = np.zeros(len(turns), dtype=np.complex128)
            places = np.arange(len(self.wave))
            width = max(1, _CHUNK // len(places))
            for start in range(0, len(turns), width):
                part = slice(start, start + width)
                total[part] = np.exp(-2j * np.pi * np.outer(turns[part], places)) @ self.wave
        spectrum: np.ndarray = np.where(np.abs(turns) <= 0.5, total * (stretch / self.wave_rate_hz), 0)
        return spectrum

    def samples(self, rate_hz: float, stretch: float = 1.0) -> np.ndarray:
        """The call at another rate, band-limited, float64 ``[floor(duration stretch rate) + 1]``.

        Args:
            rate_hz: samples a second.
            stretch: as for :meth:`spectrum`.
        """
        count = math.floor(self.duration_s * stretch * rate_hz * (1 + 1e-12)) + 1
        length = 2 * count + 64
        spectrum = self.spectrum(np.fft.rfftfreq(length, 1 / rate_hz), stretch)
        return np.fft.irfft(spectrum * rate_hz, length)[:count]

    def _of_peak(self) -> Call:
        return Call(self.wave / np.abs(self.wave).max(), self.wave_rate_hz, self.title)


def matched_filter(samples: np.ndarray, emitted: np.ndarray) -> np.ndarray:
    """Envelope of echoes after the filter that knows the call: what is heard of each time, whatever the call's length.

    Args:
        samples: echoes, ``[..., T]``.
        emitted: the call at the same rate, ``[n]``.

    Returns:
        ``[..., T]``: a copy of the call of amplitude a that begins at a sample gives a there.
    """
    count = samples.shape[-1]
    length = 2 ** math.ceil(math.log2(count + len(emitted)))
    spectrum = np.fft.fft(samples, length) * np.conj(np.fft.fft(emitted, length))
    # The analytic signal: positive frequencies, twice.
    spectrum[..., length // 2 + 1 :] = 0
    spectrum[..., 1 : length // 2] *= 2
    envelope: np.ndarray = np.abs(np.fft.ifft(spectrum))[..., :count] / np.square(emitted).sum()
    return envelope


def _check_frequencies(*frequencies: float) -> None:
    for frequency in frequencies:
        if not LOWEST_HZ <= frequency <= HIGHEST_HZ:
            raise UserError(
                f"call: {frequency:g} Hz is not a frequency from {LOWEST_HZ:g} to {HIGHEST_HZ:,.0f} Hz; 60 kHz is 60000"
            )


def _times(highest_hz: float, duration_s: float) -> tuple[float, np.ndarray]:
    """Rate and times of a call's samples from 0 to its duration, both among them."""
    if not 2 / highest_hz <= duration_s <= LONGEST_S:
        raise UserError(
            f"call: {duration_s:g} s is no duration from two periods ({2 / highest_hz:.2g} s) to {LONGEST_S:g} s; "
            "2 ms is 0.002"
        )
    if duration_s * highest_hz > _MOST_PERIODS:
        raise UserError(f"call: {duration_s * highest_hz:,.0f} periods; at most {_MOST_PERIODS:,} are accepted")
    count = math.ceil(_OVERSAMPLING * highest_hz * duration_s)
    return count / duration_s, np.linspace(0, duration_s, count + 1)


def _window(name: str, times: np.ndarray, duration_s: float) -> np.ndarray:
    if name not in WINDOWS:
        raise UserError(f"call: {name!r} is no window; accepted: {', '.join(WINDOWS)}")
    # Distance to the nearer end, in halves of the tapered share.
    near = np.minimum(times, duration_s - times) / (duration_s * WINDOWS[name] / 2)
    return np.sin(np.pi / 2 * np.clip(near, 0, 1)) ** 2
