"""A film: moments of it side by side, and the numbers of its colour maps from frame to frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hypernet.lab.results.figures import COLOURS
from hypernet.retouch.core.colour_map import MONOMIALS, ColourMap
from hypernet.retouch.core.sequences import shots
from hypernet.retouch.plots.maps import monomial
from hypernet.retouch.plots.tiles import SMALL, Row, Tile, board

# Pixels of the chart, and entries of M whose way is drawn.
ROOM, ENTRIES = 430, 4
FRAME_BY_FRAME: dict[str, Any] = {"lw": 0.8, "ls": ":", "marker": ".", "ms": 4}
SMOOTHED: dict[str, Any] = {"lw": 1.8}
# Shares of a shot at which its frames are shown.
MOMENTS = (0.0, 0.5, 1.0)
_COLOURS = (COLOURS[0], COLOURS[4], COLOURS[2], COLOURS[3])


def moments(frames: int, cuts: Sequence[int]) -> list[int]:
    """The first, the middle and the last frame of each shot."""
    return [
        shot.start + round(share * (shot.stop - 1 - shot.start)) for shot in shots(frames, cuts) for share in MOMENTS
    ]


def draw_film(
    pictures: Mapping[str, Sequence[np.ndarray]],
    shown: Sequence[int],
    matrices: np.ndarray,
    smooth: np.ndarray,
    cuts: Sequence[int],
    seconds: np.ndarray,
    basis: str,
    title: str,
    foot: str,
) -> Figure:
    """Frames at some moments, and below them the livelier entries of M and its steps, before and after smoothing.

    Args:
        pictures: uint8 ``[h, w, 3]`` at each moment, by what has been done.
        shown: frames of the moments.
        matrices: M of each frame by itself, ``[T, 3, F]``.
        smooth: those that are used, ``[T, 3, F]``.
        cuts: first frames of new shots.
        seconds: when each frame is shown, ``[T]``.
        basis: of the maps.
        title: above the picture.
        foot: below it.
    """
    rows = [Row(name, [Tile(picture) for picture in frames], follows=True) for name, frames in pictures.items()]
    times = [f"frame {frame}, {seconds[frame]:.2f} s" for frame in shown]
    apart = [sum(frame < cut for frame in shown) for cut in cuts]
    figure = board(rows, title=title, foot=foot, column_names=times, apart=apart, room=ROOM)
    place = figure.axes[1].get_position()
    figure.axes[1].remove()
    # Beside each other over a common legend.
    lowest, high = place.y0 + 0.29 * place.height, 0.66 * place.height
    left = figure.add_axes((place.x0 + 0.02, lowest, 0.5 * place.width, high))
    right = figure.add_axes((place.x0 + 0.64 * place.width, lowest, 0.36 * place.width, high))
    entries, start = _liveliest(matrices, cuts), ColourMap.identity(basis).matrix
    for shot in shots(len(matrices), cuts):
        for (row, column), colour in zip(entries, _COLOURS, strict=False):
            for values, look in ((matrices, FRAME_BY_FRAME), (smooth, SMOOTHED)):
                left.plot(seconds[shot], values[shot, row, column] - start[row, column], color=colour, **look)
        for values, look in ((matrices, FRAME_BY_FRAME), (smooth, SMOOTHED)):
            steps = np.linalg.norm(np.diff(values[shot], axis=0), axis=(1, 2))
            right.plot(seconds[shot][1:], steps, color="0.3", **look)
    for axes, name in ((left, "Entry of M - I"), (right, "Step of M (Frobenius norm)")):
        for cut in cuts:
            axes.axvline(seconds[cut - 1 : cut + 1].mean(), color="0.3", ls="--", lw=1)
        axes.set_xlim(seconds[0], seconds[-1])
        axes.set_xlabel("Time (s)", fontsize=SMALL)
        axes.set_ylabel(name, fontsize=SMALL)
        axes.tick_params(labelsize=SMALL)
    right.set_ylim(bottom=0)
    handles = [Line2D([], [], color=colour, lw=SMOOTHED["lw"]) for colour in _COLOURS[: len(entries)]]
    names = [f"{'RGB'[row]} from {monomial(MONOMIALS[basis][column])}" for row, column in entries]
    handles += [Line2D([], [], color="0.3", **look) for look in (FRAME_BY_FRAME, SMOOTHED)]
    handles.append(Line2D([], [], color="0.3", ls="--", lw=1))
    names += ["frame by frame", "smoothed: used", "cut"]
    middle = (place.x0 + place.width / 2, place.y0)
    figure.legend(handles, names, loc="lower center", bbox_to_anchor=middle, ncols=len(names), fontsize=SMALL)
    return figure


def _liveliest(matrices: np.ndarray, cuts: Sequence[int]) -> list[tuple[int, int]]:
    """The entries (row, column) whose steps from frame to frame are the largest, on average within shots."""
    steps = np.concatenate([np.abs(np.diff(matrices[shot], axis=0)) for shot in shots(len(matrices), cuts)])
    order = np.argsort(-steps.mean(axis=0), axis=None, kind="stable")[:ENTRIES]
    return [(int(place) // matrices.shape[2], int(place) % matrices.shape[2]) for place in order]
