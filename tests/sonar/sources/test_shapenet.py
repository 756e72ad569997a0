"""ShapeNet's layout, on files that are written here: no archive may be passed on."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hypernet.lab.errors import UserError
from hypernet.shapes.core.solids import Mesh
from hypernet.shapes.names import SYNSETS
from hypernet.shapes.sources.mesh_files import write_mesh
from hypernet.shapes.sources.procedural import generate
from hypernet.sonar.sources.shapenet import Model, find_models

CHAIR, TABLE = SYNSETS["chair"], SYNSETS["table"]


def write(folder, synset: str, name: str, inner: str = "model.obj") -> Mesh:
    """A generated chair as ShapeNet has it: its front along x."""
    mesh = generate("chair", 1).union()
    path = folder / synset / name / inner
    path.parent.mkdir(parents=True, exist_ok=True)
    # Ours (x, y, z) is theirs (z, y, -x).
    theirs = mesh.vertices[:, [2, 1, 0]] * np.array([1.0, 1.0, -1.0])
    write_mesh(path, Mesh(theirs, mesh.triangles))
    return mesh


def test_both_versions_are_read_and_turned(tmp_path):
    first = write(tmp_path, CHAIR, "a")
    write(tmp_path, TABLE, "b", "models/model_normalized.obj")
    models = find_models(tmp_path)
    assert [(name, identity) for name, identity, _, _ in models] == [("chair", "a"), ("table", "b")]
    mesh = Model(models[0][3]).read()
    assert np.allclose(mesh.bounds, first.bounds, atol=1e-6)
    assert mesh.volume == pytest.approx(first.volume, rel=1e-5)


def test_splits_are_those_of_the_list_or_of_the_rule(tmp_path):
    for number in range(10):
        write(tmp_path / "core", CHAIR, f"m{number}")
    counts = {split: sum(entry[2] == split for entry in find_models(tmp_path / "core")) for split in ("train", "test")}
    assert counts == {"train": 7, "test": 2}
    lists = {CHAIR: {"train": ["m9"], "val": ["m8"], "test": ["m0"]}}
    listed = [{"taxonomy_id": CHAIR, **lists[CHAIR]}]
    (tmp_path / "ShapeNet.json").write_text(json.dumps(listed), encoding="utf-8")
    assert {identity: split for _, identity, split, _ in find_models(tmp_path / "core")} == {
        "m0": "test",
        "m8": "validation",
        "m9": "train",
    }


def test_a_folder_without_models_is_one_clear_line(tmp_path):
    with pytest.raises(UserError, match=r"no <synset>/<id>/model.obj"):
        find_models(tmp_path)
