"""Functional groups of molecules, by SMARTS."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from hypernet.lab.libraries import library

# A molecule may have several of them. A carbonyl group counts wherever it is, in an amide too.
FUNCTIONAL_GROUPS = MappingProxyType(
    {
        "alcohol": "[OX2H][CX4]",
        "ether": "[OD2]([#6;!$(C=O)])[#6;!$(C=O)]",
        "amine": "[NX3;!$(N[#6]=[!#6]);!$(N~[!#6;!#1])]",
        "imine": "[CX3]=[NX2]",
        "amide": "[NX3][CX3](=[OX1])",
        "ester": "[CX3](=[OX1])[OX2][#6]",
        "carbonyl": "[CX3]=[OX1]",
        "nitrile": "[CX2]#[NX1]",
        "alkene": "[CX3]=[CX3]",
        "alkyne": "[CX2]#[CX2]",
        "aromatic ring": "a",
        "three-membered ring": "[r3]",
        "fluorine": "[F]",
        "zwitterion": "[*+].[*-]",
    }
)


def membership(molecules: Sequence[Any | None]) -> dict[str, np.ndarray]:
    """Which molecules have each functional group, bool ``[M]``.

    Args:
        molecules: RDKit's, with hydrogens; None has none of the groups.
    """
    chem = library("rdkit.Chem", "RDKit", "molecules")
    patterns = {name: chem.MolFromSmarts(text) for name, text in FUNCTIONAL_GROUPS.items()}
    return {
        name: np.array([each is not None and each.HasSubstructMatch(pattern) for each in molecules], dtype=bool)
        for name, pattern in patterns.items()
    }
