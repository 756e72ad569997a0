"""Official data: from a mirror folder, from the shared cache, or from its address; always checked by digest."""

from __future__ import annotations

import lzma
import os
import re
import shutil
import tarfile
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hypernet.lab.errors import UserError
from hypernet.lab.files import sha256
from hypernet.lab.progress import Progress

MIRROR_VARIABLE = "HYPERNET_MIRROR"
CACHE_VARIABLE = "HYPERNET_CACHE"
ATTEMPTS = 4
FIRST_PAUSE_SECONDS = 1.0
TIMEOUT_SECONDS = 60
PIECE = 2**18
# Share of the free disk that one archive may take.
FILL_AT_MOST = 0.8


@dataclass(frozen=True)
class RemoteFile:
    """A file that somebody publishes.

    Attributes:
        name: its file name, by which mirrors are searched.
        url: its official address; empty where it has none and must come from a mirror.
        sha256: hexadecimal digest of its bytes.
        licence: under what terms it may be used.
        citation: whom to cite.
    """

    name: str
    url: str
    sha256: str
    licence: str
    citation: str


def mirrors() -> list[Path]:
    """The folders named by ``HYPERNET_MIRROR``, separated by ``:``."""
    return [Path(part).expanduser() for part in os.environ.get(MIRROR_VARIABLE, "").split(os.pathsep) if part]


def cache_folder() -> Path:
    """The folder shared by all projects of this user: ``HYPERNET_CACHE`` or the system's place for caches."""
    named = os.environ.get(CACHE_VARIABLE)
    if named:
        return Path(named).expanduser()
    import pooch

    return Path(pooch.os_cache("hypernet"))


def _in_mirrors(name: str) -> Iterator[Path]:
    for folder in mirrors():
        if (folder / name).is_file():
            yield folder / name
        if folder.is_dir():
            yield from sorted(path for path in folder.rglob(name) if path.is_file() and path.parent != folder)


def acquire(remote: RemoteFile) -> Path:
    """Give the path of a local copy of ``remote`` whose digest is right.

    Looks in the mirrors, then in the cache, then downloads: the download shows its progress, goes on where an
    interrupted one stopped, is tried again with growing pauses, and is made once when several processes want it.

    Raises:
        UserError: it cannot be had; one line says what was tried and what to do.
    """
    refused = []
    for candidate in _in_mirrors(remote.name):
        digest = sha256(candidate)
        if digest == remote.sha256:
            return candidate
        # The user's own file: passed over and named, never deleted.
        refused.append(f"{candidate} has digest {digest}")
    import filelock

    cache = cache_folder() / remote.sha256[:16]
    target = cache / remote.name
    cache.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(cache / ".lock"):
        if target.is_file():
            if sha256(target) == remote.sha256:
                return target
            target.unlink()
        try:
            _download(remote, target)
        except UserError as error:
            looked = f"; not taken: {'; '.join(refused)}, expected {remote.sha256}" if refused else ""
            raise UserError(f"{error}{looked}") from None
    return target


def _download(remote: RemoteFile, target: Path) -> None:
    if not remote.url:
        raise UserError(
            f"{remote.name}: not in a mirror, and it has no public address; name a folder that holds it in "
            f"{MIRROR_VARIABLE}"
        )
    import pooch

    # Our own progress lines say the same.
    pooch.get_logger().setLevel("ERROR")
    try:
        pooch.retrieve(
            remote.url,
            known_hash=f"sha256:{remote.sha256}",
            fname=target.name,
            path=target.parent,
            downloader=_Resuming(target.with_name(target.name + ".part")),
        )
    except ValueError as error:
        if "hash" not in str(error):
            raise
        got = re.search(r"but got:? ([0-9a-f]{64})", str(error))
        digest = got.group(1) if got else "another one"
        raise UserError(
            f"{remote.url}: what came has SHA-256 {digest}, not {remote.sha256}; it was thrown away"
        ) from None


class _Resuming:
    """A downloader for pooch that keeps what came before a connection broke and asks for the rest."""

    def __init__(self, part: Path):
        self.part = part

    def __call__(self, url: str, output_file: str, _pooch: object, check_only: bool = False) -> None:
        import requests

        del check_only
        reason = ""
        for attempt in range(ATTEMPTS):
            if attempt:
                time.sleep(FIRST_PAUSE_SECONDS * 2 ** (attempt - 1))
            try:
                self._fetch(url)
            except requests.HTTPError as error:
                reason = f"the server says {error.response.status_code} {error.response.reason}"
                if 400 <= error.response.status_code < 500 and error.response.status_code not in (408, 429):
                    break
            except (requests.RequestException, OSError) as error:
                reason = f"{type(error).__name__}"
            else:
                self.part.replace(output_file)
                return
        raise UserError(
            f"{url}: could not be downloaded ({reason}). Without a network put the file {self.part.stem} into a "
            f"folder and name the folder in {MIRROR_VARIABLE}"
        )

    def _fetch(self, url: str) -> None:
        import requests

        have = self.part.stat().st_size if self.part.is_file() else 0
        headers = (
            {"Range": f"bytes={have}-", "Accept-Encoding": "identity"} if have else {"Accept-Encoding": "identity"}
        )
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_SECONDS) as answer:
            if answer.status_code == 416:
                # More is here than the server has: what is here is of another file.
                self.part.unlink()
                raise requests.ConnectionError("the partial file does not fit")
            answer.raise_for_status()
            if answer.status_code != 206:
                have = 0
            length = answer.headers.get("Content-Length")
            total = have + int(length) if length else None
            progress = Progress(self.part.stem, total, "bytes")
            progress.advance(have)
            with self.part.open("ab" if have else "wb") as file:
                for piece in answer.iter_content(PIECE):
                    file.write(piece)
                    progress.advance(len(piece))
            progress.close()
        size = self.part.stat().st_size
        if total is not None and size < total:
            raise requests.ConnectionError(f"the connection closed after {size} of {total} bytes")


def unpack(archive: Path, out: Path) -> Path:
    """Unpack a zip or tar archive into the new folder ``out``, whole or not at all.

    Members that would land outside ``out`` are refused, and so is an archive that would fill the disk (a "zip bomb"
    says in its own list how large it becomes; one that lies is damaged).

    Raises:
        UserError: neither zip nor tar, damaged, larger than the room for it, or a member with an unsafe name; nothing
            is left behind.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as temporary:
        inside = Path(temporary) / "content"
        inside.mkdir()
        try:
            if zipfile.is_zipfile(archive):
                with zipfile.ZipFile(archive) as opened:
                    for name in opened.namelist():
                        if not (inside / name).resolve().is_relative_to(inside.resolve()):
                            raise UserError(f"{archive}: the member {name!r} would land outside its folder")
                    _check_room(archive, sum(member.file_size for member in opened.infolist()), inside)
                    opened.extractall(inside)
            elif tarfile.is_tarfile(archive):
                with tarfile.open(archive) as members:
                    _check_room(archive, sum(member.size for member in members), inside)
                    members.extractall(inside, filter="data")
                    # A compressed stream keeps its checksum at the very end, behind the last member.
                    stream = members.fileobj
                    while stream is not None and stream.read(PIECE):
                        pass
            else:
                raise UserError(f"{archive}: neither a zip nor a tar archive")
        except (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError) as error:
            raise UserError(f"{archive}: cannot be unpacked ({error})") from None
        inside.replace(out)
    return out


def _check_room(archive: Path, size: int, folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if size > FILL_AT_MOST * free:
        raise UserError(
            f"{archive}: unpacks to {size / 1e9:,.1f} GB; accepted here: {FILL_AT_MOST * free / 1e9:,.1f} GB, "
            f"{FILL_AT_MOST:.0%} of the free disk"
        )
