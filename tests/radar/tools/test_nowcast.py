"""The verb ``nowcast`` on made-up rain whose motion is known, with a forecaster whose filters are known."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

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
from hypernet.radar.core.frames import LEVELS, Geometry, Sequence, dbz_of_rain_rate
from hypernet.radar.core.motion import FieldMotion, uniform_field
from hypernet.radar.core.rollout import Tiled, roll_out
from hypernet.radar.plots.field_motion import thinned
from hypernet.radar.sources import cf
from hypernet.radar.tools.forecasters import untrained
from hypernet.radar.tools.nowcast import add_arguments, run
from hypernet.radar.tools.nowcast import nowcast as function

xarray = pytest.importorskip("xarray")
pytest.importorskip("h5netcdf")
pytest.importorskip("pyproj")

# Pixels southwards and eastwards in ten minutes; a pixel is 2 km wide.
DOWN, RIGHT, PIXEL = 2, 3, 2000.0
HEIGHT, WIDTH = 70, 90
GEOMETRY = Geometry(size=48, margin=8, patch=8, taps=17)
START = np.datetime64("2024-05-01T12:00:00", "s")
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
    """A forecaster that knows the motion: filters with a single tap, on patches or on whole images."""

    geometry, title = GEOMETRY, "Made-up rain"
    adapts, reach, step_seconds = False, GEOMETRY.margin, 600.0

    def __init__(self, on_patches: bool):
        self.method = "patch_dynamic" if on_patches else "whole_dynamic"

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


@pytest.fixture(params=[True, False], ids=["patches", "whole"])
def known(request, monkeypatch) -> Known:
    forecaster = Known(request.param)
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
            assert (shown[: DOWN * step] == 0).all()
            np.testing.assert_allclose(stored["reflectivity"].values[step - 1], 70 / LEVELS * shown, atol=1e-3)
        # Along x with the columns, along y against the rows: 2 km a pixel, six steps an hour.
        assert stored["motion_x"].values == pytest.approx(RIGHT * 12)
        assert stored["motion_y"].values == pytest.approx(-DOWN * 12)
        assert stored["motion_entropy"].values == pytest.approx(0)
    printed = capsys.readouterr().out
    assert "4 images of 70 x 90 pixels; used 12:00, 12:10, 12:20 and the last, 2024-05-01 12:30 UTC" in printed
    speed = 12 * np.hypot(DOWN, RIGHT)
    assert f"{speed:.0f} km/h to the south-east (entropy 0.0 bits" in printed
    assert "trained on: Made-up rain" in printed
    now = 100 * (moving_rain().grey[3] / LEVELS >= 0.3).mean()
    assert f"now {now:.1f} %, +10 min" in printed
    assert printed.count("min ") == 6


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
        assert "motion_x" not in stored
    truth, inside = moved(2)
    error = np.abs(shown - truth / LEVELS)[inside][8:-8, 8:-8].mean()
    still = np.abs(moving_rain().grey[3].astype(float) - truth)[inside][8:-8, 8:-8].mean() / LEVELS
    assert error == pytest.approx(still) if method == "last_frame" else error < 0.2 * still
    speed = 12 * np.hypot(DOWN, RIGHT)
    assert f"{speed:.0f} km/h to the south-east (one displacement" in capsys.readouterr().out


def test_of_images_every_five_minutes_every_second_one_is_used(known, tmp_path, capsys):
    cf.write(tmp_path / "all.nc", moving_rain(10, minutes=5))
    nowcast(tmp_path / "all.nc", "--model", "m.ckpt", "--out", tmp_path / "out.nc")
    assert "10 images of 70 x 90 pixels; used 12:15, 12:25, 12:35 and the last, 2024-05-01 12:45" in (
        capsys.readouterr().out
    )


def test_where_an_input_has_no_data_the_forecast_has_none(known, tmp_path, capsys):
    sequence = moving_rain(4)
    missing = np.zeros((4, HEIGHT, WIDTH), dtype=bool)
    missing[2, :7], missing[:, :, -9:] = True, True
    grey = np.where(missing, 0, sequence.grey).astype(np.uint8)
    holed = Sequence(grey, sequence.time, missing, sequence.x, sequence.y, PROJECTION, {})
    cf.write(tmp_path / "holed.nc", holed)
    out = tmp_path / "out.nc"
    nowcast(tmp_path / "holed.nc", "--model", "m.ckpt", "--lead", 10, "--out", out)
    with xarray.open_dataset(out, engine="h5netcdf") as stored:
        none = stored["missing"].values.astype(bool)
        np.testing.assert_array_equal(none, missing.any(axis=0))
        assert (stored["gray"].values[0][none] == 0).all()
        np.testing.assert_array_equal(np.isnan(stored["reflectivity"].values[0]), none)
    assert f"{100 * none.mean():.1f} % of the pixels, taken as dry" in capsys.readouterr().out


def test_images_without_any_data_are_refused(known, tmp_path):
    sequence = moving_rain(4)
    missing = np.ones((HEIGHT, WIDTH), dtype=bool)
    blind = Sequence(np.zeros_like(sequence.grey), sequence.time, missing, sequence.x, sequence.y, PROJECTION, {})
    cf.write(tmp_path / "blind.nc", blind)
    with pytest.raises(UserError, match="no pixel has data in all of the 4 images"):
        nowcast(tmp_path / "blind.nc", "--model", "m.ckpt", "--out", tmp_path / "out.nc")
    assert not (tmp_path / "out.nc").exists()


def test_the_motion_in_images_smaller_than_the_search_reaches():
    square = np.zeros((4, 40, 44), dtype=np.uint8)
    for number, image in enumerate(square):
        image[10 + number : 20 + number, 8 + 3 * number : 16 + 3 * number] = 150
    known = moving_rain(4)
    small = Sequence(square, known.time, np.zeros((40, 44), dtype=bool), np.arange(44.0), -np.arange(40.0), "", {})
    assert _searched(small) == pytest.approx((1, 3))


def test_dry_images_have_no_motion(files, tmp_path, capsys):
    dry = moving_rain(4)
    dry.grey[:] = 0
    cf.write(tmp_path / "dry.nc", dry)
    nowcast(tmp_path / "dry.nc", "--method", "global_motion", "--lead", 10, "--out", tmp_path / "out.nc")
    printed = capsys.readouterr().out
    assert "there is no rain in the last image" in printed
    assert "now 0.0 %, +10 min 0.0 %" in printed


def test_arrows_are_means_over_the_rain_of_their_square():
    sequence = moving_rain(4)
    frames = sequence.grey[None].astype(np.float32) / LEVELS
    field = motion_field(Known(on_patches=True), frames)
    last = frames[0, -1]
    drawn, wet = thinned(field, last, 10)
    assert len(drawn.x) == 7 * 9
    assert (drawn.x[1], drawn.y[1]) == (14.5, 4.5)
    np.testing.assert_allclose(drawn.right[wet], RIGHT, rtol=1e-5)
    np.testing.assert_allclose(drawn.down[wet], DOWN, rtol=1e-5)
    np.testing.assert_array_equal(wet, last.reshape(7, 10, 9, 10).mean(axis=(1, 3)).ravel() >= 0.02)
    rows, columns, entropy = field.mean(last)
    assert (rows, columns, entropy) == pytest.approx((DOWN, RIGHT, 0), rel=1e-5, abs=1e-6)
    assert pixel_km(sequence) == (2.0, 2.0)
    assert motion_field(untrained("last_frame"), frames) is None


BAD = {
    "too few": (["0.nc", "1.nc", "2.nc"], "3 images; accepted: 4 at least"),
    "no file": (["0.nc", "none.nc"], "none.nc"),
    "one twice": (["0.nc", "0.nc", "1.nc", "2.nc", "3.nc"], "occur twice"),
    "a gap": (["gap.nc"], "a gap from 2024-05-01T12:20:00 to 2024-05-01T12:40:00"),
    "another cadence": (["seven.nc"], "7 minutes apart"),
    "no radar file": (["text.nc", "0.nc", "1.nc", "2.nc"], "text.nc"),
    "another grid": (["0.nc", "1.nc", "2.nc", "moved.nc"], "another grid"),
}


@pytest.mark.parametrize("case", list(BAD))
def test_bad_inputs_are_one_line_and_leave_nothing(case, known, files, tmp_path, monkeypatch, capsys):
    whole = moving_rain()
    cf.write(tmp_path / "gap.nc", part(whole, [0, 1, 2, 4, 5]))
    cf.write(tmp_path / "seven.nc", moving_rain(6, minutes=7))
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
    with pytest.raises(UserError, match="last_frame writes no filters; accepted: a model of whole_dynamic or"):
        nowcast(*files, "--method", "last_frame", "--out", tmp_path / "o.nc", "--motion", tmp_path / "m.png")
    assert not (tmp_path / "o.nc").exists()


def test_models_of_other_domains_are_refused(files, tmp_path):
    save_model(tmp_path / "other.ckpt", {"domain": "codes"})
    with pytest.raises(UserError, match=r"other.ckpt: not a model trained by `hypernet radar train`"):
        nowcast(*files, "--model", tmp_path / "other.ckpt", "--out", tmp_path / "o.nc")


@pytest.mark.parametrize("lead", ["0", "15", "190", "ten", "-10"])
def test_lead_times_are_whole_steps(lead, capsys):
    with pytest.raises(SystemExit):
        nowcast("a.nc", "--method", "last_frame", "--out", "o.nc", "--lead", lead)
    assert "10 to 180 minutes" in capsys.readouterr().err


def test_a_model_or_a_method_is_needed(capsys):
    with pytest.raises(SystemExit):
        nowcast("a.nc", "--out", "o.nc")
    assert "--model --method" in capsys.readouterr().err


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
    assert "7 images of 1226 x 760 pixels; used 14:45, 14:55, 15:05 and the last, 2016-09-28 15:15 UTC" in printed
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
    np.testing.assert_allclose(dbz_of_rain_rate(forecast.rain_rate), forecast.dbz, atol=1e-3)
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
    with pytest.raises(UserError, match="last_frame writes no filters"):
        forecast.save_motion("m.png")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({}, "needs a model or a method"),
        ({"model": "m.ckpt", "method": "last_frame"}, "needs a model or a method"),
        ({"method": "whole_dynamic"}, "method whole_dynamic: accepted without a model: last_frame"),
        ({"method": "last_frame", "lead": 15}, "15 is not a multiple of 10 from 10 to 180 minutes"),
        ({"method": "last_frame", "lead": 10.0}, "10.0 is not a multiple"),
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
