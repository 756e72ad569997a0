"""The last layer of a trained network written anew: the file says what the fit says, and all else stays."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hypernet.lab.errors import UserError
from hypernet.lab.runs.models import save_model
from hypernet.retouch.core.shrinkage import Dependence
from hypernet.retouch.methods import build
from hypernet.retouch.tools.mixtures import Mixture
from hypernet.retouch.tools.starts import AFRESH, AS_IT_IS, ONWARD, RECOLOURED, Start
from hypernet.retouch.trained import VERSION, restore

SMALL = ("network={thumbnail: 32, encoder: pooled, embedding: 6, statistics: true, stretch: true, dropout: 0.1}",)


@pytest.fixture
def saved(section, tmp_path):
    """The file of a model of random weights."""

    def make(method, *assignments):
        settings = section("retouch", *SMALL, *assignments).settings("train", "photos", method)
        torch.manual_seed(0)
        network = build(method, settings)
        with torch.no_grad():
            for name, weights in network.named_parameters():
                if "heads" in name:
                    weights += 0.1 * torch.randn(weights.shape)
        content = {
            "domain": "retouch", "dataset": "photos", "method": method, "version": VERSION, "title": "photographs",
            "settings": settings.model_dump(mode="json"), "state": network.state_dict(),
            "equal_time_state": network.state_dict(),
        }  # fmt: skip
        save_model(tmp_path / f"{method}.ckpt", content)
        return tmp_path / f"{method}.ckpt"

    return make


@pytest.fixture(params=["true", "false"], ids=["stretched", "plain"])
def start(request, saved):
    return Start(saved("hyper", f"network.stretch={request.param}"))


def images(count=4):
    random = np.random.default_rng(0)
    shades = random.uniform(0.2, 0.9, (count, 1, 1, 3))
    return list((shades * random.random((count, 64, 64, 3))).astype(np.float32))


def test_what_stands_in_the_file_is_what_was_mixed(start):
    """Any shares and any fits: the new network's maps are the sum of the forms' maps."""
    pictures, random = images(), np.random.default_rng(1)
    forms, fixed = start.forms(pictures, np.ones(len(pictures)))
    shares = {AS_IT_IS: 0.1, AFRESH: 0.2, ONWARD: 0.3, RECOLOURED: 0.4}
    fits, expected = {}, shares[AS_IT_IS] * fixed[AS_IT_IS]
    rows = np.arange(len(pictures))
    for name, ((fitting,), share) in {name: (forms[name], shares[name]) for name in forms}.items():
        features, numbers = fitting.form.transforms.shape[1], fitting.form.numbers.shape[1]
        fit = Dependence(random.normal(0, 0.1, (3, features)), random.normal(0, 0.1, (3, features, numbers)))
        expected = expected + share * fit.matrices(fitting.form, rows)
        fits[name] = Dependence(share * fit.bias, share * fit.weight)
    content = start.relearned(Mixture(shares, fits, np.zeros(1), np.zeros(1)))
    made = restore(content)
    for picture, matrix in zip(pictures, expected, strict=True):
        np.testing.assert_allclose(made.colour_map(picture).matrix, matrix, atol=2e-4)


def test_all_else_of_the_model_stays(start):
    shares = {AS_IT_IS: 1.0, AFRESH: 0.0, ONWARD: 0.0, RECOLOURED: 0.0}
    nothing = {
        AFRESH: Dependence(np.zeros((3, 10)), np.zeros((3, 10, 6))),
        ONWARD: Dependence(np.zeros((3, 10)), np.zeros((3, 10, 6))),
        RECOLOURED: Dependence(np.zeros((3, 4)), np.zeros((3, 4, 0))),
    }
    content = start.relearned(Mixture(shares, nothing, np.zeros(1), np.zeros(1)))
    assert content["method"] == "hyper"
    assert content["settings"] == start.content["settings"]
    # The second network of the run was not learned again.
    assert "equal_time_state" not in content
    assert list(content["state"]) == list(start.content["state"])
    for name, weights in content["state"].items():
        assert weights.dtype == start.content["state"][name].dtype
        torch.testing.assert_close(weights, start.content["state"][name])


def test_models_without_such_a_layer_are_refused(saved, tmp_path):
    path = saved("cubic")
    with pytest.raises(UserError, match="cubic: has no last layer that writes 3x10 maps; accepted: a model of hyper"):
        Start(path)
    with pytest.raises(UserError, match="no such model file"):
        Start(tmp_path / "absent.ckpt")
