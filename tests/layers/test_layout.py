"""Every number of the flat vector belongs to exactly one weight, bias or gain; chunks reassemble it."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from hypernet.layers.heads import WeightHeads
from hypernet.layers.layout import Layout
from hypernet.layers.mlp import FunctionalMLP


def layout_of(widths, **options):
    return FunctionalMLP(widths, nn.Tanh(), **options).layout


widths = st.lists(st.integers(1, 7), min_size=2, max_size=6)


@settings(deadline=None)
@given(widths=widths, bias=st.booleans(), gain=st.booleans())
def test_every_parameter_is_used_exactly_once(widths, bias, gain):
    layout = layout_of(widths, bias=bias, gain=gain)
    tensors = layout.split(torch.arange(2 * layout.size).reshape(2, layout.size))
    used = torch.cat([tensor.flatten(1) for tensor in tensors.values()], dim=1)
    assert used.sort(dim=1).values.tolist() == [
        list(range(layout.size)),
        list(range(layout.size, 2 * layout.size)),
    ]
    assert layout.size == sum(fan_in * fan_out + (bias + gain) * fan_out for fan_in, fan_out in pairwise(widths))


@settings(deadline=None)
@given(widths=widths, bias=st.booleans(), gain=st.booleans())
def test_parts_say_where_their_tensors_stand(widths, bias, gain):
    layout = layout_of(widths, bias=bias, gain=gain)
    vector = torch.arange(layout.size)
    tensors = layout.split(vector.unsqueeze(0))
    assert list(tensors) == [part.name for part in layout.parts]
    for part in layout.parts:
        assert tensors[part.name][0].tolist() == vector[part.span].reshape(part.shape).tolist()


def test_order_is_weight_by_rows_then_bias_then_gain():
    layer = layout_of((2, 3), gain=True).split(torch.arange(12).unsqueeze(0))
    assert layer["0.weight"].tolist() == [[[0, 1, 2], [3, 4, 5]]]
    assert layer["0.bias"].tolist() == [[6, 7, 8]]
    assert layer["0.gain"].tolist() == [[9, 10, 11]]


@settings(deadline=None)
@given(widths=widths, bias=st.booleans(), gain=st.booleans(), seed=st.integers(0, 2**16))
def test_every_parameter_changes_the_output(widths, bias, gain, seed):
    network = FunctionalMLP(widths, nn.Tanh(), bias=bias, gain=gain).double()
    generator = torch.Generator().manual_seed(seed)
    parameters = torch.rand(1, network.parameter_count, generator=generator, dtype=torch.float64) * 0.5 + 0.1
    points = torch.rand(1, 3, widths[0], generator=generator, dtype=torch.float64) * 0.5 + 0.1
    parameters.requires_grad_()
    (gradient,) = torch.autograd.grad(network(points, parameters).sum(), parameters)
    assert (gradient != 0).all()


@settings(deadline=None, max_examples=40)
@given(widths=widths, chunk_size=st.integers(1, 60), seed=st.integers(0, 2**16))
def test_chunks_reassemble(widths, chunk_size, seed):
    torch.manual_seed(seed)
    network = FunctionalMLP(widths, nn.ReLU(), gain=True)
    heads = WeightHeads(5, network).double()
    features = torch.randn(3, 5, dtype=torch.float64, requires_grad=True)
    chunks = network.layout.chunks(chunk_size)
    emitted = [heads.emit(features, chunk) for chunk in chunks]
    assert (chunks[0].start, chunks[-1].stop) == (0, network.parameter_count)
    assert all(1 <= piece.shape[1] <= chunk_size for piece in emitted)
    ours, whole = torch.cat(emitted, dim=1), heads(features)
    torch.testing.assert_close(ours, whole, rtol=0, atol=1e-12)
    cotangent = torch.randn_like(whole)
    inputs = [features, *heads.parameters()]
    torch.testing.assert_close(
        torch.autograd.grad(ours, inputs, cotangent), torch.autograd.grad(whole, inputs, cotangent)
    )


def test_network_of_the_papers_writes_the_published_number_of_weights():
    # Deep Meta Functionals, width 32: 4,546 numbers; the image function of width 16: 593.
    shape = layout_of((3, 32, 32, 32, 32, 32, 1), gain=True)
    image = layout_of((18, 16, 16, 1))
    assert (shape.size, image.size) == (4546, 593)


@pytest.mark.parametrize("widths", [[], [3], [3, 0, 1], [3, -2]])
def test_impossible_widths_are_refused(widths):
    with pytest.raises(ValueError, match=r"two or more positive numbers"):
        layout_of(widths)


def test_impossible_chunk_size_is_refused():
    with pytest.raises(ValueError, match="chunk_size must be positive, got 0"):
        layout_of((2, 3)).chunks(0)


@pytest.mark.parametrize("shape", [(9,), (2, 8), (2, 10), (2, 9, 1)])
def test_wrong_parameter_shape_is_refused_naming_both(shape):
    with pytest.raises(ValueError, match=r"shape \[B, 9\].*got \[" + ", ".join(map(str, shape)) + r"\]"):
        layout_of((2, 3)).split(torch.zeros(shape))


def test_a_name_that_stands_twice_and_an_empty_part_are_refused():
    with pytest.raises(ValueError, match="names must differ"):
        Layout([("w", "weight", (2, 3), 2, 1.0), ("w", "bias", (3,), 0, 1.0)])
    with pytest.raises(ValueError, match="every size of w must be positive"):
        Layout([("w", "weight", (2, 0), 2, 1.0)])
