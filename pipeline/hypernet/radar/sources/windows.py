"""Which five images and which squares of them are learned from, and which are tested on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.radar.core.frames import INPUTS, LEVELS, SPLITS, Geometry, Sequence, Windows
from hypernet.radar.core.outages import outages
from hypernet.radar.sources.sequences import TOLERANCE_SECONDS, follows, taken

SPAN = INPUTS + 1
# Above grey 0.3, 21 dBZ, a pixel is wet.
WET_LEVEL = int(np.floor(0.3 * LEVELS)) + 1
SHARES = (0.7, 0.1, 0.2)
# With fewer events a tenth of them is not one event, and time is cut inside of spells: what no pause of PAUSE_HOURS
# separates.
ENOUGH_EVENTS = 10
PAUSE_HOURS = 6
# Images in which outages are looked for together, and images before and after them: a year does not fit in memory.
IMAGES_AT_ONCE, AROUND = 144, 6


@dataclass(frozen=True)
class Chosen:
    """Windows of one or more sequences, and what was left out.

    Attributes:
        windows: ``first`` counts images of all sequences, one after the other.
        dropped: number of windows left out, by reason: "gap" (five images without one; of these all squares),
            "outage" (an image that says dry where it rained; likewise), "no data" and "dry".
    """

    windows: Windows
    dropped: Mapping[str, int]


def choose(
    parts: list[Sequence],
    geometry: Geometry,
    raster: int,
    lowest_wet_share: float,
    step_seconds: float,
    tolerance_seconds: float = TOLERANCE_SECONDS,
    highest_missing_share: float = 0.0,
) -> Chosen:
    """The windows of sequences that stand one after the other, each with images one step apart.

    Args:
        parts: sequences, e.g. the two phases of a day of 5-minute images; all of one size.
            A day (UTC) is an event: a window belongs to the day on which it begins.
        geometry: sizes.
        raster: pixels from one square to the next.
        lowest_wet_share: of pixels above 21 dBZ in the last input image.
        step_seconds: from one image to the next.
        tolerance_seconds: by how much an image may miss its step.
        highest_missing_share: of pixels without data, in each of the five images.

    Raises:
        UserError: the images are smaller than a square, differ in size, or no window is left.
    """
    shape, size = parts[0].grey.shape[1:], geometry.size
    if any(part.grey.shape[1:] != shape for part in parts):
        raise UserError(f"images of {', '.join(str(part.grey.shape[1:]) for part in parts)} pixels; accepted: one size")
    if min(shape) < size:
        raise UserError(f"images of {shape[0]} x {shape[1]} pixels; accepted: {size} x {size} at least (geometry.size)")
    rows, columns = (np.arange(0, length - size + 1, raster) for length in shape)
    dropped, tables, offset = {"gap": 0, "outage": 0, "no data": 0, "dry": 0}, [], 0
    for part in parts:
        frames = len(part.time)
        if frames >= SPAN:
            steps = follows(part.time, step_seconds, tolerance_seconds)
            unbroken = np.lib.stride_tricks.sliding_window_view(steps, INPUTS).all(axis=1)
            heard = np.lib.stride_tricks.sliding_window_view(~_outages(part, steps), SPAN).all(axis=1)
            whole = unbroken & heard
            covered = _covered(part, rows, columns, size, highest_missing_share)[whole]
            counts = np.stack(
                [box_sums(image >= WET_LEVEL, rows, columns, size) for image in part.grey[INPUTS - 1 : -1]]
            )
            wet = (counts >= lowest_wet_share * size**2)[whole]
            dropped["gap"] += int((~unbroken).sum()) * len(rows) * len(columns)
            dropped["outage"] += int((unbroken & ~heard).sum()) * len(rows) * len(columns)
            dropped["no data"] += int((~covered).sum())
            dropped["dry"] += int((covered & ~wet).sum())
            at, row, column = np.nonzero(covered & wet)
            first = np.flatnonzero(whole)[at]
            day = part.time[first].astype("datetime64[D]").astype(np.int64)
            tables.append(np.stack([first + offset, rows[row], columns[column], day]))
        offset += frames
    table = np.concatenate(tables, axis=1) if tables else np.empty((4, 0), dtype=np.int64)
    if not table.size:
        reasons = ", ".join(f"{count} {reason}" for reason, count in dropped.items() if count) or "too few images"
        raise UserError(f"no window of {SPAN} images and {size} x {size} pixels is left ({reasons})")
    table[3] = np.unique(table[3], return_inverse=True)[1]
    return Chosen(Windows(*table), dropped)


def _outages(part: Sequence, steps: np.ndarray) -> np.ndarray:
    """Which images are outages, bool ``[T]``: from gap to gap, some at a time.

    Args:
        part: the images.
        steps: bool ``[T - 1]``: whether an image but the first comes one step after the one before.
    """
    out = np.zeros(len(part.time), dtype=bool)
    ends = [*(np.flatnonzero(~steps) + 1).tolist(), len(out)]
    for begin, end in zip([0, *ends], ends, strict=False):
        for first in range(begin, end, IMAGES_AT_ONCE):
            # With the images around them, which they are compared with.
            start, last = max(first - AROUND, begin), min(first + IMAGES_AT_ONCE, end)
            some = taken(part, slice(start, min(last + AROUND, end)))
            out[first:last] = outages(some.grey, some.missing)[first - start : last - start]
    return out


def _covered(part: Sequence, rows: np.ndarray, columns: np.ndarray, size: int, most: float) -> np.ndarray:
    """Whether data are there in all five images of each window, bool ``[T - 4, rows, columns]``."""
    missing = part.missing if part.missing.ndim == 3 else part.missing[None]
    enough = np.stack([box_sums(mask, rows, columns, size) for mask in missing]) <= most * size**2
    enough = np.broadcast_to(enough, (len(part.time), *enough.shape[1:]))
    return np.asarray(np.lib.stride_tricks.sliding_window_view(enough, SPAN, axis=0).all(axis=-1))


def box_sums(mask: np.ndarray, rows: np.ndarray, columns: np.ndarray, size: int) -> np.ndarray:
    """How many entries of ``mask`` ``[H, W]`` are set in each square, int ``[rows, columns]``."""
    total = np.pad(mask.cumsum(axis=0, dtype=np.int32).cumsum(axis=1, dtype=np.int32), ((1, 0), (1, 0)))
    upper, lower = total[rows], total[rows + size]
    return lower[:, columns + size] - lower[:, columns] - upper[:, columns + size] + upper[:, columns]


def split(
    windows: Windows, time: np.ndarray, shares: tuple[float, float, float] = SHARES, block_hours: int = 1
) -> dict[str, Windows]:
    """Training, validation and test windows in the order of time; no image is in two of them.

    From ten events on whole events are shared out. With fewer, each spell of rain is cut in time, and what statistics
    resample as events are then blocks of ``block_hours`` of each part. Windows across a cut are left out either way.

    Args:
        windows: all windows.
        time: of all images, datetime64[s] ``[F]``.
        shares: of windows' times, for train, validation and test.
        block_hours: length of the blocks, from full hours (UTC) on.

    Raises:
        UserError: there are too few to give each of the three one.
    """
    begin, end = time[windows.first], time[windows.first + INPUTS]
    part = np.full(len(windows), -1)
    event = windows.event
    numbers = np.unique(event)
    if len(numbers) >= ENOUGH_EVENTS:
        first = np.array([begin[event == number].min() for number in numbers])
        starts = first[np.argsort(first)]
        cuts = [starts[round(len(starts) * share)] for share in np.cumsum(shares)[:2]]
        part = _between(begin, end, cuts)
    else:
        spell = _spells(begin)
        for number in range(spell.max() + 1):
            of_spell = spell == number
            part[of_spell] = _between(
                begin[of_spell], end[of_spell], _cuts_in_time(begin[of_spell], end[of_spell], shares)
            )
        block = begin.astype("datetime64[h]").astype(np.int64) // block_hours
        event = np.unique(np.stack([block, part]), axis=1, return_inverse=True)[1]
    by_split = {
        name: Windows(windows.first[chosen], windows.row[chosen], windows.column[chosen], event[chosen])
        for name, chosen in ((name, part == number) for number, name in enumerate(SPLITS))
    }
    if not all(len(part) for part in by_split.values()):
        counts = ", ".join(f"{len(part)} {name}" for name, part in by_split.items())
        raise UserError(f"windows at {len(np.unique(begin))} times give {counts}; accepted: one of each at least")
    return by_split


def _spells(begin: np.ndarray) -> np.ndarray:
    """Number of each window's spell, from 0; within a spell windows begin at most six hours apart."""
    starts, place = np.unique(begin, return_inverse=True)
    pauses = np.diff(starts) > np.timedelta64(PAUSE_HOURS, "h")
    return np.concatenate([[0], np.cumsum(pauses)])[place]


def _between(begin: np.ndarray, end: np.ndarray, cuts: list[np.datetime64]) -> np.ndarray:
    """0, 1 or 2 for windows before, between and after two cuts, -1 for those across one."""
    before, after = np.searchsorted(np.array(cuts), np.stack([end, begin]), side="right")
    return np.where(before == after, after, -1)


def _cuts_in_time(begin: np.ndarray, end: np.ndarray, shares: tuple[float, float, float]) -> list[np.datetime64]:
    """Two times that share out the windows' beginnings after those across a cut are left out."""
    starts = np.unique(begin)
    # Roughly the number of beginnings that lie across each cut.
    lost = int(((starts > starts[0]) & (starts <= end[begin == starts[0]].max())).sum())
    kept = max(len(starts) - 2 * lost, 0)
    places = [round(kept * share) + (number + 1) * lost for number, share in enumerate(np.cumsum(shares)[:2])]
    return [starts[min(place, len(starts) - 1)] for place in places]
