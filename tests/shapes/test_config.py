from __future__ import annotations

from pathlib import Path

import pytest

from hypernet.domains import config_types
from hypernet.lab.config import check, load
from hypernet.lab.errors import UserError

PROJECT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("assignment", "reason"),
    [
        ("methods=[hypernet]", "hypernet is not a method"),
        ("datasets=[shapenet]", "shapenet is not a known data set; accepted: generated"),
        ("generated.test=1", "generated.test"),
        ("views.size=8", "views.size"),
        ("generated.train=7001", "generated.train"),
        ("generated.validation=1001", "generated.validation"),
        ("datasets=[generated_each7001]", "generated_each7001: a class has 7,000 training shapes at most"),
        ("retrieval.sizes=[100000]", "retrieval.sizes.0"),
        ("train.precision=64-true", "train.precision"),
        ("voxels.rule=corner", "voxels.rule"),
        ("samples.sigma=[]", "samples.sigma"),
        ("train.uniform=4000", "uniform is 4000, samples.uniform holds 3000"),
        ("hyper.train={uniform: 0, boundary: 0}", "train of hyper: uniform and boundary are both 0"),
        ("own={generated: {path: here, kind: meshes}}", "generated is the name of a data set of this project"),
        ("own={mine: {path: here, kind: voxels}}", "own.mine.kind"),
        ("decoder.start=zero", "decoder.start"),
        ("evaluate.mesh.resolution=4", "evaluate.mesh.resolution"),
    ],
)
def test_a_mistake_is_one_line_that_names_its_key(section, assignment, reason):
    with pytest.raises(UserError, match="shapes") as raised:
        section("shapes", assignment)
    assert reason in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_training_sees_what_it_depends_on(section):
    config = section("shapes")
    assert config.settings("train", "generated", "hyper_uniform").train.boundary == 0
    assert config.settings("train", "generated", "hyper").train.boundary == config.train.boundary
    assert "views" not in type(config.settings("train", "generated", "hyper")).model_fields


def test_own_meshes_are_found_by_their_class_folders(section, tmp_path):
    (tmp_path / "chair").mkdir()
    (tmp_path / "chair" / "d").mkdir()
    for name in ("a.obj", "b.STL", "c.gltf", "d/mesh.ply", "notes.txt"):
        (tmp_path / "chair" / name).touch()
    config = section("shapes", f"own={{mine: {{path: {tmp_path}, kind: meshes}}}}", "datasets=[mine]")
    files = config.settings("raw", "mine").own_files()
    assert [Path(file).name for file in files] == ["a.obj", "b.STL", "c.gltf", "mesh.ply"]


@pytest.mark.parametrize("overlay", ["real", "paper", "evidence", "medium"])
def test_overlays_are_accepted(overlay):
    content = load([PROJECT / "params.yaml", PROJECT / "config" / f"{overlay}.yaml"], [])
    assert check(config_types()["shapes"], content["shapes"], "shapes").runs()
