"""IDX files against mlxtend's reader, the official files, and files that lie."""

from __future__ import annotations

import gzip
import os
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hypernet.lab.errors import UserError
from hypernet.superres.sources import idx
from hypernet.superres.sources.idx import read_idx, read_images, read_labels, read_pair

IMAGES = np.arange(2 * 3 * 5, dtype=np.uint8).reshape(2, 3, 5)
LABELS = np.array([7, 2], dtype=np.uint8)


def content(array: np.ndarray) -> bytes:
    """An IDX file, written by hand."""
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def saved(path, data: bytes):
    path.write_bytes(data)
    return path


def refused(path, words: str, read=read_idx) -> None:
    """Reading ends with one line that begins with the path."""
    with pytest.raises(UserError, match=words) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


@settings(max_examples=40, deadline=None)
@given(
    shape=st.one_of(st.tuples(st.integers(1, 300)), st.tuples(*[st.integers(1, 12)] * 3)),
    seed=st.integers(0, 10**6),
    packed=st.booleans(),
)
def test_what_was_written_is_read(tmp_path_factory, shape, seed, packed):
    array = np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)
    data = content(array)
    # The name says nothing: the content does.
    path = saved(tmp_path_factory.getbasetemp() / "a.gz", gzip.compress(data) if packed else data)
    again = read_idx(path)
    assert again.dtype == np.uint8
    assert again.flags.writeable
    np.testing.assert_array_equal(again, array)


def test_the_official_files_are_read_as_mlxtend_reads_them(mirror, tmp_path):
    loader = pytest.importorskip("mlxtend.data").loadlocal_mnist
    counts = {
        "train": [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
        "t10k": [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009],
    }
    first = {"train": [5, 0, 4, 1, 9, 2, 1, 3, 1, 4], "t10k": [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]}
    for part in ("train", "t10k"):
        packed = [mirror / f"{part}-{name}-ubyte.gz" for name in ("images-idx3", "labels-idx1")]
        images, labels = read_pair(*packed)
        assert images.shape[1:] == (28, 28)
        assert np.bincount(labels).tolist() == counts[part]
        assert labels[:10].tolist() == first[part]
    # The other reader takes unpacked files only.
    plain = [saved(tmp_path / path.stem, gzip.decompress(path.read_bytes())) for path in packed]
    pixels, digits = loader(*map(str, plain))
    for pair in ((images, labels), read_pair(*plain)):
        np.testing.assert_array_equal(pair[0].reshape(len(images), -1), pixels)
        np.testing.assert_array_equal(pair[1], digits)


def test_images_and_labels_belong_together(tmp_path):
    images, labels = saved(tmp_path / "images", content(IMAGES)), saved(tmp_path / "labels", content(LABELS))
    pixels, digits = read_pair(images, str(labels))
    np.testing.assert_array_equal(pixels, IMAGES)
    np.testing.assert_array_equal(digits, LABELS)
    refused(images, "holds images; expected labels", read_labels)
    refused(labels, "holds labels; expected images", read_images)
    refused(labels, "holds labels; expected images", lambda path: read_pair(path, images))
    more = saved(tmp_path / "more", content(np.arange(3, dtype=np.uint8)))
    refused(more, "3 labels for 2 images of .*images; one for each", lambda path: read_pair(images, path))


WHOLE = content(IMAGES)
WRONG = [
    (b"", "not an IDX file: it begins with nothing; expected 00 00 08 03"),
    (b"\0\0\x08", "it begins with 00 00 08; expected"),
    (b"<!DOCTYPE html>", "it begins with 3c 21 44 4f; expected 00 00 08 03"),
    (b"\0\x01" + WHOLE[2:], "it begins with 00 01 08 03"),
    (b"\0\0\x07" + WHOLE[3:], "it begins with 00 00 07 03"),
    (struct.pack(">4I", 2051, 2, 3, 5)[::-1], "not an IDX file"),
    (b"\0\0\x0d" + WHOLE[3:], "an IDX file of floats; accepted: unsigned bytes"),
    (b"\0\0\x09" + WHOLE[3:], "an IDX file of signed bytes; accepted: unsigned bytes"),
    (b"\0\0\x08\x02" + WHOLE[4:], "of 2 dimensions; accepted: 3"),
    (b"\0\0\x08\xff" + WHOLE[4:], "of 255 dimensions; accepted: 3"),
    (WHOLE[:14], "header breaks off after 14 bytes; expected 16"),
    (struct.pack(">4I", 2051, 0, 28, 28), "claims 0 x 28 x 28; accepted: 1 to 2,147,483,648 bytes"),
    (struct.pack(">4I", 2051, *[2**32 - 1] * 3), "claims 4,294,967,295 x .*; accepted: 1 to"),
]


@pytest.mark.parametrize(("data", "words"), WRONG)
def test_what_is_no_file_of_images_is_refused_packed_or_not(tmp_path, data, words):
    refused(saved(tmp_path / "a", data), words)
    refused(saved(tmp_path / "b", gzip.compress(data)), words)


def test_a_file_that_holds_less_or_more_than_it_claims(tmp_path):
    claim = "claims 2 x 3 x 5 = 30 bytes; "
    refused(saved(tmp_path / "a", WHOLE[:-1]), f"{claim}the file has 29 after the header")
    refused(saved(tmp_path / "a", WHOLE + b"\0"), f"{claim}the file has 31 after the header")
    refused(saved(tmp_path / "a", WHOLE[:16]), f"{claim}the file has 0 after the header")
    refused(saved(tmp_path / "a", gzip.compress(WHOLE[:-1])), f"{claim}it holds 29 after the header")
    refused(saved(tmp_path / "a", gzip.compress(WHOLE + b"\0")), f"{claim}it holds more")


def test_a_packed_file_that_is_damaged(tmp_path):
    whole = gzip.compress(content(np.random.default_rng(0).integers(0, 256, (9, 28, 28)).astype(np.uint8)))
    refused(saved(tmp_path / "a", whole[: len(whole) // 2]), "a packed file that breaks off")
    refused(saved(tmp_path / "a", whole[:-2]), "a packed file that breaks off")
    refused(saved(tmp_path / "a", whole[:-8] + bytes(8)), "cannot be read .*CRC")
    refused(saved(tmp_path / "a", whole[:30] + b"\xff" * 30 + whole[60:]), "cannot be read|breaks off|claims|begins")
    refused(saved(tmp_path / "a", whole + b"more"), "cannot be read")


def test_no_header_is_believed_and_no_bomb_is_unpacked(tmp_path, monkeypatch):
    two_gigabytes = struct.pack(">4I", 2051, 2**21, 32, 32)
    bomb = gzip.compress(struct.pack(">4I", 2051, 10, 28, 28) + bytes(2**25))
    tracemalloc.start()
    refused(saved(tmp_path / "a", two_gigabytes), "the file has 0 after")
    refused(saved(tmp_path / "a", gzip.compress(two_gigabytes)), "a packed file of this size holds [0-9,]+ at most")
    refused(saved(tmp_path / "a", bomb), "= 7,840 bytes; it holds more")
    assert tracemalloc.get_traced_memory()[1] < 2**22
    tracemalloc.stop()
    monkeypatch.setattr(idx, "LARGEST", 29)
    refused(saved(tmp_path / "a", WHOLE), "accepted: 1 to 29 bytes")


def test_what_is_no_file(tmp_path):
    refused(tmp_path / "absent", "no such file")
    refused(tmp_path, "not a file but a folder")
    os.mkfifo(tmp_path / "pipe")
    refused(tmp_path / "pipe", "not a file but a folder, a pipe or a device")


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_bytes_give_an_array_or_one_line(tmp_path_factory, data):
    whole = bytearray(gzip.compress(WHOLE) if data.draw(st.booleans()) else WHOLE)
    for _ in range(data.draw(st.integers(1, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path = saved(tmp_path_factory.getbasetemp() / "damaged", whole[: data.draw(st.integers(0, len(whole)))])
    message = ""
    try:
        array = read_idx(path)
    except UserError as error:
        message = str(error)
    else:
        assert array.size == 30
    assert "\n" not in message
