"""The statements of somebody's netlist written again for ngspice, with nothing in them that could run.

Kept as they are: parts, values, nodes, subcircuits and parameters, so that ngspice resolves them itself. Left out:
commands, waveforms, names of files, everything that this reader passes over. Letters that mean something to ngspice's
own language become their numbers. LTspice's parasitics become parts, and numbers such as 4k7, which ngspice would read
as 4k, are written out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal

from hypernet.circuits.sources.spice.devices import GROUND, GROUND_NAMES
from hypernet.circuits.sources.spice.expressions import PI, ExpressionError, evaluate, is_common_number, number
from hypernet.circuits.sources.spice.fields import PARASITICS, drive_of, fields_of
from hypernet.circuits.sources.spice.subcircuits import Subcircuit
from hypernet.lab.errors import UserError

# What ngspice takes for a part of its language is not here: blanks, quotes, $ ; = , ( ) { } and the backtick.
HARMLESS = re.compile(r"[a-z0-9_.+\-#:/]")
NUMBER_INSIDE = re.compile(r"(?<![\w.])\.?\d[\w.]*")
EXPRESSION = re.compile(r"[\w\s.+\-*/^(),]{1,600}")
# Nodes and parts of ours begin so.
OURS = "hypernet_"


def safe(name: str) -> str:
    """A node or part as ngspice may see it; ground is 0."""
    if name in GROUND_NAMES:
        return GROUND
    return "".join(letter if HARMLESS.match(letter) else f"_{ord(letter):x}_" for letter in name)


@dataclass(frozen=True)
class Listing:
    """A netlist for ngspice.

    Attributes:
        text: all but its last line, ``.end``.
        input_node: node of port 1.
        output_node: node of port 2.
        drive: voltage of the source behind its resistance, complex; None: the voltage at port 1 is to be divided by.
    """

    text: str
    input_node: str
    output_node: str
    drive: complex | None


@dataclass
class Changes:
    """What a caller says instead of the file, for the elements of its top.

    Attributes:
        without: names of parts to leave out.
        source: name of the source; the other sources are quiet.
        moved: the node where it is instead of its hot one; empty where it stays.
        lines: added at the end.
    """

    without: set[str] = field(default_factory=set)
    source: str = ""
    moved: str = ""
    lines: list[str] = field(default_factory=list)


def listed(whole: Subcircuit, changes: Changes) -> str:
    """The text of a :class:`Listing`.

    Raises:
        UserError: a value that cannot be given to ngspice.
    """
    lines = ["* a netlist that was read", ".options noopac"]
    if "pi" not in whole.parameters:
        lines.append(f".param pi={float(PI)!r}")
    if whole.shared:
        lines.append(".global " + " ".join(sorted(map(safe, whole.shared))))
    return "\n".join([*lines, *_body(whole, changes), *changes.lines]) + "\n"


def _body(subcircuit: Subcircuit, changes: Changes | None) -> list[str]:
    lines = []
    for inner in subcircuit.inner.values():
        defaults = (f"{safe(name)}={_value(text)}" for name, text in inner.defaults.items())
        head = [".subckt", safe(inner.name), *map(safe, inner.ports), *defaults]
        lines += [" ".join(head), *_body(inner, None), f".ends {safe(inner.name)}"]
    lines += [f".param {safe(name)}={_value(text)}" for name, text in subcircuit.parameters.items()]
    for statement in subcircuit.body:
        words, letter = statement.words, statement.words[0][0]
        if changes is not None and words[0] in changes.without:
            continue
        if letter == "x":
            lines.append(_instance(words))
        elif letter in "vi":
            lines += _source(words, statement.where, changes)
        else:
            lines += _part(words, statement.where)
    return lines


def _instance(words: list[str]) -> str:
    rest = [word for word in words[1:] if word not in ("params:", "params")]
    names = [safe(word) for word in rest if "=" not in word]
    values = [word.split("=", 1) for word in rest if "=" in word]
    return " ".join([safe(words[0]), *names, *(f"{safe(name)}={_value(text)}" for name, text in values)])


def _part(words: list[str], where: str) -> list[str]:
    given = fields_of(words, where)
    name, (first, second) = safe(words[0]), map(safe, words[1:3])
    parasitic = {key: _value(text) for key, text in given.parasitics.items() if not _is_zero(text)}
    # Value, Rser and Lser follow one another; Rpar and Cpar lie over all of them.
    chain = [
        (name, _value(given.value)),
        *((f"{key[0]}{name}_{key}", parasitic[key]) for key in ("rser", "lser") if key in parasitic),
    ]
    nodes = [first, *(f"{name}_inside{at}" for at in range(1, len(chain))), second]
    lines = [
        f"{label} {near} {far} {value}" for (label, value), near, far in zip(chain, nodes[:-1], nodes[1:], strict=True)
    ]
    lines += [f"{key[0]}{name}_{key} {first} {second} {parasitic[key]}" for key in PARASITICS[2:] if key in parasitic]
    multiplier = f" m={_value(given.multiplier)}" if given.multiplier else ""
    return [f"{line}{multiplier}" for line in lines]


def _source(words: list[str], where: str, changes: Changes | None) -> list[str]:
    drive = drive_of(words, where)
    name, (first, second) = safe(words[0]), map(safe, words[1:3])
    chosen = changes is not None and words[0] == changes.source
    if words[0][0] == "i" and not chosen:
        return []
    lines, grounded, inside = [], first == GROUND, changes.moved if changes is not None and chosen else ""
    if drive.resistance and not _is_zero(drive.resistance):
        inside = f"{name}_rser"
        if changes is None or f"r{words[0]}_rser" not in changes.without:
            lines.append(f"r{name}_rser {inside} {second if grounded else first} {_value(drive.resistance)}")
    if inside:
        first, second = (first, inside) if grounded else (inside, second)
    silent = not drive.amplitude or _is_zero(drive.amplitude)
    size, turn = ("1", "0") if silent else (_value(drive.amplitude), _value(drive.phase))
    return [f"{name} {first} {second} DC 0" + f" AC {size} {turn}" * chosen, *lines]


def _is_zero(text: str) -> bool:
    """Whether it is 0 whatever the parameters are; ngspice would make a resistance of 0 another one."""
    try:
        return evaluate(_bare(text), _unknown) == 0
    except ExpressionError:
        return False


def _bare(text: str) -> str:
    return text[1:-1] if text[:1] + text[-1:] in ("{}", "''", '""') else text


def _unknown(name: str) -> Decimal:
    raise ExpressionError(name)


def _value(text: str) -> str:
    """A value as ngspice reads it."""
    if is_common_number(text):
        return text
    try:
        plain = number(text)
        if plain is not None:
            return repr(float(plain))
        bare = _bare(text)
        if EXPRESSION.fullmatch(bare) and bare.isascii():
            return "{" + " ".join(NUMBER_INSIDE.sub(_written_out, bare).split()) + "}"
    except ExpressionError:
        pass
    raise UserError(f"ngspice: a value {text[:60]!r} that it cannot be given")


def _written_out(match: re.Match[str]) -> str:
    """A number inside an expression: those such as 4k7 mean something else to ngspice."""
    plain = None if is_common_number(match[0]) else number(match[0])
    return match[0] if plain is None else repr(float(plain))
