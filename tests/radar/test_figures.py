"""The pictures are drawn from made-up runs; what they look like is for a person to judge."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import matplotlib.pyplot as plt
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
from hypernet.radar.figures import _ratios, draw
from hypernet.radar.methods import TITLES
from hypernet.radar.names import dataset_title
from hypernet.radar.plots.colours import rgb
from hypernet.radar.plots.scenes import Predictions, draw_motion, read_predictions

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
    "whole_matching": (0.6, 1.0),
    "patch_matching": (0.7, 1.0),
    "pixel_cnn": (1.4, 0.9),
    "soft_motion": (0.4, 1.0),
    "constant_filter": (2.0, 0.6),
    "pysteps": (0.5, 0.8),
}
STEP_SECONDS = 450


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
            stored["step_seconds"] = np.array(STEP_SECONDS)
            if method.endswith(("dynamic", "matching")):
                count = (WINDOWS,) if method.startswith("whole") else (WINDOWS, ((SIZE - 2 * MARGIN) // PATCH) ** 2)
                stored["vertical"], stored["horizontal"] = (filters(generator, seed, count) for seed in (1, 4))
            np.savez(run / "predictions.npz", **stored)
            ratio = items.loss.sum() / items.last_frame_loss.sum()
            lead = STEP_SECONDS / 60 * np.arange(1, 7)
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
            trained = method not in ("last_frame", "global_motion", "patch_linear", "pysteps")
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
            # What learned the wind is lost where it blows from elsewhere.
            worse = {90: 1.5, 180: 1.9} if method in ("constant_filter", "pixel_cnn") else {90: 1.0, 180: 1.02}
            numbers += [("rotated_ratio", f"{angle} degrees", ratio * by, None) for angle, by in worse.items()]
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
    runs = make_runs(tmp_path, methods=("last_frame", "patch_linear"))
    summary = pd.read_csv(tmp_path / "summary.csv")
    summary[summary.metric != "rotated_ratio"].to_csv(tmp_path / "summary.csv", index=False)
    out = tmp_path / "figures"
    draw(runs, tmp_path, out)
    for name in ("filters", "motion", "preprocessing", "learning", "rotated"):
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


def test_every_method_has_a_style_of_its_own():
    from hypernet.radar.figures import STYLE

    assert set(STYLE) == set(TITLES)
    assert len({(style["color"], style["marker"]) for style in STYLE.values()}) == len(STYLE)


def test_the_step_is_what_the_run_says(tmp_path):
    (run,) = make_runs(tmp_path, methods=("last_frame",))
    assert read_predictions(run, "Last frame").lead == "+7.5 min"
    with np.load(run / "predictions.npz") as stored:
        arrays = {name: stored[name] for name in stored.files if name != "step_seconds"}
    np.savez(run / "predictions.npz", **arrays)
    assert read_predictions(run, "Last frame").lead == "+10 min"


def test_rows_of_methods_do_not_overlap(whole):
    """A row of a figure is at least as high as its name's letters."""
    with Image.open(whole / "comparison.png") as picture:
        # 150 dots per inch, letters of 9 points.
        assert picture.height / len(TITLES) > 1.5 * 9 / 72 * 150


def test_panels_of_motion_are_of_different_times():
    generator = np.random.default_rng(0)
    images = np.stack([moving_rain(seed) for seed in range(4)])
    truth = images[:, 4, INSIDE, INSIDE]
    both = (filters(generator, seed, (4, ((SIZE - 2 * MARGIN) // PATCH) ** 2)) for seed in (1, 4))
    # Squares of two times.
    times = ["12:00", "12:00", "12:10", "12:10"]
    figure = draw_motion(Predictions("A method", images[:, :4], truth, truth, *both, times))
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    assert titles == ["Last image before 12:00", "Last image before 12:10"]
    plt.close(figure)


def test_a_ratio_stands_in_the_middle_of_its_row_where_nothing_is_quoted():
    rows = [("last_frame", "ratio", 1.0, None), ("last_frame", "published_ratio", 1.0, 1.0)]
    rows += [("soft_motion", "ratio", 0.4, None), ("soft_motion", "published_ratio", 0.4, None)]
    table = pd.DataFrame(rows, columns=["method", "metric", "value", "published"])
    table = table.assign(group=["", "Tel Aviv"] * 2, ci95_low=table.value, ci95_high=table.value)
    figure, axes = plt.subplots()
    _ratios(table, axes)
    heights = {container.lines[0].get_ydata()[0] for container in axes.containers}
    assert heights == {-0.18, 1.0}
    plt.close(figure)
