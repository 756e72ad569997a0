"""How loud a mouth is and how well an ear hears in each direction.

A directivity gives amplitudes, at least 0, for directions in the frame of the head (forward, left, up); it works on
tensors, so that gradients with respect to positions pass through it. Azimuths are positive to the bat's left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from hypernet.lab.errors import UserError

FORWARD = (1.0, 0.0, 0.0)
# Below this angle's square (radians) a direction counts as the axis: its gradient is 0 there, not undefined.
_SMALLEST = 1e-18


@runtime_checkable
class Directivity(Protocol):
    """What all directivities have."""

    @property
    def flat(self) -> bool:
        """Whether it is the same at all frequencies."""

    def gain(self, directions: Tensor, frequency_hz: float) -> Tensor:
        """Amplitude at a frequency, at least 0, float64 ``[n]``, of unit vectors of the head's frame, ``[n, 3]``."""


def direction_of(azimuth_deg: float, elevation_deg: float) -> tuple[float, float, float]:
    """Unit vector (forward, left, up) of an azimuth, positive to the left, and an elevation."""
    azimuth, elevation = np.radians([azimuth_deg, elevation_deg])
    level = np.cos(elevation)
    return float(level * np.cos(azimuth)), float(level * np.sin(azimuth)), float(np.sin(elevation))


@dataclass(frozen=True)
class Omni:
    """The same in all directions."""

    flat = True

    def gain(self, directions: Tensor, frequency_hz: float) -> Tensor:
        """See :class:`Directivity`."""
        return torch.ones(len(directions), dtype=torch.float64, device=torch.as_tensor(directions).device)


@dataclass(frozen=True)
class Cardioid:
    """A cardioid microphone, (1 + cos θ) / 2.

    Attributes:
        axis: where it looks: forward, left, up; of any length.
    """

    axis: tuple[float, float, float] = FORWARD
    flat = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "axis", _unit(self.axis))

    def gain(self, directions: Tensor, frequency_hz: float) -> Tensor:
        """See :class:`Directivity`."""
        return (0.5 + 0.5 * _cosine(directions, self.axis)).clamp_min(0)


@dataclass(frozen=True)
class Piston:
    """A round piston in an infinite rigid baffle, |2 J1(ka sin θ) / (ka sin θ)|; nothing gets behind the baffle.

    Attributes:
        radius_m: a.
        axis: where it looks: forward, left, up; of any length.
        speed_of_sound: metres a second.
    """

    radius_m: float
    axis: tuple[float, float, float] = FORWARD
    speed_of_sound: float = 343.2
    flat = False

    def __post_init__(self) -> None:
        if not 0 < self.radius_m <= 1:
            raise UserError(f"piston: a radius of {self.radius_m:g} m is not above 0 and up to 1 m; 5 mm is 0.005")
        object.__setattr__(self, "axis", _unit(self.axis))

    def gain(self, directions: Tensor, frequency_hz: float) -> Tensor:
        """See :class:`Directivity`."""
        cosine = _cosine(directions, self.axis)
        sine = (1 - cosine**2).clamp_min(_SMALLEST).sqrt()
        wave_number = 2 * np.pi * frequency_hz / self.speed_of_sound
        size: Tensor = _Jinc.apply(wave_number * self.radius_m * sine).abs()
        return torch.where(cosine > 0, size, torch.zeros_like(size))


@dataclass(frozen=True)
class Gaussian:
    """A beam that falls as -3 (θ / h)² dB with the angle θ to its axis, h = half_width (at_hz / f)^exponent.

    Attributes:
        axis_azimuth_deg: of the axis, positive to the left.
        axis_elevation_deg: of the axis.
        half_width_deg: angle at which 3 dB are lost, at the frequency ``at_hz``.
        at_hz: see ``half_width_deg``.
        exponent: how fast the beam narrows with frequency; 0 for a beam that does not.
        floor_db: what is left in all other directions.
    """

    axis_azimuth_deg: float
    axis_elevation_deg: float
    half_width_deg: float
    at_hz: float
    exponent: float
    floor_db: float = -25.0

    def __post_init__(self) -> None:
        if not (self.half_width_deg > 0 and self.at_hz > 0 and self.floor_db <= 0):
            raise UserError("a beam needs a half width and a frequency above 0, and a floor of 0 dB or less")

    @property
    def flat(self) -> bool:
        """See :class:`Directivity`."""
        return self.exponent == 0

    def gain(self, directions: Tensor, frequency_hz: float) -> Tensor:
        """See :class:`Directivity`."""
        axis = direction_of(self.axis_azimuth_deg, self.axis_elevation_deg)
        width = np.radians(self.half_width_deg) * (self.at_hz / max(frequency_hz, 1e-3)) ** self.exponent
        # By half the chord: exact for small angles too, and its derivative is finite.
        chord = (_tensor(directions) - torch.tensor(axis, dtype=torch.float64)).square().sum(dim=-1) / 4
        angle = 2 * torch.asin(chord.clamp(_SMALLEST, 1 - 1e-12).sqrt())
        level = (-3 * (angle / width) ** 2).clamp_min(self.floor_db)
        return 10 ** (level / 20)


@dataclass(frozen=True, eq=False)
class Table:
    """Measured amplitudes, interpolated in frequency, elevation and azimuth.

    Outside of its frequencies and angles the nearest value holds; azimuths that go all around have no seam.

    Attributes:
        frequency_hz: rising, ``[F]``.
        azimuth_deg: rising, positive to the left, ``[A]``.
        elevation_deg: rising, ``[E]``.
        amplitude: linear, at least 0, ``[F, E, A]``.
        title: for messages.

    Raises:
        UserError: axes or amplitudes of another sort.
    """

    frequency_hz: np.ndarray
    azimuth_deg: np.ndarray
    elevation_deg: np.ndarray
    amplitude: np.ndarray
    title: str = "directivity table"

    def __post_init__(self) -> None:
        for name in ("frequency_hz", "azimuth_deg", "elevation_deg", "amplitude"):
            object.__setattr__(self, name, np.array(getattr(self, name), dtype=np.float64))
        for name in ("frequency_hz", "azimuth_deg", "elevation_deg"):
            axis = getattr(self, name)
            if axis.ndim != 1 or not len(axis) or not np.isfinite(axis).all() or (np.diff(axis) <= 0).any():
                raise UserError(f"{self.title}: {name} must be a row of rising finite numbers")
        if self.frequency_hz[0] < 0 or np.abs(self.elevation_deg).max() > 90:
            raise UserError(f"{self.title}: frequencies from 0 and elevations from -90 to 90 degrees are accepted")
        if np.ptp(self.azimuth_deg) > 360:
            raise UserError(f"{self.title}: azimuth_deg covers more than 360 degrees")
        shape = (len(self.frequency_hz), len(self.elevation_deg), len(self.azimuth_deg))
        if self.amplitude.shape != shape:
            raise UserError(
                f"{self.title}: amplitudes of shape {list(self.amplitude.shape)}; frequencies, elevations and azimuths "
                f"ask for {list(shape)}"
            )
        if not np.isfinite(self.amplitude).all() or (self.amplitude < 0).any():
            raise UserError(f"{self.title}: amplitudes must be finite and at least 0 (linear, not dB)")

    @property
    def flat(self) -> bool:
        """See :class:`Directivity`."""
        return len(self.frequency_hz) == 1

    def missing(self, low_hz: float, high_hz: float) -> str | None:
        """A sentence if the table does not cover a band of frequencies, else None."""
        low, high = self.frequency_hz[0], self.frequency_hz[-1]
        if self.flat or (low <= low_hz and high_hz <= high):
            return None
        return (
            f"{self.title} covers {low / 1e3:g} to {high / 1e3:g} kHz of the call's {low_hz / 1e3:.3g} to "
            f"{high_hz / 1e3:.3g} kHz: beyond, its first and last values hold"
        )

    def gain(self, directions: Tensor, frequency_hz: float) -> Tensor:
        """See :class:`Directivity`."""
        directions = _tensor(directions)
        forward, left, up = directions.unbind(dim=-1)
        elevation = torch.rad2deg(torch.asin(up.clamp(-1 + 1e-12, 1 - 1e-12)))
        # Straight up and down any azimuth is as good as another, and none has a derivative.
        upright = (forward.abs() + left.abs()) < 1e-12
        azimuth = torch.rad2deg(torch.atan2(left, torch.where(upright, torch.ones_like(forward), forward)))
        plane = self._plane(frequency_hz)
        columns, across = self._columns(azimuth)
        rows, along = _between(torch.tensor(self.elevation_deg), elevation)
        lower = plane[rows, columns] * (1 - across) + plane[rows, columns + 1] * across
        upper = plane[rows + 1, columns] * (1 - across) + plane[rows + 1, columns + 1] * across
        return lower * (1 - along) + upper * along

    def _plane(self, frequency_hz: float) -> Tensor:
        """Amplitudes at a frequency, ``[E + 1, A + 1]``: the last row again, and the first or last column."""
        place, share = _between(torch.tensor(self.frequency_hz), torch.tensor([frequency_hz], dtype=torch.float64))
        first, weight = int(place), float(share)
        second = min(first + 1, len(self.amplitude) - 1)
        plane = torch.tensor((1 - weight) * self.amplitude[first] + weight * self.amplitude[second])
        plane = torch.cat([plane, plane[:, :1] if self._round else plane[:, -1:]], dim=1)
        return torch.cat([plane, plane[-1:]])

    @property
    def _round(self) -> bool:
        """Whether the azimuths go all around: the gap between the last and the first is no larger than others."""
        steps = np.diff(self.azimuth_deg)
        return bool(len(steps) and 360 - np.ptp(self.azimuth_deg) <= 1.001 * steps.max())

    def _columns(self, azimuth: Tensor) -> tuple[Tensor, Tensor]:
        axis = torch.tensor(self.azimuth_deg)
        if self._round:
            axis = torch.cat([axis, axis[:1] + 360])
            azimuth = axis[0] + torch.remainder(azimuth - axis[0], 360)
        else:
            # The nearer of both ends, around the circle.
            middle = (axis[0] + axis[-1]) / 2
            azimuth = middle + torch.remainder(azimuth - middle + 180, 360) - 180
        return _between(axis, azimuth)


def bat_ear(side: str) -> Gaussian:
    """An ear fitted to a published boundary-element HRTF of *Phyllostomus discolor*.

    Its axis is 38 degrees to the side; 3 dB are lost 28.5 (30 kHz / f)^0.84 degrees from it.

    Args:
        side: ``left`` or ``right``.

    Raises:
        UserError: another side.
    """
    if side not in ("left", "right"):
        raise UserError(f"ear: {side!r} is no side; accepted: left, right")
    return Gaussian(38.0 if side == "left" else -38.0, 0.0, 28.5, 30_000.0, 0.84)


def nose() -> Gaussian:
    """The emission of the nose of *Phyllostomus discolor*: 3 dB are lost 47 (30 kHz / f)^0.75 degrees from forward."""
    return Gaussian(0.0, 0.0, 47.0, 30_000.0, 0.75)


def _tensor(directions: Tensor | np.ndarray) -> Tensor:
    return torch.as_tensor(directions, dtype=torch.float64)


def _unit(axis: Sequence[float]) -> tuple[float, float, float]:
    vector = np.asarray(axis, dtype=np.float64)
    length = float(np.linalg.norm(vector)) if vector.shape == (3,) else np.nan
    if not 0 < length < np.inf:
        raise UserError("an axis is three numbers, not all 0: forward, left, up")
    forward, left, up = (float(part) for part in vector / length)
    return forward, left, up


def _cosine(directions: Tensor, axis: tuple[float, float, float]) -> Tensor:
    directions = _tensor(directions)
    return directions @ torch.tensor(axis, dtype=torch.float64, device=directions.device)


def _between(axis: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """Place of the last axis value that is not above each value, and the share of the way to the next one."""
    if len(axis) == 1:
        return torch.zeros(values.shape, dtype=torch.int64), torch.zeros_like(values)
    values = values.clamp(float(axis[0]), float(axis[-1]))
    place = torch.searchsorted(axis, values.detach().contiguous(), right=True).clamp(1, len(axis) - 1) - 1
    return place, (values - axis[place]) / (axis[place + 1] - axis[place])


class _Jinc(torch.autograd.Function):
    """2 J1(x) / x with its derivative -2 J2(x) / x: torch has the Bessel functions, but not their derivatives."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """Of x above 0."""
        ctx.save_for_backward(x)
        return _jinc(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        """J2(x) = 2 J1(x) / x - J0(x)."""
        (x,) = ctx.saved_tensors
        second = _jinc(x) - torch.special.bessel_j0(x)
        slope = torch.where(x < 1e-4, -x / 4, -2 * second / x.clamp_min(1e-4))
        return gradients[0] * slope


def _jinc(x: Tensor) -> Tensor:
    return torch.where(x < 1e-6, torch.ones_like(x), 2 * torch.special.bessel_j1(x) / x.clamp_min(1e-6))
