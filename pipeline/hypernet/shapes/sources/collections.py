"""Folders of meshes by class: a person's own, or one of the layout `<class>/<collection>__<name>/<name>.obj`."""

from __future__ import annotations

import difflib
from pathlib import Path

from hypernet.lab.errors import UserError
from hypernet.shapes.names import CLASSES
from hypernet.shapes.sources.mesh_files import READERS


def find_meshes(folder: Path | str) -> list[tuple[str, str, Path]]:
    """Class, id and path of each mesh under a folder, sorted.

    A class is a folder of the first level; its meshes are files of it (the id is the file's name without its ending),
    or each alone in a folder of its own (the id is that folder's name). Names that begin with a dot are left out, and
    other files are not looked at.

    Args:
        folder: with one folder for each class.

    Raises:
        UserError: no such folder, a folder that is no class, a mesh outside of the classes, two meshes of one id or in
            one folder, or none at all.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; accepted is one with a folder of meshes for each class")
    meshes_by_id: dict[tuple[str, str], Path] = {}
    for place in sorted(folder.iterdir()):
        if place.name.startswith("."):
            continue
        if place.is_file():
            if place.suffix.lower() in READERS:
                raise UserError(f"{place}: a mesh of no class; put it into a folder named after its class, as {CHOICE}")
            continue
        meshes = list(_meshes_of(place))
        if place.name not in CLASSES:
            if not meshes:
                continue
            close = difflib.get_close_matches(place.name.lower(), CLASSES, 1)
            hint = f" (did you mean {close[0]}?)" if close else ""
            raise UserError(f"{place}: {place.name!r} is no class{hint}; accepted: {', '.join(CLASSES)}")
        for name, path in meshes:
            first = meshes_by_id.setdefault((place.name, name), path)
            if first != path:
                raise UserError(f"{path}: {first.name} has the same id, {name}; name them differently")
    if not meshes_by_id:
        raise UserError(f"{folder}: no meshes; accepted: <class>/<name> with {', '.join(READERS)}, as {CHOICE}")
    return [(name, identity, path) for (name, identity), path in sorted(meshes_by_id.items())]


CHOICE = f"{CLASSES[5]}/my_{CLASSES[5]}.obj"


def _meshes_of(place: Path) -> list[tuple[str, Path]]:
    """Id and path of each mesh of a class's folder."""
    meshes = []
    for path in sorted(place.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_file() and path.suffix.lower() in READERS:
            meshes.append((path.stem, path))
        elif path.is_dir():
            files = [file for file in sorted(path.iterdir()) if not file.name.startswith(".") and file.is_file()]
            inner = [file for file in files if file.suffix.lower() in READERS]
            if len(inner) > 1:
                raise UserError(f"{path}: {len(inner)} meshes; a folder below the class holds one")
            meshes += [(path.name, file) for file in inner]
    return meshes
