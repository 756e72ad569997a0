"""Target strength of bodies that have a closed form: what the simulator says, and the form itself.

A plate A held at the angle φ to sound of the wavelength λ gives 20 log10 (A / λ · |sinc(2 a sin φ / λ)| cos φ); a
sphere 20 log10 (a / 2); two walls at a right angle the sum of two plates, and of a third one of the area
2 min(a sin ψ, a cos ψ) b, at right angles to the sound wherever it comes from, if it may come back by way of both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np

from hypernet.lab.results import figures
from hypernet.shapes.core.solids import Mesh
from hypernet.sonar.core.air import Air
from hypernet.sonar.core.strength import target_strength

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FREQUENCY_HZ, SIDE_M = 40_000.0, 0.1
# Degrees between directions, and the levels shown.
STEP_DEG, FLOOR_DB, TOP_DB = 0.5, -60.0, 20.0
# Of the sphere, all of whose sides are alike.
SPHERE_STEP_DEG, SPHERE_CELLS = 10.0, 64


def plate(side_m: float = SIDE_M) -> Mesh:
    """A square plate that looks along x."""
    corners = np.array([[0, -1, -1], [0, 1, -1], [0, 1, 1], [0, -1, 1]]) * side_m / 2
    return Mesh(corners, np.array([[0, 1, 2], [0, 2, 3]]))


def corner(side_m: float = SIDE_M) -> Mesh:
    """Two square walls at a right angle, open along x, their common edge at the origin."""
    out, up = side_m / np.sqrt(2), side_m / 2
    points = [(0, 0, -up), (0, 0, up), (out, -out, -up), (out, -out, up), (out, out, -up), (out, out, up)]
    return Mesh(np.array(points), np.array([[0, 1, 3], [0, 3, 2], [0, 4, 5], [0, 5, 1]]))


def sphere(radius_m: float = SIDE_M / 2, cells: int = SPHERE_CELLS) -> Mesh:
    """A sphere around the origin, of ``cells`` rows from pole to pole and twice as many columns."""
    polar, around = np.linspace(0, np.pi, cells + 1), np.arange(2 * cells) * np.pi / cells
    rows = np.stack(
        [
            np.outer(np.sin(polar), np.cos(around)),
            np.outer(np.sin(polar), np.sin(around)),
            np.outer(np.cos(polar), np.ones(2 * cells)),
        ],
        axis=-1,
    )
    places = np.arange(rows[..., 0].size).reshape(rows.shape[:2])
    # All points of a pole are the same.
    places[0], places[-1] = places[0, 0], places[-1, 0]
    first, right = places[:-1], np.roll(places, -1, axis=1)[:-1]
    below, aside = places[1:], np.roll(places, -1, axis=1)[1:]
    quads = [(first[1:], below[1:], right[1:]), (right[:-1], below[:-1], aside[:-1])]
    triangles = np.concatenate([np.stack(corners, axis=-1).reshape(-1, 3) for corners in quads])
    return Mesh(radius_m * rows.reshape(-1, 3), triangles)


def plate_db(angles_deg: np.ndarray, frequency_hz: float, speed: float, side_m: float = SIDE_M) -> np.ndarray:
    """Target strength of :func:`plate` at angles ``[A]`` within 90 degrees, dB re 1 m."""
    return _decibels(_plates(np.radians(angles_deg), frequency_hz, speed, side_m, 0.0), frequency_hz, speed)


def corner_db(
    angles_deg: np.ndarray, frequency_hz: float, speed: float, bounces: int, side_m: float = SIDE_M
) -> np.ndarray:
    """Target strength of :func:`corner`, dB re 1 m, ``[A]``; nan beyond 45 degrees, where a wall hides the other."""
    angles = np.radians(angles_deg)
    # Each wall is a plate whose middle is half a side from the common edge.
    left, right = (_plates(angles + turn, frequency_hz, speed, side_m, side_m / 2) for turn in (-np.pi / 4, np.pi / 4))
    from_wall = angles + np.pi / 4
    third = 2 * side_m**2 * np.minimum(np.sin(from_wall), np.cos(from_wall)) if bounces == 2 else 0.0
    level = _decibels(left + right + third, frequency_hz, speed)
    return np.where(np.abs(angles_deg) <= 45, level, np.nan)


def _plates(angles: np.ndarray, frequency_hz: float, speed: float, side_m: float, offset_m: float) -> np.ndarray:
    """Area that a plate at an angle acts as, with the phase of a middle ``offset_m`` along it from the origin."""
    waves = 2 * frequency_hz / speed * np.sin(np.abs(angles))
    shape: np.ndarray = side_m**2 * np.cos(angles) * np.sinc(waves * side_m) * np.exp(2j * np.pi * waves * offset_m)
    return shape


def _decibels(areas: np.ndarray, frequency_hz: float, speed: float) -> np.ndarray:
    level: np.ndarray = 20 * np.log10(np.maximum(np.abs(areas) * frequency_hz / speed, 1e-10))
    return level


def draw_closed_forms(frequency_hz: float = FREQUENCY_HZ) -> Figure:
    """A plate and a sphere; and a right-angled corner with one and with two reflections.

    Args:
        frequency_hz: of the sound.
    """
    air = Air()
    half = np.arange(0, 90 + STEP_DEG / 2, STEP_DEG)
    angles = np.concatenate([-half[:0:-1], half])
    few = np.arange(0, 90 + SPHERE_STEP_DEG / 2, SPHERE_STEP_DEG)

    def simulated(mesh: Mesh, at: np.ndarray, bounces: int = 1) -> np.ndarray:
        level = target_strength(mesh, frequency_hz, at, bounces=bounces, air=air)[:, 0]
        level = np.interp(half, at, level)
        return np.concatenate([level[:0:-1], level])

    forms = (frequency_hz, air.speed_of_sound)
    side = f"{100 * SIDE_M:g} cm"
    flat, ball = f"plate, {side} x {side}", f"sphere, {side} across"
    one_way, two_ways = "one reflection", "one and two reflections"
    panels = {
        "A plate turned away, and a sphere": (
            {flat: simulated(plate(), half), ball: simulated(sphere(), few)},
            {flat: plate_db(angles, *forms), ball: np.full(len(angles), 20 * np.log10(SIDE_M / 4))},
        ),
        f"Two walls of {side} x {side} at a right angle, open at 0°": (
            {one_way: simulated(corner(), half), two_ways: simulated(corner(), half, 2)},
            {one_way: corner_db(angles, *forms, 1), two_ways: corner_db(angles, *forms, 2)},
        ),
    }
    figure, grid = plt.subplots(1, 2, figsize=(12, 4.9), sharex=True, sharey=True)
    for axes, (title, (levels, closed)) in zip(grid, panels.items(), strict=True):
        for number, (name, level) in enumerate(levels.items()):
            axes.plot(angles, level, color=figures.COLOURS[number], lw=2.2, label=name)
            label = "closed form" if number == len(levels) - 1 else None
            axes.plot(angles, closed[name], color="black", lw=0.8, ls=(0, (4, 3)), label=label)
        axes.set_title(title)
        axes.set_xlabel("direction of the bat (degrees; 0: straight ahead)")
        axes.set_xlim(-90, 90)
        axes.set_ylim(FLOOR_DB, TOP_DB)
        axes.set_xticks(range(-90, 91, 30))
        axes.legend(loc="upper center", ncols=3, fontsize=9)
    grid[0].set_ylabel("target strength (dB re 1 m)")
    figure.suptitle(f"How strong the echo is, at {frequency_hz / 1e3:g} kHz")
    return figure
