"""What a network is given of an echo: its wave, or spectrograms of it.

With Z the short-time Fourier transform of an ear's echo over the spread of all training echoes, at frequency f and time
t (which is distance):

- ``magnitude``: log(|Z| + 10⁻³), brought to mean 0 and spread 1 over the training echoes;
- ``phase``: cos and sin of Z's phase (the phase itself jumps by a turn);
- ``complex``: real and imaginary part of Z / |Z| · log(1 + 20 |Z|);
- ``binaural``: log |Z_L| - log |Z_R|, and cos and sin of the phase between the ears.

All constants come from the training echoes and are stored with the model.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

FLOOR = 1e-3
COMPRESSION = 20.0


class Spectrogram(nn.Module):
    """Short-time Fourier transforms with Hann windows, and the constants of the training echoes.

    Args:
        window: samples of a window.
        hop: samples from one window to the next.
        band: the first and one past the last frequency bin that is kept.
    """

    scale: Tensor
    mean: Tensor
    spread: Tensor

    def __init__(self, window: int, hop: int, band: tuple[int, int]):
        super().__init__()
        self.size, self.hop, self.band = window, hop, band
        self.register_buffer("scale", torch.ones(()))
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("spread", torch.ones(()))

    @torch.no_grad()
    def fit(self, echoes: Tensor) -> None:
        """Take the constants of training echoes ``[n, C, T]``."""
        self.scale.copy_(echoes.std())
        magnitude = torch.log(self(echoes).abs() + FLOOR)
        self.mean.copy_(magnitude.mean())
        self.spread.copy_(magnitude.std())

    def frames(self, samples: int) -> int:
        """Windows of an echo of so many samples."""
        return 1 + samples // self.hop

    @property
    def bins(self) -> int:
        """Frequencies that are kept."""
        return self.band[1] - self.band[0]

    def forward(self, echoes: Tensor) -> Tensor:
        """Echoes in Pa ``[B, C, T]`` to Z, complex ``[B, C, F, frames]``."""
        spectrum = torch.stft(
            (echoes / self.scale).flatten(0, 1),
            self.size,
            self.hop,
            window=torch.hann_window(self.size, device=echoes.device),
            pad_mode="constant",
            return_complex=True,
        )
        kept = spectrum[:, self.band[0] : self.band[1]] / self.size**0.5
        return kept.unflatten(0, echoes.shape[:2])

    def magnitude(self, spectrum: Tensor) -> Tensor:
        """``[B, C, F, frames]`` of complex ``[B, C, F, frames]``."""
        return (torch.log(spectrum.abs() + FLOOR) - self.mean) / self.spread


def band_bins(window: int, rate_hz: float, low_hz: float, high_hz: float) -> tuple[int, int]:
    """The first and one past the last bin of a band of frequencies."""
    return round(window * low_hz / rate_hz), 1 + round(window * high_hz / rate_hz)


class Channels(nn.Module):
    """Spectrograms of several ears as the channels of a picture.

    Args:
        spectrogram: its transform.
        ears: C; the first two are the ears of one head, and so on.
        phase: whether the phase is among the channels.
        binaural: whether the compressed spectrum and what is between the ears of a head are.
    """

    def __init__(self, spectrogram: Spectrogram, ears: int, phase: bool = False, binaural: bool = False):
        super().__init__()
        self.spectrogram, self.ears, self.phase, self.binaural = spectrogram, ears, phase, binaural
        self.pairs = ears // 2 if binaural else 0
        self.count = ears * (1 + 2 * phase + 2 * binaural) + 3 * self.pairs

    def forward(self, echoes: Tensor) -> Tensor:
        """Echoes in Pa ``[B, C, T]`` to ``[B, count, F, frames]``."""
        spectrum = self.spectrogram(echoes)
        channels = [self.spectrogram.magnitude(spectrum)]
        size = spectrum.abs().clamp_min(1e-12)
        if self.phase:
            channels += [spectrum.real / size, spectrum.imag / size]
        if self.binaural:
            compressed = spectrum * (torch.log1p(COMPRESSION * size) / size)
            left, right = spectrum[:, 0 : 2 * self.pairs : 2], spectrum[:, 1 : 2 * self.pairs : 2]
            between = left * right.conj()
            turn = between / between.abs().clamp_min(1e-12)
            level = torch.log(left.abs() + FLOOR) - torch.log(right.abs() + FLOOR)
            channels += [compressed.real, compressed.imag, level, turn.real, turn.imag]
        return torch.cat(channels, dim=1)
