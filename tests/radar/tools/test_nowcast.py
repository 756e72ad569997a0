"""The verb ``nowcast`` on made-up rain whose motion is known, with a forecaster whose filters are known."""

from __future__ import annotations

import argparse
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter

import hypernet.radar.trained
from hypernet.cli import main
from hypernet.lab.errors import UserError
from hypernet.lab.runs.models import save_model
from hypernet.layers.dynamic_conv import separable_dynamic_conv
from hypernet.radar.baselines import optical_flow
from hypernet.radar.baselines.global_motion import GlobalMotion
from hypernet.radar.config import MotionMethod, MotionSettings
from hypernet.radar.core.frames import LEVELS, Geometry, Sequence, dbz_of_rain_rate
from hypernet.radar.core.motion import FieldMotion, uniform_field
from hypernet.radar.core.rollout import Tiled, roll_out
from hypernet.radar.plots import maps
from hypernet.radar.plots.field_motion import thinned
from hypernet.radar.sources import cf
from hypernet.radar.tools.nowcast import add_arguments, run
from hypernet.radar.tools.nowcast import nowcast as function
from hypernet.radar.trained import Forecaster

xarray = pytest.importorskip("xarray")
pytest.importorskip("h5netcdf")
pytest.importorskip("pyproj")

# Pixels southwards and eastwards in ten minutes; a pixel is 2 km wide.
DOWN, RIGHT, PIXEL = 2, 3, 2000.0
HEIGHT, WIDTH = 70, 90
GEOMETRY = Geometry(size=48, margin=8, patch=8, taps=17)
START = np.datetime64("2024-05-01T12:00:00", "s")
CASES = Path(__file__).resolve().parents[1] / "cases"
PROJECTION = "+proj=stere +lat_0=90 +lon_0=25 +lat_ts=60 +ellps=WGS84 +units=m"


def moving_rain(times: int = 10, minutes: float = 10) -> Sequence:
    """Rain that moves to the south-east by a whole number of pixels every ten minutes."""
    field = gaussian_filter(np.random.default_rng(4).standard_normal((220, 260)), 4)
    field = (0.3 * field / field.std() + 0.2).clip(0, 1)
    shown = [field[90 - DOWN * number :, 100 - RIGHT * number :][:HEIGHT, :WIDTH] for number in range(times)]
    return Sequence(
        grey=np.rint(LEVELS * np.stack(shown)).astype(np.uint8),
        time=START + np.timedelta64(round(60 * minutes), "s") * np.arange(times),
        missing=np.zeros((HEIGHT, WIDTH), dtype=bool),
        x=PIXEL * np.arange(WIDTH),
        y=PIXEL * np.arange(HEIGHT)[::-1],
        projection=PROJECTION,
        attributes={"source": "made up"},
    )


def part(sequence: Sequence, frames: list[int]) -> Sequence:
    return Sequence(
        sequence.grey[frames],
        sequence.time[frames],
        sequence.missing,
        sequence.x,
        sequence.y,
        sequence.projection,
        sequence.attributes,
    )


class Known:
    """A network of fixed size that knows the motion: its filters have a single tap."""

    method, geometry, title = "whole_dynamic", GEOMETRY, "Made-up rain"
    adapts, reach, step_seconds = False, GEOMETRY.margin, 600.0

    def motion(self, frames: np.ndarray, known: np.ndarray | None = None) -> FieldMotion:
        field = uniform_field(np.array([[DOWN, RIGHT]]), frames.shape[2:], np.zeros(1, dtype=bool))
        return replace(field, largest_entropy=2 * float(np.log2(GEOMETRY.taps)))

    def field(self) -> Tiled:
        def forecast(squares: np.ndarray) -> np.ndarray:
            # Content moves against the tap's offset.
            taps = np.eye(GEOMETRY.taps, dtype=np.float32)[[GEOMETRY.margin - DOWN, GEOMETRY.margin - RIGHT]]
            both = (torch.from_numpy(tap).expand(len(squares), -1) for tap in taps)
            return separable_dynamic_conv(torch.from_numpy(squares[:, -1]), *both).numpy()

        return Tiled(forecast, GEOMETRY.size, GEOMETRY.margin)

    def roll_out(self, frames: np.ndarray, steps: int, known: np.ndarray | None = None) -> np.ndarray:
        return roll_out(self.field(), frames, steps)


@pytest.fixture
def known(monkeypatch) -> Known:
    forecaster = Known()
    monkeypatch.setattr(hypernet.radar.trained, "open_model", lambda path: forecaster)
    return forecaster


@pytest.fixture
def files(tmp_path) -> list[Path]:
    """Four images ten minutes apart, one in a file, and what follows is not among them."""
    paths = [tmp_path / f"{number}.nc" for number in range(4)]
    for number, path in enumerate(paths):
        cf.write(path, part(moving_rain(), [number]))
    return paths


def nowcast(*words: object) -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    run(parser.parse_args([str(word) for word in words]))


def moved(steps: int) -> tuple[np.ndarray, tuple[slice, slice]]:
    """The true image after ``steps``, and the part whose rain was inside the last input."""
    inside = slice(DOWN * steps, None), slice(RIGHT * steps, None)
    return moving_rain().grey[3 + steps], inside


def test_forecast_moves_the_rain_on(known, files, tmp_path, capsys):
    out = tmp_path / "out.nc"
    nowcast(*files, "--model", "model.ckpt", "--lead", 60, "--out", out)
    with xarray.open_dataset(out, engine="h5netcdf") as stored:
        assert stored["gray"].dims == ("time", "y", "x")
        np.testing.assert_array_equal(stored["lead_time"].values.astype(float), 10.0 * np.arange(1, 7))
        assert stored["time"].values[0] == START + np.timedelta64(40, "m")
        np.testing.assert_array_equal(stored["x"], PIXEL * np.arange(WIDTH))
        assert stored.attrs["nowcast_method"] == known.method
        for step in (1, 6):
            truth, inside = moved(step)
            shown = np.rint(LEVELS * stored["gray"].values[step - 1])
            np.testing.assert_array_equal(shown[inside], truth[inside])
            # What comes from outside the image was never seen.
            none = np.ones((HEIGHT, WIDTH), dtype=bool)
            none[inside] = False
            np.testing.assert_array_equal(stored["missing"].values[step - 1], none)
            np.testing.assert_array_equal(np.isnan(stored["reflectivity"].values[step - 1]), none)
            np.testing.assert_allclose(
                stored["reflectivity"].values[step - 1][inside], 70 / LEVELS * shown[inside], atol=1e-3
            )
        # Along x with the columns, along y against the rows: 2 km a pixel, six steps an hour.
        assert stored["motion_x"].values == pytest.approx(RIGHT * 12)
        assert stored["motion_y"].values == pytest.approx(-DOWN * 12)
        assert stored["motion_entropy"].values == pytest.approx(0)
    printed = capsys.readouterr().out
    assert "4 images of 70 x 90 pixels of 2 km; used 12:00, 12:10, 12:20 and the last, 2024-05-01 12:30 UTC" in printed
    assert "Valid: 2024-05-01 12:40 to 13:30 UTC; a step is 10 min, as measured" in printed
    assert "Source: made up" in printed
    speed = 12 * np.hypot(DOWN, RIGHT)
    assert (
        f"Motion: {speed:.0f} km/h to the south-east (one displacement for the whole image; entropy 0.0 bits" in printed
    )
    assert f"(searched, not used by the method): {speed:.0f} km/h to the south-east" in printed
    assert "Warning" not in printed
    assert "trained on: Made-up rain" in printed
    now = 100 * (moving_rain().grey[3] / LEVELS >= 0.3).mean()
    assert f"now {now:.1f} %, +10 min" in printed
    # Two rows and three columns a step; one time after the other.
    first = 100 * (1 - (1 - 2 / HEIGHT) * (1 - 3 / WIDTH))
    assert f"no forecast: +10 min {first:.1f} %" in printed


def test_pictures_of_inputs_and_forecast(known, files, tmp_path):
    folder, animation, motion = tmp_path / "frames", tmp_path / "a.gif", tmp_path / "motion.png"
    options = ["--frames", folder, "--animation", animation, "--motion", motion]
    nowcast(*files, "--model", "m.ckpt", "--lead", 30, "--out", tmp_path / "o.nc", *options)
    names = sorted(path.name for path in folder.iterdir())
    assert names[0] == "00_observed_030min.png"
    assert names[3:5] == ["03_observed_000min.png", "04_forecast_010min.png"]
    assert len(names) == 7
    with Image.open(animation) as gif:
        assert gif.n_frames == 7
        durations = []
        for number in range(7):
            gif.seek(number)
            durations.append(gif.info["duration"])
    # The last that was seen and the end stay longer.
    assert [duration > durations[0] for duration in durations] == [False, False, False, True, False, False, True]
    with Image.open(motion) as picture:
        assert picture.height > 400


def test_the_same_command_writes_the_same_bytes(known, files, tmp_path):
    for name in ("one", "two"):
        options = ["--animation", tmp_path / f"{name}.gif", "--motion", tmp_path / f"{name}.svg"]
        nowcast(*files, "--model", "m.ckpt", "--lead", 10, "--out", tmp_path / f"{name}.nc", *options)
    for suffix in (".nc", ".gif", ".svg"):
        assert (tmp_path / f"one{suffix}").read_bytes() == (tmp_path / f"two{suffix}").read_bytes()


@pytest.mark.parametrize("method", ["last_frame", "global_motion", "pysteps"])
def test_methods_without_training(method, files, tmp_path, capsys):
    if method == "pysteps":
        pytest.importorskip("pysteps")
        pytest.importorskip("cv2")
    out = tmp_path / "out.nc"
    nowcast(*files, "--method", method, "--lead", 20, "--out", out)
    with xarray.open_dataset(out, engine="h5netcdf") as stored:
        shown = stored["gray"].values[1]
        assert ("motion_x" in stored) == (method != "last_frame")
    truth, inside = moved(2)
    error = np.abs(shown - truth / LEVELS)[inside][8:-8, 8:-8].mean()
    still = np.abs(moving_rain().grey[3].astype(float) - truth)[inside][8:-8, 8:-8].mean() / LEVELS
    assert error == pytest.approx(still) if method == "last_frame" else error < 0.2 * still
    speed, printed = 12 * np.hypot(DOWN, RIGHT), capsys.readouterr().out
    whose = "Motion in the images (searched, not used by the method)" if method == "last_frame" else "Motion"
    words = re.search(rf"^{re.escape(whose)}: (\d+) km/h to the south-east", printed, re.MULTILINE)
    assert float(words.group(1)) == pytest.approx(speed, abs=6 if method == "pysteps" else 0.8)
    assert printed.count("Motion") == 1


def test_of_images_every_five_minutes_every_second_one_is_used(known, tmp_path, capsys):
    cf.write(tmp_path / "all.nc", moving_rain(10, minutes=5))
    nowcast(tmp_path / "all.nc", "--model", "m.ckpt", "--out", tmp_path / "out.nc")
    assert "10 images of 70 x 90 pixels of 2 km; used 12:15, 12:25, 12:35 and the last, 2024-05-01 12:45" in (
        capsys.readouterr().out
    )


def test_air_from_pixels_without_data_is_no_forecast(known, tmp_path, capsys):
    sequence = moving_rain(4)
    missing = np.zeros((4, HEIGHT, WIDTH), dtype=bool)
    # Missing in an earlier image alone: nothing is lost. Missing in the last: what comes from there is.
    missing[2, :30], missing[3, 20:25, 40:50] = True, True
    grey = np.where(missing, 0, sequence.grey).astype(np.uint8)
    cf.write(tmp_path / "holed.nc", replace(sequence, grey=grey, missing=missing))
    out = tmp_path / "out.nc"
    nowcast(tmp_path / "holed.nc", "--model", "m.ckpt", "--lead", 20, "--out", out)
    expected = np.zeros((2, HEIGHT, WIDTH), dtype=bool)
    for lead, mask in enumerate(expected, start=1):
        down, right = DOWN * lead, RIGHT * lead
        mask[:down], mask[:, :right], mask[20 + down : 25 + down, 40 + right : 50 + right] = True, True, True
    with xarray.open_dataset(out, engine="h5netcdf") as stored:
        np.testing.assert_array_equal(stored["missing"].values.astype(bool), expected)
        np.testing.assert_array_equal(np.isnan(stored["reflectivity"].values), expected)
        np.testing.assert_array_equal(np.isnan(stored["rainfall_rate"].values), expected)
        shown = np.rint(LEVELS * stored["gray"].values[0][~expected[0]])
    np.testing.assert_array_equal(shown, moving_rain().grey[4][~expected[0]])
    printed = capsys.readouterr().out
    assert f"No data: {100 * 50 / (HEIGHT * WIDTH):.1f} % of the last image" in printed


@pytest.mark.parametrize("method", ["global_motion", "patch_matching"])
def test_half_an_earlier_image_without_data_says_nothing_of_the_motion(method):
    sequence = moving_rain(4)
    missing = np.zeros((4, HEIGHT, WIDTH), dtype=bool)
    missing[2, 30:] = True
    halved = replace(sequence, grey=np.where(missing, 0, sequence.grey).astype(np.uint8), missing=missing)
    forecast = function(halved, method=method, lead=10)
    rows, columns, _ = forecast.motion.mean(forecast.chosen.frames[-1])
    tolerance = 0.03 if method == "global_motion" else 1.0
    assert (rows, columns) == pytest.approx((DOWN, RIGHT), abs=tolerance)
    assert forecast.missing[0].mean() < 0.12


def test_a_last_image_without_any_data_is_refused(known, tmp_path):
    sequence = moving_rain(4)
    missing = np.zeros((4, HEIGHT, WIDTH), dtype=bool)
    missing[3] = True
    cf.write(tmp_path / "blind.nc", replace(sequence, grey=np.where(missing, 0, sequence.grey), missing=missing))
    with pytest.raises(UserError, match=r"blind.nc: no pixel of the last image, 12:30, has data"):
        nowcast(tmp_path / "blind.nc", "--model", "m.ckpt", "--out", tmp_path / "out.nc")
    assert not (tmp_path / "out.nc").exists()


# Outages: images that say it is dry where it rains.


def blanked(frames: list[int], times: int = 4, minutes: float = 10) -> Sequence:
    sequence = moving_rain(times, minutes)
    grey = sequence.grey.copy()
    grey[frames] = 0
    return replace(sequence, grey=grey)


@pytest.mark.parametrize("method", ["global_motion", "patch_matching", "pysteps"])
@pytest.mark.parametrize("frame", [0, 1, 2])
def test_an_outage_is_said_and_does_not_move_the_rain(method, frame):
    if method == "pysteps":
        pytest.importorskip("pysteps")
        pytest.importorskip("cv2")
    forecast = function(blanked([frame]), method=method, lead=10)
    assert f"Outage: the image of 12:{frame}0 is dry" in forecast.summary()
    rows, columns, _ = forecast.motion.mean(forecast.chosen.frames[-1])
    tolerance = 0.03 if method == "global_motion" else 1.0
    assert (rows, columns) == pytest.approx((DOWN, RIGHT), abs=tolerance)


def test_networks_that_cannot_be_told_get_a_mended_image(known):
    seen = []
    roll_out = known.roll_out
    known.roll_out = lambda frames, steps, mask=None: seen.append(frames) or roll_out(frames, steps)
    function(blanked([2]), model=known, lead=10)
    truth = moving_rain(4).grey[2] / LEVELS
    np.testing.assert_allclose(seen[0][0, 2, DOWN:, RIGHT:], truth[DOWN:, RIGHT:], atol=1e-6)


def test_a_last_image_that_is_blank_is_refused_or_taken_by_option(tmp_path, capsys):
    cf.write(tmp_path / "blank.nc", blanked([3]))
    words = [tmp_path / "blank.nc", "--method", "global_motion", "--lead", 10, "--out", tmp_path / "out.nc"]
    with pytest.raises(UserError, match=r"the last image, 12:30, is dry where it rained just before.*--last-is-dry"):
        nowcast(*words)
    assert not (tmp_path / "out.nc").exists()
    nowcast(*words, "--last-is-dry")
    assert "there is no rain in the last image" in capsys.readouterr().out


def test_two_blank_images_are_refused():
    with pytest.raises(UserError, match="the images of 12:10 and 12:20 are dry between wet ones"):
        function(blanked([1, 2]), method="global_motion")


def test_another_step_without_the_outage_is_taken_where_there_is_one():
    # Every five minutes, the fifth of the last seven blank: at ten minutes it would be among the four.
    forecast = function(blanked([2], times=7, minutes=5), method="global_motion", lead=20)
    assert forecast.step_seconds == 300
    assert not forecast.chosen.silent.any()
    assert len(forecast.times) == 4


# Steps, leads and speeds.


@pytest.mark.parametrize("minutes", [5, 6, 7.5, 9, 15, 20])
def test_the_step_is_measured_and_speeds_and_leads_follow_it(minutes, tmp_path, monkeypatch, capsys):
    # Only their names are looked at.
    monkeypatch.setattr(maps, "compose_map", lambda *_: Image.new("RGB", (1, 1)))
    cf.write(tmp_path / "all.nc", moving_rain(10, minutes))
    out = tmp_path / "out.nc"
    nowcast(tmp_path / "all.nc", "--method", "global_motion", "--lead", 60, "--out", out, "--frames", tmp_path / "f")
    step = {5: 10, 6: 12}.get(minutes, minutes)
    speed = 60 * 2 * np.hypot(DOWN, RIGHT) / minutes
    printed = capsys.readouterr().out
    words = re.search(r"Motion: (\d+) km/h to the south-east", printed)
    assert float(words.group(1)) == pytest.approx(speed, abs=0.8)
    assert f"a step is {step:g} min" in printed
    count = int(np.ceil(60 / step))
    with xarray.open_dataset(out, engine="h5netcdf", decode_timedelta=False) as stored:
        np.testing.assert_allclose(stored["lead_time"].values.astype(float), step * np.arange(1, count + 1))
        assert stored["time"].values[-1] == moving_rain(10, minutes).time[-1] + np.timedelta64(round(60 * step * count))
        np.testing.assert_allclose(stored["motion_x"], 60 * 2 * RIGHT / minutes, rtol=5e-3)
    names = sorted(path.name for path in (tmp_path / "f").iterdir())
    lead = f"{step * count:g}"
    assert names[-1].endswith(f"_forecast_{lead.zfill(3)}min.png")


@pytest.mark.parametrize("minutes", [5, 6, 7])
def test_four_images_are_enough_at_any_step(minutes):
    forecast = function(moving_rain(4, minutes), method="global_motion", lead=20)
    assert forecast.step_seconds == 60 * minutes
    rows, columns, _ = forecast.motion.mean(forecast.chosen.frames[-1])
    assert (rows, columns) == pytest.approx((DOWN, RIGHT), abs=0.03)


def test_a_step_can_be_named():
    forecast = function(moving_rain(10, minutes=5), method="global_motion", lead=15, step=5)
    assert forecast.step_seconds == 300
    assert forecast.lead_minutes.tolist() == [5, 10, 15]
    with pytest.raises(UserError, match="10 minutes apart"):
        function(moving_rain(4), method="global_motion", step=3)


@pytest.mark.parametrize("method", ["global_motion", "last_frame"])
def test_motion_beyond_the_search_is_said(method):
    # A pixel is 2 km: 36 km/h along x, a search up to 24 km/h ends at two pixels.
    slow = function(moving_rain(4), method=method, lead=10, fastest=24)
    assert any("on the edge of the search" in line and "--fastest 48" in line for line in slow.warnings)
    assert not function(moving_rain(4), method=method, lead=10).warnings


def test_images_too_small_for_the_search_say_how_far_it_goes():
    square = np.zeros((4, 40, 44), dtype=np.uint8)
    for number, image in enumerate(square):
        image[10 + number : 20 + number, 8 + 3 * number : 16 + 3 * number] = 150
    sequence = moving_rain(4)
    metres = 500 * np.arange(44.0)
    small = Sequence(square, sequence.time, np.zeros((40, 44), dtype=bool), metres, -metres[:40], "", {})
    forecast = function(small, method="global_motion", lead=10)
    # 150 km/h are 50 pixels of 500 m; half of the image is 19.
    assert forecast.search.reach == 19
    assert "images of 40 x 44 pixels are too small to look for 150 km/h" in forecast.warnings[0]
    assert "up to 57 km/h" in forecast.warnings[0]
    assert forecast.motion.mean(small.grey[-1])[:2] == pytest.approx((1, 3))


def test_a_network_whose_reach_or_step_is_another_is_warned_of(known, monkeypatch):
    monkeypatch.setattr(Known, "reach", 2)
    assert (
        "the rain moves 3 pixels in a step, this model follows 2 at most"
        in function(moving_rain(4), model=known, lead=10).warnings[0]
    )
    monkeypatch.setattr(Known, "reach", 8)
    warnings = function(moving_rain(4, minutes=15), model=known, lead=15).warnings
    assert ["trained on images 10 min apart, these are 15" in line for line in warnings] == [True]


def motion_line(**options):
    lines = function(moving_rain(4), lead=10, **options).summary().splitlines()
    return next(line for line in lines if line.startswith("Motion: "))


@pytest.mark.parametrize("method", [None, "global_motion"])
def test_the_printed_motion_says_where_the_rain_may_be_faster(method):
    assert "may be faster" not in motion_line(method=method)
    assert motion_line(method=method, fastest=20).endswith("the rain may be faster, and go elsewhere")


def test_the_printed_motion_says_where_the_rain_is_beyond_a_network(known, monkeypatch):
    assert "faster" not in motion_line(model=known)
    monkeypatch.setattr(Known, "reach", 2)
    assert motion_line(model=known).endswith("; the rain is faster than the method follows")


def test_optical_flow_is_looked_for_once(monkeypatch):
    asked = []

    def flow(images):
        asked.append(len(images))
        return np.stack([np.full((HEIGHT, WIDTH), float(RIGHT)), np.full((HEIGHT, WIDTH), float(DOWN))])

    def extrapolation(last, velocity, steps):
        rows, columns = int(velocity[1, 0, 0]), int(velocity[0, 0, 0])
        return np.stack([np.roll(last, (rows * step, columns * step), axis=(0, 1)) for step in range(1, steps + 1)])

    library = SimpleNamespace(
        motion=SimpleNamespace(get_method=lambda name: flow),
        nowcasts=SimpleNamespace(get_method=lambda name: extrapolation),
    )
    monkeypatch.setattr(optical_flow, "library", lambda: library)
    forecast = function(moving_rain(4), method="pysteps", lead=20)
    assert asked == [4]
    assert forecast.motion.mean(forecast.chosen.frames[-1])[:2] == (DOWN, RIGHT)
    truth = moving_rain(6).grey[5, 2 * DOWN :, 2 * RIGHT :] * (70 / LEVELS)
    np.testing.assert_allclose(forecast.dbz[1, 2 * DOWN :, 2 * RIGHT :], truth, atol=0.2)


def test_a_trained_search_does_not_look_at_pixels_without_data_either():
    """A still block of no data, in images that move."""
    images = moving_rain(4)
    missing = np.zeros((4, HEIGHT, WIDTH), dtype=bool)
    missing[:, 20:50, 30:60] = True
    images = replace(images, missing=missing, grey=np.where(missing, 0, images.grey))
    settings = MotionSettings(method=MotionMethod(frames="last", subpixel="none"))
    trained = Forecaster("global_motion", "Made-up rain", GEOMETRY, settings, GlobalMotion(GEOMETRY), 600.0)
    forecast = function(images, model=trained, lead=10)
    assert forecast.motion.mean(forecast.chosen.frames[-1])[:2] == pytest.approx((DOWN, RIGHT))


def test_a_motion_that_is_not_the_images_is_in_doubt(known, monkeypatch):
    wrong = uniform_field(np.array([[-4.0, -4.0]]), (HEIGHT, WIDTH), np.zeros(1, dtype=bool))
    monkeypatch.setattr(Known, "motion", lambda *_: wrong)
    forecast = function(moving_rain(4), model=known, lead=10)
    assert "the motion is in doubt: the method's is 68 km/h to the north-west" in forecast.warnings[0]


def test_without_model_and_method_the_bundled_model_forecasts(capsys):
    forecast = function(moving_rain(4), lead=10)
    assert forecast.forecaster.method == "patch_matching"
    assert "trained on: Simulated rain" in forecast.summary()
    truth, inside = moved(1)
    middle = np.abs(forecast.dbz[0] / 70 - truth / LEVELS)[inside][8:-8, 8:-8]
    still = np.abs(moving_rain().grey[3].astype(float) - truth)[inside][8:-8, 8:-8].mean() / LEVELS
    assert np.nanmean(middle) < 0.5 * still


# Three showers, the strongest in row 40, column 30 of the first image; they only move, by so many pixels in a step.
GIVEN = {
    "good": ((-2, 3), 600),
    "zero2": ((-1, 2), 600),
    "halfnan2": ((-1, 2), 600),
    "fast500": ((0, 35), 600),
    "c540": ((-1.8, 2.7), 540),
    "amount": ((-2, 3), 600),
    "withz": ((-2, 3), 600),
    "xdesc": ((-2, 3), 600),
    "zlin_small": ((-2, 3), 600),
    "rate_hat": ((-2, 3), 600),
    "neginf": ((-2, 3), 600),
}


@pytest.mark.parametrize("method", [None, "global_motion"])
@pytest.mark.parametrize("case", list(GIVEN))
def test_files_that_gave_a_wrong_motion(case, method):
    step, seconds = GIVEN[case]
    forecast = function(CASES / f"{case}.nc", method=method, lead=60)
    motion = np.array(forecast.motion.mean(forecast.chosen.frames[-1])[:2])
    assert np.hypot(*(motion - step)) < 0.02 * np.hypot(*step)
    assert forecast.step_seconds == seconds
    assert forecast.chosen.silent.any() == (case == "zero2")
    steps = len(forecast.times)
    assert forecast.lead_minutes[-1] == (63 if case == "c540" else 60)
    shape = forecast.dbz.shape[1:]
    lost = 1 - np.prod([1 - min(1, steps * abs(part) / side) for part, side in zip(step, shape, strict=True)])
    assert forecast.missing[-1].mean() == pytest.approx(lost, abs=0.02)
    if case != "fast500":
        peak = np.unravel_index(np.nanargmax(forecast.dbz[-1]), shape)
        np.testing.assert_allclose(peak, np.array([40, 30]) + np.array(step) * (3 + steps), atol=0.6)


def test_dry_images_have_no_motion(files, tmp_path, capsys):
    dry = moving_rain(4)
    dry.grey[:] = 0
    cf.write(tmp_path / "dry.nc", dry)
    nowcast(tmp_path / "dry.nc", "--method", "global_motion", "--lead", 10, "--out", tmp_path / "out.nc")
    printed = capsys.readouterr().out
    assert "there is no rain in the last image" in printed
    assert "now 0.0 %, +10 min 0.0 %" in printed


def test_arrows_are_means_over_the_rain_of_their_square():
    last = moving_rain(4).grey[-1] / np.float32(LEVELS)
    field = uniform_field(np.array([[DOWN, RIGHT]]), last.shape, np.zeros(1, dtype=bool))
    drawn, wet = thinned(field, last, 10)
    assert len(drawn.x) == 7 * 9
    assert (drawn.x[1], drawn.y[1]) == (14.5, 4.5)
    np.testing.assert_allclose(drawn.right[wet], RIGHT, rtol=1e-5)
    np.testing.assert_allclose(drawn.down[wet], DOWN, rtol=1e-5)
    np.testing.assert_array_equal(wet, last.reshape(7, 10, 9, 10).mean(axis=(1, 3)).ravel() >= 0.02)


BAD = {
    "too few": (["0.nc", "1.nc", "2.nc"], "3 images; accepted: 4 at least"),
    "no file": (["0.nc", "none.nc"], "none.nc"),
    "one twice": (["0.nc", "0.nc", "1.nc", "2.nc", "3.nc"], "occur twice"),
    "a gap": (["gap.nc"], "a gap from 2024-05-01T12:20:00 to 2024-05-01T12:40:00"),
    "uneven": (["uneven.nc"], "accepted: 4 without a gap"),
    "no radar file": (["text.nc", "0.nc", "1.nc", "2.nc"], "text.nc"),
    "another grid": (["0.nc", "1.nc", "2.nc", "moved.nc"], "another grid"),
}


@pytest.mark.parametrize("case", list(BAD))
def test_bad_inputs_are_one_line_and_leave_nothing(case, known, files, tmp_path, monkeypatch, capsys):
    whole = moving_rain()
    cf.write(tmp_path / "gap.nc", part(whole, [0, 1, 2, 4, 5]))
    uneven = moving_rain(6)
    cf.write(tmp_path / "uneven.nc", replace(uneven, time=START + np.array([0, 10, 20, 30, 44, 54]).astype("m8[m]")))
    (tmp_path / "text.nc").write_text("this is no radar image")
    other = part(whole, [3])
    cf.write(
        tmp_path / "moved.nc",
        Sequence(other.grey, other.time, other.missing, other.x + 500, other.y, PROJECTION, {}),
    )
    names, message = BAD[case]
    out = tmp_path / "new"
    monkeypatch.chdir(tmp_path)
    options = ["--frames", out, "--animation", out / "a.gif", "--motion", out / "m.png"]
    with pytest.raises(UserError, match=message) as caught:
        nowcast(*names, "--model", "m.ckpt", "--out", out / "o.nc", *options)
    assert "\n" not in str(caught.value)
    assert not out.exists()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--out", "o.txt"], "--out o.txt: the name must end in .nc"),
        (["--out", "folder.nc"], "--out folder.nc: this is a folder"),
        (["--out", "0.nc"], "--out 0.nc: this is one of the files to read"),
        (["--out", "o.nc", "--animation", "a.png"], "--animation a.png: the name must end in .gif"),
        (["--out", "o.nc", "--motion", "m.pdf"], "--motion m.pdf: the name must end in .png or .svg"),
        (["--out", "o.nc", "--frames", "0.nc"], "--frames 0.nc: this is a file"),
    ],
)
def test_names_that_cannot_be_written_are_refused_first(options, message, files, tmp_path, monkeypatch):
    (tmp_path / "folder.nc").mkdir()
    monkeypatch.chdir(tmp_path)
    before = (tmp_path / "0.nc").read_bytes()
    with pytest.raises(UserError, match=message):
        nowcast(*(path.name for path in files), "--method", "last_frame", *options)
    assert (tmp_path / "0.nc").read_bytes() == before
    assert not (tmp_path / "o.nc").exists()


def test_images_smaller_than_the_networks_are_refused(known, files, tmp_path, monkeypatch):
    monkeypatch.setattr(Known, "geometry", Geometry(size=80, margin=8, patch=8, taps=17))
    with pytest.raises(UserError, match=r"0.nc: images of 70 x 90 pixels; accepted: at least 80 x 80"):
        nowcast(*files, "--model", "m.ckpt", "--out", tmp_path / "o.nc")


def test_methods_without_filters_have_no_picture_of_the_motion(files, tmp_path):
    with pytest.raises(UserError, match="last_frame uses no motion; accepted: patch_matching, global"):
        nowcast(*files, "--method", "last_frame", "--out", tmp_path / "o.nc", "--motion", tmp_path / "m.png")
    assert not (tmp_path / "o.nc").exists()


def test_models_of_other_domains_are_refused(files, tmp_path):
    save_model(tmp_path / "other.ckpt", {"domain": "codes"})
    with pytest.raises(UserError, match=r"other.ckpt: not a model trained by `hypernet radar train`"):
        nowcast(*files, "--model", tmp_path / "other.ckpt", "--out", tmp_path / "o.nc")


@pytest.mark.parametrize("lead", ["0", "1.5", "190", "ten", "-10"])
def test_lead_times_are_whole_minutes(lead, capsys):
    with pytest.raises(SystemExit):
        nowcast("a.nc", "--method", "last_frame", "--out", "o.nc", "--lead", lead)
    assert "1 to 180 minutes" in capsys.readouterr().err


def test_a_model_and_a_method_exclude_each_other(capsys):
    with pytest.raises(SystemExit):
        nowcast("a.nc", "--out", "o.nc", "--model", "m.ckpt", "--method", "last_frame")
    assert "not allowed with" in capsys.readouterr().err


def test_from_the_command_line(workspace, files, capsys):
    words = ["radar", "nowcast", *map(str, files), "--method", "global_motion", "--lead", "10", "--out", "o.nc"]
    assert main(words) == 0
    assert "Written: o.nc" in capsys.readouterr().out
    assert main([*words[:4], *words[6:]]) == 2
    assert capsys.readouterr().err.startswith("hypernet: ")


def test_a_real_sequence_of_the_finnish_service(radar_folder, tmp_path, capsys):
    """The first four images at ten minutes; the global motion of a part of them is (-10, 4) pixels."""
    folder = radar_folder("fmi/20160928")
    files = sorted(folder.glob("*.pgm.gz"))[:7]
    out = tmp_path / "out.nc"
    nowcast(*files, "--method", "global_motion", "--lead", 20, "--out", out)
    printed = capsys.readouterr().out
    assert (
        "7 images of 1226 x 760 pixels of 1 km; used 14:45, 14:55, 15:05 and the last, 2016-09-28 15:15 UTC" in printed
    )
    assert "km/h to the north" in printed
    with xarray.open_dataset(out, engine="h5netcdf") as stored:
        assert stored["gray"].shape == (2, 1226, 760)


# From Python, as a notebook calls it.


def test_the_function_gives_what_the_command_writes(known, files, tmp_path, capsys):
    import hypernet.radar

    assert hypernet.radar.nowcast is function
    forecast = hypernet.radar.nowcast([str(path) for path in files], model="m.ckpt", lead=20)
    assert capsys.readouterr().out == ""
    nowcast(*files, "--model", "m.ckpt", "--lead", 20, "--out", tmp_path / "command.nc")
    assert capsys.readouterr().out == f"{forecast.summary()}\nWritten: {tmp_path / 'command.nc'}\n"
    forecast.save(str(tmp_path / "function.nc"))
    assert (tmp_path / "function.nc").read_bytes() == (tmp_path / "command.nc").read_bytes()
    with xarray.open_dataset(tmp_path / "command.nc", engine="h5netcdf") as stored:
        np.testing.assert_allclose(forecast.dbz, stored["reflectivity"], rtol=1e-6)
        np.testing.assert_array_equal(forecast.times, stored["time"].values)
        np.testing.assert_array_equal(forecast.lead_minutes, stored["lead_time"].values.astype(int))
        np.testing.assert_array_equal(forecast.missing, stored["missing"].values.astype(bool))
        np.testing.assert_array_equal(forecast.x, stored["x"])
        np.testing.assert_array_equal(forecast.y, stored["y"])
    assert forecast.projection == PROJECTION
    assert forecast.dbz.shape == forecast.rain_rate.shape == (2, HEIGHT, WIDTH)
    assert forecast.dbz.dtype == forecast.rain_rate.dtype == np.float32
    seen = ~forecast.missing
    np.testing.assert_allclose(dbz_of_rain_rate(forecast.rain_rate)[seen], forecast.dbz[seen], atol=1e-3)
    assert (forecast.rain_rate[forecast.dbz == 0] == 0).all()


def test_images_in_memory_and_pictures_of_the_forecast(known, files, tmp_path):
    forecast = function(moving_rain(4), model=known, lead=10)
    np.testing.assert_array_equal(forecast.dbz, function(files, model=known, lead=10).dbz)
    forecast.save_pictures(tmp_path / "pictures")
    forecast.save_animation(tmp_path / "a.gif")
    forecast.save_motion(tmp_path / "m.svg")
    assert len(list((tmp_path / "pictures").iterdir())) == 5
    assert (tmp_path / "a.gif").is_file()
    assert (tmp_path / "m.svg").is_file()
    for save, name in ((forecast.save, "a.txt"), (forecast.save_animation, "a.nc"), (forecast.save_motion, "m.pdf")):
        with pytest.raises(UserError, match=f"{name}: the name must end in"):
            save(tmp_path / name)


def test_pixels_without_data_are_not_numbers():
    sequence = moving_rain(4)
    sequence.missing[:5] = True
    sequence.grey[:, :5] = 0
    forecast = function(sequence, method="last_frame", lead=10)
    np.testing.assert_array_equal(np.isnan(forecast.dbz[0]), sequence.missing)
    np.testing.assert_array_equal(np.isnan(forecast.rain_rate[0]), sequence.missing)
    with pytest.raises(UserError, match="last_frame uses no motion"):
        forecast.save_motion("m.png")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"model": "m.ckpt", "method": "last_frame"}, "a nowcast takes a model or a method"),
        ({"method": "whole_dynamic"}, "method whole_dynamic: accepted without a model: patch_matching, last_frame"),
        ({"method": "last_frame", "lead": 181}, "181 is not a whole number from 1 to 180 minutes"),
        ({"method": "last_frame", "lead": 10.0}, "10.0 is not a whole number"),
        ({"method": "last_frame", "step": 0}, "step: 0 is not a number from 0.5 to 60 minutes"),
        ({"method": "last_frame", "step": float("nan")}, "step: nan is not a number"),
        ({"method": "last_frame", "fastest": "150"}, "fastest: '150' is not a number from 1 to 500 km/h"),
    ],
)
def test_what_does_not_fit_is_one_line(options, reason):
    with pytest.raises(UserError, match=reason) as caught:
        function(moving_rain(4), **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("files", [np.zeros((4, 70, 90)), [np.zeros((70, 90))] * 4, 4])
def test_arrays_are_for_predict(files):
    accepted = "paths of radar files, or a Sequence; hypernet.radar.predict takes arrays$"
    with pytest.raises(UserError, match=rf"^files: \w+ is no path; accepted: {accepted}"):
        function(files, method="last_frame")


def test_a_forecast_and_its_images_show_themselves_in_a_line():
    forecast = function(moving_rain(4), method="global_motion", lead=30)
    assert repr(forecast) == "Nowcast(global_motion, 12:40 to 13:00 UTC, 3 x 70 x 90)"
    assert str(forecast) == forecast.summary()
    assert repr(forecast.inputs) == "Sequence(2024-05-01 12:00 to 12:30 UTC, 4 x 70 x 90)"
    assert repr(part(moving_rain(4), [1])) == "Sequence(2024-05-01 12:10 UTC, 1 x 70 x 90)"
    late = part(moving_rain(4), [0, 1])
    late.time[:] += np.timedelta64(715, "m")
    assert repr(late) == "Sequence(2024-05-01 23:55 to 2024-05-02 00:05 UTC, 2 x 70 x 90)"
    assert repr(function(moving_rain(4), method="last_frame", lead=10)) == "Nowcast(last_frame, 12:40 UTC, 1 x 70 x 90)"


def test_the_help_names_what_a_user_uses():
    names = ("dbz", "rain_rate", "times", "lead_minutes", "missing", "x", "y", "projection", "inputs")
    places = [hypernet.radar.Nowcast.__doc__.index(f" {name}: ") for name in names]
    assert places == sorted(places)
    for name in hypernet.radar.__all__:
        public = getattr(hypernet.radar, name)
        members = [getattr(public, member) for member in vars(public) if member == "__call__" or member[0] != "_"]
        for help_text in filter(None, (member.__doc__ for member in (public, *members))):
            assert not any(words in help_text for words in (":func:", ":class:", "doctest:", "See the class"))
