"""The stretch of an image's channels to [0, 1], as the coordinates in which a network answers.

Most of what is wrong with a photograph is where its levels begin and end. A map that is written for stretched colours,
M_s, is a map of the image's own colours, of the same basis:

    x_s = s x + o,    φ(x_s) = P φ(x),    M = M_s P
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from hypernet.layers.feature_map import COLOUR_BASES
from hypernet.retouch.core.functions import GlobalMap, Retouching

# A channel of fewer levels than this is not drawn wider: it has no contrast that could be wrong.
LEAST_SPAN = 0.05


def stretch_of(thumbnails: Tensor) -> tuple[Tensor, Tensor]:
    """Gains s and offsets o with which the least and the largest value of every channel become 0 and 1.

    Args:
        thumbnails: ``[B, 3, S, S]``; extremes of these, since single pixels of a photograph are noise.

    Returns:
        ``[B, 3]`` each.
    """
    values = thumbnails.flatten(2)
    least = values.amin(dim=2)
    gains = 1 / (values.amax(dim=2) - least).clamp(min=LEAST_SPAN)
    return gains, -least * gains


def stretched(images: Tensor, gains: Tensor, offsets: Tensor) -> Tensor:
    """s x + o of images ``[B, 3, H, W]``."""
    return images * gains[:, :, None, None] + offsets[:, :, None, None]


class Expansion(nn.Module):
    """P ``[B, F, F]``: the monomials of stretched colours, written in those of the colours.

    Args:
        basis: ``affine``, ``quadratic`` or ``cubic``.
    """

    binomials: Tensor
    powers: Tensor
    rest: Tensor

    def __init__(self, basis: str):
        super().__init__()
        exponents = COLOUR_BASES[basis]
        # (s x + o)^p = sum over q of C(p, q) s^q o^(p - q) x^q, channel by channel.
        binomials = [[math.prod(map(math.comb, row, column)) for column in exponents] for row in exponents]
        powers = torch.tensor(exponents)
        self.register_buffer("binomials", torch.tensor(binomials, dtype=torch.float32))
        self.register_buffer("powers", powers)
        self.register_buffer("rest", (powers[:, None] - powers[None]).clamp(min=0))

    def forward(self, gains: Tensor, offsets: Tensor) -> Tensor:
        """From s and o, ``[B, 3]`` each."""
        shares = gains[:, None, None] ** self.powers[None, None] * offsets[:, None, None] ** self.rest[None]
        return self.binomials * shares.prod(dim=-1)


class StretchedMap(GlobalMap):
    """A method's colour map in stretched coordinates.

    Args:
        inner: writes M_s; it looks at the thumbnails as they are.
    """

    def __init__(self, inner: GlobalMap):
        super().__init__(inner.basis)
        self.inner, self.expansion = inner, Expansion(inner.basis)

    def matrix(self, thumbnails: Tensor) -> Tensor:
        """See ``GlobalMap``."""
        return self.inner.matrix(thumbnails) @ self.expansion(*stretch_of(thumbnails))

    def forward(self, images: Tensor, thumbnails: Tensor) -> Tensor:
        """See ``Retouching``: the same as by ``matrix``, without P."""
        return self.inner(stretched(images, *stretch_of(thumbnails)), thumbnails)


class StretchedImages(Retouching):
    """A method that is given stretched images.

    Args:
        inner: the method; it looks at the thumbnails as they are.
    """

    def __init__(self, inner: Retouching):
        super().__init__()
        self.inner = inner

    def forward(self, images: Tensor, thumbnails: Tensor) -> Tensor:
        """See ``Retouching``."""
        return self.inner(stretched(images, *stretch_of(thumbnails)), thumbnails)

    def regulariser(self) -> Tensor | float:
        """See ``Retouching``."""
        return self.inner.regulariser()
