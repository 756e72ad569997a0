"""Time the echo simulator beside the sum over all cells and frequencies, and beside pyroomacoustics.

    python -m benchmarks sonar [--repetitions 5] [--threads 1]

Before anything is timed, the echoes must be the same: to 2 % of the sum's norm, and the difference is printed. Times
are processor time, so that other work on the machine counts little; every round runs all implementations, in turn
forwards and backwards. Only a data set that several processes make is timed by the clock, and its bytes must be those
that a single one writes. pyroomacoustics comes with the extra `sonar`.
"""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch

import hypernet.sonar.dataset as rooms
from benchmarks import heading, milliseconds, row, settings
from benchmarks.layers import beside, rounds
from hypernet.lab.config import check, load
from hypernet.lab.libraries import library
from hypernet.shapes.core.solids import Mesh
from hypernet.shapes.names import CLASSES
from hypernet.shapes.sources.procedural import generate
from hypernet.sonar.config import Config
from hypernet.sonar.core.calls import Call
from hypernet.sonar.core.directivity import Omni, direction_of
from hypernet.sonar.core.echoes import Acoustics, Body, Scene, echo_of, echo_of_samples
from hypernet.sonar.core.facets import sampled
from hypernet.sonar.core.poses import Microphone, ears, head_at, to_world
from hypernet.sonar.core.synthesis import Window
from hypernet.sonar.core.visibility import seen
from hypernet.sonar.raw import make

PARAMS = Path(__file__).resolve().parents[1] / "params.yaml"
COLUMNS = ("ms", "ratio")
# Sweeps in Hz with samples of a second; longest sides in metres with the length of the window in seconds.
SWEEPS = ((60e3, 20e3, 250_000), (100e3, 25e3, 500_000))
WINDOWS_S = {0.1: 0.004096, 0.2: 0.004096, 0.5: 0.008192}
OBJECTS = {"chair": (0.1, 0.2, 0.5), "car": (0.2,)}
MOST_ERROR = 0.02
# Of the spectrum's peak: at quieter frequencies the plain sum adds nothing. Cells times frequencies at a time.
QUIET, AT_ONCE = 1e-4, 1 << 21
# Objects of each class in the data set, and times that it is made by one process and by several.
GENERATED, MADE = {"train": 32, "validation": 1, "test": 2}, 2
SCATTERERS, TAPS = 100, 81


def body(name: str, size_m: float) -> Body:
    """A generated object at the origin."""
    mesh = generate(name, 5).union()
    return Body(Mesh(to_world(mesh.vertices, size_m), mesh.triangles))


def main(argv: Sequence[str] | None = None) -> None:
    """Print all tables."""
    options = settings(argv or [], __doc__.splitlines()[0], 5)
    print(heading("object", "sweep", "echo of two ears", *COLUMNS, "cells a second", "difference"))
    for name, sizes in OBJECTS.items():
        for size in sizes:
            for high, low, rate in SWEEPS:
                echoes(name, size, Call.sweep(high, low, 0.002), rate, options.repetitions)
    print()
    print(heading("default scene, two heads, two ears", *COLUMNS))
    classes(options.repetitions)
    print()
    print(heading(f"{SCATTERERS} points, two omnidirectional ears", *COLUMNS, "difference"))
    points(options.repetitions)
    print()
    print(heading("data set", "seconds by the clock, fastest", "ratio"))
    generation()


def echoes(name: str, size: float, call: Call, rate: int, repetitions: int) -> None:
    """An object's echo, and the same by the sum over all cells and frequencies, twice."""
    target, head = body(name, size), head_at(1.0, 20, 25)
    acoustics = Acoustics(rate, math.ceil(WINDOWS_S[size] * rate))

    def echo(exact: bool) -> np.ndarray:
        return echo_of([target], [head], ears(), call, acoustics, exact=exact).samples[0]

    heard = echo_of([target], [head], ears(), call, acoustics)
    actions: dict[str, Callable[[], np.ndarray]] = {
        "quick": partial(echo, False),
        "cells x frequencies": partial(echo, True),
        "plain numpy": partial(plain, target, call, acoustics, heard.start_s),
    }
    truth = echo(True)
    errors = {label: apart(action(), truth) for label, action in actions.items()}
    times = rounds(actions, repetitions)
    first = next(iter(times.values()))
    for label, values in times.items():
        speed = heard.visible[0] / np.median(values) * 1e3
        notes = (f"{speed:.2g}", f"{100 * errors[label]:.2f} %")
        what = f"{name}, {size:g} m: {heard.visible[0]:,} cells"
        print(row(what, call.title, label, *beside(values, first), *notes), flush=True)


def plain(target: Body, call: Call, acoustics: Acoustics, start_s: float) -> np.ndarray:
    """The formula itself in numpy at the frequencies that the call has, for the bat's ears, ``[2, T]``."""
    scene, head, air = Scene([target]), head_at(1.0, 20, 25), acoustics.air
    cells = sampled(scene.mesh, acoustics.spacing(call), head.position)
    cells = seen(cells, scene.occluder, head.position)
    window = Window(acoustics.rate_hz, acoustics.samples, start_s)
    spectrum = call.spectrum(window.frequencies)
    loud = np.flatnonzero(np.abs(spectrum) > QUIET * np.abs(spectrum).max())
    frequencies, losses = window.frequencies[loud], air.absorption(window.frequencies[loud]) * np.log(10) / 20
    away = cells.points - head.position
    out = np.linalg.norm(away, axis=1)
    sums = np.zeros((2, len(window.frequencies)), dtype=np.complex128)
    width = max(1, AT_ONCE // len(cells))
    for number, microphone in enumerate(ears()):
        ear = microphone.directivity
        ways = cells.points - head.place(microphone.offset_m)
        back = np.linalg.norm(ways, axis=1)
        weights = cells.areas * np.maximum(-np.einsum("nc,nc->n", ways, cells.normals) / back, 0) / (out * back)
        axis = head.to_world(np.array(direction_of(ear.axis_azimuth_deg, ear.axis_elevation_deg)))
        angles = np.degrees(np.arccos(np.clip(ways @ axis / back, -1, 1)))
        turns = np.einsum("nec,nc->en", cells.edges, away / out[:, None] + ways / back[:, None])
        for start in range(0, len(loud), width):
            part = slice(start, start + width)
            waves = frequencies[part, None] / air.speed_of_sound
            beam = ear.half_width_deg * (ear.at_hz / frequencies[part, None]) ** ear.exponent
            level = np.maximum(-3 * (angles / beam) ** 2, ear.floor_db) * (np.log(10) / 20)
            lengths = out + back
            exponent = (
                level
                - losses[part, None] * lengths
                - 2j * np.pi * (waves * lengths - frequencies[part, None] * start_s)
            )
            shape = np.sinc(waves * turns[0]) * np.sinc(waves * turns[1])
            sums[number, loud[part]] = 1j * waves[:, 0] * ((np.exp(exponent) * shape) @ weights)
    return np.fft.irfft(sums * spectrum, window.length)[:, : window.samples] * acoustics.rate_hz


def classes(repetitions: int) -> None:
    """The mean over one object of each class, with one and with two reflections."""
    targets, call = [body(name, 0.2) for name in CLASSES], Call.sweep(60e3, 20e3, 0.002)
    heads = [head_at(1.0, 20, 25, roll_deg=roll) for roll in (0, 90)]

    def all_of(bounces: int) -> Callable[[], object]:
        acoustics = Acoustics(samples=1400, bounces=bounces)
        return lambda: [echo_of([target], heads, ears(), call, acoustics) for target in targets]

    times = rounds({"one reflection": all_of(1), "two reflections": all_of(2)}, repetitions)
    scaled = {label: [value / len(CLASSES) for value in values] for label, values in times.items()}
    for label, values in scaled.items():
        print(row(f"{label}, mean of the 13 classes", *beside(values, scaled["one reflection"])), flush=True)


def points(repetitions: int) -> None:
    """Rough points that reflect alike in all directions, beside sources in an anechoic room."""
    pra = library("pyroomacoustics", "pyroomacoustics", "sonar")
    acoustics = Acoustics(samples=2400, scattering="lambert", absorption=False)
    call, head, speed = Call.sweep(60e3, 20e3, 0.001), head_at(1.0, 0, 0), acoustics.air.speed_of_sound
    microphones = [Microphone(np.array([0, side, 0]), Omni()) for side in (0.01, -0.01)]
    samples = sampled(body("chair", 0.2).mesh, 0.01, towards=head.position)
    chosen = np.random.default_rng(0).permutation(len(samples.points))[:SCATTERERS]
    places, normals, areas = samples.points[chosen], samples.normals[chosen], samples.areas[chosen]
    given = [torch.from_numpy(np.ascontiguousarray(array)) for array in (places, normals, areas)]

    def quick() -> np.ndarray:
        return echo_of_samples(*given, head, microphones, call, acoustics, 0.0).numpy()

    away = head.position - places
    ranges = np.linalg.norm(away, axis=1)
    cosines = (away * normals).sum(axis=1) / ranges
    there = head.place(np.array([[0, 0.01, 0], [0, -0.01, 0]]))
    ways = np.linalg.norm(there[:, None] - places, axis=2)
    back = np.einsum("end,nd->en", there[:, None] - places, normals) / ways
    length, rate = 8192, int(acoustics.rate_hz)
    frequencies = np.fft.rfftfreq(length, 1 / rate)
    spectrum = call.spectrum(frequencies) * rate
    # The amplitude at each ear differs by the ear's cosine; a source has one, that of the mean.
    amplitude = np.sqrt(areas * cosines * back.mean(axis=0) / np.pi) / ranges

    def naive() -> np.ndarray:
        phase = np.exp(-2j * np.pi * frequencies * (ranges + ways)[..., None] / speed)
        sums = (np.sqrt(areas * cosines * back / np.pi)[..., None] / (ranges * ways)[..., None] * phase).sum(axis=1)
        return np.fft.irfft(sums * spectrum, length)[:, : acoustics.samples]

    def room() -> np.ndarray:
        pra.constants.set("frac_delay_length", TAPS)
        space = pra.AnechoicRoom(dim=3, fs=rate)
        space.set_sound_speed(speed)
        late = spectrum * np.exp(-2j * np.pi * frequencies * ranges[:, None] / speed)
        for place, signal in zip(places, np.fft.irfft(late * amplitude[:, None], length), strict=True):
            space.add_source(place.tolist(), signal=signal[: acoustics.samples])
        space.add_microphone_array(there.T)
        space.simulate()
        return space.mic_array.signals[:, TAPS // 2 : TAPS // 2 + acoustics.samples]

    truth = naive()
    actions = {"quick": quick, "numpy, points x frequencies": naive, "pyroomacoustics, AnechoicRoom": room}
    errors = {label: apart(action(), truth) for label, action in actions.items()}
    times = rounds(actions, repetitions)
    first = next(iter(times.values()))
    for label, values in times.items():
        print(row(label, *beside(values, first), f"{100 * errors[label]:.2f} %"), flush=True)


def generation() -> None:
    """A small data set, images and voxels with it, by one process and by as many as there are cores."""
    settings = load([PARAMS])["sonar"] | {"generated": GENERATED}
    config = check(Config, settings, "sonar")
    several = len(os.sched_getaffinity(0))
    count = len(CLASSES) * sum(GENERATED.values())
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "raw"
        make("generated", raw, config.settings("raw", "generated"))

        def made(label: str, least: int) -> None:
            before, rooms.MANY = rooms.MANY, least
            try:
                rooms.prepare("generated", raw, Path(folder) / label, config.settings("prepare", "generated"))
            finally:
                rooms.MANY = before

        # As in the default: of the splits, only the large one is shared among processes.
        labels = {"one process": count + 1, f"{several} processes": len(CLASSES) * GENERATED["train"]}
        actions = {label: partial(made, label, least) for label, least in labels.items()}
        times = milliseconds(actions, MADE)
        same_bytes(*(Path(folder) / label for label in labels))
    fastest = {label: min(values) / 1e3 for label, values in times.items()}
    for label, seconds in fastest.items():
        ratio = seconds / fastest["one process"]
        print(row(f"{count} objects, {label}", f"{seconds:.2f}", f"{ratio:.2f}"), flush=True)


def same_bytes(first: Path, second: Path) -> None:
    """Two folders with the same files, byte by byte, or the benchmark ends."""
    files = [
        sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file()) for folder in (first, second)
    ]
    if files[0] != files[1]:
        raise SystemExit("one process and several write other files")
    for path in files[0]:
        if (first / path).read_bytes() != (second / path).read_bytes():
            raise SystemExit(f"{path}: one process and several write other bytes")


def apart(ours: np.ndarray, truth: np.ndarray) -> float:
    """Norm of the difference over that of the truth; an error above 2 % ends the benchmark."""
    error = float(np.linalg.norm(ours - truth) / np.linalg.norm(truth))
    if not error < MOST_ERROR:
        raise SystemExit(f"the echoes differ by {100 * error:.1f} %: nothing is timed")
    return error


if __name__ == "__main__":
    main()
