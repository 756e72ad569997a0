"""What each atom gives of a property: the parts that a network adds up, or averages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.molecules.core.elements import symbol_of
from hypernet.molecules.core.molecules import Molecules, joined
from hypernet.molecules.core.structures import Structure
from hypernet.molecules.sources.geometry import CONFORMERS
from hypernet.molecules.tools.answers import asked
from hypernet.molecules.tools.caveats import refusal
from hypernet.molecules.tools.inputs import Given, gathered
from hypernet.molecules.tools.quantities import Energy, Quantity

if TYPE_CHECKING:
    import pandas as pd

    from hypernet.molecules.tools.ensemble import Ensemble, Model


@dataclass(frozen=True)
class Parts:
    """What each atom of some molecules gives.

    Attributes:
        structures: the molecules.
        molecules: the same as arrays.
        values: in the target's unit, mean of the ensemble, float64 ``[A]``.
        spread: standard deviation of the ensemble, ``[A]``; NaN of one method.
    """

    structures: list[Structure]
    molecules: Molecules
    values: np.ndarray
    spread: np.ndarray


def parts_of(structures: Sequence[Structure], ensemble: Ensemble) -> Parts:
    """What each atom of those molecules gives that can be predicted.

    Raises:
        UserError: a method has no such parts, or no molecule can be predicted.
    """
    usable = [entry for entry in structures if not entry.problem and not refusal(entry, ensemble)]
    if not usable:
        raise UserError(f"{ensemble.target.name}: no molecule that can be predicted")
    molecules = joined([structure.molecules() for structure in usable])
    return Parts(usable, molecules, *ensemble.contributions(molecules))


def rows_of(parts: Parts, quantity: Quantity) -> pd.DataFrame:
    """A row per atom, see ``contributions``."""
    import pandas as pd

    molecules = parts.molecules
    owner = molecules.molecule_of_atom
    return pd.DataFrame(
        {
            "molecule": [molecules.names[row] for row in owner],
            "source": [parts.structures[row].where for row in owner],
            "atom": np.arange(len(owner)) - molecules.starts[owner] + 1,
            "element": [symbol_of(int(number)) for number in molecules.numbers],
            "property": quantity.name,
            "contribution": quantity.of_parts(parts.values, molecules),
            "spread": parts.spread * quantity.scale,
            "unit": quantity.unit,
        }
    )


def contributions(
    inputs: Given | Iterable[Given],
    *,
    model: Model | Sequence[Model],
    target: str | Sequence[str] = (),
    unit: str | Sequence[str] = (),
    energy: Energy = "atomization",
    column: str | None = None,
    conformers: int = CONFORMERS,
) -> pd.DataFrame:
    """What each atom gives of predicted properties.

    The parts add up to the prediction; those of mu, homo, lumo and gap average to it. They are how this network divides
    it, and nothing that could be measured: another training may divide it otherwise, which the spread of an ensemble
    shows.

    Args:
        inputs: see ``predict``, as all others.
        model: networks.
        target: properties that are asked for.
        unit: in which they are given.
        energy: ``atomization`` or ``total``.
        column: of the SMILES in tables.
        conformers: that are made of a molecule without a geometry.

    Returns:
        a row per atom of the molecules that can be predicted: ``molecule``, ``source``, ``atom`` (from 1, hydrogens
        that were added last), ``element``, ``property``, ``contribution``, ``spread``, ``unit``.

    Raises:
        UserError: see ``predict``; or a method that has no such parts.
    """
    import pandas as pd

    answers = asked(model, target, unit, energy)
    structures = gathered(inputs, column, conformers)
    tables = [rows_of(parts_of(structures, answer.ensemble), answer.quantity) for answer in answers]
    return pd.concat(tables, ignore_index=True)
