"""Forecast the next hour from radar files: CF netCDF, pictures, an animation, and the motion that a network sees."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.radar.core.frames import (
    INPUTS,
    LEVELS,
    STEP_SECONDS,
    Geometry,
    Sequence,
    quantised,
    rain_rate_of_dbz,
    to_dbz,
)
from hypernet.radar.core.motion import in_words, kilometres_per_hour

if TYPE_CHECKING:
    from PIL.Image import Image

    from hypernet.radar.plots.field_motion import MotionField
    from hypernet.radar.trained import Forecaster

STEP_MINUTES = STEP_SECONDS // 60
LEAD_MINUTES, LONGEST_MINUTES = 60, 180
# Methods with nothing to train.
UNTRAINED = ("last_frame", "global_motion", "pysteps")
# How far they follow motion, pixels in a step.
REACH = 25
# Arrows along the longer side of the picture of the motion.
ARROWS = 26
# What may be written, by option: endings of the file's name.
SUFFIXES = {"out": (".nc",), "animation": (".gif",), "motion": (".png", ".svg")}


@dataclass(frozen=True)
class Nowcast:
    """A forecast on the grid of its inputs, as ``nowcast`` makes it; ``save`` and its like write it.

    Attributes:
        dbz: reflectivity in dBZ, 0 to 70, float32 ``[lead, H, W]``; not a number where there are no data.
        rain_rate: in mm/h, float32 ``[lead, H, W]``; not a number where there are no data.
        times: when each image is valid, UTC, datetime64[s] ``[lead]``.
        lead_minutes: minutes from the last input to each image, int ``[lead]``.
        missing: pixels without data in at least one input, bool ``[H, W]``.
        x: metres to the east in the projection, ``[W]``, rising.
        y: metres to the north in the projection, ``[H]``, falling.
        projection: a PROJ string, or "" where the files have none.
        inputs: the four images that were used.
        forecast: the images forecast, grey levels as bytes.
        motion: what the filters of a dynamic convolution say of the motion; None for other methods.
        forecaster: the method.
        images_read: number of images in the files, four or more.
    """

    inputs: Sequence
    forecast: Sequence
    motion: MotionField | None
    forecaster: Forecaster
    images_read: int

    def __repr__(self) -> str:
        shape, times = self.forecast.grey.shape, self.forecast.time
        clock = " to ".join(dict.fromkeys(_clock(time) for time in times[[0, -1]]))
        return f"Nowcast({self.forecaster.method}, {clock} UTC, {' x '.join(map(str, shape))})"

    def __str__(self) -> str:
        return self.summary()

    @property
    def dbz(self) -> np.ndarray:
        """Reflectivity in dBZ, float32 ``[lead, H, W]``, 0 to 70; not a number where there are no data."""
        return to_dbz(_shown(self.forecast))

    @property
    def rain_rate(self) -> np.ndarray:
        """Rain rate in mm/h by Marshall and Palmer, float32 ``[lead, H, W]``; not a number where there are no data."""
        return rain_rate_of_dbz(self.dbz)

    @property
    def times(self) -> np.ndarray:
        """When each image is valid, UTC, datetime64[s] ``[lead]``."""
        return self.forecast.time

    @property
    def lead_minutes(self) -> np.ndarray:
        """Minutes from the last input to each image, int ``[lead]``."""
        return STEP_MINUTES * np.arange(1, len(self.forecast.time) + 1)

    @property
    def missing(self) -> np.ndarray:
        """Pixels without data in at least one input, bool ``[H, W]``."""
        return self.forecast.missing

    @property
    def x(self) -> np.ndarray:
        """Metres to the east in the projection, ``[W]``, rising."""
        return self.forecast.x

    @property
    def y(self) -> np.ndarray:
        """Metres to the north in the projection, ``[H]``, falling."""
        return self.forecast.y

    @property
    def projection(self) -> str:
        """A PROJ string, or "" where the files have none."""
        return self.forecast.projection

    def save(self, path: str | Path) -> None:
        """Write CF netCDF (.nc): grey levels, reflectivity, lead times and, where there are filters, the motion.

        Raises:
            UserError: the name does not end in .nc, or a library is missing.
        """
        from hypernet.radar.sources.cf import write_forecast

        path = _checked_name(Path(path), SUFFIXES["out"])
        fields = {} if self.motion is None else self.motion.variables(self.inputs)
        write_forecast(path, self.forecast, self.inputs.time[-1], fields)

    def save_pictures(self, folder: str | Path) -> None:
        """Write a picture (.png) of every image, inputs and forecast, to a folder."""
        from hypernet.radar.plots.animation import write_picture

        for name, picture in self._pictures():
            write_picture(Path(folder) / name, picture)

    def save_animation(self, path: str | Path) -> None:
        """Write inputs and forecast as an animated GIF.

        Raises:
            UserError: the name does not end in .gif.
        """
        from hypernet.radar.plots.animation import MILLISECONDS, PAUSE, write_animation

        path = _checked_name(Path(path), SUFFIXES["animation"])
        pictures = [picture for _, picture in self._pictures()]
        # The last image observed, and the end, stay longer.
        durations = [
            PAUSE if number in (INPUTS - 1, len(pictures) - 1) else MILLISECONDS for number in range(len(pictures))
        ]
        write_animation(path, pictures, durations)

    def save_motion(self, path: str | Path) -> None:
        """Draw the motion that a dynamic convolution sees over the last image (.png, .svg).

        Raises:
            UserError: the name has another ending, or the method has no filters.
        """
        from hypernet.lab.files import atomic_path
        from hypernet.lab.results.figures import use_style
        from hypernet.radar.plots.field_motion import thinned
        from hypernet.radar.plots.scenes import draw_field

        path, motion = _checked_name(Path(path), SUFFIXES["motion"]), self._motion()
        use_style()
        import matplotlib.pyplot as plt

        last = self.inputs.grey[-1] / np.float32(LEVELS)
        # No finer than the patches, no more than can be told apart.
        width = max(self.forecaster.geometry.patch, -(-max(last.shape) // ARROWS))
        arrows, wet = thinned(motion, last, width)
        title = f"Motion in the image of {_moment(self.inputs.time[-1])}"
        figure = draw_field(last, arrows, wet, motion.largest_entropy, title)
        with atomic_path(path) as temporary:
            figure.savefig(temporary, metadata={"Software": None} if path.suffix == ".png" else {"Date": None})
        plt.close(figure)

    def summary(self) -> str:
        """Images used, method, motion and wet area, a line each."""
        return "\n".join(self._lines())

    def _motion(self) -> MotionField:
        if self.motion is None:
            raise UserError(
                f"{self.forecaster.method} writes no filters; accepted: a model of whole_dynamic or patch_dynamic"
            )
        return self.motion

    def _lines(self) -> Iterator[str]:
        from hypernet.radar.core.scores import wet_share
        from hypernet.radar.methods import TITLES
        from hypernet.radar.plots.field_motion import pixel_km

        inputs, forecaster = self.inputs, self.forecaster
        height, width = inputs.grey.shape[1:]
        used = ", ".join(_clock(time) for time in inputs.time[:-1])
        last_time = _moment(inputs.time[-1])
        yield f"Read {self.images_read} images of {height} x {width} pixels; used {used} and the last, {last_time}"
        trained = f", trained on: {forecaster.title}" if forecaster.title else ""
        yield f"Method: {TITLES[forecaster.method]}{trained}"
        across, down = pixel_km(inputs)
        last = inputs.grey[-1].astype(np.float32) / LEVELS
        if not last.any():
            yield "Motion: there is no rain in the last image"
        elif self.motion is None:
            rows, columns = _searched(inputs)
            yield f"Motion: {_words(rows * down, columns * across)} (one displacement for the whole image)"
        else:
            rows, columns, entropy = self.motion.mean(last)
            certainty = f"entropy {entropy:.1f} bits of at most {self.motion.largest_entropy:.1f}"
            yield f"Motion: {_words(rows * down, columns * across)} ({certainty})"
        known = ~self.missing
        if not known.all():
            yield f"No data: {100 * (1 - known.mean()):.1f} % of the pixels, taken as dry"
        images = (inputs.grey[-1], *self.forecast.grey)
        shares = [wet_share(image[known][None] / np.float32(LEVELS)) for image in images]
        leads = ["now", *(f"+{minutes} min" for minutes in self.lead_minutes)]
        wet = ", ".join(f"{lead} {100 * float(share):.1f} %" for lead, share in zip(leads, shares, strict=True))
        yield f"Wet area (21 dBZ or more): {wet}"

    def _pictures(self) -> list[tuple[str, Image]]:
        """A file's name and a picture of every image, inputs first."""
        from hypernet.radar.plots.animation import compose

        pictures = []
        titled = [
            (f"{source}, {_moment(time)}", grey)
            for source, sequence in (("Observed", self.inputs), ("Forecast", self.forecast))
            for time, grey in zip(sequence.time, _shown(sequence), strict=True)
        ]
        for number, (title, grey) in enumerate(titled):
            minutes = STEP_MINUTES * (number - INPUTS + 1)
            source = "observed" if minutes <= 0 else "forecast"
            note = f"{minutes} min after the last image" if minutes > 0 else ""
            pictures.append((f"{number:02d}_{source}_{abs(minutes):03d}min.png", compose({title: grey}, note)))
        return pictures


def nowcast(
    files: str | Path | Iterable[str | Path] | Sequence,
    *,
    model: Forecaster | str | Path | None = None,
    method: str | None = None,
    lead: int = LEAD_MINUTES,
) -> Nowcast:
    """Forecast the images that follow radar images of one place.

    What lies outside the images, or has no data, counts as dry.

    Args:
        files: radar files of one place in any of the formats of ``hypernet.radar.read_files``, or images that were
            read already: at least four, ten minutes (or a whole part of it) apart, without a gap among the last.
        model: a trained method, or the path of its ``model.ckpt``.
        method: instead of a model, a method that needs no training: last_frame, global_motion or pysteps.
        lead: minutes to forecast, a multiple of 10 up to 180.

    Returns:
        the forecast: ``dbz`` and ``rain_rate`` ``[lead / 10, H, W]``, ``times``, the grid, and how to save them.

    Raises:
        UserError: neither or both of model and method; a file or the model cannot be read; images do not fit.

    Example:
        >>> forecast = hypernet.radar.nowcast(files, model="model.ckpt", lead=30)
        >>> forecast.rain_rate.shape
        (3, 1226, 760)
        >>> forecast.save("nowcast.nc")
    """
    from hypernet.radar.plots.field_motion import motion_field
    from hypernet.radar.sources.readers import paths_of, read_files
    from hypernet.radar.sources.sequences import latest

    steps = _checked_lead(lead) // STEP_MINUTES
    forecaster = _forecaster(model, method)
    if isinstance(files, Sequence):
        name, sequence = "images", files
    else:
        try:
            paths = paths_of(files)
        except UserError as error:
            raise UserError(f"{error}, or a Sequence; hypernet.radar.predict takes arrays") from None
        sequence = read_files(paths)
        name = str(paths[0])
    try:
        inputs = latest(sequence, INPUTS)
    except UserError as error:
        raise UserError(f"{name}: {error}") from None
    smallest, shape = forecaster.geometry.size, inputs.grey.shape[1:]
    if min(shape) < smallest:
        raise UserError(
            f"{name}: images of {shape[0]} x {shape[1]} pixels; accepted: at least {smallest} x "
            f"{smallest}, what the method looks at"
        )
    if inputs.missing.reshape(-1, *shape).any(axis=0).all():
        raise UserError(f"{name}: no pixel has data in all of the {INPUTS} images used")
    motion = motion_field(forecaster, inputs.grey[None].astype(np.float32) / LEVELS)
    return Nowcast(inputs, forecast_of(forecaster, inputs, steps), motion, forecaster, len(sequence.time))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``hypernet radar nowcast``."""
    parser.add_argument(
        "files", type=Path, nargs="+", metavar="FILE", help="radar files of one place, four images ten minutes apart"
    )
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument("--model", type=Path, help="model.ckpt of a trained method")
    how.add_argument("--method", choices=UNTRAINED, help="a method that needs no training")
    parser.add_argument(
        "--lead",
        type=_minutes,
        default=LEAD_MINUTES,
        help=f"minutes, {STEP_MINUTES} to {LONGEST_MINUTES}; default: {LEAD_MINUTES}",
    )
    parser.add_argument("--out", type=Path, required=True, help="write the forecast here: CF netCDF (.nc)")
    parser.add_argument("--frames", type=Path, metavar="FOLDER", help="write a picture of every image (.png) here")
    parser.add_argument("--animation", type=Path, metavar="FILE", help="write inputs and forecast as animation (.gif)")
    parser.add_argument(
        "--motion", type=Path, metavar="FILE", help="draw the motion that a dynamic convolution sees (.png, .svg)"
    )


def run(arguments: argparse.Namespace) -> None:
    """Read the files, forecast, and write what was asked for; files are written when all else is done."""
    _check_names(arguments)
    forecast = nowcast(arguments.files, model=arguments.model, method=arguments.method, lead=arguments.lead)
    if arguments.motion is not None and forecast.motion is None:
        raise UserError(
            f"--motion: {forecast.forecaster.method} writes no filters; accepted: a model of whole_dynamic or "
            "patch_dynamic"
        )
    saved = {
        arguments.out: forecast.save,
        arguments.frames: forecast.save_pictures,
        arguments.animation: forecast.save_animation,
        arguments.motion: forecast.save_motion,
    }
    written = [path for path in saved if path is not None]
    for path in written:
        saved[path](path)
    print(forecast.summary())
    print("Written: " + ", ".join(map(str, written)))


def _minutes(text: str) -> int:
    try:
        return _checked_lead(int(text) if text.isascii() and text.isdigit() and len(text) < 6 else text)
    except UserError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _checked_lead(lead: object) -> int:
    if isinstance(lead, int | np.integer) and STEP_MINUTES <= lead <= LONGEST_MINUTES and lead % STEP_MINUTES == 0:
        return int(lead)
    raise UserError(
        f"lead: {lead!r} is not a multiple of {STEP_MINUTES} from {STEP_MINUTES} to {LONGEST_MINUTES} minutes"
    )


def _checked_name(path: Path, suffixes: tuple[str, ...]) -> Path:
    if path.suffix not in suffixes:
        raise UserError(f"{path}: the name must end in {' or '.join(suffixes)}")
    if path.is_dir():
        raise UserError(f"{path}: this is a folder; name a file")
    return path


def _check_names(arguments: argparse.Namespace) -> None:
    """Refuse names that could not be written, before anything is computed."""
    for option, suffixes in SUFFIXES.items():
        path = getattr(arguments, option)
        if path is None:
            continue
        try:
            _checked_name(path, suffixes)
        except UserError as error:
            raise UserError(f"--{option} {error}") from None
        if any(path.exists() and path.samefile(file) for file in arguments.files if file.exists()):
            raise UserError(f"--{option} {path}: this is one of the files to read; name another")
    if arguments.frames is not None and arguments.frames.exists() and not arguments.frames.is_dir():
        raise UserError(f"--frames {arguments.frames}: this is a file; name a folder")


def _forecaster(model: Forecaster | str | Path | None, method: str | None) -> Forecaster:
    from hypernet.radar.trained import open_model

    if (model is None) == (method is None):
        raise UserError(f"a nowcast needs a model or a method; accepted methods: {', '.join(UNTRAINED)}")
    if method is not None:
        if method not in UNTRAINED:
            raise UserError(f"method {method}: accepted without a model: {', '.join(UNTRAINED)}")
        return untrained(method)
    assert model is not None
    return open_model(model) if isinstance(model, str | Path) else model


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
    grey = forecaster.roll_out(inputs.grey[None].astype(np.float32) / LEVELS, steps)[0]
    missing = inputs.missing if inputs.missing.ndim == 2 else np.asarray(inputs.missing.any(axis=0))
    step = np.timedelta64(STEP_SECONDS, "s")
    return replace(
        inputs,
        grey=quantised(np.where(missing, 0, grey.clip(0, 1))),
        time=inputs.time[-1] + step * np.arange(1, steps + 1),
        missing=missing,
        attributes={**inputs.attributes, "nowcast_method": forecaster.method},
    )


def _words(south_km: float, east_km: float) -> str:
    return in_words(float(kilometres_per_hour(south_km, 1.0)), float(kilometres_per_hour(east_km, 1.0)))


def _searched(inputs: Sequence) -> tuple[float, float]:
    """The displacement of the whole image in pixels, for methods that show none."""
    import torch

    from hypernet.radar.baselines.global_motion import GlobalMotion

    frames = torch.from_numpy(inputs.grey[None].astype(np.float32) / LEVELS)
    # A network may look at images smaller than what the search reaches; half of the image is left to compare.
    reach = min(REACH, min(frames.shape[2:]) // 4)
    search = untrained("global_motion", reach).network.cpu()
    assert isinstance(search, GlobalMotion)
    rows, columns = search.displacement(frames)[0].tolist()
    return rows, columns


def _clock(time: np.datetime64) -> str:
    return str(time.astype("datetime64[m]"))[11:]


def _moment(time: np.datetime64) -> str:
    return str(time.astype("datetime64[m]")).replace("T", " ") + " UTC"


def _shown(sequence: Sequence) -> np.ndarray:
    """Grey levels with no data as not a number, float32 ``[T, H, W]``."""
    return np.where(sequence.missing, np.float32(np.nan), sequence.grey / np.float32(LEVELS))
