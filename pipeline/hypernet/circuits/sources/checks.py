"""What the arrays of a target must be, and what is doubtful about them, wherever they come from.

That is a table, a Touchstone file, or a person's program.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import fields

import numpy as np

from hypernet.circuits.sources.targets import Gain, Mask, Response, Scattering, ScatteringMask, Target, Transmission
from hypernet.lab.errors import UserError

FEWEST_POINTS, FEWEST_MASK_POINTS = 4, 2
LOWEST_HERTZ, HIGHEST_HERTZ = 1e-9, 1e18
# Nearer frequencies have one logarithm, and a line over log f would have no slope.
CLOSEST = 1e-12
# Beyond it products of two numbers leave double precision; no ladder of a sensible length comes near.
LARGEST = 1e150
LARGEST_DB = 20 * math.log10(LARGEST)
# A mask's row at 0 Hz moves to the next frequency over this: there is no 0 on a logarithmic axis.
FROM_ZERO = 100.0
LARGEST_SINGLE = float(np.finfo(np.float32).max)
# What measurements of passive circuits may be above 0 dB or beyond all of the power that goes in.
MEASURED = 1e-3
MEASURED_DB = 0.01
# |S12 / S21 - 1|: measured files have noise, amplifiers are far off.
RECIPROCAL, NEARLY_RECIPROCAL = 1e-3, 0.1


def arranged(
    name: str, hertz: np.ndarray, places: Sequence[str], fewest: int, twice: bool = False
) -> tuple[np.ndarray, list[str]]:
    """Which rows are used, in order of frequency, and what is to be told of it.

    A row at 0 Hz is left out; see :func:`from_zero` for masks.

    Args:
        name: of the file, for messages.
        hertz: ``[n]``.
        places: of each row, for messages.
        fewest: rows that are needed.
        twice: whether a frequency may stand twice, a vertical edge of a mask.

    Returns:
        Indices of rows, and notes, a sentence each.

    Raises:
        UserError: too few rows, or frequencies that cannot be used.
    """
    notes = []
    outside = ~((hertz == 0) | ((hertz >= LOWEST_HERTZ) & (hertz <= HIGHEST_HERTZ)))
    if outside.any():
        place = int(np.argmax(outside))
        raise UserError(
            f"{_where(name, places[place])}: the frequency {hertz[place]:g} Hz; "
            f"accepted: from {LOWEST_HERTZ:g} to {HIGHEST_HERTZ:g} Hz"
        )
    order = np.flatnonzero(hertz > 0)
    if len(order) < len(hertz):
        notes.append(
            f"0 Hz ({places[int(np.argmax(hertz == 0))].split(', ')[-1]}) is left out: frequencies are logarithmic here"
        )
    if len(order) < fewest:
        raise UserError(f"{name}: {len(order)} frequencies; at least {fewest} are needed")
    steps = np.diff(hertz[order])
    if (steps < 0).any():
        notes.append("the rows are not in order of frequency; they are sorted")
        # A falling table is turned round, so that the sides of a vertical edge keep their place.
        falls = bool((steps <= 0).all())
        order = order[::-1] if falls else order[np.argsort(hertz[order], kind="stable")]
        edges = np.flatnonzero(np.diff(hertz[order]) == 0)
        if twice and len(edges) and not falls:
            # Which of the two holds below and which above was said by the order alone.
            second = order[edges[0] + 1]
            raise UserError(
                f"{_where(name, places[second])}: the frequency {hertz[second]:.10g} Hz stands twice, a vertical edge, "
                "and the rows are not in order: which side is which is not said; put them in order of frequency"
            )
    sorted_hertz = hertz[order]
    near = np.diff(sorted_hertz) <= CLOSEST * sorted_hertz[1:]
    if twice:
        edge = np.diff(sorted_hertz) == 0
        near = (near & ~edge) | (edge & np.append(False, edge[:-1]))
    if near.any():
        place = int(np.argmax(near))
        first, second = (order[place + step] for step in (0, 1))
        often = "more than twice" if twice else "twice"
        raise UserError(
            f"{_where(name, places[second])}: the frequency {hertz[second]:.10g} Hz stands {often} "
            f"(also in {places[first].rpartition(', ')[2]})"
        )
    return order, notes


def from_zero(hertz: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """A mask's frequencies with a row at 0 Hz moved to a positive frequency below the others; and a note on it."""
    positive = hertz[hertz > 0]
    if not (hertz == 0).any() or not len(positive):
        return hertz, []
    lowest = positive.min() / FROM_ZERO
    note = f"the limits at 0 Hz are taken for {lowest:g} Hz: frequencies are logarithmic here"
    return np.where(hertz == 0, lowest, hertz), [note]


def checked(target: Target, name: str) -> tuple[Target, list[str]]:
    """A target of a person's own arrays as those of files are: of doubles, of one length, finite, rising; and notes.

    Raises:
        UserError: it cannot be used; one line.
    """
    ohms = [field.name for field in fields(target) if field.name.endswith("_ohm")]
    for ohm in ohms:
        value = getattr(target, ohm)
        if not (value is None and isinstance(target, Response)) and not 0 < value < math.inf:
            accepted = "a resistance in ohms, or None" if isinstance(target, Response) else "a resistance in ohms"
            raise UserError(f"{name}: {ohm} is {value}; accepted: {accepted}")
    columns = {
        field.name: np.asarray(value, np.complex128 if field.name in ("voltage", "current", "s") else np.float64)
        for field in fields(target)
        if field.name not in ohms and (value := getattr(target, field.name)) is not None
    }
    hertz = columns["frequency_hz"]
    shapes = {key: (hertz.size, 2, 2) if key == "s" else (hertz.size,) for key in columns}
    if any(column.shape != shapes[key] for key, column in columns.items()):
        given = ", ".join(f"{key} {column.shape}" for key, column in columns.items())
        raise UserError(f"{name}: arrays of one length are needed, not {given}")
    points = [f"point {place}" for place in range(1, len(hertz) + 1)]
    if isinstance(target, Mask | ScatteringMask):
        return mask(type(target), name, points, columns)
    order, notes = arranged(name, hertz, points, FEWEST_POINTS)
    points, columns = [points[row] for row in order], {key: column[order] for key, column in columns.items()}
    hertz = columns["frequency_hz"]
    for key, column in columns.items():
        finite = np.isfinite(column).reshape(len(hertz), -1).all(axis=1)
        if not finite.all():
            raise UserError(f"{name}: {key} at {hertz[np.argmin(finite)]:.6g} Hz is no number")
    match target:
        case Response():
            return response(name, hertz, columns["voltage"], columns["current"], target.load_ohm), notes
        case Scattering():
            usable, more = two_port(name, Scattering(hertz, columns["s"], target.source_ohm, target.load_ohm))
            return usable, notes + more
        case Gain():
            decibels(name, points, "gain_db", columns["gain_db"])
            return Gain(hertz, columns["gain_db"], columns.get("phase_degree")), notes
        case Transmission():
            decibels(name, points, "s21_db", columns["s21_db"])
            return Transmission(hertz, columns["s21_db"], columns.get("phase_degree")), notes


def response(
    name: str, hertz: np.ndarray, voltage: np.ndarray, current: np.ndarray, load_ohm: float | None = None
) -> Response:
    """A response that a circuit may have.

    Raises:
        UserError: a zero, or a number beyond :data:`LARGEST`.
    """
    zero = (voltage == 0) | (current == 0)
    if zero.any():
        raise UserError(f"{name}: V or I is 0 at {hertz[np.argmax(zero)]:.6g} Hz, which no passive circuit does")
    huge = ~(np.maximum(np.abs(voltage), np.abs(current)) <= LARGEST)
    if huge.any():
        raise UserError(f"{name}: V or I at {hertz[np.argmax(huge)]:.6g} Hz is larger than {LARGEST:g}")
    return Response(hertz, voltage, current, load_ohm)


def two_port(name: str, target: Scattering) -> tuple[Scattering, list[str]]:
    """A two-port that a circuit may be, and notes.

    Raises:
        UserError: nothing comes through, or it is not reciprocal.
    """
    hertz, forth, back = target.frequency_hz, target.s[:, 1, 0], target.s[:, 0, 1]
    none = (forth == 0) | (back == 0)
    if none.any():
        raise UserError(f"{name}: nothing comes through at {hertz[np.argmax(none)]:.6g} Hz: S12 or S21 is 0")
    small = ~(np.abs(forth) >= 1 / LARGEST)
    if small.any():
        raise UserError(f"{name}: S21 at {hertz[np.argmax(small)]:.6g} Hz is smaller than {1 / LARGEST:g}")
    unequal = float(np.abs(back / forth - 1).max())
    if unequal > NEARLY_RECIPROCAL:
        raise UserError(
            f"{name}: not reciprocal, S12 and S21 differ by {unequal:.1%}; no circuit of R, L and C does that"
        )
    note = f"not quite reciprocal, S12 and S21 differ by {unequal:.2%}"
    return target, [note] if unequal > RECIPROCAL else []


def decibels(name: str, places: Sequence[str], column_name: str, column: np.ndarray) -> None:
    """Refuse numbers in dB that no double holds as a ratio; cells without a limit are beyond nothing."""
    beyond = np.isfinite(column) & (np.abs(column) > LARGEST_DB)
    if beyond.any():
        place = int(np.argmax(beyond))
        raise UserError(
            f"{_where(name, places[place])}: {column_name} is {column[place]:g}; "
            f"accepted: from {-LARGEST_DB:g} to {LARGEST_DB:g}"
        )


def mask(
    form: type[Mask | ScatteringMask], name: str, places: Sequence[str], columns: dict[str, np.ndarray]
) -> tuple[Mask | ScatteringMask, list[str]]:
    """A mask of columns by the names of its fields, with -inf and inf for no limit; and notes.

    Raises:
        UserError: no limits, limits that cross, or frequencies that cannot be used.
    """
    hertz, notes = from_zero(columns["frequency_hz"])
    order, more = arranged(name, hertz, places, FEWEST_MASK_POINTS, twice=True)
    places = [places[row] for row in order]
    names = [field.name for field in fields(form)]
    given = form(hertz[order], *(columns[key][order] if key in columns else None for key in names[1:]))
    limits = given.limits()
    for key, column in zip(names[1:], limits, strict=True):
        decibels(name, places, key, column)
    crossed = ~(limits[0] <= limits[1])
    if crossed.any():
        what = "gain" if form is Mask else "S21"
        raise UserError(f"{_where(name, places[int(np.argmax(crossed))])}: the lowest {what} is above the highest")
    if not np.isfinite(limits).any():
        raise UserError(f"{name}: a mask without limits")
    return form(given.frequency_hz, *limits), notes + more


def _where(name: str, place: str) -> str:
    return place if place.startswith(name) else f"{name}, {place}"


def doubts(target: Target) -> list[str]:
    """Why no circuit of R, L and C can do it, or no network can read it; a sentence each."""
    match target:
        case Response():
            return _of_response(target)
        case Scattering():
            return _of_two_port(target) + _too_large(10.0 ** min(-target.s21_db.min() / 20, 300.0))
        case Gain():
            return _too_large(10.0 ** min(-target.gain_db.min() / 20, 300.0))
        case Transmission():
            return _above_zero(target.frequency_hz, target.s21_db) + _too_large(
                10.0 ** min(-target.s21_db.min() / 20, 300.0)
            )
        case Mask():
            return _contradictions(target, "the gain")
        case ScatteringMask():
            lowest = target.limits()[0]
            return _above_zero(target.frequency_hz, lowest) + _contradictions(target, "S21")


def _of_response(target: Response) -> list[str]:
    # In units of |V_load|^2 / R0 the load takes 1, and the source gives Re(V conj(-I)), to a passive circuit no less.
    apparent = np.abs(target.voltage) * np.abs(target.current)
    power = -(target.voltage * target.current.conj()).real
    active = power < 1 - 1e-6 * (1 + apparent)
    reasons = []
    if active.any():
        hertz = target.frequency_hz[np.argmax(active)]
        text = f"not passive: at {hertz:.6g} Hz the load takes more power than goes in; no R, L and C do that"
        if (-power >= 1 - 1e-6 * (1 + apparent)).all():
            text += "; with -I it would be: I is the current that leaves the circuit, not the one that goes in"
        reasons.append(text)
    return reasons + _too_large(float(max(np.abs(target.voltage).max(), np.abs(target.current).max())))


def _of_two_port(target: Scattering) -> list[str]:
    # The largest singular value squared: what comes out of what goes in, at worst.
    share = np.linalg.norm(target.s, 2, axis=(1, 2)) ** 2
    worst = int(np.argmax(share))
    if share[worst] <= 1 + MEASURED:
        return []
    hertz = target.frequency_hz[worst]
    return [f"not passive: at {hertz:.6g} Hz {share[worst]:.4g} times the power that goes in comes out"]


def _above_zero(hertz: np.ndarray, decibel: np.ndarray) -> list[str]:
    above = decibel > MEASURED_DB
    if not above.any():
        return []
    place = int(np.argmax(above))
    return [f"S21 of {decibel[place]:g} dB at {hertz[place]:.6g} Hz: no circuit of R, L and C comes above 0 dB"]


def _contradictions(target: Mask | ScatteringMask, what: str) -> list[str]:
    """Vertical edges where both sides cannot be met: a circuit's curves have no steps."""
    hertz, (lowest, highest) = target.frequency_hz, target.limits()[:2]
    before, after = slice(None, -1), slice(1, None)
    edge = hertz[before] == hertz[after]
    crossed = edge & (np.maximum(lowest[before], lowest[after]) > np.minimum(highest[before], highest[after]))
    return [
        f"at {hertz[place]:.6g} Hz {what} would have to be at least {max(lowest[place : place + 2]):g} dB and at most "
        f"{min(highest[place : place + 2]):g} dB; no circuit meets that, and the nearest one is sought"
        for place in np.flatnonzero(crossed)[:1]
    ]


def _too_large(largest: float) -> list[str]:
    if largest <= LARGEST_SINGLE:
        return []
    return [f"grows to {largest:.1e}, too large for single precision; ladders of ten parts stay under 1e30"]
