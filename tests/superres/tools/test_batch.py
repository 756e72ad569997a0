"""Folders of pictures and arrays of images."""

from __future__ import annotations

import re

import numpy as np
import pytest
from PIL import Image

from hypernet.cli import main
from hypernet.superres.tools import batch
from hypernet.superres.tools.enlarge import enlarge

from .conftest import digit, small, write


def command(image, model, *arguments):
    return ["superres", "enlarge", *map(str, [image, *arguments, "--model", model])]


@pytest.fixture
def folder(tmp_path):
    """A folder of three pictures: a digit, a small image with dark ink, and one that is no picture inside."""
    folder = tmp_path / "given"
    folder.mkdir()
    write(folder / "a.png", digit())
    write(folder / "b.bmp", 255 - np.round(255 * small(1)).astype(np.uint8))
    write(folder / "c.jpeg", digit(2), quality=95)
    return folder


def test_every_picture_becomes_a_file_of_its_name(models, folder, tmp_path, capsys):
    out = tmp_path / "made"
    assert main(command(folder, models["hyper"], "--size", 48, "--out", out)) == 0
    printed = capsys.readouterr().out
    assert sorted(path.name for path in out.iterdir()) == ["a.png", "b.png", "c.png"]
    for name in ("a.png", "b.bmp", "c.jpeg"):
        expected = enlarge(folder / name, model=models["hyper"], size=48)
        with Image.open((out / name).with_suffix(".png")) as picture:
            np.testing.assert_allclose(np.asarray(picture) / 255, expected.pixels, atol=0.51 / 255)
    assert re.search(r"b.png: 48 x 48 pixels, 8 bits, \d\.\d kB, inverted; agrees with the small image to", printed)
    assert "\n2 of 3: a digit of 28 x 28 pixels: made small first" in printed
    assert "\n1 of 3: dark ink on a light ground" in printed
    assert re.search(r"\n\S*made: 3 images, which agree with the small ones to \d+\.\d dB on average, \d+\.\d at least",
                     printed)  # fmt: skip
    # Again, over what is there.
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    (out / "a.png").write_text("broken off")
    assert main(command(folder, models["hyper"], "--size", 48, "--out", out)) == 0
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_folders_of_classes_and_other_formats(models, folder, tmp_path, capsys):
    classes = tmp_path / "classes"
    for name in ("three", "four"):
        (classes / name).mkdir(parents=True)
        write(classes / name / "x.png", digit())
    out = tmp_path / "made"
    assert main(command(classes, models["hyper"], "--size", 32, "--out", out, "--format", "tif", "--bits", 16)) == 0
    assert sorted(str(path.relative_to(out)) for path in out.rglob("*.tif")) == ["four/x.tif", "three/x.tif"]
    with Image.open(out / "four" / "x.tif") as picture:
        assert picture.mode == "I;16"
    assert main(command(folder, models["hyper"], "--size", 32, "--out", out / "arrays", "--format", "npy")) == 0
    assert np.load(out / "arrays" / "a.npy").dtype == np.float32


def test_what_fails_is_named_and_the_rest_is_made(models, folder, tmp_path, capsys):
    (folder / "b.bmp").write_text("hello")
    write(folder / "d.png", np.zeros((5, 5), np.uint8) + np.eye(5, dtype=np.uint8) * 200)
    (folder / "notes.txt").write_text("mine")
    out = tmp_path / "made"
    assert main(command(folder, models["hyper"], "--size", 32, "--out", out)) == 2
    printed = capsys.readouterr()
    assert sorted(path.name for path in out.iterdir()) == ["a.png", "c.png"]
    errors = printed.err.splitlines()
    assert re.search("given: 1 left out that are no pictures by their names: notes.txt", errors[0])
    assert re.search(r"left out: .*b.bmp: not a picture of a known format", errors[1])
    assert re.search(r"left out: .*d.png: 5 x 5 pixels", errors[2])
    assert re.search("given: 2 of 4 pictures were left out, for the reasons above", errors[3])
    assert "made: 2 images" in printed.out


def test_images_unlike_the_training_are_counted(models, tmp_path, capsys):
    write_to = tmp_path / "noise"
    write_to.mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (8, 8)).astype(np.uint8)
    write(write_to / "n.png", noise)
    write(write_to / "o.png", digit())
    wanted = command(write_to, models["hyper"], "--out", tmp_path / "o", "--size", 32, "--polarity", "light_on_dark")
    assert main(wanted) == 0
    printed = capsys.readouterr().out
    assert "\nwarning: 1 of 2 agree with their small images to less than 18 dB, which is little: is there" in printed
    assert re.search(r"n.png: .*; warning: this is little", printed)


def refused(capsys, arguments):
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1, printed.err
    return printed.err


def test_folders_that_are_refused(models, folder, tmp_path, capsys):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "empty").mkdir()
    twice = tmp_path / "twice"
    twice.mkdir()
    for name in ("a.png", "a.bmp"):
        write(twice / name, digit())
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "a.png").symlink_to(folder / "a.png")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    out = tmp_path / "made"
    for reason, given, model, arguments in (
        ("--out .*given: lies in the folder that is read", folder, "hyper", ["--out", folder]),
        ("--out .*new: lies in the folder that is read", folder, "hyper", ["--out", folder / "new"]),
        ("--out .*file: this is a file; of a folder of pictures name a folder", folder, "hyper",
         ["--out", tmp_path / "file"]),
        ("--out .*o.png: this is a file", folder, "hyper", ["--out", tmp_path / "o.png"]),
        ("--out .*a.png: this file is read by the same command", folder, "hyper", ["--out", linked]),
        ("--out .*a.png: this file is written by --out", twice, "hyper", ["--out", out]),
        ("empty: no pictures", tmp_path / "empty", "hyper", ["--out", out]),
        ("given: holds several images; accepted: --out alone", folder, "hyper", ["--network", tmp_path / "n.json"]),
        ("given: holds several images", folder, "hyper", ["--out", out, "--zoom", tmp_path / "z.gif"]),
        ("given: --number and --largest-level are of arrays", folder, "hyper", ["--out", out, "--number", 1]),
        ("espcn.ckpt: espcn: makes whole images of 32 x 32", folder, "espcn", ["--out", out, "--size", 64]),
        ("--bits: is of pictures", folder, "hyper", ["--out", out, "--format", "npy", "--bits", 16]),
    ):  # fmt: skip
        error = refused(capsys, command(given, models[model], *arguments))
        assert re.search(reason, error), (reason, error)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert not out.exists()


def test_arrays_become_arrays_and_files(models, tmp_path, capsys):
    stack = np.stack([small(number) for number in range(3)])
    np.save(tmp_path / "digits.npy", stack)
    given = tmp_path / "digits.npy"
    assert main(command(given, models["hyper"], "--size", "20x24", "--out", tmp_path / "big.npy")) == 0
    printed = capsys.readouterr().out
    made = np.load(tmp_path / "big.npy")
    assert (made.shape, made.dtype) == ((3, 20, 24), np.float32)
    for number in range(3):
        assert np.array_equal(made[number], enlarge(stack[number], model=models["hyper"], size=(20, 24)).pixels)
    assert "3 of 3: 20 x 24 pixels are coarser than the function" in printed
    assert "big.npy: float32 [3, 20, 24], 5.9 kB" in printed
    assert main(command(given, models["hyper"], "--scale", 8, "--out", tmp_path / "made")) == 0
    names = [f"digits_{number:05d}.png" for number in range(3)]
    assert sorted(path.name for path in (tmp_path / "made").iterdir()) == names
    wanted = command(given, models["hyper"], "--number", 2, "--size", 40, "--out", tmp_path / "third.npy")
    assert main(wanted) == 0
    assert np.array_equal(np.load(tmp_path / "third.npy"), enlarge(stack[2], model=models["hyper"], size=40).pixels)
    assert enlarge(stack, model=models["hyper"], size=40, number=2).name == "image 2"


def test_arrays_that_are_refused(models, tmp_path, capsys, monkeypatch):
    given = tmp_path / "digits.npy"
    np.save(given, np.stack([small(number) for number in range(3)]))
    monkeypatch.setattr(batch, "MOST_PIXELS", 3 * 40 * 40 - 1)
    for reason, arguments in {
        "--out .*o.png: .*digits.npy holds 3 images; accepted: .npy or a folder, or --number": [
            "--out", tmp_path / "o.png"],
        "digits.npy: holds several images; accepted: --out alone, or --number": ["--network", tmp_path / "n.json"],
        "digits.npy: no image 3; accepted: 0 to 2": ["--out", tmp_path / "o.png", "--number", 3],
        "digits.npy: 3 images of 40 x 40 pixels; accepted: 4,799 pixels at most in an array": [
            "--out", tmp_path / "o.npy", "--size", 40],
        "--format: is of the files in a folder": ["--out", tmp_path / "o.npy", "--format", "png"],
        "--out .*digits.npy: this file is read by the same command": ["--out", given],
    }.items():  # fmt: skip
        error = refused(capsys, command(given, models["hyper"], *arguments))
        assert re.search(reason, error), (reason, error)
    assert [path.name for path in tmp_path.iterdir()] == ["digits.npy"]
