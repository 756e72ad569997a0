"""`hypernet shapes reconstruct`: photographs in, meshes, networks, pictures and pages out."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from hypernet.cli import main
from hypernet.lab.errors import UserError
from hypernet.shapes.core.decoder import field_of_network
from hypernet.shapes.core.frames import grid
from hypernet.shapes.core.metrics import iou
from hypernet.shapes.core.solids import Mesh, inside
from hypernet.shapes.sources.mesh_files import read_mesh
from hypernet.shapes.tools import viewer
from hypernet.shapes.tools.reconstruct import placed, reconstruct
from hypernet.shapes.trained import Reconstructor

from .conftest import SIZE, ball, drawn, slab

POINTS = grid(32)


def command(model_file, *arguments):
    return ["shapes", "reconstruct", *map(str, arguments), "--model", str(model_file)]


def test_a_photograph_becomes_its_object(model, photos):
    for name, truth in (("disc", ball), ("bar", slab)):
        shape = reconstruct(photos[name], model=model, resolution=64)
        assert shape.mesh.watertight
        assert iou(inside(shape.mesh, POINTS), truth(POINTS)) > 0.7
        # What the mesh says, the model says, but for rounding at the surface.
        (voxels,) = model(shape.views[0].pixels[None])
        assert iou(inside(shape.mesh, POINTS), voxels) > 0.98
        assert shape.familiarity == pytest.approx([0], abs=1e-3)
    assert shape.nearest_classes == ("table",)


def test_the_command_writes_everything(model_file, photos, tmp_path, capsys, monkeypatch):
    turntable = viewer.turntable
    monkeypatch.setattr(viewer, "turntable", lambda mesh, size, frames: turntable(mesh, size=48, frames=4))
    out = tmp_path / "made"
    files = {"out": "o.glb", "network": "n.npz", "picture": "p.png", "turntable": "t.gif", "page": "g.html"}
    options = [part for option, name in files.items() for part in (f"--{option}", out / name)]
    assert main(command(model_file, photos["disc"], "--resolution", 48, *options)) == 0
    printed = capsys.readouterr().out
    assert re.search(r"o.glb: [\d,]+ faces, closed, y up, z to the front, longest side 1 m \(assumed", printed)
    assert "the picture's own opacity is used" in printed
    assert "framing kept" in printed
    assert "nearest to training images of the class lamp" in printed
    assert {path.name for path in out.iterdir()} == set(files.values())
    mesh = read_mesh(out / "o.glb")
    assert np.ptp(mesh.bounds, axis=0).max() == pytest.approx(1.0, abs=1e-6)
    assert f"o.glb: {len(mesh.triangles):,} faces" in printed
    with Image.open(out / "p.png") as picture:
        assert np.asarray(picture)[..., 3].any()
    assert "disc.png, reconstructed by hyper (Two drawings)" in (out / "g.html").read_text()


def test_the_network_is_the_object(model, photos, tmp_path):
    shape = reconstruct(photos["bar"], model=model, resolution=32)
    shape.save_network(tmp_path / "bar.npz")
    points = POINTS.reshape(-1, 3).astype(np.float32)
    expected = model.fields(shape.views[0].pixels[None])[0](points)
    np.testing.assert_allclose(field_of_network(shape.network)(points), expected, rtol=1e-3, atol=1e-3)
    with np.load(tmp_path / "bar.npz", allow_pickle=False) as net:
        assert sum(net[name].size for name in net.files if name.startswith(("weight", "bias"))) == 4546 - 161
        assert "bar.png" in str(net["about"])


def test_a_background_is_removed_and_it_is_said(model, photos):
    shape = reconstruct(photos["wall"], model=model, resolution=32)
    assert "ground removed" in str(shape)
    assert "object brought to the middle and to the size" in str(shape)
    pixels = shape.views[0].pixels
    assert pixels.shape == (SIZE, SIZE, 4)
    assert not pixels[0].any()
    assert iou(inside(shape.mesh, POINTS), ball(POINTS)) > 0.7


def test_a_mask_is_used_instead_of_the_rule(model_file, photos, tmp_path, capsys):
    stripes = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    Image.fromarray(stripes).save(tmp_path / "busy.png")
    white = drawn("disc")[..., 3]
    Image.fromarray(white).save(tmp_path / "mask.png")
    out = ["--out", tmp_path / "o.ply", "--resolution", 32]
    assert main(command(model_file, tmp_path / "busy.png", *out)) == 2
    assert re.search(r"busy.png: the picture's border is not of one colour .* give a mask", capsys.readouterr().err)
    assert main(command(model_file, tmp_path / "busy.png", "--mask", tmp_path / "mask.png", *out)) == 0
    assert "ground removed by the mask" in capsys.readouterr().out
    # A mask may also be the opacity of a picture.
    Image.fromarray(drawn("disc")).save(tmp_path / "cut.png")
    shapes = [
        reconstruct(tmp_path / "busy.png", masks=mask, model=model_file, resolution=16)
        for mask in (tmp_path / "mask.png", tmp_path / "cut.png", white > 0)
    ]
    for shape in shapes[1:]:
        assert np.array_equal(shape.views[0].pixels, shapes[0].views[0].pixels)


def test_views_are_averaged_in_the_embedding(model, photos):
    shape = reconstruct([photos["disc"], photos["bar"]], model=model, resolution=32)
    pixels = np.stack([drawn("disc"), drawn("bar")])
    np.testing.assert_allclose(shape.embedding, model.embedding(pixels).mean(axis=0), atol=1e-5)
    assert "one object of 2 views: their embeddings are averaged" in shape.summary()
    assert repr(shape).startswith("Reconstruction(disc.png, bar.png, hyper, ")
    assert len(shape.familiarity) == 2


def test_what_is_unlike_the_training_is_a_warning(model):
    strange = drawn("disc")
    strange[4:28, 15:17] = (0, 255, 0, 255)
    strange[..., :3] = 255 - strange[..., :3]
    try:
        shape = reconstruct(strange, model=model, resolution=32)
    except UserError as error:
        pytest.fail(f"the drawing has no surface any more: {error}")
    assert shape.familiarity[0] > 1
    assert re.search(r"warning: image 1: unlike any class it knows \([\d,]+% of the familiar range", shape.summary())


CUBE = Mesh(
    np.array([[x, y, z] for x in (-0.2, 0.2) for y in (-0.5, 0.5) for z in (-0.1, 0.3)]),
    np.array([[0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1],
              [2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3]]),
)  # fmt: skip


def test_pieces_that_do_not_hang_together_are_counted(model, photos, tmp_path):
    shape = reconstruct(photos["disc"], model=model, resolution=16)
    two = Mesh(
        np.concatenate([CUBE.vertices, CUBE.vertices + 0.45]), np.concatenate([CUBE.triangles, CUBE.triangles + 8])
    )
    assert "pieces" not in replace(shape, mesh=CUBE).save(tmp_path / "one.stl")
    assert replace(shape, mesh=two).save(tmp_path / "two.stl").startswith("24 faces, closed, 2 pieces, z up")


@pytest.mark.parametrize(
    ("ending", "size", "lengths", "words"),
    [
        (".glb", None, (0.4, 1.0, 0.4), "y up, z to the front, longest side 1 m (assumed"),
        (".glb", 450.0, (0.18, 0.45, 0.18), "y up, z to the front, longest side 0.45 m"),
        (".stl", None, (40, 40, 100), "z up, front to -y, longest side 100 mm (assumed"),
        (".stl", 60.0, (24, 24, 60), "z up, front to -y, longest side 60 mm"),
        (".obj", None, (0.4, 1.0, 0.4), "in the canonical cube [-1, 1]³, y up, z to the front, longest side 1.000"),
        (".ply", 60.0, (24, 60, 24), "y up, z to the front, longest side 60 mm"),
    ],
)
def test_frames_and_units_of_the_formats(ending, size, lengths, words, tmp_path):
    from hypernet.shapes.sources.mesh_files import write_mesh

    ready = placed(CUBE, ending, size)
    assert ready.words.startswith(words)
    write_mesh(tmp_path / f"o{ending}", ready.mesh, unit=ready.unit, up=ready.up)
    trimesh = pytest.importorskip("trimesh")
    read = trimesh.load_mesh(tmp_path / f"o{ending}")
    np.testing.assert_allclose(read.extents, lengths, rtol=1e-5)
    assert read.volume > 0
    if ending == ".stl":
        # The front, z = 0.3 of the cube, is at the most negative y.
        scale = lengths[2]
        np.testing.assert_allclose(read.bounds[:, 1], [-0.3 * scale, 0.1 * scale], rtol=1e-5)


# --- what is refused ----------------------------------------------------------------------------------------


def refused(capsys, arguments):
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1, printed.err
    return printed.err


def test_names_are_refused_before_any_work(photos, tmp_path, capsys, monkeypatch):
    """Not even the model is opened: it is not there."""
    monkeypatch.setattr("hypernet.shapes.trained.open_model", lambda path: pytest.fail("opened"))
    (tmp_path / "folder.glb").mkdir()
    before = sorted(tmp_path.iterdir())
    model, photo, glb, gif = tmp_path / "absent.ckpt", photos["disc"], tmp_path / "o.glb", tmp_path / "t.gif"
    for reason, arguments in {
        "nothing to write: give --out": [],
        "--out .*o.stp: the name must end in .obj or": ["--out", tmp_path / "o.stp"],
        "--out .*: this is a folder": ["--out", tmp_path / "folder.glb"],
        "--network .*n.pt: the name must end in .npz or .onnx": ["--network", tmp_path / "n.pt"],
        "--picture .*: the name of a picture must end in .png": ["--picture", tmp_path / "p.jpg"],
        "--turntable .* must end in .gif": ["--turntable", tmp_path / "p.mp4"],
        "--page .* must end in .html": ["--page", tmp_path / "p.pdf"],
        "--picture .*disc.png: this file is read by the same command": ["--picture", photo],
        "--resolution: '3' is not a whole number from 4 to 512": ["--out", glb, "--resolution", "3"],
        "--resolution: '1000'": ["--out", glb, "--resolution", "1000"],
        "--size-mm: '0' is not a length": ["--out", glb, "--size-mm", "0"],
        "--size-mm: is of the mesh": ["--turntable", gif, "--size-mm", "20"],
        "--framing: invalid choice": ["--out", glb, "--framing", "best"],
    }.items():
        assert re.search(reason, refused(capsys, command(model, photo, *arguments))), reason
    assert sorted(tmp_path.iterdir()) == before


def test_two_outputs_of_one_name_are_refused(photos, tmp_path, capsys, model_file):
    same = tmp_path / "sub" / ".." / "a.png"
    wanted = command(model_file, photos["bar"], "--picture", tmp_path / "a.png", "--out", tmp_path / "a.obj")
    (tmp_path / "sub").mkdir()
    assert "read by the same command" in refused(capsys, command(model_file, same, "--picture", tmp_path / "a.png"))
    (tmp_path / "l.obj").symlink_to(tmp_path / "a.png")
    wanted[wanted.index(str(tmp_path / "a.obj"))] = str(tmp_path / "l.obj")
    assert "this file is written by --out" in refused(capsys, wanted)


def test_bad_photographs_are_one_line(model_file, photos, tmp_path, capsys):
    (tmp_path / "text.png").write_text("hello")
    Image.new("RGBA", (20, 20)).save(tmp_path / "nothing.png")
    Image.new("RGB", (20, 20), (9, 9, 9)).save(tmp_path / "grey.png")
    out = ["--out", tmp_path / "o.glb"]
    for reason, arguments in {
        "absent.png": [tmp_path / "absent.png"],
        "text.png: not a picture": [tmp_path / "text.png"],
        "nothing.png: every pixel is transparent": [tmp_path / "nothing.png"],
        "grey.png: nothing is left": [tmp_path / "grey.png"],
        "1 masks for 2 photographs": [photos["disc"], photos["bar"], "--mask", photos["disc"]],
        "the mask has 64 x 64 pixels, the picture 32 x 32": [photos["disc"], "--mask", photos["wall"]],
        "class: sofa; accepted: airplane, bench": [photos["disc"], "--class", "sofa"],
        "hyper: sees the class by itself": [photos["disc"], "--class", "lamp"],
    }.items():
        assert re.search(reason, refused(capsys, command(model_file, *arguments, *out))), reason
    assert not (tmp_path / "o.glb").exists()


def test_an_empty_field_is_one_message(model, photos, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(Reconstructor, "field_of", lambda self, embedding: lambda points: np.full(len(points), -3.0))
    monkeypatch.setattr("hypernet.shapes.trained.open_model", lambda path: model)
    error = refused(capsys, command("m.ckpt", photos["disc"], "--out", tmp_path / "o.glb"))
    assert re.search(r"disc.png: hyper sees no object there: there is no surface: the field is outside", error)
    assert not (tmp_path / "o.glb").exists()


def test_methods_that_cannot_are_refused(photos, tmp_path, capsys, monkeypatch):
    """A mean of voxels has neither embedding nor network, but it is a mesh."""
    from hypernet.shapes.baselines.means import MeanShape

    means = {
        name: Reconstructor(name, "test", SIZE, False, MeanShape(groups).eval())
        for name, groups in (("mean_shape", 1), ("class_mean_oracle", 13))
    }
    for mean in means.values():
        mean.network.mean.copy_(mean.network.mean.new_tensor(ball(POINTS)).expand(mean.network.groups, -1, -1, -1))
        mean.network.level.fill_(0.5)
    shape = reconstruct(photos["disc"], model=means["mean_shape"], resolution=48)
    assert iou(inside(shape.mesh, POINTS), ball(POINTS)) > 0.9
    assert shape.embedding is None
    assert "nearest" not in shape.summary()
    with pytest.raises(UserError, match="mean_shape: writes no network"):
        shape.save_network(tmp_path / "n.npz")
    with pytest.raises(UserError, match="mean_shape: has no embedding to average 2 views in"):
        reconstruct([photos["disc"], photos["bar"]], model=means["mean_shape"])
    with pytest.raises(UserError, match="class_mean_oracle: is told the object's class"):
        reconstruct(photos["disc"], model=means["class_mean_oracle"])
    told = reconstruct(photos["disc"], model=means["class_mean_oracle"], class_name="lamp", resolution=48)
    assert told.mesh.watertight
    monkeypatch.setattr("hypernet.shapes.trained.open_model", lambda path: means["mean_shape"])
    network = command("m.ckpt", photos["disc"], "--out", tmp_path / "o.glb", "--network", tmp_path / "n.npz")
    assert "writes no network" in refused(capsys, network)
    assert not (tmp_path / "o.glb").exists()


def test_a_size_out_of_range_and_a_model_that_is_none(model, photos, tmp_path):
    shape = reconstruct(drawn("disc"), model=model, resolution=16)
    with pytest.raises(UserError, match="size: -1 mm"):
        shape.save(tmp_path / "o.stl", size_mm=-1)
    with pytest.raises(UserError, match="resolution: 2"):
        reconstruct(photos["disc"], model=model, resolution=2)
    with pytest.raises(UserError, match="image 1: float64"):
        reconstruct(np.zeros((4, 4, 4)), model=model)
    with pytest.raises(UserError, match="no photograph was given"):
        reconstruct([], model=model)
    with pytest.raises(UserError, match=r"absent.ckpt: no such model file"):
        reconstruct(photos["disc"], model=tmp_path / "absent.ckpt")
    assert not (tmp_path / "o.stl").exists()


def test_a_picture_of_pillow_is_taken_as_it_is(model, photos):
    with Image.open(photos["bar"]) as picture:
        by_picture = reconstruct(picture, model=model, resolution=32)
    by_file = reconstruct(photos["bar"], model=model, resolution=32)
    np.testing.assert_array_equal(by_file.mesh.vertices, by_picture.mesh.vertices)
