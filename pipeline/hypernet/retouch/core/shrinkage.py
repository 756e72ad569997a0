"""Maps that depend on a few numbers of an image, shrunk towards one map for all: ridge regression on what is seen.

    M_i = (S_i + b + W z_i) T_i,    the least mean of ||M_i φ - t||² over the pixels of all pairs, plus λ |W|²

z are the numbers of an image, T what is done to the monomials first, S where a map starts. The penalty is on the mean
squared change of colours that W makes, not on M itself, whose entries are nearly dependent; b is free. At λ = ∞ it is
least squares of one map for all. All in closed form and double precision; a pair is left out by leaving out its sums.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Share of the largest eigenvalue below which a combination of monomials says nothing, and below which its scale is
# not brought to 1.
SMALLEST_EIGENVALUE, SMALLEST_SCALE = 1e-13, 1e-7


@dataclass(frozen=True, eq=False)
class Views:
    """What the fit needs of images before and after: means over pixels, and whose they are.

    Attributes:
        grams: of φ φᵀ, ``[n, 10, 10]``.
        crosses: of t φᵀ, ``[n, 3, 10]``.
        folds: number of what each is left out with, ``[n]``, from 0: a pair goes with all its parts.
    """

    grams: np.ndarray
    crosses: np.ndarray
    folds: np.ndarray


@dataclass(frozen=True, eq=False)
class Form:
    """How maps may depend on an image.

    Attributes:
        numbers: z, ``[n, d]``; none where d is 0.
        transforms: T, ``[n, f, 10]``.
        starts: S, ``[n, 3, f]``.
    """

    numbers: np.ndarray
    transforms: np.ndarray
    starts: np.ndarray


@dataclass(frozen=True, eq=False)
class Dependence:
    """b ``[3, f]`` and W ``[3, f, d]``."""

    bias: np.ndarray
    weight: np.ndarray

    def matrices(self, form: Form, rows: np.ndarray) -> np.ndarray:
        """M of some views of a form, by number: ``[len(rows), 3, 10]``."""
        written = self.bias + np.moveaxis(self.weight @ form.numbers[rows].T, 2, 0)
        return np.asarray((form.starts[rows] + written) @ form.transforms[rows])


class Shrinkage:
    """The sums of a form over views, by fold; ``fitted`` solves for all of them or for all but one.

    Args:
        views: the pairs.
        form: how maps may depend on an image, a row for every view.
        weights: of the views, ``[n]``.
    """

    def __init__(self, views: Views, form: Form, weights: np.ndarray):
        transforms = form.transforms
        grams = transforms @ views.grams @ transforms.mT
        residuals = (views.crosses - form.starts @ transforms @ views.grams) @ transforms.mT
        # Monomials of about mean square 1 that do not depend on each other, over all images before the edit.
        values, vectors = np.linalg.eigh(np.tensordot(weights, grams, 1) / weights.sum())
        self.scale = vectors / np.sqrt(np.maximum(values, SMALLEST_SCALE * values[-1]))
        grams, residuals = self.scale.T @ grams @ self.scale, residuals @ self.scale
        self.centre = np.average(form.numbers, axis=0, weights=weights)
        self.axes = _axes(form.numbers - self.centre)
        inputs = np.hstack([np.ones((len(grams), 1)), (form.numbers - self.centre) @ self.axes])
        size, features = inputs.shape[1], grams.shape[1]
        count = int(views.folds.max()) + 1
        self.products = np.zeros((count, size * features, size * features))
        self.crosses = np.zeros((count, size * features, 3))
        for fold in range(count):
            of = np.flatnonzero((views.folds == fold) & (weights > 0))
            outer = np.einsum("n,ni,nj->ijn", weights[of], inputs[of], inputs[of]).reshape(size**2, -1)
            product = (outer @ grams[of].reshape(len(of), -1)).reshape(size, size, features, features)
            self.products[fold] = product.swapaxes(1, 2).reshape(size * features, -1)
            cross = np.einsum("n,ni,ncf->ifc", weights[of], inputs[of], residuals[of])
            self.crosses[fold] = cross.reshape(-1, 3)

    def fitted(self, penalties: np.ndarray, without: int | None = None) -> list[Dependence]:
        """The fit at each penalty λ.

        Args:
            penalties: λ; infinite for one map.
            without: number of a fold that is left out.
        """
        used = [fold for fold in range(len(self.products)) if fold != without]
        product, cross = self.products[used].sum(axis=0), self.crosses[used].sum(axis=0)
        features = len(self.scale)
        total = np.trace(product[:features, :features]) / features
        product, cross = product / total, cross / total
        # b is free: what it explains of the rest is taken out of the rest.
        free, mixed = product[:features, :features], product[:features, features:]
        values, vectors = np.linalg.eigh(free)
        known = values > SMALLEST_EIGENVALUE * values[-1]
        inverse = (vectors[:, known] / values[known]) @ vectors[:, known].T
        explained, start = inverse @ mixed, inverse @ cross[:features]
        rest = product[features:, features:] - mixed.T @ explained
        values, vectors = np.linalg.eigh((rest + rest.T) / 2)
        turned = vectors.T @ (cross[features:] - mixed.T @ start)
        fits = []
        for penalty in penalties:
            if np.isinf(penalty):
                solved = np.zeros((len(values), 3))
            else:
                solved = vectors @ (turned / (np.maximum(values, 0) + penalty)[:, None])
            fits.append(self._dependence(start - explained @ solved, solved))
        return fits

    def _dependence(self, bias: np.ndarray, solved: np.ndarray) -> Dependence:
        """From the coordinates of the solution to those of the form."""
        features = len(self.scale)
        slopes = solved.reshape(-1, features, 3).transpose(2, 1, 0)
        weight = self.scale @ (slopes @ self.axes.T)
        return Dependence((self.scale @ bias).T - weight @ self.centre, weight)


def _axes(centred: np.ndarray) -> np.ndarray:
    """The directions in which numbers vary, ``[d, r]``, in units of √d."""
    count = centred.shape[1]
    if not count:
        return np.zeros((0, 0))
    _, spread, directions = np.linalg.svd(centred, full_matrices=False)
    return directions[spread > 1e-9 * max(spread[0], 1e-9)].T / np.sqrt(count)
