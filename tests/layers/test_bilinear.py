"""The generated linear layer without its weights, against the sum that it stands for."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hypernet.layers import bilinear as module
from hypernet.layers.bilinear import bilinear

size = st.integers(1, 6)


def arguments(samples: int, points: int, inputs: int, outputs: int, count: int) -> tuple[torch.Tensor, ...]:
    """x, e and H in double precision, with gradients."""
    shapes = ((samples, points, inputs), (samples, count), (inputs * outputs, count))
    return tuple(torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes)


@given(size, size, size, size, size)
def test_it_is_the_sum(samples, points, inputs, outputs, count):
    x, e, weight = arguments(samples, points, inputs, outputs, count)
    expected = torch.einsum("bpi,bk,iok->bpo", x, e, weight.view(inputs, outputs, count))
    result = bilinear(x, e, weight)
    torch.testing.assert_close(result, expected, rtol=1e-12, atol=1e-13)
    along = torch.randn_like(expected)
    ours = torch.autograd.grad(result, (x, e, weight), along)
    theirs = torch.autograd.grad(expected, (x, e, weight), along)
    for gradient, wanted in zip(ours, theirs, strict=True):
        torch.testing.assert_close(gradient, wanted, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(("inputs", "outputs"), [(3, 5), (5, 3), (4, 4)])
def test_in_pieces_it_is_the_same(monkeypatch, inputs, outputs):
    x, e, weight = arguments(7, 2, inputs, outputs, 4)
    whole = bilinear(x, e, weight)
    monkeypatch.setattr(module, "IN_CACHE", 2 * 2 * 3 * 4)
    for kept in (module.KEPT, 1):
        monkeypatch.setattr(module, "KEPT", kept)
        pieces = bilinear(x, e, weight)
        torch.testing.assert_close(pieces, whole)
        assert torch.autograd.gradcheck(bilinear, (x, e, weight))


@pytest.mark.parametrize(("inputs", "outputs"), [(3, 5), (5, 3)])
def test_some_arguments_without_gradients(inputs, outputs):
    for needed in range(3):
        values = [value.detach() for value in arguments(4, 2, inputs, outputs, 3)]
        values[needed].requires_grad_()
        assert torch.autograd.gradcheck(bilinear, values)


@pytest.mark.parametrize(("inputs", "outputs"), [(3, 5), (5, 3)])
def test_mixed_precision_runs_both_ways(inputs, outputs):
    x, e, weight = (value.detach().float().requires_grad_() for value in arguments(4, 1, inputs, outputs, 3))
    expected = bilinear(x, e, weight)
    with torch.autocast("cpu", torch.bfloat16):
        result = bilinear(x, e, weight)
    assert result.dtype == torch.bfloat16
    torch.testing.assert_close(result.float(), expected, rtol=0.05, atol=0.1)
    result.float().sum().backward()
    assert x.grad is not None
    assert x.grad.dtype == torch.float32


@pytest.mark.parametrize(("inputs", "outputs"), [(16, 8), (8, 16)])
def test_little_is_kept_for_the_backward_pass(monkeypatch, inputs, outputs):
    """Beside the arguments nothing, where the product is larger than what may be kept."""
    monkeypatch.setattr(module, "KEPT", 1)
    x, e, weight = arguments(50, 1, inputs, outputs, 32)
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor) or tensor, lambda tensor: tensor):
        bilinear(x, e, weight)
    assert {tensor.data_ptr() for tensor in kept} == {x.data_ptr(), e.data_ptr(), weight.data_ptr()}


def test_no_samples_are_no_rows():
    assert bilinear(torch.zeros(0, 1, 3), torch.zeros(0, 2), torch.zeros(15, 2)).shape == (0, 1, 5)
    assert bilinear(torch.zeros(0, 1, 5), torch.zeros(0, 2), torch.zeros(15, 2)).shape == (0, 1, 3)


def test_a_second_derivative_is_refused():
    x, e, weight = arguments(2, 1, 3, 4, 2)
    (gradient,) = torch.autograd.grad(bilinear(x, e, weight).square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()
