"""Where the real recordings and meshes are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
MIRRORS = [Path(folder) for folder in os.environ.get("HYPERNET_MIRROR", "").split(":") if folder]


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The folder of real recordings; tests that need it are skipped where it is absent."""
    for folder in [*MIRRORS, PROJECT.parent / "shared" / "data"]:
        if list((folder / "sonar").glob("*.wav")):
            return folder / "sonar"
    pytest.skip("the real recordings (HYPERNET_MIRROR) are not here")


@pytest.fixture(scope="session")
def mirror() -> Path:
    """The folder of real shapes; tests that need it are skipped where it is absent."""
    for folder in [*MIRRORS, PROJECT.parent / "shared" / "data"]:
        if (folder / "shapes" / "meshes").is_dir():
            return folder / "shapes"
    pytest.skip("the real shapes (HYPERNET_MIRROR) are not here")
