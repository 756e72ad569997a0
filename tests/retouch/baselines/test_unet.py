"""The U-Net: where it starts, images of any size, its continuation of images against numpy's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from hypernet.retouch.baselines.unet import UNet, reflected


@pytest.fixture
def network() -> UNet:
    """With a last layer that is not zero."""
    torch.manual_seed(0)
    network = UNet().double()
    nn.init.normal_(network.out.weight)
    return network


def test_it_has_the_size_of_the_protocol_s():
    assert sum(parameter.numel() for parameter in UNet().parameters()) == pytest.approx(119_000, abs=500)


@pytest.mark.parametrize("size", [(8, 8), (64, 64), (21, 43)])
def test_it_starts_at_the_identity(size):
    images = torch.rand(2, 3, *size)
    assert torch.equal(UNet()(images, images), images)


@pytest.mark.parametrize("size", [(8, 9), (33, 40)])
def test_images_of_a_batch_do_not_see_each_other(network, size):
    images = torch.rand(3, 3, *size, dtype=torch.float64)
    together = network(images, images)
    assert not torch.allclose(together, images, atol=0.01)
    torch.testing.assert_close(together, torch.cat([network(image[None], image[None]) for image in images]))


def test_an_image_is_the_part_of_its_continuation(network):
    images = torch.rand(1, 3, 21, 43, dtype=torch.float64)
    whole = torch.from_numpy(np.pad(images.numpy(), ((0, 0), (0, 0), (0, 3), (0, 5)), mode="reflect"))
    torch.testing.assert_close(network(images, images), network(whole, whole)[..., :21, :43])


@pytest.mark.parametrize(("size", "multiple"), [((8, 9), 8), ((8, 13), 64), ((9, 8), 256)])
def test_continuation_is_numpy_s_reflection(size, multiple):
    images = torch.rand(1, 2, *size)
    sides = [(0, -length % multiple) for length in size]
    expected = np.pad(images.numpy(), ((0, 0), (0, 0), *sides), mode="reflect")
    np.testing.assert_array_equal(reflected(images, multiple).numpy(), expected)


def test_gradients_reach_all_layers(network):
    images = torch.rand(2, 3, 16, 16, dtype=torch.float64)
    network(images, images).square().mean().backward()
    assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in network.parameters())


def test_other_widths():
    images = torch.rand(1, 3, 10, 10)
    network = UNet((4, 8))
    assert len(network.down) == len(network.up) == 2
    assert network(images, images).shape == images.shape
