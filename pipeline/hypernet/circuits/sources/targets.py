"""What a person wants of a circuit: a response, gain and phase, or limits of the gain, from a file.

A ``.s2p`` file (Touchstone) is a two-port; closed with the load R0 at its port 1 and driven at its port 2 it has the
response (V, I) of a ladder with the excitation (1, -1), see :mod:`hypernet.circuits.core.ladder`. The header of a
``.csv`` file says what the file asks for:

* ``frequency_hz,v_re,v_im,i_re,i_im``: V at port 2 over the voltage at the load, and R0 times the current that leaves
  port 2 over the same (a circuit takes current in there, so at low loss I is near -1);
* ``frequency_hz,gain_db`` or ``frequency_hz,gain_db,phase_deg``: the gain 1 / V, load voltage over voltage at port 2;
* ``frequency_hz,lowest_gain_db,highest_gain_db``: a mask; an empty cell is no limit, and between two rows a limit is
  a straight line over log f where both have it.

Frequencies are in Hz and rise. Between those of a file, log magnitude and unwrapped phase are interpolated over log f.
"""

from __future__ import annotations

import csv
import io
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, overload

import numpy as np

from hypernet.circuits.core.curves import interpolate
from hypernet.circuits.core.parts import R0_OHM
from hypernet.circuits.sources.reading import printable, read_text
from hypernet.circuits.sources.touchstone import read_touchstone
from hypernet.lab.errors import UserError

if TYPE_CHECKING:
    import skrf

RESPONSE_COLUMNS = ("frequency_hz", "v_re", "v_im", "i_re", "i_im")
GAIN_COLUMNS = ("frequency_hz", "gain_db")
PHASE_COLUMNS = (*GAIN_COLUMNS, "phase_deg")
MASK_COLUMNS = ("frequency_hz", "lowest_gain_db", "highest_gain_db")
FORMS = (RESPONSE_COLUMNS, GAIN_COLUMNS, PHASE_COLUMNS, MASK_COLUMNS)
ACCEPTED = " or ".join(",".join(form) for form in FORMS)
FEWEST_POINTS, FEWEST_MASK_POINTS = 4, 2
# Ends of a range that was written as text and read again are still inside.
SLACK = 1e-9
LOWEST_HERTZ, HIGHEST_HERTZ = 1e-9, 1e18
# Nearer frequencies have one logarithm, and a line over log f would have no slope.
CLOSEST = 1e-12
# Beyond it products of two numbers leave double precision; no ladder of a sensible length comes near.
LARGEST = 1e150
LARGEST_DB = 20 * math.log10(LARGEST)
LARGEST_SINGLE = float(np.finfo(np.float32).max)
# |S12 / S21 - 1|: measured files have noise, amplifiers are far off.
RECIPROCAL, NEARLY_RECIPROCAL = 1e-3, 0.1
# No form has more columns, and no instrument's sweep more points.
LARGEST_BYTES, MOST_LINES, MOST_ROWS, MOST_COLUMNS = 50_000_000, 2_000_000, 200_000, max(map(len, FORMS))
LONGEST_LINE, FORMAT = 2000, "a CSV file"


@dataclass(frozen=True)
class Scale:
    """What 1.0 is: ``r0`` ohms, ``omega0`` rad/s, and with them r0 / omega0 henries and 1 / (r0 omega0) farads."""

    r0: float
    omega0: float

    def omega(self, frequency_hz: np.ndarray) -> np.ndarray:
        """Normalised angular frequency w of a frequency in Hz."""
        frequency: np.ndarray = 2.0 * math.pi * np.asarray(frequency_hz, dtype=np.float64) / self.omega0
        return frequency

    @overload
    def hertz(self, frequency: float) -> float: ...

    @overload
    def hertz(self, frequency: np.ndarray) -> np.ndarray: ...

    def hertz(self, frequency: float | np.ndarray) -> float | np.ndarray:
        """The inverse of :meth:`omega`."""
        return frequency * self.omega0 / (2.0 * math.pi)


def choose_scale(frequency_hz: np.ndarray, reference_ohm: float, grid_lowest: float, grid_highest: float) -> Scale:
    """Powers of ten for r0 and omega0 that bring a target to a grid of normalised frequencies.

    Powers of ten, so that catalogue values keep their digits. As much of the band as can be lies on the grid, and of
    several such the one nearest to its middle.

    Args:
        frequency_hz: the target's frequencies, rising.
        reference_ohm: about the resistance that 1.0 should be.
        grid_lowest: w of the grid's first point.
        grid_highest: w of its last point.
    """
    low, high = math.log10(2 * math.pi * frequency_hz[0]), math.log10(2 * math.pi * frequency_hz[-1])
    grid_low, grid_high = math.log10(grid_lowest), math.log10(grid_highest)
    shift = (low + high - grid_low - grid_high) / 2

    def rank(power: int) -> tuple[float, float]:
        overlap = min(high - power, grid_high) - max(low - power, grid_low)
        return -round(overlap, 6), abs(power - shift)

    power = min(range(math.floor(shift) - 1, math.ceil(shift) + 2), key=rank)
    return Scale(10.0 ** round(math.log10(reference_ohm)), 10.0**power)


@dataclass(frozen=True)
class Response:
    """V and the second component I of the state at port 2, normalised.

    As `hypernet.circuits.respond` gives them.

    Attributes:
        frequency_hz: ``[n]``, rising.
        voltage: complex ``[n]``.
        current: complex ``[n]``, normalised to the load.
        load_ohm: the load; None where it is not known, and who reads the response says which load it takes.
    """

    frequency_hz: np.ndarray
    voltage: np.ndarray
    current: np.ndarray
    load_ohm: float | None = None

    def covers(self, frequency: np.ndarray, scale: Scale) -> np.ndarray:
        """Which normalised frequencies lie inside the target's range, ``[d]``."""
        return _inside(self.frequency_hz, scale.hertz(frequency))

    def at(self, frequency: np.ndarray, scale: Scale) -> tuple[np.ndarray, np.ndarray]:
        """V and I at normalised frequencies, complex ``[d]`` each.

        Args:
            frequency: w, ``[d]``.
            scale: what 1.0 is.

        Raises:
            UserError: a frequency outside the range.
        """
        hertz = scale.hertz(frequency)
        _check_range(self.frequency_hz, hertz)
        voltage, current = (interpolate(self.frequency_hz, curve, hertz) for curve in (self.voltage, self.current))
        return voltage, current


@dataclass(frozen=True)
class Gain:
    """Gain from port 2 to the load, 1 / V.

    Attributes:
        frequency_hz: ``[n]``, rising.
        gain_db: ``[n]``.
        phase_degree: ``[n]``, or None where it may be any.
    """

    frequency_hz: np.ndarray
    gain_db: np.ndarray
    phase_degree: np.ndarray | None = None

    def covers(self, frequency: np.ndarray, scale: Scale) -> np.ndarray:
        """Which normalised frequencies lie inside the target's range, ``[d]``."""
        return _inside(self.frequency_hz, scale.hertz(frequency))

    def at(self, frequency: np.ndarray, scale: Scale) -> tuple[np.ndarray, np.ndarray | None]:
        """Gain in dB and unwrapped phase in degrees (or None) at normalised frequencies, ``[d]`` each.

        Raises:
            UserError: a frequency outside the range.
        """
        hertz = scale.hertz(frequency)
        _check_range(self.frequency_hz, hertz)
        place, known = np.log(hertz), np.log(self.frequency_hz)
        gain = np.interp(place, known, self.gain_db)
        if self.phase_degree is None:
            return gain, None
        return gain, np.interp(place, known, np.unwrap(self.phase_degree, period=360.0))


@dataclass(frozen=True)
class Mask:
    """Limits of the gain.

    Attributes:
        frequency_hz: ``[n]``, rising.
        lowest_gain_db: ``[n]``, NaN or -inf for no limit; None where there is none at all.
        highest_gain_db: ``[n]``, NaN or inf for no limit; None where there is none at all.
    """

    frequency_hz: np.ndarray
    lowest_gain_db: np.ndarray | None = None
    highest_gain_db: np.ndarray | None = None

    def covers(self, frequency: np.ndarray, scale: Scale) -> np.ndarray:
        """At which normalised frequencies there is a limit, ``[d]``."""
        lowest, highest = self.at(frequency, scale)
        limited: np.ndarray = np.isfinite(lowest) | np.isfinite(highest)
        return limited

    def at(self, frequency: np.ndarray, scale: Scale) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest gain in dB at normalised frequencies, ``[d]`` each; -inf and inf for no limit."""
        known, place = np.log(self.frequency_hz), np.log(scale.hertz(frequency))
        before = np.clip(np.searchsorted(known, place, side="right") - 1, 0, len(known) - 2)
        share = (place - known[before]) / (known[before + 1] - known[before])
        outside = (share < -SLACK) | (share > 1 + SLACK)
        limits = []
        for limit, none in zip(_limits(self), (-np.inf, np.inf), strict=True):
            first, second = limit[before], limit[before + 1]
            with np.errstate(invalid="ignore"):
                line = first + share * (second - first)
            line = np.where(np.isfinite(first) & np.isfinite(second), line, none)
            # A row with a limit has it, though none leads on from there.
            line = np.where(share <= SLACK, first, np.where(share >= 1 - SLACK, second, line))
            limits.append(np.where(outside, none, line))
        return limits[0], limits[1]


def _limits(mask: Mask) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest gain with -inf and inf for no limit, whichever way that is written."""
    lowest, highest = (
        np.full(np.shape(mask.frequency_hz), none)
        if limit is None
        else np.nan_to_num(np.asarray(limit, np.float64), nan=none, posinf=np.inf, neginf=-np.inf)
        for limit, none in ((mask.lowest_gain_db, -np.inf), (mask.highest_gain_db, np.inf))
    )
    return lowest, highest


def _inside(known: np.ndarray, hertz: np.ndarray) -> np.ndarray:
    inside: np.ndarray = (hertz >= known[0] * (1 - SLACK)) & (hertz <= known[-1] * (1 + SLACK))
    return inside


def _check_range(known: np.ndarray, hertz: np.ndarray) -> None:
    if not _inside(known, hertz).all():
        raise UserError(
            f"the target reaches from {known[0]:.6g} to {known[-1]:.6g} Hz; "
            f"frequencies from {hertz.min():.6g} to {hertz.max():.6g} Hz are needed"
        )


Target = Response | Gain | Mask
TARGETS = "a .s2p or .csv file, a Response, Gain or Mask, or a two-port of scikit-rf"


def read_target(path: Path | str, r0: float = R0_OHM, load_port: int = 1) -> Target:
    """Read what a person wants; the module's docstring says in which forms. Doubts go to stderr as warnings.

    Args:
        path: a ``.s2p`` or a ``.csv`` file.
        r0: the load in ohms that closes the two-port of a ``.s2p`` file; a ``.csv`` file has its own.
        load_port: the port of a ``.s2p`` file that the load closes, 1 or 2; the other one is driven.

    Raises:
        UserError: one line that names the file, the line and what is accepted.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in (".s2p", ".csv"):
        raise UserError(f"{path}: the name must end in .s2p (Touchstone) or .csv")
    target = _table(path) if suffix == ".csv" else response_of(read_touchstone(path), r0, load_port, str(path))
    warn(target, str(path))
    return target


def as_target(
    target: Path | str | Target | skrf.Network,
    r0: float = R0_OHM,
    load_port: int = 1,
    name: str = "target",
    accepted: str = TARGETS,
) -> Target:
    """A target from whatever holds one: a file, a two-port of scikit-rf, or arrays; doubts go to stderr as warnings.

    Args:
        target: a file for :func:`read_target`, a two-port for :func:`response_of`, or a target.
        r0: as for :func:`read_target`.
        load_port: as for :func:`read_target`.
        name: of what is no file, for messages.
        accepted: what the caller takes, for messages.

    Raises:
        UserError: it cannot be used; one line.
    """
    if load_port not in (1, 2):
        raise UserError(f"load_port: {load_port!r} is neither 1 nor 2")
    if isinstance(target, Path | str):
        return read_target(target, r0, load_port)
    if isinstance(target, Response | Gain | Mask):
        checked = _checked(target, name)
    elif hasattr(target, "nports"):
        checked = response_of(target, r0, load_port, name)
    else:
        raise UserError(f"{name}: a {type(target).__name__}; accepted: {accepted}")
    warn(checked, name)
    return checked


def _checked(target: Target, name: str) -> Target:
    """A target of a person's own arrays as those of files are: of doubles, of one length, finite, rising."""
    load_ohm = target.load_ohm if isinstance(target, Response) else None
    if load_ohm is not None and not 0 < load_ohm < math.inf:
        raise UserError(f"{name}: load_ohm is {load_ohm}; accepted: a resistance in ohms, or None")
    columns = {
        field.name: np.asarray(value, np.complex128 if field.name in ("voltage", "current") else np.float64)
        for field in fields(target)
        if field.name != "load_ohm" and (value := getattr(target, field.name)) is not None
    }
    hertz = columns["frequency_hz"]
    if any(column.shape != (hertz.size,) for column in columns.values()):
        shapes = ", ".join(f"{key} {column.shape}" for key, column in columns.items())
        raise UserError(f"{name}: arrays of one length are needed, not {shapes}")
    points = [f"point {place}" for place in range(1, len(hertz) + 1)]
    _check_frequencies(name, hertz, points, FEWEST_MASK_POINTS if isinstance(target, Mask) else FEWEST_POINTS)
    if isinstance(target, Mask):
        return _mask(name, points, hertz, *_limits(target))
    for key, column in columns.items():
        if not np.isfinite(column).all():
            raise UserError(f"{name}: {key} at {hertz[np.argmin(np.isfinite(column))]:.6g} Hz is no number")
    if isinstance(target, Response):
        return _response(name, hertz, columns["voltage"], columns["current"], load_ohm)
    _check_gain(name, points, "gain_db", columns["gain_db"])
    return Gain(hertz, columns["gain_db"], columns.get("phase_degree"))


def warn(target: Target, name: str) -> None:
    """Print what is doubtful about a target to stderr, a line each."""
    for doubt in doubts(target):
        print(f"warning: {name}: {doubt}", file=sys.stderr)


def doubts(target: Target) -> list[str]:
    """Why no ladder of passive parts can do it, or no network can read it; a sentence each."""
    if isinstance(target, Mask):
        return []
    reasons = []
    if isinstance(target, Response):
        # In units of |V_load|^2 / R0 the load takes 1, and port 2 takes Re(V conj(-I)), a passive circuit no less.
        apparent = np.abs(target.voltage) * np.abs(target.current)
        power = -(target.voltage * target.current.conj()).real
        active = power < 1 - 1e-6 * (1 + apparent)
        if active.any():
            hertz = target.frequency_hz[np.argmax(active)]
            text = f"not passive: at {hertz:.6g} Hz the load takes more power than goes in; no R, L and C do that"
            if (-power >= 1 - 1e-6 * (1 + apparent)).all():
                text += "; with -I it would be: I is the current that leaves port 2, not the one that goes in"
            reasons.append(text)
        largest = max(np.abs(target.voltage).max(), np.abs(target.current).max())
    else:
        largest = 10.0 ** min(-target.gain_db.min() / 20, 300.0)
    if largest > LARGEST_SINGLE:
        reasons.append(f"grows to {largest:.1e}, too large for single precision; ladders of ten parts stay under 1e30")
    return reasons


def response_of(network: skrf.Network, r0: float = R0_OHM, load_port: int = 1, name: str = "network") -> Response:
    """The response of a two-port of scikit-rf, closed with a load at one port and driven at the other.

    Args:
        network: the two-port, at four frequencies or more, which rise.
        r0: the load in ohms.
        load_port: the port that the load closes, 1 or 2.
        name: for messages.

    Raises:
        UserError: no two-port, not reciprocal, or frequencies and parameters that cannot be used.
    """
    hertz, s = np.asarray(network.f, dtype=np.float64), network.s
    if network.nports != 2:
        raise UserError(f"{name}: {network.nports} ports; accepted: a two-port")
    _check_frequencies(name, hertz, [f"point {place}" for place in range(1, len(hertz) + 1)], FEWEST_POINTS)
    if not np.isfinite(s).all():
        raise UserError(
            f"{name}: the parameters at {hertz[np.argmin(np.isfinite(s).all((1, 2)))]:.6g} Hz are no numbers"
        )
    if network.noisy:
        # By Touchstone's own rule.
        print(
            f"warning: {name}: what follows {hertz[-1]:.6g} Hz, where the frequency falls, is read as noise data",
            file=sys.stderr,
        )
    forth, back = s[:, 1, 0], s[:, 0, 1]
    if (forth == 0).any() or (back == 0).any():
        raise UserError(f"{name}: nothing comes through at {hertz[np.argmax((forth == 0) | (back == 0))]:.6g} Hz")
    # The determinant of ABCD, which is 1 for all circuits of R, L and C.
    determinant = back / forth
    unequal = float(np.abs(determinant - 1).max())
    if unequal > NEARLY_RECIPROCAL:
        raise UserError(
            f"{name}: not reciprocal, S12 and S21 differ by {unequal:.1%}; no circuit of R, L and C does that"
        )
    if unequal > RECIPROCAL:
        print(f"warning: {name}: not quite reciprocal, S12 and S21 differ by {unequal:.2%}", file=sys.stderr)
    with np.errstate(all="ignore"):  # what comes out of it is checked below
        a, b, c, d = network.a.reshape(-1, 4).T
    if load_port == 1:
        voltage, current = (d + b / r0) / determinant, -(a + c * r0) / determinant
    else:
        voltage, current = a + b / r0, -(d + c * r0)
    return _response(name, hertz, voltage, current, r0)


def _response(
    name: str, hertz: np.ndarray, voltage: np.ndarray, current: np.ndarray, load_ohm: float | None = None
) -> Response:
    zero = (voltage == 0) | (current == 0)
    if zero.any():
        raise UserError(f"{name}: V or I is 0 at {hertz[np.argmax(zero)]:.6g} Hz, which no passive circuit does")
    huge = ~(np.maximum(np.abs(voltage), np.abs(current)) <= LARGEST)
    if huge.any():
        raise UserError(f"{name}: V or I at {hertz[np.argmax(huge)]:.6g} Hz is larger than {LARGEST:g}")
    return Response(hertz, voltage, current, load_ohm)


def _table(path: Path) -> Target:
    columns, places = _cells(path, read_text(path, LARGEST_BYTES, FORMAT, ("utf-8-sig",)))
    form = next((form for form in FORMS if set(form) == set(columns)), None)
    if form is None:
        raise UserError(f"{path}: the columns are {printable(','.join(columns), 80)}; accepted: {ACCEPTED}")
    blank = math.nan if form is MASK_COLUMNS else None
    numbers = [
        np.array([_number(cell, place, name, blank) for cell, place in zip(columns[name], places, strict=True)])
        for name in form
    ]
    hertz = numbers[0]
    _check_frequencies(str(path), hertz, places, FEWEST_MASK_POINTS if form is MASK_COLUMNS else FEWEST_POINTS)
    if form is RESPONSE_COLUMNS:
        v_re, v_im, i_re, i_im = numbers[1:]
        return _response(str(path), hertz, v_re + 1j * v_im, i_re + 1j * i_im)
    for name, column in zip(form[1:], numbers[1:], strict=True):
        if name != "phase_deg":
            _check_gain(str(path), places, name, column)
    if form is not MASK_COLUMNS:
        return Gain(hertz, *numbers[1:])
    return _mask(str(path), places, hertz, *_limits(Mask(*numbers)))


def _check_gain(name: str, places: list[str], column_name: str, column: np.ndarray) -> None:
    # Cells without a limit are not numbers, or infinite, and not beyond anything.
    beyond = np.isfinite(column) & (np.abs(column) > LARGEST_DB)
    if beyond.any():
        place = int(np.argmax(beyond))
        raise UserError(
            f"{_where(name, places[place])}: {column_name} is {column[place]:g}; "
            f"accepted: from {-LARGEST_DB:g} to {LARGEST_DB:g}"
        )


def _mask(name: str, places: list[str], hertz: np.ndarray, lowest: np.ndarray, highest: np.ndarray) -> Mask:
    for column_name, column in (("lowest_gain_db", lowest), ("highest_gain_db", highest)):
        _check_gain(name, places, column_name, column)
    crossed = ~(lowest <= highest)
    if crossed.any():
        raise UserError(f"{_where(name, places[np.argmax(crossed)])}: the lowest gain is above the highest")
    if not np.isfinite([lowest, highest]).any():
        raise UserError(f"{name}: a mask without limits")
    return Mask(hertz, lowest, highest)


def _where(name: str, place: str) -> str:
    return place if place.startswith(name) else f"{name}, {place}"


def _cells(path: Path, text: str) -> tuple[dict[str, list[str]], list[str]]:
    """Columns by name, and the place of each row."""
    reader = csv.reader(_short_lines(path, text), strict=True)
    rows: list[list[str]] = []
    places: list[str] = []
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                if len(row) > MOST_COLUMNS:
                    raise UserError(f"{path}, line {reader.line_num}: {len(row)} columns; accepted: {ACCEPTED}")
                if len(rows) > MOST_ROWS:
                    raise UserError(f"{path}: more than {MOST_ROWS:,} rows, the most that a target may have")
                rows.append([cell.strip() for cell in row])
                places.append(f"{path}, line {reader.line_num}")
    except csv.Error as error:
        raise UserError(f"{path}, line {reader.line_num}: not CSV ({error})") from None
    if not rows:
        raise UserError(f"{path}: the file is empty; accepted: CSV with a header")
    header = [name.lower() for name in rows.pop(0)]
    if len(set(header)) < len(header):
        raise UserError(f"{places[0]}: two columns have one name")
    for row, place in zip(rows, places[1:], strict=True):
        if len(row) != len(header):
            raise UserError(f"{place}: {len(row)} fields, the header has {len(header)}")
    return {name: [row[column] for row in rows] for column, name in enumerate(header)}, places[1:]


def _short_lines(path: Path, text: str) -> Iterator[str]:
    for number, line in enumerate(io.StringIO(text), start=1):
        if number > MOST_LINES:
            raise UserError(f"{path}: more than {MOST_LINES:,} lines, the most that {FORMAT} may have")
        if len(line) > LONGEST_LINE:
            raise UserError(f"{path}, line {number}: more than {LONGEST_LINE} characters; not {FORMAT}")
        yield line


def _number(cell: str, place: str, name: str, blank: float | None) -> float:
    if not cell and blank is not None and name != "frequency_hz":
        return blank
    try:
        number = math.nan if "_" in cell else float(cell)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise UserError(f"{place}: {name} is {cell[:20]!r}; accepted: a finite number")
    return number


def _check_frequencies(name: str, hertz: np.ndarray, places: list[str], fewest: int) -> None:
    if len(hertz) < fewest:
        raise UserError(f"{name}: {len(hertz)} frequencies; at least {fewest} are needed")
    for before, (frequency, place) in zip([0.0, *hertz[:-1]], zip(hertz, places, strict=True), strict=True):
        where = _where(name, place)
        if not LOWEST_HERTZ <= frequency <= HIGHEST_HERTZ:
            raise UserError(
                f"{where}: the frequency {frequency:g} Hz; accepted: from {LOWEST_HERTZ:g} to {HIGHEST_HERTZ:g} Hz"
            )
        if frequency <= before * (1 + CLOSEST):
            raise UserError(f"{where}: the frequency {frequency:.10g} Hz does not rise over {before:.10g} Hz before it")
