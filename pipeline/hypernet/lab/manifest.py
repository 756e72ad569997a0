"""Folders of data that are whole: a manifest, written last, with the digest of every file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hypernet.lab.errors import UserError
from hypernet.lab.files import digest_of, read_json, sha256, write_json

MANIFEST = "manifest.json"


def write_manifest(directory: Path, facts: Mapping[str, Any]) -> None:
    """Seal a folder of data: its files' digests, one digest over all of them, and facts worth reading.

    Written last, so a folder with a manifest is whole.
    """
    files = {
        str(path.relative_to(directory)): sha256(path)
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path.name != MANIFEST and not path.name.startswith(".")
    }
    write_json(directory / MANIFEST, {"digest": digest_of(files), "files": files, "facts": dict(facts)})


def read_manifest(directory: Path) -> dict[str, Any]:
    """Read the manifest of a folder of data.

    Raises:
        UserError: the folder has none, which means that its step has not run.
    """
    path = Path(directory) / MANIFEST
    if not path.is_file():
        raise UserError(f"{directory}: no data here (no {MANIFEST}); run the steps before this one first")
    manifest: dict[str, Any] = read_json(path)
    return manifest
