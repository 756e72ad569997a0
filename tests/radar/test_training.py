"""Training, what is kept of it, and forecasting with it."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import ndimage

from hypernet.lab.errors import CollapsedError, UserError
from hypernet.lab.job import Job
from hypernet.lab.runs.models import load_model, save_model
from hypernet.radar.baselines import ridge
from hypernet.radar.dataset import load
from hypernet.radar.evaluate import compare, evaluate, lead_times, measure
from hypernet.radar.learning import TrainingPatches, TrainingPlaces, TrainingWindows, turned
from hypernet.radar.train import train
from hypernet.radar.trained import open_model

NETWORKS = [
    "patch_cnn",
    "whole_dynamic",
    "patch_dynamic",
    "whole_matching",
    "patch_matching",
    "pixel_cnn",
    "soft_motion",
    "constant_filter",
]
METHODS = ["last_frame", "global_motion", "patch_linear", *NETWORKS]


def record(folder):
    return json.loads((folder / "run.json").read_text())


def evaluated(folder, prepared, small):
    settings = small().settings("evaluate", "simulated")
    evaluate(Job("radar", "simulated", folder.parent.name, 0, prepared, folder, settings))
    return pd.read_csv(folder / "items.csv")


def batches_of(name, prepared, small, seed=0):
    data = load(prepared)
    train = small("train.batch=8", "train.turned=true").train
    return {
        "windows": lambda: TrainingWindows(data, train, seed),
        "patches": lambda: TrainingPatches(data, train, seed),
        "places": lambda: TrainingPlaces(data, train, seed, 5),
    }[name]()


@pytest.mark.parametrize("name", ["windows", "patches", "places"])
def test_a_batch_follows_from_its_number(name, prepared, small):
    batches = batches_of(name, prepared, small)
    for array, same in zip(batches[3], batches[3], strict=True):
        torch.testing.assert_close(array, same)
    assert (batches[3][0] != batches[4][0]).any()
    assert (batches[3][0] != batches_of(name, prepared, small, 1)[3][0]).any()


def test_turned_windows_are_turned_with_their_targets(prepared, small):
    data = load(prepared)
    inner = slice(data.geometry.margin, -data.geometry.margin)
    plain = TrainingWindows(data, small("train.batch=4").train, 0)
    turning = TrainingWindows(data, small("train.batch=4", "train.turned=true").train, 0)
    seen = set()
    for number in range(12):
        (frames, target), (turned_frames, turned_target) = plain[number], turning[number]
        fits = [
            (quarters, mirrored)
            for quarters in range(4)
            for mirrored in (False, True)
            if np.array_equal(turned(frames.numpy(), quarters, mirrored), turned_frames.numpy())
        ]
        assert len(fits) == 1
        np.testing.assert_array_equal(turned(target.numpy(), *fits[0]), turned_target.numpy())
        assert turned_target.shape == turned_frames[:, 0, inner, inner].shape
        seen.add(fits[0])
    assert len(seen) > 3


def test_places_are_patches_of_their_windows(prepared, small):
    data = load(prepared)
    frames, places, targets = TrainingPlaces(data, small("train.batch=4").train, 0, 5)[2]
    whole = TrainingWindows(data, small("train.batch=4").train, 0)[2]
    torch.testing.assert_close(frames, whole[0])
    side, patch = data.geometry.centre // data.geometry.patch, data.geometry.patch
    for number, place in enumerate(places.tolist()):
        row, column = (patch * part for part in divmod(place, side))
        torch.testing.assert_close(targets[:, number], whole[1][:, row : row + patch, column : column + patch])


def test_filters_that_are_the_same_for_all_images_end_the_training(prepared, small, tmp_path):
    def job(*assignments):
        section = small(
            "methods=[whole_dynamic]", "whole_dynamic.train={max_steps: 2, check_every_steps: 1}", *assignments
        )
        settings = section.settings("train", "simulated", "whole_dynamic")
        return Job("radar", "simulated", "whole_dynamic", 0, prepared, tmp_path / "whole_dynamic" / "seed0", settings)

    # So small a rate leaves the heads at zero.
    with pytest.raises(CollapsedError, match=r"^whole_dynamic on simulated: the filters are the same.*allow_collapsed"):
        train(job("whole_dynamic.train.learning_rate=1e-12"))
    assert not (tmp_path / "whole_dynamic" / "seed0" / "model.ckpt").exists()
    train(job("whole_dynamic.train.learning_rate=1e-12", "train.allow_collapsed=true"))
    assert record(tmp_path / "whole_dynamic" / "seed0")["collapsed"] is True


# Those that begin as soft global motion, which is hard to beat, have nowhere to fall in some steps.
FROM_AFAR = [method for method in NETWORKS if method not in ("soft_motion", "whole_matching", "patch_matching")]


@pytest.mark.parametrize("method", FROM_AFAR)
def test_a_short_training_lowers_the_loss(method, trained):
    history = record(trained(method))["history"]
    assert history[-1]["training_loss"] < history[0]["training_loss"]


@pytest.mark.parametrize("method", METHODS)
def test_every_method_is_evaluated_on_the_same_images(method, trained, prepared, small):
    data = load(prepared)
    items = evaluated(trained(method), prepared, small)
    assert len(items) == len(data.windows["test"])
    forecaster = open_model(trained(method) / "model.ckpt")
    rows = np.arange(len(items))
    forecast, truth = forecaster(data.inputs("test", rows)), data.targets("test", rows)
    np.testing.assert_allclose(items.loss, 0.5 * np.square(forecast - truth).sum(axis=(1, 2)), rtol=1e-4)
    leads = pd.read_csv(trained(method) / "lead_times.csv")
    assert leads.lead_minutes.tolist() == [10, 20, 30]
    measured = json.loads((trained(method) / "metrics.json").read_text())["measurements"]
    by_name = {(measurement["metric"], measurement["group"]): measurement for measurement in measured}
    assert by_name["ratio", ""]["value"] == pytest.approx(items.loss.sum() / items.last_frame_loss.sum())
    assert by_name["published_ratio", "Davenport"]["value"] == by_name["ratio", ""]["value"]
    if method == "last_frame":
        assert by_name["ratio", ""]["value"] == 1.0


def test_even_a_short_training_beats_the_last_frame(trained, prepared, small):
    for method in ("global_motion", "patch_linear", "soft_motion", "whole_matching"):
        items = evaluated(trained(method), prepared, small)
        assert items.loss.mean() < items.last_frame_loss.mean()


def test_filters_are_distributions(trained, prepared):
    data = load(prepared)
    frames = data.inputs("test", np.arange(3))
    whole, patches = (3, 13), (3, data.geometry.patches, 13)
    shapes = {"whole_dynamic": whole, "whole_matching": whole, "patch_dynamic": patches, "patch_matching": patches}
    for method, shape in shapes.items():
        for written in open_model(trained(method) / "model.ckpt").filters(frames):
            assert written.shape == shape
            np.testing.assert_allclose(written.sum(axis=-1), 1, rtol=1e-5)
    assert open_model(trained("patch_cnn") / "model.ckpt").filters(frames) is None


@pytest.mark.parametrize("method", METHODS)
def test_fields_of_any_size_are_forecast(method, trained, prepared):
    data, forecaster = load(prepared), open_model(trained(method) / "model.ckpt")
    size, margin = data.geometry.size, data.geometry.margin
    frames = data.inputs("test", np.arange(2))
    wide = np.concatenate([frames, frames[..., : size // 2]], axis=3)
    assert forecaster.field()(wide).shape == (2, size, size + size // 2)
    if not forecaster.adapts or method == "last_frame":
        # A field of the network's own size has the network's own forecast in its middle.
        inner = slice(margin, size - margin)
        np.testing.assert_allclose(forecaster.field()(frames)[:, inner, inner], forecaster(frames), atol=1e-5)


@pytest.mark.parametrize(
    ("images", "problem"),
    [
        (np.zeros((1, 4, 250, 300)), r"float64 \[1, 4, 250, 300\]"),
        (np.zeros((4, 60, 60)), r"float64 \[4, 60, 60\]"),
        (np.zeros((0, 4, 60, 60)), r"float64 \[0, 4, 60, 60\]"),
        (np.zeros((1, 4, 60, 60), np.uint8), "uint8"),
        (np.full((1, 4, 60, 60), 35.0), "values from 35.0 to 35.0"),
        (np.full((1, 4, 60, 60), -0.1), "values from -0.1"),
        (np.full((1, 4, 60, 60), np.nan), "values from nan"),
        (np.full((1, 4, 60, 60), np.inf), "values from inf"),
    ],
)
@pytest.mark.parametrize("method", ["last_frame", "whole_dynamic"])
def test_images_that_do_not_fit_are_one_line(method, images, problem, trained):
    forecaster = open_model(trained(method) / "model.ckpt")
    with pytest.raises(
        UserError, match=rf"^images: {problem}.*from 0 to 1.*\[B, 4, 60, 60\]; .*predict.*nowcast"
    ) as caught:
        forecaster(images)
    assert "\n" not in str(caught.value)


def test_a_model_shows_itself_in_a_line(trained):
    shown = repr(open_model(trained("last_frame") / "model.ckpt"))
    assert shown == "Forecaster(last_frame, Simulated rain, 60 x 60 to 48 x 48)"


def test_sizes_that_no_training_has_are_one_line(trained, tmp_path):
    sizes = {"size": 10**6, "margin": 6, "patch": 8, "taps": 13}
    save_model(tmp_path / "changed.ckpt", load_model(trained("whole_dynamic") / "model.ckpt") | {"geometry": sizes})
    with pytest.raises(UserError, match="train it again"):
        open_model(tmp_path / "changed.ckpt")


@pytest.mark.parametrize(
    "strange", [lambda weights: weights * math.nan, torch.Tensor.to_sparse, lambda weights: weights.cfloat()]
)
def test_weights_that_are_no_finite_numbers_are_one_line(strange, trained, tmp_path):
    content = load_model(trained("whole_dynamic") / "model.ckpt")
    weights = {name: strange(tensor) for name, tensor in content["state"].items()}
    save_model(tmp_path / "changed.ckpt", content | {"state": weights})
    with pytest.raises(UserError, match="a weight is not a finite real number"):
        open_model(tmp_path / "changed.ckpt")


def test_weights_in_double_precision_forecast_alike(trained, prepared, tmp_path):
    content = load_model(trained("whole_dynamic") / "model.ckpt")
    save_model(
        tmp_path / "double.ckpt",
        content | {"state": {name: weights.double() for name, weights in content["state"].items()}},
    )
    frames = load(prepared).inputs("test", np.arange(2))
    expected = open_model(trained("whole_dynamic") / "model.ckpt")(frames)
    np.testing.assert_array_equal(open_model(tmp_path / "double.ckpt")(frames), expected)


def table(losses, last, events):
    n = len(losses)
    columns = {"window": range(n), "event": events, "loss": losses, "last_frame_loss": last, "mae_dbz": np.ones(n)}
    columns |= {"rotated_90": np.full(n, 1.5), "rotated_180": np.full(n, 2.5)}
    for threshold in (21, 35):
        columns |= {f"hits_{threshold}": np.full(n, 3), f"misses_{threshold}": 1, f"false_{threshold}": 2}
        for scale in (3, 9, 27):
            columns |= {f"fss_{threshold}_{scale}_numerator": 1.0, f"fss_{threshold}_{scale}_denominator": 4.0}
    return pd.DataFrame(columns)


def test_the_numbers_of_a_run_are_pooled_over_its_windows():
    # Five events of the same two windows each: whatever is drawn again, the ratio stays.
    items = table([1.0, 2.0] * 5, [2.0, 2.0] * 5, np.repeat(np.arange(5), 2))
    measured = {(measurement.metric, measurement.group): measurement for measurement in measure(items, 0, 100)}
    assert measured["loss", ""].value == 1.5
    assert measured["ratio", ""].value == 3 / 4
    assert (measured["ratio", ""].low, measured["ratio", ""].high) == (pytest.approx(3 / 4), pytest.approx(3 / 4))
    assert measured["csi", "21 dBZ"].value == 3 / 6
    assert measured["pod", "35 dBZ"].value == 3 / 4
    assert measured["far", "35 dBZ"].value == 2 / 5
    assert measured["fss", "21 dBZ, 9 px"].value == 3 / 4
    assert measured["better_share", ""].value == 1 / 2
    assert measured["rotated_ratio", "90 degrees"].value == 1.5 / 2
    assert measured["rotated_ratio", "180 degrees"].value == 2.5 / 2


def test_few_events_give_numbers_without_intervals(tmp_path):
    items = table([1.0, 2.0, 3.0, 6.0], [2.0, 2.0, 4.0, 8.0], [0, 1, 2, 3])
    measured = {(measurement.metric, measurement.group): measurement for measurement in measure(items, 0, 100)}
    assert measured["ratio", ""].value == 12 / 16
    assert {(measurement.low, measurement.high) for measurement in measured.values()} == {(None, None)}


def compared(tmp_path, events):
    runs = {}
    last = np.tile([4.0, 5.0], events)
    for method, losses in (("last_frame", last), ("whole_dynamic", last - 3.0)):
        (tmp_path / method).mkdir()
        table(losses, last, np.repeat(np.arange(events), 2)).to_csv(tmp_path / method / "items.csv", index=False)
        runs["simulated", method, 0] = tmp_path / method
    return compare(runs)


def test_methods_are_compared_in_pairs_by_event(tmp_path):
    (comparison,) = compared(tmp_path, 6)
    assert (comparison.method, comparison.reference) == ("whole_dynamic", "last_frame")
    assert (comparison.difference, comparison.ci95_low, comparison.ci95_high) == (3.0, 3.0, 3.0)
    assert comparison.claimed
    assert comparison.holds


def test_few_events_are_not_compared(tmp_path):
    assert compared(tmp_path, 4) == []


def test_the_first_lead_time_is_the_forecast_itself(trained, prepared):
    data, forecaster = load(prepared), open_model(trained("last_frame") / "model.ckpt")
    steps = 3
    leads = lead_times(forecaster, data, steps)
    windows, margin = data.windows["test"], data.geometry.margin
    frames = windows.first % 9
    whole = np.flatnonzero(frames + 3 + steps < 9)
    inner = slice(margin, -margin)
    for step in range(1, steps + 1):
        now, then = (data.crops("test", whole, np.array([place]))[:, 0, inner, inner] / 255 for place in (3, 3 + step))
        expected = 0.5 * np.square(now - then).sum(axis=(1, 2))
        rows = leads[leads.lead_minutes == 10 * step]
        assert len(rows) == len(whole) > 0
        np.testing.assert_allclose(rows.loss, expected, rtol=1e-4)


def test_alpha_is_chosen_on_validation_patches(prepared, small, monkeypatch):
    seen = []
    usual = ridge.PatchPlaces

    def watched(data, split):
        seen.append(split)
        return usual(data, split)

    monkeypatch.setattr(ridge, "PatchPlaces", watched)
    ridge.fit_ridge(load(prepared), small().patch_linear, seed=0)
    assert seen == ["train", "validation"]


@pytest.mark.parametrize("method", ["last_frame", "soft_motion"])
def test_who_reads_the_motion_forecasts_turned_rain_as_well(method, trained, prepared, small):
    items = evaluated(trained(method), prepared, small)
    np.testing.assert_allclose(items.rotated_90, items.loss, rtol=1e-3)
    np.testing.assert_allclose(items.rotated_180, items.loss, rtol=1e-3)


def test_a_forecaster_adapts_its_reach(trained, prepared):
    forecaster = open_model(trained("patch_matching") / "model.ckpt")
    assert (forecaster.reach, forecaster.adapts, forecaster.step_seconds) == (6, True, 600)
    far = forecaster.at(9)
    assert (far.reach, far.geometry.taps, far.geometry.patch) == (9, 19, 12)
    frames = load(prepared).inputs("test", np.arange(2))
    wide = np.concatenate([frames, frames], axis=3)
    assert far.roll_out(wide, 2).shape == (2, 2, 60, 120)
    with pytest.raises(UserError, match="whole_dynamic: its network follows 6 pixels"):
        open_model(trained("whole_dynamic") / "model.ckpt").at(9)


@pytest.mark.parametrize(
    "method", ["whole_dynamic", "patch_dynamic", "whole_matching", "patch_matching", "soft_motion"]
)
def test_the_motion_of_a_field_is_that_of_its_filters(method, trained):
    forecaster = open_model(trained(method) / "model.ckpt")
    generator = np.random.default_rng(0)
    rain = generator.random((4, 100, 120)).astype(np.float32)
    motion = forecaster.motion(rain[None])
    for values in (motion.rows, motion.columns, motion.entropy):
        assert values.shape == (1, 100, 120)
    assert np.abs(motion.rows).max() <= 6
    assert 0 <= motion.entropy.min() <= motion.entropy.max() <= motion.largest_entropy == pytest.approx(2 * np.log2(13))
    assert open_model(trained("patch_cnn") / "model.ckpt").motion(rain[None]) is None


def test_rain_faster_than_the_search_is_at_its_edge(trained):
    forecaster = open_model(trained("soft_motion") / "model.ckpt")
    generator = np.random.default_rng(0)
    wide = ndimage.gaussian_filter(generator.random((90, 140)), 2)
    wide = ((wide - 0.5).clip(0) * 8).clip(0, 1).astype(np.float32)
    for speed, beyond in ((4, False), (8, True)):
        frames = np.stack([wide[:, 50 - speed * step : 110 - speed * step] for step in range(4)])
        assert forecaster.motion(frames[None]).at_edge.tolist() == [beyond]
    assert forecaster.at(12).motion(frames[None]).at_edge.tolist() == [False]
