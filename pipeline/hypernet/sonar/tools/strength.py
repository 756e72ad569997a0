"""``hypernet sonar strength``: target strength of a mesh against angle and frequency."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from hypernet.lab.errors import UserError
from hypernet.lab.files import output_file, write_table
from hypernet.shapes.core.solids import Mesh
from hypernet.sonar.core.air import Air
from hypernet.sonar.core.echoes import Body
from hypernet.sonar.core.strength import target_strength
from hypernet.sonar.tools import inputs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FREQUENCIES, AZIMUTHS, ELEVATIONS = "20000:80000:4000", "-180:180:2", "0"
MOST_VALUES = 100_000


@dataclass(frozen=True, eq=False)
class Strength:
    """Target strength, as :func:`strength` finds it.

    Attributes:
        target: the mesh and what was assumed of it.
        azimuth_deg: of the bat, 0 before the front, 90 to the mesh's left, ``[A]``.
        elevation_deg: of the bat, ``[E]``.
        frequency_hz: ``[F]``.
        target_strength_db: dB re 1 m, ``[A, E, F]``; -200 where nothing comes back.
        notes: what a person should know.
    """

    target: inputs.Target
    azimuth_deg: np.ndarray
    elevation_deg: np.ndarray
    frequency_hz: np.ndarray
    target_strength_db: np.ndarray
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        shape = " x ".join(str(length) for length in self.target_strength_db.shape)
        return f"Strength({self.target.name}, {shape} azimuths, elevations and frequencies)"

    def __str__(self) -> str:
        return self.summary()

    def table(self) -> pd.DataFrame:
        """A row for each azimuth, elevation and frequency."""
        azimuth, elevation, frequency = np.meshgrid(
            self.azimuth_deg, self.elevation_deg, self.frequency_hz, indexing="ij"
        )
        return pd.DataFrame(
            {
                "azimuth_deg": azimuth.ravel(),
                "elevation_deg": elevation.ravel(),
                "frequency_hz": frequency.ravel(),
                "target_strength_db": np.round(self.target_strength_db.ravel(), 3),
            }
        )

    def save(self, path: Path | str) -> None:
        """Write the table: .csv.

        Raises:
            UserError: another ending, or a folder.
        """
        write_table(output_file(path, ".csv"), self.table())

    def figure(self) -> Figure:
        """Polar panel and map against the azimuth at the first elevation; against the elevation of a single azimuth."""
        from hypernet.lab.results import figures
        from hypernet.sonar.plots import polar

        figures.use_style()
        if len(self.azimuth_deg) == 1 < len(self.elevation_deg):
            title = f"{self.target.name}, azimuth {self.azimuth_deg[0]:g}°"
            levels = self.target_strength_db[0]
            return polar.draw_strength(self.elevation_deg, self.frequency_hz, levels, title, angle="elevation")
        title = f"{self.target.name}, elevation {self.elevation_deg[0]:g}°"
        return polar.draw_strength(self.azimuth_deg, self.frequency_hz, self.target_strength_db[:, 0], title)

    def summary(self) -> str:
        """The mesh, and where it is strongest and weakest, for people."""
        levels = self.target_strength_db
        strongest = np.unravel_index(int(levels.argmax()), levels.shape)
        # The mean over angles is that of intensities.
        mean = 10 * np.log10(np.mean(10 ** (levels / 10), axis=(0, 1)))
        where = [
            f"{axis[place]:g}{unit}"
            for axis, place, unit in zip(
                (self.azimuth_deg, self.elevation_deg, self.frequency_hz), strongest, ("°", "°", " Hz"), strict=True
            )
        ]
        lines = [*self.target.lines, *(f"note: {note}" for note in self.notes)]
        lines.append(
            f"target strength (dB re 1 m, far field, no loss in air): {levels.max():.1f} dB at azimuth {where[0]}, "
            f"elevation {where[1]}, {where[2]}"
        )
        ends = sorted({0, len(mean) - 1})
        words = ", ".join(f"{mean[place]:.1f} dB at {self.frequency_hz[place] / 1e3:g} kHz" for place in ends)
        lines.append(f"mean intensity over {levels[..., 0].size} angles: {words}")
        return "\n".join(lines)


def strength(
    mesh: Path | str | Mesh,
    *,
    size_m: float | None = None,
    unit: str | None = None,
    up: str = "y",
    frequencies_hz: np.ndarray | str = FREQUENCIES,
    azimuths_deg: np.ndarray | str = AZIMUTHS,
    elevations_deg: np.ndarray | str = ELEVATIONS,
    bounces: int = 1,
    temperature_c: float = 20.0,
) -> Strength:
    """Target strength of a mesh: the level of its echo 1 m from it over that of the sound which meets it, far away.

    Args:
        mesh: .obj, .off, .ply, .stl, .glb, .gltf, or a mesh with y up and its front along z.
        size_m: its longest side becomes this.
        unit: of the file, one of m, cm, mm, in; None: m, but mm of .stl.
        up: axis of the file that points up, ``y`` or ``z``.
        frequencies_hz: ``[F]``, or first:last:step, or numbers between commas.
        azimuths_deg: of the bat; 0 before the front, 90 to its left; likewise.
        elevations_deg: of the bat, likewise.
        bounces: 1, or 2 with echoes by way of a second surface.
        temperature_c: of the air, for its speed of sound.

    Raises:
        UserError: a file or number that is not accepted.

    Example:
        >>> hypernet.sonar.strength("chair.obj", size_m=0.2).save("strength.csv")  # doctest: +SKIP
    """
    if bounces not in (1, 2):
        raise UserError(f"bounces: {bounces} is not 1 or 2")
    target = inputs.target_of(mesh, size_m, unit, up)
    frequencies = values_of(frequencies_hz, "frequencies", 100.0, 1e6)
    azimuths = values_of(azimuths_deg, "azimuths", -360.0, 360.0)
    elevations = values_of(elevations_deg, "elevations", -90.0, 90.0)
    if (count := len(frequencies) * len(azimuths) * len(elevations)) > MOST_VALUES:
        raise UserError(f"{count:,} azimuths, elevations and frequencies; at most {MOST_VALUES:,} are accepted")
    air = Air(temperature_c)
    planes = [
        target_strength(target.mesh, frequencies, azimuths, float(elevation), bounces=bounces, air=air)
        for elevation in elevations
    ]
    levels = np.stack(planes, axis=1)
    notes = list(Body(target.mesh, title=target.name).surface.notes)
    wave = air.speed_of_sound / frequencies.min()
    side = float(np.ptp(target.mesh.bounds, axis=0).max())
    if side < wave:
        notes.append(
            f"at {frequencies.min() / 1e3:g} kHz a wave ({wave * 1e3:.3g} mm) is longer than the mesh "
            f"({side * 1e3:.3g} mm): physical optics is for larger ones"
        )
    return Strength(target, azimuths, elevations, frequencies, levels, tuple(notes))


def values_of(values: np.ndarray | str, what: str, lowest: float, highest: float) -> np.ndarray:
    """Numbers from an array, ``first:last:step`` (the last one among them) or numbers between commas.

    Raises:
        UserError: a text of another form, or a number out of range.
    """
    accepted = f"numbers from {lowest:g} to {highest:g}, as first:last:step or between commas"
    if isinstance(values, str):
        parts = values.split(":")
        try:
            if len(parts) == 3:
                first, last, step = (float(part) for part in parts)
                count = (last - first) / step if step else np.nan
                if not 0 <= count <= MOST_VALUES:
                    raise UserError(f"{what}: {values[:60]!r} is not {accepted}")
                values = first + step * np.arange(int(np.floor(count * (1 + 1e-9))) + 1)
            else:
                values = np.array([float(part) for part in values.split(",")])
        except ValueError:
            raise UserError(f"{what}: {values[:60]!r} is not {accepted}") from None
    array = np.atleast_1d(np.asarray(values, dtype=np.float64))
    if array.ndim != 1 or not len(array) or not ((array >= lowest) & (array <= highest)).all():
        raise UserError(f"{what}: accepted are {accepted}")
    return array


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``hypernet sonar strength``."""
    inputs.take_negative_numbers(parser)
    inputs.add_mesh_arguments(parser)
    form = "first:last:step, or numbers between commas"
    parser.add_argument("--frequencies", default=FREQUENCIES, metavar="HZ", help=f"{form}; default: {FREQUENCIES}")
    parser.add_argument(
        "--azimuths",
        default=AZIMUTHS,
        metavar="DEGREES",
        help=f"of the bat, 0 before the front, 90 to its left; {form}; default: {AZIMUTHS}",
    )
    parser.add_argument(
        "--elevations", default=ELEVATIONS, metavar="DEGREES", help=f"of the bat, {form}; default: {ELEVATIONS}"
    )
    parser.add_argument("--bounces", type=int, choices=(1, 2), default=1, help="reflections; default: 1")
    parser.add_argument("--temperature", type=float, default=20.0, help="of the air, °C; default: 20")
    parser.add_argument("--out", type=Path, help="azimuth_deg, elevation_deg, frequency_hz, target_strength_db: .csv")
    parser.add_argument("--picture", type=Path, help="polar, and as a map of azimuth and frequency: .png or .svg")


def run(arguments: argparse.Namespace) -> None:
    """Find the target strength, print what was assumed and found, write the files."""
    outputs = [(name, getattr(arguments, name)) for name in ("out", "picture") if getattr(arguments, name) is not None]
    inputs.check_outputs(outputs, {"out": (".csv",)}, [arguments.mesh])
    result = strength(
        arguments.mesh,
        size_m=arguments.size,
        unit=arguments.unit,
        up=arguments.up,
        frequencies_hz=arguments.frequencies,
        azimuths_deg=arguments.azimuths,
        elevations_deg=arguments.elevations,
        bounces=arguments.bounces,
        temperature_c=arguments.temperature,
    )
    print(result.summary())
    for option, path in outputs:
        if option == "out":
            result.save(path)
        else:
            inputs.write_figure(result.figure(), path)
        print(path)
