"""The pictures are drawn from made-up runs; what they look like is for a person to judge."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.ndimage import correlate, gaussian_filter

from hypernet.lab.errors import UserError
from hypernet.lab.files import write_json, write_table
from hypernet.lab.results.summary import COLUMNS
from hypernet.radar.captions import FIGURES
from hypernet.radar.core.scores import SCALES, Contingency, window_scores
from hypernet.radar.figures import draw
from hypernet.radar.methods import TITLES
from hypernet.radar.names import dataset_title
from hypernet.radar.plots.animation import PANEL, compose, write_animation
from hypernet.radar.plots.colours import NO_DATA, rgb, scale

SIZE, MARGIN, PATCH, TAPS, WINDOWS = 100, 10, 8, 21, 12
INSIDE = slice(MARGIN, SIZE - MARGIN)
ENDS = ("numerator", "denominator")
CITIES = ("Tel Aviv", "Davenport", "Kansas City")
# How far the made-up forecasts blur, and how much of the motion they see.
KINDS = {
    "last_frame": (0.0, 0.0),
    "global_motion": (0.0, 1.0),
    "patch_linear": (2.5, 0.7),
    "patch_cnn": (1.5, 0.9),
    "whole_dynamic": (1.0, 1.0),
    "patch_dynamic": (1.2, 1.0),
    "pysteps": (0.5, 0.8),
}


def moving_rain(seed: int) -> np.ndarray:
    """Five images of rain that moves east and a little south, float32 ``[5, N, N]``."""
    field = gaussian_filter(np.random.default_rng(seed).standard_normal((260, 260)), 5)
    field = (0.55 * field / field.std() + 0.05).clip(0, 1).astype(np.float32)
    # Content moves by (1, 4) pixels a step: the window moves the other way.
    return np.stack([field[80 - step : 180 - step, 80 - 4 * step : 180 - 4 * step] for step in range(5)])


def filters(generator: np.random.Generator, shift: float, count: tuple[int, ...]) -> np.ndarray:
    """Bell-shaped filters whose content moves by about ``shift`` pixels, ``[*count, K]``."""
    offset = np.arange(TAPS) - TAPS // 2
    centre = -shift + 0.7 * generator.standard_normal((*count, 1))
    bells = np.exp(-0.5 * ((offset - centre) / generator.uniform(0.5, 2.5, (*count, 1))) ** 2)
    return (bells / bells.sum(axis=-1, keepdims=True)).astype(np.float16)


def make_runs(root: Path, methods=tuple(KINDS), datasets=("simulated",)) -> list[Path]:
    """Run folders and ``summary.csv`` of forecasts of the same moving rain."""
    generator, runs, rows = np.random.default_rng(2), [], []
    images = np.stack([moving_rain(seed) for seed in range(WINDOWS)])
    truth, last = images[:, 4, INSIDE, INSIDE], images[:, 3, INSIDE, INSIDE]
    for dataset in datasets:
        for method in methods:
            blur, seen = KINDS[method]
            moved = np.roll(images[:, 3], (round(seen), round(4 * seen)), axis=(1, 2))
            forecast = gaussian_filter(moved, (0, blur, blur))[:, INSIDE, INSIDE]
            run = root / dataset / method / "seed0"
            run.mkdir(parents=True)
            scored = window_scores(forecast, truth, last)
            times = np.datetime64("2016-09-28T12:00") + 10 * np.arange(WINDOWS).astype("timedelta64[m]")
            items = pd.DataFrame({"window": range(WINDOWS), "event": np.arange(WINDOWS) // 4, "time": times} | scored)
            write_table(run / "items.csv", items)
            stored = {"inputs": (255 * images[:, :4]).astype(np.uint8), "truth": truth, "forecast": forecast}
            stored |= {name: stored[name].astype(np.float16) for name in ("truth", "forecast")}
            if method.endswith("dynamic"):
                count = (WINDOWS,) if method.startswith("whole") else (WINDOWS, ((SIZE - 2 * MARGIN) // PATCH) ** 2)
                stored["vertical"], stored["horizontal"] = (filters(generator, seed, count) for seed in (1, 4))
            np.savez(run / "predictions.npz", **stored)
            ratio = items.loss.sum() / items.last_frame_loss.sum()
            lead = 10 * np.arange(1, 7)
            write_table(
                run / "lead_times.csv",
                pd.DataFrame(
                    {
                        "lead_minutes": lead,
                        "loss": (ratio + (1 - ratio) * lead / 90) * lead,
                        "last_frame_loss": 1.0 * lead,
                        "csi_21": np.exp(-lead / 60) * (1.1 - ratio / 2),
                        "csi_35": np.exp(-lead / 40) * (1.1 - ratio / 2),
                        "fss_21_9": np.exp(-lead / 90) * (1.1 - ratio / 2),
                    }
                ),
            )
            trained = method.startswith(("whole", "patch")) and method != "patch_linear"
            history = [
                {"step": 100 * t, "seconds": 5.0 * t, "validation_loss": items.loss.mean() * (1 + 2 / t)}
                for t in range(1, 10)
            ]
            data = root / "data" / dataset
            record = {"dataset": dataset, "method": method, "seed": 0, "seconds": 60.0, "data": str(data)}
            write_json(run / "run.json", record | ({"history": history} if trained else {}))
            runs.append(run)
            counts = {
                threshold: Contingency(*(items[f"{name}_{threshold}"].sum() for name in ("hits", "misses", "false")))
                for threshold in (21, 35)
            }
            numbers = [("loss", "", items.loss.mean(), None), ("ratio", "", ratio, None)]
            numbers += [("published_ratio", city, ratio, 0.4 + 0.1 * n) for n, city in enumerate(CITIES)]
            for threshold, table in counts.items():
                group = f"{threshold} dBZ"
                numbers += [(name, group, float(getattr(table, name)()), None) for name in ("csi", "pod", "far")]
                for width in SCALES:
                    above, below = (items[f"fss_{threshold}_{width}_{end}"].sum() for end in ENDS)
                    numbers.append(("fss", f"{group}, {width} px", 1 - above / below, None))
            for metric, group, value, published in numbers:
                row = {"domain": "radar", "dataset": dataset, "method": method, "group": group, "metric": metric}
                row |= {"value": value, "ci95_low": 0.9 * value, "ci95_high": 1.1 * value, "published": published}
                rows.append(row)
    write_table(root / "summary.csv", pd.DataFrame(rows, columns=COLUMNS))
    write_table(root / "comparisons.csv", pd.DataFrame({"domain": []}))
    return runs


def drawn(root: Path, **options) -> Path:
    draw(make_runs(root, **options), root, root / "figures")
    return root / "figures"


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """Pictures of all methods, with the stages of a picture's preprocessing."""
    root = tmp_path_factory.mktemp("whole")
    data, image = root / "data" / "simulated", moving_rain(0)[0]
    data.mkdir(parents=True)
    background = np.full((SIZE, SIZE, 3), (236, 230, 208), np.uint8)
    picture = np.where(image[..., None] > 0.1, rgb(image), background)
    holes = np.add(*np.indices((SIZE, SIZE))) % 20 == 0
    stages = {"picture": picture, "background": background, "holes": holes, "gray": (255 * image).astype(np.uint8)}
    np.savez(data / "preprocessing.npz", **stages)
    return drawn(root)


@pytest.mark.parametrize("name", list(FIGURES))
def test_every_picture_is_there_and_is_no_notice(whole, name):
    ElementTree.parse(whole / f"{name}.svg")
    with Image.open(whole / f"{name}.png") as picture:
        # A notice is a narrow strip.
        assert picture.height > 400


def test_the_animation_shows_truth_beside_forecast(whole):
    with Image.open(whole / "animation.gif") as animation:
        assert animation.n_frames == 2 * WINDOWS
        animation.seek(1)
        shown = np.asarray(animation.convert("RGB"))
    assert shown.shape[1] > 2 * (SIZE - 2 * MARGIN) * 4


def test_pictures_without_their_runs_say_so(tmp_path, render):
    render(".png")
    out = drawn(tmp_path, methods=("last_frame", "patch_linear"))
    for name in ("filters", "motion", "preprocessing", "learning"):
        with Image.open(out / f"{name}.png") as picture:
            assert picture.height < 300
    for name in ("comparison", "forecasts", "lead_times", "skill"):
        with Image.open(out / f"{name}.png") as picture:
            assert picture.height > 400
    assert (out / "animation.gif").is_file()


def test_two_data_sets_have_panels_of_their_own(tmp_path, render):
    render(".svg", "comparison", "skill", "lead_times")
    out = drawn(tmp_path, methods=("last_frame",), datasets=("simulated", "fmi"))
    for name in ("comparison", "skill", "lead_times"):
        # Letters are drawn as paths; what they say stands in comments.
        text = (out / f"{name}.svg").read_text(encoding="utf-8")
        assert all(dataset_title(dataset) in text for dataset in ("simulated", "fmi"))


def test_windows_that_end_too_soon_have_no_lead_times(tmp_path, render):
    render(".png", "lead_times")
    runs = make_runs(tmp_path, methods=("last_frame",))
    (runs[0] / "lead_times.csv").write_text("\n")
    draw(runs, tmp_path, tmp_path / "figures")
    with Image.open(tmp_path / "figures" / "lead_times.png") as picture:
        assert picture.height < 300


def test_without_a_summary_the_step_before_is_named(tmp_path):
    runs = make_runs(tmp_path, methods=("last_frame",))
    (tmp_path / "summary.csv").unlink()
    with pytest.raises(UserError, match="run `hypernet radar summarise` first"):
        draw(runs, tmp_path, tmp_path / "figures")


def test_made_up_filters_move_content_as_the_picture_says():
    """The made-up filters are right: content moves by the shift asked for."""
    bell = filters(np.random.default_rng(0), 4.0, (1,))[0].astype(float)
    line = np.zeros(61)
    line[30] = 1
    moved = correlate(line, bell)
    assert abs((moved * np.arange(61)).sum() / moved.sum() - 34) < 2


def test_every_method_has_a_style():
    from hypernet.radar.figures import STYLE

    assert set(STYLE) == set(TITLES)


def test_colours_of_grey_levels():
    levels = scale()
    assert levels.shape == (256, 3)
    # All told apart from no data, and heavy rain is darker than moderate rain.
    assert (np.abs(levels.astype(int) - NO_DATA).max(axis=1) > 20).all()
    luminance = levels @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(luminance[150:]) <= 1e-9).all()
    np.testing.assert_array_equal(rgb(np.array([0.0, 1.0, np.nan])), [levels[0], levels[255], NO_DATA])


@pytest.mark.parametrize(("shape", "factor"), [((100, 80), 3), ((400, 300), 1), ((1500, 900), 1)])
def test_panels_are_enlarged_by_whole_factors_and_bounded(shape, factor):
    picture = compose({"Title": np.zeros(shape)})
    assert picture.height > min(factor * shape[0], PANEL // 2)
    assert picture.width < 2 * PANEL


def test_averaged_panels_keep_the_mean_and_what_is_missing():
    from hypernet.radar.plots.animation import _fitted

    grey = np.random.default_rng(0).random((1500, 1500)).astype(np.float32)
    grey[:48] = np.nan
    small = _fitted(grey)
    assert small.shape == (500, 500)
    assert np.isnan(small[:16]).all()
    assert np.nanmean(small) == pytest.approx(np.nanmean(grey), rel=1e-4)


def test_animations_have_the_same_bytes_every_time(tmp_path):
    for name in ("one.gif", "two.gif"):
        pictures = [compose({"Rain": image}, "note") for image in moving_rain(1)]
        write_animation(tmp_path / name, pictures, [300, 300, 300, 300, 900])
    assert (tmp_path / "one.gif").read_bytes() == (tmp_path / "two.gif").read_bytes()
    with Image.open(tmp_path / "one.gif") as animation:
        assert animation.n_frames == 5
        assert animation.info["loop"] == 0
        durations = []
        for number in range(5):
            animation.seek(number)
            durations.append(animation.info["duration"])
    assert durations == [300, 300, 300, 300, 900]


def test_colours_of_an_animation_are_those_of_the_scale(tmp_path):
    grey = np.linspace(0, 1, 90).reshape(1, 90).repeat(60, axis=0)
    picture = compose({"Rain": grey})
    write_animation(tmp_path / "a.gif", [picture, picture], [100, 100])
    with Image.open(tmp_path / "a.gif") as animation:
        shown = np.asarray(animation.convert("RGB")).astype(int)
    difference = np.abs(shown - np.asarray(picture)).max(axis=2)
    # 223 shades stand for 256, and letters have 32 greys.
    assert np.quantile(difference, 0.99) <= 8
