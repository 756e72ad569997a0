"""Images in the order of time: one grid, one cadence, no time twice, gaps named."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.radar.core.frames import INPUTS, Sequence, quantised, to_grey

if TYPE_CHECKING:
    from hypernet.radar.sources.readers.common import Frame

# What is forecast from is about ten minutes apart where nobody says otherwise.
NEAR_SECONDS = 600
TOLERANCE_SECONDS = 90.0
# A larger tolerance would take a lost image for one that is late.
LARGEST_TOLERANCE_SHARE = 0.4
# A step that is measured within this share of one that is named is that one.
SAME_STEP_SHARE = 0.02
# Places of two grids that are closer are the same: services write them with some digits only.
SAME_METRES = 1.0
NAMED = 3


def stacked(frames: Iterable[tuple[str, Frame]]) -> Sequence:
    """Images of one place, sorted by their times; each is kept as bytes as soon as it comes.

    Args:
        frames: where each comes from (a file's name) and the image.

    Raises:
        UserError: two images have one time; an image has no time or place, or lies on another grid; there is none.
    """
    first: Frame | None = None
    names: list[str] = []
    times, grey, missing = list[np.datetime64](), list[np.ndarray](), list[np.ndarray]()
    attributes: dict[str, Any] = {}
    for name, frame in frames:
        if first is None:
            first, attributes = frame, dict(frame.attributes)
        _refuse_unplaced(name, frame)
        _refuse_other_grid(names[0] if names else name, first, name, frame)
        names.append(name)
        times.append(frame.time)
        grey.append(quantised(to_grey(frame.dbz)))
        # Of a mask that stays as it is one copy is kept.
        missing.append(missing[-1] if missing and np.array_equal(missing[-1], frame.missing) else frame.missing)
        attributes = {key: value for key, value in attributes.items() if frame.attributes.get(key) == value}
    if first is None:
        raise UserError("no radar images; accepted: one file at least")
    order = np.argsort(np.array(times), kind="stable")
    time = np.array(times, dtype="datetime64[s]")[order]
    twice = np.flatnonzero(np.diff(time) == np.timedelta64(0, "s"))
    if len(twice):
        pair = " and ".join(names[number] for number in order[twice[0] : twice[0] + 2])
        raise UserError(f"{len(twice)} times occur twice: {listed(time[twice])}; the first in {pair}")
    same = all(mask is missing[0] for mask in missing)
    return Sequence(
        grey=np.stack([grey[number] for number in order]),
        time=time,
        missing=missing[0] if same else np.stack([missing[number] for number in order]),
        x=first.x,
        y=first.y,
        projection=first.projection,
        attributes=attributes,
    )


def _refuse_unplaced(name: str, frame: Frame) -> None:
    """Refuse what a damaged header makes: no time, no plane of pixels, pixels without a place or all at one."""
    if np.isnat(frame.time) or frame.dbz.ndim != 2 or not frame.dbz.size:
        raise UserError(f"{name}: an image of {frame.dbz.shape} pixels at {frame.time}; accepted: rows, columns, time")
    # Of infinite places the differences are not numbers.
    if not ((np.diff(frame.x) > 0).all() and (np.diff(frame.y) < 0).all()):
        raise UserError(f"{name}: the places of the pixels do not rise eastwards and northwards; is the header whole?")


def _refuse_other_grid(first_name: str, first: Frame, name: str, frame: Frame) -> None:
    if frame.dbz.shape != first.dbz.shape:
        different = f"{frame.dbz.shape} pixels, not {first.dbz.shape}"
    elif frame.projection != first.projection:
        different = f"projection {frame.projection!r}, not {first.projection!r}"
    elif max(np.abs(frame.x - first.x).max(), np.abs(frame.y - first.y).max()) > SAME_METRES:
        different = f"its corner at {frame.x[0]:.0f}, {frame.y[0]:.0f} m, not {first.x[0]:.0f}, {first.y[0]:.0f} m"
    else:
        return
    raise UserError(f"{name}: another grid than {first_name}: {different}")


def listed(times: np.ndarray) -> str:
    """Some times for people: the first three, and how many more."""
    more = len(times) - NAMED
    return ", ".join(str(time) for time in times[:NAMED]) + (f" and {more} more" if more > 0 else "")


def cadence_seconds(time: np.ndarray) -> float:
    """Seconds from one image to the next, whatever gaps there are, be every third image lost.

    The lower quartile of the differences says about how long a step is; the mean over all short differences, each
    counted as its whole number of steps, evens out images that come some seconds early or late.

    Raises:
        UserError: there are fewer than two images.
    """
    if len(time) < 2:
        raise UserError(f"{len(time)} images; accepted: 2 at least, to know how far apart they are")
    differences = np.diff(time) / np.timedelta64(1, "s")
    about = np.quantile(differences, 0.25)
    short = differences[differences < 3.5 * about]
    return float(short.sum() / np.maximum(np.rint(short / about), 1).sum())


def measured_step(times: Iterable[np.ndarray]) -> float:
    """Seconds from one image to the next in sequences of one cadence, to the whole second.

    Raises:
        UserError: none of them has two images.
    """
    return float(round(cadence_seconds(max(times, key=len))))


def stride_of(time: np.ndarray, step_seconds: float, tolerance_seconds: float = TOLERANCE_SECONDS) -> int:
    """Images from one that is taken to the next, for one each step: of 5-minute images 2 make a step of ten minutes.

    Raises:
        UserError: no whole number of images makes the step within the tolerance; names the cadence that was measured.
    """
    cadence = cadence_seconds(time)
    stride = max(1, round(step_seconds / cadence))
    if abs(stride * cadence - step_seconds) > tolerance_seconds:
        raise UserError(
            f"the images from {time[0]} on are {cadence / 60:.3g} minutes apart; accepted: {step_seconds / 60:.3g} "
            f"minutes or a whole fraction of it, within {tolerance_seconds:g} seconds, or another step_minutes, such "
            f"as {cadence / 60:.3g}"
        )
    return stride


def phases(
    sequence: Sequence, step_seconds: float | None, tolerance_seconds: float = TOLERANCE_SECONDS
) -> list[Sequence]:
    """A sequence as sequences of one image each step: of 5-minute data two at ten minutes, which begin 5 minutes apart.

    An image's phase is counted in steps of time, so that a lost image does not move those after it.

    Args:
        sequence: at the step or finer.
        step_seconds: None: the images as they come, one sequence.
        tolerance_seconds: by how much a whole number of images may miss the step.

    Raises:
        UserError: the cadence does not fit; see ``stride_of``.
    """
    if step_seconds is None:
        return [sequence]
    stride = stride_of(sequence.time, step_seconds, tolerance_seconds)
    if stride == 1:
        return [sequence]
    cadence = cadence_seconds(sequence.time)
    # In whole parts of the step where the images mean them: the cadence as measured is a little off, which adds up
    # over a long gap.
    meant = abs(stride * cadence - step_seconds) < SAME_STEP_SHARE * step_seconds
    unit = step_seconds / stride if meant else cadence
    steps = np.rint(np.diff(sequence.time) / np.timedelta64(1, "s") / unit)
    phase = np.concatenate([[0], np.cumsum(np.maximum(steps, 1))]).astype(np.int64) % stride
    return [taken(sequence, np.flatnonzero(phase == number)) for number in range(stride) if (phase == number).any()]


def taken(sequence: Sequence, frames: np.ndarray | slice) -> Sequence:
    """Some images of a sequence."""
    missing = sequence.missing if sequence.missing.ndim == 2 else sequence.missing[frames]
    return replace(sequence, grey=sequence.grey[frames], time=sequence.time[frames], missing=missing)


def cropped(sequence: Sequence, row: int, column: int, height: int, width: int) -> Sequence:
    """A rectangle of a sequence, from its upper left corner on.

    Raises:
        UserError: it does not lie in the images.
    """
    rows, columns = sequence.grey.shape[1:]
    if min(row, column) < 0 or min(height, width) < 1 or row + height > rows or column + width > columns:
        raise UserError(
            f"a square of {height} x {width} pixels from row {row}, column {column}; the images have {rows} x {columns}"
        )
    down, across = slice(row, row + height), slice(column, column + width)
    return replace(
        sequence,
        grey=sequence.grey[:, down, across],
        missing=sequence.missing[..., down, across],
        x=sequence.x[across],
        y=sequence.y[down],
    )


def follows(time: np.ndarray, step_seconds: float, tolerance_seconds: float = TOLERANCE_SECONDS) -> np.ndarray:
    """Whether each image but the first comes one step after the one before, bool ``[T - 1]``.

    Of short steps the tolerance is less than half, so that a lost image is noticed.
    """
    most = min(tolerance_seconds, LARGEST_TOLERANCE_SHARE * step_seconds)
    return np.abs(np.diff(time) / np.timedelta64(1, "s") - step_seconds) <= most


def latest(
    sequence: Sequence,
    count: int = INPUTS,
    step_seconds: float | None = None,
    tolerance_seconds: float = TOLERANCE_SECONDS,
) -> tuple[Sequence, float]:
    """The last ``count`` images that are one step apart and end with the last image: what a nowcast starts from.

    Args:
        sequence: images of any cadence.
        count: of images.
        step_seconds: from one image to the next; None: as many images as come nearest to ten minutes, so of 5-minute
            images every second one, of 7.5, 15 or 20 minutes each.
        tolerance_seconds: by how much an image may miss its step.

    Returns:
        The images, and the seconds from one to the next as their times say.

    Raises:
        UserError: there are too few, a gap among them (its times are named), or the cadence does not fit the step.
    """
    if len(sequence.time) < count:
        raise UserError(f"{len(sequence.time)} images; accepted: {count} at least")
    # What the radar did hours ago, at another cadence perhaps, does not matter.
    since = sequence.time[-1] - np.timedelta64(2 * count * NEAR_SECONDS, "s")
    recent = taken(sequence, slice(min(int(np.searchsorted(sequence.time, since)), len(sequence.time) - count), None))
    if step_seconds is None:
        cadence = cadence_seconds(recent.time)
        # Of two steps that are as near to ten minutes the shorter one.
        step_seconds = max(1, math.ceil(NEAR_SECONDS / cadence - 0.5)) * cadence
    part = next(part for part in phases(recent, step_seconds, tolerance_seconds) if part.time[-1] == recent.time[-1])
    part = taken(part, slice(-count, None))
    broken = np.flatnonzero(~follows(part.time, step_seconds, tolerance_seconds))
    if len(part.time) < count or len(broken):
        gap = f", a gap from {part.time[broken[-1]]} to {part.time[broken[-1] + 1]}" if len(broken) else ""
        raise UserError(
            f"{len(part.time)} images {step_seconds / 60:.3g} minutes apart up to {part.time[-1]}{gap}; "
            f"accepted: {count} without a gap"
        )
    return part, float((part.time[-1] - part.time[0]) / np.timedelta64(1, "s")) / (count - 1)


def missing_share(sequence: Sequence) -> float:
    """Share of pixels without data, over all images."""
    return float(sequence.missing.mean())


def nearest_to_marks(time: np.ndarray, step_seconds: int, tolerance_seconds: float) -> np.ndarray:
    """Numbers of the images nearest to each full step of the day, rising; no image stands for two marks.

    For radars whose volumes come every four to ten minutes (NEXRAD), where no stride fits. A mark without an image
    within the tolerance stays a gap.

    Args:
        time: datetime64[s] ``[T]``, rising.
        step_seconds: from mark to mark.
        tolerance_seconds: from a mark to its image.

    Returns:
        int ``[M]``.
    """
    seconds = time.astype("datetime64[s]").astype(np.int64)
    mark = (seconds + step_seconds // 2) // step_seconds
    distance = np.abs(seconds - mark * step_seconds)
    order = np.lexsort((distance, mark))
    nearest = order[np.unique(mark[order], return_index=True)[1]]
    return np.sort(nearest[distance[nearest] <= tolerance_seconds])


def to_marks(sequence: Sequence, step_seconds: int, tolerance_seconds: float) -> tuple[Sequence, float]:
    """Of each full step of the day the image nearest to it, at that time; see ``nearest_to_marks``.

    Returns:
        The sequence, and by how many seconds its images are off their marks on average.

    Raises:
        UserError: fewer than two marks have an image.
    """
    chosen = nearest_to_marks(sequence.time, step_seconds, tolerance_seconds)
    if len(chosen) < 2:
        raise UserError(
            f"{len(chosen)} of {len(sequence.time)} images lie within {tolerance_seconds:g} seconds of full "
            f"{step_seconds / 60:.3g} minutes (windows.tolerance_seconds, windows.step_minutes); accepted: 2 at least"
        )
    marks = marks_of(sequence.time[chosen], step_seconds)
    off = np.abs((sequence.time[chosen] - marks).astype(np.int64)).mean()
    return replace(taken(sequence, chosen), time=marks), float(off)


def marks_of(time: np.ndarray, step_seconds: int) -> np.ndarray:
    """The full step of the day that each time is nearest to, datetime64[s] of the same shape."""
    seconds = time.astype("datetime64[s]").astype(np.int64)
    return ((seconds + step_seconds // 2) // step_seconds * step_seconds).astype("datetime64[s]")
