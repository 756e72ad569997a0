"""What a circuit is wanted to do: a response, S21 or a gain, limits, a two-port; and how far a circuit is from it.

What comes through a circuit is S21 where source and load have resistances, and the voltage gain else, see
:mod:`hypernet.circuits.core.terminations`. A goal's loss is smooth in the parts' values, for gradients; its score is
the number that people read and that ranks circuits.
"""

from __future__ import annotations

import abc

import numpy as np
import torch
from torch import Tensor

from hypernet.circuits.core.features import log_magnitude
from hypernet.circuits.core.ladder import BLOCK, propagate, respond
from hypernet.circuits.core.terminations import Terminations
from hypernet.circuits.core.two_port import closed

DECIBEL = 20.0 / np.log(10.0)
# Below this the logarithm of a magnitude would be minus infinity; no passive ladder amplifies so much.
SMALLEST = 1e-300
# dB by which rounding may carry a curve over a limit: without losses S21 is 0 dB, and no circuit does more.
ROUNDING = 1e-9
# What the networks know: a source without resistance and a load of 1.0.
UNIT_LOAD = Terminations(None, 1.0)


def decibels(inverse: np.ndarray) -> np.ndarray:
    """-20 log10 of a magnitude: S21 or gain in dB from their inverse; the negative of S11 in dB from S11."""
    gain: np.ndarray = -DECIBEL * np.log(np.maximum(np.abs(inverse), SMALLEST))
    return gain


class Goal(abc.ABC):
    """See the module.

    Args:
        frequency: w, ``[d]``, normalised, rising.
        terminations: source and load, in the units of the parts' values.
    """

    # What the score is called, and its unit as it is printed: "%" for a share.
    name: str
    unit: str
    # A score up to it counts as met.
    GOOD = 0.0

    def __init__(self, frequency: np.ndarray, terminations: Terminations):
        self.frequency, self.terminations = np.asarray(frequency, dtype=np.float64), terminations
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
        return self.compare(torch.stack(self._planes(types, values), dim=1))

    def _planes(self, types: Tensor, values: Tensor) -> tuple[Tensor, ...]:
        return propagate(types, values, self._points, self.terminations.excitation)

    def respond(self, types: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """V and I of circuits at the goal's frequencies with its load, complex ``[B, d]`` each."""
        return respond(types, values, self.frequency, self.terminations.excitation)

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
        """Squared score ``[B]`` of responses ``[B, 4, d]``: Re V, Re I, Im V, Im I."""

    @abc.abstractmethod
    def deviation(self, voltage: np.ndarray, current: np.ndarray) -> np.ndarray:
        """How many dB circuits with V and I ``[..., d]`` are off at each frequency, ``[..., d]``, not negative."""

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

    def _through(self, planes: Tensor) -> tuple[Tensor, Tensor]:
        """Real and imaginary part of 1 / S21 or 1 / gain, ``[B, d]`` each: both are linear in V and I."""
        through = self.terminations.inverse_transmission
        return through(planes[:, 0], planes[:, 1]), through(planes[:, 2], planes[:, 3])

    def _multiplied(
        self, voltage: np.ndarray, current: np.ndarray, factor: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """V and I where 1 / S21 or 1 / gain is ``factor`` times as large: I counts where the source has a resistance.

        With both multiplied S11 stays as it is.
        """
        return voltage * factor, current if self.terminations.source is None else current * factor


class ResponseGoal(Goal):
    """A whole response: V and I at the source, which has no resistance.

    Its score is the relative RMS error of compressed responses,
    see :func:`hypernet.circuits.core.features.response_error`.

    Args:
        frequency: w, ``[d]``.
        voltage: V for 1 V at the load, complex ``[d]``.
        current: the current that leaves there, complex ``[d]``, in the units of the parts' values.
        load: the load, in these units.
    """

    name, unit = "response error", "%"
    # Below 0.1 % two curves cannot be told apart in a picture.
    GOOD = 1e-3

    def __init__(self, frequency: np.ndarray, voltage: np.ndarray, current: np.ndarray, load: float = 1.0):
        super().__init__(frequency, Terminations(None, load))
        self.voltage, self.current = np.asarray(voltage, np.complex128), np.asarray(current, np.complex128)
        planes = np.stack([self.voltage.real, self.current.real, self.voltage.imag, self.current.imag])
        self._target = log_magnitude(torch.from_numpy(planes))
        self._size = self._target.square().mean()

    def compare(self, planes: Tensor) -> Tensor:
        """See :class:`Goal`."""
        return (log_magnitude(planes) - self._target).square().mean(dim=(-2, -1)) / self._size

    def deviation(self, voltage: np.ndarray, current: np.ndarray) -> np.ndarray:
        """See :class:`Goal`: of the voltage gain."""
        del current
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
        return ResponseGoal(self.frequency[chosen], self.voltage[chosen], self.current[chosen], self.terminations.load)


class TransmissionGoal(Goal):
    """S21 or a voltage gain with its phase, or its magnitude alone.

    The score is the relative RMS error of its compressed inverse.

    Args:
        frequency: w, ``[d]``.
        inverse: 1 / S21 or 1 / gain, complex ``[d]``; where only the magnitude is known, real and positive.
        has_phase: whether the phase counts.
        terminations: see :class:`Goal`; S21 where they have both resistances.
    """

    unit = "%"
    GOOD = ResponseGoal.GOOD

    def __init__(
        self, frequency: np.ndarray, inverse: np.ndarray, has_phase: bool, terminations: Terminations = UNIT_LOAD
    ):
        super().__init__(frequency, terminations)
        self.name = "S21 error" if terminations.matched else "gain error"
        self.inverse, self.has_phase = np.asarray(inverse, np.complex128), has_phase
        real, imaginary = torch.from_numpy(self.inverse.real.copy()), torch.from_numpy(self.inverse.imag.copy())
        self._target = self._seen(real[None], imaginary[None])[0]
        self._size = self._target.square().mean()

    def _seen(self, real: Tensor, imaginary: Tensor) -> Tensor:
        """What is compared: ``[B, 1 or 2, d]``."""
        if self.has_phase:
            return _compressed(real, imaginary)
        return torch.log1p(_magnitude(real, imaginary))[:, None] / 5.0

    def compare(self, planes: Tensor) -> Tensor:
        """See :class:`Goal`."""
        return (self._seen(*self._through(planes)) - self._target).square().mean(dim=(-2, -1)) / self._size

    def deviation(self, voltage: np.ndarray, current: np.ndarray) -> np.ndarray:
        """See :class:`Goal`."""
        off: np.ndarray = np.abs(
            decibels(self.terminations.inverse_transmission(voltage, current)) - decibels(self.inverse)
        )
        return off

    def met(self, score: float) -> bool:
        """See :class:`Goal`."""
        return score <= self.GOOD

    def complete(self, voltage: np.ndarray, current: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See :class:`Goal`: S21 or the gain, or its magnitude with the phases of the circuits."""
        have = self.terminations.inverse_transmission(voltage, current)
        factor = self.inverse / have
        return self._multiplied(voltage, current, factor if self.has_phase else np.abs(factor))

    def thinned(self, points: int) -> TransmissionGoal:
        """See :class:`Goal`."""
        chosen = self._chosen(points)
        return TransmissionGoal(self.frequency[chosen], self.inverse[chosen], self.has_phase, self.terminations)


class ScatteringGoal(Goal):
    """A whole two-port between a source and a load: S11, S21 and S22, and S12, which is S21.

    The score is the relative RMS error of 1 / S21, compressed, and of S11 and S22 together: the first weighs the stop
    band, the other two the return loss. A two-port turned round has another score.

    Args:
        frequency: w, ``[d]``.
        s: S parameters with source and load as references, complex ``[d, 2, 2]``; port 1 is where the source is.
        terminations: see :class:`Goal`.

    Raises:
        ValueError: the source or the load has no resistance.
    """

    name, unit = "two-port error", "%"
    GOOD = ResponseGoal.GOOD

    def __init__(self, frequency: np.ndarray, s: np.ndarray, terminations: Terminations):
        if terminations.source is None or not terminations.matched:
            raise ValueError("without a source resistance and a load there are no S parameters")
        super().__init__(frequency, terminations)
        self.s, self._source = np.asarray(s, np.complex128), terminations.source
        inverse, (s11, s22) = 1.0 / self.s[:, 1, 0], (self.s[:, 0, 0], self.s[:, 1, 1])
        seen = [torch.from_numpy(curve)[None] for curve in (inverse, s11, s22)]
        self._target = self._seen(*seen)[0]
        self._size = self._target.square().mean()

    @staticmethod
    def _seen(inverse: Tensor, s11: Tensor, s22: Tensor) -> Tensor:
        """What is compared, ``[B, 6, d]``, from complex ``[B, d]``."""
        reflections = [plane for curve in (s11, s22) for plane in (curve.real, curve.imag)]
        return torch.cat([_compressed(inverse.real, inverse.imag), torch.stack(reflections, dim=1)], dim=1)

    def _planes(self, types: Tensor, values: Tensor) -> tuple[Tensor, ...]:
        back = propagate(types, values, self._points, self.terminations.back_excitation)
        return *super()._planes(types, values), *back

    def compare(self, planes: Tensor) -> Tensor:
        """See :class:`Goal`: ``[B, 8, d]``, with the same four for a wave that goes in at the load."""
        voltage, current = torch.complex(planes[:, 0], planes[:, 2]), torch.complex(planes[:, 1], planes[:, 3])
        back = torch.complex(planes[:, 4], planes[:, 6]), torch.complex(planes[:, 5], planes[:, 7])
        ends = self.terminations
        seen = self._seen(
            ends.inverse_transmission(voltage, current),
            ends.input_reflection(voltage, current),
            ends.output_reflection(voltage, current, *back),
        )
        return (seen - self._target).square().mean(dim=(-2, -1)) / self._size

    def deviation(self, voltage: np.ndarray, current: np.ndarray) -> np.ndarray:
        """See :class:`Goal`: of S21."""
        have = self.terminations.inverse_transmission(voltage, current)
        off: np.ndarray = np.abs(decibels(have) + decibels(self.s[:, 1, 0]))
        return off

    def met(self, score: float) -> bool:
        """See :class:`Goal`."""
        return score <= self.GOOD

    def complete(self, voltage: np.ndarray, current: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See :class:`Goal`: the two-port's own."""
        wanted = closed(self.s, self._source, self.terminations.load)
        return np.broadcast_to(wanted[0], voltage.shape), np.broadcast_to(wanted[1], current.shape)

    def thinned(self, points: int) -> ScatteringGoal:
        """See :class:`Goal`."""
        chosen = self._chosen(points)
        return ScatteringGoal(self.frequency[chosen], self.s[chosen], self.terminations)


class MaskGoal(Goal):
    """S21 or a gain between limits, and S11 below one.

    The score is the RMS over frequencies of what is beyond a limit, in dB; 0 for a circuit inside.

    Args:
        frequency: w, ``[d]``.
        lower: dB, ``[d]``, minus infinity where there is no limit.
        upper: dB, ``[d]``, infinity where there is none.
        terminations: see :class:`Goal`; the limits are those of S21 where they have both resistances.
        highest_reflection: S11 in dB, ``[d]``, infinity where there is no limit; None for none at all.
        margin: dB by which the limits are drawn in for a second, lighter term of the loss, which leads on inside the
            mask; where limits are close, to their middle at most. Limits of S21 from 0 dB on stay: no circuit of R, L
            and C comes beyond them, and the best are at 0 dB.
    """

    name, unit = "mask violation", "dB"
    MARGIN_WEIGHT = 0.03

    def __init__(
        self,
        frequency: np.ndarray,
        lower: np.ndarray,
        upper: np.ndarray,
        terminations: Terminations = UNIT_LOAD,
        highest_reflection: np.ndarray | None = None,
        margin: float = 0.0,
    ):
        super().__init__(frequency, terminations)
        self.lower, self.upper = np.asarray(lower, np.float64), np.asarray(upper, np.float64)
        self.highest_reflection = None if highest_reflection is None else np.asarray(highest_reflection, np.float64)
        if self.highest_reflection is not None and terminations.source is None:
            raise ValueError("a source without resistance has no S11 to limit")
        # Weights, lower and upper limit, and the limit of S11.
        self._limits = [(1.0, *self._shifted(np.full(len(self), -ROUNDING)))]
        if margin:
            top = np.minimum(self.upper, 0.0) if terminations.matched else self.upper
            inset = np.clip((top - self.lower) / 2, 0.0, margin)
            self._limits.append((self.MARGIN_WEIGHT, *self._shifted(inset, margin)))

    def _shifted(self, inset: np.ndarray, margin: float = -ROUNDING) -> tuple[Tensor, Tensor, Tensor | None]:
        lower, upper, reflection = self.lower + inset, self.upper - inset, self.highest_reflection
        if self.terminations.matched:
            upper = np.where((self.upper >= 0) & (inset > 0), self.upper, upper)
        limits = torch.from_numpy(lower), torch.from_numpy(upper)
        return *limits, None if reflection is None else torch.from_numpy(reflection - margin)

    def compare(self, planes: Tensor) -> Tensor:
        """See :class:`Goal`."""
        gain = -_decibels(*self._through(planes))
        reflection = None if self.highest_reflection is None else self._reflection(planes)
        terms = []
        for weight, lower, upper, highest in self._limits:
            beyond = (torch.relu(lower - gain) + torch.relu(gain - upper)).square()
            if reflection is not None and highest is not None:
                beyond = beyond + torch.relu(reflection - highest).square()
            terms.append(weight * beyond.mean(dim=-1))
        return sum(terms[1:], terms[0])

    def _reflection(self, planes: Tensor) -> Tensor:
        """S11 in dB, ``[B, d]``."""
        v_re, i_re, v_im, i_im = planes.unbind(dim=1)
        source = self.terminations.source
        assert source is not None
        back, forth = (_decibels(v_re + r * i_re, v_im + r * i_im) for r in (source, -source))
        return back - forth

    def deviation(self, voltage: np.ndarray, current: np.ndarray) -> np.ndarray:
        """See :class:`Goal`: beyond the mask, of S21 or the gain and of S11 whichever is more."""
        gain = decibels(self.terminations.inverse_transmission(voltage, current))
        beyond = np.maximum(self.lower - gain, gain - self.upper)
        if self.highest_reflection is not None:
            reflection = -decibels(self.terminations.input_reflection(voltage, current))
            beyond = np.maximum(beyond, reflection - self.highest_reflection)
        off: np.ndarray = np.where(beyond > ROUNDING, beyond, 0.0)
        return off

    def met(self, score: float) -> bool:
        """See :class:`Goal`."""
        return score == 0

    def complete(self, voltage: np.ndarray, current: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See :class:`Goal`: the magnitude of S21 or of the gain is brought inside the mask."""
        gain = decibels(self.terminations.inverse_transmission(voltage, current))
        wanted = np.clip(gain, self.lower, self.upper)
        return self._multiplied(voltage, current, 10.0 ** ((gain - wanted) / 20.0))

    def thinned(self, points: int) -> MaskGoal:
        """See :class:`Goal`."""
        return self._at(self._chosen(points))

    def inset(self, margin: float) -> MaskGoal:
        """The mask with a margin inside: who keeps it has room for tolerances."""
        return self._at(np.arange(len(self)), margin)

    def _at(self, rows: np.ndarray, margin: float = 0.0) -> MaskGoal:
        highest = None if self.highest_reflection is None else self.highest_reflection[rows]
        return MaskGoal(self.frequency[rows], self.lower[rows], self.upper[rows], self.terminations, highest, margin)


def _magnitude(real: Tensor, imaginary: Tensor) -> Tensor:
    """|z| with a gradient of zero at zero."""
    zero = (real == 0) & (imaginary == 0)
    return torch.where(
        zero, torch.zeros_like(real), torch.hypot(torch.where(zero, torch.ones_like(real), real), imaginary)
    )


def _decibels(real: Tensor, imaginary: Tensor) -> Tensor:
    """20 log10 |z|."""
    return DECIBEL * torch.log(_magnitude(real, imaginary).clamp_min(SMALLEST))


def _compressed(real: Tensor, imaginary: Tensor) -> Tensor:
    """Complex numbers ``[B, d]`` as networks see them, ``[B, 2, d]``; see ``features.log_magnitude``."""
    return log_magnitude(torch.stack([real, real, imaginary, imaginary], dim=-2))[..., ::2, :]
