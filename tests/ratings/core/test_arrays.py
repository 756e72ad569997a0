"""Files of arrays from strangers: no objects, no more memory than the file has bytes, one line for what is wrong."""

from __future__ import annotations

import io
import pickle
import zipfile

import numpy as np
import pytest

from hypernet.lab.errors import UserError
from hypernet.ratings.core.arrays import read_arrays


def claiming(path, shape, descr="<f8", body=b"\0" * 80):
    """A file whose header claims a shape."""
    content = io.BytesIO()
    np.lib.format.write_array_header_1_0(content, {"descr": descr, "fortran_order": False, "shape": shape})
    content.write(body)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", content.getvalue())


def test_arrays_come_back_as_they_were_written(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, numbers=np.arange(6.0).reshape(2, 3), texts=np.array(["one", "zwei"]), none=np.zeros((0, 4)))
    arrays = read_arrays(path, ["numbers"])
    assert arrays["numbers"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert arrays["texts"].tolist() == ["one", "zwei"]
    assert arrays["none"].shape == (0, 4)


@pytest.mark.parametrize(
    ("shape", "descr", "body"),
    [
        ((10**12,), "<f8", b"\0" * 80),
        ((-1,), "<f8", b"\0" * 80),
        ((10**15,), "<U0", b""),
        ((1,), "<U2000000000", b""),
        ((9,), "<f8", b"\0" * 80),
    ],
)
def test_a_header_may_not_claim_what_is_not_there(tmp_path, shape, descr, body):
    claiming(tmp_path / "a.npz", shape, descr, body)
    with pytest.raises(UserError, match=r"a\.npz: not a file of arrays"):
        read_arrays(tmp_path / "a.npz")


class Trace:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_objects_are_never_unpickled(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, a=np.array([Trace(tmp_path / "trace")], dtype=object))
    with pytest.raises(UserError, match="holds Python objects"):
        read_arrays(path)
    path.write_bytes(pickle.dumps(Trace(tmp_path / "trace")))
    with pytest.raises(UserError, match="not a file of arrays"):
        read_arrays(path)
    assert not (tmp_path / "trace").exists()


def test_a_compressed_file_is_refused_before_it_grows(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", a=np.zeros(10**6))
    with pytest.raises(UserError, match="its arrays are larger than the file"):
        read_arrays(tmp_path / "a.npz")


def test_what_is_missing_is_named(tmp_path):
    np.savez(tmp_path / "a.npz", a=np.zeros(1))
    with pytest.raises(UserError, match="no array b in it"):
        read_arrays(tmp_path / "a.npz", ["a", "b"])
    with pytest.raises(UserError, match="no such file"):
        read_arrays(tmp_path / "absent.npz")
