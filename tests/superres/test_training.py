"""What the suite for all domains does not look at: pixels of a batch, the second training, the oracle, evaluation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from hypernet.lab.errors import UserError
from hypernet.lab.files import read_json
from hypernet.lab.job import Job
from hypernet.superres import dataset, evaluate, learning, raw, train, trained
from hypernet.superres.core.grids import axes
from hypernet.superres.methods import build
from hypernet.superres.trained import open_model
from tests.components import SUPERRES


@pytest.fixture(scope="module")
def job(section, tmp_path_factory):
    """A training of a method on few digits: ``job("film", "train.max_steps=4")``."""
    root = tmp_path_factory.mktemp("superres")
    settings = section("superres", *SUPERRES.small)
    raw.make("digits", root / "raw", settings.settings("raw", "digits"))
    dataset.prepare("digits", root / "raw", root / "data", settings.settings("prepare", "digits"))

    def make(method, *assignments):
        config = section("superres", *SUPERRES.small, *assignments)
        folder = root / "-".join([method, *assignments]).replace("/", "_")
        return Job("superres", "digits", method, 0, root / "data", folder, config.settings("train", "digits", method))

    return make


def test_pixels_of_a_batch_are_spread_evenly_and_each_image_has_its_own():
    places = learning.spread_places(np.random.default_rng(0), 50, 64, 32, 32)
    assert places.shape == (50, 64)
    assert places.min() >= 0
    assert places.max() < 32 * 32
    assert len({tuple(image) for image in places}) == 50
    # All pixels alike, over many images; and in an image about as many in each of 16 parts.
    parts = places // 32 // 8 * 4 + places % 32 // 8
    counted = np.stack([np.bincount(image, minlength=16) for image in parts])
    assert counted.min() >= 2
    assert counted.max() <= 6
    assert np.abs(counted.mean(axis=0) - 4).max() < 0.3


def test_a_batch_holds_the_pixels_of_its_places(job):
    data, settings = dataset.load(job("film").data), job("film").settings.train
    batch = learning.TrainingImages(data.splits["train"], settings, 0, whole=False)[3]
    whole = learning.TrainingImages(data.splits["train"], settings, 0, whole=True)[3]
    assert torch.equal(batch["low"], whole["low"])
    assert torch.equal(batch["values"], whole["high"].flatten(1).gather(1, batch["places"]))


def test_rows_of_equal_parameters_have_them(section):
    config = section("superres")
    counts = {
        name: sum(parameter.numel() for parameter in build(name, config.settings("train", "digits", name)).parameters())
        for name in ("hyper_h16", "concat_matched", "film", "concat_h16", "concat_big")
    }
    assert counts == {
        "hyper_h16": 536_337,
        "concat_matched": 536_157,
        "film": 537_057,
        "concat_h16": 388_625,
        "concat_big": 452_289,
    }


def test_the_second_training_starts_anew_and_is_measured(job, section):
    asked = job("film")
    train.train(asked)
    record = read_json(asked.folder / "run.json")
    assert [row["step"] for row in record["history"]] == [10, 20, 30]
    assert [row["step"] for row in record["equal_time"]["history"]] == [10, 15]
    assert all(row["state_norm"] > 0 for row in record["history"])
    # The first steps are those of the first training, at another place of the cosine.
    both = [rows[0]["validation_error"] for rows in (record["history"], record["equal_time"]["history"])]
    assert both[0] == pytest.approx(both[1], abs=1.0)
    model = open_model(asked.model)
    low = dataset.load(asked.data).splits["test"].low.numpy()
    assert not np.array_equal(model(low), model.equal_time(low))
    settings = section("superres", *SUPERRES.small).settings("evaluate", "digits", "film")
    evaluate.evaluate(Job("superres", "digits", "film", 0, asked.data, asked.folder, settings))
    items = pd.read_csv(asked.folder / "items.csv")
    true = dataset.load(asked.data).splits["test"].high.numpy()
    expected = -10 * np.log10(np.square(model.equal_time(low) - true).mean(axis=(1, 2)))
    np.testing.assert_allclose(items["psnr_equal_time"], expected, rtol=1e-4)
    assert items["psnr_16"].notna().sum() == 5
    assert items["psnr_projected"].notna().sum() == 3


def test_a_kill_between_the_trainings_changes_nothing(job, monkeypatch):
    straight, broken = (
        job("film", "train.gradient_clip=0.9"),
        job("film", "train.gradient_clip=0.90"),
    )
    train.train(straight)
    learn = learning.learn

    def killed(*arguments):
        if len(arguments) == 6:
            raise KeyboardInterrupt
        learn(*arguments)

    monkeypatch.setattr(learning, "learn", killed)
    with pytest.raises(KeyboardInterrupt):
        train.train(broken)
    monkeypatch.setattr(learning, "learn", learn)
    train.train(broken)
    states = [torch.load(path.model, weights_only=True) for path in (straight, broken)]
    for name in ("state", "equal_time_state"):
        assert all(torch.equal(states[0][name][key], states[1][name][key]) for key in states[0][name])


def test_the_oracle_knows_the_images_that_were_fitted_and_no_others(job):
    asked = job("oracle_fit", "oracle_fit.steps=60")
    train.train(asked)
    model, test = open_model(asked.model), dataset.load(asked.data).splits["test"]
    made = model(test.low[:3].numpy())
    assert np.square(made - test.high[:3].numpy()).mean() < 0.05
    with pytest.raises(UserError, match="oracle_fit: only 3 images of the test were fitted"):
        model(test.low[5:6].numpy())
    items = evaluate.measured_items(model, dataset.load(asked.data), _evaluation())
    assert len(items) == 3


def _evaluation():
    from hypernet.superres.config import EvaluationSettings, Projection

    return EvaluationSettings(other_sizes=2, projection=Projection(images=0, steps=1, learning_rate=0.1))


def test_one_scale_has_one_size(job):
    asked = job("espcn")
    train.train(asked)
    model, test = open_model(asked.model), dataset.load(asked.data)
    with pytest.raises(UserError, match="espcn: makes whole images of 32 x 32 and nothing else"):
        model.enlarge(test.splits["test"].low[:1].numpy(), 64, 64)
    assert "drift" not in evaluate.measured_items(model, test, _evaluation())


@pytest.mark.parametrize(
    ("images", "line"),
    [
        (np.zeros((2, 9, 8)), r"float64 \[2, 9, 8\]; accepted: float \[B, 8, 8\] in \[0, 1\]"),
        (np.full((1, 8, 8), 16.0), "grey levels from 16 to 16; .*divide by the largest level"),
        (np.full((1, 8, 8), np.nan), "grey levels from nan to nan"),
        (np.zeros((1, 8, 8), dtype=np.uint8), "uint8"),
        (np.zeros((0, 8, 8)), r"\[0, 8, 8\]"),
    ],
)
def test_small_images_that_are_none(job, images, line):
    asked = job("espcn")
    if not asked.model.is_file():
        train.train(asked)
    with pytest.raises(UserError, match=line):
        open_model(asked.model)(images)


def test_blocks_of_points_are_one_shot_and_a_batch_changes_no_bit(job):
    assert trained.row_blocks(5, 10**9) == [slice(0, 5)]
    blocks = trained.row_blocks(1000, 700)
    assert [block.start for block in blocks[1:]] == [block.stop for block in blocks[:-1]]
    assert (blocks[0].start, blocks[-1].stop) == (0, 1000)
    assert all((block.stop - block.start) % 16 == 0 for block in blocks[:-1])
    asked = job("film")
    if not asked.model.is_file():
        train.train(asked)
    model, low = open_model(asked.model), dataset.load(asked.data).splits["test"].low[:2]
    whole = model.enlarge(low.numpy(), 700, 90)
    with torch.inference_mode():
        expected = model.network.on_grid(model.network.encode(low), *axes(700, 90)).clamp(0, 1)
    assert np.array_equal(whole, expected.numpy())
    assert np.array_equal(model.sample(model.state(low)[1:], 700, 90), whole[1:])
