"""No hypernetwork: one network for all images that reads the point and the embedding together."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

from hypernet.shapes.core.networks import Decoder


class ConcatDecoder(Decoder):
    """g([p, e]) with fixed weights, ELU between its layers.

    The first layer is W_p p + W_e e: e is multiplied once per image and not once per point.

    Args:
        size: E, entries of e.
        width: of g's hidden layers.
        layers: dense layers of g.
    """

    def __init__(self, size: int, width: int, layers: int):
        super().__init__()
        self.of_point = nn.Linear(3, width)
        self.of_embedding = nn.Linear(size, width, bias=False)
        self.further = nn.ModuleList(nn.Linear(given, out) for given, out in pairwise([*[width] * (layers - 1), 1]))
        for linear in (self.of_point, *self.further):
            # As the generated network starts: see `hypernet.shapes.model`.
            nn.init.normal_(linear.weight, std=1.0 if linear.in_features == 3 else (1.5 / linear.in_features) ** 0.5)
            nn.init.zeros_(linear.bias)

    @property
    def multiply_adds(self) -> int:
        """See ``Decoder``."""
        linears = [self.of_point, *(module for module in self.further if isinstance(module, nn.Linear))]
        return sum(linear.weight.numel() for linear in linears)

    def forward(self, embedding: Tensor, points: Tensor) -> Tensor:
        """See ``Decoder``."""
        hidden = self.of_point(points) + self.of_embedding(embedding)[:, None]
        for linear in self.further:
            hidden = linear(F.elu(hidden))
        return hidden.squeeze(-1)
