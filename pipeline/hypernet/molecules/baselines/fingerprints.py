"""Boosted trees on Morgan fingerprints: what a molecule's bonds say without its geometry.

The trees are scikit-learn's; kept are their nodes as plain arrays, which are evaluated here. Fingerprints: Rogers and
Hahn, "Extended-Connectivity Fingerprints" (2010), as RDKit counts them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hypernet.lab.errors import UserError
from hypernet.lab.libraries import library
from hypernet.molecules.baselines.arrays import array, beneath, part
from hypernet.molecules.baselines.composition import Composition, fit_composition
from hypernet.molecules.core.molecules import Molecules
from hypernet.molecules.core.regressor import Regressor
from hypernet.molecules.sources.geometry import smiles_of

# Molecules times trees that are looked at together.
AT_ONCE = 2**20
# As many as any setting asks for, and far less than a memory holds.
MOST_BITS, MOST_RADIUS = 65_536, 8


def morgan_counts(molecules: Molecules, radius: int, bits: int) -> np.ndarray:
    """How often each substructure stands in each molecule, folded: float64 ``[M, bits]``.

    A molecule without SMILES, or with some that RDKit does not take, has the bonds that its geometry says.

    Args:
        molecules: the molecules.
        radius: bonds from an atom to the end of a substructure.
        bits: length of the fingerprint.

    Raises:
        UserError: neither its SMILES nor its geometry tells a molecule's bonds; or RDKit is missing.
    """
    chemistry = library("rdkit.Chem", "RDKit", "molecules")
    generators = library("rdkit.Chem.rdFingerprintGenerator", "RDKit", "molecules")
    log = library("rdkit.rdBase", "RDKit", "molecules")
    generator = generators.GetMorganGenerator(radius=radius, fpSize=bits)
    counts = np.zeros((len(molecules), bits))
    with log.BlockLogs():
        for row, (numbers, positions) in enumerate(molecules):
            text = molecules.smiles[row]
            graph = chemistry.MolFromSmiles(text) if text else None
            if graph is None:
                text = smiles_of(numbers, positions)
                graph = chemistry.MolFromSmiles(text) if text else None
            if graph is None:
                raise UserError(
                    f"{molecules.names[row]}: no fingerprint, since neither SMILES nor geometry tell its bonds; "
                    "accepted: SMILES that RDKit takes, or a whole neutral molecule with its hydrogens"
                )
            counts[row] = generator.GetCountFingerprintAsNumPy(graph)
    return counts


@dataclass(frozen=True)
class Trees:
    """Regression trees, all their nodes one after the other, whose values are added up.

    Attributes:
        roots: the first node of each tree, int64 ``[T]``, from 0.
        features: that a node looks at, int64 ``[nodes]``; of a leaf 0.
        thresholds: up to which a molecule goes to the left, float64; of a leaf 0.
        left: the node to go to, int64; both of a leaf are itself.
        right: likewise.
        values: that a leaf adds, float64.
        start: what is added to, float64 ``[]``.
    """

    roots: np.ndarray
    features: np.ndarray
    thresholds: np.ndarray
    left: np.ndarray
    right: np.ndarray
    values: np.ndarray
    start: np.ndarray

    def __call__(self, described: np.ndarray) -> np.ndarray:
        """Of features float64 ``[M, F]``, float64 ``[M]``."""
        step = max(1, AT_ONCE // len(self.roots))
        pieces = [self._of_some(described[first : first + step]) for first in range(0, len(described), step)]
        return np.concatenate([np.zeros(0), *pieces])

    def _of_some(self, described: np.ndarray) -> np.ndarray:
        nodes = np.broadcast_to(self.roots, (len(described), len(self.roots)))
        rows = np.arange(len(described))[:, None]
        while True:
            to_left = described[rows, self.features[nodes]] <= self.thresholds[nodes]
            following = np.where(to_left, self.left[nodes], self.right[nodes])
            if (following == nodes).all():
                return self.values[nodes].sum(axis=1) + self.start
            nodes = following

    def check(self, features: int) -> None:
        """Refuse what would not come to an end, or look beside the features.

        Raises:
            ValueError: so it is.
        """
        roots, nodes = self.roots, np.arange(len(self.values))
        if not len(roots) or roots[0] != 0 or (np.diff(roots) <= 0).any() or roots[-1] >= len(nodes):
            raise ValueError("roots are no rising nodes")
        if (self.features < 0).any() or (self.features >= features).any():
            raise ValueError(f"a node looks at a feature that is none of {features}")
        ends = np.append(roots[1:], len(nodes))
        end = np.repeat(ends, ends - roots)
        leaf = (self.left == nodes) & (self.right == nodes)
        onward = (self.left > nodes) & (self.right > nodes) & (self.left < end) & (self.right < end)
        if not (leaf | onward).all():
            raise ValueError("a node leads back, or into another tree")


def trees_of(model: Any, rounds: int) -> Trees:
    """The first trees of a fitted ``HistGradientBoostingRegressor`` on features without missing values."""
    kept = [predictors[0].nodes for predictors in model._predictors[:rounds]]
    sizes = np.array([len(nodes) for nodes in kept], dtype=np.int64)
    roots = np.cumsum(sizes) - sizes
    nodes = np.concatenate(kept)
    itself, shift, leaf = np.arange(len(nodes)), np.repeat(roots, sizes), nodes["is_leaf"].astype(bool)
    return Trees(
        roots,
        np.where(leaf, 0, nodes["feature_idx"]).astype(np.int64),
        np.where(leaf, 0.0, nodes["num_threshold"]).astype(np.float64),
        np.where(leaf, itself, nodes["left"].astype(np.int64) + shift),
        np.where(leaf, itself, nodes["right"].astype(np.int64) + shift),
        np.where(leaf, nodes["value"], 0.0).astype(np.float64),
        np.array(np.asarray(model._baseline_prediction).item(), dtype=np.float64),
    )


class Fingerprints(Regressor):
    """Composition, and trees on fingerprint and composition for the rest.

    Args:
        composition: what the formula says.
        trees: of the rest.
        radius: of the fingerprint, bonds.
        bits: its length.
        learning_rate: that was chosen.
        leaves: that were chosen, at most of a tree.
    """

    def __init__(
        self, composition: Composition, trees: Trees, radius: int, bits: int, learning_rate: float, leaves: int
    ):
        self.composition, self.trees, self.radius, self.bits = composition, trees, radius, bits
        self.learning_rate, self.leaves = learning_rate, leaves

    @property
    def rounds(self) -> int:
        """Trees."""
        return len(self.trees.roots)

    def predict(self, molecules: Molecules) -> np.ndarray:
        """See ``Regressor``.

        Raises:
            UserError: an element that was not in training, or a molecule whose bonds nothing tells.
        """
        values = self.composition.predict(molecules)
        return values + self.trees(described(molecules, self.composition, self.radius, self.bits))

    def state(self) -> dict[str, Tensor]:
        """See ``Regressor``."""
        trees = {field.name: torch.from_numpy(np.asarray(getattr(self.trees, field.name))) for field in fields(Trees)}
        return {
            "radius": torch.tensor(self.radius),
            "bits": torch.tensor(self.bits),
            "learning_rate": torch.tensor(self.learning_rate, dtype=torch.float64),
            "leaves": torch.tensor(self.leaves),
            **beneath("trees", trees),
            **beneath("composition", self.composition.state()),
        }

    @classmethod
    def restored(cls, state: Mapping[str, Tensor]) -> Fingerprints:
        """See ``Regressor``."""
        radius, bits, leaves = (int(array(state, name, torch.int64)) for name in ("radius", "bits", "leaves"))
        if not 0 <= radius <= MOST_RADIUS or not 1 <= bits <= MOST_BITS:
            raise ValueError(f"a fingerprint of {bits} bits and radius {radius}")
        composition = Composition.restored(part("composition", state))
        of_trees = part("trees", state)
        values = array(of_trees, "values", torch.float64, None)
        trees = Trees(
            roots=array(of_trees, "roots", torch.int64, None),
            features=array(of_trees, "features", torch.int64, len(values)),
            thresholds=array(of_trees, "thresholds", torch.float64, len(values)),
            left=array(of_trees, "left", torch.int64, len(values)),
            right=array(of_trees, "right", torch.int64, len(values)),
            values=values,
            start=array(of_trees, "start", torch.float64),
        )
        trees.check(bits + len(composition.elements))
        rate = float(array(state, "learning_rate", torch.float64))
        return cls(composition, trees, radius, bits, rate, leaves)

    @property
    def parameter_count(self) -> int:
        """See ``Regressor``: a threshold or a value for each node, and the composition's."""
        return len(self.trees.values) + self.composition.parameter_count


def described(molecules: Molecules, composition: Composition, radius: int, bits: int) -> np.ndarray:
    """Features of trees: fingerprint, then atoms of each element, float64 ``[M, bits + E]``."""
    elements = [int(number) for number in composition.elements]
    return np.concatenate([morgan_counts(molecules, radius, bits), molecules.composition(elements)], axis=1)


def fit_fingerprints(
    molecules: Molecules,
    values: np.ndarray,
    validation: Molecules,
    validation_values: np.ndarray,
    average: bool,
    radius: int,
    bits: int,
    rounds: int,
    learning_rates: Sequence[float],
    leaves: Sequence[int],
    least: int,
    alpha: float,
) -> Fingerprints:
    """Fit with every learning rate and size of trees; validation's mean absolute error chooses, and where to stop.

    Args:
        molecules: for training.
        values: of the property, ``[M]``.
        validation: molecules that choose; those with elements that are in none of training do not.
        validation_values: of the property.
        average: whether the property is an average over atoms, see ``fit_composition``.
        radius: of the fingerprint, bonds.
        bits: its length.
        rounds: trees at most.
        learning_rates: shares of each tree that are added.
        leaves: of a tree at most.
        least: molecules of training in a leaf at least.
        alpha: of the composition.

    Raises:
        UserError: a molecule whose bonds nothing tells, no molecule that can choose, or a library is missing.
    """
    ensemble = library("sklearn.ensemble", "scikit-learn", "molecules")
    pools = library("threadpoolctl", "threadpoolctl", "molecules")
    composition = fit_composition(molecules, values, average, np.unique(molecules.numbers).tolist(), alpha)
    strange = validation.per_molecule(~np.isin(validation.numbers, composition.elements))
    choosing = np.flatnonzero(strange == 0)
    if not len(choosing):
        raise UserError("fingerprint_gbt: no molecule of validation has the elements of training alone")
    judges, truth = validation.take(choosing), np.asarray(validation_values, dtype=np.float64)[choosing]
    truth = truth - composition.predict(judges)
    residual = np.asarray(values, dtype=np.float64) - composition.predict(molecules)
    features, of_judges = (described(some, composition, radius, bits) for some in (molecules, judges))
    best: tuple[float, int, float, int, Any] | None = None
    for leaf_count in leaves:
        for rate in learning_rates:
            machine = ensemble.HistGradientBoostingRegressor(
                learning_rate=rate,
                max_iter=rounds,
                max_leaf_nodes=leaf_count,
                min_samples_leaf=least,
                early_stopping=False,
                random_state=0,
            )
            with pools.threadpool_limits(torch.get_num_threads()):
                model = machine.fit(features, residual)
            errors = [float(np.abs(guess - truth).mean()) for guess in model.staged_predict(of_judges)]
            count = int(np.argmin(errors)) + 1
            if best is None or errors[count - 1] < best[0]:
                best = (errors[count - 1], count, float(rate), int(leaf_count), model)
    assert best is not None
    _, count, rate, leaf_count, model = best
    return Fingerprints(composition, trees_of(model, count), radius, bits, rate, leaf_count)
