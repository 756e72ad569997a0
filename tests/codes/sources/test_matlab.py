from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
import scipy.io
import scipy.sparse

from hypernet.codes.sources import matlab as module
from hypernet.codes.sources.reading import read_parity_check
from hypernet.lab.errors import UserError

H = np.array([[1, 1, 0, 1, 0], [0, 1, 1, 0, 0], [1, 0, 0, 1, 1]], dtype=np.uint8)


def read(path):
    return read_parity_check(path).toarray()


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8", "int16", "uint32", "int64", "float32", "float64", "sparse"])
def test_what_scipy_writes(tmp_path, dtype, compressed):
    matrix = scipy.sparse.csc_array(H.astype(float)) if dtype == "sparse" else H.astype(dtype)
    others = {"n": 5.0, "title": "a code", "G": np.eye(5), "settings": {"rate": 0.4}, "row": np.ones((1, 5))}
    for contents in ({"pcm": matrix} | others, {"any": matrix, "n": 5}):
        scipy.io.savemat(tmp_path / "h.mat", contents, do_compression=compressed)
        assert np.array_equal(read(tmp_path / "h.mat"), H)


def header(mark=b"IM"):
    return b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01" + mark


def element(mark, data, order="<"):
    return struct.pack(f"{order}II", mark, len(data)) + data + bytes(-len(data) % 8)


def array(array_class, *parts, name=b"H", shape=(3, 5), order="<"):
    body = element(6, struct.pack(f"{order}II", array_class, 0), order)
    body += element(5, struct.pack(f"{order}2i", *shape), order) + element(1, name, order)
    return element(14, body + b"".join(element(*part, order) for part in parts), order)


def test_a_file_written_by_hand_in_either_order_of_bytes(tmp_path):
    for mark, order in ((b"IM", "<"), (b"MI", ">")):
        # Whole numbers of two bytes for a matrix of class double, as MATLAB packs them.
        data = H.astype(f"{order}u2").tobytes(order="F")
        (tmp_path / "h.mat").write_bytes(header(mark) + array(6, (4, data), order=order))
        assert np.array_equal(read(tmp_path / "h.mat"), H)


COLUMNS = scipy.sparse.csc_array(H)


def sparse_parts(rows=COLUMNS.indices, starts=COLUMNS.indptr, values=COLUMNS.data):
    return [(5, np.asarray(indices, "<i4").tobytes()) for indices in (rows, starts)] + [(2, bytes(list(values)))]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (array(6, (9, bytes(8 * 14))), "variable H: the file has not its 3 x 5 entries"),
        (array(6), "variable H: the file has not its 3 x 5 entries"),
        (array(6, (2, bytes([2] + [0] * 14))), "variable H: row 1, column 1 is 2; accepted: 0 and 1"),
        (array(6, shape=(2**30, 2**30)), "1073741824 rows, 1073741824 columns; accepted: at most 1048576 each"),
        (array(5, *sparse_parts(rows=[9] * 9)), "variable H: a damaged sparse matrix"),
        (array(5, *sparse_parts(rows=[-1] * 9)), "variable H: a damaged sparse matrix"),
        (array(5, *sparse_parts(starts=[0, 2, 4, 5, 7])), "variable H: a damaged sparse matrix"),
        (array(5, *sparse_parts(starts=[0, 2, 1, 5, 7, 8])), "variable H: a damaged sparse matrix"),
        (array(5, *sparse_parts(starts=[0, 2, 4, 5, 7, 2000])), "variable H: a damaged sparse matrix"),
        (array(5, *sparse_parts(values=[3] * 8)), "variable H: row 1, column 1 is 3; accepted: 0 and 1"),
        (array(5), "variable H: a damaged sparse matrix"),
        (array(6, name=b"A") + array(6, name=b"B"), "holds A, B; accepted: one matrix, or one of them called H"),
        (array(4, (2, bytes(15))), "holds no matrix of numbers"),
        (b"", "holds no matrix of numbers"),
        (struct.pack("<II", 14, 2**31), "a damaged MATLAB file"),
        (b"\x0e\x00", "a damaged MATLAB file"),
        (struct.pack("<II", 15, 8) + b"no zlib!", "a damaged MATLAB file"),
    ],
)
def test_a_bad_file_is_one_line_that_names_it(tmp_path, content, reason):
    (tmp_path / "h.mat").write_bytes(header() + content)
    with pytest.raises(UserError, match=reason) as caught:
        read(tmp_path / "h.mat")
    assert str(caught.value).startswith(str(tmp_path / "h.mat"))
    assert "\n" not in str(caught.value)


def test_what_unpacks_to_a_great_size_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LARGEST_FILE", 10_000)
    packed = zlib.compress(array(6, (2, bytes(1_000_000)), shape=(1000, 1000)))
    (tmp_path / "h.mat").write_bytes(header() + struct.pack("<II", 15, len(packed)) + packed)
    with pytest.raises(UserError, match=r"h\.mat: more than 10000 bytes when unpacked"):
        read(tmp_path / "h.mat")


def test_version_7_3_says_how_to_save(tmp_path):
    (tmp_path / "h.mat").write_bytes(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(512) + b"\x89HDF\r\n\x1a\n")
    with pytest.raises(UserError, match=r"a MATLAB file of version 7\.3; accepted: those that save\(\.\.\., '-v7'\)"):
        read(tmp_path / "h.mat")
