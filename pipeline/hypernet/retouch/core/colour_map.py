"""A global colour map: three outputs as polynomials of the colour of a pixel, at most 3x20 numbers.

    T_M(x) = M φ(x),    φ(R, G, B) = (R², G², B², RG, RB, GB, R, G, B, 1)

Colours are sRGB-encoded, in [0, 1]. The order of the quadratic ten is that of Chai, Giryes and Wolf (WACV 2020); the
affine basis is its last four, the cubic one adds the ten monomials of degree three in lexicographic order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from hypernet.layers.feature_map import COLOUR_BASES

BASES = tuple(COLOUR_BASES)
_BY_SIZE = {len(exponents): basis for basis, exponents in COLOUR_BASES.items()}
# Names of the monomials, for files and axes.
MONOMIALS = {
    basis: ["".join("RGB"[channel] * power for channel, power in enumerate(powers)) or "1" for powers in exponents]
    for basis, exponents in COLOUR_BASES.items()
}
# Of sRGB-encoded colours, after Rec. ITU-R BT.709.
LUMA = np.array([0.2126, 0.7152, 0.0722])
# Levels at which the map of grey is looked at.
GREYS = 256


@dataclass(frozen=True, eq=False)
class ColourMap:
    """T_M of one image.

    Attributes:
        matrix: M, float64 ``[3, F]``, F = 4 (affine), 10 (quadratic) or 20 (cubic).

    Raises:
        ValueError: a matrix of another shape, or with a number that is not finite.

    >>> colours = np.array([[0.2, 0.4, 0.6]])
    >>> bool((ColourMap.identity()(colours) == colours).all())
    True
    """

    matrix: np.ndarray

    def __post_init__(self) -> None:
        matrix = np.array(self.matrix, dtype=np.float64)
        if matrix.ndim != 2 or matrix.shape[0] != 3 or matrix.shape[1] not in _BY_SIZE:
            sizes = ", ".join(f"3 x {size}" for size in _BY_SIZE)
            raise ValueError(f"a colour map has {sizes} numbers, not {' x '.join(map(str, matrix.shape))}")
        if not np.isfinite(matrix).all():
            raise ValueError("a number of the colour map is not finite")
        matrix.flags.writeable = False
        object.__setattr__(self, "matrix", matrix)

    @classmethod
    def identity(cls, basis: str = "quadratic") -> Self:
        """The map that changes nothing."""
        return cls(_identity(basis))

    @property
    def basis(self) -> str:
        """``affine``, ``quadratic`` or ``cubic``."""
        return _BY_SIZE[self.matrix.shape[1]]

    def __call__(self, colours: np.ndarray) -> np.ndarray:
        """Colours in [0, 1] to colours, ``[..., 3]``, float64, not clamped; ``apply_maps`` is for images."""
        return monomials(np.asarray(colours, dtype=np.float64), self.basis) @ self.matrix.T

    def at_strength(self, strength: float) -> Self:
        """(1 - a) I + a M: of the outputs as of the matrix, since T is linear in M."""
        return type(self)((1 - strength) * _identity(self.basis) + strength * self.matrix)

    def then_affine(self, affine: np.ndarray) -> Self:
        """This map and then an affine one, ``[3, 4]`` (R, G, B, 1): a map of the same basis, exactly."""
        matrix = affine[:, :3] @ self.matrix
        matrix[:, _constant(self.basis)] += affine[:, 3]
        return type(self)(matrix)

    def in_basis(self, basis: str) -> Self:
        """The same map written with more monomials.

        Raises:
            ValueError: the basis lacks a monomial of this map.
        """
        names, wanted = MONOMIALS[self.basis], MONOMIALS[basis]
        if not set(names) <= set(wanted):
            raise ValueError(f"a {self.basis} map cannot be written in the {basis} basis")
        matrix = np.zeros((3, len(wanted)))
        matrix[:, [wanted.index(name) for name in names]] = self.matrix
        return type(self)(matrix)

    @property
    def folds(self) -> bool:
        """Whether grey folds over: a brighter grey becomes a darker one somewhere in [0, 1], in any channel."""
        return self.folds_up_to(1.0)

    def folds_up_to(self, brightest: float) -> bool:
        """Whether grey folds over somewhere in [0, brightest]: what lies beyond, a darker image does not show."""
        return bool((np.diff(self._of_greys(brightest), axis=0) < -1e-9).any())

    def unfolded(self, brightest: float = 1.0) -> tuple[Self, float]:
        """The map at the largest strength up to its own at which grey does not fold, and that strength, to 1/1000.

        Args:
            brightest: of the greys that are looked at, in [0, 1].
        """
        if not self.folds_up_to(brightest):
            return self, 1.0
        # Grey at strength a is (1 - a) grey + a T(grey): its steps are linear in a, and positive at 0.
        steps = np.diff(self._of_greys(brightest), axis=0)
        grey_step = brightest / (GREYS - 1)
        falling = steps[steps < 0]
        strength = float(np.floor(1000 * (grey_step / (grey_step - falling)).min()) / 1000)
        return self.at_strength(strength), strength

    def _of_greys(self, brightest: float) -> np.ndarray:
        return self(np.linspace(0, brightest, GREYS)[:, None].repeat(3, axis=1))


def monomials(colours: np.ndarray, basis: str = "quadratic") -> np.ndarray:
    """φ of colours ``[..., 3]``: ``[..., F]``, of the colours' own type."""
    red, green, blue = (colours[..., channel] for channel in range(3))
    channels = (red, green, blue)
    columns = []
    for powers in COLOUR_BASES[basis]:
        product = np.ones_like(red)
        for channel, power in zip(channels, powers, strict=True):
            for _ in range(power):
                product = product * channel
        columns.append(product)
    return np.stack(columns, axis=-1)


def _constant(basis: str) -> int:
    return MONOMIALS[basis].index("1")


def _identity(basis: str) -> np.ndarray:
    matrix = np.zeros((3, len(COLOUR_BASES[basis])))
    for channel, name in enumerate("RGB"):
        matrix[channel, MONOMIALS[basis].index(name)] = 1.0
    return matrix
