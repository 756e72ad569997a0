"""Outputs brought towards their small images."""

from __future__ import annotations

import torch

from hypernet.superres.core.grids import axes
from hypernet.superres.core.metrics import consistency
from hypernet.superres.core.projection import back_projected, projected_state
from hypernet.superres.model import GeneratedImage


def test_back_projection_is_exact_and_moves_nothing_else():
    images, low = torch.rand(2, 32, 32), torch.rand(2, 8, 16)
    made = back_projected(images, low)
    torch.testing.assert_close(torch.nn.functional.avg_pool2d(made[:, None], (4, 2))[:, 0], low)
    change = (made - images).unflatten(1, (8, 4)).unflatten(3, (16, 2))
    torch.testing.assert_close(change, change[:, :, :1, :, :1].expand_as(change), atol=1e-6, rtol=0)


def test_projected_states_agree_better_and_each_image_is_by_itself():
    torch.manual_seed(0)
    network, low = GeneratedImage(16, 2, 8, 1.0), torch.rand(3, 8, 8)
    before = consistency(network.on_grid(network.encode(low), *axes(32, 32)), low)
    weights = [parameter.clone() for parameter in network.parameters()]
    state = projected_state(network, low, (32, 32), 30, 0.03)
    after = consistency(network.on_grid(state, *axes(32, 32)), low)
    assert (after > before + 1).all()
    alone = projected_state(network, low[1:2], (32, 32), 30, 0.03)
    torch.testing.assert_close(state[1:2], alone, atol=1e-4, rtol=1e-3)
    assert all(torch.equal(a, b) for a, b in zip(weights, network.parameters(), strict=True))
