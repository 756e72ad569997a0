"""Choy's archives: the real samples in the canonical frame, the splits, and what is refused by name."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hypernet.lab.errors import UserError
from hypernet.shapes.core.frames import INNER, grid
from hypernet.shapes.names import SYNSETS
from hypernet.shapes.sources.choy import (
    BROKEN,
    ChoyObject,
    find_objects,
    portions,
    read_lists,
    read_metadata,
    read_views,
    read_voxels,
)

COUNTS = {"airplane": 771, "bench": 1263, "car": 2294, "chair": 1755, "lamp": 320}
# Agreement with the mirror image in x, y, z of the binvox frame.
FLIPS = {
    "airplane": (0.449, 0.040, 0.992),
    "car": (0.647, 0.442, 0.956),
    "chair": (0.452, 0.362, 0.970),
    "bench": (0.955, 0.124, 0.885),
}


def make_object(folder, views: int = 3, name: str = "a1", synset: str = "03001627"):
    """One object in the layout of the archives: a slab at small x, seen from the front."""
    rendering = folder / "ShapeNetRendering" / synset / name / "rendering"
    rendering.mkdir(parents=True)
    for view in range(views):
        picture = np.zeros((16, 16, 4), dtype=np.uint8)
        picture[4:12, 4 + view : 12] = (90, 80, 70, 255)
        Image.fromarray(picture).save(rendering / f"{view:02d}.png")
    rows = [f"{30 * view} 27.5 0 0.8 25" for view in range(views)]
    (rendering / "rendering_metadata.txt").write_text("\n".join(rows) + "\n")
    occupied = np.zeros((32, 32, 32), dtype=np.uint8)
    occupied[2:5, :, 10:20] = 1
    voxels = folder / "ShapeNetVox32" / synset / name / "model.binvox"
    voxels.parent.mkdir(parents=True)
    raw = occupied.transpose(0, 2, 1).ravel()
    runs = np.stack([raw, np.ones_like(raw)], axis=1).tobytes()
    voxels.write_bytes(b"#binvox 1\ndim 32 32 32\ntranslate 0 0 0\nscale 0.9\ndata\n" + runs)
    return rendering


def test_the_real_samples_stand_in_our_frame(mirror):
    objects = find_objects(mirror / "choy_samples")
    assert [listed.class_name for listed in objects] == list(COUNTS)
    for listed in objects:
        occupied = read_voxels(listed)
        assert occupied.sum() == COUNTS[listed.class_name]
        if listed.class_name in FLIPS:
            flips = [occupied[::-1], occupied[:, ::-1], occupied[:, :, ::-1]]
            agreement = [(occupied & flip).sum() / (occupied | flip).sum() for flip in flips]
            # Their x is our z, and the other way round.
            assert agreement == pytest.approx(FLIPS[listed.class_name][::-1], abs=0.001)
        # The front is at +z: the chair's back, the airplane's fin, the pickup's open bed are behind.
        points = grid(32)[occupied]
        above = points[points[:, 1] > {"airplane": 0.1, "chair": 0.2, "car": 0.12}.get(listed.class_name, 2.0)]
        if len(above) and listed.class_name != "car":
            assert above[:, 2].max() < 0
        elif len(above):
            assert above[:, 2].mean() > 0
        assert np.abs(points).max() < INNER


def test_real_views_and_cameras(mirror):
    listed = find_objects(mirror / "choy_samples")[3]
    images, cameras = read_views(listed, 137)
    assert (images.shape, images.dtype, cameras.shape, cameras.dtype) == (
        (24, 137, 137, 4),
        np.uint8,
        (24, 8),
        np.float32,
    )
    with Image.open(listed.renderings / "05.png") as picture:
        official = np.asarray(picture)
    np.testing.assert_array_equal(images[5][..., 3], official[..., 3])
    np.testing.assert_array_equal(images[5][official[..., 3] == 255], official[official[..., 3] == 255])
    # All cameras are above the horizon by 25 to 30 degrees, at 0.65 to 1 of the farthest distance.
    distance = np.linalg.norm(cameras[:, :3], axis=1)
    elevation = np.degrees(np.arcsin(cameras[:, 1] / distance))
    assert (elevation > 25).all()
    assert (elevation < 30).all()
    scale = 0.865748
    assert (distance * scale / (2 * INNER * 1.75)).min() >= 0.65
    assert (distance * scale / (2 * INNER * 1.75)).max() <= 1
    small, few = read_views(listed, 48, count=2)
    assert small.shape == (2, 48, 48, 4)
    np.testing.assert_array_equal(few, cameras[:2])


def test_archives_are_found_with_a_rule_or_lists(tmp_path, capsys):
    for number in range(20):
        make_object(tmp_path, 1, f"m{number:02d}")
    make_object(tmp_path, 1, "x", synset="99999999")
    (synset, broken), *_ = BROKEN
    make_object(tmp_path, 1, broken, synset)
    make_object(tmp_path, 1, "whole", synset)
    objects = find_objects(tmp_path)
    assert [listed.identity for listed in objects] == [*(f"m{number:02d}" for number in range(20)), "whole"]
    assert [listed.split for listed in objects[:20]] == ["train"] * 14 + ["validation"] * 2 + ["test"] * 4
    assert f"{broken}: left out" in capsys.readouterr().err
    (tmp_path / "ShapeNetVox32" / "03001627" / "m03" / "model.binvox").unlink()
    entry = {"taxonomy_id": "03001627", "train": ["m00", "m03"], "val": ["m05"], "test": ["m07", "absent"]}
    (tmp_path / "ShapeNet.json").write_text(json.dumps([entry]))
    objects = find_objects(tmp_path)
    assert [(listed.identity, listed.split) for listed in objects] == [
        ("m00", "train"),
        ("m05", "validation"),
        ("m07", "test"),
    ]
    assert "1 objects without voxels left out: 03001627/m03" in capsys.readouterr().err
    occupied = read_voxels(objects[0])
    # x 2..4 is behind, z 10..19 is across: columns 31 - z.
    assert np.argwhere(occupied).min(axis=0).tolist() == [12, 0, 2]
    assert np.argwhere(occupied).max(axis=0).tolist() == [21, 31, 4]


def test_official_lists(mirror):
    pix2vox = read_lists(mirror / "splits" / "pix2vox_ShapeNet.json")
    assert read_lists(mirror / "lsm" / "splits.json") == pix2vox
    counts = [
        sum(list(split_of.values()).count(split) for split_of in pix2vox.values())
        for split in ("train", "validation", "test")
    ]
    assert counts == [30643, 4371, 8770]
    assert set(pix2vox) == set(SYNSETS.values())


@settings(max_examples=50, deadline=None)
@given(st.sets(st.text("abcdef0123456789", min_size=1, max_size=5)))
def test_portions_are_ordered_and_of_the_stated_size(names):
    split_of = portions(list(names))
    ordered = [split_of[name] for name in sorted(names)]
    assert ordered == sorted(ordered, key=["train", "validation", "test"].index)
    assert ordered.count("test") == len(names) - int(0.8 * len(names))


def test_what_is_wrong_with_an_object_is_said(tmp_path):
    rendering = make_object(tmp_path)
    (listed,) = find_objects(tmp_path)
    assert read_views(listed, 16)[0].shape == (3, 16, 16, 4)
    metadata = rendering / "rendering_metadata.txt"
    good = metadata.read_text()
    for content, words in (
        (good.split("\n", 1)[1], "2 rows for 3 views"),
        (good.replace("30 27.5 0 ", "30 27.5 12.5 "), "line 2: in-plane rotation 12.5 degrees"),
        (good.replace("0.8", "0.0", 1), "line 1: .*distance ratio 0.0"),
        (good.replace("0.8", "nan", 1), "line 1"),
        (good.replace(" 25", "", 1), "line 1: .*five numbers"),
        ("\n", "0 rows"),
        ("é\n", "cannot be read"),
        ("1 2 0 1 25\n" * 101, "101 rows"),
        (" " * 70000, "65,536 bytes"),
    ):
        metadata.write_text(content, encoding="utf-8")
        with pytest.raises(UserError, match=words) as caught:
            read_views(listed, 16)
        assert "rendering_metadata.txt" in str(caught.value)
    metadata.unlink()
    os.mkfifo(metadata)
    with pytest.raises(UserError, match="not a file but a folder, a pipe or a device"):
        read_views(listed, 16)
    metadata.unlink()
    metadata.write_text(good)
    (rendering / "01.png").unlink()
    with pytest.raises(UserError, match=r"view 01\.png is missing"):
        read_views(listed, 16)
    Image.fromarray(np.full((16, 16, 3), 200, np.uint8)).save(rendering / "01.png")
    with pytest.raises(UserError, match=r"01\.png: 16 x 16 pixels, opaque"):
        read_views(listed, 16)
    for path in rendering.glob("*.png"):
        path.unlink()
    with pytest.raises(UserError, match="no renderings"):
        read_views(listed, 16)


def test_voxels_of_another_size_and_folders_of_something_else_are_refused(tmp_path):
    path = tmp_path / "model.binvox"
    listed = ChoyObject("chair", "a", "test", tmp_path, path)
    path.write_bytes(b"#binvox 1\ndim 2 2 2\ntranslate 0 0 0\nscale 1\ndata\n\x01\x08")
    with pytest.raises(UserError, match="2 x 2 x 2 voxels"):
        read_voxels(listed)
    path.write_bytes(b"#binvox 1\ndim 32 32 32\ntranslate 0 0 0\nscale 1\ndata\n" + b"\x00\x80" * 256)
    with pytest.raises(UserError, match="no voxel is occupied"):
        read_voxels(listed)
    with pytest.raises(UserError, match="neither ShapeNetRendering"):
        find_objects(tmp_path)
    with pytest.raises(UserError, match="neither ShapeNetRendering"):
        find_objects(tmp_path / "absent")
    (tmp_path / "ShapeNetRendering").mkdir()
    with pytest.raises(UserError, match="no object of the 13 classes"):
        find_objects(tmp_path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "empty"),
        ("[" * 10**5, "cannot be read"),
        ("3", "no synset"),
        ('[{"taxonomy_id": []}]', "no synset"),
        ('{"x": 1}', "no synset"),
        ('{"03001627": {"train": [], "val": [], "test": [3]}}', "no list of identifiers 'test'"),
        ('{"03001627": {"train": ["a"], "val": ["a"], "test": []}}', "in two splits"),
        ('{"03001627": {"train": ["../a"], "val": [], "test": []}}', "no name of a model"),
    ],
)
def test_lists_of_another_form_are_refused(tmp_path, content, words):
    path = tmp_path / "lists.json"
    path.write_text(content)
    with pytest.raises(UserError, match=words):
        read_lists(path)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(*[st.floats(-1000, 1000)] * 2), min_size=1, max_size=30))
def test_metadata_is_read_back(tmp_path_factory, rows):
    path = tmp_path_factory.getbasetemp() / "metadata.txt"
    path.write_text("".join(f"{azimuth} {elevation % 90} 0 0.7 25\n" for azimuth, elevation in rows))
    expected = [(azimuth, elevation % 90, 0.7) for azimuth, elevation in rows]
    np.testing.assert_array_equal(read_metadata(path), expected)
