"""Time the echo simulator beside the sum over all samples and frequencies, and beside pyroomacoustics.

    python -m benchmarks sonar [--repetitions 5] [--threads 1]

Before anything is timed, the echoes must be the same: to 2 % of the sum's norm. Times are processor time; every round
runs all implementations, in turn forwards and backwards. pyroomacoustics comes with the extra `sonar`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from benchmarks import heading, row, settings
from benchmarks.layers import beside, rounds
from hypernet.lab.libraries import library
from hypernet.shapes.core.solids import Mesh
from hypernet.shapes.names import CLASSES
from hypernet.shapes.sources.procedural import generate
from hypernet.sonar.core.calls import Call
from hypernet.sonar.core.directivity import Omni
from hypernet.sonar.core.echoes import Acoustics, Body, Echo, echo_of, echo_of_samples
from hypernet.sonar.core.facets import sampled
from hypernet.sonar.core.poses import Microphone, ears, head_at, to_world

COLUMNS = ("ms", "ratio")
# Longest side in metres, sweep in Hz, samples of a second and of the window.
SCALES = ((0.1, 60e3, 20e3, 250_000, 1024), (0.2, 60e3, 20e3, 250_000, 1024), (0.2, 100e3, 25e3, 500_000, 2048))
MOST_ERROR = 0.02
SCATTERERS, TAPS = 100, 81


def body(name: str, size_m: float) -> Body:
    """A generated object at the origin."""
    mesh = generate(name, 5).union()
    return Body(Mesh(to_world(mesh.vertices, size_m), mesh.triangles))


def main(argv: Sequence[str] | None = None) -> None:
    """Print all tables."""
    options = settings(argv or [], __doc__.splitlines()[0], 5)
    print(heading("object", "size, sweep", "echo of two ears", *COLUMNS, "cells, error"))
    for name in ("chair", "car"):
        for size, high, low, rate, samples in SCALES:
            sizes(name, size, Call.sweep(high, low, 0.002), Acoustics(rate, samples), options.repetitions)
    print()
    print(heading("default scene, two heads, two ears", *COLUMNS))
    classes(options.repetitions)
    print()
    print(heading(f"{SCATTERERS} points, two omnidirectional ears", *COLUMNS, "error"))
    points(options.repetitions)


def sizes(name: str, size: float, call: Call, acoustics: Acoustics, repetitions: int) -> None:
    """An object's echo, and the same by the sum over all samples and frequencies."""
    target, head = body(name, size), head_at(1.0, 20, 25)

    def echo(exact: bool) -> Echo:
        return echo_of([target], [head], ears(), call, acoustics, exact=exact)

    error = apart(echo(False).samples, echo(True).samples)
    cells = echo(False).visible[0] if isinstance(echo(False).visible, Sequence) else echo(False).visible
    times = rounds({"quick": lambda: echo(False), "sum over samples and frequencies": lambda: echo(True)}, repetitions)
    first = next(iter(times.values()))
    for label, values in times.items():
        note = f"{cells}; {100 * error:.2f} %" if values is first else ""
        print(row(name, f"{size:g} m, {call.title}", label, *beside(values, first), note), flush=True)


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


def apart(ours: np.ndarray, truth: np.ndarray) -> float:
    """Norm of the difference over that of the truth; an error above 2 % ends the benchmark."""
    error = float(np.linalg.norm(ours - truth) / np.linalg.norm(truth))
    if not error < MOST_ERROR:
        raise SystemExit(f"the echoes differ by {100 * error:.1f} %: nothing is timed")
    return error


if __name__ == "__main__":
    main()
