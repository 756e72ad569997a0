"""What is heard of a scene, with all that a person may want of it: files, pictures, and words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hypernet.sonar.core.air import Air
from hypernet.sonar.core.calls import Call, matched_filter
from hypernet.sonar.core.directivity import Directivity
from hypernet.sonar.core.echoes import Acoustics, Echo
from hypernet.sonar.core.glints import Glints, glints
from hypernet.sonar.core.poses import Head, Microphone
from hypernet.sonar.sources.echo_files import EchoRecord
from hypernet.sonar.tools import inputs

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False)
class Simulation:
    """An echo and the scene that it is of, as :func:`hypernet.sonar.tools.simulate.simulate` makes it.

    Attributes:
        echo: pressure in Pa, ``echo.samples`` ``[pose, microphone, time]``, with clutter and noise where asked for.
        targets: the meshes at their places.
        call: what was emitted.
        acoustics: how it was simulated.
        settings: by name, for files.
        stretch: how much longer the call is in the first mesh's echo, by its Doppler shift.
        lines: what was assumed, a line each.
    """

    echo: Echo
    targets: tuple[inputs.Target, ...]
    call: Call
    acoustics: Acoustics
    settings: dict[str, str | float]
    stretch: float
    lines: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Simulation({', '.join(target.name for target in self.targets)}, {self.record!r})"

    def __str__(self) -> str:
        return self.summary()

    @property
    def samples(self) -> np.ndarray:
        """Pressure in Pa, float64 ``[pose, microphone, time]``."""
        return self.echo.samples

    @cached_property
    def record(self) -> EchoRecord:
        """The echo as files hold it."""
        echo = self.echo
        return EchoRecord(
            echo.samples,
            echo.rate_hz,
            echo.start_s,
            tuple(echo.heads),
            np.array([microphone.offset_m for microphone in echo.microphones]),
            self.acoustics.air.speed_of_sound,
            self.call.title,
            self.call.samples(echo.rate_hz),
            tuple(echo.notes),
            self.settings,
        )

    @cached_property
    def expected(self) -> np.ndarray:
        """The call as the first head hears it from the first mesh, which moves: at the echo's rate, ``[n]``."""
        return self.call.samples(self.echo.rate_hz, self.stretch)

    @cached_property
    def glints(self) -> Glints:
        """The surface that the first head's mouth reaches, and what each part adds."""
        low, high = self.call.band_hz
        meshes = [target.mesh for target in self.targets]
        return glints(meshes, self.echo.heads[0].position, (low + high) / 2, self.acoustics.air.speed_of_sound)

    def summary(self) -> str:
        """What was assumed, and what is heard, for people."""
        echo, record = self.echo, self.record
        lines = [*self.lines, *(f"note: {note}" for note in dict.fromkeys(echo.notes))]
        start, end = record.distances_m[[0, -1]]
        count = echo.samples.shape[-1]
        lines.append(
            f"{count} samples at {echo.rate_hz / 1e3:g} kHz, from {echo.start_s * 1e3:.4g} ms after the call began: "
            f"distances from {start:.4g} to {end:.4g} m"
        )
        if not echo.samples.any():
            return "\n".join([*lines, "nothing is heard"])
        envelopes = matched_filter(echo.samples, self.expected)
        pose, ear, place = np.unravel_index(int(envelopes.argmax()), envelopes.shape)
        peak = float(envelopes.max())
        where = f"microphone {ear + 1}" if len(echo.microphones) != 2 else ("the left ear", "the right ear")[ear]
        lines.append(
            f"loudest at {where}{f' of head {pose + 1}' * (len(echo.heads) > 1)}: {peak:.3g} Pa "
            f"({20 * math.log10(peak):.1f} dB re the call 1 m in front of the mouth, by matched filter) from "
            f"{record.distances_m[place]:.4g} m; the wave's peak is {np.abs(echo.samples).max():.3g} Pa"
        )
        return "\n".join(lines)

    def save(self, path: Path | str, encoding: str = "16") -> None:
        """Write the echo: .nc, which xarray opens, or .wav; see :meth:`EchoRecord.save`."""
        self.record.save(path, encoding)

    def figure(self, pose: int = 0) -> Figure:
        """Waves, spectrogram, differences between the ears, and range profile of a pose."""
        from hypernet.lab.results import figures
        from hypernet.sonar.plots import sounds

        figures.use_style()
        echo, shown = self.echo, self.glints
        speed = self.acoustics.air.speed_of_sound
        sound = sounds.Sound(echo.samples[pose, :2], echo.rate_hz, echo.start_s, speed, self.expected)
        title = f"{self.targets[0].name}, {self.call.title}"
        return sounds.draw_echo(sound, title, shown.depths_m, shown.areas, _names(echo.microphones))

    def scene(self) -> Figure:
        """Where the bat is, and what each part of the surface adds."""
        from hypernet.lab.results import figures
        from hypernet.sonar.plots import scenes

        figures.use_style()
        meshes = [target.mesh for target in self.targets]
        shown = self.glints
        return scenes.draw_scene(
            meshes, self.echo.heads, self.echo.microphones, shown.points, shown.levels_db, self.targets[0].name
        )


def lines_of(
    targets: Sequence[inputs.Target],
    heads: Sequence[Head],
    hearing: str,
    sending: str,
    call: Call,
    air: Air,
) -> tuple[str, ...]:
    """What a person should see of the scene.

    Args:
        targets: the meshes.
        heads: of the poses.
        hearing: ears or microphones for people.
        sending: the mouth for people.
        call: emitted.
        air: around them.
    """
    lines = [line for target in targets for line in target.lines]
    low, high = call.band_hz
    lines.append(
        f"emitted: {call.title}; its spectrum is 40 dB below the peak at {low / 1e3:.3g} and {high / 1e3:.3g} kHz"
    )
    places = np.unique(np.round([head.position for head in heads], 4) + 0.0, axis=0)
    words = "; ".join("x {:.3g}, y {:.3g}, z {:.3g} m".format(*place) for place in places[:4])
    lines.append(f"{_count(heads, 'head')} at {words}; {hearing}; mouth: {sending}")
    lines.append(
        f"air: {air.temperature_c:g} °C, {air.humidity_percent:g} %, speed of sound {air.speed_of_sound:.1f} m/s, "
        f"{float(air.absorption(high)):.2f} dB/m at {high / 1e3:.3g} kHz"
    )
    return tuple(lines)


def hearing_of(
    ears: str | Path | tuple[Directivity, Directivity], baseline_m: float, given: int, microphones: Sequence[Microphone]
) -> str:
    """Ears and microphones for people."""
    if not given and not isinstance(ears, tuple):
        return f"ears: {ears}, {baseline_m * 1e3:g} mm apart"
    words = ", ".join(dict.fromkeys(inputs.words_of(item.directivity) for item in microphones))
    return f"{_count(microphones, 'microphone')} ({words})"


def stretch_of(velocity: Sequence[float], target: inputs.Target, head: Head, speed: float) -> float:
    """1 / the Doppler factor of an echo from a mesh that moves."""
    way = head.position - target.mesh.bounds.mean(axis=0)
    towards = float(np.dot(velocity, way / np.linalg.norm(way))) / speed
    return (1 - towards) / (1 + towards)


def _names(microphones: Sequence[Microphone]) -> tuple[str, str]:
    return ("left ear", "right ear") if len(microphones) == 2 else ("microphone 1", "microphone 2")


def _count(items: Sequence[object], name: str) -> str:
    return f"{len(items)} {name}{'s' * (len(items) > 1)}"
