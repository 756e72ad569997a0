"""Kernel ridge regression on sorted Coulomb matrices.

    C_ii = 0.5 Z_i^2.4,   C_ij = Z_i Z_j / |r_i - r_j|  (Hartree, distances in bohr)
    y    = composition + sum over training molecules of a_m exp(-|x - x_m|_1 / s)

x is the lower triangle of C with its rows, and columns with them, in falling order of their norms.
Rupp, Tkatchenko, Müller and von Lilienfeld, "Fast and Accurate Modeling of Molecular Atomization Energies with Machine
Learning" (2012); sorted, and with this kernel: Hansen et al., "Assessment and Validation of Machine Learning Methods
for Predicting Molecular Atomization Energies" (2013).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np
import torch
from torch import Tensor

from hypernet.lab.errors import UserError
from hypernet.lab.libraries import library
from hypernet.molecules.baselines.arrays import array, beneath, part
from hypernet.molecules.baselines.composition import Composition, fit_composition
from hypernet.molecules.core.molecules import Molecules
from hypernet.molecules.core.regressor import Regressor
from hypernet.molecules.core.units import BOHR_ANGSTROM
from hypernet.molecules.sources.text import MOST_ATOMS

# Kernel entries, and entries of matrices, that are computed together.
AT_ONCE = 2**22
# Bytes that the descriptors of all training molecules may take.
MOST_BYTES = 2**32


def coulomb_matrices(molecules: Molecules, size: int) -> np.ndarray:
    """Sorted Coulomb matrices, float64 ``[M, size (size + 1) / 2]``: lower triangles, row after row, then zeros.

    Atoms whose rows have the same norm (those that a symmetry exchanges) stay in the order of the file, so with them
    the order of atoms can matter.

    Args:
        molecules: the molecules.
        size: most atoms of any of them, or more.
    """
    rows, columns = np.tril_indices(size)
    described = np.zeros((len(molecules), len(rows)))
    counts, starts = molecules.counts, molecules.starts
    for count in np.unique(counts):
        same = np.flatnonzero(counts == count)
        entries = int(count * (count + 1) // 2)
        for some in np.array_split(same, max(1, len(same) * int(count) ** 2 // AT_ONCE)):
            atoms = starts[some][:, None] + np.arange(count)
            matrices = _matrices(molecules.numbers[atoms], molecules.positions[atoms])
            described[some, :entries] = matrices[:, rows[:entries], columns[:entries]]
    return described


def _matrices(numbers: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Of molecules with as many atoms each: ``[m, n]`` and Å ``[m, n, 3]`` to ``[m, n, n]``."""
    charges, places = numbers.astype(np.float64), positions.astype(np.float64) / BOHR_ANGSTROM
    diagonal = np.arange(numbers.shape[1])
    distances = np.linalg.norm(places[:, :, None] - places[:, None], axis=-1)
    distances[:, diagonal, diagonal] = 1.0
    matrices = charges[:, :, None] * charges[:, None] / distances
    matrices[:, diagonal, diagonal] = 0.5 * charges**2.4
    order = np.argsort(-np.linalg.norm(matrices, axis=2), axis=1, kind="stable")
    molecule = np.arange(len(numbers))[:, None, None]
    return matrices[molecule, order[:, :, None], order[:, None]]


class Coulomb(Regressor):
    """See the module.

    Args:
        composition: what the formula says; the rest is learned.
        molecules: of training: all of what their descriptors are made from.
        coefficients: a, ``[molecules]``.
        width: s of the kernel.
        ridge: that the coefficients were fitted with.
    """

    def __init__(
        self, composition: Composition, molecules: Molecules, coefficients: np.ndarray, width: float, ridge: float
    ):
        self.composition, self.molecules = composition, molecules
        self.coefficients, self.width, self.ridge = coefficients, float(width), float(ridge)
        self.size = largest(molecules)
        self.descriptors = coulomb_matrices(molecules, self.size)

    def predict(self, molecules: Molecules) -> np.ndarray:
        """See ``Regressor``.

        Raises:
            UserError: an element that was not in training, or more atoms than any molecule of training has.
        """
        values = self.composition.predict(molecules)
        self._refuse_large(molecules)
        step = max(1, AT_ONCE // len(self.coefficients))
        for first in range(0, len(molecules), step):
            some = np.arange(first, min(first + step, len(molecules)))
            distances = block_distances(coulomb_matrices(molecules.take(some), self.size), self.descriptors)
            values[some] += laplacian(distances, self.width) @ self.coefficients
        return values

    def _refuse_large(self, molecules: Molecules) -> None:
        large = np.flatnonzero(molecules.counts > self.size)
        if len(large):
            raise UserError(
                f"{molecules.names[large[0]]}: {molecules.counts[large[0]]} atoms, more than any molecule that this "
                f"Coulomb matrix model was trained on; accepted: at most {self.size}"
            )

    def state(self) -> dict[str, Tensor]:
        """See ``Regressor``: the geometries stand for the descriptors, which are many times larger."""
        molecules = self.molecules
        return {
            "numbers": torch.from_numpy(molecules.numbers),
            "positions": torch.from_numpy(molecules.positions),
            "counts": torch.from_numpy(molecules.counts.astype(np.int64)),
            "coefficients": torch.from_numpy(self.coefficients),
            "width": torch.tensor(self.width, dtype=torch.float64),
            "ridge": torch.tensor(self.ridge, dtype=torch.float64),
            **beneath("composition", self.composition.state()),
        }

    @classmethod
    def restored(cls, state: Mapping[str, Tensor]) -> Coulomb:
        """See ``Regressor``."""
        numbers = array(state, "numbers", torch.uint8, None)
        positions = array(state, "positions", torch.float32, len(numbers), 3)
        counts = array(state, "counts", torch.int64, None)
        if not len(counts) or counts.min() < 1 or counts.max() > len(numbers) or counts.sum() != len(numbers):
            raise ValueError("counts do not add up to the atoms")
        if counts.max() > MOST_ATOMS:
            raise ValueError(f"a molecule of {counts.max():,} atoms, none has more than {MOST_ATOMS}")
        if _bytes(len(counts), int(counts.max())) > MOST_BYTES:
            raise ValueError(f"{len(counts)} descriptors of {counts.max()} atoms are more than any model has")
        coefficients = array(state, "coefficients", torch.float64, len(counts))
        width, ridge = (float(array(state, name, torch.float64)) for name in ("width", "ridge"))
        if width <= 0 or ridge <= 0:
            raise ValueError("width and ridge are not above zero")
        molecules = Molecules(numbers, positions, counts, [""] * len(counts))
        return cls(Composition.restored(part("composition", state)), molecules, coefficients, width, ridge)

    @property
    def parameter_count(self) -> int:
        """See ``Regressor``: a coefficient for each molecule of training, and the composition's."""
        return len(self.coefficients) + self.composition.parameter_count


def largest(molecules: Molecules) -> int:
    """Most atoms of any of them."""
    return int(molecules.counts.max())


def _bytes(count: int, size: int) -> int:
    return count * size * (size + 1) // 2 * np.dtype(np.float64).itemsize


def block_distances(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Sums of absolute differences: ``[a, d]`` and ``[b, d]`` to ``[a, b]``."""
    from scipy.spatial.distance import cdist

    return cdist(first, second, "cityblock")


def laplacian(distances: np.ndarray, width: float) -> np.ndarray:
    """exp(-distance / width), in an array of its own."""
    kernel = distances / -width
    return np.exp(kernel, out=kernel)


def fit_coulomb(
    molecules: Molecules,
    values: np.ndarray,
    validation: Molecules,
    validation_values: np.ndarray,
    average: bool,
    widths: Sequence[float],
    ridges: Sequence[float],
    most: int,
    alpha: float,
) -> Coulomb:
    """Fit with every width and ridge, and keep those with the least mean absolute error on validation.

    Takes 16 n² bytes for n molecules of training, beside descriptors of 4 N (N + 1) bytes for each, N atoms the most.

    Args:
        molecules: for training.
        values: of the property, ``[M]``.
        validation: molecules that choose; those that are larger than any of training do not.
        validation_values: of the property.
        average: whether the property is an average over atoms, see ``fit_composition``.
        widths: s of the kernel.
        ridges: that are added to the kernel's diagonal.
        most: molecules of training at most; of more the first are taken, and the composition is fitted to all.
        alpha: of the composition.

    Raises:
        UserError: the descriptors would take too much memory, or no molecule can choose.
    """
    pools = library("threadpoolctl", "threadpoolctl", "molecules")
    composition = fit_composition(molecules, values, average, np.unique(molecules.numbers).tolist(), alpha)
    rows = np.arange(min(most, len(molecules)))
    kept, size = molecules.take(rows), largest(molecules.take(rows))
    if _bytes(len(kept), size) > MOST_BYTES:
        raise UserError(
            f"krr: Coulomb matrices of {len(kept):,} molecules with up to {size} atoms take "
            f"{_bytes(len(kept), size) / 2**30:.1f} GiB; accepted: {MOST_BYTES / 2**30:.0f} GiB; lower `krr.most`"
        )
    choosing = np.flatnonzero(_known(validation, composition.elements, size))
    if not len(choosing):
        raise UserError(f"krr: no molecule of validation has at most {size} atoms, of the elements of training alone")
    judges, truth = validation.take(choosing), np.asarray(validation_values, dtype=np.float64)[choosing]
    truth = truth - composition.predict(judges)
    residual = np.asarray(values, dtype=np.float64)[rows] - composition.predict(kept)
    descriptors = coulomb_matrices(kept, size)
    among = block_distances(descriptors, descriptors)
    between = block_distances(coulomb_matrices(judges, size), descriptors)
    best: tuple[float, float, float, np.ndarray] | None = None
    for width, ridge in product(widths, ridges):
        with pools.threadpool_limits(torch.get_num_threads()):
            coefficients = _solved(among, width, ridge, residual)
        if coefficients is None:
            continue
        error = float(np.abs(laplacian(between, width) @ coefficients - truth).mean())
        if best is None or error < best[0]:
            best = (error, float(width), float(ridge), coefficients)
    if best is None:
        raise UserError(f"krr: no kernel could be inverted with a ridge of {max(ridges):g}; name larger ones")
    _, width, ridge, coefficients = best
    return Coulomb(composition, kept, coefficients, width, ridge)


def _known(molecules: Molecules, elements: np.ndarray, size: int) -> np.ndarray:
    """Whether each molecule is none larger than ``size`` and has no other elements."""
    strange = molecules.per_molecule(~np.isin(molecules.numbers, elements))
    return (strange == 0) & (molecules.counts <= size)


def _solved(distances: np.ndarray, width: float, ridge: float, residual: np.ndarray) -> np.ndarray | None:
    """(K + ridge I) a = residual; None where K is singular to rounding."""
    from scipy.linalg import LinAlgError, cho_factor, cho_solve

    kernel = laplacian(distances, width)
    kernel[np.diag_indices(len(kernel))] += ridge
    try:
        # Symmetric: its transpose is in Fortran's order, so that nothing is copied.
        return cho_solve(cho_factor(kernel.T, lower=True, overwrite_a=True, check_finite=False), residual)
    except LinAlgError:
        return None
