from __future__ import annotations

import io
import pickle
import tracemalloc
import zipfile

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hypernet.codes.sources import arrays as module
from hypernet.codes.sources.reading import read_parity_check
from hypernet.lab.errors import UserError

H = np.array([[1, 1, 0, 1], [0, 1, 1, 0], [1, 0, 0, 1]], dtype=np.uint8)
TYPES = ("?", "i1", "u1", "<i8", ">i4", "u8", "f2", "f4", "<f8", ">f8")


def read(path):
    return read_parity_check(path).toarray()


@given(
    arrays(np.uint8, st.tuples(st.integers(1, 7), st.integers(1, 7)), elements=st.integers(0, 1)),
    st.sampled_from(TYPES),
    st.sampled_from("CF"),
    st.integers(1, 20),
)
@settings(max_examples=120, deadline=None)
def test_any_number_type_and_order_however_many_rows_at_once(tmp_path_factory, matrix, dtype, order, at_once):
    path = tmp_path_factory.getbasetemp() / "any.npy"
    np.save(path, matrix.astype(dtype, order=order))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "ENTRIES_AT_ONCE", at_once)
        assert np.array_equal(read(path), matrix)


@pytest.mark.parametrize("name", ["csr", "csc", "coo", "bsr", "dia"])
@pytest.mark.parametrize("compressed", [True, False])
def test_what_save_npz_of_scipy_writes(tmp_path, name, compressed):
    for form in ("array", "matrix"):
        scipy.sparse.save_npz(tmp_path / "h.npz", getattr(scipy.sparse, f"{name}_{form}")(H), compressed=compressed)
        assert np.array_equal(read(tmp_path / "h.npz"), H)


def test_what_savez_of_numpy_writes(tmp_path):
    path = tmp_path / "h.npz"
    generator = np.eye(4)
    for contents in ({"any": H}, {"H": H, "G": generator}, {"pcm": H, "k": 4, "G": generator}, {"h": H, "x": [1, 2]}):
        np.savez_compressed(path, **contents)
        assert np.array_equal(read(path), H)


def claiming(shape, dtype="|u1"):
    """The header of a .npy file of that shape, and no data."""
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": dtype, "fortran_order": False, "shape": shape})
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (claiming((10, 20)), "the file ends before 10 x 20 entries"),
        (claiming((10**6, 10**6)), "1000000 x 1000000 entries; accepted: at most 4294967296"),
        (claiming((2**40, 2)), "1099511627776 rows, 2 columns; accepted: at most 1048576 each"),
        (claiming((3, 4, 5)), r"with m and n from 1; got \[3, 4, 5\]"),
        (claiming((0, 4)), r"got \[0, 4\]"),
        (claiming((2, 2), "|O") + pickle.dumps([[1, 0], [0, 1]]), "entries of type object"),
        (claiming((2, 2), "<c16") + bytes(64), "entries of type complex128"),
        (claiming((2, 2)) + bytes([0, 1, 2, 1]), "row 2, column 1 is 2; accepted: 0 and 1"),
        (claiming((2, 2), "<f8") + np.array([0, 1, 1, np.nan]).tobytes(), "row 2, column 2 is nan"),
        (claiming((2, 2), "<f4") + np.array([0, 7.5, 1, 1], "f4").tobytes(), r"row 1, column 2 is 7\.5"),
        (np.lib.format.MAGIC_PREFIX + b"\x01\x00", "not a whole .npy file"),
        (np.lib.format.MAGIC_PREFIX + b"\x07\x00", "version"),
        (claiming((2, 2)).replace(b"}", b"("), "not a whole .npy file"),
        (b"PK\x03\x04 hello", "damaged, or of no known format"),
    ],
)
def test_a_bad_file_is_one_line_that_names_it(tmp_path, content, reason):
    (tmp_path / "h.npy").write_bytes(content)
    with pytest.raises(UserError, match=reason) as caught:
        read(tmp_path / "h.npy")
    assert str(caught.value).startswith(str(tmp_path / "h.npy"))
    assert "\n" not in str(caught.value)


def test_the_same_wrong_entry_is_named_in_either_order(tmp_path):
    wrong = H.copy()
    wrong[1, 3] = 5
    for order in "CF":
        np.save(tmp_path / "h.npy", np.array(wrong, order=order))
        with pytest.raises(UserError, match="row 2, column 4 is 5"):
            read(tmp_path / "h.npy")


def archive(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        for name, content in members.items():
            file.writestr(name, content)


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({}, "holds no matrix of numbers"),
        ({"readme.txt": b"hello"}, "holds no matrix of numbers"),
        ({"a.npy": b"hello"}, "array a: not a whole .npy file"),
        ({"a.npy": claiming((2, 2)), "b.npy": claiming((2, 2))}, "holds a, b; accepted: one matrix, or one of them"),
        ({"H.npy": claiming((2, 2)), "pcm.npy": claiming((2, 2))}, "holds H, pcm; accepted: one matrix, or one of"),
        ({"H.npy": claiming((2, 2))}, "array H: the file ends before 2 x 2 entries"),
        ({"x.npy": claiming((2,))}, "holds no matrix of numbers"),
        ({"format.npy": b"", "shape.npy": b"", "data.npy": b""}, "damaged, or of no known format"),
    ],
)
def test_an_archive_without_one_matrix_is_one_line(tmp_path, members, reason):
    archive(tmp_path / "h.npz", members)
    with pytest.raises(UserError, match=reason) as caught:
        read(tmp_path / "h.npz")
    assert str(caught.value).startswith(str(tmp_path / "h.npz"))
    assert "\n" not in str(caught.value)


def test_a_sparse_archive_whose_indices_point_nowhere(tmp_path):
    matrix = scipy.sparse.csr_array(H)
    matrix.indices[2] = 2_000_000
    scipy.sparse.save_npz(tmp_path / "h.npz", matrix)
    with pytest.raises(UserError, match=r"h\.npz: (not a sparse matrix|damaged)"):
        read(tmp_path / "h.npz")


def test_an_archive_that_unpacks_to_a_great_size_takes_no_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LARGEST_SPARSE_BYTES", 2**20)
    monkeypatch.setattr(module, "ENTRIES_AT_ONCE", 2**18)
    zeros = bytes(2**24)
    sparse = dict.fromkeys(("format.npy", "shape.npy"), np.lib.format.MAGIC_PREFIX)
    archive(tmp_path / "sparse.npz", sparse | {"data.npy": zeros})
    archive(tmp_path / "dense.npz", {"H.npy": claiming((2**10, 2**14)) + zeros})
    del zeros
    tracemalloc.start()
    try:
        with pytest.raises(UserError, match="more than 1048576 bytes when unpacked"):
            read(tmp_path / "sparse.npz")
        assert read_parity_check(tmp_path / "dense.npz").nnz == 0
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2**23
