"""Weights of single paths against the formulas written out, and the rough part against its energy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import trimesh

from hypernet.lab.errors import UserError
from hypernet.shapes.core.solids import Mesh
from hypernet.sonar.core.directivity import Cardioid, Omni
from hypernet.sonar.core.facets import sampled
from hypernet.sonar.core.scattering import Cells, Law, Receivers, random_signs, single_bounce


def receivers(mouth, places, directivity=None, emission=None) -> Receivers:
    count = len(places)
    axes = torch.tensor([[-1.0, 0, 0], [0, -1, 0], [0, 0, 1]], dtype=torch.float64).expand(count, 3, 3)
    return Receivers(
        torch.tensor(mouth, dtype=torch.float64),
        torch.tensor(np.array(places), dtype=torch.float64),
        axes,
        (directivity or Omni(),) * count,
        emission or Omni(),
    )


def cell(edges=True) -> Cells:
    edge = torch.tensor([[[0, 0.003, 0], [0, 0, 0.002]]], dtype=torch.float64) if edges else None
    return Cells(
        torch.zeros(1, 3, dtype=torch.float64), torch.tensor([[1.0, 0, 0]], dtype=torch.float64),
        torch.tensor([6e-6], dtype=torch.float64), edge,
    )  # fmt: skip


def test_a_cell_weighs_what_the_formulas_say():
    mouth, ear = np.array([1.0, 0.5, 0.2]), np.array([0.9, -0.6, 0.1])
    t, r = np.linalg.norm(mouth), np.linalg.norm(ear)
    cosine_t, cosine_r = mouth[0] / t, ear[0] / r
    shares = Law.of("mixed", share=0.3, albedo=0.8)
    both = receivers(mouth, [ear], Cardioid(), Cardioid())
    coherent, diffuse = single_bounce(cell(), both, shares).weights(both, 40_000.0, 343.0, 1.3)
    gain = (1 + mouth[0] / t) / 2 * (1 + ear[0] / r) / 2
    common = gain * 10 ** (-1.3 * (t + r) / 20) / (t * r)
    turn = mouth / t + ear / r
    phases = 40_000 / 343 * turn[1:] * np.array([0.003, 0.002])
    assert float(coherent) == pytest.approx(
        math.sqrt(0.7) * 6e-6 * cosine_r * common * np.sinc(phases).prod(), rel=1e-12
    )
    assert float(diffuse) == pytest.approx(
        math.sqrt(0.3 * 0.8 * 6e-6 * cosine_t * cosine_r / np.pi) * common, rel=1e-12
    )


def test_nothing_is_scattered_through_a_surface():
    both = receivers([1.0, 0, 0], [[-1.0, 0, 0], [1.0, 0.1, 0]])
    paths = single_bounce(cell(), both, Law.of("mixed"))
    assert (paths.coherent[0] == 0).all()
    assert (paths.diffuse[0] == 0).all()
    assert (paths.coherent[1] > 0).all()


def test_points_have_no_extent():
    both = receivers([1.0, 1.0, 0], [[1.0, 1.0, 0.1]])
    paths = single_bounce(cell(edges=False), both, Law.of("kirchhoff"))
    low, high = (paths.weights(both, frequency, 343.0, 0.0)[0] for frequency in (1e3, 90e3))
    assert float(low) == float(high)


def test_a_wide_cell_is_as_many_small_ones():
    """The integral of the phase over a cell: 3600 parts of it at their middles."""
    wide, both = cell(), receivers([0.7, 0.7, 0.3], [[0.8, 0.6, 0.2]])
    count, law = 60, Law.of("kirchhoff")
    steps = (torch.arange(count, dtype=torch.float64) + 0.5) / count - 0.5
    offsets = torch.stack(torch.meshgrid(steps, steps, indexing="ij"), dim=-1).reshape(-1, 2)
    points = offsets @ wide.edges[0]
    small = Cells(points, wide.normals.expand_as(points), wide.areas.expand(len(points)) / count**2)
    transfer = []
    for cells in (wide, small):
        paths = single_bounce(cells, both, law)
        weights = paths.weights(both, 60_000.0, 343.0, 0.0)[0]
        phases = torch.polar(torch.ones_like(weights), -2 * np.pi * 60_000.0 / 343 * paths.lengths)
        transfer.append(complex((weights * phases).sum()))
    assert abs(transfer[0] - transfer[1]) < 4e-3 * abs(transfer[1])
    assert float(single_bounce(wide, both, law).coherent) > 1.5 * abs(transfer[1])


@pytest.mark.parametrize("distance", [20.0, 50.0])
def test_a_rough_sphere_as_the_mean_over_all_signs(distance):
    """The root of the summed squares is sqrt(2 / 3) a / r² far away."""
    radius = 0.1
    ball = trimesh.creation.icosphere(5, radius)
    samples = sampled(Mesh(ball.vertices, ball.faces), 0.004, np.array([distance, 0, 0]))
    cells = Cells(torch.tensor(samples.points), torch.tensor(samples.normals), torch.tensor(samples.areas))
    diffuse = single_bounce(cells, receivers([distance, 0, 0], [[distance, 0, 0]]), Law.of("lambert")).diffuse
    assert float(diffuse.norm()) == pytest.approx(math.sqrt(2 / 3) * radius / distance**2, rel=0.01)


def test_signs_are_balanced_fixed_and_differ_between_seeds():
    facet, place = np.divmod(np.arange(20_000), 100)
    signs = random_signs(facet, place, 1)
    assert set(np.unique(signs)) == {-1.0, 1.0}
    # Means of fair signs: 4 standard deviations.
    assert abs(signs.mean()) < 4 / np.sqrt(20_000)
    assert abs((signs * random_signs(facet, place, 2)).mean()) < 4 / np.sqrt(20_000)
    assert abs((signs[1:] * signs[:-1]).mean()) < 4 / np.sqrt(20_000)
    some = np.array([77, 3, 15_000])
    assert np.array_equal(random_signs(facet[some], place[some], 1), signs[some])


def test_bad_laws_are_refused():
    with pytest.raises(UserError, match="accepted: kirchhoff, lambert, mixed"):
        Law.of("phong")
    with pytest.raises(UserError, match="not from 0 to 1"):
        Law.of("mixed", share=1.5)
    with pytest.raises(UserError, match="albedo"):
        Law.of("lambert", albedo=float("nan"))
