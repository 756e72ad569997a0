"""The default settings, and untrained models of their form."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml

from hypernet.lab.config import check
from hypernet.sonar.config import Config
from hypernet.sonar.methods import build
from hypernet.sonar.model import Sound
from hypernet.sonar.sources.targets import start_s, sweep
from hypernet.sonar.trained import Listener

PROJECT = Path(__file__).resolve().parents[3]
# Pa: the noise of the echoes that the models are said to have been trained on.
NOISE = 7e-5


@pytest.fixture(scope="session")
def config() -> Config:
    content = yaml.safe_load((PROJECT / "params.yaml").read_text(encoding="utf-8"))["sonar"]
    checked: Config = check(Config, content, "sonar")
    return checked


@pytest.fixture(scope="session")
def listener(config) -> Callable[[str, int], Listener]:
    """An untrained model of a method that hears so many ears: its answers are nonsense, its form that of a trained."""

    def of(method: str, ears: int) -> Listener:
        torch.manual_seed(3)
        settings = config.settings("train", "generated", method)
        sound = Sound(ears, config.hearing.samples, config.hearing.rate_hz)
        network = build(settings, sound).eval()
        call, start = sweep(config.call).title, start_s(config.scene, config.hearing)
        return Listener(
            method, "untrained", settings.senses, sound, start, NOISE, call, config.scene, config.image_size, network
        )

    return of


@pytest.fixture(scope="module")
def model(listener) -> Listener:
    return listener("batman", 2)
