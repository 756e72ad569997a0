"""What every generated module keeps: one suite for all of them, and for the heads over each."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from hypernet.layers import (
    DynamicConv2d,
    FunctionalMLP,
    Generated,
    GeneratedFeatureMap,
    GeneratedGRU,
    GeneratedLinear,
    GeneratedModule,
    SeparableDynamicConv2d,
    WeightHeads,
    colour_transform,
)


def small_cnn() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 3, 3), nn.GroupNorm(1, 3), nn.Tanh(), nn.Flatten(), nn.Linear(3 * 16, 2))


@dataclass(frozen=True)
class Case:
    """A module, the shape of one sample's inputs, and how its exported network is run on them."""

    module: GeneratedModule
    shape: tuple[int, ...]

    def alone(self, network: nn.Module, inputs: Tensor) -> Tensor:
        """The exported network on one sample's inputs, without the batch."""
        if isinstance(self.module, GeneratedGRU):
            states: Tensor = network(inputs[None])[0][0]
            return states
        if isinstance(self.module, SeparableDynamicConv2d):
            moved: Tensor = network(inputs[None, None])[0, 0]
            return moved
        if isinstance(self.module, DynamicConv2d):
            filtered: Tensor = network(inputs[None])[0]
            return filtered
        result: Tensor = network(inputs)
        return result


def cases() -> dict[str, Case]:
    torch.manual_seed(0)
    return {
        "linear": Case(GeneratedLinear(5, 4), (7, 5)),
        "linear without bias": Case(GeneratedLinear(5, 4, bias=False), (7, 5)),
        "mlp": Case(FunctionalMLP((6, 16, 16, 3), nn.ReLU()), (5, 6)),
        "mlp with gains, no bias": Case(FunctionalMLP((6, 16, 3), nn.ELU(), bias=False, gain=True), (5, 6)),
        "mlp with tanh at its end": Case(FunctionalMLP((6, 12, 6), nn.Tanh(), output_activation=nn.Tanh()), (5, 6)),
        "gru": Case(GeneratedGRU(5, 8), (6, 5)),
        "convolution": Case(DynamicConv2d(3, 4, (3, 5), padding=(1, 2), bias=True), (3, 9, 11)),
        "separable convolution": Case(SeparableDynamicConv2d(3, 4), (9, 10)),
        "displacement filters": Case(SeparableDynamicConv2d(3, 4, normalise=True), (9, 10)),
        "colours": Case(colour_transform(), (20, 3)),
        "cubic colours": Case(colour_transform("cubic"), (20, 3)),
        "any module": Case(Generated(small_cnn()), (4, 1, 6, 6)),
    }  # fmt: skip


CASES = cases()
every_module = pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
SAMPLES = 3


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def different(module: GeneratedModule, samples: int = SAMPLES) -> Tensor:
    """θ of networks that differ, [B, N]."""
    return torch.stack([module.ordinary() + 0.1 * torch.randn(module.parameter_count) for _ in range(samples)])


@every_module
def test_it_owns_no_parameters(case):
    assert list(case.module.parameters()) == []


@every_module
def test_the_parts_cover_theta_once_in_order(case):
    module, covered = case.module, torch.zeros(case.module.parameter_count)
    end = 0
    for part in module.parts:
        assert part.span.start == end
        end = part.span.stop
        covered[part.span] += 1
        assert (part.fan_in > 0) == (part.role == "weight")
    assert (covered == 1).all()
    assert len({part.name for part in module.parts}) == len(module.parts)


@every_module
def test_a_batch_is_every_samples_exported_network(case):
    module = case.module.double()
    theta = different(module).double().requires_grad_()
    inputs = torch.rand(SAMPLES, *case.shape, dtype=torch.float64, requires_grad=True)
    outputs = module(inputs, theta)
    alone = torch.stack(
        [case.alone(module.export(row.detach()), sample) for row, sample in zip(theta, inputs, strict=True)]
    )
    torch.testing.assert_close(outputs, alone, rtol=1e-10, atol=1e-12)
    cotangent = torch.randn_like(outputs)
    ours = torch.autograd.grad(outputs, inputs, cotangent, retain_graph=True)[0]
    theirs = torch.autograd.grad(alone, inputs, cotangent)[0]
    torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-11)
    assert torch.isfinite(torch.autograd.grad(outputs, theta, cotangent)[0]).all()


@every_module
def test_gradients_of_theta_by_finite_differences(case):
    module = copy.deepcopy(case.module).double()
    theta = different(module, 2).double().requires_grad_()
    inputs = torch.rand(2, *case.shape, dtype=torch.float64)
    weights = torch.randn_like(module(inputs, theta))
    (gradient,) = torch.autograd.grad((module(inputs, theta) * weights).sum(), theta)
    with torch.no_grad():
        for _ in range(3):
            direction, step = torch.randn_like(theta), 1e-6
            ahead, behind = (module(inputs, theta + sign * step * direction) for sign in (1, -1))
            slope = ((ahead - behind) * weights).sum() / (2 * step)
            torch.testing.assert_close((gradient * direction).sum(), slope, rtol=2e-5, atol=1e-6)


@every_module
def test_an_exported_network_is_a_copy(case):
    theta = different(case.module.float(), 1)[0]
    network = case.module.export(theta)
    inputs = torch.rand(case.shape)
    before = case.alone(network, inputs)
    theta.zero_()
    torch.testing.assert_close(case.alone(network, inputs), before, rtol=0, atol=0)


@every_module
def test_wrong_shapes_are_refused_naming_both(case):
    count = case.module.parameter_count
    with pytest.raises(ValueError, match=rf"\[B, {count}\].*\[{SAMPLES}, {count + 1}\]"):
        case.module(torch.rand(SAMPLES, *case.shape), torch.zeros(SAMPLES, count + 1))
    with pytest.raises(ValueError, match=rf"\[{count}\].*\[1, {count}\]"):
        case.module.export(torch.zeros(1, count))


@every_module
@pytest.mark.parametrize("samples_last", [False, True])
def test_from_zero_all_samples_start_as_one_ordinary_network(case, samples_last):
    module = case.module.float()
    heads = WeightHeads(8, module, start="zero", samples_last=samples_last)
    features = torch.randn(SAMPLES, 8)
    theta = heads(features.T if samples_last else features)
    theta = theta.T if samples_last else theta
    assert (theta == theta[:1]).all()
    assert torch.isfinite(module(torch.rand(SAMPLES, *case.shape), theta.contiguous())).all()
    if isinstance(module, GeneratedFeatureMap):
        pixels = torch.rand(SAMPLES, *case.shape)
        torch.testing.assert_close(module(pixels, theta.contiguous()), pixels, rtol=0, atol=0)


@every_module
@pytest.mark.parametrize("start", ["hyperfan", "ordinary"])
def test_samples_last_is_the_same_network(case, start):
    heads = WeightHeads(8, case.module.float(), start=start)
    turned = WeightHeads(8, case.module, start=start, samples_last=True)
    turned.load_state_dict(heads.state_dict())
    features = torch.randn(SAMPLES, 8)
    torch.testing.assert_close(turned(features.T).T, heads(features))
    with pytest.raises(ValueError, match=r"\[8, B\].*\[3, 8\]"):
        turned(features)


@every_module
def test_chunks_are_the_whole(case):
    heads = WeightHeads(8, case.module.float())
    features = torch.randn(SAMPLES, 8)
    chunks = [heads.emit(features, chunk) for chunk in case.module.layout.chunks(7)]
    torch.testing.assert_close(torch.cat(chunks, dim=1), heads(features))


@every_module
def test_heads_learn_every_part(case):
    """One step down the gradient from `ordinary` lowers the loss, and reaches every part but logits' starts."""
    module = case.module.float()
    heads = WeightHeads(8, module, start="ordinary", generated_share=0.1)
    features, inputs = torch.randn(4, 8), torch.rand(4, *case.shape)
    target = torch.randn_like(module(inputs, heads(features)))
    loss = (module(inputs, heads(features)) - target).square().mean()
    loss.backward()
    for part in module.parts:
        assert (heads.weight.grad[part.span] != 0).any(), part
    with torch.no_grad():
        for parameter in heads.parameters():
            parameter -= 1e-3 * parameter.grad
        assert (module(inputs, heads(features)) - target).square().mean() < loss


def mean_squares(case: Case, theta: Tensor, inputs: Tensor) -> Tensor:
    """Mean square of every network's outputs, [B]."""
    with torch.no_grad():
        return case.module(inputs, theta).square().flatten(1).mean(dim=1)


STATISTICS = {name: case for name, case in CASES.items() if name not in ("colours", "cubic colours")}


@pytest.mark.parametrize("rank", [None, 2])
@pytest.mark.parametrize("share", [1.0, 0.2])
@pytest.mark.parametrize("case", STATISTICS.values(), ids=list(STATISTICS))
def test_outputs_start_with_the_variance_of_a_directly_initialised_module(case, share, rank):
    """By statistics: five standard errors over draws of the heads, and the ensemble can tell a factor of two.

    The colour transforms are left out: they start at the identity, not at random.
    """
    module, draws, networks = case.module.float(), 150, 6
    inputs = torch.randn(networks, *case.shape)
    ours, direct = [], []
    for _ in range(draws):
        features = 0.5 * (torch.randint(0, 2, (networks, 32)) * 2.0 - 1)
        heads = WeightHeads(32, module, feature_mean_square=0.25, generated_share=share, rank=rank)
        ours.append(mean_squares(case, heads(features).detach(), inputs).mean())
        direct.append(mean_squares(case, torch.stack([module.ordinary() for _ in range(networks)]), inputs).mean())
    ours, direct = torch.stack(ours), torch.stack(direct)
    error = (ours.var() / draws + direct.var() / draws).sqrt()
    assert 5 * error < 0.9 * direct.mean(), "the ensemble is too small to tell a factor of two"
    # Where weights multiply each other or pass a bounded function, equal variances do not make equal fourth moments:
    # 3 % beside the sampling error.
    assert abs(ours.mean() - direct.mean()) < 5 * error + 0.03 * direct.mean()


def test_a_wrong_start_would_be_seen():
    """The test of the test: twice the variance of every weight fails it."""
    case = CASES["convolution"]
    inputs = torch.randn(6, *case.shape)
    ours = torch.stack([
        mean_squares(case, WeightHeads(32, case.module, feature_mean_square=0.5)(torch.ones(6, 32)), inputs).mean()
        for _ in range(150)
    ])  # fmt: skip
    direct = torch.stack([
        mean_squares(case, torch.stack([case.module.ordinary() for _ in range(6)]), inputs).mean() for _ in range(150)
    ])  # fmt: skip
    error = (ours.var() / 150 + direct.var() / 150).sqrt()
    assert abs(ours.mean() - direct.mean()) > 5 * error + 0.03 * direct.mean()


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"start": "xavier"}, "start must be one of hyperfan, ordinary, zero, got 'xavier'"),
        ({"generated_share": 1.5}, r"generated_share must be in \[0, 1\]"),
        ({"feature_mean_square": 0.0}, "feature_mean_square must be positive"),
        ({"rank": {"1.bias": 1}}, "1.bias is no matrix of the network; there are 0.weight, 1.weight"),
        ({"rank": {"0.weight": 7}}, "rank of 0.weight must be from 1 to 6, got 7"),
        ({"rank": 0}, "rank must be positive"),
    ],
)
def test_impossible_options_are_refused(options: dict[str, Any], problem: str):
    with pytest.raises(ValueError, match=problem):
        WeightHeads(8, FunctionalMLP((6, 16, 3), nn.ReLU()), **options)
