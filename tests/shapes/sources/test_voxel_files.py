"""Voxels in NumPy's files, and files that only look like those."""

from __future__ import annotations

import pickle
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hypernet.lab.errors import UserError
from hypernet.shapes.sources.voxel_files import read_voxels, write_voxels

OCCUPIED = np.random.default_rng(0).random((6, 6, 6)) < 0.4


@pytest.mark.parametrize("suffix", [".binvox", ".npz", ".npy"])
def test_what_is_written_is_read(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    write_voxels(path, OCCUPIED, np.array([1.0, 2.0, 3.0]), 4.0)
    np.testing.assert_array_equal(read_voxels(path)[0], OCCUPIED)
    other = "xyz" if suffix == ".binvox" else "xzy"
    np.testing.assert_array_equal(read_voxels(path, other)[0], OCCUPIED.transpose(0, 2, 1))
    if suffix == ".npz":
        with np.load(path) as archive:
            assert (archive["translate"].tolist(), float(archive["scale"])) == ([1, 2, 3], 4)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (OCCUPIED.astype(np.uint8), ""),
        (OCCUPIED.astype(">f4")[None, None], ""),
        (np.asfortranarray(OCCUPIED), ""),
        (OCCUPIED * 0.6 + 0.2, "values from 0.2 to 0.8: above 0.5 counts as occupied"),
    ],
)
def test_arrays_of_other_programs(tmp_path, values, words):
    np.save(tmp_path / "a.npy", values)
    occupied, notes = read_voxels(tmp_path / "a.npy")
    np.testing.assert_array_equal(occupied, OCCUPIED)
    assert words in " ".join(notes)
    np.savez(tmp_path / "a.npz", voxels=values, label=np.array("chair"), pose=np.eye(4))
    np.testing.assert_array_equal(read_voxels(tmp_path / "a.npz")[0], OCCUPIED)


class Harm:
    def __reduce__(self):
        return print, ("run",)


def test_nothing_is_unpickled(tmp_path, capsys):
    np.save(tmp_path / "a.npy", np.array([[[Harm()]]], dtype=object), allow_pickle=True)
    with pytest.raises(UserError, match="not that of an array of booleans or numbers"):
        read_voxels(tmp_path / "a.npy")
    (tmp_path / "b.npy").write_bytes(pickle.dumps(Harm()))
    with pytest.raises(UserError, match=r"b\.npy: "):
        read_voxels(tmp_path / "b.npy")
    assert capsys.readouterr().out == ""


def test_refusals(tmp_path):
    np.save(tmp_path / "flat.npy", np.zeros((4, 4, 5)))
    np.savez(tmp_path / "two.npz", a=OCCUPIED, b=OCCUPIED)
    np.savez(tmp_path / "none.npz", a=np.zeros(3))
    np.save(tmp_path / "nan.npy", np.full((2, 2, 2), np.nan))
    (tmp_path / "text.npz").write_text("text")
    (tmp_path / "a.mat").write_text("text")
    huge = np.lib.format.magic(1, 0)
    head = b"{'descr': '<f8', 'fortran_order': False, 'shape': (512, 512, 512), }".ljust(117) + b"\n"
    (tmp_path / "huge.npy").write_bytes(huge + len(head).to_bytes(2, "little") + head)
    for name, message in [
        ("flat.npy", r"an array \[4, 4, 5\]; accepted is a cube"),
        ("two.npz", "2 cubic arrays; accepted: one, or one that is called occupied"),
        ("none.npz", "no cubic arrays"),
        ("text.npz", "not a zip file"),
        ("a.mat", "not a file of voxels; accepted are .binvox, .npz, .npy"),
        ("huge.npy", "the file is too short to hold it"),
        ("gone.npy", "no such file"),
        ("nan.npy", "values that are not numbers; accepted are 0 and 1, or probabilities"),
    ]:
        with pytest.raises(UserError, match=message):
            read_voxels(tmp_path / name)
    with pytest.raises(UserError, match=r"the name must end in \.binvox, \.npz, \.npy"):
        write_voxels(tmp_path / "a.mat", OCCUPIED, np.zeros(3), 1.0)


@pytest.mark.parametrize("name", ["A.NPZ", "A.NPY", "A.BINVOX"])
def test_an_ending_in_capitals_is_written_and_nothing_else(tmp_path, name):
    write_voxels(tmp_path / name, OCCUPIED, np.zeros(3), 1.0)
    np.testing.assert_array_equal(read_voxels(tmp_path / name)[0], OCCUPIED)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_an_archive_that_says_more_than_it_holds(tmp_path):
    head = b"{'descr': '|b1', 'fortran_order': False, 'shape': (400, 400, 400), }".ljust(117) + b"\n"
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("occupied.npy", np.lib.format.magic(1, 0) + len(head).to_bytes(2, "little") + head)
    with pytest.raises(UserError, match="the file is too short to hold it"):
        read_voxels(tmp_path / "a.npz")


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damaged_bytes_give_voxels_or_one_line(tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp()
    name = data.draw(st.sampled_from(["d.npz", "d.npy"]))
    write_voxels(folder / name, OCCUPIED[:3, :3, :3], np.zeros(3), 1.0)
    content = bytearray((folder / name).read_bytes())
    for _ in range(data.draw(st.integers(0, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    (folder / name).write_bytes(content[: data.draw(st.integers(1, len(content)))])
    try:
        occupied, _ = read_voxels(folder / name)
    except UserError:
        return  # any other exception fails
    assert occupied.dtype == bool
