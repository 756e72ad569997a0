"""The four images that a nowcast starts from: how far apart they are, and which of them say nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.radar.core.frames import INPUTS, LEVELS, Sequence
from hypernet.radar.core.outages import outages
from hypernet.radar.sources.sequences import cadence_seconds, latest

# Where nobody names a step: the least and the most minutes between two of the images, and what is best.
SHORTEST_MINUTES, LONGEST_MINUTES, BEST_MINUTES = 5.0, 20.0, 10.0


@dataclass(frozen=True)
class Inputs:
    """Four images, and what is known of them.

    Attributes:
        images: the four.
        step_seconds: from one to the next, as measured.
        silent: which of them are outages, or have no data at all, bool ``[4]``; never the last.
    """

    images: Sequence
    step_seconds: float
    silent: np.ndarray

    @property
    def known(self) -> np.ndarray:
        """Pixels with data that are no outage, bool ``[4, H, W]``."""
        return ~(np.broadcast_to(self.images.missing, self.images.grey.shape) | self.silent[:, None, None])

    @property
    def frames(self) -> np.ndarray:
        """Grey levels in [0, 1], float32 ``[4, H, W]``; 0 where nothing is known."""
        return self.images.grey.astype(np.float32) / LEVELS * self.known

    @property
    def pixel_km(self) -> tuple[float, float]:
        """Height and width of a pixel."""
        return self.images.pixel_km


def chosen_images(sequence: Sequence, step_minutes: float | None = None, last_is_dry: bool = False) -> Inputs:
    """The last four images that are one step apart; of several steps the one whose images are all whole.

    Args:
        sequence: images of any cadence, four at least.
        step_minutes: from image to image; None: what is nearest to ten minutes, or another step from 5 to 20 minutes
            if there are too few images for it, or one of them is an outage and is not among the other step's four.
        last_is_dry: whether a last image that is dry after wet ones is taken as it is.

    Raises:
        UserError: there are too few images, a gap, no step that fits; the last image is an outage or has no data, or
            two of the four.
    """
    if len(sequence.time) and np.broadcast_to(sequence.missing, sequence.grey.shape)[-1].all():
        raise UserError(f"no pixel of the last image, {clock(sequence.time[-1])}, has data")
    first: Inputs | None = None
    refusal: UserError | None = None
    for step_seconds in _steps(sequence.time, step_minutes):
        try:
            images, measured = latest(sequence, INPUTS, step_seconds)
        except UserError as error:
            refusal = refusal or error
            continue
        silent = _silent(images)
        if last_is_dry:
            silent[-1] = False
        inputs = Inputs(images, measured, silent)
        if not silent.any():
            return inputs
        first = first or inputs
    if first is None:
        assert refusal is not None
        raise refusal
    times = first.images.time[first.silent]
    if first.silent[-1]:
        raise UserError(
            f"the last image, {clock(times[-1])}, is dry where it rained just before: an outage, it seems. Leave it "
            "out to forecast from the one before, or take it as it is with --last-is-dry (last_is_dry=True)"
        )
    if len(times) > 1:
        raise UserError(
            f"the images of {' and '.join(map(clock, times))} are dry between wet ones, or without data: outages, it "
            f"seems. Accepted: one of the {INPUTS} images at most; give more images, or another --step"
        )
    return first


def _steps(time: np.ndarray, step_minutes: float | None) -> Iterator[float | None]:
    """Steps to try, best first; None is what comes nearest to ten minutes."""
    if step_minutes is not None:
        yield 60 * step_minutes
        return
    yield None
    if len(time) < INPUTS:
        return
    cadence = cadence_seconds(time[-4 * INPUTS :]) / 60
    multiples = cadence * np.arange(1, int(LONGEST_MINUTES // cadence) + 1)
    for step in sorted(multiples[multiples >= SHORTEST_MINUTES], key=lambda minutes: abs(minutes - BEST_MINUTES)):
        yield 60 * float(step)


def _silent(images: Sequence) -> np.ndarray:
    """Which images are outages or have no data at all, bool ``[T]``."""
    missing = np.broadcast_to(images.missing, images.grey.shape)
    return np.asarray(outages(images.grey, images.missing), dtype=bool) | missing.all(axis=(1, 2))


def minutes_in_words(minutes: float) -> str:
    """Minutes with a digit behind the point where they need it: 60, 7.5."""
    return f"{round(minutes, 1):g}"


def clock(time: np.datetime64) -> str:
    """The time of day, with seconds where they are not 0."""
    return str(time.astype("datetime64[s]"))[11:].removesuffix(":00")


def moment(time: np.datetime64) -> str:
    """Day and time."""
    return f"{time.astype('datetime64[D]')} {clock(time)} UTC"
