"""What of several ways to learn a style holds on pairs that it has not seen: their mean, weighted by leaving out.

Every candidate, a form at a penalty, is fitted as often as there are pairs, each time without a pair, and measured on
that pair. Its share of the mixture is proportional to the product over the pairs of 1 / RMSE: candidates that are alike
share, and a few pairs do not crown a winner by chance. A mean of maps is a map, since T_M is linear in M.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hypernet.retouch.core.shrinkage import Dependence, Form, Shrinkage, Views

# λ of the candidates; the first is one map for all.
PENALTIES = np.array([np.inf, 1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001])
# Mean squared error of rounding to 8 bits: no map can be told from a better one below it.
ROUNDING = 1 / 12 / 255**2


@dataclass(frozen=True, eq=False)
class Sample:
    """Colours of a pair that candidates are measured on.

    Attributes:
        monomials: φ before, ``[m, 10]``.
        wanted: colours after, ``[m, 3]``.
        view: number of the view that shows the whole pair.
        fold: what it is left out with.
    """

    monomials: np.ndarray
    wanted: np.ndarray
    view: int
    fold: int

    def psnr(self, matrix: np.ndarray) -> float:
        """Of the map M φ, clamped, dB."""
        made = np.clip(self.monomials @ matrix.T, 0, 1)
        return float(-10 * np.log10(np.square(made - self.wanted).mean() + ROUNDING))


@dataclass(frozen=True, eq=False)
class Fitting:
    """A form, and the weights of the views that it is fitted with, ``[n]``."""

    form: Form
    weights: np.ndarray


@dataclass(frozen=True, eq=False)
class Mixture:
    """What was learned.

    Attributes:
        shares: of what is fixed and of each form, by name; their sum is 1.
        dependences: of each form, its share included.
        psnr: of each pair, dB, by candidates that have not seen it, and whose shares it had no vote in.
        constant: of each pair, dB, by one least-squares map for all others.
    """

    shares: dict[str, float]
    dependences: dict[str, Dependence]
    psnr: np.ndarray
    constant: np.ndarray


def mixed(
    views: Views, forms: Mapping[str, Sequence[Fitting]], fixed: Mapping[str, np.ndarray], samples: Sequence[Sample]
) -> Mixture:
    """Fit and weigh all candidates.

    Args:
        views: pairs, and parts of them.
        forms: by name, each fitted in one or several ways; the first candidate of the first one is one map for all.
        fixed: maps that need no fit, by name: M of each view, ``[n, 3, 10]``.
        samples: colours of each pair.
    """
    wholes = np.array([sample.view for sample in samples])
    folds = np.array([sample.fold for sample in samples])
    names, fits = list(fixed), []
    left_out = [matrices[wholes] for matrices in fixed.values()]
    for name, fittings in forms.items():
        for fitting in fittings:
            shrinkage = Shrinkage(views, fitting.form, fitting.weights)
            penalties = PENALTIES if fitting.form.numbers.shape[1] else PENALTIES[:1]
            names += [name] * len(penalties)
            fits += shrinkage.fitted(penalties)
            matrices = np.empty((len(penalties), len(samples), 3, 10))
            for fold in np.unique(folds):
                rows = np.flatnonzero(folds == fold)
                for place, fit in enumerate(shrinkage.fitted(penalties, without=fold)):
                    matrices[place, rows] = fit.matrices(fitting.form, wholes[rows])
            left_out += list(matrices)
    maps = np.stack(left_out)
    measured = np.array([[sample.psnr(matrix) for sample, matrix in zip(samples, of, strict=True)] for of in maps])
    unseen = [
        sample.psnr(np.tensordot(votes(measured[:, folds != sample.fold]), maps[:, place], 1))
        for place, sample in enumerate(samples)
    ]
    shares = votes(measured)
    sums = {name: float(shares[[other == name for other in names]].sum()) for name in dict.fromkeys(names)}
    fitted = dict.fromkeys(forms, Dependence(np.zeros(()), np.zeros(())))
    for name, share, fit in zip(names[len(fixed) :], shares[len(fixed) :], fits, strict=True):
        before = fitted[name]
        fitted[name] = Dependence(before.bias + share * fit.bias, before.weight + share * fit.weight)
    return Mixture(sums, fitted, np.array(unseen), measured[len(fixed)])


def votes(measured: np.ndarray) -> np.ndarray:
    """Shares of candidates from their PSNR, ``[candidates, pairs]``: products of 1 / RMSE, of the sum 1."""
    logarithms = measured.sum(axis=1) * np.log(10) / 20
    products = np.exp(logarithms - logarithms.max())
    return np.asarray(products / products.sum())
