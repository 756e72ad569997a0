"""The faster layers of the convolutional trunk equal torch's own, in the order that is usual."""

import pytest
import torch
from torch import nn

from hypernet.radar.core.trunk import Layer, MaxPooling, Trunk

LAYERS = [Layer(8, 5, 1, 2), Layer(6, 3, 2, 1), Layer(5, 2, 1, 3)]


@pytest.mark.parametrize("width", [2, 3])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_pooling_is_torchs_bit_by_bit_with_its_gradient(width, memory_format):
    # Few different numbers: ties must go to the same pixel.
    maps = torch.randint(-2, 3, (3, 5, 10, 11)).float().to(memory_format=memory_format)
    ours, theirs = maps.clone().requires_grad_(), maps.clone().requires_grad_()
    pooled, expected = MaxPooling(width)(ours), nn.MaxPool2d(width)(theirs)
    assert torch.equal(pooled, expected)
    assert pooled.is_contiguous()
    weight = torch.rand_like(expected)
    pooled.backward(weight)
    expected.backward(weight)
    assert torch.equal(ours.grad, theirs.grad)


def test_features_and_gradients_are_those_of_convolution_relu_and_pooling():
    trunk = Trunk(40, LAYERS, 7).double()
    convolutions = [layer for layer in trunk.convolutions if isinstance(layer, nn.Conv2d)]
    plain = []
    for layer, convolution in zip(LAYERS, convolutions, strict=True):
        plain += [convolution, nn.ReLU(), *([nn.MaxPool2d(layer.pool)] if layer.pool > 1 else [])]
    usual = nn.Sequential(*plain, trunk.features)
    frames = torch.rand(3, 4, 40, 40, dtype=torch.float64)
    weight = torch.rand(3, 7, dtype=torch.float64)
    features, expected = trunk(frames), usual(frames)
    torch.testing.assert_close(features, expected)
    parameters = list(trunk.parameters())
    for ours, theirs in zip(
        torch.autograd.grad((features * weight).sum(), parameters),
        torch.autograd.grad((expected * weight).sum(), parameters),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs)


def test_weights_stand_in_a_model_file_as_ever():
    """Names and layout of the files of this version."""
    state = Trunk(28, [Layer(32, 5, 1, 2), Layer(32, 5, 1, 2)], 256).state_dict()
    assert list(state)[:2] == ["mean", "deviation"]
    assert list(state)[2:] == [
        f"{name}.{part}" for name in ("convolutions.0", "convolutions.3", "features.1") for part in ("weight", "bias")
    ]
    assert all(weights.is_contiguous() for weights in state.values())


def test_the_first_layer_gets_standardised_grey_levels():
    trunk, frames = Trunk(40, LAYERS, 7), torch.rand(3, 4, 40, 40)
    expected = trunk((frames - 0.2) / 0.05)
    trunk.standardise(0.2, 0.05)
    torch.testing.assert_close(trunk(frames), expected)
