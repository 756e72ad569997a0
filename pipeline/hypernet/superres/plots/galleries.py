"""Boards of digits: beside the true ones, on other grids, between two, taken for others, and of another collection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from hypernet.superres.plots.tiles import Row, Tile, board, grey, heat

# Pixels of a tile: multiples of 32, so that all pixels of an image are equally large.
SIDE, SMALL_SIDE = 128, 96
# The largest grid's pixels are the picture's.
LARGE_SIDE = 256


@dataclass(frozen=True, eq=False)
class Example:
    """An image that no training saw.

    Attributes:
        name: its class.
        low: the small image, ``[h, w]`` in [0, 1].
        high: the true one, ``[32, 32]``.
    """

    name: str
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True, eq=False)
class Made:
    """What a method made of some small images.

    Attributes:
        title: its name.
        images: ``[n, 32, 32]`` in [0, 1].
        notes: words below each.
    """

    title: str
    images: np.ndarray
    notes: Sequence[str]


def draw_gallery(examples: Sequence[Example], made: Sequence[Made], where: str) -> Figure:
    """Small image, what each method makes of it, true image; below each method's its distance from the true one.

    Args:
        examples: the digits, a pair of rows for each.
        made: by method, of all examples.
        where: the data set's name.
    """
    rows: list[Row] = []
    for number, example in enumerate(examples):
        images = [example.low, *(method.images[number] for method in made), example.high]
        errors = [
            Tile(heat(np.abs(method.images[number] - example.high), SIDE), method.notes[number]) for method in made
        ]
        rows += [
            Row(example.name, [Tile(grey(image, SIDE)) for image in images]),
            Row("|error|", [Tile(), *errors, Tile()], follows=True),
        ]
    return board(
        rows,
        SIDE,
        title=f"{where}: held-out images, {_size(examples[0].low)} to {_size(examples[0].high)}",
        column_names=["Small image", *(method.title for method in made), "True image"],
        foot="The first held-out images of different classes, not chosen. Below each its PSNR, of these pixels. The "
        "small image is the true one's area means.",
        apart=(1, 1 + len(made)),
        bar="|made - true|, grey levels (0 to 1)",
    )


def draw_sizes(
    example: Example,
    sampled: Mapping[str, Sequence[np.ndarray]],
    true: Sequence[np.ndarray | None],
    sizes: Sequence[int],
    where: str,
) -> Figure:
    """The functions of one digit on several grids, and what is known of the truth on each.

    Args:
        example: the digit.
        sampled: by the method's name, an image for each of ``sizes``.
        true: likewise; None where it is not known.
        sizes: rows and columns of the grids.
        where: the data set's name.
    """
    rows: list[Row] = []
    for title, images in sampled.items():
        # Once is enough.
        given = Tile(None if rows else grey(example.low, LARGE_SIDE))
        rows.append(Row(title, [given, *(Tile(grey(image, LARGE_SIDE)) for image in images)]))
    known = [Tile(note="not known") if image is None else Tile(grey(image, LARGE_SIDE)) for image in true]
    rows.append(Row("True image, its area means", [Tile(), *known]))
    return board(
        rows,
        LARGE_SIDE,
        title=f"{where}: one held-out image ({example.name}) as a function, sampled on grids of several sizes",
        column_names=[f"Small image, {_size(example.low)}", *(f"sampled at {size} × {size}" for size in sizes)],
        foot="Looked at once, sampled six times: values at the centres of the pixels, no means over their areas. Every "
        f"pixel is shown as a block. Trained on {_size(example.high)} alone.",
        apart=(1,),
    )


@dataclass(frozen=True, eq=False)
class Strip:
    """A way from one digit to another.

    Attributes:
        name: what is mixed.
        images: for every share of the second digit, ``[n, 32, 32]``.
        notes: words below each.
    """

    name: str
    images: np.ndarray
    notes: Sequence[str]


def draw_interpolation(
    ways: Sequence[tuple[Example, Example, Sequence[Strip]]], shares: Sequence[float], title: str, foot: str
) -> Figure:
    """From one digit to another, a row of images for each way between them.

    Args:
        ways: pairs of digits, and the ways between them.
        shares: of the second digit, 0 to 1.
        title: above the picture.
        foot: below it.
    """
    rows = []
    for first, last, strips in ways:
        for number, strip in enumerate(strips):
            pairs = zip(strip.images, strip.notes, strict=True)
            ends = [Tile(grey(end.high, SIDE) if number == 0 else None) for end in (first, last)]
            mixed = [Tile(grey(image, SIDE), note) for image, note in pairs]
            rows.append(Row(strip.name, [ends[0], *mixed, ends[1]], follows=number > 0))
    return board(
        rows,
        SIDE,
        title=title,
        column_names=["True image", *(f"t = {share:g}" for share in shares), "True image"],
        foot=foot,
        apart=(1, 1 + len(shares)),
    )


def draw_changed(cases: Sequence[tuple[Example, np.ndarray, str]], across: int, title: str, foot: str) -> Figure:
    """Small image, enlarged one and true one of digits that became others.

    Args:
        cases: digits, what was made of them, and words below.
        across: cases in a row.
        title: above the picture.
        foot: below it.
    """
    rows = []
    for first in range(0, len(cases), across):
        tiles = []
        for example, image, note in cases[first : first + across]:
            tiles += [
                Tile(grey(example.low, SMALL_SIDE)),
                Tile(grey(image, SMALL_SIDE), note),
                Tile(grey(example.high, SMALL_SIDE)),
            ]
        rows.append(Row("", tiles))
    most = min(across, len(cases))
    return board(
        rows,
        SMALL_SIDE,
        title=title,
        column_names=["small", "enlarged", "true"] * most,
        foot=foot,
        apart=range(3, 3 * most, 3),
    )


def draw_elsewhere(
    names: Sequence[str], looks: Mapping[str, tuple[np.ndarray, Sequence[Made]]], title: str, foot: str
) -> Figure:
    """Digits of another collection, a column for each.

    Args:
        names: of their classes.
        looks: small images ``[n, h, w]`` and what each method makes of them, by what was done to them before.
        title: above the picture.
        foot: below it.
    """
    rows = []
    for look, (small, made) in looks.items():
        rows.append(Row(f"Small image, {look}", [Tile(grey(image, SIDE)) for image in small]))
        for method in made:
            pairs = zip(method.images, method.notes, strict=True)
            rows.append(Row(method.title, [Tile(grey(image, SIDE), note) for image, note in pairs], follows=True))
    return board(rows, SIDE, title=title, column_names=[f"a {name}" for name in names], foot=foot)


def _size(image: np.ndarray) -> str:
    rows, columns = image.shape
    return f"{rows} × {columns}"
