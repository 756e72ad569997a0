"""Boards of small grey pictures: rows and columns of tiles with words beside, above and below."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure

# Equal steps of it look equally far apart, in grey too; black is no error.
ERROR_MAP = "magma"
# Pixels of a board for one inch, and of a line of its small letters.
DENSITY = 150
LINE, GAP, EDGE = 28, 8, 14
SMALL, HEADING = 8, 9
# Pixels that a small letter takes at most, on average.
LETTER = 9.6
# Pixels for the colour bar with its words.
BAR = 130


@dataclass(frozen=True, eq=False)
class Tile:
    """A square picture and the words below it.

    Attributes:
        picture: RGB uint8 ``[s, s, 3]``; None leaves the place free.
        note: short lines; of a free place they stand in its middle.
    """

    picture: np.ndarray | None = None
    note: str = ""


@dataclass(frozen=True, eq=False)
class Row:
    """Tiles side by side.

    Attributes:
        name: on the left.
        tiles: from left to right.
        follows: whether the row belongs to the one above it; others stand further apart.
    """

    name: str
    tiles: Sequence[Tile]
    follows: bool = False


def grey(values: np.ndarray, size: int) -> np.ndarray:
    """Grey levels in [0, 1], ``[h, w]``, 0 black, each pixel a block: RGB uint8 ``[size, size, 3]``."""
    level = np.round(255 * np.clip(values, 0, 1)).astype(np.uint8)
    return _in_blocks(np.repeat(level[..., None], 3, axis=2), size)


def heat(errors: np.ndarray, size: int) -> np.ndarray:
    """Differences of grey levels in [0, 1], ``[h, w]``, in colours: RGB uint8 ``[size, size, 3]``."""
    colours: np.ndarray = mpl.colormaps[ERROR_MAP](np.clip(errors, 0, 1), bytes=True)
    return _in_blocks(colours[..., :3], size)


def _in_blocks(pixels: np.ndarray, size: int) -> np.ndarray:
    rows, columns = (np.arange(size) * side // size for side in pixels.shape[:2])
    return pixels[rows][:, columns]


def board(
    rows: Sequence[Row],
    size: int,
    *,
    title: str,
    column_names: Sequence[str],
    foot: str,
    apart: Sequence[int] = (),
    bar: str = "",
) -> Figure:
    """Tiles in rows and columns.

    The tiles are one image in the picture's only large axes, in whose coordinates a pixel is 1/150 inch: hundreds of
    axes would take half a minute to lay out.

    Args:
        rows: of tiles that are ``size`` pixels wide.
        size: pixels of a tile's side.
        title: above all.
        column_names: above the first row.
        foot: below all.
        apart: columns before which there is a wider gap.
        bar: words beside the colour bar of errors; without, there is no bar.
    """
    columns = max(len(row.tiles) for row in rows)
    letters = max(8, min(22, max(len(row.name) for row in rows)))
    names = [textwrap.fill(row.name, letters, break_long_words=False) for row in rows]
    left = EDGE + round(1.12 * LETTER * max(len(line) for name in names for line in name.split("\n"))) + GAP
    headings = [textwrap.fill(name, max(8, round(size / LETTER)), break_long_words=False) for name in column_names]
    starts = [
        left + column * (size + GAP) + 3 * GAP * sum(column >= place for place in apart) for column in range(columns)
    ]
    width = starts[-1] + size + EDGE + (BAR if bar else 0)
    wrapped = textwrap.wrap(foot, round((width - 2 * EDGE) / LETTER))
    titles = textwrap.wrap(title, round((width - 2 * EDGE) / (1.3 * LETTER)))
    lines = max((heading.count("\n") + 1 for heading in headings), default=0)
    top = EDGE + 34 * len(titles) + 8 + LINE * lines + 6
    tops, bottom = _heights(rows, size, top)
    height = bottom + GAP + LINE * len(wrapped) + EDGE
    canvas = np.full((height, width, 3), 255, dtype=np.uint8)
    figure = plt.figure(figsize=(width / DENSITY, height / DENSITY), layout="none")
    axes = figure.add_axes((0, 0, 1, 1))
    for row, name, above in zip(rows, names, tops, strict=True):
        axes.text(EDGE, above + size / 2, name, fontsize=HEADING, va="center")
        for tile, start in zip(row.tiles, starts, strict=False):
            if tile.picture is not None:
                canvas[above : above + size, start : start + size] = tile.picture
            if tile.note and tile.picture is not None:
                axes.text(start + size / 2, above + size + 4, tile.note, fontsize=SMALL, ha="center", va="top")
            elif tile.note:
                middle = (start + size / 2, above + size / 2)
                axes.text(*middle, tile.note, fontsize=SMALL, ha="center", va="center", color="0.3")
    for heading, start in zip(headings, starts, strict=False):
        axes.text(start + size / 2, top - 8, heading, fontsize=SMALL, ha="center", va="bottom")
    axes.text(width / 2, EDGE, "\n".join(titles), fontsize=11, ha="center", va="top")
    axes.text(EDGE, height - EDGE, "\n".join(wrapped), fontsize=SMALL, va="bottom", color="0.3")
    axes.imshow(canvas, extent=(0, width, height, 0), interpolation="none", aspect="auto")
    axes.set_axis_off()
    if bar:
        # As long as three tiles, beside the first rows.
        long = min(3 * size, bottom - top)
        place = ((width - BAR) / width, 1 - (top + long) / height, 22 / width, long / height)
        scale = figure.colorbar(ScalarMappable(cmap=ERROR_MAP), cax=figure.add_axes(place))
        scale.set_label(bar, fontsize=SMALL)
        scale.ax.tick_params(labelsize=SMALL)
    return figure


def _heights(rows: Sequence[Row], size: int, top: int) -> tuple[list[int], int]:
    """Where each row begins, and where the last with its notes ends, in pixels from above."""
    tops, bottom = [], top
    for number, row in enumerate(rows):
        if number:
            bottom += GAP if row.follows else 2 * GAP
        tops.append(bottom)
        bottom += size + LINE * max((_lines(tile) for tile in row.tiles), default=0)
    return tops, bottom


def _lines(tile: Tile) -> int:
    """Lines of words below a tile."""
    return tile.note.count("\n") + 1 if tile.note and tile.picture is not None else 0
