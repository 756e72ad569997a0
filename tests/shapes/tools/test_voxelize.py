"""`hypernet shapes voxelize`: what it counts, says and writes."""

from __future__ import annotations

import argparse

import numpy as np
import pytest
import trimesh

from hypernet.lab.errors import UserError
from hypernet.shapes.core.solids import Mesh
from hypernet.shapes.sources.binvox import read_binvox
from hypernet.shapes.tools.voxelize import add_arguments, run, voxelize


def command(*arguments):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    run(parser.parse_args([str(argument) for argument in arguments]))


@pytest.fixture
def box(tmp_path):
    """4 x 2 x 1 (x, y, z), somewhere, in units of its own."""
    shape = trimesh.creation.box((4.0, 2.0, 1.0))
    shape.apply_translation([10, 20, 30])
    path = tmp_path / "box.obj"
    shape.export(path)
    return path


def test_a_box_fills_the_grid_along_its_longest_side(box):
    result = voxelize(box, resolution=16)
    assert result.occupied.sum() == 16 * 8 * 4
    assert [int(np.ptp(place)) + 1 for place in np.nonzero(result.occupied)] == [16, 8, 4]
    np.testing.assert_allclose(result.translate, [8, 18, 28])
    assert result.scale == pytest.approx(4)
    assert repr(result) == "Voxelization(box.obj, 16³, 512 occupied, rule centre, winding)"


def test_the_voxels_stand_where_the_mesh_does(box, tmp_path):
    command(
        box,
        "--resolution",
        16,
        "--out",
        tmp_path / "v.binvox",
        "--out",
        tmp_path / "v.npz",
        "--out",
        tmp_path / "v.npy",
    )
    occupied, translate, scale = read_binvox(tmp_path / "v.binvox")
    centres = (np.argwhere(occupied) + 0.5) / 16 * scale + translate
    np.testing.assert_allclose([centres.min(0), centres.max(0)], [[8.125, 19.125, 29.625], [11.875, 20.875, 30.375]])
    with np.load(tmp_path / "v.npz") as archive:
        np.testing.assert_array_equal(archive["occupied"], occupied)
        np.testing.assert_allclose(archive["translate"], translate)
    np.testing.assert_array_equal(np.load(tmp_path / "v.npy"), occupied)
    with (tmp_path / "v.binvox").open("rb") as file:
        np.testing.assert_array_equal(np.asarray(trimesh.exchange.binvox.load_binvox(file).matrix), occupied)


def test_what_was_assumed_is_printed(box, capsys):
    command(box, "--up", "z", "--rule", "touch", "--resolution", 8)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "box.obj: 12 triangles, closed, 4 x 1 x 2 (x, y, z)"
    assert lines[1].startswith(
        "frame: z of the file is up and became y, -y became z; the box is centred and its longest"
    )
    assert lines[2].startswith("rule touch: a voxel is taken if the surface touches it too")
    assert lines[3].startswith("solid winding: ")
    # 8 x 2 x 4 voxels whose faces lie on borders: those beside are touched too.
    assert lines[-1] == "192 of 512 voxels occupied (37.50%)"


def test_notes_are_printed(tmp_path, capsys):
    ball = trimesh.creation.icosphere(3)
    ball.invert()
    ball.export(tmp_path / "ball.stl")
    command(tmp_path / "ball.stl")
    out = capsys.readouterr().out
    assert "note: its faces point inwards" in out
    occupied = voxelize(tmp_path / "ball.stl").occupied
    assert occupied.mean() == pytest.approx(np.pi / 6, rel=0.01)
    np.testing.assert_array_equal(voxelize(Mesh(ball.vertices, ball.faces)).occupied, occupied)


def test_refusals(box, tmp_path):
    with pytest.raises(UserError, match=r"the name must end in \.binvox, \.npz, \.npy"):
        command(box, "--out", tmp_path / "v.vox")
    with pytest.raises(UserError, match="resolution: 1000 is not from 1 to 256"):
        voxelize(box, resolution=1000)
    with pytest.raises(UserError, match="no such file"):
        command(tmp_path / "gone.obj")
    with pytest.raises(SystemExit):
        command(box, "--up", "x")
