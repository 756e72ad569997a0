"""The generated function against a loop of ordinary layers, its gradients, and its start."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch.nn import functional as F

from hypernet.superres.core.grids import as_points, axes
from hypernet.superres.model import HIDDEN_LAYERS, GeneratedImage, head_parameters


@pytest.fixture
def network() -> GeneratedImage:
    torch.manual_seed(0)
    return GeneratedImage(32, 4, 16, 1.0)


def loop_of_layers(network: GeneratedImage, theta: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
    """Every image by itself: θ holds weight [in, out] row by row, then bias, layer after layer."""
    widths = (18, 16, 16, 1)
    values = []
    for weights in theta:
        hidden, start = network.features(points), 0
        for layer, (fan_in, fan_out) in enumerate(itertools.pairwise(widths)):
            weight = weights[start : start + fan_in * fan_out].reshape(fan_in, fan_out)
            bias = weights[start + fan_in * fan_out : start + fan_in * fan_out + fan_out]
            start += (fan_in + 1) * fan_out
            hidden = F.linear(hidden, weight.T, bias)
            if layer < HIDDEN_LAYERS:
                hidden = hidden.relu()
        assert start == len(weights)
        values.append(hidden[:, 0])
    return torch.stack(values)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-10)])
def test_it_is_a_loop_of_ordinary_layers(network, dtype, tolerance):
    network = network.to(dtype)
    rows, columns = (axis.to(dtype) for axis in axes(9, 13))
    low = torch.rand(5, 8, 8, dtype=dtype)
    theta, points = network.encode(low), as_points(rows, columns)
    expected = loop_of_layers(network, theta, points)
    torch.testing.assert_close(network.at(theta, points.expand(5, -1, -1)), expected, atol=tolerance, rtol=tolerance)
    torch.testing.assert_close(
        network.on_grid(theta, rows, columns).flatten(1), expected, atol=tolerance, rtol=tolerance
    )


def test_a_function_that_passes_x_on_gives_the_columns():
    network = GeneratedImage(8, 4, 2, 1.0)
    theta = {part.name: torch.zeros(part.shape) for part in network.network.parts}
    theta["0.weight"][1] = torch.tensor([1.0, -1.0])
    theta["1.weight"] = torch.eye(2)
    theta["2.weight"][:, 0] = torch.tensor([1.0, -1.0])
    state = torch.cat([theta[part.name].flatten() for part in network.network.parts])[None]
    rows, columns = axes(6, 10)
    assert torch.equal(network.on_grid(state, rows, columns)[0], columns.expand(6, -1))


def test_gradients_are_those_of_finite_differences():
    torch.manual_seed(1)
    network = GeneratedImage(6, 2, 4, 1.0).double()
    points, low = torch.rand(2, 5, 2, dtype=torch.float64) * 2 - 1, torch.rand(2, 8, 8, dtype=torch.float64)
    assert torch.autograd.gradcheck(
        lambda weight, bias: network.at(F.linear(network.encoder(low), weight, bias), points),
        (network.heads.weight.detach().requires_grad_(), network.heads.bias.detach().requires_grad_()),
    )


def test_the_heads_start_at_half_of_the_protocol_s_size():
    """Spread 0.5 sqrt(2 / d) sqrt(2 / in) of what writes weights, around weights of variance 2 / in."""
    torch.manual_seed(0)
    size = 64
    network = GeneratedImage(size, 4, 64, 1.0)
    for part in network.network.parts[:-2]:
        if part.role == "weight":
            heads, base = network.heads.weight[part.span], network.heads.bias[part.span]
            assert float(heads.detach().std()) == pytest.approx(
                0.5 * (2 / size) ** 0.5 * (2 / part.fan_in) ** 0.5, rel=0.02
            )
            assert float(base.detach().std()) == pytest.approx((2 / part.fan_in) ** 0.5, rel=0.06)
        else:
            assert not network.heads.bias[part.span].any()


def test_sizes_are_those_of_the_protocol(network):
    whole = GeneratedImage(256, 4, 16, 1.0)
    assert whole.network.parameter_count == 593
    assert sum(parameter.numel() for parameter in whole.parameters()) == 536_337
    beside = sum(parameter.numel() for parameter in whole.heads.parameters())
    assert beside == head_parameters(256, 18, 16)
    assert GeneratedImage(256, 4, 32, 1.0).network.parameter_count == 1_697


def test_an_image_is_the_same_alone_and_among_others_and_small_images_may_be_of_any_shape(network):
    low = torch.rand(4, 8, 16)
    torch.testing.assert_close(network.encode(low)[1:2], network.encode(low[1:2]), atol=1e-6, rtol=1e-5)
