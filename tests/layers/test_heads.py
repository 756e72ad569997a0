"""The forms of the heads against their definitions: low rank, and the factored network without θ."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from hypernet.layers import FunctionalMLP, Generated, GeneratedGRU, WeightHeads


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def test_a_low_rank_part_is_the_base_and_a_product():
    unit = GeneratedGRU(5, 8)
    heads = WeightHeads(6, unit, start="ordinary", generated_share=0.3, rank={"hidden": 2}).double()
    features = torch.randn(4, 6, dtype=torch.float64)
    written = features @ heads.weight.T + heads.bias
    sizes = [5 * 24, 2 * (8 + 24), 24, 24]
    whole, factors, *biases = written.split(sizes, dim=1)
    for b, theta in enumerate(heads(features)):
        left, right = factors[b, :16].view(8, 2), factors[b, 16:].view(2, 24)
        expected = [whole[b], (heads.base.view(8, 24) + left @ right).flatten(), *(bias[b] for bias in biases)]
        torch.testing.assert_close(theta, torch.cat(expected))


def test_a_low_rank_start_is_an_ordinary_unit_with_small_differences():
    unit = GeneratedGRU(5, 8)
    heads = WeightHeads(6, unit, start="ordinary", generated_share=0.01, rank=2)
    assert heads.ranks == {"input": 2, "hidden": 2}
    assert sum(parameter.numel() for parameter in heads.parameters()) < sum(
        parameter.numel() for parameter in WeightHeads(6, unit).parameters()
    )
    theta = heads(torch.randn(200, 6)).detach()
    for part in unit.parts:
        deviation = theta[:, part.span] - theta[:, part.span].mean(dim=0)
        assert deviation.square().mean() == pytest.approx(0.01 * part.variance, rel=0.5), part.name
    differences = WeightHeads(6, unit, start="zero", rank=2)
    assert (differences(torch.randn(3, 6)).std(dim=0) == 0).all()


def test_one_rank_for_all_leaves_out_what_it_would_enlarge():
    heads = WeightHeads(6, FunctionalMLP((2, 64, 64, 1), nn.ReLU()), rank=4)
    assert heads.ranks == {"1.weight": 4}


def test_low_rank_parts_are_not_written_in_chunks():
    heads = WeightHeads(6, GeneratedGRU(5, 8), rank=2)
    with pytest.raises(ValueError, match="low rank"):
        heads.emit(torch.randn(3, 6), slice(0, 3))


@settings(deadline=None, max_examples=40)
@given(
    widths=st.lists(st.integers(1, 9), min_size=2, max_size=4),
    samples=st.integers(1, 5),
    points=st.integers(1, 4),
    count=st.integers(1, 6),
    bias=st.booleans(),
    gain=st.booleans(),
    double=st.booleans(),
)
def test_the_factored_form_is_the_whole_one(widths, samples, points, count, bias, gain, double):
    dtype = torch.float64 if double else torch.float32
    network = FunctionalMLP(widths, nn.Tanh(), bias=bias, gain=gain, output_activation=nn.Tanh())
    heads = WeightHeads(count, network, generated_share=0.5).to(dtype)
    if gain:
        nn.init.normal_(heads.weight, std=0.3)  # gains start at zero: give them something to do
    features = torch.randn(samples, count, dtype=dtype, requires_grad=True)
    inputs = torch.randn(samples, points, widths[0], dtype=dtype)
    results = [heads.run(network, inputs, features, form) for form in ("whole", "factored", "auto")]
    tolerance = {"rtol": 1e-10, "atol": 1e-12} if double else {"rtol": 1e-5, "atol": 1e-6}
    cotangent = torch.randn_like(results[0])
    gradients = [
        torch.autograd.grad(result, (features, heads.weight, heads.bias), cotangent, retain_graph=True)
        for result in results
    ]
    for result, gradient in zip(results[1:], gradients[1:], strict=True):
        torch.testing.assert_close(result, results[0], **tolerance)
        for ours, theirs in zip(gradient, gradients[0], strict=True):
            torch.testing.assert_close(ours, theirs, **{name: 10 * value for name, value in tolerance.items()})


def test_the_form_that_holds_fewer_numbers_is_chosen(monkeypatch):
    network = FunctionalMLP((64, 128, 64), nn.Tanh(), bias=False)
    heads = WeightHeads(64, network)
    written = []
    monkeypatch.setattr(
        WeightHeads,
        "forward",
        lambda self, features: written.append(len(features)) or torch.zeros(len(features), 16384),
    )
    heads.run(network, torch.rand(5, 1, 64), torch.rand(5, 64))
    assert written == []
    heads.run(network, torch.rand(5, 9, 64), torch.rand(5, 64))
    assert written == [5]


def test_the_factored_form_refuses_what_it_cannot_do():
    network = FunctionalMLP((8, 8), nn.Tanh())
    with pytest.raises(ValueError, match="whole parts with the samples first"):
        WeightHeads(4, network, rank=1).run(network, torch.rand(2, 1, 8), torch.rand(2, 4), "factored")
    with pytest.raises(ValueError, match="another network"):
        WeightHeads(4, network).run(FunctionalMLP((8, 9), nn.Tanh()), torch.rand(2, 1, 8), torch.rand(2, 4))


# --- without a shared base ----------------------------------------------------------------------------------


@pytest.mark.parametrize("samples_last", [False, True])
def test_without_a_base_the_weights_are_linear_in_the_features(samples_last):
    heads = WeightHeads(6, GeneratedGRU(5, 8), samples_last=samples_last, shared_base=False).double()
    assert heads.bias is None
    assert [name for name, _ in heads.named_parameters()] == ["weight"]
    features = torch.randn(6, 4, dtype=torch.float64)
    expected = torch.einsum("mf,fb->mb", heads.weight, features)
    theta = heads(features) if samples_last else heads(features.T).T
    torch.testing.assert_close(theta, expected)
    chunk = heads.emit(features, slice(3, 9)) if samples_last else heads.emit(features.T, slice(3, 9)).T
    torch.testing.assert_close(chunk, expected[3:9])


def test_without_a_base_the_factored_form_is_the_whole_one():
    network = FunctionalMLP((5, 7, 3), nn.Tanh(), gain=True)
    heads = WeightHeads(4, network, shared_base=False).double()
    nn.init.normal_(heads.weight, std=0.3)
    inputs, features = torch.randn(3, 2, 5, dtype=torch.float64), torch.randn(3, 4, dtype=torch.float64)
    whole, factored = (heads.run(network, inputs, features, form) for form in ("whole", "factored"))
    torch.testing.assert_close(factored, whole)


def test_without_a_base_every_part_starts_with_its_variance():
    """By statistics: the variance over draws within five standard errors, √2 / √count of it for normal numbers."""
    unit, draws = GeneratedGRU(6, 16), 40
    features = 0.5 * (torch.randint(0, 2, (32, 1)) * 2.0 - 1)
    written = torch.cat(
        [
            WeightHeads(32, unit, feature_mean_square=0.25, samples_last=True, shared_base=False)(features)
            for _ in range(draws)
        ],
        dim=1,
    ).detach()
    for part in unit.parts:
        square = written[part.span].square().mean() / part.variance
        assert abs(square - 1) < 5 * (2 / (part.size * draws)) ** 0.5, part.name


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"start": "ordinary"}, "got start='ordinary'"),
        ({"start": "zero"}, "got start='zero'"),
        ({"generated_share": 0.5}, "generated_share=0.5"),
        ({"rank": 2}, "'hidden': 2"),
    ],
)
def test_what_needs_a_base_is_refused_without_one(options, problem):
    with pytest.raises(ValueError, match="shared_base=False goes with start='hyperfan'") as caught:
        WeightHeads(6, GeneratedGRU(5, 8), shared_base=False, **options)
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_part_that_starts_around_another_value_needs_a_base():
    network = Generated(nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4)))
    with pytest.raises(ValueError, match=r"parts that start elsewhere: 1\.weight"):
        WeightHeads(6, network, shared_base=False)
