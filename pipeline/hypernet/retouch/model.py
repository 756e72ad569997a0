"""The hypernetwork: f looks at a thumbnail and writes the colour map g of the whole photograph.

    M = H e(x) + I,    g(R, G, B; M) = M φ(R, G, B)

After Y. Chai, R. Giryes and L. Wolf, "Supervised and Unsupervised Learning of Parameterized Color Enhancement" (WACV
2020). The talk gives φ and its order; f, losses and training are this project's, since no code was published.
"""

from __future__ import annotations

from torch import Tensor, nn

from hypernet.layers import WeightHeads
from hypernet.retouch.core.functions import GlobalMap


class GeneratedMap(GlobalMap):
    """M of each image from its thumbnail; starts at the identity.

    Args:
        encoder: e, with its ``size``.
        basis: ``affine`` (3x4), ``quadratic`` (3x10: the talk's) or ``cubic`` (3x20).
    """

    def __init__(self, encoder: nn.Module, basis: str = "quadratic"):
        super().__init__(basis)
        self.encoder = encoder
        assert isinstance(encoder.size, int)
        self.heads = WeightHeads(encoder.size, self.map, start="zero")

    def matrix(self, thumbnails: Tensor) -> Tensor:
        """See ``GlobalMap``."""
        return self.heads(self.encoder(thumbnails)).unflatten(1, (3, -1))
