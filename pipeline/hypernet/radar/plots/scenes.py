"""Pictures of single images: forecasts beside the truth, the networks' filters, and what they say of the motion."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure, FigureBase
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle
from matplotlib.quiver import Quiver
from matplotlib.ticker import MaxNLocator

from hypernet.lab.results import figures
from hypernet.radar.core.frames import INPUTS, LARGEST_DBZ, LEVELS, Geometry, to_dbz
from hypernet.radar.core.motion import Arrows, Motion, arrows, kilometres_per_hour, motion_of
from hypernet.radar.plots.animation import MILLISECONDS, PAUSE, compose, write_animation
from hypernet.radar.plots.colours import TICKS_DBZ, colour_map
from hypernet.radar.plots.field_motion import LEAST_RAIN
from hypernet.radar.plots.maps import Basemap

# Of runs that do not say it.
USUAL_STEP_SECONDS = 600.0
# Orange is too much, purple too little: told apart with every kind of colour blindness.
ERRORS = "PuOr_r"
LARGEST_ERROR_DBZ = 35.0
MOTION_PANELS = 3
# Methods beside each other in the picture of the forecasts.
IN_A_ROW = 6


@dataclass(frozen=True)
class Predictions:
    """What one run kept of its first test windows.

    Attributes:
        title: the method's name.
        inputs: float32 ``[n, 4, N, N]``, grey levels in [0, 1].
        truth: float32 ``[n, N - 2 m, N - 2 m]``.
        forecast: the same.
        vertical: filters ``[n, K]`` or ``[n, P, K]``, or None.
        horizontal: likewise.
        times: of the image to forecast, texts ``[n]``.
        step_seconds: from image to image.
    """

    title: str
    inputs: np.ndarray
    truth: np.ndarray
    forecast: np.ndarray
    vertical: np.ndarray | None
    horizontal: np.ndarray | None
    times: Sequence[str]
    step_seconds: float = USUAL_STEP_SECONDS

    @property
    def lead(self) -> str:
        """From the last image to the one forecast, such as +7.5 min."""
        return f"+{self.step_seconds / 60:.3g} min"

    @property
    def margin(self) -> int:
        """m in pixels."""
        return (self.inputs.shape[-1] - self.truth.shape[-1]) // 2

    @property
    def rainiest(self) -> int:
        """The window with most rain in the truth."""
        return int(self.truth.mean(axis=(1, 2)).argmax())

    @property
    def filters(self) -> tuple[np.ndarray, np.ndarray]:
        """Vertical and horizontal filters of a network that writes them."""
        assert self.vertical is not None, f"{self.title} writes no filters"
        assert self.horizontal is not None
        return self.vertical, self.horizontal

    def motion(self) -> Motion:
        """What its filters say, ``[n]`` or ``[n, P]``."""
        return motion_of(*self.filters)


def read_predictions(folder: Path, title: str) -> Predictions:
    """Read ``predictions.npz`` and the times in ``items.csv`` of a run."""
    with np.load(folder / "predictions.npz") as stored:
        arrays = {name: stored[name] for name in stored.files}
    inputs, truth, forecast = (_unit(arrays[name]) for name in ("inputs", "truth", "forecast"))
    times = pd.read_csv(folder / "items.csv", usecols=["time"], nrows=len(inputs), dtype=str).time
    filters = arrays.get("vertical"), arrays.get("horizontal")
    step_seconds = float(arrays.get("step_seconds", USUAL_STEP_SECONDS))
    return Predictions(title, inputs, truth, forecast, *filters, list(times), step_seconds)


def _unit(grey: np.ndarray) -> np.ndarray:
    whole = np.issubdtype(grey.dtype, np.integer)
    return grey.astype(np.float32) / (LEVELS if whole else 1)


def draw_forecasts(shown: Sequence[Predictions]) -> Figure:
    """Four images and the one that followed; every method's forecast; forecast minus observed.

    Args:
        shown: one per method, of the same windows.
    """
    first, window = shown[0], shown[0].rainiest
    size, margin = first.inputs.shape[-1], first.margin
    columns = max(INPUTS + 1, min(len(shown), IN_A_ROW))
    rows = -(-len(shown) // columns)
    # The images of the top row, then for each row of methods the forecasts and their errors.
    figure, grid = plt.subplots(
        1 + 2 * rows, columns, figsize=(2.15 * columns + 0.9, 2.55 * (1 + 2 * rows)), squeeze=False
    )
    inside = (margin - 0.5, size - margin - 0.5)
    for number in range(INPUTS):
        axes = grid[0, number]
        rain = _rain(axes, first.inputs[window, number])
        box = Rectangle((inside[0],) * 2, *(inside[1] - inside[0],) * 2, fill=False, ls="--", lw=0.8, ec="black")
        axes.add_patch(box)
        minutes = (number - INPUTS + 1) * first.step_seconds / 60
        axes.set_title(f"Input, {minutes:.3g} min".replace("-", "−"), fontsize=9)
    extent = (inside[0], inside[1], inside[1], inside[0])
    _rain(grid[0, INPUTS], first.truth[window], extent)
    grid[0, INPUTS].set_title(f"Observed, {first.lead}", fontsize=9)
    for number, predictions in enumerate(shown):
        above, below = (grid[1 + 2 * (number // columns) + place, number % columns] for place in (0, 1))
        _rain(above, predictions.forecast[window], extent)
        above.set_title(textwrap.fill(predictions.title, 31), fontsize=8.5)
        error = to_dbz(predictions.forecast[window] - predictions.truth[window])
        limits = {"cmap": ERRORS, "vmin": -LARGEST_ERROR_DBZ, "vmax": LARGEST_ERROR_DBZ}
        wrong = below.imshow(error, extent=extent, **limits)
        loss = 0.5 * float(np.square(predictions.forecast[window] - predictions.truth[window], dtype=np.float64).sum())
        below.set_title(f"Error, loss {loss:.3g}", fontsize=8.5)
    for (_, column), axes in np.ndenumerate(grid):
        if not axes.images:
            axes.set_axis_off()
            continue
        # The same pixels in every panel, those of the input image.
        ticks = [size // 4, size // 2, 3 * size // 4]
        axes.set_xticks(ticks)
        axes.set_yticks(ticks)
        axes.tick_params(labelsize=7, labelbottom=False, labelleft=column == 0)
        axes.grid(visible=False)
    for axes in grid[:, 0]:
        axes.set_ylabel("South (pixels)", fontsize=8)
    for column in range(columns):
        lowest = [axes for axes in grid[:, column] if axes.images][-1]
        lowest.tick_params(labelbottom=True)
        lowest.set_xlabel("East (pixels)", fontsize=8)
    _rain_bar(figure, rain, grid[: 1 + rows].ravel().tolist())
    bar = figure.colorbar(wrong, ax=grid[1 + rows :].ravel().tolist(), extend="both", pad=0.01, aspect=20)
    bar.set_label("Forecast minus observed (dBZ)")
    return figure


def _rain(axes: Axes, grey: np.ndarray, extent: tuple[float, float, float, float] | None = None) -> AxesImage:
    axes.grid(visible=False)
    return axes.imshow(
        to_dbz(grey), cmap=colour_map(), vmin=0, vmax=LARGEST_DBZ, extent=extent, interpolation="nearest"
    )


def _rain_bar(figure: FigureBase, image: AxesImage, axes: Axes | list[Axes]) -> None:
    bar = figure.colorbar(image, ax=axes, pad=0.01, aspect=28, ticks=TICKS_DBZ)
    bar.set_label("Reflectivity (dBZ)")


def draw_filters(predictions: Predictions) -> Figure:
    """A whole-image network's filters for the rainiest window, where they take pixels from, and the last image."""
    window = predictions.rainiest
    vertical, horizontal = (np.asarray(filters[window], np.float64) for filters in predictions.filters)
    motion = motion_of(vertical, horizontal)
    reach = len(vertical) // 2
    offset = np.arange(-reach, reach + 1)
    figure = plt.figure(figsize=(11.4, 5.4))
    halves = figure.subfigures(1, 2, width_ratios=(1, 1.18))
    assert isinstance(halves, np.ndarray)
    left, right = halves
    scene = left.subplots()
    rain = _rain(scene, predictions.inputs[window, -1])
    middle = (predictions.inputs.shape[-1] - 1) / 2
    # Five steps: one is hard to see beside the image.
    steps = 5
    tip = (middle + steps * motion.columns, middle + steps * motion.rows)
    scene.annotate("", tip, (middle, middle), arrowprops={"arrowstyle": "-|>", "lw": 2.2, "color": "black"})
    scene.set_title(f"Last image; arrow: mean displacement in {steps} steps", fontsize=10)
    scene.set_xlabel("East (pixels)")
    scene.set_ylabel("South (pixels)")
    _rain_bar(left, rain, scene)
    grid = right.subplots(
        2, 2, width_ratios=(3.2, 1), height_ratios=(1, 3.2), gridspec_kw={"wspace": 0.05, "hspace": 0.05}
    )
    above, corner, heat, beside = grid.ravel()
    corner.set_axis_off()
    corner.text(
        0.5,
        0.5,
        f"Entropy\n{motion.entropy:.1f} bits\nof {2 * np.log2(len(vertical)):.1f}",
        ha="center",
        va="center",
        fontsize=9,
    )
    edges = (-reach - 0.5, reach + 0.5)
    product = heat.imshow(np.outer(vertical, horizontal), cmap="Blues", extent=(*edges, edges[1], edges[0]), vmin=0)
    source = (-motion.columns, -motion.rows)
    heat.annotate("", (0, 0), source, arrowprops={"arrowstyle": "-|>", "lw": 2, "color": figures.COLOURS[4]})
    heat.plot(*source, "o", ms=4, color=figures.COLOURS[4])
    heat.plot(0, 0, "+", ms=9, color="black")
    heat.grid(visible=False)
    heat.set_aspect("auto")
    for axis in (heat.xaxis, heat.yaxis, beside.yaxis):
        axis.set_major_locator(MaxNLocator(5, integer=True))
    heat.set_xlabel("Source offset (pixels east)")
    heat.set_ylabel("Source offset (pixels south)")
    above.bar(offset, horizontal, width=0.9, color=figures.COLOURS[0])
    beside.barh(offset, vertical, height=0.9, color=figures.COLOURS[0])
    above.set_xlim(edges)
    beside.set_ylim(edges[1], edges[0])
    above.tick_params(labelbottom=False)
    beside.tick_params(labelleft=False)
    above.set_ylabel("Weight")
    beside.set_xlabel("Weight")
    above.set_title("Horizontal filter, their product, vertical filter; arrow: mean motion", fontsize=10)
    right.colorbar(product, ax=grid, pad=0.02, aspect=30).set_label("Weight in a forecast pixel")
    return figure


def draw_motion(predictions: Predictions) -> Figure:
    """The mean displacement of every patch with rain, over the last images of the rainiest windows."""
    motion = predictions.motion()
    _, patches, taps = predictions.filters[0].shape
    size, margin = predictions.inputs.shape[-1], predictions.margin
    geometry = Geometry(size, margin, (size - 2 * margin) // round(patches**0.5), taps)
    # Squares of one time would have the same title: the rainiest of each.
    rainiest = predictions.truth.mean(axis=(1, 2)).argsort()[::-1]
    of_time = {predictions.times[window]: window for window in rainiest[::-1]}
    chosen = np.sort([window for window in rainiest if of_time[predictions.times[window]] == window][:MOTION_PANELS])
    figure, grid = plt.subplots(1, len(chosen), figsize=(3.9 * len(chosen) + 0.6, 6.3), squeeze=False, sharey=True)
    largest = 2 * np.log2(taps)
    for axes, window in zip(grid[0], chosen, strict=True):
        of_window = Motion(*(getattr(motion, name)[window] for name in motion.__dataclass_fields__))
        last = predictions.inputs[window, -1]
        wet = rain_of_patches(last, geometry) >= LEAST_RAIN
        image, quiver = draw_arrows(axes, last, arrows(of_window, geometry), wet, largest)
        axes.set_title(f"Last image before {predictions.times[window]}", fontsize=9)
        axes.set_xlabel("East (pixels)")
    grid[0, 0].set_ylabel("South (pixels)")
    bars = {"ax": grid[0].tolist(), "location": "bottom", "shrink": 0.6, "aspect": 40, "pad": 0.02}
    figure.colorbar(quiver, **bars).set_label("Entropy of a patch's filters (bits); 0: certain")
    figure.colorbar(image, **bars).set_label("Reflectivity (dBZ)")
    return figure


def rain_of_patches(last: np.ndarray, geometry: Geometry) -> np.ndarray:
    """Mean grey level of every patch's target area in an image, ``[P]`` of ``[N, N]``."""
    side, width = geometry.centre // geometry.patch, geometry.patch
    inside = slice(geometry.margin, geometry.size - geometry.margin)
    return last[inside, inside].reshape(side, width, side, width).mean(axis=(1, 3)).ravel()


def draw_arrows(
    axes: Axes, grey: np.ndarray, drawn: Arrows, wet: np.ndarray, largest_entropy: float
) -> tuple[AxesImage, Quiver]:
    """One image in grey with arrows as long as one step's displacement, coloured by entropy.

    Args:
        axes: where.
        grey: ``[H, W]`` in [0, 1].
        drawn: the arrows.
        wet: which of them are drawn.
        largest_entropy: end of the colour scale in bits.

    Returns:
        the image and the arrows, for colour bars.
    """
    # No black: arrows are seen on the heaviest rain.
    greys = ListedColormap(plt.get_cmap("Greys")(np.linspace(0, 0.65, 256)))
    image = axes.imshow(to_dbz(grey), cmap=greys, vmin=0, vmax=LARGEST_DBZ)
    quiver = axes.quiver(
        *(values[wet] for values in (drawn.x, drawn.y, drawn.right, drawn.down, drawn.entropy)),
        angles="xy",
        scale_units="xy",
        scale=1,
        cmap="plasma",
        width=0.006,
        headwidth=4,
        minlength=0.5,
    )
    quiver.set_clim(0, largest_entropy)
    axes.grid(visible=False)
    return image, quiver


def draw_field(
    grey: np.ndarray,
    drawn: Arrows,
    wet: np.ndarray,
    largest_entropy: float,
    title: str,
    over: Basemap,
    step_seconds: float,
    notes: Sequence[str] = (),
) -> Figure:
    """The motion in one image of any size over its map, with an arrow of known speed.

    Args:
        grey: ``[H, W]`` in [0, 1]; not a number is no data.
        drawn: the arrows, pixels in a step.
        wet: which of them are drawn.
        largest_entropy: end of the colour scale in bits.
        title: above.
        over: ``basemap`` of the sequence.
        step_seconds: of a step.
        notes: lines below, such as ``picture_notes``.
    """
    height, width = over.shape
    across, along = over.pixel_km
    tall = height * along / (width * across)
    figure, axes = plt.subplots(figsize=(6.6 * min(1, 1 / tall) + 1.2, 6.6 * min(1, tall) + 2.2))
    axes.patch.set(facecolor="0.86", edgecolor="0.7", hatch="///")
    for pieces, colour, thick in (
        (over.graticule, "0.75", 0.6),
        (over.states, "0.6", 0.7),
        (over.borders, "0.35", 0.8),
        (over.coast, "0.2", 0.9),
    ):
        axes.add_collection(LineCollection(pieces, colors=colour, linewidths=thick), autolim=False)
    image, quiver = draw_arrows(axes, grey, drawn, wet, largest_entropy)
    axes.set_aspect(along / across)
    for side, axis in (("left", axes.yaxis), ("bottom", axes.xaxis)):
        of_side = [label for label in over.labels if label.side == side]
        axis.set_ticks([label.place for label in of_side], [label.text for label in of_side])
    axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
    axes.spines[:].set_visible(True)
    # Arrows as long as the space between them at the fastest: one step is short beside a large image.
    spacing = drawn.x[1] - drawn.x[0] if len(drawn.x) > 1 else width
    fastest = float(np.hypot(drawn.right, drawn.down)[wet].max(initial=0))
    quiver.scale, quiver.width = fastest / spacing if fastest > 0 else 1.0, 0.0035
    if fastest > 0:
        fastest_kmh = float(kilometres_per_hour(fastest, across, step_seconds))
        speed = float(f"{fastest_kmh:.1g}")
        pixels = fastest * speed / fastest_kmh
        axes.quiverkey(quiver, 0.8, 1.03, pixels, f"{speed:g} km/h", labelpos="E", color="black")
    axes.set_title(f"{title}\n{over.place}", fontsize=10, loc="left", pad=22)
    bars: dict[str, Any] = {"ax": axes, "location": "bottom", "shrink": 0.8, "aspect": 36, "pad": 0.02}
    figure.colorbar(quiver, **bars).set_label("Entropy of the displacements (bits); 0: certain")
    figure.colorbar(image, **bars).set_label("Reflectivity (dBZ); hatched: no data")
    figure.supxlabel("\n".join(textwrap.fill(note, 90) for note in notes), x=0.01, ha="left", fontsize=8)
    return figure


def draw_preprocessing(stored: Path) -> Figure:
    """From a picture to grey levels.

    Args:
        stored: ``preprocessing.npz`` with ``picture`` and ``background`` uint8 ``[H, W, 3]``, ``holes`` bool ``[H, W]``
            and ``gray`` (grey levels) ``[H, W]``.
    """
    with np.load(stored) as arrays:
        picture, background, holes, grey = (arrays[name] for name in ("picture", "background", "holes", "gray"))
    figure, (first, second, third, fourth) = plt.subplots(1, 4, figsize=(13.6, 4.1), sharex=True, sharey=True)
    first.imshow(picture)
    second.imshow(background)
    third.imshow(holes, cmap="Greys", vmin=0, vmax=1.25)
    rain = _rain(fourth, _unit(grey))
    titles = ("Picture", "Background: the map", f"Hidden pixels: {100 * holes.mean():.1f} %", "Grey levels")
    for axes, title in zip((first, second, third, fourth), titles, strict=True):
        axes.set_title(title)
        axes.set_xlabel("East (pixels)")
        axes.grid(visible=False)
    first.set_ylabel("South (pixels)")
    _rain_bar(figure, rain, [fourth])
    return figure


def write_comparison(path: Path, predictions: Predictions, where: str) -> None:
    """An animation over all windows: the last image in both panels, then observed beside forecast.

    Args:
        path: of the GIF.
        predictions: of one method.
        where: the data set's name for people.
    """
    inside = slice(predictions.margin, predictions.inputs.shape[-1] - predictions.margin)
    pictures = []
    for last, truth, forecast, time in zip(
        predictions.inputs[:, -1, inside, inside],
        predictions.truth,
        predictions.forecast,
        predictions.times,
        strict=True,
    ):
        pictures.append(compose({"Last image": last, "Last image ": last}, f"{where}, before {time}"))
        pictures.append(
            compose({f"Observed, {predictions.lead}": truth, predictions.title: forecast}, f"{where}, {time}")
        )
    write_animation(path, pictures, [MILLISECONDS, PAUSE] * len(predictions.truth))
