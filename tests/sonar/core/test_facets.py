"""Cells of facets against the integrals that they stand for."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from hypernet.lab.errors import UserError
from hypernet.shapes.core.solids import Mesh
from hypernet.shapes.sources.procedural import generate
from hypernet.sonar.core.facets import sampled


def moments(mesh: Mesh) -> tuple[float, np.ndarray, np.ndarray]:
    """Area, integral of x and of x xᵀ over a surface, by the exact rule of three points for each triangle."""
    corners = mesh.vertices[mesh.triangles]
    middles = (corners + np.roll(corners, 1, axis=1)) / 2
    weights = mesh.areas / 3
    first = np.einsum("t,tkc->c", weights, middles)
    return mesh.area, first, np.einsum("t,tkc,tkd->cd", weights, middles, middles)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-1, 1), min_size=9, max_size=9), st.floats(0.02, 3))
def test_cells_have_the_moments_of_their_triangle(numbers, spacing):
    mesh = Mesh(np.array(numbers).reshape(3, 3), np.array([[0, 1, 2]]))
    if mesh.area < 1e-3:
        return
    samples = sampled(mesh, spacing)
    area, first, second = moments(mesh)
    inside = np.einsum("n,nec,ned->cd", samples.areas / 12, samples.edges, samples.edges)
    assert samples.areas.sum() == pytest.approx(area, rel=1e-10)
    assert np.einsum("n,nc->c", samples.areas, samples.points) == pytest.approx(first, rel=1e-9, abs=1e-12)
    both = np.einsum("n,nc,nd->cd", samples.areas, samples.points, samples.points) + inside
    assert both == pytest.approx(second, rel=1e-8, abs=1e-11)


def test_cells_are_no_longer_than_the_spacing_across():
    mesh = generate("airplane", 2).union()
    samples = sampled(mesh, 0.03)
    first, second = samples.edges[:, 0], samples.edges[:, 1]
    along = np.linalg.norm(first, axis=1)
    # Slices lean by at most 45 degrees within a half of a facet.
    assert along.max() <= np.sqrt(2) * 0.03 * (1 + 1e-9)
    assert np.linalg.norm(second, axis=1).max() <= 0.03 * (1 + 1e-9)
    assert np.linalg.norm(np.cross(first, second), axis=1) == pytest.approx(samples.areas, rel=0.16)


def test_a_long_thin_triangle_has_as_many_cells_as_it_is_long():
    mesh = Mesh(np.array([[0, 0, 0], [1, 0, 0], [0.37, 1e-3, 0]]), np.array([[0, 1, 2]]))
    assert 100 <= len(sampled(mesh, 0.01)) <= 103


def test_only_facets_that_face_the_place_are_cut():
    box = trimesh.creation.box((1, 1, 1))
    mesh = Mesh(box.vertices, box.faces)
    samples = sampled(mesh, 0.1, towards=np.array([3.0, 0, 0]))
    assert samples.areas.sum() == pytest.approx(1)
    assert np.unique(samples.normals, axis=0).tolist() == [[1, 0, 0]]
    assert sampled(mesh, 0.1, direction=np.array([0.6, 0.8, 0])).areas.sum() == pytest.approx(2)
    assert sampled(mesh, 0.1).areas.sum() == pytest.approx(6)


def test_a_cell_has_the_same_name_from_everywhere():
    mesh = generate("chair", 1).union()
    everywhere = sampled(mesh, 0.1)
    names = dict(zip(zip(everywhere.facet, everywhere.place, strict=True), everywhere.points, strict=True))
    assert len(names) == len(everywhere)
    side = sampled(mesh, 0.1, towards=np.array([2.0, 3.0, 1.0]))
    for facet, place, point in zip(side.facet, side.place, side.points, strict=True):
        assert np.array_equal(names[facet, place], point)


def test_mirrored_meshes_have_mirrored_cells():
    mesh, flip = generate("couch", 3).union(), np.array([1, -1, 1])
    here = sampled(mesh, 0.05)
    there = sampled(Mesh(mesh.vertices * flip, mesh.triangles[:, ::-1]), 0.05)
    assert np.allclose(here.points * flip, there.points, atol=1e-12)
    assert np.allclose(here.areas, there.areas, rtol=1e-9)


def test_split_cells_keep_their_area_and_covariance():
    samples = sampled(generate("lamp", 0).union(), 0.2)
    parts = np.random.default_rng(0).integers(1, 5, (len(samples), 2))
    split = samples.split(parts)
    assert len(split) == parts.prod(axis=1).sum()
    assert split.areas.sum() == pytest.approx(samples.areas.sum())

    def second(of):
        inside = np.einsum("n,nec,ned->cd", of.areas / 12, of.edges, of.edges)
        return np.einsum("n,nc,nd->cd", of.areas, of.points, of.points) + inside

    assert second(split) == pytest.approx(second(samples), rel=1e-9, abs=1e-12)


def test_bad_spacings_are_refused():
    mesh = generate("lamp", 0).union()
    for spacing in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(UserError, match="not above 0"):
            sampled(mesh, spacing)
    with pytest.raises(UserError, match="is the mesh in metres"):
        sampled(Mesh(mesh.vertices * 1000, mesh.triangles), 0.003)
