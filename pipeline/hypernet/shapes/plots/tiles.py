"""Small pictures of objects, and boards of them: rows and columns of tiles with words beside, above and below."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from hypernet.lab.libraries import library
from hypernet.shapes.core.cameras import Camera
from hypernet.shapes.core.decoder import Field
from hypernet.shapes.core.extraction import EmptyFieldError, extract
from hypernet.shapes.core.frames import PADDING, RESOLUTION, centres
from hypernet.shapes.core.polytopes import Solid
from hypernet.shapes.core.rendering import Scene
from hypernet.shapes.core.solids import Mesh
from hypernet.shapes.core.voxel_field import trilinear

# Colours of surfaces: what is true is grey.
TRUE, WRITTEN = (0.66, 0.66, 0.66), (0.36, 0.60, 0.85)
# Cells along a side of the cube at whose centres voxels have theirs, and all of them are looked at.
VOXEL_CELLS = RESOLUTION + 2 * PADDING
# Cells along a side of the cube from which surfaces are extracted, and of the first grid that looks for them.
CELLS, START = 60, 24
# Pixels of a board for one inch, and of a line of its small letters.
DENSITY = 150
LINE, GAP, EDGE = 28, 8, 12
SMALL, HEADING = 8, 9
# Pixels that a small letter takes at most, on average.
LETTER = 9.6
EMPTY = "empty"


@dataclass(frozen=True, eq=False)
class Example:
    """An object that no training saw.

    Attributes:
        class_name: its class.
        image: what the methods are given, RGBA uint8 ``[S, S, 4]``.
        camera: where the image was taken from, with all of the cube in sight.
        voxels: of the evaluation grid, bool ``[32, 32, 32]``.
        solid: the object itself, where it is generated.
    """

    class_name: str
    image: np.ndarray
    camera: Camera
    voxels: np.ndarray
    solid: Solid | None = None

    @cached_property
    def mesh(self) -> Mesh | None:
        """The true surface; where only voxels are known, the one between them."""
        return self.solid.union() if self.solid is not None else surface_of_voxels(self.voxels)

    def inside(self, points: np.ndarray) -> np.ndarray:
        """How much inside the object points ``[n, 3]`` are: positive inside."""
        if self.solid is not None:
            return self.solid.inside(points).astype(np.float32) - 0.5
        return trilinear(self.voxels - np.float32(0.5))(points)


@dataclass(frozen=True, eq=False)
class Tile:
    """A square picture and the words below it, or above it.

    Attributes:
        picture: RGB uint8 ``[s, s, 3]``; None leaves the place free.
        note: one short line.
    """

    picture: np.ndarray | None = field(default=None)
    note: str = ""


def surface_of(shape: Field, cells: int = CELLS) -> Mesh | None:
    """The surface of a field at ``cells`` along a side of the cube; None where there is none."""
    try:
        return extract(shape, cells, start=min(START, cells))
    except EmptyFieldError:
        return None


def surface_of_voxels(occupied: np.ndarray) -> Mesh | None:
    """The surface half way between the centres of filled and of empty voxels of the inner cube, ``[r, r, r]``."""
    if not occupied.any():
        return None
    # An empty layer around the box of the filled voxels: the surface closes.
    sides = [np.flatnonzero(occupied.any(axis=tuple({0, 1, 2} - {axis}))) for axis in range(3)]
    box = np.pad(occupied[tuple(slice(side[0], side[-1] + 1) for side in sides)], 1).astype(np.float32)
    measure = library("skimage.measure", "scikit-image", "shapes")
    vertices, triangles, _, _ = measure.marching_cubes(box, level=0.5, gradient_direction="ascent")
    first, second = centres(len(occupied))[:2]
    corner = np.array([side[0] - 1 for side in sides])
    return Mesh(first + (vertices.astype(np.float64) + corner) * (second - first), triangles.astype(np.int64))


def view(mesh: Mesh | None, camera: Camera, size: int, colour: tuple[float, float, float] = WRITTEN) -> np.ndarray:
    """A surface from a camera on a white ground, RGB uint8 ``[size, size, 3]``; white where there is no surface."""
    if mesh is None:
        return np.full((size, size, 3), 255, dtype=np.uint8)
    return on_white(Scene(mesh.vertices, mesh.triangles, np.array(colour)).render(camera, size))


def scored_tile(shape: Field, score: float, cells: int, camera: Camera, size: int) -> Tile:
    """What a method made, its surface at ``cells`` along a side of the cube, with its IoU in % below."""
    mesh = surface_of(shape, cells)
    return Tile(view(mesh, camera, size), f"{'IoU' if mesh is not None else EMPTY} {score:.0f} %")


def photograph(image: np.ndarray, size: int) -> np.ndarray:
    """An image RGBA ``[S, S, 4]`` on a white ground, at another size, its pixels as they are."""
    place = np.arange(size) * image.shape[0] // size
    return on_white(image[place][:, place])


def dots(points: np.ndarray, camera: Camera, size: int) -> np.ndarray:
    """Points ``[n, 3]`` from a camera as small squares, those behind paler, RGB uint8 ``[size, size, 3]``."""
    points = np.asarray(points, dtype=np.float64)
    depth = np.linalg.norm(points - np.asarray(camera.eye), axis=1)
    span = max(float(np.ptp(depth)), 1e-9)
    places = camera.project(points, size, size)
    picture = np.full((size, size, 3), 255, dtype=np.uint8)
    width = max(2, size // 64)
    for number in np.argsort(depth)[::-1]:
        if np.isfinite(places[number]).all():
            column, row = (max(0, int(place - width / 2)) for place in places[number])
            shade = 0.55 * (depth[number] - depth.min()) / span
            picture[row : row + width, column : column + width] = np.round(
                255 * (np.array(WRITTEN) * (1 - shade) + shade)
            )
    return picture


def on_white(pixels: np.ndarray) -> np.ndarray:
    """RGBA uint8 ``[..., 4]`` on a white ground, RGB uint8 ``[..., 3]``."""
    share = pixels[..., 3:].astype(np.float32) / 255
    mixed: np.ndarray = np.round(pixels[..., :3] * share + 255 * (1 - share)).astype(np.uint8)
    return mixed


def grey(values: np.ndarray, size: int) -> np.ndarray:
    """Numbers in [0, 1], ``[S, S]``, as grey levels, 1 black, RGB uint8 ``[size, size, 3]``."""
    place = np.arange(size) * values.shape[0] // size
    level = np.round(255 * (1 - np.clip(values[place][:, place], 0, 1))).astype(np.uint8)
    return np.repeat(level[..., None], 3, axis=2)


def board(
    rows: Sequence[Sequence[Tile]],
    size: int,
    *,
    title: str,
    row_names: Sequence[str],
    column_names: Sequence[str],
    foot: str = "",
    apart: Sequence[int] = (),
    notes_above: bool = False,
) -> Figure:
    """Tiles in rows and columns.

    The tiles are one image in the picture's only axes, in whose coordinates a pixel is 1/150 inch: hundreds of axes
    would take half a minute to lay out.

    Args:
        rows: tiles, each ``size`` pixels wide.
        size: pixels of a tile's side.
        title: above all.
        row_names: on the left.
        column_names: above the first row; two lines at most.
        foot: below all.
        apart: columns before which there is a wider gap.
        notes_above: the words of tiles stand above them.
    """
    columns = max(len(row) for row in rows)
    letters = max(10, min(24, max(len(name) for name in row_names)))
    names = [textwrap.fill(name, letters, break_long_words=False) for name in row_names]
    left = EDGE + round(LETTER * 1.12 * max(len(line) for name in names for line in name.split("\n"))) + GAP
    headings = [textwrap.fill(name, max(8, round(size / LETTER)), break_long_words=False) for name in column_names]
    lines = max((heading.count("\n") + 1 for heading in headings), default=0)
    noted = any(tile.note for row in rows for tile in row)
    pitch = size + GAP + (LINE if noted else 0)
    starts = [
        left + column * (size + GAP) + 3 * GAP * sum(column >= place for place in apart) for column in range(columns)
    ]
    width = starts[-1] + size + EDGE
    wrapped = textwrap.wrap(foot, round((width - 2 * EDGE) / LETTER))
    heads = textwrap.wrap(title, round((width - 2 * EDGE) / (1.3 * LETTER)))
    top = EDGE + 34 * len(heads) + 6 + (LINE + 2) * lines + 4
    height = top + len(rows) * pitch + (LINE + 2) * len(wrapped) + EDGE
    canvas = np.full((height, width, 3), 255, dtype=np.uint8)
    figure = plt.figure(figsize=(width / DENSITY, height / DENSITY), layout="none")
    axes = figure.add_axes((0, 0, 1, 1))
    for number, row in enumerate(rows):
        above = top + number * pitch + (LINE if noted and notes_above else 0)
        axes.text(EDGE, above + size / 2, names[number], fontsize=HEADING, va="center")
        for tile, start in zip(row, starts, strict=False):
            if tile.picture is not None:
                canvas[above : above + size, start : start + size] = tile.picture
            if tile.note:
                place, side = (above - 5, "bottom") if notes_above else (above + size + 5, "top")
                axes.text(start + size / 2, place, tile.note, fontsize=SMALL, ha="center", va=side)
    for heading, start in zip(headings, starts, strict=False):
        axes.text(start + size / 2, top - 6, heading, fontsize=SMALL, ha="center", va="bottom")
    axes.text(width / 2, EDGE, "\n".join(heads), fontsize=11, ha="center", va="top")
    axes.text(EDGE, height - EDGE, "\n".join(wrapped), fontsize=SMALL, va="bottom", color="0.3")
    axes.imshow(canvas, extent=(0, width, height, 0), interpolation="nearest", aspect="auto")
    axes.set_axis_off()
    return figure
