"""The elements of a netlist: subcircuits and parameters resolved, one by one with their nodes and values.

Read: R, L and C with values, expressions and LTspice's parasitics (``Rser= Lser= Rpar= Cpar=``), sources V and I, and
subcircuits, nested and with parameters. Inside a subcircuit ``X1`` the node ``a`` is ``x1.a`` and the part ``R1`` is
``x1.r1``. Everything else that would change the circuit is refused by its name.
"""

from __future__ import annotations

import cmath
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, localcontext

from hypernet.circuits.sources.reading import printable
from hypernet.circuits.sources.spice.branches import Branch, Part, join
from hypernet.circuits.sources.spice.expressions import ACCEPTED, ExpressionError, decimals, number
from hypernet.circuits.sources.spice.fields import drive_of, fields_of, shown
from hypernet.circuits.sources.spice.statements import Statement
from hypernet.circuits.sources.spice.subcircuits import Scope, Subcircuit, split_parameters
from hypernet.lab.errors import UserError

GROUND = "0"
GROUND_NAMES = frozenset({"0", "gnd", "gnd!"})
# A suffix that SPICE programs do not agree about, and one that SPICE takes for something else than its writer.
ATTO = re.compile(r"[+-]?[\d.]+(?:e[+-]?\d+)?a(?:f|h|ohms?)?")
EXPONENT_AND_FARAD = re.compile(r"[+-]?[\d.]+e[+-]?\d+f(?:arads?)?")
MOST_ELEMENTS, MOST_INSTANCES, DEEPEST_INSTANCE = 1000, 1000, 20


@dataclass(frozen=True)
class Element:
    """A part, with its parasitics, between two nodes.

    Attributes:
        name: in lower case, with the subcircuits that it is in.
        ends: its nodes.
        branch: the part, or the parts that stand for it.
        where: file and line.
        order: its place in the file.
    """

    name: str
    ends: tuple[str, str]
    branch: Branch
    where: str
    order: int

    def other(self, node: str) -> str:
        """Its node that is not this one."""
        return self.ends[1] if self.ends[0] == node else self.ends[0]

    @property
    def resistance(self) -> float | None:
        """Ohms, where it is a resistor and nothing else."""
        return float(self.branch.value) if isinstance(self.branch, Part) and self.branch.letter == "r" else None

    def __str__(self) -> str:
        return f"{self.where}: {shown(self.name)}"


@dataclass(frozen=True)
class Source:
    """A source V or I.

    Attributes:
        name: in lower case.
        ends: nodes; a current flows from the first through the source to the second.
        amplitude: of ``AC``, complex; None where the file says none.
        varies: whether it has a function of time.
        wire: a voltage source of nothing but zeros, an ammeter.
        where: file and line.
        order: its place in the file.
    """

    name: str
    ends: tuple[str, str]
    amplitude: complex | None
    varies: bool
    wire: bool
    where: str
    order: int

    def other(self, node: str) -> str:
        """Its node that is not this one."""
        return self.ends[1] if self.ends[0] == node else self.ends[0]

    @property
    def is_voltage(self) -> bool:
        """Whether it is a V; inside a subcircuit ``X1`` it is called ``x1.v1``."""
        return self.name.rpartition(".")[2].startswith("v")

    @property
    def rank(self) -> int:
        """How surely it drives the circuit in an AC analysis: by ``AC``, by a function of time, by neither."""
        return 2 if self.amplitude else int(self.varies)

    def __str__(self) -> str:
        return f"{self.where}: {shown(self.name)}"


def elements(whole: Subcircuit, temperature: str = "") -> tuple[list[Element], list[Source]]:
    """All elements of a file in its order, those inside subcircuits for each instance.

    Args:
        whole: the file.
        temperature: degrees Celsius, as the file sets it; empty where it does not.

    Raises:
        UserError: an element that is not understood, or too many of them.
    """
    out = _Expansion(whole, temperature)
    scope = Scope({name: (text, None) for name, text in whole.parameters.items()}, None)
    out.expand(whole, scope, "", {}, [whole.inner])
    return out.elements, out.sources


# From a node's name inside a subcircuit to its name in the whole; the definitions that a line sees, innermost last.
Nodes = Callable[[str], str]
Visible = list[dict[str, Subcircuit]]


class _Expansion:
    """Collects the elements of instances of subcircuits."""

    def __init__(self, whole: Subcircuit, temperature: str) -> None:
        self.temperature, self.shared = temperature, whole.shared | {GROUND}
        self.elements: list[Element] = []
        self.sources: list[Source] = []
        self.instances = 0

    def expand(
        self, subcircuit: Subcircuit, scope: Scope, prefix: str, ports: dict[str, str],
        visible: Visible,
    ) -> None:  # fmt: skip
        """Take the elements of one instance: nodes of ``ports`` are those outside, others begin with ``prefix``."""
        names: set[str] = set()

        def node(name: str) -> str:
            name = GROUND if name in GROUND_NAMES else name
            return ports.get(name, name if name in self.shared else prefix + name)

        for statement in subcircuit.body:
            name, where = statement.words[0], statement.where
            if name in names:
                raise UserError(f"{where}: there is another {shown(name)} above")
            names.add(name)
            if name[0] == "x":
                self._instance(statement, scope, prefix, node, visible)
                continue
            if len(self.elements) + len(self.sources) >= MOST_ELEMENTS:
                raise UserError(
                    f"{where}: more than {MOST_ELEMENTS:,} elements, the most that a netlist of a ladder may have"
                )
            try:
                if name[0] in "vi":
                    self._source(statement, scope, prefix, node)
                else:
                    self._element(statement, scope, prefix, node)
            except ExpressionError as error:
                raise UserError(f"{where}: {shown(prefix + name)}: {printable(str(error), 200)}") from None

    def _instance(self, statement: Statement, scope: Scope, prefix: str, node: Nodes, visible: Visible) -> None:
        where = statement.where
        nodes, given = split_parameters(statement.words[1:], where)
        if not nodes:
            raise UserError(f"{where}: {shown(statement.words[0])} needs its nodes and the name of a subcircuit")
        called = nodes.pop()
        inside = next((known[called] for known in reversed(visible) if called in known), None)
        if inside is None:
            raise UserError(f"{where}: the subcircuit {shown(called)} is not in the file; is an .INCLUDE missing?")
        if len(nodes) != len(inside.ports):
            raise UserError(f"{where}: {shown(called)} has {len(inside.ports)} nodes, and {len(nodes)} are given")
        self.instances += 1
        if self.instances > MOST_INSTANCES or len(visible) > DEEPEST_INSTANCE:
            most = f"{MOST_INSTANCES:,}" if self.instances > MOST_INSTANCES else f"{DEEPEST_INSTANCE} nested"
            raise UserError(f"{where}: more than {most} subcircuits; does {shown(called)} hold itself?")
        twice = next((key for key in given if key in inside.parameters), None)
        if twice is not None:
            raise UserError(f"{where}: {shown(twice)} is given, and set by a .PARAM inside {shown(called)}")
        texts = inside.defaults | inside.parameters
        parameters: dict[str, tuple[str, Scope | None]] = {key: (text, None) for key, text in texts.items()}
        parameters |= {key: (text, scope) for key, text in given.items()}
        ports = dict(zip(inside.ports, map(node, nodes), strict=True))
        self.expand(inside, Scope(parameters, scope), f"{prefix}{statement.words[0]}.", ports, [*visible, inside.inner])

    def _element(self, statement: Statement, scope: Scope, prefix: str, node: Nodes) -> None:
        words, where = statement.words, statement.where
        given = fields_of(words, where, self.temperature)
        order, label = 8 * (len(self.elements) + len(self.sources)), f"{where}: {shown(prefix + words[0])}"
        values = {"": _positive(scope, given.value)}
        for name, text in given.parasitics.items():
            if scope.value(text) != 0:
                values[name] = _positive(scope, text)
        letters = {name: name[0] if name else words[0][0] for name in values}
        if given.multiplier:
            # So many of them side by side.
            count = _positive(scope, given.multiplier)
            with localcontext(decimals()):
                values = {
                    name: value * count if letters[name] == "c" else value / count for name, value in values.items()
                }
        parts = {name: Part(letters[name], value, order + at, label) for at, (name, value) in enumerate(values.items())}
        chain = join(True, [parts[name] for name in ("", "rser", "lser") if name in parts])
        branch = join(False, [chain, *(parts[name] for name in ("rpar", "cpar") if name in parts)])
        ends = (node(words[1]), node(words[2]))
        if ends[0] == ends[1]:
            raise UserError(f"{label}: both ends are at node {printable(ends[0], 60)}")
        self.elements.append(Element(prefix + words[0], ends, branch, where, order))

    def _source(self, statement: Statement, scope: Scope, prefix: str, node: Nodes) -> None:
        words, where = statement.words, statement.where
        drive = drive_of(words, where)
        amplitude = None
        if drive.amplitude:
            size, turn = float(scope.value(drive.amplitude)), float(scope.value(drive.phase))
            amplitude = cmath.rect(size, math.radians(turn))
        order, name = 8 * (len(self.elements) + len(self.sources)), prefix + words[0]
        first, second = node(words[1]), node(words[2])
        if drive.resistance and scope.value(drive.resistance) != 0:
            inside = f"{name}_rser"
            part = Part("r", _positive(scope, drive.resistance), order, f"{where}: Rser of {shown(name)}")
            hot = first if first != GROUND else second
            self.elements.append(Element(f"{prefix}r{words[0]}_rser", (inside, hot), part, where, order))
            first, second = (inside, second) if first != GROUND else (first, inside)
        self.sources.append(Source(name, (first, second), amplitude, drive.varies, drive.wire, where, order + 1))


def _positive(scope: Scope, text: str) -> Decimal:
    plain = re.fullmatch(r"[+-]?[\w.]*[+-]?\w*", text) is not None and not text[:1].isalpha()
    if ATTO.fullmatch(text):
        raise ExpressionError(f"the value {text!r} is atto to some programs and a unit to others; write it with e-18")
    if EXPONENT_AND_FARAD.fullmatch(text):
        raise ExpressionError(f"the value {text!r} has f for femto to SPICE; write it without its unit")
    value = (number(text) or Decimal(0)) if plain else scope.value(text)
    # In doubles too: a value of 1e-500 would be none.
    if not (value > 0 and 0 < float(value) < math.inf):
        raise ExpressionError(f"the value {text!r} is not a positive number; accepted: {ACCEPTED}")
    return value
