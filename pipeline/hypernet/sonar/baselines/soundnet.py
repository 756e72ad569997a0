"""The published row with SoundNet's encoder: convolutions of the wave itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor, nn

from hypernet.sonar.core.encoders import EchoEmbedding
from hypernet.sonar.core.spectrograms import Spectrogram


class WaveLayer(NamedTuple):
    """A convolution along time, then a maximum over ``pool`` samples."""

    channels: int
    kernel: int
    stride: int
    pool: int


class WaveEmbedding(EchoEmbedding):
    """SoundNet's encoder (Aytar, Vondrick and Torralba 2016) on the wave: convolutions with batch normalisation.

    Theirs has eight layers for seconds of sound at 22 kHz; echoes of a thousand samples end after five.

    Args:
        spectrogram: for the spread of the training echoes alone.
        ears: C.
        layers: the convolutions.
        hidden: width of the first fully connected layer.
        size: E, entries of the embedding.
    """

    def __init__(self, spectrogram: Spectrogram, ears: int, layers: Sequence[WaveLayer], hidden: int, size: int):
        super().__init__(spectrogram, layers[-1].channels, hidden, size)
        stages: list[nn.Module] = []
        given = ears
        for layer in layers:
            stages += [
                nn.Conv1d(given, layer.channels, layer.kernel, layer.stride, padding=layer.kernel // 2, bias=False),
                nn.BatchNorm1d(layer.channels),
                nn.ReLU(),
            ]
            if layer.pool > 1:
                stages.append(nn.MaxPool1d(layer.pool))
            given = layer.channels
        self.layers = nn.Sequential(*stages)

    def features(self, echoes: Tensor) -> Tensor:
        """See ``EchoEmbedding``."""
        return self.layers(echoes / self.spectrogram.scale).mean(dim=2)
