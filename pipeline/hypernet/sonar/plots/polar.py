"""Levels against angles: ears and mouths, and target strength."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
import torch

from hypernet.lab.results import figures
from hypernet.sonar.core.directivity import Directivity, direction_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FLOOR_DB = -30.0
LEVELS = "viridis"
# From the loudest to the floor of a picture of target strength.
STRENGTH_RANGE_DB = 60.0


def draw_levels(
    axes: Axes,
    angles_deg: np.ndarray,
    levels_db: Mapping[str, np.ndarray],
    floor_db: float,
    top_db: float,
) -> None:
    """Levels around an object or a head: 0 degrees above, angles to the left, as the animal sees them.

    Args:
        axes: polar ones.
        angles_deg: ``[A]``.
        levels_db: by label, ``[A]``.
        floor_db: the middle of the circle.
        top_db: its rim.
    """
    axes.set_theta_zero_location("N")  # type: ignore[attr-defined]
    axes.set_theta_direction(1)  # type: ignore[attr-defined]
    for place, (label, levels) in enumerate(levels_db.items()):
        colour = figures.COLOURS[place % len(figures.COLOURS)]
        axes.plot(np.radians(angles_deg), np.maximum(levels, floor_db), color=colour, label=label, lw=1.4)
    step = 10.0 if top_db - floor_db <= 40 else 20.0
    ticks = np.arange(np.ceil(floor_db / step) * step, top_db + 0.1, step)
    axes.set_ylim(floor_db, top_db)
    axes.set_yticks(ticks, [f"{tick:g} dB" if tick == ticks[-1] else f"{tick:g}" for tick in ticks], fontsize=8)
    axes.set_rlabel_position(157)  # type: ignore[attr-defined]
    half = half_circle(angles_deg)
    marks = np.arange(-90, 91, 45) if half else np.arange(0, 360, 45)
    axes.set_xticks(np.radians(marks), [f"{mark if mark <= 180 else mark - 360}°" for mark in marks])
    if half:
        # The other half would be empty.
        axes.set_thetamin(-90)  # type: ignore[attr-defined]
        axes.set_thetamax(90)  # type: ignore[attr-defined]
        axes.set_rlabel_position(-90)  # type: ignore[attr-defined]


def half_circle(angles_deg: np.ndarray) -> bool:
    """Whether angles lie within 90 degrees of 0."""
    return bool(np.abs((np.asarray(angles_deg) + 180) % 360 - 180).max() <= 90)


def draw_directivities(
    directivities: Mapping[str, Directivity], frequencies_hz: Sequence[float], elevation_deg: float = 0.0
) -> Figure:
    """A polar panel for each frequency: level of each directivity against the azimuth, left is left.

    Args:
        directivities: by name.
        frequencies_hz: of the panels.
        elevation_deg: of the directions.
    """
    azimuths = np.arange(-180, 181, 1.0)
    directions = torch.tensor([direction_of(azimuth, elevation_deg) for azimuth in azimuths], dtype=torch.float64)
    columns = min(4, len(frequencies_hz))
    rows = -(-len(frequencies_hz) // columns)
    figure, grid = plt.subplots(
        rows, columns, figsize=(3.5 * columns, 3.7 * rows + 0.5), subplot_kw={"projection": "polar"}, squeeze=False
    )
    for axes, frequency in zip(grid.flat, frequencies_hz, strict=False):
        levels = {
            name: 20 * np.log10(directivity.gain(directions, frequency).numpy() + 1e-9)
            for name, directivity in directivities.items()
        }
        draw_levels(axes, azimuths, levels, FLOOR_DB, max(0.0, max(float(level.max()) for level in levels.values())))
        axes.set_title(f"{frequency / 1e3:g} kHz")
    for unused in grid.flat[len(frequencies_hz) :]:
        unused.remove()
    handles, labels = grid.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(4, len(labels)))
    return figure


def draw_strength(
    angles_deg: np.ndarray,
    frequencies_hz: np.ndarray,
    strength_db: np.ndarray,
    title: str,
    most_lines: int = 3,
    angle: str = "azimuth",
) -> Figure:
    """Target strength against an angle: a polar panel of some frequencies, and a map of all.

    Args:
        angles_deg: ``[A]``.
        frequencies_hz: ``[F]``.
        strength_db: dB re 1 m, ``[A, F]``.
        title: of the picture.
        most_lines: frequencies of the polar panel.
        angle: its name.
    """
    mapped = len(frequencies_hz) > 1 and len(angles_deg) > 1
    figure = plt.figure(figsize=(10.5 if mapped else 5.2, 5.2))
    around = figure.add_subplot(1, 1 + mapped, 1, projection="polar")
    chosen = np.unique(
        np.linspace(0, len(frequencies_hz) - 1, min(most_lines, len(frequencies_hz))).round().astype(int)
    )
    finite = strength_db[np.isfinite(strength_db)]
    top = float(np.ceil(finite.max() / 10) * 10) if len(finite) else 0.0
    lines = {f"{frequencies_hz[place] / 1e3:g} kHz": strength_db[:, place] for place in chosen}
    draw_levels(around, angles_deg, lines, top - STRENGTH_RANGE_DB, top)
    around.set_title("target strength (dB re 1 m)")
    below = 0.17 if half_circle(angles_deg) else -0.06
    around.legend(loc="upper center", bbox_to_anchor=(0.5, below), ncols=len(lines))
    if mapped:
        plane = figure.add_subplot(1, 2, 2)
        image = draw_strength_map(plane, angles_deg, frequencies_hz, strength_db, top, angle)
        figure.colorbar(image, ax=plane, label="target strength (dB re 1 m)")
    figure.suptitle(title)
    return figure


def draw_strength_map(
    axes: Axes,
    angles_deg: np.ndarray,
    frequencies_hz: np.ndarray,
    strength_db: np.ndarray,
    top_db: float,
    angle: str = "azimuth",
) -> Any:
    """Target strength ``[A, F]`` as colours; returns what a colour bar is made of."""
    levels = np.clip(strength_db, top_db - STRENGTH_RANGE_DB, None).T
    image = axes.pcolormesh(angles_deg, frequencies_hz / 1e3, levels, cmap=LEVELS, vmax=top_db, rasterized=True)
    axes.set_xlabel(f"{angle} (degrees)")
    axes.set_ylabel("frequency (kHz)")
    axes.grid(visible=False)
    return image
