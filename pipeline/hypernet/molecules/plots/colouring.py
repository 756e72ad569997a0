"""Molecules drawn flat, their atoms coloured by their parts of a property."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from hypernet.lab.libraries import library
from hypernet.molecules.plots.bonds import heavy_neighbours
from hypernet.molecules.plots.style import plain, unit_for_people

# Blue and red of equal lightness on both sides of white: told apart with every common kind of colour blindness.
COLOUR_MAP = "RdBu_r"
# Length of a bond, radius of an atom, distance of the lines of a double bond.
BOND, RADIUS, GAP = 1.75, 0.56, 0.18
CARBON = 6
# Sides of the place of a molecule, and of a line of words below it; inches of a unit.
SIDE, HIGH, LINE = 7.6, 5.2, 0.42
INCHES = 0.42
SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
# Atoms whose colours are those of the ends of the scale, in %.
OUTERMOST = 2.0


@dataclass(frozen=True, eq=False)
class Coloured:
    """A molecule and its atoms' parts of a property.

    Attributes:
        molecule: RDKit's, hydrogens among its atoms.
        parts: of each atom, ``[n]``.
        words: some lines below it.
    """

    molecule: Any
    parts: np.ndarray
    words: str = ""


@dataclass(frozen=True, eq=False)
class Grouped:
    """The heavy atoms of a molecule, hydrogens counted with the atoms that they are bound to.

    Attributes:
        atoms: places of the heavy atoms in the molecule, ``[h]``.
        labels: element, hydrogens and charge of each, ``CH₃``.
        values: their parts, ``[h]``.
    """

    atoms: np.ndarray
    labels: list[str]
    values: np.ndarray


def grouped(entry: Coloured, average: bool = False) -> Grouped:
    """Count hydrogens with the atoms that they are bound to.

    Args:
        entry: the molecule.
        average: whether parts are averaged and not added.
    """
    with_whom = heavy_neighbours(entry.molecule)
    atoms, counts = np.unique(with_whom, return_counts=True)
    labels = []
    for place, hydrogens in zip(atoms.tolist(), (counts - 1).tolist(), strict=True):
        atom = entry.molecule.GetAtomWithIdx(place)
        bound = f"H{str(hydrogens).translate(SUBSCRIPTS) if hydrogens > 1 else ''}" if hydrogens else ""
        charge = {1: "⁺", -1: "⁻"}.get(atom.GetFormalCharge(), "")
        labels.append(f"{atom.GetSymbol()}{bound}{charge}")
    values = np.bincount(with_whom, weights=entry.parts, minlength=len(with_whom))[atoms]
    return Grouped(atoms, labels, values / counts if average else values)


def usual(molecules: Sequence[Coloured], average: bool = False) -> dict[str, float]:
    """The mean part of the atoms of each label.

    Args:
        molecules: whose atoms are looked at.
        average: see ``grouped``.
    """
    values: dict[str, list[float]] = {}
    for entry in molecules:
        groups = grouped(entry, average)
        for label, value in zip(groups.labels, groups.values.tolist(), strict=True):
            values.setdefault(label, []).append(value)
    return {label: sum(listed) / len(listed) for label, listed in values.items()}


def skeleton(molecule: Any, atoms: np.ndarray) -> tuple[np.ndarray, list[tuple[int, int, int]]]:
    """Some atoms of a molecule on paper by RDKit's CoordGen, the longer side across.

    Args:
        molecule: RDKit's.
        atoms: places of the atoms in it, ``[h]``.

    Returns:
        places, ``[h, 2]`` with bonds of length ``BOND``, and bonds: first and second atom, and order.
    """
    chem = library("rdkit.Chem", "RDKit", "molecules")
    coordinates = library("rdkit.Chem.rdCoordGen", "RDKit", "molecules")
    row_of = {atom: row for row, atom in enumerate(atoms.tolist())}
    bare = chem.RWMol()
    for atom in row_of:
        # CoordGen has no place for hydrogens: those of H2 stand as other atoms would.
        drawn = chem.Atom(max(CARBON, molecule.GetAtomWithIdx(atom).GetAtomicNum()))
        drawn.SetNoImplicit(True)
        bare.AddAtom(drawn)
    kekulised = chem.Mol(molecule)
    chem.Kekulize(kekulised, clearAromaticFlags=True)
    bonds = []
    for bond in kekulised.GetBonds():
        first, second = row_of.get(bond.GetBeginAtomIdx()), row_of.get(bond.GetEndAtomIdx())
        if first is not None and second is not None:
            bonds.append((first, second, int(bond.GetBondTypeAsDouble())))
            bare.AddBond(first, second, bond.GetBondType())
    coordinates.AddCoords(bare)
    places = np.array(bare.GetConformer().GetPositions())[:, :2]
    if bonds:
        places *= BOND / np.mean([np.linalg.norm(places[first] - places[second]) for first, second, _ in bonds])
        _, _, axes = np.linalg.svd(places - places.mean(axis=0), full_matrices=False)
        places = places @ axes.T
    return places - (places.min(axis=0) + places.max(axis=0)) / 2, bonds


def draw_contributions(
    molecules: Sequence[Coloured],
    unit: str,
    title: str,
    foot: str,
    *,
    compared: Mapping[str, float] | None = None,
    average: bool = False,
    across: int = 4,
) -> Figure:
    """Molecules in rows, each heavy atom with its part and coloured by it.

    Args:
        molecules: from left to right and down.
        unit: of the parts.
        title: above the picture.
        foot: below it.
        compared: the usual part by label, of all labels: then colours are what a part differs by from it.
        average: see ``grouped``.
        across: molecules in a row.
    """
    across = min(across, len(molecules))
    down = math.ceil(len(molecules) / across)
    groups = [grouped(entry, average) for entry in molecules]
    shades = [
        entry.values - (0.0 if compared is None else np.array([compared[label] for label in entry.labels]))
        for entry in groups
    ]
    norm, colours = _norm(np.concatenate(shades), compared is not None), mpl.colormaps[COLOUR_MAP]
    high = HIGH + LINE * (1.5 + max(entry.words.count("\n") + 1 for entry in molecules))
    wide = max(across * SIDE * INCHES + 1.3, 6.4)
    footing, heading = textwrap.wrap(foot, round(wide * 15)), textwrap.wrap(title, round(wide * 11))
    below, above = 0.17 * len(footing) + 0.2, 0.22 * len(heading) + 0.2
    tall = down * high * INCHES + below + above
    figure = plt.figure(figsize=(wide, tall), layout="none")
    axes = figure.add_axes((0, below / tall, 1 - 1.3 / wide, 1 - (below + above) / tall))
    segments: list[np.ndarray] = []
    for number, (entry, atoms, shade) in enumerate(zip(molecules, groups, shades, strict=True)):
        row, column = divmod(number, across)
        middle = np.array([(column + 0.5) * SIDE, -row * high - HIGH / 2])
        places, bonds = skeleton(entry.molecule, atoms.atoms)
        # A large molecule is drawn smaller, its bonds and atoms alike.
        size = min(1.0, *((np.array([SIDE, HIGH]) - 0.4) / (np.ptp(places, axis=0) + 2 * RADIUS)))
        places = middle + size * places
        for first, second, order in bonds:
            segments += _strokes(places[first], places[second], order, size)
        for (x, y), label, value, colour in zip(places, atoms.labels, atoms.values, colours(norm(shade)), strict=True):
            axes.add_patch(Circle((x, y), size * RADIUS, facecolor=colour, edgecolor="0.25", lw=0.8, zorder=2))
            ink: dict[str, Any] = {
                "color": "white" if np.dot(colour[:3], (0.299, 0.587, 0.114)) < 0.5 else "black",
                "ha": "center",
                "va": "center",
            }
            axes.text(x, y + size * 0.16, label, fontsize=size * 8, **ink)
            axes.text(x, y - size * 0.22, f"{value:.2f}", fontsize=size * 6, **ink)
        axes.text(middle[0], middle[1] - HIGH / 2 - 0.1, plain(entry.words), ha="center", va="top", fontsize=8)
    axes.add_collection(LineCollection(segments, colors="0.25", linewidths=1.2, zorder=1))
    axes.set(xlim=(0, across * SIDE), ylim=(-down * high, 0), aspect="equal")
    axes.set_axis_off()
    place = (1 - 1.15 / wide, (below + 0.2) / tall, 0.2 / wide, 1 - (below + above + 0.4) / tall)
    bar = figure.colorbar(ScalarMappable(norm, COLOUR_MAP), cax=figure.add_axes(place), extend="both")
    what = "Part of an atom with its hydrogens" if compared is None else "Part less the usual part of such atoms"
    bar.set_label(f"{what} ({unit_for_people(unit)})", fontsize=9)
    bar.ax.grid(visible=False)
    figure.text(0.5, 1 - 0.1 / tall, plain("\n".join(heading)), ha="center", va="top", fontsize=11)
    figure.text(0.15 / wide, 0.08 / tall, "\n".join(footing), va="bottom", fontsize=8, color="0.3")
    return figure


def _norm(shades: np.ndarray, differences: bool) -> Normalize:
    """White in the middle: at 0 for differences and where there are values on both sides of it, else at the median."""
    centre = 0.0 if differences or shades.min() < 0 < shades.max() else float(np.median(shades))
    reach = float(np.percentile(np.abs(shades - centre), 100 - OUTERMOST)) or 1.0
    return Normalize(centre - reach, centre + reach)


def _strokes(first: np.ndarray, second: np.ndarray, order: int, size: float) -> list[np.ndarray]:
    """Lines of a bond, side by side."""
    along = (second - first) / max(float(np.linalg.norm(second - first)), 1e-9)
    aside = size * GAP * np.array([-along[1], along[0]])
    return [np.stack([first + shift * aside, second + shift * aside]) for shift in np.arange(order) - (order - 1) / 2]
