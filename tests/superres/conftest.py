"""Where the official digits are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def mirror() -> Path:
    """The folder of the official files of MNIST; tests that need it are skipped where it is absent."""
    named = [Path(folder) / "superres" for folder in os.environ.get("HYPERNET_MIRROR", "").split(":") if folder]
    for folder in [*named, PROJECT.parent / "shared" / "data" / "superres"]:
        if (folder / "t10k-images-idx3-ubyte.gz").is_file():
            return folder
    pytest.skip("the official files of MNIST (HYPERNET_MIRROR) are not here")
