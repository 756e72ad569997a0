"""Prepared ratings in folders of their own, and the real data where this machine has it; nothing is tracked."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from hypernet.lab.acquire import MIRROR_VARIABLE, mirrors
from hypernet.ratings.config import PrepareSettings, RawSettings
from hypernet.ratings.dataset import prepare
from hypernet.ratings.raw import make

PROJECT = Path(__file__).resolve().parents[2]
# Without these a data set would be looked for on the network.
NEEDED = {f"ml100k_u{split}": "u.data" for split in range(1, 6)} | {"ml1m": "ml-1m.zip", "jester1": "jester-data-1.zip"}


@pytest.fixture(autouse=True)
def _no_tracking(without_mlflow):
    """These tests are not about tracking."""


@pytest.fixture(scope="session")
def config(section):
    """The project's ratings section with assignments over it: ``config("train.max_steps=5")``."""
    return partial(section, "ratings")


@pytest.fixture(scope="session")
def prepare_settings():
    """Settings for preparing, with changes to the usual ones."""

    def settings(**changes) -> PrepareSettings:
        usual = {"select": "validation", "validation_share": 0.1, "item_mean": "loo", "keep": None}
        return PrepareSettings(**(usual | changes))

    return settings


def mirror() -> Path | None:
    """A folder with the real data: the first of ``HYPERNET_MIRROR``, or the one beside the project; None without."""
    beside = PROJECT.parent / "shared" / "data"
    return next((folder for folder in [*mirrors(), beside] if folder.is_dir()), None)


@pytest.fixture(scope="session")
def real_file():
    """A file of the real data by name; the test is skipped where this machine has none."""

    def find(name: str) -> Path:
        folder = mirror()
        paths = sorted(folder.rglob(name)) if folder else []
        if not paths:
            pytest.skip(f"real data: no {name} in a folder named by {MIRROR_VARIABLE}")
        return paths[0]

    return find


@pytest.fixture(scope="session")
def prepared(tmp_path_factory, real_file, prepare_settings):
    """The folder of a prepared data set: ``prepared("preftrees", select="test")``."""
    root = tmp_path_factory.mktemp("ratings")

    def folder(dataset: str, **changes) -> Path:
        name = "-".join([dataset, *(f"{key}_{value}" for key, value in sorted(changes.items()))])
        if not (root / "raw" / dataset).exists():
            if dataset in NEEDED:
                real_file(NEEDED[dataset])
            with pytest.MonkeyPatch.context() as patch:
                if mirror():
                    patch.setenv(MIRROR_VARIABLE, str(mirror()))
                make(dataset, root / "raw" / dataset, RawSettings(table=None, allow_modified=False))
        if not (root / name).exists():
            prepare(dataset, root / "raw" / dataset, root / name, prepare_settings(**changes))
        return root / name

    return folder


@pytest.fixture(scope="session")
def small_population(tmp_path_factory, prepare_settings):
    """The folder of prepared generated ratings of fewer users, for what does not depend on how many there are."""
    root = tmp_path_factory.mktemp("few")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hypernet.ratings.sources.preftrees.USERS", 240)
        patch.setattr("hypernet.ratings.sources.preftrees.NEWCOMERS", 60)
        make("preftrees", root / "raw", RawSettings(table=None, allow_modified=False))
        prepare("preftrees", root / "raw", root / "prepared", prepare_settings())
    return root / "prepared"
