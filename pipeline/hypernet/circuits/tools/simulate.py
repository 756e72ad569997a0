"""``hypernet circuits simulate``: the response of a ladder, from its netlist to a table, a file and a picture."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from hypernet.circuits.core.backends import BACKENDS
from hypernet.circuits.core.parts import ELEMENTS, PART_TYPES, R0_OHM, UNITS, texts
from hypernet.circuits.sources.netlist import Ladder, read_netlist
from hypernet.circuits.sources.reading import printable
from hypernet.circuits.sources.targets import HIGHEST_HERTZ, LOWEST_HERTZ, RESPONSE_COLUMNS, Response, Scale
from hypernet.lab.errors import UserError
from hypernet.lab.files import write_table, write_text
from hypernet.lab.options import real_number, whole_number

# What is not asked for.
POINTS, FORM = 201, "recurrence"
MOST_POINTS = 100_000
LOWEST_OHM, HIGHEST_OHM = 1e-12, 1e12
# Rows of the printed table.
SHOWN = 9
# Parts in a line of a picture's title, and lines of it.
TITLE_ROW, TITLE_ROWS = 5, 4
# Of ladders of resistors, which have no corner frequency.
USUAL_RANGE = (0.01, 100.0)
PREFIXES = {-15: "f", -12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G"}


@dataclass(frozen=True)
class Simulation:
    """The response of a ladder: port 1 is closed with the load, port 2 is driven.

    Attributes:
        ladder: the circuit.
        frequency_hz: ``[d]``, rising.
        voltage: V, the voltage at port 2 for 1 V at the load, complex ``[d]``; the gain is 1 / V.
        current: the current that leaves port 2, times the load in ohms, complex ``[d]``, volts.
        name: title of the netlist, or the name of its file.
        form: of the simulator, as `simulate` takes it.
    """

    ladder: Ladder
    frequency_hz: np.ndarray
    voltage: np.ndarray
    current: np.ndarray
    name: str
    form: str = FORM

    def __repr__(self) -> str:
        first, last = (f"{quantity(hertz)}Hz" for hertz in self.frequency_hz[[0, -1]])
        load = f"load {quantity(self.ladder.r0)}Ohm"
        return (
            f"Simulation({printable(self.name)}, {self._text}, {load}, {len(self.frequency_hz)} frequencies "
            f"from {first} to {last})"
        )

    def __str__(self) -> str:
        return self.summary()

    @property
    def _text(self) -> str:
        return texts(self.ladder.types[None], self.ladder.values[None])[0]

    @property
    def response(self) -> Response:
        """The response with its load, as a target of `hypernet.circuits.design`."""
        return Response(self.frequency_hz, self.voltage, self.current, self.ladder.r0)

    @property
    def gain_db(self) -> np.ndarray:
        """Gain from port 2 to the load, dB, ``[d]``."""
        gain: np.ndarray = -20.0 * np.log10(np.abs(self.voltage))
        return gain

    @property
    def phase_degree(self) -> np.ndarray:
        """Unwrapped phase of the gain, degrees, ``[d]``."""
        phase: np.ndarray = -np.degrees(np.unwrap(np.angle(self.voltage)))
        return phase

    @property
    def impedance_ohm(self) -> np.ndarray:
        """Impedance seen at port 2, ohms, complex ``[d]``."""
        impedance: np.ndarray = -self.voltage / self.current * self.ladder.r0
        return impedance

    @cached_property
    def s_parameters(self) -> np.ndarray:
        """S parameters with the load as reference at both ports, complex ``[d, 2, 2]``; port 1 is the load's."""
        frequency = self._scale.omega(self.frequency_hz)
        # The columns of T, the inverse of ABCD, whose determinant is 1: (D, -C) and (-B, A).
        (d, minus_c), (minus_b, a) = (_respond(self.ladder, frequency, unit) for unit in ((1.0, 0.0), (0.0, 1.0)))
        c, b = -minus_c, -minus_b
        total = a + b + c + d
        s11, s21, s22 = (a + b - c - d) / total, 2.0 / total, (b + d - a - c) / total
        return np.stack([np.stack([s11, s21], axis=-1), np.stack([s21, s22], axis=-1)], axis=-2)

    @property
    def _scale(self) -> Scale:
        return Scale(self.ladder.r0, self.ladder.omega0)

    def difference_from_ngspice(self) -> float:
        """Largest relative difference of V and I from what ngspice computes for the same circuit.

        Raises:
            UserError: ngspice is not installed, or cannot simulate the circuit.
        """
        # Imported here: only this comparison needs it.
        from hypernet.circuits.sources.ngspice import respond_ngspice

        ladder, frequency = self.ladder, self._scale.omega(self.frequency_hz)
        reference = respond_ngspice(ladder.types, ladder.values, frequency, ladder.r0, ladder.omega0)
        pairs = zip((self.voltage, self.current), reference, strict=True)
        return float(max(np.abs(curve / expected - 1).max() for curve, expected in pairs))

    def summary(self) -> str:
        """The circuit, and its gain and impedance at a few of the frequencies, for people."""
        ladder = self.ladder
        title = f"{self.name}: {len(ladder.types)} parts from the load to the source"
        units = f"{self._text}, where 1.0 is {quantity(ladder.r0)}Ohm and {ladder.omega0:g} rad/s\n"
        return "\n".join([title, "  ".join(describe(ladder)), units, response_table(self)])

    def write(self, path: Path | str) -> None:
        """Write the response in the format that the name ends in.

        Args:
            path: .csv (a target for the designer), .s2p (Touchstone), .png or .svg (a Bode plot; both are written).

        Raises:
            UserError: another ending, or a folder.
        """
        path = check_output(Path(path))
        WRITERS[path.suffix.lower()](path, self)


def simulate(
    netlist: Path | str | Ladder,
    *,
    ports: tuple[str, str] | None = None,
    load: float | None = None,
    lowest: float | None = None,
    highest: float | None = None,
    points: int = POINTS,
    frequency_hz: np.ndarray | None = None,
    form: str = FORM,
) -> Simulation:
    """Compute the response of a ladder of resistors, inductors and capacitors.

    Args:
        netlist: a SPICE netlist, as a file or as text, or a ladder that was read from one.
        ports: nodes of port 1 (load) and port 2 (source); None finds them.
        load: load at port 1 in ohms; None takes that of the netlist.
        lowest: first frequency in Hz; None: a decade below all corner frequencies.
        highest: last frequency in Hz; None: a decade above all corner frequencies.
        points: number of frequencies, evenly spaced in their logarithm.
        frequency_hz: the frequencies themselves, ``[d]``, rising, instead of the three before.
        form: of the simulator: ``recurrence`` carries voltage and current along the ladder; ``complex`` multiplies
            complex 2 x 2 matrices; ``clifford`` real 4 x 4 ones, the form of Rotman and Wolf. All agree to 1e-12.

    Returns:
        Voltage and current at port 2, and from them gain, phase, impedance and S parameters; it can be written to
        files, and is a target of `design` and `predict`.

    Raises:
        UserError: no such file, not a ladder, an option outside its range, or a response beyond double precision.

    Example:
        >>> from hypernet import circuits
        >>> divider = "a divider\\nV1 a 0 AC 1\\nR1 a b 1k\\nRL b 0 1k\\n.end\\n"
        >>> circuits.simulate(divider, points=2).gain_db.round(2).tolist()
        [-6.02, -6.02]
    """
    if form not in BACKENDS:
        raise UserError(f"form: {form!r} is not a form of the simulator; accepted: {', '.join(BACKENDS)}")
    if load is not None and not LOWEST_OHM <= load <= HIGHEST_OHM:
        raise UserError(f"load: {load} is not a resistance from {LOWEST_OHM:g} to {HIGHEST_OHM:g} ohms")
    if isinstance(netlist, Ladder):
        if ports is not None or load is not None:
            raise UserError("ports, load: a ladder has its own; they are for netlists")
        ladder, name, stem = netlist, netlist.title or "ladder", "ladder"
    else:
        ladder = read_netlist(netlist, ports, load)
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
    voltage, current = _respond(ladder, scale.omega(hertz), form=form)
    finite = np.isfinite(voltage) & np.isfinite(current) & (voltage != 0) & (current != 0)
    if not finite.all():
        raise UserError(
            f"{name}: at {hertz[np.argmin(finite)]:.6g} Hz the response leaves the range of double "
            "precision; choose another range of frequencies, or other values"
        )
    return Simulation(ladder, hertz, voltage, current, ladder.title or stem, form)


RANGE = f"in Hz, from {LOWEST_HERTZ:g} to {HIGHEST_HERTZ:g}"


def _respond(
    ladder: Ladder, frequency: np.ndarray, excitation: tuple[float, float] | None = None, form: str = FORM
) -> tuple[np.ndarray, np.ndarray]:
    rest = () if excitation is None else (excitation,)
    with np.errstate(all="ignore"):  # who calls looks at the result
        voltage, current = BACKENDS[form](ladder.types[None], ladder.values[None], frequency, *rest)
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
    corners = _corners(ladder)
    first, last = lowest or scale.hertz(float(corners[0])), highest or scale.hertz(float(corners[1]))
    if not first < last:
        raise UserError(f"from {first:g} to {last:g} Hz: the range of frequencies must rise")
    return np.geomspace(first, last, int(points))


def _corners(ladder: Ladder) -> tuple[float, float]:
    """A decade below the lowest and above the highest frequency at which a part's impedance is R0, normalised."""
    elements, values = ladder.types % ELEMENTS, ladder.values
    corners = 1.0 / values[elements != 0]
    if not len(corners):
        return USUAL_RANGE
    return corners.min() / 10, corners.max() * 10


def quantity(value: float) -> str:
    """A value with its prefix, such as ``2.2 n``; the unit goes behind it."""
    power = 3 * math.floor(math.log10(value) / 3 + 1e-9)
    power = min(max(power, min(PREFIXES)), max(PREFIXES))
    return f"{value / 10.0**power:.4g} {PREFIXES[power]}"


def describe(ladder: Ladder) -> list[str]:
    """Each part with its value in ohms, henries or farads, such as ``SR 1 kOhm``."""
    sizes = (ladder.r0, ladder.r0 / ladder.omega0, 1.0 / (ladder.r0 * ladder.omega0))
    parts = zip(ladder.types.tolist(), ladder.values.tolist(), strict=True)
    return [
        f"{PART_TYPES[part_type]} {quantity(value * sizes[part_type % ELEMENTS])}{UNITS[part_type % ELEMENTS]}"
        for part_type, value in parts
    ]


def response_table(simulation: Simulation) -> str:
    """Gain, its phase and the impedance seen at port 2 at a few of the frequencies, a line each."""
    hertz, voltage = simulation.frequency_hz, simulation.voltage
    lines = ["frequency       gain        phase       impedance at port 2"]
    for place in np.unique(np.linspace(0, len(hertz) - 1, SHOWN).round().astype(int)):
        gain = -20 * math.log10(abs(voltage[place]))
        phase = -math.degrees(np.angle(voltage[place]))
        impedance = -voltage[place] / simulation.current[place] * simulation.ladder.r0
        lines.append(
            f"{quantity(hertz[place]) + 'Hz':<12}{gain:>8.2f} dB  {phase:>7.1f} deg   "
            f"{quantity(abs(impedance))}Ohm at {math.degrees(np.angle(impedance)):.1f} deg"
        )
    return "\n".join(lines)


def write_response(path: Path, simulation: Simulation) -> None:
    """The response as a table that :func:`hypernet.circuits.sources.targets.read_target` reads."""
    import pandas as pd

    load = simulation.ladder.r0
    if load != R0_OHM:
        print(
            f"warning: {path}: V and I belong to a load of {quantity(load)}Ohm, which a table does not hold; "
            f"`design` needs it (load {load:g}), `predict` reads every table as with {quantity(R0_OHM)}Ohm",
            file=sys.stderr,
        )
    voltage, current = simulation.voltage, simulation.current
    planes = (simulation.frequency_hz, voltage.real, voltage.imag, current.real, current.imag)
    write_table(path, pd.DataFrame(dict(zip(RESPONSE_COLUMNS, planes, strict=True))))


def write_touchstone(path: Path, simulation: Simulation) -> None:
    """The two-port as a Touchstone file: its S parameters with the load as reference."""
    s = simulation.s_parameters
    order = (s[:, 0, 0], s[:, 1, 0], s[:, 0, 1], s[:, 1, 1])
    columns = [simulation.frequency_hz, *(plane for entry in order for plane in (entry.real, entry.imag))]
    rows = [" ".join(repr(float(number)) for number in row) for row in np.stack(columns, axis=1)]
    title = simulation.ladder.title.encode("ascii", "replace").decode()
    head = [f"! {title}; port 1: load, port 2: source", f"# Hz S RI R {simulation.ladder.r0!r}"]
    write_text(path, "\n".join([*head, *rows]) + "\n")


def write_bode(path: Path, simulation: Simulation) -> None:
    """Gain, its phase and the impedance at port 2 over frequency, as .png and .svg."""
    from hypernet.lab.results import figures

    figures.use_style()
    import matplotlib.pyplot as plt

    hertz, colour = simulation.frequency_hz, figures.COLOURS[0]
    figure, axes = plt.subplots(3, 1, figsize=(6.4, 7.2), sharex=True)
    axes[0].semilogx(hertz, simulation.gain_db, color=colour)
    axes[0].set_ylabel("Gain (dB)")
    axes[1].semilogx(hertz, simulation.phase_degree, color=colour)
    axes[1].set_ylabel("Phase (degrees)")
    axes[2].loglog(hertz, np.abs(simulation.impedance_ohm), color=colour)
    axes[2].set_ylabel("|Impedance| at port 2 (Ohm)")
    axes[2].set_xlabel("Frequency (Hz)")
    parts = describe(simulation.ladder)
    rows = [", ".join(parts[first : first + TITLE_ROW]) for first in range(0, len(parts), TITLE_ROW)]
    axes[0].set_title("\n".join(rows) if len(rows) <= TITLE_ROWS else f"{len(parts)} parts")
    figures.save(figure, path.parent, path.stem)


WRITERS: dict[str, Callable[[Path, Simulation], None]] = {
    ".csv": write_response,
    ".s2p": write_touchstone,
    ".png": write_bode,
    ".svg": write_bode,
}


def check_output(path: Path) -> Path:
    """The path, if a response can be written there.

    Raises:
        UserError: another ending than those of :data:`WRITERS`, or a folder.
    """
    if path.suffix.lower() not in WRITERS:
        raise UserError(f"{path}: the name must end in {', '.join(WRITERS)}")
    if path.is_dir():
        raise UserError(f"{path}: this is a folder; name a file")
    return path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``hypernet circuits simulate``."""
    parser.add_argument("netlist", type=Path, help="SPICE netlist of a ladder: R, L, C, a load RT or RL, a source")
    parser.add_argument(
        "--ports", nargs=2, metavar=("LOAD", "SOURCE"), help="nodes of port 1 (load) and port 2 (source)"
    )
    parser.add_argument(
        "--load",
        type=real_number(LOWEST_OHM, HIGHEST_OHM, "a positive number"),
        metavar="OHM",
        help="load at port 1; default: that of the netlist",
    )
    parser.add_argument(
        "--from",
        dest="lowest",
        type=real_number(LOWEST_HERTZ, HIGHEST_HERTZ, f"a frequency {RANGE}"),
        metavar="HZ",
        help="default: a decade below all corner frequencies",
    )
    parser.add_argument(
        "--to",
        dest="highest",
        type=real_number(LOWEST_HERTZ, HIGHEST_HERTZ, f"a frequency {RANGE}"),
        metavar="HZ",
        help="default: a decade above all corner frequencies",
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
        help=".csv (a target for the designer), .s2p (Touchstone), or .png or .svg (Bode plot, both); may be repeated",
    )
    parser.add_argument("--ngspice", action="store_true", help="compare with ngspice, where it is installed")


def run(arguments: argparse.Namespace) -> None:
    """Simulate, print the circuit and its response, write the files."""
    for path in arguments.out:
        check_output(path)
    simulation = simulate(
        arguments.netlist,
        ports=tuple(arguments.ports) if arguments.ports else None,
        load=arguments.load,
        lowest=arguments.lowest,
        highest=arguments.highest,
        points=arguments.points,
    )
    print(simulation.summary())
    if arguments.ngspice:
        difference, count = simulation.difference_from_ngspice(), len(simulation.frequency_hz)
        print(f"\nngspice: largest relative difference {difference:.1e} over {count} frequencies")
    for path in arguments.out:
        simulation.write(path)
        print(path)
