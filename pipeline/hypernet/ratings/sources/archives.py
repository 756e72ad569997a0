"""Official data of this domain, and getting its files: unpacked in a mirror folder, or from the archive."""

from __future__ import annotations

import hashlib
import sys
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypernet.lab.acquire import RemoteFile, acquire, mirrors
from hypernet.lab.errors import UserError
from hypernet.lab.files import sha256

MOVIELENS_LICENCE = (
    "MovieLens data: research use only; no redistribution without permission of GroupLens, no commercial use"
)
MOVIELENS_CITATION = (
    "F. M. Harper, J. A. Konstan, The MovieLens Datasets: History and Context, ACM Transactions on Interactive "
    "Intelligent Systems 5(4), 19, 2015, doi 10.1145/2827872"
)
JESTER_LICENCE = "Jester data: free for research use when the Eigentaste paper is cited"
JESTER_CITATION = (
    "K. Goldberg, T. Roeder, D. Gupta, C. Perkins, Eigentaste: A Constant Time Collaborative Filtering Algorithm, "
    "Information Retrieval 4(2), 133-151, 2001"
)


# Bytes of a member or an unpacked file; the largest one needed, MovieLens 1M's ratings, has 25 million.
LARGEST_MEMBER = 2**27


@dataclass(frozen=True)
class Archive:
    """A published zip archive and what is needed of it.

    Attributes:
        remote: the archive.
        folder: the folder inside.
        members: needed files by name, with their SHA-256; None where only the archive's digest is known.
    """

    remote: RemoteFile
    folder: str
    members: dict[str, str | None]


MOVIELENS_100K = Archive(
    RemoteFile(
        name="ml-100k.zip",
        url="https://files.grouplens.org/datasets/movielens/ml-100k.zip",
        sha256="50d2a982c66986937beb9ffb3aa76efe955bf3d5c6b761f4e3a7cd717c6a3229",
        licence=MOVIELENS_LICENCE,
        citation=MOVIELENS_CITATION,
    ),
    "ml-100k",
    {
        "u.data": "06416e597f82b7342361e41163890c81036900f418ad91315590814211dca490",
        "u.item": "553841ebc7de3a0fd0d6b62a204ea30c1e651aacfb2814c7a6584ac52f2c5701",
        "u.user": "f120e114da2e8cf314fd28f99417c94ae9ddf1cb6db8ce0e4b5995d40e90e62c",
    },
)
MOVIELENS_1M = Archive(
    RemoteFile(
        name="ml-1m.zip",
        url="https://files.grouplens.org/datasets/movielens/ml-1m.zip",
        sha256="a6898adb50b9ca05aa231689da44c217cb524e7ebd39d264c56e2832f2c54e20",
        licence=MOVIELENS_LICENCE,
        citation=MOVIELENS_CITATION,
    ),
    "ml-1m",
    {"ratings.dat": None, "movies.dat": None, "users.dat": None},
)
# Data set 1, part 1. The official archive holds an old Excel sheet; this is a public copy of it as CSV, with the same
# 24,983 users and 1,810,455 ratings.
JESTER_RATINGS = RemoteFile(
    name="jester-data-1.zip",
    url="https://raw.githubusercontent.com/negi-soumya/eigentaste/0877aa8b2b16531cc806a77bae606ad2b8ee5122/jester-data-1.zip",
    sha256="4adf783a1e03bd3be063315cb6e0a064fe63e983fd289d01b8e401a8e6c41e5f",
    licence=JESTER_LICENCE,
    citation=JESTER_CITATION,
)
JESTER_TEXTS = RemoteFile(
    name="joke_texts.zip",
    url="https://eigentaste.berkeley.edu/dataset/jester_dataset_1_joke_texts.zip",
    sha256="874a97180ac49a1d815ab6829fd9411021cdd25a92557dc39af46a26d5d1a9da",
    licence=JESTER_LICENCE,
    citation=JESTER_CITATION,
)


def terms(remote: RemoteFile) -> dict[str, Any]:
    """Licence, citation and address, for a manifest."""
    return {"origin": remote.url, "licence": remote.licence, "citation": remote.citation}


def read_member(archive: zipfile.ZipFile, name: str) -> bytes:
    """The content of a member of a zip archive.

    Raises:
        KeyError: there is none of this name.
        ValueError: it is larger than :data:`LARGEST_MEMBER` when unpacked.
    """
    size = archive.getinfo(name).file_size
    if size > LARGEST_MEMBER:
        raise ValueError(f"{name} has {size} bytes; accepted: up to {LARGEST_MEMBER}")
    return archive.read(name)


def obtain(archive: Archive, allow_modified: bool) -> tuple[dict[str, bytes], dict[str, Any]]:
    """The needed files of an archive, and facts for the manifest.

    Files that lie unpacked in a mirror folder with the right digests are taken first, then the archive. Public copies
    with single values changed exist: a file with another digest is passed over and named, unless ``allow_modified``
    says to take it; the facts then have its digest.

    Raises:
        UserError: the files cannot be had; one line names what was passed over, with both digests.
    """
    facts = terms(archive.remote)
    passed_over = []
    for where, files, differences in _in_mirrors(archive):
        if not differences:
            return files, facts
        passed_over.append((where, files, differences))
    if allow_modified and passed_over:
        where, files, differences = passed_over[0]
        print(f"warning: {_described(where, differences)}; taken because allow_modified is set", file=sys.stderr)
        return files, facts | {"origin": str(where), "modified": differences}
    refused = "; ".join(_described(where, differences) for where, _, differences in passed_over)
    try:
        path = acquire(archive.remote)
    except UserError as error:
        raise UserError(f"{error}; not taken: {refused}" if refused else str(error)) from None
    if refused:
        print(f"warning: not taken: {refused}", file=sys.stderr)
    return _members(path, archive), facts


def _in_mirrors(archive: Archive) -> Iterator[tuple[Path, dict[str, bytes], dict[str, Any]]]:
    """Folders and archives that have the files: place, contents, and what is not as published."""
    first = next(iter(archive.members))
    for path in _named(first):
        files = [path.parent / name for name in archive.members]
        if all(file.is_file() and file.stat().st_size <= LARGEST_MEMBER for file in files):
            contents = {file.name: file.read_bytes() for file in files}
            yield path.parent, contents, _differences(archive, contents)
    for path in _named(archive.remote.name):
        try:
            contents = _members(path, archive)
        except UserError:
            continue
        known = sha256(path) == archive.remote.sha256
        yield path, contents, {} if known else _differences(archive, contents)


def _named(name: str) -> Iterator[Path]:
    for folder in mirrors():
        if folder.is_dir():
            yield from sorted(path for path in folder.rglob(name) if path.is_file())


def _differences(archive: Archive, contents: dict[str, bytes]) -> dict[str, Any]:
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    return {
        name: {"found": digests[name], "expected": expected}
        for name, expected in archive.members.items()
        if digests[name] != expected
    }


def _described(where: Path, differences: dict[str, Any]) -> str:
    parts = [
        f"{name} has SHA-256 {both['found']}, "
        + (f"not {both['expected']}" if both["expected"] else "and only the archive's digest is known")
        for name, both in differences.items()
    ]
    return f"{where}: " + ", ".join(parts)


def _members(path: Path, archive: Archive) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(path) as opened:
            return {name: read_member(opened, f"{archive.folder}/{name}") for name in archive.members}
    except (zipfile.BadZipFile, zlib.error, KeyError, NotImplementedError, OSError, RuntimeError, ValueError) as error:
        raise UserError(f"{path}: not the archive {archive.remote.name} ({error})") from None
