"""Units of molecules' properties and how they become each other; what has no unit here is refused."""

from __future__ import annotations

from types import MappingProxyType

from hypernet.lab.errors import UserError

# 1 Hartree in eV (CODATA 2018, as PyTorch Geometric and ASE have it); thermochemical calories.
HARTREE_EV = 27.211386246
HARTREE_KCAL_MOL = 627.5094740631
HARTREE_KJ_MOL = 2625.4996394799
BOHR_ANGSTROM = 0.529177210903

# By dimension, how many of each unit are one of the first.
FACTORS = MappingProxyType(
    {
        "energy": {
            "Hartree": 1.0,
            "eV": HARTREE_EV,
            "meV": 1000 * HARTREE_EV,
            "kcal/mol": HARTREE_KCAL_MOL,
            "kJ/mol": HARTREE_KJ_MOL,
        },
        "dipole moment": {"D": 1.0, "e*Angstrom": 0.20819433442},
        "polarizability": {"a0^3": 1.0, "Angstrom^3": BOHR_ANGSTROM**3},
        "area": {"a0^2": 1.0, "Angstrom^2": BOHR_ANGSTROM**2},
        "heat capacity": {"cal/(mol K)": 1.0, "J/(mol K)": 4.184},
    }
)
# Other spellings of the same, in small letters.
SPELLINGS = MappingProxyType(
    {
        "ha": "Hartree",
        "hartrees": "Hartree",
        "au": "Hartree",
        "a.u.": "Hartree",
        "kcal": "kcal/mol",
        "kcal mol-1": "kcal/mol",
        "kcalmol": "kcal/mol",
        "kj": "kJ/mol",
        "kj mol-1": "kJ/mol",
        "debye": "D",
        "bohr^3": "a0^3",
        "bohr3": "a0^3",
        "bohr^2": "a0^2",
        "bohr2": "a0^2",
        "a^3": "Angstrom^3",
        "a^2": "Angstrom^2",
        "cal/mol/k": "cal/(mol K)",
        "cal/molk": "cal/(mol K)",
        "cal mol-1 k-1": "cal/(mol K)",
        "j/mol/k": "J/(mol K)",
    }
)


def unit_named(name: str, dimension: str) -> str:
    """The unit of a dimension that a person means.

    Raises:
        UserError: none of that dimension.
    """
    known = FACTORS[dimension]
    by_letters = {unit.lower(): unit for unit in known} | {
        spelling: unit for spelling, unit in SPELLINGS.items() if unit in known
    }
    text = " ".join(name.split()).lower()
    if text not in by_letters:
        raise UserError(f"unit {name!r}: not one of {dimension}; accepted: {', '.join(known)}")
    return by_letters[text]


def factor(given: str, wanted: str, dimension: str) -> float:
    """What a number in one unit is to be multiplied by to be one in another.

    Raises:
        UserError: one of them is none of that dimension.
    """
    known = FACTORS[dimension]
    return known[unit_named(wanted, dimension)] / known[unit_named(given, dimension)]
