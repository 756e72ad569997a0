"""Forecast the next hour from radar files: CF netCDF, pictures, an animation, and the motion that a network sees."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.radar.core.frames import INPUTS, LEVELS, STEP_SECONDS, Geometry, Sequence, quantised
from hypernet.radar.core.motion import in_words, kilometres_per_hour

if TYPE_CHECKING:
    from PIL.Image import Image

    from hypernet.radar.plots.field_motion import MotionField
    from hypernet.radar.trained import Forecaster

STEP_MINUTES = STEP_SECONDS // 60
LONGEST_MINUTES = 180
# Methods with nothing to train.
UNTRAINED = ("last_frame", "global_motion", "pysteps")
# How far they follow motion, pixels in a step.
REACH = 25
# Arrows along the longer side of the picture of the motion.
ARROWS = 26


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``hypernet radar nowcast``."""
    parser.add_argument(
        "files", type=Path, nargs="+", metavar="FILE", help="radar files of one place, four images ten minutes apart"
    )
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument("--model", type=Path, help="model.ckpt of a trained method")
    how.add_argument("--method", choices=UNTRAINED, help="a method that needs no training")
    parser.add_argument(
        "--lead", type=_minutes, default=60, help=f"minutes, {STEP_MINUTES} to {LONGEST_MINUTES}; default: 60"
    )
    parser.add_argument("--out", type=Path, required=True, help="write the forecast here (.nc, after CF)")
    parser.add_argument("--frames", type=Path, metavar="FOLDER", help="write a picture of every image (.png) here")
    parser.add_argument("--animation", type=Path, metavar="FILE", help="write inputs and forecast as animation (.gif)")
    parser.add_argument(
        "--motion", type=Path, metavar="FILE", help="draw the motion that a dynamic convolution sees (.png, .svg)"
    )


def _minutes(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) < 6:
        minutes = int(text)
        if STEP_MINUTES <= minutes <= LONGEST_MINUTES and minutes % STEP_MINUTES == 0:
            return minutes
    raise argparse.ArgumentTypeError(
        f"{text!r} is not a multiple of {STEP_MINUTES} from {STEP_MINUTES} to {LONGEST_MINUTES} minutes"
    )


def run(arguments: argparse.Namespace) -> None:
    """Read the files, forecast, and write what was asked for; files are written when all else is done."""
    from hypernet.radar.plots.field_motion import motion_field
    from hypernet.radar.sources.cf import write_forecast
    from hypernet.radar.sources.readers import read_files
    from hypernet.radar.sources.sequences import latest

    _check_names(arguments)
    forecaster = _forecaster(arguments)
    sequence = read_files(arguments.files)
    try:
        inputs = latest(sequence, INPUTS)
    except UserError as error:
        raise UserError(f"{arguments.files[0]}: {error}") from None
    smallest, found = forecaster.geometry.size, inputs.gray.shape[1:]
    if min(found) < smallest:
        raise UserError(
            f"{arguments.files[0]}: images of {found[0]} x {found[1]} pixels; accepted: at least {smallest} x "
            f"{smallest}, what the method looks at"
        )
    if inputs.missing.reshape(-1, *found).any(axis=0).all():
        raise UserError(f"{arguments.files[0]}: no pixel has data in all of the {INPUTS} images used")
    frames = inputs.gray[None].astype(np.float32) / LEVELS
    motion = motion_field(forecaster, frames)
    if arguments.motion is not None and motion is None:
        raise UserError(
            f"--motion: {forecaster.method} writes no filters; accepted: a model of whole_dynamic or patch_dynamic"
        )
    forecast = forecast_of(forecaster, inputs, arguments.lead // STEP_MINUTES)
    if arguments.frames is not None:
        _write_frames(arguments.frames, inputs, forecast)
    if arguments.animation is not None:
        _write_animation(arguments.animation, inputs, forecast)
    if arguments.motion is not None:
        _draw_motion(arguments.motion, motion, inputs, forecaster.geometry)
    write_forecast(arguments.out, forecast, inputs.time[-1], {} if motion is None else motion.variables(inputs))
    for line in summary(forecaster, inputs, forecast, motion, len(sequence.time)):
        print(line)
    written = [arguments.out, arguments.frames, arguments.animation, arguments.motion]
    print("Written: " + ", ".join(str(one) for one in written if one is not None))


def _check_names(arguments: argparse.Namespace) -> None:
    """Refuse names that could not be written, before anything is computed."""
    accepted = {"out": (".nc",), "animation": (".gif",), "motion": (".png", ".svg")}
    for option, suffixes in accepted.items():
        path = getattr(arguments, option)
        if path is None:
            continue
        if path.suffix not in suffixes:
            raise UserError(f"--{option} {path}: the name must end in {' or '.join(suffixes)}")
        if path.is_dir():
            raise UserError(f"--{option} {path}: this is a folder; name a file")
        if any(path.exists() and path.samefile(one) for one in arguments.files if one.exists()):
            raise UserError(f"--{option} {path}: this is one of the files to read; name another")
    if arguments.frames is not None and arguments.frames.exists() and not arguments.frames.is_dir():
        raise UserError(f"--frames {arguments.frames}: this is a file; name a folder")


def _forecaster(arguments: argparse.Namespace) -> Forecaster:
    from hypernet.radar.trained import open_model

    return open_model(arguments.model) if arguments.model is not None else untrained(arguments.method)


def untrained(method: str, reach: int = REACH) -> Forecaster:
    """A method that needs no training, for fields of any size from 2 ``reach`` + 1 pixels on."""
    from hypernet.radar.config import LastFrameSettings, MotionMethod, MotionSettings, OpticalFlowSettings
    from hypernet.radar.trained import Forecaster, module_of

    settings = {
        "last_frame": LastFrameSettings(),
        "global_motion": MotionSettings(method=MotionMethod(frames="all", subpixel="parabola")),
        "pysteps": OpticalFlowSettings(),
    }[method]
    geometry = Geometry(size=2 * reach + 1, margin=reach, patch=1, taps=2 * reach + 1)
    return Forecaster(method, "", geometry, settings, module_of(settings, geometry))


def forecast_of(forecaster: Forecaster, inputs: Sequence, steps: int) -> Sequence:
    """The forecast of all steps on the grid of the inputs.

    Args:
        forecaster: a method.
        inputs: four images ten minutes apart.
        steps: how many, ten minutes each.

    Returns:
        ``steps`` images; where one of the inputs has no data, the forecast has none.
    """
    gray = forecaster.roll_out(inputs.gray[None].astype(np.float32) / LEVELS, steps)[0]
    missing = inputs.missing if inputs.missing.ndim == 2 else inputs.missing.any(axis=0)
    step = np.timedelta64(STEP_SECONDS, "s")
    return replace(
        inputs,
        gray=quantised(np.where(missing, 0, gray.clip(0, 1))),
        time=inputs.time[-1] + step * np.arange(1, steps + 1),
        missing=missing,
        attributes={**inputs.attributes, "nowcast_method": forecaster.method},
    )


def summary(
    forecaster: Forecaster, inputs: Sequence, forecast: Sequence, motion: MotionField | None, read: int
) -> Iterable[str]:
    """What a person wants to know at once, line by line."""
    from hypernet.radar.core.scores import wet_share
    from hypernet.radar.methods import TITLES
    from hypernet.radar.plots.field_motion import pixel_km

    height, width = inputs.gray.shape[1:]
    used = ", ".join(_clock(one) for one in inputs.time[:-1])
    yield f"Read {read} images of {height} x {width} pixels; used {used} and the last, {_moment(inputs.time[-1])}"
    trained = f", trained on: {forecaster.title}" if forecaster.title else ""
    yield f"Method: {TITLES[forecaster.method]}{trained}"
    across, down = pixel_km(inputs)
    last = inputs.gray[-1].astype(np.float32) / LEVELS
    if not last.any():
        yield "Motion: there is no rain in the last image"
    elif motion is None:
        rows, columns = _searched(inputs)
        yield f"Motion: {_words(rows * down, columns * across)} (one displacement for the whole image)"
    else:
        rows, columns, entropy = motion.mean(last)
        unsure = f"entropy {entropy:.1f} bits, {motion.largest_entropy:.1f} would know nothing"
        yield f"Motion: {_words(rows * down, columns * across)} ({unsure})"
    known = ~(inputs.missing if inputs.missing.ndim == 2 else inputs.missing.any(axis=0))
    if not known.all():
        yield f"No data: {100 * (1 - known.mean()):.1f} % of the pixels, taken as dry"
    shares = [wet_share(one[known][None] / np.float32(LEVELS)) for one in (inputs.gray[-1], *forecast.gray)]
    leads = ["now", *(f"+{STEP_MINUTES * number} min" for number in range(1, len(shares)))]
    wet = ", ".join(f"{lead} {100 * float(share):.1f} %" for lead, share in zip(leads, shares, strict=True))
    yield f"Wet area (21 dBZ or more): {wet}"


def _words(south_km: float, east_km: float) -> str:
    return in_words(float(kilometres_per_hour(south_km, 1.0)), float(kilometres_per_hour(east_km, 1.0)))


def _searched(inputs: Sequence) -> tuple[float, float]:
    """The displacement of the whole image in pixels, for methods that show none."""
    import torch

    frames = torch.from_numpy(inputs.gray[None].astype(np.float32) / LEVELS)
    # A network may look at images smaller than what the search reaches; half of the image is left to compare.
    reach = min(REACH, min(frames.shape[2:]) // 4)
    rows, columns = untrained("global_motion", reach).network.cpu().displacement(frames)[0].tolist()
    return rows, columns


def _clock(time: np.datetime64) -> str:
    return str(time.astype("datetime64[m]"))[11:]


def _moment(time: np.datetime64) -> str:
    return str(time.astype("datetime64[m]")).replace("T", " ") + " UTC"


def _shown(sequence: Sequence) -> np.ndarray:
    """Grey levels with no data as not a number, float32 ``[T, H, W]``."""
    return np.where(sequence.missing, np.float32(np.nan), sequence.gray / np.float32(LEVELS))


def _pictures(inputs: Sequence, forecast: Sequence) -> list[tuple[str, Image]]:
    """A file's name and a picture of every image, inputs first."""
    from hypernet.radar.plots.animation import compose

    pictures = []
    observed = [(f"Observed, {_moment(time)}", gray) for time, gray in zip(inputs.time, _shown(inputs), strict=True)]
    told = [(f"Forecast, {_moment(time)}", gray) for time, gray in zip(forecast.time, _shown(forecast), strict=True)]
    for number, (title, gray) in enumerate(observed + told):
        minutes = STEP_MINUTES * (number - INPUTS + 1)
        kind = "observed" if minutes <= 0 else "forecast"
        pictures.append((f"{number:02d}_{kind}_{abs(minutes):03d}min.png", compose({title: gray}, _ahead(minutes))))
    return pictures


def _ahead(minutes: int) -> str:
    return f"{minutes} min after the last image" if minutes > 0 else ""


def _write_frames(folder: Path, inputs: Sequence, forecast: Sequence) -> None:
    from hypernet.radar.plots.animation import write_picture

    for name, picture in _pictures(inputs, forecast):
        write_picture(folder / name, picture)


def _write_animation(path: Path, inputs: Sequence, forecast: Sequence) -> None:
    from hypernet.radar.plots.animation import MILLISECONDS, PAUSE, write_animation

    pictures = [picture for _, picture in _pictures(inputs, forecast)]
    # The last that was seen, and the end, stay longer.
    durations = [
        PAUSE if number in (INPUTS - 1, len(pictures) - 1) else MILLISECONDS for number in range(len(pictures))
    ]
    write_animation(path, pictures, durations)


def _draw_motion(path: Path, motion: MotionField, inputs: Sequence, geometry: Geometry) -> None:
    from hypernet.lab.files import atomic_path
    from hypernet.lab.results.figures import use_style
    from hypernet.radar.plots.field_motion import thinned
    from hypernet.radar.plots.scenes import draw_field

    use_style()
    import matplotlib.pyplot as plt

    last = inputs.gray[-1] / np.float32(LEVELS)
    # No finer than the patches, no more than can be told apart.
    width = max(geometry.patch, -(-max(last.shape) // ARROWS))
    arrows, wet = thinned(motion, last, width)
    figure = draw_field(last, arrows, wet, motion.largest_entropy, f"Motion in the image of {_moment(inputs.time[-1])}")
    with atomic_path(path) as temporary:
        figure.savefig(temporary, metadata={"Software": None} if path.suffix == ".png" else {"Date": None})
    plt.close(figure)
