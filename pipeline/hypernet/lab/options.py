"""Types of command-line options: what argparse calls on an option's text, and the one line it gives for a wrong one."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable, Mapping


def whole_number(lowest: int, highest: int | None = None) -> Callable[[str], int]:
    """A whole number from ``lowest`` to ``highest``, or one of at most nine digits."""
    accepted = f"a whole number from {lowest}" + (f" to {highest}" if highest is not None else "")
    most = 10**9 - 1 if highest is None else highest

    def parse(text: str) -> int:
        # No more digits than needed: Python is slow with thousands of them.
        digits = text.isascii() and text.isdigit() and len(text) <= len(str(most))
        if not digits or not lowest <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text[:40]!r} is not {accepted}")
        return int(text)

    return parse


def real_number(lowest: float, highest: float, what: str) -> Callable[[str], float]:
    """A number from ``lowest`` to ``highest``; ``what`` says in words what is accepted."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not lowest <= value <= highest:
            raise argparse.ArgumentTypeError(f"{text[:40]!r} is not {what}")
        return value

    return parse


LONGEST_NUMBER = 40
# Case-insensitive but for the last two: m is milli and M is mega.
PREFIXES = {
    "t": 1e12, "g": 1e9, "meg": 1e6, "k": 1e3, "": 1.0, "u": 1e-6, "µ": 1e-6, "μ": 1e-6, "n": 1e-9, "p": 1e-12,
    "f": 1e-15, "M": 1e6, "m": 1e-3,
}  # fmt: skip


def scaled_number(
    lowest: float, highest: float, unit: str, what: str, words: Mapping[str, float] | None = None
) -> Callable[[str], float]:
    """A number from ``lowest`` to ``highest`` with or without prefix and unit: ``1e6``, ``10k``, ``2.4GHz``, ``1meg``.

    A bare ``M`` is refused, for it is milli in SPICE and mega elsewhere; so is a unit in small letters behind ``m``,
    which is often meant to be mega.

    Args:
        lowest: first number accepted.
        highest: last number accepted.
        unit: such as ``Hz``.
        what: says in words what is accepted.
        words: that stand for numbers, in small letters, in the range or not.
    """
    number = re.compile(
        rf"([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d{{1,3}})?)\s*(meg|[tgkmunpfµμ]?)({re.escape(unit)})?",
        re.ASCII | re.IGNORECASE,
    )

    def parse(text: str) -> float:
        text = text.strip()
        if words is not None and text.lower() in words:
            return words[text.lower()]
        match = number.fullmatch(text) if len(text) <= LONGEST_NUMBER else None
        if match is None:
            raise argparse.ArgumentTypeError(f"{text[:40]!r} is not {what}")
        size, prefix, written = match.groups()
        if (prefix == "M" and not written) or (prefix == "m" and written is not None and written == unit.lower()):
            raise argparse.ArgumentTypeError(
                f"{text!r} may be milli, as in SPICE, or mega; accepted: {size}meg or {size}M{unit}, and {size}m{unit}"
            )
        value = float(size) * PREFIXES[prefix if prefix in PREFIXES else prefix.lower()]
        if not lowest <= value <= highest:
            raise argparse.ArgumentTypeError(f"{text!r} is not {what}")
        return value

    return parse
