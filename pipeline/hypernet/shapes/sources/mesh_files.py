"""Mesh files of other programs, read and written: .obj, .off, .ply, .stl, .glb and .gltf.

A format's parser (`formats/`) sees bytes and nothing else, so no file that a mesh names is ever opened. Trimesh, which
reads all of these, serves the tests as a second opinion: it refuses a binary .ply of triangles beside quadrilaterals,
counts an .obj's backward faces from the end of the file, and cuts concave polygons into fans that leave them.

Which axis points up no format but glTF says. Nothing is guessed: y, unless the caller says z.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.files import atomic_path
from hypernet.shapes.core.solids import Mesh, check
from hypernet.shapes.sources.formats import geomview, gltf, ply, stl, wavefront
from hypernet.shapes.sources.formats.reading import DamagedError

LARGEST = 256 << 20
READERS: dict[str, Callable[[bytes], tuple[np.ndarray, np.ndarray]]] = {
    ".obj": wavefront.read,
    ".off": geomview.read,
    ".ply": ply.read,
    ".stl": stl.read,
    ".glb": gltf.read,
    ".gltf": gltf.read,
}
WRITTEN = (".obj", ".off", ".ply", ".stl", ".glb")
# Metres.
UNITS = {"m": 1.0, "cm": 0.01, "mm": 0.001, "in": 0.0254}
UPS = ("y", "z")


def read_bytes(path: Path, largest: int, format_name: str) -> bytes:
    """All bytes of a file that has no more than ``largest``.

    Raises:
        UserError: no such file, unreadable, empty, larger, or a pipe or device, which might never end.
    """
    try:
        if path.exists() and not path.is_file():
            raise UserError(f"{path}: not a file but a folder, a pipe or a device; name a file")
        with path.open("rb") as file:
            content = file.read(largest + 1)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from None
    if not content:
        raise UserError(f"{path}: empty")
    if len(content) > largest:
        size = f"{largest >> 20} MiB" if largest >> 20 else f"{largest:,} bytes"
        raise UserError(f"{path}: more than {size}, the most that {format_name} may have")
    return content


def turned(vertices: np.ndarray, up: str) -> np.ndarray:
    """Points ``[..., 3]`` of a frame whose y or z axis is up, in one whose y axis is.

    From z up, the front is taken to be -y, as in Blender: (x, y, z) becomes (x, z, -y).

    Raises:
        UserError: another axis.
    """
    if up not in UPS:
        raise UserError(f"up: {up!r} is no axis; accepted: {', '.join(UPS)}")
    if up == "y":
        return vertices
    return np.stack([vertices[..., 0], vertices[..., 2], -vertices[..., 1]], axis=-1)


def read_mesh(path: Path | str, up: str = "y") -> Mesh:
    """The triangles of a mesh file, all objects together, polygons cut into triangles, vertices at one place joined.

    Args:
        path: .obj, .off, .ply, .stl, .glb, or .gltf with its data inside.
        up: axis of the file that points up, ``y`` or ``z``; the mesh has y up.

    Returns:
        In the file's own units and position; `hypernet.shapes.core.frames.normalised` brings it into the cube.

    Raises:
        UserError: another format, a damaged or empty file, no surface, too large.
    """
    path = Path(path)
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise UserError(f"{path}: not a mesh file; accepted are {', '.join(READERS)}")
    if path.is_dir():
        raise UserError(f"{path}: this is a folder; name a file")
    content = read_bytes(path, LARGEST, "a mesh file")
    try:
        vertices, triangles = reader(content)
    except DamagedError as error:
        raise UserError(f"{path}: {error}") from None
    return check(Mesh(turned(vertices, up), triangles), path)


def write_mesh(path: Path | str, mesh: Mesh, colours: np.ndarray | None = None, unit: str = "m", up: str = "y") -> None:
    """Write a mesh in the format that the name ends in, whole or not at all.

    Units: .glb is metres by its definition and .stl millimetres by habit, so coordinates are converted; .obj, .off and
    .ply keep them and say the unit in a comment.

    Args:
        path: .obj, .off, .ply, .stl or .glb.
        mesh: y up.
        colours: of triangles, ``[t, 3]``, or of vertices, ``[v, 3]`` (of as many of both: of triangles); in [0, 1], or
            uint8. An .stl file has none.
        unit: of the mesh's coordinates, one of :data:`UNITS`; a mesh of the canonical cube is taken as metres.
        up: axis that points up in the file; .glb is always y.

    Raises:
        UserError: another ending or unit, or a folder.
        ValueError: colours of neither triangles nor vertices.
    """
    path = check_written(Path(path), up)
    if unit not in UNITS:
        raise UserError(f"unit: {unit!r} is none; accepted: {', '.join(UNITS)}")
    suffix = path.suffix.lower()
    vertices, triangles, of_faces, shades = mesh.vertices, mesh.triangles, False, None
    if colours is not None:
        shades = np.asarray(colours)
        shades = shades if shades.dtype == np.uint8 else np.round(255 * np.clip(shades, 0, 1)).astype(np.uint8)
        of_faces = len(shades) == len(triangles)
        if shades.shape[1:] != (3,) or len(shades) not in (len(triangles), len(vertices)):
            raise ValueError(f"colours {list(shades.shape)} are of neither {len(triangles)} triangles nor the vertices")
        if of_faces and suffix in (".obj", ".glb"):
            # These know colours of vertices only: each triangle has its own three then.
            vertices, shades = vertices[triangles].reshape(-1, 3), np.repeat(shades, 3, axis=0)
            triangles = np.arange(len(vertices)).reshape(-1, 3)
        elif not of_faces and suffix == ".off":
            shades = np.round(shades[triangles].mean(axis=1)).astype(np.uint8)
    if up == "z":
        vertices = np.stack([vertices[:, 0], -vertices[:, 2], vertices[:, 1]], axis=1)
    comment = f"hypernet shapes: unit {unit}, {up} up"
    if suffix == ".obj":
        content = wavefront.write(vertices, triangles, shades, comment)
    elif suffix == ".off":
        content = geomview.write(vertices, triangles, shades, comment)
    elif suffix == ".ply":
        content = ply.write(vertices, triangles, shades, of_faces, comment)
    elif suffix == ".stl":
        vertices = vertices * (UNITS[unit] / UNITS["mm"])
        normals = Mesh(vertices, triangles).normals
        content = stl.write(vertices, triangles, normals, f"hypernet shapes: unit mm, {up} up")
    else:
        content = gltf.write(vertices * UNITS[unit], triangles, shades)
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def check_written(path: Path, up: str = "y") -> Path:
    """The path, if a mesh can be written there.

    Raises:
        UserError: another ending than those of :data:`WRITTEN`, a folder, or an axis that the format does not have up.
    """
    if path.suffix.lower() not in WRITTEN:
        raise UserError(f"{path}: the name must end in {', '.join(WRITTEN)}")
    if path.is_dir():
        raise UserError(f"{path}: this is a folder; name a file")
    if up not in UPS or (up == "z" and path.suffix.lower() == ".glb"):
        raise UserError(f"up: {up!r} cannot be up in {path}; accepted: y, and z except for .glb")
    return path
