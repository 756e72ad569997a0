"""Chemical elements: symbols, atomic numbers, and the energies of free atoms that QM9 was published with."""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType

_IN_ORDER = (
    "H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr Rb "
    "Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu "
    "Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr Rf Db "
    "Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts Og"
)
SYMBOLS = tuple(_IN_ORDER.split())
NUMBERS = MappingProxyType({symbol: number for number, symbol in enumerate(SYMBOLS, start=1)})
# Rows of an embedding table: 0 stands for no atom.
TABLE_SIZE = len(SYMBOLS) + 1
HYDROGEN = 1
# Those of QM9, in the order of its stoichiometry.
QM9_ELEMENTS = (1, 6, 7, 8, 9)

# Hartree, B3LYP/6-31G(2df,p): atomref.txt of QM9 (Ramakrishnan et al. 2014).
FREE_ATOMS = MappingProxyType(
    {
        "U0": {1: -0.500273, 6: -37.846772, 7: -54.583861, 8: -75.064579, 9: -99.718730},
        "U": {1: -0.498857, 6: -37.845355, 7: -54.582445, 8: -75.063163, 9: -99.717314},
        "H": {1: -0.497912, 6: -37.844411, 7: -54.581501, 8: -75.062219, 9: -99.716370},
        "G": {1: -0.510927, 6: -37.861317, 7: -54.598897, 8: -75.079532, 9: -99.733544},
    }
)


def symbol_of(number: int) -> str:
    """The symbol of an element; of a number that is none, the number."""
    return SYMBOLS[number - 1] if 1 <= number <= len(SYMBOLS) else f"element {number}"


def symbols_of(numbers: Iterable[int]) -> str:
    """Symbols for people, each once, in the order of their numbers: ``H, C, O``."""
    return ", ".join(symbol_of(number) for number in sorted({int(number) for number in numbers}))


def formula_of(numbers: Iterable[int]) -> str:
    """Molecular formula in Hill's order: carbon, hydrogen, then by the alphabet."""
    count: dict[str, int] = {}
    for number in numbers:
        symbol = symbol_of(int(number))
        count[symbol] = count.get(symbol, 0) + 1
    first = [symbol for symbol in ("C", "H") if "C" in count and symbol in count]
    order = [*first, *sorted(symbol for symbol in count if symbol not in first)]
    return "".join(f"{symbol}{count[symbol] if count[symbol] > 1 else ''}" for symbol in order)
