"""`hypernet radar predict`: arrays in, arrays out."""

from __future__ import annotations

import re

import numpy as np
import pytest

from hypernet.cli import main
from hypernet.lab.errors import UserError
from hypernet.radar.dataset import load
from hypernet.radar.trained import open_model


def command(model, images, out):
    return ["radar", "predict", "--model", str(model), "--images", str(images), "--out", str(out)]


def test_images_are_forecast(trained, prepared, tmp_path, capsys):
    data, model = load(prepared), trained("whole_dynamic") / "model.ckpt"
    frames = data.inputs("test", np.arange(3))
    np.save(tmp_path / "images.npy", frames)
    assert main(command(model, tmp_path / "images.npy", tmp_path / "next.npy")) == 0
    assert "3 images forecast" in capsys.readouterr().out
    forecast = np.load(tmp_path / "next.npy")
    assert forecast.shape == frames.shape[:1] + frames.shape[2:]
    margin = data.geometry.margin
    np.testing.assert_allclose(forecast[:, margin:-margin, margin:-margin], open_model(model)(frames), atol=1e-6)


@pytest.mark.parametrize(
    ("images", "reason"),
    [
        (np.zeros((1, 3, 60, 60)), r"accepted: real numbers \[B, 4, H, W\]"),
        (np.zeros((0, 4, 60, 60)), "accepted: real numbers"),
        (np.zeros((1, 4, 60, 60), dtype=np.uint8), "uint8"),
        (np.zeros((1, 4, 20, 60)), "at least 60"),
        (np.full((1, 4, 60, 60), 1.5), "1.5 at .* is no grey level"),
        (np.full((1, 4, 60, 60), np.nan), "is no grey level"),
    ],
)
def test_bad_images_are_one_line(trained, tmp_path, capsys, images, reason):
    np.save(tmp_path / "images.npy", images)
    model = trained("last_frame") / "model.ckpt"
    capsys.readouterr()
    assert main(command(model, tmp_path / "images.npy", tmp_path / "next.npy")) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert re.search(reason, error)
    assert not (tmp_path / "next.npy").exists()


def test_bad_files_are_one_line(trained, tmp_path, capsys):
    model = trained("last_frame") / "model.ckpt"
    (tmp_path / "text.npy").write_text("hello")
    for images, out, reason in (
        ("text.npy", "next.npy", "not an array"),
        ("nothing.npy", "next.npy", "no such file"),
        ("text.csv", "next.npy", "must end in .npy"),
        ("text.npy", "next.csv", "must end in .npy"),
    ):
        assert main(command(model, tmp_path / images, tmp_path / out)) == 2
        assert reason in capsys.readouterr().err


def test_the_function_gives_what_the_command_writes(trained, prepared, tmp_path):
    import hypernet.radar

    frames, model = load(prepared).inputs("test", np.arange(2)), trained("patch_dynamic") / "model.ckpt"
    np.save(tmp_path / "images.npy", frames)
    assert main(command(model, tmp_path / "images.npy", tmp_path / "next.npy")) == 0
    written = np.load(tmp_path / "next.npy")
    for images, given in (
        (frames, model),
        (tmp_path / "images.npy", str(model)),
        (str(tmp_path / "images.npy"), hypernet.radar.open_model(model)),
    ):
        np.testing.assert_array_equal(hypernet.radar.predict(images, model=given), written)
    # One image instead of two takes another kernel on some processors.
    np.testing.assert_allclose(hypernet.radar.predict(frames[0], model=model), written[:1], rtol=1e-5, atol=1e-6)
    with pytest.raises(UserError, match=r"^images: uint8"):
        hypernet.radar.predict(np.zeros((1, 4, 60, 60), np.uint8), model=model)
