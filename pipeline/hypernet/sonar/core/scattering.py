"""Sound from the mouth to the cells of a surface and back to the ears: lengths, directions and weights of all paths.

With area A, distances t to the mouth and r to the ear, and the cosines c_t and c_r of both directions to the normal, a
cell adds to the transfer function from the call to the ear

    kirchhoff   (j f / c) A c_r / (t r)                a rigid surface in physical optics
    lambert     σ sqrt(χ A c_t c_r / π) / (t r)        rough: energy in all directions, signs σ = ±1 at random but fixed

times e^{-j2πf (t + r) / c}, the directivities and the loss in air. `mixed` adds both with sqrt(1 - s) and sqrt(s), s
being the scattering coefficient of room acoustics; χ is the albedo. Of a smooth surface the phase is integrated over
the cell, sinc(f u) sinc(f v), where u and v are the differences of delay along the cell's edges: a sum over midpoints
of cells of half a wavelength is too loud off the glint, by 9 dB at 45 degrees.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hypernet.lab.errors import UserError
from hypernet.sonar.core.directivity import Directivity, Omni

SCATTERING = ("kirchhoff", "lambert", "mixed")
# Differences of length that count as none, metres.
SMALLEST = 1e-9


@dataclass(frozen=True)
class Law:
    """How a surface scatters.

    Attributes:
        coherent: amplitude of its smooth part.
        diffuse: amplitude of its rough part.
    """

    coherent: float
    diffuse: float

    @staticmethod
    def of(scattering: str, share: float = 0.5, albedo: float = 1.0) -> Law:
        """Of a name, the scattering coefficient of ``mixed``, and the albedo of the rough part.

        Raises:
            UserError: another name, or numbers outside of 0 to 1.
        """
        if scattering not in SCATTERING:
            raise UserError(f"scattering: {scattering!r} is not known; accepted: {', '.join(SCATTERING)}")
        for name, value in (("share", share), ("albedo", albedo)):
            if not 0 <= value <= 1:
                raise UserError(f"{name} of scattering: {value:g} is not from 0 to 1")
        rough = {"kirchhoff": 0.0, "lambert": 1.0}.get(scattering, share)
        return Law(math.sqrt(1 - rough), math.sqrt(rough * albedo))


@dataclass(frozen=True, eq=False)
class Cells:
    """Cells of a surface as tensors, float64.

    Attributes:
        points: ``[n, 3]``.
        normals: outward unit normals, ``[n, 3]``.
        areas: ``[n]``.
        edges: as in :class:`hypernet.sonar.core.facets.Samples`, ``[n, 2, 3]``; None for cells taken as points.
        signs: σ of the rough part, ``[n]``; None for all 1.
    """

    points: Tensor
    normals: Tensor
    areas: Tensor
    edges: Tensor | None = None
    signs: Tensor | None = None

    def at(self, which: slice | Tensor) -> Cells:
        """Those of a slice or of indices."""
        return Cells(
            self.points[which],
            self.normals[which],
            self.areas[which],
            None if self.edges is None else self.edges[which],
            None if self.signs is None else self.signs[which],
        )

    def __len__(self) -> int:
        return len(self.points)


@dataclass(frozen=True, eq=False)
class Receivers:
    """K microphones of heads whose mouths are at one place.

    Attributes:
        mouth: its place, float64 ``[3]``.
        places: of the microphones in the world, ``[K, 3]``.
        axes: forward, left and up of the head of each, ``[K, 3, 3]``.
        directivities: of each.
        emission: of the mouth, in the head's frame.
    """

    mouth: Tensor
    places: Tensor
    axes: Tensor
    directivities: tuple[Directivity, ...]
    emission: Directivity

    @property
    def flat(self) -> bool:
        """Whether all directivities are the same at all frequencies."""
        return self.emission.flat and all(directivity.flat for directivity in self.directivities)

    def gains(self, leaving: Tensor, arriving: Tensor, frequency_hz: float) -> Tensor | None:
        """Of mouth times microphone for paths of directions in the world; None where all are 1.

        Args:
            leaving: unit vectors from the mouth, ``[3, n]``.
            arriving: unit vectors from each microphone to where sound comes from, ``[K, 3, n]``.
            frequency_hz: at which.

        Returns:
            Amplitudes, ``[K, n]``.
        """
        heard = _gains(self.directivities, self.axes, arriving, frequency_hz)
        emissions = (self.emission,) * len(self.directivities)
        sent = _gains(emissions, self.axes, leaving.expand_as(arriving), frequency_hz)
        if heard is None or sent is None:
            return sent if heard is None else heard
        return heard * sent


def _gains(
    directivities: tuple[Directivity, ...], axes: Tensor, directions: Tensor, frequency_hz: float
) -> Tensor | None:
    """Gains ``[K, n]``, evaluated together for those that are the same object; None where all are omnidirectional."""
    if all(isinstance(directivity, Omni) for directivity in directivities):
        return None
    gains: dict[int, Tensor] = {}
    for directivity in {id(directivity): directivity for directivity in directivities}.values():
        same = [number for number, other in enumerate(directivities) if other is directivity]
        turned = (axes[same] @ directions[same]).transpose(0, 1).reshape(3, -1)
        # Seen as [n, 3], but each component in a row of memory: sums over components are ten times as quick.
        gains.update(zip(same, directivity.gain(turned.T, frequency_hz).reshape(len(same), -1), strict=True))
    return torch.stack([gains[number] for number in range(len(directivities))])


@dataclass(frozen=True, eq=False)
class Paths:
    """From the mouth by way of n cells to K microphones.

    Attributes:
        lengths: metres, float64 ``[K, n]``.
        leaving: unit vectors from the mouth, ``[3, n]``.
        arriving: unit vectors from each microphone to the cell from which sound comes, ``[K, 3, n]``.
        coherent: weight without (j f / c), ``[K, n]``; None for none.
        diffuse: weight of the rough part, ``[K, n]``; None for none.
        spreads: differences of length along both edges of the cell, none 0, each ``[K, n]``; None for points.
    """

    lengths: Tensor
    leaving: Tensor
    arriving: Tensor
    coherent: Tensor | None
    diffuse: Tensor | None
    spreads: tuple[Tensor, Tensor] | None

    def weights(
        self, receivers: Receivers, frequency_hz: float, speed_of_sound: float, loss_db: float
    ) -> tuple[Tensor | None, Tensor | None]:
        """Coherent (without j f / c) and diffuse weights at a frequency, each ``[K, n]`` or None.

        Args:
            receivers: the microphones.
            frequency_hz: at which.
            speed_of_sound: metres a second.
            loss_db: of air at this frequency, dB a metre.
        """
        factor = receivers.gains(self.leaving, self.arriving, frequency_hz)
        if loss_db:
            loss = torch.exp(self.lengths * (-loss_db * math.log(10) / 20))
            factor = loss if factor is None else factor * loss
        coherent, diffuse = self.coherent, self.diffuse
        if coherent is not None and self.spreads is not None and frequency_hz:
            for spread in self.spreads:
                phase = spread * (math.pi * frequency_hz / speed_of_sound)
                coherent = coherent * (torch.sin(phase) / phase)
        if factor is not None:
            coherent = None if coherent is None else coherent * factor
            diffuse = None if diffuse is None else diffuse * factor
        return coherent, diffuse

    @property
    def varying(self) -> bool:
        """Whether a coherent weight depends on frequency by itself."""
        return self.coherent is not None and self.spreads is not None


def single_bounce(cells: Cells, receivers: Receivers, law: Law, heard: Tensor | None = None) -> Paths:
    """Paths that are scattered once.

    Args:
        cells: which the mouth sees.
        receivers: mouth and microphones.
        law: of the surface.
        heard: which cells each microphone sees, bool ``[K, n]``; None for all.
    """
    points, normals = cells.points.T.contiguous(), cells.normals.T.contiguous()
    out = points - receivers.mouth[:, None]
    distance = _length(out)
    leaving = out / distance
    cosine_in = -_dot(leaving, normals)
    back, arriving = _towards(points, receivers)
    cosine_out = -_dot(arriving, normals)
    facing = cosine_out > 0 if heard is None else (cosine_out > 0) & heard
    divergence = 1 / (distance * back)
    coherent = diffuse = spreads = None
    if law.coherent:
        coherent = torch.where(facing, cells.areas * cosine_out * divergence * law.coherent, 0.0)
        if cells.edges is not None:
            spreads = _spreads(leaving, arriving, cells.edges)
    if law.diffuse:
        # Where it is 0 a root has no derivative.
        energy = torch.where(facing & (cosine_in > 0), cells.areas * cosine_in * cosine_out / math.pi, 1.0)
        diffuse = torch.where(facing & (cosine_in > 0), energy.sqrt() * divergence * law.diffuse, 0.0)
        diffuse = diffuse if cells.signs is None else diffuse * cells.signs
    return Paths(distance + back, leaving, arriving, coherent, diffuse, spreads)


def last_leg(
    points: Tensor,
    normals: Tensor,
    incoming: Tensor,
    leaving: Tensor,
    travelled: Tensor,
    strength: Tensor,
    edges: Tensor | None,
    receivers: Receivers,
    heard: Tensor | None,
) -> Paths:
    """Coherent paths from cells that sound reached on some way to the microphones.

    Args:
        points: of the cells, ``[n, 3]``.
        normals: there, ``[n, 3]``.
        incoming: unit vectors in which sound arrives at the cells, ``[n, 3]``.
        leaving: in which it left the mouth, ``[n, 3]``.
        travelled: metres so far, ``[n]``.
        strength: area of a cell times the pressure there, ``[n]``.
        edges: of the cells, ``[n, 2, 3]``; None for points.
        receivers: mouth and microphones.
        heard: which cells each microphone sees, bool ``[K, n]``; None for all.
    """
    back, arriving = _towards(points.T.contiguous(), receivers)
    cosine = -_dot(arriving, normals.T.contiguous())
    facing = cosine > 0 if heard is None else (cosine > 0) & heard
    coherent = torch.where(facing, strength * cosine / back, 0.0)
    spreads = None if edges is None else _spreads(incoming.T.contiguous(), arriving, edges)
    return Paths(travelled + back, leaving.T.contiguous(), arriving, coherent, None, spreads)


def plane_paths(
    direction: np.ndarray,
    points: np.ndarray,
    normals: np.ndarray,
    incoming: np.ndarray,
    travelled: np.ndarray,
    strength: np.ndarray,
    edges: np.ndarray,
) -> Paths:
    """Coherent paths of a plane wave back to where it comes from, of n cells; the echo is that times the distance.

    Args:
        direction: in which the wave travels, unit vector ``[3]``.
        points: of the cells, ``[n, 3]``.
        normals: there, ``[n, 3]``.
        incoming: in which sound arrives at them, ``[3]`` or ``[n, 3]``.
        travelled: metres from the plane through the origin, ``[n]``.
        strength: area of a cell times the pressure there, ``[n]``.
        edges: of the cells, ``[n, 2, 3]``.
    """
    wave = torch.as_tensor(direction)[:, None]
    arriving = wave.expand(1, 3, len(points))
    cosine = -torch.as_tensor(normals @ direction)
    lengths = torch.as_tensor(travelled + points @ direction)
    coherent = torch.where(cosine > 0, torch.as_tensor(strength) * cosine, 0.0)
    towards = torch.as_tensor(np.array(np.broadcast_to(incoming, points.shape).T, order="C"))
    spreads = _spreads(towards, arriving, torch.as_tensor(edges))
    return Paths(lengths[None], wave.expand(3, len(points)), arriving, coherent[None], None, spreads)


def _towards(points: Tensor, receivers: Receivers) -> tuple[Tensor, Tensor]:
    """Distances ``[K, n]`` and unit vectors ``[K, 3, n]`` from microphones to points ``[3, n]``."""
    ways = points - receivers.places[..., None]
    distances = _length(ways)
    return distances, ways / distances[:, None]


def _spreads(incoming: Tensor, arriving: Tensor, edges: Tensor) -> tuple[Tensor, Tensor]:
    turn, (first, second) = incoming + arriving, edges.permute(1, 2, 0).contiguous()
    return _not_zero(_dot(turn, first)), _not_zero(_dot(turn, second))


def _not_zero(spread: Tensor) -> Tensor:
    """The phase over a nanometre is none, and sin x / x is as good as 1 there."""
    return torch.where(spread.abs() < SMALLEST, SMALLEST, spread)


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum(dim=-2)


def _length(a: Tensor) -> Tensor:
    return _dot(a, a).sqrt()


def random_signs(facet: np.ndarray, place: np.ndarray, seed: int) -> np.ndarray:
    """±1 for each cell, the same wherever it is looked at from (SplitMix64 of facet, place within it and seed).

    Args:
        facet: numbers of facets, int64 ``[n]``.
        place: numbers of cells in their facets, int64 ``[n]``.
        seed: of the object.
    """
    with np.errstate(over="ignore"):
        state = _mixed(np.full(1, seed % 2**64, dtype=np.uint64))
        state = _mixed(state ^ facet.astype(np.uint64))
        state = _mixed(state ^ place.astype(np.uint64))
    return np.where(state >> np.uint64(63), 1.0, -1.0)


def _mixed(state: np.ndarray) -> np.ndarray:
    state = state + np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))
