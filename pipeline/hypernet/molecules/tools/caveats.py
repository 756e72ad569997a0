"""Where a molecule lies outside of what a method has learned from."""

from __future__ import annotations

import re

import numpy as np

from hypernet.molecules.core.elements import HYDROGEN, symbols_of
from hypernet.molecules.core.structures import Structure
from hypernet.molecules.tools.ensemble import Ensemble
from hypernet.molecules.tools.quantities import LEVEL, Quantity

# An atom in brackets that ends in a sign, maybe with a number.
FORMAL_CHARGE = re.compile(r"\[[^\]]*[+-]\d*\]")


def refusal(structure: Structure, ensemble: Ensemble) -> str:
    """Why no number is given of a molecule; "" where one is.

    A network has a row for every element, and of one that it has never seen it is random.
    """
    elements = ensemble.first.elements
    strange = structure.numbers[~np.isin(structure.numbers, elements)]
    if len(strange):
        return f"{symbols_of(strange)} was in no molecule for training; accepted: {symbols_of(elements)}"
    return ""


def warnings(structure: Structure, ensemble: Ensemble) -> list[str]:
    """What makes a prediction less certain than its interval says, a phrase each.

    Args:
        structure: a molecule that is predicted.
        ensemble: what predicts it.
    """
    lines = []
    first = ensemble.first
    heavy, atoms = int((structure.numbers != HYDROGEN).sum()), len(structure.numbers)
    if heavy > first.most_heavy:
        lines.append(f"{heavy} heavy atoms, none for training has more than {first.most_heavy}")
    elif atoms > first.most_atoms:
        lines.append(f"{atoms} atoms, none for training has more than {first.most_atoms}")
    if first.title.startswith("QM9") and FORMAL_CHARGE.search(structure.smiles):
        lines.append("atoms with formal charges, which hardly any molecule of QM9 has")
    if structure.made and ensemble.rebuilt is None:
        lines.append("geometry made from SMILES, the interval is that of geometries like the training's")
    return lines


def about_geometries(ensemble: Ensemble, quantity: Quantity) -> str:
    """What a geometry made from SMILES costs, for people, in the unit of a quantity."""
    where = f"{ensemble.target.name}: learned at the geometries of the data"
    rebuilt = ensemble.rebuilt
    if rebuilt is None:
        return (
            f"{where}; what a geometry made from SMILES costs is not known here (no items.csv of the run beside the "
            "model), and the interval does not hold it"
        )
    # As wide as rows have it: never narrower than the other.
    width = max(rebuilt.width, ensemble.width)
    error, same, half = (f"{value * quantity.scale:.3g}" for value in (rebuilt.error, rebuilt.same, width))
    average = " on average" if max(rebuilt.interval.slope, ensemble.interval.slope) else ""
    return (
        f"{where}; of {rebuilt.count} tested molecules the mean absolute error is {error} {quantity.unit} at "
        f"geometries made from SMILES and {same} at those of the data; intervals of made geometries are of these "
        f"errors: ±{half} {quantity.unit}{average}"
    )


def about_given(ensemble: Ensemble) -> str:
    """What is taken for granted of geometries that were given, for people."""
    those = f" (minima of {LEVEL})" if ensemble.title.startswith("QM9") else ""
    return (
        f"{ensemble.target.name}: geometries as given are taken for ones like those of the data{those}; of others the "
        "interval promises nothing"
    )
