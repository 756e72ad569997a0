"""Radar data in folders of their own, and the real files where this machine has them; nothing is tracked."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from hypernet.lab.acquire import MIRROR_VARIABLE, mirrors
from hypernet.lab.job import Job
from hypernet.radar.dataset import prepare
from hypernet.radar.raw import make
from hypernet.radar.train import train

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _no_tracking(without_mlflow):
    """These tests are not about tracking."""


@pytest.fixture(scope="session")
def config(section):
    """The project's radar section with assignments over it: ``config("train.max_steps=5")``."""
    return partial(section, "radar")


@pytest.fixture(scope="session")
def radar_folder():
    """A folder of the real radar files, such as ``fmi/20160928``; the test is skipped where this machine has none."""

    def find(name: str) -> Path:
        for mirror in [*mirrors(), PROJECT.parent / "shared" / "data"]:
            for folder in (mirror / "radar" / name, mirror / name):
                if folder.is_dir():
                    return folder
        return pytest.skip(f"no radar files {name} in a folder named by {MIRROR_VARIABLE}")

    return find


# Small images and few events: seconds, not minutes.
SMALL = (
    "datasets=[simulated]",
    "geometry={size: 60, margin: 6, patch: 8, taps: 13}",
    "simulated={train_events: 8, validation_events: 2, test_events: 4, frames: 9, dry_frames: 24}",
    "train.max_steps=40",
    "train.check_every_steps=20",
    "train.batch=32",
    "whole_dynamic.network={layers: [{channels: 8, kernel: 7, stride: 2, pool: 2}], hidden: 32}",
    "whole_dynamic.train={max_steps: 40, batch: 8}",
    "patch_dynamic.network={layers: [{channels: 8, kernel: 5, stride: 1, pool: 2}], hidden: 32}",
    "patch_cnn.network={layers: [{channels: 8, kernel: 5, stride: 1, pool: 2}], hidden: 32}",
    "whole_matching={channels: 4, kernel: 3, train: {max_steps: 20, check_every_steps: 10, learning_rate: 0.01, "
    "batch: 4, turned: true}}",
    "patch_matching={channels: 4, kernel: 3, around: [1], patches: 9, train: {max_steps: 20, check_every_steps: 10, "
    "learning_rate: 0.01, batch: 4, turned: true}}",
    "pixel_cnn={network: {layers: [{channels: 8, kernel: 7, stride: 2, pool: 2}], hidden: 32}, kernel: 5, "
    "train: {batch: 8}}",
    "soft_motion.train={max_steps: 10, check_every_steps: 5, learning_rate: 0.05, batch: 4, turned: true}",
    "constant_filter.train={learning_rate: 0.05, batch: 8}",
    "train.warm_up_steps=5",
    "patch_linear={alphas: [0.01, 0.1], patches: 3000}",
    "evaluate={lead_steps: 3, resamples: 100}",
)


@pytest.fixture(scope="session")
def small(config):
    """The section for small images, with assignments over it."""

    def load(*assignments: str):
        return config(*SMALL, *assignments)

    return load


@pytest.fixture(scope="session")
def raw_small(tmp_path_factory, small) -> Path:
    """The folder of the small raw data set."""
    folder = tmp_path_factory.mktemp("radar") / "raw"
    make("simulated", folder, small().settings("raw", "simulated"))
    return folder


@pytest.fixture(scope="session")
def prepared(raw_small, small) -> Path:
    """The folder of the small prepared data set."""
    folder = raw_small.parent / "processed"
    prepare("simulated", raw_small, folder, small().settings("prepare", "simulated"))
    return folder


@pytest.fixture(scope="session")
def trained(tmp_path_factory, prepared, small):
    """The folder of a short training of a method, made once: ``trained("whole_dynamic")``."""
    root = tmp_path_factory.mktemp("runs")

    def folder(method: str, seed: int = 0) -> Path:
        place = root / "simulated" / method / f"seed{seed}"
        if not (place / "run.json").exists():
            settings = small(f"methods=[{method}]").settings("train", "simulated", method)
            train(Job("radar", "simulated", method, seed, prepared, place, settings))
        return place

    return folder
