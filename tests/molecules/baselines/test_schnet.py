"""The network is PyTorch Geometric's, whatever finds the neighbours."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from hypernet.lab.errors import UserError
from hypernet.lab.runs.models import fill, usable, without_weights
from hypernet.molecules.baselines.schnet import SchNet, check_sizes
from hypernet.molecules.core.graphs import neighbours
from hypernet.molecules.core.molecules import Molecules, molecule

from .samples import random_molecules

peer = pytest.importorskip("torch_geometric.nn.models.schnet")
CUTOFF = 3.0


def network(average=False):
    torch.manual_seed(0)
    return SchNet(channels=8, filters=6, interactions=2, gaussians=10, cutoff=CUTOFF, average=average)


def graph_of(molecules: Molecules, cutoff=CUTOFF):
    return neighbours(molecules, cutoff).batch(np.arange(len(molecules)))


def radius_graph(positions, molecule_of):
    """All pairs of a molecule that are nearer than the cutoff, sender first, and their distances."""
    distances = (positions[:, None] - positions).norm(dim=2)
    near = (distances < CUTOFF) & (molecule_of[:, None] == molecule_of) & ~torch.eye(len(positions), dtype=torch.bool)
    receiver, sender = near.nonzero().T
    return torch.stack([sender, receiver]), distances[receiver, sender]


@pytest.mark.parametrize("average", [False, True])
def test_it_is_the_network_of_pytorch_geometric(average):
    ours = network(average)
    theirs = peer.SchNet(8, 6, 2, 10, CUTOFF, radius_graph, readout="mean" if average else "add")
    theirs.load_state_dict(ours.network.state_dict())
    batch = graph_of(random_molecules(0, [5, 1, 9, 2]))
    expected = theirs(batch.numbers, batch.positions, batch.molecule)
    assert expected.shape == (4, 1)
    torch.testing.assert_close(ours(batch), expected[:, 0])


def test_none_of_many_neighbours_is_left_out():
    # PyG's graph keeps 32 of them.
    crowd = molecule([6] * 45, 0.4 * np.stack(np.meshgrid(*[np.arange(4)] * 3), axis=-1).reshape(-1, 3)[:45])
    batch = graph_of(crowd)
    assert len(batch.sender) == 45 * 44
    ours = network()
    theirs = peer.SchNet(8, 6, 2, 10, CUTOFF, radius_graph)
    theirs.load_state_dict(ours.network.state_dict())
    torch.testing.assert_close(ours(batch), theirs(batch.numbers, batch.positions, batch.molecule)[:, 0])


@pytest.mark.parametrize("average", [False, True])
def test_atoms_parts_make_up_the_whole(average):
    ours, some = network(average), random_molecules(1, [5, 1, 9])
    batch = graph_of(some)
    parts = ours.atoms(batch)
    assert parts.shape == (15,)
    pieces = parts.split([5, 1, 9])
    expected = torch.stack([piece.mean() if average else piece.sum() for piece in pieces])
    torch.testing.assert_close(ours(batch), expected)


def test_a_molecule_is_the_same_alone_and_with_others():
    ours, some = network(), random_molecules(2, [4, 7, 1, 12])
    together = ours(graph_of(some))
    alone = torch.cat([ours(graph_of(some.take([row]))) for row in range(4)])
    torch.testing.assert_close(together, alone)
    assert torch.isfinite(together).all()


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**31))
def test_turning_shifting_and_another_order_of_atoms_change_nothing(seed):
    generator = np.random.default_rng(seed)
    some = random_molecules(seed, [8])
    order = generator.permutation(8)
    moved = some.positions @ Rotation.random(random_state=seed).as_matrix().T + generator.normal(size=3)
    other = molecule(some.numbers[order], moved[order])
    ours = network()
    torch.testing.assert_close(ours(graph_of(other)), ours(graph_of(some)), rtol=1e-4, atol=1e-4)


def test_forces_are_those_of_differences():
    ours = network().double()
    batch = graph_of(random_molecules(3, [5])).to("cpu", torch.float64)

    def energy(positions):
        return ours(batch._replace(positions=positions)).sum()

    assert torch.autograd.gradcheck(energy, batch.positions.clone().requires_grad_())


def test_it_is_made_without_weights_and_filled():
    whole = network()
    with without_weights():
        empty = SchNet(8, 6, 2, 10, CUTOFF, False)
    assert all(tensor.is_meta for tensor in [*empty.parameters(), *empty.buffers()])
    fill(empty, whole.state_dict())
    batch = graph_of(random_molecules(0, [5, 3]))
    torch.testing.assert_close(empty(batch), whole(batch), rtol=0, atol=0)


def test_its_state_is_plain_numbers_and_needs_no_other_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "ase", None)
    state = network().state_dict()
    assert state
    assert all(usable(tensor) and tensor.dtype == torch.float32 for tensor in state.values())


def test_a_missing_library_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch_geometric.nn.models.schnet", None)
    with pytest.raises(UserError, match=r"PyTorch Geometric cannot be used .*hypernet\[molecules\]"):
        network()


@pytest.mark.parametrize("place", range(4))
def test_weights_of_other_sizes_are_refused_before_a_network_is_made(place):
    state = network().state_dict()
    check_sizes(state, 8, 6, 2, 10)
    sizes = [8, 6, 2, 10]
    sizes[place] = 10**9
    with pytest.raises(ValueError, match="sizes"):
        check_sizes(state, *sizes)
    with pytest.raises(KeyError):
        check_sizes({}, 8, 6, 2, 10)
