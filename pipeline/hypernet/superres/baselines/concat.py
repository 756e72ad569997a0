"""No hypernetwork: one network for all images that reads the point and the embedding together."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from hypernet.superres.core.encoder import Encoder
from hypernet.superres.core.features import FourierFeatures
from hypernet.superres.core.functions import ImageFunction


class ConcatImage(ImageFunction):
    """g([γ(y, x), e]) with fixed weights, ReLU between its layers; the state of an image is e, ``[B, d]``.

    The first layer is W_γ γ + W_e e: e is multiplied once per image and not once per point, and γ once per row and
    once per column of a grid.

    Args:
        embedding: d, entries of e.
        frequencies: K of the Fourier features.
        widths: of the hidden layers.
    """

    def __init__(self, embedding: int, frequencies: int, widths: Sequence[int]):
        super().__init__()
        self.features = FourierFeatures(frequencies)
        self.encoder = Encoder(embedding)
        self.of_point = nn.Linear(self.features.size, widths[0], bias=False)
        self.of_embedding = nn.Linear(embedding, widths[0])
        self.further = nn.ModuleList(nn.Linear(given, out) for given, out in pairwise([*widths, 1]))
        # Together they are one layer, and start as one of all its inputs.
        bound = (self.features.size + embedding) ** -0.5
        for tensor in (self.of_point.weight, self.of_embedding.weight, self.of_embedding.bias):
            nn.init.uniform_(tensor, -bound, bound)

    @property
    def multiply_adds(self) -> int:
        """See ``ImageFunction``."""
        linears = [self.of_point, *(module for module in self.further if isinstance(module, nn.Linear))]
        return sum(linear.weight.numel() for linear in linears)

    def encode(self, low: Tensor) -> Tensor:
        """See ``ImageFunction``: e, ``[B, d]``."""
        return self.encoder(low)

    def at(self, state: Tensor, points: Tensor) -> Tensor:
        """See ``ImageFunction``."""
        return self._further(self.of_embedding(state)[:, None] + self.of_point(self.features(points)))

    def on_grid(self, state: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        """See ``ImageFunction``."""
        weight = self.of_point.weight
        of_rows = self.of_embedding(state)[:, None] + self.features.along(rows) @ weight[:, self.features.of_rows].mT
        of_columns = self.features.along(columns) @ weight[:, self.features.of_columns].mT
        return self._further(of_rows[:, :, None] + of_columns)

    def _further(self, hidden: Tensor) -> Tensor:
        for linear in self.further:
            hidden = linear(hidden.relu())
        return hidden.squeeze(-1)


def concat_parameters(embedding: int, inputs: int, widths: Sequence[int]) -> int:
    """Trained numbers of a :class:`ConcatImage` beside its encoder."""
    return sum(given * out + out for given, out in pairwise([embedding + inputs, *widths, 1]))
