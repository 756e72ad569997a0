"""Neighbours against loops, ASE and scipy; batches against the molecules one by one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import KDTree

from hypernet.molecules.core.graphs import Graphs, neighbours
from hypernet.molecules.core.molecules import Molecules, joined, molecule


def random_molecules(counts: list[int], seed: int) -> Molecules:
    """Atoms at random in a box of 4 Å."""
    random = np.random.default_rng(seed)
    return joined([molecule([6] * count, 4 * random.random((count, 3))) for count in counts])


def edges_of(graphs: Graphs, row: int) -> set[tuple[int, int]]:
    """Sender and receiver of each edge of a molecule."""
    batch = graphs.batch(np.array([row]))
    edges = [*zip(batch.sender.tolist(), batch.receiver.tolist(), strict=True)]
    assert len(set(edges)) == len(edges)
    return set(edges)


counts = st.lists(st.integers(1, 7), min_size=1, max_size=6)


@given(counts, st.floats(0.5, 6), st.integers(0, 2**16))
def test_neighbours_are_those_of_a_loop(sizes, cutoff, seed):
    molecules = random_molecules(sizes, seed)
    graphs = neighbours(molecules, cutoff)
    for row, (numbers, positions) in enumerate(molecules):
        places = positions.astype(np.float64)
        expected = {
            (w, v)
            for v in range(len(numbers))
            for w in range(len(numbers))
            if v != w and sum((places[v] - places[w]) ** 2) ** 0.5 <= cutoff
        }
        assert edges_of(graphs, row) == expected


def test_neighbours_are_those_of_ase(rows):
    neighborlist = pytest.importorskip("ase.neighborlist")
    atoms = pytest.importorskip("ase").Atoms
    some = rows.molecules.take(range(0, 300, 7))
    graphs = neighbours(some, 3.0)
    for row, (numbers, positions) in enumerate(some):
        receiver, sender = neighborlist.neighbor_list("ij", atoms(numbers, positions.astype(np.float64)), 3.0)
        assert edges_of(graphs, row) == {*zip(sender.tolist(), receiver.tolist(), strict=True)}


@given(counts, st.integers(1, 4), st.floats(1, 6), st.integers(0, 2**16))
def test_the_nearest_are_those_of_scipy(sizes, nearest, cutoff, seed):
    molecules = random_molecules(sizes, seed)
    graphs = neighbours(molecules, cutoff, nearest)
    for row, (numbers, positions) in enumerate(molecules):
        places = positions.astype(np.float64)
        near = KDTree(places).query(places, [*range(1, min(nearest, len(numbers) - 1) + 2)])
        assert edges_of(graphs, row) == {
            (int(w), v)
            for v in range(len(numbers))
            for distance, w in zip(near[0][v], near[1][v], strict=True)
            if w != v and distance <= cutoff
        }


def test_atoms_far_apart_can_be_heard_one_way_alone():
    """Three in a row: the last hears the second, who hears the first."""
    row = molecule([1, 1, 1], np.array([[0, 0, 0], [0, 0, 1.0], [0, 0, 2.5]]))
    assert edges_of(neighbours(row, 100, nearest=1), 0) == {(1, 0), (0, 1), (1, 2)}


def test_everybody_is_joined_with_everybody(rows):
    graphs = neighbours(rows.molecules, 100)
    assert graphs.edges.tolist() == [count * (count - 1) for count in rows.molecules.counts]


@given(counts, st.floats(0.5, 6), st.integers(0, 2**16), st.data())
def test_a_batch_is_its_molecules_one_after_the_other(sizes, cutoff, seed, data):
    molecules = random_molecules(sizes, seed)
    graphs = neighbours(molecules, cutoff)
    chosen = data.draw(st.lists(st.integers(0, len(sizes) - 1), min_size=1, max_size=6))
    batch, shift, edge = graphs.batch(np.array(chosen)), 0, 0
    assert batch.size == len(chosen)
    for place, row in enumerate(chosen):
        alone = graphs.batch(np.array([row]))
        of = slice(shift, shift + len(alone.numbers))
        through = slice(edge, edge + len(alone.sender))
        assert torch.equal(batch.numbers[of], alone.numbers)
        assert torch.equal(batch.positions[of], alone.positions)
        assert (batch.molecule[of] == place).all()
        assert torch.equal(batch.sender[through], alone.sender + shift)
        assert torch.equal(batch.receiver[through], alone.receiver + shift)
        shift, edge = of.stop, through.stop
    assert shift == len(batch.numbers) == len(batch.molecule)
    assert edge == len(batch.sender) == len(batch.receiver)
    assert torch.equal(batch.molecule[batch.sender], batch.molecule[batch.receiver])
    assert (batch.receiver.diff() >= 0).all()


@settings(max_examples=50)
@given(counts, st.integers(1, 60), st.integers(0, 2**16))
def test_batches_hold_every_molecule_once_within_the_budget(sizes, most_edges, seed):
    graphs = neighbours(random_molecules(sizes, seed), 3.0)
    seen: list[int] = []
    for rows_of, batch in graphs.batches(most_edges):
        assert len(batch.sender) == graphs.edges[rows_of].sum()
        assert len(batch.sender) <= most_edges or len(rows_of) == 1
        seen += rows_of.tolist()
    assert sorted(seen) == [*range(len(sizes))]


def test_many_equal_molecules_are_looked_at_in_pieces(monkeypatch, rows):
    whole = neighbours(rows.molecules, 4.0)
    monkeypatch.setattr("hypernet.molecules.core.graphs.DISTANCES_AT_ONCE", 100)
    pieces = neighbours(rows.molecules, 4.0)
    assert np.array_equal(whole.edges, pieces.edges)
    assert np.array_equal(whole.sender, pieces.sender)
    assert np.array_equal(whole.receiver, pieces.receiver)


def test_distances_are_lengths(tiny):
    batch = neighbours(tiny, 100).batch(np.array([1, 2]))
    lengths = batch.distances()
    assert lengths[batch.receiver == 0].tolist() == pytest.approx([1.087] * 4, rel=1e-6)
    assert lengths[-2:].tolist() == pytest.approx([0.741] * 2, rel=1e-6)
    assert batch.to("cpu", torch.float64).distances().dtype == torch.float64


def test_no_molecules_have_no_edges():
    graphs = neighbours(joined([]), 4.0)
    assert len(graphs) == 0
    assert [*graphs.batches(10)] == []
