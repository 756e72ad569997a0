"""What the formula alone says: ridge regression on the numbers of atoms of each element, or only the mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from hypernet.lab.errors import UserError
from hypernet.molecules.baselines.arrays import array
from hypernet.molecules.core.elements import symbol_of, symbols_of
from hypernet.molecules.core.molecules import Molecules
from hypernet.molecules.core.regressor import Regressor


class Composition(Regressor):
    """y = sum over elements of n_element w_element + N p + b.

    Args:
        elements: atomic numbers, rising, ``[E]``; none: the formula is not looked at, and any element is accepted.
        weights: w, of an atom of each, ``[E]``.
        per_atom: p, of any atom; other than 0 only where there are no elements.
        constant: b.
    """

    def __init__(self, elements: np.ndarray, weights: np.ndarray, per_atom: float, constant: float):
        self.elements, self.weights = elements.astype(np.int64), weights.astype(np.float64)
        self.per_atom, self.constant = float(per_atom), float(constant)

    def predict(self, molecules: Molecules) -> np.ndarray:
        """See ``Regressor``.

        Raises:
            UserError: an element that was not in training.
        """
        values = self.per_atom * molecules.counts + self.constant
        if not len(self.elements):
            return values
        strange = np.flatnonzero(~np.isin(molecules.numbers, self.elements))
        if len(strange):
            name = molecules.names[molecules.molecule_of_atom[strange[0]]]
            raise UserError(
                f"{name}: {symbol_of(int(molecules.numbers[strange[0]]))} was not in training; "
                f"accepted: {symbols_of(self.elements)}"
            )
        return values + molecules.composition([int(number) for number in self.elements]) @ self.weights

    def of_atoms(self, molecules: Molecules, average: bool) -> np.ndarray:
        """Each atom's part, float64 ``[A]``: they add up to what ``predict`` says, or average to it.

        Args:
            molecules: of elements that were in training.
            average: which of the two.
        """
        count = np.repeat(molecules.counts, molecules.counts)
        places = np.searchsorted(self.elements, molecules.numbers)
        weight = self.per_atom + (self.weights[places] if len(self.elements) else 0.0)
        return count * weight + self.constant if average else weight + self.constant / count

    def state(self) -> dict[str, Tensor]:
        """See ``Regressor``."""
        return {
            "elements": torch.from_numpy(self.elements),
            "weights": torch.from_numpy(self.weights),
            "per_atom": torch.tensor(self.per_atom, dtype=torch.float64),
            "constant": torch.tensor(self.constant, dtype=torch.float64),
        }

    @classmethod
    def restored(cls, state: Mapping[str, Tensor]) -> Composition:
        """See ``Regressor``."""
        elements = array(state, "elements", torch.int64, None)
        if len(elements) and (elements.min() < 1 or (np.diff(elements) <= 0).any()):
            raise ValueError("elements are no rising atomic numbers")
        weights = array(state, "weights", torch.float64, len(elements))
        per_atom, constant = (array(state, name, torch.float64) for name in ("per_atom", "constant"))
        return cls(elements, weights, float(per_atom), float(constant))

    @property
    def parameter_count(self) -> int:
        """See ``Regressor``: the weights and the constant; the mean alone is one number."""
        return max(1, len(self.weights) + (self.constant != 0))


def fit_composition(
    molecules: Molecules, values: np.ndarray, average: bool, elements: Sequence[int], alpha: float
) -> Composition:
    """Fit the formula to a property.

    A property that atoms add up to has no constant: no atoms, nothing. One that is their average has, and it is not
    shrunk. Without elements the first is the mean of the property per atom, times the number of atoms (the mean over
    molecules, a small one counts as much as a large one); the second is the mean.

    Args:
        molecules: for training.
        values: of the property, ``[M]``.
        average: whether the property is an average over atoms, and not their sum.
        elements: that are counted; those that no molecule has are left out.
        alpha: of the ridge: what is minimised is the sum of squared errors + alpha |w|².
    """
    values = np.asarray(values, dtype=np.float64)
    present = np.array(sorted({int(number) for number in elements} & {*molecules.numbers.tolist()}), dtype=np.int64)
    if not len(present):
        mean = float(values.mean() if average else (values / molecules.counts).mean())
        return Composition(present, np.zeros(0), 0.0 if average else mean, mean if average else 0.0)
    counts = molecules.composition([int(number) for number in present])
    shift = counts.mean(axis=0) if average else np.zeros(len(present))
    level = values.mean() if average else 0.0
    centred = counts - shift
    # Rows for the ridge beneath the counts: better conditioned than the normal equations.
    design = np.concatenate([centred, np.sqrt(alpha) * np.eye(len(present))])
    wanted = np.concatenate([values - level, np.zeros(len(present))])
    weights = np.linalg.lstsq(design, wanted, rcond=None)[0]
    return Composition(present, weights, 0.0, level - shift @ weights)
