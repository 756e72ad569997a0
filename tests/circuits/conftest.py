"""Prepared circuits and short trainings in folders of their own; nothing is tracked."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from hypernet.circuits.dataset import prepare
from hypernet.circuits.raw import make
from hypernet.circuits.train import train
from hypernet.lab.acquire import MIRROR_VARIABLE, mirrors
from hypernet.lab.job import Job

PROJECT = Path(__file__).resolve().parents[2]
NETWORKS = ("gru", "gru_per_length", "gru_wide", "gru_only_hypernet", "ours_no_sim", "ours", "ours_lowrank")
# Circuits of three parts only: seconds, not minutes.
SMALL = (
    "datasets=[small]",
    "ladders.small={lengths: [2, 3], values: [1.0, 2.2], targets: drawn}",
    "frequency.points=24",
    "validation_circuits=60",
    "test_circuits=60",
    "train.max_steps=200",
    "train.check_every_steps=100",
    "train.learning_rate=0.01",
    "train.batch_circuits=64",
    "encoder.widths=[64]",
    "encoder.size=24",
    "decoder.hidden=16",
    "decoder.embedding=8",
    "ga.population=40",
    "ga.generations=10",
    "ours_rank64.candidates=8",
    "ours_rank64.polish_steps=20",
    # No second trainings.
    *(f"departures.{method}.equal_time_steps=null" for method in NETWORKS),
)
# Of simulator-ranked rows the method whose network they take.
NETWORK_OF = {"ours_rank64": "ours", "ours_lowrank_rank64": "ours_lowrank"}


@pytest.fixture(autouse=True)
def _no_tracking(without_mlflow):
    """These tests are not about tracking."""


@pytest.fixture(scope="session")
def config(section):
    """The project's circuits section with assignments over it: ``config("train.max_steps=5")``."""
    return partial(section, "circuits")


@pytest.fixture(scope="session")
def small(config):
    """The section for circuits of two and three parts, with assignments over it."""

    def load(*assignments: str):
        return config(*SMALL, *assignments)

    return load


@pytest.fixture(scope="session")
def prepared(tmp_path_factory, small) -> Path:
    """The folder of the prepared small data set."""
    root, settings = tmp_path_factory.mktemp("circuits"), small()
    make("small", root / "raw", settings.settings("raw", "small"))
    prepare("small", root / "raw", root / "processed", settings.settings("prepare", "small"))
    return root / "processed"


@pytest.fixture(scope="session")
def trained(tmp_path_factory, prepared, small):
    """The folder of a short training of a method, made once: ``trained("ours")``."""
    root = tmp_path_factory.mktemp("runs")

    def folder(method: str, *assignments: str, seed: int = 0) -> Path:
        place = root / "-".join(["small", *assignments]).replace("/", "_") / method / f"seed{seed}"
        if not (place / "run.json").exists():
            if method in NETWORK_OF:
                folder(NETWORK_OF[method], *assignments, seed=seed)
            settings = small(*assignments).settings("train", "small", method)
            with pytest.MonkeyPatch.context() as patch:
                patch.setitem(__import__("sys").modules, "mlflow", None)
                train(Job("circuits", "small", method, seed, prepared, place, settings))
        return place

    return folder


@pytest.fixture(scope="session")
def reference_file():
    """A file of the reference two-ports by name; the test is skipped where this machine has none."""

    def find(name: str) -> Path:
        for folder in [*mirrors(), PROJECT.parent / "shared" / "data"]:
            paths = sorted(folder.rglob(name)) if folder.is_dir() else []
            if paths:
                return paths[0]
        return pytest.skip(f"no {name} in a folder named by {MIRROR_VARIABLE}")

    return find
