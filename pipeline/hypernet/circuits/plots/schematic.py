"""Ladders as circuit diagrams: the source with its resistance on the left, the load on the right.

Arms of several parts are drawn as the field draws them: branches of a series arm above each other, the blocks of an arm
to ground one below the other.
"""

from __future__ import annotations

import difflib
import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hypernet.circuits.core.goals import UNIT_LOAD
from hypernet.circuits.core.parts import ELEMENTS, OMEGA0_RADIAN_PER_SECOND, R0_OHM, arms_of, is_series
from hypernet.circuits.core.terminations import Terminations
from hypernet.circuits.sources.export import part_names
from hypernet.lab.files import write_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from schemdraw import Drawing

UNITS = ("Ω", "H", "F")
PREFIXES = {-15: "f", -12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T"}
# Vermillion of the project's palette; differing parts are thicker too.
DIFFERENT = "#D55E00"

# Sizes in the drawing's units, one unit being a third of a usual part's length.
HEIGHT = 3.0
SERIES_WIDTH = 2.4
# From one branch of a series arm to the next, over the label of the first; of a block in an arm to ground.
BRANCH_STEP = 1.9
BLOCK_HEIGHT = 1.9
# By how much parallel parts of a block are shorter than the block, above and below.
BLOCK_GAP = 0.2
# From one parallel part to the next, over the label of the first.
SHUNT_WIDTH = 2.4
ENDS_WIDTH = 1.5
MARGIN = 0.2
TITLE_HEIGHT = 0.6
FONT_POINTS = 13.0
INCHES_PER_UNIT = 0.5


def si_text(value: float, unit: str, digits: int = 4) -> str:
    """A value with an SI prefix, such as ``"2.2 kΩ"``.

    Args:
        value: in the unit without prefix.
        unit: its sign.
        digits: significant digits at most.
    """
    if value == 0 or not math.isfinite(value):
        return f"{value:g} {unit}"
    # Rounded first: 999.99 is 1 k, not 1000.
    rounded = float(f"{value:.{digits - 1}e}")
    exponent = math.floor(math.log10(abs(rounded)) + 1e-12) // 3 * 3
    exponent = min(max(exponent, min(PREFIXES)), max(PREFIXES))
    return f"{rounded / 10.0**exponent:.{digits}g} {PREFIXES[exponent]}{unit}"


def part_labels(
    types: np.ndarray, values: np.ndarray, r0: float = R0_OHM, omega0: float = OMEGA0_RADIAN_PER_SECOND
) -> list[str]:
    """Name and value of each part of one ladder, such as ``"C2 1 nF"``, in the order of the arrays.

    Parts are numbered from the source, as in netlists: the last arm of the arrays comes first.

    Args:
        types: ``[n]``, padding behind the last part.
        values: ``[n]``, normalised.
        r0: Ohm, what 1.0 is for a resistor.
        omega0: rad/s; 1.0 is r0 / omega0 for an inductor and 1 / (omega0 r0) for a capacitor.
    """
    sizes = (r0, r0 / omega0, 1.0 / (omega0 * r0))
    inside, numbers = _inside(types, values)
    return [
        f"{name} {si_text(value * sizes[part_type % ELEMENTS], UNITS[part_type % ELEMENTS])}"
        for name, part_type, value in zip(part_names(np.array(inside, dtype=np.int8)), inside, numbers, strict=True)
    ]


def differing(types: np.ndarray, values: np.ndarray, compare: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Which parts of one ladder have no counterpart in another, ``[n]`` bool.

    Parts are paired in order, so that one part too many marks itself and not all that follow.

    Args:
        types: ``[n]``, padding behind the last part.
        values: ``[n]``.
        compare: types and values of the other ladder.
    """
    parts, others = (list(zip(*_inside(*circuit), strict=True)) for circuit in ((types, values), compare))
    marked = np.ones(len(parts), dtype=bool)
    for block in difflib.SequenceMatcher(a=parts, b=others, autojunk=False).get_matching_blocks():
        marked[block.a : block.a + block.size] = False
    return marked


def _inside(types: np.ndarray, values: np.ndarray) -> tuple[list[int], list[float]]:
    types = np.asarray(types)
    inside = types >= 0
    return types[inside].tolist(), np.asarray(values, dtype=np.float64)[inside].tolist()


def draw_schematic(
    types: np.ndarray,
    values: np.ndarray,
    r0: float = R0_OHM,
    omega0: float = OMEGA0_RADIAN_PER_SECOND,
    compare: tuple[np.ndarray, np.ndarray] | None = None,
    terminations: Terminations = UNIT_LOAD,
) -> Drawing:
    """The diagram of one ladder, not yet drawn anywhere; see :func:`write_svg` and :func:`picture`.

    Args:
        types: ``[n]``, padding behind the last part; with no part the ports are joined.
        values: ``[n]``, normalised.
        r0: Ohm.
        omega0: rad/s.
        compare: types and values of another ladder; parts that differ from it are thick and coloured.
        terminations: source and load, in units of ``r0``; without a source resistance none is drawn, and an open port
            stays open.
    """
    inside = np.array(_inside(types, values)[0], dtype=np.int8)
    labels = part_labels(types, values, r0, omega0)
    marked = differing(types, values, compare) if compare else np.zeros(len(inside), dtype=bool)
    parts = [
        _Part(int(part_type) % ELEMENTS, label.replace(" ", "\n", 1), bool(differs))
        for part_type, label, differs in zip(inside, labels, marked, strict=True)
    ]
    blocks = max((len(arm) for arm in arms_of(inside) if not is_series(inside[arm[0][0]])), default=1)
    sheet = _Sheet(max(HEIGHT, BLOCK_HEIGHT * blocks))
    sheet.source(None if terminations.source is None else f"RS\n{si_text(terminations.source * r0, UNITS[0])}")
    sheet.port(1)
    sheet.wire()
    for arm in reversed(arms_of(inside)):
        branches = [[parts[place] for place in branch] for branch in arm]
        (sheet.series if is_series(inside[arm[0][0]]) else sheet.shunt)(branches)
    sheet.room()
    sheet.port(2)
    if math.isfinite(terminations.load):
        sheet.load(f"RL\n{si_text(terminations.load * r0, UNITS[0])}")
    return sheet.drawing


@dataclass(frozen=True)
class _Part:
    """What is drawn of a part: R, L or C, its text, and whether it differs from that of another ladder."""

    element: int
    text: str
    differs: bool


class _Sheet:
    """A drawing that grows from the left, a wire above and the ground below."""

    def __init__(self, height: float):
        import schemdraw
        from schemdraw import elements as elm

        # schemdraw types none of them
        self._shapes: tuple[Any, ...] = (elm.ResistorIEEE, elm.Inductor2, elm.Capacitor)
        self._elements: Any = elm
        self._height, self._x, self._room = height, 0.0, 0.0
        self.drawing = schemdraw.Drawing(show=False)
        self.drawing.config(fontsize=FONT_POINTS, inches_per_unit=INCHES_PER_UNIT, lw=1.6, margin=MARGIN)

    def _wire(self, *points: tuple[float, float]) -> None:
        for start, end in itertools.pairwise(points):
            if start != end:
                self.drawing.add(self._elements.Line().at(start).to(end))

    def _place(self, part: _Part, start: tuple[float, float], end: tuple[float, float]) -> None:
        """A part with its text above it, or beside it on the right."""
        style: dict[str, Any] = {"color": DIFFERENT, "lw": 2.6} if part.differs else {}
        beside: dict[str, Any] = {"loc": "top"} if start[1] == end[1] else {"loc": "bottom", "ofst": 0.2}
        self.drawing.add(self._shapes[part.element](**style).at(start).to(end).label(part.text, **beside))

    def _advance(self, width: float) -> None:
        """Both wires go on to the right."""
        for y in (0.0, self._height):
            self._wire((self._x, y), (self._x + width, y))
        self._x += width

    def source(self, resistance: str | None) -> None:
        """The source and, where it has one, its resistance."""
        top = (0.0, self._height)
        self.drawing.add(self._elements.SourceSin().at((0.0, 0.0)).to(top).label("Source", loc="top"))
        if resistance is not None:
            self._place(_Part(0, resistance, False), top, (SERIES_WIDTH, self._height))
            self._wire((0.0, 0.0), (SERIES_WIDTH, 0.0))
            self._x = SERIES_WIDTH

    def port(self, number: int) -> None:
        """The two terminals of a port, behind a piece of wire."""
        self._advance(ENDS_WIDTH / 2)
        for y in (0.0, self._height):
            self.drawing.add(self._elements.Dot(open=True).at((self._x, y)))
        self.drawing.add(
            self._elements.Label()
            .at((self._x, self._height + 0.55))
            .label(f"Port {number}", fontsize=FONT_POINTS - 2, color="#595959")
        )

    def wire(self) -> None:
        """A piece of wire from a port to the first part."""
        self._advance(ENDS_WIDTH / 2)

    def series(self, branches: list[list[_Part]]) -> None:
        """An arm in the line: its branches above each other, the parts of a branch one behind the other."""
        edge = SERIES_WIDTH / 4 if len(branches) > 1 else 0.0
        width = SERIES_WIDTH * max(map(len, branches))
        left, right = self._x + edge, self._x + edge + width
        for number, branch in enumerate(branches):
            y = self._height + number * BRANCH_STEP
            step = width / len(branch)
            for place, part in enumerate(branch):
                self._place(part, (left + place * step, y), (left + (place + 1) * step, y))
            for x in (left, right) if number else ():
                self._wire((x, y - BRANCH_STEP), (x, y))
                self.drawing.add(self._elements.Dot().at((x, y - BRANCH_STEP)))
        self._wire((self._x, self._height), (left, self._height))
        self._wire((right, self._height), (right + edge, self._height))
        self._wire((self._x, 0.0), (right + edge, 0.0))
        self._x, self._room = right + edge, 0.0

    def shunt(self, blocks: list[list[_Part]]) -> None:
        """An arm to ground: its blocks one below the other, the parts of a block beside each other."""
        # The first of several hangs at the end of the series part before it.
        self._advance(self._room)
        for y in (0.0, self._height):
            self.drawing.add(self._elements.Dot().at((self._x, y)))
        step = self._height / len(blocks)
        for number, block in enumerate(blocks):
            top, bottom = self._height - number * step, self._height - (number + 1) * step
            for place, part in enumerate(block):
                x = self._x + place * SHUNT_WIDTH
                self._place(part, (x, top - BLOCK_GAP * (place > 0)), (x, bottom + BLOCK_GAP * (place > 0)))
            last = self._x + (len(block) - 1) * SHUNT_WIDTH
            for y in (top - BLOCK_GAP, bottom + BLOCK_GAP):
                self._wire((self._x, y), (last, y))
        self._room = SHUNT_WIDTH * max(map(len, blocks))

    def room(self) -> None:
        """Room for the text of a last arm to ground."""
        self._advance(max(self._room - ENDS_WIDTH / 2, 0.0))

    def load(self, resistance: str) -> None:
        """The load; without one the wires end at the port."""
        self._advance(ENDS_WIDTH / 2)
        self._place(_Part(0, resistance, False), (self._x, self._height), (self._x, 0.0))


def picture(diagrams: Mapping[str, Drawing]) -> Figure:
    """Diagrams above each other at one scale, each under its title, for a file of any format.

    Args:
        diagrams: by title, from the top.
    """
    import matplotlib.pyplot as plt

    boxes = [diagram.get_bbox() for diagram in diagrams.values()]
    width = max(box.xmax - box.xmin for box in boxes) + 2 * MARGIN
    heights = [box.ymax - box.ymin + 2 * MARGIN + TITLE_HEIGHT for box in boxes]
    total = sum(heights)
    figure = plt.figure(figsize=(width * INCHES_PER_UNIT, total * INCHES_PER_UNIT))
    # Every diagram has its place.
    figure.set_layout_engine("none")
    top = total
    for (title, diagram), box, height in zip(diagrams.items(), boxes, heights, strict=True):
        top -= height
        axes = figure.add_axes((0.0, top / total, 1.0, height / total))
        axes.set_axis_off()
        left, bottom = box.xmin - MARGIN, box.ymin - MARGIN
        diagram.draw(show=False, canvas=axes)
        axes.set(xlim=(left, left + width), ylim=(bottom, bottom + height))
        axes.text(left + MARGIN, box.ymax + MARGIN, title, fontsize=FONT_POINTS, weight="bold", va="bottom")
    return figure


def write_svg(path: Path, drawing: Drawing) -> None:
    """Write a diagram as SVG; the same circuit gives the same bytes, on a machine without a screen too."""
    import schemdraw

    # Text as text: with another library present schemdraw would turn letters into shapes.
    schemdraw.svgconfig.text = "text"
    text = drawing.draw(show=False, canvas="svg").getimage().decode("utf-8")
    # No browser knows a font "sans".
    write_text(path, text.replace('font-family="sans"', 'font-family="sans-serif"') + "\n")
