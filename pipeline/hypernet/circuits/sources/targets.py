"""What a person wants of a circuit, over frequency: S21 or a voltage gain, limits, a whole two-port, or a response.

The source is at port 1, the load at port 2. With a resistance at both there are S parameters
(:class:`Transmission`, :class:`ScatteringMask`, :class:`Scattering`); a :class:`Gain` or :class:`Mask` is that of the
voltage at the load over the voltage at the source's port, and a :class:`Response` that voltage and current.

Between the frequencies of a target log magnitude and unwrapped phase are interpolated over log f.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hypernet.circuits.core.curves import interpolate
from hypernet.circuits.core.goals import decibels
from hypernet.circuits.core.scale import Scale
from hypernet.circuits.core.two_port import closed, renormalise
from hypernet.lab.errors import UserError

# Ends of a range that was written as text and read again are still inside.
SLACK = 1e-9


class _Curve:
    """What is known from the first of its frequencies to the last."""

    frequency_hz: np.ndarray

    def covers(self, frequency: np.ndarray, scale: Scale) -> np.ndarray:
        """Which normalised frequencies lie inside the target's range, ``[d]``."""
        return _inside(self.frequency_hz, scale.hertz(frequency))


@dataclass(frozen=True)
class Response(_Curve):
    """V and the second component I of the state at the source's port, for 1 V at the load.

    As `hypernet.circuits.respond` gives them.

    Attributes:
        frequency_hz: ``[n]``, rising.
        voltage: complex ``[n]``.
        current: what leaves the circuit there, complex ``[n]``, times the load in ohms.
        load_ohm: the load; None where it is not known, and who reads the response says which load it takes.
    """

    frequency_hz: np.ndarray
    voltage: np.ndarray
    current: np.ndarray
    load_ohm: float | None = None

    def at(self, frequency: np.ndarray, scale: Scale) -> tuple[np.ndarray, np.ndarray]:
        """V and I at normalised frequencies, complex ``[d]`` each.

        Args:
            frequency: w, ``[d]``.
            scale: what 1.0 is.

        Raises:
            UserError: a frequency outside the range.
        """
        hertz = _in_range(self.frequency_hz, scale.hertz(frequency))
        voltage, current = (interpolate(self.frequency_hz, curve, hertz) for curve in (self.voltage, self.current))
        return voltage, current


@dataclass(frozen=True)
class Gain(_Curve):
    """Voltage gain: the voltage at the load over that at the source's port.

    Attributes:
        frequency_hz: ``[n]``, rising.
        gain_db: ``[n]``.
        phase_degree: ``[n]``, or None where it may be any.
    """

    frequency_hz: np.ndarray
    gain_db: np.ndarray
    phase_degree: np.ndarray | None = None

    def at(self, frequency: np.ndarray, scale: Scale) -> tuple[np.ndarray, np.ndarray | None]:
        """Gain in dB and unwrapped phase in degrees (or None) at normalised frequencies, ``[d]`` each.

        Raises:
            UserError: a frequency outside the range.
        """
        return _between(self.frequency_hz, self.gain_db, self.phase_degree, scale.hertz(frequency))


@dataclass(frozen=True)
class Transmission(_Curve):
    """S21 between a source and a load.

    Attributes:
        frequency_hz: ``[n]``, rising.
        s21_db: ``[n]``.
        phase_degree: ``[n]``, or None where it may be any.
    """

    frequency_hz: np.ndarray
    s21_db: np.ndarray
    phase_degree: np.ndarray | None = None

    def at(self, frequency: np.ndarray, scale: Scale) -> tuple[np.ndarray, np.ndarray | None]:
        """S21 in dB and its unwrapped phase in degrees (or None) at normalised frequencies, ``[d]`` each.

        Raises:
            UserError: a frequency outside the range.
        """
        return _between(self.frequency_hz, self.s21_db, self.phase_degree, scale.hertz(frequency))


@dataclass(frozen=True)
class Mask:
    """Limits of the voltage gain.

    Between two rows a limit is a straight line over log f where both have it. A frequency may stand twice: the first
    row is the limit up to it, the second from it on, and at the frequency itself both hold.

    Attributes:
        frequency_hz: ``[n]``, rising.
        lowest_gain_db: ``[n]``, NaN or -inf for no limit; None where there is none at all.
        highest_gain_db: ``[n]``, NaN or inf for no limit; None where there is none at all.
    """

    frequency_hz: np.ndarray
    lowest_gain_db: np.ndarray | None = None
    highest_gain_db: np.ndarray | None = None

    def limits(self) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest gain at the rows, dB ``[n]`` each; -inf and inf for no limit."""
        return _limit(self, self.lowest_gain_db, -np.inf), _limit(self, self.highest_gain_db, np.inf)

    def covers(self, frequency: np.ndarray, scale: Scale) -> np.ndarray:
        """At which normalised frequencies there is a limit, ``[d]``."""
        limited: np.ndarray = np.any(np.isfinite(self.at(frequency, scale)), axis=0)
        return limited

    def at(self, frequency: np.ndarray, scale: Scale) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest gain in dB at normalised frequencies, ``[d]`` each; -inf and inf for no limit."""
        lowest, highest = self.limits()
        hertz = scale.hertz(frequency)
        return -_upper_limit_at(self.frequency_hz, -lowest, hertz), _upper_limit_at(self.frequency_hz, highest, hertz)


@dataclass(frozen=True)
class ScatteringMask:
    """Limits of S21 and of S11 between a source and a load; rows as those of a `Mask`.

    Attributes:
        frequency_hz: ``[n]``, rising.
        lowest_s21_db: ``[n]``, NaN or -inf for no limit; None where there is none at all.
        highest_s21_db: ``[n]``, NaN or inf for no limit; None where there is none at all.
        highest_s11_db: the same of S11, which is the negative of the return loss.
    """

    frequency_hz: np.ndarray
    lowest_s21_db: np.ndarray | None = None
    highest_s21_db: np.ndarray | None = None
    highest_s11_db: np.ndarray | None = None

    def limits(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Lowest and highest S21 and highest S11 at the rows, dB ``[n]`` each; -inf and inf for no limit."""
        lowest, highest = _limit(self, self.lowest_s21_db, -np.inf), _limit(self, self.highest_s21_db, np.inf)
        return lowest, highest, _limit(self, self.highest_s11_db, np.inf)

    def covers(self, frequency: np.ndarray, scale: Scale) -> np.ndarray:
        """At which normalised frequencies there is a limit, ``[d]``."""
        limited: np.ndarray = np.any(np.isfinite(self.at(frequency, scale)), axis=0)
        return limited

    def at(self, frequency: np.ndarray, scale: Scale) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Lowest and highest S21 and highest S11 in dB at normalised frequencies, ``[d]`` each; infinite for none."""
        lowest, *highest = self.limits()
        hertz = scale.hertz(frequency)
        s21, s11 = (_upper_limit_at(self.frequency_hz, limit, hertz) for limit in highest)
        return -_upper_limit_at(self.frequency_hz, -lowest, hertz), s21, s11


@dataclass(frozen=True)
class Scattering(_Curve):
    """A whole two-port.

    Attributes:
        frequency_hz: ``[n]``, rising.
        s: S parameters, complex ``[n, 2, 2]``; port 1 is that of the source.
        source_ohm: the reference of port 1.
        load_ohm: the reference of port 2.
    """

    frequency_hz: np.ndarray
    s: np.ndarray
    source_ohm: float
    load_ohm: float

    @property
    def s21_db(self) -> np.ndarray:
        """``[n]``."""
        return -decibels(self.s[:, 1, 0])

    @property
    def s11_db(self) -> np.ndarray:
        """``[n]``."""
        return -decibels(self.s[:, 0, 0])

    @property
    def s22_db(self) -> np.ndarray:
        """``[n]``."""
        return -decibels(self.s[:, 1, 1])

    def at(self, frequency: np.ndarray, scale: Scale) -> np.ndarray:
        """S parameters at normalised frequencies, complex ``[d, 2, 2]``.

        S12 and S21 as all curves; S11 and S22, which pass through zero, by real and imaginary part.

        Raises:
            UserError: a frequency outside the range.
        """
        hertz = _in_range(self.frequency_hz, scale.hertz(frequency))
        out = np.empty((len(hertz), 2, 2), np.complex128)
        for row, column in ((0, 1), (1, 0)):
            out[:, row, column] = interpolate(self.frequency_hz, self.s[:, row, column], hertz)
        for port in (0, 1):
            out[:, port, port] = np.interp(np.log(hertz), np.log(self.frequency_hz), self.s[:, port, port])
        return out

    def renormalised(self, source_ohm: float, load_ohm: float) -> Scattering:
        """The same two-port with other references."""
        old, new = (self.source_ohm, self.load_ohm), (source_ohm, load_ohm)
        return self if old == new else Scattering(self.frequency_hz, renormalise(self.s, old, new), *new)

    def turned(self) -> Scattering:
        """The two-port with its ports exchanged."""
        return Scattering(self.frequency_hz, self.s[:, ::-1, ::-1], self.load_ohm, self.source_ohm)

    def response(self, load_ohm: float) -> Response:
        """V and I at port 1 with a load at port 2."""
        voltage, current = closed(self.renormalised(self.source_ohm, load_ohm).s, self.source_ohm, load_ohm)
        return Response(self.frequency_hz, voltage, current * load_ohm, load_ohm)


Target = Response | Gain | Mask | Transmission | ScatteringMask | Scattering
TARGETS = (
    "a .s2p or .csv file, a Transmission, ScatteringMask, Scattering, Gain, Mask or Response, or a two-port of "
    "scikit-rf"
)


def _inside(known: np.ndarray, hertz: np.ndarray) -> np.ndarray:
    inside: np.ndarray = (hertz >= known[0] * (1 - SLACK)) & (hertz <= known[-1] * (1 + SLACK))
    return inside


def _in_range(known: np.ndarray, hertz: np.ndarray) -> np.ndarray:
    if not _inside(known, hertz).all():
        raise UserError(
            f"the target reaches from {known[0]:.6g} to {known[-1]:.6g} Hz; "
            f"frequencies from {hertz.min():.6g} to {hertz.max():.6g} Hz are needed"
        )
    return hertz


def _between(
    known: np.ndarray, decibel: np.ndarray, phase: np.ndarray | None, hertz: np.ndarray
) -> tuple[np.ndarray, np.ndarray | None]:
    """dB and unwrapped phase at ``hertz``."""
    place, places = np.log(_in_range(known, hertz)), np.log(known)
    size = np.interp(place, places, decibel)
    return size, None if phase is None else np.interp(place, places, np.unwrap(phase, period=360.0))


def _limit(mask: Mask | ScatteringMask, limit: np.ndarray | None, none: float) -> np.ndarray:
    """A limit with -inf or inf for none, whichever way that is written."""
    if limit is None:
        return np.full(np.shape(mask.frequency_hz), none)
    return np.nan_to_num(np.asarray(limit, np.float64), nan=none, posinf=np.inf, neginf=-np.inf)


def _upper_limit_at(frequency_hz: np.ndarray, limit: np.ndarray, hertz: np.ndarray) -> np.ndarray:
    """The highest value allowed at ``hertz``, ``[d]``, from that of rows ``[n]``; inf for no limit."""
    known, place = np.log(frequency_hz), np.log(hertz)
    # Frequencies that were normalised and brought back hit their row again.
    above = np.clip(np.searchsorted(known, place), 1, len(known) - 1)
    nearest = np.where(place - known[above - 1] < known[above] - place, known[above - 1], known[above])
    place = np.where(np.abs(place - nearest) < SLACK, nearest, place)
    first, last = np.searchsorted(known, place, "left"), np.searchsorted(known, place, "right") - 1
    before = np.clip(last, 0, len(known) - 2)
    low, high = limit[before], limit[before + 1]
    with np.errstate(divide="ignore", invalid="ignore"):
        line = low + (place - known[before]) / (known[before + 1] - known[before]) * (high - low)
    line = np.where(np.isfinite(low) & np.isfinite(high), line, np.inf)
    # A row with a limit has it, though none leads on from there.
    row = first <= last
    line[row] = np.minimum(limit[first[row]], limit[last[row]])
    return np.where((place < known[0]) | (place > known[-1]), np.inf, line)
