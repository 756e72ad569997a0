"""A generated linear map of fixed features, such as a colour transformation of every pixel."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import torch
from torch import Tensor, nn

from hypernet.layers.layout import Layout
from hypernet.layers.module import GeneratedModule


class GeneratedFeatureMap(GeneratedModule):
    """y = M φ(x): fixed features φ of every point, and a matrix M of its own for every sample.

    θ holds M [outputs, features] row-major. The map is linear in θ: mixing two samples' θ mixes their outputs.

    Args:
        features: φ, maps [..., inputs] to [..., F]; without parameters.
        start: M₀ [outputs, F], the map that a network starts with; most often the identity.

    Raises:
        ValueError: if the start is not a matrix.

    >>> colours = colour_transform()  # 3 x 10: a quadratic map of R, G and B
    >>> colours.parameter_count
    30
    >>> pixels = torch.rand(2, 100, 3)
    >>> same = colours(pixels, colours.ordinary().expand(2, -1))
    >>> bool((same == pixels).all())
    True
    """

    start: Tensor

    def __init__(self, features: Callable[[Tensor], Tensor], start: Tensor):
        super().__init__()
        if start.dim() != 2:
            raise ValueError(f"start must be a matrix [outputs, features], got {list(start.shape)}")
        self.features = features
        self.register_buffer("start", start.clone())
        outputs, count = start.shape
        # Drawn so that features of mean square 1 give outputs of mean square 1.
        self.layout = Layout([("matrix", "weight", (outputs, count), count, 1 / count)])

    def forward(self, inputs: Tensor, parameters: Tensor) -> Tensor:
        """Map all points: [B, P, inputs] and θ [B, N] to [B, P, outputs].

        Raises:
            ValueError: if `parameters` is not [B, N].
        """
        (matrix,) = self.layout.split(parameters).values()
        return torch.bmm(self.features(inputs), matrix.mT)

    def ordinary(self) -> Tensor:
        """θ of the map it starts with, [N]."""
        return self.start.flatten().clone()

    @torch.no_grad()
    def export(self, parameters: Tensor) -> nn.Module:
        """One sample's map, [N], as a module from [..., inputs] to [..., outputs].

        Raises:
            ValueError: if `parameters` is not [N].
        """
        return FeatureMap(self.features, self.named(parameters)["matrix"])


class FeatureMap(nn.Module):
    """y = M φ(x) with one M for all points: what `GeneratedFeatureMap.export` returns.

    Args:
        features: φ.
        matrix: M [outputs, F].
    """

    def __init__(self, features: Callable[[Tensor], Tensor], matrix: Tensor):
        super().__init__()
        self.features = features
        self.matrix = nn.Parameter(matrix)

    def forward(self, inputs: Tensor) -> Tensor:
        """[..., inputs] to [..., outputs]."""
        return self.features(inputs) @ self.matrix.T


# Exponents of R, G and B, the quadratic ten in the order of Chai, Giryes and Wolf (WACV 2020).
_QUADRATIC = (
    (2, 0, 0), (0, 2, 0), (0, 0, 2), (1, 1, 0), (1, 0, 1), (0, 1, 1), (1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 0, 0),
)  # fmt: skip
_CUBIC = tuple(
    tuple(chosen.count(channel) for channel in range(3))
    for chosen in itertools.combinations_with_replacement(range(3), 3)
)
COLOUR_BASES: dict[str, tuple[tuple[int, ...], ...]] = {
    "affine": _QUADRATIC[6:],
    "quadratic": _QUADRATIC,
    "cubic": _QUADRATIC + _CUBIC,
}


class Monomials(nn.Module):
    """Products of powers of the inputs: φ_k(x) = product over c of x_c^{p[k, c]}.

    Args:
        exponents: p, one row of whole numbers from 0 per feature.

    >>> Monomials(((2, 0), (1, 1), (0, 0)))(torch.tensor([3.0, 5.0]))
    tensor([ 9., 15.,  1.])
    """

    def __init__(self, exponents: tuple[tuple[int, ...], ...]):
        super().__init__()
        self.exponents = exponents

    def forward(self, inputs: Tensor) -> Tensor:
        """[..., inputs] to [..., features]."""
        channels = inputs.unbind(dim=-1)
        unit = torch.ones_like(channels[0])
        features = []
        for powers in self.exponents:
            product = unit
            for channel, power in zip(channels, powers, strict=True):
                for _ in range(power):
                    product = channel if product is unit else product * channel
            features.append(product)
        return torch.stack(features, dim=-1)


def colour_transform(basis: str = "quadratic") -> GeneratedFeatureMap:
    """A colour transformation of its own for every image: [R, G, B]' = M φ(R, G, B), starting as the identity.

    φ is (R², G², B², RG, RB, GB, R, G, B, 1) for `quadratic` (Chai, Giryes and Wolf, "Supervised and Unsupervised
    Learning of Parameterized Color Enhancement", WACV 2020: 3 x 10), (R, G, B, 1) for `affine`; `cubic` adds the ten
    monomials of degree three in lexicographic order.

    Args:
        basis: `affine`, `quadratic` or `cubic`.

    Raises:
        ValueError: if the basis is another.
    """
    if basis not in COLOUR_BASES:
        raise ValueError(f"basis {basis!r} must be one of {', '.join(COLOUR_BASES)}")
    exponents = COLOUR_BASES[basis]
    start = torch.zeros(3, len(exponents))
    for channel in range(3):
        start[channel, exponents.index(tuple(int(channel == other) for other in range(3)))] = 1.0
    return GeneratedFeatureMap(Monomials(exponents), start)
