"""Where the photographs, pairs, plates and clips are that may not be redistributed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def mirror() -> Path:
    """Folder of kodak/, fivek/, fivek_experts/, prokudin/ and video/; tests that need it skip where it is absent."""
    named = [Path(folder) / "retouch" for folder in os.environ.get("HYPERNET_MIRROR", "").split(":") if folder]
    for folder in [*named, PROJECT.parent / "shared" / "data" / "retouch"]:
        if (folder / "kodak" / "kodim01.png").is_file():
            return folder
    pytest.skip("the photographs of the mirror (HYPERNET_MIRROR) are not here")


@pytest.fixture(autouse=True)
def printing() -> Iterator[None]:
    """colour-science, a peer of some tests, changes how numpy prints in the whole process."""
    with np.printoptions():
        yield
