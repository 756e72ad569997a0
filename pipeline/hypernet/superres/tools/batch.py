"""Many images at once: all pictures of a folder, all images of an array."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.files import check_outputs
from hypernet.superres.sources.folders import find_pictures
from hypernet.superres.tools.deliverables import FAMILIAR_DB, Enlargement
from hypernet.superres.tools.image_files import ARRAY, ENDINGS, write_image
from hypernet.superres.tools.inputs import Given, given_images
from hypernet.superres.tools.wanted import MOST_PIXELS, Wanted


class _Several:
    """What is said of several images: a line of each that is written, then what was done to them and how they agree."""

    def __init__(self) -> None:
        self.agreements: list[float] = []
        self.notes = Counter[str]()

    def add(self, enlargement: Enlargement) -> None:
        """Count an image."""
        self.agreements.append(enlargement.consistency)
        self.notes.update(enlargement.notes)

    def write(self, enlargement: Enlargement, path: Path, bits: int) -> None:
        """Write an image, count it and say so."""
        words = enlargement.save(path, bits) + (", inverted" if enlargement.small.inverted else "")
        warning = "" if enlargement.familiar else "; warning: this is little"
        print(f"{path}: {words}; {enlargement.agreement}{warning}", flush=True)
        self.add(enlargement)

    def summary(self, out: Path) -> str:
        """All of them, a line for every note."""
        agreements, count = np.array(self.agreements), len(self.agreements)
        lines = [f"{number:,} of {count:,}: {note}" for note, number in self.notes.items()]
        if few := int((agreements < FAMILIAR_DB).sum()):
            lines.append(
                f"warning: {few:,} of {count:,} agree with their small images to less than {FAMILIAR_DB:g} dB, which "
                "is little: is there black around these digits, and are they light on dark?"
            )
        lines.append(
            f"{out}: {count:,} images, which agree with the small ones to {agreements.mean():.1f} dB on average, "
            f"{agreements.min():.1f} at least (PSNR of area means)"
        )
        return "\n".join(lines)


def enlarge_folder(
    folder: Path,
    out: Path,
    models: Sequence[Path],
    wanted: Wanted,
    polarity: str = "auto",
    ending: str = ".png",
    bits: int = 8,
) -> None:
    """Enlarge every picture of a folder into a file of the same name; what fails is said, and the rest goes on.

    Args:
        folder: flat, or with a folder per class.
        out: another folder; files in it are written over.
        models: paths of trained methods.
        wanted: size and part.
        polarity: see ``enlarge``; of each picture by itself.
        ending: of the files.
        bits: of pictures.

    Raises:
        UserError: no pictures, ``out`` is a file or lies in the folder, or some pictures could not be enlarged.
    """
    if out.suffix in ENDINGS or (out.exists() and not out.is_dir()):
        raise UserError(f"--out {out}: this is a file; of a folder of pictures name a folder")
    if out.resolve().is_relative_to(folder.resolve()):
        raise UserError(f"--out {out}: lies in the folder that is read; name another")
    pictures = [picture.path for picture in find_pictures(folder)]
    targets = [out / path.relative_to(folder).with_suffix(ending) for path in pictures]
    check_outputs((("out", target) for target in targets), [*pictures, *models])
    from hypernet.superres.tools.ensemble import Ensemble

    ensemble = Ensemble(models)
    # What no picture can have is said once.
    wanted.grid(ensemble)
    failed, several = 0, _Several()
    for path, target in zip(pictures, targets, strict=True):
        try:
            small = given_images(path, polarity).small(0, ensemble.low, wanted.from_large)
            enlargement = Enlargement.of(small, ensemble, wanted)
        except UserError as error:
            failed += 1
            print(f"left out: {error}", file=sys.stderr)
            continue
        several.write(enlargement, target, bits)
    if several.agreements:
        print(several.summary(out))
    if failed:
        raise UserError(f"{folder}: {failed:,} of {len(pictures):,} pictures were left out, for the reasons above")


def enlarge_array(
    given: Given, out: Path, models: Sequence[Path], wanted: Wanted, ending: str = ".png", bits: int = 8
) -> None:
    """Enlarge every image of an array, into an array or into files that are numbered.

    Args:
        given: the images.
        out: ``.npy``, or a folder; files in it are written over.
        models: paths of trained methods.
        wanted: size and part.
        ending: of the files in a folder.
        bits: of pictures.

    Raises:
        UserError: ``out`` is a picture, or the images are too large for an array.
    """
    if out.suffix in set(ENDINGS) - {ARRAY} or (out.suffix != ARRAY and out.is_file()):
        raise UserError(
            f"--out {out}: {given.name} holds {len(given):,} images; accepted: .npy or a folder, or --number with one "
            "of them"
        )
    from hypernet.superres.tools.ensemble import Ensemble

    ensemble, several = Ensemble(models), _Several()
    rows, columns = wanted.grid(ensemble)
    enlargements = (
        Enlargement.of(given.small(number, ensemble.low, wanted.from_large), ensemble, wanted)
        for number in range(len(given))
    )
    if out.suffix != ARRAY:
        name = Path(given.name).name.partition(".")[0]
        for number, enlargement in enumerate(enlargements):
            several.write(enlargement, out / f"{name}_{number:05d}{ending}", bits)
        print(several.summary(out))
        return
    if len(given) * rows * columns > MOST_PIXELS:
        raise UserError(
            f"{given.name}: {len(given):,} images of {rows} x {columns} pixels; accepted: {MOST_PIXELS:,} pixels at "
            "most in an array (a folder takes any number)"
        )
    pixels = np.empty((len(given), rows, columns), dtype=np.float32)
    for number, enlargement in enumerate(enlargements):
        pixels[number] = enlargement.pixels
        several.add(enlargement)
    words = write_image(out, pixels)
    print(f"{several.summary(out)}\n{out}: {words}")
