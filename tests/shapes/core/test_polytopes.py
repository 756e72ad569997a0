"""Unions of convex parts: against closed forms, Delaunay triangulations, winding numbers and the reference shapes."""

from __future__ import annotations

import gzip
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.sparse.csgraph import connected_components
from scipy.spatial import Delaunay
from scipy.spatial.transform import Rotation

from hypernet.lab.errors import UserError
from hypernet.shapes.core.frames import INNER, grid
from hypernet.shapes.core.polytopes import JOINT, Part, Solid

GREY = np.full(3, 0.5)
CORNERS = np.array(list(itertools.product((-0.5, 0.5), repeat=3)))
# Section 11 of the specification: handles of the union, and voxels of three shapes.
GENUS = {"chair/1": 4, "chair/2": 5, "bench/1": 10, "bench/2": 8, "table/1": 1, "table/2": 1}
COUNTS = {"airplane/1": 732, "speaker/1": 7804, "firearm/2": 276}


def box(centre, size, turn=None):
    points = np.asarray(centre) + CORNERS * size
    return Part(points if turn is None else points @ turn.T, GREY)


def random_part(seed, count=12):
    return Part(np.random.default_rng(seed).normal(size=(count, 3)), GREY)


def test_facets_and_surface_of_a_box():
    part = box((1, 2, 3), (2, 4, 6))
    normals, offsets = part.facets
    assert {(*normal.round(9), round(offset, 9)) for normal, offset in zip(normals, offsets, strict=True)} == {
        (1, 0, 0, 2), (-1, 0, 0, 0), (0, 1, 0, 4), (0, -1, 0, 0), (0, 0, 1, 6), (0, 0, -1, 0)
    }  # fmt: skip
    vertices, triangles = part.surface()
    assert triangles.shape == (12, 3)
    # Facing outwards: the divergence theorem gives the volume and its sign.
    assert np.linalg.det(vertices[triangles]).sum() / 6 == pytest.approx(48)


def test_two_boxes():
    solid = Solid((box((0, 0, 0), (1, 1, 1)), box((0.5, 0.25, 0), (1, 1, 1))))
    mesh = solid.union()
    assert mesh.watertight
    assert mesh.euler == 2
    assert mesh.volume == pytest.approx(2 - 0.5 * 0.75)
    assert mesh.area == pytest.approx(12 - 2 * (0.5 * 0.75 + 0.5 + 0.75))
    points = np.array([[0, 0, 0], [1, 0.7, 0.4], [-0.4, 0.6, 0], [0.5, 0.5, 0.5], [0.4, 0.4, np.nan], [9, 9, 9]])
    assert solid.inside(points).tolist() == [True, True, False, True, False, False]
    assert solid.inside(points.reshape(2, 3, 3)).shape == (2, 3)
    assert solid.inside(np.zeros((0, 3))).shape == (0,)
    assert np.array_equal(solid.bounds, [[-0.5, -0.5, -0.5], [1, 0.75, 0.5]])


@given(st.integers(0, 10**6), st.integers(4, 30))
@settings(max_examples=30)
def test_inside_is_what_a_triangulation_of_the_hull_says(seed, count):
    part = random_part(seed, count)
    points = np.random.default_rng([seed, 1]).normal(size=(500, 3))
    expected = Delaunay(part.vertices).find_simplex(points) >= 0
    assert np.array_equal(Solid((part,)).inside(points), expected)
    assert np.array_equal(part.depth(points) >= 0, expected)


@given(st.integers(0, 10**6), st.integers(1, 5))
@settings(max_examples=15)
def test_a_union(seed, count):
    solid = Solid(tuple(random_part(seed + place) for place in range(count)))
    points = np.random.default_rng([seed, 1]).normal(size=(400, 3))
    assert np.array_equal(solid.inside(points), np.any([Solid((part,)).inside(points) for part in solid.parts], axis=0))
    # To the last bit, on points of the surface too.
    corners = np.concatenate([part.vertices for part in solid.parts])
    both = np.concatenate([points, corners, corners[:-1] / 2 + corners[1:] / 2])
    image = solid.mirrored()
    assert np.array_equal(image.inside(both * [-1, 1, 1]), solid.inside(both))
    assert np.array_equal(image.mirrored().parts[0].vertices, solid.parts[0].vertices)
    volumes = [np.linalg.det(part.vertices[part.surface()[1]]).sum() for part in (*solid.parts, *image.parts)]
    assert min(volumes) > 0

    canonical = solid.normalised()
    assert canonical.bounds.sum(axis=0) == pytest.approx(np.zeros(3), abs=1e-12)
    assert (canonical.bounds[1] - canonical.bounds[0]).max() == pytest.approx(2 * INNER)
    scale = 2 * INNER / (solid.bounds[1] - solid.bounds[0]).max()
    moved = (points - solid.bounds.mean(axis=0)) * scale
    assert np.array_equal(canonical.inside(moved), solid.inside(points))


def test_the_union_s_winding_number_is_inside():
    igl = pytest.importorskip("igl")
    pytest.importorskip("manifold3d")
    for seed in range(3):
        solid = Solid(tuple(random_part(10 * seed + place, 20) for place in range(4))).normalised()
        mesh = solid.union()
        assert mesh.watertight
        points = np.random.default_rng(seed).uniform(-1, 1, (2000, 3))
        winding = igl.winding_number(mesh.vertices, mesh.triangles, points)
        assert np.array_equal(winding > 0.5, solid.inside(points))
        assert np.abs(winding - winding.round()).max() < 1e-6


def test_many_points_are_tested_in_blocks():
    solid = Solid((box((0, 0, 0), (1, 1, 1)),))
    points = np.random.default_rng(0).uniform(-1, 1, (150_000, 3))
    assert np.array_equal(solid.inside(points), (np.abs(points) <= 0.5).all(axis=1))


def test_joined_parts():
    turn = Rotation.from_rotvec([0.4, 1.1, -0.3]).as_matrix()

    def connected(*boxes):
        return Solid(tuple(box(*sizes, turn) for sizes in boxes)).connected()

    cube = ((0, 0, 0), (1, 1, 1))
    assert connected(cube)
    assert connected(cube, ((0.9, 0.9, 0.9), (1, 1, 1)))
    # No vertex of one is in the other, and the middle of their bounding boxes is in neither.
    assert connected(((0, 0, 0), (4, 0.1, 0.1)), ((1.7, 0, 1.7), (0.1, 0.1, 4)))
    assert connected(((0, 0, 0), (4, 0.1, 0.1)), ((1.7, 0, 1.7), (0.1, 0.1, 4)), ((1.7, 1, 3.6), (0.1, 4, 0.1)))
    # A face touched, and an edge.
    assert not connected(cube, ((1, 0, 0), (1, 1, 1)))
    assert not connected(cube, ((1, 1, 0), (1, 1, 1)))
    assert not connected(cube, ((0.9, 0.9, 0.9), (1, 1, 1)), ((3, 0, 0), (1, 1, 1)))
    # Bounding boxes overlap, the parts do not.
    assert not connected(((0, 0, 0), (4, 0.1, 0.1)), ((0, 0.2, 0), (4, 0.1, 0.1)))
    # A thin lens that one of the likely points misses.
    lens = box((0, 0, 0), (1, 1, 1)), Part(CORNERS @ turn.T + (0, 0, 0.5 + np.abs(turn[2]).sum() / 2 - 0.02), GREY)
    assert Solid(lens).connected()


@given(st.integers(0, 10**6))
@settings(max_examples=30)
def test_connected_is_one_component_of_the_graph_of_overlaps(seed):
    random = np.random.default_rng(seed)
    centres, sizes = random.uniform(-1, 1, (7, 3)), random.uniform(0.1, 1, (7, 3))
    # Of boxes that are all turned alike, the overlap is that of their extents.
    overlap = 0.5 * (sizes[:, None] + sizes[None]) - np.abs(centres[:, None] - centres[None])
    radius = 0.5 * overlap.min(axis=2)
    assume(not ((radius > 0) & (radius < 2 * JOINT)).any())
    turn = Rotation.random(rng=random).as_matrix()
    solid = Solid(tuple(box(*both, turn) for both in zip(centres, sizes, strict=True)))
    assert solid.connected() == (connected_components(radius > 0)[0] == 1)


def test_painted():
    red, blue = np.array([1, 0, 0]), np.array([0, 0, 1])
    solid = Solid((Part(CORNERS, red), Part(CORNERS + np.array([0.5, 0, 0]), blue)))
    vertices, triangles, colours = solid.painted()
    assert triangles.shape == colours.shape == (24, 3)
    assert colours.dtype == np.float32
    assert np.array_equal(colours[:12], np.tile(red, (12, 1)))
    assert np.array_equal(colours[12:], np.tile(blue, (12, 1)))
    assert np.abs(vertices - np.concatenate([part.vertices for part in solid.parts])).max() < 2e-4
    # Both tops lie in one plane: the later part's is in front.
    assert vertices[triangles[12:]][..., 1].max() > vertices[triangles[:12]][..., 1].max()


def test_plain_lists_and_back():
    solid = Solid(tuple(random_part(place) for place in range(3)))
    again = Solid.from_dict(json.loads(json.dumps(solid.to_dict())))
    for part, other in zip(solid.parts, again.parts, strict=True):
        assert np.array_equal(part.vertices, other.vertices)
        assert np.array_equal(part.colour, other.colour)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ([], "needs parts"),
        ({"parts": [CORNERS.tolist()]}, "needs parts"),
        ({"parts": [CORNERS.tolist()], "rgb": []}, "needs parts"),
        ({"parts": [], "rgb": []}, "at least one part"),
        ({"parts": [CORNERS[:3].tolist()], "rgb": [[0, 0, 0]]}, "at least four points"),
        ({"parts": [CORNERS[:4].tolist()], "rgb": [[0, 0, 0]]}, "no volume"),
        ({"parts": [CORNERS[:, :2].tolist()], "rgb": [[0, 0, 0]]}, "three finite numbers"),
        ({"parts": [(CORNERS * np.nan).tolist()], "rgb": [[0, 0, 0]]}, "three finite numbers"),
        ({"parts": ["ball"], "rgb": [[0, 0, 0]]}, "ball"),
        ({"parts": [CORNERS.tolist()], "rgb": [[0, 0, 7]]}, "0..1"),
        ({"parts": [CORNERS.tolist()], "rgb": [[0, 0]]}, "three numbers"),
        ({"parts": [[]] * 20_000, "rgb": [[0, 0, 0]] * 20_000}, "10000 parts"),
    ],
)
def test_what_is_no_solid_is_refused_in_one_line(fields, message):
    with pytest.raises(UserError, match=message) as caught:
        Solid.from_dict(fields, where="shape.json")
    assert str(caught.value).startswith("shape.json: ")
    assert "\n" not in str(caught.value)


@pytest.fixture(scope="module")
def reference(mirror: Path) -> list[dict]:
    with gzip.open(mirror / "reference" / "reference_shapes.json.gz", "rt", encoding="utf-8") as file:
        shapes = json.load(file)
    with np.load(mirror / "reference" / "reference_occ32.npz") as file:
        occupied = dict(zip(file["order"].tolist(), np.unpackbits(file["occ32"], axis=1).astype(bool), strict=True))
    for shape in shapes:
        shape["name"] = f"{shape['cls']}/{shape['seed']}"
        shape["occupied"] = occupied[shape["name"]].reshape(32, 32, 32)
    return shapes


def test_voxels_of_the_reference_shapes(reference):
    assert len(reference) == 26
    for shape in reference:
        occupied = Solid.from_dict(shape, where=shape["name"]).inside(grid(32))
        assert (occupied != shape["occupied"]).sum() <= 2, shape["name"]
        if shape["name"] in COUNTS:
            assert abs(occupied.sum() - COUNTS[shape["name"]]) <= 2


def test_unions_of_the_reference_shapes(reference):
    pytest.importorskip("manifold3d")
    for shape in reference:
        mesh = Solid.from_dict(shape).union()
        assert mesh.watertight, shape["name"]
        assert mesh.volume == pytest.approx(shape["volume"], rel=1e-3)
        assert mesh.area == pytest.approx(shape["surface_area"], rel=1e-3)
        assert 1 - mesh.euler / 2 == shape["genus"] == GENUS.get(shape["name"], 0), shape["name"]
