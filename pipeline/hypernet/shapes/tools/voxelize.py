"""``hypernet shapes voxelize``: voxels of a mesh file, with the rule and the frame that were taken."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hypernet.lab.options import whole_number
from hypernet.shapes.core.frames import INNER, RESOLUTION, Placement, normalised
from hypernet.shapes.core.solids import Mesh, check
from hypernet.shapes.core.voxels import MOST_VOXELS_A_SIDE, RULES, SOLIDS, Voxels, voxelise
from hypernet.shapes.sources.mesh_files import UPS, read_mesh
from hypernet.shapes.sources.voxel_files import check_voxel_output, write_voxels


@dataclass(frozen=True)
class Voxelization:
    """Voxels of a mesh and where they are.

    Attributes:
        name: of the mesh.
        mesh: in its own units, y up.
        up: axis of the file that pointed up.
        voxels: what is occupied, by which rule, with notes.
        placement: of the mesh in the canonical cube.
    """

    name: str
    mesh: Mesh
    up: str
    voxels: Voxels
    placement: Placement

    def __repr__(self) -> str:
        side, count = len(self.occupied), int(self.occupied.sum())
        return f"Voxelization({self.name}, {side}³, {count} occupied, rule {self.voxels.rule}, {self.voxels.solid})"

    def __str__(self) -> str:
        return self.summary()

    @property
    def occupied(self) -> np.ndarray:
        """Occupied voxels, bool ``[r, r, r]``, indexed by x, y (up), z."""
        return self.voxels.occupied

    @property
    def translate(self) -> np.ndarray:
        """Lowest corner of the grid, ``[3]``, in the mesh's units."""
        return self.placement.to_original(np.full(3, -INNER))

    @property
    def scale(self) -> float:
        """Side of the grid in the mesh's units: the longest side of the mesh."""
        return 2 * INNER / self.placement.scale

    def summary(self) -> str:
        """The mesh, the frame and the rule that were taken, and the result, for people."""
        side, count = len(self.occupied), int(self.occupied.sum())
        size = " x ".join(f"{length:.4g}" for length in np.ptp(self.mesh.bounds, axis=0))
        closed = "closed" if self.mesh.watertight else "not closed"
        turned = "y is up, as in the file" if self.up == "y" else "z of the file is up and became y, -y became z"
        lines = [
            f"{self.name}: {len(self.mesh.triangles):,} triangles, {closed}, {size} (x, y, z)",
            f"frame: {turned}; the box is centred and its longest side, {self.scale:.4g}, fills {side} voxels",
            f"rule {self.voxels.rule}: {RULES[self.voxels.rule]}",
            f"solid {self.voxels.solid}: {SOLIDS[self.voxels.solid]}",
            *(f"note: {note}" for note in self.voxels.notes),
            f"{count:,} of {side**3:,} voxels occupied ({count / side**3:.2%})",
        ]
        return "\n".join(lines)

    def write(self, path: Path | str) -> None:
        """Write the voxels: .binvox (axes x, z, y, as its tools have them), .npz or .npy (``[x, y, z]``).

        Raises:
            UserError: another ending, or a folder.
        """
        write_voxels(path, self.occupied, self.translate, self.scale)


def voxelize(
    mesh: Path | str | Mesh,
    *,
    resolution: int = RESOLUTION,
    rule: str = "centre",
    solid: str = "auto",
    up: str = "y",
) -> Voxelization:
    """Voxels of a mesh whose bounding box is centred in the grid and fills it along its longest side.

    Args:
        mesh: .obj, .off, .ply, .stl, .glb, .gltf, or a mesh with y up.
        resolution: voxels along a side, up to 256.
        rule: ``centre``: voxels whose centre is inside; ``touch``: also those that the surface touches, as in the
            labels of Choy et al.
        solid: what is inside: ``winding`` (number above 1/2), ``fill`` (what the exterior cannot reach), or ``auto``:
            fill where it gives more than 3 times as many voxels, with a note.
        up: axis of the file that points up, ``y`` or ``z``.

    Raises:
        UserError: the file cannot be read, or an option is outside of its range.

    Example:
        >>> import numpy as np
        >>> from hypernet import shapes
        >>> corners = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
        >>> faces = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
        >>> int(shapes.voxelize(shapes.Mesh(corners, faces), resolution=8).occupied.sum())
        84
    """
    if isinstance(mesh, Mesh):
        name, whole = "mesh", check(mesh, "mesh")
    else:
        name, whole = Path(mesh).name, read_mesh(mesh, up)
    vertices, placement = normalised(whole.vertices)
    voxels = voxelise(Mesh(vertices, whole.triangles, whole.notes), resolution, rule, solid)
    return Voxelization(name, whole, up, voxels, placement)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``hypernet shapes voxelize``."""
    parser.add_argument("mesh", type=Path, help=".obj, .off, .ply, .stl, .glb or .gltf")
    parser.add_argument(
        "--resolution",
        type=whole_number(1, MOST_VOXELS_A_SIDE),
        default=RESOLUTION,
        help=f"voxels along a side; default: {RESOLUTION}",
    )
    parser.add_argument(
        "--rule",
        choices=RULES,
        default="centre",
        help="centre (default): voxels whose centre is inside; touch: also those that the surface touches, as binvox",
    )
    parser.add_argument(
        "--solid",
        choices=SOLIDS,
        default="auto",
        help="winding: number above 1/2; fill: what the exterior cannot reach, for thin sheets; auto (default) chooses",
    )
    parser.add_argument("--up", choices=UPS, default="y", help="axis of the file that points up; default: y")
    parser.add_argument(
        "--out",
        type=Path,
        action="append",
        default=[],
        help=".binvox (axes x, z, y), .npz or .npy (bool [x, y, z]); may be repeated",
    )


def run(arguments: argparse.Namespace) -> None:
    """Voxelize, print what was assumed and counted, write the files."""
    for path in arguments.out:
        check_voxel_output(path)
    voxelization = voxelize(
        arguments.mesh,
        resolution=arguments.resolution,
        rule=arguments.rule,
        solid=arguments.solid,
        up=arguments.up,
    )
    print(voxelization.summary())
    for path in arguments.out:
        voxelization.write(path)
        print(path)
