"""Shared weights, and only a gain and a shift of every hidden unit from the image (Perez et al. 2018, FiLM)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from hypernet.superres.core.encoder import Encoder
from hypernet.superres.core.features import FourierFeatures
from hypernet.superres.core.functions import ImageFunction


class FilmImage(ImageFunction):
    """g with fixed weights: h ← ReLU((h W_l + b_l) ∘ (1 + s_l) + t_l), gains s_l and shifts t_l written from e.

    The state of an image is all its gains and shifts, ``[B, 2 sum of the widths]``. They start near zero.

    Args:
        embedding: d, entries of e.
        frequencies: K of the Fourier features.
        widths: of the hidden layers.
    """

    def __init__(self, embedding: int, frequencies: int, widths: Sequence[int]):
        super().__init__()
        self.features = FourierFeatures(frequencies)
        self.encoder = Encoder(embedding)
        self.widths = list(widths)
        self.layers = nn.ModuleList(nn.Linear(given, out) for given, out in pairwise([self.features.size, *widths, 1]))
        self.heads = nn.Linear(embedding, 2 * sum(widths))

    @property
    def multiply_adds(self) -> int:
        """See ``ImageFunction``."""
        weights = sum(layer.weight.numel() for layer in self.layers if isinstance(layer, nn.Linear))
        return weights + sum(self.widths)

    def encode(self, low: Tensor) -> Tensor:
        """See ``ImageFunction``: gains, then shifts."""
        return self.heads(self.encoder(low))

    def at(self, state: Tensor, points: Tensor) -> Tensor:
        """See ``ImageFunction``."""
        return self._modulated(self.layers[0](self.features(points)), state)

    def on_grid(self, state: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        """See ``ImageFunction``."""
        first = self.layers[0]
        assert isinstance(first, nn.Linear)
        of_rows = self.features.along(rows) @ first.weight[:, self.features.of_rows].mT + first.bias
        of_columns = self.features.along(columns) @ first.weight[:, self.features.of_columns].mT
        hidden = (of_rows[:, None] + of_columns).flatten(0, 1)
        return self._modulated(hidden, state).reshape(len(state), len(rows), len(columns))

    def _modulated(self, hidden: Tensor, state: Tensor) -> Tensor:
        """From what the first layer makes of the points, ``[P, width]`` or ``[B, P, width]``, to values ``[B, P]``."""
        gains, shifts = (part.split(self.widths, dim=1) for part in state.chunk(2, dim=1))
        for gain, shift, layer in zip(gains, shifts, self.layers[1:], strict=True):
            hidden = layer((hidden * (1 + gain[:, None]) + shift[:, None]).relu_())
        return hidden.squeeze(-1)


def film_parameters(embedding: int, inputs: int, widths: Sequence[int]) -> int:
    """Trained numbers of a :class:`FilmImage` beside its encoder."""
    dense = sum(given * out + out for given, out in pairwise([inputs, *widths, 1]))
    return dense + 2 * sum(widths) * (embedding + 1)
