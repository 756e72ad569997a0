"""What a search has led to: the circuit that is the answer, its curves, its tolerance, and the circuits beside it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hypernet.circuits.core.goals import Goal, MaskGoal, decibels
from hypernet.circuits.core.ladder import respond
from hypernet.circuits.core.parts import ELEMENTS, UNITS, arms_of, is_series, texts
from hypernet.circuits.core.scale import Scale
from hypernet.circuits.core.tolerance import Band
from hypernet.circuits.plots.schematic import part_labels, si_text
from hypernet.circuits.sources.export import write_netlist
from hypernet.circuits.sources.netlist import Ladder
from hypernet.circuits.sources.reading import printable
from hypernet.circuits.sources.targets import Mask, Response, ScatteringMask, Target
from hypernet.circuits.tools.choice import DRAWS, Choice, band_of, yield_of
from hypernet.circuits.tools.dissipation import INDUCTOR, with_coil_q
from hypernet.circuits.tools.merits import Merits, merits_of
from hypernet.circuits.tools.quantities import in_words
from hypernet.circuits.tools.search import SearchResult

if TYPE_CHECKING:
    import pandas as pd

    from hypernet.lab.results.statistics import Interval

CURVE_POINTS = 401
NETLIST_POINTS_PER_DECADE = 50
ELEMENT_NAMES = ("resistor", "inductor", "capacitor")


@dataclass(frozen=True)
class Request:
    """What a design was asked to do.

    Attributes:
        target: what is wanted.
        file: where it came from; None for arrays.
        model: file or name of the network; ``none`` without one.
        parts: E series of the values.
        max_parts: most parts.
        candidates: circuits that the network writes.
        tolerance: of the parts, a share.
        seed: of the search.
        resonators: whether tanks and traps were tried.
    """

    target: Target
    file: Path | None
    model: str
    parts: str
    max_parts: int
    candidates: int
    tolerance: float
    seed: int
    resonators: bool = True


@dataclass(frozen=True)
class Solution:
    """A finished search: the answer, what it does, and the circuits that it was chosen from.

    Attributes:
        request: what was asked for.
        scale: the units of the parts' values.
        source_ohm: the resistance of the source, at port 1; None for a source without.
        load_ohm: the load, at port 2.
        goal: what was searched.
        judged: the same at more frequencies.
        choice: circuits, the answer first.
        search: how they were found.
        longest_written: most parts that the network writes; None without a network.
        seconds: how long it took, reading files included, writing them not.
    """

    request: Request
    scale: Scale
    source_ohm: float | None
    load_ohm: float
    goal: Goal
    judged: Goal
    choice: Choice
    search: SearchResult
    longest_written: int | None
    seconds: float

    def __repr__(self) -> str:
        count, score = len(self.circuit[0]), self.score_text(self.choice.scores[0])
        parts = f"{count} part{'s' * (count > 1)}, {self.request.parts}"
        units = f"1.0 is {si_text(self.scale.r0, 'Ω')} and {self.scale.omega0:g} rad/s"
        source = "no source resistance" if self.source_ohm is None else f"source {si_text(self.source_ohm, 'Ω')}"
        ends = f"{source}, load {si_text(self.load_ohm, 'Ω')}"
        return f"Design({self.text}, {parts}, {units}, {ends}, {self.goal.name}: {score})"

    @cached_property
    def circuit(self) -> tuple[np.ndarray, np.ndarray]:
        """Types and values ``[n]`` of the answer from the load to the source, in units of ``scale``."""
        types, values = self.choice.pool.types[0], self.choice.pool.values[0]
        return types[types >= 0], values[types >= 0]

    @property
    def text(self) -> str:
        """The answer as text, such as ``SR:1.0|PC:2.2``, from the load to the source, in units of ``scale``."""
        types, values = self.circuit
        return texts(types[None], values[None])[0]

    @property
    def parts(self) -> list[dict[str, Any]]:
        """Parts from the source to the load: name, kind, place, value and unit of each.

        A further part of a tank or a trap has the name of its first part too: ``joined_to``.
        """
        types, values = self.circuit
        labels = part_labels(types, values, self.scale.r0, self.scale.omega0)
        sizes = (self.scale.r0, self.scale.r0 / self.scale.omega0, 1.0 / (self.scale.r0 * self.scale.omega0))
        rows = []
        for arm in reversed(arms_of(types)):
            first = arm[0][0]
            for place in (place for branch in arm for place in branch):
                element = int(types[place]) % ELEMENTS
                row = {
                    "name": labels[place].split(" ")[0],
                    "kind": ELEMENT_NAMES[element],
                    "place": "series" if is_series(types[place]) else "parallel",
                    "value": float(f"{values[place] * sizes[element]:.12g}"),
                    "unit": UNITS[element],
                }
                rows.append(row if place == first else row | {"joined_to": labels[first].split(" ")[0]})
        return rows

    @property
    def netlist(self) -> str:
        """The answer as a SPICE netlist, in which v(out) is S21, or the gain of a source without resistance."""
        hertz = self.response.frequency_hz
        analysis = (NETLIST_POINTS_PER_DECADE, float(hertz[0]), float(hertz[-1]))
        title = f"designed for {printable('a target' if self.request.file is None else self.request.file.name)}"
        return write_netlist(
            *self.circuit, title, self.scale.r0, self.scale.omega0, self.goal.terminations, analysis=analysis
        )

    @cached_property
    def response(self) -> Response:
        """V and I of the answer at the source, for 1 V at the load, over the target's range and at a mask's rows."""
        target = self.request.target
        rows = target.frequency_hz if isinstance(target, Mask | ScatteringMask) else target.frequency_hz[[0, -1]]
        hertz = np.geomspace(rows[0], rows[-1], CURVE_POINTS)
        hertz = np.union1d(hertz[~np.isclose(hertz[:, None], rows, rtol=1e-9, atol=0.0).any(axis=1)], rows)
        voltage, current = self._state(hertz, self.goal.terminations.excitation)
        return Response(hertz, voltage, current * self.goal.terminations.load, self.load_ohm)

    @cached_property
    def s_parameters(self) -> np.ndarray | None:
        """S parameters at the frequencies of ``response``, complex ``[d, 2, 2]``; port 1 is the source's.

        None where the source has no resistance.
        """
        ends = self.goal.terminations
        if not ends.matched:
            return None
        hertz = self.response.frequency_hz
        forth, back = (self._state(hertz, start) for start in (ends.excitation, ends.back_excitation))
        s21, s11 = 1.0 / ends.inverse_transmission(*forth), ends.input_reflection(*forth)
        s22 = ends.output_reflection(*forth, *back)
        return np.stack([np.stack([s11, s21], axis=-1), np.stack([s21, s22], axis=-1)], axis=-2)

    def _state(self, hertz: np.ndarray, excitation: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
        types, values = self.circuit
        voltage, current = respond(types[None], values[None], self.scale.omega(hertz), excitation)
        return voltage[0], current[0]

    @property
    def through(self) -> np.ndarray:
        """S21, or the voltage gain where the source has no resistance, complex, at the frequencies of ``response``."""
        gain: np.ndarray = 1.0 / self.response.voltage
        return gain if self.s_parameters is None else self.s_parameters[:, 1, 0]

    @property
    def through_name(self) -> str:
        """What `through` is, for people."""
        return "gain" if self.s_parameters is None else "S21"

    @cached_property
    def merits(self) -> Merits:
        """What is read off the curves: pass and stop band, return loss, the place nearest to a limit."""
        reflection = None if self.s_parameters is None else -decibels(self.s_parameters[:, 0, 0])
        hertz = self.response.frequency_hz
        return merits_of(self.request.target, self.scale, hertz, -decibels(self.through), reflection)

    @cached_property
    def with_losses(self) -> Merits | None:
        """The same with coils of a Q of `COIL_Q`, in the same passbands; None without coils."""
        if not (self.circuit[0] % ELEMENTS == INDUCTOR).any():
            return None
        hertz = self.response.frequency_hz
        curves = with_coil_q(*self.circuit, self.scale.omega(hertz), self.goal.terminations)
        return merits_of(self.request.target, self.scale, hertz, *curves, passes=self.merits.passing(hertz))

    @cached_property
    def band(self) -> Band:
        """Monte Carlo of S21 or the gain, and of S11, with real parts, at the frequencies of ``response``."""
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
        """The circuits that were compared at last, a row each, the answer first; from the source to the load."""
        import pandas as pd

        pool, choice = self.choice.pool, self.choice
        rows, units = [], (self.scale.r0, self.scale.omega0)
        for row, text in enumerate(texts(pool.types, pool.values)):
            types, values = pool.types[row], pool.values[row]
            inside = types >= 0
            ladder = Ladder(types[inside], values[inside], *units, "", self.source_ohm, self.load_ohm)
            share = {} if np.isnan(choice.yields[row]) else {"yield": round(float(choice.yields[row]), 4)}
            rows.append(
                {
                    "parts": int(inside.sum()),
                    "circuit": " | ".join(in_words(ladder)),
                    "text": text,
                    self.score_column: choice.scores[row],
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

    @property
    def score_column(self) -> str:
        """What the score is called in files."""
        name = self.goal.name.replace(" ", "_").replace("-", "_").lower()
        return name + ("_db" if self.goal.unit == "dB" else "")
