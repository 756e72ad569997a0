"""From paths to sound: the sum over all cells without a matrix of cells times frequencies.

    P(f) = S(f) Σ_i w_i(f) e^{-j2πf (τ_i - start)}

Weights change slowly with frequency: they are taken at a few frequencies, and between these Lagrange's polynomials
φ_b(f) interpolate, w_i(f) = Σ_b φ_b(f) w_i(f_b). For each f_b all weights are deposited in an impulse response at a
higher rate, each as a cubic B-spline around its delay; a Fourier transform follows, divided by that of the B-spline,
sinc⁴. The deposit is smooth in the delays, so that gradients pass through it. Delays are in double precision: at 10 ms
and a rate of some MHz single precision has no fraction of a sample left.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from hypernet.sonar.core.air import Air
from hypernet.sonar.core.calls import Call
from hypernet.sonar.core.scattering import Paths, Receivers

# Rate of the impulse response over that of the echo.
OVERSAMPLING = 2
# Samples after the window into which what surrounds an echo may ring; they are cut off.
TAIL = 128


@dataclass(frozen=True)
class Window:
    """The times of an echo's samples.

    Attributes:
        rate_hz: samples a second.
        samples: how many.
        start_s: time of the first after the call began.
    """

    rate_hz: float
    samples: int
    start_s: float

    @property
    def length(self) -> int:
        """Of the transform: the samples and a tail, a length that is quick."""
        return _quick(self.samples + TAIL)

    @property
    def frequencies(self) -> np.ndarray:
        """Of the transform, up to half the rate, ``[F]``."""
        return np.fft.rfftfreq(self.length, 1 / self.rate_hz)


@dataclass(frozen=True, eq=False)
class Bands:
    """Frequencies between which weights are interpolated; outside of them those of the ends hold.

    Attributes:
        low_hz: where the call's spectrum begins.
        high_hz: where it ends.
        count: how many frequencies.
    """

    low_hz: float
    high_hz: float
    count: int

    @staticmethod
    def over(low_hz: float, high_hz: float) -> Bands:
        """As many as the weights of cells of half a wavelength need; the more, the wider the band."""
        if high_hz - low_hz <= 1e-9 * high_hz:
            return Bands(low_hz, high_hz, 1)
        # Beams against frequency are curved over more than an octave and a half: three more nodes for two octaves.
        wide = max(0, math.ceil(9 * (math.log(high_hz / low_hz) - 1.1)))
        return Bands(low_hz, high_hz, 2 + math.ceil(4 * (1 - low_hz / high_hz)) + wide)

    @property
    def centres(self) -> np.ndarray:
        """The frequencies, rising, ``[B]``: Chebyshev nodes, which lie closer near both ends."""
        angles = np.pi * (np.arange(self.count)[::-1] + 0.5) / self.count
        nodes: np.ndarray = (self.low_hz + self.high_hz) / 2 + (self.high_hz - self.low_hz) / 2 * np.cos(angles)
        return nodes

    def shares(self, frequencies_hz: np.ndarray) -> np.ndarray:
        """Of each of the frequencies in others, ``[F, B]``: Lagrange's polynomials; rows sum to 1."""
        centres, inside = self.centres, np.clip(frequencies_hz, self.low_hz, self.high_hz)
        shares = np.ones((len(inside), self.count))
        for number, centre in enumerate(centres):
            for other in np.delete(centres, number):
                shares[:, number] *= (inside - other) / (centre - other)
        return shares


class Impulses:
    """Impulse responses of K microphones at a few frequencies, to which paths are added.

    Args:
        receivers: the microphones.
        bands: the frequencies.
        air: its speed of sound and, where ``absorption``, its losses.
        absorption: whether air absorbs sound.
        rate_hz: of the impulse responses.
        length: their samples.
        start_s: delay of the first one.
    """

    def __init__(
        self,
        receivers: Receivers,
        bands: Bands,
        air: Air,
        absorption: bool,
        rate_hz: float,
        length: int,
        start_s: float,
    ) -> None:
        self.receivers, self.bands, self.air = receivers, bands, air
        self.rate_hz, self.length, self.start_s = rate_hz, length, start_s
        self.losses = air.absorption(bands.centres) if absorption else np.zeros(len(bands.centres))
        self._coherent: Tensor | None = None
        self._diffuse: Tensor | None = None

    def add(self, paths: Paths) -> None:
        """Deposit the paths; their delays lie in the window."""
        speed = self.air.speed_of_sound
        coherent, diffuse = zip(
            *(
                paths.weights(self.receivers, float(centre), speed, float(loss))
                for centre, loss in zip(self.bands.centres, self.losses, strict=True)
            ),
            strict=True,
        )
        places = (paths.lengths / speed - self.start_s) * self.rate_hz
        first = places.detach().floor()
        index, taps = first.long(), _spline(places - first)
        offsets = torch.arange(len(index))[:, None] * self.length
        indices = [(offsets + (index + shift) % self.length).reshape(-1) for shift in (-1, 0, 1, 2)]
        if coherent[0] is not None:
            self._coherent = self._deposit(self._coherent, indices, taps, torch.stack(coherent, dim=-1))
        if diffuse[0] is not None:
            self._diffuse = self._deposit(self._diffuse, indices, taps, torch.stack(diffuse, dim=-1))

    def _deposit(
        self, buffer: Tensor | None, indices: list[Tensor], taps: tuple[Tensor, ...], weights: Tensor
    ) -> Tensor:
        if buffer is None:
            buffer = torch.zeros(len(weights) * self.length, weights.shape[-1], dtype=torch.float64)
        for index, tap in zip(indices, taps, strict=True):
            source = (tap[..., None] * weights).reshape(-1, weights.shape[-1])
            buffer = buffer.index_add(0, index, source) if source.requires_grad else buffer.index_add_(0, index, source)
        return buffer

    def spectra(self, count: int) -> Tensor:
        """Transfer functions at the first ``count`` multiples of rate / length, complex128 ``[K, count]``."""
        frequencies = np.arange(count) * (self.rate_hz / self.length)
        return self._sum(frequencies, lambda buffer: torch.fft.rfft(buffer, dim=1)[:, :count])

    def transfer(self, frequencies_hz: np.ndarray) -> Tensor:
        """Transfer functions at any frequencies, complex128 ``[K, F]``."""
        turns = torch.as_tensor(np.outer(frequencies_hz / self.rate_hz, np.arange(self.length)))
        kernel = torch.polar(torch.ones_like(turns), -2 * math.pi * turns)
        return self._sum(frequencies_hz, lambda buffer: kernel @ buffer.to(torch.complex128))

    def _sum(self, frequencies_hz: np.ndarray, transform: Callable[[Tensor], Tensor]) -> Tensor:
        spread = np.sinc(frequencies_hz / self.rate_hz) ** 4
        shares = torch.as_tensor(self.bands.shares(frequencies_hz) / spread[:, None])
        total = torch.zeros(len(self.receivers.places), len(frequencies_hz), dtype=torch.complex128)
        for buffer, coherent in ((self._coherent, True), (self._diffuse, False)):
            if buffer is None:
                continue
            part = (transform(buffer.reshape(len(total), self.length, -1)) * shares).sum(dim=-1)
            total = total + (part * _differentiator(frequencies_hz, self.air) if coherent else part)
        return total


def impulses_of(receivers: Receivers, bands: Bands, air: Air, absorption: bool, window: Window) -> Impulses:
    """Empty impulse responses for echoes in a window."""
    length = OVERSAMPLING * window.length
    return Impulses(receivers, bands, air, absorption, OVERSAMPLING * window.rate_hz, length, window.start_s)


def exact_transfer(
    paths: Paths, receivers: Receivers, air: Air, absorption: bool, frequencies_hz: np.ndarray, start_s: float
) -> Tensor:
    """The sum itself, all cells times all frequencies: what the impulse responses are measured against.

    Returns:
        Transfer functions, complex128 ``[K, F]``; their time begins at ``start_s``.
    """
    speed = air.speed_of_sound
    losses = air.absorption(frequencies_hz) if absorption else np.zeros(len(frequencies_hz))
    delays, columns = paths.lengths / speed - start_s, []
    for frequency, loss in zip(frequencies_hz, losses, strict=True):
        coherent, diffuse = paths.weights(receivers, float(frequency), speed, float(loss))
        weight = torch.zeros_like(delays, dtype=torch.complex128)
        if coherent is not None:
            weight = weight + coherent * (1j * float(frequency) / speed)
        if diffuse is not None:
            weight = weight + diffuse
        phase = torch.polar(torch.ones_like(delays), -2 * math.pi * float(frequency) * delays)
        columns.append((weight * phase).sum(dim=-1))
    return torch.stack(columns, dim=-1)


def emitted(spectra: Tensor, call: Call, stretches: np.ndarray, window: Window) -> Tensor:
    """Echoes of a call: transfer functions ``[K, F]`` at the window's frequencies to samples in Pa, ``[K, T]``.

    Args:
        spectra: transfer functions from the call to the microphones.
        call: what was emitted.
        stretches: how much longer the call is for each microphone (Doppler), ``[K]``.
        window: of the echo.
    """
    sent = torch.stack([
        torch.as_tensor(_call_spectrum(call, window.length, window.rate_hz, float(stretch))) for stretch in stretches
    ])  # fmt: skip
    return torch.fft.irfft(spectra * sent, window.length)[:, : window.samples] * window.rate_hz


@lru_cache(maxsize=16)
def _call_spectrum(call: Call, length: int, rate_hz: float, stretch: float) -> np.ndarray:
    return call.spectrum(np.fft.rfftfreq(length, 1 / rate_hz), stretch)


def _differentiator(frequencies_hz: np.ndarray, air: Air) -> Tensor:
    return torch.as_tensor(1j * frequencies_hz / air.speed_of_sound)


def _spline(share: Tensor) -> tuple[Tensor, ...]:
    """Values of the cubic B-spline at the four samples around a place, ``share`` after the second of them."""
    rest = 1 - share
    square, cube, rest_cube = share * share, share**3, rest**3
    return rest_cube / 6, (3 * cube - 6 * square + 4) / 6, (-3 * cube + 3 * square + 3 * share + 1) / 6, cube / 6


def _quick(count: int) -> int:
    """The next even length whose transform is quick."""
    from scipy.fft import next_fast_len

    return 2 * int(next_fast_len((count + 1) // 2, real=True))
