"""What a circuit is wanted to do: a whole response, a gain, or a gain between limits; and how far a circuit is from it.

Gain is 1 / V: the voltage at the load of port 1 for 1 V at port 2; see :mod:`hypernet.circuits.core.ladder`. A goal's
loss is smooth in the parts' values, for gradients; its score is the number that people read and that ranks circuits.

The load need not be 1.0 in the units of the parts' values: with 50 Ohm and values in units of 100 Ohm, by which
catalogue values keep their digits, the excitation is (1, -2).
"""

from __future__ import annotations

import abc

import numpy as np
import torch
from torch import Tensor

from hypernet.circuits.core.features import log_magnitude
from hypernet.circuits.core.ladder import BLOCK, propagate, respond

DECIBEL = 20.0 / np.log(10.0)
# Below this the logarithm of a magnitude would be minus infinity; no passive ladder amplifies so much.
SMALLEST = 1e-300


def decibels(voltage: np.ndarray) -> np.ndarray:
    """Gain in dB of the inverse gain V."""
    gain: np.ndarray = -DECIBEL * np.log(np.maximum(np.abs(voltage), SMALLEST))
    return gain


class Goal(abc.ABC):
    """See the module.

    Args:
        frequency: w, ``[d]``, normalised, rising.
        load: the resistance at port 1, normalised.
    """

    # What the score is called, and its unit as it is printed: "%" for a share.
    name: str
    unit: str
    # A score up to it counts as met.
    GOOD = 0.0

    def __init__(self, frequency: np.ndarray, load: float):
        self.frequency, self.load = np.asarray(frequency, dtype=np.float64), load
        self.excitation = (1.0, -1.0 / load)
        self._points = torch.from_numpy(self.frequency)

    def __len__(self) -> int:
        """d, the number of frequencies."""
        return len(self.frequency)

    def loss(self, types: Tensor, values: Tensor) -> Tensor:
        """Squared score of each circuit, ``[B]``, differentiable in ``values``.

        Args:
            types: ``[B, n]`` integers, negative for padding.
            values: ``[B, n]``, normalised, double precision.
        """
        return self.compare(torch.stack(propagate(types, values, self._points, self.excitation), dim=1))

    def respond(self, types: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """V and I of circuits at the goal's frequencies with its load, complex ``[B, d]`` each."""
        return respond(types, values, self.frequency, self.excitation)

    def scores(self, types: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Score of each circuit, ``[B]``, block by block; infinite where it is not a number."""
        parts, sizes = torch.from_numpy(np.asarray(types, np.int64)), torch.from_numpy(np.asarray(values, np.float64))
        out = np.empty(len(parts))
        block = max(1, BLOCK // len(self))
        with torch.inference_mode():
            for first in range(0, len(parts), block):
                rows = slice(first, first + block)
                out[rows] = self.loss(parts[rows], sizes[rows]).sqrt().numpy()
        return np.where(np.isfinite(out), out, np.inf)

    @abc.abstractmethod
    def compare(self, planes: Tensor) -> Tensor:
        """Squared score of responses ``[B, 4, d]`` (Re V, Re I, Im V, Im I): ``[B]``."""

    @abc.abstractmethod
    def deviation(self, voltage: np.ndarray) -> np.ndarray:
        """How many dB the gain 1 / V is off at each frequency, ``[..., d]``, not negative."""

    @abc.abstractmethod
    def met(self, score: float) -> bool:
        """Whether a circuit with this score meets the goal."""

    @abc.abstractmethod
    def complete(self, voltage: np.ndarray, current: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Responses ``[B, d]`` of circuits at the goal's frequencies with what the goal knows put into them."""

    @abc.abstractmethod
    def thinned(self, points: int) -> Goal:
        """The same goal at ``points`` of its frequencies at most, evenly chosen, the first and the last among them."""

    def _chosen(self, points: int) -> np.ndarray:
        return np.unique(np.linspace(0, len(self) - 1, min(points, len(self))).round().astype(int))


class ResponseGoal(Goal):
    """A whole response: V and I at port 2.

    Its score is the relative RMS error of compressed responses,
    see :func:`hypernet.circuits.core.features.response_error`.

    Args:
        frequency: w, ``[d]``.
        voltage: V for 1 V at the load, complex ``[d]``.
        current: the current that leaves port 2, complex ``[d]``, in the units of the parts' values.
        load: see :class:`Goal`.
    """

    name, unit = "response error", "%"
    # Below 0.1 % two curves cannot be told apart in a picture.
    GOOD = 1e-3

    def __init__(self, frequency: np.ndarray, voltage: np.ndarray, current: np.ndarray, load: float = 1.0):
        super().__init__(frequency, load)
        self.voltage, self.current = np.asarray(voltage, np.complex128), np.asarray(current, np.complex128)
        planes = np.stack([self.voltage.real, self.current.real, self.voltage.imag, self.current.imag])
        self._target = log_magnitude(torch.from_numpy(planes))
        self._size = self._target.square().mean()

    def compare(self, planes: Tensor) -> Tensor:
        """See :class:`Goal`."""
        return (log_magnitude(planes) - self._target).square().mean(dim=(-2, -1)) / self._size

    def deviation(self, voltage: np.ndarray) -> np.ndarray:
        """See :class:`Goal`."""
        off: np.ndarray = np.abs(decibels(voltage) - decibels(self.voltage))
        return off

    def met(self, score: float) -> bool:
        """See :class:`Goal`."""
        return score <= self.GOOD

    def complete(self, voltage: np.ndarray, current: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See :class:`Goal`."""
        return np.broadcast_to(self.voltage, voltage.shape), np.broadcast_to(self.current, current.shape)

    def thinned(self, points: int) -> ResponseGoal:
        """See :class:`Goal`."""
        chosen = self._chosen(points)
        return ResponseGoal(self.frequency[chosen], self.voltage[chosen], self.current[chosen], self.load)


class GainGoal(Goal):
    """A gain with its phase, or its magnitude alone.

    The score is the relative RMS error of the compressed inverse gain V.

    Args:
        frequency: w, ``[d]``.
        voltage: V = 1 / gain, complex ``[d]``; where only the magnitude is known, real and positive.
        has_phase: whether the phase counts.
        load: see :class:`Goal`.
    """

    name, unit = "gain error", "%"
    GOOD = ResponseGoal.GOOD

    def __init__(self, frequency: np.ndarray, voltage: np.ndarray, has_phase: bool, load: float = 1.0):
        super().__init__(frequency, load)
        self.voltage, self.has_phase = np.asarray(voltage, np.complex128), has_phase
        self._target = self._seen(torch.from_numpy(np.stack([self.voltage.real, self.voltage.imag])[:, None]))[0]
        self._size = self._target.square().mean()

    def _seen(self, planes: Tensor) -> Tensor:
        """What is compared, from Re V and Im V ``[2, B, d]``: ``[B, 1 or 2, d]``."""
        real, imaginary = planes
        if self.has_phase:
            return log_magnitude(torch.stack([real, real, imaginary, imaginary], dim=1))[:, ::2]
        return torch.log1p(_magnitude(real, imaginary))[:, None] / 5.0

    def compare(self, planes: Tensor) -> Tensor:
        """See :class:`Goal`."""
        seen = self._seen(torch.stack([planes[:, 0], planes[:, 2]]))
        return (seen - self._target).square().mean(dim=(-2, -1)) / self._size

    def deviation(self, voltage: np.ndarray) -> np.ndarray:
        """See :class:`Goal`."""
        off: np.ndarray = np.abs(decibels(voltage) - decibels(self.voltage))
        return off

    def met(self, score: float) -> bool:
        """See :class:`Goal`."""
        return score <= self.GOOD

    def complete(self, voltage: np.ndarray, current: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See :class:`Goal`: V, or the magnitude of V with the phases of the circuits."""
        if self.has_phase:
            return np.broadcast_to(self.voltage, voltage.shape), current
        return np.abs(self.voltage) * np.exp(1j * np.angle(voltage)), current

    def thinned(self, points: int) -> GainGoal:
        """See :class:`Goal`."""
        chosen = self._chosen(points)
        return GainGoal(self.frequency[chosen], self.voltage[chosen], self.has_phase, self.load)


class MaskGoal(Goal):
    """A gain between limits.

    The score is the RMS over frequencies of what the gain is beyond a limit, in dB; 0 for a circuit inside.

    Args:
        frequency: w, ``[d]``.
        lower: dB, ``[d]``, minus infinity where there is no limit.
        upper: dB, ``[d]``, infinity where there is none.
        load: see :class:`Goal`.
        margin: dB by which both limits are drawn in for a second, lighter term of the loss, which leads on inside the
            mask; where limits are close, to their middle at most.
    """

    name, unit = "mask violation", "dB"
    MARGIN_WEIGHT = 0.03

    def __init__(
        self, frequency: np.ndarray, lower: np.ndarray, upper: np.ndarray, load: float = 1.0, margin: float = 0.0
    ):
        super().__init__(frequency, load)
        self.lower, self.upper = np.asarray(lower, np.float64), np.asarray(upper, np.float64)
        inset = np.minimum(margin, (self.upper - self.lower) / 2)
        # Limits with their weights.
        self._limits = [(1.0, torch.from_numpy(self.lower), torch.from_numpy(self.upper))]
        if margin:
            narrow = (torch.from_numpy(self.lower + inset), torch.from_numpy(self.upper - inset))
            self._limits.append((self.MARGIN_WEIGHT, *narrow))

    def compare(self, planes: Tensor) -> Tensor:
        """See :class:`Goal`."""
        gain = -DECIBEL * torch.log(_magnitude(planes[:, 0], planes[:, 2]).clamp_min(SMALLEST))
        terms = [
            weight * (torch.relu(lower - gain) + torch.relu(gain - upper)).square().mean(dim=-1)
            for weight, lower, upper in self._limits
        ]
        return sum(terms[1:], terms[0])

    def deviation(self, voltage: np.ndarray) -> np.ndarray:
        """See :class:`Goal`: beyond the mask."""
        gain = decibels(voltage)
        beyond: np.ndarray = np.maximum(np.maximum(self.lower - gain, gain - self.upper), 0.0)
        return beyond

    def met(self, score: float) -> bool:
        """See :class:`Goal`."""
        return score == 0

    def complete(self, voltage: np.ndarray, current: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See :class:`Goal`: the magnitude is brought inside the mask."""
        gain = decibels(voltage)
        wanted = np.clip(gain, self.lower, self.upper)
        return voltage * 10.0 ** ((gain - wanted) / 20.0), current

    def thinned(self, points: int) -> MaskGoal:
        """See :class:`Goal`."""
        chosen = self._chosen(points)
        return MaskGoal(self.frequency[chosen], self.lower[chosen], self.upper[chosen], self.load)

    def inset(self, margin: float) -> MaskGoal:
        """The mask with a margin inside: who keeps it has room for tolerances."""
        return MaskGoal(self.frequency, self.lower, self.upper, self.load, margin)


def _magnitude(real: Tensor, imaginary: Tensor) -> Tensor:
    """|z| with a gradient of zero at zero."""
    zero = (real == 0) & (imaginary == 0)
    return torch.where(
        zero, torch.zeros_like(real), torch.hypot(torch.where(zero, torch.ones_like(real), real), imaginary)
    )
