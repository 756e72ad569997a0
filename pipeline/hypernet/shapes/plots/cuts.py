"""Looking into functions: their values in planes, and the labelled points that they are trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hypernet.lab.results import figures
from hypernet.shapes.core.decoder import Field
from hypernet.shapes.plots.tiles import Example, on_white

# Points along a side of a plane, and how finely the true outline is drawn.
PLANE = 160
# Beyond this logit a probability is 0 or 1 to two digits.
LARGEST_LOGIT = 6.0
AXES = ("x, to the side", "y, up", "z, to the front")
# By the axis that is fixed: those to the right and up in the picture.
PLANES = {0: (2, 1), 1: (0, 2), 2: (0, 1)}
# Purple is inside, orange outside; white is the boundary.
SIGNED = "PuOr"
TRUTH = figures.COLOURS[2]


def draw_slices(examples: Sequence[Example], shapes: Sequence[Field], title: str) -> Figure:
    """The value of each written function in the planes x = 0, y = 0 and z = 0.

    Args:
        examples: the objects.
        shapes: logits of points, one function of each.
        title: above the picture.
    """
    figure, grid = plt.subplots(len(examples), 3, figsize=(9.4, 2.9 * len(examples) + 1.1), squeeze=False)
    figure.get_layout_engine().set(h_pad=0.1)  # type: ignore[union-attr,call-arg]
    axis = (np.arange(PLANE) + 0.5) / PLANE * 2 - 1
    across, upwards = np.meshgrid(axis, axis)
    for example, shape, row in zip(examples, shapes, grid, strict=True):
        for fixed, axes in enumerate(row):
            points = np.zeros((PLANE, PLANE, 3), dtype=np.float32)
            right, up = PLANES[fixed]
            points[..., right], points[..., up] = across, upwards
            logits = shape(points.reshape(-1, 3)).reshape(PLANE, PLANE)
            true = example.inside(points.reshape(-1, 3)).reshape(PLANE, PLANE)
            image = axes.imshow(
                logits,
                origin="lower",
                extent=(-1, 1, -1, 1),
                cmap=SIGNED,
                vmin=-LARGEST_LOGIT,
                vmax=LARGEST_LOGIT,
                interpolation="nearest",
            )
            # A contour of a level that is not reached would be a warning.
            if (true > 0).any():
                axes.contour(axis, axis, true, [0.0], colors=TRUTH, linewidths=1.8, linestyles="dashed")
            if logits.min() < 0 < logits.max():
                axes.contour(axis, axis, logits, [0.0], colors="black", linewidths=1.4)
            axes.grid(visible=False)
            axes.set_title(f"{example.class_name}, plane {'xyz'[fixed]} = 0", fontsize=10)
            axes.set_xlabel(AXES[right], fontsize=9)
            axes.set_ylabel(AXES[up], fontsize=9)
            axes.set_xticks([-1, 0, 1])
            axes.set_yticks([-1, 0, 1])
    bar = figure.colorbar(image, ax=grid.ravel().tolist(), extend="both", shrink=0.75, pad=0.02, aspect=35)
    bar.set_label("Written function z (logit); above 0: inside")
    handles = [
        Line2D([], [], color="black", lw=1.4, label="z = 0: the written surface"),
        Line2D([], [], color=TRUTH, lw=1.8, ls="dashed", label="true outline"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    figure.suptitle(f"{title}\nCoordinates of the cube [−1, 1]³ that holds every object")
    return figure


@dataclass(frozen=True, eq=False)
class Drawn:
    """The labelled points of one object in one batch.

    Attributes:
        class_name: its class.
        image: RGBA uint8 ``[S, S, 4]``.
        points: ``[n, 3]``, the uniform ones first.
        labels: whether they are inside, bool ``[n]``.
        uniform: how many are uniform.
    """

    class_name: str
    image: np.ndarray
    points: np.ndarray
    labels: np.ndarray
    uniform: int


def draw_samples(objects: Sequence[Drawn], title: str) -> Figure:
    """The points of some objects in space, by what they were drawn from and by their label."""
    figure = plt.figure(figsize=(4.3 * len(objects), 7.0))
    halves = figure.subfigures(2, 1, height_ratios=(1, 3))
    assert isinstance(halves, np.ndarray)
    pictures, spaces = halves
    for number, drawn in enumerate(objects):
        scene = pictures.add_subplot(1, len(objects), number + 1)
        scene.imshow(on_white(drawn.image), interpolation="nearest")
        scene.set_title(f"{drawn.class_name}: image of the batch", fontsize=10)
        scene.set_axis_off()
        space: Any = spaces.add_subplot(1, len(objects), number + 1, projection="3d")
        uniform = np.arange(len(drawn.points)) < drawn.uniform
        for is_uniform, marker in ((True, "o"), (False, "^")):
            for is_inside in (False, True):
                chosen = (uniform == is_uniform) & (drawn.labels == is_inside)
                if not chosen.any():
                    continue
                style = _style(marker, is_inside)
                # The picture's vertical axis is y; its depth is z, turned so that the front is before.
                x, y, z = drawn.points[chosen].T
                space.scatter(x, -z, y, s=16 if is_inside else 9, depthshade=False, rasterized=True, **style)
        share = drawn.labels.mean()
        space.set_title(f"{len(drawn.points)} points, {100 * share:.0f} % inside", fontsize=10)
        ticks = [-1, 0, 1]
        space.set_xticks(ticks)
        space.set_yticks(ticks, ["1", "0", "−1"])
        space.set_zticks(ticks)
        space.tick_params(labelsize=8, pad=-2)
        space.set_xlabel("x, to the side", fontsize=9, labelpad=-4)
        space.set_ylabel("z, to the front", fontsize=9, labelpad=-4)
        space.set_zlabel("y, up", fontsize=9, labelpad=-6)
        space.view_init(elev=18, azim=-62)
        space.set_box_aspect((1, 1, 1), zoom=1.0)
    names = {("o", False): "uniform, outside", ("o", True): "uniform, inside"}
    names |= {("^", False): "near the boundary, outside", ("^", True): "near the boundary, inside"}
    handles = [
        Line2D([], [], ls="", ms=6, label=name, marker=marker, color=colour["color"], alpha=colour["alpha"])
        for (marker, is_inside), name in names.items()
        for colour in (_style(marker, is_inside),)
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4)
    figure.suptitle(title)
    return figure


def _style(marker: str, inside: bool) -> dict[str, Any]:
    colour = figures.COLOURS[0] if inside else figures.COLOURS[1]
    return {"marker": marker, "color": colour, "alpha": 0.95 if inside else 0.45, "lw": 0}
