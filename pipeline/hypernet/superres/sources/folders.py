"""A person's own grey images: a folder of pictures, flat or one folder per class, or of IDX files."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.inputs.pictures import ACCEPTED
from hypernet.lab.progress import Progress
from hypernet.superres.names import DIGIT_SIZE
from hypernet.superres.sources.drawings import (
    CENTRINGS,
    INVERTED,
    POLARITIES,
    border_level,
    check,
    digit_of,
    is_inverted,
    read_digit,
)
from hypernet.superres.sources.idx import read_images, read_pair
from hypernet.superres.sources.mnist import is_mnist

LAYOUTS = ("auto", "pictures", "idx")
ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff")
MOST_PICTURES = 1_000_000
# What programs of Macs put beside everything; names that begin with a dot are passed over too.
PASSED_OVER = "__MACOSX"
IDX = re.compile(r"(?P<part>.*?)[-_.]?(?P<content>images[-.]idx3|labels[-.]idx1)[-.]ubyte(\.gz)?")
IDX_EXAMPLE = "train-images-idx3-ubyte, t10k-images-idx3-ubyte.gz"
# How the names of the files of a set differ.
PARTS = re.compile(r"(train|t10k|test)$")
TEST_PARTS = ("t10k", "test")


class PictureFile(NamedTuple):
    """A picture in a folder, and the class whose folder it lies in; None in a flat one."""

    path: Path
    class_name: str | None


class IdxFiles(NamedTuple):
    """Files of images and of labels that belong together; ``part`` is what their names begin with: train, t10k."""

    part: str
    images: Path
    labels: Path | None


@dataclass(frozen=True, eq=False)
class Folder:
    """The images of a folder.

    Attributes:
        pixels: light ink on a dark ground, uint8 ``[n, size, size]``.
        labels: places in the list of classes, int64 ``[n]``; -1 where there are none.
        names: of the images, for people.
        classes: names of the classes, sorted; none where the images have no labels.
        test_rows: images that the files say are to be tested, int64 ``[m]``; None where they do not say.
        facts: what was found and what was done, for a manifest.
    """

    pixels: np.ndarray
    labels: np.ndarray
    names: list[str]
    classes: list[str]
    test_rows: np.ndarray | None
    facts: dict[str, Any]


def read_folder(
    folder: Path | str,
    layout: str = "auto",
    polarity: str = "auto",
    centring: str = "as_is",
    size: int = DIGIT_SIZE,
) -> Folder:
    """All images of a folder.

    Args:
        folder: of pictures, of a folder of pictures per class, or of IDX files.
        layout: ``pictures``, ``idx``, or ``auto``: what is there.
        polarity: see ``drawings.as_digit``; the images of an IDX file have one, which ``auto`` takes from all their
            borders.
        centring: see ``drawings.as_digit``.
        size: pixels on a side of the result.

    Raises:
        UserError: nothing is there, or an image cannot be read or used.
    """
    folder = Path(folder)
    check("layout", layout, LAYOUTS)
    check("polarity", polarity, POLARITIES)
    check("centring", centring, CENTRINGS)
    files = find_idx(folder) if layout != "pictures" else []
    if layout == "idx" and not files:
        raise UserError(f"{folder}: no IDX files of images in it; accepted: names like {IDX_EXAMPLE}")
    if layout == "auto" and files and any(path.suffix.lower() in ENDINGS for path in _listed(folder)):
        raise UserError(f"{folder}: holds IDX files and pictures; say which: idx or pictures")
    if files:
        return _of_idx(folder, files, polarity, centring, size)
    return _of_pictures(folder, find_pictures(folder), polarity, centring, size)


def find_pictures(folder: Path | str) -> list[PictureFile]:
    """The pictures of a folder by name, or those of its folders by class and name.

    Pictures are known by their endings here, and by their content when they are read. What is left out is said on the
    error output, but for hidden files.

    Raises:
        UserError: no such folder, no picture, or pictures beside folders of pictures.
    """
    folder = Path(folder)
    flat = _pictures_in(folder)
    inside = {path.name: _pictures_in(path) for path in _listed(folder) if path.is_dir()}
    classes = {name: paths for name, paths in inside.items() if paths}
    if flat and classes:
        raise UserError(
            f"{folder}: pictures lie beside folders of pictures ({', '.join(list(classes)[:3])}); accepted: all in one "
            "folder, without labels, or one folder per class"
        )
    if not flat and not classes:
        deeper = next((name for name in inside if any(path.is_dir() for path in _listed(folder / name))), None)
        hint = f"; {deeper} holds folders: name that one" if deeper else ""
        for place in (folder, *(folder / name for name in inside)):
            if packed := next((path for path in _listed(place) if IDX.fullmatch(path.name)), None):
                raise UserError(f"{folder}: no pictures, but IDX files; name the file, such as {packed}, or its folder")
        raise UserError(
            f"{folder}: no pictures ({ACCEPTED}) in it or in folders in it, and no IDX files ({IDX_EXAMPLE}){hint}"
        )
    for name in inside:
        if name not in classes:
            print(f"{folder / name}: left out, there is no picture in it", file=sys.stderr)
    pictures = [PictureFile(path, None) for path in flat]
    pictures += [PictureFile(path, name) for name, paths in classes.items() for path in paths]
    if len(pictures) > MOST_PICTURES:
        raise UserError(f"{folder}: {len(pictures):,} pictures; accepted: {MOST_PICTURES:,} at most")
    return pictures


def find_idx(folder: Path | str) -> list[IdxFiles]:
    """The IDX files of a folder, known by their names: images for training first, then those for the test.

    Of a file that lies there packed and unpacked, the latter is taken.

    Returns:
        One entry, or two: of ``train`` and of ``t10k`` or ``test``; none where no name is such a file's.

    Raises:
        UserError: no such folder, labels without images, or files of several sets.
    """
    folder = Path(folder)
    images: dict[str, Path] = {}
    labels: dict[str, Path] = {}
    # In the order of names a packed file follows the unpacked one.
    for path in _listed(folder):
        match = IDX.fullmatch(path.name)
        if match and path.is_file():
            side = images if match["content"].startswith("images") else labels
            side.setdefault(match["part"], path)
    for part, path in labels.items():
        if part not in images:
            raise UserError(f"{path}: labels without images; expected the images' file beside it")
    parts = sorted(images, key=_is_test)
    sets = {PARTS.sub("", part) for part in parts}
    if len(sets) > 1 or len(parts) != len({_is_test(part) for part in parts}):
        names = ", ".join(path.name for path in images.values())
        raise UserError(f"{folder}: files of several sets ({names}); accepted: one, or one to train on and one to test")
    return [IdxFiles(part, images[part], labels.get(part)) for part in parts]


def _listed(folder: Path) -> list[Path]:
    """What lies in a folder, by name, without what is hidden."""
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith(".") and path.name != PASSED_OVER)
    except FileNotFoundError:
        raise UserError(f"{folder}: no such folder") from None
    except NotADirectoryError:
        raise UserError(f"{folder}: not a folder; name one that holds pictures or IDX files") from None
    except OSError as error:
        raise UserError(f"{folder}: cannot be read ({error.strerror})") from None


def _pictures_in(folder: Path) -> list[Path]:
    """The pictures that lie in a folder itself; files of other endings beside them are left out, and counted aloud."""
    files = [path for path in _listed(folder) if not path.is_dir()]
    pictures = [path for path in files if path.suffix.lower() in ENDINGS]
    if pictures and len(pictures) < len(files):
        other = next(path.name for path in files if path.suffix.lower() not in ENDINGS)
        count = len(files) - len(pictures)
        print(f"{folder}: {count} left out that are no pictures by their names: {other} ...", file=sys.stderr)
    return pictures


def _is_test(part: str) -> bool:
    return part.endswith(TEST_PARTS)


def _of_pictures(folder: Path, pictures: list[PictureFile], polarity: str, centring: str, size: int) -> Folder:
    classes = sorted({picture.class_name for picture in pictures if picture.class_name is not None})
    place = {name: number for number, name in enumerate(classes)}
    pixels = np.empty((len(pictures), size, size), dtype=np.uint8)
    counted = Counter[str]()
    progress = Progress("pictures", len(pictures), "pictures")
    for number, picture in enumerate(pictures):
        pixels[number], notes = read_digit(picture.path, polarity, centring, size)
        counted.update(notes)
        progress.advance(1)
    progress.close()
    labels = np.array([place.get(picture.class_name or "", -1) for picture in pictures], dtype=np.int64)
    names = [picture.path.relative_to(folder).as_posix() for picture in pictures]
    layout = f"pictures, a folder for each of {len(classes)} classes" if classes else "pictures in one folder"
    return Folder(pixels, labels, names, classes, None, {"layout": layout, "notes": dict(counted)})


def _of_idx(folder: Path, files: list[IdxFiles], polarity: str, centring: str, size: int) -> Folder:
    labelled = [part.labels is not None for part in files]
    if any(labelled) != all(labelled):
        bare = files[labelled.index(False)].images
        raise UserError(f"{bare}: images without labels, beside others that have some; accepted: all or none")
    counted = Counter[str]()
    pixels, values, names = [], [], []
    for part in files:
        if part.labels is None:
            images = read_images(part.images)
        else:
            images, numbers = read_pair(part.images, part.labels)
            values.append(numbers)
        counted.update(_notes_of(part, images))
        try:
            pixels.append(_stack(images, polarity, centring, size, counted))
        except UserError as error:
            raise UserError(f"{part.images}: {error}") from None
        names += [f"{part.images.name} {number}" for number in range(len(images))]
    count = len(names)
    classes, labels = np.empty(0), np.full(count, -1)
    if values:
        classes, labels = np.unique(np.concatenate(values), return_inverse=True)
    test_rows = np.arange(len(pixels[0]), count) if len(files) == 2 else None
    return Folder(
        np.concatenate(pixels),
        labels.astype(np.int64),
        names,
        [str(value) for value in classes],
        test_rows,
        {"layout": f"IDX files: {', '.join(part.images.name for part in files)}", "notes": dict(counted)},
    )


def _notes_of(part: IdxFiles, images: np.ndarray) -> Iterator[str]:
    """What a person should know of a file of images."""
    if not is_mnist(images):
        yield f"{part.images.name}: not the official MNIST"
    if part.part.startswith("emnist"):
        yield f"{part.images.name}: EMNIST has rows and columns exchanged; they stay so"


def _stack(images: np.ndarray, polarity: str, centring: str, size: int, counted: Counter[str]) -> np.ndarray:
    """The images of an IDX file as digits; their polarity is that of all their borders together."""
    flat = images.reshape(len(images), -1)
    blank = np.flatnonzero(flat.min(axis=1) == flat.max(axis=1))
    if len(blank):
        raise UserError(f"image {blank[0]} is blank: every pixel is {flat[blank[0], 0]}")
    inverted = is_inverted(float(np.median(border_level(images))) / 255, polarity)
    if centring == "as_is" and images.shape[1:] == (size, size):
        if inverted:
            counted[INVERTED] += len(images)
        return 255 - images if inverted else images
    digits = np.empty((len(images), size, size), dtype=np.uint8)
    for number, image in enumerate(images):
        try:
            digits[number], notes = digit_of(image / 255, inverted, centring, size)
        except UserError as error:
            raise UserError(f"image {number}: {error}") from None
        counted.update(notes)
    return digits
