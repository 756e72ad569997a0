"""``hypernet shapes score``: how like a predicted shape is to the true one, and in which frame that was measured."""

from __future__ import annotations

import argparse
import inspect
import itertools
import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.files import write_json
from hypernet.lab.options import whole_number
from hypernet.shapes.core.frames import INNER, RESOLUTION, normalised
from hypernet.shapes.core.metrics import NEAR, POINTS, iou, mesh_scores
from hypernet.shapes.core.solids import Mesh, check
from hypernet.shapes.core.voxels import MOST_VOXELS_A_SIDE, RULES, SOLIDS, voxelise
from hypernet.shapes.sources.binvox import ORDERS
from hypernet.shapes.sources.mesh_files import READERS, UPS, read_mesh
from hypernet.shapes.sources.voxel_files import ENDINGS, occupied_of, read_voxels

ALIGNMENTS = {
    "none": "both stay where they are; the truth's bounding box is brought into the cube",
    "box": "each bounding box is centred and its longest side scaled to that of the cube",
}
MOST_POINTS = 1_000_000
# Ratio of longest sides beyond which a word is said, the gain in IoU by turning, and the distance between the middles
# of two boxes as a share of the truth's longest side.
OTHER_SIZE, OTHER_TURN, OTHER_PLACE = 1.25, 0.1, 0.25
# Voxels that a box may be short of the grid: what is thinner than a voxel may miss its centres.
SHORT = 2
# Voxels along a side in which turns are tried.
MOST_TURNED = 64
TITLES = {
    "iou": "IoU",
    "chamfer_l1": "Chamfer-L1",
    "accuracy": "  predicted to true",
    "completeness": "  true to predicted",
    "f_score": "F-score at 1 %",
    "precision": "  precision",
    "recall": "  recall",
    "normal_consistency": "Normal consistency",
}


@dataclass(frozen=True)
class Score:
    """Scores of a predicted shape against the true one.

    Attributes:
        values: ``iou`` in [0, 1]; of two meshes also ``chamfer_l1``, ``accuracy``, ``completeness`` (distances in the
            cube [-1, 1]³), ``f_score``, ``precision``, ``recall`` (near: 0.02) and ``normal_consistency``.
        resolution: voxels along a side for the IoU.
        frame: what was assumed, a line each.
        notes: what a person should know, a sentence each.
    """

    values: dict[str, float]
    resolution: int
    frame: list[str]
    notes: list[str] = field(default_factory=list)

    @property
    def iou(self) -> float:
        """Intersection over union of the voxels, in [0, 1]."""
        return self.values["iou"]

    def __str__(self) -> str:
        return self.summary()

    def summary(self) -> str:
        """What was assumed, the scores, and the notes, for people."""
        remarks = {
            "iou": f"{self.resolution}³ voxels",
            "chamfer_l1": "mean of both ways; the cube's side is 2, the truth's longest side 1.78",
            "f_score": f"near is {NEAR:g}, 1 % of the cube's side",
            "normal_consistency": "mean |cosine|, both ways",
        }
        rows = [
            f"{TITLES[key]:<22}{value:8.4f}   {remarks.get(key, '')}".rstrip() for key, value in self.values.items()
        ]
        return "\n".join([*self.frame, *rows, *(f"note: {note}" for note in self.notes)])


def score(
    predicted: Path | str | Mesh | np.ndarray,
    truth: Path | str | Mesh | np.ndarray,
    *,
    align: str = "none",
    resolution: int | None = None,
    rule: str = "centre",
    solid: str = "auto",
    points: int = POINTS,
    predicted_up: str = "y",
    truth_up: str = "y",
    predicted_order: str | None = None,
    truth_order: str | None = None,
) -> Score:
    """Intersection over union of the voxels of two shapes; of two meshes also distances and normals of their surfaces.

    Args:
        predicted: a mesh (.obj, .off, .ply, .stl, .glb, .gltf, or `Mesh`) or voxels (.binvox, .npy, .npz, or bool
            ``[r, r, r]`` indexed by x, y, z).
        truth: likewise.
        align: ``none``: both meshes share a frame; ``box``: only their shapes count, each box is centred and scaled.
        resolution: voxels along a side for the IoU of meshes, 32 unless given; voxels have their own.
        rule: of voxels of meshes: ``centre`` or ``touch`` (as binvox: choose it against labels of Choy et al.).
        solid: of voxels of meshes: ``winding``, ``fill`` or ``auto``.
        points: on each surface.
        predicted_up: axis of the predicted mesh's file that points up, ``y`` or ``z``.
        truth_up: of the true one's.
        predicted_order: of axes in the predicted voxels' file: ``xzy`` (binvox) or ``xyz`` (NumPy; some ports of
            Pix2Vox write it to .binvox too); None: the format's own.
        truth_order: likewise of the true one's.

    Raises:
        UserError: a file cannot be read, sizes differ, or an option is outside of its range.

    Example:
        >>> import numpy as np
        >>> from hypernet import shapes
        >>> cube, half = np.ones((4, 4, 4), bool), np.arange(64).reshape(4, 4, 4) < 32
        >>> shapes.score(half, cube).iou
        0.5
    """
    if align not in ALIGNMENTS:
        raise UserError(f"align: {align!r} is none; accepted: {', '.join(ALIGNMENTS)}")
    if not 1 <= points <= MOST_POINTS:
        raise UserError(f"points: {points} is not from 1 to {MOST_POINTS:,}")
    shapes = (
        _open(predicted, "predicted", predicted_up, predicted_order),
        _open(truth, "truth", truth_up, truth_order),
    )
    resolution = _resolution(shapes, resolution)
    frame, notes = [shape.text for shape in shapes], [note for shape in shapes for note in shape.notes]
    placed = _placed(shapes, align, frame, notes)
    margin = _margin(placed, resolution, frame)
    half = INNER * (resolution + 2 * margin) / resolution
    grids, solids = [], []
    for shape, mesh in zip(shapes, placed, strict=True):
        if shape.voxels is not None:
            grids.append(shape.voxels)
        elif mesh is not None:
            voxels = voxelise(mesh, resolution + 2 * margin, rule, solid, half)
            frame.append(f"voxels of {shape.name}: rule {rule} ({RULES[rule]}), solid {voxels.solid}")
            notes += [f"{shape.name}: {note}" for note in voxels.notes]
            grids.append(voxels.occupied)
            solids.append(voxels.solid)
    if len(set(solids)) > 1:
        notes.append("one mesh was filled and the other was not: with solid winding or fill both are taken alike")
    if not any(grid.any() for grid in grids):
        notes.append("no voxel of either is occupied: an IoU of 1 says nothing of their shapes")
    values = {"iou": float(iou(grids[0], grids[1]))}
    if placed[0] is not None and placed[1] is not None:
        values |= mesh_scores(placed[0], placed[1], points)
    if values["iou"] < 1 - OTHER_TURN:
        if align == "none" and len(solids) == 2:
            # Whether one is turned is asked of shapes of one size.
            boxed = zip([_boxed(mesh) for mesh in placed if mesh is not None], solids, strict=True)
            grids = [voxelise(mesh, resolution, rule, chosen).occupied for mesh, chosen in boxed]
        notes += _turned(grids[0], grids[1])
    return Score(values, resolution, frame, notes)


@dataclass(frozen=True)
class Shape:
    """One side of a comparison: a mesh or voxels."""

    name: str
    text: str
    mesh: Mesh | None = None
    voxels: np.ndarray | None = None
    notes: list[str] = field(default_factory=list)


def _open(shape: Path | str | Mesh | np.ndarray, role: str, up: str, order: str | None) -> Shape:
    if isinstance(shape, Mesh):
        return _of_mesh(role, check(shape, role), "y")
    if isinstance(shape, np.ndarray):
        if shape.ndim != 3 or len(set(shape.shape)) > 1 or not shape.size:
            raise UserError(f"{role}: an array {list(shape.shape)}; accepted are voxels [r, r, r]")
        return _of_voxels(role, *occupied_of(shape, role))
    path = Path(shape)
    if path.suffix.lower() in READERS:
        return _of_mesh(f"{role} {path.name}", read_mesh(path, up), up)
    if path.suffix.lower() in ENDINGS:
        return _of_voxels(f"{role} {path.name}", *read_voxels(path, order))
    raise UserError(f"{path}: neither mesh nor voxels; accepted are {', '.join([*READERS, *ENDINGS])}")


def _of_mesh(name: str, mesh: Mesh, up: str) -> Shape:
    closed = "closed" if mesh.watertight else "not closed"
    text = f"{name}: {len(mesh.triangles):,} triangles, {closed}, longest side {_side(mesh):.4g}, {up} up"
    return Shape(name, text, mesh=mesh)


def _of_voxels(name: str, occupied: np.ndarray, assumed: list[str]) -> Shape:
    text = f"{name}: {len(occupied)}³ voxels, {int(occupied.sum()):,} occupied"
    return Shape(name, "; ".join([text, *assumed]), voxels=occupied)


def _side(mesh: Mesh) -> float:
    return float(np.ptp(mesh.bounds, axis=0).max())


def _boxed(mesh: Mesh) -> Mesh:
    return Mesh(normalised(mesh.vertices)[0], mesh.triangles, mesh.notes)


def _resolution(shapes: tuple[Shape, Shape], asked: int | None) -> int:
    sizes = {len(shape.voxels) for shape in shapes if shape.voxels is not None} | ({asked} if asked else set())
    if len(sizes) > 1:
        names = " and ".join(f"{size}³" for size in sorted(sizes))
        raise UserError(f"{shapes[0].name}, {shapes[1].name}: grids of {names} voxels cannot be compared")
    return sizes.pop() if sizes else RESOLUTION


def _placed(shapes: tuple[Shape, Shape], align: str, frame: list[str], notes: list[str]) -> list[Mesh | None]:
    """The meshes in the cube, and what that assumes; None for voxels."""
    predicted, truth = shapes[0].mesh, shapes[1].mesh
    if predicted is None and truth is None:
        frame.append("frame: voxel by voxel")
    elif predicted is None or truth is None:
        frame.append(
            "frame: the mesh's box is centred and its longest side fills the grid, as that of the voxels should"
        )
        for shape in shapes:
            if shape.voxels is not None and 0 < (reach := _reach(shape.voxels)) < len(shape.voxels) - SHORT:
                notes.append(
                    f"{shape.name}: its longest side fills {reach} of {len(shape.voxels)} voxels, the mesh's all:"
                    " they are not of one scale"
                )
    else:
        frame.append(f"frame, align {align}: {ALIGNMENTS[align]}")
        ratio = _side(predicted) / _side(truth)
        if align == "none" and not 1 / OTHER_SIZE <= ratio <= OTHER_SIZE:
            times = f"{ratio:,.0f}" if ratio >= 100 else f"{ratio:.3g}"
            notes.append(f"the prediction is {times} times as large: other units? align box compares shapes alone")
        elif align == "none" and (away := _away(predicted, truth)) > OTHER_PLACE:
            notes.append(
                f"the middles of the boxes are {away:.3g} times the truth's longest side apart: another origin?"
                " align box compares shapes alone"
            )
        if align == "none":
            vertices, placement = normalised(truth.vertices)
            return [
                Mesh(placement.to_canonical(predicted.vertices), predicted.triangles, predicted.notes),
                Mesh(vertices, truth.triangles, truth.notes),
            ]
    return [None if mesh is None else _boxed(mesh) for mesh in (predicted, truth)]


def _reach(occupied: np.ndarray) -> int:
    """Longest side of the occupied voxels' box, in voxels."""
    places = np.argwhere(occupied)
    return int(np.ptp(places, axis=0).max()) + 1 if len(places) else 0


def _away(predicted: Mesh, truth: Mesh) -> float:
    """Distance between the middles of two boxes, as a share of the truth's longest side."""
    return float(np.linalg.norm(predicted.bounds.mean(axis=0) - truth.bounds.mean(axis=0))) / _side(truth)


def _margin(placed: list[Mesh | None], resolution: int, frame: list[str]) -> int:
    """Voxels to add on each side of the grid so that it holds all of both meshes, if it stays within three times."""
    reach = max((float(np.abs(mesh.bounds).max()) for mesh in placed if mesh is not None), default=0.0)
    margin = math.ceil((reach / INNER - 1) * resolution / 2 - 1e-6)
    if not 0 <= margin <= min(resolution, (MOST_VOXELS_A_SIDE - resolution) // 2):
        margin = 0
    if margin:
        frame.append(f"grid: {margin} more voxels on each side, for what reaches out of the truth's cube")
    return margin


def _turned(predicted: np.ndarray, truth: np.ndarray) -> list[str]:
    """A note if the prediction, turned or mirrored along its axes, is much more like the truth."""
    step = -(-len(truth) // MOST_TURNED)
    a, b = predicted[::step, ::step, ::step], truth[::step, ::step, ::step]
    here, best, name = float(iou(a, b)), 0.0, ""
    for axes in itertools.permutations(range(3)):
        for flips in itertools.product((1, -1), repeat=3):
            value = float(iou(a.transpose(axes)[:: flips[0], :: flips[1], :: flips[2]], b))
            if value > best:
                signs = ("-" if flip < 0 else "" for flip in flips)
                best, name = value, ", ".join(sign + "xyz"[axis] for sign, axis in zip(signs, axes, strict=True))
    if best < here + OTHER_TURN:
        return []
    return [f"with the prediction's axes taken as ({name}) the IoU of the boxes would be {best:.3f}: check which is up"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``hypernet shapes score``."""
    accepted = ", ".join([*READERS, *ENDINGS])
    parser.add_argument("predicted", type=Path, help=f"mesh or voxels: {accepted}")
    parser.add_argument("truth", type=Path, help="likewise")
    parser.add_argument(
        "--align",
        choices=ALIGNMENTS,
        default="none",
        help="none (default): both meshes share a frame; box: only shapes count, boxes are centred and scaled",
    )
    parser.add_argument(
        "--resolution",
        type=whole_number(1, MOST_VOXELS_A_SIDE),
        help=f"voxels along a side, for the IoU of meshes; default: {RESOLUTION}",
    )
    parser.add_argument(
        "--rule",
        choices=RULES,
        default="centre",
        help="of voxels of meshes: centre (default), or touch, as in the labels of Choy et al.",
    )
    parser.add_argument("--solid", choices=SOLIDS, default="auto", help="of voxels of meshes; default: auto")
    parser.add_argument(
        "--points", type=whole_number(1, MOST_POINTS), default=POINTS, help=f"on each surface; default: {POINTS:,}"
    )
    for role in ("predicted", "truth"):
        parser.add_argument(
            f"--{role}-up", choices=UPS, default="y", help="axis of its file that points up; default: y"
        )
        parser.add_argument(
            f"--{role}-order", choices=ORDERS, help="of axes in its voxel file; default: xzy for .binvox, else xyz"
        )
    parser.add_argument("--out", type=Path, help="also write the scores and what was assumed as .json")


def run(arguments: argparse.Namespace) -> None:
    """Score, print what was assumed and measured, write the file."""
    options = dict(vars(arguments))
    out = options.pop("out")
    if out is not None and out.suffix.lower() != ".json":
        raise UserError(f"{out}: the name must end in .json")
    names = inspect.signature(score).parameters
    result = score(**{name: value for name, value in options.items() if name in names})
    print(result.summary())
    if out is not None:
        facts = {"resolution": result.resolution, "frame": result.frame, "notes": result.notes}
        write_json(out, {**result.values, **facts})
        print(out)
