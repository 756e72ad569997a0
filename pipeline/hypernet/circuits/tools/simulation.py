"""What `hypernet.circuits.simulate` returns: the response of a ladder between its source and its load."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from hypernet.circuits.core.backends import BACKENDS
from hypernet.circuits.core.parts import R0_OHM, texts
from hypernet.circuits.core.scale import Scale
from hypernet.circuits.core.terminations import Terminations
from hypernet.circuits.sources.netlist import Ladder
from hypernet.circuits.sources.reading import printable
from hypernet.circuits.sources.tables import RESPONSE_COLUMNS
from hypernet.circuits.sources.targets import Response
from hypernet.circuits.tools.outputs import check_output, write_touchstone
from hypernet.circuits.tools.quantities import in_words, quantity
from hypernet.lab.errors import UserError
from hypernet.lab.files import write_table

FORM = "recurrence"
# Rows of the printed table.
SHOWN = 9
# 120 dB: what is compared with ngspice is taken for no further from the middle of all levels.
FURTHEST = 1e-6
# Of a two-port with neither a source resistance nor a load.
USUAL_REFERENCE_OHM = 50.0
# A curve is down by this where a passband ends, and flat where it changes by no more than the other.
DOWN_DB, FLAT_DB = 3.0, 0.005
# Edges of passbands that are worth a line, and how often a distance between two frequencies is halved to find one.
MOST_EDGES, HALVINGS = 4, 30
# A peak is looked for so often between two frequencies, at so many.
ZOOMS, ZOOMED = 10, 21
# Arms in a line of a picture's title, and lines of it.
TITLE_ROW, TITLE_ROWS, LONGEST_TITLE = 3, 4, 70


@dataclass(frozen=True)
class Simulation:
    """The response of a ladder: the source is at port 1, on the left, the load at port 2.

    Attributes:
        ladder: the circuit with its source and load.
        frequency_hz: ``[d]``, rising.
        voltage: V, the voltage at port 1, behind the source's resistance, for 1 V at the load, complex ``[d]``.
        current: the current that leaves port 1, times ``ladder.r0`` in ohms, complex ``[d]``, volts.
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
        return (
            f"Simulation({printable(self.name)}, {self._text}, {self._source_text}, {self._load_text}, "
            f"{len(self.frequency_hz)} frequencies from {first} to {last})"
        )

    def __str__(self) -> str:
        return self.summary()

    @property
    def _text(self) -> str:
        return texts(self.ladder.types[None], self.ladder.values[None])[0]

    @property
    def _source_text(self) -> str:
        ohm = self.ladder.source_ohm
        return "source without resistance" if ohm is None else f"source {quantity(ohm)}Ohm"

    @property
    def _load_text(self) -> str:
        return f"load {quantity(self.ladder.load_ohm)}Ohm" if math.isfinite(self.ladder.load_ohm) else "open load"

    @property
    def _scale(self) -> Scale:
        return Scale(self.ladder.r0, self.ladder.omega0)

    @property
    def terminations(self) -> Terminations:
        """Source and load in units of ``ladder.r0``."""
        return self.ladder.terminations

    @property
    def notes(self) -> tuple[str, ...]:
        """What was taken as source, load and ports, a sentence each."""
        return self.ladder.notes

    @property
    def response(self) -> Response:
        """V and I with the load, as a target of `hypernet.circuits.design` and `predict`.

        Raises:
            UserError: the port is open.
        """
        if math.isinf(self.ladder.load_ohm):
            raise UserError(f"{self.name}: the port of the load is open, a response needs a load; give one (load)")
        return Response(
            self.frequency_hz, self.voltage, self.current * self.terminations.load, load_ohm=self.ladder.load_ohm
        )

    @property
    def gain(self) -> np.ndarray:
        """Voltage at the load over that of the source, inside its resistance if it has one, complex ``[d]``."""
        source = self.terminations.source
        gain: np.ndarray = 1.0 / (self.voltage if source is None else self.voltage - source * self.current)
        return gain

    @property
    def gain_db(self) -> np.ndarray:
        """The voltage gain from the source to the load in dB, ``[d]``."""
        return level_db(self.gain)

    @property
    def phase_degree(self) -> np.ndarray:
        """Unwrapped phase of the gain in degrees, ``[d]``; that of S21 is the same."""
        phase: np.ndarray = np.degrees(np.unwrap(np.angle(self.gain)))
        return phase

    @property
    def impedance_ohm(self) -> np.ndarray:
        """Impedance at port 1, as the source sees it behind its resistance, ohms, complex ``[d]``.

        It is infinite where no current goes in.
        """
        none = self.current == 0
        impedance: np.ndarray = -self.voltage / np.where(none, 1.0, self.current) * self.ladder.r0
        return np.where(none, math.inf, impedance)

    @cached_property
    def s_parameters(self) -> np.ndarray:
        """S parameters between source and load, complex ``[d, 2, 2]``; port 1 is the source's, port 2 the load's.

        Raises:
            UserError: the source has no resistance, or there is no load.
        """
        if not self.terminations.matched:
            missing = "the source has no resistance" if self.ladder.source_ohm is None else "the load is open"
            raise UserError(f"{self.name}: {missing}, so there are no S parameters; give both (source=50, load=50)")
        return self._scattering(self.terminations)

    @property
    def s21_db(self) -> np.ndarray:
        """What comes through from source to load, of the power available, in dB, ``[d]``; errors as `s_parameters`."""
        return level_db(self.s_parameters[:, 1, 0])

    @property
    def s11_db(self) -> np.ndarray:
        """What the source gets back, in dB, ``[d]``; errors as `s_parameters`. The return loss is its negative."""
        return level_db(self.s_parameters[:, 0, 0])

    @property
    def s22_db(self) -> np.ndarray:
        """What a source at the load would get back, in dB, ``[d]``; errors as `s_parameters`."""
        return level_db(self.s_parameters[:, 1, 1])

    def _scattering(self, terminations: Terminations) -> np.ndarray:
        frequency = self._scale.omega(self.frequency_hz)
        forth = self._respond(frequency, terminations.excitation)
        back = self._respond(frequency, terminations.back_excitation)
        s21 = 1.0 / terminations.inverse_transmission(*forth)
        s11, s22 = terminations.input_reflection(*forth), terminations.output_reflection(*forth, *back)
        return np.stack([np.stack([s11, s21], axis=-1), np.stack([s21, s22], axis=-1)], axis=-2)

    def _respond(self, frequency: np.ndarray, excitation: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
        with np.errstate(all="ignore"):
            ladder = self.ladder
            voltage, current = BACKENDS[self.form](ladder.types[None], ladder.values[None], frequency, excitation)
        return voltage[0], current[0]

    def difference_from_ngspice(self) -> float:
        """Largest relative difference of S21 (or the voltage gain) from what ngspice computes of the netlist itself.

        ngspice runs the file that was read, with another source and load where `simulate` was given one, and what comes
        through follows from the voltage at ``ladder.output_node``. More than 120 dB above or below the middle of all
        levels, at a resonance without losses, both have rounding errors alone: there differences are taken relative to
        what they are at 120 dB.

        Raises:
            UserError: ngspice is not installed or cannot simulate the circuit, or the circuit comes from no file.
        """
        # Imported here: only this comparison needs it.
        from hypernet.circuits.sources.ngspice import run_file

        expected = run_file(self.ladder, self.frequency_hz)
        computed = 1.0 / self.terminations.inverse_transmission(self.voltage, self.current)
        middle = float(np.median(np.abs(computed)))
        pairs = ((computed / middle, expected / middle), (middle / computed, middle / expected))
        below, above = (np.abs(a - b) / np.maximum(np.maximum(np.abs(a), np.abs(b)), FURTHEST) for a, b in pairs)
        # Between them both are the same.
        return float(np.minimum(below, above).max())

    def summary(self) -> str:
        """The circuit, what was taken as source and load, and its response at a few of the frequencies, for people."""
        ladder, count = self.ladder, len(self.ladder.types)
        parts = f"{count} part{'s' if count > 1 else ''}"
        title = f"{self.name}: {parts} between {self._source_text} and {self._load_text}"
        arms = "from the source to the load: " + ", ".join(in_words(ladder))
        units = f"as text, from the load to the source: {self._text}, where 1.0 is {quantity(ladder.r0)}Ohm"
        lines = [title, arms, f"{units} and {ladder.omega0:g} rad/s", *(f"note: {note}" for note in self.notes), ""]
        return "\n".join([*lines, *self._extremes(), self._table()])

    @property
    def through(self) -> tuple[str, np.ndarray]:
        """What is counted of what comes through, ``S21`` or ``voltage gain``, and how much in dB, ``[d]``."""
        return ("S21", self.s21_db) if self.terminations.matched else ("voltage gain", self.gain_db)

    def _extremes(self) -> list[str]:
        """Where most comes through, and where it is 3 dB less; nothing of a curve that is flat or has many such."""
        name, level = self.through
        place, most = self._summit(level)
        at = int(np.searchsorted(self.frequency_hz, place))
        hertz, level = np.insert(self.frequency_hz, at, place), np.insert(level, at, most)
        edges = self._crossings(hertz, level, most - DOWN_DB)
        if not 0 < len(edges) <= MOST_EDGES:
            return []
        where = " and ".join(f"{quantity(float(hertz), 5)}Hz" for hertz in edges)
        return [f"{name}: at most {plain(most)} dB, at {quantity(place)}Hz; {DOWN_DB:g} dB less at {where}", ""]

    def _summit(self, level: np.ndarray) -> tuple[float, float]:
        """Frequency and level of the highest point, looked for between those of the simulation too."""
        # The first of them: a flat passband has its maximum where rounding wants it.
        top = int(np.argmax(level >= level.max() - FLAT_DB))
        hertz, most = self.frequency_hz, float(level[top])
        place = float(hertz[top])
        if 0 < top < len(level) - 1 and most > max(level[top - 1], level[top + 1]) + FLAT_DB:
            low, high = hertz[top - 1], hertz[top + 1]
            for _ in range(ZOOMS):
                between = np.geomspace(low, high, ZOOMED)
                there = self._level_at(between)
                best = int(np.clip(np.argmax(there), 1, ZOOMED - 2))
                if not there[best] > most:
                    break
                place, most, low, high = float(between[best]), float(there[best]), between[best - 1], between[best + 1]
        return place, most

    def _crossings(self, hertz: np.ndarray, level: np.ndarray, wanted: float) -> np.ndarray:
        """Frequencies where what comes through crosses a level in dB, halved down between those that are given."""
        above = level >= wanted
        before = np.flatnonzero(above[1:] != above[:-1])
        low, high = hertz[before], hertz[before + 1]
        for _ in range(HALVINGS if len(before) else 0):
            middle = np.sqrt(low * high)
            same = (self._level_at(middle) >= wanted) == above[before]
            low, high = np.where(same, middle, low), np.where(same, high, middle)
        return np.sqrt(low * high)

    def _level_at(self, hertz: np.ndarray) -> np.ndarray:
        """What comes through at other frequencies, dB, ``[d]``."""
        voltage, current = self._respond(self._scale.omega(hertz), self.terminations.excitation)
        return -level_db(self.terminations.inverse_transmission(voltage, current))

    def _table(self) -> str:
        hertz, (name, level), phase = self.frequency_hz, self.through, self.phase_degree
        columns, impedance = [level], self.impedance_ohm
        if self.terminations.matched:
            columns.append(self.s11_db)
            head = f"{'frequency':<12}{'S21':>11}   {'phase of S21':>12}{'S11':>13}   impedance at the source"
        else:
            head = f"{'frequency':<12}{name:>14}{'its phase':>14}   impedance at the source"
        lines = [head]
        width = 8 if self.terminations.matched else 11
        evenly = np.linspace(0, len(hertz) - 1, SHOWN).round().astype(int)
        # A narrow passband would lie between them.
        for place in np.unique([*evenly, np.argmax(level >= level.max() - FLAT_DB)]):
            levels = [f"{plain(column[place]):>{width}} dB" for column in columns]
            # As people read it: within half a turn.
            levels.insert(1, f"{plain((phase[place] + 180) % 360 - 180, 1):>10} deg")
            seen = impedance[place]
            at = f"{quantity(abs(seen))}Ohm at {plain(math.degrees(np.angle(seen)), 1)} deg"
            text = at if np.isfinite(seen) else "infinite"
            lines.append(f"{quantity(hertz[place]) + 'Hz':<12}{'  '.join(levels)}   {text}")
        return "\n".join(lines)

    def write(self, path: Path | str) -> None:
        """Write the response in the format that the name ends in.

        Args:
            path: .csv (a target for the designer, with S21 and S11 beside), .s2p (Touchstone), .png or .svg (curves
                over frequency; both are written).

        Raises:
            UserError: another ending, or a folder.
        """
        path = check_output(Path(path))
        if path.suffix.lower() == ".csv":
            self._write_table(path)
        elif path.suffix.lower() == ".s2p":
            self._write_touchstone(path)
        else:
            self._draw(path)

    def columns(self) -> dict[str, np.ndarray]:
        """The columns of the table that `write` makes, ``[d]`` each.

        The whole response (``v_re`` and so on) where there is a load; beside it S21 in dB and degrees, S11 and S22
        where the source has a resistance too; the voltage gain in dB and degrees where the port of the load is open.
        """
        columns = {"frequency_hz": self.frequency_hz}
        if math.isinf(self.ladder.load_ohm):
            return columns | {"gain_db": self.gain_db, "phase_deg": self.phase_degree}
        voltage, current = self.response.voltage, self.response.current
        planes = (voltage.real, voltage.imag, current.real, current.imag)
        columns |= dict(zip(RESPONSE_COLUMNS[1:], planes, strict=True))
        if self.terminations.matched:
            columns |= {"s21_db": self.s21_db, "s21_phase_deg": self.phase_degree}
            columns |= {"s11_db": self.s11_db, "s22_db": self.s22_db}
        return columns

    def _write_table(self, path: Path) -> None:
        import pandas as pd

        load, source = self.ladder.load_ohm, self.ladder.source_ohm
        if math.isinf(load):
            held = "" if source is None else f" from the source inside its {quantity(source)}Ohm"
            print(
                f"warning: {path}: the voltage gain{held} with an open load; "
                "`design` reads it as that of a source without resistance, with a load",
                file=sys.stderr,
            )
        elif load != R0_OHM:
            print(
                f"warning: {path}: V and I belong to a load of {quantity(load)}Ohm, which a table does not hold; "
                f"`design` needs it (load {load:g}), `predict` reads every table as with {quantity(R0_OHM)}Ohm",
                file=sys.stderr,
            )
        write_table(path, pd.DataFrame(self.columns()))

    def _write_touchstone(self, path: Path) -> None:
        """S parameters with source and load as references; where there is none, the other one, or 50 ohms."""
        source, load = self.ladder.source_ohm, self.ladder.load_ohm
        usual = source or (load if math.isfinite(load) else USUAL_REFERENCE_OHM)
        references = (source or usual, load if math.isfinite(load) else usual)
        if not self.terminations.matched:
            missing = "the source has no resistance" if source is None else "the port of the load is open"
            print(f"note: {path}: {missing}; the reference of the file is {quantity(usual)}Ohm", file=sys.stderr)
        s = self._scattering(Terminations(references[0] / self.ladder.r0, references[1] / self.ladder.r0))
        write_touchstone(path, self.frequency_hz, s, references, f"{self.name}; port 1: source, port 2: load")

    def _draw(self, path: Path) -> None:
        from hypernet.circuits.plots.frequency_response import draw_response
        from hypernet.lab.results import figures

        name, level = self.through
        name = name[0].upper() + name[1:]
        levels = [{name: level}]
        if self.terminations.matched:
            levels.append({"S11": self.s11_db, "S22": self.s22_db})
        arms = [self._source_text, *in_words(self.ladder), self._load_text]
        rows = [", ".join(arms[first : first + TITLE_ROW]) for first in range(0, len(arms), TITLE_ROW)]
        parts = ",\n".join(rows) if len(rows) <= TITLE_ROWS else f"{len(self.ladder.types)} parts"
        title = f"{printable(self.name, LONGEST_TITLE)}\n{parts}".replace("$", r"\$")
        figure = draw_response(self.frequency_hz, levels, self.phase_degree, self.impedance_ohm, title)
        figures.save(figure, path.parent, path.stem)


def level_db(ratio: np.ndarray) -> np.ndarray:
    """A complex ratio of voltages or waves in dB; minus infinity where it is 0."""
    with np.errstate(divide="ignore"):
        level: np.ndarray = 20.0 * np.log10(np.abs(ratio))
    return level


def plain(number: float, digits: int = 2) -> str:
    """A number for people: rounded, and without a sign where that gives 0."""
    return f"{round(float(number), digits) + 0.0:.{digits}f}"
