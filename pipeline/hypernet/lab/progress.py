"""Progress that suits where it is read: a bar on a terminal, plain lines in a log."""

from __future__ import annotations

import sys
import time


class Progress:
    """Count units of work and say how far it is, at most every few seconds in a log.

    Args:
        label: what is being done.
        total: number of units, or None where it is not known beforehand.
        unit: the word for one unit.
        every_seconds: shortest time between two lines in a log.
    """

    def __init__(self, label: str, total: int | None, unit: str, every_seconds: float = 10.0):
        self.label, self.total, self.unit, self.every_seconds = label, total, unit, every_seconds
        self.done = 0
        self._started = self._last = time.monotonic()
        self._bar = None
        if sys.stderr.isatty():
            from tqdm import tqdm

            self._bar = tqdm(total=total, desc=label, unit=f" {unit}", leave=False, unit_scale=True)

    def advance(self, units: int, note: str = "") -> None:
        """Report that ``units`` more are done."""
        self.done += units
        if self._bar is not None:
            self._bar.set_postfix_str(note, refresh=False)
            self._bar.update(units)
            return
        now = time.monotonic()
        if now - self._last >= self.every_seconds:
            self._last = now
            of = f" of {self.total:,}" if self.total else ""
            print(
                f"{self.label}: {self.done:,}{of} {self.unit}, {now - self._started:.0f} s {note}".rstrip(),
                file=sys.stderr,
                flush=True,
            )

    def close(self) -> None:
        """Clear the bar, if there is one."""
        if self._bar is not None:
            self._bar.close()
