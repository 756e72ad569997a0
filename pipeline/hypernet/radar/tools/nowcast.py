"""Forecast the next hour from radar files: CF netCDF, pictures, an animation, and the motion that the method sees."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.radar.core.coverage import mended, unseen
from hypernet.radar.core.frames import INPUTS, LEVELS, Sequence, quantised, rain_rate_of_dbz, to_dbz
from hypernet.radar.core.motion import FieldMotion
from hypernet.radar.tools.forecasters import BUNDLED, FASTEST, UNTRAINED, Suited, chosen_method, suited
from hypernet.radar.tools.inputs import Inputs, chosen_images, clock, minutes_in_words, moment

if TYPE_CHECKING:
    from PIL.Image import Image

    from hypernet.radar.trained import Forecaster

LEAD_MINUTES, LONGEST_MINUTES = 60, 180
# Of km/h: slower rain stands still, faster there is none.
SLOWEST_SEARCH, FASTEST_SEARCH = 1.0, 500.0
LONGEST_STEP_MINUTES = 60.0
# A lead that the steps miss by this share of a step is reached.
LATE = 0.05
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
        lead_minutes: minutes from the last input to each image, float64 ``[lead]``.
        missing: pixels whose air comes from outside the images, or from pixels of the last one without data; bool
            ``[lead, H, W]``.
        x: metres to the east in the projection, ``[W]``, rising.
        y: metres to the north in the projection, ``[H]``, falling.
        projection: a PROJ string, or "" where the files have none.
        inputs: the four images that were used.
        step_seconds: from one of them to the next, and from one image of the forecast to the next; as measured.
        motion: that the method itself uses; None for methods that use none.
        warnings: what a reader of the forecast should know, a line each.
        forecaster: the method.
        forecast: the images forecast, grey levels as bytes.
        images_read: number of images in the files, four or more.
        chosen: the images with what is known of them.
        search: how far the method looked, and what it found.
    """

    forecast: Sequence
    chosen: Inputs
    search: Suited
    images_read: int

    def __repr__(self) -> str:
        shape, times = self.forecast.grey.shape, self.forecast.time
        valid = " to ".join(dict.fromkeys(clock(time) for time in times[[0, -1]]))
        return f"Nowcast({self.forecaster.method}, {valid} UTC, {' x '.join(map(str, shape))})"

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
        """Minutes from the last input to each image, float64 ``[lead]``."""
        return (self.forecast.time - self.inputs.time[-1]) / np.timedelta64(60, "s")

    @property
    def missing(self) -> np.ndarray:
        """Pixels whose air comes from where no data are, bool ``[lead, H, W]``."""
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

    @property
    def inputs(self) -> Sequence:
        """The four images that were used."""
        return self.chosen.images

    @property
    def step_seconds(self) -> float:
        """From one image to the next, as measured."""
        return self.chosen.step_seconds

    @property
    def motion(self) -> FieldMotion | None:
        """The motion that the method itself uses; None for methods that use none."""
        return self.search.motion

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader of the forecast should know, a line each."""
        return self.search.warnings

    @property
    def forecaster(self) -> Forecaster:
        """The method."""
        return self.search.forecaster

    def save(self, path: str | Path) -> None:
        """Write CF netCDF (.nc): reflectivity, rain rate, lead times and, where the method uses it, the motion.

        Raises:
            UserError: the name does not end in .nc, or a library is missing.
        """
        from hypernet.radar.plots.field_motion import velocities
        from hypernet.radar.sources.cf import write_forecast

        path = _checked_name(Path(path), SUFFIXES["out"])
        motion = self.motion
        fields = {} if motion is None else velocities(motion, self.chosen.pixel_km, self.step_seconds)
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
        """Draw the motion that the method uses over the last image (.png, .svg).

        Raises:
            UserError: the name has another ending, or the method uses no motion.
        """
        from hypernet.lab.files import atomic_path
        from hypernet.lab.results.figures import use_style
        from hypernet.radar.plots.field_motion import thinned
        from hypernet.radar.plots.maps import basemap
        from hypernet.radar.plots.scenes import draw_field

        path, motion = _checked_name(Path(path), SUFFIXES["motion"]), self._motion()
        use_style()
        import matplotlib.pyplot as plt

        last = self.chosen.frames[-1]
        # No finer than the patches, no more than can be told apart.
        width = max(self.forecaster.geometry.patch, -(-max(last.shape) // ARROWS))
        arrows, wet = thinned(motion, last, width)
        title = f"Motion in the image of {moment(self.inputs.time[-1])}"
        shown = np.where(self.chosen.known[-1], last, np.float32(np.nan))
        # A method that knows one displacement is sure of it.
        largest = motion.largest_entropy or 1.0
        figure = draw_field(shown, arrows, wet, largest, title, basemap(self.inputs), self.step_seconds)
        with atomic_path(path) as temporary:
            figure.savefig(temporary, metadata={"Software": None} if path.suffix == ".png" else {"Date": None})
        plt.close(figure)

    def summary(self) -> str:
        """Images, source, step, method, motion, data and rain, a line each; warnings first."""
        from hypernet.radar.tools.summary import lines

        return "\n".join(lines(self))

    def _motion(self) -> FieldMotion:
        if self.motion is None:
            raise UserError(
                f"{self.forecaster.method} uses no motion; accepted: {BUNDLED}, global_motion, pysteps, or a "
                "model of a dynamic convolution"
            )
        return self.motion

    def _pictures(self) -> list[tuple[str, Image]]:
        """A file's name and a picture of every image, inputs first."""
        from hypernet.radar.methods import TITLES
        from hypernet.radar.plots.maps import basemap, compose_map, forecast_title, observed_title, picture_notes
        from hypernet.radar.tools.summary import cautions

        over, last = basemap(self.inputs), self.inputs.time[-1]
        notes = (*picture_notes(self.inputs, TITLES[self.forecaster.method], self.step_seconds), *cautions(self))
        titled = [
            *(("observed", time, observed_title(time)) for time in self.inputs.time),
            *(("forecast", time, forecast_title(time, last)) for time in self.times),
        ]
        greys = (*_shown(self.inputs), *_shown(self.forecast))
        pictures = []
        for number, ((source, time, title), grey) in enumerate(zip(titled, greys, strict=True)):
            minutes = abs(float((time - last) / np.timedelta64(60, "s")))
            name = f"{number:02d}_{source}_{_padded(minutes)}min.png"
            pictures.append((name, compose_map(grey, over, title, notes)))
        return pictures


def nowcast(
    files: str | Path | Iterable[str | Path] | Sequence,
    *,
    model: Forecaster | str | Path | None = None,
    method: str | None = None,
    lead: int = LEAD_MINUTES,
    step: float | None = None,
    fastest: float = FASTEST,
    last_is_dry: bool = False,
) -> Nowcast:
    """Forecast the images that follow radar images of one place.

    How far apart the images are is measured, and the forecast goes on in such steps. What comes in from outside the
    images, or from pixels without data, is missing in the forecast. An image that is dry between wet ones is an outage:
    it is left out.

    Args:
        files: radar files of one place in any of the formats of ``hypernet.radar.read_files``, or images that were
            read already: at least four, evenly apart, without a gap among the last.
        model: a trained method, or the path of its ``model.ckpt``; without model and method the ``patch_matching``
            that comes with the package forecasts, trained on simulated rain.
        method: instead of a model: patch_matching (the same), last_frame, global_motion or pysteps.
        lead: minutes to forecast, 1 to 180; the forecast goes on until the first step at or behind it.
        step: minutes from one used image to the next; None: what comes nearest to ten.
        fastest: km/h up to which motion is looked for, by methods that adapt to it.
        last_is_dry: take a last image that is dry after wet ones as it is, instead of refusing it.

    Returns:
        the forecast: ``dbz`` and ``rain_rate`` ``[lead / step, H, W]``, ``times``, the grid, and how to save them.

    Raises:
        UserError: both model and method; a file or the model cannot be read; images do not fit; the last image, or two
            of the four, are outages.

    Example:
        >>> forecast = hypernet.radar.nowcast(files, lead=30)
        >>> forecast.rain_rate.shape
        (3, 1226, 760)
        >>> forecast.save("nowcast.nc")
    """
    from hypernet.radar.sources.readers import paths_of, read_files

    lead = _checked_lead(lead)
    step = None if step is None else _checked_number("step", step, 0.5, LONGEST_STEP_MINUTES, "minutes")
    fastest = _checked_number("fastest", fastest, SLOWEST_SEARCH, FASTEST_SEARCH, "km/h")
    forecaster = chosen_method(model, method)
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
        inputs = chosen_images(sequence, step, last_is_dry)
        search = suited(forecaster, inputs, fastest)
    except UserError as error:
        raise UserError(f"{name}: {error}") from None
    steps = max(1, math.ceil(60 * lead / inputs.step_seconds - LATE))
    return Nowcast(forecast_of(search, inputs, steps), inputs, search, len(sequence.time))


def forecast_of(search: Suited, inputs: Inputs, steps: int) -> Sequence:
    """The forecast of all steps on the grid of the inputs.

    Args:
        search: a method that is set to the images.
        inputs: the images.
        steps: how many.

    Returns:
        ``steps`` images, missing where their air comes from no data.
    """
    forecaster, followed = search.forecaster, search.followed
    frames, known = inputs.frames, inputs.known
    if forecaster.adapts:
        grey = forecaster.roll_out(frames[None], steps, known[None], search.motion)[0]
    else:
        assert search.searched is not None
        frames = mended(frames, known, (float(search.searched.rows[0, 0, 0]), float(search.searched.columns[0, 0, 0])))
        grey = forecaster.roll_out(frames[None], steps, known[None])[0]
    missing = unseen(known[-1], followed.rows[0], followed.columns[0], steps)
    seconds = np.rint(inputs.step_seconds * np.arange(1, steps + 1)).astype(np.int64)
    return replace(
        inputs.images,
        grey=quantised(np.where(missing, 0, grey.clip(0, 1))),
        time=inputs.images.time[-1] + seconds.astype("timedelta64[s]"),
        missing=missing,
        attributes={**inputs.images.attributes, "nowcast_method": forecaster.method},
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``hypernet radar nowcast``."""
    parser.add_argument(
        "files", type=Path, nargs="+", metavar="FILE", help="radar files of one place, four images or more"
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--model", type=Path, help="model.ckpt of a trained method")
    how.add_argument(
        "--method",
        choices=(BUNDLED, *UNTRAINED),
        help=f"a method that needs no training; default: {BUNDLED}, which comes trained on simulated rain",
    )
    parser.add_argument(
        "--lead",
        type=_minutes,
        default=LEAD_MINUTES,
        help=f"minutes to forecast, 1 to {LONGEST_MINUTES}, in steps of the images; default: {LEAD_MINUTES}",
    )
    parser.add_argument(
        "--step",
        type=_number,
        metavar="MINUTES",
        help="from one used image to the next; default: as measured, what comes nearest to 10",
    )
    parser.add_argument(
        "--fastest",
        type=_number,
        default=FASTEST,
        metavar="KM/H",
        help=f"look for motion up to this speed; default: {FASTEST:g}",
    )
    parser.add_argument(
        "--last-is-dry", action="store_true", help="take a last image that is dry after wet ones as it is"
    )
    parser.add_argument("--out", type=Path, required=True, help="write the forecast here: CF netCDF (.nc)")
    parser.add_argument("--frames", type=Path, metavar="FOLDER", help="write a picture of every image (.png) here")
    parser.add_argument("--animation", type=Path, metavar="FILE", help="write inputs and forecast as animation (.gif)")
    parser.add_argument("--motion", type=Path, metavar="FILE", help="draw the motion that the method uses (.png, .svg)")


def run(arguments: argparse.Namespace) -> None:
    """Read the files, forecast, and write what was asked for; files are written when all else is done."""
    _check_names(arguments)
    forecast = nowcast(
        arguments.files,
        model=arguments.model,
        method=arguments.method,
        lead=arguments.lead,
        step=arguments.step,
        fastest=arguments.fastest,
        last_is_dry=arguments.last_is_dry,
    )
    if arguments.motion is not None:
        try:
            forecast._motion()
        except UserError as error:
            raise UserError(f"--motion: {error}") from None
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


def _padded(minutes: float) -> str:
    """Minutes with leading zeros, so that names sort: 060, 007.5."""
    text = minutes_in_words(minutes)
    return "0" * (3 - len(text.partition(".")[0])) + text


def _minutes(text: str) -> int:
    try:
        return _checked_lead(int(text) if text.isascii() and text.isdigit() and len(text) < 6 else text)
    except UserError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number") from None


def _checked_lead(lead: object) -> int:
    if isinstance(lead, int | np.integer) and not isinstance(lead, bool) and 1 <= lead <= LONGEST_MINUTES:
        return int(lead)
    raise UserError(f"lead: {lead!r} is not a whole number from 1 to {LONGEST_MINUTES} minutes")


def _checked_number(name: str, value: object, least: float, most: float, unit: str) -> float:
    if isinstance(value, int | float | np.integer | np.floating) and least <= value <= most:
        return float(value)
    raise UserError(f"{name}: {value!r} is not a number from {least:g} to {most:g} {unit}")


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


def _shown(sequence: Sequence) -> np.ndarray:
    """Grey levels with no data as not a number, float32 ``[T, H, W]``."""
    return np.where(sequence.missing, np.float32(np.nan), sequence.grey / np.float32(LEVELS))
