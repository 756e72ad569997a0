"""A netlist's outline: subcircuits, what stands inside them, and the parameters that are known there."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal

from hypernet.circuits.sources.reading import printable
from hypernet.circuits.sources.spice.expressions import ExpressionError, evaluate, number
from hypernet.circuits.sources.spice.fields import shown
from hypernet.circuits.sources.spice.statements import Statement
from hypernet.lab.errors import UserError

# Parameters that depend on one another.
LONGEST_CHAIN = 40
DEEPEST_DEFINITION = 20
REFUSED = {
    "a": "an XSPICE device", "b": "a behavioural source", "d": "a diode", "e": "a controlled source",
    "f": "a controlled source", "g": "a controlled source", "h": "a controlled source", "j": "a JFET",
    "k": "coupled inductors", "m": "a MOSFET", "n": "a device of a model", "o": "a lossy line", "p": "coupled lines",
    "q": "a transistor", "s": "a switch", "t": "a transmission line", "u": "a distributed RC line", "w": "a switch",
    "y": "a lossy line", "z": "a MESFET",
}  # fmt: skip
UNDERSTOOD = "R, L and C, one source V or I, ammeters (V of 0 V), .subckt and X, .param, .include"


@dataclass
class Subcircuit:
    """A ``.subckt``, or the whole file.

    Attributes:
        name: in lower case; empty for the file.
        ports: nodes.
        defaults: of its parameters, as text.
        parameters: those of ``.param`` inside, as text.
        body: its elements.
        inner: subcircuits that are defined inside.
        shared: nodes of ``.global``.
        where: file and line.
    """

    name: str
    ports: list[str] = field(default_factory=list)
    defaults: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    body: list[Statement] = field(default_factory=list)
    inner: dict[str, Subcircuit] = field(default_factory=dict)
    shared: set[str] = field(default_factory=set)
    where: str = ""


def outline(statements: list[Statement]) -> Subcircuit:
    """Sort statements into subcircuits, elements and parameters.

    Raises:
        UserError: a line that is not understood; names it.
    """
    stack = [Subcircuit("")]
    for statement in statements:
        first, *rest = statement.words
        here = stack[-1]
        if first == ".subckt":
            if not rest:
                raise UserError(f"{statement.where}: .SUBCKT needs a name and its nodes")
            if len(stack) > DEEPEST_DEFINITION:
                raise UserError(f"{statement.where}: more than {DEEPEST_DEFINITION} .SUBCKT inside one another")
            nodes, parameters = split_parameters(rest[1:], statement.where)
            inside = Subcircuit(rest[0], nodes, parameters, where=statement.where)
            if rest[0] in here.inner:
                raise UserError(f"{statement.where}: there is another subcircuit {shown(rest[0])} above")
            here.inner[rest[0]] = inside
            stack.append(inside)
        elif first == ".ends":
            if len(stack) == 1:
                raise UserError(f"{statement.where}: .ENDS, and no .SUBCKT before it")
            stack.pop()
        elif first in (".param", ".params"):
            here.parameters |= _definitions(" ".join(rest), statement.where)
        elif first == ".global":
            stack[0].shared |= set(rest)
        elif first[0] in "rlcvix":
            here.body.append(statement)
        else:
            what = f" ({REFUSED[first[0]]})" if first[0] in REFUSED else ""
            raise UserError(f"{statement.where}: {shown(first)}{what} is not understood; accepted: {UNDERSTOOD}")
    if len(stack) > 1:
        raise UserError(f"{stack[-1].where}: the subcircuit {shown(stack[-1].name)} has no .ENDS")
    return stack[0]


def _definitions(text: str, where: str) -> dict[str, str]:
    """``a=1 b={2*a}`` as texts by name."""
    if re.search(r"^[^={'\"]*\(", text):
        raise UserError(f"{where}: .PARAM of a function is not understood; accepted: name=value")
    # An equals sign inside braces is none of a definition, and there are none in expressions.
    pieces = re.split(r"(?:^|[\s,])([a-z_]\w{0,59})=", f" {text}")
    if pieces[0].strip() or len(pieces) < 3 or any(not piece.strip() for piece in pieces[2::2]):
        raise UserError(f"{where}: .PARAM is not understood; accepted: .PARAM name=value name={{expression}}")
    return {name: value.strip(" ,\t") for name, value in zip(pieces[1::2], pieces[2::2], strict=True)}


def split_parameters(words: list[str], where: str) -> tuple[list[str], dict[str, str]]:
    """Names before the parameters of ``.subckt`` or ``X``, and these."""
    first = next((at for at, word in enumerate(words) if "=" in word or word in ("params:", "params")), len(words))
    rest = [word for word in words[first:] if word not in ("params:", "params")]
    strange = next((word for word in rest if not re.fullmatch(r"[a-z_]\w*=.+", word)), None)
    if strange is not None:
        raise UserError(f"{where}: {printable(strange, 60)!r} is no parameter; accepted: name=value")
    return words[:first], dict(word.split("=", 1) for word in rest)


class Scope:
    """The parameters that are known in one instance of a subcircuit."""

    def __init__(self, parameters: dict[str, tuple[str, Scope | None]], outer: Scope | None) -> None:
        # Text, and where it is to be evaluated: an instance's values where the instance stands, others here.
        self.parameters, self.outer = parameters, outer
        self.values: dict[str, Decimal] = {}

    def parameter(self, name: str, chain: int = 0) -> Decimal:
        """The value of a parameter.

        Raises:
            ExpressionError: it is not defined, or by itself.
        """
        if name in self.values:
            return self.values[name]
        if name not in self.parameters:
            if self.outer is None:
                raise ExpressionError(f"the parameter {name!r} is not defined")
            return self.outer.parameter(name, chain)
        if chain == LONGEST_CHAIN:
            raise ExpressionError(f"the parameter {name!r} depends on itself, or on more than {LONGEST_CHAIN} others")
        text, place = self.parameters[name]
        scope = self if place is None else place
        self.values[name] = scope.value(text, chain + 1)
        return self.values[name]

    def value(self, text: str, chain: int = 0) -> Decimal:
        """The value of a number, or of an expression in braces, in quotation marks or bare.

        Raises:
            ExpressionError: it is neither.
        """
        plain = number(text)
        if plain is not None:
            return plain
        bare = text[1:-1] if text[:1] + text[-1:] in ("{}", "''", '""') else text
        return evaluate(bare, lambda name: self.parameter(name, chain))
