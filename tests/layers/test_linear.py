"""The generated layer against torch's own linear layer, sample by sample, and against its equation."""

import pytest
import torch
from torch.nn import functional as F

from hypernet.layers.linear import GeneratedLinear, generated_linear


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def random(*shape):
    return torch.randn(shape, dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize(("batch", "points"), [(4, 7), (1, 7), (4, 1), (0, 7), (4, 0)])
@pytest.mark.parametrize("bias", [True, False])
def test_equals_a_loop_over_samples(batch, points, bias):
    x, weight = random(batch, points, 3), random(batch, 3, 5)
    offset = random(batch, 5) if bias else None
    ours = generated_linear(x, weight, offset)
    assert ours.shape == (batch, points, 5)
    looped = [F.linear(x[b], weight[b].T, offset[b] if bias else None) for b in range(batch)]
    theirs = torch.stack(looped) if batch else ours
    torch.testing.assert_close(ours, theirs)
    inputs, cotangent = [x, weight] + ([offset] if bias else []), torch.randn_like(ours)
    torch.testing.assert_close(
        torch.autograd.grad(ours, inputs, cotangent, retain_graph=True),
        torch.autograd.grad(theirs, inputs, cotangent),
    )


def test_shared_points_can_be_expanded():
    shared, weight, bias = random(7, 3), random(4, 3, 5), random(4, 5)
    ours = generated_linear(shared.expand(4, -1, -1), weight, bias)
    torch.testing.assert_close(ours, torch.einsum("pi,bio->bpo", shared, weight) + bias[:, None])


def test_first_and_second_derivatives():
    arguments = (random(2, 3, 2), random(2, 2, 3), random(2, 3))
    assert torch.autograd.gradcheck(generated_linear, arguments)
    assert torch.autograd.gradgradcheck(generated_linear, arguments)


def test_the_layer_consumes_weight_and_bias():
    layer = GeneratedLinear(3, 5)
    assert layer.parameter_count == 20
    assert GeneratedLinear(3, 5, bias=False).parameter_count == 15
    assert not list(layer.parameters())
    x, parameters = random(4, 7, 3), random(4, 20)
    expected = generated_linear(x, parameters[:, :15].reshape(4, 3, 5), parameters[:, 15:])
    torch.testing.assert_close(layer(x, parameters), expected, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("points", "weight"),
    [((2, 7, 4), (2, 3, 5)), ((3, 7, 3), (2, 3, 5)), ((7, 3), (2, 3, 5)), ((2, 7, 3), (3, 5))],
)
def test_points_that_do_not_fit_are_refused_naming_both_shapes(points, weight):
    with pytest.raises(ValueError, match=r"points .* and weight") as error:
        generated_linear(torch.zeros(points), torch.zeros(weight))
    assert str(list(points)) in str(error.value)
    assert str(list(weight)) in str(error.value)


@pytest.mark.parametrize("bias", [(2, 4), (1, 5), (5,), (2, 5, 1)])
def test_bias_that_does_not_fit_is_refused_naming_both_shapes(bias):
    with pytest.raises(ValueError, match=r"bias.*\[2, 3, 5\]") as error:
        generated_linear(torch.zeros(2, 7, 3), torch.zeros(2, 3, 5), torch.zeros(bias))
    assert str(list(bias)) in str(error.value)
