"""Where the real shapes are, and a small data set that several tests read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def mirror() -> Path:
    """The folder of real shapes; tests that need it are skipped where it is absent."""
    named = [Path(folder) / "shapes" for folder in os.environ.get("HYPERNET_MIRROR", "").split(":") if folder]
    for folder in [*named, PROJECT.parent / "shared" / "data" / "shapes"]:
        if (folder / "reference").is_dir():
            return folder
    pytest.skip("the real shapes (HYPERNET_MIRROR) are not here")
