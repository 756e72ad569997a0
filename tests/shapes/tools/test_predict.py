"""`hypernet shapes predict`: arrays in, arrays out."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from hypernet.cli import main
from hypernet.lab.errors import UserError
from hypernet.lab.runs.models import load_model, save_model
from hypernet.shapes.baselines.retrieval import Retrieval
from hypernet.shapes.core.frames import grid
from hypernet.shapes.core.metrics import iou
from hypernet.shapes.tools import predict as module
from hypernet.shapes.tools.predict import predict
from hypernet.shapes.trained import Reconstructor, open_model

from .conftest import SIZE, ball, drawn, slab


def command(model, images, out):
    return ["shapes", "predict", "--model", str(model), "--images", str(images), "--out", str(out)]


@pytest.fixture(scope="module")
def images():
    return np.stack([drawn("disc"), drawn("bar"), drawn("disc")])


@pytest.mark.parametrize("given", [".npy", ".npz"])
@pytest.mark.parametrize("ending", [".npy", ".npz"])
def test_images_become_voxels(model_file, images, tmp_path, capsys, given, ending):
    np.save(tmp_path / "images.npy", images)
    np.savez_compressed(tmp_path / "images.npz", images=images)
    out = tmp_path / f"out{ending}"
    assert main(command(model_file, tmp_path / f"images{given}", out)) == 0
    assert re.search(r"3 shapes of 32³ voxels, \d+\.\d% of them inside: ", capsys.readouterr().out)
    content = np.load(out, allow_pickle=False)
    occupancy = content if ending == ".npy" else content["occupancy"]
    assert occupancy.dtype == bool
    assert occupancy.shape == (3, 32, 32, 32)
    for voxels, truth in zip(occupancy, (ball, slab, ball), strict=True):
        assert iou(voxels, truth(grid(32))) > 0.7
    assert np.array_equal(occupancy[0], occupancy[2])


def test_the_function_gives_what_the_command_writes(model_file, model, images, tmp_path):
    np.save(tmp_path / "images.npy", np.asfortranarray(images))
    assert main(command(model_file, tmp_path / "images.npy", tmp_path / "out.npy")) == 0
    written = np.load(tmp_path / "out.npy")
    for given, opened in ((images, model), (tmp_path / "images.npy", str(model_file)), (images, model_file)):
        assert np.array_equal(predict(given, model=opened), written)
    assert np.array_equal(predict(images[1], model=model), written[1:2])


def test_an_empty_shape_is_said(model, images, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(Reconstructor, "__call__", lambda self, images, classes: np.zeros((3, 32, 32, 32), bool))
    monkeypatch.setattr("hypernet.shapes.trained.open_model", lambda path: model)
    np.save(tmp_path / "images.npy", images)
    assert main(command("m.ckpt", tmp_path / "images.npy", tmp_path / "out.npy")) == 0
    assert "3 shapes of 32³ voxels, 0.0% of them inside; 3 empty" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("gallery", torch.zeros(2, 15), "the embeddings of the training data are not those of this network"),
        ("gallery", torch.zeros(2, 16, dtype=torch.float64), "the embeddings of the training data are not finite"),
        ("gallery_classes", torch.tensor([3, 13]), "gallery_classes: not whole numbers from 0 to 12"),
        ("gallery_classes", torch.tensor([3]), "the classes of the training data are not one for each embedding"),
        ("familiar_distance", float("nan"), "familiar_distance is nan"),
        ("image_size", True, "image_size is True"),
        ("state", "double", "is of the type torch.float64"),
    ],
)
def test_a_model_file_that_was_changed_by_hand_is_one_line(model_file, tmp_path, name, value, reason):
    content = load_model(model_file)
    if value == "double":
        value = {key: weights.double() for key, weights in content["state"].items()}
    save_model(tmp_path / "model.ckpt", {**content, name: value})
    with pytest.raises(UserError, match=reason):
        open_model(tmp_path / "model.ckpt")


def test_a_nearest_shape_that_is_not_there_is_one_line(model_file, tmp_path):
    state = Retrieval(2, 4, 8, framed=False).state_dict() | {"owner": torch.tensor([0, 0, 1, 2])}
    content = load_model(model_file) | {"method": "retrieval", "thumbnails_framed": False, "state": state}
    del content["gallery"], content["gallery_classes"]
    save_model(tmp_path / "model.ckpt", content | {"settings": {"method": {"sizes": [8], "framed": [False]}}})
    with pytest.raises(UserError, match="owner: not whole numbers from 0 to 1"):
        open_model(tmp_path / "model.ckpt")


def test_a_method_that_is_told_the_class_reads_it(images, tmp_path):
    from hypernet.shapes.baselines.means import MeanShape

    oracle = Reconstructor("class_mean_oracle", "test", SIZE, False, MeanShape(13).eval())
    oracle.network.mean[2] = 1
    oracle.network.level.fill_(0.5)
    np.savez(tmp_path / "told.npz", images=images, classes=np.array([2, 0, 2]))
    assert predict(tmp_path / "told.npz", model=oracle).mean(axis=(1, 2, 3)).tolist() == [1, 0, 1]
    with pytest.raises(UserError, match="images: class_mean_oracle: is told the class"):
        predict(images, model=oracle)
    with pytest.raises(UserError, match=r"images: classes: .*accepted: 3 whole numbers from 0 to 12"):
        predict(images, model=oracle, classes=np.array([13, 0, 0]))
    for classes in (np.array([0.7, 0, 0]), np.array(["car", "car", "car"]), [None, 0, 0]):
        with pytest.raises(UserError, match="whole numbers from 0 to 12, places in airplane, bench"):
            predict(images, model=oracle, classes=classes)


@pytest.mark.parametrize(
    ("images", "reason"),
    [
        (np.zeros((2, SIZE, SIZE, 3), np.uint8), r"uint8 \[2, 32, 32, 3\]; accepted: uint8 RGBA \[B, S, S, 4\]"),
        (np.zeros((0, SIZE, SIZE, 4), np.uint8), "accepted: uint8 RGBA"),
        (np.zeros((1, SIZE, SIZE, 4), np.float32), "float32"),
        (np.zeros((1, SIZE, SIZE, 4), np.int64), "int64"),
        (np.zeros((1, 20, 20, 4), np.uint8), r"accepted: uint8 RGBA \[B, 32, 32, 4\]"),
        (np.array([{}]), "Python objects"),
    ],
)
def test_bad_images_are_one_line(model_file, tmp_path, capsys, images, reason):
    np.save(tmp_path / "images.npy", images)
    assert main(command(model_file, tmp_path / "images.npy", tmp_path / "out.npy")) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert re.search(reason, error), error
    assert not (tmp_path / "out.npy").exists()


def test_bad_files_are_one_line(model_file, images, tmp_path, capsys):
    np.save(tmp_path / "images.npy", images)
    whole = (tmp_path / "images.npy").read_bytes()
    (tmp_path / "short.npy").write_bytes(whole[:-5])
    np.savez(tmp_path / "other.npz", pictures=images)
    (tmp_path / "folder.npy").mkdir()
    for given, out, reason in (
        ("short.npy", "out.npy", "shorter than its header says"),
        ("other.npz", "out.npy", "no array images in it"),
        ("absent.npy", "out.npy", "no such file of images"),
        ("images.npy", "out.csv", "--out .* must end in .npy or .npz"),
        ("images.csv", "out.npy", "--images .* must end in .npy or .npz"),
        ("images.npy", "folder.npy", "--out .*: this is a folder"),
        ("images.npy", "images.npy", "--out .*images.npy: this file is read by the same command"),
    ):
        assert main(command(model_file, tmp_path / given, tmp_path / out)) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert re.search(reason, error), (given, error)
    assert (tmp_path / "images.npy").read_bytes() == whole
    assert not (tmp_path / "out.npy").exists()


def test_too_many_images_are_refused(model, images, monkeypatch):
    monkeypatch.setattr(module, "MOST_IMAGES", 2)
    with pytest.raises(UserError, match="3 images; accepted: 2 at most"):
        predict(images, model=model)
