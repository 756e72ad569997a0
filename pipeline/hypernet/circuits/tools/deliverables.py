"""What a design leaves behind: netlist, schematic, Bode plot, table of circuits, everything in numbers, a summary."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hypernet.circuits.core.goals import Goal, MaskGoal, decibels
from hypernet.circuits.core.ladder import respond
from hypernet.circuits.core.parts import ELEMENTS, UNITS, texts
from hypernet.circuits.core.tolerance import Band
from hypernet.circuits.plots.schematic import part_labels, si_text
from hypernet.circuits.sources.netlist import write_netlist
from hypernet.circuits.sources.reading import printable
from hypernet.circuits.sources.targets import Gain, Mask, Response, Scale, Target
from hypernet.circuits.tools.choice import DRAWS, RULES, Choice, band_of, to_load, yield_of
from hypernet.circuits.tools.search import SearchResult
from hypernet.lab.errors import UserError
from hypernet.lab.files import write_json, write_table, write_text

if TYPE_CHECKING:
    import pandas as pd

    from hypernet.circuits.plots.bode import Curve
    from hypernet.lab.results.statistics import Interval

FILES = ("circuit.cir", "schematic.svg", "bode.png", "bode.svg", "circuits.csv", "design.json")
CURVE_POINTS = 401
NETLIST_POINTS_PER_DECADE = 50
ELEMENT_NAMES = ("resistor", "inductor", "capacitor")


@dataclass(frozen=True)
class Request:
    """What a design was asked to do.

    Attributes:
        target: the wanted response, gain or mask.
        file: where it came from; None for arrays.
        model: file or name of the network; ``none`` without one.
        parts: E series of the values.
        max_parts: most parts.
        candidates: circuits that the network writes.
        tolerance: of the parts, a share.
        seed: of the search.
    """

    target: Target
    file: Path | None
    model: str
    parts: str
    max_parts: int
    candidates: int
    tolerance: float
    seed: int


@dataclass(frozen=True)
class Design:
    """A finished search: the answer, what it does, and the circuits that it was chosen from.

    Attributes:
        request: what was asked for.
        scale: the units of the parts' values.
        load_ohm: the resistance at port 1.
        goal: what was searched.
        choice: circuits, the answer first.
        search: how they were found.
        longest_written: most parts that the network writes; None without a network.
        seconds: how long it took, reading files included, writing them not.
    """

    request: Request
    scale: Scale
    load_ohm: float
    goal: Goal
    choice: Choice
    search: SearchResult
    longest_written: int | None
    seconds: float

    def __repr__(self) -> str:
        count, score = len(self.circuit[0]), self.score_text(self.choice.scores[0])
        parts = f"{count} part{'s' * (count > 1)}, {self.request.parts}"
        units = f"1.0 is {si_text(self.scale.r0, 'Ω')} and {self.scale.omega0:g} rad/s"
        load = f"load {si_text(self.load_ohm, 'Ω')}"
        return f"Design({self.text}, {parts}, {units}, {load}, {self.goal.name}: {score})"

    def __str__(self) -> str:
        return self.summary()

    @cached_property
    def circuit(self) -> tuple[np.ndarray, np.ndarray]:
        """Types and values ``[n]`` of the answer, in units of ``scale``."""
        types, values = self.choice.pool.types[0], self.choice.pool.values[0]
        return types[types >= 0], values[types >= 0]

    @property
    def text(self) -> str:
        """The answer as text, such as ``SR:1.0|PC:2.2``, in units of ``scale``."""
        types, values = self.circuit
        return texts(types[None], values[None])[0]

    @property
    def parts(self) -> list[dict[str, Any]]:
        """The answer's parts from port 1 to port 2: name, element (``kind``), place, value and unit of each."""
        types, values = self.circuit
        labels = part_labels(types, values, self.scale.r0, self.scale.omega0)
        sizes = (self.scale.r0, self.scale.r0 / self.scale.omega0, 1.0 / (self.scale.r0 * self.scale.omega0))
        return [
            {
                "name": label.split(" ")[0],
                "kind": ELEMENT_NAMES[part_type % ELEMENTS],
                "place": "series" if part_type < ELEMENTS else "parallel",
                "value": float(f"{value * sizes[part_type % ELEMENTS]:.12g}"),
                "unit": UNITS[part_type % ELEMENTS],
            }
            for part_type, value, label in zip(types.tolist(), values.tolist(), labels, strict=True)
        ]

    @cached_property
    def of_load(self) -> tuple[np.ndarray, np.ndarray, float, float]:
        """The answer with values in units in which the load is 1.0, and these units: ohms, rad/s."""
        types, values = self.circuit
        return types, to_load(types, values, self.goal.load), self.load_ohm, self.scale.omega0

    @property
    def netlist(self) -> str:
        """The answer as a SPICE netlist."""
        types, values, r0, omega0 = self.of_load
        hertz = self.response.frequency_hz
        analysis = (NETLIST_POINTS_PER_DECADE, float(hertz[0]), float(hertz[-1]))
        name = "a target" if self.request.file is None else self.request.file.name
        return write_netlist(types, values, f"designed for {printable(name)}", r0, omega0, analysis)

    @cached_property
    def response(self) -> Response:
        """V and I of the answer over the target's range, in units of the load."""
        lowest, highest = self.request.target.frequency_hz[[0, -1]]
        inner = np.geomspace(lowest, highest, CURVE_POINTS)[1:-1]
        hertz = np.concatenate([[lowest], inner, [highest]])
        types, values, *_ = self.of_load
        voltage, current = respond(types[None], values[None], self.scale.omega(hertz))
        return Response(hertz, voltage[0], current[0], self.load_ohm)

    @cached_property
    def band(self) -> Band:
        """Monte Carlo of the answer's gain with real parts, at the frequencies of ``response``."""
        frequency, request = self.scale.omega(self.response.frequency_hz), self.request
        return band_of(self.goal, *self.circuit, request.tolerance, DRAWS, request.seed, frequency)

    @cached_property
    def mask_yield(self) -> Interval | None:
        """Share of circuits with real parts that stay inside the mask; None for other goals."""
        if not isinstance(self.goal, MaskGoal):
            return None
        return yield_of(self.goal, *self.circuit, self.request.tolerance, DRAWS, self.request.seed)

    @cached_property
    def candidates(self) -> pd.DataFrame:
        """The circuits that were compared at last, a row each, the answer first."""
        import pandas as pd

        pool, choice = self.choice.pool, self.choice
        rows = []
        for row, text in enumerate(texts(pool.types, pool.values)):
            types, values = pool.types[row], pool.values[row]
            labels = part_labels(types, values, self.scale.r0, self.scale.omega0)
            places = ["series" if part_type < ELEMENTS else "parallel" for part_type in types[types >= 0]]
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

    def score_text(self, score: float) -> str:
        """A score as people read it."""
        if self.goal.unit == "%":
            return f"{100 * score:.2g} %"
        return f"{score:.2g} dB" if score else "none"

    def summary(self) -> str:
        """The circuit, how good it is, and where it came from, for people."""
        types, values = self.circuit
        score, free, tolerance = self.choice.scores[0], self.choice.pool.free[0], self.request.tolerance
        lines = [
            f"Wanted: {self._wanted()}",
            "",
            f"Circuit of {len(types)} part{'s' * (len(types) > 1)}, "
            f"from port 1 (load, {si_text(self.load_ohm, 'Ω')}) to port 2 (where the signal comes in):",
        ]
        for part_type, label in zip(types, part_labels(types, values, self.scale.r0, self.scale.omega0), strict=True):
            name, value = label.split(" ", 1)
            how = "in the line" if part_type < ELEMENTS else "from the line to ground"
            lines.append(f"  {name:<4}{value:<10} {ELEMENT_NAMES[part_type % ELEMENTS]} {how}")
        lines += [
            "",
            f"{self.goal.name.capitalize()} with values of {self.request.parts}: {self.score_text(score)}; "
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
        worst = si_text(float(self.response.frequency_hz[half.argmax()]), "Hz", 3)
        lines.append(
            f"Real parts differ from their nominal values. If each is up to {100 * tolerance:g} % off, the gain of "
            f"95 in 100 such circuits is within {half.max():.2g} dB of this design (widest at {worst})."
        )
        share = self.mask_yield
        if share is not None:
            lines.append(
                f"Yield: {100 * share.value:.1f} of 100 circuits built so are inside the mask "
                f"(95 % interval {100 * share.low:.1f} to {100 * share.high:.1f})."
            )
        lines += [
            "",
            f"Found by: {self.choice.pool.origin[0]}; {self.search.simulated:,} circuits simulated, "
            f"{self.seconds:.1f} s.",
        ]
        if self.longest_written is not None and self.request.max_parts > self.longest_written:
            lines.append(
                f"The network writes circuits of at most {self.longest_written} parts; longer ones come from random "
                "search and the genetic algorithm alone."
            )
        return "\n".join(lines)

    def _wanted(self) -> str:
        lowest, highest = (si_text(float(hertz), "Hz") for hertz in self.request.target.frequency_hz[[0, -1]])
        what = {Response: "a response (voltage and current)", Gain: "a gain", Mask: "a gain between limits"}
        file = "" if self.request.file is None else f", {self.request.file}"
        return f"{what[type(self.request.target)]} from {lowest} to {highest}{file}"

    def _score_column(self) -> str:
        return self.goal.name.replace(" ", "_") + ("_db" if self.goal.unit == "dB" else "")

    def content(self) -> dict[str, Any]:
        """Everything with units, as plain types: what ``design.json`` holds."""
        request, pool, response = self.request, self.choice.pool, self.response
        target, voltage, current = request.target, response.voltage, response.current
        content = {
            "target": {
                "file": None if request.file is None else str(request.file),
                "kind": type(target).__name__.lower(),
                "points": len(target.frequency_hz),
                "lowest_hz": float(target.frequency_hz[0]),
                "highest_hz": float(target.frequency_hz[-1]),
            },
            "load_ohm": self.load_ohm,
            "parts": self.parts,
            "text": self.text,
            "text_units": {"r0_ohm": self.scale.r0, "omega0_radian_per_second": self.scale.omega0},
            self._score_column(): float(self.choice.scores[0]),
            f"{self._score_column()}_before_rounding": float(pool.free[0]),
            "largest_deviation_db": float(self.choice.deviation_db[0]),
            "tolerance": request.tolerance,
            "draws": DRAWS,
            "found_by": pool.origin[0],
            "simulated_circuits": self.search.simulated,
            "steps": [
                step | {"best": step["best"] if np.isfinite(step["best"]) else None} for step in self.search.steps
            ],
            "seconds": round(self.seconds, 3),
            "rule": RULES[isinstance(self.goal, MaskGoal)],
            "model": request.model,
            "network_longest_parts": self.longest_written,
            "series": request.parts,
            "max_parts": request.max_parts,
            "candidates": request.candidates,
            "seed": request.seed,
            "response": {
                "frequency_hz": response.frequency_hz.tolist(),
                "gain_db": decibels(voltage).tolist(),
                "phase_degree": np.degrees(np.unwrap(-np.angle(voltage))).tolist(),
                "impedance_ohm": (self.load_ohm * np.abs(voltage) / np.abs(current)).tolist(),
                "gain_low_db": self.band.low.tolist(),
                "gain_high_db": self.band.high.tolist(),
            },
        }
        share = self.mask_yield
        if share is not None:
            content["inside_mask"] = self.goal.met(float(self.choice.scores[0]))
            content["yield"] = {"share": share.value, "low": share.low, "high": share.high}
        return content

    def curves(self) -> list[Curve]:
        """The target, where it is a curve, and the answer."""
        from hypernet.circuits.plots.bode import TARGET_STYLE, Curve
        from hypernet.lab.results.figures import COLOURS

        target, response = self.request.target, self.response
        frequency, wanted = self.scale.omega(response.frequency_hz), []
        if isinstance(target, Response):
            wanted = [Curve("Target", *target.at(frequency, self.scale), TARGET_STYLE)]
        elif isinstance(target, Gain):
            gain, phase = target.at(frequency, self.scale)
            voltage = 10.0 ** (-gain / 20) * np.exp(-1j * np.radians(0.0 if phase is None else phase))
            wanted = [Curve("Target", voltage, None, TARGET_STYLE, has_phase=phase is not None)]
        return [*wanted, Curve("Design", response.voltage, response.current, {"color": COLOURS[0], "lw": 1.8})]

    def write(self, folder: Path | str) -> None:
        """Write netlist, pictures, table and ``design.json`` to a folder: all, or none if one cannot be written.

        Other files in ``folder`` stay.

        Raises:
            UserError: the folder cannot be written to.
        """
        folder = Path(folder)
        check_folder(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as name:
            written = Path(name)
            write_text(written / "circuit.cir", self.netlist)
            _draw(self, written)
            write_table(written / "circuits.csv", self.candidates)
            write_json(written / "design.json", self.content())
            folder.mkdir(exist_ok=True)
            for file in FILES:
                (written / file).replace(folder / file)


def check_folder(folder: Path) -> None:
    """Whether a design can be written to a folder.

    Raises:
        UserError: it cannot; one line says why.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: this is a file; name a folder")
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not there.is_dir():
        raise UserError(f"{folder}: {there} is a file; name a folder")
    if not os.access(there, os.W_OK):
        raise UserError(f"{folder}: {there} cannot be written to")
    for name in FILES:
        if (folder / name).is_dir():
            raise UserError(f"{folder / name}: this is a folder, and would be a file of this command")


def _draw(design: Design, folder: Path) -> None:
    from hypernet.circuits.plots.bode import bode_panels
    from hypernet.circuits.plots.schematic import draw_schematic, write_svg
    from hypernet.lab.results import figures

    write_svg(folder / "schematic.svg", draw_schematic(*design.of_load))
    figures.use_style()
    target, hertz, limits = design.request.target, design.response.frequency_hz, None
    if isinstance(target, Mask):
        limits = target.at(design.scale.omega(hertz), design.scale)
    label = f"95 % of circuits, parts within {100 * design.request.tolerance:g} %"
    panels = bode_panels(hertz, design.curves(), limits, (design.band.low, design.band.high), label, design.load_ohm)
    figures.save_panels(folder, "bode", panels, legend_order=["Target", "Design"])
