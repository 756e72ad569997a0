"""What is heard and what is seen of an object, for a network that is given both."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from hypernet.shapes.core.encoder import CHANNELS, ImageEmbedding
from hypernet.sonar.core.encoders import EchoEmbedding
from hypernet.sonar.core.spectrograms import Spectrogram


class BothEmbedding(nn.Module):
    """What is heard and what is seen, side by side.

    Args:
        echo: of the echo.
        image: of the image.
        ears: C.
        samples: T.
    """

    def __init__(self, echo: EchoEmbedding, image: ImageEmbedding, ears: int, samples: int):
        super().__init__()
        self.echo, self.image, self.sound = echo, image, (ears, samples)
        self.size = echo.size + image.size

    @property
    def spectrogram(self) -> Spectrogram:
        """The constants of the training echoes."""
        return self.echo.spectrogram

    def forward(self, given: Tensor) -> Tensor:
        """Echoes and images of :func:`side_by_side`, float32 ``[B, C T + 4 S²]``, to ``[B, E]``."""
        echoes, pixels = given.split([self.sound[0] * self.sound[1], given.shape[1] - self.sound[0] * self.sound[1]], 1)
        side = round((pixels.shape[1] / CHANNELS) ** 0.5)
        images = pixels.unflatten(1, (side, side, CHANNELS))
        return torch.cat([self.echo(echoes.unflatten(1, self.sound)), self.image(images)], dim=1)


def side_by_side(echoes: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Echoes ``[B, C, T]`` and images uint8 RGBA ``[B, S, S, 4]`` as one row of numbers for each object, float32."""
    return np.concatenate([part.reshape(len(part), -1) for part in (echoes, images)], axis=1, dtype=np.float32)
