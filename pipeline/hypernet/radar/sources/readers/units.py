"""Units as files spell them: what a number in them measures, and by what it becomes dBZ, mm6 m-3, mm/h, mm or metres.

``mm h-1``, ``mm/hr``, ``mm h^-1``, ``mm h**-1``, ``MM/HOUR``, ``kg m^-2 s^-1``, ``kg/(m2 s)``, ``mm per 5 min`` and the
like are read by one grammar: factors with whole powers, side by side or with ``.`` or ``*`` between, divided by what
follows ``/`` or ``per``.
"""

from __future__ import annotations

import functools
import math
import re
from typing import NamedTuple

# What a file can hold: reflectivity in dBZ or linear, rain rate, rain of some time, and a length.
DBZ, LINEAR, RATE, AMOUNT = "dBZ", "mm6 m-3", "mm h-1", "mm"
# No unit of the field is longer, or nested deeper.
LONGEST, DEEPEST = 80, 4
LARGEST_POWER = 9

# Powers of metres, kilograms and seconds, and of each word the factor to them.
_Powers = tuple[int, int, int]
_LENGTH, _MASS, _TIME = (1, 0, 0), (0, 1, 0), (0, 0, 1)
_BASES: dict[str, tuple[float, _Powers]] = {
    **dict.fromkeys(("m", "metre", "metres", "meter", "meters"), (1.0, _LENGTH)),
    **dict.fromkeys(("mm", "millimetre", "millimetres", "millimeter", "millimeters"), (1e-3, _LENGTH)),
    **dict.fromkeys(("cm", "centimetre", "centimetres", "centimeter", "centimeters"), (1e-2, _LENGTH)),
    **dict.fromkeys(("km", "kilometre", "kilometres", "kilometer", "kilometers"), (1e3, _LENGTH)),
    **dict.fromkeys(("in", "inch", "inches"), (0.0254, _LENGTH)),
    **dict.fromkeys(("l", "liter", "liters", "litre", "litres"), (1e-3, (3, 0, 0))),
    **dict.fromkeys(("kg", "kilogram", "kilograms"), (1.0, _MASS)),
    **dict.fromkeys(("g", "gram", "grams"), (1e-3, _MASS)),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), (1.0, _TIME)),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), (60.0, _TIME)),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), (3600.0, _TIME)),
    **dict.fromkeys(("d", "day", "days"), (86400.0, _TIME)),
}
# As they are written without the unit that they are the tenfold logarithm of.
_DECIBELS = frozenset({"dbz", "db z", "dbze", "dbz_e", "decibel z", "decibels z"})
_BARE_DECIBELS = frozenset({"db", "decibel", "decibels"})
_LOGARITHM = re.compile(
    r"(?:10\s*[*.]?\s*log(?:10)?|0\.1\s*[*.]?\s*lg)\s*\(?\s*(?:re:?\s*)?(?:1\s+)?([^()]+(?:\([^()]*\))?)\)?"
)
# "mmh-1": written without the space.
_JOINED = re.compile(r"\bmm(?=h(?:r|our)?\s*(?:\^|\*\*)?\s*[{(]?\s*-1)")
# Of metres or kilometres a second or hour: wind, most often.
_SPEED = re.compile(r"\b(?:k?m|(?:kilo)?met(?:re|er)s?)\b")
_TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d+)?(?:e[-+]?\d+)?)|([a-z]+)|(\*\*|\^|[*.·×/()]))")
_POWER = re.compile(r"\s*(?:\*\*|\^)\s*[{(]?\s*([-+]?\d+)\s*[})]?|([-+]?\d+)(?!\d|\.\d)")
_SUPERSCRIPTS = str.maketrans("⁻⁺⁰¹²³⁴⁵⁶⁷⁸⁹−", "-+0123456789-")


class Unit(NamedTuple):
    """What numbers in a unit are: multiplied by ``factor`` they are in ``measure``.

    Attributes:
        measure: ``DBZ``, ``LINEAR``, ``RATE`` or ``AMOUNT``.
        factor: to it; 1 for dBZ.
        plain: whether the unit alone says that it is rain or reflectivity; metres a second may be wind as well, mm a
            size of drops.
    """

    measure: str
    factor: float
    plain: bool


class _UnknownError(Exception):
    """The text is no unit of this grammar."""


@functools.lru_cache
def unit_of(text: str) -> Unit | None:
    """What a unit measures; None where it is none of rain or reflectivity.

    Args:
        text: as a file has it, in capital or small letters. ``dB`` counts as dBZ, ``Z`` as mm6 m-3: both only for what
            is known to be a reflectivity, and so not ``plain``.
    """
    text = " ".join(text.translate(_SUPERSCRIPTS).lower().split())
    if text in _DECIBELS:
        return Unit(DBZ, 1.0, plain=True)
    if text in _BARE_DECIBELS:
        return Unit(DBZ, 1.0, plain=False)
    if text == "z":
        return Unit(LINEAR, 1.0, plain=False)
    if matched := _LOGARITHM.fullmatch(text):
        inside = unit_of(matched[1])
        # Decibels of another reference are so many decibels more; none is in use.
        is_dbz = inside is not None and (inside.measure, inside.factor) == (LINEAR, 1.0)
        return Unit(DBZ, 1.0, plain=True) if is_dbz else None
    parsed = _parsed(_JOINED.sub("mm ", text))
    if parsed is None:
        return None
    factor, (length, mass, time) = parsed
    if (length, mass, time) == (3, 0, 0):
        # 1 mm6 m-3 is 1e-18 m3. In plain m3 a volume is measured as well.
        return Unit(LINEAR, _neat(factor * 1e18), plain=re.search(r"mm\W*6|e-18", text) is not None)
    speed = (length, mass, time) == (1, 0, -1) and _SPEED.search(text) is not None
    if (length, mass) == (-2, 1):
        # A kilogram of water on a square metre stands 1 mm high.
        factor, length, mass = factor * 1e-3, 1, 0
    if (length, mass, time) == (1, 0, -1):
        return Unit(RATE, _neat(factor * 3.6e6), plain=not speed)
    return Unit(AMOUNT, _neat(factor * 1e3), plain=False) if (length, mass, time) == (1, 0, 0) else None


def metres_of(text: str) -> float | None:
    """Metres of a unit of length; None where it is none."""
    parsed = _parsed(" ".join(text.lower().split()))
    return _neat(parsed[0]) if parsed is not None and parsed[1] == _LENGTH else None


def seconds_of(text: str) -> float | None:
    """Seconds of a time such as ``10 minutes`` or ``1 hr``; None where it is none."""
    parsed = _parsed(" ".join(text.lower().split()))
    return _neat(parsed[0]) if parsed is not None and parsed[1] == _TIME else None


def _neat(value: float) -> float:
    """Without the last digits that products of decimal fractions leave."""
    return float(f"{value:.12g}")


def _parsed(text: str) -> tuple[float, _Powers] | None:
    """Factor to metres, kilograms and seconds, and their powers; None for what is no unit."""
    text = re.sub(r"\bper\b", "/", text)
    if not text or len(text) > LONGEST:
        return None
    try:
        factor, powers, end = _product(text, 0, 0)
    except (_UnknownError, OverflowError):
        return None
    return (factor, powers) if end == len(text) and 0 < factor < math.inf else None


def _product(text: str, start: int, depth: int) -> tuple[float, _Powers, int]:
    """Factors from ``start`` on to the end or a closing bracket, and where that is."""
    factor, (length, mass, time), sign, at, divided = 1.0, (0, 0, 0), 1, start, False
    while (matched := _TOKEN.match(text, at)) and matched[3] != ")":
        number, name, mark = matched.groups()
        at = matched.end()
        if mark == "/" and not divided:
            sign, divided = -1, True
            continue
        if mark == "(" and depth < DEEPEST:
            value, powers, at = _product(text, at, depth + 1)
            closing = _TOKEN.match(text, at)
            if not closing or closing[3] != ")":
                raise _UnknownError
            at = closing.end()
        elif number:
            value, powers = float(number), (0, 0, 0)
        elif name in _BASES:
            value, powers = _BASES[name]
        elif mark and mark in "*.·×":
            continue
        else:
            raise _UnknownError
        power = sign
        # After a number comes a power only with its mark: "10 min".
        if (raised := _POWER.match(text, at)) and (not number or raised[1]):
            power, at = sign * int(raised[1] or raised[2]), raised.end()
        if abs(power) > LARGEST_POWER or not value:
            raise _UnknownError
        factor *= value**power
        length, mass, time = length + power * powers[0], mass + power * powers[1], time + power * powers[2]
        # "per 5 min": a number is below the line together with the unit behind it, what comes then is not.
        divided = False
        sign = sign if number else 1
    if divided:
        raise _UnknownError
    return factor, (length, mass, time), at
