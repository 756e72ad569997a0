"""Raw data of the domain: lines of QM9, its official files, or a person's own molecules."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from hypernet.lab.acquire import MIRROR_VARIABLE, mirrors
from hypernet.lab.errors import UserError
from hypernet.lab.files import empty
from hypernet.lab.manifest import write_manifest
from hypernet.molecules.config import Archive, OwnMolecules, RawSettings
from hypernet.molecules.sources.qm9 import write_rows

QM9_FILE, OWN = "qm9.csv.gz", "own"
ARCHIVE_FILE, UNCHARACTERIZED_FILE = "dsgdb9nsd.xyz.tar.bz2", "uncharacterized.txt"
ADDRESSES = {
    ARCHIVE_FILE: "https://ndownloader.figshare.com/files/3195389",
    UNCHARACTERIZED_FILE: "https://ndownloader.figshare.com/files/3195404",
}
LICENCE = "QM9: CC0 as third parties record it (doi 10.6084/m9.figshare.c.978904)"


def make(dataset: str, out: Path, settings: RawSettings) -> None:
    """Write the raw files of ``dataset`` to ``out``, with a manifest that says where they come from.

    Raises:
        UserError: files are not where they should be, or cannot be read.
    """
    empty(out)
    if settings.own is not None:
        facts = _copied(out / OWN, settings.own)
    elif settings.source == "archive":
        facts = _official(out, settings.archive)
    else:
        assert settings.heavy is not None, dataset
        facts = write_rows(out / QM9_FILE, settings.heavy)
    write_manifest(out, facts)


def _official(out: Path, archive: Archive) -> dict[str, Any]:
    """The official files. Their digests were never published: those of this copy stand in the manifest."""
    shutil.copyfile(_located(archive.path, ARCHIVE_FILE, "archive.path"), out / ARCHIVE_FILE)
    if not archive.keep_uncharacterized:
        path = _located(archive.uncharacterized, UNCHARACTERIZED_FILE, "archive.uncharacterized")
        shutil.copyfile(path, out / UNCHARACTERIZED_FILE)
    return {"origin": "QM9, the official files", "licence": LICENCE}


def _located(named: str | None, name: str, key: str) -> Path:
    """A file of the archive: where the configuration says, or in a mirror.

    Raises:
        UserError: in neither.
    """
    candidates = [Path(named)] if named is not None else [path for folder in mirrors() for path in folder.rglob(name)]
    for path in candidates:
        if path.is_file():
            return path
    where = named or f"no {name} in the folders of {MIRROR_VARIABLE}"
    raise UserError(f"{where}: not there; download {ADDRESSES[name]} and name it under molecules.{key}")


def _copied(out: Path, molecules: OwnMolecules) -> dict[str, Any]:
    """A person's files are copied, so that what was trained on stays what it was."""
    source = Path(molecules.path)
    if not source.exists():
        raise UserError(
            f"{molecules.path}: no such file of molecules; accepted: .csv, .tsv, .smi, .sdf, .xyz, or a folder of such"
        )
    for name in molecules.files():
        path = Path(name)
        target = out / (path.relative_to(source) if source.is_dir() else path.name)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    return {"origin": molecules.path, "licence": "the person's own files"}
