"""`hypernet shapes score`: known shapes, frames that differ, and what is said of them."""

from __future__ import annotations

import argparse
import json

import numpy as np
import pytest
import trimesh

from hypernet.lab.errors import UserError
from hypernet.shapes.core.solids import Mesh
from hypernet.shapes.sources.binvox import write_binvox
from hypernet.shapes.tools.score import add_arguments, run, score


def command(*arguments):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    run(parser.parse_args([str(argument) for argument in arguments]))


def ball(radius, centre=(0, 0, 0)):
    shape = trimesh.creation.icosphere(3, radius)
    return Mesh(shape.vertices + np.array(centre), shape.faces)


@pytest.fixture
def chair(tmp_path):
    """Something that is like none of its turns: a seat with a back and an arm."""
    parts = [((4, 1, 4), (0, 0, 0)), ((4, 4, 1), (0, 2, -1.5)), ((1, 2, 4), (1.5, 1, 0))]
    boxes = [trimesh.creation.box(size, trimesh.transformations.translation_matrix(place)) for size, place in parts]
    shape = trimesh.boolean.union(boxes)
    shape.export(tmp_path / "chair.obj")
    turned = shape.copy()
    turned.apply_transform([[1, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1]])  # y up to z up
    turned.export(tmp_path / "z_up.obj")
    turned.apply_scale(1000)
    turned.export(tmp_path / "z_up_mm.stl")
    return tmp_path


def test_a_ball_in_a_ball():
    result = score(ball(1.0), ball(1.25), points=1000)
    assert result.iou == pytest.approx(0.8**3, abs=0.015)
    # The truth's diameter is 64/36 in the cube: the gap is a fifth of its radius.
    assert result.values["chamfer_l1"] == pytest.approx(0.2 * 32 / 36, rel=0.02)
    assert score(ball(1.0), ball(1.25), align="box", points=10).iou > 0.99
    # Two balls a radius apart share 5/16 of a ball each; the half of one that is out of the cube counts as well.
    moved = score(ball(1.0, (1, 0, 0)), ball(1.0), points=10)
    assert moved.iou == pytest.approx((5 / 16) / (2 - 5 / 16), abs=0.01)
    assert any("16 more voxels on each side" in line for line in moved.frame)


def test_other_units_and_another_axis_are_noticed(chair):
    same = score(chair / "chair.obj", chair / "chair.obj")
    assert (same.iou, same.notes) == (1.0, [])
    assert same.values["f_score"] == 1.0
    wrong = score(chair / "z_up_mm.stl", chair / "chair.obj")
    assert any("the prediction is 1,000 times as large: other units?" in note for note in wrong.notes)
    assert any("(x, z, -y) the IoU of the boxes would be 1.000: check which is up" in note for note in wrong.notes)
    right = score(chair / "z_up_mm.stl", chair / "chair.obj", align="box", predicted_up="z")
    assert (right.iou, right.notes) == (1.0, [])
    assert score(chair / "z_up.obj", chair / "chair.obj", predicted_up="z").iou == 1.0


def test_another_origin_is_noticed():
    moved = score(ball(1.0, (3, 0, 0)), ball(1.0), points=10)
    assert any("1.5 times the truth's longest side apart: another origin?" in note for note in moved.notes)
    assert score(ball(1.0, (0.4, 0, 0)), ball(1.0), points=10).notes == []


def test_voxels_that_do_not_fill_their_grid_are_noticed(chair):
    occupied = np.zeros((16, 16, 16), bool)
    small = occupied.copy()
    small[4:12, 4:9, 4:12] = True
    notes = score(small, chair / "chair.obj").notes
    assert "predicted: its longest side fills 8 of 16 voxels, the mesh's all: they are not of one scale" in notes
    assert not any("one scale" in note for note in score(occupied, chair / "chair.obj").notes)
    between = score(small, small)
    assert (between.frame[2:], between.notes) == (["frame: voxel by voxel"], [])


def test_voxels_and_meshes(chair, tmp_path):
    from hypernet.shapes.tools.voxelize import voxelize

    voxels = voxelize(chair / "chair.obj", resolution=24)
    voxels.write(tmp_path / "v.npz")
    result = score(tmp_path / "v.npz", chair / "chair.obj")
    assert (result.iou, result.resolution, list(result.values)) == (1.0, 24, ["iou"])
    write_binvox(tmp_path / "odd.binvox", voxels.occupied, order="xyz")
    swapped = score(tmp_path / "odd.binvox", voxels.occupied)
    assert swapped.iou < 0.9
    assert any("taken as (x, z, y)" in note for note in swapped.notes)
    assert score(tmp_path / "odd.binvox", voxels.occupied, predicted_order="xyz").iou == 1.0


def test_what_is_printed_and_written(chair, tmp_path, capsys):
    command(chair / "chair.obj", chair / "chair.obj", "--points", 500, "--out", tmp_path / "s.json")
    out = capsys.readouterr().out
    assert "frame, align none: both stay where they are" in out
    assert "voxels of truth chair.obj: rule centre" in out
    assert "\nIoU                     1.0000   32³ voxels\n" in out
    assert "Chamfer-L1" in out
    assert "near is 0.02" in out
    written = json.loads((tmp_path / "s.json").read_text())
    assert (written["iou"], written["resolution"], written["notes"]) == (1.0, 32, [])


def test_one_filled_and_one_not():
    thin = ball(1.0)
    double = Mesh(thin.vertices, np.concatenate([thin.triangles, thin.triangles[:, ::-1]]))
    notes = score(double, thin, points=100).notes
    assert any("one mesh was filled and the other was not" in note for note in notes)


def test_probabilities_count_from_a_half_on_and_it_is_said():
    likely = np.full((4, 4, 4), 0.3)
    likely[0] = 0.9
    result = score(likely, np.arange(64).reshape(4, 4, 4) < 32)
    assert result.iou == 0.5
    assert "predicted: 4³ voxels, 16 occupied; values from 0.3 to 0.9: above 0.5 counts as occupied" in str(result)


def test_two_empty_grids_are_said():
    empty = np.zeros((4, 4, 4), bool)
    assert "no voxel of either is occupied" in str(score(empty, empty))
    assert "no voxel of either" not in str(score(empty, ~empty))


def test_refusals(chair, tmp_path):
    grid = np.ones((4, 4, 4), bool)
    for arguments, options, message in [
        ((grid, np.ones((5, 5, 5), bool)), {}, "grids of 4³ and 5³ voxels cannot be compared"),
        ((grid, chair / "chair.obj"), {"resolution": 32}, "grids of 4³ and 32³"),
        ((grid[0], grid), {}, r"predicted: an array \[4, 4\]; accepted are voxels"),
        ((np.full((4, 4, 4), np.nan), grid), {}, "predicted: values that are not numbers"),
        ((grid, grid), {"align": "icp"}, "align: 'icp' is none; accepted: none, box"),
        ((grid, grid), {"points": 0}, "points: 0 is not from 1 to"),
        ((chair / "a.txt", grid), {}, "neither mesh nor voxels; accepted are .obj"),
        ((chair / "gone.obj", grid), {}, "no such file"),
    ]:
        with pytest.raises(UserError, match=message):
            score(*arguments, **options)
    with pytest.raises(UserError, match=r"the name must end in \.json"):
        command(chair / "chair.obj", chair / "chair.obj", "--out", tmp_path / "s.csv")


def test_official_predictions(mirror):
    folder = mirror / "choy_samples" / "03001627_chair"
    paths = folder / "pix2vox_predict01.binvox", folder / "model.binvox"
    assert score(*paths, predicted_order="xyz").iou == pytest.approx(0.7, abs=1e-4)
    wrong = score(*paths)
    assert wrong.iou < 0.2
    assert any("check which is up" in note for note in wrong.notes)
