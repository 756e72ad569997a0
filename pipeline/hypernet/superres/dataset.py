"""Digits on disk: large images and labels, split by split; the small images are made of them when they are read."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hypernet.lab.errors import UserError
from hypernet.lab.files import atomic_path, empty, write_json
from hypernet.lab.manifest import read_manifest, write_manifest
from hypernet.lab.randomness import numpy_generator
from hypernet.superres.config import Counts, LowResolution, PrepareSettings
from hypernet.superres.core.classifier import DigitClassifier, read_classifier, train_classifier
from hypernet.superres.core.grids import area_mean
from hypernet.superres.names import DIGIT_SIZE, DIGITS, MNIST, SIZE, dataset_title
from hypernet.superres.raw import DIGITS_FILE, OWN
from hypernet.superres.sources.digits import read_digits
from hypernet.superres.sources.folders import read_folder
from hypernet.superres.sources.idx import read_pair
from hypernet.superres.sources.mnist import file_names

SPLITS = ("train", "validation", "test")
FACTS, CLASSIFIER = "facts.json", "classifier.npz"
# Share of a person's images that is tested, and held out to choose weights by.
TEST_SHARE, VALIDATION_SHARE = 0.2, 0.1
FEWEST = 10


@dataclass(frozen=True)
class Split:
    """The images of a split.

    Attributes:
        low: small images in [0, 1], float32 ``[n, h, w]``.
        high: large ones, float32 ``[n, 32, 32]``.
        labels: places in the list of classes, int64 ``[n]``; -1 where there are none.
        names: of the images, for people.
    """

    low: Tensor
    high: Tensor
    labels: np.ndarray
    names: list[str]

    def __len__(self) -> int:
        return len(self.low)


@dataclass(frozen=True)
class DigitData:
    """A prepared data set.

    Attributes:
        title: its name for people.
        low: how the small images are made.
        classes: names of the classes; none where the images have no labels.
        classifier: what tells the classes apart; None without classes.
        splits: by name.
    """

    title: str
    low: LowResolution
    classes: list[str]
    classifier: DigitClassifier | None
    splits: dict[str, Split]


def shrink(high: Tensor, low: LowResolution) -> Tensor:
    """Small images of large ones: means over areas, and grey levels rounded where that is asked for.

    Args:
        high: in [0, 1], ``[n, 32, 32]``.
        low: how.

    Returns:
        ``[n, rows, columns]``.
    """
    small = area_mean(high, low.rows, low.columns)
    if low.bits is None:
        return small
    levels = 2**low.bits - 1
    return (small * levels).round() / levels


def load(folder: Path) -> DigitData:
    """Read what :func:`prepare` wrote.

    Raises:
        UserError: no prepared data there.
    """
    read_manifest(folder)
    facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    low = LowResolution.model_validate(facts["low"])
    splits = {}
    for split in SPLITS:
        pixels = np.load(folder / split / "high.npy", allow_pickle=False)
        high = torch.from_numpy(pixels).float() / 255
        labels = np.load(folder / split / "labels.npy", allow_pickle=False)
        splits[split] = Split(shrink(high, low), high, labels, facts["names"][split])
    classifier = read_classifier(folder / CLASSIFIER) if facts["classes"] else None
    return DigitData(facts["title"], low, facts["classes"], classifier, splits)


@dataclass(frozen=True)
class _Images:
    """Images of a source, and which split each belongs to."""

    pixels: np.ndarray
    labels: np.ndarray
    names: list[str]
    classes: list[str]
    rows: dict[str, np.ndarray]
    facts: dict[str, Any]


def prepare(dataset: str, raw: Path, out: Path, settings: PrepareSettings) -> None:
    """Read a raw folder, split it, pad the images to 32x32, and train what tells the classes apart.

    Raises:
        UserError: no raw data, a file that cannot be read, or too few images.
    """
    facts = dict(read_manifest(raw)["facts"])
    empty(out)
    images = _read(dataset, raw, settings)
    margin = (SIZE - DIGIT_SIZE) // 2
    for split, rows in images.rows.items():
        high = np.pad(images.pixels[rows], ((0, 0), (margin, margin), (margin, margin)))
        (out / split).mkdir()
        for name, array in (("high", high), ("labels", images.labels[rows].astype(np.int64))):
            with atomic_path(out / split / f"{name}.npy") as temporary:
                np.save(temporary, array)
    classes = images.classes if len(images.classes) > 1 else []
    names = {split: [images.names[row] for row in rows] for split, rows in images.rows.items()}
    write_json(
        out / FACTS,
        {
            "title": dataset_title(dataset),
            "low": settings.low.model_dump(mode="json"),
            "classes": classes,
            "names": names,
        },
    )
    if classes:
        facts |= _classifier(out, settings, classes)
    counts = {split: len(rows) for split, rows in images.rows.items()}
    write_manifest(out, {**facts, **images.facts, **counts})


def _classifier(out: Path, settings: PrepareSettings, classes: list[str]) -> dict[str, Any]:
    """Train on the large training images; the accuracy on the tested ones is the most that a method can have.

    Raises:
        UserError: a class is in none of them.
    """
    high = {split: np.load(out / split / "high.npy").astype(np.float32) / 255 for split in ("train", "test")}
    labels = {split: np.load(out / split / "labels.npy") for split in high}
    some = slice(settings.classifier.images)
    absent = sorted({*range(len(classes))} - {*labels["train"][some].tolist()})
    if absent:
        missing, count = ", ".join(classes[place] for place in absent[:5]), len(labels["train"][some])
        raise UserError(
            f"classes: no image of {missing} among the {count:,} that train the classifier; give more of it, put "
            "all into one folder without classes, or raise classifier.images"
        )
    classifier = train_classifier(
        high["train"][some], labels["train"][some], settings.classifier.penalty, settings.classifier.gamma
    )
    classifier.save(out / CLASSIFIER)
    accuracy = float((classifier(high["test"]) == labels["test"]).mean())
    return {"classifier_accuracy": round(100 * accuracy, 2)}


def _read(dataset: str, raw: Path, settings: PrepareSettings) -> _Images:
    if dataset == DIGITS:
        assert settings.counts is not None
        pixels, labels = read_digits(raw / DIGITS_FILE)
        rows = stratified(labels, settings.counts)
        names = [f"{DIGITS_FILE} row {row + 1}" for row in range(len(labels))]
        return _Images(pixels, labels, names, [str(digit) for digit in range(10)], rows, {})
    if dataset == MNIST:
        assert settings.counts is not None
        return _official(raw, settings.counts)
    assert settings.own is not None
    try:
        folder = read_folder(raw / OWN, settings.own.kind, settings.own.polarity, settings.own.centring)
    except UserError as error:
        # Of the person's file, not of its copy.
        raise UserError(str(error).replace(str(raw / OWN), settings.own.path.rstrip("/"))) from None
    count = len(folder.pixels)
    for note, number in folder.facts["notes"].items():
        print(f"{settings.own.path}: {number:,} of {count:,}: {note}", file=sys.stderr)
    if count < FEWEST:
        raise UserError(f"{settings.own.path}: {count} images; accepted: {FEWEST} or more")
    order = numpy_generator(0, "superres", "split", dataset).permutation(count)
    tested, held_out = max(2, round(TEST_SHARE * count)), max(1, round(VALIDATION_SHARE * count))
    rows = {
        "train": order[tested + held_out :],
        "validation": order[tested : tested + held_out],
        "test": order[:tested],
    }
    if folder.test_rows is not None:
        # The files say themselves which images are for the test.
        rest = order[~np.isin(order, folder.test_rows)]
        held_out = max(1, round(VALIDATION_SHARE * len(rest)))
        rows = {"train": rest[:-held_out], "validation": rest[-held_out:], "test": folder.test_rows}
    return _Images(folder.pixels, folder.labels, folder.names, folder.classes, rows, folder.facts)


def _official(raw: Path, counts: Counts) -> _Images:
    """The first images train, the last of the training file are held out, the first of the test file are tested."""
    parts = {part: read_pair(*(raw / name for name in file_names(part))) for part in ("train", "t10k")}
    first = len(parts["train"][0])
    rows = {
        "train": np.arange(counts.train),
        "validation": np.arange(first - counts.validation, first),
        "test": np.arange(first, first + counts.test),
    }
    pixels, labels = (np.concatenate([parts["train"][place], parts["t10k"][place]]) for place in (0, 1))
    names = [f"train {row}" for row in range(first)] + [f"t10k {row}" for row in range(len(labels) - first)]
    return _Images(pixels, labels, names, [str(digit) for digit in range(10)], rows, {})


def stratified(labels: np.ndarray, counts: Counts) -> dict[str, np.ndarray]:
    """Rows of each split, with as many of every class as of any other; shuffled once, the same for all runs.

    Args:
        labels: of all images, ``[n]``.
        counts: images of each split.

    Raises:
        UserError: a class has too few images.
    """
    classes = np.unique(labels)
    shuffled = {name: numpy_generator(0, "superres", "split", int(name)) for name in classes}
    places = {name: random.permutation(np.flatnonzero(labels == name)) for name, random in shuffled.items()}
    rows, start = {}, dict.fromkeys(classes, 0)
    for split, count in counts.model_dump().items():
        chosen = []
        for number, name in enumerate(classes):
            share = count // len(classes) + (number < count % len(classes))
            taken = places[name][start[name] : start[name] + share]
            if len(taken) < share:
                raise UserError(f"counts.{split}: {count:,} images ask for more of class {name} than there are")
            chosen.append(taken)
            start[name] += share
        # Not class by class: some of what is measured is measured of the first images alone.
        rows[split] = numpy_generator(0, "superres", "order", split).permutation(np.concatenate(chosen))
    return rows
