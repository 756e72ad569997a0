"""What tells digits apart: a support vector machine of scikit-learn, kept as plain arrays."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.files import atomic_path
from hypernet.lab.libraries import library

ARRAYS = ("vectors", "coefficients", "intercepts", "gamma")
IMAGES_AT_ONCE = 500


class DigitClassifier:
    """Support vectors with a radial kernel, every class against every other; the class with the most votes wins.

    Args:
        arrays: ``vectors`` [m, pixels], ``coefficients`` [m, pairs of classes], ``intercepts`` [pairs], ``gamma`` [].
    """

    def __init__(self, arrays: dict[str, np.ndarray]):
        self.arrays = arrays
        pairs = len(arrays["intercepts"])
        self.classes = round((1 + (1 + 8 * pairs) ** 0.5) / 2)

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """The class of every image: ``[B, n, m]`` in [0, 1] to places in the list of classes, int64 ``[B]``."""
        flat = np.clip(images, 0, 1).reshape(len(images), -1).astype(np.float64)
        pieces = [self._votes(flat[first : first + IMAGES_AT_ONCE]) for first in range(0, len(flat), IMAGES_AT_ONCE)]
        return np.concatenate(pieces).argmax(axis=1)

    def _votes(self, images: np.ndarray) -> np.ndarray:
        vectors, coefficients, intercepts, gamma = (self.arrays[name] for name in ARRAYS)
        squares = (images**2).sum(axis=1)[:, None] + (vectors**2).sum(axis=1) - 2 * images @ vectors.T
        decisions = np.exp(-gamma * squares) @ coefficients + intercepts
        votes = np.zeros((len(images), self.classes), dtype=np.int64)
        for pair, (first, second) in enumerate(combinations(range(self.classes), 2)):
            votes[np.arange(len(images)), np.where(decisions[:, pair] > 0, first, second)] += 1
        return votes

    def save(self, path: Path) -> None:
        """Write the arrays, whole or not at all."""
        with atomic_path(path) as temporary:
            np.savez(temporary, allow_pickle=False, **{name: self.arrays[name] for name in ARRAYS})


def train_classifier(images: np.ndarray, labels: np.ndarray, penalty: float, gamma: float) -> DigitClassifier:
    """Train on large images: ``SVC`` of scikit-learn.

    Args:
        images: in [0, 1], ``[n, 32, 32]``.
        labels: places in the list of classes, ``[n]``; every class stands among them, and there are two or more.
        penalty: C of the machine.
        gamma: of the kernel exp(-gamma |a - b|²).

    Raises:
        UserError: scikit-learn is missing.
    """
    machines = library("sklearn.svm", "scikit-learn", "superres")
    machine = machines.SVC(C=penalty, gamma=gamma)
    machine.fit(images.reshape(len(images), -1).astype(np.float64), labels)
    classes = len(machine.classes_)
    ends = np.concatenate([[0], np.cumsum(machine.n_support_)])
    pairs = list(combinations(range(classes), 2))
    coefficients = np.zeros((len(machine.support_), len(pairs)))
    for pair, (first, second) in enumerate(pairs):
        # scikit-learn keeps, for the vectors of a class, their factors against all other classes in turn.
        of_first, of_second = (slice(ends[name], ends[name + 1]) for name in (first, second))
        coefficients[of_first, pair] = machine.dual_coef_[second - 1, of_first]
        coefficients[of_second, pair] = machine.dual_coef_[first, of_second]
    # Of two classes alone scikit-learn turns the sign.
    sign = -1.0 if classes == 2 else 1.0
    arrays = {
        "vectors": machine.support_vectors_,
        "coefficients": sign * coefficients,
        "intercepts": sign * machine.intercept_,
        "gamma": np.float64(gamma),
    }
    return DigitClassifier(arrays)


def read_classifier(path: Path) -> DigitClassifier:
    """Read what :meth:`DigitClassifier.save` wrote.

    Raises:
        UserError: it is not there, or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return DigitClassifier({name: file[name] for name in ARRAYS})
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{path}: not the classifier that the preparation wrote ({error}); prepare again") from None
