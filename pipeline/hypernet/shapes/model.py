"""The hypernetwork: f looks at the image and writes all weights of g, the network that is the object.

    θ_I = H e(I) + θ_0,    z(p) = g(p; θ_I),    P(p is inside) = sigmoid(z)

after G. Littwin and L. Wolf, "Deep Meta Functionals for Shape Representation" (ICCV 2019). Their g is negative inside
and gives the logits (g, -g) to a softmax of two, so z = -2 g.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from hypernet.layers import FunctionalMLP, WeightHeads
from hypernet.shapes.core.decoder import functional_decoder
from hypernet.shapes.core.networks import Decoder

HeadStart = Literal["ordinary", "fan", "official", "hyperfan"]
# Spread of the heads in the authors' code, and of the shared base of `fan`.
HEAD_STD = 0.02
BASE_GAIN = 1.5
# Mean square of the embedding's entries at the start, over seeds and images of the default data set: 0.03 to 0.4.
EMBEDDING_MEAN_SQUARE = 0.15


class GeneratedDecoder(Decoder):
    """g whose weights are all written from the embedding.

    Args:
        size: E, entries of e.
        width: of g's hidden layers.
        layers: dense layers of g.
        start: how the heads start. ``official``: all of N(0, 0.02²), so that g is nearly constant. ``fan``: the same
            heads around a base θ_0 that is a usable network, W_l from N(0, 1.5 / in), which all images share at first.
            ``hyperfan``: Chang, Flokas and Lipson (2020).
    """

    def __init__(self, size: int, width: int, layers: int, start: HeadStart):
        super().__init__()
        self.network = functional_decoder(width, layers)
        self.heads = WeightHeads(
            size,
            self.network,
            start="ordinary" if start == "ordinary" else "hyperfan",
            feature_mean_square=EMBEDDING_MEAN_SQUARE,
            generated_share=0.5 if start == "ordinary" else 1.0,
        )
        if start in ("fan", "official"):
            _start(self.heads, self.network, start)

    @property
    def multiply_adds(self) -> int:
        """See ``Decoder``."""
        return self.network.multiply_adds

    def theta(self, embedding: Tensor) -> Tensor:
        """θ of every image's network, ``[B, N]``."""
        return self.heads(embedding)

    def forward(self, embedding: Tensor, points: Tensor) -> Tensor:
        """See ``Decoder``."""
        return self.network(points, self.theta(embedding)).squeeze(-1)


@torch.no_grad()
def _start(heads: WeightHeads, network: FunctionalMLP, start: HeadStart) -> None:
    """Write the authors' start, or ``fan``, over that of the heads."""
    assert heads.bias is not None
    nn.init.normal_(heads.weight, std=HEAD_STD)
    nn.init.zeros_(heads.bias)
    if start == "official":
        return
    for part in network.parts:
        if part.role == "weight":
            # Coordinates are smaller than what an ELU puts out: the first layer starts larger.
            variance = 1.0 if part.shape[0] == 3 else BASE_GAIN / part.fan_in
            nn.init.normal_(heads.bias[part.span], std=variance**0.5)
