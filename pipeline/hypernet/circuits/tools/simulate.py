"""``hypernet circuits simulate``: the response of a ladder, from its netlist to a table, a file and a picture."""

from __future__ import annotations

import argparse
import dataclasses
import math
from pathlib import Path

import numpy as np

from hypernet.circuits.core.backends import BACKENDS
from hypernet.circuits.core.parts import ELEMENTS
from hypernet.circuits.core.scale import Scale
from hypernet.circuits.sources.checks import HIGHEST_HERTZ, LOWEST_HERTZ
from hypernet.circuits.sources.netlist import Ladder, read_netlist
from hypernet.circuits.tools.outputs import check_output
from hypernet.circuits.tools.simulation import FORM, Simulation
from hypernet.lab.errors import UserError
from hypernet.lab.options import scaled_number, whole_number

# What is not asked for.
POINTS = 201
MOST_POINTS = 100_000
LOWEST_OHM, HIGHEST_OHM = 1e-12, 1e12
# Of ladders of resistors, which have no corner frequency.
USUAL_RANGE = (0.01, 100.0)
# What is looked at for a range: so many frequencies. It goes no further than by a factor from where so much comes
# through, of the most, and a decade into a level that changes by no more than FLAT_DB up to its end.
SEARCHED, SHOWN_DB, BEYOND, FLAT_DB = 4001, 60.0, 3.0, 0.1
# A range ends at one of these times a power of ten.
STEPS, NEARLY = (1.0, 2.0, 5.0, 10.0), 1e-3
RANGE = f"in Hz, from {LOWEST_HERTZ:g} to {HIGHEST_HERTZ:g}"
OHMS = f"from {LOWEST_OHM:g} to {HIGHEST_OHM:g} ohms"


def simulate(
    netlist: Path | str | Ladder,
    *,
    ports: tuple[str, str] | None = None,
    source: float | None = None,
    load: float | None = None,
    lowest: float | None = None,
    highest: float | None = None,
    points: int = POINTS,
    frequency_hz: np.ndarray | None = None,
    form: str = FORM,
) -> Simulation:
    """Compute the response of a ladder of resistors, inductors and capacitors between a source and a load.

    Args:
        netlist: a SPICE netlist, as a file or as text, or a ladder that was read from one.
        ports: nodes of the load and of the source; None finds them.
        source: resistance of the source in ohms, 0 for none; None takes that of the netlist.
        load: load in ohms, infinite for an open port; None takes that of the netlist, and the port is open without one.
        lowest: first frequency in Hz; None: a decade below all corner frequencies, or where something comes through.
        highest: last frequency in Hz; None: a decade above all corner frequencies, or where nothing comes through.
        points: number of frequencies, evenly spaced in their logarithm.
        frequency_hz: the frequencies themselves, ``[d]``, rising, instead of the three before.
        form: of the simulator: ``recurrence`` carries voltage and current along the ladder; ``complex`` multiplies
            complex 2 x 2 matrices; ``clifford`` real 4 x 4 ones, the form of Rotman and Wolf. All agree to 1e-12.

    Returns:
        Voltage and current at the source, and from them S parameters (port 1 is the source's, port 2 the load's),
        voltage gain, phase and impedance; it can be written to files, and is a target of `design` and `predict`.

    Raises:
        UserError: no such file, not a ladder, an option outside its range, or a response beyond double precision.

    Example:
        >>> from hypernet import circuits
        >>> lowpass = "a low-pass\\nV1 in 0 AC 1\\nRS in a 50\\nC1 a 0 636.62p\\nRL a 0 50\\n.end\\n"
        >>> circuits.simulate(lowpass, frequency_hz=[1e4, 1e7]).s21_db.round(2).tolist()
        [-0.0, -3.01]
    """
    if form not in BACKENDS:
        raise UserError(f"form: {form!r} is not a form of the simulator; accepted: {', '.join(BACKENDS)}")
    if source is not None and source != 0 and not LOWEST_OHM <= source <= HIGHEST_OHM:
        raise UserError(f"source: {source} is not 0 or a resistance {OHMS}")
    if load is not None and load != math.inf and not LOWEST_OHM <= load <= HIGHEST_OHM:
        raise UserError(f"load: {load} is not a resistance {OHMS}, or infinite")
    if isinstance(netlist, Ladder):
        if ports is not None:
            raise UserError("ports: a ladder has its own; they are for netlists")
        ladder, name, stem = _terminated(netlist, source, load), netlist.title or "ladder", "ladder"
    else:
        ladder = read_netlist(netlist, ports, load, source or None)
        if source == 0:
            # ngspice goes on to run the file: the gain is counted from the port then.
            listing = ladder.listing and dataclasses.replace(ladder.listing, drive=None)
            ladder = dataclasses.replace(_terminated(ladder, source, None), listing=listing)
        name = "netlist" if "\n" in str(netlist) else str(netlist)
        stem = "netlist" if name == "netlist" else Path(netlist).stem
    scale = Scale(ladder.r0, ladder.omega0)
    if frequency_hz is None:
        frequency_hz = _frequencies(ladder, scale, lowest, highest, points)
    elif lowest is not None or highest is not None:
        raise UserError("frequency_hz: give either the frequencies, or lowest and highest")
    hertz = np.asarray(frequency_hz, dtype=np.float64)
    if hertz.ndim != 1 or not 1 <= len(hertz) <= MOST_POINTS or not _rises_inside(hertz):
        raise UserError(f"frequency_hz: not up to {MOST_POINTS:,} rising frequencies {RANGE}")
    voltage, current = _respond(ladder, scale.omega(hertz), form)
    with np.errstate(all="ignore"):
        inverse = ladder.terminations.inverse_transmission(voltage, current)
    finite = np.isfinite(voltage) & np.isfinite(current) & np.isfinite(inverse) & (inverse != 0) & (voltage != 0)
    if not finite.all():
        raise UserError(
            f"{name}: at {hertz[np.argmin(finite)]:.6g} Hz the response leaves the range of double "
            "precision; choose another range of frequencies, or other values"
        )
    return Simulation(ladder, hertz, voltage, current, ladder.title or stem, form)


def _terminated(ladder: Ladder, source: float | None, load: float | None) -> Ladder:
    """The ladder with another source or load where they are given; a source of 0 has no resistance."""
    if source is None and load is None:
        return ladder
    source_ohm, load_ohm, notes = ladder.source_ohm, ladder.load_ohm, list(ladder.notes)
    if source is not None:
        source_ohm = source or None
        notes.append(f"source: {f'{source:g} Ohm' if source else 'without resistance'} as asked for")
    if load is not None:
        load_ohm = float(load)
        notes.append(f"load: {'open' if math.isinf(load) else f'{load:g} Ohm'} as asked for")
    # What its file holds is another circuit.
    return dataclasses.replace(ladder, source_ohm=source_ohm, load_ohm=load_ohm, notes=tuple(notes), listing=None)


def _respond(ladder: Ladder, frequency: np.ndarray, form: str = FORM) -> tuple[np.ndarray, np.ndarray]:
    with np.errstate(all="ignore"):  # who calls looks at the result
        excitation = ladder.terminations.excitation
        voltage, current = BACKENDS[form](ladder.types[None], ladder.values[None], frequency, excitation)
    return voltage[0], current[0]


def _rises_inside(hertz: np.ndarray) -> bool:
    inside = (hertz >= LOWEST_HERTZ) & (hertz <= HIGHEST_HERTZ)
    return bool(inside.all() and (np.diff(hertz) > 0).all())


def _frequencies(ladder: Ladder, scale: Scale, lowest: float | None, highest: float | None, points: int) -> np.ndarray:
    if not 2 <= points <= MOST_POINTS or points != int(points):
        raise UserError(f"points: {points} is not a whole number from 2 to {MOST_POINTS}")
    for name, limit in (("lowest", lowest), ("highest", highest)):
        if limit is not None and not LOWEST_HERTZ <= limit <= HIGHEST_HERTZ:
            raise UserError(f"{name}: {limit} is not a frequency {RANGE}")
    first, last = lowest, highest
    if first is None or last is None:
        usual = _usual_range(ladder)
        # A resonance in the middle of the range would not be met to the last bit, which is no response of a real one.
        first = _rounded(scale.hertz(usual[0]), up=False) if first is None else first
        last = _rounded(scale.hertz(usual[1]), up=True) if last is None else last
    if not first < last:
        raise UserError(f"from {first:g} to {last:g} Hz: the range of frequencies must rise")
    return np.geomspace(first, last, int(points))


def _rounded(hertz: float, up: bool) -> float:
    """The next of 1, 2, 5, 10, 20, 50 ... Hz above or below; the same where it is one of them."""
    hertz = min(max(hertz, LOWEST_HERTZ), HIGHEST_HERTZ)
    power = 10.0 ** math.floor(math.log10(hertz))
    if up:
        return next(step * power for step in STEPS if step * power >= hertz * (1 - NEARLY))
    return next(step * power for step in STEPS[::-1] if step * power <= hertz * (1 + NEARLY))


def _usual_range(ladder: Ladder) -> tuple[float, float]:
    """A decade below the lowest and above the highest corner frequency, w, but not far into a stop band or a flat end.

    Corners are where the impedance of an inductor or a capacitor is that of the source, the load, or a resistor.
    """
    elements, values = ladder.types % ELEMENTS, ladder.values
    ends = ladder.terminations
    resistances = [*values[elements == 0], *(end for end in (ends.source, ends.load) if end and math.isfinite(end))]
    ohms = np.array(resistances or [1.0])
    inductors, capacitors = values[elements == 1], values[elements == 2]
    corners = np.concatenate([
        np.outer(ohms, 1 / inductors).ravel(), 1 / np.outer(ohms, capacitors).ravel(),
    ])  # fmt: skip
    if not len(corners):
        return USUAL_RANGE
    first, last = float(corners.min()) / 10, float(corners.max()) * 10
    frequency = np.geomspace(first, last, SEARCHED)
    voltage, current = _respond(ladder, frequency)
    with np.errstate(all="ignore"):
        level = -20.0 * np.log10(np.abs(ends.inverse_transmission(voltage, current)))
        through = np.flatnonzero(level >= np.nanmax(np.where(np.isfinite(level), level, np.nan)) - SHOWN_DB)
        changed = [np.flatnonzero(np.abs(level - level[end]) > FLAT_DB) for end in (0, -1)]
    if not (len(through) and len(changed[0]) and len(changed[1])):
        return first, last
    lowest = max(first, float(frequency[through[0]]) / BEYOND, float(frequency[changed[0][0]]) / 10)
    return lowest, min(last, float(frequency[through[-1]]) * BEYOND, float(frequency[changed[1][-1]]) * 10)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``hypernet circuits simulate``."""
    parser.add_argument("netlist", type=Path, help="SPICE netlist of a ladder: R, L, C, a source, a load")
    parser.add_argument("--ports", nargs=2, metavar=("LOAD", "SOURCE"), help="nodes of the load and of the source")
    parser.add_argument(
        "--source",
        type=scaled_number(LOWEST_OHM, HIGHEST_OHM, "Ohm", f"a resistance {OHMS}, or none", {"0": 0.0, "none": 0.0}),
        metavar="OHM",
        help="resistance of the source, or none; default: that of the netlist",
    )
    parser.add_argument(
        "--load",
        type=scaled_number(LOWEST_OHM, HIGHEST_OHM, "Ohm", f"a resistance {OHMS}, or open", {"open": math.inf}),
        metavar="OHM",
        help="the load, or open; default: that of the netlist",
    )
    frequency = scaled_number(LOWEST_HERTZ, HIGHEST_HERTZ, "Hz", f"a frequency {RANGE}, such as 1e6, 10k or 2.4GHz")
    parser.add_argument(
        "--from",
        dest="lowest",
        type=frequency,
        metavar="HZ",
        help="1e6, 10k, 1meg, 2.4GHz; default: a decade below all corner frequencies, or where something comes through",
    )
    parser.add_argument(
        "--to",
        dest="highest",
        type=frequency,
        metavar="HZ",
        help="default: a decade above all corner frequencies, or where nothing comes through any more",
    )
    parser.add_argument(
        "--points",
        type=whole_number(2, MOST_POINTS),
        default=POINTS,
        help=f"evenly spaced in their logarithm; default: {POINTS}",
    )
    parser.add_argument(
        "--out",
        type=Path,
        action="append",
        default=[],
        help=".csv (a target for the designer, with S21 and S11), .s2p (Touchstone), or .png or .svg (curves, both); "
        "may be repeated",
    )
    parser.add_argument(
        "--ngspice", action="store_true", help="run the netlist itself through ngspice, where it is installed"
    )


def run(arguments: argparse.Namespace) -> None:
    """Simulate, print the circuit and its response, write the files."""
    for path in arguments.out:
        check_output(path)
    simulation = simulate(
        arguments.netlist,
        ports=tuple(arguments.ports) if arguments.ports else None,
        source=arguments.source,
        load=arguments.load,
        lowest=arguments.lowest,
        highest=arguments.highest,
        points=arguments.points,
    )
    print(simulation.summary())
    if arguments.ngspice:
        difference, count = simulation.difference_from_ngspice(), len(simulation.frequency_hz)
        given = arguments.source is not None or arguments.load is not None
        circuit = f"{arguments.netlist} with this source and load" if given else f"{arguments.netlist} as it is"
        print(
            f"\nngspice: {circuit}, {simulation.through[0]} from node {simulation.ladder.output_node}: "
            f"largest relative difference {difference:.1e} over {count} frequencies"
        )
    for path in arguments.out:
        simulation.write(path)
        print(path)
