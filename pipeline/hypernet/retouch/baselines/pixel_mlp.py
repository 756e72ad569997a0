"""The control: the same encoder, and a perceptron of fixed weights that reads its embedding at every pixel."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from hypernet.retouch.core.functions import Retouching

WIDEST = 1024


class PixelPerceptron(Retouching):
    """x + P(x, e): the colour of a pixel and the embedding of its image, through hidden layers of ReLU.

    The first layer's share of the embedding is one product for the whole image. It starts at the identity.

    Args:
        encoder: e, with its ``size``.
        widths: of the hidden layers.
    """

    def __init__(self, encoder: nn.Module, widths: list[int]):
        super().__init__()
        self.encoder = encoder
        assert isinstance(encoder.size, int)
        self.of_colour = nn.Linear(3, widths[0])
        self.of_embedding = nn.Linear(encoder.size, widths[0], bias=False)
        self.hidden = nn.ModuleList(nn.Linear(*sizes) for sizes in pairwise(widths))
        self.last = nn.Linear(widths[-1], 3)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, images: Tensor, thumbnails: Tensor) -> Tensor:
        """See ``Retouching``."""
        pixels = images.flatten(2).mT
        hidden = self.of_colour(pixels) + self.of_embedding(self.encoder(thumbnails))[:, None]
        for layer in self.hidden:
            hidden = layer(torch.relu(hidden))
        return (pixels + self.last(torch.relu(hidden))).mT.reshape(images.shape)


def matched_widths(embedding: int, layers: int, generated: int) -> list[int]:
    """Hidden widths, all equal, with which the control has as many parameters as the hypernetwork beside the encoder.

    Args:
        embedding: entries of e.
        layers: hidden layers.
        generated: numbers that the hypernetwork writes for an image.
    """
    wanted = (embedding + 1) * generated

    def parameters(width: int) -> int:
        return (3 + embedding + 1) * width + (layers - 1) * (width + 1) * width + 3 * (width + 1)

    nearest = min(range(1, WIDEST), key=lambda width: abs(parameters(width) - wanted))
    return [nearest] * layers
