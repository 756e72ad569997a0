"""Molecules as arrays: all atoms of a set one after the other, and what is wrong with one of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from hypernet.molecules.core.elements import HYDROGEN, formula_of, symbol_of

# Å. The shortest bond there is, of H2, is 0.74; at half an Å two atoms are one by mistake.
NEAREST = 0.5
# Covalent radii times this reach further than any bond (Cordero et al. 2008 with the slack of most programs).
BOND_SLACK = 1.5
# Å, of single bonds (Cordero et al. 2008); other elements have none smaller than the default.
RADII = {
    1: 0.31,
    5: 0.84,
    6: 0.76,
    7: 0.71,
    8: 0.66,
    9: 0.57,
    14: 1.11,
    15: 1.07,
    16: 1.05,
    17: 1.02,
    35: 1.20,
    53: 1.39,
}
OTHER_RADIUS = 1.6
# Å from the origin, within which single precision tells places to a hundred-thousandth.
FAR = 100.0


def places_of(starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The places of some runs of neighbours, one run after the other.

    Args:
        starts: where each begins, ``[n]``.
        counts: how long it is, ``[n]``.
    """
    return np.repeat(starts - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum())


@dataclass(frozen=True)
class Molecules:
    """Some molecules.

    Attributes:
        numbers: atomic numbers of all atoms, one molecule after the other, uint8 ``[A]``.
        positions: in Å, float32 ``[A, 3]``.
        counts: atoms of each molecule, int64 ``[M]``.
        names: of the molecules, for people.
        smiles: of each; "" where none is known.
    """

    numbers: np.ndarray
    positions: np.ndarray
    counts: np.ndarray
    names: list[str]
    smiles: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.smiles:
            object.__setattr__(self, "smiles", [""] * len(self.counts))
        assert len(self.numbers) == len(self.positions) == self.counts.sum()
        assert len(self.counts) == len(self.names) == len(self.smiles)

    def __len__(self) -> int:
        return len(self.counts)

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Atomic numbers ``[n]`` and positions ``[n, 3]`` of one molecule after the other."""
        ends = np.cumsum(self.counts)
        for end, count in zip(ends, self.counts, strict=True):
            yield self.numbers[end - count : end], self.positions[end - count : end]

    @cached_property
    def starts(self) -> np.ndarray:
        """The first atom of each molecule, ``[M]``."""
        return np.cumsum(self.counts) - self.counts

    @property
    def molecule_of_atom(self) -> np.ndarray:
        """The molecule of each atom, ``[A]``."""
        return np.repeat(np.arange(len(self)), self.counts)

    @property
    def heavy_atoms(self) -> np.ndarray:
        """Atoms of each molecule that are not hydrogen, ``[M]``."""
        return self.per_molecule(self.numbers != HYDROGEN).astype(np.int64)

    def per_molecule(self, values: np.ndarray) -> np.ndarray:
        """Sums over each molecule's atoms: ``[A]`` to float64 ``[M]``."""
        return np.bincount(self.molecule_of_atom, weights=values, minlength=len(self))

    def composition(self, elements: Sequence[int]) -> np.ndarray:
        """How many atoms of each element, float64 ``[M, elements]``."""
        return np.stack([self.per_molecule(self.numbers == number) for number in elements], axis=1)

    def formula(self, row: int) -> str:
        """Molecular formula of one of them."""
        start = self.starts[row]
        return formula_of(self.numbers[start : start + self.counts[row]])

    def atoms_of(self, rows: np.ndarray) -> np.ndarray:
        """Places of the atoms of some molecules, in the order of ``rows``."""
        return places_of(self.starts[rows], self.counts[rows])

    def take(self, rows: np.ndarray | Sequence[int]) -> Molecules:
        """Some of them, in the order of ``rows``."""
        rows = np.asarray(rows, dtype=np.int64)
        atoms = self.atoms_of(rows)
        return Molecules(
            self.numbers[atoms],
            self.positions[atoms],
            self.counts[rows],
            [self.names[row] for row in rows],
            [self.smiles[row] for row in rows],
        )


def molecule(numbers: Sequence[int], positions: np.ndarray, name: str = "molecule", smiles: str = "") -> Molecules:
    """A set of one molecule; one that lies far from the origin is brought there, see ``near_origin``."""
    return Molecules(
        np.asarray(numbers, dtype=np.uint8),
        near_origin(np.asarray(positions).reshape(-1, 3)).astype(np.float32),
        np.array([len(numbers)]),
        [name],
        [smiles],
    )


def near_origin(positions: np.ndarray) -> np.ndarray:
    """The positions of a molecule, shifted to the origin where they lie so far from it that float32 would blur them.

    Args:
        positions: in Å, ``[n, 3]``, of any precision.
    """
    if not len(positions) or np.abs(positions).max() <= FAR:
        return positions
    place = positions.astype(np.float64)
    centred: np.ndarray = place - place.mean(axis=0)
    return centred


def joined(sets: Sequence[Molecules]) -> Molecules:
    """One set of several, in their order."""
    if not sets:
        return Molecules(np.zeros(0, np.uint8), np.zeros((0, 3), np.float32), np.zeros(0, np.int64), [], [])
    return Molecules(
        np.concatenate([entry.numbers for entry in sets]),
        np.concatenate([entry.positions for entry in sets]),
        np.concatenate([entry.counts for entry in sets]),
        [name for entry in sets for name in entry.names],
        [text for entry in sets for text in entry.smiles],
    )


def problem(numbers: np.ndarray, positions: np.ndarray) -> str:
    """What is wrong with a molecule's geometry; "" where nothing is.

    Args:
        numbers: atomic numbers, ``[n]``.
        positions: in Å, ``[n, 3]``.
    """
    if len(numbers) == 0:
        return "no atoms"
    if not np.isfinite(positions).all():
        atom = int(np.flatnonzero(~np.isfinite(positions).all(axis=1))[0])
        return f"the position of atom {atom + 1} ({symbol_of(int(numbers[atom]))}) is not a number"
    place = np.asarray(positions, dtype=np.float64)
    with np.errstate(over="ignore"):
        distances = np.linalg.norm(place[:, None] - place[None], axis=-1)
    np.fill_diagonal(distances, np.inf)
    if len(numbers) > 1 and distances.min() < NEAREST:
        first, second = sorted(int(atom) for atom in np.unravel_index(distances.argmin(), distances.shape))
        return (
            f"atoms {first + 1} ({symbol_of(int(numbers[first]))}) and {second + 1} "
            f"({symbol_of(int(numbers[second]))}) are {distances.min():.3g} Å apart; "
            f"accepted: {NEAREST} and more (are these Å, and not fractions or nm?)"
        )
    pieces = fragments(numbers, distances)
    if pieces > 1:
        # In bohr no two atoms are near enough.
        hint = "are these Å, and not bohr or pm?" if pieces == len(numbers) else "without solvent or counter-ions"
        return f"{pieces} parts that no bond joins; accepted: one molecule ({hint})"
    return ""


def fragments(numbers: np.ndarray, distances: np.ndarray) -> int:
    """Number of parts between which no two atoms are near enough for a bond.

    Args:
        numbers: atomic numbers, ``[n]``.
        distances: between atoms, Å, ``[n, n]``.
    """
    radii = np.array([RADII.get(int(number), OTHER_RADIUS) for number in numbers])
    near = distances < BOND_SLACK * (radii[:, None] + radii[None])
    unseen = np.ones(len(numbers), dtype=bool)
    count = 0
    while unseen.any():
        count += 1
        front = np.zeros(len(numbers), dtype=bool)
        front[int(np.flatnonzero(unseen)[0])] = True
        while front.any():
            unseen &= ~front
            front = near[front].any(axis=0) & unseen
    return count
