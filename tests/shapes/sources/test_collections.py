"""Folders of meshes by class."""

from __future__ import annotations

import pytest

from hypernet.lab.errors import UserError
from hypernet.shapes.names import CLASSES
from hypernet.shapes.sources.collections import find_meshes


def put(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    return folder


def test_a_persons_folder(tmp_path):
    put(tmp_path, "chair/b.OBJ", "chair/a.glb", "table/x__y/whatever.ply", "table/x__y/whatever.mtl", "notes.txt",
        "chair/a.mtl", ".git/chair.obj", "table/.b.obj", "table/x__y/._whatever.ply",
        "textures/wood.png", "lamp/readme.md")  # fmt: skip
    assert [
        (name, identity, path.relative_to(tmp_path).as_posix()) for name, identity, path in find_meshes(tmp_path)
    ] == [
        ("chair", "a", "chair/a.glb"),
        ("chair", "b", "chair/b.OBJ"),
        ("table", "x__y", "table/x__y/whatever.ply"),
    ]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["chairs/a.obj"], "'chairs' is no class .did you mean chair.*; accepted: airplane, bench, .*, watercraft"),
        (["sofa/a.obj"], "'sofa' is no class; accepted: airplane, bench, "),
        (
            ["chair/a.obj", "a.obj"],
            "a mesh of no class; put it into a folder named after its class, as chair/my_chair.obj",
        ),
        (["chair/a.obj", "chair/a.ply"], "a.obj has the same id, a; name them differently"),
        (["chair/x/a.obj", "chair/x/b.obj"], "2 meshes; a folder below the class holds one"),
        (["chair/a.txt"], "no meshes; accepted: <class>/<name> with .obj, .off"),
    ],
)
def test_refusals(tmp_path, names, message):
    with pytest.raises(UserError, match=message) as refusal:
        find_meshes(put(tmp_path, *names))
    assert "\n" not in str(refusal.value)
    if "is no class" in message:
        assert all(name in str(refusal.value) for name in CLASSES)


def test_no_folder(tmp_path):
    with pytest.raises(UserError, match="no such folder"):
        find_meshes(tmp_path / "gone")


def test_the_mirrors_meshes(mirror):
    entries = find_meshes(mirror / "meshes")
    counts = {name: sum(entry[0] == name for entry in entries) for name in CLASSES}
    expected = [1, 6, 7, 2, 3, 8, 6, 0, 6, 3, 2, 7, 1]
    assert counts == dict(zip(CLASSES, expected, strict=True))
    assert ("car", "Scopia__smart-car") in {entry[:2] for entry in entries}
