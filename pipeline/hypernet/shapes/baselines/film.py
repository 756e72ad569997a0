"""Shared weights, and only the gain and the bias of every layer from the image (Perez et al. 2018, FiLM)."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hypernet.shapes.core.networks import Decoder


class FilmDecoder(Decoder):
    """g with one set of weights W_l for all images: h ← ELU((h W_l) ∘ (1 + s_l) + b_l), s_l and b_l written from e.

    Args:
        size: E, entries of e.
        width: of g's hidden layers.
        layers: dense layers of g.
    """

    def __init__(self, size: int, width: int, layers: int):
        super().__init__()
        widths = (3, *[width] * (layers - 1), 1)
        self.weights = nn.ParameterList(torch.empty(given, out) for given, out in pairwise(widths))
        self.outputs = widths[1:]
        self.heads = nn.Linear(size, 2 * sum(self.outputs))
        nn.init.normal_(self.heads.weight, std=0.02)
        nn.init.zeros_(self.heads.bias)
        for layer, weight in enumerate(self.weights):
            # As the generated network starts: see `hypernet.shapes.model`.
            nn.init.normal_(weight, std=1.0 if layer == 0 else (1.5 / weight.shape[0]) ** 0.5)

    @property
    def multiply_adds(self) -> int:
        """See ``Decoder``."""
        return sum(weight.numel() for weight in self.weights) + sum(self.outputs)

    def forward(self, embedding: Tensor, points: Tensor) -> Tensor:
        """See ``Decoder``."""
        written = self.heads(embedding).split(list(self.outputs) * 2, dim=1)
        gains, biases = written[: len(self.outputs)], written[len(self.outputs) :]
        hidden = points
        for layer, (weight, gain, bias) in enumerate(zip(self.weights, gains, biases, strict=True)):
            if layer > 0:
                hidden = F.elu(hidden)
            hidden = torch.addcmul(bias[:, None], hidden @ weight, 1 + gain[:, None])
        return hidden.squeeze(-1)
