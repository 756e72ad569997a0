"""Where QM9 is, its first molecules, and four molecules by hand."""

from __future__ import annotations

import importlib.util
import itertools
import os
from pathlib import Path

import numpy as np
import pytest

from hypernet.molecules.core.molecules import Molecules, joined, molecule
from hypernet.molecules.sources.qm9 import PARTS, Qm9, read_csv

PROJECT = Path(__file__).resolve().parents[2]
FIRST_ROWS = 300


@pytest.fixture(scope="session")
def mirror() -> Path:
    """The folder of the mirrored files of QM9; tests that need it are skipped where it is absent."""
    named = [Path(folder) / "molecules" for folder in os.environ.get("HYPERNET_MIRROR", "").split(":") if folder]
    for folder in [*named, PROJECT.parent / "shared" / "data" / "molecules"]:
        if (folder / "qm9_upto7heavy.csv.gz").is_file():
            return folder
    pytest.skip("the mirrored files of QM9 (HYPERNET_MIRROR) are not here")


@pytest.fixture(scope="session")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Qm9:
    """The first molecules of QM9, of at most six heavy atoms."""
    package = importlib.util.find_spec("qm9pack")
    if package is None or not package.submodule_search_locations:
        pytest.skip("qm9pack is not installed")
    with (Path(package.submodule_search_locations[0]) / PARTS[0][0]).open("rb") as file:
        lines = [*itertools.islice(file, FIRST_ROWS + 1)]
    path = tmp_path_factory.mktemp("qm9") / "first.csv"
    path.write_bytes(b"".join(lines))
    return read_csv(path)


@pytest.fixture(scope="session")
def tiny() -> Molecules:
    """Water, methane, hydrogen, and helium: an atom alone."""
    water = np.array([[0, 0, 0.119], [0, 0.763, -0.477], [0, -0.763, -0.477]])
    corners = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
    methane = np.concatenate([np.zeros((1, 3)), 1.087 / 3**0.5 * corners])
    return joined(
        [
            molecule([8, 1, 1], water, "water", "O"),
            molecule([6, 1, 1, 1, 1], methane, "methane", "C"),
            molecule([1, 1], np.array([[0, 0, 0], [0, 0, 0.741]]), "hydrogen", "[H][H]"),
            molecule([2], np.zeros((1, 3)), "helium", "[He]"),
        ]
    )
