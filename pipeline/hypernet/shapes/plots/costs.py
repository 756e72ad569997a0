"""What shapes cost: bytes and seconds of an object in several forms, and of one network at several resolutions."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from hypernet.lab.results import figures
from hypernet.shapes.core.cameras import Camera
from hypernet.shapes.core.decoder import Field
from hypernet.shapes.core.frames import INNER, centres
from hypernet.shapes.core.metrics import iou
from hypernet.shapes.core.polytopes import Solid
from hypernet.shapes.core.voxels import on_grid
from hypernet.shapes.plots.tiles import Example, dots, surface_of, surface_of_voxels, view

VIEW = 256
# Cells along a side of the cube for a view of a function.
VIEW_CELLS = 128
RESOLUTIONS = (16, 32, 64, 128)
COLUMNS = {
    "Bytes that all\nobjects share": 0.0,
    "Resolution": 0.19,
    "Topology": 0.36,
    "Training": 0.52,
    "A view of\n256 pixels": 0.68,
    "IoU from\none image": 0.83,
}


@dataclass(frozen=True, kw_only=True)
class Form:
    """One way to keep an object.

    Attributes:
        title: what is kept.
        each: bytes of an object.
        shared: bytes that are needed to turn any object's into a shape.
        resolution: what limits the detail.
        topology: whether holes and parts come out as they are.
        training: seconds of the training, for a form that a network gives.
        view: seconds to a view.
        iou: of what a method in this form makes of one image.
        colour: of the bar.
    """

    title: str
    each: float
    shared: int = 0
    resolution: str = "any"
    topology: str = "any"
    training: str
    view: float
    iou: str
    colour: str = "0.6"


def seconds(work: Callable[[], object]) -> float:
    """Processor seconds that one run of a function takes, of all threads."""
    start = time.process_time()
    work()
    return time.process_time() - start


def view_of_voxels(example: Example, resolution: int) -> tuple[int, float]:
    """Bytes of an object's voxels, a bit each, and seconds to a view of them.

    Args:
        example: the object.
        resolution: voxels along a side of the inner cube.
    """
    occupied = np.zeros((resolution,) * 3, dtype=bool)
    if example.mesh is not None:
        # Nothing is inside beyond the surface's box.
        axis, box = centres(resolution), example.mesh.bounds
        within = [np.flatnonzero((axis >= low) & (axis <= high)) for low, high in box.T]
        points = np.stack(np.meshgrid(*(axis[side].astype(np.float32) for side in within), indexing="ij"), axis=-1)
        occupied[np.ix_(*within)] = example.inside(points.reshape(-1, 3)).reshape(points.shape[:3]) > 0
    stored = np.packbits(occupied)

    def look() -> None:
        view(surface_of_voxels(np.unpackbits(stored).reshape(occupied.shape) > 0), example.camera, VIEW)

    return stored.nbytes, seconds(look)


def view_of_points(points: np.ndarray, camera: Camera) -> float:
    """Seconds to a view of points."""
    return seconds(lambda: dots(points, camera, VIEW))


def bytes_of_mesh(example: Example) -> int:
    """Bytes of the true surface: corners float32, triangles int32."""
    mesh = example.mesh
    return 0 if mesh is None else mesh.vertices.astype(np.float32).nbytes + mesh.triangles.astype(np.int32).nbytes


def view_of_mesh(example: Example) -> float:
    """Seconds to a view of the true surface."""
    mesh = example.mesh
    return seconds(lambda: view(mesh, example.camera, VIEW))


def view_of_field(make: Callable[[], Field], camera: Camera) -> float:
    """Seconds to make a function of what is kept and to view it: its surface is looked for at ``VIEW_CELLS``."""
    return seconds(lambda: view(surface_of(make(), VIEW_CELLS), camera, VIEW))


def draw_representations(forms: Sequence[Form], title: str, notes: str) -> Figure:
    """A table with bars: bytes of an object in each form, and what else there is to say of it."""
    figure, (bars, table) = plt.subplots(
        1, 2, figsize=(15.0, 0.62 * len(forms) + 2.2), width_ratios=(1, 1.75), sharey=True
    )
    rows = np.arange(len(forms))
    bars.barh(rows, [form.each for form in forms], height=0.6, color=[form.colour for form in forms])
    for row, form in zip(rows, forms, strict=True):
        bars.annotate(
            f"{form.each:,.0f}", (form.each, row), (4, 0), textcoords="offset points", va="center", fontsize=9
        )
    bars.set_xscale("log")
    bars.set_xlim(min(form.each for form in forms) / 3, 8 * max(form.each for form in forms))
    bars.set_xlabel("Bytes of one object (logarithmic)")
    bars.set_yticks(rows, [textwrap.fill(form.title, 34) for form in forms])
    bars.set_ylim(len(forms) - 0.5, -1.3)
    bars.grid(visible=False, axis="y")
    table.set_axis_off()
    for heading, x in COLUMNS.items():
        table.text(x, -0.85, heading, fontsize=10, fontweight="bold", va="center")
    for row, form in zip(rows, forms, strict=True):
        cells = (
            f"{form.shared:,.0f}" if form.shared else "none",
            form.resolution,
            form.topology,
            form.training,
            f"{form.view:.3f} s" if form.view < 0.1 else f"{form.view:.2f} s",
            form.iou,
        )
        for cell, x in zip(cells, COLUMNS.values(), strict=True):
            table.text(x, row, cell, fontsize=9.5, va="center")
        table.axhline(row - 0.5, color="0.85", lw=0.8)
    table.set_xlim(0, 1)
    figure.suptitle(title)
    figure.supxlabel(textwrap.fill(notes, 190), fontsize=9, color="0.3")
    return figure


@dataclass(frozen=True, eq=False)
class Asked:
    """One network at several resolutions.

    Attributes:
        title: of the object.
        scores: IoU in % at each of ``RESOLUTIONS``.
        every: processor seconds to ask it at every cell.
        near: processor seconds to extract its surface, where it is asked near the surface alone.
    """

    title: str
    scores: list[float]
    every: list[float]
    near: list[float]


def ask(title: str, shape: Field, solid: Solid) -> Asked:
    """Compare a function with the object itself, whose inside is known exactly, at several resolutions."""
    asked = Asked(title, [], [], [])
    for resolution in RESOLUTIONS:
        start = time.process_time()
        predicted = on_grid(shape, resolution) > 0
        asked.every.append(time.process_time() - start)
        true = on_grid(solid.inside, resolution)
        asked.scores.append(100 * float(iou(predicted, true)))
        # The same cells over the larger cube in which surfaces are looked for.
        cells = round(resolution / INNER)
        asked.near.append(seconds(lambda cells=cells: surface_of(shape, cells)))  # type: ignore[misc]
    return asked


def draw_resolution(objects: Sequence[Asked], title: str) -> Figure:
    """IoU and seconds against cells along a side, a line for each object and for each way of asking."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11.0, 4.9))
    for number, asked in enumerate(objects):
        style = {"color": figures.COLOURS[number % 8], "marker": figures.MARKERS[number % 8]}
        left.plot(RESOLUTIONS, asked.scores, label=asked.title, **style)
    left.set_ylim(0, 100)
    left.set_ylabel("Intersection over union (%)")
    left.legend(loc="lower right", fontsize=9)
    left.set_title("Agreement with the exact shape")
    for what, label, style in (
        ("every", "asked at every cell", {"color": figures.COLOURS[4], "marker": "s"}),
        ("near", "asked near the surface alone, with the mesh", {"color": figures.COLOURS[0], "marker": "o"}),
    ):
        times = np.array([getattr(asked, what) for asked in objects])
        right.plot(RESOLUTIONS, times.mean(axis=0), label=label, **style)
    right.set_ylabel("Processor seconds, mean of the objects")
    right.set_ylim(bottom=0)
    right.legend(loc="upper left", fontsize=9)
    right.set_title("Time that it takes")
    for axes in (left, right):
        axes.set_xlabel("Cells along a side of the cube that holds the object")
        axes.set_xticks(RESOLUTIONS)
    figure.suptitle(title)
    return figure
