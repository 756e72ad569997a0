"""SPICE netlists of ladders, as ngspice and LTspice read them: parts, subcircuits, parameters, included files.

Where source and load are :mod:`hypernet.circuits.sources.spice.terminals` says; what is read
:mod:`hypernet.circuits.sources.spice.devices`. Node names and everything else are case-insensitive; ground is ``0`` or
``gnd``; the first line is a title.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from itertools import islice
from pathlib import Path

import numpy as np

from hypernet.circuits.core.parts import ELEMENTS, OMEGA0_RADIAN_PER_SECOND, R0_OHM
from hypernet.circuits.core.terminations import Terminations
from hypernet.circuits.sources.export import IDEAL_SOURCE, OPEN_PORT, units
from hypernet.circuits.sources.export import write_netlist as write_netlist
from hypernet.circuits.sources.reading import printable
from hypernet.circuits.sources.spice.devices import GROUND, GROUND_NAMES, Element, elements
from hypernet.circuits.sources.spice.fields import shown
from hypernet.circuits.sources.spice.listing import OURS, Changes, Listing, listed, safe
from hypernet.circuits.sources.spice.statements import netlist_text
from hypernet.circuits.sources.spice.subcircuits import Subcircuit, outline
from hypernet.circuits.sources.spice.terminals import Input, Output, choose_source, find_input, outputs
from hypernet.circuits.sources.spice.topology import EmptyLadderError, ladder_between, without_wires
from hypernet.lab.errors import UserError

# What `texts` writes of a circuit.
CIRCUIT_TEXT = re.compile(r"\s*[sp][rlc]:[^/\\]*", re.ASCII | re.IGNORECASE)
REMARKS = re.compile(rf"\s*\(((?:{IDEAL_SOURCE}|{OPEN_PORT}|, )+)\)$")
LOWEST_OHM, HIGHEST_OHM = 1e-12, 1e12
# Nodes that are tried as port 2.
MOST_CANDIDATES = 20


@dataclass(frozen=True)
class Ladder:
    """A circuit as it was read, between a source and a load.

    Attributes:
        types: int8 ``[n]``, from the load to the source, see `hypernet.circuits.core.parts`.
        values: normalised, float64 ``[n]``.
        r0: the resistance in ohms that is 1.0: the load's, the source's where the port is open, else 1 kOhm.
        omega0: the angular frequency in rad/s that is 1.0.
        title: the first line without its ``*``.
        source_ohm: the source's resistance in ohms; None for a source without.
        load_ohm: the load in ohms; infinity for an open port.
        input_node: node of port 1, where the source is, behind its resistance.
        output_node: node of port 2, where the load is.
        notes: what was taken as source and load, for people.
        listing: the file for ngspice; None where the circuit is of no file, or ngspice cannot be given it.
    """

    types: np.ndarray
    values: np.ndarray
    r0: float
    omega0: float
    title: str
    source_ohm: float | None
    load_ohm: float
    input_node: str = "in"
    output_node: str = "out"
    notes: tuple[str, ...] = ()
    listing: Listing | None = None

    @property
    def terminations(self) -> Terminations:
        """Source and load in units of ``r0``."""
        return Terminations(None if self.source_ohm is None else self.source_ohm / self.r0, self.load_ohm / self.r0)


def read_netlist(
    source: Path | str,
    ports: tuple[str, str] | None = None,
    load: float | None = None,
    source_ohm: float | None = None,
    omega0: float = OMEGA0_RADIAN_PER_SECOND,
    r0: float | None = None,
) -> Ladder:
    """Read a ladder from a netlist.

    Args:
        source: a file, or the text of a netlist (of more than one line). A stranger's file runs nothing: commands
            (``.control``) are passed over, and files are included only from its folder.
        ports: the nodes of the load and of the source; None finds them.
        load: ohms of the load instead of the file's; infinity: an open port.
        source_ohm: ohms of the source instead of the file's.
        omega0: what 1.0 is in rad/s.
        r0: what 1.0 is in ohms instead of the load.

    Raises:
        UserError: not a netlist, or not a ladder; one line names file, line and what is accepted.
    """
    _refuse_no_file(source)
    for what, ohm in (("load", load), ("source", source_ohm)):
        if ohm is not None and not (LOWEST_OHM <= ohm <= HIGHEST_OHM or (what == "load" and ohm == math.inf)):
            raise UserError(f"{what}: {ohm} is not a resistance from {LOWEST_OHM:g} to {HIGHEST_OHM:g} ohms")
    name, text = netlist_text(source)
    whole = outline(text.statements)
    parts, sources = elements(whole, text.temperature)
    driving, wires, notes = choose_source(sources)
    parts, called = without_wires(parts, wires)
    if driving is not None:
        first, second = (called.get(node, node) for node in driving.ends)
        driving = replace(driving, ends=(first, second))
    known = {node for part in parts for node in part.ends} | set(called)
    wanted = None if ports is None else _named_nodes(ports, known, called, name)
    remarks = REMARKS.search(text.title)
    ideal = remarks is not None and IDEAL_SOURCE in remarks[1]
    at_hot = driving.other(GROUND) if driving is not None and ideal and GROUND in driving.ends else None
    port = find_input(parts, driving, at_hot if wanted is None else wanted[1], name)
    plotted = [called.get(node, node) for node in text.plotted if driving is None or node != driving.other(GROUND)]
    candidates = outputs(parts, port, None if wanted is None else wanted[0], plotted)
    if remarks is not None and OPEN_PORT in remarks[1] and wanted is None:
        candidates = iter([Output("out", None, "")])
    port, end, kept = _first_ladder(parts, port, list(islice(candidates, MOST_CANDIDATES)), name)
    title = REMARKS.sub("", text.title)
    notes = [port.note, end.note, *notes]
    if source_ohm is not None:
        notes.append(f"source: {source_ohm:g} Ohm as asked for{_instead(port.behind)}")
    if load is not None:
        notes.append(f"load: {'open' if math.isinf(load) else f'{load:g} Ohm'} as asked for{_instead(end.load)}")
    outer_source = port.ohm if source_ohm is None else float(source_ohm)
    outer_load = end.ohm if load is None else float(load)
    unit_ohm = r0 if r0 is not None else outer_load if math.isfinite(outer_load) else outer_source or R0_OHM
    unit = units(unit_ohm, omega0)
    with localcontext() as context:
        context.prec = 40
        values = np.array([float(value / unit[part_type % ELEMENTS]) for part_type, value in kept])
    if not (np.isfinite(values) & (values > 0)).all():
        raise UserError(f"{name}: a value beyond double precision in units of {unit_ohm:g} Ohm and {omega0:g} rad/s")
    return Ladder(
        types=np.array([part_type for part_type, _ in kept], dtype=np.int8),
        values=values,
        r0=float(unit_ohm),
        omega0=float(omega0),
        title=title,
        source_ohm=outer_source,
        load_ohm=outer_load,
        input_node=port.node,
        output_node=end.node,
        notes=tuple(notes),
        listing=_listing(whole, port, end, source_ohm, load, outer_source),
    )


def _instead(part: Element | None) -> str:
    return "" if part is None else f", instead of {shown(part.name)}"


def _refuse_no_file(source: Path | str) -> None:
    """Refuse what can be taken for neither a file nor the text of a netlist."""
    if not isinstance(source, Path | str):
        raise UserError(f"netlist: a {type(source).__name__}; accepted: a file, the text of a netlist, or a Ladder")
    if isinstance(source, str) and not source.strip():
        raise UserError("netlist: the text is empty; accepted: a file, or the text of a netlist")
    text = str(source)
    if CIRCUIT_TEXT.fullmatch(text) and not Path(text).exists():
        raise UserError(f"{printable(text, 60)}: this is a circuit's text; give its netlist, such as design.netlist")


def _named_nodes(ports: tuple[str, str], known: set[str], called: dict[str, str], name: str) -> tuple[str, str]:
    """The nodes that a caller names, as they are called without wires."""
    load, source = (GROUND if node.lower() in GROUND_NAMES else node.lower() for node in ports)
    for node in (load, source):
        if node not in known or called.get(node, node) == GROUND:
            nodes = sorted(known - {GROUND})
            shown_nodes = ", ".join(map(printable, nodes[:30])) + (", ..." if len(nodes) > 30 else "")
            raise UserError(f"{name}: a port at node {printable(node, 60)}; accepted: two of {shown_nodes}")
    return called.get(load, load), called.get(source, source)


def _first_ladder(
    parts: list[Element], port: Input, candidates: list[Output], name: str
) -> tuple[Input, Output, list[tuple[int, Decimal]]]:
    """The first port 2 that makes a ladder, and its parts; of a ladder without parts the source's resistance is one."""
    first: UserError | None = None
    for end in candidates:
        inputs = [port]
        if port.behind is not None and port.source is not None and port.source.is_voltage:
            inputs.append(Input(port.source, None, port.behind.other(port.node)))
        for tried in inputs:
            outside = {part.name for part in (tried.behind, end.load) if part is not None}
            source_first = _begins_at_source(parts, tried, end)
            inner = [part for part in parts if part.name not in outside]
            try:
                return tried, end, ladder_between(inner, tried.node, end.node, not source_first, name)
            except EmptyLadderError as error:
                first = first or error
            except UserError as error:
                first = first or error
                break
    raise first or EmptyLadderError(f"{name}: a circuit needs at least one part between its ports")


def _begins_at_source(parts: list[Element], port: Input, end: Output) -> bool:
    """Whether the file goes from the source to the load."""

    def first_at(node: str) -> float:
        return min((part.order for part in parts if node in part.ends), default=math.inf)

    start = first_at(port.node) if port.source is None else port.source.order
    stop = first_at(end.node) if end.load is None else end.load.order
    return start <= stop


def _listing(
    whole: Subcircuit, port: Input, end: Output, source_ohm: float | None, load: float | None, outer: float | None
) -> Listing | None:
    """The file for ngspice, with the source and the load that the caller asks for."""
    changes = Changes()
    drive: complex | None = 1.0
    touched = [port.source, port.behind if source_ohm is not None else None, end.load if load is not None else None]
    if any(element is not None and "." in element.name for element in touched):
        return None
    if load is not None and end.load is not None:
        changes.without.add(end.load.name)
    if load is not None and math.isfinite(load):
        changes.lines.append(f"r{OURS}load {safe(end.node)} 0 {float(load)!r}")
    if port.source is None:
        hot = port.node if source_ohm is None else f"{OURS}source"
        changes.lines.append(f"v{OURS}source {safe(hot)} 0 DC 0 AC 1")
        if source_ohm is not None:
            changes.lines.append(f"r{OURS}source {hot} {safe(port.node)} {float(source_ohm)!r}")
    else:
        changes.source = port.source.name
        amplitude = port.source.amplitude or 1.0
        voltage = port.source.is_voltage
        # A current leaves the source's second node, a voltage is positive at its first.
        inverted = (port.source.ends[0] == GROUND) == voltage
        drive = -amplitude if inverted else amplitude
        if not voltage:
            drive = None if outer is None else drive * outer
        if source_ohm is not None:
            hot = port.source.other(GROUND)
            if port.behind is not None:
                changes.without.add(port.behind.name)
            elif voltage:
                hot = changes.moved = f"{OURS}source"
            far = port.node if voltage else GROUND
            changes.lines.append(f"r{OURS}source {safe(hot)} {safe(far)} {float(source_ohm)!r}")
    try:
        text = listed(whole, changes)
    except UserError:
        return None
    return Listing(text, port.node, end.node, drive)
