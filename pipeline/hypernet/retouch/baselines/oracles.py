"""Upper bounds: the best map of a class for each pair, from the answer itself. No competitors."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from hypernet.retouch.core.colour_map import ColourMap
from hypernet.retouch.core.fitting import fit_map
from hypernet.retouch.core.functions import Retouching


class Oracle(Retouching):
    """The least-squares map from an input to its target, which must be given.

    Args:
        basis: ``affine`` or ``quadratic``.
    """

    def __init__(self, basis: str):
        super().__init__()
        self.basis = basis

    def forward(self, images: Tensor, thumbnails: Tensor) -> Tensor:
        """Not to be had without the answers.

        Raises:
            ValueError: always.
        """
        raise ValueError("the oracle needs the wanted images; it is a bound, not a method")

    def map_to(self, given: np.ndarray, wanted: np.ndarray) -> ColourMap:
        """The best map between two images, float ``[H, W, 3]``."""
        return fit_map(given, wanted, self.basis)
