"""A picture of molecules whose atoms are coloured by what they give of a property."""

from __future__ import annotations

from pathlib import Path

from hypernet.lab.errors import UserError
from hypernet.lab.files import atomic_path, output_file
from hypernet.lab.results.figures import use_style
from hypernet.molecules.core.elements import HYDROGEN
from hypernet.molecules.tools.attribution import Parts
from hypernet.molecules.tools.quantities import Quantity

ENDINGS = (".svg", ".png")
MOST_DRAWN = 24
LONGEST_NAME = 36


def draw(parts: Parts, quantity: Quantity, path: str | Path) -> str:
    """Draw molecules flat in a grid, on one scale of colours.

    Args:
        parts: what each atom gives; of energies without those of the free atoms, beside which nothing else is seen.
        quantity: the property, and the unit.
        path: .svg or .png.

    Returns:
        what is in the file, for people.

    Raises:
        UserError: another ending, a folder, no molecule with a skeleton whose bonds can be told, or RDKit is missing.
    """
    path = output_file(path, *ENDINGS)
    # Takes a second, so only where a picture is asked for.
    import matplotlib.pyplot as plt

    from hypernet.molecules.plots.bonds import bonded
    from hypernet.molecules.plots.colouring import Coloured, draw_contributions

    target, molecules = quantity.target, parts.molecules
    average = target.readout == "mean"
    drawings = []
    for row, structure in enumerate(parts.structures[:MOST_DRAWN]):
        drawn = bonded(structure.numbers, structure.positions, structure.smiles)
        # Hydrogen alone has no skeleton.
        if drawn is not None and (structure.numbers != HYDROGEN).any():
            start = molecules.starts[row]
            values = parts.values[start : start + molecules.counts[row]] * quantity.scale
            total = values.mean() if average else values.sum()
            drawings.append(Coloured(drawn, values, f"{_short(structure.name)}\n{total:.4g} {quantity.unit}"))
    if not drawings:
        raise UserError("--picture: no molecule has a skeleton of heavy atoms whose bonds can be told")
    name = f"{target.name} of atomization, sign turned" if target.atomization else target.name
    how, taken = ("average to", "averaged with") if average else ("add up to", "added to")
    use_style()
    figure = draw_contributions(
        drawings,
        quantity.unit,
        f"Atoms' parts of {name}",
        f"Atoms' parts, which {how} the prediction, a hydrogen's {taken} that of the atom it is bound to. "
        "Nobody measured parts: they are how this network comes to its prediction, and another training may share "
        "it out differently.",
        average=average,
    )
    metadata = {"Date": None} if path.suffix == ".svg" else {"Software": None}
    with atomic_path(path) as temporary:
        figure.savefig(temporary, metadata=metadata)
    plt.close(figure)
    count = len(drawings)
    rest = f" of {len(parts.structures):,}" if count < len(parts.structures) else ""
    return f"{path}: {count}{rest} molecule{'s' if count > 1 or rest else ''}, atoms coloured by their parts of {name}"


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 3]}..."
