"""Types of command-line options: what argparse calls on an option's text, and the one line it gives for a wrong one."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable


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
