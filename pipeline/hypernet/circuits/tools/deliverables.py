"""What a design leaves behind: netlist, schematic, Bode plot, table of circuits, everything in numbers, a summary."""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hypernet.circuits.core.goals import Goal, MaskGoal, decibels
from hypernet.circuits.core.ladder import respond
from hypernet.circuits.core.parts import TYPES, UNITS, texts
from hypernet.circuits.plots.schematic import part_labels, si_text
from hypernet.circuits.sources.netlist import write_netlist
from hypernet.circuits.sources.targets import Gain, Mask, Response, Scale
from hypernet.circuits.tools.choice import DRAWS, RULES, Choice, band_of, to_load, yield_of
from hypernet.circuits.tools.search import Found
from hypernet.lab.files import write_json, write_table, write_text

if TYPE_CHECKING:
    import pandas as pd

    from hypernet.circuits.plots.bode import Curve
    from hypernet.lab.results.statistics import Interval

FILES = ("circuit.cir", "schematic.svg", "bode.png", "bode.svg", "circuits.csv", "design.json")
CURVE_POINTS = 401
NETLIST_POINTS_PER_DECADE = 50
NAMES = ("resistor", "inductor", "capacitor")


@dataclass(frozen=True)
class Design:
    """A finished search.

    Attributes:
        arguments: of the command.
        target: what was asked for.
        scale: the units of the parts' values.
        load_ohm: the resistance at port 1.
        goal: what was searched.
        choice: circuits, the answer first.
        found: how they were found.
        longest_written: most parts that the network writes; None without a network.
        seconds: how long it took, reading files included, writing them not.
    """

    arguments: argparse.Namespace
    target: Response | Gain | Mask
    scale: Scale
    load_ohm: float
    goal: Goal
    choice: Choice
    found: Found
    longest_written: int | None
    seconds: float

    @cached_property
    def circuit(self) -> tuple[np.ndarray, np.ndarray]:
        """Kinds and values ``[n]`` of the answer."""
        kinds, values = self.choice.pool.kinds[0], self.choice.pool.values[0]
        return kinds[kinds >= 0], values[kinds >= 0]

    @cached_property
    def of_load(self) -> tuple[np.ndarray, np.ndarray, float, float]:
        """The answer with values in units in which the load is 1.0, and these units: ohms, rad/s."""
        kinds, values = self.circuit
        return kinds, to_load(kinds, values, self.goal.load), self.load_ohm, self.scale.omega0

    @cached_property
    def hertz(self) -> np.ndarray:
        """Frequencies of the curves."""
        lowest, highest = self.target.frequency_hz[[0, -1]]
        inner = np.geomspace(lowest, highest, CURVE_POINTS)[1:-1]
        return np.concatenate([[lowest], inner, [highest]])

    @cached_property
    def response(self) -> tuple[np.ndarray, np.ndarray]:
        """V and I of the answer at :attr:`hertz`, in units of the load, complex ``[d]`` each."""
        kinds, values, *_ = self.of_load
        voltage, current = respond(kinds[None], values[None], self.scale.omega(self.hertz))
        return voltage[0], current[0]

    @cached_property
    def band(self):
        """Monte Carlo of the answer at :attr:`hertz`."""
        frequency = self.scale.omega(self.hertz)
        return band_of(self.goal, *self.circuit, self.arguments.tolerance, DRAWS, self.arguments.seed, frequency)

    @cached_property
    def inside(self) -> Interval | None:
        """Share of circuits with real parts that stay inside the mask; None for other goals."""
        if not isinstance(self.goal, MaskGoal):
            return None
        return yield_of(self.goal, *self.circuit, self.arguments.tolerance, DRAWS, self.arguments.seed)

    def score_text(self, score: float) -> str:
        """A score as people read it."""
        if self.goal.unit == "%":
            return f"{100 * score:.2g} %"
        return f"{score:.2g} dB" if score else "none"

    def summary(self) -> str:
        """What is printed: the circuit, how good it is, and where it came from."""
        kinds, values = self.circuit
        score, free = self.choice.scores[0], self.choice.pool.free[0]
        series, tolerance = self.arguments.parts, self.arguments.tolerance
        lines = [
            f"Wanted: {self._wanted()}",
            "",
            f"Circuit of {len(kinds)} part{'s' * (len(kinds) > 1)}, "
            f"from port 1 (load, {si_text(self.load_ohm, 'Ω')}) to port 2 (where the signal comes in):",
        ]
        for kind, label in zip(kinds, part_labels(kinds, values, self.scale.r0, self.scale.omega0), strict=True):
            name, value = label.split(" ", 1)
            how = "in the line" if kind < TYPES else "from the line to ground"
            lines.append(f"  {name:<4}{value:<10} {NAMES[kind % TYPES]} {how}")
        lines += [
            "",
            f"{self.goal.name.capitalize()} with values of {series}: {self.score_text(score)}; "
            f"before they were rounded to it: {self.score_text(free)}.",
        ]
        if isinstance(self.goal, MaskGoal):
            met = (
                "is inside the mask"
                if score == 0
                else (
                    f"leaves the mask, by {self.choice.deviation_db[0]:.2g} dB at most: no circuit inside was found; "
                    "more parts (--max-parts) or a finer series (--parts E24) may help"
                )
            )
            lines.append(f"The gain {met}.")
        else:
            lines.append(f"The gain is off by {self.choice.deviation_db[0]:.2g} dB at most.")
        half = np.abs(np.stack([self.band.low, self.band.high]) - self.band.nominal).max(axis=0)
        worst = si_text(float(self.hertz[half.argmax()]), "Hz", 3)
        lines.append(
            f"Real parts differ from what is printed on them. If each is up to {100 * tolerance:g} % off, the gain of "
            f"95 in 100 such circuits is within {half.max():.2g} dB of this design (widest at {worst})."
        )
        if self.inside is not None:
            lines.append(
                f"Yield: {100 * self.inside.value:.1f} of 100 circuits built so are inside the mask "
                f"(95 % interval {100 * self.inside.low:.1f} to {100 * self.inside.high:.1f})."
            )
        lines += [
            "",
            f"Found by: {self.choice.pool.origin[0]}; {self.found.simulated:,} circuits simulated, "
            f"{self.seconds:.1f} s.",
        ]
        if self.longest_written is not None and self.arguments.max_parts > self.longest_written:
            lines.append(
                f"The network writes circuits of at most {self.longest_written} parts; longer ones come from random "
                "search and the genetic algorithm alone."
            )
        return "\n".join(lines)

    def _wanted(self) -> str:
        lowest, highest = (si_text(float(one), "Hz") for one in self.target.frequency_hz[[0, -1]])
        what = {Response: "a response (voltage and current)", Gain: "a gain", Mask: "a gain between limits"}
        return f"{what[type(self.target)]} from {lowest} to {highest}, {self.arguments.target}"

    def table(self) -> pd.DataFrame:
        """The circuits that were compared at last, a row each."""
        import pandas as pd

        pool, choice = self.choice.pool, self.choice
        rows = []
        for row, text in enumerate(texts(pool.kinds, pool.values)):
            circuit = pool.kinds[row], pool.values[row]
            labels = part_labels(*circuit, self.scale.r0, self.scale.omega0)
            places = ["series" if kind < TYPES else "parallel" for kind in circuit[0][circuit[0] >= 0]]
            share = {} if np.isnan(choice.yields[row]) else {"yield": round(float(choice.yields[row]), 4)}
            rows.append(
                {
                    "parts": len(labels),
                    "circuit": " | ".join(f"{label} {place}" for label, place in zip(labels, places, strict=True)),
                    "text": text,
                    self._score_column(): choice.scores[row],
                    "before_rounding": pool.free[row],
                    "largest_deviation_db": choice.deviation_db[row],
                    **share,
                    "found_by": pool.origin[row],
                }
            )
        return pd.DataFrame(rows)

    def _score_column(self) -> str:
        return self.goal.name.replace(" ", "_") + ("_db" if self.goal.unit == "dB" else "")

    def content(self) -> dict[str, Any]:
        """Everything with units, as plain types."""
        kinds, values = self.circuit
        arguments, pool, (voltage, current) = self.arguments, self.choice.pool, self.response
        labels = part_labels(kinds, values, self.scale.r0, self.scale.omega0)
        sizes = (self.scale.r0, self.scale.r0 / self.scale.omega0, 1.0 / (self.scale.r0 * self.scale.omega0))
        parts = [
            {
                "name": label.split(" ")[0],
                "kind": NAMES[kind % TYPES],
                "place": "series" if kind < TYPES else "parallel",
                "value": float(f"{value * sizes[kind % TYPES]:.12g}"),
                "unit": UNITS[kind % TYPES],
            }
            for kind, value, label in zip(kinds.tolist(), values.tolist(), labels, strict=True)
        ]
        content = {
            "target": {
                "file": str(arguments.target),
                "kind": type(self.target).__name__.lower(),
                "points": len(self.target.frequency_hz),
                "lowest_hz": float(self.target.frequency_hz[0]),
                "highest_hz": float(self.target.frequency_hz[-1]),
            },
            "load_ohm": self.load_ohm,
            "parts": parts,
            "text": texts(kinds[None], values[None])[0],
            "text_units": {"r0_ohm": self.scale.r0, "omega0_radian_per_second": self.scale.omega0},
            self._score_column(): float(self.choice.scores[0]),
            f"{self._score_column()}_before_rounding": float(pool.free[0]),
            "largest_deviation_db": float(self.choice.deviation_db[0]),
            "tolerance": arguments.tolerance,
            "draws": DRAWS,
            "found_by": pool.origin[0],
            "simulated_circuits": self.found.simulated,
            "steps": [one | {"best": one["best"] if np.isfinite(one["best"]) else None} for one in self.found.steps],
            "seconds": round(self.seconds, 3),
            "rule": RULES[isinstance(self.goal, MaskGoal)],
            "model": arguments.model,
            "network_longest_parts": self.longest_written,
            "series": arguments.parts,
            "max_parts": arguments.max_parts,
            "candidates": arguments.candidates,
            "seed": arguments.seed,
            "response": {
                "frequency_hz": self.hertz.tolist(),
                "gain_db": decibels(voltage).tolist(),
                "phase_degree": np.degrees(np.unwrap(-np.angle(voltage))).tolist(),
                "impedance_ohm": (self.load_ohm * np.abs(voltage) / np.abs(current)).tolist(),
                "gain_low_db": self.band.low.tolist(),
                "gain_high_db": self.band.high.tolist(),
            },
        }
        if self.inside is not None:
            content["inside_mask"] = self.goal.met(float(self.choice.scores[0]))
            content["yield"] = {"share": self.inside.value, "low": self.inside.low, "high": self.inside.high}
        return content

    def curves(self) -> list[Curve]:
        """The target, where it is a curve, and the answer."""
        from hypernet.circuits.plots.bode import TARGET_STYLE, Curve
        from hypernet.lab.results.figures import COLOURS

        frequency, wanted = self.scale.omega(self.hertz), []
        if isinstance(self.target, Response):
            wanted = [Curve("Target", *self.target.at(frequency, self.scale), TARGET_STYLE)]
        elif isinstance(self.target, Gain):
            gain, phase = self.target.at(frequency, self.scale)
            voltage = 10.0 ** (-gain / 20) * np.exp(-1j * np.radians(0.0 if phase is None else phase))
            wanted = [Curve("Target", voltage, None, TARGET_STYLE, has_phase=phase is not None)]
        return [*wanted, Curve("Design", *self.response, {"color": COLOURS[0], "lw": 1.8})]


def write_files(design: Design, folder: Path) -> None:
    """Write all files to a folder beside ``folder``, then move them there: none if one cannot be written.

    Other files in ``folder`` stay.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as name:
        written = Path(name)
        kinds, values, r0, omega0 = design.of_load
        analysis = (NETLIST_POINTS_PER_DECADE, float(design.hertz[0]), float(design.hertz[-1]))
        title = f"designed for {design.arguments.target.name}"
        write_text(written / "circuit.cir", write_netlist(kinds, values, title, r0, omega0, analysis))
        _draw(design, written)
        write_table(written / "circuits.csv", design.table())
        write_json(written / "design.json", design.content())
        folder.mkdir(exist_ok=True)
        for file in FILES:
            (written / file).replace(folder / file)


def _draw(design: Design, folder: Path) -> None:
    from hypernet.circuits.plots.bode import bode_panels
    from hypernet.circuits.plots.schematic import draw_schematic, write_svg
    from hypernet.lab.results import figures

    write_svg(folder / "schematic.svg", draw_schematic(*design.of_load))
    figures.use_style()
    limits = design.target.at(design.scale.omega(design.hertz), design.scale) if design.inside is not None else None
    label = f"95 % of circuits, parts within {100 * design.arguments.tolerance:g} %"
    band = (design.band.low, design.band.high)
    panels = bode_panels(design.hertz, design.curves(), limits, band, label, design.load_ohm)
    figures.save_panels(folder, "bode", panels, legend_order=["Target", "Design"])
