"""Boards of photographs: beside the wanted ones, at several strengths, the worst, clamped pixels, and plates."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from hypernet.lab.results.figures import COLOURS
from hypernet.retouch.core.colour_map import LUMA
from hypernet.retouch.core.metrics import rounded
from hypernet.retouch.plots.tiles import Row, Tile, board, fitted

# Pixels of all photographs of a board together, which bound its file, and of a row of them.
PIXELS, ACROSS = 640_000, 1120
# Most photographs of an example in a line.
IN_A_LINE = 6
# A photograph's usual shape, and the widest that it is shown.
SHAPE, WIDEST = 1.5, 288
# Clamped channels are told as they are counted (core.metrics); above, below, and both.
MARGIN = 0.5 / 255
TOO_BRIGHT, TOO_DARK, BOTH = COLOURS[4], COLOURS[0], COLOURS[7]
# Of the light of a picture that is only to be recognised below a mask.
PALE = 0.45


@dataclass(frozen=True, eq=False)
class Example:
    """A pair that no training saw.

    Attributes:
        name: of the pair.
        given: the input, uint8 ``[H, W, 3]``.
        wanted: the target, likewise.
    """

    name: str
    given: np.ndarray
    wanted: np.ndarray


@dataclass(frozen=True, eq=False)
class Made:
    """What a method made of some inputs.

    Attributes:
        title: its name.
        pictures: of each input, uint8 ``[H, W, 3]``.
        notes: words below each.
    """

    title: str
    pictures: Sequence[np.ndarray]
    notes: Sequence[str]


def draw_gallery(examples: Sequence[Example], made: Sequence[Made], where: str) -> Figure:
    """Input, what each method makes of it, and target: a line of photographs for each example, or two.

    Args:
        examples: the pairs.
        made: by method, of all examples.
        where: the data set's name.
    """
    shown = len(made) + 2
    across = shown if shown <= IN_A_LINE else math.ceil(shown / 2)
    box = _box(across, shown * len(examples))
    rows = []
    for number, example in enumerate(examples):
        tiles = [Tile(fitted(example.given, *box), "Input")]
        tiles += [
            Tile(fitted(method.pictures[number], *box), f"{method.title}\n{method.notes[number]}") for method in made
        ]
        tiles.append(Tile(fitted(example.wanted, *box), "Target"))
        rows += [
            Row("" if first else example.name, tiles[first : first + across], follows=first > 0)
            for first in range(0, len(tiles), across)
        ]
    return board(
        rows,
        title=f"{where}: held-out photographs retouched",
        foot="The first pair of each held-out photograph, not chosen. Below each: PSNR against the target, of the "
        "whole image; shown are means over areas.",
    )


def draw_strength(example: Example, strengths: Mapping[float, tuple[np.ndarray, str]], where: str) -> Figure:
    """A photograph at several strengths of its colour map.

    Args:
        example: the pair.
        strengths: the picture and words below it, by strength.
        where: the data set's name, and the method's.
    """
    across = math.ceil((len(strengths) + 1) / 2)
    box = _box(across, 2 * across)
    words = {0.0: " (input)", 1.0: " (the model's)"}
    tiles = [
        Tile(fitted(picture, *box), f"a = {strength:g}{words.get(strength, '')}\n{note}")
        for strength, (picture, note) in strengths.items()
    ]
    tiles.append(Tile(fitted(example.wanted, *box), "Target"))
    rows = [Row("", tiles[first : first + across], follows=first > 0) for first in range(0, len(tiles), across)]
    return board(
        rows,
        title=f"{where}: strength a",
        foot="Every pixel is (1 - a) times the input's plus a times the model's: one matrix, (1 - a) I + a M. Below "
        "each: PSNR against the target. The first held-out pair, not chosen.",
    )


def draw_worst(cases: Sequence[tuple[Example, np.ndarray, str]], title: str) -> Figure:
    """Input, result and target of single pairs, two cases in a row.

    Args:
        cases: pairs, what was made of them, and words below.
        title: above the picture.
    """
    across = min(2, len(cases))
    box = _box(3 * across, 3 * len(cases))
    rows = []
    for first in range(0, len(cases), across):
        tiles = []
        for example, picture, note in cases[first : first + across]:
            tiles += [
                Tile(fitted(example.given, *box), example.name),
                Tile(fitted(picture, *box), note),
                Tile(fitted(example.wanted, *box)),
            ]
        rows.append(Row("", tiles))
    return board(
        rows,
        title=title,
        column_names=["Input", "Retouched", "Target"] * across,
        foot="The lowest PSNR first, from left to right and from top to bottom, among all held-out pairs.",
        apart=range(3, 3 * across, 3),
    )


def draw_clipped(example: Example, made: Mapping[str, np.ndarray], notes: Sequence[str], where: str) -> Figure:
    """Where channels left [0, 1], over what each method made of a photograph.

    Args:
        example: the pair.
        made: float ``[H, W, 3]``, not clamped, by the method's name.
        notes: words below the mask of each.
        where: the data set's name.
    """
    across = min(4, len(made))
    box = _box(across, 2 * len(made))
    pairs = list(zip(made.items(), notes, strict=True))
    rows = []
    for first in range(0, len(pairs), across):
        piece = pairs[first : first + across]
        rows += [
            Row("made", [Tile(fitted(rounded(colours), *box), title) for (title, colours), _ in piece]),
            Row("clamped", [Tile(fitted(mask(colours), *box), note) for (_, colours), note in piece], follows=True),
        ]
    return board(
        rows,
        title=f"{where}: clamped pixels of {example.name}",
        foot="Orange: a channel above 1 (burnt out). Blue: a channel below 0 (blocked up). Black: both in a pixel. "
        "Shares are of channel values; the pair is the held-out one with the largest share for the hypernetwork.",
    )


def mask(colours: np.ndarray) -> np.ndarray:
    """A pale grey picture with its clamped pixels in colours.

    Args:
        colours: float ``[H, W, 3]``, not clamped.

    Returns:
        uint8 ``[H, W, 3]``.
    """
    grey = 1 - PALE * (1 - np.clip(colours, 0, 1) @ LUMA)
    picture = np.repeat(grey[..., None], 3, axis=2)
    bright, dark = (colours > 1 + MARGIN).any(axis=2), (colours < -MARGIN).any(axis=2)
    for where, colour in ((bright, TOO_BRIGHT), (dark, TOO_DARK), (bright & dark, BOTH)):
        picture[where] = to_rgb(colour)
    return rounded(picture)


def draw_plates(
    separations: Mapping[str, np.ndarray], pictures: Mapping[str, np.ndarray], title: str, foot: str
) -> Figure:
    """The three plates of a scan and what becomes of them.

    Args:
        separations: grey, uint8 ``[h, w]``, by filter, from top to bottom of the scan.
        pictures: in colour, uint8 ``[h, w, 3]``, by what has been done.
        title: above the picture.
        foot: below it.
    """
    box = _box(3, 6)
    filters = {"R": "red", "G": "green", "B": "blue"}
    thirds = zip(("upper", "middle", "lower"), separations.items(), strict=True)
    above = [
        Tile(fitted(np.repeat(plate[..., None], 3, axis=2), *box), f"{third} third of the scan: {filters[name]} filter")
        for third, (name, plate) in thirds
    ]
    below = [Tile(fitted(picture, *box), name) for name, picture in pictures.items()]
    return board([Row("", above), Row("", below)], title=title, foot=foot)


def _box(across: int, tiles: int) -> tuple[int, int]:
    """Width and height that photographs of a board get, so many in a row and in all."""
    width = int(min(WIDEST, ACROSS / across, math.sqrt(SHAPE * PIXELS / tiles)))
    return width, round(width / SHAPE)
