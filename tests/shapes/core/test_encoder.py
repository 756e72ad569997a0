from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from hypernet.shapes.core.encoder import ImageEmbedding, ResidualEncoder, ResidualUnit, Unit, as_channels, tiled_skip

SMALL = [Unit(4, 2), Unit(8, 1), Unit(8, 2)]


def test_the_shortcut_copies_channel_o_mod_m():
    images = torch.randn(2, 3, 7, 7)
    skipped = tiled_skip(images, 8, 2)
    assert skipped.shape == (2, 8, 4, 4)
    for channel in range(8):
        torch.testing.assert_close(skipped[:, channel], images[:, channel % 3, ::2, ::2], rtol=0, atol=0)


def test_the_shortcut_is_the_identity_where_the_shape_is_kept():
    images = torch.randn(1, 5, 6, 6)
    assert torch.equal(tiled_skip(images, 5, 1), images)


def test_a_unit_is_the_equation():
    unit = ResidualUnit(3, Unit(6, 2))
    images = torch.randn(2, 3, 9, 9)
    inner = F.conv2d(images.clamp_min(0), unit.first.weight, unit.first.bias, stride=2, padding=1)
    expected = torch.cat([images, images], dim=1)[:, :, ::2, ::2] + F.conv2d(
        inner.clamp_min(0), unit.second.weight, unit.second.bias, padding=1
    )
    torch.testing.assert_close(unit(images), expected)


@pytest.mark.parametrize("size", [16, 33, 48])
def test_any_size_of_image_gives_one_embedding(size):
    embed = ImageEmbedding(ResidualEncoder(4, 2, SMALL), 16, 12)
    assert embed(torch.randint(0, 256, (3, size, size, 4), dtype=torch.uint8)).shape == (3, 12)


def test_the_papers_encoder_has_fifteen_units_and_16c_features():
    channels = 4
    blocks = [(1, 1, 2), (2, 2, 4), (4, 4, 8), (8, 8, 16), (16, 16, 16)]
    units = [Unit(channels * width, 2 if place == 0 else 1) for block in blocks for place, width in enumerate(block)]
    encoder = ResidualEncoder(channels, 1, units)
    assert len(encoder.units) == 15
    assert encoder(torch.rand(1, 4, 137, 137)).shape == (1, 16 * channels)


def test_bytes_become_channels_between_0_and_1():
    images = torch.tensor([[[[0, 51, 255, 102]]]], dtype=torch.uint8)
    torch.testing.assert_close(as_channels(images).flatten(), torch.tensor([0, 0.2, 1, 0.4]))
