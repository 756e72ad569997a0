"""The networks: what they start as, how large they are, and what they may not depend on."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hypernet.lab.runs.models import count_parameters
from hypernet.retouch.config import METHODS, NetworkSettings
from hypernet.retouch.core.encoder import DeepEncoder, Encoder
from hypernet.retouch.core.functions import GlobalMap
from hypernet.retouch.core.stretch import stretch_of, stretched
from hypernet.retouch.methods import build
from hypernet.retouch.model import GeneratedMap

IMAGES = torch.rand(3, 3, 40, 56, generator=torch.Generator().manual_seed(0))
THUMBNAILS = torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(1))
# Those that draw the image anew, as published.
REDRAWN = ("pix2pix", "cyclegan")


def networks() -> list[str]:
    return [name for name, method in METHODS.items() if issubclass(method.settings, NetworkSettings)]


@pytest.fixture
def fresh(section):
    def make(method: str):
        torch.manual_seed(0)
        return build(method, section("retouch").settings("train", "photos", method)).eval()

    return make


@pytest.mark.parametrize("method", networks())
def test_it_starts_at_the_stretch_or_at_the_identity_and_keeps_any_size(method, fresh):
    network = fresh(method)
    with torch.no_grad():
        made = network(IMAGES, THUMBNAILS)
    assert made.shape == IMAGES.shape
    if method not in REDRAWN:
        start = IMAGES if method == "hyper_plain" else stretched(IMAGES, *stretch_of(THUMBNAILS))
        if method == "lut3d":
            # A table knows no colours outside [0, 1].
            start = start.clamp(0, 1)
        np.testing.assert_allclose(made.numpy(), start.numpy(), atol=1e-5)


@pytest.mark.parametrize("method", networks())
def test_an_image_is_retouched_the_same_alone_and_among_others(method, fresh):
    network = fresh(method)
    with torch.no_grad():
        for weights in network.parameters():
            weights.add_(0.01 * torch.randn(weights.shape, generator=torch.Generator().manual_seed(2)))
        together = network(IMAGES, THUMBNAILS)
        for row in range(3):
            alone = network(IMAGES[row : row + 1], THUMBNAILS[row : row + 1])
            np.testing.assert_allclose(alone[0].numpy(), together[row].numpy(), atol=2e-5)


def test_the_control_has_as_many_parameters_as_the_hypernetwork(fresh):
    ours, control = (count_parameters(fresh(method)) for method in ("hyper", "pixel_mlp"))
    assert ours == pytest.approx(72_000, rel=0.02)
    assert control == pytest.approx(ours, rel=0.02)


def test_a_map_is_the_same_for_all_pixels_of_an_image(fresh):
    network = fresh("hyper")
    assert isinstance(network, GlobalMap)
    with torch.no_grad():
        network.inner.heads.weight.normal_(std=0.05)
        whole = network(IMAGES, THUMBNAILS)
        corner = network(IMAGES[:, :, 7:20, 11:30], THUMBNAILS)
    # Cropped and then retouched, or the other way.
    np.testing.assert_allclose(corner.numpy(), whole[:, :, 7:20, 11:30].numpy(), atol=1e-6)


def test_the_map_is_what_the_heads_write():
    network = GeneratedMap(Encoder(8, dropout=0.0)).eval()
    with torch.no_grad():
        network.heads.weight.normal_(std=0.1)
        matrix = network.matrix(THUMBNAILS)
        written = network.heads(network.encoder(THUMBNAILS))
    np.testing.assert_array_equal(matrix.flatten(1).numpy(), written.numpy())
    red, green, blue = IMAGES[0].flatten(1)
    features = [red**2, green**2, blue**2, red * green, red * blue, green * blue, red, green, blue, red * 0 + 1]
    expected = matrix[0] @ torch.stack(features)
    with torch.no_grad():
        made = network(IMAGES, THUMBNAILS)[0].flatten(1)
    np.testing.assert_allclose(made.numpy(), expected.numpy(), atol=1e-5)


def test_without_the_statistics_the_encoder_is_convolutions_alone():
    assert count_parameters(Encoder(64)) - count_parameters(Encoder(64, use_statistics=False)) == 27 * 64


def test_the_deep_encoder_is_the_published_classifier_up_to_its_last_layer():
    deep = DeepEncoder(3, side=256)
    # Zeng et al.: 269 thousand weights for three tables; theirs has no ReLU at the end.
    assert count_parameters(deep) == pytest.approx(269_000, rel=0.01)
    assert deep(torch.rand(2, 3, 256, 256)).shape == (2, 3)
