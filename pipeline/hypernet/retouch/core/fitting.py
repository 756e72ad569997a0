"""The colour map between two images by least squares, in double precision: what no network can know better."""

from __future__ import annotations

import numpy as np

from hypernet.retouch.core.colour_map import ColourMap, monomials

# Pixels whose monomials are in memory at once.
PIXELS_AT_ONCE = 2**18
# Share of the largest eigenvalue below which a combination of monomials says nothing.
SMALLEST_EIGENVALUE = 1e-13


class NormalEquations:
    """Sums of φ φᵀ and t φᵀ over pixels, to which images are added one after the other.

    In single precision these systems give wrong maps (monomials of colours are nearly dependent): float64 throughout.

    Args:
        basis: ``affine``, ``quadratic`` or ``cubic``.
    """

    def __init__(self, basis: str = "quadratic"):
        self.basis = basis
        self.start = ColourMap.identity(basis).matrix
        size = self.start.shape[1]
        self.gram, self.cross, self.count = np.zeros((size, size)), np.zeros((3, size)), 0

    def add(self, inputs: np.ndarray, targets: np.ndarray) -> None:
        """Add pixels: sRGB-encoded colours in [0, 1], ``[..., 3]`` each."""
        given, wanted = inputs.reshape(-1, 3), targets.reshape(-1, 3)
        for first in range(0, len(given), PIXELS_AT_ONCE):
            piece = slice(first, first + PIXELS_AT_ONCE)
            features = monomials(given[piece].astype(np.float64), self.basis)
            self.gram += features.T @ features
            self.cross += wanted[piece].astype(np.float64).T @ features
        self.count += len(given)

    def solve(self, ridge: float = 0.0) -> ColourMap:
        """The map with the least mean squared error plus ``ridge`` ||M - I||².

        What the pixels say nothing of (an image of few colours) stays as in the identity.
        """
        count = max(self.count, 1)
        gram = self.gram / count
        values, vectors = np.linalg.eigh(gram)
        shortfall = (self.cross / count - self.start @ gram) @ vectors
        known = values > SMALLEST_EIGENVALUE * max(values[-1], 1e-300)
        scale = np.where(known, 1 / np.where(known, values + ridge, 1.0), 0.0)
        return ColourMap(self.start + (shortfall * scale) @ vectors.T)


def fit_map(inputs: np.ndarray, targets: np.ndarray, basis: str = "quadratic", ridge: float = 0.0) -> ColourMap:
    """The best colour map from one image to another.

    Args:
        inputs: sRGB-encoded colours in [0, 1], ``[..., 3]``.
        targets: likewise, as many.
        basis: ``affine``, ``quadratic`` or ``cubic``.
        ridge: weight of ||M - I||² beside the mean squared error.
    """
    equations = NormalEquations(basis)
    equations.add(inputs, targets)
    return equations.solve(ridge)
