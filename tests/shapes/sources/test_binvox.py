"""binvox files against trimesh's reader and the official samples."""

from __future__ import annotations

import io

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from hypernet.lab.errors import UserError
from hypernet.shapes.core.metrics import iou
from hypernet.shapes.sources.binvox import read_binvox, write_binvox


@settings(max_examples=30, deadline=None)
@given(
    side=st.integers(1, 20), seed=st.integers(0, 10**6), share=st.floats(0, 1), order=st.sampled_from(["xzy", "xyz"])
)
def test_what_is_written_is_read_here_and_by_trimesh(tmp_path_factory, side, seed, share, order):
    occupied = np.random.default_rng(seed).random((side,) * 3) < share
    path = tmp_path_factory.getbasetemp() / "a.binvox"
    write_binvox(path, occupied, (0.1, -2.5, 1e-7), 3.25, order)
    again, translate, scale = read_binvox(path, order)
    np.testing.assert_array_equal(again, occupied)
    assert (translate.tolist(), scale) == ([0.1, -2.5, 1e-7], 3.25)
    if side > 1 and order == "xzy":
        other = trimesh.exchange.binvox.load_binvox(io.BytesIO(path.read_bytes()))
        np.testing.assert_array_equal(np.asarray(other.matrix), occupied)


def test_the_layout_by_hand(tmp_path):
    # P. Min: index = x * width * height + z * width + y; runs of at most 255.
    occupied = np.zeros((8, 8, 8), bool)
    occupied[1, 2, 3] = True
    write_binvox(tmp_path / "a.binvox", occupied)
    place = 1 * 64 + 3 * 8 + 2
    head = b"#binvox 1\ndim 8 8 8\ntranslate 0.0 0.0 0.0\nscale 1.0\ndata\n"
    runs = bytes([0, place, 1, 1, 0, 255, 0, 511 - place - 255])
    assert (tmp_path / "a.binvox").read_bytes() == head + runs
    with pytest.raises(ValueError, match="no cube"):
        write_binvox(tmp_path / "a.binvox", occupied[:4])


HEAD = b"#binvox 1\ndim 2 2 2\ntranslate 0 0 0\nscale 1\ndata\n"


def test_files_of_other_programs(tmp_path):
    path = tmp_path / "a.binvox"
    for head in (b"#binvox 1\r\n# by hand\r\ndim 2 2 2\r\ndata\r\n", HEAD.replace(b"translate 0 0 0\nscale 1\n", b"")):
        path.write_bytes(head + bytes([1, 3, 0, 5]))
        occupied, translate, scale = read_binvox(path)
        # y changes fastest, then z.
        assert np.argwhere(occupied).tolist() == [[0, 0, 0], [0, 0, 1], [0, 1, 0]]
        assert (translate.tolist(), scale) == ([0, 0, 0], 1.0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"#vox 1\n", "has to begin with `#binvox 1`"),
        (HEAD[:-6], "does not end with a line `data`"),
        (HEAD.replace(b"dim 2 2 2", b"dim 2 2"), "no line `dim` with three numbers"),
        (HEAD.replace(b"dim 2 2 2", b"dim 2 2 -2"), "no line `dim` with three numbers"),
        (HEAD.replace(b"dim 2 2 2", b"dim 2 2 4"), "2 x 2 x 4 voxels; accepted are cubes"),
        (HEAD.replace(b"dim 2 2 2", b"dim 99999 99999 99999"), "accepted are cubes of 1 to 1024"),
        (HEAD.replace(b"scale 1", b"scale one"), "translate and scale of the header are not numbers"),
        (HEAD.replace(b"scale 1", b"scale nan"), "three finite numbers, and scale a positive one"),
        (HEAD.replace(b"scale 1", b"scale 0"), "scale a positive one"),
        (HEAD.replace(b"translate 0 0", b"translate 0"), "translate has to be three"),
        (HEAD + bytes([1, 3, 0]), "breaks off in the middle of a run"),
        (HEAD + bytes([1, 3, 0, 4]), "its runs add up to 7 voxels; the header says 2³ = 8"),
        (HEAD + bytes([1, 3, 0, 6]), "its runs add up to 9 voxels"),
        (HEAD + bytes([1, 3, 0, 0, 0, 5]), "run 2 has length 0"),
        (HEAD + bytes([7, 3, 0, 5]), "a voxel has the value 7"),
    ],
)
def test_refusals(tmp_path, content, message):
    (tmp_path / "a.binvox").write_bytes(content)
    with pytest.raises(UserError, match=message):
        read_binvox(tmp_path / "a.binvox")


def test_no_file_and_no_order(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        read_binvox(tmp_path / "a.binvox")
    with pytest.raises(UserError, match="order: 'zyx' is none; accepted: xzy, xyz"):
        read_binvox(tmp_path / "a.binvox", "zyx")


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_damaged_bytes_give_voxels_or_one_line(tmp_path_factory, data):
    content = bytearray(HEAD + bytes([1, 3, 0, 5]))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged.binvox"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        occupied, _, scale = read_binvox(path)
    except UserError:
        return  # any other exception fails
    assert (occupied.shape, scale > 0) == ((2, 2, 2), True)


OFFICIAL = {
    "02691156_airplane": (771, [0.8486, 0.8140]),
    "02828884_bench": (1263, []),
    "02958343_car": (2294, [0.8657, 0.8709]),
    "03001627_chair": (1755, [0.7000, 0.7984]),
    "03636649_lamp": (320, [0.6760, 0.6967]),
}


@pytest.mark.parametrize("name", OFFICIAL)
def test_official_samples_and_predictions(mirror, name):
    count, scores = OFFICIAL[name]
    occupied, _, _ = read_binvox(mirror / "choy_samples" / name / "model.binvox")
    assert occupied.sum() == count
    # The predictions of that port have their axes in another order.
    paths = sorted((mirror / "choy_samples" / name).glob("pix2vox_*.binvox"))
    assert [iou(read_binvox(path, "xyz")[0], occupied) for path in paths] == pytest.approx(scores, abs=1e-4)
    assert all(iou(read_binvox(path)[0], occupied) < 0.4 for path in paths)
