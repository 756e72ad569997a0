"""Which number is given of a property: of atomization or total, in which unit, and what it is called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.molecules.core.elements import FREE_ATOMS
from hypernet.molecules.core.molecules import Molecules
from hypernet.molecules.core.targets import Target, free_atoms
from hypernet.molecules.core.units import FACTORS, factor, unit_named

Energy = Literal["atomization", "total"]
ENERGIES = ("atomization", "total")
LEVEL = "B3LYP/6-31G(2df,p)"


@dataclass(frozen=True)
class Quantity:
    """A number that is given of each molecule.

    Attributes:
        target: the property as the model predicts it.
        unit: in which it is given.
        total: whether the free atoms' energies are added.
        title: of the data set.
    """

    target: Target
    unit: str
    total: bool
    title: str

    @property
    def name(self) -> str:
        """Of the property, and which energy it is: ``U0 atomization``."""
        if self.total:
            return f"{self.target.name} total"
        return f"{self.target.name} atomization" if self.target.atomization else self.target.name

    def column(self, what: str = "") -> str:
        """Name of a column: ``U0 atomization low (eV)``."""
        return f"{self.name}{f' {what}' if what else ''} ({self.unit})"

    @property
    def scale(self) -> float:
        """What a difference in the target's unit is multiplied by."""
        return factor(self.target.unit, self.unit, self.target.dimension) if self.target.dimension else 1.0

    def of(self, predicted: np.ndarray, molecules: Molecules) -> np.ndarray:
        """What is given, of predictions in the target's unit, ``[M]``."""
        if self.total:
            predicted = predicted + molecules.per_molecule(self.of_free_atoms(molecules))
        return predicted * self.scale

    def of_parts(self, parts: np.ndarray, molecules: Molecules) -> np.ndarray:
        """The same of atoms' parts, ``[A]``."""
        return (parts + self.of_free_atoms(molecules) if self.total else parts) * self.scale

    def of_free_atoms(self, molecules: Molecules) -> np.ndarray:
        """Energies of all atoms alone in the target's unit, float64 ``[A]``."""
        return free_atoms(self.target.reference, molecules.numbers) * factor("eV", self.target.unit, "energy")

    def sentence(self) -> str:
        """Which number it is, for people."""
        title = self.target.title
        at = f" ({LEVEL})" if self.title.startswith("QM9") else ""
        if self.total:
            return (
                f"{self.column()}: {title}{at}, of electrons and nuclei: the predicted energy of atomization and the "
                "energies of the free atoms"
            )
        if self.target.atomization:
            return (
                f"{self.column()}: {title}{at} less those of the free atoms: the energy of atomization with its sign "
                "turned, below zero for a bound molecule"
            )
        return f"{self.column()}: {title}{at}"


def wanted(
    targets: Sequence[Target], titles: Sequence[str], units: Sequence[str], energy: str = "atomization"
) -> list[Quantity]:
    """What is given of each property.

    Args:
        targets: the properties.
        titles: of the data sets that they were learned from.
        units: each for the properties of its dimension; those of which none is named keep the model's.
        energy: ``atomization`` or ``total``, of U0, U, H and G.

    Raises:
        UserError: a unit that is none of these properties', two of them for the same, or no total energy is known.
    """
    if energy not in ENERGIES:
        raise UserError(f"energy: {energy!r}; accepted: {', '.join(ENERGIES)}")
    total = energy == "total"
    names = ", ".join(target.name for target in targets)
    if total and not any(target.atomization for target in targets):
        raise UserError(f"--energy total: of {', '.join(FREE_ATOMS)}; the models predict {names}")
    chosen = dict.fromkeys((target.dimension for target in targets if target.dimension), "")
    for text in units:
        dimensions = [dimension for dimension in chosen if _is_unit(text, dimension)]
        if not dimensions and not any(not target.dimension and target.unit == text for target in targets):
            accepted = [unit for dimension in chosen for unit in FACTORS[dimension]]
            accepted += [target.unit for target in targets if not target.dimension]
            raise UserError(f"--unit {text}: none of {names}; accepted: {', '.join(accepted)}")
        for dimension in dimensions:
            unit = unit_named(text, dimension)
            if chosen[dimension] not in ("", unit):
                raise UserError(f"--unit: {chosen[dimension]} and {unit}, both of {dimension}; name one")
            chosen[dimension] = unit
    quantities = []
    for target, title in zip(targets, titles, strict=True):
        summed = total and target.atomization
        quantities.append(Quantity(target, chosen.get(target.dimension) or target.unit, summed, title))
    return quantities


def _is_unit(text: str, dimension: str) -> bool:
    try:
        unit_named(text, dimension)
    except UserError:
        return False
    return True
