"""What is heard: waves, spectrograms, what differs between the ears, and range profiles.

Distances stand above times.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np

from hypernet.lab.results import figures
from hypernet.sonar.core.calls import Call, matched_filter

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEFT, RIGHT = figures.COLOURS[0], figures.COLOURS[4]
EAR_NAMES = ("left ear", "right ear")
LEVELS, DIFFERENCES, PHASES = "viridis", "PuOr_r", "twilight_shifted"
# Below the peak of a spectrogram, dB, nothing is told apart; differences are shown within this of it.
RANGE_DB, CLEAR_DB = 50.0, 35.0
# Length of a spectrogram's windows in seconds, and of the steps in shares of it.
WINDOW_S, STEP = 0.5e-3, 1 / 16
MOST_DIFFERENCE_DB = 20.0
_SMALLEST = 1e-30


@dataclass(frozen=True, eq=False)
class Sound:
    """What two ears heard of a call, and when.

    Attributes:
        samples: pressure in Pa at the left and the right ear, ``[2, T]``.
        rate_hz: samples a second.
        start_s: time of the first sample after the call began.
        speed_of_sound: metres a second.
        emitted: the call at the same rate, ``[n]``.
    """

    samples: np.ndarray
    rate_hz: float
    start_s: float
    speed_of_sound: float
    emitted: np.ndarray

    @property
    def milliseconds(self) -> np.ndarray:
        """Of the samples, after the call began."""
        return 1e3 * (self.start_s + np.arange(self.samples.shape[-1]) / self.rate_hz)

    @property
    def centimetres(self) -> np.ndarray:
        """Distance of a point whose echo begins at each sample."""
        return self.milliseconds * self.speed_of_sound / 20


def draw_echo(
    sound: Sound,
    title: str,
    depths_m: np.ndarray | None = None,
    areas: np.ndarray | None = None,
    names: Sequence[str] = EAR_NAMES,
) -> Figure:
    """Waves, spectrogram, differences between the ears, and range profile of an echo.

    Args:
        sound: at two ears, or at a single microphone, where nothing differs.
        title: of the picture.
        depths_m: distance of every visible part of the surface from the mouth, ``[n]``.
        areas: of these parts, ``[n]``.
        names: of the ears.
    """
    pair = len(sound.samples) > 1
    rows = 5 if pair else 3
    figure, grid = plt.subplots(rows, 1, figsize=(8.4, 2.3 * rows + 0.9), sharex=True)
    waves, spectrogram, *differences, profile = grid
    draw_waves(waves, sound, names)
    waves.set_title("\n".join(textwrap.wrap(title, 90)))
    _bar(figure, spectrogram, draw_spectrogram(spectrogram, sound, 0), f"dB re peak, {names[0]}")
    if pair:
        level, phase = differences
        short = " - ".join(name.removesuffix(" ear") for name in names)
        _bar(figure, level, draw_level_difference(level, sound), f"{short} (dB)")
        _bar(figure, phase, draw_phase_difference(phase, sound), f"{short} (degrees)")
    draw_profile(profile, sound, depths_m, areas, names)
    for axes in grid[:-1]:
        axes.set_xlabel("")
    low, high = Call.recorded(sound.emitted, sound.rate_hz).band_hz
    for axes in (spectrogram, *differences):
        axes.set_ylim(max(0, 0.5e-3 * low), min(0.5e-3 * sound.rate_hz, 1.2e-3 * high))
    distance_axis(waves, sound.speed_of_sound)
    waves.set_xlim(*sound.milliseconds[[0, -1]])
    return figure


def draw_waves(axes: Axes, sound: Sound, names: Sequence[str] = EAR_NAMES) -> None:
    """Waves of the ears one above the other, at one scale."""
    unit, scale = pressure_unit(float(np.abs(sound.samples).max()))
    apart = 2.2 * float(np.abs(sound.samples).max()) * scale or 1.0
    for place, (wave, name, colour) in enumerate(zip(sound.samples, names, (LEFT, RIGHT), strict=False)):
        axes.plot(sound.milliseconds, wave * scale - place * apart, color=colour, lw=0.8, label=name)
        # Where the echo has gone.
        above = -place * apart + 0.25 * apart
        axes.text(0.995, above, name, color=colour, transform=axes.get_yaxis_transform(), ha="right")
    axes.set_ylabel(f"pressure ({unit})")
    axes.set_xlabel("time after the call began (ms)")
    # The lower wave is drawn below 0: each has numbers of its own.
    step = round_below(apart / 2.5)
    places = range(min(len(sound.samples), len(names)))
    ticks = [(sign * step - place * apart, f"{sign * step:g}") for place in places for sign in (-1, 0, 1)]
    axes.set_yticks([tick for tick, _ in ticks], [label for _, label in ticks])


def draw_spectrogram(axes: Axes, sound: Sound, ear: int, window_s: float = WINDOW_S) -> Any:
    """Spectrogram of an ear, dB below its peak; returns what a colour bar is made of."""
    times, frequencies, spectra = spectrogram_of(sound, window_s)
    level = 20 * np.log10(np.abs(spectra[ear]) + _SMALLEST)
    peak = level.max()
    axes.set_ylabel("frequency (kHz)")
    axes.set_xlabel("time after the call began (ms)")
    axes.grid(visible=False)
    return axes.pcolormesh(
        times, frequencies, np.maximum(level - peak, -RANGE_DB), cmap=LEVELS, vmin=-RANGE_DB, vmax=0, rasterized=True
    )


def draw_level_difference(axes: Axes, sound: Sound, window_s: float = WINDOW_S) -> Any:
    """Level at the left ear over that at the right, dB, where either is loud; returns what a colour bar is made of."""
    times, frequencies, spectra = spectrogram_of(sound, window_s)
    size = np.abs(spectra) + _SMALLEST
    difference = 20 * np.log10(size[0] / size[1])
    return _difference(axes, times, frequencies, _where_loud(difference, size), DIFFERENCES, MOST_DIFFERENCE_DB)


def draw_phase_difference(axes: Axes, sound: Sound, window_s: float = WINDOW_S) -> Any:
    """Phase at the left ear less that at the right, degrees; returns what a colour bar is made of."""
    times, frequencies, spectra = spectrogram_of(sound, window_s)
    difference = np.degrees(np.angle(spectra[0] * np.conj(spectra[1])))
    return _difference(axes, times, frequencies, _where_loud(difference, np.abs(spectra)), PHASES, 180.0)


def draw_profile(
    axes: Axes,
    sound: Sound,
    depths_m: np.ndarray | None = None,
    areas: np.ndarray | None = None,
    names: Sequence[str] = EAR_NAMES,
) -> None:
    """Envelope after the matched filter, over the true distances of the surface where they are given."""
    envelopes = matched_filter(sound.samples, sound.emitted)
    unit, scale = pressure_unit(float(envelopes.max()))
    if depths_m is not None and len(depths_m):
        behind = axes.twinx()
        # Between two rows of pixels: wide enough to be seen, narrow enough to be compared.
        milliseconds = 2e3 * np.asarray(depths_m) / sound.speed_of_sound
        edges = np.arange(sound.milliseconds[0], sound.milliseconds[-1], 2e3 * 0.004 / sound.speed_of_sound)
        surface = np.ones(len(depths_m)) if areas is None else np.asarray(areas) * 1e4
        behind.hist(milliseconds, list(edges), weights=surface, color="0.8", label="surface in sight")
        behind.set_ylabel("surface in 4 mm of depth (cm²)" if areas is not None else "samples in 4 mm of depth")
        behind.grid(visible=False)
        behind.spines["right"].set_visible(True)
        axes.set_zorder(behind.get_zorder() + 1)
        axes.patch.set_visible(False)
        axes.plot([], [], color="0.8", lw=6, label="surface in sight")
    for envelope, name, colour in zip(envelopes, names, (LEFT, RIGHT), strict=False):
        axes.plot(sound.milliseconds, envelope * scale, color=colour, lw=1.1, label=name)
    axes.set_ylim(bottom=0)
    axes.set_ylabel(f"matched filter ({unit})")
    axes.set_xlabel("time after the call began (ms)")
    axes.legend(loc="upper right")


def draw_call(axes: Axes, call: Call, rate_hz: float | None = None) -> Any:
    """Spectrogram of a call, dB below its peak; returns what a colour bar is made of."""
    rate = rate_hz or max(2.5 * call.band_hz[1], 2.0e5)
    samples = call.samples(rate)
    edge = round(rate * WINDOW_S)
    padded = np.pad(samples, edge)
    sound = Sound(padded[None], rate, -edge / rate, 1.0, samples)
    image = draw_spectrogram(axes, sound, 0)
    axes.set_xlim(0, 1e3 * call.duration_s)
    axes.set_title("\n".join(textwrap.wrap(call.title, 48)))
    axes.set_xlabel("time (ms)")
    return image


def spectrogram_of(sound: Sound, window_s: float = WINDOW_S) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times in ms after the call began, frequencies in kHz, and complex spectra ``[ear, F, frames]``."""
    from scipy.signal import ShortTimeFFT
    from scipy.signal.windows import hann

    width = max(16, round(window_s * sound.rate_hz))
    hop = max(1, round(width * STEP))
    transform = ShortTimeFFT(hann(width, sym=False), hop, sound.rate_hz, mfft=max(256, 2 * width))
    spectra = transform.stft(sound.samples)
    times = 1e3 * (sound.start_s + transform.t(sound.samples.shape[-1]))
    return times, transform.f / 1e3, spectra


def distance_axis(axes: Axes, speed_of_sound: float) -> None:
    """A second axis above: half of the way of sound in centimetres."""
    per_ms = speed_of_sound / 20

    def to_distance(time: Any) -> Any:
        return time * per_ms

    def to_time(distance: Any) -> Any:
        return distance / per_ms

    above = axes.secondary_xaxis("top", functions=(to_distance, to_time))
    above.set_xlabel("distance of what is heard (cm)")


def pressure_unit(peak: float) -> tuple[str, float]:
    """A unit in which a pressure in Pa is a number from 1 to 1000 or so, and what to multiply by."""
    for unit, scale in (("Pa", 1.0), ("mPa", 1e3), ("µPa", 1e6)):
        if peak * scale >= 1:
            return unit, scale
    return ("µPa", 1e6) if peak > 0 else ("Pa", 1.0)


def round_below(value: float) -> float:
    """The largest of 1, 2 and 5 times a power of ten that is not above a positive value."""
    power = 10.0 ** np.floor(np.log10(value))
    return float(max(factor for factor in (1, 2, 5) if factor * power <= value * (1 + 1e-9)) * power)


def _where_loud(values: np.ndarray, size: np.ndarray) -> np.ndarray:
    loudest = size.max(axis=0)
    return np.ma.masked_where(loudest < loudest.max() * 10 ** (-CLEAR_DB / 20), values)


def _difference(
    axes: Axes, times: np.ndarray, frequencies: np.ndarray, values: np.ndarray, colours: str, most: float
) -> Any:
    axes.set_ylabel("frequency (kHz)")
    axes.set_xlabel("time after the call began (ms)")
    axes.grid(visible=False)
    axes.set_facecolor("0.93")
    return axes.pcolormesh(times, frequencies, values, cmap=colours, vmin=-most, vmax=most, rasterized=True)


def _bar(figure: Figure, axes: Axes, image: Any, label: str) -> None:
    figure.colorbar(image, ax=axes, label=label, pad=0.01, fraction=0.05)
