"""The hypernetwork: f looks at the small image and writes all weights of g, the network that is the image.

    θ_L = H e(L) + θ_0,    g(y, x; θ_L) = intensity

Littwin and Wolf, "Deep Meta Functionals for Shape Representation" (ICCV 2019), in two dimensions. The talk shows the
picture alone; sizes and training are this project's.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from hypernet.layers import FunctionalMLP, WeightHeads, generated_linear
from hypernet.superres.core.encoder import Encoder
from hypernet.superres.core.features import FourierFeatures
from hypernet.superres.core.functions import ImageFunction

HIDDEN_LAYERS = 2


class GeneratedImage(ImageFunction):
    """g, a perceptron of Fourier features with two hidden layers, whose weights are all written from the small image.

    The state of an image is θ, ``[B, N]``: it is all that is left of the image.

    Args:
        embedding: d, entries of e.
        frequencies: K of the Fourier features.
        width: h, of g's hidden layers.
        feature_mean_square: E[e²] that the heads reckon with at the start, see ``WeightHeads``. With 1 their standard
            deviation is half of sqrt(2 / d) sqrt(2 / in).
    """

    def __init__(self, embedding: int, frequencies: int, width: int, feature_mean_square: float):
        super().__init__()
        self.features = FourierFeatures(frequencies)
        widths = (self.features.size, *[width] * HIDDEN_LAYERS, 1)
        # Half of the features' mean square is that of sines: every layer starts at the 2 / in of He et al.
        self.network = FunctionalMLP(widths, nn.ReLU(), input_mean_square=0.5)
        self.encoder = Encoder(embedding)
        self.heads = WeightHeads(
            embedding, self.network, start="ordinary", feature_mean_square=feature_mean_square, generated_share=1.0
        )

    @property
    def multiply_adds(self) -> int:
        """See ``ImageFunction``."""
        return self.network.multiply_adds

    def encode(self, low: Tensor) -> Tensor:
        """See ``ImageFunction``: θ, ``[B, N]``."""
        return self.heads(self.encoder(low))

    def at(self, state: Tensor, points: Tensor) -> Tensor:
        """See ``ImageFunction``."""
        return self.network(self.features(points), state).squeeze(-1)

    def on_grid(self, state: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        """See ``ImageFunction``: the first layer is a sum of what the row and what the column gives."""
        tensors = self.network.layout.split(state)
        first, bias = tensors["0.weight"], tensors["0.bias"]
        of_rows = self.features.along(rows) @ first[:, self.features.of_rows] + bias[:, None]
        of_columns = self.features.along(columns) @ first[:, self.features.of_columns]
        hidden = (of_rows[:, :, None] + of_columns[:, None]).flatten(1, 2)
        for layer in range(1, HIDDEN_LAYERS + 1):
            hidden = generated_linear(hidden.relu_(), tensors[f"{layer}.weight"], tensors[f"{layer}.bias"])
        return hidden.reshape(len(state), len(rows), len(columns))


def head_parameters(embedding: int, inputs: int, width: int) -> int:
    """Trained numbers of a :class:`GeneratedImage` beside its encoder."""
    widths = (inputs, *[width] * HIDDEN_LAYERS, 1)
    return (embedding + 1) * sum(given * out + out for given, out in pairwise(widths))
