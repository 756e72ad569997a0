"""Boards of reconstructions: beside the truth, the worst ones, between two objects, and as silhouettes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from hypernet.shapes.core.cameras import Camera
from hypernet.shapes.core.decoder import Field
from hypernet.shapes.core.silhouettes import pixel_rays, silhouette_logits
from hypernet.shapes.core.solids import Mesh
from hypernet.shapes.plots.tiles import (
    CELLS,
    EMPTY,
    TRUE,
    Example,
    Tile,
    board,
    dots,
    grey,
    photograph,
    scored_tile,
    surface_of,
    view,
)

SIDE = 126
WORST_SIDE, WORST_CELLS = 100, 48
STRIP_SIDE = 120
RAY_SAMPLES = 64
# Where strips are seen from: a little from the left of the front and from above.
AROUND = Camera.orbit(35.0, 22.0)
# Colours of what two silhouettes share, of what only the label has, and of what only the prediction has.
SHARED, MISSED, ADDED = (120, 120, 120), (230, 159, 0), (0, 114, 178)


@dataclass(frozen=True, eq=False)
class Made:
    """What a method made of the images of some examples.

    Attributes:
        title: the method's name.
        shapes: fields, or points ``[n, 3]`` of a method without an inside; one of each example.
        scores: IoU of each in %; None for points.
        cells: along a side of the cube, from which surfaces are extracted.
    """

    title: str
    shapes: Sequence[Field | np.ndarray]
    scores: Sequence[float] | None
    cells: int = CELLS


def draw_reconstructions(examples: Sequence[Example], made: Sequence[Made], where: str) -> Figure:
    """The image, the truth and what each method makes of the image, a column for each example.

    Args:
        examples: the objects.
        made: by method.
        where: the data set's name.
    """
    rows = [
        [Tile(photograph(example.image, SIDE)) for example in examples],
        [Tile(view(example.mesh, example.camera, SIDE, TRUE)) for example in examples],
    ]
    for method in made:
        tiles = []
        for number, (example, shape) in enumerate(zip(examples, method.shapes, strict=True)):
            if isinstance(shape, np.ndarray):
                tiles.append(Tile(dots(shape, example.camera, SIDE), "no IoU"))
                continue
            assert method.scores is not None
            tiles.append(scored_tile(shape, method.scores[number], method.cells, example.camera, SIDE))
        rows.append(tiles)
    return board(
        rows,
        SIDE,
        title=f"{where}: held-out objects from one image each",
        row_names=["Image given", "True shape", *(method.title for method in made)],
        column_names=[example.class_name for example in examples],
        foot="The first held-out object of each class, not chosen. All shapes are seen from where the image was taken, "
        "with room around. IoU: intersection over union of 32³ voxels; 100 % is the true shape; a set of points has no "
        "inside.",
    )


def draw_failures(
    groups: Mapping[str, Sequence[tuple[Example, Field, float]]], title: str, given: str = "image", more: str = ""
) -> Figure:
    """The worst reconstructions of each class: image, truth and reconstruction of each.

    Args:
        groups: by class: examples, the fields made of their images, and their IoU in %, the worst first.
        title: above the picture.
        given: what the image of an example is.
        more: a further sentence below the picture.
    """
    rows, most = [], max(len(worst) for worst in groups.values())
    for worst in groups.values():
        tiles = []
        for example, shape, score in worst:
            mesh = surface_of(shape, WORST_CELLS)
            tiles += [
                Tile(photograph(example.image, WORST_SIDE)),
                Tile(view(example.mesh, example.camera, WORST_SIDE, TRUE)),
                Tile(view(mesh, example.camera, WORST_SIDE), f"{score:.0f} %" if mesh is not None else EMPTY),
            ]
        rows.append(tiles)
    return board(
        rows,
        WORST_SIDE,
        title=title,
        row_names=list(groups),
        column_names=[given, "true shape", "written"] * most,
        foot="Below each written shape its IoU with the true one (32³ voxels); the worst of the class is on the left."
        + f" {more}" * bool(more),
        apart=range(3, 3 * most, 3),
    )


def draw_strips(
    ends: tuple[Example, Example], strips: Mapping[str, Sequence[Field]], shares: Sequence[float], title: str
) -> Figure:
    """From one object to another, a row of shapes for each way between them.

    Args:
        ends: the two objects.
        strips: by what is mixed: a field for every share.
        shares: of the second object, 0 to 1.
        title: above the picture.
    """
    first, last = (Tile(photograph(end.image, STRIP_SIDE)) for end in ends)
    rows = []
    for shapes in strips.values():
        meshes = [surface_of(shape) for shape in shapes]
        rows.append([first, *(Tile(view(mesh, AROUND, STRIP_SIDE), _volume(mesh)) for mesh in meshes), last])
    steps = [f"{share:.2f}" for share in shares]
    steps[0], steps[-1] = "0", "1"
    return board(
        rows,
        STRIP_SIDE,
        title=title,
        row_names=list(strips),
        column_names=[
            f"image: {ends[0].class_name}",
            *(f"t = {step}" for step in steps),
            f"image: {ends[1].class_name}",
        ],
        foot="The best reconstructed object of its class at each end. t: share of the second object in the mixture. "
        "Below each shape its volume, % of the cube. All are seen from the same place. Mixing the weights θ of the two "
        "networks is the same as mixing the embeddings, of which the weights are a linear function.",
        apart=(1, 1 + len(steps)),
    )


def _volume(mesh: Mesh | None) -> str:
    return EMPTY if mesh is None else f"{100 * mesh.volume / 8:.1f} %"


def draw_silhouettes(
    examples: Sequence[Example], labels: Sequence[tuple[np.ndarray, Camera]], shapes: Sequence[Field], title: str
) -> Figure:
    """The image given, the silhouette of another view, and the one that the network's function has there.

    Args:
        examples: the objects.
        labels: of each: the opacity of another view, ``[S, S]`` in [0, 1], and its camera.
        shapes: fields made of the images.
        title: above the picture.
    """
    rows, names = [], []
    for example, (label, camera), shape in zip(examples, labels, shapes, strict=True):
        predicted = silhouette_of(shape, camera, len(label))
        seen, there = predicted > 0.5, label > 0.5
        both, either = int((seen & there).sum()), int((seen | there).sum())
        rows.append(
            [
                Tile(photograph(example.image, SIDE)),
                Tile(grey(label, SIDE)),
                Tile(grey(predicted, SIDE)),
                Tile(_compared(seen, there), f"IoU {100 * both / max(either, 1):.0f} %"),
                Tile(view(surface_of(shape), camera.overview(), SIDE)),
            ]
        )
        names.append(example.class_name)
    return board(
        rows,
        SIDE,
        title=title,
        row_names=names,
        column_names=[
            "image given",
            "silhouette of another view",
            "predicted silhouette",
            "both compared",
            "written shape",
        ],
        foot="The last four columns are seen by the other view's camera. Predicted: the largest probability of being "
        f"inside among {RAY_SAMPLES} points on each pixel's ray, black is 1. Compared: grey is in both silhouettes, "
        "orange only in the true one, blue only in the predicted one. IoU is of silhouettes, not of shapes.",
        apart=(1,),
    )


def silhouette_of(shape: Field, camera: Camera, size: int) -> np.ndarray:
    """Probability that something is inside on the ray of each pixel, ``[size, size]``, as the training computes it."""
    pixels = np.stack(np.meshgrid(np.arange(size), np.arange(size), indexing="ij"), axis=-1).reshape(1, -1, 2)
    origins, directions = pixel_rays(camera.as_row()[None], pixels, size)
    offsets = torch.full((1, size * size, RAY_SAMPLES), 0.5)
    decode: Callable[[Tensor], Tensor] = lambda points: torch.from_numpy(shape(points.numpy()))  # noqa: E731
    logits = silhouette_logits(decode, torch.from_numpy(origins), torch.from_numpy(directions), offsets)
    return torch.sigmoid(logits).reshape(size, size).numpy()


def _compared(seen: np.ndarray, there: np.ndarray) -> np.ndarray:
    picture = np.full((*seen.shape, 3), 255, dtype=np.uint8)
    for mask, colour in ((seen & there, SHARED), (there & ~seen, MISSED), (seen & ~there, ADDED)):
        picture[mask] = colour
    place = np.arange(SIDE) * len(seen) // SIDE
    return picture[place][:, place]
