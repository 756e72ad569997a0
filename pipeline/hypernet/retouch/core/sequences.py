"""Frames that follow each other: where a film is cut, colour maps that change smoothly between, and how much they do.

A slow fade or a dissolve is no cut: the smoothed maps follow it, the causal ones later by the time constant. A flash,
a few frames after which the film goes on as before, is no cut either; neither it nor a black frame says how the shot
is to be retouched, so both take their neighbour's map.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from hypernet.retouch.core.colour_map import LUMA

# Rows and columns of the thumbnails whose histograms are compared.
THUMBNAIL = (36, 64)
BINS = 16
# Total variation between the histograms of two frames above which the second begins a new shot.
CUT_DISTANCE = 0.3
# Frames after which a film that looks as it did before a change has been interrupted, not cut.
LONGEST_FLASH = 3
# A frame no part of which is brighter than this, sRGB-encoded in [0, 1], is black.
BLACK = 10 / 255


def histogram(thumbnail: np.ndarray) -> np.ndarray:
    """Shares of 16 equal ranges of 8-bit levels in each channel.

    Args:
        thumbnail: ``[h, w, 3]``, float in [0, 1].

    Returns:
        float64 ``[3, 16]`` with the sum 1, a third of it in each channel.
    """
    levels = np.rint(np.clip(thumbnail, 0, 1) * 255).astype(np.int64).reshape(-1, 3)
    counts = np.bincount((levels * BINS // 256 + np.arange(3) * BINS).ravel(), minlength=3 * BINS)
    return counts.reshape(3, BINS) / (3 * len(levels))


def distance(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Total variation between histograms ``[..., 3, 16]``: 0 where they are equal, 1 where they share nothing."""
    return 0.5 * np.abs(first - second).sum(axis=(-2, -1))


def cuts(histograms: np.ndarray) -> list[int]:
    """First frames of new shots, counted from 0.

    Args:
        histograms: of each frame, ``[T, 3, 16]``.
    """
    return _changes(histograms)[0]


def flashes(histograms: np.ndarray) -> list[int]:
    """Frames that interrupt a shot, such as a photographer's flash: see ``cuts``."""
    return _changes(histograms)[1]


def shots(frames: int, cuts: Sequence[int]) -> list[slice]:
    """Frames of each shot, none of them empty."""
    edges = [0, *cuts, frames]
    return [slice(first, last) for first, last in itertools.pairwise(edges) if first < last]


def held(matrices: np.ndarray, uninformative: np.ndarray, cuts: Sequence[int]) -> np.ndarray:
    """Matrices in which a flash or a black frame has that of the last other frame of its shot, or else of the next.

    Args:
        matrices: ``[T, ...]``.
        uninformative: whether a frame is a flash or black, bool ``[T]``.
        cuts: first frames of new shots.
    """
    source = np.arange(len(matrices))
    for shot in shots(len(matrices), cuts):
        usable = source[shot][~uninformative[shot]]
        if len(usable):
            before = np.searchsorted(usable, source[shot], side="right") - 1
            source[shot] = usable[np.maximum(before, 0)]
    return matrices[source]


def smoothed(
    matrices: np.ndarray, seconds: np.ndarray, cuts: Sequence[int], time_constant: float, zero_phase: bool = False
) -> np.ndarray:
    """Exponentially smoothed matrices, which begin anew at every cut.

        M̄_t = a M_t + (1 - a) M̄_{t-1},    a = 1 - exp(-Δt / τ)

    Δt is the real time between two frames, so that a variable frame rate changes nothing.

    Args:
        matrices: M of each frame, ``[T, ...]``.
        seconds: when each frame is shown, ``[T]``.
        cuts: first frames of new shots; each keeps its own M exactly, unless ``zero_phase``.
        time_constant: τ in seconds; at 0 nothing is smoothed.
        zero_phase: smooth forwards and then backwards, so that nothing comes late; needs the frames to come.

    Returns:
        float64 ``[T, ...]``.

    Raises:
        ValueError: a time constant below 0.
    """
    if not time_constant >= 0:
        raise ValueError(f"a time constant is 0 or more seconds, not {time_constant}")
    result = np.array(matrices, dtype=np.float64)
    if time_constant == 0:
        return result
    keep = np.exp(-np.diff(seconds) / time_constant)
    for shot in shots(len(result), cuts):
        frames = range(shot.start + 1, shot.stop)
        for frame in frames:
            result[frame] += keep[frame - 1] * (result[frame - 1] - result[frame])
        for frame in reversed(frames) if zero_phase else ():
            result[frame - 1] += keep[frame - 1] * (result[frame] - result[frame - 1])
    return result


def eased(limits: np.ndarray, seconds: np.ndarray, cuts: Sequence[int], span_s: float) -> np.ndarray:
    """Numbers that are nowhere above their limits and change slowly within shots.

    The least limit within ``span_s`` of a frame, and then the mean of these within ``span_s``.

    Args:
        limits: of each frame, ``[T]``.
        seconds: when each frame is shown, ``[T]``.
        cuts: first frames of new shots.
        span_s: in seconds, by the mean rate of a shot; 0: the limits themselves.
    """
    shots = []
    for shot, times in zip(np.split(limits, cuts), np.split(seconds, cuts), strict=True):
        lasts = times[-1] - times[0]
        reach = min(round(span_s * (len(shot) - 1) / lasts), len(shot)) if lasts > 0 else 0
        least = _windows(shot, reach).min(axis=1)
        shots.append(np.minimum(_windows(least, reach).mean(axis=1), shot))
    return np.concatenate(shots)


def _windows(values: np.ndarray, reach: int) -> np.ndarray:
    """Each value with so many before and after it, the first and the last repeated: ``[T, 2 reach + 1]``."""
    return np.lib.stride_tricks.sliding_window_view(np.pad(values, reach, mode="edge"), 2 * reach + 1)


def jitter(matrices: np.ndarray, cuts: Sequence[int]) -> float:
    """Mean Frobenius norm of the step from frame to frame within shots, of ``[T, 3, F]``; 0 where there is none."""
    steps = [np.linalg.norm(np.diff(matrices[shot], axis=0), axis=(1, 2)) for shot in shots(len(matrices), cuts)]
    return _mean(np.concatenate(steps))


def mean_luma(image: np.ndarray) -> float:
    """Of a frame ``[h, w, 3]``, in the units of its values."""
    return float(image.mean(axis=(0, 1)) @ LUMA)


def luma_flicker(luma: np.ndarray, cuts: Sequence[int]) -> float:
    """Standard deviation of the second difference of the mean luma within shots, in levels of 255.

    Args:
        luma: mean of each frame, in [0, 1], ``[T]``.
        cuts: first frames of new shots.
    """
    bends = np.concatenate([np.diff(luma[shot], n=2) for shot in shots(len(luma), cuts)])
    return float(255 * bends.std()) if len(bends) else 0.0


def lag_after_cuts(matrices: np.ndarray, smooth: np.ndarray, cuts: Sequence[int]) -> int:
    """Most frames after a cut that are still nearer to the last map of the old shot than to their own.

    Args:
        matrices: of each frame by itself, ``[T, 3, F]``.
        smooth: those that are used, ``[T, 3, F]``.
        cuts: first frames of new shots.
    """
    lags = [0]
    for shot in shots(len(matrices), cuts):
        if shot.start:
            to_own_frame = np.linalg.norm(smooth[shot] - matrices[shot], axis=(1, 2))
            to_old_shot = np.linalg.norm(smooth[shot] - smooth[shot.start - 1], axis=(1, 2))
            arrived = to_own_frame <= to_old_shot
            lags.append(int(arrived.argmax()) if arrived.any() else len(arrived))
    return max(lags)


def _changes(histograms: np.ndarray) -> tuple[list[int], list[int]]:
    """Cuts and flashes."""
    changed = [int(frame) + 1 for frame in np.flatnonzero(distance(histograms[1:], histograms[:-1]) > CUT_DISTANCE)]
    new_shots: list[int] = []
    interruptions: list[int] = []
    resumed = 0
    for place, frame in enumerate(changed):
        if frame <= resumed:
            continue
        for later in changed[place + 1 : place + 1 + LONGEST_FLASH]:
            as_before = distance(histograms[later], histograms[frame - 1]) <= CUT_DISTANCE
            if later - frame <= LONGEST_FLASH and as_before:
                interruptions += range(frame, later)
                resumed = later
                break
        else:
            new_shots.append(frame)
    return new_shots, interruptions


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else 0.0
