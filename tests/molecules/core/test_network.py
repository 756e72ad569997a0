"""NMP-Edge: its symmetries, its equations written out, published sizes, and molecules without edges."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from torch.nn import functional as F

from hypernet.lab.runs.models import count_parameters, without_weights
from hypernet.molecules.baselines.nmp_edge import nmp_edge
from hypernet.molecules.core.graphs import Batch, neighbours
from hypernet.molecules.core.molecules import Molecules, joined, molecule
from hypernet.molecules.core.network import EdgeUpdate, Gaussians, MessagePassing, Sizes, shifted_softplus
from hypernet.molecules.model import DeviatingChange, GeneratedChange, hyper_message_passing

SIZES = Sizes(channels=8, steps=3, cutoff=4.0, spacing=0.25, envelope=True, edge_update=True, average=False)
NETWORKS = ("nmp_edge", "nmp_no_edge", "hyper", "deviating", "mean")


def network_of(which: str) -> MessagePassing:
    """A small untrained network in double precision whose biases are not zero."""
    torch.manual_seed(3)
    sizes = SIZES._replace(edge_update=which != "nmp_no_edge", average=which == "mean")
    if which == "hyper":
        change = GeneratedChange(8, 3, 6, 2, 10, None, False, "hyperfan", "tanh")
        network = hyper_message_passing(sizes, change)
    elif which == "deviating":
        network = hyper_message_passing(sizes, DeviatingChange(8, 3, 6, 2, None, 0.1))
    else:
        network = nmp_edge(sizes)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.endswith("bias"):
                parameter.normal_(std=0.3)
    return network.double()


def graph(molecules: Molecules, cutoff: float = 4.0) -> Batch:
    """All of them as one graph in double precision."""
    return neighbours(molecules, cutoff).batch(np.arange(len(molecules))).to("cpu", torch.float64)


def moved(batch: Batch, rotation: np.ndarray, shift: np.ndarray) -> Batch:
    """Turned and pushed in double precision."""
    return batch._replace(positions=batch.positions @ torch.from_numpy(rotation.T) + torch.from_numpy(shift))


# --- symmetries ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", NETWORKS)
def test_turning_and_moving_changes_nothing(rows, which):
    network, batch = network_of(which), graph(rows.molecules.take(range(100, 140)))
    expected = network(batch)
    for seed in range(3):
        rotation = Rotation.random(random_state=seed).as_matrix()
        made = network(moved(batch, rotation, np.array([3.0, -7.0, 11.0 * seed])))
        torch.testing.assert_close(made, expected, rtol=1e-10, atol=1e-12)
    mirrored = network(moved(batch, np.diag([1.0, 1.0, -1.0]), np.zeros(3)))
    torch.testing.assert_close(mirrored, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("which", NETWORKS)
def test_the_order_of_atoms_changes_nothing(rows, which):
    network, molecules = network_of(which), rows.molecules.take([50, 120, 299])
    random = np.random.default_rng(0)
    shuffled = []
    for numbers, positions in molecules:
        order = random.permutation(len(numbers))
        shuffled.append(molecule(numbers[order].tolist(), positions[order]))
    torch.testing.assert_close(network(graph(joined(shuffled))), network(graph(molecules)), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("which", NETWORKS)
def test_a_batch_is_its_molecules_alone(rows, tiny, which):
    network, molecules = network_of(which), joined([rows.molecules.take([3, 77, 200]), tiny])
    alone = torch.cat([network(graph(molecules.take([row]))) for row in range(len(molecules))])
    assert alone.shape == (len(molecules),)
    torch.testing.assert_close(network(graph(molecules)), alone, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("which", NETWORKS)
def test_atoms_make_up_the_molecule(rows, which):
    network, batch = network_of(which), graph(rows.molecules.take([5, 60]))
    parts = network.atoms(batch)
    assert len(network.states(batch)) == 4
    for row, total in enumerate(network(batch)):
        mine = parts[batch.molecule == row]
        torch.testing.assert_close(mine.mean() if which == "mean" else mine.sum(), total)


# --- molecules with few edges -------------------------------------------------------------------------------


@pytest.mark.parametrize("which", NETWORKS)
def test_an_atom_alone_has_a_value(tiny, which):
    network = network_of(which)
    alone = network(graph(tiny.take([3])))
    assert alone.shape == (1,)
    assert torch.isfinite(alone).all()
    alone.sum().backward()
    assert all(p.grad is None or torch.isfinite(p.grad).all() for p in network.parameters())


def test_atoms_too_far_apart_are_atoms_alone():
    network = network_of("nmp_edge")
    apart = molecule([1, 6], np.array([[0, 0, 0], [0, 0, 50.0]]))
    each = [network(graph(molecule([number], np.zeros((1, 3))))) for number in (1, 6)]
    torch.testing.assert_close(network(graph(apart)), each[0] + each[1])


@pytest.mark.parametrize("which", ["nmp_edge", "nmp_no_edge", "hyper"])
def test_with_an_envelope_an_atom_leaves_without_a_jump(which):
    """H2 of which one atom crosses the cutoff: the value differs from that of two atoms alone by nothing."""
    network = network_of(which)
    pair, apart = (graph(molecule([1, 8], np.array([[0, 0, 0], [0, 0, z]]))) for z in (3.9999, 4.0001))
    assert len(pair.sender) == 2
    assert len(apart.sender) == 0
    assert (network(pair) - network(apart)).abs().item() < 1e-6
    near = graph(molecule([1, 8], np.array([[0, 0, 0], [0, 0, 1.0]])))
    assert (network(near) - network(apart)).abs().item() > 1e-4


# --- equations ----------------------------------------------------------------------------------------------


def test_the_split_edge_update_is_the_one_of_the_joined_vector():
    torch.manual_seed(0)
    update = EdgeUpdate(5, 7).double()
    torch.nn.init.normal_(update.bias)
    state, edge = torch.randn(6, 5, dtype=torch.float64), torch.randn(9, 7, dtype=torch.float64)
    sender, receiver = torch.randint(6, (9,)), torch.randint(6, (9,))
    whole = torch.cat([state[sender], state[receiver], edge], dim=1)
    hidden = torch.log1p(torch.exp(F.linear(whole, update.weight, update.bias))) - math.log(2)
    expected = F.linear(hidden, update.out.weight, update.out.bias)
    torch.testing.assert_close(update(state, edge, sender, receiver), expected, rtol=1e-12, atol=1e-12)


def test_the_whole_network_is_its_equations(tiny):
    """One molecule, atom by atom and edge by edge, from the equations in the module's text."""
    network, batch = (
        network_of("nmp_edge"),
        graph(molecule([8, 1, 1], np.array([[0, 0, 0], [0, 0, 0.96], [0, 0.93, -0.24]]))),
    )

    def ssp(x: torch.Tensor) -> torch.Tensor:
        return torch.log(1 + torch.exp(x)) - math.log(2)

    places, pairs = batch.positions, [(w, v) for v in range(3) for w in range(3) if v != w]
    length = {(w, v): (places[w] - places[v]).norm() for w, v in pairs}
    centres = 0.25 * torch.arange(16, dtype=torch.float64)
    edge = {pair: torch.exp(-((length[pair] - centres) ** 2) / (2 * 0.25**2)) for pair in pairs}
    states = [network.embedding.weight[number] for number in (8, 1, 1)]
    for step in range(3):
        update, message, change = network.edge_updates[step], network.messages[step], network.change.layers[step]
        edge = {
            (w, v): update.out(ssp(F.linear(torch.cat([states[w], states[v], edge[w, v]]), update.weight, update.bias)))
            for w, v in pairs
        }
        sums = [torch.zeros(8, dtype=torch.float64) for _ in range(3)]
        for w, v in pairs:
            gate = ssp(message.gate[2](ssp(message.gate[0](edge[w, v]))))
            share = 0.5 * (torch.cos(math.pi * length[w, v] / 4.0) + 1)
            sums[v] = sums[v] + message.project.weight @ states[w] * gate * share
        states = [state + change[2](ssp(change[0](total))) for state, total in zip(states, sums, strict=True)]
    parts = torch.stack([network.readout[2](ssp(network.readout[0](state)))[0] for state in states])
    torch.testing.assert_close(network.atoms(batch), parts, rtol=1e-9, atol=1e-10)


@given(st.floats(-200, 200))
def test_the_shifted_softplus_is_its_formula(x):
    expected = np.logaddexp(0, x) - math.log(2)
    assert shifted_softplus(torch.tensor(x, dtype=torch.float64)).item() == pytest.approx(expected, rel=1e-8, abs=1e-8)


@settings(max_examples=50)
@given(st.lists(st.floats(0.3, 15), min_size=1, max_size=5))
def test_gaussians_are_their_formula(distances):
    d = np.array(distances)
    expected = np.exp(-((d[:, None] - 0.1 * np.arange(150)) ** 2) / (2 * 0.1**2))
    made = Gaussians(15.0, 0.1)(torch.from_numpy(d)).numpy()
    np.testing.assert_allclose(made, expected, rtol=1e-9, atol=1e-20)


@pytest.mark.parametrize("which", NETWORKS)
def test_the_gradient_of_the_positions(tiny, which):
    network, batch = network_of(which), graph(tiny.take([0, 2]))
    positions = batch.positions.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda places: network(batch._replace(positions=places)), (positions,))


def test_forces_add_up_to_nothing(rows):
    network, batch = network_of("nmp_edge"), graph(rows.molecules.take([250]))
    positions = batch.positions.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(network(batch._replace(positions=positions)).sum(), positions)
    torch.testing.assert_close(gradient.sum(dim=0), torch.zeros(3, dtype=torch.float64), rtol=0, atol=1e-12)
    torque = torch.linalg.cross(batch.positions, gradient).sum(dim=0)
    torch.testing.assert_close(torque, torch.zeros(3, dtype=torch.float64), rtol=0, atol=1e-10)


def test_a_readout_of_zero_gives_zero(rows):
    network = network_of("nmp_edge")
    for parameter in network.readout[2].parameters():
        torch.nn.init.zeros_(parameter)
    assert (network(graph(rows.molecules.take([9, 99]))) == 0).all()


def test_without_edges_only_the_composition_counts(rows):
    """A cutoff below every bond: no atom hears another."""
    network = network_of("nmp_edge")
    batch = neighbours(rows.molecules, 0.5).batch(np.arange(300)).to("cpu", torch.float64)
    assert len(batch.sender) == 0
    values = network(batch).detach().numpy()
    counts = rows.molecules.composition((1, 6, 7, 8, 9))
    fitted = counts @ np.linalg.lstsq(counts, values, rcond=None)[0]
    np.testing.assert_allclose(fitted, values, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("which", NETWORKS)
def test_mixed_precision_trains_and_adds_up_in_full_precision(rows, which):
    network, batch = network_of(which).float(), neighbours(rows.molecules, 4.0).batch(np.arange(200, 230))
    expected = network(batch)
    with torch.autocast("cpu", torch.bfloat16):
        made = network(batch)
    assert made.dtype == torch.float32
    # A product of bfloat16 numbers is exact to 2^-8 of them; some tens follow each other.
    torch.testing.assert_close(made, expected, rtol=0.1, atol=0.1 * expected.abs().max().item())
    made.sum().backward()
    assert all(p.grad is None or torch.isfinite(p.grad).all() for p in network.parameters())


# --- sizes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("channels", "plain", "hyper"), [(64, 181_825, 1_217_730), (256, 2_570_497, 6_394_626)])
def test_there_are_as_many_parameters_as_in_others_code(channels, plain, hyper):
    """150 Gaussians, three rounds; counted on msgnet and on a third party's hypernetwork."""
    sizes = Sizes(channels, 3, 15.0, 0.1, envelope=False, edge_update=True, average=False)
    with without_weights():
        assert count_parameters(nmp_edge(sizes)) == plain
        change = GeneratedChange(channels, 3, 64, 3, 128, None, False, "hyperfan", "tanh")
        assert count_parameters(hyper_message_passing(sizes, change)) == hyper


def test_embeddings_start_with_the_published_width():
    weight = nmp_edge(SIZES._replace(channels=256)).embedding.weight
    assert weight.std().item() == pytest.approx(256**-0.25, rel=0.03)
