"""Several generated networks under one θ: each member is what it would be alone."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from hypernet.layers import FunctionalMLP, GeneratedGRU, GeneratedLinear, Joined, WeightHeads

SAMPLES = 3


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.fixture
def members():
    return {"unit": GeneratedGRU(3, 6), "head": GeneratedLinear(6, 2), "deep": FunctionalMLP((6, 5, 1), nn.Tanh())}


@pytest.fixture
def joined(members):
    return Joined(members)


def different(module):
    return torch.stack([module.ordinary() + 0.1 * torch.randn(module.parameter_count) for _ in range(SAMPLES)])


def test_theta_is_the_members_one_after_the_other(joined, members):
    assert list(joined.parameters()) == []
    assert joined.parameter_count == sum(member.parameter_count for member in members.values())
    theta = different(joined)
    pieces = joined.split(theta)
    torch.testing.assert_close(torch.cat(list(pieces.values()), dim=1), theta, rtol=0, atol=0)
    named = joined.layout.split(theta)
    for name, member in members.items():
        for part in member.parts:
            torch.testing.assert_close(
                named[f"{name}.{part.name}"], member.layout.split(pieces[name])[part.name], rtol=0, atol=0
            )
    ends = [0, *(part.span.stop for part in joined.parts)]
    assert [part.span.start for part in joined.parts] == ends[:-1]


def test_pieces_are_views_of_theta(joined):
    theta = different(joined)
    pieces = joined.split(theta)
    theta.zero_()
    assert not any(piece.any() for piece in pieces.values())


def test_a_batch_is_every_samples_exported_networks(joined):
    """Torch's own modules are the oracle: a GRU, a linear layer and a perceptron, gradients of θ included."""
    theta = different(joined).requires_grad_()
    sequences, points = torch.randn(SAMPLES, 4, 3), torch.randn(SAMPLES, 7, 6)
    outputs = joined({"unit": sequences, "head": points, "deep": points}, theta)
    for sample in range(SAMPLES):
        networks = joined.export(theta[sample].detach())
        assert isinstance(networks["unit"], nn.GRU)
        assert isinstance(networks["head"], nn.Linear)
        torch.testing.assert_close(outputs["unit"][sample], networks["unit"](sequences[sample][None])[0][0])
        for name in ("head", "deep"):
            torch.testing.assert_close(outputs[name][sample], networks[name](points[sample]))
    total = sum(output.square().sum() for output in outputs.values())
    (gradient,) = torch.autograd.grad(total, theta)
    assert all((gradient[:, part.span] != 0).any() for part in joined.parts)


def test_one_tensor_is_read_by_all_members():
    both = Joined({"a": GeneratedLinear(6, 2), "b": GeneratedLinear(6, 4)})
    theta, points = different(both), torch.randn(SAMPLES, 5, 6)
    outputs, named = both(points, theta), both({"a": points, "b": points}, theta)
    assert {name: output.shape[2] for name, output in outputs.items()} == {"a": 2, "b": 4}
    for name, output in outputs.items():
        torch.testing.assert_close(output, named[name], rtol=0, atol=0)


@pytest.mark.parametrize("rank", [None, {"unit.hidden": 2, "head.weight": 1}])
@pytest.mark.parametrize("share", [1.0, 0.2])
def test_heads_start_every_member_with_the_size_of_an_ordinary_one(joined, members, share, rank):
    """By statistics: mean squares of the outputs over draws, five standard errors and 3 %."""
    draws, networks = 300, 4
    inputs = {"unit": torch.randn(networks, 5, 3), "head": torch.randn(networks, 5, 6)}
    inputs["deep"] = inputs["head"]
    ours, direct = ({name: [] for name in members} for _ in range(2))
    with torch.no_grad():
        for _ in range(draws):
            features = torch.randint(0, 2, (networks, 24)) * 2.0 - 1
            heads = WeightHeads(24, joined, generated_share=share, rank=rank)
            for name, output in joined(inputs, heads(features)).items():
                ours[name].append(output.square().mean())
            for name, member in members.items():
                theta = torch.stack([member.ordinary() for _ in range(networks)])
                direct[name].append(member(inputs[name], theta).square().mean())
    for name in members:
        mine, theirs = torch.stack(ours[name]), torch.stack(direct[name])
        error = ((mine.var() + theirs.var()) / draws).sqrt()
        assert 5 * error < 0.9 * theirs.mean(), "too few draws to tell a factor of two"
        assert abs(mine.mean() - theirs.mean()) < 5 * error + 0.03 * theirs.mean(), name


def test_ordinary_starts_are_those_of_the_members(joined, members):
    """torch starts a unit of 6 entries in ±1/√6, a linear layer of 6 inputs too: no draw beyond, some near."""
    draws = torch.stack([joined.ordinary() for _ in range(50)])
    for name in ("unit", "head"):
        largest = joined.split(draws)[name].abs().max()
        assert 0.95 * 6**-0.5 < largest <= 6**-0.5
    assert not torch.equal(draws[0], draws[1])


def test_what_does_not_fit_is_refused(joined):
    count = joined.parameter_count
    with pytest.raises(ValueError, match=rf"\[B, {count}\].*\[2, {count + 1}\]"):
        joined.split(torch.zeros(2, count + 1))
    with pytest.raises(ValueError, match=rf"\[{count}\].*\[1, {count}\]"):
        joined.export(torch.zeros(1, count))
    with pytest.raises(ValueError, match="one member or more"):
        Joined({})
    with pytest.raises(KeyError, match="head"):
        joined({"unit": torch.zeros(2, 1, 3)}, torch.zeros(2, count))
