"""`hypernet superres predict`: arrays in, arrays out."""

from __future__ import annotations

import re

import numpy as np
import pytest

from hypernet.cli import main
from hypernet.lab.errors import UserError
from hypernet.superres.tools import predict as module
from hypernet.superres.tools.predict import predict
from hypernet.superres.trained import open_model

from .conftest import digit, small


def command(model, images, out):
    return ["superres", "predict", "--model", str(model), "--images", str(images), "--out", str(out)]


@pytest.fixture(scope="module")
def images():
    return np.stack([small(number) for number in range(3)])


@pytest.mark.parametrize("given", [".npy", ".npz"])
@pytest.mark.parametrize("ending", [".npy", ".npz"])
def test_small_images_become_large(models, images, tmp_path, capsys, given, ending):
    np.save(tmp_path / "images.npy", images)
    np.savez_compressed(tmp_path / "images.npz", images=images)
    out = tmp_path / f"out{ending}"
    assert main(command(models["hyper"], tmp_path / f"images{given}", out)) == 0
    words = r"3 images of 32 x 32 pixels: .*; agreement with the small ones \d+\.\d dB on average, \d+\.\d at least"
    assert re.search(words, capsys.readouterr().out)
    content = np.load(out, allow_pickle=False)
    high = content if ending == ".npy" else content["high"]
    assert (high.shape, high.dtype) == ((3, 32, 32), np.float32)
    for number in range(3):
        assert np.abs(high[number] - np.pad(digit(number), 2) / 255).mean() < 0.15


def test_the_function_gives_what_the_command_writes(models, images, tmp_path, monkeypatch):
    np.save(tmp_path / "images.npy", np.asfortranarray(images))
    assert main(command(models["espcn"], tmp_path / "images.npy", tmp_path / "out.npy")) == 0
    written, opened = np.load(tmp_path / "out.npy"), open_model(models["espcn"])
    for given, model in ((images, opened), (str(tmp_path / "images.npy"), str(models["espcn"]))):
        assert np.array_equal(predict(given, model=model), written)
    assert np.array_equal(predict(images[1], model=opened)[0], predict(images[1:2], model=opened)[0])
    levels = np.round(255 * images).astype(np.uint8)
    np.testing.assert_array_equal(predict(levels, model=opened), opened((levels / 255).astype(np.float32)))
    monkeypatch.setattr(module, "IMAGES_AT_ONCE", 2)
    np.testing.assert_allclose(predict(images, model=opened), written, atol=1e-5)


@pytest.mark.parametrize(
    ("images", "reason"),
    [
        (np.stack([digit()] * 2), r"images.npy: torch.float32 \[2, 28, 28\]; accepted: float \[B, 8, 8\] in \[0, 1\]"),
        (16 * small(), r"images.npy: grey levels from 0 to [\d.]+; accepted: 0, black, to 1, white"),
        (np.zeros((0, 8, 8), np.float32), r"float32 \[0, 8, 8\]; accepted"),
        (np.zeros((2, 8, 8)), "blank, or nearly so"),
        (np.zeros((2, 8, 8, 4), np.uint8), r"uint8 \[2, 8, 8, 4\]"),
        (np.array([{}]), "Python objects"),
    ],
)
def test_bad_images_are_one_line(models, tmp_path, capsys, images, reason):
    np.save(tmp_path / "images.npy", images)
    assert main(command(models["hyper"], tmp_path / "images.npy", tmp_path / "out.npy")) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert re.search(reason, error), error
    assert not (tmp_path / "out.npy").exists()


def test_bad_files_are_one_line(models, images, tmp_path, capsys):
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
        assert main(command(models["hyper"], tmp_path / given, tmp_path / out)) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert re.search(reason, error), (given, error)
    assert (tmp_path / "images.npy").read_bytes() == whole
    assert not (tmp_path / "out.npy").exists()


def test_too_many_images_are_refused(models, images, monkeypatch):
    monkeypatch.setattr(module, "MOST_IMAGES", 2)
    with pytest.raises(UserError, match="3 images; accepted: 2 at most"):
        predict(images, model=models["hyper"])
