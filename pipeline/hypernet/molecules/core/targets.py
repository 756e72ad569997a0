"""The twelve properties of QM9: what they are called, their units, and how a molecule's atoms make them up."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.molecules.core.elements import FREE_ATOMS, symbol_of
from hypernet.molecules.core.units import FACTORS, HARTREE_EV
from hypernet.molecules.names import TARGET_TITLES


@dataclass(frozen=True)
class Target:
    """A property of a molecule.

    Attributes:
        name: its short name, e.g. ``U0``.
        title: what it is, for people.
        dimension: of its unit, see ``units``; "" where the unit is none of those.
        raw_unit: of QM9's files.
        unit: in which it is trained and predicted.
        shown_unit: of errors in tables.
        readout: whether atoms' parts are added or averaged.
        reference: which energies of free atoms are taken off, ``U0``, ``U``, ``H`` or ``G``: the number is then the
            energy of atomization with its sign turned, below zero for a bound molecule; "" for none.
    """

    name: str
    title: str
    dimension: str
    raw_unit: str
    unit: str
    shown_unit: str
    readout: Literal["sum", "mean"]
    reference: str = ""

    @property
    def atomization(self) -> bool:
        """Whether free atoms' energies are taken off."""
        return bool(self.reference)

    @property
    def shown_factor(self) -> float:
        """Errors in the unit of tables for one in the unit of predictions."""
        if self.unit == self.shown_unit:
            return 1.0
        return FACTORS[self.dimension][self.shown_unit] / FACTORS[self.dimension][self.unit]


def _energy(name: str, readout: Literal["sum", "mean"], reference: str = "") -> Target:
    return Target(name, TARGET_TITLES[name], "energy", "Hartree", "eV", "meV", readout, reference)


def _other(name: str, dimension: str, unit: str, readout: Literal["sum", "mean"]) -> Target:
    return Target(name, TARGET_TITLES[name], dimension, unit, unit, unit, readout)


TARGETS = MappingProxyType(
    {
        target.name: target
        for target in (
            _other("mu", "dipole moment", "D", "mean"),
            _other("alpha", "polarizability", "a0^3", "sum"),
            _energy("homo", "mean"),
            _energy("lumo", "mean"),
            _energy("gap", "mean"),
            _other("r2", "area", "a0^2", "sum"),
            _energy("zpve", "sum"),
            _energy("U0", "sum", "U0"),
            _energy("U", "sum", "U"),
            _energy("H", "sum", "H"),
            _energy("G", "sum", "G"),
            _other("Cv", "heat capacity", "cal/(mol K)", "sum"),
        )
    }
)


def free_atoms(name: str, numbers: np.ndarray) -> np.ndarray:
    """Energy of each atom alone, in eV, float64.

    Args:
        name: ``U0``, ``U``, ``H`` or ``G``.
        numbers: atomic numbers, ``[A]``.

    Raises:
        UserError: an element that QM9 has no reference of.
    """
    references = FREE_ATOMS[name]
    strange = sorted({int(number) for number in np.unique(numbers)} - {*references})
    if strange:
        raise UserError(
            f"{', '.join(symbol_of(number) for number in strange)}: no free atom's {name} is known; "
            f"accepted: {', '.join(symbol_of(number) for number in references)}"
        )
    table = np.zeros(max(references) + 1)
    table[[*references]] = [value * HARTREE_EV for value in references.values()]
    return table[np.asarray(numbers, dtype=np.int64)]
