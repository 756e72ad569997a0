"""The Kodak photographs come by digest, from a mirror before the network."""

from __future__ import annotations

import numpy as np
import pytest

from hypernet.lab.errors import UserError
from hypernet.retouch.sources.kodak import FILES, LICENCE, kodak_files
from hypernet.retouch.sources.photographs import reduced

NUMBERS = [number for number in range(1, 25) if number not in (5, 14, 20, 23)]


@pytest.fixture
def no_network(tmp_path, monkeypatch):
    def refuse(remote, target):
        raise UserError(f"no network for {remote.url}")

    monkeypatch.setenv("HYPERNET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("hypernet.lab.acquire._download", refuse)


def test_the_twenty_are_known_by_digest():
    assert list(FILES) == [f"kodim{number:02d}.png" for number in NUMBERS]
    assert len({remote.sha256 for remote in FILES.values()}) == 20
    for name, remote in FILES.items():
        assert remote.name == name
        assert remote.url == f"http://r0k.us/graphics/kodak/kodak/{name}"
        assert len(bytes.fromhex(remote.sha256)) == 32
        assert remote.licence == LICENCE


def test_files_come_from_a_mirror(mirror, no_network, monkeypatch):
    # Beside them are smaller pictures of the same names.
    assert (mirror / "embedded" / "kodim01.png").is_file()
    monkeypatch.setenv("HYPERNET_MIRROR", str(mirror.parent))
    assert kodak_files() == [mirror / "kodak" / name for name in FILES]


def test_other_files_of_the_same_names_are_not_taken(no_network, tmp_path, monkeypatch):
    (tmp_path / "kodim01.png").write_bytes(b"another picture")
    monkeypatch.setenv("HYPERNET_MIRROR", str(tmp_path))
    with pytest.raises(UserError, match=r"no network for http://r0k.us/\S+/kodim01.png; not taken: .*kodim01.png has"):
        kodak_files()


def test_reduced_photographs_are_those_of_the_mirror(mirror):
    image = pytest.importorskip("PIL.Image")
    for name in ("kodim01.png", "kodim04.png"):
        full, small = (np.asarray(image.open(mirror / folder / name)) for folder in ("kodak", "embedded"))
        assert np.abs(reduced(full, 128).astype(int) - small).max() <= 1
