from __future__ import annotations

import hashlib
import io
import shutil
import socket
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from hypernet.lab import acquire as lab_acquire
from hypernet.lab.acquire import RemoteFile, acquire, unpack
from hypernet.lab.errors import UserError

CONTENT = np.random.default_rng(7).bytes(900_001)
NAME = "numbers.bin"


class FileServer(ThreadingHTTPServer):
    """Serves one file as a test wants it; remembers the Range header of every request it got."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), FileHandler)
        self.content = CONTENT
        self.knows_ranges = True
        self.asked: list[str | None] = []
        # What to do with the next requests: break off after so many bytes, or answer with this status.
        self.break_after: list[int] = []
        self.statuses: list[int] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/{NAME}"


class FileHandler(BaseHTTPRequestHandler):
    server: FileServer

    def do_GET(self):
        server, wanted = self.server, self.headers.get("Range")
        server.asked.append(wanted)
        self.close_connection = True
        if server.statuses:
            self.send_error(server.statuses.pop(0))
            return
        start = int(wanted.removeprefix("bytes=").partition("-")[0]) if wanted and server.knows_ranges else 0
        if start and start >= len(server.content):
            self.send_error(416)
            return
        rest = server.content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(rest)))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(server.content) - 1}/{len(server.content)}")
        self.end_headers()
        self.wfile.write(rest[: server.break_after.pop(0)] if server.break_after else rest)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server() -> Iterator[FileServer]:
    with FileServer() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(lab_acquire.CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.delenv(lab_acquire.MIRROR_VARIABLE, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(lab_acquire, "FIRST_PAUSE_SECONDS", 0.0)
    return tmp_path / "cache"


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def remote(url: str, sha256: str = digest(CONTENT)) -> RemoteFile:
    return RemoteFile(name=NAME, url=url, sha256=sha256, licence="CC0", citation="nobody")


def kept(folder: Path) -> list[str]:
    """Names of the files with content below a folder (locks are empty)."""
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and path.stat().st_size)


@pytest.fixture
def nowhere() -> str:
    """An address at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}/{NAME}"


def test_a_download_has_the_bytes_and_is_made_once(server, cache):
    path = acquire(remote(server.url))
    assert path.read_bytes() == CONTENT
    assert path.name == NAME
    assert path.is_relative_to(cache)
    assert acquire(remote(server.url)) == path
    assert len(server.asked) == 1
    assert kept(cache) == [NAME]


def test_several_at_once_download_once(server):
    with ThreadPoolExecutor(4) as pool:
        paths = list(pool.map(acquire, [remote(server.url)] * 4))
    assert len(set(paths)) == 1
    assert len(server.asked) == 1


def test_a_damaged_file_in_the_cache_is_fetched_again(server):
    path = acquire(remote(server.url))
    path.write_bytes(CONTENT[:-1])
    assert acquire(remote(server.url)).read_bytes() == CONTENT


def test_another_digest_names_both_and_keeps_neither_file(server, cache):
    expected = digest(b"something else")
    with pytest.raises(UserError) as caught:
        acquire(remote(server.url, expected))
    message = str(caught.value)
    assert f"{digest(CONTENT)}, not {expected}" in message
    assert "\n" not in message
    assert kept(cache) == []


def first_byte(asked: str) -> int:
    return int(asked.removeprefix("bytes=").removesuffix("-"))


def test_a_transfer_that_breaks_off_goes_on_where_it_stopped(server):
    server.break_after = [600_000, 100_000]
    assert acquire(remote(server.url)).read_bytes() == CONTENT
    first, second, third = server.asked
    assert first is None
    assert 0 < first_byte(second) <= 600_000
    assert first_byte(second) <= first_byte(third) <= first_byte(second) + 100_000


def test_a_server_without_ranges_sends_all_again(server):
    server.break_after = [600_000, 400_000]
    server.knows_ranges = False
    assert acquire(remote(server.url)).read_bytes() == CONTENT
    assert len(server.asked) == 3


def test_what_came_is_kept_for_the_next_try(server, cache):
    server.break_after = [300_000] + [0] * (lab_acquire.ATTEMPTS - 1)
    with pytest.raises(UserError, match=lab_acquire.MIRROR_VARIABLE) as caught:
        acquire(remote(server.url))
    assert "\n" not in str(caught.value)
    assert server.url in str(caught.value)
    assert len(server.asked) == lab_acquire.ATTEMPTS
    assert NAME not in kept(cache)
    server.asked.clear()
    assert acquire(remote(server.url)).read_bytes() == CONTENT
    assert len(server.asked) == 1
    assert first_byte(server.asked[0]) > 0
    assert kept(cache) == [NAME]


def test_a_partial_file_longer_than_the_whole_is_thrown_away(server, cache):
    server.content = CONTENT * 2
    server.break_after = [len(CONTENT) + 400_000] + [0] * (lab_acquire.ATTEMPTS - 1)
    with pytest.raises(UserError):
        acquire(remote(server.url))
    (part,) = [path for path in cache.rglob("*") if path.name in kept(cache)]
    assert part.stat().st_size > len(CONTENT)
    server.content = CONTENT
    assert acquire(remote(server.url)).read_bytes() == CONTENT


def test_a_busy_server_is_asked_again_and_a_missing_file_is_not(server, cache):
    server.statuses = [503, 429]
    assert acquire(remote(server.url)).read_bytes() == CONTENT
    assert len(server.asked) == 3
    server.asked.clear()
    server.statuses = [404]
    with pytest.raises(UserError, match="404"):
        acquire(remote(server.url, digest(b"not in the cache")))
    assert len(server.asked) == 1


def test_without_a_network_one_line_says_what_to_do(nowhere, cache):
    with pytest.raises(UserError) as caught:
        acquire(remote(nowhere))
    message = str(caught.value)
    assert "\n" not in message
    assert all(part in message for part in (nowhere, NAME, lab_acquire.MIRROR_VARIABLE))
    assert kept(cache) == []


def test_a_file_without_an_address_comes_from_a_mirror_or_not_at_all(cache, tmp_path, monkeypatch):
    with pytest.raises(UserError) as caught:
        acquire(remote(""))
    assert f"{NAME}: not in a mirror" in str(caught.value)
    assert lab_acquire.MIRROR_VARIABLE in str(caught.value)
    assert kept(cache) == []
    (tmp_path / NAME).write_bytes(CONTENT)
    monkeypatch.setenv(lab_acquire.MIRROR_VARIABLE, str(tmp_path))
    assert acquire(remote("")) == tmp_path / NAME


def test_mirrors_come_first_in_their_order_and_with_their_subfolders(server, cache, tmp_path, monkeypatch):
    first, second = tmp_path / "one", tmp_path / "two"
    wrong, right = first / NAME, second / "deep" / "er" / NAME
    for path, content in ((wrong, b"another file of that name"), (right, CONTENT)):
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
    monkeypatch.setenv(lab_acquire.MIRROR_VARIABLE, f"{tmp_path / 'absent'}:{first}:{second}")
    assert acquire(remote(server.url)) == right
    assert server.asked == []
    assert kept(cache) == []
    assert wrong.read_bytes() == b"another file of that name"
    # Nearer to the front and right: this one is taken now.
    nearer = first / "sub" / NAME
    nearer.parent.mkdir()
    nearer.write_bytes(CONTENT)
    assert acquire(remote(server.url)) == nearer


def test_a_mirror_with_another_digest_is_passed_over(server, nowhere, tmp_path, monkeypatch):
    stale = tmp_path / "mirror" / NAME
    stale.parent.mkdir()
    stale.write_bytes(b"stale")
    monkeypatch.setenv(lab_acquire.MIRROR_VARIABLE, str(stale.parent))
    with pytest.raises(UserError) as caught:
        acquire(remote(nowhere))
    message = str(caught.value)
    assert all(part in message for part in (str(stale), digest(b"stale"), digest(CONTENT)))
    assert "\n" not in message
    assert stale.read_bytes() == b"stale"
    assert acquire(remote(server.url)).read_bytes() == CONTENT


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def tarred(path: Path, members: dict[str, bytes | str]) -> Path:
    """A tar archive; a text instead of bytes is the target of a symbolic link."""
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            if isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
                archive.addfile(info)
            else:
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return path


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_archives_are_unpacked_with_their_folders(tmp_path, pack):
    out = unpack(pack(tmp_path / "archive", {"a/b.txt": b"one", "c.bin": CONTENT}), tmp_path / "new" / "out")
    assert (out / "a" / "b.txt").read_bytes() == b"one"
    assert (out / "c.bin").read_bytes() == CONTENT
    assert [path.name for path in out.parent.iterdir()] == ["out"]


@pytest.mark.parametrize(
    ("pack", "members"),
    [
        (zipped, {"fine.txt": b"1", "../../evil.txt": b"2"}),
        (zipped, {"a/../../evil.txt": b"2"}),
        (zipped, {"/evil.txt": b"2"}),
        (tarred, {"fine.txt": b"1", "../../evil.txt": b"2"}),
        (tarred, {"link": "../..", "link/evil.txt": b"2"}),
        (tarred, {"link": "/etc"}),
    ],
)
def test_members_outside_the_folder_are_refused_and_nothing_is_left(tmp_path, pack, members):
    archive = pack(tmp_path / "archive", members)
    with pytest.raises(UserError, match="archive"):
        unpack(archive, tmp_path / "below" / "out")
    assert list(tmp_path.rglob("evil.txt")) == []
    assert list((tmp_path / "below").iterdir()) == []


TEXT = b" ".join(str(number).encode() for number in range(20_000))


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def other(content: bytes) -> bytes:
    return b"no archive at all"


def test_the_undamaged_archive_is_fine(tmp_path):
    for pack in (zipped, tarred):
        out = unpack(pack(tmp_path / "archive", {"a.txt": TEXT}), tmp_path / pack.__name__)
        assert (out / "a.txt").read_bytes() == TEXT


@pytest.mark.parametrize("pack", [zipped, tarred])
@pytest.mark.parametrize("damage", [cut, other])
def test_what_is_no_whole_archive_is_refused_and_nothing_is_left(tmp_path, pack, damage):
    archive = pack(tmp_path / "archive", {"a.txt": TEXT})
    archive.write_bytes(damage(archive.read_bytes()))
    with pytest.raises(UserError, match="archive") as caught:
        unpack(archive, tmp_path / "below" / "out")
    assert "\n" not in str(caught.value)
    assert list((tmp_path / "below").iterdir()) == []


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_one_flipped_bit_is_noticed(tmp_path, pack):
    archive = pack(tmp_path / "archive", {"a.txt": TEXT})
    good = archive.read_bytes()
    # Inside the compressed data, far from the tables at both ends.
    for place in range(len(good) // 10, len(good) * 9 // 10, len(good) // 40):
        bad = bytearray(good)
        bad[place] ^= 4
        archive.write_bytes(bad)
        with pytest.raises(UserError, match="archive"):
            unpack(archive, tmp_path / "below" / "out")
    assert list((tmp_path / "below").iterdir()) == []


def bomb(path: Path, size: int) -> Path:
    """A small zip whose one member is ``size`` zeros."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("zeros", "w") as member:
        for _ in range(size // 2**20):
            member.write(bytes(2**20))
    return path


@pytest.mark.parametrize("form", ["zip", "tar"])
def test_an_archive_that_would_fill_the_disk_is_refused(tmp_path, monkeypatch, form):
    if form == "zip":
        archive = bomb(tmp_path / "zeros.zip", 2**25)
    else:
        archive = tmp_path / "zeros.tar.xz"
        with tarfile.open(archive, "w:xz") as members:
            header = tarfile.TarInfo("zeros")
            header.size = 2**25
            members.addfile(header, io.BytesIO(bytes(2**25)))
    assert archive.stat().st_size < 2**16
    free = shutil.disk_usage(tmp_path)._replace(free=2**25)
    monkeypatch.setattr("shutil.disk_usage", lambda folder: free)
    with pytest.raises(UserError, match=r"unpacks to 0\.0 GB; accepted here"):
        unpack(archive, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == [archive.name]
    monkeypatch.undo()
    assert (unpack(archive, tmp_path / "out") / "zeros").stat().st_size == 2**25


def test_a_zip_that_lies_about_its_size_is_damaged(tmp_path):
    archive = bomb(tmp_path / "zeros.zip", 2**22)
    content = archive.read_bytes()
    size = (2**22).to_bytes(4, "little")
    archive.write_bytes(content.replace(size, (1000).to_bytes(4, "little")))
    with pytest.raises(UserError, match="cannot be unpacked"):
        unpack(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists()
