"""Rainy days of one radar joined to one sequence at full steps, and the protocol's split of them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.radar.core.frames import Sequence, Windows
from hypernet.radar.sources import cf
from hypernet.radar.sources.days import MARK_SECONDS, MARK_TOLERANCE_SECONDS
from hypernet.radar.sources.sequences import SAME_METRES, marks_of, nearest_to_marks, taken
from hypernet.radar.sources.windows import ENOUGH_EVENTS, SHARES, WET_LEVEL

# The protocol of this project (the paper does not tell its own): a day counts when more than a tenth of the pixels are
# wet in one image; 2013 and the first half of 2014 are trained on, a tenth of them for validation; the rest is tested.
WET_DAY_SHARE = 0.1
TEST_FROM = np.datetime64("2014-07-01T00:00:00", "s")
VALIDATION_SHARE = 0.1
# A radar's place is surveyed anew now and then: within half a pixel it is the same place.
SAME_PLACE_DEGREES = 0.005
CENTRE = re.compile(r"\+lat_0=(-?[\d.]+) \+lon_0=(-?[\d.]+)")


def wettest_share(grey: np.ndarray) -> float:
    """Share of pixels at 21 dBZ or more in the wettest of images ``[T, H, W]`` (uint8)."""
    return float((grey >= WET_LEVEL).mean(axis=(1, 2)).max(initial=0.0))


def same_place(first: str, other: str) -> bool:
    """Whether two projections (PROJ strings) are of one radar: equal, or but for half a pixel."""
    centres = [CENTRE.search(projection) for projection in (first, other)]
    if first == other:
        return True
    matched = [np.array(centre.groups(), dtype=float) for centre in centres if centre]
    if len(matched) < 2:
        return False
    first_centre, other_centre = matched
    return bool(np.abs(first_centre - other_centre).max() <= SAME_PLACE_DEGREES)


def joined(
    files: Iterable[Path], step_seconds: int = MARK_SECONDS, tolerance_seconds: float = MARK_TOLERANCE_SECONDS
) -> tuple[Sequence, dict[str, float]]:
    """The rainy days as one sequence: of each full step of the day the image nearest to it, at that time.

    A radar begins a volume every four to ten minutes, so images are up to three minutes off their mark, and five in a
    row are a step apart on average only; ``off_mark_seconds`` says by how much. Days are read twice, one at a
    time, so that memory holds the images that are kept once: 9 MB a day.

    Args:
        files: days of one radar, in the order of time.
        step_seconds: from one mark to the next.
        tolerance_seconds: from a mark to its image.

    Returns:
        The sequence, and facts: days, those that are rainy, images, mean distance to the mark.

    Raises:
        UserError: a file cannot be read, is of another grid, or out of order; there is no rainy day.
    """
    files, rainy, times, moving = list(files), list[Path](), list[np.ndarray](), False
    first: Sequence | None = None
    for path in files:
        day = cf.read(path)
        first = first or replace(day, grey=day.grey[:0])
        _refuse_other_grid(path, first, day)
        moving = moving or day.missing.ndim == 3 or not np.array_equal(day.missing, first.missing)
        if wettest_share(day.grey) > WET_DAY_SHARE:
            rainy.append(path)
            times.append(day.time)
    if not rainy:
        raise UserError(
            f"{len(files)} days, none with an image that is wet on more than {100 * WET_DAY_SHARE:g} % of the pixels; "
            "accepted: one at least"
        )
    time = np.concatenate(times)
    if (np.diff(time) <= np.timedelta64(0, "s")).any():
        raise UserError(f"{rainy[0].parent}: days of one radar overlap or their names do not say their dates")
    assert first is not None
    chosen = nearest_to_marks(time, step_seconds, tolerance_seconds)
    marks = marks_of(time[chosen], step_seconds)
    grey = np.empty((len(chosen), *first.grey.shape[1:]), dtype=np.uint8)
    missing = np.empty(grey.shape, dtype=bool) if moving else first.missing
    ends = np.cumsum([len(day_times) for day_times in times])
    for path, begin, end in zip(rainy, [0, *ends[:-1]], ends, strict=True):
        place = slice(*np.searchsorted(chosen, [begin, end]))
        day = taken(cf.read(path), chosen[place] - begin)
        grey[place] = day.grey
        if moving:
            missing[place] = day.missing
    off = np.abs((time[chosen] - marks).astype(np.int64))
    facts = {"days": len(files), "rainy_days": len(rainy), "images": len(chosen), "off_mark_seconds": float(off.mean())}
    sequence = replace(first, grey=grey, time=marks, missing=missing)
    return sequence, facts


def _refuse_other_grid(path: Path, first: Sequence, day: Sequence) -> None:
    same = day.grey.shape[1:] == first.grey.shape[1:] and same_place(first.projection, day.projection)
    if not same or max(np.abs(day.x - first.x).max(), np.abs(day.y - first.y).max()) > SAME_METRES:
        raise UserError(
            f"{path}: another grid than the days before it ({day.grey.shape[1:]} pixels, {day.projection!r}; accepted: "
            f"{first.grey.shape[1:]}, {first.projection!r})"
        )


def shares_of(windows: Windows, time: np.ndarray) -> tuple[float, float, float]:
    """Shares of the days for training, validation and test: by the protocol's date where days lie on both sides of it.

    Args:
        windows: all windows, a day being an event.
        time: of all images, datetime64[s] ``[F]``.
    """
    begin = np.full(int(windows.event.max()) + 1, time.max())
    np.minimum.at(begin, windows.event, time[windows.first])
    before = float((begin < TEST_FROM).mean())
    if before == 1 or before * len(begin) < ENOUGH_EVENTS:
        return SHARES
    return (1 - VALIDATION_SHARE) * before, VALIDATION_SHARE * before, 1 - before
