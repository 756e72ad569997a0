"""The official files come by digest, and are told from those that share their names."""

from __future__ import annotations

import numpy as np
import pytest

from hypernet.lab.errors import UserError
from hypernet.superres.sources.idx import read_images
from hypernet.superres.sources.mnist import FILES, PARTS, file_names, is_mnist, official


@pytest.fixture
def no_network(mirror, tmp_path, monkeypatch):
    monkeypatch.setenv("HYPERNET_MIRROR", str(mirror))
    monkeypatch.setenv("HYPERNET_CACHE", str(tmp_path))
    monkeypatch.setattr("hypernet.lab.acquire._download", lambda remote, target: pytest.fail(remote.url))


def test_the_official_files_come_from_a_mirror(mirror, no_network):
    for part in PARTS:
        assert official(part) == tuple(mirror / name for name in file_names(part))
    assert {name for part in PARTS for name in file_names(part)} == set(FILES)
    assert all(remote.url.startswith("https://") and remote.url.endswith(name) for name, remote in FILES.items())


def test_files_of_the_same_names_are_not_taken(mirror, no_network, monkeypatch):
    # The folder of small extracts has the official names.
    monkeypatch.setenv("HYPERNET_MIRROR", str(mirror / "mini"))
    monkeypatch.setattr("hypernet.lab.acquire._download", lambda *_: (_ for _ in ()).throw(UserError("no network")))
    with pytest.raises(UserError, match=r"no network; not taken: .*mini/train-images-idx3-ubyte.gz has digest"):
        official("train")


def test_a_part_that_is_none():
    with pytest.raises(UserError, match="'test' is no part of MNIST; accepted: train, t10k"):
        official("test")


def test_mnist_is_told_from_other_images(mirror):
    images = {part: read_images(mirror / file_names(part)[0]) for part in PARTS}
    assert all(map(is_mnist, images.values()))
    tested = images["t10k"]
    assert is_mnist(np.asfortranarray(tested))
    assert not is_mnist(tested[:-1])
    assert not is_mnist(tested.astype(np.int64))
    assert not is_mnist(tested.reshape(-1, 14, 56))
    tested[17, 9, 9] ^= 1
    assert not is_mnist(tested)
    assert not is_mnist(np.zeros((0, 28, 28), dtype=np.uint8))
    assert not is_mnist(np.zeros(9, dtype=np.uint8))
