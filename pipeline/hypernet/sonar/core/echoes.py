"""Echoes of meshes: what the ears of a bat hear after its call.

Geometric choices: facets that face away from the mouth or are hidden from it (ray casting) are silent; microphones
further from the mouth than a twentieth of the distance are looked at for themselves, nearer ones hear what the mouth
sees. Edges diffract as far as physical optics has it, and nothing is heard from behind. Facets reflect once, or twice
with ``bounces=2``; see :mod:`hypernet.sonar.core.scattering` and :mod:`hypernet.sonar.core.reflections`.

A body that moves stands where its mesh is when the call reaches it; its echo is stretched by (c + v) / (c - v).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from hypernet.lab.errors import UserError
from hypernet.shapes.core.solids import Mesh, check, inside, oriented
from hypernet.sonar.core.air import Air
from hypernet.sonar.core.calls import Call
from hypernet.sonar.core.directivity import Directivity, Omni, Table
from hypernet.sonar.core.facets import Samples, sampled
from hypernet.sonar.core.poses import Head, Microphone
from hypernet.sonar.core.reflections import Reflected, reflected
from hypernet.sonar.core.scattering import (
    Cells,
    Law,
    Paths,
    Receivers,
    last_leg,
    random_signs,
    single_bounce,
)
from hypernet.sonar.core.synthesis import Bands, Window, emitted, exact_transfer, impulses_of
from hypernet.sonar.core.visibility import Occluder, seen

# Samples of a second that a call needs, in its highest frequencies.
LEAST_RATE = 2.5
MOST_SAMPLES = 1 << 20
# Spacings of samples that a mouth or microphone is away from every surface: nearer, a cell is no small thing.
NEAREST = 10
# Microphones nearer to the mouth than this share of the distance hear what the mouth sees.
BESIDE = 0.05
# Faster than this (metres a second) no call is stretched alone.
FASTEST = 100.0
# Seconds before the nearest surface's echo at which a window begins by itself.
LEAD = 1e-4
# Cells that are worked on at a time: what is held of them stays near the processor.
CHUNK = 8192
# Of more cells than this the paths are made anew for each pass: they would take a hundred bytes and more each.
MOST_KEPT = 1 << 16


@dataclass(frozen=True, eq=False)
class Body:
    """Something that reflects.

    Attributes:
        mesh: in metres where it stands in the world; it faces outwards, or is turned over if it can be told.
        velocity_m_s: metres a second along x, y and z; slower than 100.
        title: for messages.
    """

    mesh: Mesh
    velocity_m_s: tuple[float, float, float] = (0.0, 0.0, 0.0)
    title: str = "body"

    @cached_property
    def surface(self) -> Mesh:
        """The mesh, checked and facing outwards, with notes.

        Raises:
            UserError: no faces, a coordinate that is no finite number, no area, or a velocity of another sort.
        """
        velocity = np.asarray(self.velocity_m_s, dtype=np.float64)
        if velocity.shape != (3,) or not np.linalg.norm(velocity) <= FASTEST:
            raise UserError(f"{self.title}: a velocity is three numbers, together at most {FASTEST:g} m/s")
        mesh = check(self.mesh, self.title)
        if mesh.triangles.shape == self.mesh.triangles.shape and len(mesh.vertices) == len(self.mesh.vertices):
            # Nothing was joined or left out: the vertices keep their numbers, from which cells are named.
            mesh = self.mesh
        mesh = oriented(mesh)
        if mesh.watertight:
            return mesh
        return mesh.noted("the surface has holes: it is heard from its front alone, and its back hides what is behind")


@dataclass(frozen=True)
class Acoustics:
    """How echoes are simulated.

    Attributes:
        rate_hz: samples a second; at least 2.5 times the call's highest frequency.
        samples: of the window.
        scattering: ``kirchhoff``, ``lambert`` or ``mixed``.
        share: scattering coefficient of ``mixed``: share of the energy that is rough.
        albedo: share of the energy that a rough surface gives back.
        bounces: 1, or 2 with echoes by way of a second surface.
        spacing_m: longest side of a cell of the surface; None for half the shortest wavelength.
        air: its temperature, humidity and pressure.
        absorption: whether it absorbs sound.
    """

    rate_hz: float = 250_000.0
    samples: int = 1024
    scattering: str = "kirchhoff"
    share: float = 0.5
    albedo: float = 1.0
    bounces: int = 1
    spacing_m: float | None = None
    air: Air = field(default_factory=Air)
    absorption: bool = True

    def __post_init__(self) -> None:
        Law.of(self.scattering, self.share, self.albedo)
        if self.bounces not in (1, 2):
            raise UserError(f"bounces: {self.bounces} is not 1 or 2")
        if not 1000 <= self.rate_hz <= 1e8:
            raise UserError(f"rate: {self.rate_hz:g} samples a second; accepted: 1,000 to 100,000,000")
        if not 16 <= self.samples <= MOST_SAMPLES:
            raise UserError(f"samples: {self.samples} is not from 16 to {MOST_SAMPLES:,}")
        if self.spacing_m is not None and not 0 < self.spacing_m < np.inf:
            raise UserError(f"spacing of samples: {self.spacing_m:g} m is not above 0")

    def spacing(self, call: Call) -> float:
        """Longest side of a cell, metres."""
        if self.spacing_m is not None:
            return self.spacing_m
        return self.air.speed_of_sound / call.band_hz[1] / 2

    @property
    def law(self) -> Law:
        """Of the surfaces."""
        return Law.of(self.scattering, self.share, self.albedo)


@dataclass(frozen=True, eq=False)
class Echo:
    """What is heard.

    Attributes:
        samples: pressure in Pa, float64 ``[pose, microphone, time]``.
        rate_hz: samples a second.
        start_s: time of the first sample after the call began.
        heads: of the poses.
        microphones: of every head.
        call: what was emitted, for people.
        notes: what a person should know, a sentence each.
        visible: number of cells that the mouth sees, for each pose.
        silent: whether nothing is heard at all.
    """

    samples: np.ndarray
    rate_hz: float
    start_s: float
    heads: tuple[Head, ...]
    microphones: tuple[Microphone, ...]
    call: str
    notes: tuple[str, ...]
    visible: tuple[int, ...]
    silent: bool

    @property
    def times_s(self) -> np.ndarray:
        """Of the samples after the call began, ``[time]``."""
        return self.start_s + np.arange(self.samples.shape[-1]) / self.rate_hz


def echo_of(
    bodies: Sequence[Body],
    heads: Sequence[Head],
    microphones: Sequence[Microphone],
    call: Call,
    acoustics: Acoustics,
    mouth: Directivity | None = None,
    seed: int = 0,
    start_s: float | None = None,
    exact: bool = False,
) -> Echo:
    """Echoes of a call from bodies.

    Args:
        bodies: what reflects; they hide each other.
        heads: the poses; those at one place share what is seen.
        microphones: on every head.
        call: what is emitted, Pa 1 m in front of the mouth.
        acoustics: how it is simulated.
        mouth: directivity of the emission; the same in all directions for None.
        seed: of the signs of rough surfaces.
        start_s: time of the first sample after the call began; None for shortly before the nearest surface's echo.
        exact: sum all cells at all frequencies, which is far slower, and is what the quick sum is measured against.

    Raises:
        UserError: bad input: a mesh, a mouth or microphone inside of a body or too near, a rate too low for the call, a
            window that does not hold the whole echo, nothing that hears or is heard.
    """
    return _echo_of(
        tuple(bodies), tuple(heads), tuple(microphones), call, acoustics, mouth or Omni(), seed, start_s, exact
    )


@torch.no_grad()
def _echo_of(
    bodies: tuple[Body, ...],
    heads: tuple[Head, ...],
    microphones: tuple[Microphone, ...],
    call: Call,
    acoustics: Acoustics,
    mouth: Directivity,
    seed: int,
    start_s: float | None,
    exact: bool,
) -> Echo:
    if not (bodies and heads and microphones):
        raise UserError("an echo needs a body or more, a head or more and a microphone or more")
    scene = Scene(bodies)
    fastest = max(float(np.linalg.norm(body.velocity_m_s)) for body in bodies)
    speed = acoustics.air.speed_of_sound
    check_rate(call, acoustics, (speed + fastest) / (speed - fastest))
    views = [
        View(scene, tuple(numbers), heads, microphones, mouth, call, acoustics, seed)
        for numbers in _at_one_place(heads)
    ]
    window = _window(views, call, acoustics, start_s)
    samples = np.zeros((len(heads), len(microphones), acoustics.samples))
    visible = [0] * len(heads)
    for view in views:
        sound = view.sound(window, exact).numpy()
        samples[list(view.numbers)] = sound.reshape(len(view.numbers), len(microphones), -1)
        for number in view.numbers:
            visible[number] = len(view.samples)
    silent = not samples.any()
    notes = [*scene.notes, *_notes(call, acoustics, microphones, mouth)]
    unseen = sum(not count for count in visible)
    if unseen:
        notes.append(f"no surface faces the mouth unhidden in {unseen} of {len(heads)} poses: nothing is heard there")
    elif silent:
        notes.append("all weights are 0: nothing is heard")
    return Echo(
        samples, acoustics.rate_hz, window.start_s, heads, microphones, call.title, tuple(notes), tuple(visible), silent
    )


def echo_of_samples(
    points: Tensor,
    normals: Tensor,
    areas: Tensor,
    head: Head,
    microphones: Sequence[Microphone],
    call: Call,
    acoustics: Acoustics,
    start_s: float,
    mouth: Directivity | None = None,
    edges: Tensor | None = None,
    signs: Tensor | None = None,
) -> Tensor:
    """The single-bounce echo of cells that are all seen, with gradients to whatever of them requires any.

    Args:
        points: of the cells in metres, float64 ``[n, 3]``.
        normals: outward unit normals there, ``[n, 3]``.
        areas: square metres, ``[n]``.
        head: the pose.
        microphones: on it.
        call: what is emitted.
        acoustics: how it is simulated; ``bounces`` and ``spacing_m`` are not used.
        start_s: time of the first sample after the call began.
        mouth: directivity of the emission; the same in all directions for None.
        edges: of the cells (:class:`hypernet.sonar.core.facets.Samples`), ``[n, 2, 3]``; None for points.
        signs: of the rough part, ``[n]``; None for all 1.

    Returns:
        Pressure in Pa, float64 ``[microphone, time]``.

    Raises:
        UserError: a rate too low for the call, or a window that does not hold the whole echo.
    """
    check_rate(call, acoustics)
    receivers = _receivers([head], microphones, mouth or Omni())
    paths = single_bounce(Cells(points, normals, areas, edges, signs), receivers, acoustics.law)
    window = Window(acoustics.rate_hz, acoustics.samples, start_s)
    first, last = _ends([paths], acoustics)
    if last > -np.inf:
        _check_window(first, last, window, call)
    bands = _bands(receivers, paths, call, acoustics)
    impulses = impulses_of(receivers, bands, acoustics.air, acoustics.absorption, window)
    impulses.add(paths)
    return emitted(impulses.spectra(len(window.frequencies)), call, np.ones(len(microphones)), window)


def check_rate(call: Call, acoustics: Acoustics, shift: float = 1.0) -> None:
    """Refuse a rate below 2.5 times the highest frequency of a call's echo.

    Args:
        call: what is emitted.
        acoustics: with the rate.
        shift: by how much the echo may be higher than the call.

    Raises:
        UserError: the rate is too low.
    """
    highest = call.band_hz[1] * shift
    if acoustics.rate_hz < LEAST_RATE * highest * (1 - 1e-9):
        raise UserError(
            f"rate: {acoustics.rate_hz:g} samples a second are too few for {highest / 1e3:.4g} kHz ({call.title}); at "
            f"least {math.ceil(LEAST_RATE * highest):,} are needed"
        )


class Scene:
    """All bodies together: their triangles are numbered through.

    Args:
        bodies: at least one.

    Raises:
        UserError: a body that cannot be used.
    """

    def __init__(self, bodies: Sequence[Body]) -> None:
        self.bodies = tuple(bodies)
        surfaces = [body.surface for body in self.bodies]
        first = np.cumsum([0, *(len(surface.vertices) for surface in surfaces)])
        self.mesh = Mesh(
            np.concatenate([surface.vertices for surface in surfaces]),
            np.concatenate([surface.triangles + shift for surface, shift in zip(surfaces, first, strict=False)]),
        )
        self.body = np.repeat(np.arange(len(surfaces)), [len(surface.triangles) for surface in surfaces])
        self.occluder = Occluder([self.mesh])
        self.velocities = np.array([body.velocity_m_s for body in self.bodies], dtype=np.float64)
        self.middles = np.array([surface.bounds.mean(axis=0) for surface in surfaces])
        self.notes = [
            f"{body.title}: {note}"
            for body, surface in zip(self.bodies, surfaces, strict=True)
            for note in surface.notes
        ]

    @property
    def moving(self) -> bool:
        """Whether any body moves."""
        return bool(self.velocities.any())

    def check_outside(self, point: np.ndarray, what: str) -> None:
        """Refuse a point inside of a body.

        Args:
            point: ``[3]``.
            what: is there, for the message.

        Raises:
            UserError: it is inside.
        """
        for body, middle in zip(self.bodies, self.middles, strict=True):
            lowest, highest = body.surface.bounds
            if (point < lowest).any() or (point > highest).any() or not inside(body.surface, point[None])[0]:
                continue
            reach = float(np.linalg.norm(body.surface.vertices - middle, axis=1).max())
            raise UserError(
                f"{what} is inside of {body.title}: {np.linalg.norm(point - middle):.3g} m from its middle, and its "
                f"surface reaches {reach:.3g} m from there; move it outside"
            )


class View:
    """What is seen and heard from one place.

    Args:
        scene: the bodies.
        numbers: of the heads whose mouths are there.
        heads: all of them.
        microphones: of every head.
        mouth: directivity of the emission.
        call: what is emitted.
        acoustics: how it is simulated.
        seed: of the signs of rough surfaces.

    Raises:
        UserError: the mouth or a microphone is inside of a body or too near to its surface.
    """

    def __init__(
        self,
        scene: Scene,
        numbers: tuple[int, ...],
        heads: Sequence[Head],
        microphones: Sequence[Microphone],
        mouth: Directivity,
        call: Call,
        acoustics: Acoustics,
        seed: int,
    ) -> None:
        self.scene, self.numbers, self.call, self.acoustics = scene, numbers, call, acoustics
        self.receivers = _receivers([heads[number] for number in numbers], microphones, mouth)
        self.place, self.ears = self.receivers.mouth.numpy(), self.receivers.places.numpy()
        spacing = acoustics.spacing(call)
        scene.check_outside(self.place, "the mouth")
        facing = sampled(scene.mesh, spacing, self.place)
        self._check_distance(facing, spacing)
        self.samples = seen(facing, scene.occluder, self.place)
        self.heard = self._heard(self.samples.points, self.samples.facet)
        law = acoustics.law
        signs = random_signs(self.samples.facet, self.samples.place, seed) if law.diffuse else None
        self.cells = _cells(self.samples, signs)
        self._kept: list[tuple[Paths, np.ndarray]] | None = None
        self.second: Reflected | None = None
        if acoustics.bounces == 2 and law.coherent and len(self.samples):
            self.second = reflected(self.samples, spacing, scene.occluder, scene.mesh.normals, self.place)
            self.second_heard = self._heard(self.second.points, self.second.facet, seen_by_mouth=False)

    def _check_distance(self, facing: Samples, spacing: float) -> None:
        """Refuse what is nearer than ten cells to a surface that faces the mouth."""
        if not len(facing):
            return
        least, offsets = NEAREST * spacing, np.linalg.norm(self.ears - self.place, axis=1)
        if _distances(facing.points, self.place).min() - offsets.max() >= least:
            return
        for point, what in [(self.place, "the mouth"), *((ear, "a microphone") for ear in self.ears)]:
            distances = _distances(facing.points, point)
            nearest = int(distances.argmin())
            if distances[nearest] < least:
                title = self.scene.bodies[self.scene.body[facing.facet[nearest]]].title
                raise UserError(
                    f"{what} is {distances[nearest]:.3g} m from the surface of {title}; at least {least:.3g} m are "
                    f"needed ({NEAREST} cells of {spacing * 1e3:.3g} mm)"
                )

    def _heard(self, points: np.ndarray, facets: np.ndarray, seen_by_mouth: bool = True) -> Tensor | None:
        """Which places each microphone hears, bool ``[K, n]``; None for all."""
        if not len(points):
            return None
        offsets = np.linalg.norm(self.ears - self.place, axis=1)
        near = offsets <= BESIDE * float(_distances(points, self.place).min())
        if seen_by_mouth and near.all():
            return None
        heard = np.ones((len(self.ears), len(points)), dtype=bool)
        if not seen_by_mouth and near.any():
            heard[near] = self.scene.occluder.visible(points, self.place, facets)
        known: dict[bytes, np.ndarray] = {}
        for number in np.flatnonzero(~near):
            ear = self.ears[number]
            self.scene.check_outside(ear, "a microphone")
            if ear.tobytes() not in known:
                known[ear.tobytes()] = self.scene.occluder.visible(points, ear, facets)
            heard[number] = known[ear.tobytes()]
        return torch.as_tensor(heard)

    def paths(self) -> Iterable[tuple[Paths, np.ndarray]]:
        """All paths, a chunk at a time, and how much longer the call is for each microphone, ``[K]``."""
        if len(self.samples) > MOST_KEPT:
            return self._paths()
        if self._kept is None:
            self._kept = list(self._paths())
        return self._kept

    def _paths(self) -> Iterator[tuple[Paths, np.ndarray]]:
        for part, stretches in self._groups(self.scene.body[self.samples.facet], None):
            heard = None if self.heard is None else self.heard[:, part]
            yield single_bounce(self.cells.at(part), self.receivers, self.acoustics.law, heard), stretches
        second = self.second
        if second is None:
            return
        twice = second.strength * self.acoustics.law.coherent**2
        points, normals, incoming, leaving, travelled, strength, edges = (
            torch.as_tensor(np.ascontiguousarray(array))
            for array in (
                second.points, self.scene.mesh.normals[second.facet], second.incoming, second.leaving,
                second.travelled, twice, second.edges,
            )
        )  # fmt: skip
        for part, stretches in self._groups(self.scene.body[second.first], self.scene.body[second.facet]):
            heard = None if self.second_heard is None else self.second_heard[:, part]
            paths = last_leg(
                points[part], normals[part], incoming[part], leaving[part], travelled[part], strength[part],
                edges[part], self.receivers, heard,
            )  # fmt: skip
            yield paths, stretches

    def _groups(self, first: np.ndarray, second: np.ndarray | None) -> Iterator[tuple[slice | Tensor, np.ndarray]]:
        """Chunks of cells with a common Doppler shift, and the stretch of the call for each microphone, ``[K]``."""
        if not self.scene.moving:
            for start in range(0, len(first), CHUNK):
                yield slice(start, start + CHUNK), np.ones(len(self.ears))
            return
        last = first if second is None else second
        for i, j in np.unique(np.stack([first, last], axis=1), axis=0):
            which, stretches = np.flatnonzero((first == i) & (last == j)), self._stretches(i, j)
            for start in range(0, len(which), CHUNK):
                yield torch.as_tensor(which[start : start + CHUNK]), stretches

    def _stretches(self, i: int, j: int) -> np.ndarray:
        """How much longer a call is by way of body i and body j: the Doppler shifts of every leg."""
        speed, middles, velocities = self.acoustics.air.speed_of_sound, self.scene.middles, self.scene.velocities
        out = _unit(middles[i] - self.place)
        frequency = 1 - velocities[i] @ out / speed
        if i != j:
            across = _unit(middles[j] - middles[i])
            frequency *= (1 - velocities[j] @ across / speed) / (1 - velocities[i] @ across / speed)
        back = np.array([_unit(middles[j] - ear) for ear in self.ears])
        return (1 + back @ velocities[j] / speed) / frequency

    def sound(self, window: Window, exact: bool) -> Tensor:
        """Pressure at all microphones, ``[K, T]``."""
        acoustics = self.acoustics
        responses: dict[bytes, tuple[np.ndarray, _Response]] = {}
        for paths, stretches in self.paths():
            key = stretches.tobytes()
            if key not in responses:
                bands = _bands(self.receivers, paths, self.call, acoustics)
                quick = impulses_of(self.receivers, bands, acoustics.air, acoustics.absorption, window)
                responses[key] = stretches, _Exact(self.receivers, acoustics, window) if exact else quick
            responses[key][1].add(paths)
        total = torch.zeros(len(self.ears), window.samples, dtype=torch.float64)
        for stretches, response in responses.values():
            total = total + emitted(response.spectra(len(window.frequencies)), self.call, stretches, window)
        return total


class _Response(Protocol):
    """What paths are added to."""

    def add(self, paths: Paths) -> None: ...

    def spectra(self, count: int) -> Tensor: ...


class _Exact:
    """The sum of all cells at all frequencies."""

    def __init__(self, receivers: Receivers, acoustics: Acoustics, window: Window) -> None:
        self.receivers, self.acoustics, self.window = receivers, acoustics, window
        self.total = torch.zeros(len(receivers.places), len(window.frequencies), dtype=torch.complex128)

    def add(self, paths: Paths) -> None:
        air, absorption = self.acoustics.air, self.acoustics.absorption
        self.total += exact_transfer(
            paths, self.receivers, air, absorption, self.window.frequencies, self.window.start_s
        )

    def spectra(self, count: int) -> Tensor:
        return self.total[:, :count]


def _window(views: Sequence[View], call: Call, acoustics: Acoustics, start_s: float | None) -> Window:
    """The window of all echoes, which holds them whole."""
    first, last, stretch = np.inf, -np.inf, 1.0
    for view in views:
        parts = list(view.paths())
        if parts:
            start, end = _ends([paths for paths, _ in parts], acoustics)
            first, last = min(first, start), max(last, end)
            stretch = max(stretch, *(float(stretches.max()) for _, stretches in parts))
    if start_s is None:
        start_s = 0.0
        if first < np.inf:
            start_s = max(0.0, math.floor((first - LEAD) * acoustics.rate_hz) / acoustics.rate_hz)
    elif not math.isfinite(start_s):
        raise UserError(f"start of the window: {start_s:g} s is no time")
    window = Window(acoustics.rate_hz, acoustics.samples, start_s)
    if last > -np.inf:
        _check_window(first, last, window, call, stretch)
    return window


def _ends(parts: Sequence[Paths], acoustics: Acoustics) -> tuple[float, float]:
    """The shortest and longest delay that carries anything, seconds; inf and -inf if nothing does."""
    first, last = np.inf, -np.inf
    for paths in parts:
        lengths = paths.lengths.detach()
        carries = torch.zeros_like(lengths, dtype=torch.bool)
        for weight in (paths.coherent, paths.diffuse):
            if weight is not None:
                carries |= weight.detach() != 0
        if carries.any():
            first = min(first, float(torch.where(carries, lengths, np.inf).min()))
            last = max(last, float(torch.where(carries, lengths, -np.inf).max()))
    speed = acoustics.air.speed_of_sound
    return first / speed, last / speed


def _check_window(first: float, last: float, window: Window, call: Call, stretch: float = 1.0) -> None:
    if first < window.start_s:
        raise UserError(
            f"the echo begins {first * 1e3:.4g} ms after the call, before the window ({window.start_s * 1e3:.4g} ms): "
            f"start it at {first * 1e3:.4g} ms or earlier"
        )
    end = last + call.duration_s * stretch
    needed = math.ceil((end - window.start_s) * window.rate_hz) + 1
    if needed > window.samples:
        raise UserError(
            f"the echo of a call of {call.duration_s * 1e3:.3g} ms ends {end * 1e3:.4g} ms after the call began, "
            f"beyond the window of {window.samples} samples from {window.start_s * 1e3:.4g} ms: "
            f"{needed} samples are needed"
        )


def _bands(receivers: Receivers, paths: Paths, call: Call, acoustics: Acoustics) -> Bands:
    """Frequencies at which weights are taken: a single one where they do not change with frequency."""
    varying = not receivers.flat or acoustics.absorption or paths.varying
    return Bands.over(*call.band_hz) if varying else Bands(*call.band_hz, count=1)


def _receivers(heads: Sequence[Head], microphones: Sequence[Microphone], mouth: Directivity) -> Receivers:
    """Microphones of heads at one place, head by head."""
    return Receivers(
        torch.as_tensor(heads[0].position),
        torch.as_tensor(np.array([head.place(item.offset_m) for head in heads for item in microphones])),
        torch.as_tensor(np.array([head.axes for head in heads for _ in microphones])),
        tuple(item.directivity for _ in heads for item in microphones),
        mouth,
    )


def _cells(samples: Samples, signs: np.ndarray | None) -> Cells:
    return Cells(
        torch.as_tensor(samples.points),
        torch.as_tensor(samples.normals),
        torch.as_tensor(samples.areas),
        torch.as_tensor(samples.edges),
        None if signs is None else torch.as_tensor(signs),
    )


def _at_one_place(heads: Sequence[Head]) -> list[tuple[int, ...]]:
    """Numbers of the heads, grouped by place."""
    places: dict[bytes, list[int]] = {}
    for number, head in enumerate(heads):
        places.setdefault(head.position.tobytes(), []).append(number)
    return [tuple(numbers) for numbers in places.values()]


def _distances(points: np.ndarray, point: np.ndarray) -> np.ndarray:
    ways = points - point
    distances: np.ndarray = np.sqrt(np.einsum("nc,nc->n", ways, ways))
    return distances


def _unit(vector: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(vector)
    return vector / length if length > 0 else np.zeros(3)


def _notes(call: Call, acoustics: Acoustics, microphones: Sequence[Microphone], mouth: Directivity) -> list[str]:
    """What a person should know of the settings."""
    notes = []
    low, high = call.band_hz
    limit = acoustics.air.speed_of_sound / high / 2
    if acoustics.spacing(call) > limit * (1 + 1e-9):
        notes.append(
            f"samples {acoustics.spacing(call) * 1e3:.3g} mm apart are coarser than half the shortest wavelength "
            f"({limit * 1e3:.3g} mm): echoes may appear where there are none"
        )
    for directivity in dict.fromkeys([mouth, *(item.directivity for item in microphones)]):
        if isinstance(directivity, Table) and (sentence := directivity.missing(low, high)):
            notes.append(sentence)
    return notes
