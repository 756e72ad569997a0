"""Folders as people have them: pictures, pictures by class, IDX files, and what lies beside them."""

from __future__ import annotations

import gzip
import struct

import numpy as np
import pytest
from PIL import Image

from hypernet.lab.errors import UserError
from hypernet.superres.sources import folders
from hypernet.superres.sources.folders import find_idx, find_pictures, read_folder

IMAGES = np.zeros((6, 28, 28), dtype=np.uint8)
for number, picture in enumerate(IMAGES):
    picture[4:24, 8 : 12 + number] = 200 + number
LABELS = np.array([7, 2, 7, 11, 2, 7], dtype=np.uint8)


def save_picture(path, picture):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path)


def save_idx(path, array):
    data = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


def refused(words, *arguments, call=read_folder):
    with pytest.raises(UserError, match=words) as caught:
        call(*arguments)
    assert "\n" not in str(caught.value)


def test_a_flat_folder_has_no_labels(tmp_path, capsys):
    for name, picture in zip(("c.png", "a.PNG", "b.bmp"), IMAGES, strict=False):
        save_picture(tmp_path / name, picture)
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / ".DS_Store").write_text("hidden")
    folder = read_folder(tmp_path)
    assert folder.names == ["a.PNG", "b.bmp", "c.png"]
    np.testing.assert_array_equal(folder.pixels, IMAGES[[1, 2, 0]])
    assert (folder.labels.tolist(), folder.labels.dtype, folder.classes) == ([-1] * 3, np.int64, [])
    assert folder.test_rows is None
    assert folder.facts == {"layout": "pictures in one folder", "notes": {}}
    error = capsys.readouterr().err
    assert error == f"{tmp_path}: 1 left out that are no pictures by their names: notes.txt ...\n" * (error.count("\n"))
    assert error


def test_a_folder_per_class_gives_labels(tmp_path, capsys):
    for number, name in enumerate(("seven/b.png", "two/a.png", "seven/a.png", "four/x.png")):
        save_picture(tmp_path / name, 255 - IMAGES[number] if number == 3 else IMAGES[number])
    (tmp_path / "empty").mkdir()
    save_picture(tmp_path / "__MACOSX" / "a.png", IMAGES[0])
    folder = read_folder(tmp_path, "pictures")
    assert folder.classes == ["four", "seven", "two"]
    assert folder.names == ["four/x.png", "seven/a.png", "seven/b.png", "two/a.png"]
    assert folder.labels.tolist() == [0, 1, 1, 2]
    np.testing.assert_array_equal(folder.pixels, IMAGES[[3, 2, 0, 1]])
    assert folder.facts == {
        "layout": "pictures, a folder for each of 3 classes",
        "notes": {"inverted: it has dark ink on a light ground": 1},
    }
    assert f"{tmp_path / 'empty'}: left out, there is no picture in it" in capsys.readouterr().err
    assert [(picture.path.name, picture.class_name) for picture in find_pictures(tmp_path)][:2] == [
        ("x.png", "four"),
        ("a.png", "seven"),
    ]


def test_sizes_and_centring_are_passed_on(tmp_path):
    save_picture(tmp_path / "a.png", np.kron(IMAGES[0], np.ones((3, 3), dtype=np.uint8))[:, 12:])
    folder = read_folder(tmp_path, "auto", "auto", "mass")
    assert folder.pixels.shape == (1, 28, 28)
    assert folder.facts["notes"] == {"ink cut out, 20 pixels on its longer side, centre of mass in the middle": 1}
    assert read_folder(tmp_path, centring="mass", size=16).pixels.shape == (1, 16, 16)
    refused("a.png: 72 x 84 pixels; accepted: square pictures", tmp_path)


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("form", ["{}-{}-{}-ubyte", "{}-{}.{}-ubyte", "emnist-digits-{}-{}-{}-ubyte"])
def test_idx_files_say_what_is_to_be_tested(tmp_path, form, ending):
    test_part = "test" if "emnist" in form else "t10k"
    for part, rows in (("train", slice(0, 4)), (test_part, slice(4, 6))):
        save_idx(tmp_path / (form.format(part, "images", "idx3") + ending), IMAGES[rows])
        save_idx(tmp_path / (form.format(part, "labels", "idx1") + ending), LABELS[rows])
    (tmp_path / "README.md").write_text("mine")
    folder = read_folder(tmp_path)
    np.testing.assert_array_equal(folder.pixels, IMAGES)
    assert folder.classes == ["2", "7", "11"]
    assert folder.labels.tolist() == [1, 0, 1, 2, 0, 1]
    assert folder.test_rows.tolist() == [4, 5]
    first = form.format("train", "images", "idx3") + ending
    assert folder.names[3:5] == [f"{first} 3", f"{form.format(test_part, 'images', 'idx3')}{ending} 0"]
    assert folder.facts["notes"][f"{first}: not the official MNIST"] == 1
    assert (f"{first}: EMNIST has rows and columns exchanged; they stay so" in folder.facts["notes"]) == (
        "emnist" in form
    )


def test_a_single_file_of_images_needs_no_labels(tmp_path):
    save_idx(tmp_path / "mine-images-idx3-ubyte", IMAGES)
    folder = read_folder(tmp_path, "idx")
    assert (folder.labels.tolist(), folder.classes, folder.test_rows) == ([-1] * 6, [], None)
    save_idx(tmp_path / "mine-labels-idx1-ubyte.gz", LABELS)
    # Torchvision leaves the packed files beside the unpacked ones.
    (tmp_path / "mine-images-idx3-ubyte.gz").write_bytes(b"damaged")
    (files,) = find_idx(tmp_path)
    assert (files.part, files.images.name) == ("mine", "mine-images-idx3-ubyte")
    assert read_folder(tmp_path).classes == ["2", "7", "11"]
    (tmp_path / "mine-images-idx3-ubyte").rename(tmp_path / "images-idx3-ubyte")
    (tmp_path / "mine-labels-idx1-ubyte.gz").rename(tmp_path / "labels-idx1-ubyte.gz")
    (tmp_path / "mine-images-idx3-ubyte.gz").unlink()
    assert read_folder(tmp_path).labels.tolist() == [1, 0, 1, 2, 0, 1]


def test_the_images_of_a_file_have_one_polarity(tmp_path):
    """An image that is light up to its border, as clothes are, is not inverted alone."""
    images = np.concatenate([IMAGES, np.full((1, 28, 28), 250, dtype=np.uint8)])
    images[6, 9:18, 9:18] = 0
    save_idx(tmp_path / "images-idx3-ubyte", images)
    np.testing.assert_array_equal(read_folder(tmp_path).pixels, images)
    np.testing.assert_array_equal(read_folder(tmp_path, "idx", "light_on_dark").pixels, images)
    refused(r"images-idx3-ubyte: polarity: dark_on_light, but its border is dark", tmp_path, "idx", "dark_on_light")
    save_idx(tmp_path / "images-idx3-ubyte", 255 - images)
    folder = read_folder(tmp_path)
    np.testing.assert_array_equal(folder.pixels, images)
    assert folder.facts["notes"]["inverted: it has dark ink on a light ground"] == 7


def test_images_of_a_file_of_another_size(tmp_path):
    large = np.kron(IMAGES, np.ones((1, 2, 2), dtype=np.uint8))
    save_idx(tmp_path / "images-idx3-ubyte", large)
    folder = read_folder(tmp_path)
    np.testing.assert_array_equal(folder.pixels, IMAGES)
    assert folder.facts["notes"]["made smaller, from 56 x 56 pixels: means over areas"] == 6
    save_idx(tmp_path / "images-idx3-ubyte", large[:, :20, :20])
    refused(r"images-idx3-ubyte: image 0: 20 x 20 pixels; accepted: 28 x 28 or more", tmp_path)
    blank = IMAGES.copy()
    blank[4] = 9
    save_idx(tmp_path / "images-idx3-ubyte", blank)
    refused("images-idx3-ubyte: image 4 is blank: every pixel is 9", tmp_path)


def test_official_files_are_known(mirror):
    folder = read_folder(mirror)
    assert folder.pixels.shape == (70_000, 28, 28)
    assert folder.test_rows[[0, -1]].tolist() == [60_000, 69_999]
    assert folder.facts["notes"] == {}
    assert np.bincount(folder.labels)[:2].tolist() == [5923 + 980, 6742 + 1135]


def test_folders_of_idx_files_that_do_not_fit(tmp_path):
    save_idx(tmp_path / "a" / "train-labels-idx1-ubyte", LABELS)
    refused("train-labels-idx1-ubyte: labels without images", tmp_path / "a")
    save_idx(tmp_path / "a" / "train-images-idx3-ubyte", IMAGES[:5])
    refused("train-labels-idx1-ubyte: 6 labels for 5 images of .*train-images-idx3-ubyte", tmp_path / "a")
    save_idx(tmp_path / "a" / "t10k-images-idx3-ubyte", IMAGES)
    save_idx(tmp_path / "a" / "train-images-idx3-ubyte", IMAGES)
    refused("t10k-images-idx3-ubyte: images without labels, beside others that have some", tmp_path / "a")
    save_idx(tmp_path / "a" / "emnist-train-images-idx3-ubyte", IMAGES)
    refused(
        "files of several sets .*emnist-train-images-idx3-ubyte.*; accepted: one, or one to train on", tmp_path / "a"
    )
    save_idx(tmp_path / "b" / "emnist-train-images-idx3-ubyte", IMAGES)
    save_idx(tmp_path / "b" / "t10k-images-idx3-ubyte", IMAGES)
    refused("files of several sets", tmp_path / "b")
    save_idx(tmp_path / "c" / "train-images-idx3-ubyte", LABELS)
    refused("train-images-idx3-ubyte: holds labels; expected images", tmp_path / "c")


def test_folders_that_hold_nothing_or_too_much(tmp_path, monkeypatch):
    refused("none: no such folder", tmp_path / "none")
    (tmp_path / "file").write_text("a file")
    refused("file: not a folder", tmp_path / "file")
    (tmp_path / "empty").mkdir()
    for layout in ("auto", "pictures"):
        refused(r"empty: no pictures \(PNG, .* and no IDX files \(train-images", tmp_path / "empty", layout)
    refused("empty: no IDX files of images in it", tmp_path / "empty", "idx")
    refused("layout: 'png'; accepted: auto, pictures, idx", tmp_path / "empty", "png")
    refused("polarity: 'dark'; accepted", tmp_path / "empty", "auto", "dark")
    refused("centring: 'box'; accepted", tmp_path / "empty", "auto", "auto", "box")
    save_picture(tmp_path / "nested" / "training" / "0" / "a.png", IMAGES[0])
    refused("nested: no pictures .*; training holds folders: name that one", tmp_path / "nested")
    save_picture(tmp_path / "mixed" / "a.png", IMAGES[0])
    save_picture(tmp_path / "mixed" / "two" / "a.png", IMAGES[0])
    refused(r"mixed: pictures lie beside folders of pictures \(two\)", tmp_path / "mixed")
    save_idx(tmp_path / "both" / "images-idx3-ubyte", IMAGES)
    save_picture(tmp_path / "both" / "a.png", IMAGES[0])
    refused("both: holds IDX files and pictures; say which: idx or pictures", tmp_path / "both")
    assert len(read_folder(tmp_path / "both", "idx").names) == 6
    assert len(read_folder(tmp_path / "both", "pictures").names) == 1
    (tmp_path / "both" / "b.png").write_bytes(b"no picture")
    refused(r"b\.png: not a picture of a known format", tmp_path / "both", "pictures")
    monkeypatch.setattr(folders, "MOST_PICTURES", 1)
    refused("both: 2 pictures; accepted: 1 at most", tmp_path / "both", call=find_pictures)
