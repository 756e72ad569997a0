"""Where the bat is, and which parts of a surface it hears how loudly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.collections import LineCollection, PolyCollection

from hypernet.lab.results import figures
from hypernet.shapes.core.solids import Mesh
from hypernet.sonar.core.poses import Head, Microphone

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = "viridis"
RANGE_DB = 40.0
# Edges where faces meet at more than this are drawn, degrees; of a larger mesh every n-th triangle is.
SHARP_DEG, MOST_FACES = 25.0, 20_000


def draw_scene(
    meshes: Sequence[Mesh],
    heads: Sequence[Head],
    microphones: Sequence[Microphone],
    points: np.ndarray,
    levels_db: np.ndarray,
    title: str,
) -> Figure:
    """The scene from above, and the surface as seen by the bat, coloured by what it adds to the echo.

    Args:
        meshes: in the world, metres.
        heads: of the poses; the surface is seen from the first.
        microphones: of each head.
        points: visible samples of the surface, ``[n, 3]``.
        levels_db: what each adds, over the largest, ``[n]``.
        title: of the picture.
    """
    figure = plt.figure(figsize=(11.5, 6))
    grid = figure.add_gridspec(2, 2, height_ratios=(2.6, 1), width_ratios=(1, 1.35))
    draw_from_above(figure.add_subplot(grid[0, 0]), meshes, heads)
    draw_microphones(figure.add_subplot(grid[1, 0]), microphones)
    seen = figure.add_subplot(grid[:, 1])
    image = draw_from_the_bat(seen, meshes, heads[0], points, levels_db)
    figure.colorbar(image, ax=seen, label="adds to the echo (dB re the largest)")
    figure.suptitle(title)
    return figure


def draw_from_above(axes: Axes, meshes: Sequence[Mesh], heads: Sequence[Head]) -> None:
    """The outlines of the objects, the bats and where they look; x, to which the object's front looks, to the right."""
    for mesh in meshes:
        axes.add_collection(_faces(mesh, mesh.vertices[:, :2]))
        axes.add_collection(_edges(mesh, mesh.vertices[:, :2]))
    places = np.array([head.position for head in heads])
    points = np.concatenate([mesh.vertices for mesh in meshes])
    reach = max(float(np.ptp(np.concatenate([points[:, :2], places[:, :2]]), axis=0).max()), 1e-6)
    shown = set()
    for head in heads:
        for direction, colour, label in (
            (head.forward, "black", "where it looks"),
            (head.left, figures.COLOURS[0], "its left"),
        ):
            start, turn = head.position[:2], direction[:2] * 0.16 * reach
            end, arrow = (start + turn).tolist(), {"arrowstyle": "->", "color": colour, "lw": 1.3}
            axes.annotate("", (end[0], end[1]), (start[0], start[1]), arrowprops=arrow)
            if label not in shown:
                axes.plot([], [], color=colour, label=label)
                shown.add(label)
    axes.plot(*places[:, :2].T, "o", color=figures.COLOURS[4], label="bat" if len(heads) == 1 else "bats", ms=7)
    heights = ", ".join(sorted({f"{place[2]:.2f}" for place in places})[:4])
    axes.set_title(f"from above; the bat is at z = {heights} m")
    axes.set_aspect("equal", adjustable="datalim")
    axes.margins(0.12)
    axes.set_xlabel("x, to the object's front (m)")
    axes.set_ylabel("y, to its left (m)")
    axes.legend(loc="upper left")


def draw_from_the_bat(axes: Axes, meshes: Sequence[Mesh], head: Head, points: np.ndarray, levels_db: np.ndarray) -> Any:
    """The surface as the head sees it, in degrees; returns what a colour bar is made of."""
    for mesh in meshes:
        places, ahead = _angles(mesh.vertices, head)
        if ahead.all():
            axes.add_collection(_faces(mesh, places))
            axes.add_collection(_edges(mesh, places))
    places, ahead = _angles(points, head)
    order = np.argsort(levels_db)
    order = order[ahead[order]]
    size = float(np.clip(30_000 / max(len(points), 1), 1.5, 14))
    right, up = places[order].T
    image = axes.scatter(
        right, up, size, levels_db[order], cmap=COLOURS, vmin=-RANGE_DB, vmax=0, lw=0, rasterized=True, zorder=3
    )
    axes.set_title("as the bat sees it")
    axes.set_aspect("equal", adjustable="datalim")
    axes.margins(0.08)
    axes.set_xlabel("to the right of where it looks (degrees)")
    axes.set_ylabel("above (degrees)")
    return image


def draw_microphones(axes: Axes, microphones: Sequence[Microphone]) -> None:
    """Places of the microphones about the mouth, as the bat sees them from behind."""
    offsets = 1e3 * np.array([microphone.offset_m for microphone in microphones])
    axes.plot(-offsets[:, 1], offsets[:, 2], "s", color=figures.COLOURS[2], ms=6, label="microphones")
    axes.plot(0, 0, "o", color=figures.COLOURS[4], ms=7, label="mouth")
    axes.legend(loc="upper right", fontsize=8)
    axes.margins(0.3)
    axes.set_xlabel("to the right (mm)")
    axes.set_ylabel("up (mm)")
    axes.set_title("mouth and microphones from behind")
    axes.set_aspect("equal", adjustable="datalim")


def _angles(points: np.ndarray, head: Head) -> tuple[np.ndarray, np.ndarray]:
    """Degrees to the right and above ``[n, 2]``, and whether each point is ahead."""
    seen = head.to_head(points - head.position)
    level = np.hypot(seen[:, 0], seen[:, 1])
    right, up = np.degrees(np.arctan2(-seen[:, 1], seen[:, 0])), np.degrees(np.arctan2(seen[:, 2], level))
    return np.stack([right, up], axis=1), seen[:, 0] > 0


def _faces(mesh: Mesh, places: np.ndarray) -> PolyCollection:
    step = -(-len(mesh.triangles) // MOST_FACES)
    return PolyCollection(list(places[mesh.triangles[::step]]), facecolors="0.88", edgecolors="none", rasterized=True)


def _edges(mesh: Mesh, places: np.ndarray) -> LineCollection:
    """Edges that one face has alone, or where faces meet sharply."""
    triangles = mesh.triangles[:MOST_FACES]
    edges = np.sort(np.stack([triangles, np.roll(triangles, -1, axis=1)], axis=2).reshape(-1, 2), axis=1)
    faces = np.repeat(np.arange(len(triangles)), 3)
    order = np.lexsort(edges.T)
    edges, faces = edges[order], faces[order]
    same = (edges[1:] == edges[:-1]).all(axis=1)
    normals = mesh.normals
    smooth = np.zeros(len(edges), dtype=bool)
    flat = same & ((normals[faces[1:]] * normals[faces[:-1]]).sum(axis=1) > np.cos(np.radians(SHARP_DEG)))
    smooth[1:] |= flat
    smooth[:-1] |= flat
    return LineCollection(list(places[edges[~smooth]]), colors="0.55", linewidths=0.5, rasterized=True)
