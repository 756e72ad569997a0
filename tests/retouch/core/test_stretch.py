"""A map of stretched colours is one of the colours themselves."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hypernet.retouch.core.colour_map import BASES, ColourMap, monomials
from hypernet.retouch.core.functions import GlobalMap
from hypernet.retouch.core.stretch import Expansion, StretchedImages, StretchedMap, stretch_of, stretched

THUMBNAILS = (0.2 + 0.5 * torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))).double()


class Fixed(GlobalMap):
    """The same random map for every image."""

    def __init__(self, basis):
        super().__init__(basis)
        start = ColourMap.identity(basis).matrix
        self.fixed = torch.tensor(start + 0.2 * np.random.default_rng(1).normal(size=start.shape))

    def matrix(self, thumbnails):
        return self.fixed.expand(len(thumbnails), -1, -1)


def test_it_is_pillow_s_autocontrast_of_the_thumbnail():
    from PIL import Image, ImageOps

    levels = np.random.default_rng(0).integers(30, 200, (16, 16, 3)).astype(np.uint8)
    images = torch.from_numpy(levels).permute(2, 0, 1)[None] / 255
    made = stretched(images, *stretch_of(images))[0].permute(1, 2, 0).numpy()
    peer = np.array(ImageOps.autocontrast(Image.fromarray(levels))) / 255
    np.testing.assert_allclose(made, peer, atol=1.01 / 255)


def test_an_image_without_contrast_is_not_blown_up():
    flat = torch.full((1, 3, 8, 8), 0.4)
    gains, offsets = stretch_of(flat)
    assert gains.max() <= 20
    assert float(stretched(flat, gains, offsets).abs().max()) < 1e-5


@pytest.mark.parametrize("basis", BASES)
def test_the_monomials_of_stretched_colours_are_written_in_those_of_the_colours(basis):
    gains, offsets = stretch_of(THUMBNAILS)
    expansion = Expansion(basis).double()(gains, offsets)
    colours = THUMBNAILS.flatten(2).mT
    direct = monomials((colours * gains[:, None] + offsets[:, None]).numpy(), basis)
    through = monomials(colours.numpy(), basis) @ expansion.mT.numpy()
    np.testing.assert_allclose(through, direct, atol=1e-10)


@pytest.mark.parametrize("basis", BASES)
def test_the_map_in_the_image_s_own_colours_is_the_same(basis):
    network = StretchedMap(Fixed(basis)).double()
    images = torch.rand(4, 3, 9, 7, generator=torch.Generator().manual_seed(2)).double()
    with torch.no_grad():
        expected, made = network(images, THUMBNAILS), network.mapped(images, network.matrix(THUMBNAILS))
    np.testing.assert_allclose(made.numpy(), expected.numpy(), atol=1e-9)
    as_image = StretchedImages(Fixed(basis)).double()(images, THUMBNAILS)
    np.testing.assert_allclose(as_image.numpy(), expected.numpy(), atol=1e-9)


def test_gradients_reach_the_thumbnail():
    thumbnails = THUMBNAILS[:1, :, :3, :3].clone().requires_grad_()
    network = StretchedMap(Fixed("quadratic")).double()
    assert torch.autograd.gradcheck(network.matrix, thumbnails)
