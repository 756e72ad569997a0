"""Images in the order of time: one grid, one cadence, no time twice, gaps named."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.radar.core.frames import INPUTS, STEP_SECONDS, Sequence, quantised, to_grey

if TYPE_CHECKING:
    from hypernet.radar.sources.readers.common import Frame

TOLERANCE_SECONDS = 90
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


def stride_of(time: np.ndarray) -> int:
    """Steps between the images that are taken, for one each ten minutes: 1 at ten minutes, 2 at five.

    Raises:
        UserError: no whole number of steps makes ten minutes within 90 seconds; names the cadence found.
    """
    cadence = cadence_seconds(time)
    stride = max(1, round(STEP_SECONDS / cadence))
    if abs(stride * cadence - STEP_SECONDS) > TOLERANCE_SECONDS:
        raise UserError(
            f"the images from {time[0]} on are {cadence / 60:.3g} minutes apart; accepted: "
            f"{STEP_SECONDS // 60} minutes or a whole fraction of it, within {TOLERANCE_SECONDS} seconds"
        )
    return stride


def phases(sequence: Sequence, allow_cadence: bool = False) -> list[Sequence]:
    """A sequence as sequences of one image each ten minutes: of 5-minute data two, which begin 5 minutes apart.

    An image's phase is counted in steps of time, so that a lost image does not move those after it.

    Args:
        sequence: at ten minutes or finer.
        allow_cadence: take another cadence as it is; what is learned then is a step of that length.

    Raises:
        UserError: the cadence does not fit; see ``stride_of``.
    """
    if allow_cadence:
        return [sequence]
    stride = stride_of(sequence.time)
    if stride == 1:
        return [sequence]
    # In whole parts of ten minutes: the cadence as found is a little off, which adds up over a long gap.
    steps = np.rint(np.diff(sequence.time) / np.timedelta64(1, "s") * stride / STEP_SECONDS)
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


def follows(time: np.ndarray, step_seconds: float = STEP_SECONDS) -> np.ndarray:
    """Whether each image but the first comes one step after the one before, bool ``[T - 1]``."""
    return np.abs(np.diff(time) / np.timedelta64(1, "s") - step_seconds) <= TOLERANCE_SECONDS


def latest(sequence: Sequence, count: int = INPUTS, allow_cadence: bool = False) -> Sequence:
    """The last ``count`` images that are ten minutes apart and end with the last image: what a nowcast starts from.

    Raises:
        UserError: there are too few, a gap among them (its times are named), or another cadence.
    """
    if len(sequence.time) < count:
        raise UserError(f"{len(sequence.time)} images; accepted: {count} at least")
    part = next(part for part in phases(sequence, allow_cadence) if part.time[-1] == sequence.time[-1])
    step = cadence_seconds(sequence.time) if allow_cadence else STEP_SECONDS
    part = taken(part, slice(-count, None))
    broken = np.flatnonzero(~follows(part.time, step))
    if len(part.time) < count or len(broken):
        gap = f", a gap from {part.time[broken[-1]]} to {part.time[broken[-1] + 1]}" if len(broken) else ""
        raise UserError(
            f"{len(part.time)} images {step / 60:.3g} minutes apart up to {part.time[-1]}{gap}; "
            f"accepted: {count} without a gap"
        )
    return part


def missing_share(sequence: Sequence) -> float:
    """Share of pixels without data, over all images."""
    return float(sequence.missing.mean())


def nearest_to_marks(time: np.ndarray, step_seconds: int = STEP_SECONDS, tolerance: int = 180) -> np.ndarray:
    """Numbers of the images nearest to each full ten minutes of the day, rising; no image stands for two marks.

    For radars whose volumes come every four to ten minutes (NEXRAD), where no stride fits. A mark without an image
    within ``tolerance`` seconds stays a gap.

    Args:
        time: datetime64[s] ``[T]``, rising.
        step_seconds: from mark to mark.
        tolerance: seconds.

    Returns:
        int ``[M]``.
    """
    seconds = time.astype("datetime64[s]").astype(np.int64)
    mark = (seconds + step_seconds // 2) // step_seconds
    distance = np.abs(seconds - mark * step_seconds)
    order = np.lexsort((distance, mark))
    nearest = order[np.unique(mark[order], return_index=True)[1]]
    return np.sort(nearest[distance[nearest] <= tolerance])
