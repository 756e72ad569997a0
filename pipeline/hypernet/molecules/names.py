"""Names of the data sets and of the twelve properties: apart from the captions, so that a caption remakes no data."""

from __future__ import annotations

import re
from typing import NamedTuple

# In the order of the tables of Gilmer et al. (2017).
TARGET_TITLES = {
    "mu": "dipole moment",
    "alpha": "isotropic polarizability",
    "homo": "energy of the highest occupied orbital",
    "lumo": "energy of the lowest unoccupied orbital",
    "gap": "gap between HOMO and LUMO",
    "r2": "electronic spatial extent",
    "zpve": "zero-point vibrational energy",
    "U0": "internal energy at 0 K",
    "U": "internal energy at 298.15 K",
    "H": "enthalpy at 298.15 K",
    "G": "free energy at 298.15 K",
    "Cv": "heat capacity at 298.15 K",
}
# All molecules of QM9 have at most so many atoms that are not hydrogen.
MOST_HEAVY = 9
PATTERN = re.compile(rf"qm9(?:_([1-{MOST_HEAVY - 1}])heavy)?(?:_train([1-9]\d*))?_({'|'.join(TARGET_TITLES)})")
FORMS = ("qm9_7heavy_U0", "qm9_8heavy_train1000_gap", "qm9_mu", "...")


class Qm9Set(NamedTuple):
    """A part of QM9 and a property of it.

    Attributes:
        heavy: most atoms that are not hydrogen.
        train: so many of the molecules for training are used; None: all.
        target: short name of the property.
    """

    heavy: int
    train: int | None
    target: str


def qm9_set(dataset: str) -> Qm9Set | None:
    """What a data set's name says; None where it is none of QM9."""
    match = PATTERN.fullmatch(dataset)
    if match is None:
        return None
    heavy, train, target = match.groups()
    return Qm9Set(int(heavy) if heavy else MOST_HEAVY, int(train) if train else None, target)


def dataset_title(dataset: str) -> str:
    """Name of a data set for people."""
    named = qm9_set(dataset)
    if named is None:
        return dataset
    part = "QM9" if named.heavy == MOST_HEAVY else f"QM9, at most {named.heavy} heavy atoms"
    fewer = "" if named.train is None else f", {named.train:,} for training"
    return f"{part}{fewer}: {named.target}, {TARGET_TITLES[named.target]}"
