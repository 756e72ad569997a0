"""`hypernet shapes interpolate`: strips and meshes between two objects."""

from __future__ import annotations

import re

import numpy as np
import pytest
from PIL import Image

from hypernet.cli import main
from hypernet.lab.errors import UserError
from hypernet.shapes.core.frames import INNER
from hypernet.shapes.sources.mesh_files import read_mesh
from hypernet.shapes.tools.interpolate import LINE, TILE, interpolate
from hypernet.shapes.trained import Reconstructor


@pytest.fixture(scope="module")
def between(model, request):
    from .conftest import drawn

    return interpolate(drawn("disc"), drawn("bar"), model=model, steps=4, resolution=32)


def test_the_ends_are_the_objects(between, model):
    from hypernet.shapes.core.extraction import extract

    assert between.shares.tolist() == pytest.approx([0, 1 / 3, 2 / 3, 1])
    fields = model.fields(np.stack([view.pixels for view in between.views]))
    for mesh, field in zip((between.meshes[0], between.meshes[-1]), fields, strict=True):
        assert mesh.volume == pytest.approx(extract(field, 32).volume, rel=0.01)
    assert all(mesh.watertight for mesh in between.meshes)


def test_linear_heads_make_both_ways_one(between, model):
    """θ = H e + θ_0: the straight line in the embedding is the straight line in the weights."""
    from .conftest import drawn

    within = interpolate(drawn("disc"), drawn("bar"), model=model, steps=4, resolution=32, within="theta")
    for mesh, other in zip(between.meshes, within.meshes, strict=True):
        assert mesh.volume == pytest.approx(other.volume, rel=0.01)
    assert between.affine is within.affine is True
    assert "both ways are the same" in between.summary()
    assert "4 steps in the theta" in within.summary()


def test_heads_that_are_not_linear_differ(model, monkeypatch):
    from .conftest import drawn

    theta = Reconstructor.theta
    monkeypatch.setattr(Reconstructor, "theta", lambda self, embedding: theta(self, embedding) ** 3)
    monkeypatch.setattr("hypernet.shapes.tools.interpolate._mesh", lambda shape, resolution: None)
    monkeypatch.setattr("hypernet.shapes.tools.interpolate.extract", lambda *arguments, **options: None)
    with pytest.raises(UserError, match="image 1 to image 2: hyper sees no object in any of 3 steps"):
        interpolate(drawn("disc"), drawn("bar"), model=model, steps=3)
    from hypernet.shapes.core.solids import Mesh

    tetrahedron = Mesh(np.vstack([np.zeros(3), np.eye(3)]), np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]]))
    monkeypatch.setattr("hypernet.shapes.tools.interpolate._mesh", lambda shape, resolution: tetrahedron)
    bent = interpolate(drawn("disc"), drawn("bar"), model=model, steps=3)
    assert bent.affine is False
    assert "both ways" not in bent.summary()


def test_the_command_writes_a_strip_and_meshes(model_file, photos, tmp_path, capsys):
    strip, folder = tmp_path / "strip.png", tmp_path / "made" / "meshes"
    options = ["--steps", "3", "--out", strip, "--meshes", folder, "--resolution", "24", "--model", model_file]
    assert main(["shapes", "interpolate", *map(str, [photos["disc"], photos["bar"], *options])]) == 0
    printed = capsys.readouterr().out
    assert re.search(r"3 steps in the embedding; volumes in the cube of 8: 0\.\d+, 0\.\d+, 0\.\d+\n", printed)
    assert f"3 meshes, y up, one scale (the inner cube is 1 m wide): {folder}" in printed
    with Image.open(strip) as picture:
        assert picture.size == (5 * TILE, TILE + LINE)
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    for number in range(5):
        tile = pixels[:TILE, number * TILE : (number + 1) * TILE]
        assert (tile.min(axis=-1) < 240).mean() > 0.05, f"tile {number} is empty"
    names = [f"step{number:02d}.glb" for number in range(3)]
    assert sorted(path.name for path in folder.iterdir()) == names
    volumes = [float(text) for text in re.findall(r"0\.\d{3}", printed.split("of 8:")[1])][:3]
    for name, volume in zip(names, volumes, strict=True):
        assert read_mesh(folder / name).volume * (2 * INNER) ** 3 == pytest.approx(volume, abs=1e-3)


def test_an_empty_step_is_left_blank_and_said(model, monkeypatch, tmp_path):
    from .conftest import drawn

    field_of, calls = Reconstructor.field_of, []

    def sometimes(self, embedding):
        calls.append(embedding)
        return (lambda points: np.full(len(points), -1.0)) if len(calls) == 2 else field_of(self, embedding)

    monkeypatch.setattr(Reconstructor, "field_of", sometimes)
    between = interpolate(drawn("disc"), drawn("bar"), model=model, steps=3, resolution=16)
    assert between.meshes[1] is None
    assert re.search(r"volumes in the cube of 8: 0\.\d+, empty, 0\.\d+", between.summary())
    assert (between.strip()[:TILE, 2 * TILE : 3 * TILE] == 255).all()
    assert [path.name for path in between.save_meshes(tmp_path / "m")] == ["step00.glb", "step02.glb"]


# --- what is refused ----------------------------------------------------------------------------------------


def test_what_is_refused_is_one_line(model_file, photos, tmp_path, capsys):
    full = tmp_path / "full"
    full.mkdir()
    (full / "mine.txt").write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    out = ["--out", tmp_path / "s.png"]
    for reason, options in {
        "the following arguments are required: --out": [],
        "--out .*s.jpg: the name must end in .png": ["--out", tmp_path / "s.jpg"],
        "--out .*disc.png: this file is read by the same command": ["--out", photos["disc"]],
        "--steps: '1' is not a whole number from 2 to 64": [*out, "--steps", "1"],
        "--in: invalid choice: 'pixels'": [*out, "--in", "pixels"],
        "--meshes .*full: holds files already; name a new folder": [*out, "--meshes", full],
        "--meshes .*bar.png: this is a file; name a folder": [*out, "--meshes", photos["bar"]],
    }.items():
        arguments = [photos["disc"], photos["bar"], "--model", model_file, *options]
        assert main(["shapes", "interpolate", *map(str, arguments)]) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert re.search(reason, error), (reason, error)
    assert sorted(tmp_path.rglob("*")) == before


def test_methods_that_cannot_are_refused(photos, model):
    from hypernet.shapes.baselines.means import MeanShape

    from .conftest import SIZE

    mean = Reconstructor("mean_shape", "test", SIZE, False, MeanShape(1).eval())
    pair = photos["disc"], photos["bar"]
    with pytest.raises(UserError, match="mean_shape: has no embedding to interpolate in"):
        interpolate(*pair, model=mean)
    with pytest.raises(UserError, match="mean_shape: writes no network for each object; accepted: --in embedding"):
        interpolate(*pair, model=mean, within="theta")
    with pytest.raises(UserError, match="within: 'pixels'; accepted: embedding, theta"):
        interpolate(*pair, model=model, within="pixels")
    with pytest.raises(UserError, match="steps: 1; accepted: 2 to 64"):
        interpolate(*pair, model=model, steps=1)


def test_masks_cut_both_objects_out(model):
    """On a ground that no rule tells from the object: the same pictures as of objects that came cut out."""
    from .conftest import drawn

    photos = [drawn(shape, ground=(190, 70, 50)) for shape in ("disc", "bar")]
    masks = [drawn(shape)[..., 3] for shape in ("disc", "bar")]
    options = {"model": model, "steps": 2, "resolution": 32, "framing": "recentre"}
    between = interpolate(*photos, masks=masks, **options)
    plain = interpolate(drawn("disc"), drawn("bar"), **options)
    for masked, cut in zip(between.views, plain.views, strict=True):
        np.testing.assert_array_equal(masked.pixels[..., 3], cut.pixels[..., 3])
    with pytest.raises(UserError, match="1 masks for 2 photographs"):
        interpolate(*photos, masks=masks[:1], **options)
