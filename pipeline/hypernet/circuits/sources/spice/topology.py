"""The graph of a netlist, reduced to a ladder between two nodes.

Nodes between two branches alone vanish, their branches are in series; branches between the same two nodes are in
parallel (Duffin, Topology of series-parallel networks, 1965). What remains of a ladder is one path from port to port,
with branches to ground along it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from hypernet.circuits.sources.spice.branches import Branch, Joint, arm_parts, arms, first_part, join
from hypernet.circuits.sources.spice.devices import GROUND, Element, Source
from hypernet.circuits.sources.spice.fields import shown
from hypernet.lab.errors import UserError


class EmptyLadderError(UserError):
    """There is nothing between the ports."""


@dataclass(frozen=True)
class _Edge:
    ends: tuple[str, str]
    branch: Branch

    def other(self, node: str) -> str:
        return self.ends[1] if self.ends[0] == node else self.ends[0]

    def towards(self, node: str) -> Branch:
        """The branch as it is met on the way to this end."""
        if self.ends[1] == node or not (isinstance(self.branch, Joint) and self.branch.series):
            return self.branch
        return self.branch.reversed()


def without_wires(elements: list[Element], wires: Iterable[Source]) -> tuple[list[Element], dict[str, str]]:
    """Elements with the nodes of every wire as one, and what each node is called then; ground keeps its name."""
    called: dict[str, str] = {}

    def name(node: str) -> str:
        while node in called:
            node = called[node]
        return node

    for wire in wires:
        kept, gone = sorted(map(name, wire.ends), key=lambda node: node != GROUND)
        if kept != gone:
            called[gone] = kept
    joined = []
    for part in elements:
        ends = (name(part.ends[0]), name(part.ends[1]))
        if ends[0] == ends[1]:
            raise UserError(f"{part}: both ends are at node {shown(ends[0]).lower()}")
        joined.append(Element(part.name, ends, part.branch, part.where, part.order))
    return joined, {node: name(node) for node in called}


def distances(elements: Iterable[Element], start: str) -> dict[str, int]:
    """The number of elements from a node to every other that is reached without ground."""
    beside: dict[str, list[str]] = {}
    for part in elements:
        if GROUND not in part.ends:
            for node in part.ends:
                beside.setdefault(node, []).append(part.other(node))
    steps, border, count = {start: 0}, [start], 0
    while border:
        reached = dict.fromkeys(node for near in border for node in beside.get(near, []) if node not in steps)
        count += 1
        steps |= dict.fromkeys(reached, count)
        border = list(reached)
    return steps


def ladder_between(
    elements: list[Element], source: str, load: str, from_load: bool, name: str
) -> list[tuple[int, Decimal]]:
    """Types and values in ohms, henries and farads of the ladder, from the load to the source.

    Args:
        elements: without source, its resistance and load.
        source: node of port 1.
        load: node of port 2.
        from_load: the file goes from the load to the source: parts at one node stand in its order.
        name: of the file, for messages.

    Raises:
        UserError: no ladder; names a part that does not fit. :class:`EmptyLadderError`: no parts at all.
    """
    if not elements:
        raise EmptyLadderError(f"{name}: a circuit needs at least one part between its ports")
    edges = _reduced(elements, {source, load, GROUND})
    path = _walk(edges, source, load, from_load, name)
    return [part for arm, series in reversed(path) for part in arm_parts(arm, series)]


def _reduced(elements: list[Element], kept: set[str]) -> list[_Edge]:
    """Branches between the nodes that do not vanish."""
    between: dict[frozenset[str], _Edge] = {}
    at: dict[str, set[str]] = {}

    def add(edge: _Edge) -> None:
        pair = frozenset(edge.ends)
        if pair in between:
            other = between[pair]
            edge = _Edge(other.ends, join(False, [other.branch, edge.branch]))
        between[pair] = edge
        for node in edge.ends:
            at.setdefault(node, set()).add(edge.other(node))

    for part in elements:
        add(_Edge(part.ends, part.branch))
    waiting = list(at)
    while waiting:
        node = waiting.pop()
        if node in kept or len(at.get(node, ())) != 2:
            continue
        start, end = sorted(at.pop(node))
        first, second = between.pop(frozenset({start, node})), between.pop(frozenset({node, end}))
        at[start].remove(node)
        at[end].remove(node)
        add(_Edge((start, end), join(True, [first.towards(node), second.towards(end)])))
        waiting += [start, end]
    for edge in between.values():
        for node in edge.ends:
            if node not in kept and len(at[node]) == 1:
                loose = first_part(edge.branch)
                raise UserError(f"{loose.label}: leads nowhere; nothing else is at node {shown(node).lower()}")
    return sorted(between.values(), key=lambda edge: first_part(edge.branch).order)


def _walk(edges: list[_Edge], source: str, load: str, from_load: bool, name: str) -> list[tuple[Branch, bool]]:
    """The arms from source to load, and whether each lies in series."""
    path: list[tuple[Branch, bool]] = []
    left = list(edges)
    node = source
    while True:
        here = [edge for edge in left if node in edge.ends]
        down = [edge for edge in here if GROUND in edge.ends]
        for edge in down:
            shunts = sorted(arms(edge.branch, False), key=lambda arm: first_part(arm).order, reverse=from_load)
            path += [(arm, False) for arm in shunts]
        onwards = [edge for edge in here if GROUND not in edge.ends]
        left = [edge for edge in left if edge not in here]
        if node == load:
            if onwards:
                part = first_part(onwards[0].branch)
                raise UserError(
                    f"{part.label}: leads on from port 2 at node {shown(node).lower()}, where a ladder ends"
                )
            break
        if not onwards:
            raise UserError(
                f"{name}: the ladder from port 1 at node {shown(source).lower()} ends at node {shown(node).lower()}; "
                f"port 2 is at {shown(load).lower()}"
            )
        if len(onwards) > 1:
            part = max((first_part(edge.branch) for edge in onwards), key=lambda part: part.order)
            raise UserError(
                f"{part.label}: a branch or loop at node {shown(node).lower()}; accepted: ladders of parts in series, "
                "in parallel to ground, and of tanks and traps"
            )
        following = onwards[0].other(node)
        path += [(arm, True) for arm in arms(onwards[0].towards(following), True)]
        node = following
    if left:
        part = first_part(left[0].branch)
        raise UserError(
            f"{part.label}: not in the ladder from port 1 at node {shown(source).lower()} "
            f"to port 2 at node {shown(load).lower()}"
        )
    return path
