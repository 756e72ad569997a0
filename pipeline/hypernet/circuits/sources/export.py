"""A ladder as a SPICE netlist whose obvious node shows the curve that is claimed.

The source is on the left: ``V1`` at node ``src``, its resistance ``RS`` to node ``in``, the parts from the source to
the load and numbered so, the load ``RL`` at node ``out``. The amplitude of ``V1`` is 2 sqrt(RS / RL), so that v(out) is
S21; without a source resistance, or without a load, it is 1, and v(out) the voltage gain. ``.options noopac`` leaves
out the operating point, which is singular for loops of inductors and for nodes between capacitors; a linear AC
analysis does not need it.
"""

from __future__ import annotations

import math
from decimal import Decimal, localcontext

import numpy as np

from hypernet.circuits.core.parts import (
    ELEMENTS,
    OMEGA0_RADIAN_PER_SECOND,
    PART_TYPES,
    R0_OHM,
    arms_of,
    is_series,
    merge,
)
from hypernet.circuits.core.terminations import Terminations
from hypernet.lab.errors import UserError

# Said in the title, and read from there: a resistor that comes first would be taken for the source's, one at an open
# end for the load.
IDEAL_SOURCE, OPEN_PORT = "source without resistance", "load open"
# Longer ones are cut by who reads them, and the remarks with them.
LONGEST_TITLE = 140
UNTOLD = Terminations(None, 1.0)


def units(r0: float, omega0: float) -> tuple[Decimal, Decimal, Decimal]:
    """What 1.0 is in ohms, henries and farads, as decimal numbers: with binary ones 2.2e-9 F would not be 2.2."""
    with localcontext() as context:
        context.prec = 40
        ohm, radian = Decimal(repr(float(r0))), Decimal(repr(float(omega0)))
        return ohm, ohm / radian, 1 / (ohm * radian)


def part_names(types: np.ndarray) -> list[str]:
    """The name of each part of a ladder ``[n]`` in its netlist: R, L or C and a number, from the source to the load."""
    letters = [PART_TYPES[part_type % len(PART_TYPES)][1] for part_type in np.asarray(types).tolist() if part_type >= 0]
    order = [place for arm in reversed(arms_of(types)) for branch in arm for place in branch]
    names = {place: f"{letters[place]}{number}" for number, place in enumerate(order, start=1)}
    return [names[place] for place in range(len(letters))]


def write_netlist(
    types: np.ndarray,
    values: np.ndarray,
    title: str,
    r0: float = R0_OHM,
    omega0: float = OMEGA0_RADIAN_PER_SECOND,
    terminations: Terminations | None = None,
    analysis: tuple[int, float, float] | None = None,
    merged: bool = False,
) -> str:
    """The netlist of one ladder; `read_netlist` gives the same values back, to the last bit.

    Args:
        types: ``[n]``, negative for padding, from the load to the source.
        values: normalised, ``[n]``.
        title: its first line.
        r0: what 1.0 is in ohms.
        omega0: what 1.0 is in rad/s.
        terminations: source and load in units of ``r0``; None: a source without resistance, and a load of 1.0.
        analysis: adds ``.ac dec``: points per decade, lowest and highest frequency in Hz.
        merged: join parts of one type in a run (R + R) to one.

    Raises:
        UserError: no parts, or a value that is not positive and finite.
    """
    types, values = np.asarray(types), np.asarray(values, dtype=np.float64)
    types, values = types[types >= 0], values[types >= 0]
    title = " ".join(title.split())[:LONGEST_TITLE]
    if not len(types):
        raise UserError(f"{title}: a circuit needs at least one part")
    if not (np.isfinite(values) & (values > 0)).all():
        place = int(np.argmin(np.isfinite(values) & (values > 0)))
        raise UserError(f"{title}, part {place + 1}: the value {values[place]} is not a positive number")
    if merged:
        types, values = merge(types, values)
    unit, ends = units(r0, omega0), terminations or UNTOLD
    remarks = [IDEAL_SOURCE] * (ends.source is None) + [OPEN_PORT] * math.isinf(ends.load)
    sizes = [_scaled(value, unit[element]) for element, value in zip(types % ELEMENTS, values, strict=True)]
    first = "in" if is_series(types).any() else "out"
    curve = "S21" if ends.matched else "the voltage gain"
    remark = f" ({', '.join(remarks)})" if remarks else ""
    lines = [f"* {title}{remark}", f"* v(out) is {curve}", ".options noopac"]
    if ends.source is None:
        lines.append(f"V1 {first} 0 AC 1")
    else:
        amplitude = 2.0 * math.sqrt(ends.source / ends.load) if ends.matched else 1.0
        lines += [f"V1 src 0 AC {amplitude!r}", f"RS src {first} {_scaled(ends.source, unit[0])}"]
    lines += _parts(types, sizes)
    if not math.isinf(ends.load):
        lines.append(f"RL out 0 {_scaled(ends.load, unit[0])}")
    if analysis is not None:
        points, lowest, highest = analysis
        lines += [f".ac dec {points} {float(lowest)!r} {float(highest)!r}", ".print ac vdb(out)"]
    return "\n".join([*lines, ".end"]) + "\n"


def _parts(types: np.ndarray, sizes: list[str]) -> list[str]:
    """A line for each part, from the source to the load."""
    names, series = part_names(types), is_series(types)
    arms = arms_of(types)[::-1]
    last = max((at for at, arm in enumerate(arms) if series[arm[0][0]]), default=-1)
    node, count, inside, lines = "in" if last >= 0 else "out", 0, 0, []
    for at, arm in enumerate(arms):
        if series[arm[0][0]]:
            count += 1
            far = "out" if at == last else f"n{count}"
        else:
            far = "0"
        near = node
        for number, branch in enumerate(arm):
            start = near if not series[branch[0]] else node
            # To ground the branches follow one another, and the parts of a branch are parallel; in the line conversely.
            if series[branch[0]]:
                stops = [*(f"m{inside + step}" for step in range(1, len(branch))), far]
                inside += len(branch) - 1
                for place, stop in zip(branch, stops, strict=True):
                    lines.append(f"{names[place]} {start} {stop} {sizes[place]}")
                    start = stop
                continue
            stop = far if number == len(arm) - 1 else f"m{inside + 1}"
            inside += stop != far
            lines += [f"{names[place]} {start} {stop} {sizes[place]}" for place in branch]
            near = stop
        if series[arm[0][0]]:
            node = far
    return lines


def _scaled(value: float, unit: Decimal) -> str:
    """A value in ohms, henries or farads as Python writes it, with more digits where a double does not hold them."""
    with localcontext() as context:
        context.prec = 25
        number = Decimal(repr(float(value))) * unit
    short = repr(float(number))
    return short if Decimal(short) == number else f"{number:e}"
