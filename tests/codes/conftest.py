"""Prepared codes and trained runs in folders of their own; nothing is tracked."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import pytest

from hypernet.codes.config import PrepareSettings, RawSettings
from hypernet.codes.dataset import prepare
from hypernet.codes.raw import make
from hypernet.codes.sources.matrices import MATRICES

# galois compiles with numba, which would give torch as many threads as there are processors: many times slower
# where other work runs beside.
os.environ.setdefault("NUMBA_NUM_THREADS", "1")

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _no_tracking(without_mlflow):
    """These tests are not about tracking."""


@pytest.fixture(scope="session")
def config(section):
    """The project's codes section with assignments over it: ``config("train.max_steps=5")``."""
    return partial(section, "codes")


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    """The folder of a prepared code."""
    root = tmp_path_factory.mktemp("codes")

    def folder(dataset: str) -> Path:
        if not (root / dataset).exists():
            make(dataset, root / "raw" / dataset, RawSettings(source="constructed", matrix=None))
            prepare(dataset, root / "raw" / dataset, root / dataset, PrepareSettings())
        return root / dataset

    return folder


@pytest.fixture(scope="session")
def published_file():
    """The published file of a code, from the folders that hold downloads; without it the test is skipped."""

    def file(name: str) -> Path:
        folders = [Path(part) for part in os.environ.get("HYPERNET_MIRROR", "").split(os.pathsep) if part]
        for folder in [*folders, PROJECT.parent / "shared" / "data"]:
            files = sorted(folder.rglob(MATRICES[name].database_file)) if folder.is_dir() else []
            if files:
                return files[0]
        return pytest.skip(f"{MATRICES[name].database_file} is in no folder of HYPERNET_MIRROR nor in ../shared/data")

    return file
