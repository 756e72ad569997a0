"""``hypernet circuits simulate``: the response of a ladder, from its netlist to a table, a file and a picture."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np

from hypernet.circuits.core.ladder import respond
from hypernet.circuits.core.parts import KINDS, TYPES, texts
from hypernet.circuits.sources.netlist import Ladder, read_netlist
from hypernet.circuits.sources.targets import HIGHEST_HERTZ, LOWEST_HERTZ, RESPONSE_COLUMNS, Scale
from hypernet.lab.errors import UserError
from hypernet.lab.files import write_table, write_text

POINTS = 201
MOST_POINTS = 100_000
SHOWN = 9
# Parts in a line of a picture's title, and lines of it.
TITLE_ROW, TITLE_ROWS = 5, 4
# Where only resistors say nothing about frequencies.
USUAL_RANGE = (0.01, 100.0)
PREFIXES = {-15: "f", -12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``hypernet circuits simulate``."""
    parser.add_argument("netlist", type=Path, help="SPICE netlist of a ladder: R, L, C, a load RT or RL, a source")
    parser.add_argument(
        "--ports", nargs=2, metavar=("LOAD", "SOURCE"), help="nodes of port 1 (load) and port 2 (source)"
    )
    parser.add_argument("--load", type=_positive, metavar="OHM", help="load at port 1; default: that of the netlist")
    parser.add_argument(
        "--from", dest="lowest", type=_hertz, metavar="HZ", help="default: below all corner frequencies"
    )
    parser.add_argument("--to", dest="highest", type=_hertz, metavar="HZ", help="default: above all corner frequencies")
    parser.add_argument("--points", type=_points, default=POINTS, help=f"evenly spaced in log f; default: {POINTS}")
    parser.add_argument(
        "--out",
        type=Path,
        action="append",
        default=[],
        help=".csv (a target for the designer), .s2p (Touchstone), or .png or .svg (Bode plot, both); may be repeated",
    )
    parser.add_argument("--ngspice", action="store_true", help="compare with ngspice, where it is installed")


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 1e-12 <= number <= 1e12:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number")
    return number


def _hertz(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not LOWEST_HERTZ <= number <= HIGHEST_HERTZ:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a frequency in Hz, from {LOWEST_HERTZ:g} to {HIGHEST_HERTZ:g}"
        )
    return number


def _points(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 2 <= int(text) <= MOST_POINTS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 2 to {MOST_POINTS}")
    return int(text)


def run(arguments: argparse.Namespace) -> None:
    """Simulate, print the circuit and its response, write the files."""
    for path in arguments.out:
        if path.suffix.lower() not in WRITERS:
            raise UserError(f"{path}: the name must end in {', '.join(WRITERS)}")
        if path.is_dir():
            raise UserError(f"{path}: this is a folder; name a file")
    ports = tuple(arguments.ports) if arguments.ports else None
    ladder = read_netlist(arguments.netlist, ports, arguments.load)
    scale = Scale(ladder.r0, ladder.omega0)
    corners = _corners(ladder)
    lowest = arguments.lowest or float(scale.hertz(corners[0]))
    highest = arguments.highest or float(scale.hertz(corners[1]))
    if not lowest < highest:
        raise UserError(f"--from {lowest:g} --to {highest:g}: the range must rise")
    hertz = np.geomspace(lowest, highest, arguments.points)
    frequency = scale.omega(hertz)
    voltage, current = (one[0] for one in respond(ladder.kinds[None], ladder.values[None], frequency))
    sound = np.isfinite(voltage) & np.isfinite(current) & (voltage != 0) & (current != 0)
    if not sound.all():
        raise UserError(
            f"{arguments.netlist}: at {hertz[np.argmin(sound)]:.6g} Hz the response leaves the range of double "
            "precision; choose another range with --from and --to, or other values"
        )
    print(f"{ladder.title or arguments.netlist.stem}: {len(ladder.kinds)} parts from the load to the source")
    print("  ".join(describe(ladder)))
    text = texts(ladder.kinds[None], ladder.values[None])[0]
    print(f"{text}, where 1.0 is {quantity(scale.r0)}Ohm and {scale.omega0:g} rad/s\n")
    print(response_table(hertz, voltage, current, scale.r0))
    if arguments.ngspice:
        # Imported here: only this comparison needs it.
        from hypernet.circuits.sources.ngspice import respond_ngspice

        theirs = respond_ngspice(ladder.kinds, ladder.values, frequency, scale.r0, scale.omega0)
        largest = max(np.abs(one / other - 1).max() for one, other in zip((voltage, current), theirs, strict=True))
        print(f"\nngspice: largest relative difference {largest:.1e} over {len(hertz)} frequencies")
    for path in arguments.out:
        WRITERS[path.suffix.lower()](path, ladder, hertz, voltage, current)
        print(path)


def _corners(ladder: Ladder) -> tuple[float, float]:
    """A decade below the lowest and above the highest frequency at which a part's impedance is R0, normalised."""
    types, values = ladder.kinds % TYPES, ladder.values
    corners = 1.0 / values[types != 0]
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
    return [
        f"{KINDS[kind]} {quantity(value * sizes[kind % TYPES])}{('Ohm', 'H', 'F')[kind % TYPES]}"
        for kind, value in zip(ladder.kinds.tolist(), ladder.values.tolist(), strict=True)
    ]


def response_table(hertz: np.ndarray, voltage: np.ndarray, current: np.ndarray, r0: float) -> str:
    """Gain, its phase and the impedance seen at port 2 at a few of the frequencies, a line each."""
    lines = ["frequency       gain        phase       impedance at port 2"]
    for place in np.unique(np.linspace(0, len(hertz) - 1, SHOWN).round().astype(int)):
        gain = -20 * math.log10(abs(voltage[place]))
        phase = -math.degrees(np.angle(voltage[place]))
        impedance = -voltage[place] / current[place] * r0
        lines.append(
            f"{quantity(hertz[place]) + 'Hz':<12}{gain:>8.2f} dB  {phase:>7.1f} deg   "
            f"{quantity(abs(impedance))}Ohm at {math.degrees(np.angle(impedance)):.1f} deg"
        )
    return "\n".join(lines)


def write_response(path: Path, ladder: Ladder, hertz: np.ndarray, voltage: np.ndarray, current: np.ndarray) -> None:
    """The response as a table that :func:`hypernet.circuits.sources.targets.read_target` reads."""
    import pandas as pd

    planes = (hertz, voltage.real, voltage.imag, current.real, current.imag)
    write_table(path, pd.DataFrame(dict(zip(RESPONSE_COLUMNS, planes, strict=True))))


def write_touchstone(path: Path, ladder: Ladder, hertz: np.ndarray, voltage: np.ndarray, current: np.ndarray) -> None:
    """The two-port as a Touchstone file: its S parameters with the load as reference."""
    frequency = Scale(ladder.r0, ladder.omega0).omega(hertz)
    # The columns of T, the inverse of ABCD, whose determinant is 1: (D, -C) and (-B, A).
    columns_of_t = (
        respond(ladder.kinds[None], ladder.values[None], frequency, one) for one in ((1.0, 0.0), (0.0, 1.0))
    )
    (d, c), (b, a) = ((voltage[0], current[0]) for voltage, current in columns_of_t)
    c, b = -c, -b
    total = a + b + c + d
    s11, s21, s22 = (a + b - c - d) / total, 2.0 / total, (b + d - a - c) / total
    columns = [hertz, *(part for one in (s11, s21, s21, s22) for part in (one.real, one.imag))]
    rows = [" ".join(repr(float(number)) for number in row) for row in np.stack(columns, axis=1)]
    title = ladder.title.encode("ascii", "replace").decode()
    head = [f"! {title}; port 1: load, port 2: source", f"# Hz S RI R {ladder.r0!r}"]
    write_text(path, "\n".join([*head, *rows]) + "\n")


def write_bode(path: Path, ladder: Ladder, hertz: np.ndarray, voltage: np.ndarray, current: np.ndarray) -> None:
    """Gain, its phase and the impedance at port 2 over frequency, as .png and .svg."""
    from hypernet.lab.results import figures

    figures.use_style()
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(3, 1, figsize=(6.4, 7.2), sharex=True)
    axes[0].semilogx(hertz, -20 * np.log10(np.abs(voltage)), color=figures.COLOURS[0])
    axes[0].set_ylabel("Gain (dB)")
    axes[1].semilogx(hertz, -np.degrees(np.unwrap(np.angle(voltage))), color=figures.COLOURS[0])
    axes[1].set_ylabel("Phase (degrees)")
    axes[2].loglog(hertz, np.abs(voltage / current) * ladder.r0, color=figures.COLOURS[0])
    axes[2].set_ylabel("|Impedance| at port 2 (Ohm)")
    axes[2].set_xlabel("Frequency (Hz)")
    parts = describe(ladder)
    rows = [", ".join(parts[first : first + TITLE_ROW]) for first in range(0, len(parts), TITLE_ROW)]
    axes[0].set_title("\n".join(rows) if len(rows) <= TITLE_ROWS else f"{len(parts)} parts")
    figures.save(figure, path.parent, path.stem)


WRITERS: dict[str, Callable[[Path, Ladder, np.ndarray, np.ndarray, np.ndarray], None]] = {
    ".csv": write_response,
    ".s2p": write_touchstone,
    ".png": write_bode,
    ".svg": write_bode,
}
