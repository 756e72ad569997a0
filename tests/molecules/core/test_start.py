"""The levelled start: sizes are as promised, and nothing but scales was changed."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hypernet.molecules.baselines.nmp_edge import nmp_edge
from hypernet.molecules.core.graphs import neighbours
from hypernet.molecules.core.molecules import molecule
from hypernet.molecules.core.network import Sizes
from hypernet.molecules.core.start import CHANGE, EDGE, MESSAGE, level
from hypernet.molecules.model import DeviatingChange, hyper_message_passing

SIZES = Sizes(channels=16, steps=3, cutoff=4.0, spacing=0.25, envelope=True, edge_update=True, average=False)


def _networks(sizes):
    return {
        "plain": nmp_edge(sizes),
        "deviating": hyper_message_passing(sizes, DeviatingChange(16, 3, 4, 2, None, 0.1)),
    }


@pytest.mark.parametrize("name", ["plain", "deviating"])
@pytest.mark.parametrize("edge_update", [True, False])
def test_what_comes_out_of_each_layer_has_the_wanted_size(rows, name, edge_update):
    torch.manual_seed(0)
    network = _networks(SIZES._replace(edge_update=edge_update))[name]
    batch = neighbours(rows.molecules, 4.0).batch(np.arange(40))
    level(network, batch)
    sizes: dict[str, list[float]] = {"edge": [], "message": [], "change": []}

    def noted(entry: str):
        return lambda module, given, made: sizes[entry].append(float(made.square().mean().sqrt()))

    for message in network.messages:
        message.register_forward_hook(noted("message"))
    for update in network.edge_updates:
        update.register_forward_hook(noted("edge"))
    network.change.register_forward_hook(noted("change"))
    with torch.no_grad():
        network(batch)
    # A bias that is written for each atom keeps its size.
    near = 1e-4 if name == "plain" else 0.2
    assert sizes["message"] == pytest.approx([MESSAGE] * 3, rel=near)
    assert sizes["change"] == pytest.approx([CHANGE] * 3, rel=near)
    # The last edge state may be computed within its message.
    assert all(size == pytest.approx(EDGE, rel=near) for size in sizes["edge"])


def test_only_scales_change():
    torch.manual_seed(1)
    network = nmp_edge(SIZES)
    before = {name: weights.clone() for name, weights in network.state_dict().items()}
    water = molecule([8, 1, 1], np.array([[0, 0, 0.119], [0, 0.763, -0.477], [0, -0.763, -0.477]]))
    level(network, neighbours(water, 4.0).batch(np.array([0])))
    for name, weights in network.state_dict().items():
        if before[name].abs().sum() == 0:
            assert weights.abs().sum() == 0
            continue
        ratio = (weights * before[name]).sum() / before[name].square().sum()
        torch.testing.assert_close(weights, ratio * before[name])
        assert ratio > 0


def test_atoms_alone_leave_the_start_as_it_was():
    torch.manual_seed(2)
    network = nmp_edge(SIZES)
    before = network.edge_updates[0].out.weight.clone()
    level(network, neighbours(molecule([2], np.zeros((1, 3))), 4.0).batch(np.array([0])))
    assert all(torch.isfinite(weights).all() for weights in network.state_dict().values())
    torch.testing.assert_close(network.edge_updates[0].out.weight, before)
