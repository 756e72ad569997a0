"""What the line of an element says: the value of an R, L or C and its parasitics, and what drives of a source V or I.

Everything that would change the circuit and is not read is refused by its name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from hypernet.circuits.sources.reading import printable
from hypernet.circuits.sources.spice.expressions import ACCEPTED, UNIT
from hypernet.lab.errors import UserError

PARASITICS = ("rser", "lser", "rpar", "cpar")
# What does not change a response to small signals at nominal temperature: ratings, names, starting values.
PASSED_OVER = frozenset({
    "ic", "irms", "ipk", "mfg", "pn", "pwr", "tol", "type", "v", "vrms", "vmax", "noisy", "noise", "tc", "tc1", "tc2",
})  # fmt: skip
# Of a V that is a port of an S parameter analysis (ngspice).
PORT_SETTINGS, DEFAULT_PORT_OHM = frozenset({"portnum", "z0", "pwr", "freq", "phase"}), "50"
NOMINAL_TEMPERATURES = (25.0, 27.0)


def shown(name: str) -> str:
    """A name of a netlist for people."""
    return printable(name.upper(), 60)


@dataclass(frozen=True)
class Fields:
    """An R, L or C as its line says it, in texts.

    Attributes:
        value: the value.
        multiplier: of ``m=``, empty without.
        parasitics: by name.
    """

    value: str
    multiplier: str
    parasitics: dict[str, str]


def fields_of(words: list[str], where: str, temperature: str = "") -> Fields:
    """Value and parasitics of the line of an R, L or C.

    Raises:
        UserError: no value, a model, or a setting that is not understood.
    """
    name = words[0]
    if len(words) < 4:
        raise UserError(f"{where}: {shown(name)} needs two nodes and a value")
    rest = words[3:]
    if len(rest) > 1 and re.fullmatch(r"[+-]?[\d.]+(e[+-]?\d+)?[a-z]{0,3}", rest[0]) and UNIT.fullmatch(rest[1]):
        rest[:2] = ["".join(rest[:2])]
    value, multiplier, parasitics = "", "", {}
    for word in rest:
        key, equals, text = word.partition("=")
        if not equals and not value:
            if word[0].isalpha():
                raise UserError(
                    f"{where}: {shown(name)}: the model or name {printable(word, 60)!r} is not understood; "
                    f"accepted: {ACCEPTED}"
                )
            value = word
        elif not equals and word == "noiseless":
            continue
        elif key in (name[0], "value") and not value:
            value = text
        elif key == "m":
            multiplier = text
        elif key in PARASITICS and name[0] != "r":
            parasitics[key] = text
        elif key in ("temp", "dtemp") or (key in ("tc", "tc1", "tc2") and not _is_nominal(temperature)):
            raise UserError(f"{where}: {shown(name)}: {printable(word, 60)!r} changes the value; give the value itself")
        elif key not in PASSED_OVER:
            raise UserError(f"{where}: {shown(name)}: {printable(word, 60)!r} behind the value is not understood")
    if not value:
        raise UserError(f"{where}: {shown(name)} needs two nodes and a value")
    return Fields(value, multiplier, parasitics)


def _is_nominal(temperature: str) -> bool:
    try:
        return not temperature or float(temperature) in NOMINAL_TEMPERATURES
    except ValueError:
        return False


@dataclass(frozen=True)
class Drive:
    """A source as its line says it, in texts.

    Attributes:
        amplitude: of ``AC``; empty without.
        phase: in degrees.
        varies: whether it has a function of time.
        wire: whether it is quiet, a V without anything but zeros: an ammeter, or a port that another source drives.
        resistance: in series with it; empty without.
    """

    amplitude: str
    phase: str
    varies: bool
    wire: bool
    resistance: str


def drive_of(words: list[str], where: str) -> Drive:
    """What a line V or I says of an AC analysis.

    Raises:
        UserError: fewer than two nodes, or a setting that is not understood.
    """
    if len(words) < 3:
        raise UserError(f"{where}: {shown(words[0])} needs two nodes")
    amplitude = phase = resistance = port = ""
    varies, wire = False, words[0][0] == "v"
    rest = words[3:]
    at = 0
    while at < len(rest):
        word = rest[at]
        at += 1
        key, equals, text = word.partition("=")
        if key in PORT_SETTINGS:
            if not equals and at < len(rest):
                text, at = rest[at], at + 1
            port = text if key == "portnum" else port
            resistance = text if key == "z0" else resistance
        elif key == "ac":
            values = [text] if text else []
            while at < len(rest) and len(values) < 2 and _begins_number(rest[at]):
                values.append(rest[at])
                at += 1
            amplitude, phase = [*values, "1", "0"][:2] if not values else [*values, "0"][:2]
        elif key == "rser" and words[0][0] == "v":
            resistance = text
        elif key == "cpar" and text != "0":
            raise UserError(f"{where}: {shown(words[0])}: {printable(word, 60)!r} is not understood")
        elif key == "dc" and not text:
            continue
        elif not equals or key == "dc":
            constant = _begins_number(text or word) and "(" not in word
            varies |= not constant
            wire &= re.fullmatch(r"[+-]?0*\.?0*v?", text or word) is not None
    if amplitude:
        wire &= re.fullmatch(r"0*\.?0*", amplitude) is not None
    if port:
        # In an S parameter analysis each is driven in turn; port 1 is the source here.
        amplitude, phase, varies, wire = "1", "0", False, port != "1"
        resistance = resistance or DEFAULT_PORT_OHM
    return Drive(amplitude, phase, varies, wire, resistance)


def _begins_number(word: str) -> bool:
    return word[0] in "0123456789.+-{'"
