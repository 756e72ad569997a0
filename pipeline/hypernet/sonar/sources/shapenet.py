"""ShapeNetCore as it is handed out: ``<synset>/<id>/model.obj``, or ``<synset>/<id>/models/model_normalized.obj``.

Its objects stand with y up and their front at +x; ours has the front at +z, so (x, y, z) becomes (-z, y, x).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.shapes.core.solids import Mesh
from hypernet.shapes.names import SYNSETS
from hypernet.shapes.sources.choy import BROKEN, LISTS, portions, read_lists
from hypernet.shapes.sources.mesh_files import read_mesh

# Of the first and of the second version.
MODELS = ("model.obj", "models/model_normalized.obj")
FOLDERS = ("ShapeNetCore.v1", "ShapeNetCore.v2", "ShapeNetCore")


def find_models(folder: Path) -> list[tuple[str, str, str, Path]]:
    """Class, identifier, split and mesh of every object of the 13 classes, by class and identifier.

    Args:
        folder: with a folder for each synset. Where ``ShapeNet.json`` or ``splits.json`` lies in it or beside it, that
            names the splits; else 3D-R2N2's rule does: see ``hypernet.shapes.sources.choy.portions``.

    Raises:
        UserError: no object is there, or the lists cannot be read.
    """
    named = [place / name for place in (folder, folder.parent) for name in LISTS]
    lists = next((path for path in named if path.is_file()), None)
    splits = read_lists(lists) if lists is not None else None
    objects = []
    for class_name, synset in SYNSETS.items():
        place = folder / synset
        names = sorted(path.name for path in place.iterdir() if path.is_dir()) if place.is_dir() else []
        names = [name for name in names if (synset, name) not in BROKEN]
        split_of = portions(names) if splits is None else splits.get(synset, {})
        for name in names:
            path = next((place / name / model for model in MODELS if (place / name / model).is_file()), None)
            if path is not None and name in split_of:
                objects.append((class_name, name, split_of[name], path))
    if not objects:
        raise UserError(f"{folder}: no <synset>/<id>/{MODELS[0]} of the 13 classes (nor {MODELS[1]})")
    return objects


@dataclass(frozen=True)
class Model:
    """The mesh file of an object of ShapeNet."""

    path: Path

    def read(self) -> Mesh:
        """Its mesh, the front along z.

        Raises:
            UserError: it cannot be read.
        """
        mesh = read_mesh(self.path)
        turned = mesh.vertices[:, [2, 1, 0]] * np.array([-1.0, 1.0, 1.0])
        return Mesh(turned, mesh.triangles, mesh.notes)
