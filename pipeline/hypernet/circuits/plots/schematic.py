"""Ladders as circuit diagrams: port 1 with its load on the left, port 2 with its source on the right."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hypernet.circuits.core.parts import ELEMENTS, OMEGA0_RADIAN_PER_SECOND, R0_OHM
from hypernet.lab.files import write_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from schemdraw import Drawing

LETTERS = "RLC"
UNITS = ("Ω", "H", "F")
PREFIXES = {-15: "f", -12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T"}
# Vermillion of the project's palette; differing parts are thicker too.
DIFFERENT = "#D55E00"

# Sizes in the drawing's units, one unit being a third of a usual part's length.
HEIGHT = 3.0
SERIES_WIDTH = 2.2
# From one parallel part to the next, over the label of the first.
SHUNT_WIDTH = 2.3
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
    """Name and value of each part of one ladder, such as ``"C2 1 nF"``; parts are numbered from port 1.

    Args:
        types: ``[n]``, padding behind the last part.
        values: ``[n]``, normalised.
        r0: Ohm, what 1.0 is for a resistor.
        omega0: rad/s; 1.0 is r0 / omega0 for an inductor and 1 / (omega0 r0) for a capacitor.
    """
    sizes = (r0, r0 / omega0, 1.0 / (omega0 * r0))
    labels = []
    for place, (part_type, value) in enumerate(zip(*_inside(types, values), strict=True), start=1):
        element = part_type % ELEMENTS
        labels.append(f"{LETTERS[element]}{place} {si_text(value * sizes[element], UNITS[element])}")
    return labels


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
) -> Drawing:
    """The diagram of one ladder, not yet drawn anywhere; see :func:`write_svg` and :func:`picture`.

    Port 2 is driven by a source of inner resistance R0, port 1 is closed with R0.

    Args:
        types: ``[n]``, padding behind the last part; with no part the ports are joined.
        values: ``[n]``, normalised.
        r0: Ohm.
        omega0: rad/s.
        compare: types and values of another ladder; parts that differ from it are thick and coloured.
    """
    import schemdraw
    from schemdraw import elements as elm

    shapes: tuple[Any, ...] = (elm.ResistorIEEE, elm.Inductor2, elm.Capacitor)  # schemdraw types none of them
    resistor, source_symbol = shapes[0], elm.SourceSin()
    drawing = schemdraw.Drawing(show=False)
    drawing.config(fontsize=FONT_POINTS, inches_per_unit=INCHES_PER_UNIT, lw=1.6, margin=MARGIN)

    def wire(start: tuple[float, float], end: tuple[float, float]) -> None:
        drawing.add(elm.Line().at(start).to(end))

    def port(x: float, number: int) -> None:
        for y in (0.0, HEIGHT):
            drawing.add(elm.Dot(open=True).at((x, y)))
        drawing.add(
            elm.Label().at((x, HEIGHT + 0.55)).label(f"Port {number}", fontsize=FONT_POINTS - 2, color="#595959")
        )

    r0_text = f"R0\n{si_text(r0, UNITS[0])}"
    drawing.add(resistor().at((0.0, HEIGHT)).to((0.0, 0.0)).label(r0_text, loc="top"))
    wire((0.0, HEIGHT), (ENDS_WIDTH, HEIGHT))
    wire((0.0, 0.0), (ENDS_WIDTH, 0.0))
    labels = part_labels(types, values, r0, omega0)
    inside = _inside(types, values)[0]
    marked = differing(types, values, compare) if compare else np.zeros(len(inside), dtype=bool)
    x, was_parallel = ENDS_WIDTH, False
    for part_type, label, differs in zip(inside, labels, marked, strict=True):
        text = label.replace(" ", "\n", 1)
        style: dict[str, Any] = {"color": DIFFERENT, "lw": 2.6} if differs else {}
        part = shapes[part_type % ELEMENTS](**style)
        if part_type < ELEMENTS:
            drawing.add(part.at((x, HEIGHT)).to((x + SERIES_WIDTH, HEIGHT)).label(text, loc="top"))
            wire((x, 0.0), (x + SERIES_WIDTH, 0.0))
            x += SERIES_WIDTH
        else:
            # The first of a run hangs at the end of the series part before it.
            step = SHUNT_WIDTH if was_parallel else 0.0
            for y in (0.0, HEIGHT):
                wire((x, y), (x + step, y))
                drawing.add(elm.Dot().at((x + step, y)))
            x += step
            drawing.add(part.at((x, HEIGHT)).to((x, 0.0)).label(text, loc="bottom", ofst=0.2))
        was_parallel = part_type >= ELEMENTS
    end = x + (SHUNT_WIDTH if was_parallel else ENDS_WIDTH)
    source = end + SERIES_WIDTH
    wire((x, HEIGHT), (end, HEIGHT))
    wire((x, 0.0), (source, 0.0))
    drawing.add(resistor().at((end, HEIGHT)).to((source, HEIGHT)).label(r0_text, loc="top"))
    drawing.add(source_symbol.at((source, 0.0)).to((source, HEIGHT)).label("Source", loc="bottom"))
    port(ENDS_WIDTH / 2, 1)
    port(end - ENDS_WIDTH / 4, 2)
    return drawing


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
