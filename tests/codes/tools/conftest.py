"""Model files of methods with nothing to train, and of an untrained hypernetwork."""

from __future__ import annotations

import functools

import pytest

from hypernet.codes.train import train
from hypernet.lab.job import Job


@pytest.fixture(scope="session")
def trained(prepared, config, tmp_path_factory):
    """The model file of a method on BCH(31,16)."""
    folder = tmp_path_factory.mktemp("runs")

    @functools.cache
    def model(method):
        settings = config().settings("train", "BCH31_16", method)
        train(Job("codes", "BCH31_16", method, 0, prepared("BCH31_16"), folder / method, settings))
        return folder / method / "model.ckpt"

    return model
