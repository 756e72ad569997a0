"""Sorts of surface on solids whose edges are known, and scores of surfaces whose distances and angles are."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from hypernet.shapes.core.solids import Mesh, surface_samples
from hypernet.sonar.core.regions import (
    BALL,
    CORNER,
    CURVED,
    FLAT,
    REGIONS,
    VOXEL,
    region_scores,
    sphericity,
    surface_regions,
)

COUNT = 4096


def mesh_of(shape: trimesh.Trimesh) -> Mesh:
    return Mesh(shape.vertices, shape.faces)


def samples_of(shape: trimesh.Trimesh, count: int = COUNT, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """As they are stored: in half precision."""
    points, normals = surface_samples(mesh_of(shape), count, np.random.default_rng(seed))
    return points.astype(np.float16).astype(np.float64), normals.astype(np.float16).astype(np.float64)


def shares(labels: np.ndarray) -> np.ndarray:
    return np.bincount(labels, minlength=len(REGIONS)) / len(labels)


def rotation(degrees: float) -> np.ndarray:
    """About x."""
    return trimesh.transformations.rotation_matrix(np.deg2rad(degrees), [1, 0, 0])[:3, :3]


def box_edge_distance(points: np.ndarray, extents: np.ndarray) -> np.ndarray:
    """Distance of points on a box to its nearest edge: the second smallest distance to its planes."""
    return np.sort(0.5 * extents - np.abs(points), axis=1)[:, 1]


# --- sorts -----------------------------------------------------------------------------------------------------


def test_a_ball_is_two_voxels():
    assert pytest.approx(2 / 36) == VOXEL
    assert pytest.approx(4 / 36) == BALL


def test_a_box_is_flat_but_for_its_edges():
    extents = np.array([1.7, 1.2, 0.9])
    points, normals = samples_of(trimesh.creation.box(extents))
    labels, away = surface_regions(points, normals), box_edge_distance(points, extents)
    assert set(labels.tolist()) == {FLAT, CORNER}
    # Half precision moves points by up to 0.0003.
    assert (labels[away > BALL + 0.001] == FLAT).all()
    # Within the ball there is a sample beyond the edge, unless the edge is near the ball's end.
    assert (labels[away < 0.4 * BALL] == CORNER).mean() > 0.98


@pytest.mark.parametrize("thickness", [0.2, 0.05, 0.02])
def test_the_middle_of_a_plate_is_flat_and_its_rim_a_corner(thickness):
    extents = np.array([1.7, 1.2, thickness])
    points, normals = samples_of(trimesh.creation.box(extents))
    labels = surface_regions(points, normals)
    in_plane = (0.5 * extents[:2] - np.abs(points[:, :2])).min(axis=1)
    assert (labels[in_plane > BALL + 0.001] == FLAT).mean() > 0.998
    assert (labels[in_plane < 0.4 * BALL] == CORNER).mean() > 0.95


def test_a_sheet_without_a_rim_ends_in_a_corner():
    """Two sides and nothing between them: no normals are at right angles."""
    extents = np.array([1.7, 1.2, 1e-4])
    points, normals = samples_of(trimesh.creation.box(extents))
    sides = np.abs(normals[:, 2]) > 0.5
    points, normals = points[sides], normals[sides]
    labels = surface_regions(points, normals)
    in_plane = (0.5 * extents[:2] - np.abs(points[:, :2])).min(axis=1)
    assert (labels[in_plane > BALL + 0.001] == FLAT).mean() > 0.995
    assert (labels[in_plane < 0.05 * BALL] == CORNER).mean() > 0.7


@pytest.mark.parametrize("turn", [20, 60, 100, 130, 150])
def test_two_half_planes_meet_in_what_their_angle_says(turn):
    """A roof of two half-planes whose normals are ``turn`` degrees apart; beyond 135 degrees it is a blade."""
    random = np.random.default_rng(0)
    along, down = random.uniform(-0.8, 0.8, 6000), random.uniform(0, 0.8, 6000)
    side = np.arange(6000) % 2 * 2.0 - 1
    half = np.deg2rad(turn / 2)
    points = np.stack([along, side * down * np.cos(half), -down * np.sin(half)], axis=1)
    normals = np.stack([0 * along, side * np.sin(half), np.cos(half) + 0 * along], axis=1)
    inside = np.abs(along) < 0.8 - BALL
    labels = surface_regions(points, normals)
    expected = CURVED if turn < 45 else CORNER
    # How far the other half-plane is; a blade's other side does not count.
    away = down * (np.sin(np.deg2rad(turn)) if 90 < turn < 135 else 1.0)
    assert (labels[inside & (away > BALL + 0.001) & (down < 0.8 - BALL)] == FLAT).mean() > 0.995
    # A blade has to end near the sample to be seen to end.
    band = 0.05 if turn > 135 else 0.6
    assert (labels[inside & (down < band * BALL)] == expected).mean() > 0.95


def test_a_bevel_of_45_degrees_is_no_corner_however_it_is_stored():
    prism = trimesh.creation.cylinder(0.8, 1.5, sections=8)
    points, normals = samples_of(prism)
    labels = surface_regions(points, normals)[np.abs(points[:, 2]) < 0.75 - BALL - 0.001]
    assert (labels != CORNER).all()
    assert (labels == CURVED).any()


@pytest.mark.parametrize("radius", [0.888, 0.5, 0.3])
def test_a_sphere_is_curved_at_every_size(radius):
    """The largest of the cube has 16 voxels' radius: normals of a ball turn by 14 degrees."""
    labels = surface_regions(*samples_of(trimesh.creation.icosphere(5, radius)))
    assert shares(labels)[CURVED] > 0.97
    assert not (labels == CORNER).any()


def test_the_side_of_a_cylinder_is_curved_and_its_rims_are_corners():
    points, normals = samples_of(trimesh.creation.cylinder(0.5, 1.2, sections=128))
    labels = surface_regions(points, normals)
    side, height = np.abs(normals[:, 2]) < 0.5, np.abs(points[:, 2])
    assert (labels[side & (height < 0.6 - BALL - 0.001)] == CURVED).mean() > 0.995
    rim = np.where(side, 0.6 - height, 0.5 - np.linalg.norm(points[:, :2], axis=1))
    assert (labels[rim < 0.4 * BALL] == CORNER).mean() > 0.97
    assert (labels[~side & (rim > BALL + 0.001)] == FLAT).all()


def test_a_rod_thinner_than_the_ball_is_all_corner():
    labels = surface_regions(*samples_of(trimesh.creation.cylinder(0.06, 1.6, sections=24), 1000))
    assert (labels == CORNER).all()


@pytest.mark.parametrize("axes", [(0.888, 0.888, 0.888), (0.888, 0.5, 0.5)])
def test_the_facets_of_an_ellipsoid_are_no_flats(axes):
    """162 vertices: facets meet at about 16 degrees, and few balls lie within one."""
    labels = surface_regions(*samples_of(trimesh.creation.icosphere(2, 1.0).apply_scale(axes)))
    assert shares(labels)[CURVED] > 0.9
    assert not (labels == CORNER).any()


def test_sorts_do_not_depend_on_the_frame_or_the_order():
    points, normals = samples_of(trimesh.creation.box((1.7, 1.2, 0.05)))
    labels = surface_regions(points, normals)
    turn, order = rotation(33.0), np.random.default_rng(0).permutation(COUNT)
    moved = surface_regions((points @ turn.T + 0.3)[order], 3 * (normals @ turn.T)[order])
    assert (moved == labels[order]).mean() > 0.9995
    assert labels.dtype == np.uint8


def test_none_and_a_single_sample():
    assert surface_regions(np.zeros((0, 3)), np.zeros((0, 3))).shape == (0,)
    assert surface_regions(np.zeros((1, 3)), np.array([[0, 0, 1.0]])).tolist() == [FLAT]
    with pytest.raises(ValueError, match=r"one shape \[n, 3\]"):
        surface_regions(np.zeros((4, 3)), np.zeros((3, 3)))


# --- scores ----------------------------------------------------------------------------------------------------


def test_the_same_surface_is_whole_and_without_error():
    truth = samples_of(trimesh.creation.box((1.7, 1.2, 0.9)))
    labels = surface_regions(*truth)
    scores = region_scores(truth, truth, labels)
    assert tuple(scores) == REGIONS
    for name in ("flat", "corner"):
        assert (scores[name].recall, scores[name].precision) == (1.0, 1.0)
        assert scores[name].normal_error == pytest.approx(0.0, abs=1e-5)
    assert scores["curved"].count == 0
    assert (scores["curved"].recall, scores["curved"].precision, scores["curved"].normal_error) == (None, None, None)
    assert sum(score.count for score in scores.values()) == COUNT


def test_another_sample_of_the_same_surface_is_as_whole_as_chance_says():
    box = trimesh.creation.box((1.7, 1.2, 0.9))
    truth, predicted = samples_of(box), samples_of(box, 2000, seed=1)
    flat = region_scores(predicted, truth, surface_regions(*truth))["flat"]
    assert flat.recall == pytest.approx(1 - np.exp(-np.pi * VOXEL**2 * 2000 / box.area), abs=0.02)


def test_a_shifted_plane_is_near_or_far_by_its_distance():
    """A plane of samples and the same shifted along its normal by less and by more than a voxel."""
    place = np.random.default_rng(0).uniform(-0.8, 0.8, (2000, 2))
    points = np.concatenate([place, np.zeros((2000, 1))], axis=1)
    normals = np.tile([0.0, 0.0, 1.0], (2000, 1))
    labels = np.full(2000, FLAT, np.uint8)
    for steps, near, angle in ((0.9, 1.0, 0.0), (1.1, 0.0, 0.0), (2.1, 0.0, None)):
        flat = region_scores((points + np.array([0, 0, steps * VOXEL]), -normals), (points, normals), labels)["flat"]
        assert (flat.recall, flat.precision) == (near, near)
        assert flat.normal_error == (None if angle is None else pytest.approx(angle, abs=1e-5))


def test_a_shifted_box_is_near_but_for_two_sides():
    """Along x by a voxel and a half: the sides across x are too far, the four along x are where they were."""
    extents = np.array([1.5, 1.2, 0.9])
    points, normals = samples_of(trimesh.creation.box(extents), 20_000)
    across = np.abs(normals[:, 0]) > 0.5
    moved = (points + np.array([1.5 * VOXEL, 0, 0]), normals)
    labels = np.where(across, CURVED, FLAT)
    # Away from the edges, where another side is near.
    inner = box_edge_distance(points, extents) > 4 * VOXEL
    scores = region_scores(moved, (points[inner], normals[inner]), labels[inner])
    assert scores["flat"].recall > 0.99
    assert scores["curved"].recall == 0.0
    assert scores["flat"].normal_error == pytest.approx(0.0, abs=1e-5)


@pytest.mark.parametrize("degrees", [5.0, 20.0])
def test_the_error_of_a_turned_plate_is_its_angle(degrees):
    place = np.random.default_rng(1).uniform(-0.1, 0.1, (3000, 2))
    points = np.concatenate([place, np.zeros((3000, 1))], axis=1)
    normals = np.tile([0.0, 0.0, 1.0], (3000, 1))
    turn = rotation(degrees)
    flat = region_scores((points @ turn.T, normals @ turn.T), (points, normals), np.full(3000, FLAT, np.uint8))["flat"]
    assert flat.normal_error == pytest.approx(degrees, abs=1e-6)
    # Facing the other way is no error of a surface.
    other = region_scores((points @ turn.T, -normals @ turn.T), (points, normals), np.full(3000, FLAT, np.uint8))
    assert other["flat"] == flat


def test_predicted_points_belong_to_the_sort_that_is_nearest():
    truth = (np.array([[0.0, 0, 0], [1.0, 0, 0]]), np.array([[0, 0, 1.0], [0, 0, 1.0]]))
    labels = np.array([FLAT, CORNER])
    points = np.array([[0.01, 0, 0], [0.3, 0, 0], [0.95, 0, 0]])
    tilted = np.array([[0, 0, 1.0], [1.0, 0, 0], [0, 1.0, 1.0]])
    scores = region_scores((points, tilted), truth, labels)
    assert scores["flat"].precision == 0.5
    assert scores["corner"].precision == 1.0
    assert scores["corner"].normal_error == pytest.approx(45.0)
    assert scores["flat"].normal_error == pytest.approx(0.0)
    # Nothing predicted near the corner.
    scores = region_scores((points[:2], tilted[:2]), truth, labels)
    assert (scores["corner"].recall, scores["corner"].precision, scores["corner"].normal_error) == (0.0, None, None)


def test_nothing_predicted_is_nothing_recovered():
    truth = samples_of(trimesh.creation.box((1.7, 1.2, 0.9)), 500)
    scores = region_scores((np.zeros((0, 3)), np.zeros((0, 3))), truth, surface_regions(*truth))
    assert (scores["flat"].recall, scores["flat"].precision, scores["flat"].normal_error) == (0.0, None, None)
    assert scores["curved"].recall is None
    with pytest.raises(ValueError, match="as many labels"):
        region_scores(truth, truth, np.zeros(3))


# --- roundness -------------------------------------------------------------------------------------------------


def test_roundness_in_closed_form():
    assert sphericity(mesh_of(trimesh.creation.icosphere(5, 0.4))) == pytest.approx(1.0, abs=1e-3)
    cube = mesh_of(trimesh.creation.box((0.3, 0.3, 0.3)))
    assert sphericity(cube) == pytest.approx((np.pi / 6) ** (1 / 3))
    # A cylinder as high as it is wide.
    cylinder = mesh_of(trimesh.creation.cylinder(0.5, 1.0, sections=400))
    assert sphericity(cylinder) == pytest.approx((2 / 3) ** (1 / 3), abs=1e-4)
    assert sphericity(cube.flipped()) is None
    assert sphericity(Mesh(np.zeros((0, 3)), np.zeros((0, 3)))) is None
