"""From raw files to large and small images."""

from __future__ import annotations

import contextlib
import gzip
import json
import struct

import numpy as np
import pytest
import torch

from hypernet.lab.errors import UserError
from hypernet.superres import dataset, raw
from hypernet.superres.config import Counts, LowResolution
from hypernet.superres.core.grids import area_mean


def prepared(section, folder, name, *assignments):
    """The data set ``name``, made and prepared in a folder."""
    config = section("superres", f"datasets=[{name}]", "classifier.images=200", *assignments)
    raw.make(name, folder / "raw", config.settings("raw", name))
    dataset.prepare(name, folder / "raw", folder / "data", config.settings("prepare", name))
    return dataset.load(folder / "data")


@pytest.fixture(scope="module")
def digits(section, tmp_path_factory):
    folder = tmp_path_factory.mktemp("digits")
    return prepared(section, folder, "digits", "counts.digits={train: 103, validation: 20, test: 40}")


def test_splits_have_as_many_of_every_digit_and_share_no_image(digits):
    for name, count in (("train", 103), ("validation", 20), ("test", 40)):
        split = digits.splits[name]
        assert len(split) == len(split.labels) == len(split.names) == count
        counted = np.bincount(split.labels, minlength=10)
        assert counted.max() - counted.min() <= 1
        # The first ones are of all classes, not of one.
        assert len(np.unique(split.labels[:10])) > 3
    names = [name for split in digits.splits.values() for name in split.names]
    assert len(set(names)) == len(names)


def test_large_images_have_a_black_border_and_small_ones_are_their_means(digits):
    split = digits.splits["test"]
    assert split.high.shape[1:] == (32, 32)
    border = torch.cat([split.high[:, :2].flatten(), split.high[:, -2:].flatten(), split.high[..., :2].flatten()])
    assert not border.any()
    assert split.high.max() == 1
    torch.testing.assert_close(split.low, split.high.unflatten(1, (8, 4)).unflatten(3, (8, 4)).mean(dim=(2, 4)))


def test_grey_levels_of_small_images_are_rounded_where_that_is_asked_for():
    high = torch.rand(3, 32, 32)
    low = dataset.shrink(high, LowResolution(rows=4, columns=8, bits=3))
    assert low.shape == (3, 4, 8)
    torch.testing.assert_close(low * 7, (low * 7).round())
    assert (low - area_mean(high, 4, 8)).abs().max() <= 0.5 / 7 + 1e-6


def test_the_classifier_is_kept_and_knows_digits(digits):
    test = digits.splits["test"]
    assert (digits.classifier(test.high.numpy()) == test.labels).mean() > 0.6


def test_more_than_a_class_has_is_refused():
    with pytest.raises(UserError, match=r"counts\.validation: 40 images ask for more of class 0"):
        dataset.stratified(np.repeat([0, 1], 30), Counts(train=50, validation=40, test=10))


def idx(images):
    return struct.pack(">4I", 2051, *images.shape) + images.tobytes()


def test_the_official_files_are_split_as_the_protocol_says(section, tmp_path, monkeypatch, mirror):
    monkeypatch.setenv("HYPERNET_MIRROR", str(mirror))
    counts = "counts.mnist={train: 50, validation: 20, test: 30}"
    data = prepared(section, tmp_path, "mnist", counts)
    assert data.splits["train"].labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert data.splits["test"].labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert data.splits["validation"].names[0] == "train 59980"
    assert len(data.splits["validation"]) == 20


def test_a_persons_files_of_images_without_labels(section, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    random = np.random.default_rng(0)
    images = np.zeros((30, 28, 28), dtype=np.uint8)
    images[:, 8:20, 8:20] = random.integers(1, 256, (30, 12, 12))
    (folder / "strokes-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(images)))
    data = prepared(
        section, tmp_path, "mine", f"own={{mine: {{path: {folder}, kind: auto, polarity: auto, centring: as_is}}}}"
    )
    assert data.classifier is None
    assert data.classes == []
    assert [len(data.splits[name]) for name in dataset.SPLITS] == [21, 3, 6]
    assert (data.splits["train"].labels == -1).all()
    manifest = json.loads((tmp_path / "data" / "manifest.json").read_text())
    assert manifest["facts"]["origin"] == str(folder)


def test_too_few_images_and_no_folder_are_refused(section, tmp_path):
    mine = "own={{mine: {{path: {}, kind: auto, polarity: auto, centring: as_is}}}}"
    with pytest.raises(UserError, match="no such folder of images"):
        prepared(section, tmp_path, "mine", mine.format(tmp_path / "nowhere"))
    folder = tmp_path / "few"
    folder.mkdir()
    images = np.full((9, 28, 28), 0, dtype=np.uint8)
    images[:, 10:18, 10:18] = 255
    (folder / "few-images-idx3-ubyte").write_bytes(idx(images))
    with pytest.raises(UserError, match="9 images; accepted: 10 or more"):
        prepared(section, tmp_path, "mine", mine.format(folder))


def test_a_class_that_no_training_image_has_is_named(section, tmp_path):
    folder, random = tmp_path / "mine", np.random.default_rng(0)
    from PIL import Image

    for name, count in (("a", 30), ("b", 1), ("c", 30)):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            picture = np.zeros((28, 28), dtype=np.uint8)
            picture[4:24, 4:24] = random.integers(100, 256, (20, 20))
            Image.fromarray(picture).save(folder / name / f"{number}.png")
    description = f"own={{NAME: {{path: {folder}, kind: auto, polarity: auto, centring: as_is}}}}"
    refused = 0
    # The single one of its class is trained on under some names of the data set, and tested or held out under others.
    for name in ("q1", "q2", "q3", "q4", "q5", "q6"):
        with contextlib.suppress(UserError):
            data = prepared(section, tmp_path / name, name, description.replace("NAME", name))
            assert set(data.splits["train"].labels) == {0, 1, 2}
            continue
        with pytest.raises(UserError, match="classes: no image of b among the"):
            prepared(section, tmp_path / name, name, description.replace("NAME", name))
        refused += 1
    assert 0 < refused < 6
