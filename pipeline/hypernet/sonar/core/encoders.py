"""What listens: echoes to one embedding each, which a decoder of `hypernet.shapes` reads.

Nothing public says what BatMan's encoder was; :class:`BatEmbedding` is this project's: a residual network that averages
over frequency alone and keeps the axis of time, which is distance.
"""

from __future__ import annotations

from torch import Tensor, nn

from hypernet.shapes.core.encoder import LEAK
from hypernet.sonar.core.residual import SpectrogramEncoder
from hypernet.sonar.core.spectrograms import Channels, Spectrogram


class EchoEmbedding(nn.Module):
    """Echoes to embeddings: an encoder's features brought to mean 0 and spread 1, then FC, leaky ReLU (0.2), FC.

    Without the layer normalisation loud echoes write networks that are far from any that can be trained.

    Args:
        spectrogram: the constants of the training echoes.
        features: how many the encoder has.
        hidden: width of the first fully connected layer.
        size: E, entries of the embedding.
    """

    def __init__(self, spectrogram: Spectrogram, features: int, hidden: int, size: int):
        super().__init__()
        self.spectrogram, self.size = spectrogram, size
        self.trunk = nn.Sequential(
            nn.LayerNorm(features), nn.Linear(features, hidden), nn.LeakyReLU(LEAK), nn.Linear(hidden, size)
        )

    def features(self, echoes: Tensor) -> Tensor:
        """``[B, features]`` of echoes ``[B, C, T]``."""
        raise NotImplementedError

    def forward(self, echoes: Tensor) -> Tensor:
        """Echoes in Pa, float32 ``[B, C, T]``, to ``[B, E]``."""
        return self.trunk(self.features(echoes))


class BatEmbedding(EchoEmbedding):
    """The same network, averaged over frequency only: the range profile goes into the embedding.

    Args:
        channels: what it is given.
        encoder: the residual network.
        samples: T, samples of an echo.
        hidden: width of the first fully connected layer.
        size: E, entries of the embedding.
    """

    def __init__(self, channels: Channels, encoder: SpectrogramEncoder, samples: int, hidden: int, size: int):
        spectrogram = channels.spectrogram
        frames = encoder.extent(spectrogram.frames(samples))
        super().__init__(spectrogram, encoder.feature_count * frames, hidden, size)
        self.channels, self.encoder = channels, encoder

    def features(self, echoes: Tensor) -> Tensor:
        """See ``EchoEmbedding``."""
        return self.encoder(self.channels(echoes)).mean(dim=2).flatten(1)
