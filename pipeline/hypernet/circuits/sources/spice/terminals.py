"""Where a netlist's ports are: the source and its resistance, the load, by what hangs where and not by names.

* The source is the one V or I that is not an ammeter; of several the one with ``AC``. Its resistance is the one
  resistor behind a V, where nothing else is at that node, or the resistor across an I.
* The load is the resistor to ground at the far end. Where several could be it, one called RL, RT or Rload comes first,
  then one at a node which the file prints or plots, then the farthest from the source, then the last in the file.
* No resistor there: the port is open, at the node that is printed, plotted or called ``out``, or at the far end.
* Or the caller names both nodes; a V at the source's node has no resistance then.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from hypernet.circuits.sources.spice.devices import GROUND, Element, Source
from hypernet.circuits.sources.spice.fields import shown
from hypernet.circuits.sources.spice.topology import distances
from hypernet.lab.errors import UserError

# PSpice writes R_RL where the schematic says RL.
LOAD_NAME = re.compile(r"(?:r_)?r_?(?:l|t|ld|load|term|termination|out|o)_?\d*")
SOURCE_NAME = re.compile(r"(?:r_)?r_?(?:s|src|source|g|gen|i|in)_?\d*|r\w*_rser")
OUTPUT_NODE = re.compile(r"v?_?out(?:put)?_?\d*|o")
# Open ends that are tried where nothing tells.
MOST_ENDS = 6
OTHERS = " (and not "


@dataclass(frozen=True)
class Input:
    """Port 1.

    Attributes:
        source: None where the file has none.
        behind: the resistor that is the source's own.
        node: the port's node.
    """

    source: Source | None
    behind: Element | None
    node: str

    @property
    def ohm(self) -> float | None:
        """The source's resistance."""
        return None if self.behind is None else self.behind.resistance

    @property
    def note(self) -> str:
        """The port for people."""
        node = shown(self.node).lower()
        if self.source is None:
            return f"source: none in the file; port 1 is node {node}"
        if self.behind is None:
            return f"source: {shown(self.source.name)} without resistance; port 1 is node {node}"
        how = "with" if self.source.is_voltage else "across"
        taken = f"source: {shown(self.source.name)} {how} {_named(self.behind)}; port 1 is node {node}"
        if how == "across" or _is_called(self.behind, SOURCE_NAME):
            return taken
        hot = shown(self.behind.other(self.node)).lower()
        return f"{taken} (--ports LOAD {hot} makes {shown(self.behind.name)} a part)"


@dataclass(frozen=True)
class Output:
    """Port 2: its node, the load (None: open), and why it was taken."""

    node: str
    load: Element | None
    reason: str

    @property
    def ohm(self) -> float:
        """The load."""
        resistance = None if self.load is None else self.load.resistance
        return math.inf if resistance is None else resistance

    @property
    def note(self) -> str:
        """The port for people."""
        node = shown(self.node).lower()
        if self.load is None:
            where = "" if OTHERS in self.reason else " in the file"
            return f"load: none{where}; port 2, node {node}{self.reason}, is open"
        return f"load: {_named(self.load)}{self.reason}; port 2 is node {node}"


def _named(part: Element) -> str:
    prefix, dot, name = part.name.rpartition(".")
    source = name.removesuffix("_rser")
    called = shown(part.name) if source == name else f"the resistance of {shown(prefix + dot + source[1:])}"
    return f"{called} ({part.resistance:g} Ohm)"


def choose_source(sources: list[Source]) -> tuple[Source | None, list[Source], list[str]]:
    """The source, those that are wires to small signals, and notes.

    Raises:
        UserError: several sources that drive the circuit.
    """
    driving = [source for source in sources if not source.wire]
    wires = [source for source in sources if source.wire]
    highest = max((source.rank for source in driving), default=0)
    chosen = [source for source in driving if source.rank == highest]
    if len(chosen) > 1:
        raise UserError(f"{chosen[1]}: another source; accepted: one with AC, and others with DC alone")
    notes = []
    for source in driving:
        if source is chosen[0]:
            continue
        how = "a short circuit" if source.is_voltage else "absent"
        notes.append(f"{shown(source.name)}: has no AC, so it is {how} to small signals")
        wires += [source] if source.is_voltage else []
    return (chosen[0] if chosen else None), wires, notes


def find_input(elements: list[Element], source: Source | None, wanted: str | None, name: str) -> Input:
    """Port 1.

    Args:
        elements: of the netlist, without wires.
        source: the source.
        wanted: the node that the caller names.
        name: of the file, for messages.

    Raises:
        UserError: no source and no name, a source that is not at ground, or not at the node that is named.
    """
    if source is None:
        if wanted is None:
            raise UserError(f"{name}: no source; accepted: one V or I at port 1, or name the nodes of both ports")
        return Input(None, None, wanted)
    if GROUND not in source.ends:
        raise UserError(f"{source}: a source between two nodes; accepted: one with an end at ground")
    hot = source.other(GROUND)
    if hot == GROUND:
        raise UserError(f"{source}: both ends are at ground")
    here = [part for part in elements if hot in part.ends]
    if not source.is_voltage:
        across = [part for part in here if GROUND in part.ends and part.resistance is not None]
        across = [part for part in across if not _is_called(part, LOAD_NAME)] or across[: len(across) - 1]
        across.sort(key=lambda part: not _is_called(part, SOURCE_NAME))
        behind = across[0] if across else None
        port = Input(source, behind, hot)
    else:
        alone = here[0] if len(here) == 1 and here[0].resistance is not None else None
        taken = alone is not None and GROUND not in alone.ends and wanted != hot
        port = Input(source, alone, alone.other(hot)) if alone is not None and taken else Input(source, None, hot)
    if wanted is not None and port.node != wanted:
        raise UserError(
            f"{source}: drives node {shown(port.node).lower()}, and port 1 is named at {shown(wanted).lower()}; "
            "accepted: a source at the port, or behind one resistor there"
        )
    return port


def outputs(elements: list[Element], port: Input, wanted: str | None, plotted: list[str]) -> Iterator[Output]:
    """What may be port 2, the likeliest first.

    Args:
        elements: of the netlist, without wires.
        port: port 1.
        wanted: the node that the caller names.
        plotted: nodes that the file prints or plots, in its order.
    """
    rest = [part for part in elements if part is not port.behind]
    steps = distances(rest, port.node)
    grounded = [part for part in rest if GROUND in part.ends and part.resistance is not None]
    grounded = [part for part in grounded if part.other(GROUND) in steps]
    if wanted is not None:
        here = [part for part in grounded if wanted in part.ends]
        here.sort(key=lambda part: (_is_called(part, LOAD_NAME), part.order), reverse=True)
        for part in here[:1]:
            yield Output(wanted, part, _others(part, here))
        yield Output(wanted, None, "")
        return

    def likeliest(parts: list[Element]) -> list[Element]:
        return sorted(parts, key=lambda part: (steps[part.other(GROUND)], part.order), reverse=True)

    called = likeliest([part for part in grounded if _is_called(part, LOAD_NAME)])
    for part in called:
        yield Output(part.other(GROUND), part, _others(part, called))
    if called:
        return
    looked_at = _farthest(plotted, steps), ", which the file prints or plots"
    if looked_at[0] is None:
        looked_at = _farthest([node for node in steps if OUTPUT_NODE.fullmatch(node)], steps), ", by its name"
    node, why = looked_at
    if node is not None:
        here = likeliest([part for part in grounded if node in part.ends])
        for part in here[:1]:
            yield Output(node, part, _others(part, here))
        if not here:
            yield Output(node, None, why)
    unnamed = likeliest(grounded)
    for part in unnamed:
        yield Output(part.other(GROUND), part, _others(part, unnamed))
    # Beside a resistor that could be the load, a part that leads nowhere is a mistake and no open port.
    ends = [node for node in steps if not unnamed or sum(node in part.ends for part in rest) > 1]
    ends.sort(key=lambda node: steps[node], reverse=True)
    parts = _others(None, unnamed)
    for end in ends[:MOST_ENDS]:
        yield Output(end, None, f", the far end{parts}")


def _farthest(nodes: list[str], steps: dict[str, int]) -> str | None:
    known = [node for node in nodes if node in steps]
    return max(known, key=lambda node: steps[node]) if known else None


def _is_called(part: Element, pattern: re.Pattern[str]) -> bool:
    return pattern.fullmatch(part.name.rpartition(".")[2]) is not None


def _others(part: Element | None, candidates: list[Element]) -> str:
    """A remark that names what else could be the load."""
    others = [shown(other.name) for other in candidates if other is not part]
    if not others:
        return ""
    more = f" and {len(others) - 3} more" if len(others) > 3 else ""
    return f"{OTHERS}{', '.join(others[:3])}{more}: --ports LOAD SOURCE names another node)"
