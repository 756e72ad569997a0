"""Raw pictures, grey levels and windows on disk."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from hypernet.lab.acquire import MIRROR_VARIABLE
from hypernet.lab.errors import UserError
from hypernet.radar import dataset
from hypernet.radar.core.frames import INPUTS, LEVELS, SPLITS, Sequence
from hypernet.radar.dataset import load, prepare, truth_of
from hypernet.radar.raw import event_names, make
from hypernet.radar.sources import cf
from hypernet.radar.sources.palette import find_palette
from hypernet.radar.sources.patches import PatchPlaces
from hypernet.radar.sources.services import files_of
from hypernet.radar.sources.windows import SPAN


def test_no_event_is_in_two_splits_and_no_window_crosses_one(prepared, small):
    data, frames = load(prepared), small().simulated.frames
    names = event_names(small().simulated)
    seen = {}
    for split in SPLITS:
        windows = data.windows[split]
        assert len(windows) > 0
        for first, event in zip(windows.first.tolist(), windows.event.tolist(), strict=True):
            assert first // frames == (first + INPUTS) // frames == event
            assert names[event].startswith(split)
            assert seen.setdefault(event, split) == split


def test_the_grey_levels_are_those_of_the_classes_that_were_drawn(prepared, raw_small, small):
    data, truth, palette = load(prepared), truth_of(raw_small), find_palette("simulated")
    true_grey = np.concatenate([palette.grey_of_class()[truth[name]] for name in event_names(small().simulated)])
    recovered = data.grey / np.float32(LEVELS)
    assert recovered.shape == true_grey.shape
    # The map's lines and clutter hide some pixels; they are filled from their neighbours.
    assert (np.abs(recovered - true_grey) < 0.5 / LEVELS + 1e-6).mean() > 0.98
    assert np.corrcoef(recovered.ravel(), true_grey.ravel())[0, 1] > 0.97


def test_inputs_and_target_are_five_images_in_a_row(prepared):
    data = load(prepared)
    rows = np.array([0, len(data.windows["train"]) - 1])
    windows = data.windows["train"]
    inputs, targets = data.inputs("train", rows), data.targets("train", rows)
    margin, size = data.geometry.margin, data.geometry.size
    for place, row in enumerate(rows):
        first, r, c = windows.first[row], windows.row[row], windows.column[row]
        np.testing.assert_allclose(
            inputs[place], data.grey[first : first + INPUTS, r : r + size, c : c + size] / LEVELS, rtol=1e-6
        )
        whole = data.grey[first + INPUTS, r : r + size, c : c + size] / LEVELS
        np.testing.assert_allclose(targets[place], whole[margin : size - margin, margin : size - margin], rtol=1e-6)
        times = data.time[first : first + SPAN]
        assert (np.diff(times) == np.timedelta64(600, "s")).all()


def test_the_test_windows_are_thinned(prepared, small):
    data, stride = load(prepared), small().windows.test_stride
    windows = data.windows["test"]
    for event in np.unique(windows.event):
        assert set(np.diff(np.sort(np.unique(windows.first[windows.event == event])))) <= {
            stride,
            2 * stride,
            3 * stride,
        }


def test_making_it_again_gives_the_same_bytes(raw_small, prepared, small, tmp_path):
    make("simulated", tmp_path / "raw", small().settings("raw", "simulated"))
    prepare("simulated", tmp_path / "raw", tmp_path / "data", small().settings("prepare", "simulated"))
    for mine, other in ((tmp_path / "raw", raw_small), (tmp_path / "data", prepared)):
        manifest, other_manifest = (json.loads((folder / "manifest.json").read_text()) for folder in (mine, other))
        assert manifest["digest"] == other_manifest["digest"]


def test_another_data_seed_has_other_events(small, raw_small, tmp_path):
    make("simulated_seed1", tmp_path / "raw", small().settings("raw", "simulated_seed1"))
    truth, other = truth_of(raw_small), truth_of(tmp_path / "raw")
    assert all((truth[name] != other[name]).any() for name in truth)
    pairs = [(first, second) for first in truth for second in truth if first < second]
    assert all((truth[first] != truth[second]).any() for first, second in pairs)


def test_the_background_is_found_in_dry_and_training_pictures_alone(raw_small, small, tmp_path, monkeypatch):
    usual, given = dataset.read_pictures, []

    def watched(paths):
        given.append([path.parent.name for path in paths])
        return usual(paths)

    monkeypatch.setattr(dataset, "read_pictures", watched)
    prepare("simulated", raw_small, tmp_path / "data", small().settings("prepare", "simulated"))
    assert {name.partition("_")[0] for name in given[0]} == {"dry", "train"}
    assert {name.partition("_")[0] for names in given[1:] for name in names} == set(SPLITS)


def test_wet_patches_are_drawn_more_often(prepared):
    data = load(prepared)
    places = PatchPlaces(data, "train")
    assert len(places) == len(data.windows["train"]) * data.geometry.patches
    drawn = places.draw(np.random.default_rng(0), 4000)
    inputs, targets = places.cut(drawn)
    every, _ = places.cut(np.arange(len(places)))
    margin = data.geometry.margin
    inner = slice(margin, -margin)
    assert inputs.shape[1:] == (INPUTS, data.geometry.patch_input, data.geometry.patch_input)
    wet_drawn, wet_all = ((images[:, -1, inner, inner] / LEVELS > 0.3).mean() for images in (inputs, every))
    assert wet_drawn > 1.3 * wet_all
    # The weight of each patch, counted by hand.
    weight = 0.1 + (every[:, -1, inner, inner] / LEVELS > 0.3).mean(axis=(1, 2))
    np.testing.assert_allclose(places.share, np.cumsum(weight) / weight.sum(), rtol=1e-9)
    assert targets.shape == (4000, data.geometry.patch, data.geometry.patch)


def test_patches_are_cut_where_they_are_said_to_be(prepared):
    data = load(prepared)
    places = PatchPlaces(data, "validation")
    chosen = np.array([0, 7, len(places) - 1])
    inputs, targets = places.cut(chosen)
    margin, wide, patch = data.geometry.margin, data.geometry.patch_input, data.geometry.patch
    for place, number in enumerate(chosen):
        first, row, column = places.first[number], places.row[number], places.column[number]
        square = data.grey[first : first + SPAN, row : row + wide, column : column + wide]
        np.testing.assert_array_equal(inputs[place], square[:INPUTS])
        np.testing.assert_array_equal(targets[place], square[INPUTS, margin : margin + patch, margin : margin + patch])


def test_without_events_of_a_split_it_is_said(small, tmp_path):
    section = small("windows.lowest_wet_share=0.9")
    make("simulated", tmp_path / "raw", section.settings("raw", "simulated"))
    with pytest.raises(UserError, match=r"no window of 5 images|no wet window"):
        prepare("simulated", tmp_path / "raw", tmp_path / "data", section.settings("prepare", "simulated"))


def test_a_volume_archive_is_not_fetched_in_passing(small, tmp_path):
    with pytest.raises(UserError, match="too large to fetch whole"):
        make("nexrad_kdvn", tmp_path / "raw", small("datasets=[nexrad_kdvn]").settings("raw", "nexrad_kdvn"))


@pytest.mark.parametrize("service", ["fmi", "knmi"])
def test_files_of_a_weather_service_become_windows(service, radar_folder, config, tmp_path, monkeypatch):
    folder = radar_folder(service)
    monkeypatch.setenv(MIRROR_VARIABLE, str(folder.parent))
    section = config(f"datasets=[{service}]", "windows={raster: 100, lowest_wet_share: 0.05, test_stride: 1}")
    make(service, tmp_path / "raw", section.settings("raw", service))
    prepare(service, tmp_path / "raw", tmp_path / "data", section.settings("prepare", service))
    data = load(tmp_path / "data")
    frames = {split: set() for split in SPLITS}
    for split in SPLITS:
        windows = data.windows[split]
        frames[split] = {int(first) + step for first in windows.first for step in range(SPAN)}
        for first in np.unique(windows.first):
            steps = np.diff(data.time[first : first + SPAN]) / np.timedelta64(1, "s")
            np.testing.assert_allclose(steps, 600, atol=90)
    assert not frames["train"] & frames["test"]
    assert not frames["train"] & frames["validation"]
    assert not frames["validation"] & frames["test"]
    assert len(data.windows["train"]) > 100
    wet = (data.inputs("test", np.arange(20))[:, -1] > 0.3).mean(axis=(1, 2))
    assert wet.min() >= 0.05 - 1e-6


def own_folder(folder, minutes, count=40, late=0):
    """NetCDF files of rain that moves a pixel a step, twenty images in each."""
    draw = np.random.default_rng(0)
    field = np.where(draw.random((70, 64)) < 0.5, 100, 30).astype(np.uint8)
    grey = np.stack([np.roll(field, step, axis=1) for step in range(count)])
    seconds = np.round(np.arange(count) * 60 * minutes + draw.integers(-late, late + 1, count)).astype("timedelta64[s]")
    time = np.datetime64("2024-05-01T00:00:00", "s") + seconds
    x, y = np.arange(64) * 2000.0, -np.arange(70) * 2000.0
    folder.mkdir(exist_ok=True)
    for first in range(0, count, 20):
        part = slice(first, first + 20)
        outside = np.zeros(field.shape, bool)
        cf.write(folder / f"{first:03d}.nc", Sequence(grey[part], time[part], outside, x, y, "+proj=laea +lat_0=50"))
    return folder


@pytest.mark.parametrize(("minutes", "step"), [(6, "null"), (7.5, 7.5), (15, "null"), (15, 15), (3.5, 7)])
def test_a_persons_own_radar_at_any_step(small, tmp_path, minutes, step):
    folder = own_folder(tmp_path / "mine", minutes)
    section = small(
        "datasets=[mine]", f"own={{mine: {{path: {folder}, kind: auto}}}}", f"windows={{step_minutes: {step}}}"
    )
    data = prepared_own(section, tmp_path)
    assert data.step_seconds == 60 * (minutes if step == "null" else step)
    assert (data.title, data.simulated) == ("mine", False)
    assert data.grey.shape == (40, 70, 64)
    manifest = json.loads((tmp_path / "data" / "manifest.json").read_text())["facts"]
    assert manifest["origin"] == str(folder)
    # The files are copies: what was trained on stays what it was.
    assert sorted(path.name for path in (tmp_path / "raw" / "own").iterdir()) == ["000.nc", "020.nc"]


def prepared_own(section, folder):
    make("mine", folder / "raw", section.settings("raw", "mine"))
    prepare("mine", folder / "raw", folder / "data", section.settings("prepare", "mine"))
    return load(folder / "data")


def test_a_step_that_does_not_fit_names_the_option(small, tmp_path):
    section = small("datasets=[mine]", f"own={{mine: {{path: {own_folder(tmp_path / 'mine', 15)}, kind: netcdf}}}}")
    with pytest.raises(UserError, match=r"are 15 minutes apart; accepted: 10 minutes .* another step_minutes"):
        prepared_own(section, tmp_path)


def test_simulated_rain_has_its_own_step(raw_small, small, tmp_path):
    section = small("windows={step_minutes: 20}")
    with pytest.raises(UserError, match="step_minutes is 20; simulated rain has an image each 10 minutes"):
        prepare("simulated", raw_small, tmp_path, section.settings("prepare", "simulated"))


def test_uneven_volumes_are_resampled_to_full_steps(small, tmp_path):
    folder = own_folder(tmp_path / "mine", 7, count=90, late=60)
    section = small(
        "datasets=[mine]",
        f"own={{mine: {{path: {folder}, kind: auto}}}}",
        "windows={step_minutes: 10, tolerance_seconds: 280, resample: nearest}",
    )
    data = prepared_own(section, tmp_path)
    assert data.step_seconds == 600
    assert set(np.unique(data.time.astype(np.int64) % 600)) == {0}
    assert 0 < json.loads((tmp_path / "data" / "manifest.json").read_text())["facts"]["off_mark_seconds"] < 280


def test_a_persons_own_pictures(raw_small, small, tmp_path):
    """Of one event's pictures by the map's palette: the same classes as the simulated archive finds."""
    names = sorted(path for path in raw_small.iterdir() if path.name == "dry" or path.name.startswith("train"))
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in names:
        for path in name.glob("*.gif"):
            shutil.copyfile(path, folder / path.name)
    section = small(
        "datasets=[mine]",
        f"own={{mine: {{path: {folder}, kind: pictures, palette: simulated, pixel_km: 2}}}}",
        "windows={test_stride: 1}",
    )
    data = prepared_own(section, tmp_path)
    assert data.step_seconds == 600
    wet = data.grey[np.isin(data.time.astype("datetime64[M]"), [np.datetime64("2014-04")])]
    truth, palette = truth_of(raw_small), find_palette("simulated")
    true_grey = np.concatenate([palette.grey_of_class()[truth[name.name]] for name in names if name.name != "dry"])
    assert wet.shape == true_grey.shape
    assert np.corrcoef(wet.ravel() / LEVELS, true_grey.ravel())[0, 1] > 0.97


@pytest.mark.parametrize("name", ["none", "none/*.h5"])
def test_a_persons_files_that_are_not_there(small, tmp_path, name):
    section = small("datasets=[mine]", f"own={{mine: {{path: '{tmp_path / name}', kind: auto}}}}")
    with pytest.raises(UserError, match="no radar files there; accepted: a file, a folder of files, or a pattern"):
        make("mine", tmp_path / "raw", section.settings("raw", "mine"))


def test_any_radar_of_the_archive(small, tmp_path):
    with pytest.raises(UserError, match="hypernet radar archive --station KTLX"):
        make("nexrad_ktlx", tmp_path / "raw", small("datasets=[nexrad_ktlx]").settings("raw", "nexrad_ktlx"))


def test_squares_of_250_km_are_of_the_same_files():
    assert files_of("fmi_250px") == files_of("fmi")
