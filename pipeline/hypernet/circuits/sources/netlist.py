"""SPICE netlists of two-port ladders: written for ngspice and LTspice, and read from there.

Written: port 1 is node ``p0``, closed with ``RT``; the parts follow from port 1 to port 2; port 2 is driven through the
ammeter ``VM2`` at node ``s`` by the source ``I1`` (1 mA) with ``RS`` in parallel. ``.options noopac`` leaves out the
operating point, which is singular for loops of inductors and for nodes between capacitors; a linear AC analysis does
not need it.

Read: resistors, inductors and capacitors between nodes, values with SPICE suffixes, and nothing else that would change
the circuit. Where the ports are:

* Port 1, the load, is where the resistor named RT, RL or RLOAD leads to ground. Its resistance is the R0 by which the
  values are normalised.
* Port 2 is where the source (V or I) is. A resistor RS or RSOURCE beside it is the source's own: across it, or between
  it and port 2. The response is counted from the voltage at port 2, so RS does not change it.
* Or the caller names both nodes. Then a file needs neither source nor load; those that it has are treated the same.

A voltage source of 0 V is an ammeter, which is a wire. Node names and everything else are case-insensitive; ground is
``0`` or ``gnd``; the first line is a title.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, localcontext
from pathlib import Path

import numpy as np

from hypernet.circuits.core.parts import ELEMENTS, OMEGA0_RADIAN_PER_SECOND, PART_TYPES, R0_OHM, merge
from hypernet.circuits.sources.reading import printable, read_text
from hypernet.lab.errors import UserError

LOADS = ("rt", "rl", "rload")
SOURCES = ("rs", "rsource")
GROUND = "0"
SOURCE_AMPERE = 1e-3
# A ladder has some tens of parts; the reader's time grows with the square of these.
LARGEST_BYTES, MOST_ELEMENTS, LONGEST_WORD = 1_000_000, 1000, 100
FORMAT = "a netlist"
# Lines that say what to do with a circuit and not what it is.
IGNORED = frozenset({
    ".ac", ".backanno", ".dc", ".endc", ".four", ".meas", ".measure", ".noise", ".op", ".option", ".options", ".plot",
    ".print", ".probe", ".save", ".temp", ".title", ".tran", ".width",
})  # fmt: skip
SUFFIXES = {
    "": "1", "t": "1e12", "g": "1e9", "meg": "1e6", "k": "1e3", "mil": "25.4e-6", "m": "1e-3", "u": "1e-6", "n": "1e-9",
    "p": "1e-12", "f": "1e-15",
}  # fmt: skip
# Letters behind the suffix are a unit: 10kOhm, 4.7nF.
NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d{1,4})?)(meg|mil|[tgkmunpf]?)[a-z]*", re.ASCII)
# What `texts` writes of a circuit.
CIRCUIT_TEXT = re.compile(r"\s*[sp][rlc]:[^/\\]*", re.ASCII | re.IGNORECASE)
# A file without a title; SPICE would silently take its first part for one.
PART_LINE = re.compile(r"[rlc]\d+\s+\S+\s+\S+\s+[\d.]\S*\s*", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True)
class Ladder:
    """A circuit as it was read.

    Attributes:
        types: int8 ``[n]``, from port 1 to port 2.
        values: normalised, float64 ``[n]``.
        r0: the resistance in ohms that is 1.0, which is the load at port 1.
        omega0: the angular frequency in rad/s that is 1.0.
        title: the first line without its ``*``.
    """

    types: np.ndarray
    values: np.ndarray
    r0: float
    omega0: float
    title: str


@dataclass(frozen=True)
class _Element:
    name: str
    ends: tuple[str, str]
    fields: list[str]
    where: str

    def other(self, node: str) -> str:
        return self.ends[1] if self.ends[0] == node else self.ends[0]

    def __str__(self) -> str:
        return f"{self.where}: {printable(self.name.upper())}"


def units(r0: float, omega0: float) -> tuple[Decimal, Decimal, Decimal]:
    """What 1.0 is in ohms, henries and farads, as decimal numbers: with binary ones 2.2e-9 F would not be 2.2."""
    with localcontext() as context:
        context.prec = 40
        ohm, radian = Decimal(repr(float(r0))), Decimal(repr(float(omega0)))
        return ohm, ohm / radian, 1 / (ohm * radian)


def write_netlist(
    types: np.ndarray,
    values: np.ndarray,
    title: str,
    r0: float = R0_OHM,
    omega0: float = OMEGA0_RADIAN_PER_SECOND,
    analysis: tuple[int, float, float] | None = None,
    merged: bool = False,
) -> str:
    """The netlist of one ladder; `read_netlist` gives the same values back, to the last bit.

    Args:
        types: ``[n]``, negative for padding, from port 1 to port 2.
        values: normalised, ``[n]``.
        title: its first line.
        r0: what 1.0 is in ohms, and the load at port 1.
        omega0: what 1.0 is in rad/s.
        analysis: adds ``.ac dec``: points per decade, lowest and highest frequency in Hz.
        merged: join parts of one type in a run (R + R) to one.

    Raises:
        UserError: no parts, or a value that is not positive and finite.
    """
    types, values = np.asarray(types), np.asarray(values, dtype=np.float64)
    types, values = types[types >= 0], values[types >= 0]
    title = " ".join(title.split())
    if not len(types):
        raise UserError(f"{title}: a circuit needs at least one part")
    if not (np.isfinite(values) & (values > 0)).all():
        place = int(np.argmin(np.isfinite(values) & (values > 0)))
        raise UserError(f"{title}, part {place + 1}: the value {values[place]} is not a positive number")
    if merged:
        types, values = merge(types, values)
    load = _text(Decimal(repr(float(r0))))
    lines = [f"* {title} (port 1 terminated, port 2 driven)", ".options noopac", f"RT p0 0 {load}"]
    node = 0
    unit = units(r0, omega0)
    for place, (part_type, value) in enumerate(zip(types.tolist(), values.tolist(), strict=True), start=1):
        with localcontext() as context:
            context.prec = 25
            size = _text(Decimal(repr(value)) * unit[part_type % ELEMENTS])
        ends = f"p{node} p{node + 1}" if part_type < ELEMENTS else f"p{node} 0"
        lines.append(f"{PART_TYPES[part_type][1]}{place} {ends} {size}")
        node += part_type < ELEMENTS
    lines += [f"VM2 s p{node} 0", f"RS s 0 {load}", f"I1 0 s AC {SOURCE_AMPERE!r}"]
    if analysis is not None:
        points, lowest, highest = analysis
        lines.append(f".ac dec {points} {float(lowest)!r} {float(highest)!r}")
    return "\n".join([*lines, ".end"]) + "\n"


def _text(number: Decimal) -> str:
    """A decimal number as Python writes it, with more digits where a double does not hold them."""
    short = repr(float(number))
    return short if Decimal(short) == number else f"{number:e}"


def read_netlist(
    source: Path | str,
    ports: tuple[str, str] | None = None,
    r0: float | None = None,
    omega0: float = OMEGA0_RADIAN_PER_SECOND,
) -> Ladder:
    """Read a ladder from a netlist; the module's docstring says how ports are found.

    Args:
        source: a file, or the text of a netlist (of more than one line). A stranger's file runs nothing: commands
            (``.control``) are passed over, included files refused, and names go nowhere but into messages.
        ports: the nodes of port 1 (load) and port 2 (source); None finds them.
        r0: what 1.0 is in ohms; None takes the load of the file, or 1 kOhm where it has none.
        omega0: what 1.0 is in rad/s.

    Raises:
        UserError: not a netlist, or not a ladder from port 1 to port 2; one line names file, line and what is accepted.
    """
    if isinstance(source, str) and "\n" in source:
        name, text = "netlist", source.replace("\r\n", "\n")
    else:
        _refuse_no_file(source)
        name, text = str(source), read_text(Path(source), LARGEST_BYTES, FORMAT)
    if not text.strip():
        raise UserError(f"{name}: not a netlist; accepted: SPICE, a title and then a part on each line")
    elements, ports = _without_wires(_elements(text, name), ports, name)
    first, last, outside = _ports(elements, ports, name)
    kept = _walk([part for part in elements if part not in outside], first, last, name)
    if r0 is None:
        r0 = next((_scaled(part, Decimal(1)) for part in outside if part.name in LOADS), R0_OHM)
    unit = units(r0, omega0)
    types = [ELEMENTS * (GROUND in part.ends) + "rlc".index(part.name[0]) for part in kept]
    values = [_scaled(part, unit[part_type % ELEMENTS]) for part, part_type in zip(kept, types, strict=True)]
    title = printable(text.split("\n", 1)[0].strip().lstrip("* \t"))
    return Ladder(np.array(types, dtype=np.int8), np.array(values), float(r0), float(omega0), title)


def _refuse_no_file(source: Path | str) -> None:
    """Refuse what can be taken for neither a file nor the text of a netlist."""
    if not isinstance(source, Path | str):
        raise UserError(f"netlist: a {type(source).__name__}; accepted: a file, the text of a netlist, or a Ladder")
    if isinstance(source, str) and not source.strip():
        raise UserError("netlist: the text is empty; accepted: a file, or the text of a netlist")
    text = str(source)
    if CIRCUIT_TEXT.fullmatch(text) and not Path(text).exists():
        raise UserError(f"{printable(text, 60)}: this is a circuit's text; give its netlist, such as design.netlist")


def _statements(text: str, name: str) -> Iterator[tuple[str, list[str]]]:
    """Place and lower-case words of each statement: without title, comments and what stands behind ``.end``."""
    statements: list[tuple[str, list[str]]] = []
    lines = text.split("\n")
    if PART_LINE.fullmatch(lines[0]):
        raise UserError(f"{name}, line 1: the first line of a netlist is its title; put one above this part")
    control = False
    for number, line in enumerate(lines[1:], start=2):
        where = f"{name}, line {number}"
        line = re.split(r";|\$\s|//", line, maxsplit=1)[0].strip().lower()
        if line == ".end":
            break
        if not line or line.startswith("*"):
            continue
        if line.startswith("+"):
            if not statements:
                raise UserError(f"{where}: a line that begins with + goes on with the one before, and there is none")
            statements[-1][1].append(line[1:])
            continue
        control = (control or line.startswith(".control")) and not line.startswith(".endc")
        if not control:
            statements.append((where, [line]))
    for where, pieces in statements:
        words = re.sub("[µμ]", "u", " ".join(pieces)).split()
        # Else the patterns for numbers would take a time that grows with the square of a word.
        if max(map(len, words)) > LONGEST_WORD:
            raise UserError(f"{where}: a word of more than {LONGEST_WORD} characters")
        yield where, words


def _elements(text: str, name: str) -> list[_Element]:
    elements: dict[str, _Element] = {}
    for where, words in _statements(text, name):
        first = words[0]
        if first in IGNORED:
            continue
        if first[0] not in "rlcvi":
            raise UserError(
                f"{where}: {printable(first.upper())} is not understood; "
                "accepted: R, L and C, a source V or I, ammeters"
            )
        if len(words) < 3 + (first[0] in "rlc"):
            raise UserError(f"{where}: {first.upper()} needs two nodes and a value")
        if first in elements:
            raise UserError(f"{where}: there is another {printable(first.upper())} above")
        if len(elements) == MOST_ELEMENTS:
            raise UserError(
                f"{where}: more than {MOST_ELEMENTS:,} elements, the most that a netlist of a ladder may have"
            )
        start, end = (GROUND if node == "gnd" else node for node in words[1:3])
        part = _Element(first, (start, end), words[3:], where)
        if first[0] in "rlc":
            strange = next((word for word in words[4:] if not word.startswith("ic=")), None)
            if strange is not None:
                raise UserError(f"{part}: {strange!r} behind the value is not understood")
            _scaled(part, Decimal(1))
        elements[first] = part
    return list(elements.values())


def _scaled(part: _Element, unit: Decimal) -> float:
    """The value of a part in units of ``unit``."""
    text = part.fields[0].removeprefix(f"{part.name[0]}=")
    match = NUMBER.fullmatch(text)
    with localcontext() as context:
        context.prec = 40
        number = float(Decimal(match[1]) * Decimal(SUFFIXES[match[2]]) / unit) if match else math.nan
    if not 0 < number < math.inf:
        raise UserError(f"{part}: the value {text!r} is not a positive number; accepted: 1000, 1k, 4.7n, 1e-9")
    return number


def _is_wire(part: _Element) -> bool:
    """Whether a voltage source is an ammeter: nothing but zeros."""
    numbers = [word for word in part.fields if word != "dc"]
    return part.name[0] == "v" and all(re.fullmatch(r"[+-]?0*\.?0*", word) for word in numbers)


def _without_wires(
    elements: list[_Element], ports: tuple[str, str] | None, name: str
) -> tuple[list[_Element], tuple[str, str] | None]:
    """Elements and ports with the two nodes of every ammeter as one; ground keeps its name."""
    called = {node: node for part in elements for node in (*part.ends, GROUND)}
    for part in filter(_is_wire, elements):
        kept, gone = sorted((called[node] for node in part.ends), key=lambda node: node != GROUND)
        called = {node: kept if now == gone else now for node, now in called.items()}
    joined = []
    for part in elements:
        ends = (called[part.ends[0]], called[part.ends[1]])
        if not _is_wire(part):
            if ends[0] == ends[1]:
                raise UserError(f"{part}: both ends are at node {ends[0]}")
            joined.append(_Element(part.name, ends, part.fields, part.where))
    if ports is None:
        return joined, None
    wanted = [GROUND if node.lower() == "gnd" else node.lower() for node in ports]
    for node in wanted:
        if called.get(node, GROUND) == GROUND:
            known = ", ".join(sorted(set(called) - {GROUND}))
            raise UserError(f"{name}: a port at node {node}; accepted: two of {known}")
    return joined, (called[wanted[0]], called[wanted[1]])


def _ports(elements: list[_Element], ports: tuple[str, str] | None, name: str) -> tuple[str, str, list[_Element]]:
    """Nodes of port 1 and port 2, and what is outside the ladder: sources, their resistances, the load."""
    loads = [part for part in elements if part.name in LOADS and GROUND in part.ends]
    sources = [part for part in elements if part.name[0] in "vi"]
    resistances = [part for part in elements if part.name in SOURCES]
    if ports is None:
        for what, candidates, accepted in (
            ("load", loads, "one resistor RT, RL or RLOAD from port 1 to ground"),
            ("source", sources, "one V or I at port 2"),
            # A source without resistance is as good.
            ("source resistance", resistances or sources[:1], "one resistor RS or RSOURCE"),
        ):
            if len(candidates) != 1:
                which = f"{len(candidates)} times a {what}" if candidates else f"no {what}"
                raise UserError(f"{name}: {which}; accepted: {accepted}, or name the nodes of both ports")
    for part in sources:
        if GROUND not in part.ends:
            raise UserError(f"{part}: a source between two nodes; accepted: one with an end at ground")
    hot = {part.other(GROUND) for part in sources}
    beside = [part for part in resistances if hot & set(part.ends)]
    if ports is None:
        first, last = loads[0].other(GROUND), hot.copy().pop()
        if beside and GROUND not in beside[0].ends:
            last = beside[0].other(last)
    else:
        first, last = ports
        loads = [part for part in loads if first in part.ends]
        # Between a source at port 2 and the rest it would be a part.
        beside = [part for part in beside if GROUND in part.ends or (last in part.ends and last not in hot)]
    return first, last, [*loads, *sources, *beside]


def _walk(parts: list[_Element], first: str, last: str, name: str) -> list[_Element]:
    """The parts in order from port 1 to port 2; those at one node in the order of the file."""
    at: dict[str, list[_Element]] = {}
    for part in parts:
        for node in part.ends:
            at.setdefault(node, []).append(part)
    # By name, for no two have the same.
    kept: dict[str, _Element] = {}
    node = first
    while True:
        here = [part for part in at.get(node, []) if part.name not in kept]
        kept |= {part.name: part for part in here if GROUND in part.ends}
        onwards = [part for part in here if GROUND not in part.ends]
        if node == last:
            if onwards:
                raise UserError(f"{onwards[0]}: leads on from port 2 at node {node}, where a ladder ends")
            break
        if not onwards:
            raise UserError(f"{name}: the ladder from port 1 at node {first} ends at node {node}; port 2 is at {last}")
        if len(onwards) > 1:
            raise UserError(f"{onwards[1]}: a branch at node {node}; a ladder goes on from a node through one part")
        kept[onwards[0].name] = onwards[0]
        node = onwards[0].other(node)
    loose = next((part for part in parts if part.name not in kept), None)
    if loose is not None:
        raise UserError(f"{loose}: not in the ladder from port 1 at node {first} to port 2 at node {last}")
    if not kept:
        raise UserError(f"{name}: a circuit needs at least one part between its ports")
    return list(kept.values())
