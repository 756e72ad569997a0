"""The map of a personal style: its normalisations, and the one quadratic map that they become."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hypernet.retouch.baselines.styles import NORMALISATIONS, StyleMaps
from hypernet.retouch.core.colour_map import monomials
from hypernet.retouch.core.statistics import STATISTICS, statistics


def thumbnails(count=3, seed=0, size=16):
    random = np.random.default_rng(seed)
    least, span = random.uniform(0, 0.3, (2, count, 3, 1, 1))
    return torch.from_numpy(least + (span + 0.3) * random.random((count, 3, size, size))).float()


@pytest.mark.parametrize("name", NORMALISATIONS)
def test_an_expansion_is_the_normalisation_before_the_monomials(name):
    images = thumbnails()
    gains, offsets = (part.double().numpy()[:, None] for part in NORMALISATIONS[name](images.double()))
    colours = np.random.default_rng(1).random((3, 20, 3))
    expansion = StyleMaps([name]).expansions(images)[:, 0].numpy()
    np.testing.assert_allclose(monomials(colours) @ expansion.mT, monomials(gains * colours + offsets), atol=1e-10)


def test_normalisations_do_what_they_say():
    images = thumbnails().double()

    def after(name):
        gains, offsets = NORMALISATIONS[name](images)
        return (images * gains[..., None, None] + offsets[..., None, None]).flatten(2), gains

    full, _ = after("levels")
    torch.testing.assert_close(full.amin(dim=2), torch.zeros(3, 3).double())
    torch.testing.assert_close(full.amax(dim=2), torch.ones(3, 3).double())
    luma, gains = after("luma_levels")
    weights = torch.tensor([0.2126, 0.7152, 0.0722]).double()
    together = torch.tensordot(luma, weights, dims=([1], [0]))
    torch.testing.assert_close(together.amin(dim=1), torch.zeros(3).double(), atol=1e-7, rtol=0)
    torch.testing.assert_close(together.amax(dim=1), torch.ones(3).double(), atol=1e-7, rtol=0)
    assert (gains == gains[:, :1]).all()
    middle, _ = after("middle")
    torch.testing.assert_close(middle.mean(dim=2), (images.flatten(2).mean(dim=2) + 0.45) / 2)
    torch.testing.assert_close(middle.std(dim=2, correction=0), (images.flatten(2).std(dim=2, correction=0) + 0.22) / 2)
    unchanged, _ = after("none")
    assert torch.equal(unchanged, images.flatten(2))


@given(st.floats(0, 1), st.floats(0, 0.2))
def test_a_flat_picture_has_finite_maps(level, contrast):
    flat = (level + contrast * thumbnails(1) / 2).clamp(0, 1)
    style = StyleMaps(list(NORMALISATIONS))
    style.bias[:] = torch.randn(style.bias.shape, generator=torch.Generator().manual_seed(0))
    assert torch.isfinite(style.matrix(flat)).all()


def test_the_map_is_the_sum_of_its_parts():
    generator = torch.Generator().manual_seed(3)
    style = StyleMaps(["levels", "none"])
    style.weight[:] = torch.randn(style.weight.shape, generator=generator) / 10
    style.bias[:] = torch.randn(style.bias.shape, generator=generator)
    images = thumbnails(2)
    made = style(images, images).numpy()
    given_numbers = statistics(images).double().numpy()
    for place in range(2):
        colours = images[place].double().numpy().reshape(3, -1).T
        stretched = (colours - colours.min(axis=0)) / np.ptp(colours, axis=0)
        written = (style.weight.double().numpy() @ given_numbers[place] + style.bias.double().numpy()).reshape(2, 3, 10)
        expected = monomials(stretched) @ written[0].T + monomials(colours) @ written[1].T
        np.testing.assert_allclose(made[place].reshape(3, -1).T, expected, atol=2e-4)


def test_a_strange_photograph_is_taken_as_the_nearest_known():
    style = StyleMaps(["none"])
    style.weight[:] = 1.0
    style.least[:], style.largest[:] = -0.1, 0.1
    dark = torch.zeros(1, 3, 16, 16)
    torch.testing.assert_close(style.matrix(dark), torch.full((1, 3, 10), -0.1 * STATISTICS), atol=1e-5, rtol=0)


@pytest.mark.parametrize("names", [[], ["none", "none"], ["curves"]])
def test_unknown_normalisations_are_refused(names):
    with pytest.raises(ValueError, match="accepted: none, levels"):
        StyleMaps(names)
