"""The first molecules of QM9, from the package that carries them."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

ROWS = 300


@pytest.fixture(scope="session")
def qm9pack() -> Path:
    """The package's folder, which is not imported."""
    package = importlib.util.find_spec("qm9pack")
    if package is None or not package.submodule_search_locations:
        pytest.skip("qm9pack is not installed")
    return Path(package.submodule_search_locations[0])


@pytest.fixture(scope="session")
def first_rows(qm9pack: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CSV file of the first 300 molecules."""
    out = tmp_path_factory.mktemp("qm9") / "first.csv"
    with (qm9pack / "data/qm9_part1.csv").open("rb") as file:
        out.write_bytes(b"".join(file.readline() for _ in range(ROWS + 1)))
    return out
