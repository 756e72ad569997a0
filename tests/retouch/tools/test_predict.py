"""`hypernet retouch predict`: arrays in, arrays out."""

from __future__ import annotations

import re

import numpy as np
import pytest

from hypernet.cli import main
from hypernet.lab.errors import UserError
from hypernet.retouch import trained
from hypernet.retouch.core.colour_map import ColourMap
from hypernet.retouch.tools.looks import SavedMap
from hypernet.retouch.tools.predict import predict

MAP = ColourMap(0.8 * ColourMap.identity().matrix + 0.02)


@pytest.fixture(autouse=True)
def _opens(monkeypatch):
    monkeypatch.setattr(trained, "open_model", lambda path: SavedMap(MAP, "nothing"))


@pytest.fixture
def images():
    return np.random.default_rng(0).random((3, 9, 12, 3)).astype(np.float32)


def command(images, out):
    return ["retouch", "predict", "--model", "model.ckpt", "--images", str(images), "--out", str(out)]


@pytest.mark.parametrize("given", [".npy", ".npz"])
@pytest.mark.parametrize("ending", [".npy", ".npz"])
def test_images_become_images(images, tmp_path, capsys, given, ending):
    np.save(tmp_path / "images.npy", images)
    np.savez_compressed(tmp_path / "images.npz", images=images)
    out = tmp_path / f"out{ending}"
    assert main(command(tmp_path / f"images{given}", out)) == 0
    assert capsys.readouterr().out == f"3 images of 12 x 9 pixels: {out}\n"
    content = np.load(out, allow_pickle=False)
    made = content if ending == ".npy" else content["retouched"]
    assert made.dtype == np.float32
    np.testing.assert_allclose(made, np.clip(MAP(images), 0, 1), atol=1e-6)


def test_bytes_become_bytes(images, tmp_path):
    levels = np.round(255 * images).astype(np.uint8)
    expected = np.floor(255 * np.clip(MAP(levels / 255), 0, 1) + 0.5)
    for model in ("model.ckpt", SavedMap(MAP, "nothing")):
        made = predict(levels, model=model)
        assert made.dtype == np.uint8
        assert np.abs(made - expected).max() <= 1
    np.save(tmp_path / "images.npy", levels)
    assert np.array_equal(predict(str(tmp_path / "images.npy"), model="model.ckpt"), made)
    assert np.array_equal(predict(levels[1], model="model.ckpt"), made[1:2])
    assert predict(images.astype(np.float64), model="model.ckpt").dtype == np.float32


@pytest.mark.parametrize(
    ("images", "reason"),
    [
        (
            np.zeros((2, 9, 12), np.float32),
            r"images.npy: float32 \[1, 2, 9, 12\]; accepted: float in \[0, 1\] or uint8",
        ),
        (np.zeros((0, 9, 12, 3), np.float32), r"float32 \[0, 9, 12, 3\]; accepted"),
        (np.zeros((1, 7, 12, 3), np.float32), "8 x 8 and larger"),
        (np.zeros((1, 9, 12, 3), np.uint16), "uint16"),
        (np.full((1, 9, 12, 3), 255.0), r"values from 255 to 255; .* \(divide by the level of white\)"),
        (np.full((1, 9, 12, 3), np.nan), "values from nan to nan"),
        (np.array([{}]), "Python objects"),
    ],
)
def test_bad_images_are_one_line(tmp_path, capsys, images, reason):
    np.save(tmp_path / "images.npy", images)
    assert main(command(tmp_path / "images.npy", tmp_path / "out.npy")) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert re.search(reason, error), error
    assert not (tmp_path / "out.npy").exists()


def test_bad_files_are_one_line(images, tmp_path, capsys):
    np.save(tmp_path / "images.npy", images)
    whole = (tmp_path / "images.npy").read_bytes()
    np.savez(tmp_path / "other.npz", pictures=images)
    for given, out, reason in (
        ("other.npz", "out.npy", "no array images in it"),
        ("absent.npy", "out.npy", "no such file of images"),
        ("images.npy", "out.csv", "--out .* must end in .npy or .npz"),
        ("images.csv", "out.npy", "--images .* must end in .npy or .npz"),
        ("images.npy", "images.npy", "--out .*images.npy: this file is read by the same command"),
    ):
        assert main(command(tmp_path / given, tmp_path / out)) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert re.search(reason, error), (given, error)
    assert (tmp_path / "images.npy").read_bytes() == whole
    assert not (tmp_path / "out.npy").exists()


def test_a_method_s_refusal_names_the_images(images):
    class NeedsTheAnswer:
        def retouch(self, pixels):
            raise UserError("oracle: needs the wanted image")

    with pytest.raises(UserError, match="images: oracle: needs the wanted image"):
        predict(images, model=NeedsTheAnswer())
