"""The published rows with a residual encoder: spectrograms as pictures, averaged over time and frequency."""

from __future__ import annotations

from torch import Tensor

from hypernet.sonar.core.encoders import EchoEmbedding
from hypernet.sonar.core.residual import SpectrogramEncoder
from hypernet.sonar.core.spectrograms import Channels


class ResidualEmbedding(EchoEmbedding):
    """Spectrograms as a picture: the residual network of `hypernet.shapes`, averaged over time and frequency."""

    def __init__(self, channels: Channels, encoder: SpectrogramEncoder, hidden: int, size: int):
        super().__init__(channels.spectrogram, encoder.feature_count, hidden, size)
        self.channels, self.encoder = channels, encoder

    def features(self, echoes: Tensor) -> Tensor:
        """See ``EchoEmbedding``."""
        return self.encoder(self.channels(echoes)).mean(dim=(2, 3))
