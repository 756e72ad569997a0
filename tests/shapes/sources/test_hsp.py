"""The archives of HSP and LSM, in files written here: voxels, blocks, cameras, lists, and what is refused by name."""

from __future__ import annotations

import json
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.io import loadmat, savemat

from hypernet.lab.errors import UserError
from hypernet.shapes.core.cameras import Camera
from hypernet.shapes.core.frames import INNER, grid
from hypernet.shapes.sources import matlab
from hypernet.shapes.sources.hsp import (
    HspObject,
    find_objects,
    read_blocks,
    read_camera,
    read_views,
    read_volume,
    read_voxels,
)
from hypernet.shapes.sources.matlab import read_arrays

SYNSET = "03001627"


def chair(side: int = 32) -> np.ndarray:
    """Voxels x, y, z of ShapeNet's first version: a seat, and a back at small x; off the middle in z."""
    occupied = np.zeros((side,) * 3, dtype=bool)
    unit = side // 32
    occupied[8 * unit : 24 * unit, 12 * unit : 14 * unit, 10 * unit : 20 * unit] = True
    occupied[8 * unit : 10 * unit, 12 * unit : 28 * unit, 10 * unit : 20 * unit] = True
    return occupied


def blocked(full: np.ndarray) -> dict[str, np.ndarray]:
    """The form of modelBlockedVoxels256: the different blocks once, and which stands where, from 1."""
    cut = full.reshape(16, 16, 16, 16, 16, 16).transpose(0, 2, 4, 1, 3, 5).reshape(-1, 16, 16, 16)
    number_of: dict[bytes, int] = {}
    numbers = [number_of.setdefault(block.tobytes(), len(number_of) + 1) for block in cut]
    different = np.stack([np.frombuffer(block, dtype=np.uint8).reshape(16, 16, 16) for block in number_of])
    return {"b": different, "bi": np.array(numbers, dtype=float).reshape(16, 16, 16)}


def make_archive(folder, names=("aa", "bb", "cc"), views: int = 2) -> None:
    """Objects in HSP's layout."""
    for name in names:
        rendering = folder / "blenderRenderPreprocess" / SYNSET / name
        rendering.mkdir(parents=True)
        for view in range(views):
            picture = np.zeros((16, 16, 4), dtype=np.uint8)
            picture[4:12, 4 + view : 12] = (90, 80, 70, 255)
            Image.fromarray(picture).save(rendering / f"render_{view}.png")
        path = folder / "modelVoxels32_smooth" / SYNSET / f"{name}.mat"
        path.parent.mkdir(parents=True, exist_ok=True)
        savemat(path, {"Volume": chair() * 0.25}, do_compression=True)
    for prefix, name in zip(("train", "val", "test"), names, strict=True):
        (folder / f"{prefix}_{SYNSET}.txt").write_text(f"{name}.mat\n")


def test_hsp_s_layout(tmp_path, capsys):
    make_archive(tmp_path)
    objects = find_objects(tmp_path)
    assert [(listed.class_name, listed.identity, listed.split) for listed in objects] == [
        ("chair", "aa", "train"),
        ("chair", "bb", "validation"),
        ("chair", "cc", "test"),
    ]
    occupied = read_voxels(objects[0])
    assert occupied.sum() == chair().sum()
    points = grid(32)[occupied]
    # The back is behind, the seat reaches to the front; z 10..19 of theirs are columns 31 - z of ours.
    assert (points[points[:, 1] > 0.0][:, 2] < -0.3).all()
    assert np.argwhere(occupied).min(axis=0).tolist() == [12, 12, 8]
    images, cameras = read_views(objects[0], 8)
    assert (images.shape, images.dtype, cameras.shape) == ((2, 8, 8, 4), np.uint8, (2, 8))
    assert np.isnan(cameras).all()
    assert read_views(objects[0], 8, count=1)[0].shape[0] == 1
    (tmp_path / "modelVoxels32_smooth" / SYNSET / "bb.mat").unlink()
    assert len(find_objects(tmp_path)) == 2
    assert f"1 listed objects without voxels or renderings left out: {SYNSET}/bb" in capsys.readouterr().err


def test_blocks_are_put_together_and_thinned(tmp_path):
    full = chair(256)
    full[100, 60, 170] = True
    path = tmp_path / "modelBlockedVoxels256" / SYNSET / "aa.mat"
    path.parent.mkdir(parents=True)
    savemat(path, blocked(full), do_compression=True)
    np.testing.assert_array_equal(read_blocks(path), full)
    small = read_voxels(HspObject("chair", "aa", "test", tmp_path, path))
    expected = chair()
    expected[100 // 8, 60 // 8, 170 // 8] = True
    # (x, y, z) -> (-z, y, x), written with indices.
    for x, y, z in np.argwhere(expected):
        assert small[31 - z, y, x]
    assert small.sum() == expected.sum()


def test_lsm_s_layout_and_cameras(tmp_path):
    """The oracle is LSM's own equation: pixel ~ K [R | t] (Blender's point), its cube [-1/2, 1/2]³."""
    rendering = tmp_path / "renders" / SYNSET / "aa"
    rendering.mkdir(parents=True)
    random = np.random.default_rng(0)
    matrices = []
    for view in range(2):
        Image.fromarray(np.pad(np.full((10, 10, 4), 255, np.uint8), ((3, 3), (3, 3), (0, 0)))).save(
            rendering / f"render_{view}.png"
        )
        eye = random.normal(size=3)
        eye *= 2.2 / np.linalg.norm(eye)
        ahead = -eye / np.linalg.norm(eye)
        right = np.cross(ahead, [0, 0, 1])
        right /= np.linalg.norm(right)
        rotation = np.stack([right, np.cross(ahead, right), ahead])
        extrinsic = np.eye(4)
        extrinsic[:3] = np.concatenate([rotation, -(rotation @ eye)[:, None]], axis=1)
        intrinsic = np.array([[20.0, 0, 8], [0, 20, 8], [0, 0, 1]])
        matrices.append((intrinsic, extrinsic))
        savemat(rendering / f"camera_{view}.mat", {"K": intrinsic, "extrinsic": extrinsic})
    path = tmp_path / "voxels" / "modelVoxels32" / SYNSET / "aa.mat"
    path.parent.mkdir(parents=True)
    savemat(path, {"Volume": chair().astype(np.uint8)})
    lists = {SYNSET: {"name": "chair", "train": [], "val": [], "test": ["aa"]}}
    (tmp_path / "splits.json").write_text(json.dumps(lists))
    (listed,) = find_objects(tmp_path)
    assert listed.split == "test"
    _, cameras = read_views(listed, 16)
    occupied = read_voxels(listed)
    # Cells of the array x, y, z of ShapeNet's first version, in Blender's frame (x, -z, y).
    x, y, z = (np.argwhere(chair())[:300].T + 0.5) / 32 - 0.5
    for row, (intrinsic, extrinsic) in zip(cameras, matrices, strict=True):
        pixels = intrinsic @ (extrinsic[:3] @ np.stack([x, -z, y, np.ones_like(x)]))
        ours = Camera.from_row(row).project(2 * INNER * np.stack([-z, y, x], axis=1), 16, 16)
        np.testing.assert_allclose(ours, (pixels[:2] / pixels[2]).T, atol=1e-3)
    # The same points are the cells of our voxels.
    cells = np.round((np.stack([-z, y, x], axis=1) + 0.5) * 32 - 0.5).astype(int)
    assert occupied[tuple(cells.T)].all()


def matfile(number: int, body: bytes) -> bytes:
    """A .mat file of one element."""
    return b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM" + struct.pack("<II", number, len(body)) + body


def test_files_of_other_kinds_are_refused_before_memory_is_taken(tmp_path, monkeypatch):
    path = tmp_path / "a.mat"
    for content, words in (
        (b"", "empty"),
        (b"x" * 200, "not a .mat file"),
        (b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + b"\0" * 400, r"MATLAB 7\.3"),
        (matfile(15, b"no zlib"), "decompressing"),
        (matfile(14, b"12345678"), "ends early"),
        (matfile(14, b"12345678")[:-1], "ends early"),
        (matfile(99, b"12345678"), r"no array Volume \(it holds nothing\)"),
    ):
        path.write_bytes(content)
        with pytest.raises(UserError, match=words) as caught:
            read_volume(path)
        assert str(caught.value).startswith(str(path))
    for arrays, words in (
        ({"Other": np.ones(3)}, r"no array Volume \(it holds Other\)"),
        ({"Volume": np.array(["text"])}, "Volume is text"),
        ({"Volume": {"field": 1}}, "Volume is a structure"),
        ({"Volume": np.ones((2, 3, 4))}, "a cube is needed"),
        ({"Volume": np.zeros((0, 0))}, "empty"),
        ({"Volume": np.ones((2, 2, 2)) * 1j}, "complex"),
    ):
        savemat(path, arrays)
        with pytest.raises(UserError, match=words):
            read_volume(path)
    good = blocked(chair(256))
    for change, words in (
        ({"bi": good["bi"] - 1}, "numbers blocks from 0"),
        ({"bi": good["bi"] + 50}, "b holds 1 to"),
        ({"bi": good["bi"] + 0.5}, "numbers blocks"),
        ({"bi": good["bi"][:8, :8, :8]}, "8 blocks of 16 voxels"),
        ({"b": good["b"][..., 0]}, "sizes"),
    ):
        savemat(path, {**good, **change})
        with pytest.raises(UserError, match=words):
            read_blocks(path)
    savemat(path, {"K": np.eye(3), "extrinsic": np.eye(3)})
    with pytest.raises(UserError, match="extrinsic"):
        read_camera(path, 16, 16)
    savemat(path, {"K": np.eye(3), "extrinsic": np.eye(4)})
    with pytest.raises(UserError, match=r"a\.mat: .*middle"):
        read_camera(path, 16, 16)
    savemat(path, {"Volume": np.zeros((32, 32, 32))})
    with pytest.raises(UserError, match="no voxel is occupied"):
        read_voxels(HspObject("chair", "a", "test", tmp_path, path))
    with pytest.raises(UserError, match="no such file"):
        read_volume(tmp_path / "absent.mat")
    monkeypatch.setattr(matlab, "LARGEST_UNPACKED", 2**20)
    bomb = matfile(15, zlib.compress(bytes(2**21), 9))
    for content in (bomb, bomb[:128] + 3 * matfile(15, zlib.compress(bytes(400_000)))[128:]):
        path.write_bytes(content)
        with pytest.raises(UserError, match="unpacks to more than"):
            read_volume(path)
    monkeypatch.setattr(matlab, "LARGEST_FILE", 10)
    with pytest.raises(UserError, match="more than 10 bytes"):
        read_volume(path)


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_damaged_files_are_read_or_refused(tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp()
    packed = data.draw(st.booleans())
    whole = folder / f"whole{packed}.mat"
    if not whole.exists():
        savemat(whole, {"Volume": np.eye(3).reshape(1, 3, 3).repeat(3, 0)}, do_compression=packed)
    content = bytearray(whole.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(120, len(content) - 1))] = data.draw(st.integers(0, 255))
    damaged = folder / "damaged.mat"
    damaged.write_bytes(content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content)
    try:
        message = ""
        assert read_volume(damaged).ndim == 3
    except UserError as error:
        message = str(error)
    assert "\n" not in message


def test_folders_and_lists_of_something_else_are_refused(tmp_path):
    with pytest.raises(UserError, match="neither HSP's"):
        find_objects(tmp_path)
    make_archive(tmp_path)
    (tmp_path / f"test_{SYNSET}.txt").write_text("../../secret.mat\n")
    with pytest.raises(UserError, match="no name of a model"):
        find_objects(tmp_path)
    (tmp_path / f"test_{SYNSET}.txt").write_text("aa.mat\n")
    with pytest.raises(UserError, match="aa is in another split"):
        find_objects(tmp_path)
    for path in tmp_path.glob("*.txt"):
        path.unlink()
    with pytest.raises(UserError, match="no lists"):
        find_objects(tmp_path)
    (tmp_path / f"test_{SYNSET}.txt").write_text("dd.mat\n")
    with pytest.raises(UserError, match="no listed object"):
        find_objects(tmp_path)


def test_missing_and_opaque_views_are_named(tmp_path):
    make_archive(tmp_path, views=3)
    listed = find_objects(tmp_path)[0]
    (listed.renderings / "render_1.png").unlink()
    with pytest.raises(UserError, match=r"view render_1\.png is missing"):
        read_views(listed, 8)
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(listed.renderings / "render_1.png")
    with pytest.raises(UserError, match=r"render_1\.png: an opaque picture"):
        read_views(listed, 8)
    for path in listed.renderings.glob("*.png"):
        path.unlink()
    with pytest.raises(UserError, match="no renderings"):
        read_views(listed, 8)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_arrays_are_read_as_scipy_reads_them(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "arrays.mat"
    types = ["f8", "f4", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "?"]
    arrays = {}
    for name in ("a", "b_2", "a_name_of_more_than_eight_letters"):
        sizes = data.draw(st.lists(st.integers(1, 4), min_size=2, max_size=4))
        values = np.random.default_rng(0).integers(-3, 100, sizes)
        arrays[name] = values.astype(data.draw(st.sampled_from(types)))
    savemat(path, {**arrays, "text": "passed over", "structure": {"x": 1}}, do_compression=data.draw(st.booleans()))
    expected = loadmat(path)
    for name, values in read_arrays(path, tuple(arrays)).items():
        np.testing.assert_array_equal(values, expected[name])
