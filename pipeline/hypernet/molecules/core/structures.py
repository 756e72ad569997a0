"""A molecule as somebody gave it: its atoms, where it stood, what was done to it, and why it cannot be used if so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from hypernet.molecules.core.molecules import Molecules, molecule


@dataclass(frozen=True)
class Structure:
    """A molecule of a person's file or command line.

    Attributes:
        name: its own name where it has one, else its SMILES or its place.
        where: file and place within it, for messages: ``list.smi, line 3``.
        numbers: atomic numbers, uint8 ``[n]``.
        positions: in Å, float64 ``[n, 3]``.
        smiles: "" where none is known.
        made: what was done to get its geometry, for people: "" where the positions are those of the file.
        problem: why it cannot be used, "" where it can.
        charge: of the whole molecule, in elementary charges; None where nothing tells.
        radicals: unpaired electrons; None where nothing tells.
        facts: what else stood with it (SDF tags, columns of a table, keys of an xyz comment), as text.
    """

    name: str
    where: str
    numbers: np.ndarray = field(default_factory=lambda: np.zeros(0, np.uint8))
    positions: np.ndarray = field(default_factory=lambda: np.zeros((0, 3)))
    smiles: str = ""
    made: str = ""
    problem: str = ""
    charge: int | None = None
    radicals: int | None = None
    facts: Mapping[str, str] = field(default_factory=dict)

    def molecules(self) -> Molecules:
        """A set of this molecule alone."""
        return molecule([int(number) for number in self.numbers], self.positions, self.name, self.smiles)
