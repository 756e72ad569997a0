"""What the suite for all domains does not look at: unpaired and adversarial trainings, fits, measures, films."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from hypernet.lab.errors import UserError
from hypernet.lab.files import read_json
from hypernet.lab.job import Job
from hypernet.retouch import adversarial, dataset, evaluate, raw, steadiness, train
from hypernet.retouch.core.colour_map import ColourMap
from hypernet.retouch.core.fitting import fit_map
from hypernet.retouch.core.metrics import psnr, rounded
from hypernet.retouch.trained import Retoucher, open_model
from tests.components import RETOUCH

TINY = (
    *RETOUCH.small,
    "pix2pix={channels: 4, depth: 3, discriminator_channels: 4, weight: 100.0, train: {learning_rate: 0.001}}",
    "cyclegan={channels: 4, depth: 1, discriminator_channels: 4, weight: 10.0, train: {learning_rate: 0.001}}",
    "hdrnet={cells: 8, depth: 4, train: {}}",
    "lut3d={tables: 2, cells: 5, smoothness: 0.0001, monotonicity: 10.0, train: {}}",
    "unet={widths: [4, 6], train: {equal_time_steps: 10}}",
    "global_ls.samples=40",
    "nearest_matrix={samples: 40, neighbours: 3}",
)


@pytest.fixture(scope="module")
def job(section, tmp_path_factory):
    """A training of a method on small photographs: ``job("unet", "train.max_steps=4")``."""
    root = tmp_path_factory.mktemp("retouch")
    settings = section("retouch", *TINY)
    raw.make("photos", root / "raw", settings.settings("raw", "photos"))
    dataset.prepare("photos", root / "raw", root / "data", settings.settings("prepare", "photos"))

    def make(method, *assignments):
        config = section("retouch", *TINY, *assignments)
        folder = root / "-".join([method, *assignments]).replace("/", "_")
        return Job("retouch", "photos", method, 0, root / "data", folder, config.settings("train", "photos", method))

    return make


@pytest.mark.parametrize("method", ["unet", "lut3d", "hdrnet", "pix2pix", "cyclegan", "affine", "cubic"])
def test_every_row_of_the_evidence_and_on_demand_trains_and_opens(method, job):
    asked = job(method)
    train.train(asked)
    model = open_model(asked.model)
    image = dataset.load(asked.data).pairs["test"][0].input()
    assert model.retouch(image).shape == image.shape
    assert model.is_map == (method in ("affine", "cubic"))
    record = read_json(asked.folder / "run.json")
    assert record["history"][-1]["step"] == 30
    if method == "unet":
        assert [row["step"] for row in record["equal_time"]["history"]] == [10]


def test_an_unpaired_training_takes_its_last_weights_and_tells_of_its_cycle(job):
    asked = job("hyper_unpaired")
    train.train(asked)
    record = read_json(asked.folder / "run.json")
    assert record["best_step"] == record["history"][-1]["step"] == 20
    assert all(row["cycle_error"] >= 0 and row["matrix_spread"] >= 0 for row in record["history"])


def test_steps_are_those_of_the_maps_however_often_the_discriminators_step(job):
    asked = job("hyper_unpaired", "hyper_unpaired.discriminator_steps=3")
    train.train(asked)
    assert [row["step"] for row in read_json(asked.folder / "run.json")["history"]] == [10, 20]


@pytest.mark.parametrize("method", ["hyper_unpaired", "pix2pix"])
def test_an_adversarial_training_that_is_killed_ends_with_the_same_weights(method, job, monkeypatch):
    straight, broken = job(method), job(method, "train.weight_decay=0.02")
    train.train(straight)
    steps = adversarial.AdversarialTraining.draw
    counted = []

    def killed(self, loss):
        counted.append(None)
        if len(counted) == 14:
            raise KeyboardInterrupt
        steps(self, loss)

    monkeypatch.setattr(adversarial.AdversarialTraining, "draw", killed)
    with pytest.raises(KeyboardInterrupt):
        train.train(broken)
    monkeypatch.setattr(adversarial.AdversarialTraining, "draw", steps)
    train.train(broken)
    states = [torch.load(path.model, weights_only=True)["state"] for path in (straight, broken)]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


@pytest.mark.parametrize("method", ["global_ls", "nearest_matrix", "ridge", "clahe", "identity"])
def test_what_takes_no_steps_is_fitted_and_opens(method, job):
    asked = job(method)
    train.train(asked)
    model = open_model(asked.model)
    images = np.stack([pair.input() for pair in dataset.load(asked.data).pairs["test"][:2]]).astype(np.float32) / 255
    made = model(images)
    assert made.shape == images.shape
    assert np.abs(made - images).max() == 0 if method == "identity" else np.abs(made - images).max() > 0.01


def test_measures_are_of_the_images_that_a_file_would_hold(job):
    asked = job("ridge")
    train.train(asked)
    data, model = dataset.load(asked.data), open_model(asked.model)
    items = evaluate.measured_items(model, data)
    assert len(items) == len(data.pairs["test"]) == 6
    pair, row = data.pairs["test"][3], items.iloc[3]
    given, wanted = pair.input(), pair.target()
    made = model.retouch(given)
    assert row.psnr == pytest.approx(psnr(made, wanted), abs=1e-3)
    colours, answer = given / 255, wanted / 255
    outside = model.colour_map(given)(colours)
    best = fit_map(colours, answer)(colours)
    assert row.recovery == pytest.approx(255 * np.abs(outside - best).mean(), rel=1e-4)
    assert row.clipped == pytest.approx(100 * np.mean((outside < -0.5 / 255) | (outside > 1 + 0.5 / 255)), abs=1e-3)
    numbers = {(m.group, m.metric): m for m in evaluate.measure(items)}
    means = items.groupby("photograph").psnr.mean()
    assert numbers["", "psnr"].value == pytest.approx(means.mean())
    # Intervals are over photographs: three of them, with two pairs each.
    assert numbers["", "psnr"].high - means.mean() == pytest.approx(4.303 * means.std() / 3**0.5, rel=1e-3)


def test_the_oracle_is_above_every_map_and_cannot_be_used(job):
    asked = job("oracle_quadratic")
    train.train(asked)
    data, model = dataset.load(asked.data), open_model(asked.model)
    items = evaluate.measured_items(model, data)
    np.testing.assert_allclose(items.recovery, 0, atol=1e-6)
    for pair, row in zip(data.pairs["test"], items.itertuples(), strict=True):
        best = fit_map(pair.input() / 255, pair.target() / 255)(pair.input() / 255)
        assert row.psnr == pytest.approx(psnr(rounded(best), pair.target()))
    with pytest.raises(UserError, match="oracle_quadratic: needs the wanted image"):
        model.retouch(data.pairs["test"][0].input())


def test_splits_are_joined_where_all_are_there(tmp_path):
    runs = {}
    for fold, names in zip(("photos", "photos_b", "photos_c"), ("abc", "def", "gh"), strict=True):
        for method, shift in (("hyper", 3.0), ("identity", 0.0)):
            folder = tmp_path / fold / method
            folder.mkdir(parents=True)
            rows = [
                {
                    "pair": f"{name}{k}",
                    "photograph": name,
                    "psnr": 15 + shift + ord(name) % 3,
                    "ssim": 0.5,
                    "delta_e76": 20 - shift,
                }
                for name in names
                for k in range(2)
            ]
            pd.DataFrame(rows).to_csv(folder / "items.csv", index=False)
            runs[fold, method, 1] = folder
    compared = {(c.dataset, c.metric): c for c in evaluate.compare(runs) if c.reference == "identity"}
    pooled = compared["photos_all", "psnr_gain"]
    assert (pooled.n, pooled.difference) == (8, pytest.approx(3.0))
    # Less is better of colour differences: the gain is positive.
    assert compared["photos_all", "delta_e76_gain"].difference == pytest.approx(3.0)
    assert compared["photos", "psnr_gain"].n == 3


def test_a_film_of_fixed_maps_has_no_jitter_and_smoothing_keeps_cuts(job):
    data = dataset.load(job("hyper").data)
    asked = job("nearest_matrix")
    train.train(asked)
    model = open_model(asked.model)
    film = steadiness.made_film(data.pairs["test"], 5)
    assert film.frames.shape == (10, steadiness.HEIGHT, steadiness.WIDTH, 3)
    assert film.cuts == [5]
    measured = steadiness.measured_film(model, data.pairs["test"], 5, 0.5)
    matrices = steadiness.matrices_of(model, film)
    steps = np.linalg.norm(np.diff(matrices, axis=0), axis=(1, 2))
    assert measured["jitter"][0] == pytest.approx(np.delete(steps, 4).mean())
    assert measured["lag"][0] == 0
    assert measured["jitter_smoothed"][0] <= measured["jitter"][0]
    asked = job("global_ls")
    train.train(asked)
    assert steadiness.measured_film(open_model(asked.model), data.pairs["test"], 3, 0.5)["jitter"][0] == 0


@pytest.mark.parametrize(
    ("image", "line"),
    [
        (np.zeros((20, 30), np.uint8), r"uint8 \[20, 30\]; accepted: uint8, uint16, or float"),
        (np.zeros((20, 30, 4), np.uint8), r"\[20, 30, 4\]"),
        (np.zeros((20, 30, 3), np.int32), "int32"),
        (np.zeros((7, 30, 3), np.uint8), "30 x 7 pixels; accepted: 8 x 8 and more"),
        (np.full((20, 30, 3), np.nan, np.float32), "not a finite number"),
    ],
)
def test_what_is_no_image_is_one_line(job, image, line):
    asked = job("ridge")
    if not asked.model.is_file():
        train.train(asked)
    with pytest.raises(UserError, match=line):
        open_model(asked.model).colour_map(image)


def test_types_agree(job):
    asked = job("ridge")
    if not asked.model.is_file():
        train.train(asked)
    model = open_model(asked.model)
    assert isinstance(model, Retoucher)
    image = dataset.load(asked.data).pairs["test"][0].input()
    deep, floats = image.astype(np.uint16) * 257, image.astype(np.float32) / 255
    maps = [model.colour_map(pixels) for pixels in (image, deep, floats)]
    for other in maps[1:]:
        np.testing.assert_allclose(other.matrix, maps[0].matrix, atol=1e-5)
    assert isinstance(maps[0], ColourMap)
    made = model.retouch(image).astype(float)
    assert np.abs(model.retouch(deep) / 257 - made).max() <= 0.51
    for dtype in (np.float32, np.float64):
        assert model.retouch(floats.astype(dtype)).dtype == dtype
        assert np.abs(model.retouch(floats.astype(dtype)) * 255 - made).max() <= 0.51


@pytest.mark.parametrize("value", [np.nan, np.inf, 255.0, -0.1])
def test_thumbnails_out_of_range_are_one_line(job, value):
    asked = job("ridge")
    if not asked.model.is_file():
        train.train(asked)
    model = open_model(asked.model)
    with pytest.raises(UserError, match=r"thumbnails: values outside \[0, 1\]"):
        model.colour_maps(np.full((1, model.size, model.size, 3), value))
    assert model.colour_maps(np.zeros((0, model.size, model.size, 3))) == []
