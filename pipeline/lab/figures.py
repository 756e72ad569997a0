"""How every picture of this project looks, and how it is saved."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.lab.files import atomic_path

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe & Ito (2008): eight colours told apart with every common kind of colour blindness.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#F0E442", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")


def use_style() -> None:
    """Draw without a screen, in the project's style."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams.update(
        {
            "figure.dpi": 110,
            "savefig.dpi": 150,
            "font.size": 10,
            "axes.titlesize": 11,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "grid.alpha": 0.3,
            "legend.frameon": False,
            "figure.constrained_layout.use": True,
            # The same picture gives the same bytes.
            "svg.hashsalt": "hypernet",
        }
    )


def save(figure: Figure, directory: Path, name: str) -> None:
    """Write ``name.png`` and ``name.svg``, each whole or not at all, and close the figure."""
    import matplotlib.pyplot as plt

    for suffix, metadata in ((".png", {"Software": None}), (".svg", {"Date": None})):
        with atomic_path(directory / f"{name}{suffix}") as temporary:
            figure.savefig(temporary, metadata=metadata)
    plt.close(figure)
