"""What the steps of a run cost: each process notes its own use when it ends, and one table joins the notes."""

from __future__ import annotations

import contextlib
import resource
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from hypernet.lab.errors import UserError
from hypernet.lab.files import read_json, write_json

SUFFIX = ".cost.json"
COLUMNS = ("step", "processor s", "wall s", "peak memory MB")


def note_cost(path: Path, started: float) -> None:
    """Write what this process and its children have used so far.

    Args:
        path: without an ending; ``.cost.json`` is added.
        started: `time.monotonic()` at the start of the process.
    """
    process, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    unit = 1 if sys.platform == "darwin" else 1024
    write_json(
        path.with_name(path.name + SUFFIX),
        {
            "user_s": round(process.ru_utime + children.ru_utime, 3),
            "system_s": round(process.ru_stime + children.ru_stime, 3),
            "wall_s": round(time.monotonic() - started, 3),
            "peak_memory_mb": round(max(process.ru_maxrss, children.ru_maxrss) * unit / 1e6, 1),
        },
    )


def cost_table(folders: Iterable[Path], domains: Sequence[str], each: bool = False) -> str:
    """A table in Markdown of all notes below ``folders``, by domain and step, with sums.

    Args:
        folders: folders with a folder for each domain, such as ``results`` and ``data/raw``.
        domains: names of the domains; other folders, such as ``results/real``, hold other results.
        each: a row for every process; without, for every kind of step.

    Returns:
        rows with processor time (user and system, start-up included), time by the clock and peak memory; where a row
        stands for several processes, times are sums and the memory is the largest.
    """
    rows: dict[str, dict[str, list[dict[str, float]]]] = {}
    for folder in folders:
        for path in sorted(folder.rglob(f"*{SUFFIX}")):
            inside = path.relative_to(folder)
            domain = inside.parts[0] if len(inside.parts) > 1 else "page"
            note = _note(path)
            if note is None or (domain != "page" and domain not in domains):
                continue
            step = path.name.removesuffix(SUFFIX)
            if folder.name in ("raw", "processed"):
                step = f"{'raw' if folder.name == 'raw' else 'prepare'}{f' {step}' if each else ''}"
            elif each and len(inside.parts) > 2:
                step = f"{step} {' '.join(inside.parts[1:-1])}"
            rows.setdefault(domain, {}).setdefault(step, []).append(note)
    lines = [f"| {' | '.join(('domain', *COLUMNS))} |", "|---|---|---:|---:|---:|"]
    every: list[dict[str, float]] = []
    for domain, steps in rows.items():
        notes = [note for of_step in steps.values() for note in of_step]
        every += notes
        lines += [_row(domain, step, steps[step]) for step in steps]
        lines.append(_row(f"**{domain}**", "all", notes))
    lines.append(_row("**all**", "all", every))
    return "\n".join(lines)


def _note(path: Path) -> dict[str, float] | None:
    """What a step noted; None where it is no such note."""
    with contextlib.suppress(UserError, TypeError, KeyError, ValueError):
        content = read_json(path)
        return {name: float(content[name]) for name in ("user_s", "system_s", "wall_s", "peak_memory_mb")}
    return None


def _row(domain: str, step: str, notes: list[dict[str, float]]) -> str:
    times = f" × {len(notes)}" if len(notes) > 1 else ""
    processor = sum(note["user_s"] + note["system_s"] for note in notes)
    wall = sum(note["wall_s"] for note in notes)
    memory = max((note["peak_memory_mb"] for note in notes), default=0.0)
    return f"| {domain} | {step}{times} | {processor:.1f} | {wall:.1f} | {memory:.0f} |"
