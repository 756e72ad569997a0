from __future__ import annotations

import numpy as np
import torch

from hypernet.shapes.core.decoder import field_of_network, functional_decoder, logits_on
from hypernet.shapes.core.frames import INNER, grid
from hypernet.shapes.core.voxel_field import trilinear


def test_the_papers_network_has_4546_weights_in_18_tensors():
    network = functional_decoder()
    assert network.parameter_count == 4546
    shapes = [part.shape for part in network.parts]
    assert shapes == [(3, 32), (32,), (32,), *[(32, 32), (32,), (32,)] * 4, (32, 1), (1,), (1,)]
    assert network.multiply_adds == 3 * 32 + 4 * 32 * 32 + 32


def test_a_network_with_hand_set_weights_gives_x():
    """The first layer picks x, the others pass it on: ELU leaves what is positive as it is."""
    network = functional_decoder(8, 4)
    theta = torch.zeros(network.parameter_count)
    parts = {part.name: part for part in network.parts}
    for layer in range(4):
        weight = torch.zeros(parts[f"{layer}.weight"].shape)
        weight[0, 0] = 1
        theta[parts[f"{layer}.weight"].span] = weight.flatten()
    points = torch.rand(1, 50, 3)
    torch.testing.assert_close(network(points, theta[None])[..., 0], points[..., 0])
    # The gain multiplies before the bias is added.
    theta[parts["3.gain"].span], theta[parts["3.bias"].span] = 1.0, 5.0
    torch.testing.assert_close(network(points, theta[None])[..., 0], 2 * points[..., 0] + 5)


def test_blocks_of_points_give_what_all_at_once_give():
    points = np.random.default_rng(0).uniform(-1, 1, (3, 20_000, 3))
    values = logits_on(lambda piece: (piece**2).sum(dim=-1) - 0.5, points)
    assert values.shape == (3, 20_000)
    np.testing.assert_allclose(values, (points**2).sum(axis=-1) - 0.5, atol=1e-6)
    assert logits_on(lambda piece: piece[..., 0], np.zeros((0, 3))).shape == (0,)


def test_an_exported_network_is_a_field():
    torch.manual_seed(0)
    network = functional_decoder()
    theta = network.ordinary()
    points = np.random.default_rng(1).uniform(-1, 1, (100, 3)).astype(np.float32)
    expected = network(torch.from_numpy(points)[None], theta[None])[0, :, 0].numpy()
    np.testing.assert_allclose(field_of_network(network.export(theta))(points), expected, atol=1e-6)


def test_between_voxels_a_field_is_linear():
    def plane(points):
        return points @ np.array([0.3, -0.2, 0.5]) + 0.05

    field = trilinear(plane(grid(32)))
    points = np.random.default_rng(2).uniform(-1, 1, (500, 3)) * INNER * 31 / 32
    np.testing.assert_allclose(field(points), plane(points), atol=1e-5)
    assert (field(np.array([[1.0, 1.0, 1.0], [0.0, -1.5, 0.0]])) < 0).all(), "outside of the grid nothing is inside"
