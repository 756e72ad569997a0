"""Boards of photographs: rows and columns of pictures with words beside, above and below."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

# Pixels of a board for one inch, and of a line of its small letters.
DENSITY = 150
LINE, GAP, EDGE = 28, 8, 14
SMALL, HEADING = 8, 9
# Pixels that a small letter takes at most, on average.
LETTER = 9.6
# Most letters of a line beside a row, and of a name.
BESIDE, LONGEST = 14, 28


@dataclass(frozen=True, eq=False)
class Tile:
    """A picture and the words below it.

    Attributes:
        picture: RGB uint8 ``[h, w, 3]``; None leaves the place free.
        note: short lines, which are broken where the column is narrower.
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


def fitted(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    """A picture brought into a box: a larger one by means over areas, a much smaller one as equal blocks of pixels.

    Args:
        pixels: uint8 ``[H, W, 3]``.
        width: of the box.
        height: of the box.
    """
    rows, columns = pixels.shape[:2]
    scale = min(width / columns, height / rows)
    if scale >= 1:
        return pixels.repeat(int(scale), axis=0).repeat(int(scale), axis=1)
    size = (max(1, round(scale * columns)), max(1, round(scale * rows)))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX))


def board(
    rows: Sequence[Row],
    *,
    title: str,
    foot: str,
    column_names: Sequence[str] = (),
    apart: Iterable[int] = (),
    room: int = 0,
) -> Figure:
    """Tiles in rows and columns; each column is as wide as its widest tile.

    The tiles are one image in the picture's only large axes, in whose coordinates a pixel is 1/150 inch: as many axes
    as tiles would take seconds to lay out.

    Args:
        rows: of tiles, pixel for pixel.
        title: above all.
        foot: below all.
        column_names: above the first row.
        apart: columns before which there is a wider gap.
        room: height in pixels of the second axes, which are left free below the rows; without, there are none.
    """
    widths = [_widest(row.tiles[column] for row in rows if column < len(row.tiles)) for column in range(_columns(rows))]
    names = [textwrap.fill(short(row.name), BESIDE, break_on_hyphens=False) for row in rows]
    letters = max(len(line) for name in names for line in name.split("\n"))
    left = EDGE + (round(1.12 * LETTER * letters) + 2 * GAP if letters else 0)
    starts = [
        left + sum(widths[:column]) + GAP * column + 3 * GAP * sum(column >= place for place in apart)
        for column in range(len(widths))
    ]
    width = starts[-1] + widths[-1] + EDGE
    notes = [[_wrapped(tile.note, wide) for tile, wide in zip(row.tiles, widths, strict=False)] for row in rows]
    headings = [_wrapped(name, wide) for name, wide in zip(column_names, widths, strict=False)]
    titles = textwrap.wrap(title, round((width - 2 * EDGE) / (1.3 * LETTER)))
    feet = textwrap.wrap(foot, round((width - 2 * EDGE) / (0.9 * LETTER)))
    top = EDGE + 34 * len(titles) + 8 + LINE * max((heading.count("\n") + 1 for heading in headings), default=0) + 6
    tops, bottom = _heights(rows, notes, top)
    height = bottom + (room + 2 * GAP if room else 0) + GAP + LINE * len(feet) + EDGE
    canvas = np.full((height, width, 3), 255, dtype=np.uint8)
    figure = plt.figure(figsize=(width / DENSITY, height / DENSITY), layout="none")
    axes = figure.add_axes((0, 0, 1, 1))
    for row, name, words, above in zip(rows, names, notes, tops, strict=True):
        tall = _tallest(row)
        axes.text(EDGE, above + tall / 2, name, fontsize=HEADING, va="center")
        for tile, note, start, wide in zip(row.tiles, words, starts, widths, strict=False):
            if tile.picture is not None:
                rows_of, columns_of = tile.picture.shape[:2]
                # In the middle of its column, with its foot on the words.
                upper, first = above + tall - rows_of, start + (wide - columns_of) // 2
                canvas[upper : upper + rows_of, first : first + columns_of] = tile.picture
            axes.text(start + wide / 2, above + tall + 4, note, fontsize=SMALL, ha="center", va="top")
    for heading, start, wide in zip(headings, starts, widths, strict=False):
        axes.text(start + wide / 2, top - 8, heading, fontsize=SMALL, ha="center", va="bottom")
    axes.text(width / 2, EDGE, "\n".join(titles), fontsize=11, ha="center", va="top")
    axes.text(EDGE, height - EDGE, "\n".join(feet), fontsize=SMALL, va="bottom", color="0.3")
    axes.imshow(canvas, extent=(0, width, height, 0), interpolation="none", aspect="auto")
    axes.set_axis_off()
    if room:
        below = (height - bottom - GAP - room) / height
        figure.add_axes((left / width, below, (width - left - EDGE) / width, room / height))
    return figure


def short(name: str) -> str:
    """A name of a photograph that a line has room for."""
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"


def _wrapped(words: str, width: int) -> str:
    letters = max(6, round(width / LETTER))
    return "\n".join(textwrap.fill(line, letters, break_on_hyphens=False) for line in words.split("\n"))


def _columns(rows: Sequence[Row]) -> int:
    return max(len(row.tiles) for row in rows)


def _widest(tiles: Iterable[Tile]) -> int:
    return max((tile.picture.shape[1] for tile in tiles if tile.picture is not None), default=0)


def _tallest(row: Row) -> int:
    return max((tile.picture.shape[0] for tile in row.tiles if tile.picture is not None), default=0)


def _heights(rows: Sequence[Row], notes: Sequence[Sequence[str]], top: int) -> tuple[list[int], int]:
    """Where each row begins, and where the last with its words ends, in pixels from above."""
    tops: list[int] = []
    bottom = top
    for row, words in zip(rows, notes, strict=True):
        if tops:
            bottom += GAP if row.follows else 3 * GAP
        tops.append(bottom)
        bottom += _tallest(row) + LINE * max((note.count("\n") + 1 for note in words if note), default=0)
    return tops, bottom
